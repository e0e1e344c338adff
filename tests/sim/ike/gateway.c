/* SPDX-License-Identifier: Apache-2.0 */
/* See gateway.h. Every step of the machine goes through gateway_step, which also checks what must hold at
 * each: an SPI is never given twice, a slot is never reused before it was freed, a record precedes what
 * depends on it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash_table.h"
#include "base/spi.h"
#include "ike/gateway.h"

static void gateway_step(struct gateway *g, struct ike_event *event);

static void broken(struct gateway *g, const char *what, uint32_t number)
{
    if (!g->broken[0])
        snprintf(g->broken, sizeof(g->broken), "%s: %s (0x%x) at %.6f s", g->name, what, number,
                 (double)g->schedule->now / 1e9);
}

static void trace(struct gateway *g, uint64_t a, uint64_t b)
{
    uint64_t mix[4] = {g->trace, g->schedule->now, a, b};
    g->trace = (uint64_t)hash_bytes(mix, sizeof(mix), 1) << 32 | hash_bytes(mix, sizeof(mix), 2);
}

/* ---- actions ---- */

static void datagram_arrives(void *context, struct happening *h)
{
    struct gateway *g = context;
    if (!g->ike)
        return;
    bool nat_port = h->number & 1;
    uint16_t port = nat_port ? 4500 : 500;
    struct ike_event event = {.type = IKE_EVENT_DATAGRAM};
    event.datagram.local = (struct endpoint){g->local, port};
    event.datagram.remote = (struct endpoint){g->peer->local, port};
    event.datagram.nat_port = nat_port;
    event.datagram.data = bytes_of(h->data, h->len);
    gateway_step(g, &event);
}

static void act_send(struct gateway *g, const struct ike_action *a)
{
    g->datagrams_sent++;
    trace(g, 1, a->send.data.len);
    if (a->send.keepalive || !address_equal(&a->send.remote.address, &g->peer->local))
        return;
    network_send(g->network, a->send.data.data, a->send.data.len, a->send.nat_port, datagram_arrives,
                 g->peer);
}

struct job_on_its_way {
    struct ike_job *job;
    uint64_t life;
};

static void job_dropped(struct happening *h)
{
    struct job_on_its_way *j = h->data;
    ike_job_free(j->job);
    free(j);
}

static void job_returns(void *context, struct happening *h)
{
    struct gateway *g = context;
    struct job_on_its_way *j = h->data;
    if (!g->ike || j->life != g->life) {
        job_dropped(h);
        return;
    }
    struct ike_event event = {.type = IKE_EVENT_JOB};
    event.job = j->job;
    free(j);
    gateway_step(g, &event);
}

static void act_job(struct gateway *g, const struct ike_action *a)
{
    struct job_on_its_way *j = malloc(sizeof(*j));
    assert(j);
    j->job = a->job;
    j->life = g->life;
    ike_job_run(j->job);
    ns takes = 100 * NS_PER_US + rng_below(g->rng, 5000) * NS_PER_US;
    schedule_put(g->schedule, (struct happening){.at = g->schedule->now + takes,
                                                 .run = job_returns,
                                                 .drop = job_dropped,
                                                 .context = g,
                                                 .data = j});
}

static struct bytes keep_key(struct sim_pair *p, unsigned n, struct bytes key)
{
    assert(key.len <= sizeof(p->keys[n]));
    if (key.len)
        memcpy(p->keys[n], key.data, key.len);
    return bytes_of(p->keys[n], key.len);
}

static void act_install(struct gateway *g, const struct ike_action *a)
{
    const struct ike_pair_install *i = &a->install;
    trace(g, 2, i->spi_in);
    if (i->slot >= SIM_PAIRS_MAX || spi_slot(i->spi_in) != i->slot) {
        broken(g, "an SPI that does not name its slot", i->spi_in);
        return;
    }
    struct sim_pair *p = &g->pairs[i->slot];
    if (p->state != SIM_PAIR_FREE) {
        broken(g, "a slot in use was given again", i->slot);
        return;
    }
    p->install = *i;
    p->install.encryption_key_out = keep_key(p, 0, i->encryption_key_out);
    p->install.integrity_key_out = keep_key(p, 1, i->integrity_key_out);
    p->install.encryption_key_in = keep_key(p, 2, i->encryption_key_in);
    p->install.integrity_key_in = keep_key(p, 3, i->integrity_key_in);
    p->state = i->confirmed ? SIM_PAIR_ACTIVE : SIM_PAIR_INBOUND;
    p->preferred = i->confirmed ? g->schedule->now : 0;
    p->last_in = p->last_out = 0;
}

