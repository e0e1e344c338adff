/* SPDX-License-Identifier: Apache-2.0 */
/* What a watch on a wire counts: pure classification of one IP packet. Called by watch.c for each captured
 * packet. Always holds: a packet has exactly one kind, and CLEAR is given only to a packet that is none of
 * IPsec's own and has an end inside one of the watch's prefixes. RFC 3948 §2.2, §2.3. */
#ifndef LAB_PACKET_KIND_H
#define LAB_PACKET_KIND_H

#include "base/address.h"

enum packet_kind {
    PACKET_ESP,    /* protocol 50 */
    PACKET_AH,     /* protocol 51 */
    PACKET_ISAKMP, /* UDP 500, or UDP 4500 with the non-ESP marker */
    PACKET_NATT,   /* ESP in UDP 4500, NAT keepalives */
    PACKET_CLEAR,  /* in clear and of a watched prefix */
    PACKET_OTHER,  /* any other IP packet */
    PACKET_KINDS
};

struct packet_view {
    enum packet_kind kind;
    uint8_t protocol;
    struct address source, destination;
};

/* `packet` starts at the IP header and may be cut short. False if it is not an IP packet. */
bool packet_classify(struct bytes packet, const struct prefix *clear, unsigned clear_count,
                     struct packet_view *ret);
const char *packet_kind_name(enum packet_kind kind);

#endif
