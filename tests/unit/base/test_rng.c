/* SPDX-License-Identifier: Apache-2.0 */
/* The generator: the block function against RFC 8439 §2.3.2, key erasure, and that nothing depends on how
 * much is asked for at a time. */
#include "base/rng.h"
#include "test.h"

static void test_block(void **state)
{
    (void)state;
    uint8_t key[32], out[64], want[64];
    const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    chacha20_block(key, 1, nonce, out);
    assert_int_equal(bytes_from_hex("10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
                                    "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
                                    want, 64),
                     64);
    assert_memory_equal(out, want, 64);
    /* Another counter and another nonce give something else. */
    chacha20_block(key, 2, nonce, want);
    assert_memory_not_equal(out, want, 64);
}

/* The first output is the key stream behind the 32 bytes that became the next key. */
static void test_erasure(void **state)
{
    (void)state;
    static const uint8_t nonce[12];
    uint8_t seed[32] = {1, 2, 3}, stream[512], out[480], again[480];
    struct rng r;
    for (uint32_t i = 0; i < 8; i++)
        chacha20_block(seed, i, nonce, stream + 64 * i);
    rng_init(&r, seed);
    rng_fill(&r, out, sizeof(out));
    assert_memory_equal(out, stream + 32, 480);
    assert_memory_equal(r.key, stream, 32);
    /* What was given out is no longer in the state. */
    for (size_t i = 0; i < sizeof(r.block); i++)
        assert_int_equal(r.block[i], 0);
    rng_fill(&r, again, sizeof(again));
    assert_memory_not_equal(out, again, 480);
    rng_wipe(&r);
    static const struct rng zero;
    assert_memory_equal(&r, &zero, sizeof(r));
}

static void test_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 3, 7, 64, 479, 480, 481, 2000};
    uint8_t whole[2000], out[2000];
    struct rng r;
    rng_init_number(&r, 42);
    rng_fill(&r, whole, sizeof(whole));
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        rng_init_number(&r, 42);
        for (size_t at = 0; at < sizeof(out); at += pieces[i])
            rng_fill(&r, out + at, MIN(pieces[i], sizeof(out) - at));
        assert_memory_equal(out, whole, sizeof(out));
    }
    rng_init_number(&r, 43);
    rng_fill(&r, out, sizeof(out));
    assert_memory_not_equal(out, whole, 32);
    rng_fill(&r, out, 0);
}

static void test_below(void **state)
{
    (void)state;
    static const uint32_t bounds[] = {1, 2, 3, 7, 1000, 0x80000001, UINT32_MAX};
    struct rng r;
    rng_init_number(&r, 7);
    for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
        for (int n = 0; n < 500; n++)
            assert_true(rng_below(&r, bounds[i]) < bounds[i]);
    /* Every value of a small range about as often. */
    unsigned seen[7] = {0};
    for (int n = 0; n < 7000; n++)
        seen[rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200);
    assert_true(rng_u64(&r) != rng_u64(&r));
    assert_true(rng_u32(&r) != rng_u32(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_erasure),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
