/* SPDX-License-Identifier: Apache-2.0 */
/* Two to four routers with the real HSRP or VRRP machine on one network, on virtual time. The network loses,
 * delays, duplicates and splits; routers crash, come back, are shut, lose priority; a process is replaced; a
 * clock jumps ahead; a stranger says false things. Then the network heals, and what must hold then is
 * checked:
 *
 *   - within two hold times (and what is left of configured delays) exactly one router is Active, and one
 * stands by;
 *   - it stays so: nobody changes any more, but for one who preempts, and where all preempt the highest is
 * Active;
 *   - at every moment a router owns the virtual addresses exactly while it is Active;
 *   - the same seed gives the same run, step by step.
 *
 *   redundancy_world FIRST COUNT        runs seeds FIRST .. FIRST+COUNT-1
 *   redundancy_world --show SEED        one seed with its log
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "network.h"
#include "redundancy/hsrp.h"
#include "redundancy/vrrp.h"

#define START       (1000 * NS_PER_S)
#define CHAOS_HOLDS 12

enum { ROUTERS_MAX = 4, HAPPENINGS_MAX = 24 };

enum protocol { PROTOCOL_HSRP_1, PROTOCOL_HSRP_2, PROTOCOL_VRRP_4, PROTOCOL_VRRP_6, PROTOCOL_COUNT };

struct router {
    struct hsrp_config hsrp_config;
    struct vrrp_config vrrp_config;
    struct hsrp_group hsrp;
    struct vrrp_router vrrp;
    bool runs, owns;
    ns ahead;        /* how far its clock is */
    uint64_t alarms; /* the last one asked for; earlier ones are void */
    ns alarm_at;
    uint8_t side; /* of a split network */
};

struct world {
    uint64_t seed, trace;
    struct rng rng;
    struct schedule schedule;
    struct network network;
    enum protocol protocol;
    struct router routers[ROUTERS_MAX];
    unsigned count;
    bool show, delays, failed;
    ns hello, hold, chaos_end, last_change;
    uint64_t steps;
};

struct totals {
    uint64_t runs, failed, sent, lost, steps;
};

static bool is_vrrp(const struct world *w)
{
    return w->protocol >= PROTOCOL_VRRP_4;
}

static ns between(struct rng *r, ns low, ns high)
{
    return low + rng_u64(r) % (high - low + 1);
}

static bool chance(struct world *w, uint32_t percent)
{
    return rng_below(&w->rng, 100) < percent;
}

static bool is_active(const struct world *w, const struct router *r)
{
    return r->runs && (is_vrrp(w) ? r->vrrp.state == VRRP_MASTER : r->hsrp.state == HSRP_ACTIVE);
}

static void failure(struct world *w, const char *text)
{
    w->failed = true;
    printf("seed %llu at %.3f s: %s\n", (unsigned long long)w->seed,
           (double)(w->schedule.now - START) / (double)NS_PER_S, text);
}

static void tell(struct world *w, const struct router *r, const char *text)
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

static void arrive(void *context, struct happening *h)
{
    struct world *w = context;
    struct router *to = &w->routers[h->number & 0xff], *from = &w->routers[h->number >> 8];
    struct bytes data = bytes_of(h->data, h->len);
    if (!to->runs)
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

static void start(struct world *w, struct router *r, bool reload, uint8_t resume)
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

static void line(struct world *w, struct router *r, bool up)
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

static void befall(void *context, struct happening *h)
{
    struct world *w = context;
    struct router *r = &w->routers[rng_below(&w->rng, w->count)];
    (void)h;
    if (!r->runs) {
        tell(w, r, "starts");
        start(w, r, chance(w, 70), 0);
        return;
    }
    switch (rng_below(&w->rng, 12)) {
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
    default:
        if (!is_vrrp(w))
            hsrp_event(w, r, (struct hsrp_event){.kind = HSRP_EVENT_YIELD});
        break;
    }
}

/* ---- a run ---- */

static void timers_draw(struct world *w)
{
    static const uint16_t hellos_ms[] = {15, 50, 250, 1000, 3000};
    w->hello = hellos_ms[rng_below(&w->rng, ARRAY_SIZE(hellos_ms))] * NS_PER_MS;
    w->hold = w->hello * (3 + rng_below(&w->rng, 2));
    if (w->hello == 3000 * NS_PER_MS)
        w->hold = 10 * NS_PER_S;
    if (is_vrrp(w)) {
        w->hello = MAX(w->hello / (10 * NS_PER_MS), 1) * 10 * NS_PER_MS;
        w->hold = 4 * w->hello;
    }
}

static void configure_hsrp(struct world *w, unsigned i, uint8_t priority_value, bool preempt, bool md5)
{
    struct hsrp_config *c = &w->routers[i].hsrp_config;
    hsrp_config_default(c);
    memcpy(c->interface, "FastEthernet0/0", 16);
    c->version = w->protocol == PROTOCOL_HSRP_1 ? 1 : 2;
    c->group = 1;
    c->interface_address = address_v4(0x0a010101 + i);
    memcpy(c->interface_mac, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)i}, 6);
    if (i == 0 || chance(w, 90))
        c->virtual_address = address_v4(0x0a0101fe);
    c->priority = priority_value;
    /* What is not configured has the defaults until it is learned, so only those are left out. */
    c->timers_set = w->hold != 10 * NS_PER_S || chance(w, 50);
    c->hello = w->hello;
    c->hold = w->hold;
    c->preempt = preempt;
    if (w->delays) {
        c->preempt_minimum = between(&w->rng, 0, 2 * w->hold);
        c->preempt_sync = chance(w, 30) ? between(&w->rng, 0, w->hold) : 0;
    }
    c->delay_minimum = between(&w->rng, 0, w->hold / 4);
    c->delay_reload = between(&w->rng, 0, w->hold / 2);
    c->announce_interval = w->hello;
    c->announce_count = 2;
    if (md5) {
        c->authentication = HSRP_AUTHENTICATION_MD5;
        memcpy(c->key, "sesame", 7);
    }
}

