/* SPDX-License-Identifier: Apache-2.0 */
/* Checks on `router ospf|eigrp` and on routes that depend on tracked objects. Called by config_check. What
 * FRR cannot do is said here, where somebody reads it before the gateway runs. */
#include "config/check_router.h"

#include "config/model_find.h"

static bool network_has_interface(const struct config *c, const struct config_router_network *n)
{
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        for (uint32_t a = 0; a < c->interfaces.items[i].addresses.count; a++) {
            const struct address *address = &c->interfaces.items[i].addresses.items[a].prefix.address;
            if (address->family == ADDRESS_V4 &&
                (address_v4_get(address) & ~n->wildcard) == address_v4_get(&n->address))
                return true;
        }
    return false;
}

static void check_one(const struct config *c, const struct config_router *r, struct config_errors *errors)
{
    const char *name = r->protocol == CONFIG_ROUTER_OSPF ? "ospf" : "eigrp";
    char text[ADDRESS_TEXT];
    for (uint32_t n = 0; n < r->networks.count; n++)
        if (!network_has_interface(c, &r->networks.items[n]))
            config_errors_add(errors, CONFIG_WARNING, r->networks.items[n].place,
                              "router %s %u: network %s: no interface has an address in it", name, r->number,
                              address_print(&r->networks.items[n].address, text));
    for (uint32_t n = 0; n < r->passive.count; n++) {
        const struct config_reference *i = &r->passive.items[n].interface;
        /* Linux names may be devices that Holdfast does not configure. */
        if (i->name[0] >= 'A' && i->name[0] <= 'Z' && config_find_interface(c, i->name) == NULL)
            config_errors_add(errors, CONFIG_ERROR, i->place, "router %s %u: interface %s does not exist",
                              name, r->number, i->name);
    }
    for (uint32_t n = 0; n < r->redistribute.count; n++) {
        const struct config_redistribute *d = &r->redistribute.items[n];
        if (r->protocol == CONFIG_ROUTER_EIGRP && d->source == CONFIG_REDISTRIBUTE_OSPF)
            config_errors_add(errors, CONFIG_WARNING, d->place,
                              "router eigrp %u: what OSPF learns is not announced: this gateway is a leaf, "
                              "nothing is passed on",
                              r->number);
        else if (r->protocol == CONFIG_ROUTER_OSPF && !d->subnets)
            config_errors_add(errors, CONFIG_WARNING, d->place,
                              "router ospf %u: without 'subnets' only classful networks are redistributed",
                              r->number);
    }
}

void check_router(const struct config *c, struct config_errors *errors)
{
    for (uint32_t i = 0; i < c->routers.count; i++)
        check_one(c, &c->routers.items[i], errors);
    for (uint32_t i = 0; i < c->routes.count; i++)
        if (c->routes.items[i].track > 0 && config_find_track(c, c->routes.items[i].track) == NULL)
            config_errors_add(errors, CONFIG_ERROR, c->routes.items[i].track_place,
                              "this route depends on object %u, which does not exist",
                              c->routes.items[i].track);
}
