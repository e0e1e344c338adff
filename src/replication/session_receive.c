/* SPDX-License-Identifier: Apache-2.0 */
/* What a session takes from its peer. Frames are read where they lie; only the beginning of one that is not
 * whole is kept. Always holds: in_len is less than one frame, and no action points into the buffer that the
 * next beginning is kept in. */
#include <assert.h>

#include "replication/session_internal.h"

enum { RECEIVE_GOOD = -1 }; /* else an enum session_lost */

#define BEAT_LEAST (2 * NS_PER_MS)
enum { BEATS_PER_DEAD = 3 }; /* so many signs of life in the time that the peer waits */

/* ---- HELLO ---- */

static int hello_judge(const struct session *s, const struct frame_hello *h)
{
    if (h->magic != FRAME_MAGIC)
        return SESSION_LOST_MAGIC;
    if (h->frame_min > s->config.frame_max || h->frame_max < s->config.frame_min ||
        h->record_min > s->config.record_max || h->record_max < s->config.record_min)
        return SESSION_LOST_VERSION;
    if (h->member != !s->config.member)
        return SESSION_LOST_MEMBER;
    if (memcmp(h->digest, s->config.digest, SESSION_DIGEST) != 0)
        return SESSION_LOST_DIGEST;
    return RECEIVE_GOOD;
}

static void refuse(struct session *s, enum session_lost reason, ns now, struct session_actions *a)
{
    struct frame f = {.type = FRAME_REFUSE, .refuse = (uint16_t)reason};

    session_frame_send(s, &f, now, a);
}

/* As often as we want to, or as the peer needs to not think us dead. */
static ns beat_every(const struct session *s, const struct frame_hello *h)
{
    return MAX(ns_min(s->config.heartbeat, h->dead / BEATS_PER_DEAD), BEAT_LEAST);
}

static int hello_take(struct session *s, const struct frame_hello *h, ns now, struct session_actions *a)
{
    int verdict = hello_judge(s, h);

    if (verdict != RECEIVE_GOOD) {
        refuse(s, (enum session_lost)verdict, now, a);
        return verdict;
    }
    s->up = true;
    s->logged_at = NS_NEVER;
    s->received = s->confirmed = h->sequence;
    s->record_version = MIN(s->config.record_max, h->record_max);
    s->beat_every = beat_every(s, h);
    s->beat_at = now; /* at the end of this step: with our half of the clocks */
    session_clock_hello(s, h->clock, now);
    s->statistics.connections++;
    uint16_t version = MIN(s->config.frame_max, h->frame_max);
    session_action_log(a, 5, "PEERUP",
                       "Replication peer (member %u) is up: frames version %u, records version %u", h->member,
                       version, s->record_version);
    struct session_action *up = session_action_add(a, SESSION_PEER_UP);
    if (!up)
        return SESSION_LOST_MEMORY;
    up->up.member = h->member;
    up->up.frame_version = version;
    up->up.record_version = s->record_version;
    return RECEIVE_GOOD;
}

/* Nothing but HELLO, or the reason why there will be none. */
static int first_take(struct session *s, const struct frame *f, ns now, struct session_actions *a)
{
    if (f->type == FRAME_HELLO)
        return hello_take(s, &f->hello, now, a);
    if (f->type != FRAME_REFUSE)
        return SESSION_LOST_MAGIC;
    session_action_log(a, 4, "REFUSED", "Replication peer refuses us: %s",
                       session_lost_name((enum session_lost)f->refuse));
    return SESSION_LOST_REFUSED;
}

/* ---- the groups' frames ---- */

static struct session_action *group_action(const struct frame *f, enum session_action_kind kind,
                                           struct session_actions *a)
{
    struct session_action *action = session_action_add(a, kind);

    if (!action)
        return NULL;
    action->group = f->group;
    action->snapshot = f->flags & FRAME_FLAG_SNAPSHOT;
    return action;
}

