/* SPDX-License-Identifier: Apache-2.0 */
/* The spokes' side of the IKE machine: its actions carried out, their consequences brought back, and the wish
 * for so many tunnels. Key exchanges are computed where they arise, so that a farm takes one core and the
 * gateway under test has the others.
 *
 * Events that come out of the packet path or of actions wait in a list until the step at hand is over:
 * neither the machine nor the path is ever entered a second time. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "farm/farm_internal.h"
#include "io/clock.h"
#include "wire/isakmp.h"

enum { EXCHANGE_TYPE_AT = 18 };

void spokes_message_count(struct farm_messages *m, struct bytes message)
{
    uint8_t type = message.len > EXCHANGE_TYPE_AT ? message.data[EXCHANGE_TYPE_AT] : 0;

    m->phase1 += type == ISAKMP_EXCHANGE_MAIN || type == ISAKMP_EXCHANGE_AGGRESSIVE;
    m->quick += type == ISAKMP_EXCHANGE_QUICK;
    m->informational += type == ISAKMP_EXCHANGE_INFORMATIONAL;
}

void spokes_event_put(struct farm *f, const struct ike_event *e)
{
    if (f->event_count == f->event_capacity) {
        uint32_t capacity = f->event_capacity ? 2 * f->event_capacity : 64;
        struct ike_event *grown = realloc(f->events, capacity * sizeof *grown);
        if (!grown) {
            /* Like an event that was lost on its way. A job that nobody brings back is freed. */
            if (e->type == IKE_EVENT_JOB)
                ike_job_free(e->job);
            return;
        }
        f->events = grown;
        f->event_capacity = capacity;
    }
    f->events[f->event_count++] = *e;
}

/* ---- actions ---- */

static void act_send(struct farm *f, const struct ike_action *a)
{
    static uint8_t marked[FARM_MARKER + IKE_DATAGRAM_MAX]; /* begins with the non-ESP marker */
    struct bytes data = a->send.data;

    if (!a->send.keepalive)
        spokes_message_count(&f->result.sent, data);
    if (a->send.nat_port && !a->send.keepalive) {
        assert(data.len <= IKE_DATAGRAM_MAX);
        memcpy(marked + FARM_MARKER, data.data, data.len);
        data = bytes_of(marked, FARM_MARKER + data.len);
    }
    /* What does not leave is sent again by the machine. */
    (void)!datagram_send_one(f->sockets[a->send.nat_port], &a->send.local, &a->send.remote, data);
}

static void act_install(struct farm *f, const struct ike_pair_install *p)
{
    uint32_t i = p->connection - 1;
    struct spoke *s = &f->spokes[i];
    struct farm_result *r = &f->result;

    f->spoke_of_slot[p->slot] = i;
    s->pairs++;
    if (s->state == SPOKE_NEGOTIATES) {
        f->in_flight--;
        if (r->completed < f->options.count)
            f->latencies[r->completed++] = clock_now() - s->began;
    }
    if (s->state != SPOKE_UP)
        r->up++;
    s->state = SPOKE_UP;
    if (plane_install(f->plane, p, clock_now()) < 0) {
        const struct ike_event e = {.type = IKE_EVENT_CLEAR,
                                    .clear = {.scope = IKE_CLEAR_PAIR, .number = p->slot}};
        spokes_event_put(f, &e);
    }
}

static void act_remove(struct farm *f, const struct ike_action *a)
{
    uint32_t i = f->spoke_of_slot[a->pair.slot];
    struct spoke *s = &f->spokes[i];
    const struct ike_event e = {.type = IKE_EVENT_SLOT_FREE,
                                .pair = {.slot = a->pair.slot, .spi_in = a->pair.spi_in}};

    plane_remove(f->plane, a->pair.slot, a->pair.spi_in);
    spokes_event_put(f, &e);
    assert(s->pairs > 0);
    if (--s->pairs > 0 || s->state != SPOKE_UP)
        return;
    s->state = SPOKE_DOWN;
    f->result.up--;
    if (i < f->result.wanted) {
        f->result.lost++;
        f->next = MIN(f->next, i);
    }
}

