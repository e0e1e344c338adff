/* SPDX-License-Identifier: Apache-2.0 */
/* Phase-2 exchanges of an IKE SA, by their message id: each has an IV of its own, sends again what waits for
 * an answer, and lingers when it is over, so that a repeated message gets the same answer again. RFC 2408
 * §5.1, RFC 2409 §5.5. */
#ifndef IKE_EXCHANGE_H
#define IKE_EXCHANGE_H

#include "ike/machine.h"

/* NULL: too many. `message_id` 0: draw one. */
struct exchange *exchange_new(struct ike *ike, struct ike_sa *sa, uint32_t message_id,
                              enum exchange_state state);
/* A wish that waits for it goes to its next peer with `cause`. */
void exchange_free(struct ike *ike, struct exchange *x, const char *cause);
struct exchange *exchange_find(const struct ike_sa *sa, uint32_t message_id);
struct exchange *exchange_find_id(const struct ike_sa *sa, uint64_t id);
void exchange_step(struct ike *ike, struct exchange *x); /* its timer fired */
/* What was sent is kept for an answer that is asked for again, and not sent again by itself. */
void exchange_rest(struct ike *ike, struct exchange *x);
void exchange_timer(struct ike *ike, struct exchange *x);
/* Keeps what is about to be sent. `wait`: it is sent again until answered. False: nothing to keep, or no
 * memory. */
bool exchange_keep(struct ike *ike, struct exchange *x, struct bytes message, bool wait) must_check;
/* Over: negotiation state goes, the last message stays for a while. */
void exchange_finish(struct ike *ike, struct exchange *x, enum exchange_state state);
void quick_free(struct ike *ike, struct exchange *x);
/* 1, 2, 4, ... s; the n-th sending is over. */
ns retransmit_interval(unsigned tries);

#endif
