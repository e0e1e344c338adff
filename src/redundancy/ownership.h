/* SPDX-License-Identifier: Apache-2.0 */
/* The one verdict per redundancy group: does this gateway serve it? What a first-hop protocol says of each of
 * the group's interfaces, whether our own processes are fit, and (with a replicating peer) how far the peer
 * is, come in; one role with everything bound to it comes out. Virtual addresses, the IKE role and routes
 * follow this verdict and nothing else.
 *
 * The first member is the driver: its election decides. The group is run on no interface while we are unfit,
 * so that every member resigns, and a gateway that cannot pass packets never stays active.
 */
#ifndef REDUNDANCY_OWNERSHIP_H
#define REDUNDANCY_OWNERSHIP_H

#include "base/address.h"
#include "base/time.h"

enum { OWNERSHIP_MEMBERS_MAX = 8 };

enum ownership_role {
    OWNERSHIP_STANDBY, /* not ours */
    OWNERSHIP_OWNER,   /* ours, and another one could take over */
    OWNERSHIP_ALONE,   /* ours, and nobody else is there */
};

enum ownership_member_state { OWNERSHIP_MEMBER_DOWN, OWNERSHIP_MEMBER_WAITING, OWNERSHIP_MEMBER_ACTIVE };

struct ownership_member {
    uint8_t state;   /* enum ownership_member_state: WAITING is Learn..Standby, Backup */
    bool peer_known; /* another router of this group is heard */
    bool inside;     /* else outside */
};

struct ownership_input {
    uint8_t member_count;
    struct ownership_member members[OWNERSHIP_MEMBERS_MAX];
    bool control_fit, engine_fit;
    bool tracked_up; /* no object tracked with `shutdown` is down */
};

/* What is bound to the verdict. */
struct ownership_verdict {
    enum ownership_role role;
    bool run;             /* take part in the elections: UP to the members, else DOWN */
    bool serve_addresses; /* virtual addresses and virtual MACs, inside and outside */
    bool speak_ike;       /* answer and initiate for connections bound to the group; else silent */
    bool hold_routes;     /* routes injected for the group's peers */
    bool split;           /* members disagree: inside and outside are not with the same gateway */
};

struct ownership {
    struct ownership_verdict verdict;
    uint32_t epoch; /* counts the times that the group became ours */
    uint64_t changes;
    ns last_change;
};

void ownership_init(struct ownership *o, ns now);
/* True if the verdict changed. */
bool ownership_step(struct ownership *o, const struct ownership_input *input, ns now);
const char *ownership_role_name(enum ownership_role role);

#endif
