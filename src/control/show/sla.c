/* SPDX-License-Identifier: Apache-2.0 */
/* `show ip sla statistics|configuration [N]` and `show ip sla summary`: one gathering for all three. */
#include <stdio.h>
#include <time.h>

#include "control/redundancy/probes.h"
#include "control/show/internal.h"

enum { TIME_TEXT = 64, AGE_TEXT = 48 };

/* ---- facts ---- */

static void fact_answers(struct show *s, json_t *o, const struct probe *m)
{
    const struct probe_counters *c = &m->counters;
    json_t *one = json_object();

    fact_number(s, one, "sent", c->sent);
    fact_number(s, one, "over_threshold", c->results[PROBE_OVER_THRESHOLD]);
    fact_number(s, one, "timeouts", c->results[PROBE_TIMEOUT]);
    fact_number(s, one, "no_connection", c->results[PROBE_NO_CONNECTION]);
    fact_number(s, one, "busy", c->results[PROBE_BUSY]);
    fact_number(s, one, "errors", c->results[PROBE_ERROR]);
    fact_number(s, one, "late", c->late);
    fact_number(s, one, "duplicates", c->duplicates);
    fact_number(s, one, "forged", c->forged);
    fact_number(s, one, "refusals", c->refusals);
    fact_number(s, one, "skipped", c->skipped);
    fact_value(s, o, "counters", one);
}

static void fact_result(struct show *s, json_t *o, const struct probe_unit *u)
{
    const struct probe *m = &u->machine;

    fact_text(s, o, "return_code", probe_result_name(m->result));
    if (probe_reachable(m->result))
        fact_number(s, o, "rtt_us", m->rtt / NS_PER_US);
    if (m->counters.sent || m->counters.failures) {
        uint64_t ago = ns_since(s->source->now, m->asked_at);
        fact_number(s, o, "start_time", (s->source->wall - ago) / NS_PER_S);
        fact_number(s, o, "last_run_seconds", ago / NS_PER_S);
    }
    fact_number(s, o, "successes", m->counters.successes);
    fact_number(s, o, "failures", m->counters.failures);
    if (m->counters.successes) {
        fact_number(s, o, "rtt_min_us", m->shortest / NS_PER_US);
        fact_number(s, o, "rtt_max_us", m->longest / NS_PER_US);
        fact_number(s, o, "rtt_avg_us", m->sum / m->counters.successes / NS_PER_US);
    }
    if (m->state == PROBE_ACTIVE && m->ends != NS_NEVER)
        fact_number(s, o, "time_to_live_seconds", seconds_until(s, m->ends));
    fact_number(s, o, "send_errors", u->send_errors);
    fact_answers(s, o, m);
}

static const char *state_name(const struct config_probe *c, const struct probe_unit *u)
{
    static const char *const names[] = {
        [PROBE_PENDING] = "pending", [PROBE_ACTIVE] = "active", [PROBE_ENDED] = "inactive"};

    return c->schedule == CONFIG_PROBE_NOT_SCHEDULED ? "inactive" : u ? names[u->machine.state] : "pending";
}

static json_t *probe_facts(struct show *s, const struct config_probe *c)
{
    const struct probe_unit *u = s->source->probe ? s->source->probe(s->source->context, c->number) : NULL;
    json_t *o = json_object();

    fact_number(s, o, "operation", c->number);
    fact_text(s, o, "type", address_is_set(&c->destination) ? "icmp-echo" : "");
    fact_address(s, o, "destination", &c->destination);
    if (c->source_interface.name)
        fact_text(s, o, "source_interface", c->source_interface.name);
    fact_address(s, o, "source", u ? &u->source : &c->source);
    fact_number(s, o, "frequency_ms", config_probe_frequency(c));
    fact_number(s, o, "timeout_ms", config_probe_timeout(c));
    fact_number(s, o, "threshold_ms", config_probe_threshold(c));
    fact_text(s, o, "state", state_name(c, u));
    if (!c->life_forever)
        fact_number(s, o, "life_seconds", c->life ? c->life : CONFIG_PROBE_LIFE);
    if (u)
        fact_result(s, o, u);
    return o;
}

