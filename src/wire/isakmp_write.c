/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of ISAKMP messages. Called by ike/ and by the simulators. A payload is opened, filled and closed;
 * the type of each payload goes into the `next` byte of the one before it when it is opened, lengths and
 * counts when it is closed. Always holds: at most one payload, proposal and transform is open (asserted: our
 * own bug); after the buffer ran full nothing is written any more and the finished view is empty. RFC 2408
 * §3, RFC 2407 §4.6. */
#include "base/be.h"
#include "wire/isakmp.h"

#include <assert.h>

enum {
    HEADER_NEXT = 16,   /* offset of the next-payload byte in the message */
    HEADER_LENGTH = 24, /* of the length */
    PROPOSAL_COUNT = 7, /* of the number of transforms in a proposal */
    ATTRIBUTE_BASIC = 0x8000,
};

void isakmp_writer_init(struct isakmp_writer *w, void *buffer, size_t size,
                        const struct isakmp_header *header)
{
    *w = (struct isakmp_writer){.w = writer_of(buffer, size)};
    write_copy(&w->w, header->initiator_cookie, ISAKMP_COOKIE);
    write_copy(&w->w, header->responder_cookie, ISAKMP_COOKIE);
    w->next = write_gap(&w->w, 1);
    if (w->next)
        *w->next = ISAKMP_PAYLOAD_NONE;
    write_u8(&w->w, header->version);
    write_u8(&w->w, header->exchange);
    write_u8(&w->w, header->flags);
    write_be32(&w->w, header->message_id);
    write_be32(&w->w, 0);
}

/* A generic header whose length waits for length_patch; NULL if it does not fit. */
static uint8_t *generic_header_write(struct isakmp_writer *w)
{
    uint8_t *at = write_gap(&w->w, ISAKMP_GENERIC_HEADER);
    if (at)
        memset(at, 0, ISAKMP_GENERIC_HEADER);
    return at;
}

static void length_patch(struct isakmp_writer *w, uint8_t *start)
{
    if (w->w.failed || !start)
        return;
    size_t len = (size_t)(w->w.at - start);
    if (len > UINT16_MAX)
        w->w.failed = true;
    else
        be16_store(start + 2, (uint16_t)len);
}

void isakmp_begin_payload(struct isakmp_writer *w, uint8_t type)
{
    assert(!w->payload && type != ISAKMP_PAYLOAD_NONE);
    uint8_t *start = generic_header_write(w);
    if (!start)
        return;
    *w->next = type;
    w->next = w->payload = start;
}

void isakmp_end_payload(struct isakmp_writer *w)
{
    assert(w->w.failed || (w->payload && !w->proposal && !w->transform));
    length_patch(w, w->payload);
    w->payload = w->last_proposal = NULL;
    if (w->first_end == 0)
        w->first_end = writer_len(&w->w);
}

void isakmp_write_payload(struct isakmp_writer *w, uint8_t type, struct bytes body)
{
    isakmp_begin_payload(w, type);
    write_bytes(&w->w, body);
    isakmp_end_payload(w);
}

uint8_t *isakmp_write_payload_gap(struct isakmp_writer *w, uint8_t type, size_t len)
{
    isakmp_begin_payload(w, type);
    uint8_t *gap = write_gap(&w->w, len);
    /* Whoever forgets to fill it sends zeros, not what the buffer held before. */
    if (gap && len > 0)
        memset(gap, 0, len);
    isakmp_end_payload(w);
    return w->w.failed ? NULL : gap;
}

struct bytes isakmp_written_after_first(const struct isakmp_writer *w)
{
    assert(w->w.failed || (!w->payload && w->first_end > 0));
    if (w->w.failed)
        return (struct bytes){0};
    return bytes_of(w->w.start + w->first_end, writer_len(&w->w) - w->first_end);
}

struct bytes isakmp_written_body(const struct isakmp_writer *w)
{
    assert(w->w.failed || !w->payload);
    if (w->w.failed)
        return (struct bytes){0};
    return bytes_of(w->w.start + ISAKMP_HEADER, writer_len(&w->w) - ISAKMP_HEADER);
}

void isakmp_write_padding(struct isakmp_writer *w, size_t block)
{
    assert(block > 0 && !w->payload);
    size_t over = (writer_len(&w->w) - (w->w.failed ? 0 : ISAKMP_HEADER)) % block;
    if (over != 0)
        write_zero(&w->w, block - over);
}

struct bytes isakmp_writer_finish(struct isakmp_writer *w)
{
    assert(w->w.failed || !w->payload);
    if (writer_len(&w->w) > ISAKMP_MESSAGE_MAX)
        w->w.failed = true;
    if (!w->w.failed)
        be32_store(w->w.start + HEADER_LENGTH, (uint32_t)writer_len(&w->w));
    return writer_bytes(&w->w);
}

