/* SPDX-License-Identifier: Apache-2.0 */
/* The HSRP machine: states, timers, what the shell asks for (the events a to e of RFC 2281 §5.5). Messages of
 * others are in hsrp_receive.c.
 *
 * Timers that do not run are NS_NEVER. In Speak an Active timer that does not run means that there is no
 * Active router: who becomes Standby then becomes Active at once, so that two hold times after silence there
 * is one. */
#include <assert.h>

#include "redundancy/hsrp_internal.h"

void hsrp_config_default(struct hsrp_config *c)
{
    c->version = 1;
    c->priority = HSRP_PRIORITY_DEFAULT;
    c->hello = HSRP_HELLO_DEFAULT;
    c->hold = HSRP_HOLD_DEFAULT;
    c->delay_minimum = NS_PER_S;
    c->delay_reload = 5 * NS_PER_S;
    c->authentication = HSRP_AUTHENTICATION_TEXT;
    memcpy(c->text, "cisco\0\0\0", sizeof(c->text));
    c->announce_count = 5;
    c->announce_interval = 200 * NS_PER_MS;
}

static bool config_valid(const struct hsrp_config *c)
{
    uint16_t group_max = c->version == 1 ? HSRP_V1_GROUP_MAX : HSRP_V2_GROUP_MAX;
    return (c->version == 1 || c->version == 2) && c->group <= group_max && c->hello > 0 &&
           c->hold > c->hello && c->secondary_count <= HSRP_SECONDARY_MAX &&
           strnlen(c->key, sizeof(c->key)) < sizeof(c->key);
}

static void timers_stop(struct hsrp_group *g)
{
    g->active_timer = g->standby_timer = g->hello_timer = g->delay_timer = NS_NEVER;
    g->preempt_timer = g->sync_timer = g->announce_timer = NS_NEVER;
    g->announce_left = 0;
}

/* What is in use before anything was learned. */
static void parameters_reset(struct hsrp_group *g)
{
    g->virtual_address = g->config.virtual_address;
    g->address_learned = false;
    g->hello = g->config.timers_set ? g->config.hello : HSRP_HELLO_DEFAULT;
    g->hold = g->config.timers_set ? g->config.hold : HSRP_HOLD_DEFAULT;
    g->timers_learned = false;
}

void hsrp_init(struct hsrp_group *g, const struct hsrp_config *config, ns now)
{
    assert(config_valid(config));
    *g = (struct hsrp_group){.config = *config, .priority = config->priority, .last_change = now};
    parameters_reset(g);
    timers_stop(g);
}

void hsrp_done(struct hsrp_group *g)
{
    wipe(g->config.key, sizeof(g->config.key));
    wipe(g->old_key, sizeof(g->old_key));
}

/* ---- what goes out ---- */

void hsrp_send(struct hsrp_group *g, enum hsrp_opcode opcode, ns now, struct redundancy_actions *actions)
{
    struct hsrp_message m = {
        .version = g->config.version,
        .opcode = (uint8_t)opcode,
        .state = (uint8_t)g->state,
        .group = g->config.group,
        .priority = g->priority,
        .hello_ms = (uint32_t)(g->hello / NS_PER_MS),
        .hold_ms = (uint32_t)(g->hold / NS_PER_MS),
        .virtual_address = g->virtual_address,
    };
    memcpy(m.identifier, g->config.interface_mac, sizeof(m.identifier));
    hsrp_sign_prepare(g, &m);
    struct redundancy_send *send = &redundancy_action_add(actions, REDUNDANCY_SEND)->send;
    send->len = (uint16_t)hsrp_write(&m, send->data, sizeof(send->data));
    send->from_virtual_mac = g->state == HSRP_ACTIVE && !g->config.use_bia;
    hsrp_sign(g, &m, send->data, send->len);
    if (opcode == HSRP_HELLO) {
        g->counters.hellos_sent++;
        /* A follower's hello keeps the switches' tables: as often as its own timers say, where they are
         * written. */
        g->hello_timer =
            now +
            (g->config.follows && !g->config.timers_set ? HSRP_FOLLOWER_REFRESH_S * NS_PER_S : g->hello);
    } else if (opcode == HSRP_COUP) {
        g->counters.coups_sent++;
    } else {
        g->counters.resigns_sent++;
    }
}

