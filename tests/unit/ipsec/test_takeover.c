/* SPDX-License-Identifier: Apache-2.0 */
/* Two members share the hub's pair: `hub` owns its group first, `second` has it as a replica. Whatever
 * happens between them, the spoke must never see a number or an IV twice, and no packet is delivered twice.
 */
#include "gateways.h"
#include "ipsec/inbound_hold.h"
#include "ipsec/takeover.h"

enum { SLOT = 4, GROUP = 1, SEEN = 1 << 16 };

static struct gateway second;
static const struct tunnel gcm = {.algorithms = {.encryption = PACKET_ENCRYPTION_AES_GCM16, .key_bytes = 16},
                                  .protocol = 50,
                                  .flags = PAIR_TUNNEL};
static uint8_t buffers[BURST_MAX][BUFFER], arrived[BUFFER];
static uint8_t seen_sequence[SEEN], delivered[SEEN];
static uint64_t ivs[SEEN];
static size_t iv_count;

static struct sad_pair *pair_of(struct gateway *g)
{
    return &g->sad->pairs[SLOT];
}

static void role(struct gateway *g, uint32_t member, uint32_t epoch, bool active)
{
    atomic_store(&g->sad->groups[GROUP].word, sad_group_word(epoch, member, active));
}

static void ceilings(struct gateway *g, uint64_t out, uint64_t in)
{
    atomic_store(&pair_of(g)->sequence_ceiling, out);
    atomic_store(&pair_of(g)->receive_ceiling, in);
    atomic_store(&pair_of(g)->out_mark, out / 2);
    atomic_store(&pair_of(g)->in_mark, in / 2);
}

static void granted(struct gateway *g, uint64_t out, uint64_t in)
{
    pair_of(g)->granted_out = out;
    pair_of(g)->granted_in = in;
}

static int pair_shared(void **state)
{
    two_gateways(state);
    gateway_init(&second, 3, GATEWAY_SLOTS);
    gateway_policy(&second, true);
    tunnel_install(&gcm, SLOT, 1000);
    struct sad_pair *mine = pair_of(&hub), *copy = pair_of(&second);
    mine->group = GROUP;
    atomic_store(&mine->epoch, 1);
    mine->iv_base = sad_iv_base(0, 1, 0x123456789abcdef0);
    *copy = *mine;
    atomic_store(&copy->epoch, 0);
    ceilings(&second, UINT64_MAX, UINT64_MAX);
    atomic_store(&copy->out_mark, UINT64_MAX);
    atomic_store(&copy->in_mark, UINT64_MAX);
    sad_slot_use(second.sad, SLOT);
    pair_index_add(second.path.index, SLOT);
    role(&hub, 0, 1, true);
    role(&second, 1, 1, false);
    ceilings(&hub, 1000, 64);
    granted(&second, 1000, 64);
    memset(seen_sequence, 0, sizeof(seen_sequence));
    memset(delivered, 0, sizeof(delivered));
    iv_count = 0;
    return 0;
}

static int pair_gone(void **state)
{
    gateway_done(&second);
    return no_gateways(state);
}

/* What the spoke checks of each packet: number and IV are new. */
static void spoke_hears(const struct outbound_result *r)
{
    uint32_t sequence = be32_load(r->data + IPV4_HEADER + 4);
    uint64_t iv = be64_load(r->data + IPV4_HEADER + 8);
    assert_true(sequence < SEEN);
    if (seen_sequence[sequence]++)
        fail_msg("sequence number %u twice", sequence);
    for (size_t i = 0; i < iv_count; i++)
        if (ivs[i] == iv)
            fail_msg("IV %016lx twice", (unsigned long)iv);
    ivs[iv_count++] = iv;
}

static struct outbound_result send_from(struct gateway *g, ns now)
{
    struct outbound_packet p = packet_make(buffers[0], 4, 100, false, 0);
    /* From the hub's side: addresses swapped. */
    uint8_t swap[4];
    memcpy(swap, p.data + 12, 4);
    memcpy(p.data + 12, p.data + 16, 4);
    memcpy(p.data + 16, swap, 4);
    assert_int_equal(1, outbound_burst(g->out, &p, 1, now));
    struct outbound_result r = outbound_results(g->out)[0];
    if (r.kind == OUTBOUND_SEND_RAW)
        spoke_hears(&r);
    return r;
}