/* ---- SA ---- */

void isakmp_begin_sa(struct isakmp_writer *w)
{
    isakmp_begin_payload(w, ISAKMP_PAYLOAD_SA);
    write_be32(&w->w, ISAKMP_DOI_IPSEC);
    write_be32(&w->w, ISAKMP_SITUATION_IDENTITY_ONLY);
}

void isakmp_begin_proposal(struct isakmp_writer *w, uint8_t number, uint8_t protocol, struct bytes spi)
{
    assert(w->w.failed || (w->payload && !w->proposal));
    assert(spi.len <= UINT8_MAX);
    uint8_t *start = generic_header_write(w);
    write_u8(&w->w, number);
    write_u8(&w->w, protocol);
    write_u8(&w->w, (uint8_t)spi.len);
    write_u8(&w->w, 0);
    write_bytes(&w->w, spi);
    if (w->w.failed)
        return;
    if (w->last_proposal)
        *w->last_proposal = ISAKMP_PAYLOAD_PROPOSAL;
    w->proposal = w->last_proposal = start;
    w->last_transform = NULL;
}

void isakmp_end_proposal(struct isakmp_writer *w)
{
    assert(w->w.failed || (w->proposal && !w->transform));
    length_patch(w, w->proposal);
    w->proposal = NULL;
}

void isakmp_begin_transform(struct isakmp_writer *w, uint8_t number, uint8_t id)
{
    assert(w->w.failed || (w->proposal && !w->transform));
    uint8_t *start = generic_header_write(w);
    write_u8(&w->w, number);
    write_u8(&w->w, id);
    write_be16(&w->w, 0);
    if (w->w.failed)
        return;
    if (w->proposal[PROPOSAL_COUNT] == UINT8_MAX) {
        w->w.failed = true;
        return;
    }
    w->proposal[PROPOSAL_COUNT]++;
    if (w->last_transform)
        *w->last_transform = ISAKMP_PAYLOAD_TRANSFORM;
    w->transform = w->last_transform = start;
}

void isakmp_end_transform(struct isakmp_writer *w)
{
    assert(w->w.failed || w->transform);
    length_patch(w, w->transform);
    w->transform = NULL;
}

void isakmp_write_basic(struct isakmp_writer *w, uint16_t type, uint16_t value)
{
    assert(w->w.failed || w->payload);
    write_be16(&w->w, type | ATTRIBUTE_BASIC);
    write_be16(&w->w, value);
}

void isakmp_write_variable(struct isakmp_writer *w, uint16_t type, struct bytes value)
{
    assert(w->w.failed || w->payload);
    if (value.len > UINT16_MAX)
        w->w.failed = true;
    write_be16(&w->w, type);
    write_be16(&w->w, (uint16_t)value.len);
    write_bytes(&w->w, value);
}

void isakmp_write_number(struct isakmp_writer *w, uint16_t type, uint32_t value)
{
    if (value <= UINT16_MAX) {
        isakmp_write_basic(w, type, (uint16_t)value);
        return;
    }
    be32 wire = be32_of(value);
    isakmp_write_variable(w, type, bytes_of(wire.b, sizeof(wire.b)));
}

void isakmp_write_attribute(struct isakmp_writer *w, const struct isakmp_attribute *a)
{
    if (a->basic)
        isakmp_write_basic(w, a->type, (uint16_t)a->value);
    else
        isakmp_write_variable(w, a->type, a->data);
}

/* ---- the other payloads ---- */

void isakmp_write_id(struct isakmp_writer *w, const struct isakmp_id *id)
{
    isakmp_begin_payload(w, ISAKMP_PAYLOAD_ID);
    write_u8(&w->w, id->type);
    write_u8(&w->w, id->protocol);
    write_be16(&w->w, id->port);
    write_bytes(&w->w, id->data);
    isakmp_end_payload(w);
}

void isakmp_write_id_address(struct isakmp_writer *w, const struct address *a, uint8_t protocol,
                             uint16_t port)
{
    assert(address_is_set(a));
    struct isakmp_id id = {
        .type = a->family == ADDRESS_V4 ? ISAKMP_ID_IPV4_ADDR : ISAKMP_ID_IPV6_ADDR,
        .protocol = protocol,
        .port = port,
        .data = bytes_of(a->bytes, address_len(a)),
    };
    isakmp_write_id(w, &id);
}

