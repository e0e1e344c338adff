/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of IKEv1 messages: the worked exchange of the vectors field by field, and what must be refused with
 * which notify. */
#include "test.h"
#include "wire/isakmp.h"

static const uint8_t cookie_i[] = {1, 2, 3, 4, 5, 6, 7, 8}, cookie_r[] = {17, 18, 19, 20, 21, 22, 23, 24};

/* A clear message, or the one whose body stands there already decrypted. */
static enum isakmp_error message_parse(struct bytes datagram, struct isakmp_message *ret)
{
    struct isakmp_header h;
    enum isakmp_error error = isakmp_header_parse(datagram, &h);
    if (error)
        return error;
    if (!(h.flags & ISAKMP_FLAG_ENCRYPTION))
        return isakmp_message_parse(datagram, ret);
    return isakmp_body_parse(&h, bytes_of(datagram.data + ISAKMP_HEADER, datagram.len - ISAKMP_HEADER), ret);
}

static void assert_hex(struct bytes b, const char *hex)
{
    uint8_t want[512];
    int len = bytes_from_hex(hex, want, sizeof(want));
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, want, b.len);
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t exchange, flags, next;
        uint32_t message_id;
        const char *payloads; /* the chain's types, "" where the body is encrypted */
    } cases[] = {
        {"isakmp/mm1", 2, 0, 1, 0, "1"},
        {"isakmp/mm2", 2, 0, 1, 0, "1 13 13"},
        {"isakmp/mm3", 2, 0, 4, 0, "4 10 20 20"},
        {"isakmp/mm4", 2, 0, 4, 0, "4 10 7 20 20"},
        {"isakmp/mm5", 2, 1, 5, 0, ""},
        {"isakmp/mm6", 2, 1, 5, 0, ""},
        {"isakmp/mm5_plain", 2, 1, 5, 0, "5 8"},
        {"isakmp/qm1", 32, 1, 8, 0xa1b2c3d4, ""},
        {"isakmp/qm1_plain", 32, 1, 8, 0xa1b2c3d4, "8 1 10 5 5"},
        {"isakmp/qm2", 32, 1, 8, 0xa1b2c3d4, ""},
        {"isakmp/qm3", 32, 1, 8, 0xa1b2c3d4, ""},
        {"isakmp/qm3_plain", 32, 1, 8, 0xa1b2c3d4, "8"},
        {"isakmp/dpd", 5, 1, 8, 0x01020304, ""},
        {"isakmp/dpd_plain", 5, 1, 8, 0x01020304, "8 11"},
        {"isakmp/am1_remote_access", 4, 0, 1, 0, "1 4 10 5 13 13 13 13 13 13 13"},
        {"isakmp/qm1_proposals_plain", 32, 1, 8, 0x0badcafe, "8 1 10 4 5 5 21 21"},
        {"isakmp/xauth_request_plain", 6, 1, 8, 0x11110001, "8 14"},
        {"isakmp/delete_plain", 5, 1, 8, 0x33330003, "8 12 12"},
        {"isakmp/lifetime_plain", 5, 1, 8, 0x44440004, "8 11 11 11"},
        {"isakmp/notify_clear", 5, 0, 11, 0, "11"},
        {"isakmp/fragment", 2, 0, 132, 0, "132"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes datagram = vector_load(cases[i].name);
        struct isakmp_header h;
        static struct isakmp_message m;
        char types[100] = "";
        assert_int_equal(isakmp_header_parse(datagram, &h), ISAKMP_OK);
        assert_memory_equal(h.initiator_cookie, cookie_i, 8);
        if (memcmp(h.responder_cookie, "\0\0\0\0\0\0\0", 8) != 0)
            assert_memory_equal(h.responder_cookie, cookie_r, 8);
        assert_int_equal(h.version, ISAKMP_VERSION_1);
        assert_int_equal(h.exchange, cases[i].exchange);
        assert_int_equal(h.flags, cases[i].flags);
        assert_int_equal(h.next_payload, cases[i].next);
        assert_int_equal(h.message_id, cases[i].message_id);
        assert_int_equal(h.length, datagram.len);
        enum isakmp_error error = message_parse(datagram, &m);
        assert_int_equal(error == ISAKMP_OK, cases[i].payloads[0] != '\0');
        for (uint32_t j = 0; error == ISAKMP_OK && j < m.count; j++)
            snprintf(types + strlen(types), sizeof(types) - strlen(types), j ? " %u" : "%u",
                     m.payloads[j].type);
        assert_string_equal(types, cases[i].payloads);
        /* Cut off anywhere, a message is refused. */
        for (size_t len = 0; len < datagram.len; len++)
            assert_int_equal(isakmp_header_parse(bytes_of(datagram.data, len), &h),
                             len < ISAKMP_HEADER ? ISAKMP_ERROR_SHORT : ISAKMP_ERROR_LENGTH);
        vector_free(datagram);
    }
}

