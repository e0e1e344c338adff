/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink requests of the lab, on libnl; see netlink.h. */
#include "lab/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>

#include "lab/netns.h"

static int errno_of_nl(int rc)
{
    static const struct {
        int nl, posix;
    } table[] = {{NLE_EXIST, EEXIST},         {NLE_OBJ_NOTFOUND, ENOENT}, {NLE_NODEV, ENODEV},
                 {NLE_PERM, EPERM},           {NLE_NOACCESS, EACCES},     {NLE_NOMEM, ENOMEM},
                 {NLE_NOADDR, EADDRNOTAVAIL}, {NLE_BUSY, EBUSY},          {NLE_OPNOTSUPP, EOPNOTSUPP}};
    if (rc >= 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].nl == -rc)
            return -table[i].posix;
    }
    return -EINVAL;
}

int netlink_open(int netns, struct nl_sock **ret)
{
    int previous;
    struct nl_sock *s = nl_socket_alloc();
    if (!s)
        return -ENOMEM;
    int rc = netns_enter(netns, &previous);
    if (rc == 0) {
        rc = errno_of_nl(nl_connect(s, NETLINK_ROUTE));
        netns_leave(previous);
    }
    if (rc < 0) {
        nl_socket_free(s);
        return rc;
    }
    *ret = s;
    return 0;
}

void netlink_close(struct nl_sock *s)
{
    if (s)
        nl_socket_free(s);
}

int netlink_add_veth(struct nl_sock *s, const char *name, const char *peer, int peer_netns, uint32_t mtu)
{
    struct rtnl_link *link = rtnl_link_veth_alloc();
    if (!link)
        return -ENOMEM;
    struct rtnl_link *other = rtnl_link_veth_get_peer(link);
    rtnl_link_set_name(link, name);
    rtnl_link_set_name(other, peer);
    rtnl_link_set_ns_fd(other, peer_netns);
    if (mtu) {
        rtnl_link_set_mtu(link, mtu);
        rtnl_link_set_mtu(other, mtu);
    }
    int rc = rtnl_link_add(s, link, NLM_F_CREATE | NLM_F_EXCL);
    rtnl_link_put(other);
    rtnl_link_put(link);
    return errno_of_nl(rc);
}

int netlink_add_bridge(struct nl_sock *s, const char *name, uint32_t mtu)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_change = IFF_UP, .ifi_flags = IFF_UP};
    struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    if (!m)
        return -ENOMEM;
    int rc = nlmsg_append(m, &info, sizeof info, NLMSG_ALIGNTO);
    rc = rc < 0 ? rc : nla_put_string(m, IFLA_IFNAME, name);
    if (mtu)
        rc = rc < 0 ? rc : nla_put_u32(m, IFLA_MTU, mtu);
    struct nlattr *kind = nla_nest_start(m, IFLA_LINKINFO);
    rc = rc < 0 || !kind ? -NLE_NOMEM : nla_put_string(m, IFLA_INFO_KIND, "bridge");
    struct nlattr *data = rc < 0 ? NULL : nla_nest_start(m, IFLA_INFO_DATA);
    rc = !data ? -NLE_NOMEM : nla_put_u32(m, IFLA_BR_STP_STATE, 0);
    rc = rc < 0 ? rc : nla_put_u8(m, IFLA_BR_MCAST_SNOOPING, 0);
    if (rc < 0) {
        nlmsg_free(m);
        return errno_of_nl(rc);
    }
    nla_nest_end(m, data);
    nla_nest_end(m, kind);
    return errno_of_nl(nl_send_sync(s, m)); /* frees the message */
}

/* A change of the named link; `change` holds what is to be set. Takes `change`. */
static int link_change(struct nl_sock *s, const char *device, struct rtnl_link *change)
{
    struct rtnl_link *link = NULL;
    if (!change)
        return -ENOMEM;
    int rc = rtnl_link_get_kernel(s, 0, device, &link);
    if (rc == 0) {
        rc = rtnl_link_change(s, link, change, 0);
        rtnl_link_put(link);
    }
    rtnl_link_put(change);
    return errno_of_nl(rc);
}

int netlink_set_up(struct nl_sock *s, const char *device, bool up)
{
    struct rtnl_link *change = rtnl_link_alloc();
    if (change && up)
        rtnl_link_set_flags(change, IFF_UP);
    else if (change)
        rtnl_link_unset_flags(change, IFF_UP);
    return link_change(s, device, change);
}

static int link_index(struct nl_sock *s, const char *device, int *ret)
{
    struct rtnl_link *link = NULL;
    int rc = rtnl_link_get_kernel(s, 0, device, &link);
    if (rc < 0)
        return errno_of_nl(rc);
    *ret = rtnl_link_get_ifindex(link);
    rtnl_link_put(link);
    return 0;
}

int netlink_set_bridge(struct nl_sock *s, const char *port, const char *bridge)
{
    int index, master = 0;
    int rc = link_index(s, port, &index);
    if (rc == 0 && bridge)
        rc = link_index(s, bridge, &master);
    if (rc < 0)
        return rc;
    return errno_of_nl(bridge ? rtnl_link_enslave_ifindex(s, master, index)
                              : rtnl_link_release_ifindex(s, index));
}

static struct nl_addr *nl_address(const struct address *a, unsigned length)
{
    struct nl_addr *out =
        nl_addr_build(a->family == ADDRESS_V6 ? AF_INET6 : AF_INET, a->bytes, address_len(a));
    if (out)
        nl_addr_set_prefixlen(out, (int)length);
    return out;
}

int netlink_add_address(struct nl_sock *s, const char *device, const struct prefix *address)
{
    int index;
    int rc = link_index(s, device, &index);
    if (rc < 0)
        return rc;
    struct rtnl_addr *entry = rtnl_addr_alloc();
    struct nl_addr *local = nl_address(&address->address, address->length);
    rc = -NLE_NOMEM;
    if (entry && local) {
        rtnl_addr_set_ifindex(entry, index);
        rtnl_addr_set_local(entry, local);
        if (address->address.family == ADDRESS_V6)
            rtnl_addr_set_flags(entry, IFA_F_NODAD);
        rc = rtnl_addr_add(s, entry, 0);
    }
    nl_addr_put(local);
    rtnl_addr_put(entry);
    return errno_of_nl(rc);
}

int netlink_add_route(struct nl_sock *s, const struct prefix *destination, const struct address *via,
                      uint32_t metric)
{
    struct rtnl_route *route = rtnl_route_alloc();
    struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
    struct nl_addr *to = nl_address(&destination->address, destination->length);
    struct nl_addr *gateway = nl_address(via, address_bits(via));
    int rc = -NLE_NOMEM;
    if (route && hop && to && gateway) {
        rtnl_route_set_family(route, via->family == ADDRESS_V6 ? AF_INET6 : AF_INET);
        rtnl_route_set_dst(route, to);
        rtnl_route_set_table(route, RT_TABLE_MAIN);
        rtnl_route_set_protocol(route, RTPROT_STATIC);
        rtnl_route_set_scope(route, RT_SCOPE_UNIVERSE);
        if (metric)
            rtnl_route_set_priority(route, metric);
        rtnl_route_nh_set_gateway(hop, gateway);
        rtnl_route_add_nexthop(route, hop); /* now the route's */
        hop = NULL;
        rc = rtnl_route_add(s, route, NLM_F_EXCL);
    }
    nl_addr_put(gateway);
    nl_addr_put(to);
    if (hop)
        rtnl_route_nh_free(hop);
    if (route)
        rtnl_route_put(route);
    return errno_of_nl(rc);
}
