/* SPDX-License-Identifier: Apache-2.0 */
/* The UDP sockets of IKE and of ESP in UDP (RFC 3948). The supervisor opens them; control and engine use them
 * through io/datagram.h.
 *
 * Port 4500 is shared by two sockets per family and the kernel sorts (a reuseport program): what begins with
 * the non-ESP marker (four zero bytes), and what is shorter than that (NAT keepalives), goes to IKE's socket,
 * the rest to ESP's. Where the kernel merged datagrams of a flow before it sorted, the row goes as its first
 * one says: the receivers check each datagram again. */
#ifndef IO_UDP_SOCKET_H
#define IO_UDP_SOCKET_H

#include "base/address.h"

struct udp_options {
    uint8_t family; /* enum address_family */
    uint16_t port;  /* 0: the kernel chooses (tests) */
    uint32_t mark;  /* of everything it sends; 0: none */
    bool segments;  /* take merged rows of datagrams (UDP_GRO) */
    bool errors;    /* report errors of the network, datagram_receive_error() */
    bool fragment;  /* long datagrams may be fragmented (no DF) at first; udp_set_fragment() changes it */
    uint32_t buffer_bytes; /* each way; 0: the kernel's default. Beyond the system's limit where we may */
};

/* A non-blocking socket, close on exec, bound to every address of the family. -EADDRINUSE: another IKE daemon
 * has the port. -EACCES, -EPERM: no rights. -EAFNOSUPPORT: the kernel lacks the family. */
int udp_open(const struct udp_options *options) must_check;
/* The two sockets of port 4500: `ret_ike` without and `ret_esp` with rows. */
int udp_open_pair(uint8_t family, uint16_t port, uint32_t mark, uint32_t buffer_bytes, int *ret_ike,
                  int *ret_esp) must_check;
/* Whether what is sent next may be fragmented on its way, or carries DF and is judged by us alone. */
int udp_set_fragment(int fd, uint8_t family, bool may_fragment) must_check;
/* The port that it is bound to, or -errno. */
int udp_port(int fd) must_check;

#endif
