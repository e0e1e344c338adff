/* SPDX-License-Identifier: Apache-2.0 */
/* The security association database in shared memory.
 *
 * Supervisor, control and engine map the same memfd at different addresses, so nothing in here is a pointer.
 * One slot is a pair: the inbound and the outbound SA that one negotiation made, as IKE always makes both (AH
 * under ESP is a second pair that `bundle` names). The SPI that we choose names the slot (base/spi.h).
 *
 * Who writes what: control writes everything down to `in_mark`, and `state`; the engine that owns
 * the pair writes the rest, and moves `state` from PAIR_INBOUND to PAIR_ACTIVE at the first packet that
 * arrives on it (the peer has the keys: an implicit third message of quick mode). What the engine writes is
 * all that its successor needs: a dead engine's place is taken with the exact counters, sequence numbers and
 * replay window.
 *
 * Pairs of a redundancy group are used only while the group is active here (`sad_group`), within the ceilings
 * that the standby member acknowledged; docs/stateful-failover.md. Who takes a group over changes one word;
 * each pair is taken over by the engine when it is used for the first time in the new epoch
 * (ipsec/takeover.h).
 *
 * A slot is reused only after the engine passed a quiescent point (`engine_epoch`): nothing can still point
 * at it.
 */
#ifndef IPSEC_SAD_H
#define IPSEC_SAD_H

#include <stdatomic.h>

#include "base/address.h"
#include "base/drop.h"
#include "base/spi.h"
#include "base/time.h"
#include "crypto/packet_cipher.h"

enum {
    REPLAY_WINDOW_MAX = 4096,
    REPLAY_WORDS = REPLAY_WINDOW_MAX / 64 + 1,
    SAD_ENGINES_MAX = 8,
    SAD_GROUPS_MAX = 8,
    SAD_EPOCH_MAX = (1 << 14) - 1, /* what an IV has room for */
};

enum pair_state {
    PAIR_FREE = 0,
    PAIR_LARVAL,     /* SPI taken, no keys */
    PAIR_INBOUND,    /* receives; must not send before the peer is known to have the keys (RFC 2409 §5.5) */
    PAIR_ACTIVE,     /* receives and sends */
    PAIR_SUPERSEDED, /* rekeyed: receives, and sends only where nothing newer serves its selector */
    PAIR_DEAD,       /* neither; waits for the quiescent point */
};

enum pair_flag {
    PAIR_TUNNEL = 1 << 0, /* else transport mode */
    PAIR_UDP = 1 << 1,    /* UDP encapsulation, RFC 3948 */
    PAIR_ESN = 1 << 2,    /* 64-bit sequence numbers, RFC 4303 §2.2.1 */
    PAIR_NO_REPLAY_CHECK = 1 << 3,
    PAIR_DF_SET = 1 << 4, /* neither flag: copy DF from the inner header */
    PAIR_DF_CLEAR = 1 << 5,
    PAIR_FRAGMENT_AFTER = 1 << 6, /* fragment the ESP packet, not the inner one */
    PAIR_BUNDLE_INNER = 1 << 7,   /* `bundle` is applied after this one on the way out */
};

/* Replay window without shifting, RFC 6479: a ring of words, of which one is always being cleared. */
struct replay_window {
    uint64_t top; /* highest sequence number accepted; 0: none yet */
    uint64_t bits[REPLAY_WORDS];
};

struct sad_counters {
    uint64_t packets;
    uint64_t bytes; /* of inner packets, as lifetimes count them */
    uint64_t errors;
    ns last; /* when the last packet passed; 0: none yet */
};

struct sad_pair {
    _Atomic uint32_t state; /* enum pair_state */
    uint32_t spi_in, spi_out;
    uint32_t entry;      /* id of the spd_entry it serves */
    uint32_t bundle;     /* slot of the other pair of a bundle, with PAIR_BUNDLE_INNER or on the outer one */
    uint32_t connection; /* number of the pair for people: conn id */
    uint16_t flags;      /* enum pair_flag */
    uint8_t protocol;    /* 50 ESP, 51 AH */
    uint8_t owner;       /* engine that serves it */
    uint8_t group;       /* of sad.groups; 0: belongs to this gateway alone */
    uint16_t replay_size;
    struct packet_algorithms algorithms;
    struct selector selector;
    struct endpoint local;  /* outer; ports with PAIR_UDP only */
    struct endpoint remote; /* outer. The engine follows a NAT's rebinding in `remote_now` and reports it */
    ns created;
    ns hard_expiry;      /* NS_NEVER: none */
    uint64_t soft_bytes; /* per direction; the engine reports when it is passed; UINT64_MAX: none */
    uint64_t hard_bytes; /* per direction; nothing passes beyond it */
    /* What the other member could have used: a takeover goes on from here. Written while the group is not
     * active. */
    uint64_t granted_out, granted_in;
    _Atomic uint64_t sequence_ceiling; /* numbers at or above are not sent */
    _Atomic uint64_t receive_ceiling;  /* nor accepted */
    _Atomic uint64_t out_mark,
        in_mark; /* at this number the engine asks control for higher ceilings; UINT64_MAX: never */

