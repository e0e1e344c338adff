/* SPDX-License-Identifier: Apache-2.0 */
/* Links: names, state, MTU, statistics (see netlink.h). */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/attr.h>

#include "io/netlink_request.h"

enum { LOWER_UP = 0x10000 }; /* IFF_LOWER_UP of linux/if.h, which does not go with net/if.h */

static void link_read_statistics(const struct nlattr *a, struct netlink_link *l)
{
    struct rtnl_link_stats64 s = {0};
    if (!a)
        return;
    memcpy(&s, nla_data(a), MIN(sizeof(s), (size_t)nla_len(a)));
    l->statistics.packets_in = s.rx_packets;
    l->statistics.packets_out = s.tx_packets;
    l->statistics.bytes_in = s.rx_bytes;
    l->statistics.bytes_out = s.tx_bytes;
    l->statistics.errors_in = s.rx_errors;
    l->statistics.errors_out = s.tx_errors;
    l->statistics.drops_in = s.rx_dropped;
    l->statistics.drops_out = s.tx_dropped;
    l->statistics.multicast_in = s.multicast;
    l->statistics.collisions = s.collisions;
    l->statistics.crc_errors = s.rx_crc_errors;
    l->statistics.frame_errors = s.rx_frame_errors;
    l->statistics.fifo_errors = s.rx_fifo_errors;
    l->statistics.carrier_errors = s.tx_carrier_errors;
}

static void copy_string(char *out, size_t size, const struct nlattr *a)
{
    size_t len = strnlen(nla_data(a), (size_t)nla_len(a));
    len = MIN(len, size - 1);
    memcpy(out, nla_data(a), len);
    out[len] = 0;
}

bool link_read(struct nlmsghdr *h, struct netlink_link *ret)
{
    struct nlattr *at[IFLA_MAX + 1];
    if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
        return false;
    if (nlmsg_parse(h, sizeof(struct ifinfomsg), at, IFLA_MAX, NULL) < 0)
        return false;
    const struct ifinfomsg *m = nlmsg_data(h);
    /* Bridges tell about their ports in a family of their own; those messages lack most of the link. */
    if (m->ifi_family != AF_UNSPEC || !at[IFLA_IFNAME])
        return false;
    struct netlink_link l = {
        .ifindex = (uint32_t)m->ifi_index,
        .up = (m->ifi_flags & IFF_UP) != 0,
        /* Not IFF_RUNNING: the kernel lets that follow the line by up to a second. */
        .carrier = (m->ifi_flags & IFF_UP) && (m->ifi_flags & LOWER_UP),
        .loopback = (m->ifi_flags & IFF_LOOPBACK) != 0,
        .point_to_point = (m->ifi_flags & IFF_POINTOPOINT) != 0,
    };
    copy_string(l.name, sizeof(l.name), at[IFLA_IFNAME]);
    if (at[IFLA_MTU] && nla_len(at[IFLA_MTU]) >= 4)
        l.mtu = nla_get_u32(at[IFLA_MTU]);
    if (at[IFLA_MASTER] && nla_len(at[IFLA_MASTER]) >= 4)
        l.master = nla_get_u32(at[IFLA_MASTER]);
    if (at[IFLA_ADDRESS] && nla_len(at[IFLA_ADDRESS]) == 6) {
        memcpy(l.mac, nla_data(at[IFLA_ADDRESS]), 6);
        l.has_mac = !l.loopback;
    }
    if (at[IFLA_LINKINFO]) {
        struct nlattr *info[IFLA_INFO_MAX + 1];
        if (nla_parse_nested(info, IFLA_INFO_MAX, at[IFLA_LINKINFO], NULL) >= 0 && info[IFLA_INFO_KIND])
            copy_string(l.kind, sizeof(l.kind), info[IFLA_INFO_KIND]);
    }
    link_read_statistics(at[IFLA_STATS64], &l);
    *ret = l;
    return true;
}

struct link_walk {
    void (*each)(void *user, const struct netlink_link *l);
    void *user;
    struct netlink_link one;
    bool found;
};

static void link_visit(void *user, struct nlmsghdr *h)
{
    struct link_walk *w = user;
    if (link_read(h, &w->one)) {
        w->found = true;
        if (w->each)
            w->each(w->user, &w->one);
    }
}

static int link_get(struct netlink *n, uint32_t ifindex, const char *name, struct netlink_link *ret)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
    struct link_walk walk = {0};
    struct nl_msg *m = request_new(RTM_GETLINK, 0, &header, sizeof(header));
    bool failed = m && name && nla_put_string(m, IFLA_IFNAME, name) < 0;
    int r = request_run(n, m, failed, link_visit, &walk);
    if (r < 0)
        return r;
    if (!walk.found)
        return -ENODEV;
    *ret = walk.one;
    return 0;
}

int netlink_link_by_name(struct netlink *n, const char *name, struct netlink_link *ret)
{
    if (!*name || strlen(name) >= NETLINK_NAME)
        return -ENODEV;
    return link_get(n, 0, name, ret);
}

int netlink_link_by_index(struct netlink *n, uint32_t ifindex, struct netlink_link *ret)
{
    return ifindex == 0 ? -ENODEV : link_get(n, ifindex, NULL, ret);
}

int netlink_links(struct netlink *n, void (*each)(void *user, const struct netlink_link *l), void *user)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
    struct link_walk walk = {.each = each, .user = user};
    struct nl_msg *m = request_new(RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));
    return request_run(n, m, false, link_visit, &walk);
}

int netlink_link_set_up(struct netlink *n, uint32_t ifindex, bool up)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC,
                               .ifi_index = (int)ifindex,
                               .ifi_flags = up ? IFF_UP : 0,
                               .ifi_change = IFF_UP};
    return request_run(n, request_new(RTM_NEWLINK, 0, &header, sizeof(header)), false, NULL, NULL);
}

int netlink_link_set_mtu(struct netlink *n, uint32_t ifindex, uint32_t mtu)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
    struct nl_msg *m = request_new(RTM_NEWLINK, 0, &header, sizeof(header));
    bool failed = m && nla_put_u32(m, IFLA_MTU, mtu) < 0;
    return request_run(n, m, failed, NULL, NULL);
}

/* VEPA, not private: what arrives with our virtual MAC as its source (another router that is active, too)
 * then still reaches the parent, where it is listened to. As in private mode nothing is switched between
 * devices here. */
int netlink_macvlan_add(struct netlink *n, uint32_t parent, const char *name, const uint8_t mac[6])
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
    struct nl_msg *m = request_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
    if (!m)
        return -ENOMEM;
    bool failed = nla_put_u32(m, IFLA_LINK, parent) < 0;
    failed |= nla_put_string(m, IFLA_IFNAME, name) < 0;
    failed |= nla_put(m, IFLA_ADDRESS, 6, mac) < 0;
    struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);
    failed |= !info || nla_put_string(m, IFLA_INFO_KIND, "macvlan") < 0;
    struct nlattr *data = failed ? NULL : nla_nest_start(m, IFLA_INFO_DATA);
    failed |= !data || nla_put_u32(m, IFLA_MACVLAN_MODE, MACVLAN_MODE_VEPA) < 0;
    if (!failed) {
        nla_nest_end(m, data);
        nla_nest_end(m, info);
    }
    return request_run(n, m, failed, NULL, NULL);
}

int netlink_link_delete(struct netlink *n, uint32_t ifindex)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
    if (ifindex == 0)
        return -ENODEV;
    return request_run(n, request_new(RTM_DELLINK, 0, &header, sizeof(header)), false, NULL, NULL);
}
