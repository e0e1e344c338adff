/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 1 exchanges that are not finished when the member that has them dies: its successor goes on with the
 * very same, in main and aggressive mode and in both roles, without waiting for anybody's clock; so does a
 * control process that was restarted. Their records are bounded, and bad ones change nothing. */
#include "trio.h"

#include "base/be.h"
#include "ike/sa/ike_sa.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DETECTION (50 * NS_PER_MS)
#define PROMPT                                                                                  \
    (150 * NS_PER_MS) /* a main and a quick mode take 90 ms; the first retransmission is at 1 s \
                       */

static void aggressive(struct node *n)
{
    n->peers[0][0].aggressive = true;
}

static void largest_group(struct node *n)
{
    n->policies[0].group = DH_MODP_4096;
    n->policies[0].hash = HASH_SHA512;
    n->policies[0].key_bits = 256;
}

static void behind_nat(struct node *n)
{
    if (n->name[0] != 'P') {
        n->connections[0].dynamic = true;
        n->connections[0].peer_count = 0;
        return;
    }
    n->behind_nat = true;
    assert_true(address_parse("203.0.113.9", &n->nat_address));
    n->nat_port_base = 10000;
}

static void aggressive_behind_nat(struct node *n)
{
    aggressive(n);
    behind_nat(n);
}

static const struct mode {
    const char *name;
    void (*configure)(struct node *n);
    bool by_peer;
} modes[] = {
    {"main mode of ours", NULL, false},
    {"main mode of the peer", NULL, true},
    {"aggressive mode of ours", aggressive, false},
    {"aggressive mode of the peer", aggressive, true},
    {"main mode of ours, the largest group", largest_group, false},
    {"main mode of the peer, the largest group", largest_group, true},
    {"main mode of a peer behind NAT", behind_nat, true},
    {"aggressive mode of a peer behind NAT", aggressive_behind_nat, true},
};

static const struct ike_sa *only_sa(const struct node *n)
{
    return list_empty(&n->ike->sas) ? NULL : list_entry(n->ike->sas.next, struct ike_sa, all);
}

static unsigned half_open_records(const struct node *n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RECORDS_MAX; i++)
        count += n->records[i].used && n->records[i].kind == IKE_RECORD_HALF_OPEN;
    return count;
}

static unsigned phase1s(const struct node *n)
{
    struct ike_statistics s = node_statistics(n);
    return (unsigned)(s.phase1_initiated + s.phase1_responded);
}

/* The same IKE SA at both. */
static bool agreed(struct node *x, struct node *y)
{
    const struct ike_sa *sa = only_sa(x);
    const struct ike_sa *other = sa && sa_alive(sa) ? sa_find_cookies(y->ike, sa->cookie_i) : NULL;
    return other && sa_alive(other) && sa->key_len > 0 && memcmp(sa->key, other->key, sa->key_len) == 0;
}

static ns time_until_agreed(struct trio *t, struct node *with, ns most)
{
    ns began = t->w->now;
    while (!agreed(t->p, with) && t->w->now - began < most)
        world_run(t->w, 5 * NS_PER_MS);
    return t->w->now - began;
}

static void begin(struct trio *t, const struct mode *m)
{
    node_acquire(m->by_peer ? t->p : t->a, 0);
}

static void take_over_fast(struct trio *t)
{
    t->a->down = true;
    world_run(t->w, DETECTION);
    assert_int_equal(t->b->sent, 0);
    node_role(t->b, true, false);
}

/* ---- death ---- */

/* Returns how many actions A took until the tunnel was there; `ret_took`: how long the successor needed, 0 if
 * it had nothing to go on with. */
