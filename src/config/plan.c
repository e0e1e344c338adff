/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two models; see plan.h.
 *
 * Each object becomes a line of text that says what it means, in the writer's words with all defaults written
 * out; two objects are the same if these texts are. So a command that is added to the tables is compared as
 * soon as it is written. A crypto map entry has one text for each reason to change, and these include what it
 * refers to: that is what makes "the tunnel is untouched" a single question. The texts hold keys and are
 * wiped. */
#include "config/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/array.h"
#include "config/parse.h"
#include "config/write.h"

enum { PARTS = 8 };

struct snap {
    uint8_t kind;
    uint32_t number;
    char name[2 * CONFIG_MAX_FQDN];
    struct text parts[PARTS]; /* of entries: one for each bit of enum config_reason; of others the first */
};

struct snaps {
    CONFIG_ARRAY(struct snap *) list;
    bool failed;
};

static void snap_free(struct snap *s)
{
    for (int i = 0; i < PARTS; i++)
        text_done(&s->parts[i]);
    wipe(s, sizeof(*s));
    free(s);
}

static void snaps_done(struct snaps *s)
{
    for (uint32_t i = 0; i < s->list.count; i++)
        snap_free(s->list.items[i]);
    array_free(&s->list);
}

/* NULL where memory is short; then the whole comparison fails. */
static struct snap *snap_add(struct snaps *s, enum config_kind kind, const char *name, uint32_t number)
{
    struct snap *snap = calloc(1, sizeof(*snap));
    struct snap **slot = snap != NULL ? array_add(&s->list) : NULL;
    if (slot == NULL) {
        free(snap);
        s->failed = true;
        return NULL;
    }
    snap->kind = kind;
    snap->number = number;
    snprintf(snap->name, sizeof(snap->name), "%s", name != NULL ? name : "");
    *slot = snap;
    return snap;
}

static void write_object(const struct grammar *g, const struct config *c, uint8_t mode, const void *object,
                         struct text *out)
{
    struct config_writer w = {.grammar = g, .out = out, .meaning = true};
    writer_mode(&w, mode, c, object);
}

/* ---- One text for each object
 * ------------------------------------------------------------------------------------ */

static void snap_globals(const struct config *c, struct snaps *s)
{
    struct snap *snap = snap_add(s, CONFIG_KIND_HOSTNAME, NULL, 0);
    if (snap != NULL)
        text_add(&snap->parts[0], c->hostname != NULL ? c->hostname : "");
    snap = snap_add(s, CONFIG_KIND_ISAKMP_GLOBAL, NULL, 0);
    if (snap != NULL)
        text_printf(&snap->parts[0], "%u %u %d %u %u %d %d %d %u", c->keepalive.seconds,
                    c->keepalive.retry_seconds, c->keepalive.periodic, c->identity, c->nat_keepalive,
                    c->invalid_spi_recovery, c->aggressive_mode_disabled, c->isakmp_fragmentation,
                    c->isakmp_ssp);
    snap = snap_add(s, CONFIG_KIND_IPSEC_GLOBAL, NULL, 0);
    if (snap != NULL)
        text_printf(&snap->parts[0], "%u %u %u %u %u %d", c->lifetime_seconds, c->lifetime_kilobytes,
                    c->replay_window, c->idle_time, c->df_bit, c->fragment_after_encryption);
}

static void key_name(const struct config_isakmp_key *k, char *out, size_t size)
{
    char text[PREFIX_TEXT];
    snprintf(out, size, "%s", k->hostname != NULL ? k->hostname : prefix_print(&k->prefix, text));
}

static void add_key(const struct config_isakmp_key *k, struct text *out)
{
    text_printf(out, "%u:%s %d\n", k->secret.len, k->secret.text, k->no_xauth);
}

static void add_transform(const struct config_transform_set *t, struct text *out)
{
    text_printf(out, "%u %u %u %d\n", t->ah, t->esp, t->esp_auth, t->transport);
}

static void add_list(const struct config_access_list *list, struct text *out)
{
    char entry[CONFIG_MAX_LINE];
    for (uint32_t i = 0; i < list->entries.count; i++)
        if (list->entries.items[i].action != CONFIG_ACL_REMARK)
            text_printf(out, "%s\n",
                        config_acl_entry_print(&list->entries.items[i], list->family, entry, sizeof(entry)));
}

