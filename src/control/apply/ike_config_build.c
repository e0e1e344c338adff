/* SPDX-License-Identifier: Apache-2.0 */
/* The model's numbers in the machine's words. What the machine cannot do (a proposal of an unknown kind,
 * peers of two families in one sequence, an access list line that no proxy identity expresses) is left out
 * and reported. */
#include "control/apply/ike_config_build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/apply/spd_build.h"

enum { ID_FQDN = 2, ID_USER_FQDN = 3 };

struct build {
    const struct config *config;
    const struct scopes *scopes;
    const struct peer_names *names;
    struct ike_config_owned *out;
    size_t peer_count, selector_count;
    void (*report)(void *context, const struct scopes_problem *p);
    void *context;
};

static void __attribute__((format(printf, 3, 4)))
problem(struct build *b, struct config_place place, const char *format, ...)
{
    struct scopes_problem p = {.place = place};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(p.text, sizeof p.text, format, arguments);
    va_end(arguments);
    b->report(b->context, &p);
}

/* ---- policies, keys, transform sets ---- */

static bool policy_build(const struct config_isakmp_policy *p, struct ike_policy *ret)
{
    static const struct {
        uint8_t algorithm;
        uint16_t bits;
    } encryption[] = {
        [CONFIG_ENCRYPTION_DES] = {CBC_DES, 0},       [CONFIG_ENCRYPTION_3DES] = {CBC_3DES, 0},
        [CONFIG_ENCRYPTION_AES_128] = {CBC_AES, 128}, [CONFIG_ENCRYPTION_AES_192] = {CBC_AES, 192},
        [CONFIG_ENCRYPTION_AES_256] = {CBC_AES, 256},
    };
    static const uint8_t hash[] = {
        [CONFIG_HASH_MD5] = HASH_MD5,       [CONFIG_HASH_SHA] = HASH_SHA1,
        [CONFIG_HASH_SHA256] = HASH_SHA256, [CONFIG_HASH_SHA384] = HASH_SHA384,
        [CONFIG_HASH_SHA512] = HASH_SHA512,
    };

    if (p->encryption >= ARRAY_SIZE(encryption) || p->hash >= ARRAY_SIZE(hash) ||
        p->authentication != CONFIG_AUTHENTICATION_PRE_SHARE)
        return false;
    *ret = (struct ike_policy){
        .priority = p->priority,
        .encryption = encryption[p->encryption].algorithm,
        .key_bits = encryption[p->encryption].bits,
        .hash = hash[p->hash],
        .group = p->group,
        .authentication = IKE_AUTH_PRESHARED,
        .lifetime_seconds = p->lifetime,
    };
    return true;
}

static void policies_build(struct build *b)
{
    const struct config *c = b->config;
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->isakmp_policies.count; i++) {
        const struct config_isakmp_policy *p = &c->isakmp_policies.items[i];
        if (policy_build(p, &b->out->policies[n]))
            n++;
        else
            problem(b, p->place,
                    "crypto isakmp policy %u asks for authentication %s, only pre-share is offered: it is "
                    "left out",
                    p->priority, config_authentication_name(p->authentication));
    }
    b->out->config.policies = b->out->policies;
    b->out->config.policy_count = n;
}

static struct bytes secret_view(const struct config_secret *s)
{
    return bytes_of(s->text, s->len);
}

static void keys_build(struct build *b)
{
    const struct config *c = b->config;

    for (uint32_t i = 0; i < c->isakmp_keys.count; i++) {
        const struct config_isakmp_key *k = &c->isakmp_keys.items[i];
        b->out->keys[i] = (struct ike_key){.peer = k->hostname ? (struct prefix){.length = 0} : k->prefix,
                                           .hostname = k->hostname,
                                           .key = secret_view(&k->secret),
                                           .no_xauth = k->no_xauth};
    }
    b->out->config.keys = b->out->keys;
    b->out->config.key_count = c->isakmp_keys.count;
}

