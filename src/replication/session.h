/* SPDX-License-Identifier: Apache-2.0 */
/* The replication session with one peer, as a pure machine over a reliable ordered channel of bytes
 * (docs/stateful-failover.md). The shell (control/ssp/link.h) tells it what the channel does, with the time
 * of it, carries out the actions in their order, and comes back at session_deadline at the latest.
 *
 * What always holds: nothing is taken from a peer before its HELLO was found good. Frames that change
 * something are numbered without a gap, and the numbers go on across connections, so an old acknowledgement
 * is never mistaken for a new one. SESSION_ACKED n means: the peer's shell has carried out everything up to
 * n. An acknowledgement stands behind the actions that it is about in the list of actions; a shell that
 * carries them out one after the other keeps that promise without doing anything for it. After
 * SESSION_PEER_LOST nothing sent before will be acknowledged. What a peer can make us hold is bounded.
 */
#ifndef REPLICATION_SESSION_H
#define REPLICATION_SESSION_H

#include "base/bytes.h"
#include "base/time.h"

enum {
    SESSION_DIGEST = 32,
    SESSION_DATA_MAX = 32 * 1024, /* bytes of one record */
    SESSION_LOG_TEXT = 192,
    SESSION_FRAME_VERSION = 1,  /* of this build */
    SESSION_RECORD_VERSION = 1, /* of this build */
};

/* Zero-initialize, session_config_default, then set. */
struct session_config {
    uint8_t member;                  /* 0 or 1; the peer must be the other one */
    uint8_t digest[SESSION_DIGEST];  /* of what both must have configured alike */
    ns heartbeat;                    /* a sign of life each; more often if the peer's `dead` asks for it */
    ns dead;                         /* of silence: the peer is lost */
    size_t unacked_max;              /* session_room ends here: a snapshot waits, a delta does not */
    size_t unacked_hard;             /* beyond it the peer is lost */
    uint16_t frame_min, frame_max;   /* versions that we understand */
    uint16_t record_min, record_max; /* and of the records' contents */
    uint64_t sequence_from;          /* the first frame has the number after this one */
};

/* 250 ms, 1 s, 4 MiB, 64 MiB, this build's versions. */
void session_config_default(struct session_config *c);

struct session;

struct session *session_new(const struct session_config *c) must_check; /* NULL: no memory */
void session_free(struct session *s);                                   /* NULL is harmless */

/* ---- what happens ---- */

enum session_event_kind {
    SESSION_EVENT_OPEN,   /* the channel is there, authenticated */
    SESSION_EVENT_BYTES,  /* `bytes` came; any cut of the stream will do */
    SESSION_EVENT_CLOSED, /* the channel ended, or is of no use any more */
    SESSION_EVENT_TICK,   /* a deadline came */
};

struct session_event {
    enum session_event_kind kind;
    ns now;
    struct bytes bytes;
};

/* ---- what is to be done ---- */

enum session_role {
    SESSION_EMPTY,
    SESSION_SYNCING,
    SESSION_STANDBY,
    SESSION_OWNER,
    SESSION_STALE,
    SESSION_ROLES
};

/* "EMPTY"; "?" for unknown values. */
const char *session_role_name(uint8_t role);

struct session_role_state {
    uint8_t role; /* enum session_role */
    bool in_step; /* has everything that it was sent */
    uint32_t epoch;
};

struct session_lease {
    uint32_t slot, spi_in;
    uint64_t out, in; /* ceilings, or the exact counters of a handover */
};

enum session_lost {
    SESSION_LOST_CLOSED,    /* the channel ended */
    SESSION_LOST_LEFT,      /* it ended after the peer had said BYE */
    SESSION_LOST_SILENT,    /* nothing heard for `dead` */
    SESSION_LOST_OVERFLOW,  /* more unacknowledged than unacked_hard */
    SESSION_LOST_MEMORY,    /* none left */
    SESSION_LOST_MALFORMED, /* a frame's length or content */
    SESSION_LOST_UNKNOWN,   /* a frame that we do not know and may not skip */
    SESSION_LOST_ORDER,     /* a sequence number, an acknowledgement or a frame out of its turn */
    SESSION_LOST_MAGIC,     /* not a Holdfast gateway */
    SESSION_LOST_MEMBER,    /* refused: both have the same member number */
    SESSION_LOST_VERSION,   /* refused: no version in common */
    SESSION_LOST_DIGEST,    /* refused: the configurations differ */
    SESSION_LOST_REFUSED,   /* the peer refused us */
    SESSION_LOST_REASONS,
};

/* "silent"; "?" for unknown values. */
const char *session_lost_name(enum session_lost reason);

enum session_action_kind {
    SESSION_SEND,           /* session_action_send() */
    SESSION_PEER_UP,        /* `up`: tell our roles now */
    SESSION_PEER_LOST,      /* `lost`: close the channel */
    SESSION_PUT,            /* `group`, `put` */
    SESSION_DELETE,         /* `group`, `put` without data */
    SESSION_LEASES,         /* `group`, `leases`: session_action_lease() */
    SESSION_SNAPSHOT_BEGIN, /* `group`; a second one before the end starts it anew */
    SESSION_SNAPSHOT_END,   /* `group` */
    SESSION_ROLE,           /* `group`, `role` of the peer */
    SESSION_NOTICE,         /* `group`, `notice` */
    SESSION_ACKED,          /* `acked`: the peer has carried out everything up to this number */
    SESSION_BYE, /* the peer leaves in good order and will not take over; nothing more can be sent */
    SESSION_LOG, /* `log` */
};

