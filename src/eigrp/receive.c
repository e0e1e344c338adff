/* SPDX-License-Identifier: Apache-2.0 */
/* What is heard. A packet counts when it is whole, of our autonomous system, and from an address of the
 * interface's network; RFC 7868 §5.3, §5.4, §6.
 *
 * Sequence numbers: a number below the last is of a packet that was late on its way. FRR's eigrpd gives
 * several packets one number, some perhaps out of order, and sends some packets twice: of its packets all
 * count but a repetition, known by its checksum.
 */
#include "base/be.h"
#include "eigrp/internal.h"

/* ---- hellos ---- */

static bool is_goodbye(const uint8_t k[EIGRP_K_VALUES])
{
    for (unsigned i = 0; i < EIGRP_K_VALUES - 1; i++)
        if (k[i] != EIGRP_GOODBYE_K)
            return false;
    return true;
}

static bool is_ours(const uint8_t k[EIGRP_K_VALUES])
{
    static const uint8_t ours[EIGRP_K_VALUES - 1] = {1, 0, 1, 0, 0};

    return memcmp(k, ours, sizeof ours) == 0;
}

struct hello {
    bool parameter, version, terminated, sequence, listed;
    struct eigrp_tlv parameter_tlv, version_tlv;
    uint32_t next_sequence;
};

static bool lists(struct bytes addresses, uint32_t own)
{
    for (size_t i = 0; i + 4 <= addresses.len; i += 4)
        if (be32_load(addresses.data + i) == own)
            return true;
    return false;
}

static void hello_read(struct reader tlvs, uint32_t own, struct hello *ret)
{
    struct eigrp_tlv t;

    *ret = (struct hello){0};
    while (eigrp_tlv_next(&tlvs, &t)) {
        if (t.type == EIGRP_TLV_PARAMETER) {
            ret->parameter = true;
            ret->parameter_tlv = t;
        } else if (t.type == EIGRP_TLV_VERSION) {
            ret->version = true;
            ret->version_tlv = t;
        } else if (t.type == EIGRP_TLV_SEQUENCE) {
            ret->sequence = true;
            ret->listed = ret->listed || lists(t.addresses, own);
        } else if (t.type == EIGRP_TLV_NEXT_SEQUENCE) {
            ret->next_sequence = t.next_sequence;
        } else if (t.type == EIGRP_TLV_TERMINATION) {
            ret->terminated = ret->terminated || t.address == own;
        }
    }
}

static void hello_receive(struct eigrp *e, struct eigrp_port *p, struct eigrp_neighbour *n, uint32_t source,
                          struct reader tlvs, ns now, struct eigrp_actions *a)
{
    struct hello h;

    hello_read(tlvs, address_v4_get(&p->config.address.address), &h);
    const uint8_t *k = h.parameter_tlv.parameter.k;
    if (h.terminated || (h.parameter && !is_ours(k))) {
        if (n)
            neighbour_remove(e, n,
                             h.terminated    ? "peer termination received"
                             : is_goodbye(k) ? "interface goodbye received"
                                             : "K-value mismatch",
                             a);
        return;
    }
    if (!h.parameter)
        return;
    if (!n) {
        n = neighbour_new(e, p, source, now, a);
        if (!n)
            return;
        hello_now(e, p, a); /* before our INIT: who does not know us passes over that */
    }
    if (h.version) {
        n->os_major = h.version_tlv.version.os_major;
        n->os_minor = h.version_tlv.version.os_minor;
        n->major = h.version_tlv.version.major;
        n->minor = h.version_tlv.version.minor;
    }
    n->hold = h.parameter_tlv.parameter.hold;
    n->hold_at = now + MAX((ns)n->hold, (ns)1) * NS_PER_S;
    n->excused = false;
    if (h.sequence) {
        n->conditional = !h.listed;
        n->conditional_sequence = h.next_sequence;
    }
}

/* ---- reliable packets ---- */

static void query_take(struct eigrp_neighbour *n, const struct eigrp_route *r, bool stuck)
{
    struct reader destinations = reader_of(r->destinations);
    struct prefix p;

    while (n->reply_count < REPLIES_MAX && eigrp_destination_next(&destinations, &p))
        n->replies[n->reply_count++] = (struct eigrp_reply){p, stuck};
}

static uint32_t destinations_count(struct reader tlvs)
{
    struct eigrp_tlv t;
    struct prefix p;
    uint32_t count = 0;

    while (eigrp_tlv_next(&tlvs, &t)) {
        if (t.type != EIGRP_TLV_INTERNAL && t.type != EIGRP_TLV_EXTERNAL)
            continue;
        struct reader d = reader_of(t.route.destinations);
        while (eigrp_destination_next(&d, &p))
            count++;
    }
    return count;
}

/* A query also says what the route is to the one who asks: with FRR perhaps a way over ourselves, as it was.
 */
static void routes_take(struct eigrp *e, struct eigrp_neighbour *n, uint8_t opcode, struct reader tlvs)
{
    bool query = opcode == EIGRP_QUERY || opcode == EIGRP_SIA_QUERY;
    struct eigrp_tlv t;

    while (eigrp_tlv_next(&tlvs, &t)) {
        if (t.type != EIGRP_TLV_INTERNAL && t.type != EIGRP_TLV_EXTERNAL)
            continue;
        if (query)
            query_take(n, &t.route, opcode == EIGRP_SIA_QUERY);
        if (!query || !neighbour_is_frr(n))
            learn_route(e, n, &t.route);
    }
}

