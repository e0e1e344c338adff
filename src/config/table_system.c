/* SPDX-License-Identifier: Apache-2.0 */
/* The commands around all others: the host name, lines that are kept without effect, and those that are
 * refused by name because silence would be worse. `table_system` comes first in a text, `table_tail` last.
 * The order of sections follows what routers write, so that texts from them and from us can be compared line
 * by line. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "config/table_kept.h"

/* ---- Lines without effect
 * ---------------------------------------------------------------------------------------- */

static bool opposite(const char *a, const char *b)
{
    const char *longer = strlen(a) > strlen(b) ? a : b, *shorter = longer == a ? b : a;
    return strncmp(longer, "no ", 3) == 0 && strcmp(longer + 3, shorter) == 0;
}

int kept_add(struct grammar_call *call, struct kept_list *list, uint32_t from, uint32_t at)
{
    struct text text;
    text_init(&text);
    bool nested = session_of(call)->mode == CONFIG_MODE_KEPT;
    if (nested)
        text_add(&text, " ");
    grammar_call_print(call, &text);
    if (text.failed) {
        text_done(&text);
        return -ENOMEM;
    }
    const char *plain = text_get(&text) + (nested ? 1 : 0);
    bool known = false;
    for (uint32_t i = at; i-- > from;) {
        const char *old = list->items[i].text + (nested ? 1 : 0);
        known |= strcmp(old, plain) == 0;
        /* `default x` takes both `x` and `no x` away. */
        bool reset = call->is_default &&
                     (strcmp(old, plain + strlen("default ")) == 0 ||
                      (strncmp(old, "no ", 3) == 0 && strcmp(old + 3, plain + strlen("default ")) == 0));
        if (!reset && !opposite(old, plain))
            continue;
        free(list->items[i].text);
        array_remove(list, i);
        at--;
    }
    int r = 0;
    if (!known && !call->is_default) {
        char *copy = strdup(text_get(&text));
        struct config_kept *kept = NULL;
        if (list->count >= CONFIG_MAX_KEPT)
            r = session_limit(call, CONFIG_MAX_KEPT, "lines without effect");
        else if (copy == NULL || (kept = array_insert(list, at)) == NULL)
            r = -ENOMEM;
        if (kept != NULL)
            *kept = (struct config_kept){
                .text = copy, .section = call->command->section, .place = session_place(call, NULL)};
        else
            free(copy);
    }
    text_done(&text);
    return r;
}

static int apply_kept(struct grammar_call *call)
{
    struct config *c = config_of(call);
    return kept_add(call, (struct kept_list *)&c->kept, 0, c->kept.count);
}

int kept_refused(struct grammar_call *call)
{
    struct config *c = config_of(call);
    if (session_of(call)->mode == CONFIG_MODE_INTERFACE) {
        struct config_interface *i = session_interface(call);
        return kept_add(call, (struct kept_list *)&i->kept, 0, i->kept.count);
    }
    if (session_of(call)->mode == CONFIG_MODE_GLOBAL)
        return kept_add(call, (struct kept_list *)&c->kept, 0, c->kept.count);
    return 0;
}

/* The first line of a block, e.g. `line vty 0 4`: what follows goes behind it. */
static int apply_block(struct grammar_call *call)
{
    struct config *c = config_of(call);
    int r = apply_kept(call);
    struct text text;
    text_init(&text);
    grammar_call_print(call, &text);
    for (uint32_t i = 0; i < c->kept.count; i++)
        if (strcmp(c->kept.items[i].text, text_get(&text)) == 0)
            session_of(call)->index = i;
    text_done(&text);
    return r;
}

static int apply_nested(struct grammar_call *call)
{
    struct config *c = config_of(call);
    uint32_t from = session_of(call)->index + 1, at = from;
    while (at < c->kept.count && c->kept.items[at].text[0] == ' ')
        at++;
    return kept_add(call, (struct kept_list *)&c->kept, from, at);
}

/* A kept line may hold a password, which is its last word or two. */
static void write_kept_line(struct config_writer *w, const char *text)
{
    static const char *const words[] = {"password ", "secret ", "community ", "key "};
    const char *cut = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(words) && w->mask_secrets && cut == NULL; i++) {
        cut = strstr(text, words[i]);
        cut = cut != NULL ? cut + strlen(words[i]) : NULL;
    }
    if (cut != NULL)
        writer_line(w, "%.*s<removed>", (int)(cut - text), text);
    else
        writer_line(w, "%s", text);
}

