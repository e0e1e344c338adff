/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP and ICMPv6 errors: written when a packet does not fit a tunnel or its TTL ends in us, and read when a
 * router on the way of our own ESP, AH or UDP-encapsulated packets complains. Called on the packet path. What
 * is read is not authenticated: it quotes at most what any router on the way (or an attacker) knows, so
 * callers bound and rate-limit what they do with it (RFC 4301 §8.2). RFC 792, RFC 1191, RFC 1812 §4.3, RFC
 * 4443, RFC 8201. */
#include "wire/ip.h"
#include "wire/ipsec_headers.h"

enum {
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_CODE_ADMIN_PROHIBITED = 13,
    ICMPV6_CODE_ADMIN_PROHIBITED = 1,
    ICMPV6_FIRST_QUERY = 128, /* below: errors */
    ICMP_TTL = 64,
    ICMP_TOS = 0xc0, /* internetwork control, RFC 1812 §4.3.2.5 */
};

static bool icmp_is_error(const struct ip_packet *p)
{
    if (p->version == 6)
        return p->icmp_type < ICMPV6_FIRST_QUERY;
    switch (p->icmp_type) {
    case ICMP_UNREACHABLE:
    case ICMP_SOURCE_QUENCH:
    case ICMP_REDIRECT:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
        return true;
    default:
        return false;
    }
}

/* RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e): about these packets nobody gets an error. */
static bool icmp_may_answer(enum icmp_error_kind kind, const struct ip_packet *p)
{
    if (p->fragment_offset > 0)
        return false;
    if (p->protocol == (p->version == 4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6) &&
        (!p->has_icmp || icmp_is_error(p)))
        return false;
    if (address_is_any(&p->source) || address_is_multicast(&p->source))
        return false;
    uint32_t v4_source = address_v4_get(&p->source);
    if (p->version == 4 && (v4_source >> 24 == 127 || v4_source >> 24 == 0 || v4_source >> 28 == 15))
        return false;
    /* Packet Too Big is the one error about multicast: RFC 4443 §2.4 (e.3). */
    if (address_is_multicast(&p->destination))
        return p->version == 6 && kind == ICMP_ERROR_TOO_BIG;
    return !(p->version == 4 && address_v4_get(&p->destination) == UINT32_MAX);
}

/* Type, code and the word behind the checksum. */
static bool icmp_header_of(enum icmp_error_kind kind, uint8_t version, uint32_t mtu, struct icmp_header *ret)
{
    struct icmp_header h = {0};
    switch (kind) {
    case ICMP_ERROR_UNREACHABLE:
        h.type = version == 4 ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE;
        h.code = version == 4 ? ICMP_CODE_ADMIN_PROHIBITED : ICMPV6_CODE_ADMIN_PROHIBITED;
        break;
    case ICMP_ERROR_TOO_BIG:
        h.type = version == 4 ? ICMP_UNREACHABLE : ICMPV6_PACKET_TOO_BIG;
        h.code = version == 4 ? ICMP_FRAGMENTATION_NEEDED : 0;
        h.rest = be32_of(version == 4 ? MIN(mtu, (uint32_t)UINT16_MAX) : mtu);
        break;
    case ICMP_ERROR_TIME_EXCEEDED:
        h.type = version == 4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED;
        break;
    default:
        return false;
    }
    *ret = h;
    return true;
}

