/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's private index of pairs: which pair carries a packet that an entry of the policy protects, and
 * which pair sent a packet that an ICMP error quotes.
 *
 * Pairs of one entry and one selector form a group; of a group the active pair with the highest
 * `preferred_since` sends. A packet finds its group by tuple space search: one probe per shape (prefix
 * lengths, protocol or not) that pairs of its entry have, most specific first. So 10,000 pairs under one
 * entry cost as much as 10,000 entries with one pair each.
 *
 * The index is never the truth: a message that control lost costs nothing but time, for every answer is
 * checked against the pair's state and SPI, and pair_index_sync makes it anew from the SAD.
 */
#ifndef IPSEC_PAIR_INDEX_H
#define IPSEC_PAIR_INDEX_H

#include "ipsec/path.h"

enum { PAIR_NONE = UINT32_MAX };

/* NULL if memory is short. Indexes every pair of `sad`. Sparse: what pairs in use need is touched. */
struct pair_index *pair_index_new(struct sad *sad);
void pair_index_free(struct pair_index *x);

/* CHANNEL_PAIR_ADDED; also after any change of a pair's state. Takes the place of what the slot held. */
void pair_index_add(struct pair_index *x, uint32_t slot);
/* CHANNEL_PAIR_REMOVED. Harmless if it is not there. */
void pair_index_remove(struct pair_index *x, uint32_t slot);
/* Adds, replaces and removes until the index is what the SAD says; for a start and after lost messages. */
void pair_index_sync(struct pair_index *x);
/* Changes with every change of the index or of a preference; never 0. */
uint32_t pair_index_generation(const struct pair_index *x);

struct packet_tuple; /* ipsec/tuple.h */

/* Slot of the pair that sends a packet (tuple.local is its source) under `entry`, or PAIR_NONE. */
uint32_t pair_index_find(struct pair_index *x, uint32_t entry, const struct packet_tuple *packet);
/* A packet arrived on `slot`: the peer that sent it is the one to answer to. True if that changed the
 * preference: the newest pair of this peer sends from now on. */
bool pair_index_received(struct pair_index *x, uint32_t slot, ns now);
/* The pair that sent an outer packet with this SPI to this address, or PAIR_NONE. */
uint32_t pair_index_find_outbound(const struct pair_index *x, uint32_t spi_out, const struct address *remote);

#endif
