/* SPDX-License-Identifier: Apache-2.0 */
/* The IKE machine of one gateway: every IKE SA, every exchange, every negotiated pair of IPsec SAs.
 *
 * It is pure. The shell (control, or the simulator) brings events with their time and carries out the actions
 * that a step leaves, in their order: a record is written before the message or the installation that depends
 * on it ("replicate before you speak"). Randomness comes from the generator seeded at ike_new. Key exchange
 * leaves as a job, which the shell runs anywhere with ike_job_run and brings back.
 *
 * One step never overflows its actions: what does not fit waits in the machine, and ike_deadline says "now".
 */
#ifndef IKE_H
#define IKE_H

#include "base/rng.h"
#include "ike/ike_config.h"

struct ike;     /* the machine */
struct ike_job; /* a key exchange on its way */

enum {
    IKE_ACTIONS_MAX = 64,
    IKE_ARENA_SIZE = 96 * 1024,
    IKE_DATAGRAM_MAX = 9000,
    IKE_RECORD_MAX = 4096,
    IKE_SA_RECORD_MAX = 2048
};

struct ike_limits {
    uint32_t sa_max;   /* IKE SAs, half-open ones included; 0: 110000 */
    uint32_t pair_max; /* slots of the SAD, at most SPI_SLOTS_MAX */
    uint32_t member;   /* our number among gateways that share SAs, 0..3 */
};

/* ---- events ---- */

enum ike_event_type {
    IKE_EVENT_TIMER,     /* only time passed */
    IKE_EVENT_DATAGRAM,  /* a message from the network; non-ESP marker already taken off */
    IKE_EVENT_ACQUIRE,   /* the packet path needs an SA */
    IKE_EVENT_JOB,       /* a job came back */
    IKE_EVENT_TRAFFIC,   /* the answer to IKE_ACTION_QUERY_TRAFFIC */
    IKE_EVENT_PAIR_SOFT, /* the packet path: time to rekey by volume */
    IKE_EVENT_PAIR_HARD, /* the packet path: volume or sequence numbers used up */
    IKE_EVENT_PAIR_USED, /* the packet path: first packet arrived on a pair whose peer had not confirmed it */
    IKE_EVENT_INVALID_SPI, /* the packet path: ESP or AH for an SPI that nobody has */
    IKE_EVENT_PEER_MOVED,  /* the packet path: the peer's NAT mapping changed */
    IKE_EVENT_SLOT_FREE,   /* a removed pair's slot may be used again */
    IKE_EVENT_PATH_FAILED, /* sending to `remote` failed for good (no route, port unreachable) */
    IKE_EVENT_CLEAR,       /* `clear crypto isakmp|sa`, an interface went down, configuration withdrawn;
                              groups that we stand by for are passed over */
    IKE_EVENT_ROLE,        /* we serve a group, or stand by for it */
    IKE_EVENT_REPLICA,     /* a record of another member of a group: created, replaced or deleted there */
};

/* A group (ike_config.groups) is served by one member at a time; at the others its machine stands by: it
 * sends nothing, hears nothing, no timer of the group runs, and what it has are replicas. A group stands by
 * until the first IKE_EVENT_ROLE says otherwise.
 *
 * Becoming active touches no object. What fell due before is set anew, spread over time (limits.h), when its
 * turn comes; nothing is sent because of the change, except that half-open phase 1 exchanges go on, at the
 * same pace: the last message is sent again, byte for byte, or the key exchange begun anew. Becoming standby
 * drops what was being negotiated, without a message; what is established stays as replicas, and so do
 * half-open exchanges with a record.
 *
 * IKE_EVENT_REPLICA brings an ike_record of another member, its times shifted by `shift`, in any order and in
 * either role. The machine answers with IKE_ACTION_RECORD or IKE_ACTION_FORGET for the local store, and with
 * CONFIRM, SUPERSEDE and MOVE for the SAD where these changed, all marked `replica`: they are not told to
 * other members again. It never answers with INSTALL or REMOVE: the packet path's side of a replica is the
 * shell's. A slot whose replica was deleted or gave way to another one of the same slot is free for us after
 * IKE_EVENT_SLOT_FREE as always; before, a new replica may take it at once. A record that cannot be read, or
 * whose slot is in use for a negotiation of ours, is refused with a line in the log and changes nothing.
 *
 * What the packet path needs of a new pair (its INSTALL follows its RECORD in the same list) is replicated
 * before that record or with it as one: a pair that the machine knows and the SAD does not is a hole in the
 * tunnel. For one that is found after a takeover the shell says IKE_EVENT_PAIR_HARD. */

