/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours: who has an address on a link (see netlink.h). */
#include <errno.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <netlink/attr.h>

#include "io/netlink_request.h"

enum { WITH_MAC = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT };

bool neighbour_read(struct nlmsghdr *h, struct netlink_neighbour *ret)
{
    struct nlattr *at[NDA_MAX + 1];
    if (h->nlmsg_type != RTM_NEWNEIGH && h->nlmsg_type != RTM_DELNEIGH)
        return false;
    if (nlmsg_parse(h, sizeof(struct ndmsg), at, NDA_MAX, NULL) < 0)
        return false;
    const struct ndmsg *m = nlmsg_data(h);
    /* A bridge's forwarding table comes in these messages, too, with a family of its own. */
    if (own_family(m->ndm_family) == ADDRESS_NONE)
        return false;
    struct netlink_neighbour n = {.ifindex = (uint32_t)m->ndm_ifindex, .address = get_address(at[NDA_DST])};
    if (n.address.family != own_family(m->ndm_family))
        return false;
    if (h->nlmsg_type == RTM_NEWNEIGH && m->ndm_state & WITH_MAC && at[NDA_LLADDR] &&
        nla_len(at[NDA_LLADDR]) == sizeof(n.mac)) {
        memcpy(n.mac, nla_data(at[NDA_LLADDR]), sizeof(n.mac));
        n.has_mac = true;
    }
    *ret = n;
    return true;
}

static void neighbour_visit(void *user, struct nlmsghdr *h)
{
    neighbour_read(h, user);
}

int netlink_neighbour_find(struct netlink *n, uint32_t ifindex, const struct address *address,
                           struct netlink_neighbour *ret)
{
    if (!address_is_set(address))
        return -EINVAL;
    struct ndmsg header = {.ndm_family = (uint8_t)kernel_family(address->family),
                           .ndm_ifindex = (int)ifindex};
    struct nl_msg *m = request_new(RTM_GETNEIGH, 0, &header, sizeof(header));
    if (!m)
        return -ENOMEM;
    struct netlink_neighbour found = {0};
    int r = request_run(n, m, put_address(m, NDA_DST, address) < 0, neighbour_visit, &found);
    if (r < 0)
        return r;
    if (found.ifindex != ifindex || !address_equal(&found.address, address))
        return -ENOENT;
    *ret = found;
    return 0;
}
