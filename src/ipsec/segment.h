/* SPDX-License-Identifier: Apache-2.0 */
/* Splits what the kernel merged: a packet that the TUN device gave with a vnet_header becomes packets that a
 * link can carry, each complete with lengths, sequence numbers and checksums (what a network card with TSO
 * does). The engine's shell calls it between the TUN read and outbound_burst. RFC 9293 §3.1, RFC 768; pure.
 */
#ifndef IPSEC_SEGMENT_H
#define IPSEC_SEGMENT_H

#include "base/drop.h"
#include "ipsec/path.h"

struct segment {
    uint8_t *data;
    uint32_t len;
};

/* Splitting is incremental, so that the memory for segments is the caller's choice. */
struct segmenter {
    uint8_t *packet;
    uint32_t len;
    struct vnet_header header;
    uint32_t header_len; /* IP and TCP or UDP */
    uint32_t ip_len;
    uint32_t at;     /* payload bytes given out */
    uint32_t number; /* segments given out */
    uint8_t version; /* 4, 6 */
    bool udp;
    bool whole; /* nothing to split: the packet itself is the only segment */
};

/* Checks header and packet: what came from the kernel is trusted as little as anything else. DROP_NONE, or
 * why not. */
enum drop_reason segmenter_init(struct segmenter *s, const struct vnet_header *h, uint8_t *packet,
                                uint32_t len);
bool segmenter_done(const struct segmenter *s);
/* Writes the next segments, up to `count`, each into `slots` + i * slot_size + PACKET_HEADROOM, as long as
 * slot_size leaves PACKET_TAILROOM behind it. A whole packet is not copied: its result points to `packet`,
 * which must have headroom and tailroom itself. Returns how many; 0 when done or if a segment does not fit a
 * slot (then segmenter_done is false). */
size_t segmenter_next(struct segmenter *s, uint8_t *slots, uint32_t slot_size, struct segment *ret,
                      size_t count);

#endif
