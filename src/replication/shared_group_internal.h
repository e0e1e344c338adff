/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a shared group know of each other. */
#ifndef REPLICATION_SHARED_GROUP_INTERNAL_H
#define REPLICATION_SHARED_GROUP_INTERNAL_H

#include "replication/shared_group.h"

/* Before the record of a pair: its two ceilings or counters (0: it must not be used), and whether its
 * receiver was told of it before. */
enum { PAIR_PREFIX = 17 };

void group_step(struct shared_group *g, struct membership_event *e);

/* ---- shared_group_lease.c ---- */

void leases_clear(struct shared_group *g);
/* What was told and not acknowledged may be known to the other member, or not. */
void leases_unacknowledged(struct shared_group *g);
void leases_lift(struct shared_group *g);
void leases_join(struct shared_group *g);
void leases_cap(struct shared_group *g);
void leases_trust(struct shared_group *g);
void leases_distrust(struct shared_group *g);
/* All pairs were handed over: we use none of them any more. */
void leases_exhaust(struct shared_group *g);
/* Pairs whose ceilings are final, some at a time. */
void leases_rekey(struct shared_group *g);
void leases_acked(struct shared_group *g, uint64_t number);
void leases_review(struct shared_group *g);
/* The pair's record with its ceilings, as it crosses; in force before it is told. 0: it was not sent. */
uint64_t lease_send_pair(struct shared_group *g, uint32_t slot, struct bytes data, bool snapshot);
uint64_t lease_send_pair_exact(struct shared_group *g, uint32_t slot, struct bytes data);
void leases_tell_exact(struct shared_group *g);
/* How a pair came: as a standby's, without numbers (it has to be rekeyed), or by a merge: it is used in the
 * epoch after that. */
enum lease_kind { LEASE_REPLICA, LEASE_EXHAUSTED, LEASE_MERGED };
void lease_received(struct shared_group *g, uint32_t slot, enum lease_kind kind);
/* Nothing is in the slot. */
void lease_reset(struct shared_group *g, uint32_t slot);

/* ---- shared_group_stream.c ---- */

void sending_begin(struct shared_group *g, bool merge);
void sending_go_on(struct shared_group *g);
void sending_stop(struct shared_group *g);
void receiving_begin(struct shared_group *g);
void receiving_end(struct shared_group *g);
void receiving_stop(struct shared_group *g);
void receive_put(struct shared_group *g, const struct session_action *a);
void receive_delete(struct shared_group *g, const struct session_action *a);
void receive_leases(struct shared_group *g, const struct session_action *a);

#endif
