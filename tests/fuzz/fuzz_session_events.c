/* SPDX-License-Identifier: Apache-2.0 */
/* Two replication sessions joined by a pipe each way: bytes arrive in pieces that the input chooses, late, or
 * not at all because the connection ends, at one side sooner than at the other. What one tells the other
 * comes in order, once, as it was said; what is acknowledged was carried out; what waits is bounded; a side
 * that keeps the protocol is never called a liar; and the clocks' difference is known as well as it can be.
 */
#include <stdlib.h>

#include "events.h"
#include "replication/session.h"

enum { GROUPS = 3, NOTES = 4096, PIPE = 1 << 16, UNACKED_MAX = 2048, UNACKED_HARD = 8192 };

/* A frame that was told. */
struct note {
    uint8_t kind; /* enum session_action_kind that it is to become */
    bool snapshot, exact;
    uint16_t group;
    uint64_t key;
    uint32_t len;
    uint8_t fill;
};

struct end {
    struct session *s;
    struct session_actions a;
    ns ahead;           /* of the other clock */
    uint8_t pipe[PIPE]; /* on the way to the other one */
    size_t pipe_len;
    bool open; /* the channel, as the shell sees it */
    struct note notes[NOTES];
    uint64_t from, base; /* numbers: before the first of all, before the first of this connection */
    uint64_t taken;      /* number of the other's last frame that was carried out here */
    uint64_t acked;
    bool snapshot[GROUPS];
    ns heard;
};

struct run {
    struct events e;
    struct end ends[2];
    bool alike; /* configurations */
};

static uint8_t source[4096];

static struct end *other_of(struct run *r, const struct end *me)
{
    return &r->ends[me == &r->ends[0]];
}

/* ---- what comes out of a session ---- */

static void connection_over(struct end *me)
{
    me->open = false;
    memset(me->snapshot, 0, sizeof(me->snapshot));
}

static void send(struct run *r, struct end *me, struct bytes data)
{
    if (!other_of(r, me)->open)
        return; /* into nowhere */
    assert(me->pipe_len + data.len <= PIPE);
    memcpy(me->pipe + me->pipe_len, data.data, data.len);
    me->pipe_len += data.len;
}

static void told_check(struct run *r, struct end *me, const struct session_action *a)
{
    const struct end *you = other_of(r, me);
    uint64_t number = ++me->taken;
    assert(number > you->base && number <= session_sequence(you->s));
    const struct note *n = &you->notes[number - you->from - 1];
    assert(a->kind == n->kind && a->snapshot == n->snapshot && a->exact == n->exact);
    assert(a->group == n->group);
    if (a->kind == SESSION_PUT || a->kind == SESSION_DELETE) {
        assert(a->put.key == n->key && a->put.kind == n->fill && a->put.data.len == n->len);
        for (size_t i = 0; i < n->len; i++)
            assert(a->put.data.data[i] == n->fill);
    } else if (a->kind == SESSION_LEASES) {
        assert(a->leases.count == n->len);
        for (uint32_t i = 0; i < n->len; i++) {
            struct session_lease l = session_action_lease(a, i);
            assert(l.slot == i && l.spi_in == n->fill && l.out == n->key && l.in == ~n->key);
        }
    } else if (a->kind == SESSION_ROLE) {
        assert(a->role.role == n->fill && a->role.epoch == n->key && a->role.in_step == (n->len & 1));
    } else if (a->kind == SESSION_NOTICE) {
        assert(a->notice.code == n->fill && a->notice.a == n->key && a->notice.b == n->len);
    }
}

static void lost_check(struct run *r, struct end *me, const struct session_action *a, ns now)
{
    uint8_t reason = a->lost.reason;
    if (r->alike)
        assert(reason <= SESSION_LOST_OVERFLOW);
    else
        assert(reason <= SESSION_LOST_SILENT || reason >= SESSION_LOST_VERSION);
    assert(reason != SESSION_LOST_SILENT || now - me->heard >= NS_PER_S);
    assert(!session_is_up(me->s) && session_deadline(me->s) == NS_NEVER);
    connection_over(me);
}

static void action_take(struct run *r, struct end *me, const struct session_action *a, ns now)
{
    const struct end *you = other_of(r, me);
    switch (a->kind) {
    case SESSION_SEND:
        send(r, me, session_action_send(&me->a, a));
        break;
    case SESSION_PEER_UP:
        assert(r->alike && a->up.member == (me == &r->ends[0]));
        me->taken = you->base;
        break;
    case SESSION_PEER_LOST:
        lost_check(r, me, a, now);
        break;
    case SESSION_ACKED:
        assert(a->acked > me->acked && a->acked <= session_sequence(me->s) && a->acked <= you->taken);
        me->acked = a->acked;
        break;
    case SESSION_LOG:
        break;
    default:
        told_check(r, me, a);
        break;
    }
}

