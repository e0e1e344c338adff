/* SPDX-License-Identifier: Apache-2.0 */
/* What the rooms of the IKE machine share: its objects and how they hold each other. Only files below ike/
 * include it.
 *
 *   connection (one crypto map sequence) <- wish (a tunnel wanted) -> ike_sa -> exchange (phase 2) -> pair
 *
 * Every object has at most one timer in the machine's heap. A step handles its event and then timers that are
 * due, each of which leaves a bounded number of actions; work that could be unbounded (a thousand pairs of a
 * dead peer) is marked on its objects and their timers set to now. So a step never overflows its actions
 * (machine.c checks the room left).
 */
#ifndef IKE_MACHINE_H
#define IKE_MACHINE_H

#include "base/hash_table.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/spi.h"
#include "ike/ike.h"
#include "ike/keymat/keymat.h"
#include "ike/limits.h"
#include "ike/sa/timer_heap.h"
#include "wire/isakmp.h"

/* A traffic query about one pair, its slot in the low bits; else it is about an IKE SA, by its id. */
#define QUERY_PAIR (UINT64_C(1) << 63)

enum { TIMER_SA = 1, TIMER_EXCHANGE, TIMER_PAIR, TIMER_WISH };

/* A message kept to be sent again, or bytes of a peer that later hashes cover. */
struct message {
    uint32_t len;
    uint8_t data[];
};

/* What a Diffie-Hellman exchange of either phase needs until its keys are made. */
struct key_exchange {
    struct dh_keypair keypair;
    uint16_t peer_public_len, nonce_i_len, nonce_r_len;
    uint8_t peer_public[DH_PUBLIC_MAX];
    uint8_t nonce_i[ISAKMP_NONCE_MAX];
    uint8_t nonce_r[ISAKMP_NONCE_MAX];
};

/* Phase 1 on its way, freed when it is over. */
enum phase1_state {
    PHASE1_MM_I_SA_SENT,   /* MM1 out */
    PHASE1_MM_I_KEYPAIR,   /* MM2 in, job */
    PHASE1_MM_I_KE_SENT,   /* MM3 out */
    PHASE1_MM_I_SHARED,    /* MM4 in, job */
    PHASE1_MM_I_AUTH_SENT, /* MM5 out */
    PHASE1_MM_R_SA_SENT,   /* MM2 out */
    PHASE1_MM_R_SHARED,    /* MM3 in, job */
    PHASE1_MM_R_KE_SENT,   /* MM4 out */
    PHASE1_AM_I_KEYPAIR,   /* job */
    PHASE1_AM_I_SENT,      /* AM1 out */
    PHASE1_AM_I_SHARED,    /* AM2 in, job */
    PHASE1_AM_R_SHARED,    /* AM1 in, job */
    PHASE1_AM_R_SENT,      /* AM2 out */
    PHASE1_ESTABLISHED,
};

struct phase1 {
    struct message *sa_body; /* SAi_b */
    struct message *psk;
    struct message *sent; /* what waits for an answer, or was the last answer */
    uint64_t answered;    /* digest of the message that `sent` answers */
    ns send_at;
    uint8_t tries;
    uint8_t hint;            /* an unauthenticated error notify, or 0 */
    uint8_t unreadable;      /* sealed informationals while our authentication waits for its answer */
    bool auth_undecryptable; /* MM5 or MM6 came and made no sense: the keys differ */
    uint8_t natt;            /* enum isakmp_vendor of the NAT-T form that both speak, or 0 */
    uint8_t proposal_number, transform_index; /* chosen of SAi_b, aggressive mode */
    ns paused_at;
    struct endpoint event_local, event_remote; /* of the second message */
    struct message *identity_sent;             /* IDii_b of aggressive mode */
    struct message *am2;                       /* the second message, while the shared secret is computed */
    struct key_exchange *kx;
    uint8_t skeyid[HASH_MAX];
    uint8_t iv[CBC_BLOCK_MAX];
    uint32_t connection, peer; /* what it was begun for; UINT32_MAX: responder */
};

enum sa_doom { SA_STAYS, SA_DOOMED, SA_DOOMED_WITH_PAIRS };