enum ike_clear_scope {
    IKE_CLEAR_ALL_ISAKMP, /* every IKE SA (with its pairs, peers are told) */
    IKE_CLEAR_ONE_ISAKMP, /* the one with `number` */
    IKE_CLEAR_ALL_PAIRS,  /* every pair of IPsec SAs (peers are told) */
    IKE_CLEAR_PEER_PAIRS, /* those with `peer` */
    IKE_CLEAR_CONNECTION, /* all of connection `number` (its id) */
    IKE_CLEAR_PAIR,       /* the pair in slot `number` */
    IKE_CLEAR_EVERYTHING, /* all of both: clean shutdown, peers are told */
    IKE_CLEAR_LOCAL, /* all of both whose local address is `peer`, in no group, without a word to the peers:
                        another gateway had that address meanwhile, and the peers know its SAs only */
};

struct ike_event {
    enum ike_event_type type;
    ns now;
    union {
        struct {
            struct endpoint local, remote;
            struct bytes data;
            bool nat_port; /* it came by port 4500: answer with a non-ESP marker */
        } datagram;
        struct {
            uint32_t connection;      /* ike_connection.id */
            struct selector selector; /* of the access list entry, local to remote */
        } acquire;
        struct ike_job *job; /* ownership comes back to the machine */
        struct {
            uint64_t sa;          /* from the query */
            ns last_in, last_out; /* latest over the pairs asked for; 0: never */
        } traffic;
        struct {
            uint32_t slot, spi_in;
            struct endpoint remote; /* PEER_MOVED */
        } pair;
        struct {
            struct address local, remote;
            uint32_t spi;
            uint8_t protocol;
        } invalid_spi;
        struct {
            struct endpoint remote;
            int error; /* negative errno */
        } path_failed;
        struct {
            enum ike_clear_scope scope;
            uint64_t number;
            struct address peer;
        } clear;
        struct {
            uint8_t group;
            bool active;
            bool forget; /* all that there is of the group goes first, without a word to the peers: in later
                            steps, ike_forgetting says until when */
        } role;
        struct {
            uint8_t kind; /* enum ike_record_kind */
            uint64_t key;
            struct bytes data;
            int64_t shift; /* ns: our clock minus that of the record */
            bool deleted;  /* data is empty */
        } replica;
    };
};

/* ---- actions ---- */

enum ike_action_type {
    IKE_ACTION_SEND,           /* a datagram */
    IKE_ACTION_START_JOB,      /* ownership of the job goes to the shell */
    IKE_ACTION_INSTALL_PAIR,   /* a new pair for the SAD */
    IKE_ACTION_CONFIRM_PAIR,   /* the peer has the keys, or no newer pair any more: this one may send */
    IKE_ACTION_SUPERSEDE_PAIR, /* a newer pair took over; it still receives */
    IKE_ACTION_MOVE_PAIR,      /* the peer's endpoint changed */
    IKE_ACTION_REMOVE_PAIR,    /* gone; the shell answers later with IKE_EVENT_SLOT_FREE */
    IKE_ACTION_ACQUIRE_FAILED, /* no peer of the connection can be had now: what waits for it may be dropped
                                */
    IKE_ACTION_QUERY_TRAFFIC,  /* the shell answers at once with IKE_EVENT_TRAFFIC */
    IKE_ACTION_RECORD,         /* replicate: create or replace */
    IKE_ACTION_FORGET,         /* replicate: delete */
    IKE_ACTION_LOG,            /* a line for people */
    IKE_ACTION_DEBUG,          /* a line for `debug crypto isakmp`; only while ike_debug is on */
    IKE_ACTION_KEYS,           /* key material for `debug crypto keys`; only while ike_debug_keys is on */
};