static int record_take(struct session *s, const struct frame *f, struct session_actions *a)
{
    struct session_action *action = group_action(f, f->type == FRAME_PUT ? SESSION_PUT : SESSION_DELETE, a);

    if (!action)
        return SESSION_LOST_MEMORY;
    action->shift = session_shift(s);
    action->put.kind = f->put.kind;
    action->put.key = f->put.key;
    action->put.data = f->put.data;
    s->statistics.records_in += f->type == FRAME_PUT;
    s->statistics.deletes_in += f->type == FRAME_DELETE;
    return RECEIVE_GOOD;
}

static int leases_take(struct session *s, const struct frame *f, struct session_actions *a)
{
    struct session_action *action = group_action(f, SESSION_LEASES, a);

    if (!action)
        return SESSION_LOST_MEMORY;
    action->exact = f->flags & FRAME_FLAG_EXACT;
    action->shift = session_shift(s);
    action->leases.count = f->leases.count;
    action->leases.size = f->leases.size;
    action->leases.raw = f->leases.raw;
    s->statistics.leases_in += f->leases.count;
    return RECEIVE_GOOD;
}

static int snapshot_take(struct session *s, const struct frame *f, struct session_actions *a)
{
    bool begin = f->type == FRAME_SNAPSHOT_BEGIN;

    if (!begin && !group_set_has(&s->snapshot_in, f->group))
        return SESSION_LOST_ORDER;
    group_set_put(&s->snapshot_in, f->group, begin);
    if (begin) {
        s->statistics.resyncs_in += group_set_has(&s->begun_in, f->group);
        group_set_put(&s->begun_in, f->group, true);
    } else {
        s->statistics.snapshots_in++;
    }
    return group_action(f, begin ? SESSION_SNAPSHOT_BEGIN : SESSION_SNAPSHOT_END, a) ? RECEIVE_GOOD
                                                                                     : SESSION_LOST_MEMORY;
}

static int told_take(struct session *s, const struct frame *f, struct session_actions *a)
{
    enum session_action_kind kind = f->type == FRAME_ROLE     ? SESSION_ROLE
                                    : f->type == FRAME_NOTICE ? SESSION_NOTICE
                                                              : SESSION_BYE;
    struct session_action *action = group_action(f, kind, a);

    if (!action)
        return SESSION_LOST_MEMORY;
    if (kind == SESSION_ROLE)
        action->role = f->role;
    if (kind == SESSION_NOTICE) {
        action->notice.code = f->notice.code;
        action->notice.a = f->notice.a;
        action->notice.b = f->notice.b;
    }
    s->bye_in = s->bye_in || kind == SESSION_BYE;
    return RECEIVE_GOOD;
}

/* ---- the order of frames ---- */

static int ack_take(struct session *s, uint64_t acked, ns now, struct session_actions *a)
{
    if (acked < MAX(s->acked, s->base) || acked > s->sequence)
        return SESSION_LOST_ORDER;
    if (acked == s->acked)
        return RECEIVE_GOOD;
    session_ack_take(s, acked, now);
    struct session_action *action = session_action_add(a, SESSION_ACKED);
    if (!action)
        return SESSION_LOST_MEMORY;
    action->acked = acked;
    return RECEIVE_GOOD;
}

static int numbered_take(struct session *s, const struct frame *f, struct session_actions *a)
{
    bool outside = (f->flags & FRAME_FLAG_SNAPSHOT) && !group_set_has(&s->snapshot_in, f->group);

    switch (f->type) {
    case FRAME_PUT:
    case FRAME_DELETE:
        return outside ? SESSION_LOST_ORDER : record_take(s, f, a);
    case FRAME_LEASES:
        return outside ? SESSION_LOST_ORDER : leases_take(s, f, a);
    case FRAME_SNAPSHOT_BEGIN:
    case FRAME_SNAPSHOT_END:
        return snapshot_take(s, f, a);
    default:
        return told_take(s, f, a);
    }
}

