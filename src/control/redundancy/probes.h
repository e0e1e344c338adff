/* SPDX-License-Identifier: Apache-2.0 */
/* Probes (`ip sla`) on this machine: their sockets, their timer, and what the tracked objects hear of them.
 * The machine is src/redundancy/probe.h. The sockets are open while there are probes of their family. */
#ifndef CONTROL_REDUNDANCY_PROBES_H
#define CONTROL_REDUNDANCY_PROBES_H

#include "redundancy/probe.h"

#include "base/address.h"
#include "config/model.h"

struct control;
struct probes;
struct redundancy;

struct probe_unit {
    uint32_t number;
    uint16_t slot; /* its identifier, less that of the first slot */
    struct probe machine;
    struct address destination, source; /* source unset: the kernel chooses */
    uint32_t scope;                     /* the device of a link-local destination */
    bool no_source;                     /* the interface that should give it has no address */
    char interface[CONFIG_MAX_NAME + 1];
    bool known, reachable, good; /* what tracked objects were told; by a predecessor of this process, too */
    uint64_t send_errors;
    bool keep;
};

/* Probes as configured; what is unchanged goes on. Tells the tracked objects nothing. */
void probes_apply(struct redundancy *r, const struct config *after);
/* Tells the tracked objects all that is known. */
void probes_tell(struct redundancy *r);
void probes_end(struct redundancy *r);

/* For `show`. NULL: there is none of that number, or it could not be made. */
const struct probe_unit *probes_find(const struct redundancy *r, uint32_t number);

#endif
