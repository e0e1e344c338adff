/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an IKE SA. It is found by our own cookie (random, so its bytes serve as the hash), by its path
 * (local and remote address) once established or when we initiate it, and by the peer's identity. Always
 * holds: an SA that is not established and was begun by a stranger is on exactly one of the two half-open
 * lists. */
#include "ike/sa/ike_sa.h"

#include "base/be.h"
#include "ike/exchange/exchange.h"
#include "ike/intake/fragments.h"
#include "ike/sa/connection.h"
#include "ike/sa/pair.h"
#include "ike/v1/dpd.h"

#include <stdio.h>
#include <stdlib.h>

/* By the remote address alone: our own addresses are few. */
/* Neither many peers of one address of ours nor many addresses of ours with one peer make a long chain. */
static uint32_t path_hash(const struct ike *ike, const struct address *local, const struct address *remote)
{
    return hash_bytes(remote->bytes, 16, ike->seed ^ address_hash(local));
}

static uint32_t remote_hash(const struct ike *ike, const struct address *remote)
{
    return hash_bytes(remote->bytes, 16, ike->seed);
}

static uint32_t cookie_hash(const uint8_t *cookie)
{
    return be32_load(cookie + 4);
}

static uint32_t initial_hash(const struct ike *ike, const uint8_t *cookie_i, const struct endpoint *remote)
{
    return hash_bytes(cookie_i, 8, ike->seed ^ endpoint_hash(remote));
}

static uint32_t identity_hash(const struct ike *ike, const struct ike_sa *sa)
{
    uint64_t seed = ike->seed ^ address_hash(&sa->local.address) ^ (uint64_t)sa->identity_type << 32;
    return hash_bytes(sa->identity, sa->identity_len, seed);
}

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

static void sa_index(struct ike *ike, struct ike_sa *sa)
{
    hash_table_add(&ike->sa_by_cookie, &sa->by_cookie,
                   cookie_hash(sa->initiator ? sa->cookie_i : sa->cookie_r));
    hash_table_add(&ike->sa_by_id, &sa->by_id, (uint32_t)sa->id);
    list_add_tail(&ike->sas, &sa->all);
}

struct ike_sa *sa_new(struct ike *ike, bool initiator, const struct endpoint *local,
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

void sa_index_path(struct ike *ike, struct ike_sa *sa)
{
    if (sa->in_path)
        return;
    hash_table_add(&ike->sa_by_path, &sa->by_path, path_hash(ike, &sa->local.address, &sa->remote.address));
    sa->in_path = true;
    sa->in_remote = sa->initiator && !sa_established(sa);
    if (sa->in_remote)
        hash_table_add(&ike->sa_by_remote, &sa->by_remote, remote_hash(ike, &sa->remote.address));
}

static void sa_unindex_remote(struct ike *ike, struct ike_sa *sa)
{
    if (sa->in_remote)
        hash_table_remove(&ike->sa_by_remote, &sa->by_remote);
    sa->in_remote = false;
}

static void sa_unindex_path(struct ike *ike, struct ike_sa *sa)
{
    if (!sa->in_path)
        return;
    hash_table_remove(&ike->sa_by_path, &sa->by_path);
    sa_unindex_remote(ike, sa);
    sa->in_path = false;
}

static void sa_unindex(struct ike *ike, struct ike_sa *sa)
{
    hash_table_remove(&ike->sa_by_id, &sa->by_id);
    hash_table_remove(&ike->sa_by_cookie, &sa->by_cookie);
    if (sa->in_initial)
        hash_table_remove(&ike->sa_by_initial, &sa->by_initial);
    sa_unindex_path(ike, sa);
    if (sa->in_identity)
        hash_table_remove(&ike->sa_by_identity, &sa->by_identity);
    sa->in_initial = sa->in_identity = false;
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
        at = ns_min(at, reassembly_deadline(sa));
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

/* ---- finding ---- */

struct ike_sa *sa_find_id(const struct ike *ike, uint64_t id)
{
    for (struct hash_link *l = hash_table_first(&ike->sa_by_id, (uint32_t)id); l;
         l = hash_link_next(l, (uint32_t)id)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_id);
        if (sa->id == id)
            return sa;
    }
    return NULL;
}

static struct ike_sa *find_own(const struct ike *ike, const uint8_t *own, const uint8_t *other,
                               bool initiator)
{
    static const uint8_t none[8];
    uint32_t h = cookie_hash(own);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_cookie, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_cookie);
        if (sa->initiator != initiator || memcmp(initiator ? sa->cookie_i : sa->cookie_r, own, 8) != 0)
            continue;
        const uint8_t *known = initiator ? sa->cookie_r : sa->cookie_i;
        /* The responder's cookie comes with its first answer. */
        if (memcmp(known, other, 8) == 0 || (initiator && memcmp(known, none, 8) == 0))
            return sa;
    }
    return NULL;
}

