/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap; see schedule.h. */
#include <assert.h>
#include <stdlib.h>

#include "schedule.h"

static bool earlier(const struct schedule_entry *a, const struct schedule_entry *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void schedule_init(struct schedule *s, ns start)
{
    *s = (struct schedule){.now = start};
}

void schedule_done(struct schedule *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct happening *h = &s->happenings[s->heap[i].place];
        if (h->drop)
            h->drop(h);
    }
    free(s->heap);
    free(s->happenings);
}

static void grow(struct schedule *s)
{
    uint32_t room = s->room ? s->room * 2 : 64;
    s->heap = realloc(s->heap, room * sizeof(*s->heap));
    s->happenings = realloc(s->happenings, room * sizeof(*s->happenings));
    assert(s->heap && s->happenings);
    for (uint32_t i = s->room; i < room; i++)
        s->heap[i].place = i;
    s->room = room;
}

void schedule_put(struct schedule *s, struct happening h)
{
    if (s->count == s->room)
        grow(s);
    h.at = MAX(h.at, s->now);
    h.order = s->order++;
    uint32_t i = s->count++;
    struct schedule_entry e = {.at = h.at, .order = h.order, .place = s->heap[i].place};
    s->happenings[e.place] = h;
    while (i > 0 && earlier(&e, &s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = e;
}

static struct happening take_first(struct schedule *s)
{
    struct schedule_entry first = s->heap[0], last = s->heap[--s->count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
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
    s->heap[s->count].place = first.place;
    return s->happenings[first.place];
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
