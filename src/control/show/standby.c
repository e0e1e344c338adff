/* SPDX-License-Identifier: Apache-2.0 */
/* `show standby [INTERFACE] [all]`, `show standby brief`, `show vrrp` and `show vrrp brief`. */
#include <stdio.h>

#include "config/interface_name.h"
#include "control/redundancy/internal.h"
#include "control/show/internal.h"

enum { SHORT_TEXT = 64 };

static uint64_t ms_until(const struct show *s, ns then)
{
    return then == NS_NEVER ? 0 : ns_since(then, s->source->now) / NS_PER_MS;
}

static void fact_mac(struct show *s, json_t *o, const char *key, const uint8_t mac[REDUNDANCY_MAC])
{
    char text[16];

    fact_text(s, o, key, redundancy_mac_print(mac, text));
}

static void fact_addresses(struct show *s, json_t *o, const struct redundancy_group *g)
{
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    size_t n = group_addresses(g, addresses);
    json_t *secondary = json_array();
    char text[ADDRESS_TEXT];

    fact_address(s, o, "virtual_address", n ? &addresses[0] : NULL);
    for (size_t i = 1; i < n; i++)
        fact_append_text(s, secondary, address_print(&addresses[i], text));
    fact_value(s, o, "secondary_addresses", secondary);
}

static void fact_tracks(struct show *s, json_t *o, const struct redundancy_group *g)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < g->use_count; i++) {
        const struct track_use *use = &g->uses[i];
        const struct track_object *t = tracking_find(&g->redundancy->tracking, use->number);
        json_t *one = json_object();
        if (use->number > CONFIG_MAX_TRACKS)
            fact_text(s, one, "interface", t ? t->config.interface : "");
        else
            fact_number(s, one, "object", use->number);
        fact_text(s, one, "state", !t ? "unknown" : t->up ? "Up" : "Down");
        if (use->shutdown)
            fact_flag(s, one, "shutdown", true);
        else
            fact_number(s, one, "decrement", use->decrement);
        fact_append(s, list, one);
    }
    fact_value(s, o, "tracks", list);
}

static void fact_common(struct show *s, json_t *o, const struct redundancy_group *g)
{
    fact_text(s, o, "interface", g->interface);
    fact_number(s, o, "group", g->number);
    fact_addresses(s, o, g);
    fact_tracks(s, o, g);
    fact_text(s, o, "ownership", ownership_role_name(g->ownership.verdict.role));
    fact_flag(s, o, "fit", g->ownership.verdict.run);
    fact_number(s, o, "send_errors", g->send_errors);
    fact_number(s, o, "timer_latest_us", g->latest / NS_PER_US);
    fact_number(s, o, "timer_late_5ms", g->late_counts[0]);
    fact_number(s, o, "timer_late_15ms", g->late_counts[1]);
    fact_number(s, o, "timer_late_50ms", g->late_counts[2]);
}

/* The groups of one protocol, in the order of the configuration. */
static void groups_gather(struct show *s, uint8_t protocol,
                          json_t *(*facts)(struct show *s, const struct redundancy_group *g))
{
    const struct grammar_value *where = grammar_arg(s->call, "where");
    const struct redundancy *r = s->source->redundancy;

    if (!r)
        return;
    list_for_each(&r->groups, l)
    {
        const struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (g->protocol == protocol && !s->failed && (!where || strcmp(where->text, g->interface) == 0))
            show_item(s, facts(s, g));
    }
}

/* "sec" or "msec", as the field writes timers. */
static const char *time_print(uint64_t ms, char out[SHORT_TEXT])
{
    if (ms % 1000 == 0)
        snprintf(out, SHORT_TEXT, "%llu sec", (unsigned long long)(ms / 1000));
    else
        snprintf(out, SHORT_TEXT, "%llu msec", (unsigned long long)ms);
    return out;
}

/* ---- show standby ---- */

static void fact_router(struct show *s, json_t *o, const char *key, const struct hsrp_peer *p, bool local,
                        ns expires)
{
    json_t *one = json_object();

    fact_text(s, one, "who", local ? "local" : p->known ? "remote" : "unknown");
    if (!local && p->known) {
        fact_address(s, one, "address", &p->address);
        fact_number(s, one, "priority", p->priority);
        fact_number(s, one, "expires_ms", ms_until(s, expires));
        if (p->mac_known)
            fact_mac(s, one, "mac", p->mac);
    }
    fact_value(s, o, key, one);
}

