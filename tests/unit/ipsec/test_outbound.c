/* SPDX-License-Identifier: Apache-2.0 */
/* What the outbound burst decides: size rules, DF, ICMP, fragments, limits of an SA, the queue, bypass; and
 * that the successor of a dead engine repeats nothing. RFC 4301 §5.1, §8; RFC 1191. */
#include "gateways.h"

static uint8_t buffers[BURST_MAX][BUFFER], arrived[BURST_MAX][BUFFER];
static struct inbound_result results[BURST_MAX];
static const struct packet_algorithms gcm = {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE};
static const struct packet_algorithms des = {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96};

static void install(uint16_t flags)
{
    struct tunnel t = {.algorithms = gcm, .protocol = 50, .flags = flags};
    tunnel_install(&t, 4, 1);
}

static uint64_t drops(enum drop_reason reason)
{
    return spoke.sad->engines[0].drops[reason];
}

static void inner_maxima(void **state)
{
    (void)state;
    static const struct {
        struct packet_algorithms algorithms;
        uint16_t flags;
        uint32_t max;
    } cases[] = {
        {{PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96}, PAIR_TUNNEL, 1446},
        {{PACKET_ENCRYPTION_3DES, 24, PACKET_INTEGRITY_SHA1_96}, PAIR_TUNNEL, 1446},
        {{PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96}, PAIR_TUNNEL, 1438},
        {{PACKET_ENCRYPTION_AES_CBC, 32, PACKET_INTEGRITY_SHA256_128}, PAIR_TUNNEL, 1438},
        {{PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE}, PAIR_TUNNEL, 1446},
        {{PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96}, PAIR_TUNNEL | PAIR_UDP, 1438},
        {{PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96}, PAIR_TUNNEL | PAIR_UDP, 1422},
        {{PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE}, PAIR_TUNNEL | PAIR_UDP, 1438},
        {{PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE}, 0, 1466},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sad_pair pair = {.algorithms = cases[i].algorithms, .flags = cases[i].flags, .protocol = 50};
        pair.remote.address = address_v4(1);
        assert_int_equal(cases[i].max, pmtu_inner_max(&pair, NULL, 1500, IPV4_HEADER));
        assert_int_equal(0, pmtu_inner_max(&pair, NULL, 40, IPV4_HEADER));
        if (!(cases[i].flags & PAIR_TUNNEL))
            continue;
        /* And that is the truth: it fits, one byte more does not. */
        struct tunnel t = {.algorithms = cases[i].algorithms, .protocol = 50, .flags = cases[i].flags};
        tunnel_install(&t, 4, 1);
        for (uint32_t more = 0; more < 2; more++) {
            struct outbound_packet p = packet_make(buffers[0], 4, cases[i].max + more, true, 0);
            assert_int_equal(1, outbound_burst(spoke.out, &p, 1, (more + i) * NS_PER_S));
            const struct outbound_result *r = outbound_results(spoke.out);
            uint32_t outside = cases[i].flags & PAIR_UDP ? 28 : 0;
            assert_true(more ? r->kind == OUTBOUND_ICMP : r->len + outside <= 1500);
        }
    }
}

