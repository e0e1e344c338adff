/* SPDX-License-Identifier: Apache-2.0 */
/* What befalls the members. Each fault has a generator of its own, so that the others stay what they were
 * when one is taken away (the shrinker). */
#include "pair/world.h"

static const char *const names[FAULT_KINDS] = {
    [FAULT_CONTROL] = "control dies",
    [FAULT_NODE] = "the node dies",
    [FAULT_ENGINE] = "the engine dies",
    [FAULT_FREEZE] = "stands still",
    [FAULT_LINK_CUT] = "the channel breaks",
    [FAULT_LINK_DARK] = "the replication link is cut",
    [FAULT_HELLO_DARK] = "the election link is cut",
    [FAULT_BOTH_DARK] = "both links are cut",
    [FAULT_TRACKED] = "a tracked interface fails",
    [FAULT_SWITCH] = "planned switchover",
    [FAULT_SWITCHES] = "ten switchovers in a row",
    [FAULT_LEAVE] = "is stopped in good order",
    [FAULT_FLAP] = "the election flaps",
    [FAULT_POWER] = "the node dies in the middle of a transfer",
    [FAULT_RECORDS] = "control dies and its records are lost",
    [FAULT_CLOCK] = "its clock jumps ahead",
};

const char *fault_name(uint8_t kind)
{
    return names[kind];
}

void faults_draw(struct world *w)
{
    w->fault_count = 1 + dice_below(&w->dice, FAULTS_MAX - 3);
    for (unsigned i = 0; i < w->fault_count; i++)
        w->faults[i] = (struct fault){
            .at = between(w, START + NS_PER_S, START + 9 * NS_PER_S),
            .length =
                chance(w, 500) ? between(w, NS_PER_MS, 600 * NS_PER_MS) : between(w, NS_PER_MS, 5 * NS_PER_S),
            .kind = (uint8_t)dice_below(&w->dice, FAULT_KINDS),
            .member = (uint8_t)dice_below(&w->dice, 2),
            .way = (uint8_t)(1 + dice_below(&w->dice, 3)),
            .seed = dice_u64(&w->dice),
        };
}

static void control_back(void *context, struct happening *h)
{
    struct member *m = context;
    if (m->node_up && !m->control_up && h->number == m->life)
        control_start(m);
}

static void node_back(void *context, struct happening *h)
{
    struct member *m = context;
    (void)h;
    if (!m->node_up)
        member_start(m);
}

static void light(void *context, struct happening *h)
{
    struct world *w = context;
    w->link_dark &= (uint8_t) ~(h->number & 3);
    w->hello_dark &= (uint8_t) ~(h->number >> 4 & 3);
    tell(w, NULL, "links are back");
}

static void tracked_back(void *context, struct happening *h)
{
    struct member *m = context;
    (void)h;
    m->tracked_down = false;
    m->stirred = true;
    m->heard = m->world->schedule.now;
}

static void thaw(void *context, struct happening *h)
{
    struct member *m = context;
    (void)h;
    if (!member_frozen(m)) {
        tell(m->world, m, "goes on");
        engine_go_on(m);
    }
}

static void node_leaves(void *context, struct happening *h)
{
    struct member *m = context;
    if (h->number == m->life)
        member_die(m);
}

/* As a gateway that is stopped: hands over, says so, ends. */
static void leave(struct member *m, ns length)
{
    struct world *w = m->world;
    if (!m->control_up || m->leaving)
        return;
    m->leaving = true;
    election_resign(m, "leaves");
    m->serves = false;
    if (m->shared.membership.state != SESSION_OWNER) {
        session_bye(m->session, member_now(m), &m->actions);
        control_run(m);
    }
    later(w, 20 * NS_PER_MS, node_leaves, m, m->life);
    later(w, 30 * NS_PER_MS + length, node_back, m, 0);
}

static void switch_again(void *context, struct happening *h)
{
    struct world *w = context;
    for (unsigned i = 0; i < 2; i++)
        if (member_owns(&w->members[i]) && !member_frozen(&w->members[i])) {
            shared_group_switchover(&w->members[i].shared, member_now(&w->members[i]));
            control_run(&w->members[i]);
        }
    if (h->number > 1)
        later(w, 150 * NS_PER_MS, switch_again, w, h->number - 1);
}

