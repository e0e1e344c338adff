/* SPDX-License-Identifier: Apache-2.0 */
/* EIGRP packets, good and bad. */
#include "test.h"
#include "wire/eigrp.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t opcode;
        uint32_t flags, sequence, acknowledgement;
        unsigned tlvs, destinations;
    } cases[] = {
        {"eigrp/frr_hello", EIGRP_HELLO, 0, 0, 0, 2, 0},
        {"eigrp/frr_update", EIGRP_UPDATE, EIGRP_END_OF_TABLE, 2, 101, 1, 1},
        {"eigrp/init", EIGRP_UPDATE, EIGRP_INIT, 7, 3, 0, 0},
        {"eigrp/acknowledgement", EIGRP_HELLO, 0, 0, 9, 0, 0},
        {"eigrp/external", EIGRP_UPDATE, 0, 8, 0, 1, 1},
        {"eigrp/query", EIGRP_QUERY, 0, 9, 0, 1, 1},
        {"eigrp/goodbye", EIGRP_HELLO, 0, 0, 0, 1, 0},
        {"eigrp/conditional", EIGRP_HELLO, 0, 0, 0, 3, 0},
        {"eigrp/termination", EIGRP_HELLO, 0, 0, 0, 2, 0},
        {"eigrp/several", EIGRP_UPDATE, 0, 10, 0, 1, 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes b = vector_load(cases[i].name);
        struct eigrp_header h;
        struct eigrp_tlv t;
        struct reader r, d;
        struct prefix p;
        unsigned tlvs = 0, destinations = 0;
        assert_int_equal(eigrp_parse(b, &h, &r), EIGRP_ERROR_OK);
        assert_int_equal(h.opcode, cases[i].opcode);
        assert_int_equal(h.flags, cases[i].flags);
        assert_int_equal(h.sequence, cases[i].sequence);
        assert_int_equal(h.acknowledgement, cases[i].acknowledgement);
        assert_int_equal(h.autonomous_system, 100);
        for (; eigrp_tlv_next(&r, &t); tlvs++) {
            if (t.type != EIGRP_TLV_INTERNAL && t.type != EIGRP_TLV_EXTERNAL)
                continue;
            for (d = reader_of(t.route.destinations); eigrp_destination_next(&d, &p); destinations++)
                assert_true(p.length <= 32);
        }
        assert_int_equal(tlvs, cases[i].tlvs);
        assert_int_equal(destinations, cases[i].destinations);
        /* Any byte changed breaks the checksum or the sense; cut off, nothing is read. */
        for (size_t at = 0; at < b.len; at++) {
            ((uint8_t *)b.data)[at] ^= 0x10;
            assert_int_not_equal(eigrp_parse(b, &h, &r), EIGRP_ERROR_OK);
            ((uint8_t *)b.data)[at] ^= 0x10;
        }
        for (size_t len = 0; len < b.len; len++)
            assert_int_not_equal(eigrp_parse(bytes_of(b.data, len), &h, &r), EIGRP_ERROR_OK);
        vector_free(b);
    }
}

static struct eigrp_tlv tlv_of(const char *name, uint16_t type)
{
    static uint8_t packet[EIGRP_PACKET_MAX]; /* what is parsed lies there */
    struct bytes b = vector_load(name);
    struct eigrp_header h;
    struct eigrp_tlv t;
    struct reader r;
    memcpy(packet, b.data, b.len);
    vector_free(b);
    assert_int_equal(eigrp_parse(bytes_of(packet, b.len), &h, &r), EIGRP_ERROR_OK);
    while (eigrp_tlv_next(&r, &t))
        if (t.type == type)
            return t;
    fail_msg("%s has no TLV %04x", name, type);
    return t;
}

