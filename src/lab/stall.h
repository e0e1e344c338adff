/* SPDX-License-Identifier: Apache-2.0 */
/* When a processor did not run us although it was our turn, as a pure log: a canary process feeds it, the
 * runner asks what a gap of a flow owes to it, unit tests drive it with made-up times. One writer; a reader
 * may look at any moment. Always holds: entries follow each other in time and do not overlap. A full log
 * notes no more, so a gap is then judged more harshly, never more kindly. */
#ifndef LAB_STALL_H
#define LAB_STALL_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/time.h"

enum { STALL_ENTRIES = 8192 };

struct stall_span {
    ns from, until;
};

struct stall_log {
    _Atomic uint32_t count;
    _Atomic ns longest, total; /* of what was noted, and of what found no room */
    struct stall_span entries[STALL_ENTRIES];
};

/* It should have run at `due` and did at `now`: noted if that is `notice` or more. */
void stall_note(struct stall_log *l, ns due, ns now, ns notice);
/* For how much of the time between `from` and `until` at least one of the logs has a stall. */
ns stall_within(const struct stall_log *const logs[], size_t log_count, ns from, ns until);

/* Of several gaps the one that is longest when stalls are taken off. */
struct stall_verdict {
    ns gap;   /* as it was seen */
    ns stall; /* of it */
    ns from;  /* when it began */
};

struct stall_verdict stall_judge(const struct stall_log *const logs[], size_t log_count,
                                 const struct stall_span *gaps, size_t gap_count);

#endif
