/* SPDX-License-Identifier: Apache-2.0 */
/* See decapsulate.h. Nothing of a packet is believed before its ICV was right, but lengths have to be looked
 * at. */
#include "ipsec/decapsulate.h"

#include "wire/ipsec_headers.h"

enum { REBUILT_TTL = 64 };

enum drop_reason decapsulate_esp(struct opening *o, struct packet_job *job)
{
    const struct packet_algorithms *a = &o->pair->algorithms;
    uint32_t iv_len = (uint32_t)packet_iv_len(a), icv_len = (uint32_t)packet_icv_len(a);
    if (o->len < ESP_HEADER + iv_len + ESP_TRAILER + icv_len)
        return DROP_BAD_LENGTH;
    o->payload = o->at + ESP_HEADER + iv_len;
    o->payload_len = o->len - ESP_HEADER - iv_len - icv_len;
    *job = (struct packet_job){
        .key = &o->pair->open_key,
        .header = o->at,
        .iv = o->at + ESP_HEADER,
        .payload = o->payload,
        .icv = o->payload + o->payload_len,
        .payload_len = o->payload_len,
        .sequence_high = (uint32_t)(o->sequence >> 32),
        .esn = o->pair->flags & PAIR_ESN,
        .user = o,
    };
    return DROP_NONE;
}

enum drop_reason decapsulate_esp_finish(struct opening *o)
{
    const uint8_t *end = o->payload + o->payload_len;
    uint32_t pad = end[-2];
    if (pad + ESP_TRAILER > o->payload_len)
        return DROP_BAD_PADDING;
    uint8_t differs = 0;
    for (uint32_t i = 0; i < pad; i++)
        differs |= end[-2 - (int)pad + (int)i] ^ (uint8_t)(i + 1);
    if (differs)
        return DROP_BAD_PADDING;
    o->next_header = end[-1];
    o->payload_len -= pad + ESP_TRAILER;
    return DROP_NONE;
}

enum drop_reason decapsulate_ah(struct opening *o, struct packet_job *job)
{
    const struct ah_header *h = (const struct ah_header *)o->at;
    uint32_t icv_len = (uint32_t)packet_icv_len(&o->pair->algorithms);
    if (o->len < AH_HEADER + icv_len)
        return DROP_BAD_LENGTH;
    /* Some send IPv4 AH padded to 8 bytes too; what counts is what the header says and the ICV covers. */
    uint32_t ah_len = (h->payload_length + 2u) * 4;
    if (ah_len < AH_HEADER + icv_len || ah_len >= AH_HEADER + icv_len + 8 || ah_len > o->len)
        return DROP_BAD_LENGTH;
    if (!o->ip || o->front_len > AH_FRONT_MAX)
        return DROP_MALFORMED;
    o->next_header = h->next_header;
    o->payload = o->at + ah_len;
    o->payload_len = o->len - ah_len;
    memcpy(o->icv, o->at + AH_HEADER, icv_len);
    memset(o->at + AH_HEADER, 0, icv_len);
    memcpy(o->front, o->ip, o->front_len);
    if (!ah_zero_mutable(o->ip, o->front_len))
        return DROP_MALFORMED;
    *job = (struct packet_job){
        .key = &o->pair->open_key,
        .header = o->ip,
        .payload = o->at + o->len,
        .icv = o->icv,
        .sequence_high = (uint32_t)(o->sequence >> 32),
        .esn = o->pair->flags & PAIR_ESN,
        .user = o,
    };
    return DROP_NONE;
}

void decapsulate_ah_finish(struct opening *o)
{
    memcpy(o->ip, o->front, o->front_len);
}

/* ---- what was inside ---- */

bool decapsulate_needs_spare(const struct opening *o)
{
    return !(o->pair->flags & PAIR_TUNNEL) && !o->ip;
}

