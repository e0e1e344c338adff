/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of a replication channel: TCP by libuv, TLS in memory. A connection becomes the current one
 * when the peer has proved itself; until then it has 5 s, and there are at most four of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/ssp/link_internal.h"
#include "io/clock.h"
#include "io/socket_options.h"
#include "io/tcp_socket.h"

#define RETRY_REFUSED (5 * NS_PER_S) /* a wrong key does not become right by asking again */

struct ssp_write {
    uv_write_t request;
    uint8_t data[];
};

/* ---- the end ---- */

static void connection_closed(uv_handle_t *handle)
{
    struct ssp_connection *c = handle->data;
    struct ssp_link *l = c->owner;

    if (--c->handles == 0) {
        tls_free(c->tls);
        free(c);
    }
    ssp_link_handle_closed(l);
}

void ssp_connection_close(struct ssp_connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    list_remove(&c->link);
    uv_close((uv_handle_t *)&c->tcp, connection_closed);
    uv_close((uv_handle_t *)&c->timer, connection_closed);
}

/* It is of no use any more: the session learns it if it talked through this one. */
static void connection_end(struct ssp_connection *c)
{
    struct ssp_link *l = c->owner;
    bool current = l->current == c;

    if (c->closing)
        return;
    if (current)
        l->current = NULL;
    ssp_connection_close(c);
    if (current)
        ssp_link_step(l, SESSION_EVENT_CLOSED, (struct bytes){0});
    else
        ssp_link_retry(l);
}

/* ---- writing ---- */

static void written(uv_write_t *request, int status)
{
    struct ssp_connection *c = request->handle->data;

    free(container_of(request, struct ssp_write, request));
    if (status < 0 && status != UV_ECANCELED)
        connection_end(c);
}

void ssp_connection_flush(struct ssp_connection *c)
{
    struct bytes out = c->tls && !c->closing ? tls_output(c->tls) : (struct bytes){0};

    if (out.len == 0)
        return;
    /* Most of the time TCP takes all of it at once. */
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)out.data, (unsigned)out.len);
    int taken = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
    size_t done = taken > 0 ? (size_t)taken : 0;
    c->owner->status.writes++;
    if (done < out.len) {
        struct ssp_write *w = malloc(sizeof(*w) + out.len - done);
        if (w) {
            memcpy(w->data, out.data + done, out.len - done);
            buffer = uv_buf_init((char *)w->data, (unsigned)(out.len - done));
            if (uv_write(&w->request, (uv_stream_t *)&c->tcp, &buffer, 1, written) != 0)
                free(w); /* the connection is broken: reading ends it */
        }
        /* Without memory the stream has a hole, TLS will find it, and the connection ends. */
    }
    tls_output_taken(c->tls);
}

void ssp_connection_write(struct ssp_connection *c, struct bytes plain)
{
    if (tls_is_open(c->tls))
        (void)tls_write(c->tls, plain); /* a failure stays: the next read finds it */
}

/* ---- reading ---- */

/* The newest that proved itself takes the place of the one before. */
static void connection_prove(struct ssp_connection *c)
{
    struct ssp_link *l = c->owner;
    struct ssp_connection *before = l->current;

    uv_timer_stop(&c->timer);
    if (before)
        connection_end(before);
    l->current = c;
    ssp_link_step(l, SESSION_EVENT_OPEN, (struct bytes){0});
}

static void tls_failed(struct ssp_connection *c)
{
    struct ssp_link *l = c->owner;
    enum tls_error error = tls_failure(c->tls);

    if (error != TLS_ERROR_CLOSED) {
        l->status.failures++;
        ssp_link_failure(l, "TLS", tls_failure_text(c->tls));
        if (error != TLS_ERROR_PROTOCOL && error != TLS_ERROR_MEMORY)
            l->hold_until = clock_now() + RETRY_REFUSED;
    }
    ssp_connection_flush(c); /* the alert */
    connection_end(c);
}

/* As much plaintext as there is, in one step of the session. False: the connection has ended meanwhile. */
static bool plain_take(struct ssp_connection *c)
{
    struct ssp_link *l = c->owner;
    size_t len, got;

    do {
        len = 0;
        while (len < sizeof(l->plain) && (got = tls_read(c->tls, l->plain + len, sizeof(l->plain) - len)) > 0)
            len += got;
        if (len == 0)
            break;
        ssp_link_step(l, SESSION_EVENT_BYTES, bytes_of(l->plain, len));
        wipe(l->plain, len);
    } while (!c->closing && len == sizeof(l->plain));
    return !c->closing;
}

static void network_take(struct ssp_connection *c, struct bytes in)
{
    tls_feed(c->tls, in);
    ssp_connection_flush(c);
    if (c->owner->current != c && tls_is_open(c->tls))
        connection_prove(c);
    if (c->closing || !plain_take(c))
        return;
    if (tls_failure(c->tls) != TLS_OK)
        tls_failed(c);
}

static void read_buffer(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    struct ssp_connection *c = handle->data;

    (void)size;
    *ret = uv_buf_init((char *)c->owner->read, SSP_READ_SIZE);
}

