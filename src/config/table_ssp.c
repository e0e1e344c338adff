/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `ssp group ...` and `crypto isakmp ssp`: two gateways that share the state of their SAs. The
 * same can be said by `redundancy inter-device` (table_inter_device.c); both fill a struct config_ssp. */
#include "config/table_ssp.h"

#include <errno.h>
#include <stdlib.h>

struct config_ssp *ssp_make(struct grammar_call *call, uint32_t number, uint32_t *ret_at)
{
    struct config *c = config_of(call);
    struct config_ssp *s = array_find(&c->ssp_groups, &number, compare_ssp, ret_at);
    if (s != NULL)
        return s;
    s = array_insert(&c->ssp_groups, *ret_at);
    if (s != NULL)
        *s = (struct config_ssp){.number = (uint8_t)number,
                                 .port = CONFIG_DEFAULT_SSP_PORT,
                                 .local_port = CONFIG_DEFAULT_SSP_PORT,
                                 .place = session_place(call, NULL)};
    return s;
}

struct config_ssp *session_ssp(struct grammar_call *call)
{
    uint32_t at = session_of(call)->index;
    if (session_of(call)->mode != CONFIG_MODE_SSP)
        return ssp_make(call, CONFIG_SSP_INTER_DEVICE, &at);
    return &config_of(call)->ssp_groups.items[at];
}

static int apply_group(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *number = grammar_arg(call, "group-number");
    uint32_t n = (uint32_t)number->number, at;
    if (call_negative(call)) {
        struct config_ssp *s = array_find(&c->ssp_groups, &n, compare_ssp, &at);
        if (s == NULL)
            return session_error(call, number, "there is no ssp group %u", n);
        config_ssp_done(s);
        array_remove(&c->ssp_groups, at);
        return 0;
    }
    if (config_find_ssp(c, n) == NULL && c->ssp_groups.count >= CONFIG_MAX_SSP_GROUPS)
        return session_limit(call, CONFIG_MAX_SSP_GROUPS, "ssp groups");
    if (ssp_make(call, n, &at) == NULL)
        return -ENOMEM;
    session_of(call)->index = at;
    return 0;
}

static void write_groups(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->ssp_groups.count; i++) {
        if (c->ssp_groups.items[i].number == CONFIG_SSP_INTER_DEVICE)
            continue;
        writer_line(w, "ssp group %u", c->ssp_groups.items[i].number);
        writer_mode(w, CONFIG_MODE_SSP, c, &c->ssp_groups.items[i]);
        writer_separator(w);
    }
}

/* ---- Inside a group
 * ---------------------------------------------------------------------------------------------- */

bool ssp_address_good(struct grammar_call *call, const struct grammar_value *v)
{
    const struct address *a = &v->address;
    bool bad = address_is_any(a) || address_is_multicast(a) ||
               (a->family == ADDRESS_V4 && (a->bytes[0] == 127 || address_v4_get(a) == UINT32_MAX));
    if (bad)
        session_error(call, v, "%s cannot be the address of a gateway", v->text);
    return !bad;
}

static int apply_remote(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    const struct grammar_value *v = grammar_arg(call, "remote-address");
    if (!call_negative(call) && !ssp_address_good(call, v))
        return -EINVAL;
    s->remote = call_negative(call) ? (struct address){0} : v->address;
    s->remote_place = session_place(call, v);
    return 0;
}

static int apply_local(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    const struct grammar_value *v = grammar_arg(call, "local-address");
    if (!call_negative(call) && !ssp_address_good(call, v))
        return -EINVAL;
    s->local = call_negative(call) ? (struct address){0} : v->address;
    s->local_place = session_place(call, v);
    return 0;
}

static void write_addresses(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    char text[ADDRESS_TEXT];
    (void)c;
    if (address_is_set(&s->remote))
        writer_line(w, "remote %s", address_print(&s->remote, text));
    if (address_is_set(&s->local))
        writer_line(w, "local %s", address_print(&s->local, text));
}

