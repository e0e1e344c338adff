/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the session share: session.c is its life and its clock, session_receive.c takes frames,
 * session_send.c makes them, session_actions.c is the list of actions. */
#ifndef REPLICATION_SESSION_INTERNAL_H
#define REPLICATION_SESSION_INTERNAL_H

#include "replication/frame.h"
#include "replication/session.h"

enum { SESSION_GROUP_WORDS = 65536 / 64 };

/* A set of group numbers. */
struct group_set {
    uint64_t words[SESSION_GROUP_WORDS];
};

static inline bool group_set_has(const struct group_set *set, uint16_t group)
{
    return set->words[group / 64] >> (group % 64) & 1;
}

static inline void group_set_put(struct group_set *set, uint16_t group, bool in)
{
    uint64_t bit = (uint64_t)1 << (group % 64);

    set->words[group / 64] = in ? set->words[group / 64] | bit : set->words[group / 64] & ~bit;
}

/* Frames of one moment that wait for their acknowledgement. */
struct unacked {
    uint64_t last; /* number of the last of them */
    ns since;
    size_t bytes;
};

/* A ring that grows: unacked_hard bounds it. */
struct unacked_queue {
    struct unacked *items;
    size_t first, count, size; /* size: 0 or a power of two */
    size_t bytes;              /* of all */
};

struct clock_sample {
    ns round_trip; /* NS_NEVER: there is no sample */
    int64_t shift;
};

/* The difference of the clocks: the sample with the shortest round trip of this window and the last one. */
struct clock_shift {
    struct clock_sample now, before;
    ns started;
    uint64_t peer_clock; /* as it said last; 0: nothing yet */
    ns heard;            /* when that was */
};

struct session {
    struct session_config config;
    bool open; /* there is a channel */
    bool up;   /* and a peer whose HELLO was good */
    bool bye_in, bye_out, excused;
    ns heard, patience, beat_at, beat_every;
    uint16_t record_version;

    uint64_t sequence; /* of the last frame made */
    uint64_t base;     /* the same when this connection began */
    uint64_t acked;    /* of the last one acknowledged */
    struct unacked_queue unacked;
    struct group_set fed, snapshot_out, begun_out;

    uint64_t received;  /* number of the last frame taken */
    uint64_t confirmed; /* of the last one that we acknowledged */
    struct group_set snapshot_in, begun_in;
    uint8_t *in[2]; /* one holds the beginning of a frame that is not whole yet */
    uint8_t in_used;
    size_t in_len;

    struct clock_shift clock;
    uint8_t logged; /* enum session_lost of the refusal that was logged last, at: */
    ns logged_at;   /* NS_NEVER: none */
    struct session_statistics statistics;
};

enum { SESSION_IN_SIZE = FRAME_HEADER + FRAME_BODY_MAX };

/* The peer is lost: says so in `a`; nothing more is sent or taken until the next SESSION_EVENT_OPEN. */
void session_lose(struct session *s, enum session_lost reason, ns now, struct session_actions *a);

/* session_send.c: appends the frame; false if it made the peer lost. */
bool session_frame_send(struct session *s, const struct frame *f, ns now, struct session_actions *a);
void session_hello_send(struct session *s, ns now, struct session_actions *a);
void session_heartbeat_send(struct session *s, ns now, struct session_actions *a);
/* What the peer has done is taken off the queue. */
void session_ack_take(struct session *s, uint64_t acked, ns now);

/* session_receive.c */
void session_receive(struct session *s, struct bytes bytes, ns now, struct session_actions *a);

/* session.c */
void session_clock_hello(struct session *s, uint64_t peer_clock, ns now);
void session_clock_heartbeat(struct session *s, const struct frame_heartbeat *h, ns now);

/* session_actions.c: a new one at the end, zeroed but for its kind. NULL: no memory, `failed` is set; for LOG
 * and PEER_LOST there is always room. */
struct session_action *session_action_add(struct session_actions *a, enum session_action_kind kind);
/* Room for `len` bytes at the end of what is sent; NULL as above. */
uint8_t *session_action_out(struct session_actions *a, size_t len);
void session_action_log(struct session_actions *a, uint8_t severity, const char *mnemonic, const char *format,
                        ...) __attribute__((format(printf, 4, 5)));

#endif