static void fact_preemption(struct show *s, json_t *o, const struct hsrp_group *h)
{
    fact_flag(s, o, "preempt", h->config.preempt);
    fact_number(s, o, "preempt_minimum_seconds", h->config.preempt_minimum / NS_PER_S);
    fact_number(s, o, "preempt_reload_seconds", h->config.preempt_reload / NS_PER_S);
    fact_number(s, o, "preempt_sync_seconds", h->config.preempt_sync / NS_PER_S);
    fact_number(s, o, "preempt_left_ms", hsrp_preempt_left(h, s->source->now) / NS_PER_MS);
}

static void fact_counters(struct show *s, json_t *o, const struct hsrp_counters *c)
{
    json_t *one = json_object();

    fact_number(s, one, "hellos_sent", c->hellos_sent);
    fact_number(s, one, "hellos_received", c->hellos_received);
    fact_number(s, one, "coups_sent", c->coups_sent);
    fact_number(s, one, "coups_received", c->coups_received);
    fact_number(s, one, "resigns_sent", c->resigns_sent);
    fact_number(s, one, "resigns_received", c->resigns_received);
    fact_number(s, one, "bad_authentication", c->bad_authentication);
    fact_number(s, one, "malformed", c->malformed);
    fact_number(s, one, "bad_address", c->bad_address);
    fact_number(s, one, "storm_dropped", c->storm_dropped);
    fact_number(s, one, "duplicate_addresses", c->duplicate_addresses);
    fact_value(s, o, "counters", one);
}

static json_t *standby_facts(struct show *s, const struct redundancy_group *g)
{
    const struct hsrp_group *h = &g->hsrp;
    json_t *o = json_object();
    uint8_t mac[REDUNDANCY_MAC], standard[REDUNDANCY_MAC];

    fact_common(s, o, g);
    fact_number(s, o, "version", h->config.version);
    fact_text(s, o, "state", hsrp_state_name(h->state));
    fact_number(s, o, "state_changes", h->counters.state_changes);
    fact_number(s, o, "last_change_seconds", seconds_since(s, h->last_change));
    fact_flag(s, o, "address_learned", h->address_learned);
    hsrp_mac(h, mac);
    hsrp_virtual_mac(h->config.version, ADDRESS_V4, h->config.group, standard);
    fact_mac(s, o, "local_virtual_mac", mac);
    fact_text(s, o, "mac_kind",
              h->config.use_bia   ? "bia"
              : h->config.mac_set ? "confgd"
                                  : (h->config.version == 2 ? "v2 default" : "v1 default"));
    if (h->state == HSRP_ACTIVE)
        fact_mac(s, o, "active_virtual_mac", mac);
    else if (h->active.known)
        fact_mac(s, o, "active_virtual_mac", standard);
    fact_number(s, o, "hello_ms", h->hello / NS_PER_MS);
    fact_number(s, o, "hold_ms", h->hold / NS_PER_MS);
    if (h->hello_timer != NS_NEVER)
        fact_number(s, o, "next_hello_ms", ms_until(s, h->hello_timer));
    fact_text(s, o, "authentication", h->config.authentication == HSRP_AUTHENTICATION_MD5 ? "md5" : "text");
    fact_preemption(s, o, h);
    fact_router(s, o, "active", &h->active, h->state == HSRP_ACTIVE, h->active_timer);
    fact_router(s, o, "standby", &h->standby, h->state == HSRP_STANDBY, h->standby_timer);
    fact_number(s, o, "priority", h->priority);
    fact_number(s, o, "configured_priority", g->priority);
    fact_text(s, o, "name", g->name);
    fact_flag(s, o, "name_configured", g->name_written);
    if (g->follow[0])
        fact_text(s, o, "follows", g->follow);
    fact_counters(s, o, &h->counters);
    return o;
}

/* Groups that have no `standby ip` do nothing. */
static void disabled_gather(struct show *s)
{
    const struct grammar_value *where = grammar_arg(s->call, "where");
    const struct config *c = s->source->config;

    for (uint32_t i = 0; i < c->interfaces.count; i++) {
        const struct config_interface *f = &c->interfaces.items[i];
        for (uint32_t k = 0; k < f->standby.count && !s->failed; k++) {
            const struct config_standby *g = &f->standby.items[k];
            if (g->has_ip || (where && strcmp(where->text, f->name) != 0))
                continue;
            json_t *o = json_object();
            fact_text(s, o, "interface", f->name);
            fact_number(s, o, "group", g->group);
            fact_number(s, o, "version", f->standby_version == 2 ? 2 : 1);
            fact_text(s, o, "state", "Disabled");
            fact_number(s, o, "configured_priority", g->priority);
            show_item(s, o);
        }
    }
}

