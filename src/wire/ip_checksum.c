/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum (RFC 1071), its incremental update (RFC 1624) and the pseudo headers (RFC 768, RFC
 * 8200 §8.1). Called on the packet path. Sums are kept in memory order: the one's complement sum does not
 * care about byte order as long as the result is stored the way it was added up. A partial sum stays below
 * 2^63 for anything that fits a packet. */
#include "wire/ip.h"

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;
    for (; len >= 32; p += 32, len -= 32) {
        uint64_t words[4];
        memcpy(words, p, 32);
        for (int i = 0; i < 4; i++)
            sum += (words[i] & UINT32_MAX) + (words[i] >> 32);
    }
    for (; len >= 4; p += 4, len -= 4) {
        uint32_t word;
        memcpy(&word, p, 4);
        sum += word;
    }
    if (len > 0) {
        uint32_t word = 0;
        memcpy(&word, p, len);
        sum += word;
    }
    return sum;
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

be16 checksum_finish(uint64_t sum)
{
    uint16_t x = (uint16_t)~fold(sum);
    be16 v;
    memcpy(v.b, &x, 2);
    return v;
}

be16 checksum_of(const void *data, size_t len)
{
    return checksum_finish(checksum_add(0, data, len));
}

static uint16_t raw16(be16 v)
{
    uint16_t x;
    memcpy(&x, v.b, 2);
    return x;
}

be16 checksum_update16(be16 checksum, be16 from, be16 to)
{
    uint64_t sum = (uint16_t)~raw16(checksum);
    sum += (uint16_t)~raw16(from);
    sum += raw16(to);
    return checksum_finish(sum);
}

be16 checksum_update32(be16 checksum, be32 from, be32 to)
{
    uint32_t a, b;
    memcpy(&a, from.b, 4);
    memcpy(&b, to.b, 4);
    uint64_t sum = (uint16_t)~raw16(checksum);
    sum += (uint32_t)~a;
    sum += b;
    return checksum_finish(sum);
}

uint64_t checksum_pseudo(const struct address *source, const struct address *destination, uint8_t protocol,
                         uint32_t len)
{
    uint8_t tail[8] = {0};
    be32_store(tail, len);
    tail[7] = protocol;
    uint64_t sum = checksum_add(0, source->bytes, address_len(source));
    sum = checksum_add(sum, destination->bytes, address_len(destination));
    /* The 12 bytes of IPv4 and the 40 of IPv6 differ only in zeros. */
    return checksum_add(sum, tail, sizeof(tail));
}

be16 checksum_transport(const struct address *source, const struct address *destination, uint8_t protocol,
                        struct bytes segment)
{
    uint64_t sum = checksum_pseudo(source, destination, protocol, (uint32_t)segment.len);
    be16 checksum = checksum_finish(checksum_add(sum, segment.data, segment.len));
    bool udp = protocol == IP_PROTOCOL_UDP || protocol == IP_PROTOCOL_UDP_LITE;
    return udp && raw16(checksum) == 0 ? be16_of(0xffff) : checksum;
}

bool ipv4_checksum_ok(const uint8_t *header)
{
    return raw16(checksum_of(header, (size_t)(header[0] & 15) * 4)) == 0;
}

void ipv4_checksum_set(uint8_t *header)
{
    struct ipv4_header *h = (void *)header;
    h->checksum = be16_of(0);
    h->checksum = checksum_of(header, (size_t)(header[0] & 15) * 4);
}
