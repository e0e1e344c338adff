/* SPDX-License-Identifier: Apache-2.0 */
/* Canaries: on each processor two processes that do nothing but wake up at fixed times and note how late they
 * were. The urgent one has a real-time priority above everything of the lab and of Holdfast: what it misses,
 * the machine itself did not give (a virtual machine that its host stopped, interrupts). The ordinary one
 * competes like any process: what it misses, others used. One more, for the whole machine, asks the
 * kernel for a change of network configuration (of a namespace of its own) that changes nothing: namespaces
 * share the lock that this takes, and who makes or removes some beside us holds it. Only the urgent one's
 * stalls are taken off a gap. Called by run.c; the children end with their parent. */
#ifndef LAB_CANARY_H
#define LAB_CANARY_H

#include <sys/types.h>

#include "lab/stall.h"

enum { CANARY_CPUS = 32 };

enum canary_kind {
    CANARY_URGENT,
    CANARY_ORDINARY,
    CANARY_KERNEL, /* on the first processor only */
    CANARY_KINDS
};

struct canary_shared {
    _Atomic bool ready, refused; /* refused: no real-time priority, so it counts what others use as well */
    struct stall_log log;
};

struct canary {
    unsigned count;                             /* of the processors watched */
    unsigned cpu[CANARY_CPUS];                  /* their numbers */
    struct canary_shared *shared[CANARY_KINDS]; /* an array of `count` each; NULL: never started */
    pid_t pids[CANARY_KINDS][CANARY_CPUS];
    uint32_t told[CANARY_CPUS];
};

/* On failure nothing is left running. */
int canary_start(struct canary *c) must_check;
void canary_done(struct canary *c);
/* The urgent ones' logs; their number. */
size_t canary_logs(const struct canary *c, const struct stall_log *ret[CANARY_CPUS]);
/* Whether the machine refused real-time priority. */
bool canary_refused(const struct canary *c);
/* The next stall of 50 ms or more that ended since the last call. */
bool canary_stall(struct canary *c, struct stall_span *ret, unsigned *ret_cpu);

#endif
