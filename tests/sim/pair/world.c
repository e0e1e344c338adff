/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the pair simulator (world.h): faults of a seed, then everything heals, and what must hold
 * then is checked: one owner, the standby in step with the same records, traffic both ways on every tunnel.
 * What must hold always is looked at after each step (ledger.c).
 */
#include <assert.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pair/world.h"

static const ns SETTLE = 4 * NS_PER_S, FLOW = 8 * NS_PER_S;

void failure(struct world *w, const char *format, ...)
{
    va_list list;
    if (w->failed)
        return;
    w->failed = true;
    va_start(list, format);
    vsnprintf(w->why, sizeof(w->why), format, list);
    va_end(list);
    tell(w, NULL, "FAILED: %s", w->why);
}

void tell(struct world *w, const struct member *m, const char *format, ...)
{
    static const char *const states[] = {"EMPTY", "SYNCING", "STANDBY", "OWNER", "STALE"};
    va_list list;
    w->trace = (w->trace ^ w->schedule.now) * 0x100000001b3;
    if (!w->show)
        return;
    ns t = w->schedule.now - START;
    printf("%3lu.%06lu ", t / NS_PER_S, t % NS_PER_S / NS_PER_US);
    if (m)
        printf("member %u %-8s", m->id, m->control_up ? states[m->shared.membership.state] : "-");
    else
        printf("%17s", "");
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
}

/* ---- a world ---- */

static struct sad *tables[2];
static struct truth *truths;

/* A member looks after its deadlines each 4 ms: whatever is due is served late by up to that. */
static const ns WAKES = 4 * NS_PER_MS;

static void member_wakes(void *context, struct happening *h)
{
    struct member *m = context;
    if (h->at != m->wake_at)
        return;
    m->wake_at = NS_NEVER;
    m->stirred = true;
    control_tick(m);
    engine_go_on(m);
}

static void wake(struct member *m)
{
    struct world *w = m->world;
    if (!m->stirred && !w->look_at_all)
        return;
    m->stirred = false;
    ns due = member_deadline(m);
    if (due >= m->wake_at)
        return;
    ns first = START + m->id * NS_PER_MS;
    ns at = MAX(first, MAX(due, w->schedule.now + 1));
    at = first + (at - first + WAKES - 1) / WAKES * WAKES;
    if (at >= m->wake_at)
        return;
    m->wake_at = at;
    schedule_put(&w->schedule, (struct happening){.at = at, .run = member_wakes, .context = m});
}

static void world_init(struct world *w, const struct run *r)
{
    static const ns hellos[] = {15 * NS_PER_MS, 100 * NS_PER_MS, 250 * NS_PER_MS};
    *w = (struct world){
        .show = r->show, .look_at_all = r->look_at_all, .truth_count = 1, .dice = dice_of(r->seed)};
    schedule_init(&w->schedule, START);
    w->tunnels = 1 + dice_below(&w->dice, TUNNELS_MAX);
    w->limits = (struct lease_limits){64 << dice_below(&w->dice, 3), 40 + dice_below(&w->dice, 200)};
    w->room = chance(w, 500) ? 100 + dice_below(&w->dice, 500) : 8000;
    w->hello = hellos[dice_below(&w->dice, ARRAY_SIZE(hellos))];
    w->hold = w->hello * 7 / 2;
    w->heartbeat = chance(w, 500) ? 50 * NS_PER_MS : 250 * NS_PER_MS;
    w->dead = w->heartbeat * 4;
    w->link_delay = chance(w, 150) ? between(w, NS_PER_MS, 50 * NS_PER_MS) : 2 * NS_PER_MS;
    w->loss = chance(w, 500) ? 0 : dice_below(&w->dice, 80);
    w->twice = chance(w, 500) ? 0 : dice_below(&w->dice, 50);
    w->late = chance(w, 500) ? 0 : dice_below(&w->dice, 50);
    w->truths = truths;
    faults_draw(w);
    for (unsigned i = 0; i < 2; i++) {
        struct member *m = &w->members[i];
        w->pipes[i].last = &w->pipes[i].first;
        m->world = w;
        m->id = (uint8_t)i;
        m->drift_ppm = chance(w, 500) ? 0 : (int32_t)dice_below(&w->dice, 10001) - 5000;
        m->sad = tables[i];
        memset(m->sad, 0, sizeof(struct sad));
        for (uint32_t slot = 0; slot < SLOTS; slot++)
            atomic_store(&m->sad->pairs[slot].state, PAIR_FREE);
        m->wake_at = NS_NEVER;
        sad_init(m->sad, SLOTS);
        policy_begin(m);
        for (unsigned t = 0; t < TUNNELS_MAX; t++)
            m->rekey_at[t] = NS_NEVER;
        member_start(m);
    }
    later(w, 0, peer_tick, w, 0);
    for (unsigned i = 0; i < w->fault_count; i++)
        if (r->mask >> i & 1)
            schedule_put(
                &w->schedule,
                (struct happening){.at = w->faults[i].at, .run = fault_befalls, .context = w, .number = i});
}