static uint8_t esp_integrity(uint8_t auth)
{
    static const uint8_t table[] = {
        [CONFIG_ESP_AUTH_NONE] = PACKET_INTEGRITY_NONE,
        [CONFIG_ESP_AUTH_MD5] = PACKET_INTEGRITY_MD5_96,
        [CONFIG_ESP_AUTH_SHA] = PACKET_INTEGRITY_SHA1_96,
        [CONFIG_ESP_AUTH_SHA256] = PACKET_INTEGRITY_SHA256_128,
        [CONFIG_ESP_AUTH_SHA384] = PACKET_INTEGRITY_SHA384_192,
        [CONFIG_ESP_AUTH_SHA512] = PACKET_INTEGRITY_SHA512_256,
    };

    return auth < ARRAY_SIZE(table) ? table[auth] : (uint8_t)PACKET_INTEGRITY_NONE;
}

static uint8_t ah_integrity(uint8_t ah)
{
    static const uint8_t table[] = {
        [CONFIG_AH_NONE] = PACKET_INTEGRITY_NONE,         [CONFIG_AH_MD5] = PACKET_INTEGRITY_MD5_96,
        [CONFIG_AH_SHA] = PACKET_INTEGRITY_SHA1_96,       [CONFIG_AH_SHA256] = PACKET_INTEGRITY_SHA256_128,
        [CONFIG_AH_SHA384] = PACKET_INTEGRITY_SHA384_192, [CONFIG_AH_SHA512] = PACKET_INTEGRITY_SHA512_256,
    };

    return ah < ARRAY_SIZE(table) ? table[ah] : (uint8_t)PACKET_INTEGRITY_NONE;
}

static void transform_set_build(const struct config_transform_set *t, struct ike_transform_set *ret)
{
    static const struct {
        uint8_t encryption, key_bytes;
    } esp[] = {
        [CONFIG_ESP_NONE] = {PACKET_ENCRYPTION_NULL, 0},
        [CONFIG_ESP_NULL] = {PACKET_ENCRYPTION_NULL, 0},
        [CONFIG_ESP_DES] = {PACKET_ENCRYPTION_DES, 8},
        [CONFIG_ESP_3DES] = {PACKET_ENCRYPTION_3DES, 24},
        [CONFIG_ESP_AES_128] = {PACKET_ENCRYPTION_AES_CBC, 16},
        [CONFIG_ESP_AES_192] = {PACKET_ENCRYPTION_AES_CBC, 24},
        [CONFIG_ESP_AES_256] = {PACKET_ENCRYPTION_AES_CBC, 32},
        [CONFIG_ESP_GCM_128] = {PACKET_ENCRYPTION_AES_GCM16, 16},
        [CONFIG_ESP_GCM_192] = {PACKET_ENCRYPTION_AES_GCM16, 24},
        [CONFIG_ESP_GCM_256] = {PACKET_ENCRYPTION_AES_GCM16, 32},
    };
    uint8_t cipher = t->esp < ARRAY_SIZE(esp) ? t->esp : CONFIG_ESP_NULL;

    *ret = (struct ike_transform_set){
        .name = t->name,
        .has_esp = t->esp != CONFIG_ESP_NONE || t->esp_auth != CONFIG_ESP_AUTH_NONE,
        .has_ah = t->ah != CONFIG_AH_NONE,
        .ah_integrity = ah_integrity(t->ah),
        .transport = t->transport,
    };
    if (ret->has_esp)
        ret->esp = (struct packet_algorithms){.encryption = esp[cipher].encryption,
                                              .key_bytes = esp[cipher].key_bytes,
                                              .integrity = esp_integrity(t->esp_auth)};
}

static void transform_sets_build(struct build *b)
{
    const struct config *c = b->config;

    for (uint32_t i = 0; i < c->transform_sets.count; i++)
        transform_set_build(&c->transform_sets.items[i], &b->out->transform_sets[i]);
}

/* ---- connections ---- */

static void aggressive_build(const struct config *c, const struct config_map_peer *p, struct ike_peer *ret)
{
    const struct config_isakmp_peer *profile = config_find_isakmp_peer(c, &ret->address, p->hostname);

    if (!profile || profile->password.len == 0)
        return;
    ret->aggressive = true;
    ret->aggressive_key = secret_view(&profile->password);
    if (profile->client_endpoint_type == CONFIG_ENDPOINT_FQDN ||
        profile->client_endpoint_type == CONFIG_ENDPOINT_USER_FQDN) {
        ret->aggressive_id = profile->client_endpoint;
        ret->aggressive_id_type =
            profile->client_endpoint_type == CONFIG_ENDPOINT_FQDN ? ID_FQDN : ID_USER_FQDN;
    }
}

