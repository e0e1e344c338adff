/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a pair. Make before break: a rekey installs the new pair while the old one goes on receiving;
 * the old one is superseded when the peer is known to have the new keys, and deleted after an overlap by
 * whoever replaced it. Both sides may rekey at once: both new pairs stay then, the newest sends, and neither
 * is deleted before its end, since the two sides may disagree on which is the newest. Always holds: a
 * bundle's outer pair (AH) has no timer and no index. */
#include "ike/sa/pair.h"

#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/slots.h"
#include "ike/sa/successor.h"
#include "ike/v1/informational.h"

enum { SUPERSEDED_AT_ONCE_MAX = 8 };

static uint32_t spi_out_hash(const struct ike *ike, uint8_t protocol, uint32_t spi)
{
    return hash_bytes(&spi, sizeof(spi), ike->seed ^ protocol);
}

static uint32_t selector_hash(const struct ike *ike, uint32_t connection, const struct selector *s)
{
    _Static_assert(offsetof(struct selector, protocol) == 2 * sizeof(struct prefix),
                   "no padding in what is hashed");
    uint32_t h = hash_bytes(s, offsetof(struct selector, protocol) + 1, ike->seed ^ connection);
    return h ^ hash_bytes(&s->local_port_low, 4 * sizeof(uint16_t), ike->seed);
}

uint32_t pair_orphan_hash(const struct ike *ike, const struct address *local, const struct address *remote)
{
    return hash_bytes(remote->bytes, 16, ike->seed ^ address_hash(local) ^ 0x400);
}

struct ike_pair *pair_new(struct ike *ike, struct ike_sa *sa, struct connection *connection, uint32_t slot)
{
    uint8_t group = sa ? sa->timer.group : ike->acting_group;
    if (timers_reserve(ike, group) < 0)
        return NULL;
    struct ike_pair *p = pool_take(&ike->pair_pool);
    if (!p)
        return NULL;
    p->connection = connection;
    p->slot = slot;
    p->number = ++ike->next_number;
    p->created = ike->now;
    p->rekey_at = p->delete_at = p->expires = p->idle_at = NS_NEVER;
    p->restored_inner = UINT32_MAX;
    p->timer.kind = TIMER_PAIR;
    p->timer.group = group;
    p->era = ike->roles[group].era;
    list_init(&p->on_sa);
    p->sa = sa;
    if (sa) {
        p->local = sa->local;
        p->remote = sa->remote;
    }
    return p;
}

void pair_index(struct ike *ike, struct ike_pair *p)
{
    ike->pairs[p->slot] = p;
    hash_table_add(&ike->pair_by_spi_out, &p->by_spi_out, spi_out_hash(ike, p->protocol, p->spi_out));
    if (p->inner)
        return;
    hash_table_add(&ike->pair_by_selector, &p->by_selector,
                   selector_hash(ike, p->connection->id, &p->selector));
    p->connection->pairs++;
    if (p->sa)
        list_add_tail(&p->sa->pairs, &p->on_sa);
}

void pair_orphan_index(struct ike *ike, struct ike_pair *p)
{
    hash_table_add(&ike->orphan_by_path, &p->by_path,
                   pair_orphan_hash(ike, &p->local.address, &p->remote.address));
    p->orphan = true;
}

void pair_orphan_unindex(struct ike *ike, struct ike_pair *p)
{
    if (p->orphan)
        hash_table_remove(&ike->orphan_by_path, &p->by_path);
    p->orphan = false;
}

void pair_release(struct ike *ike, struct ike_pair *p)
{
    if (ike->pairs[p->slot] == p && p->loose) {
        ike->pairs[p->slot] = NULL;
    } else if (ike->pairs[p->slot] == p) {
        ike->pairs[p->slot] = NULL;
        hash_table_remove(&ike->pair_by_spi_out, &p->by_spi_out);
        if (!p->inner) {
            hash_table_remove(&ike->pair_by_selector, &p->by_selector);
            connection_release_pair(ike, p->connection);
        }
    }
    list_remove(&p->on_sa);
    pair_orphan_unindex(ike, p);
    group_timer_done(ike, &p->timer);
    pool_put(&ike->pair_pool, p);
}

/* ---- deadlines ---- */

void pair_timer(struct ike *ike, struct ike_pair *p)
{
    ns at = ns_min(ns_min(p->expires, p->delete_at), ns_min(p->rekey_at, p->idle_at));
    if (p->doom || p->moved || p->renew || p->dirty)
        at = ike->now;
    group_timer_set(ike, &p->timer, at);
}

