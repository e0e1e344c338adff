/* SPDX-License-Identifier: Apache-2.0 */
/* See packet_facts.h. */
#include "judge/packet_facts.h"

#include "judge/probe_packet.h"
#include "wire/ipsec_headers.h"

enum { PORT_ISAKMP = 500, ISAKMP_EXCHANGE_AT = 18, NESTING_MAX = 4, GRE_HEADER = 4 };

static void seal_esp(struct packet_facts *f, struct bytes b, bool whole)
{
    if (b.len < ESP_HEADER || f->seal_count == FACTS_SEALS)
        return;
    f->seals[f->seal_count++] = (struct seal){
        .protocol = IP_PROTOCOL_ESP,
        .spi = be32_load(b.data),
        .sequence = be32_load(b.data + 4),
        .esp = whole ? b : (struct bytes){0},
        .iv = bytes_of(b.data + ESP_HEADER, b.len - ESP_HEADER),
    };
}

static void seal_ah(struct packet_facts *f, struct bytes b, bool whole)
{
    const struct ah_header *h = (const void *)b.data;
    if (b.len < AH_HEADER)
        return;
    f->seals[f->seal_count++] =
        (struct seal){.protocol = IP_PROTOCOL_AH, .spi = be32_get(h->spi), .sequence = be32_get(h->sequence)};
    size_t len = ((size_t)h->payload_length + 2) * 4;
    if (h->next_header == IP_PROTOCOL_ESP && len <= b.len)
        seal_esp(f, bytes_of(b.data + len, b.len - len), whole);
}

/* UDP 500, and both kinds on 4500: the non-ESP marker is what an SPI cannot be (RFC 3948 §2.2). */
static bool udp_take(struct packet_facts *f, const struct ip_packet *p)
{
    if (!p->has_ports || p->payload.len < UDP_HEADER)
        return false;
    struct bytes b = bytes_of(p->payload.data + UDP_HEADER, p->payload.len - UDP_HEADER);
    bool natt = p->source_port == UDP_ENCAPSULATION_PORT || p->destination_port == UDP_ENCAPSULATION_PORT;
    bool marker = natt && b.len >= 4 && be32_load(b.data) == 0;
    if (p->source_port == PORT_ISAKMP || p->destination_port == PORT_ISAKMP || marker) {
        size_t at = ISAKMP_EXCHANGE_AT + (marker ? 4 : 0);
        f->kind = FACTS_ISAKMP;
        f->exchange = b.len > at ? b.data[at] : 0;
        return true;
    }
    if (!natt)
        return false;
    f->kind = FACTS_IPSEC; /* or a keepalive of one byte */
    seal_esp(f, b, !ip_is_fragment(p));
    return true;
}

struct ends {
    struct address source, destination;
    uint8_t protocol;
};

/* The addresses of a header, however broken what follows is. */
static bool ends_read(struct bytes b, struct ends *ret)
{
    if (b.len >= IPV4_HEADER && b.data[0] >> 4 == 4)
        *ret = (struct ends){address_of(b.data + 12, 4), address_of(b.data + 16, 4), b.data[9]};
    else if (b.len >= IPV6_HEADER && b.data[0] >> 4 == 6)
        *ret = (struct ends){address_of(b.data + 8, 16), address_of(b.data + 24, 16), b.data[6]};
    else
        return false;
    return true;
}

static bool ends_inside(const struct ends *e, const struct prefix *clear, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (prefix_contains(&clear[i], &e->source) || prefix_contains(&clear[i], &e->destination))
            return true;
    }
    return false;
}

static bool icmp_is_error(const struct ip_packet *p)
{
    if (!p->has_icmp)
        return false;
    if (p->version == 6)
        return p->icmp_type >= ICMPV6_UNREACHABLE && p->icmp_type <= ICMPV6_PARAMETER_PROBLEM;
    return p->icmp_type == ICMP_UNREACHABLE || p->icmp_type == ICMP_TIME_EXCEEDED ||
           p->icmp_type == ICMP_PARAMETER_PROBLEM || p->icmp_type == 4 || p->icmp_type == 5;
}

