/* SPDX-License-Identifier: Apache-2.0 */
/* See eigrp.h: the process's ports, timers and routes. */
#include "control/routing/eigrp_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "control/control.h"
#include "control/routing/distance.h"
#include "control/routing/networks.h"
#include "control/routing/reverse_routes.h"

enum {
    READ_BATCH = 32,
    READ_SIZE = 2048,
    SETTLE_MS = 20000, /* after that, what a predecessor learned and nobody announces is taken away */
    LEAVE_TURNS = 64,
};

const struct eigrp *eigrp_process_machine(const struct control *c)
{
    return c->eigrp ? c->eigrp->machine : NULL;
}

/* ---- actions ---- */

static void route_set(struct eigrp_process *p, const struct eigrp_action *a, bool set)
{
    uint8_t distance = a->route.external ? EIGRP_DISTANCE_EXTERNAL : EIGRP_DISTANCE_INTERNAL;
    const struct netlink_route r = {.destination = a->route.destination,
                                    .gateway = address_v4(a->route.next_hop),
                                    .ifindex = a->route.ifindex,
                                    .metric = distance_metric(distance, &a->route.destination, true),
                                    .type = NETLINK_ROUTE_UNICAST,
                                    .protocol = EIGRP_KERNEL_PROTOCOL};
    char text[PREFIX_TEXT];

    if (!set) {
        (void)!netlink_route_delete(p->control->netlink, &r); /* it may have gone with its device */
        return;
    }
    int error = netlink_route_replace(p->control->netlink, &r);
    if (error)
        log_line(p->control->log, "DUAL", 3, "ROUTE", "route %s cannot be set: %s",
                 prefix_print(&r.destination, text), strerror(-error));
}

/* An interface that went down and came up between two looks has lost its routes. */
static void route_assert(void *user, const struct eigrp_path_view *v)
{
    struct eigrp_action a = {.kind = EIGRP_ROUTE};

    if (v->local || !v->best)
        return;
    a.route.destination = v->destination;
    a.route.next_hop = v->next_hop;
    a.route.ifindex = v->ifindex;
    a.route.external = v->external;
    route_set(user, &a, true);
}

static struct port *port_find(struct eigrp_process *p, uint32_t ifindex)
{
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++)
        if (p->ports[i] && p->ports[i]->config.ifindex == ifindex)
            return p->ports[i];
    return NULL;
}

static void packet_send(struct eigrp_process *p, const struct eigrp_action *a)
{
    const struct port *port = port_find(p, a->send.ifindex);
    const struct endpoint remote = {.address = address_v4(a->send.destination)};

    if (!port)
        return;
    const struct endpoint local = {.address = port->config.address.address};
    /* What is lost is sent again. */
    (void)!datagram_send_one(port->fd, &local, &remote, bytes_of(a->send.data, a->send.len));
}

static void carry_out(struct eigrp_process *p)
{
    for (uint16_t i = 0; i < p->actions->count; i++) {
        const struct eigrp_action *a = &p->actions->items[i];
        switch (a->kind) {
        case EIGRP_SEND:
            packet_send(p, a);
            break;
        case EIGRP_ROUTE:
        case EIGRP_ROUTE_REMOVE:
            route_set(p, a, a->kind == EIGRP_ROUTE);
            break;
        case EIGRP_LOG:
            log_line(p->control->log, "DUAL", a->log.severity, a->log.mnemonic, "EIGRP-IPv4 %u: %s",
                     p->number, a->log.text);
            break;
        }
    }
    p->actions->count = 0;
}

static void timer_due(uv_timer_t *timer);

static void schedule(struct eigrp_process *p)
{
    ns at = eigrp_deadline(p->machine), now = clock_now();

    if (at == NS_NEVER)
        uv_timer_stop(&p->timer);
    else
        uv_timer_start(&p->timer, timer_due, (ns_since(at, now) + NS_PER_MS - 1) / NS_PER_MS, 0);
}

