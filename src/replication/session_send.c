/* SPDX-License-Identifier: Apache-2.0 */
/* What a session tells its peer, and what of it waits to be acknowledged. Always holds: the queue has every
 * frame of this connection after `acked`, in order; its bytes never pass unacked_hard. */
#include <assert.h>
#include <stdlib.h>

#include "replication/session_internal.h"

enum { UNACKED_FIRST = 64, UNACKED_MERGE = 16 * 1024 };

/* ---- the queue ---- */

static struct unacked *queue_at(const struct unacked_queue *q, size_t i)
{
    return &q->items[(q->first + i) & (q->size - 1)];
}

static bool queue_grow(struct unacked_queue *q)
{
    size_t size = q->size ? q->size * 2 : UNACKED_FIRST;
    struct unacked *items = malloc(size * sizeof(*items));

    if (!items)
        return false;
    for (size_t i = 0; i < q->count; i++)
        items[i] = *queue_at(q, i);
    free(q->items);
    q->items = items;
    q->first = 0;
    q->size = size;
    return true;
}

/* Frames of one moment share an entry, up to a size. */
static bool queue_push(struct unacked_queue *q, uint64_t sequence, size_t bytes, ns now)
{
    struct unacked *last = q->count ? queue_at(q, q->count - 1) : NULL;

    q->bytes += bytes;
    if (last && last->since == now && last->bytes < UNACKED_MERGE) {
        last->last = sequence;
        last->bytes += bytes;
        return true;
    }
    if (q->count == q->size && !queue_grow(q))
        return false;
    *queue_at(q, q->count++) = (struct unacked){.last = sequence, .since = now, .bytes = bytes};
    return true;
}

void session_ack_take(struct session *s, uint64_t acked, ns now)
{
    struct unacked_queue *q = &s->unacked;

    s->acked = acked;
    while (q->count && queue_at(q, 0)->last <= acked) {
        s->statistics.ack_delay = ns_since(now, queue_at(q, 0)->since);
        s->statistics.ack_delay_peak = MAX(s->statistics.ack_delay_peak, s->statistics.ack_delay);
        q->bytes -= queue_at(q, 0)->bytes;
        q->first = (q->first + 1) & (q->size - 1);
        q->count--;
    }
}

size_t session_room(const struct session *s)
{
    if (!s->up || s->bye_in || s->bye_out || s->unacked.bytes >= s->config.unacked_max)
        return 0;
    return s->config.unacked_max - s->unacked.bytes;
}

ns session_unacked_since(const struct session *s)
{
    return s->unacked.count ? queue_at(&s->unacked, 0)->since : NS_NEVER;
}

size_t session_unacked_bytes(const struct session *s)
{
    return s->unacked.bytes;
}

/* ---- one frame ---- */

bool session_frame_send(struct session *s, const struct frame *f, ns now, struct session_actions *a)
{
    size_t len = frame_len(f);
    uint8_t *out = session_action_out(a, len);

    if (!out) {
        session_lose(s, SESSION_LOST_MEMORY, now, a);
        return false;
    }
    struct writer w = writer_of(out, len);
    frame_write(&w, f);
    assert(!w.failed && writer_len(&w) == len);
    s->statistics.frames_out++;
    s->statistics.bytes_out += len;
    return true;
}

void session_hello_send(struct session *s, ns now, struct session_actions *a)
{
    struct frame f = {.type = FRAME_HELLO,
                      .hello = {.magic = FRAME_MAGIC,
                                .frame_min = s->config.frame_min,
                                .frame_max = s->config.frame_max,
                                .record_min = s->config.record_min,
                                .record_max = s->config.record_max,
                                .member = s->config.member,
                                .clock = now,
                                .heartbeat = s->config.heartbeat,
                                .dead = s->config.dead,
                                .sequence = s->base}};

    memcpy(f.hello.digest, s->config.digest, sizeof(f.hello.digest));
    session_frame_send(s, &f, now, a);
}

void session_heartbeat_send(struct session *s, ns now, struct session_actions *a)
{
    struct frame f = {
        .type = FRAME_HEARTBEAT,
        .heartbeat = {.clock = now, .echo = s->clock.peer_clock, .held = ns_since(now, s->clock.heard)}};

    session_frame_send(s, &f, now, a);
}

/* Gives the frame its number. */
static uint64_t numbered_send(struct session *s, struct frame *f, ns now, struct session_actions *a)
{
    size_t len = frame_len(f);

    if (!s->up || s->bye_in || s->bye_out)
        return 0;
    if (s->unacked.bytes + len > s->config.unacked_hard) {
        session_lose(s, SESSION_LOST_OVERFLOW, now, a);
        return 0;
    }
    f->sequence = s->sequence + 1;
    if (!session_frame_send(s, f, now, a))
        return 0;
    s->sequence++;
    if (!queue_push(&s->unacked, f->sequence, len, now)) {
        session_lose(s, SESSION_LOST_MEMORY, now, a);
        return 0;
    }
    s->statistics.unacked_peak = MAX(s->statistics.unacked_peak, s->unacked.bytes);
    return f->sequence;
}