struct ike_sa *sa_find_message(const struct ike *ike, const struct isakmp_header *h)
{
    struct ike_sa *sa = find_own(ike, h->responder_cookie, h->initiator_cookie, false);
    return sa ? sa : find_own(ike, h->initiator_cookie, h->responder_cookie, true);
}

struct ike_sa *sa_find_cookies(const struct ike *ike, const uint8_t *cookies)
{
    struct ike_sa *sa = find_own(ike, cookies + 8, cookies, false);
    return sa ? sa : find_own(ike, cookies, cookies + 8, true);
}

struct ike_sa *sa_find_initial(const struct ike *ike, const uint8_t *cookie_i, const struct endpoint *remote)
{
    uint32_t h = initial_hash(ike, cookie_i, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_initial, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_initial);
        if (memcmp(sa->cookie_i, cookie_i, 8) == 0 && address_equal(&sa->remote.address, &remote->address))
            return sa;
    }
    return NULL;
}

static bool on_path(const struct ike_sa *sa, const struct address *local, const struct address *remote)
{
    return address_equal(&sa->local.address, local) && address_equal(&sa->remote.address, remote);
}

struct ike_sa *sa_find_path(const struct ike *ike, const struct address *local, const struct address *remote)
{
    struct ike_sa *best = NULL;
    uint32_t h = path_hash(ike, local, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_path, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_path);
        if (!sa_alive(sa) || !on_path(sa, local, remote))
            continue;
        if (!best || sa->established > best->established ||
            (sa->established == best->established && sa->id > best->id))
            best = sa;
    }
    return best;
}

struct ike_sa *sa_find_path_initiating(const struct ike *ike, const struct address *local,
                                       const struct address *remote)
{
    uint32_t h = path_hash(ike, local, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_path, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_path);
        if (sa->initiator && !sa_established(sa) && !sa->doom && on_path(sa, local, remote))
            return sa;
    }
    return NULL;
}

struct ike_sa *sa_find_initiating_to(const struct ike *ike, const struct address *remote)
{
    uint32_t h = remote_hash(ike, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_remote, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_remote);
        if (!sa_established(sa) && !sa->doom && address_equal(&sa->remote.address, remote))
            return sa;
    }
    return NULL;
}

/* ---- identity ---- */

void sa_set_identity(struct ike *ike, struct ike_sa *sa, const struct isakmp_id *id)
{
    uint8_t len = (uint8_t)MIN(id->data.len, (size_t)IKE_IDENTITY_MAX);
    uint8_t *copy = malloc(MAX(len, 1));
    if (!copy)
        return;
    if (sa->in_identity)
        hash_table_remove(&ike->sa_by_identity, &sa->by_identity);
    free(sa->identity);
    memcpy(copy, id->data.data, len);
    sa->identity = copy;
    sa->identity_len = len;
    sa->identity_type = id->type;
    hash_table_add(&ike->sa_by_identity, &sa->by_identity, identity_hash(ike, sa));
    sa->in_identity = true;
}

char *sa_identity_print(const struct ike_sa *sa, char out[128])
{
    char text[ADDRESS_TEXT];
    bool address = sa->identity_type == ISAKMP_ID_IPV4_ADDR || sa->identity_type == ISAKMP_ID_IPV6_ADDR;
    struct address a = address ? address_of(sa->identity, sa->identity_len) : (struct address){0};
    if (address_is_set(&a)) {
        snprintf(out, 128, "%s", address_print(&a, text));
        return out;
    }
    unsigned n = MIN(sa->identity_len, 127);
    for (unsigned i = 0; i < n; i++)
        out[i] = sa->identity[i] >= 0x20 && sa->identity[i] < 0x7f ? (char)sa->identity[i] : '?';
    out[n] = '\0';
    return out;
}