static void read_done(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct ssp_connection *c = stream->data;

    if (n > 0)
        network_take(c, bytes_of(buffer->base, (size_t)n));
    else if (n < 0)
        connection_end(c);
}

/* ---- the beginning ---- */

static void too_slow(uv_timer_t *timer)
{
    struct ssp_connection *c = timer->data;

    ssp_link_failure(c->owner, c->tls ? "TLS" : "connect", "no answer in time");
    connection_end(c);
}

static struct ssp_connection *connection_new(struct ssp_link *l, uint64_t timeout_ms)
{
    struct ssp_connection *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->owner = l;
    uv_tcp_init(l->loop, &c->tcp);
    uv_timer_init(l->loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    c->handles = 2;
    l->handles += 2;
    list_add_tail(&l->connections, &c->link);
    uv_update_time(l->loop);
    uv_timer_start(&c->timer, too_slow, timeout_ms, 0);
    return c;
}

/* TCP is there. */
static void connection_start(struct ssp_connection *c, enum tls_role role)
{
    c->tls = tls_new(c->owner->credentials, role);
    if (!c->tls || uv_read_start((uv_stream_t *)&c->tcp, read_buffer, read_done) != 0) {
        connection_end(c);
        return;
    }
    uv_timer_start(&c->timer, too_slow, SSP_PROVE_MS, 0);
    ssp_connection_flush(c);
}

static struct tcp_options tcp_options(const struct ssp_link *l)
{
    return (struct tcp_options){.local = l->config.local,
                                .mark = l->config.mark,
                                .timeout_ms = (uint32_t)(MAX(l->config.session.dead, NS_PER_S) / NS_PER_MS)};
}

/* ---- the higher address ---- */

static void connected(uv_connect_t *request, int status)
{
    struct ssp_connection *c = request->handle->data;

    if (c->closing)
        return;
    if (status == 0) {
        connection_start(c, TLS_CLIENT);
        return;
    }
    ssp_link_failure(c->owner, "connect", uv_strerror(status));
    connection_end(c);
}

int ssp_connect(struct ssp_link *l)
{
    struct tcp_options o = tcp_options(l);
    struct sockaddr_storage remote;

    o.local.port = 0;
    tcp_address(&l->config.remote, &remote);
    int fd = tcp_open(&o);
    if (fd < 0)
        return fd;
    struct ssp_connection *c = connection_new(l, SSP_CONNECT_MS);
    int r = c ? uv_tcp_open(&c->tcp, fd) : -ENOMEM;
    if (r < 0)
        close(fd);
    else
        r = uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *)&remote, connected);
    if (r < 0 && c)
        ssp_connection_close(c);
    return r;
}

/* ---- the lower address ---- */

static bool peer_is_right(struct ssp_connection *c)
{
    struct sockaddr_storage from;
    int len = sizeof(from);
    struct endpoint peer = {0};

    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&from, &len) == 0)
        peer = tcp_peer(&from);
    return address_equal(&peer.address, &c->owner->config.remote.address);
}

/* Room for a new one: the oldest that has not proved itself goes. */
static void unproved_limit(struct ssp_link *l)
{
    struct ssp_connection *oldest = NULL;
    unsigned count = 0;

    list_for_each(&l->connections, at)
    {
        struct ssp_connection *c = list_entry(at, struct ssp_connection, link);
        if (c == l->current)
            continue;
        oldest = oldest ? oldest : c;
        count++;
    }
    if (count > SSP_UNPROVED_MAX)
        ssp_connection_close(oldest);
}

static void incoming(uv_stream_t *listener, int status)
{
    struct ssp_link *l = listener->data;
    struct ssp_connection *c = status == 0 ? connection_new(l, SSP_PROVE_MS) : NULL;
    uv_os_fd_t fd;

    if (!c)
        return;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        ssp_connection_close(c);
        return;
    }
    /* The mark is inherited, unless tcp_fwmark_accept is set. */
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || socket_mark(fd, l->config.mark) < 0) {
        ssp_connection_close(c);
        return;
    }
    if (!peer_is_right(c)) {
        l->status.strangers++;
        ssp_connection_close(c);
        return;
    }
    l->status.accepted++;
    unproved_limit(l);
    connection_start(c, TLS_SERVER);
}

static void listener_failed(uv_handle_t *handle)
{
    struct ssp_link *l = handle->data;

    free(handle);
    ssp_link_handle_closed(l);
}

int ssp_listen(struct ssp_link *l)
{
    struct tcp_options o = tcp_options(l);

    o.reuse = true;
    int fd = tcp_open(&o);
    if (fd < 0)
        return fd;
    uv_tcp_t *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        close(fd);
        return -ENOMEM;
    }
    uv_tcp_init(l->loop, listener);
    listener->data = l;
    l->handles++;
    int r = uv_tcp_open(listener, fd);
    if (r < 0)
        close(fd);
    else
        r = uv_listen((uv_stream_t *)listener, SSP_UNPROVED_MAX, incoming);
    if (r < 0)
        uv_close((uv_handle_t *)listener, listener_failed);
    else
        l->listener = listener;
    return r;
}
