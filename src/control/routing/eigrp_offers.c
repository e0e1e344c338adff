/* SPDX-License-Identifier: Apache-2.0 */
/* What EIGRP announces: connected networks of `network` lines, and what `redistribute` takes from the
 * kernel's routes. The offers are read anew, as a whole, a moment after the last change: a thousand spokes
 * that come at once cost a few readings. */
#include "control/control.h"
#include "control/routing/distance.h"
#include "control/routing/eigrp_internal.h"
#include "control/routing/networks.h"
#include "control/routing/reverse_routes.h"

enum {
    SOON_MS = 20,
    RETRY_MS = 1000,
    COST_FACTOR = 10, /* reading the kernel's routes takes at most this part of the time */
};

struct offers {
    struct eigrp_process *process;
    const struct config_router *router;
    uint32_t clock;
};

static const struct config_redistribute *redistribute_of(const struct config_router *r, uint8_t source)
{
    for (uint32_t i = 0; i < r->redistribute.count; i++)
        if (r->redistribute.items[i].source == source)
            return &r->redistribute.items[i];
    return NULL;
}

static struct eigrp_offer offer_of(const struct prefix *destination, uint32_t ifindex,
                                   const struct config_redistribute *d, uint8_t origin)
{
    struct eigrp_offer o = {.destination = *destination,
                            .ifindex = ifindex,
                            .external = d != NULL,
                            .origin = origin,
                            .bandwidth = EIGRP_BANDWIDTH_DEFAULT,
                            .delay = EIGRP_DELAY_DEFAULT,
                            .reliability = 255,
                            .load = 1,
                            .mtu = 1500};

    prefix_mask(&o.destination);
    if (d && d->metric_written) {
        o.bandwidth = d->metric[0];
        o.delay = d->metric[1];
        o.reliability = (uint8_t)d->metric[2];
        o.load = (uint8_t)d->metric[3];
        o.mtu = d->metric[4];
    }
    return o;
}

static void connected_declare(struct offers *o, const struct config *config)
{
    const struct config_redistribute *d = redistribute_of(o->router, CONFIG_REDISTRIBUTE_CONNECTED);
    struct control *c = o->process->control;

    for (uint32_t i = 0; i < config->interfaces.count; i++) {
        const struct config_interface *f = &config->interfaces.items[i];
        const struct netlink_link *link = eigrp_link_of(c, f);
        for (uint32_t a = 0; link && link->up && link->carrier && a < f->addresses.count; a++) {
            const struct prefix *p = &f->addresses.items[a].prefix;
            bool inside = p->address.family == ADDRESS_V4 && router_network_of(o->router, &p->address);
            if (p->address.family != ADDRESS_V4 || (!inside && !d))
                continue;
            struct eigrp_offer offer = offer_of(p, link->ifindex, inside ? NULL : d, EIGRP_ORIGIN_CONNECTED);
            eigrp_declare(o->process->machine, &offer, o->clock);
        }
    }
}

/* A route that stands by below what EIGRP itself may learn is not announced, nor is the default route. */
static void kernel_declare(void *user, const struct netlink_route *r)
{
    struct offers *o = user;
    const struct config_redistribute *d = redistribute_of(o->router, CONFIG_REDISTRIBUTE_STATIC);

    if ((r->protocol != NETLINK_PROTOCOL_HOLDFAST && r->protocol != REVERSE_ROUTE_PROTOCOL) || !d ||
        r->type != NETLINK_ROUTE_UNICAST || r->destination.address.family != ADDRESS_V4 ||
        r->destination.length == 0 || distance_of_metric(r->metric) > EIGRP_DISTANCE_EXTERNAL)
        return;
    struct eigrp_offer offer = offer_of(&r->destination, r->ifindex, d, EIGRP_ORIGIN_STATIC);
    eigrp_declare(o->process->machine, &offer, o->clock);
}

void eigrp_declare_all(struct eigrp_process *p, const struct config *config)
{
    struct offers o = {.process = p,
                       .router = config_find_router(config, CONFIG_ROUTER_EIGRP),
                       .clock = (uint32_t)clock_wall_seconds()};
    ns began = clock_now();

    if (!o.router)
        return;
    eigrp_declare_begin(p->machine);
    connected_declare(&o, config);
    int error = netlink_routes(p->control->netlink, NETLINK_TABLE_MAIN, kernel_declare, &o);
    if (error) { /* what was not read is not withdrawn: again in a while */
        log_line(p->control->log, "DUAL", 3, "ROUTE", "the kernel's routes cannot be read: %s",
                 strerror(-error));
        uv_timer_start(&p->declare_timer, eigrp_declare_due, RETRY_MS, 0);
        return;
    }
    eigrp_declare_end(p->machine, clock_now());
    p->declare_cost = clock_now() - began;
    loop_section(&p->control->watch, "routes for EIGRP", began, clock_now());
    eigrp_process_step(p, &(struct eigrp_event){.kind = EIGRP_EVENT_TICK});
}

void eigrp_declare_due(uv_timer_t *timer)
{
    struct eigrp_process *p = timer->data;

    if (p->control->config)
        eigrp_declare_all(p, p->control->config);
}

void eigrp_process_routes_changed(struct control *c)
{
    struct eigrp_process *p = c->eigrp;

    if (p && !uv_is_active((uv_handle_t *)&p->declare_timer))
        uv_timer_start(&p->declare_timer, eigrp_declare_due,
                       MAX((uint64_t)SOON_MS, COST_FACTOR * p->declare_cost / NS_PER_MS), 0);
}
