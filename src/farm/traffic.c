/* SPDX-License-Identifier: Apache-2.0 */
/* The farm's traffic: numbered packets from the inner addresses of some spokes through their tunnels to the
 * far host, and from there back. The host's end is a UDP socket that was opened in the host's network
 * namespace: the packets go through that node's whole network, and one process, with one clock, accounts for
 * both ends. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "farm/farm_internal.h"
#include "farm/numbered.h"
#include "io/clock.h"
#include "io/udp_socket.h"

enum { SOCKET_BUFFER = 8 << 20 };

struct address farm_inner(const struct farm *f, uint32_t spoke)
{
    unsigned shift = 32u - f->options.network_length;

    return address_v4(f->options.networks + (spoke << shift) + (shift ? 1 : 0));
}

/* ---- the host's end ---- */

static int host_socket(const char *namespace)
{
    const struct udp_options o = {
        .family = ADDRESS_V4, .port = NUMBERED_PORT, .fragment = true, .buffer_bytes = SOCKET_BUFFER};
    char path[PATH_MAX];
    int own, other, fd;

    if (!namespace)
        return udp_open(&o);
    snprintf(path, sizeof path, "%s%s", strchr(namespace, '/') ? "" : "/run/netns/", namespace);
    own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    other = open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) < 0) {
        fd = -errno;
    } else {
        fd = udp_open(&o);
        if (setns(own, CLONE_NEWNET) < 0)
            abort(); /* nothing that follows may happen in the wrong network */
    }
    if (own >= 0)
        close(own);
    if (other >= 0)
        close(other);
    return fd;
}

int traffic_init(struct farm *f)
{
    struct traffic *t = &f->traffic;

    t->host = -1;
    t->run = (uint32_t)clock_now(); /* another farm's packets are not ours */
    if (!address_is_set(&f->options.host))
        return 0;
    t->reader = datagram_reader_new(FARM_BATCH, NUMBERED_SIZE, 0, 0); /* of longer ones the head is enough */
    t->writer = datagram_writer_new();
    if (!t->reader || !t->writer)
        return -ENOMEM;
    t->host = host_socket(f->options.host_namespace);
    return t->host < 0 ? t->host : 0;
}

static void accounts_done(struct traffic *t)
{
    for (int way = 0; way < FARM_DIRECTIONS; way++)
        account_done(&t->accounts[way]);
    free(t->spokes);
    t->spokes = NULL;
    t->began = t->running = false;
}

void traffic_done(struct farm *f)
{
    struct traffic *t = &f->traffic;

    accounts_done(t);
    if (t->host >= 0)
        close(t->host);
    datagram_reader_free(t->reader);
    datagram_writer_free(t->writer);
}

/* ---- start and stop ---- */

static void run_begin(struct traffic *t, ns now)
{
    t->run++;
    t->since = now;
    t->host_errors = 0;
    for (int way = 0; way < FARM_DIRECTIONS; way++)
        t->schedules[way] =
            (struct schedule){.start = now, .flows = t->options.spokes, .rate_milli = t->options.rate_milli};
}

int farm_traffic_start(struct farm *f, const struct farm_traffic_options *options)
{
    struct traffic *t = &f->traffic;
    uint32_t wanted = f->result.wanted, n = options->spokes;
    int error = 0;

    if (t->host < 0)
        return -ENODEV;
    if (n == 0 || n > wanted || options->rate_milli == 0 || options->size < NUMBERED_SIZE ||
        options->size > NUMBERED_SIZE_MAX || !(options->ways[FARM_UP] || options->ways[FARM_DOWN]))
        return -EINVAL;
    accounts_done(t);
    t->options = *options;
    t->spokes = calloc(n, sizeof *t->spokes);
    error = t->spokes ? 0 : -ENOMEM;
    for (int way = 0; way < FARM_DIRECTIONS && !error; way++)
        error = account_init(&t->accounts[way], n);
    if (error) {
        accounts_done(t);
        return error;
    }
    for (uint32_t i = 0; i < n; i++)
        t->spokes[i] = (uint32_t)((uint64_t)i * wanted / n);
    t->began = t->running = true;
    run_begin(t, clock_now());
    return 0;
}

void farm_traffic_stop(struct farm *f)
{
    struct traffic *t = &f->traffic;

    if (t->running)
        t->until = clock_now();
    t->running = false;
}

void traffic_reset(struct farm *f)
{
    struct traffic *t = &f->traffic;

    if (!t->began)
        return;
    for (int way = 0; way < FARM_DIRECTIONS; way++)
        account_reset(&t->accounts[way]);
    run_begin(t, clock_now());
    if (!t->running)
        t->until = t->since;
}

