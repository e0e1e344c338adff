/* SPDX-License-Identifier: Apache-2.0 */
/* The pauses of control's loop: what counts, and what they are put down to. With made-up times, and in a loop
 * of its own that really is kept busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "control/loop_watch.h"
#include "io/clock.h"

#define MS NS_PER_MS

static void test_pauses(void **state)
{
    (void)state;
    struct loop_watch w = {0};
    loop_turn(&w, 1000 * MS, 900 * MS); /* the first turn only begins */
    assert_int_equal(w.longest.length, 0);
    loop_turn(&w, 1100 * MS, 997 * MS); /* 100 ms, of which 97 waited */
    assert_int_equal(w.longest.length, 3 * MS);
    assert_int_equal(w.counts[0], 0);
    loop_turn(&w, 1116 * MS, 997 * MS);
    assert_int_equal(w.longest.length, 16 * MS);
    assert_int_equal(w.longest.at, 1116 * MS);
    loop_turn(&w, 1170 * MS, 1000 * MS);
    loop_turn(&w, 1470 * MS, 1000 * MS);
    assert_int_equal(w.counts[0], 3);
    assert_int_equal(w.counts[1], 3);
    assert_int_equal(w.counts[2], 2);
    assert_int_equal(w.counts[3], 1);
    loop_turn(&w, 1480 * MS, 2000 * MS); /* more idle than time: clocks differ */
    assert_int_equal(w.longest.length, 300 * MS);
    loop_watch_reset(&w);
    loop_turn(&w, 9000 * MS, 0);
    assert_true(w.longest.length == 0 && w.counts[0] == 0);
}

static void test_sections(void **state)
{
    (void)state;
    static const struct {
        const char *names[3];
        ns times[3][2];
        const char *expected;
    } cases[] = {
        {{"a", "b"}, {{0, 5}, {5, 9}}, "a"},
        {{"a", "b"}, {{0, 5}, {5, 19}}, "b"},
        {{"inner", "outer"}, {{2, 8}, {0, 10}}, "inner"},
        {{"inner", "outer"}, {{2, 5}, {0, 10}}, "outer"},
        {{"before", "inner", "outer"}, {{0, 5}, {6, 9}, {5, 25}}, "outer"},
        {{"before", "outer"}, {{0, 9}, {10, 20}}, "outer"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct loop_watch w = {0};
        loop_turn(&w, 1 * MS, 0);
        for (unsigned k = 0; k < 3 && cases[i].names[k]; k++)
            loop_section(&w, cases[i].names[k], (1 + cases[i].times[k][0]) * MS,
                         (1 + cases[i].times[k][1]) * MS);
        loop_turn(&w, 30 * MS, 0);
        assert_string_equal(w.longest.what, cases[i].expected);
        loop_turn(&w, 90 * MS, 0); /* the next turn's pause is not put down to them */
        assert_true(w.longest.length == 60 * MS && w.longest.what == NULL);
    }
}

static void busy(uv_timer_t *timer)
{
    struct loop_watch *w = timer->data;
    ns began = clock_now();
    while (clock_now() < began + 20 * MS)
        continue;
    loop_section(w, "work", began, clock_now());
}

static void test_loop(void **state)
{
    (void)state;
    struct loop_watch w = {0};
    uv_loop_t loop;
    uv_timer_t timer;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(loop_watch_begin(&w, &loop), 0);
    assert_int_equal(uv_timer_init(&loop, &timer), 0);
    timer.data = &w;
    assert_int_equal(uv_timer_start(&timer, busy, 60, 0), 0);
    ns began = clock_now();
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ns all = clock_now() - began;
    loop_turn(&w, clock_now(), uv_metrics_idle_time(&loop));
    /* The 60 ms of waiting are no pause. */
    assert_true(w.longest.length >= 20 * MS && w.longest.length <= all - 50 * MS);
    assert_string_equal(w.longest.what, "work");
    assert_true(w.counts[1] == 1);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_close((uv_handle_t *)&w.prepare, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