static void clock_check(const struct end *me, const struct end *you, const struct session_statistics *s)
{
    int64_t error = session_shift(me->s) - (int64_t)(me->ahead - you->ahead);
    if (s->round_trip != NS_NEVER)
        assert((uint64_t)llabs(error) <= s->round_trip / 2 + 1);
}

static void end_check(struct run *r, struct end *me)
{
    struct session_statistics s;
    session_statistics(me->s, &s);
    assert(!me->a.failed && s.unacked_bytes <= UNACKED_HARD);
    assert(session_room(me->s) <= UNACKED_MAX);
    assert((s.unacked_frames == 0) == (session_unacked_since(me->s) == NS_NEVER));
    assert(session_acked(me->s) <= session_sequence(me->s));
    assert(!session_is_up(me->s) || me->open);
    clock_check(me, other_of(r, me), &s);
}

static ns clock_of(const struct run *r, const struct end *me)
{
    return r->e.now + me->ahead;
}

static void actions_take(struct run *r, struct end *me)
{
    for (size_t i = 0; i < me->a.count; i++)
        action_take(r, me, &me->a.items[i], clock_of(r, me));
    session_actions_clear(&me->a);
    end_check(r, me);
}

static void step(struct run *r, struct end *me, enum session_event_kind kind, struct bytes bytes)
{
    const struct session_event event = {kind, clock_of(r, me), bytes};
    session_step(me->s, &event, &me->a);
    actions_take(r, me);
}

/* ---- what happens ---- */

static void connect(struct run *r)
{
    for (unsigned i = 0; i < 2; i++) {
        struct end *me = &r->ends[i];
        me->pipe_len = 0;
        if (events_bool(&r->e))
            step(r, me, SESSION_EVENT_CLOSED, (struct bytes){0});
        connection_over(me);
        me->base = session_sequence(me->s);
    }
    r->ends[0].open = r->ends[1].open = true;
    for (unsigned i = 0; i < 2; i++) {
        struct end *me = &r->ends[i];
        me->heard = clock_of(r, me);
        me->pipe_len = 0;
        const struct session_event event = {.kind = SESSION_EVENT_OPEN, .now = me->heard};
        session_step(me->s, &event, &me->a);
        /* The end of the last connection, if it was not told of it, comes first. */
        for (size_t n = 0; n < me->a.count; n++)
            if (me->a.items[n].kind != SESSION_PEER_LOST)
                action_take(r, me, &me->a.items[n], me->heard);
        session_actions_clear(&me->a);
    }
}

/* Some of what the other one sent arrives. */
static void deliver(struct run *r, struct end *me, size_t most)
{
    struct end *you = other_of(r, me);
    size_t len = MIN(most, you->pipe_len);
    if (!me->open || len == 0)
        return;
    uint8_t *piece = malloc(len); /* where AddressSanitizer sees who reads it too late */
    assert(piece);
    memcpy(piece, you->pipe, len);
    memmove(you->pipe, you->pipe + len, you->pipe_len - len);
    you->pipe_len -= len;
    me->heard = clock_of(r, me);
    step(r, me, SESSION_EVENT_BYTES, bytes_of(piece, len));
    free(piece);
}

static void closed(struct run *r, struct end *me)
{
    other_of(r, me)->pipe_len = 0;
    step(r, me, SESSION_EVENT_CLOSED, (struct bytes){0});
    connection_over(me);
}

static void tick(struct run *r, struct end *me)
{
    unsigned rounds = 0;
    do {
        step(r, me, SESSION_EVENT_TICK, (struct bytes){0});
        assert(++rounds < 5);
    } while (session_deadline(me->s) <= clock_of(r, me));
}

static uint64_t tell_record(struct run *r, struct end *me, struct note *n, uint8_t what)
{
    ns now = clock_of(r, me);
    n->snapshot = what & 128 && me->snapshot[n->group];
    if (what & 64) {
        n->kind = SESSION_PUT;
        n->len = what & 32 ? n->fill * 12U : n->fill;
        memset(source, n->fill, n->len);
        return session_put(me->s, now, n->group, n->fill, n->key, bytes_of(source, n->len), n->snapshot,
                           &me->a);
    }
    n->kind = SESSION_DELETE;
    return session_delete(me->s, now, n->group, n->fill, n->key, n->snapshot, &me->a);
}

