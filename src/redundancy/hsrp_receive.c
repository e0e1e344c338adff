/* SPDX-License-Identifier: Apache-2.0 */
/* The HSRP machine hears others: hello, coup, resign (the events f to l of RFC 2281 §5.5), and packets that
 * claim our virtual addresses. A message acts only if it parses, authenticates, and is not one of ours.
 *
 * Four deviations from the table. Two lead to an Active router sooner: a resign heard in Speak means that
 * there is no Active router (the table waits another hold time); and the Active router's timers and address
 * are learned whether its priority is higher or lower than ours. The third keeps the role where it is: of two
 * that claim to be Active, who is neither believes the better one while it speaks. The fourth: an Active
 * router that gives way to a better one resigns, so that one knows of it. */
#include "base/deliberate.h"
#include "redundancy/hsrp_internal.h"

enum {
    STORM_BASE = 64,      /* messages a second that a group takes from routers it does not know ... */
    STORM_PER_HELLO = 16, /* ... and for each hello in a second */
    COUPS_PER_SECOND = 10,
    CHANGES_PER_SECOND = 32, /* of state that messages bring about; elections need a few */
    LEARN_HOLD_MAX_MS = 255000,
};

#define LOG_WINDOW (30 * NS_PER_S) /* one line of a kind */

struct heard {
    struct hsrp_message message;
    struct address source;
    ns now;
    bool higher; /* by priority, then address: RFC 2281 §5.1 */
};

static void peer_note(struct hsrp_peer *peer, const struct heard *h)
{
    static const uint8_t no_mac[REDUNDANCY_MAC];
    peer->known = true;
    peer->address = h->source;
    peer->priority = (uint8_t)h->message.priority;
    memcpy(peer->mac, h->message.identifier, sizeof(peer->mac));
    peer->mac_known = memcmp(peer->mac, no_mac, sizeof(no_mac)) != 0;
}

static void peer_forget(struct hsrp_peer *peer, const struct address *address)
{
    if (peer->known && address_equal(&peer->address, address))
        *peer = (struct hsrp_peer){0};
}

static void active_heard(struct hsrp_group *g, const struct heard *h)
{
    peer_note(&g->active, h);
    g->active_timer = h->now + g->hold;
    g->excused = false;
    peer_forget(&g->standby, &h->source);
}

static void standby_heard(struct hsrp_group *g, const struct heard *h)
{
    peer_note(&g->standby, h);
    g->standby_timer = h->now + g->hold;
    g->excused = false;
    /* Who was Active and now stands by is Active no longer; its timer runs on and says when to act. */
    peer_forget(&g->active, &h->source);
}

/* Action E: what is not configured comes from the Active router. An Active router itself never learns. */
static void learn(struct hsrp_group *g, const struct heard *h, struct redundancy_actions *actions)
{
    const struct hsrp_message *m = &h->message;
    bool useful = m->hello_ms > 0 && m->hold_ms > m->hello_ms && m->hold_ms <= LEARN_HOLD_MAX_MS;
    if (!g->config.timers_set && useful) {
        g->hello = m->hello_ms * NS_PER_MS;
        g->hold = m->hold_ms * NS_PER_MS;
        g->timers_learned = true;
    }
    if (!address_is_set(&m->virtual_address))
        return;
    if (!address_is_set(&g->config.virtual_address)) {
        g->virtual_address = m->virtual_address;
        g->address_learned = true;
        return;
    }
    if (address_equal(&m->virtual_address, &g->config.virtual_address))
        return;
    g->counters.bad_address++;
    if (!redundancy_limit_take(&g->address_log, h->now, LOG_WINDOW, 1))
        return;
    char theirs[ADDRESS_TEXT], ours[ADDRESS_TEXT];
    redundancy_log_add(
        actions, "HSRP", 4, "DIFFVIP1",
        "%s Grp %u active routers virtual IP address %s is different to the locally configured "
        "address %s",
        g->config.interface, g->config.group, address_print(&m->virtual_address, theirs),
        address_print(&g->config.virtual_address, ours));
}

/* The Active router that we know spoke just now and is the better one: it will take the role back by a coup.
 */
static bool contested(const struct hsrp_group *g, const struct heard *h)
{
    const struct hsrp_peer *known = &g->active;
    if (!known->known || address_equal(&known->address, &h->source) ||
        g->active_timer < h->now + g->hold - MIN(2 * g->hello, g->hold))
        return false;
    return h->message.priority != known->priority ? h->message.priority < known->priority
                                                  : address_compare(&h->source, &known->address) < 0;
}

