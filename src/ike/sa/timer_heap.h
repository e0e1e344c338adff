/* SPDX-License-Identifier: Apache-2.0 */
/* The deadlines of a machine: an intrusive binary heap. Setting, moving and cancelling cost O(log n); the
 * earliest is at hand. The array grows by doubling up to the number of timers in use and never fails after
 * timer_heap_reserve. */
#ifndef IKE_TIMER_HEAP_H
#define IKE_TIMER_HEAP_H

#include "base/bytes.h"
#include "base/time.h"

/* Zeroed means: not set. `kind` belongs to the owner and tells what contains the timer. */
struct timer {
    ns at;
    uint32_t place; /* in the heap, from 1; 0: not set */
    uint32_t kind;
};

struct timer_heap {
    struct timer **list; /* list[1..count] */
    uint32_t count, size;
};

void timer_heap_done(struct timer_heap *h); /* timers belong to the caller */
/* Room for so many timers at once. -ENOMEM. */
int timer_heap_reserve(struct timer_heap *h, uint32_t timers) must_check;
/* NS_NEVER cancels. The caller reserved room. */
void timer_set(struct timer_heap *h, struct timer *t, ns at);
void timer_cancel(struct timer_heap *h, struct timer *t);
/* The earliest, or NULL. */
struct timer *timer_heap_first(const struct timer_heap *h);

#endif
