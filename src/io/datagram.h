/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in bursts, over UDP and raw sockets of both families: recvmmsg with the local address and
 * interface they came to, sendmmsg with the local address they leave from. UDP segmentation both ways: one
 * datagram here may be a row of equal ones (the last may be shorter) on the wire.
 *
 * The buffers belong to the reader and are overwritten by its next receive. A reader or writer serves any
 * number of sockets of one thread. */
#ifndef IO_DATAGRAM_H
#define IO_DATAGRAM_H

#include <sys/uio.h>

#include "base/address.h"

enum {
    DATAGRAM_BURST_MAX = 64,
    DATAGRAM_SEGMENTS_MAX = 64, /* that the kernel cuts one send into */
    DATAGRAM_SEND_MAX = 65000,  /* bytes of one send with segments, headers left out */
};

struct datagram {
    uint8_t *data; /* UDP: payload. Raw v4: from the IP header on. Raw v6: behind the IPv6 headers */
    uint32_t len;
    uint32_t segment; /* bytes of each of the datagrams that lie here one behind the other; 0: it is one */
    struct endpoint local, remote; /* ports 0 on raw sockets */
    uint32_t ifindex;
    uint8_t tos;       /* TOS or traffic class: DSCP and ECN */
    uint8_t hop_limit; /* v6 only; 0 where unknown */
    bool truncated;    /* it was longer than the buffer */
};

struct datagram_reader;

/* `count` buffers (at most DATAGRAM_BURST_MAX) with `size` bytes for data and `headroom` and `tailroom`
 * untouched ones around. NULL: no memory. */
struct datagram_reader *datagram_reader_new(unsigned count, size_t size, size_t headroom, size_t tailroom);
void datagram_reader_free(struct datagram_reader *r);
/* What waits on the socket, `count` at most. `ret` has room for `count`. Returns how many; -EAGAIN: none. */
int datagram_receive(struct datagram_reader *r, int fd, unsigned count, struct datagram *ret) must_check;

struct datagram_out {
    const struct iovec *pieces;
    uint16_t piece_count;
    uint16_t segment; /* UDP: the kernel cuts here; 0: it is one datagram */
    struct endpoint
        local; /* the source; address unset: the kernel chooses. Not for sockets with headers included */
    struct endpoint remote; /* port 0 on raw sockets */
    uint8_t tos;            /* DSCP and ECN; not for sockets with headers included */
};

struct datagram_writer;

struct datagram_writer *datagram_writer_new(void);
void datagram_writer_free(struct datagram_writer *w);
/* Sends up to DATAGRAM_BURST_MAX. Returns how many left, or what went wrong with the first: -EAGAIN, -ENOBUFS
 * full; -EMSGSIZE longer than the MTU (raw) or than a datagram; others concern that one alone. */
int datagram_send(struct datagram_writer *w, int fd, const struct datagram_out *d, unsigned n) must_check;
/* One datagram, not split. 0 or as above. For IKE. */
int datagram_send_one(int fd, const struct endpoint *local, const struct endpoint *remote,
                      struct bytes data) must_check;

/* What the network said of a datagram that was sent (sockets with error reports). */
struct datagram_error {
    struct endpoint remote; /* whom it was for */
    struct address reporter;
    int error;    /* errno value: ECONNREFUSED, EHOSTUNREACH, EMSGSIZE ... */
    uint32_t mtu; /* with EMSGSIZE */
};

/* -EAGAIN: none waits. */
int datagram_receive_error(int fd, struct datagram_error *ret) must_check;

#endif