int ssp_apply_name(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    const struct grammar_value *v = grammar_arg(call, "standby-name");
    uint32_t at = 0;
    if (s == NULL)
        return -ENOMEM;
    while (at < s->names.count && strcmp(s->names.items[at].name, v->text) != 0)
        at++;
    if (call_negative(call)) {
        if (at == s->names.count)
            return session_error(call, v, "'%s' is not a group of this one", v->text);
        reference_clear(&s->names.items[at]);
        array_remove(&s->names, at);
        return 0;
    }
    /* The sub-mode knows every name, and so this line of the global mode, too. */
    if (strcmp(v->text, "inter-device") == 0)
        return session_error(call, v,
                             "'redundancy inter-device' begins the other form of the same: there "
                             "can be but one of them");
    if (at < s->names.count)
        return 0;
    if (s->names.count >= CONFIG_MAX_SSP_NAMES)
        return session_limit(call, CONFIG_MAX_SSP_NAMES, "standby groups of one ssp group");
    struct config_reference name = {0};
    if (reference_set(&name, call, v) < 0)
        return -ENOMEM;
    struct config_reference *slot = array_add(&s->names);
    if (slot == NULL) {
        reference_clear(&name);
        return -ENOMEM;
    }
    *slot = name;
    return 0;
}

static void write_names(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    (void)c;
    for (uint32_t i = 0; i < s->names.count; i++)
        writer_line(w, "redundancy %s", s->names.items[i].name);
}

static int apply_port(struct grammar_call *call)
{
    struct config_ssp *s = session_ssp(call);
    s->port_written = !call_negative(call);
    s->port = call_negative(call) ? CONFIG_DEFAULT_SSP_PORT
                                  : (uint16_t)grammar_number(call, "tcp-port", CONFIG_DEFAULT_SSP_PORT);
    s->local_port = s->port;
    return 0;
}

static void write_port(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    (void)c;
    if (w->meaning || s->port_written)
        writer_line(w, "port %u", s->port);
}

/* ---- The channel's protection
 * ------------------------------------------------------------------------------------ */

static void clear_authentication(struct config_ssp *s)
{
    wipe(&s->secret, sizeof(s->secret));
    free(s->certificate);
    free(s->private_key);
    free(s->authority);
    free(s->peer_name);
    s->certificate = s->private_key = s->authority = s->peer_name = NULL;
    s->authentication = CONFIG_SSP_ISAKMP_KEY;
}

void ssp_clear_binding(struct config_ssp *s)
{
    while (s->names.count > 0) {
        reference_clear(&s->names.items[s->names.count - 1]);
        array_remove(&s->names, s->names.count - 1);
    }
    clear_authentication(s);
}

static int set_certificate(struct grammar_call *call, struct config_ssp *s)
{
    static const char *const labels[] = {"certificate-file", "key-file", "ca-file"};
    const struct grammar_value *name = grammar_arg(call, "peer-name");
    char *files[3] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        const struct grammar_value *v = grammar_arg(call, labels[i]);
        if (v->text[0] != '/') {
            for (size_t j = 0; j < i; j++)
                free(files[j]);
            return session_error(call, v, "'%s' is not the name of a file from / on", v->text);
        }
        files[i] = strdup(v->text);
    }
    char *peer_name = name != NULL ? strdup(name->text) : NULL;
    if (files[0] == NULL || files[1] == NULL || files[2] == NULL || (name != NULL && peer_name == NULL)) {
        free(peer_name);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
            free(files[i]);
        return -ENOMEM;
    }
    clear_authentication(s);
    s->authentication = CONFIG_SSP_CERTIFICATE;
    s->certificate = files[0];
    s->private_key = files[1];
    s->authority = files[2];
    s->peer_name = peer_name;
    return 0;
}