static struct sim_pair *pair_named(struct gateway *g, const struct ike_action *a)
{
    if (a->pair.slot >= SIM_PAIRS_MAX || g->pairs[a->pair.slot].state == SIM_PAIR_FREE ||
        g->pairs[a->pair.slot].install.spi_in != a->pair.spi_in) {
        broken(g, "an action on a pair that is not there", a->pair.spi_in);
        return NULL;
    }
    return &g->pairs[a->pair.slot];
}

static void slot_is_free(void *context, struct happening *h)
{
    struct gateway *g = context;
    if (!g->ike || (uintptr_t)h->data != g->life)
        return;
    struct ike_event event = {.type = IKE_EVENT_SLOT_FREE};
    event.pair.slot = (uint32_t)h->number;
    event.pair.spi_in = (uint32_t)(h->number >> 32);
    gateway_step(g, &event);
}

static void act_remove(struct gateway *g, const struct ike_action *a)
{
    struct sim_pair *p = pair_named(g, a);
    trace(g, 3, a->pair.spi_in);
    if (!p)
        return;
    memset(p, 0, sizeof(*p));
    schedule_put(g->schedule, (struct happening){.at = g->schedule->now + NS_PER_MS,
                                                 .run = slot_is_free,
                                                 .context = g,
                                                 .data = (void *)(uintptr_t)g->life,
                                                 .number = (uint64_t)a->pair.spi_in << 32 | a->pair.slot});
}

struct answer {
    uint64_t life;
    struct ike_event event;
};

static void answer_dropped(struct happening *h)
{
    free(h->data);
}

static void answer_query(void *context, struct happening *h)
{
    struct gateway *g = context;
    struct answer *answer = h->data;
    if (g->ike && answer->life == g->life)
        gateway_step(g, &answer->event);
    free(answer);
}

/* Answered once the actions of this step are done, as control does. */
static void act_query(struct gateway *g, const struct ike_action *a)
{
    struct answer *answer = calloc(1, sizeof(*answer));
    assert(answer);
    answer->life = g->life;
    answer->event.type = IKE_EVENT_TRAFFIC;
    answer->event.traffic.sa = a->query.sa;
    for (uint32_t i = 0; i < a->query.slot_count; i++) {
        assert(a->query.slots[i] < SIM_PAIRS_MAX);
        const struct sim_pair *p = &g->pairs[a->query.slots[i]];
        answer->event.traffic.last_in = MAX(answer->event.traffic.last_in, p->last_in);
        answer->event.traffic.last_out = MAX(answer->event.traffic.last_out, p->last_out);
    }
    schedule_put(g->schedule, (struct happening){.at = g->schedule->now,
                                                 .run = answer_query,
                                                 .drop = answer_dropped,
                                                 .context = g,
                                                 .data = answer});
}

static struct sim_record *record_find(struct gateway *g, uint8_t kind, uint64_t key)
{
    for (unsigned i = 0; i < SIM_RECORDS_MAX; i++) {
        struct sim_record *r = &g->disk[i];
        if (r->used && r->kind == kind && r->key == key)
            return r;
    }
    return NULL;
}

static void act_record(struct gateway *g, const struct ike_action *a)
{
    struct sim_record *r = record_find(g, a->record.kind, a->record.key);
    for (unsigned i = 0; !r && i < SIM_RECORDS_MAX; i++) {
        if (!g->disk[i].used)
            r = &g->disk[i];
    }
    if (!r || a->record.data.len > IKE_RECORD_MAX) {
        broken(g, "records without end", a->record.kind);
        return;
    }
    g->disk_writes++;
    r->used = true;
    r->kind = a->record.kind;
    r->key = a->record.key;
    r->len = (uint16_t)a->record.data.len;
    memcpy(r->data, a->record.data.data, a->record.data.len);
}

