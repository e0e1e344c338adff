/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a played scenario: as the lab's report has them (docs/lab.md), so that both can be compared.
 */
#include "site/play/play.h"

static double ms(ns t)
{
    return (double)t / (double)NS_PER_MS;
}

static json_t *json_flows(const struct play *p)
{
    json_t *flows = json_array();
    for (unsigned i = 0; i < p->scenario->flow_count; i++) {
        if (!p->traffic.flows[i].started)
            continue;
        struct flow_report f = traffic_report(&p->traffic, i);
        json_array_append_new(
            flows, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:I}", "name", p->scenario->flows[i].name,
                             "sent", (json_int_t)f.sent, "received", (json_int_t)f.received, "lost",
                             (json_int_t)f.lost, "duplicated", (json_int_t)f.duplicated, "reordered",
                             (json_int_t)f.reordered, "longest_gap_ms", ms(f.longest_gap), "longest_gap_at_s",
                             ms(ns_since(f.longest_gap_from, p->start)) / 1000, "gap_less_stall_ms",
                             ms(f.longest_gap), "send_errors", (json_int_t)p->traffic.flows[i].send_errors));
    }
    return flows;
}

static json_t *json_watches(const struct play *p)
{
    json_t *watches = json_array();
    for (unsigned i = 0; i < p->scenario->watch_count; i++) {
        const struct play_watch *count = &p->watches[i];
        json_t *w = json_pack("{s:s,s:i}", "name", p->scenario->watches[i].name, "missed", 0);
        for (unsigned k = PACKET_ESP; k < PACKET_KINDS; k++)
            json_object_set_new(w, packet_kind_name(k),
                                json_pack("{s:I,s:I}", "in", (json_int_t)count->packets[k][1], "out",
                                          (json_int_t)count->packets[k][0]));
        json_array_append_new(watches, w);
    }
    return watches;
}

json_t *play_json(const struct play *p)
{
    json_t *checks = json_array();
    for (unsigned i = 0; i < p->check_count; i++)
        json_array_append_new(checks, json_pack("{s:s,s:b,s:s}", "name", p->checks[i].name, "ok",
                                                (int)p->checks[i].ok, "detail", p->checks[i].detail));
    json_t *out = json_pack("{s:s,s:b,s:o,s:o,s:o,s:i}", "variant", scenario_variant_name(p->scenario), "ok",
                            (int)play_ok(p), "flows", json_flows(p), "checks", checks, "watches",
                            json_watches(p), "left_out", (int)p->skipped);
    if (out && p->error)
        json_object_set_new(out, "error", json_string(p->error));
    return out;
}

void play_print(const struct play *p, FILE *out)
{
    unsigned good = 0;
    fprintf(out, "%s %s\n", p->scenario->name, scenario_variant_name(p->scenario));
    listing_print(&p->listing, out);
    for (unsigned i = 0; i < p->check_count; i++)
        good += p->checks[i].ok;
    if (p->error)
        fprintf(out, "error: %s\n", p->error);
    if (play_ok(p))
        fprintf(out, "ok: all checks hold, %u steps left out\n", p->skipped);
    else
        fprintf(out, "FAILED: %u of %u checks hold, %u steps left out\n", good, p->check_count, p->skipped);
}