static void size_rules(void **state)
{
    (void)state;
    enum { SEND = 1, ICMP, BEFORE, AFTER };
    static const struct {
        const char *what; /* for the reader */
        uint8_t version;
        uint32_t len, mtu;
        bool df;
        uint16_t flags;
        int outcome;
        bool outer_df;
    } cases[] = {
        {"fits", 4, 1400, 1500, true, 0, SEND, true},
        {"fits, DF clear", 4, 1400, 1500, false, 0, SEND, false},
        {"DF set by policy", 4, 1400, 1500, false, PAIR_DF_SET, SEND, true},
        {"DF cleared by policy", 4, 1400, 1500, true, PAIR_DF_CLEAR, SEND, false},
        {"too big, DF", 4, 1447, 1500, true, 0, ICMP, false},
        {"too big, DF, policy clears it", 4, 1447, 1500, true, PAIR_DF_CLEAR, AFTER, false},
        {"too big", 4, 1500, 1500, false, 0, BEFORE, false},
        {"too big, after", 4, 1500, 1500, false, PAIR_FRAGMENT_AFTER, AFTER, false},
        {"too big, after, but DF outside", 4, 1500, 1500, false, PAIR_FRAGMENT_AFTER | PAIR_DF_SET, BEFORE,
         true},
        {"very much too big", 4, 4000, 1500, false, 0, BEFORE, false},
        {"IPv6 too big", 6, 1447, 1500, true, 0, ICMP, false},
        {"IPv6 of 1280 must pass", 6, 1280, 1300, true, 0, AFTER, false},
        {"IPv6 of 1281 need not", 6, 1281, 1300, true, 0, ICMP, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ns now = (i + 1) * NS_PER_S;
        install((uint16_t)(PAIR_TUNNEL | cases[i].flags));
        struct outbound_packet p = packet_make(buffers[0], cases[i].version, cases[i].len, cases[i].df, 0);
        p.mtu = cases[i].mtu;
        size_t n = outbound_burst(spoke.out, &p, 1, now);
        const struct outbound_result *r = outbound_results(spoke.out);
        struct ip_packet outer;
        if (cases[i].outcome == ICMP) {
            assert_int_equal(1, n);
            assert_int_equal(OUTBOUND_ICMP, r->kind);
            assert_int_equal(DROP_TOO_BIG, r->reason);
            struct icmp_error error;
            assert_int_equal(IP_OK, ip_parse(bytes_of(r->data, r->len), &outer));
            assert_true(icmp_error_parse(&outer, &error));
            assert_int_equal(ICMP_ERROR_TOO_BIG, error.kind);
            assert_int_equal(cases[i].version == 6 && cases[i].mtu == 1300 ? 1280 : 1446, error.mtu);
            char text[ADDRESS_TEXT];
            assert_string_equal(cases[i].version == 4 ? "10.1.0.254" : "2001:db8:1::fe",
                                address_print(&outer.source, text));
            continue;
        }
        assert_true(cases[i].outcome == SEND ? n == 1 : n >= 2);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(OUTBOUND_SEND_RAW, r[k].kind);
            assert_int_equal(IP_OK, ip_parse(bytes_of(r[k].data, r[k].len), &outer));
            assert_int_equal(cases[i].outer_df, outer.dont_fragment);
            assert_true(outer.total_length <= cases[i].mtu && ipv4_checksum_ok(r[k].data));
            assert_int_equal(cases[i].outcome == AFTER, ip_is_fragment(&outer));
        }
        /* Fragments made before arrive one by one and make up the packet; those made after are the kernel's
         * to join. */
        uint32_t total = 0;
        for (size_t k = 0; cases[i].outcome == BEFORE && k < n; k++) {
            struct inbound_packet a = packet_arrive(&r[k], arrived[k]);
            inbound_burst(hub.in, &a, 1, now, &results[0]);
            assert_int_equal(INBOUND_DELIVER, results[0].kind);
            assert_int_equal(IP_OK, ip_parse(bytes_of(results[0].data, results[0].len), &outer));
            assert_int_equal(total, outer.fragment_offset);
            assert_memory_equal(buffers[0] + PACKET_HEADROOM + IPV4_HEADER + total, outer.payload.data,
                                outer.payload.len);
            total += (uint32_t)outer.payload.len;
        }
        assert_true(cases[i].outcome != BEFORE || total == cases[i].len - IPV4_HEADER);
    }
}

/* What the kernel of the other side does with the fragments of a protected packet. */
static void fragments_after_join_again(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct tunnel t = {
            .algorithms = des, .protocol = 50, .flags = PAIR_TUNNEL | PAIR_FRAGMENT_AFTER, .outer_v6 = v6};
        tunnel_install(&t, 4, 1);
        struct outbound_packet p = packet_make(buffers[0], 4, 3000, false, 0);
        uint8_t inner[3000];
        memcpy(inner, p.data, 3000);
        size_t n = outbound_burst(spoke.out, &p, 1, 1000);
        assert_true(n >= 3);
        const struct outbound_result *r = outbound_results(spoke.out);
        uint8_t *whole = arrived[0];
        uint32_t len = 0;
        for (size_t i = 0; i < n; i++) {
            struct ip_packet f;
            assert_true(r[i].len <= 1500);
            assert_int_equal(IP_OK, ip_parse(bytes_of(r[i].data, r[i].len), &f));
            assert_int_equal(i + 1 < n, f.more_fragments);
            assert_int_equal(len, f.fragment_offset);
            memcpy(whole + len, f.payload.data, f.payload.len);
            len += (uint32_t)f.payload.len;
        }
        struct inbound_packet a = {.data = whole, .len = len, .form = INBOUND_RAW_V6, .protocol = 50};
        inbound_burst(hub.in, &a, 1, 1000, results);
        assert_int_equal(INBOUND_DELIVER, results[0].kind);
        assert_int_equal(3000, results[0].len);
        assert_memory_equal(inner, results[0].data, 3000);
    }
}

