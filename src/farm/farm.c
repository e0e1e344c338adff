/* SPDX-License-Identifier: Apache-2.0 */
/* See farm.h: set-up, the loop, what is told. The IKE machine's side is in spokes.c, the packets in plane.c,
 * the traffic in traffic.c. One thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/spi.h"
#include "farm/farm_internal.h"
#include "io/clock.h"
#include "io/netlink.h"
#include "io/random.h"
#include "io/udp_socket.h"

enum { SOCKET_BUFFER = 8 << 20, TABLE_LOCAL = 255, RECEIVE_TURNS = 4 };

static const uint16_t ports[FARM_SOCKETS] = {500, 4500};

/* ---- set-up ---- */

static void connection_init(struct farm *f, uint32_t i)
{
    const struct farm_options *o = &f->options;
    struct selector *s = &f->selectors[i];

    *s = (struct selector){
        .local = {address_v4(o->networks + (i << (32 - o->network_length))), o->network_length},
        .remote = o->gateway_network,
        .local_port_high = UINT16_MAX,
        .remote_port_high = UINT16_MAX};
    f->connections[i] = (struct ike_connection){
        .id = i + 1,
        .map_name = "farm",
        .interface_name = "lo",
        .sequence = i + 1,
        .local = address_v4(address_v4_get(&o->first) + i),
        .peers = f->peers,
        .peer_count = o->gateway_count,
        .transform_sets = {&f->transform_set},
        .transform_set_count = 1,
        .pfs_group = o->pfs_group,
        .lifetime_seconds = o->lifetime_seconds,
        .lifetime_kilobytes = 4608000,
        .replay_size = 64,
        .selectors = s,
        .selector_count = 1,
    };
}

static void config_init(struct farm *f)
{
    const struct farm_options *o = &f->options;
    uint32_t half_open = 2 * o->count + 64;

    for (uint32_t i = 0; i < o->gateway_count; i++)
        f->peers[i] = (struct ike_peer){.address = o->gateways[i]};
    f->key = (struct ike_key){.peer = {address_v4(0), 0}, .key = bytes_of(o->key, strlen(o->key))};
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
        .dpd_retry_seconds = o->dpd_retry_seconds,
        .dpd_misses = o->dpd_misses,
        .invalid_spi_recovery = true,
        /* Limits of one gateway that thousands of spokes do not share: the one peer is everybody's. */
        .half_open_max = half_open,
        .half_open_per_address_max = half_open,
    };
}

static int sockets_open(struct farm *f)
{
    for (int i = 0; i < FARM_SOCKETS; i++) {
        const struct udp_options o = {
            .family = ADDRESS_V4, .port = ports[i], .fragment = true, .buffer_bytes = SOCKET_BUFFER};
        f->sockets[i] = udp_open(&o);
        if (f->sockets[i] < 0)
            return f->sockets[i];
    }
    return 0;
}

/* The smallest prefix that covers all outer addresses, as an own one of this node. */
static int addresses_make_local(const struct farm_options *o)
{
    uint32_t first = address_v4_get(&o->first), last = first + o->count - 1;
    struct netlink_route r = {
        .destination = {o->first, 32}, .table = TABLE_LOCAL, .type = NETLINK_ROUTE_LOCAL};
    struct netlink_link lo;
    struct netlink *n;

    while ((first ^ last) & prefix_mask_of_length(r.destination.length))
        r.destination.length--;
    prefix_mask(&r.destination);
    for (uint32_t i = 0; i < o->gateway_count; i++)
        if (prefix_contains(&r.destination, &o->gateways[i]))
            return -EADDRINUSE;
    int error = netlink_new(&n);
    if (error)
        return error;
    error = netlink_link_by_name(n, "lo", &lo);
    if (!error) {
        r.ifindex = lo.ifindex;
        error = netlink_route_add(n, &r);
    }
    netlink_free(n);
    return error == -EEXIST ? 0 : error;
}

static void plane_deliver(void *context, uint8_t *packet, uint32_t len, ns now)
{
    traffic_deliver(context, packet, len, now);
}

static void plane_event(void *context, const struct ike_event *e)
{
    spokes_event_put(context, e);
}

