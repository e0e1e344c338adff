/* SPDX-License-Identifier: Apache-2.0 */
/* See networks.h. */
#include "control/routing/networks.h"

const struct config_router_network *router_network_of(const struct config_router *r, const struct address *a)
{
    const struct config_router_network *best = NULL;

    for (uint32_t i = 0; i < r->networks.count; i++) {
        const struct config_router_network *n = &r->networks.items[i];
        if ((address_v4_get(a) & ~n->wildcard) != address_v4_get(&n->address))
            continue;
        if (!best || __builtin_popcount(n->wildcard) < __builtin_popcount(best->wildcard))
            best = n;
    }
    return best;
}

bool router_is_passive(const struct config_router *r, const struct config_interface *i)
{
    for (uint32_t n = 0; n < r->passive.count; n++)
        if (strcmp(r->passive.items[n].interface.name, i->name) == 0)
            return !r->passive.items[n].active;
    return r->passive_default;
}

bool router_takes_part(const struct config_router *r, const struct config_interface *i)
{
    for (uint32_t a = 0; a < i->addresses.count; a++)
        if (i->addresses.items[a].prefix.address.family == ADDRESS_V4 &&
            router_network_of(r, &i->addresses.items[a].prefix.address))
            return true;
    return false;
}
