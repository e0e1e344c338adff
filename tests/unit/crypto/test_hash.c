/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes and HMAC against published answers, in every split into parts, and from many threads. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "vectors.h"

static enum hash_algorithm hash_named(const char *name)
{
    for (int h = HASH_NONE; h <= HASH_SHA512; h++)
        if (strcmp(hash_name(h), name) == 0)
            return h;
    fail_msg("no hash %s", name);
    return HASH_NONE;
}

static void hash_known(void **state)
{
    /* "abc": RFC 1321 App A.5, FIPS 180-4 examples. */
    static const struct {
        enum hash_algorithm algorithm;
        const char *hash;
    } table[] = {
        {HASH_MD5, "900150983cd24fb0d6963f7d28e17f72"},
        {HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {HASH_SHA384,
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825"
         "a7"},
        {HASH_SHA512,
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feeb"
         "bd454d4423643ce80e2a9ac94fa54ca49f"},
    };
    const struct bytes splits[][3] = {
        {{(const uint8_t *)"abc", 3}, {NULL, 0}, {NULL, 0}},
        {{NULL, 0}, {(const uint8_t *)"a", 1}, {(const uint8_t *)"bc", 2}},
        {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"", 0}, {(const uint8_t *)"c", 1}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        for (size_t s = 0; s < ARRAY_SIZE(splits); s++) {
            uint8_t out[HASH_MAX];
            char hex[2 * HASH_MAX + 1];

            assert_int_equal(hash_compute(table[i].algorithm, splits[s], 3, out), 0);
            assert_string_equal(bytes_to_hex(bytes_of(out, hash_size(table[i].algorithm)), hex),
                                table[i].hash);
        }
}

static void hmac_check(const struct vector *v)
{
    uint8_t key[256], data[256], mac[HASH_MAX], out[HASH_MAX];
    enum hash_algorithm h = hash_named(vector_text(v, "hash"));
    struct bytes k = vector_hex(v, "key", key, sizeof(key));
    struct bytes d = vector_hex(v, "data", data, sizeof(data));
    struct bytes m = vector_hex(v, "mac", mac, sizeof(mac));

    assert_int_equal(m.len, hash_size(h));
    for (size_t cut = 0; cut <= d.len; cut++) {
        struct bytes parts[] = {{d.data, cut}, {d.data + cut, d.len - cut}};

        assert_int_equal(hmac_compute(h, k, parts, 2, out), 0);
        assert_memory_equal(out, m.data, m.len);
    }
}

static void hmac_known(void **state)
{
    FILE *f = vectors_open("prf.txt");
    struct vector v;
    size_t n = 0;

    (void)state;
    for (; vector_next(f, &v); n++)
        hmac_check(&v);
    fclose(f);
    assert_int_equal(n, 13);
}

/* RFC 2409 App B writes K2 = prf(key, K1) over itself. */
static void hmac_in_place(void **state)
{
    uint8_t key[20], k[60];
    struct bytes part;
    char hex[49];

    (void)state;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    k[0] = 0;
    part = bytes_of(k, 1);
    assert_int_equal(hmac_compute(HASH_SHA1, bytes_of(key, 20), &part, 1, k), 0);
    part = bytes_of(k, 20);
    assert_int_equal(hmac_compute(HASH_SHA1, bytes_of(key, 20), &part, 1, k + 20), 0);
    assert_string_equal(bytes_to_hex(bytes_of(k, 24), hex),
                        "1e5fd6a5cbc98bd4c1fe20d5e5fb2ed1df330c93a33c043c");
}

static void bad_arguments(void **state)
{
    static const int unknown[] = {HASH_NONE, HASH_SHA512 + 1, 1000};
    uint8_t out[HASH_MAX], before[HASH_MAX];

    (void)state;
    memset(out, 0x5a, sizeof(out));
    memcpy(before, out, sizeof(out));
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        assert_int_equal(hash_compute(unknown[i], NULL, 0, out), -EINVAL);
        assert_int_equal(hmac_compute(unknown[i], bytes_of("k", 1), NULL, 0, out), -EINVAL);
        assert_int_equal(hash_size(unknown[i]), 0);
        assert_memory_equal(out, before, sizeof(out));
    }
    assert_string_equal(hash_name(1000), "?");
    assert_int_equal(hmac_compute(HASH_MD5, bytes_of(NULL, 0), NULL, 0, out), 0); /* an empty key is a key */
}

static void *hash_in_thread(void *p)
{
    uint8_t first[HASH_MAX], out[HASH_MAX];
    struct bytes part = bytes_of(p, 3);

    for (int i = 0; i < 500; i++) {
        enum hash_algorithm h = HASH_MD5 + i % 5;

        if (hmac_compute(h, part, &part, 1, out) != 0)
            return "failed";
        if (i < 5)
            continue;
        if (hmac_compute(h, part, &part, 1, first) != 0 || memcmp(first, out, hash_size(h)) != 0)
            return "differs";
    }
    return NULL;
}

static void threads(void **state)
{
    static char data[4][4] = {"aaa", "bbb", "ccc", "ddd"};
    pthread_t t[4];
    void *result;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, hash_in_thread, data[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], &result), 0);
        assert_null(result);
    }
}

static void init_twice(void **state)
{
    uint8_t out[HASH_MAX];

    (void)state;
    assert_int_equal(crypto_init(), 0);
    assert_int_equal(crypto_init(), 0);
    crypto_done();
    crypto_done();
    assert_int_equal(crypto_init(), 0);
    assert_int_equal(hash_compute(HASH_SHA1, NULL, 0, out), 0);
}

static int set_up(void **state)
{
    (void)state;
    return crypto_init();
}

static int tear_down(void **state)
{
    (void)state;
    crypto_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_known),    cmocka_unit_test(hmac_known), cmocka_unit_test(hmac_in_place),
        cmocka_unit_test(bad_arguments), cmocka_unit_test(threads),    cmocka_unit_test(init_twice),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
