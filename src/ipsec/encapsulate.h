/* SPDX-License-Identifier: Apache-2.0 */
/* Builds ESP and AH around one packet, in place: headers in front, trailer behind, and the job for the
 * cipher. The outbound burst calls it after it chose the pair, made sure of the size and claimed the sequence
 * number. RFC 4303 §3.3, RFC 4302 §3.3, RFC 4301 §5.1.2, RFC 6040 §4.1. */
#ifndef IPSEC_ENCAPSULATE_H
#define IPSEC_ENCAPSULATE_H

#include "base/drop.h"
#include "ipsec/ah.h"
#include "ipsec/path.h"

/* One packet on its way out. */
struct sealing {
    uint8_t *data; /* at first the inner packet, then the outer one, or the payload of its datagram with
                      PAIR_UDP */
    uint32_t len;
    uint32_t slot;
    struct sad_pair *pair;
    struct sad_pair *bundle; /* AH that is applied after `pair`; NULL */
    uint32_t mtu;            /* of the outer path */
    uint32_t counted;        /* bytes of the inner packet, as lifetimes count them */
    uint16_t source;         /* index in the burst */
    uint16_t header_length;  /* of what is in front of the payload, for transport mode */
    uint16_t next_header_at; /* where that says what the payload is */
    uint8_t version, protocol, traffic_class;
    bool dont_fragment;  /* of the outer header */
    bool fragment_after; /* the outer packet is bigger than mtu, as policy allows */
    uint8_t notes;
    uint8_t reason; /* enum drop_reason; set when it failed */
    uint16_t front_len;
    uint8_t front[AH_FRONT_MAX]; /* AH: the headers as they are to be sent */
};

/* Afterwards `job` is ready but for the IV of CBC (packet_cipher_ivs). `id`: outer IPv4 identification. */
enum drop_reason encapsulate_esp(struct sealing *s, uint64_t sequence, uint16_t id,
                                 struct packet_job *job) must_check;
/* With `pair` = s->pair, or s->bundle: then always in transport mode around what ESP made. */
enum drop_reason encapsulate_ah(struct sealing *s, const struct sad_pair *pair, uint64_t sequence,
                                uint16_t id, struct packet_job *job) must_check;
/* After sealing: the headers as they go out. */
void encapsulate_ah_finish(struct sealing *s);

#endif