static unsigned die(const struct mode *m, unsigned kill_at, ns *ret_took)
{
    struct trio t;
    trio_new(&t, m->configure);
    t.a->killable = true;
    t.w->kill_at = kill_at;
    begin(&t, m);
    while (!t.a->down && !(nodes_match(t.a, t.p) && nodes_match(t.p, t.a)))
        world_run(t.w, NS_PER_MS);
    unsigned actions = t.w->actions_done;
    *ret_took = 0;
    if (kill_at) {
        bool known = only_sa(t.b) != NULL;
        assert_int_equal(half_open_records(t.b), known && !sa_alive(only_sa(t.b)));
        bool answered = m->by_peer && known && !list_empty(&only_sa(t.b)->exchanges);
        take_over_fast(&t);
        ns took = time_until_agreed(&t, t.b, PROMPT + 2 * NS_PER_S);
        if (answered) { /* a quick mode: the answer is there, and sent again */
            world_run(t.w, PROMPT);
            assert_true(nodes_match(t.p, t.b));
        }
        if (known) {
            *ret_took = MAX(took, 1u);
            if (took > PROMPT)
                fail_msg("%s: dead before action %u: %llu ms", m->name, kill_at,
                         (unsigned long long)(took / NS_PER_MS));
            assert_int_equal(phase1s(t.p), 1); /* the one that A had begun */
        }
        assert_int_equal(node_statistics(t.b).replicas_refused, 0);
        assert_true(converge(&t));
        assert_int_equal(half_open_records(t.b), 0);
    } else {
        world_run(t.w, NS_PER_S);
        assert_int_equal(half_open_records(t.a) + half_open_records(t.b), 0);
        assert_int_equal(t.b->sent, 0);
    }
    world_free(t.w);
    return actions;
}

static void death_at_every_action(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        ns took, worst = 0;
        unsigned gone_on = 0, actions = die(&modes[i], 0, &took);
        for (unsigned k = 1; k <= actions; k++) {
            (void)die(&modes[i], k, &took);
            worst = MAX(worst, took);
            gone_on += took > 0;
        }
        printf("%s: dead before each of %u actions, gone on with %u, %llu ms at most\n", modes[i].name,
               actions, gone_on, (unsigned long long)(worst / NS_PER_MS));
        assert_true(gone_on >= actions / 2);
    }
}

/* Nothing of A leaves any more from its n-th message on, and then it dies: the lab's scenario. */
struct mute {
    const struct node *node;
    unsigned from, seen;
};

static bool mute_filter(struct world *w, struct node *from, struct packet *p, void *context)
{
    struct mute *m = context;
    (void)w;
    (void)p;
    return from != m->node || ++m->seen < m->from;
}

static void mute_then_dead(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        for (unsigned n = 1; n <= 3; n++) {
            struct trio t;
            trio_new(&t, modes[i].configure);
            struct mute mute = {.node = t.a, .from = n};
            t.w->filter = mute_filter;
            t.w->context = &mute;
            begin(&t, &modes[i]);
            world_run(t.w, 200 * NS_PER_MS);
            bool over = agreed(t.p, t.a);
            take_over_fast(&t);
            ns took = time_until_agreed(&t, t.b, 2 * NS_PER_S);
            if (!over && took > PROMPT)
                fail_msg("%s: nothing left from message %u on: %llu ms", modes[i].name, n,
                         (unsigned long long)(took / NS_PER_MS));
            assert_int_equal(phase1s(t.p), 1);
            assert_true(converge(&t));
            world_free(t.w);
        }
}

/* The message of the peer that came last was lost: its own retransmission, or its answer to ours, repairs it.
 */
static bool lose_nth_of_peer(struct world *w, struct node *from, struct packet *p, void *context)
{
    struct mute *m = context;
    (void)w;
    (void)p;
    return from != m->node || ++m->seen != m->from;
}

static void lost_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        for (unsigned n = 1; n <= 3; n++) {
            struct trio t;
            trio_new(&t, modes[i].configure);
            struct mute lose = {.node = t.p, .from = n};
            t.w->filter = lose_nth_of_peer;
            t.w->context = &lose;
            begin(&t, &modes[i]);
            world_run(t.w, 200 * NS_PER_MS);
            bool known = only_sa(t.b) != NULL;
            take_over_fast(&t);
            ns took = time_until_agreed(&t, t.b, 40 * NS_PER_S);
            assert_true(took < 1500 * NS_PER_MS);
            if (known)
                assert_int_equal(phase1s(t.p), 1);
            assert_true(converge(&t));
            world_free(t.w);
        }
}

/* ---- promise 5 ---- */

static const struct packet *first_from(const struct world *w, const struct node *n, unsigned nth)
{
    for (unsigned i = 0; i < w->history_count; i++)
        if (address_equal(&w->history[i]->local.address, &n->address) && nth-- == 0)
            return w->history[i];
    return NULL;
}

