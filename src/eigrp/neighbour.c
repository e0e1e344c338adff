/* SPDX-License-Identifier: Apache-2.0 */
/* A neighbour: its session, the one packet to it that waits for its acknowledgement, and what the next one
 * says. RFC 7868 §5.3 (reliable transport), §5.3.2 (neighbours).
 *
 * A session begins with an UPDATE that has the INIT flag and no routes, of each side. Ours carries the
 * acknowledgement of the other's as soon as that is there, and the table follows when ours is acknowledged.
 *
 * FRR's eigrpd (seen with 8.4.4) needs routes said in a way of its own, neighbour_is_frr:
 * - it passes over external routes, so they are internal ones for it;
 * - it forgets any increase of a reported distance (its own sum of bandwidth and delay, in 32 bits), also
 *   that to "unreachable" and that by which it marks the routes of a dead neighbour. So every route has the
 *   reported distance 0 there: bandwidth and delay add up to 2^32. To withdraw one, the delay is such that it
 *   becomes "unreachable" only with the delay of FRR's interface added (`delay 10`, its default); that is no
 *   increase of the reported distance, and FRR lets the route go;
 * - a neighbour that died without a word keeps its routes. So what was announced last must look best: the
 *   delay falls with the time at which a route came, and another gateway that announces the same destination
 *   later wins over the dead one. Before an orderly end each route is withdrawn (neighbour_farewell).
 */
#include <assert.h>

#include "base/be.h"
#include "eigrp/internal.h"

enum {
    FRR_DELAY = 0xf0000000U, /* less the clock, which counts seconds */
    FRR_PORT_DELAY = 10 * 256,
    FRR_MAJOR_FIRST = 3, /* of the versions that call themselves so; the field's begin at 11 */
    FRR_MAJOR_LAST = 10,
};

#define LATE     NS_PER_MS
#define PATIENCE NS_PER_MS

bool neighbour_is_frr(const struct eigrp_neighbour *n)
{
    return n->os_major >= FRR_MAJOR_FIRST && n->os_major <= FRR_MAJOR_LAST && n->major == 1 && n->minor == 2;
}

struct eigrp_neighbour *neighbour_find(const struct eigrp_port *p, uint32_t address)
{
    list_for_each(&p->neighbours, at)
    {
        struct eigrp_neighbour *n = list_entry(at, struct eigrp_neighbour, port_link);
        if (n->address == address)
            return n;
    }
    return NULL;
}

static void session_reset(struct eigrp_neighbour *n)
{
    n->up = n->init_acknowledged = n->end_sent = false;
    n->init_wanted = true;
    n->len = 0;
    n->version_sent = 0;
    n->reply_count = 0;
    memset(n->known, 0, sizeof n->known);
}

void neighbour_begin(struct eigrp_neighbour *n)
{
    session_reset(n);
    n->resynchronizing = false;
}

struct eigrp_neighbour *neighbour_new(struct eigrp *e, struct eigrp_port *p, uint32_t address, ns now,
                                      struct eigrp_actions *a)
{
    struct eigrp_neighbour *n = p->neighbour_count < EIGRP_NEIGHBOURS_MAX ? pool_take(&e->neighbours) : NULL;

    if (!n) {
        e->counters.full++;
        if (!e->full_said)
            eigrp_action_log(a, 4, "LIMIT", "%s: too many neighbors, no more are heard", p->config.name);
        e->full_said = true;
        return NULL;
    }
    n->port = p;
    n->address = address;
    n->rto = RTO_FIRST;
    n->up_since = now;
    list_add_tail(&p->neighbours, &n->port_link);
    p->neighbour_count++;
    neighbour_begin(n);
    return n;
}

void neighbour_log(const struct eigrp_neighbour *n, const char *state, const char *why,
                   struct eigrp_actions *a)
{
    char text[ADDRESS_TEXT];
    struct address address = address_v4(n->address);

