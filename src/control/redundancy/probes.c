/* SPDX-License-Identifier: Apache-2.0 */
/* Probes at work: requests, answers, the timer, the sockets. One socket per family serves all probes: the
 * identifier of a request says whose it is, and the echo's data holds its tag. One timer serves them all,
 * too; before it steps them it reads what waits in the sockets, so that no answer is missed because the loop
 * was busy, and a turn of the loop sends a bounded number. RFC 792, RFC 4443. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/redundancy/probes_internal.h"
#include "io/echo_socket.h"
#include "wire/ip.h"

enum {
    SENDS_A_TURN = 64,
    READS_A_TURN = 256,
    ECHO_DATA = 28, /* as much as the field sends */
    ECHO_SIZE = ICMP_HEADER + ECHO_DATA,
    ANSWER_SIZE = 2048,
};

static unsigned family_index(uint8_t family)
{
    return family == ADDRESS_V6;
}

/* ---- results ---- */

static void finished(struct probes *p, struct probe_unit *u)
{
    bool reachable = probe_reachable(u->machine.result), good = probe_good(u->machine.result);

    if (u->known && u->reachable == reachable && u->good == good)
        return;
    u->known = true;
    u->reachable = reachable;
    u->good = good;
    probe_unit_note(p, u);
    probe_unit_tell(p, u);
}

/* ---- sending ---- */

static uint8_t failure_reason(int error)
{
    switch (error) {
    case -EAGAIN:
    case -ENOBUFS:
    case -ENOMEM:
        return PROBE_BUSY;
    case -ENETUNREACH:
    case -EHOSTUNREACH:
    case -ENETDOWN:
    case -ENODEV:
        return PROBE_NO_CONNECTION;
    default:
        return PROBE_ERROR;
    }
}

static int request_send(struct probes *p, struct probe_unit *u, uint16_t sequence, uint64_t tag)
{
    const struct probe_socket *s = p->sockets[family_index(u->destination.family)];
    _Alignas(struct icmp_header) uint8_t message[ECHO_SIZE];
    struct icmp_header *icmp = (struct icmp_header *)message;
    bool v6 = u->destination.family == ADDRESS_V6;
    uint16_t identifier = (uint16_t)(p->first + u->slot);

    if (!s || u->no_source)
        return s ? -ENETUNREACH : -EPERM;
    for (size_t i = ICMP_HEADER; i < sizeof message; i++)
        message[i] = i % 2 ? 0xcd : 0xab;
    memcpy(message + ICMP_HEADER, &tag, sizeof tag);
    *icmp = (struct icmp_header){.type = v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST,
                                 .rest = be32_of((uint32_t)identifier << 16 | sequence)};
    if (!v6)
        icmp->checksum = checksum_of(message, sizeof message);
    return echo_send(s->fd, &u->source, &u->destination, u->scope, bytes_of(message, sizeof message));
}

/* Steps a probe and does what follows; true: it sent something. */
static bool unit_step(struct probes *p, struct probe_unit *u, const struct probe_event *e)
{
    struct probe_actions actions;
    bool done;

    probe_step(&u->machine, e, &actions);
    done = actions.finished;
    if (actions.send) {
        int error = request_send(p, u, actions.sequence, actions.tag);
        struct probe_event failed = {.kind = PROBE_EVENT_SEND_FAILED,
                                     .now = e->now,
                                     .sequence = actions.sequence,
                                     .reason = failure_reason(error)};
        struct probe_actions then = {0};
        if (error) {
            u->send_errors++;
            probe_step(&u->machine, &failed, &then);
        }
        done = done || then.finished;
    }
    if (done)
        finished(p, u);
    return actions.send;
}

/* ---- receiving ---- */

static struct probe_unit *unit_of(const struct probes *p, uint16_t identifier)
{
    uint16_t slot = (uint16_t)(identifier - p->first);

    return slot < CONFIG_MAX_PROBES ? p->units[slot] : NULL;
}

static bool reply_event(struct bytes icmp, struct probe_event *e)
{
    if (icmp.len < ICMP_HEADER + sizeof e->tag)
        return false;
    e->kind = PROBE_EVENT_ANSWER;
    memcpy(&e->tag, icmp.data + ICMP_HEADER, sizeof e->tag);
    return true;
}

/* The request that an error quotes: whom it was for, and its ICMP header. */
static bool quoted(struct bytes packet, struct address *ret_destination, struct bytes *ret_icmp)
{
    if (packet.len == 0)
        return false;
    bool v6 = packet.data[0] >> 4 == 6;
    size_t header = v6 ? IPV6_HEADER : (size_t)(packet.data[0] & 15) * 4;
    if (header < IPV4_HEADER || packet.len < header + ICMP_HEADER)
        return false;
    if (packet.data[v6 ? 6 : 9] != (v6 ? IP_PROTOCOL_ICMPV6 : IP_PROTOCOL_ICMP))
        return false;
    *ret_destination = (struct address){.family = v6 ? ADDRESS_V6 : ADDRESS_V4};
    memcpy(ret_destination->bytes, packet.data + (v6 ? 24 : 16), v6 ? 16 : 4);
    *ret_icmp = bytes_of(packet.data + header, packet.len - header);
    return ret_icmp->data[0] == (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST);
}