struct ike_pair_install {
    uint32_t slot;
    uint32_t spi_in, spi_out;
    uint32_t connection; /* ike_connection.id */
    uint32_t number;     /* conn id for people */
    uint8_t protocol;    /* 50 or 51 */
    bool tunnel, udp, esn, initiator;
    bool confirmed; /* may send at once (initiator); else it waits for CONFIRM or the first inbound packet */
    bool bundle;    /* AH around ESP: `bundle_slot` is the other pair of the two */
    uint32_t bundle_slot;
    struct packet_algorithms algorithms;
    struct selector selector;
    struct endpoint local, remote;
    uint16_t replay_size;
    uint8_t df_policy;
    bool fragment_after;
    ns hard_expiry;
    uint64_t soft_bytes, hard_bytes;
    struct bytes encryption_key_out, integrity_key_out, encryption_key_in, integrity_key_in;
};

/* The two tables that Wireshark reads: isakmp_initiator cookies with the cipher key, and ESP SAs. */
struct ike_keys_isakmp {
    uint8_t cookie_initiator[8];
    struct bytes key;
};

struct ike_action {
    enum ike_action_type type;
    uint8_t group; /* that it belongs to, 0: none; lines for people have none */
    bool replica;  /* because of IKE_EVENT_REPLICA: for the local store and SAD only */
    union {
        struct {
            struct endpoint local, remote;
            uint32_t ifindex; /* 0: by the route */
            bool nat_port;    /* from port 4500, with the non-ESP marker that the shell adds */
            bool keepalive;   /* data is the one byte FF of a NAT keepalive: no marker */
            struct bytes data;
        } send;
        struct ike_job *job;
        struct ike_pair_install install; /* keys lie in the arena; the caller wipes it by ike_actions_done */
        struct {
            uint32_t slot, spi_in;
            struct endpoint remote; /* MOVE_PAIR */
        } pair;
        struct {
            uint32_t connection;
            struct selector selector;
        } acquire_failed;
        struct {
            uint64_t sa;           /* to be given back in the event */
            const uint32_t *slots; /* the pairs whose traffic counts; in the arena */
            uint32_t slot_count;   /* at most 64: the newest */
        } query;
        struct {
            uint8_t kind; /* enum ike_record_kind */
            uint64_t key;
            struct bytes data;
        } record;
        struct {
            uint8_t severity;     /* 0..7 as in syslog */
            const char *mnemonic; /* "ISAKMP_ON_OFF": printed as %CRYPTO-6-ISAKMP_ON_OFF */
            const char *text;
        } log;
        struct ike_keys_isakmp keys;
    };
};

struct ike_actions {
    unsigned count;
    size_t used;
    struct ike_action list[IKE_ACTIONS_MAX];
    uint8_t arena[IKE_ARENA_SIZE];
};

/* Empties the list and wipes what was used of the arena. */
void ike_actions_done(struct ike_actions *a);

/* ---- the machine ---- */

/* NULL when memory is short. */
struct ike *ike_new(const struct ike_limits *limits, const uint8_t seed[32]);
void ike_free(struct ike *ike); /* wipes keys; jobs under way are freed by whoever runs them */

/* Borrows `config` until the next call. Connections are matched by their id: those that are gone or changed
 * in meaning lose their pairs (peers are told, in later steps); the others stay untouched. */
void ike_configure(struct ike *ike, const struct ike_config *config, ns now);
void ike_debug(struct ike *ike, bool messages, bool keys);

void ike_step(struct ike *ike, const struct ike_event *event, struct ike_actions *ret_actions);
/* When to call ike_step with a timer event at the latest. NS_NEVER: no need. */
ns ike_deadline(const struct ike *ike);

/* A job's work: no state is shared, any thread may do it. */
void ike_job_run(struct ike_job *job);
void ike_job_free(struct ike_job *job);

/* ---- records: what a successor needs ---- */

/* A build from before a kind refuses its records and is none the worse for it: each is good for itself. */
enum ike_record_kind {
    IKE_RECORD_SA = 1,
    IKE_RECORD_PAIR = 2,
    IKE_RECORD_CONNECTION = 3,
    IKE_RECORD_HALF_OPEN = 4, /* key: as that of the IKE SA that it may become */
};

