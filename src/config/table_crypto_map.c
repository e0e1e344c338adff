/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `crypto map ...`: which traffic is protected, how, and by which peers. RFC 4301 §4.4 is
 * behind it: an entry is a policy, its access list the selectors, its peers the tunnel's far ends in order of
 * preference. A map exists as long as it has an entry or a local-address. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/session.h"

#define CRYPTO "Encryption and IPsec\n"
#define MAP    CRYPTO "A crypto map\nName of the map\n"

/* The map of that name, made if it is new. */
static struct config_crypto_map *map_make(struct grammar_call *call, const struct grammar_value *name,
                                          uint32_t *ret_at)
{
    struct config *c = config_of(call);
    struct config_crypto_map *map = array_find(&c->crypto_maps, name->text, compare_crypto_map, ret_at);
    if (map != NULL)
        return map;
    char *copy = strdup(name->text);
    if (copy == NULL)
        return NULL;
    map = array_insert(&c->crypto_maps, *ret_at);
    if (map == NULL) {
        free(copy);
        return NULL;
    }
    map->name = copy;
    map->place = session_place(call, NULL);
    return map;
}

/* A map without entries and attributes is none. */
static void map_drop_if_empty(struct config *c, uint32_t at)
{
    struct config_crypto_map *map = &c->crypto_maps.items[at];
    if (map->entries.count > 0 || map->local_address.name != NULL || map->replay_inbound > 0 ||
        map->replay_outbound > 0)
        return;
    config_map_done(map);
    array_remove(&c->crypto_maps, at);
}

static int remove_entry(struct grammar_call *call, const struct grammar_value *name,
                        const struct grammar_value *number)
{
    struct config *c = config_of(call);
    uint32_t at, entry_at;
    struct config_crypto_map *map = array_find(&c->crypto_maps, name->text, compare_crypto_map, &at);
    if (map == NULL)
        return session_error(call, name, "there is no crypto map '%s'", name->text);
    if (number == NULL) {
        config_map_done(map);
        array_remove(&c->crypto_maps, at);
        return 0;
    }
    uint32_t sequence = (uint32_t)number->number;
    struct config_crypto_map_entry *entry =
        array_find(&map->entries, &sequence, compare_crypto_map_entry, &entry_at);
    if (entry == NULL)
        return session_error(call, number, "crypto map '%s' has no entry %u", name->text, sequence);
    config_entry_done(entry);
    array_remove(&map->entries, entry_at);
    map_drop_if_empty(c, at);
    return 0;
}

/* The entry with that number, made if it is new; -ENOMEM. */
static int entry_make(struct grammar_call *call, const struct grammar_value *name, uint32_t sequence,
                      uint32_t *ret_at, uint32_t *ret_entry_at)
{
    struct config_crypto_map *map = map_make(call, name, ret_at);
    if (map == NULL)
        return -ENOMEM;
    if (array_find(&map->entries, &sequence, compare_crypto_map_entry, ret_entry_at) != NULL)
        return 0;
    struct config_crypto_map_entry *entry = array_insert(&map->entries, *ret_entry_at);
    if (entry == NULL) {
        map_drop_if_empty(config_of(call), *ret_at);
        return -ENOMEM;
    }
    entry->sequence = (uint16_t)sequence;
    entry->place = session_place(call, NULL);
    return 0;
}

/* `crypto map M 10 ipsec-isakmp dynamic D`: stays in the mode where it was typed. */
static int apply_dynamic_entry(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "map-name"), *number = grammar_arg(call, "sequence");
    if (call_negative(call))
        return remove_entry(call, name, number);
    struct config_crypto_map *map = config_find_crypto_map(c, name->text);
    uint32_t sequence = (uint32_t)number->number, at, entry_at;
    if (map == NULL && c->crypto_maps.count >= CONFIG_MAX_CRYPTO_MAPS)
        return session_limit(call, CONFIG_MAX_CRYPTO_MAPS, "crypto maps");
    struct config_crypto_map_entry *old = map != NULL ? config_find_crypto_map_entry(map, sequence) : NULL;
    if (old != NULL && old->dynamic.name == NULL)
        return session_error(call, number,
                             "entry %u of crypto map '%s' is not a dynamic one: remove it first", sequence,
                             name->text);
    int r = entry_make(call, name, sequence, &at, &entry_at);
    if (r == 0)
        r = reference_set(&c->crypto_maps.items[at].entries.items[entry_at].dynamic, call,
                          grammar_arg(call, "dynamic-name"));
    return r;
}

