/* SPDX-License-Identifier: Apache-2.0 */
/* See farm.h. One thread: key exchanges are computed where they arise, so that a farm takes one core and the
 * gateway under test has the others. */
#include "farm.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/datagram.h"
#include "io/random.h"
#include "io/udp_socket.h"

enum { SOCKETS = 2, BATCH = 32, MARKER = 4, SOCKET_BUFFER = 8 << 20, NETWORK_LENGTH = 24 };

enum spoke_state { SPOKE_DOWN, SPOKE_NEGOTIATES, SPOKE_UP };

struct spoke {
    uint8_t state;  /* enum spoke_state */
    uint16_t pairs; /* two while a rekey overlaps */
    ns began;
};

struct farm {
    struct farm_options options;
    struct ike *ike;
    struct ike_actions actions;
    struct ike_config config;
    struct ike_key key;
    struct ike_transform_set transform_set;
    struct ike_connection *connections;
    struct ike_peer peer;
    struct selector *selectors;
    struct spoke *spokes;
    uint32_t *spoke_of_slot;  /* by slot of the pair */
    struct ike_event *events; /* what actions caused, in order */
    uint32_t event_count, event_capacity, event_next;
    int sockets[SOCKETS]; /* 500, 4500 */
    struct datagram_reader *reader;
    uint32_t next; /* first spoke that may be down */
    uint32_t in_flight;
    ns *latencies; /* of this batch */
    struct farm_result result;
};

static const uint16_t ports[SOCKETS] = {500, 4500};

/* ---- set-up ---- */

static void connection_init(struct farm *f, uint32_t i)
{
    const struct farm_options *o = &f->options;
    struct selector *s = &f->selectors[i];

    *s = (struct selector){.local = {address_v4(o->networks + (i << 8)), NETWORK_LENGTH},
                           .remote = o->gateway_network,
                           .local_port_high = UINT16_MAX,
                           .remote_port_high = UINT16_MAX};
    f->connections[i] = (struct ike_connection){
        .id = i + 1,
        .map_name = "farm",
        .interface_name = "lo",
        .sequence = i + 1,
        .local = address_v4(address_v4_get(&o->first) + i),
        .peers = &f->peer,
        .peer_count = 1,
        .transform_sets = {&f->transform_set},
        .transform_set_count = 1,
        .pfs_group = o->pfs_group,
        .lifetime_seconds = 3600,
        .lifetime_kilobytes = 4608000,
        .replay_size = 64,
        .selectors = s,
        .selector_count = 1,
    };
}

static void config_init(struct farm *f)
{
    const struct farm_options *o = &f->options;

    f->peer = (struct ike_peer){.address = o->gateway};
    f->key = (struct ike_key){.peer = {o->gateway, address_bits(&o->gateway)},
                              .key = bytes_of(o->key, strlen(o->key))};
    f->transform_set = (struct ike_transform_set){.name = "farm", .has_esp = true, .esp = o->esp};
    for (uint32_t i = 0; i < o->count; i++)
        connection_init(f, i);
    f->config = (struct ike_config){
        .policies = &f->options.policy,
        .policy_count = 1,
        .keys = &f->key,
        .key_count = 1,
        .connections = f->connections,
        .connection_count = o->count,
        .identity = IKE_IDENTITY_ADDRESS,
        .hostname = "farm",
        .dpd_mode = o->dpd_seconds ? IKE_DPD_PERIODIC : IKE_DPD_OFF,
        .dpd_seconds = o->dpd_seconds,
        .dpd_retry_seconds = 2,
        .dpd_misses = 5,
    };
}

static int sockets_open(struct farm *f)
{
    for (int i = 0; i < SOCKETS; i++) {
        const struct udp_options o = {
            .family = ADDRESS_V4, .port = ports[i], .fragment = true, .buffer_bytes = SOCKET_BUFFER};
        f->sockets[i] = udp_open(&o);
        if (f->sockets[i] < 0)
            return f->sockets[i];
    }
    return 0;
}

