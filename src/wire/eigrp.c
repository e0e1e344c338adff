/* SPDX-License-Identifier: Apache-2.0 */
/* EIGRP packets, see eigrp.h. RFC 7868 §6.1 (header), §6.5 (general TLVs), §6.7 (classic route TLVs). */
#include "wire/eigrp.h"

#include <assert.h>

#include "wire/ip.h"

enum {
    VERSION = 2,
    TLV_HEADER = 4,
    CHECKSUM_AT = 2,
    ACKNOWLEDGEMENT_AT = 12,
    ORIGIN = 20,
    METRIC = 16,
    NEXT_HOP = 4,
    IPV4_LENGTH = 4,
    RELEASE_MAJOR = 1, /* of the TLV format: classic metrics */
    RELEASE_MINOR = 2,
};

const char *eigrp_error_name(enum eigrp_error error)
{
    static const char *const names[] = {
#define X(name, text) text,
        EIGRP_ERRORS(X)
#undef X
    };
    return (size_t)error < ARRAY_SIZE(names) ? names[error] : "?";
}

const char *eigrp_opcode_name(uint8_t opcode)
{
    static const char *const names[] = {
        [EIGRP_UPDATE] = "update",      [EIGRP_REQUEST] = "request", [EIGRP_QUERY] = "query",
        [EIGRP_REPLY] = "reply",        [EIGRP_HELLO] = "hello",     [EIGRP_SIA_QUERY] = "SIA-query",
        [EIGRP_SIA_REPLY] = "SIA-reply"};
    return opcode < ARRAY_SIZE(names) && names[opcode] ? names[opcode] : "?";
}

/* ---- routes ---- */

static size_t destination_bytes(uint8_t length)
{
    return length == 0 ? 1 : (length + 7u) / 8;
}

bool eigrp_destination_next(struct reader *d, struct prefix *ret)
{
    uint8_t bytes[4] = {0};

    if (reader_left(d) == 0)
        return false;
    struct prefix p = {.length = read_u8(d)};
    if (p.length > 32) {
        d->failed = true;
        return false;
    }
    /* The default route: §6.7.1 counts one byte, some leave it out. */
    if (p.length > 0 || reader_left(d) > 0)
        read_copy(d, bytes, destination_bytes(p.length));
    if (d->failed)
        return false;
    p.address = address_of(bytes, sizeof bytes);
    prefix_mask(&p);
    *ret = p;
    return true;
}

static void metric_parse(struct reader *r, struct eigrp_metric *m)
{
    m->delay = read_be32(r);
    m->bandwidth = read_be32(r);
    m->mtu = read_u8(r);
    m->mtu = m->mtu << 16 | read_be16(r);
    m->hops = read_u8(r);
    m->reliability = read_u8(r);
    m->load = read_u8(r);
    m->tag = read_u8(r);
    m->flags = read_u8(r);
}

static enum eigrp_error route_parse(struct reader r, bool external, struct eigrp_route *ret)
{
    struct prefix p;

    *ret = (struct eigrp_route){.external = external, .next_hop = read_be32(&r)};
    if (external) {
        ret->origin.router_id = read_be32(&r);
        ret->origin.autonomous_system = read_be32(&r);
        ret->origin.tag = read_be32(&r);
        ret->origin.metric = read_be32(&r);
        read_be16(&r);
        ret->origin.protocol = read_u8(&r);
        ret->origin.flags = read_u8(&r);
    }
    metric_parse(&r, &ret->metric);
    if (r.failed || reader_left(&r) == 0)
        return EIGRP_ERROR_TLV_LENGTH;
    ret->destinations = read_rest(&r);
    struct reader d = reader_of(ret->destinations);
    while (eigrp_destination_next(&d, &p))
        continue;
    return d.failed ? EIGRP_ERROR_DESTINATION : EIGRP_ERROR_OK;
}

/* ---- TLVs ---- */

static enum eigrp_error sequence_parse(struct reader r, struct bytes *ret)
{
    uint8_t length = read_u8(&r);

