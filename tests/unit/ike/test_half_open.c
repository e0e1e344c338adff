/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 1 exchanges that are not finished when the member that has them dies: its successor goes on with the
 * very same, in main and aggressive mode and in both roles, without waiting for anybody's clock; so does a
 * control process that was restarted. Their records are bounded, and bad ones change nothing. */
#include "half_open.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

/* The third message is there, its key exchange under way: the successor begins that anew and answers, without
 * the peer, which has nothing to say before. */
static void job_begun_anew(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 20; k++) {
        struct trio t;
        trio_new(&t, NULL);
        t.w->keep_history = true;
        t.a->killable = true;
        t.w->kill_at = k;
        node_acquire(t.p, 0);
        while (!t.a->down && !nodes_match(t.a, t.p))
            world_run(t.w, NS_PER_MS);
        const struct ike_sa *sa = only_sa(t.b);
        if (!t.a->down || !sa || sa->state != PHASE1_MM_R_SHARED) {
            bool over = !t.a->down;
            world_free(t.w);
            assert_false(over); /* there is such a moment */
            continue;
        }
        t.p->down = true;
        take_over_fast(&t);
        world_run(t.w, 20 * NS_PER_MS);
        assert_int_equal(t.b->sent, 1);
        assert_int_equal(sa->state, PHASE1_MM_R_KE_SENT);
        assert_int_equal(t.w->history[t.w->history_count - 1]->data[16], ISAKMP_PAYLOAD_KE);
        world_free(t.w);
        return;
    }
    fail();
}

/* ---- a role that goes and comes ---- */

static unsigned count_of(const struct ike_actions *actions, enum ike_action_type type)
{
    unsigned count = 0;
    for (unsigned i = 0; i < actions->count; i++)
        count += actions->list[i].type == type;
    return count;
}

static struct ike_job *step_for_job(struct node *n, struct ike_event e, struct ike_actions *actions)
{
    struct ike_job *job = NULL;
    e.now = node_now(n);
    ike_step(n->ike, &e, actions);
    for (unsigned i = 0; i < actions->count; i++)
        if (actions->list[i].type == IKE_ACTION_START_JOB)
            job = actions->list[i].job;
    return job;
}

/* The role went while a key exchange was under way: its result is not for us any more, and it is begun anew
 * when the role comes back. */
static void job_while_standing_by(void **state)
{
    (void)state;
    struct trio t;
    static struct ike_actions actions;
    trio_new(&t, NULL);
    t.w->keep_history = true;
    struct mute mute = {.node = t.p, .from = 2};
    t.w->filter = mute_filter;
    t.w->context = &mute;
    node_acquire(t.p, 0);
    world_run(t.w, 100 * NS_PER_MS);
    const struct packet *mm3 = first_from(t.w, t.p, 1);
    struct ike_event message = {.type = IKE_EVENT_DATAGRAM,
                                .datagram = {.local = {t.a->address, 500},
                                             .remote = mm3->local,
                                             .data = bytes_of(mm3->data, mm3->len)}};
    struct ike_job *job = step_for_job(t.a, message, &actions);
    assert_non_null(job);
    struct ike_event role = {.type = IKE_EVENT_ROLE, .role = {.group = 1}};
    assert_null(step_for_job(t.a, role, &actions));
    ike_job_run(job);
    assert_null(step_for_job(t.a, (struct ike_event){.type = IKE_EVENT_JOB, .job = job}, &actions));
    assert_int_equal(count_of(&actions, IKE_ACTION_SEND), 0);
    assert_int_equal(only_sa(t.a)->state, PHASE1_MM_R_SHARED);
    role.role.active = true;
    job = step_for_job(t.a, role, &actions);
    if (!job)
        job = step_for_job(t.a, (struct ike_event){.type = IKE_EVENT_TIMER}, &actions);
    assert_non_null(job);
    ike_job_run(job);
    assert_null(step_for_job(t.a, (struct ike_event){.type = IKE_EVENT_JOB, .job = job}, &actions));
    assert_int_equal(count_of(&actions, IKE_ACTION_SEND), 1);
    world_free(t.w);
}

/* Handed over, and the other member is gone before it did anything: the role comes back, and we go on. */
static void back_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        struct trio t;
        trio_new(&t, modes[i].configure);
        begin(&t, &modes[i]);
        world_run(t.w, 15 * NS_PER_MS);
        assert_non_null(only_sa(t.a));
        node_role(t.a, false, false);
        t.b->down = true;
        t.a->standby = NULL;
        unsigned sent = t.a->sent;
        world_run(t.w, 100 * NS_PER_MS);
        assert_int_equal(t.a->sent, sent);
        node_role(t.a, true, false);
        assert_true(time_until_agreed(&t, t.a, NS_PER_S) <= PROMPT);
        assert_int_equal(phase1s(t.p), 1);
        world_free(t.w);
    }
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(death_at_every_action),
        cmocka_unit_test(mute_then_dead),
        cmocka_unit_test(lost_messages),
        cmocka_unit_test(same_answer),
        cmocka_unit_test(job_begun_anew),
        cmocka_unit_test(job_while_standing_by),
        cmocka_unit_test(handed_over),
        cmocka_unit_test(back_again),
        cmocka_unit_test(restarted),
        cmocka_unit_test(hastened),
        cmocka_unit_test(clear_in_quick_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
