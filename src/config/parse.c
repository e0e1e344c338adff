/* SPDX-License-Identifier: Apache-2.0 */
/* From text to model; see parse.h. What a line means is in the command tables; here are only the modes
 * between lines. A block whose first line is wrong is still
 * read, as a ghost, so that all its errors are found in the same pass. */
#include "config/parse.h"

#include <errno.h>
#include <stdlib.h>

#include "config/check.h"
#include "config/session.h"
#include "config/table_kept.h"

static const struct grammar_mode config_modes[] = {
    {CONFIG_MODE_GLOBAL, GRAMMAR_MODE_NONE, "config", "Global configuration"},
    {CONFIG_MODE_ISAKMP_POLICY, CONFIG_MODE_GLOBAL, "config-isakmp", "ISAKMP policy"},
    {CONFIG_MODE_ISAKMP_PEER, CONFIG_MODE_GLOBAL, "config-isakmp-peer", "ISAKMP peer"},
    {CONFIG_MODE_TRANSFORM_SET, CONFIG_MODE_GLOBAL, "cfg-crypto-trans", "Transform set"},
    {CONFIG_MODE_CRYPTO_MAP, CONFIG_MODE_GLOBAL, "config-crypto-map", "Crypto map entry"},
    {CONFIG_MODE_INTERFACE, CONFIG_MODE_GLOBAL, "config-if", "Interface"},
    {CONFIG_MODE_TRACK, CONFIG_MODE_GLOBAL, "config-track", "Tracked object"},
    {CONFIG_MODE_SLA, CONFIG_MODE_GLOBAL, "config-ip-sla", "Probe"},
    {CONFIG_MODE_SSP, CONFIG_MODE_GLOBAL, "config-ssp", "SSP group"},
    {CONFIG_MODE_INTER_DEVICE, CONFIG_MODE_GLOBAL, "config-red-interdevice", "Redundancy inter-device"},
    {CONFIG_MODE_IPC_ZONE, CONFIG_MODE_GLOBAL, "config-ipczone", "IPC zone"},
    {CONFIG_MODE_IPC_ASSOCIATION, CONFIG_MODE_IPC_ZONE, "config-ipczone-assoc", "IPC association"},
    {CONFIG_MODE_IPC_SCTP, CONFIG_MODE_IPC_ASSOCIATION, "config-ipc-protocol-sctp", "IPC over SCTP"},
    {CONFIG_MODE_IPC_LOCAL, CONFIG_MODE_IPC_SCTP, "config-ipc-local-sctp", "IPC, this side"},
    {CONFIG_MODE_IPC_REMOTE, CONFIG_MODE_IPC_SCTP, "config-ipc-remote-sctp", "IPC, the other side"},
    {CONFIG_MODE_ROUTER_OSPF, CONFIG_MODE_GLOBAL, "config-router", "OSPF"},
    {CONFIG_MODE_ROUTER_EIGRP, CONFIG_MODE_GLOBAL, "config-router", "EIGRP"},
    {CONFIG_MODE_ACCESS_LIST, CONFIG_MODE_GLOBAL, "config-ext-nacl", "Extended access list"},
    {CONFIG_MODE_ACCESS_LIST6, CONFIG_MODE_GLOBAL, "config-ipv6-acl", "IPv6 access list"},
    {CONFIG_MODE_KEPT, CONFIG_MODE_GLOBAL, "config-line", NULL},
    {CONFIG_MODE_SKIP, CONFIG_MODE_GLOBAL, "config", NULL},
};

int config_grammar_init(struct grammar *g)
{
    static const struct command_table *const tables[] = {
        &table_system,
        &table_isakmp,
        &table_ipsec,
        &table_dynamic_map,
        &table_crypto_map,
        &table_reverse_route,
        &table_track,
        &table_ssp,
        &table_inter_device,
        &table_interface,
        &table_standby,
        &table_vrrp,
        &table_router_interface,
        &table_router,
        &table_route,
        &table_access_list,
        &table_sla,
        &table_tail,
    };
    grammar_init(g);
    int r = grammar_add_modes(g, config_modes, ARRAY_SIZE(config_modes));
    for (size_t i = 0; i < ARRAY_SIZE(tables) && r == 0; i++)
        r = grammar_add(g, tables[i]->commands, tables[i]->count);
    if (r < 0)
        grammar_done(g);
    return r;
}

void config_session_init(struct config_session *s, const struct grammar *g, struct config *c,
                         struct config_errors *e)
{
    *s = (struct config_session){.grammar = g, .config = c, .errors = e, .mode = CONFIG_MODE_GLOBAL};
}

static bool line_acceptable(struct config_session *s, const char *line)
{
    struct config_place place = {.line = s->line, .column = 1};
    for (const char *p = line; *p != 0; p++) {
        unsigned char ch = *p;
        place.column = (uint16_t)MIN(p - line + 1, 65535);
        if ((ch < ' ' && ch != '\t') || ch == 127) {
            config_errors_add(s->errors, CONFIG_ERROR, place, "control character 0x%02x in the text", ch);
            return false;
        }
        if (p - line >= CONFIG_MAX_LINE) {
            config_errors_add(s->errors, CONFIG_ERROR, place, "the line is longer than %d characters",
                              CONFIG_MAX_LINE);
            return false;
        }
    }
    return true;
}

