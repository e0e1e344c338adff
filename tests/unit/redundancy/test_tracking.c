/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked objects: facts, lists, delays, decrements, and configurations that make no sense. */
#include <errno.h>

#include "redundancy/tracking.h"
#include "test.h"

static struct tracking tracking;
static struct track_changes changes;

static struct track_config *object(uint16_t number, enum track_kind kind)
{
    static struct track_config c;
    c = (struct track_config){.number = number, .kind = (uint8_t)kind};
    return &c;
}

static int set(const struct track_config *c, ns now)
{
    changes.count = 0;
    return tracking_set(&tracking, c, now, &changes);
}

static void line_object(uint16_t number, const char *interface, ns delay_up, ns delay_down)
{
    struct track_config *c = object(number, TRACK_INTERFACE_LINE);
    snprintf(c->interface, sizeof(c->interface), "%s", interface);
    c->delay_up = delay_up;
    c->delay_down = delay_down;
    assert_int_equal(set(c, 0), 0);
}

static void interface_fact(const char *interface, bool line, bool routing, ns now)
{
    changes.count = 0;
    tracking_fact(&tracking,
                  &(struct track_fact){
                      .kind = TRACK_FACT_INTERFACE, .interface = interface, .line = line, .routing = routing},
                  now, &changes);
}

static bool is_up(uint16_t number)
{
    const struct track_object *o = tracking_find(&tracking, number);
    assert_non_null(o);
    return o->up;
}

static int prepare(void **state)
{
    (void)state;
    tracking_init(&tracking);
    return 0;
}

static void test_kinds(void **state)
{
    (void)state;
    struct prefix route = {address("10.0.0.0"), 8}, other = {address("10.0.0.0"), 16};
    line_object(1, "Serial1/0", 0, 0);
    struct track_config *c = object(2, TRACK_INTERFACE_ROUTING);
    memcpy(c->interface, "Serial1/0", 10);
    assert_int_equal(set(c, 0), 0);
    c = object(3, TRACK_ROUTE);
    c->prefix = route;
    assert_int_equal(set(c, 0), 0);
    assert_int_equal(set(object(4, TRACK_CONTROL), 0), 0);
    assert_int_equal(set(object(5, TRACK_ENGINE), 0), 0);
    /* Nothing is known: all down, and none of it waits. */
    for (uint16_t n = 1; n <= 5; n++)
        assert_false(is_up(n));
    assert_true(tracking_deadline(&tracking) == NS_NEVER);
    interface_fact("Serial1/1", true, true, S);
    assert_int_equal(changes.count, 0);
    interface_fact("Serial1/0", true, false, S);
    assert_true(is_up(1) && !is_up(2) && changes.count == 1 && changes.numbers[0] == 1);
    interface_fact("Serial1/0", true, true, S);
    assert_true(is_up(2) && changes.count == 1 && changes.numbers[0] == 2);
    interface_fact("Serial1/0", false, true, S);
    assert_true(!is_up(1) && !is_up(2) && changes.count == 2);
    interface_fact("Serial1/0", false, false, S);
    assert_int_equal(changes.count, 0);
    tracking_fact(&tracking, &(struct track_fact){.kind = TRACK_FACT_ROUTE, .prefix = other, .up = true}, S,
                  &changes);
    assert_false(is_up(3));
    tracking_fact(&tracking, &(struct track_fact){.kind = TRACK_FACT_ROUTE, .prefix = route, .up = true}, S,
                  &changes);
    assert_true(is_up(3));
    tracking_fact(&tracking, &(struct track_fact){.kind = TRACK_FACT_CONTROL, .up = true}, S, &changes);
    assert_true(is_up(4) && !is_up(5));
    tracking_fact(&tracking, &(struct track_fact){.kind = TRACK_FACT_ENGINE, .up = true}, S, &changes);
    assert_true(is_up(5) && tracking_find(&tracking, 1)->changes == 2 &&
                tracking_find(&tracking, 1)->last_change == S);
}