static void world_done(struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        control_die(&w->members[i]);
    channel_free(w);
    schedule_done(&w->schedule);
    ledger_free(w);
}

static void run_until(struct world *w, ns until)
{
    while (!w->failed && schedule_step(&w->schedule, until)) {
        w->steps++;
        ledger_look(w);
        wake(&w->members[0]);
        wake(&w->members[1]);
    }
}

/* ---- the end ---- */

static void heal(struct world *w)
{
    tell(w, NULL, "everything heals");
    w->healed = true;
    w->link_dark = w->hello_dark = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct member *m = &w->members[i];
        m->break_takeover = 0;
        m->tracked_down = false;
        m->stirred = true;
        if (!m->node_up)
            member_start(m);
        else if (!m->control_up)
            control_start(m);
    }
}

/* What another owner may have used is not for the standby; it is rekeyed. */
static bool is_final(struct member *owner, const struct record *r)
{
    return r->kind == SHARED_PAIR && owner->shared.leases[r->key].final;
}

static bool same_records(struct member *owner, struct member *standby)
{
    unsigned expected = 0;
    for (unsigned i = 0; i < owner->record_count; i++) {
        const struct record *x = &owner->records[i], *y = record_find(standby, x->kind, x->key);
        if (is_final(owner, x))
            continue;
        expected++;
        if (!y || x->version != y->version || x->truth != y->truth)
            return false;
        if (x->kind == SHARED_PAIR && !pair_used(&standby->sad->pairs[x->key]))
            return false;
    }
    return standby->record_count == expected;
}

static void settled_look(struct world *w)
{
    static const char *const states[] = {"EMPTY", "SYNCING", "STANDBY", "OWNER", "STALE"};
    struct member *a = &w->members[0], *b = &w->members[1];
    if (member_owns(b)) {
        a = b;
        b = other_of(a);
    }
    const struct membership *x = &a->shared.membership, *y = &b->shared.membership;
    bool words = sad_group_active(atomic_load(&a->sad->groups[GROUP].word)) &&
                 !sad_group_active(atomic_load(&b->sad->groups[GROUP].word));
    if (x->state != SESSION_OWNER || y->state != SESSION_STANDBY || !words)
        failure(w, "%lu s after the healing the members are %s and %s", SETTLE / NS_PER_S,
                states[a == &w->members[0] ? x->state : y->state],
                states[a == &w->members[0] ? y->state : x->state]);
    else if (!x->in_step || !y->in_step)
        failure(w, "the standby is not in step");
    else if (!a->serves || b->serves)
        failure(w, "the address is not where the owner is");
}

/* The standby has what the owner has, as soon as nothing is under way. */
static void step_look(struct world *w)
{
    struct member *a = member_owns(&w->members[0]) ? &w->members[0] : &w->members[1];
    for (unsigned i = 0; i < 200 && !w->failed; i++) {
        if (a->held_count == 0 && same_records(a, other_of(a)))
            return;
        run_until(w, w->schedule.now + 5 * NS_PER_MS);
    }
    failure(w, "the standby has other records than the owner");
}

