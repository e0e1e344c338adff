/* SPDX-License-Identifier: Apache-2.0 */
/* What tracked objects look at: lines and addresses of interfaces, routes of the kernel's main table, probes,
 * our own processes. Facts go in when they change; what follows is one line in the log and a look at every
 * group. Interfaces that a group tracks by name get an object of their own, numbered above those of the
 * configuration. */
#include <errno.h>
#include <stdlib.h>

#include "control/redundancy/internal.h"
#include "control/redundancy/probes.h"

enum { FIRST_OWN_NUMBER = CONFIG_MAX_TRACKS + 1, ROUTES_MS = 20 };

/* ---- what changed ---- */

static void change_log(struct redundancy *r, const struct track_object *o)
{
    struct log *log = r->control->log;
    const char *was = o->up ? "Down" : "Up", *is = o->up ? "Up" : "Down";
    unsigned number = o->config.number;
    char text[PREFIX_TEXT];

    switch (o->config.kind) {
    case TRACK_INTERFACE_LINE:
    case TRACK_INTERFACE_ROUTING:
        log_line(log, "TRACKING", 5, "STATE", "%u interface %s %s %s->%s", number, o->config.interface,
                 o->config.kind == TRACK_INTERFACE_LINE ? "line-protocol" : "ip routing", was, is);
        break;
    case TRACK_ROUTE:
        log_line(log, "TRACKING", 5, "STATE", "%u ip route %s reachability %s->%s", number,
                 prefix_print(&o->config.prefix, text), was, is);
        break;
    case TRACK_PROBE:
        log_line(log, "TRACKING", 5, "STATE", "%u ip sla %u %s %s->%s", number, o->config.probe,
                 o->config.strict ? "state" : "reachability", was, is);
        break;
    default:
        log_line(log, "TRACKING", 5, "STATE", "%u list boolean %s %s->%s", number,
                 o->config.kind == TRACK_LIST_OR ? "or" : "and", was, is);
    }
}

static void tick_due(uv_timer_t *timer);

