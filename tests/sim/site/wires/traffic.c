/* SPDX-License-Identifier: Apache-2.0 */
/* See traffic.h. */
#include "site/wires/traffic.h"

#include <assert.h>
#include <stdlib.h>

#include "site/wires/tcp_model.h"

static const ns traffic_notice = 50 * NS_PER_MS; /* as the lab's probe */
static const uint32_t udp_overhead = 28, icmp_overhead = 28;

void traffic_init(struct traffic *t, struct site *s)
{
    *t = (struct traffic){.site = s};
}

void traffic_done(struct traffic *t)
{
    for (unsigned i = 0; i < TRAFFIC_FLOWS; i++) {
        free(t->flows[i].bitmap);
        tcp_model_free(t->flows[i].tcp);
    }
}

static bool send_frame(struct host *h, const struct frame *head)
{
    struct frame *f = frame_new(0);
    *f = *head;
    f->kind = FRAME_IP;
    f->protocol = SITE_PROTOCOL_FLOW;
    bool sent = host_send(h, f);
    free(f);
    return sent;
}

void traffic_send(struct traffic_flow *f, bool back, uint32_t kind, uint64_t sequence, uint32_t size)
{
    const struct traffic_settings *s = &f->settings;
    struct frame head = {.from = back ? s->destination : s->source,
                         .to = back ? s->source : s->destination,
                         .from_port = (uint16_t)(TRAFFIC_PORT + f->number),
                         .to_port = (uint16_t)(TRAFFIC_PORT + f->number),
                         .flow = {kind | f->number, sequence},
                         .size = size};
    if (!send_frame(back ? s->to : s->from, &head) && !back)
        f->send_errors++;
}

void traffic_arrived(struct traffic_flow *f, uint64_t number)
{
    struct traffic *t = f->traffic;
    ns before = f->stats.last_arrival, now = site_now(t->site);
    uint64_t received = f->stats.received;
    flow_stats_arrive(&f->stats, f->bitmap, TRAFFIC_CAPACITY, number, now);
    if (t->silence && before && f->stats.received > received &&
        now - before >= MAX(traffic_notice, 3 * NS_PER_S / f->settings.rate))
        t->silence(t->silence_context, f->number, now - before);
}

/* ---- flows ---- */

static ns flow_due(const struct traffic_flow *f)
{
    return f->first_sent + f->sent * NS_PER_S / f->settings.rate;
}

static void flow_turn(void *context, struct happening *h)
{
    struct traffic_flow *f = context;
    (void)h;
    if (f->stopped || f->sent == TRAFFIC_CAPACITY)
        return;
    f->last_sent = site_now(f->traffic->site);
    f->sent++;
    if (f->tcp)
        tcp_model_write(f->tcp);
    else
        traffic_send(f, false, TRAFFIC_DATA, f->sent, f->settings.size + udp_overhead);
    schedule_put(&f->traffic->site->schedule,
                 (struct happening){.at = flow_due(f), .run = flow_turn, .context = f});
}

/* The connection is there. */
static void flow_connected(void *context)
{
    struct traffic_flow *f = context;
    f->first_sent = f->last_sent = site_now(f->traffic->site);
    if (!f->stopped)
        flow_turn(f, NULL);
}

void traffic_start(struct traffic *t, unsigned flow, const struct traffic_settings *settings)
{
    struct traffic_flow *f = &t->flows[flow];
    assert(flow < TRAFFIC_FLOWS && !f->started);
    *f = (struct traffic_flow){.traffic = t, .number = flow, .settings = *settings, .started = true};
    f->stats.notice = traffic_notice;
    f->bitmap = calloc(TRAFFIC_CAPACITY / 64, sizeof(*f->bitmap));
    assert(f->bitmap);
    if (settings->tcp) {
        f->tcp = tcp_model_new(f, flow_connected);
        return;
    }
    flow_connected(f);
}

