/* SPDX-License-Identifier: Apache-2.0 */
/* See schedule.h. */
#include "farm/schedule.h"

ns schedule_due(const struct schedule *s)
{
    /* A day of a million packets a second does not fit 64 bits. */
    unsigned __int128 thousandths = (unsigned __int128)s->next * NS_PER_S * 1000;

    return s->start + (ns)(thousandths / ((uint64_t)s->rate_milli * s->flows));
}

bool schedule_take(struct schedule *s, ns now, uint32_t *ret_flow)
{
    if (schedule_due(s) > now)
        return false;
    *ret_flow = (uint32_t)(s->next++ % s->flows);
    return true;
}
