/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and routers of a site: a kernel with addresses and static routes and nothing else. Who has an address
 * answers to it (site_mac_find stands for ARP); on which wire a MAC address is found is the bridge's affair
 * (fabric.h). A router forwards. Routes over a line that is down do not count. Always holds: what is not for
 * one of its MAC addresses is not looked at. */
#ifndef SIM_SITE_HOST_H
#define SIM_SITE_HOST_H

#include "site/site.h"

enum { HOST_ADDRESSES = 32, HOST_ROUTES = 64, HOST_DENIED = 8 };

struct host_address {
    unsigned port;
    struct prefix prefix; /* host bits kept */
};

struct host_route {
    struct prefix destination;
    struct address via;
    uint32_t metric;
};

struct host {
    struct site_node *node;
    bool forwards;
    struct host_address addresses[HOST_ADDRESSES];
    unsigned address_count;
    struct host_route routes[HOST_ROUTES];
    unsigned route_count;
    /* What came for one of its addresses; may be NULL. */
    void (*receive)(void *context, struct host *h, const struct frame *f);
    void *context;
    uint64_t no_route, no_neighbour, ttl_expired;
};

/* A node of its own, with power on. It goes with the site. */
struct host *host_new(struct site *s, const char *name, bool forwards);
struct host *host_of(const struct site_node *n); /* NULL: another kind of node */
/* False: there is no room. */
bool host_address_add(struct host *h, unsigned port, const struct prefix *p);
bool host_route_add(struct host *h, const struct host_route *r);
bool host_route_remove(struct host *h, const struct prefix *destination, const struct address *via);
bool host_has(const struct host *h, const struct address *a);
/* Fills in MAC addresses and sends. False: nobody knows the way. */
bool host_send(struct host *h, struct frame *f);

#endif