static void write_section(struct config_writer *w, const struct config *c, uint8_t section)
{
    bool any = false;
    for (uint32_t i = 0; i < c->kept.count && !w->meaning; i++)
        if (c->kept.items[i].section == section) {
            write_kept_line(w, c->kept.items[i].text);
            any = true;
        }
    if (any)
        writer_separator(w);
}

static void write_head(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    write_section(w, c, CONFIG_SECTION_HEAD);
}

static void write_middle(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    write_section(w, c, CONFIG_SECTION_MIDDLE);
}

static void write_tail(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    write_section(w, c, CONFIG_SECTION_TAIL);
}

/* ---- The host name
 * ----------------------------------------------------------------------------------------------- */

static int apply_hostname(struct grammar_call *call)
{
    const struct grammar_value *name = grammar_arg(call, "hostname");
    if (call_negative(call))
        return string_set(&config_of(call)->hostname, NULL);
    if (strlen(name->text) > CONFIG_MAX_HOSTNAME)
        return session_error(call, name, "a host name has at most %d characters", CONFIG_MAX_HOSTNAME);
    if (strchr(name->text, '@') != NULL)
        return session_error(call, name, "'%s' is not a host name", name->text);
    return string_set(&config_of(call)->hostname, name->text);
}

static void write_hostname(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    if (c->hostname == NULL)
        return;
    writer_line(w, "hostname %s", c->hostname);
    writer_separator(w);
}

/* ---- Leaving modes
 * ----------------------------------------------------------------------------------------------- */

static int apply_exit(struct grammar_call *call)
{
    const struct grammar_mode *mode = grammar_find_mode(session_of(call)->grammar, session_of(call)->mode);
    session_of(call)->ended = session_of(call)->mode == CONFIG_MODE_GLOBAL;
    session_of(call)->mode =
        mode != NULL && mode->parent != GRAMMAR_MODE_NONE ? mode->parent : CONFIG_MODE_GLOBAL;
    return 0;
}

static int apply_end(struct grammar_call *call)
{
    session_of(call)->mode = CONFIG_MODE_GLOBAL;
    session_of(call)->ended = true;
    return 0;
}

#define LEAVE(in)                                                                             \
    {.mode = in, .grammar = "exit", .help = "Leave this mode\n", .apply = apply_exit},        \
    {                                                                                         \
        .mode = in, .grammar = "end", .help = "Leave the configuration\n", .apply = apply_end \
    }
#define KEPT(where, text, words)                                                               \
    {                                                                                          \
        .mode = CONFIG_MODE_GLOBAL, .flags = GRAMMAR_KEPT, .section = where, .no_tokens = 255, \
        .grammar = text, .help = words, .apply = apply_kept                                    \
    }
#define NESTED(text, words)                                                                              \
    {                                                                                                    \
        .mode = CONFIG_MODE_KEPT, .flags = GRAMMAR_KEPT, .section = CONFIG_SECTION_TAIL, .no_tokens = 1, \
        .grammar = text, .help = words, .apply = apply_nested                                            \
    }
#define UNSUPPORTED(text, words)                                                              \
    {                                                                                         \
        .mode = CONFIG_MODE_GLOBAL, .flags = GRAMMAR_UNSUPPORTED, .enters = CONFIG_MODE_SKIP, \
        .section = CONFIG_SECTION_MIDDLE, .no_tokens = 255, .grammar = text, .help = words    \
    }

