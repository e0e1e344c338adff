/* SPDX-License-Identifier: Apache-2.0 */
/* Whole IKE machines through a sequence of events: two gateways that negotiate with each other over a network
 * that delivers, loses, doubles, reorders and changes what the input says, and (with a group) a second member
 * that gets the first one's records. Besides: raw datagrams, acquires, jobs that come back in any order or
 * not at all, volumes used up, unknown SPIs, failed paths, moved peers, clears, roles, changed
 * configurations, and new lives out of a machine's own records at any moment. After each (ike_nodes.h): what
 * is counted is there, slots are unique and installed, records come first, and nothing is half open or due
 * for ever. */
#include "ike_nodes.h"

/* ---- the network ---- */

static void deliver(struct run *r, const struct datagram *d, struct bytes data)
{
    struct ike_event event = {.type = IKE_EVENT_DATAGRAM};
    event.datagram.local = d->remote;
    event.datagram.remote = d->local;
    event.datagram.nat_port = d->nat_port;
    event.datagram.data = data;
    if (address_v4_get(&d->remote.address) == 0xc0000202U) {
        node_step(&r->nodes[1], event);
        return;
    }
    node_step(&r->nodes[0], event);
    if (r->grouped)
        node_step(&r->nodes[2], event); /* whoever stands by does not hear it */
}

static void datagram_change(struct run *r, struct datagram *d)
{
    uint8_t kind = events_u8(&r->e);
    switch (kind % 4) {
    case 0:
        d->data[events_u16(&r->e) % d->len] ^= (uint8_t)(1 << kind / 4 % 8);
        break;
    case 1:
        d->len = 1 + events_u16(&r->e) % d->len;
        break;
    case 2:
        d->local.port = (uint16_t)(d->local.port + 1 + kind / 4); /* a NAT */
        break;
    default:
        d->data[28 + kind / 4 % 32] = events_u8(&r->e);
        break;
    }
}

static void network(struct run *r, uint8_t what)
{
    static struct datagram d;
    if (r->network_count == 0)
        return;
    /* Mostly the oldest. */
    unsigned at = what & 128 ? events_u8(&r->e) % r->network_count : 0;
    d = r->network[at];
    if ((what & 0x70) != 0x70) { /* else it will come again */
        r->network_count--;
        memmove(&r->network[at], &r->network[at + 1], (r->network_count - at) * sizeof(d));
    }
    if ((what & 0x70) == 0x60)
        return; /* lost */
    if ((what & 0x70) == 0x50)
        datagram_change(r, &d);
    deliver(r, &d, bytes_of(d.data, d.len));
}

static void raw(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    static const struct endpoint b = {.port = 500};
    struct datagram d = {.local = b, .remote = b, .nat_port = kind & 1};
    d.local.address = address_v4(kind & 2 ? 0xc0000202U : 0xc0000203U + (kind >> 4));
    d.remote.address = address_v4(kind & 8 && kind & 4 ? 0xc0000202U : 0xc0000201U);
    deliver(r, &d, events_bytes(&r->e, 8 + events_u8(&r->e)));
}

/* ---- what else happens ---- */

static void acquire(struct run *r, struct node *n)
{
    struct ike_event event = {.type = IKE_EVENT_ACQUIRE};
    event.acquire.connection = 1 + events_below(&r->e, 4);
    event.acquire.selector = n->gateway.selector;
    node_step(n, event);
}

static void job_returns(struct run *r, struct node *n, bool late)
{
    if (n->job_count == 0)
        return;
    unsigned at = late ? events_u8(&r->e) % n->job_count : 0;
    struct ike_job *job = n->jobs[at];
    n->jobs[at] = n->jobs[--n->job_count];
    if (late && events_below(&r->e, 8) == 0) {
        ike_job_free(job); /* whoever ran it died */
        return;
    }
    job_double(job);
    struct ike_event event = {.type = IKE_EVENT_JOB};
    event.job = job;
    node_step(n, event);
}

