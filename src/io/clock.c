/* SPDX-License-Identifier: Apache-2.0 */
/* See clock.h. Both clocks exist on every Linux that runs TUN, so a failure is our own bug. */
#include "io/clock.h"

#include <assert.h>
#include <time.h>

static uint64_t clock_read(clockid_t id)
{
    struct timespec t;
    int r = clock_gettime(id, &t);
    assert(r == 0);
    (void)r;
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

ns clock_now(void)
{
    return clock_read(CLOCK_BOOTTIME);
}

uint64_t clock_wall_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

uint64_t clock_wall_seconds(void)
{
    return clock_wall_ns() / NS_PER_S;
}
