/* SPDX-License-Identifier: Apache-2.0 */
/* What falls due at a gateway that took a group over. The first time that the timer of a replica fires there,
 * its deadlines are looked at: what is due is set anew. So the takeover itself touches nothing, nothing is
 * sent because of it, and ten thousand tunnels do not all begin to probe or rekey at once. */
#ifndef IKE_SUCCESSOR_H
#define IKE_SUCCESSOR_H

#include "ike/machine.h"

/* An IKE SA of another member whose record says that it answered its peer just now: the answer may not have
 * left when that member dies. Some of the latest are remembered. */
void successor_note(struct ike *ike, const struct ike_sa *sa);
/* We serve the group from now on: those are looked at first. */
void successor_begin(struct ike *ike, uint8_t group);
/* Their turn: what seems not to have arrived is sent again, byte for byte. */
void successor_answers(struct ike *ike, struct ike_sa *sa);

void successor_sa(struct ike *ike, struct ike_sa *sa);
void successor_pair(struct ike *ike, struct ike_pair *pair);

#endif