static void pair_happens(struct run *r, struct node *n)
{
    static const enum ike_event_type types[] = {IKE_EVENT_PAIR_SOFT, IKE_EVENT_PAIR_HARD, IKE_EVENT_PAIR_USED,
                                                IKE_EVENT_PEER_MOVED};
    uint8_t kind = events_u8(&r->e);
    struct ike_event event = {.type = types[kind % 4]};
    uint32_t slot = kind & 128 ? events_u8(&r->e) % PAIRS : 0;
    for (unsigned i = 0, skip = kind / 4 % 4; i < PAIRS && !(kind & 128); i++)
        if (n->slots[i].state == SLOT_INSTALLED && skip-- == 0) {
            slot = i;
            break;
        }
    event.pair.slot = slot;
    event.pair.spi_in = n->slots[slot].spi ^ (kind >= 0xf0);
    event.pair.remote = (struct endpoint){address_v4(0xc0000203U), (uint16_t)(4500 + kind)};
    node_step(n, event);
}

static void slots_free(struct node *n)
{
    for (uint32_t i = 0; i < PAIRS; i++) {
        if (n->slots[i].state != SLOT_REMOVED)
            continue;
        struct ike_event event = {.type = IKE_EVENT_SLOT_FREE};
        event.pair.slot = i;
        event.pair.spi_in = n->slots[i].spi;
        n->slots[i].state = SLOT_EMPTY;
        node_step(n, event);
    }
}

static void trouble(struct run *r, struct node *n)
{
    uint8_t kind = events_u8(&r->e);
    struct ike_event event = {.type = kind & 1 ? IKE_EVENT_INVALID_SPI : IKE_EVENT_PATH_FAILED};
    struct address a = address_v4(0xc0000201U), b = address_v4(kind & 2 ? 0xc0000203U : 0xc0000202U);
    bool remote = n == &r->nodes[1];
    if (kind & 1) {
        event.invalid_spi.local = remote ? b : a;
        event.invalid_spi.remote = remote ? a : b;
        event.invalid_spi.spi = kind & 4 ? kind : n->slots[kind / 8].spi;
        event.invalid_spi.protocol = 50;
    } else {
        event.path_failed.remote = (struct endpoint){remote ? a : b, kind & 4 ? 4500 : 500};
        event.path_failed.error = -EHOSTUNREACH;
    }
    node_step(n, event);
}

static void clear(struct run *r, struct node *n)
{
    uint8_t kind = events_u8(&r->e);
    struct ike_event event = {.type = IKE_EVENT_CLEAR};
    event.clear.scope = kind % (IKE_CLEAR_LOCAL + 1);
    event.clear.number = kind / 8;
    event.clear.peer = address_v4(kind & 128 ? 0xc0000202U : 0xc0000201U);
    node_step(n, event);
}

static void role(struct run *r, uint8_t kind)
{
    struct node *n = &r->nodes[kind & 64 ? 2 : 0];
    struct ike_event event = {.type = IKE_EVENT_ROLE};
    event.role.group = 1;
    event.role.active = kind & 128;
    event.role.forget = (kind & 0x30) == 0x30;
    if (r->grouped)
        node_step(n, event);
}

struct followed {
    bool there[PAIRS];
    struct node *node;
};

static void follow_pair(void *context, const struct ike_pair_view *v)
{
    struct followed *f = context;
    f->there[v->slot] = true;
    if (!v->group)
        return;
    f->node->slots[v->slot].state = SLOT_INSTALLED;
    f->node->slots[v->slot].spi = v->spi_in;
    f->node->slots[v->slot].group = v->group;
}

/* The packet path's side of replicas is the shell's. */
static void replicas_follow(struct node *n)
{
    struct followed f = {.node = n};
    ike_each_pair(n->ike, follow_pair, &f);
    for (unsigned i = 0; i < PAIRS; i++)
        if (n->slots[i].state == SLOT_INSTALLED && n->slots[i].group && !f.there[i])
            n->slots[i].state = SLOT_REMOVED;
}

/* What the packet path must know of a pair comes before its record. */
static void pair_before(const struct node *from, struct node *to, uint32_t slot)
{
    if (to->slots[slot].state == SLOT_INSTALLED)
        return;
    to->slots[slot].state = SLOT_INSTALLED;
    to->slots[slot].spi = from->slots[slot].spi;
    to->slots[slot].group = 1;
}

