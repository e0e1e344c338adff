/* SPDX-License-Identifier: Apache-2.0 */
/* Dead peer detection, RFC 3706 §5. A probe is due `dpd_seconds` after the last sign of life: always
 * (periodic), or only if something was sent since (on demand). Unanswered, it is repeated every
 * `dpd_retry_seconds` with the same number; after `dpd_misses` probes the peer is dead and all its SAs go.
 * Any authentic message, and any packet on a pair, is a sign of life: the packet path is asked before every
 * probe. The number of a probe is replicated before it is sent, so a successor goes on counting. */
#include "ike/v1/dpd.h"

#include "base/be.h"
#include "ike/exchange/message.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/v1/informational.h"
#include "ike/v1/phase1.h"

#include <stdio.h>

enum { DPD_QUERY_SLOTS_MAX = 64 };

static ns seconds_or(uint32_t seconds, uint32_t otherwise)
{
    return (ns)(seconds ? seconds : otherwise) * NS_PER_S;
}

ns dpd_interval(const struct ike *ike)
{
    return seconds_or(ike->config->dpd_seconds, 10);
}

/* One that was superseded is probed as well until it is on its way out: where both sides began at once each
 * may hold the other's for the newer, and what only one side still has must end somehow. */
static bool probes(const struct ike *ike, const struct ike_sa *sa)
{
    return sa->dpd && ike->config->dpd_mode != IKE_DPD_OFF && sa->delete_at == NS_NEVER;
}

/* The next time to ask. On demand a quarter of the interval, so that what is sent late is noticed early. */
static ns next_ask(const struct ike *ike, const struct ike_sa *sa, ns last_in)
{
    if (!probes(ike, sa))
        return NS_NEVER;
    ns interval = dpd_interval(ike);
    ns at = last_in + interval;
    if (at <= ike->now)
        at = ike->now + (ike->config->dpd_mode == IKE_DPD_PERIODIC ? interval : interval / 4);
    return at;
}

void dpd_start(struct ike *ike, struct ike_sa *sa)
{
    sa->dpd_probing = false;
    sa->dpd_at = next_ask(ike, sa, ike->now);
}

void dpd_timer(struct ike *ike, struct ike_sa *sa)
{
    uint32_t slots[DPD_QUERY_SLOTS_MAX], count = 0;
    if (!probes(ike, sa)) {
        sa->dpd_at = NS_NEVER;
        return;
    }
    for (struct list *l = sa->pairs.prev; l != &sa->pairs && count < DPD_QUERY_SLOTS_MAX; l = l->prev)
        slots[count++] = list_entry(l, struct ike_pair, on_sa)->slot;
    sa->dpd_at = ike->now + NS_PER_S; /* should the answer be lost */
    sa->dpd_asked = true;
    action_query(ike, sa->id, slots, count);
}

static void probe(struct ike *ike, struct ike_sa *sa)
{
    be32 sequence = be32_of(sa->dpd_sequence_out);
    sa->dpd_tries++;
    sa->dpd_sent++;
    sa->dpd_at = ike->now + seconds_or(ike->config->dpd_retry_seconds, 2);
    informational_notify(ike, sa, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE, bytes_of(sa->cookie_i, 16),
                         bytes_of(&sequence, 4));
}

static void dead(struct ike *ike, struct ike_sa *sa)
{
    char peer[ENDPOINT_TEXT], text[96];
    endpoint_print(&sa->remote, peer);
    ike->statistics.dpd_dead++;
    ike_log(ike, 4, "IKMP_PEER_DEAD", "peer %s does not answer: %u probes unanswered, its SAs are deleted",
            peer, sa->dpd_tries);
    snprintf(text, sizeof(text), "peer %s: dead", peer);
    list_for_each(&sa->pairs, l)
    {
        struct ike_pair *p = list_entry(l, struct ike_pair, on_sa);
        struct connection *c = p->connection;
        uint32_t index;
        if (!connection_has_peer(c, &sa->remote.address, &index))
            continue;
        connection_error(c, text);
        if (c->config->dynamic)
            continue;
        c->preferred = (index + 1) % c->config->peer_count;
        c->worked = false;
        p->renew = ike->config->dpd_mode == IKE_DPD_PERIODIC && !p->superseded;
    }
    sa->dpd_at = NS_NEVER;
    sa_doom(ike, sa, SA_DOOMED_WITH_PAIRS, false);
}

void dpd_traffic(struct ike *ike, struct ike_sa *sa, ns last_in, ns last_out)
{
    if (!sa_alive(sa) || !sa->dpd_asked)
        return;
    sa->dpd_asked = false;
    ns heard = MAX(last_in, sa->last_in);
    if (sa->dpd_probing && heard > sa->dpd_began)
        sa->dpd_probing = false;
    uint32_t misses = ike->config->dpd_misses ? ike->config->dpd_misses : IKE_DPD_MISSES_DEFAULT;
    ns interval = dpd_interval(ike);
    bool due = ns_since(ike->now, heard) >= interval;
    if (sa->dpd_probing && probes(ike, sa)) {
        sa->dpd_missed++;
        if (sa->dpd_tries >= misses)
            dead(ike, sa);
        else
            probe(ike, sa);
    } else if (probes(ike, sa) && due && (ike->config->dpd_mode == IKE_DPD_PERIODIC || last_out > heard)) {
        sa->dpd_probing = true;
        sa->dpd_began = ike->now;
        sa->dpd_tries = 0;
        sa->dpd_sequence_out++;
        record_sa(ike, sa);
        probe(ike, sa);
    } else {
        sa->dpd_at = next_ask(ike, sa, heard);
    }
    sa_timer(ike, sa);
}

/* Only periodic probing promises to notice a dead peer whether or not anything is sent. */
void dpd_take_up(struct ike *ike, const struct address *local, const struct address *remote)
{
    const char *cause = NULL;
    struct peer_link *link = peer_link_find(ike, local, remote, NULL);
    if (!link || link->connection->config->dynamic || ike->config->dpd_mode != IKE_DPD_PERIODIC ||
        sa_find_path(ike, local, remote) || sa_find_path_initiating(ike, local, remote))
        return;
    if (!phase1_initiate(ike, link->connection->config, link->peer, 0, &cause))
        ike_debugf(ike, "no new IKE SA for probing: %s", cause);
}

void dpd_heard(struct ike *ike, struct ike_sa *sa)
{
    sa->last_in = ike->now;
    if (!sa->dpd_probing)
        return;
    sa->dpd_probing = false;
    sa->dpd_at = next_ask(ike, sa, ike->now);
    sa_timer(ike, sa);
}

/* The SPI should be the cookies; old implementations sent other things, so it is not looked at: the message
 * is authentic under this SA. */
void dpd_notify(struct ike *ike, struct ike_sa *sa, const struct isakmp_notify *n)
{
    if (n->data.len != 4)
        return;
    uint32_t sequence = be32_load(n->data.data);
    if (n->type == ISAKMP_NOTIFY_R_U_THERE) {
        sa->dpd_sequence_in = sequence;
        informational_notify(ike, sa, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE_ACK,
                             bytes_of(sa->cookie_i, 16), n->data);
    } else if (sequence != sa->dpd_sequence_out) {
        ike_debugf(ike, "(%u): R-U-THERE-ACK for %08x, not for what was asked", sa->number, sequence);
    }
}
