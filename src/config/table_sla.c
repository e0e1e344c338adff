/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `ip sla ...`: probes by ICMP echo, and when they run. What older texts call `ip sla monitor`
 * and `rtr` is the same and is written back as `ip sla`. `frequency msec` is ours: a probe is to cure a black
 * hole, and the field's quickest one looks but once a second. */
#include <errno.h>
#include <stdlib.h>

#include "config/table_kept.h"

/* ---- ip sla NUMBER
 * ---------------------------------------------------------------------------------------------- */

static struct config_probe *probe_named(struct grammar_call *call, uint32_t *ret_at)
{
    uint32_t number = (uint32_t)grammar_arg(call, "operation")->number;
    return array_find(&config_of(call)->probes, &number, compare_probe, ret_at);
}

static int no_probe(struct grammar_call *call)
{
    const struct grammar_value *number = grammar_arg(call, "operation");
    return session_error(call, number, "there is no ip sla %u", (uint32_t)number->number);
}

static int apply_probe(struct grammar_call *call)
{
    struct config *c = config_of(call);
    uint32_t at;
    struct config_probe *p = probe_named(call, &at);
    if (call_negative(call)) {
        if (p == NULL)
            return no_probe(call);
        config_probe_done(p);
        array_remove(&c->probes, at);
        return 0;
    }
    if (p == NULL) {
        if (c->probes.count >= CONFIG_MAX_PROBES)
            return session_limit(call, CONFIG_MAX_PROBES, "probes");
        p = array_insert(&c->probes, at);
        if (p == NULL)
            return -ENOMEM;
        *p = (struct config_probe){.number = (uint32_t)grammar_arg(call, "operation")->number,
                                   .place = session_place(call, NULL)};
    }
    session_of(call)->index = at;
    return 0;
}

static int apply_schedule(struct grammar_call *call)
{
    uint32_t at;
    struct config_probe *p = probe_named(call, &at);
    const struct grammar_value *life = grammar_arg(call, "seconds");
    if (p == NULL)
        return no_probe(call);
    p->schedule = CONFIG_PROBE_NOT_SCHEDULED;
    p->life_forever = false;
    p->life = 0;
    if (call_negative(call))
        return 0;
    p->schedule = grammar_has(call, "now") ? CONFIG_PROBE_NOW : CONFIG_PROBE_PENDING;
    p->life_forever = grammar_has(call, "forever");
    p->life = life != NULL && !p->life_forever ? (uint32_t)life->number : 0;
    return 0;
}

static void write_schedule(struct config_writer *w, const struct config_probe *p)
{
    const char *start = p->schedule == CONFIG_PROBE_NOW ? " start-time now" : "";
    if (p->schedule == CONFIG_PROBE_NOT_SCHEDULED)
        return;
    if (p->life_forever)
        writer_line(w, "ip sla schedule %u life forever%s", p->number, start);
    else if (p->life > 0)
        writer_line(w, "ip sla schedule %u life %u%s", p->number, p->life, start);
    else
        writer_line(w, "ip sla schedule %u%s", p->number,
                    p->schedule == CONFIG_PROBE_NOW ? start : " start-time pending");
}

static void write_probes(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->probes.count; i++) {
        writer_line(w, "ip sla %u", c->probes.items[i].number);
        writer_mode(w, CONFIG_MODE_SLA, c, &c->probes.items[i]);
        write_schedule(w, &c->probes.items[i]);
        writer_separator(w);
    }
}

/* ---- Inside
 * ----------------------------------------------------------------------------------------------------- */

/* One host, not a group or everybody. */
static bool is_host(const struct address *a)
{
    static const uint8_t nobody[16];
    if (a->family == ADDRESS_V6)
        return a->bytes[0] != 0xff && memcmp(a->bytes, nobody, 16) != 0;
    return a->bytes[0] != 0 && a->bytes[0] < 224;
}

static int apply_echo(struct grammar_call *call)
{
    struct config_probe *p = session_probe(call);
    const struct grammar_value *destination = grammar_arg(call, "destination"),
                               *source = grammar_arg(call, "source"),
                               *interface = grammar_arg(call, "interface");
    struct config_reference reference = {0};
    if (call_negative(call)) {
        reference_clear(&p->source_interface);
        p->destination = p->source = (struct address){0};
        return 0;
    }
    if (!is_host(&destination->address))
        return session_error(call, destination, "%s is not the address of one host", destination->text);
    if (source != NULL && source->address.family != destination->address.family)
        return session_error(call, source, "%s and %s are of different families", source->text,
                             destination->text);
    if (source != NULL && !is_host(&source->address))
        return session_error(call, source, "%s is not the address of one host", source->text);
    if (interface != NULL && reference_set(&reference, call, interface) < 0)
        return -ENOMEM;
    reference_clear(&p->source_interface);
    p->source_interface = reference;
    p->destination = destination->address;
    p->source = source != NULL ? source->address : (struct address){0};
    p->place = session_place(call, NULL);
    return 0;
}

