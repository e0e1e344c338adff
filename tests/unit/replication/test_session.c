/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions back to back: every kind of frame, versions and refusals, flow control, silence, clocks, the
 * loss of the channel at every byte of a snapshot. */
#include "session_pair.h"

static struct pair p;

#define A (&p.side[0])
#define B (&p.side[1])

static uint64_t put(uint64_t key, size_t len, bool snapshot)
{
    static uint8_t data[SESSION_DATA_MAX];
    memset(data, (int)key, len);
    return session_put(A->s, p.now, 7, 3, key, bytes_of(data, len), snapshot, &A->a);
}

static void pair_again(void)
{
    pair_done(&p);
    pair_init(&p);
}

static int set_up(void **state)
{
    (void)state;
    pair_init(&p);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pair_done(&p);
    return 0;
}

/* ---- every frame, in every cut of the stream ---- */

static void everything_tell(void)
{
    struct session_lease leases[] = {{4, 0x11223344, 1000, 64}, {6, 0x99887766, UINT64_MAX, 1}};
    struct session_role_state role = {.role = SESSION_OWNER, .in_step = true, .epoch = 0xfffffffe};

    assert_int_equal(session_role(A->s, p.now, 7, &role, &A->a), 1);
    assert_int_equal(session_snapshot_begin(A->s, p.now, 7, &A->a), 2);
    assert_int_equal(put(1, 1000, true), 3);
    assert_int_equal(put(2, 0, false), 4);
    assert_int_equal(session_delete(A->s, p.now, 7, 3, 2, true, &A->a), 5);
    assert_int_equal(session_leases(A->s, p.now, 7, leases, 2, true, true, &A->a), 6);
    assert_int_equal(session_snapshot_end(A->s, p.now, 7, &A->a), 7);
    assert_int_equal(session_notice(A->s, p.now, 7, 99, 1, UINT64_MAX, &A->a), 8);
    assert_int_equal(put(9, SESSION_DATA_MAX, false), 9);
    assert_int_equal(session_bye(A->s, p.now, &A->a), 10);
    assert_int_equal(A->a.count, 1); /* one write for all of them */
}

static void test_every_frame(void **state)
{
    static const size_t cuts[] = {0, 1, 3, 15, 16, 17, 1000, 40000};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
        pair_again();
        p.cut = cuts[i];
        pair_up(&p);
        everything_tell();
        side_carry(A);
        pair_run(&p);
        assert_string_equal(B->text, "rbppdlenpB");
        assert_int_equal(B->last[SESSION_ROLE].role.role, SESSION_OWNER);
        assert_true(B->last[SESSION_ROLE].role.in_step);
        assert_int_equal(B->last[SESSION_ROLE].role.epoch, 0xfffffffe);
        assert_int_equal(B->last[SESSION_DELETE].put.key, 2);
        assert_int_equal(B->last[SESSION_DELETE].put.kind, 3);
        assert_true(B->last[SESSION_DELETE].snapshot);
        assert_true(B->last[SESSION_LEASES].exact);
        assert_int_equal(B->last[SESSION_LEASES].leases.count, 2);
        assert_int_equal(B->lease.slot, 6);
        assert_int_equal(B->lease.spi_in, 0x99887766);
        assert_true(B->lease.out == UINT64_MAX && B->lease.in == 1);
        assert_int_equal(B->last[SESSION_NOTICE].notice.code, 99);
        assert_true(B->last[SESSION_NOTICE].notice.b == UINT64_MAX);
        assert_int_equal(B->last[SESSION_PUT].group, 7);
        assert_int_equal(B->last[SESSION_PUT].put.data.len, SESSION_DATA_MAX);
        assert_int_not_equal(B->crc[9], 0);
        assert_int_equal(B->crc[2], 0);
        assert_int_equal(A->last[SESSION_ACKED].acked, 10);
        assert_int_equal(session_acked(A->s), 10);
        assert_true(session_unacked_since(A->s) == NS_NEVER);
        /* After BYE neither of them can say anything; the end is a good one. */
        assert_int_equal(put(1, 1, false), 0);
        assert_int_equal(session_notice(B->s, p.now, 7, 1, 0, 0, &B->a), 0);
        assert_false(session_feed(B->s, 7, true));
        side_step(&p, 1, SESSION_EVENT_CLOSED, (struct bytes){0});
        assert_int_equal(B->last[SESSION_PEER_LOST].lost.reason, SESSION_LOST_LEFT);
    }
}

