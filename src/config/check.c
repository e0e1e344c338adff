/* SPDX-License-Identifier: Apache-2.0 */
/* Checks on a whole model; see check.h. Cryptography that is weak is warned about once by name, at the first
 * place that uses it (RFC 8221, RFC 8247 say what is weak). Every check works on sorted arrays, none compares
 * all with all. */
#include "config/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/check_probe.h"
#include "config/check_redundancy.h"
#include "config/check_router.h"
#include "config/check_ssp.h"
#include "config/model_find.h"

static void complain(struct config_errors *errors, enum config_severity severity, struct config_place place,
                     const char *text)
{
    config_errors_add(errors, severity, place, "%s", text);
}

/* ---- Weak cryptography
 * ------------------------------------------------------------------------------------------- */

enum weak { WEAK_DES, WEAK_3DES, WEAK_MD5, WEAK_GROUP1, WEAK_GROUP2, WEAK_GROUP5, WEAK_COUNT };

struct weakness {
    struct config_errors *errors;
    bool said[WEAK_COUNT];
};

static void weak_use(struct weakness *w, enum weak what, struct config_place place, const char *user)
{
    static const char *const names[] = {
        "DES", "3DES", "MD5", "Diffie-Hellman group 1", "Diffie-Hellman group 2", "Diffie-Hellman group 5",
    };
    if (w->said[what])
        return;
    w->said[what] = true;
    config_errors_add(w->errors, CONFIG_WARNING, place, "%s uses %s, which is weak", user, names[what]);
}

static void weak_group(struct weakness *w, uint8_t group, struct config_place place, const char *user)
{
    if (group == 1)
        weak_use(w, WEAK_GROUP1, place, user);
    else if (group == 2)
        weak_use(w, WEAK_GROUP2, place, user);
    else if (group == 5)
        weak_use(w, WEAK_GROUP5, place, user);
}

static void check_weak(const struct config *c, struct config_errors *errors)
{
    struct weakness w = {.errors = errors};
    char user[CONFIG_MAX_NAME + 40];
    for (uint32_t i = 0; i < c->isakmp_policies.count; i++) {
        const struct config_isakmp_policy *p = &c->isakmp_policies.items[i];
        snprintf(user, sizeof(user), "isakmp policy %u", p->priority);
        if (p->encryption == CONFIG_ENCRYPTION_DES || p->encryption == CONFIG_ENCRYPTION_3DES)
            weak_use(&w, p->encryption == CONFIG_ENCRYPTION_DES ? WEAK_DES : WEAK_3DES, p->place, user);
        if (p->hash == CONFIG_HASH_MD5)
            weak_use(&w, WEAK_MD5, p->place, user);
        weak_group(&w, p->group, p->place, user);
    }
    for (uint32_t i = 0; i < c->transform_sets.count; i++) {
        const struct config_transform_set *t = &c->transform_sets.items[i];
        snprintf(user, sizeof(user), "transform set '%s'", t->name);
        if (t->esp == CONFIG_ESP_DES || t->esp == CONFIG_ESP_3DES)
            weak_use(&w, t->esp == CONFIG_ESP_DES ? WEAK_DES : WEAK_3DES, t->place, user);
        if (t->ah == CONFIG_AH_MD5 || t->esp_auth == CONFIG_ESP_AUTH_MD5)
            weak_use(&w, WEAK_MD5, t->place, user);
        bool encrypts = t->esp > CONFIG_ESP_NULL && t->esp < CONFIG_ESP_GCM_128;
        if (encrypts && t->esp_auth == CONFIG_ESP_AUTH_NONE && t->ah == CONFIG_AH_NONE)
            config_errors_add(errors, CONFIG_WARNING, t->place,
                              "%s encrypts without authentication: packets can be altered unnoticed", user);
        if (t->esp == CONFIG_ESP_NULL && t->esp_auth == CONFIG_ESP_AUTH_NONE && t->ah == CONFIG_AH_NONE)
            config_errors_add(errors, CONFIG_ERROR, t->place, "%s protects nothing", user);
    }
    for (uint32_t i = 0; i < c->crypto_maps.count; i++)
        for (uint32_t j = 0; j < c->crypto_maps.items[i].entries.count; j++) {
            const struct config_crypto_map_entry *e = &c->crypto_maps.items[i].entries.items[j];
            snprintf(user, sizeof(user), "crypto map %s %u", c->crypto_maps.items[i].name, e->sequence);
            weak_group(&w, e->pfs_group, e->place, user);
        }
}