static int apply_time(struct grammar_call *call)
{
    struct config_probe *p = session_probe(call);
    const struct grammar_value *seconds = grammar_arg(call, "seconds"), *ms = grammar_arg(call, "ms");
    bool frequency = grammar_has(call, "frequency"), timeout = grammar_has(call, "timeout");
    uint32_t *time = frequency ? &p->frequency : timeout ? &p->timeout : &p->threshold;
    struct config_place *place = frequency ? &p->frequency_place
                                 : timeout ? &p->timeout_place
                                           : &p->threshold_place;
    if (call_negative(call))
        *time = 0;
    else
        *time = seconds != NULL ? (uint32_t)seconds->number * 1000 : (uint32_t)ms->number;
    *place = session_place(call, seconds != NULL ? seconds : ms);
    return 0;
}

static int apply_kept(struct grammar_call *call)
{
    struct config_probe *p = session_probe(call);
    return kept_add(call, (struct kept_list *)&p->kept, 0, p->kept.count);
}

static void write_echo(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_probe *p = object;
    char destination[ADDRESS_TEXT], source[ADDRESS_TEXT];
    (void)c;
    if (!address_is_set(&p->destination))
        return;
    address_print(&p->destination, destination);
    if (p->source_interface.name != NULL)
        writer_line(w, "icmp-echo %s source-interface %s", destination, p->source_interface.name);
    else if (address_is_set(&p->source))
        writer_line(w, "icmp-echo %s source-ip %s", destination, address_print(&p->source, source));
    else
        writer_line(w, "icmp-echo %s", destination);
}

static void write_times(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_probe *p = object;
    (void)c;
    for (uint32_t i = 0; i < p->kept.count && !w->meaning; i++)
        writer_line(w, "%s", p->kept.items[i].text);
    if (p->threshold > 0)
        writer_line(w, "threshold %u", p->threshold);
    if (p->timeout > 0)
        writer_line(w, "timeout %u", p->timeout);
    if (p->frequency > 0 && p->frequency % 1000 == 0)
        writer_line(w, "frequency %u", p->frequency / 1000);
    else if (p->frequency > 0)
        writer_line(w, "frequency msec %u", p->frequency);
}

#define NUMBER   "<1-2147483647>:operation"
#define SCHEDULE NUMBER " [life {forever|<1-2147483647>:seconds}|start-time {now|pending}]..."
#define SCHEDULE_HELP                                                                                \
    "When it runs\nNumber of the probe\nHow long it runs\nWithout end\nSeconds\nWhen it begins\nAt " \
    "once\nNot "                                                                                     \
    "yet\n"
#define TIME(text, words, first)                                                                 \
    {                                                                                            \
        .mode = CONFIG_MODE_SLA, .no_tokens = 1, .grammar = text, .help = words, .about = first, \
        .apply = apply_time                                                                      \
    }
#define KEPT(text, words)                                                                                 \
    {                                                                                                     \
        .mode = CONFIG_MODE_SLA, .flags = GRAMMAR_KEPT, .no_tokens = 255, .grammar = text, .help = words, \
        .apply = apply_kept                                                                               \
    }
