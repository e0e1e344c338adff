/* SPDX-License-Identifier: Apache-2.0 */
/* The SA payload: proposals, their transforms, and attributes in both encodings. Called by ike/negotiate with
 * offers and answers of peers. Always holds: after a good parse every attribute list is well-formed, so
 * reading it again cannot fail. What the numbers mean, and whether they are acceptable, is not decided here.
 * RFC 2408 §3.3-3.6, RFC 2407 §4.6.1, RFC 2409 §5 and appendix A. */
#include "wire/isakmp.h"

enum { ATTRIBUTE_BASIC = 0x8000 };

bool isakmp_attribute_next(struct reader *r, struct isakmp_attribute *ret)
{
    if (reader_left(r) == 0)
        return false;
    struct isakmp_attribute a = {0};
    uint16_t type = read_be16(r);
    a.basic = type & ATTRIBUTE_BASIC;
    a.type = type & ~ATTRIBUTE_BASIC;
    size_t len = a.basic ? 2 : read_be16(r);
    a.data = read_bytes(r, len);
    if (r->failed)
        return false;
    a.has_value = len > 0 && len <= 8;
    for (size_t i = 0; a.has_value && i < len; i++)
        a.value = a.value << 8 | a.data.data[i];
    *ret = a;
    return true;
}

bool isakmp_attribute_find(struct bytes attributes, uint16_t type, struct isakmp_attribute *ret)
{
    struct reader r = reader_of(attributes);
    struct isakmp_attribute a;
    while (isakmp_attribute_next(&r, &a)) {
        if (a.type != type)
            continue;
        *ret = a;
        return true;
    }
    return false;
}

static enum isakmp_error attributes_check(struct bytes attributes)
{
    struct reader r = reader_of(attributes);
    struct isakmp_attribute a;
    for (uint32_t n = 0; isakmp_attribute_next(&r, &a); n++)
        if (n == ISAKMP_ATTRIBUTES_MAX)
            return ISAKMP_ERROR_TOO_MANY_ATTRIBUTES;
    return r.failed ? ISAKMP_ERROR_ATTRIBUTE_SYNTAX : ISAKMP_OK;
}

/* The generic header inside an SA: `more` says that another of `type` follows, 0 ends the list. */
static bool nested_header_read(struct reader *r, uint8_t type, bool *ret_more, struct bytes *ret_body)
{
    uint8_t next = read_u8(r);
    uint8_t reserved = read_u8(r);
    uint16_t len = read_be16(r);
    if (r->failed || reserved != 0 || len < ISAKMP_GENERIC_HEADER || (next != type && next != 0))
        return false;
    *ret_body = read_bytes(r, len - (size_t)ISAKMP_GENERIC_HEADER);
    *ret_more = next == type;
    return !r->failed;
}

static enum isakmp_error transforms_parse(struct reader *r, uint8_t count, struct isakmp_sa *sa)
{
    bool more = true;
    for (uint8_t i = 0; i < count; i++) {
        struct bytes body;
        if (!more || !nested_header_read(r, ISAKMP_PAYLOAD_TRANSFORM, &more, &body))
            return ISAKMP_ERROR_TRANSFORM_SYNTAX;
        struct reader t = reader_of(body);
        struct isakmp_transform transform;
        transform.number = read_u8(&t);
        transform.id = read_u8(&t);
        uint16_t reserved = read_be16(&t);
        transform.attributes = read_rest(&t);
        if (t.failed || reserved != 0)
            return ISAKMP_ERROR_TRANSFORM_SYNTAX;
        enum isakmp_error error = attributes_check(transform.attributes);
        if (error)
            return error;
        if (sa->transform_count == ISAKMP_TRANSFORMS_MAX)
            return ISAKMP_ERROR_TOO_MANY_TRANSFORMS;
        sa->transforms[sa->transform_count++] = transform;
    }
    return more || !reader_done(r) ? ISAKMP_ERROR_TRANSFORM_SYNTAX : ISAKMP_OK;
}

/* Phase 1 ignores the SPI, which may have any size up to two cookies (RFC 2408 §2.4); the others identify an
 * SA. */
static enum isakmp_error spi_check(uint8_t protocol, struct bytes spi)
{
    static const uint8_t zero[4];
    switch (protocol) {
    case ISAKMP_PROTOCOL_ISAKMP:
        return spi.len <= 2 * ISAKMP_COOKIE ? ISAKMP_OK : ISAKMP_ERROR_SPI;
    case ISAKMP_PROTOCOL_AH:
    case ISAKMP_PROTOCOL_ESP:
        return spi.len == 4 && memcmp(spi.data, zero, 4) != 0 ? ISAKMP_OK : ISAKMP_ERROR_SPI;
    case ISAKMP_PROTOCOL_IPCOMP:
        return spi.len == 2 || spi.len == 4 ? ISAKMP_OK : ISAKMP_ERROR_SPI;
    default:
        return ISAKMP_ERROR_PROTOCOL;
    }
}

static enum isakmp_error proposal_parse(struct bytes body, struct isakmp_sa *sa)
{
    struct reader r = reader_of(body);
    struct isakmp_proposal p;
    p.number = read_u8(&r);
    p.protocol = read_u8(&r);
    uint8_t spi_size = read_u8(&r);
    uint8_t count = read_u8(&r);
    p.spi = read_bytes(&r, spi_size);
    if (r.failed || count == 0)
        return ISAKMP_ERROR_PROPOSAL_SYNTAX;
    enum isakmp_error error = spi_check(p.protocol, p.spi);
    if (error)
        return error;
    p.first_transform = sa->transform_count;
    p.transform_count = count;
    error = transforms_parse(&r, count, sa);
    if (error)
        return error;
    if (sa->proposal_count == ISAKMP_PROPOSALS_MAX)
        return ISAKMP_ERROR_TOO_MANY_PROPOSALS;
    sa->proposals[sa->proposal_count++] = p;
    return ISAKMP_OK;
}

enum isakmp_error isakmp_sa_parse(struct bytes body, struct isakmp_sa *ret)
{
    struct isakmp_sa sa;
    struct reader r = reader_of(body);
    sa.proposal_count = sa.transform_count = 0;
    sa.doi = read_be32(&r);
    if (!r.failed && sa.doi != ISAKMP_DOI_IPSEC)
        return ISAKMP_ERROR_DOI;
    sa.situation = read_be32(&r);
    if (r.failed)
        return ISAKMP_ERROR_PROPOSAL_SYNTAX;
    /* Secrecy and integrity labels would follow here, and we have none (RFC 2407 §4.2). */
    if (sa.situation != ISAKMP_SITUATION_IDENTITY_ONLY)
        return ISAKMP_ERROR_SITUATION;
    bool more = true;
    while (more) {
        struct bytes proposal;
        if (!nested_header_read(&r, ISAKMP_PAYLOAD_PROPOSAL, &more, &proposal))
            return ISAKMP_ERROR_PROPOSAL_SYNTAX;
        enum isakmp_error error = proposal_parse(proposal, &sa);
        if (error)
            return error;
    }
    if (!reader_done(&r))
        return ISAKMP_ERROR_PROPOSAL_SYNTAX;
    ret->doi = sa.doi;
    ret->situation = sa.situation;
    ret->proposal_count = sa.proposal_count;
    ret->transform_count = sa.transform_count;
    memcpy(ret->proposals, sa.proposals, sa.proposal_count * sizeof(sa.proposals[0]));
    memcpy(ret->transforms, sa.transforms, sa.transform_count * sizeof(sa.transforms[0]));
    return ISAKMP_OK;
}
