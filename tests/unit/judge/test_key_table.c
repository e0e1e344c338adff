/* SPDX-License-Identifier: Apache-2.0 */
/* Wireshark's esp_sa tables: lines of holdfastd and of strongSwan, the same SA twice, one key for two SAs,
 * and lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "judge/key_table.h"

#define GCM_KEY "0x000102030405060708090a0b0c0d0e0f10111213"
#define GCM_LINE                                                                                         \
    "\"IPv4\",\"9.1.1.1\",\"9.1.1.2\",\"0x00001234\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"" GCM_KEY \
    "\",\"NULL\",\"\"\n"
#define CBC_LINE                                                             \
    "\"IPv4\",\"9.1.1.2\",\"9.1.1.1\",\"0x00001235\",\"AES-CBC [RFC3602]\"," \
    "\"0x000102030405060708090a0b0c0d0e0f\",\"HMAC-SHA-1-96 [RFC2404]\","    \
    "\"0x000102030405060708090a0b0c0d0e0f10111213\"\n"

static int table_read(struct key_table *t, const char *text, unsigned *ret_line)
{
    FILE *f = fmemopen((char *)text, strlen(text), "r");
    assert_non_null(f);
    int rc = key_table_read(t, f, ret_line);
    fclose(f);
    return rc;
}

static void test_lines(void **state)
{
    struct key_table t;
    struct address there = address_v4(0x09010102), elsewhere = address_v4(0x09010109);
    unsigned line;
    (void)state;
    assert_int_equal(key_table_init(&t), 0);
    assert_int_equal(table_read(&t, "# a comment\n" GCM_LINE CBC_LINE GCM_LINE, &line), 0);
    assert_int_equal(table_read(&t, CBC_LINE, &line), 0);
    assert_int_equal(t.sa_count, 2);
    assert_int_equal(t.key_count, 2);
    struct key_sa *sa = key_table_find(&t, 0x1234, &there, NULL);
    assert_non_null(sa);
    assert_int_equal(sa->algorithms.encryption, PACKET_ENCRYPTION_AES_GCM16);
    assert_int_equal(sa->algorithms.key_bytes, 16);
    assert_null(key_table_find(&t, 0x1234, &there, sa));
    assert_ptr_equal(key_table_find(&t, 0x1234, &elsewhere, NULL), sa); /* a NAT on the way */
    assert_null(key_table_find(&t, 0x1236, &there, NULL));
    sa = key_table_find(&t, 0x1235, &there, NULL);
    assert_int_equal(sa->algorithms.integrity, PACKET_INTEGRITY_SHA1_96);
    key_table_done(&t);
}

/* Two SAs with one SPI are both found, that of the destination first; one key has one number. */
static void test_shared(void **state)
{
    struct key_table t;
    struct address first = address_v4(0x09010102), second = address_v4(0x09010103);
    unsigned line;
    (void)state;
    assert_int_equal(key_table_init(&t), 0);
    assert_int_equal(table_read(&t,
                                GCM_LINE "\"IPv4\",\"9.1.1.1\",\"9.1.1.3\",\"0x1234\",\"AES-GCM "
                                         "[RFC4106]\",\"" GCM_KEY
                                         "\",\"ANY 128 bit authentication [no checking]\",\"\"\n",
                                &line),
                     0);
    struct key_sa *a = key_table_find(&t, 0x1234, &first, NULL),
                  *b = key_table_find(&t, 0x1234, &second, NULL);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(key_table_find(&t, 0x1234, &first, a), b);
    assert_ptr_equal(key_table_find(&t, 0x1234, &second, b), a);
    assert_null(key_table_find(&t, 0x1234, &first, b));
    assert_int_equal(a->key, b->key);
    assert_int_equal(t.key_count, 1);
    key_table_done(&t);
}

static const struct {
    const char *name, *text;
    int rc;
    unsigned line, refused;
} bad[] = {
    {"no table", "hello\n", -EBADMSG, 1, 0},
    {"seven fields", GCM_LINE "\"IPv4\",\"\",\"9.1.1.2\",\"1\",\"NULL\",\"\",\"NULL\"\n", -EBADMSG, 2, 0},
    {"nine fields", "\"IPv4\",\"\",\"9.1.1.2\",\"1\",\"NULL\",\"\",\"NULL\",\"\",\"\"\n", -EBADMSG, 1, 0},
    {"no address", "\"IPv4\",\"\",\"*\",\"1\",\"NULL\",\"\",\"NULL\",\"\"\n", -EBADMSG, 1, 0},
    {"no SPI", "\"IPv4\",\"\",\"9.1.1.2\",\"x\",\"NULL\",\"\",\"NULL\",\"\"\n", -EBADMSG, 1, 0},
    {"no hex", "\"IPv4\",\"\",\"9.1.1.2\",\"1\",\"DES-CBC [RFC2405]\",\"0xzz\",\"NULL\",\"\"\n", -EBADMSG, 1,
     0},
    {"a key that is too long",
     "\"IPv4\",\"\",\"9.1.1.2\",\"1\",\"AES-CBC [RFC3602]\",\"0x"
     "00000000000000000000000000000000000000000000000000000000000000000000000000\",\"NULL\",\"\"\n",
     -EBADMSG, 1, 0},
    {"a key that is too short",
     "\"IPv4\",\"\",\"9.1.1.2\",\"1\",\"AES-CBC [RFC3602]\",\"0x0011\",\"NULL\",\"\"\n", 0, 2, 1},
    {"an unknown cipher", "\"IPv4\",\"\",\"9.1.1.2\",\"1\",\"TWOFISH-CBC\",\"0x0011\",\"NULL\",\"\"\n", 0, 2,
     1},
    {"a hash without its key",
     "\"IPv4\",\"\",\"9.1.1.2\",\"1\",\"NULL\",\"\",\"HMAC-SHA-1-96 [RFC2404]\",\"\"\n", 0, 2, 1},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct key_table t;
        unsigned line;
        assert_int_equal(key_table_init(&t), 0);
        int rc = table_read(&t, bad[i].text, &line);
        if (rc != bad[i].rc || (rc < 0 && line != bad[i].line) || t.refused != bad[i].refused)
            fail_msg("%s: %d, line %u, refused %u", bad[i].name, rc, line, t.refused);
        key_table_done(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
