/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings, scopes and connections. An interface that is shut down, whose device is missing or whose map does
 * not exist protects nothing and lets nothing out either: it has no binding, hence no route leads interesting
 * traffic to it, and the problem is reported with its place. */
#include "control/apply/scopes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ipsec/sad.h"
#include "ipsec/spd.h"

struct build {
    const struct config *config;
    const struct devices *devices;
    struct connection_ids *ids;
    struct scopes *out;
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

static void interface_address(const struct config_interface *i, uint8_t family, struct address *ret)
{
    const struct config_interface_address *a = config_interface_primary(i, family);

    *ret = a ? a->prefix.address : (struct address){0};
}

/* An interface without addresses in the configuration may have them from elsewhere (DHCP, another tool). */
static void device_address(const struct devices *d, uint32_t ifindex, uint8_t family, struct address *ret)
{
    for (uint32_t i = 0; i < d->address_count; i++) {
        const struct netlink_address *a = &d->addresses[i];
        bool link_local = a->prefix.address.family == ADDRESS_V6 && a->prefix.address.bytes[0] == 0xfe &&
                          (a->prefix.address.bytes[1] & 0xc0) == 0x80;
        if (a->ifindex == ifindex && a->prefix.address.family == family && !a->secondary && !link_local) {
            *ret = a->prefix.address;
            return;
        }
    }
}

static void local_addresses(struct build *b, const struct config_interface *i, struct scope *s)
{
    char device[CONFIG_MAX_DEVICE + 1];
    const struct netlink_link *l = interface_device(i, device) ? devices_find(b->devices, device) : NULL;

    interface_address(i, ADDRESS_V4, &s->local_v4);
    interface_address(i, ADDRESS_V6, &s->local_v6);
    if (!l || l->loopback)
        return;
    if (!address_is_set(&s->local_v4))
        device_address(b->devices, l->ifindex, ADDRESS_V4, &s->local_v4);
    if (!address_is_set(&s->local_v6))
        device_address(b->devices, l->ifindex, ADDRESS_V6, &s->local_v6);
}

uint8_t scopes_shared_group(const struct config *c, const struct config_ssp *s)
{
    ptrdiff_t at = s ? s - c->ssp_groups.items : SAD_GROUPS_MAX;

    return at + 1 < SAD_GROUPS_MAX ? (uint8_t)(at + 1) : 0;
}

/* SAs that another gateway shares end at the virtual address in either role: nothing has to be compiled when
 * the role changes. */
static bool shared_address(struct build *b, const struct config_interface *i, struct scope *s)
{
    const struct config_ssp *ssp = config_interface_ssp(b->config, i);
    const struct config_standby *g = ssp ? config_interface_crypto_standby(b->config, i, NULL) : NULL;

    if (!g || !address_is_set(&g->address) || scopes_shared_group(b->config, ssp) == 0)
        return false; /* as a group that is not shared: nothing, or the reason why not */
    s->group = scopes_shared_group(b->config, ssp);
    s->shared = ssp->names.items[0].name;
    s->redundancy = true;
    s->local_v4 = g->address;
    s->local_v6 = (struct address){0};
    return true;
}

/* `crypto map M redundancy GROUP` or `ssp N`: the group's virtual address, while it is on this machine; else
 * none, and IKE is silent. */
static void redundancy_address(struct build *b, const struct config_interface *i, struct scope *s)
{
    const struct config_standby *g = config_interface_crypto_standby(b->config, i, NULL);
    struct config_place place = i->crypto_ssp > 0 ? i->crypto_ssp_place : i->crypto_redundancy.place;

    s->local_v4 = s->local_v6 = (struct address){0};
    s->redundancy = true;
    if (!g)
        problem(b, place, "there is no standby group %s: crypto map %s has no address",
                i->crypto_redundancy.name ? i->crypto_redundancy.name : "of its ssp group", s->map->name);
    else if (!address_is_set(&g->address))
        problem(b, place,
                "interface %s: its standby group learns its address: a crypto map needs one that is "
                "configured",
                i->name);
    else if (devices_owns(b->devices, &g->address))
        s->local_v4 = g->address;
}

static struct scope *scope_find(struct scopes *s, const struct config_crypto_map *map)
{
    for (uint32_t i = 0; i < s->scope_count; i++)
        if (s->scopes[i].map == map)
            return &s->scopes[i];
    return NULL;
}

/* Which of the peers count: those of the first one's family. */
static uint8_t peers_family(const struct config_crypto_map_entry *e)
{
    for (uint32_t i = 0; i < e->peers.count; i++)
        if (address_is_set(&e->peers.items[i].address))
            return e->peers.items[i].address.family;
    return ADDRESS_NONE;
}

/* Of a dynamic map's entry without access list: what peers bring along is added later (dynamic.h). */
static const struct config_access_list *list_of(struct build *b, const struct scope *s, uint32_t sequence,
                                                const struct config_crypto_map_entry *e, bool dynamic)
{
    static const struct config_access_list any[] = {{.family = ADDRESS_V4}, {.family = ADDRESS_V6}};
    const struct config_access_list *list =
        e->access_list.name ? config_find_access_list(b->config, e->access_list.name) : NULL;

    if (!e->access_list.name && dynamic)
        return &any[!address_is_set(&s->local_v4) && address_is_set(&s->local_v6)];
    if (!e->access_list.name)
        problem(b, e->place, "crypto map %s %u has no `match address`: it protects nothing", s->map->name,
                sequence);
    else if (!list)
        problem(b, e->access_list.place, "there is no access list %s: crypto map %s %u protects nothing",
                e->access_list.name, s->map->name, sequence);
    return list;
}

static uint32_t id_get(struct build *b, const struct scope *s, uint32_t sequence,
                       const struct config_crypto_map_entry *e, const char *dynamic_map)
{
    char map[CONNECTION_KEY_MAX];

    int len = dynamic_map ? snprintf(map, sizeof map, "%s %s %u", s->map->name, dynamic_map, e->sequence)
                          : snprintf(map, sizeof map, "%s", s->map->name);
    if (len <= 0 || (size_t)len >= sizeof map)
        return 0;
    return s->group ? connection_ids_get_shared(b->ids, s->shared, map, sequence)
                    : connection_ids_get(b->ids, s->name, map, sequence);
}

/* `dynamic_map`: the name of the dynamic map that has `e`, or NULL. */
static int connection_add(struct build *b, uint32_t scope, uint32_t sequence,
                          const struct config_crypto_map_entry *e, const char *dynamic_map)
{
    struct scopes *out = b->out;
    const struct scope *s = &out->scopes[scope];
    const struct config_access_list *list = list_of(b, s, sequence, e, dynamic_map != NULL);

    if (!list)
        return 0;
    if (out->connection_count >= SPD_ENTRIES_MAX)
        return -E2BIG;
    struct scope_connection *c = &out->connections[out->connection_count];
    *c = (struct scope_connection){
        .scope = scope, .sequence = sequence, .dynamic = dynamic_map, .entry = e, .access_list = list};
    uint8_t family = peers_family(e);
    if (family == ADDRESS_NONE)
        family = address_is_set(&s->local_v4) ? ADDRESS_V4 : ADDRESS_V6;
    c->local = family == ADDRESS_V6 ? s->local_v6 : s->local_v4;
    if (!address_is_set(&c->local) && !s->redundancy)
        problem(b, e->place, "%s has no %s address: crypto map %s %u has nothing to send from", s->name,
                family == ADDRESS_V6 ? "IPv6" : "IPv4", s->map->name, sequence);
    c->id = id_get(b, s, sequence, e, dynamic_map);
    if (c->id == 0)
        return -ENOMEM;
    out->connection_count++;
    return 0;
}

/* A connection for an entry, or one for each entry of the dynamic map that it names. */
static int entry_add(struct build *b, uint32_t scope, const struct config_crypto_map_entry *e)
{
    const struct config_crypto_map *map =
        e->dynamic.name ? config_find_dynamic_map(b->config, e->dynamic.name) : NULL;
    int error = 0;

    if (!e->dynamic.name)
        return connection_add(b, scope, e->sequence, e, NULL);
    if (!map)
        problem(b, e->dynamic.place, "there is no dynamic map %s: crypto map %s %u accepts nobody",
                e->dynamic.name, b->out->scopes[scope].map->name, e->sequence);
    for (uint32_t i = 0; map && i < map->entries.count && !error; i++)
        error = connection_add(b, scope, e->sequence, &map->entries.items[i], map->name);
    return error;
}

static int scope_add(struct build *b, const struct config_interface *i, const struct config_crypto_map *map,
                     uint32_t ifindex, uint32_t *ret_scope)
{
    const struct config_interface *local = i;

    if (map->local_address.name) {
        struct scope *shared = scope_find(b->out, map);
        if (shared) {
            *ret_scope = (uint32_t)(shared - b->out->scopes);
            return 0;
        }
        local = config_find_interface(b->config, map->local_address.name);
        if (!local)
            problem(b, map->local_address.place,
                    "crypto map %s: there is no interface %s for its local-address, it uses that of %s",
                    map->name, map->local_address.name, i->name);
        local = local ? local : i;
    }
    uint32_t index = b->out->scope_count++;
    struct scope *s = &b->out->scopes[index];
    *s = (struct scope){.map = map,
                        .interface = i,
                        .name = local->name,
                        .ifindex = ifindex,
                        .first_connection = b->out->connection_count};
    local_addresses(b, local, s);
    if (!shared_address(b, i, s) && (i->crypto_redundancy.name || i->crypto_ssp > 0))
        redundancy_address(b, i, s);
    for (uint32_t e = 0; e < map->entries.count; e++) {
        int error = entry_add(b, index, &map->entries.items[e]);
        if (error)
            return error;
    }
    s->connection_count = b->out->connection_count - s->first_connection;
    *ret_scope = index;
    return 0;
}

static int interface_add(struct build *b, const struct config_interface *i)
{
    char device[CONFIG_MAX_DEVICE + 1];
    const struct config_crypto_map *map = config_find_crypto_map(b->config, i->crypto_map.name);
    const struct netlink_link *l = interface_device(i, device) ? devices_find(b->devices, device) : NULL;

    if (!map) {
        problem(b, i->crypto_map.place, "there is no crypto map %s: interface %s protects nothing",
                i->crypto_map.name, i->name);
        return 0;
    }
    if (i->shutdown || !l)
        return 0; /* a missing device is reported where its addresses are set */
    if (b->out->binding_count >= SPD_BINDINGS_MAX)
        return -E2BIG;
    struct scope_binding *binding = &b->out->bindings[b->out->binding_count];
    *binding = (struct scope_binding){.interface = i, .ifindex = l->ifindex};
    int error = scope_add(b, i, map, l->ifindex, &binding->scope);
    if (!error)
        b->out->binding_count++;
    return error;
}

static size_t connections_bound(const struct config *c)
{
    size_t n = 0;

    for (uint32_t i = 0; i < c->interfaces.count; i++) {
        const struct config_interface *f = &c->interfaces.items[i];
        const struct config_crypto_map *map =
            f->crypto_map.name ? config_find_crypto_map(c, f->crypto_map.name) : NULL;
        for (uint32_t e = 0; map && e < map->entries.count; e++) {
            const char *name = map->entries.items[e].dynamic.name;
            const struct config_crypto_map *dynamic = name ? config_find_dynamic_map(c, name) : NULL;
            n += dynamic ? dynamic->entries.count : 1;
        }
    }
    return MIN(n, (size_t)SPD_ENTRIES_MAX);
}

int scopes_make(const struct config *c, const struct devices *d, struct connection_ids *ids,
                struct scopes *ret, void (*report)(void *context, const struct scopes_problem *p),
                void *context)
{
    struct build b = {
        .config = c, .devices = d, .ids = ids, .out = ret, .report = report, .context = context};
    int error = -ENOMEM;

    *ret = (struct scopes){
        .scopes = calloc(SPD_BINDINGS_MAX, sizeof *ret->scopes),
        .bindings = calloc(SPD_BINDINGS_MAX, sizeof *ret->bindings),
        .connections = calloc(connections_bound(c) + 1, sizeof *ret->connections),
    };
    if (ret->scopes && ret->bindings && ret->connections) {
        error = 0;
        connection_ids_begin(ids);
        for (uint32_t i = 0; i < c->interfaces.count && !error; i++)
            if (c->interfaces.items[i].crypto_map.name)
                error = interface_add(&b, &c->interfaces.items[i]);
        if (!error)
            connection_ids_end(ids);
    }
    if (error)
        scopes_done(ret);
    return error;
}

void scopes_done(struct scopes *s)
{
    for (uint32_t i = 0; i < s->connection_count; i++)
        if (s->connections[i].own_list) {
            free(s->connections[i].own_list->entries.items);
            free(s->connections[i].own_list);
        }
    free(s->scopes);
    free(s->bindings);
    free(s->connections);
    *s = (struct scopes){0};
}