/* The acknowledgement stands behind the actions that it is about. */
static void test_ack_is_last(void **state)
{
    (void)state;
    pair_up(&p);
    session_feed(A->s, 7, true);
    for (uint64_t key = 0; key < 50; key++)
        put(key, 100, false);
    side_carry(A);
    struct session_event e = {SESSION_EVENT_BYTES, p.now, bytes_of(A->wire, A->wire_len)};
    session_step(B->s, &e, &B->a);
    assert_int_equal(B->a.count, 51);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(B->a.items[i].kind, SESSION_PUT);
    assert_int_equal(B->a.items[50].kind, SESSION_SEND);
    struct frame f;
    size_t used;
    struct bytes sent = session_action_send(&B->a, &B->a.items[50]);
    assert_int_equal(frame_parse(sent, &f, &used), FRAME_OK);
    assert_int_equal(f.type, FRAME_ACK);
    assert_int_equal(f.ack, 50);
    assert_int_equal(used, sent.len);
}

static void test_many_leases(void **state)
{
    static struct session_lease leases[FRAME_LEASES_MAX * 2 + 1];
    (void)state;
    pair_up(&p);
    assert_int_equal(session_leases(A->s, p.now, 7, leases, 1, false, false, &A->a), 0); /* not fed */
    session_feed(A->s, 7, true);
    assert_int_equal(session_leases(A->s, p.now, 7, leases, 0, false, false, &A->a), 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(leases); i++)
        leases[i] = (struct session_lease){.slot = i, .out = i * 2};
    assert_int_equal(session_leases(A->s, p.now, 7, leases, ARRAY_SIZE(leases), false, false, &A->a), 3);
    side_carry(A);
    pair_run(&p);
    assert_string_equal(B->text, "lll");
    assert_int_equal(B->lease.slot, FRAME_LEASES_MAX * 2);
    assert_int_equal(B->lease.out, FRAME_LEASES_MAX * 4);
}

/* ---- who is refused ---- */

