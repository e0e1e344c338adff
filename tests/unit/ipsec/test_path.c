/* SPDX-License-Identifier: Apache-2.0 */
/* Packets through both directions: every transform in every mode and of every size, and what an attacker or a
 * bad link makes of them. RFC 4301, 4302, 4303, 3948. */
#include "gateways.h"

#include "ipsec/encapsulate.h"

static uint8_t buffers[BURST_MAX][BUFFER], arrived[BURST_MAX + 1][BUFFER], original[BUFFER];
static struct inbound_result results[BURST_MAX];

static const struct packet_algorithms transforms[] = {
    {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96},
    {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96},
    {PACKET_ENCRYPTION_3DES, 24, PACKET_INTEGRITY_SHA1_96},
    {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96},
    {PACKET_ENCRYPTION_AES_CBC, 24, PACKET_INTEGRITY_SHA384_192},
    {PACKET_ENCRYPTION_AES_CBC, 32, PACKET_INTEGRITY_SHA256_128},
    {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA512_256},
    {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_AES_GCM12, 24, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_AES_GCM8, 32, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_CHACHA20_POLY1305, 32, PACKET_INTEGRITY_NONE},
};

/* A packet of the spoke to the hub, and what came of it there. */
static struct inbound_result *cross(uint8_t version, uint32_t len, bool df)
{
    struct outbound_packet p = packet_make(buffers[0], version, len, df, 0);
    memcpy(original, p.data, len);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
    const struct outbound_result *r = outbound_results(spoke.out);
    assert_true(r->kind == OUTBOUND_SEND_RAW || r->kind == OUTBOUND_SEND_UDP);
    struct inbound_packet a = packet_arrive(r, arrived[0]);
    inbound_burst(hub.in, &a, 1, 1000, results);
    return &results[0];
}

static void crosses_whole(uint8_t version, uint32_t len)
{
    struct inbound_result *r = cross(version, len, true);
    if (r->kind != INBOUND_DELIVER)
        fail_msg("IPv%u, %u bytes, slot %u: %s", version, len, r->slot, drop_reason_name(r->reason));
    assert_int_equal(len, r->len);
    assert_memory_equal(original, r->data, len);
}

static void every_transform_mode_and_size(void **state)
{
    (void)state;
    static const uint16_t modes[] = {PAIR_TUNNEL, PAIR_TUNNEL | PAIR_UDP, PAIR_TUNNEL | PAIR_ESN};
    for (size_t i = 0; i < ARRAY_SIZE(transforms); i++)
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++)
            for (int outer_v6 = 0; outer_v6 < 2; outer_v6++) {
                struct tunnel t = {
                    .algorithms = transforms[i], .protocol = 50, .flags = modes[m], .outer_v6 = outer_v6};
                tunnel_install(&t, 4, 1);
                for (uint8_t version = 4; version <= 6; version += 2) {
                    for (uint32_t len = 48; len < 120; len++)
                        crosses_whole(version, len);
                    crosses_whole(version, 1380);
                }
            }
}

static void tampering_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(transforms); i++) {
        struct tunnel t = {.algorithms = transforms[i], .protocol = 50, .flags = PAIR_TUNNEL};
        if (packet_icv_len(&t.algorithms) == 0)
            continue;
        tunnel_install(&t, 4, 1);
        struct outbound_packet p = packet_make(buffers[0], 4, 100, false, 0);
        assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
        const struct outbound_result *r = outbound_results(spoke.out);
        for (uint32_t at = IPV4_HEADER; at < r->len; at++) {
            struct inbound_packet a = packet_arrive(r, arrived[0]);
            a.data[at] ^= 0x10;
            inbound_burst(hub.in, &a, 1, 1000, results);
            assert_int_equal(INBOUND_DROPPED, results[0].kind);
            assert_int_equal(at < 24 ? DROP_UNKNOWN_SPI : DROP_BAD_ICV, results[0].reason);
        }
        for (uint32_t len = 0; len < r->len; len++) {
            struct inbound_packet a = packet_arrive(r, arrived[0]);
            a.form = INBOUND_UDP;
            a.data += IPV4_HEADER;
            a.len = len > IPV4_HEADER ? len - IPV4_HEADER : 0;
            inbound_burst(hub.in, &a, 1, 1000, results);
            assert_int_equal(INBOUND_DROPPED, results[0].kind);
        }
        struct inbound_packet a = packet_arrive(r, arrived[0]);
        inbound_burst(hub.in, &a, 1, 1000, results);
        assert_int_equal(INBOUND_DELIVER, results[0].kind); /* none of that moved the window */
    }
}

