/* SPDX-License-Identifier: Apache-2.0 */
/* The deadlines of a machine: an intrusive binary heap. Setting, moving and cancelling cost O(log n); the
 * earliest is at hand. The array grows by doubling up to the number of timers in use and never fails after
 * timer_heap_reserve. */
#ifndef IKE_TIMER_HEAP_H
#define IKE_TIMER_HEAP_H

#include "base/bytes.h"
#include "base/time.h"

/* Zeroed means: not set. All but the first two belong to the owner (sa/group.h). */
struct timer {
    ns at;
    uint32_t place; /* in the heap, from 1; 0: not set */
    uint8_t kind;   /* what contains the timer */
    uint8_t group;
    uint8_t heap;
    bool forgotten;
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
