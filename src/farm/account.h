/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of one direction of a farm's traffic: what was sent of each spoke's flow, what arrived of it,
 * and the figures over all of them. Pure: times come with the calls. traffic.c keeps two, from the spokes and
 * to them.
 *
 * The figures of one flow are those of the lab's probe (lab/flow_stats.h): a gap is the longest time without
 * a new packet while packets were being sent, so it is never shorter than the distance of two packets. Always
 * holds: received + lost = sent, for each flow and in all. */
#ifndef FARM_ACCOUNT_H
#define FARM_ACCOUNT_H

#include "lab/flow_stats.h"

struct account_flow {
    struct flow_stats stats;
    uint64_t *arrived; /* bit n: number n did */
    uint64_t capacity; /* of `arrived`, in bits */
    uint64_t sent;     /* numbers below were */
    ns first_sent, last_sent;
};

struct account {
    uint32_t count;
    struct account_flow *flows;
    ns *gaps;         /* room for the report */
    uint64_t foreign; /* numbers that were never sent */
    /* Of all flows together. */
    ns first_sent, last_sent, first_arrival, last_arrival, gap;
};

struct account_report {
    uint64_t sent, received, lost, duplicated, reordered, foreign;
    ns gap;                           /* nothing arrived of any flow for so long */
    ns flow_gap_max, flow_gap_median; /* over the flows */
    uint32_t worst;                   /* the flow with the longest gap */
    uint32_t losing;                  /* flows that lost anything */
    uint32_t silent;                  /* flows of which nothing arrived */
};

/* -ENOMEM. */
int account_init(struct account *a, uint32_t flows) must_check;
void account_done(struct account *a);
/* Everything begins again at number 0. */
void account_reset(struct account *a);

/* The next number of the flow was due at `time`; returns it. */
uint64_t account_send(struct account *a, uint32_t flow, ns time);
/* False: no such flow, never sent, or no memory to note it: it counts as lost. */
bool account_arrive(struct account *a, uint32_t flow, uint64_t number, ns time);
struct account_report account_report(const struct account *a);

#endif
