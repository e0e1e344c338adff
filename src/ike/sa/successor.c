/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines after a takeover. The peer counts as heard, and every pair as used, at the takeover: what our
 * predecessor saw last is not known here. What is at its end just ends; the peer has its own lifetime. */
#include "ike/sa/successor.h"

#include "ike/exchange/message.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/v1/dpd.h"

static ns part(struct ike *ike, ns most)
{
    return most / 1000 * rng_below(&ike->rng, 1000);
}

/* Some time from now, and before `end` with room to spare: what ends first comes first. */
static ns spread(struct ike *ike, ns end)
{
    ns left = ns_since(end, ike->now);
    return ike->now + ns_min(IKE_TAKEOVER_QUIET, left / 4) + part(ike, ns_min(IKE_TAKEOVER_SPREAD, left / 2));
}

/* It moved, and our predecessor had no time to say so of each of its pairs. */
static void follow(struct ike *ike, struct ike_sa *sa)
{
    list_for_each(&sa->pairs, l)
    {
        struct ike_pair *p = list_entry(l, struct ike_pair, on_sa);
        if (sa->nat_remote && p->udp && !endpoint_equal(&p->remote, &sa->remote))
            pair_moved(ike, p);
    }
}

/* ---- answers that may not have left ---- */

static bool lately(const struct ike *ike, ns t)
{
    return ns_since(ike->now, t) < IKE_TAKEOVER_ANSWERED_LATELY;
}

/* Whoever goes on to quick mode has the last message of phase 1. */
static bool phase1_answer_open(const struct ike *ike, const struct ike_sa *sa)
{
    return sa->answer && lately(ike, sa->established) && list_empty(&sa->exchanges) && list_empty(&sa->pairs);
}

static bool quick_answer_open(const struct ike *ike, const struct exchange *x)
{
    const struct ike_pair *p = x->slot < ike->limits.pair_max ? ike->pairs[x->slot] : NULL;
    return x->state == EXCHANGE_R_SENT && x->sent && lately(ike, x->began) && !(p && p->confirmed);
}

void successor_note(struct ike *ike, const struct ike_sa *sa)
{
    bool open = phase1_answer_open(ike, sa);
    list_for_each(&sa->exchanges, l) open =
        open || quick_answer_open(ike, list_entry(l, struct exchange, on_sa));
    if (open)
        ike->answered_lately[ike->answered_count++ % IKE_ANSWERED_LATELY_MAX] = sa->id;
}

void successor_begin(struct ike *ike, uint8_t group)
{
    for (unsigned i = 0; i < MIN(ike->answered_count, (uint32_t)IKE_ANSWERED_LATELY_MAX); i++) {
        struct ike_sa *sa = sa_find_id(ike, ike->answered_lately[i]);
        if (!sa || !sa_alive(sa) || sa->timer.group != group)
            continue;
        sa->resume = true;
        sa_timer(ike, sa);
    }
}

void successor_answers(struct ike *ike, struct ike_sa *sa)
{
    sa->resume = false;
    if (phase1_answer_open(ike, sa))
        message_send(ike, sa, message_bytes(sa->answer));
    list_for_each(&sa->exchanges, l)
    {
        const struct exchange *x = list_entry(l, struct exchange, on_sa);
        if (quick_answer_open(ike, x))
            message_send(ike, sa, message_bytes(x->sent));
    }
}

/* ---- deadlines ---- */

void successor_sa(struct ike *ike, struct ike_sa *sa)
{
    const struct group_role *role = &ike->roles[sa->timer.group];
    if (sa->era == role->era)
        return;
    sa->era = role->era;
    if (sa->expires <= ike->now) {
        sa_doom(ike, sa, SA_DOOMED, false);
        return;
    }
    sa->last_in = MAX(sa->last_in, role->since);
    sa->dpd_sequence_out += IKE_TAKEOVER_DPD_JUMP;
    ns interval = dpd_interval(ike);
    dpd_start(ike, sa);
    if (sa->dpd_at != NS_NEVER)
        sa->dpd_at = MAX(sa->last_in, role->since) + interval + part(ike, interval);
    /* Those that are not overdue keep their time: a mapping does not wait. */
    if (sa->keepalive_at <= role->since)
        sa->keepalive_at = ike->now + part(ike, ike->config->nat_keepalive_seconds * NS_PER_S / 2);
    if (sa->reauth_at <= ike->now)
        sa->reauth_at = spread(ike, sa->expires);
    if (sa->delete_at <= ike->now)
        sa->delete_at = spread(ike, sa->expires);
    follow(ike, sa);
}

void successor_pair(struct ike *ike, struct ike_pair *p)
{
    const struct group_role *role = &ike->roles[p->timer.group];
    if (p->era == role->era)
        return;
    p->era = role->era;
    if (p->expires <= ike->now) {
        p->doom = PAIR_DOOMED;
        return;
    }
    if (p->delete_at <= ike->now)
        p->delete_at = spread(ike, p->expires);
    if (p->rekey_at <= ike->now)
        p->rekey_at = spread(ike, p->expires);
    p->rekeying = wish_find(ike, p->connection, &p->selector) != NULL;
    uint32_t idle = p->connection->config ? p->connection->config->idle_seconds : 0;
    if (idle && p->idle_at <= ike->now)
        p->idle_at = role->since + idle * NS_PER_S;
}
