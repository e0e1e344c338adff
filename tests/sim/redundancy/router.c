/* SPDX-License-Identifier: Apache-2.0 */
/* See router.h. At every step the virtual addresses must be owned exactly where the Active router
 * is. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "redundancy/router.h"

bool is_vrrp(const struct world *w)
{
    return w->protocol >= PROTOCOL_VRRP_4;
}

ns between(struct rng *r, ns low, ns high)
{
    return low + rng_u64(r) % (high - low + 1);
}

bool chance(struct world *w, uint32_t percent)
{
    return rng_below(&w->rng, 100) < percent;
}

bool is_active(const struct world *w, const struct router *r)
{
    return r->runs && (is_vrrp(w) ? r->vrrp.state == VRRP_MASTER : r->hsrp.state == HSRP_ACTIVE);
}

void failure(struct world *w, const char *text)
{
    w->failed = true;
    snprintf(w->why, sizeof(w->why), "at %.3f s: %s", (double)(w->schedule.now - START) / (double)NS_PER_S,
             text);
    tell(w, NULL, w->why);
}

void tell(struct world *w, const struct router *r, const char *text)
{
    if (w->show)
        printf("%10.4f %c %s\n", (double)(w->schedule.now - START) / (double)NS_PER_S,
               r ? (int)('A' + (r - w->routers)) : '-', text);
}

/* ---- steps of a router ---- */

static void step_done(struct world *w, struct router *r, const struct redundancy_actions *actions);

static void hsrp_event(struct world *w, struct router *r, struct hsrp_event event)
{
    struct redundancy_actions actions;
    actions.count = 0;
    event.now = w->schedule.now + r->ahead;
    hsrp_step(&r->hsrp, &event, &actions);
    step_done(w, r, &actions);
}

static void vrrp_event(struct world *w, struct router *r, struct vrrp_event event)
{
    struct redundancy_actions actions;
    actions.count = 0;
    event.now = w->schedule.now + r->ahead;
    vrrp_step(&r->vrrp, &event, &actions);
    step_done(w, r, &actions);
}

static void socket_wait(struct world *w, const struct router *to, const struct happening *h);

static void arrive(void *context, struct happening *h)
{
    struct world *w = context;
    struct router *to = &w->routers[h->number & 0xff], *from = &w->routers[h->number >> 8];
    struct bytes data = bytes_of(h->data, h->len);
    if (w->schedule.now < to->asleep)
        socket_wait(w, to, h);
    if (!to->runs || w->schedule.now < to->asleep)
        return;
    if (is_vrrp(w))
        vrrp_event(w, to,
                   (struct vrrp_event){.kind = VRRP_EVENT_MESSAGE,
                                       .message = {data, from->vrrp_config.interface_address,
                                                   vrrp_multicast(from->vrrp_config.interface_address.family),
                                                   255}});
    else
        hsrp_event(w, to,
                   (struct hsrp_event){.kind = HSRP_EVENT_MESSAGE,
                                       .message = {data, from->hsrp_config.interface_address}});
}

static void data_free(struct happening *h)
{
    free(h->data);
}

static void arrive_late(void *context, struct happening *h)
{
    arrive(context, h);
    free(h->data);
}

/* Who wakes up serves its timers first and its sockets then, as an event loop does. */
static void socket_wait(struct world *w, const struct router *to, const struct happening *h)
{
    struct happening later = {.at = to->asleep + NS_PER_MS / 2,
                              .run = arrive_late,
                              .drop = data_free,
                              .context = w,
                              .number = h->number,
                              .data = malloc(h->len),
                              .len = h->len};
    assert(later.data);
    memcpy(later.data, h->data, h->len);
    schedule_put(&w->schedule, later);
}

static void broadcast(struct world *w, const struct router *from, const struct redundancy_send *send)
{
    uint64_t number = (uint64_t)(from - w->routers);
    for (uint64_t i = 0; i < w->count; i++) {
        if (i == number)
            continue;
        bool healed = w->schedule.now >= w->chaos_end;
        w->network.weather.cut = !healed && w->routers[i].side != from->side;
        network_send(&w->network, send->data, send->len, number << 8 | i, arrive, w);
    }
}

static void alarm_ring(void *context, struct happening *h)
{
    struct world *w = context;
    struct router *r = &w->routers[h->number & 0xff];
    if (!r->runs || h->number >> 8 != r->alarms)
        return;
    if (w->schedule.now < r->asleep) {
        schedule_put(
            &w->schedule,
            (struct happening){.at = r->asleep, .run = alarm_ring, .context = w, .number = h->number});
        return;
    }
    r->alarm_at = NS_NEVER;
    if (is_vrrp(w))
        vrrp_event(w, r, (struct vrrp_event){.kind = VRRP_EVENT_TICK});
    else
        hsrp_event(w, r, (struct hsrp_event){.kind = HSRP_EVENT_TICK});
}

