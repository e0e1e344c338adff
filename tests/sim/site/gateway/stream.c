/* SPDX-License-Identifier: Apache-2.0 */
/* See stream.h. A segment is one frame: flags, the number of its first byte, the number expected next. One
 * timer a stream sends again what was not acknowledged. */
#include "site/gateway/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/be.h"
#include "site/gateway/gateway.h"

enum {
    SYN = 1,
    ACK = 2,
    FIN = 4,
    RST = 8,
    HEADER = 17,
    TCP_IP_HEADERS = 52,
    WINDOW = 256 << 10,
    OUT_MAX = 4 << 20,
    FIRST_PORT = 40000,
};

static const ns RTO_MIN = 200 * NS_PER_MS, RTO_MAX = 3 * NS_PER_S, CONNECT_PATIENCE = 20 * NS_PER_S;

struct stream_table {
    struct stream *first;
    uint16_t next_port;
    uint64_t timers;
};

struct stream_table *stream_table_new(void)
{
    struct stream_table *t = calloc(1, sizeof(*t));
    assert(t);
    t->next_port = FIRST_PORT;
    return t;
}

static void stream_free(struct stream *s)
{
    free(s->out);
    free(s->in);
    free(s);
}

void stream_table_free(struct stream_table *t)
{
    while (t->first) {
        struct stream *s = t->first;
        t->first = s->next;
        stream_free(s);
    }
    free(t);
}

static void unlink_stream(struct stream *s)
{
    struct stream **at = &s->kernel->streams->first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    stream_free(s);
}

struct stream *stream_new(struct kernel *k, int fd, const struct endpoint *local, ns patience)
{
    struct stream *s = calloc(1, sizeof(*s));
    assert(s);
    s->kernel = k;
    s->fd = fd;
    s->local = *local;
    s->patience = patience;
    s->next = k->streams->first;
    k->streams->first = s;
    return s;
}

static void tell_owner(struct stream *s)
{
    if (s->fd >= 0 || s->listener)
        gateway_wake(s->kernel, NODE_CONTROL);
}

static ns now_of(const struct stream *s)
{
    return s->kernel->node->site->schedule.now;
}

/* ---- segments ---- */

static void segment(struct kernel *k, const struct endpoint *local, const struct endpoint *remote,
                    uint8_t flags, uint64_t sequence, uint64_t expected, struct bytes data)
{
    struct frame *f = frame_new(HEADER + (uint32_t)data.len);
    f->kind = FRAME_IP;
    f->protocol = SITE_PROTOCOL_TCP;
    f->from = local->address;
    f->to = remote->address;
    f->from_port = local->port;
    f->to_port = remote->port;
    f->size = TCP_IP_HEADERS + (uint32_t)data.len;
    f->data[0] = flags;
    be64_store(f->data + 1, sequence);
    be64_store(f->data + 9, expected);
    if (data.len)
        memcpy(f->data + HEADER, data.data, data.len);
    kernel_output(k, f, false);
    free(f);
}

static uint32_t segment_size(const struct stream *s)
{
    struct netlink_hop hop;
    const struct kernel_link *l = kernel_route(s->kernel, &s->remote.address, false, &hop)
                                      ? kernel_link_at(s->kernel, hop.ifindex)
                                      : NULL;
    return (l ? l->link.mtu : 1500) - TCP_IP_HEADERS;
}

static void timer_start(struct stream *s);

static void push(struct stream *s)
{
    uint32_t size = segment_size(s);
    while (s->state == STREAM_OPEN && s->sent < s->out_len && s->sent < WINDOW) {
        uint32_t n = MIN(size, s->out_len - s->sent);
        segment(s->kernel, &s->local, &s->remote, ACK, s->out_sequence + s->sent, s->in_sequence,
                bytes_of(s->out + s->sent, n));
        s->sent += n;
    }
    if (s->state == STREAM_OPEN && s->closing && s->sent == s->out_len) {
        segment(s->kernel, &s->local, &s->remote, FIN | ACK, s->out_sequence + s->out_len, s->in_sequence,
                (struct bytes){0});
        s->fin_sent = true;
    }
    if ((s->sent || s->fin_sent) && !s->timer_on)
        timer_start(s);
}

static void fail(struct stream *s, int error)
{
    s->timer++;
    s->timer_on = false;
    if (s->fd < 0 && !s->listener) {
        unlink_stream(s);
        return;
    }
    s->state = STREAM_FAILED;
    s->error = error;
    tell_owner(s);
}

/* ---- the timer ---- */

static struct stream *stream_of(struct kernel *k, uint64_t timer)
{
    for (struct stream *s = k->streams->first; s; s = s->next)
        if (s->timer_on && s->timer == timer)
            return s;
    return NULL;
}

