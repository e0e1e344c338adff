/* SPDX-License-Identifier: Apache-2.0 */
/* See redistribute.h. The destinations of `ip route` stand in one list, exactly; those that reverse
 * routes may have in one list for each tag: a network that an access list allows, or a part of it. */
#include "control/routing/redistribute.h"

#include <stdio.h>

#include "control/apply/policy_build.h"

#define MAP_STATIC   "HOLDFAST-STATIC"
#define MAP_CLASSFUL "HOLDFAST-CLASSFUL"
#define LIST_REVERSE "HOLDFAST-REVERSE"

enum { LINE = 160, SEQUENCE_STATIC = 1, SEQUENCE_TAGS = 10, SEQUENCE_REVERSE = 65535 };

const char *routing_redistribute_map(const struct config_redistribute *d)
{
    if (d->source == CONFIG_REDISTRIBUTE_STATIC)
        return MAP_STATIC;
    return d->subnets ? NULL : MAP_CLASSFUL;
}

/* ---- prefix lists ---- */

static uint8_t class_length(const struct address *a)
{
    return (uint8_t)(32 - __builtin_popcount(config_classful_wildcard(a)));
}

/* `low`..`high` are the lengths of the routes that match. */
static void permit(struct routing_lines *l, const char *list, const struct prefix *p, uint8_t low,
                   uint8_t high)
{
    char line[LINE], undo[LINE + 4], text[PREFIX_TEXT], ge[8] = "", le[8] = "";

    if (low > p->length)
        snprintf(ge, sizeof ge, " ge %u", low);
    if (high > p->length)
        snprintf(le, sizeof le, " le %u", high);
    snprintf(line, sizeof line, "ip prefix-list %s permit %s%s%s", list, prefix_print(p, text), ge, le);
    snprintf(undo, sizeof undo, "no %s", line);
    routing_lines_add(l, "", line, undo);
}

static void permit_classful(struct routing_lines *l, const char *list)
{
    static const struct {
        uint32_t address;
        uint8_t length, class;
    } classes[] = {{0, 1, 8}, {0x80000000, 2, 16}, {0xc0000000, 3, 24}};

    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        struct prefix p = {address_v4(classes[i].address), classes[i].length};
        permit(l, list, &p, classes[i].class, classes[i].class);
    }
}

/* A network and its parts. */
static void permit_range(struct routing_lines *l, const char *list, const struct prefix *p, bool subnets)
{
    uint8_t class = class_length(&p->address);

    if (p->address.family != ADDRESS_V4)
        return;
    if (!subnets && p->length == 0)
        permit_classful(l, list);
    else if (!subnets && p->length <= class)
        permit(l, list, p, class, class);
    else if (subnets)
        permit(l, list, p, p->length ? p->length : 1, 32);
}

/* ---- reverse routes ---- */

/* What the routes of one entry may be. */
static void entry_ranges(const struct config *c, const struct config_crypto_map_entry *e, const char *list,
                         bool subnets, struct routing_lines *l)
{
    const struct prefix all = {address_v4(0), 0};
    const struct config_access_list *acl =
        e->access_list.name ? config_find_access_list(c, e->access_list.name) : NULL;

    for (uint32_t i = 0; acl && i < acl->entries.count; i++) {
        struct prefix p;
        if (acl->entries.items[i].action != CONFIG_ACL_PERMIT)
            continue;
        policy_destination(&acl->entries.items[i], acl->family, &p);
        permit_range(l, list, &p, subnets);
    }
    if (!acl)
        permit_range(l, list, &all, subnets);
    if (!e->reverse_route.gateway || !subnets)
        return;
    for (uint32_t i = 0; i < e->peers.count; i++) {
        struct prefix peer = {e->peers.items[i].address, 32};
        if (peer.address.family == ADDRESS_V4)
            permit(l, list, &peer, 32, 32);
    }
    if (e->peers.count == 0)
        permit(l, list, &all, 32, 32);
}

static void match(struct routing_lines *l, unsigned sequence, const char *list, uint32_t tag)
{
    char context[LINE], undo[LINE + 4], line[LINE];

    snprintf(context, sizeof context, "route-map " MAP_STATIC " permit %u", sequence);
    snprintf(undo, sizeof undo, "no %s", context);
    routing_lines_add(l, "", context, undo);
    snprintf(line, sizeof line, "match ip address prefix-list %s", list);
    routing_lines_add(l, context, line, "no match ip address prefix-list");
    if (tag == 0)
        return;
    snprintf(line, sizeof line, "set tag %u", tag);
    routing_lines_add(l, context, line, "no set tag");
}

static void maps_ranges(const struct config *c, const struct config_crypto_map *maps, uint32_t count,
                        bool subnets, unsigned *sequence, struct routing_lines *l)
{
    char list[LINE];

    for (uint32_t m = 0; m < count; m++)
        for (uint32_t i = 0; i < maps[m].entries.count; i++) {
            const struct config_crypto_map_entry *e = &maps[m].entries.items[i];
            if (!e->reverse_route.enabled)
                continue;
            snprintf(list, sizeof list, LIST_REVERSE "-%u", e->reverse_route.tag);
            if (e->reverse_route.tag && *sequence < SEQUENCE_REVERSE)
                match(l, (*sequence)++, list, e->reverse_route.tag);
            entry_ranges(c, e, e->reverse_route.tag ? list : LIST_REVERSE, subnets, l);
        }
}

static void static_add(const struct config *c, const struct config_redistribute *d, struct routing_lines *l)
{
    unsigned sequence = SEQUENCE_TAGS;

    for (uint32_t i = 0; i < c->routes.count; i++) {
        const struct prefix *p = &c->routes.items[i].prefix;
        /* The default route is for `default-information originate`. */
        if (p->address.family == ADDRESS_V4 && p->length > 0 &&
            (d->subnets || p->length == class_length(&p->address)))
            permit(l, MAP_STATIC, p, p->length, p->length);
    }
    match(l, SEQUENCE_STATIC, MAP_STATIC, 0);
    maps_ranges(c, c->crypto_maps.items, c->crypto_maps.count, d->subnets, &sequence, l);
    maps_ranges(c, c->dynamic_maps.items, c->dynamic_maps.count, d->subnets, &sequence, l);
    match(l, SEQUENCE_REVERSE, LIST_REVERSE, 0);
}

void routing_redistribute_add(const struct config *c, const struct config_router *r, struct routing_lines *l)
{
    bool classful = false;

    for (uint32_t i = 0; i < r->redistribute.count && r->protocol == CONFIG_ROUTER_OSPF; i++) {
        const struct config_redistribute *d = &r->redistribute.items[i];
        if (d->source == CONFIG_REDISTRIBUTE_STATIC)
            static_add(c, d, l);
        else
            classful = classful || !d->subnets;
    }
    if (!classful)
        return;
    permit_classful(l, MAP_CLASSFUL);
    routing_lines_add(l, "", "route-map " MAP_CLASSFUL " permit 1", "no route-map " MAP_CLASSFUL " permit 1");
    routing_lines_add(l, "route-map " MAP_CLASSFUL " permit 1", "match ip address prefix-list " MAP_CLASSFUL,
                      "no match ip address prefix-list");
}
