/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of equal objects. Memory is taken from the system a chunk at a time and goes back only in pool_done;
 * carving is strictly in order, so `made % per_chunk` says how much of the newest chunk is used. Always
 * holds: taken <= made <= limit; an object on the free list is zero except for its link. */
#include "base/pool.h"

#include <assert.h>
#include <stdlib.h>

enum { ALIGN = 16, CHUNK_TARGET = 64 * 1024 };

struct pool_chunk {
    struct pool_chunk *next;
    size_t unused; /* keeps the objects aligned to 16 */
    uint8_t objects[];
};
_Static_assert(offsetof(struct pool_chunk, objects) % ALIGN == 0, "objects are aligned");

void pool_init(struct pool *p, size_t object_size, uint32_t limit)
{
    assert(object_size > 0 && object_size <= UINT32_MAX - ALIGN);
    uint32_t size = (uint32_t)(object_size + ALIGN - 1) / ALIGN * ALIGN;
    uint32_t per_chunk = MAX(CHUNK_TARGET / size, 1u);
    *p = (struct pool){.size = size, .per_chunk = MIN(per_chunk, MAX(limit, 1u)), .limit = limit};
}

void pool_done(struct pool *p)
{
    struct pool_chunk *next;
    for (struct pool_chunk *chunk = p->chunks; chunk; chunk = next) {
        next = chunk->next;
        wipe(chunk->objects, (size_t)p->size * p->per_chunk);
        free(chunk);
    }
    p->free = p->chunks = NULL;
    p->made = p->taken = 0;
}

static void *pool_carve(struct pool *p)
{
    if (p->made >= p->limit)
        return NULL;
    uint32_t used = p->made % p->per_chunk;
    if (used == 0) {
        struct pool_chunk *chunk = calloc(1, sizeof(*chunk) + (size_t)p->size * p->per_chunk);
        if (!chunk)
            return NULL;
        chunk->next = p->chunks;
        p->chunks = chunk;
    }
    p->made++;
    return ((struct pool_chunk *)p->chunks)->objects + (size_t)used * p->size;
}

void *pool_take(struct pool *p)
{
    void *object = p->free;
    if (object) {
        memcpy(&p->free, object, sizeof(void *));
        memset(object, 0, sizeof(void *));
    } else {
        object = pool_carve(p);
    }
    if (object)
        p->taken++;
    return object;
}

void pool_put(struct pool *p, void *object)
{
    assert(object && p->taken > 0);
    wipe(object, p->size);
    memcpy(object, &p->free, sizeof(void *));
    p->free = object;
    p->taken--;
}
