/* SPDX-License-Identifier: Apache-2.0 */
/* The ceilings of one pair: how large a lease is, what is told, what comes into force and when, what never
 * rises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "replication/lease.h"

static const struct lease_limits limits = {.inbound = 100, .outbound = 1000};

static void nothing_is_in_force_before_it_is_acknowledged(void **state)
{
    (void)state;
    struct lease l;
    lease_init(&l);
    assert_true(l.out == UINT64_MAX && l.in == UINT64_MAX);
    assert_true(lease_next(&l, &limits, 1, 1, 0));
    assert_int_equal(1001, l.next_out);
    assert_int_equal(1, l.next_in); /* little traffic: each packet waits for its turn */
    assert_true(l.out == UINT64_MAX && l.in == UINT64_MAX);
    lease_told(&l, 7, 0);
    assert_false(lease_next(&l, &limits, 500, 5, 0)); /* one is under way */
    assert_false(lease_acked(&l, 6, 1));
    assert_true(l.out == UINT64_MAX);
    assert_true(lease_acked(&l, 7, 1));
    assert_int_equal(1001, l.out);
    assert_int_equal(1, l.in);
    assert_false(lease_acked(&l, 8, 1));
}

/* One round: what the engine has reached, when it asks, when the acknowledgement comes. */
static void round_trip(struct lease *l, uint64_t out, uint64_t in, ns asked, ns acked)
{
    static uint64_t number = 100;
    assert_true(lease_next(l, &limits, out, in, asked));
    lease_told(l, ++number, asked);
    assert_true(lease_acked(l, number, acked));
}

static void the_inbound_lease_follows_the_traffic(void **state)
{
    (void)state;
    struct lease l;
    ns now = NS_PER_S;
    uint64_t in = 1;
    lease_init(&l);
    round_trip(&l, 1, in, now, now);
    static const uint32_t sizes[] = {8, 16, 32, 64, 100, 100};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        now += LEASE_FAST - 1;
        in = l.in; /* all of it was used */
        round_trip(&l, 1, in, now, now);
        assert_int_equal(sizes[i], l.inbound);
        assert_int_equal(in + sizes[i], l.in);
    }
    static const uint32_t fewer[] = {50, 25, 12, 0, 0};
    for (size_t i = 0; i < ARRAY_SIZE(fewer); i++) {
        now += LEASE_SLOW + 1;
        in = l.in;
        round_trip(&l, 1 + i, in + 1, now, now);
        assert_int_equal(fewer[i], l.inbound);
    }
}

static void who_acknowledges_late_gets_some_room(void **state)
{
    (void)state;
    struct lease l;
    ns now = NS_PER_S;
    lease_init(&l);
    round_trip(&l, 1, 1, now, now + LEASE_LATE + 1);
    assert_true(l.slow);
    now += 10 * NS_PER_S;
    round_trip(&l, 1, 5, now, now + LEASE_LATE + 1);
    assert_int_equal(5 + LEASE_INBOUND_FIRST, l.in);
    now += 10 * NS_PER_S;
    round_trip(&l, 1, 20, now, now + 1);
    assert_false(l.slow);
    now += 10 * NS_PER_S;
    round_trip(&l, 1, 40, now, now + 1);
    assert_int_equal(40, l.in);
}

static void what_was_granted_stays_granted(void **state)
{
    (void)state;
    struct lease l;
    lease_init(&l);
    l.out = 5000;
    l.in = 70;
    assert_false(lease_next(&l, &limits, 10, 10, NS_PER_S)); /* nothing to tell: both are below */
    assert_int_equal(5000, l.next_out);
    assert_int_equal(70, l.next_in);
    assert_true(lease_next(&l, &limits, 4500, 10, NS_PER_S));
    assert_int_equal(5500, l.next_out);
    assert_int_equal(70, l.next_in);
}

static void a_capped_one_never_rises(void **state)
{
    (void)state;
    struct lease l;
    lease_init(&l);
    l.out = l.in = 100;
    l.capped = true;
    assert_false(lease_next(&l, &limits, 100, 100, 0));
    l.capped = false;
    assert_true(lease_next(&l, &limits, 100, 100, 0));
    lease_told(&l, 3, 0);
    l.capped = true; /* meanwhile */
    assert_false(lease_acked(&l, 3, 1));
    assert_int_equal(100, l.out);
    assert_int_equal(100, l.in);
    assert_int_equal(0, l.waits_for);
}

static void shrinking(void **state)
{
    (void)state;
    static const struct {
        bool capped, waits, ceiling;
        ns after;
        uint64_t in, expected; /* 0: it stays */
    } cases[] = {
        {false, false, true, LEASE_SLOW, 100, 100}, {false, false, true, LEASE_SLOW - 1, 100, 0},
        {true, false, true, LEASE_SLOW, 100, 0},    {false, true, true, LEASE_SLOW, 100, 0},
        {false, false, false, LEASE_SLOW, 100, 0},  {false, false, true, LEASE_SLOW, 1000, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct lease l;
        lease_init(&l);
        l.out = 2000;
        l.in = cases[i].ceiling ? 1000 : UINT64_MAX;
        l.inbound = 64;
        l.begun = NS_PER_S;
        l.capped = cases[i].capped;
        l.waits_for = cases[i].waits;
        assert_int_equal(cases[i].expected != 0, lease_shrink(&l, cases[i].in, NS_PER_S + cases[i].after));
        if (cases[i].expected)
            assert_int_equal(cases[i].expected, l.in);
        assert_int_equal(2000, l.out);
    }
}

static void marks_and_ends(void **state)
{
    (void)state;
    struct lease l;
    lease_init(&l);
    assert_true(lease_out_mark(&l, 5) == UINT64_MAX && lease_in_mark(&l) == UINT64_MAX);
    l.out = 1001;
    l.in = 65;
    l.inbound = 64;
    assert_int_equal(501, lease_out_mark(&l, 1));
    assert_int_equal(1500, lease_out_mark(&l, 1500)); /* beyond: at once */
    assert_int_equal(33, lease_in_mark(&l));
    lease_init(&l); /* numbers end before "no ceiling" */
    assert_true(lease_next(&l, &limits, UINT64_MAX - 5, UINT64_MAX - 5, 0));
    assert_true(l.next_out == UINT64_MAX - 1 && l.next_in < UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_in_force_before_it_is_acknowledged),
        cmocka_unit_test(the_inbound_lease_follows_the_traffic),
        cmocka_unit_test(who_acknowledges_late_gets_some_room),
        cmocka_unit_test(what_was_granted_stays_granted),
        cmocka_unit_test(a_capped_one_never_rises),
        cmocka_unit_test(shrinking),
        cmocka_unit_test(marks_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