#define UNSUPPORTED(in, text, words)                                                            \
    {                                                                                           \
        .mode = in, .enters = CONFIG_MODE_SKIP, .flags = GRAMMAR_UNSUPPORTED, .no_tokens = 255, \
        .grammar = text, .help = words                                                          \
    }

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_SLA,
     .no_tokens = 3,
     .grammar = "ip sla " NUMBER,
     .help = "IP\nProbes\nNumber of the probe\n",
     .about = "A probe: asks a host again and again whether it is there. See `track N ip sla`.",
     .apply = apply_probe,
     .write = write_probes},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_SLA,
     .no_tokens = 4,
     .grammar = "ip sla monitor " NUMBER,
     .help = "IP\nProbes\nAs older texts have it\nNumber of the probe\n",
     .about = "The same as `ip sla N`.",
     .apply = apply_probe},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_SLA,
     .no_tokens = 2,
     .grammar = "rtr " NUMBER,
     .help = "Probes, as old texts have them\nNumber of the probe\n",
     .about = "The same as `ip sla N`.",
     .apply = apply_probe},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 4,
     .grammar = "ip sla schedule " SCHEDULE,
     .help = "IP\nProbes\n" SCHEDULE_HELP,
     .about = "When a probe runs. It does not without this.",
     .standard = "life 3600 start-time pending",
     .apply = apply_schedule},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 5,
     .grammar = "ip sla monitor schedule " SCHEDULE,
     .help = "IP\nProbes\nAs older texts have it\n" SCHEDULE_HELP,
     .about = "The same as `ip sla schedule`.",
     .apply = apply_schedule},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar = "rtr schedule " SCHEDULE,
     .help = "Probes, as old texts have them\n" SCHEDULE_HELP,
     .about = "The same as `ip sla schedule`.",
     .apply = apply_schedule},
    UNSUPPORTED(CONFIG_MODE_GLOBAL,
                "ip sla {auto|enable|endpoint-list|ethernet-monitor|group|key-chain|logging|low-memory|"
                "reaction-configuration|reaction-trigger|reset|responder|restart|server} [LINE]",
                "IP\nProbes\nAutomatic ones\nReports\nEndpoints\nEthernet\nGroups\nKeys\nReports\nLimits\n"
                "Reactions\nReactions\nAll anew\nAnswers to other probes\nOne anew\nServer\nParameters\n"),
    UNSUPPORTED(CONFIG_MODE_GLOBAL,
                "rtr {key-chain|low-memory|reaction-configuration|reaction-trigger|reset|"
                "responder|restart} [LINE]",
                "Probes\nKeys\nLimits\nReactions\nReactions\nAll anew\nAnswers to other probes\nOne "
                "anew\nParameters\n"),
    {.mode = CONFIG_MODE_SLA,
     .no_tokens = 1,
     .grammar = "icmp-echo ADDRESS:destination [source-interface INTERFACE|source-ip ADDRESS:source]",
     .help = "An ICMP echo request, IPv4 or IPv6\nWhom to ask\nFrom the address of an "
             "interface\nInterface\nFrom an address\nAddress of this gateway\n",
     .about =
         "The requests go the way of this gateway's own packets: by its routes, and through a tunnel where "
         "the crypto map protects them.",
     .apply = apply_echo,
     .write = write_echo},
    {.mode = CONFIG_MODE_SLA,
     .no_tokens = 1,
     .grammar = "type echo protocol ipicmpecho ADDRESS:destination [source-interface INTERFACE|source-ipaddr "
                "ADDRESS:source]",
     .help = "The operation, as old texts have it\nEcho\nBy a protocol\nICMP\nWhom to ask\nFrom the address "
             "of an interface\nInterface\nFrom an address\nAddress of this gateway\n",
     .about = "The same as `icmp-echo`.",
     .apply = apply_echo},
    UNSUPPORTED(
        CONFIG_MODE_SLA,
        "{dhcp|dns|ethernet|ftp|http|icmp-jitter|mpls|path-echo|path-jitter|tcp-connect|type|udp-echo|"
        "udp-jitter|video|voip} [LINE]",
        "DHCP\nDNS\nEthernet\nFTP\nHTTP\nJitter\nMPLS\nHop by hop\nJitter hop by "
        "hop\nTCP\nOther types\nUDP\nJitter by UDP\nVideo\nVoice\nParameters\n"),
    {.mode = CONFIG_MODE_SLA,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar =
         "{data-pattern|request-data-size|secondary-frequency|tos|traffic-class|verify-data|vrf} [LINE]",
     .help = "Content of the request\nSize of the request\nOther frequencies\nType of service\nTraffic "
             "class\nContent of the answer (always verified here)\nVRF\nParameters\n"},
    KEPT("{buckets-of-history-kept|distributions-of-statistics-kept|enhanced-history|filter-for-history|"
         "history|"
         "hours-of-statistics-kept|lives-of-history-kept|owner|statistics-distribution-interval|tag} LINE",
         "History\nStatistics\nHistory\nHistory\nHistory\nStatistics\nHistory\nOwner\nStatistics\nTag\n"
         "Parameters\n"),
    {.mode = CONFIG_MODE_SLA,
     .no_tokens = 1,
     .grammar = "threshold <1-604800000>:ms",
     .help = "How long a good answer may take\nMilliseconds\n",
     .about = "An answer that takes longer counts for `track N ip sla M reachability`, not for `state`.",
     .standard = "threshold 5000, at most the timeout",
     .apply = apply_time,
     .write = write_times},
    TIME("timeout <1-604800000>:ms", "How long an answer is waited for\nMilliseconds\n",
         "At most the frequency."),
    {.mode = CONFIG_MODE_SLA,
     .no_tokens = 1,
     .grammar = "frequency {<1-604800>:seconds|msec <20-999999>:ms}",
     .help = "How often it asks\nSeconds\nMilliseconds (not in the field)\nMilliseconds\n",
     .about = "`msec` is Holdfast's own. Where no timeout is written, an answer is waited for until the next "
              "request.",
     .standard = "frequency 60",
     .apply = apply_time},
};

const struct command_table table_sla = {commands, ARRAY_SIZE(commands)};
