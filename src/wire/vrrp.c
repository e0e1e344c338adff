/* SPDX-License-Identifier: Apache-2.0 */
/* VRRP advertisements, see vrrp.h. RFC 9568 §5.2; the checksum of version 3 covers a pseudo header in both
 * families. */
#include <assert.h>

#include "wire/ip.h"
#include "wire/vrrp.h"

enum { VRRP_VERSION_NUMBER = 3, VRRP_TYPE_ADVERTISEMENT = 1, VRRP_CHECKSUM_AT = 6 };

const char *vrrp_error_name(enum vrrp_error error)
{
    static const char *const names[] = {
#define X(name, text) text,
        VRRP_ERRORS(X)
#undef X
    };
    return (size_t)error < ARRAY_SIZE(names) ? names[error] : "?";
}

static be16 vrrp_checksum(struct bytes payload, const struct address *source,
                          const struct address *destination)
{
    uint64_t sum = checksum_pseudo(source, destination, IP_PROTOCOL_VRRP, (uint32_t)payload.len);
    return checksum_finish(checksum_add(sum, payload.data, payload.len));
}

enum vrrp_error vrrp_parse(struct bytes payload, const struct address *source,
                           const struct address *destination, struct vrrp_message *ret)
{
    struct vrrp_message m = {0};
    struct reader r = reader_of(payload);
    size_t len = address_len(source);
    uint8_t version_type = read_u8(&r);
    m.vrid = read_u8(&r);
    m.priority = read_u8(&r);
    m.address_count = read_u8(&r);
    m.interval = read_be16(&r) & VRRP_INTERVAL_MAX;
    read_be16(&r);
    if (r.failed || len == 0 || payload.len > UINT16_MAX)
        return VRRP_TRUNCATED;
    if (version_type >> 4 != VRRP_VERSION_NUMBER)
        return version_type >> 4 == 2 ? VRRP_VERSION_2 : VRRP_VERSION;
    if ((version_type & 15) != VRRP_TYPE_ADVERTISEMENT)
        return VRRP_TYPE;
    if (m.vrid == 0)
        return VRRP_VRID;
    if (m.address_count == 0 || m.address_count > VRRP_ADDRESSES_MAX)
        return VRRP_COUNT;
    if (reader_left(&r) < m.address_count * len)
        return VRRP_TRUNCATED;
    if (be16_get(vrrp_checksum(payload, source, destination)) != 0)
        return VRRP_CHECKSUM;
    if (m.interval == 0)
        return VRRP_INTERVAL;
    for (size_t i = 0; i < m.address_count; i++) {
        struct bytes address = read_bytes(&r, len);
        m.addresses[i] = address_of(address.data, address.len);
    }
    *ret = m;
    return VRRP_OK;
}

bool vrrp_peek(struct bytes payload, uint8_t *ret_vrid)
{
    if (payload.len < 2 || payload.data[1] == 0)
        return false;
    *ret_vrid = payload.data[1];
    return true;
}

size_t vrrp_write(const struct vrrp_message *m, const struct address *source,
                  const struct address *destination, uint8_t *out, size_t size)
{
    struct writer w = writer_of(out, size);
    size_t len = address_len(source);
    assert(len > 0 && destination->family == source->family && m->vrid != 0);
    assert(m->address_count > 0 && m->address_count <= VRRP_ADDRESSES_MAX);
    assert(m->interval > 0 && m->interval <= VRRP_INTERVAL_MAX);
    write_u8(&w, VRRP_VERSION_NUMBER << 4 | VRRP_TYPE_ADVERTISEMENT);
    write_u8(&w, m->vrid);
    write_u8(&w, m->priority);
    write_u8(&w, m->address_count);
    write_be16(&w, m->interval);
    write_be16(&w, 0);
    for (size_t i = 0; i < m->address_count; i++) {
        assert(m->addresses[i].family == source->family);
        write_copy(&w, m->addresses[i].bytes, len);
    }
    struct bytes payload = writer_bytes(&w);
    if (payload.len == 0)
        return 0;
    be16 checksum = vrrp_checksum(payload, source, destination);
    memcpy(out + VRRP_CHECKSUM_AT, &checksum, sizeof(checksum));
    return payload.len;
}

struct address vrrp_multicast(uint8_t family)
{
    static const uint8_t v6[16] = {0xff, 0x02, [15] = 0x12};
    return family == ADDRESS_V6 ? address_of(v6, sizeof(v6)) : address_v4(VRRP_V4_MULTICAST);
}

void vrrp_virtual_mac(uint8_t family, uint8_t vrid, uint8_t ret_mac[VRRP_MAC])
{
    uint8_t kind = family == ADDRESS_V6 ? 2 : 1;
    memcpy(ret_mac, (const uint8_t[]){0x00, 0x00, 0x5e, 0x00, kind, vrid}, VRRP_MAC);
}
