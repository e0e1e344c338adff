/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of IKEv1 messages: the vectors come out byte for byte when written from their fields, and a buffer
 * that is too small never leaves half a message. */
#include "test.h"
#include "wire/isakmp.h"

static uint8_t buffer[4096];

static struct isakmp_header header(uint8_t exchange, uint8_t flags, uint32_t message_id)
{
    return (struct isakmp_header){
        .initiator_cookie = {1, 2, 3, 4, 5, 6, 7, 8},
        .responder_cookie = {17, 18, 19, 20, 21, 22, 23, 24},
        .version = ISAKMP_VERSION_1,
        .exchange = exchange,
        .flags = flags,
        .message_id = message_id,
    };
}

static void assert_vector(struct bytes message, const char *name)
{
    struct bytes want = vector_load(name);
    assert_int_equal(message.len, want.len);
    assert_memory_equal(message.data, want.data, want.len);
    vector_free(want);
}

static struct bytes mm1_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_MAIN, 0, 0);
    struct isakmp_writer w;
    memset(h.responder_cookie, 0, ISAKMP_COOKIE);
    isakmp_writer_init(&w, buffer, size, &h);
    isakmp_begin_sa(&w);
    isakmp_begin_proposal(&w, 1, ISAKMP_PROTOCOL_ISAKMP, bytes_of(NULL, 0));
    isakmp_begin_transform(&w, 1, ISAKMP_TRANSFORM_KEY_IKE);
    isakmp_write_basic(&w, ISAKMP_IKE_ENCRYPTION, ISAKMP_ENCRYPTION_DES);
    isakmp_write_basic(&w, ISAKMP_IKE_HASH, ISAKMP_HASH_MD5);
    isakmp_write_basic(&w, ISAKMP_IKE_GROUP, ISAKMP_GROUP_MODP_768);
    isakmp_write_basic(&w, ISAKMP_IKE_AUTHENTICATION, ISAKMP_AUTHENTICATION_PSK);
    isakmp_write_basic(&w, ISAKMP_IKE_LIFE_TYPE, ISAKMP_LIFE_SECONDS);
    isakmp_write_number(&w, ISAKMP_IKE_LIFE_DURATION, 86400);
    isakmp_end_transform(&w);
    isakmp_end_proposal(&w);
    isakmp_end_payload(&w);
    return isakmp_writer_finish(&w);
}

static struct bytes qm1_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_QUICK, ISAKMP_FLAG_ENCRYPTION, 0xa1b2c3d4);
    struct selector s = {.protocol = 0, .local_port_high = 65535, .remote_port_high = 65535};
    struct isakmp_writer w;
    uint8_t nonce[20], hash[16];
    for (unsigned i = 0; i < sizeof(nonce); i++)
        nonce[i] = (uint8_t)(0x60 + i);
    bytes_from_hex("1c6a61c6c6fe5331f2d43c34fbec550f", hash, sizeof(hash));
    s.local = (struct prefix){address_v4(0x0a004000), 24};
    s.remote = (struct prefix){address_v4(0x0a000000), 8};
    isakmp_writer_init(&w, buffer, size, &h);
    uint8_t *gap = isakmp_write_payload_gap(&w, ISAKMP_PAYLOAD_HASH, sizeof(hash));
    isakmp_begin_sa(&w);
    isakmp_begin_proposal(&w, 1, ISAKMP_PROTOCOL_ESP, bytes_of("\x0d\xc4\xec\x61", 4));
    isakmp_begin_transform(&w, 1, ISAKMP_ESP_DES);
    isakmp_write_basic(&w, ISAKMP_IPSEC_ENCAPSULATION, ISAKMP_ENCAPSULATION_TUNNEL);
    isakmp_write_basic(&w, ISAKMP_IPSEC_LIFE_TYPE, ISAKMP_LIFE_SECONDS);
    isakmp_write_number(&w, ISAKMP_IPSEC_LIFE_DURATION, 3600);
    isakmp_write_basic(&w, ISAKMP_IPSEC_LIFE_TYPE, ISAKMP_LIFE_KILOBYTES);
    isakmp_write_number(&w, ISAKMP_IPSEC_LIFE_DURATION, 4608000);
    isakmp_write_basic(&w, ISAKMP_IPSEC_AUTHENTICATION, ISAKMP_IPSEC_AUTH_HMAC_MD5);
    isakmp_end_transform(&w);
    isakmp_end_proposal(&w);
    isakmp_end_payload(&w);
    isakmp_write_payload(&w, ISAKMP_PAYLOAD_NONCE, bytes_of(nonce, sizeof(nonce)));
    isakmp_write_id_selector(&w, &s, false);
    isakmp_write_id_selector(&w, &s, true);
    struct bytes covered = isakmp_written_after_first(&w);
    if (gap && !w.w.failed) {
        assert_ptr_equal(covered.data, buffer + ISAKMP_HEADER + 20);
        memcpy(gap, hash, sizeof(hash));
    }
    isakmp_write_padding(&w, 8);
    return isakmp_writer_finish(&w);
}

