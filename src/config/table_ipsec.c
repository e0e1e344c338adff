/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `crypto isakmp peer` (aggressive mode, RFC 2409 §5.4) and `crypto ipsec ...` (RFC 4301). Each
 * setting remembers whether it stood in the text, so that a default that was written stays written; the
 * comparing writer (plan.h) writes all of them. */
#include <errno.h>
#include <stdlib.h>

#include "config/session.h"

#define CRYPTO "Encryption and IPsec\n"
#define IPSEC  CRYPTO "IP security\n"
#define SA     IPSEC "Security associations\n"

/* ---- Peer profiles
 * ----------------------------------------------------------------------------------------------- */

static int apply_peer(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *address = grammar_arg(call, "who"), *name = grammar_arg(call, "name");
    struct find_who who = {.hostname = name != NULL ? name->text : NULL};
    uint32_t at;
    if (address != NULL)
        who.prefix = (struct prefix){address->address, address_bits(&address->address)};
    struct config_isakmp_peer *p = array_find(&c->isakmp_peers, &who, compare_isakmp_peer, &at);
    if (call_negative(call)) {
        if (p == NULL)
            return session_error(call, NULL, "there is no such peer");
        config_isakmp_peer_done(p);
        array_remove(&c->isakmp_peers, at);
        return 0;
    }
    if (p == NULL) {
        if (c->isakmp_peers.count >= CONFIG_MAX_ISAKMP_PEERS)
            return session_limit(call, CONFIG_MAX_ISAKMP_PEERS, "ISAKMP peers");
        char *hostname = name != NULL ? strdup(name->text) : NULL;
        if (name != NULL && hostname == NULL)
            return -ENOMEM;
        p = array_insert(&c->isakmp_peers, at);
        if (p == NULL) {
            free(hostname);
            return -ENOMEM;
        }
        *p = (struct config_isakmp_peer){
            .address = who.prefix.address, .hostname = hostname, .place = session_place(call, NULL)};
    }
    session_of(call)->index = at;
    return 0;
}

static void write_peers(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->isakmp_peers.count; i++) {
        const struct config_isakmp_peer *p = &c->isakmp_peers.items[i];
        char address[ADDRESS_TEXT];
        if (p->hostname != NULL)
            writer_line(w, "crypto isakmp peer hostname %s", p->hostname);
        else
            writer_line(w, "crypto isakmp peer address %s", address_print(&p->address, address));
        writer_mode(w, CONFIG_MODE_ISAKMP_PEER, c, p);
        writer_separator(w);
    }
}

static int apply_peer_password(struct grammar_call *call)
{
    struct config_isakmp_peer *p = session_isakmp_peer(call);
    const struct grammar_value *key = grammar_arg(call, "key");
    wipe(&p->password, sizeof(p->password));
    if (call_negative(call))
        return 0;
    p->password.len = (uint8_t)strlen(key->text);
    memcpy(p->password.text, key->text, p->password.len + 1);
    return 0;
}

static void write_peer_password(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_peer *p = object;
    (void)c;
    if (p->password.len > 0)
        writer_line(w, "set aggressive-mode password %s", writer_secret(w, &p->password));
}

static int apply_client_endpoint(struct grammar_call *call)
{
    struct config_isakmp_peer *p = session_isakmp_peer(call);
    const struct grammar_value *address = grammar_arg(call, "who");
    const struct grammar_value *name = grammar_arg(call, "fqdn-name"), *user = grammar_arg(call, "user-name");
    bool negative = call_negative(call);
    if (user != NULL && !negative && strchr(user->text, '@') == NULL)
        return session_error(call, user, "'%s' is not of the form user@domain", user->text);
    int r = string_set(&p->client_endpoint, negative || address != NULL ? NULL
                                            : name != NULL              ? name->text
                                                                        : user->text);
    if (r < 0)
        return r;
    p->client_endpoint_address = negative || address == NULL ? (struct address){0} : address->address;
    p->client_endpoint_type = negative          ? CONFIG_ENDPOINT_NONE
                              : address != NULL ? CONFIG_ENDPOINT_ADDRESS
                              : name != NULL    ? CONFIG_ENDPOINT_FQDN
                                                : CONFIG_ENDPOINT_USER_FQDN;
    return 0;
}

static void write_client_endpoint(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_peer *p = object;
    char address[ADDRESS_TEXT];
    (void)c;
    if (p->client_endpoint_type == CONFIG_ENDPOINT_ADDRESS)
        writer_line(w, "set aggressive-mode client-endpoint ipv4-address %s",
                    address_print(&p->client_endpoint_address, address));
    else if (p->client_endpoint_type != CONFIG_ENDPOINT_NONE)
        writer_line(w, "set aggressive-mode client-endpoint %s %s",
                    p->client_endpoint_type == CONFIG_ENDPOINT_FQDN ? "fqdn" : "user-fqdn",
                    p->client_endpoint);
}

