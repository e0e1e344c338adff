/* SPDX-License-Identifier: Apache-2.0 */
/* What timers, redundancy, the link, the IKE machine and the engine tell the shared groups. See ssp.h; groups
 * come and go in config.c, the group's hands are ops.c. */
#include "control/ssp/ssp.h"

#include <errno.h>
#include <stdlib.h>

#include "control/redundancy/redundancy.h"
#include "control/ssp/internal.h"

enum { STOP_POLL_MS = 5, DRAIN_POLL_MS = 1, DRAIN_ROUNDS = 2 };

static const ns DRAIN_QUIET = 3 * NS_PER_MS, BYE_PATIENCE = 200 * NS_PER_MS,
                HAND_OVER_PATIENCE = 2 * NS_PER_S;
/* Before the other member had time to show itself nobody takes a role away from whoever has it. */
static const ns MEET_TIME = 5 * NS_PER_S;
static const ns PREEMPT_PAUSE = 5 * NS_PER_S;

struct ssp_group *ssp_group_at(const struct control *c, uint8_t index)
{
    return c->ssp && index < SAD_GROUPS_MAX ? c->ssp->groups[index] : NULL;
}

static struct ssp_group *group_named(const struct control *c, const char *name)
{
    ssp_each_group(c, g)
        for (unsigned i = 0; i < g->name_count; i++)
            if (strcmp(g->names[i], name) == 0)
                return g;
    return NULL;
}

static void link_action(struct ssp_group *g, const struct session_action *a);

/* ---- timers ---- */

/* A packet that waits for a higher ceiling is ours to deliver. What a pair has from an earlier epoch, and no
 * packet came since, waits no more. */
static bool packets_wait(const struct ssp_group *g)
{
    const struct sad *sad = g->control->sad;
    uint32_t used = atomic_load(&sad->slots_used);
    uint32_t epoch = sad_group_epoch(atomic_load(&sad->groups[g->index].word));

    for (uint32_t slot = sad_next_slot(sad, 0, used); slot < used;
         slot = sad_next_slot(sad, slot + 1, used)) {
        const struct sad_pair *p = &sad->pairs[slot];
        if (p->group == g->index && atomic_load(&p->state) != PAIR_FREE && atomic_load(&p->epoch) == epoch &&
            atomic_load(&p->in_wanted) > p->replay.top)
            return true;
    }
    return false;
}

static void drain_ask(struct ssp_group *g)
{
    struct channel_message m = {.type = CHANNEL_HEARTBEAT};

    g->drain_epoch = (atomic_load(&g->control->sad->engines[0].epoch) | 1) + 1;
    control_channel_send(g->control, &m);
}

void ssp_drain_begin(struct ssp_group *g, ns now)
{
    g->draining = true;
    g->drain_bursts = g->control->sad->engines[0].bursts;
    g->drain_since = now;
    g->drain_rounds = 0;
    drain_ask(g);
}

/* That no burst came says nothing about an engine that had no turn. It has seen that its queues are empty
 * when it answered twice: whatever was there at the first answer was read before the second. */
static void drain_look(struct ssp_group *g, ns now)
{
    if (g->control->sad->engines[0].bursts != g->drain_bursts) {
        ssp_drain_begin(g, now);
        return;
    }
    if (atomic_load(&g->control->sad->engines[0].epoch) >= g->drain_epoch) {
        g->drain_rounds++;
        drain_ask(g);
    }
    if (g->drain_rounds < DRAIN_ROUNDS || ns_since(now, g->drain_since) < DRAIN_QUIET || packets_wait(g))
        return;
    g->draining = false;
    shared_group_drained(&g->shared, now);
}

/* A standby in step takes the role in a planned switchover where the configuration wants that. */
static void preempt_look(struct ssp_group *g, ns now)
{
    const struct membership *m = &g->shared.membership;

    if (m->state != SESSION_STANDBY || !m->in_step || m->switching || now < g->preempt_not_before ||
        !redundancy_would_preempt(g->control, g->names[0]))
        return;
    g->preempt_not_before = now + PREEMPT_PAUSE;
    log_line(g->control->log, "HA", 5, "PREEMPT", "group %s: the other member is asked for the role",
             g->names[0]);
    shared_group_switchover(&g->shared, now);
}

static void relink(struct ssp_group *g)
{
    const struct session_action lost = {.kind = SESSION_PEER_LOST, .lost = {.reason = SESSION_LOST_CLOSED}};
    const struct config_ssp *s = config_find_ssp(g->control->config, g->number);

    g->relink = false;
    if (!g->link || !s)
        return;
    ssp_link_free(g->link);
    g->link = NULL;
    link_action(g, &lost);
    (void)!ssp_link_make(g, g->control->config, s);
}

