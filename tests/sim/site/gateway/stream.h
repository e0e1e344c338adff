/* SPDX-License-Identifier: Apache-2.0 */
/* TCP as far as the replication link needs it: a byte stream that survives loss, duplication and reordering
 * by numbers, acknowledgements and retransmission, and ends when the other kernel says that there is nobody
 * (RST), when it is closed (FIN), or when nothing was acknowledged for as long as its owner has patience.
 * kernel_files.c owns the descriptors, loop_tcp.c is libuv's side. */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "base/address.h"
#include "base/time.h"

struct frame;
struct kernel;
struct stream_table;

enum stream_state {
    STREAM_CLOSED,
    STREAM_LISTENING,
    STREAM_CONNECTING,
    STREAM_OPEN,
    STREAM_FAILED, /* `error` says why; what came before can still be read */
};

struct stream {
    struct stream *next;
    struct kernel *kernel;
    int fd; /* -1: its owner is gone, or nobody has accepted it yet */
    uint8_t state;
    int error; /* negative errno */
    struct endpoint local, remote;
    struct stream *listener; /* not accepted yet */
    ns patience;

    uint8_t *out; /* not acknowledged; the first `sent` bytes are on their way */
    uint32_t out_len, out_room, sent;
    uint64_t out_sequence; /* of out[0] */
    uint8_t *in;           /* not read */
    uint32_t in_len, in_room;
    uint64_t in_sequence; /* of the next byte */
    bool closing, fin_sent, fin_heard;
    ns unacked_since, retransmit; /* the pause of the timer */
    uint64_t timer;
    bool timer_on;
};

struct stream_table *stream_table_new(void);
void stream_table_free(struct stream_table *t);

struct stream *stream_new(struct kernel *k, int fd, const struct endpoint *local, ns patience);
int stream_listen(struct stream *s);
void stream_connect(struct stream *s, const struct endpoint *remote);
/* The oldest that connected, or NULL. */
struct stream *stream_accept(struct stream *listener, int fd);
bool stream_acceptable(const struct stream *listener);
/* Bytes taken; 0: no room. */
uint32_t stream_write(struct stream *s, const uint8_t *data, uint32_t len);
/* Bytes; 0: none now; -errno or -ECONNRESET, and -EPIPE for the end. */
int stream_read(struct stream *s, uint8_t *out, uint32_t size);
bool stream_readable(const struct stream *s);
/* Its owner is gone; what was written is still sent. */
void stream_close(struct stream *s);
void stream_frame(struct kernel *k, const struct frame *f);

#endif
