/* SPDX-License-Identifier: Apache-2.0 */
/* Says and hears who has an address on an Ethernet: gratuitous ARP (RFC 5227 §3, in the request form) and
 * unsolicited neighbour advertisements (RFC 4861 §7.2.6) of a router that takes over a virtual address, and
 * the ARP messages of others, among which may be one that claims it, too. Frames leave by the socket of
 * io/multicast_socket.h. */
#ifndef IO_ARP_H
#define IO_ARP_H

#include "base/address.h"

enum { ARP_FRAME_MAX = 14 + 40 + 32 };

/* The frame that says "`a` is at `mac`", by `mac`. Its length. Pure. */
size_t arp_announcement(const uint8_t mac[6], const struct address *a, uint8_t out[ARP_FRAME_MAX]);
/* Sends it. 0 or -errno as frame_send(). */
int arp_announce(int frame_socket, uint32_t ifindex, const uint8_t mac[6],
                 const struct address *a) must_check;

/* What one ARP message claims. */
struct arp_claim {
    struct address address;
    uint8_t mac[6];
};

/* A non-blocking socket that hears the ARP messages coming in by a device. */
int arp_watch_open(uint32_t ifindex) must_check;
/* The next claim. -EAGAIN: none waits. Malformed messages and probes (RFC 5227 §2.1.1) are skipped; after
 * `ARP_SKIP_MAX` of them in a row -EAGAIN, too, so that no flood holds the caller. */
int arp_receive(int fd, struct arp_claim *ret) must_check;

/* Reads a message, from its hardware type on. False: malformed, or it claims nothing. Pure. */
bool arp_parse(struct bytes message, struct arp_claim *ret);

#endif
