/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of one direction with made-up times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "farm/account.h"

static const ns start = 1000 * NS_PER_S;

static ns at(uint64_t ms)
{
    return start + ms * NS_PER_MS;
}

/* `n` packets of each flow, one every `distance` ms, each arriving 1 ms later but those that `lost` names. */
static void exchange(struct account *a, unsigned n, unsigned distance,
                     bool (*lost)(unsigned flow, unsigned n))
{
    for (unsigned i = 0; i < n; i++)
        for (uint32_t flow = 0; flow < a->count; flow++) {
            uint64_t number = account_send(a, flow, at(i * distance));
            assert_int_equal(number, i);
            if (!lost || !lost(flow, i))
                assert_true(account_arrive(a, flow, number, at(i * distance + 1)));
        }
}

static void nothing_lost(void **state)
{
    struct account a;
    (void)state;
    assert_int_equal(account_init(&a, 3), 0);
    exchange(&a, 1000, 10, NULL); /* more than the first bitmap */
    struct account_report r = account_report(&a);
    assert_int_equal(r.sent, 3000);
    assert_int_equal(r.received, 3000);
    assert_int_equal(r.lost | r.duplicated | r.reordered | r.foreign | r.losing | r.silent, 0);
    assert_int_equal(r.flow_gap_max, 10 * NS_PER_MS);
    assert_int_equal(r.flow_gap_median, 10 * NS_PER_MS);
    assert_int_equal(r.gap, 10 * NS_PER_MS);
    account_done(&a);
}

static bool second_flow_pauses(unsigned flow, unsigned n)
{
    return flow == 1 && n >= 10 && n < 20;
}

static void gap_of_one(void **state)
{
    struct account a;
    (void)state;
    assert_int_equal(account_init(&a, 3), 0);
    exchange(&a, 50, 10, second_flow_pauses);
    struct account_report r = account_report(&a);
    assert_int_equal(r.lost, 10);
    assert_int_equal(r.losing, 1);
    assert_int_equal(r.silent, 0);
    assert_int_equal(r.worst, 1);
    assert_int_equal(r.flow_gap_max, 110 * NS_PER_MS);
    assert_int_equal(r.flow_gap_median, 10 * NS_PER_MS);
    assert_int_equal(r.gap, 10 * NS_PER_MS); /* the others went on */
    account_done(&a);
}

static bool all_pause(unsigned flow, unsigned n)
{
    (void)flow;
    return n >= 10 && n < 30;
}

static bool none_arrives_after(unsigned flow, unsigned n)
{
    return flow == 0 ? n >= 10 : true;
}

static void gap_of_all(void **state)
{
    struct account a;
    (void)state;
    assert_int_equal(account_init(&a, 4), 0);
    exchange(&a, 50, 10, all_pause);
    struct account_report r = account_report(&a);
    assert_int_equal(r.losing, 4);
    assert_int_equal(r.gap, 210 * NS_PER_MS);
    assert_int_equal(r.flow_gap_median, 210 * NS_PER_MS);
    account_done(&a);
    /* A silence that does not end counts up to the last sending, one from the start from the first. */
    assert_int_equal(account_init(&a, 2), 0);
    exchange(&a, 50, 10, none_arrives_after);
    r = account_report(&a);
    assert_int_equal(r.gap, (490 - 91) * NS_PER_MS);
    assert_int_equal(r.silent, 1);
    assert_int_equal(r.flow_gap_max, 490 * NS_PER_MS);
    assert_int_equal(r.worst, 1);
    account_done(&a);
}

static void bad_arrivals(void **state)
{
    struct account a;
    (void)state;
    assert_int_equal(account_init(&a, 2), 0);
    account_send(&a, 0, at(0));
    account_send(&a, 0, at(1));
    account_send(&a, 0, at(2));
    assert_true(account_arrive(&a, 0, 2, at(3)));
    assert_true(account_arrive(&a, 0, 0, at(3)));
    assert_true(account_arrive(&a, 0, 2, at(4)));
    assert_false(account_arrive(&a, 0, 3, at(4)));          /* never sent */
    assert_false(account_arrive(&a, 1, 0, at(4)));          /* nor this */
    assert_false(account_arrive(&a, 2, 0, at(4)));          /* no such flow */
    assert_false(account_arrive(&a, 0, UINT64_MAX, at(4))); /* no memory for that */
    struct account_report r = account_report(&a);
    assert_int_equal(r.sent, 3);
    assert_int_equal(r.received, 2);
    assert_int_equal(r.lost, 1);
    assert_int_equal(r.reordered, 1);
    assert_int_equal(r.duplicated, 1);
    assert_int_equal(r.foreign, 4);
    assert_int_equal(r.silent, 0); /* nothing was sent of the second */
    account_done(&a);
}

static void reset(void **state)
{
    struct account a;
    (void)state;
    assert_int_equal(account_init(&a, 2), 0);
    exchange(&a, 500, 10, all_pause);
    account_reset(&a);
    struct account_report r = account_report(&a);
    assert_int_equal(r.sent | r.received | r.lost | r.losing | r.gap | r.flow_gap_max, 0);
    exchange(&a, 500, 10, NULL); /* the same numbers are new again */
    r = account_report(&a);
    assert_int_equal(r.received, 1000);
    assert_int_equal(r.duplicated, 0);
    account_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_lost), cmocka_unit_test(gap_of_one), cmocka_unit_test(gap_of_all),
        cmocka_unit_test(bad_arrivals), cmocka_unit_test(reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
