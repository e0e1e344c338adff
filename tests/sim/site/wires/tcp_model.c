/* SPDX-License-Identifier: Apache-2.0 */
/* See tcp_model.h. */
#include "site/wires/tcp_model.h"

#include <assert.h>
#include <stdlib.h>

#include "site/wires/traffic.h"

enum { TCP_OVERHEAD = 52, TCP_WINDOW = 10, TCP_SYN = 0 /* segment 0; record n is segment n + 1 */ };

static const ns rto_least = 200 * NS_PER_MS, rto_first = 1 * NS_PER_S, rto_most = 120 * NS_PER_S;
static const ns probe_least = 2 * NS_PER_MS;

struct segment {
    ns sent; /* last time */
    uint32_t times;
    bool arrived; /* as far as the sender knows */
    bool lost;    /* to be sent again */
};

struct acknowledgement {
    uint64_t up_to;   /* the receiver has all segments below */
    uint64_t segment; /* and this one */
    uint64_t transmission;
};

struct tcp_model {
    struct traffic_flow *flow;
    void (*connected)(void *flow);
    /* The sender. */
    struct segment *segments;
    uint64_t written, next, oldest; /* segments: made, to be sent first time, not acknowledged */
    uint64_t room;
    uint64_t *transmissions; /* which segment it was; numbers from 1 */
    uint64_t transmission_count, transmission_room;
    uint32_t window, flying;
    ns round_trip, variation; /* 0: not known */
    ns newest_arrived;        /* when that was sent of which an acknowledgement came */
    unsigned backoff;
    bool probed; /* since the last acknowledgement */
    bool torn;
    uint64_t alarms;
    ns alarm_at;
    /* The receiver. */
    uint64_t received_up_to;
    bool *received;
    uint64_t received_room;
    struct acknowledgement *acknowledgements; /* numbers from 1 */
    uint64_t acknowledgement_count, acknowledgement_room;
};

static void *grown(void *array, uint64_t *room, uint64_t need, size_t size)
{
    if (need <= *room)
        return array;
    uint64_t more = MAX(need, *room ? 2 * *room : 256);
    array = realloc(array, more * size);
    assert(array);
    memset((uint8_t *)array + *room * size, 0, (more - *room) * size);
    *room = more;
    return array;
}

static ns now(const struct tcp_model *m)
{
    return site_now(m->flow->traffic->site);
}

static void transmit(struct tcp_model *m, uint64_t segment)
{
    struct segment *s = &m->segments[segment];
    m->transmissions =
        grown(m->transmissions, &m->transmission_room, m->transmission_count + 2, sizeof(uint64_t));
    m->transmissions[++m->transmission_count] = segment;
    m->flying += s->times == 0 || s->lost;
    s->lost = false;
    s->times++;
    s->sent = now(m);
    uint32_t size = segment == TCP_SYN ? 0 : m->flow->settings.size;
    traffic_send(m->flow, false, TRAFFIC_DATA, m->transmission_count, size + TCP_OVERHEAD);
}

static ns timeout(const struct tcp_model *m)
{
    ns rto = m->round_trip ? m->round_trip + MAX(4 * m->variation, rto_least) : rto_first;
    return MIN(rto << MIN(m->backoff, 16U), rto_most);
}

static void alarm_set(struct tcp_model *m);

static void lose(struct tcp_model *m, struct segment *s)
{
    if (s->arrived || s->lost || s->times == 0)
        return;
    s->lost = true;
    m->flying--;
}

/* What is lost first, then what is new, as far as the window reaches. */
static void flow_on(struct tcp_model *m)
{
    for (uint64_t i = m->oldest; i < m->next && m->flying < m->window; i++) {
        if (m->segments[i].lost)
            transmit(m, i);
    }
    while (m->next < m->written && m->flying < m->window)
        transmit(m, m->next++);
    alarm_set(m);
}

static ns probe_at(const struct tcp_model *m)
{
    if (m->probed || m->backoff || !m->round_trip || m->oldest == m->next)
        return NS_NEVER;
    ns patience = 2 * m->round_trip + (m->flying == 1 ? rto_least : probe_least);
    return m->segments[m->next - 1].sent + patience;
}

static void alarm_ring(void *context, struct happening *h)
{
    struct tcp_model *m = context;
    if (m->torn || h->number != m->alarms || m->oldest == m->next)
        return;
    m->alarm_at = NS_NEVER;
    ns rto = m->segments[m->oldest].sent + timeout(m);
    if (now(m) >= rto) {
        m->backoff++;
        m->window = 1;
        for (uint64_t i = m->oldest; i < m->next; i++)
            lose(m, &m->segments[i]);
        flow_on(m);
        return;
    }
    m->probed = true;
    if (m->next < m->written)
        transmit(m, m->next++);
    else
        transmit(m, m->next - 1);
    alarm_set(m);
}

