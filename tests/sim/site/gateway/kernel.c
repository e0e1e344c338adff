/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, addresses, routes, the packet filter, and a packet's way through them. See kernel.h. */
#include "site/gateway/kernel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "site/gateway/stream.h"
#include "supervisor/handover.h"
#include "wire/ip.h"

enum { TTL = 64, FLOW_HEADER = 12 };

struct kernel *kernel_here(void)
{
    assert(process_current);
    return process_current->kernel;
}

ns kernel_clock(const struct kernel *k)
{
    return node_now(k->node) + k->busy;
}

/* ---- devices ---- */

struct kernel_link *kernel_link_named(struct kernel *k, const char *name)
{
    for (unsigned i = 0; i < KERNEL_LINKS_MAX; i++)
        if (k->links[i].used && strcmp(k->links[i].link.name, name) == 0)
            return &k->links[i];
    return NULL;
}

struct kernel_link *kernel_link_at(struct kernel *k, uint32_t ifindex)
{
    return ifindex && ifindex <= KERNEL_LINKS_MAX && k->links[ifindex - 1].used ? &k->links[ifindex - 1]
                                                                                : NULL;
}

struct kernel_link *kernel_link_new(struct kernel *k, const char *name, const char *kind, int port,
                                    const uint8_t mac[SITE_MAC])
{
    for (unsigned i = 0; i < KERNEL_LINKS_MAX; i++) {
        struct kernel_link *l = &k->links[i];
        if (l->used)
            continue;
        *l = (struct kernel_link){.used = true, .port = port};
        l->link.ifindex = i + 1;
        l->link.mtu = 1500;
        snprintf(l->link.name, sizeof(l->link.name), "%s", name);
        snprintf(l->link.kind, sizeof(l->link.kind), "%s", kind);
        if (mac) {
            l->link.has_mac = true;
            memcpy(l->link.mac, mac, SITE_MAC);
        }
        return l;
    }
    return NULL;
}

void kernel_link_changed(struct kernel *k, const struct kernel_link *l, bool removed)
{
    struct netlink_event e = {.change = removed ? NETLINK_LINK_REMOVED : NETLINK_LINK_CHANGED,
                              .link = l->link};
    files_monitor(k, NETLINK_MONITOR_LINKS, &e);
}

/* A carrier comes or goes: of the port and of what lies on it. */
void kernel_lines(struct kernel *k, unsigned port, bool up)
{
    for (unsigned i = 0; i < KERNEL_LINKS_MAX; i++) {
        struct kernel_link *l = &k->links[i];
        if (!l->used || l->port != (int)port || l->link.carrier == up)
            continue;
        l->link.carrier = up;
        kernel_link_changed(k, l, false);
    }
}

/* ---- addresses ---- */

int kernel_address_add(struct kernel *k, uint32_t ifindex, const struct prefix *p)
{
    struct kernel_link *l = kernel_link_at(k, ifindex);
    if (!l)
        return -ENODEV;
    for (unsigned i = 0; i < k->address_count; i++)
        if (k->addresses[i].ifindex == ifindex && prefix_equal(&k->addresses[i].prefix, p))
            return -EEXIST;
    if (k->address_count == k->address_room) {
        k->address_room = k->address_room ? 2 * k->address_room : 16;
        k->addresses = realloc(k->addresses, k->address_room * sizeof(*k->addresses));
        assert(k->addresses);
    }
    struct netlink_address *a = &k->addresses[k->address_count++];
    *a = (struct netlink_address){.ifindex = ifindex, .prefix = *p, .permanent = true};
    if (l->link.has_mac)
        site_mac_set(k->node->site, &p->address, l->link.mac);
    struct netlink_event e = {.change = NETLINK_ADDRESS_ADDED, .address = *a};
    files_monitor(k, NETLINK_MONITOR_ADDRESSES, &e);
    return 0;
}

int kernel_address_delete(struct kernel *k, uint32_t ifindex, const struct prefix *p)
{
    for (unsigned i = 0; i < k->address_count; i++) {
        if (k->addresses[i].ifindex != ifindex || !prefix_equal(&k->addresses[i].prefix, p))
            continue;
        struct netlink_event e = {.change = NETLINK_ADDRESS_REMOVED, .address = k->addresses[i]};
        memmove(&k->addresses[i], &k->addresses[i + 1], (k->address_count - i - 1) * sizeof(*k->addresses));
        k->address_count--;
        files_monitor(k, NETLINK_MONITOR_ADDRESSES, &e);
        return 0;
    }
    return -EADDRNOTAVAIL;
}