static void pairs_tell(struct world *w)
{
    for (uint32_t i = 1; i < w->truth_count; i++)
        if (w->truths[i].peer_has)
            tell(w, NULL, "the peer of tunnel %u has pair %u, sent %lu", w->truths[i].tunnel, i,
                 w->truths[i].peer_sequence);
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            const struct sad_pair *p = &w->members[i].sad->pairs[slot];
            const struct truth *t = &w->truths[p->connection];
            if (pair_used(p))
                tell(w, &w->members[i],
                     "slot %u: pair %u of tunnel %u%s, sent %lu below %ld, accepted %lu below %ld, granted "
                     "%lu %lu%s, "
                     "the peer sent %lu%s",
                     slot, p->connection, t->tunnel,
                     atomic_load(&p->state) == PAIR_ACTIVE ? "" : " (unconfirmed)",
                     atomic_load(&p->sequence_out), (long)atomic_load(&p->sequence_ceiling), p->replay.top,
                     (long)atomic_load(&p->receive_ceiling), p->granted_out, p->granted_in,
                     w->members[i].control_up && w->members[i].shared.leases[slot].final ? ", final" : "",
                     t->peer_sequence, t->peer_has ? "" : ", but has it no more");
        }
}

static void flow_look(struct world *w, ns since)
{
    static const ns LATELY = 2 * NS_PER_S;
    for (unsigned t = 0; t < w->tunnels; t++) {
        const struct tunnel *one = &w->tunnel[t];
        if (w->schedule.now - one->out_heard > LATELY || w->schedule.now - one->in_heard > LATELY)
            failure(w, "tunnel %u: %lu s after the healing no traffic %s", t,
                    (w->schedule.now - since) / NS_PER_S,
                    w->schedule.now - one->out_heard > LATELY ? "out" : "in");
    }
}

static void total(struct run_totals *t, const struct world *w)
{
    t->runs++;
    t->failed += w->failed;
    t->steps += w->steps;
    t->out += w->packets_out;
    t->in += w->packets_in;
    t->clear += w->packets_clear;
    t->refused += w->refused;
    t->takeovers += w->takeovers;
    t->switchovers += w->switchovers;
    t->forgotten += w->forgotten;
    t->lost_dead += w->lost_dead;
    t->conflicts += w->conflicts;
    t->lost_forgotten += w->lost_forgotten;
    t->renegotiated += w->renegotiated;
    t->snapshots += w->snapshots;
    for (unsigned i = 0; i < 2; i++)
        t->merges += w->members[i].control_up ? w->members[i].shared.membership.merges : 0;
}

bool run_seed(struct run *r, struct run_totals *t)
{
    static struct world w;
    world_init(&w, r);
    run_until(&w, CHAOS_END);
    if (!w.failed)
        heal(&w);
    run_until(&w, CHAOS_END + SETTLE);
    if (!w.failed)
        settled_look(&w);
    if (!w.failed)
        step_look(&w);
    run_until(&w, CHAOS_END + FLOW);
    if (!w.failed)
        flow_look(&w, CHAOS_END);
    if (r->show)
        pairs_tell(&w);
    total(t, &w);
    r->trace = w.trace;
    r->fault_count = w.fault_count;
    r->steps = w.steps;
    memcpy(r->why, w.why, sizeof(r->why));
    world_done(&w);
    return !w.failed;
}

void run_memory(void)
{
    /* Each world frees all that it had: the next one takes the same pages. */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    for (unsigned i = 0; i < 2; i++) {
        tables[i] = aligned_alloc(64, (sad_size(SLOTS) + 63) / 64 * 64);
        assert(tables[i]);
        memset(tables[i], 0, sad_size(SLOTS));
    }
    for (unsigned i = 0; i < 2; i++)
        sad_init(tables[i], SLOTS);
    policy_memory(tables);
    truths = calloc(TRUTHS_MAX, sizeof(*truths));
    assert(truths);
}

void run_memory_done(void)
{
    policy_memory_done();
    free(tables[0]);
    free(tables[1]);
    free(truths);
}