static void peers_build(struct build *b, const struct scope_connection *sc, struct ike_connection *ret)
{
    const struct config_crypto_map_entry *e = sc->entry;

    ret->peers = &b->out->peers[b->peer_count];
    for (uint32_t i = 0; i < e->peers.count && ret->peer_count < IKE_PEERS_MAX; i++) {
        const struct config_map_peer *p = &e->peers.items[i];
        struct ike_peer peer = {.address = p->address, .is_default = p->is_default};
        if (!address_is_set(&peer.address) && p->hostname)
            peer.address = b->names->find(b->names->context, p->hostname);
        if (!address_is_set(&peer.address))
            continue; /* the name is being asked for */
        if (peer.address.family != sc->local.family) {
            if (address_is_set(&sc->local))
                problem(b, p->place,
                        "this peer of crypto map %s %u is not of the family of the others: it is left out",
                        ret->map_name, ret->sequence);
            continue;
        }
        aggressive_build(b->config, p, &peer);
        ret->peers[ret->peer_count++] = peer;
    }
    b->peer_count += ret->peer_count;
}

static void sets_build(struct build *b, const struct config_crypto_map_entry *e, struct ike_connection *ret)
{
    for (uint32_t i = 0; i < e->transform_sets.count && ret->transform_set_count < IKE_TRANSFORM_SETS_MAX;
         i++) {
        const struct config_reference *r = &e->transform_sets.items[i];
        const struct config_transform_set *t = config_find_transform_set(b->config, r->name);
        if (!t) {
            problem(b, r->place, "there is no transform-set %s: crypto map %s %u does without", r->name,
                    ret->map_name, ret->sequence);
            continue;
        }
        ret->transform_sets[ret->transform_set_count++] =
            &b->out->transform_sets[t - b->config->transform_sets.items];
    }
}

static void selectors_build(struct build *b, const struct scope_connection *sc, struct ike_connection *ret)
{
    const struct config_access_list *list = sc->access_list;

    ret->selectors = &b->out->selectors[b->selector_count];
    for (uint32_t i = 0; i < list->entries.count; i++) {
        struct spd_ace ace;
        if (!spd_ace_build(&list->entries.items[i], list->family, &ace) || !ace.permit)
            continue;
        if (spd_ace_selector(&ace, &ret->selectors[ret->selector_count]))
            ret->selector_count++;
        else
            problem(b, list->entries.items[i].place,
                    "this line of access list %s has a wildcard with holes, no peer can be asked for that",
                    list->name);
    }
    b->selector_count += ret->selector_count;
}

static void connection_build(struct build *b, const struct scope_connection *sc, struct ike_connection *ret)
{
    const struct config *c = b->config;
    const struct config_crypto_map_entry *e = sc->entry;
    const struct scope *scope = scope_of(b->scopes, sc);
    static const uint8_t df[] = {[CONFIG_DF_COPY] = 0, [CONFIG_DF_SET] = 1, [CONFIG_DF_CLEAR] = 2};

    *ret = (struct ike_connection){
        .id = sc->id,
        .ifindex = scope->ifindex,
        .map_name = scope->map->name,
        .interface_name = scope->interface->name,
        .sequence = sc->sequence,
        .group = scope->group,
        .dynamic = sc->dynamic,
        .local = sc->local,
        .pfs_group = e->pfs_group,
        .lifetime_seconds = e->lifetime_seconds ? e->lifetime_seconds : c->lifetime_seconds,
        .lifetime_kilobytes = e->lifetime_kilobytes ? e->lifetime_kilobytes : c->lifetime_kilobytes,
        .idle_seconds = e->idle_time ? e->idle_time : c->idle_time,
        .replay_size = c->replay_window,
        .df_policy = c->df_bit < ARRAY_SIZE(df) ? df[c->df_bit] : 0,
        .fragment_after = c->fragment_after_encryption,
    };
    peers_build(b, sc, ret);
    if (e->peers.count > 0 && ret->peer_count == 0)
        ret->dynamic = false; /* names that are not known yet: not any peer, but none */
    sets_build(b, e, ret);
    if (!sc->dynamic || e->access_list.name) /* else a peer may ask for anything */
        selectors_build(b, sc, ret);
}

