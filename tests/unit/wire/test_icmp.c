/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors, read from routers and written by us. */
#include "test.h"
#include "wire/ip.h"

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t kind, protocol;
        uint32_t mtu, spi, sequence;
        uint16_t quoted_length, source_port;
        bool has_spi, has_ports;
    } cases[] = {
        {"ip/icmp_frag_needed_esp", ICMP_ERROR_TOO_BIG, 50, 1400, 0x18711a91, 7, 48, 0, true, false},
        {"ip/icmp_frag_needed_udp", ICMP_ERROR_TOO_BIG, 17, 0, 0x18711a91, 8, 76, 4500, true, true},
        {"ip/icmp_time_exceeded_ah", ICMP_ERROR_TIME_EXCEEDED, 51, 0, 0x1234, 10, 44, 0, true, false},
        {"ip/icmp6_too_big_esp", ICMP_ERROR_TOO_BIG, 50, 1380, 0x1001, 42, 108, 0, true, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes packet = vector_load(cases[i].name);
        uint8_t *data = (uint8_t *)packet.data;
        struct ip_packet p;
        struct icmp_error e;
        assert_int_equal(ip_parse(packet, &p), IP_OK);
        assert_true(icmp_error_parse(&p, &e));
        assert_int_equal(e.kind, cases[i].kind);
        assert_int_equal(e.protocol, cases[i].protocol);
        assert_int_equal(e.mtu, cases[i].mtu);
        assert_int_equal(e.spi, cases[i].spi);
        assert_int_equal(e.sequence, cases[i].sequence);
        assert_int_equal(e.quoted_length, cases[i].quoted_length);
        assert_int_equal(e.source_port, cases[i].source_port);
        assert_true(e.has_spi == cases[i].has_spi && e.has_ports == cases[i].has_ports);
        struct address ours = address(p.version == 4 ? "9.1.1.130" : "2001:db8::1");
        struct address peer = address(p.version == 4 ? "9.1.1.22" : "2001:db8::2");
        assert_true(address_equal(&e.source, &ours) && address_equal(&e.destination, &peer));
        /* Any bit of the message changed breaks its checksum, and the result stays as it was. */
        struct icmp_error before = e;
        for (size_t at = p.header_length; at < p.data.len; at++) {
            data[at] ^= 4;
            assert_true(ip_parse(packet, &p) != IP_OK || !icmp_error_parse(&p, &e));
            data[at] ^= 4;
        }
        assert_memory_equal(&before, &e, sizeof(e));
        /* However little is quoted: with fewer than 4 (AH: 8) transport bytes there is no SPI, without an IP
         * header nothing at all. */
        size_t ip = p.version == 4 ? IPV4_HEADER : IPV6_HEADER;
        for (size_t len = 0; len < p.payload.len; len++) {
            bool parsed = icmp_error_parse_message(p.version, bytes_of(p.payload.data, len), &e);
            assert_int_equal(parsed, len >= ICMP_HEADER + ip);
            size_t least = e.protocol == 51 ? 8u : e.protocol == 17 ? 12u : 4u;
            if (parsed)
                assert_int_equal(e.has_spi, len >= ICMP_HEADER + ip + least);
        }
        vector_free(packet);
    }
}

static void test_read_other(void **state)
{
    (void)state;
    static const char *const names[] = {"ip/echo", "ip/udp", "ip/esp", "ip/udp6"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct bytes packet = vector_load(names[i]);
        struct ip_packet p;
        struct icmp_error e;
        assert_int_equal(ip_parse(packet, &p), IP_OK);
        assert_false(icmp_error_parse(&p, &e));
        vector_free(packet);
    }
    /* IKE on port 4500: the marker is no SPI. A later fragment shows nothing of its transport header. */
    struct bytes packet = vector_load("ip/icmp_frag_needed_udp");
    uint8_t *quoted = (uint8_t *)packet.data + IPV4_HEADER + ICMP_HEADER;
    struct bytes message = bytes_of(packet.data + IPV4_HEADER, packet.len - IPV4_HEADER);
    struct icmp_error e;
    memset(quoted + IPV4_HEADER + UDP_HEADER, 0, 4);
    assert_true(icmp_error_parse_message(4, message, &e) && !e.has_spi && e.has_ports);
    quoted[7] = 1;
    assert_true(icmp_error_parse_message(4, message, &e) && !e.has_spi && !e.has_ports);
    quoted[0] = 0x44;
    assert_false(icmp_error_parse_message(4, message, &e));
    quoted[0] = 0x65;
    assert_false(icmp_error_parse_message(4, message, &e));
    vector_free(packet);
}

