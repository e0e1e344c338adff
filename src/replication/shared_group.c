/* SPDX-License-Identifier: Apache-2.0 */
/* See shared_group.h: what the session and the verdict say, and what the membership wants done about it. */
#include "replication/shared_group.h"

#include "base/deliberate.h"
#include "base/spi.h"
#include "replication/shared_group_internal.h"

#include <errno.h>
#include <stdlib.h>

int shared_group_init(struct shared_group *g, const struct shared_group_config *config,
                      const struct shared_group_ops *ops, void *context, uint8_t state, uint32_t epoch,
                      bool bounded, ns now)
{
    *g = (struct shared_group){.config = *config, .ops = ops, .context = context, .now = now};
    membership_init(&g->membership, state, epoch, bounded, now);
    g->hot_at = g->rekey_at = NS_NEVER;
    g->leases = calloc(config->slots, sizeof(*g->leases));
    g->lease_blocks = calloc(config->slots / SPI_SLOT_BLOCK + 1, sizeof(*g->lease_blocks));
    return g->leases && g->lease_blocks ? 0 : -ENOMEM;
}

void shared_group_done(struct shared_group *g)
{
    free(g->leases);
    free(g->lease_blocks);
    free(g->told);
    free(g->hot);
    free(g->list);
    free(g->stale);
    free(g->stale_seen);
    *g = (struct shared_group){0};
}

/* ---- what the membership wants ---- */

static void role_tell(struct shared_group *g)
{
    const struct membership *m = &g->membership;
    const struct session_role_state role = {
        .role = m->state, .in_step = m->in_step, .epoch = membership_told_epoch(m)};
    g->ops->send_role(g->context, &role);
}

static void action_run(struct shared_group *g, const struct membership_action *a)
{
    const struct shared_group_ops *o = g->ops;
    void *c = g->context;
    switch (a->kind) {
    case MEMBERSHIP_ACTIVATE:
        o->note(c); /* first: a successor of this process must not take the epoch for the last one */
        o->activate(c, a->epoch);
        receiving_stop(g);
        break;
    case MEMBERSHIP_DEACTIVATE:
        o->deactivate(c);
        o->settle(c);
        o->released(c, UINT64_MAX);
        break;
    case MEMBERSHIP_FORGET:
        o->forget(c);
        leases_clear(g);
        break;
    case MEMBERSHIP_TELL:
        o->note(c);
        role_tell(g);
        break;
    case MEMBERSHIP_SEND:
        o->send_notice(c, a->code);
        break;
    case MEMBERSHIP_SNAPSHOT:
        sending_begin(g, false);
        break;
    case MEMBERSHIP_MERGE:
        sending_begin(g, true);
        break;
    case MEMBERSHIP_STOP:
        sending_stop(g);
        break;
    case MEMBERSHIP_LIFT:
        leases_lift(g);
        break;
    case MEMBERSHIP_JOIN:
        o->settle(c);
        leases_join(g);
        break;
    case MEMBERSHIP_CAP:
        sending_stop(g);
        leases_cap(g);
        o->released(c, UINT64_MAX);
        break;
    case MEMBERSHIP_TRUST:
        leases_trust(g);
        break;
    case MEMBERSHIP_DISTRUST:
        leases_distrust(g);
        break;
    case MEMBERSHIP_IN_STEP:
        o->in_step(c);
        break;
    case MEMBERSHIP_HOLD:
        o->hold(c, a->at);
        break;
    case MEMBERSHIP_RELEASE:
        o->hold(c, 0);
        break;
    case MEMBERSHIP_YIELD:
        o->yield(c);
        break;
    case MEMBERSHIP_DRAIN:
        o->drain(c);
        break;
    case MEMBERSHIP_EXACT:
        leases_tell_exact(g);
        leases_exhaust(g);
        break;
    case MEMBERSHIP_DISOWN:
        o->disown(c);
        break;
    case MEMBERSHIP_SWITCH_OVER:
        o->switched(c, a->ok);
        break;
    }
}

/* Actions may bring further events (an empty snapshot is sent at once): each is worked off before the next.
 */
void group_step(struct shared_group *g, struct membership_event *e)
{
    struct membership_actions actions = {0};
    e->now = g->now;
    membership_step(&g->membership, e, &actions);
    for (unsigned i = 0; i < actions.count; i++)
        action_run(g, &actions.list[i]);
}

static void step(struct shared_group *g, enum membership_event_kind kind, ns now)
{
    struct membership_event e = {.kind = kind};
    g->now = now;
    group_step(g, &e);
}