static void global_build(struct build *b)
{
    const struct config *c = b->config;
    struct ike_config *o = &b->out->config;
    const struct config_keepalive *k = &c->keepalive;

    o->identity = c->identity == CONFIG_IDENTITY_HOSTNAME ? IKE_IDENTITY_HOSTNAME : IKE_IDENTITY_ADDRESS;
    if (c->identity == CONFIG_IDENTITY_DN)
        problem(b, (struct config_place){0},
                "crypto isakmp identity dn needs certificates: the address is sent instead");
    if (!c->hostname && gethostname(b->out->hostname, sizeof b->out->hostname - 1) != 0)
        b->out->hostname[0] = 0;
    o->hostname = c->hostname ? c->hostname : b->out->hostname;
    o->dpd_mode = k->seconds == 0 ? IKE_DPD_OFF : k->periodic ? IKE_DPD_PERIODIC : IKE_DPD_ON_DEMAND;
    o->dpd_seconds = k->seconds;
    o->dpd_retry_seconds = k->retry_seconds ? k->retry_seconds : 2;
    o->nat_keepalive_seconds = c->nat_keepalive;
    o->invalid_spi_recovery = c->invalid_spi_recovery;
    o->aggressive_disabled = c->aggressive_mode_disabled;
    o->fragmentation = c->isakmp_fragmentation;
}

static void groups_build(struct build *b)
{
    for (uint32_t i = 0; i < b->scopes->scope_count; i++) {
        const struct scope *s = &b->scopes->scopes[i];
        struct ike_group *g = &b->out->config.groups[s->group];
        if (s->group == 0)
            continue;
        g->used = true;
        g->local[0] = s->local_v4;
        g->local[1] = s->local_v6;
    }
}

static int build_allocate(struct build *b)
{
    struct ike_config_owned *o = b->out;
    size_t peers = 0, selectors = 0;

    for (uint32_t i = 0; i < b->scopes->connection_count; i++) {
        peers += b->scopes->connections[i].entry->peers.count;
        selectors += b->scopes->connections[i].access_list->entries.count;
    }
    o->policies = calloc(b->config->isakmp_policies.count + 1, sizeof *o->policies);
    o->keys = calloc(b->config->isakmp_keys.count + 1, sizeof *o->keys);
    o->transform_sets = calloc(b->config->transform_sets.count + 1, sizeof *o->transform_sets);
    o->connections = calloc(b->scopes->connection_count + 1, sizeof *o->connections);
    o->peers = calloc(peers + 1, sizeof *o->peers);
    o->selectors = calloc(selectors + 1, sizeof *o->selectors);
    return o->policies && o->keys && o->transform_sets && o->connections && o->peers && o->selectors
               ? 0
               : -ENOMEM;
}

int ike_config_build(const struct config *c, const struct scopes *s, const struct peer_names *names,
                     struct ike_config_owned *ret,
                     void (*report)(void *context, const struct scopes_problem *p), void *context)
{
    struct build b = {
        .config = c, .scopes = s, .names = names, .out = ret, .report = report, .context = context};

    *ret = (struct ike_config_owned){0};
    int error = build_allocate(&b);
    if (error) {
        ike_config_done(ret);
        return error;
    }
    policies_build(&b);
    keys_build(&b);
    transform_sets_build(&b);
    for (uint32_t i = 0; i < s->connection_count; i++)
        connection_build(&b, &s->connections[i], &ret->connections[i]);
    ret->config.connections = ret->connections;
    ret->config.connection_count = s->connection_count;
    global_build(&b);
    groups_build(&b);
    return 0;
}

void ike_config_done(struct ike_config_owned *o)
{
    free(o->policies);
    free(o->keys);
    free(o->transform_sets);
    free(o->connections);
    free(o->peers);
    free(o->selectors);
    *o = (struct ike_config_owned){0};
}