/* A packet of the spoke as it is on the wire, kept to be replayed. */
struct wire {
    uint8_t data[256];
    uint32_t len;
    struct outbound_result result;
};

static struct wire spoke_sends(ns now)
{
    struct wire w;
    struct outbound_packet p = packet_make(buffers[1], 4, 100, false, 0);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, now));
    w.result = outbound_results(spoke.out)[0];
    assert_int_equal(OUTBOUND_SEND_RAW, w.result.kind);
    w.len = w.result.len;
    memcpy(w.data, w.result.data, w.len);
    return w;
}

static struct inbound_result hears(struct gateway *g, struct wire *w, ns now)
{
    struct inbound_result r;
    uint8_t copy[256];
    memcpy(copy, w->data, w->len);
    w->result.data = copy;
    struct inbound_packet p = packet_arrive(&w->result, arrived);
    inbound_burst(g->in, &p, 1, now, &r);
    if (r.kind == INBOUND_DELIVER) {
        uint32_t sequence = be32_load(w->data + IPV4_HEADER + 4);
        if (delivered[sequence]++)
            fail_msg("number %u delivered twice", sequence);
    }
    return r;
}

/* One that waited at this member; 0: none may go on yet. */
static size_t waited(struct gateway *g, ns now, struct inbound_result *ret)
{
    static struct inbound_result results[BURST_MAX];
    static struct inbound_packet packets[BURST_MAX];
    static size_t count, at;
    if (at == count) {
        count = inbound_release(g->in, now, packets, results);
        at = 0;
    }
    if (at == count)
        return 0;
    *ret = results[at++];
    return 1;
}

static void standby_is_silent(void **state)
{
    (void)state;
    struct wire w = spoke_sends(1000);
    assert_int_equal(DROP_NOT_OWNER, send_from(&second, 1000).reason);
    assert_int_equal(DROP_NOT_OWNER, hears(&second, &w, 1000).reason);
    assert_int_equal(INBOUND_DELIVER, hears(&hub, &w, 1000).kind);
    assert_int_equal(0, pair_of(&second)->sequence_out);
}

static void takeover_goes_on_above(void **state)
{
    (void)state;
    struct wire packets[200];
    for (int i = 0; i < 200; i++)
        packets[i] = spoke_sends(1000);
    for (int i = 0; i < 30; i++) {
        send_from(&hub, 1000);
        assert_int_equal(INBOUND_DELIVER, hears(&hub, &packets[i], 1000).kind);
    }
    role(&second, 1, 2, true);
    struct outbound_result r = send_from(&second, 2000);
    assert_int_equal(OUTBOUND_SEND_RAW, r.kind);
    assert_int_equal(1000, be32_load(r.data + IPV4_HEADER + 4));
    for (int i = 0; i < 200; i++)
        /* 1..63 could have been delivered by the first owner. */
        assert_int_equal(i < 63 ? INBOUND_DROPPED : INBOUND_DELIVER, hears(&second, &packets[i], 2000).kind);
    /* The first one was only frozen: it goes on inside its lease, beside the new owner. */
    for (int i = 30; i < 200; i++)
        assert_int_equal(i < 63 ? INBOUND_DELIVER : INBOUND_WAITS, hears(&hub, &packets[i], 2000).kind);
    for (int i = 0; i < 2000; i++) {
        struct outbound_result late = send_from(&hub, 2000);
        assert_int_equal(i < 969 ? OUTBOUND_SEND_RAW : OUTBOUND_DROPPED, late.kind);
        if (i >= 969)
            assert_int_equal(DROP_SEQUENCE_LEASE, late.reason);
        assert_int_equal(OUTBOUND_SEND_RAW, send_from(&second, 2000).kind);
    }
}

