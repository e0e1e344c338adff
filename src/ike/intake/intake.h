/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram's way to its exchange: header, version, fragments, which IKE SA, duplicates, decryption,
 * authenticity. */
#ifndef IKE_INTAKE_H
#define IKE_INTAKE_H

#include "ike/machine.h"

void intake_datagram(struct ike *ike, const struct ike_event *event);

#endif
