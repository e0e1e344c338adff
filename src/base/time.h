/* SPDX-License-Identifier: Apache-2.0 */
/* Time is nanoseconds of a monotonic clock that goes on across the restart of a process. Only src/io reads
 * it; machines get it with their events. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

typedef uint64_t ns;

#define NS_PER_US ((ns)1000)
#define NS_PER_MS ((ns)1000000)
#define NS_PER_S  ((ns)1000000000)
#define NS_NEVER  UINT64_MAX

static inline ns ns_min(ns a, ns b)
{
    return a < b ? a : b;
}

/* a - b, or 0 where b is later. */
static inline ns ns_since(ns a, ns b)
{
    return a > b ? a - b : 0;
}

#endif