static void timer_rings(void *context, struct happening *h)
{
    struct site_node *n = context;
    struct kernel *k = gateway_kernel(n);
    struct stream *s = k ? stream_of(k, h->number) : NULL;
    if (!s)
        return;
    s->timer_on = false;
    ns patience = s->state == STREAM_CONNECTING ? CONNECT_PATIENCE : s->patience;
    if (ns_since(now_of(s), s->unacked_since) >= patience) {
        fail(s, -ETIMEDOUT);
        return;
    }
    if (s->state == STREAM_CONNECTING)
        segment(k, &s->local, &s->remote, SYN, 0, 0, (struct bytes){0});
    s->sent = 0;
    s->fin_sent = false;
    s->retransmit = ns_min(s->retransmit * 2, RTO_MAX);
    push(s);
    if (!s->timer_on && s->state == STREAM_CONNECTING)
        timer_start(s);
}

static void timer_start(struct stream *s)
{
    s->timer = ++s->kernel->streams->timers;
    s->timer_on = true;
    site_later(s->kernel->node->site, s->retransmit, timer_rings, s->kernel->node, s->timer);
}

/* ---- its owner ---- */

int stream_listen(struct stream *s)
{
    for (const struct stream *o = s->kernel->streams->first; o; o = o->next)
        if (o != s && o->state == STREAM_LISTENING && endpoint_equal(&o->local, &s->local))
            return -EADDRINUSE;
    s->state = STREAM_LISTENING;
    return 0;
}

void stream_connect(struct stream *s, const struct endpoint *remote)
{
    struct stream_table *t = s->kernel->streams;
    s->remote = *remote;
    if (s->local.port == 0) {
        s->local.port = t->next_port;
        t->next_port = t->next_port == UINT16_MAX ? FIRST_PORT : t->next_port + 1;
    }
    s->state = STREAM_CONNECTING;
    s->unacked_since = now_of(s);
    s->retransmit = NS_PER_S;
    segment(s->kernel, &s->local, &s->remote, SYN, 0, 0, (struct bytes){0});
    if (s->state == STREAM_CONNECTING)
        timer_start(s);
}

bool stream_acceptable(const struct stream *listener)
{
    for (const struct stream *s = listener->kernel->streams->first; s; s = s->next)
        if (s->listener == listener)
            return true;
    return false;
}

struct stream *stream_accept(struct stream *listener, int fd)
{
    struct stream *oldest = NULL;
    for (struct stream *s = listener->kernel->streams->first; s; s = s->next)
        if (s->listener == listener)
            oldest = s; /* the newest are in front */
    if (oldest) {
        oldest->listener = NULL;
        oldest->fd = fd;
    }
    return oldest;
}

static void append(uint8_t **buffer, uint32_t *len, uint32_t *room, const uint8_t *data, uint32_t n)
{
    if (*len + n > *room) {
        *room = MAX(2 * *room, *len + n);
        *buffer = realloc(*buffer, *room);
        assert(*buffer);
    }
    memcpy(*buffer + *len, data, n);
    *len += n;
}

uint32_t stream_write(struct stream *s, const uint8_t *data, uint32_t len)
{
    if (s->state != STREAM_OPEN || s->closing)
        return 0;
    uint32_t n = MIN(len, OUT_MAX - s->out_len);
    if (n == 0)
        return 0;
    if (s->out_len == 0) {
        s->unacked_since = now_of(s);
        s->retransmit = RTO_MIN;
    }
    append(&s->out, &s->out_len, &s->out_room, data, n);
    push(s);
    return n;
}

bool stream_readable(const struct stream *s)
{
    if (s->state == STREAM_LISTENING)
        return stream_acceptable(s);
    return s->in_len || s->state == STREAM_FAILED || s->fin_heard;
}

int stream_read(struct stream *s, uint8_t *out, uint32_t size)
{
    uint32_t n = MIN(size, s->in_len);
    if (n) {
        memcpy(out, s->in, n);
        memmove(s->in, s->in + n, s->in_len - n);
        s->in_len -= n;
        return (int)n;
    }
    if (s->state == STREAM_FAILED)
        return s->error;
    return s->fin_heard ? -EPIPE : 0;
}

void stream_close(struct stream *s)
{
    s->fd = -1;
    if (s->state == STREAM_LISTENING) {
        struct stream *next;
        for (struct stream *o = s->kernel->streams->first; o; o = next) {
            next = o->next;
            if (o->listener != s)
                continue;
            segment(s->kernel, &o->local, &o->remote, RST, o->out_sequence, o->in_sequence,
                    (struct bytes){0});
            unlink_stream(o);
        }
        unlink_stream(s);
        return;
    }
    if (s->state == STREAM_OPEN && s->in_len == 0) {
        s->closing = true;
        if (s->out_len == 0)
            s->unacked_since = now_of(s);
        s->retransmit = RTO_MIN;
        push(s);
        return;
    }
    if (s->state == STREAM_OPEN) /* unread: the other side learns that it was lost */
        segment(s->kernel, &s->local, &s->remote, RST, s->out_sequence, s->in_sequence, (struct bytes){0});
    unlink_stream(s);
}

