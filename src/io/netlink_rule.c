/* SPDX-License-Identifier: Apache-2.0 */
/* The three rules that lead interesting traffic into the TUN device (see netlink.h). */
#include <errno.h>
#include <linux/fib_rules.h>
#include <netlink/attr.h>

#include "io/netlink_request.h"

struct rule {
    uint32_t priority;
    uint8_t action;
    bool inverted;
    const char *iif;
    uint32_t mark, table, target;
};

static int rule_change(struct netlink *n, bool add, int family, const struct rule *r)
{
    struct fib_rule_hdr header = {.family = (uint8_t)family,
                                  .action = r->action,
                                  .table = RT_TABLE_UNSPEC,
                                  .flags = r->inverted ? FIB_RULE_INVERT : 0};
    struct nl_msg *m = request_new(add ? RTM_NEWRULE : RTM_DELRULE, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
                                   &header, sizeof(header));
    if (!m)
        return -ENOMEM;
    bool failed = nla_put_u32(m, FRA_PRIORITY, r->priority) < 0;
    if (r->iif)
        failed |= nla_put_string(m, FRA_IIFNAME, r->iif) < 0;
    if (r->mark) {
        failed |= nla_put_u32(m, FRA_FWMARK, r->mark) < 0;
        failed |= nla_put_u32(m, FRA_FWMASK, UINT32_MAX) < 0;
    }
    if (r->table)
        failed |= nla_put_u32(m, FRA_TABLE, r->table) < 0;
    if (r->target)
        failed |= nla_put_u32(m, FRA_GOTO, r->target) < 0;
    if (add)
        failed |= nla_put_u8(m, FRA_PROTOCOL, NETLINK_PROTOCOL_HOLDFAST) < 0;
    return request_run(n, m, failed, NULL, NULL);
}

/* In the order in which they may be added: a goto wants its target first, and until the first rule stands the
 * second would lead what comes out of the TUN device back into it. */
static void steering_rules(const struct netlink_steering *s, struct rule out[3])
{
    uint32_t p = s->priority;
    out[0] = (struct rule){.priority = p + 2, .action = FR_ACT_NOP};
    out[1] = (struct rule){.priority = p, .action = FR_ACT_GOTO, .iif = s->tun, .target = p + 2};
    out[2] = (struct rule){
        .priority = p + 1, .action = FR_ACT_TO_TBL, .inverted = true, .mark = s->mark, .table = s->table};
}

static bool family_missing(int error)
{
    return error == -EAFNOSUPPORT || error == -EOPNOTSUPP;
}

static const uint8_t families[] = {AF_INET, AF_INET6};

int netlink_steering_add(struct netlink *n, const struct netlink_steering *s)
{
    struct rule rules[3];
    if (!s->tun || !s->mark || !s->table || !s->priority)
        return -EINVAL;
    steering_rules(s, rules);
    for (size_t f = 0; f < ARRAY_SIZE(families); f++)
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
            int r = rule_change(n, true, families[f], &rules[i]);
            if (family_missing(r))
                break;
            if (r < 0 && r != -EEXIST)
                return r;
        }
    return 0;
}

int netlink_steering_delete(struct netlink *n, const struct netlink_steering *s)
{
    struct rule rules[3];
    int first = 0;
    steering_rules(s, rules);
    for (size_t f = 0; f < ARRAY_SIZE(families); f++)
        for (size_t i = ARRAY_SIZE(rules); i-- > 0;) {
            int r = rule_change(n, false, families[f], &rules[i]);
            if (r < 0 && r != -ENOENT && !family_missing(r) && first == 0)
                first = r;
        }
    return first;
}