static void test_refusals(void **state)
{
    static const struct {
        const char *name;
        uint16_t frame_min, frame_max, record_min, record_max;
        uint8_t member, digest;
        enum session_lost reason; /* CLOSED: none */
        uint16_t frame, record;
    } table[] = {
        {"the same build", 1, 1, 1, 1, 1, 0x5a, SESSION_LOST_CLOSED, 1, 1},
        {"a newer one that knows ours", 1, 3, 1, 4, 1, 0x5a, SESSION_LOST_CLOSED, 2, 3},
        {"an older one", 1, 1, 1, 2, 1, 0x5a, SESSION_LOST_CLOSED, 1, 2},
        {"newer frames only", 3, 4, 1, 4, 1, 0x5a, SESSION_LOST_VERSION, 0, 0},
        {"newer records only", 1, 2, 4, 9, 1, 0x5a, SESSION_LOST_VERSION, 0, 0},
        {"no versions", 1, 0, 1, 1, 1, 0x5a, SESSION_LOST_VERSION, 0, 0},
        {"ourselves", 1, 2, 1, 3, 0, 0x5a, SESSION_LOST_MEMBER, 0, 0},
        {"another configuration", 1, 2, 1, 3, 1, 0x5b, SESSION_LOST_DIGEST, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        pair_again();
        A->config.frame_max = 2;
        A->config.record_max = 3;
        B->config.frame_min = table[i].frame_min;
        B->config.frame_max = table[i].frame_max;
        B->config.record_min = table[i].record_min;
        B->config.record_max = table[i].record_max;
        B->config.member = table[i].member;
        memset(B->config.digest, table[i].digest, SESSION_DIGEST);
        pair_open(&p);
        pair_run(&p);
        for (unsigned n = 0; n < 2; n++) {
            const struct side *x = &p.side[n];
            const struct session_action *lost = &x->last[SESSION_PEER_LOST], *up = &x->last[SESSION_PEER_UP];
            if (table[i].reason == SESSION_LOST_CLOSED) {
                assert_string_equal(x->text, "gU");
                assert_int_equal(up->up.frame_version, MIN(A->config.frame_max, table[i].frame_max));
                assert_int_equal(up->up.record_version, table[i].record ? table[i].record : 1);
                assert_int_equal(session_record_version(x->s), up->up.record_version);
                continue;
            }
            assert_int_equal(lost->kind, SESSION_PEER_LOST);
            assert_true(lost->lost.reason == table[i].reason || lost->lost.reason == SESSION_LOST_REFUSED);
            assert_false(lost->lost.was_up);
            assert_true(lost->lost.retry >= 5 * NS_PER_S);
            assert_non_null(strstr(x->last[SESSION_LOG].log.text, "refuse"));
            assert_true(session_deadline(x->s) == NS_NEVER);
            assert_int_equal(session_room(x->s), 0);
        }
        /* The next attempts end as the first one did, and say so once in five minutes. */
        if (table[i].reason != SESSION_LOST_CLOSED) {
            unsigned logs = A->logs;
            p.now += 10 * NS_PER_S;
            pair_open(&p);
            pair_run(&p);
            assert_true(A->logs - logs <= 1);
            assert_int_equal(A->last[SESSION_PEER_LOST].kind, SESSION_PEER_LOST);
        }
    }
}

/* ---- bad frames ---- */

static void hostile_feed(struct bytes bytes, enum session_lost reason)
{
    A->text_len = 0;
    side_step(&p, 0, SESSION_EVENT_BYTES, bytes);
    if (A->last[SESSION_PEER_LOST].kind != SESSION_PEER_LOST)
        fail_msg("taken, instead of: %s", session_lost_name(reason));
    assert_string_equal(session_lost_name(A->last[SESSION_PEER_LOST].lost.reason), session_lost_name(reason));
    assert_true(A->last[SESSION_PEER_LOST].lost.retry > 0);
    assert_false(session_is_up(A->s));
}

static struct bytes frame_bytes(const struct frame *f)
{
    static uint8_t out[FRAME_HEADER + FRAME_BODY_MAX];
    struct writer w = writer_of(out, sizeof(out));
    frame_write(&w, f);
    return writer_bytes(&w);
}

static void test_bad_order(void **state)
{
    struct session_lease lease = {0};
    const struct {
        struct frame f;
        enum session_lost reason;
    } table[] = {
        {{.type = FRAME_PUT, .sequence = 2}, SESSION_LOST_ORDER},
        {{.type = FRAME_PUT, .sequence = UINT64_MAX}, SESSION_LOST_ORDER},
        {{.type = FRAME_PUT, .sequence = 1, .flags = FRAME_FLAG_SNAPSHOT}, SESSION_LOST_ORDER},
        {{.type = FRAME_DELETE, .sequence = 1, .flags = FRAME_FLAG_SNAPSHOT}, SESSION_LOST_ORDER},
        {{.type = FRAME_LEASES,
          .sequence = 1,
          .flags = FRAME_FLAG_SNAPSHOT,
          .leases = {.count = 1, .list = &lease}},
         SESSION_LOST_ORDER},
        {{.type = FRAME_SNAPSHOT_END, .sequence = 1}, SESSION_LOST_ORDER},
        {{.type = FRAME_ACK, .ack = 1}, SESSION_LOST_ORDER},
        {{.type = FRAME_ACK, .ack = UINT64_MAX}, SESSION_LOST_ORDER},
        {{.type = FRAME_HELLO, .hello = {.magic = FRAME_MAGIC}}, SESSION_LOST_ORDER},
        {{.type = FRAME_REFUSE, .refuse = 60000}, SESSION_LOST_ORDER},
        {{.type = FRAME_ROLE, .sequence = 1, .role = {.role = SESSION_ROLES}}, SESSION_LOST_MALFORMED},
        {{.type = FRAME_LEASES, .sequence = 1, .leases = {.count = 0}}, SESSION_LOST_MALFORMED},
        {{.type = FRAME_HEARTBEAT, .heartbeat = {.clock = UINT64_MAX}}, SESSION_LOST_MALFORMED},
        {{.type = 200, .sequence = 1}, SESSION_LOST_UNKNOWN},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        pair_again();
        pair_up(&p);
        hostile_feed(frame_bytes(&table[i].f), table[i].reason);
        assert_true(A->last[SESSION_PEER_LOST].lost.was_up);
    }
}

static void test_bad_bytes(void **state)
{
    static const struct {
        const char *hex;
        enum session_lost before, after; /* HELLO was taken */
    } table[] = {
        {"00010001 10 00 0007 0000000000000001", SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED}, /* too long */
        {"ffffffff 01 00 0000 0000000000000000", SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED},
        {"00000004 01 00 0000 0000000000000000 48465353", SESSION_LOST_MALFORMED, SESSION_LOST_MALFORMED},
        {"00000007 04 00 0000 0000000000000000 00000000000000", SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED},
        {"00000000 10 00 0007 0000000000000001", SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED},
        /* PUT: its data is longer than the frame; longer than any record */
        {"00000010 10 00 0007 0000000000000001 03000000 0000000000000001 00000001", SESSION_LOST_MAGIC,
         SESSION_LOST_MALFORMED},
        {"00000010 10 00 0007 0000000000000001 03000000 0000000000000001 00008001", SESSION_LOST_MAGIC,
         SESSION_LOST_MALFORMED},
        /* LEASES: too many, too small */
        {"00000008 12 00 0007 0000000000000001 00000401 0018 0000", SESSION_LOST_MAGIC,
         SESSION_LOST_MALFORMED},
        {"0000001f 12 00 0007 0000000000000001 00000001 0017 0000 "
         "0000000000000000000000000000000000000000000000",
         SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED},
        /* numbered where it must not be, and the other way round */
        {"00000008 04 00 0000 0000000000000001 0000000000000000", SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED},
        {"00000000 17 00 0000 0000000000000000", SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED},
        {"474554202f20485454502f312e310d0a0d0a", SESSION_LOST_MAGIC, SESSION_LOST_MALFORMED}, /* GET / */
    };
    uint8_t bytes[256];
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(table) * 2; i++) {
        int len = bytes_from_hex(table[i / 2].hex, bytes, sizeof(bytes));
        assert_true(len > 0);
        pair_again();
        if (i % 2)
            pair_up(&p);
        else
            pair_open(&p);
        hostile_feed(bytes_of(bytes, (size_t)len), i % 2 ? table[i / 2].after : table[i / 2].before);
    }
}

