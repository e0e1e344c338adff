/* SPDX-License-Identifier: Apache-2.0 */
/* When which flow's packet is due: every flow has the same rate, and the flows take turns evenly, so that a
 * thousand flows of one packet a second are one packet a millisecond. Pure. */
#ifndef FARM_SCHEDULE_H
#define FARM_SCHEDULE_H

#include "base/bytes.h"
#include "base/time.h"

struct schedule {
    ns start;
    uint64_t next;       /* packet in all */
    uint32_t flows;      /* at least 1 */
    uint32_t rate_milli; /* of each flow: packets in 1000 s; at least 1 */
};

/* When the next packet is due. */
ns schedule_due(const struct schedule *s);
/* Takes it if it is. */
bool schedule_take(struct schedule *s, ns now, uint32_t *ret_flow);

#endif
