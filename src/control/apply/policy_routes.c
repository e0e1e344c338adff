/* SPDX-License-Identifier: Apache-2.0 */
/* Steering: the TUN device up, the kernel settings that it needs, HOLDFAST_TABLE with its routes, and the
 * rules that lead into it. The table is compared with what should be in it: a successor of a dead control
 * changes nothing. */
#include <errno.h>
#include <stdlib.h>

#include "control/control.h"
#include "io/sysctl.h"

enum { TUN_MTU = 1500 };

static const struct netlink_steering steering = {.tun = HOLDFAST_TUN_NAME,
                                                 .mark = HOLDFAST_MARK,
                                                 .table = HOLDFAST_TABLE,
                                                 .priority = HOLDFAST_RULE_PRIORITY};

struct found {
    struct netlink_route *routes;
    uint32_t count, capacity;
    bool failed;
};

static void found_add(void *user, const struct netlink_route *r)
{
    struct found *f = user;

    if (r->table != HOLDFAST_TABLE)
        return;
    if (f->count == f->capacity) {
        uint32_t next = f->capacity ? 2 * f->capacity : 64;
        struct netlink_route *grown = realloc(f->routes, next * sizeof *grown);
        if (!grown) {
            f->failed = true;
            return;
        }
        f->routes = grown;
        f->capacity = next;
    }
    f->routes[f->count++] = *r;
}

static int found_compare(const void *a, const void *b)
{
    const struct netlink_route *x = a, *y = b;

    return policy_compare(&x->destination, &y->destination);
}

static void route_complain(struct control *c, const struct netlink_route *r, int error)
{
    char text[PREFIX_TEXT];

    if (error == -EAFNOSUPPORT ||
        (r->destination.address.family == ADDRESS_V6 && r->type == NETLINK_ROUTE_THROW))
        return; /* a machine without IPv6 needs no exceptions for it */
    log_line(c->log, "HOLDFAST", 3, "ROUTE", "traffic to %s cannot be led into the tunnels: %s",
             prefix_print(&r->destination, text), strerror(-error));
}

/* The kernel names a device for IPv6 throw routes, too. */
static bool route_same(const struct netlink_route *a, const struct netlink_route *b)
{
    return a->type == b->type && (a->ifindex == b->ifindex || a->type == NETLINK_ROUTE_THROW);
}

/* Both lists are sorted: one pass adds what is missing and deletes what is too much. */
static void table_change(struct control *c, const struct policy_routes *want, struct found *have)
{
    uint32_t w = 0, h = 0;

    while (w < want->count || h < have->count) {
        int order = w == want->count ? 1
                    : h == have->count
                        ? -1
                        : policy_compare(&want->routes[w].destination, &have->routes[h].destination);
        int error = 0;
        if (order < 0) {
            error = netlink_route_replace(c->netlink, &want->routes[w]);
        } else if (order > 0) {
            error = netlink_route_delete(c->netlink, &have->routes[h]);
            error = error == -ESRCH ? 0 : error;
        } else if (!route_same(&want->routes[w], &have->routes[h])) {
            (void)!netlink_route_delete(c->netlink, &have->routes[h]);
            error = netlink_route_add(c->netlink, &want->routes[w]);
        }
        if (error)
            route_complain(c, order > 0 ? &have->routes[h] : &want->routes[w], error);
        w += order <= 0;
        h += order >= 0;
    }
}

static void tun_prepare(struct control *c)
{
    const struct netlink_link *l = devices_find_index(&c->devices, c->tun_ifindex);
    int error = sysctl_tun_prepare(HOLDFAST_TUN_NAME);

    if (error)
        log_line(c->log, "HOLDFAST", 4, "SYSCTL",
                 error == -EPERM
                     ? "net.ipv4.conf.all.rp_filter is on: decrypted packets may be dropped by the kernel"
                     : "the kernel settings of " HOLDFAST_TUN_NAME
                       " cannot be changed: decrypted packets may be dropped");
    if (!l || l->mtu != TUN_MTU)
        (void)!netlink_link_set_mtu(c->netlink, c->tun_ifindex, TUN_MTU);
    if (!l || !l->up) {
        error = netlink_link_set_up(c->netlink, c->tun_ifindex, true);
        if (error)
            log_line(c->log, "HOLDFAST", 2, "TUN", HOLDFAST_TUN_NAME " cannot be set up: %s",
                     strerror(-error));
    }
}

static void forwarding_on(struct control *c)
{
    static const char *const names[] = {"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        long value;
        if (sysctl_get(names[i], &value) != 0 || value != 0)
            continue;
        int error = sysctl_set(names[i], 1);
        if (error)
            log_line(c->log, "HOLDFAST", 4, "SYSCTL", "%s cannot be switched on: %s", names[i],
                     strerror(-error));
    }
}

void apply_policy(struct control *c, const struct policy_routes *routes)
{
    struct found have = {0};
    int error;

    tun_prepare(c);
    forwarding_on(c);
    error = netlink_routes(c->netlink, HOLDFAST_TABLE, found_add, &have);
    if (have.count)
        qsort(have.routes, have.count, sizeof *have.routes, found_compare);
    if (error || have.failed)
        log_line(c->log, "HOLDFAST", 3, "ROUTE", "the routes of the tunnels cannot be read: %s",
                 strerror(error ? -error : ENOMEM));
    else
        table_change(c, routes, &have);
    free(have.routes);
    error = netlink_steering_add(c->netlink, &steering);
    if (error)
        log_line(c->log, "HOLDFAST", 2, "RULE",
                 "the rules that lead traffic into the tunnels cannot be set: %s", strerror(-error));
}

void apply_policy_withdraw(struct control *c)
{
    (void)!netlink_steering_delete(c->netlink, &steering);
    (void)!netlink_routes_flush(c->netlink, HOLDFAST_TABLE, 0);
}