static bool same_identity(const struct ike_sa *a, const struct ike_sa *b)
{
    return a->identity && b->identity && a->identity_type == b->identity_type &&
           bytes_equal(bytes_of(a->identity, a->identity_len), bytes_of(b->identity, b->identity_len));
}

void sa_place(struct ike *ike, struct ike_sa *sa, const struct endpoint *remote)
{
    bool indexed = sa->in_path;
    sa_unindex_path(ike, sa);
    sa->remote = *remote;
    if (indexed)
        sa_index_path(ike, sa);
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

/* ---- half-open SAs: strangers cost little, and never an established tunnel ---- */

static struct source *source_find(struct ike *ike, const struct address *a)
{
    uint32_t h = hash_bytes(a->bytes, 16, ike->seed ^ 0x300);
    for (struct hash_link *l = hash_table_first(&ike->source_by_address, h); l; l = hash_link_next(l, h)) {
        struct source *s = container_of(l, struct source, by_address);
        if (address_equal(&s->address, a))
            return s;
    }
    return NULL;
}

static struct source *source_get(struct ike *ike, const struct address *a)
{
    struct source *s = source_find(ike, a);
    if (s)
        return s;
    s = pool_take(&ike->source_pool);
    if (s) {
        s->address = *a;
        hash_table_add(&ike->source_by_address, &s->by_address, hash_bytes(a->bytes, 16, ike->seed ^ 0x300));
    }
    return s;
}

static uint32_t limit_of(uint32_t configured, uint32_t otherwise)
{
    return configured ? configured : otherwise;
}

bool sa_half_open_admit(struct ike *ike, const struct address *from)
{
    const struct ike_config *c = ike->config;
    uint32_t max = MIN(limit_of(c->half_open_max, IKE_HALF_OPEN_MAX_DEFAULT), ike->limits.sa_max);
    uint32_t per_address = limit_of(c->half_open_per_address_max, IKE_HALF_OPEN_PER_ADDRESS_DEFAULT);
    struct source *s = source_find(ike, from);
    if (s && s->half_open >= per_address) {
        ike->statistics.half_open_refused++;
        return false;
    }
    if (ike->half_open < max && ike->sa_pool.taken < ike->limits.sa_max)
        return true;
    /* The oldest of those that never proved their address gives way, then the oldest of all half-open ones.
     */
    struct list *from_list = !list_empty(&ike->fresh) ? &ike->fresh : &ike->proven;
    if (list_empty(from_list)) {
        ike->statistics.half_open_refused++;
        return false;
    }
    ike->statistics.half_open_evicted++;
    sa_free(ike, list_entry(from_list->next, struct ike_sa, half_open), "evicted");
    return true;
}

void sa_half_open_add(struct ike *ike, struct ike_sa *sa)
{
    struct source *s = source_get(ike, &sa->remote.address);
    if (s)
        s->half_open++;
    sa->counted = s != NULL;
    ike->half_open++;
    list_add_tail(&ike->fresh, &sa->half_open);
    hash_table_add(&ike->sa_by_initial, &sa->by_initial, initial_hash(ike, sa->cookie_i, &sa->remote));
    sa->in_initial = true;
}

void sa_half_open_proven(struct ike *ike, struct ike_sa *sa)
{
    if (list_empty(&sa->half_open))
        return;
    list_remove(&sa->half_open);
    list_add_tail(&ike->proven, &sa->half_open);
}

void sa_half_open_remove(struct ike *ike, struct ike_sa *sa)
{
    if (list_empty(&sa->half_open))
        return;
    list_remove(&sa->half_open);
    ike->half_open--;
    struct source *s = sa->counted ? source_find(ike, &sa->remote.address) : NULL;
    sa->counted = false;
    if (s && --s->half_open == 0) {
        hash_table_remove(&ike->source_by_address, &s->by_address);
        pool_put(&ike->source_pool, s);
    }
}

/* ---- establishing ---- */

/* RFC 2407 §4.6.3.3: the peer has no other SAs. By identity; an address as identity says nothing once NAT is
 * between, where many peers call themselves 192.168.1.1 (RFC 3947 §6). SAs that came up while this one was
 * being made are not meant: both sides may begin at once. Nor are those with another address of ours: each
 * address is an identity of its own, and to the peer another gateway. */
static void honour_initial_contact(struct ike *ike, struct ike_sa *sa)
{
    uint32_t h = identity_hash(ike, sa);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_identity, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *old = container_of(l, struct ike_sa, by_identity);
        if (old == sa || !sa_established(old) || !same_identity(old, sa) || old->established >= sa->created ||
            !address_equal(&old->local.address, &sa->local.address))
            continue;
        bool is_address =
            sa->identity_type == ISAKMP_ID_IPV4_ADDR || sa->identity_type == ISAKMP_ID_IPV6_ADDR;
        if (is_address && (sa->nat_remote || old->nat_remote) && !endpoint_equal(&sa->remote, &old->remote))
            continue;
        ike_debugf(ike, "(%u): peer starts anew: IKE SA (%u) of the same identity goes", sa->number,
                   old->number);
        sa_doom(ike, old, SA_DOOMED_WITH_PAIRS, false);
    }
    orphans_forget(ike, sa);
}

