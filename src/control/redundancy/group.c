/* SPDX-License-Identifier: Apache-2.0 */
/* One group: brings events to its machine, carries out what it asks for, keeps its timer. All of it is small
 * work; nothing here waits for anything. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/redundancy/hello_pacer.h"
#include "control/redundancy/internal.h"
#include "control/ssp/ssp.h"
#include "io/arp.h"
#include "io/multicast_socket.h"

enum { VRRP_PROTOCOL = 112 };

/* A successor is there within 100 ms. */
static const ns RESUME_HOLD = 1 * NS_PER_S, CONTESTED_PAUSE = 1 * NS_PER_S;

/* ---- what the machines say of themselves ---- */

bool group_active(const struct redundancy_group *g)
{
    return g->protocol == REDUNDANCY_HSRP ? g->hsrp.state == HSRP_ACTIVE : g->vrrp.state == VRRP_MASTER;
}

size_t group_addresses(const struct redundancy_group *g, struct address ret[REDUNDANCY_ADDRESSES_MAX])
{
    return g->protocol == REDUNDANCY_HSRP ? hsrp_addresses(&g->hsrp, ret) : vrrp_addresses(&g->vrrp, ret);
}

void group_mac(const struct redundancy_group *g, uint8_t ret[REDUNDANCY_MAC])
{
    if (g->protocol == REDUNDANCY_HSRP)
        hsrp_mac(&g->hsrp, ret);
    else
        vrrp_mac(&g->vrrp, ret);
}

static uint8_t group_state(const struct redundancy_group *g)
{
    return g->protocol == REDUNDANCY_HSRP ? (uint8_t)g->hsrp.state : (uint8_t)g->vrrp.state;
}

/* ---- actions ---- */

/* Whether this says that the role is ours: what must not come late. */
static bool says_active(const struct redundancy_group *g, struct bytes payload)
{
    struct hsrp_message m;

    if (g->protocol == REDUNDANCY_HSRP)
        return hsrp_parse(payload, &m) == HSRP_OK && m.opcode == HSRP_HELLO && m.state == HSRP_ACTIVE;
    return g->vrrp.state == VRRP_MASTER && payload.len > 2 && payload.data[2] != 0;
}

static void action_pace(struct redundancy_group *g, const struct multicast_packet *p)
{
    uint8_t frame[HELLO_PACER_FRAME];
    ns interval = g->protocol == REDUNDANCY_HSRP ? g->hsrp.hello : g->vrrp.config.interval * 10 * NS_PER_MS;
    int len =
        g->redundancy->pacer && says_active(g, p->payload) ? multicast_frame(p, frame, sizeof frame) : -1;

    if (len > 0)
        hello_pacer_put(g->redundancy->pacer, g, p->ifindex, bytes_of(frame, (size_t)len), interval,
                        clock_now());
}

static void action_send(struct redundancy_group *g, const struct redundancy_send *s)
{
    struct multicast_packet p = {.ifindex = g->ifindex, .source = g->source, .tos = HSRP_TOS};

    memcpy(p.source_mac, g->mac, REDUNDANCY_MAC);
    if (s->from_virtual_mac)
        group_mac(g, p.source_mac);
    p.payload = bytes_of(s->data, s->len);
    if (g->protocol == REDUNDANCY_HSRP) {
        p.group = address_v4(g->hsrp.config.version == 1 ? HSRP_V1_MULTICAST : HSRP_V2_MULTICAST);
        p.protocol = MULTICAST_UDP;
        p.port = HSRP_PORT;
        p.hop_limit = HSRP_TTL;
    } else {
        p.group = vrrp_multicast(g->family);
        p.protocol = VRRP_PROTOCOL;
        p.hop_limit = VRRP_TTL;
    }
    /* Lost, as on the wire; it is said again. */
    if (multicast_send(g->redundancy->frame_socket, &p) != 0)
        g->send_errors++;
    action_pace(g, &p);
}

static void action_announce(struct redundancy_group *g, const struct address *a)
{
    uint8_t mac[REDUNDANCY_MAC];

    group_mac(g, mac);
    if (arp_announce(g->redundancy->frame_socket, g->ifindex, mac, a) != 0)
        g->send_errors++;
}

