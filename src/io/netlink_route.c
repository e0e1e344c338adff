/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: change, list, ask (see netlink.h). */
#include <errno.h>
#include <netlink/attr.h>
#include <stdlib.h>

#include "io/netlink_request.h"

static const uint8_t kernel_types[] = {
    [NETLINK_ROUTE_UNICAST] = RTN_UNICAST,     [NETLINK_ROUTE_LOCAL] = RTN_LOCAL,
    [NETLINK_ROUTE_BROADCAST] = RTN_BROADCAST, [NETLINK_ROUTE_MULTICAST] = RTN_MULTICAST,
    [NETLINK_ROUTE_BLACKHOLE] = RTN_BLACKHOLE, [NETLINK_ROUTE_UNREACHABLE] = RTN_UNREACHABLE,
    [NETLINK_ROUTE_PROHIBIT] = RTN_PROHIBIT,   [NETLINK_ROUTE_THROW] = RTN_THROW,
};

static uint8_t own_type(uint8_t kernel)
{
    for (size_t i = 0; i < ARRAY_SIZE(kernel_types); i++)
        if (kernel_types[i] == kernel)
            return (uint8_t)i;
    return kernel == RTN_ANYCAST ? NETLINK_ROUTE_LOCAL : NETLINK_ROUTE_UNREACHABLE;
}

static bool route_has_hop(const struct netlink_route *r)
{
    return r->type <= NETLINK_ROUTE_MULTICAST;
}

static int route_put(struct nl_msg *m, const struct netlink_route *r)
{
    bool failed = false;
    struct prefix destination = r->destination;
    prefix_mask(&destination);
    if (destination.length)
        failed |= put_address(m, RTA_DST, &destination.address) < 0;
    failed |= nla_put_u32(m, RTA_TABLE, r->table ? r->table : NETLINK_TABLE_MAIN) < 0;
    if (r->metric)
        failed |= nla_put_u32(m, RTA_PRIORITY, r->metric) < 0;
    if (route_has_hop(r)) {
        if (address_is_set(&r->gateway) && r->gateway.family == r->destination.address.family)
            failed |= put_address(m, RTA_GATEWAY, &r->gateway) < 0;
        if (r->ifindex)
            failed |= nla_put_u32(m, RTA_OIF, r->ifindex) < 0;
        if (address_is_set(&r->source))
            failed |= put_address(m, RTA_PREFSRC, &r->source) < 0;
    }
    if (r->mtu) {
        struct nlattr *metrics = nla_nest_start(m, RTA_METRICS);
        failed |= !metrics || nla_put_u32(m, RTAX_MTU, r->mtu) < 0;
        if (metrics)
            nla_nest_end(m, metrics);
    }
    return failed;
}

static int route_change(struct netlink *n, int type, int flags, const struct netlink_route *r)
{
    const struct prefix *d = &r->destination;
    if (!address_is_set(&d->address) || d->length > address_bits(&d->address) ||
        r->type >= ARRAY_SIZE(kernel_types))
        return -EINVAL;
    if (address_is_set(&r->gateway) && r->gateway.family != d->address.family)
        return -EAFNOSUPPORT;
    struct rtmsg header = {
        .rtm_family = (uint8_t)kernel_family(d->address.family),
        .rtm_dst_len = d->length,
        .rtm_table = RT_TABLE_UNSPEC,
        .rtm_protocol = r->protocol ? r->protocol : NETLINK_PROTOCOL_HOLDFAST,
        .rtm_type = kernel_types[r->type],
        .rtm_flags = r->on_link ? RTNH_F_ONLINK : 0,
    };
    if (type == RTM_DELROUTE) {
        header.rtm_scope = RT_SCOPE_NOWHERE; /* any */
        if (r->protocol == 0)
            header.rtm_protocol = RTPROT_UNSPEC;
    } else if (r->type == NETLINK_ROUTE_UNICAST && !address_is_set(&r->gateway)) {
        header.rtm_scope = RT_SCOPE_LINK;
    } else if (r->type == NETLINK_ROUTE_LOCAL) {
        header.rtm_scope = RT_SCOPE_HOST;
    }
    struct nl_msg *m = request_new(type, flags, &header, sizeof(header));
    return request_run(n, m, m && route_put(m, r), NULL, NULL);
}

int netlink_route_add(struct netlink *n, const struct netlink_route *r)
{
    return route_change(n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, r);
}

int netlink_route_replace(struct netlink *n, const struct netlink_route *r)
{
    return route_change(n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, r);
}

int netlink_route_delete(struct netlink *n, const struct netlink_route *r)
{
    return route_change(n, RTM_DELROUTE, 0, r);
}

static bool attribute_u32(const struct nlattr *a, uint32_t *ret)
{
    if (!a || nla_len(a) < 4)
        return false;
    *ret = nla_get_u32(a);
    return true;
}

/* Of several next hops the first. */
static void route_read_multipath(struct nlattr *a, struct netlink_route *r)
{
    if (nla_len(a) < (int)sizeof(struct rtnexthop))
        return;
    struct rtnexthop *hop = nla_data(a);
    if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > nla_len(a))
        return;
    r->ifindex = (uint32_t)hop->rtnh_ifindex;
    struct nlattr *at[RTA_MAX + 1];
    if (nla_parse(at, RTA_MAX, (struct nlattr *)RTNH_DATA(hop), hop->rtnh_len - (int)sizeof(*hop), NULL) >= 0)
        r->gateway = get_address(at[RTA_GATEWAY]);
}

