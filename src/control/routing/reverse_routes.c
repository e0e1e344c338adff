/* SPDX-License-Identifier: Apache-2.0 */
/* Routes to the networks behind the peers, counted and told to the kernel; see reverse_routes.h. An item is
 * one route that is wanted by someone; it lies in the queue while the kernel may have to be told. */
#include "control/routing/reverse_routes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash_table.h"
#include "base/list.h"
#include "control/control.h"
#include "control/routing/distance.h"
#include "control/routing/eigrp.h"
#include "control/ssp/ssp.h"

enum { AT_ONCE = 64, PAUSE_MS = 1 };

struct item {
    struct hash_link link; /* by destination */
    struct list all, due;
    uint32_t connection;
    uint32_t pairs;
    uint8_t group; /* of gateways that share the SAs: only its owner has the routes */
    bool permanent, installed;
    struct reverse_want want;
    struct netlink_route route; /* as installed */
};

struct reverse_routes {
    struct control *control;
    struct hash_table table;
    struct list all, due;
    uv_timer_t timer;
    bool full_said;
};

struct reverse_routes *reverse_routes_new(struct control *c)
{
    struct reverse_routes *r = calloc(1, sizeof *r);

    if (!r || hash_table_init(&r->table, REVERSE_ROUTES_MAX) != 0) {
        free(r);
        return NULL;
    }
    r->control = c;
    list_init(&r->all);
    list_init(&r->due);
    uv_timer_init(&c->loop, &r->timer);
    r->timer.data = r;
    return r;
}

static uint32_t item_hash(const struct prefix *p)
{
    return hash_bytes(p->address.bytes, 16, p->length);
}

static struct item *item_find(const struct reverse_routes *r, uint32_t connection,
                              const struct reverse_want *w)
{
    uint32_t hash = item_hash(&w->destination);

    for (struct hash_link *l = hash_table_first(&r->table, hash); l; l = hash_link_next(l, hash)) {
        struct item *i = container_of(l, struct item, link);
        if (i->connection == connection && i->want.destination.length == w->destination.length &&
            i->want.distance == w->distance &&
            address_equal(&i->want.destination.address, &w->destination.address) &&
            address_equal(&i->want.next_hop, &w->next_hop))
            return i;
    }
    return NULL;
}

static void item_free(struct reverse_routes *r, struct item *i)
{
    hash_table_remove(&r->table, &i->link);
    list_remove(&i->all);
    list_remove(&i->due);
    free(i);
}

/* ---- the kernel ---- */

static bool route_of(struct control *c, const struct item *i, struct netlink_route *ret)
{
    struct netlink_hop hop;

    if (netlink_route_find(c->netlink, &i->want.next_hop, NULL, HOLDFAST_MARK, &hop) != 0 ||
        hop.type != NETLINK_ROUTE_UNICAST || hop.ifindex == c->tun_ifindex)
        return false;
    bool connected = !address_is_set(&hop.gateway);
    *ret = (struct netlink_route){.destination = i->want.destination,
                                  .gateway = connected ? i->want.next_hop : hop.gateway,
                                  .ifindex = hop.ifindex,
                                  .metric =
                                      distance_metric(i->want.distance, &i->want.destination, c->protocols),
                                  .type = NETLINK_ROUTE_UNICAST,
                                  .protocol = REVERSE_ROUTE_PROTOCOL,
                                  .on_link = true};
    return true;
}

/* Another item's route to the same destination may be in place: two peers had the same network. */
static bool place_is_ours(const struct reverse_routes *r, const struct item *me)
{
    uint32_t hash = item_hash(&me->want.destination);

    for (struct hash_link *l = hash_table_first(&r->table, hash); l; l = hash_link_next(l, hash)) {
        const struct item *i = container_of(l, struct item, link);
        if (i != me && i->installed && i->want.distance == me->want.distance &&
            i->want.destination.length == me->want.destination.length &&
            address_equal(&i->want.destination.address, &me->want.destination.address))
            return true;
    }
    return false;
}

static void item_install(struct reverse_routes *r, struct item *i, const struct netlink_route *route)
{
    char text[PREFIX_TEXT];
    struct control *c = r->control;
    int error = netlink_route_add(c->netlink, route);

    if (error == -EEXIST && place_is_ours(r, i))
        error = netlink_route_replace(c->netlink, route);
    i->installed = error == 0;
    i->route = *route;
    if (error)
        log_line(c->log, "HOLDFAST", 4, "REVERSE_ROUTE", "the route to %s (distance %u) cannot be set: %s",
                 prefix_print(&route->destination, text), i->want.distance,
                 error == -EEXIST ? "there is another one with this distance" : strerror(-error));
}

