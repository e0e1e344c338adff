/* SPDX-License-Identifier: Apache-2.0 */
/* The end of quick mode: from an agreement to installed pairs. */
#ifndef IKE_QUICK_PAIR_H
#define IKE_QUICK_PAIR_H

#include "ike/negotiate/phase2_transform.h"

/* Derives the keys, makes the pair (two for AH around ESP), replicates and installs. False: no memory;
 * nothing is installed then. */
bool quick_install(struct ike *ike, struct exchange *x, const struct phase2_choice *choice,
                   struct bytes shared, bool initiator);
/* RESPONDER-LIFETIME, RFC 2407 §4.6.3.1. */
void quick_write_lifetime(struct isakmp_writer *w, const struct phase2_choice *choice);
void quick_read_lifetime(const struct isakmp_message *m, struct phase2_choice *choice);

#endif