static void probe_fact(uint32_t probe, bool up, bool good, ns now)
{
    changes.count = 0;
    tracking_fact(&tracking,
                  &(struct track_fact){.kind = TRACK_FACT_PROBE, .probe = probe, .up = up, .good = good}, now,
                  &changes);
}

/* `reachability` asks for an answer, `state` for one in time; a delay outlasts single answers that are
 * missing. */
static void test_probes(void **state)
{
    (void)state;
    struct track_config *c = object(1, TRACK_PROBE);
    c->probe = 70000;
    c->delay_down = 150 * NS_PER_MS;
    assert_int_equal(set(c, 0), 0);
    c = object(2, TRACK_PROBE);
    c->probe = 70000;
    c->strict = true;
    assert_int_equal(set(c, 0), 0);
    probe_fact(4464, true, true, S); /* the same in 16 bits */
    assert_true(!is_up(1) && !is_up(2));
    probe_fact(70000, true, false, S);
    assert_true(is_up(1) && !is_up(2));
    probe_fact(70000, true, true, S);
    assert_true(is_up(1) && is_up(2));
    probe_fact(70000, false, false, 2 * S);
    assert_true(is_up(1) && !is_up(2));
    probe_fact(70000, true, true, 2 * S + 100 * NS_PER_MS);
    assert_true(is_up(1) && is_up(2) && tracking_deadline(&tracking) == NS_NEVER);
    probe_fact(70000, false, false, 3 * S);
    probe_fact(70000, false, false, 3 * S + 100 * NS_PER_MS);
    assert_true(is_up(1));
    tracking_tick(&tracking, 3 * S + 150 * NS_PER_MS, &changes);
    assert_false(is_up(1));
    probe_fact(70000, true, true, 4 * S);
    assert_true(is_up(1) && is_up(2));
    /* Another probe: nothing is known of it. */
    c = object(2, TRACK_PROBE);
    c->probe = 3;
    c->strict = true;
    assert_int_equal(set(c, 4 * S), 0);
    assert_false(is_up(2));
    c->strict = false;
    c->number = 1;
    c->probe = 70000;
    assert_int_equal(set(c, 4 * S), 0);
    assert_true(is_up(1));
}

