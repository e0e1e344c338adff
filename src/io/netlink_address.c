/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of interfaces (see netlink.h). */
#include <errno.h>
#include <linux/if_addr.h>
#include <netlink/attr.h>

#include "io/netlink_request.h"

static struct nl_msg *address_message(int type, int flags, uint32_t ifindex, const struct prefix *p,
                                      unsigned how, bool *failed)
{
    struct ifaddrmsg header = {.ifa_family = (uint8_t)kernel_family(p->address.family),
                               .ifa_prefixlen = p->length,
                               .ifa_index = ifindex};
    struct nl_msg *m = request_new(type, flags, &header, sizeof(header));
    if (!m)
        return NULL;
    *failed |= put_address(m, IFA_LOCAL, &p->address) < 0;
    *failed |= put_address(m, IFA_ADDRESS, &p->address) < 0;
    uint32_t kernel = 0;
    if (how & NETLINK_ADDRESS_NO_PREFIX_ROUTE)
        kernel |= IFA_F_NOPREFIXROUTE;
    if (how & NETLINK_ADDRESS_HOME && p->address.family == ADDRESS_V6)
        kernel |= IFA_F_NODAD;
    if (kernel)
        *failed |= nla_put_u32(m, IFA_FLAGS, kernel) < 0;
    if (p->address.family == ADDRESS_V4 && p->length < 31 && type == RTM_NEWADDR) {
        uint32_t host = prefix_mask_of_length(p->length);
        struct address broadcast = address_v4(address_v4_get(&p->address) | ~host);
        *failed |= put_address(m, IFA_BROADCAST, &broadcast) < 0;
    }
    return m;
}

int netlink_address_add(struct netlink *n, uint32_t ifindex, const struct prefix *p, unsigned flags)
{
    if (!address_is_set(&p->address) || p->length > address_bits(&p->address))
        return -EINVAL;
    bool failed = false;
    struct nl_msg *m = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, p, flags, &failed);
    return request_run(n, m, failed, NULL, NULL);
}

int netlink_address_delete(struct netlink *n, uint32_t ifindex, const struct prefix *p)
{
    if (!address_is_set(&p->address) || p->length > address_bits(&p->address))
        return -EINVAL;
    bool failed = false;
    struct nl_msg *m = address_message(RTM_DELADDR, 0, ifindex, p, 0, &failed);
    return request_run(n, m, failed, NULL, NULL);
}

bool address_read(struct nlmsghdr *h, struct netlink_address *ret)
{
    struct nlattr *at[IFA_MAX + 1];
    if (h->nlmsg_type != RTM_NEWADDR && h->nlmsg_type != RTM_DELADDR)
        return false;
    if (nlmsg_parse(h, sizeof(struct ifaddrmsg), at, IFA_MAX, NULL) < 0)
        return false;
    const struct ifaddrmsg *m = nlmsg_data(h);
    struct netlink_address a = {.ifindex = m->ifa_index};
    struct address local = get_address(at[IFA_LOCAL]), far = get_address(at[IFA_ADDRESS]);
    a.prefix.length = m->ifa_prefixlen;
    a.prefix.address = address_is_set(&local) ? local : far;
    if (address_is_set(&local) && address_is_set(&far) && !address_equal(&local, &far))
        a.peer = far;
    if (!address_is_set(&a.prefix.address) || a.prefix.length > address_bits(&a.prefix.address))
        return false;
    uint32_t flags = m->ifa_flags;
    if (at[IFA_FLAGS] && nla_len(at[IFA_FLAGS]) >= 4)
        flags = nla_get_u32(at[IFA_FLAGS]);
    a.secondary = m->ifa_family == AF_INET && (flags & IFA_F_SECONDARY) != 0;
    a.permanent = (flags & IFA_F_PERMANENT) != 0;
    a.tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0;
    *ret = a;
    return true;
}

struct address_walk {
    void (*each)(void *user, const struct netlink_address *a);
    void *user;
};

static void address_visit(void *user, struct nlmsghdr *h)
{
    struct address_walk *w = user;
    struct netlink_address a;
    if (address_read(h, &a))
        w->each(w->user, &a);
}

int netlink_addresses(struct netlink *n, void (*each)(void *user, const struct netlink_address *a),
                      void *user)
{
    struct ifaddrmsg header = {.ifa_family = AF_UNSPEC};
    struct address_walk walk = {each, user};
    struct nl_msg *m = request_new(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
    return request_run(n, m, false, address_visit, &walk);
}
