/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap; see schedule.h. */
#include <assert.h>
#include <stdlib.h>

#include "schedule.h"

static bool earlier(const struct happening *a, const struct happening *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void schedule_init(struct schedule *s, ns start)
{
    *s = (struct schedule){.now = start};
}

void schedule_done(struct schedule *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->heap[i].drop)
            s->heap[i].drop(&s->heap[i]);
    }
    free(s->heap);
}

void schedule_put(struct schedule *s, struct happening h)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->heap = realloc(s->heap, s->room * sizeof(*s->heap));
        assert(s->heap);
    }
    h.at = MAX(h.at, s->now);
    h.order = s->order++;
    size_t i = s->count++;
    while (i > 0 && earlier(&h, &s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = h;
}

static struct happening take_first(struct schedule *s)
{
    struct happening first = s->heap[0], last = s->heap[--s->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->count)
            break;
        if (child + 1 < s->count && earlier(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!earlier(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    if (s->count)
        s->heap[i] = last;
    return first;
}

bool schedule_step(struct schedule *s, ns until)
{
    if (s->count == 0 || s->heap[0].at > until) {
        s->now = until;
        return false;
    }
    struct happening h = take_first(s);
    s->now = h.at;
    h.run(h.context, &h);
    return true;
}
