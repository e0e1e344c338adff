/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the outbound direction share: outbound.c (a packet's plan, sealing, results),
 * outbound_size.c (MTU rules, fragments, ICMP) and outbound_wait.c (packets that wait for an SA). */
#ifndef IPSEC_OUTBOUND_INTERNAL_H
#define IPSEC_OUTBOUND_INTERNAL_H

#include "base/list.h"
#include "ipsec/decision.h"
#include "ipsec/encapsulate.h"
#include "ipsec/outbound.h"
#include "ipsec/pair_index.h"

enum {
    ARENA_SIZE = 1 << 20, /* fragments and ICMP errors of one burst */
    WAIT_FLOWS_MAX = 1024,
    WAIT_BUCKETS = 256,
    WAIT_SLOT = PACKET_HEADROOM + OUTBOUND_WAIT_PACKET_MAX + PACKET_TAILROOM,
    ICMP_PER_SECOND = 1000,
    ICMP_BURST = 100,
};

/* A packet in the queue; its bytes are in wait_memory at the same index. */
struct waiting {
    struct list in_flow; /* or in the free list, or in `released` */
    struct list in_all;  /* by age */
    struct wait_flow *flow;
    uint32_t len, ifindex, mtu;
    ns since;
};

/* Packets that wait for one acquire. */
struct wait_flow {
    struct list in_bucket; /* or in the free list */
    struct list in_due;    /* those never asked for first, then by the time of asking */
    struct list packets;
    uint32_t count;
    struct outbound_acquire acquire;
    ns due;
};

struct outbound {
    struct packet_path path;
    struct decider decider;
    ns now;       /* of the call */
    bool refused; /* refused_packet is to be told, but not before refused_until */
    ns refused_until;
    struct outbound_acquire refused_packet;
    uint16_t next_id;

    struct sealing sealings[BURST_MAX];
    struct packet_job jobs[BURST_MAX];
    struct packet_job bundle_jobs[BURST_MAX];
    size_t sealing_count;
    struct outbound_result results[OUTBOUND_RESULTS_MAX];
    size_t result_count;
    uint32_t arena_used;
    uint8_t *arena;

    uint32_t icmp_tokens, icmp_group;
    ns icmp_refilled;

    struct list wait_free, wait_all, released, flow_free, flow_due;
    struct list flow_buckets[WAIT_BUCKETS];
    struct waiting *waiting;
    struct wait_flow flows[WAIT_FLOWS_MAX];
    uint8_t *wait_memory;
};

/* outbound.c */
struct outbound_result *result_add(struct outbound *o, enum outbound_kind kind, size_t source);
void result_drop(struct outbound *o, enum drop_reason reason, size_t source);
/* Everything about one packet but the sealing. `waited`: it comes out of the queue, and if it has to go on
 * waiting nothing is done and false comes back. */
bool outbound_plan(struct outbound *o, const struct outbound_packet *p, size_t source, bool waited);
/* Seals what is planned and adds the results. */
void outbound_flush(struct outbound *o);
void outbound_begin(struct outbound *o, ns now);
/* Marks runs; the number of results. */
size_t outbound_end(struct outbound *o);
/* Adds a packet to be sealed; flushes first if there is no room. */
struct sealing *sealing_add(struct outbound *o);

/* outbound_size.c */
void outbound_fit(struct outbound *o, const struct outbound_packet *p, const struct ip_packet *packet,
                  const struct decision *decision, size_t source);
/* Splits a sealed outer packet that is too big and adds the results. */
void outbound_fragment_after(struct outbound *o, const struct sealing *s, const struct outbound_result *like);

/* outbound_wait.c */
void wait_init(struct outbound *o);
void wait_add(struct outbound *o, const struct outbound_packet *p, const struct decision *decision,
              size_t source);
void wait_reuse_released(struct outbound *o);

#endif
