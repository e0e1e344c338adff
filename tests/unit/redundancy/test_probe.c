/* SPDX-License-Identifier: Apache-2.0 */
/* A probe: rhythm, results, answers that are late, doubled, of a former request or forged, queues that are
 * full, its life, changes while a request is under way, and a long random sequence of all that. */
#include "redundancy/probe.h"
#include "test.h"

#define MS NS_PER_MS

static const struct probe_config each_second = {
    .frequency = S, .timeout = 500 * MS, .threshold = 100 * MS, .life = NS_NEVER, .start = true};
static struct probe probe;
static struct probe_actions actions;
static struct rng seed;

static void begin(const struct probe_config *c, ns now)
{
    rng_init_number(&seed, 7);
    probe_init(&probe, c, &seed, now);
}

static void tick(ns now)
{
    probe_step(&probe, &(struct probe_event){.kind = PROBE_EVENT_TICK, .now = now}, &actions);
}

/* An answer that came at `arrived` and is looked at `now`. */
static void answer(uint16_t sequence, uint64_t tag, ns arrived, ns now)
{
    probe_step(
        &probe,
        &(struct probe_event){
            .kind = PROBE_EVENT_ANSWER, .now = now, .arrived = arrived, .sequence = sequence, .tag = tag},
        &actions);
}

static void refused(uint16_t sequence, ns now)
{
    probe_step(&probe, &(struct probe_event){.kind = PROBE_EVENT_REFUSED, .now = now, .sequence = sequence},
               &actions);
}

static void send_failed(enum probe_result reason, ns now)
{
    probe_step(&probe,
               &(struct probe_event){.kind = PROBE_EVENT_SEND_FAILED,
                                     .now = now,
                                     .sequence = probe.sequence,
                                     .reason = (uint8_t)reason},
               &actions);
}

/* A request at `now`, which must be due. */
static void ask(ns now)
{
    assert_true(probe_deadline(&probe) <= now);
    tick(now);
    assert_true(actions.send);
    assert_int_equal(actions.sequence, probe.sequence);
}

static void test_rhythm(void **state)
{
    (void)state;
    begin(&each_second, 10 * S);
    assert_int_equal(probe.result, PROBE_UNKNOWN);
    assert_true(probe_deadline(&probe) == 10 * S);
    ask(10 * S);
    uint16_t first = actions.sequence;
    uint64_t tag = actions.tag;
    assert_false(actions.finished);
    assert_true(probe_deadline(&probe) == 10 * S + 500 * MS);
    answer(first, tag, 10 * S + 3 * MS, 10 * S + 4 * MS);
    assert_true(actions.finished && !actions.send);
    assert_int_equal(probe.result, PROBE_OK);
    assert_true(probe.rtt == 3 * MS);
    /* The next one is due a second after the first began, not after its answer. */
    assert_true(probe_deadline(&probe) == 11 * S);
    tick(11 * S - 1);
    assert_false(actions.send || actions.finished);
    ask(11 * S);
    assert_int_equal(actions.sequence, (uint16_t)(first + 1));
    assert_true(actions.tag != tag);
    assert_int_equal(probe.counters.successes, 1);
}

static void test_results(void **state)
{
    (void)state;
    begin(&each_second, 0);
    ask(0);
    answer(probe.sequence, probe.tag, 100 * MS, 100 * MS);
    assert_int_equal(probe.result, PROBE_OK);
    ask(S);
    answer(probe.sequence, probe.tag, S + 100 * MS + 1, S + 101 * MS);
    assert_int_equal(probe.result, PROBE_OVER_THRESHOLD);
    assert_true(probe_reachable(probe.result) && !probe_good(probe.result));
    ask(2 * S);
    tick(2 * S + 500 * MS - 1);
    assert_false(actions.finished);
    tick(2 * S + 500 * MS);
    assert_true(actions.finished && !actions.send);
    assert_int_equal(probe.result, PROBE_TIMEOUT);
    assert_false(probe_reachable(probe.result));
    assert_int_equal(probe.counters.successes, 2);
    assert_int_equal(probe.counters.failures, 1);
    assert_true(probe.shortest == 100 * MS && probe.longest == 100 * MS + 1 && probe.sum == 200 * MS + 1);
}

/* What counts is when an answer arrived, not when a busy loop came to look at it. */
static void test_busy_loop(void **state)
{
    (void)state;
    begin(&each_second, 0);
    ask(0);
    answer(probe.sequence, probe.tag, 499 * MS, 3 * S);
    assert_int_equal(probe.result, PROBE_OVER_THRESHOLD);
    assert_true(probe.rtt == 499 * MS);
    ask(3 * S);
    answer(probe.sequence, probe.tag, 3 * S + 500 * MS, 3 * S + 500 * MS);
    assert_int_equal(probe.result, PROBE_TIMEOUT);
    assert_int_equal(probe.counters.late, 1);
    /* Two periods were missed and are not made up for; the rhythm is the old one. */
    assert_int_equal(probe.counters.skipped, 2);
    assert_true(probe_deadline(&probe) == 4 * S);
    /* A clock that brings an answer before its request gives no huge time. */
    ask(4 * S);
    answer(probe.sequence, probe.tag, S, 4 * S + MS);
    assert_int_equal(probe.result, PROBE_OK);
    assert_true(probe.rtt == 0);
}

