/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule of faults that fails is made smaller: faults are taken away, halves first, then one by one, as
 * long as it still fails. A world shares it by giving each fault a generator of its own, so that the others
 * stay what they were. */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "base/bytes.h"

/* `fails` runs the world with the faults whose bit is set. Returns the smallest mask found that fails;
 * all `count` faults do. */
uint32_t shrink_faults(unsigned count, bool (*fails)(void *context, uint32_t mask), void *context);

#endif