void hsrp_announce(const struct hsrp_group *g, struct redundancy_actions *actions)
{
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    size_t count = hsrp_addresses(g, addresses);
    for (size_t i = 0; i < count; i++)
        redundancy_action_add(actions, REDUNDANCY_ANNOUNCE)->address = addresses[i];
}

static void announce_begin(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    g->announce_left = g->config.announce_count;
    g->announce_timer = NS_NEVER;
    if (g->announce_left == 0)
        return;
    hsrp_announce(g, actions);
    if (--g->announce_left > 0)
        g->announce_timer = now + g->config.announce_interval;
}

/* ---- states ---- */

static void active_begin(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    g->active = (struct hsrp_peer){0};
    g->active_timer = NS_NEVER;
    g->yielded = false;
    redundancy_action_add(actions, REDUNDANCY_OWN);
    announce_begin(g, now, actions);
}

static void active_end(struct hsrp_group *g, struct redundancy_actions *actions)
{
    g->announce_left = 0;
    g->announce_timer = NS_NEVER;
    redundancy_action_add(actions, REDUNDANCY_DISOWN);
}

void hsrp_change(struct hsrp_group *g, enum hsrp_state state, ns now, struct redundancy_actions *actions)
{
    enum hsrp_state from = g->state;
    if (from == state)
        return;
    g->state = state;
    g->last_change = now;
    g->counters.state_changes++;
    struct redundancy_action *action = redundancy_action_add(actions, REDUNDANCY_STATE);
    action->from = (uint8_t)from;
    action->to = (uint8_t)state;
    if (from == HSRP_ACTIVE)
        active_end(g, actions);
    if (state == HSRP_ACTIVE)
        active_begin(g, now, actions);
    if (state == HSRP_STANDBY) {
        g->standby = (struct hsrp_peer){0};
        g->standby_timer = NS_NEVER;
    }
    redundancy_log_add(actions, "HSRP", 5, "STATECHANGE", "%s Grp %u state %s -> %s", g->config.interface,
                       g->config.group, hsrp_state_name(from), hsrp_state_name(state));
    g->hello_timer = NS_NEVER;
    if (g->config.follows ? state == HSRP_ACTIVE : state >= HSRP_SPEAK)
        hsrp_send(g, HSRP_HELLO, now, actions);
    /* Nobody was Active when this one won the election for Standby. */
    if (state == HSRP_STANDBY && !g->config.follows && g->active_timer == NS_NEVER)
        hsrp_change(g, HSRP_ACTIVE, now, actions);
}

static bool preempt_due(const struct hsrp_group *g)
{
    return g->preempt_timer == NS_NEVER && (g->sync_timer == NS_NEVER || g->synced);
}

bool hsrp_preempt(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    bool candidate = g->state == HSRP_LISTEN || g->state == HSRP_SPEAK || g->state == HSRP_STANDBY;
    if (!candidate || !g->config.preempt || g->config.follows || g->yielded || !preempt_due(g) ||
        !g->active.known || g->active.priority >= g->priority)
        return false;
    g->standby_timer = now + g->hold;
    hsrp_send(g, HSRP_COUP, now, actions);
    hsrp_change(g, HSRP_ACTIVE, now, actions);
    return true;
}

/* ---- events ---- */

static void follow(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    enum hsrp_state state = g->leader;
    if (!g->up)
        return;
    if (!address_is_set(&g->virtual_address) && state > HSRP_LEARN)
        state = HSRP_LEARN;
    hsrp_change(g, state, now, actions);
}

/* Event a. */
static void enable(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    g->delay_timer = NS_NEVER;
    g->active_timer = g->standby_timer = now + g->hold;
    hsrp_change(g, address_is_set(&g->virtual_address) ? HSRP_LISTEN : HSRP_LEARN, now, actions);
}