    eigrp_action_log(a, 5, "NBRCHANGE", "Neighbor %s (%s) is %s: %s", address_print(&address, text),
                     n->port->config.name, state, why);
}

void neighbour_remove(struct eigrp *e, struct eigrp_neighbour *n, const char *why, struct eigrp_actions *a)
{
    if (n->up)
        neighbour_log(n, "down", why, a);
    learn_forget(e, n, false);
    list_remove(&n->port_link);
    n->port->neighbour_count--;
    pool_put(&e->neighbours, n);
    e->full_said = false;
}

void neighbour_up_check(struct eigrp_neighbour *n, ns now, struct eigrp_actions *a)
{
    if (n->up || !n->init_received || !n->init_acknowledged)
        return;
    n->up = true;
    n->up_since = now;
    neighbour_log(n, "up", "new adjacency", a);
}

/* ---- what a route looks like ---- */

static bool told(const struct eigrp_neighbour *n, const struct eigrp_local *l)
{
    return l && l->present && l->offer.ifindex != n->port->config.ifindex;
}

static void frr_metric(const struct eigrp_local *l, bool reachable, struct eigrp_metric *m)
{
    m->delay = reachable ? FRR_DELAY - l->clock : UINT32_MAX - FRR_PORT_DELAY;
    m->bandwidth = 0 - m->delay; /* modulo 2^32, as FRR adds them */
}

/* `l` may be NULL where it is not reachable. */
static void route_write(const struct eigrp *e, const struct eigrp_neighbour *n,
                        const struct prefix *destination, const struct eigrp_local *l, struct writer *w)
{
    bool reachable = told(n, l);
    struct eigrp_route r = {
        .metric = {.delay = EIGRP_DELAY_INFINITE, .reliability = 255, .load = 1, .mtu = 1500}};

    if (l) {
        r.external = l->offer.external;
        r.metric.bandwidth = EIGRP_BANDWIDTH_SCALE / MAX(l->offer.bandwidth, 1u);
        r.metric.mtu = l->offer.mtu & 0xffffff;
        r.metric.reliability = l->offer.reliability;
        r.metric.load = l->offer.load;
        r.origin = (struct eigrp_external){
            .router_id = e->config.router_id, .tag = l->offer.tag, .protocol = l->offer.origin};
        if (reachable)
            r.metric.delay = MIN(l->offer.delay, 0xffffffu - 1) * 256;
    }
    if (neighbour_is_frr(n)) {
        r.external = false;
        frr_metric(l, reachable, &r.metric);
    }
    eigrp_write_route(w, &r, destination);
}

/* ---- the packet that waits ---- */

static void packet_begin(const struct eigrp *e, const struct eigrp_neighbour *n, uint8_t opcode,
                         uint32_t flags, uint8_t *out, size_t size, struct writer *w)
{
    const struct eigrp_header h = {.opcode = opcode,
                                   .flags = flags,
                                   .sequence = e->sequence,
                                   .acknowledgement = n->init_received ? n->last_sequence : 0,
                                   .autonomous_system = e->config.autonomous_system};

    *w = writer_of(out, size);
    eigrp_write_header(w, &h);
}

static size_t packet_size(const struct eigrp_neighbour *n)
{
    size_t mtu =
        n->port->config.mtu > 20 + EIGRP_HEADER + EIGRP_TLV_ROUTE_MAX ? n->port->config.mtu - 20u : 556;

    return MIN(mtu, (size_t)EIGRP_PACKET_MAX);
}

static bool room(const struct writer *w)
{
    return (size_t)(w->end - w->at) >= EIGRP_TLV_ROUTE_MAX;
}

static void sequence_next(struct eigrp *e)
{
    if (++e->sequence == 0)
        e->sequence = 1;
}

static void packet_copy(struct eigrp *e, struct eigrp_neighbour *n, struct eigrp_action *action)
{
    eigrp_acknowledge(n->packet, n->len, n->init_received ? n->last_sequence : 0);
    action->send.ifindex = n->port->config.ifindex;
    action->send.destination = n->address;
    action->send.len = n->len;
    memcpy(action->send.data, n->packet, n->len);
    n->ack_due = false;
    e->counters.sent[n->opcode]++;
}

