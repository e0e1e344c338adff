/* SPDX-License-Identifier: Apache-2.0 */
/* `reverse-route`: routes in the kernel's main table to the networks behind the peers. A route comes with the
 * first pair of a (connection, remote network, peer) and goes with the last; `static` ones are always there.
 * Routes carry a protocol number of their own, and the distance as metric (distance.h); a routing daemon
 * takes them for routes of the kernel (`redistribute kernel`). The next hop is that of the route to the peer,
 * so that packets leave by the interface that carries the crypto map.
 *
 * The kernel is told a few routes at a time, from the event loop: a thousand spokes that come at once do not
 * stall anything, and what comes and goes at once is never told. */
#ifndef CONTROL_ROUTING_REVERSE_ROUTES_H
#define CONTROL_ROUTING_REVERSE_ROUTES_H

#include "config/model.h"
#include "io/netlink.h"

enum { REVERSE_ROUTE_PROTOCOL = 86, REVERSE_ROUTES_MAX = 131072 };

struct control;
struct reverse_routes;

/* ---- which routes an SA asks for: pure ---- */

enum { REVERSE_WANTS_MAX = 2 };

struct reverse_want {
    struct prefix destination;
    struct address next_hop; /* to be looked up: the route to it says the interface */
    uint8_t distance;
};

/* What `r` asks for a remote network of a peer. Returns how many. None where the families differ. */
size_t reverse_route_wants(const struct config_reverse_route *r, const struct prefix *remote,
                           const struct address *peer, struct reverse_want ret[REVERSE_WANTS_MAX]);

/* ---- in force ---- */

struct reverse_routes *reverse_routes_new(struct control *c);
/* A pair came, a pair went. */
void reverse_routes_add(struct reverse_routes *r, uint32_t connection, const struct prefix *remote,
                        const struct address *peer);
void reverse_routes_remove(struct reverse_routes *r, uint32_t connection, const struct prefix *remote,
                           const struct address *peer);
/* Another generation is in force: counts the pairs anew. */
void reverse_routes_configure(struct reverse_routes *r);
/* Devices or routes changed: next hops are looked up again. */
void reverse_routes_refresh(struct reverse_routes *r);
/* Takes away what a predecessor left and nobody asked for. */
void reverse_routes_tidy(struct reverse_routes *r);
/* Takes all routes away. */
void reverse_routes_end(struct reverse_routes *r);

#endif