struct ike_sa {
    struct hash_link by_id, by_cookie, by_initial, by_identity;
    struct hash_link by_path;   /* both addresses */
    struct hash_link by_remote; /* initiators until they are established, whatever our address */
    struct list all;            /* in ike->sas, or nothing */
    struct list half_open;      /* in ike->fresh or ike->proven while unauthenticated */
    struct list pairs, exchanges, wishes;
    struct timer timer;
    uint64_t id;
    uint32_t number;
    uint8_t state; /* enum phase1_state */
    uint8_t doom;  /* enum sa_doom */
    bool initiator : 1, aggressive : 1, nat_local : 1, nat_remote : 1, nat_port : 1, natt_draft : 1, dpd : 1,
        fragmentation : 1, superseded : 1, tell : 1, restored : 1, in_path : 1, in_remote : 1, in_initial : 1,
        in_identity : 1, counted : 1, dpd_probing : 1, dpd_asked : 1, idle_asked : 1, reauth_begun : 1,
        session_up : 1, dirty : 1, unrecorded : 1; /* unrecorded: its record is deleted already */
    bool proven : 1;                               /* as responder: the peer answered with our cookie */
    bool half_recorded : 1; /* there is a record of it as a half-open one (half_open_record.h) */
    bool half_unproven : 1; /* that counts as one of a peer that has not proved its address */
    bool resume : 1;        /* what another one began is gone on with when its turn comes */
    uint8_t exchange_count;
    uint16_t era; /* of its group, when it was last looked at */
    uint8_t cookie_i[8], cookie_r[8];
    struct endpoint local, remote;
    struct ike_policy policy;
    uint8_t skeyid_d[HASH_MAX], skeyid_a[HASH_MAX];
    uint8_t key[CBC_KEY_MAX], iv_base[CBC_BLOCK_MAX];
    uint8_t key_len, identity_type, identity_len;
    uint8_t *identity; /* of the peer */
    ns created, established, expires, reauth_at, delete_at, last_in, keepalive_at;
    ns dpd_at, dpd_began;
    uint32_t dpd_sequence_out, dpd_sequence_in, dpd_sent, dpd_missed, dpd_tries;
    ns invalid_spi_at;
    uint32_t invalid_spi; /* to be told once it is established */
    uint8_t invalid_spi_protocol;
    uint64_t replaces; /* id of the IKE SA that this one re-authenticates */
    struct phase1 *phase1;
    struct message *answer; /* the last message of phase 1, while it may be asked for */
    uint64_t answered;
    ns answer_until;
    struct reassembly *reassembly;
};

enum exchange_state {
    EXCHANGE_I_JOB,    /* key pair for PFS */
    EXCHANGE_I_SENT,   /* QM1 out */
    EXCHANGE_I_SHARED, /* QM2 in, job */
    EXCHANGE_I_DONE,   /* QM3 out: kept in case QM2 comes again */
    EXCHANGE_R_SHARED, /* QM1 in, job */
    EXCHANGE_R_SENT,   /* QM2 out: its pair waits for QM3 */
    EXCHANGE_R_DONE,
    EXCHANGE_R_REFUSED, /* answered with a notify: kept so that a repeated QM1 is not judged again */
};

/* One protocol of an agreement. */
struct transform {
    uint8_t protocol; /* 50 or 51 */
    struct packet_algorithms algorithms;
    uint32_t spi_in, spi_out;
};

/* Quick mode on its way, freed when its pairs are installed. */
struct quick {
    struct connection *connection;
    struct selector selector;
    uint32_t slots[2], spis[2]; /* of ESP and of AH */
    bool has[2];                /* taken and not installed yet */
    struct message *peer;       /* QM1 or QM2 decrypted, with its header */
    struct key_exchange *kx;
};

struct exchange {
    struct list on_sa;
    struct timer timer;
    struct ike_sa *sa;
    uint64_t id;
    uint32_t message_id;
    uint8_t state; /* enum exchange_state */
    uint8_t tries;
    bool by_peer;
    uint32_t slot; /* of the pair that QM3 confirms; UINT32_MAX: none */
    uint8_t iv[CBC_BLOCK_MAX];
    uint8_t expected[HASH_MAX]; /* HASH(3) */
    uint64_t answered;          /* digest of the message that `sent` answers */
    uint64_t closed;            /* digest of the third message */
    struct message *sent;
    ns began, send_at, until;
    struct quick *quick;
    struct wish *wish;
};

enum pair_doom { PAIR_STAYS, PAIR_DOOMED, PAIR_DOOMED_TELL };