void eigrp_process_step(struct eigrp_process *p, struct eigrp_event *e)
{
    e->now = clock_now();
    eigrp_step(p->machine, e, p->actions);
    carry_out(p);
    schedule(p);
}

static void timer_due(uv_timer_t *timer)
{
    eigrp_process_step(timer->data, &(struct eigrp_event){.kind = EIGRP_EVENT_TICK});
}

/* ---- ports ---- */

static void packet_heard(struct port *port, const struct datagram *d)
{
    size_t header = d->len >= 20 ? (size_t)(d->data[0] & 15) * 4 : 0;

    if (d->truncated || header < 20 || header > d->len)
        return;
    struct eigrp_event e = {
        .kind = EIGRP_EVENT_PACKET,
        .ifindex = port->config.ifindex,
        .packet = {bytes_of(d->data + header, d->len - header), address_v4_get(&d->remote.address)}};
    eigrp_process_step(port->process, &e);
}

static void port_ready(uv_poll_t *poll, int status, int events)
{
    struct port *port = poll->data;
    struct datagram d[READ_BATCH];

    (void)events;
    if (status < 0) /* the device is going; the monitor tells what becomes of it */
        (void)!uv_poll_start(poll, UV_READABLE, port_ready);
    int n = datagram_receive(port->process->reader, port->fd, READ_BATCH, d);
    for (int i = 0; i < n; i++)
        packet_heard(port, &d[i]);
}

static void port_closed(uv_handle_t *handle)
{
    struct port *port = handle->data;

    close(port->fd);
    free(port);
}

static void port_close(struct eigrp_process *p, unsigned at)
{
    struct port *port = p->ports[at];

    p->ports[at] = NULL;
    uv_poll_stop(&port->poll);
    uv_close((uv_handle_t *)&port->poll, port_closed);
}

static struct port *port_open(struct eigrp_process *p, const struct eigrp_port_config *config,
                              const char *device)
{
    const struct multicast_options o = {.device = device,
                                        .ifindex = config->ifindex,
                                        .group = address_v4(EIGRP_MULTICAST),
                                        .protocol = EIGRP_PROTOCOL,
                                        .both = true,
                                        .hop_limit = EIGRP_TTL,
                                        .tos = EIGRP_TOS,
                                        .mark = HOLDFAST_MARK};
    unsigned at = 0;

    while (at < EIGRP_PORTS_MAX && p->ports[at])
        at++;
    struct port *port = at < EIGRP_PORTS_MAX ? calloc(1, sizeof *port) : NULL;
    int fd = port ? multicast_open(&o) : -ENOMEM;
    if (fd >= 0 && uv_poll_init(&p->control->loop, &port->poll, fd) != 0) {
        close(fd);
        fd = -EIO;
    }
    if (fd < 0) {
        log_line(p->control->log, "DUAL", 3, "SOCKET", "%s: EIGRP cannot be spoken here: %s", config->name,
                 strerror(-fd));
        free(port);
        return NULL;
    }
    port->process = p;
    port->fd = fd;
    port->poll.data = port;
    (void)!uv_poll_start(&port->poll, UV_READABLE, port_ready);
    p->ports[at] = port;
    return port;
}

static bool port_config_same(const struct eigrp_port_config *a, const struct eigrp_port_config *b)
{
    return prefix_equal(&a->address, &b->address) && a->hello == b->hello && a->hold == b->hold &&
           a->mtu == b->mtu && strcmp(a->name, b->name) == 0;
}

/* The first address of `i` that takes part, as the kernel has it. */
static const struct prefix *address_of_port(const struct control *c, const struct config_router *r,
                                            const struct config_interface *i, uint32_t ifindex)
{
    for (uint32_t a = 0; a < i->addresses.count; a++) {
        const struct prefix *p = &i->addresses.items[a].prefix;
        if (p->address.family == ADDRESS_V4 && router_network_of(r, &p->address) &&
            devices_has_address(&c->devices, ifindex, p))
            return p;
    }
    return NULL;
}

