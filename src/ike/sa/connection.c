/* SPDX-License-Identifier: Apache-2.0 */
/* Connections and wishes. Peers are tried from the last one that worked, in the order of the configuration,
 * each once per wish; when none is left the packet path is told. Always holds: a wish is attached to at most
 * one IKE SA (that is being made, or under which its quick mode runs), and there is one wish per (connection,
 * selector). */
#include "ike/sa/connection.h"

#include "ike/exchange/exchange.h"
#include "ike/negotiate/proxy.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/v1/phase1.h"
#include "ike/v1/quick_mode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t path_hash(const struct ike *ike, const struct address *local, const struct address *peer)
{
    return hash_bytes(peer->bytes, 16, ike->seed ^ address_hash(local) ^ 0x500);
}

/* What takes any peer of a local address lies under no peer. */
static const struct address any_peer;

static uint32_t wish_hash(const struct ike *ike, uint32_t connection, const struct selector *s)
{
    return hash_bytes(s, offsetof(struct selector, protocol) + 1,
                      ike->seed ^ connection ^ s->local_port_low ^ s->remote_port_low);
}

struct connection *connection_find(const struct ike *ike, uint32_t id)
{
    uint32_t h = hash_bytes(&id, sizeof(id), ike->seed);
    for (struct hash_link *l = hash_table_first(&ike->connection_by_id, h); l; l = hash_link_next(l, h)) {
        struct connection *c = container_of(l, struct connection, by_id);
        if (c->id == id)
            return c;
    }
    return NULL;
}

static struct connection *connection_get(struct ike *ike, uint32_t id)
{
    struct connection *c = connection_find(ike, id);
    if (c)
        return c;
    c = pool_take(&ike->connection_pool);
    if (!c)
        return NULL;
    c->id = id;
    list_add_tail(&ike->connections, &c->all);
    hash_table_add(&ike->connection_by_id, &c->by_id, hash_bytes(&id, sizeof(id), ike->seed));
    return c;
}

struct connection *connection_restore(struct ike *ike, uint32_t id)
{
    return connection_get(ike, id);
}

static void connection_free(struct ike *ike, struct connection *c)
{
    hash_table_remove(&ike->connection_by_id, &c->by_id);
    list_remove(&c->all);
    free(c->last_error);
    pool_put(&ike->connection_pool, c);
}

/* ---- configuration ---- */

static bool transform_set_has(const struct ike_transform_set *set, const struct ike_pair *p)
{
    const struct ike_pair *ah = p->protocol == 51 ? p : p->outer;
    const struct ike_pair *esp = p->protocol == 50 ? p : NULL;
    if (set->has_esp != (esp != NULL) || set->has_ah != (ah != NULL))
        return false;
    return (!esp || packet_algorithms_equal(&set->esp, &esp->algorithms)) &&
           (!ah || set->ah_integrity == ah->algorithms.integrity);
}

/* Whether a pair is still what its connection means. */
static bool pair_fits(const struct ike_pair *p)
{
    const struct ike_connection *config = p->connection->config;
    if (!config || !address_equal(&config->local, &p->local.address) ||
        !connection_has_peer(p->connection, &p->remote.address, NULL))
        return false;
    bool fits = false;
    for (uint32_t i = 0; i < config->transform_set_count && !fits; i++)
        fits = transform_set_has(config->transform_sets[i], p);
    bool covered = config->dynamic && config->selector_count == 0;
    for (uint32_t i = 0; i < config->selector_count && fits && !covered; i++)
        covered = selector_covers(&config->selectors[i], &p->selector);
    return fits && covered;
}

static void configure_one(struct ike *ike, struct connection *c, const struct ike_connection *config)
{
    c->config = config;
    c->mark = true;
    c->quiet_until = 0; /* what was in the way (no local address, no peer) may be gone */
    uint32_t peer;
    if (c->worked && connection_has_peer(c, &c->last_peer, &peer)) {
        c->preferred = peer;
        return;
    }
    c->worked = false;
    c->preferred = 0;
    connection_idle(ike, c);
}