/* Bytes of a good message replaced, the error and the notify that the peer gets. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        const char *bytes;
        enum isakmp_error error;
        enum isakmp_notify_type notify;
    } cases[] = {
        {"isakmp/mm1", 0, "0000000000000000", ISAKMP_ERROR_COOKIE, ISAKMP_NOTIFY_INVALID_COOKIE},
        {"isakmp/mm1", 16, "00", ISAKMP_ERROR_TRAILING_BYTES, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm1", 16, "02", ISAKMP_ERROR_PAYLOAD_TYPE, ISAKMP_NOTIFY_INVALID_PAYLOAD_TYPE},
        {"isakmp/mm1", 16, "16", ISAKMP_ERROR_PAYLOAD_TYPE, ISAKMP_NOTIFY_INVALID_PAYLOAD_TYPE},
        {"isakmp/mm1", 16, "0f", ISAKMP_ERROR_PAYLOAD_TYPE, ISAKMP_NOTIFY_INVALID_PAYLOAD_TYPE},
        {"isakmp/mm1", 17, "20", ISAKMP_ERROR_MAJOR_VERSION, ISAKMP_NOTIFY_INVALID_MAJOR_VERSION},
        {"isakmp/mm1", 17, "11", ISAKMP_ERROR_MINOR_VERSION, ISAKMP_NOTIFY_INVALID_MINOR_VERSION},
        {"isakmp/mm1", 18, "07", ISAKMP_ERROR_EXCHANGE_TYPE, ISAKMP_NOTIFY_INVALID_EXCHANGE_TYPE},
        {"isakmp/mm1", 18, "00", ISAKMP_ERROR_EXCHANGE_TYPE, ISAKMP_NOTIFY_INVALID_EXCHANGE_TYPE},
        {"isakmp/mm1", 19, "08", ISAKMP_ERROR_FLAGS, ISAKMP_NOTIFY_INVALID_FLAGS},
        {"isakmp/mm1", 24, "00000053", ISAKMP_ERROR_LENGTH, ISAKMP_NOTIFY_UNEQUAL_PAYLOAD_LENGTHS},
        {"isakmp/mm1", 24, "ffffffff", ISAKMP_ERROR_LENGTH, ISAKMP_NOTIFY_UNEQUAL_PAYLOAD_LENGTHS},
        {"isakmp/mm1", 28, "0d", ISAKMP_ERROR_PAYLOAD_LENGTH, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm1", 29, "01", ISAKMP_ERROR_PAYLOAD_RESERVED, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm1", 30, "0003", ISAKMP_ERROR_PAYLOAD_LENGTH, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm1", 30, "000b", ISAKMP_ERROR_PAYLOAD_LENGTH, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm1", 30, "0039", ISAKMP_ERROR_PAYLOAD_LENGTH, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm1", 30, "0037", ISAKMP_ERROR_TRAILING_BYTES, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm3", 128, "14000003", ISAKMP_ERROR_PAYLOAD_LENGTH, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/mm3", 130, "000b", ISAKMP_ERROR_NONCE, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
        {"isakmp/bad_reserved", 0, "", ISAKMP_ERROR_PAYLOAD_RESERVED, ISAKMP_NOTIFY_PAYLOAD_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes datagram = vector_load(cases[i].name);
        static struct isakmp_message m, before;
        int n = bytes_from_hex(cases[i].bytes, (uint8_t *)datagram.data + cases[i].at, 16);
        assert_true(n >= 0);
        memset(&m, 0x5a, sizeof(m));
        before = m;
        enum isakmp_error error = message_parse(datagram, &m);
        if (error != cases[i].error)
            fail_msg("case %zu: %s", i, isakmp_error_name(error));
        assert_int_equal(isakmp_error_notify(error), cases[i].notify);
        assert_memory_equal(&m, &before, sizeof(m));
        vector_free(datagram);
    }
    assert_string_equal(isakmp_error_name(ISAKMP_ERROR_PAYLOAD_BODY + 1), "?");
    struct bytes encrypted = vector_load("isakmp/mm5");
    static struct isakmp_message m;
    assert_int_equal(isakmp_message_parse(encrypted, &m), ISAKMP_ERROR_FLAGS);
    vector_free(encrypted);
}

static void test_chain_limit(void **state)
{
    (void)state;
    for (unsigned count = ISAKMP_PAYLOADS_MAX; count <= ISAKMP_PAYLOADS_MAX + 1; count++) {
        uint8_t buffer[2000];
        struct isakmp_header h = {.initiator_cookie = {1}, .version = 0x10, .exchange = 2};
        struct isakmp_writer w;
        static struct isakmp_message m;
        isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
        for (unsigned i = 0; i < count; i++)
            isakmp_write_payload(&w, 200, bytes_of(NULL, 0)); /* private, unknown, empty */
        struct bytes message = isakmp_writer_finish(&w);
        assert_int_equal(message.len, ISAKMP_HEADER + 4 * count);
        enum isakmp_error error = isakmp_message_parse(message, &m);
        assert_int_equal(error, count <= ISAKMP_PAYLOADS_MAX ? ISAKMP_OK : ISAKMP_ERROR_TOO_MANY_PAYLOADS);
    }
}

