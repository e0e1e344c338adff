/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets as a TUN device or a peer may hand them over: the parse, ICMP errors read and written, changes
 * in place and fragmentation, whose fragments must join to the packet they came from. */
#include "wire/ip.h"

#include <assert.h>

static void packet_check(const struct ip_packet *p)
{
    assert(p->payload.data == p->data.data + p->header_length);
    assert(p->header_length + p->payload.len == p->data.len && p->data.len == p->total_length);
    assert(p->next_header_at < p->header_length && p->data.data[p->next_header_at] == p->protocol);
    assert(!p->has_ports || (p->payload.len >= 4 && p->fragment_offset == 0));
}

static void icmp_check(const struct ip_packet *p)
{
    static uint8_t out[ICMP_V6_ERROR_MAX];
    struct icmp_error e;
    struct address own =
        p->version == 4 ? address_v4(0xc0000201) : address_of("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    if (icmp_error_parse(p, &e))
        assert(e.source.family == p->version && (!e.has_spi || e.protocol != IP_PROTOCOL_TCP));
    if (icmp_error_parse_message(p->version, p->payload, &e))
        assert(e.destination.family == p->version);
    for (unsigned kind = ICMP_ERROR_UNREACHABLE; kind <= ICMP_ERROR_TIME_EXCEEDED; kind++) {
        size_t len = icmp_error_write(kind, p->data, &own, 1400, out, sizeof(out));
        struct ip_packet written;
        if (len == 0)
            continue;
        assert(len <= (p->version == 4 ? ICMP_V4_ERROR_MAX : ICMP_V6_ERROR_MAX));
        assert(ip_parse(bytes_of(out, len), &written) == IP_OK && written.data.len == len);
        assert(icmp_error_parse(&written, &e) && e.kind == kind && address_equal(&e.source, &p->source));
        assert(e.kind != ICMP_ERROR_TOO_BIG || e.mtu == 1400);
        /* No error about an error. */
        assert(icmp_error_write(kind, bytes_of(out, len), &own, 1400, out, sizeof(out)) == 0);
    }
}

static void change_check(const struct ip_packet *p)
{
    static uint8_t copy[UINT16_MAX];
    struct ip_packet after;
    memcpy(copy, p->data.data, p->data.len);
    if (p->version == 4)
        ipv4_checksum_set(copy);
    if (ip_ttl_decrement(copy)) {
        assert(ip_parse(bytes_of(copy, p->data.len), &after) == IP_OK && after.ttl + 1 == p->ttl);
        assert(p->version != 4 || ipv4_checksum_ok(copy));
    }
    ip_traffic_class_set(copy, 0xa7);
    assert(ip_parse(bytes_of(copy, p->data.len), &after) == IP_OK && after.traffic_class == 0xa7);
    assert(p->version != 4 || ipv4_checksum_ok(copy));
}

static void fragments_check(const struct ip_packet *p, uint16_t mtu)
{
    static uint8_t copy[UINT16_MAX], joined[UINT16_MAX], out[UINT16_MAX];
    struct ipv4_fragmenter f;
    size_t len, at = 0, count = 0;
    bool end = false;
    if (p->version != 4)
        return;
    memcpy(copy, p->data.data, p->data.len);
    ipv4_dont_fragment_set(copy, false);
    if (ipv4_fragment_begin(&f, bytes_of(copy, p->data.len), mtu) != IP_OK)
        return;
    while ((len = ipv4_fragment_next(&f, out)) > 0) {
        struct ip_packet part;
        assert(!end && len <= MAX(mtu, p->data.len));
        assert(len <= mtu);
        assert(ip_parse(bytes_of(out, len), &part) == IP_OK && part.data.len == len);
        assert(part.fragment_offset == p->fragment_offset + at && part.fragment_id == p->fragment_id);
        assert(++count == 1 || part.payload.len > 0);
        memcpy(joined + at, part.payload.data, part.payload.len);
        at += part.payload.len;
        end = at == p->payload.len;
        assert(part.more_fragments == (!end || p->more_fragments));
    }
    assert(end && bytes_equal(bytes_of(joined, at), p->payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint16_t mtus[] = {67, 68, 100, 576, 1400};
    struct ip_packet p;
    enum ip_error error = ip_parse(bytes_of(data, len), &p);
    assert(ip_error_name(error)[0] != '?');
    if (error)
        return 0;
    packet_check(&p);
    icmp_check(&p);
    change_check(&p);
    for (size_t i = 0; i < ARRAY_SIZE(mtus); i++)
        fragments_check(&p, mtus[i]);
    return 0;
}
