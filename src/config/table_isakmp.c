/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `crypto isakmp ...`: phase 1 (RFC 2409), dead peer detection (RFC 3706), NAT keepalives (RFC
 * 3948). What a
 * policy leaves out takes the language's old defaults, so that a configuration brought along means what it
 * meant. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/session.h"

#define CRYPTO "Encryption and IPsec\n"
#define ISAKMP CRYPTO "Internet Security Association and Key Management Protocol\n"

/* ---- Policies
 * ---------------------------------------------------------------------------------------------------- */

static int apply_policy(struct grammar_call *call)
{
    struct config *c = config_of(call);
    uint32_t priority = (uint32_t)grammar_number(call, "priority", 0), at;
    struct config_isakmp_policy *p = array_find(&c->isakmp_policies, &priority, compare_policy, &at);
    if (call_negative(call)) {
        if (p == NULL)
            return session_error(call, grammar_arg(call, "priority"), "there is no policy %u", priority);
        array_remove(&c->isakmp_policies, at);
        return 0;
    }
    if (p == NULL) {
        if (c->isakmp_policies.count >= CONFIG_MAX_POLICIES)
            return session_limit(call, CONFIG_MAX_POLICIES, "ISAKMP policies");
        p = array_insert(&c->isakmp_policies, at);
        if (p == NULL)
            return -ENOMEM;
        *p = (struct config_isakmp_policy){.priority = (uint16_t)priority,
                                           .hash = CONFIG_HASH_SHA,
                                           .group = 1,
                                           .lifetime = 86400,
                                           .place = session_place(call, NULL)};
    }
    session_of(call)->index = at;
    return 0;
}

static void write_policies(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->isakmp_policies.count; i++) {
        writer_line(w, "crypto isakmp policy %u", c->isakmp_policies.items[i].priority);
        writer_mode(w, CONFIG_MODE_ISAKMP_POLICY, c, &c->isakmp_policies.items[i]);
        writer_separator(w);
    }
}

static void policy_written(struct grammar_call *call, struct config_isakmp_policy *p, uint8_t bit)
{
    if (call_negative(call))
        p->written &= ~bit;
    else
        p->written |= bit;
}

static int apply_encryption(struct grammar_call *call)
{
    struct config_isakmp_policy *p = session_policy(call);
    uint8_t value = CONFIG_ENCRYPTION_DES;
    if (!call_negative(call)) {
        if (grammar_has(call, "3des"))
            value = CONFIG_ENCRYPTION_3DES;
        else if (grammar_has(call, "256"))
            value = CONFIG_ENCRYPTION_AES_256;
        else if (grammar_has(call, "192"))
            value = CONFIG_ENCRYPTION_AES_192;
        else if (grammar_has(call, "aes"))
            value = CONFIG_ENCRYPTION_AES_128;
    }
    p->encryption = value;
    policy_written(call, p, CONFIG_POLICY_ENCRYPTION);
    return 0;
}

static void write_encryption(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_policy *p = object;
    (void)c;
    if (w->meaning || p->written & CONFIG_POLICY_ENCRYPTION)
        writer_line(w, "encr %s", config_encryption_name(p->encryption));
}

static int apply_hash(struct grammar_call *call)
{
    struct config_isakmp_policy *p = session_policy(call);
    uint8_t value = CONFIG_HASH_SHA;
    for (uint8_t hash = CONFIG_HASH_MD5; hash <= CONFIG_HASH_SHA512 && !call_negative(call); hash++)
        if (grammar_has(call, config_hash_name(hash)))
            value = hash;
    p->hash = value;
    policy_written(call, p, CONFIG_POLICY_HASH);
    return 0;
}

static void write_hash(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_policy *p = object;
    (void)c;
    if (w->meaning || p->written & CONFIG_POLICY_HASH)
        writer_line(w, "hash %s", config_hash_name(p->hash));
}

static int apply_authentication(struct grammar_call *call)
{
    struct config_isakmp_policy *p = session_policy(call);
    uint8_t value = CONFIG_AUTHENTICATION_RSA_SIG;
    if (!call_negative(call) && grammar_has(call, "pre-share"))
        value = CONFIG_AUTHENTICATION_PRE_SHARE;
    else if (!call_negative(call) && grammar_has(call, "rsa-encr"))
        value = CONFIG_AUTHENTICATION_RSA_ENCR;
    p->authentication = value;
    policy_written(call, p, CONFIG_POLICY_AUTHENTICATION);
    return 0;
}

static void write_authentication(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_policy *p = object;
    (void)c;
    if (w->meaning || p->written & CONFIG_POLICY_AUTHENTICATION)
        writer_line(w, "authentication %s", config_authentication_name(p->authentication));
}