size_t icmp_error_write(enum icmp_error_kind kind, struct bytes offending, const struct address *source,
                        uint32_t mtu, uint8_t *out, size_t size)
{
    struct ip_packet p;
    struct icmp_header h;
    if (ip_parse(offending, &p) != IP_OK || p.source.family != source->family ||
        !icmp_header_of(kind, p.version, mtu, &h) || !icmp_may_answer(kind, &p))
        return 0;
    bool v4 = p.version == 4;
    size_t headers = (v4 ? IPV4_HEADER : IPV6_HEADER) + ICMP_HEADER;
    size_t limit = MIN(size, (size_t)(v4 ? ICMP_V4_ERROR_MAX : ICMP_V6_ERROR_MAX));
    /* A quotation that does not reach the transport header tells its reader nothing. */
    if (limit < headers + MIN(p.data.len, (size_t)p.header_length + 8))
        return 0;
    size_t quoted = MIN(p.data.len, limit - headers);
    struct ip_header_fields ip = {
        .source = *source,
        .destination = p.source,
        .payload_length = (uint16_t)(ICMP_HEADER + quoted),
        .protocol = v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6,
        .traffic_class = v4 ? ICMP_TOS : 0,
        .ttl = ICMP_TTL,
        .dont_fragment = true, /* at most 576 bytes, so ID 0 is right too (RFC 6864 §4.1) */
    };
    uint8_t *icmp = out + ip_header_write(out, &ip);
    memcpy(icmp + ICMP_HEADER, p.data.data, quoted);
    memcpy(icmp, &h, sizeof(h));
    uint64_t sum = v4 ? 0 : checksum_pseudo(&ip.source, &ip.destination, ip.protocol, ip.payload_length);
    h.checksum = checksum_finish(checksum_add(sum, icmp, ip.payload_length));
    memcpy(icmp, &h, sizeof(h));
    return headers + quoted;
}

/* ---- reading ---- */

/* What the quotation's transport header tells about our SA; `at` is what is left of it. */
static void quoted_transport_parse(struct bytes at, struct icmp_error *e)
{
    const uint8_t *p = at.data;
    switch (e->protocol) {
    case IP_PROTOCOL_ESP:
        e->has_spi = at.len >= 4;
        e->spi = e->has_spi ? be32_load(p) : 0;
        e->sequence = at.len >= 8 ? be32_load(p + 4) : 0;
        break;
    case IP_PROTOCOL_AH:
        e->has_spi = at.len >= 8;
        e->spi = e->has_spi ? be32_load(p + 4) : 0;
        e->sequence = at.len >= 12 ? be32_load(p + 8) : 0;
        break;
    case IP_PROTOCOL_UDP:
    case IP_PROTOCOL_TCP:
        e->has_ports = at.len >= 4;
        e->source_port = e->has_ports ? be16_load(p) : 0;
        e->destination_port = e->has_ports ? be16_load(p + 2) : 0;
        if (e->protocol != IP_PROTOCOL_UDP || at.len < UDP_HEADER + 4 ||
            (e->source_port != UDP_ENCAPSULATION_PORT && e->destination_port != UDP_ENCAPSULATION_PORT))
            break;
        /* Zero here is the non-ESP marker of IKE. */
        e->spi = be32_load(p + UDP_HEADER);
        e->has_spi = e->spi != 0;
        e->sequence = e->has_spi && at.len >= UDP_HEADER + 8 ? be32_load(p + UDP_HEADER + 4) : 0;
        break;
    default:
        break;
    }
}

/* The quoted packet is cut off, so ip_parse would refuse it. */
static bool quoted_v4_parse(struct bytes quoted, struct icmp_error *e)
{
    const struct ipv4_header *h = (const void *)quoted.data;
    if (quoted.len < IPV4_HEADER || h->version_ihl >> 4 != 4)
        return false;
    size_t header = (size_t)(h->version_ihl & 15) * 4;
    if (header < IPV4_HEADER || header > quoted.len)
        return false;
    e->source = address_of(h->source, 4);
    e->destination = address_of(h->destination, 4);
    e->quoted_length = be16_get(h->total_length);
    e->protocol = h->protocol;
    if ((be16_get(h->flags_offset) & IPV4_OFFSET_MASK) == 0)
        quoted_transport_parse(bytes_of(quoted.data + header, quoted.len - header), e);
    return true;
}

