/* SPDX-License-Identifier: Apache-2.0 */
/* See pair_index.h. Numbers that refer to something are stored plus one, so that zeroed memory is an empty
 * index and only what is used is ever touched. Each slot's member remembers by which SPIs and group it was
 * added: the slot's own fields may already be those of a successor.
 *
 * Ports are not part of the hash: pairs that differ by ports only lie in one chain, and the narrowest that
 * carries the packet is taken. */
#include "ipsec/pair_index.h"

#include <assert.h>

#include "base/hash_table.h"
#include "ipsec/memory.h"
#include "ipsec/tuple.h"

enum { SHAPES_MAX = 256, SHAPE_WORDS = SHAPES_MAX / 64 };

/* What pairs of one kind of selector have in common. The last one takes what does not fit any more: a chain.
 */
struct shape {
    uint8_t family, local_length, remote_length, has_protocol;
};

struct member {
    uint32_t group;         /* +1 */
    uint32_t next;          /* +1, in the group */
    uint32_t outbound_next; /* +1, in the bucket */
    uint32_t spi_in, spi_out;
    uint32_t outbound_hash;
};

struct group {
    struct selector selector;
    uint32_t entry;
    uint32_t hash;
    uint32_t next;  /* +1, in the bucket; or in the free list */
    uint32_t first; /* +1, member */
    uint32_t best;  /* +1, member that sends as far as known; 0: to be found out */
};

struct entry_shapes {
    uint32_t entry;
    uint32_t groups;
    uint32_t next; /* +1, in the bucket; or in the free list */
    uint64_t shapes[SHAPE_WORDS];
};

struct pair_index {
    struct sad *sad;
    uint32_t slots, mask;
    uint32_t generation;
    uint32_t indexed_end; /* no slot at or above is indexed */
    uint32_t group_free, groups_made, entry_free, entries_made;
    uint32_t shape_count;
    struct shape shapes[SHAPES_MAX];
    struct member *members;
    struct group *groups;
    struct entry_shapes *entries;
    uint32_t *group_buckets, *entry_buckets, *outbound_buckets;
};

/* ---- hashing ---- */

static uint32_t entry_hash(uint32_t entry)
{
    return hash_bytes(&entry, sizeof(entry), 1);
}

static uint32_t outbound_hash(uint32_t spi_out, const struct address *remote)
{
    return hash_bytes(&spi_out, sizeof(spi_out), address_hash(remote));
}

static void mask_into(uint8_t out[16], const struct address *a, uint8_t length)
{
    uint8_t whole = length / 8;
    memcpy(out, a->bytes, whole);
    if (length % 8)
        out[whole] = a->bytes[whole] & (uint8_t)(0xff00 >> length % 8);
}

static uint32_t shape_hash(const struct shape *shape, uint32_t shape_number, uint32_t entry,
                           const struct address *local, const struct address *remote, uint8_t protocol)
{
    struct {
        uint32_t entry, shape;
        uint8_t local[16], remote[16];
        uint32_t protocol;
    } key = {.entry = entry, .shape = shape_number};
    if (shape_number < SHAPES_MAX - 1) {
        mask_into(key.local, local, shape->local_length);
        mask_into(key.remote, remote, shape->remote_length);
        key.protocol = shape->has_protocol ? protocol : 0;
    }
    return hash_bytes(&key, sizeof(key), 2);
}

static uint32_t shape_of(struct pair_index *x, const struct selector *s)
{
    struct shape shape = {s->local.address.family, s->local.length, s->remote.length, s->protocol != 0};
    for (uint32_t i = 0; i < x->shape_count; i++)
        if (memcmp(&x->shapes[i], &shape, sizeof(shape)) == 0)
            return i;
    /* A prefix longer than its family has (control's mistake) must not be masked by: it carries nothing
     * anyway. */
    bool sane = shape.local_length <= address_bits(&s->local.address) &&
                shape.remote_length <= address_bits(&s->remote.address);
    if (!sane || x->shape_count == SHAPES_MAX - 1)
        return SHAPES_MAX - 1;
    x->shapes[x->shape_count] = shape;
    return x->shape_count++;
}

/* ---- entries and groups ---- */