static bool route_same(const struct netlink_route *a, const struct netlink_route *b)
{
    return a->ifindex == b->ifindex && a->metric == b->metric && address_equal(&a->gateway, &b->gateway);
}

static void item_settle(struct reverse_routes *r, struct item *i)
{
    struct netlink_route route;
    bool was = i->installed, wanted = i->pairs > 0 || i->permanent;
    bool possible = wanted && ssp_active(r->control, i->group) && route_of(r->control, i, &route);

    if (i->installed && (!possible || !route_same(&route, &i->route))) {
        (void)!netlink_route_delete(r->control->netlink, &i->route); /* it may have gone with its device */
        i->installed = false;
    }
    if (possible && !i->installed)
        item_install(r, i, &route);
    else if (possible)
        (void)!netlink_route_add(r->control->netlink, &route); /* should it have gone with its device */
    if (i->installed || was)
        eigrp_process_routes_changed(r->control);
    if (!wanted)
        item_free(r, i);
}

static void settle_due(uv_timer_t *timer)
{
    struct reverse_routes *r = timer->data;

    for (int n = 0; n < AT_ONCE && !list_empty(&r->due); n++) {
        struct item *i = list_entry(r->due.next, struct item, due);
        list_remove(&i->due);
        item_settle(r, i);
    }
    if (!list_empty(&r->due))
        uv_timer_start(&r->timer, settle_due, PAUSE_MS, 0);
}

static void item_queue(struct reverse_routes *r, struct item *i)
{
    if (list_empty(&i->due))
        list_add_tail(&r->due, &i->due);
    if (!uv_is_active((uv_handle_t *)&r->timer))
        uv_timer_start(&r->timer, settle_due, 0, 0);
}

/* ---- counting ---- */

static const struct scope_connection *connection_find(const struct reverse_routes *r, uint32_t id)
{
    const struct generation *g = r->control->generation;

    for (uint32_t i = 0; g && i < g->scopes.connection_count; i++)
        if (g->scopes.connections[i].id == id)
            return &g->scopes.connections[i];
    return NULL;
}

static uint8_t group_of(const struct reverse_routes *r, uint32_t connection)
{
    const struct scope_connection *c = connection_find(r, connection);

    return c ? scope_of(&r->control->generation->scopes, c)->group : 0;
}

static struct item *item_take(struct reverse_routes *r, uint32_t connection, const struct reverse_want *w)
{
    struct item *i = item_find(r, connection, w);

    if (i)
        return i;
    i = r->table.count < REVERSE_ROUTES_MAX ? calloc(1, sizeof *i) : NULL;
    if (!i) {
        if (!r->full_said)
            log_line(r->control->log, "HOLDFAST", 3, "REVERSE_ROUTE",
                     "too many reverse routes: no more are set");
        r->full_said = true;
        return NULL;
    }
    i->connection = connection;
    i->group = group_of(r, connection);
    i->want = *w;
    list_init(&i->due);
    list_add_tail(&r->all, &i->all);
    hash_table_add(&r->table, &i->link, item_hash(&w->destination));
    return i;
}

static size_t wants_of(const struct reverse_routes *r, uint32_t connection, const struct prefix *remote,
                       const struct address *peer, struct reverse_want ret[REVERSE_WANTS_MAX])
{
    const struct scope_connection *c = connection_find(r, connection);

    return c ? reverse_route_wants(&c->entry->reverse_route, remote, peer, ret) : 0;
}

void reverse_routes_add(struct reverse_routes *r, uint32_t connection, const struct prefix *remote,
                        const struct address *peer)
{
    struct reverse_want wants[REVERSE_WANTS_MAX];
    size_t n = wants_of(r, connection, remote, peer, wants);

    for (size_t k = 0; k < n; k++) {
        struct item *i = item_take(r, connection, &wants[k]);
        if (i && i->pairs++ == 0)
            item_queue(r, i);
    }
}

void reverse_routes_remove(struct reverse_routes *r, uint32_t connection, const struct prefix *remote,
                           const struct address *peer)
{
    struct reverse_want wants[REVERSE_WANTS_MAX];
    size_t n = wants_of(r, connection, remote, peer, wants);

    for (size_t k = 0; k < n; k++) {
        struct item *i = item_find(r, connection, &wants[k]);
        if (i && i->pairs > 0 && --i->pairs == 0)
            item_queue(r, i);
    }
}