static const struct grammar_command system_commands[] = {
    LEAVE(CONFIG_MODE_GLOBAL),
    LEAVE(CONFIG_MODE_ISAKMP_POLICY),
    LEAVE(CONFIG_MODE_ISAKMP_PEER),
    LEAVE(CONFIG_MODE_TRANSFORM_SET),
    LEAVE(CONFIG_MODE_CRYPTO_MAP),
    LEAVE(CONFIG_MODE_INTERFACE),
    LEAVE(CONFIG_MODE_TRACK),
    LEAVE(CONFIG_MODE_SLA),
    LEAVE(CONFIG_MODE_SSP),
    LEAVE(CONFIG_MODE_INTER_DEVICE),
    LEAVE(CONFIG_MODE_IPC_ZONE),
    LEAVE(CONFIG_MODE_IPC_ASSOCIATION),
    LEAVE(CONFIG_MODE_IPC_SCTP),
    LEAVE(CONFIG_MODE_IPC_LOCAL),
    LEAVE(CONFIG_MODE_IPC_REMOTE),
    LEAVE(CONFIG_MODE_ROUTER_OSPF),
    LEAVE(CONFIG_MODE_ROUTER_EIGRP),
    LEAVE(CONFIG_MODE_ACCESS_LIST),
    LEAVE(CONFIG_MODE_ACCESS_LIST6),
    LEAVE(CONFIG_MODE_KEPT),
    {.mode = CONFIG_MODE_GLOBAL,
     .flags = GRAMMAR_KEPT,
     .section = CONFIG_SECTION_HEAD,
     .no_tokens = 255,
     .grammar = "version LINE",
     .help = "Version of the software that wrote this text\nVersion\n",
     .apply = apply_kept,
     .write = write_head},
    KEPT(CONFIG_SECTION_HEAD, "service LINE", "Services of the router\nService\n"),
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 1,
     .grammar = "hostname HOSTNAME",
     .help = "The name of this gateway\nName\n",
     .about = "The name in the prompt, and the identity for `crypto isakmp identity hostname`.",
     .standard = "the node's own name",
     .apply = apply_hostname,
     .write = write_hostname},
    {.mode = CONFIG_MODE_GLOBAL,
     .flags = GRAMMAR_KEPT,
     .section = CONFIG_SECTION_MIDDLE,
     .no_tokens = 255,
     .grammar = "boot LINE",
     .help = "What a router boots\nParameters\n",
     .apply = apply_kept,
     .write = write_middle},
    KEPT(CONFIG_SECTION_MIDDLE, "{boot-start-marker|boot-end-marker}",
         "Beginning of boot lines\nEnd of boot lines\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "enable {password|secret} LINE",
         "Privileged mode\nPassword\nPassword, hashed\nPassword\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "username LINE", "Users of the router\nParameters\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "aaa new-model", "Authentication, authorization, accounting\nOn\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "logging [LINE]", "Logging\nParameters\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "clock LINE", "Clock\nParameters\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "memory-size LINE", "Memory\nParameters\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "mmi LINE", "Modem management\nParameters\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "voice-card LINE", "Voice card\nSlot\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "controller {t1|e1} LINE", "Line controller\nT1\nE1\nSlot\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "crypto isakmp enable",
         "Encryption\nInternet Security Association and Key Management Protocol\nOn, as it is\n"),
    KEPT(CONFIG_SECTION_MIDDLE,
         "ip {subnet-zero|classless|cef [LINE]|routing|domain-lookup|domain {lookup|name LINE}|domain-name "
         "LINE"
         "|name-server LINE|source-route|finger|bootp server|ftp LINE|tftp LINE|ssh LINE|host "
         "LINE|forward-protocol LINE"
         "|http LINE|audit LINE|gratuitous-arps|icmp LINE}",
         "IP\nSubnet zero\nClassless\nSwitching\nParameters\nRouting\nName service\nName "
         "service\nOn\nDomain\nName\nDomain\n"
         "Name\nName servers\nAddresses\nSource "
         "routing\nFinger\nBOOTP\nServer\nFTP\nParameters\nTFTP\nParameters\nSSH\n"
         "Parameters\nHost "
         "table\nParameters\nForwarding\nParameters\nHTTP\nParameters\nAudit\nParameters\nARP\nICMP\n"
         "Parameters\n"),
    KEPT(CONFIG_SECTION_MIDDLE, "ipv6 {unicast-routing|cef}", "IPv6\nRouting\nSwitching\n"),
    KEPT(CONFIG_SECTION_TAIL, "snmp-server LINE", "SNMP\nParameters\n"),
    KEPT(CONFIG_SECTION_TAIL, "ntp LINE", "NTP\nParameters\n"),
    KEPT(CONFIG_SECTION_TAIL, "cdp LINE", "Discovery protocol\nParameters\n"),
    KEPT(CONFIG_SECTION_TAIL, "scheduler LINE", "Scheduler\nParameters\n"),
    KEPT(CONFIG_SECTION_TAIL, "call rsvp-sync", "Calls\nSynchronization\n"),
    KEPT(CONFIG_SECTION_TAIL, "alias LINE", "Aliases\nParameters\n"),
    UNSUPPORTED("router {bgp|isis|rip|odr} [LINE]", "A routing protocol\nBGP\nIS-IS\nRIP\nODR\nParameters\n"),
    UNSUPPORTED("redundancy [mode LINE]", "Redundancy\nOf processors\nParameters\n"),
    UNSUPPORTED("aaa {authentication|authorization|accounting|group|session-id} [LINE]",
                "AAA\nAuthentication\nAuthorization\nAccounting\nServers\nSessions\nParameters\n"),
    UNSUPPORTED("crypto {ikev2|pki|ca|key|gdoi|engine|keyring|identity} [LINE]",
                "Encryption\nIKEv2\nCertificates\nCertificates\nKeys\nGroup "
                "keys\nEngines\nKeyrings\nIdentities\n"
                "Parameters\n"),
    UNSUPPORTED("crypto isakmp {client|profile|xauth|default} [LINE]",
                "Encryption\nISAKMP\nClients\nProfiles\nUsers\nDefaults\nParameters\n"),
    UNSUPPORTED("crypto ipsec {profile|client|nat-transparency|optional|server} [LINE]",
                "Encryption\nIPsec\nProfiles\nClients\nAddress translation\nOptional\nServer\nParameters\n"),
    UNSUPPORTED("ip "
                "{local|nat|slb|vrf|multicast-routing|prefix-list|policy-list|as-path|community-list|dhcp|"
                "inspect} [LINE]",
                "IP\nPools\nAddress translation\nServer load balancing\nVRF\nMulticast\nPrefix lists\nPolicy "
                "lists\nAS paths\nCommunities\nDHCP\nInspection\nParameters\n"),
    UNSUPPORTED("ip access-list {standard|resequence} [LINE]",
                "IP\nAccess lists\nStandard lists\nRenumbering\nParameters\n"),
    UNSUPPORTED("access-list {<1-99>|<200-1999>|<2700-2799>} [LINE]",
                "Access lists\nStandard lists\nOther lists\nOther lists\nParameters\n"),
    UNSUPPORTED("{banner|route-map|class-map|policy-map|vlan|vpdn-group|key|dialer-list|dial-peer|map-class|"
                "event} [LINE]",
                "Banner\nRoute map\nClasses\nPolicies\nVLAN\nDial-in groups\nKey chains\nDialer lists\nDial "
                "peers\nMap classes\nEvents\nParameters\n"),
    UNSUPPORTED("vpdn [LINE]", "Dial-in\nParameters\n"),
};

