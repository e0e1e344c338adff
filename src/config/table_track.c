/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `track ...`: objects that are up or down, on which HSRP and VRRP groups depend. `track N`
 * alone goes back to an object that exists; another type replaces what was tracked and keeps the delays. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/session.h"

enum { DELAY_TEXT = 24 };

static int remove_track(struct grammar_call *call, const struct grammar_value *number)
{
    struct config *c = config_of(call);
    uint32_t n = (uint32_t)number->number, at;
    struct config_track *t = array_find(&c->tracks, &n, compare_track, &at);
    if (t == NULL)
        return session_error(call, number, "there is no tracked object %u", n);
    config_track_done(t);
    array_remove(&c->tracks, at);
    return 0;
}

/* What the line says to track. */
static int track_of(struct grammar_call *call, struct config_track *ret)
{
    const struct grammar_value *interface = grammar_arg(call, "interface"),
                               *destination = grammar_arg(call, "destination"),
                               *mask = grammar_arg(call, "mask");
    *ret = (struct config_track){.place = session_place(call, NULL)};
    if (destination != NULL) {
        ret->type = CONFIG_TRACK_IP_ROUTE;
        ret->route = (struct prefix){destination->address, mask != NULL ? mask->length : destination->length};
        prefix_mask(&ret->route);
        if (!address_equal(&ret->route.address, &destination->address)) {
            char text[PREFIX_TEXT];
            return session_error(call, destination, "%s has bits outside its mask, expected %s",
                                 destination->text, prefix_print(&ret->route, text));
        }
        return 0;
    }
    if (grammar_has(call, "sla") || grammar_has(call, "rtr")) {
        const struct grammar_value *probe = grammar_arg(call, "operation");
        ret->type = CONFIG_TRACK_PROBE;
        ret->probe = (uint32_t)probe->number;
        ret->probe_place = session_place(call, probe);
        ret->probe_aspect = grammar_has(call, "reachability") ? CONFIG_PROBE_REACHABILITY
                            : grammar_has(call, "state")      ? CONFIG_PROBE_STATE
                                                              : CONFIG_PROBE_STATE_STANDARD;
        return 0;
    }
    if (interface == NULL) {
        ret->type = CONFIG_TRACK_LIST;
        ret->is_or = grammar_has(call, "or");
        return 0;
    }
    ret->type = grammar_has(call, "line-protocol") ? CONFIG_TRACK_LINE_PROTOCOL : CONFIG_TRACK_IP_ROUTING;
    return reference_set(&ret->interface, call, interface);
}

static int apply_track(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *number = grammar_arg(call, "track-number");
    uint32_t n = (uint32_t)number->number, at;
    if (call_negative(call))
        return remove_track(call, number);
    struct config_track *t = array_find(&c->tracks, &n, compare_track, &at), fresh;
    if (call->count == 2) {
        if (t == NULL)
            return session_error(call, number, "there is no tracked object %u", n);
        session_of(call)->index = at;
        return 0;
    }
    int r = track_of(call, &fresh);
    if (r < 0)
        return r;
    if (t == NULL) {
        t = array_insert(&c->tracks, at);
        if (t == NULL) {
            config_track_done(&fresh);
            return -ENOMEM;
        }
    }
    fresh.number = (uint16_t)n;
    fresh.delay_up = t->delay_up;
    fresh.delay_down = t->delay_down;
    if (t->type == CONFIG_TRACK_LIST && fresh.type == CONFIG_TRACK_LIST) {
        fresh.objects = t->objects;
        t->objects = (__typeof__(t->objects)){0};
    }
    config_track_done(t);
    *t = fresh;
    session_of(call)->index = at;
    return 0;
}

static int apply_object(struct grammar_call *call)
{
    struct config_track *t = session_track(call);
    const struct grammar_value *number = grammar_arg(call, "object-number");
    uint32_t n = (uint32_t)number->number, at;
    struct config_track_object *o = array_find(&t->objects, &n, compare_track_object, &at);
    if (t->type != CONFIG_TRACK_LIST)
        return session_error(call, NULL, "tracked object %u is not a list", t->number);
    if (call_negative(call)) {
        if (o == NULL)
            return session_error(call, number, "%u is not in this list", n);
        array_remove(&t->objects, at);
        return 0;
    }
    if (n == t->number)
        return session_error(call, number, "a list cannot be in itself");
    if (o == NULL) {
        if (t->objects.count >= CONFIG_MAX_TRACK_OBJECTS)
            return session_limit(call, CONFIG_MAX_TRACK_OBJECTS, "objects of one list");
        o = array_insert(&t->objects, at);
    }
    if (o == NULL)
        return -ENOMEM;
    *o = (struct config_track_object){
        .number = (uint16_t)n, .negated = grammar_has(call, "not"), .place = session_place(call, number)};
    return 0;
}

static uint32_t delay_of(const struct grammar_call *call, const char *seconds, const char *ms,
                         uint32_t before)
{
    if (grammar_has(call, ms))
        return (uint32_t)grammar_number(call, ms, 0);
    return grammar_has(call, seconds) ? (uint32_t)grammar_number(call, seconds, 0) * 1000 : before;
}

static int apply_delay(struct grammar_call *call)
{
    struct config_track *t = session_track(call);
    bool up = grammar_has(call, "up"), down = grammar_has(call, "down");
    if (call_negative(call)) {
        t->delay_up = up || !down ? 0 : t->delay_up;
        t->delay_down = down || !up ? 0 : t->delay_down;
        return 0;
    }
    t->delay_up = delay_of(call, "up-seconds", "up-msec", t->delay_up);
    t->delay_down = delay_of(call, "down-seconds", "down-msec", t->delay_down);
    return 0;
}

