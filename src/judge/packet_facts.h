/* SPDX-License-Identifier: Apache-2.0 */
/* What the judge has to know of one captured IP packet, as a pure function of its bytes: which SAs sealed it,
 * whether it is ISAKMP, whether it shows an inner address. Called by judge.c. Always holds: a packet that
 * cannot be parsed is not passed over, its addresses are looked at all the same. RFC 4303 §2, RFC 4302 §2,
 * RFC 3948 §2, RFC 792, RFC 4443, RFC 2784. */
#ifndef JUDGE_PACKET_FACTS_H
#define JUDGE_PACKET_FACTS_H

#include "base/time.h"
#include "wire/ip.h"

enum { FACTS_SEALS = 2 }; /* AH around ESP */

enum facts_kind { FACTS_IPSEC, FACTS_ISAKMP, FACTS_OTHER };

struct seal {
    uint8_t protocol; /* ESP or AH */
    uint32_t spi, sequence;
    struct bytes esp; /* from the SPI on; empty for AH, and for ESP of which not all is here */
    struct bytes iv;  /* what follows the sequence number of ESP, also where `esp` is empty */
};

/* Why a packet counts as clear. */
enum clear_kind { CLEAR_NOT, CLEAR_PLAIN, CLEAR_QUOTED, CLEAR_CARRIED };

struct packet_facts {
    enum facts_kind kind;
    bool malformed, fragment;
    struct address source, destination;
    struct seal seals[FACTS_SEALS];
    unsigned seal_count; /* 0 for later fragments of IPSEC */
    uint8_t exchange;    /* of ISAKMP; 0: not there */
    enum clear_kind clear;
    uint8_t clear_protocol;
    struct address clear_source, clear_destination;
};

/* False if it is not IP at all. Views in `ret` borrow from `packet`. `clear`: prefixes of inner networks. */
bool packet_facts_read(struct bytes packet, const struct prefix *clear, unsigned clear_count,
                       struct packet_facts *ret);
const char *clear_kind_name(enum clear_kind kind);

/* A numbered packet of one of the lab's flows. */
struct probe_id {
    uint32_t flow;
    uint64_t run, number;
};

/* `protocol`: of what `bytes` begin with: IP in IP, GRE around it, or UDP itself (transport mode). */
bool probe_find(uint8_t protocol, struct bytes bytes, struct probe_id *ret);

#endif