/* The headers move up to the payload. */
static void header_move(struct opening *o)
{
    uint8_t *header = o->payload - o->front_len;
    memmove(header, o->ip, o->front_len);
    header[o->next_header_at] = o->next_header;
    uint32_t len = o->front_len + o->payload_len;
    if (o->version == 4) {
        be16_store(header + offsetof(struct ipv4_header, total_length), (uint16_t)len);
        ipv4_checksum_set(header);
    } else {
        be16_store(header + offsetof(struct ipv6_header, payload_length), (uint16_t)(len - IPV6_HEADER));
    }
    o->payload = header;
    o->payload_len = len;
}

/* A NAT on the way changed what the checksum covers; the ICV vouches for the content (RFC 3948 §3.1.2). */
static void transport_checksum(struct ip_packet *p)
{
    uint8_t *segment = (uint8_t *)p->payload.data;
    size_t at = p->protocol == IP_PROTOCOL_TCP   ? offsetof(struct tcp_header, checksum)
                : p->protocol == IP_PROTOCOL_UDP ? offsetof(struct udp_header, checksum)
                                                 : 0;
    size_t least = p->protocol == IP_PROTOCOL_TCP ? TCP_HEADER : UDP_HEADER;
    if (at == 0 || p->payload.len < least || ip_is_fragment(p))
        return;
    bool none = p->protocol == IP_PROTOCOL_UDP && p->version == 4 && be16_load(segment + at) == 0;
    if (none)
        return;
    be16_store(segment + at, 0);
    be16 sum = checksum_transport(&p->source, &p->destination, p->protocol, p->payload);
    memcpy(segment + at, &sum, sizeof(sum));
}

static bool header_rebuild(struct opening *o, uint8_t *spare)
{
    struct ip_header_fields fields = {
        .source = o->remote,
        .destination = o->local,
        .payload_length = (uint16_t)o->payload_len,
        .protocol = o->next_header,
        .traffic_class = o->traffic_class,
        .ttl = REBUILT_TTL,
        .dont_fragment = true,
    };
    size_t size = spare && o->payload_len <= PACKET_MAX - IPV6_HEADER ? ip_header_write(spare, &fields) : 0;
    if (size == 0)
        return false;
    memcpy(spare + size, o->payload, o->payload_len);
    o->payload = spare;
    o->payload_len += (uint32_t)size;
    return true;
}

static enum drop_reason inner_tunnel(struct opening *o, struct ip_packet *packet)
{
    uint8_t version = o->next_header == IP_PROTOCOL_IPV4 ? 4 : 6;
    if (o->next_header != IP_PROTOCOL_IPV4 && o->next_header != IP_PROTOCOL_IPV6)
        return DROP_BAD_NEXT_HEADER;
    if (ip_parse(bytes_of(o->payload, o->payload_len), packet) != IP_OK || packet->version != version)
        return DROP_MALFORMED;
    int ecn = ecn_decapsulate(o->traffic_class & ECN_MASK, packet->traffic_class & ECN_MASK);
    if (ecn < 0)
        return DROP_ECN_MISMATCH;
    if (ecn != (packet->traffic_class & ECN_MASK))
        ip_traffic_class_set(o->payload, (uint8_t)((packet->traffic_class & ~ECN_MASK) | ecn));
    return DROP_NONE;
}

enum drop_reason decapsulate_inner(struct opening *o, uint8_t *spare, struct ip_packet *packet)
{
    if (o->next_header == IP_PROTOCOL_NONE)
        return DROP_DUMMY;
    if (o->pair->flags & PAIR_TUNNEL)
        return inner_tunnel(o, packet);
    bool rebuild = !o->ip;
    if (!rebuild)
        header_move(o);
    else if (!header_rebuild(o, spare))
        return DROP_BAD_LENGTH;
    if (ip_parse(bytes_of(o->payload, o->payload_len), packet) != IP_OK)
        return DROP_MALFORMED;
    if (rebuild && o->udp)
        transport_checksum(packet);
    return DROP_NONE;
}
