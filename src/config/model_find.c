/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the model's arrays and finding in them; see model.h. Numbered access lists come before named
 * ones, and by value; interfaces by type and number; keys by address before keys by name. These orders make a
 * text canonical: they may change only together with the vectors. */
#include "config/model_find.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/array.h"
#include "config/interface_name.h"
#include "config/token.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int compare_policy(const void *priority, const void *policy)
{
    return compare_numbers(*(const uint32_t *)priority,
                           ((const struct config_isakmp_policy *)policy)->priority);
}

static int compare_who(const struct find_who *a, const struct prefix *prefix, const char *hostname)
{
    bool by_name = a->hostname != NULL;
    if (by_name != (hostname != NULL))
        return by_name ? 1 : -1;
    if (by_name)
        return strcmp(a->hostname, hostname);
    int order = address_compare(&a->prefix.address, &prefix->address);
    return order != 0 ? order : compare_numbers(a->prefix.length, prefix->length);
}

int compare_key(const void *who, const void *key)
{
    const struct config_isakmp_key *k = key;
    return compare_who(who, &k->prefix, k->hostname);
}

int compare_isakmp_peer(const void *who, const void *peer)
{
    const struct config_isakmp_peer *p = peer;
    struct prefix prefix = {p->address, address_bits(&p->address)};
    return compare_who(who, &prefix, p->hostname);
}

int compare_transform_set(const void *name, const void *set)
{
    return strcmp(name, ((const struct config_transform_set *)set)->name);
}

int compare_crypto_map(const void *name, const void *map)
{
    return strcmp(name, ((const struct config_crypto_map *)map)->name);
}

int compare_crypto_map_entry(const void *sequence, const void *entry)
{
    return compare_numbers(*(const uint32_t *)sequence,
                           ((const struct config_crypto_map_entry *)entry)->sequence);
}

int compare_interface(const void *name, const void *interface)
{
    return interface_name_compare(name, ((const struct config_interface *)interface)->name);
}

int compare_access_list(const void *name, const void *list)
{
    const char *a = name, *b = ((const struct config_access_list *)list)->name;
    bool number_a = isdigit((unsigned char)*a), number_b = isdigit((unsigned char)*b);
    if (number_a != number_b)
        return number_a ? -1 : 1;
    if (number_a && strtoul(a, NULL, 10) != strtoul(b, NULL, 10))
        return compare_numbers(strtoul(a, NULL, 10), strtoul(b, NULL, 10));
    return strcmp(a, b);
}

int compare_acl_entry(const void *sequence, const void *entry)
{
    return compare_numbers(*(const uint32_t *)sequence, ((const struct config_acl_entry *)entry)->sequence);
}

int compare_track(const void *number, const void *track)
{
    return compare_numbers(*(const uint32_t *)number, ((const struct config_track *)track)->number);
}

int compare_probe(const void *number, const void *probe)
{
    return compare_numbers(*(const uint32_t *)number, ((const struct config_probe *)probe)->number);
}

int compare_track_object(const void *number, const void *object)
{
    return compare_numbers(*(const uint32_t *)number, ((const struct config_track_object *)object)->number);
}

int compare_standby(const void *group, const void *standby)
{
    return compare_numbers(*(const uint32_t *)group, ((const struct config_standby *)standby)->group);
}

int compare_vrrp(const void *group, const void *vrrp)
{
    return compare_numbers(*(const uint32_t *)group, ((const struct config_vrrp *)vrrp)->group);
}

int compare_router(const void *protocol, const void *router)
{
    return compare_numbers(*(const uint32_t *)protocol, ((const struct config_router *)router)->protocol);
}

int compare_router_network(const void *network, const void *other)
{
    const struct config_router_network *a = network, *b = other;
    int order = address_compare(&a->address, &b->address);
    return order != 0 ? order : compare_numbers(a->wildcard, b->wildcard);
}

int compare_redistribute(const void *source, const void *redistribute)
{
    return compare_numbers(*(const uint32_t *)source,
                           ((const struct config_redistribute *)redistribute)->source);
}

int compare_passive_interface(const void *name, const void *passive)
{
    return interface_name_compare(name, ((const struct config_passive_interface *)passive)->interface.name);
}

