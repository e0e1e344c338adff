/* SPDX-License-Identifier: Apache-2.0 */
/* Every state of a member against every event: the next state and what is to be done, as one line of text;
 * then the steps of a planned switchover, and what each broken one ends in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "replication/membership.h"

static const char *const states[] = {"EMPTY", "SYNCING", "STANDBY", "OWNER", "STALE"};

static const char *const actions_named[] = {
    [MEMBERSHIP_ACTIVATE] = "activate", [MEMBERSHIP_DEACTIVATE] = "deactivate",
    [MEMBERSHIP_FORGET] = "forget",     [MEMBERSHIP_TELL] = "tell",
    [MEMBERSHIP_SEND] = "send",         [MEMBERSHIP_SNAPSHOT] = "snapshot",
    [MEMBERSHIP_MERGE] = "merge",       [MEMBERSHIP_STOP] = "stop",
    [MEMBERSHIP_LIFT] = "lift",         [MEMBERSHIP_JOIN] = "join",
    [MEMBERSHIP_CAP] = "cap",           [MEMBERSHIP_TRUST] = "trust",
    [MEMBERSHIP_DISTRUST] = "distrust", [MEMBERSHIP_IN_STEP] = "in-step",
    [MEMBERSHIP_HOLD] = "hold",         [MEMBERSHIP_RELEASE] = "release",
    [MEMBERSHIP_YIELD] = "yield",       [MEMBERSHIP_DRAIN] = "drain",
    [MEMBERSHIP_EXACT] = "exact",       [MEMBERSHIP_DISOWN] = "disown",
    [MEMBERSHIP_SWITCH_OVER] = "over",
};

static void text_of(const struct membership *m, const struct membership_actions *a, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "%s:", states[m->state]);
    for (unsigned i = 0; i < a->count; i++) {
        const struct membership_action *one = &a->list[i];
        len += (size_t)snprintf(out + len, size - len, " %s", actions_named[one->kind]);
        if (one->kind == MEMBERSHIP_ACTIVATE)
            len += (size_t)snprintf(out + len, size - len, " %u", one->epoch);
        else if (one->kind == MEMBERSHIP_SEND)
            len += (size_t)snprintf(out + len, size - len, " %u", one->code);
        else if (one->kind == MEMBERSHIP_SWITCH_OVER)
            len += (size_t)snprintf(out + len, size - len, " %s", one->ok ? "done" : "not");
    }
}

/* A member in the middle of its life, in epoch 5, the other one there in the part that goes with it. */
static struct membership member_in(uint8_t state)
{
    struct membership m;
    membership_init(&m, state, 5, state == SESSION_OWNER, NS_PER_S);
    m.peer_up = m.peer_known = true;
    m.peer = (struct session_role_state){.role = state == SESSION_OWNER ? SESSION_STANDBY : SESSION_OWNER,
                                         .epoch = 5};
    m.in_step = state == SESSION_OWNER || state == SESSION_STANDBY;
    m.own_epoch = 5;
    if (state == SESSION_STALE)
        m.bounded = m.handed_over = true;
    return m;
}

