/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an IKE SA: made, timed, moved, doomed, freed. */
#include "ike/sa/ike_sa.h"

#include "ike/exchange/exchange.h"
#include "ike/half_open_record.h"
#include "ike/intake/fragments.h"
#include "ike/sa/connection.h"
#include "ike/sa/pair.h"
#include "ike/v1/dpd.h"

#include <stdlib.h>

static void cookie_make(struct ike *ike, uint8_t cookie[8])
{
    do {
        rng_fill(&ike->rng, cookie, 8);
    } while (cookie[0] == 0); /* never looks like a non-ESP marker */
}

static struct ike_sa *sa_take(struct ike *ike, bool initiator, const struct endpoint *local,
                              const struct endpoint *remote)
{
    uint8_t group = group_of(ike, &local->address);
    if (timers_reserve(ike, group) < 0)
        return NULL;
    struct ike_sa *sa = pool_take(&ike->sa_pool);
    if (!sa)
        return NULL;
    sa->initiator = initiator;
    sa->local = *local;
    sa->remote = *remote;
    sa->reauth_at = sa->delete_at = sa->keepalive_at = sa->dpd_at = NS_NEVER;
    sa->timer.kind = TIMER_SA;
    sa->timer.group = group;
    sa->era = ike->roles[group].era;
    list_init(&sa->all);
    list_init(&sa->half_open);
    list_init(&sa->pairs);
    list_init(&sa->exchanges);
    list_init(&sa->wishes);
    return sa;
}

static struct ike_sa *half_open_take(struct ike *ike, bool initiator, const struct endpoint *local,
                                     const struct endpoint *remote)
{
    struct ike_sa *sa = sa_take(ike, initiator, local, remote);
    struct phase1 *p = sa ? pool_take(&ike->phase1_pool) : NULL;
    if (!p) {
        if (sa)
            pool_put(&ike->sa_pool, sa);
        return NULL;
    }
    sa->phase1 = p;
    p->send_at = NS_NEVER;
    p->connection = p->peer = UINT32_MAX;
    return sa;
}

struct ike_sa *sa_half_open_restore(struct ike *ike, uint64_t id, uint32_t number, bool initiator,
                                    const uint8_t *cookies, const struct endpoint *local,
                                    const struct endpoint *remote)
{
    struct ike_sa *sa = half_open_take(ike, initiator, local, remote);
    if (!sa)
        return NULL;
    sa->id = id;
    sa->number = number;
    memcpy(sa->cookie_i, cookies, 16);
    sa_index(ike, sa);
    return sa;
}

struct ike_sa *sa_new(struct ike *ike, bool initiator, const struct endpoint *local,
                      const struct endpoint *remote)
{
    struct ike_sa *sa = half_open_take(ike, initiator, local, remote);
    if (!sa)
        return NULL;
    do {
        sa->id = id_next(ike);
    } while (sa_find_id(ike, sa->id));
    sa->number = ++ike->next_number;
    sa->created = ike->now;
    sa->expires = ike->now + IKE_HALF_OPEN_TIMEOUT * 2;
    cookie_make(ike, initiator ? sa->cookie_i : sa->cookie_r);
    sa_index(ike, sa);
    if (initiator)
        sa_index_path(ike, sa);
    return sa;
}

struct ike_sa *sa_restore(struct ike *ike, uint64_t id, uint32_t number, bool initiator,
                          const uint8_t *cookies, const struct endpoint *local, const struct endpoint *remote)
{
    struct ike_sa *sa = sa_take(ike, initiator, local, remote);
    if (!sa)
        return NULL;
    sa->id = id;
    sa->number = number;
    sa->restored = true;
    sa->state = PHASE1_ESTABLISHED;
    memcpy(sa->cookie_i, cookies, 16);
    sa_index(ike, sa);
    sa_index_path(ike, sa);
    return sa;
}

void kx_free(struct ike *ike, struct key_exchange **kx)
{
    if (*kx)
        pool_put(&ike->kx_pool, *kx);
    *kx = NULL;
}

void phase1_free(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    if (!p)
        return;
    message_free(&p->sa_body);
    message_free(&p->psk);
    message_free(&p->sent);
    message_free(&p->identity_sent);
    message_free(&p->am2);
    kx_free(ike, &p->kx);
    pool_put(&ike->phase1_pool, p);
    sa->phase1 = NULL;
}

