/* SPDX-License-Identifier: Apache-2.0 */
/* Takes one ESP or AH packet apart, in place: what the cipher has to look at, and after that what is inside.
 * The inbound burst calls it around its call of the cipher. RFC 4303 §3.4, RFC 4302 §3.4, RFC 4301 §5.2.1,
 * RFC 6040 §4.2. */
#ifndef IPSEC_DECAPSULATE_H
#define IPSEC_DECAPSULATE_H

#include "base/drop.h"
#include "ipsec/ah.h"
#include "ipsec/path.h"
#include "wire/ip.h"

/* One packet on its way in. */
struct opening {
    uint8_t *ip; /* outer IP header, directly before `at`; NULL where the socket kept it */
    uint8_t *at; /* the ESP or AH header */
    uint32_t len;
    uint32_t slot;
    struct sad_pair *pair;
    uint32_t ah_slot; /* of the AH that was around this ESP; PAIR_NONE */
    uint64_t sequence;
    uint16_t index;          /* in the burst */
    uint16_t front_len;      /* of the headers at `ip` */
    uint16_t next_header_at; /* where they say what follows */
    uint8_t version;         /* of the outer header */
    uint8_t protocol, traffic_class;
    bool udp;
    struct address local, remote;
    uint8_t *payload; /* after opening: what was protected */
    uint32_t payload_len;
    uint8_t next_header;
    uint8_t icv[PACKET_ICV_MAX];
    uint8_t front[AH_FRONT_MAX]; /* AH: the headers as they came */
};

/* Fill in the job. */
enum drop_reason decapsulate_esp(struct opening *o, struct packet_job *job) must_check;
enum drop_reason decapsulate_ah(struct opening *o, struct packet_job *job) must_check;
/* After the ICV was right: finds payload and next header. */
enum drop_reason decapsulate_esp_finish(struct opening *o) must_check;
void decapsulate_ah_finish(struct opening *o);
/* Makes the packet that was sent out of `payload`: the inner one, or in transport mode the payload behind its
 * header. `spare` has room for a header and the payload where the outer header is not there (DROP_BAD_LENGTH
 * without it). `packet` is the result, parsed. */
enum drop_reason decapsulate_inner(struct opening *o, uint8_t *spare, struct ip_packet *packet) must_check;
/* Whether decapsulate_inner needs `spare`. */
bool decapsulate_needs_spare(const struct opening *o);

#endif