#define ROLE(r)                                                                  \
    {                                                                            \
        .kind = MEMBERSHIP_PEER_ROLE, .role = {.role = SESSION_##r, .epoch = 5 } \
    }
#define NOTICE(n)                                         \
    {                                                     \
        .kind = MEMBERSHIP_NOTICE, .code = MEMBERSHIP_##n \
    }

static const struct membership_event events[] = {
    {.kind = MEMBERSHIP_VERDICT, .ours = true},
    {.kind = MEMBERSHIP_VERDICT, .ours = false},
    {.kind = MEMBERSHIP_PEER_UP},
    {.kind = MEMBERSHIP_PEER_LOST},
    {.kind = MEMBERSHIP_PEER_LOST, .bye = true},
    ROLE(EMPTY),
    ROLE(SYNCING),
    ROLE(STANDBY),
    ROLE(OWNER),
    ROLE(STALE),
    {.kind = MEMBERSHIP_SNAPSHOT_COMES},
    {.kind = MEMBERSHIP_SNAPSHOT_HERE},
    {.kind = MEMBERSHIP_SNAPSHOT_SENT},
    {.kind = MEMBERSHIP_MERGE_SENT},
    {.kind = MEMBERSHIP_MERGE_HERE},
    {.kind = MEMBERSHIP_SWITCHOVER},
    NOTICE(WANT),
    NOTICE(ASK),
    NOTICE(HELD),
    NOTICE(TAKEN),
    NOTICE(DONE),
    NOTICE(NO),
    {.kind = MEMBERSHIP_DRAINED},
    {.kind = MEMBERSHIP_TICK},
};

static const char *const cells[SESSION_ROLES][ARRAY_SIZE(events)] = {
    /* clang-format off */
    [SESSION_EMPTY] = {
        "OWNER: forget activate 6 tell", /* verdict: ours */
        "EMPTY:", /* verdict: not ours */
        "EMPTY: tell", /* peer up */
        "EMPTY:", /* peer lost */
        "EMPTY:", /* peer left */
        "EMPTY:", /* EMPTY */
        "EMPTY:", /* SYNCING */
        "EMPTY:", /* STANDBY */
        "EMPTY:", /* OWNER */
        "EMPTY:", /* STALE */
        "SYNCING: forget tell", /* snapshot comes */
        "EMPTY:", /* snapshot here */
        "EMPTY:", /* snapshot sent */
        "EMPTY:", /* merge sent */
        "EMPTY:", /* merge here */
        "EMPTY: over not", /* switchover */
        "EMPTY:", /* WANT */
        "EMPTY: send 6", /* ASK */
        "EMPTY:", /* HELD */
        "EMPTY:", /* TAKEN */
        "EMPTY:", /* DONE */
        "EMPTY:", /* NO */
        "EMPTY:", /* drained */
        "EMPTY:", /* tick */
    },
    [SESSION_SYNCING] = {
        "OWNER: activate 6 tell", /* verdict: ours */
        "SYNCING:", /* verdict: not ours */
        "SYNCING: tell", /* peer up */
        "SYNCING:", /* peer lost */
        "SYNCING:", /* peer left */
        "SYNCING:", /* EMPTY */
        "SYNCING:", /* SYNCING */
        "SYNCING:", /* STANDBY */
        "SYNCING:", /* OWNER */
        "SYNCING:", /* STALE */
        "SYNCING:", /* snapshot comes */
        "STANDBY: tell in-step", /* snapshot here */
        "SYNCING:", /* snapshot sent */
        "SYNCING:", /* merge sent */
        "SYNCING:", /* merge here */
        "SYNCING: over not", /* switchover */
        "SYNCING:", /* WANT */
        "SYNCING: send 6", /* ASK */
        "SYNCING:", /* HELD */
        "SYNCING:", /* TAKEN */
        "SYNCING:", /* DONE */
        "SYNCING:", /* NO */
        "SYNCING:", /* drained */
        "SYNCING:", /* tick */
    },
    [SESSION_STANDBY] = {
        "OWNER: activate 6 tell", /* verdict: ours */
        "STANDBY:", /* verdict: not ours */
        "STANDBY: tell", /* peer up */
        "STANDBY:", /* peer lost */
        "STANDBY:", /* peer left */
        "STANDBY:", /* EMPTY */
        "STANDBY:", /* SYNCING */
        "STANDBY:", /* STANDBY */
        "STANDBY:", /* OWNER */
        "STANDBY:", /* STALE */
        "STANDBY:", /* snapshot comes */
        "STANDBY: tell in-step", /* snapshot here */
        "STANDBY:", /* snapshot sent */
        "STANDBY:", /* merge sent */
        "STANDBY:", /* merge here */
        "STANDBY: send 1", /* switchover */
        "STANDBY:", /* WANT */
        "STANDBY: hold send 3", /* ASK */
        "STANDBY:", /* HELD */
        "STANDBY:", /* TAKEN */
        "STANDBY:", /* DONE */
        "STANDBY:", /* NO */
        "STANDBY:", /* drained */
        "STANDBY:", /* tick */
    },
    [SESSION_OWNER] = {
        "OWNER:", /* verdict: ours */
        "STALE: deactivate cap tell", /* verdict: not ours */
        "OWNER: tell", /* peer up */
        "OWNER: cap", /* peer lost */
        "OWNER: lift", /* peer left */
        "OWNER:", /* EMPTY */
        "OWNER:", /* SYNCING */
        "OWNER:", /* STANDBY */
        "OWNER: cap", /* OWNER */
        "OWNER: cap", /* STALE */
        "OWNER:", /* snapshot comes */
        "OWNER:", /* snapshot here */
        "OWNER:", /* snapshot sent */
        "OWNER:", /* merge sent */
        "OWNER:", /* merge here */
        "OWNER: send 2", /* switchover */
        "OWNER: send 2", /* WANT */
        "OWNER: send 6", /* ASK */
        "OWNER:", /* HELD */
        "OWNER:", /* TAKEN */
        "OWNER:", /* DONE */
        "OWNER:", /* NO */
        "OWNER:", /* drained */
        "OWNER:", /* tick */
    },
    [SESSION_STALE] = {
        "OWNER: stop activate 6 tell", /* verdict: ours */
        "STALE:", /* verdict: not ours */
        "STALE: tell", /* peer up */
        "STALE:", /* peer lost */
        "STALE:", /* peer left */
        "STALE: stop", /* EMPTY */
        "STALE: stop", /* SYNCING */
        "STALE: stop", /* STANDBY */
        "STALE:", /* OWNER */
        "STALE: stop", /* STALE */
        "STALE:", /* snapshot comes */
        "STALE:", /* snapshot here */
        "STALE:", /* snapshot sent */
        "SYNCING: tell", /* merge sent */
        "STALE:", /* merge here */
        "STALE: over not", /* switchover */
        "STALE:", /* WANT */
        "STALE: send 6", /* ASK */
        "STALE:", /* HELD */
        "STALE:", /* TAKEN */
        "STALE:", /* DONE */
        "STALE:", /* NO */
        "STALE:", /* drained */
        "STALE:", /* tick */
    },
    /* clang-format on */
};

static void every_cell(void **state)
{
    (void)state;
    for (uint8_t s = 0; s < SESSION_ROLES; s++)
        for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
            struct membership m = member_in(s);
            struct membership_actions a = {0};
            struct membership_event e = events[i];
            char text[256];
            e.now = 2 * NS_PER_S;
            membership_step(&m, &e, &a);
            text_of(&m, &a, text, sizeof(text));
            if (!cells[s][i] || strcmp(text, cells[s][i]) != 0)
                fail_msg("%s, event %zu: \"%s\"", states[s], i, text);
        }
}

