/* SPDX-License-Identifier: Apache-2.0 */
/* What a gap owes to the machine: stalls of several processors, overlapping, at the edges, and a full log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/stall.h"

enum { NOTICE = 2 };

static struct stall_log logs[2];
static const struct stall_log *const both[] = {&logs[0], &logs[1]};

static void fill(const struct stall_span *a, size_t a_count, const struct stall_span *b, size_t b_count)
{
    memset(logs, 0, sizeof logs);
    for (size_t i = 0; i < a_count; i++)
        stall_note(&logs[0], a[i].from, a[i].until, NOTICE);
    for (size_t i = 0; i < b_count; i++)
        stall_note(&logs[1], b[i].from, b[i].until, NOTICE);
}

static void test_notice(void **state)
{
    (void)state;
    fill(NULL, 0, NULL, 0);
    stall_note(&logs[0], 100, 101, NOTICE);
    stall_note(&logs[0], 100, 99, NOTICE); /* early: clocks do that */
    stall_note(&logs[0], 100, 100, 0);
    assert_int_equal(logs[0].count, 0);
    assert_int_equal(logs[0].longest, 0);
    stall_note(&logs[0], 100, 102, NOTICE);
    stall_note(&logs[0], 110, 117, NOTICE);
    assert_int_equal(logs[0].count, 2);
    assert_int_equal(logs[0].longest, 7);
    assert_int_equal(logs[0].total, 9);
}

static void test_within(void **state)
{
    (void)state;
    static const struct stall_span first[] = {{10, 20}, {30, 40}, {100, 200}};
    static const struct stall_span second[] = {{15, 25}, {40, 45}, {120, 130}, {190, 230}};
    static const struct {
        ns from, until, within;
    } rows[] = {
        {0, 5, 0},      /* before all */
        {0, 10, 0},     /* up to the first */
        {0, 11, 1},     /* into it */
        {12, 18, 6},    /* inside of one */
        {0, 25, 15},    /* two that overlap count once */
        {0, 30, 15},    /* and a time without */
        {0, 50, 30},    /* two that follow each other without a break */
        {110, 195, 85}, /* one within another */
        {50, 99, 0},    /* between */
        {50, 300, 130}, /* the last of both */
        {230, 300, 0},  /* after all */
        {0, 1000, 160}, /* everything */
        {300, 200, 0},  /* turned round */
        {150, 150, 0},  /* empty */
    };
    fill(first, ARRAY_SIZE(first), second, ARRAY_SIZE(second));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (stall_within(both, 2, rows[i].from, rows[i].until) != rows[i].within)
            fail_msg("from %llu until %llu: %llu", (unsigned long long)rows[i].from,
                     (unsigned long long)rows[i].until,
                     (unsigned long long)stall_within(both, 2, rows[i].from, rows[i].until));
    assert_int_equal(stall_within(both, 0, 0, 1000), 0);
    assert_int_equal(stall_within(both, 1, 0, 1000), 120);
}

static void test_judge(void **state)
{
    (void)state;
    static const struct stall_span stalls[] = {{100, 190}};
    static const struct stall_span gaps[] = {{100, 200}, {300, 350}, {400, 400}};
    fill(stalls, 1, NULL, 0);
    /* The longest gap was the machine's; the other one was not. */
    struct stall_verdict v = stall_judge(both, 2, gaps, ARRAY_SIZE(gaps));
    assert_int_equal(v.gap, 50);
    assert_int_equal(v.stall, 0);
    assert_int_equal(v.from, 300);
    v = stall_judge(both, 2, gaps, 1);
    assert_int_equal(v.gap, 100);
    assert_int_equal(v.stall, 90);
    v = stall_judge(both, 0, gaps, ARRAY_SIZE(gaps));
    assert_int_equal(v.gap, 100);
    assert_int_equal(v.stall, 0);
    v = stall_judge(both, 2, gaps, 0);
    assert_int_equal(v.gap, 0);
}

/* Beyond its room nothing is taken off, but the longest is still told. */
static void test_full(void **state)
{
    (void)state;
    fill(NULL, 0, NULL, 0);
    for (ns i = 0; i < STALL_ENTRIES + 5; i++)
        stall_note(&logs[0], 10 * i, 10 * i + 3, NOTICE);
    stall_note(&logs[0], 1000000, 1000100, NOTICE);
    assert_int_equal(logs[0].count, STALL_ENTRIES);
    assert_int_equal(logs[0].longest, 100);
    assert_int_equal(stall_within(both, 2, 999999, 1000200), 0);
    assert_int_equal(stall_within(both, 2, 0, 999999), 3 * STALL_ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notice),
        cmocka_unit_test(test_within),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