void sa_free(struct ike *ike, struct ike_sa *sa, const char *cause)
{
    sa_half_open_remove(ike, sa);
    while (!list_empty(&sa->exchanges))
        exchange_free(ike, list_entry(sa->exchanges.next, struct exchange, on_sa), cause);
    while (!list_empty(&sa->wishes))
        wish_next_peer(ike, list_entry(sa->wishes.next, struct wish, on_sa), cause);
    while (!list_empty(&sa->pairs))
        pair_orphan(ike, list_entry(sa->pairs.next, struct ike_pair, on_sa));
    if ((sa_established(sa) || sa->restored) && !sa->unrecorded)
        record_forget(ike, IKE_RECORD_SA, sa->id);
    half_open_forget(ike, sa);
    reassembly_free(ike, sa);
    phase1_free(ike, sa);
    message_free(&sa->answer);
    free(sa->identity);
    group_timer_done(ike, &sa->timer);
    sa_unindex(ike, sa);
    list_remove(&sa->all);
    pool_put(&ike->sa_pool, sa);
}

void sa_doom(struct ike *ike, struct ike_sa *sa, enum sa_doom doom, bool tell)
{
    if (doom <= sa->doom)
        return;
    sa->doom = (uint8_t)doom;
    sa->tell = tell;
    if (doom == SA_DOOMED_WITH_PAIRS)
        list_for_each(&sa->pairs, l) pair_doom(ike, list_entry(l, struct ike_pair, on_sa), tell);
    group_timer_set(ike, &sa->timer, ike->now);
}

void sa_forget(struct ike *ike, struct ike_sa *sa, enum sa_doom doom)
{
    sa->doom = (uint8_t)doom;
    sa->tell = false;
    if (doom == SA_DOOMED_WITH_PAIRS)
        list_for_each(&sa->pairs, l) pair_forget(ike, list_entry(l, struct ike_pair, on_sa));
    group_timer_forget(ike, &sa->timer);
}

void sa_timer(struct ike *ike, struct ike_sa *sa)
{
    ns at = sa->dirty ? ike->now : sa->expires;
    if (sa->doom)
        at = sa->doom == SA_DOOMED || list_empty(&sa->pairs) ? ike->now : NS_NEVER;
    else {
        at = ns_min(at, ns_min(sa->reauth_at, sa->delete_at));
        at = ns_min(at, ns_min(sa->keepalive_at, sa->dpd_at));
        if (sa->phase1)
            at = ns_min(at, sa->phase1->send_at);
        if (sa->answer)
            at = ns_min(at, sa->answer_until);
        at = sa->resume ? 1 : ns_min(at, reassembly_deadline(sa)); /* before all else that is overdue */
    }
    group_timer_set(ike, &sa->timer, at);
}

bool sa_established(const struct ike_sa *sa)
{
    return sa->state == PHASE1_ESTABLISHED;
}

bool sa_alive(const struct ike_sa *sa)
{
    return sa->state == PHASE1_ESTABLISHED && !sa->doom;
}

void sa_resume(struct ike *ike, struct ike_sa *sa)
{
    sa->last_in = ike->now;
    if (sa->nat_local && ike->config->nat_keepalive_seconds)
        sa->keepalive_at = ike->now + ike->config->nat_keepalive_seconds * NS_PER_S;
    dpd_start(ike, sa);
    sa_timer(ike, sa);
}

void sa_move(struct ike *ike, struct ike_sa *sa, const struct endpoint *remote)
{
    char was[ENDPOINT_TEXT], is[ENDPOINT_TEXT];
    if (endpoint_equal(&sa->remote, remote))
        return;
    ike_debugf(ike, "(%u): peer moved from %s to %s", sa->number, endpoint_print(&sa->remote, was),
               endpoint_print(remote, is));
    sa_half_open_remove(ike, sa); /* counted by the old address; whoever moves is authenticated */
    sa_place(ike, sa, remote);
    list_for_each(&sa->pairs, l) pair_moved(ike, list_entry(l, struct ike_pair, on_sa));
    if (sa_established(sa))
        record_sa(ike, sa);
}