/* The peer sends its third message again after the takeover: the successor's answer is the dead one's. */
static void same_answer(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    t.w->keep_history = true;
    struct mute mute = {.node = t.a, .from = 2};
    t.w->filter = mute_filter;
    t.w->context = &mute;
    node_acquire(t.p, 0);
    world_run(t.w, 200 * NS_PER_MS);
    const struct packet *mm3 = first_from(t.w, t.p, 1), *mm4 = first_from(t.w, t.a, 1);
    assert_non_null(mm4);
    take_over_fast(&t);
    t.p->down = true; /* so that what B sends is an answer to what is put in here */
    world_run(t.w, 20 * NS_PER_MS);
    unsigned sent = t.b->sent;
    node_inject(t.b, mm3->local, 500, mm3->data, mm3->len);
    assert_int_equal(t.b->sent, sent + 1);
    const struct packet *again = t.w->history[t.w->history_count - 1];
    assert_int_equal(again->len, mm4->len);
    assert_memory_equal(again->data, mm4->data, mm4->len);
    world_free(t.w);
}

/* ---- a role that goes and comes ---- */

/* Handed over in good order in the middle: the other member goes on, and we have what comes of it as a
 * replica. */
static void handed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        for (unsigned ms = 0; ms <= 60; ms += 10) {
            struct trio t;
            trio_new(&t, modes[i].configure);
            begin(&t, &modes[i]);
            world_run(t.w, ms * NS_PER_MS);
            bool known = only_sa(t.b) != NULL;
            node_role(t.a, false, false);
            t.a->standby = NULL;
            t.b->standby = t.a;
            unsigned sent = t.a->sent;
            node_role(t.b, true, false);
            ns took = time_until_agreed(&t, t.b, 3 * NS_PER_S);
            if (known) {
                assert_true(took <= PROMPT);
                assert_int_equal(phase1s(t.p), 1);
            }
            assert_true(converge(&t));
            assert_int_equal(t.a->sent, sent);
            assert_int_equal(node_statistics(t.a).replicas_refused, 0);
            assert_int_equal(half_open_records(t.a) + half_open_records(t.b), 0);
            assert_true(nodes_match(t.p, t.a)); /* as a replica */
            world_free(t.w);
        }
}

/* ---- the same process again ---- */

static void restarted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        unsigned actions = die(&modes[i], 0, &(ns){0});
        for (unsigned k = 1; k <= actions; k++) {
            struct trio t;
            trio_new(&t, modes[i].configure);
            t.a->standby = NULL;
            t.a->killable = true;
            t.w->kill_at = k;
            begin(&t, &modes[i]);
            while (!t.a->down)
                world_run(t.w, NS_PER_MS);
            bool known = false;
            for (unsigned r = 0; r < RECORDS_MAX; r++)
                known = known || (t.a->records[r].used && t.a->records[r].kind != IKE_RECORD_CONNECTION);
            unsigned sent = t.a->sent;
            node_restart(t.a, true);
            t.a->down = t.a->killable = false;
            assert_int_equal(t.a->sent, sent);
            node_role(t.a, true, false);
            ns took = time_until_agreed(&t, t.a, 3 * NS_PER_S);
            bool half_open = known && !(only_sa(t.a) && only_sa(t.a)->restored);
            if (half_open && took > PROMPT)
                fail_msg("%s: restarted before action %u: %llu ms", modes[i].name, k,
                         (unsigned long long)(took / NS_PER_MS));
            world_run(t.w, NS_PER_S);
            assert_int_equal(half_open_records(t.a), agreed(t.p, t.a) ? 0 : half_open_records(t.a));
            world_free(t.w);
        }
    }
}

/* Dead between the record of the IKE SA and the end of the half-open one's. */
static void both_records(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct trio t;
        struct world_record half = {0};
        trio_new(&t, NULL);
        node_acquire(t.p, 0);
        while (!agreed(t.p, t.a)) {
            for (unsigned i = 0; i < RECORDS_MAX; i++)
                if (t.a->records[i].used && t.a->records[i].kind == IKE_RECORD_HALF_OPEN)
                    half = t.a->records[i];
            world_run(t.w, NS_PER_MS);
        }
        world_run(t.w, NS_PER_S);
        assert_true(half.used && nodes_match(t.a, t.p));
        /* As a replica: the former life of what is established. */
        node_replica(t.b, t.a, &half, false);
        assert_int_equal(node_sas(t.b), 1);
        assert_int_equal(half_open_records(t.b), 0);
        node_replica(t.b, t.a, &half, true);
        assert_int_equal(node_sas(t.b), 1);
        /* In the store, before or behind the other. */
        unsigned place = order ? RECORDS_MAX - 1 : 0;
        t.a->records[RECORDS_MAX - 1 - place] = t.a->records[place];
        t.a->records[place] = half;
        t.a->standby = NULL;
        node_restart(t.a, true);
        node_role(t.a, true, false);
        world_run(t.w, NS_PER_S);
        assert_int_equal(node_sas(t.a), 1);
        assert_int_equal(half_open_records(t.a), 0);
        assert_true(agreed(t.p, t.a) && nodes_match(t.a, t.p));
        world_free(t.w);
    }
}