/* A command that is known but not offered: refused by its own words. */
static int refuse(struct config_session *s, struct grammar_call *call)
{
    struct text name;
    text_init(&name);
    for (uint8_t i = 0; i < call->count; i++)
        if (call->values[i].node->type == GRAMMAR_KEYWORD)
            text_printf(&name, "%s%s", name.len > 0 ? " " : "", call->values[i].text);
    int r = session_error(call, NULL, "'%s' is not supported by this version of Holdfast", text_get(&name));
    text_done(&name);
    /* Of a file, the lines below it belong to it; a person has seen the answer. */
    if (call->command->enters != 0 && s->line > 0)
        s->mode = call->command->enters;
    return r;
}

/* A block whose first line is wrong: its lines are still checked, but have no object to go to. */
static void enter_ghost(struct config_session *s, uint8_t mode, bool indented)
{
    if (mode != 0) {
        s->mode = mode;
        s->ghost = true;
    } else if (s->block_indented && !indented) {
        s->mode = CONFIG_MODE_SKIP;
        s->ghost = false;
    }
    s->block_indented &= mode == 0;
}

static int line_failed(struct config_session *s, const struct grammar_fault *fault, bool indented)
{
    struct config_place place = {.line = s->line, .column = fault->column};
    if (s->mode == CONFIG_MODE_SKIP && fault->depth == 0 && fault->result == GRAMMAR_UNKNOWN)
        return 0;
    config_errors_add(s->errors, CONFIG_ERROR, place, "%s", fault->text);
    if (s->line > 0)
        enter_ghost(s, fault->enters, indented);
    return -EINVAL;
}

static int line_matched(struct config_session *s, struct grammar_call *call, uint8_t known_in, bool indented)
{
    const struct grammar_command *command = call->command;
    bool ghost = s->ghost && known_in == s->mode;
    if (known_in != s->mode) {
        s->ghost = false;
        s->block_indented = false;
    } else if (indented) {
        s->block_indented = true;
    }
    /* A line of the global mode ends the block, and a line that takes something back opens none. */
    s->mode = known_in;
    call->user = s;
    if ((command->flags & GRAMMAR_UNSUPPORTED) && !call_negative(call))
        return refuse(s, call);
    if (ghost) {
        s->mode = command->enters != 0 && !call_negative(call) ? command->enters : s->mode;
        return 0;
    }
    if (command->flags & GRAMMAR_UNSUPPORTED)
        return kept_refused(call);
    int r = command->apply(call);
    if (command->enters != 0 && !call_negative(call)) {
        if (r == 0)
            s->mode = command->enters;
        else if (s->line > 0)
            enter_ghost(s, command->enters, indented);
    }
    return r;
}

int config_apply_line(struct config_session *s, const char *line)
{
    struct grammar_call call;
    struct grammar_fault fault;
    uint8_t known_in;
    if (!line_acceptable(s, line))
        return -EINVAL;
    bool indented = line[0] == ' ' || line[0] == '\t';
    if (s->mode == CONFIG_MODE_SKIP && indented && s->line > 0)
        return 0;
    call.storage_len = 0;
    enum grammar_result r = grammar_match_up(s->grammar, s->mode, line, &call, &known_in, &fault);
    if (r == GRAMMAR_EMPTY)
        return 0;
    if (r != GRAMMAR_OK)
        return line_failed(s, &fault, indented);
    int result = line_matched(s, &call, known_in, indented);
    grammar_call_wipe(&call);
    return result;
}

/* One line of the file into `line`; returns where the next one starts. */
static const char *next_line(const char *text, const char *end, char line[CONFIG_MAX_LINE + 2])
{
    const char *newline = memchr(text, '\n', end - text);
    const char *stop = newline != NULL ? newline : end;
    size_t len = stop - text;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    /* One character too many is kept, so that it is noticed. */
    len = MIN(len, (size_t)CONFIG_MAX_LINE + 1);
    for (size_t i = 0; i < len; i++)
        line[i] = text[i] != 0 ? text[i] : '\x01';
    line[len] = 0;
    return newline != NULL ? newline + 1 : end;
}

int config_parse(const struct grammar *g, const char *file, const char *text, size_t len, struct config *ret,
                 struct config_errors *errors)
{
    struct config_session session;
    char line[CONFIG_MAX_LINE + 2];
    const char *end = text + len;
    uint32_t errors_before = errors->errors;
    config_init(ret);
    config_session_init(&session, g, ret, errors);
    int r = string_set(&ret->file, file);
    /* An editor's byte order mark is no text. */
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (const char *p = text; p < end && r != -ENOMEM;) {
        p = next_line(p, end, line);
        session.line++;
        if (session.line > CONFIG_MAX_LINES) {
            config_errors_add(errors, CONFIG_ERROR, (struct config_place){session.line, 1},
                              "the configuration is longer than %d lines", CONFIG_MAX_LINES);
            break;
        }
        r = config_apply_line(&session, line);
    }
    wipe(line, sizeof(line));
    if (r == -ENOMEM || errors->out_of_memory) {
        config_done(ret);
        return -ENOMEM;
    }
    config_check(ret, errors);
    if (errors->errors == errors_before)
        return 0;
    config_done(ret);
    return -EINVAL;
}