/* ---- Phase 1
 * ----------------------------------------------------------------------------------------------------- */

struct phase1 {
    bool pre_share; /* some policy */
    bool other;     /* some policy authenticates otherwise */
};

static void check_phase1(const struct config *c, struct config_errors *errors, struct phase1 *ret)
{
    *ret = (struct phase1){0};
    for (uint32_t i = 0; i < c->isakmp_policies.count; i++) {
        bool pre_share = c->isakmp_policies.items[i].authentication == CONFIG_AUTHENTICATION_PRE_SHARE;
        ret->pre_share |= pre_share;
        ret->other |= !pre_share;
    }
    if (c->isakmp_keys.count > 0 && !ret->pre_share)
        complain(errors, CONFIG_WARNING, c->isakmp_keys.items[0].place,
                 "there are pre-shared keys, but no isakmp policy has 'authentication pre-share'");
    if (c->crypto_maps.count > 0 && c->isakmp_policies.count == 0)
        complain(errors, CONFIG_WARNING, c->crypto_maps.items[0].place,
                 "there is a crypto map, but no isakmp policy: only the default suite (des, sha, rsa-sig, "
                 "group 1) is left");
}

static bool peer_has_key(const struct config *c, const struct config_map_peer *p)
{
    const struct config_isakmp_peer *profile = config_find_isakmp_peer(c, &p->address, p->hostname);
    if (profile != NULL && profile->password.len > 0)
        return true;
    if (p->hostname == NULL)
        return config_find_key(c, &p->address) != NULL;
    /* Its address is known only later; a key for every peer fits in any case. */
    struct address any4 = address_v4(0);
    return config_find_key_hostname(c, p->hostname) != NULL || config_find_key(c, &any4) != NULL;
}

static void check_peer(const struct config *c, const struct config_crypto_map *m,
                       const struct config_crypto_map_entry *e, const struct config_map_peer *p,
                       const struct phase1 *phase1, struct config_errors *errors)
{
    char text[ADDRESS_TEXT];
    const char *name = p->hostname != NULL ? p->hostname : address_print(&p->address, text);
    if (phase1->pre_share && !peer_has_key(c, p))
        config_errors_add(errors, phase1->other ? CONFIG_WARNING : CONFIG_ERROR, p->place,
                          "crypto map %s %u: there is no pre-shared key for peer %s", m->name, e->sequence,
                          name);
}

/* ---- Crypto maps
 * ------------------------------------------------------------------------------------------------- */

static void check_list(const struct config_access_list *list, const struct config_crypto_map *m,
                       const struct config_crypto_map_entry *e, struct config_errors *errors)
{
    bool permits = false;
    for (uint32_t i = 0; i < list->entries.count; i++) {
        const struct config_acl_entry *entry = &list->entries.items[i];
        permits |= entry->action == CONFIG_ACL_PERMIT;
        if (entry->action != CONFIG_ACL_REMARK &&
            (entry->source.length == CONFIG_ACL_HOLES || entry->destination.length == CONFIG_ACL_HOLES))
            config_errors_add(errors, CONFIG_ERROR, entry->place,
                              "access list '%s' protects traffic (crypto map %s %u), where wildcard bits "
                              "must form a prefix",
                              list->name, m->name, e->sequence);
    }
    if (!permits)
        config_errors_add(errors, CONFIG_WARNING, e->access_list.place,
                          "crypto map %s %u: access list '%s' permits nothing", m->name, e->sequence,
                          list->name);
}