static void control_is_asked_in_time(void **state)
{
    (void)state;
    unsigned asked = 0;
    for (int i = 1; i < 1000; i++)
        asked += send_from(&hub, 1000).notes & OUTBOUND_NOTE_LEASE ? 1 : 0;
    assert_int_equal(1, asked);                                     /* at 500, once */
    assert_true(send_from(&hub, 1000).notes & OUTBOUND_NOTE_LEASE); /* refused: each time */
    for (int i = 1; i < 64; i++) {
        struct wire w = spoke_sends(1000);
        assert_int_equal(i == 32 ? INBOUND_NOTE_LEASE : 0, hears(&hub, &w, 1000).notes & INBOUND_NOTE_LEASE);
    }
    struct wire w = spoke_sends(1000);
    struct inbound_result r = hears(&hub, &w, 1000);
    assert_int_equal(INBOUND_WAITS, r.kind);
    assert_true(r.notes & INBOUND_NOTE_LEASE);
    uint64_t out, in;
    takeover_position(pair_of(&hub), &out, &in);
    assert_int_equal(65, in); /* what waits is to pass by the next ceiling */
    uint32_t slot, spi;
    ceilings(&hub, 2000, 64); /* too low: to be asked again */
    assert_int_equal(0, waited(&hub, 1001, &r));
    assert_true(inbound_waits_for(hub.in, &slot, &spi));
    assert_int_equal(pair_of(&hub)->spi_in, spi);
    assert_ptr_equal(pair_of(&hub), &hub.sad->pairs[slot]);
    ceilings(&hub, 2000, 128);
    assert_int_equal(1, waited(&hub, 1002, &r));
    assert_int_equal(INBOUND_DELIVER, r.kind);
    assert_false(inbound_waits_for(hub.in, &slot, &spi));
    assert_false(inbound_waiting(hub.in));
    assert_int_equal(DROP_REPLAY, hears(&hub, &w, 1003).reason);
}

/* What waits is bounded in number and in time, and only the peer's packets wait. */
static void waiting_ends(void **state)
{
    (void)state;
    struct inbound_result r;
    ceilings(&hub, 1000, 1);
    struct wire w = spoke_sends(1000);
    w.data[w.len - 1] ^= 1;
    assert_int_equal(DROP_BAD_ICV, hears(&hub, &w, 1000).reason);
    assert_int_equal(0, waited(&hub, 1001, &r));
    assert_false(inbound_waiting(hub.in));
    unsigned waits = 0;
    for (unsigned i = 0; i < HOLD_MAX + 100; i++) {
        w = spoke_sends(1000);
        waits += hears(&hub, &w, 1000).kind == INBOUND_WAITS;
    }
    assert_in_range(waits, HOLD_MAX - 1, HOLD_MAX);
    assert_int_equal(0, waited(&hub, 1000 + HOLD_TIME - 1, &r));
    for (unsigned i = 0; i < waits; i++) {
        assert_int_equal(1, waited(&hub, 1000 + HOLD_TIME, &r));
        assert_int_equal(DROP_REPLAY_LEASE, r.reason);
    }
    assert_false(inbound_waiting(hub.in));
    assert_int_equal(
        0, atomic_load(&pair_of(&hub)->in_wanted)); /* a planned switchover waits for none of them */
    w = spoke_sends(1000);
    assert_int_equal(INBOUND_WAITS, hears(&hub, &w, 2000).kind);
    struct wire later = spoke_sends(1000);
    assert_int_equal(INBOUND_WAITS, hears(&hub, &later, 2001).kind);
    uint64_t wanted = atomic_load(&pair_of(&hub)->in_wanted);
    assert_int_equal(1, waited(&hub, 2000 + HOLD_TIME, &r));
    assert_int_equal(wanted, atomic_load(&pair_of(&hub)->in_wanted)); /* the second one still does */
    assert_int_equal(1, waited(&hub, 2001 + HOLD_TIME, &r));
    assert_int_equal(0, atomic_load(&pair_of(&hub)->in_wanted));
}

/* There and back again: each epoch goes on above all earlier ones, and an engine that dies does no harm. */
static void to_and_fro(void **state)
{
    (void)state;
    struct gateway *members[] = {&hub, &second};
    uint64_t out = 0, in = 0;
    for (uint32_t epoch = 2; epoch < 40; epoch++) {
        struct gateway *owner = members[epoch % 2], *other = members[(epoch + 1) % 2];
        role(other, (epoch + 1) % 2, epoch, false);
        role(owner, epoch % 2, epoch, true);
        takeover_position(pair_of(owner), &out, &in);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(OUTBOUND_SEND_RAW, send_from(owner, epoch).kind);
            struct wire w = spoke_sends(epoch);
            hears(owner, &w, epoch);
            hears(other, &w, epoch);
            if (i == 2)
                gateway_restart(owner);
            /* The IV's top bits name member and epoch, whatever the numbers are. */
            assert_int_equal((epoch % 2) << 14 | epoch, pair_of(owner)->iv_base >> 48);
        }
        takeover_position(pair_of(owner), &out, &in);
        ceilings(owner, out + 100, in + 3);
        ceilings(other, UINT64_MAX, UINT64_MAX);
        granted(other, out + 100, in + 3);
    }
    assert_true(iv_count == 38 * 5);
}

