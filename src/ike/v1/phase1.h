/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 1 of IKEv1: what main mode and aggressive mode have in common, and the table of their steps. */
#ifndef IKE_PHASE1_H
#define IKE_PHASE1_H

#include "ike/machine.h"

/* Begins one with a connection's peer; NULL with the reason in `ret_cause`. `replaces`: the id of the IKE SA
 * that is authenticated again, or 0. */
struct ike_sa *phase1_initiate(struct ike *ike, const struct ike_connection *config, uint32_t peer,
                               uint64_t replaces, const char **ret_cause);
/* The same again for an IKE SA that nears its end. */
bool phase1_reauthenticate(struct ike *ike, struct ike_sa *old);
/* A message of exchange type main or aggressive that is no duplicate. `sa` NULL: the first one of a stranger.
 */
void phase1_receive(struct ike *ike, struct ike_sa *sa, const struct ike_event *event,
                    const struct isakmp_header *header, struct bytes datagram);
void phase1_job(struct ike *ike, struct ike_sa *sa, struct ike_job *job);
void phase1_timer(struct ike *ike, struct ike_sa *sa); /* send again, or give up */
/* The turn of one that a record made (half_open_restore.c), or that was kept while we stood by. */
void phase1_resume(struct ike *ike, struct ike_sa *sa);
/* The pre-shared key of one that has its addresses, connection and identity. False: there is none. */
bool phase1_find_psk(struct ike *ike, struct ike_sa *sa);
/* Nothing authentic says so, but the peer seems to be there and to lack what we sent: once, not at its time
 * but now. */
void phase1_hasten(struct ike *ike, struct ike_sa *sa);
/* It failed: logs, frees the SA, its wishes go on. */
void phase1_fail(struct ike *ike, struct ike_sa *sa, const char *cause);
/* An unauthenticated error notify: a hint, not a verdict. */
void phase1_hint(struct ike *ike, struct ike_sa *sa, uint16_t type);
/* A sealed informational that nobody can open yet: a hint too, when it answers our authentication. */
void phase1_unreadable(struct ike *ike, struct ike_sa *sa);

/* ---- for main_mode.c and aggressive_mode.c ---- */

struct phase1_input {
    const struct ike_event *event;
    const struct isakmp_message *m;
    struct bytes datagram;
};

/* False: refused, `ret_cause` says why (the SA stays). */
typedef bool phase1_handler(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in,
                            const char **ret_cause);
phase1_handler mm_r_sa, mm_i_sa, mm_r_ke, mm_i_ke, mm_r_auth, mm_i_auth;
phase1_handler am_r_first, am_i_second, am_r_third;
void mm_start(struct ike *ike, struct ike_sa *sa);
bool am_start(struct ike *ike, struct ike_sa *sa, const char **ret_cause);
void mm_i_keypair(struct ike *ike, struct ike_sa *sa, struct ike_job *job);
void mm_i_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job);
void mm_r_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job);
void am_i_keypair(struct ike *ike, struct ike_sa *sa, struct ike_job *job);
void am_i_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job);
void am_r_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job);

bool phase1_choose_policy(struct ike *ike, const struct phase1_input *in, struct ike_policy *ret,
                          uint8_t *ret_proposal, uint8_t *ret_transform, const char **ret_cause);
bool phase1_authenticate(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in);

/* Writing: header with cookies into ike->writer over ike->written. */
struct isakmp_writer *phase1_write(struct ike *ike, struct ike_sa *sa, uint8_t exchange, bool encrypted);
/* Finishes the clear or encrypted message, keeps it, sends it. `wait`: again until answered. */
bool phase1_send(struct ike *ike, struct ike_sa *sa, bool wait);
void phase1_write_vendors(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w);
void phase1_read_vendors(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m);
void phase1_write_nat_d(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w);
void phase1_read_nat_d(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in);
void phase1_float(struct ike_sa *sa); /* NAT is between: to port 4500 */
/* As responder: to which port the peer's authentication came tells whether it saw NAT. */
void phase1_peer_floated(struct ike_sa *sa, const struct ike_event *event);
/* The body of our ID payload into `out`; its length. */
size_t phase1_identity(const struct ike *ike, const struct ike_sa *sa, uint8_t *out, size_t size);
bool phase1_nonce(struct ike *ike, uint8_t *nonce, uint16_t *len);
bool phase1_take_ke(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m,
                    const char **ret_cause);
/* SKEYID and all that follows from it. */
bool phase1_keys(struct ike *ike, struct ike_sa *sa, struct bytes shared);
bool phase1_hash(struct ike *ike, const struct ike_sa *sa, bool of_initiator, struct bytes identity,
                 uint8_t out[HASH_MAX]);
void phase1_write_initial_contact(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w);
bool phase1_has_initial_contact(const struct ike_sa *sa, const struct isakmp_message *m);
void phase1_write_lifetime(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w);
void phase1_read_lifetime(struct ike_sa *sa, const struct isakmp_message *m);
/* A message was accepted: it is known again, and what was sent before it is no answer any more. */
void phase1_accept(struct ike *ike, struct ike_sa *sa, struct bytes datagram);
/* The peer is proven. With `last` what ike->writer holds is sealed as the last message; state, tables and the
 * record come before it is sent. False: it could not be written. */
bool phase1_done(struct ike *ike, struct ike_sa *sa, bool initial_contact, bool last);
bool phase1_set_psk(struct ike_sa *sa, struct bytes key);

#endif