/* Of a dynamic map only the transform set is needed: peers and access lists restrict. */
static void check_complete(const struct config_crypto_map *m, const struct config_crypto_map_entry *e,
                           bool dynamic_map, struct config_errors *errors)
{
    const char *missing = !dynamic_map && e->peers.count == 0           ? "peer"
                          : e->transform_sets.count == 0                ? "transform set"
                          : !dynamic_map && e->access_list.name == NULL ? "access list"
                                                                        : NULL;
    if (missing != NULL)
        config_errors_add(errors, CONFIG_WARNING, e->place, "%s %s %u has no %s and does nothing",
                          dynamic_map ? "dynamic map" : "crypto map", m->name, e->sequence, missing);
    if (e->reverse_route.is_static && e->access_list.name == NULL)
        config_errors_add(errors, CONFIG_WARNING, e->reverse_route.place,
                          "%s %u: static reverse routes are made from an access list, and there is none",
                          m->name, e->sequence);
}

/* An entry that stands for a dynamic map. */
static void check_dynamic(const struct config *c, const struct config_crypto_map *m, uint32_t at,
                          struct config_errors *errors)
{
    const struct config_crypto_map_entry *e = &m->entries.items[at];
    if (config_find_dynamic_map(c, e->dynamic.name) == NULL)
        config_errors_add(errors, CONFIG_ERROR, e->dynamic.place,
                          "crypto map %s %u: dynamic map '%s' does not exist", m->name, e->sequence,
                          e->dynamic.name);
    else if (at + 1 < m->entries.count && m->entries.items[at + 1].dynamic.name == NULL)
        config_errors_add(errors, CONFIG_WARNING, e->place,
                          "crypto map %s %u is a dynamic map and stands before entry %u: it may take that "
                          "entry's peers",
                          m->name, e->sequence, m->entries.items[at + 1].sequence);
}

static void check_entry(const struct config *c, const struct config_crypto_map *m,
                        const struct config_crypto_map_entry *e, const struct phase1 *phase1,
                        bool dynamic_map, struct config_errors *errors)
{
    check_complete(m, e, dynamic_map, errors);
    for (uint32_t i = 0; i < e->transform_sets.count; i++) {
        const struct config_reference *r = &e->transform_sets.items[i];
        if (config_find_transform_set(c, r->name) == NULL)
            config_errors_add(errors, CONFIG_ERROR, r->place,
                              "crypto map %s %u: transform set '%s' does not exist", m->name, e->sequence,
                              r->name);
    }
    if (e->access_list.name != NULL) {
        const struct config_access_list *list = config_find_access_list(c, e->access_list.name);
        if (list == NULL)
            config_errors_add(errors, CONFIG_ERROR, e->access_list.place,
                              "crypto map %s %u: access list '%s' does not exist", m->name, e->sequence,
                              e->access_list.name);
        else
            check_list(list, m, e, errors);
    }
    for (uint32_t i = 0; i < e->peers.count; i++)
        check_peer(c, m, e, &e->peers.items[i], phase1, errors);
}