static void plane_acquire(void *context, uint32_t connection)
{
    spokes_acquire(context, connection);
}

static int plane_make(struct farm *f, uint32_t slots)
{
    const struct plane_options o = {.selectors = f->selectors,
                                    .count = f->options.count,
                                    .slots = slots,
                                    .udp = f->sockets[1],
                                    .user = {f, plane_deliver, plane_event, plane_acquire}};

    return plane_new(&o, &f->plane);
}

static int farm_init(struct farm *f)
{
    const struct farm_options *o = &f->options;
    /* A rekey overlaps, and where SAs live for seconds so do three of them. */
    const struct ike_limits limits = {.sa_max = 2 * o->count + 64,
                                      .pair_max = MIN(4 * o->count + 64, (uint32_t)SPI_SLOTS_MAX)};
    uint8_t seed[32];

    f->connections = calloc(o->count, sizeof *f->connections);
    f->selectors = calloc(o->count, sizeof *f->selectors);
    f->spokes = calloc(o->count, sizeof *f->spokes);
    f->latencies = calloc(o->count, sizeof *f->latencies);
    f->spoke_of_slot = calloc(limits.pair_max, sizeof *f->spoke_of_slot);
    f->reader = datagram_reader_new(FARM_BATCH, IKE_DATAGRAM_MAX + FARM_MARKER, 0, 0);
    if (!f->connections || !f->selectors || !f->spokes || !f->latencies || !f->spoke_of_slot || !f->reader)
        return -ENOMEM;
    config_init(f);
    int error = addresses_make_local(o);
    if (!error)
        error = sockets_open(f);
    if (!error)
        error = plane_make(f, limits.pair_max);
    if (!error)
        error = traffic_init(f);
    if (!error)
        error = random_fill(seed, sizeof seed);
    if (error)
        return error;
    f->ike = ike_new(&limits, seed);
    wipe(seed, sizeof seed);
    if (!f->ike)
        return -ENOMEM;
    ike_configure(f->ike, &f->config, clock_now());
    return 0;
}

struct farm *farm_new(const struct farm_options *options)
{
    struct farm *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->options = *options;
    f->traffic.host = -1;
    for (int i = 0; i < FARM_SOCKETS; i++)
        f->sockets[i] = -1;
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
    traffic_done(f);
    plane_free(f->plane);
    for (int i = 0; i < FARM_SOCKETS; i++)
        if (f->sockets[i] >= 0)
            close(f->sockets[i]);
    datagram_reader_free(f->reader);
    free(f->connections);
    free(f->selectors);
    free(f->spokes);
    free(f->latencies);
    free(f->spoke_of_slot);
    free(f->events);
    free(f);
}

/* ---- what is wanted, what is told ---- */