static void test_write(void **state)
{
    (void)state;
    static const struct {
        const char *name, *own;
        enum icmp_error_kind kind;
        size_t size, len; /* 0: no error is sent */
    } cases[] = {
        {"ip/tcp_df", "10.0.64.254", ICMP_ERROR_TOO_BIG, 1500, 576},
        {"ip/tcp_df", "10.0.64.254", ICMP_ERROR_TOO_BIG, 100, 100},
        {"ip/tcp_df", "10.0.64.254", ICMP_ERROR_TOO_BIG, 55, 0}, /* no room for 8 bytes of TCP */
        {"ip/tcp_df", "2001:db8::ff", ICMP_ERROR_TOO_BIG, 1500, 0},
        {"ip/udp", "10.0.64.254", ICMP_ERROR_TIME_EXCEEDED, 1500, 28 + 33},
        {"ip/udp", "10.0.64.254", ICMP_ERROR_UNREACHABLE, 1500, 28 + 33},
        {"ip/udp", "10.0.64.254", ICMP_ERROR_PARAMETER_PROBLEM, 1500, 0},
        {"ip/echo", "10.0.64.254", ICMP_ERROR_TIME_EXCEEDED, 1500, 28 + 36},
        {"ip/fragment_first", "10.0.64.254", ICMP_ERROR_TIME_EXCEEDED, 1500, 576},
        {"ip/fragment_middle", "10.0.64.254", ICMP_ERROR_TIME_EXCEEDED, 1500, 0},
        {"ip/icmp_frag_needed_esp", "10.0.64.254", ICMP_ERROR_TIME_EXCEEDED, 1500, 0},
        {"ip/truncated", "10.0.64.254", ICMP_ERROR_TIME_EXCEEDED, 1500, 0},
        {"ip/udp6", "2001:db8::ff", ICMP_ERROR_TOO_BIG, 1500, 48 + 52},
        {"ip/icmp6_too_big_esp", "2001:db8::ff", ICMP_ERROR_TOO_BIG, 1500, 0},
        {"ip/fragment6_later", "2001:db8::ff", ICMP_ERROR_TOO_BIG, 1500, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes packet = vector_load(cases[i].name);
        struct address own = address(cases[i].own);
        uint8_t out[1500];
        struct ip_packet p, original;
        struct icmp_error e;
        memset(out, 0xee, sizeof(out));
        size_t len = icmp_error_write(cases[i].kind, packet, &own, 1400, out, cases[i].size);
        if (len != cases[i].len)
            fail_msg("case %zu (%s): %zu bytes", i, cases[i].name, len);
        for (size_t at = len; at < sizeof(out); at++)
            assert_int_equal(out[at], 0xee);
        if (len > 0) {
            assert_int_equal(ip_parse(packet, &original), IP_OK);
            assert_int_equal(ip_parse(bytes_of(out, len), &p), IP_OK);
            assert_true(p.data.len == len && (p.version == 6 || ipv4_checksum_ok(out)));
            assert_true(address_equal(&p.source, &own) && address_equal(&p.destination, &original.source));
            assert_true(icmp_error_parse(&p, &e));
            assert_int_equal(e.kind, cases[i].kind);
            assert_int_equal(e.mtu, cases[i].kind == ICMP_ERROR_TOO_BIG ? 1400 : 0);
            assert_int_equal(e.quoted_length, original.total_length);
            size_t headers = p.header_length + (size_t)ICMP_HEADER;
            assert_memory_equal(out + headers, packet.data, len - headers);
        }
        vector_free(packet);
    }
}

/* About packets with these addresses nobody is told anything. */
static void test_write_silent(void **state)
{
    (void)state;
    static const struct {
        const char *name, *source, *destination;
        bool sent;
    } cases[] = {
        {"ip/udp", "10.0.64.1", "10.0.0.1", true},         {"ip/udp", "0.0.0.0", "10.0.0.1", false},
        {"ip/udp", "224.0.0.1", "10.0.0.1", false},        {"ip/udp", "127.0.0.1", "10.0.0.1", false},
        {"ip/udp", "255.255.255.255", "10.0.0.1", false},  {"ip/udp", "10.0.64.1", "224.0.0.5", false},
        {"ip/udp", "10.0.64.1", "255.255.255.255", false}, {"ip/udp6", "::", "2001:db8::2", false},
        {"ip/udp6", "ff02::1", "2001:db8::2", false},      {"ip/udp6", "2001:db8::1", "ff02::2", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes packet = vector_load(cases[i].name);
        struct address source = address(cases[i].source), destination = address(cases[i].destination);
        struct address own = address(source.family == 4 ? "10.0.64.254" : "2001:db8::ff");
        size_t at = source.family == 4 ? 12 : 8, len = address_len(&source);
        uint8_t out[1500];
        memcpy((uint8_t *)packet.data + at, source.bytes, len);
        memcpy((uint8_t *)packet.data + at + len, destination.bytes, len);
        size_t got = icmp_error_write(ICMP_ERROR_TIME_EXCEEDED, packet, &own, 0, out, sizeof(out));
        assert_int_equal(got > 0, cases[i].sent);
        /* IPv6 path MTU discovery works for multicast too. */
        if (source.family == 6 && address_is_multicast(&destination))
            assert_true(icmp_error_write(ICMP_ERROR_TOO_BIG, packet, &own, 1280, out, sizeof(out)) > 0);
        vector_free(packet);
    }
}

static void test_plateau(void **state)
{
    (void)state;
    static const struct {
        uint16_t length, below;
    } cases[] = {{65535, 32000}, {1500, 1492}, {1492, 1006}, {1400, 1006}, {300, 296},
                 {296, 68},      {69, 68},     {68, 68},     {0, 68}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(pmtu_plateau_below(cases[i].length), cases[i].below);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),         cmocka_unit_test(test_read_other), cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_silent), cmocka_unit_test(test_plateau),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