const struct netlink_link *eigrp_link_of(const struct control *c, const struct config_interface *i)
{
    char device[CONFIG_MAX_DEVICE + 1];

    return interface_device(i, device) && !i->shutdown ? devices_find(&c->devices, device) : NULL;
}

static void port_apply(struct eigrp_process *p, const struct config_router *r,
                       const struct config_interface *i)
{
    const struct netlink_link *link = eigrp_link_of(p->control, i);

    if (!link || !link->up || !link->carrier || router_is_passive(r, i))
        return;
    const struct prefix *address = address_of_port(p->control, r, i, link->ifindex);
    if (!address)
        return;
    struct eigrp_event e = {.kind = EIGRP_EVENT_PORT,
                            .port = {.ifindex = link->ifindex,
                                     .address = *address,
                                     .hello = EIGRP_HELLO_DEFAULT,
                                     .hold = EIGRP_HOLD_DEFAULT,
                                     .mtu = (uint16_t)MIN(link->mtu, (uint32_t)UINT16_MAX)}};
    strncpy(e.port.name, i->name, sizeof e.port.name - 1);
    for (uint32_t n = 0; n < i->eigrp.count; n++) {
        const struct config_eigrp_interface *t = &i->eigrp.items[n];
        if (t->process != r->number)
            continue;
        e.port.hello = t->hello ? t->hello : e.port.hello;
        e.port.hold = t->hold ? t->hold : e.port.hold;
    }
    struct port *port = port_find(p, link->ifindex);
    if (!port)
        port = port_open(p, &e.port, link->name);
    if (!port)
        return;
    port->wanted = true;
    if (port->up && port_config_same(&port->config, &e.port))
        return;
    port->config = e.port;
    port->up = true;
    eigrp_process_step(p, &e);
}

static void ports_apply(struct eigrp_process *p, const struct config *after, const struct config_router *r)
{
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++)
        if (p->ports[i])
            p->ports[i]->wanted = false;
    for (uint32_t i = 0; i < after->interfaces.count; i++)
        port_apply(p, r, &after->interfaces.items[i]);
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++) {
        if (!p->ports[i] || p->ports[i]->wanted)
            continue;
        const struct netlink_link *link =
            devices_find_index(&p->control->devices, p->ports[i]->config.ifindex);
        bool lost = !link || !link->up || !link->carrier;
        eigrp_process_step(p,
                           &(struct eigrp_event){.kind = lost ? EIGRP_EVENT_PORT_LOST : EIGRP_EVENT_PORT_GONE,
                                                 .ifindex = p->ports[i]->config.ifindex});
        port_close(p, i);
    }
}

/* ---- routes that a predecessor learned ---- */

struct leftovers {
    struct eigrp_process *process;
    struct netlink_route *list;
    uint32_t count, capacity;
};

struct wanted {
    const struct prefix *destination;
    bool found;
};

static void wanted_find(void *user, const struct eigrp_path_view *v)
{
    struct wanted *w = user;

    w->found = w->found || (!v->local && v->best && prefix_equal(&v->destination, w->destination));
}

static void leftover_add(void *user, const struct netlink_route *r)
{
    struct leftovers *l = user;

    if (r->protocol != EIGRP_KERNEL_PROTOCOL)
        return;
    struct wanted w = {.destination = &r->destination};
    eigrp_each_path(l->process->machine, wanted_find, &w);
    if (w.found)
        return;
    if (l->count == l->capacity) {
        uint32_t next = l->capacity ? 2 * l->capacity : 64;
        struct netlink_route *grown = realloc(l->list, next * sizeof *grown);
        if (!grown)
            return;
        l->list = grown;
        l->capacity = next;
    }
    l->list[l->count++] = *r;
}