/* ---- a planned switchover ---- */

static void happens(struct membership *m, struct membership_event e, ns now, const char *expected)
{
    struct membership_actions a = {0};
    char text[256];
    e.now = now;
    membership_step(m, &e, &a);
    text_of(m, &a, text, sizeof(text));
    assert_string_equal(expected, text);
}

static const struct membership_event ours = {.kind = MEMBERSHIP_VERDICT, .ours = true},
                                     not_ours = {.kind = MEMBERSHIP_VERDICT},
                                     lost = {.kind = MEMBERSHIP_PEER_LOST}, tick = {.kind = MEMBERSHIP_TICK},
                                     drained = {.kind = MEMBERSHIP_DRAINED}, ask = NOTICE(ASK),
                                     held = NOTICE(HELD), taken = NOTICE(TAKEN), done = NOTICE(DONE),
                                     wanted = {.kind = MEMBERSHIP_SWITCHOVER}, owner_heard = ROLE(OWNER);

/* How far it goes before it breaks: 0 asked, 1 yielded, 2 draining. */
static struct membership owner_at(unsigned step)
{
    struct membership m = member_in(SESSION_OWNER);
    happens(&m, wanted, 0, "OWNER: send 2");
    if (step > 0) {
        happens(&m, held, 0, "OWNER: yield");
        happens(&m, not_ours, 0, "OWNER:");
    }
    if (step > 1)
        happens(&m, taken, 0, "OWNER: drain");
    return m;
}

static struct membership standby_at(unsigned step)
{
    struct membership m = member_in(SESSION_STANDBY);
    happens(&m, ask, 0, "STANDBY: hold send 3");
    if (step > 0)
        happens(&m, ours, 0, "STANDBY: send 4");
    return m;
}

