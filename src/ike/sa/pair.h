/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of IPsec SAs as IKE knows them: installed in a slot of the SAD, rekeyed before their end, superseded,
 * deleted. A pair may outlive its IKE SA ("dangling", as in the field): then it is an orphan until a new IKE
 * SA adopts it. */
#ifndef IKE_PAIR_H
#define IKE_PAIR_H

#include "ike/machine.h"

/* Memory is set aside before keys are made. NULL when full. */
struct ike_pair *pair_new(struct ike *ike, struct ike_sa *sa, struct connection *connection, uint32_t slot);
void pair_index(struct ike *ike, struct ike_pair *pair); /* once SPIs and selector are set */
void pair_start(struct ike *ike, struct ike_pair *pair); /* lifetimes run; deadlines are set */
/* Whether it is the only one of its connection; of a dynamic connection, of its peer's IKE SA: with it the
 * tunnel comes and goes. */
bool pair_is_only(const struct ike_pair *p);
void pair_doom(struct ike *ike, struct ike_pair *pair, bool tell); /* removed in a later step */
/* The same without a word, in either role of its group. */
void pair_forget(struct ike *ike, struct ike_pair *pair);
void pair_timer(struct ike *ike, struct ike_pair *pair);
void pair_step(struct ike *ike, struct ike_pair *pair);       /* its timer fired */
void pair_idle_start(struct ike *ike, struct ike_pair *pair); /* its idle time runs, as configured */
/* The packet path's answer to the question whether it is idle. */
void pair_traffic(struct ike *ike, uint32_t slot, ns last);
void pair_release(struct ike *ike, struct ike_pair *pair); /* memory only */

/* The peer has the keys. `tell_engine`: it does not know yet. Older pairs of the same traffic are superseded.
 */
void pair_confirm(struct ike *ike, struct ike_pair *pair, bool tell_engine);
/* The peer ended it. If it served its traffic, what it had superseded serves again: of two pairs that were
 * born together each side may have held another one for the newer. */
void pair_deleted_by_peer(struct ike *ike, struct ike_pair *pair);
/* The packet path wants another one: also for what was superseded, if nothing newer is left. */
void pair_soft(struct ike *ike, struct ike_pair *pair);
void pair_orphan(struct ike *ike, struct ike_pair *pair);
void pair_adopt(struct ike *ike, struct ike_pair *pair, struct ike_sa *sa);
void pair_moved(struct ike *ike, struct ike_pair *pair);
void orphans_adopt(struct ike *ike, struct ike_sa *sa);
void orphans_forget(struct ike *ike, struct ike_sa *sa); /* the peer says it has none */

/* All records are read: finds bundles, connections and IKE SAs; deadlines run. */
void pairs_link_restored(struct ike *ike);

/* A replica: under the IKE SA of its record if that is there, else it waits as an orphan. */
void pair_link(struct ike *ike, struct ike_pair *pair);
/* Its endpoints, and it is found by them. */
void pair_place(struct ike *ike, struct ike_pair *pair, const struct endpoint *local,
                const struct endpoint *remote);
/* Those that waited for this IKE SA. */
void pairs_link_waiting(struct ike *ike, struct ike_sa *sa);
/* Both halves of a bundle together, or the outer one on ike->loose. */
void pair_join(struct ike *ike, struct ike_pair *pair);
/* A replica goes: nothing is said to anybody; its slot drains. */
void pair_discard(struct ike *ike, struct ike_pair *pair);
uint32_t pair_inner_slot(const struct ike_pair *pair); /* UINT32_MAX: none */

/* The index of those that have no IKE SA. */
uint32_t pair_orphan_hash(const struct ike *ike, const struct address *local, const struct address *remote);
void pair_orphan_index(struct ike *ike, struct ike_pair *pair);
void pair_orphan_unindex(struct ike *ike, struct ike_pair *pair);

struct ike_pair *pair_find(const struct ike *ike, uint32_t slot, uint32_t spi_in);
struct ike_pair *pair_find_out(const struct ike *ike, const struct ike_sa *sa, uint8_t protocol,
                               uint32_t spi_out);
/* One that carries this traffic and may send, or NULL. */
struct ike_pair *pair_find_current(const struct ike *ike, const struct connection *c,
                                   const struct selector *s);
bool pair_rekey_now(struct ike *ike, struct ike_pair *pair); /* false: nobody to negotiate with */

#endif
