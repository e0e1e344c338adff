/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves: results of the outbound path are gathered per socket, up to 64 for one system call, in their
 * order. A full socket is waited for a bounded time (the packets behind wait in the TUN device's queue
 * meanwhile), then what is left is dropped and counted.
 *
 * ESP and AH leave by raw sockets, or, where device and neighbour are known (next_hop.c), straight to the
 * device, which saves the kernel a good part of its work. Only what we sealed ourselves ever goes that way.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine_state.h"
#include "io/clock.h"
#include "io/udp_socket.h"
#include "supervisor/handover.h"

enum { LINK_BUFFER = 8 << 20 };

#define SENDER_PATIENCE (20 * NS_PER_MS)

int sender_init(struct sender *s)
{
    s->fd = -1;
    s->link = link_socket_open(HOLDFAST_MARK, LINK_BUFFER); /* a kernel without packet sockets will do */
    s->may_fragment[0] = s->may_fragment[1] = -1;
    s->writer = datagram_writer_new();
    s->link_writer = link_writer_new();
    return s->writer && s->link_writer ? 0 : -ENOMEM;
}

void sender_done(struct sender *s)
{
    datagram_writer_free(s->writer);
    link_writer_free(s->link_writer);
    if (s->link >= 0)
        close(s->link);
    s->writer = NULL;
    s->link_writer = NULL;
    s->link = -1;
}

static unsigned datagrams_of(const struct datagram_out *d)
{
    return d->segment ? d->piece_count : 1;
}

/* A row that the kernel will not cut (longer than the MTU, or no offload here) goes out one by one. */
static void sender_single(struct engine *e, const struct datagram_out *row)
{
    struct sender *s = &e->sender;
    for (unsigned i = 0; i < row->piece_count; i++) {
        struct datagram_out one = *row;
        one.pieces = &row->pieces[i];
        one.piece_count = 1;
        one.segment = 0;
        if (datagram_send(s->writer, s->fd, &one, 1) != 1)
            engine_drop(e, DROP_SEND_FAILED, 1);
    }
}

/* False: it has been long enough. */
static bool sender_wait(int fd, ns *until)
{
    ns now = clock_now();
    if (*until == 0)
        *until = now + SENDER_PATIENCE;
    if (now >= *until)
        return false;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if (poll(&p, 1, (int)((*until - now) / NS_PER_MS) + 1) > 0 && !(p.revents & POLLOUT))
        return false;
    return true;
}

/* The device does not take it: these take the kernel's way, and the kernel is asked anew for the next. */
static void sender_kernel_way(struct engine *e, unsigned at)
{
    struct sender *s = &e->sender;
    next_hops_flush(e->next_hops);
    for (; at < s->count; at++)
        if (datagram_send(s->writer, s->raw[at], &s->out[at], 1) != 1)
            engine_drop(e, DROP_SEND_FAILED, 1);
}

/* What a device's queue drops is lost, as it is on the kernel's way: one link that is full must not hold up
 * the others. */
static void sender_link(struct engine *e)
{
    struct sender *s = &e->sender;
    ns until = 0;
    unsigned at = 0;
    while (at < s->count) {
        int r = link_send(s->link_writer, s->link, s->iov + at, s->hops + at, s->count - at);
        if (r > 0) {
            at += (unsigned)r;
            e->path.engine->packets_to_neighbour += (unsigned)r;
        } else if (r == -ENOBUFS) {
            engine_drop(e, DROP_SEND_FAILED, 1);
            at++;
        } else if (r != 0 && r != -EAGAIN) {
            sender_kernel_way(e, at);
            return;
        } else if (!sender_wait(s->link, &until)) {
            engine_drop(e, DROP_SEND_FAILED, s->count - at);
            return;
        }
    }
}

static void sender_socket_flush(struct engine *e)
{
    struct sender *s = &e->sender;
    unsigned at = 0;
    ns until = 0;
    while (at < s->count) {
        int r = datagram_send(s->writer, s->fd, s->out + at, s->count - at);
        if (r > 0) {
            at += (unsigned)r;
            continue;
        }
        if (r == 0 || r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM) {
            if (r == -ENOBUFS || r == -ENOMEM)
                usleep(50); /* these do not show in poll() */
            if (sender_wait(s->fd, &until))
                continue;
            for (; at < s->count; at++)
                engine_drop(e, DROP_SEND_FAILED, datagrams_of(&s->out[at]));
            break;
        }
        if (s->out[at].segment)
            sender_single(e, &s->out[at]);
        else
            engine_drop(e, DROP_SEND_FAILED, 1);
        at++;
    }
}

void sender_flush(struct engine *e)
{
    struct sender *s = &e->sender;
    if (s->count && s->fd == s->link)
        sender_link(e);
    else
        sender_socket_flush(e);
    s->count = s->pieces = 0;
}

static int sender_socket(const struct engine *e, const struct outbound_result *r)
{
    int family = family_index(&r->remote.address);
    if (r->kind == OUTBOUND_SEND_UDP)
        return e->fds.udp[family];
    return r->protocol == 51 ? e->fds.ah[family] : e->fds.esp[family];
}

void sender_add(struct engine *e, const struct outbound_result *results)
{
    struct sender *s = &e->sender;
    const struct outbound_result *r = &results[0];
    bool udp = r->kind == OUTBOUND_SEND_UDP;
    int family = family_index(&r->remote.address);
    unsigned run = udp && r->run > 1 ? r->run : 1;
    int raw = sender_socket(e, r), fd = raw;
    const struct link_hop *hop = NULL;
    if (!udp && s->link >= 0 && (hop = next_hop_find(e->next_hops, &r->remote.address, r->len, e->now)))
        fd = s->link;
    if (raw < 0) {
        engine_drop(e, DROP_FAMILY_UNSUPPORTED, run);
        return;
    }
    bool refit = udp && s->may_fragment[family] != !r->dont_fragment;
    if (s->count &&
        (s->fd != fd || refit || s->count == DATAGRAM_BURST_MAX || s->pieces + run > ARRAY_SIZE(s->iov)))
        sender_flush(e);
    if (refit) {
        if (udp_set_fragment(fd, r->remote.address.family, !r->dont_fragment) < 0) {
            engine_drop(e, DROP_SEND_FAILED, run);
            return;
        }
        s->may_fragment[family] = !r->dont_fragment;
    }
    s->fd = fd;
    if (hop) {
        s->hops[s->count] = *hop;
        s->raw[s->count] = raw;
    }
    struct datagram_out *d = &s->out[s->count++];
    *d = (struct datagram_out){.pieces = &s->iov[s->pieces],
                               .piece_count = (uint16_t)run,
                               .segment = run > 1 ? (uint16_t)r->len : 0,
                               .remote = r->remote};
    if (udp) {
        d->local = r->local;
        d->tos = r->traffic_class;
    } else {
        d->remote.port = 0;
    }
    for (unsigned i = 0; i < run; i++)
        s->iov[s->pieces++] = (struct iovec){results[i].data, results[i].len};
}
