/* SPDX-License-Identifier: Apache-2.0 */
/* See next_hop.h. One place per hash value in a fixed table; who finds it taken takes the kernel's way until
 * the entry there is due. An entry says "no" or where to; a flush is one increment. However many destinations
 * there are and however often the network changes, the questions take a bounded share of the time. */
#include "engine/next_hop.h"

#include <stdlib.h>

#include "base/hash_table.h"

enum { PLACES = 1 << 12, LINKS = 64 };

#define HOLD        (10 * NS_PER_S)
#define SAMPLE      NS_PER_S
#define ASK_SPACING (200 * NS_PER_US) /* an answer takes about a tenth of this */

struct entry {
    struct address destination;
    struct address neighbour; /* the gateway, or the destination itself */
    uint32_t generation;      /* 0: empty */
    uint32_t mtu;             /* of the device; 0: no way past the kernel */
    struct link_hop hop;
    ns until;  /* then the kernel is asked again */
    ns sample; /* the next packet from then on takes the kernel's way */
};

/* Asked for once, as long as nothing changes: the kernel's answer may have to wait for its lock. */
struct link_fact {
    uint32_t ifindex, generation;
    uint32_t mtu; /* 0: not an Ethernet device, or down */
};

struct next_hops {
    struct netlink *netlink;
    uint32_t mark;
    uint32_t generation;
    uint64_t seed;
    ns next_ask;
    struct link_fact links[LINKS];
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
        memset(c->links, 0, sizeof(c->links));
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

static uint32_t link_mtu(struct next_hops *c, uint32_t ifindex)
{
    struct link_fact *l = &c->links[ifindex % LINKS];
    struct netlink_link link;
    if (l->generation == c->generation && l->ifindex == ifindex)
        return l->mtu;
    if (netlink_link_by_index(c->netlink, ifindex, &link) < 0)
        return 0;
    *l = (struct link_fact){ifindex, c->generation, link.has_mac && link.carrier ? link.mtu : 0};
    return l->mtu;
}

/* Fills in the way past the kernel if there is one: an ordinary route by an Ethernet device that is up, to a
 * neighbour whose address is known. The device and neighbour are kept where only the latter is missing, so
 * that news of it are noticed. */
static void entry_ask(struct next_hops *c, struct entry *e)
{
    struct netlink_hop route;
    struct netlink_neighbour neighbour;
    if (netlink_route_find(c->netlink, &e->destination, NULL, c->mark, &route) < 0 ||
        route.type != NETLINK_ROUTE_UNICAST || route.special)
        return;
    uint32_t mtu = link_mtu(c, route.ifindex);
    if (mtu == 0)
        return;
    e->hop.ifindex = route.ifindex;
    e->neighbour = address_is_set(&route.gateway) ? route.gateway : e->destination;
    if (netlink_neighbour_find(c->netlink, route.ifindex, &e->neighbour, &neighbour) < 0 ||
        !neighbour.has_mac)
        return;
    memcpy(e->hop.mac, neighbour.mac, sizeof(e->hop.mac));
    e->mtu = mtu;
}

const struct link_hop *next_hop_find(struct next_hops *c, const struct address *destination, uint32_t len,
                                     ns now)
{
    uint32_t hash = hash_bytes(destination, sizeof(*destination), c->seed);
    struct entry *e = &c->places[hash & (PLACES - 1)];
    if (e->generation == c->generation && now < e->until) {
        if (len > e->mtu || !address_equal(&e->destination, destination))
            return NULL;
        if (now < e->sample)
            return &e->hop;
        e->sample = now + SAMPLE;
        return NULL;
    }
    if (now < c->next_ask)
        return NULL;
    c->next_ask = now + ASK_SPACING;
    *e = (struct entry){.destination = *destination,
                        .generation = c->generation,
                        .until = now + HOLD,
                        .sample = now + SAMPLE};
    entry_ask(c, e);
    return NULL;
}
