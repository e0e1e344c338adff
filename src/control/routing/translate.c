/* SPDX-License-Identifier: Apache-2.0 */
/* See translate.h. */
#include "control/routing/translate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "control/routing/redistribute.h"

enum { LINE = 256 };

static void add(struct routing_lines *l, const char *context, const char *undo, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add(struct routing_lines *l, const char *context, const char *undo, const char *format, ...)
{
    char line[LINE];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    routing_lines_add(l, context, line, undo);
}

/* A line that is taken back by `no` and itself. */
static void add_whole(struct routing_lines *l, const char *context, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_whole(struct routing_lines *l, const char *context, const char *format, ...)
{
    char line[LINE], undo[LINE + 4];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(undo, sizeof undo, "no %s", line);
    routing_lines_add(l, context, line, undo);
}

/* ---- which interfaces take part ---- */

/* The most specific network that has the address; NULL: none. */
static const struct config_router_network *network_of(const struct config_router *r, const struct address *a)
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

static bool is_passive(const struct config_router *r, const struct config_interface *i)
{
    for (uint32_t n = 0; n < r->passive.count; n++)
        if (strcmp(r->passive.items[n].interface.name, i->name) == 0)
            return !r->passive.items[n].active;
    return r->passive_default;
}

static bool takes_part(const struct config_router *r, const struct config_interface *i)
{
    for (uint32_t a = 0; a < i->addresses.count; a++)
        if (i->addresses.items[a].prefix.address.family == ADDRESS_V4 &&
            network_of(r, &i->addresses.items[a].prefix.address))
            return true;
    return false;
}

/* ---- OSPF ---- */

static void ospf_interface(const struct config_router *r, const struct config_interface *i,
                           struct routing_lines *l)
{
    static const char *const kinds[] = {[CONFIG_OSPF_BROADCAST] = "broadcast",
                                        [CONFIG_OSPF_POINT_TO_POINT] = "point-to-point",
                                        [CONFIG_OSPF_POINT_TO_MULTIPOINT] = "point-to-multipoint",
                                        [CONFIG_OSPF_NON_BROADCAST] = "non-broadcast"};
    const struct config_ospf_interface *o = &i->ospf;
    char device[CONFIG_MAX_DEVICE + 1], context[LINE];

    if (!interface_device(i, device))
        return;
    snprintf(context, sizeof context, "interface %s", device);
    if (o->network != CONFIG_OSPF_NETWORK_DEFAULT)
        add(l, context, "no ip ospf network", "ip ospf network %s", kinds[o->network]);
    if (o->hello)
        add(l, context, "no ip ospf hello-interval", "ip ospf hello-interval %u", o->hello);
    if (o->dead)
        add(l, context, "no ip ospf dead-interval", "ip ospf dead-interval %u", o->dead);
    if (o->dead_multiplier)
        add(l, context, "no ip ospf dead-interval", "ip ospf dead-interval minimal hello-multiplier %u",
            o->dead_multiplier);
    if (o->cost)
        add(l, context, "no ip ospf cost", "ip ospf cost %u", o->cost);
    if (o->priority_written)
        add(l, context, "no ip ospf priority", "ip ospf priority %u", o->priority);
    if (o->mtu_ignore)
        add_whole(l, context, "ip ospf mtu-ignore");
    if (takes_part(r, i) && is_passive(r, i))
        add_whole(l, context, "ip ospf passive");
}

static void ospf_networks(const struct config *c, const struct config_router *r, struct routing_lines *l)
{
    char text[ADDRESS_TEXT];

    for (uint32_t i = 0; i < c->interfaces.count; i++) {
        const struct config_interface *f = &c->interfaces.items[i];
        for (uint32_t a = 0; a < f->addresses.count; a++) {
            const struct address *address = &f->addresses.items[a].prefix.address;
            const struct config_router_network *n =
                address->family == ADDRESS_V4 ? network_of(r, address) : NULL;
            if (n)
                add_whole(l, "router ospf", "network %s/32 area %u", address_print(address, text), n->area);
        }
    }
}

static void ospf_redistribute(const struct config_router *r, struct routing_lines *l)
{
    static const char *const sources[] = {[CONFIG_REDISTRIBUTE_CONNECTED] = "connected",
                                          [CONFIG_REDISTRIBUTE_STATIC] = "kernel",
                                          [CONFIG_REDISTRIBUTE_OSPF] = "ospf",
                                          [CONFIG_REDISTRIBUTE_EIGRP] = "eigrp"};
    char undo[LINE], metric[24] = "", type[24] = "";

    for (uint32_t i = 0; i < r->redistribute.count; i++) {
        const struct config_redistribute *d = &r->redistribute.items[i];
        const char *map = routing_redistribute_map(d);
        metric[0] = type[0] = 0;
        if (d->metric_written)
            snprintf(metric, sizeof metric, " metric %u", d->metric[0]);
        if (d->metric_type)
            snprintf(type, sizeof type, " metric-type %u", d->metric_type);
        snprintf(undo, sizeof undo, "no redistribute %s", sources[d->source]);
        add(l, "router ospf", undo, "redistribute %s%s%s%s%s", sources[d->source], metric, type,
            map ? " route-map " : "", map ? map : "");
    }
}

static void ospf_translate(const struct config *c, const struct config_router *r, struct routing_lines *l)
{
    char text[ADDRESS_TEXT], metric[24] = "", type[24] = "";

    for (uint32_t i = 0; i < c->interfaces.count; i++)
        ospf_interface(r, &c->interfaces.items[i], l);
    add_whole(l, "", "router ospf");
    if (address_is_set(&r->router_id))
        add(l, "router ospf", "no ospf router-id", "ospf router-id %s", address_print(&r->router_id, text));
    if (r->log_adjacency)
        add(l, "router ospf", "no log-adjacency-changes", "log-adjacency-changes%s",
            r->log_adjacency_detail ? " detail" : "");
    if (r->reference_bandwidth)
        add(l, "router ospf", "no auto-cost reference-bandwidth", "auto-cost reference-bandwidth %u",
            r->reference_bandwidth);
    if (r->spf_maximum)
        add(l, "router ospf", "no timers throttle spf", "timers throttle spf %u %u %u", r->spf_delay,
            r->spf_hold, r->spf_maximum);
    if (r->distance)
        add_whole(l, "router ospf", "distance %u", r->distance);
    if (r->maximum_paths)
        add(l, "router ospf", "no maximum-paths", "maximum-paths %u", r->maximum_paths);
    ospf_networks(c, r, l);
    ospf_redistribute(r, l);
    if (r->default_metric_written)
        snprintf(metric, sizeof metric, " metric %u", r->default_metric);
    if (r->default_metric_type)
        snprintf(type, sizeof type, " metric-type %u", r->default_metric_type);
    if (r->default_information)
        add(l, "router ospf", "no default-information originate", "default-information originate%s%s%s",
            r->default_always ? " always" : "", metric, type);
}

/* ---- EIGRP ---- */

/* eigrpd takes a network only if it holds the whole network of an interface. */
static void eigrp_networks(const struct config_router *r, const struct config_interface *i,
                           const char *context, struct routing_lines *l)
{
    char text[PREFIX_TEXT];

    for (uint32_t a = 0; a < i->addresses.count; a++) {
        struct prefix p = i->addresses.items[a].prefix;
        if (p.address.family != ADDRESS_V4 || !network_of(r, &p.address))
            continue;
        prefix_mask(&p);
        add_whole(l, context, "network %s", prefix_print(&p, text));
    }
}

static void eigrp_interface(const struct config_router *r, const struct config_interface *i,
                            const char *context, struct routing_lines *l)
{
    char device[CONFIG_MAX_DEVICE + 1], interface[LINE];

    if (!interface_device(i, device) || !takes_part(r, i))
        return;
    snprintf(interface, sizeof interface, "interface %s", device);
    if (is_passive(r, i))
        add_whole(l, context, "passive-interface %s", device);
    for (uint32_t n = 0; n < i->eigrp.count; n++) {
        const struct config_eigrp_interface *e = &i->eigrp.items[n];
        if (e->process == r->number && e->hello)
            add(l, interface, "no ip hello-interval eigrp", "ip hello-interval eigrp %u", e->hello);
        if (e->process == r->number && e->hold)
            add(l, interface, "no ip hold-time eigrp", "ip hold-time eigrp %u", e->hold);
    }
}

static void eigrp_redistribute(const struct config_router *r, const char *context, struct routing_lines *l)
{
    static const char *const sources[] = {[CONFIG_REDISTRIBUTE_CONNECTED] = "connected",
                                          [CONFIG_REDISTRIBUTE_STATIC] = "kernel",
                                          [CONFIG_REDISTRIBUTE_OSPF] = "ospf",
                                          [CONFIG_REDISTRIBUTE_EIGRP] = "eigrp"};
    char undo[LINE], metric[LINE] = "";

    for (uint32_t i = 0; i < r->redistribute.count; i++) {
        const struct config_redistribute *d = &r->redistribute.items[i];
        snprintf(undo, sizeof undo, "no redistribute %s", sources[d->source]);
        metric[0] = 0;
        if (d->metric_written)
            snprintf(metric, sizeof metric, " metric %u %u %u %u %u", d->metric[0], d->metric[1],
                     d->metric[2], d->metric[3], d->metric[4]);
        add(l, context, undo, "redistribute %s%s", sources[d->source], metric);
    }
}

static void eigrp_translate(const struct config *c, const struct config_router *r,
                            const struct routing_facts *facts, struct routing_lines *l)
{
    char context[LINE], text[ADDRESS_TEXT];

    snprintf(context, sizeof context, "router eigrp %u", r->number);
    add_whole(l, "", "%s", context);
    if (address_is_set(&r->router_id))
        add(l, context, "no eigrp router-id", "eigrp router-id %s", address_print(&r->router_id, text));
    if (r->maximum_paths)
        add(l, context, "no maximum-paths", "maximum-paths %u", r->maximum_paths);
    if (r->variance)
        add(l, context, "no variance", "variance %u", r->variance);
    eigrp_redistribute(r, context, l);
    /* eigrpd knows a device once a network holds it, and a virtual one only while that has its address. It
     * crashes (8.4.4) when a network comes while there are neighbours: those without any come first. */
    for (int passive = 1; passive >= 0; passive--)
        for (uint32_t i = 0; i < c->interfaces.count; i++)
            if (is_passive(r, &c->interfaces.items[i]) == passive)
                eigrp_networks(r, &c->interfaces.items[i], context, l);
    for (uint32_t i = 0; i < facts->virtual_count; i++) {
        char line[LINE];
        snprintf(line, sizeof line, "passive-interface %s", facts->virtual_devices[i]);
        routing_lines_add(l, context, line, "");
    }
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        eigrp_interface(r, &c->interfaces.items[i], context, l);
}

int routing_translate(const struct config *c, const struct routing_facts *facts, struct routing_lines *ret)
{
    *ret = (struct routing_lines){0};
    for (uint32_t i = 0; i < c->routers.count; i++) {
        const struct config_router *r = &c->routers.items[i];
        routing_redistribute_add(c, r, ret);
        if (r->protocol == CONFIG_ROUTER_OSPF)
            ospf_translate(c, r, ret);
        else
            eigrp_translate(c, r, facts, ret);
    }
    routing_lines_unique(ret);
    if (!ret->failed)
        return 0;
    routing_lines_done(ret);
    return -ENOMEM;
}
