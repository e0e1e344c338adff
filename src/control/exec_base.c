/* SPDX-License-Identifier: Apache-2.0 */
/* The exec commands that do something: clear, debug, configure terminal, write memory, ping, terminal. */
#include <errno.h>

#include "control/exec.h"

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

static const struct grammar_command commands[] = {
    {.grammar = "clear crypto isakmp [<1-4294967295>:conn-id]",
     .help = "Reset functions\nEncryption subsystem\nDelete ISAKMP SAs\nconnection id of one of them\n",
     .about = "Deletes ISAKMP SAs; the peers are told."},
    {.grammar = "clear crypto sa",
     .help = "Reset functions\nEncryption subsystem\nDelete IPsec SAs\n",
     .about = "Deletes all IPsec SAs; the peers are told, traffic makes new ones."},
    {.grammar = "clear crypto sa peer ADDRESS:peer",
     .help = "Reset functions\nEncryption subsystem\nDelete IPsec SAs\nthose with one peer\nits address\n",
     .about = "Deletes the IPsec SAs with a peer."},
    {.grammar = "clear crypto sa map NAME",
     .help = "Reset functions\nEncryption subsystem\nDelete IPsec SAs\nthose of one crypto map\nits name\n",
     .about = "Deletes the IPsec SAs of a crypto map."},
    {.grammar = "clear crypto sa counters",
     .help = "Reset functions\nEncryption subsystem\nIPsec SAs\nset the packet counters to zero\n",
     .about = "Sets the counters of IPsec to zero."},
    {.grammar = "clear logging", .help = "Reset functions\nEmpty the log\n", .about = "Empties the log."},
    {.grammar = "debug crypto {isakmp|ipsec|engine|keys}",
     .help = "Debugging functions\nEncryption subsystem\nISAKMP messages\nIPsec SAs\nthe packet path\nkeys, "
             "to files for "
             "Wireshark\n",
     .about = "Switches debugging on.",
     .no_tokens = 255},
    {.grammar = "undebug crypto {isakmp|ipsec|engine|keys}",
     .help = "Disable debugging functions\nEncryption subsystem\nISAKMP messages\nIPsec SAs\nthe packet "
             "path\nkeys, to files "
             "for Wireshark\n",
     .about = "Switches debugging off."},
    {.grammar = "undebug all",
     .help = "Disable debugging functions\nall of them\n",
     .about = "Switches all debugging off."},
    {.grammar = "configure terminal",
     .help = "Enter configuration mode\nConfigure from this terminal\n",
     .about = "Enters the configuration mode; each line takes effect when it is entered."},
    {.grammar = "write [memory]",
     .help = "Write the running configuration\nto the configuration file\n",
     .about = "Saves the running configuration to the configuration file."},
    {.grammar = "copy running-config startup-config",
     .help = "Copy a configuration\nthe running one\nto the configuration file\n",
     .about = "Saves the running configuration to the configuration file."},
    {.grammar =
         "ping {ADDRESS:target|HOSTNAME:name} [source {ADDRESS:source-address|INTERFACE:source-interface}] "
         "[size <36-18024>:bytes] [repeat <1-2147483647>:count] [timeout <1-3600>:seconds] [df-bit]",
     .help = "Send echo messages\naddress to reach\nname to reach\nset the source\nan own address\nthe "
             "address of an "
             "interface\nsize of the packets\nbytes, headers included\nhow many\nnumber of packets\nhow long "
             "to wait for an "
             "answer\nseconds\nset the do-not-fragment bit\n",
     .about = "Sends ICMP echo requests and prints one character for each: ! answered, . not answered, U "
              "unreachable, M too big."},
    {.grammar = "terminal monitor",
     .help = "Set terminal parameters\nshow log lines here as they come\n",
     .about = "Shows log and debug lines on this connection as they are written."},
    {.grammar = "terminal no monitor",
     .help = "Set terminal parameters\nnegate\nno log lines here\n",
     .about = "Ends `terminal monitor`."},
    {.grammar = "terminal length <0-512>",
     .help = "Set terminal parameters\nlines of a page\nnumber\n",
     .about = "Accepted; the command pages by itself."},
    {.grammar = "exit", .help = "Leave the command\n", .about = "Ends the connection."},
    {.grammar = "quit", .help = "Leave the command\n", .about = "Ends the connection."},
    {.grammar = "logout", .help = "Leave the command\n", .about = "Ends the connection."},
};

static int (*const handlers[])(struct exec_call *) = {
    clear_isakmp,    clear_sa,         clear_sa_peer,    clear_sa_map,     clear_sa_counters,
    clear_logging,   debug_crypto,     undebug_crypto,   undebug_all,      configure_terminal,
    write_memory,    write_memory,     ping_start,       terminal_monitor, terminal_no_monitor,
    terminal_length, connection_close, connection_close, connection_close,
};

_Static_assert(ARRAY_SIZE(commands) == ARRAY_SIZE(handlers), "one handler for each command");

const struct exec_set exec_base_set = {
    .commands = commands, .handlers = handlers, .count = ARRAY_SIZE(commands)};
