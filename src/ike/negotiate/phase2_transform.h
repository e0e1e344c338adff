/* SPDX-License-Identifier: Apache-2.0 */
/* The negotiation of phase 2: transform sets as proposals, the choice among a peer's, the check of its
 * choice. RFC 2407 §4.4, §4.5; RFC 2409 §5.5; RFC 3602, 4106, 4304, 4868; RFC 3947 §5. */
#ifndef IKE_PHASE2_TRANSFORM_H
#define IKE_PHASE2_TRANSFORM_H

#include "ike/machine.h"

/* Transport mode only where the proxies are the endpoints and no NAT is between. */
bool encapsulation_transport_possible(const struct ike_sa *sa, const struct selector *s);

/* Writes the SA payload of QM1: one proposal number per transform set that can be carried out. `spis`: ours
 * for ESP and AH (a set uses those it needs). Returns how many. */
unsigned phase2_write_offer(const struct ike_connection *config, const struct ike_sa *sa,
                            const struct selector *s, const uint32_t spi_esp, const uint32_t spi_ah,
                            struct isakmp_writer *w);

/* What was agreed, with where it stands in the peer's SA payload. */
struct phase2_choice {
    const struct ike_transform_set *set;
    struct transform transforms[2]; /* ESP first; spi_out set */
    uint8_t count;
    uint8_t proposal[2], transform[2]; /* indexes into the SA payload */
    uint8_t group;                     /* PFS */
    bool tunnel, esn, udp;
    uint32_t lifetime_seconds, lifetime_kilobytes; /* the shorter of both */
    bool shortened;                                /* ours are shorter than what was offered */
};

/* As responder: the first of our transform sets that an offered combination fits. */
bool phase2_choose(const struct ike_connection *config, const struct ike_sa *sa, const struct selector *s,
                   const struct isakmp_sa *offer, struct phase2_choice *ret);
/* As initiator: the peer's answer must be one of what we offered. */
bool phase2_check_choice(const struct ike_connection *config, const struct ike_sa *sa,
                         const struct selector *s, const struct isakmp_sa *answer, struct phase2_choice *ret);
/* The answer: the chosen transforms as they came, with our SPIs. */
void phase2_write_choice(struct isakmp_writer *w, const struct isakmp_sa *offer,
                         const struct phase2_choice *c);
/* What was offered and what we have, for the log. */
void phase2_explain(const struct ike_connection *config, const struct isakmp_sa *offer, char *out,
                    size_t size);

#endif
