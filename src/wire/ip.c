/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and writing of IP headers, and the small changes a gateway makes to a packet on its way. Called on
 * the packet path. Always holds: a packet that ip_parse accepted has all the header bytes that its struct
 * names, so what works in place (`uint8_t *packet`) may take them for granted. RFC 791, RFC 8200 §4, RFC 6040
 * §4. */
#include "wire/ip.h"

const char *ip_error_name(enum ip_error error)
{
    static const char *const names[] = {[IP_OK] = "ok",
#define X(name, text) [IP_ERROR_##name] = text,
                                        IP_ERRORS(X)
#undef X
    };
    return (unsigned)error < ARRAY_SIZE(names) ? names[error] : "?";
}

/* What lies in front of the transport payload when it is there: ports, ICMP type. */
static void transport_parse(struct ip_packet *p)
{
    const uint8_t *at = p->payload.data;
    if (p->fragment_offset > 0 || p->payload.len < 4)
        return;
    switch (p->protocol) {
    case IP_PROTOCOL_TCP:
    case IP_PROTOCOL_UDP:
    case IP_PROTOCOL_UDP_LITE:
    case IP_PROTOCOL_SCTP:
    case IP_PROTOCOL_DCCP:
        p->has_ports = true;
        p->source_port = be16_load(at);
        p->destination_port = be16_load(at + 2);
        break;
    case IP_PROTOCOL_ICMP:
    case IP_PROTOCOL_ICMPV6:
        p->has_icmp = (p->protocol == IP_PROTOCOL_ICMP) == (p->version == 4);
        if (!p->has_icmp)
            break;
        p->icmp_type = at[0];
        p->icmp_code = at[1];
        break;
    default:
        break;
    }
}

/* A fragment that is not the last carries a multiple of 8 bytes, and none ends beyond what a packet can be.
 */
static bool fragment_is_sane(const struct ip_packet *p)
{
    if (p->more_fragments && (p->payload.len % 8 != 0 || p->payload.len == 0))
        return false;
    return p->fragment_offset == 0 || p->fragment_offset + p->payload.len + p->header_length <= UINT16_MAX;
}

static enum ip_error ipv4_parse(struct bytes packet, struct ip_packet *p)
{
    const struct ipv4_header *h = (const void *)packet.data;
    if (packet.len < IPV4_HEADER)
        return IP_ERROR_TRUNCATED;
    uint16_t header = (h->version_ihl & 15) * 4, total = be16_get(h->total_length);
    if (header < IPV4_HEADER)
        return IP_ERROR_HEADER_LENGTH;
    if (total < header)
        return IP_ERROR_TOTAL_LENGTH;
    if (total > packet.len)
        return IP_ERROR_TRUNCATED;
    uint16_t flags_offset = be16_get(h->flags_offset);
    p->version = 4;
    p->data = bytes_of(packet.data, total);
    p->payload = bytes_of(packet.data + header, total - header);
    p->source = address_of(h->source, 4);
    p->destination = address_of(h->destination, 4);
    p->protocol = h->protocol;
    p->traffic_class = h->tos;
    p->ttl = h->ttl;
    p->header_length = header;
    p->total_length = total;
    p->next_header_at = offsetof(struct ipv4_header, protocol);
    p->dont_fragment = flags_offset & IPV4_DF;
    p->more_fragments = flags_offset & IPV4_MF;
    p->fragment_offset = (flags_offset & IPV4_OFFSET_MASK) * 8;
    p->fragment_id = be16_get(h->id);
    return fragment_is_sane(p) ? IP_OK : IP_ERROR_FRAGMENT;
}

