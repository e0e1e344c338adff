/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing, checksums, changes in place and fragmentation of IP packets. */
#include "base/rng.h"
#include "test.h"
#include "wire/ip.h"

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *name, *source, *destination;
        uint16_t header, source_port, destination_port, fragment_offset;
        uint8_t protocol, traffic_class;
        bool df, mf, ports, icmp;
    } cases[] = {
        {"ip/echo", "10.0.64.1", "10.0.0.1", 20, 0, 0, 0, 1, 0, false, false, false, true},
        {"ip/esp", "9.1.1.130", "9.1.1.22", 20, 0, 0, 0, 50, 0, false, false, false, false},
        {"ip/udp", "10.0.64.1", "10.0.0.1", 20, 53, 40000, 0, 17, 0xb8, false, false, true, false},
        {"ip/tcp_df", "10.0.64.1", "10.0.0.1", 20, 80, 51000, 0, 6, 0, true, false, true, false},
        {"ip/fragment_first", "10.0.64.1", "10.0.0.1", 20, 53, 40000, 0, 17, 0, false, true, true, false},
        {"ip/fragment_middle", "10.0.64.1", "10.0.0.1", 20, 0, 0, 1000, 17, 0, false, true, false, false},
        {"ip/fragment_last", "10.0.64.1", "10.0.0.1", 20, 0, 0, 1200, 17, 0, false, false, false, false},
        {"ip/options", "10.0.64.1", "10.0.0.1", 40, 1, 2, 0, 17, 0, false, false, true, false},
        {"ip/udp6", "2001:db8::1", "2001:db8::2", 40, 500, 500, 0, 17, 0, true, false, true, false},
        {"ip/extensions6", "2001:db8::1", "2001:db8::2", 64, 80, 51000, 0, 6, 0, true, false, true, false},
        {"ip/fragment6_first", "2001:db8::1", "2001:db8::2", 48, 500, 500, 0, 17, 0, true, true, true, false},
        {"ip/fragment6_later", "2001:db8::1", "2001:db8::2", 48, 0, 0, 24, 17, 0, true, false, false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes packet = vector_load(cases[i].name);
        struct address source = address(cases[i].source), destination = address(cases[i].destination);
        struct ip_packet p;
        assert_int_equal(ip_parse(packet, &p), IP_OK);
        assert_true(address_equal(&p.source, &source) && address_equal(&p.destination, &destination));
        assert_int_equal(p.version, source.family);
        assert_int_equal(p.header_length, cases[i].header);
        assert_int_equal(p.data.len, packet.len);
        assert_int_equal(p.payload.len, packet.len - cases[i].header);
        assert_int_equal(p.protocol, cases[i].protocol);
        assert_int_equal(packet.data[p.next_header_at], cases[i].protocol);
        assert_int_equal(p.traffic_class, cases[i].traffic_class);
        assert_int_equal(p.ttl, 64);
        assert_int_equal(p.dont_fragment, cases[i].df);
        assert_int_equal(p.more_fragments, cases[i].mf);
        assert_int_equal(p.fragment_offset, cases[i].fragment_offset);
        assert_int_equal(ip_is_fragment(&p), cases[i].mf || cases[i].fragment_offset);
        assert_int_equal(p.has_ports, cases[i].ports);
        assert_int_equal(p.source_port, cases[i].source_port);
        assert_int_equal(p.destination_port, cases[i].destination_port);
        assert_int_equal(p.has_icmp, cases[i].icmp);
        if (p.version == 4)
            assert_true(ipv4_checksum_ok(packet.data));
        /* Every way of cutting it off is an error and leaves the result alone. */
        for (size_t len = 0; len < packet.len; len++) {
            struct ip_packet before = p;
            assert_int_not_equal(ip_parse(bytes_of(packet.data, len), &p), IP_OK);
            assert_memory_equal(&before, &p, sizeof(p));
        }
        vector_free(packet);
    }
}

