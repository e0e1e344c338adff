/* SPDX-License-Identifier: Apache-2.0 */
/* `show crypto map`, `show crypto ipsec transform-set` and `show crypto engine`. */
#include <stdio.h>

#include "control/show/flow.h"

/* ---- show crypto map ---- */

static void list_facts(struct show *s, json_t *o, const struct config *c,
                       const struct config_crypto_map_entry *e)
{
    const struct config_access_list *list =
        e->access_list.name ? config_find_access_list(c, e->access_list.name) : NULL;
    json_t *lines = json_array();
    char line[512];

    for (uint32_t i = 0; list && i < list->entries.count; i++)
        if (list->entries.items[i].action != CONFIG_ACL_REMARK)
            fact_append_text(
                s, lines, config_acl_entry_print(&list->entries.items[i], list->family, line, sizeof line));
    fact_text(s, o, "access_list", e->access_list.name);
    fact_text(s, o, "access_list_family", list && list->family == ADDRESS_V6 ? "ipv6" : "ip");
    fact_value(s, o, "access_list_lines", lines);
}

static void peer_facts(struct show *s, json_t *o, const struct config_crypto_map_entry *e)
{
    json_t *peers = json_array();
    char address[ADDRESS_TEXT];

    for (uint32_t i = 0; i < e->peers.count; i++) {
        const struct config_map_peer *p = &e->peers.items[i];
        json_t *peer = json_object();
        fact_text(s, peer, "address", p->hostname ? p->hostname : address_print(&p->address, address));
        fact_flag(s, peer, "default", p->is_default);
        fact_append(s, peers, peer);
    }
    fact_value(s, o, "peers", peers);
}

static void set_facts(struct show *s, json_t *o, const struct config_crypto_map_entry *e)
{
    json_t *sets = json_array();

    for (uint32_t i = 0; i < e->transform_sets.count; i++)
        fact_append_text(s, sets, e->transform_sets.items[i].name);
    fact_value(s, o, "transform_sets", sets);
}

static void interface_facts(struct show *s, json_t *o, const struct config *c, const char *map)
{
    json_t *names = json_array();

    for (uint32_t i = 0; i < c->interfaces.count; i++)
        if (c->interfaces.items[i].crypto_map.name &&
            strcmp(c->interfaces.items[i].crypto_map.name, map) == 0)
            fact_append_text(s, names, c->interfaces.items[i].name);
    fact_value(s, o, "interfaces", names);
}

/* The peer in use, of the first connection that is made from this entry. */
static void current_facts(struct show *s, json_t *o, const struct config_crypto_map_entry *e)
{
    const struct scopes *scopes = s->source->scopes;
    struct ike_connection_view view = {0};

    for (uint32_t i = 0; i < scopes->connection_count && !address_is_set(&view.current_peer); i++)
        if (scopes->connections[i].entry == e)
            s->source->connection(s->source->context, scopes->connections[i].id, &view);
    fact_address(s, o, "current_peer", &view.current_peer);
}

static void reverse_facts(struct show *s, json_t *o, const struct config_reverse_route *r)
{
    json_t *reverse = json_object();

    fact_flag(s, reverse, "static", r->is_static);
    fact_number(s, reverse, "distance", r->distance);
    fact_number(s, reverse, "tag", r->tag);
    fact_address(s, reverse, "remote_peer", &r->remote_peer);
    fact_value(s, o, "reverse_route", reverse);
}

/* `as`: the entry of the crypto map, which is `e` itself or stands for the dynamic map that has `e`. */
static json_t *entry_facts(struct show *s, const struct config_crypto_map *m,
                           const struct config_crypto_map_entry *as, const struct config_crypto_map_entry *e)
{
    const struct config *c = s->source->config;
    json_t *o = json_object();

    fact_text(s, o, "name", m->name);
    fact_number(s, o, "sequence", as->sequence);
    if (as->dynamic.name) {
        fact_text(s, o, "dynamic_map", as->dynamic.name);
        fact_number(s, o, "dynamic_sequence", e->sequence);
    }
    if (e->reverse_route.enabled)
        reverse_facts(s, o, &e->reverse_route);
    fact_text(s, o, "local_address_interface", m->local_address.name);
    fact_text(s, o, "description", e->description);
    peer_facts(s, o, e);
    current_facts(s, o, e);
    list_facts(s, o, c, e);
    fact_number(s, o, "lifetime_kilobytes",
                e->lifetime_kilobytes ? e->lifetime_kilobytes : c->lifetime_kilobytes);
    fact_number(s, o, "lifetime_seconds", e->lifetime_seconds ? e->lifetime_seconds : c->lifetime_seconds);
    fact_number(s, o, "idle_seconds", e->idle_time ? e->idle_time : c->idle_time);
    fact_number(s, o, "pfs_group", e->pfs_group);
    set_facts(s, o, e);
    interface_facts(s, o, c, m->name);
    return o;
}