static void configure_vrrp(struct world *w, unsigned i, uint8_t priority_value, bool preempt)
{
    static const uint8_t link[16] = {0xfe, 0x80}, shared[16] = {0xfe, 0x80, [14] = 0xff, [15] = 1};
    struct vrrp_config *c = &w->routers[i].vrrp_config;
    bool v4 = w->protocol == PROTOCOL_VRRP_4;
    vrrp_config_default(c);
    memcpy(c->interface, "FastEthernet0/0", 16);
    c->vrid = 7;
    c->interface_address = v4 ? address_v4(0x0a010101 + i) : address_of(link, 16);
    if (!v4)
        c->interface_address.bytes[15] = (uint8_t)(i + 1);
    c->addresses[0] = v4 ? address_v4(0x0a0101fe) : address_of(shared, 16);
    c->address_count = 1;
    c->priority = priority_value;
    c->interval = (uint16_t)(w->hello / (10 * NS_PER_MS));
    c->preempt = preempt;
    c->preempt_minimum = w->delays ? between(&w->rng, 0, 2 * w->hold) : 0;
    c->announce_interval = w->hello;
    c->announce_count = 2;
}

static void world_init(struct world *w, uint64_t seed, bool show)
{
    *w = (struct world){.seed = seed, .show = show};
    rng_init_number(&w->rng, seed);
    schedule_init(&w->schedule, START);
    w->protocol = rng_below(&w->rng, PROTOCOL_COUNT);
    w->count = 2 + rng_below(&w->rng, ROUTERS_MAX - 1);
    w->delays = chance(w, 30);
    timers_draw(w);
    w->network = (struct network){.schedule = &w->schedule, .rng = &w->rng};
    w->network.weather = (struct weather){
        .loss_permille = chance(w, 30) ? 0 : rng_below(&w->rng, 400),
        .duplicate_permille = rng_below(&w->rng, 100),
        .delay_low = 0,
        .delay_high = between(&w->rng, 1, chance(w, 80) ? w->hello / 10 : w->hello),
    };
    w->chaos_end = START + CHAOS_HOLDS * w->hold;
    bool all_preempt = chance(w, 50), none_preempts = chance(w, 50), md5 = chance(w, 15);
    for (unsigned i = 0; i < w->count; i++) {
        uint8_t value = (uint8_t)(90 + 10 * rng_below(&w->rng, 3));
        bool preempt = all_preempt || (!none_preempts && chance(w, 50));
        if (is_vrrp(w))
            configure_vrrp(w, i, value, preempt);
        else
            configure_hsrp(w, i, value, preempt, md5);
    }
}

static void run_until(struct world *w, ns until)
{
    while (!w->failed && schedule_step(&w->schedule, until))
        ;
}

static unsigned actives(const struct world *w, const struct router **ret_active)
{
    unsigned count = 0;
    for (unsigned i = 0; i < w->count; i++) {
        if (is_active(w, &w->routers[i])) {
            *ret_active = &w->routers[i];
            count++;
        }
    }
    return count;
}

