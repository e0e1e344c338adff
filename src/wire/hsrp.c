/* SPDX-License-Identifier: Apache-2.0 */
/* HSRP packets, see hsrp.h. Everything that comes in goes through a cursor; what is reserved is ignored when
 * read and zero when written. RFC 2281 §5.1; version 2 as routers send it. */
#include <assert.h>

#include "wire/hsrp.h"

enum {
    TLV_GROUP_STATE = 1,
    TLV_INTERFACE_STATE = 2,
    TLV_TEXT = 3,
    TLV_MD5 = 4,
    GROUP_STATE_LENGTH = 40,
    MD5_LENGTH = 28,
    MD5_ALGORITHM = 1,
    MD5_BEFORE_DIGEST = 14, /* of the TLV, its type and length included */
};

_Static_assert(HSRP_MESSAGE_MAX >= 2 + GROUP_STATE_LENGTH + 2 + MD5_LENGTH, "room for the longest message");

const char *hsrp_error_name(enum hsrp_error error)
{
    static const char *const names[] = {
#define X(name, text) text,
        HSRP_ERRORS(X)
#undef X
    };
    return (size_t)error < ARRAY_SIZE(names) ? names[error] : "?";
}

const char *hsrp_state_name(enum hsrp_state state)
{
    static const char *const names[] = {"Init", "Learn", "Listen", "Speak", "Standby", "Active"};
    return (size_t)state < ARRAY_SIZE(names) ? names[state] : "?";
}

const char *hsrp_opcode_name(enum hsrp_opcode opcode)
{
    static const char *const names[] = {"Hello", "Coup", "Resign", "Advertise"};
    return (size_t)opcode < ARRAY_SIZE(names) ? names[opcode] : "?";
}

static const uint8_t v1_states[HSRP_STATE_COUNT] = {0, 1, 2, 4, 8, 16};

static bool state_of_v1(uint8_t value, uint8_t *ret)
{
    for (uint8_t i = 0; i < HSRP_STATE_COUNT; i++) {
        if (v1_states[i] != value)
            continue;
        *ret = i;
        return true;
    }
    return false;
}

/* 0 is "disabled", which for us is a router that takes no part, as in Initial. */
static bool state_of_v2(uint8_t value, uint8_t *ret)
{
    if (value > HSRP_STATE_COUNT)
        return false;
    *ret = value == 0 ? HSRP_INITIAL : value - 1;
    return true;
}

/* ---- reading ---- */

static enum hsrp_error address_check(const struct address *a)
{
    if (address_is_any(a))
        return HSRP_OK;
    uint32_t v4 = address_v4_get(a);
    bool reserved = a->family == ADDRESS_V4 && (v4 >> 24 == 0 || v4 >> 24 == 127 || v4 >> 28 >= 14);
    return reserved || address_is_multicast(a) ? HSRP_ADDRESS : HSRP_OK;
}

static void address_set(struct hsrp_message *m, const uint8_t *bytes, size_t len)
{
    struct address a = address_of(bytes, len);
    m->virtual_address = address_is_any(&a) ? (struct address){0} : a;
}

/* Behind its type and length. */
static bool md5_parse(struct reader *r, struct bytes datagram, struct hsrp_message *m)
{
    uint8_t algorithm = read_u8(r);
    read_u8(r);
    read_be16(r);
    read_copy(r, m->md5_source, sizeof(m->md5_source));
    m->md5_key_id = read_be32(r);
    m->md5_digest_at = (uint16_t)(r->at - datagram.data);
    read_copy(r, m->md5_digest, sizeof(m->md5_digest));
    m->has_md5 = true;
    return !r->failed && algorithm == MD5_ALGORITHM;
}

