/* SPDX-License-Identifier: Apache-2.0 */
/* See loop.h. */
#include "site/gateway/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"

#include <uv.h>

#include "site/gateway/kernel.h"

enum { ACTIVE = 1, CLOSING = 2, CLOSED = 4 };

struct handles {
    void **list;
    unsigned count, room;
};

struct loop {
    uv_loop_t *uv;
    struct handles timers, polls, prepares, checks, streams, closing, signals;
    uint64_t time; /* ms */
    uint64_t starts;
    bool stopped;
};

static struct loop *loop_of(const uv_loop_t *uv)
{
    return uv->data;
}

static void handles_add(struct handles *h, void *what)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->list[i] == what)
            return;
    if (h->count == h->room) {
        h->room = h->room ? 2 * h->room : 16;
        h->list = realloc(h->list, h->room * sizeof(*h->list));
        assert(h->list);
    }
    h->list[h->count++] = what;
}

static void handles_remove(struct handles *h, const void *what)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->list[i] == what) {
            memmove(&h->list[i], &h->list[i + 1], (h->count - i - 1) * sizeof(*h->list));
            h->count--;
            return;
        }
}

static bool handles_have(const struct handles *h, const void *what)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->list[i] == what)
            return true;
    return false;
}

static int handle_init(uv_loop_t *uv, void *handle, size_t size, uv_handle_type type)
{
    uv_handle_t *h = handle;
    void *data = h->data;
    memset(h, 0, size);
    h->data = data;
    h->loop = uv;
    h->type = type;
    return 0;
}

static bool is_active(const void *handle)
{
    return ((const uv_handle_t *)handle)->flags & ACTIVE;
}

static void set_active(void *handle, bool on)
{
    uv_handle_t *h = handle;
    h->flags = on ? h->flags | ACTIVE : h->flags & ~(unsigned)ACTIVE;
}

/* ---- the loop ---- */

int uv_loop_init(uv_loop_t *uv)
{
    struct process *p = process_current;
    memset(uv, 0, sizeof(*uv));
    p->loop = calloc(1, sizeof(*p->loop));
    if (!p->loop)
        return -ENOMEM;
    p->loop->uv = uv;
    uv->data = p->loop;
    uv_update_time(uv);
    return 0;
}

int uv_loop_configure(uv_loop_t *uv, uv_loop_option option, ...)
{
    (void)uv;
    (void)option;
    return 0;
}

uint64_t uv_metrics_idle_time(uv_loop_t *uv)
{
    (void)uv;
    return 0;
}

void uv_update_time(uv_loop_t *uv)
{
    loop_of(uv)->time = kernel_clock(kernel_here()) / NS_PER_MS;
}

int uv_run(uv_loop_t *uv, uv_run_mode mode)
{
    (void)uv;
    (void)mode;
    abort(); /* the schedule does */
}

void uv_stop(uv_loop_t *uv)
{
    loop_of(uv)->stopped = true;
}

const char *uv_strerror(int error)
{
    return strerror(-error);
}

int uv_is_active(const uv_handle_t *h)
{
    return is_active(h);
}

int uv_is_closing(const uv_handle_t *h)
{
    return (h->flags & (CLOSING | CLOSED)) != 0;
}

void uv_unref(uv_handle_t *h)
{
    (void)h;
}

void uv_close(uv_handle_t *h, uv_close_cb done)
{
    struct loop *l = loop_of(h->loop);
    assert(!uv_is_closing(h));
    set_active(h, false);
    struct handles *all[] = {&l->timers, &l->polls, &l->prepares, &l->checks, &l->streams, &l->signals};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        handles_remove(all[i], h);
    if (h->type == UV_TCP)
        event_loop_stream_close(kernel_here(), (uv_tcp_t *)h);
    h->flags |= CLOSING;
    h->close_cb = done;
    handles_add(&l->closing, h);
}

/* ---- timers ---- */

