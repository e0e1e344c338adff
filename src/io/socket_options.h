/* SPDX-License-Identifier: Apache-2.0 */
/* What udp_socket.c and raw_socket.c set alike. */
#ifndef IO_SOCKET_OPTIONS_H
#define IO_SOCKET_OPTIONS_H

#include "base/address.h"

int socket_int(int fd, int level, int name, int value) must_check;
int socket_mark(int fd, uint32_t mark) must_check; /* 0: nothing to do */
/* Beyond net.core.[rw]mem_max where we have the right to; else as much as allowed. 0: nothing to do. */
int socket_buffers(int fd, uint32_t bytes) must_check;
/* Local address, interface and TOS with each datagram that arrives. */
int socket_packet_info(int fd, uint8_t family) must_check;
int socket_family(uint8_t family); /* AF_INET, AF_INET6, or AF_UNSPEC */

#endif
