/* SPDX-License-Identifier: Apache-2.0 */
/* Deliberate bugs, to prove that the simulators find them (tests/sim). Each `deliberate_bug` in the product
 * is a constant false unless the code is compiled with HOLDFAST_DELIBERATE_BUGS, which only the tests' second
 * set of the pure rooms is; a test looks for traces of it in what is shipped. With it, one bug at a time is
 * put in while a simulator runs.
 */
#ifndef BASE_DELIBERATE_H
#define BASE_DELIBERATE_H

#ifdef HOLDFAST_DELIBERATE_BUGS

#include <stdbool.h>

enum deliberate {
    DELIBERATE_NONE,
    DELIBERATE_REUSE_SEQUENCE,   /* who takes over goes on where it was itself, not where the lease ends */
    DELIBERATE_SKIP_WAIT,        /* answers do not wait for the acknowledgement */
    DELIBERATE_EARLY_RAISE,      /* nor do higher ceilings */
    DELIBERATE_FORGET_EPOCH,     /* a takeover is in the epoch before it */
    DELIBERATE_DELIVER_REPLAY,   /* the window knows what it has seen, and lets it through */
    DELIBERATE_TWO_OWNERS,       /* who loses the role goes on */
    DELIBERATE_TWO_ACTIVE,       /* an Active router does not give way to the better one */
    DELIBERATE_LOST_RECORD,      /* where a snapshot waits for room a record is passed over */
    DELIBERATE_LEAKED_HALF_OPEN, /* a responder waits for ever */
    DELIBERATE_CLEAR_PACKET,     /* what finds no SA leaves as it is */
    DELIBERATE_STALE_DELETE,     /* the end of a snapshot deletes what was put beside it */
    DELIBERATE_STALE_KEPT,       /* nor does it delete what is gone */
    DELIBERATE_UNBOUNDED_QUEUE,  /* a snapshot does not wait for room */
    DELIBERATE_MERGE_FORGOTTEN,  /* what the other one made alone is thrown away */
    DELIBERATE_BUGS,
};

extern enum deliberate deliberate_now;

static inline bool deliberate_bug(enum deliberate bug)
{
    return deliberate_now == bug;
}

#else

#define deliberate_bug(bug) false

#endif

#endif
