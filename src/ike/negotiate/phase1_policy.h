/* SPDX-License-Identifier: Apache-2.0 */
/* The negotiation of phase 1: our policies as an SA payload, the choice among a peer's transforms, and the
 * check of the peer's choice. RFC 2409 §5, appendix A. */
#ifndef IKE_PHASE1_POLICY_H
#define IKE_PHASE1_POLICY_H

#include "ike/machine.h"

/* Writes the SA payload with every policy that we can carry out; with `group` only those of that group
 * (aggressive mode has one). Returns how many. */
unsigned policy_write_offer(const struct ike_config *config, struct isakmp_writer *w, uint8_t group);
/* The first of our policies, by priority, that one of the offered transforms equals. `ret` has the shorter
 * lifetime. False: none; `why` (size bytes) then says what was offered and what we have. */
bool policy_choose(const struct ike_config *config, const struct isakmp_sa *offer, struct ike_policy *ret,
                   uint8_t *ret_proposal, uint8_t *ret_transform, char *why, size_t size);
/* Writes the answer: the chosen transform as it came. */
void policy_write_choice(struct isakmp_writer *w, const struct isakmp_sa *offer, uint8_t proposal,
                         uint8_t transform);
/* Whether a peer's answer is one transform that we offered. */
bool policy_check_choice(const struct ike_config *config, const struct isakmp_sa *choice,
                         struct ike_policy *ret);
/* A policy that this machine can carry out. */
bool policy_usable(const struct ike_policy *p);

#endif
