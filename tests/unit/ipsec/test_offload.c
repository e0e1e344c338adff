/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting and merging are each other's inverse; and what must not be merged is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ipsec/coalesce.h"
#include "ipsec/segment.h"
#include "wire/ip.h"

enum { SLOT = 9216, BIG = 65536 };

static uint8_t big[BIG + 64], copy[BIG + 64], joined[BIG + 64], slots[BURST_MAX * SLOT];
static struct coalescer *coalescer;

struct shape {
    uint8_t version;
    bool udp;
    uint32_t payload;
    uint16_t gso_size;
    uint8_t options; /* of TCP, bytes */
    uint8_t flags;
};

/* What the kernel gives for a large send: headers with the whole length, the checksum half done. */
static uint32_t super_make(uint8_t *out, const struct shape *s, struct rng *rng, struct vnet_header *h)
{
    uint32_t ip_len = s->version == 4 ? IPV4_HEADER : IPV6_HEADER;
    uint32_t transport = s->udp ? UDP_HEADER : TCP_HEADER + s->options;
    struct ip_header_fields f = {
        .payload_length = (uint16_t)(transport + s->payload),
        .protocol = s->udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP,
        .traffic_class = 0x48,
        .ttl = 61,
        .id = (uint16_t)rng_u32(rng),
        .dont_fragment = s->version == 6 || rng_below(rng, 2),
    };
    address_parse(s->version == 4 ? "10.1.1.1" : "2001:db8:1::1", &f.source);
    address_parse(s->version == 4 ? "10.2.2.2" : "2001:db8:2::2", &f.destination);
    assert_int_equal(ip_len, ip_header_write(out, &f));
    rng_fill(rng, out + ip_len, transport + s->payload);
    uint16_t csum_offset =
        s->udp ? offsetof(struct udp_header, checksum) : offsetof(struct tcp_header, checksum);
    if (s->udp) {
        be16_store(out + ip_len + 4, (uint16_t)(transport + s->payload));
    } else {
        struct tcp_header *tcp = (struct tcp_header *)(out + ip_len);
        tcp->offset = (uint8_t)(transport / 4 << 4);
        tcp->flags = s->flags;
    }
    uint64_t sum = checksum_pseudo(&f.source, &f.destination, f.protocol, transport + s->payload);
    be16_store(out + ip_len + csum_offset, (uint16_t)~be16_get(checksum_finish(sum)));
    *h = (struct vnet_header){
        .flags = VNET_NEEDS_CSUM,
        .gso_type = s->udp            ? VNET_GSO_UDP_L4
                    : s->version == 4 ? VNET_GSO_TCPV4
                                      : VNET_GSO_TCPV6,
        .header_len = (uint16_t)(ip_len + transport),
        .gso_size = s->gso_size,
        .csum_start = (uint16_t)ip_len,
        .csum_offset = csum_offset,
    };
    return ip_len + transport + s->payload;
}

static size_t split(uint8_t *packet, uint32_t len, const struct vnet_header *h, struct coalesce_packet *out,
                    size_t max)
{
    struct segmenter s;
    struct segment segments[BURST_MAX];
    assert_int_equal(DROP_NONE, segmenter_init(&s, h, packet, len));
    size_t n = segmenter_next(&s, slots, SLOT, segments, max);
    assert_true(segmenter_done(&s));
    for (size_t i = 0; i < n; i++) {
        struct ip_packet ip;
        assert_int_equal(IP_OK, ip_parse(bytes_of(segments[i].data, segments[i].len), &ip));
        assert_int_equal(segments[i].len, ip.total_length);
        uint64_t sum = checksum_pseudo(&ip.source, &ip.destination, ip.protocol, (uint32_t)ip.payload.len);
        assert_int_equal(0, be16_get(checksum_finish(checksum_add(sum, ip.payload.data, ip.payload.len))));
        assert_true(ip.version == 6 || ipv4_checksum_ok(segments[i].data));
        out[i] = (struct coalesce_packet){segments[i].data, segments[i].len};
    }
    return n;
}

static uint32_t join(const struct coalesced *c)
{
    uint32_t len = 0;
    for (int i = 1; i < c->iov_count; i++) {
        memcpy(joined + len, c->iov[i].iov_base, c->iov[i].iov_len);
        len += (uint32_t)c->iov[i].iov_len;
    }
    assert_ptr_equal(&c->header, c->iov[0].iov_base);
    assert_int_equal(sizeof(struct vnet_header), c->iov[0].iov_len);
    return len;
}

