/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session: the channel opens and ends, heartbeats, silence, the difference of the clocks. See
 * session.h and session_internal.h. */
#include "replication/session.h"

#include <stdlib.h>

#include "replication/session_internal.h"

#define HANDSHAKE_TIME (5 * NS_PER_S) /* `dead` counts from the peer's HELLO on */
#define CLOCK_WINDOW   (30 * NS_PER_S)
#define RETRY_REFUSED  (10 * NS_PER_S)
#define RETRY_VIOLATED (2 * NS_PER_S)
#define LOG_AGAIN      (300 * NS_PER_S)
#define LATE_AFTER     NS_PER_MS /* served later than this, a silence may be ours */
#define LATE_PATIENCE  NS_PER_MS /* so the shell reads its channel first */

void session_config_default(struct session_config *c)
{
    c->heartbeat = 250 * NS_PER_MS;
    c->dead = NS_PER_S;
    c->unacked_max = 4 * 1024 * 1024;
    c->unacked_hard = 64 * 1024 * 1024;
    c->frame_min = 1;
    c->frame_max = SESSION_FRAME_VERSION;
    c->record_min = 1;
    c->record_max = SESSION_RECORD_VERSION;
}

struct session *session_new(const struct session_config *c)
{
    struct session *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->in[0] = malloc(SESSION_IN_SIZE);
    s->in[1] = malloc(SESSION_IN_SIZE);
    if (!s->in[0] || !s->in[1]) {
        session_free(s);
        return NULL;
    }
    s->config = *c;
    s->sequence = s->base = s->acked = c->sequence_from;
    s->logged_at = NS_NEVER;
    s->clock.now.round_trip = s->clock.before.round_trip = NS_NEVER;
    return s;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(s->in); i++) {
        if (s->in[i])
            wipe(s->in[i], SESSION_IN_SIZE);
        free(s->in[i]);
    }
    free(s->unacked.items);
    free(s);
}

/* ---- names ---- */

const char *session_role_name(uint8_t role)
{
    static const char *const names[SESSION_ROLES] = {"EMPTY", "SYNCING", "STANDBY", "OWNER", "STALE"};

    return role < SESSION_ROLES ? names[role] : "?";
}

const char *session_lost_name(enum session_lost reason)
{
    static const char *const names[SESSION_LOST_REASONS] = {
        [SESSION_LOST_CLOSED] = "the connection ended",
        [SESSION_LOST_LEFT] = "it left in good order",
        [SESSION_LOST_SILENT] = "it is silent",
        [SESSION_LOST_OVERFLOW] = "it acknowledges too slowly",
        [SESSION_LOST_MEMORY] = "no memory",
        [SESSION_LOST_MALFORMED] = "malformed frame",
        [SESSION_LOST_UNKNOWN] = "unknown frame",
        [SESSION_LOST_ORDER] = "frame out of order",
        [SESSION_LOST_MAGIC] = "it does not speak this protocol",
        [SESSION_LOST_MEMBER] = "both have the same member number",
        [SESSION_LOST_VERSION] = "no version in common",
        [SESSION_LOST_DIGEST] = "the configurations differ",
        [SESSION_LOST_REFUSED] = "it refused us",
    };

    return (unsigned)reason < SESSION_LOST_REASONS ? names[reason] : "?";
}

/* ---- the end of a connection ---- */

static bool reason_is_refusal(enum session_lost reason)
{
    return reason == SESSION_LOST_MEMBER || reason == SESSION_LOST_VERSION || reason == SESSION_LOST_DIGEST ||
           reason == SESSION_LOST_REFUSED;
}

static ns reason_retry(enum session_lost reason)
{
    if (reason_is_refusal(reason))
        return RETRY_REFUSED;
    return reason >= SESSION_LOST_OVERFLOW ? RETRY_VIOLATED : 0;
}

/* The end of one that never was up is told once: it comes back with every attempt. */
static bool lost_is_news(struct session *s, enum session_lost reason, ns now)
{
    if (!s->up && s->logged_at != NS_NEVER && s->logged == reason && ns_since(now, s->logged_at) < LOG_AGAIN)
        return false;
    s->logged = (uint8_t)reason;
    s->logged_at = now;
    return true;
}

static void connection_forget(struct session *s)
{
    s->open = s->up = s->bye_in = s->bye_out = s->excused = false;
    s->record_version = 0;
    s->unacked.first = s->unacked.count = s->unacked.bytes = 0;
    s->fed = s->snapshot_out = s->snapshot_in = (struct group_set){0};
    wipe(s->in[s->in_used], s->in_len);
    s->in_len = 0;
}

void session_lose(struct session *s, enum session_lost reason, ns now, struct session_actions *a)
{
    if (!s->open)
        return;
    if (reason == SESSION_LOST_CLOSED && s->bye_in)
        reason = SESSION_LOST_LEFT;
    if (lost_is_news(s, reason, now))
        session_action_log(a, reason == SESSION_LOST_LEFT ? 5 : 4, s->up ? "PEERLOST" : "PEERREFUSED",
                           "Replication peer (member %u) %s: %s", !s->config.member,
                           s->up ? "lost" : "refused", session_lost_name(reason));
    s->statistics.lost[reason]++;
    struct session_action *lost = session_action_add(a, SESSION_PEER_LOST);
    if (lost) {
        lost->lost.reason = (uint8_t)reason;
        lost->lost.was_up = s->up;
        lost->lost.retry = reason_retry(reason);
    }
    connection_forget(s);
}

