/* SPDX-License-Identifier: Apache-2.0 */
/* See account.h. */
#include "farm/account.h"

#include <errno.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 256 };

int account_init(struct account *a, uint32_t flows)
{
    *a = (struct account){.count = flows};
    a->flows = calloc(flows, sizeof *a->flows);
    a->gaps = calloc(flows, sizeof *a->gaps);
    if (a->flows && a->gaps)
        return 0;
    account_done(a);
    return -ENOMEM;
}

void account_done(struct account *a)
{
    for (uint32_t i = 0; a->flows && i < a->count; i++)
        free(a->flows[i].arrived);
    free(a->flows);
    free(a->gaps);
    *a = (struct account){0};
}

void account_reset(struct account *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        struct account_flow *f = &a->flows[i];
        uint64_t *arrived = f->arrived;
        uint64_t capacity = f->capacity;

        if (arrived)
            memset(arrived, 0, capacity / 8);
        *f = (struct account_flow){.arrived = arrived, .capacity = capacity};
    }
    *a = (struct account){.count = a->count, .flows = a->flows, .gaps = a->gaps};
}

uint64_t account_send(struct account *a, uint32_t flow, ns time)
{
    struct account_flow *f = &a->flows[flow];

    if (f->sent == 0)
        f->first_sent = time;
    if (a->first_sent == 0)
        a->first_sent = time;
    f->last_sent = a->last_sent = time;
    return f->sent++;
}

/* Room for what was sent and as much again: how much there ever is, our own sending decides. */
static bool flow_reserve(struct account_flow *f)
{
    uint64_t capacity = f->capacity ? f->capacity : CAPACITY_MIN;

    while (capacity < f->sent)
        capacity *= 2;
    uint64_t *grown = realloc(f->arrived, capacity / 8);
    if (!grown)
        return false;
    memset((uint8_t *)grown + f->capacity / 8, 0, (capacity - f->capacity) / 8);
    f->arrived = grown;
    f->capacity = capacity;
    return true;
}

bool account_arrive(struct account *a, uint32_t flow, uint64_t number, ns time)
{
    struct account_flow *f = flow < a->count ? &a->flows[flow] : NULL;

    if (!f || number >= f->sent) {
        a->foreign++;
        return false;
    }
    if (number >= f->capacity && !flow_reserve(f))
        return false;
    uint64_t before = f->stats.received;
    flow_stats_arrive(&f->stats, f->arrived, f->capacity, number, time);
    if (f->stats.received == before)
        return true;
    if (a->first_arrival == 0)
        a->first_arrival = time;
    else
        a->gap = MAX(a->gap, ns_since(time, a->last_arrival));
    a->last_arrival = MAX(a->last_arrival, time);
    return true;
}

static int gap_order(const void *a, const void *b)
{
    ns x = *(const ns *)a, y = *(const ns *)b;

    return (x > y) - (x < y);
}

/* With the time before the first arrival and after the last one. */
static ns gap_in_all(const struct account *a)
{
    ns head = ns_since(a->first_arrival ? a->first_arrival : a->last_sent, a->first_sent);
    ns tail = a->first_arrival ? ns_since(a->last_sent, a->last_arrival) : 0;

    return MAX(a->gap, MAX(head, tail));
}

struct account_report account_report(const struct account *a)
{
    struct account_report r = {.foreign = a->foreign, .gap = gap_in_all(a)};

    for (uint32_t i = 0; i < a->count; i++) {
        const struct account_flow *f = &a->flows[i];
        struct flow_report one = flow_stats_report(&f->stats, f->sent, f->first_sent, f->last_sent);

        r.sent += one.sent;
        r.received += one.received;
        r.lost += one.lost;
        r.duplicated += one.duplicated;
        r.reordered += one.reordered;
        r.losing += one.lost > 0;
        r.silent += one.sent > 0 && one.received == 0;
        if (one.longest_gap > r.flow_gap_max) {
            r.flow_gap_max = one.longest_gap;
            r.worst = i;
        }
        a->gaps[i] = one.longest_gap;
    }
    if (a->count) {
        qsort(a->gaps, a->count, sizeof *a->gaps, gap_order);
        r.flow_gap_median = a->gaps[a->count / 2];
    }
    return r;
}