bool route_read(struct nlmsghdr *h, struct netlink_route *ret)
{
    struct nlattr *at[RTA_MAX + 1];
    if (h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE)
        return false;
    if (nlmsg_parse(h, sizeof(struct rtmsg), at, RTA_MAX, NULL) < 0)
        return false;
    const struct rtmsg *m = nlmsg_data(h);
    uint8_t family = own_family(m->rtm_family);
    if (family == ADDRESS_NONE || m->rtm_flags & RTM_F_CLONED)
        return false;
    struct netlink_route r = {
        .type = own_type(m->rtm_type), .protocol = m->rtm_protocol, .table = m->rtm_table};
    r.destination.length = m->rtm_dst_len;
    r.destination.address = get_address(at[RTA_DST]);
    r.destination.address.family = family;
    if (m->rtm_dst_len > address_bits(&r.destination.address))
        return false;
    r.gateway = get_address(at[RTA_GATEWAY]);
    r.source = get_address(at[RTA_PREFSRC]);
    r.on_link = (m->rtm_flags & RTNH_F_ONLINK) != 0;
    r.special = at[RTA_ENCAP] || at[RTA_VIA];
    attribute_u32(at[RTA_OIF], &r.ifindex);
    attribute_u32(at[RTA_PRIORITY], &r.metric);
    attribute_u32(at[RTA_TABLE], &r.table);
    if (at[RTA_MULTIPATH])
        route_read_multipath(at[RTA_MULTIPATH], &r);
    if (at[RTA_METRICS]) {
        struct nlattr *metrics[RTAX_MAX + 1];
        if (nla_parse_nested(metrics, RTAX_MAX, at[RTA_METRICS], NULL) >= 0)
            attribute_u32(metrics[RTAX_MTU], &r.mtu);
    }
    *ret = r;
    return true;
}

struct route_walk {
    void (*each)(void *user, const struct netlink_route *r);
    void *user;
    uint32_t table;
};

static void route_visit(void *user, struct nlmsghdr *h)
{
    struct route_walk *w = user;
    struct netlink_route r;
    if (route_read(h, &r) && (w->table == 0 || r.table == w->table))
        w->each(w->user, &r);
}

int netlink_routes(struct netlink *n, uint32_t table, void (*each)(void *user, const struct netlink_route *r),
                   void *user)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    struct route_walk walk = {each, user, table};
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        struct rtmsg header = {.rtm_family = families[i]};
        struct nl_msg *m = request_new(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));
        int r = request_run(n, m, false, route_visit, &walk);
        if (r < 0 && r != -EAFNOSUPPORT && r != -EOPNOTSUPP)
            return r;
    }
    return 0;
}

struct route_list {
    struct netlink_route *routes;
    size_t count, room;
    uint8_t protocol;
    bool failed;
};

static void route_collect(void *user, const struct netlink_route *r)
{
    struct route_list *l = user;
    if (r->protocol != l->protocol || l->failed)
        return;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        struct netlink_route *bigger = realloc(l->routes, room * sizeof(*bigger));
        if (!bigger) {
            l->failed = true;
            return;
        }
        l->routes = bigger;
        l->room = room;
    }
    l->routes[l->count++] = *r;
}

int netlink_routes_flush(struct netlink *n, uint32_t table, uint8_t protocol)
{
    struct route_list list = {.protocol = protocol ? protocol : NETLINK_PROTOCOL_HOLDFAST};
    int r = netlink_routes(n, table, route_collect, &list);
    if (r == 0 && list.failed)
        r = -ENOMEM;
    int gone = 0;
    for (size_t i = 0; r == 0 && i < list.count; i++) {
        r = netlink_route_delete(n, &list.routes[i]);
        if (r == 0)
            gone++;
        if (r == -ESRCH || r == -ENOENT)
            r = 0;
    }
    free(list.routes);
    return r < 0 ? r : gone;
}

static void hop_visit(void *user, struct nlmsghdr *h)
{
    struct netlink_route *r = user;
    struct rtmsg *m = nlmsg_data(h);
    if (h->nlmsg_type == RTM_NEWROUTE) {
        m->rtm_flags &= ~(unsigned)RTM_F_CLONED; /* an answer is a cloned route by its nature */
        route_read(h, r);
    }
}

int netlink_route_find(struct netlink *n, const struct address *destination, const struct address *source,
                       uint32_t mark, struct netlink_hop *ret)
{
    if (!address_is_set(destination))
        return -EINVAL;
    struct rtmsg header = {.rtm_family = (uint8_t)kernel_family(destination->family),
                           .rtm_dst_len = address_bits(destination)};
    struct nl_msg *m = request_new(RTM_GETROUTE, 0, &header, sizeof(header));
    if (!m)
        return -ENOMEM;
    bool failed = put_address(m, RTA_DST, destination) < 0;
    if (source && source->family == destination->family)
        failed |= put_address(m, RTA_SRC, source) < 0;
    if (mark)
        failed |= nla_put_u32(m, RTA_MARK, mark) < 0;
    struct netlink_route route = {.type = NETLINK_ROUTE_UNREACHABLE};
    int r = request_run(n, m, failed, hop_visit, &route);
    struct netlink_hop hop = {.type = route.type};
    switch (r) {
    case 0:
        hop = (struct netlink_hop){.type = route.type,
                                   .special = route.special,
                                   .ifindex = route.ifindex,
                                   .gateway = route.gateway,
                                   .source = route.source,
                                   .mtu = route.mtu};
        break;
    case -ENETUNREACH:
    case -EHOSTUNREACH:
    case -ESRCH:
        break;
    case -EACCES:
        hop.type = NETLINK_ROUTE_PROHIBIT;
        break;
    case -EINVAL:
        hop.type = NETLINK_ROUTE_BLACKHOLE; /* the kernel's answer for such a route */
        break;
    default:
        return r;
    }
    *ret = hop;
    return 0;
}