static void snap_phase1(const struct grammar *g, const struct config *c, struct snaps *s)
{
    char name[2 * CONFIG_MAX_FQDN];
    for (uint32_t i = 0; i < c->isakmp_policies.count; i++) {
        const struct config_isakmp_policy *p = &c->isakmp_policies.items[i];
        struct snap *snap = snap_add(s, CONFIG_KIND_ISAKMP_POLICY, NULL, p->priority);
        if (snap != NULL)
            write_object(g, c, CONFIG_MODE_ISAKMP_POLICY, p, &snap->parts[0]);
    }
    for (uint32_t i = 0; i < c->isakmp_keys.count; i++) {
        key_name(&c->isakmp_keys.items[i], name, sizeof(name));
        struct snap *snap = snap_add(s, CONFIG_KIND_ISAKMP_KEY, name, 0);
        if (snap != NULL)
            add_key(&c->isakmp_keys.items[i], &snap->parts[0]);
    }
    for (uint32_t i = 0; i < c->isakmp_peers.count; i++) {
        const struct config_isakmp_peer *p = &c->isakmp_peers.items[i];
        struct snap *snap = snap_add(s, CONFIG_KIND_ISAKMP_PEER,
                                     p->hostname != NULL ? p->hostname : address_print(&p->address, name), 0);
        if (snap != NULL)
            write_object(g, c, CONFIG_MODE_ISAKMP_PEER, p, &snap->parts[0]);
    }
}

static void route_name(const struct config_route *r, char *out, size_t size)
{
    char prefix[PREFIX_TEXT], hop[ADDRESS_TEXT];
    snprintf(out, size, "%s%s%s%s%s", prefix_print(&r->prefix, prefix), r->interface.name != NULL ? " " : "",
             r->interface.name != NULL ? r->interface.name : "", address_is_set(&r->next_hop) ? " " : "",
             address_is_set(&r->next_hop) ? address_print(&r->next_hop, hop) : "");
}

static void snap_ssp(const struct grammar *g, const struct config *c, struct snaps *s)
{
    for (uint32_t i = 0; i < c->ssp_groups.count; i++) {
        const struct config_ssp *group = &c->ssp_groups.items[i];
        struct snap *snap = snap_add(s, CONFIG_KIND_SSP, NULL, group->number);
        if (snap == NULL)
            return;
        if (group->number == CONFIG_SSP_INTER_DEVICE) {
            text_printf(&snap->parts[0], "%d %d\n", group->inter_device, group->zone);
            write_object(g, c, CONFIG_MODE_INTER_DEVICE, group, &snap->parts[0]);
            write_object(g, c, CONFIG_MODE_IPC_ZONE, group, &snap->parts[0]);
        } else {
            write_object(g, c, CONFIG_MODE_SSP, group, &snap->parts[0]);
        }
    }
}

static void snap_objects(const struct grammar *g, const struct config *c, struct snaps *s)
{
    char name[2 * CONFIG_MAX_FQDN], prefix[PREFIX_TEXT];
    struct snap *snap;
    for (uint32_t i = 0; i < c->transform_sets.count; i++)
        if ((snap = snap_add(s, CONFIG_KIND_TRANSFORM_SET, c->transform_sets.items[i].name, 0)) != NULL)
            add_transform(&c->transform_sets.items[i], &snap->parts[0]);
    for (uint32_t i = 0; i < c->access_lists.count; i++)
        if ((snap = snap_add(s, CONFIG_KIND_ACCESS_LIST, c->access_lists.items[i].name, 0)) != NULL)
            add_list(&c->access_lists.items[i], &snap->parts[0]);
    for (uint32_t i = 0; i < c->interfaces.count; i++)
        if ((snap = snap_add(s, CONFIG_KIND_INTERFACE, c->interfaces.items[i].name, 0)) != NULL) {
            write_object(g, c, CONFIG_MODE_INTERFACE, &c->interfaces.items[i], &snap->parts[0]);
            char device[CONFIG_MAX_DEVICE + 1] = "";
            (void)!interface_device(&c->interfaces.items[i], device);
            text_add(&snap->parts[0], device);
        }
    for (uint32_t i = 0; i < c->tracks.count; i++)
        if ((snap = snap_add(s, CONFIG_KIND_TRACK, NULL, c->tracks.items[i].number)) != NULL) {
            const struct config_track *t = &c->tracks.items[i];
            text_printf(&snap->parts[0], "%u %d %u %u %s %s\n", t->type, t->is_or, t->probe, t->probe_aspect,
                        t->interface.name != NULL ? t->interface.name : "",
                        address_is_set(&t->route.address) ? prefix_print(&t->route, prefix) : "");
            write_object(g, c, CONFIG_MODE_TRACK, t, &snap->parts[0]);
        }
    for (uint32_t i = 0; i < c->routes.count; i++) {
        route_name(&c->routes.items[i], name, sizeof(name));
        if ((snap = snap_add(s, CONFIG_KIND_ROUTE, name, 0)) != NULL)
            text_printf(&snap->parts[0], "%u %u", c->routes.items[i].distance, c->routes.items[i].track);
    }
    for (uint32_t i = 0; i < c->probes.count; i++)
        if ((snap = snap_add(s, CONFIG_KIND_PROBE, NULL, c->probes.items[i].number)) != NULL) {
            const struct config_probe *p = &c->probes.items[i];
            text_printf(&snap->parts[0], "%u %d %u\n", p->schedule, p->life_forever, p->life);
            write_object(g, c, CONFIG_MODE_SLA, p, &snap->parts[0]);
        }
    for (uint32_t i = 0; i < c->routers.count; i++) {
        const struct config_router *r = &c->routers.items[i];
        bool ospf = r->protocol == CONFIG_ROUTER_OSPF;
        if ((snap = snap_add(s, CONFIG_KIND_ROUTER, ospf ? "ospf" : "eigrp", r->number)) != NULL)
            write_object(g, c, ospf ? CONFIG_MODE_ROUTER_OSPF : CONFIG_MODE_ROUTER_EIGRP, r, &snap->parts[0]);
    }
}

