/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of ISAKMP messages: header, payload chain and payload bodies other than SA (isakmp_sa.c). Called by
 * ike/ with datagrams from anyone. Always holds: every view lies inside the bytes given in; no count exceeds
 * its limit; nothing beyond the length of a payload is looked at. RFC 2408 §3.1-3.15 and §5, RFC 2407 §4.6.
 */
#include "wire/isakmp.h"

#include <assert.h>

const char *isakmp_error_name(enum isakmp_error error)
{
    static const char *const names[] = {[ISAKMP_OK] = "ok",
#define X(name, text, notify) [ISAKMP_ERROR_##name] = text,
                                        ISAKMP_ERRORS(X)
#undef X
    };
    return (unsigned)error < ARRAY_SIZE(names) ? names[error] : "?";
}

enum isakmp_notify_type isakmp_error_notify(enum isakmp_error error)
{
    static const uint16_t notifies[] = {
#define X(name, text, notify) [ISAKMP_ERROR_##name] = ISAKMP_NOTIFY_##notify,
        ISAKMP_ERRORS(X)
#undef X
    };
    assert(error > ISAKMP_OK && (unsigned)error < ARRAY_SIZE(notifies));
    return notifies[error];
}

/* ---- header and chain ---- */

static bool exchange_is_known(uint8_t exchange)
{
    switch (exchange) {
    case ISAKMP_EXCHANGE_BASE:
    case ISAKMP_EXCHANGE_MAIN:
    case ISAKMP_EXCHANGE_AUTHENTICATION_ONLY:
    case ISAKMP_EXCHANGE_AGGRESSIVE:
    case ISAKMP_EXCHANGE_INFORMATIONAL:
    case ISAKMP_EXCHANGE_TRANSACTION:
    case ISAKMP_EXCHANGE_QUICK:
    case ISAKMP_EXCHANGE_NEW_GROUP:
        return true;
    default:
        return false;
    }
}

enum isakmp_error isakmp_header_parse(struct bytes datagram, struct isakmp_header *ret)
{
    static const uint8_t zero[ISAKMP_COOKIE];
    struct reader r = reader_of(datagram);
    struct isakmp_header h;
    read_copy(&r, h.initiator_cookie, ISAKMP_COOKIE);
    read_copy(&r, h.responder_cookie, ISAKMP_COOKIE);
    h.next_payload = read_u8(&r);
    h.version = read_u8(&r);
    h.exchange = read_u8(&r);
    h.flags = read_u8(&r);
    h.message_id = read_be32(&r);
    h.length = read_be32(&r);
    if (r.failed)
        return ISAKMP_ERROR_SHORT;
    /* The version comes first: a later version may mean something else by everything behind it. */
    if (h.version >> 4 != ISAKMP_VERSION_1 >> 4)
        return ISAKMP_ERROR_MAJOR_VERSION;
    if ((h.version & 15) != (ISAKMP_VERSION_1 & 15))
        return ISAKMP_ERROR_MINOR_VERSION;
    if (h.length != datagram.len)
        return ISAKMP_ERROR_LENGTH;
    if (memcmp(h.initiator_cookie, zero, ISAKMP_COOKIE) == 0)
        return ISAKMP_ERROR_COOKIE;
    if (!exchange_is_known(h.exchange))
        return ISAKMP_ERROR_EXCHANGE_TYPE;
    if (h.flags & ~(ISAKMP_FLAG_ENCRYPTION | ISAKMP_FLAG_COMMIT | ISAKMP_FLAG_AUTHENTICATION))
        return ISAKMP_ERROR_FLAGS;
    *ret = h;
    return ISAKMP_OK;
}

/* Whether a payload of this type may stand in the chain, and the least its body needs. Private types that we
 * do not know are kept as views, so that a peer's extension does not end the exchange. */
static enum isakmp_error payload_check(uint8_t type, size_t body)
{
    size_t least;
    switch (type) {
    case ISAKMP_PAYLOAD_SA:
        least = 8;
        break;
    case ISAKMP_PAYLOAD_KE:
    case ISAKMP_PAYLOAD_HASH:
    case ISAKMP_PAYLOAD_SIGNATURE:
    case ISAKMP_PAYLOAD_VENDOR_ID:
    case ISAKMP_PAYLOAD_NAT_D:
    case ISAKMP_PAYLOAD_NAT_D_DRAFT:
    case ISAKMP_PAYLOAD_CERT:
    case ISAKMP_PAYLOAD_CERT_REQUEST:
        least = 1;
        break;
    case ISAKMP_PAYLOAD_ID:
    case ISAKMP_PAYLOAD_ATTRIBUTE:
    case ISAKMP_PAYLOAD_FRAGMENT:
        least = 4;
        break;
    case ISAKMP_PAYLOAD_NONCE:
        return body < ISAKMP_NONCE_MIN || body > ISAKMP_NONCE_MAX ? ISAKMP_ERROR_NONCE : ISAKMP_OK;
    case ISAKMP_PAYLOAD_NOTIFY:
    case ISAKMP_PAYLOAD_DELETE:
    case ISAKMP_PAYLOAD_NAT_OA:
    case ISAKMP_PAYLOAD_NAT_OA_DRAFT:
        least = 8;
        break;
    default:
        return type >= 128 ? ISAKMP_OK : ISAKMP_ERROR_PAYLOAD_TYPE;
    }
    return body < least ? ISAKMP_ERROR_PAYLOAD_LENGTH : ISAKMP_OK;
}

