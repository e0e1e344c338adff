/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets' side of the engine: receives bursts of ESP and AH, has the inbound path open them, merges what
 * belongs together and writes it to the TUN device.
 *
 * A packet that was decrypted and would leave by an interface with a policy again (a hub between two spokes)
 * does not go through the TUN device, which the kernel would not lead back into it: it goes to the outbound
 * path at once, as a router forwards, so that it is never sent in clear where policy protects it.
 */
#include "engine/engine_state.h"
#include "wire/ipsec_headers.h"

enum { KEEPALIVE = 1, MARKER = 4 };

static bool leaves_protected(struct engine *e, uint8_t *data, uint32_t len, struct route *ret)
{
    struct address destination;
    if (len >= IPV4_HEADER && data[0] >> 4 == 4)
        destination = address_of(data + 16, 4);
    else if (len >= IPV6_HEADER && data[0] >> 4 == 6)
        destination = address_of(data + 24, 16);
    else
        return false;
    *ret = route_cache_find(e->routes, &destination);
    if (ret->ifindex == 0)
        return false;
    uint32_t version = atomic_load_explicit(&e->spd->version, memory_order_acquire);
    return version != 0 && spd_binding_find(spd_table(e->spd, version), ret->ifindex) != NULL;
}

/* True: it is on its way out again. Where its TTL is over the kernel tells the sender, as for any packet. */
static bool turn_around(struct engine *e, const struct inbound_result *r)
{
    struct route route;
    if (!leaves_protected(e, r->data, r->len, &route))
        return false;
    uint8_t *copy = tun_side_slot(e, r->len);
    if (!copy)
        return false;
    memcpy(copy, r->data, r->len);
    if (!ip_ttl_decrement(copy))
        return false;
    tun_side_add(e, copy, r->len, &route, 0);
    return true;
}

static void deliver(struct engine *e, const struct coalesce_packet *packets, size_t n)
{
    size_t out = coalesce_burst(e->coalescer, packets, n);
    for (size_t i = 0; i < out; i++) {
        struct coalesced *c = coalesced_at(e->coalescer, i);
        if (tun_write(e->tun.fd, c->iov, c->iov_count) < 0)
            engine_drop(e, DROP_TUN_WRITE_FAILED, c->segments);
        e->path.engine->segments_coalesced += c->segments > 1 ? c->segments : 0;
    }
}

static void wire_side_results(struct engine *e, const struct inbound_result *results, size_t n)
{
    struct coalesce_packet delivered[BURST_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct inbound_result *r = &results[i];
        if (r->notes || r->kind == INBOUND_DROPPED)
            reports_inbound(e, r);
        if (r->kind == INBOUND_DELIVER && !turn_around(e, r))
            delivered[count++] = (struct coalesce_packet){r->data, r->len};
    }
    deliver(e, delivered, count);
    if (e->burst_count)
        tun_side_flush(e);
}

static void wire_side_burst(struct engine *e, const struct inbound_packet *packets, size_t n)
{
    struct inbound_result results[BURST_MAX];
    if (n == 0)
        return;
    e->load.packets += n;
    engine_enter(e);
    inbound_burst(e->inbound, packets, n, e->now, results);
    wire_side_results(e, results, n);
    engine_leave(e);
}

void wire_side_waiting(struct engine *e)
{
    struct inbound_result results[BURST_MAX];
    struct inbound_packet packets[BURST_MAX];
    size_t n;
    if (!inbound_waiting(e->inbound))
        return;
    engine_enter(e);
    while ((n = inbound_release(e->inbound, e->now, packets, results)) > 0)
        wire_side_results(e, results, n);
    engine_leave(e);
    uint32_t slot, spi;
    if (inbound_waits_for(e->inbound, &slot, &spi))
        reports_waiting(e, slot, spi);
}

/* A datagram on port 4500 that is ESP: true. IKE messages and keepalives are dealt with (RFC 3948 §2.2,
 * §2.3). */
static bool is_esp(struct engine *e, const struct datagram *d, uint8_t *data, uint32_t len)
{
    static const uint8_t marker[MARKER];
    if (len <= MARKER)
        return false;
    if (memcmp(data, marker, MARKER) != 0)
        return true;
    reports_datagram(e, &d->local, &d->remote, bytes_of(data + MARKER, len - MARKER));
    return false;
}

void wire_side_udp(struct engine *e, int family)
{
    struct datagram received[BURST_MAX];
    struct inbound_packet packets[BURST_MAX];
    size_t count = 0;
    int n = datagram_receive(e->reader, e->fds.udp[family], BURST_MAX, received);
    e->load.backlog |= n == BURST_MAX;
    for (int i = 0; i < n; i++) {
        struct datagram *d = &received[i];
        d->local.port = UDP_ENCAPSULATION_PORT;
        if (d->truncated) {
            engine_drop(e, DROP_BAD_LENGTH, 1);
            continue;
        }
        uint32_t step = d->segment ? d->segment : d->len;
        for (uint32_t at = 0; at < d->len; at += step) {
            uint32_t len = MIN(step, d->len - at);
            if (!is_esp(e, d, d->data + at, len))
                continue;
            packets[count++] = (struct inbound_packet){.data = d->data + at,
                                                       .len = len,
                                                       .form = INBOUND_UDP,
                                                       .traffic_class = d->tos,
                                                       .local = d->local,
                                                       .remote = d->remote};
            if (count == BURST_MAX) {
                wire_side_burst(e, packets, count);
                count = 0;
            }
        }
    }
    wire_side_burst(e, packets, count);
}

void wire_side_raw(struct engine *e, int family, uint8_t protocol)
{
    struct datagram received[BURST_MAX];
    struct inbound_packet packets[BURST_MAX];
    size_t count = 0;
    int fd = protocol == IP_PROTOCOL_AH ? e->fds.ah[family] : e->fds.esp[family];
    int n = datagram_receive(e->reader, fd, BURST_MAX, received);
    e->load.backlog |= n == BURST_MAX;
    for (int i = 0; i < n; i++) {
        struct datagram *d = &received[i];
        if (d->truncated) {
            engine_drop(e, DROP_BAD_LENGTH, 1);
            continue;
        }
        d->local.port = d->remote.port = 0;
        packets[count++] = (struct inbound_packet){.data = d->data,
                                                   .len = d->len,
                                                   .form = family ? INBOUND_RAW_V6 : INBOUND_RAW_V4,
                                                   .protocol = protocol,
                                                   .traffic_class = d->tos,
                                                   .local = d->local,
                                                   .remote = d->remote};
    }
    wire_side_burst(e, packets, count);
}

void wire_side_icmp(struct engine *e, int family)
{
    struct datagram received[BURST_MAX];
    int n = datagram_receive(e->reader, e->fds.icmp[family], BURST_MAX, received);
    engine_enter(e);
    for (int i = 0; i < n; i++)
        pmtu_icmp(&e->path, family ? ADDRESS_V6 : ADDRESS_V4, bytes_of(received[i].data, received[i].len),
                  e->now);
    engine_leave(e);
}