static void up(struct hsrp_group *g, const struct hsrp_event *event, struct redundancy_actions *actions)
{
    const struct hsrp_config *c = &g->config;
    ns now = event->now;
    if (g->up)
        return;
    g->up = true;
    g->synced = g->yielded = false;
    if (c->follows) {
        follow(g, now, actions);
        return;
    }
    if (event->resume >= HSRP_STANDBY && address_is_set(&g->virtual_address)) {
        g->active_timer = g->standby_timer = now + g->hold;
        hsrp_change(g, event->resume == HSRP_ACTIVE ? HSRP_ACTIVE : HSRP_STANDBY, now, actions);
        return;
    }
    ns preempt = event->reload ? MAX(c->preempt_reload, c->preempt_minimum) : c->preempt_minimum;
    ns delay = event->reload ? MAX(c->delay_reload, c->delay_minimum) : c->delay_minimum;
    if (preempt > 0)
        g->preempt_timer = now + preempt;
    if (c->preempt_sync > 0)
        g->sync_timer = now + c->preempt_sync;
    if (delay > 0)
        g->delay_timer = now + delay;
    else
        enable(g, now, actions);
}

/* Event b. */
static void down(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    if (!g->up)
        return;
    g->up = false;
    if (g->state == HSRP_ACTIVE && !g->config.follows)
        hsrp_send(g, HSRP_RESIGN, now, actions);
    hsrp_change(g, HSRP_INITIAL, now, actions);
    timers_stop(g);
    parameters_reset(g);
    g->active = g->standby = (struct hsrp_peer){0};
}

/* Whom it concerns must know before the next hello: a higher one may preempt, a lower one must not. */
static void priority_changed(struct hsrp_group *g, uint8_t priority, ns now,
                             struct redundancy_actions *actions)
{
    if (priority == g->priority)
        return;
    g->priority = priority;
    if (!hsrp_preempt(g, now, actions) && g->state >= HSRP_SPEAK && !g->config.follows)
        hsrp_send(g, HSRP_HELLO, now, actions);
}

static void yield_role(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    if (g->state != HSRP_ACTIVE || !g->standby.known || g->config.follows)
        return;
    hsrp_send(g, HSRP_RESIGN, now, actions);
    g->yielded = true;
    g->active_timer = g->standby_timer = now + g->hold;
    hsrp_change(g, HSRP_SPEAK, now, actions);
}

/* Event c. */
static void active_expired(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    g->active_timer = NS_NEVER;
    g->active = (struct hsrp_peer){0};
    if (g->state == HSRP_LISTEN) {
        g->active_timer = g->standby_timer = now + g->hold;
        hsrp_change(g, HSRP_SPEAK, now, actions);
    } else if (g->state == HSRP_STANDBY) {
        hsrp_change(g, HSRP_ACTIVE, now, actions);
    }
}

/* Event d. */
static void standby_expired(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    g->standby_timer = NS_NEVER;
    g->standby = (struct hsrp_peer){0};
    if (g->state == HSRP_LISTEN) {
        g->standby_timer = now + g->hold;
        hsrp_change(g, HSRP_SPEAK, now, actions);
    } else if (g->state == HSRP_SPEAK) {
        hsrp_change(g, HSRP_STANDBY, now, actions);
    }
}

static void announce_again(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    hsrp_announce(g, actions);
    g->announce_timer = --g->announce_left > 0 ? now + g->config.announce_interval : NS_NEVER;
}

/* The timers that tell of others' silence, where they come too late to be believed at once. */
static void silence_put_off(struct hsrp_group *g, ns now)
{
    ns due = ns_min(g->active_timer, g->standby_timer);
    if (due > now || !redundancy_put_off(&g->excused, due, now))
        return;
    if (g->active_timer <= now)
        g->active_timer = now + REDUNDANCY_PATIENCE;
    if (g->standby_timer <= now)
        g->standby_timer = now + REDUNDANCY_PATIENCE;
}