void farm_want(struct farm *f, uint32_t tunnels)
{
    struct farm_result *r = &f->result;
    uint32_t before = r->wanted;

    r->wanted = MIN(tunnels, f->options.count);
    r->began = clock_now();
    r->ended = 0;
    r->completed = 0;
    for (uint32_t i = r->wanted; i < before; i++) {
        const struct ike_event e = {.type = IKE_EVENT_CLEAR,
                                    .clear = {.scope = IKE_CLEAR_CONNECTION, .number = i + 1}};
        spokes_step(f, &e);
    }
    f->next = MIN(f->next, MIN(before, r->wanted));
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

/* The sums since `base`. */
static void statistics_since(struct ike_statistics *s, const struct ike_statistics *base)
{
    uint64_t *sums[] = {&s->messages_in,
                        &s->messages_out,
                        &s->retransmissions,
                        &s->duplicates,
                        &s->malformed,
                        &s->authentication_failed,
                        &s->no_proposal,
                        &s->half_open_refused,
                        &s->half_open_evicted,
                        &s->dpd_dead,
                        &s->rekeys,
                        &s->phase1_initiated,
                        &s->phase1_responded,
                        &s->phase1_established,
                        &s->quick_initiated,
                        &s->quick_responded,
                        &s->quick_established,
                        &s->invalid_spi};

    for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
        *sums[i] -= *(const uint64_t *)((const uint8_t *)base + ((uint8_t *)sums[i] - (uint8_t *)s));
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
    statistics_since(&ret->ike, &f->statistics_base);
}

uint64_t farm_drops(const struct farm *f, unsigned reason)
{
    return plane_drops(f->plane, reason);
}

void farm_reset(struct farm *f)
{
    struct farm_result *r = &f->result;

    r->lost = r->failures = 0;
    r->sent = r->received = (struct farm_messages){0};
    ike_statistics(f->ike, &f->statistics_base);
    plane_drops_reset(f->plane);
    traffic_reset(f);
}

/* ---- the loop ---- */

static void ike_datagram(struct farm *f, int which, const struct datagram *d, struct bytes message)
{
    const struct ike_event e = {.type = IKE_EVENT_DATAGRAM,
                                .datagram = {.local = {d->local.address, ports[which]},
                                             .remote = d->remote,
                                             .data = message,
                                             .nat_port = which == 1}};

    spokes_message_count(&f->result.received, message);
    spokes_step(f, &e);
}

static void socket_read(struct farm *f, int which)
{
    static const uint8_t marker[FARM_MARKER];
    struct datagram datagrams[FARM_BATCH];
    int n = datagram_receive(f->reader, f->sockets[which], FARM_BATCH, datagrams);

    for (int i = 0; i < n; i++) {
        const struct datagram *d = &datagrams[i];
        struct bytes data = bytes_of(d->data, d->len);
        if (d->truncated)
            continue;
        if (which == 0)
            ike_datagram(f, which, d, data);
        else if (data.len > FARM_MARKER && memcmp(data.data, marker, FARM_MARKER) == 0)
            ike_datagram(f, which, d, bytes_of(data.data + FARM_MARKER, data.len - FARM_MARKER));
        else if (data.len > FARM_MARKER) /* else it is a NAT keepalive */
            plane_receive_udp(f->plane, d, clock_now());
    }
}

static void plane_read(struct farm *f)
{
    for (int i = 0; i < RECEIVE_TURNS && plane_receive(f->plane, clock_now()); i++)
        continue;
}

static void timers_run(struct farm *f)
{
    ns now = clock_now();

    if (plane_deadline(f->plane) <= now)
        plane_expire(f->plane, now);
    if (ike_deadline(f->ike) <= now) {
        const struct ike_event e = {.type = IKE_EVENT_TIMER};
        spokes_step(f, &e);
    }
    spokes_step(f, NULL); /* what the packets caused */
}

static int wait_ready(const struct farm *f, ns patience, struct pollfd *fds, unsigned count)
{
    ns deadline = ns_min(ns_min(ike_deadline(f->ike), plane_deadline(f->plane)), traffic_deadline(f));
    ns wait = ns_min(patience, ns_since(deadline, clock_now()));
    const struct timespec t = {(time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S)};

    return ppoll(fds, count, &t, NULL);
}

void farm_turn(struct farm *f, ns patience, struct pollfd *more, unsigned count)
{
    enum { IKE, NATT, ESP, HOST, OWN, MORE = 16 };
    struct pollfd fds[OWN + MORE] = {[IKE] = {.fd = f->sockets[0], .events = POLLIN},
                                     [NATT] = {.fd = f->sockets[1], .events = POLLIN},
                                     [ESP] = {.fd = plane_fd(f->plane), .events = POLLIN},
                                     [HOST] = {.fd = f->traffic.host, .events = POLLIN}};

    count = MIN(count, (unsigned)MORE);
    for (unsigned i = 0; i < count; i++)
        fds[OWN + i] = more[i];
    spokes_begin(f);
    if (wait_ready(f, patience, fds, OWN + count) < 0)
        for (unsigned i = 0; i < OWN + count; i++)
            fds[i].revents = 0;
    if (fds[ESP].revents)
        plane_read(f);
    if (fds[HOST].revents)
        traffic_host_read(f);
    traffic_send(f, clock_now());
    for (int i = 0; i < FARM_SOCKETS; i++)
        if (fds[i].revents)
            socket_read(f, i);
    timers_run(f);
    if (farm_settled(f) && !f->result.ended)
        f->result.ended = clock_now();
    for (unsigned i = 0; i < count; i++)
        more[i].revents = fds[OWN + i].revents;
}