/* A record of one member reaches the other, or goes there. */
static void replica(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct node *from = &r->nodes[kind & 1 ? 2 : 0], *to = &r->nodes[kind & 1 ? 0 : 2];
    struct ike_event event = {.type = IKE_EVENT_REPLICA};
    unsigned skip = kind / 4 % 16;
    if (!r->grouped)
        return;
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct node_record *record = &from->records[i];
        if (!record->used || ((kind & 0x80) == 0 && skip-- > 0))
            continue;
        event.replica.kind = record->kind;
        event.replica.key = record->key;
        event.replica.deleted = kind & 2 && kind & 64;
        event.replica.data = event.replica.deleted ? (struct bytes){0} : bytes_of(record->data, record->len);
        event.replica.shift = kind & 32 ? -(int64_t)NS_PER_S : 0;
        if (record->kind == IKE_RECORD_PAIR && !event.replica.deleted)
            pair_before(from, to, (uint32_t)record->key);
        node_step(to, event);
        replicas_follow(to);
        if (!(kind & 0x80))
            return;
    }
}

/* A new life out of its own records: all of them can be read; node_check then says whether the pairs are
 * there. */
static void restart(struct run *r, struct node *n, uint8_t kind)
{
    node_end(n);
    node_begin(n, kind);
    node_configure(n, n->gateway.config.connection_count > 1 ? 1 : 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct node_record *record = &n->records[i];
        if (!record->used)
            continue;
        int error =
            ike_restore(n->ike, record->kind, record->key, bytes_of(record->data, record->len), r->e.now);
        /* What is half open may be of a connection that is no more. */
        assert(error == 0 || record->kind == IKE_RECORD_HALF_OPEN);
    }
    ike_restore_done(n->ike, r->e.now);
}

static void happen(struct run *r)
{
    uint8_t kind = events_u8(&r->e), what = events_u8(&r->e);
    struct node *n = &r->nodes[r->grouped ? what % 3 : what % 2];
    /* Most things happen at once, and time passes in between. */
    if (kind & 32)
        events_pass(&r->e, ike_deadline(n->ike));
    switch (kind % 32) {
    case 0:
    case 1:
        acquire(r, n);
        break;
    case 2:
        pair_happens(r, n);
        break;
    case 3:
        slots_free(n);
        break;
    case 4:
        trouble(r, n);
        break;
    case 5:
        clear(r, n);
        break;
    case 6:
        role(r, what);
        break;
    case 7:
        replica(r);
        break;
    case 8:
        node_configure(n, events_u8(&r->e));
        break;
    case 9:
        restart(r, n, what);
        break;
    case 10:
        raw(r);
        break;
    case 11:
    case 12:
    case 13:
    case 14:
        node_timer(n);
        break;
    case 15:
        job_returns(r, n, true);
        break;
    case 16:
    case 17:
    case 18:
    case 19:
        job_returns(r, &r->nodes[0], false);
        job_returns(r, &r->nodes[1], false);
        break;
    default:
        network(r, what);
        break;
    }
    for (unsigned i = 0; i < NODES; i++)
        node_check(&r->nodes[i]);
}

/* Everything ends: what is told to go goes. */
static void shut_down(struct run *r)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct node *n = &r->nodes[i];
        struct ike_event event = {.type = IKE_EVENT_CLEAR};
        event.clear.scope = IKE_CLEAR_EVERYTHING;
        node_step(n, event);
        node_timer(n);
        node_check(n);
        node_end(n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    memset(&r, 0, sizeof(r));
    r.e = events_of(data, len, 1000 * NS_PER_S);
    uint8_t how = events_u8(&r.e);
    r.grouped = how & 1;
    for (unsigned i = 0; i < NODES; i++) {
        r.nodes[i].run = &r;
        node_begin(&r.nodes[i], 1);
        node_configure(&r.nodes[i], i == 1 ? how & 0xfc : events_u8(&r.e));
    }
    if (r.grouped)
        role(&r, 128);
    while (events_next(&r.e))
        happen(&r);
    shut_down(&r);
    return 0;
}