static void standby_gather(struct show *s)
{
    groups_gather(s, REDUNDANCY_HSRP, standby_facts);
    if (grammar_has(s->call, "all"))
        disabled_gather(s);
}

static void render_router(const json_t *o, const char *key, const char *title, struct text *out)
{
    const json_t *r = at(o, key);

    if (!known_at(r, "address")) {
        text_printf(out, "  %s router is %s\n", title, text_at(r, "who"));
        return;
    }
    unsigned long long expires = number_at(r, "expires_ms");
    text_printf(out, "  %s router is %s, priority %llu (expires in %llu.%03llu sec)\n", title,
                text_at(r, "address"), (unsigned long long)number_at(r, "priority"), expires / 1000,
                expires % 1000);
    if (known_at(r, "mac"))
        text_printf(out, "    MAC address is %s\n", text_at(r, "mac"));
}

static void render_tracks(const json_t *o, struct text *out)
{
    size_t i;
    json_t *t;

    json_array_foreach(at(o, "tracks"), i, t)
    {
        if (known_at(t, "interface"))
            text_printf(out, "    Track interface %s state %s", text_at(t, "interface"), text_at(t, "state"));
        else
            text_printf(out, "    Track object %llu state %s", (unsigned long long)number_at(t, "object"),
                        text_at(t, "state"));
        if (flag_at(t, "shutdown"))
            text_add(out, " shutdown\n");
        else
            text_printf(out, " decrement %llu\n", (unsigned long long)number_at(t, "decrement"));
    }
}

static void render_addresses(const json_t *o, struct text *out)
{
    size_t i;
    json_t *a;

    text_printf(out, "  Virtual IP address is %s%s\n",
                known_at(o, "virtual_address") ? text_at(o, "virtual_address") : "unknown",
                flag_at(o, "address_learned") ? " (learnt)" : "");
    json_array_foreach(at(o, "secondary_addresses"), i, a)
        text_printf(out, "    Secondary virtual IP address %s\n", json_string_value(a));
}

static void render_preemption(const json_t *o, struct text *out)
{
    static const struct {
        const char *key, *word;
    } delays[] = {{"preempt_minimum_seconds", "min"},
                  {"preempt_reload_seconds", "reload"},
                  {"preempt_sync_seconds", "sync"}};
    const char *separator = ", delay ";

    text_printf(out, "  Preemption %s", flag_at(o, "preempt") ? "enabled" : "disabled");
    for (size_t i = 0; i < ARRAY_SIZE(delays) && flag_at(o, "preempt"); i++) {
        if (number_at(o, delays[i].key) == 0)
            continue;
        text_printf(out, "%s%s %llu secs", separator, delays[i].word,
                    (unsigned long long)number_at(o, delays[i].key));
        separator = ", ";
    }
    text_add(out, "\n");
}

static void render_state(const json_t *o, struct text *out)
{
    char text[DURATION_TEXT];
    unsigned long long changes = number_at(o, "state_changes");

    text_printf(out, "  State is %s\n", text_at(o, "state"));
    if (!flag_at(o, "fit"))
        text_add(out, "    Not run: the engine does not serve, or a tracked object is down\n");
    if (changes)
        text_printf(out, "    %llu state change%s, last state change %s\n", changes, changes == 1 ? "" : "s",
                    duration_print(number_at(o, "last_change_seconds"), text));
}

static void render_timers(const json_t *o, struct text *out)
{
    char hello[SHORT_TEXT], hold[SHORT_TEXT];
    unsigned long long next = number_at(o, "next_hello_ms");

    text_printf(out, "  Hello time %s, hold time %s\n", time_print(number_at(o, "hello_ms"), hello),
                time_print(number_at(o, "hold_ms"), hold));
    if (known_at(o, "next_hello_ms"))
        text_printf(out, "    Next hello sent in %llu.%03llu secs\n", next / 1000, next % 1000);
}

