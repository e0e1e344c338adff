/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a flow; see flow_stats.h. */
#include "lab/flow_stats.h"

static void stats_gap(struct flow_stats *s, ns from, ns until)
{
    ns gap = ns_since(until, from);
    if (gap > s->gap) {
        s->gap = gap;
        s->gap_from = from;
    }
    if (s->notice && gap >= s->notice && s->silence_count < FLOW_SILENCES)
        s->silences[s->silence_count++] = (struct stall_span){from, until};
}

void flow_stats_arrive(struct flow_stats *s, uint64_t *bitmap, uint64_t capacity, uint64_t number, ns time)
{
    if (number >= capacity) {
        s->beyond++;
        return;
    }
    uint64_t bit = UINT64_C(1) << (number % 64);
    if (bitmap[number / 64] & bit) {
        s->duplicated++;
        return;
    }
    bitmap[number / 64] |= bit;
    s->received++;
    if (number + 1 < s->highest)
        s->reordered++;
    else
        s->highest = number + 1;
    if (s->first_arrival == 0)
        s->first_arrival = time;
    else
        stats_gap(s, s->last_arrival, time);
    /* Two receive queues may deliver a little out of the order of their time stamps. */
    s->last_arrival = MAX(s->last_arrival, time);
}

struct flow_report flow_stats_report(const struct flow_stats *s, uint64_t sent, ns first_sent, ns last_sent)
{
    struct flow_report r = {
        .sent = sent,
        .received = s->received,
        .lost = sent > s->received ? sent - s->received : 0,
        .duplicated = s->duplicated,
        .reordered = s->reordered,
        .longest_gap = s->gap,
        .longest_gap_from = s->gap_from,
    };
    if (sent == 0)
        return r;
    ns head_until = s->first_arrival ? s->first_arrival : last_sent;
    ns head = ns_since(head_until, first_sent);
    if (head > r.longest_gap) {
        r.longest_gap = head;
        r.longest_gap_from = first_sent;
    }
    if (s->first_arrival && ns_since(last_sent, s->last_arrival) > r.longest_gap) {
        r.longest_gap = last_sent - s->last_arrival;
        r.longest_gap_from = s->last_arrival;
    }
    return r;
}

size_t flow_stats_gaps(const struct flow_stats *s, ns first_sent, ns last_sent,
                       struct stall_span ret[FLOW_GAPS])
{
    size_t count = 0;
    ret[count++] = (struct stall_span){first_sent, s->first_arrival ? s->first_arrival : last_sent};
    if (s->first_arrival)
        ret[count++] = (struct stall_span){s->last_arrival, MAX(s->last_arrival, last_sent)};
    ret[count++] = (struct stall_span){s->gap_from, s->gap_from + s->gap};
    for (uint32_t i = 0; i < s->silence_count; i++)
        ret[count++] = s->silences[i];
    return count;
}
