/* SPDX-License-Identifier: Apache-2.0 */
/* Quick mode, RFC 2409 §5.5. */
#ifndef IKE_QUICK_MODE_H
#define IKE_QUICK_MODE_H

#include "ike/machine.h"

/* Starts one for a wish. False: not now (no cause) or not at all (`ret_cause`). */
bool quick_initiate(struct ike *ike, struct ike_sa *sa, struct wish *w, const char **ret_cause);
/* A decrypted, parsed message whose first payload is a HASH; `x` NULL: a first message. `iv` is that behind
 * the message, to be kept once it is authenticated. False: not authentic or malformed, nothing changed. */
bool quick_receive(struct ike *ike, struct ike_sa *sa, struct exchange *x, const struct isakmp_message *m,
                   struct bytes datagram, const uint8_t *iv);
void quick_job(struct ike *ike, struct exchange *x, struct ike_job *job);
/* The peer refused with an authenticated notify: the exchange with that SPI, or the only one. */
void quick_refused(struct ike *ike, struct ike_sa *sa, uint16_t type, struct bytes spi);

#endif