/* `w` lies in n->packet. */
static void packet_commit(struct eigrp *e, struct eigrp_neighbour *n, struct writer *w, uint8_t opcode,
                          ns now, struct eigrp_action *action)
{
    n->len = (uint16_t)eigrp_write_finish(w);
    assert(n->len > 0);
    n->sequence = e->sequence;
    n->opcode = opcode;
    n->tries = 1;
    n->sent_at = now;
    n->resend_at = now + n->rto;
    packet_copy(e, n, action);
}

void neighbour_resend(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_actions *a)
{
    struct eigrp_action *action = n->len ? eigrp_action_add(e, a, EIGRP_SEND) : NULL;

    if (!action)
        return;
    packet_copy(e, n, action);
    n->tries++;
    n->resend_at = now + ns_min(n->rto << MIN(n->tries - 1, 4u), RTO_MAX);
    e->counters.resent++;
}

bool neighbour_acknowledged(struct eigrp_neighbour *n, uint32_t acknowledgement, ns now)
{
    if (n->len == 0 || acknowledgement != n->sequence)
        return false;
    bool init = n->packet[7] & EIGRP_INIT; /* the last byte of the flags */
    if (n->tries == 1) {
        ns rtt = ns_since(now, n->sent_at);
        n->srtt = n->srtt ? (7 * n->srtt + rtt) / 8 : rtt;
        n->rto = ns_min(MAX(6 * n->srtt, RTO_FIRST), RTO_MAX);
    }
    n->init_acknowledged = n->init_acknowledged || init;
    n->len = 0;
    return init;
}

/* ---- what is said next ---- */

static void init_send(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_action *action)
{
    struct writer w;

    sequence_next(e);
    packet_begin(e, n, EIGRP_UPDATE, EIGRP_INIT, n->packet, sizeof n->packet, &w);
    n->init_wanted = false;
    packet_commit(e, n, &w, EIGRP_UPDATE, now, action);
}

static void replies_send(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_action *action)
{
    struct writer w;
    bool stuck = n->replies[0].stuck;
    uint8_t opcode = stuck ? EIGRP_SIA_REPLY : EIGRP_REPLY;
    uint32_t i = 0;

    sequence_next(e);
    packet_begin(e, n, opcode, 0, n->packet, packet_size(n), &w);
    for (; i < n->reply_count && n->replies[i].stuck == stuck && room(&w); i++) {
        struct eigrp_local *l = local_find(e, &n->replies[i].destination);
        route_write(e, n, &n->replies[i].destination, l, &w);
        if (l)
            bit_set(n->known, l->index, told(n, l));
    }
    n->reply_count -= i;
    memmove(n->replies, n->replies + i, n->reply_count * sizeof n->replies[0]);
    packet_commit(e, n, &w, opcode, now, action);
}

/* Fills `w` with changes. Whether the neighbour has all of them then. */
static bool changes_write(struct eigrp *e, struct eigrp_neighbour *n, struct writer *w)
{
    struct eigrp_local *l = local_after(e, n->version_sent);

    for (; l && room(w);
         l = l->change.next == &e->changes ? NULL : list_entry(l->change.next, struct eigrp_local, change)) {
        bool tell = told(n, l);
        if (tell || bit_get(n->known, l->index))
            route_write(e, n, &l->offer.destination, l, w);
        bit_set(n->known, l->index, tell);
        n->version_sent = l->version;
    }
    return l == NULL;
}

