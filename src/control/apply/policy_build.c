/* SPDX-License-Identifier: Apache-2.0 */
/* Collects destinations, sorts them, keeps each once; where a connected network is the same as a protected
 * destination it wins, because what leaves by a device without crypto map is never protected. */
#include "control/apply/policy_build.h"

#include <errno.h>
#include <stdlib.h>

#include "supervisor/handover.h"

void policy_destination(const struct config_acl_entry *e, uint8_t family, struct prefix *ret)
{
    const struct config_acl_side *s = &e->destination;
    uint8_t length = s->length;

    if (length == CONFIG_ACL_HOLES) {
        length = 0;
        while (length < 32 && !(s->wildcard >> (31 - length) & 1))
            length++;
    }
    *ret = (struct prefix){.address = s->address, .length = length};
    ret->address.family = family;
    prefix_mask(ret);
}

int policy_compare(const struct prefix *a, const struct prefix *b)
{
    int order = address_compare(&a->address, &b->address);

    return order ? order : (int)a->length - (int)b->length;
}

static int route_compare(const void *a, const void *b)
{
    const struct netlink_route *x = a, *y = b;
    int order = policy_compare(&x->destination, &y->destination);

    return order ? order : (y->type == NETLINK_ROUTE_THROW) - (x->type == NETLINK_ROUTE_THROW);
}

static void route_put(struct policy_routes *p, const struct prefix *to, uint32_t tun_ifindex)
{
    p->routes[p->count++] = (struct netlink_route){
        .destination = *to,
        .ifindex = tun_ifindex,
        .table = HOLDFAST_TABLE,
        .type = tun_ifindex ? NETLINK_ROUTE_UNICAST : NETLINK_ROUTE_THROW,
        .protocol = NETLINK_PROTOCOL_HOLDFAST,
    };
}

static bool device_protects(const struct scopes *s, uint32_t ifindex)
{
    for (uint32_t i = 0; i < s->binding_count; i++)
        if (s->bindings[i].ifindex == ifindex)
            return true;
    return false;
}

static void protected_collect(const struct scopes *s, uint32_t tun_ifindex, struct policy_routes *p)
{
    for (uint32_t i = 0; i < s->connection_count; i++) {
        const struct config_access_list *list = s->connections[i].access_list;
        for (uint32_t e = 0; e < list->entries.count; e++) {
            struct prefix to;
            if (list->entries.items[e].action != CONFIG_ACL_PERMIT)
                continue;
            policy_destination(&list->entries.items[e], list->family, &to);
            route_put(p, &to, tun_ifindex);
        }
    }
}

static void connected_collect(const struct scopes *s, const struct devices *d, uint32_t tun_ifindex,
                              struct policy_routes *p)
{
    for (uint32_t i = 0; i < d->address_count; i++) {
        const struct netlink_address *a = &d->addresses[i];
        const struct netlink_link *l = devices_find_index(d, a->ifindex);
        if (a->ifindex == tun_ifindex || (l && l->loopback) || device_protects(s, a->ifindex))
            continue;
        if (a->prefix.length == address_bits(&a->prefix.address) && !address_is_set(&a->peer))
            continue; /* a host address has no network */
        struct prefix to = a->prefix;
        if (address_is_set(&a->peer))
            to.address = a->peer;
        prefix_mask(&to);
        route_put(p, &to, 0);
    }
}

static void special_collect(const struct scopes *s, struct policy_routes *p)
{
    static const char *const text[] = {"169.254.0.0", "224.0.0.0", "255.255.255.255", "fe80::", "ff00::"};
    static const uint8_t length[] = {16, 4, 32, 10, 8};

    if (s->connection_count == 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
        struct prefix to = {.length = length[i]};
        if (address_parse(text[i], &to.address))
            route_put(p, &to, 0);
    }
}

static void routes_unite(struct policy_routes *p)
{
    uint32_t kept = 0;

    qsort(p->routes, p->count, sizeof *p->routes, route_compare);
    for (uint32_t i = 0; i < p->count; i++)
        if (kept == 0 || policy_compare(&p->routes[kept - 1].destination, &p->routes[i].destination) != 0)
            p->routes[kept++] = p->routes[i];
    p->count = kept;
}

int policy_build(const struct scopes *s, const struct devices *d, uint32_t tun_ifindex,
                 struct policy_routes *ret)
{
    size_t room = d->address_count + 8;

    for (uint32_t i = 0; i < s->connection_count; i++)
        room += s->connections[i].access_list->entries.count;
    *ret = (struct policy_routes){.routes = calloc(room, sizeof *ret->routes)};
    if (!ret->routes)
        return -ENOMEM;
    protected_collect(s, tun_ifindex, ret);
    connected_collect(s, d, tun_ifindex, ret);
    special_collect(s, ret);
    routes_unite(ret);
    return 0;
}

void policy_done(struct policy_routes *p)
{
    free(p->routes);
    *p = (struct policy_routes){0};
}