static void write_probe(struct config_writer *w, const struct config_track *t)
{
    static const char *const aspects[] = {[CONFIG_PROBE_STATE_STANDARD] = "",
                                          [CONFIG_PROBE_STATE] = " state",
                                          [CONFIG_PROBE_REACHABILITY] = " reachability"};
    writer_line(w, "track %u ip sla %u%s", t->number, t->probe, aspects[t->probe_aspect]);
}

static void write_head(struct config_writer *w, const struct config_track *t)
{
    char address[PREFIX_TEXT], mask[ADDRESS_TEXT];
    switch ((enum config_track_type)t->type) {
    case CONFIG_TRACK_LINE_PROTOCOL:
    case CONFIG_TRACK_IP_ROUTING:
        writer_line(w, "track %u interface %s %s", t->number, t->interface.name,
                    t->type == CONFIG_TRACK_IP_ROUTING ? "ip routing" : "line-protocol");
        break;
    case CONFIG_TRACK_IP_ROUTE:
        if (t->route.address.family == ADDRESS_V6) {
            writer_line(w, "track %u ipv6 route %s reachability", t->number,
                        prefix_print(&t->route, address));
        } else {
            struct address m = address_v4(prefix_mask_of_length(t->route.length));
            writer_line(w, "track %u ip route %s %s reachability", t->number,
                        address_print(&t->route.address, address), address_print(&m, mask));
        }
        break;
    case CONFIG_TRACK_PROBE:
        write_probe(w, t);
        break;
    case CONFIG_TRACK_LIST:
        writer_line(w, "track %u list boolean %s", t->number, t->is_or ? "or" : "and");
        break;
    }
}

static void write_tracks(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->tracks.count; i++) {
        write_head(w, &c->tracks.items[i]);
        writer_mode(w, CONFIG_MODE_TRACK, c, &c->tracks.items[i]);
        writer_separator(w);
    }
}

static void write_objects(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_track *t = object;
    (void)c;
    for (uint32_t i = 0; i < t->objects.count; i++)
        writer_line(w, "object %u%s", t->objects.items[i].number, t->objects.items[i].negated ? " not" : "");
}

/* Whole seconds as the field has them; what is between them is ours. */
static void delay_print(const char *word, uint32_t ms, char out[DELAY_TEXT])
{
    if (ms == 0)
        out[0] = 0;
    else if (ms % 1000 == 0)
        snprintf(out, DELAY_TEXT, "%s %u", word, ms / 1000);
    else
        snprintf(out, DELAY_TEXT, "%s msec %u", word, ms);
}

static void write_delay(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_track *t = object;
    (void)c;
    char up[DELAY_TEXT], down[DELAY_TEXT];
    delay_print(" up", t->delay_up, up);
    delay_print(" down", t->delay_down, down);
    if (t->delay_up > 0 || t->delay_down > 0)
        writer_line(w, "delay%s%s", up, down);
}

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_TRACK,
     .no_tokens = 2,
     .grammar = "track <1-1000>:track-number [interface INTERFACE {line-protocol|ip routing}|ip {route "
                "IPV4:destination MASK reachability|sla <1-2147483647>:operation [state|reachability]}|"
                "rtr <1-2147483647>:operation [state|reachability]|ipv6 route PREFIX6:destination "
                "reachability|list boolean "
                "{and|or}]",
     .help =
         "Tracking\nNumber of the object\nAn interface\nInterface\nUp while its line is up\nIP\nUp while it "
         "is up and has an address\nIP\nA route\nDestination\nNetwork mask\nUp while exactly this route is "
         "there\nA probe\nNumber of the probe\nUp while its answers come in time\nUp while its answers "
         "come\nA probe\nNumber of the probe\nUp while its answers come in time\nUp while its answers "
         "come\nIPv6\nA route\nDestination\nUp while exactly this route is there\nOther "
         "objects\nCombined\nUp while all are\nUp while one is\n",
     .about = "An object that is up or down, for `standby track` and `vrrp track`.",
     .apply = apply_track,
     .write = write_tracks},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_SKIP,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar = "track {<1-1000> {list threshold|stub-object|ip route IPV4 MASK metric} [LINE]|timer "
                "LINE|resolution LINE}",
     .help = "Tracking\nNumber\nOther objects\nBy weight\nAn object without "
             "content\nIP\nRoute\nDestination\nMask\nBy its metric\nParameters\nTimes\nParameters\nScale of "
             "metrics\nParameters\n"},
    {.mode = CONFIG_MODE_TRACK,
     .no_tokens = 2,
     .grammar = "object <1-1000>:object-number [not]",
     .help = "An object of this list\nNumber of the object\nUp counts as down\n",
     .apply = apply_object,
     .write = write_objects},
    {.mode = CONFIG_MODE_TRACK,
     .no_tokens = 1,
     .grammar = "delay {up {<0-180>:up-seconds|msec <1-180000>:up-msec}|down {<0-180>:down-seconds|msec "
                "<1-180000>:down-msec}}...",
     .help = "How long a new state must last\nUp\nSeconds\nMilliseconds (not in the "
             "field)\nMilliseconds\nDown\nSeconds\nMilliseconds (not in the field)\nMilliseconds\n",
     .about =
         "`msec` is Holdfast's own: with a quick probe, it says how many answers in a row must be missing.",
     .standard = "no delay",
     .apply = apply_delay,
     .write = write_delay},
};

const struct command_table table_track = {commands, ARRAY_SIZE(commands)};
