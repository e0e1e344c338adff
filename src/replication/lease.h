/* SPDX-License-Identifier: Apache-2.0 */
/* How far the owner of a shared pair may go before the standby has to know of it: the ceilings of one pair,
 * and how large the next lease is (docs/stateful-failover.md). Pure; the shell reads positions from the SA
 * table, tells the standby, and puts ceilings in force when they were acknowledged.
 *
 * What always holds: a ceiling in force was acknowledged before, or is not above one that was.
 */
#ifndef REPLICATION_LEASE_H
#define REPLICATION_LEASE_H

#include "base/bytes.h"
#include "base/time.h"

#define LEASE_FAST (25 * NS_PER_MS)  /* half a lease used in less: the next one is twice as large */
#define LEASE_SLOW (150 * NS_PER_MS) /* in more: half as large */
#define LEASE_LATE (10 * NS_PER_MS)  /* acknowledged later than this: packets cannot wait for it */

/* The inbound lease of a pair with little traffic is nothing: each packet waits until the standby knows of
 * it. */
enum { LEASE_INBOUND_MIN = 0, LEASE_INBOUND_FIRST = 8 };

struct lease_limits {
    uint32_t inbound, outbound; /* replay-interval: numbers, at most */
};

struct lease {
    uint64_t out, in; /* ceilings in force; UINT64_MAX: none */
    uint64_t next_out, next_in;
    uint64_t waits_for; /* number of the frame that told the next ones; 0: none is under way */
    ns begun;           /* when the present one was put in force */
    ns told_at;         /* when the next ones were told */
    uint32_t inbound;   /* size of the inbound lease */
    bool capped;        /* may not rise, until it is known that the other member did not own the group */
    bool final;         /* capped, and that will never be known: the pair is rekeyed */
    bool handed;        /* the other member told its exact counters since */
    bool shared;        /* the other member was told of the pair */
    bool slow;          /* the last acknowledgement was late: there is always some room */
};

/* A pair that nobody else knows. */
void lease_init(struct lease *l);
/* Ceilings for a pair whose lowest unused numbers are `out` and `in`: what is to be told to the standby.
 * False: there is nothing to tell (capped, or told and not acknowledged yet). */
bool lease_next(struct lease *l, const struct lease_limits *limits, uint64_t out, uint64_t in, ns now);
/* They were told, in frame `number`. */
void lease_told(struct lease *l, uint64_t number, ns now);
/* Everything up to `number` was acknowledged. True: the next ceilings are in force now. */
bool lease_acked(struct lease *l, uint64_t number, ns now);
/* Where the engine asks for more: half way. */
uint64_t lease_out_mark(const struct lease *l, uint64_t out);
uint64_t lease_in_mark(const struct lease *l);
/* The traffic became less: a lower ceiling, in force at once, to be told afterwards. False: it stays. */
bool lease_shrink(struct lease *l, uint64_t in, ns now);

#endif