static void entry_show(struct show *s, const struct config_crypto_map *m,
                       const struct config_crypto_map_entry *e)
{
    const struct config_crypto_map *dynamic =
        e->dynamic.name ? config_find_dynamic_map(s->source->config, e->dynamic.name) : NULL;

    if (!e->dynamic.name)
        show_item(s, entry_facts(s, m, e, e));
    for (uint32_t i = 0; dynamic && i < dynamic->entries.count && !s->failed; i++)
        show_item(s, entry_facts(s, m, e, &dynamic->entries.items[i]));
}

static void map_gather(struct show *s)
{
    const struct grammar_value *tag = grammar_arg(s->call, "tag");
    const struct config *c = s->source->config;

    for (uint32_t i = 0; i < c->crypto_maps.count; i++) {
        const struct config_crypto_map *m = &c->crypto_maps.items[i];
        for (uint32_t k = 0; k < m->entries.count && !s->failed; k++)
            if (!tag || strcmp(tag->text, m->name) == 0)
                entry_show(s, m, &m->entries.items[k]);
    }
}

static void print_interfaces(const json_t *o, struct text *out)
{
    size_t i;
    json_t *v;

    text_printf(out, "        Interfaces using crypto map %s:\n", text_at(o, "name"));
    json_array_foreach(at(o, "interfaces"), i, v)
        text_printf(out, "                %s\n", json_string_value(v));
}

/* The interfaces stand once, behind the last sequence of a map. */
static void map_end(const struct show *s, struct text *out)
{
    if (s->before)
        print_interfaces(s->before, out);
}

static void print_list(const json_t *o, struct text *out)
{
    const char *list = text_at(o, "access_list");
    bool v6 = strcmp(text_at(o, "access_list_family"), "ipv6") == 0;
    size_t i;
    json_t *v;

    if (!known_at(o, "access_list")) {
        text_add(out, "        No matching address list set.\n");
        return;
    }
    text_printf(out, v6 ? "        IPv6 access list %s\n" : "        Extended IP access list %s\n", list);
    json_array_foreach(at(o, "access_list_lines"), i, v)
        text_printf(out, "            access-list %s %s\n", list, json_string_value(v));
}

static void print_lifetime_and_sets(const json_t *o, struct text *out)
{
    unsigned long long group = number_at(o, "pfs_group");
    size_t i;
    json_t *v;

    text_printf(out, "        Security association lifetime: %llu kilobytes/%llu seconds\n",
                (unsigned long long)number_at(o, "lifetime_kilobytes"),
                (unsigned long long)number_at(o, "lifetime_seconds"));
    if (number_at(o, "idle_seconds"))
        text_printf(out, "        Security association idletime: %llu seconds\n",
                    (unsigned long long)number_at(o, "idle_seconds"));
    text_printf(out, "        PFS (Y/N): %s\n", group ? "Y" : "N");
    if (group)
        text_printf(out, "        DH group:  group%llu\n", group);
    text_add(out, "        Transform sets={\n");
    json_array_foreach(at(o, "transform_sets"), i, v)
        text_printf(out, "                %s,\n", json_string_value(v));
    text_add(out, "        }\n");
}

static void map_render(const struct show *s, const json_t *o, struct text *out)
{
    const char *name = text_at(o, "name");
    size_t i;
    json_t *v;

    if (text_changed(s, o, "name")) {
        map_end(s, out);
        if (known_at(o, "local_address_interface"))
            text_printf(out, "Crypto Map: \"%s\" idb: %s\n", name, text_at(o, "local_address_interface"));
    }
    text_printf(out, "Crypto Map \"%s\" %llu ipsec-isakmp\n", name,
                (unsigned long long)number_at(o, "sequence"));
    if (known_at(o, "dynamic_map"))
        text_printf(out, "        Dynamic map template tag: %s (entry %llu)\n", text_at(o, "dynamic_map"),
                    (unsigned long long)number_at(o, "dynamic_sequence"));
    if (known_at(o, "description"))
        text_printf(out, "        Description: %s\n", text_at(o, "description"));
    json_array_foreach(at(o, "peers"), i, v) text_printf(out, "        Peer = %s%s\n", text_at(v, "address"),
                                                         flag_at(v, "default") ? " (default)" : "");
    print_list(o, out);
    if (known_at(o, "current_peer"))
        text_printf(out, "        Current peer: %s\n", text_at(o, "current_peer"));
    else if (json_array_size(at(o, "peers")))
        text_printf(out, "        Current peer: %s\n", text_at(json_array_get(at(o, "peers"), 0), "address"));
    print_lifetime_and_sets(o, out);
    if (known_at(o, "reverse_route"))
        text_printf(out, "        Reverse Route Injection Enabled%s\n",
                    flag_at(at(o, "reverse_route"), "static") ? " (static)" : "");
}

