/* SPDX-License-Identifier: Apache-2.0 */
/* Inbound packets that are at or above the ceiling of their pair: the standby has to know of them first
 * (docs/stateful-failover.md). They wait, as they came, for a higher ceiling: less than a millisecond, or as
 * long as one of the two gateways is busy with itself. Only what proved to be the peer's waits, so nobody
 * else can make a ceiling rise. Bounded in number, bytes and time; what finds no room is dropped, as without
 * waiting. Called by the inbound burst, and by the engine when something may have changed.
 */
#ifndef IPSEC_INBOUND_HOLD_H
#define IPSEC_INBOUND_HOLD_H

#include "ipsec/inbound.h"

enum { HOLD_MAX = 1024, HOLD_PACKET = 2048 };

#define HOLD_TIME (150 * NS_PER_MS)

struct hold;

struct hold *hold_new(void); /* NULL if memory is short */
void hold_free(struct hold *h);

/* A copy of a packet before it is opened; it is forgotten at the next hold_begin unless it is kept. False: no
 * room. */
void hold_begin(struct hold *h);
bool hold_copy(struct hold *h, const struct inbound_packet *p, size_t index, uint32_t slot, uint32_t spi,
               uint64_t sequence);
/* It was the peer's: it waits. False: there was no copy of it. */
bool hold_keep(struct hold *h, size_t index, ns now);

bool hold_empty(const struct hold *h);
/* The pair of the one that waits the longest. False: none waits. */
bool hold_first(const struct hold *h, uint32_t *ret_slot, uint32_t *ret_spi);
/* Packets that may pass now, or whose time is over: at most `max`, in the order in which they came, to be put
 * into an inbound burst. They are writable until the next call of anything here. */
size_t hold_take(struct hold *h, struct sad *sad, ns now, struct inbound_packet *ret, size_t max);

#endif
