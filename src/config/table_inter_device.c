/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `redundancy inter-device` and `ipc zone default`: the later form of `ssp group`. Together they
 * make the one struct config_ssp with the number CONFIG_SSP_INTER_DEVICE, which is there while either of them
 * is. What the field says over SCTP we say over TLS; the lines that tune SCTP are kept without effect. */
#include <errno.h>
#include <stdlib.h>

#include "config/table_kept.h"
#include "config/table_ssp.h"

static void drop_if_empty(struct config *c)
{
    uint32_t number = CONFIG_SSP_INTER_DEVICE, at;
    struct config_ssp *s = array_find(&c->ssp_groups, &number, compare_ssp, &at);
    if (s == NULL || s->inter_device || s->zone)
        return;
    config_ssp_done(s);
    array_remove(&c->ssp_groups, at);
}

/* ---- redundancy inter-device
 * ------------------------------------------------------------------------------------- */

static int apply_inter_device(struct grammar_call *call)
{
    struct config_ssp *s = config_find_ssp(config_of(call), CONFIG_SSP_INTER_DEVICE);
    if (call_negative(call)) {
        if (s == NULL || !s->inter_device)
            return session_error(call, NULL, "there is no 'redundancy inter-device'");
        ssp_clear_binding(s);
        reference_clear(&s->profile);
        s->inter_device = false;
        drop_if_empty(config_of(call));
        return 0;
    }
    s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    s->inter_device = true;
    s->place = session_place(call, NULL);
    return 0;
}

static void write_inter_device(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = config_find_ssp(c, CONFIG_SSP_INTER_DEVICE);
    (void)object;
    if (s == NULL || !s->inter_device)
        return;
    writer_line(w, "redundancy inter-device");
    writer_mode(w, CONFIG_MODE_INTER_DEVICE, c, s);
    writer_separator(w);
}

static void write_schemes(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    (void)c;
    for (uint32_t i = 0; i < s->names.count; i++)
        writer_line(w, "scheme standby %s", s->names.items[i].name);
}

static int apply_security(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    if (!call_negative(call))
        return reference_set(&s->profile, call, grammar_arg(call, "profile"));
    reference_clear(&s->profile);
    return 0;
}

static void write_security(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    (void)c;
    if (s->profile.name != NULL)
        writer_line(w, "security ipsec %s", s->profile.name);
}

/* ---- ipc zone default
 * -------------------------------------------------------------------------------------------- */

static void clear_local(struct config_ssp *s)
{
    s->local = (struct address){0};
    s->local_port = CONFIG_DEFAULT_SSP_PORT;
    s->local_written = false;
    for (uint32_t i = 0; i < s->kept.count; i++)
        free(s->kept.items[i].text);
    array_free(&s->kept);
}

static void clear_remote(struct config_ssp *s)
{
    s->remote = (struct address){0};
    s->port = CONFIG_DEFAULT_SSP_PORT;
    s->remote_written = false;
}

static void clear_sctp(struct config_ssp *s)
{
    clear_local(s);
    clear_remote(s);
    s->sctp = false;
}

static void clear_association(struct config_ssp *s)
{
    clear_sctp(s);
    s->association = 0;
    s->association_shutdown = false;
}

static int apply_zone(struct grammar_call *call)
{
    struct config_ssp *s = config_find_ssp(config_of(call), CONFIG_SSP_INTER_DEVICE);
    if (call_negative(call)) {
        if (s == NULL || !s->zone)
            return session_error(call, NULL, "there is no 'ipc zone default'");
        clear_association(s);
        s->zone = false;
        drop_if_empty(config_of(call));
        return 0;
    }
    s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    s->zone = true;
    s->zone_place = session_place(call, NULL);
    return 0;
}

static void write_zone(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = config_find_ssp(c, CONFIG_SSP_INTER_DEVICE);
    (void)object;
    if (s == NULL || !s->zone)
        return;
    writer_line(w, "ipc zone default");
    writer_mode(w, CONFIG_MODE_IPC_ZONE, c, s);
    writer_separator(w);
}