static ns deadline_of(const struct world *w, const struct router *r)
{
    return is_vrrp(w) ? vrrp_deadline(&r->vrrp) : hsrp_deadline(&r->hsrp);
}

static void alarm_set(struct world *w, struct router *r)
{
    ns deadline = deadline_of(w, r);
    ns at = deadline == NS_NEVER ? NS_NEVER : MAX(ns_since(deadline, r->ahead), w->schedule.now);
    if (at == r->alarm_at)
        return;
    r->alarm_at = at;
    r->alarms++;
    if (at != NS_NEVER)
        schedule_put(&w->schedule, (struct happening){.at = at,
                                                      .run = alarm_ring,
                                                      .context = w,
                                                      .number = r->alarms << 8 | (uint64_t)(r - w->routers)});
}

static void own(struct world *w, struct router *r, bool on)
{
    if (r->owns == on)
        failure(w, on ? "the addresses are taken twice" : "the addresses are given up twice");
    r->owns = on;
}

static void action_do(struct world *w, struct router *r, const struct redundancy_action *a)
{
    switch (a->kind) {
    case REDUNDANCY_SEND:
        broadcast(w, r, &a->send);
        break;
    case REDUNDANCY_OWN:
        own(w, r, true);
        break;
    case REDUNDANCY_DISOWN:
        own(w, r, false);
        break;
    case REDUNDANCY_LOG:
        tell(w, r, a->log.text);
        break;
    case REDUNDANCY_STATE:
        w->last_change = w->schedule.now;
        w->trace = w->trace * 1099511628211U + (w->schedule.now ^ (uint64_t)(a->to * 64 + (r - w->routers)));
        break;
    default:
        break;
    }
}

static void step_done(struct world *w, struct router *r, const struct redundancy_actions *actions)
{
    w->steps++;
    for (size_t i = 0; i < actions->count; i++)
        action_do(w, r, &actions->items[i]);
    if (r->owns != is_active(w, r))
        failure(w, "the virtual addresses are not where the Active router is");
    alarm_set(w, r);
}

/* ---- what befalls routers ---- */

void start(struct world *w, struct router *r, bool reload, uint8_t resume)
{
    ns now = w->schedule.now + r->ahead;
    r->runs = true;
    r->owns = false;
    r->alarm_at = NS_NEVER;
    if (is_vrrp(w)) {
        vrrp_init(&r->vrrp, &r->vrrp_config, now);
        vrrp_event(w, r, (struct vrrp_event){.kind = VRRP_EVENT_UP, .resume = resume == VRRP_MASTER});
    } else {
        hsrp_init(&r->hsrp, &r->hsrp_config, now);
        hsrp_event(w, r, (struct hsrp_event){.kind = HSRP_EVENT_UP, .reload = reload, .resume = resume});
    }
}

static void crash(struct world *w, struct router *r)
{
    tell(w, r, "crashes");
    r->runs = r->owns = false;
    r->alarms++;
    r->alarm_at = NS_NEVER;
}

static void replace_process(struct world *w, struct router *r)
{
    uint8_t state = is_vrrp(w) ? (uint8_t)r->vrrp.state : (uint8_t)r->hsrp.state;
    tell(w, r, "has its process replaced");
    start(w, r, false, state);
}

void line(struct world *w, struct router *r, bool up)
{
    tell(w, r, up ? "line up" : "line down");
    if (is_vrrp(w))
        vrrp_event(w, r, (struct vrrp_event){.kind = up ? VRRP_EVENT_UP : VRRP_EVENT_DOWN});
    else
        hsrp_event(w, r, (struct hsrp_event){.kind = up ? HSRP_EVENT_UP : HSRP_EVENT_DOWN});
}

static void priority(struct world *w, struct router *r)
{
    uint8_t value = (uint8_t)(80 + 10 * rng_below(&w->rng, 5));
    tell(w, r, "priority changes");
    if (is_vrrp(w))
        vrrp_event(w, r, (struct vrrp_event){.kind = VRRP_EVENT_PRIORITY, .priority = value});
    else
        hsrp_event(w, r, (struct hsrp_event){.kind = HSRP_EVENT_PRIORITY, .priority = value});
}