bool kernel_owns(const struct kernel *k, const struct address *a)
{
    for (unsigned i = 0; i < k->address_count; i++)
        if (address_equal(&k->addresses[i].prefix.address, a))
            return true;
    return false;
}

/* ---- routes ---- */

static uint32_t connected(struct kernel *k, const struct address *to, uint8_t *ret_length)
{
    uint32_t best = 0;
    int longest = -1;
    for (unsigned i = 0; i < k->address_count; i++) {
        const struct netlink_address *a = &k->addresses[i];
        const struct kernel_link *l = kernel_link_at(k, a->ifindex);
        struct prefix p = a->prefix;
        prefix_mask(&p);
        if (!l || !l->link.up || p.length == address_bits(to) || !prefix_contains(&p, to) ||
            (int)p.length <= longest)
            continue;
        longest = p.length;
        best = a->ifindex;
    }
    if (best)
        *ret_length = (uint8_t)longest;
    return best;
}

static const struct netlink_route *table_find(const struct kernel *k, uint32_t table,
                                              const struct address *to)
{
    const struct netlink_route *best = NULL;
    for (unsigned i = 0; i < k->route_count; i++) {
        const struct netlink_route *r = &k->routes[i];
        if ((r->table ? r->table : NETLINK_TABLE_MAIN) != table || !prefix_contains(&r->destination, to))
            continue;
        if (!best || r->destination.length > best->destination.length ||
            (r->destination.length == best->destination.length && r->metric < best->metric))
            best = r;
    }
    return best;
}

static struct address source_on(const struct kernel *k, uint32_t ifindex)
{
    for (unsigned i = 0; i < k->address_count; i++)
        if (k->addresses[i].ifindex == ifindex)
            return k->addresses[i].prefix.address;
    return (struct address){0};
}

bool kernel_route(struct kernel *k, const struct address *to, bool steered, struct netlink_hop *ret)
{
    const struct netlink_route *r = steered && k->steering ? table_find(k, HOLDFAST_TABLE, to) : NULL;
    uint8_t length = 0;
    *ret = (struct netlink_hop){.type = NETLINK_ROUTE_UNREACHABLE};
    if (r && r->type == NETLINK_ROUTE_UNICAST && r->ifindex == k->tun) {
        *ret = (struct netlink_hop){.type = NETLINK_ROUTE_UNICAST, .ifindex = k->tun};
        return true;
    }
    uint32_t direct = connected(k, to, &length);
    r = table_find(k, NETLINK_TABLE_MAIN, to);
    if (direct && (!r || r->destination.length <= length)) {
        *ret = (struct netlink_hop){.type = NETLINK_ROUTE_UNICAST, .ifindex = direct};
    } else if (r && r->type == NETLINK_ROUTE_UNICAST) {
        uint32_t ifindex = r->ifindex ? r->ifindex : connected(k, &r->gateway, &length);
        const struct kernel_link *l = kernel_link_at(k, ifindex);
        if (!l || !l->link.up)
            return false;
        *ret = (struct netlink_hop){.type = NETLINK_ROUTE_UNICAST, .ifindex = ifindex, .gateway = r->gateway};
    } else {
        return false;
    }
    ret->source = source_on(k, ret->ifindex);
    return true;
}

/* ---- the packet filter: the policy's clear twins ---- */

static bool bits_match(const uint8_t *a, const uint8_t *wildcard, const struct address *x)
{
    for (unsigned i = 0; i < address_len(x); i++)
        if ((a[i] ^ x->bytes[i]) & ~wildcard[i])
            return false;
    return true;
}

static bool rule_matches(const struct firewall_rule *r, const struct frame *f, bool in)
{
    const struct address *from = in ? &f->to : &f->from, *to = in ? &f->from : &f->to;
    return r->family == from->family && (r->protocol == 0 || r->protocol == f->protocol) &&
           bits_match(r->source, r->source_wildcard, from) &&
           bits_match(r->destination, r->destination_wildcard, to);
}

static bool filter_drops(const struct kernel *k, const char *device, const struct frame *f, bool in)
{
    unsigned i = 0;
    while (i < k->filter_count) {
        const struct kernel_filter *first = &k->filters[i], *match = NULL;
        for (; i < k->filter_count && k->filters[i].sequence == first->sequence &&
               strcmp(k->filters[i].device, first->device) == 0;
             i++)
            if (!match && strcmp(first->device, device) == 0 && rule_matches(&k->filters[i].rule, f, in))
                match = &k->filters[i];
        if (match && match->rule.permit)
            return true;
    }
    return false;
}

/* ---- packets as bytes ---- */