static void sweep(struct ike *ike)
{
    for (uint32_t slot = 0; slot < ike->limits.pair_max; slot++) {
        struct ike_pair *p = ike->pairs[slot];
        /* What we stand by for is judged by the one that serves it. */
        if (p && !p->inner && !p->loose && !group_standby(ike, p->timer.group)) {
            if (!pair_fits(p))
                pair_doom(ike, p, true);
            pair_idle_start(ike, p);
        }
    }
    list_for_each(&ike->sas, l)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        if (!group_standby(ike, sa->timer.group) &&
            !peer_link_find(ike, &sa->local.address, &sa->remote.address, NULL))
            sa_doom(ike, sa, SA_DOOMED_WITH_PAIRS, true);
    }
    list_for_each_safe(&ike->connections, l, next)
    {
        struct connection *c = list_entry(l, struct connection, all);
        if (!c->config && c->pairs == 0 && c->wishes == 0)
            connection_free(ike, c);
    }
}

static void link_add(struct ike *ike, struct peer_link *link, struct connection *c, uint32_t peer,
                     const struct address *address)
{
    link->connection = c;
    link->peer = peer;
    hash_table_add(&ike->peer_by_path, &link->by_path, path_hash(ike, &c->config->local, address));
}

int connections_configure(struct ike *ike)
{
    const struct ike_config *config = ike->config;
    uint32_t links = 0, next = 0;
    for (uint32_t i = 0; i < config->connection_count; i++)
        links += MAX(config->connections[i].peer_count, 1u);
    free(ike->peer_links);
    hash_table_done(&ike->peer_by_path);
    ike->peer_links = calloc(MAX(links, 1u), sizeof(*ike->peer_links));
    if (!ike->peer_links || hash_table_init(&ike->peer_by_path, links) < 0)
        return -ENOMEM;
    list_for_each(&ike->connections, l)
    {
        struct connection *c = list_entry(l, struct connection, all);
        c->config = NULL;
        c->mark = false;
    }
    for (uint32_t i = config->connection_count; i-- > 0;) {
        const struct ike_connection *each = &config->connections[i];
        struct connection *c = connection_get(ike, each->id);
        if (!c)
            return -ENOMEM;
        configure_one(ike, c, each);
        for (uint32_t p = 0; p < each->peer_count; p++)
            link_add(ike, &ike->peer_links[next++], c, p, &each->peers[p].address);
        if (each->dynamic && each->peer_count == 0)
            link_add(ike, &ike->peer_links[next++], c, UINT32_MAX, &any_peer);
    }
    /* Wishes hold peer indexes of the old configuration: they begin again. */
    for (uint32_t b = 0; b < hash_table_buckets(&ike->wish_by_selector); b++)
        for (struct hash_link *l = ike->wish_by_selector.buckets[b]; l; l = l->next) {
            struct wish *w = container_of(l, struct wish, by_selector);
            w->tried = 0;
            w->first = w->connection->preferred;
            if (!w->sa)
                wish_kick(ike, w);
        }
    sweep(ike);
    return 0;
}

void connections_done(struct ike *ike)
{
    list_for_each_safe(&ike->connections, l, next)
        connection_free(ike, list_entry(l, struct connection, all));
    free(ike->peer_links);
    hash_table_done(&ike->peer_by_path);
}

static bool link_is(const struct peer_link *link, const struct address *local, const struct address *peer)
{
    const struct ike_connection *config = link->connection->config;
    if (!config || !address_equal(&config->local, local))
        return false;
    if (peer == &any_peer)
        return link->peer == UINT32_MAX;
    return link->peer < config->peer_count && address_equal(&config->peers[link->peer].address, peer);
}

static struct peer_link *link_find(const struct ike *ike, const struct address *local,
                                   const struct address *peer, struct peer_link *after)
{
    uint32_t h = path_hash(ike, local, peer);
    struct hash_link *l =
        after ? hash_link_next(&after->by_path, h) : hash_table_first(&ike->peer_by_path, h);
    for (; l; l = hash_link_next(l, h)) {
        struct peer_link *link = container_of(l, struct peer_link, by_path);
        if (link_is(link, local, peer))
            return link;
    }
    return NULL;
}

struct peer_link *peer_link_find(const struct ike *ike, const struct address *local,
                                 const struct address *peer, struct peer_link *after)
{
    struct peer_link *link = after && after->peer == UINT32_MAX ? NULL : link_find(ike, local, peer, after);
    if (link || !address_is_set(peer))
        return link;
    return link_find(ike, local, &any_peer, after && after->peer == UINT32_MAX ? after : NULL);
}

