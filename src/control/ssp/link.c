/* SPDX-License-Identifier: Apache-2.0 */
/* See link.h. Always holds: the session is open exactly while there is a current connection, between two
 * turns of the loop. */
#include "control/ssp/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/ssp/link_internal.h"
#include "io/clock.h"

#define BACKOFF_FIRST (50 * NS_PER_MS)
#define BACKOFF_MAX   NS_PER_S
#define LOG_AGAIN     (300 * NS_PER_S)

static void flush_later(struct ssp_link *l);

/* ---- what the session asks for ---- */

static void lost(struct ssp_link *l, const struct session_action *action)
{
    struct ssp_connection *c = l->current;

    l->hold_until = clock_now() + action->lost.retry;
    l->current = NULL;
    if (c) {
        ssp_connection_flush(c); /* the peer may as well know why */
        ssp_connection_close(c);
    }
    ssp_link_retry(l);
}

static void up(struct ssp_link *l)
{
    l->backoff = 0;
    l->status.last_failure[0] = l->logged[0] = '\0';
}

/* The list may end with the loss of the peer; what it sends before that goes out first. */
static void actions_carry(struct ssp_link *l, struct session_actions *a)
{
    struct session_actions now = *a;

    if (a->count == 0)
        return;
    if (a->count > 1 || a->items[0].kind != SESSION_SEND)
        l->events.actions(l->events.context, a);
    assert(now.items == a->items && now.count == a->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct session_action *action = &a->items[i];
        switch (action->kind) {
        case SESSION_SEND:
            if (l->current)
                ssp_connection_write(l->current, session_action_send(a, action));
            break;
        case SESSION_LOG:
            l->events.log(l->events.context, action->log.severity, action->log.mnemonic, action->log.text);
            break;
        case SESSION_PEER_UP:
            up(l);
            break;
        case SESSION_PEER_LOST:
            lost(l, action);
            break;
        default:
            break;
        }
    }
    session_actions_clear(a);
}

static void ticked(uv_timer_t *timer);

static void tick_arm(struct ssp_link *l)
{
    ns deadline = session_deadline(l->session);

    if (deadline == NS_NEVER) {
        uv_timer_stop(&l->tick);
        return;
    }
    uv_update_time(l->loop);
    uv_timer_start(&l->tick, ticked, (ns_since(deadline, clock_now()) + NS_PER_MS - 1) / NS_PER_MS, 0);
}

void ssp_link_step(struct ssp_link *l, enum session_event_kind kind, struct bytes bytes)
{
    struct session_event e = {.kind = kind, .now = clock_now(), .bytes = bytes};

    assert(!l->stepping);
    ssp_link_flush(l); /* so that frames go out in the order in which they were made */
    l->stepping = true;
    session_step(l->session, &e, &l->step);
    actions_carry(l, &l->step);
    l->stepping = false;
    if (l->put.count)
        flush_later(l);
    if (l->current)
        ssp_connection_flush(l->current);
    tick_arm(l);
}

static void ticked(uv_timer_t *timer)
{
    ssp_link_step(timer->data, SESSION_EVENT_TICK, (struct bytes){0});
}

/* ---- what is put ---- */

void ssp_link_flush(struct ssp_link *l)
{
    uv_prepare_stop(&l->prepare);
    uv_check_stop(&l->check);
    if (l->stepping) { /* the step's own frames come first */
        flush_later(l);
        return;
    }
    if (l->put.count == 0)
        return;
    l->stepping = true;
    actions_carry(l, &l->put);
    l->stepping = false;
    if (l->current)
        ssp_connection_flush(l->current);
    tick_arm(l);
}

static void before_waiting(uv_prepare_t *prepare)
{
    ssp_link_flush(prepare->data);
}

static void after_events(uv_check_t *check)
{
    ssp_link_flush(check->data);
}