/* ---- the clocks ---- */

static void clock_take(struct clock_shift *c, ns round_trip, int64_t shift, ns now)
{
    if (ns_since(now, c->started) >= CLOCK_WINDOW) {
        c->before = c->now;
        c->now.round_trip = NS_NEVER;
        c->started = now;
    }
    if (c->now.round_trip == NS_NEVER || round_trip <= c->now.round_trip)
        c->now = (struct clock_sample){.round_trip = round_trip, .shift = shift};
}

/* One way only: whatever a heartbeat measures is better. */
void session_clock_hello(struct session *s, uint64_t peer_clock, ns now)
{
    s->clock = (struct clock_shift){.now = {NS_NEVER - 1, (int64_t)(now - peer_clock)},
                                    .before = {.round_trip = NS_NEVER},
                                    .started = now,
                                    .peer_clock = peer_clock,
                                    .heard = now};
}

void session_clock_heartbeat(struct session *s, const struct frame_heartbeat *h, ns now)
{
    ns away = h->echo ? ns_since(now, h->echo) : 0;

    s->clock.peer_clock = h->clock;
    s->clock.heard = now;
    if (h->echo && h->echo <= now && h->held <= away) {
        ns round_trip = away - h->held;
        clock_take(&s->clock, round_trip, (int64_t)(now - round_trip / 2 - h->clock), now);
    }
}

static const struct clock_sample *clock_best(const struct session *s)
{
    return s->clock.before.round_trip < s->clock.now.round_trip ? &s->clock.before : &s->clock.now;
}

int64_t session_shift(const struct session *s)
{
    return clock_best(s)->round_trip == NS_NEVER ? 0 : clock_best(s)->shift;
}

/* ---- events ---- */

static void opened(struct session *s, ns now, struct session_actions *a)
{
    session_lose(s, SESSION_LOST_CLOSED, now, a);
    s->open = true;
    s->heard = now;
    s->patience = 0;
    s->beat_at = NS_NEVER;
    s->base = s->sequence;
    session_hello_send(s, now, a);
}

static ns silence_at(const struct session *s)
{
    ns due = s->heard + (s->up ? s->config.dead : MAX(s->config.dead, HANDSHAKE_TIME));

    return s->excused ? MAX(due, s->patience) : due;
}

/* A timer served late may be late because our process was: what the peer said meanwhile is still in the
 * channel, so the end is put off once. */
static void silence_check(struct session *s, ns now, struct session_actions *a)
{
    ns due = silence_at(s);

    if (!s->open || now < due)
        return;
    if (!s->excused && now - due > LATE_AFTER) {
        s->excused = true;
        s->patience = now + LATE_PATIENCE;
        return;
    }
    session_lose(s, SESSION_LOST_SILENT, now, a);
}

static void beat_check(struct session *s, ns now, struct session_actions *a)
{
    if (!s->up || now < s->beat_at)
        return;
    session_heartbeat_send(s, now, a);
    s->beat_at = now + s->beat_every;
}

void session_step(struct session *s, const struct session_event *e, struct session_actions *a)
{
    switch (e->kind) {
    case SESSION_EVENT_OPEN:
        opened(s, e->now, a);
        break;
    case SESSION_EVENT_BYTES:
        if (!s->open)
            break;
        s->heard = e->now;
        s->excused = false;
        session_receive(s, e->bytes, e->now, a);
        break;
    case SESSION_EVENT_CLOSED:
        session_lose(s, SESSION_LOST_CLOSED, e->now, a);
        break;
    case SESSION_EVENT_TICK:
        silence_check(s, e->now, a);
        break;
    }
    beat_check(s, e->now, a);
    if (a->failed)
        session_lose(s, SESSION_LOST_MEMORY, e->now, a);
}

ns session_deadline(const struct session *s)
{
    if (!s->open)
        return NS_NEVER;
    return s->up ? ns_min(silence_at(s), s->beat_at) : silence_at(s);
}

/* ---- what is known ---- */

bool session_is_up(const struct session *s)
{
    return s->up;
}

uint64_t session_sequence(const struct session *s)
{
    return s->sequence;
}

uint64_t session_acked(const struct session *s)
{
    return s->acked;
}

uint16_t session_record_version(const struct session *s)
{
    return s->record_version;
}

void session_statistics(const struct session *s, struct session_statistics *ret)
{
    ns round_trip = clock_best(s)->round_trip;

    *ret = s->statistics;
    ret->unacked_bytes = s->unacked.bytes;
    ret->unacked_frames = s->unacked.count ? s->sequence - MAX(s->acked, s->base) : 0;
    ret->round_trip = round_trip == NS_NEVER - 1 ? NS_NEVER : round_trip;
}