/* ---- what comes ---- */

static struct stream *stream_for(struct kernel *k, const struct endpoint *local,
                                 const struct endpoint *remote)
{
    for (struct stream *s = k->streams->first; s; s = s->next)
        if (s->state != STREAM_LISTENING && endpoint_equal(&s->local, local) &&
            endpoint_equal(&s->remote, remote))
            return s;
    return NULL;
}

static struct stream *listener_for(struct kernel *k, const struct endpoint *local)
{
    for (struct stream *s = k->streams->first; s; s = s->next)
        if (s->state == STREAM_LISTENING && endpoint_equal(&s->local, local))
            return s;
    return NULL;
}

static void opened(struct kernel *k, struct stream *listener, const struct endpoint *remote)
{
    struct stream *s = stream_new(k, -1, &listener->local, listener->patience);
    s->remote = *remote;
    s->listener = listener;
    s->state = STREAM_OPEN;
    s->in_sequence = s->out_sequence = 1;
    s->retransmit = RTO_MIN;
    segment(k, &s->local, &s->remote, SYN | ACK, 0, 1, (struct bytes){0});
    tell_owner(s);
}

static void acknowledged(struct stream *s, uint64_t expected)
{
    uint64_t end = s->out_sequence + s->out_len;
    if (expected > s->out_sequence && expected <= end) {
        uint32_t n = (uint32_t)(expected - s->out_sequence);
        memmove(s->out, s->out + n, s->out_len - n);
        s->out_len -= n;
        s->sent -= MIN(n, s->sent);
        s->out_sequence = expected;
        s->unacked_since = now_of(s);
        s->retransmit = RTO_MIN;
        s->timer_on = false;
        tell_owner(s);
    }
}

static void data_take(struct stream *s, uint64_t sequence, struct bytes data)
{
    if (sequence <= s->in_sequence && sequence + data.len > s->in_sequence) {
        uint32_t skip = (uint32_t)(s->in_sequence - sequence), n = (uint32_t)data.len - skip;
        append(&s->in, &s->in_len, &s->in_room, data.data + skip, n);
        s->in_sequence += n;
        tell_owner(s);
    }
    if (data.len)
        segment(s->kernel, &s->local, &s->remote, ACK, s->out_sequence + s->sent, s->in_sequence,
                (struct bytes){0});
}

static void open_take(struct stream *s, uint8_t flags, uint64_t sequence, uint64_t expected,
                      struct bytes data)
{
    acknowledged(s, expected);
    if (s->fd < 0 && !s->listener) { /* nobody reads any more */
        if (data.len) {
            segment(s->kernel, &s->local, &s->remote, RST, s->out_sequence, s->in_sequence,
                    (struct bytes){0});
            unlink_stream(s);
        } else if (expected > s->out_sequence + s->out_len || (flags & FIN && s->out_len == 0)) {
            unlink_stream(s);
        } else {
            push(s);
        }
        return;
    }
    data_take(s, sequence, data);
    if (flags & FIN && sequence == s->in_sequence) {
        s->fin_heard = true;
        segment(s->kernel, &s->local, &s->remote, ACK, s->out_sequence + s->sent, s->in_sequence + 1,
                (struct bytes){0});
        tell_owner(s);
    }
    push(s);
}

void stream_frame(struct kernel *k, const struct frame *f)
{
    struct endpoint local = {f->to, f->to_port}, remote = {f->from, f->from_port};
    if (f->len < HEADER)
        return;
    uint8_t flags = f->data[0];
    uint64_t sequence = be64_load(f->data + 1), expected = be64_load(f->data + 9);
    struct stream *s = stream_for(k, &local, &remote);
    if (flags == SYN) {
        struct stream *listener = listener_for(k, &local);
        if (s && s->state == STREAM_OPEN)
            segment(k, &local, &remote, SYN | ACK, 0, 1, (struct bytes){0});
        else if (listener)
            opened(k, listener, &remote);
        else
            segment(k, &local, &remote, RST, 0, 1, (struct bytes){0});
        return;
    }
    if (!s) {
        if (!(flags & RST))
            segment(k, &local, &remote, RST, expected, sequence, (struct bytes){0});
        return;
    }
    if (flags & RST) {
        fail(s, s->state == STREAM_CONNECTING ? -ECONNREFUSED : -ECONNRESET);
        return;
    }
    if (flags == (SYN | ACK)) {
        if (s->state != STREAM_CONNECTING)
            return;
        s->state = STREAM_OPEN;
        s->in_sequence = s->out_sequence = 1;
        s->retransmit = RTO_MIN;
        s->timer_on = false;
        tell_owner(s);
        return;
    }
    if (s->state == STREAM_OPEN)
        open_take(s, flags, sequence, expected, bytes_of(f->data + HEADER, f->len - HEADER));
}
