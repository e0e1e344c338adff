/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP connection of a flow as far as its waiting goes: a record is a segment; a window that grows while it
 * is used; every segment is acknowledged with which one it was (RFC 2018); what was sent a quarter of a round
 * trip before something that arrived is lost (RFC 8985); a tail loss probe; a retransmission timer of 200 ms
 * at least, doubled each time (RFC 6298), as Linux has them. No bytes, no windows of the receiver, no end.
 * Both ends are here: a packet that arrives says only which transmission it was. */
#ifndef SIM_SITE_TCP_MODEL_H
#define SIM_SITE_TCP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_model;
struct traffic_flow;

/* The connection is begun at once; `connected` is called with the flow when it stands. */
struct tcp_model *tcp_model_new(struct traffic_flow *f, void (*connected)(void *flow));
void tcp_model_free(struct tcp_model *m); /* after the schedule; NULL is allowed */
/* The application wrote a record. */
void tcp_model_write(struct tcp_model *m);
/* It is over for good: nothing is sent or read any more. */
void tcp_model_tear(struct tcp_model *m);
/* A packet arrived: at the receiver, or with `back` at the sender. */
void tcp_model_receive(struct tcp_model *m, bool back, uint64_t sequence);

#endif
