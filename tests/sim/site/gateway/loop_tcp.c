/* SPDX-License-Identifier: Apache-2.0 */
/* libuv's TCP handles over stream.h. A handle knows its descriptor; what waits to be written when the stream
 * is full is kept here in order. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/bytes.h"

#include <uv.h>

#include "io/tcp_socket.h"
#include "site/gateway/kernel.h"
#include "site/gateway/loop.h"
#include "site/gateway/stream.h"

struct pending {
    struct pending *next;
    uv_write_t *request;
    uint32_t len, done;
    uint8_t data[];
};

/* Behind the handle's own fields: u.reserved[0..2]. */
static int fd_of(const uv_tcp_t *t)
{
    return (int)(intptr_t)t->u.reserved[0] - 1;
}

static void fd_set_of(uv_tcp_t *t, int fd)
{
    t->u.reserved[0] = (void *)(intptr_t)(fd + 1);
}

static struct pending **pending_of(uv_tcp_t *t)
{
    return (struct pending **)&t->u.reserved[1];
}

static struct stream *stream_of(struct kernel *k, const uv_tcp_t *t)
{
    int fd = fd_of(t);
    return fd >= 0 && k->files[fd].open ? k->files[fd].stream : NULL;
}

int uv_tcp_init(uv_loop_t *uv, uv_tcp_t *t)
{
    void *data = t->data;
    memset(t, 0, sizeof(*t));
    t->data = data;
    t->loop = uv;
    t->type = UV_TCP;
    return 0;
}

int uv_tcp_open(uv_tcp_t *t, uv_os_sock_t fd)
{
    fd_set_of(t, fd);
    event_loop_stream_watch(t, true);
    return 0;
}

int uv_tcp_connect(uv_connect_t *request, uv_tcp_t *t, const struct sockaddr *remote, uv_connect_cb done)
{
    struct sockaddr_storage storage;
    process_point();
    memcpy(&storage, remote, sizeof(struct endpoint));
    struct endpoint e = tcp_peer(&storage);
    request->handle = (uv_stream_t *)t;
    request->cb = done;
    t->connect_req = request;
    struct process *out = process_leave();
    stream_connect(stream_of(out->kernel, t), &e);
    process_return(out);
    return 0;
}

int uv_listen(uv_stream_t *s, int backlog, uv_connection_cb incoming)
{
    uv_tcp_t *t = (uv_tcp_t *)s;
    (void)backlog;
    process_point();
    t->connection_cb = incoming;
    return stream_listen(stream_of(kernel_here(), t));
}

int uv_accept(uv_stream_t *server, uv_stream_t *client)
{
    struct kernel *k = kernel_here();
    struct stream *listener = stream_of(k, (uv_tcp_t *)server);
    process_point();
    int fd = file_new(k, FILE_STREAM, NODE_CONTROL);
    if (fd < 0)
        return fd;
    struct stream *s = stream_accept(listener, fd);
    k->files[fd].stream = s;
    if (!s) {
        file_close(k, fd);
        return -EAGAIN;
    }
    return uv_tcp_open((uv_tcp_t *)client, fd);
}

int uv_fileno(const uv_handle_t *h, uv_os_fd_t *ret)
{
    *ret = fd_of((const uv_tcp_t *)h);
    return 0;
}

int uv_tcp_getpeername(const uv_tcp_t *t, struct sockaddr *ret, int *len)
{
    const struct stream *s = stream_of(kernel_here(), t);
    struct sockaddr_storage storage;
    if (!s || (size_t)*len < sizeof(storage))
        return -ENOTCONN;
    tcp_address(&s->remote, &storage);
    memcpy(ret, &storage, sizeof(storage));
    return 0;
}

uv_buf_t uv_buf_init(char *base, unsigned len)
{
    return (uv_buf_t){.base = base, .len = len};
}

int uv_read_start(uv_stream_t *s, uv_alloc_cb room, uv_read_cb done)
{
    s->alloc_cb = room;
    s->read_cb = done;
    return 0;
}

/* ---- writing ---- */