/* A message that must not act: of another secret, or with a TTL of a router's. */
static void stranger(struct world *w, struct router *r)
{
    struct redundancy_actions actions;
    struct router liar = *r;
    ns change = w->last_change, deadline = deadline_of(w, r);
    actions.count = 0;
    tell(w, r, "hears a stranger");
    if (is_vrrp(w)) {
        liar.vrrp_config.interface_address.bytes[liar.vrrp_config.interface_address.family == 4 ? 3 : 15] =
            250;
        liar.vrrp_config.priority = 254;
        vrrp_init(&liar.vrrp, &liar.vrrp_config, 0);
        vrrp_step(&liar.vrrp, &(struct vrrp_event){.kind = VRRP_EVENT_UP, .resume = true}, &actions);
    } else {
        liar.hsrp_config.interface_address.bytes[3] = 250;
        liar.hsrp_config.priority = 255;
        memcpy(liar.hsrp_config.text, "wrong\0\0\0", HSRP_TEXT);
        memcpy(liar.hsrp_config.key, "wrong", 6);
        hsrp_init(&liar.hsrp, &liar.hsrp_config, 0);
        hsrp_step(&liar.hsrp, &(struct hsrp_event){.kind = HSRP_EVENT_UP, .resume = HSRP_ACTIVE}, &actions);
    }
    for (size_t i = 0; i < actions.count; i++) {
        const struct redundancy_send *send = &actions.items[i].send;
        struct bytes data = bytes_of(send->data, send->len);
        if (actions.items[i].kind != REDUNDANCY_SEND)
            continue;
        if (is_vrrp(w))
            vrrp_event(w, r,
                       (struct vrrp_event){.kind = VRRP_EVENT_MESSAGE,
                                           .message = {data, liar.vrrp_config.interface_address,
                                                       vrrp_multicast(w->protocol == PROTOCOL_VRRP_4 ? 4 : 6),
                                                       254}});
        else
            hsrp_event(w, r,
                       (struct hsrp_event){.kind = HSRP_EVENT_MESSAGE,
                                           .message = {data, liar.hsrp_config.interface_address}});
    }
    if (w->last_change != change || deadline_of(w, r) != deadline)
        failure(w, "a stranger was believed");
}

static void split(struct world *w)
{
    tell(w, NULL, "the network splits, or joins");
    for (unsigned i = 0; i < w->count; i++)
        w->routers[i].side = (uint8_t)rng_below(&w->rng, 2);
}

static void jump(struct world *w, struct router *r)
{
    tell(w, r, "clock jumps ahead");
    r->ahead += between(&w->rng, 1, 3 * w->hold);
    r->alarm_at = NS_NEVER;
    alarm_set(w, r);
}

static void fall_asleep(struct world *w, struct router *r)
{
    tell(w, r, "is not scheduled");
    r->asleep = between(&w->rng, w->schedule.now, MIN(w->schedule.now + 2 * w->hold, w->chaos_end));
}

/* Another secondary address, and whether to preempt. */
static void configure(struct world *w, struct router *r)
{
    struct redundancy_actions actions;
    ns now = w->schedule.now + r->ahead;
    actions.count = 0;
    tell(w, r, "is configured");
    if (is_vrrp(w)) {
        struct vrrp_config *c = &r->vrrp_config;
        c->preempt = chance(w, 50);
        c->address_count = (uint8_t)(1 + rng_below(&w->rng, 2));
        c->addresses[1] = c->addresses[0];
        c->addresses[1].bytes[2] ^= 1;
        vrrp_configure(&r->vrrp, c, now, &actions);
    } else {
        struct hsrp_config *c = &r->hsrp_config;
        c->preempt = chance(w, 50);
        c->secondary_count = (uint8_t)rng_below(&w->rng, 2);
        c->secondary[0] = address_v4(0x0a0102fe);
        hsrp_configure(&r->hsrp, c, now, &actions);
    }
    step_done(w, r, &actions);
}

void befall(void *context, struct happening *h)
{
    struct world *w = context;
    struct router *r = &w->routers[rng_below(&w->rng, w->count)];
    (void)h;
    if (!r->runs) {
        tell(w, r, "starts");
        start(w, r, chance(w, 70), 0);
        return;
    }
    switch (rng_below(&w->rng, 15)) {
    case 0:
    case 1:
        crash(w, r);
        break;
    case 2:
        replace_process(w, r);
        break;
    case 3:
    case 4:
        line(w, r, is_vrrp(w) ? !r->vrrp.up : !r->hsrp.up);
        break;
    case 5:
    case 6:
        priority(w, r);
        break;
    case 7:
    case 8:
        split(w);
        break;
    case 9:
        jump(w, r);
        break;
    case 10:
        stranger(w, r);
        break;
    case 11:
    case 12:
        fall_asleep(w, r);
        break;
    case 13:
        configure(w, r);
        break;
    default:
        if (!is_vrrp(w))
            hsrp_event(w, r, (struct hsrp_event){.kind = HSRP_EVENT_YIELD});
        break;
    }
}
