/* SPDX-License-Identifier: Apache-2.0 */
/* `ip route` lines as kernel routes with their distance as metric. A route is there while its way out has its
 * line and the object that it tracks is up: else it is withdrawn, and a floating one takes over. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "control/control.h"
#include "control/redundancy/redundancy.h"
#include "control/routing/distance.h"

struct route_list {
    struct netlink_route *routes;
    uint32_t count, capacity;
};

static bool list_add(struct route_list *l, const struct netlink_route *r)
{
    if (l->count == l->capacity) {
        uint32_t next = l->capacity ? 2 * l->capacity : 64;
        struct netlink_route *grown = realloc(l->routes, next * sizeof *grown);
        if (!grown)
            return false;
        l->routes = grown;
        l->capacity = next;
    }
    l->routes[l->count++] = *r;
    return true;
}

static int route_order(const void *a, const void *b)
{
    const struct netlink_route *x = a, *y = b;
    int order = policy_compare(&x->destination, &y->destination);

    return order ? order : (x->metric > y->metric) - (x->metric < y->metric);
}

static bool link_usable(const struct control *c, uint32_t ifindex)
{
    const struct netlink_link *l = devices_find_index(&c->devices, ifindex);

    return l && l->up && l->carrier;
}

/* The device on whose network an address is; 0: none. */
static uint32_t connected_ifindex(const struct control *c, const struct address *a)
{
    uint32_t best = 0;
    int longest = -1;

    for (uint32_t i = 0; i < c->devices.address_count; i++) {
        const struct netlink_address *n = &c->devices.addresses[i];
        struct prefix p = n->prefix;
        if (address_is_set(&n->peer))
            p.address = n->peer;
        prefix_mask(&p);
        if (n->prefix.length == address_bits(a) && !address_is_set(&n->peer))
            continue;
        if (prefix_contains(&p, a) && (int)p.length > longest) {
            longest = p.length;
            best = n->ifindex;
        }
    }
    return best;
}

static uint32_t interface_ifindex(const struct control *c, const struct config *config, const char *name)
{
    const struct config_interface *i = config_find_interface(config, name);
    struct config_interface bare = {.name = (char *)name};
    char device[CONFIG_MAX_DEVICE + 1];

    if (!interface_device(i ? i : &bare, device) || (i && i->shutdown))
        return 0;
    const struct netlink_link *l = devices_find(&c->devices, device);
    return l ? l->ifindex : 0;
}

/* False: it has no way out now. */
static bool route_make(struct control *c, const struct config *config, const struct config_route *r,
                       struct netlink_route *ret)
{
    *ret =
        (struct netlink_route){.destination = r->prefix,
                               .gateway = r->next_hop,
                               .metric = distance_metric(r->distance, &r->prefix, config->routers.count > 0),
                               .protocol = NETLINK_PROTOCOL_HOLDFAST,
                               .type = NETLINK_ROUTE_UNICAST};
    if (r->interface.name && strncasecmp(r->interface.name, "Null", 4) == 0) {
        ret->type = NETLINK_ROUTE_BLACKHOLE;
        return true;
    }
    if (r->interface.name) {
        ret->ifindex = interface_ifindex(c, config, r->interface.name);
        ret->on_link = address_is_set(&r->next_hop);
        return ret->ifindex && link_usable(c, ret->ifindex);
    }
    ret->ifindex = connected_ifindex(c, &r->next_hop);
    if (ret->ifindex)
        return link_usable(c, ret->ifindex);
    /* The next hop is behind another router: the way to that is ours. */
    struct netlink_hop hop;
    if (netlink_route_find(c->netlink, &r->next_hop, NULL, HOLDFAST_MARK, &hop) != 0 ||
        hop.type != NETLINK_ROUTE_UNICAST || hop.ifindex == c->tun_ifindex)
        return false;
    ret->ifindex = hop.ifindex;
    ret->gateway = hop.gateway;
    return link_usable(c, hop.ifindex);
}

static bool wanted_collect(struct control *c, const struct config *config, struct route_list *ret)
{
    for (uint32_t i = 0; i < config->routes.count; i++) {
        struct netlink_route r;
        uint16_t track = config->routes.items[i].track;
        if (track && !redundancy_track_up(c, track))
            continue;
        if (route_make(c, config, &config->routes.items[i], &r) && !list_add(ret, &r))
            return false;
    }
    if (ret->count == 0)
        return true;
    qsort(ret->routes, ret->count, sizeof *ret->routes, route_order);
    /* Of several to one destination with one distance the first that works is used, the others stand by. */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ret->count; i++)
        if (kept == 0 || route_order(&ret->routes[kept - 1], &ret->routes[i]) != 0)
            ret->routes[kept++] = ret->routes[i];
    ret->count = kept;
    return true;
}

static void have_add(void *user, const struct netlink_route *r)
{
    if (r->protocol == NETLINK_PROTOCOL_HOLDFAST && (r->table == NETLINK_TABLE_MAIN || r->table == 0) &&
        distance_is_ours(r->metric)) /* others of our protocol are not ours to delete */
        (void)!list_add(user, r);
}

static bool route_same(const struct netlink_route *a, const struct netlink_route *b)
{
    return a->type == b->type && (a->ifindex == b->ifindex || a->type == NETLINK_ROUTE_BLACKHOLE) &&
           address_equal(&a->gateway, &b->gateway);
}

static void route_report(struct control *c, const struct netlink_route *r, int error)
{
    char text[PREFIX_TEXT];

    log_line(c->log, "HOLDFAST", 3, "ROUTE", "ip route %s (distance %u) cannot be set: %s",
             prefix_print(&r->destination, text), distance_of_metric(r->metric), strerror(-error));
}

static void routes_change(struct control *c, const struct route_list *want, const struct route_list *have)
{
    uint32_t w = 0, h = 0;

    while (w < want->count || h < have->count) {
        int order = w == want->count   ? 1
                    : h == have->count ? -1
                                       : route_order(&want->routes[w], &have->routes[h]);
        int error = 0;
        if (order > 0)
            (void)!netlink_route_delete(c->netlink,
                                        &have->routes[h]); /* the kernel may have done so already */
        else if (order < 0 || !route_same(&want->routes[w], &have->routes[h]))
            error = netlink_route_replace(c->netlink, &want->routes[w]);
        if (error)
            route_report(c, &want->routes[w], error);
        w += order <= 0;
        h += order >= 0;
    }
}

void apply_routes(struct control *c, const struct config *after)
{
    struct route_list want = {0}, have = {0};
    int error = netlink_routes(c->netlink, NETLINK_TABLE_MAIN, have_add, &have);

    if (have.count)
        qsort(have.routes, have.count, sizeof *have.routes, route_order);
    if (error || !wanted_collect(c, after, &want))
        log_line(c->log, "HOLDFAST", 3, "ROUTE", "static routes cannot be set: %s",
                 strerror(error ? -error : ENOMEM));
    else
        routes_change(c, &want, &have);
    free(want.routes);
    free(have.routes);
}
