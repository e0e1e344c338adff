/* SPDX-License-Identifier: Apache-2.0 */
/* Replicas. Always holds: what the records of another member say is the same here whatever the order in which
 * they came; an IKE SA keeps its pairs when its record is replaced; nothing leaves for a peer. A record is
 * taken as a whole or refused with a line in the log. */
#include "ike/replica.h"

#include "ike/exchange/exchange.h"
#include "ike/half_open_restore.h"
#include "ike/record_codec.h"
#include "ike/restore.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"
#include "ike/sa/successor.h"

static const char *const kinds[] = {"record", "IKE SA", "IPsec SA pair", "connection", "half-open IKE SA"};

/* ---- IKE SA ---- */

/* Those of the record come again; older ones are not needed any more. */
static void exchanges_replace(struct ike *ike, struct ike_sa *sa)
{
    list_for_each_safe(&sa->exchanges, l, next)
    {
        struct exchange *x = list_entry(l, struct exchange, on_sa);
        if (!x->quick)
            exchange_free(ike, x, NULL);
    }
}

static const char *sa_replica(struct ike *ike, uint64_t key, struct bytes data, int64_t shift)
{
    struct sa_record r;
    if (!sa_record_parse(data, shift, &r))
        return "cannot be read";
    struct ike_sa *sa = sa_find_id(ike, key), *same = sa_find_cookies(ike, r.cookies);
    if (same && same != sa)
        return "its cookies are those of another one";
    if (sa && !sa_established(sa)) {
        if (!group_standby(ike, sa->timer.group))
            return "its number is that of one that is being made here";
        sa_free(ike, sa, NULL); /* the half-open one that it was */
        sa = NULL;
    }
    bool initiator = r.flags & SA_INITIATOR;
    if (sa && (sa->doom || sa->initiator != initiator || memcmp(sa->cookie_i, r.cookies, 16) != 0 ||
               !address_equal(&sa->local.address, &r.local.address))) {
        sa_free(ike, sa, "replaced");
        sa = NULL;
    }
    bool new = sa == NULL;
    if (new)
        sa = sa_restore(ike, key, r.number, initiator, r.cookies, &r.local, &r.remote);
    if (!sa)
        return "no memory";
    ike->acting_group = sa->timer.group;
    exchanges_replace(ike, sa);
    sa->local = r.local;
    sa_place(ike, sa, &r.remote);
    sa_record_apply(ike, sa, &r);
    if (new)
        sa_resume(ike, sa);
    else
        sa_timer(ike, sa);
    pairs_link_waiting(ike, sa);
    successor_note(ike, sa);
    record_sa(ike, sa);
    return NULL;
}

static void sa_deleted(struct ike *ike, uint64_t key)
{
    struct ike_sa *sa = sa_find_id(ike, key);
    if (!sa || !sa_established(sa)) {
        record_forget(ike, IKE_RECORD_SA, key);
        return;
    }
    ike->acting_group = sa->timer.group;
    sa_free(ike, sa, "IKE SA deleted");
}

/* ---- half-open ---- */

static const char *half_open_replica(struct ike *ike, uint64_t key, struct bytes data, int64_t shift)
{
    struct half_open_record h;
    if (!half_open_record_parse(data, shift, &h))
        return "cannot be read";
    struct ike_sa *sa = sa_find_id(ike, key), *same = sa_find_cookies(ike, h.cookies);
    if (same && same != sa)
        return "its cookies are those of another one";
    if (sa && sa_established(sa))
        return NULL; /* its former life */
    ike->acting_group = group_of(ike, &h.local.address);
    if (!group_standby(ike, ike->acting_group) || (sa && !group_standby(ike, sa->timer.group)))
        return "it is of a group that we serve, or of none"; /* negotiations are not merged */
    if (sa)
        sa_free(ike, sa, NULL);
    const char *wrong = half_open_make(ike, key, &h);
    if (!wrong)
        half_open_record(ike, sa_find_id(ike, key));
    return wrong;
}

static void half_open_deleted(struct ike *ike, uint64_t key)
{
    struct ike_sa *sa = sa_find_id(ike, key);
    if (!sa || !sa->half_recorded) {
        record_forget(ike, IKE_RECORD_HALF_OPEN, key);
        return;
    }
    ike->acting_group = sa->timer.group;
    if (sa_established(sa))
        half_open_forget(ike, sa);
    else if (group_standby(ike, sa->timer.group))
        sa_free(ike, sa, NULL);
}

/* ---- pair ---- */

static bool same_pair(const struct ike_pair *p, const struct ike_pair *from, uint32_t connection)
{
    return !p->timer.forgotten && p->spi_in == from->spi_in && p->spi_out == from->spi_out &&
           p->protocol == from->protocol && p->connection->id == connection &&
           address_equal(&p->local.address, &from->local.address) &&
           pair_inner_slot(p) == from->restored_inner && selector_equal(&p->selector, &from->selector) &&
           packet_algorithms_equal(&p->algorithms, &from->algorithms);
}

static void pair_tell(struct ike *ike, const struct ike_pair *p, enum ike_action_type what)
{
    struct ike_action *a = action_add(ike, what);
    a->pair.slot = p->slot;
    a->pair.spi_in = p->spi_in;
    a->pair.remote = p->remote;
}