void group_actions(struct redundancy_group *g, const struct redundancy_actions *a)
{
    struct control *c = g->redundancy->control;

    /* Before anything else is said: the thread must not contradict it. */
    if (!group_active(g))
        hello_pacer_drop(g->redundancy->pacer, g);

    for (unsigned i = 0; i < a->count; i++) {
        const struct redundancy_action *one = &a->items[i];
        switch (one->kind) {
        case REDUNDANCY_SEND:
            action_send(g, &one->send);
            break;
        case REDUNDANCY_OWN:
            g->disown_pending = false;
            (void)!virtual_device_own(g); /* it said what is wrong */
            break;
        case REDUNDANCY_DISOWN:
            g->disown_pending = ssp_keeps_addresses(c, g->name);
            if (!g->disown_pending)
                virtual_device_disown(g);
            break;
        case REDUNDANCY_ANNOUNCE:
            action_announce(g, &one->address);
            break;
        case REDUNDANCY_LOG:
            log_line(c->log, one->log.facility, one->log.severity, one->log.mnemonic, "%s", one->log.text);
            break;
        case REDUNDANCY_STATE:
            virtual_device_note(g, one->to);
            break;
        }
    }
}

/* ---- steps ---- */

void group_followers_tell(struct redundancy_group *leader)
{
    if (leader->protocol != REDUNDANCY_HSRP || leader->follow[0])
        return;
    list_for_each(&leader->redundancy->groups, l)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        struct hsrp_event e = {.kind = HSRP_EVENT_LEADER, .leader = (uint8_t)leader->hsrp.state};
        if (g->protocol == REDUNDANCY_HSRP && g->follow[0] && strcmp(g->follow, leader->name) == 0)
            group_hsrp_step(g, &e);
    }
}

static void ownership_update(struct redundancy_group *g, ns now)
{
    const struct redundancy *r = g->redundancy;
    bool hsrp = g->protocol == REDUNDANCY_HSRP;
    bool down = hsrp ? g->hsrp.state == HSRP_INITIAL : g->vrrp.state == VRRP_INITIALIZE;
    struct ownership_input input = {
        .member_count = 1,
        .members = {{.state = group_active(g) ? OWNERSHIP_MEMBER_ACTIVE
                              : down          ? OWNERSHIP_MEMBER_DOWN
                                              : OWNERSHIP_MEMBER_WAITING,
                     .peer_known = hsrp ? g->hsrp.active.known || g->hsrp.standby.known
                                        : address_is_set(&g->vrrp.master)}},
        .control_fit = !r->ending,
        .engine_fit = r->engine_fit,
        .tracked_up = !tracking_shutdown(&r->tracking, g->uses, g->use_count),
    };

    (void)ownership_step(&g->ownership, &input, now);
}

/* We are Active and have been for a while, and another router resigns: it was Active as well, cut off from
 * us. The peers may have new SAs with it and know ours no more. So ours are forgotten, as they would be if we
 * had lost the role; where the gateways share their SAs that is for them to settle. */
static void contested(struct redundancy_group *g, ns now)
{
    struct control *c = g->redundancy->control;
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    size_t n = group_addresses(g, addresses);
    bool any = false;

    if ((g->contested && ns_since(now, g->contested) < CONTESTED_PAUSE) ||
        ns_since(now, g->hsrp.last_change) < 2 * g->hsrp.hold || !c->generation)
        return;
    const struct scopes *s = &c->generation->scopes;
    for (uint32_t i = 0; i < s->scope_count && n > 0 && !any; i++)
        any = s->scopes[i].group == 0 && (address_equal(&s->scopes[i].local_v4, &addresses[0]) ||
                                          address_equal(&s->scopes[i].local_v6, &addresses[0]));
    if (!any)
        return;
    g->contested = now;
    log_line(
        c->log, "HSRP", 4, "TWOACTIVE",
        "%s Grp %u another router was active as well: what this one negotiated from the group's address is "
        "forgotten",
        g->interface, g->number);
    for (size_t i = 0; i < n; i++) {
        const struct ike_event e = {.type = IKE_EVENT_CLEAR,
                                    .clear = {.scope = IKE_CLEAR_LOCAL, .peer = addresses[i]}};
        control_ike(c, &e);
    }
}

void group_hsrp_step(struct redundancy_group *g, struct hsrp_event *e)
{
    struct redundancy_actions actions;
    uint8_t before = group_state(g);
    uint64_t resigns = g->hsrp.counters.resigns_received;

    actions.count = 0;
    e->now = clock_now();
    hsrp_step(&g->hsrp, e, &actions);
    group_actions(g, &actions);
    ownership_update(g, e->now);
    group_schedule(g);
    if (before != group_state(g)) {
        group_followers_tell(g);
        ssp_redundancy_changed(g->redundancy->control);
    } else if (group_active(g) && g->hsrp.counters.resigns_received != resigns) {
        contested(g, e->now);
    }
}

void group_vrrp_step(struct redundancy_group *g, struct vrrp_event *e)
{
    struct redundancy_actions actions;

    actions.count = 0;
    e->now = clock_now();
    vrrp_step(&g->vrrp, e, &actions);
    group_actions(g, &actions);
    ownership_update(g, e->now);
    group_schedule(g);
}