static bool same_peer(const struct ike_sa *old, const struct ike_sa *sa)
{
    return on_path(old, &sa->local.address, &sa->remote.address) &&
           (same_identity(old, sa) || (!old->nat_remote && !sa->nat_remote));
}

static void adopt(struct ike *ike, struct ike_sa *sa)
{
    uint32_t h = path_hash(ike, &sa->local.address, &sa->remote.address);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_path, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *old = container_of(l, struct ike_sa, by_path);
        if (old == sa || !sa_alive(old) || !same_peer(old, sa))
            continue;
        while (!list_empty(&old->pairs))
            pair_adopt(ike, list_entry(old->pairs.next, struct ike_pair, on_sa), sa);
        sa->session_up = sa->session_up || old->session_up;
        old->session_up = false;
        old->superseded = true;
        old->reauth_at = NS_NEVER;
        if (old->id == sa->replaces)
            old->delete_at = ike->now + IKE_SA_OVERLAP;
        old->dirty = true;
        sa_timer(ike, old);
    }
    orphans_adopt(ike, sa);
}

/* How long before its end an IKE SA is made anew. Who began the old one begins first; the jitter spreads
 * many. */
static ns reauth_margin(struct ike *ike, const struct ike_sa *sa, ns life)
{
    ns margin = ns_min(life / 4, IKE_REAUTH_MARGIN_MAX);
    if (!sa->initiator)
        margin /= 2;
    return margin + margin / 4 * rng_below(&ike->rng, 1000) / 1000;
}

void sa_relife(struct ike *ike, struct ike_sa *sa)
{
    ns life = (ns)MAX(sa->policy.lifetime_seconds, (uint32_t)IKE_LIFETIME_MIN) * NS_PER_S;
    sa->expires = sa->established + life;
    if (!sa->superseded)
        sa->reauth_at = sa->expires - reauth_margin(ike, sa, life);
    sa_timer(ike, sa);
}

void sa_establish(struct ike *ike, struct ike_sa *sa, bool initial_contact)
{
    char peer[ENDPOINT_TEXT];
    sa_half_open_remove(ike, sa);
    sa_unindex_remote(ike, sa);
    sa->state = PHASE1_ESTABLISHED;
    sa->established = sa->last_in = ike->now;
    sa_relife(ike, sa);
    if (sa->nat_local && ike->config->nat_keepalive_seconds)
        sa->keepalive_at = ike->now + ike->config->nat_keepalive_seconds * NS_PER_S;
    sa->dpd_sequence_out = rng_u32(&ike->rng) >> 2;
    sa_index_path(ike, sa);
    if (initial_contact && sa->identity)
        honour_initial_contact(ike, sa);
    adopt(ike, sa);
    contact_note(ike, &sa->local.address, &sa->remote.address);
    ike->statistics.phase1_established++;
    ike_warn_weak(ike, sa->policy.encryption, sa->policy.hash, sa->policy.group);
    ike_debugf(ike, "(%u): SA has been authenticated with %s", sa->number, endpoint_print(&sa->remote, peer));
    if (ike->debug_keys && ike->out) {
        struct ike_action *a = action_add(ike, IKE_ACTION_KEYS);
        memcpy(a->keys.cookie_initiator, sa->cookie_i, 8);
        a->keys.key = action_copy(ike, bytes_of(sa->key, sa->key_len));
    }
    list_for_each_safe(&sa->wishes, l, next) wish_kick(ike, list_entry(l, struct wish, on_sa));
}
