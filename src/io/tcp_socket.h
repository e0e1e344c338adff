/* SPDX-License-Identifier: Apache-2.0 */
/* TCP sockets that are bound to an address of ours, also before that address is there, and whose packets
 * carry our mark. Non-blocking, closed on exec; connect, listen and everything after that is the caller's
 * (libuv). */
#ifndef IO_TCP_SOCKET_H
#define IO_TCP_SOCKET_H

#include <sys/socket.h>

#include "base/address.h"

struct tcp_options {
    struct endpoint local; /* port 0: any */
    uint32_t mark;         /* 0: none */
    uint32_t
        timeout_ms; /* what was sent and is not acknowledged for so long ends the connection; 0: system */
    bool reuse;     /* a listener: also while old connections are remembered */
};

/* The descriptor, or -errno. */
int tcp_open(const struct tcp_options *o) must_check;
/* Its length; 0 for a family that is neither. */
socklen_t tcp_address(const struct endpoint *e, struct sockaddr_storage *ret);
/* Of the other side; family NONE where there is none. */
struct endpoint tcp_peer(const struct sockaddr_storage *a);

#endif
