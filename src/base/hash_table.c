/* SPDX-License-Identifier: Apache-2.0 */
/* The intrusive hash table and its keyed mixing function. Room for every bucket is set aside at init, from a
 * configured limit, and adding and removing never allocates; but only as many buckets are used as there are
 * entries (linear hashing: one bucket is split in two with an addition), so that memory is touched as the
 * table fills and no single addition takes long. Always holds: a link is in the bucket that its stored hash
 * names; links of one hash keep their order. */
#include "base/hash_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { BUCKETS_MIN_SHIFT = 4, BUCKETS_MAX_SHIFT = 30 };

int hash_table_init(struct hash_table *t, uint32_t expected)
{
    unsigned shift = BUCKETS_MIN_SHIFT;
    while (shift < BUCKETS_MAX_SHIFT && (UINT32_C(1) << shift) < expected)
        shift++;
    struct hash_link **buckets = calloc((size_t)1 << shift, sizeof(struct hash_link *));
    if (!buckets)
        return -ENOMEM;
    *t = (struct hash_table){.buckets = buckets,
                             .mask = (UINT32_C(1) << BUCKETS_MIN_SHIFT) - 1,
                             .mask_max = (UINT32_C(1) << shift) - 1};
    return 0;
}

void hash_table_done(struct hash_table *t)
{
    free(t->buckets);
    *t = (struct hash_table){0};
}

/* Buckets below `split` were split already: one more bit of the hash counts there. */
static struct hash_link **bucket_of(const struct hash_table *t, uint32_t hash)
{
    uint32_t i = hash & t->mask;
    return &t->buckets[i < t->split ? hash & (2 * t->mask + 1) : i];
}

/* Divides the next bucket between itself and its twin in the upper half, which is empty. */
static void split_one(struct hash_table *t)
{
    uint32_t bit = t->mask + 1;
    struct hash_link **at = &t->buckets[t->split], **twin = &t->buckets[t->split + bit];
    while (*at) {
        struct hash_link *l = *at;
        if (!(l->hash & bit)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        *twin = l;
        twin = &l->next;
    }
    *twin = NULL;
    if (++t->split == bit) {
        t->split = 0;
        t->mask = 2 * t->mask + 1;
    }
}

void hash_table_add(struct hash_table *t, struct hash_link *l, uint32_t hash)
{
    if (t->count > t->mask + t->split && t->mask < t->mask_max)
        split_one(t);
    struct hash_link **bucket = bucket_of(t, hash);
    l->hash = hash;
    l->next = *bucket;
    *bucket = l;
    t->count++;
}

void hash_table_remove(struct hash_table *t, struct hash_link *l)
{
    struct hash_link **at = bucket_of(t, l->hash);
    while (*at != l) {
        assert(*at); /* the caller removes what it added */
        at = &(*at)->next;
    }
    *at = l->next;
    l->next = NULL;
    t->count--;
}

static struct hash_link *hash_link_match(struct hash_link *l, uint32_t hash)
{
    while (l && l->hash != hash)
        l = l->next;
    return l;
}

struct hash_link *hash_table_first(const struct hash_table *t, uint32_t hash)
{
    return t->buckets ? hash_link_match(*bucket_of(t, hash), hash) : NULL;
}

struct hash_link *hash_link_next(const struct hash_link *l, uint32_t hash)
{
    return hash_link_match(l->next, hash);
}

/* Both halves of a 64x64 product, folded: one multiplication spreads every input bit over the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
    static const uint64_t k0 = 0x9e3779b97f4a7c15, k1 = 0xc2b2ae3d27d4eb4f, k2 = 0x165667b19e3779f9;
    const uint8_t *p = data;
    /* The length goes in first: "a" and "a\0" differ. */
    uint64_t h = mix(seed ^ k0, (uint64_t)len + k1);
    size_t left = len;
    for (; left >= 8; p += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = mix(h ^ word ^ k2, k0 ^ seed) + h;
    }
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, p, left);
        h = mix(h ^ word ^ k1, k0 ^ seed) + h;
    }
    h = mix(h ^ k2, k1);
    return (uint32_t)(h ^ h >> 32);
}
