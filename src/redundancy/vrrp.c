/* SPDX-License-Identifier: Apache-2.0 */
/* The VRRP version 3 machine, RFC 9568 §6.4; its names Master and Backup are the field's, the RFC says Active
 * and Backup. Timers that do not run are NS_NEVER. A preempting Backup lets a lower Master's advertisements
 * pass unheard, and its Active_Down_Timer brings it in; while `preempt delay` runs it behaves like one that
 * does not preempt. */
#include <assert.h>

#include "redundancy/vrrp.h"

#define VRRP_CENTISECOND (10 * NS_PER_MS)
#define VRRP_LOG_WINDOW  (30 * NS_PER_S) /* one line of a kind */

enum {
    VRRP_STORM_BASE = 64, /* packets a second from routers that are not the Master we know ... */
    VRRP_STORM_PER_ADVERTISEMENT = 16,
    VRRP_REPLIES_PER_SECOND = 10,
};

void vrrp_config_default(struct vrrp_config *c)
{
    c->priority = VRRP_PRIORITY_DEFAULT;
    c->interval = 100;
    c->preempt = true;
    c->announce_count = 5;
    c->announce_interval = 200 * NS_PER_MS;
}

static bool config_valid(const struct vrrp_config *c)
{
    return c->vrid > 0 && c->address_count > 0 && c->address_count <= VRRP_ADDRESSES_MAX && c->interval > 0 &&
           c->interval <= VRRP_INTERVAL_MAX && c->priority > 0;
}

static bool has_address(const struct vrrp_router *r, const struct address *a)
{
    for (size_t i = 0; i < r->config.address_count; i++) {
        if (address_equal(&r->config.addresses[i], a))
            return true;
    }
    return false;
}

bool vrrp_is_owner(const struct vrrp_router *r)
{
    return has_address(r, &r->config.interface_address);
}

const char *vrrp_state_name(enum vrrp_state state)
{
    static const char *const names[] = {"Init", "Backup", "Master"};
    return (size_t)state < ARRAY_SIZE(names) ? names[state] : "?";
}

static uint8_t priority_of(const struct vrrp_router *r, uint8_t priority)
{
    return vrrp_is_owner(r) ? VRRP_PRIORITY_OWNER : MIN(MAX(priority, 1), VRRP_PRIORITY_OWNER - 1);
}

static void timers_stop(struct vrrp_router *r)
{
    r->advertisement_timer = r->master_down_timer = r->preempt_timer = r->announce_timer = NS_NEVER;
    r->announce_left = 0;
}

void vrrp_init(struct vrrp_router *r, const struct vrrp_config *config, ns now)
{
    assert(config_valid(config));
    *r = (struct vrrp_router){.config = *config, .master_interval = config->interval, .last_change = now};
    r->priority = priority_of(r, config->priority);
    timers_stop(r);
}

ns vrrp_skew(const struct vrrp_router *r)
{
    return (ns)(256 - r->priority) * r->master_interval * VRRP_CENTISECOND / 256;
}

ns vrrp_master_down(const struct vrrp_router *r)
{
    return 3 * (ns)r->master_interval * VRRP_CENTISECOND + vrrp_skew(r);
}

/* ---- what goes out ---- */

static void advertise(struct vrrp_router *r, uint8_t priority, ns now, struct redundancy_actions *actions)
{
    struct vrrp_message m = {
        .vrid = r->config.vrid,
        .priority = priority,
        .interval = r->config.interval,
        .address_count = r->config.address_count,
    };
    struct address group = vrrp_multicast(r->config.interface_address.family);
    memcpy(m.addresses, r->config.addresses, sizeof(m.addresses));
    struct redundancy_send *send = &redundancy_action_add(actions, REDUNDANCY_SEND)->send;
    send->from_virtual_mac = true;
    send->len =
        (uint16_t)vrrp_write(&m, &r->config.interface_address, &group, send->data, sizeof(send->data));
    r->counters.sent++;
    if (priority == VRRP_PRIORITY_RELEASE)
        r->counters.sent_release++;
    r->advertisement_timer = now + r->config.interval * VRRP_CENTISECOND;
}