static int farm_init(struct farm *f)
{
    const struct farm_options *o = &f->options;
    /* Twice the tunnels: a rekey overlaps. */
    const struct ike_limits limits = {.sa_max = 2 * o->count + 64, .pair_max = 2 * o->count + 64};
    uint8_t seed[32];

    for (int i = 0; i < SOCKETS; i++)
        f->sockets[i] = -1;
    f->connections = calloc(o->count, sizeof *f->connections);
    f->selectors = calloc(o->count, sizeof *f->selectors);
    f->spokes = calloc(o->count, sizeof *f->spokes);
    f->latencies = calloc(o->count, sizeof *f->latencies);
    f->spoke_of_slot = calloc(limits.pair_max, sizeof *f->spoke_of_slot);
    f->reader = datagram_reader_new(BATCH, IKE_DATAGRAM_MAX + MARKER, 0, 0);
    if (!f->connections || !f->selectors || !f->spokes || !f->latencies || !f->spoke_of_slot || !f->reader)
        return -ENOMEM;
    int error = random_fill(seed, sizeof seed);
    if (!error)
        error = sockets_open(f);
    if (error)
        return error;
    f->ike = ike_new(&limits, seed);
    wipe(seed, sizeof seed);
    if (!f->ike)
        return -ENOMEM;
    config_init(f);
    ike_configure(f->ike, &f->config, clock_now());
    return 0;
}

struct farm *farm_new(const struct farm_options *options)
{
    struct farm *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->options = *options;
    int error = farm_init(f);
    if (error) {
        fprintf(stderr, "farm: %s\n", strerror(-error));
        farm_free(f);
        return NULL;
    }
    return f;
}

void farm_free(struct farm *f)
{
    if (f->ike) {
        ike_actions_done(&f->actions);
        ike_free(f->ike);
    }
    for (int i = 0; i < SOCKETS; i++)
        if (f->sockets[i] >= 0)
            close(f->sockets[i]);
    if (f->reader)
        datagram_reader_free(f->reader);
    free(f->connections);
    free(f->selectors);
    free(f->spokes);
    free(f->latencies);
    free(f->spoke_of_slot);
    free(f->events);
    free(f);
}

/* ---- actions ---- */

static void event_put(struct farm *f, const struct ike_event *e)
{
    if (f->event_count == f->event_capacity) {
        uint32_t capacity = f->event_capacity ? 2 * f->event_capacity : 64;
        struct ike_event *grown = realloc(f->events, capacity * sizeof *grown);
        if (!grown)
            return; /* like an event that was lost on its way */
        f->events = grown;
        f->event_capacity = capacity;
    }
    f->events[f->event_count++] = *e;
}