bool connection_has_peer(const struct connection *c, const struct address *peer, uint32_t *ret_index)
{
    for (uint32_t i = 0; c->config && i < c->config->peer_count; i++)
        if (address_equal(&c->config->peers[i].address, peer)) {
            if (ret_index)
                *ret_index = i;
            return true;
        }
    if (!c->config || !c->config->dynamic || c->config->peer_count > 0)
        return false;
    if (ret_index)
        *ret_index = 0;
    return true;
}

void connection_error(struct connection *c, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return;
    free(c->last_error);
    c->last_error = copy;
}

void connection_release_pair(struct ike *ike, struct connection *c)
{
    c->pairs--;
    if (!c->config && c->pairs == 0 && c->wishes == 0)
        connection_free(ike, c);
}

void connection_idle(struct ike *ike, struct connection *c)
{
    (void)ike;
    for (uint32_t i = 0; c->config && i < c->config->peer_count; i++)
        if (c->config->peers[i].is_default) {
            c->preferred = i;
            c->worked = false;
            return;
        }
}

void connection_worked(struct ike *ike, struct connection *c, const struct address *peer)
{
    uint32_t index;
    if (!connection_has_peer(c, peer, &index) || c->config->dynamic)
        return;
    c->quiet_until = 0;
    if (c->worked && address_equal(&c->last_peer, peer))
        return;
    c->worked = true;
    c->preferred = index;
    c->last_peer = *peer;
    record_connection(ike, c);
}

/* ---- wishes ---- */

static void wish_attach(struct ike *ike, struct wish *w, struct ike_sa *sa)
{
    (void)ike;
    w->sa = sa;
    list_add_tail(&sa->wishes, &w->on_sa);
}

struct wish *wish_find(const struct ike *ike, const struct connection *c, const struct selector *s)
{
    uint32_t h = wish_hash(ike, c->id, s);
    for (struct hash_link *l = hash_table_first(&ike->wish_by_selector, h); l; l = hash_link_next(l, h)) {
        struct wish *w = container_of(l, struct wish, by_selector);
        if (w->connection == c && selector_equal(&w->selector, s))
            return w;
    }
    return NULL;
}

bool wish_make_dynamic(struct ike *ike, struct connection *c, const struct selector *s,
                       const struct address *peer, struct ike_sa *sa)
{
    struct selector selector = *s;
    proxy_widen(&selector);
    if (wish_find(ike, c, &selector))
        return false; /* another peer with the same networks is being rekeyed: later */
    if (!wish_make(ike, c, s, 0, false))
        return false;
    struct wish *w = wish_find(ike, c, &selector);
    w->to = *peer;
    if (sa && sa_established(sa) && !sa->doom)
        wish_attach(ike, w, sa);
    return true;
}

bool wish_make(struct ike *ike, struct connection *c, const struct selector *s, uint32_t peer, bool acquire)
{
    struct selector selector = *s;
    proxy_widen(&selector);
    struct wish *w = wish_find(ike, c, &selector);
    if (w) {
        w->acquire = w->acquire || acquire;
        return true;
    }
    uint8_t group = group_of_connection(ike, c);
    if (timers_reserve(ike, group) < 0)
        return false;
    w = pool_take(&ike->wish_pool);
    if (!w)
        return false;
    w->connection = c;
    w->selector = selector;
    w->asked = *s;
    w->first = peer != UINT32_MAX ? peer : c->preferred;
    w->began = ike->now;
    w->acquire = acquire;
    w->timer.kind = TIMER_WISH;
    w->timer.group = group;
    list_init(&w->on_sa);
    hash_table_add(&ike->wish_by_selector, &w->by_selector, wish_hash(ike, c->id, &selector));
    c->wishes++;
    c->attempts++;
    wish_kick(ike, w);
    return true;
}

void wish_kick(struct ike *ike, struct wish *w)
{
    group_timer_set(ike, &w->timer, ike->now);
}

static void wish_detach(struct wish *w)
{
    list_remove(&w->on_sa);
    w->sa = NULL;
    if (w->exchange)
        w->exchange->wish = NULL;
    w->exchange = NULL;
}

void wish_free(struct ike *ike, struct wish *w)
{
    struct connection *c = w->connection;
    wish_detach(w);
    group_timer_done(ike, &w->timer);
    hash_table_remove(&ike->wish_by_selector, &w->by_selector);
    pool_put(&ike->wish_pool, w);
    c->wishes--;
    if (!c->config && c->pairs == 0 && c->wishes == 0)
        connection_free(ike, c);
}

