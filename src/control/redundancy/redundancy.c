/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as the configuration and the devices of the moment have them. What is the same goes on undisturbed;
 * a group whose interface lost its device, its line or its address stops, and begins again when that is back.
 * The engine is asked now and then whether it still serves: one that does not makes every group resign. */
#include "control/redundancy/redundancy.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/redundancy/hello_pacer.h"
#include "control/redundancy/internal.h"
#include "control/redundancy/probes.h"
#include "control/ssp/ssp.h"
#include "io/multicast_socket.h"

enum { READ_BATCH = 32, READ_SIZE = 2048, ENGINE_PERIOD_MS = 200, RT_PRIORITY = 1, NICE = -10 };

static const ns ENGINE_PATIENCE = 1 * NS_PER_S, ENGINE_ASK_AGAIN = 2 * NS_PER_S, SHORT_HOLD = 1 * NS_PER_S,
                LOOP_PATIENCE = 1 * NS_PER_S;

int redundancy_begin(struct control *c)
{
    struct redundancy *r = calloc(1, sizeof *r);

    if (!r)
        return -ENOMEM;
    r->control = c;
    list_init(&r->groups);
    list_init(&r->interfaces);
    r->frame_socket = -1;
    r->engine_fit = true;
    tracking_facts_begin(r);
    uv_timer_init(&c->loop, &r->engine_timer);
    r->engine_timer.data = r;
    virtual_devices_sweep(c);
    c->redundancy = r;
    return 0;
}

/* ---- the engine's fitness ---- */

static void engine_ask(struct redundancy *r, ns now)
{
    struct channel_message m = {.type = CHANNEL_HEARTBEAT};

    r->engine_asked = now;
    control_channel_send(r->control, &m);
}

static void review_all(struct redundancy *r)
{
    list_for_each(&r->groups, l) group_review(list_entry(l, struct redundancy_group, all));
}

/* Reading its channel moves an engine's epoch, as does every burst. One question is on its way at most. */
static void engine_look(uv_timer_t *timer)
{
    struct redundancy *r = timer->data;
    ns now = clock_now();
    uint64_t epoch = atomic_load(&r->control->sad->engines[0].epoch);

    if (epoch != r->engine_epoch) {
        r->engine_epoch = epoch;
        r->engine_moved = now;
        engine_ask(r, now);
    } else if (ns_since(now, r->engine_asked) >= ENGINE_ASK_AGAIN) {
        engine_ask(r, now);
    }
    bool fit = ns_since(now, r->engine_moved) < ENGINE_PATIENCE;
    if (fit == r->engine_fit)
        return;
    r->engine_fit = fit;
    if (!list_empty(&r->groups))
        log_line(r->control->log, "HOLDFAST", fit ? 5 : 2, "ENGINE",
                 fit ? "the engine serves again"
                     : "the engine does not serve: every redundancy group resigns");
    tracking_facts_engine(r);
    review_all(r);
}

void redundancy_engine_ready(struct control *c)
{
    if (c->redundancy && uv_is_active((uv_handle_t *)&c->redundancy->engine_timer))
        engine_ask(c->redundancy, clock_now());
}

static void engine_watch(struct redundancy *r, bool on)
{
    if (!on) {
        uv_timer_stop(&r->engine_timer);
        r->engine_fit = true;
    } else if (!uv_is_active((uv_handle_t *)&r->engine_timer)) {
        r->engine_moved = clock_now();
        r->engine_asked = 0;
        r->engine_epoch = atomic_load(&r->control->sad->engines[0].epoch);
        uv_timer_start(&r->engine_timer, engine_look, 0, ENGINE_PERIOD_MS);
    }
}

static int hello_send(void *context, uint32_t ifindex, struct bytes frame)
{
    const struct redundancy *r = context;

    return frame_send(r->frame_socket, ifindex, frame);
}

static void loop_is_here(uv_prepare_t *prepare)
{
    const struct redundancy *r = prepare->data;

    hello_pacer_alive(r->pacer, clock_now());
}

/* A configuration of thousands of entries keeps the loop busy for longer than such a hold time. */
static void pacer_begin(struct redundancy *r)
{
    int error = hello_pacer_new(LOOP_PATIENCE, hello_send, r, &r->pacer);

    if (error) {
        log_line(r->control->log, "HOLDFAST", 4, "REDUNDANCY",
                 "hellos depend on a loop that is never busy for long: no thread: %s", strerror(-error));
        return;
    }
    uv_prepare_init(&r->control->loop, &r->here);
    r->here.data = r;
    uv_prepare_start(&r->here, loop_is_here);
}

/* Timers of milliseconds need a processor at once, whatever else runs on the machine. Threads that compute
 * keys do not inherit it. */
