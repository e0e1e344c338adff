/* SPDX-License-Identifier: Apache-2.0 */
/* `show track`: what objects look at, their state, their delays, and who depends on them. */
#include <stdio.h>

#include "control/redundancy/internal.h"
#include "control/redundancy/probes.h"
#include "control/show/internal.h"

enum { DELAY_TEXT = 32 };

static void probe_facts(struct show *s, json_t *o, const struct track_config *t)
{
    const struct probe_unit *u = s->source->probe ? s->source->probe(s->source->context, t->probe) : NULL;

    fact_number(s, o, "operation", t->probe);
    fact_text(s, o, "aspect", t->strict ? "state" : "reachability");
    fact_text(s, o, "return_code", probe_result_name(u ? u->machine.result : PROBE_UNKNOWN));
    if (u && probe_reachable(u->machine.result))
        fact_number(s, o, "rtt_us", u->machine.rtt / NS_PER_US);
}

static json_t *track_facts(struct show *s, const struct redundancy *r, const struct track_object *t)
{
    static const char *const kinds[] = {[TRACK_INTERFACE_LINE] = "line-protocol",
                                        [TRACK_INTERFACE_ROUTING] = "ip routing",
                                        [TRACK_ROUTE] = "route reachability",
                                        [TRACK_LIST_AND] = "list and",
                                        [TRACK_LIST_OR] = "list or",
                                        [TRACK_PROBE] = "ip sla"};
    json_t *o = json_object(), *members = json_array();
    char text[PREFIX_TEXT];

    fact_number(s, o, "number", t->config.number);
    fact_text(s, o, "kind", t->config.kind < ARRAY_SIZE(kinds) ? kinds[t->config.kind] : "");
    if (t->config.kind == TRACK_INTERFACE_LINE || t->config.kind == TRACK_INTERFACE_ROUTING)
        fact_text(s, o, "interface", t->config.interface);
    if (t->config.kind == TRACK_ROUTE)
        fact_text(s, o, "route", prefix_print(&t->config.prefix, text));
    fact_text(s, o, "state", t->up ? "Up" : "Down");
    fact_number(s, o, "changes", t->changes);
    fact_number(s, o, "last_change_seconds", seconds_since(s, t->last_change));
    fact_number(s, o, "delay_up_ms", t->config.delay_up / NS_PER_MS);
    fact_number(s, o, "delay_down_ms", t->config.delay_down / NS_PER_MS);
    if (t->config.kind == TRACK_PROBE)
        probe_facts(s, o, &t->config);
    for (unsigned i = 0; i < t->config.member_count; i++) {
        const struct track_object *m = tracking_find(&r->tracking, t->config.members[i].number);
        json_t *one = json_object();
        fact_number(s, one, "object", t->config.members[i].number);
        fact_flag(s, one, "not", t->config.members[i].negate);
        fact_text(s, one, "state", !m ? "unknown" : m->up ? "Up" : "Down");
        fact_append(s, members, one);
    }
    fact_value(s, o, "objects", members);
    return o;
}

static void track_gather(struct show *s)
{
    const struct grammar_value *number = grammar_arg(s->call, "number");
    const struct redundancy *r = s->source->redundancy;

    for (unsigned i = 0; r && i < r->tracking.count && !s->failed; i++) {
        const struct track_object *t = &r->tracking.objects[i];
        if (t->config.number <= CONFIG_MAX_TRACKS && (!number || number->number == t->config.number))
            show_item(s, track_facts(s, r, t));
    }
}

static void track_title(const json_t *o, struct text *out)
{
    const char *kind = text_at(o, "kind"), *state = text_at(o, "state");

    if (known_at(o, "interface"))
        text_printf(out, "  Interface %s %s\n  %s is %s\n", text_at(o, "interface"), kind,
                    strcmp(kind, "line-protocol") == 0 ? "Line protocol" : "IP routing", state);
    else if (known_at(o, "operation"))
        text_printf(out, "  IP SLA %llu %s\n  %s is %s\n", (unsigned long long)number_at(o, "operation"),
                    text_at(o, "aspect"),
                    strcmp(text_at(o, "aspect"), "state") == 0 ? "State" : "Reachability", state);
    else if (known_at(o, "route"))
        text_printf(out, "  IP route %s reachability\n  Reachability is %s\n", text_at(o, "route"), state);
    else
        text_printf(out, "  List boolean %s\n  Boolean %s is %s\n", kind + 5,
                    strcmp(kind, "list or") == 0 ? "OR" : "AND", state);
}

static const char *delay_print(uint64_t ms, char out[DELAY_TEXT])
{
    unsigned long long seconds = ms / 1000;

    if (ms % 1000)
        snprintf(out, DELAY_TEXT, "%llu msecs", (unsigned long long)ms);
    else
        snprintf(out, DELAY_TEXT, "%llu sec%s", seconds, seconds == 1 ? "" : "s");
    return out;
}

static void track_render(const struct show *s, const json_t *o, struct text *out)
{
    char text[DURATION_TEXT];
    unsigned long long changes = number_at(o, "changes");
    char up[DELAY_TEXT], down[DELAY_TEXT];
    size_t i;
    json_t *m;

    (void)s;
    text_printf(out, "Track %llu\n", (unsigned long long)number_at(o, "number"));
    track_title(o, out);
    text_printf(out, "    %llu change%s, last change %s\n", changes, changes == 1 ? "" : "s",
                duration_print(number_at(o, "last_change_seconds"), text));
    json_array_foreach(at(o, "objects"), i, m)
        text_printf(out, "    object %llu %s%s\n", (unsigned long long)number_at(m, "object"),
                    flag_at(m, "not") ? "not " : "", text_at(m, "state"));
    if (number_at(o, "delay_up_ms") || number_at(o, "delay_down_ms"))
        text_printf(out, "  Delay up %s, down %s\n", delay_print(number_at(o, "delay_up_ms"), up),
                    delay_print(number_at(o, "delay_down_ms"), down));
    if (known_at(o, "operation"))
        text_printf(out, "  Latest operation return code: %s\n", text_at(o, "return_code"));
    if (known_at(o, "rtt_us"))
        text_printf(out, "  Latest RTT (millisecs) %llu\n",
                    (unsigned long long)show_milliseconds(number_at(o, "rtt_us")));
}

const struct show_subject show_track = {.list = "tracks", .gather = track_gather, .render = track_render};