/* ---- Crypto maps
 * ------------------------------------------------------------------------------------------------- */

static void add_addresses(const struct config_interface *i, struct text *out)
{
    char text[PREFIX_TEXT];
    text_printf(out, "%s:", i->name);
    for (uint32_t n = 0; n < i->addresses.count; n++)
        if (!i->addresses.items[n].secondary)
            text_printf(out, " %s", prefix_print(&i->addresses.items[n].prefix, text));
    text_add(out, "\n");
}

static void add_local(const struct config *c, const struct config_crypto_map *m, struct text *out)
{
    const struct config_interface *local =
        m->local_address.name != NULL ? config_find_interface(c, m->local_address.name) : NULL;
    text_printf(out, "local %s\n", m->local_address.name != NULL ? m->local_address.name : "");
    if (local != NULL)
        add_addresses(local, out);
    for (uint32_t i = 0; i < c->interfaces.count; i++) {
        const struct config_interface *interface = &c->interfaces.items[i];
        if (interface->crypto_map.name != NULL && strcmp(interface->crypto_map.name, m->name) == 0)
            add_addresses(interface, out);
    }
}

static struct text *part_of(struct snap *s, enum config_reason reason)
{
    return &s->parts[__builtin_ctz(reason)];
}

static void add_entry(const struct grammar *g, const struct config *c,
                      const struct config_crypto_map_entry *e, const struct text *local, struct snap *s)
{
    const struct config_access_list *list =
        e->access_list.name != NULL ? config_find_access_list(c, e->access_list.name) : NULL;
    char route[ADDRESS_TEXT];
    const struct config_reverse_route *r = &e->reverse_route;
    text_add(part_of(s, CONFIG_REASON_SELECTORS), e->access_list.name != NULL ? "" : "none");
    if (list != NULL)
        add_list(list, part_of(s, CONFIG_REASON_SELECTORS));
    for (uint32_t i = 0; i < e->peers.count; i++) {
        const struct config_map_peer *p = &e->peers.items[i];
        char text[ADDRESS_TEXT];
        text_printf(part_of(s, CONFIG_REASON_PEERS), "%s %d\n",
                    p->hostname != NULL ? p->hostname : address_print(&p->address, text), p->is_default);
        const struct config_isakmp_key *key =
            p->hostname != NULL ? config_find_key_hostname(c, p->hostname) : config_find_key(c, &p->address);
        const struct config_isakmp_peer *profile = config_find_isakmp_peer(c, &p->address, p->hostname);
        if (key != NULL)
            add_key(key, part_of(s, CONFIG_REASON_KEY));
        if (profile != NULL)
            write_object(g, c, CONFIG_MODE_ISAKMP_PEER, profile, part_of(s, CONFIG_REASON_KEY));
    }
    text_printf(part_of(s, CONFIG_REASON_TRANSFORM), "pfs %u\n", e->pfs_group);
    for (uint32_t i = 0; i < e->transform_sets.count; i++) {
        const struct config_transform_set *t = config_find_transform_set(c, e->transform_sets.items[i].name);
        if (t != NULL)
            add_transform(t, part_of(s, CONFIG_REASON_TRANSFORM));
    }
    text_printf(part_of(s, CONFIG_REASON_LIFETIME), "%u %u %u",
                e->lifetime_seconds > 0 ? e->lifetime_seconds : c->lifetime_seconds,
                e->lifetime_kilobytes > 0 ? e->lifetime_kilobytes : c->lifetime_kilobytes,
                e->idle_time > 0 ? e->idle_time : c->idle_time);
    if (r->enabled)
        text_printf(part_of(s, CONFIG_REASON_ROUTES), "%d %d %u %u %s\n", r->is_static, r->gateway,
                    r->distance, r->tag,
                    address_is_set(&r->remote_peer) ? address_print(&r->remote_peer, route) : "");
    text_add(part_of(s, CONFIG_REASON_LOCAL_ADDRESS), text_get(local));
    text_add(part_of(s, CONFIG_REASON_DESCRIPTION), e->description != NULL ? e->description : "");
}

