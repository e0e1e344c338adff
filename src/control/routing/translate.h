/* SPDX-License-Identifier: Apache-2.0 */
/* `router ospf|eigrp`, and what interfaces say about them, in FRR's words (FRR 8.4). Pure.
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

struct routing_facts {
    const char *const *virtual_devices; /* of HSRP and VRRP, with an address now: no protocol runs there */
    uint32_t virtual_count;
};

/* -ENOMEM. `ret` is uninitialised before and empty where no `router` is configured. */
int routing_translate(const struct config *c, const struct routing_facts *facts,
                      struct routing_lines *ret) must_check;

#endif