static struct bytes dpd_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_INFORMATIONAL, ISAKMP_FLAG_ENCRYPTION, 0x01020304);
    struct isakmp_writer w;
    uint8_t hash[16];
    bytes_from_hex("0256f068c567cc8dfe7d9d143a366425", hash, sizeof(hash));
    isakmp_writer_init(&w, buffer, size, &h);
    isakmp_write_payload(&w, ISAKMP_PAYLOAD_HASH, bytes_of(hash, sizeof(hash)));
    isakmp_write_notify(&w, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE, bytes_of(&h, 16),
                        bytes_of("\x11\x22\x33\x44", 4));
    isakmp_write_padding(&w, 8);
    if (!w.w.failed)
        assert_int_equal(isakmp_written_body(&w).len % 8, 0);
    return isakmp_writer_finish(&w);
}

static struct bytes lifetime_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_INFORMATIONAL, ISAKMP_FLAG_ENCRYPTION, 0x44440004);
    struct isakmp_writer w;
    uint8_t zero[20] = {0};
    isakmp_writer_init(&w, buffer, size, &h);
    isakmp_write_payload(&w, ISAKMP_PAYLOAD_HASH, bytes_of(zero, sizeof(zero)));
    isakmp_begin_notify(&w, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_RESPONDER_LIFETIME, bytes_of(&h, 16));
    isakmp_write_number(&w, ISAKMP_IKE_LIFE_TYPE, ISAKMP_LIFE_SECONDS);
    isakmp_write_number(&w, ISAKMP_IKE_LIFE_DURATION, 86400);
    isakmp_end_payload(&w);
    isakmp_write_notify(&w, 1, ISAKMP_NOTIFY_INITIAL_CONTACT, bytes_of(&h, 16), bytes_of(NULL, 0));
    isakmp_write_notify(&w, 1, ISAKMP_NOTIFY_CISCO_LOAD_BALANCE, bytes_of(NULL, 0),
                        bytes_of("\xc0\0\2\7", 4));
    isakmp_write_padding(&w, 8);
    return isakmp_writer_finish(&w);
}

static struct bytes delete_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_INFORMATIONAL, ISAKMP_FLAG_ENCRYPTION, 0x33330003);
    struct isakmp_writer w;
    isakmp_writer_init(&w, buffer, size, &h);
    isakmp_write_payload_gap(&w, ISAKMP_PAYLOAD_HASH, 16);
    isakmp_write_delete(&w, ISAKMP_PROTOCOL_ESP, 4, bytes_of("\x0d\xc4\xec\x61\x18\x71\x1a\x91", 8));
    isakmp_write_delete(&w, ISAKMP_PROTOCOL_ISAKMP, 16, bytes_of(&h, 16));
    isakmp_write_padding(&w, 8);
    return isakmp_writer_finish(&w);
}

static struct bytes configuration_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_TRANSACTION, ISAKMP_FLAG_ENCRYPTION, 0x11110001);
    struct isakmp_writer w;
    isakmp_writer_init(&w, buffer, size, &h);
    isakmp_write_payload_gap(&w, ISAKMP_PAYLOAD_HASH, 20);
    isakmp_begin_configuration(&w, ISAKMP_CONFIGURATION_REPLY, 0x17);
    isakmp_write_variable(&w, ISAKMP_ATTRIBUTE_XAUTH_USER_NAME, bytes_of("alice", 5));
    isakmp_write_variable(&w, ISAKMP_ATTRIBUTE_XAUTH_USER_PASSWORD, bytes_of("secret", 6));
    isakmp_end_payload(&w);
    isakmp_write_padding(&w, 8);
    return isakmp_writer_finish(&w);
}

