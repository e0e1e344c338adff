/* SPDX-License-Identifier: Apache-2.0 */
/* What plane.c (set-up, packets) and plane_pairs.c (pairs) share. */
#ifndef FARM_PLANE_INTERNAL_H
#define FARM_PLANE_INTERNAL_H

#include "farm/plane.h"
#include "ipsec/inbound.h"
#include "ipsec/outbound.h"
#include "ipsec/pair_index.h"

enum {
    PLANE_IFINDEX = 1, /* the one interface that policy is bound to */
    PLANE_ROOM = 2048, /* of a packet, with what is added in front and behind */
};

struct plane {
    struct plane_options options;
    struct packet_path path;
    struct rng rng;
    struct sad *sad;
    struct spd *spd;
    size_t sad_bytes;
    struct outbound *outbound;
    struct inbound *inbound;
    struct datagram_reader *reader;
    struct datagram_writer *writer;
    int raw; /* ESP */
    ns invalid_spi_since;
    unsigned invalid_spi_count;
    uint8_t *room; /* BURST_MAX times PLANE_ROOM */
    struct outbound_packet burst[BURST_MAX];
    unsigned burst_count;
    unsigned entered; /* plane_enter nests */
};

/* Around whatever looks at the tables. */
void plane_enter(struct plane *p);
void plane_leave(struct plane *p);
/* Does what `n` results of the outbound path say. */
void plane_results(struct plane *p, size_t n);

#endif
