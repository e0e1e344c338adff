/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 fragmentation (RFC 791 §3.2) as an iterator, called where a packet that may be fragmented does not fit
 * its path. Always holds: the fragments' data joined is the packet's data; every fragment but the packet's
 * own end has MF and a multiple of 8 bytes; options go into the first fragment, and into the others if their
 * copy bit says so. */
#include "wire/ip.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_COPIED = 0x80 };

/* The header of later fragments: fixed part and the copied options, padded. */
static bool later_header_make(struct ipv4_fragmenter *f)
{
    const uint8_t *h = f->packet.data;
    size_t at = IPV4_HEADER, to = IPV4_HEADER;
    memcpy(f->later_header, h, IPV4_HEADER);
    while (at < f->header_length && h[at] != OPTION_END) {
        if (h[at] == OPTION_NOP) {
            at++;
            continue;
        }
        if (f->header_length - at < 2)
            return false;
        size_t len = h[at + 1];
        if (len < 2 || len > f->header_length - at)
            return false;
        if (h[at] & OPTION_COPIED) {
            memcpy(f->later_header + to, h + at, len);
            to += len;
        }
        at += len;
    }
    while (to % 4 != 0)
        f->later_header[to++] = OPTION_END;
    f->later_header[0] = (uint8_t)(0x40 | to / 4);
    f->later_length = (uint8_t)to;
    return true;
}

enum ip_error ipv4_fragment_begin(struct ipv4_fragmenter *f, struct bytes packet, uint16_t mtu)
{
    struct ip_packet p;
    enum ip_error error = ip_parse(packet, &p);
    if (error)
        return error;
    if (p.version != 4)
        return IP_ERROR_VERSION;
    *f = (struct ipv4_fragmenter){.packet = p.data, .mtu = mtu, .header_length = (uint8_t)p.header_length};
    if (p.total_length <= mtu)
        return IP_OK;
    if (p.dont_fragment)
        return IP_ERROR_DONT_FRAGMENT;
    if (mtu < IPV4_MTU_MIN)
        return IP_ERROR_MTU;
    return later_header_make(f) ? IP_OK : IP_ERROR_HEADER_LENGTH;
}

size_t ipv4_fragment_next(struct ipv4_fragmenter *f, uint8_t *out)
{
    if (f->done)
        return 0;
    if (f->packet.len <= f->mtu) {
        memcpy(out, f->packet.data, f->packet.len);
        f->done = true;
        return f->packet.len;
    }
    size_t header = f->offset == 0 ? f->header_length : f->later_length;
    size_t left = f->packet.len - f->header_length - f->offset;
    size_t len = f->mtu - header;
    bool end = left <= len;
    len = end ? left : len / 8 * 8;

    memcpy(out, f->offset == 0 ? f->packet.data : f->later_header, header);
    memcpy(out + header, f->packet.data + f->header_length + f->offset, len);
    struct ipv4_header *h = (void *)out;
    uint16_t was = be16_get(((const struct ipv4_header *)f->packet.data)->flags_offset);
    uint16_t offset = (uint16_t)((was & IPV4_OFFSET_MASK) + f->offset / 8);
    uint16_t more = end ? was & IPV4_MF : IPV4_MF;
    h->total_length = be16_of((uint16_t)(header + len));
    h->flags_offset = be16_of(offset | more);
    ipv4_checksum_set(out);
    f->offset = (uint16_t)(f->offset + len);
    f->done = end;
    return header + len;
}
