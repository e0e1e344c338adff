/* SPDX-License-Identifier: Apache-2.0 */
/* show version, processes, running-config, startup-config, logging, debugging. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/write.h"
#include "control/exec.h"
#include "io/files.h"

static void duration_print(ns d, char out[48])
{
    uint64_t s = d / NS_PER_S;

    snprintf(out, 48, "%llu days, %llu hours, %llu minutes, %llu seconds", (unsigned long long)(s / 86400),
             (unsigned long long)(s / 3600 % 24), (unsigned long long)(s / 60 % 60),
             (unsigned long long)(s % 60));
}

static const char *hostname_of(const struct control *c)
{
    return c->generation ? c->generation->ike.config.hostname : "holdfast";
}

static int show_version(struct exec_call *x)
{
    const struct control *c = x->control;
    const struct supervisor_process *s = &c->processes[0];
    struct record_store_usage records;
    struct ike_statistics ike;
    char up[48];
    ns now = clock_now();

    record_store_usage(c->records, &records);
    ike_statistics(c->ike, &ike);
    if (x->want_json) {
        x->json =
            json_pack("{s:s, s:s, s:f, s:s, s:s, s:i, s:i, s:i}", "version", HOLDFAST_VERSION, "hostname",
                      hostname_of(c), "uptime", (double)ns_since(now, s->started) / 1e9, "configuration",
                      c->config_file, "packet_cipher", packet_cipher_arch(c->cipher), "isakmp_sas",
                      (int)ike.sas, "ipsec_pairs", (int)ike.pairs, "records", (int)records.records);
        return EXEC_OK;
    }
    duration_print(ns_since(now, s->started), up);
    text_printf(x->out, "Holdfast, IPsec VPN gateway, Version %s\n\n%s uptime is %s\n", HOLDFAST_VERSION,
                hostname_of(c), up);
    text_printf(x->out, "Configuration file is \"%s\"\n\n", c->config_file);
    text_printf(x->out, "Packet cipher: libipsec-mb (%s)\n", packet_cipher_arch(c->cipher));
    text_printf(x->out, "%u ISAKMP SAs, %u pairs of IPsec SAs, %u records (%zu of %zu kilobytes)\n", ike.sas,
                ike.pairs, records.records, records.bytes_used / 1024, records.bytes_size / 1024);
    return EXEC_OK;
}

/* User and system time of a process in milliseconds, resident memory in kilobytes. */
static void process_cost(int32_t pid, uint64_t *ret_ms, uint64_t *ret_kilobytes)
{
    char path[64], *text, *at;
    size_t len;
    unsigned long long user = 0, system = 0;
    long resident = 0;

    *ret_ms = *ret_kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (pid <= 0 || file_read(path, 65536, &text, &len) != 0)
        return;
    at = strrchr(text, ')');
    if (at &&
        sscanf(at + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
               &user, &system, &resident) == 3) {
        *ret_ms = (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
        *ret_kilobytes = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
    }
    free(text);
}

static int show_processes(struct exec_call *x)
{
    const struct control *c = x->control;
    ns now = clock_now();

    if (x->want_json)
        x->json = json_array();
    else
        text_printf(x->out, "%-12s %8s %8s %12s %12s %10s  %s\n", "Process", "PID", "Starts", "Uptime(s)",
                    "CPU(ms)", "Mem(KB)", "Last exit");
    for (unsigned i = 0; i < SUPERVISOR_PROCESSES; i++) {
        const struct supervisor_process *p = &c->processes[i];
        uint64_t ms, kilobytes;
        double up = p->pid ? (double)ns_since(now, p->started) / 1e9 : 0;
        if (!p->name[0])
            continue;
        process_cost(p->pid, &ms, &kilobytes);
        if (x->want_json)
            json_array_append_new(x->json, json_pack("{s:s, s:i, s:i, s:f, s:I, s:I, s:s}", "name", p->name,
                                                     "pid", p->pid, "starts", (int)p->starts, "uptime", up,
                                                     "cpu_ms", (json_int_t)ms, "memory_kb",
                                                     (json_int_t)kilobytes, "last_exit", p->last_reason));
        else
            text_printf(x->out, "%-12s %8d %8u %12.1f %12llu %10llu  %s\n", p->name, p->pid, p->starts, up,
                        (unsigned long long)ms, (unsigned long long)kilobytes,
                        p->last_reason[0] ? p->last_reason : "-");
    }
    return EXEC_OK;
}

static int show_running_config(struct exec_call *x)
{
    struct text config;

    text_init(&config);
    int error = config_write(&x->control->grammar, x->control->config, false, &config);
    if (error) {
        text_add(x->out, "% no memory\n");
    } else if (x->want_json) {
        x->json = json_pack("{s:s}", "configuration", text_get(&config));
    } else {
        text_printf(x->out, "Building configuration...\n\nCurrent configuration : %zu bytes\n!\n",
                    config.len);
        text_add_bytes(x->out, text_get(&config), config.len);
    }
    text_done(&config);
    return error ? EXEC_FAILED : EXEC_OK;
}

static int show_startup_config(struct exec_call *x)
{
    char *text;
    size_t len;
    int error = file_read(x->control->config_file, 32 << 20, &text, &len);

    if (error) {
        text_printf(x->out, "%% %s: %s\n", x->control->config_file, strerror(-error));
        return EXEC_FAILED;
    }
    if (x->want_json)
        x->json = json_pack("{s:s}", "configuration", text);
    else
        text_printf(x->out, "Using %zu bytes\n%s", len, text);
    wipe(text, len);
    free(text);
    return EXEC_OK;
}

static void logging_text(void *context, struct bytes line)
{
    text_add_bytes(context, (const char *)line.data, line.len);
}

static void logging_json(void *context, struct bytes line)
{
    json_array_append_new(context, json_stringn((const char *)line.data, line.len ? line.len - 1 : 0));
}

static int show_logging(struct exec_call *x)
{
    const struct log *l = x->control->log;

    if (x->want_json) {
        x->json = json_array();
        log_each(l, logging_json, x->json);
        return EXEC_OK;
    }
    text_printf(x->out,
                "    Buffer logging: level debugging, %llu messages logged\n\nLog Buffer (%zu bytes):\n\n",
                (unsigned long long)log_count(l), log_size(l));
    log_each(l, logging_text, x->out);
    return EXEC_OK;
}

static int show_debugging(struct exec_call *x)
{
    const struct control_debug *d = &x->control->debug;

    if (x->want_json) {
        x->json = json_pack("{s:b, s:b, s:b, s:b}", "isakmp", d->isakmp, "ipsec", d->ipsec, "engine",
                            d->engine, "keys", d->keys);
        return EXEC_OK;
    }
    if (d->isakmp || d->ipsec || d->engine || d->keys)
        text_add(x->out, "Cryptographic Subsystem:\n");
    text_add(x->out, d->isakmp ? "  Crypto ISAKMP debugging is on\n" : "");
    text_add(x->out, d->ipsec ? "  Crypto IPSEC debugging is on\n" : "");
    text_add(x->out, d->engine ? "  Crypto Engine debugging is on\n" : "");
    text_add(x->out, d->keys ? "  Crypto key files debugging is on\n" : "");
    return EXEC_OK;
}

static const struct grammar_command commands[] = {
    {.flags = GRAMMAR_CAN_PIPE,
     .grammar = "show version",
     .help = "Show running system information\nthe software and how long it runs\n",
     .about = "Version, uptime, and what is in use."},
    {.flags = GRAMMAR_CAN_PIPE,
     .grammar = "show processes",
     .help = "Show running system information\nthe processes of the gateway\n",
     .about = "The processes, how often each was started and why it ended last."},
    {.flags = GRAMMAR_CAN_PIPE,
     .grammar = "show running-config",
     .help = "Show running system information\nthe configuration in force\n",
     .about = "The configuration that is in force."},
    {.flags = GRAMMAR_CAN_PIPE,
     .grammar = "show startup-config",
     .help = "Show running system information\nthe configuration file\n",
     .about = "The configuration file."},
    {.flags = GRAMMAR_CAN_PIPE,
     .grammar = "show logging",
     .help = "Show running system information\nthe log\n",
     .about = "The log buffer."},
    {.flags = GRAMMAR_CAN_PIPE,
     .grammar = "show debugging",
     .help = "Show running system information\nwhich debugging is on\n",
     .about = "Which debugging is on."},
};

static int (*const handlers[])(struct exec_call *) = {
    show_version, show_processes, show_running_config, show_startup_config, show_logging, show_debugging};

_Static_assert(ARRAY_SIZE(commands) == ARRAY_SIZE(handlers), "one handler for each command");

const struct exec_set show_base_set = {
    .commands = commands, .handlers = handlers, .count = ARRAY_SIZE(commands)};
