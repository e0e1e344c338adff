/* SPDX-License-Identifier: Apache-2.0 */
/* `show ip eigrp neighbors|interfaces|topology`. */
#include "eigrp/eigrp.h"

#include <stdio.h>

#include "control/show/internal.h"

static bool configured(struct show *s)
{
    return s->source->eigrp || show_refuse(s, "EIGRP is not configured");
}

static uint16_t number_of(const struct show *s)
{
    const struct config_router *r = config_find_router(s->source->config, CONFIG_ROUTER_EIGRP);

    return r ? r->number : 0;
}

static void address_fact(struct show *s, json_t *o, const char *key, uint32_t address)
{
    struct address a = address_v4(address);

    fact_address(s, o, key, &a);
}

/* ---- neighbors ---- */

static void neighbor_item(void *user, const struct eigrp_neighbour_view *v)
{
    struct show *s = user;
    json_t *o = json_object();
    char version[32];

    address_fact(s, o, "address", v->address);
    fact_text(s, o, "interface", v->port);
    fact_text(s, o, "state", v->up ? "up" : "pending");
    fact_number(s, o, "hold", v->hold_left);
    fact_number(s, o, "uptime", seconds_since(s, v->up_since));
    fact_number(s, o, "srtt_ms", v->srtt / NS_PER_MS);
    fact_number(s, o, "rto_ms", v->rto / NS_PER_MS);
    fact_number(s, o, "queue", v->waiting);
    fact_number(s, o, "sequence", v->last_sequence);
    fact_number(s, o, "routes", v->routes);
    snprintf(version, sizeof version, "%u.%u/%u.%u", v->os_major, v->os_minor, v->major, v->minor);
    fact_text(s, o, "version", version);
    fact_flag(s, o, "frr", v->frr);
    show_item(s, o);
}

static void neighbors_gather(struct show *s)
{
    eigrp_each_neighbour(s->source->eigrp, s->source->now, neighbor_item, s);
}

static void neighbors_head(const struct show *s, struct text *out)
{
    text_printf(out,
                "EIGRP-IPv4 Neighbors for AS(%u)\n"
                "H   Address                 Interface              Hold Uptime   SRTT   RTO  Q  Seq\n"
                "                                                   (sec)         (ms)       Cnt Num\n",
                number_of(s));
}

static void neighbors_render(const struct show *s, const json_t *o, struct text *out)
{
    char uptime[DURATION_TEXT];

    text_printf(out, "%-3u %-23s %-22s %4llu %-8s %5llu %5llu %2llu  %llu%s\n", s->items,
                text_at(o, "address"), text_at(o, "interface"), (unsigned long long)number_at(o, "hold"),
                duration_print(number_at(o, "uptime"), uptime), (unsigned long long)number_at(o, "srtt_ms"),
                (unsigned long long)number_at(o, "rto_ms"), (unsigned long long)number_at(o, "queue"),
                (unsigned long long)number_at(o, "sequence"),
                strcmp(text_at(o, "state"), "up") == 0 ? "" : " pending");
}

const struct show_subject show_eigrp_neighbors = {.list = "neighbors",
                                                  .check = configured,
                                                  .gather = neighbors_gather,
                                                  .head = neighbors_head,
                                                  .render = neighbors_render};

/* ---- interfaces ---- */

static void interface_item(void *user, const struct eigrp_port_view *v)
{
    struct show *s = user;
    json_t *o = json_object();
    char text[PREFIX_TEXT];

    fact_text(s, o, "interface", v->config.name);
    fact_text(s, o, "address", prefix_print(&v->config.address, text));
    fact_number(s, o, "peers", v->neighbours);
    fact_number(s, o, "hello", v->config.hello);
    fact_number(s, o, "hold", v->config.hold);
    show_item(s, o);
}

static void interfaces_gather(struct show *s)
{
    eigrp_each_port(s->source->eigrp, interface_item, s);
}

static void interfaces_head(const struct show *s, struct text *out)
{
    text_printf(out,
                "EIGRP-IPv4 Interfaces for AS(%u)\n"
                "Interface              Peers  Address             Hello  Hold\n",
                number_of(s));
}

static void interfaces_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "%-22s %5llu  %-18s %6llu %5llu\n", text_at(o, "interface"),
                (unsigned long long)number_at(o, "peers"), text_at(o, "address"),
                (unsigned long long)number_at(o, "hello"), (unsigned long long)number_at(o, "hold"));
}

const struct show_subject show_eigrp_interfaces = {.list = "interfaces",
                                                   .check = configured,
                                                   .gather = interfaces_gather,
                                                   .head = interfaces_head,
                                                   .render = interfaces_render};

/* ---- topology ---- */

static void path_item(void *user, const struct eigrp_path_view *v)
{
    struct show *s = user;
    const struct netlink_link *link = devices_find_index(s->source->devices, v->ifindex);
    json_t *o = json_object();
    char text[PREFIX_TEXT];

    fact_text(s, o, "destination", prefix_print(&v->destination, text));
    fact_text(s, o, "source", v->local ? v->external ? "redistributed" : "connected" : "neighbor");
    fact_flag(s, o, "external", v->external);
    fact_flag(s, o, "successor", v->best);
    fact_number(s, o, "metric", v->metric);
    fact_number(s, o, "reported", v->reported);
    fact_number(s, o, "tag", v->tag);
    if (!v->local)
        address_fact(s, o, "via", v->next_hop);
    fact_text(s, o, "device", link ? link->name : NULL);
    show_item(s, o);
}

static void topology_gather(struct show *s)
{
    eigrp_each_path(s->source->eigrp, path_item, s);
}

static void topology_head(const struct show *s, struct text *out)
{
    text_printf(out,
                "EIGRP-IPv4 Topology Table for AS(%u)\n"
                "Codes: P - Passive\n\n",
                number_of(s));
}

static void topology_render(const struct show *s, const json_t *o, struct text *out)
{
    bool local = strcmp(text_at(o, "source"), "neighbor") != 0;

    if (text_changed(s, o, "destination") || local)
        text_printf(out, "P %s, %u successors, FD is %llu\n", text_at(o, "destination"),
                    flag_at(o, "successor"), (unsigned long long)number_at(o, "metric"));
    if (local)
        text_printf(out, "        via %s, %s\n", flag_at(o, "external") ? "Redistributed" : "Connected",
                    text_at(o, "device"));
    else
        text_printf(out, "        via %s (%llu/%llu), %s%s\n", text_at(o, "via"),
                    (unsigned long long)number_at(o, "metric"), (unsigned long long)number_at(o, "reported"),
                    text_at(o, "device"), flag_at(o, "external") ? ", external" : "");
}

const struct show_subject show_eigrp_topology = {.list = "paths",
                                                 .check = configured,
                                                 .gather = topology_gather,
                                                 .head = topology_head,
                                                 .render = topology_render};