/* Reads the chain that begins with type `next`; what follows it stays in `r`. Does not touch the message's
 * header. */
static enum isakmp_error chain_parse(uint8_t next, struct reader *r, struct isakmp_message *m)
{
    m->count = 0;
    while (next != ISAKMP_PAYLOAD_NONE) {
        const uint8_t *start = r->at;
        uint8_t type = next;
        next = read_u8(r);
        uint8_t reserved = read_u8(r);
        uint16_t len = read_be16(r);
        if (r->failed || len < ISAKMP_GENERIC_HEADER)
            return ISAKMP_ERROR_PAYLOAD_LENGTH;
        if (reserved != 0)
            return ISAKMP_ERROR_PAYLOAD_RESERVED;
        struct bytes body = read_bytes(r, len - (size_t)ISAKMP_GENERIC_HEADER);
        if (r->failed)
            return ISAKMP_ERROR_PAYLOAD_LENGTH;
        enum isakmp_error error = payload_check(type, body.len);
        if (error)
            return error;
        if (m->count == ISAKMP_PAYLOADS_MAX)
            return ISAKMP_ERROR_TOO_MANY_PAYLOADS;
        m->payloads[m->count++] = (struct isakmp_payload){type, body, bytes_of(start, len)};
    }
    return ISAKMP_OK;
}

enum isakmp_error isakmp_message_parse(struct bytes datagram, struct isakmp_message *ret)
{
    struct isakmp_message m;
    enum isakmp_error error = isakmp_header_parse(datagram, &m.header);
    if (error)
        return error;
    if (m.header.flags & ISAKMP_FLAG_ENCRYPTION)
        return ISAKMP_ERROR_FLAGS;
    struct reader r = reader_of(bytes_of(datagram.data + ISAKMP_HEADER, datagram.len - ISAKMP_HEADER));
    error = chain_parse(m.header.next_payload, &r, &m);
    if (error)
        return error;
    if (!reader_done(&r))
        return ISAKMP_ERROR_TRAILING_BYTES;
    ret->header = m.header;
    ret->count = m.count;
    memcpy(ret->payloads, m.payloads, m.count * sizeof(m.payloads[0]));
    return ISAKMP_OK;
}

enum isakmp_error isakmp_body_parse(const struct isakmp_header *header, struct bytes body,
                                    struct isakmp_message *ret)
{
    struct isakmp_message m;
    struct reader r = reader_of(body);
    enum isakmp_error error = chain_parse(header->next_payload, &r, &m);
    if (error)
        return error;
    ret->header = *header;
    ret->count = m.count;
    memcpy(ret->payloads, m.payloads, m.count * sizeof(m.payloads[0]));
    return ISAKMP_OK;
}

const struct isakmp_payload *isakmp_payload_find(const struct isakmp_message *m, uint8_t type, uint32_t n)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->payloads[i].type == type && n-- == 0)
            return &m->payloads[i];
    return NULL;
}

uint32_t isakmp_payload_count(const struct isakmp_message *m, uint8_t type)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->count; i++)
        n += m->payloads[i].type == type;
    return n;
}

struct bytes isakmp_after_first(const struct isakmp_message *m)
{
    if (m->count < 2)
        return (struct bytes){0};
    const uint8_t *start = m->payloads[1].whole.data;
    struct bytes last = m->payloads[m->count - 1].whole;
    return bytes_of(start, (size_t)(last.data + last.len - start));
}

/* ---- identification ---- */

/* The size that the data of an ID type must have; 0: any but none. */
static size_t id_size(uint8_t type)
{
    switch (type) {
    case ISAKMP_ID_IPV4_ADDR:
        return 4;
    case ISAKMP_ID_IPV4_ADDR_SUBNET:
    case ISAKMP_ID_IPV4_ADDR_RANGE:
        return 8;
    case ISAKMP_ID_IPV6_ADDR:
        return 16;
    case ISAKMP_ID_IPV6_ADDR_SUBNET:
    case ISAKMP_ID_IPV6_ADDR_RANGE:
        return 32;
    default:
        return 0;
    }
}

