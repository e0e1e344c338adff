/* SPDX-License-Identifier: Apache-2.0 */
/* What was learned: for each destination the neighbours' paths, and the best of them as a route. Internal
 * paths come before external ones, then the lower composite metric counts, then the lower address. Loops
 * cannot arise (eigrp.h), so there is no feasibility condition to keep. What we announce ourselves is not
 * installed: the way to it that we have is the better one. */
#include "eigrp/internal.h"

enum {
    PORT_DELAY = EIGRP_DELAY_DEFAULT * 256,
    PORT_BANDWIDTH = EIGRP_BANDWIDTH_SCALE / EIGRP_BANDWIDTH_DEFAULT
};

/* K1 = K3 = 1, the others 0. */
uint32_t metric_composite(const struct eigrp_metric *m)
{
    uint64_t sum = (uint64_t)m->bandwidth + m->delay;

    return m->delay == EIGRP_DELAY_INFINITE || sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static uint32_t prefix_hash(const struct prefix *p)
{
    return hash_bytes(p->address.bytes, 4, p->length);
}

static struct eigrp_destination *destination_find(const struct eigrp *e, const struct prefix *p)
{
    uint32_t hash = prefix_hash(p);

    for (struct hash_link *l = hash_table_first(&e->destination_table, hash); l;
         l = hash_link_next(l, hash)) {
        struct eigrp_destination *d = container_of(l, struct eigrp_destination, link);
        if (prefix_equal(&d->prefix, p))
            return d;
    }
    return NULL;
}

static struct eigrp_destination *destination_take(struct eigrp *e, const struct prefix *p)
{
    struct eigrp_destination *d = destination_find(e, p);

    if (d)
        return d;
    d = pool_take(&e->destinations);
    if (!d)
        return NULL;
    d->prefix = *p;
    list_init(&d->dirty);
    list_init(&d->paths);
    hash_table_add(&e->destination_table, &d->link, prefix_hash(p));
    return d;
}

static void destination_dirty(struct eigrp *e, struct eigrp_destination *d)
{
    if (list_empty(&d->dirty))
        list_add_tail(&e->dirty, &d->dirty);
}

static struct eigrp_path *path_find(const struct eigrp_destination *d, const struct eigrp_neighbour *n)
{
    list_for_each(&d->paths, at)
    {
        struct eigrp_path *p = list_entry(at, struct eigrp_path, link);
        if (p->neighbour == n)
            return p;
    }
    return NULL;
}

static void path_remove(struct eigrp *e, struct eigrp_path *p)
{
    destination_dirty(e, p->destination);
    p->neighbour->paths--;
    list_remove(&p->link);
    pool_put(&e->paths, p);
}

static struct eigrp_path *path_take(struct eigrp *e, struct eigrp_neighbour *n, const struct prefix *prefix)
{
    struct eigrp_destination *d = destination_take(e, prefix);
    struct eigrp_path *p = d ? path_find(d, n) : NULL;

    if (p || !d)
        return p;
    p = pool_take(&e->paths);
    if (!p) {
        destination_dirty(e, d); /* without paths it goes again */
        return NULL;
    }
    p->destination = d;
    p->neighbour = n;
    list_add_tail(&d->paths, &p->link);
    n->paths++;
    return p;
}

static bool prefix_possible(const struct prefix *p)
{
    uint32_t a = address_v4_get(&p->address);

    return !address_is_multicast(&p->address) && a >> 24 != 127 && (a != 0 || p->length == 0);
}

/* The neighbour's next hop, where that is a neighbour of ours as well; else itself. */
static uint32_t next_hop_of(const struct eigrp_neighbour *n, const struct eigrp_route *r)
{
    const struct prefix *own = &n->port->config.address;
    struct address hop = address_v4(r->next_hop);
    struct prefix network = *own;

    prefix_mask(&network);
    return r->next_hop && prefix_contains(&network, &hop) && !address_equal(&hop, &own->address) ? r->next_hop
                                                                                                 : n->address;
}

static void learn_one(struct eigrp *e, struct eigrp_neighbour *n, const struct eigrp_route *r,
                      const struct prefix *prefix)
{
    struct eigrp_metric total = r->metric;
    uint32_t reported = metric_composite(&r->metric);

    total.delay =
        r->metric.delay > UINT32_MAX - PORT_DELAY ? EIGRP_DELAY_INFINITE : r->metric.delay + PORT_DELAY;
    total.bandwidth = MAX(r->metric.bandwidth, (uint32_t)PORT_BANDWIDTH);
    bool reachable = metric_composite(&total) != UINT32_MAX && r->metric.hops < EIGRP_HOPS_MAX &&
                     prefix_possible(prefix) && !(r->external && r->origin.router_id == e->config.router_id);
    struct eigrp_destination *d = destination_find(e, prefix);
    struct eigrp_path *p = d ? path_find(d, n) : NULL;
    if (!reachable) {
        if (p)
            path_remove(e, p);
        return;
    }
    if (!p)
        p = path_take(e, n, prefix);
    if (!p) {
        e->counters.full++;
        return;
    }
    p->external = r->external;
    p->stale = false;
    p->next_hop = next_hop_of(n, r);
    p->metric = metric_composite(&total);
    p->reported = reported;
    p->tag = r->external ? r->origin.tag : 0;
    destination_dirty(e, p->destination);
}

void learn_route(struct eigrp *e, struct eigrp_neighbour *n, const struct eigrp_route *r)
{
    struct reader destinations = reader_of(r->destinations);
    struct prefix p;

    while (eigrp_destination_next(&destinations, &p))
        learn_one(e, n, r, &p);
}

/* Walks over all destinations: `each` may remove the path, destinations stay until learn_run. */
static void each_path_of(struct eigrp *e, struct eigrp_neighbour *n,
                         void (*each)(struct eigrp *e, struct eigrp_path *p))
{
    for (uint32_t i = 0; i < hash_table_buckets(&e->destination_table) && n->paths > 0; i++)
        for (struct hash_link *l = e->destination_table.buckets[i]; l; l = l->next) {
            struct eigrp_path *p = path_find(container_of(l, struct eigrp_destination, link), n);
            if (p)
                each(e, p);
        }
}

static void stale_set(struct eigrp *e, struct eigrp_path *p)
{
    (void)e;
    p->stale = true;
}

static void stale_remove(struct eigrp *e, struct eigrp_path *p)
{
    if (p->stale)
        path_remove(e, p);
}

void learn_mark_stale(struct eigrp *e, struct eigrp_neighbour *n)
{
    each_path_of(e, n, stale_set);
}

void learn_forget(struct eigrp *e, struct eigrp_neighbour *n, bool stale_only)
{
    each_path_of(e, n, stale_only ? stale_remove : path_remove);
}

/* ---- routes ---- */

static bool better(const struct eigrp_path *a, const struct eigrp_path *b)
{
    if (a->external != b->external)
        return b->external;
    return a->metric != b->metric ? a->metric < b->metric : a->next_hop < b->next_hop;
}

static const struct eigrp_path *best_of(const struct eigrp *e, const struct eigrp_destination *d)
{
    const struct eigrp_path *best = NULL;
    const struct eigrp_local *own = local_find(e, &d->prefix);

    if (own && own->present)
        return NULL;
    list_for_each(&d->paths, at)
    {
        const struct eigrp_path *p = list_entry(at, struct eigrp_path, link);
        if (!best || better(p, best))
            best = p;
    }
    return best;
}

static bool installed_so(const struct eigrp_destination *d, const struct eigrp_path *p)
{
    return d->installed && d->next_hop == p->next_hop && d->ifindex == p->neighbour->port->config.ifindex &&
           d->external == p->external && d->metric == p->metric && d->tag == p->tag;
}

static void route_say(struct eigrp_action *action, const struct eigrp_destination *d)
{
    action->route.destination = d->prefix;
    action->route.next_hop = d->next_hop;
    action->route.ifindex = d->ifindex;
    action->route.metric = d->metric;
    action->route.tag = d->tag;
    action->route.external = d->external;
}

/* A route that becomes an external one, or no longer is, is another one: the former goes first. */
static bool route_ends(const struct eigrp_destination *d, const struct eigrp_path *best)
{
    return d->installed && (!best || best->external != d->external);
}

/* False: no room for the action. */
static bool destination_settle(struct eigrp *e, struct eigrp_destination *d, struct eigrp_actions *a)
{
    const struct eigrp_path *best = best_of(e, d);

    if (route_ends(d, best)) {
        struct eigrp_action *action = eigrp_action_add(e, a, EIGRP_ROUTE_REMOVE);
        if (!action)
            return false;
        route_say(action, d);
        d->installed = false;
    }
    if (best && !installed_so(d, best)) {
        struct eigrp_action *action = eigrp_action_add(e, a, EIGRP_ROUTE);
        if (!action)
            return false;
        d->installed = true;
        d->next_hop = best->next_hop;
        d->ifindex = best->neighbour->port->config.ifindex;
        d->metric = best->metric;
        d->tag = best->tag;
        d->external = best->external;
        route_say(action, d);
    }
    list_remove(&d->dirty);
    if (list_empty(&d->paths)) {
        hash_table_remove(&e->destination_table, &d->link);
        pool_put(&e->destinations, d);
    }
    return true;
}

void learn_run(struct eigrp *e, struct eigrp_actions *a)
{
    while (!list_empty(&e->dirty))
        if (!destination_settle(e, list_entry(e->dirty.next, struct eigrp_destination, dirty), a))
            return;
}

/* Announced or no more: whether a learned one is used. */
void learn_reconsider(struct eigrp *e, const struct prefix *p)
{
    struct eigrp_destination *d = destination_find(e, p);

    if (d)
        destination_dirty(e, d);
}

void eigrp_each_path(const struct eigrp *e, void (*each)(void *user, const struct eigrp_path_view *v),
                     void *user)
{
    list_for_each(&e->changes, at)
    {
        const struct eigrp_local *l = list_entry(at, struct eigrp_local, change);
        const struct eigrp_metric m = {.delay = l->offer.delay * 256,
                                       .bandwidth = EIGRP_BANDWIDTH_SCALE / MAX(l->offer.bandwidth, 1u)};
        const struct eigrp_path_view v = {.destination = l->offer.destination,
                                          .local = true,
                                          .external = l->offer.external,
                                          .best = true,
                                          .ifindex = l->offer.ifindex,
                                          .metric = metric_composite(&m),
                                          .tag = l->offer.tag};
        if (l->present)
            each(user, &v);
    }
    for (uint32_t i = 0; i < hash_table_buckets(&e->destination_table); i++)
        for (struct hash_link *l = e->destination_table.buckets[i]; l; l = l->next) {
            const struct eigrp_destination *d = container_of(l, struct eigrp_destination, link);
            const struct eigrp_path *best = best_of(e, d);
            list_for_each(&d->paths, at)
            {
                const struct eigrp_path *p = list_entry(at, struct eigrp_path, link);
                const struct eigrp_path_view v = {.destination = d->prefix,
                                                  .external = p->external,
                                                  .best = p == best,
                                                  .next_hop = p->next_hop,
                                                  .ifindex = p->neighbour->port->config.ifindex,
                                                  .metric = p->metric,
                                                  .reported = p->reported,
                                                  .tag = p->tag};
                each(user, &v);
            }
        }
}
