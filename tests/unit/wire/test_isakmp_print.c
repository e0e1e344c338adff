/* SPDX-License-Identifier: Apache-2.0 */
/* What `debug crypto isakmp` shows of a message, and what it must never show. */
#include "test.h"
#include "wire/isakmp.h"

static size_t print(const char *name, char *out, size_t size)
{
    struct bytes datagram = vector_load(name);
    static struct isakmp_message m;
    struct isakmp_header h;
    assert_int_equal(isakmp_header_parse(datagram, &h), ISAKMP_OK);
    struct bytes body = bytes_of(datagram.data + ISAKMP_HEADER, datagram.len - ISAKMP_HEADER);
    assert_int_equal(isakmp_body_parse(&h, body, &m), ISAKMP_OK);
    size_t len = isakmp_print(&m, out, size);
    vector_free(datagram);
    return len;
}

static void test_golden(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"isakmp/mm1",
         "main mode message ID 0x00000000 cookies 0102030405060708/0000000000000000 length 84\n"
         "  SA\n"
         "    proposal 1 ISAKMP\n"
         "      transform 1 KEY_IKE: encryption DES-CBC, hash MD5, group 1 (768 bit), auth pre-share, life "
         "type seconds, life duration 86400\n"},
        {"isakmp/mm3",
         "main mode message ID 0x00000000 cookies 0102030405060708/1112131415161718 length 192\n"
         "  KE 96 bytes\n"
         "  NONCE 20 bytes\n"
         "  NAT-D 16 bytes\n"
         "  NAT-D 16 bytes\n"},
        {"isakmp/qm1_plain",
         "quick mode message ID 0xa1b2c3d4 cookies 0102030405060708/1112131415161718 encrypted length 164\n"
         "  HASH 16 bytes\n"
         "  SA\n"
         "    proposal 1 ESP SPI 0x0dc4ec61\n"
         "      transform 1 ESP_DES: encaps Tunnel, SA life type seconds, SA life duration 3600, SA life "
         "type "
         "kilobytes, SA life duration 4608000, authenticator HMAC-MD5\n"
         "  NONCE 20 bytes\n"
         "  ID IPV4_ADDR_SUBNET 10.0.64.0/24 protocol 0 port 0\n"
         "  ID IPV4_ADDR_SUBNET 10.0.0.0/8 protocol 0 port 0\n"},
        {"isakmp/dpd_plain",
         "informational message ID 0x01020304 cookies 0102030405060708/1112131415161718 encrypted length 84\n"
         "  HASH 16 bytes\n"
         "  NOTIFY R-U-THERE (36136) protocol ISAKMP SPI 0x01020304050607081112131415161718 data 11223344\n"},
        {"isakmp/delete_plain", "informational message ID 0x33330003 cookies "
                                "0102030405060708/1112131415161718 encrypted length 100\n"
                                "  HASH 16 bytes\n"
                                "  DELETE protocol ESP SPI 0x0dc4ec61 SPI 0x18711a91\n"
                                "  DELETE protocol ISAKMP SPI 0x01020304050607081112131415161718\n"},
        {"isakmp/xauth_reply_plain",
         "transaction message ID 0x11110001 cookies 0102030405060708/1112131415161718 encrypted length 84\n"
         "  HASH 20 bytes\n"
         "  ATTRIBUTE REPLY identifier 23: XAUTH_USER_NAME(16521, 5 bytes) XAUTH_USER_PASSWORD(16522, 6 "
         "bytes)\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char out[2000], part[2000];
        size_t len = print(cases[i].name, out, sizeof(out));
        assert_string_equal(out, cases[i].text);
        assert_int_equal(len, strlen(out));
        /* Cut off at any size, it is the beginning of the same text. */
        for (size_t size = 1; size <= len; size++) {
            memset(part, '!', sizeof(part));
            assert_int_equal(print(cases[i].name, part, size), size - 1);
            assert_memory_equal(part, out, size - 1);
            assert_true(part[size - 1] == '\0' && part[size] == '!');
        }
        assert_int_equal(print(cases[i].name, NULL, 0), 0);
    }
}

/* Nothing of keys, hashes, nonces or passwords in any printed vector. */
static void test_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *name, *forbidden;
    } cases[] = {
        {"isakmp/mm3", "c0daa2"},
        {"isakmp/mm3", "202122"},
        {"isakmp/mm5_plain", "4288c4"},
        {"isakmp/qm1_plain", "606162"},
        {"isakmp/qm1_plain", "1c6a61"},
        {"isakmp/xauth_reply_plain", "secret"},
        {"isakmp/xauth_reply_plain", "73656372"},
        {"isakmp/am1_remote_access", "000102"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char out[16384];
        assert_true(print(cases[i].name, out, sizeof(out)) > 100);
        assert_null(strstr(out, cases[i].forbidden));
    }
}

/* A peer's name cannot write control characters to a terminal. */
static void test_control_characters(void **state)
{
    (void)state;
    uint8_t buffer[200];
    char out[1000];
    static struct isakmp_message m;
    struct isakmp_header h = {.initiator_cookie = {1}, .version = 0x10, .exchange = 4};
    struct isakmp_id id = {.type = ISAKMP_ID_KEY_ID, .data = bytes_of("a\x1b[2J\n\xff%sz", 10)};
    struct isakmp_writer w;
    isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
    isakmp_write_id(&w, &id);
    isakmp_write_payload(&w, 250, bytes_of("x", 1));
    assert_int_equal(isakmp_message_parse(isakmp_writer_finish(&w), &m), ISAKMP_OK);
    isakmp_print(&m, out, sizeof(out));
    assert_non_null(strstr(out, "  ID KEY_ID a.[2J..%sz protocol 0 port 0\n"));
    assert_non_null(strstr(out, "  unknown type 250 1 bytes\n"));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(isakmp_notify_name(14), "NO-PROPOSAL-CHOSEN");
    assert_string_equal(isakmp_notify_name(36137), "R-U-THERE-ACK");
    assert_string_equal(isakmp_notify_name(0), "unknown");
    assert_string_equal(isakmp_notify_name(70000), "unknown");
    assert_string_equal(isakmp_exchange_name(32), "quick mode");
    assert_string_equal(isakmp_payload_name(132), "FRAGMENT");
    assert_string_equal(isakmp_authentication_name(65001), "XAUTHInitPreShared");
    assert_string_equal(isakmp_esp_transform_name(20), "ESP_AES_GCM_16");
    assert_string_equal(isakmp_delete_reason_name(6), "in flames");
    assert_string_equal(isakmp_configuration_attribute_name(28676), "SPLIT_INCLUDE");
    char out[100];
    assert_int_equal(isakmp_attributes_print(bytes_of("\x80\x01\0\x07\x80\x0e\x01", 7), 1, out, sizeof(out)),
                     strlen("encryption AES-CBC, malformed"));
    assert_string_equal(out, "encryption AES-CBC, malformed");
    isakmp_attributes_print(bytes_of("\xc0\x01\0\x07\x80\x03\0\x02", 8), 2, out, sizeof(out));
    assert_string_equal(out, "unknown attribute 16385 7, group 2 (1024 bit)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
