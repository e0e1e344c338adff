/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of the fuzz target ike_events: whole IKE machines with a shell that keeps what a shell keeps
 * (records, pairs, jobs under way), and a network of datagrams that wait until the input says what becomes of
 * them. A is 192.0.2.1, B 192.0.2.2 and C a second member of A's group, with A's address. Key exchange is
 * doubled: the shared secret is both public values added, so that thousands of lives pass in a second. */
#ifndef FUZZ_IKE_NODES_H
#define FUZZ_IKE_NODES_H

#include <errno.h>

#include "events.h"
#include "ike/machine.h"
#include "ike_gateway.h"

enum {
    NODES = 3,
    PAIRS = 128, /* both members' blocks */
    JOBS = 16,
    RECORDS = 256,
    NETWORK = 24,
    DATAGRAM = 2048,
    SAS = 24,
};

struct node_record {
    bool used;
    uint8_t kind;
    uint64_t key;
    size_t len;
    uint8_t data[IKE_RECORD_MAX];
};

struct node {
    struct run *run;
    struct ike *ike;
    struct ike_gateway gateway;
    struct ike_peer dynamic_peer;
    struct {
        enum { SLOT_EMPTY, SLOT_INSTALLED, SLOT_REMOVED } state;
        uint32_t spi;
        uint8_t group;
    } slots[PAIRS];
    struct ike_job *jobs[JOBS];
    unsigned job_count;
    struct node_record records[RECORDS];
};

struct datagram {
    struct endpoint local, remote; /* of the sender */
    bool nat_port;
    size_t len;
    uint8_t data[DATAGRAM];
};

struct run {
    struct events e;
    bool grouped;
    struct node nodes[NODES];
    struct datagram network[NETWORK];
    unsigned network_count;
};

static struct ike_actions ike_fuzz_actions;

/* ---- the shell ---- */

static void job_double(struct ike_job *job)
{
    struct rng rng;
    job->result = 0;
    if (job->generate) {
        rng_init(&rng, job->seed);
        job->keypair = (struct dh_keypair){.group = job->group, .private_len = 1};
        job->keypair.public_len = (uint16_t)dh_public_size(job->group);
        rng_fill(&rng, job->keypair.public, job->keypair.public_len);
    }
    if (!job->derive)
        return;
    if (job->peer_public_len != job->keypair.public_len) {
        job->result = -EBADMSG;
        return;
    }
    job->shared.len = (uint16_t)dh_shared_size(job->group);
    for (size_t i = 0; i < job->shared.len; i++)
        job->shared.data[i] = (uint8_t)(job->keypair.public[i] + job->peer_public[i]);
}

static struct node_record *record_find(struct node *n, uint8_t kind, uint64_t key)
{
    for (unsigned i = 0; i < RECORDS; i++)
        if (n->records[i].used && n->records[i].kind == kind && n->records[i].key == key)
            return &n->records[i];
    return NULL;
}

static void record_keep(struct node *n, const struct ike_action *a)
{
    struct node_record *r = record_find(n, a->record.kind, a->record.key);
    assert(a->record.data.len > 0 && a->record.data.len <= IKE_RECORD_MAX);
    for (unsigned i = 0; !r && i < RECORDS; i++)
        if (!n->records[i].used)
            r = &n->records[i];
    assert(r); /* what the machine wants to be kept is bounded by what it may have */
    r->used = true;
    r->kind = a->record.kind;
    r->key = a->record.key;
    r->len = a->record.data.len;
    memcpy(r->data, a->record.data.data, r->len);
}

static void act_send(struct node *n, const struct ike_action *a)
{
    struct run *r = n->run;
    assert(a->send.data.len > 0 && a->send.data.len <= IKE_DATAGRAM_MAX);
    assert(address_is_set(&a->send.remote.address) && a->send.remote.port);
    if (a->send.keepalive || r->network_count == NETWORK || a->send.data.len > DATAGRAM)
        return;
    struct datagram *d = &r->network[r->network_count++];
    *d = (struct datagram){a->send.local, a->send.remote, a->send.nat_port, a->send.data.len, {0}};
    memcpy(d->data, a->send.data.data, d->len);
}

