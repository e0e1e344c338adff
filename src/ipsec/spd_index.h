/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's private index of the policy: the answer of spd_match without looking at every line of every
 * access list.
 *
 * Lines are hashed by what they compare (tuple space search): a probe per kind of line that a binding has,
 * not per line. It is made anew when the policy's version changes; what does not fit is searched plainly.
 * Called by decision.c.
 */
#ifndef IPSEC_SPD_INDEX_H
#define IPSEC_SPD_INDEX_H

#include "ipsec/spd.h"

struct spd_index;

struct spd_index *spd_index_new(void); /* NULL if memory is short; 4 MiB of which used pages cost */
void spd_index_free(struct spd_index *x);
/* Makes the index that of this table, unless it is already. */
void spd_index_follow(struct spd_index *x, const struct spd_table *t, uint32_t version);
/* As spd_match_tuple. */
enum spd_verdict spd_index_match(const struct spd_index *x, const struct spd_table *t,
                                 const struct spd_binding *b, const struct packet_tuple *tuple,
                                 uint32_t *ret_entry, uint32_t *ret_ace);

#endif
