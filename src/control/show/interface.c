/* SPDX-License-Identifier: Apache-2.0 */
/* `show interfaces`, `show ip interface brief` and `show ip route`: the configured interfaces with what the
 * kernel says of their devices, and the kernel's routes. */
#include <stdio.h>
#include <stdlib.h>

#include "config/interface_name.h"
#include "control/routing/distance.h"
#include "control/routing/eigrp.h"
#include "control/routing/reverse_routes.h"
#include "control/show/internal.h"
#include "eigrp/eigrp.h"

static bool device_of(const struct show *s, const struct config_interface *i, struct netlink_link *ret)
{
    char name[CONFIG_MAX_DEVICE + 1];

    if (!interface_device(i, name))
        return false;
    const struct netlink_link *link = devices_find(s->source->devices, name);
    return link && s->source->link(s->source->context, link->ifindex, ret);
}

static void address_facts(struct show *s, json_t *o, const struct config_interface *i)
{
    json_t *addresses = json_array();
    char text[PREFIX_TEXT];

    for (uint32_t k = 0; k < i->addresses.count; k++) {
        json_t *a = json_object();
        fact_text(s, a, "address", prefix_print(&i->addresses.items[k].prefix, text));
        fact_number(s, a, "family", i->addresses.items[k].prefix.address.family);
        fact_flag(s, a, "secondary", i->addresses.items[k].secondary);
        fact_append(s, addresses, a);
    }
    fact_value(s, o, "addresses", addresses);
}

static void counter_facts(struct show *s, json_t *o, const struct netlink_link *l)
{
    json_t *c = json_object();

    fact_number(s, c, "packets_in", l->statistics.packets_in);
    fact_number(s, c, "bytes_in", l->statistics.bytes_in);
    fact_number(s, c, "multicast_in", l->statistics.multicast_in);
    fact_number(s, c, "errors_in", l->statistics.errors_in);
    fact_number(s, c, "drops_in", l->statistics.drops_in);
    fact_number(s, c, "crc_errors", l->statistics.crc_errors);
    fact_number(s, c, "frame_errors", l->statistics.frame_errors);
    fact_number(s, c, "fifo_errors", l->statistics.fifo_errors);
    fact_number(s, c, "packets_out", l->statistics.packets_out);
    fact_number(s, c, "bytes_out", l->statistics.bytes_out);
    fact_number(s, c, "errors_out", l->statistics.errors_out);
    fact_number(s, c, "drops_out", l->statistics.drops_out);
    fact_number(s, c, "collisions", l->statistics.collisions);
    fact_number(s, c, "carrier_errors", l->statistics.carrier_errors);
    fact_value(s, o, "counters", c);
}

static json_t *interface_facts(struct show *s, const struct config_interface *i)
{
    char name[CONFIG_MAX_DEVICE + 1], mac[16] = "";
    struct netlink_link link = {0};
    bool found = device_of(s, i, &link);
    json_t *o = json_object();

    fact_text(s, o, "name", i->name);
    fact_text(s, o, "device", interface_device(i, name) ? name : NULL);
    fact_flag(s, o, "device_present", found);
    fact_text(s, o, "status", i->shutdown ? "administratively down" : found && link.up ? "up" : "down");
    fact_text(s, o, "protocol", found && link.up && link.carrier && !i->shutdown ? "up" : "down");
    fact_text(s, o, "hardware",
              !found          ? NULL
              : link.kind[0]  ? link.kind
              : link.loopback ? "Loopback"
                              : "Ethernet");
    if (found && link.has_mac)
        snprintf(mac, sizeof mac, "%02x%02x.%02x%02x.%02x%02x", link.mac[0], link.mac[1], link.mac[2],
                 link.mac[3], link.mac[4], link.mac[5]);
    fact_text(s, o, "mac", mac[0] ? mac : NULL);
    fact_text(s, o, "description", i->description);
    address_facts(s, o, i);
    fact_text(s, o, "crypto_map", i->crypto_map.name);
    if (found) {
        fact_number(s, o, "mtu", link.mtu);
        counter_facts(s, o, &link);
    }
    return o;
}

static int compare_interfaces(const void *a, const void *b)
{
    return interface_name_compare((*(const struct config_interface *const *)a)->name,
                                  (*(const struct config_interface *const *)b)->name);
}

static void interfaces_gather(struct show *s)
{
    const struct grammar_value *where = grammar_arg(s->call, "where");
    const struct config *c = s->source->config;
    const struct config_interface **sorted = reallocarray(NULL, MAX(c->interfaces.count, 1u), sizeof(void *));

    if (!sorted) {
        s->failed = true;
        return;
    }
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        sorted[i] = &c->interfaces.items[i];
    qsort(sorted, c->interfaces.count, sizeof *sorted, compare_interfaces);
    for (uint32_t i = 0; i < c->interfaces.count && !s->failed; i++)
        if (!where || strcmp(where->text, sorted[i]->name) == 0)
            show_item(s, interface_facts(s, sorted[i]));
    free(sorted);
}