static int apply_peer_description(struct grammar_call *call)
{
    const struct grammar_value *line = grammar_arg(call, "line");
    if (!call_negative(call) && strlen(line->text) > CONFIG_MAX_DESCRIPTION)
        return session_error(call, line, "a description has at most %d characters", CONFIG_MAX_DESCRIPTION);
    return string_set(&session_isakmp_peer(call)->description, call_negative(call) ? NULL : line->text);
}

static void write_peer_description(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_peer *p = object;
    (void)c;
    if (p->description != NULL && !w->meaning)
        writer_line(w, "description %s", p->description);
}

/* ---- Transform sets
 * ---------------------------------------------------------------------------------------------- */

/* Adds one transform; two of a kind are an error. */
static int add_transform(struct grammar_call *call, const struct grammar_value *v,
                         struct config_transform_set *t)
{
    const char *word = v->text;
    for (uint8_t ah = CONFIG_AH_MD5; ah <= CONFIG_AH_SHA512; ah++)
        if (strcmp(word, config_ah_name(ah)) == 0) {
            if (t->ah != CONFIG_AH_NONE)
                return session_error(call, v, "a transform set has at most one AH transform");
            t->ah = ah;
            return 0;
        }
    for (uint8_t auth = CONFIG_ESP_AUTH_MD5; auth <= CONFIG_ESP_AUTH_SHA512; auth++)
        if (strcmp(word, config_esp_auth_name(auth)) == 0) {
            if (t->esp_auth != CONFIG_ESP_AUTH_NONE)
                return session_error(call, v, "a transform set has at most one ESP authentication transform");
            t->esp_auth = auth;
            return 0;
        }
    if (t->esp != CONFIG_ESP_NONE)
        return session_error(call, v, "a transform set has at most one ESP encryption transform");
    for (uint8_t esp = CONFIG_ESP_NULL; esp <= CONFIG_ESP_GCM_256; esp++)
        if (strcmp(word, config_esp_name(esp)) == 0)
            t->esp = esp;
    /* `esp-aes 256`: the size is the next word. */
    const struct grammar_value *next = v + 1;
    if (next < call->values + call->count &&
        (strcmp(next->text, "192") == 0 || strcmp(next->text, "256") == 0))
        t->esp += next->text[0] == '1' ? 1 : 2;
    return 0;
}

static int apply_transform_set(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "set-name");
    struct config_transform_set fresh = {.place = session_place(call, NULL)};
    uint32_t at;
    struct config_transform_set *t = array_find(&c->transform_sets, name->text, compare_transform_set, &at);
    if (call_negative(call)) {
        if (t == NULL)
            return session_error(call, name, "there is no transform set '%s'", name->text);
        config_transform_set_done(t);
        array_remove(&c->transform_sets, at);
        return 0;
    }
    for (const struct grammar_value *v = name + 1; v < call->values + call->count; v++) {
        int r = v->text[0] >= '0' && v->text[0] <= '9' ? 0 : add_transform(call, v, &fresh);
        if (r < 0)
            return r;
    }
    if (fresh.esp >= CONFIG_ESP_GCM_128 && fresh.esp_auth != CONFIG_ESP_AUTH_NONE)
        return session_error(call, NULL, "esp-gcm authenticates by itself: leave %s out",
                             config_esp_auth_name(fresh.esp_auth));
    fresh.esp_written = fresh.esp != CONFIG_ESP_NONE;
    if (fresh.esp == CONFIG_ESP_NONE && fresh.esp_auth != CONFIG_ESP_AUTH_NONE)
        fresh.esp = CONFIG_ESP_NULL;
    if (t == NULL) {
        if (c->transform_sets.count >= CONFIG_MAX_TRANSFORM_SETS)
            return session_limit(call, CONFIG_MAX_TRANSFORM_SETS, "transform sets");
        if (string_set(&fresh.name, name->text) < 0)
            return -ENOMEM;
        t = array_insert(&c->transform_sets, at);
        if (t == NULL) {
            free(fresh.name);
            return -ENOMEM;
        }
    } else {
        fresh.name = t->name;
        fresh.transport = t->transport;
        fresh.mode_written = t->mode_written;
    }
    *t = fresh;
    session_of(call)->index = at;
    return 0;
}

