/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the machine: devices that come, go, lose their carrier, addresses that change. A burst of changes
 * leads to one reaction. */
#include <errno.h>

#include "control/control.h"
#include "control/redundancy/redundancy.h"

enum { REAPPLY_MS = 5 };

static const struct config_interface *interface_of(const struct control *c, const char *device)
{
    char name[CONFIG_MAX_DEVICE + 1];

    for (uint32_t i = 0; c->config && i < c->config->interfaces.count; i++)
        if (interface_device(&c->config->interfaces.items[i], name) && strcmp(name, device) == 0)
            return &c->config->interfaces.items[i];
    return NULL;
}

static void link_report(struct control *c, const struct netlink_link *before, const struct netlink_link *now)
{
    const struct config_interface *i = interface_of(c, now->name);
    bool was_up = before && before->up, was_carrier = before && before->up && before->carrier;

    if (!i || now->loopback)
        return;
    if (!before || was_up != now->up)
        log_line(c->log, "LINK", now->up ? 3 : 5, now->up ? "UPDOWN" : "CHANGED",
                 "Interface %s, changed state to %s", i->name, now->up ? "up" : "administratively down");
    if (was_carrier != (now->up && now->carrier))
        log_line(c->log, "LINEPROTO", 5, "UPDOWN", "Line protocol on Interface %s, changed state to %s",
                 i->name, now->up && now->carrier ? "up" : "down");
}

static void appeared_note(struct control *c, uint32_t ifindex)
{
    if (c->appeared_count < ARRAY_SIZE(c->appeared))
        c->appeared[c->appeared_count] = ifindex;
    if (c->appeared_count <= ARRAY_SIZE(c->appeared))
        c->appeared_count++;
}

static void event_heard(void *user, const struct netlink_event *e)
{
    struct control *c = user;
    struct netlink_link before = {0};
    const struct netlink_link *known = NULL;

    if (e->change == NETLINK_LOST) {
        c->devices_lost = true;
        control_reapply_soon(c, true);
        return;
    }
    if (e->change == NETLINK_LINK_CHANGED || e->change == NETLINK_LINK_REMOVED) {
        known = devices_find_index(&c->devices, e->link.ifindex);
        if (known)
            before = *known;
    }
    bool existed = known != NULL;
    if (!devices_update(&c->devices, e))
        return;
    redundancy_links(c);
    if (e->change == NETLINK_LINK_CHANGED) {
        link_report(c, existed ? &before : NULL, &e->link);
        if (!existed || strcmp(before.name, e->link.name) != 0 || (!before.up && e->link.up))
            appeared_note(c, e->link.ifindex);
        control_reapply_soon(c, !existed || strcmp(before.name, e->link.name) != 0);
    } else if (e->change == NETLINK_LINK_REMOVED) {
        const struct config_interface *i = interface_of(c, before.name);
        if (i)
            log_line(c->log, "LINK", 3, "UPDOWN", "Interface %s, its device %s is gone", i->name,
                     before.name);
        control_reapply_soon(c, true);
    } else {
        control_reapply_soon(c, true);
    }
}

static void reapply_due(uv_timer_t *timer)
{
    struct control *c = timer->data;
    ns began = clock_now();

    if (c->devices_lost) {
        c->devices_lost = false;
        if (devices_read(&c->devices, c->netlink) != 0)
            c->devices_lost = true;
    }
    control_reapply(c);
    if (c->devices_lost)
        control_reapply_soon(c, true);
    loop_section(&c->watch, "a change of the devices", began, clock_now());
}

void control_reapply_soon(struct control *c, bool compile)
{
    c->compile_due = c->compile_due || compile;
    c->reapply_timer.data = c;
    if (!uv_is_active((uv_handle_t *)&c->reapply_timer))
        uv_timer_start(&c->reapply_timer, reapply_due, REAPPLY_MS, 0);
}

static void monitor_ready(uv_poll_t *poll, int status, int events)
{
    struct control *c = poll->data;

    (void)events;
    ns began = clock_now();
    if (netlink_monitor_dispatch(c->monitor) != 0) {
        c->devices_lost = true;
        control_reapply_soon(c, true);
    }
    loop_section(&c->watch, "what the kernel tells of devices", began, clock_now());
    if (status < 0)
        (void)!uv_poll_start(poll, UV_READABLE, monitor_ready);
}

int control_links_begin(struct control *c)
{
    int error =
        netlink_monitor_new(NETLINK_MONITOR_LINKS | NETLINK_MONITOR_ADDRESSES, event_heard, c, &c->monitor);

    if (!error)
        error = devices_read(&c->devices, c->netlink);
    if (!error)
        error = uv_poll_init(&c->loop, &c->monitor_poll, netlink_monitor_fd(c->monitor));
    c->monitor_poll.data = c;
    return error ? error : uv_poll_start(&c->monitor_poll, UV_READABLE, monitor_ready);
}