static int apply_association(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    const struct grammar_value *number = grammar_arg(call, "association-number");
    if (s == NULL)
        return -ENOMEM;
    if (call_negative(call)) {
        if (number->number != s->association)
            return session_error(call, number, "there is no association %s", number->text);
        clear_association(s);
        return 0;
    }
    if (s->association > 0 && s->association != number->number)
        return session_error(call, number,
                             "there is an association %u already, and two gateways need but one",
                             s->association);
    s->association = (uint8_t)number->number;
    return 0;
}

static void write_association(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    if (s->association == 0)
        return;
    writer_line(w, "association %u", s->association);
    writer_mode(w, CONFIG_MODE_IPC_ASSOCIATION, c, s);
}

static int apply_shutdown(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    s->association_shutdown = !call_negative(call);
    return 0;
}

static void write_shutdown(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    (void)c;
    writer_line(w, "%sshutdown", s->association_shutdown ? "" : "no ");
}

static int apply_sctp(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    if (call_negative(call))
        clear_sctp(s);
    else
        s->sctp = true;
    return 0;
}

static void write_sctp(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    if (!s->sctp)
        return;
    writer_line(w, "protocol sctp");
    writer_mode(w, CONFIG_MODE_IPC_SCTP, c, s);
}

static int apply_local_port(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    if (call_negative(call)) {
        clear_local(s);
        return 0;
    }
    s->local_written = true;
    s->local_port = (uint16_t)grammar_number(call, "port-number", CONFIG_DEFAULT_SSP_PORT);
    return 0;
}

static int apply_remote_port(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    if (call_negative(call)) {
        clear_remote(s);
        return 0;
    }
    s->remote_written = true;
    s->port = (uint16_t)grammar_number(call, "port-number", CONFIG_DEFAULT_SSP_PORT);
    return 0;
}

static void write_ports(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    if (s->local_written) {
        writer_line(w, "local-port %u", s->local_port);
        writer_mode(w, CONFIG_MODE_IPC_LOCAL, c, s);
    }
    if (s->remote_written) {
        writer_line(w, "remote-port %u", s->port);
        writer_mode(w, CONFIG_MODE_IPC_REMOTE, c, s);
    }
}

/* `local-ip` or `remote-ip`. */
static int apply_address(struct grammar_call *call)
{
    const struct grammar_value *v = grammar_arg(call, "device-address");
    bool local = grammar_has(call, "local-ip");
    if (!call_negative(call) && !ssp_address_good(call, v))
        return -EINVAL;
    struct config_ssp *s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    *(local ? &s->local : &s->remote) = call_negative(call) ? (struct address){0} : v->address;
    *(local ? &s->local_place : &s->remote_place) = session_place(call, v);
    return 0;
}

static void write_local(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    char text[ADDRESS_TEXT];
    (void)c;
    if (address_is_set(&s->local))
        writer_line(w, "local-ip %s", address_print(&s->local, text));
    for (uint32_t i = 0; i < s->kept.count && !w->meaning; i++)
        writer_line(w, "%s", s->kept.items[i].text);
}

static void write_remote(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    char text[ADDRESS_TEXT];
    (void)c;
    if (address_is_set(&s->remote))
        writer_line(w, "remote-ip %s", address_print(&s->remote, text));
}

static int apply_kept(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    return s != NULL ? kept_add(call, (struct kept_list *)&s->kept, 0, s->kept.count) : -ENOMEM;
}

/* ---- Table
 * ------------------------------------------------------------------------------------------------------- */