enum isakmp_error isakmp_id_parse(struct bytes body, struct isakmp_id *ret)
{
    struct reader r = reader_of(body);
    struct isakmp_id id;
    id.type = read_u8(&r);
    id.protocol = read_u8(&r);
    id.port = read_be16(&r);
    id.data = read_rest(&r);
    size_t size = id_size(id.type);
    if (r.failed || id.type == 0 || id.data.len == 0 || (size != 0 && id.data.len != size))
        return ISAKMP_ERROR_ID;
    *ret = id;
    return ISAKMP_OK;
}

bool isakmp_id_address(const struct isakmp_id *id, struct address *ret)
{
    if (id->type != ISAKMP_ID_IPV4_ADDR && id->type != ISAKMP_ID_IPV6_ADDR)
        return false;
    *ret = address_of(id->data.data, id->data.len);
    return true;
}

/* The number of leading ones of a mask, or -1 if it has holes. */
static int mask_length(const uint8_t *mask, size_t len)
{
    unsigned length = 0;
    while (length < len * 8 && mask[length / 8] & 0x80 >> length % 8)
        length++;
    for (unsigned i = length; i < len * 8; i++)
        if (mask[i / 8] & 0x80 >> i % 8)
            return -1;
    return (int)length;
}

/* The prefix that a range is exactly: low is its first and high its last address. */
static bool range_prefix(const struct address *low, const struct address *high, struct prefix *ret)
{
    size_t len = address_len(low);
    uint8_t mask[16];
    for (size_t i = 0; i < len; i++)
        mask[i] = (uint8_t) ~(low->bytes[i] ^ high->bytes[i]);
    int length = mask_length(mask, len);
    if (length < 0)
        return false;
    struct prefix p = {*low, (uint8_t)length};
    prefix_mask(&p);
    /* The bits that differ must run from all zero to all one. */
    if (!address_equal(&p.address, low))
        return false;
    *ret = p;
    return true;
}

bool isakmp_id_range(const struct isakmp_id *id, struct address *ret_low, struct address *ret_high)
{
    size_t half = id->data.len / 2;
    struct address low, high;
    switch (id->type) {
    case ISAKMP_ID_IPV4_ADDR:
    case ISAKMP_ID_IPV6_ADDR:
        low = high = address_of(id->data.data, id->data.len);
        break;
    case ISAKMP_ID_IPV4_ADDR_SUBNET:
    case ISAKMP_ID_IPV6_ADDR_SUBNET:
        low = high = address_of(id->data.data, half);
        for (size_t i = 0; i < half; i++) {
            uint8_t mask = id->data.data[half + i];
            low.bytes[i] &= mask;
            high.bytes[i] = (high.bytes[i] & mask) | (uint8_t)~mask;
        }
        if (mask_length(id->data.data + half, half) < 0)
            return false;
        break;
    case ISAKMP_ID_IPV4_ADDR_RANGE:
    case ISAKMP_ID_IPV6_ADDR_RANGE:
        low = address_of(id->data.data, half);
        high = address_of(id->data.data + half, half);
        break;
    default:
        return false;
    }
    if (address_compare(&low, &high) > 0)
        return false;
    *ret_low = low;
    *ret_high = high;
    return true;
}

bool isakmp_id_prefix(const struct isakmp_id *id, struct prefix *ret)
{
    struct address low, high;
    return isakmp_id_range(id, &low, &high) && range_prefix(&low, &high, ret);
}

bool isakmp_ids_selector(const struct isakmp_id *local, const struct isakmp_id *remote, struct selector *ret)
{
    struct selector s = {.protocol = local->protocol};
    if (!isakmp_id_prefix(local, &s.local) || !isakmp_id_prefix(remote, &s.remote))
        return false;
    if (s.local.address.family != s.remote.address.family || local->protocol != remote->protocol)
        return false;
    s.local_port_low = local->port;
    s.local_port_high = local->port ? local->port : UINT16_MAX;
    s.remote_port_low = remote->port;
    s.remote_port_high = remote->port ? remote->port : UINT16_MAX;
    *ret = s;
    return true;
}

/* ---- the other bodies ---- */

enum isakmp_error isakmp_notify_parse(struct bytes body, struct isakmp_notify *ret)
{
    struct reader r = reader_of(body);
    struct isakmp_notify n;
    n.doi = read_be32(&r);
    n.protocol = read_u8(&r);
    uint8_t spi_size = read_u8(&r);
    n.type = read_be16(&r);
    n.spi = read_bytes(&r, spi_size);
    n.data = read_rest(&r);
    if (r.failed)
        return ISAKMP_ERROR_PAYLOAD_BODY;
    /* Before an SA exists peers name the generic DOI 0 (RFC 2408 §3.14). */
    if (n.doi != ISAKMP_DOI_IPSEC && n.doi != ISAKMP_DOI_ISAKMP)
        return ISAKMP_ERROR_DOI;
    *ret = n;
    return ISAKMP_OK;
}