static void icmp_is_limited(void **state)
{
    (void)state;
    install(PAIR_TUNNEL);
    struct outbound_packet p[BURST_MAX];
    size_t icmp = 0;
    for (int burst = 0; burst < 4; burst++) {
        for (int i = 0; i < BURST_MAX; i++)
            p[i] = packet_make(buffers[i], 4, 1500, true, 0);
        size_t n = outbound_burst(spoke.out, p, BURST_MAX, NS_PER_S);
        for (size_t i = 0; i < n; i++)
            icmp += outbound_results(spoke.out)[i].kind == OUTBOUND_ICMP;
    }
    assert_int_equal(100, icmp);
    assert_int_equal(4 * BURST_MAX, drops(DROP_TOO_BIG));
    /* Segments of one large send get one answer. */
    for (int i = 0; i < 40; i++) {
        p[i] = packet_make(buffers[i], 4, 1500, true, 0);
        p[i].group = 5;
    }
    size_t n = outbound_burst(spoke.out, p, 40, 3 * NS_PER_S);
    for (icmp = 0; n-- > 0;)
        icmp += outbound_results(spoke.out)[n].kind == OUTBOUND_ICMP;
    assert_int_equal(1, icmp);
}

static void path_mtu_from_outside(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t mtu, spi_flip, sequence;
        bool learned;
        uint32_t path_mtu;
    } cases[] = {
        {"unknown SPI", 1400, 1 << 20, 1, false, 0},
        {"a number that was never sent", 1400, 0, 9, false, 0},
        {"larger than what was sent", 1500, 0, 1, false, 0},
        {"good", 1400, 0, 1, true, 1400},
        {"below the floor, too soon", 100, 0, 1, false, 1400},
        {"larger than known", 1450, 0, 1, false, 1400},
    };
    install(PAIR_TUNNEL);
    struct outbound_packet p = packet_make(buffers[0], 4, 1446, true, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
    uint8_t sent[1500], icmp[600];
    const struct outbound_result *r = outbound_results(spoke.out);
    memcpy(sent, r->data, r->len);
    struct address router;
    address_parse("203.0.113.9", &router);
    uint32_t spi = be32_load(sent + IPV4_HEADER), len = r->len;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        be32_store(sent + IPV4_HEADER, spi ^ cases[i].spi_flip);
        be32_store(sent + IPV4_HEADER + 4, cases[i].sequence);
        size_t n = icmp_error_write(ICMP_ERROR_TOO_BIG, bytes_of(sent, len), &router, cases[i].mtu, icmp,
                                    sizeof(icmp));
        assert_true(n > 0);
        uint32_t slot = pmtu_icmp(&spoke.path, ADDRESS_V4, bytes_of(icmp, n), NS_PER_S);
        if ((slot == 4) != cases[i].learned || spoke.sad->pairs[4].path_mtu != cases[i].path_mtu)
            fail_msg("%s: slot %u, path MTU %u", cases[i].what, slot, spoke.sad->pairs[4].path_mtu);
    }
    size_t n = icmp_error_write(ICMP_ERROR_TOO_BIG, bytes_of(sent, len), &router, 100, icmp, sizeof(icmp));
    assert_int_equal(4, pmtu_icmp(&spoke.path, ADDRESS_V4, bytes_of(icmp, n), 3 * NS_PER_S));
    assert_int_equal(PMTU_FLOOR_V4, spoke.sad->pairs[4].path_mtu);
    assert_int_equal(PAIR_NONE, pmtu_icmp(&spoke.path, ADDRESS_V4, bytes_of(icmp, 30), 9 * NS_PER_S));
    /* The next big one is answered; ten minutes later it is tried again. */
    p = packet_make(buffers[0], 4, 1000, true, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 4 * NS_PER_S));
    assert_int_equal(OUTBOUND_ICMP, outbound_results(spoke.out)->kind);
    p = packet_make(buffers[0], 4, 1000, true, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 604 * NS_PER_S));
    assert_int_equal(OUTBOUND_SEND_RAW, outbound_results(spoke.out)->kind);
}

