/* SPDX-License-Identifier: Apache-2.0 */
/* What policy looks at in a packet: addresses, protocol, ports. `local` is our side: the source of a packet
 * that goes out, the destination of one that came in. Without padding, so that equal tuples are equal bytes
 * and can be hashed. */
#ifndef IPSEC_TUPLE_H
#define IPSEC_TUPLE_H

#include "base/address.h"
#include "wire/ip.h"

struct packet_tuple {
    struct address local, remote;
    uint8_t protocol;
    uint8_t has_ports : 1;
    uint8_t ports_hidden : 1; /* its protocol has ports, but they are in another fragment */
    uint16_t local_port, remote_port;
    uint32_t ifindex; /* egress; 0 inbound */
};

_Static_assert(sizeof(struct packet_tuple) == 44, "no padding");

/* As it goes out, ifindex 0. */
void tuple_of(const struct ip_packet *packet, struct packet_tuple *ret);
/* Both ends swapped. */
void tuple_mirror(struct packet_tuple *t);
/* Whether an SA with this selector carries the packet. Where the ports are in another fragment, addresses and
 * protocol decide (RFC 4301 §7.4: such fragments belong to an SA that other packets of the flow take too). */
bool tuple_in_selector(const struct packet_tuple *t, const struct selector *s);
/* Host addresses, protocol and ports of the packet. */
void tuple_selector(const struct packet_tuple *t, struct selector *ret);

#endif
