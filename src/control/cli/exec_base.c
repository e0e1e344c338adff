/* SPDX-License-Identifier: Apache-2.0 */
/* The exec commands that do something: clear, debug, configure terminal, write memory, ping, terminal. */
#include <errno.h>

#include "control/cli/exec.h"
#include "control/cli/exec_table.h"
#include "control/routing/routing.h"
#include "control/show/ha.h"

/* ---- clear ---- */

static void clear_event(struct control *c, enum ike_clear_scope scope, uint64_t number,
                        const struct address *peer)
{
    struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = scope, .number = number}};

    if (peer)
        e.clear.peer = *peer;
    control_ike(c, &e);
}

struct find_sa {
    uint32_t number;
    bool found;
};

static void find_sa_visit(void *context, const struct ike_sa_view *v)
{
    struct find_sa *f = context;

    f->found = f->found || v->number == f->number;
}

static int clear_isakmp(struct exec_call *x)
{
    const struct grammar_value *number = grammar_arg(x->grammar, "conn-id");
    struct find_sa find = {.number = number ? (uint32_t)number->number : 0};

    if (!number) {
        clear_event(x->control, IKE_CLEAR_ALL_ISAKMP, 0, NULL);
        return EXEC_OK;
    }
    ike_each_sa(x->control->ike, find_sa_visit, &find);
    if (!find.found) {
        text_printf(x->out, "%% there is no ISAKMP SA with conn-id %u\n", find.number);
        return EXEC_FAILED;
    }
    clear_event(x->control, IKE_CLEAR_ONE_ISAKMP, find.number, NULL);
    return EXEC_OK;
}

static int clear_sa(struct exec_call *x)
{
    clear_event(x->control, IKE_CLEAR_ALL_PAIRS, 0, NULL);
    return EXEC_OK;
}

static int clear_sa_peer(struct exec_call *x)
{
    clear_event(x->control, IKE_CLEAR_PEER_PAIRS, 0, &grammar_arg(x->grammar, "peer")->address);
    return EXEC_OK;
}

static int clear_sa_map(struct exec_call *x)
{
    const char *name = grammar_arg(x->grammar, "name")->text;
    const struct scopes *s = &x->control->generation->scopes;
    bool found = false;

    for (uint32_t i = 0; i < s->connection_count; i++) {
        if (strcmp(scope_of(s, &s->connections[i])->map->name, name) != 0)
            continue;
        clear_event(x->control, IKE_CLEAR_CONNECTION, s->connections[i].id, NULL);
        found = true;
    }
    if (!found)
        text_printf(x->out, "%% no interface has a crypto map %s\n", name);
    return found ? EXEC_OK : EXEC_FAILED;
}

static int clear_sa_counters(struct exec_call *x)
{
    struct channel_message m = {.type = CHANNEL_CLEAR_COUNTERS};

    control_channel_send(x->control, &m);
    return EXEC_OK;
}

static int clear_logging(struct exec_call *x)
{
    log_clear(x->control->log);
    return EXEC_OK;
}

/* ---- debug ---- */

static void debug_set(struct exec_call *x, struct control_debug want)
{
    struct control *c = x->control;
    struct control_debug was = c->debug;

    c->debug = want;
    ike_debug(c->ike, want.isakmp, want.keys);
    if (was.engine != want.engine) {
        struct channel_message m = {.type = CHANNEL_DEBUG, .debug = {.on = want.engine}};
        control_channel_send(c, &m);
    }
    if (want.keys && !was.keys && key_files_begin(&c->keys) != 0)
        text_printf(x->out, "%% %s cannot be made\n", c->keys.directory);
    if (!want.keys && was.keys)
        key_files_end(&c->keys);
}

static int debug_switch(struct exec_call *x, bool on)
{
    static const struct {
        const char *label, *name;
        size_t at;
    } table[] = {
        {"isakmp", "Crypto ISAKMP", offsetof(struct control_debug, isakmp)},
        {"ipsec", "Crypto IPSEC", offsetof(struct control_debug, ipsec)},
        {"engine", "Crypto Engine", offsetof(struct control_debug, engine)},
        {"keys", "Crypto key files", offsetof(struct control_debug, keys)},
    };
    struct control_debug want = x->control->debug;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (!grammar_has(x->grammar, table[i].label))
            continue;
        *((bool *)((char *)&want + table[i].at)) = on;
        text_printf(x->out, "%s debugging is %s\n", table[i].name, on ? "on" : "off");
    }
    debug_set(x, want);
    if (on && want.keys)
        text_printf(x->out, "Keys of all traffic negotiated from now on are written to %s\n",
                    x->control->keys.directory);
    return EXEC_OK;
}

static int debug_crypto(struct exec_call *x)
{
    return debug_switch(x, !x->grammar->no);
}

static int undebug_crypto(struct exec_call *x)
{
    return debug_switch(x, false);
}

static int undebug_all(struct exec_call *x)
{
    debug_set(x, (struct control_debug){0});
    text_add(x->out, "All possible debugging has been turned off\n");
    return EXEC_OK;
}

/* ---- configuration ---- */

static int configure_terminal(struct exec_call *x)
{
    if (cli_configure_begin(x->client) != 0) {
        text_add(x->out, "% no memory\n");
        return EXEC_FAILED;
    }
    text_add(x->out, "Enter configuration commands, one per line.  End with CNTL/Z.\n");
    return EXEC_OK;
}

static int write_memory(struct exec_call *x)
{
    int error = control_config_save(x->control);

    text_add(x->out, "Building configuration...\n");
    if (error) {
        text_printf(x->out, "%% %s cannot be written: %s\n", x->control->config_file, strerror(-error));
        return EXEC_FAILED;
    }
    text_add(x->out, "[OK]\n");
    return EXEC_OK;
}

static int terminal_monitor(struct exec_call *x)
{
    cli_monitor(x->client, true);
    return EXEC_OK;
}

static int terminal_no_monitor(struct exec_call *x)
{
    cli_monitor(x->client, false);
    return EXEC_OK;
}

static int terminal_length(struct exec_call *x)
{
    (void)x; /* whoever reads pages by itself; accepted for the scripts that say so */
    return EXEC_OK;
}

static int connection_close(struct exec_call *x)
{
    (void)x;
    return EXEC_CLOSE;
}

static int (*const handlers[])(struct exec_call *) = {
    clear_isakmp,     ha_clear_isakmp,  ha_clear_sa,         clear_sa,
    clear_sa_peer,    clear_sa_map,     clear_sa_counters,   clear_logging,
    debug_crypto,     undebug_crypto,   undebug_all,         configure_terminal,
    write_memory,     write_memory,     ping_start,          ha_switchover,
    routing_show,     terminal_monitor, terminal_no_monitor, terminal_length,
    connection_close, connection_close, connection_close,
};

_Static_assert(ARRAY_SIZE(handlers) == EXEC_COMMANDS, "one handler for each command");

const struct exec_set exec_base_set = {
    .commands = exec_commands, .handlers = handlers, .count = EXEC_COMMANDS};