void pair_start(struct ike *ike, struct ike_pair *p)
{
    ns life = (ns)MAX(p->lifetime_seconds, (uint32_t)IKE_LIFETIME_MIN) * NS_PER_S;
    ns margin = ns_min(life / 4, IKE_REKEY_MARGIN_MAX);
    if (!p->initiator)
        margin /= 2; /* who began the old one rekeys first */
    margin += margin / 4 * rng_below(&ike->rng, 1000) / 1000;
    p->expires = p->created + life;
    p->rekey_at = p->expires - margin;
    p->delete_at = p->confirmed ? NS_NEVER : p->created + IKE_PAIR_UNCONFIRMED;
    pair_idle_start(ike, p);
}

static ns idle_time(const struct ike_pair *p)
{
    return p->connection->config ? (ns)p->connection->config->idle_seconds * NS_PER_S : 0;
}

void pair_idle_start(struct ike *ike, struct ike_pair *p)
{
    ns idle = idle_time(p);
    p->idle_at = idle ? MAX(ike->now, p->created + idle) : NS_NEVER;
    pair_timer(ike, p);
}

void pair_traffic(struct ike *ike, uint32_t slot, ns last)
{
    struct ike_pair *p = slot < ike->limits.pair_max ? ike->pairs[slot] : NULL;
    ns idle = p && !p->inner && !p->loose && !p->doom ? idle_time(p) : 0;
    if (!idle)
        return;
    /* What the one before us saw is not known here: it counts as used until we took over. */
    last = MAX(MAX(last, p->created), ike->roles[p->timer.group].since);
    if (ns_since(ike->now, last) < idle) {
        p->idle_at = last + idle;
        pair_timer(ike, p);
        return;
    }
    ike_debugf(ike, "IPsec SA pair %u was idle for %u s", p->number, p->connection->config->idle_seconds);
    connection_idle(ike, p->connection);
    pair_doom(ike, p, true);
}

bool pair_is_only(const struct ike_pair *p)
{
    if (!p->connection->config || !p->connection->config->dynamic)
        return p->connection->pairs == 1;
    return !p->sa || (p->sa->pairs.next == &p->on_sa && p->sa->pairs.prev == &p->on_sa);
}

void pair_doom(struct ike *ike, struct ike_pair *p, bool tell)
{
    if (p->inner)
        p = p->inner;
    if (!p->doom)
        p->doom = tell ? PAIR_DOOMED_TELL : PAIR_DOOMED;
    group_timer_set(ike, &p->timer, ike->now);
}

void pair_forget(struct ike *ike, struct ike_pair *p)
{
    if (p->inner)
        p = p->inner;
    p->doom = PAIR_DOOMED;
    p->renew = false;
    group_timer_forget(ike, &p->timer);
}

static void remove_one(struct ike *ike, struct ike_pair *p)
{
    struct ike_action *a = action_add(ike, IKE_ACTION_REMOVE_PAIR);
    a->pair.slot = p->slot;
    a->pair.spi_in = p->spi_in;
    slot_drain(ike, p->slot);
}

static void pair_remove(struct ike *ike, struct ike_pair *p)
{
    char peer[ENDPOINT_TEXT];
    struct ike_sa *sa = p->sa;
    /* Forgotten by whoever may follow us before the peer hears of it. */
    record_forget(ike, IKE_RECORD_PAIR, p->slot);
    if (p->outer)
        record_forget(ike, IKE_RECORD_PAIR, p->outer->slot);
    if (p->doom == PAIR_DOOMED_TELL) {
        struct ike_sa *teller = sa ? sa : sa_find_path(ike, &p->local.address, &p->remote.address);
        if (teller && sa_established(teller))
            informational_delete_pair(ike, teller, p);
    }
    ike_debugf(ike, "deleting IPsec SA pair %u: SPI in 0x%08x, out 0x%08x", p->number, p->spi_in, p->spi_out);
    if (!p->loose && pair_is_only(p))
        ike_log(ike, 5, "SESSION_STATUS", "Crypto tunnel is DOWN. Peer %s", endpoint_print(&p->remote, peer));
    bool renew = p->renew && p->connection->config && !p->connection->config->dynamic;
    if (renew)
        wish_make(ike, p->connection, &p->selector, UINT32_MAX, false);
    if (p->outer) {
        remove_one(ike, p->outer);
        pair_release(ike, p->outer);
    }
    remove_one(ike, p);
    pair_release(ike, p);
    if (sa && sa->doom)
        sa_timer(ike, sa);
}