/* ---- the session ---- */

static void peer_lost(struct shared_group *g, bool bye)
{
    struct membership_event e = {.kind = MEMBERSHIP_PEER_LOST, .bye = bye};
    sending_stop(g);
    receiving_stop(g);
    leases_unacknowledged(g);
    group_step(g, &e);
    g->ops->released(g->context, UINT64_MAX);
}

static void role_heard(struct shared_group *g, const struct session_role_state *role)
{
    struct membership_event e = {.kind = MEMBERSHIP_PEER_ROLE, .role = *role};
    group_step(g, &e);
}

static void notice_heard(struct shared_group *g, uint32_t code)
{
    struct membership_event e = {.kind = MEMBERSHIP_NOTICE, .code = code};
    group_step(g, &e);
    if (code == MEMBERSHIP_MERGED) {
        struct membership_event merged = {.kind = MEMBERSHIP_MERGE_HERE};
        group_step(g, &merged);
    }
}

static void acked(struct shared_group *g, uint64_t number)
{
    g->acked = number;
    leases_acked(g, number);
    g->ops->released(g->context, number);
    if (g->snapshot_end && number >= g->snapshot_end) {
        struct membership_event e = {.kind = MEMBERSHIP_SNAPSHOT_SENT};
        g->snapshot_end = 0;
        g->snapshots_sent++;
        g->snapshot_took = ns_since(g->now, g->snapshot_began);
        group_step(g, &e);
    }
    if (g->merge_end && number >= g->merge_end) {
        struct membership_event e = {.kind = MEMBERSHIP_MERGE_SENT};
        g->merge_end = 0;
        group_step(g, &e);
    }
    sending_go_on(g);
}

void shared_group_session(struct shared_group *g, const struct session_action *a, ns now)
{
    g->now = now;
    switch (a->kind) {
    case SESSION_PEER_UP: {
        struct membership_event e = {.kind = MEMBERSHIP_PEER_UP};
        group_step(g, &e);
        break;
    }
    case SESSION_PEER_LOST:
        peer_lost(g, a->lost.reason == SESSION_LOST_LEFT);
        break;
    case SESSION_PUT:
        receive_put(g, a);
        break;
    case SESSION_DELETE:
        receive_delete(g, a);
        break;
    case SESSION_LEASES:
        receive_leases(g, a);
        break;
    case SESSION_SNAPSHOT_BEGIN:
        receiving_begin(g);
        break;
    case SESSION_SNAPSHOT_END:
        receiving_end(g);
        break;
    case SESSION_ROLE:
        role_heard(g, &a->role);
        break;
    case SESSION_NOTICE:
        notice_heard(g, a->notice.code);
        break;
    case SESSION_ACKED:
        acked(g, a->acked);
        break;
    case SESSION_BYE:
        peer_lost(g, true);
        break;
    default:
        break;
    }
}

void shared_group_verdict(struct shared_group *g, bool ours, ns now)
{
    struct membership_event e = {.kind = MEMBERSHIP_VERDICT, .ours = ours};
    g->now = now;
    group_step(g, &e);
}

void shared_group_switchover(struct shared_group *g, ns now)
{
    step(g, MEMBERSHIP_SWITCHOVER, now);
}

void shared_group_drained(struct shared_group *g, ns now)
{
    step(g, MEMBERSHIP_DRAINED, now);
}

void shared_group_tick(struct shared_group *g, ns now)
{
    step(g, MEMBERSHIP_TICK, now);
    leases_review(g);
    leases_rekey(g);
    sending_go_on(g);
}

ns shared_group_deadline(const struct shared_group *g)
{
    return ns_min(membership_deadline(&g->membership), ns_min(g->hot_at, g->rekey_at));
}

bool shared_group_waits(const struct shared_group *g, uint64_t number)
{
    return number > g->acked && membership_commits(&g->membership) && !deliberate_bug(DELIBERATE_SKIP_WAIT);
}

/* ---- the owner's changes ---- */

uint64_t shared_group_put(struct shared_group *g, uint8_t kind, uint64_t key, struct bytes data, ns now)
{
    g->now = now;
    return membership_commits(&g->membership) ? g->ops->send_put(g->context, kind, key, data, false) : 0;
}

uint64_t shared_group_delete(struct shared_group *g, uint8_t kind, uint64_t key, ns now)
{
    g->now = now;
    return membership_commits(&g->membership) ? g->ops->send_delete(g->context, kind, key) : 0;
}
