/* SPDX-License-Identifier: Apache-2.0 */
/* The EIGRP process of control, for its own files: ports, routes and timers are eigrp.c's, what is announced
 * is eigrp_offers.c's. */
#ifndef CONTROL_ROUTING_EIGRP_INTERNAL_H
#define CONTROL_ROUTING_EIGRP_INTERNAL_H

#include "control/routing/eigrp.h"
#include "eigrp/eigrp.h"
#include "io/multicast_socket.h"

#include <uv.h>

struct config;
struct config_interface;
struct netlink_link;

struct port {
    struct eigrp_process *process;
    uv_poll_t poll;
    int fd; /* -1: not used */
    bool wanted, up;
    struct eigrp_port_config config;
};

struct eigrp_process {
    struct control *control;
    struct eigrp *machine;
    struct eigrp_actions *actions;
    struct datagram_reader *reader;
    uv_timer_t timer, declare_timer, settle_timer;
    uint16_t number;
    const struct config *config; /* in force; only while it is applied or announced */
    ns declare_cost;
    struct port *ports[EIGRP_PORTS_MAX];
};

void eigrp_process_step(struct eigrp_process *p, struct eigrp_event *e);
/* Of an interface as it is configured; NULL: there is none. */
const struct netlink_link *eigrp_link_of(const struct control *c, const struct config_interface *i);

/* Every offer of the configuration and the kernel's tables, now. */
void eigrp_declare_all(struct eigrp_process *p, const struct config *config);
void eigrp_declare_due(uv_timer_t *timer);

#endif
