/* SPDX-License-Identifier: Apache-2.0 */
/* Whom we have spoken to since the start, or our predecessor by its records: to these no INITIAL-CONTACT is
 * sent (RFC 2407 §4.6.3.3). */
#include "ike/sa/ike_sa.h"

static uint32_t path_hash(const struct ike *ike, const struct address *local, const struct address *remote)
{
    return hash_bytes(remote->bytes, 16, ike->seed ^ address_hash(local));
}

static struct contact *contact_find(const struct ike *ike, const struct address *local,
                                    const struct address *remote)
{
    uint32_t h = path_hash(ike, local, remote);
    for (struct hash_link *l = hash_table_first(&ike->contact_by_path, h); l; l = hash_link_next(l, h)) {
        struct contact *c = container_of(l, struct contact, by_path);
        if (address_equal(&c->local, local) && address_equal(&c->remote, remote))
            return c;
    }
    return NULL;
}

void contacts_forget(struct ike *ike, uint8_t group)
{
    for (uint32_t b = 0; b < hash_table_buckets(&ike->contact_by_path); b++)
        for (struct hash_link *l = ike->contact_by_path.buckets[b], *next; l; l = next) {
            struct contact *c = container_of(l, struct contact, by_path);
            next = l->next;
            if (group_of(ike, &c->local) != group)
                continue;
            hash_table_remove(&ike->contact_by_path, &c->by_path);
            pool_put(&ike->contact_pool, c);
        }
}

bool contact_made(const struct ike *ike, const struct address *local, const struct address *remote)
{
    return contact_find(ike, local, remote) != NULL;
}

void contact_note(struct ike *ike, const struct address *local, const struct address *remote)
{
    if (contact_made(ike, local, remote))
        return;
    struct contact *c = pool_take(&ike->contact_pool);
    if (!c)
        return; /* a superfluous INITIAL-CONTACT at worst: bounded by the number of IKE SAs ever alive at once
                 */
    c->local = *local;
    c->remote = *remote;
    hash_table_add(&ike->contact_by_path, &c->by_path, path_hash(ike, local, remote));
}
