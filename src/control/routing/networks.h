/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces take part in a routing protocol: `network`, `passive-interface`. Pure. */
#ifndef CONTROL_ROUTING_NETWORKS_H
#define CONTROL_ROUTING_NETWORKS_H

#include "config/model.h"

/* The most specific network that has the address (IPv4); NULL: none. */
const struct config_router_network *router_network_of(const struct config_router *r, const struct address *a);
bool router_is_passive(const struct config_router *r, const struct config_interface *i);
bool router_takes_part(const struct config_router *r, const struct config_interface *i);

#endif