static void probes_gather(struct show *s)
{
    const struct grammar_value *number = grammar_arg(s->call, "operation");
    const struct config *c = s->source->config;

    for (uint32_t i = 0; i < c->probes.count && !s->failed; i++)
        if (!number || number->number == c->probes.items[i].number)
            show_item(s, probe_facts(s, &c->probes.items[i]));
}

static bool probes_check(struct show *s)
{
    const struct grammar_value *number = grammar_arg(s->call, "operation");

    if (!number || config_find_probe(s->source->config, (uint32_t)number->number))
        return true;
    return show_refuse(s, "There is no ip sla %llu", (unsigned long long)number->number);
}

/* ---- show ip sla statistics ---- */

static const char *time_print(uint64_t seconds, char out[TIME_TEXT])
{
    time_t t = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&t, &parts) || strftime(out, TIME_TEXT, "%H:%M:%S UTC %a %b %e %Y", &parts) == 0)
        out[0] = 0;
    return out;
}

static void statistics_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "IPSLAs Latest Operation Statistics\n\n");
}

static void statistics_render(const struct show *s, const json_t *o, struct text *out)
{
    bool active = strcmp(text_at(o, "state"), "active") == 0;
    char text[TIME_TEXT];

    (void)s;
    text_printf(out, "IPSLA operation id: %llu\n", (unsigned long long)number_at(o, "operation"));
    if (!known_at(o, "start_time")) {
        text_printf(
            out, "Number of successes: Unknown\nNumber of failures: Unknown\nOperation time to live: %s\n\n",
            active && !known_at(o, "time_to_live_seconds") ? "Forever" : "0");
        return;
    }
    if (known_at(o, "rtt_us"))
        text_printf(out, "        Latest RTT: %llu milliseconds\n",
                    (unsigned long long)show_milliseconds(number_at(o, "rtt_us")));
    else
        text_add(out, "        Latest RTT: NoConnection/Busy/Timeout\n");
    text_printf(out, "Latest operation start time: %s\n", time_print(number_at(o, "start_time"), text));
    text_printf(out, "Latest operation return code: %s\n", text_at(o, "return_code"));
    text_printf(out, "Number of successes: %llu\nNumber of failures: %llu\n",
                (unsigned long long)number_at(o, "successes"), (unsigned long long)number_at(o, "failures"));
    if (known_at(o, "time_to_live_seconds"))
        text_printf(out, "Operation time to live: %llu sec\n\n",
                    (unsigned long long)number_at(o, "time_to_live_seconds"));
    else
        text_printf(out, "Operation time to live: %s\n\n", active ? "Forever" : "0");
}

const struct show_subject show_sla_statistics = {.list = "probes",
                                                 .check = probes_check,
                                                 .gather = probes_gather,
                                                 .head = statistics_head,
                                                 .render = statistics_render};

/* ---- show ip sla configuration ---- */

static void configuration_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "IP SLAs Infrastructure Engine-III\n");
}

static void render_target(const json_t *o, struct text *out)
{
    if (known_at(o, "source_interface"))
        text_printf(out, "Target address/Source interface: %s/%s\n", text_at(o, "destination"),
                    text_at(o, "source_interface"));
    else
        text_printf(out, "Target address/Source address: %s/%s\n", text_at(o, "destination"),
                    known_at(o, "source") ? text_at(o, "source") : "0.0.0.0");
}

