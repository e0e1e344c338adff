/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs as replicas: linked to their IKE SA and to the other half of a bundle in any order of the records,
 * and taken away without a word. */
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"

uint32_t pair_inner_slot(const struct ike_pair *p)
{
    return p->inner ? p->inner->slot : p->restored_inner;
}

/* By the id alone: so the result is the same in any order of the records. */
void pair_link(struct ike *ike, struct ike_pair *p)
{
    struct ike_sa *sa = sa_find_id(ike, p->restored_sa);
    sa = sa && sa_alive(sa) ? sa : NULL;
    if (sa && sa == p->sa)
        return;
    list_remove(&p->on_sa);
    pair_orphan_unindex(ike, p);
    p->sa = sa;
    if (p->outer)
        p->outer->sa = sa;
    if (sa)
        list_add_tail(&sa->pairs, &p->on_sa);
    else
        pair_orphan_index(ike, p);
}

void pairs_link_waiting(struct ike *ike, struct ike_sa *sa)
{
    uint32_t h = pair_orphan_hash(ike, &sa->local.address, &sa->remote.address);
    for (struct hash_link *l = hash_table_first(&ike->orphan_by_path, h), *next; l; l = next) {
        struct ike_pair *p = container_of(l, struct ike_pair, by_path);
        next = hash_link_next(l, h);
        if (p->restored_sa == sa->id)
            pair_link(ike, p);
    }
}

static void join(struct ike *ike, struct ike_pair *outer, struct ike_pair *inner)
{
    outer->inner = inner;
    inner->outer = outer;
    outer->sa = inner->sa;
    list_remove(&outer->on_sa);
    outer->loose = false;
    pair_index(ike, outer);
}

void pair_join(struct ike *ike, struct ike_pair *p)
{
    uint32_t slot = p->restored_inner;
    if (slot == UINT32_MAX) {
        list_for_each_safe(&ike->loose, l, next)
        {
            struct ike_pair *outer = list_entry(l, struct ike_pair, on_sa);
            if (!p->outer && outer->restored_inner == p->slot)
                join(ike, outer, p);
        }
        return;
    }
    struct ike_pair *inner = slot < ike->limits.pair_max ? ike->pairs[slot] : NULL;
    p->loose = true;
    ike->pairs[p->slot] = p;
    if (inner && inner != p && !inner->loose && !inner->inner && !inner->outer)
        join(ike, p, inner);
    else
        list_add_tail(&ike->loose, &p->on_sa);
}

/* The other half, if there is one, waits: its own record ends it, or brings its partner. */
void pair_discard(struct ike *ike, struct ike_pair *p)
{
    struct ike_pair *outer = p->outer;
    if (p->inner)
        p->inner->outer = NULL;
    if (outer) {
        hash_table_remove(&ike->pair_by_spi_out, &outer->by_spi_out);
        outer->inner = NULL;
        outer->sa = NULL;
        outer->restored_inner = p->slot;
        outer->loose = true;
        list_add_tail(&ike->loose, &outer->on_sa);
    }
    slot_drain(ike, p->slot);
    pair_release(ike, p);
}

void pair_place(struct ike *ike, struct ike_pair *p, const struct endpoint *local,
                const struct endpoint *remote)
{
    bool orphan = p->orphan;
    pair_orphan_unindex(ike, p);
    p->local = *local;
    p->remote = *remote;
    if (orphan)
        pair_orphan_index(ike, p);
}
