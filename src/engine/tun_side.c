/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device's side of the engine: reads what the kernel leads into it, learns where each packet would
 * leave, splits what the kernel had merged, and does what the outbound path says.
 *
 * Small packets are read one behind the other into one area until 64 are there or the device is empty; a
 * merged packet is split into the slots' area, in as many bursts as it takes. Both areas start over after
 * each burst. */
#include <errno.h>

#include "engine/engine_state.h"
#include "ipsec/segment.h"

enum {
    READS_SHARE = 64,        /* packets of one turn */
    BYTES_SHARE = 256 << 10, /* and bytes: sockets must not wait for longer */
};

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static void tun_side_write_pieces(struct engine *e, const struct iovec *pieces, int n, unsigned packets)
{
    if (tun_write(e->tun.fd, pieces, n) < 0)
        engine_drop(e, DROP_TUN_WRITE_FAILED, packets);
}

void tun_side_write(struct engine *e, uint8_t *data, uint32_t len)
{
    struct vnet_header none = {0};
    struct iovec pieces[2] = {{&none, sizeof(none)}, {data, len}};
    tun_side_write_pieces(e, pieces, 2, 1);
}

void tun_side_results(struct engine *e, size_t n)
{
    const struct outbound_result *results = outbound_results(e->outbound);
    for (size_t i = 0; i < n; i++) {
        const struct outbound_result *r = &results[i];
        switch (r->kind) {
        case OUTBOUND_SEND_RAW:
            sender_add(e, r);
            break;
        case OUTBOUND_SEND_UDP:
            if (r->run != 0)
                sender_add(e, r);
            break;
        case OUTBOUND_BYPASS:
        case OUTBOUND_ICMP:
            tun_side_write(e, r->data, r->len);
            break;
        default:
            break;
        }
        if (r->notes || r->kind == OUTBOUND_DROPPED)
            reports_outbound(e, r);
    }
    sender_flush(e);
}

void tun_side_flush(struct engine *e)
{
    if (e->burst_count) {
        engine_enter(e);
        e->load.packets += e->burst_count;
        size_t n = outbound_burst(e->outbound, e->burst, e->burst_count, e->now);
        tun_side_results(e, n);
        engine_leave(e);
        reports_acquires(e);
        e->burst_count = 0;
    }
    e->read_at = e->slots_at = 0;
}

uint8_t *tun_side_slot(struct engine *e, uint32_t len)
{
    size_t need = align64(PACKET_HEADROOM + (size_t)len + PACKET_TAILROOM);
    if (need > SLOTS_SIZE)
        return NULL;
    if (e->slots_at + need > SLOTS_SIZE)
        tun_side_flush(e);
    uint8_t *data = e->slots + e->slots_at + PACKET_HEADROOM;
    e->slots_at += need;
    return data;
}

void tun_side_add(struct engine *e, uint8_t *data, uint32_t len, const struct route *route, uint32_t group)
{
    e->burst[e->burst_count++] = (struct outbound_packet){data, len, route->ifindex, route->mtu, group};
    if (e->burst_count == BURST_MAX)
        tun_side_flush(e);
}

static bool destination_of(const uint8_t *data, size_t len, struct address *ret)
{
    if (len >= IPV4_HEADER && data[0] >> 4 == 4)
        *ret = address_of(data + 16, 4);
    else if (len >= IPV6_HEADER && data[0] >> 4 == 6)
        *ret = address_of(data + 24, 16);
    else
        return false;
    return true;
}

static void tun_side_split(struct engine *e, const struct vnet_header *h, uint8_t *data, uint32_t len,
                           const struct route *route)
{
    struct segmenter s;
    enum drop_reason reason = segmenter_init(&s, h, data, len);
    if (reason != DROP_NONE) {
        engine_drop(e, reason, 1);
        return;
    }
    if (s.whole) {
        struct segment whole;
        if (segmenter_next(&s, NULL, 0, &whole, 1) == 1)
            tun_side_add(e, whole.data, whole.len, route, 0);
        else
            engine_drop(e, DROP_MALFORMED, 1);
        return;
    }
    uint32_t slot_size = (uint32_t)align64(PACKET_HEADROOM + s.header_len + h->gso_size + PACKET_TAILROOM);
    uint32_t group = ++e->group ? e->group : ++e->group;
    while (!segmenter_done(&s)) {
        struct segment segments[BURST_MAX];
        size_t room = (SLOTS_SIZE - e->slots_at) / slot_size;
        size_t want = MIN(room, (size_t)(BURST_MAX - e->burst_count));
        if (want == 0) {
            tun_side_flush(e);
            continue;
        }
        uint8_t *slots = e->slots + e->slots_at;
        size_t n = segmenter_next(&s, slots, slot_size, segments, want);
        if (n == 0) {
            engine_drop(e, DROP_MALFORMED, 1);
            return;
        }
        e->slots_at += n * slot_size;
        for (size_t i = 0; i < n; i++)
            tun_side_add(e, segments[i].data, segments[i].len, route, group);
    }
}

/* One packet as the device gave it, `data` behind its header. True: its memory is still needed. */
static bool tun_side_packet(struct engine *e, const struct vnet_header *h, uint8_t *data, uint32_t len)
{
    struct address destination;
    if (!destination_of(data, len, &destination)) {
        engine_drop(e, DROP_MALFORMED, 1);
        return false;
    }
    struct route route = route_cache_find(e->routes, &destination);
    if (h->gso_type == VNET_GSO_NONE) {
        unsigned before = e->burst_count;
        tun_side_split(e, h, data, len, &route);
        return e->burst_count > before;
    }
    engine_enter(e);
    if (outbound_bypasses(e->outbound, data, len, route.ifindex)) {
        struct iovec pieces[2] = {{(void *)h, sizeof(*h)}, {data, len}};
        /* What was read before it leaves before it. */
        struct vnet_header kept = *h;
        pieces[0].iov_base = &kept;
        tun_side_flush(e);
        tun_side_write_pieces(e, pieces, 2, 1);
    } else {
        tun_side_split(e, h, data, len, &route);
    }
    engine_leave(e);
    return false;
}

void tun_side_read(struct engine *e)
{
    size_t bytes = 0;
    unsigned i;
    for (i = 0; i < READS_SHARE && bytes < BYTES_SHARE; i++) {
        size_t start = e->read_at;
        if (start + PACKET_HEADROOM + PACKET_MAX + PACKET_TAILROOM > READ_SIZE) {
            tun_side_flush(e);
            start = 0;
        }
        uint8_t *data = e->read_area + start + PACKET_HEADROOM;
        ssize_t n = tun_read(e->tun.fd, data - TUN_HEADER, TUN_PACKET_MAX);
        if (n < TUN_HEADER)
            break;
        struct vnet_header header;
        memcpy(&header, data - TUN_HEADER, sizeof(header));
        uint32_t len = (uint32_t)n - TUN_HEADER;
        bytes += len;
        if (tun_side_packet(e, &header, data, len))
            e->read_at = start + align64(PACKET_HEADROOM + len + PACKET_TAILROOM);
    }
    e->load.backlog |= i == READS_SHARE || bytes >= BYTES_SHARE;
    tun_side_flush(e);
}
