/* SPDX-License-Identifier: Apache-2.0 */
/* See encapsulate.h. The room in front and behind is PACKET_HEADROOM and PACKET_TAILROOM, which are sized for
 * the largest combination; pmtu_inner_max saw to it that lengths fit 16 bits. */
#include "ipsec/encapsulate.h"

#include <assert.h>

#include "wire/ip.h"
#include "wire/ipsec_headers.h"

enum { OUTER_TTL = 64 };

/* Writes the outer header of tunnel mode so that it ends at `end`. */
static enum drop_reason outer_header(struct sealing *s, const struct sad_pair *pair, uint8_t *end,
                                     uint32_t payload_len, uint16_t id)
{
    uint8_t version = pair->remote.address.family;
    uint32_t size = version == 4 ? IPV4_HEADER : IPV6_HEADER;
    struct ip_header_fields fields = {
        .source = pair->local.address,
        .destination = pair->remote.address,
        .payload_length = (uint16_t)payload_len,
        .id = id,
        .protocol = pair->protocol,
        .traffic_class = s->traffic_class,
        .ttl = OUTER_TTL,
        .dont_fragment = s->dont_fragment,
    };
    if (payload_len + size > PACKET_MAX || ip_header_write(end - size, &fields) != size)
        return DROP_BAD_LENGTH;
    s->data = end - size;
    s->len = size + payload_len;
    s->version = version;
    s->header_length = (uint16_t)size;
    s->next_header_at =
        version == 4 ? offsetof(struct ipv4_header, protocol) : offsetof(struct ipv6_header, next_header);
    return DROP_NONE;
}

/* Transport mode: the packet's own headers move in front of `end` and name `protocol` as what follows. */
static enum drop_reason move_header(struct sealing *s, uint8_t *end, uint8_t protocol, uint32_t payload_len)
{
    uint32_t len = s->header_length + payload_len;
    if (len > PACKET_MAX)
        return DROP_BAD_LENGTH;
    uint8_t *header = end - s->header_length;
    memmove(header, s->data, s->header_length);
    header[s->next_header_at] = protocol;
    s->data = header;
    s->len = len;
    if (s->version == 4) {
        be16_store(header + offsetof(struct ipv4_header, total_length), (uint16_t)len);
        ipv4_checksum_set(header);
    } else {
        be16_store(header + offsetof(struct ipv6_header, payload_length), (uint16_t)(len - IPV6_HEADER));
    }
    return DROP_NONE;
}

enum drop_reason encapsulate_esp(struct sealing *s, uint64_t sequence, uint16_t id, struct packet_job *job)
{
    const struct sad_pair *pair = s->pair;
    bool tunnel = pair->flags & PAIR_TUNNEL;
    uint32_t iv_len = (uint32_t)packet_iv_len(&pair->algorithms),
             icv_len = (uint32_t)packet_icv_len(&pair->algorithms);
    uint32_t align = MAX((uint32_t)packet_block(&pair->algorithms), (uint32_t)ESP_ALIGN);
    uint8_t *payload = tunnel ? s->data : s->data + s->header_length;
    uint32_t payload_len = tunnel ? s->len : s->len - s->header_length;
    uint32_t pad = (align - (payload_len + ESP_TRAILER) % align) % align;
    uint8_t *trailer = payload + payload_len;
    for (uint32_t i = 0; i < pad; i++)
        trailer[i] = (uint8_t)(i + 1);
    trailer[pad] = (uint8_t)pad;
    trailer[pad + 1] = tunnel ? (s->version == 4 ? IP_PROTOCOL_IPV4 : IP_PROTOCOL_IPV6) : s->protocol;
    payload_len += pad + ESP_TRAILER;

    uint8_t *esp = payload - iv_len - ESP_HEADER;
    uint32_t esp_len = ESP_HEADER + iv_len + payload_len + icv_len;
    enum drop_reason reason = DROP_NONE;
    if (pair->flags & PAIR_UDP) {
        s->data = esp;
        s->len = esp_len;
        s->header_length = 0;
    } else if (tunnel) {
        reason = outer_header(s, pair, esp, esp_len, id);
    } else {
        reason = move_header(s, esp, IP_PROTOCOL_ESP, esp_len);
    }
    if (reason != DROP_NONE)
        return reason;
    be32_store(esp, pair->spi_out);
    be32_store(esp + 4, (uint32_t)sequence);
    if (packet_encryption_aead(pair->algorithms.encryption))
        be64_store(esp + ESP_HEADER, pair->iv_base ^ sequence);
    *job = (struct packet_job){
        .key = &pair->seal_key,
        .header = esp,
        .iv = esp + ESP_HEADER,
        .payload = payload,
        .icv = payload + payload_len,
        .payload_len = payload_len,
        .sequence_high = (uint32_t)(sequence >> 32),
        .esn = pair->flags & PAIR_ESN,
        .user = s,
    };
    return DROP_NONE;
}

enum drop_reason encapsulate_ah(struct sealing *s, const struct sad_pair *pair, uint64_t sequence,
                                uint16_t id, struct packet_job *job)
{
    bool tunnel = pair->flags & PAIR_TUNNEL && pair == s->pair;
    uint8_t outer_version = tunnel ? pair->remote.address.family : s->version;
    uint8_t *end = tunnel ? s->data : s->data + s->header_length;
    uint32_t rest = tunnel ? s->len : s->len - s->header_length;
    uint32_t ah_len = ah_length(&pair->algorithms, outer_version);
    uint8_t *ah = end - ah_len;
    uint8_t next = pair == s->bundle ? IP_PROTOCOL_ESP
                   : !tunnel         ? s->protocol
                   : s->version == 4 ? IP_PROTOCOL_IPV4
                                     : IP_PROTOCOL_IPV6;
    enum drop_reason reason = tunnel ? outer_header(s, pair, ah, ah_len + rest, id)
                                     : move_header(s, ah, IP_PROTOCOL_AH, ah_len + rest);
    if (reason != DROP_NONE)
        return reason;
    uint32_t front_len = s->header_length;
    if (front_len > AH_FRONT_MAX)
        return DROP_MALFORMED;
    s->front_len = (uint16_t)front_len;
    memcpy(s->front, s->data, front_len);
    if (!ah_zero_mutable(s->data, front_len))
        return DROP_MALFORMED;
    memset(ah, 0, ah_len);
    struct ah_header *h = (struct ah_header *)ah;
    h->next_header = next;
    h->payload_length = (uint8_t)(ah_len / 4 - 2);
    h->spi = be32_of(pair->spi_out);
    h->sequence = be32_of((uint32_t)sequence);
    *job = (struct packet_job){
        .key = &pair->seal_key,
        .header = s->data,
        .payload = s->data + s->len,
        .icv = ah + AH_HEADER,
        .sequence_high = (uint32_t)(sequence >> 32),
        .esn = pair->flags & PAIR_ESN,
        .user = s,
    };
    return DROP_NONE;
}

void encapsulate_ah_finish(struct sealing *s)
{
    memcpy(s->data, s->front, s->front_len);
}