/* ---- the groups' frames ---- */

bool session_feed(struct session *s, uint16_t group, bool on)
{
    bool can = s->up && !s->bye_in && !s->bye_out;

    group_set_put(&s->fed, group, on && can);
    if (!on)
        group_set_put(&s->snapshot_out, group, false);
    return on && can;
}

bool session_fed(const struct session *s, uint16_t group)
{
    return s->up && group_set_has(&s->fed, group);
}

static uint8_t snapshot_flag(const struct session *s, uint16_t group, bool snapshot)
{
    assert(!snapshot || group_set_has(&s->snapshot_out, group));
    return snapshot ? FRAME_FLAG_SNAPSHOT : 0;
}

uint64_t session_put(struct session *s, ns now, uint16_t group, uint8_t kind, uint64_t key, struct bytes data,
                     bool snapshot, struct session_actions *a)
{
    assert(data.len <= SESSION_DATA_MAX);
    if (!session_fed(s, group))
        return 0;
    struct frame f = {.type = FRAME_PUT,
                      .flags = snapshot_flag(s, group, snapshot),
                      .group = group,
                      .put = {.kind = kind, .key = key, .data = data}};
    uint64_t sequence = numbered_send(s, &f, now, a);
    s->statistics.records_out += sequence != 0;
    return sequence;
}

uint64_t session_delete(struct session *s, ns now, uint16_t group, uint8_t kind, uint64_t key, bool snapshot,
                        struct session_actions *a)
{
    if (!session_fed(s, group))
        return 0;
    struct frame f = {.type = FRAME_DELETE,
                      .flags = snapshot_flag(s, group, snapshot),
                      .group = group,
                      .put = {.kind = kind, .key = key}};
    uint64_t sequence = numbered_send(s, &f, now, a);
    s->statistics.deletes_out += sequence != 0;
    return sequence;
}

uint64_t session_leases(struct session *s, ns now, uint16_t group, const struct session_lease *leases,
                        size_t n, bool exact, bool snapshot, struct session_actions *a)
{
    uint64_t sequence = 0;

    for (size_t at = 0; at < n && session_fed(s, group); at += FRAME_LEASES_MAX) {
        struct frame f = {
            .type = FRAME_LEASES,
            .flags = snapshot_flag(s, group, snapshot) | (exact ? FRAME_FLAG_EXACT : 0),
            .group = group,
            .leases = {.count = (uint32_t)MIN(n - at, (size_t)FRAME_LEASES_MAX), .list = leases + at}};
        sequence = numbered_send(s, &f, now, a);
        s->statistics.leases_out += sequence ? f.leases.count : 0;
    }
    return session_fed(s, group) ? sequence : 0;
}

uint64_t session_snapshot_begin(struct session *s, ns now, uint16_t group, struct session_actions *a)
{
    struct frame f = {.type = FRAME_SNAPSHOT_BEGIN, .group = group};
    uint64_t sequence = numbered_send(s, &f, now, a);

    if (!sequence)
        return 0;
    s->statistics.resyncs_out += group_set_has(&s->begun_out, group);
    group_set_put(&s->begun_out, group, true);
    group_set_put(&s->fed, group, true);
    group_set_put(&s->snapshot_out, group, true);
    return sequence;
}

uint64_t session_snapshot_end(struct session *s, ns now, uint16_t group, struct session_actions *a)
{
    struct frame f = {.type = FRAME_SNAPSHOT_END, .group = group};

    if (!session_fed(s, group))
        return 0;
    assert(group_set_has(&s->snapshot_out, group));
    group_set_put(&s->snapshot_out, group, false);
    uint64_t sequence = numbered_send(s, &f, now, a);
    s->statistics.snapshots_out += sequence != 0;
    return sequence;
}

uint64_t session_role(struct session *s, ns now, uint16_t group, const struct session_role_state *role,
                      struct session_actions *a)
{
    struct frame f = {.type = FRAME_ROLE, .group = group, .role = *role};

    assert(role->role < SESSION_ROLES);
    return numbered_send(s, &f, now, a);
}

uint64_t session_notice(struct session *s, ns now, uint16_t group, uint32_t code, uint64_t x, uint64_t y,
                        struct session_actions *a)
{
    struct frame f = {.type = FRAME_NOTICE, .group = group, .notice = {.code = code, .a = x, .b = y}};

    return numbered_send(s, &f, now, a);
}

uint64_t session_bye(struct session *s, ns now, struct session_actions *a)
{
    struct frame f = {.type = FRAME_BYE};
    uint64_t sequence = numbered_send(s, &f, now, a);

    s->bye_out = s->bye_out || sequence != 0;
    return sequence;
}
