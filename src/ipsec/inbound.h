/* SPDX-License-Identifier: Apache-2.0 */
/* The way in: from an ESP or AH packet that a socket gave us to an inner packet for the TUN device.
 *
 *     SPI -> pair -> replay check -> open -> replay commit -> trailer -> selector check -> ECN -> result
 *
 * The engine's shell calls inbound_burst with what it received and does what the results say; what is
 * delivered goes through coalesce.h to the TUN device. Opening is in place: a result points into the buffer
 * of its packet, or into memory of `struct inbound` that is valid until the next burst. Nothing here
 * allocates, reads a clock or does I/O.
 *
 * RFC 4301 §5.2, RFC 4303 §3.4, RFC 4302 §3.4, RFC 3948 §3.4, RFC 6040 §4.2, RFC 6479.
 */
#ifndef IPSEC_INBOUND_H
#define IPSEC_INBOUND_H

#include "base/address.h"
#include "base/drop.h"
#include "base/time.h"
#include "ipsec/path.h"

enum inbound_form {
    INBOUND_RAW_V4, /* `data` is the whole outer packet, reassembled, as an IPv4 raw socket gives it. Nothing
                       else needs to be filled in */
    INBOUND_RAW_V6, /* `data` is what follows the IPv6 header, as an IPv6 raw socket gives it; `local`,
                       `remote` (ports 0), `protocol` and `traffic_class` come with it. Keep 4 writable bytes
                       behind `len` */
    INBOUND_UDP,    /* `data` is the payload of a datagram on port 4500 that is not an IKE message and not a
                       keepalive;    `local`, `remote` and `traffic_class` come with it */
};

struct inbound_packet {
    uint8_t *data; /* it is written to, and the 4 bytes behind it too (RAW only) */
    uint32_t len;
    uint8_t form;     /* enum inbound_form */
    uint8_t protocol; /* 50 or 51; RAW_V6 only */
    uint8_t traffic_class;
    struct endpoint local, remote; /* outer: ours and the sender's */
};

enum inbound_kind {
    INBOUND_DELIVER, /* write `data` to the TUN device */
    INBOUND_DROPPED, /* `reason`; counted already */
    INBOUND_WAITS,   /* for a higher ceiling of its pair; see inbound_waiting */
};

enum inbound_note {
    INBOUND_NOTE_USED = 1,  /* CHANNEL_PAIR_USED */
    INBOUND_NOTE_SOFT = 2,  /* CHANNEL_PAIR_SOFT, once for a pair */
    INBOUND_NOTE_HARD = 4,  /* CHANNEL_PAIR_HARD; with every packet dropped for it */
    INBOUND_NOTE_MOVED = 8, /* CHANNEL_PEER_MOVED; sad_pair.remote_now was updated */
    INBOUND_NOTE_INVALID_SPI =
        16, /* CHANNEL_INVALID_SPI: `spi`, the packet's protocol, local and remote. Limit it */
    INBOUND_NOTE_PREFERRED = 32, /* the peer that sends on this pair is now the one that we send to */
    INBOUND_NOTE_LEASE = 64,     /* CHANNEL_PAIR_LEASE: its group needs a higher ceiling */
    INBOUND_NOTE_BEHIND = 128, /* CHANNEL_PAIR_SOFT: a while after a takeover the peer is still below where we
                                  go on; once for a takeover */
};

struct inbound_result {
    uint8_t kind;     /* enum inbound_kind */
    uint8_t reason;   /* enum drop_reason */
    uint8_t notes;    /* enum inbound_note */
    uint8_t protocol; /* 50 or 51 (outermost) */
    uint32_t len;
    uint8_t *data;
    uint32_t slot;                 /* of the pair; UINT32_MAX: none */
    uint32_t spi;                  /* of the packet, hence spi_in of the pair */
    struct endpoint local, remote; /* outer; set with any note */
};

struct inbound;

/* NULL if memory is short. */
struct inbound *inbound_new(const struct packet_path *path);
void inbound_free(struct inbound *in);

/* Works on up to BURST_MAX packets: results[i] is that of packets[i]. */
void inbound_burst(struct inbound *in, const struct inbound_packet *packets, size_t n, ns now,
                   struct inbound_result *results);
/* Packets wait for a higher ceiling: call inbound_release again and again, soon. */
bool inbound_waiting(const struct inbound *in);
/* After inbound_release, whose packet waits the longest: control is to be asked for its ceiling again, for it
 * may have raised it to just below this packet. False: none waits. */
bool inbound_waits_for(const struct inbound *in, uint32_t *ret_slot, uint32_t *ret_spi);
/* A burst of those that waited long enough: at most BURST_MAX results, whose packets are in `packets`.
 * Returns their number. */
size_t inbound_release(struct inbound *in, ns now, struct inbound_packet packets[],
                       struct inbound_result *results);

#endif
