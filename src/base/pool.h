/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of equal objects with a hard limit: memory comes in chunks as it is first needed and is never more
 * than the limit, so a flood costs bounded memory and a small gateway costs little. Objects are zeroed when
 * taken and wiped when put back. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/bytes.h"

struct pool {
    void *free;    /* singly linked through the objects */
    void *chunks;  /* singly linked */
    uint32_t size; /* of an object, rounded up to 16 */
    uint32_t per_chunk;
    uint32_t limit;
    uint32_t made;  /* objects carved so far */
    uint32_t taken; /* objects in use */
};

void pool_init(struct pool *p, size_t object_size, uint32_t limit);
void pool_done(struct pool *p);
/* NULL when the limit is reached or memory is short. */
void *pool_take(struct pool *p);
void pool_put(struct pool *p, void *object);

#endif