/* Walks from the fixed header to the upper-layer header, or to what a later fragment carries. */
static enum ip_error ipv6_extensions_parse(struct ip_packet *p)
{
    size_t at = IPV6_HEADER;
    for (int i = 0; i <= IPV6_EXTENSIONS_MAX; i++) {
        const uint8_t *extension = p->data.data + at;
        size_t left = p->data.len - at, len;
        bool fragment = p->protocol == IP_PROTOCOL_FRAGMENT;
        if (!fragment && p->protocol != IP_PROTOCOL_HOPOPTS && p->protocol != IP_PROTOCOL_ROUTING &&
            p->protocol != IP_PROTOCOL_DSTOPTS) {
            p->header_length = (uint16_t)at;
            p->payload = bytes_of(extension, left);
            return fragment_is_sane(p) ? IP_OK : IP_ERROR_FRAGMENT;
        }
        if (left < 8)
            return IP_ERROR_TRUNCATED;
        len = fragment ? IPV6_FRAGMENT_HEADER : (extension[1] + (size_t)1) * 8;
        /* Hop-by-hop options come first or not at all; a second fragment header would hide what it carries.
         */
        if (len > left || (p->protocol == IP_PROTOCOL_HOPOPTS && at != IPV6_HEADER) ||
            (fragment && p->fragment_header_at))
            return IP_ERROR_EXTENSION;
        if (fragment) {
            uint16_t offset_flags = be16_load(extension + 2);
            p->fragment_header_at = (uint16_t)at;
            p->fragment_offset = offset_flags & 0xfff8;
            p->more_fragments = offset_flags & 1;
            p->fragment_id = be32_load(extension + 4);
        }
        p->next_header_at = (uint16_t)at;
        p->protocol = extension[0];
        at += len;
        if (p->fragment_offset > 0) {
            p->header_length = (uint16_t)at;
            p->payload = bytes_of(p->data.data + at, p->data.len - at);
            return fragment_is_sane(p) ? IP_OK : IP_ERROR_FRAGMENT;
        }
    }
    return IP_ERROR_TOO_MANY_EXTENSIONS;
}

static enum ip_error ipv6_parse(struct bytes packet, struct ip_packet *p)
{
    const struct ipv6_header *h = (const void *)packet.data;
    if (packet.len < IPV6_HEADER)
        return IP_ERROR_TRUNCATED;
    size_t total = (size_t)IPV6_HEADER + be16_get(h->payload_length);
    if (total > UINT16_MAX)
        return IP_ERROR_TOTAL_LENGTH;
    if (total > packet.len)
        return IP_ERROR_TRUNCATED;
    p->version = 6;
    p->data = bytes_of(packet.data, total);
    p->source = address_of(h->source, 16);
    p->destination = address_of(h->destination, 16);
    p->protocol = h->next_header;
    p->traffic_class = (uint8_t)(be32_get(h->version_class_flow) >> 20);
    p->ttl = h->hop_limit;
    p->total_length = (uint16_t)total;
    p->next_header_at = offsetof(struct ipv6_header, next_header);
    p->dont_fragment = true;
    return ipv6_extensions_parse(p);
}

enum ip_error ip_parse(struct bytes packet, struct ip_packet *ret)
{
    struct ip_packet p = {0};
    if (packet.len < 1)
        return IP_ERROR_TRUNCATED;
    enum ip_error error = packet.data[0] >> 4 == 4   ? ipv4_parse(packet, &p)
                          : packet.data[0] >> 4 == 6 ? ipv6_parse(packet, &p)
                                                     : IP_ERROR_VERSION;
    if (error)
        return error;
    transport_parse(&p);
    *ret = p;
    return IP_OK;
}

