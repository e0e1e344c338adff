/* SPDX-License-Identifier: Apache-2.0 */
/* See next_hop.h. One place per hash value in a fixed table; who finds it taken takes the kernel's way until
 * the entry there is due. An entry says "no" or where to; a flush is one increment. However many destinations
 * there are and however often the network changes, the questions take a bounded share of the time. */
#include "engine/next_hop.h"

#include <stdlib.h>

#include "base/hash_table.h"

enum { PLACES = 1 << 12 };

#define HOLD        NS_PER_S
#define ASK_SPACING (200 * NS_PER_US) /* an answer takes about a tenth of this */

struct entry {
    struct address destination;
    struct address neighbour; /* the gateway, or the destination itself */
    uint32_t generation;      /* 0: empty */
    uint32_t mtu;             /* of the device; 0: no way past the kernel */
    struct link_hop hop;
    ns until;
};

struct next_hops {
    struct netlink *netlink;
    uint32_t mark;
    uint32_t generation;
    uint64_t seed;
    ns next_ask;
    struct entry places[PLACES];
};

struct next_hops *next_hops_new(struct netlink *netlink, uint32_t mark, uint64_t seed)
{
    struct next_hops *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->netlink = netlink;
    c->mark = mark;
    c->seed = seed;
    c->generation = 1;
    return c;
}

void next_hops_free(struct next_hops *c)
{
    free(c);
}

void next_hops_flush(struct next_hops *c)
{
    if (++c->generation == 0) {
        memset(c->places, 0, sizeof(c->places));
        c->generation = 1;
    }
}

void next_hops_neighbour(struct next_hops *c, const struct netlink_neighbour *changed)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct entry *e = &c->places[i];
        if (e->generation == c->generation && e->hop.ifindex == changed->ifindex &&
            address_equal(&e->neighbour, &changed->address))
            e->generation = 0;
    }
}

/* Fills in the way past the kernel if there is one: an ordinary route by an Ethernet device that is up, to a
 * neighbour whose address is known. The device and neighbour are kept where only the latter is missing, so
 * that news of it are noticed. */
static void entry_ask(struct next_hops *c, struct entry *e)
{
    struct netlink_hop route;
    struct netlink_link link;
    struct netlink_neighbour neighbour;
    if (netlink_route_find(c->netlink, &e->destination, NULL, c->mark, &route) < 0 ||
        route.type != NETLINK_ROUTE_UNICAST || route.special)
        return;
    if (netlink_link_by_index(c->netlink, route.ifindex, &link) < 0 || !link.has_mac || !link.carrier)
        return;
    e->hop.ifindex = route.ifindex;
    e->neighbour = address_is_set(&route.gateway) ? route.gateway : e->destination;
    if (netlink_neighbour_find(c->netlink, route.ifindex, &e->neighbour, &neighbour) < 0 ||
        !neighbour.has_mac)
        return;
    memcpy(e->hop.mac, neighbour.mac, sizeof(e->hop.mac));
    e->mtu = link.mtu;
}

const struct link_hop *next_hop_find(struct next_hops *c, const struct address *destination, uint32_t len,
                                     ns now)
{
    uint32_t hash = hash_bytes(destination, sizeof(*destination), c->seed);
    struct entry *e = &c->places[hash & (PLACES - 1)];
    if (e->generation == c->generation && now < e->until)
        return len <= e->mtu && address_equal(&e->destination, destination) ? &e->hop : NULL;
    if (now < c->next_ask)
        return NULL;
    c->next_ask = now + ASK_SPACING;
    *e = (struct entry){.destination = *destination, .generation = c->generation, .until = now + HOLD};
    entry_ask(c, e);
    return NULL;
}