static enum hsrp_error parse_v1(struct bytes datagram, struct hsrp_message *m)
{
    struct reader r = reader_of(datagram);
    uint8_t address[4];
    m->version = 1;
    read_u8(&r);
    m->opcode = read_u8(&r);
    if (r.failed)
        return HSRP_TRUNCATED;
    if (m->opcode > HSRP_ADVERTISE)
        return HSRP_OPCODE;
    if (m->opcode == HSRP_ADVERTISE)
        return HSRP_OK;
    uint8_t state = read_u8(&r);
    m->hello_ms = read_u8(&r) * 1000U;
    m->hold_ms = read_u8(&r) * 1000U;
    m->priority = read_u8(&r);
    m->group = read_u8(&r);
    read_u8(&r);
    read_copy(&r, m->text, sizeof(m->text));
    read_copy(&r, address, sizeof(address));
    if (r.failed)
        return HSRP_TRUNCATED;
    if (!state_of_v1(state, &m->state))
        return HSRP_STATE;
    address_set(m, address, sizeof(address));
    /* Behind a version 1 message comes nothing or MD5 authentication; other trailers are padding. */
    if (reader_left(&r) >= 2 && r.at[0] == TLV_MD5) {
        read_u8(&r);
        if (read_u8(&r) != MD5_LENGTH || !md5_parse(&r, datagram, m))
            return HSRP_TLV;
    }
    m->has_text = !m->has_md5;
    return address_check(&m->virtual_address);
}

static enum hsrp_error group_state_parse(struct reader *r, struct hsrp_message *m)
{
    uint8_t address[16];
    uint8_t version = read_u8(r);
    m->opcode = read_u8(r);
    uint8_t state = read_u8(r);
    uint8_t family = read_u8(r);
    m->group = read_be16(r);
    read_copy(r, m->identifier, sizeof(m->identifier));
    m->priority = read_be32(r);
    m->hello_ms = read_be32(r);
    m->hold_ms = read_be32(r);
    read_copy(r, address, sizeof(address));
    if (r->failed)
        return HSRP_TRUNCATED;
    if (version != 2)
        return HSRP_VERSION;
    if (m->opcode > HSRP_RESIGN)
        return HSRP_OPCODE;
    if (!state_of_v2(state, &m->state))
        return HSRP_STATE;
    if (m->group > HSRP_V2_GROUP_MAX || m->priority > UINT8_MAX || (family != 4 && family != 6))
        return HSRP_FIELD;
    address_set(m, address, family == 4 ? 4 : 16);
    return address_check(&m->virtual_address);
}

static enum hsrp_error parse_v2(struct bytes datagram, struct hsrp_message *m)
{
    struct reader r = reader_of(datagram);
    bool has_group = false, has_interface = false;
    m->version = 2;
    while (reader_left(&r) > 0) {
        uint8_t type = read_u8(&r), len = read_u8(&r);
        struct reader body = reader_of(read_bytes(&r, len));
        if (r.failed)
            return HSRP_TRUNCATED;
        enum hsrp_error error = HSRP_OK;
        switch (type) {
        case TLV_GROUP_STATE:
            /* One group per message: what comes behind it (authentication) belongs to it. */
            if (has_group || len < GROUP_STATE_LENGTH)
                return HSRP_TLV;
            error = group_state_parse(&body, m);
            has_group = true;
            break;
        case TLV_INTERFACE_STATE:
            has_interface = true;
            break;
        case TLV_TEXT:
            if (len != HSRP_TEXT || m->has_text)
                return HSRP_TLV;
            read_copy(&body, m->text, sizeof(m->text));
            m->has_text = true;
            break;
        case TLV_MD5:
            if (len != MD5_LENGTH || m->has_md5 || !md5_parse(&body, datagram, m))
                return HSRP_TLV;
            break;
        default: /* of a later version */
            break;
        }
        if (error != HSRP_OK)
            return error;
    }
    if (r.failed || (!has_group && !has_interface))
        return HSRP_TRUNCATED;
    if (!has_group)
        m->opcode = HSRP_ADVERTISE;
    return HSRP_OK;
}

enum hsrp_error hsrp_parse(struct bytes datagram, struct hsrp_message *ret)
{
    struct hsrp_message m = {0};
    if (datagram.len < 2 || datagram.len > UINT16_MAX)
        return HSRP_TRUNCATED;
    /* Version 1 starts with its version, 0; version 2 with the type of a TLV. */
    uint8_t first = datagram.data[0];
    if (first > TLV_MD5)
        return HSRP_VERSION;
    enum hsrp_error error = first == 0 ? parse_v1(datagram, &m) : parse_v2(datagram, &m);
    if (error == HSRP_OK && m.opcode == HSRP_ADVERTISE)
        m = (struct hsrp_message){.version = m.version, .opcode = HSRP_ADVERTISE};
    if (error == HSRP_OK)
        *ret = m;
    return error;
}