static void test_main_mode(void **state)
{
    (void)state;
    struct bytes datagram = vector_load("isakmp/mm1");
    static struct isakmp_message m;
    static struct isakmp_sa sa;
    static const uint16_t want[][2] = {{1, 1}, {2, 1}, {4, 1}, {3, 1}, {11, 1}};
    struct isakmp_attribute a;
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_int_equal(isakmp_sa_parse(m.payloads[0].body, &sa), ISAKMP_OK);
    assert_true(sa.proposal_count == 1 && sa.transform_count == 1 && sa.situation == 1);
    assert_true(sa.proposals[0].number == 1 && sa.proposals[0].protocol == 1 && sa.proposals[0].spi.len == 0);
    assert_true(sa.transforms[0].number == 1 && sa.transforms[0].id == ISAKMP_TRANSFORM_KEY_IKE);
    struct reader r = reader_of(sa.transforms[0].attributes);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        assert_true(isakmp_attribute_next(&r, &a));
        assert_true(a.basic && a.has_value && a.type == want[i][0] && a.value == want[i][1]);
    }
    assert_true(isakmp_attribute_next(&r, &a));
    assert_true(!a.basic && a.type == ISAKMP_IKE_LIFE_DURATION && a.value == 86400 && a.data.len == 4);
    assert_true(!isakmp_attribute_next(&r, &a) && !r.failed);
    assert_true(isakmp_attribute_find(sa.transforms[0].attributes, ISAKMP_IKE_GROUP, &a) && a.value == 1);
    assert_false(isakmp_attribute_find(sa.transforms[0].attributes, ISAKMP_IKE_KEY_LENGTH, &a));
    vector_free(datagram);

    datagram = vector_load("isakmp/mm5_plain");
    struct isakmp_id id;
    struct address address;
    char text[ADDRESS_TEXT];
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_hex(m.payloads[0].body, "011101f409010182");
    assert_int_equal(isakmp_id_parse(m.payloads[0].body, &id), ISAKMP_OK);
    assert_true(id.type == 1 && id.protocol == 17 && id.port == 500 && isakmp_id_address(&id, &address));
    assert_string_equal(address_print(&address, text), "9.1.1.130");
    assert_hex(m.payloads[1].body, "4288c4428f09079d636d3a7875056816");
    vector_free(datagram);
}

