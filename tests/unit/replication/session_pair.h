/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions back to back over a channel that cuts the stream as the test wants it. */
#ifndef TESTS_UNIT_REPLICATION_SESSION_PAIR_H
#define TESTS_UNIT_REPLICATION_SESSION_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "replication/frame.h"
#include "replication/session.h"

#define MS NS_PER_MS

enum { PAIR_TEXT = 4096, PAIR_KEYS = 256 };

struct side {
    struct session *s;
    struct session_config config;
    struct session_actions a;
    int64_t clock; /* added to the pair's time */
    uint8_t *wire; /* sent, not delivered yet */
    size_t wire_len, wire_size;
    bool open;            /* the channel, at this side */
    char text[PAIR_TEXT]; /* one letter per action in order, see pair_letters */
    size_t text_len;
    uint32_t crc[PAIR_KEYS]; /* of the record under this key; 0: none */
    size_t records;
    struct session_action last[SESSION_LOG + 1]; /* of each kind */
    struct session_lease lease;                  /* the last one */
    unsigned sends, logs;
};

struct pair {
    struct side side[2];
    ns now;
    size_t cut;     /* bytes per delivery; 0: all */
    size_t stop[2]; /* no byte after this many goes to that side; 0: no such limit */
    size_t carried[2];
};

/* S is not shown. */
static const char pair_letters[] = "SULpdlbernaBg";

static inline uint32_t pair_sum(struct bytes b)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < b.len; i++)
        sum = (sum ^ b.data[i]) * 16777619u;
    return sum | 1;
}

static inline ns side_now(const struct pair *p, const struct side *x)
{
    return (ns)((int64_t)p->now + x->clock);
}

static inline void side_send(struct side *x, struct bytes b)
{
    if (!x->open)
        return;
    if (x->wire_len + b.len > x->wire_size) {
        x->wire_size = (x->wire_len + b.len) * 2;
        x->wire = realloc(x->wire, x->wire_size);
        assert_non_null(x->wire);
    }
    memcpy(x->wire + x->wire_len, b.data, b.len);
    x->wire_len += b.len;
}

static inline void side_note(struct side *x, const struct session_action *action)
{
    x->last[action->kind] = *action;
    if (action->kind == SESSION_SEND)
        return;
    if (x->text_len + 1 < PAIR_TEXT)
        x->text[x->text_len++] = pair_letters[action->kind];
    x->text[x->text_len] = '\0';
}

/* Carries out what the session asks for, in order. */
static inline void side_carry(struct side *x)
{
    for (size_t i = 0; i < x->a.count; i++) {
        const struct session_action *action = &x->a.items[i];
        side_note(x, action);
        switch (action->kind) {
        case SESSION_SEND:
            x->sends++;
            side_send(x, session_action_send(&x->a, action));
            break;
        case SESSION_PUT:
            x->crc[action->put.key % PAIR_KEYS] = pair_sum(action->put.data);
            x->records++;
            break;
        case SESSION_DELETE:
            x->crc[action->put.key % PAIR_KEYS] = 0;
            break;
        case SESSION_LEASES:
            x->lease = session_action_lease(action, action->leases.count - 1);
            break;
        case SESSION_PEER_LOST:
            x->open = false;
            break;
        case SESSION_LOG:
            x->logs++;
            break;
        default:
            break;
        }
    }
    session_actions_clear(&x->a);
}

static inline void side_step(struct pair *p, unsigned n, enum session_event_kind kind, struct bytes bytes)
{
    struct side *x = &p->side[n];
    struct session_event e = {.kind = kind, .now = side_now(p, x), .bytes = bytes};
    session_step(x->s, &e, &x->a);
    side_carry(x);
}

/* Hands on what lies in the channel in one direction. The bytes are a copy of their own, so that whoever
 * reads beyond them is found. */
static inline bool pair_deliver(struct pair *p, unsigned from)
{
    struct side *x = &p->side[from], *y = &p->side[!from];
    size_t len = p->cut ? MIN(p->cut, x->wire_len) : x->wire_len;
    if (p->stop[!from])
        len = MIN(len, p->stop[!from] - p->carried[!from]);
    if (len == 0)
        return false;
    uint8_t *piece = malloc(len);
    assert_non_null(piece);
    memcpy(piece, x->wire, len);
    memmove(x->wire, x->wire + len, x->wire_len - len);
    x->wire_len -= len;
    p->carried[!from] += len;
    if (y->open)
        side_step(p, !from, SESSION_EVENT_BYTES, bytes_of(piece, len));
    free(piece);
    return true;
}

static inline void pair_run(struct pair *p)
{
    bool more = true;
    while (more) {
        more = pair_deliver(p, 0);
        more = pair_deliver(p, 1) || more;
    }
}

/* Virtual time passes; ticks where a deadline asks for one. `mute`: what that side sends is lost. */
static inline void pair_pass(struct pair *p, ns time, int mute)
{
    for (ns end = p->now + time; p->now < end;) {
        p->now += MS;
        for (unsigned n = 0; n < 2; n++) {
            if (session_deadline(p->side[n].s) <= side_now(p, &p->side[n]))
                side_step(p, n, SESSION_EVENT_TICK, (struct bytes){0});
            if (mute == (int)n)
                p->side[n].wire_len = 0;
        }
        pair_run(p);
    }
}

static inline void pair_init(struct pair *p)
{
    *p = (struct pair){.now = 1000 * NS_PER_S};
    for (unsigned n = 0; n < 2; n++) {
        session_config_default(&p->side[n].config);
        p->side[n].config.member = (uint8_t)n;
        memset(p->side[n].config.digest, 0x5a, SESSION_DIGEST);
        assert_int_equal(session_actions_init(&p->side[n].a), 0);
    }
}

static inline void pair_open(struct pair *p)
{
    for (unsigned n = 0; n < 2; n++) {
        struct side *x = &p->side[n];
        if (!x->s)
            x->s = session_new(&x->config);
        assert_non_null(x->s);
        x->open = true;
        x->wire_len = p->carried[n] = 0;
        x->text_len = 0;
        x->text[0] = '\0';
        side_step(p, n, SESSION_EVENT_OPEN, (struct bytes){0});
    }
}

static inline void pair_up(struct pair *p)
{
    pair_open(p);
    pair_run(p);
    for (unsigned n = 0; n < 2; n++) {
        assert_string_equal(p->side[n].text, "gU");
        assert_true(session_is_up(p->side[n].s));
        p->side[n].text_len = 0;
        p->side[n].text[0] = '\0';
    }
}

static inline void pair_done(struct pair *p)
{
    for (unsigned n = 0; n < 2; n++) {
        session_free(p->side[n].s);
        session_actions_done(&p->side[n].a);
        free(p->side[n].wire);
    }
}

#endif