static uint64_t tell_leases(struct run *r, struct end *me, struct note *n, uint8_t what)
{
    struct session_lease leases[85];
    n->kind = SESSION_LEASES;
    n->snapshot = what & 128 && me->snapshot[n->group];
    n->exact = what & 64;
    n->len = 1 + 12 * (what >> 3 & 7);
    for (uint32_t i = 0; i < n->len; i++)
        leases[i] = (struct session_lease){i, n->fill, n->key, ~n->key};
    return session_leases(me->s, clock_of(r, me), n->group, leases, n->len, n->exact, n->snapshot, &me->a);
}

static uint64_t tell_snapshot(struct run *r, struct end *me, struct note *n)
{
    ns now = clock_of(r, me);
    if (me->snapshot[n->group]) {
        n->kind = SESSION_SNAPSHOT_END;
        me->snapshot[n->group] = false;
        return session_snapshot_end(me->s, now, n->group, &me->a);
    }
    n->kind = SESSION_SNAPSHOT_BEGIN;
    uint64_t number = session_snapshot_begin(me->s, now, n->group, &me->a);
    me->snapshot[n->group] = number != 0;
    return number;
}

static uint64_t tell_other(struct run *r, struct end *me, struct note *n, uint8_t what)
{
    ns now = clock_of(r, me);
    if ((what & 0xf8) == 0xf8) {
        *n = (struct note){.kind = SESSION_BYE};
        return session_bye(me->s, now, &me->a);
    }
    if (what & 8) {
        n->kind = SESSION_NOTICE;
        n->len = what;
        return session_notice(me->s, now, n->group, n->fill, n->key, n->len, &me->a);
    }
    const struct session_role_state role = {what >> 4 & 3, what & 128, (uint32_t)(n->key &= 0xffffffff)};
    n->kind = SESSION_ROLE;
    n->fill = role.role;
    n->len = role.in_step;
    return session_role(me->s, now, n->group, &role, &me->a);
}

static void tell(struct run *r, struct end *me)
{
    uint8_t what = events_u8(&r->e), fill = events_u8(&r->e);
    uint64_t before = session_sequence(me->s), number = 0;
    bool up = session_is_up(me->s);
    struct note *n = &me->notes[before - me->from];
    *n = (struct note){.group = fill % GROUPS, .key = events_near(&r->e, before), .fill = fill};
    if (what % 8 < 4)
        number = tell_record(r, me, n, what);
    else if (what % 8 < 5)
        number = tell_leases(r, me, n, what);
    else if (what % 8 < 6)
        number = tell_snapshot(r, me, n);
    else if (what % 8 < 7)
        number = tell_other(r, me, n, what);
    else if (!session_feed(me->s, n->group, what & 8))
        me->snapshot[n->group] = false;
    /* A number is the next one, and nothing else takes one. */
    assert(session_sequence(me->s) == before + (number != 0) && (!number || number == before + 1));
    assert(!number || up);
    actions_take(r, me);
}

static void happen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct end *me = &r->ends[kind & 1];
    ns due = session_deadline(me->s);
    events_pass(&r->e, due == NS_NEVER ? due : ns_since(due, me->ahead));
    switch (kind >> 1 & 15) {
    case 0:
        connect(r);
        break;
    case 1:
        closed(r, me);
        break;
    case 2:
    case 3:
        tick(r, me);
        break;
    case 4:
    case 5:
        deliver(r, me, 1 + events_u8(&r->e));
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        deliver(r, me, PIPE);
        break;
    default:
        tell(r, me);
        break;
    }
}

static void end_begin(struct run *r, unsigned i)
{
    struct end *me = &r->ends[i];
    struct session_config c = {.member = (uint8_t)i};
    uint8_t flags = events_u8(&r->e);
    session_config_default(&c);
    c.unacked_max = UNACKED_MAX;
    c.unacked_hard = UNACKED_HARD;
    c.sequence_from = me->from = me->base = me->acked = flags & 1 ? 0 : UINT32_MAX;
    if ((flags & 0xf0) == 0xf0) {
        r->alike = false;
        c.digest[3] = (uint8_t)(1 + i);
    }
    me->ahead = flags & 2 ? 5000 * NS_PER_S : 0;
    me->pipe_len = 0;
    me->taken = 0;
    connection_over(me);
    me->s = session_new(&c);
    assert(me->s && session_actions_init(&me->a) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    r.e = events_of(data, len, NS_PER_S);
    r.alike = true;
    end_begin(&r, 0);
    end_begin(&r, 1);
    connect(&r);
    while (events_next(&r.e))
        happen(&r);
    for (unsigned i = 0; i < 2; i++) {
        session_free(r.ends[i].s);
        session_actions_done(&r.ends[i].a);
    }
    return 0;
}