static void settle_due(uv_timer_t *timer)
{
    struct eigrp_process *p = timer->data;
    struct leftovers l = {.process = p};

    (void)!netlink_routes(p->control->netlink, NETLINK_TABLE_MAIN, leftover_add, &l);
    for (uint32_t i = 0; i < l.count; i++)
        (void)!netlink_route_delete(p->control->netlink, &l.list[i]);
    free(l.list);
}

/* ---- beginning and end ---- */

/* Written, or the highest address of an interface. */
static uint32_t router_id_of(const struct config *c, const struct config_router *r)
{
    uint32_t highest = 1;

    if (address_is_set(&r->router_id))
        return address_v4_get(&r->router_id);
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        for (uint32_t a = 0; a < c->interfaces.items[i].addresses.count; a++)
            highest = MAX(highest, address_v4_get(&c->interfaces.items[i].addresses.items[a].prefix.address));
    return highest;
}

static void process_closed(uv_handle_t *handle)
{
    struct eigrp_process *p = handle->data;

    datagram_reader_free(p->reader);
    free(p->actions);
    free(p);
}

static void timer_close(uv_timer_t *timer, uv_close_cb closed)
{
    uv_timer_stop(timer);
    uv_close((uv_handle_t *)timer, closed);
}

/* Handles close one after the other: the last lets go of the memory. */
static void process_free(struct eigrp_process *p)
{
    p->control->eigrp = NULL;
    eigrp_free(p->machine);
    p->machine = NULL;
    timer_close(&p->timer, NULL);
    timer_close(&p->declare_timer, NULL);
    timer_close(&p->settle_timer, process_closed);
}

static void timer_init(struct eigrp_process *p, uv_timer_t *timer)
{
    uv_timer_init(&p->control->loop, timer);
    timer->data = p;
}

static void process_begin(struct control *c, const struct eigrp_config *config)
{
    struct eigrp_process *p = calloc(1, sizeof *p);

    if (!p)
        return;
    p->control = c;
    p->number = config->autonomous_system;
    p->machine = eigrp_new(config, clock_now());
    p->actions = calloc(1, sizeof *p->actions);
    p->reader = datagram_reader_new(READ_BATCH, READ_SIZE, 0, 0);
    timer_init(p, &p->timer);
    timer_init(p, &p->declare_timer);
    timer_init(p, &p->settle_timer);
    c->eigrp = p;
    if (!p->machine || !p->actions || !p->reader) {
        log_line(c->log, "DUAL", 3, "MEMORY", "no memory for EIGRP");
        process_free(p);
        return;
    }
    uv_timer_start(&p->settle_timer, settle_due, SETTLE_MS, 0);
}

void eigrp_process_end(struct control *c)
{
    struct eigrp_process *p = c->eigrp;

    if (p) {
        eigrp_process_step(p, &(struct eigrp_event){.kind = EIGRP_EVENT_LEAVE});
        for (unsigned n = 0; n < LEAVE_TURNS && eigrp_deadline(p->machine) == 0; n++)
            eigrp_process_step(p, &(struct eigrp_event){.kind = EIGRP_EVENT_TICK});
        for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++)
            if (p->ports[i])
                port_close(p, i);
        process_free(p);
    }
    (void)!netlink_routes_flush(c->netlink, NETLINK_TABLE_MAIN, EIGRP_KERNEL_PROTOCOL);
}

void eigrp_process_apply(struct control *c, const struct config *after)
{
    const struct config_router *r = config_find_router(after, CONFIG_ROUTER_EIGRP);

    if (c->eigrp && (!r || r->number != c->eigrp->number))
        eigrp_process_end(c);
    if (!r)
        return;
    const struct eigrp_config config = {.autonomous_system = r->number, .router_id = router_id_of(after, r)};
    if (c->eigrp)
        eigrp_configure(c->eigrp->machine, &config);
    else
        process_begin(c, &config);
    if (!c->eigrp)
        return;
    ports_apply(c->eigrp, after, r);
    eigrp_declare_all(c->eigrp, after);
    eigrp_each_path(c->eigrp->machine, route_assert, c->eigrp);
}