static void act_send(struct farm *f, const struct ike_action *a)
{
    static uint8_t marked[MARKER + IKE_DATAGRAM_MAX]; /* begins with the non-ESP marker */
    struct bytes data = a->send.data;

    if (a->send.nat_port && !a->send.keepalive) {
        assert(data.len <= IKE_DATAGRAM_MAX);
        memcpy(marked + MARKER, data.data, data.len);
        data = bytes_of(marked, MARKER + data.len);
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
}

static void act_remove(struct farm *f, const struct ike_action *a)
{
    uint32_t i = f->spoke_of_slot[a->pair.slot];
    struct spoke *s = &f->spokes[i];
    const struct ike_event e = {.type = IKE_EVENT_SLOT_FREE,
                                .pair = {.slot = a->pair.slot, .spi_in = a->pair.spi_in}};

    event_put(f, &e);
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

    if (f->spokes[i].state != SPOKE_NEGOTIATES)
        return;
    f->spokes[i].state = SPOKE_DOWN;
    f->in_flight--;
    f->result.failures++;
    f->next = MIN(f->next, i);
}

static void action_run(struct farm *f, const struct ike_action *a)
{
    struct ike_event e = {0};

    switch (a->type) {
    case IKE_ACTION_SEND:
        act_send(f, a);
        break;
    case IKE_ACTION_START_JOB:
        ike_job_run(a->job);
        e = (struct ike_event){.type = IKE_EVENT_JOB, .job = a->job};
        event_put(f, &e);
        break;
    case IKE_ACTION_INSTALL_PAIR:
        act_install(f, &a->install);
        break;
    case IKE_ACTION_REMOVE_PAIR:
        act_remove(f, a);
        break;
    case IKE_ACTION_ACQUIRE_FAILED:
        act_failed(f, a);
        break;
    case IKE_ACTION_QUERY_TRAFFIC: /* there never was any */
        e = (struct ike_event){.type = IKE_EVENT_TRAFFIC, .traffic = {.sa = a->query.sa}};
        event_put(f, &e);
        break;
    case IKE_ACTION_LOG:
        if (f->options.verbose)
            fprintf(stderr, "%%CRYPTO-%u-%s: %s\n", a->log.severity, a->log.mnemonic, a->log.text);
        break;
    default: /* records and the packet path are not here */
        break;
    }
}

static void step(struct farm *f, const struct ike_event *event)
{
    struct ike_event e = *event;

    for (;;) {
        e.now = clock_now();
        ike_step(f->ike, &e, &f->actions);
        for (unsigned i = 0; i < f->actions.count; i++)
            action_run(f, &f->actions.list[i]);
        ike_actions_done(&f->actions);
        if (f->event_next == f->event_count)
            break;
        e = f->events[f->event_next++];
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
    step(f, &e);
}

static void spokes_begin(struct farm *f)
{
    /* A failure moves `next` back, perhaps at once: so many a turn, lest it goes round in circles. */
    for (uint32_t n = 0; n < f->options.in_flight; n++) {
        if (f->next >= f->result.wanted || f->in_flight >= f->options.in_flight)
            break;
        uint32_t i = f->next++;
        if (f->spokes[i].state == SPOKE_DOWN)
            spoke_begin(f, i);
    }
}

void farm_want(struct farm *f, uint32_t tunnels)
{
    struct farm_result *r = &f->result;
    uint32_t before = r->wanted;

    r->wanted = MIN(tunnels, f->options.count);
    r->began = clock_now();
    r->ended = 0;
    r->completed = r->failures = 0;
    for (uint32_t i = r->wanted; i < before; i++) {
        const struct ike_event e = {.type = IKE_EVENT_CLEAR,
                                    .clear = {.scope = IKE_CLEAR_CONNECTION, .number = i + 1}};
        step(f, &e);
    }
    f->next = MIN(f->next, r->wanted);
}

bool farm_settled(const struct farm *f)
{
    return f->result.up == f->result.wanted;
}

static int latency_order(const void *a, const void *b)
{
    ns x = *(const ns *)a, y = *(const ns *)b;

    return (x > y) - (x < y);
}

void farm_result(const struct farm *f, struct farm_result *ret)
{
    uint32_t n = f->result.completed;

    *ret = f->result;
    if (n) {
        qsort(f->latencies, n, sizeof *f->latencies, latency_order);
        ret->latency_median = f->latencies[n / 2];
        ret->latency_p99 = f->latencies[(uint64_t)n * 99 / 100];
    }
    ike_statistics(f->ike, &ret->ike);
}

/* ---- the loop ---- */

static void socket_read(struct farm *f, int which)
{
    static const uint8_t marker[MARKER];
    struct datagram datagrams[BATCH];
    int n = datagram_receive(f->reader, f->sockets[which], BATCH, datagrams);

    for (int i = 0; i < n; i++) {
        const struct datagram *d = &datagrams[i];
        struct ike_event e = {.type = IKE_EVENT_DATAGRAM,
                              .datagram = {.local = {d->local.address, ports[which]},
                                           .remote = d->remote,
                                           .data = bytes_of(d->data, d->len),
                                           .nat_port = which == 1}};
        if (d->truncated)
            continue;
        if (which == 1) {
            if (d->len <= MARKER || memcmp(d->data, marker, MARKER) != 0)
                continue; /* ESP, or a NAT keepalive */
            e.datagram.data = bytes_of(d->data + MARKER, d->len - MARKER);
        }
        step(f, &e);
    }
}

bool farm_turn(struct farm *f, ns patience, int extra)
{
    struct pollfd ready[SOCKETS + 1] = {{.fd = f->sockets[0], .events = POLLIN},
                                        {.fd = f->sockets[1], .events = POLLIN},
                                        {.fd = extra, .events = POLLIN}};

    spokes_begin(f);
    ns now = clock_now(), wait = ns_min(patience, ns_since(ike_deadline(f->ike), now));
    if (poll(ready, SOCKETS + 1, (int)((wait + NS_PER_MS - 1) / NS_PER_MS)) < 0)
        return false;
    for (int i = 0; i < SOCKETS; i++)
        if (ready[i].revents)
            socket_read(f, i);
    if (ike_deadline(f->ike) <= clock_now()) {
        const struct ike_event e = {.type = IKE_EVENT_TIMER};
        step(f, &e);
    }
    if (farm_settled(f) && !f->result.ended)
        f->result.ended = clock_now();
    return ready[SOCKETS].revents != 0;
}