static unsigned long long counter(const json_t *o, const char *key)
{
    return number_at(at(o, "counters"), key);
}

static void print_addresses(const json_t *o, struct text *out)
{
    size_t i;
    json_t *a;

    json_array_foreach(at(o, "addresses"), i, a) text_printf(out, "  %s address is %s\n",
                                                             number_at(a, "family") == ADDRESS_V6 ? "IPv6"
                                                             : flag_at(a, "secondary") ? "Secondary"
                                                                                       : "Internet",
                                                             text_at(a, "address"));
}

static void print_counters(const json_t *o, struct text *out)
{
    text_printf(out, "     %llu packets input, %llu bytes\n     Received %llu multicasts\n",
                counter(o, "packets_in"), counter(o, "bytes_in"), counter(o, "multicast_in"));
    text_printf(out, "     %llu input errors, %llu CRC, %llu frame, %llu overrun, %llu ignored\n",
                counter(o, "errors_in"), counter(o, "crc_errors"), counter(o, "frame_errors"),
                counter(o, "fifo_errors"), counter(o, "drops_in"));
    text_printf(out, "     %llu packets output, %llu bytes, %llu dropped\n", counter(o, "packets_out"),
                counter(o, "bytes_out"), counter(o, "drops_out"));
    text_printf(out, "     %llu output errors, %llu collisions, %llu lost carrier\n",
                counter(o, "errors_out"), counter(o, "collisions"), counter(o, "carrier_errors"));
}

static void interfaces_render(const struct show *s, const json_t *o, struct text *out)
{
    const char *mac = text_at(o, "mac");

    (void)s;
    text_printf(out, "%s is %s, line protocol is %s\n", text_at(o, "name"), text_at(o, "status"),
                text_at(o, "protocol"));
    if (!flag_at(o, "device_present")) {
        text_printf(out, "  There is no device %s\n", text_at(o, "device"));
    } else {
        text_printf(out, "  Hardware is %s, device is %s", text_at(o, "hardware"), text_at(o, "device"));
        text_printf(out, *mac ? ", address is %s\n" : "\n%s", mac);
    }
    if (known_at(o, "description"))
        text_printf(out, "  Description: %s\n", text_at(o, "description"));
    print_addresses(o, out);
    if (known_at(o, "crypto_map"))
        text_printf(out, "  Crypto map is %s\n", text_at(o, "crypto_map"));
    if (!flag_at(o, "device_present"))
        return;
    text_printf(out, "  MTU %llu bytes\n", (unsigned long long)number_at(o, "mtu"));
    print_counters(o, out);
}

const struct show_subject show_interfaces = {.list = "interfaces",
                                             .check = show_check_interface,
                                             .gather = interfaces_gather,
                                             .render = interfaces_render};

/* ---- show ip interface brief: the same facts, one line each ---- */

static void brief_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "Interface                  IP-Address      OK? Method Status                Protocol\n");
}

static void brief_render(const struct show *s, const json_t *o, struct text *out)
{
    const json_t *first = json_array_get(at(o, "addresses"), 0);
    char address[PREFIX_TEXT] = "unassigned";
    bool has = first && number_at(first, "family") == ADDRESS_V4;

    (void)s;
    if (has) {
        snprintf(address, sizeof address, "%s", text_at(first, "address"));
        address[strcspn(address, "/")] = 0;
    }
    text_printf(out, "%-26s %-15s YES %-6s %-21s %s\n", text_at(o, "name"), address, has ? "manual" : "unset",
                text_at(o, "status"), text_at(o, "protocol"));
}

const struct show_subject show_interface_brief = {
    .list = "interfaces", .gather = interfaces_gather, .head = brief_head, .render = brief_render};

/* ---- show ip route ---- */

struct route_list {
    struct netlink_route *routes;
    uint32_t count, capacity;
    bool failed;
};

static void route_take(void *user, const struct netlink_route *r)
{
    struct route_list *l = user;
    bool shown = r->type == NETLINK_ROUTE_UNICAST || r->type == NETLINK_ROUTE_BLACKHOLE ||
                 r->type == NETLINK_ROUTE_UNREACHABLE || r->type == NETLINK_ROUTE_PROHIBIT;

    if (l->failed || !shown || r->destination.address.family != ADDRESS_V4)
        return;
    if (l->count == l->capacity) {
        uint32_t capacity = l->capacity ? 2 * l->capacity : 64;
        struct netlink_route *routes = reallocarray(l->routes, capacity, sizeof *routes);
        if (!routes) {
            l->failed = true;
            return;
        }
        l->routes = routes;
        l->capacity = capacity;
    }
    l->routes[l->count++] = *r;
}