enum isakmp_error isakmp_delete_parse(struct bytes body, struct isakmp_delete *ret)
{
    struct reader r = reader_of(body);
    struct isakmp_delete d;
    d.doi = read_be32(&r);
    d.protocol = read_u8(&r);
    d.spi_size = read_u8(&r);
    d.spi_count = read_be16(&r);
    d.spis = read_bytes(&r, (size_t)d.spi_size * d.spi_count);
    d.reason = read_rest(&r);
    if (r.failed)
        return ISAKMP_ERROR_PAYLOAD_BODY;
    if (d.doi != ISAKMP_DOI_IPSEC && d.doi != ISAKMP_DOI_ISAKMP)
        return ISAKMP_ERROR_DOI;
    if (d.protocol < ISAKMP_PROTOCOL_ISAKMP || d.protocol > ISAKMP_PROTOCOL_IPCOMP)
        return ISAKMP_ERROR_PROTOCOL;
    bool isakmp = d.protocol == ISAKMP_PROTOCOL_ISAKMP;
    bool ipcomp = d.protocol == ISAKMP_PROTOCOL_IPCOMP;
    if (isakmp ? d.spi_size != 2 * ISAKMP_COOKIE : d.spi_size != 4 && !(ipcomp && d.spi_size == 2))
        return ISAKMP_ERROR_SPI;
    *ret = d;
    return ISAKMP_OK;
}

struct bytes isakmp_delete_spi(const struct isakmp_delete *d, uint32_t n)
{
    assert(n < d->spi_count);
    return bytes_of(d->spis.data + (size_t)n * d->spi_size, d->spi_size);
}

enum isakmp_error isakmp_cert_parse(struct bytes body, struct isakmp_cert *ret)
{
    struct reader r = reader_of(body);
    struct isakmp_cert c;
    c.encoding = read_u8(&r);
    c.data = read_rest(&r); /* empty in a request: any authority */
    if (r.failed)
        return ISAKMP_ERROR_PAYLOAD_BODY;
    *ret = c;
    return ISAKMP_OK;
}

enum isakmp_error isakmp_configuration_parse(struct bytes body, struct isakmp_configuration *ret)
{
    struct reader r = reader_of(body);
    struct isakmp_configuration c;
    c.type = read_u8(&r);
    uint8_t reserved = read_u8(&r);
    c.identifier = read_be16(&r);
    c.attributes = read_rest(&r);
    if (r.failed || c.type < ISAKMP_CONFIGURATION_REQUEST || c.type > ISAKMP_CONFIGURATION_ACK)
        return ISAKMP_ERROR_PAYLOAD_BODY;
    if (reserved != 0)
        return ISAKMP_ERROR_PAYLOAD_RESERVED;
    struct reader list = reader_of(c.attributes);
    struct isakmp_attribute a;
    for (uint32_t n = 0; isakmp_attribute_next(&list, &a); n++)
        if (n == ISAKMP_ATTRIBUTES_MAX)
            return ISAKMP_ERROR_TOO_MANY_ATTRIBUTES;
    if (list.failed)
        return ISAKMP_ERROR_ATTRIBUTE_SYNTAX;
    *ret = c;
    return ISAKMP_OK;
}

enum isakmp_error isakmp_nat_oa_parse(struct bytes body, struct address *ret)
{
    struct reader r = reader_of(body);
    uint8_t type = read_u8(&r);
    read_bytes(&r, 3); /* reserved, ignored on receipt */
    struct bytes data = read_rest(&r);
    if (r.failed || (type != ISAKMP_ID_IPV4_ADDR && type != ISAKMP_ID_IPV6_ADDR) || data.len != id_size(type))
        return ISAKMP_ERROR_PAYLOAD_BODY;
    *ret = address_of(data.data, data.len);
    return ISAKMP_OK;
}

enum isakmp_error isakmp_fragment_parse(struct bytes body, struct isakmp_fragment *ret)
{
    struct reader r = reader_of(body);
    struct isakmp_fragment f;
    f.id = read_be16(&r);
    f.number = read_u8(&r);
    f.last = read_u8(&r) & 1;
    f.data = read_rest(&r);
    if (r.failed || f.number == 0 || f.data.len == 0)
        return ISAKMP_ERROR_PAYLOAD_BODY;
    *ret = f;
    return ISAKMP_OK;
}