static void announce(struct vrrp_router *r, ns now, struct redundancy_actions *actions)
{
    r->announce_timer = NS_NEVER;
    if (r->announce_left == 0)
        return;
    for (size_t i = 0; i < r->config.address_count; i++)
        redundancy_action_add(actions, REDUNDANCY_ANNOUNCE)->address = r->config.addresses[i];
    if (--r->announce_left > 0)
        r->announce_timer = now + r->config.announce_interval;
}

/* ---- states ---- */

static void change(struct vrrp_router *r, enum vrrp_state state, ns now, struct redundancy_actions *actions)
{
    enum vrrp_state from = r->state;
    if (from == state)
        return;
    r->state = state;
    r->last_change = now;
    r->counters.state_changes++;
    struct redundancy_action *action = redundancy_action_add(actions, REDUNDANCY_STATE);
    action->from = (uint8_t)from;
    action->to = (uint8_t)state;
    redundancy_log_add(actions, "VRRP", 6, "STATECHANGE", "%s Grp %u state %s -> %s", r->config.interface,
                       r->config.vrid, vrrp_state_name(from), vrrp_state_name(state));
    if (from == VRRP_MASTER) {
        r->announce_left = 0;
        r->advertisement_timer = r->announce_timer = NS_NEVER;
        redundancy_action_add(actions, REDUNDANCY_DISOWN);
    }
    if (state != VRRP_MASTER)
        return;
    r->counters.master_transitions++;
    r->master = (struct address){0};
    r->master_down_timer = NS_NEVER;
    r->master_interval = r->config.interval;
    redundancy_action_add(actions, REDUNDANCY_OWN);
    advertise(r, r->priority, now, actions);
    r->announce_left = r->config.announce_count;
    announce(r, now, actions);
}

static void up(struct vrrp_router *r, const struct vrrp_event *event, struct redundancy_actions *actions)
{
    /* Without an address of its own it has nothing to send from; a configuration with one starts it. */
    if (r->up || !address_is_set(&r->config.interface_address))
        return;
    r->up = true;
    r->master_interval = r->config.interval;
    if (r->priority == VRRP_PRIORITY_OWNER || event->resume) {
        change(r, VRRP_MASTER, event->now, actions);
        return;
    }
    if (r->config.preempt_minimum > 0)
        r->preempt_timer = event->now + r->config.preempt_minimum;
    r->master_down_timer = event->now + vrrp_master_down(r);
    change(r, VRRP_BACKUP, event->now, actions);
}

static void down(struct vrrp_router *r, ns now, struct redundancy_actions *actions)
{
    if (!r->up)
        return;
    r->up = false;
    if (r->state == VRRP_MASTER)
        advertise(r, VRRP_PRIORITY_RELEASE, now, actions);
    change(r, VRRP_INITIALIZE, now, actions);
    timers_stop(r);
    r->master = (struct address){0};
}

/* ---- what comes in ---- */

struct heard {
    struct vrrp_message message;
    struct address source;
    ns now;
};

static void master_heard(struct vrrp_router *r, const struct heard *h)
{
    r->master = h->source;
    r->master_priority = h->message.priority;
    if (h->message.interval != r->config.interval)
        r->counters.interval_mismatch++;
    r->master_interval = h->message.interval;
    r->excused = false;
    r->master_down_timer = h->now + vrrp_master_down(r);
}

static void backup_hears(struct vrrp_router *r, const struct heard *h)
{
    bool preempts = r->config.preempt && r->preempt_timer == NS_NEVER;
    if (h->message.priority == VRRP_PRIORITY_RELEASE)
        r->master_down_timer = h->now + vrrp_skew(r);
    else if (!preempts || h->message.priority >= r->priority)
        master_heard(r, h);
}

static void master_hears(struct vrrp_router *r, const struct heard *h, struct redundancy_actions *actions)
{
    uint8_t priority = h->message.priority;
    if (priority > r->priority ||
        (priority == r->priority && address_compare(&h->source, &r->config.interface_address) > 0)) {
        change(r, VRRP_BACKUP, h->now, actions);
        master_heard(r, h);
    } else if (redundancy_limit_take(&r->replies, h->now, NS_PER_S, VRRP_REPLIES_PER_SECOND)) {
        advertise(r, r->priority, h->now, actions);
    }
}