int ssp_apply_authentication(struct grammar_call *call)
{
    const struct grammar_value *key = grammar_arg(call, "key-text"),
                               *encrypted = grammar_arg(call, "encrypted");
    if (encrypted != NULL && !call_negative(call))
        return session_error(call, encrypted,
                             "encrypted keys (type 6) are not supported: give the key itself, as type 0");
    struct config_ssp *s = session_ssp(call);
    if (s == NULL)
        return -ENOMEM;
    if (!call_negative(call) && key == NULL)
        return set_certificate(call, s);
    clear_authentication(s);
    if (call_negative(call))
        return 0;
    s->authentication = CONFIG_SSP_PRE_SHARE;
    s->secret.len = (uint8_t)strlen(key->text);
    memcpy(s->secret.text, key->text, s->secret.len + 1);
    return 0;
}

void ssp_write_authentication(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ssp *s = object;
    (void)c;
    if (s->authentication == CONFIG_SSP_PRE_SHARE) {
        const char *secret = writer_secret(w, &s->secret);
        /* A key that reads like the type of a key needs one in front. */
        bool typed = strcmp(secret, "0") == 0 || strcmp(secret, "6") == 0;
        writer_line(w, "authentication pre-share key %s%s", typed ? "0 " : "", secret);
    } else if (s->authentication == CONFIG_SSP_CERTIFICATE) {
        writer_line(w, "authentication certificate %s key %s ca %s%s%s", s->certificate, s->private_key,
                    s->authority, s->peer_name != NULL ? " name " : "",
                    s->peer_name != NULL ? s->peer_name : "");
    }
}

/* ---- IKE SAs
 * ----------------------------------------------------------------------------------------------------- */

static int apply_isakmp(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *number = grammar_arg(call, "group-number");
    if (call_negative(call) && number != NULL && number->number != c->isakmp_ssp)
        return session_error(call, number, "ISAKMP SAs are not shared by ssp group %s", number->text);
    c->isakmp_ssp = call_negative(call) ? 0 : (uint8_t)number->number;
    c->isakmp_ssp_place = session_place(call, number);
    return 0;
}

static void write_isakmp(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    if (c->isakmp_ssp == 0)
        return;
    writer_line(w, "crypto isakmp ssp %u", c->isakmp_ssp);
    writer_separator(w);
}

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_SSP,
     .no_tokens = 255,
     .grammar = "ssp group <1-100>:group-number",
     .help = "State synchronization of two gateways\nA group\nNumber of the group\n",
     .about = "Two gateways that share the state of their SAs, so that one goes on where the other ended.",
     .apply = apply_group,
     .write = write_groups},
    {.mode = CONFIG_MODE_SSP,
     .no_tokens = 1,
     .grammar = "remote ADDRESS:remote-address",
     .help = "The other gateway\nIts address\n",
     .apply = apply_remote,
     .write = write_addresses},
    {.mode = CONFIG_MODE_SSP,
     .no_tokens = 1,
     .grammar = "local ADDRESS:local-address",
     .help = "The address from which this gateway speaks\nOne of its addresses\n",
     .standard = "as the routes to the remote address have it",
     .apply = apply_local},
    {.mode = CONFIG_MODE_SSP,
     .no_tokens = 255,
     .grammar = "redundancy NAME:standby-name",
     .help = "A standby group that belongs to it\nIts name (`standby name`)\n",
     .about = "The first group says which gateway is active; the others go with it.",
     .apply = ssp_apply_name,
     .write = write_names},
    {.mode = CONFIG_MODE_SSP,
     .no_tokens = 1,
     .grammar = "port <1-65535>:tcp-port",
     .help = "The TCP port on both gateways\nPort\n",
     .standard = "3249",
     .apply = apply_port,
     .write = write_port},
    SSP_AUTHENTICATION(CONFIG_MODE_SSP),
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar = "crypto isakmp ssp <1-100>:group-number",
     .help = "Encryption and IPsec\nInternet Security Association and Key Management Protocol\nShare ISAKMP "
             "SAs with another gateway\nNumber of the ssp group\n",
     .about = "Shares ISAKMP SAs by an SSP group. They belong together with the IPsec SAs of `crypto map ... "
              "ssp`.",
     .apply = apply_isakmp,
     .write = write_isakmp},
};

const struct command_table table_ssp = {commands, ARRAY_SIZE(commands)};
