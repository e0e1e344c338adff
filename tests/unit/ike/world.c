/* SPDX-License-Identifier: Apache-2.0 */
/* The world of world.h. Everything that the contract of ike.h demands of a shell is checked here: a record
 * precedes the installation that depends on it, slots are freed after they are removed, jobs come back. */
#include "world.h"

#include "crypto/crypto.h"
#include "wire/isakmp.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct prefix prefix_of(const char *text)
{
    char copy[64];
    struct prefix p = {0};
    snprintf(copy, sizeof(copy), "%s", text);
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    assert_true(address_parse(copy, &p.address));
    p.length = slash ? (uint8_t)atoi(slash + 1) : address_bits(&p.address);
    return p;
}

struct selector selector_of(const char *local, const char *remote)
{
    return (struct selector){.local = prefix_of(local),
                             .remote = prefix_of(remote),
                             .local_port_high = UINT16_MAX,
                             .remote_port_high = UINT16_MAX};
}

struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    assert_int_equal(crypto_init(), 0);
    w->now = 1000 * NS_PER_S;
    w->delay = 10 * NS_PER_MS;
    return w;
}

void world_free(struct world *w)
{
    for (unsigned i = 0; i < w->node_count; i++) {
        assert_int_equal(w->nodes[i].record_order_errors, 0);
        ike_free(w->nodes[i].ike);
    }
    for (unsigned i = 0; i < w->queued; i++)
        free(w->queue[i]);
    for (unsigned i = 0; i < w->history_count; i++)
        free(w->history[i]);
    free(w);
}

struct node *world_node(struct world *w, const char *name, const char *address)
{
    struct node *n = &w->nodes[w->node_count++];
    n->world = w;
    n->name = name;
    assert_true(address_parse(address, &n->address));
    n->policies[0] = (struct ike_policy){.priority = 10,
                                         .encryption = CBC_AES,
                                         .key_bits = 128,
                                         .hash = HASH_SHA1,
                                         .group = DH_CURVE25519,
                                         .authentication = IKE_AUTH_PRESHARED,
                                         .lifetime_seconds = 86400};
    n->keys[0] = (struct ike_key){.peer = prefix_of("0.0.0.0/0"), .key = bytes_of("cisco", 5)};
    n->sets[0] = (struct ike_transform_set){
        .name = "SET", .has_esp = true, .esp = {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96}};
    n->config = (struct ike_config){.policies = n->policies,
                                    .policy_count = 1,
                                    .keys = n->keys,
                                    .key_count = 1,
                                    .connections = n->connections,
                                    .dpd_misses = 3,
                                    .nat_keepalive_seconds = 20,
                                    .fragmentation = true};
    return n;
}

void node_peer(struct node *n, unsigned index, const char *peer)
{
    struct ike_connection *c = &n->connections[index];
    assert_true(address_parse(peer, &n->peers[index][c->peer_count].address));
    c->peer_count++;
}

void node_connect(struct node *n, unsigned index, const char *peer, const char *local, const char *remote)
{
    struct ike_connection *c = &n->connections[index];
    n->selectors[index][0] = selector_of(local, remote);
    *c = (struct ike_connection){.id = index + 1,
                                 .map_name = "MAP",
                                 .interface_name = "Fa0/0",
                                 .sequence = 10 * (index + 1),
                                 .local = n->address,
                                 .peers = n->peers[index],
                                 .transform_sets = {&n->sets[0]},
                                 .transform_set_count = 1,
                                 .lifetime_seconds = 3600,
                                 .lifetime_kilobytes = 4608000,
                                 .replay_size = 64,
                                 .selectors = n->selectors[index],
                                 .selector_count = 1};
    node_peer(n, index, peer);
    n->config.connection_count = MAX(n->config.connection_count, index + 1);
}

void node_configure(struct node *n)
{
    ike_configure(n->ike, &n->config, node_now(n));
}

ns node_now(const struct node *n)
{
    return n->world->now + n->clock;
}

void node_group(struct node *n, unsigned member)
{
    n->config.groups[1] = (struct ike_group){.used = true, .local = {n->address}};
    n->config.member = (uint8_t)member;
    n->config.members = 2;
    for (unsigned i = 0; i < n->config.connection_count; i++)
        n->connections[i].group = 1;
}