static struct entry_shapes *entry_find(const struct pair_index *x, uint32_t entry)
{
    for (uint32_t i = x->entry_buckets[entry_hash(entry) & x->mask]; i; i = x->entries[i - 1].next)
        if (x->entries[i - 1].entry == entry)
            return &x->entries[i - 1];
    return NULL;
}

static struct entry_shapes *entry_get(struct pair_index *x, uint32_t entry)
{
    struct entry_shapes *e = entry_find(x, entry);
    if (e)
        return e;
    uint32_t i = x->entry_free;
    if (i)
        x->entry_free = x->entries[i - 1].next;
    else
        i = ++x->entries_made; /* never more than groups, hence than slots */
    uint32_t *bucket = &x->entry_buckets[entry_hash(entry) & x->mask];
    e = &x->entries[i - 1];
    *e = (struct entry_shapes){.entry = entry, .next = *bucket};
    *bucket = i;
    return e;
}

static void entry_put(struct pair_index *x, struct entry_shapes *e)
{
    if (--e->groups > 0)
        return; /* bits of shapes that went out of use stay: they cost a probe and no more */
    uint32_t i = (uint32_t)(e - x->entries) + 1;
    uint32_t *at = &x->entry_buckets[entry_hash(e->entry) & x->mask];
    while (*at != i)
        at = &x->entries[*at - 1].next;
    *at = e->next;
    e->next = x->entry_free;
    x->entry_free = i;
}

static uint32_t group_get(struct pair_index *x, uint32_t entry, const struct selector *s)
{
    uint32_t shape = shape_of(x, s);
    uint32_t hash =
        shape_hash(&x->shapes[shape], shape, entry, &s->local.address, &s->remote.address, s->protocol);
    uint32_t *bucket = &x->group_buckets[hash & x->mask];
    for (uint32_t i = *bucket; i; i = x->groups[i - 1].next)
        if (x->groups[i - 1].hash == hash && x->groups[i - 1].entry == entry &&
            selector_equal(&x->groups[i - 1].selector, s))
            return i;
    uint32_t i = x->group_free;
    if (i)
        x->group_free = x->groups[i - 1].next;
    else
        i = ++x->groups_made;
    assert(i <= x->slots);
    x->groups[i - 1] = (struct group){.selector = *s, .entry = entry, .hash = hash, .next = *bucket};
    *bucket = i;
    struct entry_shapes *e = entry_get(x, entry);
    e->groups++;
    e->shapes[shape / 64] |= 1ULL << shape % 64;
    return i;
}

static void group_put(struct pair_index *x, uint32_t i)
{
    struct group *g = &x->groups[i - 1];
    g->best = 0;
    if (g->first)
        return;
    uint32_t *at = &x->group_buckets[g->hash & x->mask];
    while (*at != i)
        at = &x->groups[*at - 1].next;
    *at = g->next;
    entry_put(x, entry_find(x, g->entry));
    g->next = x->group_free;
    x->group_free = i;
}

/* ---- members ---- */

static void changed(struct pair_index *x)
{
    if (++x->generation == 0)
        x->generation = 1;
}

void pair_index_remove(struct pair_index *x, uint32_t slot)
{
    if (slot >= x->slots || !x->members[slot].group)
        return;
    struct member *m = &x->members[slot];
    uint32_t *at = &x->groups[m->group - 1].first;
    while (*at != slot + 1)
        at = &x->members[*at - 1].next;
    *at = m->next;
    at = &x->outbound_buckets[m->outbound_hash & x->mask];
    while (*at != slot + 1)
        at = &x->members[*at - 1].outbound_next;
    *at = m->outbound_next;
    group_put(x, m->group);
    *m = (struct member){0};
    changed(x);
}

static bool pair_usable(const struct sad_pair *pair)
{
    uint32_t state = atomic_load_explicit(&pair->state, memory_order_acquire);
    return state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED;
}

