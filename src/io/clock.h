/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that reads a clock. Machines get its values with their events (base/time.h). */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include "base/time.h"

/* Nanoseconds since the machine started, suspension included: the same in every process, never set back. */
ns clock_now(void);
/* Seconds since 1970, for certificates and for people; may jump. */
uint64_t clock_wall_seconds(void);
/* The same in nanoseconds. */
uint64_t clock_wall_ns(void);

#endif