static void standby_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "%s - Group %llu%s\n", text_at(o, "interface"),
                (unsigned long long)number_at(o, "group"),
                number_at(o, "version") == 2 ? " (version 2)" : "");
    if (strcmp(text_at(o, "state"), "Disabled") == 0) {
        text_printf(out,
                    "  State is Disabled\n  Virtual IP address is unknown\n  Priority %llu (configured)\n",
                    (unsigned long long)number_at(o, "configured_priority"));
        return;
    }
    render_state(o, out);
    render_addresses(o, out);
    text_printf(out, "  Active virtual MAC address is %s\n    Local virtual MAC address is %s (%s)\n",
                known_at(o, "active_virtual_mac") ? text_at(o, "active_virtual_mac") : "unknown",
                text_at(o, "local_virtual_mac"), text_at(o, "mac_kind"));
    render_timers(o, out);
    if (strcmp(text_at(o, "authentication"), "md5") == 0)
        text_add(out, "  Authentication MD5, key-string\n");
    render_preemption(o, out);
    render_router(o, "active", "Active", out);
    render_router(o, "standby", "Standby", out);
    text_printf(out, "  Priority %llu (%s%llu)\n", (unsigned long long)number_at(o, "priority"),
                number_at(o, "configured_priority") == 100 ? "default " : "configured ",
                (unsigned long long)number_at(o, "configured_priority"));
    render_tracks(o, out);
    if (known_at(o, "follows"))
        text_printf(out, "  Following \"%s\"\n", text_at(o, "follows"));
    text_printf(out, "  Group name is \"%s\"%s\n", text_at(o, "name"),
                flag_at(o, "name_configured") ? " (cfgd)" : " (default)");
}

const struct show_subject show_standby = {
    .list = "groups", .check = show_check_interface, .gather = standby_gather, .render = standby_render};

static void brief_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "                     P indicates configured to preempt.\n                     |\n"
                  "Interface   Grp  Pri P State   Active          Standby         Virtual IP\n");
}

static const char *router_text(const json_t *o, const char *key)
{
    const json_t *r = at(o, key);

    return known_at(r, "address") ? text_at(r, "address") : text_at(r, "who");
}

static const char *short_name(const json_t *o, char out[SHORT_TEXT])
{
    const char *name = text_at(o, "interface");
    size_t letters = strcspn(name, "0123456789");

    /* Two letters and the number, where that is how it is written; Linux names stay. */
    if (letters > 2 && name[letters] && name[0] >= 'A' && name[0] <= 'Z')
        snprintf(out, SHORT_TEXT, "%.2s%s", name, name + letters);
    else
        snprintf(out, SHORT_TEXT, "%s", name);
    return out;
}

static void brief_render(const struct show *s, const json_t *o, struct text *out)
{
    char name[SHORT_TEXT];

    (void)s;
    text_printf(out, "%-11s %-4llu %-3llu %c %-7s %-15s %-15s %s\n", short_name(o, name),
                (unsigned long long)number_at(o, "group"), (unsigned long long)number_at(o, "priority"),
                flag_at(o, "preempt") ? 'P' : ' ', text_at(o, "state"), router_text(o, "active"),
                router_text(o, "standby"),
                known_at(o, "virtual_address") ? text_at(o, "virtual_address") : "unknown");
}

const struct show_subject show_standby_brief = {
    .list = "groups", .gather = standby_gather, .head = brief_head, .render = brief_render};

/* ---- show vrrp ---- */

