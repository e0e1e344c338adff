/* SPDX-License-Identifier: Apache-2.0 */
/* What falls due at a gateway that took a group over. The first time that the timer of a replica fires there,
 * its deadlines are looked at: what is due is set anew. So the takeover itself touches nothing, nothing is
 * sent because of it, and ten thousand tunnels do not all begin to probe or rekey at once. */
#ifndef IKE_SUCCESSOR_H
#define IKE_SUCCESSOR_H

#include "ike/machine.h"

void successor_sa(struct ike *ike, struct ike_sa *sa);
void successor_pair(struct ike *ike, struct ike_pair *pair);

#endif