static void render_schedule(const json_t *o, struct text *out)
{
    unsigned long long frequency = number_at(o, "frequency_ms");
    bool active = strcmp(text_at(o, "state"), "active") == 0;

    text_add(out, "Schedule:\n");
    if (frequency % 1000)
        text_printf(out, "   Operation frequency (milliseconds): %llu\n", frequency);
    else
        text_printf(out, "   Operation frequency (seconds): %llu  (not considered if randomly scheduled)\n",
                    frequency / 1000);
    text_printf(out, "   Next Scheduled Start Time: %s\n",
                active ? "Start Time already passed" : "Pending trigger");
    if (known_at(o, "life_seconds"))
        text_printf(out, "   Life (seconds): %llu\n", (unsigned long long)number_at(o, "life_seconds"));
    else
        text_add(out, "   Life (seconds): Forever\n");
    text_printf(out, "   Status of entry (SNMP RowStatus): %s\n", active ? "Active" : "notInService");
}

static void configuration_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "Entry number: %llu\n", (unsigned long long)number_at(o, "operation"));
    text_printf(out, "Operation timeout (milliseconds): %llu\n",
                (unsigned long long)number_at(o, "timeout_ms"));
    if (known_at(o, "destination")) {
        text_printf(out, "Type of operation to perform: %s\n", text_at(o, "type"));
        render_target(o, out);
    }
    render_schedule(o, out);
    text_printf(out, "Threshold (milliseconds): %llu\n\n", (unsigned long long)number_at(o, "threshold_ms"));
}

const struct show_subject show_sla_configuration = {.list = "probes",
                                                    .check = probes_check,
                                                    .gather = probes_gather,
                                                    .head = configuration_head,
                                                    .render = configuration_render};

/* ---- show ip sla summary ---- */

static void summary_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "IPSLAs Latest Operation Summary\nCodes: * active, ^ inactive, ~ pending\n\n"
                  "ID           Type        Destination       Stats       Return      Last\n"
                  "                                           (ms)        Code        Run\n"
                  "-----------------------------------------------------------------------\n");
}

static const char *count_print(unsigned long long n, const char *unit, char out[AGE_TEXT])
{
    snprintf(out, AGE_TEXT, "%llu %s%s", n, unit, n == 1 ? "" : "s");
    return out;
}

static const char *age_print(uint64_t seconds, char out[AGE_TEXT])
{
    char major[AGE_TEXT], minor[AGE_TEXT];

    if (seconds < 60)
        snprintf(out, AGE_TEXT, "%.30s ago", count_print(seconds, "second", major));
    else if (seconds < 3600)
        snprintf(out, AGE_TEXT, "%.20s, %.20s ago", count_print(seconds / 60, "minute", major),
                 count_print(seconds % 60, "second", minor));
    else
        snprintf(out, AGE_TEXT, "%.20s, %.20s ago", count_print(seconds / 3600, "hour", major),
                 count_print(seconds / 60 % 60, "minute", minor));
    return out;
}

static void summary_render(const struct show *s, const json_t *o, struct text *out)
{
    const char *state = text_at(o, "state");
    char number[16], rtt[32] = "-", age[AGE_TEXT] = "-";

    (void)s;
    snprintf(number, sizeof number, "%c%llu",
             strcmp(state, "active") == 0    ? '*'
             : strcmp(state, "pending") == 0 ? '~'
                                             : '^',
             (unsigned long long)number_at(o, "operation"));
    if (known_at(o, "rtt_us"))
        snprintf(rtt, sizeof rtt, "RTT=%llu", (unsigned long long)show_milliseconds(number_at(o, "rtt_us")));
    if (known_at(o, "last_run_seconds"))
        age_print(number_at(o, "last_run_seconds"), age);
    text_printf(out, "%-12s %-11s %-17s %-11s %-11s %s\n", number, text_at(o, "type"),
                text_at(o, "destination"), rtt,
                known_at(o, "return_code") ? text_at(o, "return_code") : "Unknown", age);
}

const struct show_subject show_sla_summary = {
    .list = "probes", .gather = probes_gather, .head = summary_head, .render = summary_render};
