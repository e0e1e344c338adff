/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes between the two members, as TCP would carry them: in order, late, not at all while a direction is
 * dark, and cut off at any byte when the connection ends. */
#include <assert.h>
#include <stdlib.h>

#include "pair/world.h"

static void pipe_arrive(void *context, struct happening *h);

static void pipe_clear(struct pipe *p)
{
    while (p->first) {
        struct chunk *c = p->first;
        p->first = c->next;
        free(c);
    }
    p->last = &p->first;
    p->ending = false;
}

static struct pipe *towards(struct member *m)
{
    return &m->world->pipes[m->id];
}

void channel_send(struct member *from, struct bytes bytes)
{
    struct world *w = from->world;
    struct member *to = other_of(from);
    struct pipe *p = towards(to);
    if (!from->connected || p->ending)
        return;
    struct chunk *c = malloc(sizeof(*c) + bytes.len);
    assert(c);
    *c = (struct chunk){.len = bytes.len,
                        .at = MAX(p->last_at, w->schedule.now + between(w, 0, w->link_delay))};
    memcpy(c->data, bytes.data, bytes.len);
    p->last_at = c->at;
    *p->last = c;
    p->last = &c->next;
    schedule_put(&w->schedule, (struct happening){
                                   .at = c->at, .run = pipe_arrive, .context = to, .number = w->link_number});
}

/* Everything that is due. While the receiver stands still or hears nothing it waits. */
static void pipe_arrive(void *context, struct happening *h)
{
    struct member *m = context;
    struct world *w = m->world;
    struct pipe *p = towards(m);
    if (h->number != w->link_number || (!p->first && !p->ending))
        return;
    if (member_frozen(m) || w->link_dark >> m->id & 1) {
        schedule_put(&w->schedule, (struct happening){.at = MAX(m->frozen, w->schedule.now + 20 * NS_PER_MS),
                                                      .run = pipe_arrive,
                                                      .context = m,
                                                      .number = h->number});
        return;
    }
    while (p->first && p->first->at <= w->schedule.now && h->number == w->link_number) {
        struct chunk *c = p->first;
        p->first = c->next;
        if (!p->first)
            p->last = &p->first;
        if (m->connected && m->control_up)
            session_happens(m, SESSION_EVENT_BYTES, bytes_of(c->data, c->len));
        free(c);
    }
    if (h->number == w->link_number && p->ending && !p->first && m->connected) {
        p->ending = m->connected = false;
        m->stirred = true;
        m->connect_at = w->schedule.now + between(w, 0, 60 * NS_PER_MS);
        session_happens(m, SESSION_EVENT_CLOSED, (struct bytes){0});
    }
}

/* Of what is under way some first bytes still arrive, then the end. */
static void pipe_end(struct world *w, unsigned to)
{
    struct pipe *p = &w->pipes[to];
    struct chunk **at = &p->first;
    unsigned whole = dice_below(&w->dice, 4);
    while (*at && whole--)
        at = &(*at)->next;
    if (*at) {
        struct chunk *rest = (*at)->next;
        (*at)->len = dice_below(&w->dice, (uint32_t)(*at)->len + 1);
        (*at)->next = NULL;
        p->last = &(*at)->next;
        while (rest) {
            struct chunk *c = rest;
            rest = c->next;
            free(c);
        }
    }
    p->ending = true;
    schedule_put(&w->schedule,
                 (struct happening){.at = MAX(p->last_at, w->schedule.now + between(w, 0, 30 * NS_PER_MS)),
                                    .run = pipe_arrive,
                                    .context = &w->members[to],
                                    .number = w->link_number});
}

void channel_close(struct member *m, bool silent)
{
    struct world *w = m->world;
    if (!m->connected)
        return;
    m->connected = false;
    m->stirred = true;
    m->connect_at = w->schedule.now + between(w, 0, 60 * NS_PER_MS);
    pipe_clear(towards(m));
    if (other_of(m)->connected && !silent)
        pipe_end(w, 1 - m->id);
}

void channel_cut(struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        if (w->members[i].connected && !w->pipes[i].ending)
            pipe_end(w, i);
}

/* Member 1 connects. What member 0 still has of an earlier connection ends. */
void channel_try(struct world *w)
{
    struct member *a = &w->members[0], *b = &w->members[1];
    if (b->connected || w->link_dark || !a->control_up || !b->control_up || member_frozen(a) || a->leaving ||
        b->leaving)
        return;
    if (a->connected) {
        a->connected = false;
        session_happens(a, SESSION_EVENT_CLOSED, (struct bytes){0});
    }
    for (unsigned i = 0; i < 2; i++) {
        pipe_clear(&w->pipes[i]);
        w->pipes[i].last_at = w->schedule.now;
    }
    w->link_number++;
    a->connected = b->connected = true;
    tell(w, NULL, "the members are connected");
    session_happens(b, SESSION_EVENT_OPEN, (struct bytes){0});
    session_happens(a, SESSION_EVENT_OPEN, (struct bytes){0});
}

void channel_free(struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        pipe_clear(&w->pipes[i]);
}
