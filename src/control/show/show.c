/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a show command: finds its subject, lets it gather, turns each item into text or JSON. See show.h. */
#include "control/show/show.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/show/internal.h"

static const struct show_subject *const subjects[SHOW_IDS] = {
    [SHOW_ISAKMP_SA] = &show_isakmp_sa,
    [SHOW_ISAKMP_POLICY] = &show_isakmp_policy,
    [SHOW_IPSEC_SA] = &show_ipsec_sa,
    [SHOW_TRANSFORM_SET] = &show_transform_set,
    [SHOW_CRYPTO_MAP] = &show_crypto_map,
    [SHOW_CRYPTO_SESSION] = &show_crypto_session,
    [SHOW_CRYPTO_ENGINE] = &show_crypto_engine,
    [SHOW_INTERFACES] = &show_interfaces,
    [SHOW_INTERFACE_BRIEF] = &show_interface_brief,
    [SHOW_ACCESS_LISTS] = &show_access_lists,
    [SHOW_IP_ROUTE] = &show_ip_route,
    [SHOW_RUNNING_CONFIG] = &show_running_config,
    [SHOW_STARTUP_CONFIG] = &show_startup_config,
    [SHOW_LOGGING] = &show_logging,
    [SHOW_PROCESSES] = &show_processes,
    [SHOW_VERSION] = &show_version,
    [SHOW_DEBUGGING] = &show_debugging,
    [SHOW_STANDBY] = &show_standby,
    [SHOW_STANDBY_BRIEF] = &show_standby_brief,
    [SHOW_VRRP] = &show_vrrp,
    [SHOW_VRRP_BRIEF] = &show_vrrp_brief,
    [SHOW_TRACK] = &show_track,
    [SHOW_SLA_STATISTICS] = &show_sla_statistics,
    [SHOW_SLA_CONFIGURATION] = &show_sla_configuration,
    [SHOW_SLA_SUMMARY] = &show_sla_summary,
    [SHOW_EIGRP_NEIGHBORS] = &show_eigrp_neighbors,
    [SHOW_EIGRP_INTERFACES] = &show_eigrp_interfaces,
    [SHOW_EIGRP_TOPOLOGY] = &show_eigrp_topology,
    [SHOW_SSP] = &show_ssp,
    [SHOW_SSP_PEERS] = &show_ssp_peers,
    [SHOW_SSP_CLIENTS] = &show_ssp_clients,
    [SHOW_SSP_PACKET] = &show_ssp_packet,
    [SHOW_SSP_REDUNDANCY] = &show_ssp_redundancy,
    [SHOW_CRYPTO_HA] = &show_crypto_ha,
    [SHOW_REDUNDANCY_STATES] = &show_redundancy_states,
    [SHOW_REDUNDANCY_INTERDEVICE] = &show_redundancy_interdevice,
    [SHOW_REDUNDANCY_HISTORY] = &show_redundancy_history,
};

bool show_owns(const struct grammar_command *command)
{
    return command >= show_commands && command < show_commands + show_command_count;
}

static bool as_json(const struct show *s)
{
    return s->call->filter == GRAMMAR_FILTER_JSON;
}

/* An element of the array: its lines stand four blanks to the right. */
static void dump_element(struct show *s, const char *dump)
{
    show_output_add(s->output, s->items ? ",\n    " : "\n    ", s->items ? 6 : 5);
    while (*dump) {
        size_t part = strcspn(dump, "\n");
        show_output_add(s->output, dump, part);
        dump += part;
        if (*dump == '\n') {
            show_output_add(s->output, "\n    ", 5);
            dump++;
        }
    }
}

static void item_dump(struct show *s, const json_t *item)
{
    char *dump = json_dumps(item, JSON_INDENT(2));

    if (!dump) {
        s->failed = true;
        return;
    }
    if (s->subject->list)
        dump_element(s, dump);
    else
        show_output_add(s->output, dump, strlen(dump));
    free(dump);
}

static void text_flush(struct show *s, struct text *t)
{
    s->failed |= t->failed;
    show_output_add(s->output, text_get(t), t->len);
    text_done(t);
}

void show_item(struct show *s, json_t *item)
{
    if (!item || s->failed) {
        json_decref(item);
        s->failed = true;
        return;
    }
    if (as_json(s)) {
        item_dump(s, item);
    } else {
        struct text t;
        text_init(&t);
        s->subject->render(s, item, &t);
        text_flush(s, &t);
    }
    s->items++;
    json_decref(s->before);
    s->before = item;
}

bool show_refuse(struct show *s, const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_printf(s->output->out, "%% %s\n", line);
    return false;
}

bool show_part_wanted(const struct show *s, bool standby)
{
    return !grammar_has(s->call, standby ? "active" : "standby");
}

bool show_check_interface(struct show *s)
{
    const struct grammar_value *where = grammar_arg(s->call, "where");

    if (!where || config_find_interface(s->source->config, where->text))
        return true;
    return show_refuse(s, "Interface %s is not configured", where->text);
}

static void answer_json(struct show *s)
{
    if (s->subject->list) {
        show_output_add(s->output, "{\n  \"", 5);
        show_output_add(s->output, s->subject->list, strlen(s->subject->list));
        show_output_add(s->output, "\": [", 4);
    }
    s->subject->gather(s);
    if (!s->subject->list)
        show_output_add(s->output, s->items ? "\n" : "{}\n", s->items ? 1 : 3);
    else if (s->items)
        show_output_add(s->output, "\n  ]\n}\n", 7);
    else
        show_output_add(s->output, "]\n}\n", 4);
}

static void answer_text(struct show *s)
{
    struct text t;

    text_init(&t);
    if (s->subject->head)
        s->subject->head(s, &t);
    text_flush(s, &t);
    s->subject->gather(s);
    text_init(&t);
    if (s->items == 0 && s->subject->none)
        text_add(&t, s->subject->none);
    if (s->subject->tail)
        s->subject->tail(s, &t);
    text_flush(s, &t);
}

int show_run(const struct show_source *source, const struct grammar_call *call, struct text *out)
{
    struct show_output output;
    struct show s = {.source = source,
                     .call = call,
                     .output = &output,
                     .subject = subjects[call->command->id],
                     .detail = grammar_has(call, "detail")};
    int error = show_output_init(&output, call->filter, call->filter_text, out);

    if (error)
        return error;
    if (s.subject->check && !s.subject->check(&s)) {
        show_output_done(&output);
        return -EINVAL;
    }
    if (as_json(&s))
        answer_json(&s);
    else
        answer_text(&s);
    show_output_end(&output);
    show_output_done(&output);
    json_decref(s.before);
    return s.failed || out->failed ? -ENOMEM : 0;
}
