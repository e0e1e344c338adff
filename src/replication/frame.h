/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of a replication session on the wire, all integers in network order:
 *
 *     length of the body (4) | type (1) | flags (1) | group (2) | sequence (8) | body
 *
 * Frames that change something are numbered without a gap, the others have number 0. Old and new builds
 * understand each other by three rules: a type that is not known and may be skipped is skipped (and counted
 * in the sequence); what stands behind the last field that is known is ignored; HELLO never changes but at
 * its end. Each lease says its size for the same reason.
 */
#ifndef REPLICATION_FRAME_H
#define REPLICATION_FRAME_H

#include "base/cursor.h"
#include "replication/session.h"

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_REFUSE,
    FRAME_HEARTBEAT,
    FRAME_ACK,
    FRAME_PUT = 16, /* from here on: numbered */
    FRAME_DELETE,
    FRAME_LEASES,
    FRAME_SNAPSHOT_BEGIN,
    FRAME_SNAPSHOT_END,
    FRAME_ROLE,
    FRAME_NOTICE,
    FRAME_BYE,
};

enum {
    FRAME_FLAG_SKIP = 1,     /* who does not know the type skips it */
    FRAME_FLAG_SNAPSHOT = 2, /* part of the snapshot under way */
    FRAME_FLAG_EXACT = 4,    /* LEASES: counters, not ceilings */
};

enum {
    FRAME_HEADER = 16,
    FRAME_BODY_MAX = 64 * 1024,
    FRAME_HELLO_MAX = 4096, /* nothing longer is waited for before the peer is known */
    FRAME_MAGIC = 0x48465353,
    FRAME_LEASE = 24,
    FRAME_LEASES_MAX = 1024,
};

struct frame_hello {
    uint32_t magic;
    uint16_t frame_min, frame_max, record_min, record_max;
    uint8_t member;
    uint8_t digest[SESSION_DIGEST];
    uint64_t clock; /* the sender's, ns */
    uint64_t heartbeat, dead;
    uint64_t sequence; /* the first numbered frame is the one after this */
};

struct frame_heartbeat {
    uint64_t clock; /* the sender's, ns */
    uint64_t echo;  /* the clock in the receiver's last HELLO or HEARTBEAT; 0: none yet */
    uint64_t held;  /* how long ago that came, ns */
};

struct frame_put {
    uint8_t kind;
    uint64_t key;
    struct bytes data;
};

struct frame_leases {
    uint32_t count;
    uint16_t size;                    /* of each, FRAME_LEASE at least */
    const uint8_t *raw;               /* parsed */
    const struct session_lease *list; /* to be written */
};

struct frame_notice {
    uint32_t code;
    uint64_t a, b;
};

struct frame {
    uint8_t type, flags;
    uint16_t group;
    uint64_t sequence;
    union {
        struct frame_hello hello;
        uint16_t refuse; /* enum session_lost */
        struct frame_heartbeat heartbeat;
        uint64_t ack;
        struct frame_put put; /* DELETE too, without data */
        struct frame_leases leases;
        struct session_role_state role;
        struct frame_notice notice;
    };
};

enum frame_result {
    FRAME_OK,
    FRAME_SHORT,   /* more bytes are needed */
    FRAME_UNKNOWN, /* whole, but of a type that is not known: header only */
    FRAME_MALFORMED,
};

static inline bool frame_is_numbered(uint8_t type)
{
    return type >= FRAME_PUT;
}

/* The frame at the beginning of `in`; it borrows from there. OK and UNKNOWN say in *ret_used how long it is.
 */
enum frame_result frame_parse(struct bytes in, struct frame *ret, size_t *ret_used);
/* Header and body. */
size_t frame_len(const struct frame *f);
/* Writes frame_len() bytes; a count or length beyond the limits above is our own bug (asserted). */
void frame_write(struct writer *w, const struct frame *f);
/* One lease of a parsed frame. */
struct session_lease frame_lease(const uint8_t *raw, uint16_t size, uint32_t i);

#endif