static struct bytes vendors_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_MAIN, 0, 0);
    struct bytes mm1 = vector_load("isakmp/mm1");
    struct isakmp_writer w;
    isakmp_writer_init(&w, buffer, size, &h);
    isakmp_write_payload(&w, ISAKMP_PAYLOAD_SA, bytes_of(mm1.data + 32, mm1.len - 32));
    isakmp_write_vendor(&w, ISAKMP_VENDOR_DPD);
    isakmp_write_vendor(&w, ISAKMP_VENDOR_NATT_RFC3947);
    vector_free(mm1);
    return isakmp_writer_finish(&w);
}

static struct bytes fragment_write(size_t size)
{
    struct isakmp_header h = header(ISAKMP_EXCHANGE_MAIN, 0, 0);
    struct bytes mm1 = vector_load("isakmp/mm1");
    struct isakmp_writer w;
    isakmp_writer_init(&w, buffer, size, &h);
    isakmp_write_fragment(&w, 1, 2, true, bytes_of(mm1.data + 40, mm1.len - 40));
    vector_free(mm1);
    return isakmp_writer_finish(&w);
}

static const struct {
    const char *name;
    struct bytes (*write)(size_t size);
} messages[] = {
    {"isakmp/mm1", mm1_write},
    {"isakmp/mm2", vendors_write},
    {"isakmp/qm1_plain", qm1_write},
    {"isakmp/dpd_plain", dpd_write},
    {"isakmp/lifetime_plain", lifetime_write},
    {"isakmp/delete_plain", delete_write},
    {"isakmp/xauth_reply_plain", configuration_write},
    {"isakmp/fragment", fragment_write},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
        assert_vector(messages[i].write(sizeof(buffer)), messages[i].name);
}

/* Every size below the message's: an empty view, and nothing behind the buffer's end touched. */
static void test_short_buffers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        size_t full = messages[i].write(sizeof(buffer)).len;
        for (size_t size = 0; size < full; size++) {
            memset(buffer, 0xee, full);
            assert_int_equal(messages[i].write(size).len, 0);
            for (size_t at = size; at < full; at++)
                assert_int_equal(buffer[at], 0xee);
        }
        assert_int_equal(messages[i].write(full).len, full);
    }
}

