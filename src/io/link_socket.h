/* SPDX-License-Identifier: Apache-2.0 */
/* Whole IP packets to a neighbour on an Ethernet device, past the kernel's IP layer: the caller knows the
 * device and the neighbour's MAC address (netlink.h) and has finished the packet's header, checksum included.
 * The device's queueing discipline is passed as by any other packet; the kernel's packet filter is not.
 *
 * Nothing is ever received by such a socket, whoever gets hold of it. */
#ifndef IO_LINK_SOCKET_H
#define IO_LINK_SOCKET_H

#include <sys/uio.h>

#include "base/address.h"

enum { LINK_BURST_MAX = 64 };

struct link_hop {
    uint32_t ifindex;
    uint8_t mac[6];
};

struct link_writer;

/* Non-blocking, close on exec. `mark` 0: none. -EPERM: no CAP_NET_RAW. */
int link_socket_open(uint32_t mark, uint32_t buffer_bytes) must_check;

struct link_writer *link_writer_new(void);
void link_writer_free(struct link_writer *w);
/* Sends up to LINK_BURST_MAX packets, each one piece, of either family. Returns how many left, or what went
 * wrong with the first: -EAGAIN our own buffer is full; -ENOBUFS the device's queue dropped it; -ENETDOWN,
 * -ENXIO, -ENODEV the device does not take it; -EMSGSIZE it is longer than the device's MTU. */
int link_send(struct link_writer *w, int fd, const struct iovec *packets, const struct link_hop *hops,
              unsigned n) must_check;

#endif