static void test_wrong_answers(void **state)
{
    (void)state;
    begin(&each_second, 0);
    answer(probe.sequence, probe.tag, 0, 0); /* before the first request */
    assert_false(actions.finished);
    ask(0);
    uint16_t first = probe.sequence;
    uint64_t first_tag = probe.tag;
    answer(first, first_tag ^ 1, MS, MS);
    assert_false(actions.finished);
    assert_true(probe.waiting);
    assert_int_equal(probe.counters.forged, 1);
    tick(500 * MS);
    answer(first, first_tag, 600 * MS, 600 * MS);
    assert_false(actions.finished);
    assert_int_equal(probe.result, PROBE_TIMEOUT);
    ask(S);
    uint64_t late = probe.counters.late;
    answer(first, first_tag, S + MS, S + MS); /* of the former one */
    answer((uint16_t)(first + 2), probe.tag, S + MS, S + MS);
    assert_true(probe.waiting);
    assert_int_equal(probe.counters.late, late + 1);
    answer(probe.sequence, probe.tag, S + 2 * MS, S + 2 * MS);
    assert_true(actions.finished);
    answer(probe.sequence, probe.tag, S + 3 * MS, S + 3 * MS);
    assert_false(actions.finished);
    assert_int_equal(probe.counters.duplicates, 1);
    assert_int_equal(probe.counters.successes, 1);
    assert_true(probe.rtt == 2 * MS);
}

/* Anybody can say that a target is unreachable: believed only if no answer comes. */
static void test_refusals(void **state)
{
    (void)state;
    begin(&each_second, 0);
    ask(0);
    refused(probe.sequence, MS);
    assert_false(actions.finished);
    answer(probe.sequence, probe.tag, 2 * MS, 2 * MS);
    assert_int_equal(probe.result, PROBE_OK);
    ask(S);
    refused((uint16_t)(probe.sequence - 1), S + MS);
    assert_int_equal(probe.counters.refusals, 1);
    refused(probe.sequence, S + MS);
    tick(S + 500 * MS);
    assert_int_equal(probe.result, PROBE_NO_CONNECTION);
    /* And it is no reason against the next one. */
    ask(2 * S);
    tick(2 * S + 500 * MS);
    assert_int_equal(probe.result, PROBE_TIMEOUT);
}

static void test_send_failures(void **state)
{
    (void)state;
    begin(&each_second, 0);
    ask(0);
    send_failed(PROBE_NO_CONNECTION, 0);
    assert_true(actions.finished);
    assert_int_equal(probe.result, PROBE_NO_CONNECTION);
    ask(S);
    send_failed(PROBE_ERROR, S);
    assert_int_equal(probe.result, PROBE_ERROR);
    /* A full queue: the same request again, within its time. */
    ask(2 * S);
    uint16_t sequence = actions.sequence;
    send_failed(PROBE_BUSY, 2 * S);
    assert_false(actions.finished);
    assert_true(probe_deadline(&probe) == 2 * S + 125 * MS);
    ask(2 * S + 125 * MS);
    assert_int_equal(actions.sequence, sequence);
    answer(sequence, actions.tag, 2 * S + 130 * MS, 2 * S + 130 * MS);
    assert_int_equal(probe.result, PROBE_OK);
    assert_true(probe.rtt == 5 * MS);
    /* Full for good. */
    ask(3 * S);
    for (int i = 0; i < PROBE_SENDS_MAX; i++) {
        send_failed(PROBE_BUSY, 3 * S + (ns)i * 125 * MS);
        tick(3 * S + (ns)(i + 1) * 125 * MS);
    }
    assert_true(actions.finished && !actions.send);
    assert_int_equal(probe.result, PROBE_BUSY);
    assert_int_equal(probe.counters.sent, 1);
    /* Full once, then sent and not answered: that is no queue's fault. */
    ask(4 * S);
    send_failed(PROBE_BUSY, 4 * S);
    ask(4 * S + 125 * MS);
    tick(4 * S + 500 * MS);
    assert_int_equal(probe.result, PROBE_TIMEOUT);
}

static void test_life(void **state)
{
    (void)state;
    struct probe_config c = each_second;
    c.life = 2 * S + 200 * MS;
    begin(&c, 0);
    for (ns t = 0; t <= 2 * S; t += S) {
        ask(t);
        answer(probe.sequence, probe.tag, t + MS, t + MS);
    }
    assert_true(probe_deadline(&probe) == 2 * S + 200 * MS);
    tick(2 * S + 200 * MS);
    assert_true(actions.finished && !actions.send);
    assert_int_equal(probe.result, PROBE_UNKNOWN);
    assert_int_equal(probe.state, PROBE_ENDED);
    assert_true(probe_deadline(&probe) == NS_NEVER);
    tick(100 * S);
    assert_false(actions.send || actions.finished);
    /* Not started: nothing is ever due. */
    c.start = false;
    probe_configure(&probe, &c, false, 200 * S);
    assert_int_equal(probe.state, PROBE_PENDING);
    assert_true(probe_deadline(&probe) == NS_NEVER);
    tick(300 * S);
    assert_false(actions.send);
}