void node_role(struct node *n, bool active, bool forget)
{
    struct ike_event e = {.type = IKE_EVENT_ROLE, .role = {.group = 1, .active = active, .forget = forget}};
    node_event(n, &e);
}

static void machine_new(struct node *n)
{
    static uint8_t count;
    uint8_t seed[32] = {(uint8_t)n->name[0], ++count};
    struct ike_limits limits = {.sa_max = 20000, .pair_max = PAIRS_MAX};
    n->ike = ike_new(&limits, seed);
    assert_non_null(n->ike);
    node_configure(n);
    ike_debug(n->ike, getenv("IKE_WORLD_LOG") != NULL, false);
}

void node_start(struct node *n)
{
    machine_new(n);
}

void node_restart(struct node *n, bool restore)
{
    ike_free(n->ike);
    machine_new(n);
    for (unsigned i = RECORDS_MAX; i-- > 0;) { /* any order will do */
        struct world_record *r = &n->records[i];
        if (r->used && restore)
            assert_int_equal(ike_restore(n->ike, r->kind, r->key, bytes_of(r->data, r->len), node_now(n)), 0);
        if (!restore)
            r->used = false;
    }
    if (restore)
        ike_restore_done(n->ike, node_now(n));
    else
        memset(n->pairs, 0, sizeof(n->pairs));
}

struct world *world_pair_new(struct node **a, struct node **b)
{
    struct world *w = world_new();
    *a = world_node(w, "A", "192.0.2.1");
    *b = world_node(w, "B", "192.0.2.2");
    node_connect(*a, 0, "192.0.2.2", "10.0.0.0/24", "10.0.1.0/24");
    node_connect(*b, 0, "192.0.2.1", "10.0.1.0/24", "10.0.0.0/24");
    return w;
}

/* ---- the shell ---- */

static struct world_record *record_slot(struct node *n, uint8_t kind, uint64_t key)
{
    struct world_record *free_one = NULL;
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        struct world_record *r = &n->records[i];
        if (r->used && r->kind == kind && r->key == key)
            return r;
        if (!r->used && !free_one)
            free_one = r;
    }
    assert_non_null(free_one);
    return free_one;
}

static bool record_exists(struct node *n, uint8_t kind, uint64_t key)
{
    return record_slot(n, kind, key)->used;
}

/* ---- replicate before you speak ---- */

static void hear(struct node *n, const uint8_t *data, size_t len)
{
    struct isakmp_header h;
    if (isakmp_header_parse(bytes_of(data, len), &h) != ISAKMP_OK || !(h.flags & ISAKMP_FLAG_ENCRYPTION))
        return;
    unsigned place = n->heard_count++ % HEARD_MAX;
    memcpy(n->heard[place].cookie, h.initiator_cookie, 8);
    n->heard[place].message_id = h.message_id;
}

/* An answer, the last message of an exchange included, must be in a record that went before; where another
 * member stands by, every message of phase 1. */
static void check_answer(struct node *n, struct bytes data)
{
    struct isakmp_header h;
    if (isakmp_header_parse(data, &h) != ISAKMP_OK || h.exchange == ISAKMP_EXCHANGE_INFORMATIONAL ||
        h.next_payload == ISAKMP_PAYLOAD_FRAGMENT)
        return;
    bool wanted = n->standby && h.message_id == 0;
    for (unsigned i = 0; i < MIN(n->heard_count, (unsigned)HEARD_MAX); i++)
        wanted = wanted || (h.flags & ISAKMP_FLAG_ENCRYPTION &&
                            memcmp(n->heard[i].cookie, h.initiator_cookie, 8) == 0 &&
                            n->heard[i].message_id == h.message_id);
    for (unsigned i = 0; i < RECORDS_MAX && wanted; i++)
        if (n->records[i].used &&
            (n->records[i].kind == IKE_RECORD_SA || n->records[i].kind == IKE_RECORD_HALF_OPEN) &&
            memmem(n->records[i].data, n->records[i].len, data.data, data.len))
            return;
    n->record_order_errors += wanted;
}

static bool recorded_before(const struct ike_actions *actions, unsigned at, enum ike_action_type how,
                            uint32_t slot)
{
    for (unsigned i = 0; i < at; i++)
        if (actions->list[i].type == how && actions->list[i].record.kind == IKE_RECORD_PAIR &&
            actions->list[i].record.key == slot)
            return true;
    return false;
}

