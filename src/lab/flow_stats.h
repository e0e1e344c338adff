/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of one flow of numbered packets, as a pure accumulator: the receiver of a probe feeds it each
 * arrival, the runner reads it, and unit tests drive it with made-up times. Always holds: received = number
 * of different numbers that arrived; duplicated = further arrivals of a number; reordered = first arrivals
 * below a number already seen; longest_gap = the longest time without a new packet while packets were being
 * sent (from the first sending, between arrivals, and up to the last sending). The caller owns the bitmap. */
#ifndef LAB_FLOW_STATS_H
#define LAB_FLOW_STATS_H

#include "lab/stall.h"

enum { FLOW_SILENCES = 64, FLOW_GAPS = FLOW_SILENCES + 3 };

struct flow_stats {
    uint64_t received;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t beyond;  /* numbers above the bitmap: not counted as received */
    uint64_t highest; /* number + 1; 0: none yet */
    ns first_arrival; /* 0: none yet */
    ns last_arrival;
    ns gap, gap_from; /* longest between arrivals, and when it began */
    ns notice;        /* gaps of at least this length are listed; 0: none are */
    uint32_t silence_count;
    struct stall_span silences[FLOW_SILENCES];
};

/* What a report shows. */
struct flow_report {
    uint64_t sent, received, lost, duplicated, reordered;
    ns longest_gap;
    ns longest_gap_from; /* the time at which it began */
};

/* `bitmap` has room for `capacity` bits and is zero. */
void flow_stats_arrive(struct flow_stats *s, uint64_t *bitmap, uint64_t capacity, uint64_t number, ns time);
/* `sent` packets between `first_sent` and `last_sent` (the present time while sending goes on). */
struct flow_report flow_stats_report(const struct flow_stats *s, uint64_t sent, ns first_sent, ns last_sent);
/* The gaps that may be the longest one once stalls are taken off: before the first arrival, those listed, the
 * longest between arrivals, after the last. Some may stand there twice or be empty. Returns their number. */
size_t flow_stats_gaps(const struct flow_stats *s, ns first_sent, ns last_sent,
                       struct stall_span ret[FLOW_GAPS]);

#endif
