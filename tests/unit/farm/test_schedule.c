/* SPDX-License-Identifier: Apache-2.0 */
/* When which flow is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "farm/schedule.h"

static void turns(void **state)
{
    struct schedule s = {.start = NS_PER_S, .flows = 100, .rate_milli = 10000};
    uint32_t flow;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) { /* 1,000 in all a second */
        assert_int_equal(schedule_due(&s), NS_PER_S + i * NS_PER_MS);
        assert_false(schedule_take(&s, NS_PER_S + i * NS_PER_MS - 1, &flow));
        assert_true(schedule_take(&s, NS_PER_S + i * NS_PER_MS, &flow));
        assert_int_equal(flow, i % 100);
    }
}

static void late(void **state)
{
    struct schedule s = {.flows = 3, .rate_milli = 1000};
    uint32_t flow, taken = 0;
    (void)state;
    while (schedule_take(&s, 10 * NS_PER_S, &flow)) /* what was missed is made up for */
        taken++;
    assert_int_equal(taken, 31);
}

static void extremes(void **state)
{
    struct schedule slow = {.flows = 1, .rate_milli = 1, .next = 1};
    struct schedule fast = {
        .flows = 65000, .rate_milli = 1000000000, .next = UINT64_C(65000) * 86400 * 1000000};
    (void)state;
    assert_int_equal(schedule_due(&slow), 1000 * NS_PER_S);
    assert_int_equal(schedule_due(&fast), 86400 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns),
        cmocka_unit_test(late),
        cmocka_unit_test(extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