struct ike_pair {
    struct hash_link by_spi_out, by_selector, by_path; /* by_path only while it has no IKE SA */
    struct list on_sa;
    struct timer timer;
    struct ike_sa *sa;
    struct ike_pair *outer; /* AH around this ESP; it has no life of its own */
    struct ike_pair *inner;
    struct connection *connection;
    uint32_t slot, spi_in, spi_out, number;
    uint8_t protocol, doom, pfs_group;
    uint16_t era; /* of its group, when it was last looked at */
    bool initiator : 1, confirmed : 1, superseded : 1, tunnel : 1, udp : 1, esn : 1, orphan : 1, rekeying : 1,
        moved : 1, renew : 1, dirty : 1, loose : 1; /* loose: restored, not linked yet */
    struct packet_algorithms algorithms;
    struct selector selector;
    struct endpoint local, remote;
    ns created, expires, rekey_at, delete_at, idle_at;
    uint32_t lifetime_seconds, lifetime_kilobytes;
    uint64_t restored_sa; /* of a record: the id of its IKE SA, which may come later */
    uint32_t restored_inner;
};

/* What a connection may reach: found by (local, peer) address. */
struct peer_link {
    struct hash_link by_path;
    struct connection *connection;
    uint32_t peer; /* index; UINT32_MAX: any peer, found by an unset address */
};

struct connection {
    struct hash_link by_id;
    struct list all;
    uint32_t id;
    uint32_t pairs;
    const struct ike_connection *config; /* NULL: withdrawn, waits for its last pair */
    uint32_t preferred;                  /* index of the peer to try first */
    uint32_t attempts, failures, wishes;
    bool worked : 1, mark : 1, dirty : 1;
    struct address last_peer; /* that worked */
    ns quiet_until;           /* all peers failed at once: no new attempt before */
    char *last_error;
};

struct wish {
    struct hash_link by_selector;
    struct list on_sa;
    struct timer timer;
    struct connection *connection;
    struct selector selector; /* as IKEv1 can say it */
    struct selector asked;    /* as the packet path asked */
    struct ike_sa *sa;
    struct exchange *exchange;
    ns began;
    struct address to; /* of a dynamic connection: the one peer whose pair is rekeyed */
    uint32_t first, tried;
    bool fresh;   /* the IKE SA was made for this attempt */
    bool acquire; /* packets wait for it */
};

struct source {
    struct hash_link by_address;
    struct address address;
    uint32_t half_open;
};

/* (local, peer) addresses that were spoken to since the start, or restored: no INITIAL-CONTACT any more. */
struct contact {
    struct hash_link by_path;
    struct address local, remote;
};

struct ike_job {
    uint64_t sa, exchange; /* ids; exchange 0: phase 1 */
    uint8_t group;
    bool generate, derive;
    int result;
    uint8_t seed[32];
    struct dh_keypair keypair;
    uint16_t peer_public_len;
    uint8_t peer_public[DH_PUBLIC_MAX];
    struct secret shared;
};

struct key_index {
    struct hash_link link;
    const struct ike_key *key;
};

/* How we stand to a group. */
struct group_role {
    bool active;
    uint16_t era;        /* counts the times that we became active */
    ns since;            /* that we are */
    ns paced_from;       /* the interval that `paced` counts in */
    uint32_t paced;      /* overdue timers in it */
    uint32_t forgetting; /* objects that are still to go */
};

struct ike {
    struct ike_limits limits;
    const struct ike_config *config;
    struct rng rng;
    uint64_t seed; /* of the hash tables */
    ns now;
    bool debug_messages, debug_keys, config_failed;
    uint32_t weak_warned;
    struct ike_statistics statistics;
    struct ike_actions *out; /* of the running step */

    struct hash_table sa_by_id, sa_by_cookie, sa_by_initial, sa_by_path, sa_by_remote, sa_by_identity;
    struct hash_table pair_by_spi_out, pair_by_selector, orphan_by_path;
    struct hash_table connection_by_id, peer_by_path, contact_by_path, wish_by_selector, source_by_address,
        keys;
    struct list sas, connections, fresh, proven;
    struct ike_pair **pairs;                 /* by slot */
    struct ike_group groups[IKE_GROUPS_MAX]; /* as configured */
    struct group_role roles[IKE_GROUPS_MAX];
    struct timer_heap heaps[2 * IKE_GROUPS_MAX]; /* sa/group.h; [0]: of no group, and of what is forgotten */
    struct list loose;                           /* outer pairs of bundles whose inner ones are not there */
    uint8_t acting_group;                        /* what the running unit of work belongs to */
    bool acting_replica;
    uint32_t member, members;
    struct pool sa_pool, phase1_pool, kx_pool, exchange_pool, quick_pool, pair_pool, connection_pool,
        wish_pool, source_pool, contact_pool, reassembly_pool;
    struct peer_link *peer_links;
    struct key_index *key_indexes;
    uint64_t key_lengths_v4, key_lengths_v6[3]; /* bit n: some key has a prefix of length n */