bool pair_rekey_now(struct ike *ike, struct ike_pair *p)
{
    uint32_t peer;
    if (!p->connection->config || !connection_has_peer(p->connection, &p->remote.address, &peer))
        return false;
    bool wanted = p->connection->config->dynamic
                      ? wish_make_dynamic(ike, p->connection, &p->selector, &p->remote.address, p->sa)
                      : wish_make(ike, p->connection, &p->selector, peer, false);
    if (!wanted)
        return false;
    p->rekeying = p->dirty = true;
    pair_timer(ike, p);
    ike->statistics.rekeys++;
    return true;
}

static void pair_move_tell(struct ike *ike, struct ike_pair *p)
{
    for (struct ike_pair *each = p; each; each = each->outer) {
        each->remote = p->remote;
        record_pair(ike, each);
        struct ike_action *a = action_add(ike, IKE_ACTION_MOVE_PAIR);
        a->pair.slot = each->slot;
        a->pair.spi_in = each->spi_in;
        a->pair.remote = each->remote;
    }
}

static void pair_record(struct ike *ike, struct ike_pair *p)
{
    p->dirty = false;
    for (struct ike_pair *each = p; each; each = each->outer)
        record_pair(ike, each);
}

void pair_step(struct ike *ike, struct ike_pair *p)
{
    if (!p->doom)
        successor_pair(ike, p);
    if (p->doom) {
        pair_remove(ike, p);
        return;
    }
    if (p->expires <= ike->now || p->delete_at <= ike->now) {
        p->doom = PAIR_DOOMED_TELL;
        pair_remove(ike, p);
        return;
    }
    if (p->moved) {
        p->moved = false;
        pair_move_tell(ike, p);
    }
    if (p->rekey_at <= ike->now) {
        ns again = ike->now + IKE_REKEY_RETRY;
        p->rekey_at = again < p->expires ? again : NS_NEVER;
        pair_rekey_now(ike, p);
    }
    if (p->dirty)
        pair_record(ike, p);
    if (p->idle_at <= ike->now) {
        uint32_t slots[2] = {p->slot, p->outer ? p->outer->slot : 0};
        p->idle_at = ike->now + NS_PER_S; /* should the answer be lost */
        action_query(ike, QUERY_PAIR | p->slot, slots, p->outer ? 2 : 1);
    }
    pair_timer(ike, p);
}

/* ---- make before break ---- */

static void pair_tell(struct ike *ike, const struct ike_pair *p, enum ike_action_type what)
{
    for (const struct ike_pair *each = p; each; each = each->outer) {
        struct ike_action *a = action_add(ike, what);
        a->pair.slot = each->slot;
        a->pair.spi_in = each->spi_in;
    }
}

static bool same_traffic(const struct ike_pair *a, const struct ike_pair *b)
{
    /* Pairs with different peers live side by side: the packet path answers where it was spoken to. */
    return a != b && a->connection == b->connection && !a->doom && a->confirmed &&
           address_equal(&a->remote.address, &b->remote.address) &&
           selector_equal(&a->selector, &b->selector);
}

/* An order that both sides see alike. */
static bool spis_before(const struct ike_pair *a, const struct ike_pair *b)
{
    uint32_t a_low = MIN(a->spi_in, a->spi_out), b_low = MIN(b->spi_in, b->spi_out);
    return a_low < b_low || (a_low == b_low && MAX(a->spi_in, a->spi_out) < MAX(b->spi_in, b->spi_out));
}

/* A DELETE may be lost, and then only one side would keep the old pair: so both sides end it after an
 * overlap, first the one that began the rekey. Where both began at once two pairs are born together, and each
 * side may hold the other one for the newer: so one of them is due earlier, at both sides, and whoever is
 * told of its end goes on with the other. */
static void pair_supersede(struct ike *ike, struct ike_pair *old, const struct ike_pair *by)
{
    old->superseded = true;
    old->rekey_at = NS_NEVER;
    ns overlap = old->rekeying && by->initiator ? IKE_PAIR_OVERLAP
                 : spis_before(old, by)         ? IKE_PAIR_OVERLAP_PEER
                                                : IKE_PAIR_OVERLAP_PEER + IKE_PAIR_OVERLAP_PEER / 2;
    old->delete_at = ns_min(old->delete_at, ike->now + overlap);
    pair_record(ike, old);
    pair_tell(ike, old, IKE_ACTION_SUPERSEDE_PAIR);
    pair_timer(ike, old);
}

