/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix lists and route maps behind `redistribute` of OSPF; see translate.h. Internal to it. */
#ifndef CONTROL_ROUTING_REDISTRIBUTE_H
#define CONTROL_ROUTING_REDISTRIBUTE_H

#include "config/model.h"
#include "control/routing/lines.h"

/* The route map that a `redistribute` of OSPF goes through; NULL: none. */
const char *routing_redistribute_map(const struct config_redistribute *d);
/* Every list and map that the process needs. */
void routing_redistribute_add(const struct config *c, const struct config_router *r, struct routing_lines *l);

#endif
