/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of gateways that share SAs: what belongs to one, whether we serve it or stand by, and whose timers
 * run. Every object belongs to the group of its local address. Each group has two heaps: what was set while
 * we stood by, and what was set while we served. So what a takeover finds overdue, which is looked at by and
 * by, is never in the way of what is new. */
#ifndef IKE_GROUP_H
#define IKE_GROUP_H

#include "ike/machine.h"

void groups_init(struct ike *ike);
void groups_done(struct ike *ike);
/* After ike->config changed. What a group that we stood by for loses is forgotten. -ENOMEM. */
int groups_configure(struct ike *ike) must_check;

uint8_t group_of(const struct ike *ike, const struct address *local); /* 0: none */
uint8_t group_of_connection(const struct ike *ike, const struct connection *c);
/* We are not the one that serves it. Never for 0. */
bool group_standby(const struct ike *ike, uint8_t group);
void group_role(struct ike *ike, uint8_t group, bool active, bool forget); /* the event */

/* Room for the timer of one more IKE SA, exchange, pair or wish of the group. What there is counts, not what
 * is set now: a timer that rests while a job runs is set later without asking. -ENOMEM. */
int timers_reserve(struct ike *ike, uint8_t group) must_check;
void group_timer_set(struct ike *ike, struct timer *t, ns at); /* NS_NEVER cancels */
void group_timer_cancel(struct ike *ike, struct timer *t);
/* The timer whose turn is next, and when: not before its time, and overdue ones of a takeover at their pace.
 * NULL: none. */
struct timer *group_timer_next(const struct ike *ike, ns *ret_at);
void group_timer_taken(struct ike *ike, struct timer *t); /* its turn is now */
/* Its object goes. */
void group_timer_done(struct ike *ike, struct timer *t);
/* Its object is doomed and goes in the next steps, whatever the role. */
void group_timer_forget(struct ike *ike, struct timer *t);

#endif
