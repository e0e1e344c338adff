/* SPDX-License-Identifier: Apache-2.0 */
/* Proxy identities (IDci, IDcr) as selectors, and the access list that must cover them. RFC 2409 §5.5. */
#ifndef IKE_PROXY_H
#define IKE_PROXY_H

#include "ike/machine.h"

/* The selector that a quick mode is about, local to remote. Without identities: the two endpoints, any
 * protocol. False: something that is no pair of prefixes. */
bool proxy_read(const struct ike_sa *sa, const struct isakmp_message *m, bool we_initiated,
                struct selector *ret, bool *ret_given);
/* What we ask for: IKEv1 has no port ranges, so a range becomes any port. */
void proxy_widen(struct selector *s);
void proxy_write(struct isakmp_writer *w, const struct selector *s, bool we_initiated);
/* A permit line equals or covers it. */
bool proxy_allowed(const struct ike_connection *config, const struct selector *s);

#endif