static json_t *vrrp_facts(struct show *s, const struct redundancy_group *g)
{
    const struct vrrp_router *v = &g->vrrp;
    json_t *o = json_object(), *counters = json_object();
    uint8_t mac[REDUNDANCY_MAC];
    uint64_t errors = 0;

    fact_common(s, o, g);
    fact_number(s, o, "family", g->family);
    fact_text(s, o, "state", vrrp_state_name(v->state));
    fact_number(s, o, "state_changes", v->counters.state_changes);
    fact_number(s, o, "last_change_seconds", seconds_since(s, v->last_change));
    if (g->name[0])
        fact_text(s, o, "description", g->name);
    vrrp_mac(v, mac);
    fact_mac(s, o, "virtual_mac", mac);
    fact_number(s, o, "advertise_ms", v->config.interval * 10u);
    fact_flag(s, o, "preempt", v->config.preempt);
    fact_number(s, o, "preempt_minimum_seconds", v->config.preempt_minimum / NS_PER_S);
    fact_number(s, o, "priority", v->priority);
    fact_number(s, o, "configured_priority", g->priority);
    fact_flag(s, o, "address_owner", vrrp_is_owner(v));
    bool local = v->state == VRRP_MASTER;
    fact_address(s, o, "master", local ? &g->source : &v->master);
    fact_flag(s, o, "master_local", local);
    fact_number(s, o, "master_priority", local ? v->priority : v->master_priority);
    fact_number(s, o, "master_interval_ms", v->master_interval * 10u);
    fact_number(s, o, "master_down_ms", vrrp_master_down(v) / NS_PER_MS);
    fact_number(s, counters, "sent", v->counters.sent);
    fact_number(s, counters, "received", v->counters.received);
    for (unsigned i = 0; i < VRRP_ERROR_COUNT; i++)
        errors += i == VRRP_OK ? 0 : v->counters.errors[i];
    fact_number(s, counters, "malformed", errors);
    fact_number(s, counters, "bad_ttl", v->counters.bad_ttl);
    fact_number(s, counters, "duplicate_addresses", v->counters.duplicate_addresses);
    fact_value(s, o, "counters", counters);
    return o;
}

static void vrrp_gather(struct show *s)
{
    groups_gather(s, REDUNDANCY_VRRP, vrrp_facts);
}

static void seconds_line(struct text *out, const char *title, uint64_t ms)
{
    text_printf(out, "  %s is %llu.%03llu sec\n", title, (unsigned long long)(ms / 1000),
                (unsigned long long)(ms % 1000));
}

static void vrrp_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "%s - Group %llu%s\n", text_at(o, "interface"),
                (unsigned long long)number_at(o, "group"),
                number_at(o, "family") == ADDRESS_V6 ? " - Address-Family IPv6" : "");
    if (known_at(o, "description"))
        text_printf(out, "  %s\n", text_at(o, "description"));
    render_state(o, out);
    render_addresses(o, out);
    text_printf(out, "  Virtual MAC address is %s\n", text_at(o, "virtual_mac"));
    seconds_line(out, "Advertisement interval", number_at(o, "advertise_ms"));
    text_printf(out, "  Preemption %s", flag_at(o, "preempt") ? "enabled" : "disabled");
    if (number_at(o, "preempt_minimum_seconds"))
        text_printf(out, ", delay min %llu secs",
                    (unsigned long long)number_at(o, "preempt_minimum_seconds"));
    text_printf(out, "\n  Priority is %llu", (unsigned long long)number_at(o, "priority"));
    if (flag_at(o, "address_owner"))
        text_add(out, " (address owner)");
    else if (number_at(o, "priority") != number_at(o, "configured_priority"))
        text_printf(out, " (cfgd %llu)", (unsigned long long)number_at(o, "configured_priority"));
    text_add(out, "\n");
    render_tracks(o, out);
    if (known_at(o, "master"))
        text_printf(out, "  Master Router is %s%s, priority is %llu\n", text_at(o, "master"),
                    flag_at(o, "master_local") ? " (local)" : "",
                    (unsigned long long)number_at(o, "master_priority"));
    else
        text_add(out, "  Master Router is unknown\n");
    seconds_line(out, "Master Advertisement interval", number_at(o, "master_interval_ms"));
    seconds_line(out, "Master Down interval", number_at(o, "master_down_ms"));
}

const struct show_subject show_vrrp = {
    .list = "groups", .check = show_check_interface, .gather = vrrp_gather, .render = vrrp_render};

static void vrrp_brief_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "Interface          Grp Pri Time  Own Pre State   Master addr     Group addr\n");
}

static void vrrp_brief_render(const struct show *s, const json_t *o, struct text *out)
{
    char name[SHORT_TEXT];

    (void)s;
    text_printf(out, "%-18s %-3llu %-3llu %-5llu %-3s %-3s %-7s %-15s %s\n", short_name(o, name),
                (unsigned long long)number_at(o, "group"), (unsigned long long)number_at(o, "priority"),
                (unsigned long long)number_at(o, "master_down_ms"), flag_at(o, "address_owner") ? "Y" : "",
                flag_at(o, "preempt") ? "Y" : "", text_at(o, "state"),
                known_at(o, "master") ? text_at(o, "master") : "unknown", text_at(o, "virtual_address"));
}

const struct show_subject show_vrrp_brief = {
    .list = "groups", .gather = vrrp_gather, .head = vrrp_brief_head, .render = vrrp_brief_render};
