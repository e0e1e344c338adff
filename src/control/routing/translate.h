/* SPDX-License-Identifier: Apache-2.0 */
/* `router ospf`, and what interfaces say about it, in FRR's words (FRR 8.4). Pure. (EIGRP: eigrp.h.)
 *
 * Networks: a line stands for the addresses of our interfaces that it contains, so FRR is told exactly these.
 * An address that is on a virtual device of HSRP or VRRP therefore never takes part.
 *
 * `redistribute static` means the routes of `ip route` and of `reverse-route`. For FRR both are routes of the
 * kernel, whose protocol number it does not keep; so a route map lets through what the configuration says
 * there can be: the destinations of `ip route`, and what the access lists allow reverse routes to be. A tag
 * is set by the same route map. The route map does not change when a thousand spokes come and go. */
#ifndef CONTROL_ROUTING_TRANSLATE_H
#define CONTROL_ROUTING_TRANSLATE_H

#include "config/model.h"
#include "control/routing/lines.h"

/* -ENOMEM. `ret` is uninitialised before and empty where no `router` is configured. */
int routing_translate(const struct config *c, struct routing_lines *ret) must_check;

#endif