static void write_transform_sets(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->transform_sets.count; i++) {
        const struct config_transform_set *t = &c->transform_sets.items[i];
        bool esp = t->esp != CONFIG_ESP_NONE && (w->meaning || t->esp_written);
        writer_line(w, "crypto ipsec transform-set %s%s%s%s%s%s%s", t->name,
                    t->ah != CONFIG_AH_NONE ? " " : "", config_ah_name(t->ah), esp ? " " : "",
                    esp ? config_esp_name(t->esp) : "", t->esp_auth != CONFIG_ESP_AUTH_NONE ? " " : "",
                    config_esp_auth_name(t->esp_auth));
        writer_mode(w, CONFIG_MODE_TRANSFORM_SET, c, t);
    }
    if (c->transform_sets.count > 0)
        writer_separator(w);
}

static int apply_mode(struct grammar_call *call)
{
    struct config_transform_set *t = session_transform_set(call);
    t->transport = !call_negative(call) && grammar_has(call, "transport");
    t->mode_written = !call_negative(call);
    return 0;
}

static void write_mode(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_transform_set *t = object;
    (void)c;
    if (w->meaning || t->mode_written)
        writer_line(w, "mode %s", t->transport ? "transport" : "tunnel");
}

/* ---- Globals
 * ----------------------------------------------------------------------------------------------------- */

static int apply_lifetime(struct grammar_call *call)
{
    struct config *c = config_of(call);
    bool negative = call_negative(call);
    if (grammar_has(call, "seconds")) {
        c->lifetime_seconds = negative ? CONFIG_DEFAULT_LIFETIME_SECONDS
                                       : (uint32_t)grammar_number(call, "s", CONFIG_DEFAULT_LIFETIME_SECONDS);
        c->lifetime_seconds_written = !negative;
    } else {
        c->lifetime_kilobytes = negative
                                    ? CONFIG_DEFAULT_LIFETIME_KILOBYTES
                                    : (uint32_t)grammar_number(call, "kb", CONFIG_DEFAULT_LIFETIME_KILOBYTES);
        c->lifetime_kilobytes_written = !negative;
    }
    return 0;
}

static int apply_replay(struct grammar_call *call)
{
    struct config *c = config_of(call);
    bool negative = call_negative(call);
    c->replay_window = CONFIG_DEFAULT_REPLAY_WINDOW;
    if (!negative && grammar_has(call, "disable"))
        c->replay_window = 0;
    else if (!negative)
        c->replay_window = (uint16_t)strtoul(call->values[call->count - 1].text, NULL, 10);
    c->replay_window_written = !negative;
    return 0;
}

static int apply_idle_time(struct grammar_call *call)
{
    config_of(call)->idle_time = call_negative(call) ? 0 : (uint32_t)grammar_number(call, "seconds", 0);
    return 0;
}

static int apply_df_bit(struct grammar_call *call)
{
    struct config *c = config_of(call);
    c->df_bit_written = !call_negative(call);
    c->df_bit = call_negative(call)          ? CONFIG_DF_COPY
                : grammar_has(call, "set")   ? CONFIG_DF_SET
                : grammar_has(call, "clear") ? CONFIG_DF_CLEAR
                                             : CONFIG_DF_COPY;
    return 0;
}

static int apply_fragmentation(struct grammar_call *call)
{
    struct config *c = config_of(call);
    c->fragmentation_written = !call_negative(call);
    c->fragment_after_encryption = !call_negative(call) && grammar_has(call, "after-encryption");
    return 0;
}

static void write_globals(struct config_writer *w, const struct config *c, const void *object)
{
    static const char *const df_bits[] = {"copy", "set", "clear"};
    (void)object;
    if (w->meaning || c->lifetime_seconds_written)
        writer_line(w, "crypto ipsec security-association lifetime seconds %u", c->lifetime_seconds);
    if (w->meaning || c->lifetime_kilobytes_written)
        writer_line(w, "crypto ipsec security-association lifetime kilobytes %u", c->lifetime_kilobytes);
    if (c->replay_window == 0)
        writer_line(w, "crypto ipsec security-association replay disable");
    else if (w->meaning || c->replay_window_written)
        writer_line(w, "crypto ipsec security-association replay window-size %u", c->replay_window);
    if (c->idle_time > 0)
        writer_line(w, "crypto ipsec security-association idle-time %u", c->idle_time);
    if (w->meaning || c->df_bit_written)
        writer_line(w, "crypto ipsec df-bit %s", df_bits[c->df_bit]);
    if (w->meaning || c->fragmentation_written)
        writer_line(w, "crypto ipsec fragmentation %s",
                    c->fragment_after_encryption ? "after-encryption" : "before-encryption");
}