static int apply_entry(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "map-name"), *number = grammar_arg(call, "sequence");
    if (call_negative(call))
        return remove_entry(call, name, number);
    struct config_crypto_map *map = config_find_crypto_map(c, name->text);
    uint32_t sequence = (uint32_t)number->number, at, entry_at;
    if (map == NULL && c->crypto_maps.count >= CONFIG_MAX_CRYPTO_MAPS)
        return session_limit(call, CONFIG_MAX_CRYPTO_MAPS, "crypto maps");
    if (!grammar_has(call, "ipsec-isakmp") &&
        (map == NULL || config_find_crypto_map_entry(map, sequence) == NULL))
        return session_error(call, number,
                             "crypto map '%s' has no entry %u: 'ipsec-isakmp' behind it makes a new one",
                             name->text, sequence);
    struct config_crypto_map_entry *old = map != NULL ? config_find_crypto_map_entry(map, sequence) : NULL;
    if (old != NULL && old->dynamic.name != NULL)
        return session_error(call, number, "entry %u of crypto map '%s' is dynamic map '%s'", sequence,
                             name->text, old->dynamic.name);
    int r = entry_make(call, name, sequence, &at, &entry_at);
    if (r < 0)
        return r;
    session_of(call)->dynamic_map = false;
    session_of(call)->index = at;
    session_of(call)->entry_index = entry_at;
    return 0;
}

static int apply_local_address(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "map-name"),
                               *interface = grammar_arg(call, "interface");
    struct config_crypto_map *map = config_find_crypto_map(c, name->text);
    uint32_t at;
    if (map == NULL && call_negative(call))
        return session_error(call, name, "there is no crypto map '%s'", name->text);
    if (map == NULL && c->crypto_maps.count >= CONFIG_MAX_CRYPTO_MAPS)
        return session_limit(call, CONFIG_MAX_CRYPTO_MAPS, "crypto maps");
    map = map_make(call, name, &at);
    if (map == NULL)
        return -ENOMEM;
    int r = 0;
    if (call_negative(call))
        reference_clear(&map->local_address);
    else
        r = reference_set(&map->local_address, call, interface);
    map_drop_if_empty(c, at);
    return r;
}

/* `ha` and `redundancy` are one: the last line has it. */
static int apply_replay(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "map-name");
    struct config_crypto_map *map = config_find_crypto_map(c, name->text);
    uint32_t at;
    if (map == NULL && call_negative(call))
        return session_error(call, name, "there is no crypto map '%s'", name->text);
    if (map == NULL && c->crypto_maps.count >= CONFIG_MAX_CRYPTO_MAPS)
        return session_limit(call, CONFIG_MAX_CRYPTO_MAPS, "crypto maps");
    map = map_make(call, name, &at);
    if (map == NULL)
        return -ENOMEM;
    map->replay_inbound = call_negative(call) ? 0 : (uint32_t)grammar_number(call, "inbound", 0);
    map->replay_outbound = call_negative(call) ? 0 : (uint32_t)grammar_number(call, "outbound", 0);
    map->replay_redundancy = !call_negative(call) && grammar_has(call, "redundancy");
    map->replay_place = session_place(call, NULL);
    map_drop_if_empty(c, at);
    return 0;
}

static void write_replay(struct config_writer *w, const struct config_crypto_map *map)
{
    char inbound[24] = "", outbound[24] = "";
    if (map->replay_inbound == 0 && map->replay_outbound == 0)
        return;
    if (map->replay_inbound > 0)
        snprintf(inbound, sizeof(inbound), " inbound %u", map->replay_inbound);
    if (map->replay_outbound > 0)
        snprintf(outbound, sizeof(outbound), " outbound %u", map->replay_outbound);
    writer_line(w, "crypto map %s %s replay-interval%s%s", map->name,
                map->replay_redundancy ? "redundancy" : "ha", inbound, outbound);
}