void wish_done(struct ike *ike, struct wish *w)
{
    if (w->sa)
        connection_worked(ike, w->connection, &w->sa->remote.address);
    wish_free(ike, w);
}

static uint32_t wish_peer(const struct wish *w)
{
    return (w->first + w->tried) % MAX(w->connection->config->peer_count, 1u);
}

void wish_next_peer(struct ike *ike, struct wish *w, const char *cause)
{
    char text[192], peer[ADDRESS_TEXT];
    const struct ike_connection *config = w->connection->config;
    if (config && (config->peer_count || config->dynamic)) {
        const struct address *to = config->dynamic ? &w->to : &config->peers[wish_peer(w)].address;
        snprintf(text, sizeof(text), "peer %s: %s", address_print(to, peer), cause);
        connection_error(w->connection, text);
        ike_debugf(ike, "crypto map %s %u: %s", config->map_name, config->sequence, text);
    }
    wish_detach(w);
    w->tried++;
    w->fresh = false;
    wish_kick(ike, w);
}

void wish_retry_peer(struct ike *ike, struct wish *w)
{
    wish_detach(w);
    wish_kick(ike, w);
}

static void wish_failed(struct ike *ike, struct wish *w)
{
    char selector[SELECTOR_TEXT];
    struct connection *c = w->connection;
    c->failures++;
    if (!c->config || !c->config->dynamic) /* one peer of many says nothing of the others */
        c->quiet_until = ike->now + IKE_PATH_RETRY;
    if (c->config)
        ike_log(ike, 3, "PEERS_FAILED", "crypto map %s %u: no peer can be had for %s: %s",
                c->config->map_name, c->config->sequence, selector_print(&w->selector, selector),
                c->last_error ? c->last_error : "no peer configured");
    if (w->acquire) {
        struct ike_action *a = action_add(ike, IKE_ACTION_ACQUIRE_FAILED);
        a->acquire_failed.connection = c->id;
        a->acquire_failed.selector = w->asked;
    }
    wish_free(ike, w);
}

void wish_step(struct ike *ike, struct wish *w)
{
    const struct ike_connection *config = w->connection->config;
    if (w->exchange)
        return;
    if (!config || w->tried >= (config->dynamic ? 1 : config->peer_count)) {
        wish_failed(ike, w);
        return;
    }
    if (w->sa && !sa_established(w->sa))
        return; /* goes on when it is */
    const struct address *peer = config->dynamic ? &w->to : &config->peers[wish_peer(w)].address;
    struct ike_sa *sa = w->sa ? w->sa : sa_find_path(ike, &config->local, peer);
    if (!sa && config->dynamic) {
        wish_next_peer(ike, w, "there is no IKE SA with it, and a dynamic crypto map does not initiate");
        return;
    }
    if (!w->sa && !sa) {
        const char *cause = NULL;
        sa = sa_find_path_initiating(ike, &config->local, peer);
        if (!sa)
            sa = phase1_initiate(ike, config, wish_peer(w), 0, &cause);
        if (!sa) {
            wish_next_peer(ike, w, cause);
            return;
        }
        w->fresh = true;
    }
    if (!w->sa)
        wish_attach(ike, w, sa);
    if (!sa_established(sa))
        return;
    const char *cause = NULL;
    if (!quick_initiate(ike, sa, w, &cause)) {
        if (!cause) { /* too much at once: soon again */
            wish_detach(w);
            group_timer_set(ike, &w->timer, ike->now + NS_PER_S);
        } else {
            wish_next_peer(ike, w, cause);
        }
    }
}

static void drop(struct ike *ike, bool (*which)(const struct wish *w, uint32_t number), uint32_t number)
{
    for (uint32_t b = 0; b < hash_table_buckets(&ike->wish_by_selector); b++)
        for (struct hash_link *l = ike->wish_by_selector.buckets[b], *next; l; l = next) {
            struct wish *w = container_of(l, struct wish, by_selector);
            next = l->next;
            if (which(w, number))
                wish_free(ike, w);
        }
}

static bool of_connection(const struct wish *w, uint32_t connection)
{
    return connection == UINT32_MAX || w->connection->id == connection;
}

static bool of_group(const struct wish *w, uint32_t group)
{
    return w->timer.group == group;
}

void wishes_drop(struct ike *ike, uint32_t connection)
{
    drop(ike, of_connection, connection);
}

void wishes_drop_group(struct ike *ike, uint8_t group)
{
    drop(ike, of_group, group);
}
