/* SPDX-License-Identifier: Apache-2.0 */
/* A probe: a sender in one node that sends numbered UDP packets (or records on one TCP connection) at fixed
 * times, a receiver in another that notes each arrival, both children of the lab; figures in shared memory.
 * Called by run.c. Always holds: a number is sent once; a sender that was kept from running does not catch up
 * in a burst; the arrival time is the kernel's (SO_TIMESTAMPNS), so a busy machine does not make gaps that
 * the wire did not have; the children end with their parent. */
#ifndef LAB_PROBE_H
#define LAB_PROBE_H

#include <sys/types.h>

#include "lab/flow_stats.h"
#include "lab/scenario.h"

struct probe_shared;

struct probe {
    ns stopped; /* when it was told to stop sending */
    const struct flow *flow;
    struct probe_shared *shared; /* NULL: never started */
    pid_t sender, receiver;      /* 0: not running */
    uint32_t silences_told;
};

/* `index` makes port and identity. -EALREADY if it was started before. `error` says what failed in a child.
 */
int probe_start(struct probe *p, const struct flow *flow, unsigned index, int from_netns, int to_netns,
                char error[128]) must_check;
/* Tells the sender to stop; probe_stop waits for it. Several flows can so stop at the same time. */
void probe_stop_sending(struct probe *p);
/* Stops sending, waits for what is under way (at most 500 ms), stops receiving. The figures stay. */
void probe_stop(struct probe *p);
void probe_done(struct probe *p);
struct flow_report probe_report(const struct probe *p);
size_t probe_gaps(const struct probe *p, struct stall_span ret[FLOW_GAPS]);
uint64_t probe_send_errors(const struct probe *p);
/* The next gap of 50 ms or more that ended since the last call. */
bool probe_silence(struct probe *p, struct stall_span *ret);

#endif
