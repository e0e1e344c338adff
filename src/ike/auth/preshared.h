/* SPDX-License-Identifier: Apache-2.0 */
/* Which pre-shared key belongs to a peer: by address, the most specific prefix wins; or by the identity it
 * claims (aggressive mode). RFC 2409 §5.4: in main mode the address is all there is to go by. */
#ifndef IKE_PRESHARED_H
#define IKE_PRESHARED_H

#include "ike/machine.h"

/* Over config->keys, once per configuration. -ENOMEM. */
int preshared_index(struct ike *ike) must_check;
void preshared_done(struct ike *ike);
/* The key, or NULL. */
const struct ike_key *preshared_by_address(const struct ike *ike, const struct address *peer);
const struct ike_key *preshared_by_name(const struct ike *ike, struct bytes name);
/* For an identity of ID type 1, 2, 3, 5 or 11: by name, or by the address it names; where it names none of
 * ours, by the address that the message came from. */
const struct ike_key *preshared_by_identity(const struct ike *ike, const struct isakmp_id *id,
                                            const struct address *from);

#endif