static void copies_in_one_burst_are_refused(void **state)
{
    (void)state;
    struct tunnel t = {.algorithms = transforms[8], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    struct outbound_packet p[8];
    for (int i = 0; i < 8; i++)
        p[i] = packet_make(buffers[i], 4, 100, false, 0);
    assert_int_equal(8, outbound_burst(spoke.out, p, 8, 1000));
    struct inbound_packet a[16];
    for (int i = 0; i < 16; i++)
        a[i] = packet_arrive(&outbound_results(spoke.out)[i % 8], arrived[i]);
    inbound_burst(hub.in, a, 16, 1000, results);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(i < 8 ? INBOUND_DELIVER : INBOUND_DROPPED, results[i].kind);
        assert_int_equal(i < 8 ? DROP_NONE : DROP_REPLAY, results[i].reason);
    }
    assert_int_equal(8, hub.sad->pairs[4].in.packets);
    assert_int_equal(8, hub.sad->engines[0].drops[DROP_REPLAY]);
}

/* ---- modes ---- */

static void same_in_transport_mode(const char *what, const struct tunnel *t, uint8_t version, uint32_t len)
{
    /* The ends of a transport mode SA are those of the packet: the selectors are made to fit here. */
    tunnel_install(t, 4, 1);
    uint32_t slot = version == 4 ? 4 : 5;
    struct outbound_packet p = packet_make(buffers[0], version, len, true, 0x28);
    memcpy(original, p.data, len);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
    const struct outbound_result *r = outbound_results(spoke.out);
    struct inbound_packet a = packet_arrive(r, arrived[0]);
    if (version == 6 || r->kind == OUTBOUND_SEND_UDP) {
        /* The socket says where it came from, which is what the packet's header said. */
        struct ip_packet ip;
        assert_int_equal(IP_OK, ip_parse(bytes_of(original, len), &ip));
        a.remote.address = ip.source;
        a.local.address = ip.destination;
    }
    inbound_burst(hub.in, &a, 1, 1000, results);
    if (results[0].kind != INBOUND_DELIVER)
        fail_msg("%s: %s", what, drop_reason_name(results[0].reason));
    assert_int_equal(len, results[0].len);
    uint32_t header = version == 4 ? IPV4_HEADER : IPV6_HEADER;
    bool rebuilt = a.form != INBOUND_RAW_V4;
    assert_memory_equal(original + (rebuilt ? header : 0), results[0].data + (rebuilt ? header : 0),
                        len - (rebuilt ? header : 0));
    struct ip_packet ip;
    assert_int_equal(IP_OK, ip_parse(bytes_of(results[0].data, results[0].len), &ip));
    assert_int_equal(0x28, ip.traffic_class);
    assert_int_equal(1, hub.sad->pairs[slot].in.packets);
}

static void transport_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(transforms); i++)
        for (uint32_t len = 60; len < 100; len++) {
            struct tunnel esp = {.algorithms = transforms[i], .protocol = 50};
            same_in_transport_mode("ESP, IPv4", &esp, 4, len);
            esp.flags = PAIR_UDP;
            same_in_transport_mode("ESP in UDP, IPv4", &esp, 4, len);
            esp.flags = PAIR_ESN;
            esp.outer_v6 = true;
            esp.sequence = 0xfffffffff;
            same_in_transport_mode("ESP, IPv6", &esp, 6, len);
        }
}

static const struct packet_algorithms macs[] = {
    {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_MD5_96},
    {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96},
    {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA256_128},
    {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA384_192},
    {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA512_256},
};

static void ah_in_every_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(macs); i++)
        for (int esn = 0; esn < 2; esn++)
            for (int outer_v6 = 0; outer_v6 < 2; outer_v6++) {
                struct tunnel t = {.algorithms = macs[i],
                                   .protocol = 51,
                                   .flags = esn ? PAIR_ESN : 0,
                                   .sequence = esn ? 0x2fffffffe : 0,
                                   .outer_v6 = outer_v6};
                same_in_transport_mode("AH", &t, outer_v6 ? 6 : 4, 100);
                t.flags |= PAIR_TUNNEL;
                tunnel_install(&t, 4, 1);
                for (uint32_t len = 60; len < 80; len++) {
                    crosses_whole(4, len);
                    crosses_whole(6, len);
                }
            }
}

