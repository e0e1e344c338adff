/* SPDX-License-Identifier: Apache-2.0 */
/* IKE SAs: making and ending them, finding them by cookie, path and identity, limits for half-open ones, and
 * what moves from an old one to the one that replaces it. */
#ifndef IKE_SA_H
#define IKE_SA_H

#include "ike/machine.h"
#include "ike/sa/group.h"

struct ike_sa *sa_new(struct ike *ike, bool initiator, const struct endpoint *local,
                      const struct endpoint *remote);
/* An established one from a record; the caller fills in the rest. NULL: no memory. */
struct ike_sa *sa_restore(struct ike *ike, uint64_t id, uint32_t number, bool initiator,
                          const uint8_t *cookies, const struct endpoint *local,
                          const struct endpoint *remote);
/* A half-open one from a record. */
struct ike_sa *sa_half_open_restore(struct ike *ike, uint64_t id, uint32_t number, bool initiator,
                                    const uint8_t *cookies, const struct endpoint *local,
                                    const struct endpoint *remote);
/* Frees it now. Its wishes go to their next peer with `cause`; pairs stay without an IKE SA. */
void sa_free(struct ike *ike, struct ike_sa *sa, const char *cause);
/* In later steps: pairs too if SA_DOOMED_WITH_PAIRS; `tell`: the peer gets DELETEs. */
void sa_doom(struct ike *ike, struct ike_sa *sa, enum sa_doom doom, bool tell);
/* The same without a word, in either role of its group. */
void sa_forget(struct ike *ike, struct ike_sa *sa, enum sa_doom doom);
void sa_timer(struct ike *ike, struct ike_sa *sa); /* sets it from all deadlines */

struct ike_sa *sa_find_id(const struct ike *ike, uint64_t id);
struct ike_sa *sa_find_message(const struct ike *ike, const struct isakmp_header *h);
/* The responder's SA for a first message that came before. */
struct ike_sa *sa_find_initial(const struct ike *ike, const uint8_t *cookie_i, const struct endpoint *remote);
struct ike_sa *sa_find_cookies(const struct ike *ike, const uint8_t *cookies); /* 16 bytes, as in notifies */
/* The newest established one between two addresses, or NULL. */
struct ike_sa *sa_find_path(const struct ike *ike, const struct address *local, const struct address *remote);
/* One that we are making, or NULL. */
struct ike_sa *sa_find_path_initiating(const struct ike *ike, const struct address *local,
                                       const struct address *remote);

struct ike_sa *sa_find_initiating_to(const struct ike *ike, const struct address *remote);

bool sa_established(const struct ike_sa *sa);
bool sa_alive(const struct ike_sa *sa); /* established, not doomed */
void sa_set_identity(struct ike *ike, struct ike_sa *sa, const struct isakmp_id *id);
char *sa_identity_print(const struct ike_sa *sa, char out[128]);
void sa_index_path(struct ike *ike, struct ike_sa *sa);
/* Its remote endpoint, and it is found by it. */
void sa_place(struct ike *ike, struct ike_sa *sa, const struct endpoint *remote);
/* One that a record made: its deadlines run. */
void sa_resume(struct ike *ike, struct ike_sa *sa);
/* The peer's endpoint changed (it is behind NAT): the pairs follow in later steps. */
void sa_move(struct ike *ike, struct ike_sa *sa, const struct endpoint *remote);

/* A new half-open SA of a stranger: false if the limits refuse it. May evict the oldest one. */
bool sa_half_open_admit(struct ike *ike, const struct address *from);
bool sa_half_open_room(const struct ike *ike); /* for one more without eviction */
void sa_half_open_add(struct ike *ike, struct ike_sa *sa);
void sa_half_open_proven(struct ike *ike, struct ike_sa *sa); /* it answered: not a forged address */
void sa_half_open_remove(struct ike *ike, struct ike_sa *sa);

/* ---- for sa/: the indexes ---- */

void sa_index(struct ike *ike, struct ike_sa *sa);         /* by id and cookie; in the list of all */
void sa_index_initial(struct ike *ike, struct ike_sa *sa); /* by the message that began it */
void sa_unindex(struct ike *ike, struct ike_sa *sa);
void sa_unindex_remote(struct ike *ike, struct ike_sa *sa);
uint32_t sa_path_hash(const struct ike *ike, const struct address *local, const struct address *remote);
uint32_t sa_identity_hash(const struct ike *ike, const struct ike_sa *sa);
bool sa_on_path(const struct ike_sa *sa, const struct address *local, const struct address *remote);
bool sa_same_identity(const struct ike_sa *a, const struct ike_sa *b);

/* ---- */

/* Phase 1 is over: keys are in place. Adopts the pairs of the same peer. */
void sa_establish(struct ike *ike, struct ike_sa *sa, bool initial_contact);
void sa_relife(struct ike *ike, struct ike_sa *sa); /* its lifetime became shorter */
void phase1_free(struct ike *ike, struct ike_sa *sa);
void kx_free(struct ike *ike, struct key_exchange **kx);

bool contact_made(const struct ike *ike, const struct address *local, const struct address *remote);
void contacts_forget(struct ike *ike, uint8_t group);
void contact_note(struct ike *ike, const struct address *local, const struct address *remote);

#endif
