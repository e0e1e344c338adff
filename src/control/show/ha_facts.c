/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the facts of ha.h from the running groups and their session. */
#include <errno.h>
#include <stdlib.h>

#include "control/redundancy/redundancy.h"
#include "control/show/ha.h"
#include "control/ssp/internal.h"

struct count {
    uint8_t group;
    uint64_t sas, pairs;
};

static void sa_count(void *context, const struct ike_sa_view *v)
{
    struct count *n = context;

    n->sas += v->group == n->group && v->established && !v->deleted;
}

static void pair_count(void *context, const struct ike_pair_view *v)
{
    struct count *n = context;

    n->pairs += v->group == n->group;
}

static void standby_fill(const struct control *c, const struct ssp_group *g, struct ha_group *ret)
{
    for (unsigned i = 0; i < g->name_count && i < HA_NAMES_MAX; i++) {
        const struct config_interface *where = NULL;
        const struct config_standby *s = config_find_standby_name(c->config, g->names[i], &where);
        ret->standby[ret->standby_count++] =
            (struct ha_standby){.name = g->names[i],
                                .interface = s ? where->name : NULL,
                                .number = s ? s->group : 0,
                                .state = redundancy_state(c, g->names[i]),
                                .address = s ? s->address : (struct address){0}};
    }
    if (ret->standby_count)
        ret->virtual_address = ret->standby[0].address;
}

static void group_fill(struct control *c, const struct ssp_group *g, uint32_t peer, struct ha_group *ret)
{
    const struct membership *m = &g->shared.membership;
    struct count n = {.group = g->index};

    ike_each_sa(c->ike, sa_count, &n);
    ike_each_pair(c->ike, pair_count, &n);
    *ret = (struct ha_group){
        .number = g->number,
        .role = m->state,
        .member = g->member,
        .since = m->last_change,
        .epoch = m->state == SESSION_OWNER ? m->own_epoch : m->epoch,
        .in_step = m->in_step,
        .switching = m->switching != SWITCH_NONE,
        .peer = peer,
        .peer_known = m->peer_known,
        .peer_role = m->peer.role,
        .peer_in_step = m->peer.in_step,
        .peer_epoch = m->peer.epoch,
        .isakmp_sas = n.sas,
        .pairs = n.pairs,
        .records = n.sas + 2 * n.pairs,
        .snapshots_sent = g->shared.snapshots_sent,
        .snapshots_taken = g->shared.snapshots_taken,
        .snapshot_ms = (g->shared.snapshot_took + NS_PER_MS - 1) / NS_PER_MS,
        .leases_asked = g->shared.leases_asked,
        .leases_granted = g->shared.leases_granted,
        .lease_rekeys = g->shared.lease_rekeys,
        .takeovers = m->takeovers,
        .switchovers = m->switchovers,
        .merges = m->merges,
        .last_takeover = g->takeover_at,
        .last_takeover_took = g->takeover_took,
        .last_reason = g->history_count ? g->history[(g->history_count - 1) % SSP_HISTORY].reason : NULL,
    };
    standby_fill(c, g, ret);
}

static void peer_fill(struct control *c, const struct ssp_group *g, struct ha_peer *ret)
{
    const struct config_ssp *s = config_find_ssp(c->config, g->number);
    struct session_statistics n;
    struct ssp_link_status status;

    *ret = (struct ha_peer){
        .remote = g->remote, .local = g->local, .state = "Not configured", .protection = "none"};
    if (!g->link || !s)
        return;
    const struct session *session = ssp_link_session(g->link);
    ssp_link_status(g->link, &status);
    session_statistics(session, &n);
    ret->port = s->port;
    ret->local_port = s->local_port;
    ret->state = status.up ? "Connected" : status.connecting ? "Connecting" : "Waiting";
    ret->connected = status.up;
    ret->since = g->peer_since;
    ret->frame_version = status.up ? SESSION_FRAME_VERSION : 0;
    ret->record_version = session_record_version(session);
    ret->frames_out = n.frames_out;
    ret->frames_in = n.frames_in;
    ret->bytes_out = n.bytes_out;
    ret->bytes_in = n.bytes_in;
    ret->connections = n.connections;
    ret->last_lost = g->last_lost;
    ret->protection =
        s->authentication == CONFIG_SSP_CERTIFICATE ? "TLS 1.3, certificates" : "TLS 1.3, pre-shared key";
    for (uint32_t i = 0; i < c->config->interfaces.count; i++) {
        const struct config_interface *f = &c->config->interfaces.items[i];
        const struct config_interface_address *a = config_interface_primary(f, g->local.family);
        if (a && address_equal(&a->prefix.address, &g->local))
            ret->interface = f->name;
    }
}

static void behind_fill(const struct ssp_group *g, struct ha_group *ret)
{
    struct session_statistics n;

    if (!g->link)
        return;
    const struct session *session = ssp_link_session(g->link);
    ns since = session_unacked_since(session);
    session_statistics(session, &n);
    ret->behind = n.unacked_frames;
    if (since != NS_NEVER)
        ret->lag_ms = ns_since(clock_now(), since) / NS_PER_MS;
}

static void events_fill(const struct ssp_group *g, struct ha_facts *ret)
{
    unsigned first = g->history_count > SSP_HISTORY ? g->history_count - SSP_HISTORY : 0;

    for (unsigned i = first; i < g->history_count; i++) {
        const struct ssp_change *h = &g->history[i % SSP_HISTORY];
        ret->events[ret->event_count++] = (struct ha_event){
            .at = h->at,
            .group = g->number,
            .from = i > first ? g->history[(i - 1) % SSP_HISTORY].state : SESSION_EMPTY,
            .to = h->state,
            .planned = h->planned,
            .epoch = h->epoch,
            .reason = h->reason,
        };
    }
}

int ha_collect(struct control *c, struct ha_facts *ret)
{
    *ret = (struct ha_facts){0};
    if (!c->ssp)
        return -ENOENT;
    ret->groups = calloc(SAD_GROUPS_MAX, sizeof *ret->groups);
    ret->peers = calloc(SAD_GROUPS_MAX, sizeof *ret->peers);
    ret->events = calloc(SAD_GROUPS_MAX * SSP_HISTORY, sizeof *ret->events);
    if (!ret->groups || !ret->peers || !ret->events) {
        ha_facts_done(ret);
        return -ENOMEM;
    }
    for (uint8_t i = 1; i < SAD_GROUPS_MAX; i++) {
        const struct ssp_group *g = c->ssp->groups[i];
        if (!g)
            continue;
        group_fill(c, g, ret->peer_count, &ret->groups[ret->group_count]);
        behind_fill(g, &ret->groups[ret->group_count++]);
        peer_fill(c, g, &ret->peers[ret->peer_count++]);
        events_fill(g, ret);
    }
    if (ret->group_count == 0) {
        ha_facts_done(ret);
        return -ENOENT;
    }
    return 0;
}

void ha_facts_done(struct ha_facts *f)
{
    free(f->groups);
    free(f->peers);
    free(f->events);
    *f = (struct ha_facts){0};
}
