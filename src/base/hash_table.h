/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive chained hash table with a fixed number of buckets, sized from a configured limit at start. The
 * caller computes hashes (keyed with a random `seed` where the key comes from the network) and compares keys
 * itself:
 *
 *     for (struct hash_link *l = hash_table_first(&t, h); l; l = hash_link_next(l, h)) ...
 */
#ifndef BASE_HASH_TABLE_H
#define BASE_HASH_TABLE_H

#include "base/bytes.h"

struct hash_link {
    struct hash_link *next;
    uint32_t hash;
};

struct hash_table {
    struct hash_link **buckets;
    uint32_t mask, mask_max; /* in use now, and of all buckets that there are */
    uint32_t split;          /* the next bucket to be divided */
    uint32_t count;
};

/* Room for about `expected` entries (rounded up to a power of two); only what entries need is touched.
 * -ENOMEM. */
int hash_table_init(struct hash_table *t, uint32_t expected) must_check;
void hash_table_done(struct hash_table *t); /* entries belong to the caller */
void hash_table_add(struct hash_table *t, struct hash_link *l, uint32_t hash);
void hash_table_remove(struct hash_table *t, struct hash_link *l);
struct hash_link *hash_table_first(const struct hash_table *t, uint32_t hash);
struct hash_link *hash_link_next(const struct hash_link *l, uint32_t hash);

/* How many of t->buckets are in use: for walks over everything. */
static inline uint32_t hash_table_buckets(const struct hash_table *t)
{
    return t->mask + 1 + t->split;
}

/* Keyed mixing of arbitrary bytes (not cryptographic; good against accidental and blind clustering). */
uint32_t hash_bytes(const void *data, size_t len, uint64_t seed);

#endif
