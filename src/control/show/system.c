/* SPDX-License-Identifier: Apache-2.0 */
/* `show access-lists`, `running-config`, `logging`, `processes`, `version` and `debugging`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/write.h"
#include "control/loop_watch.h"
#include "control/show/internal.h"
#include "io/files.h"

/* ---- show access-lists ---- */

static bool lists_check(struct show *s)
{
    const struct grammar_value *name = grammar_arg(s->call, "name");

    if (!name || config_find_access_list(s->source->config, name->text))
        return true;
    return show_refuse(s, "Access list %s is not configured", name->text);
}

static json_t *list_facts(struct show *s, const struct config_access_list *l)
{
    json_t *o = json_object(), *lines = json_array();
    char text[512];

    fact_text(s, o, "name", l->name);
    fact_text(s, o, "family", l->family == ADDRESS_V6 ? "ipv6" : "ip");
    for (uint32_t i = 0; i < l->entries.count; i++) {
        const struct config_acl_entry *e = &l->entries.items[i];
        json_t *line = json_object();
        fact_number(s, line, "sequence", e->sequence);
        fact_text(s, line, "text", config_acl_entry_print(e, l->family, text, sizeof text));
        fact_append(s, lines, line);
    }
    fact_value(s, o, "lines", lines);
    return o;
}

static void lists_gather(struct show *s)
{
    const struct grammar_value *name = grammar_arg(s->call, "name");
    const struct config *c = s->source->config;

    for (uint32_t i = 0; i < c->access_lists.count && !s->failed; i++)
        if (!name || strcmp(name->text, c->access_lists.items[i].name) == 0)
            show_item(s, list_facts(s, &c->access_lists.items[i]));
}

static void lists_render(const struct show *s, const json_t *o, struct text *out)
{
    bool v6 = strcmp(text_at(o, "family"), "ipv6") == 0;
    size_t i;
    json_t *line;

    (void)s;
    text_printf(out, v6 ? "IPv6 access list %s\n" : "Extended IP access list %s\n", text_at(o, "name"));
    json_array_foreach(at(o, "lines"), i, line)
    {
        unsigned long long sequence = number_at(line, "sequence");
        if (v6)
            text_printf(out, "    %s sequence %llu\n", text_at(line, "text"), sequence);
        else
            text_printf(out, "    %llu %s\n", sequence, text_at(line, "text"));
    }
}

const struct show_subject show_access_lists = {
    .list = "access_lists", .check = lists_check, .gather = lists_gather, .render = lists_render};

/* ---- show running-config ---- */

static void running_gather(struct show *s)
{
    struct text t;
    json_t *o = json_object();
    bool masked = grammar_has(s->call, "masked");

    text_init(&t);
    if (config_write(s->source->grammar, s->source->config, masked, &t) != 0)
        s->failed = true;
    fact_text(s, o, "file", s->source->config_file);
    fact_flag(s, o, "masked", masked);
    fact_number(s, o, "bytes", t.len);
    fact_text(s, o, "text", text_get(&t));
    text_done(&t);
    show_item(s, o);
}

/* Comments only around it, so that what is printed can be read again. */
static void running_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "!\n! Current configuration : %llu bytes\n!\n%s",
                (unsigned long long)number_at(o, "bytes"), text_at(o, "text"));
}

const struct show_subject show_running_config = {.gather = running_gather, .render = running_render};

/* ---- show startup-config ---- */

enum { STARTUP_MAX = 64 << 20 };

static bool startup_check(struct show *s)
{
    const char *file = s->source->config_file;

    if (access(file, R_OK) == 0)
        return true;
    return show_refuse(s, "%s cannot be read: %s", file, strerror(errno));
}

static void startup_gather(struct show *s)
{
    json_t *o = json_object();
    char *text;
    size_t len;
    int error = file_read(s->source->config_file, STARTUP_MAX, &text, &len);

    fact_text(s, o, "file", s->source->config_file);
    fact_text(s, o, "error", error ? strerror(-error) : NULL);
    fact_number(s, o, "bytes", error ? 0 : len);
    fact_text(s, o, "text", error ? "" : text);
    if (!error) {
        wipe(text, len);
        free(text);
    }
    show_item(s, o);
}

static void startup_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    if (known_at(o, "error"))
        text_printf(out, "%% %s: %s\n", text_at(o, "file"), text_at(o, "error"));
    else
        text_printf(out, "! Using %llu bytes of %s\n%s", (unsigned long long)number_at(o, "bytes"),
                    text_at(o, "file"), text_at(o, "text"));
}

const struct show_subject show_startup_config = {
    .check = startup_check, .gather = startup_gather, .render = startup_render};

/* ---- show logging ---- */