static void flap_back(void *context, struct happening *h)
{
    struct member *m = context;
    (void)h;
    if (m->node_up && m->control_up && !m->tracked_down && !m->leaving && !member_frozen(m))
        election_set(m, true, "flaps back");
}

/* A node dies when something is under way at last. */
static void power_look(void *context, struct happening *h)
{
    struct member *m = context;
    struct world *w = m->world;
    const struct shared_group *g = &m->shared;
    if (w->healed || !m->node_up || !m->control_up)
        return;
    if (g->sending || g->receiving || g->snapshot_end || g->membership.switching) {
        member_die(m);
        later(w, h->number * NS_PER_MS, node_back, m, 0);
    } else {
        later(w, NS_PER_MS, power_look, m, h->number);
    }
}

static void dark(struct world *w, const struct fault *f, bool link, bool hello)
{
    uint8_t way = f->way;
    w->link_dark |= link ? way : 0;
    w->hello_dark |= hello ? way : 0;
    later(w, f->length, light, w, (link ? way : 0) | (hello ? way << 4 : 0));
}

static void processes(struct world *w, struct member *m, const struct fault *f)
{
    switch (f->kind) {
    case FAULT_CONTROL:
    case FAULT_RECORDS:
        if (!m->node_up || member_frozen(m) || m->leaving)
            return;
        control_die(m);
        if (f->kind == FAULT_RECORDS) {
            m->record_count = 0;
            m->note.set = false;
        }
        later(w, MIN(f->length, NS_PER_S), control_back, m, m->life);
        break;
    case FAULT_NODE:
        member_die(m);
        later(w, f->length, node_back, m, 0);
        break;
    case FAULT_ENGINE:
        if (f->seed % 2 && m->engine_up)
            m->break_takeover = 1 + f->seed / 2 % 7;
        else if (m->node_up)
            engine_die(m);
        break;
    case FAULT_FREEZE:
        if (m->node_up) {
            /* What waited meanwhile comes when it goes on: not later than the healing. */
            m->frozen = MAX(m->frozen, MIN(w->schedule.now + f->length, CHAOS_END));
            m->stirred = true;
            later(w, m->frozen - w->schedule.now + NS_PER_US, thaw, m, 0);
        }
        break;
    case FAULT_CLOCK:
        m->ahead += (int64_t)f->length;
        m->stirred = true;
        break;
    case FAULT_POWER:
        power_look(m, &(struct happening){.number = 1 + f->length / NS_PER_MS});
        break;
    }
}

void fault_befalls(void *context, struct happening *h)
{
    struct world *w = context;
    const struct fault *f = &w->faults[h->number];
    struct member *m = &w->members[f->member];
    tell(w, m, "FAULT %lu: %s, %lu ms, way %u", h->number, names[f->kind], f->length / NS_PER_MS, f->way);
    switch (f->kind) {
    case FAULT_LINK_CUT:
        channel_cut(w);
        break;
    case FAULT_LINK_DARK:
        dark(w, f, true, false);
        break;
    case FAULT_HELLO_DARK:
        dark(w, f, false, true);
        break;
    case FAULT_BOTH_DARK:
        dark(w, f, true, true);
        break;
    case FAULT_TRACKED:
        if (!m->node_up || member_frozen(m))
            return;
        m->tracked_down = true;
        election_resign(m, "a tracked interface failed");
        later(w, f->length, tracked_back, m, 0);
        break;
    case FAULT_SWITCH:
        switch_again(w, &(struct happening){.number = 1});
        break;
    case FAULT_SWITCHES:
        switch_again(w, &(struct happening){.number = 10});
        break;
    case FAULT_LEAVE:
        if (!member_frozen(m))
            leave(m, f->length);
        break;
    case FAULT_FLAP:
        if (!m->control_up || member_frozen(m) || m->leaving)
            return;
        election_set(m, !m->active, "flaps");
        later(w, between(w, 0, 20 * NS_PER_MS), flap_back, m, 0);
        break;
    default:
        processes(w, m, f);
    }
}
