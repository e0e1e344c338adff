/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's end of the channel to control. Nothing here waits for control: what the socket does not take
 * is queued, bounded, and what the queue does not take is lost, which costs a delay (engine/channel.h). What
 * anybody on the network could make us say is limited in rate. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "engine/engine_state.h"

enum { INVALID_SPI_PER_SECOND = 10, DEBUG_PER_SECOND = 20, RECEIVE_SHARE = 256 };

static const ns LEASE_AGAIN = 10 * NS_PER_MS, LEASE_WAITS = 1 * NS_PER_MS;

static int channel_write(int fd, const struct channel_message *m, struct bytes data)
{
    struct iovec pieces[2] = {{(void *)m, sizeof(*m)}, {(void *)data.data, data.len}};
    struct msghdr h = {.msg_iov = pieces, .msg_iovlen = data.len ? 2 : 1};
    ssize_t n;
    do
        n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static void watch_writable(struct engine *e, bool on)
{
    struct epoll_event ev = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.fd = e->fds.channel};
    if (e->reports.writable_watched == on)
        return;
    if (epoll_ctl(e->fds.epoll, EPOLL_CTL_MOD, e->fds.channel, &ev) == 0)
        e->reports.writable_watched = on;
}

void reports_flush(struct engine *e)
{
    struct reports *r = &e->reports;
    while (r->count) {
        if (channel_write(e->fds.channel, &r->queue[r->first], (struct bytes){0}) < 0)
            break;
        r->first = (r->first + 1) % REPORTS_QUEUE;
        r->count--;
    }
    watch_writable(e, r->count > 0);
}

void reports_send(struct engine *e, struct channel_message *m)
{
    struct reports *r = &e->reports;
    m->at = e->now;
    m->data_len = 0;
    if (r->count == 0 && channel_write(e->fds.channel, m, (struct bytes){0}) == 0)
        return;
    if (r->count == REPORTS_QUEUE)
        return;
    r->queue[(r->first + r->count++) % REPORTS_QUEUE] = *m;
    watch_writable(e, true);
}

void reports_datagram(struct engine *e, const struct endpoint *local, const struct endpoint *remote,
                      struct bytes data)
{
    struct channel_message m = {.type = CHANNEL_DATAGRAM,
                                .data_len = (uint32_t)data.len,
                                .at = e->now,
                                .datagram = {.local = *local, .remote = *remote}};
    if (data.len > CHANNEL_DATA_MAX)
        engine_drop(e, DROP_BAD_LENGTH, 1);
    else if (channel_write(e->fds.channel, &m, data) < 0)
        engine_drop(e, DROP_CONTROL_QUEUE_FULL, 1);
}

static void report_pair(struct engine *e, enum channel_type type, uint32_t slot, uint32_t spi_in)
{
    struct channel_message m = {.type = type, .pair = {.slot = slot, .spi_in = spi_in}};
    reports_send(e, &m);
}

/* Once a second for a pair, where pairs do not share a place. */
static void report_hard(struct engine *e, uint32_t slot, uint32_t spi_in)
{
    typeof(&e->reports.hard[0]) last = &e->reports.hard[slot % REPORTS_REMEMBERED];
    if (last->spi_in == spi_in && e->now < last->at + NS_PER_S)
        return;
    last->spi_in = spi_in;
    last->at = e->now;
    report_pair(e, CHANNEL_PAIR_HARD, slot, spi_in);
}

/* With each new mark; while packets wait or are refused now and then, for a message may have been lost. */
static void report_lease(struct engine *e, uint32_t slot, uint32_t spi_in, ns again)
{
    typeof(&e->reports.lease[0]) last = &e->reports.lease[slot % REPORTS_REMEMBERED];
    if (again && last->spi_in == spi_in && e->now < last->at + again)
        return;
    last->spi_in = spi_in;
    last->at = e->now;
    report_pair(e, CHANNEL_PAIR_LEASE, slot, spi_in);
}

static bool within_rate(ns now, ns *since, unsigned *count, unsigned limit)
{
    if (now >= *since + NS_PER_S) {
        *since = now;
        *count = 0;
    }
    return (*count)++ < limit;
}

static void debug_drop(struct engine *e, const char *way, uint8_t reason, uint32_t spi,
                       const struct endpoint *remote)
{
    struct reports *r = &e->reports;
    char text[ENDPOINT_TEXT];
    if (!r->debug || !within_rate(e->now, &r->debug_since, &r->debug_count, DEBUG_PER_SECOND))
        return;
    fprintf(stderr, "engine: %s packet dropped: %s, spi 0x%08" PRIX32 ", peer %s\n", way,
            drop_reason_name((enum drop_reason)reason), spi,
            address_is_set(&remote->address) ? endpoint_print(remote, text) : "unknown");
}

void reports_waiting(struct engine *e, uint32_t slot, uint32_t spi_in)
{
    report_lease(e, slot, spi_in, LEASE_WAITS);
}

