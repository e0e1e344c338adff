/* SPDX-License-Identifier: Apache-2.0 */
/* See spd_index.h. An item is one line in one entry; items are numbered in the order in which policy tries
 * them, so the smallest number that matches is the first match. A deny sends the search on to the first item
 * of the next entry. */
#include "ipsec/spd_index.h"

#include "base/hash_table.h"
#include "ipsec/memory.h"

enum { KINDS_MAX = 64, ITEMS_MAX = SPD_ACES_MAX, BUCKETS = 1 << 17 };

/* What lines of one kind compare. */
struct kind {
    uint64_t source_mask[2], destination_mask[2];
    uint64_t family, has_protocol;
};

struct item {
    uint32_t entry, ace;
    uint32_t hash;
    uint32_t next; /* +1; ascending numbers */
};

struct spd_index {
    uint32_t version;
    bool plain; /* it did not fit: search the table */
    uint32_t kind_count, item_count;
    struct kind kinds[KINDS_MAX];
    uint32_t first_item[SPD_ENTRIES_MAX + 1];
    uint32_t buckets[BUCKETS]; /* +1 */
    struct item items[ITEMS_MAX];
};

struct spd_index *spd_index_new(void)
{
    return memory_new(sizeof(struct spd_index));
}

void spd_index_free(struct spd_index *x)
{
    memory_free(x);
}

static uint32_t key_hash(uint32_t kind, const struct kind *k, const uint8_t *source,
                         const uint8_t *destination, uint8_t protocol)
{
    uint64_t key[6];
    memcpy(key, source, 16);
    memcpy(key + 2, destination, 16);
    for (int i = 0; i < 2; i++) {
        key[i] &= k->source_mask[i];
        key[2 + i] &= k->destination_mask[i];
    }
    key[4] = kind;
    key[5] = k->has_protocol ? protocol : 0;
    return hash_bytes(key, sizeof(key), 4);
}

static void mask_of(uint64_t mask[2], const uint8_t *wildcard, size_t len)
{
    uint8_t bytes[16] = {0};
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)~wildcard[i];
    memcpy(mask, bytes, sizeof(bytes));
}

/* KINDS_MAX if there are too many. */
static uint32_t kind_of(struct spd_index *x, const struct spd_ace *ace)
{
    struct kind k = {.family = ace->family, .has_protocol = ace->protocol != 0};
    size_t len = ace->family == ADDRESS_V4 ? 4 : 16;
    mask_of(k.source_mask, ace->source_wildcard, len);
    mask_of(k.destination_mask, ace->destination_wildcard, len);
    for (uint32_t i = 0; i < x->kind_count; i++)
        if (memcmp(&x->kinds[i], &k, sizeof(k)) == 0)
            return i;
    if (x->kind_count == KINDS_MAX)
        return KINDS_MAX;
    x->kinds[x->kind_count] = k;
    return x->kind_count++;
}

/* Numbers the items. False if they are too many. */
static bool items_number(struct spd_index *x, const struct spd_table *t)
{
    for (uint32_t e = 0; e < t->entry_count; e++) {
        x->first_item[e] = x->item_count;
        for (uint32_t i = 0; i < t->entries[e].ace_count; i++) {
            if (x->item_count == ITEMS_MAX)
                return false;
            x->items[x->item_count++] = (struct item){.entry = e, .ace = t->entries[e].first_ace + i};
        }
    }
    x->first_item[t->entry_count] = x->item_count;
    return true;
}

static bool items_hash(struct spd_index *x, const struct spd_table *t)
{
    for (uint32_t i = x->item_count; i-- > 0;) {
        struct item *item = &x->items[i];
        const struct spd_ace *ace = &t->aces[item->ace];
        uint32_t kind = kind_of(x, ace);
        if (kind == KINDS_MAX)
            return false;
        item->hash = key_hash(kind, &x->kinds[kind], ace->source, ace->destination, ace->protocol);
        uint32_t *bucket = &x->buckets[item->hash % BUCKETS];
        item->next = *bucket;
        *bucket = i + 1;
    }
    return true;
}

void spd_index_follow(struct spd_index *x, const struct spd_table *t, uint32_t version)
{
    if (x->version == version)
        return;
    x->version = version;
    x->kind_count = x->item_count = 0;
    memset(x->buckets, 0, sizeof(x->buckets));
    x->plain = !items_number(x, t) || !items_hash(x, t);
}

/* The first item from `from` and before `end` that matches, or UINT32_MAX. */
static uint32_t item_first(const struct spd_index *x, const struct spd_table *t, const struct packet_tuple *p,
                           uint32_t from, uint32_t end)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t kind = 0; kind < x->kind_count; kind++) {
        if (x->kinds[kind].family != p->local.family)
            continue;
        uint32_t hash = key_hash(kind, &x->kinds[kind], p->local.bytes, p->remote.bytes, p->protocol);
        for (uint32_t i = x->buckets[hash % BUCKETS]; i && i - 1 < MIN(best, end); i = x->items[i - 1].next) {
            const struct item *item = &x->items[i - 1];
            if (i - 1 >= from && item->hash == hash && spd_ace_matches(&t->aces[item->ace], p))
                best = i - 1;
        }
    }
    return best;
}

enum spd_verdict spd_index_match(const struct spd_index *x, const struct spd_table *t,
                                 const struct spd_binding *b, const struct packet_tuple *tuple,
                                 uint32_t *ret_entry, uint32_t *ret_ace)
{
    if (x->plain)
        return spd_match_tuple(t, b, tuple, ret_entry, ret_ace);
    uint32_t from = x->first_item[b->first_entry], end = x->first_item[b->first_entry + b->entry_count];
    for (;;) {
        uint32_t i = item_first(x, t, tuple, from, end);
        if (i == UINT32_MAX)
            return SPD_BYPASS;
        const struct item *item = &x->items[i];
        if (t->aces[item->ace].permit) {
            *ret_entry = item->entry;
            *ret_ace = item->ace;
            return SPD_PROTECT;
        }
        from = x->first_item[item->entry + 1];
    }
}