static void test_changes_under_way(void **state)
{
    (void)state;
    begin(&each_second, 0);
    ask(0);
    answer(probe.sequence, probe.tag, MS, MS);
    ask(S);
    uint16_t sequence = probe.sequence;
    uint64_t tag = probe.tag;
    struct probe_config c = each_second;
    c.frequency = 2 * S;
    probe_configure(&probe, &c, false, S + MS);
    /* What is known stays, the request that was out counts neither way, and the next one goes at once. */
    assert_int_equal(probe.result, PROBE_OK);
    answer(sequence, tag, S + 2 * MS, S + 2 * MS);
    assert_false(actions.finished);
    assert_int_equal(probe.counters.late, 1);
    ask(S + 2 * MS);
    assert_int_equal(probe.counters.successes, 1);
    /* Another target: nothing is known. */
    probe_configure(&probe, &c, true, S + 3 * MS);
    assert_int_equal(probe.result, PROBE_UNKNOWN);
    assert_int_equal(probe.counters.successes, 0);
    sequence = probe.sequence;
    tag = probe.tag;
    answer(sequence, tag, S + 4 * MS, S + 4 * MS);
    assert_int_equal(probe.result, PROBE_UNKNOWN);
    ask(S + 4 * MS);
    assert_true(probe.sequence != sequence);
}

static void test_numbers_wrap(void **state)
{
    (void)state;
    begin(&each_second, 0);
    for (ns t = 0; t < 70000 * S; t += S) {
        uint16_t former = probe.sequence;
        ask(t);
        answer(former, probe.tag, t + MS, t + MS);
        assert_true(probe.waiting);
        answer(probe.sequence, probe.tag, t + MS, t + MS);
    }
    assert_int_equal(probe.counters.successes, 70000);
    assert_int_equal(probe.counters.late, 70000);
}

/* Whatever comes in whatever order: every request ends once, and something is due until the life is over. */
static void test_any_sequence(void **state)
{
    (void)state;
    struct rng rng;
    rng_init_number(&rng, 20);
    for (int world = 0; world < 300; world++) {
        struct probe_config c = each_second;
        c.timeout = (1 + rng_below(&rng, 1000)) * MS;
        c.life = rng_below(&rng, 4) == 0 ? (1 + rng_below(&rng, 60)) * S : NS_NEVER;
        begin(&c, 0);
        uint64_t begun = 0, dropped = 0;
        uint16_t sequences[4] = {0};
        uint64_t tags[4] = {0};
        ns now = 0;
        for (int step = 0; step < 500; step++) {
            uint16_t before = probe.sequence;
            unsigned k = rng_below(&rng, 4);
            now += rng_below(&rng, 3) ? rng_below(&rng, 300) * MS : 0;
            switch (rng_below(&rng, 7)) {
            case 0:
                answer(sequences[k], tags[k] ^ (rng_below(&rng, 4) == 0),
                       ns_since(now, rng_below(&rng, 500) * MS), now);
                break;
            case 1:
                refused(sequences[k], now);
                break;
            case 2:
                send_failed((uint8_t[]){PROBE_BUSY, PROBE_NO_CONNECTION, PROBE_ERROR}[rng_below(&rng, 3)],
                            now);
                break;
            case 3:
                if (rng_below(&rng, 20) == 0) {
                    dropped += probe.waiting;
                    probe_configure(&probe, &c, false, now);
                }
                actions = (struct probe_actions){0};
                break;
            default:
                tick(now);
                /* Who was here now has nothing to do before later, unless a send is to be repeated at once.
                 */
                assert_true(probe_deadline(&probe) > now || probe.waiting);
            }
            if (actions.send && probe.sequence != before) {
                begun++;
                sequences[step % 4] = actions.sequence;
                tags[step % 4] = actions.tag;
            }
            assert_true(actions.send <= probe.waiting);
            assert_true(probe.state == PROBE_ENDED || probe_deadline(&probe) != NS_NEVER);
            assert_int_equal(begun,
                             probe.counters.successes + probe.counters.failures + dropped + probe.waiting);
        }
        assert_true(begun > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rhythm),       cmocka_unit_test(test_results),
        cmocka_unit_test(test_busy_loop),    cmocka_unit_test(test_wrong_answers),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_send_failures),
        cmocka_unit_test(test_life),         cmocka_unit_test(test_changes_under_way),
        cmocka_unit_test(test_numbers_wrap), cmocka_unit_test(test_any_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
