/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges with MAC learning and weather; see fabric.h. */
#include "site/wires/fabric.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

const struct fabric_weather fabric_fair = {.delay = 50 * NS_PER_US};

void fabric_init(struct fabric *f, struct site *s, uint64_t seed)
{
    *f = (struct fabric){.site = s};
    rng_init_number(&f->rng, seed);
    s->fabric = f;
    s->carry = fabric_carry;
}

unsigned fabric_link_add(struct fabric *f, const char *name, uint32_t mtu)
{
    assert(f->link_count < FABRIC_LINKS);
    struct fabric_link *l = &f->links[f->link_count];
    *l = (struct fabric_link){.mtu = mtu ? mtu : FABRIC_MTU, .weather = fabric_fair};
    snprintf(l->name, sizeof l->name, "%s", name);
    return f->link_count++;
}

unsigned fabric_plug(struct fabric *f, unsigned link, struct site_node *n, unsigned port)
{
    struct fabric_link *l = &f->links[link];
    assert(link < f->link_count && l->end_count < FABRIC_ENDS && port < n->port_count);
    unsigned number = l->end_count++;
    l->ends[number] = (struct fabric_end){.node = n, .port = port, .link = link, .number = number};
    n->ports[port].wire = &l->ends[number];
    site_line(n, port, true);
    return number;
}

struct fabric_end *fabric_end_of(const struct site_node *n, unsigned port)
{
    return n->ports[port].wire;
}

/* ---- where addresses are ---- */

static struct fabric_learned *learned_find(const struct fabric_link *l, const uint8_t mac[SITE_MAC])
{
    for (unsigned i = 0; i < l->learned_count; i++) {
        if (memcmp(l->learned[i].mac, mac, SITE_MAC) == 0)
            return (struct fabric_learned *)&l->learned[i];
    }
    return NULL;
}

int fabric_learned_end(const struct fabric *f, unsigned link, const uint8_t mac[SITE_MAC])
{
    const struct fabric_learned *at = learned_find(&f->links[link], mac);
    return at ? at->end : -1;
}

static struct fabric_learned *learned_room(struct fabric_link *l)
{
    struct fabric_learned *oldest = &l->learned[0];
    if (l->learned_count < FABRIC_LEARNED)
        return &l->learned[l->learned_count++];
    for (unsigned i = 1; i < l->learned_count; i++)
        oldest = l->learned[i].time < oldest->time ? &l->learned[i] : oldest;
    return oldest;
}

static void learn(struct fabric_link *l, unsigned end, const uint8_t mac[SITE_MAC], ns now)
{
    if (mac[0] & 1)
        return;
    struct fabric_learned *at = learned_find(l, mac);
    if (!at)
        at = learned_room(l);
    memcpy(at->mac, mac, SITE_MAC);
    at->end = (uint8_t)end;
    at->time = now;
}

/* A port that goes down takes with it what was learned there. */
static void forget(struct fabric_link *l, unsigned end)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < l->learned_count; i++) {
        if (l->learned[i].end != end)
            l->learned[kept++] = l->learned[i];
    }
    l->learned_count = kept;
}

/* ---- frames on their way ---- */

static void tap(struct fabric *f, const struct fabric_end *end, bool inbound, const struct frame *frame)
{
    if (f->tap)
        f->tap(f->tap_context, end, inbound, frame);
}

static bool filtered(struct fabric *f, const struct fabric_end *end, bool inbound, const struct frame *frame)
{
    if (!f->filter || !f->filter(f->filter_context, end, inbound, frame))
        return false;
    f->counters.filtered++;
    return true;
}

static void arrive(void *context, struct happening *h)
{
    struct fabric *f = context;
    struct fabric_end *end = &f->links[h->number / FABRIC_ENDS].ends[h->number % FABRIC_ENDS];
    if (end->cut) {
        f->counters.no_carrier++;
    } else {
        f->counters.delivered++;
        tap(f, end, true, h->data);
        if (!filtered(f, end, true, h->data))
            site_deliver(end->node, end->port, h->data);
    }
    free(h->data);
}

static void arrive_not(struct happening *h)
{
    free(h->data);
}

static void arrive_at(struct fabric *f, const struct fabric_end *end, const struct frame *frame, ns at)
{
    schedule_put(&f->site->schedule, (struct happening){.at = at,
                                                        .run = arrive,
                                                        .drop = arrive_not,
                                                        .context = f,
                                                        .number = end->link * FABRIC_ENDS + end->number,
                                                        .data = frame_copy(frame),
                                                        .len = FRAME_BYTES(frame)});
}