static void act_failed(struct farm *f, const struct ike_action *a)
{
    uint32_t i = a->acquire_failed.connection - 1;

    plane_acquire_failed(f->plane, a->acquire_failed.connection);
    if (f->spokes[i].state != SPOKE_NEGOTIATES)
        return;
    f->spokes[i].state = SPOKE_DOWN;
    f->in_flight--;
    f->result.failures++;
    f->next = MIN(f->next, i);
}

static void act_query(struct farm *f, const struct ike_action *a)
{
    struct ike_event e = {.type = IKE_EVENT_TRAFFIC, .traffic = {.sa = a->query.sa}};

    for (uint32_t i = 0; i < a->query.slot_count; i++) {
        ns in, out;
        plane_traffic(f->plane, a->query.slots[i], &in, &out);
        e.traffic.last_in = MAX(e.traffic.last_in, in);
        e.traffic.last_out = MAX(e.traffic.last_out, out);
    }
    spokes_event_put(f, &e);
}

static void act_job(struct farm *f, const struct ike_action *a)
{
    const struct ike_event e = {.type = IKE_EVENT_JOB, .job = a->job};

    ike_job_run(a->job);
    spokes_event_put(f, &e);
}

static void action_run(struct farm *f, const struct ike_action *a)
{
    switch (a->type) {
    case IKE_ACTION_SEND:
        act_send(f, a);
        break;
    case IKE_ACTION_START_JOB:
        act_job(f, a);
        break;
    case IKE_ACTION_INSTALL_PAIR:
        act_install(f, &a->install);
        break;
    case IKE_ACTION_CONFIRM_PAIR:
        plane_confirm(f->plane, a->pair.slot, a->pair.spi_in, clock_now());
        break;
    case IKE_ACTION_SUPERSEDE_PAIR:
        plane_supersede(f->plane, a->pair.slot, a->pair.spi_in);
        break;
    case IKE_ACTION_MOVE_PAIR:
        plane_move(f->plane, a->pair.slot, a->pair.spi_in, &a->pair.remote);
        break;
    case IKE_ACTION_REMOVE_PAIR:
        act_remove(f, a);
        break;
    case IKE_ACTION_ACQUIRE_FAILED:
        act_failed(f, a);
        break;
    case IKE_ACTION_QUERY_TRAFFIC:
        act_query(f, a);
        break;
    case IKE_ACTION_LOG:
        if (f->options.verbose)
            fprintf(stderr, "%%CRYPTO-%u-%s: %s\n", a->log.severity, a->log.mnemonic, a->log.text);
        break;
    default: /* a farm that dies is not restored: no records */
        break;
    }
}

static void step_one(struct farm *f, struct ike_event *e)
{
    e->now = clock_now();
    ike_step(f->ike, e, &f->actions);
    for (unsigned i = 0; i < f->actions.count; i++)
        action_run(f, &f->actions.list[i]);
    ike_actions_done(&f->actions);
}

void spokes_step(struct farm *f, const struct ike_event *event)
{
    struct ike_event e;

    if (event) {
        e = *event;
        step_one(f, &e);
    }
    while (f->event_next < f->event_count) {
        e = f->events[f->event_next++]; /* the list may move meanwhile */
        step_one(f, &e);
    }
    f->event_next = f->event_count = 0;
}

/* ---- the wish ---- */

static void spoke_begin(struct farm *f, uint32_t i)
{
    const struct ike_event e = {.type = IKE_EVENT_ACQUIRE,
                                .acquire = {.connection = i + 1, .selector = f->selectors[i]}};

    f->spokes[i].state = SPOKE_NEGOTIATES;
    f->spokes[i].began = clock_now();
    f->in_flight++;
    spokes_event_put(f, &e);
}

void spokes_acquire(struct farm *f, uint32_t connection)
{
    uint32_t i = connection - 1;

    /* A real spoke would not wait for its neighbours. */
    if (i < f->result.wanted && f->spokes[i].state == SPOKE_DOWN)
        spoke_begin(f, i);
}

void spokes_begin(struct farm *f)
{
    /* A failure moves `next` back, perhaps at once: so many a turn, lest it goes round in circles. */
    for (uint32_t n = 0; n < f->options.in_flight; n++) {
        while (f->next < f->result.wanted && f->spokes[f->next].state != SPOKE_DOWN)
            f->next++;
        if (f->next >= f->result.wanted || f->in_flight >= f->options.in_flight)
            break;
        spoke_begin(f, f->next++);
        spokes_step(f, NULL);
    }
}