static void test_quick_mode(void **state)
{
    (void)state;
    struct bytes datagram = vector_load("isakmp/qm1_plain");
    static struct isakmp_message m;
    static struct isakmp_sa sa;
    struct isakmp_id local, remote;
    struct selector s;
    char text[SELECTOR_TEXT];
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_hex(isakmp_payload_find(&m, ISAKMP_PAYLOAD_HASH, 0)->body, "1c6a61c6c6fe5331f2d43c34fbec550f");
    struct bytes after = isakmp_after_first(&m);
    assert_ptr_equal(after.data, datagram.data + ISAKMP_HEADER + 20);
    assert_int_equal(after.len, datagram.len - ISAKMP_HEADER - 20);
    assert_int_equal(isakmp_sa_parse(isakmp_payload_find(&m, ISAKMP_PAYLOAD_SA, 0)->body, &sa), ISAKMP_OK);
    assert_int_equal(sa.proposals[0].protocol, ISAKMP_PROTOCOL_ESP);
    assert_hex(sa.proposals[0].spi, "0dc4ec61");
    assert_int_equal(sa.transforms[0].id, ISAKMP_ESP_DES);
    assert_int_equal(isakmp_payload_count(&m, ISAKMP_PAYLOAD_ID), 2);
    assert_int_equal(isakmp_id_parse(isakmp_payload_find(&m, ISAKMP_PAYLOAD_ID, 0)->body, &local), ISAKMP_OK);
    assert_int_equal(isakmp_id_parse(isakmp_payload_find(&m, ISAKMP_PAYLOAD_ID, 1)->body, &remote),
                     ISAKMP_OK);
    assert_null(isakmp_payload_find(&m, ISAKMP_PAYLOAD_ID, 2));
    assert_true(isakmp_ids_selector(&local, &remote, &s));
    assert_string_equal(selector_print(&s, text), "10.0.64.0/24 -> 10.0.0.0/8");
    remote.protocol = 47;
    assert_false(isakmp_ids_selector(&local, &remote, &s));
    vector_free(datagram);

    datagram = vector_load("isakmp/qm3_plain");
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_int_equal(isakmp_after_first(&m).len, 0);
    vector_free(datagram);

    datagram = vector_load("isakmp/qm1_proposals_plain");
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_int_equal(isakmp_sa_parse(m.payloads[1].body, &sa), ISAKMP_OK);
    assert_true(sa.proposal_count == 6 && sa.transform_count == 6);
    assert_true(sa.proposals[4].number == 4 && sa.proposals[5].number == 4);
    assert_true(sa.proposals[4].protocol == ISAKMP_PROTOCOL_AH &&
                sa.proposals[5].protocol == ISAKMP_PROTOCOL_ESP);
    assert_true(sa.proposals[5].first_transform == 5 && sa.transforms[5].id == ISAKMP_ESP_NULL);
    struct address oa;
    assert_int_equal(isakmp_nat_oa_parse(m.payloads[6].body, &oa), ISAKMP_OK);
    assert_string_equal(address_print(&oa, text), "192.0.2.1");
    assert_int_equal(isakmp_nat_oa_parse(m.payloads[7].body, &oa), ISAKMP_OK);
    assert_string_equal(address_print(&oa, text), "2001:db8::1");
    vector_free(datagram);
}

