/* SPDX-License-Identifier: Apache-2.0 */
/* See segment.h. The kernel's own description of the packet is checked against the packet: offsets that lie
 * outside, a protocol that is not what the header says, lengths that do not add up are refused. */
#include "ipsec/segment.h"

#include "wire/ip.h"

enum { TCP_FIN = 1, TCP_PSH = 8, TCP_CWR = 0x80 };

/* The kernel left the checksum of the payload to the network card. */
static enum drop_reason checksum_complete(const struct vnet_header *h, uint8_t *packet, uint32_t len)
{
    if (!(h->flags & VNET_NEEDS_CSUM))
        return DROP_NONE;
    uint32_t at = (uint32_t)h->csum_start + h->csum_offset;
    if (at + 2 > len)
        return DROP_MALFORMED;
    be16 sum = checksum_of(packet + h->csum_start, len - h->csum_start);
    if (be16_get(sum) == 0 && h->csum_offset == offsetof(struct udp_header, checksum))
        sum = be16_of(UINT16_MAX);
    memcpy(packet + at, &sum, sizeof(sum));
    return DROP_NONE;
}

enum drop_reason segmenter_init(struct segmenter *s, const struct vnet_header *h, uint8_t *packet,
                                uint32_t len)
{
    *s = (struct segmenter){.packet = packet, .len = len, .header = *h};
    uint8_t type = h->gso_type & (uint8_t)~VNET_GSO_ECN;
    if (type == VNET_GSO_NONE) {
        s->whole = true;
        return checksum_complete(h, packet, len);
    }
    struct ip_packet ip;
    if (ip_parse(bytes_of(packet, len), &ip) != IP_OK || ip_is_fragment(&ip) || h->gso_size == 0)
        return DROP_MALFORMED;
    s->version = ip.version;
    s->udp = type == VNET_GSO_UDP_L4;
    s->len = ip.total_length;
    s->ip_len = ip.header_length;
    bool known = type == VNET_GSO_TCPV4   ? ip.version == 4
                 : type == VNET_GSO_TCPV6 ? ip.version == 6
                                          : type == VNET_GSO_UDP_L4;
    if (!known || ip.protocol != (s->udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP))
        return DROP_MALFORMED;
    if (ip.payload.len < (s->udp ? (size_t)UDP_HEADER : (size_t)TCP_HEADER))
        return DROP_MALFORMED;
    const struct tcp_header *tcp = (const struct tcp_header *)(packet + s->ip_len);
    uint32_t transport_len = s->udp ? UDP_HEADER : (tcp->offset >> 4) * 4u;
    if (transport_len < UDP_HEADER || (!s->udp && transport_len < TCP_HEADER) ||
        transport_len > ip.payload.len)
        return DROP_MALFORMED;
    s->header_len = s->ip_len + transport_len;
    return DROP_NONE;
}

bool segmenter_done(const struct segmenter *s)
{
    return s->number > 0 && (s->whole || s->header_len + s->at >= s->len);
}

static void ip_finish(const struct segmenter *s, uint8_t *out, uint32_t len)
{
    if (s->version == 6) {
        be16_store(out + offsetof(struct ipv6_header, payload_length), (uint16_t)(len - IPV6_HEADER));
        return;
    }
    struct ipv4_header *h = (struct ipv4_header *)out;
    h->total_length = be16_of((uint16_t)len);
    h->id = be16_of((uint16_t)(be16_get(h->id) + s->number));
    ipv4_checksum_set(out);
}

static void transport_finish(const struct segmenter *s, uint8_t *out, uint32_t len, bool last)
{
    const struct ipv4_header *v4 = (const struct ipv4_header *)out;
    const struct ipv6_header *v6 = (const struct ipv6_header *)out;
    struct address source = s->version == 4 ? address_of(v4->source, 4) : address_of(v6->source, 16);
    struct address destination =
        s->version == 4 ? address_of(v4->destination, 4) : address_of(v6->destination, 16);
    uint8_t *transport = out + s->ip_len;
    size_t checksum_at =
        s->udp ? offsetof(struct udp_header, checksum) : offsetof(struct tcp_header, checksum);
    if (s->udp) {
        ((struct udp_header *)transport)->length = be16_of((uint16_t)(len - s->ip_len));
    } else {
        struct tcp_header *tcp = (struct tcp_header *)transport;
        tcp->sequence = be32_of(be32_get(tcp->sequence) + s->at);
        if (!last)
            tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
        if (s->number > 0)
            tcp->flags &= (uint8_t)~TCP_CWR;
    }
    be16_store(transport + checksum_at, 0);
    be16 sum = checksum_transport(&source, &destination, s->udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP,
                                  bytes_of(transport, len - s->ip_len));
    memcpy(transport + checksum_at, &sum, sizeof(sum));
}

size_t segmenter_next(struct segmenter *s, uint8_t *slots, uint32_t slot_size, struct segment *ret,
                      size_t count)
{
    size_t n = 0;
    if (s->whole && count > 0 && s->number == 0) {
        s->number = 1;
        ret[0] = (struct segment){s->packet, s->len};
        return 1;
    }
    for (; n < count && !segmenter_done(s); n++) {
        uint32_t part = MIN(s->len - s->header_len - s->at, (uint32_t)s->header.gso_size);
        uint32_t len = s->header_len + part;
        if (PACKET_HEADROOM + len + PACKET_TAILROOM > slot_size)
            return n;
        uint8_t *out = slots + n * slot_size + PACKET_HEADROOM;
        memcpy(out, s->packet, s->header_len);
        memcpy(out + s->header_len, s->packet + s->header_len + s->at, part);
        ip_finish(s, out, len);
        transport_finish(s, out, len, s->header_len + s->at + part >= s->len);
        ret[n] = (struct segment){out, len};
        s->at += part;
        s->number++;
    }
    return n;
}
