/* SPDX-License-Identifier: Apache-2.0 */
/* What is announced: one entry for each destination, in the order of the last changes. A neighbour knows how
 * far in this order it was told (version_sent), and a bit for each entry says whether it may have it: what it
 * never heard of is not withdrawn from it. A withdrawn entry stays until nobody has it. */
#include <assert.h>

#include "eigrp/internal.h"

bool bit_get(const uint8_t *bits, uint32_t at)
{
    return bits[at / 8] >> at % 8 & 1;
}

void bit_set(uint8_t *bits, uint32_t at, bool value)
{
    uint8_t mask = (uint8_t)(1u << at % 8);

    bits[at / 8] = value ? bits[at / 8] | mask : bits[at / 8] & (uint8_t)~mask;
}

static uint32_t prefix_hash(const struct prefix *p)
{
    return hash_bytes(p->address.bytes, 4, p->length);
}

struct eigrp_local *local_find(const struct eigrp *e, const struct prefix *p)
{
    uint32_t hash = prefix_hash(p);

    for (struct hash_link *l = hash_table_first(&e->local_table, hash); l; l = hash_link_next(l, hash)) {
        struct eigrp_local *local = container_of(l, struct eigrp_local, link);
        if (prefix_equal(&local->offer.destination, p))
            return local;
    }
    return NULL;
}

struct eigrp_local *local_after(const struct eigrp *e, uint64_t version)
{
    struct eigrp_local *first = NULL;

    for (struct list *at = e->changes.prev; at != &e->changes; at = at->prev) {
        struct eigrp_local *l = list_entry(at, struct eigrp_local, change);
        if (l->version <= version)
            break;
        first = l;
    }
    return first;
}

static void local_changed(struct eigrp *e, struct eigrp_local *l)
{
    l->version = ++e->version;
    list_remove(&l->change);
    list_add_tail(&e->changes, &l->change);
    learn_reconsider(e, &l->offer.destination);
}

static uint32_t index_take(struct eigrp *e)
{
    uint32_t at = 0;

    while (e->indexes[at / 8] == 0xff)
        at += 8;
    while (bit_get(e->indexes, at))
        at++;
    assert(at < EIGRP_LOCAL_MAX); /* the pool of locals has no more objects than there are indexes */
    bit_set(e->indexes, at, true);
    return at;
}

static struct eigrp_local *local_new(struct eigrp *e, const struct prefix *p)
{
    struct eigrp_local *l = pool_take(&e->locals);

    if (!l) {
        e->counters.full++;
        return NULL;
    }
    list_init(&l->change);
    l->offer.destination = *p;
    l->index = index_take(e);
    hash_table_add(&e->local_table, &l->link, prefix_hash(p));
    return l;
}

void eigrp_declare_begin(struct eigrp *e)
{
    list_for_each(&e->changes, at) list_entry(at, struct eigrp_local, change)->declared = false;
}

static bool offer_same(const struct eigrp_offer *a, const struct eigrp_offer *b)
{
    return a->ifindex == b->ifindex && a->external == b->external && a->origin == b->origin &&
           a->tag == b->tag && a->bandwidth == b->bandwidth && a->delay == b->delay && a->mtu == b->mtu &&
           a->reliability == b->reliability && a->load == b->load;
}

void eigrp_declare(struct eigrp *e, const struct eigrp_offer *offer, uint32_t clock)
{
    struct eigrp_local *l = local_find(e, &offer->destination);

    if (offer->destination.address.family != ADDRESS_V4)
        return;
    /* Said twice: what is connected counts, else the first. */
    if (l && l->declared && (!l->offer.external || offer->external))
        return;
    if (!l)
        l = local_new(e, &offer->destination);
    if (!l)
        return;
    bool changed = !l->present || !offer_same(&l->offer, offer);
    l->declared = true;
    if (!changed)
        return;
    if (!l->present)
        l->clock = clock;
    if (!l->present && l->version > 0)
        e->absent--;
    l->offer = *offer;
    l->present = true;
    local_changed(e, l);
}

void eigrp_declare_end(struct eigrp *e, ns now)
{
    uint64_t before = e->version;

    list_for_each_safe(&e->changes, at, next)
    {
        struct eigrp_local *l = list_entry(at, struct eigrp_local, change);
        if (l->version > before)
            break; /* those that were moved to the end just now */
        if (l->declared || !l->present)
            continue;
        l->present = false;
        e->absent++;
        local_changed(e, l);
    }
    if (e->gather_until == 0)
        e->gather_until = now + GATHER_TIME;
}

static bool known_to_anybody(const struct eigrp *e, uint32_t index)
{
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++) {
        if (!e->ports[i].used)
            continue;
        list_for_each(
            &e->ports[i].neighbours,
            at) if (bit_get(list_entry(at, struct eigrp_neighbour, port_link)->known, index)) return true;
    }
    return false;
}

void locals_free_withdrawn(struct eigrp *e)
{
    if (e->absent == 0)
        return;
    list_for_each_safe(&e->changes, at, next)
    {
        struct eigrp_local *l = list_entry(at, struct eigrp_local, change);
        if (l->present || known_to_anybody(e, l->index))
            continue;
        list_remove(&l->change);
        hash_table_remove(&e->local_table, &l->link);
        bit_set(e->indexes, l->index, false);
        pool_put(&e->locals, l);
        e->absent--;
    }
}