void pair_confirm(struct ike *ike, struct ike_pair *p, bool tell_engine)
{
    if (p->inner)
        p = p->inner;
    if (p->confirmed && tell_engine)
        return;
    bool news = !p->confirmed;
    p->confirmed = true;
    if (p->outer)
        p->outer->confirmed = true;
    p->delete_at = NS_NEVER;
    if (news)
        pair_record(ike, p);
    if (tell_engine)
        pair_tell(ike, p, IKE_ACTION_CONFIRM_PAIR);
    unsigned superseded = 0;
    uint32_t h = selector_hash(ike, p->connection->id, &p->selector);
    for (struct hash_link *l = hash_table_first(&ike->pair_by_selector, h); l; l = hash_link_next(l, h)) {
        struct ike_pair *old = container_of(l, struct ike_pair, by_selector);
        if (same_traffic(old, p) && !old->superseded && superseded++ < SUPERSEDED_AT_ONCE_MAX / 2)
            pair_supersede(ike, old, p);
    }
    pair_timer(ike, p);
}

/* Nothing newer is left: it serves again. */
static void pair_serve_again(struct ike *ike, struct ike_pair *p)
{
    p->superseded = false;
    p->rekeying = wish_find(ike, p->connection, &p->selector) != NULL; /* it had been, perhaps */
    p->delete_at = NS_NEVER;
    p->rekey_at = p->expires - ns_since(p->expires, p->created) / 8;
    pair_record(ike, p);
    pair_tell(ike, p, IKE_ACTION_CONFIRM_PAIR);
    pair_timer(ike, p);
}

void pair_soft(struct ike *ike, struct ike_pair *p)
{
    bool replaced = false;
    uint32_t h = selector_hash(ike, p->connection->id, &p->selector);
    for (struct hash_link *l = p->superseded ? hash_table_first(&ike->pair_by_selector, h) : NULL; l;
         l = hash_link_next(l, h)) {
        const struct ike_pair *other = container_of(l, struct ike_pair, by_selector);
        replaced = replaced || (same_traffic(other, p) && !other->superseded);
    }
    if (p->superseded && !replaced)
        pair_serve_again(ike, p);
    if (!p->superseded && !p->rekeying)
        pair_rekey_now(ike, p);
}

void pair_deleted_by_peer(struct ike *ike, struct ike_pair *p)
{
    struct ike_pair *newest = NULL;
    if (p->inner)
        p = p->inner;
    pair_doom(ike, p, false);
    if (p->superseded)
        return;
    uint32_t h = selector_hash(ike, p->connection->id, &p->selector);
    for (struct hash_link *l = hash_table_first(&ike->pair_by_selector, h); l; l = hash_link_next(l, h)) {
        struct ike_pair *other = container_of(l, struct ike_pair, by_selector);
        if (!same_traffic(other, p))
            continue;
        if (!other->superseded)
            return;
        if (!newest || other->created > newest->created)
            newest = other;
    }
    if (newest && !newest->rekeying)
        pair_serve_again(ike, newest);
}

/* ---- with and without an IKE SA ---- */

void pair_orphan(struct ike *ike, struct ike_pair *p)
{
    list_remove(&p->on_sa);
    p->sa = NULL;
    if (p->outer)
        p->outer->sa = NULL;
    pair_orphan_index(ike, p);
}

void pair_adopt(struct ike *ike, struct ike_pair *p, struct ike_sa *sa)
{
    list_remove(&p->on_sa);
    pair_orphan_unindex(ike, p);
    p->sa = sa;
    if (p->outer)
        p->outer->sa = sa;
    list_add_tail(&sa->pairs, &p->on_sa);
    p->dirty = true; /* its record names its IKE SA */
    pair_timer(ike, p);
    /* A new IKE SA says where a peer behind NAT is now. */
    if (sa->nat_remote && p->udp && !endpoint_equal(&p->remote, &sa->remote))
        pair_moved(ike, p);
}

void pair_moved(struct ike *ike, struct ike_pair *p)
{
    p->remote = p->sa->remote;
    p->moved = true;
    pair_timer(ike, p);
}

