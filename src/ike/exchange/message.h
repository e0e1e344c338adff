/* SPDX-License-Identifier: Apache-2.0 */
/* Messages under an IKE SA: opening and sealing with its cipher, the HASH in front of phase-2 messages, and
 * the one way out to the network. RFC 2409 §5.5 and appendix B. */
#ifndef IKE_MESSAGE_H
#define IKE_MESSAGE_H

#include "ike/machine.h"

/* Decrypts the body into ike->plain and parses it into ike->message. `iv` becomes the last ciphertext block
 * only in the caller's copy. False: does not decrypt to payloads. */
bool message_open(struct ike *ike, const struct ike_sa *sa, const struct isakmp_header *h,
                  struct bytes datagram, uint8_t *iv, enum isakmp_error *ret_error);
/* Pads, finishes and encrypts what ike->writer holds; empty if something did not fit. `iv` moves on. */
struct bytes message_seal(struct ike *ike, const struct ike_sa *sa, uint8_t *iv);

/* A phase-2 message: header and the room for its HASH. */
struct isakmp_writer *message_begin_phase2(struct ike *ike, const struct ike_sa *sa, uint8_t exchange,
                                           uint32_t message_id, uint8_t **ret_hash);
/* HASH(1), or HASH(2) with a nonce, over what was written behind it; then seals. */
struct bytes message_finish_phase2(struct ike *ike, const struct ike_sa *sa, uint32_t message_id,
                                   uint8_t *hash, struct bytes nonce_i, uint8_t *iv);
bool message_iv_phase2(const struct ike_sa *sa, uint32_t message_id, uint8_t iv[CBC_BLOCK_MAX]);
/* HASH(1) or HASH(2) of a received one. */
bool message_authentic(const struct ike_sa *sa, const struct isakmp_message *m, struct bytes nonce_i);

/* Hands it to the shell, in fragments if it is long and the peer can. */
void message_send(struct ike *ike, const struct ike_sa *sa, struct bytes message);

#endif