static void addresses_check(struct vrrp_router *r, const struct heard *h, struct redundancy_actions *actions)
{
    char text[ADDRESS_TEXT];
    bool same = h->message.address_count == r->config.address_count;
    for (size_t i = 0; same && i < h->message.address_count; i++)
        same = has_address(r, &h->message.addresses[i]);
    if (same)
        return;
    r->counters.address_mismatch++;
    if (redundancy_limit_take(&r->mismatch_log, h->now, VRRP_LOG_WINDOW, 1))
        redundancy_log_add(
            actions, "VRRP", 4, "ADDRMISMATCH",
            "%s Grp %u addresses advertised by %s are different to the locally configured ones",
            r->config.interface, r->config.vrid, address_print(&h->source, text));
}

/* The Master that we know is never starved by a storm of others. */
static bool storm(struct vrrp_router *r, const struct address *source, ns now)
{
    if (address_is_set(&r->master) && address_equal(&r->master, source))
        return false;
    uint32_t most = VRRP_STORM_BASE + VRRP_STORM_PER_ADVERTISEMENT * 100U / r->config.interval;
    return !redundancy_limit_take(&r->storm, now, NS_PER_S, most);
}

/* RFC 9568 §7.1; an address owner listens to nobody. */
static void receive(struct vrrp_router *r, const struct vrrp_event *event, struct redundancy_actions *actions)
{
    struct heard h = {.source = event->message.source, .now = event->now};
    const struct address *own = &r->config.interface_address;
    if (!r->up || h.source.family != own->family || address_equal(&h.source, own)) {
        r->counters.ignored++;
        return;
    }
    if (storm(r, &h.source, h.now)) {
        r->counters.storm_dropped++;
        return;
    }
    if (event->message.ttl != VRRP_TTL) {
        r->counters.bad_ttl++;
        return;
    }
    enum vrrp_error error =
        vrrp_parse(event->message.payload, &h.source, &event->message.destination, &h.message);
    if (error != VRRP_OK) {
        r->counters.errors[error]++;
        return;
    }
    if (h.message.vrid != r->config.vrid || r->priority == VRRP_PRIORITY_OWNER) {
        r->counters.ignored++;
        return;
    }
    r->counters.received++;
    if (h.message.priority == VRRP_PRIORITY_RELEASE)
        r->counters.received_release++;
    addresses_check(r, &h, actions);
    if (r->state == VRRP_BACKUP)
        backup_hears(r, &h);
    else
        master_hears(r, &h, actions);
}

static void seen(struct vrrp_router *r, const struct vrrp_event *event, struct redundancy_actions *actions)
{
    uint8_t mac[REDUNDANCY_MAC];
    char address[ADDRESS_TEXT], text[16];
    vrrp_mac(r, mac);
    /* Whoever owns the address really may use it with its own MAC while we are Backup. */
    if (r->state != VRRP_MASTER || !has_address(r, &event->seen.address) ||
        memcmp(event->seen.mac, mac, sizeof(mac)) == 0 ||
        memcmp(event->seen.mac, r->config.interface_mac, sizeof(mac)) == 0)
        return;
    r->counters.duplicate_addresses++;
    if (redundancy_limit_take(&r->duplicate_log, event->now, VRRP_LOG_WINDOW, 1))
        redundancy_log_add(actions, "VRRP", 4, "DUPADDR", "Duplicate address %s on %s, sourced by %s",
                           address_print(&event->seen.address, address), r->config.interface,
                           redundancy_mac_print(event->seen.mac, text));
    if (redundancy_limit_take(&r->defences, event->now, NS_PER_S, REDUNDANCY_DEFENCES))
        redundancy_action_add(actions, REDUNDANCY_ANNOUNCE)->address = event->seen.address;
}

/* ---- the rest ---- */