/* A frame that is too long is refused with its first bytes, not waited for. */
static void test_nothing_is_waited_for(void **state)
{
    (void)state;
    pair_open(&p);
    side_step(&p, 0, SESSION_EVENT_BYTES, bytes_of("\0\0\x10\1\1", 5));
    assert_int_equal(A->last[SESSION_PEER_LOST].lost.reason, SESSION_LOST_MAGIC);
}

/* ---- newer builds ---- */

static void test_newer_frames(void **state)
{
    /* A type that may be skipped, numbered and not; a longer ROLE; a longer lease. */
    static const char *const hex = "00000003 c8 01 0007 0000000000000001 010203"
                                   "00000001 c9 01 0000 0000000000000000 ff"
                                   "0000000c 15 00 0007 0000000000000002 03 01 0000 00000005 deadbeef"
                                   "00000048 12 80 0007 0000000000000003 00000002 0020 0000"
                                   "00000002 0000000a 0000000000000064 0000000000000040 aaaaaaaaaaaaaaaa"
                                   "00000004 0000000b 00000000000000c8 0000000000000080 bbbbbbbbbbbbbbbb";
    uint8_t bytes[512];
    struct session_statistics statistics;
    (void)state;

    pair_up(&p);
    int len = bytes_from_hex(hex, bytes, sizeof(bytes));
    side_step(&p, 0, SESSION_EVENT_BYTES, bytes_of(bytes, (size_t)len));
    assert_string_equal(A->text, "rl");
    assert_int_equal(A->last[SESSION_ROLE].role.epoch, 5);
    assert_int_equal(A->lease.slot, 4);
    assert_int_equal(A->lease.out, 200);
    session_statistics(A->s, &statistics);
    assert_int_equal(statistics.skipped_in, 2);
    assert_true(session_is_up(A->s));
}