static bool befalls(struct fabric *f, uint32_t in_a_million)
{
    return in_a_million && rng_below(&f->rng, FABRIC_MILLION) < in_a_million;
}

static ns up_to(struct fabric *f, ns most)
{
    return most ? rng_u64(&f->rng) % (most + 1) : 0;
}

static void pass(struct fabric *f, unsigned from, struct fabric_end *to, const struct frame *frame)
{
    const struct fabric_weather *w = &f->links[to->link].weather;
    if (to->cut || (to->hole & FABRIC_HOLE_IN) || (to->deaf >> from & 1)) {
        f->counters.swallowed++;
        return;
    }
    if (befalls(f, w->loss)) {
        f->counters.lost++;
        return;
    }
    ns at = site_now(f->site) + w->delay + up_to(f, w->jitter);
    if (befalls(f, w->reorder))
        at += up_to(f, w->reorder_by);
    else
        to->last_arrival = at = MAX(at, to->last_arrival);
    arrive_at(f, to, frame, at);
    if (befalls(f, w->duplicate))
        arrive_at(f, to, frame, at + up_to(f, w->reorder_by));
}

/* Whether what the node sends comes as far as the bridge. */
static bool enters(struct fabric *f, const struct fabric_link *l, const struct fabric_end *end)
{
    if (l->blackhole || (end->hole & FABRIC_HOLE_OUT)) {
        f->counters.swallowed++;
        return false;
    }
    if (befalls(f, l->lossy)) {
        f->counters.lost++;
        return false;
    }
    return true;
}

void fabric_carry(struct site_node *n, unsigned port, const struct frame *frame)
{
    struct fabric *f = n->site->fabric;
    struct fabric_end *end = fabric_end_of(n, port);
    struct fabric_link *l = end ? &f->links[end->link] : NULL;
    if (!l || end->cut) {
        f->counters.no_carrier++;
        return;
    }
    if (frame->kind == FRAME_IP && frame->size > l->mtu) {
        f->counters.too_big++;
        return;
    }
    if (filtered(f, end, false, frame))
        return;
    f->counters.sent++;
    tap(f, end, false, frame);
    if (!enters(f, l, end))
        return;
    learn(l, end->number, frame->source, site_now(f->site));
    int known = frame->destination[0] & 1 ? -1 : fabric_learned_end(f, end->link, frame->destination);
    for (unsigned to = 0; to < l->end_count; to++) {
        if (to != end->number && (known < 0 || (unsigned)known == to))
            pass(f, end->number, &l->ends[to], frame);
    }
}

/* ---- faults ---- */

static void line_set(struct fabric *f, struct fabric_end *end, bool up)
{
    if (end->cut == !up)
        return;
    end->cut = !up;
    if (!up)
        forget(&f->links[end->link], end->number);
    site_line(end->node, end->port, up);
}

void fabric_cut(struct fabric *f, unsigned link, int end)
{
    for (unsigned e = 0; e < f->links[link].end_count; e++) {
        if (end < 0 || (unsigned)end == e)
            line_set(f, &f->links[link].ends[e], false);
    }
}

void fabric_blackhole(struct fabric *f, unsigned link, int end, uint8_t hole)
{
    if (end < 0)
        f->links[link].blackhole = true;
    else
        f->links[link].ends[end].hole = hole;
}

void fabric_lossy(struct fabric *f, unsigned link, uint32_t in_a_million)
{
    f->links[link].lossy = in_a_million;
}

void fabric_repair(struct fabric *f, unsigned link, int end)
{
    struct fabric_link *l = &f->links[link];
    for (unsigned e = 0; e < l->end_count; e++) {
        if (end >= 0 && (unsigned)end != e)
            continue;
        l->ends[e].hole = 0;
        l->ends[e].deaf = 0;
        line_set(f, &l->ends[e], true);
    }
    if (end < 0) {
        l->blackhole = false;
        l->lossy = 0;
    }
}

void fabric_deaf(struct fabric *f, unsigned link, unsigned to, unsigned from, bool deaf)
{
    uint32_t bit = (uint32_t)1 << from;
    struct fabric_end *end = &f->links[link].ends[to];
    end->deaf = deaf ? end->deaf | bit : end->deaf & ~bit;
}