static void test_delay(void **state)
{
    (void)state;
    line_object(1, "Serial1/0", 10 * S, 3 * S);
    /* The first fact counts at once. */
    interface_fact("Serial1/0", true, true, S);
    assert_true(is_up(1));
    interface_fact("Serial1/0", false, true, 2 * S);
    assert_true(is_up(1) && tracking_deadline(&tracking) == 5 * S);
    tracking_tick(&tracking, 4 * S, &changes);
    assert_true(is_up(1));
    /* Back in time: nobody hears of it. */
    interface_fact("Serial1/0", true, true, 4 * S);
    assert_true(is_up(1) && tracking_deadline(&tracking) == NS_NEVER && changes.count == 0);
    interface_fact("Serial1/0", false, true, 6 * S);
    interface_fact("Serial1/0", false, false, 8 * S); /* said again: the delay runs from the first */
    tracking_tick(&tracking, 9 * S, &changes);
    assert_true(!is_up(1) && changes.count == 1);
    interface_fact("Serial1/0", true, true, 10 * S);
    assert_true(!is_up(1) && tracking_deadline(&tracking) == 20 * S);
    tracking_tick(&tracking, 20 * S, &changes);
    assert_true(is_up(1) && tracking_find(&tracking, 1)->changes == 3);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        bool a, b; /* lines of 1 and 2 */
        bool conjunction, disjunction, heavy, negated, nested;
    } cases[] = {
        {false, false, false, false, false, true, false}, {true, false, false, true, true, false, false},
        {false, true, false, true, false, true, false},   {true, true, true, true, true, false, true},
        {true, false, false, true, true, false, false},   {false, false, false, false, false, true, false},
    };
    struct track_member both[] = {{.number = 1, .weight = 30}, {.number = 2, .weight = 10}};
    line_object(1, "A", 0, 0);
    line_object(2, "B", 0, 0);
    static const uint8_t kinds[] = {TRACK_LIST_AND, TRACK_LIST_OR, TRACK_LIST_WEIGHT};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct track_config *c = object((uint16_t)(10 + i), kinds[i]);
        memcpy(c->members, both, sizeof(both));
        c->member_count = 2;
        c->weight_up = 30;
        c->weight_down = 20;
        assert_int_equal(set(c, 0), 0);
    }
    struct track_config *c = object(13, TRACK_LIST_AND);
    c->members[0] = (struct track_member){.number = 1, .negate = true};
    c->member_count = 1;
    assert_int_equal(set(c, 0), 0);
    c = object(5, TRACK_LIST_AND); /* before its members in the table */
    c->members[0] = (struct track_member){.number = 10};
    c->members[1] = (struct track_member){.number = 11};
    c->member_count = 2;
    assert_int_equal(set(c, 0), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        interface_fact("A", cases[i].a, true, S);
        interface_fact("B", cases[i].b, true, S);
        if (is_up(10) != cases[i].conjunction || is_up(11) != cases[i].disjunction ||
            is_up(12) != cases[i].heavy || is_up(13) != cases[i].negated || is_up(5) != cases[i].nested)
            fail_msg("case %zu", i);
    }
    /* Between the thresholds a list stays what it was. */
    interface_fact("A", true, true, S);
    assert_true(is_up(12));
    both[0].weight = 25;
    c = object(12, TRACK_LIST_WEIGHT);
    memcpy(c->members, both, sizeof(both));
    c->member_count = 2;
    c->weight_up = 30;
    c->weight_down = 20;
    assert_int_equal(set(c, 2 * S), 0);
    assert_true(is_up(12));
    /* What is not there is not up, negated or not; an empty list is down. */
    c = object(14, TRACK_LIST_OR);
    c->members[0] = (struct track_member){.number = 99};
    c->members[1] = (struct track_member){.number = 98, .negate = true};
    c->member_count = 2;
    assert_int_equal(set(c, 0), 0);
    assert_false(is_up(14));
    assert_int_equal(set(object(15, TRACK_LIST_AND), 0), 0);
    assert_false(is_up(15));
}

/* A list's delay damps what its members do, and removing one is a change of the list. */
static void test_list_delay(void **state)
{
    (void)state;
    line_object(1, "A", 0, 0);
    struct track_config *c = object(2, TRACK_LIST_OR);
    c->members[0].number = 1;
    c->member_count = 1;
    c->delay_down = 5 * S;
    assert_int_equal(set(c, 0), 0);
    interface_fact("A", true, true, S);
    assert_true(is_up(2) && changes.count == 2);
    interface_fact("A", false, true, 2 * S);
    assert_true(is_up(2) && changes.count == 1 && tracking_deadline(&tracking) == 7 * S);
    changes.count = 0;
    tracking_tick(&tracking, 7 * S, &changes);
    assert_true(!is_up(2) && changes.count == 1 && changes.numbers[0] == 2);
    interface_fact("A", true, true, 8 * S);
    changes.count = 0;
    tracking_remove(&tracking, 1, 9 * S, &changes);
    assert_true(changes.count == 1 && changes.numbers[0] == 1 && is_up(2));
    tracking_tick(&tracking, 14 * S, &changes);
    assert_false(is_up(2));
    tracking_remove(&tracking, 1, 15 * S, &changes); /* twice is no harm */
    assert_null(tracking_find(&tracking, 1));
}