void pair_index_add(struct pair_index *x, uint32_t slot)
{
    pair_index_remove(x, slot);
    if (slot >= x->slots || !pair_usable(&x->sad->pairs[slot]))
        return;
    const struct sad_pair *pair = &x->sad->pairs[slot];
    struct member *m = &x->members[slot];
    m->spi_in = pair->spi_in;
    m->spi_out = pair->spi_out;
    struct endpoint remote;
    sad_pair_remote(pair, &remote);
    m->outbound_hash = outbound_hash(pair->spi_out, &remote.address);
    /* Packets come to the AH of a bundle by its ESP: it gets a group that none is looked up in. */
    uint32_t entry = sad_is_bundle_outer(x->sad, slot) ? SPD_NO_ENTRY : pair->entry;
    m->group = group_get(x, entry, &pair->selector);
    struct group *g = &x->groups[m->group - 1];
    m->next = g->first;
    g->first = slot + 1;
    g->best = 0;
    uint32_t *bucket = &x->outbound_buckets[m->outbound_hash & x->mask];
    m->outbound_next = *bucket;
    *bucket = slot + 1;
    x->indexed_end = MAX(x->indexed_end, slot + 1);
    changed(x);
}

void pair_index_sync(struct pair_index *x)
{
    uint32_t used = MIN(atomic_load_explicit(&x->sad->slots_used, memory_order_acquire), x->slots);
    uint32_t end = MAX(used, x->indexed_end);
    for (uint32_t slot = 0; slot < end; slot++) {
        const struct member *m = &x->members[slot];
        if (!m->group && slot < used && sad_next_slot(x->sad, slot, used) != slot)
            continue; /* never used */
        const struct sad_pair *pair = &x->sad->pairs[slot];
        bool usable = pair_usable(pair);
        if (usable && (!m->group || m->spi_in != pair->spi_in || m->spi_out != pair->spi_out))
            pair_index_add(x, slot);
        else if (!usable && m->group)
            pair_index_remove(x, slot);
    }
    changed(x);
}

/* ---- which pair sends ---- */

static bool newer(const struct sad_pair *a, const struct sad_pair *b)
{
    ns since_a = atomic_load_explicit(&a->preferred_since, memory_order_relaxed);
    ns since_b = atomic_load_explicit(&b->preferred_since, memory_order_relaxed);
    return since_a != since_b ? since_a > since_b : a->created > b->created;
}

static bool member_state(const struct pair_index *x, uint32_t slot, uint32_t *ret_state)
{
    const struct sad_pair *pair = &x->sad->pairs[slot];
    *ret_state = atomic_load_explicit(&pair->state, memory_order_acquire);
    return pair->spi_in == x->members[slot].spi_in;
}

static uint32_t group_best(struct pair_index *x, struct group *g)
{
    uint32_t active = PAIR_NONE, superseded = PAIR_NONE;
    for (uint32_t i = g->first; i; i = x->members[i - 1].next) {
        uint32_t slot = i - 1, state;
        if (!member_state(x, slot, &state))
            continue;
        uint32_t *best = state == PAIR_ACTIVE ? &active : state == PAIR_SUPERSEDED ? &superseded : NULL;
        if (best && (*best == PAIR_NONE || newer(&x->sad->pairs[slot], &x->sad->pairs[*best])))
            *best = slot;
    }
    uint32_t best = active != PAIR_NONE ? active : superseded;
    g->best = best == PAIR_NONE ? 0 : best + 1;
    return best;
}

/* Smaller is more specific. */
static uint32_t selector_width(const struct selector *s)
{
    uint32_t ports =
        (uint32_t)(s->local_port_high - s->local_port_low) + (s->remote_port_high - s->remote_port_low);
    return (uint32_t)(256 - s->local.length - s->remote.length) << 18 | (uint32_t)(s->protocol == 0) << 17 |
           MIN(ports, (1u << 17) - 1);
}

static void probe(struct pair_index *x, uint32_t entry, uint32_t shape, const struct packet_tuple *p,
                  uint32_t *best, uint32_t *best_width)
{
    const struct shape *s = &x->shapes[shape];
    if (shape < SHAPES_MAX - 1 && s->family != p->local.family)
        return;
    uint32_t hash = shape_hash(s, shape, entry, &p->local, &p->remote, p->protocol);
    for (uint32_t i = x->group_buckets[hash & x->mask]; i; i = x->groups[i - 1].next) {
        struct group *g = &x->groups[i - 1];
        if (g->hash != hash || g->entry != entry || !tuple_in_selector(p, &g->selector))
            continue;
        uint32_t width = selector_width(&g->selector);
        if (width >= *best_width)
            continue;
        uint32_t slot = group_best(x, g);
        if (slot != PAIR_NONE) {
            *best = slot;
            *best_width = width;
        }
    }
}