/* The entry itself, or those of the dynamic map that it stands for. */
static void add_entries(const struct grammar *g, const struct config *c,
                        const struct config_crypto_map_entry *e, const struct text *local, struct snap *s)
{
    if (e->dynamic.name == NULL) {
        add_entry(g, c, e, local, s);
        return;
    }
    const struct config_crypto_map *map = config_find_dynamic_map(c, e->dynamic.name);
    text_printf(part_of(s, CONFIG_REASON_PEERS), "dynamic %s\n", e->dynamic.name);
    for (uint32_t i = 0; map != NULL && i < map->entries.count; i++) {
        text_printf(part_of(s, CONFIG_REASON_SELECTORS), "entry %u\n", map->entries.items[i].sequence);
        add_entry(g, c, &map->entries.items[i], local, s);
    }
}

static void snap_maps(const struct grammar *g, const struct config *c, struct snaps *s)
{
    for (uint32_t i = 0; i < c->crypto_maps.count; i++) {
        const struct config_crypto_map *m = &c->crypto_maps.items[i];
        struct text local;
        uint32_t inbound, outbound;
        config_map_replay(m, &inbound, &outbound);
        text_init(&local);
        add_local(c, m, &local);
        s->failed |= local.failed;
        struct snap *snap = snap_add(s, CONFIG_KIND_CRYPTO_MAP, m->name, 0);
        if (snap != NULL)
            text_printf(&snap->parts[0], "%s%u %u", text_get(&local), inbound, outbound);
        for (uint32_t j = 0; j < m->entries.count; j++) {
            snap = snap_add(s, CONFIG_KIND_CRYPTO_MAP_ENTRY, m->name, m->entries.items[j].sequence);
            if (snap != NULL)
                add_entries(g, c, &m->entries.items[j], &local, snap);
        }
        text_done(&local);
    }
}

/* ---- Comparing
 * --------------------------------------------------------------------------------------------------- */

static int snap_order(const struct snap *a, const struct snap *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = strcmp(a->name, b->name);
    if (order == 0 && a->number != b->number)
        order = a->number < b->number ? -1 : 1;
    return order;
}

static int snap_compare(const void *a, const void *b)
{
    return snap_order(*(struct snap *const *)a, *(struct snap *const *)b);
}

static int snaps_take(const struct grammar *g, const struct config *c, struct snaps *s)
{
    snap_globals(c, s);
    snap_phase1(g, c, s);
    snap_objects(g, c, s);
    snap_ssp(g, c, s);
    snap_maps(g, c, s);
    for (uint32_t i = 0; i < s->list.count; i++)
        for (int part = 0; part < PARTS; part++)
            s->failed |= s->list.items[i]->parts[part].failed;
    if (s->failed)
        return -ENOMEM;
    qsort(s->list.items, s->list.count, sizeof(*s->list.items), snap_compare);
    return 0;
}

static uint8_t differences(const struct snap *a, const struct snap *b)
{
    uint8_t reasons = 0;
    for (int i = 0; i < PARTS; i++)
        if (strcmp(text_get(&a->parts[i]), text_get(&b->parts[i])) != 0)
            reasons |= 1 << i;
    return reasons;
}