static void test_refused(void **state)
{
    (void)state;
    struct track_config *c;
    for (uint16_t n = 1; n <= 3; n++) {
        c = object(n, TRACK_LIST_AND);
        c->members[0].number = (uint16_t)(n + 1);
        c->member_count = 1;
        assert_int_equal(set(c, 0), 0);
    }
    c = object(4, TRACK_LIST_OR);
    c->members[0].number = 1;
    c->member_count = 1;
    assert_int_equal(set(c, 0), -EINVAL); /* 1 - 2 - 3 - 4 - 1 */
    c->members[0].number = 4;
    assert_int_equal(set(c, 0), -EINVAL);
    assert_null(tracking_find(&tracking, 4));
    c->members[0].number = 5;
    c->member_count = TRACKING_MEMBERS_MAX + 1;
    assert_int_equal(set(c, 0), -EINVAL);
    assert_int_equal(set(object(4, TRACK_ENGINE + 1), 0), -EINVAL);
    c = object(4, TRACK_INTERFACE_LINE);
    memset(c->interface, 'x', sizeof(c->interface));
    assert_int_equal(set(c, 0), -EINVAL);
    for (uint16_t n = tracking.count; n < TRACKING_OBJECTS_MAX; n++)
        assert_int_equal(set(object((uint16_t)(1000 - n), TRACK_ENGINE), 0), 0);
    assert_int_equal(set(object(2000, TRACK_ENGINE), 0), -ENOSPC);
    assert_int_equal(set(object(3, TRACK_ENGINE), 0), 0); /* one that is there */
    /* In order, whatever the order they came in; a fact for all of them is a change of all. */
    for (uint16_t i = 1; i < tracking.count; i++)
        assert_true(tracking.objects[i - 1].config.number < tracking.objects[i].config.number);
    changes.count = 0;
    tracking_fact(&tracking, &(struct track_fact){.kind = TRACK_FACT_ENGINE, .up = true}, S, &changes);
    assert_int_equal(changes.count, TRACKING_OBJECTS_MAX);
}

/* Other delays leave an object as it is, another subject makes it unknown. */
static void test_changed(void **state)
{
    (void)state;
    line_object(1, "A", 0, 0);
    interface_fact("A", true, true, S);
    line_object(1, "A", 5 * S, 5 * S);
    assert_true(is_up(1) && changes.count == 0);
    line_object(1, "B", 5 * S, 5 * S);
    assert_true(!is_up(1) && changes.count == 1);
    interface_fact("B", true, true, 2 * S);
    assert_true(is_up(1));
}

static void test_priority(void **state)
{
    (void)state;
    static const struct {
        uint8_t configured, floor;
        struct track_use uses[3];
        size_t count;
        uint8_t priority;
        bool shutdown;
    } cases[] = {
        {100, 0, {{0}}, 0, 100, false},
        {100, 0, {{.number = 1, .decrement = 10}}, 1, 100, false}, /* up */
        {100, 0, {{.number = 2, .decrement = 10}}, 1, 90, false},
        {100, 0, {{.number = 2, .decrement = 10}, {.number = 3, .decrement = 25}}, 2, 65, false},
        {100, 0, {{.number = 2, .decrement = 60}, {.number = 3, .decrement = 60}}, 2, 0, false},
        {100, 1, {{.number = 2, .decrement = 255}}, 1, 1, false},
        {100, 0, {{.number = 77, .decrement = 10}}, 1, 100, false}, /* not configured */
        {100, 0, {{.number = 2, .decrement = 10, .shutdown = true}}, 1, 100, true},
        {100, 0, {{.number = 1, .decrement = 10, .shutdown = true}}, 1, 100, false},
        {100, 0, {{.number = 77, .shutdown = true}}, 1, 100, false},
        {0, 0, {{.number = 2, .decrement = 10}}, 1, 0, false},
    };
    line_object(1, "A", 0, 0);
    line_object(2, "B", 0, 0);
    line_object(3, "B", 0, 0);
    interface_fact("A", true, true, S);
    interface_fact("B", false, true, S);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t priority =
            tracking_priority(&tracking, cases[i].configured, cases[i].floor, cases[i].uses, cases[i].count);
        if (priority != cases[i].priority ||
            tracking_shutdown(&tracking, cases[i].uses, cases[i].count) != cases[i].shutdown)
            fail_msg("case %zu: %u", i, priority);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_kinds, prepare),      cmocka_unit_test_setup(test_probes, prepare),
        cmocka_unit_test_setup(test_delay, prepare),      cmocka_unit_test_setup(test_lists, prepare),
        cmocka_unit_test_setup(test_list_delay, prepare), cmocka_unit_test_setup(test_refused, prepare),
        cmocka_unit_test_setup(test_changed, prepare),    cmocka_unit_test_setup(test_priority, prepare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
