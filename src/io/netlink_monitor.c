/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of links, addresses and routes as they happen (see netlink.h). The socket is non-blocking and
 * large; where it overflows all the same, the kernel says so and NETLINK_LOST tells the user to read
 * everything anew. */
#include <errno.h>
#include <netlink/socket.h>
#include <stdlib.h>

#include "io/netlink_request.h"

struct netlink_monitor {
    struct nl_sock *socket;
    void (*on_event)(void *user, const struct netlink_event *e);
    void *user;
};

static int on_message(struct nl_msg *message, void *arg)
{
    struct netlink_monitor *m = arg;
    struct nlmsghdr *h = nlmsg_hdr(message);
    struct netlink_event e = {0};
    bool good = true;
    switch (h->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        e.change = h->nlmsg_type == RTM_NEWLINK ? NETLINK_LINK_CHANGED : NETLINK_LINK_REMOVED;
        good = link_read(h, &e.link);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        e.change = h->nlmsg_type == RTM_NEWADDR ? NETLINK_ADDRESS_ADDED : NETLINK_ADDRESS_REMOVED;
        good = address_read(h, &e.address);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        e.change = h->nlmsg_type == RTM_NEWROUTE ? NETLINK_ROUTE_CHANGED : NETLINK_ROUTE_REMOVED;
        good = route_read(h, &e.route);
        break;
    case RTM_NEWRULE:
    case RTM_DELRULE:
        e.change = NETLINK_RULE_CHANGED;
        break;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        e.change = NETLINK_NEIGHBOUR_CHANGED;
        good = neighbour_read(h, &e.neighbour);
        break;
    default:
        good = false;
    }
    if (good)
        m->on_event(m->user, &e);
    return NL_OK;
}

static int monitor_join(struct netlink_monitor *m, unsigned flags)
{
    static const struct {
        unsigned flag;
        int group;
    } groups[] = {
        {NETLINK_MONITOR_LINKS, RTNLGRP_LINK},
        {NETLINK_MONITOR_ADDRESSES, RTNLGRP_IPV4_IFADDR},
        {NETLINK_MONITOR_ADDRESSES, RTNLGRP_IPV6_IFADDR},
        {NETLINK_MONITOR_ROUTES, RTNLGRP_IPV4_ROUTE},
        {NETLINK_MONITOR_ROUTES, RTNLGRP_IPV6_ROUTE},
        {NETLINK_MONITOR_ROUTES, RTNLGRP_IPV4_RULE},
        {NETLINK_MONITOR_ROUTES, RTNLGRP_IPV6_RULE},
        {NETLINK_MONITOR_NEIGHBOURS, RTNLGRP_NEIGH},
    };
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (flags & groups[i].flag && nl_socket_add_membership(m->socket, groups[i].group) < 0)
            return -errno;
    return 0;
}

int netlink_monitor_new(unsigned flags, void (*on_event)(void *user, const struct netlink_event *e),
                        void *user, struct netlink_monitor **ret)
{
    struct netlink_monitor *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->on_event = on_event;
    m->user = user;
    m->socket = nl_socket_alloc();
    int r = m->socket ? 0 : -ENOMEM;
    if (r == 0) {
        nl_socket_disable_seq_check(m->socket);
        nl_socket_modify_cb(m->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, m);
        if (nl_connect(m->socket, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(m->socket) < 0 ||
            nl_socket_set_msg_buf_size(m->socket, 1 << 16) < 0)
            r = errno ? -errno : -EIO;
    }
    if (r == 0) {
        int size = 4 << 20, fd = nl_socket_get_fd(m->socket);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
            r = setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ? -errno : 0;
    }
    if (r == 0)
        r = monitor_join(m, flags);
    if (r < 0) {
        netlink_monitor_free(m);
        return r;
    }
    *ret = m;
    return 0;
}

void netlink_monitor_free(struct netlink_monitor *m)
{
    if (!m)
        return;
    if (m->socket)
        nl_socket_free(m->socket);
    free(m);
}

int netlink_monitor_fd(const struct netlink_monitor *m)
{
    return nl_socket_get_fd(m->socket);
}

int netlink_monitor_dispatch(struct netlink_monitor *m)
{
    for (;;) {
        int r = nl_recvmsgs_default(m->socket);
        if (r == -NLE_AGAIN)
            return 0;
        if (r == -NLE_NOMEM) { /* libnl's name for ENOBUFS */
            m->on_event(m->user, &(struct netlink_event){.change = NETLINK_LOST});
            continue;
        }
        if (r == -NLE_INTR || r == -NLE_DUMP_INTR)
            continue;
        if (r < 0)
            return -EIO;
    }
}