static void priority_raise(struct redundancy *r)
{
    const struct sched_param p = {.sched_priority = RT_PRIORITY};

    if (r->priority_raised)
        return;
    r->priority_raised = true;
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) != 0)
        (void)!setpriority(PRIO_PROCESS, 0, NICE);
}

static void short_hold(struct redundancy *r, ns hold)
{
    if (hold >= SHORT_HOLD)
        return;
    priority_raise(r);
    if (!r->pacer)
        pacer_begin(r);
}

static bool quick_probes(const struct config *c)
{
    for (uint32_t i = 0; i < c->probes.count; i++)
        if (c->probes.items[i].schedule == CONFIG_PROBE_NOW &&
            config_probe_timeout(&c->probes.items[i]) * NS_PER_MS < SHORT_HOLD)
            return true;
    return false;
}

/* ---- groups ---- */

static const struct netlink_link *link_of(const struct control *c, const struct config_interface *i)
{
    char device[CONFIG_MAX_DEVICE + 1];

    return !i->shutdown && interface_device(i, device) ? devices_find(&c->devices, device) : NULL;
}

static bool link_local(const struct address *a)
{
    return a->family == ADDRESS_V6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/* The address that a group speaks from: IPv4 the interface's primary one, IPv6 the link-local one. */
static struct address source_of(const struct control *c, const struct config_interface *i, uint32_t ifindex,
                                uint8_t family)
{
    const struct config_interface_address *a = config_interface_primary(i, family);

    if (family == ADDRESS_V4 && a)
        return a->prefix.address;
    for (uint32_t k = 0; k < c->devices.address_count; k++) {
        const struct netlink_address *n = &c->devices.addresses[k];
        if (n->ifindex == ifindex && n->prefix.address.family == family && !n->secondary &&
            n->prefix.length < address_bits(&n->prefix.address) &&
            (family == ADDRESS_V4 || (link_local(&n->prefix.address) && !n->tentative)))
            return n->prefix.address;
    }
    return (struct address){0};
}

static void place_update(struct redundancy_group *g, const struct config_interface *i)
{
    struct control *c = g->redundancy->control;
    const struct netlink_link *l = i ? link_of(c, i) : NULL;
    uint32_t ifindex = l && !l->loopback && l->has_mac ? l->ifindex : 0;

    if (ifindex != g->ifindex && g->device.ifindex)
        virtual_device_remove(g);
    g->ifindex = ifindex;
    g->line = ifindex && l->up && l->carrier;
    g->source = ifindex ? source_of(c, i, ifindex, g->family) : (struct address){0};
    if (ifindex)
        memcpy(g->mac, l->mac, REDUNDANCY_MAC);
}

static struct redundancy_group *group_get(struct redundancy *r, uint8_t protocol, uint8_t family,
                                          uint16_t number, const char *interface, bool *ret_new)
{
    *ret_new = false;
    list_for_each(&r->groups, l)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (g->protocol == protocol && g->family == family && g->number == number &&
            strcmp(g->interface, interface) == 0)
            return g;
    }
    *ret_new = true;
    return group_new(r, protocol, family, number, interface);
}

static void uses_set(struct redundancy_group *g, const struct config_group_track *tracks, uint32_t count)
{
    g->use_count = 0;
    for (uint32_t k = 0; k < count && g->use_count < TRACKING_USES_MAX; k++) {
        const struct config_group_track *t = &tracks[k];
        uint16_t number =
            t->interface.name ? tracking_facts_number(g->redundancy, t->interface.name) : t->object;
        if (number)
            g->uses[g->use_count++] =
                (struct track_use){.number = number, .decrement = t->decrement, .shutdown = t->shutdown};
    }
}

static void text_set(char *out, const char *text)
{
    size_t len = text ? strnlen(text, REDUNDANCY_NAME - 1) : 0;

    memcpy(out, text ? text : "", len);
    out[len] = 0;
}

/* What a shared group binds: its other HSRP groups go with the first one, and a role that can be handed over
 * is not taken away. */
static void shared_config(struct redundancy_group *g, const struct config *after, struct hsrp_config *config)
{
    const char *driver = ssp_driver_of(after, g->name);

    if (driver) {
        text_set(g->follow, driver);
        config->follows = true;
    }
    config->preempt = config->preempt && ssp_preempts(g->redundancy->control, g->name);
}