static void test_values(void **state)
{
    (void)state;
    struct eigrp_tlv t = tlv_of("eigrp/frr_hello", EIGRP_TLV_PARAMETER);
    assert_memory_equal(t.parameter.k, ((uint8_t[]){1, 0, 1, 0, 0, 0}), 6);
    assert_int_equal(t.parameter.hold, 15);
    t = tlv_of("eigrp/frr_hello", EIGRP_TLV_VERSION);
    assert_int_equal(t.version.os_major, 8);
    assert_int_equal(t.version.os_minor, 4);
    t = tlv_of("eigrp/conditional", EIGRP_TLV_SEQUENCE);
    assert_int_equal(t.addresses.len, 8);
    t = tlv_of("eigrp/conditional", EIGRP_TLV_NEXT_SEQUENCE);
    assert_int_equal(t.next_sequence, 77);
    t = tlv_of("eigrp/termination", EIGRP_TLV_TERMINATION);
    assert_int_equal(t.address, 0x0a010001);
    t = tlv_of("eigrp/external", EIGRP_TLV_EXTERNAL);
    assert_int_equal(t.route.origin.router_id, 0x0a010001);
    assert_int_equal(t.route.origin.tag, 7);
    assert_int_equal(t.route.origin.protocol, EIGRP_ORIGIN_STATIC);
    assert_int_equal(t.route.metric.mtu, 1500);
    t = tlv_of("eigrp/query", EIGRP_TLV_INTERNAL);
    assert_int_equal(t.route.metric.delay, EIGRP_DELAY_INFINITE);
}

static void test_bad(void **state)
{
    (void)state;
    struct eigrp_header h;
    struct reader r;
    struct bytes b = vector_load("eigrp/bad_length");
    assert_int_equal(eigrp_parse(b, &h, &r), EIGRP_ERROR_TLV_LENGTH);
    vector_free(b);
    b = vector_load("eigrp/bad_prefix");
    assert_int_equal(eigrp_parse(b, &h, &r), EIGRP_ERROR_DESTINATION);
    vector_free(b);
}

/* Every length of prefix, internal and external, is written and read back; what does not fit is not written.
 */
static void test_write(void **state)
{
    (void)state;
    const struct eigrp_header h = {
        .opcode = EIGRP_UPDATE, .flags = 8, .sequence = 5, .acknowledgement = 6, .autonomous_system = 100};
    for (unsigned length = 0; length <= 32; length++)
        for (unsigned external = 0; external < 2; external++) {
            uint8_t out[EIGRP_HEADER + EIGRP_TLV_ROUTE_MAX];
            struct eigrp_route route = {.external = external,
                                        .metric = {2560, 25600, 1500, 1, 255, 1, 0, 0},
                                        .origin = {.router_id = 1, .tag = 9, .protocol = 3}};
            struct prefix p = {address_v4(0xc0a8ffff), (uint8_t)length}, got;
            prefix_mask(&p);
            struct writer w = writer_of(out, sizeof out);
            eigrp_write_header(&w, &h);
            eigrp_write_route(&w, &route, &p);
            size_t len = eigrp_write_finish(&w);
            assert_true(len > 0);
            struct eigrp_header again;
            struct eigrp_tlv t;
            struct reader r;
            eigrp_acknowledge(out, len, 77);
            assert_int_equal(eigrp_parse(bytes_of(out, len), &again, &r), EIGRP_ERROR_OK);
            assert_int_equal(again.acknowledgement, 77);
            assert_true(eigrp_tlv_next(&r, &t));
            assert_int_equal(t.route.external, external);
            assert_int_equal(t.route.metric.bandwidth, 25600);
            assert_int_equal(t.route.origin.tag, external ? 9 : 0);
            struct reader d = reader_of(t.route.destinations);
            assert_true(eigrp_destination_next(&d, &got) && prefix_equal(&got, &p));
            assert_false(eigrp_destination_next(&d, &got));
            assert_false(d.failed);
            for (size_t size = 0; size < len; size++) {
                w = writer_of(out, size);
                eigrp_write_header(&w, &h);
                eigrp_write_route(&w, &route, &p);
                assert_int_equal(eigrp_write_finish(&w), 0);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