void reports_outbound(struct engine *e, const struct outbound_result *r)
{
    if (r->notes & OUTBOUND_NOTE_SOFT)
        report_pair(e, CHANNEL_PAIR_SOFT, r->slot, r->spi_in);
    if (r->notes & OUTBOUND_NOTE_HARD)
        report_hard(e, r->slot, r->spi_in);
    if (r->notes & OUTBOUND_NOTE_LEASE)
        report_lease(e, r->slot, r->spi_in, r->kind == OUTBOUND_DROPPED ? LEASE_AGAIN : 0);
    if (r->kind == OUTBOUND_DROPPED)
        debug_drop(e, "outbound", r->reason, r->spi_in, &r->remote);
}

void reports_inbound(struct engine *e, const struct inbound_result *r)
{
    struct reports *p = &e->reports;
    if (r->notes & INBOUND_NOTE_USED)
        report_pair(e, CHANNEL_PAIR_USED, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_SOFT)
        report_pair(e, CHANNEL_PAIR_SOFT, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_HARD)
        report_hard(e, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_LEASE)
        report_lease(e, r->slot, r->spi, r->kind == INBOUND_DELIVER ? 0 : LEASE_WAITS);
    if (r->notes & INBOUND_NOTE_BEHIND)
        report_pair(e, CHANNEL_PAIR_SOFT, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_MOVED)
        report_pair(e, CHANNEL_PEER_MOVED, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_INVALID_SPI &&
        within_rate(e->now, &p->invalid_spi_since, &p->invalid_spi_count, INVALID_SPI_PER_SECOND)) {
        struct channel_message m = {
            .type = CHANNEL_INVALID_SPI,
            .invalid_spi = {.spi = r->spi, .protocol = r->protocol, .local = r->local, .remote = r->remote}};
        reports_send(e, &m);
    }
    if (r->kind == INBOUND_DROPPED)
        debug_drop(e, "inbound", r->reason, r->spi, &r->remote);
}

void reports_acquires(struct engine *e)
{
    struct outbound_acquire a;
    /* What the queue has no room for is asked for again. */
    while (e->reports.count < REPORTS_QUEUE / 2 && outbound_acquire_next(e->outbound, e->now, &a)) {
        struct channel_message m = {.type = CHANNEL_ACQUIRE,
                                    .acquire = {.entry = a.entry,
                                                .ace = a.ace,
                                                .ifindex = a.ifindex,
                                                .selector = a.selector,
                                                .packet = a.packet}};
        reports_send(e, &m);
    }
    if (e->reports.count < REPORTS_QUEUE / 2 && outbound_refused_next(e->outbound, e->now, &a)) {
        struct channel_message m = {.type = CHANNEL_ACQUIRE,
                                    .acquire = {.entry = a.entry,
                                                .ace = a.ace,
                                                .ifindex = a.ifindex,
                                                .selector = a.selector,
                                                .packet = a.packet}};
        reports_send(e, &m);
    }
}

static void counters_clear(struct sad_engine *s)
{
    /* Epoch and starts are no counters. */
    memset(s->drops, 0, sizeof(s->drops));
    s->bursts = s->packets_out = s->packets_in = s->packets_bypassed = s->bytes_out = s->bytes_in = 0;
    s->icmp_sent = s->fragments_sent = s->fragments_reassembled = s->segments_coalesced = 0;
    s->packets_to_neighbour = 0;
}

static void pair_added(struct engine *e, uint32_t slot, uint32_t spi_in)
{
    if (slot >= e->sad->slots || e->sad->pairs[slot].spi_in != spi_in)
        return;
    uint32_t entry = e->sad->pairs[slot].entry;
    pair_index_add(e->path.index, slot);
    size_t n;
    while ((n = outbound_release(e->outbound, entry, e->now)) > 0)
        tun_side_results(e, n);
}

static void reports_take(struct engine *e, const struct channel_message *m)
{
    switch (m->type) {
    case CHANNEL_PAIR_ADDED:
        pair_added(e, m->pair.slot, m->pair.spi_in);
        break;
    case CHANNEL_PAIR_REMOVED:
        /* A pair that is in the slot by now stays. */
        if (m->pair.slot < e->sad->slots) {
            pair_index_remove(e->path.index, m->pair.slot);
            if (e->sad->pairs[m->pair.slot].spi_in != m->pair.spi_in)
                pair_index_add(e->path.index, m->pair.slot);
        }
        break;
    case CHANNEL_ACQUIRE_FAILED:
        outbound_acquire_failed(e->outbound, m->acquire.entry, m->acquire.ace);
        break;
    case CHANNEL_DEBUG:
        e->reports.debug = m->debug.on != 0;
        break;
    case CHANNEL_CLEAR_COUNTERS:
        counters_clear(e->path.engine);
        break;
    default:
        break;
    }
}

void reports_receive(struct engine *e)
{
    engine_enter(e);
    for (unsigned i = 0; i < RECEIVE_SHARE; i++) {
        struct channel_message m;
        ssize_t n = recv(e->fds.channel, &m, sizeof(m), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            /* The supervisor keeps the other end: an end of file means that it is gone, and SIGTERM comes. */
            if (n == 0)
                epoll_ctl(e->fds.epoll, EPOLL_CTL_DEL, e->fds.channel, NULL);
            break;
        }
        if ((size_t)n == sizeof(m))
            reports_take(e, &m);
    }
    engine_leave(e);
}
