/* SPDX-License-Identifier: Apache-2.0 */
/* The set against a plain list of everything that was put into it, growth, and the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "base/rng.h"
#include "judge/number_set.h"

enum { DRAWN = 4000 };

struct drawn {
    uint32_t owner;
    uint64_t high, low;
};

static void test_against_list(void **state)
{
    static struct drawn list[DRAWN];
    struct number_set s;
    struct rng rng;
    unsigned count = 0, again = 0;
    (void)state;
    rng_init_number(&rng, 7);
    number_set_init(&s, 0);
    for (unsigned i = 0; i < DRAWN; i++) {
        /* Close together, so that some come twice and pages are shared; some far apart. */
        struct drawn d = {rng_below(&rng, 3), rng_below(&rng, 2), rng_below(&rng, 1200)};
        d.low += rng_below(&rng, 4) == 0 ? UINT64_MAX - 1200 : 0;
        int there = 0;
        for (unsigned k = 0; k < count && !there; k++)
            there = list[k].owner == d.owner && list[k].high == d.high && list[k].low == d.low;
        assert_int_equal(number_set_has(&s, d.owner, d.high, d.low), there);
        assert_int_equal(number_set_add(&s, d.owner, d.high, d.low), there);
        assert_true(number_set_has(&s, d.owner, d.high, d.low));
        again += (unsigned)there;
        list[count] = d;
        count += !there;
    }
    assert_in_range(again, 1, DRAWN - 1);
    number_set_done(&s);
}

static void test_growth(void **state)
{
    struct number_set s;
    (void)state;
    number_set_init(&s, 0);
    for (uint64_t i = 0; i < 20000; i++)
        assert_int_equal(number_set_add(&s, 1, 0, i * 1000003), 0);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_int_equal(number_set_add(&s, 1, 0, i * 1000003), 1);
        assert_false(number_set_has(&s, 2, 0, i * 1000003));
        assert_false(number_set_has(&s, 1, 1, i * 1000003));
    }
    number_set_done(&s);
}

static void test_limit(void **state)
{
    struct number_set s;
    (void)state;
    number_set_init(&s, 2);
    assert_int_equal(number_set_add(&s, 1, 0, 0), 0);
    assert_int_equal(number_set_add(&s, 1, 0, 5000), 0);
    assert_int_equal(number_set_add(&s, 1, 0, 10000), -ENOSPC);
    assert_int_equal(number_set_add(&s, 1, 0, 5001), 0);
    assert_int_equal(number_set_add(&s, 1, 0, 5000), 1);
    number_set_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_list),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