/* Events g and h. */
static void hello_of_active(struct hsrp_group *g, const struct heard *h, struct redundancy_actions *actions)
{
    if (g->state == HSRP_ACTIVE && !h->higher) {
        if (redundancy_limit_take(&g->coups, h->now, NS_PER_S, COUPS_PER_SECOND)) {
            hsrp_send(g, HSRP_COUP, h->now, actions);
            /* Hosts and switches may have believed the other one meanwhile. */
            hsrp_announce(g, actions);
        }
        return;
    }
    if (g->state != HSRP_ACTIVE && contested(g, h))
        return;
    if (g->state == HSRP_ACTIVE && deliberate_bug(DELIBERATE_TWO_ACTIVE))
        return;
    if (g->state != HSRP_ACTIVE)
        learn(g, h, actions);
    active_heard(g, h);
    switch (g->state) {
    case HSRP_LEARN:
        g->standby_timer = h->now + g->hold;
        if (address_is_set(&g->virtual_address))
            hsrp_change(g, HSRP_LISTEN, h->now, actions);
        break;
    case HSRP_LISTEN:
    case HSRP_SPEAK:
    case HSRP_STANDBY:
        hsrp_preempt(g, h->now, actions);
        break;
    case HSRP_ACTIVE:
        hsrp_send(g, HSRP_RESIGN, h->now, actions); /* the other one learns that there were two */
        g->standby_timer = h->now + g->hold;
        hsrp_change(g, HSRP_SPEAK, h->now, actions);
        break;
    default:
        break;
    }
}

/* Events k and l. */
static void hello_of_standby(struct hsrp_group *g, const struct heard *h, struct redundancy_actions *actions)
{
    switch (g->state) {
    case HSRP_LISTEN:
        standby_heard(g, h);
        if (!h->higher)
            hsrp_change(g, HSRP_SPEAK, h->now, actions);
        break;
    case HSRP_SPEAK:
        if (h->higher) {
            standby_heard(g, h);
            hsrp_change(g, HSRP_LISTEN, h->now, actions);
        } else {
            hsrp_change(g, HSRP_STANDBY, h->now, actions);
        }
        break;
    case HSRP_STANDBY:
        if (h->higher) {
            standby_heard(g, h);
            hsrp_change(g, HSRP_LISTEN, h->now, actions);
        }
        break;
    case HSRP_ACTIVE:
        standby_heard(g, h);
        break;
    default:
        break;
    }
}

/* Event f. */
static void hello_of_speaker(struct hsrp_group *g, const struct heard *h, struct redundancy_actions *actions)
{
    peer_forget(&g->standby, &h->source);
    if (!h->higher || (g->state != HSRP_SPEAK && g->state != HSRP_STANDBY))
        return;
    g->standby_timer = h->now + g->hold;
    hsrp_change(g, HSRP_LISTEN, h->now, actions);
}

/* Event i. Who is not the Active router has nothing to resign from. */
static void resign(struct hsrp_group *g, const struct heard *h, struct redundancy_actions *actions)
{
    if (g->active.known && !address_equal(&g->active.address, &h->source))
        return;
    peer_forget(&g->active, &h->source);
    switch (g->state) {
    case HSRP_LISTEN:
        g->active_timer = g->standby_timer = h->now + g->hold;
        hsrp_change(g, HSRP_SPEAK, h->now, actions);
        break;
    case HSRP_SPEAK:
        g->active_timer = NS_NEVER;
        break;
    case HSRP_STANDBY:
        hsrp_change(g, HSRP_ACTIVE, h->now, actions);
        break;
    default:
        break;
    }
}

/* Event j. */
static void coup(struct hsrp_group *g, const struct heard *h, struct redundancy_actions *actions)
{
    if (g->state != HSRP_ACTIVE || !h->higher || deliberate_bug(DELIBERATE_TWO_ACTIVE))
        return;
    hsrp_send(g, HSRP_RESIGN, h->now, actions);
    active_heard(g, h);
    g->standby_timer = h->now + g->hold;
    hsrp_change(g, HSRP_SPEAK, h->now, actions);
}

/* Whoever makes us change our state again and again, each time with messages and lines of the log, is heard
 * no more in this second, but for being there. */
static bool restless(const struct hsrp_group *g, ns now)
{
    return g->changes.used >= CHANGES_PER_SECOND && ns_since(now, g->changes.started) < NS_PER_S;
}

static void presence_note(struct hsrp_group *g, const struct heard *h)
{
    const struct hsrp_message *m = &h->message;
    g->counters.storm_dropped++;
    if (m->opcode != HSRP_HELLO)
        return;
    if (m->state == HSRP_ACTIVE && g->active.known && address_equal(&g->active.address, &h->source))
        g->active_timer = h->now + g->hold;
    if (m->state == HSRP_STANDBY && g->standby.known && address_equal(&g->standby.address, &h->source))
        g->standby_timer = h->now + g->hold;
}