size_t ip_header_write(uint8_t *out, const struct ip_header_fields *f)
{
    if (f->source.family == ADDRESS_V4 && f->destination.family == ADDRESS_V4) {
        if (f->payload_length > UINT16_MAX - IPV4_HEADER)
            return 0;
        struct ipv4_header h = {
            .version_ihl = 0x45,
            .tos = f->traffic_class,
            .total_length = be16_of(IPV4_HEADER + f->payload_length),
            .id = be16_of(f->id),
            .flags_offset = be16_of(f->dont_fragment ? IPV4_DF : 0),
            .ttl = f->ttl,
            .protocol = f->protocol,
        };
        memcpy(h.source, f->source.bytes, 4);
        memcpy(h.destination, f->destination.bytes, 4);
        h.checksum = checksum_of(&h, sizeof(h));
        memcpy(out, &h, sizeof(h));
        return sizeof(h);
    }
    if (f->source.family != ADDRESS_V6 || f->destination.family != ADDRESS_V6)
        return 0;
    struct ipv6_header h = {
        .version_class_flow =
            be32_of(UINT32_C(6) << 28 | (uint32_t)f->traffic_class << 20 | (f->flow_label & 0xfffff)),
        .payload_length = be16_of(f->payload_length),
        .next_header = f->protocol,
        .hop_limit = f->ttl,
    };
    memcpy(h.source, f->source.bytes, 16);
    memcpy(h.destination, f->destination.bytes, 16);
    memcpy(out, &h, sizeof(h));
    return sizeof(h);
}

/* ---- in place ---- */

/* Replaces the 16-bit word at an even offset of an IPv4 header and carries the change into the checksum. */
static void ipv4_word_replace(uint8_t *packet, size_t at, be16 to)
{
    struct ipv4_header *h = (void *)packet;
    be16 from;
    memcpy(&from, packet + at, 2);
    h->checksum = checksum_update16(h->checksum, from, to);
    memcpy(packet + at, &to, 2);
}

bool ip_ttl_decrement(uint8_t *packet)
{
    if (packet[0] >> 4 == 6) {
        struct ipv6_header *h = (void *)packet;
        if (h->hop_limit <= 1)
            return false;
        h->hop_limit--;
        return true;
    }
    struct ipv4_header *h = (void *)packet;
    if (h->ttl <= 1)
        return false;
    ipv4_word_replace(packet, offsetof(struct ipv4_header, ttl),
                      (be16){{(uint8_t)(h->ttl - 1), h->protocol}});
    return true;
}

void ip_traffic_class_set(uint8_t *packet, uint8_t traffic_class)
{
    if (packet[0] >> 4 == 6) {
        struct ipv6_header *h = (void *)packet;
        uint32_t word = be32_get(h->version_class_flow);
        h->version_class_flow = be32_of((word & 0xf00fffff) | (uint32_t)traffic_class << 20);
        return;
    }
    ipv4_word_replace(packet, 0, (be16){{packet[0], traffic_class}});
}

void ipv4_dont_fragment_set(uint8_t *packet, bool on)
{
    struct ipv4_header *h = (void *)packet;
    uint16_t rest = be16_get(h->flags_offset) & ~IPV4_DF;
    ipv4_word_replace(packet, offsetof(struct ipv4_header, flags_offset), be16_of(rest | (on ? IPV4_DF : 0)));
}

int ecn_decapsulate(uint8_t outer, uint8_t inner)
{
    /* RFC 6040 figure 4: rows are the inner, columns the outer bits. */
    static const int8_t result[4][4] = {
        [ECN_NOT_ECT] = {[ECN_NOT_ECT] = 0, [ECN_ECT_1] = 0, [ECN_ECT_0] = 0, [ECN_CE] = -1},
        [ECN_ECT_0] = {[ECN_NOT_ECT] = 2, [ECN_ECT_1] = 1, [ECN_ECT_0] = 2, [ECN_CE] = 3},
        [ECN_ECT_1] = {[ECN_NOT_ECT] = 1, [ECN_ECT_1] = 1, [ECN_ECT_0] = 1, [ECN_CE] = 3},
        [ECN_CE] = {[ECN_NOT_ECT] = 3, [ECN_ECT_1] = 3, [ECN_ECT_0] = 3, [ECN_CE] = 3},
    };
    return result[inner & ECN_MASK][outer & ECN_MASK];
}