/* A HELLO with fields that a later version put at its end. */
static void test_newer_hello(void **state)
{
    (void)state;
    pair_open(&p);
    uint8_t hello[1024];
    size_t len = B->wire_len;
    memcpy(hello, B->wire, len);
    memset(hello + len, 0xee, 100);
    hello[2] = (uint8_t)((len - FRAME_HEADER + 100) >> 8);
    hello[3] = (uint8_t)(len - FRAME_HEADER + 100);
    side_step(&p, 0, SESSION_EVENT_BYTES, bytes_of(hello, len + 100));
    assert_string_equal(A->text, "gU");
}

/* ---- flow control ---- */

static void test_flow_control(void **state)
{
    struct session_statistics statistics;
    (void)state;
    A->config.unacked_max = 100000;
    A->config.unacked_hard = 200000;
    pair_up(&p);
    assert_int_equal(session_room(A->s), 100000);
    assert_int_equal(put(1, 1000, false), 0); /* not fed */
    assert_true(session_feed(A->s, 7, true));
    unsigned puts = 0;
    ns began = p.now;
    while (session_room(A->s) > 0) {
        assert_int_equal(put(puts % 100, 1000, false), puts + 1);
        puts++;
        p.now++;
    }
    assert_in_range(puts, 95, 98);
    assert_true(session_unacked_since(A->s) == began);
    side_carry(A);
    /* Half of it arrives and is acknowledged: half the room is back. */
    p.stop[1] = p.carried[1] + A->wire_len / 2;
    pair_run(&p);
    assert_in_range(session_room(A->s), 48000, 52000);
    assert_true(session_unacked_since(A->s) > began);
    p.stop[1] = 0;
    pair_run(&p);
    assert_int_equal(session_room(A->s), 100000);
    assert_int_equal(B->records, puts);
    /* Changes of the moment go on beyond the room, up to the hard limit. */
    uint64_t last = 0, next;
    for (;;) {
        next = put(1, 1000, false);
        if (!next)
            break;
        last = next;
    }
    assert_in_range(last - puts, 190, 200);
    side_carry(A);
    assert_int_equal(A->last[SESSION_PEER_LOST].lost.reason, SESSION_LOST_OVERFLOW);
    session_statistics(A->s, &statistics);
    assert_true(statistics.unacked_peak > 190000 && statistics.unacked_peak <= 200000);
    assert_int_equal(statistics.unacked_bytes, 0);
    assert_int_equal(statistics.lost[SESSION_LOST_OVERFLOW], 1);
    assert_int_equal(put(1, 1, false), 0);
}

/* Numbers go on with the next connection; nothing that was lost is acknowledged by it. */
static void test_numbers_go_on(void **state)
{
    (void)state;
    A->config.sequence_from = 1000;
    pair_up(&p);
    session_feed(A->s, 7, true);
    assert_int_equal(put(1, 10, false), 1001);
    assert_int_equal(put(2, 10, false), 1002);
    side_carry(A);
    for (unsigned n = 0; n < 2; n++)
        side_step(&p, n, SESSION_EVENT_CLOSED, (struct bytes){0});
    pair_up(&p);
    assert_false(session_fed(A->s, 7));
    assert_int_equal(put(3, 10, false), 0);
    assert_int_equal(session_acked(A->s), 1000);
    assert_int_equal(session_notice(A->s, p.now, 7, 1, 2, 3, &A->a), 1003);
    side_carry(A);
    pair_run(&p);
    assert_int_equal(A->last[SESSION_ACKED].acked, 1003);
    assert_string_equal(B->text, "n");
}

