/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's few netlink requests, one call each, over a socket that belongs to the namespace in which it was
 * opened. Called by fabric.c only. All return 0 or a negative errno. */
#ifndef LAB_NETLINK_H
#define LAB_NETLINK_H

#include "base/address.h"

struct nl_sock;

int netlink_open(int netns, struct nl_sock **ret) must_check;
void netlink_close(struct nl_sock *s);
/* A pair with `name` here and `peer` in another namespace; both down. mtu 0: the default. */
int netlink_add_veth(struct nl_sock *s, const char *name, const char *peer, int peer_netns,
                     uint32_t mtu) must_check;
/* A bridge that forwards at once and knows neither spanning tree nor multicast snooping. */
int netlink_add_bridge(struct nl_sock *s, const char *name, uint32_t mtu) must_check;
int netlink_set_up(struct nl_sock *s, const char *device, bool up) must_check;
/* bridge NULL: out of its bridge. */
int netlink_set_bridge(struct nl_sock *s, const char *port, const char *bridge) must_check;
int netlink_add_address(struct nl_sock *s, const char *device, const struct prefix *address) must_check;
int netlink_add_route(struct nl_sock *s, const struct prefix *destination, const struct address *via,
                      uint32_t metric) must_check;

#endif