static void check_order(struct node *n, const struct ike_actions *actions, unsigned at)
{
    const struct ike_action *a = &actions->list[at];
    switch (a->type) {
    case IKE_ACTION_INSTALL_PAIR:
        n->record_order_errors += !recorded_before(actions, at, IKE_ACTION_RECORD, a->install.slot);
        break;
    case IKE_ACTION_CONFIRM_PAIR:
    case IKE_ACTION_SUPERSEDE_PAIR:
    case IKE_ACTION_MOVE_PAIR:
        n->record_order_errors += !recorded_before(actions, at, IKE_ACTION_RECORD, a->pair.slot);
        break;
    case IKE_ACTION_REMOVE_PAIR:
        n->record_order_errors += !recorded_before(actions, at, IKE_ACTION_FORGET, a->pair.slot);
        break;
    default:
        break;
    }
}

/* ---- the other member ---- */

void node_replica(struct node *n, const struct node *from, const struct world_record *r, bool deleted)
{
    struct ike_event e = {
        .type = IKE_EVENT_REPLICA,
        .replica = {
            .kind = r->kind, .key = r->key, .shift = (int64_t)(n->clock - from->clock), .deleted = deleted}};
    if (!deleted)
        e.replica.data = bytes_of(r->data, r->len);
    node_event(n, &e);
}

static void pair_install(struct node *n, const struct ike_pair_install *in, bool ahead);
static void slot_free(struct node *n, uint32_t slot);

/* The record of an installed pair, as the shells of two members exchange it. */
static void install_replicate(struct node *n, const struct ike_pair_install *in)
{
    uint8_t record[IKE_INSTALL_MAX];
    struct ike_pair_install there;
    size_t len = pair_install_write(in, record, sizeof(record));
    assert_int_not_equal(len, 0);
    assert_int_equal(
        pair_install_parse(bytes_of(record, len), (int64_t)(n->standby->clock - n->clock), &there), 0);
    pair_install(n->standby, &there, true);
}

/* A pair that IKE knows and the packet path does not would be a hole in the tunnel: so what the packet path
 * needs is sent with the record of a new pair, before it. */
static void install_ahead(struct node *n, const struct ike_actions *actions, unsigned at)
{
    const struct ike_action *a = &actions->list[at];
    for (unsigned i = at; i < actions->count && a->record.kind == IKE_RECORD_PAIR; i++)
        if (actions->list[i].type == IKE_ACTION_INSTALL_PAIR &&
            actions->list[i].install.slot == a->record.key)
            install_replicate(n, &actions->list[i].install);
}

static void replicate(struct node *n, const struct ike_actions *actions, unsigned at)
{
    const struct ike_action *a = &actions->list[at];
    struct world_record r = {.used = true};
    switch (a->type) {
    case IKE_ACTION_RECORD:
    case IKE_ACTION_FORGET:
        if (a->replica)
            break;
        assert_int_equal(a->group, 1);
        if (a->type == IKE_ACTION_RECORD)
            install_ahead(n, actions, at);
        r.kind = a->record.kind;
        r.key = a->record.key;
        r.len = a->record.data.len;
        if (r.len)
            memcpy(r.data, a->record.data.data, r.len);
        node_replica(n->standby, n, &r, a->type == IKE_ACTION_FORGET);
        break;
    case IKE_ACTION_INSTALL_PAIR:
        assert_int_equal(a->group, 1);
        break;
    case IKE_ACTION_REMOVE_PAIR:
        n->standby->pairs[a->pair.slot].used = false;
        slot_free(n->standby, a->pair.slot);
        break;
    default:
        break;
    }
}

static void packet_send(struct node *n, const struct ike_action *a)
{
    struct world *w = n->world;
    struct packet *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    assert_true(a->send.data.len <= sizeof(p->data) && a->send.data.len > 0);
    n->sent++;
    p->at = w->now + w->delay;
    p->order = w->order++;
    p->local = a->send.local;
    p->remote = a->send.remote;
    p->nat_port = a->send.nat_port;
    p->len = a->send.data.len;
    memcpy(p->data, a->send.data.data, p->len);
    if (!a->send.keepalive)
        check_answer(n, a->send.data);
    assert_true(a->send.nat_port == (a->send.local.port == 4500));
    if (n->behind_nat) {
        p->local.address = n->nat_address;
        p->local.port = (uint16_t)(n->nat_port_base + p->local.port);
    }
    if (w->keep_history && w->history_count < QUEUE_MAX) {
        struct packet *copy = malloc(sizeof(*copy));
        memcpy(copy, p, sizeof(*copy));
        w->history[w->history_count++] = copy;
    }
    if (a->send.keepalive || n->down || (w->filter && !w->filter(w, n, p, w->context))) {
        free(p);
        return;
    }
    assert_true(w->queued < QUEUE_MAX);
    w->queue[w->queued++] = p;
}