/* ---- silence and clocks ---- */

static void test_silence(void **state)
{
    (void)state;
    A->config.heartbeat = 5 * NS_PER_S; /* but the peer needs it more often */
    B->config.heartbeat = 5 * MS;
    A->config.dead = B->config.dead = 50 * MS;
    pair_up(&p);
    pair_pass(&p, 10 * NS_PER_S, -1);
    assert_true(session_is_up(A->s) && session_is_up(B->s));
    pair_pass(&p, 40 * MS, 0);
    assert_true(session_is_up(B->s));
    pair_pass(&p, 15 * MS, 0);
    assert_int_equal(B->last[SESSION_PEER_LOST].lost.reason, SESSION_LOST_SILENT);
    assert_true(B->last[SESSION_PEER_LOST].lost.was_up);
    assert_true(B->last[SESSION_PEER_LOST].lost.retry == 0);
}

/* Who was stopped himself looks first at what came meanwhile. */
static void test_late_timer(void **state)
{
    (void)state;
    pair_up(&p);
    p.now += 20 * NS_PER_S;
    side_step(&p, 0, SESSION_EVENT_TICK, (struct bytes){0});
    assert_true(session_is_up(A->s));
    assert_true(session_deadline(A->s) <= p.now + 1 * MS);
    side_step(&p, 1, SESSION_EVENT_TICK, (struct bytes){0}); /* its heartbeat */
    pair_run(&p);
    assert_true(session_is_up(A->s));
    p.now += 20 * NS_PER_S;
    side_step(&p, 0, SESSION_EVENT_TICK, (struct bytes){0});
    p.now += 1 * MS;
    side_step(&p, 0, SESSION_EVENT_TICK, (struct bytes){0});
    assert_int_equal(A->last[SESSION_PEER_LOST].lost.reason, SESSION_LOST_SILENT);
}

static void test_no_hello(void **state)
{
    (void)state;
    pair_open(&p);
    A->wire_len = B->wire_len = 0;
    pair_pass(&p, 4 * NS_PER_S, 0);
    assert_true(A->open);
    pair_pass(&p, 2 * NS_PER_S, 0);
    assert_int_equal(A->last[SESSION_PEER_LOST].lost.reason, SESSION_LOST_SILENT);
    assert_false(A->last[SESSION_PEER_LOST].lost.was_up);
}

static void test_shift(void **state)
{
    static const int64_t clocks[] = {0, 1, 3600LL * 1000000000, -900LL * 1000000000};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
        pair_again();
        B->clock = clocks[i];
        pair_open(&p);
        p.now += 7 * MS; /* on the way */
        pair_deliver(&p, 0);
        pair_deliver(&p, 1);
        p.now += 1 * MS;
        pair_deliver(&p, 0);
        pair_deliver(&p, 1);
        p.now += 300 * MS; /* heartbeats that are echoed within 2 ms */
        for (unsigned n = 0; n < 6; n++) {
            side_step(&p, n % 2, SESSION_EVENT_TICK, (struct bytes){0});
            p.now += 1 * MS;
            pair_run(&p);
            p.now += 260 * MS;
        }
        /* A's clock less B's, within half of the shortest round trip. */
        assert_in_range(session_shift(A->s) + clocks[i] + (int64_t)MS, 0, 2 * MS);
        assert_in_range(session_shift(B->s) - clocks[i] + (int64_t)MS, 0, 2 * MS);
        session_feed(A->s, 1, true);
        session_put(A->s, p.now, 1, 1, 1, bytes_of("x", 1), false, &A->a);
        side_carry(A);
        pair_run(&p);
        assert_in_range(B->last[SESSION_PUT].shift - clocks[i] + (int64_t)MS, 0, 2 * MS);
        struct session_statistics statistics;
        session_statistics(A->s, &statistics);
        assert_true(statistics.round_trip <= 2 * MS);
    }
}

