/* SPDX-License-Identifier: Apache-2.0 */
/* Building a lab's network and breaking it; see fabric.h. */
#include "lab/fabric.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "lab/netlink.h"
#include "lab/netns.h"

void fabric_port(unsigned link, unsigned end, char name[SCENARIO_DEVICE])
{
    snprintf(name, SCENARIO_DEVICE, "p%ue%u", link % 1000, end % 1000);
}

static void fabric_bridge(unsigned link, char name[SCENARIO_DEVICE])
{
    snprintf(name, SCENARIO_DEVICE, "br%u", link % 1000);
}

void fabric_namespace(const char *lab, const char *node, char name[2 * SCRIPT_NAME])
{
    snprintf(name, (size_t)2 * SCRIPT_NAME, "%s.%s", lab, node);
}

/* Notes what failed unless rc is 0; returns rc. */
__attribute__((format(printf, 3, 4))) static int noted(struct fabric *f, int rc, const char *format, ...)
{
    char what[FABRIC_ERROR - 64];
    if (rc == 0)
        return 0;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(f->error, sizeof f->error, "%s: %s", what, strerror(-rc));
    return rc;
}

static int namespace_sysctls(struct fabric *f, int netns, const struct node *n)
{
    static const struct {
        const char *key, *value;
    } everywhere[] =
        {
            {"net.ipv4.conf.all.rp_filter", "0"},
            {"net.ipv4.conf.default.rp_filter", "0"},
            {"net.ipv6.conf.default.accept_dad", "0"},
            {"net.ipv6.conf.default.accept_ra", "0"},
            {"net.ipv6.conf.default.router_solicitations", "0"},
        },
      forwarding[] = {{"net.ipv4.ip_forward", "1"}, {"net.ipv6.conf.all.forwarding", "1"}},
      fabric[] = {{"net.ipv6.conf.all.disable_ipv6", "1"}, {"net.ipv6.conf.default.disable_ipv6", "1"}};
    int previous;
    int rc =
        noted(f, netns_enter(netns, &previous), "entering the namespace of %s", n ? n->name : "the fabric");
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(everywhere); i++) {
        rc = noted(f, sysctl_write(everywhere[i].key, everywhere[i].value), "%s", everywhere[i].key);
        if (rc == -ENOENT)
            rc = 0; /* a kernel without IPv6 */
    }
    for (size_t i = 0;
         rc == 0 && n && n->kind != NODE_HOST && n->kind != NODE_FARM && i < ARRAY_SIZE(forwarding); i++) {
        rc = noted(f, sysctl_write(forwarding[i].key, forwarding[i].value), "%s", forwarding[i].key);
        if (rc == -ENOENT)
            rc = 0;
    }
    for (size_t i = 0; rc == 0 && !n && i < ARRAY_SIZE(fabric); i++) {
        rc = noted(f, sysctl_write(fabric[i].key, fabric[i].value), "%s", fabric[i].key);
        if (rc == -ENOENT)
            rc = 0;
    }
    for (unsigned i = 0; rc == 0 && n && i < n->sysctl_count; i++)
        rc = noted(f, sysctl_write(n->sysctls[i].key, n->sysctls[i].value), "%s: sysctl %s", n->name,
                   n->sysctls[i].key);
    /* Absent without br_netfilter; with it, the machine's firewall must not see the wires. */
    if (!n && rc == 0 && sysctl_write("net.bridge.bridge-nf-call-iptables", "0") == 0)
        rc = noted(f, sysctl_write("net.bridge.bridge-nf-call-ip6tables", "0"), "bridge-nf-call-ip6tables");
    netns_leave(previous);
    return rc;
}

static int namespaces_make(struct fabric *f)
{
    char name[2 * SCRIPT_NAME];
    fabric_namespace(f->lab, "fabric", name);
    int rc = noted(f, netns_create(name, &f->fabric_ns), "namespace %s", name);
    if (rc == 0)
        rc = namespace_sysctls(f, f->fabric_ns, NULL);
    for (unsigned i = 0; rc == 0 && i < f->scenario->node_count; i++) {
        fabric_namespace(f->lab, f->scenario->nodes[i].name, name);
        rc = noted(f, netns_create(name, &f->node_ns[i]), "namespace %s", name);
        if (rc == 0)
            rc = namespace_sysctls(f, f->node_ns[i], &f->scenario->nodes[i]);
    }
    return rc;
}

