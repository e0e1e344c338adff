/* SPDX-License-Identifier: Apache-2.0 */
/* Standstills of the machine under a run; see stall.h. */
#include "lab/stall.h"

void stall_note(struct stall_log *l, ns due, ns now, ns notice)
{
    ns late = ns_since(now, due);
    uint32_t count = l->count;
    if (late < notice || late == 0)
        return;
    l->total += late;
    if (late > l->longest)
        l->longest = late;
    if (count == STALL_ENTRIES)
        return;
    l->entries[count] = (struct stall_span){due, now};
    l->count = count + 1;
}

/* The first entry that ends after `time`. */
static uint32_t entry_after(const struct stall_log *l, uint32_t count, ns time)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (l->entries[middle].until > time)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The end of the stalls that cover `time`, or `time` where none does; *ret_next is when the next one begins.
 */
static ns stalled_until(const struct stall_log *const logs[], size_t log_count, ns time, ns *ret_next)
{
    ns end = time;
    *ret_next = NS_NEVER;
    for (size_t i = 0; i < log_count; i++) {
        uint32_t count = logs[i]->count, at = entry_after(logs[i], count, time);
        if (at == count)
            continue;
        const struct stall_span *e = &logs[i]->entries[at];
        if (e->from <= time)
            end = e->until > end ? e->until : end;
        else
            *ret_next = ns_min(*ret_next, e->from);
    }
    return end;
}

ns stall_within(const struct stall_log *const logs[], size_t log_count, ns from, ns until)
{
    ns sum = 0, at = from;
    while (at < until) {
        ns next, end = ns_min(stalled_until(logs, log_count, at, &next), until);
        sum += end - at;
        at = end > at ? end : next;
    }
    return sum;
}

struct stall_verdict stall_judge(const struct stall_log *const logs[], size_t log_count,
                                 const struct stall_span *gaps, size_t gap_count)
{
    struct stall_verdict worst = {0};
    for (size_t i = 0; i < gap_count; i++) {
        ns gap = ns_since(gaps[i].until, gaps[i].from);
        ns stall = gap ? stall_within(logs, log_count, gaps[i].from, gaps[i].until) : 0;
        if (gap - stall > worst.gap - worst.stall || worst.gap == 0)
            worst = (struct stall_verdict){gap, stall, gaps[i].from};
    }
    return worst;
}