/* ---- bad records ---- */

/* Cut at every length, and with every byte changed: taken as a whole or refused, and what comes of one that
 * was taken ends by itself. */
static void bad_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct trio t;
        struct world_record seen[8];
        unsigned count = 0;
        trio_new(&t, modes[i].configure);
        t.a->killable = true;
        begin(&t, &modes[i]);
        for (unsigned ms = 0; ms < 100; ms++, world_run(t.w, NS_PER_MS))
            for (unsigned r = 0; r < RECORDS_MAX; r++)
                if (t.a->records[r].used && t.a->records[r].kind == IKE_RECORD_HALF_OPEN && count < 8 &&
                    (count == 0 || seen[count - 1].len != t.a->records[r].len))
                    seen[count++] = t.a->records[r];
        assert_true(count >= 1);
        for (unsigned r = 0; r < count; r++) {
            node_restart(t.b, false);
            struct world_record bad = seen[r];
            uint64_t refused = 0;
            for (bad.len = 0; bad.len < seen[r].len; bad.len++, refused++) {
                node_replica(t.b, t.a, &bad, false);
                assert_null(only_sa(t.b));
                assert_true(
                    ike_restore(t.b->ike, bad.kind, bad.key, bytes_of(bad.data, bad.len), node_now(t.b)) < 0);
                assert_null(only_sa(t.b));
            }
            assert_int_equal(node_statistics(t.b).replicas_refused, refused);
            assert_true(node_logged(t.b, "REPLICA_REFUSED: half-open IKE SA"));
            for (size_t at = 0; at < seen[r].len; at++) {
                bad = seen[r];
                bad.data[at] ^= 1u << at % 8;
                node_replica(t.b, t.a, &bad, false);
                assert_true(node_statistics(t.b).sas <= 1);
                bad.key++;
                node_replica(t.b, t.a, &bad, false);
                bad.key--;
                node_replica(t.b, t.a, &bad, true);
                bad.key++;
                node_replica(t.b, t.a, &bad, true);
                assert_null(only_sa(t.b));
                assert_int_equal(half_open_records(t.b), 0);
            }
        }
        world_free(t.w);
    }
}

/* Of another configuration: no key, no such connection. */
static void not_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct trio t;
        trio_new(&t, modes[i].configure);
        t.b->config.key_count = 0;
        node_configure(t.b);
        begin(&t, &modes[i]);
        world_run(t.w, 15 * NS_PER_MS);
        assert_true(node_statistics(t.b).replicas_refused > 0);
        assert_null(only_sa(t.b));
        world_run(t.w, NS_PER_S);
        assert_true(nodes_match(t.a, t.p));
        assert_true(agreed(t.p, t.b)); /* what is established needs none */
        world_free(t.w);
    }
}

/* ---- bounds ---- */

enum { FLOOD = 3000 };

static struct endpoint stranger(unsigned i)
{
    return (struct endpoint){address_v4(0x0b000000 + i), 500};
}

