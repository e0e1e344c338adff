/* SPDX-License-Identifier: Apache-2.0 */
/* src/io/netlink.h on the simulated kernel of the process that calls. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "site/gateway/kernel.h"

struct netlink {
    bool unused;
};

struct netlink_monitor {
    int fd;
    void (*on_event)(void *user, const struct netlink_event *e);
    void *user;
};

int netlink_new(struct netlink **ret)
{
    *ret = calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

void netlink_free(struct netlink *n)
{
    free(n);
}

/* ---- addresses ---- */

int netlink_address_add(struct netlink *n, uint32_t ifindex, const struct prefix *p, unsigned flags)
{
    (void)n;
    (void)flags;
    process_point();
    struct process *out = process_leave();
    int error = kernel_address_add(out->kernel, ifindex, p);
    process_return(out);
    return error;
}

int netlink_address_delete(struct netlink *n, uint32_t ifindex, const struct prefix *p)
{
    (void)n;
    process_point();
    struct process *out = process_leave();
    int error = kernel_address_delete(out->kernel, ifindex, p);
    process_return(out);
    return error;
}

int netlink_addresses(struct netlink *n, void (*each)(void *user, const struct netlink_address *a),
                      void *user)
{
    const struct kernel *k = kernel_here();
    (void)n;
    process_point();
    for (unsigned i = 0; i < k->address_count; i++)
        each(user, &k->addresses[i]);
    return 0;
}

/* ---- links ---- */

int netlink_link_by_name(struct netlink *n, const char *name, struct netlink_link *ret)
{
    const struct kernel_link *l = kernel_link_named(kernel_here(), name);
    (void)n;
    if (!l)
        return -ENODEV;
    *ret = l->link;
    return 0;
}

int netlink_link_by_index(struct netlink *n, uint32_t ifindex, struct netlink_link *ret)
{
    const struct kernel_link *l = kernel_link_at(kernel_here(), ifindex);
    (void)n;
    if (!l)
        return -ENODEV;
    *ret = l->link;
    return 0;
}

int netlink_links(struct netlink *n, void (*each)(void *user, const struct netlink_link *l), void *user)
{
    const struct kernel *k = kernel_here();
    (void)n;
    process_point();
    for (unsigned i = 0; i < KERNEL_LINKS_MAX; i++)
        if (k->links[i].used)
            each(user, &k->links[i].link);
    return 0;
}

int netlink_link_set_up(struct netlink *n, uint32_t ifindex, bool up)
{
    (void)n;
    process_point();
    struct process *out = process_leave();
    struct kernel_link *l = kernel_link_at(out->kernel, ifindex);
    if (l && l->link.up != up) {
        l->link.up = up;
        kernel_link_changed(out->kernel, l, false);
    }
    process_return(out);
    return l ? 0 : -ENODEV;
}

int netlink_link_set_mtu(struct netlink *n, uint32_t ifindex, uint32_t mtu)
{
    (void)n;
    struct kernel_link *l = kernel_link_at(kernel_here(), ifindex);
    if (!l)
        return -ENODEV;
    l->link.mtu = mtu;
    return 0;
}

int netlink_macvlan_add(struct netlink *n, uint32_t parent, const char *name, const uint8_t mac[6])
{
    int error = -ENODEV;
    (void)n;
    process_point();
    struct process *out = process_leave();
    struct kernel_link *p = kernel_link_at(out->kernel, parent);
    if (kernel_link_named(out->kernel, name))
        error = -EEXIST;
    else if (p) {
        struct kernel_link *l = kernel_link_new(out->kernel, name, "macvlan", p->port, mac);
        error = l ? 0 : -ENOSPC;
        if (l) {
            l->parent = parent;
            l->link.carrier = p->link.carrier;
            l->link.mtu = p->link.mtu;
            kernel_link_changed(out->kernel, l, false);
        }
    }
    process_return(out);
    return error;
}

int netlink_link_delete(struct netlink *n, uint32_t ifindex)
{
    (void)n;
    process_point();
    struct process *out = process_leave();
    struct kernel *k = out->kernel;
    struct kernel_link *l = kernel_link_at(k, ifindex);
    if (l) {
        for (unsigned i = k->address_count; i-- > 0;)
            if (k->addresses[i].ifindex == ifindex) {
                struct prefix p = k->addresses[i].prefix;
                (void)kernel_address_delete(k, ifindex, &p);
            }
        l->link.up = l->link.carrier = false;
        kernel_link_changed(k, l, true);
        l->used = false;
    }
    process_return(out);
    return l ? 0 : -ENODEV;
}

/* ---- routes ---- */

static bool same_route(const struct netlink_route *a, const struct netlink_route *b)
{
    uint32_t x = a->table ? a->table : NETLINK_TABLE_MAIN, y = b->table ? b->table : NETLINK_TABLE_MAIN;
    return x == y && a->metric == b->metric && prefix_equal(&a->destination, &b->destination);
}

static struct netlink_route *route_find(struct kernel *k, const struct netlink_route *r)
{
    for (unsigned i = 0; i < k->route_count; i++)
        if (same_route(&k->routes[i], r))
            return &k->routes[i];
    return NULL;
}