static void split_and_joined_is_the_same(void **state)
{
    (void)state;
    struct rng rng;
    rng_init_number(&rng, 7);
    for (int round = 0; round < 3000; round++) {
        struct shape s = {.version = rng_below(&rng, 2) ? 4 : 6, .udp = rng_below(&rng, 3) == 0};
        s.gso_size = (uint16_t)(1 + rng_below(&rng, 1448));
        uint32_t segments = 2 + rng_below(&rng, 43);
        s.payload = s.gso_size * (segments - 1) + 1 + rng_below(&rng, s.gso_size);
        s.options = (uint8_t)(rng_below(&rng, 11) * 4);
        s.flags = (uint8_t)(0x10 | (rng_below(&rng, 2) ? 8 : 0) | (rng_below(&rng, 4) ? 0 : 1));
        struct vnet_header h;
        struct coalesce_packet packets[BURST_MAX];
        uint32_t len = super_make(big, &s, &rng, &h);
        memcpy(copy, big, len);
        size_t n = split(big, len, &h, packets, BURST_MAX);
        assert_int_equal(segments, n);
        assert_int_equal(1, coalesce_burst(coalescer, packets, n));
        const struct coalesced *c = coalesced_at(coalescer, 0);
        assert_int_equal(segments, c->segments);
        assert_int_equal(len, join(c));
        assert_memory_equal(&h, &c->header, sizeof(h));
        assert_memory_equal(copy, joined, len);
    }
}