struct session_action {
    uint8_t kind;  /* enum session_action_kind */
    bool snapshot; /* PUT, DELETE, LEASES: part of the snapshot under way, not a change of this moment */
    bool exact;    /* LEASES: the exact counters of a handover */
    uint16_t group;
    int64_t shift; /* PUT, LEASES: to be added to the peer's times to make them ours, in ns */
    union {
        struct {
            size_t offset, len; /* in actions.out */
        } send;
        struct {
            uint8_t member;
            uint16_t frame_version, record_version; /* in which both speak from now on */
        } up;
        struct {
            uint8_t reason; /* enum session_lost */
            bool was_up;
            ns retry; /* wait at least so long before the next connection */
        } lost;
        struct {
            uint8_t kind;
            uint64_t key;
            struct bytes
                data; /* borrowed: until the next session_step, and while the event's bytes are there */
        } put;
        struct {
            uint32_t count;
            uint16_t size;      /* of each on the wire */
            const uint8_t *raw; /* borrowed as above */
        } leases;
        struct session_role_state role;
        struct {
            uint32_t code;
            uint64_t a, b;
        } notice;
        uint64_t acked;
        struct {
            uint8_t severity;
            const char *mnemonic; /* facility SSP */
            char text[SESSION_LOG_TEXT];
        } log;
    };
};

/* In order. What is sent in a row is one SEND, however many frames. Grows with what comes in one step and is
 * bounded by it. */
struct session_actions {
    struct session_action *items;
    size_t count, size;
    uint8_t *out;
    size_t out_len, out_size;
    bool failed; /* no memory: the session said PEER_LOST */
};

int session_actions_init(struct session_actions *a) must_check; /* -ENOMEM */
void session_actions_clear(struct session_actions *a);          /* after they were carried out */
void session_actions_done(struct session_actions *a);
struct bytes session_action_send(const struct session_actions *a, const struct session_action *action);
/* `i` below action->leases.count. */
struct session_lease session_action_lease(const struct session_action *action, uint32_t i);

/* Appends to `a`. */
void session_step(struct session *s, const struct session_event *event, struct session_actions *a);
/* NS_NEVER while there is no channel. */
ns session_deadline(const struct session *s);

/* ---- what the groups tell the peer ----
 * Each returns the number of its frame, which SESSION_ACKED will reach, or 0 if the session does not take it:
 * no peer, the peer has said BYE, we have, or (put, delete, leases, snapshot_end) the group is not fed. A
 * frame that would go beyond unacked_hard makes the peer lost: 0, and SESSION_PEER_LOST is in `a`.
 * `snapshot`: part of the one that session_snapshot_begin began. */

/* Whether records of this group go to the peer. Off with every new connection; snapshot_begin puts it on; a
 * merge puts it on by this. Returns what it is now: false without a peer. */
bool session_feed(struct session *s, uint16_t group, bool on);
bool session_fed(const struct session *s, uint16_t group);

/* data.len at most SESSION_DATA_MAX (asserted); it is copied. */
uint64_t session_put(struct session *s, ns now, uint16_t group, uint8_t kind, uint64_t key, struct bytes data,
                     bool snapshot, struct session_actions *a);
uint64_t session_delete(struct session *s, ns now, uint16_t group, uint8_t kind, uint64_t key, bool snapshot,
                        struct session_actions *a);
/* Any number; the last frame's number, 0 also if n is 0. */
uint64_t session_leases(struct session *s, ns now, uint16_t group, const struct session_lease *leases,
                        size_t n, bool exact, bool snapshot, struct session_actions *a);
uint64_t session_snapshot_begin(struct session *s, ns now, uint16_t group, struct session_actions *a);
uint64_t session_snapshot_end(struct session *s, ns now, uint16_t group, struct session_actions *a);
uint64_t session_role(struct session *s, ns now, uint16_t group, const struct session_role_state *role,
                      struct session_actions *a);
uint64_t session_notice(struct session *s, ns now, uint16_t group, uint32_t code, uint64_t x, uint64_t y,
                        struct session_actions *a);
/* Acknowledged as the others are: whoever leaves waits for that, and not for ever. */
uint64_t session_bye(struct session *s, ns now, struct session_actions *a);

/* ---- what is known ---- */

bool session_is_up(const struct session *s);
/* Bytes that may be put before a snapshot is to wait for acknowledgements; 0 without a peer. */
size_t session_room(const struct session *s);
/* When the oldest frame that is not acknowledged was made; NS_NEVER if there is none. */
ns session_unacked_since(const struct session *s);
size_t session_unacked_bytes(const struct session *s);
uint64_t session_sequence(const struct session *s);       /* of the last frame made */
uint64_t session_acked(const struct session *s);          /* of the last one acknowledged */
uint16_t session_record_version(const struct session *s); /* 0 without a peer */
/* Our clock minus the peer's, by the shortest round trip of the last minute. */
int64_t session_shift(const struct session *s);

struct session_statistics {
    uint64_t records_in, records_out, deletes_in, deletes_out, leases_in, leases_out;
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t snapshots_in, snapshots_out; /* ended */
    uint64_t resyncs_in, resyncs_out;     /* begun for a group that had had one */
    uint64_t skipped_in;                  /* frames of a newer build */
    uint64_t connections;                 /* that came up */
    uint64_t lost[SESSION_LOST_REASONS];
    size_t unacked_bytes, unacked_peak;
    uint64_t unacked_frames;
    ns ack_delay, ack_delay_peak; /* between a frame and its acknowledgement: the last one, the longest */
    ns round_trip;                /* the shortest of the last minute; NS_NEVER if none was measured */
};
void session_statistics(const struct session *s, struct session_statistics *ret);

#endif
