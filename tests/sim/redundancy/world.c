/* SPDX-License-Identifier: Apache-2.0 */
/* Two to four routers with the real HSRP or VRRP machine on one network, on virtual time. The network loses,
 * delays, duplicates and splits; routers crash, come back, are shut, lose priority, are configured; a process
 * is replaced or sleeps; a clock jumps ahead; a stranger says false things and must not be believed. Then the
 * network heals, and what must hold then is checked:
 *
 *   - exactly one is Active within two hold times (and what is left of a start's delay);
 *   - at rest one is Active, one is Standby, nobody changes, nobody higher that preempts waits;
 *   - at every moment a router owns the virtual addresses exactly while it is Active;
 *   - the same seed gives the same run, step by step.
 *
 *   redundancy_world FIRST COUNT        runs seeds FIRST .. FIRST+COUNT-1
 *   redundancy_world --show SEED        one seed with its log
 *   redundancy_bugs --mutations COUNT   the build with deliberate bugs: each must be found within COUNT seeds
 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "deliberate.h"
#include "redundancy/router.h"

enum { CHAOS_HOLDS = 12, HAPPENINGS_MAX = 24 };

struct totals {
    uint64_t runs, failed, sent, lost, steps;
};

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

static bool run_seed(uint64_t seed, bool show, struct totals *t, uint64_t *ret_trace,
                     char why[DELIBERATE_WHY])
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
    snprintf(why, DELIBERATE_WHY, "%s", w.why);
    schedule_done(&w.schedule);
    return !w.failed;
}

#ifdef HOLDFAST_DELIBERATE_BUGS

static bool seed_holds(uint64_t seed, char why[DELIBERATE_WHY])
{
    struct totals ignored = {0};
    uint64_t trace;
    return run_seed(seed, false, &ignored, &trace, why);
}

static int run_mutations(uint64_t count)
{
    static const enum deliberate bugs[] = {DELIBERATE_TWO_ACTIVE};
    return deliberate_each(bugs, ARRAY_SIZE(bugs), count, seed_holds);
}

#endif

int main(int argc, char **argv)
{
    struct totals t = {0};
    uint64_t trace = 0, again = 0;
    char why[DELIBERATE_WHY];
    if (argc != 3 || crypto_init() < 0) {
        fprintf(stderr, "usage: %s FIRST COUNT | --show SEED\n", argv[0]);
        return 2;
    }
#ifdef HOLDFAST_DELIBERATE_BUGS
    if (strcmp(argv[1], "--mutations") == 0)
        return run_mutations(strtoull(argv[2], NULL, 10));
#endif
    if (strcmp(argv[1], "--show") == 0)
        return run_seed(strtoull(argv[2], NULL, 10), true, &t, &trace, why) ? 0 : 1;
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    for (uint64_t seed = first; seed < first + count && t.failed < 20; seed++) {
        if (!run_seed(seed, false, &t, &trace, why))
            printf("seed %llu %s\n", (unsigned long long)seed, why);
        if (seed % 100 != 0)
            continue;
        struct totals ignored = {0};
        run_seed(seed, false, &ignored, &again, why);
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
