/* SPDX-License-Identifier: Apache-2.0 */
/* What a run tells: the head with the drawing, the timeline as it happens, the tables at the end, and the
 * same as JSON. Called by run.c and lab.c; reads struct run and changes nothing. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/draw.h"
#include "lab/run.h"

void report_block(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        printf("             %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
    fflush(stdout);
}

static void report_links(const struct scenario *s)
{
    for (unsigned i = 0; i < s->link_count; i++) {
        const struct lab_link *l = &s->links[i];
        printf("  %-14s", l->name);
        for (unsigned e = 0; e < l->end_count; e++) {
            const struct node *n = &s->nodes[l->ends[e].node];
            printf("%s%s %s", e ? " -- " : " ", n->name, l->ends[e].device);
            for (unsigned a = 0; a < n->address_count; a++) {
                char text[PREFIX_TEXT];
                if (strcmp(n->addresses[a].device, l->ends[e].device) == 0)
                    printf(" %s", prefix_print(&n->addresses[a].prefix, text));
            }
        }
        printf("\n");
    }
}

void report_head(const struct run *r)
{
    const struct scenario *s = r->scenario;
    const char *text = s->variant < s->variant_count ? s->variants[s->variant].text : NULL;
    printf("%s: %s\n", s->name, s->title ? s->title : "");
    if (s->variant_count)
        printf("variant %s%s%s\n", scenario_variant_name(s), text ? ": " : "", text ? text : "");
    printf("lab %s: namespaces %s.NODE, gateways in " LAB_RUN_FOLDER "/%s/\n\n", r->lab, r->lab, r->lab);
    char *drawing = draw_topology(s);
    printf("%s\n", drawing ? drawing : "");
    free(drawing);
    report_links(s);
    printf("\n");
    fflush(stdout);
}

void report_event(const struct run *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (r->start)
        printf("%10.3f  ", (double)ns_since(lab_now(), r->start) / 1e9);
    else
        printf("         -  ");
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

static void report_flows(const struct run *r)
{
    unsigned shown = 0;
    for (unsigned i = 0; i < r->scenario->flow_count; i++) {
        if (!r->probes[i].shared)
            continue;
        struct flow_report f = probe_report(&r->probes[i]);
        if (shown++ == 0)
            printf("\n  %-26s %9s %9s %7s %6s %9s %10s  %s\n", "flow", "sent", "received", "lost", "dup",
                   "reordered", "less stall", "longest gap");
        struct stall_verdict v = run_gap(r, i);
        printf("  %-26s %9llu %9llu %7llu %6llu %9llu %7.1f ms  %.1f ms at %.3f s\n",
               r->scenario->flows[i].name, (unsigned long long)f.sent, (unsigned long long)f.received,
               (unsigned long long)f.lost, (unsigned long long)f.duplicated, (unsigned long long)f.reordered,
               (double)(v.gap - v.stall) / 1e6, (double)f.longest_gap / 1e6,
               (double)ns_since(f.longest_gap_from, r->start) / 1e9);
    }
}

static void report_stalls(const struct run *r)
{
    const struct canary *c = &r->canary;
    for (unsigned i = 0; c->shared[CANARY_ORDINARY] && i < c->count; i++) {
        const struct stall_log *urgent = &c->shared[CANARY_URGENT][i].log;
        printf(
            "%s  processor %u: stood still for %.1f ms at the longest, %.1f ms in all; an ordinary process "
            "waited %.1f ms at the longest\n",
            i == 0 ? "\n" : "", c->cpu[i], (double)urgent->longest / 1e6, (double)urgent->total / 1e6,
            (double)c->shared[CANARY_ORDINARY][i].log.longest / 1e6);
    }
    if (c->shared[CANARY_KERNEL])
        printf("  the kernel: a change of the network's configuration waited %.1f ms at the longest, %.1f ms "
               "in all\n",
               (double)c->shared[CANARY_KERNEL][0].log.longest / 1e6,
               (double)c->shared[CANARY_KERNEL][0].log.total / 1e6);
    if (canary_refused(c))
        printf("  (without real-time priority: what other processes used counts as standstill)\n");
}

static void report_watches(const struct run *r)
{
    for (unsigned i = 0; i < r->scenario->watch_count; i++) {
        struct capture all = r->captures[i];
        if (!all.shared)
            continue;
        all.base = (struct capture_counts){0};
        struct capture_counts c = capture_read(&all);
        const struct watch *w = &r->scenario->watches[i];
        const struct link_end *end = &r->scenario->links[w->link].ends[w->end];
        printf("\n  watch %s at %s %s, in/out:", w->name, r->scenario->nodes[end->node].name, end->device);
        for (enum packet_kind k = PACKET_ESP; k < PACKET_KINDS; k++) {
            if (k != PACKET_CLEAR || w->clear_count)
                printf(" %s %llu/%llu", packet_kind_name(k), (unsigned long long)c.packets[k][CAPTURE_IN],
                       (unsigned long long)c.packets[k][CAPTURE_OUT]);
        }
        if (c.missed)
            printf(" (missed %llu)", (unsigned long long)c.missed);
    }
    if (r->scenario->watch_count)
        printf("\n");
}

void report_tables(const struct run *r)
{
    report_flows(r);
    report_stalls(r);
    report_watches(r);
    if (r->check_count)
        printf("\n  checks\n");
    for (unsigned i = 0; i < r->check_count; i++) {
        const struct check *c = &r->checks[i];
        size_t first = strcspn(c->detail, "\n");
        printf("  %-4s  %s  [%.*s]\n", c->ok ? "ok" : "FAIL", c->name, (int)first, c->detail);
        if (!c->ok && c->detail[first])
            report_block(c->detail + first + 1);
    }
    if (r->error)
        printf("\n  error: %s\n", r->error);
    unsigned good = 0;
    for (unsigned i = 0; i < r->check_count; i++)
        good += r->checks[i].ok;
    printf("\n%s %s: %s, %u of %u checks hold\n\n", r->scenario->name, scenario_variant_name(r->scenario),
           run_ok(r) ? "ok" : "FAILED", good, r->check_count);
    fflush(stdout);
}

static json_t *json_flows(const struct run *r)
{
    json_t *flows = json_array();
    for (unsigned i = 0; i < r->scenario->flow_count; i++) {
        if (!r->probes[i].shared)
            continue;
        struct flow_report f = probe_report(&r->probes[i]);
        struct stall_verdict v = run_gap(r, i);
        json_array_append_new(
            flows,
            json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:I}", "name", r->scenario->flows[i].name,
                      "sent", (json_int_t)f.sent, "received", (json_int_t)f.received, "lost",
                      (json_int_t)f.lost, "duplicated", (json_int_t)f.duplicated, "reordered",
                      (json_int_t)f.reordered, "longest_gap_ms", (double)f.longest_gap / 1e6,
                      "longest_gap_at_s", (double)ns_since(f.longest_gap_from, r->start) / 1e9,
                      "gap_less_stall_ms", (double)(v.gap - v.stall) / 1e6, "stall_in_gap_ms",
                      (double)v.stall / 1e6, "send_errors", (json_int_t)probe_send_errors(&r->probes[i])));
    }
    return flows;
}

static json_t *json_stalls(const struct run *r)
{
    const struct canary *c = &r->canary;
    json_t *stalls = json_array();
    for (unsigned i = 0; c->shared[CANARY_ORDINARY] && i < c->count; i++) {
        const struct stall_log *urgent = &c->shared[CANARY_URGENT][i].log;
        json_array_append_new(stalls, json_pack("{s:i,s:b,s:f,s:f,s:f}", "processor", (int)c->cpu[i],
                                                "real_time", (int)!c->shared[CANARY_URGENT][i].refused,
                                                "longest_ms", (double)urgent->longest / 1e6, "total_ms",
                                                (double)urgent->total / 1e6, "ordinary_longest_ms",
                                                (double)c->shared[CANARY_ORDINARY][i].log.longest / 1e6));
    }
    return stalls;
}

static json_t *json_watches(const struct run *r)
{
    json_t *watches = json_array();
    for (unsigned i = 0; i < r->scenario->watch_count; i++) {
        struct capture all = r->captures[i];
        if (!all.shared)
            continue;
        all.base = (struct capture_counts){0};
        struct capture_counts c = capture_read(&all);
        json_t *w =
            json_pack("{s:s,s:I}", "name", r->scenario->watches[i].name, "missed", (json_int_t)c.missed);
        for (enum packet_kind k = PACKET_ESP; k < PACKET_KINDS; k++)
            json_object_set_new(w, packet_kind_name(k),
                                json_pack("{s:I,s:I}", "in", (json_int_t)c.packets[k][CAPTURE_IN], "out",
                                          (json_int_t)c.packets[k][CAPTURE_OUT]));
        json_array_append_new(watches, w);
    }
    return watches;
}

json_t *report_json(const struct run *r)
{
    json_t *checks = json_array();
    for (unsigned i = 0; i < r->check_count; i++)
        json_array_append_new(checks, json_pack("{s:s,s:b,s:s}", "name", r->checks[i].name, "ok",
                                                (int)r->checks[i].ok, "detail", r->checks[i].detail));
    json_t *out = json_pack("{s:s,s:b,s:o,s:o,s:o,s:o}", "variant", scenario_variant_name(r->scenario), "ok",
                            (int)run_ok(r), "flows", json_flows(r), "checks", checks, "watches",
                            json_watches(r), "stalls", json_stalls(r));
    if (out && r->farm_answers)
        json_object_set(out, "farms", r->farm_answers);
    if (out && r->judgements)
        json_object_set(out, "judgements", r->judgements);
    if (out && r->canary.shared[CANARY_KERNEL])
        json_object_set_new(out, "kernel_wait_ms",
                            json_real((double)r->canary.shared[CANARY_KERNEL][0].log.longest / 1e6));
    if (out && r->error)
        json_object_set_new(out, "error", json_string(r->error));
    return out;
}