static void write_maps(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->crypto_maps.count; i++) {
        const struct config_crypto_map *map = &c->crypto_maps.items[i];
        if (map->local_address.name != NULL)
            writer_line(w, "crypto map %s local-address %s", map->name, map->local_address.name);
        write_replay(w, map);
        for (uint32_t j = 0; j < map->entries.count; j++) {
            const struct config_crypto_map_entry *e = &map->entries.items[j];
            writer_line(w, "crypto map %s %u ipsec-isakmp%s%s", map->name, e->sequence,
                        e->dynamic.name != NULL ? " dynamic " : "",
                        e->dynamic.name != NULL ? e->dynamic.name : "");
            if (e->dynamic.name == NULL)
                writer_mode(w, CONFIG_MODE_CRYPTO_MAP, c, e);
        }
        writer_separator(w);
    }
}

/* ---- Inside an entry
 * --------------------------------------------------------------------------------------------- */

static int apply_description(struct grammar_call *call)
{
    const struct grammar_value *line = grammar_arg(call, "line");
    if (!call_negative(call) && strlen(line->text) > CONFIG_MAX_DESCRIPTION)
        return session_error(call, line, "a description has at most %d characters", CONFIG_MAX_DESCRIPTION);
    return string_set(&session_entry(call)->description, call_negative(call) ? NULL : line->text);
}

static void write_description(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_crypto_map_entry *e = object;
    (void)c;
    if (e->description != NULL)
        writer_line(w, "description %s", e->description);
}

static bool peer_is(const struct config_map_peer *p, const struct grammar_value *v)
{
    if (p->hostname != NULL)
        return strcmp(p->hostname, v->text) == 0;
    return address_is_set(&v->address) && address_equal(&p->address, &v->address);
}

static void peer_remove(struct config_crypto_map_entry *e, uint32_t at)
{
    free(e->peers.items[at].hostname);
    array_remove(&e->peers, at);
}

static int apply_peer(struct grammar_call *call)
{
    struct config_crypto_map_entry *e = session_entry(call);
    const struct grammar_value *who = grammar_arg(call, "who");
    uint32_t at = 0;
    while (at < e->peers.count && who != NULL && !peer_is(&e->peers.items[at], who))
        at++;
    if (call_negative(call)) {
        if (who != NULL && at == e->peers.count)
            return session_error(call, who, "'%s' is not a peer of this entry", who->text);
        while (e->peers.count > 0 && who == NULL)
            peer_remove(e, e->peers.count - 1);
        if (who != NULL)
            peer_remove(e, at);
        return 0;
    }
    if (address_is_set(&who->address) &&
        (address_is_any(&who->address) || address_is_multicast(&who->address)))
        return session_error(call, who, "%s cannot be the address of a peer", who->text);
    bool is_default = grammar_has(call, "default");
    if (at == e->peers.count) {
        if (e->peers.count >= CONFIG_MAX_PEERS)
            return session_limit(call, CONFIG_MAX_PEERS, "peers of one crypto map entry");
        char *hostname = address_is_set(&who->address) ? NULL : strdup(who->text);
        if (!address_is_set(&who->address) && hostname == NULL)
            return -ENOMEM;
        struct config_map_peer *peer = array_add(&e->peers);
        if (peer == NULL) {
            free(hostname);
            return -ENOMEM;
        }
        *peer = (struct config_map_peer){
            .address = who->address, .hostname = hostname, .place = session_place(call, who)};
    }
    for (uint32_t i = 0; i < e->peers.count && is_default; i++)
        e->peers.items[i].is_default = false;
    e->peers.items[at].is_default = is_default;
    return 0;
}

static void write_peers(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_crypto_map_entry *e = object;
    (void)c;
    for (uint32_t i = 0; i < e->peers.count; i++) {
        const struct config_map_peer *p = &e->peers.items[i];
        char address[ADDRESS_TEXT];
        writer_line(w, "set peer %s%s",
                    p->hostname != NULL ? p->hostname : address_print(&p->address, address),
                    p->is_default ? " default" : "");
    }
}