bool farm_traffic_arrived(const struct farm *f)
{
    const struct traffic *t = &f->traffic;
    uint64_t lost = 0;

    for (int way = 0; way < FARM_DIRECTIONS && t->began; way++)
        lost += account_report(&t->accounts[way]).lost;
    return !t->running && lost == 0;
}

void farm_traffic_look(const struct farm *f, struct farm_traffic *ret)
{
    const struct traffic *t = &f->traffic;

    *ret = (struct farm_traffic){.began = t->began, .running = t->running};
    if (!t->began)
        return;
    ret->options = t->options;
    ret->since = t->since;
    ret->until = t->running ? clock_now() : t->until;
    ret->host_errors = t->host_errors;
    for (int way = 0; way < FARM_DIRECTIONS; way++) {
        ret->reports[way] = account_report(&t->accounts[way]);
        ret->worst[way] = t->spokes[ret->reports[way].worst];
    }
}

/* ---- packets ---- */

/* A number counts as sent when it was due, whatever becomes of it. */
static void send_up(struct farm *f, ns now)
{
    struct traffic *t = &f->traffic;
    uint32_t len = IPV4_HEADER + UDP_HEADER + t->options.size, flow;
    uint8_t *room;

    while ((room = plane_room(f->plane, len)) && schedule_take(&t->schedules[FARM_UP], now, &flow)) {
        const struct address source = farm_inner(f, t->spokes[flow]);
        const struct numbered n = {t->run, flow, account_send(&t->accounts[FARM_UP], flow, now)};
        numbered_packet_write(room, t->options.size, &source, &f->options.host, &n);
        plane_add(f->plane, len);
    }
    plane_flush(f->plane, now);
}

static void send_down(struct farm *f, ns now)
{
    static uint8_t payloads[FARM_BATCH][NUMBERED_SIZE_MAX];
    struct traffic *t = &f->traffic;
    struct datagram_out out[FARM_BATCH];
    struct iovec pieces[FARM_BATCH];
    unsigned count = 0;
    uint32_t flow;

    while (count < FARM_BATCH && schedule_take(&t->schedules[FARM_DOWN], now, &flow)) {
        const struct numbered n = {t->run, flow, account_send(&t->accounts[FARM_DOWN], flow, now)};
        numbered_write(payloads[count], t->options.size, &n);
        pieces[count] = (struct iovec){payloads[count], t->options.size};
        out[count] = (struct datagram_out){.pieces = &pieces[count],
                                           .piece_count = 1,
                                           .local = {f->options.host, NUMBERED_PORT},
                                           .remote = {farm_inner(f, t->spokes[flow]), NUMBERED_PORT}};
        count++;
    }
    for (unsigned at = 0; at < count;) {
        int sent = datagram_send(t->writer, t->host, out + at, count - at);
        if (sent <= 0)
            t->host_errors++;
        at += sent > 0 ? (unsigned)sent : 1;
    }
}

void traffic_send(struct farm *f, ns now)
{
    const struct traffic *t = &f->traffic;

    if (!t->running)
        return;
    if (t->options.ways[FARM_UP])
        send_up(f, now);
    if (t->options.ways[FARM_DOWN])
        send_down(f, now);
}

ns traffic_deadline(const struct farm *f)
{
    const struct traffic *t = &f->traffic;
    ns deadline = NS_NEVER;

    for (int way = 0; way < FARM_DIRECTIONS && t->running; way++)
        if (t->options.ways[way])
            deadline = ns_min(deadline, schedule_due(&t->schedules[way]));
    return deadline;
}

/* `inner`: the spoke's end of the packet. */
static void arrive(struct farm *f, enum farm_direction way, const struct numbered *n,
                   const struct address *inner, ns now)
{
    struct traffic *t = &f->traffic;

    if (!t->began || n->run != t->run)
        return;
    bool ours = n->flow < t->options.spokes;
    if (ours) {
        const struct address right = farm_inner(f, t->spokes[n->flow]);
        ours = address_equal(inner, &right);
    }
    (void)account_arrive(&t->accounts[way], ours ? n->flow : UINT32_MAX, n->number, now);
}

void traffic_host_read(struct farm *f)
{
    struct datagram datagrams[FARM_BATCH];
    int n = datagram_receive(f->traffic.reader, f->traffic.host, FARM_BATCH, datagrams);
    ns now = clock_now();

    for (int i = 0; i < n; i++) {
        struct numbered numbered;
        if (numbered_parse(bytes_of(datagrams[i].data, datagrams[i].len), &numbered))
            arrive(f, FARM_UP, &numbered, &datagrams[i].remote.address, now);
    }
}

void traffic_deliver(struct farm *f, uint8_t *packet, uint32_t len, ns now)
{
    struct address inner;
    struct numbered numbered;

    if (numbered_packet_parse(bytes_of(packet, len), &inner, &numbered))
        arrive(f, FARM_DOWN, &numbered, &inner, now);
}
