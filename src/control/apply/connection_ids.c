/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers count up and are not given again soon: what still names an old one meets nothing. */
#include "control/apply/connection_ids.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash_table.h"

struct id_entry {
    struct hash_link link;
    uint32_t id;
    uint32_t generation;    /* of the compilation that asked for it last */
    struct hash_link by_id; /* shared ones only */
    char key[];
};

struct connection_ids {
    struct connection_ids_sink sink;
    struct hash_table table, shared;
    uint32_t last, generation;
};

struct connection_ids *connection_ids_new(const struct connection_ids_sink *sink)
{
    struct connection_ids *ids = calloc(1, sizeof *ids);

    if (!ids || hash_table_init(&ids->table, 4096) != 0 || hash_table_init(&ids->shared, 4096) != 0) {
        if (ids)
            hash_table_done(&ids->table);
        free(ids);
        return NULL;
    }
    ids->sink = *sink;
    return ids;
}

void connection_ids_free(struct connection_ids *ids)
{
    if (!ids)
        return;
    for (uint32_t b = 0; b < hash_table_buckets(&ids->table); b++) {
        while (ids->table.buckets[b]) {
            struct hash_link *l = ids->table.buckets[b];
            ids->table.buckets[b] = l->next;
            free(container_of(l, struct id_entry, link));
        }
    }
    hash_table_done(&ids->table);
    hash_table_done(&ids->shared);
    free(ids);
}

static struct id_entry *entry_find(const struct connection_ids *ids, const char *key, size_t len,
                                   uint32_t hash)
{
    for (struct hash_link *l = hash_table_first(&ids->table, hash); l; l = hash_link_next(l, hash)) {
        struct id_entry *e = container_of(l, struct id_entry, link);
        if (strlen(e->key) == len && memcmp(e->key, key, len) == 0)
            return e;
    }
    return NULL;
}

static struct id_entry *entry_add(struct connection_ids *ids, const char *key, size_t len, uint32_t hash,
                                  uint32_t id)
{
    struct id_entry *e = ids->table.count < CONNECTION_IDS_MAX ? malloc(sizeof *e + len + 1) : NULL;

    if (!e)
        return NULL;
    e->id = id;
    e->generation = ids->generation;
    memcpy(e->key, key, len);
    e->key[len] = 0;
    hash_table_add(&ids->table, &e->link, hash);
    if (id >= CONNECTION_ID_SHARED)
        hash_table_add(&ids->shared, &e->by_id, hash_bytes(&id, sizeof id, 0));
    else
        ids->last = MAX(ids->last, id);
    return e;
}

bool connection_ids_restore(struct connection_ids *ids, uint32_t id, struct bytes key)
{
    uint32_t hash = hash_bytes(key.data, key.len, 0);

    if (id == 0 || key.len == 0 || key.len >= CONNECTION_KEY_MAX || memchr(key.data, 0, key.len) ||
        entry_find(ids, (const char *)key.data, key.len, hash))
        return false;
    return entry_add(ids, (const char *)key.data, key.len, hash, id) != NULL;
}

uint32_t connection_ids_get(struct connection_ids *ids, const char *scope, const char *map, uint32_t sequence)
{
    char key[CONNECTION_KEY_MAX];
    int len = snprintf(key, sizeof key, "%u %s %s", sequence, map, scope);

    if (len < 0 || (size_t)len >= sizeof key)
        return 0;
    uint32_t hash = hash_bytes(key, (size_t)len, 0);
    struct id_entry *e = entry_find(ids, key, (size_t)len, hash);
    if (!e) {
        if (ids->last >= CONNECTION_ID_SHARED - 1)
            return 0;
        e = entry_add(ids, key, (size_t)len, hash, ids->last + 1);
        if (!e)
            return 0;
        ids->sink.keep(ids->sink.context, e->id, e->key);
    }
    e->generation = ids->generation;
    return e->id;
}

static bool id_taken(const struct connection_ids *ids, uint32_t id)
{
    uint32_t hash = hash_bytes(&id, sizeof id, 0);

    for (struct hash_link *l = hash_table_first(&ids->shared, hash); l; l = hash_link_next(l, hash))
        if (container_of(l, struct id_entry, by_id)->id == id)
            return true;
    return false;
}

uint32_t connection_ids_get_shared(struct connection_ids *ids, const char *group, const char *map,
                                   uint32_t sequence)
{
    char key[CONNECTION_KEY_MAX];
    int len = snprintf(key, sizeof key, "%u %s = %s", sequence, map, group);

    if (len < 0 || (size_t)len >= sizeof key)
        return 0;
    uint32_t hash = hash_bytes(key, (size_t)len, 0);
    struct id_entry *e = entry_find(ids, key, (size_t)len, hash);
    if (!e) {
        uint32_t id = hash_bytes(key, (size_t)len, 1) | CONNECTION_ID_SHARED;
        e = id_taken(ids, id) ? NULL : entry_add(ids, key, (size_t)len, hash, id);
        if (!e)
            return 0;
        ids->sink.keep(ids->sink.context, e->id, e->key);
    }
    e->generation = ids->generation;
    return e->id;
}

void connection_ids_begin(struct connection_ids *ids)
{
    ids->generation++;
}

void connection_ids_end(struct connection_ids *ids)
{
    for (uint32_t b = 0; b < hash_table_buckets(&ids->table); b++) {
        struct hash_link **at = &ids->table.buckets[b];
        while (*at) {
            struct id_entry *e = container_of(*at, struct id_entry, link);
            if (e->generation == ids->generation) {
                at = &e->link.next;
                continue;
            }
            *at = e->link.next;
            ids->table.count--;
            if (e->id >= CONNECTION_ID_SHARED)
                hash_table_remove(&ids->shared, &e->by_id);
            ids->sink.keep(ids->sink.context, e->id, NULL);
            free(e);
        }
    }
}
