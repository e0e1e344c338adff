/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and names of the packet algorithms, and which combinations exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/packet_cipher.h"

static void table(void **state)
{
    static const struct {
        struct packet_algorithms a;
        size_t key, integrity_key, iv, block, icv;
        const char *text;
    } rows[] = {
        {{PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96}, 8, 16, 8, 8, 12, "esp-des esp-md5-hmac"},
        {{PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_NONE}, 8, 0, 8, 8, 0, "esp-des"},
        {{PACKET_ENCRYPTION_3DES, 24, PACKET_INTEGRITY_SHA1_96}, 24, 20, 8, 8, 12, "esp-3des esp-sha-hmac"},
        {{PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96},
         16,
         20,
         16,
         16,
         12,
         "esp-aes esp-sha-hmac"},
        {{PACKET_ENCRYPTION_AES_CBC, 24, PACKET_INTEGRITY_SHA256_128},
         24,
         32,
         16,
         16,
         16,
         "esp-aes 192 esp-sha256-hmac"},
        {{PACKET_ENCRYPTION_AES_CBC, 32, PACKET_INTEGRITY_SHA384_192},
         32,
         48,
         16,
         16,
         24,
         "esp-aes 256 esp-sha384-hmac"},
        {{PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA512_256},
         0,
         64,
         0,
         4,
         32,
         "esp-null esp-sha512-hmac"},
        {{PACKET_ENCRYPTION_AES_GCM16, 16, 0}, 20, 0, 8, 4, 16, "esp-gcm"},
        {{PACKET_ENCRYPTION_AES_GCM16, 24, 0}, 28, 0, 8, 4, 16, "esp-gcm 192"},
        {{PACKET_ENCRYPTION_AES_GCM12, 32, 0}, 36, 0, 8, 4, 12, "esp-gcm12 256"},
        {{PACKET_ENCRYPTION_AES_GCM8, 16, 0}, 20, 0, 8, 4, 8, "esp-gcm8"},
        {{PACKET_ENCRYPTION_CHACHA20_POLY1305, 32, 0}, 36, 0, 8, 4, 16, "esp-chacha20-poly1305"},
    };
    char text[PACKET_ALGORITHMS_TEXT];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct packet_algorithms *a = &rows[i].a;

        assert_true(packet_algorithms_valid(a));
        assert_int_equal(packet_encryption_key_len(a), rows[i].key);
        assert_int_equal(packet_integrity_key_len(a), rows[i].integrity_key);
        assert_int_equal(packet_iv_len(a), rows[i].iv);
        assert_int_equal(packet_block(a), rows[i].block);
        assert_int_equal(packet_icv_len(a), rows[i].icv);
        assert_string_equal(packet_algorithms_print(a, text), rows[i].text);
        for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
            assert_int_equal(packet_algorithms_equal(a, &rows[k].a), i == k);
    }
    assert_string_equal(packet_integrity_name(PACKET_INTEGRITY_MD5_96, true), "ah-md5-hmac");
}

static void invalid(void **state)
{
    static const struct packet_algorithms rows[] = {
        {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_NONE},
        {PACKET_ENCRYPTION_NULL, 8, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_DES, 0, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_DES, 16, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_3DES, 16, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_AES_CBC, 8, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_AES_CBC, 17, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_AES_CBC, 40, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_COUNT},
        {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_SHA1_96},
        {PACKET_ENCRYPTION_AES_GCM8, 20, 0},
        {PACKET_ENCRYPTION_CHACHA20_POLY1305, 16, 0},
        {PACKET_ENCRYPTION_CHACHA20_POLY1305, 32, PACKET_INTEGRITY_MD5_96},
        {PACKET_ENCRYPTION_COUNT, 16, PACKET_INTEGRITY_SHA1_96},
        {255, 255, 255},
    };
    char text[PACKET_ALGORITHMS_TEXT];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_false(packet_algorithms_valid(&rows[i]));
        packet_algorithms_print(&rows[i], text); /* whatever it is, it prints */
    }
    assert_string_equal(packet_algorithms_print(&rows[ARRAY_SIZE(rows) - 1], text), "? ?");
    assert_int_equal(packet_icv_len(&rows[ARRAY_SIZE(rows) - 1]), 0);
    assert_false(packet_encryption_aead(200));
    assert_true(packet_encryption_aead(PACKET_ENCRYPTION_CHACHA20_POLY1305));
    assert_false(packet_encryption_aead(PACKET_ENCRYPTION_AES_CBC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(invalid)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
