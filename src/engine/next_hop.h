/* SPDX-License-Identifier: Apache-2.0 */
/* Where a packet that we sealed goes on the link: device and neighbour's MAC address, by destination. It is
 * what lets the sender pass the kernel's IP layer by; where anything about the way is out of the ordinary
 * there is no answer, and the packet takes the kernel's way.
 *
 * The answers are the kernel's own (its route, its neighbour table) and are forgotten as soon as the kernel
 * says that something changed. Once a second the packet of each destination takes the kernel's way all the
 * same: so the kernel sees its neighbour in use, and goes on asking whether it is there (RFC 4861 §7.3), and
 * a packet filter of the gateway that knows connections keeps this one. */
#ifndef ENGINE_NEXT_HOP_H
#define ENGINE_NEXT_HOP_H

#include "base/time.h"
#include "io/link_socket.h"
#include "io/netlink.h"

struct next_hops;

/* `mark`: of the packets that we send ourselves. NULL: no memory. */
struct next_hops *next_hops_new(struct netlink *netlink, uint32_t mark, uint64_t seed);
void next_hops_free(struct next_hops *c);
/* Everything may have changed. */
void next_hops_flush(struct next_hops *c);
void next_hops_neighbour(struct next_hops *c, const struct netlink_neighbour *changed);
/* Where a packet of `len` bytes goes, or NULL: leave it to the kernel. */
const struct link_hop *next_hop_find(struct next_hops *c, const struct address *destination, uint32_t len,
                                     ns now);

#endif