static void route_tell(struct kernel *k, const struct netlink_route *r, bool removed)
{
    struct netlink_event e = {.change = removed ? NETLINK_ROUTE_REMOVED : NETLINK_ROUTE_CHANGED, .route = *r};
    files_monitor(k, NETLINK_MONITOR_ROUTES, &e);
}

static void route_put(struct kernel *k, const struct netlink_route *r)
{
    struct netlink_route *at = route_find(k, r);
    if (!at) {
        if (k->route_count == k->route_room) {
            k->route_room = k->route_room ? 2 * k->route_room : 16;
            k->routes = realloc(k->routes, k->route_room * sizeof(*k->routes));
            assert(k->routes);
        }
        at = &k->routes[k->route_count++];
    }
    *at = *r;
    at->table = r->table ? r->table : NETLINK_TABLE_MAIN;
    at->protocol = r->protocol ? r->protocol : NETLINK_PROTOCOL_HOLDFAST;
    route_tell(k, at, false);
}

int netlink_route_add(struct netlink *n, const struct netlink_route *r)
{
    (void)n;
    process_point();
    struct process *out = process_leave();
    int error = route_find(out->kernel, r) ? -EEXIST : 0;
    if (!error)
        route_put(out->kernel, r);
    process_return(out);
    return error;
}

int netlink_route_replace(struct netlink *n, const struct netlink_route *r)
{
    (void)n;
    process_point();
    struct process *out = process_leave();
    route_put(out->kernel, r);
    process_return(out);
    return 0;
}

static void route_remove(struct kernel *k, struct netlink_route *r)
{
    struct netlink_route was = *r;
    *r = k->routes[--k->route_count];
    route_tell(k, &was, true);
}

int netlink_route_delete(struct netlink *n, const struct netlink_route *r)
{
    (void)n;
    process_point();
    struct process *out = process_leave();
    struct netlink_route *at = route_find(out->kernel, r);
    if (at)
        route_remove(out->kernel, at);
    process_return(out);
    return at ? 0 : -ESRCH;
}

int netlink_routes(struct netlink *n, uint32_t table, void (*each)(void *user, const struct netlink_route *r),
                   void *user)
{
    const struct kernel *k = kernel_here();
    (void)n;
    process_point();
    for (unsigned i = 0; i < k->route_count; i++)
        if (table == 0 || k->routes[i].table == table)
            each(user, &k->routes[i]);
    return 0;
}

int netlink_routes_flush(struct netlink *n, uint32_t table, uint8_t protocol)
{
    int count = 0;
    (void)n;
    process_point();
    struct process *out = process_leave();
    struct kernel *k = out->kernel;
    for (unsigned i = k->route_count; i-- > 0;)
        if (k->routes[i].table == table &&
            k->routes[i].protocol == (protocol ? protocol : NETLINK_PROTOCOL_HOLDFAST)) {
            route_remove(k, &k->routes[i]);
            count++;
        }
    process_return(out);
    return count;
}

int netlink_route_find(struct netlink *n, const struct address *destination, const struct address *source,
                       uint32_t mark, struct netlink_hop *ret)
{
    (void)n;
    (void)source;
    struct process *out = process_leave();
    (void)kernel_route(out->kernel, destination, mark == 0, ret);
    process_return(out);
    return 0;
}

int netlink_steering_add(struct netlink *n, const struct netlink_steering *s)
{
    (void)n;
    (void)s;
    process_point();
    kernel_here()->steering = true;
    return 0;
}

int netlink_steering_delete(struct netlink *n, const struct netlink_steering *s)
{
    (void)n;
    (void)s;
    process_point();
    kernel_here()->steering = false;
    return 0;
}

int netlink_neighbour_find(struct netlink *n, uint32_t ifindex, const struct address *address,
                           struct netlink_neighbour *ret)
{
    (void)n;
    *ret = (struct netlink_neighbour){.ifindex = ifindex, .address = *address};
    return -ENOENT;
}

/* ---- changes ---- */

int netlink_monitor_new(unsigned flags, void (*on_event)(void *user, const struct netlink_event *e),
                        void *user, struct netlink_monitor **ret)
{
    struct netlink_monitor *m = calloc(1, sizeof(*m));
    struct kernel *k = kernel_here();
    if (!m)
        return -ENOMEM;
    m->fd = file_new(k, FILE_MONITOR, process_current->role);
    if (m->fd < 0) {
        int error = m->fd;
        free(m);
        return error;
    }
    k->files[m->fd].monitor_flags = flags;
    m->on_event = on_event;
    m->user = user;
    *ret = m;
    return 0;
}

void netlink_monitor_free(struct netlink_monitor *m)
{
    if (!m)
        return;
    file_close(kernel_here(), m->fd);
    free(m);
}

int netlink_monitor_fd(const struct netlink_monitor *m)
{
    return m->fd;
}

int netlink_monitor_dispatch(struct netlink_monitor *m)
{
    struct file *f = &kernel_here()->files[m->fd];
    struct file_packet *p;
    process_point();
    while ((p = file_take(f))) {
        struct netlink_event e;
        assert(p->len == sizeof(e));
        memcpy(&e, p->data, sizeof(e));
        free(p);
        m->on_event(m->user, &e);
    }
    if (f->monitor_lost) {
        const struct netlink_event lost = {.change = NETLINK_LOST};
        f->monitor_lost = false;
        m->on_event(m->user, &lost);
    }
    return 0;
}