    struct {
        uint32_t mark; /* no slot at or above was ever taken */
        struct slot_half {
            uint32_t count;  /* of slots in this half */
            uint32_t begin;  /* places are taken in their order from here on, round to it */
            uint32_t passed; /* so many were; of those, free ones are listed */
            bool begun;      /* `begin` is settled */
            uint32_t *free, free_count;
        } half[2];             /* of base/spi.h: two members take one each */
        uint16_t *generations; /* the last one of each slot */
        uint8_t *states;       /* enum slot_state, SLOT_LISTED */
    } slots;

    uint64_t answered_lately[IKE_ANSWERED_LATELY_MAX]; /* ring of ids: sa/successor.c */
    uint32_t answered_count;

    uint32_t next_id; /* of IKE SAs and exchanges */
    uint32_t next_number;
    uint32_t half_open, jobs;
    struct {
        uint32_t count[2], unproven; /* half-open IKE SAs with a record; [1]: that we began */
        ns window;                   /* the second that `begun` counts in */
        uint32_t begun;              /* unproven ones that got their first record */
    } half_recorded;
    ns log_window;
    uint32_t log_count, log_dropped;
    uint16_t fragment_id;

    struct isakmp_message message; /* scratch: the message in work */
    struct isakmp_sa sa_payload;
    struct isakmp_writer writer;
    uint8_t plain[IKE_DATAGRAM_MAX + CBC_BLOCK_MAX];
    uint8_t written[IKE_SENT_MAX];
    uint8_t whole[IKE_DATAGRAM_MAX]; /* a reassembled message */
};

/* ---- actions.c ---- */

bool action_room(const struct ike *ike); /* for one more unit of work */
struct ike_action *action_add(struct ike *ike, enum ike_action_type type);
void action_query(struct ike *ike, uint64_t about, const uint32_t *slots, uint32_t count);
struct bytes action_copy(struct ike *ike, struct bytes b);
void ike_log(struct ike *ike, uint8_t severity, const char *mnemonic, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What strangers can cause is limited per second. */
bool ike_log_allowed(struct ike *ike);
void ike_debugf(struct ike *ike, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ike_debug_message(struct ike *ike, const struct ike_sa *sa, const struct isakmp_message *m);
void ike_warn_weak(struct ike *ike, enum cbc_algorithm encryption, enum hash_algorithm hash, unsigned group);
void ike_warn_weak_packet(struct ike *ike, const struct packet_algorithms *a);

struct message *message_copy(struct bytes b); /* NULL when memory is short */
void message_free(struct message **m);
static inline struct bytes message_bytes(const struct message *m)
{
    return m ? bytes_of(m->data, m->len) : (struct bytes){0};
}

/* Not cryptographic: to know a datagram again. */
uint64_t ike_digest(const struct ike *ike, struct bytes datagram);

/* Of an IKE SA or an exchange: which member made it, 24 bits of chance so that a member that lost its memory
 * does not make the same ones again, and a count. */
static inline uint64_t id_next(struct ike *ike)
{
    uint32_t chance = (uint32_t)(ike->seed >> 40);
    return (uint64_t)ike->member << 56 | (uint64_t)chance << 32 | ++ike->next_id;
}

/* ---- job.c ---- */

/* Starts one; false when memory is short. `peer` empty: only make a key pair; `own` NULL: make one. */
bool job_start(struct ike *ike, uint64_t sa, uint64_t exchange, uint8_t group, const struct dh_keypair *own,
               struct bytes peer);

/* ---- records.c ---- */

void record_sa(struct ike *ike, struct ike_sa *sa);
uint16_t sa_record_flags(const struct ike_sa *sa); /* enum sa_flag */
void record_pair(struct ike *ike, struct ike_pair *pair);
void record_connection(struct ike *ike, struct connection *connection);
void record_put(struct ike *ike, uint8_t kind, uint64_t key, struct bytes data);
void record_forget(struct ike *ike, uint8_t kind, uint64_t key);

#endif