    *ret = read_rest(&r);
    return r.failed || length != IPV4_LENGTH || ret->len % IPV4_LENGTH ? EIGRP_ERROR_ADDRESS_LENGTH
                                                                       : EIGRP_ERROR_OK;
}

static enum eigrp_error value_parse(struct eigrp_tlv *t)
{
    struct reader r = reader_of(t->value);
    uint8_t length;

    switch (t->type) {
    case EIGRP_TLV_PARAMETER:
        read_copy(&r, t->parameter.k, EIGRP_K_VALUES);
        t->parameter.hold = read_be16(&r);
        break;
    case EIGRP_TLV_VERSION:
        t->version.os_major = read_u8(&r);
        t->version.os_minor = read_u8(&r);
        t->version.major = read_u8(&r);
        t->version.minor = read_u8(&r);
        break;
    case EIGRP_TLV_SEQUENCE:
        return sequence_parse(r, &t->addresses);
    case EIGRP_TLV_NEXT_SEQUENCE:
        t->next_sequence = read_be32(&r);
        break;
    case EIGRP_TLV_STUB:
        t->stub = read_be16(&r);
        break;
    case EIGRP_TLV_TERMINATION:
        length = read_u8(&r);
        t->address = read_be32(&r);
        if (!r.failed && length != IPV4_LENGTH)
            return EIGRP_ERROR_ADDRESS_LENGTH;
        break;
    case EIGRP_TLV_INTERNAL:
    case EIGRP_TLV_EXTERNAL:
        return route_parse(r, t->type == EIGRP_TLV_EXTERNAL, &t->route);
    default:
        break;
    }
    return r.failed ? EIGRP_ERROR_TLV_LENGTH : EIGRP_ERROR_OK;
}

/* OK with `ret_end` at the end. */
static enum eigrp_error tlv_parse(struct reader *tlvs, struct eigrp_tlv *ret, bool *ret_end)
{
    *ret_end = reader_left(tlvs) == 0;
    if (*ret_end)
        return tlvs->failed ? EIGRP_ERROR_TLV_LENGTH : EIGRP_ERROR_OK;
    *ret = (struct eigrp_tlv){.type = read_be16(tlvs)};
    uint16_t length = read_be16(tlvs);
    if (tlvs->failed || length < TLV_HEADER)
        return EIGRP_ERROR_TLV_LENGTH;
    ret->value = read_bytes(tlvs, length - TLV_HEADER);
    return tlvs->failed ? EIGRP_ERROR_TLV_LENGTH : value_parse(ret);
}

bool eigrp_tlv_next(struct reader *tlvs, struct eigrp_tlv *ret)
{
    bool end;

    return tlv_parse(tlvs, ret, &end) == EIGRP_ERROR_OK && !end;
}

static bool opcode_known(uint8_t opcode)
{
    return eigrp_opcode_name(opcode)[0] != '?';
}

enum eigrp_error eigrp_parse(struct bytes packet, struct eigrp_header *ret, struct reader *ret_tlvs)
{
    struct reader r = reader_of(packet);
    uint8_t version = read_u8(&r);
    struct eigrp_header h = {.opcode = read_u8(&r)};
    struct eigrp_tlv tlv;
    bool end = false;

    h.checksum = read_be16(&r);
    h.flags = read_be32(&r);
    h.sequence = read_be32(&r);
    h.acknowledgement = read_be32(&r);
    h.virtual_router = read_be16(&r);
    h.autonomous_system = read_be16(&r);
    if (r.failed)
        return EIGRP_ERROR_TRUNCATED;
    if (version != VERSION)
        return EIGRP_ERROR_VERSION;
    if (!opcode_known(h.opcode))
        return EIGRP_ERROR_OPCODE;
    if (be16_get(checksum_of(packet.data, packet.len)) != 0)
        return EIGRP_ERROR_CHECKSUM;
    for (struct reader walk = r; !end;) {
        enum eigrp_error error = tlv_parse(&walk, &tlv, &end);
        if (error != EIGRP_ERROR_OK)
            return error;
    }
    *ret = h;
    *ret_tlvs = r;
    return EIGRP_ERROR_OK;
}

