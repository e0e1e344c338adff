/* SPDX-License-Identifier: Apache-2.0 */
/* Deliberate bugs of the product (base/deliberate.h), each of which a world must find. Only in the worlds'
 * second builds. */
#ifndef SIM_DELIBERATE_H
#define SIM_DELIBERATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/deliberate.h"

enum { DELIBERATE_WHY = 600 };

#ifdef HOLDFAST_DELIBERATE_BUGS

/* Puts in one bug after the other and runs seeds from 1 on until one fails, at most `count`: `holds` says
 * whether every promise held, else why not. 0 if all of them were found and no seed fails without them. */
int deliberate_each(const enum deliberate *bugs, size_t n, uint64_t count,
                    bool (*holds)(uint64_t seed, char why[DELIBERATE_WHY]));
const char *deliberate_name(enum deliberate bug);

#endif

#endif