static void act_install(struct node *n, const struct ike_action *a)
{
    const struct ike_pair_install *i = &a->install;
    static uint8_t written[IKE_INSTALL_MAX];
    struct ike_pair_install again;
    assert(i->slot < PAIRS && spi_slot(i->spi_in) == i->slot && n->slots[i->slot].state == SLOT_EMPTY);
    assert(record_find(n, IKE_RECORD_PAIR, i->slot)); /* replicate before you speak */
    assert(i->protocol == 50 || i->protocol == 51);
    size_t len = pair_install_write(i, written, sizeof(written));
    assert(len && pair_install_parse(bytes_of(written, len), 0, &again) == 0 && again.spi_in == i->spi_in);
    n->slots[i->slot].state = SLOT_INSTALLED;
    n->slots[i->slot].spi = i->spi_in;
    n->slots[i->slot].group = a->group;
}

static void act_pair(struct node *n, const struct ike_action *a)
{
    assert(a->pair.slot < PAIRS);
    /* A replica may have taken the place of another one in this very step. */
    if (!a->replica) {
        assert(n->slots[a->pair.slot].state == SLOT_INSTALLED);
        assert(n->slots[a->pair.slot].group || n->slots[a->pair.slot].spi == a->pair.spi_in);
    }
    if (a->type == IKE_ACTION_REMOVE_PAIR) {
        n->slots[a->pair.slot].state = SLOT_REMOVED;
        n->slots[a->pair.slot].spi = a->pair.spi_in;
    }
}

static void node_step(struct node *n, struct ike_event event);

static void act(struct node *n, const struct ike_action *a, uint64_t *ret_query)
{
    switch (a->type) {
    case IKE_ACTION_SEND:
        act_send(n, a);
        break;
    case IKE_ACTION_START_JOB:
        if (n->job_count == JOBS)
            ike_job_free(a->job); /* the exchange times out */
        else
            n->jobs[n->job_count++] = a->job;
        break;
    case IKE_ACTION_INSTALL_PAIR:
        act_install(n, a);
        break;
    case IKE_ACTION_CONFIRM_PAIR:
    case IKE_ACTION_SUPERSEDE_PAIR:
    case IKE_ACTION_MOVE_PAIR:
    case IKE_ACTION_REMOVE_PAIR:
        act_pair(n, a);
        break;
    case IKE_ACTION_QUERY_TRAFFIC:
        assert(a->query.slot_count <= 64);
        *ret_query = a->query.sa;
        break;
    case IKE_ACTION_RECORD:
        record_keep(n, a);
        break;
    case IKE_ACTION_FORGET: {
        struct node_record *r = record_find(n, a->record.kind, a->record.key);
        if (r)
            r->used = false;
        break;
    }
    case IKE_ACTION_LOG:
        assert(a->log.mnemonic && a->log.text);
        break;
    default:
        break;
    }
}

/* ---- what must hold ---- */

struct census {
    struct node *node;
    uint32_t sas, pairs, half_open;
    bool slots[PAIRS], negotiating;
};

static void census_sa(void *context, const struct ike_sa_view *v)
{
    struct census *c = context;
    c->sas++;
    c->half_open += v->state != IKE_QM_IDLE && !v->standby;
    assert(v->state != IKE_QM_IDLE || v->established);
}

static void census_pair(void *context, const struct ike_pair_view *v)
{
    struct census *c = context;
    struct node *n = c->node;
    assert(v->slot < PAIRS && !c->slots[v->slot] && spi_slot(v->spi_in) == v->slot);
    c->slots[v->slot] = true;
    c->pairs++;
    if (v->group == 0)
        assert(n->slots[v->slot].state == SLOT_INSTALLED && n->slots[v->slot].spi == v->spi_in);
    assert(record_find(n, IKE_RECORD_PAIR, v->slot));
}

static void node_check(struct node *n)
{
    struct census c = {.node = n};
    struct ike_statistics s;
    ike_each_sa(n->ike, census_sa, &c);
    ike_each_pair(n->ike, census_pair, &c);
    ike_statistics(n->ike, &s);
    assert(c.sas == s.sas && c.pairs == s.pairs && s.sas <= SAS && s.half_open <= s.sas);
    /* What is installed and in no group is known. */
    for (unsigned i = 0; i < PAIRS; i++)
        assert(n->slots[i].state != SLOT_INSTALLED || n->slots[i].group || c.slots[i]);
    /* Nothing is half open for ever; who stands by has no timers, and what it has goes when the owner says
     * so. */
    if (c.half_open || ((s.half_open || s.exchanges) && !n->run->grouped))
        assert(ike_deadline(n->ike) != NS_NEVER);
}