void hsrp_wake(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    if (g->state != HSRP_ACTIVE || g->config.follows || g->hello_timer == NS_NEVER || !g->standby.known ||
        ns_since(now, g->hello_timer) < MAX(g->hold, HSRP_SLEEP))
        return;
    redundancy_log_add(actions, "HSRP", 4, "SLEPT", "%s Grp %u was not run for %llu ms and stands back",
                       g->config.interface, g->config.group,
                       (unsigned long long)(ns_since(now, g->hello_timer) / NS_PER_MS));
    g->active_timer = g->standby_timer = now + g->hold;
    hsrp_change(g, HSRP_LISTEN, now, actions);
}

static void tick(struct hsrp_group *g, ns now, struct redundancy_actions *actions)
{
    hsrp_wake(g, now, actions);
    silence_put_off(g, now);
    if (g->delay_timer <= now)
        enable(g, now, actions);
    if (g->active_timer <= now)
        active_expired(g, now, actions);
    if (g->standby_timer <= now)
        standby_expired(g, now, actions);
    if (g->hello_timer <= now)
        hsrp_send(g, HSRP_HELLO, now, actions);
    if (g->announce_timer <= now)
        announce_again(g, now, actions);
    if (g->preempt_timer <= now || g->sync_timer <= now) {
        if (g->preempt_timer <= now)
            g->preempt_timer = NS_NEVER;
        if (g->sync_timer <= now)
            g->sync_timer = NS_NEVER;
        hsrp_preempt(g, now, actions);
    }
}

void hsrp_step(struct hsrp_group *g, const struct hsrp_event *event, struct redundancy_actions *actions)
{
    switch (event->kind) {
    case HSRP_EVENT_UP:
        up(g, event, actions);
        break;
    case HSRP_EVENT_DOWN:
        down(g, event->now, actions);
        break;
    case HSRP_EVENT_MESSAGE:
        hsrp_receive(g, event, actions);
        break;
    case HSRP_EVENT_TICK:
        tick(g, event->now, actions);
        break;
    case HSRP_EVENT_PRIORITY:
        priority_changed(g, event->priority, event->now, actions);
        break;
    case HSRP_EVENT_ADDRESS:
        hsrp_seen(g, event, actions);
        break;
    case HSRP_EVENT_LEADER:
        g->leader = event->leader;
        if (g->config.follows)
            follow(g, event->now, actions);
        break;
    case HSRP_EVENT_SYNCED:
        g->synced = true;
        hsrp_preempt(g, event->now, actions);
        break;
    case HSRP_EVENT_YIELD:
        yield_role(g, event->now, actions);
        break;
    }
}

ns hsrp_deadline(const struct hsrp_group *g)
{
    const ns timers[] = {g->active_timer,  g->standby_timer, g->hello_timer,   g->delay_timer,
                         g->preempt_timer, g->sync_timer,    g->announce_timer};
    ns first = NS_NEVER;
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++)
        first = ns_min(first, timers[i]);
    return first;
}

/* ---- a changed configuration ---- */

static bool restart_needed(const struct hsrp_config *a, const struct hsrp_config *b)
{
    return a->version != b->version || a->group != b->group || a->follows != b->follows ||
           !address_equal(&a->virtual_address, &b->virtual_address) ||
           !address_equal(&a->interface_address, &b->interface_address) ||
           strcmp(a->interface, b->interface) != 0;
}

static bool binding_changed(const struct hsrp_config *a, const struct hsrp_config *b)
{
    return a->use_bia != b->use_bia || a->mac_set != b->mac_set ||
           memcmp(a->mac, b->mac, sizeof(a->mac)) != 0 ||
           memcmp(a->interface_mac, b->interface_mac, sizeof(a->interface_mac)) != 0 ||
           a->secondary_count != b->secondary_count ||
           memcmp(a->secondary, b->secondary, a->secondary_count * sizeof(a->secondary[0])) != 0;
}

static void key_changed(struct hsrp_group *g, const struct hsrp_config *config, ns now)
{
    const struct hsrp_config *old = &g->config;
    if (old->authentication != HSRP_AUTHENTICATION_MD5 || config->authentication != HSRP_AUTHENTICATION_MD5 ||
        strcmp(old->key, config->key) == 0)
        return;
    memcpy(g->old_key, old->key, sizeof(g->old_key));
    g->old_key_until = config->key_timeout > 0 ? now + config->key_timeout : 0;
}

