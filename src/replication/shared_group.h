/* SPDX-License-Identifier: Apache-2.0 */
/* One redundancy group whose SAs two members share, as this member has it: its part (membership.h), the
 * ceilings of its pairs (lease.h), what goes to the other member and what comes from it. Pure: the SA table,
 * the IKE machine, the record store and the session are reached through `struct shared_group_ops`; control
 * has them, and so has the simulator.
 *
 * Records are those of the record store, by kind and key; one kind is special: a pair of IPsec SAs
 * (SHARED_PAIR), whose key is its slot, and which crosses with its ceilings.
 */
#ifndef REPLICATION_SHARED_GROUP_H
#define REPLICATION_SHARED_GROUP_H

#include "replication/lease.h"
#include "replication/membership.h"

enum { SHARED_PAIR = 40 }; /* kind of the record of a pair: algorithms, keys, addresses */

struct shared_record {
    uint8_t kind;
    uint64_t key;
};

/* The other side of everything. `c` is the context that was given. */
struct shared_group_ops {
    /* ---- records and pairs of the group ---- */
    /* Every record of the group, pairs included; `add` returns false when memory is short. */
    void (*each)(void *c, bool (*add)(void *to, uint8_t kind, uint64_t key), void *to);
    bool (*get)(void *c, uint8_t kind, uint64_t key, struct bytes *ret);
    /* What the other member says. `merge`: we own the group, and what we have already stays as it is. */
    void (*put)(void *c, uint8_t kind, uint64_t key, struct bytes data, int64_t shift, bool merge);
    void (*drop)(void *c, uint8_t kind, uint64_t key);
    /* The same for a pair; a takeover goes on from out and in. */
    void (*put_pair)(void *c, uint32_t slot, struct bytes data, int64_t shift, bool merge, uint64_t out,
                     uint64_t in);
    void (*grant)(void *c, const struct session_lease *l, bool merge);
    /* The pair in the slot: its SPI, its lowest unused numbers. False: there is none. */
    bool (*position)(void *c, uint32_t slot, uint32_t *ret_spi_in, uint64_t *ret_out, uint64_t *ret_in);
    void (*ceilings)(void *c, uint32_t slot, const struct session_lease *l, uint64_t out_mark,
                     uint64_t in_mark);
    void (*rekey)(void *c, uint32_t slot);
    void (*settle)(void *c); /* returns when the engine has seen what was written before */

    /* ---- the role ---- */
    void (*activate)(void *c, uint32_t epoch);
    void (*deactivate)(void *c);
    void (*forget)(void *c);
    void (*note)(void *c); /* the state is to be kept for a successor of this process */
    void (*in_step)(void *c);
    void (*hold)(void *c, ns until); /* 0: go on */
    void (*yield)(void *c);
    void (*disown)(void *c);
    void (*drain)(void *c);
    void (*switched)(void *c, bool ok);
    /* Nothing waits for an acknowledgement any more: up to `number`, or (UINT64_MAX) at all. */
    void (*released)(void *c, uint64_t number);

    /* ---- the session; numbers as in session.h ---- */
    uint64_t (*send_put)(void *c, uint8_t kind, uint64_t key, struct bytes data, bool snapshot);
    uint64_t (*send_delete)(void *c, uint8_t kind, uint64_t key);
    uint64_t (*send_leases)(void *c, const struct session_lease *l, size_t n, bool exact);
    uint64_t (*send_role)(void *c, const struct session_role_state *r);
    uint64_t (*send_notice)(void *c, uint32_t code);
    uint64_t (*send_begin)(void *c); /* of a snapshot */
    uint64_t (*send_end)(void *c);
    bool (*feed)(void *c); /* a merge begins: records may be put */
    size_t (*room)(void *c);
};

struct shared_group_config {
    uint8_t member;
    uint32_t slots; /* of the SA table */
    struct lease_limits limits;
};

struct shared_sending; /* a snapshot or merge under way */

/* Leases that were told and not acknowledged: oldest first. */
struct shared_told {
    uint64_t number;
    uint32_t slot;
};

struct shared_group {
    struct shared_group_config config;
    const struct shared_group_ops *ops;
    void *context;
    struct membership membership;
    ns now;

    struct lease *leases;     /* by slot */
    uint8_t *lease_blocks;    /* whether any of the block (base/spi.h) was ever used */
    uint32_t leases_used;     /* none at or above was */
    struct shared_told *told; /* ring */
    uint32_t told_first, told_count, told_size;
    uint32_t *hot; /* slots whose inbound lease is larger than the least */
    uint32_t hot_count, hot_size;
    ns hot_at;
    uint32_t rekey_slot; /* the next one to be looked at for a final ceiling */
    bool rekey_found;
    ns rekey_at;

    /* What is being sent, a slice at a time: a snapshot or a merge. */
    struct shared_record *list;
    uint32_t list_count, list_size, list_at;
    bool sending, merging, list_failed;
    uint64_t snapshot_end; /* frame that must be acknowledged; 0: not sent yet */
    uint64_t merge_end;    /* the same of a merge */

    /* What stood here when the owner's snapshot began, sorted, and was not in it so far. */
    struct shared_record *stale;
    uint8_t *stale_seen;
    uint32_t stale_count, stale_size;
    bool receiving;

    uint64_t acked;
    uint64_t leases_asked, leases_granted, lease_rekeys, snapshots_sent, snapshots_taken;
    ns snapshot_began, snapshot_took; /* sent or taken, whichever was last */
};

/* -ENOMEM. `state`, `epoch`, `bounded`: see membership_init. */
int shared_group_init(struct shared_group *g, const struct shared_group_config *config,
                      const struct shared_group_ops *ops, void *context, uint8_t state, uint32_t epoch,
                      bool bounded, ns now) must_check;
void shared_group_done(struct shared_group *g);

/* A predecessor of this process owned the group: the ceilings and the outbound mark that it left in the SA
 * table. They do not rise until the other member shows that it did not take over. */
void shared_group_restore(struct shared_group *g, uint32_t slot, uint64_t out, uint64_t in,
                          uint64_t out_mark);

/* ---- what happens ---- */

/* An action of the session: PEER_UP, PEER_LOST, PUT, DELETE, LEASES, SNAPSHOT_*, ROLE, NOTICE, ACKED, BYE. */
void shared_group_session(struct shared_group *g, const struct session_action *a, ns now);
void shared_group_verdict(struct shared_group *g, bool ours, ns now);
void shared_group_switchover(struct shared_group *g, ns now);
void shared_group_drained(struct shared_group *g, ns now);
void shared_group_tick(struct shared_group *g, ns now); /* a deadline came, or the session has room again */
ns shared_group_deadline(const struct shared_group *g);

/* ---- the owner's changes; each returns a number to wait for (shared_group_waits), 0: for nothing ---- */

uint64_t shared_group_put(struct shared_group *g, uint8_t kind, uint64_t key, struct bytes data, ns now);
uint64_t shared_group_delete(struct shared_group *g, uint8_t kind, uint64_t key, ns now);
/* Before the pair is installed: its ceilings, and its record to the standby. */
uint64_t shared_group_pair_new(struct shared_group *g, uint32_t slot, uint32_t spi_in, struct bytes data,
                               struct session_lease *ret_ceilings, ns now);
void shared_group_pair_gone(struct shared_group *g, uint32_t slot, ns now);
/* The engine asks for higher ceilings. */
void shared_group_lease_due(struct shared_group *g, uint32_t slot, ns now);
bool shared_group_waits(const struct shared_group *g, uint64_t number);

#endif