static int add_change(struct config_plan *p, const struct snap *s, enum config_change_type type,
                      uint8_t reasons)
{
    char *name = s->name[0] != 0 ? strdup(s->name) : NULL;
    struct config_change *change = s->name[0] == 0 || name != NULL ? array_add(&p->changes) : NULL;
    if (change == NULL) {
        free(name);
        return -ENOMEM;
    }
    *change = (struct config_change){.kind = s->kind,
                                     .type = type,
                                     .reasons = s->kind == CONFIG_KIND_CRYPTO_MAP_ENTRY ? reasons : 0,
                                     .number = s->number,
                                     .name = name};
    return 0;
}

static int merge(const struct snaps *before, const struct snaps *after, struct config_plan *ret)
{
    uint32_t i = 0, j = 0;
    int r = 0;
    while (r == 0 && (i < before->list.count || j < after->list.count)) {
        const struct snap *b = i < before->list.count ? before->list.items[i] : NULL;
        const struct snap *a = j < after->list.count ? after->list.items[j] : NULL;
        int order = b == NULL ? 1 : a == NULL ? -1 : snap_order(b, a);
        if (order < 0) {
            r = add_change(ret, b, CONFIG_REMOVED, 0);
        } else if (order > 0) {
            r = add_change(ret, a, CONFIG_ADDED, 0);
        } else {
            uint8_t reasons = differences(b, a);
            r = reasons != 0 ? add_change(ret, a, CONFIG_CHANGED, reasons) : 0;
        }
        i += order <= 0;
        j += order >= 0;
    }
    return r;
}

static int change_order(const void *pa, const void *pb)
{
    const struct config_change *a = pa, *b = pb;
    bool removed_a = a->type == CONFIG_REMOVED, removed_b = b->type == CONFIG_REMOVED;
    if (removed_a != removed_b)
        return removed_a ? -1 : 1;
    if (a->kind != b->kind)
        return (a->kind < b->kind) != removed_a ? -1 : 1;
    int order = strcmp(a->name != NULL ? a->name : "", b->name != NULL ? b->name : "");
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

int config_plan_make(const struct grammar *g, const struct config *before, const struct config *after,
                     struct config_plan *ret)
{
    struct snaps old = {0}, new = {0};
    *ret = (struct config_plan){0};
    int r = snaps_take(g, before, &old);
    if (r == 0)
        r = snaps_take(g, after, &new);
    if (r == 0)
        r = merge(&old, &new, ret);
    if (r == 0 && ret->changes.count > 1)
        qsort(ret->changes.items, ret->changes.count, sizeof(*ret->changes.items), change_order);
    snaps_done(&old);
    snaps_done(&new);
    if (r < 0)
        config_plan_done(ret);
    return r;
}

void config_plan_done(struct config_plan *p)
{
    for (uint32_t i = 0; i < p->changes.count; i++)
        free(p->changes.items[i].name);
    array_free(&p->changes);
}

const struct config_change *config_plan_find(const struct config_plan *p, enum config_kind kind,
                                             const char *name, uint32_t number)
{
    for (uint32_t i = 0; i < p->changes.count; i++) {
        const struct config_change *c = &p->changes.items[i];
        if (c->kind == kind && c->number == number &&
            strcmp(c->name != NULL ? c->name : "", name != NULL ? name : "") == 0)
            return c;
    }
    return NULL;
}

void config_plan_print(const struct config_plan *p, struct text *out)
{
    static const char *const types[] = {"added", "removed", "changed"};
    static const char *const kinds[] = {"hostname",   "isakmp",      "ipsec",         "isakmp policy",
                                        "isakmp key", "isakmp peer", "transform set", "access list",
                                        "track",      "ssp group",   "interface",     "router",
                                        "route",      "ip sla",      "crypto map",    "crypto map entry"};
    static const char *const reasons[] = {"selectors",     "peers", "transform",   "lifetime",
                                          "local address", "key",   "description", "routes"};
    for (uint32_t i = 0; i < p->changes.count; i++) {
        const struct config_change *c = &p->changes.items[i];
        text_printf(out, "%s %s%s%s", types[c->type], kinds[c->kind], c->name != NULL ? " " : "",
                    c->name != NULL ? c->name : "");
        if (c->number > 0)
            text_printf(out, " %u", c->number);
        const char *joint = " (";
        for (int bit = 0; bit < PARTS; bit++)
            if (c->reasons >> bit & 1) {
                text_printf(out, "%s%s", joint, reasons[bit]);
                joint = ", ";
            }
        text_add(out, c->reasons != 0 ? ")\n" : "\n");
    }
}
