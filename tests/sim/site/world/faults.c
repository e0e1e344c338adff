/* SPDX-License-Identifier: Apache-2.0 */
/* What befalls a world. Each fault has a generator of its own, so that the others stay what they were when
 * one is taken away (the shrinker). */
#include <stdlib.h>

#include "ipsec/sad.h"
#include "site/gateway/gateway.h"
#include "site/world/world.h"

static const char *const names[FAULT_KINDS] = {
    [FAULT_CONTROL] = "control dies",
    [FAULT_ENGINE] = "the engine dies",
    [FAULT_AT_WORK] = "dies at work",
    [FAULT_FORGETFUL] = "control dies, its records are lost",
    [FAULT_DAEMON] = "every process dies",
    [FAULT_NODE] = "the power goes",
    [FAULT_FREEZE] = "stands still",
    [FAULT_STOP] = "is stopped",
    [FAULT_CUT] = "a carrier goes",
    [FAULT_HOLE] = "a black hole",
    [FAULT_ISLAND] = "is cut off on every side",
    [FAULT_APART] = "the members do not hear each other",
    [FAULT_WEATHER] = "bad weather",
    [FAULT_CLOCK] = "its clock jumps",
    [FAULT_SWITCHOVER] = "planned switchover",
    [FAULT_CLEAR] = "SAs are cleared",
};

const char *fault_name(uint8_t kind)
{
    return names[kind];
}

/* ---- whom ---- */

/* Three of four faults are for a member. */
struct site_node *fault_target(const struct world *w, const struct fault *f)
{
    return f->target % 4 == 3 ? w->spokes[f->target / 4 % w->spoke_count] : w->members[f->target % 2];
}

unsigned fault_link(const struct world *w, const struct fault *f)
{
    unsigned spoke = f->target / 8 % w->spoke_count;
    return f->target % 8 < 6 ? f->target % 3 : LINK_SPOKES + 2 * spoke + f->target % 2;
}

/* ---- what ends by itself ---- */

enum end_kind { END_RESTART, END_POWER, END_THAW, END_LINK, END_LINKS, END_HEAR, END_FAIR, END_SWITCH };

static void ends(void *context, struct happening *h);

static void end_later(struct world *w, ns after, enum end_kind kind, unsigned what)
{
    site_later(&w->site, after, ends, w, (uint64_t)what << 8 | kind);
}

static void member_links(struct world *w, unsigned member, bool back)
{
    for (unsigned link = LINK_LAN; link <= LINK_REPLICATION; link++) {
        int end = (int)fabric_end_of(w->members[member], link)->number;
        if (back)
            fabric_repair(&w->fabric, link, end);
        else
            fabric_cut(&w->fabric, link, end);
    }
}

/* Between them only. */
static void members_deaf(struct world *w, uint8_t way, bool deaf)
{
    for (unsigned link = LINK_LAN; link <= LINK_REPLICATION; link++) {
        unsigned a = fabric_end_of(w->members[0], link)->number,
                 b = fabric_end_of(w->members[1], link)->number;
        if (way & 1)
            fabric_deaf(&w->fabric, link, a, b, deaf);
        if (way & 2)
            fabric_deaf(&w->fabric, link, b, a, deaf);
    }
}

static void switch_over(struct world *w)
{
    for (unsigned m = 0; m < 2; m++) {
        const struct sad *sad = gateway_sad(w->members[m]);
        if (sad && sad_group_active(atomic_load(&sad->groups[1].word)))
            free(w->members[m]->ops->command(w->members[m], "redundancy switchover"));
    }
}

static void ends(void *context, struct happening *h)
{
    struct world *w = context;
    unsigned what = (unsigned)(h->number >> 8);
    struct site_node *n = what < w->site.node_count ? w->site.nodes[what] : NULL;
    if (w->healed)
        return;
    switch ((enum end_kind)(h->number & 0xff)) {
    case END_RESTART:
        n->ops->restart(n);
        break;
    case END_POWER:
        n->ops->start(n);
        break;
    case END_THAW:
        n->ops->thaw(n);
        break;
    case END_LINK:
        fabric_repair(&w->fabric, what, -1);
        break;
    case END_LINKS:
        member_links(w, what, true);
        break;
    case END_HEAR:
        members_deaf(w, 3, false);
        break;
    case END_FAIR:
        w->fabric.links[what].weather = fabric_fair;
        break;
    case END_SWITCH:
        switch_over(w);
        break;
    }
}

