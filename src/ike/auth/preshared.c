/* SPDX-License-Identifier: Apache-2.0 */
/* The index of pre-shared keys: a hash table of masked prefixes, asked for each prefix length that is in use,
 * longest first; names in the same table. So a hub with a key per spoke does not scan them. */
#include "ike/auth/preshared.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t prefix_hash(const struct ike *ike, const struct prefix *p)
{
    return hash_bytes(p->address.bytes, address_len(&p->address), ike->seed ^ p->length ^ 0x100);
}

static uint32_t name_hash(const struct ike *ike, struct bytes name)
{
    return hash_bytes(name.data, name.len, ike->seed ^ 0x200);
}

static void length_mark(struct ike *ike, const struct prefix *p)
{
    if (p->address.family == ADDRESS_V4)
        ike->key_lengths_v4 |= UINT64_C(1) << p->length;
    else
        ike->key_lengths_v6[p->length / 64] |= UINT64_C(1) << (p->length % 64);
}

void preshared_done(struct ike *ike)
{
    hash_table_done(&ike->keys);
    free(ike->key_indexes);
    ike->key_indexes = NULL;
    ike->key_lengths_v4 = 0;
    memset(ike->key_lengths_v6, 0, sizeof(ike->key_lengths_v6));
}

int preshared_index(struct ike *ike)
{
    preshared_done(ike);
    uint32_t n = ike->config->key_count;
    ike->key_indexes = calloc(MAX(n, 1u), sizeof(*ike->key_indexes));
    if (!ike->key_indexes || hash_table_init(&ike->keys, n) < 0)
        return -ENOMEM;
    for (uint32_t i = n; i-- > 0;) { /* backwards: the first of equals is found first */
        const struct ike_key *k = &ike->config->keys[i];
        struct key_index *x = &ike->key_indexes[i];
        x->key = k;
        if (address_is_set(&k->peer.address) && k->peer.length <= address_bits(&k->peer.address)) {
            struct prefix p = k->peer;
            prefix_mask(&p);
            length_mark(ike, &p);
            hash_table_add(&ike->keys, &x->link, prefix_hash(ike, &p));
        } else if (k->hostname) {
            hash_table_add(&ike->keys, &x->link, name_hash(ike, bytes_of(k->hostname, strlen(k->hostname))));
        }
    }
    return 0;
}

static const struct ike_key *prefix_find(const struct ike *ike, const struct prefix *p)
{
    uint32_t h = prefix_hash(ike, p);
    for (struct hash_link *l = hash_table_first(&ike->keys, h); l; l = hash_link_next(l, h)) {
        const struct ike_key *k = container_of(l, struct key_index, link)->key;
        if (k->peer.length == p->length && prefix_contains(&k->peer, &p->address))
            return k;
    }
    return NULL;
}

const struct ike_key *preshared_by_address(const struct ike *ike, const struct address *peer)
{
    bool v4 = peer->family == ADDRESS_V4;
    for (int length = address_bits(peer); length >= 0; length--) {
        uint64_t used = v4 ? ike->key_lengths_v4 : ike->key_lengths_v6[length / 64];
        if (!(used >> (v4 ? length : length % 64) & 1))
            continue;
        struct prefix p = {.address = *peer, .length = (uint8_t)length};
        prefix_mask(&p);
        const struct ike_key *k = prefix_find(ike, &p);
        if (k)
            return k;
    }
    return NULL;
}

const struct ike_key *preshared_by_name(const struct ike *ike, struct bytes name)
{
    uint32_t h = name_hash(ike, name);
    for (struct hash_link *l = hash_table_first(&ike->keys, h); l; l = hash_link_next(l, h)) {
        const struct ike_key *k = container_of(l, struct key_index, link)->key;
        if (!address_is_set(&k->peer.address) && k->hostname &&
            bytes_equal(bytes_of(k->hostname, strlen(k->hostname)), name))
            return k;
    }
    return NULL;
}

const struct ike_key *preshared_by_identity(const struct ike *ike, const struct isakmp_id *id,
                                            const struct address *from)
{
    const struct ike_key *k = NULL;
    struct address named;
    if (id->type == ISAKMP_ID_FQDN || id->type == ISAKMP_ID_USER_FQDN || id->type == ISAKMP_ID_KEY_ID)
        k = preshared_by_name(ike, id->data);
    else if (isakmp_id_address(id, &named))
        k = preshared_by_address(ike, &named);
    return k ? k : preshared_by_address(ike, from);
}
