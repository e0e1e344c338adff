/* SPDX-License-Identifier: Apache-2.0 */
/* Merges decrypted TCP segments that follow each other (and UDP datagrams of equal size) into one packet for
 * one write to the TUN device, without copying: a merged packet is a list of views, headers first. It is what
 * a network card's receive offload does, and what makes one TCP stream fast. The engine's shell calls it
 * after inbound_burst. Pure.
 *
 * Merged is only what can be split again into exactly what arrived: same addresses, ports, acknowledgement,
 * window, flags (PSH and FIN only on the last), options, TOS, TTL, DF; consecutive sequence; equal sizes but
 * the last; right checksums. Order within a flow is kept.
 */
#ifndef IPSEC_COALESCE_H
#define IPSEC_COALESCE_H

#include <sys/uio.h>

#include "ipsec/path.h"

struct coalesced {
    struct vnet_header header;
    uint16_t iov_count; /* iov[0] is `header`, then the packet */
    struct iovec *iov;
    uint16_t segments; /* how many packets went into it */
};

struct coalesce_packet {
    uint8_t *data; /* its headers are written to */
    uint32_t len;
};

struct coalescer;

struct coalescer *coalescer_new(void); /* NULL if memory is short; about 20 KiB */
void coalescer_free(struct coalescer *c);
/* `udp`: whether the TUN device takes VNET_GSO_UDP_L4. */
void coalescer_set(struct coalescer *c, bool tcp, bool udp);
/* Up to BURST_MAX packets; returns how many came out. The results are valid until the next call. */
size_t coalesce_burst(struct coalescer *c, const struct coalesce_packet *packets, size_t n);
struct coalesced *coalesced_at(struct coalescer *c, size_t i);

#endif