/* ---- the loss of the channel at every byte of a snapshot ---- */

static void snapshot_tell(void)
{
    struct session_lease lease = {.slot = 2, .out = 5, .in = 6};

    session_snapshot_begin(A->s, p.now, 7, &A->a);
    for (uint64_t key = 1; key <= 6; key++)
        put(key, 20 + key, true);
    put(2, 5, false);
    session_leases(A->s, p.now, 7, &lease, 1, false, true, &A->a);
    session_snapshot_end(A->s, p.now, 7, &A->a);
    side_carry(A);
}

static void test_loss_at_every_byte(void **state)
{
    static const char whole[] = "bpppppppleg";
    struct session_statistics statistics;
    size_t hello, total;
    (void)state;

    pair_up(&p);
    hello = p.carried[1];
    snapshot_tell();
    total = A->wire_len;
    for (size_t at = 0; at <= total; at++) {
        pair_again();
        pair_up(&p);
        assert_int_equal(p.carried[1], hello);
        snapshot_tell();
        p.stop[1] = hello + at;
        if (at)
            pair_run(&p);
        /* What was carried out is a beginning of what was told, and exactly that much is acknowledged. */
        size_t done = B->text_len;
        assert_memory_equal(B->text, whole, done);
        assert_int_equal(session_acked(A->s), done);
        assert_true(at < total || strcmp(B->text, "bppppppple") == 0);
        for (unsigned n = 0; n < 2; n++)
            side_step(&p, n, SESSION_EVENT_CLOSED, (struct bytes){0});
        assert_true(session_unacked_since(A->s) == NS_NEVER);
        /* And the next connection carries a whole one. */
        p.stop[1] = 0;
        pair_up(&p);
        snapshot_tell();
        pair_run(&p);
        assert_string_equal(B->text, "bppppppple");
        assert_int_equal(session_acked(A->s), session_sequence(A->s));
        session_statistics(B->s, &statistics);
        assert_int_equal(statistics.resyncs_in, done > 0);
        assert_int_equal(statistics.snapshots_in, 1u + (at == total));
    }
}

/* ---- how fast ---- */

#include <time.h>

/* Sanitizers make it slower by an order of magnitude. */
#ifdef __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define SPEED_LEAST (SANITIZED ? 2000 : 50000)

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Puts of 1 KiB through both sessions, 50 a turn, in memory. */
static void test_speed(void **state)
{
    enum { RECORDS = 100000, TURN = 50 };
    struct session_statistics statistics;
    (void)state;

    pair_up(&p);
    session_feed(A->s, 7, true);
    double began = seconds();
    for (unsigned i = 0; i < RECORDS; i++) {
        put(i, 1024, false);
        if (i % TURN == TURN - 1) {
            side_carry(A);
            pair_run(&p);
            p.now += 1000;
        }
    }
    double took = seconds() - began;
    session_statistics(A->s, &statistics);
    assert_int_equal(session_acked(A->s), RECORDS);
    print_message("%.0f puts/s of 1 KiB through both sessions, %.3f bytes on the wire per byte, %u writes\n",
                  RECORDS / took, (double)statistics.bytes_out / (RECORDS * 1024.0), A->sends);
    assert_true(RECORDS / took > SPEED_LEAST);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_every_frame),  TEST(test_ack_is_last),        TEST(test_many_leases),
        TEST(test_refusals),     TEST(test_bad_order),          TEST(test_bad_bytes),
        TEST(test_newer_hello),  TEST(test_newer_frames),       TEST(test_nothing_is_waited_for),
        TEST(test_flow_control), TEST(test_numbers_go_on),      TEST(test_silence),
        TEST(test_late_timer),   TEST(test_no_hello),           TEST(test_shift),
        TEST(test_speed),        TEST(test_loss_at_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
