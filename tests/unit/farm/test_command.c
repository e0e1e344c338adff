/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `traffic start`; the commands themselves are tested with a gateway (tests/daemon/test_farm).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "farm/command.h"

static bool parse(const char *words, struct farm_traffic_options *ret)
{
    char copy[200];

    snprintf(copy, sizeof copy, "%s", words);
    return command_traffic_parse(copy, ret) == NULL;
}

static void good(void **state)
{
    struct farm_traffic_options o;
    (void)state;
    assert_true(parse("", &o));
    assert_int_equal(o.spokes, 1);
    assert_int_equal(o.rate_milli, 10000);
    assert_int_equal(o.size, 200);
    assert_true(o.ways[FARM_UP] && o.ways[FARM_DOWN]);
    assert_true(parse("--spokes 100 --rate 2.5 --size 1300 --direction up", &o));
    assert_int_equal(o.spokes, 100);
    assert_int_equal(o.rate_milli, 2500);
    assert_int_equal(o.size, 1300);
    assert_true(o.ways[FARM_UP] && !o.ways[FARM_DOWN]);
    assert_true(parse("--direction down --rate 0.001", &o));
    assert_int_equal(o.rate_milli, 1);
    assert_true(!o.ways[FARM_UP] && o.ways[FARM_DOWN]);
}

static void bad(void **state)
{
    static const char *const words[] = {
        "--spokes",
        "--spokes 0",
        "--spokes -1",
        "--spokes 1x",
        "--spokes 4294967296",
        "--rate 0",
        "--rate 0.0001",
        "--rate nan",
        "--rate 1e30",
        "--rate 5 5",
        "--size 23",
        "--size 1301",
        "--direction",
        "--direction sideways",
        "spokes 5",
        "--spokes 5 --what 1",
    };
    struct farm_traffic_options o;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (parse(words[i], &o))
            fail_msg("accepted: %s", words[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