/* ---- writing ---- */

void eigrp_write_header(struct writer *w, const struct eigrp_header *h)
{
    write_u8(w, VERSION);
    write_u8(w, h->opcode);
    write_be16(w, 0);
    write_be32(w, h->flags);
    write_be32(w, h->sequence);
    write_be32(w, h->acknowledgement);
    write_be16(w, h->virtual_router);
    write_be16(w, h->autonomous_system);
}

static void tlv_header(struct writer *w, uint16_t type, size_t value)
{
    write_be16(w, type);
    write_be16(w, (uint16_t)(TLV_HEADER + value));
}

void eigrp_write_parameter(struct writer *w, const uint8_t k[EIGRP_K_VALUES], uint16_t hold)
{
    tlv_header(w, EIGRP_TLV_PARAMETER, EIGRP_K_VALUES + 2);
    write_copy(w, k, EIGRP_K_VALUES);
    write_be16(w, hold);
}

void eigrp_write_version(struct writer *w, uint8_t os_major, uint8_t os_minor)
{
    tlv_header(w, EIGRP_TLV_VERSION, 4);
    write_u8(w, os_major);
    write_u8(w, os_minor);
    write_u8(w, RELEASE_MAJOR);
    write_u8(w, RELEASE_MINOR);
}

void eigrp_write_stub(struct writer *w, uint16_t flags)
{
    tlv_header(w, EIGRP_TLV_STUB, 2);
    write_be16(w, flags);
}

void eigrp_write_termination(struct writer *w, uint32_t address)
{
    tlv_header(w, EIGRP_TLV_TERMINATION, 1 + IPV4_LENGTH);
    write_u8(w, IPV4_LENGTH);
    write_be32(w, address);
}

void eigrp_write_route(struct writer *w, const struct eigrp_route *r, const struct prefix *destination)
{
    size_t bytes = destination_bytes(destination->length);

    assert(destination->address.family == ADDRESS_V4 && destination->length <= 32);
    tlv_header(w, r->external ? EIGRP_TLV_EXTERNAL : EIGRP_TLV_INTERNAL,
               NEXT_HOP + (r->external ? ORIGIN : 0) + METRIC + 1 + bytes);
    write_be32(w, r->next_hop);
    if (r->external) {
        write_be32(w, r->origin.router_id);
        write_be32(w, r->origin.autonomous_system);
        write_be32(w, r->origin.tag);
        write_be32(w, r->origin.metric);
        write_be16(w, 0);
        write_u8(w, r->origin.protocol);
        write_u8(w, r->origin.flags);
    }
    write_be32(w, r->metric.delay);
    write_be32(w, r->metric.bandwidth);
    write_u8(w, (uint8_t)(r->metric.mtu >> 16));
    write_be16(w, (uint16_t)r->metric.mtu);
    write_u8(w, r->metric.hops);
    write_u8(w, r->metric.reliability);
    write_u8(w, r->metric.load);
    write_u8(w, r->metric.tag);
    write_u8(w, r->metric.flags);
    write_u8(w, destination->length);
    write_copy(w, destination->address.bytes, bytes);
}

static void checksum_set(uint8_t *packet, size_t len)
{
    be16 sum;

    memset(packet + CHECKSUM_AT, 0, sizeof sum);
    sum = checksum_of(packet, len);
    memcpy(packet + CHECKSUM_AT, &sum, sizeof sum);
}

size_t eigrp_write_finish(struct writer *w)
{
    if (w->failed || writer_len(w) < EIGRP_HEADER)
        return 0;
    checksum_set(w->start, writer_len(w));
    return writer_len(w);
}

void eigrp_acknowledge(uint8_t *packet, size_t len, uint32_t acknowledgement)
{
    assert(len >= EIGRP_HEADER);
    be32_store(packet + ACKNOWLEDGEMENT_AT, acknowledgement);
    checksum_set(packet, len);
}