/* What was parsed is written again as the same bytes; SA payloads go through their fields. */
static void test_again(void **state)
{
    (void)state;
    static const char *const names[] = {
        "isakmp/mm1",          "isakmp/mm2",     "isakmp/mm3", "isakmp/mm4", "isakmp/am1_remote_access",
        "isakmp/notify_clear", "isakmp/fragment"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct bytes datagram = vector_load(names[i]);
        static struct isakmp_message m;
        static struct isakmp_sa sa;
        struct isakmp_writer w;
        assert_int_equal(isakmp_message_parse(datagram, &m), ISAKMP_OK);
        isakmp_writer_init(&w, buffer, sizeof(buffer), &m.header);
        for (uint32_t p = 0; p < m.count; p++) {
            if (m.payloads[p].type != ISAKMP_PAYLOAD_SA) {
                isakmp_write_payload(&w, m.payloads[p].type, m.payloads[p].body);
                continue;
            }
            assert_int_equal(isakmp_sa_parse(m.payloads[p].body, &sa), ISAKMP_OK);
            isakmp_begin_sa(&w);
            for (unsigned n = 0; n < sa.proposal_count; n++) {
                isakmp_begin_proposal(&w, sa.proposals[n].number, sa.proposals[n].protocol,
                                      sa.proposals[n].spi);
                for (unsigned t = 0; t < sa.proposals[n].transform_count; t++) {
                    const struct isakmp_transform *f = &sa.transforms[sa.proposals[n].first_transform + t];
                    struct reader r = reader_of(f->attributes);
                    struct isakmp_attribute a;
                    isakmp_begin_transform(&w, f->number, f->id);
                    while (isakmp_attribute_next(&r, &a))
                        isakmp_write_attribute(&w, &a);
                    isakmp_end_transform(&w);
                }
                isakmp_end_proposal(&w);
            }
            isakmp_end_payload(&w);
        }
        assert_vector(isakmp_writer_finish(&w), names[i]);
        vector_free(datagram);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        uint32_t value;
        const char *hex;
    } cases[] = {{0, "80020000"},
                 {3600, "80020e10"},
                 {65535, "8002ffff"},
                 {65536, "0002000400010000"},
                 {4608000, "0002000400465000"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct isakmp_header h = header(2, 0, 0);
        struct isakmp_writer w;
        char text[100];
        isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
        isakmp_begin_configuration(&w, ISAKMP_CONFIGURATION_SET, 1);
        isakmp_write_number(&w, 2, cases[i].value);
        isakmp_end_payload(&w);
        struct bytes message = isakmp_writer_finish(&w);
        assert_string_equal(bytes_to_hex(bytes_of(message.data + 36, message.len - 36), text), cases[i].hex);
    }
}

/* Selectors of both families go over the wire and come back; port ranges cannot. */
static void test_selectors(void **state)
{
    (void)state;
    static const struct {
        const char *local, *remote;
        uint8_t local_length, remote_length, protocol;
        uint16_t low, high;
        bool ok;
    } cases[] = {
        {"10.0.0.0", "10.0.64.0", 8, 24, 0, 0, 65535, true},
        {"10.0.0.1", "0.0.0.0", 32, 0, 47, 0, 65535, true},
        {"2001:db8::", "2001:db8:1::1", 32, 128, 17, 1701, 1701, true},
        {"10.0.0.0", "10.0.64.0", 8, 24, 6, 1, 1023, false},
        {"10.0.0.0", "10.0.64.0", 8, 24, 6, 0, 0, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct isakmp_header h = header(2, 0, 0);
        struct isakmp_writer w;
        static struct isakmp_message m;
        struct isakmp_id ids[2];
        struct selector s = {.protocol = cases[i].protocol, .local_port_high = 65535}, back;
        assert_true(address_parse(cases[i].local, &s.local.address));
        assert_true(address_parse(cases[i].remote, &s.remote.address));
        s.local.length = cases[i].local_length;
        s.remote.length = cases[i].remote_length;
        s.remote_port_low = cases[i].low;
        s.remote_port_high = cases[i].high;
        isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
        isakmp_write_id_selector(&w, &s, false);
        isakmp_write_id_selector(&w, &s, true);
        struct bytes message = isakmp_writer_finish(&w);
        assert_int_equal(message.len > 0, cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_int_equal(isakmp_message_parse(message, &m), ISAKMP_OK);
        for (int n = 0; n < 2; n++)
            assert_int_equal(isakmp_id_parse(m.payloads[n].body, &ids[n]), ISAKMP_OK);
        assert_true(isakmp_ids_selector(&ids[0], &ids[1], &back));
        assert_true(selector_equal(&s, &back));
    }
}

static void test_small_payloads(void **state)
{
    (void)state;
    struct isakmp_header h = header(2, 0, 0);
    static struct isakmp_message m;
    struct isakmp_writer w;
    struct isakmp_cert cert;
    struct address v4 = address_v4(0xc0000201), v6, back;
    assert_true(address_parse("2001:db8::1", &v6));
    isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
    isakmp_write_cert(&w, ISAKMP_PAYLOAD_CERT, ISAKMP_CERT_X509_SIGNATURE, bytes_of("der", 3));
    isakmp_write_cert(&w, ISAKMP_PAYLOAD_CERT_REQUEST, ISAKMP_CERT_X509_SIGNATURE, bytes_of(NULL, 0));
    isakmp_write_nat_oa(&w, ISAKMP_PAYLOAD_NAT_OA, &v4);
    isakmp_write_nat_oa(&w, ISAKMP_PAYLOAD_NAT_OA_DRAFT, &v6);
    assert_int_equal(isakmp_message_parse(isakmp_writer_finish(&w), &m), ISAKMP_OK);
    assert_int_equal(isakmp_cert_parse(m.payloads[0].body, &cert), ISAKMP_OK);
    assert_true(cert.encoding == 4 && bytes_equal(cert.data, bytes_of("der", 3)));
    assert_int_equal(isakmp_cert_parse(m.payloads[1].body, &cert), ISAKMP_OK);
    assert_int_equal(cert.data.len, 0);
    assert_int_equal(isakmp_nat_oa_parse(m.payloads[2].body, &back), ISAKMP_OK);
    assert_true(address_equal(&back, &v4));
    assert_int_equal(isakmp_nat_oa_parse(m.payloads[3].body, &back), ISAKMP_OK);
    assert_true(address_equal(&back, &v6));
    /* A payload longer than its length field can say. */
    static uint8_t large[70000];
    isakmp_writer_init(&w, large, sizeof(large), &h);
    isakmp_write_payload_gap(&w, ISAKMP_PAYLOAD_VENDOR_ID, 65532);
    assert_int_equal(isakmp_writer_finish(&w).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),   cmocka_unit_test(test_short_buffers),
        cmocka_unit_test(test_again),     cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_selectors), cmocka_unit_test(test_small_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