static void pair_install(struct node *n, const struct ike_pair_install *in, bool ahead)
{
    assert_true(in->slot < PAIRS_MAX);
    struct world_pair *p = &n->pairs[in->slot];
    assert_false(p->used);
    if (!ahead && !record_exists(n, IKE_RECORD_PAIR, in->slot))
        n->record_order_errors++;
    *p = (struct world_pair){.used = true, .confirmed = in->confirmed, .install = *in};
    struct bytes keys[] = {in->encryption_key_out, in->integrity_key_out, in->encryption_key_in,
                           in->integrity_key_in};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(keys[i].len, i % 2 ? packet_integrity_key_len(&in->algorithms)
                                            : packet_encryption_key_len(&in->algorithms));
        if (keys[i].len)
            memcpy(p->keys[i], keys[i].data, keys[i].len);
    }
    n->installs++;
}

static void slot_free(struct node *n, uint32_t slot)
{
    struct ike_event e = {.type = IKE_EVENT_SLOT_FREE, .pair = {.slot = slot}};
    node_event(n, &e);
}

static void traffic_answer(struct node *n, uint64_t sa, const uint32_t *slots, uint32_t count)
{
    struct ike_event e = {.type = IKE_EVENT_TRAFFIC, .traffic = {.sa = sa}};
    e.traffic.last_in = n->traffic_in;
    e.traffic.last_out = n->traffic_out;
    for (uint32_t i = 0; i < count; i++) {
        e.traffic.last_in = MAX(e.traffic.last_in, n->pairs[slots[i]].last_in);
        e.traffic.last_out = MAX(e.traffic.last_out, n->pairs[slots[i]].last_out);
    }
    node_event(n, &e);
}

static void action_do(struct node *n, const struct ike_action *a)
{
    struct world_record *r;
    struct world_pair *p;
    switch (a->type) {
    case IKE_ACTION_SEND:
        packet_send(n, a);
        break;
    case IKE_ACTION_INSTALL_PAIR:
        pair_install(n, &a->install, false);
        break;
    case IKE_ACTION_CONFIRM_PAIR:
    case IKE_ACTION_SUPERSEDE_PAIR:
    case IKE_ACTION_MOVE_PAIR:
        p = &n->pairs[a->pair.slot];
        if (a->replica && !p->used)
            break;
        assert_true(p->used && p->install.spi_in == a->pair.spi_in);
        p->confirmed = p->confirmed || a->type == IKE_ACTION_CONFIRM_PAIR;
        if (a->type != IKE_ACTION_MOVE_PAIR)
            p->superseded = a->type == IKE_ACTION_SUPERSEDE_PAIR;
        if (a->type == IKE_ACTION_MOVE_PAIR)
            p->install.remote = a->pair.remote;
        break;
    case IKE_ACTION_REMOVE_PAIR:
        p = &n->pairs[a->pair.slot];
        assert_true(p->used && p->install.spi_in == a->pair.spi_in);
        p->used = false;
        n->removes++;
        break;
    case IKE_ACTION_ACQUIRE_FAILED:
        n->acquire_failed++;
        break;
    case IKE_ACTION_RECORD:
        r = record_slot(n, a->record.kind, a->record.key);
        assert_true(a->record.data.len > 0 && a->record.data.len <= sizeof(r->data));
        r->used = true;
        r->kind = a->record.kind;
        r->key = a->record.key;
        r->len = a->record.data.len;
        memcpy(r->data, a->record.data.data, r->len);
        break;
    case IKE_ACTION_FORGET:
        record_slot(n, a->record.kind, a->record.key)->used = false;
        break;
    case IKE_ACTION_LOG:
        if (n->log_count < LOG_LINES)
            snprintf(n->logs[n->log_count++], sizeof(n->logs[0]), "%s: %s", a->log.mnemonic, a->log.text);
        if (getenv("IKE_WORLD_LOG"))
            fprintf(stderr, "%8.3f %s %s: %s\n", (double)n->world->now / 1e9 - 1000, n->name, a->log.mnemonic,
                    a->log.text);
        break;
    case IKE_ACTION_DEBUG:
        if (getenv("IKE_WORLD_LOG"))
            fprintf(stderr, "%8.3f %s %s\n", (double)n->world->now / 1e9 - 1000, n->name, a->log.text);
        break;
    default:
        break;
    }
}