const struct show_subject show_crypto_map = {.list = "crypto_maps",
                                             .none = "No crypto maps found.\n",
                                             .gather = map_gather,
                                             .render = map_render,
                                             .tail = map_end};

/* ---- show crypto ipsec transform-set ---- */

static json_t *transform_facts(struct show *s, const struct config_transform_set *t)
{
    json_t *o = json_object(), *transforms = json_array(), *weak = json_array();
    const char *esp = t->esp != CONFIG_ESP_NONE ? config_esp_name(t->esp) : NULL;
    const char *auth = t->esp_auth != CONFIG_ESP_AUTH_NONE ? config_esp_auth_name(t->esp_auth) : NULL;
    const char *ah = t->ah != CONFIG_AH_NONE ? config_ah_name(t->ah) : NULL;
    const char *const names[] = {ah, esp, auth};
    bool aead = t->esp >= CONFIG_ESP_GCM_128;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!names[i])
            continue;
        fact_append_text(s, transforms, names[i]);
        const char *found = weak_encryption(names[i]) ? weak_encryption(names[i]) : weak_hash(names[i]);
        if (found)
            fact_append_text(s, weak, found);
    }
    if (esp && !auth && !ah && !aead)
        fact_append_text(s, weak, "encryption without integrity");
    fact_text(s, o, "name", t->name);
    fact_value(s, o, "transforms", transforms);
    fact_text(s, o, "mode", t->transport ? "transport" : "tunnel");
    fact_value(s, o, "weak", weak);
    return o;
}

static void transform_gather(struct show *s)
{
    const struct config *c = s->source->config;

    for (uint32_t i = 0; i < c->transform_sets.count && !s->failed; i++)
        show_item(s, transform_facts(s, &c->transform_sets.items[i]));
}

static void transform_render(const struct show *s, const json_t *o, struct text *out)
{
    bool transport = strcmp(text_at(o, "mode"), "transport") == 0;
    size_t i;
    json_t *v;

    (void)s;
    text_printf(out, "Transform set %s: {", text_at(o, "name"));
    json_array_foreach(at(o, "transforms"), i, v) text_printf(out, " %s", json_string_value(v));
    text_printf(out, "  }\n   will negotiate = { %s,  },\n", transport ? "Transport" : "Tunnel");
    json_array_foreach(at(o, "weak"), i, v)
        text_printf(out, "   warning: %s is weak\n", json_string_value(v));
    text_add(out, "\n");
}

const struct show_subject show_transform_set = {.list = "transform_sets",
                                                .none = "No transform sets found.\n",
                                                .gather = transform_gather,
                                                .render = transform_render};

/* ---- show crypto engine ---- */

static json_t *engine_facts(struct show *s, const struct sad_engine *e, unsigned number)
{
    json_t *o = json_object(), *drops = json_object();
    uint64_t total = 0;

    fact_number(s, o, "engine", number);
    fact_flag(s, o, "ready", number != 0 || s->source->engine_ready);
    fact_number(s, o, "starts", atomic_load(&e->starts));
    fact_number(s, o, "bursts", e->bursts);
    fact_number(s, o, "packets_encrypted", e->packets_out);
    fact_number(s, o, "bytes_encrypted", e->bytes_out);
    fact_number(s, o, "packets_decrypted", e->packets_in);
    fact_number(s, o, "bytes_decrypted", e->bytes_in);
    fact_number(s, o, "packets_bypassed", e->packets_bypassed);
    fact_number(s, o, "icmp_sent", e->icmp_sent);
    fact_number(s, o, "fragments_sent", e->fragments_sent);
    fact_number(s, o, "fragments_reassembled", e->fragments_reassembled);
    fact_number(s, o, "segments_coalesced", e->segments_coalesced);
    fact_number(s, o, "packets_to_neighbour", e->packets_to_neighbour);
    for (unsigned i = DROP_NONE + 1; i < DROP_REASON_COUNT; i++) {
        fact_number(s, drops, drop_reason_name(i), e->drops[i]);
        total += e->drops[i];
    }
    fact_number(s, o, "packets_dropped", total);
    fact_value(s, o, "drops", drops);
    return o;
}