static void switchover_goes_through(void **state)
{
    (void)state;
    struct membership a = owner_at(2), b = standby_at(1);
    happens(&a, drained, 1, "SYNCING: deactivate exact send 5 disown tell over done");
    happens(&b, done, 1, "OWNER: activate 6 tell release");
    happens(&b, (struct membership_event)ROLE(SYNCING), 2, "OWNER:"); /* not in the first moment */
    assert_int_equal(1 + 300 * NS_PER_MS, membership_deadline(&b));
    happens(&b, tick, 2, "OWNER:");
    happens(&b, tick, 1 + 300 * NS_PER_MS, "OWNER: tell snapshot");
    assert_int_equal(NS_NEVER, membership_deadline(&b));
    assert_true(membership_commits(&b) && !membership_commits(&a));
}

static void the_standby_is_gone(void **state)
{
    (void)state;
    struct membership m = owner_at(0);
    happens(&m, lost, 1, "OWNER: cap over not disown");
    m = owner_at(1);
    happens(&m, lost, 1, "STALE: cap over not disown deactivate cap tell");
    m = owner_at(2);
    happens(&m, lost, 1, "SYNCING: cap deactivate exact disown tell over done");
    m = owner_at(0);
    happens(&m, tick, 10 * NS_PER_S, "OWNER: over not disown");
    m = owner_at(1);
    happens(&m, tick, 10 * NS_PER_S, "STALE: over not disown deactivate cap tell");
    m = owner_at(2);
    happens(&m, tick, 10 * NS_PER_S, "SYNCING: deactivate exact send 5 disown tell over done");
}

static void the_owner_is_gone(void **state)
{
    (void)state;
    struct membership m = standby_at(0);
    happens(&m, lost, 1, "STANDBY: release");
    happens(&m, ours, 2, "OWNER: activate 6 tell");
    m = standby_at(1);
    happens(&m, lost, 1, "OWNER: activate 6 tell release");
    m = standby_at(0);
    happens(&m, tick, 10 * NS_PER_S, "STANDBY: release");
    m = standby_at(1);
    happens(&m, tick, 10 * NS_PER_S, "OWNER: activate 6 tell release");
    m = standby_at(1);
    happens(&m, not_ours, 1, "STANDBY: release");
}

/* It stood still, and the standby did not wait. */
static void the_owner_is_late(void **state)
{
    (void)state;
    for (unsigned step = 1; step <= 2; step++) {
        struct membership m = owner_at(step);
        happens(&m, owner_heard, 1, "STALE: cap over not disown deactivate cap tell merge");
    }
}

/* ---- a member that begins anew ---- */

static void one_that_founded_waits_for_what_the_other_has(void **state)
{
    (void)state;
    struct membership m;
    membership_init(&m, SESSION_EMPTY, 0, false, 0);
    happens(&m, ours, 1, "OWNER: forget activate 1 tell");
    assert_int_equal(0, membership_told_epoch(&m));
    happens(&m, (struct membership_event){.kind = MEMBERSHIP_PEER_UP}, 1, "OWNER: tell");
    happens(&m, (struct membership_event)ROLE(STANDBY), 1, "OWNER:");
    happens(&m, (struct membership_event)ROLE(STALE), 1, "OWNER:");
    assert_true(membership_takes(&m));
    happens(&m, (struct membership_event){.kind = MEMBERSHIP_MERGE_HERE}, 1, "OWNER: activate 6 join tell");
    happens(&m, (struct membership_event)ROLE(SYNCING), 1, "OWNER: tell snapshot");
    assert_int_equal(6, membership_told_epoch(&m));
    assert_false(membership_takes(&m));
}

static void a_standby_hands_over_to_one_that_founded(void **state)
{
    (void)state;
    for (uint8_t s = SESSION_SYNCING; s <= SESSION_STANDBY; s++) {
        struct membership m = member_in(s);
        happens(&m, (struct membership_event){.kind = MEMBERSHIP_PEER_ROLE, .role = {.role = SESSION_OWNER}},
                1, "STALE: tell merge");
        happens(&m, (struct membership_event)ROLE(STALE), 1, "STALE: stop");
        happens(&m, owner_heard, 1, "STALE: merge");
        happens(&m, (struct membership_event){.kind = MEMBERSHIP_MERGE_SENT}, 1, "SYNCING: tell");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(switchover_goes_through),
        cmocka_unit_test(the_standby_is_gone),
        cmocka_unit_test(the_owner_is_gone),
        cmocka_unit_test(the_owner_is_late),
        cmocka_unit_test(one_that_founded_waits_for_what_the_other_has),
        cmocka_unit_test(a_standby_hands_over_to_one_that_founded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