static void timers_changed(struct hsrp_group *g, ns now)
{
    if (g->config.timers_set || !g->timers_learned) {
        g->hello = g->config.timers_set ? g->config.hello : HSRP_HELLO_DEFAULT;
        g->hold = g->config.timers_set ? g->config.hold : HSRP_HOLD_DEFAULT;
        g->timers_learned = false;
    }
    if (g->hello_timer != NS_NEVER && !g->config.follows)
        g->hello_timer = ns_min(g->hello_timer, now + g->hello);
    if (g->active_timer != NS_NEVER)
        g->active_timer = ns_min(g->active_timer, now + g->hold);
    if (g->standby_timer != NS_NEVER)
        g->standby_timer = ns_min(g->standby_timer, now + g->hold);
}

void hsrp_configure(struct hsrp_group *g, const struct hsrp_config *config, ns now,
                    struct redundancy_actions *actions)
{
    assert(config_valid(config));
    bool was_up = g->up, restart = restart_needed(&g->config, config);
    bool rebind = g->state == HSRP_ACTIVE && binding_changed(&g->config, config);
    int taken = (int)g->config.priority - g->priority; /* by tracking */
    int priority = MAX(0, (int)config->priority - taken);
    key_changed(g, config, now);
    if (restart)
        down(g, now, actions);
    g->config = *config;
    if (restart) {
        g->priority = (uint8_t)priority;
        parameters_reset(g);
        if (was_up)
            up(g, &(struct hsrp_event){.now = now}, actions);
        return;
    }
    timers_changed(g, now);
    if (rebind) {
        redundancy_action_add(actions, REDUNDANCY_DISOWN);
        redundancy_action_add(actions, REDUNDANCY_OWN);
        announce_begin(g, now, actions);
    }
    priority_changed(g, (uint8_t)priority, now, actions);
    hsrp_preempt(g, now, actions);
}

/* ---- views ---- */

size_t hsrp_addresses(const struct hsrp_group *g, struct address ret[REDUNDANCY_ADDRESSES_MAX])
{
    if (!address_is_set(&g->virtual_address))
        return 0;
    ret[0] = g->virtual_address;
    memcpy(ret + 1, g->config.secondary, g->config.secondary_count * sizeof(*ret));
    return 1 + (size_t)g->config.secondary_count;
}

bool hsrp_has_address(const struct hsrp_group *g, const struct address *a)
{
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    size_t count = hsrp_addresses(g, addresses);
    for (size_t i = 0; i < count; i++) {
        if (address_equal(&addresses[i], a))
            return true;
    }
    return false;
}

void hsrp_mac(const struct hsrp_group *g, uint8_t ret_mac[REDUNDANCY_MAC])
{
    if (g->config.mac_set)
        memcpy(ret_mac, g->config.mac, REDUNDANCY_MAC);
    else if (g->config.use_bia)
        memcpy(ret_mac, g->config.interface_mac, REDUNDANCY_MAC);
    else
        hsrp_virtual_mac(g->config.version, g->config.interface_address.family, g->config.group, ret_mac);
}

ns hsrp_preempt_left(const struct hsrp_group *g, ns now)
{
    ns delay = g->preempt_timer == NS_NEVER ? 0 : ns_since(g->preempt_timer, now);
    ns sync = g->sync_timer == NS_NEVER || g->synced ? 0 : ns_since(g->sync_timer, now);
    return MAX(delay, sync);
}

static char *peer_print(bool local, const struct hsrp_peer *peer, char out[ADDRESS_TEXT])
{
    if (!local && peer->known)
        return address_print(&peer->address, out);
    memcpy(out, local ? "local" : "unknown", local ? sizeof("local") : sizeof("unknown"));
    return out;
}

char *hsrp_active_print(const struct hsrp_group *g, char out[ADDRESS_TEXT])
{
    return peer_print(g->state == HSRP_ACTIVE, &g->active, out);
}

char *hsrp_standby_print(const struct hsrp_group *g, char out[ADDRESS_TEXT])
{
    return peer_print(g->state == HSRP_STANDBY, &g->standby, out);
}
