/* SPDX-License-Identifier: Apache-2.0 */
/* See numbered.h. */
#include "farm/numbered.h"

#include <assert.h>

enum { MAGIC = 0x48666172, TTL = 64 };

struct numbered_head {
    be32 magic, run, flow, reserved;
    be64 number;
};

_Static_assert(sizeof(struct numbered_head) == NUMBERED_SIZE, "what NUMBERED_SIZE says");

void numbered_write(uint8_t *payload, size_t size, const struct numbered *n)
{
    const struct numbered_head head = {.magic = be32_of(MAGIC),
                                       .run = be32_of(n->run),
                                       .flow = be32_of(n->flow),
                                       .number = be64_of(n->number)};

    assert(size >= sizeof head);
    memcpy(payload, &head, sizeof head);
    memset(payload + sizeof head, 0, size - sizeof head);
}

bool numbered_parse(struct bytes payload, struct numbered *ret)
{
    struct numbered_head head;

    if (payload.len < sizeof head)
        return false;
    memcpy(&head, payload.data, sizeof head);
    if (be32_get(head.magic) != MAGIC)
        return false;
    *ret = (struct numbered){be32_get(head.run), be32_get(head.flow), be64_get(head.number)};
    return true;
}

size_t numbered_packet_write(uint8_t *packet, size_t size, const struct address *source,
                             const struct address *destination, const struct numbered *n)
{
    const struct ip_header_fields ip = {.source = *source,
                                        .destination = *destination,
                                        .payload_length = (uint16_t)(UDP_HEADER + size),
                                        .id = (uint16_t)n->number,
                                        .protocol = IP_PROTOCOL_UDP,
                                        .ttl = TTL};
    struct udp_header udp = {.source_port = be16_of(NUMBERED_PORT),
                             .destination_port = be16_of(NUMBERED_PORT),
                             .length = be16_of((uint16_t)(UDP_HEADER + size))};

    assert(size <= NUMBERED_SIZE_MAX);
    size_t at = ip_header_write(packet, &ip);
    assert(at == IPV4_HEADER);
    numbered_write(packet + at + UDP_HEADER, size, n);
    memcpy(packet + at, &udp, sizeof udp);
    udp.checksum =
        checksum_transport(source, destination, IP_PROTOCOL_UDP, bytes_of(packet + at, UDP_HEADER + size));
    memcpy(packet + at, &udp, sizeof udp);
    return at + UDP_HEADER + size;
}

bool numbered_packet_parse(struct bytes packet, struct address *ret_destination, struct numbered *ret)
{
    struct ip_packet p;

    if (ip_parse(packet, &p) != IP_OK || p.version != 4 || p.protocol != IP_PROTOCOL_UDP ||
        ip_is_fragment(&p) || p.destination_port != NUMBERED_PORT || p.payload.len < UDP_HEADER ||
        !numbered_parse(bytes_of(p.payload.data + UDP_HEADER, p.payload.len - UDP_HEADER), ret))
        return false;
    *ret_destination = p.destination;
    return true;
}