/* Feed every record that there is, before the first event and after ike_configure, in any order; then call
 * ike_restore_done once, which drops what does not fit together (its records are forgotten in later steps). A
 * restored machine sends nothing for being restored, except that half-open phase 1 exchanges go on: in the
 * first step the last message is sent again, or the key exchange begun anew. -EINVAL: a record that cannot be
 * read. */
int ike_restore(struct ike *ike, uint8_t kind, uint64_t key, struct bytes data, ns now) must_check;
void ike_restore_done(struct ike *ike, ns now);

/* Something of the group is still to go because of a role event with `forget`. */
bool ike_forgetting(const struct ike *ike, uint8_t group);

/* What the packet path must know of a pair, as the bytes of a record with its keys. Returns the length, 0 if
 * `out` is too small; IKE_INSTALL_MAX is enough. Treat the bytes as secret. */
enum { IKE_INSTALL_MAX = 512 };
size_t pair_install_write(const struct ike_pair_install *in, uint8_t *out, size_t size);
/* Keys in `ret` borrow from `data`. `hard_expiry` is shifted by `shift`. -EINVAL: not such a record, or of a
 * version that we do not know; `ret` is untouched. */
int pair_install_parse(struct bytes data, int64_t shift, struct ike_pair_install *ret) must_check;

/* ---- looking at it ---- */

enum ike_state { /* names as the field prints them, ike_state_name */
                 IKE_MM_NO_STATE,
                 IKE_MM_SA_SETUP,
                 IKE_MM_KEY_EXCH,
                 IKE_MM_KEY_AUTH,
                 IKE_AG_NO_STATE,
                 IKE_AG_INIT_EXCH,
                 IKE_AG_AUTH,
                 IKE_QM_IDLE,
};

struct ike_sa_view {
    uint64_t id;
    uint32_t number; /* conn-id */
    enum ike_state state;
    bool initiator, deleted, nat_local, nat_remote, dpd, fragmentation;
    uint8_t cookie_initiator[8], cookie_responder[8];
    struct endpoint local, remote;
    uint32_t connection; /* ike_connection.id, or UINT32_MAX */
    struct ike_policy policy;
    ns established, expires; /* 0 until established */
    uint32_t pairs;
    char remote_identity[128];
    uint32_t dpd_sent, dpd_missed;
    uint8_t group; /* 0: none */
    bool standby;  /* of a group that we stand by for */
};

struct ike_pair_view {
    uint32_t slot, spi_in, spi_out, number, connection,
        peer_number; /* peer_number: conn-id of its IKE SA, 0: none left */
    uint8_t protocol;
    bool initiator, superseded, confirmed;
    uint8_t pfs_group, group;
    struct endpoint remote;
    ns created, expires;
    uint32_t lifetime_seconds, lifetime_kilobytes;
};

struct ike_connection_view {
    uint32_t id;
    struct address current_peer; /* the peer in use or the last that worked; unset: none yet */
    bool negotiating;
    uint32_t attempts, failures;
    char last_error[96];
};

struct ike_statistics {
    uint32_t sas, half_open, pairs, exchanges;
    uint64_t messages_in, messages_out, retransmissions, duplicates, malformed, authentication_failed,
        no_proposal, half_open_refused, half_open_evicted, dpd_dead, rekeys, phase1_initiated,
        phase1_responded, phase1_established, quick_initiated, quick_responded, quick_established,
        invalid_spi, standby_ignored, replicas, replicas_refused;
};

const char *ike_state_name(enum ike_state s);
void ike_each_sa(const struct ike *ike, void (*visit)(void *context, const struct ike_sa_view *),
                 void *context);
void ike_each_pair(const struct ike *ike, void (*visit)(void *context, const struct ike_pair_view *),
                   void *context);
/* One of them; false: there is no such pair. */
bool ike_pair_look(const struct ike *ike, uint32_t slot, uint32_t spi_in, struct ike_pair_view *ret);
bool ike_connection_look(const struct ike *ike, uint32_t id, struct ike_connection_view *ret);
void ike_statistics(const struct ike *ike, struct ike_statistics *ret);

#endif