static uint32_t write_some(uv_tcp_t *t, const void *data, uint32_t len)
{
    process_point();
    struct process *out = process_leave();
    struct stream *s = stream_of(out->kernel, t);
    uint32_t n = s ? stream_write(s, data, len) : 0;
    process_return(out);
    return n;
}

int uv_try_write(uv_stream_t *s, const uv_buf_t buffers[], unsigned count)
{
    uv_tcp_t *t = (uv_tcp_t *)s;
    assert(count == 1);
    if (*pending_of(t) || t->connect_req)
        return -EAGAIN;
    uint32_t n = write_some(t, buffers[0].base, (uint32_t)buffers[0].len);
    return n ? (int)n : -EAGAIN;
}

int uv_write(uv_write_t *request, uv_stream_t *s, const uv_buf_t buffers[], unsigned count, uv_write_cb done)
{
    struct pending **at = pending_of((uv_tcp_t *)s);
    assert(count == 1);
    struct pending *p = malloc(sizeof(*p) + buffers[0].len);
    if (!p)
        return -ENOMEM;
    *p = (struct pending){.request = request, .len = (uint32_t)buffers[0].len};
    memcpy(p->data, buffers[0].base, p->len);
    request->handle = s;
    request->cb = done;
    while (*at)
        at = &(*at)->next;
    *at = p;
    s->write_queue_size += p->len;
    return 0;
}

size_t uv_stream_get_write_queue_size(const uv_stream_t *s)
{
    return s->write_queue_size;
}

/* Whole ones are done. */
static void pending_write(uv_tcp_t *t)
{
    struct pending *p;
    while ((p = *pending_of(t))) {
        uint32_t n = write_some(t, p->data + p->done, p->len - p->done);
        p->done += n;
        t->write_queue_size -= n;
        if (p->done < p->len)
            return;
        *pending_of(t) = p->next;
        uv_write_t *request = p->request;
        free(p);
        request->cb(request, 0);
    }
}

/* ---- a turn ---- */

bool event_loop_stream_ready(struct kernel *k, uv_tcp_t *t)
{
    const struct stream *s = stream_of(k, t);
    if (!s)
        return false;
    if (t->connect_req)
        return s->state != STREAM_CONNECTING;
    return t->connection_cb || t->read_cb ? stream_readable(s) : false;
}

static void connect_end(const struct stream *s, uv_tcp_t *t)
{
    uv_connect_t *request = t->connect_req;
    if (s->state == STREAM_CONNECTING)
        return;
    t->connect_req = NULL;
    request->cb(request, s->state == STREAM_OPEN ? 0 : s->error);
}

static void read_some(struct stream *s, uv_tcp_t *t)
{
    uv_buf_t buffer = {0};
    if (!stream_readable(s))
        return;
    t->alloc_cb((uv_handle_t *)t, 65536, &buffer);
    process_point();
    int n = stream_read(s, (uint8_t *)buffer.base, (uint32_t)buffer.len);
    if (n != 0)
        t->read_cb((uv_stream_t *)t, n == -EPIPE ? UV_EOF : n, &buffer);
}

void event_loop_stream_serve(struct kernel *k, uv_tcp_t *t)
{
    struct stream *s = stream_of(k, t);
    if (!s)
        return;
    if (t->connect_req)
        connect_end(s, t);
    else if (t->connection_cb && stream_acceptable(s))
        t->connection_cb((uv_stream_t *)t, 0);
    else if (t->read_cb) {
        if (*pending_of(t))
            pending_write(t);
        if (!uv_is_closing((uv_handle_t *)t))
            read_some(s, t);
    }
}

/* What it still had to write is lost, and its owner learns so. */
void event_loop_stream_close(struct kernel *k, uv_tcp_t *t)
{
    struct pending *p;
    int fd = fd_of(t);
    if (fd >= 0)
        file_close(k, fd);
    fd_set_of(t, -1);
    while ((p = *pending_of(t))) {
        uv_write_t *request = p->request;
        *pending_of(t) = p->next;
        free(p);
        request->cb(request, UV_ECANCELED);
    }
}