static int apply_group(struct grammar_call *call)
{
    struct config_isakmp_policy *p = session_policy(call);
    p->group = call_negative(call) ? 1 : (uint8_t)strtoul(call->values[1].text, NULL, 10);
    policy_written(call, p, CONFIG_POLICY_GROUP);
    return 0;
}

static void write_group(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_policy *p = object;
    (void)c;
    if (w->meaning || p->written & CONFIG_POLICY_GROUP)
        writer_line(w, "group %u", p->group);
}

static int apply_lifetime(struct grammar_call *call)
{
    struct config_isakmp_policy *p = session_policy(call);
    p->lifetime = call_negative(call) ? 86400 : (uint32_t)grammar_number(call, "seconds", 86400);
    policy_written(call, p, CONFIG_POLICY_LIFETIME);
    return 0;
}

static void write_lifetime(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_isakmp_policy *p = object;
    (void)c;
    if (w->meaning || p->written & CONFIG_POLICY_LIFETIME)
        writer_line(w, "lifetime %u", p->lifetime);
}

/* ---- Pre-shared keys
 * --------------------------------------------------------------------------------------------- */

/* Who the key is for; host bits are cleared with a warning. */
static int key_who(struct grammar_call *call, struct find_who *ret)
{
    const struct grammar_value *address = grammar_arg(call, "who"), *mask = grammar_arg(call, "mask");
    const struct grammar_value *hostname = grammar_arg(call, "name");
    *ret = (struct find_who){0};
    if (hostname != NULL) {
        ret->hostname = hostname->text;
        return 0;
    }
    ret->prefix.address = address->address;
    if (mask != NULL)
        ret->prefix.length = mask->length;
    else if (address->node->type == GRAMMAR_PREFIX6)
        ret->prefix.length = address->length;
    else /* 0.0.0.0 without a mask means every peer */
        ret->prefix.length = address_is_any(&address->address) ? 0 : address_bits(&address->address);
    prefix_mask(&ret->prefix);
    if (!address_equal(&ret->prefix.address, &address->address)) {
        char text[PREFIX_TEXT];
        session_warning(call, address, "%s has bits outside its mask; the key is for %s", address->text,
                        prefix_print(&ret->prefix, text));
    }
    return 0;
}

static int apply_key(struct grammar_call *call)
{
    struct config *c = config_of(call);
    struct find_who who;
    uint32_t at;
    const struct grammar_value *encrypted = grammar_arg(call, "encrypted"),
                               *key = grammar_arg(call, "key-text");
    if (encrypted != NULL && !call_negative(call))
        return session_error(call, encrypted,
                             "encrypted keys (type 6) are not supported: give the key itself, as type 0");
    int r = key_who(call, &who);
    struct config_isakmp_key *k = r == 0 ? array_find(&c->isakmp_keys, &who, compare_key, &at) : NULL;
    if (r < 0)
        return r;
    if (call_negative(call)) {
        if (k == NULL)
            return session_error(call, NULL, "there is no such key");
        config_key_done(k);
        array_remove(&c->isakmp_keys, at);
        return 0;
    }
    char *hostname = who.hostname != NULL ? strdup(who.hostname) : NULL;
    if (who.hostname != NULL && hostname == NULL)
        return -ENOMEM;
    if (k != NULL) {
        config_key_done(k);
    } else {
        if (c->isakmp_keys.count >= CONFIG_MAX_KEYS) {
            free(hostname);
            return session_limit(call, CONFIG_MAX_KEYS, "pre-shared keys");
        }
        k = array_insert(&c->isakmp_keys, at);
        if (k == NULL) {
            free(hostname);
            return -ENOMEM;
        }
    }
    *k = (struct config_isakmp_key){.prefix = who.prefix,
                                    .hostname = hostname,
                                    .no_xauth = grammar_has(call, "no-xauth"),
                                    .place = session_place(call, NULL)};
    k->secret.len = (uint8_t)strlen(key->text);
    memcpy(k->secret.text, key->text, k->secret.len + 1);
    return 0;
}