    _Alignas(64) _Atomic uint64_t sequence_out; /* last number sent */
    uint64_t iv_base; /* the 8-byte explicit IV of counter modes is iv_base ^ sequence: disjoint by member and
                         epoch. Control sets it at installation, the engine at a takeover */
    _Atomic uint32_t epoch; /* of the group, in which the engine last used the pair */
    ns taken_at;            /* when it was taken over; 0: never */
    uint64_t taken_in; /* numbers below were refused from then on, though the peer may not have used them */
    _Atomic uint64_t in_wanted;   /* the highest number that waits, or waited, for a higher ceiling */
    uint64_t out_asked, in_asked; /* the mark for which control was asked last */
    uint8_t behind_reported;
    struct sad_counters out;
    _Atomic ns
        preferred_since; /* among pairs of one selector the highest sends; control sets it at installation */
    uint32_t path_mtu;   /* of the outer path; 0: that of the route */
    ns path_mtu_expiry;
    uint8_t soft_reported;
    _Atomic uint32_t remote_version; /* odd while `remote_now` is written */
    struct endpoint remote_now;

    _Alignas(64) struct sad_counters in;
    struct replay_window replay;

    struct packet_key seal_key;
    struct packet_key open_key;
};

/* Counters of one engine; a successor goes on counting. */
struct sad_engine {
    _Atomic uint64_t epoch; /* odd while a burst is being worked on; advanced by its engine only */
    uint64_t drops[DROP_REASON_COUNT];
    uint64_t bursts, packets_out, packets_in, packets_bypassed, bytes_out, bytes_in;
    uint64_t icmp_sent, fragments_sent, fragments_reassembled, segments_coalesced;
    uint64_t packets_to_neighbour; /* of packets_out: straight to the device, past the kernel's IP layer */
    _Atomic uint32_t starts;       /* how often an engine took this place */
};

/* A redundancy group. Control writes it. */
struct sad_group {
    _Atomic uint32_t word; /* epoch << 8 | member << 1 | active */
};

static inline uint32_t sad_group_word(uint32_t epoch, uint32_t member, bool active)
{
    return epoch << 8 | member << 1 | active;
}

static inline uint32_t sad_group_epoch(uint32_t word)
{
    return word >> 8;
}

static inline bool sad_group_active(uint32_t word)
{
    return word & 1;
}

struct sad {
    char magic[8]; /* "HFSAD02" */
    uint32_t size_of_pair;
    uint32_t slots;              /* of pairs[], at most SPI_SLOTS_MAX */
    _Atomic uint32_t slots_used; /* no slot at or above was ever used: a scan stops there */
    _Atomic uint8_t
        blocks_used[SPI_SLOTS_MAX / SPI_SLOT_BLOCK]; /* and passes over the others: sad_next_slot */
    _Atomic uint64_t member_epoch;
    struct sad_group groups[SAD_GROUPS_MAX]; /* [0]: epoch 0, always active */
    _Atomic ns held_until; /* the engines read nothing before: a planned switchover waits for the counters */
    struct sad_engine engines[SAD_ENGINES_MAX];
    _Alignas(64) struct sad_pair pairs[];
};

/* Bytes to map for `slots` pairs; memory is sparse, only slots in use cost. */
size_t sad_size(uint32_t slots);
/* On fresh zeroed memory. */
void sad_init(struct sad *sad, uint32_t slots);
/* Whether mapped memory is a sad of this build. */
bool sad_valid(const struct sad *sad, size_t size);

/* The pair that receives on `spi`, or NULL. Never one that is larval, dead or free. */
struct sad_pair *sad_find_inbound(struct sad *sad, uint32_t spi);

/* Where the pair's peer is now: `remote`, or where its NAT moved it. Any process; consistent while the engine
 * writes. */
void sad_pair_remote(const struct sad_pair *pair, struct endpoint *ret);

/* Whether another pair's packets go through this one on their way out: the AH of a bundle. */
bool sad_is_bundle_outer(const struct sad *sad, uint32_t slot);

/* Before a slot's pair is anything but free. */
void sad_slot_use(struct sad *sad, uint32_t slot);

/* The first slot from `slot` on that may be in use; below `end`, which is slots_used or less, or `end`. What
 * was never used is not even looked at, for looking would cost memory. */
static inline uint32_t sad_next_slot(const struct sad *sad, uint32_t slot, uint32_t end)
{
    while (slot < end &&
           !atomic_load_explicit(&sad->blocks_used[slot / SPI_SLOT_BLOCK], memory_order_acquire))
        slot = (slot / SPI_SLOT_BLOCK + 1) * SPI_SLOT_BLOCK;
    return slot < end ? slot : end;
}

static inline uint32_t sad_slot(const struct sad *sad, const struct sad_pair *pair)
{
    return (uint32_t)(pair - sad->pairs);
}

/* Engine: brackets the work on a burst, so that control can wait for a quiescent point. What a burst's
 * results name is used before `leave`. A successor's `enter` repairs an epoch that its predecessor left odd.
 */
void sad_engine_enter(struct sad_engine *e);
void sad_engine_leave(struct sad_engine *e);

/* Control: has every engine passed a quiescent point since `epochs` was taken? */
void sad_epochs_take(const struct sad *sad, uint64_t epochs[SAD_ENGINES_MAX]);
bool sad_epochs_passed(const struct sad *sad, const uint64_t epochs[SAD_ENGINES_MAX]);

/* The top bits of the IVs: no two members and no two epochs of a group share one. */
static inline uint64_t sad_iv_base(uint32_t member, uint32_t epoch, uint64_t random)
{
    return (uint64_t)(member << 14 | (epoch & SAD_EPOCH_MAX)) << 48 | random >> 16;
}

/* Control: wipes keys and makes the slot free. Only after the quiescent point. */
void sad_pair_clear(struct sad_pair *pair);

#endif