static void schedule(struct redundancy *r)
{
    ns deadline = tracking_deadline(&r->tracking);

    if (deadline == NS_NEVER) {
        uv_timer_stop(&r->tracking_timer);
        return;
    }
    uv_update_time(&r->control->loop);
    uv_timer_start(&r->tracking_timer, tick_due,
                   (ns_since(deadline, clock_now()) + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static bool routes_depend(const struct config *config)
{
    for (uint32_t i = 0; config && i < config->routes.count; i++)
        if (config->routes.items[i].track)
            return true;
    return false;
}

static void changes_follow(struct redundancy *r, const struct track_changes *changes)
{
    for (unsigned i = 0; i < changes->count; i++) {
        const struct track_object *o = tracking_find(&r->tracking, changes->numbers[i]);
        if (o && o->config.number < FIRST_OWN_NUMBER)
            change_log(r, o);
    }
    schedule(r);
    if (changes->count == 0)
        return;
    list_for_each(&r->groups, l) group_review(list_entry(l, struct redundancy_group, all));
    if (routes_depend(r->control->config))
        control_reapply_soon(r->control, false);
}

static void tick_due(uv_timer_t *timer)
{
    struct redundancy *r = timer->data;
    struct track_changes changes = {.count = 0};

    tracking_tick(&r->tracking, clock_now(), &changes);
    changes_follow(r, &changes);
}

static void fact(struct redundancy *r, const struct track_fact *f)
{
    struct track_changes changes = {.count = 0};

    tracking_fact(&r->tracking, f, clock_now(), &changes);
    changes_follow(r, &changes);
}

/* ---- interfaces and processes ---- */

static const struct netlink_link *link_of_name(const struct redundancy *r, const struct config *config,
                                               const char *name)
{
    const struct config_interface *i = config_find_interface(config, name);
    struct config_interface bare = {.name = (char *)name};
    char device[CONFIG_MAX_DEVICE + 1];

    if ((i && i->shutdown) || !interface_device(i ? i : &bare, device))
        return NULL;
    return devices_find(&r->control->devices, device);
}

static bool has_address(const struct redundancy *r, uint32_t ifindex)
{
    const struct devices *d = &r->control->devices;

    for (uint32_t i = 0; i < d->address_count; i++)
        if (d->addresses[i].ifindex == ifindex && d->addresses[i].prefix.address.family == ADDRESS_V4)
            return true;
    return false;
}

void tracking_facts_links(struct redundancy *r, const struct config *config)
{
    for (unsigned i = 0; i < r->tracking.count; i++) {
        const struct track_config *t = &r->tracking.objects[i].config;
        if (t->kind != TRACK_INTERFACE_LINE && t->kind != TRACK_INTERFACE_ROUTING)
            continue;
        char name[TRACKING_INTERFACE_TEXT];
        memcpy(name, t->interface, sizeof name);
        const struct netlink_link *l = link_of_name(r, config, name);
        struct track_fact f = {.kind = TRACK_FACT_INTERFACE, .interface = name};
        f.line = l && l->up && (l->carrier || l->loopback);
        f.routing = f.line && has_address(r, l->ifindex);
        fact(r, &f);
    }
}

void tracking_facts_engine(struct redundancy *r)
{
    const struct track_fact control = {.kind = TRACK_FACT_CONTROL, .up = true};
    const struct track_fact engine = {.kind = TRACK_FACT_ENGINE, .up = r->engine_fit};

    fact(r, &control);
    fact(r, &engine);
}

void tracking_facts_probe(struct redundancy *r, uint32_t probe, bool reachable, bool good)
{
    const struct track_fact f = {.kind = TRACK_FACT_PROBE, .probe = probe, .up = reachable, .good = good};

    fact(r, &f);
}

/* ---- routes ---- */

static bool tracks_routes(const struct redundancy *r)
{
    for (unsigned i = 0; i < r->tracking.count; i++)
        if (r->tracking.objects[i].config.kind == TRACK_ROUTE)
            return true;
    return false;
}

struct route_look {
    const struct redundancy *redundancy;
    bool there[TRACKING_OBJECTS_MAX];
};

static void route_seen(void *user, const struct netlink_route *route)
{
    struct route_look *look = user;
    const struct tracking *t = &look->redundancy->tracking;

    if (route->type != NETLINK_ROUTE_UNICAST || (route->table && route->table != NETLINK_TABLE_MAIN))
        return;
    for (unsigned i = 0; i < t->count; i++)
        if (t->objects[i].config.kind == TRACK_ROUTE &&
            prefix_equal(&t->objects[i].config.prefix, &route->destination))
            look->there[i] = true;
}

static void routes_read(uv_timer_t *timer)
{
    struct redundancy *r = timer->data;
    struct route_look look = {.redundancy = r};
    struct track_changes changes = {.count = 0};

    if (netlink_routes(r->control->netlink, NETLINK_TABLE_MAIN, route_seen, &look) != 0)
        return;
    for (unsigned i = 0; i < r->tracking.count; i++) {
        const struct track_config *t = &r->tracking.objects[i].config;
        struct track_fact f = {.kind = TRACK_FACT_ROUTE, .prefix = t->prefix, .up = look.there[i]};
        if (t->kind == TRACK_ROUTE)
            tracking_fact(&r->tracking, &f, clock_now(), &changes);
    }
    changes_follow(r, &changes);
}

/* One look for a burst of changes. */
static void routes_look(struct redundancy *r, unsigned ms)
{
    if (!uv_is_active((uv_handle_t *)&r->routes_timer))
        uv_timer_start(&r->routes_timer, routes_read, ms, 0);
}

static void route_event(void *user, const struct netlink_event *e)
{
    struct redundancy *r = user;
    bool main = e->route.table == 0 || e->route.table == NETLINK_TABLE_MAIN;

    if (e->change == NETLINK_LOST) {
        routes_look(r, ROUTES_MS);
        return;
    }
    for (unsigned i = 0; i < r->tracking.count && main; i++)
        if (r->tracking.objects[i].config.kind == TRACK_ROUTE &&
            prefix_equal(&r->tracking.objects[i].config.prefix, &e->route.destination))
            routes_look(r, ROUTES_MS);
}

static void routes_readable(uv_poll_t *poll, int status, int events)
{
    struct redundancy *r = poll->data;

    (void)events;
    if (netlink_monitor_dispatch(r->routes) != 0)
        routes_look(r, ROUTES_MS);
    if (status < 0)
        (void)!uv_poll_start(poll, UV_READABLE, routes_readable);
}

static void poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void routes_unwatch(struct redundancy *r)
{
    if (!r->routes)
        return;
    uv_poll_stop(r->routes_poll);
    uv_close((uv_handle_t *)r->routes_poll, poll_closed);
    netlink_monitor_free(r->routes);
    r->routes = NULL;
    r->routes_poll = NULL;
}

static void routes_watch(struct redundancy *r)
{
    uv_poll_t *poll = calloc(1, sizeof *poll);
    int error = poll ? netlink_monitor_new(NETLINK_MONITOR_ROUTES, route_event, r, &r->routes) : -ENOMEM;

    if (!error)
        error = uv_poll_init(&r->control->loop, poll, netlink_monitor_fd(r->routes));
    if (error) {
        log_line(r->control->log, "HOLDFAST", 3, "TRACK", "routes cannot be followed: %s", strerror(-error));
        netlink_monitor_free(r->routes);
        r->routes = NULL;
        free(poll);
        return;
    }
    poll->data = r;
    r->routes_poll = poll;
    (void)!uv_poll_start(poll, UV_READABLE, routes_readable);
}

/* ---- objects ---- */

static void interface_text(char out[TRACKING_INTERFACE_TEXT], const char *name)
{
    size_t len = strnlen(name, TRACKING_INTERFACE_TEXT - 1);

    memset(out, 0, TRACKING_INTERFACE_TEXT);
    memcpy(out, name, len);
}

static void object_config(const struct config_track *t, struct track_config *ret)
{
    static const uint8_t kinds[] = {[CONFIG_TRACK_LINE_PROTOCOL] = TRACK_INTERFACE_LINE,
                                    [CONFIG_TRACK_IP_ROUTING] = TRACK_INTERFACE_ROUTING,
                                    [CONFIG_TRACK_IP_ROUTE] = TRACK_ROUTE,
                                    [CONFIG_TRACK_LIST] = TRACK_LIST_AND,
                                    [CONFIG_TRACK_PROBE] = TRACK_PROBE};

    *ret = (struct track_config){.number = t->number,
                                 .kind = kinds[t->type],
                                 .prefix = t->route,
                                 .probe = t->probe,
                                 .strict = t->probe_aspect != CONFIG_PROBE_REACHABILITY,
                                 .delay_up = t->delay_up * NS_PER_MS,
                                 .delay_down = t->delay_down * NS_PER_MS};
    if (t->interface.name)
        interface_text(ret->interface, t->interface.name);
    if (t->type == CONFIG_TRACK_LIST && t->is_or)
        ret->kind = TRACK_LIST_OR;
    for (uint32_t i = 0; i < t->objects.count && ret->member_count < TRACKING_MEMBERS_MAX; i++)
        ret->members[ret->member_count++] = (struct track_member){.number = t->objects.items[i].number,
                                                                  .negate = t->objects.items[i].negated};
}

static void object_set(struct redundancy *r, const struct track_config *t)
{
    struct track_changes changes = {.count = 0};
    int error = tracking_set(&r->tracking, t, clock_now(), &changes);

    if (error)
        log_line(r->control->log, "HOLDFAST", 3, "TRACK", "track %u cannot be followed: %s", t->number,
                 error == -EINVAL ? "it would contain itself" : strerror(-error));
}

uint16_t tracking_facts_number(const struct redundancy *r, const char *interface)
{
    char name[TRACKING_INTERFACE_TEXT];

    interface_text(name, interface);
    for (unsigned i = 0; i < r->tracking.count; i++) {
        const struct track_config *t = &r->tracking.objects[i].config;
        if (t->number >= FIRST_OWN_NUMBER && memcmp(t->interface, name, sizeof name) == 0)
            return t->number;
    }
    return 0;
}

/* Numbers are given in the order of the configuration; `keep` marks those that it names. */
static void own_set(struct redundancy *r, const char *interface, bool *keep)
{
    uint16_t number = tracking_facts_number(r, interface);
    struct track_config t = {.kind = TRACK_INTERFACE_LINE};

    for (uint16_t n = FIRST_OWN_NUMBER; number == 0 && n < FIRST_OWN_NUMBER + TRACKING_OBJECTS_MAX; n++)
        if (!tracking_find(&r->tracking, n))
            number = n;
    if (number == 0)
        return;
    t.number = number;
    interface_text(t.interface, interface);
    keep[number] = true;
    object_set(r, &t);
}

static void own_objects(struct redundancy *r, const struct config *config, bool *keep)
{
    for (uint32_t i = 0; i < config->interfaces.count; i++) {
        const struct config_interface *f = &config->interfaces.items[i];
        for (uint32_t s = 0; s < f->standby.count; s++)
            for (uint32_t t = 0; t < f->standby.items[s].tracks.count; t++)
                if (f->standby.items[s].tracks.items[t].interface.name)
                    own_set(r, f->standby.items[s].tracks.items[t].interface.name, keep);
    }
}

void tracking_facts_configure(struct redundancy *r, const struct config *config)
{
    bool keep[FIRST_OWN_NUMBER + TRACKING_OBJECTS_MAX] = {false};
    struct track_changes changes = {.count = 0};

    for (uint32_t i = 0; i < config->tracks.count; i++) {
        struct track_config t;
        object_config(&config->tracks.items[i], &t);
        keep[t.number] = true;
        object_set(r, &t);
    }
    own_objects(r, config, keep);
    for (unsigned i = r->tracking.count; i-- > 0;)
        if (!keep[r->tracking.objects[i].config.number])
            tracking_remove(&r->tracking, r->tracking.objects[i].config.number, clock_now(), &changes);
    tracking_facts_links(r, config);
    tracking_facts_engine(r);
    probes_tell(r);
    if (!tracks_routes(r)) {
        routes_unwatch(r);
        return;
    }
    if (!r->routes)
        routes_watch(r);
    routes_read(&r->routes_timer);
}

bool redundancy_track_up(const struct control *c, uint16_t number)
{
    const struct track_object *o = c->redundancy ? tracking_find(&c->redundancy->tracking, number) : NULL;

    return o && o->up;
}

void tracking_facts_begin(struct redundancy *r)
{
    tracking_init(&r->tracking);
    uv_timer_init(&r->control->loop, &r->tracking_timer);
    uv_timer_init(&r->control->loop, &r->routes_timer);
    r->tracking_timer.data = r;
    r->routes_timer.data = r;
}

void tracking_facts_end(struct redundancy *r)
{
    uv_timer_stop(&r->tracking_timer);
    uv_timer_stop(&r->routes_timer);
    routes_unwatch(r);
}