static void act(struct hsrp_group *g, const struct heard *h, struct redundancy_actions *actions)
{
    uint64_t changes = g->counters.state_changes;
    if (restless(g, h->now)) {
        presence_note(g, h);
        return;
    }
    switch (h->message.opcode) {
    case HSRP_HELLO:
        g->counters.hellos_received++;
        if (h->message.state == HSRP_ACTIVE)
            hello_of_active(g, h, actions);
        else if (h->message.state == HSRP_STANDBY)
            hello_of_standby(g, h, actions);
        else if (h->message.state == HSRP_SPEAK)
            hello_of_speaker(g, h, actions);
        break;
    case HSRP_COUP:
        g->counters.coups_received++;
        coup(g, h, actions);
        break;
    case HSRP_RESIGN:
        g->counters.resigns_received++;
        resign(g, h, actions);
        break;
    default:
        break;
    }
    if (g->counters.state_changes != changes)
        (void)redundancy_limit_take(&g->changes, h->now, NS_PER_S, CHANGES_PER_SECOND);
}

/* Routers that we know are never starved by a storm of others: their hellos keep the roles where they are. */
static bool storm(struct hsrp_group *g, const struct address *source, ns now)
{
    if ((g->active.known && address_equal(&g->active.address, source)) ||
        (g->standby.known && address_equal(&g->standby.address, source)))
        return false;
    uint32_t most = STORM_BASE + STORM_PER_HELLO * (uint32_t)(NS_PER_S / MAX(g->hello, NS_PER_MS));
    return !redundancy_limit_take(&g->storm, now, NS_PER_S, most);
}

static void bad_authentication(struct hsrp_group *g, const struct heard *h,
                               struct redundancy_actions *actions)
{
    char text[ADDRESS_TEXT];
    g->counters.bad_authentication++;
    if (redundancy_limit_take(&g->authentication_log, h->now, LOG_WINDOW, 1))
        redundancy_log_add(
            actions, "HSRP", 4, "BADAUTH", "Bad authentication from %s, group %u, remote state %s",
            address_print(&h->source, text), g->config.group, hsrp_state_name(h->message.state));
}

void hsrp_receive(struct hsrp_group *g, const struct hsrp_event *event, struct redundancy_actions *actions)
{
    struct heard h = {.source = event->message.source, .now = event->now};
    const struct address *own = &g->config.interface_address;
    if (!g->up || g->state == HSRP_INITIAL || g->config.follows || address_equal(&h.source, own)) {
        g->counters.ignored++;
        return;
    }
    if (storm(g, &h.source, h.now)) {
        g->counters.storm_dropped++;
        return;
    }
    if (hsrp_parse(event->message.datagram, &h.message) != HSRP_OK) {
        g->counters.malformed++;
        return;
    }
    if (h.message.opcode == HSRP_ADVERTISE) {
        g->counters.advertisements_ignored++;
        return;
    }
    if (h.message.version != g->config.version || h.message.group != g->config.group) {
        g->counters.ignored++;
        return;
    }
    if (!hsrp_authentic(g, event->message.datagram, &h.message, &h.source, h.now)) {
        bad_authentication(g, &h, actions);
        return;
    }
    hsrp_wake(g, h.now, actions);
    h.higher = h.message.priority != g->priority ? h.message.priority > g->priority
                                                 : address_compare(&h.source, own) > 0;
    act(g, &h, actions);
}

void hsrp_seen(struct hsrp_group *g, const struct hsrp_event *event, struct redundancy_actions *actions)
{
    uint8_t mac[REDUNDANCY_MAC];
    char address[ADDRESS_TEXT], text[16];
    hsrp_mac(g, mac);
    if (!g->up || !hsrp_has_address(g, &event->seen.address) ||
        memcmp(event->seen.mac, mac, sizeof(mac)) == 0 ||
        memcmp(event->seen.mac, g->config.interface_mac, sizeof(mac)) == 0)
        return;
    /* With burned-in addresses the Active router's own MAC is the right one, and we cannot know it. */
    if (g->config.use_bia && g->state != HSRP_ACTIVE)
        return;
    g->counters.duplicate_addresses++;
    if (redundancy_limit_take(&g->duplicate_log, event->now, LOG_WINDOW, 1))
        redundancy_log_add(actions, "HSRP", 4, "DUPADDR", "Duplicate address %s on %s, sourced by %s",
                           address_print(&event->seen.address, address), g->config.interface,
                           redundancy_mac_print(event->seen.mac, text));
    if (g->state == HSRP_ACTIVE &&
        redundancy_limit_take(&g->defences, event->now, NS_PER_S, REDUNDANCY_DEFENCES))
        redundancy_action_add(actions, REDUNDANCY_ANNOUNCE)->address = event->seen.address;
}
