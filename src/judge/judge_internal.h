/* SPDX-License-Identifier: Apache-2.0 */
/* The judge's state, shared between judge.c (which judges) and verdict.c (which tells). */
#ifndef JUDGE_JUDGE_INTERNAL_H
#define JUDGE_JUDGE_INTERNAL_H

#include "judge/capture_file.h"
#include "judge/judge.h"
#include "judge/number_set.h"
#include "judge/opener.h"
#include "judge/packet_facts.h"
#include "wire/isakmp_numbers.h"

struct judge_capture {
    char name[JUDGE_NAME];
    enum judge_role role;
    unsigned group;
    uint64_t packets, in, out;
    uint64_t ipsec_out, isakmp, lost, cut;
    bool lost_told, broken;
};

struct violation {
    ns time; /* 0: of no packet */
    unsigned capture;
    uint64_t packet; /* its number there; 0: of no packet */
    uint8_t direction;
    uint32_t spi, sequence; /* spi 0: none */
    char text[160];
};

struct judge_counts {
    uint64_t sequences, ivs;         /* looked at */
    uint64_t esp, opened, fragments; /* ESP packets sent; of those opened; not opened because in fragments */
    uint64_t isakmp;                 /* on links, both directions */
    uint64_t unsealed;               /* packets on links that are neither IPsec nor ISAKMP */
    uint64_t inner_sealed, inner_again; /* numbered packets inside ESP; sealed once more */
    uint64_t delivered;                 /* numbered packets sent to an inside */
    uint64_t replays,
        replays_of_numbers; /* packets an attacker sent again; those with a numbered one inside */
};

enum judge_set {
    SET_SEQUENCES, /* owner: a key of the key table, high half: the SPI; so an SA whose peer moved is one SA
                    */
    SET_STRANGERS, /* sequence numbers of ESP SAs without key, and of AH; owner: the SPI */
    SET_UNREAD,    /* SPIs without key that were told */
    SET_IVS,       /* owner: a cipher key of the key table */
    SET_SEALED,    /* inner packets; owner: a flow */
    SET_REPLAYED,  /* likewise */
    SET_DELIVERED, /* likewise; owner: group and flow */
    JUDGE_SETS
};

struct judge {
    struct judge_config config;
    struct key_table keys;
    struct opener *opener;
    struct number_set sets[JUDGE_SETS];
    struct judge_capture captures[JUDGE_CAPTURES];
    unsigned capture_count;
    struct judge_counts counts;
    uint64_t violations[JUDGE_CHECKS];
    struct violation told[JUDGE_CHECKS][JUDGE_TOLD];
    unsigned told_count[JUDGE_CHECKS];
    bool has_replays, has_inside, finished, full;
};

#endif