int uv_timer_init(uv_loop_t *uv, uv_timer_t *t)
{
    return handle_init(uv, t, sizeof(*t), UV_TIMER);
}

int uv_timer_start(uv_timer_t *t, uv_timer_cb run, uint64_t timeout, uint64_t repeat)
{
    struct loop *l = loop_of(t->loop);
    if (uv_is_closing((uv_handle_t *)t) || !run)
        return -EINVAL;
    process_point();
    t->timer_cb = run;
    t->timeout = l->time + timeout < timeout ? UINT64_MAX : l->time + timeout;
    t->repeat = repeat;
    t->start_id = l->starts++;
    set_active(t, true);
    handles_add(&l->timers, t);
    return 0;
}

int uv_timer_stop(uv_timer_t *t)
{
    if (is_active(t))
        handles_remove(&loop_of(t->loop)->timers, t);
    set_active(t, false);
    return 0;
}

static uv_timer_t *timer_first(const struct loop *l)
{
    uv_timer_t *first = NULL;
    for (unsigned i = 0; i < l->timers.count; i++) {
        uv_timer_t *t = l->timers.list[i];
        if (!first || t->timeout < first->timeout ||
            (t->timeout == first->timeout && t->start_id < first->start_id))
            first = t;
    }
    return first;
}

/* Those started meanwhile have their turn in the next one. */
static void timers_run(struct loop *l)
{
    uint64_t until = l->starts;
    uv_timer_t *t;
    while ((t = timer_first(l)) && t->timeout <= l->time && t->start_id < until) {
        uv_timer_stop(t);
        if (t->repeat)
            uv_timer_start(t, t->timer_cb, t->repeat, t->repeat);
        t->timer_cb(t);
    }
}

/* ---- descriptors ---- */

int uv_poll_init(uv_loop_t *uv, uv_poll_t *p, int fd)
{
    handle_init(uv, p, sizeof(*p), UV_POLL);
    p->io_watcher.fd = fd;
    return 0;
}

int uv_poll_start(uv_poll_t *p, int events, uv_poll_cb run)
{
    (void)events;
    if (uv_is_closing((uv_handle_t *)p))
        return -EINVAL;
    p->poll_cb = run;
    set_active(p, true);
    handles_add(&loop_of(p->loop)->polls, p);
    return 0;
}

int uv_poll_stop(uv_poll_t *p)
{
    set_active(p, false);
    handles_remove(&loop_of(p->loop)->polls, p);
    return 0;
}

void event_loop_stream_watch(uv_tcp_t *t, bool on)
{
    if (on)
        handles_add(&loop_of(t->loop)->streams, t);
    else
        handles_remove(&loop_of(t->loop)->streams, t);
}

/* ---- prepares, checks, signals ---- */

int uv_prepare_init(uv_loop_t *uv, uv_prepare_t *p)
{
    return handle_init(uv, p, sizeof(*p), UV_PREPARE);
}

int uv_prepare_start(uv_prepare_t *p, uv_prepare_cb run)
{
    if (is_active(p))
        return 0;
    p->prepare_cb = run;
    set_active(p, true);
    handles_add(&loop_of(p->loop)->prepares, p);
    return 0;
}

int uv_prepare_stop(uv_prepare_t *p)
{
    set_active(p, false);
    handles_remove(&loop_of(p->loop)->prepares, p);
    return 0;
}

int uv_check_init(uv_loop_t *uv, uv_check_t *c)
{
    return handle_init(uv, c, sizeof(*c), UV_CHECK);
}

int uv_check_start(uv_check_t *c, uv_check_cb run)
{
    if (is_active(c))
        return 0;
    c->check_cb = run;
    set_active(c, true);
    handles_add(&loop_of(c->loop)->checks, c);
    return 0;
}

int uv_check_stop(uv_check_t *c)
{
    set_active(c, false);
    handles_remove(&loop_of(c->loop)->checks, c);
    return 0;
}

