/* SPDX-License-Identifier: Apache-2.0 */
/* Informational exchanges: notifies and deletes, one message each, never acknowledged. RFC 2408 §5.14, RFC
 * 2409 §5.7. */
#ifndef IKE_INFORMATIONAL_H
#define IKE_INFORMATIONAL_H

#include "ike/machine.h"

/* Decrypted, parsed and authenticated. */
void informational_receive(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m);
/* In the clear: hints only. */
void informational_receive_clear(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m);

void informational_delete_sa(struct ike *ike, struct ike_sa *sa);
void informational_delete_pair(struct ike *ike, struct ike_sa *sa, const struct ike_pair *pair);
void informational_notify(struct ike *ike, struct ike_sa *sa, uint8_t protocol, uint16_t type,
                          struct bytes spi, struct bytes data);
/* To a stranger, unprotected: why phase 1 is refused. */
void informational_refuse(struct ike *ike, const struct ike_event *event, const struct isakmp_header *header,
                          uint16_t type);
void informational_invalid_spi(struct ike *ike, struct ike_sa *sa, uint8_t protocol, uint32_t spi);
/* The lifetime of an IKE SA where ours is the shorter, also the sign of life some clients wait for. */
void informational_lifetime(struct ike *ike, struct ike_sa *sa);

#endif
