/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may send on the replication channel: each frame, whose parse must survive being written again;
 * and the stream, fresh and after a good HELLO, which must mean the same in whatever pieces it comes. */
#include <assert.h>
#include <stdlib.h>

#include "replication/frame.h"
#include "replication/session.h"

static uint64_t sum(uint64_t h, const void *data, size_t len)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

/* ---- frames ---- */

static void frame_check(struct bytes in)
{
    static uint8_t out[FRAME_HEADER + FRAME_BODY_MAX];
    static struct session_lease leases[FRAME_LEASES_MAX];
    struct frame f, again;
    size_t used, used_again;

    if (frame_parse(in, &f, &used) != FRAME_OK)
        return;
    assert(used <= in.len);
    if (f.type == FRAME_LEASES) {
        for (uint32_t i = 0; i < f.leases.count; i++)
            leases[i] = frame_lease(f.leases.raw, f.leases.size, i);
        f.leases.list = leases;
    }
    struct writer w = writer_of(out, sizeof(out));
    frame_write(&w, &f);
    assert(!w.failed && writer_len(&w) == frame_len(&f) && writer_len(&w) <= used);
    assert(frame_parse(writer_bytes(&w), &again, &used_again) == FRAME_OK && used_again == writer_len(&w));
    assert(again.type == f.type && again.flags == f.flags && again.group == f.group &&
           again.sequence == f.sequence);
    if (f.type == FRAME_PUT)
        assert(again.put.key == f.put.key && bytes_equal(again.put.data, f.put.data));
}

/* ---- the stream ---- */

static struct session_config config(uint8_t member)
{
    struct session_config c = {.member = member};
    session_config_default(&c);
    return c;
}

/* Everything that the list means, borrowed bytes read through. */
static uint64_t actions_sum(uint64_t h, const struct session_actions *a)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct session_action *action = &a->items[i];
        if (action->kind == SESSION_SEND || action->kind == SESSION_LOG)
            continue; /* how acknowledgements are put together depends on the pieces */
        h = sum(h, &action->kind, 1);
        h = sum(h, &action->group, sizeof(action->group));
        if (action->kind == SESSION_PUT || action->kind == SESSION_DELETE) {
            h = sum(h, &action->put.key, sizeof(action->put.key));
            h = sum(h, action->put.data.data, action->put.data.len);
        }
        for (uint32_t n = 0; action->kind == SESSION_LEASES && n < action->leases.count; n++) {
            struct session_lease l = session_action_lease(action, n);
            h = sum(h, &l, sizeof(l));
        }
        if (action->kind == SESSION_ROLE)
            assert(action->role.role < SESSION_ROLES);
        if (action->kind == SESSION_PEER_LOST)
            h = sum(h, &action->lost.reason, 1);
    }
    return h;
}

static uint64_t stream_sum(struct bytes in, size_t piece, struct bytes hello)
{
    struct session_config c = config(0);
    struct session *s = session_new(&c);
    struct session_actions a;
    uint64_t h = 14695981039346656037u;

    if (!s || session_actions_init(&a) < 0)
        abort();
    session_step(s, &(struct session_event){.kind = SESSION_EVENT_OPEN, .now = NS_PER_S}, &a);
    if (hello.len) {
        session_step(s, &(struct session_event){SESSION_EVENT_BYTES, NS_PER_S, hello}, &a);
        assert(session_is_up(s));
        session_feed(s, 7, true);
        for (uint64_t i = 0; i < 5; i++)
            session_put(s, NS_PER_S, 7, 1, i, bytes_of("record", 6), false, &a);
    }
    for (size_t at = 0; at < in.len; at += piece) {
        struct bytes b = bytes_of(in.data + at, MIN(piece, in.len - at));
        session_actions_clear(&a);
        session_step(s, &(struct session_event){SESSION_EVENT_BYTES, NS_PER_S, b}, &a);
        h = actions_sum(h, &a);
    }
    session_free(s);
    session_actions_done(&a);
    return h;
}

/* As member 1 says it. */
static struct bytes hello_make(void)
{
    static uint8_t out[256];
    struct session_config c = config(1);
    struct session *s = session_new(&c);
    struct session_actions a;

    if (!s || session_actions_init(&a) < 0)
        abort();
    session_step(s, &(struct session_event){.kind = SESSION_EVENT_OPEN, .now = NS_PER_S}, &a);
    struct bytes sent = session_action_send(&a, &a.items[0]);
    assert(sent.len <= sizeof(out));
    memcpy(out, sent.data, sent.len);
    session_free(s);
    session_actions_done(&a);
    return bytes_of(out, sent.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes in = bytes_of(data, len), hello = hello_make();
    size_t piece = len ? 1 + data[len - 1] % 32 : 1;

    frame_check(in);
    for (unsigned up = 0; up < 2; up++) {
        struct bytes first = up ? hello : (struct bytes){0};
        assert(stream_sum(in, len ? len : 1, first) == stream_sum(in, piece, first));
    }
    return 0;
}