static int apply_transform_sets(struct grammar_call *call)
{
    struct config_crypto_map_entry *e = session_entry(call);
    struct config_crypto_map_entry fresh = {0};
    int r = 0;
    for (const struct grammar_value *v = grammar_arg(call, "name");
         v != NULL && !call_negative(call) && r == 0; v = grammar_arg_after(call, "name", v)) {
        for (uint32_t i = 0; i < fresh.transform_sets.count && r == 0; i++)
            if (strcmp(fresh.transform_sets.items[i].name, v->text) == 0)
                r = session_error(call, v, "'%s' stands here twice", v->text);
        if (r == 0 && fresh.transform_sets.count >= CONFIG_MAX_ENTRY_TRANSFORM_SETS)
            r = session_error(call, v, "an entry has at most %d transform sets",
                              CONFIG_MAX_ENTRY_TRANSFORM_SETS);
        struct config_reference *reference = r == 0 ? array_add(&fresh.transform_sets) : NULL;
        if (r == 0)
            r = reference != NULL ? reference_set(reference, call, v) : -ENOMEM;
    }
    if (r == 0) {
        __typeof__(e->transform_sets) old = e->transform_sets;
        e->transform_sets = fresh.transform_sets;
        fresh.transform_sets = old;
    }
    config_entry_done(&fresh);
    return r;
}

static void write_transform_sets(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_crypto_map_entry *e = object;
    char line[CONFIG_MAX_ENTRY_TRANSFORM_SETS * (CONFIG_MAX_NAME + 1) + 1] = "";
    (void)c;
    for (uint32_t i = 0; i < e->transform_sets.count; i++) {
        strcat(line, " ");
        strcat(line, e->transform_sets.items[i].name);
    }
    if (e->transform_sets.count > 0)
        writer_line(w, "set transform-set%s", line);
}

static int apply_pfs(struct grammar_call *call)
{
    struct config_crypto_map_entry *e = session_entry(call);
    e->pfs_group = call_negative(call) ? 0 : 1;
    if (!call_negative(call) && call->count > 2)
        e->pfs_group = (uint8_t)strtoul(call->values[2].text + strlen("group"), NULL, 10);
    return 0;
}

static void write_pfs(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_crypto_map_entry *e = object;
    (void)c;
    if (e->pfs_group > 0)
        writer_line(w, "set pfs group%u", e->pfs_group);
}

static int apply_lifetime(struct grammar_call *call)
{
    struct config_crypto_map_entry *e = session_entry(call);
    if (grammar_has(call, "seconds"))
        e->lifetime_seconds = call_negative(call) ? 0 : (uint32_t)grammar_number(call, "s", 0);
    else
        e->lifetime_kilobytes = call_negative(call) ? 0 : (uint32_t)grammar_number(call, "kb", 0);
    return 0;
}

static void write_lifetime(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_crypto_map_entry *e = object;
    (void)c;
    if (e->lifetime_seconds > 0)
        writer_line(w, "set security-association lifetime seconds %u", e->lifetime_seconds);
    if (e->lifetime_kilobytes > 0)
        writer_line(w, "set security-association lifetime kilobytes %u", e->lifetime_kilobytes);
    if (e->idle_time > 0)
        writer_line(w, "set security-association idle-time %u", e->idle_time);
}

static int apply_idle_time(struct grammar_call *call)
{
    session_entry(call)->idle_time = call_negative(call) ? 0 : (uint32_t)grammar_number(call, "idle", 0);
    return 0;
}

static int apply_match(struct grammar_call *call)
{
    struct config_reference *r = &session_entry(call)->access_list;
    if (!call_negative(call))
        return reference_set(r, call, grammar_arg(call, "list"));
    reference_clear(r);
    return 0;
}

static void write_match(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_crypto_map_entry *e = object;
    (void)c;
    if (e->access_list.name != NULL)
        writer_line(w, "match address %s", e->access_list.name);
}

