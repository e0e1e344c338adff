/* SPDX-License-Identifier: Apache-2.0 */
/* See decision.h. */
#include "ipsec/decision.h"

#include "base/deliberate.h"
#include "base/hash_table.h"
#include "ipsec/pair_index.h"

/* Whether the pair that was found can still be used without looking for it again. */
static bool pair_holds(const struct decider *d, const struct decision *c)
{
    if (c->slot == PAIR_NONE || c->generation != pair_index_generation(d->path->index))
        return false;
    const struct sad_pair *pair = &d->path->sad->pairs[c->slot];
    return atomic_load_explicit(&pair->state, memory_order_acquire) == PAIR_ACTIVE &&
           pair->spi_in == c->spi_in;
}

static void pair_choose(struct decider *d, struct decision *c, const struct spd_table *t)
{
    c->generation = pair_index_generation(d->path->index);
    c->slot = pair_index_find(d->path->index, t->entries[c->entry].id, &c->tuple);
    if (c->slot != PAIR_NONE)
        c->spi_in = d->path->sad->pairs[c->slot].spi_in;
}

const struct decision *decide(struct decider *d, const struct packet_tuple *tuple)
{
    uint32_t version = atomic_load_explicit(&d->path->spd->version, memory_order_acquire);
    if (version == 0)
        return NULL;
    struct decision *c = &d->cache[hash_bytes(tuple, sizeof(*tuple), 3) % DECISION_CACHE];
    bool known = c->spd_version == version && memcmp(&c->tuple, tuple, sizeof(*tuple)) == 0;
    if (known && (!c->protect || pair_holds(d, c))) {
        d->hits++;
        return c;
    }
    d->misses++;
    const struct spd_table *t = spd_table(d->path->spd, version);
    if (!known) {
        const struct spd_binding *b = spd_binding_find(t, tuple->ifindex);
        spd_index_follow(d->policy, t, version);
        *c = (struct decision){.tuple = *tuple, .spd_version = version, .slot = PAIR_NONE};
        c->from_us = spd_owns(t, &tuple->local);
        c->protect = b && spd_index_match(d->policy, t, b, tuple, &c->entry, &c->ace) == SPD_PROTECT;
    }
    if (c->protect)
        pair_choose(d, c, t);
    if (c->slot == PAIR_NONE && deliberate_bug(DELIBERATE_CLEAR_PACKET))
        c->protect = false;
    return c;
}
