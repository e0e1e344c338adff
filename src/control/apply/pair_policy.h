/* SPDX-License-Identifier: Apache-2.0 */
/* What of policy and routes comes with pairs and goes with them: the selectors of dynamic crypto maps and
 * reverse routes. Called by pairs.c and by who puts a generation in force. */
#ifndef CONTROL_APPLY_PAIR_POLICY_H
#define CONTROL_APPLY_PAIR_POLICY_H

#include "ipsec/sad.h"

struct control;
struct generation;

/* Before the first configuration. */
int pair_policy_begin(struct control *c) must_check;
/* Before a pair may be used: SPD and steering hold its selector when this returns 0. -errno. */
int pair_policy_add(struct control *c, const struct sad_pair *p) must_check;
void pair_policy_remove(struct control *c, const struct sad_pair *p);
void pair_policy_move(struct control *c, const struct sad_pair *p, const struct endpoint *remote);
/* A generation that is being made: what the pairs that are there carry is in its lists, also after a restart.
 */
int pair_policy_fill(struct control *c, struct generation *g) must_check;
/* control's generation is another one; the former still lives. */
void pair_policy_use(struct control *c);
void pair_policy_end(struct control *c);

#endif