/* Whether it has something to say. `answers`: it acknowledges our INIT, so our session is as new as that of
 * the neighbour. (Without this two that take each other for restarted would go on so for ever.) */
static bool init_receive(struct eigrp *e, struct eigrp_neighbour *n, const struct eigrp_header *h,
                         bool answers, ns now, struct eigrp_actions *a)
{
    /* A restarted eigrpd counts from 1 again. */
    bool fresh = n->last_sequence == n->init_sequence || !neighbour_is_frr(n);

    if (n->init_received && h->sequence == n->init_sequence && fresh) {
        e->counters.duplicates++;
        n->ack_due = true;
        neighbour_resend(e, n, now, a);
        return false;
    }
    if (n->init_received) { /* it began anew, and knows nothing of us */
        if (n->up)
            neighbour_log(n, "down", "peer restarted", a);
        learn_forget(e, n, false);
        if (!answers)
            neighbour_begin(n);
    }
    n->init_received = true;
    n->init_sequence = n->last_sequence = h->sequence;
    n->last_checksum = h->checksum;
    n->ack_due = true;
    neighbour_resend(e, n, now, a); /* our own INIT, where it waits: now with the acknowledgement */
    return true;
}

/* False: it is not to be looked at. */
static bool sequence_receive(struct eigrp *e, struct eigrp_neighbour *n, const struct eigrp_header *h)
{
    if (!n->init_received)
        return false;
    n->ack_due = true;
    if (h->sequence == n->last_sequence && h->checksum == n->last_checksum) {
        e->counters.duplicates++;
        return false;
    }
    if (!neighbour_is_frr(n) && (int32_t)(h->sequence - n->last_sequence) < 0) {
        e->counters.old++;
        n->ack_due = false;
        return false;
    }
    return true;
}

static void reliable_receive(struct eigrp *e, struct eigrp_neighbour *n, const struct eigrp_header *h,
                             bool answers, struct reader tlvs, ns now, struct eigrp_actions *a)
{
    bool restart = h->opcode == EIGRP_UPDATE && h->flags & EIGRP_RESTART;

    if (h->flags & EIGRP_CONDITIONAL && (!n->conditional || h->sequence != n->conditional_sequence)) {
        e->counters.conditional_dropped++;
        return;
    }
    n->conditional = n->conditional && !(h->flags & EIGRP_CONDITIONAL);
    if (h->opcode == EIGRP_UPDATE && h->flags & EIGRP_INIT && !(restart && n->init_received)) {
        if (!init_receive(e, n, h, answers, now, a))
            return;
    } else if (!sequence_receive(e, n, h)) {
        return;
    }
    /* No room for the answers: not acknowledged, it comes again. */
    if ((h->opcode == EIGRP_QUERY || h->opcode == EIGRP_SIA_QUERY) &&
        n->reply_count + destinations_count(tlvs) > REPLIES_MAX) {
        n->ack_due = false;
        return;
    }
    n->last_sequence = h->sequence;
    n->last_checksum = h->checksum;
    if (restart) {
        n->resynchronizing = true;
        learn_mark_stale(e, n);
    }
    routes_take(e, n, h->opcode, tlvs);
    if (n->resynchronizing && h->flags & EIGRP_END_OF_TABLE) {
        n->resynchronizing = false;
        learn_forget(e, n, true);
    }
}

/* ---- all packets ---- */

static bool source_possible(const struct eigrp_port *p, uint32_t source)
{
    struct prefix network = p->config.address;
    struct address a = address_v4(source);

    prefix_mask(&network);
    return prefix_contains(&network, &a) && !address_equal(&a, &p->config.address.address) &&
           !address_is_any(&a) && !address_is_multicast(&a);
}

void packet_receive(struct eigrp *e, const struct eigrp_event *event, struct eigrp_actions *a)
{
    struct eigrp_port *p = eigrp_port_find(e, event->ifindex);
    struct eigrp_header h;
    struct reader tlvs;

    if (!p)
        return;
    enum eigrp_error error = eigrp_parse(event->packet.payload, &h, &tlvs);
    if (error != EIGRP_ERROR_OK) {
        e->counters.errors[error]++;
        return;
    }
    if (h.autonomous_system != e->config.autonomous_system || h.virtual_router != 0 ||
        !source_possible(p, event->packet.source)) {
        e->counters.foreign++;
        return;
    }
    struct eigrp_neighbour *n = neighbour_find(p, event->packet.source);
    bool answers = n && h.acknowledgement && neighbour_acknowledged(n, h.acknowledgement, event->now);
    e->counters.received[h.opcode]++;
    if (h.opcode == EIGRP_HELLO && !h.acknowledgement) {
        hello_receive(e, p, n, event->packet.source, tlvs, event->now, a);
        return;
    }
    if (n && h.opcode != EIGRP_HELLO && h.opcode != EIGRP_REQUEST && h.sequence)
        reliable_receive(e, n, &h, answers, tlvs, event->now, a);
    if (n)
        neighbour_up_check(n, event->now, a);
}