static void priority_changed(struct vrrp_router *r, uint8_t priority, ns now,
                             struct redundancy_actions *actions)
{
    uint8_t effective = priority_of(r, priority);
    if (effective == r->priority)
        return;
    r->priority = effective;
    if (r->state == VRRP_MASTER)
        advertise(r, r->priority, now, actions);
}

static void tick(struct vrrp_router *r, ns now, struct redundancy_actions *actions)
{
    if (r->preempt_timer <= now)
        r->preempt_timer = NS_NEVER;
    if (r->master_down_timer <= now && redundancy_put_off(&r->excused, r->master_down_timer, now))
        r->master_down_timer = now + REDUNDANCY_PATIENCE;
    if (r->master_down_timer <= now)
        change(r, VRRP_MASTER, now, actions);
    if (r->advertisement_timer <= now)
        advertise(r, r->priority, now, actions);
    if (r->announce_timer <= now)
        announce(r, now, actions);
}

void vrrp_step(struct vrrp_router *r, const struct vrrp_event *event, struct redundancy_actions *actions)
{
    switch (event->kind) {
    case VRRP_EVENT_UP:
        up(r, event, actions);
        break;
    case VRRP_EVENT_DOWN:
        down(r, event->now, actions);
        break;
    case VRRP_EVENT_MESSAGE:
        receive(r, event, actions);
        break;
    case VRRP_EVENT_TICK:
        tick(r, event->now, actions);
        break;
    case VRRP_EVENT_PRIORITY:
        priority_changed(r, event->priority, event->now, actions);
        break;
    case VRRP_EVENT_ADDRESS:
        seen(r, event, actions);
        break;
    }
}

ns vrrp_deadline(const struct vrrp_router *r)
{
    return ns_min(ns_min(r->advertisement_timer, r->master_down_timer),
                  ns_min(r->preempt_timer, r->announce_timer));
}

static bool addresses_equal(const struct vrrp_config *a, const struct vrrp_config *b)
{
    return a->address_count == b->address_count &&
           memcmp(a->addresses, b->addresses, a->address_count * sizeof(a->addresses[0])) == 0;
}

void vrrp_configure(struct vrrp_router *r, const struct vrrp_config *config, ns now,
                    struct redundancy_actions *actions)
{
    const struct vrrp_config *old = &r->config;
    assert(config_valid(config));
    bool was_up = r->up, rebind = r->state == VRRP_MASTER && !addresses_equal(old, config);
    bool restart = old->vrid != config->vrid || strcmp(old->interface, config->interface) != 0 ||
                   !address_equal(&old->interface_address, &config->interface_address) ||
                   !address_equal(&old->addresses[0], &config->addresses[0]);
    int priority = MAX(1, (int)config->priority - ((int)old->priority - r->priority));
    if (vrrp_is_owner(r))
        priority = config->priority;
    if (restart)
        down(r, now, actions);
    r->config = *config;
    if (restart) {
        r->priority = priority_of(r, (uint8_t)priority);
        if (was_up)
            up(r, &(struct vrrp_event){.now = now}, actions);
        return;
    }
    if (rebind) {
        redundancy_action_add(actions, REDUNDANCY_DISOWN);
        redundancy_action_add(actions, REDUNDANCY_OWN);
        r->announce_left = r->config.announce_count;
        announce(r, now, actions);
    }
    if (r->state == VRRP_MASTER) {
        r->master_interval = config->interval;
        r->advertisement_timer = ns_min(r->advertisement_timer, now + config->interval * VRRP_CENTISECOND);
    }
    priority_changed(r, (uint8_t)MIN(priority, UINT8_MAX), now, actions);
}

size_t vrrp_addresses(const struct vrrp_router *r, struct address ret[REDUNDANCY_ADDRESSES_MAX])
{
    memcpy(ret, r->config.addresses, r->config.address_count * sizeof(*ret));
    return r->config.address_count;
}

void vrrp_mac(const struct vrrp_router *r, uint8_t ret_mac[REDUNDANCY_MAC])
{
    vrrp_virtual_mac(r->config.interface_address.family, r->config.vrid, ret_mac);
}
