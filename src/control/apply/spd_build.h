/* SPDX-License-Identifier: Apache-2.0 */
/* From scopes to the table that the engine reads. */
#ifndef CONTROL_APPLY_SPD_BUILD_H
#define CONTROL_APPLY_SPD_BUILD_H

#include "control/apply/scopes.h"
#include "ipsec/spd.h"

/* One line of an access list as the engine compares it. False: a remark, which matches nothing. */
bool spd_ace_build(const struct config_acl_entry *e, uint8_t family, struct spd_ace *ret);

/* Fills an emptied table. -E2BIG: more access list lines or own addresses than it holds. */
int spd_build(const struct scopes *s, const struct devices *d, struct spd_table *ret) must_check;

#endif