/* From now on the network is good and every router runs. Returns when it must have settled. */
static ns heal(struct world *w)
{
    ns wait = 0, settled = w->schedule.now + 2 * w->hold + w->network.weather.delay_high;
    tell(w, NULL, "the network heals");
    w->network.weather = (struct weather){.delay_high = w->hello / 20};
    for (unsigned i = 0; i < w->count; i++) {
        struct router *r = &w->routers[i];
        if (!r->runs)
            start(w, r, true, 0);
        else if (is_vrrp(w) ? !r->vrrp.up : !r->hsrp.up)
            line(w, r, true);
        if (!is_vrrp(w) && r->hsrp.delay_timer != NS_NEVER)
            wait = MAX(wait, ns_since(r->hsrp.delay_timer, w->schedule.now + r->ahead));
    }
    return settled + wait + w->hello / 10;
}

static uint8_t priority_now(const struct world *w, const struct router *r)
{
    return is_vrrp(w) ? r->vrrp.priority : r->hsrp.priority;
}

static bool preempts(const struct world *w, const struct router *r)
{
    return is_vrrp(w) ? r->vrrp_config.preempt : r->hsrp_config.preempt && !r->hsrp.yielded;
}

/* At rest: the same Active router all the time, one Standby, and nobody who should have preempted. */
static void rest_check(struct world *w)
{
    const struct router *active = NULL;
    unsigned standbys = 0;
    if (actives(w, &active) != 1) {
        failure(w, "at rest there is not exactly one Active router");
        return;
    }
    for (unsigned i = 0; i < w->count; i++) {
        const struct router *r = &w->routers[i];
        standbys += !is_vrrp(w) && r->hsrp.state == HSRP_STANDBY;
        if (r != active && preempts(w, r) && priority_now(w, r) > priority_now(w, active))
            failure(w, "a higher router that preempts is not Active");
    }
    if (!is_vrrp(w) && standbys != 1)
        failure(w, "at rest there is not exactly one Standby router");
    if (w->schedule.now - w->last_change < w->hold)
        failure(w, "still changing");
}

static bool run_seed(uint64_t seed, bool show, struct totals *t, uint64_t *ret_trace)
{
    struct world w;
    const struct router *active = NULL;
    world_init(&w, seed, show);
    unsigned happenings = rng_below(&w.rng, HAPPENINGS_MAX + 1);
    for (unsigned i = 0; i < happenings; i++)
        schedule_put(
            &w.schedule,
            (struct happening){.at = between(&w.rng, START, w.chaos_end - 1), .run = befall, .context = &w});
    for (unsigned i = 0; i < w.count; i++) {
        w.routers[i].ahead = between(&w.rng, 0, w.hold);
        start(&w, &w.routers[i], true, 0);
    }
    run_until(&w, w.chaos_end);
    ns settled = heal(&w);
    run_until(&w, settled);
    /* A preemption takes as long as its message is on the way. */
    if (actives(&w, &active) == 2 && w.schedule.now - w.last_change <= w.hello / 10)
        run_until(&w, settled + w.hello / 10);
    if (!w.failed && actives(&w, &active) != 1)
        failure(&w, "not exactly one Active router within two hold times");
    /* Whatever waits for a preemption delay or for an election of the Standby one. */
    run_until(&w, settled + 7 * w.hold);
    if (!w.failed)
        rest_check(&w);
    t->runs++;
    t->failed += w.failed;
    t->sent += w.network.sent;
    t->lost += w.network.lost;
    t->steps += w.steps;
    *ret_trace = w.trace ^ w.network.delivered;
    schedule_done(&w.schedule);
    return !w.failed;
}

int main(int argc, char **argv)
{
    struct totals t = {0};
    uint64_t trace = 0, again = 0;
    if (argc != 3 || crypto_init() < 0) {
        fprintf(stderr, "usage: %s FIRST COUNT | --show SEED\n", argv[0]);
        return 2;
    }
    if (strcmp(argv[1], "--show") == 0)
        return run_seed(strtoull(argv[2], NULL, 10), true, &t, &trace) ? 0 : 1;
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    for (uint64_t seed = first; seed < first + count && t.failed < 20; seed++) {
        run_seed(seed, false, &t, &trace);
        if (seed % 100 != 0)
            continue;
        struct totals ignored = {0};
        run_seed(seed, false, &ignored, &again);
        if (again != trace) {
            printf("seed %llu: two runs differ\n", (unsigned long long)seed);
            t.failed++;
        }
    }
    printf("%llu seeds, %llu failed; %llu steps, %llu messages sent, %llu lost\n", (unsigned long long)t.runs,
           (unsigned long long)t.failed, (unsigned long long)t.steps, (unsigned long long)t.sent,
           (unsigned long long)t.lost);
    return t.failed || t.runs != count ? 1 : 0;
}