bool hsrp_peek(struct bytes datagram, uint8_t *ret_version, uint16_t *ret_group)
{
    struct reader r = reader_of(datagram);
    if (datagram.len >= 7 && datagram.data[0] == 0 && datagram.data[1] < HSRP_ADVERTISE) {
        *ret_version = 1;
        *ret_group = datagram.data[6];
        return true;
    }
    if (datagram.len == 0 || datagram.data[0] == 0 || datagram.data[0] > TLV_MD5)
        return false;
    while (reader_left(&r) >= 2) {
        uint8_t type = read_u8(&r), len = read_u8(&r);
        struct bytes body = read_bytes(&r, len);
        if (type != TLV_GROUP_STATE || body.len < 6)
            continue;
        *ret_version = 2;
        *ret_group = be16_load(body.data + 4);
        return true;
    }
    return false;
}

/* ---- writing ---- */

static void md5_write(struct writer *w, struct hsrp_message *m)
{
    write_u8(w, TLV_MD5);
    write_u8(w, MD5_LENGTH);
    write_u8(w, MD5_ALGORITHM);
    write_u8(w, 0);
    write_be16(w, 0);
    write_copy(w, m->md5_source, sizeof(m->md5_source));
    write_be32(w, m->md5_key_id);
    m->md5_digest_at = (uint16_t)writer_len(w);
    write_copy(w, m->md5_digest, sizeof(m->md5_digest));
}

static void write_v1(struct writer *w, const struct hsrp_message *m)
{
    assert(m->group <= HSRP_V1_GROUP_MAX && m->virtual_address.family != ADDRESS_V6);
    write_u8(w, 0);
    write_u8(w, m->opcode);
    write_u8(w, v1_states[m->state]);
    write_u8(w, (uint8_t)MIN(m->hello_ms / 1000, 255U));
    write_u8(w, (uint8_t)MIN((m->hold_ms + 999) / 1000, 255U));
    write_u8(w, (uint8_t)m->priority);
    write_u8(w, (uint8_t)m->group);
    write_u8(w, 0);
    static const uint8_t no_text[HSRP_TEXT];
    write_copy(w, m->has_text ? m->text : no_text, HSRP_TEXT);
    write_copy(w, m->virtual_address.bytes, 4);
}

static void write_v2(struct writer *w, const struct hsrp_message *m)
{
    assert(m->group <= HSRP_V2_GROUP_MAX);
    write_u8(w, TLV_GROUP_STATE);
    write_u8(w, GROUP_STATE_LENGTH);
    write_u8(w, 2);
    write_u8(w, m->opcode);
    write_u8(w, m->state + 1);
    write_u8(w, m->virtual_address.family == ADDRESS_V6 ? 6 : 4);
    write_be16(w, m->group);
    write_copy(w, m->identifier, sizeof(m->identifier));
    write_be32(w, m->priority);
    write_be32(w, m->hello_ms);
    write_be32(w, m->hold_ms);
    write_copy(w, m->virtual_address.bytes, sizeof(m->virtual_address.bytes));
    if (m->has_text && !m->has_md5) {
        write_u8(w, TLV_TEXT);
        write_u8(w, HSRP_TEXT);
        write_copy(w, m->text, sizeof(m->text));
    }
}

size_t hsrp_write(struct hsrp_message *m, uint8_t *out, size_t size)
{
    struct writer w = writer_of(out, size);
    assert(m->opcode <= HSRP_RESIGN && m->state < HSRP_STATE_COUNT && m->priority <= UINT8_MAX);
    assert(m->version == 1 || m->version == 2);
    if (m->version == 1)
        write_v1(&w, m);
    else
        write_v2(&w, m);
    if (m->has_md5)
        md5_write(&w, m);
    return w.failed ? 0 : writer_len(&w);
}

void hsrp_virtual_mac(uint8_t version, uint8_t family, uint16_t group, uint8_t ret_mac[HSRP_MAC])
{
    uint8_t high = (uint8_t)(group >> 8 & 0x0f), low = (uint8_t)group;
    if (family == ADDRESS_V6)
        memcpy(ret_mac, (const uint8_t[]){0x00, 0x05, 0x73, 0xa0, high, low}, HSRP_MAC);
    else if (version == 1)
        memcpy(ret_mac, (const uint8_t[]){0x00, 0x00, 0x0c, 0x07, 0xac, low}, HSRP_MAC);
    else
        memcpy(ret_mac, (const uint8_t[]){0x00, 0x00, 0x0c, 0x9f, (uint8_t)(0xf0 | high), low}, HSRP_MAC);
}