/* Actions first, then what they bring back, as a shell would. */
void node_event(struct node *n, struct ike_event *e)
{
    struct ike_job *jobs[IKE_ACTIONS_MAX];
    uint32_t freed[IKE_ACTIONS_MAX];
    struct {
        uint64_t sa;
        uint32_t slots[64], count;
    } queries[8];
    unsigned job_count = 0, freed_count = 0, query_count = 0;
    struct ike_actions *actions = malloc(sizeof(*actions));
    assert_non_null(actions);
    e->now = node_now(n);
    ike_step(n->ike, e, actions);
    assert_true(actions->count <= IKE_ACTIONS_MAX && actions->used <= IKE_ARENA_SIZE);
    for (unsigned i = 0; i < actions->count; i++) {
        const struct ike_action *a = &actions->list[i];
        if (n->killable && !n->down && ++n->world->actions_done == n->world->kill_at)
            n->down = true;
        if (n->down) {
            if (a->type == IKE_ACTION_START_JOB)
                ike_job_free(a->job);
            continue;
        }
        if (!a->replica)
            check_order(n, actions, i);
        if (n->standby)
            replicate(n, actions, i);
        action_do(n, a);
        if (a->type == IKE_ACTION_START_JOB)
            jobs[job_count++] = a->job;
        if (a->type == IKE_ACTION_REMOVE_PAIR)
            freed[freed_count++] = a->pair.slot;
        if (a->type == IKE_ACTION_QUERY_TRAFFIC && query_count < 8) {
            queries[query_count].sa = a->query.sa;
            queries[query_count].count = a->query.slot_count;
            memcpy(queries[query_count++].slots, a->query.slots, a->query.slot_count * sizeof(uint32_t));
        }
    }
    ike_actions_done(actions);
    free(actions);
    for (unsigned i = 0; i < job_count; i++) {
        struct ike_event back = {.type = IKE_EVENT_JOB, .job = jobs[i]};
        ike_job_run(jobs[i]);
        node_event(n, &back);
    }
    for (unsigned i = 0; i < freed_count; i++)
        slot_free(n, freed[i]);
    for (unsigned i = 0; i < query_count; i++)
        traffic_answer(n, queries[i].sa, queries[i].slots, queries[i].count);
}

void node_acquire(struct node *n, unsigned connection)
{
    struct ike_event e = {.type = IKE_EVENT_ACQUIRE,
                          .acquire = {.connection = connection + 1, .selector = n->selectors[connection][0]}};
    node_event(n, &e);
}

static void inject_at(struct node *n, struct endpoint from, struct endpoint local, const void *data,
                      size_t len)
{
    struct ike_event e = {
        .type = IKE_EVENT_DATAGRAM,
        .datagram = {
            .local = local, .remote = from, .data = bytes_of(data, len), .nat_port = local.port == 4500}};
    n->received++;
    hear(n, data, len);
    node_event(n, &e);
}

void node_inject(struct node *n, struct endpoint from, uint16_t local_port, const void *data, size_t len)
{
    inject_at(n, from, (struct endpoint){n->address, local_port}, data, len);
}

static void packet_deliver(struct world *w, struct packet *p)
{
    for (unsigned i = 0; i < w->node_count; i++) {
        struct node *n = &w->nodes[i];
        uint16_t port = p->remote.port;
        bool to_it = address_equal(&n->address, &p->remote.address) && !n->behind_nat;
        if (n->behind_nat && address_equal(&n->nat_address, &p->remote.address)) {
            to_it = true;
            port = (uint16_t)(port - n->nat_port_base);
        }
        if (to_it && !n->down && n->ike)
            node_inject(n, p->local, port, p->data, p->len);
        else if (address_equal(&n->second_address, &p->remote.address) && !n->down && n->ike)
            inject_at(n, p->local, p->remote, p->data, p->len);
    }
}