/* ---- Table
 * ------------------------------------------------------------------------------------------------------- */

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 4,
     .grammar = "crypto map NAME:map-name local-address INTERFACE",
     .help = MAP "The address that this gateway uses for this map\nInterface that has it\n",
     .about = "Makes every tunnel of the map end at one address, whichever interface its packets leave by.",
     .standard = "the address of the interface that carries the map",
     .apply = apply_local_address,
     .write = write_maps},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 5,
     .grammar =
         "crypto map NAME:map-name {ha|redundancy} replay-interval {inbound <1-1000000>:inbound|outbound "
         "<1-10000000>:outbound}...",
     .help =
         MAP "Stateful failover\nStateful failover, as later systems write it\nHow far the other gateway's "
             "knowledge of sequence numbers may lag behind\nOf packets that come\nPackets\nOf packets "
             "that go\nPackets\n",
     .about =
         "After a takeover at most `inbound` packets are refused, and `outbound` numbers are skipped. The "
         "inbound interval is used only as far as the traffic of the moment needs it.",
     .standard = "inbound 1000, outbound 100000",
     .apply = apply_replay},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 3,
     .grammar = "crypto map NAME:map-name <1-65535>:sequence [ipsec-isakmp]",
     .help = MAP "Number of the entry; the lowest is looked at first\nKeys come from ISAKMP\n",
     .about = "An entry protects what its access list permits, with one of its transform sets, by one of its "
              "peers.",
     .apply = apply_entry},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 255,
     .grammar = "crypto map NAME:map-name <1-65535>:sequence ipsec-isakmp dynamic NAME:dynamic-name",
     .help = MAP "Number of the entry; the lowest is looked at first\nKeys come from ISAKMP\n"
                 "Peers that are not known beforehand\nName of the dynamic map\n",
     .about =
         "Accepts peers whose address is not configured, by the entries of a dynamic map. This side never "
         "initiates. Such an entry should be the last one of its map.",
     .apply = apply_dynamic_entry},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_SKIP,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar = "crypto map NAME <1-65535> {ipsec-isakmp {dynamic NAME discover|profile LINE}|ipsec-manual}",
     .help = MAP "Number\nISAKMP\nA dynamic map\nName\nTunnel endpoint discovery\nA profile\nName\nKeys by "
                 "hand\n"},
    {.mode = CONFIG_MODE_GLOBAL,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar = "crypto map NAME {client LINE|isakmp LINE|gdoi LINE}",
     .help = MAP "Clients\nRest\nISAKMP\nRest\nGroup keys\nRest\n"},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 1,
     .grammar = "description LINE",
     .help = "A text for people\nText\n",
     .apply = apply_description,
     .write = write_description},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 2,
     .grammar = "set peer {ADDRESS:who|HOSTNAME:who} [default]",
     .help = "Set\nA peer\nAddress\nName\nThe one to come back to\n",
     .about = "Up to 40 peers; the first is tried first.",
     .apply = apply_peer,
     .write = write_peers},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 2,
     .grammar = "set transform-set NAME...",
     .help = "Set\nWhat protects the packets\nUp to 6 names, best first\n",
     .apply = apply_transform_sets,
     .write = write_transform_sets},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 2,
     .grammar = "set pfs [group1|group2|group5|group14|group15|group16|group19|group20|group21|group31]",
     .help = "Set\nA key exchange of its own for each phase 2\n768 bit modp (weak)\n1024 bit modp "
             "(weak)\n1536 bit modp "
             "(weak)\n2048 bit modp\n3072 bit modp\n4096 bit modp\n256 bit ecp\n384 bit ecp\n521 bit "
             "ecp\nCurve25519\n",
     .standard = "off; group1 where no group is given",
     .apply = apply_pfs,
     .write = write_pfs},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 4,
     .grammar = "set security-association lifetime {seconds <120-86400>:s|kilobytes <2560-4294967295>:kb}",
     .help = "Set\nSecurity associations\nHow long they live\nBy time\nSeconds\nBy traffic\nKilobytes\n",
     .standard = "the global lifetimes",
     .apply = apply_lifetime,
     .write = write_lifetime},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 3,
     .grammar = "set security-association idle-time <60-86400>:idle",
     .help = "Set\nSecurity associations\nDelete them when nothing is sent\nSeconds without traffic\n",
     .standard = "the global idle-time",
     .apply = apply_idle_time},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 2,
     .grammar = "match address NAME:list",
     .help = "What is protected\nBy access list\nName or number of an extended access list\n",
     .apply = apply_match,
     .write = write_match},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 1,
     .grammar = "{qos LINE|set {ip LINE|isakmp-profile LINE|ikev2-profile LINE|identity "
                "LINE|nat LINE|security-association level LINE}}",
     .help = "Quality of "
             "service\nRest\nSet\nIP\nRest\nProfile\nRest\nProfile\nRest\n"
             "Identity\nRest\nNAT\nRest\nSecurity associations\nLevel\nRest\n"},
};

const struct command_table table_crypto_map = {commands, ARRAY_SIZE(commands)};