static const struct outbound_result *send_one(ns now)
{
    struct outbound_packet p = packet_make(buffers[0], 4, 100, false, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, now));
    return outbound_results(spoke.out);
}

static void limits_of_an_sa(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t sequence, ceiling, hard_bytes, soft_bytes;
        ns expiry;
        uint16_t flags;
        enum drop_reason reason;
        int notes;
    } cases[] = {
        {"plenty", 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, NS_NEVER, 0, DROP_NONE, 0},
        {"last number", 0xfffffffe, UINT64_MAX, UINT64_MAX, UINT64_MAX, NS_NEVER, 0, DROP_NONE,
         OUTBOUND_NOTE_SOFT},
        {"no number", 0xffffffff, UINT64_MAX, UINT64_MAX, UINT64_MAX, NS_NEVER, 0, DROP_SEQUENCE_EXHAUSTED,
         OUTBOUND_NOTE_HARD},
        {"ESN goes on", 0xffffffff, UINT64_MAX, UINT64_MAX, UINT64_MAX, NS_NEVER, PAIR_ESN, DROP_NONE, 0},
        {"three quarters", 0xc0000000, UINT64_MAX, UINT64_MAX, UINT64_MAX, NS_NEVER, 0, DROP_NONE,
         OUTBOUND_NOTE_SOFT},
        {"below the ceiling", 98, 100, UINT64_MAX, UINT64_MAX, NS_NEVER, 0, DROP_NONE, 0},
        {"at the ceiling", 99, 100, UINT64_MAX, UINT64_MAX, NS_NEVER, 0, DROP_SEQUENCE_LEASE, 0},
        {"no lease", 0, 0, UINT64_MAX, UINT64_MAX, NS_NEVER, 0, DROP_SEQUENCE_LEASE, 0},
        {"volume used up", 0, UINT64_MAX, 99, UINT64_MAX, NS_NEVER, 0, DROP_SA_EXPIRED, OUTBOUND_NOTE_HARD},
        {"volume just enough", 0, UINT64_MAX, 100, UINT64_MAX, NS_NEVER, 0, DROP_NONE, 0},
        {"soft volume", 0, UINT64_MAX, UINT64_MAX, 100, NS_NEVER, 0, DROP_NONE, OUTBOUND_NOTE_SOFT},
        {"too old", 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1000, 0, DROP_SA_EXPIRED, OUTBOUND_NOTE_HARD},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        install((uint16_t)(PAIR_TUNNEL | cases[i].flags));
        struct sad_pair *pair = &spoke.sad->pairs[4];
        pair->sequence_out = cases[i].sequence;
        pair->sequence_ceiling = cases[i].ceiling;
        pair->hard_bytes = cases[i].hard_bytes;
        pair->soft_bytes = cases[i].soft_bytes;
        pair->hard_expiry = cases[i].expiry;
        const struct outbound_result *r = send_one(1000);
        if (r->reason != cases[i].reason || r->notes != cases[i].notes)
            fail_msg("%s: %s, notes %d", cases[i].what, drop_reason_name(r->reason), r->notes);
        assert_int_equal(cases[i].reason ? OUTBOUND_DROPPED : OUTBOUND_SEND_RAW, r->kind);
        assert_int_equal(cases[i].sequence + !cases[i].reason, pair->sequence_out);
        assert_int_equal(!cases[i].reason, pair->out.packets);
        assert_int_equal(cases[i].reason ? 0 : 100, pair->out.bytes);
        if (cases[i].notes & OUTBOUND_NOTE_SOFT)
            assert_int_equal(0, send_one(1000)->notes & OUTBOUND_NOTE_SOFT); /* said once */
    }
}

