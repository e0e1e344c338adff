/* SPDX-License-Identifier: Apache-2.0 */
/* The way out: from a packet that the TUN device gave us to an ESP or AH packet that a socket sends.
 *
 *     policy (spd) -> pair or acquire -> size rules -> headers -> sequence and IV -> seal -> result
 *
 * The engine's shell reads a burst, splits what the kernel had merged (segment.h), knows the egress interface
 * of each packet and calls outbound_burst; then it does what the results say. Sealing is in place: a result
 * points into the buffer of its packet, or into memory of `struct outbound` that is valid until the next call
 * of any outbound_ function. Nothing here allocates, reads a clock or does I/O; drops are counted in
 * path->engine->drops.
 *
 * RFC 4301 §5.1, RFC 4303 §3.3, RFC 4302 §3.3, RFC 3948 §3, RFC 6040, RFC 4301 §8 (path MTU).
 */
#ifndef IPSEC_OUTBOUND_H
#define IPSEC_OUTBOUND_H

#include "base/address.h"
#include "base/drop.h"
#include "base/time.h"
#include "ipsec/path.h"

enum {
    OUTBOUND_RESULTS_MAX = 512,
    OUTBOUND_WAIT_FLOW_MAX = 32, /* packets that wait for one SA */
    OUTBOUND_WAIT_MAX = 4096,    /* packets that wait for any */
    OUTBOUND_WAIT_PACKET_MAX = 9216,
};

#define OUTBOUND_WAIT_TIMEOUT   (10 * NS_PER_S)
#define OUTBOUND_ACQUIRE_REPEAT (1 * NS_PER_S)
#define OUTBOUND_REFUSED_REPEAT (1 * NS_PER_S)

struct outbound_packet {
    uint8_t *data; /* the IP packet; PACKET_HEADROOM bytes before it and PACKET_TAILROOM behind it are ours */
    uint32_t len;
    uint32_t ifindex; /* egress; 0: no route, it is dropped */
    uint32_t mtu;     /* of that interface */
    uint32_t group;   /* 0, or equal for the segments of one TUN read: one ICMP error for all of them */
};

enum outbound_kind {
    OUTBOUND_SEND_RAW, /* `data` is a whole outer packet with its IP header: raw socket of `protocol` and the
                          family of `remote`, header included (IP_HDRINCL, IPV6_HDRINCL). May be a fragment of
                          one */
    OUTBOUND_SEND_UDP, /* `data` is the payload of a datagram from `local` to `remote` */
    OUTBOUND_BYPASS,   /* not protected: write `data` back to the TUN device */
    OUTBOUND_ICMP,     /* an error to the inner source: write `data` to the TUN device */
    OUTBOUND_DROPPED,  /* `reason`; counted already */
    OUTBOUND_WAITS,    /* copied to the queue; see outbound_acquire_next */
};

enum outbound_note {
    OUTBOUND_NOTE_SOFT = 1, /* CHANNEL_PAIR_SOFT for `slot`; once for a pair */
    OUTBOUND_NOTE_HARD =
        2, /* CHANNEL_PAIR_HARD for `slot`; with every packet dropped for it: limit the messages */
    OUTBOUND_NOTE_LEASE = 4, /* CHANNEL_PAIR_LEASE for `slot`: its group needs a higher ceiling; with every
                                packet dropped for that, too */
};

struct outbound_result {
    uint8_t kind;          /* enum outbound_kind */
    uint8_t reason;        /* enum drop_reason */
    uint8_t notes;         /* enum outbound_note */
    uint8_t protocol;      /* 50 or 51 (outermost) */
    uint8_t traffic_class; /* DSCP and ECN of the outer header: IP_TOS or IPV6_TCLASS for SEND_UDP */
    uint8_t dont_fragment; /* SEND_UDP: DF that the outer header should have */
    uint16_t source;       /* index of the packet in the burst that it came from */
    /* SEND_UDP: this result and the run-1 next ones go to the same place with the same traffic_class, all of
     * one size but the last which may be shorter, at most 64 and 65000 bytes: one sendmsg with UDP_SEGMENT.
     * 0: it belongs to a run that began before. */
    uint16_t run;
    uint32_t len;
    uint8_t *data;
    uint32_t slot;                 /* of the pair; UINT32_MAX: none */
    uint32_t spi_in;               /* of that pair, for CHANNEL_PAIR_* */
    struct endpoint local, remote; /* outer */
};

struct outbound;

/* NULL if memory is short. About 5 MiB, and the waiting packets' 38 MiB of which only used pages cost. */
struct outbound *outbound_new(const struct packet_path *path);
void outbound_free(struct outbound *o);

/* Works on up to BURST_MAX packets and returns the number of results. Order within an SA is kept. */
size_t outbound_burst(struct outbound *o, const struct outbound_packet *packets, size_t n, ns now);
const struct outbound_result *outbound_results(const struct outbound *o);

/* Whether a packet, also one that the kernel merged (GSO), leaves in clear. If so, its TTL is corrected in
 * place: write it back whole, with the vnet_header it came with. If not, nothing was done: segment it and
 * call outbound_burst. */
bool outbound_bypasses(struct outbound *o, uint8_t *data, uint32_t len, uint32_t ifindex);

/* What the shell must ask of control (CHANNEL_ACQUIRE): the next flow whose packets wait and that was not
 * asked for within OUTBOUND_ACQUIRE_REPEAT. False: none is due. Call after each burst and at
 * outbound_deadline. */
struct outbound_acquire {
    uint32_t entry; /* spd_entry.id */
    uint32_t ace;   /* of that entry, counted from its first_ace */
    uint32_t ifindex;
    struct selector selector; /* of the ace */
    struct selector packet;   /* of the first packet that waits */
};
bool outbound_acquire_next(struct outbound *o, ns now, struct outbound_acquire *ret);
/* A packet that was dropped because its entry may not initiate (DROP_NO_SA), to be named in the log: at most
 * one in OUTBOUND_REFUSED_REPEAT. */
bool outbound_refused_next(struct outbound *o, ns now, struct outbound_acquire *ret);

/* CHANNEL_PAIR_ADDED: call pair_index_add and then this until it returns 0: results of waiting packets that
 * found a pair. `entry` is that pair's. */
size_t outbound_release(struct outbound *o, uint32_t entry, ns now);
/* CHANNEL_ACQUIRE_FAILED: drops what waits for it. Returns how many packets. */
size_t outbound_acquire_failed(struct outbound *o, uint32_t entry, uint32_t ace);
/* Drops what waited for too long. Returns how many packets. */
size_t outbound_expire(struct outbound *o, ns now);
/* When to call outbound_expire and outbound_acquire_next again; NS_NEVER: nothing waits. */
ns outbound_deadline(const struct outbound *o);

#endif
