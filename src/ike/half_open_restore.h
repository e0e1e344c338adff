/* SPDX-License-Identifier: Apache-2.0 */
/* Half-open phase 1 exchanges made from their records: after a crash, and as replicas of another member's. */
#ifndef IKE_HALF_OPEN_RESTORE_H
#define IKE_HALF_OPEN_RESTORE_H

#include "ike/half_open_record.h"

/* One with this id, which has none yet; it goes on when its turn comes (phase1_resume). NULL, or why not:
 * nothing is left of it then. */
const char *half_open_make(struct ike *ike, uint64_t id, const struct half_open_record *h);

#endif