#define KEPT(text, words)                                                                      \
    {                                                                                          \
        .mode = CONFIG_MODE_IPC_LOCAL, .flags = GRAMMAR_KEPT, .no_tokens = 1, .grammar = text, \
        .help = words, .apply = apply_kept                                                     \
    }

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_INTER_DEVICE,
     .no_tokens = 255,
     .grammar = "redundancy inter-device",
     .help = "Redundancy\nWith another gateway\n",
     .about =
         "Shares the state of SAs with another gateway, which `ipc zone default` names: the later form of "
         "`ssp group`, with the same effect.",
     .apply = apply_inter_device,
     .write = write_inter_device},
    {.mode = CONFIG_MODE_INTER_DEVICE,
     .no_tokens = 255,
     .grammar = "scheme standby NAME:standby-name",
     .help = "Who is active is said\nBy a standby group\nIts name (`standby name`)\n",
     .about = "The first group says which gateway is active; the others go with it.",
     .apply = ssp_apply_name,
     .write = write_schemes},
    {.mode = CONFIG_MODE_INTER_DEVICE,
     .no_tokens = 1,
     .grammar = "security ipsec NAME:profile",
     .help = "Protection of the channel between the gateways\nBy IPsec\nName of an IPsec profile\n",
     .about = "Accepted: the channel is protected by TLS 1.3 in any case, the profile is not looked at.",
     .apply = apply_security,
     .write = write_security},
    SSP_AUTHENTICATION(CONFIG_MODE_INTER_DEVICE),
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_IPC_ZONE,
     .no_tokens = 255,
     .grammar = "ipc zone default",
     .help = "Communication of redundant gateways\nA zone\nThe one that there is\n",
     .apply = apply_zone,
     .write = write_zone},
    {.mode = CONFIG_MODE_IPC_ZONE,
     .enters = CONFIG_MODE_IPC_ASSOCIATION,
     .no_tokens = 255,
     .grammar = "association <1-255>:association-number",
     .help = "An association with the other gateway\nIts number\n",
     .apply = apply_association,
     .write = write_association},
    {.mode = CONFIG_MODE_IPC_ASSOCIATION,
     .no_tokens = 255,
     .grammar = "shutdown",
     .help = "Do not use it\n",
     .standard = "used",
     .apply = apply_shutdown,
     .write = write_shutdown},
    {.mode = CONFIG_MODE_IPC_ASSOCIATION,
     .enters = CONFIG_MODE_IPC_SCTP,
     .no_tokens = 255,
     .grammar = "protocol sctp",
     .help = "The protocol\nSCTP\n",
     .about = "Accepted: what is spoken is TLS 1.3 over TCP, on the same ports.",
     .apply = apply_sctp,
     .write = write_sctp},
    {.mode = CONFIG_MODE_IPC_SCTP,
     .enters = CONFIG_MODE_IPC_LOCAL,
     .no_tokens = 1,
     .grammar = "local-port <1-65535>:port-number",
     .help = "Our port\nNumber\n",
     .apply = apply_local_port,
     .write = write_ports},
    {.mode = CONFIG_MODE_IPC_SCTP,
     .enters = CONFIG_MODE_IPC_REMOTE,
     .no_tokens = 1,
     .grammar = "remote-port <1-65535>:port-number",
     .help = "The other gateway's port\nNumber\n",
     .apply = apply_remote_port},
    {.mode = CONFIG_MODE_IPC_LOCAL,
     .no_tokens = 1,
     .grammar = "local-ip ADDRESS:device-address",
     .help = "The address from which this gateway speaks\nOne of its addresses\n",
     .apply = apply_address,
     .write = write_local},
    KEPT("retransmit-timeout <300-60000> [<300-60000>]", "Retransmission\nMilliseconds\nAt most\n"),
    KEPT("path-retransmit <2-10>", "Retransmissions before a path is given up\nNumber\n"),
    KEPT("assoc-retransmit <2-20>", "Retransmissions before the association is given up\nNumber\n"),
    KEPT("max-inits <2-10>", "Attempts\nNumber\n"),
    KEPT("init-timeout <1000-60000>", "Time between attempts\nMilliseconds\n"),
    {.mode = CONFIG_MODE_IPC_REMOTE,
     .no_tokens = 1,
     .grammar = "remote-ip ADDRESS:device-address",
     .help = "The other gateway\nIts address\n",
     .apply = apply_address,
     .write = write_remote},
};

const struct command_table table_inter_device = {commands, ARRAY_SIZE(commands)};
