/* SPDX-License-Identifier: Apache-2.0 */
/* See lease.h. */
#include "replication/lease.h"

void lease_init(struct lease *l)
{
    *l = (struct lease){.out = UINT64_MAX, .in = UINT64_MAX, .inbound = LEASE_INBOUND_MIN};
}

static uint64_t above(uint64_t from, uint64_t by)
{
    return from > UINT64_MAX - 1 - by ? UINT64_MAX - 1 : from + by;
}

static void inbound_size(struct lease *l, const struct lease_limits *limits, uint64_t in, ns now)
{
    bool used = l->in != UINT64_MAX && l->in - in <= l->inbound / 2;
    ns took = ns_since(now, l->begun);
    if (used && took < LEASE_FAST)
        l->inbound = MAX(2 * l->inbound, (uint32_t)LEASE_INBOUND_FIRST);
    else if (took > LEASE_SLOW)
        l->inbound /= 2;
    if (l->inbound < LEASE_INBOUND_FIRST)
        l->inbound = l->slow ? LEASE_INBOUND_FIRST : LEASE_INBOUND_MIN;
    l->inbound = MIN(l->inbound, limits->inbound);
}

bool lease_next(struct lease *l, const struct lease_limits *limits, uint64_t out, uint64_t in, ns now)
{
    if (l->capped || l->waits_for)
        return false;
    inbound_size(l, limits, in, now);
    l->next_out = above(out, MAX(limits->outbound, 1u));
    l->next_in = above(in, l->inbound);
    /* What was granted is granted: only lease_shrink goes back. */
    if (l->out != UINT64_MAX)
        l->next_out = MAX(l->next_out, l->out);
    if (l->in != UINT64_MAX)
        l->next_in = MAX(l->next_in, l->in);
    return l->next_out != l->out || l->next_in != l->in;
}

void lease_told(struct lease *l, uint64_t number, ns now)
{
    l->told_at = now;
    l->waits_for = number;
}

bool lease_acked(struct lease *l, uint64_t number, ns now)
{
    if (!l->waits_for || l->waits_for > number)
        return false;
    l->waits_for = 0;
    l->slow = ns_since(now, l->told_at) > LEASE_LATE;
    if (l->capped)
        return false;
    l->out = l->next_out;
    l->in = l->next_in;
    l->begun = now;
    return true;
}

uint64_t lease_out_mark(const struct lease *l, uint64_t out)
{
    return l->out == UINT64_MAX ? UINT64_MAX : out + (l->out - MIN(out, l->out)) / 2;
}

uint64_t lease_in_mark(const struct lease *l)
{
    return l->in == UINT64_MAX ? UINT64_MAX : l->in - MIN(l->in, (uint64_t)l->inbound / 2);
}

bool lease_shrink(struct lease *l, uint64_t in, ns now)
{
    if (l->capped || l->waits_for || l->in == UINT64_MAX || ns_since(now, l->begun) < LEASE_SLOW)
        return false;
    uint64_t wanted = above(in, LEASE_INBOUND_MIN);
    if (wanted >= l->in)
        return false;
    l->in = l->next_in = wanted;
    l->next_out = l->out;
    l->inbound = LEASE_INBOUND_MIN;
    l->begun = now;
    return true;
}