static void timer_due(uv_timer_t *timer)
{
    struct ssp_group *g = timer->data;
    ns now = clock_now();

    if (g->relink)
        relink(g);

    if (g->draining)
        drain_look(g, now);
    if (now >= shared_group_deadline(&g->shared))
        shared_group_tick(&g->shared, now);
    preempt_look(g, now);
    ssp_group_schedule(g);
}

void ssp_group_schedule(struct ssp_group *g)
{
    ns now = clock_now(), at = ns_min(shared_group_deadline(&g->shared), now + 250 * NS_PER_MS);

    if (g->relink)
        at = now;
    if (g->draining)
        at = ns_min(at, now + DRAIN_POLL_MS * NS_PER_MS);
    uv_update_time(&g->control->loop);
    uv_timer_start(g->timer, timer_due, (ns_since(at, now) + NS_PER_MS - 1) / NS_PER_MS, 0);
}

/* ---- the link ---- */

static void link_action(struct ssp_group *g, const struct session_action *a)
{
    bool was = g->peer_up;

    if (a->kind == SESSION_PEER_UP)
        g->peer_up = g->peer_seen = true;
    else if (a->kind == SESSION_PEER_LOST || a->kind == SESSION_BYE)
        g->peer_up = false;
    if (a->kind == SESSION_PEER_UP)
        g->peer_since = clock_now();
    else if (a->kind == SESSION_PEER_LOST)
        g->last_lost = session_lost_name(a->lost.reason);
    if (was != g->peer_up)
        redundancy_preemption_changed(g->control);
    if (a->kind == SESSION_PEER_UP)
        log_line(g->control->log, "HA", 5, "PEER_UP", "group %s: the other member is there", g->names[0]);
    else if (a->kind == SESSION_PEER_LOST && was)
        log_line(g->control->log, "HA", 4, "PEER_LOST", "group %s: the other member is gone: %s", g->names[0],
                 session_lost_name(a->lost.reason));
    g->reason = a->kind == SESSION_SNAPSHOT_END ? "the owner's snapshot is complete"
                : a->kind == SESSION_NOTICE     ? "planned switchover"
                : a->kind == SESSION_ROLE       ? "the other member's role"
                : g->peer_up                    ? "the other member is there"
                                                : "the other member is gone";
    g->switched = a->kind == SESSION_NOTICE;
    shared_group_session(&g->shared, a, clock_now());
}

void ssp_link_actions(void *context, const struct session_actions *a)
{
    struct ssp_group *g = context;

    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].kind != SESSION_SEND && a->items[i].kind != SESSION_LOG)
            link_action(g, &a->items[i]);
    ssp_group_schedule(g);
}

void ssp_link_log(void *context, uint8_t severity, const char *mnemonic, const char *text)
{
    struct ssp_group *g = context;

    log_line(g->control->log, "SSP", severity, mnemonic, "%s", text);
}

/* ---- redundancy ---- */

void ssp_redundancy_changed(struct control *c)
{
    if (!c->restored)
        return; /* what a predecessor did goes on */
    ssp_each_group(c, g) {
        if (g->bye)
            continue; /* the owner was told that we shall not take it */
        bool ours = redundancy_is_active(c, g->names[0]);
        g->reason = ours ? "its HSRP group became Active" : "its HSRP group is not Active";
        shared_group_verdict(&g->shared, ours, clock_now());
        ssp_group_schedule(g);
    }
}

bool ssp_preempts(const struct control *c, const char *standby_name)
{
    const struct ssp_group *g = group_named(c, standby_name);

    if (!g || !g->link)
        return true;
    return !g->peer_up && (g->peer_seen || ns_since(clock_now(), g->born) > MEET_TIME);
}

bool ssp_keeps_addresses(const struct control *c, const char *standby_name)
{
    const struct ssp_group *g = group_named(c, standby_name);

    return g && g->yielding;
}

/* ---- IKE and the engine ---- */

static void must_wait_for(struct control *c, uint8_t group, uint64_t number)
{
    if (!number)
        return;
    c->commit.need = number;
    c->commit.need_group = group;
}

void ssp_record(struct control *c, uint8_t group, uint8_t kind, uint64_t key, struct bytes data)
{
    struct ssp_group *g = ssp_group_at(c, group);

    if (g)
        must_wait_for(c, group, shared_group_put(&g->shared, kind, key, data, clock_now()));
}

void ssp_record_deleted(struct control *c, uint8_t group, uint8_t kind, uint64_t key)
{
    struct ssp_group *g = ssp_group_at(c, group);

    if (g)
        (void)shared_group_delete(&g->shared, kind, key, clock_now());
}

void ssp_pair_new(struct control *c, uint8_t group, const struct ike_pair_install *p,
                  struct session_lease *ret_ceilings)
{
    struct ssp_group *g = ssp_group_at(c, group);
    uint8_t data[IKE_INSTALL_MAX];
    size_t len = g ? pair_install_write(p, data, sizeof data) : 0;