static int link_make(struct fabric *f, unsigned index)
{
    const struct lab_link *l = &f->scenario->links[index];
    char bridge[SCENARIO_DEVICE], port[SCENARIO_DEVICE];
    fabric_bridge(index, bridge);
    int rc = noted(f, netlink_add_bridge(f->netlink, bridge, l->mtu), "link %s: bridge", l->name);
    for (unsigned e = 0; rc == 0 && e < l->end_count; e++) {
        const struct link_end *end = &l->ends[e];
        fabric_port(index, e, port);
        rc = netlink_add_veth(f->netlink, port, end->device, f->node_ns[end->node], l->mtu);
        if (rc == 0)
            rc = netlink_set_bridge(f->netlink, port, bridge);
        if (rc == 0)
            rc = netlink_set_up(f->netlink, port, true);
        noted(f, rc, "link %s: device %s of %s", l->name, end->device, f->scenario->nodes[end->node].name);
    }
    return rc;
}

/* Hosts and routers get what the topology says; a gateway's devices are for its holdfastd to bring up. */
static int node_configure(struct fabric *f, unsigned index)
{
    const struct node *n = &f->scenario->nodes[index];
    struct nl_sock *nl;
    int rc = noted(f, netlink_open(f->node_ns[index], &nl), "%s: netlink", n->name);
    if (rc < 0)
        return rc;
    rc = noted(f, netlink_set_up(nl, "lo", true), "%s: lo up", n->name);
    for (unsigned i = 0; i < f->scenario->link_count && n->kind != NODE_GATEWAY; i++) {
        const struct lab_link *l = &f->scenario->links[i];
        for (unsigned e = 0; rc == 0 && e < l->end_count; e++) {
            if (l->ends[e].node == index)
                rc = noted(f, netlink_set_up(nl, l->ends[e].device, true), "%s: %s up", n->name,
                           l->ends[e].device);
        }
    }
    for (unsigned i = 0; rc == 0 && i < n->address_count; i++) {
        char text[PREFIX_TEXT];
        rc = noted(f, netlink_add_address(nl, n->addresses[i].device, &n->addresses[i].prefix),
                   "%s: address %s on %s", n->name, prefix_print(&n->addresses[i].prefix, text),
                   n->addresses[i].device);
    }
    for (unsigned i = 0; rc == 0 && i < n->route_count; i++) {
        char text[PREFIX_TEXT], via[ADDRESS_TEXT];
        const struct node_route *r = &n->routes[i];
        rc = noted(f, netlink_add_route(nl, &r->destination, &r->via, r->metric), "%s: route %s via %s",
                   n->name, prefix_print(&r->destination, text), address_print(&r->via, via));
    }
    netlink_close(nl);
    return rc;
}

void fabric_init(struct fabric *f, const struct scenario *s, const char *lab)
{
    *f = (struct fabric){.scenario = s, .fabric_ns = -1};
    snprintf(f->lab, sizeof f->lab, "%s", lab);
    for (unsigned i = 0; i < SCENARIO_NODES; i++)
        f->node_ns[i] = -1;
}

int fabric_build(struct fabric *f, const struct scenario *s, const char *lab)
{
    fabric_init(f, s, lab);
    int rc = namespaces_make(f);
    if (rc == 0)
        rc = noted(f, netlink_open(f->fabric_ns, &f->netlink), "netlink of the fabric");
    for (unsigned i = 0; rc == 0 && i < s->link_count; i++)
        rc = link_make(f, i);
    for (unsigned i = 0; rc == 0 && i < s->node_count; i++)
        rc = node_configure(f, i);
    return rc;
}

int fabric_open(struct fabric *f, const struct scenario *s, const char *lab)
{
    char name[2 * SCRIPT_NAME];
    fabric_init(f, s, lab);
    fabric_namespace(lab, "fabric", name);
    f->fabric_ns = netns_open(name);
    if (f->fabric_ns < 0)
        return noted(f, f->fabric_ns, "namespace %s", name);
    for (unsigned i = 0; i < s->node_count; i++) {
        fabric_namespace(lab, s->nodes[i].name, name);
        f->node_ns[i] = netns_open(name);
        if (f->node_ns[i] < 0)
            return noted(f, f->node_ns[i], "namespace %s", name);
    }
    return noted(f, netlink_open(f->fabric_ns, &f->netlink), "netlink of the fabric");
}

void fabric_done(struct fabric *f)
{
    netlink_close(f->netlink);
    f->netlink = NULL;
    if (f->fabric_ns >= 0)
        close(f->fabric_ns);
    f->fabric_ns = -1;
    for (unsigned i = 0; i < SCENARIO_NODES; i++) {
        if (f->node_ns[i] >= 0)
            close(f->node_ns[i]);
        f->node_ns[i] = -1;
    }
}

static int ports_up(struct fabric *f, unsigned link, int end, bool up)
{
    const struct lab_link *l = &f->scenario->links[link];
    int rc = 0;
    for (unsigned e = 0; rc == 0 && e < l->end_count; e++) {
        char port[SCENARIO_DEVICE];
        fabric_port(link, e, port);
        if (end < 0 || (unsigned)end == e)
            rc = noted(f, netlink_set_up(f->netlink, port, up), "link %s", l->name);
    }
    return rc;
}