/* What AH covers and what it leaves to routers, byte by byte of the outer header. */
static void ah_covers_the_header(void **state)
{
    (void)state;
    struct tunnel t = {.algorithms = macs[1], .protocol = 51, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    struct outbound_packet p = packet_make(buffers[0], 4, 100, true, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
    const struct outbound_result *r = outbound_results(spoke.out);
    for (uint32_t at = 0; at < r->len; at++) {
        if (at < 4 && at != 1)
            continue; /* version and lengths: no longer the same packet */
        if (at == 9 || (at >= 24 && at < 28))
            continue; /* protocol, SPI: no longer this SA's */
        /* TOS, flags (but not those of a fragment), TTL, checksum: any router may change them. */
        bool mutable = at == 1 || at == 8 || at == 10 || at == 11 || at == 6;
        struct inbound_packet a = packet_arrive(r, arrived[0]);
        a.data[at] ^= at == 6 ? 0x40 : at == 1 ? 0x10 : 1;
        if (at == 7)
            continue; /* fragment offset: the kernel would not hand it to us */
        if (mutable)
            hub.sad->pairs[4].replay = (struct replay_window){0};
        inbound_burst(hub.in, &a, 1, 1000, results);
        if (mutable != (results[0].kind == INBOUND_DELIVER))
            fail_msg("byte %u: %s", at, drop_reason_name(results[0].reason));
    }
}

/* IPv4 options: those that routers change do not count, the others do. RFC 4302 App A1. */
static void ah_with_options(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t options[8];
        int changed; /* byte that a router changes; -1: none */
        enum drop_reason outbound, inbound;
    } cases[] = {
        {"router alert", {148, 4, 0, 0, 1, 1, 1, 0}, -1, 0, 0},
        {"router alert changed", {148, 4, 0, 0, 1, 1, 1, 0}, 3, 0, DROP_BAD_ICV},
        {"record route filled in", {7, 7, 4, 0, 0, 0, 0, 0}, 5, 0, 0},
        {"timestamp filled in", {68, 8, 5, 0, 0, 0, 0, 0}, 7, 0, 0},
        {"unknown, counts as mutable", {30, 4, 1, 2, 1, 1, 1, 0}, 2, 0, 0},
        {"too long", {7, 9, 4, 0, 0, 0, 0, 0}, -1, DROP_MALFORMED, 0},
        {"length 0", {7, 0, 4, 0, 0, 0, 0, 0}, -1, DROP_MALFORMED, 0},
        {"cut off", {1, 1, 1, 1, 1, 1, 1, 7}, -1, DROP_MALFORMED, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tunnel t = {.algorithms = macs[2], .protocol = 51};
        tunnel_install(&t, 4, 1);
        struct outbound_packet p = packet_make(buffers[0], 4, 100, true, 0);
        memmove(p.data + 28, p.data + 20, 80);
        memcpy(p.data + 20, cases[i].options, 8);
        p.data[0] = 0x47;
        p.len = 108;
        be16_store(p.data + 2, 108);
        ipv4_checksum_set(p.data);
        memcpy(original, p.data, p.len);
        assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
        const struct outbound_result *r = outbound_results(spoke.out);
        if (r->reason != cases[i].outbound)
            fail_msg("%s: %s", cases[i].what, drop_reason_name(r->reason));
        if (cases[i].outbound)
            continue;
        struct inbound_packet a = packet_arrive(r, arrived[0]);
        if (cases[i].changed >= 0)
            a.data[20 + cases[i].changed] ^= 0x55;
        ipv4_checksum_set(a.data);
        inbound_burst(hub.in, &a, 1, 1000, results);
        if (results[0].reason != cases[i].inbound)
            fail_msg("%s: %s", cases[i].what, drop_reason_name(results[0].reason));
        if (cases[i].inbound)
            continue;
        assert_int_equal(108, results[0].len);
        assert_memory_equal(original + 28, results[0].data + 28, 80);
    }
}

static void bundle_install(uint16_t flags, bool outer_v6, uint32_t slot)
{
    struct tunnel ah = {.algorithms = macs[1], .protocol = 51, .flags = flags, .outer_v6 = outer_v6};
    struct tunnel esp = {.algorithms = transforms[2],
                         .protocol = 50,
                         .flags = flags | PAIR_BUNDLE_INNER,
                         .outer_v6 = outer_v6};
    tunnel_install(&ah, slot + 10, 1);
    tunnel_install(&esp, slot, 1);
    for (uint32_t i = slot; i < slot + 2; i++) {
        spoke.sad->pairs[i].bundle = hub.sad->pairs[i].bundle = i + 10;
        spoke.sad->pairs[i + 10].bundle = hub.sad->pairs[i + 10].bundle = i;
        for (struct gateway *g = &spoke;; g = &hub) {
            pair_index_add(g->path.index, i);
            pair_index_add(g->path.index, i + 10);
            if (g == &hub)
                break;
        }
    }
}

static void ah_around_esp(void **state)
{
    (void)state;
    for (int outer_v6 = 0; outer_v6 < 2; outer_v6++) {
        bundle_install(PAIR_TUNNEL, outer_v6, 4);
        for (uint32_t len = 60; len < 90; len++) {
            crosses_whole(4, len);
            crosses_whole(6, len);
        }
        assert_int_equal(30, hub.sad->pairs[4].in.packets);
        assert_int_equal(30, hub.sad->pairs[14].in.packets);
        assert_int_equal(30, spoke.sad->pairs[14].out.packets);
    }
    /* Its size is known before: the largest that fits, with DF, does fit. */
    uint32_t max = pmtu_inner_max(&spoke.sad->pairs[4], &spoke.sad->pairs[14], 1500, IPV4_HEADER);
    crosses_whole(4, max);
    assert_true(outbound_results(spoke.out)->len <= 1500 && outbound_results(spoke.out)->len > 1490);
    /* An ICMP error quotes the AH; what it says is for the ESP inside, by whose sizes packets are judged. */
    struct address router;
    uint8_t icmp[600];
    bundle_install(PAIR_TUNNEL, false, 4);
    crosses_whole(4, 1300);
    const struct outbound_result *r = outbound_results(spoke.out);
    address_parse("203.0.113.9", &router);
    size_t n =
        icmp_error_write(ICMP_ERROR_TOO_BIG, bytes_of(r->data, r->len), &router, 1200, icmp, sizeof(icmp));
    assert_int_equal(4, pmtu_icmp(&spoke.path, ADDRESS_V4, bytes_of(icmp, n), 1000));
    assert_int_equal(1200, spoke.sad->pairs[4].path_mtu);
    bundle_install(0, false, 4);
    crosses_whole(4, 100);
}

/* Half of a bundle does not do. */
static void half_a_bundle(void **state)
{
    (void)state;
    bundle_install(PAIR_TUNNEL, false, 4);
    struct outbound_packet p = packet_make(buffers[0], 4, 100, true, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
    const struct outbound_result *r = outbound_results(spoke.out);
    struct inbound_packet a = packet_arrive(r, arrived[0]);
    a.form = INBOUND_UDP;
    a.data += IPV4_HEADER + 24; /* the ESP alone */
    a.len -= IPV4_HEADER + 24;
    inbound_burst(hub.in, &a, 1, 1000, results);
    assert_int_equal(DROP_NOT_PROTECTED, results[0].reason);
    a = packet_arrive(r, arrived[0]);
    hub.sad->pairs[4].flags &= (uint16_t)~PAIR_BUNDLE_INNER; /* another SA's ESP inside our AH */
    inbound_burst(hub.in, &a, 1, 1000, results);
    assert_int_equal(INBOUND_DROPPED, results[0].kind);
    atomic_store(&spoke.sad->pairs[14].state, PAIR_DEAD);
    p = packet_make(buffers[0], 4, 100, true, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
    assert_int_equal(DROP_NO_SA, outbound_results(spoke.out)->reason);
}

/* ---- what is inside ---- */

/* RFC 6040 §4.1 and the table of §4.2. */
static void ecn(void **state)
{
    (void)state;
    enum { DROPPED = -1 };
    static const int inner_after[4][4] = {
        /* outer:      Not-ECT    ECT(1)     ECT(0)     CE */
        [ECN_NOT_ECT] = {ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, DROPPED},
        [ECN_ECT_1] = {ECN_ECT_1, ECN_ECT_1, ECN_ECT_1, ECN_CE},
        [ECN_ECT_0] = {ECN_ECT_0, ECN_ECT_1, ECN_ECT_0, ECN_CE},
        [ECN_CE] = {ECN_CE, ECN_CE, ECN_CE, ECN_CE},
    };
    struct tunnel t = {.algorithms = transforms[8], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    for (uint8_t version = 4; version <= 6; version += 2)
        for (uint8_t inner = 0; inner < 4; inner++)
            for (uint8_t outer = 0; outer < 4; outer++) {
                struct outbound_packet p = packet_make(buffers[0], version, 100, true, 0xb8 | inner);
                assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
                const struct outbound_result *r = outbound_results(spoke.out);
                assert_int_equal(0xb8 | inner, r->data[1]); /* DSCP and ECN copied */
                struct inbound_packet a = packet_arrive(r, arrived[0]);
                ip_traffic_class_set(a.data, outer); /* another DSCP outside changes nothing */
                inbound_burst(hub.in, &a, 1, 1000, results);
                if (inner_after[inner][outer] == DROPPED) {
                    assert_int_equal(DROP_ECN_MISMATCH, results[0].reason);
                    continue;
                }
                struct ip_packet ip;
                assert_int_equal(INBOUND_DELIVER, results[0].kind);
                assert_int_equal(IP_OK, ip_parse(bytes_of(results[0].data, results[0].len), &ip));
                assert_int_equal(0xb8 | inner_after[inner][outer], ip.traffic_class);
                assert_true(version == 6 || ipv4_checksum_ok(results[0].data));
            }
}

/* A peer that holds the keys still may not send what the SA is not for. The spoke makes the packets; what it
 * lets through is as wrong as the case says. */
static void what_is_inside_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int at;
        uint8_t value;
        enum drop_reason reason;
    } cases[] = {
        {"nothing", -1, 0, DROP_NONE},
        {"source of another network", 13, 9, DROP_SELECTOR_MISMATCH},
        {"destination of another network", 17, 9, DROP_SELECTOR_MISMATCH},
        {"version", 0, 0x65, DROP_MALFORMED},
        {"header length", 0, 0x41, DROP_MALFORMED},
        {"total length too big", 2, 9, DROP_MALFORMED},
    };
    struct tunnel t = {.algorithms = transforms[3], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct outbound_packet p = packet_make(buffers[0], 4, 100, true, 0);
        struct sealing s = {.pair = &spoke.sad->pairs[4], .len = 100, .version = 4, .header_length = 20};
        struct packet_job job;
        s.data = p.data;
        if (cases[i].at >= 0)
            p.data[cases[i].at] = cases[i].value;
        assert_int_equal(DROP_NONE, encapsulate_esp(&s, i + 1, 1, &job));
        packet_cipher_ivs(spoke.path.cipher, &job, 1);
        assert_int_equal(1, packet_cipher_seal(spoke.path.cipher, &job, 1));
        struct inbound_packet a = {.data = s.data, .len = s.len};
        inbound_burst(hub.in, &a, 1, 1000, results);
        if (results[0].reason != cases[i].reason)
            fail_msg("%s: %s", cases[i].what, drop_reason_name(results[0].reason));
    }
    assert_int_equal(5, hub.sad->pairs[4].in.errors);
}

/* Trailers that only a peer with the keys can make. */
static void trailers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int pad, pad_length, next_header, pad_byte; /* -1: as it should be */
        enum drop_reason reason;
    } cases[] = {
        {"good", 2, -1, -1, -1, DROP_NONE},
        {"255 bytes of padding", 254, -1, -1, -1, DROP_NONE},
        {"padding longer than all", 2, 200, -1, -1, DROP_BAD_PADDING},
        {"padding with other content", 2, -1, -1, 7, DROP_BAD_PADDING},
        {"dummy", 2, -1, 59, -1, DROP_DUMMY},
        {"TCP in tunnel mode", 2, -1, 6, -1, DROP_BAD_NEXT_HEADER},
        {"IPv6 said, IPv4 inside", 2, -1, 41, -1, DROP_MALFORMED},
    };
    struct tunnel t = {.algorithms = transforms[0], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct outbound_packet p = packet_make(buffers[0], 4, 100, true, 0);
        uint8_t *esp = p.data - 8, *end = p.data + 100;
        be32_store(esp, spoke.sad->pairs[4].spi_out);
        be32_store(esp + 4, (uint32_t)i + 1);
        for (int k = 0; k < cases[i].pad; k++)
            *end++ = cases[i].pad_byte < 0 ? (uint8_t)(k + 1) : (uint8_t)cases[i].pad_byte;
        *end++ = cases[i].pad_length < 0 ? (uint8_t)cases[i].pad : (uint8_t)cases[i].pad_length;
        *end++ = cases[i].next_header < 0 ? 4 : (uint8_t)cases[i].next_header;
        struct packet_job job = {.key = &spoke.sad->pairs[4].seal_key,
                                 .header = esp,
                                 .iv = p.data,
                                 .payload = p.data,
                                 .icv = end,
                                 .payload_len = (uint32_t)(end - p.data)};
        assert_int_equal(1, packet_cipher_seal(spoke.path.cipher, &job, 1));
        struct inbound_packet a = {.data = esp, .len = (uint32_t)(end - esp) + 12, .form = INBOUND_UDP};
        inbound_burst(hub.in, &a, 1, 1000, results);
        if (results[0].reason != cases[i].reason)
            fail_msg("%s: %s", cases[i].what, drop_reason_name(results[0].reason));
        assert_int_equal(i + 1, hub.sad->pairs[4].replay.top); /* all of them were the peer's */
    }
    assert_int_equal(2, hub.sad->pairs[4].in.packets);
}

/* ---- peers ---- */

static void numbers_across_32_bits(void **state)
{
    (void)state;
    struct tunnel t = {
        .algorithms = transforms[5], .protocol = 50, .flags = PAIR_TUNNEL | PAIR_ESN, .sequence = 0xfffffff0};
    tunnel_install(&t, 4, 1);
    for (int i = 0; i < 40; i++)
        crosses_whole(4, 100);
    assert_int_equal(0x100000018, hub.sad->pairs[4].replay.top);
    t.algorithms = transforms[9];
    t.replay_size = 4096;
    tunnel_install(&t, 4, 1);
    for (int i = 0; i < 40; i++)
        crosses_whole(4, 100);
    assert_int_equal(0x100000018, hub.sad->pairs[4].replay.top);
}

static void first_packet_activates(void **state)
{
    (void)state;
    struct tunnel t = {.algorithms = transforms[8], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    atomic_store(&hub.sad->pairs[4].state, PAIR_INBOUND);
    pair_index_add(hub.path.index, 4);
    struct packet_tuple tuple = {.protocol = 1};
    address_parse("10.2.1.1", &tuple.local);
    address_parse("10.1.1.1", &tuple.remote);
    assert_int_equal(PAIR_NONE, pair_index_find(hub.path.index, ENTRY_ID, &tuple));
    struct inbound_result *r = cross(4, 100, true);
    assert_int_equal(INBOUND_NOTE_USED, r->notes);
    assert_int_equal(4, r->slot);
    assert_int_equal(hub.sad->pairs[4].spi_in, r->spi);
    assert_int_equal(4, pair_index_find(hub.path.index, ENTRY_ID, &tuple));
    assert_int_equal(0, cross(4, 100, true)->notes);
}

static void peer_behind_nat_moves(void **state)
{
    (void)state;
    struct tunnel t = {.algorithms = transforms[8], .protocol = 50, .flags = PAIR_TUNNEL | PAIR_UDP};
    tunnel_install(&t, 4, 1);
    struct outbound_packet p[2] = {packet_make(buffers[0], 4, 100, true, 0),
                                   packet_make(buffers[1], 4, 100, true, 0)};
    assert_int_equal(2, outbound_burst(spoke.out, p, 2, 1000));
    const struct outbound_result *r = outbound_results(spoke.out);
    struct endpoint nat = {.port = 61234};
    address_parse("198.51.100.7", &nat.address);
    struct inbound_packet forged = packet_arrive(&r[1], arrived[0]), late = packet_arrive(&r[0], arrived[1]);
    forged.remote = nat;
    forged.data[20] ^= 1;
    inbound_burst(hub.in, &forged, 1, 1000, results);
    assert_int_equal(DROP_BAD_ICV, results[0].reason);
    assert_int_equal(0, hub.sad->pairs[4].remote_version);
    struct inbound_packet moved = packet_arrive(&r[1], arrived[0]);
    moved.remote = nat;
    inbound_burst(hub.in, &moved, 1, 1000, results);
    assert_int_equal(INBOUND_DELIVER, results[0].kind);
    assert_int_equal(INBOUND_NOTE_MOVED, results[0].notes);
    assert_true(endpoint_equal(&nat, &hub.sad->pairs[4].remote_now));
    assert_int_equal(2, hub.sad->pairs[4].remote_version);
    /* An older packet from the former place does not move it back. */
    inbound_burst(hub.in, &late, 1, 1000, results);
    assert_int_equal(INBOUND_DELIVER, results[0].kind);
    assert_int_equal(0, results[0].notes);
    struct outbound_packet back = packet_make(buffers[0], 4, 100, true, 0);
    uint8_t swap[4];
    memcpy(swap, back.data + 12, 4);
    memcpy(back.data + 12, back.data + 16, 4);
    memcpy(back.data + 16, swap, 4);
    assert_int_equal(1, outbound_burst(hub.out, &back, 1, 1000));
    assert_true(endpoint_equal(&nat, &outbound_results(hub.out)->remote));
}

static void lifetimes_inbound(void **state)
{
    (void)state;
    struct tunnel t = {.algorithms = transforms[8], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    hub.sad->pairs[4].soft_bytes = 150;
    hub.sad->pairs[4].hard_bytes = 300;
    static const int notes[] = {0, INBOUND_NOTE_SOFT, INBOUND_NOTE_HARD, INBOUND_NOTE_HARD};
    for (int i = 0; i < 4; i++) {
        struct inbound_result *r = cross(4, 100, true);
        assert_int_equal(notes[i], r->notes);
        assert_int_equal(i < 3 ? DROP_NONE : DROP_SA_EXPIRED, r->reason);
    }
    tunnel_install(&t, 4, 1);
    hub.sad->pairs[4].hard_expiry = 1000;
    assert_int_equal(DROP_SA_EXPIRED, cross(4, 100, true)->reason);
}

static void junk_from_outside(void **state)
{
    (void)state;
    struct tunnel t = {.algorithms = transforms[8], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    struct rng rng;
    rng_init_number(&rng, 5);
    for (int i = 0; i < 20000; i++) {
        struct inbound_packet p = {
            .data = arrived[0], .len = rng_below(&rng, 120), .form = (uint8_t)rng_below(&rng, 3)};
        rng_fill(&rng, arrived[0], p.len);
        p.protocol = rng_below(&rng, 2) ? 50 : 51;
        if (rng_below(&rng, 2)) {
            uint32_t header = p.form == INBOUND_RAW_V4 ? 20 : 0;
            arrived[0][0] = 0x45;
            be16_store(arrived[0] + 2, (uint16_t)p.len);
            be16_store(arrived[0] + 6, 0);
            arrived[0][9] = p.protocol;
            be32_store(arrived[0] + header + (p.protocol == 51 ? 4 : 0), hub.sad->pairs[4].spi_in);
        }
        address_parse(p.form == INBOUND_RAW_V6 ? "2001:db8::1" : "192.0.2.1", &p.remote.address);
        address_parse(p.form == INBOUND_RAW_V6 ? "2001:db8::2" : "192.0.2.2", &p.local.address);
        inbound_burst(hub.in, &p, 1, 1000, results);
        assert_int_equal(INBOUND_DROPPED, results[0].kind);
        assert_int_not_equal(DROP_NONE, results[0].reason);
    }
    assert_int_equal(0, hub.sad->pairs[4].replay.top);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, two_gateways, no_gateways)
    const struct CMUnitTest tests[] = {
        T(every_transform_mode_and_size),
        T(tampering_is_noticed),
        T(copies_in_one_burst_are_refused),
        T(transport_mode),
        T(ah_in_every_mode),
        T(ah_covers_the_header),
        T(ah_with_options),
        T(ah_around_esp),
        T(half_a_bundle),
        T(ecn),
        T(what_is_inside_is_checked),
        T(trailers),
        T(numbers_across_32_bits),
        T(first_packet_activates),
        T(peer_behind_nat_moves),
        T(lifetimes_inbound),
        T(junk_from_outside),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
