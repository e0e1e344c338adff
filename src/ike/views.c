/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the machine: `show crypto isakmp sa` and its kin. Nothing here changes anything. */
#include "ike/machine.h"

#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"

#include <stdio.h>

const char *ike_state_name(enum ike_state s)
{
    static const char *const names[] = {"MM_NO_STATE", "MM_SA_SETUP",  "MM_KEY_EXCH", "MM_KEY_AUTH",
                                        "AG_NO_STATE", "AG_INIT_EXCH", "AG_AUTH",     "QM_IDLE"};
    return s < ARRAY_SIZE(names) ? names[s] : "?";
}

static enum ike_state state_of(const struct ike_sa *sa)
{
    if (sa->doom)
        return sa->aggressive ? IKE_AG_NO_STATE : IKE_MM_NO_STATE;
    switch (sa->state) {
    case PHASE1_MM_I_SA_SENT:
        return IKE_MM_NO_STATE;
    case PHASE1_MM_I_KEYPAIR:
    case PHASE1_MM_I_KE_SENT:
    case PHASE1_MM_R_SA_SENT:
    case PHASE1_MM_R_SHARED:
        return IKE_MM_SA_SETUP;
    case PHASE1_MM_I_SHARED:
    case PHASE1_MM_I_AUTH_SENT:
    case PHASE1_MM_R_KE_SENT:
        return IKE_MM_KEY_EXCH;
    case PHASE1_AM_I_KEYPAIR:
        return IKE_AG_NO_STATE;
    case PHASE1_AM_I_SENT:
    case PHASE1_AM_R_SHARED:
        return IKE_AG_INIT_EXCH;
    case PHASE1_AM_I_SHARED:
    case PHASE1_AM_R_SENT:
        return IKE_AG_AUTH;
    default:
        return IKE_QM_IDLE;
    }
}

void ike_each_sa(const struct ike *ike, void (*visit)(void *context, const struct ike_sa_view *),
                 void *context)
{
    list_for_each(&ike->sas, l)
    {
        const struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        struct ike_sa_view v = {.id = sa->id,
                                .number = sa->number,
                                .state = state_of(sa),
                                .initiator = sa->initiator,
                                .deleted = sa->doom != SA_STAYS,
                                .nat_local = sa->nat_local,
                                .nat_remote = sa->nat_remote,
                                .dpd = sa->dpd,
                                .fragmentation = sa->fragmentation,
                                .local = sa->local,
                                .remote = sa->remote,
                                .connection = UINT32_MAX,
                                .policy = sa->policy,
                                .dpd_sent = sa->dpd_sent,
                                .dpd_missed = sa->dpd_missed,
                                .group = sa->timer.group,
                                .standby = group_standby(ike, sa->timer.group)};
        memcpy(v.cookie_initiator, sa->cookie_i, 8);
        memcpy(v.cookie_responder, sa->cookie_r, 8);
        struct peer_link *link = peer_link_find(ike, &sa->local.address, &sa->remote.address, NULL);
        if (link)
            v.connection = link->connection->id;
        if (sa_established(sa)) {
            v.established = sa->established;
            v.expires = sa->expires;
        }
        list_for_each(&sa->pairs, p) v.pairs++;
        if (sa->identity)
            sa_identity_print(sa, v.remote_identity);
        visit(context, &v);
    }
}

static struct ike_pair_view view_of(const struct ike_pair *p)
{
    return (struct ike_pair_view){.slot = p->slot,
                                  .spi_in = p->spi_in,
                                  .spi_out = p->spi_out,
                                  .number = p->number,
                                  .connection = p->connection->id,
                                  .peer_number = p->sa ? p->sa->number : 0,
                                  .protocol = p->protocol,
                                  .initiator = p->initiator,
                                  .superseded = p->superseded,
                                  .confirmed = p->confirmed,
                                  .pfs_group = p->pfs_group,
                                  .group = p->timer.group,
                                  .remote = p->remote,
                                  .created = p->created,
                                  .expires = p->expires,
                                  .lifetime_seconds = p->lifetime_seconds,
                                  .lifetime_kilobytes = p->lifetime_kilobytes};
}

void ike_each_pair(const struct ike *ike, void (*visit)(void *context, const struct ike_pair_view *),
                   void *context)
{
    for (uint32_t slot = 0; slot < ike->slots.mark; slot++) {
        const struct ike_pair *p = ike->pairs[slot];
        if (!p || p->loose)
            continue;
        struct ike_pair_view v = view_of(p);
        visit(context, &v);
    }
}

/* Half of a bundle whose other half is not there counts: the packet path may have it. */
bool ike_pair_look(const struct ike *ike, uint32_t slot, uint32_t spi_in, struct ike_pair_view *ret)
{
    const struct ike_pair *p = slot < ike->limits.pair_max ? ike->pairs[slot] : NULL;
    if (!p || p->spi_in != spi_in)
        return false;
    *ret = view_of(p);
    return true;
}

bool ike_connection_look(const struct ike *ike, uint32_t id, struct ike_connection_view *ret)
{
    const struct connection *c = connection_find(ike, id);
    if (!c)
        return false;
    *ret = (struct ike_connection_view){
        .id = id, .negotiating = c->wishes > 0, .attempts = c->attempts, .failures = c->failures};
    if (c->worked)
        ret->current_peer = c->last_peer;
    if (c->last_error)
        snprintf(ret->last_error, sizeof(ret->last_error), "%s", c->last_error);
    return true;
}

void ike_statistics(const struct ike *ike, struct ike_statistics *ret)
{
    *ret = ike->statistics;
    ret->sas = ike->sa_pool.taken;
    ret->half_open = ike->half_open;
    ret->pairs = ike->pair_pool.taken;
}