static ns group_deadline(const struct redundancy_group *g)
{
    return g->protocol == REDUNDANCY_HSRP ? hsrp_deadline(&g->hsrp) : vrrp_deadline(&g->vrrp);
}

static void timer_due(uv_timer_t *timer)
{
    struct redundancy_group *g = timer->data;
    struct hsrp_event h = {.kind = HSRP_EVENT_TICK};
    struct vrrp_event v = {.kind = VRRP_EVENT_TICK};
    ns began = clock_now();

    ns late = ns_since(began, group_deadline(g));

    g->latest = MAX(g->latest, late);
    for (unsigned i = 0; i < LOOP_PAUSE_CLASSES; i++)
        g->late_counts[i] += late >= loop_pause_classes[i];
    if (g->protocol == REDUNDANCY_HSRP)
        group_hsrp_step(g, &h);
    else
        group_vrrp_step(g, &v);
    loop_section(&g->redundancy->control->watch, "a timer of redundancy", began, clock_now());
}

void group_schedule(struct redundancy_group *g)
{
    ns deadline = group_deadline(g);

    if (deadline == NS_NEVER) {
        uv_timer_stop(g->timer);
        return;
    }
    uv_update_time(&g->redundancy->control->loop);
    uv_timer_start(g->timer, timer_due, (ns_since(deadline, clock_now()) + NS_PER_MS - 1) / NS_PER_MS, 0);
}

/* ---- whether it runs, and with which priority ---- */

/* Where others wait longer for a hello than we were away, the role was not lost: no election. */
static uint8_t resume_state(const struct redundancy_group *g)
{
    bool in_time = g->protocol == REDUNDANCY_HSRP && g->hsrp.hold >= RESUME_HOLD;

    return in_time ? g->resume : 0;
}

static void run_tell(struct redundancy_group *g, bool up)
{
    struct hsrp_event h = {.kind = up ? HSRP_EVENT_UP : HSRP_EVENT_DOWN};
    struct vrrp_event v = {.kind = up ? VRRP_EVENT_UP : VRRP_EVENT_DOWN};

    h.reload = up && !g->has_run && g->redundancy->control->epoch == 1;
    h.resume = up && !g->has_run ? resume_state(g) : 0;
    g->running = up;
    g->has_run = g->has_run || up;
    if (g->protocol == REDUNDANCY_HSRP)
        group_hsrp_step(g, &h);
    else
        group_vrrp_step(g, &v);
}

static void priority_tell(struct redundancy_group *g)
{
    bool hsrp = g->protocol == REDUNDANCY_HSRP;
    uint8_t now =
        tracking_priority(&g->redundancy->tracking, g->priority, hsrp ? 0 : 1, g->uses, g->use_count);
    struct hsrp_event h = {.kind = HSRP_EVENT_PRIORITY, .priority = now};
    struct vrrp_event v = {.kind = VRRP_EVENT_PRIORITY, .priority = now};

    if (hsrp && g->hsrp.priority != now)
        group_hsrp_step(g, &h);
    else if (!hsrp && !vrrp_is_owner(&g->vrrp) && g->vrrp.priority != now)
        group_vrrp_step(g, &v);
}

void group_review(struct redundancy_group *g)
{
    ownership_update(g, clock_now());
    priority_tell(g);
    bool run = g->line && address_is_set(&g->source) && g->device.ifindex && g->ownership.verdict.run;
    if (run != g->running)
        run_tell(g, run);
}

/* ---- life ---- */

struct redundancy_group *group_new(struct redundancy *r, uint8_t protocol, uint8_t family, uint16_t number,
                                   const char *interface)
{
    struct redundancy_group *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    g->timer = calloc(1, sizeof *g->timer);
    if (!g->timer || uv_timer_init(&r->control->loop, g->timer) != 0) {
        free(g->timer);
        free(g);
        return NULL;
    }
    g->timer->data = g;
    g->redundancy = r;
    g->protocol = protocol;
    g->family = family;
    g->number = number;
    snprintf(g->interface, sizeof g->interface, "%s", interface);
    ownership_init(&g->ownership, clock_now());
    list_add_tail(&r->groups, &g->all);
    return g;
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void group_free(struct redundancy_group *g)
{
    if (g->running)
        run_tell(g, false);
    hello_pacer_drop(g->redundancy->pacer, g);
    virtual_device_remove(g);
    if (g->protocol == REDUNDANCY_HSRP)
        hsrp_done(&g->hsrp);
    uv_timer_stop(g->timer);
    uv_close((uv_handle_t *)g->timer, timer_closed);
    list_remove(&g->all);
    wipe(g, sizeof *g);
    free(g);
}