static void hsrp_apply(struct redundancy *r, const struct config_interface *i, const struct config_standby *s)
{
    struct redundancy_actions actions = {.count = 0};
    char name[CONFIG_MAX_NAME + 1];
    struct hsrp_config config;
    bool fresh;
    struct redundancy_group *g = group_get(r, REDUNDANCY_HSRP, ADDRESS_V4, s->group, i->name, &fresh);

    if (!g)
        return;
    g->keep = true;
    text_set(g->name, config_standby_name(i, s, name));
    text_set(g->follow, s->follow.name);
    g->name_written = s->name != NULL;
    g->priority = s->priority;
    place_update(g, i);
    uses_set(g, s->tracks.items, s->tracks.count);
    redundancy_hsrp_config(g, i, s, &config);
    g->preempts = s->preempt;
    shared_config(g, r->configuring, &config);
    short_hold(r, config.hold);
    if (fresh)
        hsrp_init(&g->hsrp, &config, clock_now());
    else
        hsrp_configure(&g->hsrp, &config, clock_now(), &actions);
    group_actions(g, &actions);
    wipe(&config, sizeof config);
}

static void vrrp_apply(struct redundancy *r, const struct config_interface *i, const struct config_vrrp *v,
                       uint8_t family)
{
    struct redundancy_actions actions = {.count = 0};
    struct vrrp_config config;
    bool fresh, any = false;

    for (uint32_t k = 0; k < v->addresses.count; k++)
        any = any || v->addresses.items[k].address.family == family;
    struct redundancy_group *g =
        any ? group_get(r, REDUNDANCY_VRRP, family, v->group, i->name, &fresh) : NULL;
    if (!g)
        return;
    place_update(g, i);
    g->priority = v->priority;
    text_set(g->name, v->description);
    uses_set(g, v->tracks.items, v->tracks.count);
    g->keep = redundancy_vrrp_config(g, v, &config);
    short_hold(r, config.interval * 10 * NS_PER_MS * 3);
    if (fresh)
        vrrp_init(&g->vrrp, &config, clock_now());
    else
        vrrp_configure(&g->vrrp, &config, clock_now(), &actions);
    group_actions(g, &actions);
}

/* Devices that have groups now get their settings and sockets, the others lose them. */
static void interfaces_update(struct redundancy *r)
{
    list_for_each(&r->interfaces, l) list_entry(l, struct redundancy_interface, all)->keep = false;
    list_for_each(&r->groups, l)
    {
        const struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        const struct netlink_link *link = devices_find_index(&r->control->devices, g->ifindex);
        struct redundancy_interface *found = NULL;
        list_for_each(&r->interfaces, k)
        {
            struct redundancy_interface *i = list_entry(k, struct redundancy_interface, all);
            if (i->ifindex == g->ifindex)
                found = i;
        }
        if (!found && g->ifindex && link)
            found = interface_new(r, g->ifindex, link->name);
        if (found)
            found->keep = true;
    }
    list_for_each_safe(&r->interfaces, l, next)
    {
        struct redundancy_interface *i = list_entry(l, struct redundancy_interface, all);
        if (i->keep)
            interface_listen(i);
        else
            interface_free(i);
    }
}

static void groups_sweep(struct redundancy *r)
{
    list_for_each_safe(&r->groups, l, next)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (!g->keep)
            group_free(g);
    }
}

static int frames_begin(struct redundancy *r)
{
    if (!r->reader)
        r->reader = datagram_reader_new(READ_BATCH, READ_SIZE, 0, 0);
    if (r->frame_socket < 0)
        r->frame_socket = frame_socket_open();
    return !r->reader ? -ENOMEM : r->frame_socket < 0 ? r->frame_socket : 0;
}

static bool any_configured(const struct config *c)
{
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        if (c->interfaces.items[i].standby.count || c->interfaces.items[i].vrrp.count)
            return true;
    return false;
}

static void groups_apply(struct redundancy *r, const struct config *after)
{
    for (uint32_t k = 0; k < after->interfaces.count; k++) {
        const struct config_interface *i = &after->interfaces.items[k];
        for (uint32_t s = 0; s < i->standby.count; s++)
            if (i->standby.items[s].has_ip)
                hsrp_apply(r, i, &i->standby.items[s]);
        for (uint32_t v = 0; v < i->vrrp.count; v++) {
            vrrp_apply(r, i, &i->vrrp.items[v], ADDRESS_V4);
            vrrp_apply(r, i, &i->vrrp.items[v], ADDRESS_V6);
        }
    }
}

void redundancy_apply(struct control *c, const struct config *after)
{
    struct redundancy *r = c->redundancy;
    int error = any_configured(after) ? frames_begin(r) : 0;

    if (error) {
        log_line(c->log, "HOLDFAST", 2, "REDUNDANCY", "redundancy protocols cannot run: %s",
                 strerror(-error));
        return;
    }
    r->configuring = after;
    if (quick_probes(after))
        priority_raise(r);
    probes_apply(r, after);
    tracking_facts_configure(r, after);
    list_for_each(&r->groups, l) list_entry(l, struct redundancy_group, all)->keep = false;
    groups_apply(r, after);
    groups_sweep(r);
    interfaces_update(r);
    engine_watch(r, !list_empty(&r->groups) || r->tracking.count);
    list_for_each(&r->groups, l)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (g->ifindex && virtual_device_prepare(g) == 0 && g->device.owned)
            (void)!virtual_device_own(g); /* other addresses, perhaps */
        group_review(g);
        group_schedule(g);
    }
    list_for_each(&r->groups, l) group_followers_tell(list_entry(l, struct redundancy_group, all));
}

