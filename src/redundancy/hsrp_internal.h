/* SPDX-License-Identifier: Apache-2.0 */
/* What the three files of the HSRP machine share: hsrp.c (states, timers), hsrp_receive.c (messages of
 * others) and hsrp_authentication.c. Nobody else includes it. */
#ifndef REDUNDANCY_HSRP_INTERNAL_H
#define REDUNDANCY_HSRP_INTERNAL_H

#include "redundancy/hsrp.h"

/* ---- hsrp.c ---- */

/* Changes the state with everything that belongs to it: OWN or DISOWN, announcements, timers, the log, a
 * hello. */
void hsrp_change(struct hsrp_group *g, enum hsrp_state state, ns now, struct redundancy_actions *actions);
void hsrp_send(struct hsrp_group *g, enum hsrp_opcode opcode, ns now, struct redundancy_actions *actions);
void hsrp_announce(const struct hsrp_group *g, struct redundancy_actions *actions);
bool hsrp_has_address(const struct hsrp_group *g, const struct address *a);
/* Becomes Active with a coup if the Active router is lower and preemption is configured, due and not held
 * back. */
bool hsrp_preempt(struct hsrp_group *g, ns now, struct redundancy_actions *actions);
/* Who was Active and slept for longer than others wait has been replaced, if there was anybody to do it: it
 * asks before it claims anything again. Looked at before timers and before what others say: a loop may serve
 * its sockets first. */
void hsrp_wake(struct hsrp_group *g, ns now, struct redundancy_actions *actions);

/* ---- hsrp_receive.c ---- */

void hsrp_receive(struct hsrp_group *g, const struct hsrp_event *event, struct redundancy_actions *actions);
void hsrp_seen(struct hsrp_group *g, const struct hsrp_event *event, struct redundancy_actions *actions);

/* ---- hsrp_authentication.c ---- */

/* Fills in what the group's configuration asks for; for MD5 before hsrp_write, and then the digest. */
void hsrp_sign_prepare(const struct hsrp_group *g, struct hsrp_message *m);
void hsrp_sign(const struct hsrp_group *g, const struct hsrp_message *m, uint8_t *datagram, size_t len);
bool hsrp_authentic(const struct hsrp_group *g, struct bytes datagram, const struct hsrp_message *m,
                    const struct address *source, ns now);

#endif