/* ---- what happens ---- */

static void node_befall(struct world *w, const struct fault *f, struct rng *r)
{
    struct site_node *n = fault_target(w, f);
    enum node_role role = rng_below(r, 2) ? NODE_CONTROL : NODE_ENGINE;
    switch (f->kind) {
    case FAULT_CONTROL:
        n->ops->kill(n, NODE_CONTROL);
        break;
    case FAULT_ENGINE:
        n->ops->kill(n, NODE_ENGINE);
        break;
    case FAULT_AT_WORK:
        gateway_die_after(n, role, rng_below(r, 1u << (2 + rng_below(r, 10))));
        break;
    case FAULT_FORGETFUL:
        n->ops->kill(n, NODE_CONTROL);
        gateway_lose_records(n);
        break;
    case FAULT_DAEMON:
        n->ops->kill(n, NODE_SUPERVISOR);
        end_later(w, f->length, END_RESTART, n->number);
        break;
    case FAULT_NODE:
        n->ops->power_off(n);
        end_later(w, f->length, END_POWER, n->number);
        break;
    case FAULT_FREEZE:
        n->ops->freeze(n);
        end_later(w, f->length, END_THAW, n->number);
        break;
    case FAULT_STOP:
        n->ops->stop(n);
        end_later(w, f->length + NS_PER_S, END_RESTART, n->number);
        break;
    default:
        break;
    }
}

/* A packet that is there twice before it is protected arrives twice. */
static bool is_inside(const struct world *w, unsigned link)
{
    return !(w->ledger.outside >> link & 1) && link != LINK_REPLICATION;
}

static void link_befall(struct world *w, const struct fault *f, struct rng *r)
{
    unsigned link = fault_link(w, f);
    struct fabric_link *l = &w->fabric.links[link];
    int end = rng_below(r, 3) ? (int)rng_below(r, l->end_count) : -1;
    if (f->kind == FAULT_CUT)
        fabric_cut(&w->fabric, link, end);
    else if (f->kind == FAULT_HOLE)
        fabric_blackhole(&w->fabric, link, end, (uint8_t)(1 + f->way % 3));
    else {
        l->weather = (struct fabric_weather){.delay = rng_below(r, 20) * NS_PER_MS,
                                             .jitter = rng_below(r, 5) * NS_PER_MS,
                                             .loss = rng_below(r, 200000),
                                             .duplicate = is_inside(w, link) ? 0 : rng_below(r, 100000),
                                             .reorder = rng_below(r, 100000),
                                             .reorder_by = (1 + rng_below(r, 50)) * NS_PER_MS};
        end_later(w, f->length, END_FAIR, link);
        return;
    }
    end_later(w, f->length, END_LINK, link);
}

static void clear(struct world *w, const struct fault *f, struct rng *r)
{
    static const char *const lines[] = {"clear crypto sa", "clear crypto isakmp", "clear crypto isakmp",
                                        "clear crypto sa"};
    struct site_node *n = fault_target(w, f);
    free(n->ops->command(n, lines[rng_below(r, ARRAY_SIZE(lines))]));
}

void fault_befall(struct world *w, const struct fault *f)
{
    struct rng r;
    rng_init_number(&r, f->seed);
    w->befallen++;
    site_tell(&w->site, f->kind < FAULT_CUT || f->kind > FAULT_WEATHER ? fault_target(w, f) : NULL, "fault",
              "%s (%lu ms)", names[f->kind], f->length / NS_PER_MS);
    switch (f->kind) {
    case FAULT_CUT:
    case FAULT_HOLE:
    case FAULT_WEATHER:
        link_befall(w, f, &r);
        break;
    case FAULT_ISLAND:
        member_links(w, f->target % 2, false);
        end_later(w, f->length, END_LINKS, f->target % 2);
        break;
    case FAULT_APART:
        members_deaf(w, (uint8_t)(1 + f->way % 3), true);
        end_later(w, f->length, END_HEAR, 0);
        break;
    case FAULT_CLOCK:
        ledger_forget_answers(&w->ledger); /* exchanges are remembered for a time */
        node_clock_set(fault_target(w, f), (int64_t)(rng_u64(&r) % (150 * NS_PER_S)),
                       (int32_t)rng_below(&r, 400) - 200);
        if (node_is_gateway(fault_target(w, f)))
            gateway_clock_changed(fault_target(w, f));
        break;
    case FAULT_SWITCHOVER:
        for (unsigned i = 0; i < (f->way % 4 ? 1u : 8u); i++)
            end_later(w, i * 300 * NS_PER_MS, END_SWITCH, 0);
        break;
    case FAULT_CLEAR:
        clear(w, f, &r);
        break;
    default:
        node_befall(w, f, &r);
        break;
    }
}