void orphans_adopt(struct ike *ike, struct ike_sa *sa)
{
    uint32_t h = pair_orphan_hash(ike, &sa->local.address, &sa->remote.address);
    struct hash_link *next;
    for (struct hash_link *l = hash_table_first(&ike->orphan_by_path, h); l; l = next) {
        next = hash_link_next(l, h);
        struct ike_pair *p = container_of(l, struct ike_pair, by_path);
        bool same = address_equal(&p->local.address, &sa->local.address) &&
                    address_equal(&p->remote.address, &sa->remote.address);
        if (same && !p->doom && (!p->udp || !sa->nat_remote || p->remote.port == sa->remote.port))
            pair_adopt(ike, p, sa);
    }
}

void orphans_forget(struct ike *ike, struct ike_sa *sa)
{
    uint32_t h = pair_orphan_hash(ike, &sa->local.address, &sa->remote.address);
    for (struct hash_link *l = hash_table_first(&ike->orphan_by_path, h); l; l = hash_link_next(l, h)) {
        struct ike_pair *p = container_of(l, struct ike_pair, by_path);
        if (address_equal(&p->local.address, &sa->local.address) &&
            address_equal(&p->remote.address, &sa->remote.address) && !sa->nat_remote &&
            p->created < sa->created)
            pair_doom(ike, p, false);
    }
}

/* ---- restoring ---- */

static struct ike_sa *sa_of_restored(struct ike *ike, const struct ike_pair *p)
{
    struct ike_sa *sa = sa_find_id(ike, p->restored_sa);
    if (sa && sa_alive(sa))
        return sa;
    sa = sa_find_path(ike, &p->local.address, &p->remote.address);
    return sa && (!sa->nat_remote || sa->remote.port == p->remote.port) ? sa : NULL;
}

static void link_one(struct ike *ike, struct ike_pair *p)
{
    p->loose = false;
    p->sa = p->inner ? NULL : sa_of_restored(ike, p);
    pair_index(ike, p);
    if (p->inner)
        return;
    if (!p->sa)
        pair_orphan_index(ike, p);
    else if (p->outer)
        p->outer->sa = p->sa;
    /* A bundle that lost one half, or a connection that is no more: nothing is said to the peer for it. */
    bool half = p->restored_inner != UINT32_MAX;
    if (half || !p->connection->config)
        pair_doom(ike, p, false);
    pair_idle_start(ike, p);
}

void pairs_link_restored(struct ike *ike)
{
    uint32_t n = ike->limits.pair_max;
    for (uint32_t slot = 0; slot < n; slot++) {
        struct ike_pair *p = ike->pairs[slot];
        struct ike_pair *inner =
            p && p->loose && p->restored_inner < n ? ike->pairs[p->restored_inner] : NULL;
        if (inner && inner != p && inner->loose && !inner->outer && inner->restored_inner == UINT32_MAX) {
            p->inner = inner;
            inner->outer = p;
        }
    }
    for (uint32_t slot = 0; slot < n; slot++)
        if (ike->pairs[slot] && ike->pairs[slot]->loose)
            link_one(ike, ike->pairs[slot]);
}

/* ---- finding ---- */

struct ike_pair *pair_find(const struct ike *ike, uint32_t slot, uint32_t spi_in)
{
    struct ike_pair *p = slot < ike->limits.pair_max ? ike->pairs[slot] : NULL;
    return p && !p->loose && p->spi_in == spi_in ? p : NULL;
}

struct ike_pair *pair_find_out(const struct ike *ike, const struct ike_sa *sa, uint8_t protocol,
                               uint32_t spi_out)
{
    uint32_t h = spi_out_hash(ike, protocol, spi_out);
    for (struct hash_link *l = hash_table_first(&ike->pair_by_spi_out, h); l; l = hash_link_next(l, h)) {
        struct ike_pair *p = container_of(l, struct ike_pair, by_spi_out);
        if (p->protocol == protocol && p->spi_out == spi_out &&
            address_equal(&p->remote.address, &sa->remote.address) &&
            address_equal(&p->local.address, &sa->local.address))
            return p;
    }
    return NULL;
}

struct ike_pair *pair_find_current(const struct ike *ike, const struct connection *c,
                                   const struct selector *s)
{
    uint32_t h = selector_hash(ike, c->id, s);
    for (struct hash_link *l = hash_table_first(&ike->pair_by_selector, h); l; l = hash_link_next(l, h)) {
        struct ike_pair *p = container_of(l, struct ike_pair, by_selector);
        if (p->connection == c && p->confirmed && !p->superseded && !p->doom && p->expires > ike->now &&
            selector_equal(&p->selector, s))
            return p;
    }
    return NULL;
}