static void check_maps(const struct config *c, struct config_errors *errors)
{
    struct phase1 phase1;
    check_phase1(c, errors, &phase1);
    for (uint32_t i = 0; i < c->dynamic_maps.count; i++)
        for (uint32_t j = 0; j < c->dynamic_maps.items[i].entries.count; j++)
            check_entry(c, &c->dynamic_maps.items[i], &c->dynamic_maps.items[i].entries.items[j], &phase1,
                        true, errors);
    for (uint32_t i = 0; i < c->crypto_maps.count; i++) {
        const struct config_crypto_map *m = &c->crypto_maps.items[i];
        for (uint32_t j = 0; j < m->entries.count; j++)
            if (m->entries.items[j].dynamic.name != NULL)
                check_dynamic(c, m, j, errors);
            else
                check_entry(c, m, &m->entries.items[j], &phase1, false, errors);
        if (m->local_address.name != NULL) {
            const struct config_interface *local = config_find_interface(c, m->local_address.name);
            if (local == NULL)
                config_errors_add(errors, CONFIG_ERROR, m->local_address.place,
                                  "crypto map %s: local-address names interface %s, which does not exist",
                                  m->name, m->local_address.name);
            else if (local->addresses.count == 0)
                config_errors_add(errors, CONFIG_WARNING, m->local_address.place,
                                  "crypto map %s: interface %s has no address", m->name, local->name);
        }
    }
}

/* ---- Interfaces
 * -------------------------------------------------------------------------------------------------- */

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Maps that no interface carries. One sorted list of what is carried keeps this from being quadratic. */
static void check_map_use(const struct config *c, struct config_errors *errors)
{
    const char **used = calloc(c->interfaces.count + 1, sizeof(*used));
    uint32_t count = 0;
    if (used == NULL) {
        errors->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < c->interfaces.count; i++) {
        const struct config_interface *interface = &c->interfaces.items[i];
        const char *name = interface->crypto_map.name;
        if (name == NULL)
            continue;
        used[count++] = name;
        const struct config_crypto_map *m = config_find_crypto_map(c, name);
        if (m == NULL)
            config_errors_add(errors, CONFIG_ERROR, interface->crypto_map.place,
                              "interface %s: crypto map '%s' does not exist", interface->name, name);
        else if (interface->addresses.count == 0 && m->local_address.name == NULL)
            config_errors_add(errors, CONFIG_WARNING, interface->crypto_map.place,
                              "interface %s carries crypto map '%s' but has no address", interface->name,
                              name);
    }
    qsort(used, count, sizeof(*used), text_compare);
    for (uint32_t i = 0; i < c->crypto_maps.count; i++) {
        const char *name = c->crypto_maps.items[i].name;
        if (bsearch(&name, used, count, sizeof(*used), text_compare) == NULL)
            config_errors_add(errors, CONFIG_WARNING, c->crypto_maps.items[i].place,
                              "crypto map '%s' is on no interface and does nothing", name);
    }
    free(used);
}

struct used_device {
    char name[CONFIG_MAX_DEVICE + 1];
    const struct config_interface *interface;
};

static int device_compare(const void *pa, const void *pb)
{
    const struct used_device *a = pa, *b = pb;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->interface > b->interface) - (a->interface < b->interface);
}

static void check_devices(const struct config *c, struct config_errors *errors)
{
    struct used_device *devices = calloc(c->interfaces.count + 1, sizeof(*devices));
    uint32_t count = 0;
    if (devices == NULL) {
        errors->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < c->interfaces.count; i++) {
        const struct config_interface *interface = &c->interfaces.items[i];
        if (interface_device(interface, devices[count].name))
            devices[count++].interface = interface;
        else
            config_errors_add(errors, CONFIG_ERROR, interface->place,
                              "interface %s: the name is too long for a device, give one with 'device'",
                              interface->name);
    }
    qsort(devices, count, sizeof(*devices), device_compare);
    for (uint32_t i = 1; i < count; i++)
        /* All loopback interfaces are addresses of one device. */
        if (strcmp(devices[i].name, devices[i - 1].name) == 0 && strcmp(devices[i].name, "lo") != 0)
            config_errors_add(errors, CONFIG_ERROR, devices[i].interface->place,
                              "interface %s and interface %s are both bound to device %s",
                              devices[i].interface->name, devices[i - 1].interface->name, devices[i].name);
    free(devices);
}

/* ---- Addresses
 * --------------------------------------------------------------------------------------------------- */

