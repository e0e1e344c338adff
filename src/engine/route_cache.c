/* SPDX-License-Identifier: Apache-2.0 */
/* See route_cache.h. Two places per destination in a fixed table, of which the one that was used less lately
 * is given up; a flush is one increment. */
#include "engine/route_cache.h"

#include <stdlib.h>

#include "base/be.h"
#include "base/hash_table.h"

enum { ROUTE_SETS = 1 << 14, ROUTE_WAYS = 2, LINKS = 64 };

struct entry {
    struct address destination;
    uint32_t generation; /* 0: empty */
    struct route route;
};

struct link_mtu {
    uint32_t ifindex, generation, mtu;
};

struct route_cache {
    struct netlink *netlink;
    uint32_t mark;
    uint32_t generation;
    uint64_t seed;
    struct entry last; /* packets come in trains */
    struct link_mtu links[LINKS];
    struct entry sets[ROUTE_SETS][ROUTE_WAYS]; /* [0] was used last */
};

struct route_cache *route_cache_new(struct netlink *netlink, uint32_t mark, uint64_t seed)
{
    struct route_cache *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->netlink = netlink;
    c->mark = mark;
    c->seed = seed;
    c->generation = 1;
    return c;
}

void route_cache_free(struct route_cache *c)
{
    free(c);
}

void route_cache_flush(struct route_cache *c)
{
    if (++c->generation == 0) {
        memset(c->sets, 0, sizeof(c->sets));
        memset(c->links, 0, sizeof(c->links));
        memset(&c->last, 0, sizeof(c->last));
        c->generation = 1;
    }
}

/* 0: the interface is gone. */
static uint32_t link_mtu_find(struct route_cache *c, uint32_t ifindex)
{
    struct link_mtu *l = &c->links[ifindex % LINKS];
    if (l->ifindex == ifindex && l->generation == c->generation)
        return l->mtu;
    struct netlink_link link;
    if (netlink_link_by_index(c->netlink, ifindex, &link) < 0)
        return 0;
    *l = (struct link_mtu){ifindex, c->generation, link.mtu};
    return link.mtu;
}

static struct route route_ask(struct route_cache *c, const struct address *destination)
{
    struct netlink_hop hop;
    if (netlink_route_find(c->netlink, destination, NULL, c->mark, &hop) < 0 ||
        hop.type > NETLINK_ROUTE_MULTICAST)
        return (struct route){0};
    uint32_t mtu = link_mtu_find(c, hop.ifindex);
    return mtu ? (struct route){hop.ifindex, mtu} : (struct route){0};
}

static bool same(const struct entry *e, uint32_t generation, const struct address *destination)
{
    return e->generation == generation && memcmp(&e->destination, destination, sizeof(*destination)) == 0;
}

struct route route_cache_find(struct route_cache *c, const struct address *destination)
{
    if (same(&c->last, c->generation, destination))
        return c->last.route;
    uint32_t hash = hash_bytes(destination, sizeof(*destination), c->seed);
    struct entry *set = c->sets[hash & (ROUTE_SETS - 1)];
    if (same(&set[0], c->generation, destination)) {
        c->last = set[0];
        return c->last.route;
    }
    struct entry found;
    if (same(&set[1], c->generation, destination))
        found = set[1];
    else
        found = (struct entry){*destination, c->generation, route_ask(c, destination)};
    set[1] = set[0];
    set[0] = c->last = found;
    return found.route;
}