static void pair_update(struct ike *ike, struct ike_pair *p, const struct ike_pair *from)
{
    bool moved = !endpoint_equal(&p->remote, &from->remote);
    bool serves = (from->confirmed && !p->confirmed) || (p->superseded && !from->superseded);
    bool superseded = from->superseded && !p->superseded;
    pair_place(ike, p, &from->local, &from->remote);
    p->number = from->number;
    p->initiator = from->initiator;
    p->confirmed = from->confirmed;
    p->superseded = from->superseded;
    p->tunnel = from->tunnel;
    p->udp = from->udp;
    p->esn = from->esn;
    p->rekeying = from->rekeying;
    p->created = from->created;
    p->expires = from->expires;
    p->rekey_at = from->rekey_at;
    p->delete_at = from->delete_at;
    p->lifetime_seconds = from->lifetime_seconds;
    p->lifetime_kilobytes = from->lifetime_kilobytes;
    p->restored_sa = from->restored_sa;
    p->doom = PAIR_STAYS;
    p->moved = p->dirty = false;
    record_pair(ike, p);
    if (moved)
        pair_tell(ike, p, IKE_ACTION_MOVE_PAIR);
    if (serves)
        pair_tell(ike, p, IKE_ACTION_CONFIRM_PAIR);
    if (superseded)
        pair_tell(ike, p, IKE_ACTION_SUPERSEDE_PAIR);
}

/* Its maker may have begun to rekey it by volume, which no deadline shows. */
static void pair_run(struct ike *ike, struct ike_pair *p)
{
    if (p->inner || p->loose)
        return;
    if (p->rekeying && !p->superseded)
        p->rekey_at = ns_min(p->rekey_at, ike->now + IKE_REKEY_RETRY);
    pair_idle_start(ike, p);
}

static const char *pair_replica(struct ike *ike, uint64_t key, struct bytes data, int64_t shift)
{
    struct ike_pair from;
    uint32_t connection, slot = (uint32_t)key;
    if (!pair_record_parse(data, shift, &from, &connection) || key >= ike->limits.pair_max ||
        spi_slot(from.spi_in) != key || from.restored_inner == key)
        return "cannot be read";
    if (slot_state(ike, slot) == SLOT_TAKEN)
        return "its slot is in use for a negotiation here";
    struct ike_pair *p = ike->pairs[slot];
    if (p && !same_pair(p, &from, connection)) {
        pair_discard(ike, p);
        p = NULL;
    }
    if (p) {
        ike->acting_group = p->timer.group;
        pair_update(ike, p, &from);
    } else {
        p = pair_record_make(ike, slot, &from, connection);
        if (!p)
            return "no memory";
        ike->acting_group = p->timer.group;
        if (from.restored_inner == UINT32_MAX)
            pair_index(ike, p);
        pair_join(ike, p);
        record_pair(ike, p);
    }
    if (!p->inner && !p->loose)
        pair_link(ike, p);
    pair_run(ike, p);
    return NULL;
}

static void pair_deleted(struct ike *ike, uint64_t key)
{
    struct ike_pair *p = key < ike->limits.pair_max ? ike->pairs[key] : NULL;
    if (p)
        ike->acting_group = p->timer.group;
    record_forget(ike, IKE_RECORD_PAIR, key);
    if (p)
        pair_discard(ike, p);
}

/* ---- connection ---- */

static const char *connection_replica(struct ike *ike, uint64_t key, struct bytes data)
{
    struct connection_record r;
    if (!connection_record_parse(data, &r) || key > UINT32_MAX)
        return "cannot be read";
    ike->acting_group = group_of_connection(ike, connection_find(ike, (uint32_t)key));
    connection_record_apply(ike, (uint32_t)key, &r);
    record_put(ike, IKE_RECORD_CONNECTION, key, data);
    return NULL;
}

/* ---- the event ---- */

static void deleted(struct ike *ike, uint8_t kind, uint64_t key)
{
    if (kind == IKE_RECORD_SA)
        sa_deleted(ike, key);
    else if (kind == IKE_RECORD_PAIR)
        pair_deleted(ike, key);
    else if (kind == IKE_RECORD_CONNECTION)
        record_forget(ike, kind, key);
    else if (kind == IKE_RECORD_HALF_OPEN)
        half_open_deleted(ike, key);
}

void replica_event(struct ike *ike, const struct ike_event *e)
{
    uint8_t kind = e->replica.kind;
    uint64_t key = e->replica.key;
    const char *wrong = NULL;
    ike->acting_replica = true;
    if (e->replica.deleted)
        deleted(ike, kind, key);
    else if (e->replica.data.len > IKE_RECORD_MAX)
        wrong = "is too long";
    else if (kind == IKE_RECORD_SA)
        wrong = sa_replica(ike, key, e->replica.data, e->replica.shift);
    else if (kind == IKE_RECORD_PAIR)
        wrong = pair_replica(ike, key, e->replica.data, e->replica.shift);
    else if (kind == IKE_RECORD_CONNECTION)
        wrong = connection_replica(ike, key, e->replica.data);
    else if (kind == IKE_RECORD_HALF_OPEN)
        wrong = half_open_replica(ike, key, e->replica.data, e->replica.shift);
    else
        wrong = "is of a kind that is not known";
    ike->acting_replica = false;
    ike->statistics.replicas += wrong == NULL;
    ike->statistics.replicas_refused += wrong != NULL;
    if (wrong && ike_log_allowed(ike))
        ike_log(ike, 3, "REPLICA_REFUSED", "%s %016llx of the other gateway: %s",
                kinds[kind < ARRAY_SIZE(kinds) ? kind : 0], (unsigned long long)key, wrong);
}