void isakmp_write_id_prefix(struct isakmp_writer *w, const struct prefix *p, uint8_t protocol, uint16_t port)
{
    size_t len = address_len(&p->address);
    assert(len > 0 && p->length <= len * 8);
    if (p->length == len * 8) {
        isakmp_write_id_address(w, &p->address, protocol, port);
        return;
    }
    struct prefix network = *p;
    struct prefix mask = {.address = {.family = p->address.family}, .length = p->length};
    uint8_t data[32];
    prefix_mask(&network);
    memset(mask.address.bytes, 0xff, len);
    prefix_mask(&mask);
    memcpy(data, network.address.bytes, len);
    memcpy(data + len, mask.address.bytes, len);
    struct isakmp_id id = {
        .type = len == 4 ? ISAKMP_ID_IPV4_ADDR_SUBNET : ISAKMP_ID_IPV6_ADDR_SUBNET,
        .protocol = protocol,
        .port = port,
        .data = bytes_of(data, 2 * len),
    };
    isakmp_write_id(w, &id);
}

void isakmp_write_id_selector(struct isakmp_writer *w, const struct selector *s, bool remote)
{
    uint16_t low = remote ? s->remote_port_low : s->local_port_low;
    uint16_t high = remote ? s->remote_port_high : s->local_port_high;
    bool any = low == 0 && high == UINT16_MAX;
    /* One port 0 cannot be said either: zero means any. */
    if (!any && (low != high || low == 0))
        w->w.failed = true;
    isakmp_write_id_prefix(w, remote ? &s->remote : &s->local, s->protocol, any ? 0 : low);
}

void isakmp_begin_notify(struct isakmp_writer *w, uint8_t protocol, uint16_t type, struct bytes spi)
{
    assert(spi.len <= UINT8_MAX);
    isakmp_begin_payload(w, ISAKMP_PAYLOAD_NOTIFY);
    write_be32(&w->w, ISAKMP_DOI_IPSEC);
    write_u8(&w->w, protocol);
    write_u8(&w->w, (uint8_t)spi.len);
    write_be16(&w->w, type);
    write_bytes(&w->w, spi);
}

void isakmp_write_notify(struct isakmp_writer *w, uint8_t protocol, uint16_t type, struct bytes spi,
                         struct bytes data)
{
    isakmp_begin_notify(w, protocol, type, spi);
    write_bytes(&w->w, data);
    isakmp_end_payload(w);
}

void isakmp_write_delete(struct isakmp_writer *w, uint8_t protocol, uint8_t spi_size, struct bytes spis)
{
    assert(spi_size > 0 && spis.len % spi_size == 0 && spis.len / spi_size <= UINT16_MAX);
    isakmp_begin_payload(w, ISAKMP_PAYLOAD_DELETE);
    write_be32(&w->w, ISAKMP_DOI_IPSEC);
    write_u8(&w->w, protocol);
    write_u8(&w->w, spi_size);
    write_be16(&w->w, (uint16_t)(spis.len / spi_size));
    write_bytes(&w->w, spis);
    isakmp_end_payload(w);
}

void isakmp_write_cert(struct isakmp_writer *w, uint8_t payload_type, uint8_t encoding, struct bytes data)
{
    assert(payload_type == ISAKMP_PAYLOAD_CERT || payload_type == ISAKMP_PAYLOAD_CERT_REQUEST);
    isakmp_begin_payload(w, payload_type);
    write_u8(&w->w, encoding);
    write_bytes(&w->w, data);
    isakmp_end_payload(w);
}

void isakmp_write_vendor(struct isakmp_writer *w, enum isakmp_vendor vendor)
{
    uint8_t id[ISAKMP_VENDOR_MAX];
    size_t len = isakmp_vendor_bytes(vendor, id);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_VENDOR_ID, bytes_of(id, len));
}

void isakmp_write_nat_oa(struct isakmp_writer *w, uint8_t payload_type, const struct address *a)
{
    assert(payload_type == ISAKMP_PAYLOAD_NAT_OA || payload_type == ISAKMP_PAYLOAD_NAT_OA_DRAFT);
    assert(address_is_set(a));
    isakmp_begin_payload(w, payload_type);
    write_u8(&w->w, a->family == ADDRESS_V4 ? ISAKMP_ID_IPV4_ADDR : ISAKMP_ID_IPV6_ADDR);
    write_zero(&w->w, 3);
    write_copy(&w->w, a->bytes, address_len(a));
    isakmp_end_payload(w);
}

void isakmp_begin_configuration(struct isakmp_writer *w, uint8_t type, uint16_t identifier)
{
    isakmp_begin_payload(w, ISAKMP_PAYLOAD_ATTRIBUTE);
    write_u8(&w->w, type);
    write_u8(&w->w, 0);
    write_be16(&w->w, identifier);
}

void isakmp_write_fragment(struct isakmp_writer *w, uint16_t id, uint8_t number, bool last, struct bytes data)
{
    assert(number > 0);
    isakmp_begin_payload(w, ISAKMP_PAYLOAD_FRAGMENT);
    write_be16(&w->w, id);
    write_u8(&w->w, number);
    write_u8(&w->w, last);
    write_bytes(&w->w, data);
    isakmp_end_payload(w);
}
