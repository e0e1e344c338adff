/* SPDX-License-Identifier: Apache-2.0 */
/* Half-open IKE SAs of strangers: they cost little, and never an established tunnel. Always holds: an SA that
 * is not established and was begun by a stranger is on exactly one of two lists, those whose peer has proved
 * its address (it answered with our cookie), and the others. */
#include "ike/sa/ike_sa.h"

static struct source *source_find(struct ike *ike, const struct address *a)
{
    uint32_t h = hash_bytes(a->bytes, 16, ike->seed ^ 0x300);
    for (struct hash_link *l = hash_table_first(&ike->source_by_address, h); l; l = hash_link_next(l, h)) {
        struct source *s = container_of(l, struct source, by_address);
        if (address_equal(&s->address, a))
            return s;
    }
    return NULL;
}

static struct source *source_get(struct ike *ike, const struct address *a)
{
    struct source *s = source_find(ike, a);
    if (s)
        return s;
    s = pool_take(&ike->source_pool);
    if (s) {
        s->address = *a;
        hash_table_add(&ike->source_by_address, &s->by_address, hash_bytes(a->bytes, 16, ike->seed ^ 0x300));
    }
    return s;
}

static uint32_t limit_of(uint32_t configured, uint32_t otherwise)
{
    return configured ? configured : otherwise;
}

static uint32_t half_open_max(const struct ike *ike)
{
    return MIN(limit_of(ike->config->half_open_max, IKE_HALF_OPEN_MAX_DEFAULT), ike->limits.sa_max);
}

bool sa_half_open_room(const struct ike *ike)
{
    return ike->half_open < half_open_max(ike);
}

bool sa_half_open_admit(struct ike *ike, const struct address *from)
{
    const struct ike_config *c = ike->config;
    uint32_t per_address = limit_of(c->half_open_per_address_max, IKE_HALF_OPEN_PER_ADDRESS_DEFAULT);
    struct source *s = source_find(ike, from);
    if (s && s->half_open >= per_address) {
        ike->statistics.half_open_refused++;
        return false;
    }
    if (sa_half_open_room(ike) && ike->sa_pool.taken < ike->limits.sa_max)
        return true;
    /* The oldest of those that never proved their address gives way, then the oldest of all half-open ones.
     */
    struct list *from_list = !list_empty(&ike->fresh) ? &ike->fresh : &ike->proven;
    if (list_empty(from_list)) {
        ike->statistics.half_open_refused++;
        return false;
    }
    ike->statistics.half_open_evicted++;
    sa_free(ike, list_entry(from_list->next, struct ike_sa, half_open), "evicted");
    return true;
}

void sa_half_open_add(struct ike *ike, struct ike_sa *sa)
{
    struct source *s = source_get(ike, &sa->remote.address);
    if (s)
        s->half_open++;
    sa->counted = s != NULL;
    ike->half_open++;
    list_add_tail(&ike->fresh, &sa->half_open);
    sa_index_initial(ike, sa);
}

void sa_half_open_proven(struct ike *ike, struct ike_sa *sa)
{
    if (list_empty(&sa->half_open))
        return;
    list_remove(&sa->half_open);
    list_add_tail(&ike->proven, &sa->half_open);
    sa->proven = true;
}

void sa_half_open_remove(struct ike *ike, struct ike_sa *sa)
{
    if (list_empty(&sa->half_open))
        return;
    list_remove(&sa->half_open);
    ike->half_open--;
    struct source *s = sa->counted ? source_find(ike, &sa->remote.address) : NULL;
    sa->counted = false;
    if (s && --s->half_open == 0) {
        hash_table_remove(&ike->source_by_address, &s->by_address);
        pool_put(&ike->source_pool, s);
    }
}
