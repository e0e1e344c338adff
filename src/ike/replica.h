/* SPDX-License-Identifier: Apache-2.0 */
/* IKE_EVENT_REPLICA: an object of a group as another member has it. */
#ifndef IKE_REPLICA_H
#define IKE_REPLICA_H

#include "ike/machine.h"

void replica_event(struct ike *ike, const struct ike_event *e);

#endif
