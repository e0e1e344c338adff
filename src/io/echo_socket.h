/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets for echo requests of our own (ICMP, ICMPv6): they hear echo replies and what the network says of
 * requests, only for identifiers from a range, so that no other machine's ping fills their queue, and with
 * the time at which the kernel got each. One socket serves any number of requests, each with a source of its
 * own. */
#ifndef IO_ECHO_SOCKET_H
#define IO_ECHO_SOCKET_H

#include "base/address.h"
#include "base/time.h"

/* Non-blocking, close on exec. Identifiers `first` .. `first + count - 1`, modulo 65536. -EPERM: no rights;
 * -EAFNOSUPPORT: the kernel lacks the family. */
int echo_open(uint8_t family, uint16_t first, uint16_t count) must_check;

/* An ICMP message from its header on; the checksum of ICMPv6 is the kernel's work. `from` unset: the kernel
 * chooses. `scope`: the device of a link-local destination, else 0. 0 or -errno. */
int echo_send(int fd, const struct address *from, const struct address *to, uint32_t scope,
              struct bytes message) must_check;

struct echo_message {
    uint8_t *data; /* v4: from the IP header on; v6: from the ICMPv6 header on. In the caller's buffer */
    size_t len;
    struct address from;
    ns arrived; /* clock_now()'s time; never later than now */
};

/* -EAGAIN: none waits. What is longer than `size` is cut off. */
int echo_receive(int fd, uint8_t *buffer, size_t size, struct echo_message *ret) must_check;

#endif