static void bad_super_packets(void **state)
{
    (void)state;
    struct rng rng;
    rng_init_number(&rng, 8);
    struct shape shape = {.version = 4, .payload = 4000, .gso_size = 1400, .flags = 0x10};
    struct vnet_header good;
    uint32_t len = super_make(big, &shape, &rng, &good);
    static const struct {
        const char *what;
        int gso_type, gso_size, csum_start;
        int byte, value; /* of the packet */
        uint32_t len;    /* 0: all */
    } cases[] = {
        {"size 0", -1, 0, -1, -1, 0, 0},
        {"UFO", 3, -1, -1, -1, 0, 0},
        {"TCPv6 around IPv4", VNET_GSO_TCPV6, -1, -1, -1, 0, 0},
        {"UDP around TCP", VNET_GSO_UDP_L4, -1, -1, -1, 0, 0},
        {"unknown type", 9, -1, -1, -1, 0, 0},
        {"version", -1, -1, -1, 0, 0x55, 0},
        {"a fragment", -1, -1, -1, 6, 0x20, 0},
        {"data offset too small", -1, -1, -1, 32, 0x40, 0},
        {"data offset too large", -1, -1, -1, 32, 0xf0, 50},
        {"truncated", -1, -1, -1, -1, 0, 30},
        {"empty", -1, -1, -1, -1, 0, 1},
        {"checksum outside", VNET_GSO_NONE, -1, 65000, -1, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vnet_header h = good;
        struct segmenter s;
        memcpy(copy, big, len);
        if (cases[i].gso_type >= 0)
            h.gso_type = (uint8_t)cases[i].gso_type;
        if (cases[i].gso_size >= 0)
            h.gso_size = (uint16_t)cases[i].gso_size;
        if (cases[i].csum_start >= 0)
            h.csum_start = (uint16_t)cases[i].csum_start;
        if (cases[i].byte >= 0)
            copy[cases[i].byte] = (uint8_t)cases[i].value;
        uint32_t n = cases[i].len ? cases[i].len : len;
        if (segmenter_init(&s, &h, copy, n) != DROP_MALFORMED)
            fail_msg("accepted: %s", cases[i].what);
    }
    /* No room: nothing is written, and it is not done. */
    struct segmenter s;
    struct segment out[4];
    assert_int_equal(DROP_NONE, segmenter_init(&s, &good, big, len));
    assert_int_equal(0, segmenter_next(&s, slots, 1400, out, 4));
    assert_false(segmenter_done(&s));
    assert_int_equal(2, segmenter_next(&s, slots, SLOT, out, 2)); /* piece by piece */
    assert_int_equal(1, segmenter_next(&s, slots, SLOT, out, 4));
    assert_true(segmenter_done(&s));
    assert_int_equal(0, segmenter_next(&s, slots, SLOT, out, 4));
}

static void checksum_left_to_us(void **state)
{
    (void)state;
    struct rng rng;
    rng_init_number(&rng, 9);
    struct shape shape = {.version = 6, .payload = 333, .gso_size = 1400, .flags = 0x18};
    struct vnet_header h;
    struct segmenter s;
    struct segment out;
    uint32_t len = super_make(big, &shape, &rng, &h);
    h.gso_type = VNET_GSO_NONE;
    h.gso_size = 0;
    assert_int_equal(DROP_NONE, segmenter_init(&s, &h, big, len));
    assert_int_equal(1, segmenter_next(&s, NULL, 0, &out, 1));
    assert_true(segmenter_done(&s));
    assert_ptr_equal(big, out.data);
    struct ip_packet ip;
    assert_int_equal(IP_OK, ip_parse(bytes_of(out.data, out.len), &ip));
    uint64_t sum = checksum_pseudo(&ip.source, &ip.destination, ip.protocol, (uint32_t)ip.payload.len);
    assert_int_equal(0, be16_get(checksum_finish(checksum_add(sum, ip.payload.data, ip.payload.len))));
}

/* Puts the checksum right after a change. */
static void tcp_fix(struct coalesce_packet *p)
{
    struct ip_packet ip;
    assert_int_equal(IP_OK, ip_parse(bytes_of(p->data, p->len), &ip));
    struct tcp_header *tcp = (struct tcp_header *)ip.payload.data;
    tcp->checksum = be16_of(0);
    tcp->checksum = checksum_transport(&ip.source, &ip.destination, ip.protocol, ip.payload);
    if (ip.version == 4)
        ipv4_checksum_set(p->data);
}

static void what_must_not_be_merged(void **state)
{
    (void)state;
    /* The change is made to the second of three segments; `runs` is what comes out of them. */
    static const struct {
        const char *what;
        int at;
        uint8_t flip;
        bool fix;
        size_t runs;
    } cases[] = {
        {"nothing", 0, 0, true, 1},
        {"TOS", 1, 0x04, true, 3},
        {"TTL", 8, 1, true, 3},
        {"DF", 6, 0x40, true, 3},
        {"source address", 15, 1, true, 3},
        {"port", 21, 1, true, 3},
        {"sequence", 27, 1, true, 3},
        {"acknowledgement", 31, 1, true, 3},
        {"window", 35, 1, true, 3},
        {"PSH", 33, 0x08, true, 2}, /* it ends a run */
        {"FIN", 33, 0x01, true, 2},
        {"RST", 33, 0x04, true, 3},
        {"SYN", 33, 0x02, true, 3},
        {"URG", 33, 0x20, true, 3},
        {"CWR", 33, 0x80, true, 3},
        {"ECE", 33, 0x40, true, 3},
        {"option", 41, 1, true, 3},
        {"payload", 100, 1, false, 3}, /* wrong checksum */
        {"header checksum", 10, 1, false, 3},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rng rng;
        rng_init_number(&rng, 10);
        struct shape shape = {.version = 4, .payload = 3000, .gso_size = 1000, .options = 12, .flags = 0x10};
        struct vnet_header h;
        struct coalesce_packet packets[3];
        uint32_t len = super_make(big, &shape, &rng, &h);
        assert_int_equal(3, split(big, len, &h, packets, 3));
        packets[1].data[cases[i].at] ^= cases[i].flip;
        if (cases[i].fix)
            tcp_fix(&packets[1]);
        uint8_t before[SLOT];
        memcpy(before, packets[1].data, packets[1].len);
        size_t runs = coalesce_burst(coalescer, packets, 3);
        if (runs != cases[i].runs)
            fail_msg("%s: %zu runs", cases[i].what, runs);
        if (runs == 3) {
            const struct coalesced *c = coalesced_at(coalescer, 1);
            assert_int_equal(packets[1].len, join(c));
            assert_memory_equal(before, joined, packets[1].len);
            assert_int_equal(0, c->header.flags);
        }
    }
}

/* Two flows, packet by packet in turn, and a packet that is no TCP in between: two runs and it. */
static void flows_interleaved(void **state)
{
    (void)state;
    struct rng rng;
    rng_init_number(&rng, 11);
    struct shape shape = {.version = 4, .payload = 20 * 100, .gso_size = 100, .flags = 0x10};
    struct vnet_header h;
    struct coalesce_packet packets[BURST_MAX], mixed[41];
    static uint8_t other[20 * SLOT];
    uint32_t len = super_make(big, &shape, &rng, &h);
    assert_int_equal(20, split(big, len, &h, packets, 20));
    for (int i = 0; i < 20; i++) {
        mixed[i * 2] = packets[i];
        memcpy(other + i * SLOT, packets[i].data, packets[i].len);
        other[i * SLOT + 23] ^= 0x40; /* destination port */
        mixed[i * 2 + 1] = (struct coalesce_packet){other + i * SLOT, packets[i].len};
        tcp_fix(&mixed[i * 2 + 1]);
    }
    uint8_t junk[3] = {0x45, 0, 0};
    mixed[40] = mixed[39];
    mixed[39] = (struct coalesce_packet){junk, 3};
    assert_int_equal(3, coalesce_burst(coalescer, mixed, 41));
    assert_int_equal(20, coalesced_at(coalescer, 0)->segments);
    assert_int_equal(20, coalesced_at(coalescer, 1)->segments);
    assert_int_equal(1, coalesced_at(coalescer, 2)->segments);
    coalescer_set(coalescer, false, false);
    assert_int_equal(3, coalesce_burst(coalescer, packets, 3)); /* switched off */
}

static int make(void **state)
{
    (void)state;
    coalescer = coalescer_new();
    assert_non_null(coalescer);
    coalescer_set(coalescer, true, true);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    coalescer_free(coalescer);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(split_and_joined_is_the_same, make, unmake),
        cmocka_unit_test(bad_super_packets),
        cmocka_unit_test(checksum_left_to_us),
        cmocka_unit_test_setup_teardown(what_must_not_be_merged, make, unmake),
        cmocka_unit_test_setup_teardown(flows_interleaved, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