/* False: there was nothing to say. */
static bool update_send(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_action *action)
{
    struct writer w;

    packet_begin(e, n, EIGRP_UPDATE, 0, n->packet, packet_size(n), &w);
    bool all = changes_write(e, n, &w);
    bool end = all && !n->end_sent;
    if (writer_len(&w) == EIGRP_HEADER && !end)
        return false;
    sequence_next(e);
    be32_store(n->packet + 4, end ? EIGRP_END_OF_TABLE : 0);
    be32_store(n->packet + 8, e->sequence);
    n->end_sent = n->end_sent || end;
    packet_commit(e, n, &w, EIGRP_UPDATE, now, action);
    return true;
}

static bool changes_wait(const struct eigrp *e, const struct eigrp_neighbour *n)
{
    return !n->end_sent || local_after(e, n->version_sent) != NULL;
}

static void next_send(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_actions *a)
{
    bool update = n->up && changes_wait(e, n) && (e->gather_until <= now || !n->end_sent);

    if (!n->init_wanted && !(n->up && n->reply_count) && !update)
        return;
    struct eigrp_action *action = eigrp_action_add(e, a, EIGRP_SEND);
    if (!action)
        return;
    if (n->init_wanted)
        init_send(e, n, now, action);
    else if (n->reply_count)
        replies_send(e, n, now, action);
    else if (!update_send(e, n, now, action))
        a->count--;
}

static void acknowledgement_send(struct eigrp *e, struct eigrp_neighbour *n, struct eigrp_actions *a)
{
    struct eigrp_action *action = eigrp_action_add(e, a, EIGRP_SEND);
    const struct eigrp_header h = {.opcode = EIGRP_HELLO,
                                   .acknowledgement = n->last_sequence,
                                   .autonomous_system = e->config.autonomous_system};

    if (!action)
        return;
    struct writer w = writer_of(action->send.data, sizeof action->send.data);
    eigrp_write_header(&w, &h);
    action->send.ifindex = n->port->config.ifindex;
    action->send.destination = n->address;
    action->send.len = (uint16_t)eigrp_write_finish(&w);
    n->ack_due = false;
}

/* ---- the turn of one neighbour ---- */

/* What it said may wait in a socket while our process was late. */
static bool put_off(struct eigrp_neighbour *n, ns now)
{
    if (n->excused || now - n->hold_at < LATE)
        return false;
    n->excused = true;
    n->hold_at = now + PATIENCE;
    return true;
}

void neighbour_run(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_actions *a)
{
    if (n->hold_at <= now && !put_off(n, now)) {
        neighbour_remove(e, n, "holding time expired", a);
        return;
    }
    if (n->len && n->resend_at <= now) {
        if (n->tries >= TRIES_MAX) {
            neighbour_remove(e, n, "retry limit exceeded", a);
            return;
        }
        neighbour_resend(e, n, now, a);
    }
    if (n->len == 0)
        next_send(e, n, now, a);
    if (n->ack_due)
        acknowledgement_send(e, n, a);
}

ns neighbour_deadline(const struct eigrp *e, const struct eigrp_neighbour *n)
{
    ns at = n->hold_at;

    if (n->len)
        return ns_min(at, n->resend_at);
    if (n->up && changes_wait(e, n))
        at = ns_min(at, e->gather_until);
    return at;
}

void neighbour_farewell(struct eigrp *e, struct eigrp_neighbour *n, struct eigrp_actions *a)
{
    struct list *at = e->changes.next;

    while (n->up && neighbour_is_frr(n) && at != &e->changes) {
        struct eigrp_action *action = eigrp_action_add(e, a, EIGRP_SEND);
        struct writer w;
        if (!action)
            return;
        sequence_next(e);
        packet_begin(e, n, EIGRP_UPDATE, 0, n->packet, packet_size(n), &w);
        for (; at != &e->changes && room(&w); at = at->next) {
            struct eigrp_local *l = list_entry(at, struct eigrp_local, change);
            struct eigrp_local gone = *l;
            gone.present = false;
            if (bit_get(n->known, l->index))
                route_write(e, n, &l->offer.destination, &gone, &w);
        }
        packet_commit(e, n, &w, EIGRP_UPDATE, 0, action);
    }
}