static void queue_for_an_sa(void **state)
{
    (void)state;
    struct outbound_acquire acquire;
    struct outbound_packet p[40];
    assert_int_equal(NS_NEVER, outbound_deadline(spoke.out));
    for (int i = 0; i < 40; i++)
        p[i] = packet_make(buffers[i], 4, (uint32_t)(100 + i), false, 0);
    assert_int_equal(40, outbound_burst(spoke.out, p, 40, NS_PER_S));
    for (int i = 0; i < 40; i++)
        assert_int_equal(i < 32 ? OUTBOUND_WAITS : OUTBOUND_DROPPED, outbound_results(spoke.out)[i].kind);
    assert_int_equal(8, drops(DROP_ACQUIRE_QUEUE_FULL));
    /* Asked for at once, once, and again a second later. */
    assert_true(outbound_deadline(spoke.out) <= NS_PER_S);
    assert_true(outbound_acquire_next(spoke.out, NS_PER_S, &acquire));
    assert_int_equal(ENTRY_ID, acquire.entry);
    assert_int_equal(0, acquire.ace);
    assert_int_equal(GATEWAY_IFINDEX, acquire.ifindex);
    char text[SELECTOR_TEXT];
    assert_string_equal("10.1.0.0/16 -> 10.2.0.0/16", selector_print(&acquire.selector, text));
    assert_int_equal(32, acquire.packet.remote.length);
    assert_false(outbound_acquire_next(spoke.out, NS_PER_S, &acquire));
    assert_int_equal(2 * NS_PER_S, outbound_deadline(spoke.out));
    assert_true(outbound_acquire_next(spoke.out, 2 * NS_PER_S, &acquire));
    /* The other line of the access list is another flow. */
    p[0] = packet_make(buffers[0], 6, 200, false, 0);
    assert_int_equal(1, outbound_burst(spoke.out, p, 1, 3 * NS_PER_S));
    assert_true(outbound_acquire_next(spoke.out, 3 * NS_PER_S, &acquire));
    assert_int_equal(1, acquire.ace);
    assert_int_equal(1, outbound_acquire_failed(spoke.out, ENTRY_ID, 1));
    assert_int_equal(1, drops(DROP_NO_SA));
    assert_int_equal(0, outbound_release(spoke.out, ENTRY_ID, 4 * NS_PER_S));
    /* The SA comes, and the packets go in their order. */
    install(PAIR_TUNNEL);
    assert_int_equal(0, outbound_release(spoke.out, ENTRY_ID + 1, 4 * NS_PER_S));
    assert_int_equal(32, outbound_release(spoke.out, ENTRY_ID, 4 * NS_PER_S));
    for (uint32_t i = 0; i < 32; i++) {
        struct inbound_packet a = packet_arrive(&outbound_results(spoke.out)[i], arrived[i]);
        inbound_burst(hub.in, &a, 1, 5, results);
        assert_int_equal(INBOUND_DELIVER, results[0].kind);
        assert_int_equal(100 + i, results[0].len);
    }
    assert_int_equal(0, outbound_release(spoke.out, ENTRY_ID, 4 * NS_PER_S));
    assert_int_equal(NS_NEVER, outbound_deadline(spoke.out));
    assert_false(outbound_acquire_next(spoke.out, 100 * NS_PER_S, &acquire));
}

static void queue_times_out(void **state)
{
    (void)state;
    assert_int_equal(OUTBOUND_WAITS, send_one(NS_PER_S)->kind);
    assert_int_equal(OUTBOUND_WAITS, send_one(3 * NS_PER_S)->kind);
    assert_int_equal(0, outbound_expire(spoke.out, 10 * NS_PER_S));
    assert_int_equal(1, outbound_expire(spoke.out, 11 * NS_PER_S));
    assert_int_equal(1, outbound_expire(spoke.out, 13 * NS_PER_S));
    assert_int_equal(2, drops(DROP_ACQUIRE_TIMEOUT));
    assert_int_equal(NS_NEVER, outbound_deadline(spoke.out));
}

/* A flood of 1500 flows: the queue stays within its bounds, and everything is given back. */
static void queue_is_bounded(void **state)
{
    (void)state;
    struct spd_table *t = spd_next(spoke.spd);
    enum { ENTRIES = 1500 };
    t->bindings[0] = (struct spd_binding){.ifindex = GATEWAY_IFINDEX, .entry_count = ENTRIES};
    t->binding_count = 1;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        t->entries[i] = (struct spd_entry){.id = i, .first_ace = i, .ace_count = 1, .may_initiate = 1};
        t->aces[i] = (struct spd_ace){.permit = 1, .family = 4};
        memset(t->aces[i].source_wildcard, 0xff, 4);
        be32_store(t->aces[i].destination, 0x0a020000 + i);
    }
    t->entry_count = t->ace_count = ENTRIES;
    spd_publish(spoke.spd);
    uint64_t waits = 0;
    for (int round = 0; round < 4; round++)
        for (uint32_t i = 0; i < ENTRIES; i++) {
            struct outbound_packet p = packet_make(buffers[0], 4, 60, false, 0);
            be32_store(p.data + 16, 0x0a020000 + i);
            assert_int_equal(1, outbound_burst(spoke.out, &p, 1, NS_PER_S));
            waits += outbound_results(spoke.out)->kind == OUTBOUND_WAITS;
        }
    assert_int_equal(OUTBOUND_WAIT_MAX, waits);
    assert_int_equal(4 * ENTRIES - OUTBOUND_WAIT_MAX, drops(DROP_ACQUIRE_QUEUE_FULL));
    struct outbound_acquire a;
    int asked = 0;
    while (outbound_acquire_next(spoke.out, NS_PER_S, &a))
        asked++;
    assert_int_equal(1024, asked);
    assert_int_equal(OUTBOUND_WAIT_MAX, outbound_expire(spoke.out, 20 * NS_PER_S));
    assert_int_equal(OUTBOUND_WAITS, send_one(30 * NS_PER_S)->kind); /* there is room again */
}

