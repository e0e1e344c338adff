/* SPDX-License-Identifier: Apache-2.0 */
/* Which interface a destination leaves by: the kernel's answers, remembered until the kernel says that
 * something changed. Bounded: a new answer takes an old one's place. */
#ifndef ENGINE_ROUTE_CACHE_H
#define ENGINE_ROUTE_CACHE_H

#include "io/netlink.h"

struct route {
    uint32_t ifindex; /* 0: no route */
    uint32_t mtu;     /* of that interface */
};

struct route_cache;

/* `mark`: of the packets that we send ourselves. NULL: no memory. */
struct route_cache *route_cache_new(struct netlink *netlink, uint32_t mark, uint64_t seed);
void route_cache_free(struct route_cache *c);
/* Everything may have changed. */
void route_cache_flush(struct route_cache *c);
struct route route_cache_find(struct route_cache *c, const struct address *destination);

#endif