static int frame_take(struct session *s, const struct frame *f, bool known, ns now, struct session_actions *a)
{
    if (!s->up)
        return first_take(s, f, now, a);
    if (!known && !(f->flags & FRAME_FLAG_SKIP))
        return SESSION_LOST_UNKNOWN;
    if (f->sequence) {
        if (f->sequence != s->received + 1 || s->bye_in)
            return SESSION_LOST_ORDER;
        s->received++;
    }
    if (!known) {
        s->statistics.skipped_in++;
        return RECEIVE_GOOD;
    }
    switch (f->type) {
    case FRAME_HELLO:
    case FRAME_REFUSE:
        return SESSION_LOST_ORDER;
    case FRAME_HEARTBEAT:
        session_clock_heartbeat(s, &f->heartbeat, now);
        return RECEIVE_GOOD;
    case FRAME_ACK:
        return ack_take(s, f->ack, now, a);
    default:
        return numbered_take(s, f, a);
    }
}

/* ---- the stream ---- */

/* Before the peer is known nothing long is waited for. */
static bool beginning_is_good(const struct session *s, struct bytes in)
{
    struct reader r = reader_of(in);
    uint32_t len = read_be32(&r);
    uint8_t type = read_u8(&r);

    return s->up || r.failed || (len <= FRAME_HELLO_MAX && (type == FRAME_HELLO || type == FRAME_REFUSE));
}

/* Takes whole frames off the beginning; returns how many bytes, with the verdict. */
static size_t frames_take(struct session *s, struct bytes in, ns now, struct session_actions *a, int *verdict)
{
    size_t at = 0;

    *verdict = RECEIVE_GOOD;
    while (*verdict == RECEIVE_GOOD) {
        struct bytes rest = bytes_of(in.data + at, in.len - at);
        struct frame f;
        size_t used;
        if (!beginning_is_good(s, rest)) {
            *verdict = SESSION_LOST_MAGIC;
            break;
        }
        enum frame_result result = frame_parse(rest, &f, &used);
        if (result == FRAME_SHORT)
            break;
        if (result == FRAME_MALFORMED) {
            *verdict = SESSION_LOST_MALFORMED;
            break;
        }
        at += used;
        s->statistics.frames_in++;
        *verdict = frame_take(s, &f, result == FRAME_OK, now, a);
    }
    return at;
}

/* How many bytes the frame at the beginning of what is kept lacks; at least 1 as it is not whole. */
static size_t kept_lacks(const struct session *s)
{
    if (s->in_len < FRAME_HEADER)
        return FRAME_HEADER - s->in_len;
    struct reader r = reader_of(bytes_of(s->in[s->in_used], s->in_len));
    return FRAME_HEADER + (size_t)read_be32(&r) - s->in_len;
}

/* Completes the frame whose beginning was kept, and takes it; `bytes` is then what it did not need. Actions
 * point to it where it lies, so what is kept next goes into the other buffer. */
static int kept_complete(struct session *s, struct bytes *bytes, ns now, struct session_actions *a)
{
    int verdict = RECEIVE_GOOD;

    while (s->in_len && bytes->len && verdict == RECEIVE_GOOD) {
        size_t take = MIN(kept_lacks(s), bytes->len);
        memcpy(s->in[s->in_used] + s->in_len, bytes->data, take);
        s->in_len += take;
        *bytes = bytes_of(bytes->data + take, bytes->len - take);
        if (frames_take(s, bytes_of(s->in[s->in_used], s->in_len), now, a, &verdict)) {
            s->in_len = 0;
            s->in_used = !s->in_used;
        }
    }
    return verdict;
}

static void applied_tell(struct session *s, ns now, struct session_actions *a)
{
    struct frame f = {.type = FRAME_ACK, .ack = s->received};

    if (s->received != s->confirmed && session_frame_send(s, &f, now, a))
        s->confirmed = s->received;
}

void session_receive(struct session *s, struct bytes bytes, ns now, struct session_actions *a)
{
    s->statistics.bytes_in += bytes.len;
    int verdict = kept_complete(s, &bytes, now, a);
    if (verdict == RECEIVE_GOOD && bytes.len) {
        size_t used = frames_take(s, bytes, now, a, &verdict);
        if (verdict == RECEIVE_GOOD && used < bytes.len) {
            s->in_len = bytes.len - used;
            assert(s->in_len < SESSION_IN_SIZE);
            memcpy(s->in[s->in_used], bytes.data + used, s->in_len);
        }
    }
    if (verdict == RECEIVE_GOOD)
        applied_tell(s, now, a);
    else
        session_lose(s, (enum session_lost)verdict, now, a);
}