/* One byte of a good packet changed, and what the parse says then. */
static void test_parse_bad(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        enum ip_error error;
    } cases[] = {
        {"ip/echo", 0, 0x55, IP_ERROR_VERSION},
        {"ip/echo", 0, 0x05, IP_ERROR_VERSION},
        {"ip/echo", 0, 0x44, IP_ERROR_HEADER_LENGTH},
        {"ip/echo", 0, 0x4f, IP_ERROR_TOTAL_LENGTH},
        {"ip/echo", 3, 19, IP_ERROR_TOTAL_LENGTH},
        {"ip/echo", 3, 37, IP_ERROR_TRUNCATED},
        {"ip/echo", 2, 1, IP_ERROR_TRUNCATED},
        {"ip/echo", 3, 20, IP_OK},
        {"ip/echo", 3, 30, IP_OK}, /* link padding */
        {"ip/fragment_middle", 3, 20 + 199, IP_ERROR_FRAGMENT},
        {"ip/fragment_middle", 3, 20, IP_ERROR_FRAGMENT},
        {"ip/ping_of_death", 0, 0x45, IP_ERROR_FRAGMENT},
        {"ip/truncated", 0, 0x45, IP_ERROR_TRUNCATED},
        {"ip/udp6", 5, 13, IP_ERROR_TRUNCATED},
        {"ip/udp6", 4, 0xff, IP_ERROR_TRUNCATED},
        {"ip/extensions6", 41, 255, IP_ERROR_EXTENSION},
        {"ip/extensions6", 40, 0, IP_ERROR_EXTENSION}, /* hop-by-hop twice */
        {"ip/extensions6", 6, 44, IP_OK},              /* hop-by-hop read as an atomic fragment header */
        {"ip/fragment6_first", 40, 44, IP_ERROR_EXTENSION},
        {"ip/fragment6_first", 5, 31, IP_ERROR_FRAGMENT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes packet = vector_load(cases[i].name);
        struct ip_packet p;
        ((uint8_t *)packet.data)[cases[i].at] = cases[i].value;
        enum ip_error error = ip_parse(packet, &p);
        if (error != cases[i].error)
            fail_msg("case %zu (%s): %s", i, cases[i].name, ip_error_name(error));
        vector_free(packet);
    }
    /* Nine extension headers are one too many. */
    uint8_t long_chain[IPV6_HEADER + 9 * 8] = {0x60, [5] = 9 * 8, [6] = IP_PROTOCOL_DSTOPTS, [7] = 64};
    struct ip_packet p;
    for (int i = 0; i < 9; i++)
        long_chain[IPV6_HEADER + 8 * i] = i == 8 ? IP_PROTOCOL_UDP : IP_PROTOCOL_DSTOPTS;
    assert_int_equal(ip_parse(bytes_of(long_chain, sizeof(long_chain)), &p), IP_ERROR_TOO_MANY_EXTENSIONS);
    long_chain[IPV6_HEADER + 8 * 7] = IP_PROTOCOL_UDP;
    assert_int_equal(ip_parse(bytes_of(long_chain, sizeof(long_chain)), &p), IP_OK);
    assert_int_equal(p.protocol, IP_PROTOCOL_UDP);
    for (unsigned e = 0; e <= IP_ERROR_MTU; e++)
        assert_string_not_equal(ip_error_name(e), "?");
    assert_string_equal(ip_error_name(IP_ERROR_MTU + 1), "?");
}