/* A step with what it asks at once. */
static void node_step(struct node *n, struct ike_event event)
{
    uint64_t queries[IKE_ACTIONS_MAX];
    unsigned query_count = 0;
    event.now = n->run->e.now;
    ike_step(n->ike, &event, &ike_fuzz_actions);
    assert(ike_fuzz_actions.count <= IKE_ACTIONS_MAX && ike_fuzz_actions.used <= IKE_ARENA_SIZE);
    for (unsigned i = 0; i < ike_fuzz_actions.count; i++) {
        queries[query_count] = 0;
        act(n, &ike_fuzz_actions.list[i], &queries[query_count]);
        query_count += queries[query_count] != 0;
    }
    ike_actions_done(&ike_fuzz_actions);
    for (unsigned i = 0; i < query_count; i++) {
        struct ike_event answer = {.type = IKE_EVENT_TRAFFIC};
        answer.traffic.sa = queries[i];
        answer.traffic.last_in = queries[i] & 1 ? event.now : 0;
        answer.traffic.last_out = queries[i] & 2 ? event.now : 0;
        node_step(n, answer);
    }
}

/* The shell comes when something is due, until nothing is. */
static void node_timer(struct node *n)
{
    unsigned rounds = 0;
    do {
        node_step(n, (struct ike_event){.type = IKE_EVENT_TIMER});
        assert(++rounds < 64);
    } while (ike_deadline(n->ike) <= n->run->e.now);
}

/* ---- beginning, end, and a new life ---- */

static void node_configure(struct node *n, uint8_t how)
{
    struct ike_gateway *g = &n->gateway;
    bool remote = n == &n->run->nodes[1];
    ike_gateway_init(g, 1 + how % 3);
    for (unsigned i = 0; i < IKE_GATEWAY_CONNECTIONS; i++) {
        struct ike_connection *c = &g->connections[i];
        c->replay_size = 64;
        c->idle_seconds = how & 4 && i == 0 ? 60 : 0;
        c->pfs_group = how & 8 ? DH_MODP_768 : 0;
        c->lifetime_kilobytes = 4608000;
        if (remote) {
            c->local = address_v4(0xc0000202);
            c->dynamic = how & 128 && i == 0;
        } else if (n->run->grouped) {
            c->group = 1;
        }
    }
    g->peer.aggressive = !remote && how & 16;
    if (remote) {
        g->peer.address = address_v4(0xc0000201);
        selector_mirror(
            &(struct selector){g->selector.local, g->selector.remote, 0, 0, UINT16_MAX, 0, UINT16_MAX},
            &g->selector);
    }
    g->config.dpd_mode = how >> 5 & 1 ? IKE_DPD_PERIODIC : IKE_DPD_ON_DEMAND;
    g->config.dpd_seconds = 10;
    g->config.dpd_retry_seconds = 3;
    g->config.nat_keepalive_seconds = how & 64 ? 20 : 0;
    g->config.invalid_spi_recovery = how & 64;
    g->config.half_open_max = 8;
    g->config.half_open_per_address_max = 6;
    if (!remote && n->run->grouped) {
        g->config.groups[1] = (struct ike_group){.used = true, .local = {address_v4(0xc0000201)}};
        g->config.members = 2;
        g->config.member = n == &n->run->nodes[2];
    }
    ike_configure(n->ike, &g->config, n->run->e.now);
}

static void node_begin(struct node *n, uint8_t seed_number)
{
    const uint8_t seed[32] = {seed_number, (uint8_t)(n - n->run->nodes)};
    static const struct ike_limits limits = {.sa_max = SAS, .pair_max = PAIRS};
    n->ike = ike_new(&limits, seed);
    assert(n->ike);
}

static void node_end(struct node *n)
{
    for (unsigned i = 0; i < n->job_count; i++)
        ike_job_free(n->jobs[i]);
    n->job_count = 0;
    ike_free(n->ike);
    n->ike = NULL;
}

#endif