static void write_keys(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->isakmp_keys.count; i++) {
        const struct config_isakmp_key *k = &c->isakmp_keys.items[i];
        char who[2 * ADDRESS_TEXT + 2], mask[ADDRESS_TEXT];
        const char *secret = writer_secret(w, &k->secret), *tail = k->no_xauth ? " no-xauth" : "";
        /* A key that reads like the type of a key needs one in front. */
        const char *type = strcmp(secret, "0") == 0 || strcmp(secret, "6") == 0 ? "0 " : "";
        if (k->hostname != NULL) {
            writer_line(w, "crypto isakmp key %s%s hostname %s%s", type, secret, k->hostname, tail);
        } else if (k->prefix.address.family == ADDRESS_V6) {
            writer_line(w, "crypto isakmp key %s%s address ipv6 %s%s", type, secret,
                        prefix_print(&k->prefix, who), tail);
        } else {
            address_print(&k->prefix.address, who);
            struct address m = address_v4(prefix_mask_of_length(k->prefix.length));
            writer_line(w, "crypto isakmp key %s%s address %s%s%s%s", type, secret, who,
                        k->prefix.length < 32 ? " " : "",
                        k->prefix.length < 32 ? address_print(&m, mask) : "", tail);
        }
    }
}

/* ---- Globals
 * ----------------------------------------------------------------------------------------------------- */

static int apply_keepalive(struct grammar_call *call)
{
    struct config_keepalive *k = &config_of(call)->keepalive;
    *k = (struct config_keepalive){.retry_seconds = 2};
    if (call_negative(call))
        return 0;
    k->seconds = (uint16_t)grammar_number(call, "seconds", 0);
    k->retry_seconds = (uint16_t)grammar_number(call, "retry", 2);
    k->retry_written = grammar_has(call, "retry");
    k->periodic = grammar_has(call, "periodic");
    k->mode_written = k->periodic || grammar_has(call, "on-demand");
    k->place = session_place(call, NULL);
    return 0;
}

static void write_keepalive(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_keepalive *k = &c->keepalive;
    char retry[16] = "";
    (void)object;
    if (k->seconds == 0)
        return;
    if (w->meaning || k->retry_written)
        snprintf(retry, sizeof(retry), " %u", k->retry_seconds);
    writer_line(w, "crypto isakmp keepalive %u%s%s", k->seconds, retry,
                !w->meaning && !k->mode_written ? ""
                : k->periodic                   ? " periodic"
                                                : " on-demand");
}

static int apply_identity(struct grammar_call *call)
{
    struct config *c = config_of(call);
    c->identity_written = !call_negative(call);
    c->identity = call_negative(call)             ? CONFIG_IDENTITY_ADDRESS
                  : grammar_has(call, "hostname") ? CONFIG_IDENTITY_HOSTNAME
                  : grammar_has(call, "dn")       ? CONFIG_IDENTITY_DN
                                                  : CONFIG_IDENTITY_ADDRESS;
    return 0;
}

static void write_identity(struct config_writer *w, const struct config *c, const void *object)
{
    static const char *const names[] = {"address", "hostname", "dn"};
    (void)object;
    if (w->meaning || c->identity_written)
        writer_line(w, "crypto isakmp identity %s", names[c->identity]);
}

static int apply_nat_keepalive(struct grammar_call *call)
{
    config_of(call)->nat_keepalive = call_negative(call) ? 0 : (uint16_t)grammar_number(call, "seconds", 0);
    return 0;
}

static int apply_invalid_spi(struct grammar_call *call)
{
    config_of(call)->invalid_spi_recovery = !call_negative(call);
    return 0;
}

static int apply_aggressive_mode(struct grammar_call *call)
{
    config_of(call)->aggressive_mode_disabled = !call_negative(call);
    return 0;
}

static int apply_fragmentation(struct grammar_call *call)
{
    config_of(call)->isakmp_fragmentation = !call_negative(call);
    return 0;
}

static void write_switches(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    if (c->nat_keepalive > 0)
        writer_line(w, "crypto isakmp nat keepalive %u", c->nat_keepalive);
    if (c->invalid_spi_recovery)
        writer_line(w, "crypto isakmp invalid-spi-recovery");
    if (c->aggressive_mode_disabled)
        writer_line(w, "crypto isakmp aggressive-mode disable");
    if (c->isakmp_fragmentation)
        writer_line(w, "crypto isakmp fragmentation");
}