struct own_address {
    struct prefix network; /* host bits clear */
    const struct config_interface_address *address;
    const struct config_interface *interface;
};

static int own_compare(const void *pa, const void *pb)
{
    const struct own_address *a = pa, *b = pb;
    int order = address_compare(&a->address->prefix.address, &b->address->prefix.address);
    return order != 0 ? order : (a->interface > b->interface) - (a->interface < b->interface);
}

static int network_compare(const void *pa, const void *pb)
{
    const struct own_address *a = pa, *b = pb;
    int order = address_compare(&a->network.address, &b->network.address);
    if (order == 0)
        order = a->network.length - b->network.length;
    return order != 0 ? order : own_compare(pa, pb);
}

/* Every address of every interface, sorted by address; NULL where memory is short. */
static struct own_address *own_addresses(const struct config *c, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        count += c->interfaces.items[i].addresses.count;
    struct own_address *own = calloc(count + 1, sizeof(*own));
    if (own == NULL)
        return NULL;
    *ret_count = count;
    count = 0;
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        for (uint32_t j = 0; j < c->interfaces.items[i].addresses.count; j++) {
            struct own_address *o = &own[count++];
            o->interface = &c->interfaces.items[i];
            o->address = &o->interface->addresses.items[j];
            o->network = o->address->prefix;
            prefix_mask(&o->network);
        }
    qsort(own, count, sizeof(*own), own_compare);
    return own;
}

