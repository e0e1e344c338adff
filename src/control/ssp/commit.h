/* SPDX-License-Identifier: Apache-2.0 */
/* Output commit (docs/stateful-failover.md): what an IKE step sends or installs for a shared group waits
 * until the standby has acknowledged the records that it depends on. Once anything waits, everything that
 * matters to order waits behind it. What waits is bounded; beyond that the standby is given up, which
 * releases all. */
#ifndef CONTROL_SSP_COMMIT_H
#define CONTROL_SSP_COMMIT_H

#include "ike/ike.h"
#include "replication/session.h"

struct control;

enum { COMMIT_WAITING_MAX = 65536 };

struct commit {
    struct held_action *first, **last;
    uint32_t count;
    uint64_t need; /* of the step that is being carried out: the frame that its records ended with */
    uint8_t need_group;
    uint64_t held_total;
};

void commit_init(struct commit *q);
/* An action in its turn. True: it was kept (a copy), and comes back by commit_release. */
bool commit_hold(struct control *c, const struct ike_action *a,
                 const struct session_lease *ceilings) must_check;
/* Carries out what may be carried out now, in order. */
void commit_release(struct control *c);
/* The group is not ours any more: what is still to be sent is not sent. */
void commit_drop_sends(struct control *c, uint8_t group);

#endif