static void message_heard(struct probes *p, uint8_t family, const struct echo_message *m)
{
    struct bytes icmp = bytes_of(m->data, m->len);
    struct probe_event e = {.now = clock_now(), .arrived = m->arrived};
    struct address about = m->from;
    struct ip_packet ip;

    if (family == ADDRESS_V4) {
        if (ip_parse(icmp, &ip) != IP_OK || ip.protocol != IP_PROTOCOL_ICMP)
            return;
        icmp = ip.payload;
    }
    if (icmp.len < ICMP_HEADER)
        return;
    bool reply = icmp.data[0] == (family == ADDRESS_V6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY);
    if (reply && !reply_event(icmp, &e))
        return;
    if (!reply) {
        e.kind = PROBE_EVENT_REFUSED;
        if (!quoted(bytes_of(icmp.data + ICMP_HEADER, icmp.len - ICMP_HEADER), &about, &icmp))
            return;
    }
    struct probe_unit *u = unit_of(p, (uint16_t)(be32_load(icmp.data + 4) >> 16));
    if (!u || !address_equal(&about, &u->destination))
        return;
    e.sequence = (uint16_t)be32_load(icmp.data + 4);
    unit_step(p, u, &e);
}

static void socket_read(struct probes *p, unsigned index)
{
    static uint8_t buffer[ANSWER_SIZE];
    struct echo_message m;

    for (unsigned n = 0; n < READS_A_TURN && p->sockets[index]; n++) {
        if (echo_receive(p->sockets[index]->fd, buffer, sizeof buffer, &m) != 0)
            return;
        message_heard(p, p->sockets[index]->family, &m);
    }
}

/* ---- the timer ---- */

static void units_due(uv_timer_t *timer)
{
    struct probes *p = timer->data;
    struct probe_event tick = {.kind = PROBE_EVENT_TICK};
    unsigned sent = 0;

    for (unsigned i = 0; i < PROBE_FAMILIES; i++)
        socket_read(p, i);
    tick.now = clock_now();
    for (unsigned i = 0; i < CONFIG_MAX_PROBES && sent < SENDS_A_TURN; i++)
        if (p->units[i] && probe_deadline(&p->units[i]->machine) <= tick.now)
            sent += unit_step(p, p->units[i], &tick);
    probes_schedule(p);
}

void probes_schedule(struct probes *p)
{
    ns first = NS_NEVER;

    for (unsigned i = 0; i < CONFIG_MAX_PROBES; i++)
        if (p->units[i])
            first = ns_min(first, probe_deadline(&p->units[i]->machine));
    if (first == NS_NEVER) {
        uv_timer_stop(&p->timer);
        return;
    }
    uv_update_time(&p->redundancy->control->loop);
    uv_timer_start(&p->timer, units_due, (ns_since(first, clock_now()) + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static void socket_readable(uv_poll_t *poll, int status, int events)
{
    struct probe_socket *s = poll->data;

    (void)events;
    if (status < 0)
        (void)!uv_poll_start(poll, UV_READABLE, socket_readable);
    socket_read(s->probes, family_index(s->family));
    probes_schedule(s->probes);
}

/* ---- sockets ---- */

static void socket_closed(uv_handle_t *handle)
{
    struct probe_socket *s = handle->data;

    close(s->fd);
    free(s);
}

void probes_socket_close(struct probes *p, unsigned index)
{
    struct probe_socket *s = p->sockets[index];

    if (!s)
        return;
    p->sockets[index] = NULL;
    uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *)&s->poll, socket_closed);
}

static void socket_open(struct probes *p, uint8_t family)
{
    struct control *c = p->redundancy->control;
    struct probe_socket *s = calloc(1, sizeof *s);
    int fd = s ? echo_open(family, p->first, CONFIG_MAX_PROBES) : -ENOMEM;

    if (fd < 0) {
        log_line(c->log, "HOLDFAST", 3, "SLA", "probes cannot be sent by IPv%u: %s",
                 family == ADDRESS_V6 ? 6 : 4, strerror(-fd));
        free(s);
        return;
    }
    *s = (struct probe_socket){.probes = p, .fd = fd, .family = family};
    s->poll.data = s;
    if (uv_poll_init(&c->loop, &s->poll, fd) != 0) {
        close(fd);
        free(s);
        return;
    }
    (void)!uv_poll_start(&s->poll, UV_READABLE, socket_readable);
    p->sockets[family_index(family)] = s;
}

void probes_sockets_update(struct probes *p)
{
    bool needed[PROBE_FAMILIES] = {false};

    for (unsigned i = 0; i < CONFIG_MAX_PROBES; i++)
        if (p->units[i] && address_is_set(&p->units[i]->destination))
            needed[family_index(p->units[i]->destination.family)] = true;
    for (unsigned i = 0; i < PROBE_FAMILIES; i++) {
        if (needed[i] && !p->sockets[i])
            socket_open(p, i ? ADDRESS_V6 : ADDRESS_V4);
        else if (!needed[i])
            probes_socket_close(p, i);
    }
}