int compare_eigrp_interface(const void *process, const void *eigrp)
{
    return compare_numbers(*(const uint32_t *)process,
                           ((const struct config_eigrp_interface *)eigrp)->process);
}

int compare_route(const void *route, const void *other)
{
    const struct config_route *a = route, *b = other;
    int order = address_compare(&a->prefix.address, &b->prefix.address);
    if (order == 0)
        order = compare_numbers(a->prefix.length, b->prefix.length);
    if (order == 0)
        order = address_compare(&a->next_hop, &b->next_hop);
    if (order == 0 && (a->interface.name == NULL || b->interface.name == NULL))
        return (a->interface.name != NULL) - (b->interface.name != NULL);
    return order != 0 ? order : interface_name_compare(a->interface.name, b->interface.name);
}

struct config_isakmp_policy *config_find_policy(const struct config *c, uint32_t priority)
{
    return array_find(&c->isakmp_policies, &priority, compare_policy, NULL);
}

struct config_isakmp_key *config_find_key(const struct config *c, const struct address *peer)
{
    /* At most one binary search for each prefix length, longest first. */
    for (int length = address_bits(peer); length >= 0 && address_is_set(peer); length--) {
        struct find_who who = {.prefix = {*peer, (uint8_t)length}};
        prefix_mask(&who.prefix);
        struct config_isakmp_key *key = array_find(&c->isakmp_keys, &who, compare_key, NULL);
        if (key != NULL)
            return key;
    }
    return NULL;
}

struct config_isakmp_key *config_find_key_hostname(const struct config *c, const char *hostname)
{
    struct find_who who = {.hostname = hostname};
    return array_find(&c->isakmp_keys, &who, compare_key, NULL);
}

struct config_isakmp_peer *config_find_isakmp_peer(const struct config *c, const struct address *address,
                                                   const char *hostname)
{
    struct find_who who = {.hostname = hostname};
    if (hostname == NULL)
        who.prefix = (struct prefix){*address, address_bits(address)};
    return array_find(&c->isakmp_peers, &who, compare_isakmp_peer, NULL);
}

struct config_transform_set *config_find_transform_set(const struct config *c, const char *name)
{
    return array_find(&c->transform_sets, name, compare_transform_set, NULL);
}

struct config_crypto_map *config_find_crypto_map(const struct config *c, const char *name)
{
    return array_find(&c->crypto_maps, name, compare_crypto_map, NULL);
}

struct config_crypto_map *config_find_dynamic_map(const struct config *c, const char *name)
{
    return array_find(&c->dynamic_maps, name, compare_crypto_map, NULL);
}

struct config_crypto_map_entry *config_find_crypto_map_entry(const struct config_crypto_map *m,
                                                             uint32_t sequence)
{
    return array_find(&m->entries, &sequence, compare_crypto_map_entry, NULL);
}

struct config_interface *config_find_interface(const struct config *c, const char *canonical_name)
{
    return array_find(&c->interfaces, canonical_name, compare_interface, NULL);
}

struct config_access_list *config_find_access_list(const struct config *c, const char *name)
{
    return array_find(&c->access_lists, name, compare_access_list, NULL);
}

struct config_probe *config_find_probe(const struct config *c, uint32_t number)
{
    return array_find(&c->probes, &number, compare_probe, NULL);
}

uint32_t config_probe_frequency(const struct config_probe *p)
{
    return p->frequency > 0 ? p->frequency : CONFIG_PROBE_FREQUENCY;
}

uint32_t config_probe_timeout(const struct config_probe *p)
{
    return p->timeout > 0 ? p->timeout : MIN(CONFIG_PROBE_TIMEOUT, config_probe_frequency(p));
}

uint32_t config_probe_threshold(const struct config_probe *p)
{
    return p->threshold > 0 ? p->threshold : MIN(CONFIG_PROBE_THRESHOLD, config_probe_timeout(p));
}

struct config_track *config_find_track(const struct config *c, uint32_t number)
{
    return array_find(&c->tracks, &number, compare_track, NULL);
}

struct config_router *config_find_router(const struct config *c, enum config_router_protocol protocol)
{
    uint32_t key = protocol;
    return array_find(&c->routers, &key, compare_router, NULL);
}

struct config_standby *config_find_standby(const struct config_interface *i, uint32_t group)
{
    return array_find(&i->standby, &group, compare_standby, NULL);
}

