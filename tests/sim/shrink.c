/* SPDX-License-Identifier: Apache-2.0 */
/* See shrink.h. */
#include "shrink.h"

uint32_t shrink_faults(unsigned count, bool (*fails)(void *context, uint32_t mask), void *context)
{
    uint32_t mask = count < 32 ? (1u << count) - 1 : UINT32_MAX;
    for (unsigned width = MAX(count / 2, 1u);; width /= 2) {
        for (unsigned at = 0; at < count; at += width) {
            uint32_t part = (width < 32 ? (1u << width) - 1 : UINT32_MAX) << at;
            if (mask & part && fails(context, mask & ~part))
                mask &= ~part;
        }
        if (width == 1)
            return mask;
    }
}
