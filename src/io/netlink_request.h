/* SPDX-License-Identifier: Apache-2.0 */
/* What the netlink_*.c files share: one request and its answers, and the readers of the kernel's messages. */
#ifndef IO_NETLINK_REQUEST_H
#define IO_NETLINK_REQUEST_H

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "io/netlink.h"

/* A message with `header` behind the netlink header; NULL: no memory. */
struct nl_msg *request_new(int type, int flags, const void *header, size_t len);
/* Sends and frees `m`, calls `each` for every answer, and returns the kernel's verdict. `failed`: a nla_put
 * before went wrong, the message is not sent (-EMSGSIZE). */
int request_run(struct netlink *n, struct nl_msg *m, bool failed,
                void (*each)(void *user, struct nlmsghdr *h), void *user) must_check;

int put_address(struct nl_msg *m, int attribute, const struct address *a);
struct address get_address(const struct nlattr *a);
int kernel_family(uint8_t family); /* AF_INET, AF_INET6, AF_UNSPEC */
uint8_t own_family(int family);

/* False: malformed, or a message of another sort. */
bool link_read(struct nlmsghdr *h, struct netlink_link *ret);
bool address_read(struct nlmsghdr *h, struct netlink_address *ret);
bool route_read(struct nlmsghdr *h, struct netlink_route *ret);
bool neighbour_read(struct nlmsghdr *h, struct netlink_neighbour *ret);

#endif
