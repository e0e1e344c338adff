/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `crypto dynamic-map ...`: what is asked of peers that are not known beforehand. Its entries
 * have the sub-mode of a crypto map's entry; they take the place of the crypto map entry that names the map
 * (`crypto map M 10 ipsec-isakmp dynamic D`). The text has dynamic maps before the crypto maps that use
 * them. */
#include <errno.h>
#include <stdlib.h>

#include "config/session.h"

#define DYNAMIC_MAP "Encryption and IPsec\nA dynamic map\nName of the dynamic map\n"

static int remove_entry(struct grammar_call *call, const struct grammar_value *name,
                        const struct grammar_value *number)
{
    struct config *c = config_of(call);
    uint32_t at, entry_at;
    struct config_crypto_map *map = array_find(&c->dynamic_maps, name->text, compare_crypto_map, &at);
    if (map == NULL)
        return session_error(call, name, "there is no dynamic map '%s'", name->text);
    if (number != NULL) {
        uint32_t sequence = (uint32_t)number->number;
        struct config_crypto_map_entry *entry =
            array_find(&map->entries, &sequence, compare_crypto_map_entry, &entry_at);
        if (entry == NULL)
            return session_error(call, number, "dynamic map '%s' has no entry %u", name->text, sequence);
        config_entry_done(entry);
        array_remove(&map->entries, entry_at);
        if (map->entries.count > 0)
            return 0;
    }
    config_map_done(map);
    array_remove(&c->dynamic_maps, at);
    return 0;
}

static struct config_crypto_map *map_make(struct grammar_call *call, const struct grammar_value *name,
                                          uint32_t at)
{
    char *copy = strdup(name->text);
    struct config_crypto_map *map = copy != NULL ? array_insert(&config_of(call)->dynamic_maps, at) : NULL;
    if (map == NULL) {
        free(copy);
        return NULL;
    }
    map->name = copy;
    map->place = session_place(call, NULL);
    return map;
}

static int apply_entry(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "map-name"), *number = grammar_arg(call, "sequence");
    uint32_t at, entry_at;
    if (call_negative(call))
        return remove_entry(call, name, number);
    struct config_crypto_map *map = array_find(&c->dynamic_maps, name->text, compare_crypto_map, &at);
    bool fresh = map == NULL;
    if (fresh && c->dynamic_maps.count >= CONFIG_MAX_CRYPTO_MAPS)
        return session_limit(call, CONFIG_MAX_CRYPTO_MAPS, "dynamic maps");
    if (fresh)
        map = map_make(call, name, at);
    if (map == NULL)
        return -ENOMEM;
    uint32_t sequence = (uint32_t)number->number;
    if (array_find(&map->entries, &sequence, compare_crypto_map_entry, &entry_at) == NULL) {
        struct config_crypto_map_entry *entry = array_insert(&map->entries, entry_at);
        if (entry == NULL) {
            if (fresh) {
                config_map_done(map);
                array_remove(&c->dynamic_maps, at);
            }
            return -ENOMEM;
        }
        entry->sequence = (uint16_t)sequence;
        entry->place = session_place(call, NULL);
    }
    session_of(call)->index = at;
    session_of(call)->entry_index = entry_at;
    session_of(call)->dynamic_map = true;
    return 0;
}

static void write_maps(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->dynamic_maps.count; i++) {
        const struct config_crypto_map *map = &c->dynamic_maps.items[i];
        for (uint32_t j = 0; j < map->entries.count; j++) {
            writer_line(w, "crypto dynamic-map %s %u", map->name, map->entries.items[j].sequence);
            writer_mode(w, CONFIG_MODE_CRYPTO_MAP, c, &map->entries.items[j]);
        }
        writer_separator(w);
    }
}

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 3,
     .grammar = "crypto dynamic-map NAME:map-name <1-65535>:sequence",
     .help = DYNAMIC_MAP "Number of the entry; the lowest is looked at first\n",
     .about =
         "What peers that are not known beforehand may ask for. A transform set is needed; `set peer` and "
         "`match address` restrict who may come and for what.",
     .apply = apply_entry,
     .write = write_maps},
};

const struct command_table table_dynamic_map = {commands, ARRAY_SIZE(commands)};