uint32_t pair_index_find(struct pair_index *x, uint32_t entry, const struct packet_tuple *packet)
{
    uint32_t best = PAIR_NONE, best_width = UINT32_MAX;
    const struct entry_shapes *e = entry == SPD_NO_ENTRY ? NULL : entry_find(x, entry);
    for (int word = 0; e && word < SHAPE_WORDS; word++)
        for (uint64_t bits = e->shapes[word]; bits; bits &= bits - 1)
            probe(x, entry, (uint32_t)(word * 64 + __builtin_ctzll(bits)), packet, &best, &best_width);
    return best;
}

bool pair_index_received(struct pair_index *x, uint32_t slot, ns now)
{
    if (slot >= x->slots || !x->members[slot].group)
        return false;
    struct group *g = &x->groups[x->members[slot].group - 1];
    struct sad_pair *pair = &x->sad->pairs[slot];
    uint32_t state, best = g->best ? g->best - 1 : group_best(x, g);
    if (best == slot || best == PAIR_NONE)
        return false;
    if (!member_state(x, best, &state) || state != PAIR_ACTIVE)
        best = group_best(x, g);
    if (best == PAIR_NONE || best == slot ||
        address_equal(&x->sad->pairs[best].remote.address, &pair->remote.address))
        return false;
    /* Another peer speaks for this selector now. Its newest pair answers, for this packet may be a late one
     * of an old. */
    uint32_t newest = PAIR_NONE;
    for (uint32_t i = g->first; i; i = x->members[i - 1].next) {
        const struct sad_pair *other = &x->sad->pairs[i - 1];
        if (member_state(x, i - 1, &state) && state == PAIR_ACTIVE &&
            address_equal(&other->remote.address, &pair->remote.address) &&
            (newest == PAIR_NONE || other->created > x->sad->pairs[newest].created))
            newest = i - 1;
    }
    if (newest == PAIR_NONE)
        return false;
    ns since = atomic_load_explicit(&x->sad->pairs[best].preferred_since, memory_order_relaxed);
    atomic_store_explicit(&x->sad->pairs[newest].preferred_since, MAX(now, since + 1), memory_order_relaxed);
    g->best = newest + 1;
    changed(x);
    return true;
}

uint32_t pair_index_find_outbound(const struct pair_index *x, uint32_t spi_out, const struct address *remote)
{
    uint32_t hash = outbound_hash(spi_out, remote);
    for (uint32_t i = x->outbound_buckets[hash & x->mask]; i; i = x->members[i - 1].outbound_next) {
        const struct sad_pair *pair = &x->sad->pairs[i - 1];
        struct endpoint now;
        if (x->members[i - 1].outbound_hash != hash || pair->spi_out != spi_out || !pair_usable(pair))
            continue;
        sad_pair_remote(pair, &now);
        if (address_equal(&now.address, remote))
            return i - 1;
    }
    return PAIR_NONE;
}

uint32_t pair_index_generation(const struct pair_index *x)
{
    return x->generation;
}

/* ---- making ---- */

struct pair_index *pair_index_new(struct sad *sad)
{
    struct pair_index *x = memory_new(sizeof(*x));
    if (!x)
        return NULL;
    uint32_t buckets = 64;
    while (buckets < sad->slots)
        buckets *= 2;
    x->sad = sad;
    x->slots = sad->slots;
    x->mask = buckets - 1;
    x->members = memory_new(sizeof(*x->members) * sad->slots);
    x->groups = memory_new(sizeof(*x->groups) * sad->slots);
    x->entries = memory_new(sizeof(*x->entries) * sad->slots);
    x->group_buckets = memory_new(sizeof(uint32_t) * buckets);
    x->entry_buckets = memory_new(sizeof(uint32_t) * buckets);
    x->outbound_buckets = memory_new(sizeof(uint32_t) * buckets);
    if (!x->members || !x->groups || !x->entries || !x->group_buckets || !x->entry_buckets ||
        !x->outbound_buckets) {
        pair_index_free(x);
        return NULL;
    }
    pair_index_sync(x);
    return x;
}

void pair_index_free(struct pair_index *x)
{
    if (!x)
        return;
    memory_free(x->members);
    memory_free(x->groups);
    memory_free(x->entries);
    memory_free(x->group_buckets);
    memory_free(x->entry_buckets);
    memory_free(x->outbound_buckets);
    memory_free(x);
}