/* Lines alone: what else changed is seen when the configuration is applied again, a moment later. */
void redundancy_links(struct control *c)
{
    struct redundancy *r = c->redundancy;

    if (!r || !c->config || (list_empty(&r->groups) && r->tracking.count == 0))
        return;
    tracking_facts_links(r, c->config);
    list_for_each(&r->groups, l)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        const struct netlink_link *link = devices_find_index(&c->devices, g->ifindex);
        g->line = link && link->up && link->carrier;
        group_review(g);
    }
}

void redundancy_end(struct control *c)
{
    struct redundancy *r = c->redundancy;

    if (!r)
        return;
    r->ending = true;
    probes_end(r);
    tracking_facts_end(r);
    uv_timer_stop(&r->engine_timer);
    list_for_each_safe(&r->groups, l, next) group_free(list_entry(l, struct redundancy_group, all));
    list_for_each_safe(&r->interfaces, l, next)
        interface_free(list_entry(l, struct redundancy_interface, all));
    virtual_devices_sweep(c);
    hello_pacer_free(r->pacer);
    r->pacer = NULL;
}

/* ---- for shared groups ---- */

static struct redundancy_group *group_named(const struct control *c, const char *name)
{
    if (!c->redundancy)
        return NULL;
    list_for_each(&c->redundancy->groups, l)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (g->protocol == REDUNDANCY_HSRP && strcmp(g->name, name) == 0)
            return g;
    }
    return NULL;
}

const char *redundancy_state(const struct control *c, const char *name)
{
    const struct redundancy_group *g = group_named(c, name);

    return g ? hsrp_state_name(g->hsrp.state) : NULL;
}

bool redundancy_is_active(const struct control *c, const char *name)
{
    const struct redundancy_group *g = group_named(c, name);

    return g && group_active(g);
}

bool redundancy_would_preempt(const struct control *c, const char *name)
{
    const struct redundancy_group *g = group_named(c, name);

    return g && g->preempts && g->running && !group_active(g) && g->hsrp.active.known &&
           g->hsrp.priority > g->hsrp.active.priority && hsrp_preempt_left(&g->hsrp, clock_now()) == 0;
}

void redundancy_preemption_changed(struct control *c)
{
    if (!c->redundancy)
        return;
    list_for_each(&c->redundancy->groups, l)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (g->protocol == REDUNDANCY_HSRP)
            g->hsrp.config.preempt = g->preempts && ssp_preempts(c, g->name);
    }
}

void redundancy_synced(struct control *c, const char *name)
{
    struct redundancy_group *g = group_named(c, name);
    struct hsrp_event e = {.kind = HSRP_EVENT_SYNCED};

    if (g)
        group_hsrp_step(g, &e);
}

void redundancy_yield(struct control *c, const char *name)
{
    struct redundancy_group *g = group_named(c, name);
    struct hsrp_event e = {.kind = HSRP_EVENT_YIELD};

    if (g)
        group_hsrp_step(g, &e);
}

void redundancy_disown(struct control *c, const char *name)
{
    struct redundancy_group *g = group_named(c, name);

    if (!g || !g->disown_pending)
        return;
    g->disown_pending = false;
    virtual_device_disown(g);
}

/* ---- for others ---- */

bool redundancy_silent(const struct control *c, const struct address *local)
{
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];

    if (!c->redundancy || !address_is_set(local))
        return false;
    list_for_each(&c->redundancy->groups, l)
    {
        const struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        size_t n = g->device.owned ? 0 : group_addresses(g, addresses);
        for (size_t k = 0; k < n; k++)
            if (address_equal(&addresses[k], local))
                return true;
    }
    return false;
}

void redundancy_devices(const struct control *c, uint32_t ifindex,
                        void (*each)(void *context, const char *name), void *context)
{
    if (!c->redundancy)
        return;
    list_for_each(&c->redundancy->groups, l)
    {
        const struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (g->device.ifindex && !g->device.burned_in && (ifindex == 0 || g->device.parent == ifindex))
            each(context, g->device.name);
    }
}

unsigned redundancy_device_count(const struct control *c)
{
    unsigned n = 0;

    if (!c->redundancy)
        return 0;
    list_for_each(&c->redundancy->groups, l) n++;
    return n;
}