static void act(struct gateway *g, const struct ike_action *a)
{
    struct sim_pair *p;
    struct sim_record *r;
    switch (a->type) {
    case IKE_ACTION_SEND:
        act_send(g, a);
        break;
    case IKE_ACTION_START_JOB:
        act_job(g, a);
        break;
    case IKE_ACTION_INSTALL_PAIR:
        act_install(g, a);
        break;
    case IKE_ACTION_CONFIRM_PAIR:
        p = pair_named(g, a);
        if (p && p->state != SIM_PAIR_ACTIVE) {
            p->state = SIM_PAIR_ACTIVE;
            p->preferred = g->schedule->now;
        }
        break;
    case IKE_ACTION_SUPERSEDE_PAIR:
        p = pair_named(g, a);
        if (p)
            p->state = SIM_PAIR_SUPERSEDED;
        break;
    case IKE_ACTION_MOVE_PAIR:
        p = pair_named(g, a);
        if (p)
            p->install.remote = a->pair.remote;
        break;
    case IKE_ACTION_REMOVE_PAIR:
        act_remove(g, a);
        break;
    case IKE_ACTION_QUERY_TRAFFIC:
        act_query(g, a);
        break;
    case IKE_ACTION_RECORD:
        act_record(g, a);
        break;
    case IKE_ACTION_FORGET:
        r = record_find(g, a->record.kind, a->record.key);
        if (r)
            memset(r, 0, sizeof(*r));
        break;
    case IKE_ACTION_LOG:
    case IKE_ACTION_DEBUG:
        if (g->verbose)
            printf("%12.6f %-6s %s\n", (double)g->schedule->now / 1e9, g->name, a->log.text);
        break;
    case IKE_ACTION_ACQUIRE_FAILED:
    case IKE_ACTION_KEYS:
        break;
    }
}

/* ---- steps ---- */

static void timer_rings(void *context, struct happening *h)
{
    struct gateway *g = context;
    if (!g->ike || h->number != g->timer)
        return;
    struct ike_event event = {.type = IKE_EVENT_TIMER};
    gateway_step(g, &event);
}

static void gateway_step(struct gateway *g, struct ike_event *event)
{
    struct ike_actions *actions = malloc(sizeof(*actions));
    uint64_t life = g->life;
    assert(actions);
    actions->count = 0;
    actions->used = 0;
    event->now = g->schedule->now;
    trace(g, 16 + event->type, 0);
    ike_step(g->ike, event, actions);
    for (unsigned i = 0; i < actions->count; i++) {
        assert(g->life == life);
        act(g, &actions->list[i]);
    }
    ike_actions_done(actions);
    free(actions);
    ns deadline = ike_deadline(g->ike);
    g->timer++;
    if (deadline != NS_NEVER)
        schedule_put(g->schedule, (struct happening){
                                      .at = deadline, .run = timer_rings, .context = g, .number = g->timer});
}

struct known {
    const struct gateway *gateway;
    bool slots[SIM_PAIRS_MAX];
};

static void note_known(void *context, const struct ike_pair_view *view)
{
    struct known *known = context;
    if (view->slot < SIM_PAIRS_MAX && known->gateway->pairs[view->slot].install.spi_in == view->spi_in)
        known->slots[view->slot] = true;
}

/* What the packet path has and the machine does not know of, as control finds it at its start. */
static void remove_orphans(struct gateway *g)
{
    struct known known = {.gateway = g};
    ike_each_pair(g->ike, note_known, &known);
    for (unsigned i = 0; i < SIM_PAIRS_MAX; i++) {
        if (!known.slots[i])
            memset(&g->pairs[i], 0, sizeof(g->pairs[i]));
    }
}