static void alarm_set(struct tcp_model *m)
{
    ns at = m->oldest == m->next ? NS_NEVER : MIN(probe_at(m), m->segments[m->oldest].sent + timeout(m));
    if (at == m->alarm_at)
        return;
    m->alarm_at = at;
    m->alarms++;
    if (at != NS_NEVER)
        schedule_put(&m->flow->traffic->site->schedule,
                     (struct happening){.at = at, .run = alarm_ring, .context = m, .number = m->alarms});
}

static void write_segment(struct tcp_model *m)
{
    if (m->torn)
        return;
    m->segments = grown(m->segments, &m->room, m->written + 1, sizeof(*m->segments));
    m->written++;
    flow_on(m);
}

struct tcp_model *tcp_model_new(struct traffic_flow *f, void (*connected)(void *flow))
{
    struct tcp_model *m = calloc(1, sizeof(*m));
    assert(m);
    m->flow = f;
    m->connected = connected;
    m->window = TCP_WINDOW;
    m->alarm_at = NS_NEVER;
    write_segment(m);
    return m;
}

void tcp_model_free(struct tcp_model *m)
{
    if (!m)
        return;
    free(m->segments);
    free(m->transmissions);
    free(m->received);
    free(m->acknowledgements);
    free(m);
}

void tcp_model_write(struct tcp_model *m)
{
    write_segment(m);
}

/* ---- the receiver ---- */

static void segment_arrives(struct tcp_model *m, uint64_t transmission)
{
    uint64_t segment = m->transmissions[transmission];
    m->received = grown(m->received, &m->received_room, segment + 1, sizeof(*m->received));
    m->received[segment] = true;
    /* What an application reads comes in order. */
    while (m->received_up_to < m->received_room && m->received[m->received_up_to]) {
        if (m->received_up_to != TCP_SYN)
            traffic_arrived(m->flow, m->received_up_to - 1);
        m->received_up_to++;
    }
    m->acknowledgements = grown(m->acknowledgements, &m->acknowledgement_room, m->acknowledgement_count + 2,
                                sizeof(*m->acknowledgements));
    m->acknowledgements[++m->acknowledgement_count] =
        (struct acknowledgement){m->received_up_to, segment, transmission};
    traffic_send(m->flow, true, TRAFFIC_ACK, m->acknowledgement_count, TCP_OVERHEAD);
}

/* ---- and back at the sender ---- */

static void round_trip_note(struct tcp_model *m, ns sample)
{
    if (!m->round_trip) {
        m->round_trip = sample;
        m->variation = sample / 2;
        return;
    }
    ns off = sample > m->round_trip ? sample - m->round_trip : m->round_trip - sample;
    m->variation = (3 * m->variation + off) / 4;
    m->round_trip = (7 * m->round_trip + sample) / 8;
}

static unsigned note_arrived(struct tcp_model *m, uint64_t segment)
{
    struct segment *s = &m->segments[segment];
    if (s->arrived)
        return 0;
    s->arrived = true;
    m->flying -= !s->lost;
    if (s->times == 1)
        round_trip_note(m, ns_since(now(m), s->sent));
    m->newest_arrived = MAX(m->newest_arrived, s->sent);
    return 1;
}

static void acknowledged(struct tcp_model *m, const struct acknowledgement *a)
{
    bool used = m->flying >= m->window;
    unsigned fresh = note_arrived(m, a->segment);
    while (m->oldest < a->up_to) {
        fresh += note_arrived(m, m->oldest);
        m->oldest++;
    }
    if (fresh == 0)
        return;
    m->backoff = 0;
    m->probed = false;
    if (used || m->window < TCP_WINDOW)
        m->window += fresh;
    bool loss = false;
    for (uint64_t i = m->oldest; i < m->next; i++) {
        struct segment *s = &m->segments[i];
        if (!s->arrived && !s->lost && s->sent + m->round_trip / 4 < m->newest_arrived) {
            lose(m, s);
            loss = true;
        }
    }
    if (loss)
        m->window = MAX(m->window * 7 / 10, 2U);
    flow_on(m);
    if (a->segment == TCP_SYN && m->connected) {
        void (*connected)(void *flow) = m->connected;
        m->connected = NULL;
        connected(m->flow);
    }
}

void tcp_model_tear(struct tcp_model *m)
{
    m->torn = true;
}

void tcp_model_receive(struct tcp_model *m, bool back, uint64_t sequence)
{
    if (m->torn)
        return;
    if (back && sequence <= m->acknowledgement_count)
        acknowledged(m, &m->acknowledgements[sequence]);
    else if (!back && sequence <= m->transmission_count)
        segment_arrives(m, sequence);
}
