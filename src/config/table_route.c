/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `ip route` and `ipv6 route`. A route is known by its destination, next hop
 * and interface: the same with another distance or name replaces it. Both families share the handlers; the
 * mask of one and the prefix length of the other become the same struct prefix. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/session.h"

/* The route that the line names; strings are borrowed from the call. */
static void route_of(struct grammar_call *call, struct config_route *ret)
{
    const struct grammar_value *destination = grammar_arg(call, "destination"),
                               *mask = grammar_arg(call, "mask");
    const struct grammar_value *hop = grammar_arg(call, "next-hop"),
                               *interface = grammar_arg(call, "interface");
    const struct grammar_value *name = grammar_arg(call, "route-name");
    *ret = (struct config_route){
        .prefix = {destination->address, mask != NULL ? mask->length : destination->length},
        .distance = (uint8_t)grammar_number(call, "distance", 1),
        .place = session_place(call, NULL),
    };
    if (hop != NULL)
        ret->next_hop = hop->address;
    ret->interface.name = interface != NULL ? (char *)interface->text : NULL;
    ret->interface.place = session_place(call, interface);
    ret->name = name != NULL ? (char *)name->text : NULL;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
    return a->length == b->length && address_equal(&a->address, &b->address);
}

static int remove_routes(struct grammar_call *call, const struct config_route *route)
{
    struct config *c = config_of(call);
    bool all = !address_is_set(&route->next_hop) && route->interface.name == NULL, found = false;
    for (uint32_t i = c->routes.count; i-- > 0;) {
        struct config_route *r = &c->routes.items[i];
        if (all ? !same_prefix(&r->prefix, &route->prefix) : compare_route(route, r) != 0)
            continue;
        config_route_done(r);
        array_remove(&c->routes, i);
        found = true;
    }
    return found ? 0 : session_error(call, NULL, "there is no such route");
}

static int apply_route(struct grammar_call *call)
{
    struct config *c = config_of(call);
    struct config_route route;
    const struct grammar_value *destination = grammar_arg(call, "destination"),
                               *hop = grammar_arg(call, "next-hop");
    const struct grammar_value *track = grammar_arg(call, "object");
    uint32_t at;
    route_of(call, &route);
    struct prefix masked = route.prefix;
    prefix_mask(&masked);
    if (!address_equal(&masked.address, &route.prefix.address)) {
        char text[PREFIX_TEXT];
        return session_error(call, destination, "%s has bits outside its mask, expected %s",
                             destination->text, prefix_print(&masked, text));
    }
    if (call_negative(call))
        return remove_routes(call, &route);
    if (track != NULL) {
        route.track = (uint16_t)track->number;
        route.track_place = session_place(call, track);
    }
    if (hop != NULL && (address_is_any(&hop->address) || address_is_multicast(&hop->address)))
        return session_error(call, hop, "%s cannot be a next hop", hop->text);
    struct config_route *slot = array_find(&c->routes, &route, compare_route, &at);
    if (slot == NULL && c->routes.count >= CONFIG_MAX_ROUTES)
        return session_limit(call, CONFIG_MAX_ROUTES, "static routes");
    char *interface = route.interface.name != NULL ? strdup(route.interface.name) : NULL;
    char *name = route.name != NULL ? strdup(route.name) : NULL;
    bool failed = (route.interface.name != NULL && interface == NULL) || (route.name != NULL && name == NULL);
    if (!failed && slot != NULL)
        config_route_done(slot);
    else if (!failed)
        slot = array_insert(&c->routes, at);
    if (failed || slot == NULL) {
        free(interface);
        free(name);
        return -ENOMEM;
    }
    *slot = route;
    slot->interface.name = interface;
    slot->name = name;
    return 0;
}

static void write_routes(struct config_writer *w, const struct config *c, const void *object)
{
    char prefix[2 * ADDRESS_TEXT + 8], mask[ADDRESS_TEXT], hop[ADDRESS_TEXT], distance[8], track[16];
    (void)object;
    for (uint32_t i = 0; i < c->routes.count; i++) {
        const struct config_route *r = &c->routes.items[i];
        bool v6 = r->prefix.address.family == ADDRESS_V6;
        struct address m = address_v4(prefix_mask_of_length(v6 ? 0 : r->prefix.length));
        const char *interface = r->interface.name != NULL ? r->interface.name : "";
        distance[0] = 0;
        if (r->distance != 1)
            snprintf(distance, sizeof(distance), " %u", r->distance);
        track[0] = 0;
        if (r->track > 0)
            snprintf(track, sizeof(track), " track %u", r->track);
        writer_line(w, "%s route %s%s%s%s%s%s%s%s%s%s%s", v6 ? "ipv6" : "ip",
                    v6 ? prefix_print(&r->prefix, prefix) : address_print(&r->prefix.address, prefix),
                    v6 ? "" : " ", v6 ? "" : address_print(&m, mask), interface[0] != 0 ? " " : "", interface,
                    address_is_set(&r->next_hop) ? " " : "",
                    address_is_set(&r->next_hop) ? address_print(&r->next_hop, hop) : "", distance,
                    r->name != NULL ? " name " : "", r->name != NULL ? r->name : "", track);
    }
    if (c->routes.count > 0)
        writer_separator(w);
}

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 4,
     .grammar =
         "ip route IPV4:destination MASK {IPV4:next-hop|INTERFACE [IPV4:next-hop]} [<1-255>:distance] [name "
         "NAME:route-name|track <1-1000>:object]...",
     .help = "IP\nA static route\nDestination\nNetwork mask\nNext hop\nInterface\nNext hop\nDistance; the "
             "lowest is used\nA "
             "name for people\nName\nOnly while a tracked object is up\nNumber of the tracked object\n",
     .standard = "distance 1",
     .apply = apply_route,
     .write = write_routes},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar =
         "ipv6 route PREFIX6:destination {IPV6:next-hop|INTERFACE [IPV6:next-hop]} [<1-254>:distance] [name "
         "NAME:route-name]",
     .help = "IPv6\nA static route\nDestination\nNext hop\nInterface\nNext hop\nDistance; the lowest is "
             "used\nA name for "
             "people\nName\n",
     .standard = "distance 1",
     .apply = apply_route},
};

const struct command_table table_route = {commands, ARRAY_SIZE(commands)};