void gateway_start(struct gateway *g)
{
    uint8_t seed[32];
    struct ike_limits limits = {.sa_max = 64, .pair_max = SIM_PAIRS_MAX};
    uint64_t sent = g->datagrams_sent;
    if (g->ike)
        return;
    g->node_down = false;
    g->life++;
    rng_fill(g->rng, seed, sizeof(seed));
    g->ike = ike_new(&limits, seed);
    assert(g->ike);
    ike_debug(g->ike, g->verbose, false);
    ike_configure(g->ike, &g->config, g->schedule->now);
    for (unsigned i = 0; i < SIM_RECORDS_MAX; i++) {
        struct sim_record *r = &g->disk[i];
        if (r->used && ike_restore(g->ike, r->kind, r->key, bytes_of(r->data, r->len), g->schedule->now) < 0)
            broken(g, "a record that was written cannot be restored", r->kind);
    }
    ike_restore_done(g->ike, g->schedule->now);
    remove_orphans(g);
    if (g->datagrams_sent != sent)
        broken(g, "a restored machine sent something", 0);
    struct ike_event event = {.type = IKE_EVENT_TIMER};
    gateway_step(g, &event);
}

void gateway_kill_control(struct gateway *g)
{
    ike_free(g->ike);
    g->ike = NULL;
    g->life++;
}

void gateway_kill_node(struct gateway *g)
{
    gateway_kill_control(g);
    memset(g->pairs, 0, sizeof(g->pairs));
    memset(g->disk, 0, sizeof(g->disk));
    g->node_down = true;
}

void gateway_done(struct gateway *g)
{
    ike_free(g->ike);
    g->ike = NULL;
}

void gateway_clear(struct gateway *g, enum ike_clear_scope scope)
{
    if (!g->ike)
        return;
    struct ike_event event = {.type = IKE_EVENT_CLEAR};
    event.clear.scope = scope;
    gateway_step(g, &event);
}

/* ---- the packet path ---- */

struct sim_pair *gateway_outbound(struct gateway *g)
{
    struct sim_pair *best = NULL;
    for (unsigned i = 0; i < SIM_PAIRS_MAX; i++) {
        struct sim_pair *p = &g->pairs[i];
        if (p->state != SIM_PAIR_ACTIVE && p->state != SIM_PAIR_SUPERSEDED)
            continue;
        if (!best || (p->state == SIM_PAIR_ACTIVE && best->state == SIM_PAIR_SUPERSEDED) ||
            (p->state == best->state && p->preferred > best->preferred))
            best = p;
    }
    return best;
}

static void packet_arrives(void *context, struct happening *h)
{
    struct gateway *g = context;
    uint32_t spi = (uint32_t)h->number, slot = spi_slot(spi);
    if (g->node_down)
        return;
    if (slot >= SIM_PAIRS_MAX || g->pairs[slot].state == SIM_PAIR_FREE ||
        g->pairs[slot].install.spi_in != spi) {
        g->peer->packets_lost_at_peer++;
        if (g->ike && g->schedule->now - g->last_invalid_spi > NS_PER_S) {
            struct ike_event event = {.type = IKE_EVENT_INVALID_SPI};
            g->last_invalid_spi = g->schedule->now;
            event.invalid_spi.local = g->local;
            event.invalid_spi.remote = g->peer->local;
            event.invalid_spi.spi = spi;
            event.invalid_spi.protocol = 50;
            gateway_step(g, &event);
        }
        return;
    }
    struct sim_pair *p = &g->pairs[slot];
    g->packets_received++;
    p->last_in = g->schedule->now;
    if (p->state == SIM_PAIR_INBOUND) {
        p->state = SIM_PAIR_ACTIVE;
        p->preferred = g->schedule->now;
        if (g->ike) {
            struct ike_event event = {.type = IKE_EVENT_PAIR_USED};
            event.pair.slot = slot;
            event.pair.spi_in = spi;
            gateway_step(g, &event);
        }
    }
}

void gateway_send_packet(struct gateway *g)
{
    if (g->node_down)
        return;
    struct sim_pair *p = gateway_outbound(g);
    if (!p) {
        g->packets_waiting++;
        if (g->ike) {
            struct ike_event event = {.type = IKE_EVENT_ACQUIRE};
            event.acquire.connection = g->connection;
            event.acquire.selector = g->selector;
            gateway_step(g, &event);
        }
        return;
    }
    g->packets_sent++;
    p->last_out = g->schedule->now;
    network_send(g->network, "", 0, p->install.spi_out, packet_arrives, g->peer);
}