static void test_sa_refused(void **state)
{
    (void)state;
    /* A good body: one ESP proposal with two transforms. */
    static const char good[] = "00000001 00000001"
                               "00000028 01030402 0dc4ec61"          /* proposal, offset 8 */
                               "0300000c 01020000 80040001"          /* transform, offset 20 */
                               "00000010 02030000 0002000400465000"; /* transform, offset 32 */
    static const struct {
        size_t at;
        const char *bytes;
        enum isakmp_error error;
    } cases[] = {
        {0, "", ISAKMP_OK},
        {0, "00000000", ISAKMP_ERROR_DOI},
        {4, "00000003", ISAKMP_ERROR_SITUATION},
        {8, "01", ISAKMP_ERROR_PROPOSAL_SYNTAX},
        {8, "02", ISAKMP_ERROR_PROPOSAL_SYNTAX}, /* another one follows, but does not */
        {9, "01", ISAKMP_ERROR_PROPOSAL_SYNTAX},
        {10, "0003", ISAKMP_ERROR_PROPOSAL_SYNTAX},
        {10, "0027", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {10, "0029", ISAKMP_ERROR_PROPOSAL_SYNTAX},
        {13, "00", ISAKMP_ERROR_PROTOCOL},
        {13, "05", ISAKMP_ERROR_PROTOCOL},
        {14, "08", ISAKMP_ERROR_SPI},
        {14, "ff", ISAKMP_ERROR_PROPOSAL_SYNTAX},
        {15, "00", ISAKMP_ERROR_PROPOSAL_SYNTAX},
        {15, "01", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {15, "03", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {16, "00000000", ISAKMP_ERROR_SPI},
        {16, "00000001", ISAKMP_OK}, /* reserved, but what peers offer is theirs */
        {20, "00", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {21, "01", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {22, "0007", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {22, "000a", ISAKMP_ERROR_ATTRIBUTE_SYNTAX},
        {26, "0001", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {32, "03", ISAKMP_ERROR_TRANSFORM_SYNTAX},
        {42, "0005", ISAKMP_ERROR_ATTRIBUTE_SYNTAX},
        {42, "0003", ISAKMP_ERROR_ATTRIBUTE_SYNTAX},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct isakmp_sa sa;
        uint8_t body[100];
        int len = bytes_from_hex(good, body, sizeof(body));
        assert_int_equal(len, 48);
        assert_true(bytes_from_hex(cases[i].bytes, body + cases[i].at, 8) >= 0);
        enum isakmp_error error = isakmp_sa_parse(bytes_of(body, (size_t)len), &sa);
        if (error != cases[i].error)
            fail_msg("case %zu: %s", i, isakmp_error_name(error));
        for (size_t cut = 0; error == ISAKMP_OK && cut < (size_t)len; cut++)
            assert_int_not_equal(isakmp_sa_parse(bytes_of(body, cut), &sa), ISAKMP_OK);
    }
}

/* As much as the limits allow is read, one more is refused by name. */
static void test_sa_limits(void **state)
{
    (void)state;
    static const struct {
        unsigned proposals, transforms, attributes;
        enum isakmp_error error;
    } cases[] = {
        {1, 1, 0, ISAKMP_OK},
        {ISAKMP_PROPOSALS_MAX, 4, 3, ISAKMP_OK},
        {ISAKMP_PROPOSALS_MAX + 1, 1, 1, ISAKMP_ERROR_TOO_MANY_PROPOSALS},
        {1, ISAKMP_TRANSFORMS_MAX, 2, ISAKMP_OK},
        {1, ISAKMP_TRANSFORMS_MAX + 1, 2, ISAKMP_ERROR_TOO_MANY_TRANSFORMS},
        {2, ISAKMP_TRANSFORMS_MAX / 2 + 1, 2, ISAKMP_ERROR_TOO_MANY_TRANSFORMS},
        {1, 2, ISAKMP_ATTRIBUTES_MAX, ISAKMP_OK},
        {1, 2, ISAKMP_ATTRIBUTES_MAX + 1, ISAKMP_ERROR_TOO_MANY_ATTRIBUTES},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static uint8_t buffer[40000];
        static struct isakmp_sa sa;
        static struct isakmp_message m;
        struct isakmp_header h = {.initiator_cookie = {1}, .version = 0x10, .exchange = 2};
        struct isakmp_writer w;
        isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
        isakmp_begin_sa(&w);
        for (unsigned p = 0; p < cases[i].proposals; p++) {
            isakmp_begin_proposal(&w, (uint8_t)p, ISAKMP_PROTOCOL_ESP, bytes_of("\1\2\3\4", 4));
            for (unsigned t = 0; t < cases[i].transforms; t++) {
                isakmp_begin_transform(&w, (uint8_t)t, ISAKMP_ESP_AES);
                for (unsigned a = 0; a < cases[i].attributes; a++)
                    isakmp_write_basic(&w, ISAKMP_IPSEC_KEY_LENGTH, (uint16_t)a);
                isakmp_end_transform(&w);
            }
            isakmp_end_proposal(&w);
        }
        isakmp_end_payload(&w);
        struct bytes message = isakmp_writer_finish(&w);
        assert_true(message.len > 0);
        assert_int_equal(isakmp_message_parse(message, &m), ISAKMP_OK);
        assert_int_equal(isakmp_sa_parse(m.payloads[0].body, &sa), cases[i].error);
        if (cases[i].error == ISAKMP_OK)
            assert_int_equal(sa.transform_count, cases[i].proposals * cases[i].transforms);
    }
}

static void test_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool ok, basic, has_value;
        uint16_t type;
        uint64_t value;
        size_t len;
    } cases[] = {
        {"80010001", true, true, true, 1, 1, 2},
        {"ffffffff", true, true, true, 0x7fff, 0xffff, 2},
        {"00020002 0e10", true, false, true, 2, 3600, 2},
        {"00020004 00015180", true, false, true, 2, 86400, 4},
        {"00020001 07", true, false, true, 2, 7, 1},
        {"00020008 0102030405060708", true, false, true, 2, 0x0102030405060708, 8},
        {"00020009 010203040506070809", true, false, false, 2, 0, 9},
        {"40890000", true, false, false, 16521, 0, 0},
        {"", false, false, false, 0, 0, 0},
        {"80", false, false, false, 0, 0, 0},
        {"8001", false, false, false, 0, 0, 0},
        {"800100", false, false, false, 0, 0, 0},
        {"0002", false, false, false, 0, 0, 0},
        {"00020004 000151", false, false, false, 0, 0, 0},
        {"0002ffff 00", false, false, false, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t data[32];
        int len = bytes_from_hex(cases[i].hex, data, sizeof(data));
        struct reader r = reader_of(bytes_of(data, (size_t)len));
        struct isakmp_attribute a = {.type = 77};
        assert_int_equal(isakmp_attribute_next(&r, &a), cases[i].ok);
        assert_int_equal(r.failed, !cases[i].ok && len > 0);
        if (!cases[i].ok) {
            assert_int_equal(a.type, 77);
            continue;
        }
        assert_true(a.type == cases[i].type && a.basic == cases[i].basic &&
                    a.has_value == cases[i].has_value);
        assert_true(a.value == cases[i].value && a.data.len == cases[i].len);
    }
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool ok;
        const char *prefix, *low, *high; /* "": it has none */
    } cases[] = {
        {"01000000 0a000001", true, "10.0.0.1/32", "10.0.0.1", "10.0.0.1"},
        {"04000000 0a000040 ffffff00", true, "10.0.0.0/24", "10.0.0.0", "10.0.0.255"},
        {"04000000 00000000 00000000", true, "0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
        {"04000000 0a000000 ff00ff00", true, "", "", ""}, /* a mask with holes */
        {"07000000 0a000000 0a0000ff", true, "10.0.0.0/24", "10.0.0.0", "10.0.0.255"},
        {"07000000 0a000001 0a000001", true, "10.0.0.1/32", "10.0.0.1", "10.0.0.1"},
        {"07000000 0a000001 0a000002", true, "", "10.0.0.1", "10.0.0.2"},
        {"07000000 0a000001 0a0000ff", true, "", "10.0.0.1", "10.0.0.255"},
        {"07000000 0a000002 0a000001", true, "", "", ""}, /* backwards */
        {"05000000 20010db8000000000000000000000001", true, "2001:db8::1/128", "2001:db8::1", "2001:db8::1"},
        {"06000000 20010db8000000000000000000000000 ffffffff000000000000000000000000", true, "2001:db8::/32",
         "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"08000000 20010db8000000000000000000000000 20010db8000000000000000000000003", true, "2001:db8::/126",
         "2001:db8::", "2001:db8::3"},
        {"0b1101f4 67726f7570", true, "", "", ""},
        {"02000000 61", true, "", "", ""},
        {"63000000 61", true, "", "", ""},
        {"01000000 0a0000", false, "", "", ""},
        {"01000000 0a00000101", false, "", "", ""},
        {"04000000 0a000000", false, "", "", ""},
        {"05000000 0a000001", false, "", "", ""},
        {"0b000000", false, "", "", ""},
        {"00000000 61", false, "", "", ""},
        {"010000", false, "", "", ""},
        {"", false, "", "", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t data[64];
        int len = bytes_from_hex(cases[i].hex, data, sizeof(data));
        struct isakmp_id id;
        struct prefix p;
        struct address low, high;
        char text[PREFIX_TEXT];
        assert_int_equal(isakmp_id_parse(bytes_of(data, (size_t)len), &id) == ISAKMP_OK, cases[i].ok);
        if (!cases[i].ok)
            continue;
        bool prefix = isakmp_id_prefix(&id, &p), range = isakmp_id_range(&id, &low, &high);
        assert_string_equal(prefix ? prefix_print(&p, text) : "", cases[i].prefix);
        assert_string_equal(range ? address_print(&low, text) : "", cases[i].low);
        assert_string_equal(range ? address_print(&high, text) : "", cases[i].high);
    }
}

static void test_bodies(void **state)
{
    (void)state;
    enum body { NOTIFY, DELETE, CERT, CONFIGURATION, NAT_OA, FRAGMENT };
    static const struct {
        enum body body;
        const char *hex;
        enum isakmp_error error;
    } cases[] = {
        {NOTIFY, "00000001 01 10 8d28 0102030405060708 1112131415161718 11223344", ISAKMP_OK},
        {NOTIFY, "00000000 01 00 000e", ISAKMP_OK},
        {NOTIFY, "00000002 01 00 000e", ISAKMP_ERROR_DOI},
        {NOTIFY, "00000001 01 10 8d28 01020304", ISAKMP_ERROR_PAYLOAD_BODY},
        {NOTIFY, "00000001 01 00", ISAKMP_ERROR_PAYLOAD_BODY},
        {DELETE, "00000001 03 04 0002 0dc4ec61 18711a91", ISAKMP_OK},
        {DELETE, "00000001 03 04 0000", ISAKMP_OK},
        {DELETE, "00000001 03 04 0002 0dc4ec61", ISAKMP_ERROR_PAYLOAD_BODY},
        {DELETE, "00000001 03 04 ffff 0dc4ec61", ISAKMP_ERROR_PAYLOAD_BODY},
        {DELETE, "00000001 03 08 0001 0dc4ec6118711a91", ISAKMP_ERROR_SPI},
        {DELETE, "00000001 01 04 0001 0dc4ec61", ISAKMP_ERROR_SPI},
        {DELETE, "00000001 03 00 ffff", ISAKMP_ERROR_SPI},
        {DELETE, "00000001 09 04 0001 0dc4ec61", ISAKMP_ERROR_PROTOCOL},
        {DELETE, "00000005 03 04 0001 0dc4ec61", ISAKMP_ERROR_DOI},
        {DELETE, "00000001 04 02 0001 1234", ISAKMP_OK},
        {CERT, "04 3082", ISAKMP_OK},
        {CERT, "04", ISAKMP_OK},
        {CERT, "", ISAKMP_ERROR_PAYLOAD_BODY},
        {CONFIGURATION, "01 00 0017 40890000 408a0000", ISAKMP_OK},
        {CONFIGURATION, "03 00 0017 c08f0001", ISAKMP_OK},
        {CONFIGURATION, "01 00 0017", ISAKMP_OK},
        {CONFIGURATION, "01 00 0017 40890001", ISAKMP_ERROR_ATTRIBUTE_SYNTAX},
        {CONFIGURATION, "01 01 0017", ISAKMP_ERROR_PAYLOAD_RESERVED},
        {CONFIGURATION, "05 00 0017", ISAKMP_ERROR_PAYLOAD_BODY},
        {CONFIGURATION, "00 00 0017", ISAKMP_ERROR_PAYLOAD_BODY},
        {CONFIGURATION, "01 00 00", ISAKMP_ERROR_PAYLOAD_BODY},
        {NAT_OA, "01 000000 c0000201", ISAKMP_OK},
        {NAT_OA, "01 000000 c00002", ISAKMP_ERROR_PAYLOAD_BODY},
        {NAT_OA, "05 000000 c0000201", ISAKMP_ERROR_PAYLOAD_BODY},
        {NAT_OA, "02 000000 c0000201", ISAKMP_ERROR_PAYLOAD_BODY},
        {NAT_OA, "01 0000", ISAKMP_ERROR_PAYLOAD_BODY},
        {FRAGMENT, "0001 01 00 aabb", ISAKMP_OK},
        {FRAGMENT, "0001 00 00 aabb", ISAKMP_ERROR_PAYLOAD_BODY},
        {FRAGMENT, "0001 01 01", ISAKMP_ERROR_PAYLOAD_BODY},
        {FRAGMENT, "0001", ISAKMP_ERROR_PAYLOAD_BODY},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t data[64];
        struct bytes body = bytes_of(data, (size_t)bytes_from_hex(cases[i].hex, data, sizeof(data)));
        struct isakmp_notify notify;
        struct isakmp_delete delete;
        struct isakmp_cert cert;
        struct isakmp_configuration configuration;
        struct isakmp_fragment fragment;
        struct address address;
        enum isakmp_error error = cases[i].body == NOTIFY   ? isakmp_notify_parse(body, &notify)
                                  : cases[i].body == DELETE ? isakmp_delete_parse(body, &delete)
                                  : cases[i].body == CERT   ? isakmp_cert_parse(body, &cert)
                                  : cases[i].body == CONFIGURATION
                                      ? isakmp_configuration_parse(body, &configuration)
                                  : cases[i].body == NAT_OA ? isakmp_nat_oa_parse(body, &address)
                                                            : isakmp_fragment_parse(body, &fragment);
        if (error != cases[i].error)
            fail_msg("case %zu: %s", i, isakmp_error_name(error));
    }
}

static void test_informational(void **state)
{
    (void)state;
    static struct isakmp_message m;
    struct isakmp_notify n;
    struct isakmp_delete d;
    struct isakmp_attribute a;
    struct bytes datagram = vector_load("isakmp/dpd_plain");
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_int_equal(isakmp_notify_parse(m.payloads[1].body, &n), ISAKMP_OK);
    assert_true(n.type == ISAKMP_NOTIFY_R_U_THERE && n.protocol == 1 && n.doi == 1);
    assert_hex(n.spi, "0102030405060708 1112131415161718");
    assert_hex(n.data, "11223344");
    /* What the hash covers ends before the padding, whatever the padding is made of. */
    assert_int_equal(isakmp_after_first(&m).len, 32);
    assert_int_equal(datagram.len, ISAKMP_HEADER + 20 + 32 + 4);
    memset((uint8_t *)datagram.data + datagram.len - 4, 0xa5, 4);
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_int_equal(isakmp_after_first(&m).len, 32);
    vector_free(datagram);

    datagram = vector_load("isakmp/delete_plain");
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_int_equal(isakmp_delete_parse(m.payloads[1].body, &d), ISAKMP_OK);
    assert_true(d.protocol == 3 && d.spi_count == 2 && d.reason.len == 0);
    assert_hex(isakmp_delete_spi(&d, 1), "18711a91");
    assert_int_equal(isakmp_delete_parse(m.payloads[2].body, &d), ISAKMP_OK);
    assert_hex(isakmp_delete_spi(&d, 0), "0102030405060708 1112131415161718");
    vector_free(datagram);

    datagram = vector_load("isakmp/lifetime_plain");
    assert_int_equal(message_parse(datagram, &m), ISAKMP_OK);
    assert_int_equal(isakmp_notify_parse(m.payloads[1].body, &n), ISAKMP_OK);
    assert_true(isakmp_attribute_find(n.data, ISAKMP_IKE_LIFE_DURATION, &a) && a.value == 86400);
    vector_free(datagram);
}

static void test_vendors(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum isakmp_vendor vendor;
    } cases[] = {
        {"afcad71368a1f1c96b8696fc77570100", ISAKMP_VENDOR_DPD},
        {"afcad71368a1f1c96b8696fc7757", ISAKMP_VENDOR_UNKNOWN},
        {"12f5f28c457168a9702d9fe274cc0204", ISAKMP_VENDOR_UNITY},
        {"12f5f28c457168a9702d9fe274", ISAKMP_VENDOR_UNKNOWN},
        {"4048b7d56ebce88525e7de7f00d6c2d3", ISAKMP_VENDOR_FRAGMENTATION},
        {"4048b7d56ebce88525e7de7f00d6c2d3c0000000", ISAKMP_VENDOR_FRAGMENTATION},
        {"09002689dfd6b712", ISAKMP_VENDOR_XAUTH},
        {"00", ISAKMP_VENDOR_UNKNOWN},
        {"", ISAKMP_VENDOR_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t data[64];
        struct bytes body = bytes_of(data, (size_t)bytes_from_hex(cases[i].hex, data, sizeof(data)));
        assert_int_equal(isakmp_vendor_find(body), cases[i].vendor);
    }
    for (unsigned v = ISAKMP_VENDOR_UNKNOWN + 1; v < ISAKMP_VENDOR_COUNT; v++) {
        uint8_t out[ISAKMP_VENDOR_MAX];
        size_t len = isakmp_vendor_bytes(v, out);
        assert_in_range(len, 8, ISAKMP_VENDOR_MAX);
        assert_int_equal(isakmp_vendor_find(bytes_of(out, len)), v);
        assert_string_not_equal(isakmp_vendor_name(v), "unknown");
    }
    assert_string_equal(isakmp_vendor_name(ISAKMP_VENDOR_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_chain_limit),   cmocka_unit_test(test_main_mode),
        cmocka_unit_test(test_quick_mode),    cmocka_unit_test(test_sa_refused),
        cmocka_unit_test(test_sa_limits),     cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_ids),           cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_informational), cmocka_unit_test(test_vendors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