struct config_vrrp *config_find_vrrp(const struct config_interface *i, uint32_t group)
{
    return array_find(&i->vrrp, &group, compare_vrrp, NULL);
}

const char *config_standby_name(const struct config_interface *i, const struct config_standby *s,
                                char out[CONFIG_MAX_NAME + 1])
{
    /* Routers shorten the type to two letters: FastEthernet0/0 is Fa0/0. A Linux name stays whole. */
    const char *number = i->name + strcspn(i->name, "0123456789");
    bool router = i->name[0] >= 'A' && i->name[0] <= 'Z' && number > i->name + 2;
    if (s->name != NULL)
        snprintf(out, CONFIG_MAX_NAME + 1, "%s", s->name);
    else
        snprintf(out, CONFIG_MAX_NAME + 1, "hsrp-%.*s%s-%u", router ? 2 : 0, i->name,
                 router ? number : i->name, s->group);
    return out;
}

const struct config_standby *config_find_standby_name(const struct config *c, const char *name,
                                                      const struct config_interface **ret_interface)
{
    char own[CONFIG_MAX_NAME + 1];
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        for (uint32_t g = 0; g < c->interfaces.items[i].standby.count; g++) {
            const struct config_interface *interface = &c->interfaces.items[i];
            if (strcmp(config_standby_name(interface, &interface->standby.items[g], own), name) != 0)
                continue;
            if (ret_interface != NULL)
                *ret_interface = interface;
            return &interface->standby.items[g];
        }
    return NULL;
}

const struct config_interface_address *config_interface_primary(const struct config_interface *i,
                                                                uint8_t family)
{
    for (uint32_t n = 0; n < i->addresses.count; n++)
        if (i->addresses.items[n].prefix.address.family == family && !i->addresses.items[n].secondary)
            return &i->addresses.items[n];
    return NULL;
}

bool interface_device(const struct config_interface *i, char out[CONFIG_MAX_DEVICE + 1])
{
    if (i->device[0] == 0)
        return interface_name_device(i->name, out, CONFIG_MAX_DEVICE + 1);
    memcpy(out, i->device, CONFIG_MAX_DEVICE + 1);
    return true;
}

bool config_acl_side_prefix(const struct config_acl_side *s, struct prefix *ret)
{
    if (s->length == CONFIG_ACL_HOLES)
        return false;
    *ret = (struct prefix){s->address, s->length};
    return true;
}

uint32_t config_classful_wildcard(const struct address *a)
{
    uint8_t first = a->bytes[0];
    return first < 128 ? 0xffffff : first < 192 ? 0xffff : 0xff;
}

/* ---- Printed names
 * ----------------------------------------------------------------------------------------------- */

#define NAME_OF(table, value) ((value) < ARRAY_SIZE(table) ? (table)[value] : "?")

const char *config_encryption_name(uint8_t encryption)
{
    static const char *const names[] = {"des", "3des", "aes", "aes 192", "aes 256"};
    return NAME_OF(names, encryption);
}

const char *config_hash_name(uint8_t hash)
{
    static const char *const names[] = {"md5", "sha", "sha256", "sha384", "sha512"};
    return NAME_OF(names, hash);
}

const char *config_authentication_name(uint8_t authentication)
{
    static const char *const names[] = {"rsa-sig", "rsa-encr", "pre-share"};
    return NAME_OF(names, authentication);
}

const char *config_ah_name(uint8_t ah)
{
    static const char *const names[] = {
        "", "ah-md5-hmac", "ah-sha-hmac", "ah-sha256-hmac", "ah-sha384-hmac", "ah-sha512-hmac"};
    return NAME_OF(names, ah);
}

const char *config_esp_name(uint8_t esp)
{
    static const char *const names[] = {
        "",        "esp-null",    "esp-des",    "esp-3des", "esp-aes", "esp-aes 192", "esp-aes 256",
        "esp-gcm", "esp-gcm 192", "esp-gcm 256"};
    return NAME_OF(names, esp);
}

const char *config_esp_auth_name(uint8_t esp_auth)
{
    static const char *const names[] = {
        "", "esp-md5-hmac", "esp-sha-hmac", "esp-sha256-hmac", "esp-sha384-hmac", "esp-sha512-hmac"};
    return NAME_OF(names, esp_auth);
}