/* ---- Table
 * ------------------------------------------------------------------------------------------------------- */

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_ISAKMP_POLICY,
     .no_tokens = 255,
     .grammar = "crypto isakmp policy <1-10000>:priority",
     .help = ISAKMP "A protection suite for phase 1\nPriority; the lowest is tried first\n",
     .about = "Defines what phase 1 offers and accepts.",
     .standard = "a suite of des, sha, rsa-sig and group 1 is always tried last",
     .apply = apply_policy,
     .write = write_policies},
    {.mode = CONFIG_MODE_ISAKMP_POLICY,
     .no_tokens = 1,
     .grammar = "encryption {des|3des|aes [128|192|256]}",
     .help = "The encryption algorithm\nDES, 56 bits (weak)\nThree key triple DES (weak)\nAES\n128 bits\n192 "
             "bits\n256 "
             "bits\n",
     .standard = "des",
     .apply = apply_encryption,
     .write = write_encryption},
    {.mode = CONFIG_MODE_ISAKMP_POLICY,
     .no_tokens = 1,
     .grammar = "hash {md5|sha|sha256|sha384|sha512}",
     .help = "The hash algorithm\nMessage Digest 5 (weak)\nSHA-1\nSHA-2, 256 bits\nSHA-2, 384 bits\nSHA-2, "
             "512 bits\n",
     .standard = "sha",
     .apply = apply_hash,
     .write = write_hash},
    {.mode = CONFIG_MODE_ISAKMP_POLICY,
     .no_tokens = 1,
     .grammar = "authentication {pre-share|rsa-sig|rsa-encr}",
     .help = "How the peers prove who they are\nPre-shared key\nRSA signature\nRSA encryption\n",
     .standard = "rsa-sig",
     .apply = apply_authentication,
     .write = write_authentication},
    {.mode = CONFIG_MODE_ISAKMP_POLICY,
     .no_tokens = 1,
     .grammar = "group {1|2|5|14|15|16|19|20|21|31}",
     .help = "The Diffie-Hellman group\n768 bit modp (weak)\n1024 bit modp (weak)\n1536 bit modp "
             "(weak)\n2048 bit modp\n"
             "3072 bit modp\n4096 bit modp\n256 bit ecp\n384 bit ecp\n521 bit ecp\nCurve25519\n",
     .standard = "1",
     .apply = apply_group,
     .write = write_group},
    {.mode = CONFIG_MODE_ISAKMP_POLICY,
     .no_tokens = 1,
     .grammar = "lifetime <60-86400>:seconds",
     .help = "How long an ISAKMP SA lives\nSeconds\n",
     .standard = "86400",
     .apply = apply_lifetime,
     .write = write_lifetime},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 255,
     .grammar = "crypto isakmp key [0:plain|6:encrypted] KEY:key-text {address {IPV4:who [MASK]|ipv6 "
                "{IPV6:who|PREFIX6:who}}"
                "|hostname HOSTNAME:name} [no-xauth]",
     .help = ISAKMP
     "A pre-shared key\nThe key follows in clear\nThe key follows encrypted (not supported)\nThe key, at "
     "most "
     "128 characters\nFor peers with this address\nAddress; 0.0.0.0 is every peer\nMask; a single peer where "
     "it is left out\nFor IPv6 peers\nAddress\nPrefix\nFor the peer with this name\nThe name that the peer "
     "identifies itself by\nThe peer is a gateway: never ask it for a user\n",
     .about = "The key that is shared with a peer. Where several fit an address, the longest prefix wins.",
     .apply = apply_key,
     .write = write_keys},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar = "crypto isakmp keepalive <10-3600>:seconds [<2-60>:retry] [periodic|on-demand]",
     .help = ISAKMP
     "Dead peer detection\nSeconds without a sign of life before the peer is asked\nSeconds between "
     "questions that stay unanswered\nAsk always\nAsk only when there is something to send\n",
     .about = "Notices when a peer is gone (RFC 3706).",
     .standard = "off; 2 seconds between retries; on-demand",
     .apply = apply_keepalive,
     .write = write_keepalive},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar = "crypto isakmp identity {address|hostname|dn}",
     .help = ISAKMP
     "What this gateway calls itself in phase 1\nIts address\nIts host name\nThe name in its certificate\n",
     .standard = "address",
     .apply = apply_identity,
     .write = write_identity},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 4,
     .grammar = "crypto isakmp nat keepalive <5-3600>:seconds",
     .help = ISAKMP
     "Address translation between the peers\nKeep the translation alive\nSeconds between keepalives\n",
     .about = "Sends NAT keepalives (RFC 3948 §4) while nothing else is sent.",
     .apply = apply_nat_keepalive,
     .write = write_switches},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 255,
     .grammar = "crypto isakmp invalid-spi-recovery",
     .help = ISAKMP "Start phase 1 with a peer that sends to an unknown SPI\n",
     .standard = "off",
     .apply = apply_invalid_spi},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 3,
     .grammar = "crypto isakmp aggressive-mode disable",
     .help = ISAKMP "Aggressive mode\nNeither start nor accept it\n",
     .standard = "aggressive mode is accepted",
     .apply = apply_aggressive_mode},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 255,
     .grammar = "crypto isakmp fragmentation",
     .help = ISAKMP "Split large IKE messages before they are sent\n",
     .standard = "off",
     .apply = apply_fragmentation},
};

const struct command_table table_isakmp = {commands, ARRAY_SIZE(commands)};