void traffic_stop(struct traffic *t, unsigned flow)
{
    struct traffic_flow *f = &t->flows[flow];
    if (!f->started || f->stopped)
        return;
    f->stopped = true;
    f->stopped_at = site_now(t->site);
}

bool traffic_over(const struct traffic *t, unsigned flow)
{
    const struct traffic_flow *f = &t->flows[flow];
    ns patience = f->tcp ? 10 * NS_PER_S : 500 * NS_PER_MS;
    return !f->started ||
           (f->stopped && (f->stats.received >= f->sent || site_now(t->site) >= f->stopped_at + patience));
}

struct flow_report traffic_report(const struct traffic *t, unsigned flow)
{
    const struct traffic_flow *f = &t->flows[flow];
    return flow_stats_report(&f->stats, f->sent, f->first_sent, f->last_sent);
}

/* ---- pings ---- */

static void ping_turn(void *context, struct happening *h)
{
    struct traffic_ping *p = context;
    (void)h;
    struct frame head = {.from = p->source,
                         .to = p->destination,
                         .flow = {TRAFFIC_REQUEST | p->number, ++p->sent},
                         .size = p->size + icmp_overhead};
    send_frame(p->from, &head);
    p->last_sent = site_now(p->traffic->site);
    if (p->sent < p->count)
        site_later(p->traffic->site, p->interval, ping_turn, p, 0);
}

struct traffic_ping *traffic_ping(struct traffic *t, struct host *from, const struct address *to,
                                  unsigned count, ns interval, uint32_t size)
{
    unsigned number = t->ping_count++;
    struct traffic_ping *p = &t->pings[number % TRAFFIC_PINGS];
    assert(from->address_count > 0);
    *p = (struct traffic_ping){.traffic = t,
                               .number = number & ~(unsigned)TRAFFIC_KIND,
                               .from = from,
                               .source = from->addresses[0].prefix.address,
                               .destination = *to,
                               .count = count,
                               .interval = interval,
                               .size = size};
    ping_turn(p, NULL);
    return p;
}

bool traffic_ping_over(const struct traffic_ping *p, ns patience)
{
    return p->sent == p->count &&
           (p->received >= p->count || site_now(p->traffic->site) >= p->last_sent + patience);
}

static void ping_answer(struct host *h, const struct frame *request)
{
    struct frame head = {
        .from = request->to,
        .to = request->from,
        .flow = {TRAFFIC_REPLY | (request->flow.flow & ~(unsigned)TRAFFIC_KIND), request->flow.sequence},
        .size = request->size};
    send_frame(h, &head);
}

static void ping_answered(struct traffic *t, const struct frame *reply)
{
    struct traffic_ping *p = &t->pings[(reply->flow.flow & ~(unsigned)TRAFFIC_KIND) % TRAFFIC_PINGS];
    if (p->traffic && p->number == (reply->flow.flow & ~(unsigned)TRAFFIC_KIND))
        p->received++;
}

/* ---- what arrives ---- */

static void receive(void *context, struct host *h, const struct frame *frame)
{
    struct traffic *t = context;
    unsigned number = frame->flow.flow & ~(unsigned)TRAFFIC_KIND;
    uint32_t kind = frame->flow.flow & TRAFFIC_KIND;
    if (frame->protocol != SITE_PROTOCOL_FLOW)
        return;
    if (kind == TRAFFIC_REQUEST) {
        ping_answer(h, frame);
    } else if (kind == TRAFFIC_REPLY) {
        ping_answered(t, frame);
    } else if (number < TRAFFIC_FLOWS && t->flows[number].started) {
        struct traffic_flow *f = &t->flows[number];
        if (f->tcp)
            tcp_model_receive(f->tcp, kind == TRAFFIC_ACK, frame->flow.sequence);
        else
            traffic_arrived(f, frame->flow.sequence - 1);
    }
}

void traffic_host(struct traffic *t, struct host *h)
{
    h->receive = receive;
    h->context = t;
}
