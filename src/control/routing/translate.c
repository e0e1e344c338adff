/* SPDX-License-Identifier: Apache-2.0 */
/* See translate.h. */
#include "control/routing/translate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "control/routing/networks.h"
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
    if (router_takes_part(r, i) && router_is_passive(r, i))
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
                address->family == ADDRESS_V4 ? router_network_of(r, address) : NULL;
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

int routing_translate(const struct config *c, struct routing_lines *ret)
{
    *ret = (struct routing_lines){0};
    for (uint32_t i = 0; i < c->routers.count; i++) {
        const struct config_router *r = &c->routers.items[i];
        if (r->protocol != CONFIG_ROUTER_OSPF)
            continue;
        routing_redistribute_add(c, r, ret);
        ospf_translate(c, r, ret);
    }
    routing_lines_unique(ret);
    if (!ret->failed)
        return 0;
    routing_lines_done(ret);
    return -ENOMEM;
}