static void statics_count(struct reverse_routes *r, const struct scope_connection *c)
{
    struct address peer = c->entry->peers.count ? c->entry->peers.items[0].address : (struct address){0};
    const struct config_access_list *list = c->access_list;

    for (uint32_t n = 0; n < list->entries.count; n++) {
        struct prefix remote;
        struct reverse_want wants[REVERSE_WANTS_MAX];
        if (list->entries.items[n].action != CONFIG_ACL_PERMIT)
            continue;
        policy_destination(&list->entries.items[n], list->family, &remote);
        size_t count = reverse_route_wants(&c->entry->reverse_route, &remote, &peer, wants);
        for (size_t k = 0; k < count; k++) {
            struct item *i = item_take(r, c->id, &wants[k]);
            if (i)
                i->permanent = true;
        }
    }
}

static void pairs_count(struct reverse_routes *r)
{
    const struct sad *sad = r->control->sad;
    uint32_t used = atomic_load(&sad->slots_used);

    for (uint32_t slot = sad_next_slot(sad, 0, used); slot < used;
         slot = sad_next_slot(sad, slot + 1, used)) {
        const struct sad_pair *p = &sad->pairs[slot];
        uint32_t state = atomic_load(&p->state);
        if (state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED)
            reverse_routes_add(r, p->entry, &p->selector.remote, &p->remote.address);
    }
}

void reverse_routes_configure(struct reverse_routes *r)
{
    const struct scopes *s = &r->control->generation->scopes;
    bool any = !list_empty(&r->all);

    for (uint32_t i = 0; i < s->connection_count && !any; i++)
        any = s->connections[i].entry->reverse_route.enabled;
    if (!any)
        return;
    list_for_each(&r->all, at)
    {
        struct item *i = list_entry(at, struct item, all);
        i->pairs = 0;
        i->permanent = false;
    }
    pairs_count(r);
    for (uint32_t i = 0; i < s->connection_count; i++)
        if (s->connections[i].entry->reverse_route.enabled &&
            s->connections[i].entry->reverse_route.is_static)
            statics_count(r, &s->connections[i]);
    reverse_routes_refresh(r);
}

void reverse_routes_refresh(struct reverse_routes *r)
{
    list_for_each(&r->all, at) item_queue(r, list_entry(at, struct item, all));
}

/* ---- beginning and end ---- */

struct leftovers {
    struct reverse_routes *routes;
    struct netlink_route *list;
    uint32_t count, capacity;
};

/* A route that an item wants just so becomes its own; the others are collected. */
static void leftover_add(void *user, const struct netlink_route *k)
{
    struct leftovers *l = user;
    uint32_t hash = item_hash(&k->destination);

    if (k->protocol != REVERSE_ROUTE_PROTOCOL)
        return;
    for (struct hash_link *at = hash_table_first(&l->routes->table, hash); at;
         at = hash_link_next(at, hash)) {
        struct item *i = container_of(at, struct item, link);
        if (i->want.destination.length == k->destination.length &&
            i->want.distance == distance_of_metric(k->metric) &&
            address_equal(&i->want.destination.address, &k->destination.address)) {
            i->installed = true;
            i->route = *k;
            i->route.on_link = true;
            return;
        }
    }
    if (l->count == l->capacity) {
        uint32_t next = l->capacity ? 2 * l->capacity : 64;
        struct netlink_route *grown = realloc(l->list, next * sizeof *grown);
        if (!grown)
            return;
        l->list = grown;
        l->capacity = next;
    }
    l->list[l->count++] = *k;
}

void reverse_routes_tidy(struct reverse_routes *r)
{
    struct leftovers l = {.routes = r};

    (void)!netlink_routes(r->control->netlink, NETLINK_TABLE_MAIN, leftover_add, &l);
    for (uint32_t i = 0; i < l.count; i++)
        (void)!netlink_route_delete(r->control->netlink, &l.list[i]);
    free(l.list);
}

void reverse_routes_end(struct reverse_routes *r)
{
    (void)!netlink_routes_flush(r->control->netlink, NETLINK_TABLE_MAIN, REVERSE_ROUTE_PROTOCOL);
    uv_timer_stop(&r->timer);
    list_for_each_safe(&r->all, at, next) item_free(r, list_entry(at, struct item, all));
}
