/* SPDX-License-Identifier: Apache-2.0 */
/* The FRR of this machine as Holdfast drives it: what `router ospf` asks for (translate.h) is
 * told to its daemons by vtysh, and what is not asked for any more is taken back. Everything else in FRR's
 * configuration is let alone, and nothing is written to its files: a daemon that starts anew is told
 * everything again.
 *
 * FRR's sockets are looked for in /run/frr, or in the directory that $HOLDFAST_FRR names (one machine may run
 * several, each with a directory of its own). Where no FRR answers, one line in the log says so; the gateway
 * does without. What was told last is kept in the run directory for a successor of this process. */
#ifndef CONTROL_ROUTING_ROUTING_H
#define CONTROL_ROUTING_ROUTING_H

#include "base/bytes.h"

struct config;
struct control;
struct exec_call;
struct routing;

int routing_begin(struct control *c) must_check;
/* `after` is in force, or devices changed. Returns at once; FRR follows from the event loop. */
void routing_apply(struct control *c, const struct config *after);
/* Takes everything back, and waits for that, for at most two seconds. */
void routing_end(struct control *c);
/* `show ip ospf ...`: what FRR's own command says. EXEC_*. */
int routing_show(struct exec_call *x);

#endif
