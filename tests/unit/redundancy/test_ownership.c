/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict for every input that matters, and what is bound to it. */
#include "redundancy/ownership.h"
#include "test.h"

enum { DOWN = OWNERSHIP_MEMBER_DOWN, WAITS = OWNERSHIP_MEMBER_WAITING, ACTIVE = OWNERSHIP_MEMBER_ACTIVE };

static void test_verdict(void **state)
{
    (void)state;
    static const struct {
        uint8_t outside, inside;
        bool outside_peer, inside_peer, control, engine, tracked;
        enum ownership_role role;
        bool run, split;
    } cases[] = {
        {ACTIVE, ACTIVE, true, true, true, true, true, OWNERSHIP_OWNER, true, false},
        {ACTIVE, ACTIVE, false, false, true, true, true, OWNERSHIP_ALONE, true, false},
        {ACTIVE, ACTIVE, false, true, true, true, true, OWNERSHIP_OWNER, true, false},
        {WAITS, WAITS, true, true, true, true, true, OWNERSHIP_STANDBY, true, false},
        {DOWN, DOWN, false, false, true, true, true, OWNERSHIP_STANDBY, true, false},
        /* The first member decides; that the other disagrees is told. */
        {ACTIVE, WAITS, true, true, true, true, true, OWNERSHIP_OWNER, true, true},
        {ACTIVE, DOWN, true, false, true, true, true, OWNERSHIP_OWNER, true, true},
        {WAITS, ACTIVE, true, true, true, true, true, OWNERSHIP_STANDBY, true, true},
        {DOWN, ACTIVE, false, true, true, true, true, OWNERSHIP_STANDBY, true, true},
        /* Unfit, for whatever reason: not ours, and not in the elections. */
        {ACTIVE, ACTIVE, true, true, true, false, true, OWNERSHIP_STANDBY, false, false},
        {ACTIVE, ACTIVE, false, false, true, false, true, OWNERSHIP_STANDBY, false, false},
        {ACTIVE, ACTIVE, true, true, false, true, true, OWNERSHIP_STANDBY, false, false},
        {ACTIVE, ACTIVE, true, true, true, true, false, OWNERSHIP_STANDBY, false, false},
        {WAITS, WAITS, true, true, true, false, true, OWNERSHIP_STANDBY, false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ownership o;
        struct ownership_input input = {
            .member_count = 2,
            .members = {{.state = cases[i].outside, .peer_known = cases[i].outside_peer},
                        {.state = cases[i].inside, .peer_known = cases[i].inside_peer, .inside = true}},
            .control_fit = cases[i].control,
            .engine_fit = cases[i].engine,
            .tracked_up = cases[i].tracked,
        };
        ownership_init(&o, S);
        ownership_step(&o, &input, 2 * S);
        bool ours = cases[i].role != OWNERSHIP_STANDBY;
        if (o.verdict.role != cases[i].role || o.verdict.run != cases[i].run ||
            o.verdict.split != cases[i].split)
            fail_msg("case %zu: %s", i, ownership_role_name(o.verdict.role));
        assert_true(o.verdict.serve_addresses == ours && o.verdict.speak_ike == ours &&
                    o.verdict.hold_routes == ours);
        assert_int_equal(o.epoch, ours);
        assert_false(ownership_step(&o, &input, 3 * S));
    }
}

/* A gateway without first-hop protocol serves while it can. */
static void test_no_member(void **state)
{
    (void)state;
    struct ownership o;
    struct ownership_input input = {.control_fit = true, .engine_fit = true, .tracked_up = true};
    ownership_init(&o, 0);
    assert_true(ownership_step(&o, &input, S) && o.verdict.role == OWNERSHIP_ALONE);
    input.engine_fit = false;
    assert_true(ownership_step(&o, &input, S) && o.verdict.role == OWNERSHIP_STANDBY);
}

/* The epoch counts takeovers, not every change. */
static void test_epoch(void **state)
{
    (void)state;
    static const struct {
        uint8_t member;
        bool peer, engine;
        uint32_t epoch;
        uint64_t changes;
    } steps[] = {
        {WAITS, true, true, 0, 1},  {ACTIVE, true, true, 1, 2},  {ACTIVE, false, true, 1, 3},
        {ACTIVE, true, true, 1, 4}, {ACTIVE, true, false, 1, 5}, {DOWN, false, false, 1, 5},
        {WAITS, true, true, 1, 6},  {ACTIVE, true, true, 2, 7},
    };
    struct ownership o;
    ownership_init(&o, 0);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct ownership_input input = {
            .member_count = 1,
            .members = {{.state = steps[i].member, .peer_known = steps[i].peer}},
            .control_fit = true,
            .engine_fit = steps[i].engine,
            .tracked_up = true,
        };
        ownership_step(&o, &input, i * S);
        if (o.epoch != steps[i].epoch || o.changes != steps[i].changes)
            fail_msg("step %zu: epoch %u, %llu changes", i, o.epoch, (unsigned long long)o.changes);
    }
    assert_true(o.last_change == 7 * S);
    assert_string_equal(ownership_role_name(OWNERSHIP_ALONE), "alone");
    assert_string_equal(ownership_role_name(9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_no_member),
        cmocka_unit_test(test_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