static void exact_counters_refuse_nothing(void **state)
{
    (void)state;
    uint64_t out, in;
    for (int i = 0; i < 50; i++) {
        struct wire w = spoke_sends(1000);
        assert_int_equal(INBOUND_DELIVER, hears(&hub, &w, 1000).kind);
        send_from(&hub, 1000);
    }
    role(&hub, 0, 1, false);
    takeover_position(pair_of(&hub), &out, &in);
    assert_int_equal(51, out);
    assert_int_equal(51, in);
    granted(&second, out, in);
    role(&second, 1, 2, true);
    struct wire w = spoke_sends(2000);
    assert_int_equal(INBOUND_DELIVER, hears(&second, &w, 2000).kind);
    assert_int_equal(51, be32_load(send_from(&second, 2000).data + IPV4_HEADER + 4));
}

static void little_traffic_is_rekeyed(void **state)
{
    (void)state;
    struct wire w = spoke_sends(NS_PER_S);
    role(&second, 1, 2, true);
    send_from(&second, NS_PER_S);
    struct inbound_result r = hears(&second, &w, 2 * NS_PER_S);
    assert_int_equal(DROP_REPLAY, r.reason);
    assert_int_equal(0, r.notes);
    w = spoke_sends(4 * NS_PER_S);
    assert_true(hears(&second, &w, 4 * NS_PER_S).notes & INBOUND_NOTE_BEHIND);
    w = spoke_sends(4 * NS_PER_S);
    assert_false(hears(&second, &w, 4 * NS_PER_S).notes & INBOUND_NOTE_BEHIND);
}

/* It owned the pair, and has it as a replica since: what it hands over is not below what it was granted then.
 */
static void position_of_a_former_owner(void **state)
{
    (void)state;
    uint64_t out, in;
    send_from(&hub, 1000);
    role(&hub, 0, 1, false);
    granted(&hub, 5000, 300);
    takeover_position(pair_of(&hub), &out, &in);
    assert_int_equal(5000, out);
    assert_int_equal(300, in);
}

/* A window that was closed at any top, in any size, refuses all below and takes each above once. */
static void closed_windows(void **state)
{
    (void)state;
    for (uint32_t size = 64; size <= 4096; size *= 2)
        for (uint64_t top = 0; top < 300; top++) {
            struct replay_window w = {0};
            replay_close(&w, size, top);
            for (uint64_t s = 0; s <= top; s++)
                assert_int_not_equal(DROP_NONE, replay_check(&w, size, s));
            for (uint64_t s = top + 1; s < top + 140; s += 2)
                for (uint64_t one = s + 1; one >= s; one--) { /* out of order, too */
                    assert_int_equal(DROP_NONE, replay_commit(&w, size, one));
                    assert_int_equal(DROP_REPLAY, replay_commit(&w, size, one));
                }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(standby_is_silent, pair_shared, pair_gone),
        cmocka_unit_test_setup_teardown(takeover_goes_on_above, pair_shared, pair_gone),
        cmocka_unit_test_setup_teardown(control_is_asked_in_time, pair_shared, pair_gone),
        cmocka_unit_test_setup_teardown(waiting_ends, pair_shared, pair_gone),
        cmocka_unit_test_setup_teardown(to_and_fro, pair_shared, pair_gone),
        cmocka_unit_test_setup_teardown(exact_counters_refuse_nothing, pair_shared, pair_gone),
        cmocka_unit_test_setup_teardown(position_of_a_former_owner, pair_shared, pair_gone),
        cmocka_unit_test_setup_teardown(little_traffic_is_rekeyed, pair_shared, pair_gone),
        cmocka_unit_test(closed_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