/* Which algorithms are in use now, each with the number of its SA pairs. */
static json_t *algorithms_facts(struct show *s)
{
    const struct sad *sad = s->source->sad;
    uint32_t used = MIN(sad->slots, atomic_load(&sad->slots_used));
    json_t *o = json_object();

    for (uint32_t i = sad_next_slot(sad, 0, used); i < used; i = sad_next_slot(sad, i + 1, used)) {
        const struct sad_pair *p = &sad->pairs[i];
        uint32_t state = atomic_load(&p->state);
        char name[PACKET_ALGORITHMS_TEXT];
        if (state != PAIR_INBOUND && state != PAIR_ACTIVE && state != PAIR_SUPERSEDED)
            continue;
        if (p->protocol == 51)
            snprintf(name, sizeof name, "%s", packet_integrity_name(p->algorithms.integrity, true));
        else
            packet_algorithms_print(&p->algorithms, name);
        fact_number(s, o, name, number_at(o, name) + 1);
    }
    return o;
}

/* The parts of a transform that are weak: its words are those of transform sets. */
static json_t *weak_facts(struct show *s, const json_t *algorithms)
{
    json_t *weak = json_array(), *count;
    const char *name;

    json_object_foreach((json_t *)algorithms, name, count)
    {
        char words[PACKET_ALGORITHMS_TEXT], *rest = words;
        snprintf(words, sizeof words, "%s", name);
        for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
            const char *found = weak_encryption(word) ? weak_encryption(word) : weak_hash(word);
            char line[160];
            if (!found)
                continue;
            snprintf(line, sizeof line, "%s is weak: in use by %lld SA pairs with %s", found,
                     (long long)json_integer_value(count), name);
            fact_append_text(s, weak, line);
        }
    }
    return weak;
}

static void engine_gather(struct show *s)
{
    json_t *o = json_object(), *engines = json_array(), *algorithms = algorithms_facts(s);

    fact_text(s, o, "name", "Holdfast software engine");
    fact_text(s, o, "processor_code", s->source->cipher_arch);
    fact_number(s, o, "sa_slots", s->source->sad->slots);
    fact_number(s, o, "messages_lost", s->source->channel_lost);
    for (unsigned i = 0; i < SAD_ENGINES_MAX; i++)
        if (i == 0 || atomic_load(&s->source->sad->engines[i].starts))
            fact_append(s, engines, engine_facts(s, &s->source->sad->engines[i], i));
    fact_value(s, o, "engines", engines);
    fact_value(s, o, "warnings", weak_facts(s, algorithms));
    fact_value(s, o, "algorithms", algorithms);
    show_item(s, o);
}

static void print_engine(const json_t *e, struct text *out)
{
    static const struct {
        const char *key, *title;
    } lines[] = {
        {"bursts", "bursts"},
        {"packets_encrypted", "packets encrypted"},
        {"bytes_encrypted", "bytes encrypted"},
        {"packets_decrypted", "packets decrypted"},
        {"bytes_decrypted", "bytes decrypted"},
        {"packets_bypassed", "packets passed in clear"},
        {"icmp_sent", "ICMP messages sent"},
        {"fragments_sent", "fragments sent"},
        {"fragments_reassembled", "fragments reassembled"},
        {"segments_coalesced", "segments coalesced"},
        {"packets_to_neighbour", "packets sent straight to a neighbour"},
        {"packets_dropped", "packets dropped"},
    };
    const char *name;
    json_t *v;

    text_printf(out, "\nEngine %llu: %s, started %llu times\n", (unsigned long long)number_at(e, "engine"),
                flag_at(e, "ready") ? "in service" : "not in service",
                (unsigned long long)number_at(e, "starts"));
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        text_printf(out, "  %20llu %s\n", (unsigned long long)number_at(e, lines[i].key), lines[i].title);
    text_add(out, "  Dropped, by reason:\n");
    json_object_foreach((json_t *)at(e, "drops"), name, v)
        text_printf(out, "  %20lld %s\n", (long long)json_integer_value(v), name);
}

static void engine_render(const struct show *s, const json_t *o, struct text *out)
{
    const char *name;
    size_t i;
    json_t *v;

    (void)s;
    text_printf(out, "crypto engine name:  %s\ncrypto engine type:  software\n", text_at(o, "name"));
    text_printf(out, "processor code:      %s\nSA pairs:            at most %llu\n",
                known_at(o, "processor_code") ? text_at(o, "processor_code") : "unknown",
                (unsigned long long)number_at(o, "sa_slots"));
    text_printf(out, "messages to engines: %llu lost\n", (unsigned long long)number_at(o, "messages_lost"));
    json_array_foreach(at(o, "engines"), i, v) print_engine(v, out);
    text_add(out, "\nAlgorithms in use:\n");
    json_object_foreach((json_t *)at(o, "algorithms"), name, v)
        text_printf(out, "  %20lld SA pairs with %s\n", (long long)json_integer_value(v), name);
    json_array_foreach(at(o, "warnings"), i, v) text_printf(out, "  warning: %s\n", json_string_value(v));
}

const struct show_subject show_crypto_engine = {.gather = engine_gather, .render = engine_render};