static void what_is_not_protected(void **state)
{
    (void)state;
    static const struct {
        const char *source, *destination;
        uint32_t ifindex;
        uint8_t ttl;
        int kind;
        enum drop_reason reason;
        uint8_t ttl_after;
    } cases[] = {
        {"10.1.1.1", "10.3.0.1", GATEWAY_IFINDEX, 63, OUTBOUND_BYPASS, 0, 64},
        {"10.1.1.1", "10.2.0.1", GATEWAY_IFINDEX + 1, 63, OUTBOUND_BYPASS, 0,
         64}, /* no map on that interface */
        {"10.1.0.254", "10.3.0.1", GATEWAY_IFINDEX, 64, OUTBOUND_BYPASS, 0, 64}, /* our own: no hop taken */
        {"10.1.1.1", "10.3.0.1", GATEWAY_IFINDEX, 255, OUTBOUND_BYPASS, 0, 255},
        {"10.1.1.1", "10.2.0.1", 0, 63, OUTBOUND_DROPPED, DROP_NO_ROUTE, 63},
        {"10.1.1.1", "10.2.0.1", GATEWAY_IFINDEX, 63, OUTBOUND_WAITS, 0, 63},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct outbound_packet p = packet_make(buffers[0], 4, 100, false, 0);
        struct address a;
        address_parse(cases[i].source, &a);
        memcpy(p.data + 12, a.bytes, 4);
        address_parse(cases[i].destination, &a);
        memcpy(p.data + 16, a.bytes, 4);
        p.data[8] = cases[i].ttl;
        ipv4_checksum_set(p.data);
        p.ifindex = cases[i].ifindex;
        for (int again = 0; again < 2; again++) { /* the second time from the cache */
            p.data[8] = cases[i].ttl;
            ipv4_checksum_set(p.data);
            assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
            const struct outbound_result *r = outbound_results(spoke.out);
            assert_int_equal(cases[i].kind, r->kind);
            assert_int_equal(cases[i].reason, r->reason);
            assert_int_equal(cases[i].ttl_after, p.data[8]);
            assert_true(ipv4_checksum_ok(p.data));
        }
        p.data[8] = cases[i].ttl;
        ipv4_checksum_set(p.data);
        assert_int_equal(cases[i].kind == OUTBOUND_BYPASS,
                         outbound_bypasses(spoke.out, p.data, 100, p.ifindex));
        assert_int_equal(cases[i].ttl_after, p.data[8]);
    }
    struct outbound_packet junk = packet_make(buffers[0], 4, 100, false, 0);
    junk.len = 50;
    assert_int_equal(1, outbound_burst(spoke.out, &junk, 1, 1000));
    assert_int_equal(DROP_MALFORMED, outbound_results(spoke.out)->reason);
}

/* A router's ICMP error is in no access list; about a packet that policy protects it does not leave in clear.
 */