static struct packet *packet_next(struct world *w, ns until)
{
    unsigned best = QUEUE_MAX;
    for (unsigned i = 0; i < w->queued; i++)
        if (w->queue[i]->at <= until &&
            (best == QUEUE_MAX || w->queue[i]->at < w->queue[best]->at ||
             (w->queue[i]->at == w->queue[best]->at && w->queue[i]->order < w->queue[best]->order)))
            best = i;
    if (best == QUEUE_MAX)
        return NULL;
    struct packet *p = w->queue[best];
    w->queue[best] = w->queue[--w->queued];
    return p;
}

void world_run(struct world *w, ns duration)
{
    ns end = w->now + duration;
    unsigned idle_steps = 0;
    for (;;) {
        ns at = end;
        struct node *due = NULL;
        for (unsigned i = 0; i < w->node_count; i++) {
            ns d = w->nodes[i].ike && !w->nodes[i].down ? ike_deadline(w->nodes[i].ike) : NS_NEVER;
            d = d == NS_NEVER ? d : ns_since(d, w->nodes[i].clock);
            if (d <= at) {
                at = d;
                due = &w->nodes[i];
            }
        }
        struct packet *p = packet_next(w, at);
        if (p) {
            w->now = MAX(w->now, p->at);
            packet_deliver(w, p);
            free(p);
        } else if (due) {
            assert_true(++idle_steps < 200000); /* deadlines must make progress */
            w->now = MAX(w->now, at);
            struct ike_event e = {.type = IKE_EVENT_TIMER};
            node_event(due, &e);
        } else {
            w->now = end;
            return;
        }
    }
}

/* ---- looking ---- */

unsigned node_pairs(const struct node *n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < PAIRS_MAX; i++)
        count += n->pairs[i].used;
    return count;
}

unsigned node_usable(const struct node *n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < PAIRS_MAX; i++)
        count += n->pairs[i].used && n->pairs[i].confirmed && !n->pairs[i].superseded;
    return count;
}

struct world_pair *node_newest(struct node *n)
{
    struct world_pair *best = NULL;
    for (unsigned i = 0; i < PAIRS_MAX; i++) {
        struct world_pair *p = &n->pairs[i];
        if (p->used && p->confirmed && !p->superseded && p->install.protocol == 50 &&
            (!best || p->install.number > best->install.number))
            best = p;
    }
    return best;
}

bool node_logged(const struct node *n, const char *text)
{
    for (unsigned i = 0; i < n->log_count; i++)
        if (strstr(n->logs[i], text))
            return true;
    return false;
}

struct ike_statistics node_statistics(const struct node *n)
{
    struct ike_statistics s;
    ike_statistics(n->ike, &s);
    return s;
}

static void count_idle(void *context, const struct ike_sa_view *v)
{
    *(unsigned *)context += v->state == IKE_QM_IDLE;
}

unsigned node_sas(const struct node *n)
{
    unsigned count = 0;
    ike_each_sa(n->ike, count_idle, &count);
    return count;
}

bool nodes_match(struct node *a, struct node *b)
{
    struct world_pair *p = node_newest(a), *q = NULL;
    struct selector mirror;
    if (!p)
        return false;
    for (unsigned i = 0; i < PAIRS_MAX; i++)
        if (b->pairs[i].used && b->pairs[i].install.spi_in == p->install.spi_out)
            q = &b->pairs[i];
    if (!q || q->install.spi_out != p->install.spi_in || q->install.protocol != p->install.protocol)
        return false;
    selector_mirror(&q->install.selector, &mirror);
    return selector_equal(&mirror, &p->install.selector) &&
           memcmp(p->keys[0], q->keys[2], PACKET_KEY_MAX) == 0 &&
           memcmp(p->keys[2], q->keys[0], PACKET_KEY_MAX) == 0 &&
           memcmp(p->keys[1], q->keys[3], PACKET_INTEGRITY_KEY_MAX) == 0 &&
           memcmp(p->keys[3], q->keys[1], PACKET_INTEGRITY_KEY_MAX) == 0 &&
           packet_algorithms_equal(&p->install.algorithms, &q->install.algorithms) &&
           p->install.tunnel == q->install.tunnel && p->install.udp == q->install.udp;
}