/* Whatever of both comes first in this turn of the loop. */
static void flush_later(struct ssp_link *l)
{
    uv_prepare_start(&l->prepare, before_waiting);
    uv_check_start(&l->check, after_events);
}

static uint64_t put_done(struct ssp_link *l, uint64_t sequence)
{
    if (l->put.count)
        flush_later(l);
    return sequence;
}

uint64_t ssp_link_put(struct ssp_link *l, uint16_t group, uint8_t kind, uint64_t key, struct bytes data,
                      bool snapshot)
{
    return put_done(l, session_put(l->session, clock_now(), group, kind, key, data, snapshot, &l->put));
}

uint64_t ssp_link_delete(struct ssp_link *l, uint16_t group, uint8_t kind, uint64_t key, bool snapshot)
{
    return put_done(l, session_delete(l->session, clock_now(), group, kind, key, snapshot, &l->put));
}

uint64_t ssp_link_leases(struct ssp_link *l, uint16_t group, const struct session_lease *leases, size_t n,
                         bool exact, bool snapshot)
{
    return put_done(l, session_leases(l->session, clock_now(), group, leases, n, exact, snapshot, &l->put));
}

uint64_t ssp_link_snapshot_begin(struct ssp_link *l, uint16_t group)
{
    return put_done(l, session_snapshot_begin(l->session, clock_now(), group, &l->put));
}

uint64_t ssp_link_snapshot_end(struct ssp_link *l, uint16_t group)
{
    return put_done(l, session_snapshot_end(l->session, clock_now(), group, &l->put));
}

uint64_t ssp_link_role(struct ssp_link *l, uint16_t group, const struct session_role_state *role)
{
    return put_done(l, session_role(l->session, clock_now(), group, role, &l->put));
}

uint64_t ssp_link_notice(struct ssp_link *l, uint16_t group, uint32_t code, uint64_t a, uint64_t b)
{
    return put_done(l, session_notice(l->session, clock_now(), group, code, a, b, &l->put));
}

uint64_t ssp_link_bye(struct ssp_link *l)
{
    return put_done(l, session_bye(l->session, clock_now(), &l->put));
}

/* ---- listening, connecting, trying again ---- */

void ssp_link_failure(struct ssp_link *l, const char *what, const char *text)
{
    ns now = clock_now();

    snprintf(l->status.last_failure, sizeof(l->status.last_failure), "%s: %s", what, text);
    if (strcmp(l->logged, l->status.last_failure) == 0 && ns_since(now, l->logged_at) < LOG_AGAIN)
        return;
    memcpy(l->logged, l->status.last_failure, sizeof(l->logged));
    l->logged_at = now;
    l->events.log(l->events.context, 4, "CHANNEL", l->status.last_failure);
}

static void attempt(uv_timer_t *timer)
{
    struct ssp_link *l = timer->data;
    int r = 0;

    if (l->listens ? l->listener != NULL : l->current || !list_empty(&l->connections))
        return;
    if (l->listens) {
        r = ssp_listen(l);
    } else {
        l->status.attempts++;
        r = ssp_connect(l);
    }
    if (r == 0)
        return;
    ssp_link_failure(l, l->listens ? "listen" : "connect", strerror(-r));
    ssp_link_retry(l);
}

void ssp_link_retry(struct ssp_link *l)
{
    ns now = clock_now();

    if (l->freed || (l->listens && l->listener))
        return;
    l->backoff = l->backoff ? ns_min(l->backoff * 2, BACKOFF_MAX) : BACKOFF_FIRST;
    ns wait = MAX(l->backoff, ns_since(l->hold_until, now));
    uv_update_time(l->loop);
    uv_timer_start(&l->retry, attempt, wait / NS_PER_MS, 0);
}

/* ---- life ---- */

void ssp_link_handle_closed(struct ssp_link *l)
{
    assert(l->handles > 0);
    if (--l->handles > 0 || !l->freed)
        return;
    session_free(l->session);
    session_actions_done(&l->step);
    session_actions_done(&l->put);
    tls_credentials_free(l->credentials);
    wipe(l, sizeof(*l));
    free(l);
}

