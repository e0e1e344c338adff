/* SPDX-License-Identifier: Apache-2.0 */
/* IKE fragmentation (payload 132), both ways. A message is collected per IKE SA, one at a time, in bounded
 * memory. */
#ifndef IKE_FRAGMENTS_H
#define IKE_FRAGMENTS_H

#include "ike/machine.h"

/* Adds a fragment; the whole message (in ike->whole) once it is complete, else empty. */
struct bytes reassembly_add(struct ike *ike, struct ike_sa *sa, const struct isakmp_fragment *f);
void reassembly_free(struct ike *ike, struct ike_sa *sa);
ns reassembly_deadline(const struct ike_sa *sa);
size_t reassembly_size(void);

#endif