    if (len == 0)
        return;
    if (record_store_put(c->records, CONTROL_RECORD_PAIR_SA, p->slot, bytes_of(data, len)) != 0)
        log_line(c->log, "HOLDFAST", 2, "RECORD",
                 "a pair of SAs could not be kept: the standby will lack it");
    must_wait_for(c, group,
                  shared_group_pair_new(&g->shared, p->slot, p->spi_in, bytes_of(data, len), ret_ceilings,
                                        clock_now()));
    wipe(data, sizeof data);
}

void ssp_pair_gone(struct control *c, uint8_t group, uint32_t slot)
{
    struct ssp_group *g = ssp_group_at(c, group);

    record_store_delete(c->records, CONTROL_RECORD_PAIR_SA, slot);
    if (g)
        shared_group_pair_gone(&g->shared, slot, clock_now());
}

bool ssp_waits(const struct control *c, uint8_t group, uint64_t number)
{
    const struct ssp_group *g = ssp_group_at(c, group);

    return g && shared_group_waits(&g->shared, number);
}

void ssp_give_up(struct control *c, const char *why)
{
    ssp_each_group(c, g) {
        log_line(c->log, "HA", 2, "GIVE_UP", "group %s: the other member is given up: %s", g->names[0], why);
        g->relink = true; /* not from within a callback of the link */
        ssp_group_schedule(g);
    }
}

void ssp_lease_due(struct control *c, uint32_t slot, uint32_t spi_in)
{
    const struct sad_pair *p = slot < c->sad->slots ? &c->sad->pairs[slot] : NULL;
    struct ssp_group *g = p && p->spi_in == spi_in ? ssp_group_at(c, p->group) : NULL;

    if (!g)
        return;
    shared_group_lease_due(&g->shared, slot, clock_now());
    ssp_group_schedule(g);
}

bool ssp_active(const struct control *c, uint8_t group)
{
    return group == 0 || sad_group_active(atomic_load(&c->sad->groups[group].word));
}

/* ---- leaving ---- */

int ssp_switchover(struct control *c)
{
    int result = -ENOENT;

    ssp_each_group(c, g) {
        const struct membership *m = &g->shared.membership;
        if (m->state != SESSION_OWNER && m->state != SESSION_STANDBY)
            continue;
        result = m->in_step && m->peer_up ? 0 : -EAGAIN;
        if (result == 0)
            shared_group_switchover(&g->shared, clock_now());
    }
    return result;
}

/* The link begins anew, and with it the snapshot. */
int ssp_forget_standby(struct control *c)
{
    int result = -ENOENT;

    ssp_each_group(c, g) {
        bool standby = g->shared.membership.state == SESSION_STANDBY && g->link;
        result = standby ? 0 : result == -ENOENT ? -EAGAIN : result;
        g->relink = g->relink || standby;
        ssp_group_schedule(g);
    }
    return result;
}

/* An owner that stops hands its role over as soon as the other member can take it. One that has the role
 * since a moment only, perhaps by a switchover that was under way, waits until it has given that one a
 * snapshot. */
static bool hands_over(struct ssp_group *g, ns now)
{
    const struct membership *m = &g->shared.membership;

    if (m->state != SESSION_OWNER || !g->peer_up || m->epoch == g->leave_epoch || now >= g->leave_until)
        return false;
    if (m->in_step) {
        g->leave_epoch = m->epoch;
        shared_group_switchover(&g->shared, now);
    }
    return true;
}

/* Nobody says farewell in the middle of a switchover: the owner may have given the role away already. */
static bool still_leaving(struct control *c, ns now)
{
    bool waits = false;

    ssp_each_group(c, g)
        waits = hands_over(g, now) || g->shared.membership.switching || waits;
    return waits;
}

static void stop_look(uv_timer_t *timer)
{
    struct control *c = timer->data;
    ns now = clock_now();

    if (still_leaving(c, now))
        return;
    bool waits = false;
    ssp_each_group(c, g) {
        if (!g->link || g->shared.membership.state == SESSION_OWNER)
            continue;
        if (!g->bye) {
            g->bye = ssp_link_bye(g->link);
            g->bye_until = now + BYE_PATIENCE;
            ssp_link_flush(g->link);
        }
        waits = waits || (g->bye && session_acked(ssp_link_session(g->link)) < g->bye && now < g->bye_until);
    }
    if (waits)
        return;
    uv_timer_stop(timer);
    c->ssp->stopped(c);
}

void ssp_stop(struct control *c, void (*done)(struct control *c))
{
    bool any = false;

    ssp_each_group(c, g) {
        any = true;
        g->leave_epoch = 0;
        g->leave_until = clock_now() + HAND_OVER_PATIENCE;
    }
    if (!any) {
        done(c);
        return;
    }
    c->ssp->stopped = done;
    uv_timer_init(&c->loop, &c->ssp->stop_timer);
    c->ssp->stop_timer.data = c;
    uv_timer_start(&c->ssp->stop_timer, stop_look, 0, STOP_POLL_MS);
}