static void icmp_errors_quote(void **state)
{
    (void)state;
    static const struct {
        const char *source, *destination; /* of the quoted packet, which came in */
        int kind;
    } cases[] = {
        {"10.2.0.1", "10.1.1.1", OUTBOUND_DROPPED}, /* of the tunnel's traffic */
        {"10.3.0.1", "10.1.1.1", OUTBOUND_BYPASS},
        {"10.2.0.1", "172.16.0.1", OUTBOUND_BYPASS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct outbound_packet quoted = packet_make(buffers[1], 4, 100, false, 0);
        struct outbound_packet p = packet_make(buffers[0], 4, 100, false, 0);
        struct address a, router;
        address_parse(cases[i].source, &a);
        memcpy(quoted.data + 12, a.bytes, 4);
        address_parse(cases[i].destination, &a);
        memcpy(quoted.data + 16, a.bytes, 4);
        ipv4_checksum_set(quoted.data);
        address_parse("198.51.100.9", &router);
        p.len = (uint32_t)icmp_error_write(ICMP_ERROR_UNREACHABLE, bytes_of(quoted.data, quoted.len), &router,
                                           0, p.data, 576);
        assert_true(p.len > 0);
        p.ifindex = GATEWAY_IFINDEX;
        for (int again = 0; again < 2; again++) {
            assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
            assert_int_equal(cases[i].kind, outbound_results(spoke.out)->kind);
        }
    }
}

/* Before control published anything, nothing passes in clear. */
static void no_policy_no_traffic(void **state)
{
    (void)state;
    atomic_store(&spoke.spd->version, 0);
    assert_int_equal(OUTBOUND_DROPPED, send_one(1)->kind);
    assert_int_equal(1, drops(DROP_NO_SA));
}

static void runs_for_segmentation(void **state)
{
    (void)state;
    install(PAIR_TUNNEL | PAIR_UDP);
    static const uint32_t sizes[] = {500, 500, 500, 400, 500, 600, 600, 100, 100};
    static const uint16_t expected[] = {4, 0, 0, 0, 1, 3, 0, 0, 1};
    struct outbound_packet p[BURST_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        p[i] = packet_make(buffers[i], 4, sizes[i], false, 0);
    assert_int_equal(ARRAY_SIZE(sizes), outbound_burst(spoke.out, p, ARRAY_SIZE(sizes), 1000));
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        assert_int_equal(expected[i], outbound_results(spoke.out)[i].run);
    for (int i = 0; i < BURST_MAX; i++)
        p[i] = packet_make(buffers[i], 4, 1400, false, 0);
    assert_int_equal(BURST_MAX, outbound_burst(spoke.out, p, BURST_MAX, 1000));
    assert_int_equal(65000 / outbound_results(spoke.out)->len, outbound_results(spoke.out)->run);
}

/* The engine dies again and again, also between claiming a number and sending: no number, hence no IV, comes
 * twice, and what was delivered before is refused after. */
static void successor_repeats_nothing(void **state)
{
    (void)state;
    install(PAIR_TUNNEL);
    static uint8_t seen[4096];
    static uint8_t first[200];
    struct inbound_packet late = {0};
    memset(seen, 0, sizeof(seen));
    for (int life = 0; life < 5; life++) {
        for (int i = 0; i < 20; i++) {
            const struct outbound_result *r = send_one(1000);
            assert_int_equal(OUTBOUND_SEND_RAW, r->kind);
            uint32_t sequence = be32_load(r->data + 24);
            assert_true(sequence < sizeof(seen) && !seen[sequence]++);
            assert_int_equal(sequence, (uint32_t)be64_load(r->data + 28)); /* iv_base ^ sequence */
            struct inbound_packet a = packet_arrive(r, arrived[0]);
            if (i == 19) {
                memcpy(first, a.data, a.len);
                late = a;
            }
            inbound_burst(hub.in, &a, 1, 1000, results);
            assert_int_equal(INBOUND_DELIVER, results[0].kind);
        }
        gateway_restart(&spoke);
        gateway_restart(&hub);
        memcpy(arrived[0], first, late.len);
        inbound_burst(hub.in, &late, 1, 1000, results);
        assert_int_equal(INBOUND_DROPPED, results[0].kind);
        assert_int_equal(DROP_REPLAY, results[0].reason);
    }
    assert_int_equal(100, hub.sad->pairs[4].in.packets);
    assert_int_equal(100, spoke.sad->pairs[4].out.packets);
    assert_int_equal(5, hub.sad->engines[0].drops[DROP_REPLAY]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, two_gateways, no_gateways)
    const struct CMUnitTest tests[] = {
        T(inner_maxima),
        T(size_rules),
        T(fragments_after_join_again),
        T(icmp_is_limited),
        T(path_mtu_from_outside),
        T(limits_of_an_sa),
        T(queue_for_an_sa),
        T(queue_times_out),
        T(queue_is_bounded),
        T(what_is_not_protected),
        T(icmp_errors_quote),
        T(no_policy_no_traffic),
        T(runs_for_segmentation),
        T(successor_repeats_nothing),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