static void line_take(void *context, struct bytes line)
{
    struct show *s = context;
    char text[LOG_LINE_MAX + 1];
    size_t len = MIN(line.len, (size_t)LOG_LINE_MAX);

    if (s->failed)
        return;
    memcpy(text, line.data, len);
    text[len] = 0;
    text[strcspn(text, "\n")] = 0;
    json_t *o = json_object();
    fact_text(s, o, "line", text);
    show_item(s, o);
}

static void logging_gather(struct show *s)
{
    if (s->source->log)
        log_each(s->source->log, line_take, s);
}

static void logging_head(const struct show *s, struct text *out)
{
    if (!s->source->log) {
        text_add(out, "Syslog logging: enabled, no log buffer\n");
        return;
    }
    text_printf(
        out,
        "Syslog logging: enabled\n    Buffer logging: %llu messages logged\n\nLog Buffer (%zu bytes):\n\n",
        (unsigned long long)log_count(s->source->log), log_size(s->source->log));
}

static void logging_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "%s\n", text_at(o, "line"));
}

const struct show_subject show_logging = {
    .list = "lines", .gather = logging_gather, .head = logging_head, .render = logging_render};

/* ---- show processes ---- */

/* Of control, which answers: how long its loop was away from its sockets and timers. */
static void loop_facts(struct show *s, json_t *control)
{
    const struct loop_watch *w = s->source->loop;
    json_t *o = json_object();

    fact_number(s, o, "longest_pause_us", w->longest.length / NS_PER_US);
    if (w->longest.at)
        fact_number(s, o, "longest_pause_seconds_ago", seconds_since(s, w->longest.at));
    if (w->longest.what) {
        fact_text(s, o, "longest_pause_by", w->longest.what);
        fact_number(s, o, "longest_pause_by_us", w->longest.what_length / NS_PER_US);
    }
    fact_number(s, o, "pauses_5ms", w->counts[0]);
    fact_number(s, o, "pauses_15ms", w->counts[1]);
    fact_number(s, o, "pauses_50ms", w->counts[2]);
    fact_number(s, o, "pauses_200ms", w->counts[3]);
    fact_value(s, control, "loop", o);
}

static json_t *process_facts(struct show *s, const struct supervisor_process *p)
{
    struct show_cost cost = {0};
    json_t *o = json_object();

    fact_text(s, o, "name", p->name);
    fact_flag(s, o, "running", p->pid > 0);
    fact_number(s, o, "pid", (uint64_t)MAX(p->pid, 0));
    fact_number(s, o, "restarts", p->starts ? p->starts - 1 : 0);
    if (p->pid > 0) {
        s->source->cost(s->source->context, p->pid, &cost);
        fact_number(s, o, "uptime_seconds", seconds_since(s, p->started));
        fact_number(s, o, "cpu_milliseconds", cost.cpu_ms);
        fact_number(s, o, "resident_kib", cost.resident_kib);
        fact_number(s, o, "proportional_kib", cost.proportional_kib);
    }
    if (p->last_exit) {
        fact_number(s, o, "last_exit_seconds_ago", seconds_since(s, p->last_exit));
        fact_text(s, o, "last_exit_reason", p->last_reason);
    }
    if (s->source->loop && strcmp(p->name, "control") == 0)
        loop_facts(s, o);
    return o;
}

static void processes_gather(struct show *s)
{
    for (unsigned i = 0; i < SUPERVISOR_PROCESSES && !s->failed; i++)
        if (s->source->processes[i].name[0])
            show_item(s, process_facts(s, &s->source->processes[i]));
}

static void loop_render(const json_t *o, struct text *out)
{
    char ago[DURATION_TEXT];

    if (!known_at(o, "longest_pause_seconds_ago"))
        return;
    text_printf(out, "  longest pause of its loop %.1f ms, %s ago",
                (double)number_at(o, "longest_pause_us") / 1000,
                duration_print(number_at(o, "longest_pause_seconds_ago"), ago));
    if (known_at(o, "longest_pause_by"))
        text_printf(out, ", %.1f ms of it %s", (double)number_at(o, "longest_pause_by_us") / 1000,
                    text_at(o, "longest_pause_by"));
    text_printf(
        out, "\n  pauses of 5 ms or more: %llu, of 15 ms: %llu, of 50 ms: %llu, of 200 ms: %llu\n",
        (unsigned long long)number_at(o, "pauses_5ms"), (unsigned long long)number_at(o, "pauses_15ms"),
        (unsigned long long)number_at(o, "pauses_50ms"), (unsigned long long)number_at(o, "pauses_200ms"));
}

static void processes_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "Process         PID  Uptime   Restarts     CPU(ms)    PSS(KiB)    RSS(KiB)  Last exit\n");
}

