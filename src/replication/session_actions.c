/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what a session asks its shell to do, see session.h. What is sent holds keys: it is wiped when
 * it was carried out. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "replication/session_internal.h"

enum {
    ITEMS_FIRST = 64,
    ITEMS_RESERVE = 4, /* PEER_LOST and its LOG, twice */
    ITEMS_KEEP = 1024, /* what is more is given back by clear */
    OUT_FIRST = 16 * 1024,
    OUT_KEEP = 1024 * 1024,
};

int session_actions_init(struct session_actions *a)
{
    *a = (struct session_actions){0};
    a->items = malloc(ITEMS_FIRST * sizeof(*a->items));
    a->size = ITEMS_FIRST;
    return a->items ? 0 : -ENOMEM;
}

static void out_free(struct session_actions *a)
{
    if (a->out)
        wipe(a->out, a->out_len);
    free(a->out);
    a->out = NULL;
    a->out_size = 0;
}

void session_actions_clear(struct session_actions *a)
{
    if (a->out_size > OUT_KEEP)
        out_free(a);
    else if (a->out_len)
        wipe(a->out, a->out_len);
    if (a->size > ITEMS_KEEP) {
        struct session_action *fewer = realloc(a->items, ITEMS_FIRST * sizeof(*a->items));
        a->items = fewer ? fewer : a->items;
        a->size = fewer ? ITEMS_FIRST : a->size;
    }
    a->count = a->out_len = 0;
    a->failed = false;
}

void session_actions_done(struct session_actions *a)
{
    out_free(a);
    free(a->items);
    *a = (struct session_actions){0};
}

static bool items_grow(struct session_actions *a)
{
    struct session_action *more = realloc(a->items, a->size * 2 * sizeof(*a->items));

    if (!more)
        return false;
    a->items = more;
    a->size *= 2;
    return true;
}

struct session_action *session_action_add(struct session_actions *a, enum session_action_kind kind)
{
    bool last_words = kind == SESSION_LOG || kind == SESSION_PEER_LOST;

    assert(a->items);
    if (a->count + ITEMS_RESERVE >= a->size && !items_grow(a)) {
        a->failed = true;
        if (!last_words || a->count == a->size)
            return NULL;
    }
    struct session_action *action = &a->items[a->count++];
    *action = (struct session_action){.kind = (uint8_t)kind};
    return action;
}

static bool out_grow(struct session_actions *a, size_t need)
{
    size_t size = MAX(a->out_size, (size_t)OUT_FIRST);

    while (size < need)
        size *= 2;
    uint8_t *more = malloc(size);
    if (!more)
        return false;
    if (a->out_len)
        memcpy(more, a->out, a->out_len);
    out_free(a);
    a->out = more;
    a->out_size = size;
    return true;
}

uint8_t *session_action_out(struct session_actions *a, size_t len)
{
    struct session_action *send = a->count ? &a->items[a->count - 1] : NULL;

    if (a->out_len + len > a->out_size && !out_grow(a, a->out_len + len)) {
        a->failed = true;
        return NULL;
    }
    if (!send || send->kind != SESSION_SEND) {
        send = session_action_add(a, SESSION_SEND);
        if (!send)
            return NULL;
        send->send.offset = a->out_len;
    }
    send->send.len += len;
    a->out_len += len;
    return a->out + a->out_len - len;
}

void session_action_log(struct session_actions *a, uint8_t severity, const char *mnemonic, const char *format,
                        ...)
{
    struct session_action *action = session_action_add(a, SESSION_LOG);
    va_list arguments;

    if (!action)
        return;
    action->log.severity = severity;
    action->log.mnemonic = mnemonic;
    va_start(arguments, format);
    vsnprintf(action->log.text, sizeof(action->log.text), format, arguments);
    va_end(arguments);
}

struct bytes session_action_send(const struct session_actions *a, const struct session_action *action)
{
    assert(action->kind == SESSION_SEND);
    return bytes_of(a->out + action->send.offset, action->send.len);
}

struct session_lease session_action_lease(const struct session_action *action, uint32_t i)
{
    assert(action->kind == SESSION_LEASES && i < action->leases.count);
    return frame_lease(action->leases.raw, action->leases.size, i);
}