static void due(void *context, struct happening *h)
{
    struct world *w = context;
    fault_befall(w, &w->faults[h->number]);
}

void faults_draw(struct world *w, unsigned count, ns from, ns until)
{
    struct site *s = &w->site;
    w->fault_count = MIN(count, (unsigned)WORLD_FAULTS_MAX);
    for (unsigned i = 0; i < w->fault_count; i++)
        w->faults[i] = (struct fault){
            .at = site_between(s, from, until),
            .length = site_chance(s, 500) ? site_between(s, NS_PER_MS, 600 * NS_PER_MS)
                                          : site_between(s, NS_PER_MS, 6 * NS_PER_S),
            .kind = (uint8_t)rng_below(&s->rng, FAULT_KINDS),
            .target = (uint8_t)rng_u32(&s->rng),
            .way = (uint8_t)rng_u32(&s->rng),
            .seed = rng_u64(&s->rng),
        };
}

void faults_plan(struct world *w, uint32_t mask)
{
    for (unsigned i = 0; i < w->fault_count; i++)
        if (mask >> i & 1)
            schedule_put(&w->site.schedule,
                         (struct happening){.at = w->faults[i].at, .run = due, .context = w, .number = i});
}

/* ---- the attacker ---- */

static void forge(struct world *w)
{
    unsigned s = rng_below(&w->site.rng, w->spoke_count);
    struct frame *f = frame_new(0);
    struct address to = address_v4(9u << 24 | 1 << 16 | 1 << 8 | 37);
    f->kind = FRAME_IP;
    f->protocol = SITE_PROTOCOL_FLOW;
    f->ttl = 64;
    f->from = w->hosts[s]->addresses[0].prefix.address;
    f->to = w->host_hub->addresses[0].prefix.address;
    f->size = 100;
    f->flow = (struct flow_packet){LEDGER_FORGED, ++w->forged};
    memcpy(f->source, w->backbone->node->ports[0].mac, SITE_MAC);
    if (site_mac_find(&w->site, &to, f->destination)) {
        unsigned m = rng_below(&w->site.rng, 2);
        site_deliver(w->members[m], 1, f);
    }
    free(f);
}

static void attack(void *context, struct happening *h)
{
    struct world *w = context;
    const struct ledger *l = &w->ledger;
    if (site_now(&w->site) >= w->quiet_at)
        return;
    const struct ledger_caught *c = &l->caught[rng_below(&w->site.rng, LEDGER_CAUGHT)];
    if (c->frame) {
        /* What was for one member may come to the other. */
        struct site_node *n = c->node;
        if (n == w->members[0] || n == w->members[1])
            n = w->members[rng_below(&w->site.rng, 2)];
        struct frame *copy = frame_copy(c->frame);
        w->replayed++;
        site_deliver(n, c->port, copy);
        free(copy);
    }
    if (site_chance(&w->site, 200))
        forge(w);
    site_later(&w->site, h->number, attack, w, h->number);
}

void attacker_begin(struct world *w, ns period)
{
    site_later(&w->site, period, attack, w, period);
}

/* ---- the end of it ---- */

void world_heal(struct world *w)
{
    site_tell(&w->site, NULL, "fault", "everything heals");
    w->healed = true;
    for (unsigned i = 0; i < w->fabric.link_count; i++) {
        w->fabric.links[i].weather = fabric_fair;
        fabric_repair(&w->fabric, i, -1);
    }
    for (unsigned i = 0; i < w->site.node_count; i++) {
        struct site_node *n = w->site.nodes[i];
        if (!node_is_gateway(n))
            continue;
        n->ops->thaw(n);
        n->ops->start(n);
        gateway_spare(n);
    }
    world_keep_up(w);
    for (unsigned i = 0; i < w->flow_count; i++)
        w->flows[i].heard = MAX(w->flows[i].heard, site_now(&w->site));
}

void world_keep_up(struct world *w)
{
    for (unsigned i = 0; i < w->site.node_count; i++)
        if (node_is_gateway(w->site.nodes[i]))
            w->site.nodes[i]->ops->restart(w->site.nodes[i]);
}