int fabric_cut(struct fabric *f, unsigned link, int end)
{
    return ports_up(f, link, end, false);
}

static int ports_bridged(struct fabric *f, unsigned link, bool bridged)
{
    const struct lab_link *l = &f->scenario->links[link];
    char bridge[SCENARIO_DEVICE], port[SCENARIO_DEVICE];
    int rc = 0;
    fabric_bridge(link, bridge);
    for (unsigned e = 0; rc == 0 && e < l->end_count; e++) {
        fabric_port(link, e, port);
        rc = noted(f, netlink_set_bridge(f->netlink, port, bridged ? bridge : NULL), "link %s", l->name);
    }
    return rc;
}

int fabric_blackhole(struct fabric *f, unsigned link)
{
    return ports_bridged(f, link, false);
}

/* Rules of the fabric's own packet filter. */
static int rules_set(struct fabric *f, const struct lab_link *l, const char *rules)
{
    int previous;
    int rc = noted(f, netns_enter(f->fabric_ns, &previous), "entering the fabric");
    if (rc < 0)
        return rc;
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft) {
        netns_leave(previous);
        return noted(f, -ENOMEM, "nftables");
    }
    nft_ctx_buffer_error(nft);
    nft_ctx_buffer_output(nft);
    if (nft_run_cmd_from_buffer(nft, rules) != 0) {
        snprintf(f->error, sizeof f->error, "link %s: nftables: %.150s", l->name,
                 nft_ctx_get_error_buffer(nft));
        rc = -EINVAL;
    }
    nft_ctx_free(nft);
    netns_leave(previous);
    return rc;
}

/* The rules of one link stand in a table of its own, replaced as a whole. */
int fabric_lossy(struct fabric *f, unsigned link, double percent)
{
    const struct lab_link *l = &f->scenario->links[link];
    char rules[SCENARIO_ENDS * 192 + 256];
    int n = snprintf(rules, sizeof rules, "table netdev loss%u\ndelete table netdev loss%u\n", link, link);
    if (percent > 0)
        n += snprintf(rules + n, sizeof rules - (size_t)n, "table netdev loss%u {\n", link);
    for (unsigned e = 0; percent > 0 && e < l->end_count; e++) {
        char port[SCENARIO_DEVICE];
        fabric_port(link, e, port);
        n += snprintf(rules + n, sizeof rules - (size_t)n,
                      "chain e%u { type filter hook ingress device \"%s\" priority 0; policy accept; "
                      "numgen random mod 100000 < %u drop; }\n",
                      e, port, (unsigned)(percent * 1000 + 0.5));
    }
    if (percent > 0)
        snprintf(rules + n, sizeof rules - (size_t)n, "}\n");
    return rules_set(f, l, rules);
}

/* What the node sends is dropped before the bridge learns from it, as by a port that is dead inside a switch.
 */
int fabric_blackhole_end(struct fabric *f, unsigned link, unsigned end, enum watch_direction direction)
{
    char rules[768], port[SCENARIO_DEVICE];
    fabric_port(link, end, port);
    int n = snprintf(rules, sizeof rules,
                     "table netdev hole%1$u_%2$u\ndelete table netdev hole%1$u_%2$u\n"
                     "table bridge hole%1$u_%2$u\ndelete table bridge hole%1$u_%2$u\n",
                     link, end);
    if (direction == WATCH_BOTH || direction == WATCH_OUT)
        n += snprintf(rules + n, sizeof rules - (size_t)n,
                      "table netdev hole%u_%u { chain c { type filter hook ingress device \"%s\" priority 0; "
                      "policy accept; drop; };}\n",
                      link, end, port);
    if (direction == WATCH_BOTH || direction == WATCH_IN)
        snprintf(rules + n, sizeof rules - (size_t)n,
                 "table bridge hole%u_%u { chain c { type filter hook forward priority 0; policy accept; "
                 "oifname \"%s\" drop; };}\n",
                 link, end, port);
    return rules_set(f, &f->scenario->links[link], rules);
}

static int holes_close(struct fabric *f, unsigned link, int end)
{
    int rc = 0;
    for (unsigned e = 0; rc == 0 && e < f->scenario->links[link].end_count; e++)
        if (end < 0 || (unsigned)end == e)
            rc = fabric_blackhole_end(f, link, e, WATCH_NEITHER);
    return rc;
}

int fabric_repair(struct fabric *f, unsigned link, int end)
{
    int rc = ports_up(f, link, end, true);
    if (rc == 0)
        rc = holes_close(f, link, end);
    if (rc < 0 || end >= 0)
        return rc;
    rc = fabric_lossy(f, link, 0);
    return rc < 0 ? rc : ports_bridged(f, link, true);
}
