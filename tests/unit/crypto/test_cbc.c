/* SPDX-License-Identifier: Apache-2.0 */
/* The cipher of IKE messages: published answers, chaining of the IV, bad input. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/cbc.h"
#include "crypto/crypto.h"
#include "vectors.h"

static enum cbc_algorithm cbc_named(const char *name)
{
    for (int c = CBC_NONE; c <= CBC_AES; c++)
        if (strcmp(cbc_name(c), name) == 0)
            return c;
    fail_msg("no cipher %s", name);
    return CBC_NONE;
}

static void known_check(const struct vector *v)
{
    uint8_t key[32], iv[16], iv_before[16], plain[256], cipher[256], data[256];
    enum cbc_algorithm a = cbc_named(vector_text(v, "cipher"));
    struct bytes k = vector_hex(v, "key", key, sizeof(key));
    struct bytes i = vector_hex(v, "iv", iv_before, sizeof(iv_before));
    struct bytes p = vector_hex(v, "plain", plain, sizeof(plain));
    struct bytes c = vector_hex(v, "cipher_text", cipher, sizeof(cipher));
    size_t block = cbc_block_size(a);

    assert_int_equal(i.len, block);
    memcpy(data, p.data, p.len);
    memcpy(iv, i.data, block);
    assert_int_equal(cbc_encrypt(a, k, iv, data, p.len), 0);
    assert_memory_equal(data, c.data, c.len);
    assert_memory_equal(iv, c.data + c.len - block, block);
    memcpy(iv, i.data, block);
    assert_int_equal(cbc_decrypt(a, k, iv, data, p.len), 0);
    assert_memory_equal(data, p.data, p.len);
    assert_memory_equal(iv, c.data + c.len - block, block);
}

static void known(void **state)
{
    FILE *f = vectors_open("cbc.txt");
    struct vector v;
    size_t n = 0;

    (void)state;
    for (; vector_next(f, &v); n++)
        known_check(&v);
    fclose(f);
    assert_int_equal(n, 6);
}

/* A message in two pieces is the message in one, since the IV goes on. */
static void chains(void **state)
{
    static const struct {
        enum cbc_algorithm algorithm;
        size_t key_len;
    } table[] = {{CBC_DES, 8}, {CBC_3DES, 24}, {CBC_AES, 16}, {CBC_AES, 24}, {CBC_AES, 32}};
    uint8_t key[32], iv[16], whole[96], pieces[96], original[96];

    (void)state;
    for (size_t i = 0; i < 96; i++)
        original[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < 32; i++)
        key[i] = (uint8_t)(i * 13 + 1);
    for (size_t t = 0; t < ARRAY_SIZE(table); t++) {
        struct bytes k = bytes_of(key, table[t].key_len);

        memcpy(whole, original, 96);
        memcpy(pieces, original, 96);
        memset(iv, 3, sizeof(iv));
        assert_int_equal(cbc_encrypt(table[t].algorithm, k, iv, whole, 96), 0);
        memset(iv, 3, sizeof(iv));
        assert_int_equal(cbc_encrypt(table[t].algorithm, k, iv, pieces, 32), 0);
        assert_int_equal(cbc_encrypt(table[t].algorithm, k, iv, pieces + 32, 64), 0);
        assert_memory_equal(whole, pieces, 96);
        memset(iv, 3, sizeof(iv));
        assert_int_equal(cbc_decrypt(table[t].algorithm, k, iv, pieces, 48), 0);
        assert_int_equal(cbc_decrypt(table[t].algorithm, k, iv, pieces + 48, 48), 0);
        assert_memory_equal(pieces, original, 96);
    }
}

static void bad_arguments(void **state)
{
    static const struct {
        int algorithm;
        size_t key_len, len;
    } table[] = {
        {CBC_NONE, 0, 16}, {CBC_DES, 7, 16},  {CBC_DES, 16, 16},
        {CBC_DES, 8, 0},   {CBC_DES, 8, 12},  {CBC_3DES, 8, 8},
        {CBC_3DES, 23, 8}, {CBC_AES, 0, 16},  {CBC_AES, 8, 16},
        {CBC_AES, 17, 16}, {CBC_AES, 32, 8},  {CBC_AES, 32, 17},
        {CBC_AES, 40, 16}, {CBC_AES, 16, 0},  {99, 16, 16},
        {-1, 16, 16},      {CBC_3DES, 24, 1}, {CBC_AES, 16, (size_t)1 << 31},
    };
    uint8_t key[64] = {0}, iv[16] = {0}, data[32] = {0}, zero[32] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct bytes k = bytes_of(key, table[i].key_len);

        assert_int_equal(cbc_encrypt(table[i].algorithm, k, iv, data, table[i].len), -EINVAL);
        assert_int_equal(cbc_decrypt(table[i].algorithm, k, iv, data, table[i].len), -EINVAL);
        assert_memory_equal(data, zero, 32);
        assert_memory_equal(iv, zero, 16);
    }
    assert_string_equal(cbc_name(99), "?");
    assert_int_equal(cbc_block_size(99), 0);
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
        cmocka_unit_test(known),
        cmocka_unit_test(chains),
        cmocka_unit_test(bad_arguments),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