static void processes_render(const struct show *s, const json_t *o, struct text *out)
{
    char up[DURATION_TEXT] = "-", ago[DURATION_TEXT];

    (void)s;
    if (flag_at(o, "running"))
        duration_print(number_at(o, "uptime_seconds"), up);
    text_printf(out, "%-10s %8llu  %-8s %8llu %11llu %11llu %11llu", text_at(o, "name"),
                (unsigned long long)number_at(o, "pid"), up, (unsigned long long)number_at(o, "restarts"),
                (unsigned long long)number_at(o, "cpu_milliseconds"),
                (unsigned long long)number_at(o, "proportional_kib"),
                (unsigned long long)number_at(o, "resident_kib"));
    if (known_at(o, "last_exit_seconds_ago"))
        text_printf(out, "  %s ago: %s", duration_print(number_at(o, "last_exit_seconds_ago"), ago),
                    text_at(o, "last_exit_reason"));
    text_add(out, "\n");
    if (known_at(o, "loop"))
        loop_render(json_object_get(o, "loop"), out);
}

const struct show_subject show_processes = {
    .list = "processes", .gather = processes_gather, .head = processes_head, .render = processes_render};

/* ---- show version ---- */

static void version_usage(struct show *s, json_t *o)
{
    struct ike_statistics ike;
    size_t records, used, size;

    s->source->statistics(s->source->context, &ike);
    s->source->records(s->source->context, &records, &used, &size);
    fact_number(s, o, "isakmp_sas", ike.sas);
    fact_number(s, o, "ipsec_pairs", ike.pairs);
    fact_number(s, o, "records", records);
    fact_number(s, o, "record_bytes_used", used);
    fact_number(s, o, "record_bytes_size", size);
}

static void version_gather(struct show *s)
{
    json_t *o = json_object();
    ns oldest = s->source->started;

    for (unsigned i = 0; i < SUPERVISOR_PROCESSES; i++)
        if (s->source->processes[i].pid > 0)
            oldest = ns_min(oldest, s->source->processes[i].started);
    fact_text(s, o, "version", s->source->version);
    fact_text(s, o, "hostname", s->source->hostname);
    fact_number(s, o, "uptime_seconds", seconds_since(s, oldest));
    fact_number(s, o, "control_uptime_seconds", seconds_since(s, s->source->started));
    fact_text(s, o, "config_file", s->source->config_file);
    fact_text(s, o, "processor_code", s->source->cipher_arch);
    version_usage(s, o);
    show_item(s, o);
}

static void version_render(const struct show *s, const json_t *o, struct text *out)
{
    char up[DURATION_TEXT], control[DURATION_TEXT];

    (void)s;
    text_printf(out, "Holdfast, fault-tolerant IPsec VPN gateway, Version %s\n\n", text_at(o, "version"));
    text_printf(out, "%s uptime is %s\n", text_at(o, "hostname"),
                duration_print(number_at(o, "uptime_seconds"), up));
    text_printf(out, "control process uptime is %s\n",
                duration_print(number_at(o, "control_uptime_seconds"), control));
    text_printf(out, "Configuration file is \"%s\"\n", text_at(o, "config_file"));
    if (known_at(o, "processor_code"))
        text_printf(out, "Packet ciphers use %s code\n", text_at(o, "processor_code"));
    text_printf(out, "%llu ISAKMP SAs, %llu pairs of IPsec SAs, %llu records (%llu of %llu bytes)\n",
                (unsigned long long)number_at(o, "isakmp_sas"),
                (unsigned long long)number_at(o, "ipsec_pairs"), (unsigned long long)number_at(o, "records"),
                (unsigned long long)number_at(o, "record_bytes_used"),
                (unsigned long long)number_at(o, "record_bytes_size"));
}

const struct show_subject show_version = {.gather = version_gather, .render = version_render};

/* ---- show debugging ---- */

static void debugging_gather(struct show *s)
{
    json_t *o = json_object();

    fact_flag(s, o, "isakmp", s->source->debug_isakmp);
    fact_flag(s, o, "ipsec", s->source->debug_ipsec);
    fact_flag(s, o, "engine", s->source->debug_engine);
    fact_flag(s, o, "keys", s->source->debug_keys);
    show_item(s, o);
}

static void debugging_render(const struct show *s, const json_t *o, struct text *out)
{
    static const struct {
        const char *key, *line;
    } lines[] = {{"isakmp", "  Crypto ISAKMP debugging is on\n"},
                 {"ipsec", "  Crypto IPSEC debugging is on\n"},
                 {"engine", "  Crypto Engine debugging is on\n"},
                 {"keys", "  Crypto keys debugging is on: keys are written to files\n"}};
    bool any = false;

    (void)s;
    text_add(out, "Cryptographic Subsystem:\n");
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        if (flag_at(o, lines[i].key))
            text_add(out, lines[i].line);
        any |= flag_at(o, lines[i].key);
    }
    if (!any)
        text_add(out, "  No debugging is on\n");
}

const struct show_subject show_debugging = {.gather = debugging_gather, .render = debugging_render};
