/* SPDX-License-Identifier: Apache-2.0 */
/* The timer heap. Always holds: list[i] is not later than its children list[2i] and list[2i+1], and
 * list[i]->place is i. */
#include "ike/sa/timer_heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void timer_heap_done(struct timer_heap *h)
{
    free(h->list);
    *h = (struct timer_heap){0};
}

int timer_heap_reserve(struct timer_heap *h, uint32_t timers)
{
    if (timers < h->size)
        return 0;
    uint32_t size = MAX(h->size, 64u);
    while (size <= timers)
        size *= 2;
    struct timer **list = realloc(h->list, (size_t)size * sizeof(*list));
    if (!list)
        return -ENOMEM;
    h->list = list;
    h->size = size;
    return 0;
}

static void put(struct timer_heap *h, uint32_t place, struct timer *t)
{
    h->list[place] = t;
    t->place = place;
}

static void rise(struct timer_heap *h, struct timer *t)
{
    uint32_t place = t->place;
    for (; place > 1 && h->list[place / 2]->at > t->at; place /= 2)
        put(h, place, h->list[place / 2]);
    put(h, place, t);
}

static void sink(struct timer_heap *h, struct timer *t)
{
    uint32_t place = t->place;
    for (;;) {
        uint32_t child = place * 2;
        if (child > h->count)
            break;
        if (child < h->count && h->list[child + 1]->at < h->list[child]->at)
            child++;
        if (h->list[child]->at >= t->at)
            break;
        put(h, place, h->list[child]);
        place = child;
    }
    put(h, place, t);
}

void timer_cancel(struct timer_heap *h, struct timer *t)
{
    if (t->place == 0)
        return;
    struct timer *last = h->list[h->count--];
    uint32_t place = t->place;
    t->place = 0;
    if (last == t)
        return;
    put(h, place, last);
    rise(h, last);
    sink(h, last);
}

void timer_set(struct timer_heap *h, struct timer *t, ns at)
{
    if (at == NS_NEVER) {
        timer_cancel(h, t);
        return;
    }
    t->at = at;
    if (t->place == 0) {
        assert(h->count + 1 < h->size); /* reserved when the owner was made */
        put(h, ++h->count, t);
    }
    rise(h, t);
    sink(h, t);
}

struct timer *timer_heap_first(const struct timer_heap *h)
{
    return h->count ? h->list[1] : NULL;
}