static bool quoted_v6_parse(struct bytes quoted, struct icmp_error *e)
{
    const struct ipv6_header *h = (const void *)quoted.data;
    if (quoted.len < IPV6_HEADER || be32_get(h->version_class_flow) >> 28 != 6)
        return false;
    e->source = address_of(h->source, 16);
    e->destination = address_of(h->destination, 16);
    e->quoted_length =
        (uint16_t)MIN((uint32_t)IPV6_HEADER + be16_get(h->payload_length), (uint32_t)UINT16_MAX);
    e->protocol = h->next_header;
    size_t at = IPV6_HEADER;
    for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
        const uint8_t *extension = quoted.data + at;
        bool fragment = e->protocol == IP_PROTOCOL_FRAGMENT;
        if (!fragment && e->protocol != IP_PROTOCOL_HOPOPTS && e->protocol != IP_PROTOCOL_ROUTING &&
            e->protocol != IP_PROTOCOL_DSTOPTS) {
            quoted_transport_parse(bytes_of(extension, quoted.len - at), e);
            return true;
        }
        if (quoted.len - at < 8)
            return true;
        size_t len = fragment ? IPV6_FRAGMENT_HEADER : (extension[1] + (size_t)1) * 8;
        if (len > quoted.len - at)
            return true;
        e->protocol = extension[0];
        if (fragment && (be16_load(extension + 2) & 0xfff8))
            return true;
        at += len;
    }
    return true;
}

/* Which of our kinds a type and code are; false for what is no error. */
static bool icmp_kind_of(uint8_t version, uint8_t type, uint8_t code, uint8_t *ret)
{
    static const struct {
        uint8_t version, type, kind;
    } kinds[] = {
        {4, ICMP_UNREACHABLE, ICMP_ERROR_UNREACHABLE},
        {4, ICMP_TIME_EXCEEDED, ICMP_ERROR_TIME_EXCEEDED},
        {4, ICMP_PARAMETER_PROBLEM, ICMP_ERROR_PARAMETER_PROBLEM},
        {6, ICMPV6_UNREACHABLE, ICMP_ERROR_UNREACHABLE},
        {6, ICMPV6_PACKET_TOO_BIG, ICMP_ERROR_TOO_BIG},
        {6, ICMPV6_TIME_EXCEEDED, ICMP_ERROR_TIME_EXCEEDED},
        {6, ICMPV6_PARAMETER_PROBLEM, ICMP_ERROR_PARAMETER_PROBLEM},
    };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].version != version || kinds[i].type != type)
            continue;
        *ret = kinds[i].kind;
        if (version == 4 && type == ICMP_UNREACHABLE && code == ICMP_FRAGMENTATION_NEEDED)
            *ret = ICMP_ERROR_TOO_BIG;
        return true;
    }
    return false;
}

bool icmp_error_parse_message(uint8_t version, struct bytes message, struct icmp_error *ret)
{
    const struct icmp_header *h = (const void *)message.data;
    struct icmp_error e = {0};
    if (message.len < ICMP_HEADER || !icmp_kind_of(version, h->type, h->code, &e.kind))
        return false;
    e.type = h->type;
    e.code = h->code;
    if (e.kind == ICMP_ERROR_TOO_BIG)
        e.mtu = version == 4 ? be32_get(h->rest) & UINT16_MAX : be32_get(h->rest);
    struct bytes quoted = bytes_of(message.data + ICMP_HEADER, message.len - ICMP_HEADER);
    if (!(version == 4 ? quoted_v4_parse(quoted, &e) : quoted_v6_parse(quoted, &e)))
        return false;
    *ret = e;
    return true;
}

bool icmp_error_parse(const struct ip_packet *packet, struct icmp_error *ret)
{
    if (!packet->has_icmp || ip_is_fragment(packet))
        return false;
    uint64_t sum = packet->version == 4 ? 0
                                        : checksum_pseudo(&packet->source, &packet->destination,
                                                          IP_PROTOCOL_ICMPV6, (uint32_t)packet->payload.len);
    be16 check = checksum_finish(checksum_add(sum, packet->payload.data, packet->payload.len));
    if (be16_get(check) != 0)
        return false;
    return icmp_error_parse_message(packet->version, packet->payload, ret);
}

uint16_t pmtu_plateau_below(uint16_t length)
{
    static const uint16_t plateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
    for (size_t i = 0; i < ARRAY_SIZE(plateaus); i++)
        if (plateaus[i] < length)
            return plateaus[i];
    return IPV4_MTU_MIN;
}