/* ---- Table
 * ------------------------------------------------------------------------------------------------------- */

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_ISAKMP_PEER,
     .no_tokens = 255,
     .grammar = "crypto isakmp peer {address ADDRESS:who|hostname HOSTNAME:name}",
     .help = CRYPTO
     "Internet Security Association and Key Management Protocol\nHow to start phase 1 with a peer\nBy "
     "address\nAddress of the peer\nBy name\nName of the peer\n",
     .about = "With a password set, phase 1 with this peer is started in aggressive mode.",
     .apply = apply_peer,
     .write = write_peers},
    {.mode = CONFIG_MODE_ISAKMP_PEER,
     .no_tokens = 1,
     .grammar = "description LINE",
     .help = "A text for people\nText\n",
     .apply = apply_peer_description,
     .write = write_peer_description},
    {.mode = CONFIG_MODE_ISAKMP_PEER,
     .no_tokens = 3,
     .grammar = "set aggressive-mode password KEY",
     .help = "Set\nAggressive mode\nThe pre-shared key\nThe key, at most 128 characters\n",
     .apply = apply_peer_password,
     .write = write_peer_password},
    {.mode = CONFIG_MODE_ISAKMP_PEER,
     .no_tokens = 3,
     .grammar = "set aggressive-mode client-endpoint {ipv4-address IPV4:who|fqdn "
                "HOSTNAME:fqdn-name|user-fqdn NAME:user-name}",
     .help = "Set\nAggressive mode\nThe identity to send\nAn address\nAddress\nA host name\nName\nA user at "
             "a domain\n"
             "user@domain\n",
     .standard = "what `crypto isakmp identity` says",
     .apply = apply_client_endpoint,
     .write = write_client_endpoint},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 5,
     .grammar =
         "crypto ipsec security-association lifetime {seconds <120-86400>:s|kilobytes <2560-4294967295>:kb}",
     .help = SA "How long they live\nBy time\nSeconds\nBy traffic\nKilobytes\n",
     .standard = "3600 seconds and 4608000 kilobytes, whichever comes first",
     .apply = apply_lifetime,
     .write = write_globals},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 4,
     .grammar =
         "crypto ipsec security-association replay {window-size {64|128|256|512|1024|2048|4096}|disable}",
     .help = SA
     "Replay detection\nHow far out of order packets may come\n64 packets\n128 packets\n256 packets\n512 "
     "packets\n1024 packets\n2048 packets\n4096 packets\nAccept replayed packets\n",
     .standard = "64 packets",
     .apply = apply_replay},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 4,
     .grammar = "crypto ipsec security-association idle-time <60-86400>:seconds",
     .help = SA "Delete them when nothing is sent\nSeconds without traffic\n",
     .standard = "never",
     .apply = apply_idle_time},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar = "crypto ipsec df-bit {copy|set|clear}",
     .help = IPSEC "The Don't Fragment bit of the outer header\nAs in the inner header\nAlways\nNever\n",
     .standard = "copy",
     .apply = apply_df_bit},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar = "crypto ipsec fragmentation {before-encryption|after-encryption}",
     .help = IPSEC "Packets that become too large\nAre split, then encrypted\nAre encrypted, then split\n",
     .standard = "before-encryption",
     .apply = apply_fragmentation},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_TRANSFORM_SET,
     .no_tokens = 4,
     .grammar =
         "crypto ipsec transform-set NAME:set-name {ah-md5-hmac|ah-sha-hmac|ah-sha256-hmac|ah-sha384-hmac"
         "|ah-sha512-hmac|esp-null|esp-des|esp-3des|esp-aes [128|192|256]|esp-gcm [128|192|256]|esp-md5-hmac"
         "|esp-sha-hmac|esp-sha256-hmac|esp-sha384-hmac|esp-sha512-hmac}...",
     .help = IPSEC
     "What protects the packets\nName of the set\nAH with HMAC-MD5 (weak)\nAH with HMAC-SHA1\nAH with "
     "HMAC-SHA-256\nAH with HMAC-SHA-384\nAH with HMAC-SHA-512\nESP without encryption\nESP with DES "
     "(weak)\nESP with 3DES (weak)\nESP with AES\n128 bits\n192 bits\n256 bits\nESP with AES-GCM, which "
     "authenticates too\n128 bits\n192 bits\n256 bits\nESP with HMAC-MD5 (weak)\nESP with HMAC-SHA1\nESP "
     "with HMAC-SHA-256\nESP with HMAC-SHA-384\nESP with HMAC-SHA-512\n",
     .about = "At most one AH transform, one ESP encryption and one ESP authentication.",
     .apply = apply_transform_set,
     .write = write_transform_sets},
    {.mode = CONFIG_MODE_TRANSFORM_SET,
     .no_tokens = 1,
     .grammar = "mode {tunnel|transport}",
     .help = "How packets are wrapped\nWhole packets, in a new one\nOnly the payload, where both ends are "
             "the peers\n",
     .standard = "tunnel",
     .apply = apply_mode,
     .write = write_mode},
};

const struct command_table table_ipsec = {commands, ARRAY_SIZE(commands)};