static int compare_routes(const void *a, const void *b)
{
    const struct netlink_route *x = a, *y = b;
    int r = address_compare(&x->destination.address, &y->destination.address);

    if (r == 0)
        r = (x->destination.length > y->destination.length) - (x->destination.length < y->destination.length);
    if (r == 0)
        r = (x->metric > y->metric) - (x->metric < y->metric);
    return r ? r : address_compare(&x->gateway, &y->gateway);
}

/* The numbers of rtnetlink's RTPROT_*. */
static const char *route_code(const struct netlink_route *r)
{
    switch (r->protocol) {
    case 2: /* kernel */
        return "C";
    case 186: /* bgp */
        return "B";
    case 188: /* ospf */
        return "O";
    case 189: /* rip */
        return "R";
    case EIGRP_KERNEL_PROTOCOL:
        return distance_of_metric(r->metric) == EIGRP_DISTANCE_EXTERNAL ? "D EX" : "D";
    case 4: /* boot */
    case 3:
    case 196: /* static, of a routing daemon */
    case NETLINK_PROTOCOL_HOLDFAST:
    case REVERSE_ROUTE_PROTOCOL:
        return "S";
    default:
        return address_is_set(&r->gateway) ? "K" : "C";
    }
}

/* Of what a routing daemon made, the distance that FRR gives it by itself; the kernel knows none. */
static uint32_t route_distance(const struct netlink_route *r)
{
    switch (r->protocol) {
    case 186:
        return 20;
    case 188:
        return 110;
    case 189:
        return 120;
    default:
        return distance_of_metric(r->metric);
    }
}

/* The configuration's name of a device; its Linux name where it has none. */
static const char *interface_of(const struct show *s, uint32_t ifindex)
{
    const struct config *c = s->source->config;
    const struct netlink_link *link = devices_find_index(s->source->devices, ifindex);
    char name[CONFIG_MAX_DEVICE + 1];

    for (uint32_t i = 0; link && i < c->interfaces.count; i++)
        if (interface_device(&c->interfaces.items[i], name) && strcmp(name, link->name) == 0)
            return c->interfaces.items[i].name;
    return link ? link->name : NULL;
}

static json_t *route_facts(struct show *s, const struct netlink_route *r)
{
    static const char *const types[] = {[NETLINK_ROUTE_UNICAST] = "unicast",
                                        [NETLINK_ROUTE_BLACKHOLE] = "blackhole",
                                        [NETLINK_ROUTE_UNREACHABLE] = "unreachable",
                                        [NETLINK_ROUTE_PROHIBIT] = "prohibit"};
    char text[PREFIX_TEXT];
    json_t *o = json_object();

    fact_text(s, o, "code", route_code(r));
    fact_text(s, o, "prefix", prefix_print(&r->destination, text));
    fact_text(s, o, "type", types[r->type]);
    fact_address(s, o, "next_hop", &r->gateway);
    fact_text(s, o, "interface", interface_of(s, r->ifindex));
    fact_number(s, o, "distance", route_distance(r));
    fact_number(s, o, "metric", r->metric);
    return o;
}

static void route_gather(struct show *s)
{
    struct route_list l = {0};
    int error = s->source->routes(s->source->context, route_take, &l);

    s->failed |= l.failed || error == -12; /* ENOMEM */
    if (l.count)
        qsort(l.routes, l.count, sizeof *l.routes, compare_routes);
    for (uint32_t i = 0; i < l.count && !s->failed; i++)
        show_item(s, route_facts(s, &l.routes[i]));
    free(l.routes);
}

static void route_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out,
             "Codes: C - connected, S - static, R - RIP, B - BGP, D - EIGRP, EX - EIGRP external, O - OSPF,\n"
             "       K - other\n\n");
}

static void route_render(const struct show *s, const json_t *o, struct text *out)
{
    const char *type = text_at(o, "type");

    (void)s;
    text_printf(out, "%-5s%s", text_at(o, "code"), text_at(o, "prefix"));
    if (strcmp(type, "unicast") != 0)
        text_printf(out, " is %s\n", type);
    else if (!known_at(o, "next_hop"))
        text_printf(out, " is directly connected, %s\n", text_at(o, "interface"));
    else
        text_printf(out, " [%llu/0] via %s, %s\n", (unsigned long long)number_at(o, "distance"),
                    text_at(o, "next_hop"), text_at(o, "interface"));
}

const struct show_subject show_ip_route = {.list = "routes",
                                           .none = "No routes\n",
                                           .gather = route_gather,
                                           .head = route_head,
                                           .render = route_render};