/* What GRE carries, if that is IP (RFC 2784 §2.1, RFC 2890). */
static struct bytes gre_payload(struct bytes b)
{
    if (b.len < GRE_HEADER)
        return (struct bytes){0};
    uint16_t flags = be16_load(b.data), type = be16_load(b.data + 2);
    size_t len =
        GRE_HEADER + (flags & 0x8000 ? 4u : 0) + (flags & 0x2000 ? 4u : 0) + (flags & 0x1000 ? 4u : 0);
    bool ip = type == 0x0800 || type == 0x86dd;
    return ip && len <= b.len ? bytes_of(b.data + len, b.len - len) : (struct bytes){0};
}

/* Looks at a packet that nothing sealed and at what it carries or quotes. */
static void clear_look(struct packet_facts *f, struct bytes b, enum clear_kind kind,
                       const struct prefix *clear, unsigned count)
{
    for (unsigned depth = 0; depth < NESTING_MAX; depth++) {
        struct ends e;
        struct ip_packet p;
        if (!ends_read(b, &e))
            return;
        if (ends_inside(&e, clear, count)) {
            f->clear = kind;
            f->clear_protocol = e.protocol;
            f->clear_source = e.source;
            f->clear_destination = e.destination;
            return;
        }
        if (ip_parse(b, &p) != IP_OK || p.fragment_offset > 0)
            return;
        kind = CLEAR_CARRIED;
        if (icmp_is_error(&p) && p.payload.len > ICMP_HEADER) {
            kind = CLEAR_QUOTED;
            b = bytes_of(p.payload.data + ICMP_HEADER, p.payload.len - ICMP_HEADER);
        } else if (p.protocol == IP_PROTOCOL_IPV4 || p.protocol == IP_PROTOCOL_IPV6) {
            b = p.payload;
        } else if (p.protocol == IP_PROTOCOL_GRE) {
            b = gre_payload(p.payload);
        } else {
            return;
        }
    }
}

bool packet_facts_read(struct bytes packet, const struct prefix *clear, unsigned clear_count,
                       struct packet_facts *ret)
{
    struct packet_facts f = {.kind = FACTS_OTHER};
    struct ends e;
    struct ip_packet p;
    if (!ends_read(packet, &e))
        return false;
    f.source = e.source;
    f.destination = e.destination;
    f.malformed = ip_parse(packet, &p) != IP_OK;
    bool parsed = !f.malformed, first = parsed && p.fragment_offset == 0;
    f.fragment = parsed && ip_is_fragment(&p);
    bool esp = parsed && p.protocol == IP_PROTOCOL_ESP, ah = parsed && p.protocol == IP_PROTOCOL_AH;
    if (esp || ah) {
        f.kind = FACTS_IPSEC;
        if (first)
            (esp ? seal_esp : seal_ah)(&f, p.payload, !f.fragment);
    } else if (!first || p.protocol != IP_PROTOCOL_UDP || !udp_take(&f, &p)) {
        clear_look(&f, packet, CLEAR_PLAIN, clear, clear_count);
    }
    *ret = f;
    return true;
}

const char *clear_kind_name(enum clear_kind kind)
{
    static const char *const names[] = {"not in clear", "in clear", "quoted in clear by ICMP",
                                        "in clear inside another packet"};
    return kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

static bool probe_read(struct bytes udp, struct probe_id *ret)
{
    struct probe_packet h;
    if (udp.len < UDP_HEADER + sizeof h)
        return false;
    memcpy(&h, udp.data + UDP_HEADER, sizeof h);
    uint32_t flow = be32_get(h.flow);
    if (be32_get(h.magic) != PROBE_MAGIC || flow > UINT16_MAX - PROBE_PORT ||
        be16_load(udp.data + 2) != PROBE_PORT + flow)
        return false;
    *ret = (struct probe_id){flow, be64_get(h.run), be64_get(h.number)};
    return true;
}

bool probe_find(uint8_t protocol, struct bytes b, struct probe_id *ret)
{
    for (unsigned depth = 0; depth < NESTING_MAX; depth++) {
        struct ip_packet p;
        if (protocol == IP_PROTOCOL_UDP)
            return probe_read(b, ret);
        if (protocol == IP_PROTOCOL_GRE)
            b = gre_payload(b);
        else if (protocol != IP_PROTOCOL_IPV4 && protocol != IP_PROTOCOL_IPV6)
            return false;
        if (ip_parse(b, &p) != IP_OK || p.fragment_offset > 0)
            return false;
        protocol = p.protocol;
        b = p.payload;
    }
    return false;
}