static void flood(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    t.a->standby = NULL;
    t.w->keep_history = true;
    node_acquire(t.p, 0);
    world_run(t.w, 2 * NS_PER_S);
    struct packet mm1 = *first_from(t.w, t.p, 0), mm3 = *first_from(t.w, t.p, 1);
    unsigned before = t.w->history_count;
    for (unsigned i = 0; i < FLOOD; i++) {
        be32_store(mm1.data, 0x01000000 + i);
        node_inject(t.a, stranger(i), 500, mm1.data, mm1.len);
        assert_true(half_open_records(t.a) <= IKE_HALF_OPEN_RECORDS_UNPROVEN);
    }
    assert_int_equal(node_statistics(t.a).half_open, FLOOD);
    assert_int_equal(half_open_records(t.a), IKE_HALF_OPEN_RECORDS_UNPROVEN);
    /* All of them prove their addresses. */
    for (unsigned i = 0; i < FLOOD; i++) {
        const struct packet *mm2 = t.w->history[before + i];
        memcpy(mm3.data, mm2->data, 16);
        node_inject(t.a, stranger(i), 500, mm3.data, mm3.len);
    }
    assert_int_equal(half_open_records(t.a), IKE_HALF_OPEN_RECORDS_MAX);
    assert_int_equal(t.a->ike->half_recorded.unproven, 0);
    world_run(t.w, 60 * NS_PER_S);
    assert_int_equal(half_open_records(t.a), 0);
    assert_int_equal(t.a->ike->half_recorded.count[0], 0);
    assert_int_equal(node_statistics(t.a).half_open, 0);
    assert_true(nodes_match(t.a, t.p));
    world_free(t.w);
}

/* No more of them a second than at once, however short each lives. */
static void flood_over_time(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    t.a->standby = NULL;
    t.a->config.half_open_max = 8; /* the oldest gives way: each lives for a moment */
    node_configure(t.a);
    t.w->keep_history = true;
    node_acquire(t.p, 0);
    world_run(t.w, NS_PER_S);
    struct packet mm1 = *first_from(t.w, t.p, 0);
    uint32_t begun = 0, last = 0;
    for (unsigned i = 0; i < 10000; i++) {
        be32_store(mm1.data, 0x01000000 + i);
        node_inject(t.a, stranger(i), 500, mm1.data, mm1.len);
        uint32_t now = t.a->ike->half_recorded.begun;
        begun += now > last ? now - last : now < last ? now : 0;
        last = now;
        assert_true(half_open_records(t.a) <= 8);
        world_run(t.w, NS_PER_MS);
    }
    assert_true(begun <= 11 * IKE_HALF_OPEN_RECORDS_UNPROVEN && begun > 5 * IKE_HALF_OPEN_RECORDS_UNPROVEN);
    world_free(t.w);
}

/* ---- the peer's side ---- */

/* The gateway that took over sends what we have no SA for: the peer that is negotiating with the dead one
 * does not wait for its clock. */
static void hastened(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    connect_now(&t);
    take_over(&t);
    struct world_pair old = *node_newest(t.b);
    struct ike_event clear = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_ALL_ISAKMP}};
    struct mute mute = {.node = t.p, .from = 1};
    t.w->filter = mute_filter;
    t.w->context = &mute;
    node_event(t.p, &clear);
    node_acquire(t.p, 0);
    world_run(t.w, 100 * NS_PER_MS);
    t.w->filter = NULL;
    for (unsigned i = 0; i < 10; i++)
        unknown_spi(t.p, &old);
    ns took = time_until_agreed(&t, t.b, 5 * NS_PER_S);
    assert_true(took <= PROMPT);
    world_free(t.w);
}

/* `clear crypto isakmp` while a quick mode waits for its answer: the tunnel is wanted still, and at once. */
static void clear_in_quick_mode(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    connect_now(&t);
    struct mute mute = {.node = t.a, .from = 1};
    t.w->filter = mute_filter;
    t.w->context = &mute;
    struct ike_event pairs = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_ALL_PAIRS}};
    struct ike_event isakmp = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_ALL_ISAKMP}};
    node_event(t.p, &pairs);
    node_acquire(t.p, 0);
    world_run(t.w, 20 * NS_PER_MS);
    node_event(t.p, &isakmp);
    world_run(t.w, 20 * NS_PER_MS);
    take_over_fast(&t);
    assert_true(time_until_agreed(&t, t.b, 5 * NS_PER_S) <= PROMPT);
    assert_false(node_logged(t.p, "PEERS_FAILED"));
    world_free(t.w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(death_at_every_action),
        cmocka_unit_test(mute_then_dead),
        cmocka_unit_test(lost_messages),
        cmocka_unit_test(same_answer),
        cmocka_unit_test(handed_over),
        cmocka_unit_test(restarted),
        cmocka_unit_test(both_records),
        cmocka_unit_test(bad_records),
        cmocka_unit_test(not_ours),
        cmocka_unit_test(flood),
        cmocka_unit_test(flood_over_time),
        cmocka_unit_test(hastened),
        cmocka_unit_test(clear_in_quick_mode),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