int uv_signal_init(uv_loop_t *uv, uv_signal_t *s)
{
    return handle_init(uv, s, sizeof(*s), UV_SIGNAL);
}

int uv_signal_start(uv_signal_t *s, uv_signal_cb run, int number)
{
    s->signal_cb = run;
    s->signum = number;
    set_active(s, true);
    handles_add(&loop_of(s->loop)->signals, s);
    return 0;
}

void event_loop_signal(struct process *p, int number)
{
    for (unsigned i = 0; p->loop && i < p->loop->signals.count; i++) {
        uv_signal_t *s = p->loop->signals.list[i];
        if (s->signum == number) {
            s->signal_cb(s, number);
            return;
        }
    }
}

/* ---- a turn ---- */

/* A copy, as the handlers start and stop others. */
static void **copy_of(const struct handles *h, unsigned *ret_count)
{
    void **copy = malloc((h->count + 1) * sizeof(*copy));
    assert(copy);
    if (h->count)
        memcpy(copy, h->list, h->count * sizeof(*copy));
    *ret_count = h->count;
    return copy;
}

static void descriptors_serve(struct loop *l)
{
    struct kernel *k = kernel_here();
    unsigned n;
    void **polls = copy_of(&l->polls, &n);
    for (unsigned i = 0; i < n; i++) {
        uv_poll_t *p = polls[i];
        if (handles_have(&l->polls, p) && file_readable(k, p->io_watcher.fd))
            p->poll_cb(p, 0, UV_READABLE);
    }
    free(polls);
    void **streams = copy_of(&l->streams, &n);
    for (unsigned i = 0; i < n; i++)
        if (handles_have(&l->streams, streams[i]))
            event_loop_stream_serve(k, streams[i]);
    free(streams);
}

static void checks_run(struct loop *l)
{
    unsigned n;
    void **checks = copy_of(&l->checks, &n);
    for (unsigned i = 0; i < n; i++) {
        uv_check_t *c = checks[i];
        if (handles_have(&l->checks, c))
            c->check_cb(c);
    }
    free(checks);
}

static void prepares_run(struct loop *l)
{
    unsigned n;
    void **prepares = copy_of(&l->prepares, &n);
    for (unsigned i = 0; i < n; i++) {
        uv_prepare_t *p = prepares[i];
        if (handles_have(&l->prepares, p))
            p->prepare_cb(p);
    }
    free(prepares);
}

static void closings_run(struct loop *l)
{
    struct handles now = l->closing;
    l->closing = (struct handles){0};
    for (unsigned i = 0; i < now.count; i++) {
        uv_handle_t *h = now.list[i];
        h->flags |= CLOSED;
        if (h->close_cb)
            h->close_cb(h);
    }
    free(now.list);
}

void event_loop_turn(struct process *p)
{
    struct loop *l = p->loop;
    uv_update_time(l->uv);
    descriptors_serve(l);
    checks_run(l);
    closings_run(l);
    uv_update_time(l->uv);
    timers_run(l);
    if (!l->stopped)
        prepares_run(l);
}

static bool ready(const struct process *p)
{
    const struct loop *l = p->loop;
    if (l->closing.count)
        return true;
    for (unsigned i = 0; i < l->polls.count; i++)
        if (file_readable(p->kernel, ((uv_poll_t *)l->polls.list[i])->io_watcher.fd))
            return true;
    for (unsigned i = 0; i < l->streams.count; i++)
        if (event_loop_stream_ready(p->kernel, l->streams.list[i]))
            return true;
    return false;
}

ns event_loop_deadline(const struct process *p)
{
    const struct loop *l = p->loop;
    if (ready(p))
        return 0;
    const uv_timer_t *t = timer_first(l);
    return !t || t->timeout > UINT64_MAX / NS_PER_MS ? NS_NEVER : t->timeout * NS_PER_MS;
}

bool event_loop_stopped(const struct process *p)
{
    return p->loop->stopped;
}
