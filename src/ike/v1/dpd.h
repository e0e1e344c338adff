/* SPDX-License-Identifier: Apache-2.0 */
/* Dead peer detection, RFC 3706, periodic and on demand. */
#ifndef IKE_DPD_H
#define IKE_DPD_H

#include "ike/machine.h"

ns dpd_interval(const struct ike *ike);
void dpd_start(struct ike *ike, struct ike_sa *sa); /* established or restored */
void dpd_timer(struct ike *ike, struct ike_sa *sa); /* its deadline came: ask the packet path */
void dpd_traffic(struct ike *ike, struct ike_sa *sa, ns last_in, ns last_out); /* the answer */
/* Pairs were left without an IKE SA: probing needs a new one. */
void dpd_take_up(struct ike *ike, const struct address *local, const struct address *remote);
void dpd_heard(struct ike *ike, struct ike_sa *sa); /* something authentic came */
void dpd_notify(struct ike *ike, struct ike_sa *sa, const struct isakmp_notify *n);

#endif