/* The definition, word by word. */
static uint16_t checksum_slow(const uint8_t *data, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void test_checksum(void **state)
{
    (void)state;
    uint8_t data[300];
    struct rng r;
    rng_init_number(&r, 1071);
    for (size_t len = 0; len < sizeof(data); len++) {
        rng_fill(&r, data, sizeof(data));
        uint16_t want = checksum_slow(data, len, 0);
        assert_int_equal(be16_get(checksum_of(data, len)), want);
        /* In pieces. */
        size_t cut = rng_below(&r, (uint32_t)len + 1) & ~(size_t)1;
        assert_int_equal(
            be16_get(checksum_finish(checksum_add(checksum_add(0, data, cut), data + cut, len - cut))), want);
    }
    memset(data, 0xff, sizeof(data));
    assert_int_equal(be16_get(checksum_of(data, sizeof(data))), 0);
    /* RFC 1624 §4's example: 0xdd2f, 0x5555 becomes 0x3285. */
    be16 updated = checksum_update16(be16_of(0xdd2f), be16_of(0x5555), be16_of(0x3285));
    assert_int_equal(be16_get(updated), 0x0000);
    /* An update equals a new sum, for words of both widths. */
    for (int i = 0; i < 2000; i++) {
        rng_fill(&r, data, 40);
        be16 before = checksum_of(data, 40), word16, new16 = be16_of((uint16_t)rng_u32(&r));
        be32 word32, new32 = be32_of(rng_u32(&r));
        memcpy(&word16, data + 6, 2);
        memcpy(&word32, data + 12, 4);
        memcpy(data + 6, &new16, 2);
        memcpy(data + 12, &new32, 4);
        be16 step = checksum_update32(checksum_update16(before, word16, new16), word32, new32);
        assert_int_equal(be16_get(step), be16_get(checksum_of(data, 40)));
    }
}

static void test_transport(void **state)
{
    (void)state;
    struct address a = address("10.0.64.1"), b = address("10.0.0.1");
    uint8_t segment[] = {0, 53, 0x9c, 0x40, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o'};
    uint32_t pseudo = 0x0a00 + 0x4001 + 0x0a00 + 0x0001 + 17 + sizeof(segment);
    assert_int_equal(be16_get(checksum_transport(&a, &b, 17, bytes_of(segment, sizeof(segment)))),
                     checksum_slow(segment, sizeof(segment), pseudo));
    struct address c = address("2001:db8::1"), d = address("2001:db8::2");
    pseudo = 2 * (0x2001 + 0x0db8) + 1 + 2 + 58 + sizeof(segment);
    assert_int_equal(be16_get(checksum_transport(&c, &d, 58, bytes_of(segment, sizeof(segment)))),
                     checksum_slow(segment, sizeof(segment), pseudo));
    /* A UDP checksum that comes out zero is sent as all ones, that of TCP is not. */
    uint8_t zero[] = {0, 0, 0, 0, 0, 0, 0, 0};
    pseudo = 0x0a00 + 0x4001 + 0x0a00 + 0x0001 + 17 + 8;
    be16_store(zero, checksum_slow(zero, 8, pseudo));
    assert_int_equal(be16_get(checksum_transport(&a, &b, 17, bytes_of(zero, 8))), 0xffff);
    be16_store(zero, (uint16_t)(be16_load(zero) + 17 - 6));
    assert_int_equal(be16_get(checksum_transport(&a, &b, 6, bytes_of(zero, 8))), 0);
}

static void test_change(void **state)
{
    (void)state;
    static const char *const names[] = {"ip/echo", "ip/udp", "ip/options", "ip/udp6", "ip/extensions6"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct bytes packet = vector_load(names[i]);
        uint8_t *data = (uint8_t *)packet.data;
        struct ip_packet p;
        for (int ttl = 63; ttl >= 1; ttl--) {
            assert_true(ip_ttl_decrement(data));
            assert_int_equal(ip_parse(packet, &p), IP_OK);
            assert_int_equal(p.ttl, ttl);
            assert_true(p.version == 6 || ipv4_checksum_ok(data));
        }
        assert_false(ip_ttl_decrement(data));
        assert_int_equal(ip_parse(packet, &p), IP_OK);
        assert_int_equal(p.ttl, 1);
        for (unsigned tos = 0; tos < 256; tos++) {
            ip_traffic_class_set(data, (uint8_t)tos);
            assert_int_equal(ip_parse(packet, &p), IP_OK);
            assert_true(p.traffic_class == tos && (p.version == 6 || ipv4_checksum_ok(data)));
        }
        for (int on = 1; on >= 0 && p.version == 4; on--) {
            ipv4_dont_fragment_set(data, on);
            assert_int_equal(ip_parse(packet, &p), IP_OK);
            assert_true(p.dont_fragment == on && ipv4_checksum_ok(data));
        }
        vector_free(packet);
    }
}

static void test_ecn(void **state)
{
    (void)state;
    /* RFC 6040 figure 4; columns: outer Not-ECT, ECT(1), ECT(0), CE. */
    static const int want[4][4] = {[ECN_NOT_ECT] = {0, 0, 0, -1},
                                   [ECN_ECT_1] = {1, 1, 1, 3},
                                   [ECN_ECT_0] = {2, 1, 2, 3},
                                   [ECN_CE] = {3, 3, 3, 3}};
    for (unsigned inner = 0; inner < 4; inner++) {
        for (unsigned outer = 0; outer < 4; outer++)
            assert_int_equal(ecn_decapsulate((uint8_t)(0xb8 | outer), (uint8_t)(0x20 | inner)),
                             want[inner][outer]);
        assert_int_equal(ecn_encapsulate((uint8_t)(0xb8 | inner), true), inner);
        assert_int_equal(ecn_encapsulate((uint8_t)(0xb8 | inner), false), 0);
    }
}

static void test_header_write(void **state)
{
    (void)state;
    uint8_t out[IPV6_HEADER];
    struct ip_packet p;
    struct ip_header_fields f = {address("9.1.1.130"), address("9.1.1.22"), .payload_length = 68,
                                 .id = 0x1234,         .protocol = 50,      .ttl = 64};
    uint8_t want[20];
    bytes_from_hex("4500005812340000403253a70901018209010116", want, 20);
    assert_int_equal(ip_header_write(out, &f), 20);
    assert_memory_equal(out, want, 20);
    f.dont_fragment = true;
    f.traffic_class = 0xb9;
    f.payload_length = 0;
    assert_int_equal(ip_header_write(out, &f), 20);
    assert_int_equal(ip_parse(bytes_of(out, 20), &p), IP_OK);
    assert_true(p.dont_fragment && p.traffic_class == 0xb9 && ipv4_checksum_ok(out));
    f.payload_length = UINT16_MAX - 19;
    assert_int_equal(ip_header_write(out, &f), 0);
    f.source = address("2001:db8::1");
    assert_int_equal(ip_header_write(out, &f), 0);
    f.destination = address("2001:db8::2");
    f.payload_length = 0;
    f.flow_label = 0xfffabcde;
    f.protocol = IP_PROTOCOL_NONE;
    assert_int_equal(ip_header_write(out, &f), 40);
    assert_int_equal(ip_parse(bytes_of(out, 40), &p), IP_OK);
    assert_true(p.traffic_class == 0xb9 && p.ttl == 64 && p.protocol == 59 && p.version == 6);
    assert_int_equal(be32_load(out) & 0xfffff, 0xabcde);
}

static void test_fragment(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t mtu;
        bool clear_df;
        enum ip_error error;
        int fragments, later_header;
    } cases[] = {
        {"ip/tcp_df", 1400, false, IP_OK, 1, 20},
        {"ip/tcp_df", 1000, false, IP_ERROR_DONT_FRAGMENT, 0, 0},
        {"ip/tcp_df", 1000, true, IP_OK, 2, 20},
        {"ip/tcp_df", 68, true, IP_OK, 28, 20},
        {"ip/tcp_df", 67, true, IP_ERROR_MTU, 0, 0},
        {"ip/fragment_first", 576, false, IP_OK, 2, 20},
        {"ip/fragment_middle", 100, false, IP_OK, 3, 20},
        {"ip/fragment_last", 100, false, IP_OK, 2, 20},
        {"ip/options", 200, false, IP_OK, 3, 28},
        {"ip/udp6", 1280, false, IP_ERROR_VERSION, 0, 0},
        {"ip/truncated", 1280, false, IP_ERROR_TRUNCATED, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes packet = vector_load(cases[i].name);
        struct ipv4_fragmenter f;
        struct ip_packet p, part;
        uint8_t out[2000], joined[2000];
        size_t len, at = 0;
        int count = 0;
        if (cases[i].clear_df)
            ipv4_dont_fragment_set((uint8_t *)packet.data, false);
        assert_int_equal(ipv4_fragment_begin(&f, packet, cases[i].mtu), cases[i].error);
        while (cases[i].error == IP_OK && (len = ipv4_fragment_next(&f, out)) > 0) {
            assert_int_equal(ip_parse(packet, &p), IP_OK);
            assert_true(len <= cases[i].mtu && ipv4_checksum_ok(out));
            assert_int_equal(ip_parse(bytes_of(out, len), &part), IP_OK);
            assert_int_equal(part.fragment_offset, p.fragment_offset + at);
            assert_int_equal(part.header_length, count++ ? cases[i].later_header : p.header_length);
            memcpy(joined + at, part.payload.data, part.payload.len);
            at += part.payload.len;
            assert_int_equal(part.more_fragments, at < p.payload.len || p.more_fragments);
        }
        assert_int_equal(count, cases[i].fragments);
        if (count > 0)
            assert_true(bytes_equal(bytes_of(joined, at), p.payload));
        vector_free(packet);
    }
    /* Options that lie about their length. */
    struct bytes packet = vector_load("ip/options");
    struct ipv4_fragmenter f;
    ((uint8_t *)packet.data)[22] = 40;
    assert_int_equal(ipv4_fragment_begin(&f, packet, 200), IP_ERROR_HEADER_LENGTH);
    ((uint8_t *)packet.data)[22] = 1;
    assert_int_equal(ipv4_fragment_begin(&f, packet, 200), IP_ERROR_HEADER_LENGTH);
    vector_free(packet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),        cmocka_unit_test(test_parse_bad),
        cmocka_unit_test(test_checksum),     cmocka_unit_test(test_transport),
        cmocka_unit_test(test_change),       cmocka_unit_test(test_ecn),
        cmocka_unit_test(test_header_write), cmocka_unit_test(test_fragment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