static const struct own_address *own_find(const struct own_address *own, uint32_t count,
                                          const struct address *a)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = address_compare(a, &own[middle].address->prefix.address);
        if (order == 0)
            return &own[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static void check_collisions(struct own_address *own, uint32_t count, struct config_errors *errors)
{
    char text[ADDRESS_TEXT];
    for (uint32_t i = 1; i < count; i++)
        if (address_equal(&own[i].address->prefix.address, &own[i - 1].address->prefix.address))
            config_errors_add(errors, CONFIG_ERROR, own[i].address->place,
                              "interface %s: %s is already the address of %s", own[i].interface->name,
                              address_print(&own[i].address->prefix.address, text),
                              own[i - 1].interface->name);
    qsort(own, count, sizeof(*own), network_compare);
    /* Sorted so, a network is covered by the widest one before it that has not ended, if by any. */
    const struct own_address *cover = NULL;
    for (uint32_t i = 0; i < count; i++) {
        bool covered = cover != NULL && prefix_covers(&cover->network, &own[i].network);
        if (covered && cover->interface != own[i].interface &&
            !address_equal(&cover->address->prefix.address, &own[i].address->prefix.address))
            config_errors_add(errors, CONFIG_WARNING, own[i].address->place,
                              "interface %s: the network of %s overlaps with that of interface %s",
                              own[i].interface->name, address_print(&own[i].address->prefix.address, text),
                              cover->interface->name);
        if (!covered)
            cover = &own[i];
    }
}

static void check_addresses(const struct config *c, struct config_errors *errors)
{
    uint32_t count = 0;
    char text[ADDRESS_TEXT];
    struct own_address *own = own_addresses(c, &count);
    if (own == NULL) {
        errors->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < c->crypto_maps.count; i++)
        for (uint32_t j = 0; j < c->crypto_maps.items[i].entries.count; j++) {
            const struct config_crypto_map_entry *e = &c->crypto_maps.items[i].entries.items[j];
            for (uint32_t k = 0; k < e->peers.count; k++) {
                const struct own_address *o = own_find(own, count, &e->peers.items[k].address);
                if (o != NULL)
                    config_errors_add(errors, CONFIG_ERROR, e->peers.items[k].place,
                                      "crypto map %s %u: peer %s is the address of our interface %s",
                                      c->crypto_maps.items[i].name, e->sequence,
                                      address_print(&e->peers.items[k].address, text), o->interface->name);
            }
        }
    for (uint32_t i = 0; i < c->routes.count; i++) {
        const struct own_address *o = own_find(own, count, &c->routes.items[i].next_hop);
        if (o != NULL)
            config_errors_add(errors, CONFIG_ERROR, c->routes.items[i].place,
                              "the next hop %s is the address of our interface %s",
                              address_print(&c->routes.items[i].next_hop, text), o->interface->name);
    }
    check_collisions(own, count, errors);
    free(own);
}

static void check_routes(const struct config *c, struct config_errors *errors)
{
    for (uint32_t i = 0; i < c->routes.count; i++) {
        const struct config_reference *r = &c->routes.items[i].interface;
        /* Linux names may be devices that Holdfast does not configure; Null0 needs no configuration. */
        if (r->name != NULL && r->name[0] >= 'A' && r->name[0] <= 'Z' && strncmp(r->name, "Null", 4) != 0 &&
            config_find_interface(c, r->name) == NULL)
            config_errors_add(errors, CONFIG_ERROR, r->place,
                              "a route names interface %s, which does not exist", r->name);
    }
}

/* ---- Lines without effect
 * ---------------------------------------------------------------------------------------- */

static int kept_compare(const void *pa, const void *pb)
{
    const struct config_kept *a = *(const struct config_kept *const *)pa,
                             *b = *(const struct config_kept *const *)pb;
    int order = strcmp(a->text, b->text);
    return order != 0 ? order : (a->place.line > b->place.line) - (a->place.line < b->place.line);
}

/* Each text once, however many interfaces have it. */
static void check_kept(const struct config *c, struct config_errors *errors)
{
    uint32_t count = c->kept.count;
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        count += c->interfaces.items[i].kept.count;
    for (uint32_t i = 0; i < c->routers.count; i++)
        count += c->routers.items[i].kept.count;
    for (uint32_t i = 0; i < c->probes.count; i++)
        count += c->probes.items[i].kept.count;
    const struct config_kept **all = calloc(count + 1, sizeof(*all));
    if (all == NULL) {
        errors->out_of_memory = true;
        return;
    }
    count = 0;
    for (uint32_t i = 0; i < c->kept.count; i++)
        if (c->kept.items[i].text[0] != ' ')
            all[count++] = &c->kept.items[i];
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        for (uint32_t j = 0; j < c->interfaces.items[i].kept.count; j++)
            all[count++] = &c->interfaces.items[i].kept.items[j];
    for (uint32_t i = 0; i < c->routers.count; i++)
        for (uint32_t j = 0; j < c->routers.items[i].kept.count; j++)
            all[count++] = &c->routers.items[i].kept.items[j];
    for (uint32_t i = 0; i < c->probes.count; i++)
        for (uint32_t j = 0; j < c->probes.items[i].kept.count; j++)
            all[count++] = &c->probes.items[i].kept.items[j];
    qsort(all, count, sizeof(*all), kept_compare);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(all[i]->text, all[i - 1]->text) == 0)
            continue;
        /* Two words name the command; more could be a password. */
        size_t words = strncmp(all[i]->text, "no ", 3) == 0 ? 3 : 0;
        words += strcspn(all[i]->text + words, " ");
        if (all[i]->text[words] == ' ')
            words += 1 + strcspn(all[i]->text + words + 1, " ");
        config_errors_add(errors, CONFIG_NOTE, all[i]->place, "'%.*s' has no effect here", (int)words,
                          all[i]->text);
    }
    free(all);
}

void config_check(const struct config *c, struct config_errors *errors)
{
    check_maps(c, errors);
    check_map_use(c, errors);
    check_devices(c, errors);
    check_addresses(c, errors);
    check_routes(c, errors);
    check_redundancy(c, errors);
    check_probes(c, errors);
    check_ssp(c, errors);
    check_router(c, errors);
    check_weak(c, errors);
    check_kept(c, errors);
    config_errors_sort(errors);
}