static const struct grammar_command tail_commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_KEPT,
     .flags = GRAMMAR_KEPT,
     .section = CONFIG_SECTION_TAIL,
     .no_tokens = 255,
     .grammar = "line {con|console|aux|vty} LINE",
     .help = "Terminal lines\nConsole\nConsole\nAuxiliary\nNetwork terminals\nNumbers\n",
     .apply = apply_block,
     .write = write_tail},
    NESTED("login [LINE]", "Log in\nParameters\n"),
    NESTED("password LINE", "Password\nPassword\n"),
    NESTED("exec-timeout LINE", "Time without input\nMinutes and seconds\n"),
    NESTED("transport LINE", "Protocols\nParameters\n"),
    NESTED("logging LINE", "Messages\nParameters\n"),
    NESTED("access-class LINE", "Access list\nParameters\n"),
    NESTED("length <0-512>", "Lines of the screen\nLines\n"),
    NESTED("width <0-512>", "Columns of the screen\nColumns\n"),
    NESTED(
        "{speed|stopbits|history|privilege|session-timeout|modem|flowcontrol|rotary|escape-character} LINE",
        "Speed\nStop bits\nHistory\nPrivilege\nTime\nModem\nFlow control\nRotary\nEscape\nParameters\n"),
    NESTED("exec", "Command interpreter\n"),
};

const struct command_table table_system = {system_commands, ARRAY_SIZE(system_commands)};
const struct command_table table_tail = {tail_commands, ARRAY_SIZE(tail_commands)};