static void handle_closed(uv_handle_t *handle)
{
    ssp_link_handle_closed(handle->data);
}

static void listener_closed(uv_handle_t *handle)
{
    struct ssp_link *l = handle->data;

    free(handle);
    ssp_link_handle_closed(l);
}

static void handles_init(struct ssp_link *l)
{
    uv_timer_init(l->loop, &l->retry);
    uv_timer_init(l->loop, &l->tick);
    uv_prepare_init(l->loop, &l->prepare);
    uv_check_init(l->loop, &l->check);
    l->retry.data = l->tick.data = l->prepare.data = l->check.data = l;
    l->handles = 4;
}

static int parts_make(struct ssp_link *l, char text[TLS_TEXT])
{
    int r = tls_credentials_new(&l->config.tls, &l->credentials, text);

    if (r < 0)
        return r;
    l->session = session_new(&l->config.session);
    r = l->session ? session_actions_init(&l->step) : -ENOMEM;
    return r < 0 ? r : session_actions_init(&l->put);
}

int ssp_link_new(uv_loop_t *loop, const struct ssp_link_config *c, const struct ssp_link_events *events,
                 struct ssp_link **ret, char text[TLS_TEXT])
{
    int order = address_compare(&c->local.address, &c->remote.address);

    text[0] = '\0';
    if (order == 0 || c->local.address.family != c->remote.address.family ||
        c->local.address.family == ADDRESS_NONE)
        return -EINVAL;
    struct ssp_link *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->loop = loop;
    l->config = *c;
    l->events = *events;
    l->listens = order < 0;
    l->config.session.member = !l->listens;
    list_init(&l->connections);
    int r = parts_make(l, text);
    l->config.tls = (struct tls_config){0}; /* the caller's memory */
    if (r < 0) {
        session_free(l->session);
        session_actions_done(&l->step);
        session_actions_done(&l->put);
        tls_credentials_free(l->credentials);
        free(l);
        return r;
    }
    handles_init(l);
    uv_timer_start(&l->retry, attempt, 0, 0);
    *ret = l;
    return 0;
}

void ssp_link_free(struct ssp_link *l)
{
    uv_handle_t *own[] = {(uv_handle_t *)&l->retry, (uv_handle_t *)&l->tick, (uv_handle_t *)&l->prepare,
                          (uv_handle_t *)&l->check};

    assert(!l->stepping && !l->freed);
    if (l->current && l->put.count) {
        for (size_t i = 0; i < l->put.count; i++)
            if (l->put.items[i].kind == SESSION_SEND)
                ssp_connection_write(l->current, session_action_send(&l->put, &l->put.items[i]));
        ssp_connection_flush(l->current);
    }
    l->freed = true;
    l->current = NULL;
    list_for_each_safe(&l->connections, at, next)
        ssp_connection_close(list_entry(at, struct ssp_connection, link));
    if (l->listener) {
        uv_close((uv_handle_t *)l->listener, listener_closed);
        l->listener = NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        uv_close(own[i], handle_closed);
}

/* ---- what is known ---- */

uint8_t ssp_link_member(const struct ssp_link *l)
{
    return l->config.session.member;
}

struct session *ssp_link_session(struct ssp_link *l)
{
    return l->session;
}

void ssp_link_status(const struct ssp_link *l, struct ssp_link_status *ret)
{
    *ret = l->status;
    ret->listening = l->listener != NULL;
    ret->up = session_is_up(l->session);
    list_for_each(&l->connections, at)
    {
        const struct ssp_connection *c = list_entry(at, struct ssp_connection, link);
        ret->unproved += c != l->current && !c->closing;
    }
    ret->connecting = !l->listens && ret->unproved > 0;
    ret->queued = l->current ? uv_stream_get_write_queue_size((const uv_stream_t *)&l->current->tcp) : 0;
}