uint32_t kernel_ip_write(const struct frame *f, uint8_t *out, uint32_t size)
{
    uint32_t len = MAX(f->size, IP_HEADER + (f->protocol == SITE_PROTOCOL_FLOW ? FLOW_HEADER : f->len));
    uint8_t *at = out + IP_HEADER;
    if (len > size)
        return 0;
    memset(out, 0, IP_HEADER);
    out[0] = 0x45;
    be16_store(out + 2, (uint16_t)len);
    be16_store(out + 6, f->dont_fragment ? IPV4_DF : 0);
    out[8] = f->ttl;
    out[9] = f->protocol;
    memcpy(out + 12, f->from.bytes, 4);
    memcpy(out + 16, f->to.bytes, 4);
    uint32_t sum = 0;
    for (unsigned i = 0; i < IP_HEADER; i += 2)
        sum += be16_load(out + i);
    sum = (sum & 0xffff) + (sum >> 16);
    be16_store(out + 10, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
    if (f->protocol == SITE_PROTOCOL_FLOW) {
        be32_store(at, f->flow.flow);
        be64_store(at + 4, f->flow.sequence);
        memset(at + FLOW_HEADER, 0, len - IP_HEADER - FLOW_HEADER);
        return len;
    }
    if (f->protocol == SITE_PROTOCOL_UDP) {
        be16_store(at, f->from_port);
        be16_store(at + 2, f->to_port);
        be16_store(at + 4, (uint16_t)(UDP_HEADER + f->len));
        be16_store(at + 6, 0);
        at += UDP_HEADER;
    }
    if (f->len)
        memcpy(at, f->data, f->len);
    return len;
}

struct frame *kernel_ip_parse(const uint8_t *data, uint32_t len)
{
    if (len < IP_HEADER || data[0] != 0x45 || be16_load(data + 2) > len ||
        be16_load(data + 6) & (IPV4_MF | IPV4_OFFSET_MASK))
        return NULL;
    uint32_t size = be16_load(data + 2), at = IP_HEADER;
    uint8_t protocol = data[9];
    if ((protocol == SITE_PROTOCOL_FLOW && size < IP_HEADER + FLOW_HEADER) ||
        (protocol == SITE_PROTOCOL_UDP && size < IP_HEADER + UDP_HEADER))
        return NULL;
    at += protocol == SITE_PROTOCOL_UDP ? UDP_HEADER : 0;
    struct frame *f = frame_new(protocol == SITE_PROTOCOL_FLOW ? 0 : size - at);
    f->kind = FRAME_IP;
    f->protocol = protocol;
    f->ttl = data[8];
    f->size = size;
    f->dont_fragment = be16_load(data + 6) & IPV4_DF;
    f->from = address_of(data + 12, 4);
    f->to = address_of(data + 16, 4);
    if (protocol == SITE_PROTOCOL_FLOW) {
        f->flow = (struct flow_packet){be32_load(data + at), be64_load(data + at + 4)};
        return f;
    }
    if (protocol == SITE_PROTOCOL_UDP) {
        f->from_port = be16_load(data + IP_HEADER);
        f->to_port = be16_load(data + IP_HEADER + 2);
    }
    if (f->len)
        memcpy(f->data, data + at, f->len);
    return f;
}

/* ---- a packet's way ---- */

static void tun_queue(struct kernel *k, const struct frame *f)
{
    static uint8_t bytes[65536];
    uint32_t len = kernel_ip_write(f, bytes, sizeof(bytes));
    if (len)
        (void)file_put(k, HANDOVER_TUN, NULL, bytes_of(bytes, len));
}

static void local(struct kernel *k, const struct frame *f, uint32_t ifindex)
{
    if (f->protocol == SITE_PROTOCOL_TCP)
        stream_frame(k, f);
    else if (!kernel_echo_answer(k, f))
        files_deliver(k, f, ifindex);
}

/* `f` is the caller's; its MAC addresses are written. */
static void leave(struct kernel *k, struct frame *f, const struct netlink_hop *hop, bool marked)
{
    const struct kernel_link *l = kernel_link_at(k, hop->ifindex);
    const struct address *next = address_is_set(&hop->gateway) ? &hop->gateway : &f->to;
    if (!l || l->port < 0 || !l->link.up)
        return;
    if (!marked && filter_drops(k, l->link.name, f, false)) {
        k->dropped_clear_out++;
        return;
    }
    memcpy(f->source, l->link.mac, SITE_MAC);
    if (!site_mac_find(k->node->site, next, f->destination))
        return;
    k->forwarded++;
    site_send(k->node, (unsigned)l->port, f);
}

static void forward(struct kernel *k, struct frame *f, bool steered)
{
    struct netlink_hop hop;
    if (!kernel_route(k, &f->to, steered, &hop)) {
        k->dropped_no_route++;
        return;
    }
    if (hop.ifindex == k->tun)
        tun_queue(k, f);
    else
        leave(k, f, &hop, false);
}

void kernel_output(struct kernel *k, struct frame *f, bool from_tun)
{
    struct netlink_hop hop;
    if (f->ttl == 0)
        f->ttl = TTL;
    if (kernel_owns(k, &f->to)) {
        local(k, f, 0);
        return;
    }
    if (from_tun) {
        forward(k, f, false);
        return;
    }
    if (kernel_route(k, &f->to, false, &hop))
        leave(k, f, &hop, true);
}

void kernel_originate(struct kernel *k, struct frame *f)
{
    if (f->ttl == 0)
        f->ttl = TTL;
    if (kernel_owns(k, &f->to))
        local(k, f, 0);
    else
        forward(k, f, true);
}

/* The device whose MAC address it is for. */
static const struct kernel_link *link_for(const struct kernel *k, unsigned port, const struct frame *f)
{
    const struct kernel_link *own = NULL;
    for (unsigned i = 0; i < KERNEL_LINKS_MAX; i++) {
        const struct kernel_link *l = &k->links[i];
        if (!l->used || l->port != (int)port || !l->link.up)
            continue;
        if (!frame_is_multicast(f) && memcmp(l->link.mac, f->destination, SITE_MAC) == 0)
            return l;
        if (!l->parent)
            own = l;
    }
    return frame_is_multicast(f) ? own : NULL;
}

void kernel_frame(struct kernel *k, unsigned port, const struct frame *f)
{
    const struct kernel_link *l = link_for(k, port, f);
    if (!l)
        return;
    if (f->kind == FRAME_ARP) {
        files_arp(k, f, l->link.ifindex);
        return;
    }
    if (filter_drops(k, l->link.name, f, true)) {
        k->dropped_clear_in++;
        return;
    }
    if (frame_is_multicast(f) || kernel_owns(k, &f->to)) {
        local(k, f, l->link.ifindex);
        return;
    }
    if (f->ttl <= 1)
        return;
    struct frame *on = frame_copy(f);
    on->ttl--;
    forward(k, on, true);
    free(on);
}

/* ---- life ---- */

void kernel_init(struct kernel *k, struct site_node *node, const char *config, uint32_t slots)
{
    uint64_t turns[ARRAY_SIZE(k->processes)]; /* what is on its way for those of a former life is void */
    for (unsigned i = 0; i < ARRAY_SIZE(turns); i++)
        turns[i] = k->processes[i].turn_number + 1;
    *k = (struct kernel){.node = node, .config = config};
    struct kernel_link *lo = kernel_link_new(k, "lo", "", -1, NULL);
    lo->link.up = lo->link.carrier = lo->link.loopback = true;
    struct kernel_link *tun = kernel_link_new(k, HOLDFAST_TUN_NAME, "tun", -1, NULL);
    tun->link.up = tun->link.carrier = true;
    k->tun = tun->link.ifindex;
    for (unsigned i = 0; i < node->port_count; i++) {
        struct kernel_link *l = kernel_link_new(k, node->ports[i].name, "veth", (int)i, node->ports[i].mac);
        l->link.mtu = node->ports[i].mtu;
        l->link.carrier = node->ports[i].line;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(k->processes); i++)
        k->processes[i] = (struct process){.node = node,
                                           .kernel = k,
                                           .role = (enum node_role)i,
                                           .turn_at = NS_NEVER,
                                           .turn_number = turns[i]};
    files_init(k);
    regions_init(k, slots);
    k->streams = stream_table_new();
}

void kernel_done(struct kernel *k)
{
    for (unsigned i = 0; i < ARRAY_SIZE(k->processes); i++)
        assert(!k->processes[i].alive);
    files_done(k);
    stream_table_free(k->streams);
    regions_done(k);
    free(k->addresses);
    free(k->routes);
    free(k->filters);
}

/* The TUN device goes with its descriptor, and the routes into it with the device. */
void kernel_daemon_ended(struct kernel *k)
{
    files_done(k);
    for (unsigned i = k->route_count; i-- > 0;)
        if (k->routes[i].ifindex == k->tun)
            k->routes[i] = k->routes[--k->route_count];
    regions_done(k);
}

void kernel_daemon_begins(struct kernel *k, uint32_t slots)
{
    files_done(k);
    files_init(k);
    regions_done(k);
    regions_init(k, slots);
}
