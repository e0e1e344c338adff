/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a flow: lost, duplicated, reordered and the longest gap, from made-up arrivals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/flow_stats.h"

enum { CAPACITY = 128 };

struct arrival {
    uint64_t number;
    ns time;
};

static const struct {
    const char *name;
    struct arrival arrivals[8];
    unsigned count;
    uint64_t sent;
    ns first_sent, last_sent;
    struct flow_report expected;
} cases[] = {
    {"all arrive", {{0, 101}, {1, 111}, {2, 121}}, 3, 3, 100, 120, {3, 3, 0, 0, 0, 10, 101}},
    {"nothing sent", {{0, 0}}, 0, 0, 0, 0, {0, 0, 0, 0, 0, 0, 0}},
    {"nothing arrives", {{0, 0}}, 0, 5, 100, 150, {5, 0, 5, 0, 0, 50, 100}},
    {"one in the middle is lost", {{0, 101}, {2, 121}}, 2, 3, 100, 120, {3, 2, 1, 0, 0, 20, 101}},
    {"the beginning is lost", {{2, 121}, {3, 131}}, 2, 4, 100, 130, {4, 2, 2, 0, 0, 21, 100}},
    {"the end is lost", {{0, 101}, {1, 111}}, 2, 9, 100, 180, {9, 2, 7, 0, 0, 69, 111}},
    {"one arrives twice", {{0, 101}, {1, 111}, {1, 112}, {2, 121}}, 4, 3, 100, 120, {3, 3, 0, 1, 0, 10, 101}},
    {"a copy neither ends nor makes a gap",
     {{0, 101}, {0, 150}, {1, 190}},
     3,
     2,
     100,
     190,
     {2, 2, 0, 1, 0, 89, 101}},
    {"two change places", {{1, 112}, {0, 113}, {2, 121}}, 3, 3, 100, 120, {3, 3, 0, 0, 1, 12, 100}},
    {"a late one is not lost",
     {{0, 101}, {2, 121}, {3, 131}, {1, 140}},
     4,
     4,
     100,
     140,
     {4, 4, 0, 0, 1, 20, 101}},
    {"late and twice", {{1, 110}, {0, 111}, {0, 112}}, 3, 2, 100, 110, {2, 2, 0, 1, 1, 10, 100}},
    {"a number nobody can have sent", {{CAPACITY, 101}, {0, 102}}, 2, 1, 100, 100, {1, 1, 0, 0, 0, 2, 100}},
    {"the last possible number",
     {{CAPACITY - 1, 101}},
     1,
     CAPACITY,
     100,
     100,
     {CAPACITY, 1, CAPACITY - 1, 0, 0, 1, 100}},
    {"time stamps out of order", {{0, 110}, {1, 108}, {2, 120}}, 3, 3, 100, 120, {3, 3, 0, 0, 0, 10, 110}},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct flow_stats s = {0};
        uint64_t bitmap[CAPACITY / 64] = {0};
        for (unsigned a = 0; a < cases[i].count; a++)
            flow_stats_arrive(&s, bitmap, CAPACITY, cases[i].arrivals[a].number, cases[i].arrivals[a].time);
        struct flow_report r = flow_stats_report(&s, cases[i].sent, cases[i].first_sent, cases[i].last_sent);
        const struct flow_report *e = &cases[i].expected;
        if (r.sent != e->sent || r.received != e->received || r.lost != e->lost ||
            r.duplicated != e->duplicated || r.reordered != e->reordered || r.longest_gap != e->longest_gap ||
            r.longest_gap_from != e->longest_gap_from)
            fail_msg("%s: received %llu lost %llu duplicated %llu reordered %llu gap %llu from %llu",
                     cases[i].name, (unsigned long long)r.received, (unsigned long long)r.lost,
                     (unsigned long long)r.duplicated, (unsigned long long)r.reordered,
                     (unsigned long long)r.longest_gap, (unsigned long long)r.longest_gap_from);
    }
}

static void test_silences_are_listed_and_bounded(void **state)
{
    (void)state;
    struct flow_stats s = {.notice = 50};
    static uint64_t bitmap[16];
    ns time = 1000;
    flow_stats_arrive(&s, bitmap, 1024, 0, time);
    flow_stats_arrive(&s, bitmap, 1024, 1, time += 49);
    assert_int_equal(s.silence_count, 0);
    flow_stats_arrive(&s, bitmap, 1024, 2, time += 50);
    assert_int_equal(s.silence_count, 1);
    assert_int_equal(s.silences[0].from, 1049);
    assert_int_equal(s.silences[0].until, 1099);
    for (unsigned i = 3; i < 200; i++)
        flow_stats_arrive(&s, bitmap, 1024, i, time += 60);
    assert_int_equal(s.silence_count, FLOW_SILENCES);
    assert_int_equal(s.received, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_silences_are_listed_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
