/* SPDX-License-Identifier: Apache-2.0 */
/* Raw sockets: ESP, AH, GRE, ICMP. Both families send with their IP header included, so that the caller
 * decides TTL, TOS, DF and identification; a packet longer than the interface's MTU is refused (-EMSGSIZE),
 * never fragmented here. What arrives was reassembled by the kernel: v4 with its IP header, v6 from the
 * protocol's header on. */
#ifndef IO_RAW_SOCKET_H
#define IO_RAW_SOCKET_H

#include "base/address.h"

/* Non-blocking, close on exec. `mark` 0: none. -EPERM: no CAP_NET_RAW. -EAFNOSUPPORT: the kernel lacks the
 * family. ICMP sockets (protocol 1, 58) are given only what concerns the path MTU and reachability. */
int raw_open(uint8_t family, uint8_t protocol, uint32_t mark, uint32_t buffer_bytes) must_check;

#endif
