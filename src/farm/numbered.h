/* SPDX-License-Identifier: Apache-2.0 */
/* The farm's numbered packets: UDP between a spoke's inner address and the far host, each with the run that
 * it belongs to, its flow and its number. Pure; traffic.c is the caller. */
#ifndef FARM_NUMBERED_H
#define FARM_NUMBERED_H

#include "wire/ip.h"

enum {
    NUMBERED_PORT = 20500,    /* at both ends */
    NUMBERED_SIZE = 24,       /* least UDP payload */
    NUMBERED_SIZE_MAX = 1300, /* that no tunnel needs to fragment */
};

struct numbered {
    uint32_t run; /* a straggler of another run is not ours */
    uint32_t flow;
    uint64_t number;
};

/* The payload of a datagram; `size` is at least NUMBERED_SIZE, what is behind the head is zero. */
void numbered_write(uint8_t *payload, size_t size, const struct numbered *n);
bool numbered_parse(struct bytes payload, struct numbered *ret) must_check;

/* The same as a whole IPv4 packet of IPV4_HEADER + UDP_HEADER + size bytes; returns that. */
size_t numbered_packet_write(uint8_t *packet, size_t size, const struct address *source,
                             const struct address *destination, const struct numbered *n);
/* `ret_destination`: to whom it is addressed. False: it is something else. */
bool numbered_packet_parse(struct bytes packet, struct address *ret_destination,
                           struct numbered *ret) must_check;

#endif
