/* SPDX-License-Identifier: Apache-2.0 */
/* How an IKE SA is found: by our own cookie (random, so its bytes serve as the hash), by the first message
 * that made it, by its path (local and remote address) once established or when we initiate it, by its remote
 * address, and by the peer's identity. */
#include "ike/sa/ike_sa.h"

#include "base/be.h"

#include <stdio.h>
#include <stdlib.h>

/* Neither many peers of one address of ours nor many addresses of ours with one peer make a long chain. */
uint32_t sa_path_hash(const struct ike *ike, const struct address *local, const struct address *remote)
{
    return hash_bytes(remote->bytes, 16, ike->seed ^ address_hash(local));
}

static uint32_t remote_hash(const struct ike *ike, const struct address *remote)
{
    return hash_bytes(remote->bytes, 16, ike->seed);
}

static uint32_t cookie_hash(const uint8_t *cookie)
{
    return be32_load(cookie + 4);
}

static uint32_t initial_hash(const struct ike *ike, const uint8_t *cookie_i, const struct endpoint *remote)
{
    return hash_bytes(cookie_i, 8, ike->seed ^ endpoint_hash(remote));
}

uint32_t sa_identity_hash(const struct ike *ike, const struct ike_sa *sa)
{
    uint64_t seed = ike->seed ^ address_hash(&sa->local.address) ^ (uint64_t)sa->identity_type << 32;
    return hash_bytes(sa->identity, sa->identity_len, seed);
}

/* ---- being found ---- */

void sa_index(struct ike *ike, struct ike_sa *sa)
{
    hash_table_add(&ike->sa_by_cookie, &sa->by_cookie,
                   cookie_hash(sa->initiator ? sa->cookie_i : sa->cookie_r));
    hash_table_add(&ike->sa_by_id, &sa->by_id, (uint32_t)sa->id);
    list_add_tail(&ike->sas, &sa->all);
}

void sa_index_path(struct ike *ike, struct ike_sa *sa)
{
    if (sa->in_path)
        return;
    hash_table_add(&ike->sa_by_path, &sa->by_path,
                   sa_path_hash(ike, &sa->local.address, &sa->remote.address));
    sa->in_path = true;
    sa->in_remote = sa->initiator && !sa_established(sa);
    if (sa->in_remote)
        hash_table_add(&ike->sa_by_remote, &sa->by_remote, remote_hash(ike, &sa->remote.address));
}

void sa_index_initial(struct ike *ike, struct ike_sa *sa)
{
    hash_table_add(&ike->sa_by_initial, &sa->by_initial, initial_hash(ike, sa->cookie_i, &sa->remote));
    sa->in_initial = true;
}

void sa_unindex_remote(struct ike *ike, struct ike_sa *sa)
{
    if (sa->in_remote)
        hash_table_remove(&ike->sa_by_remote, &sa->by_remote);
    sa->in_remote = false;
}

static void sa_unindex_path(struct ike *ike, struct ike_sa *sa)
{
    if (!sa->in_path)
        return;
    hash_table_remove(&ike->sa_by_path, &sa->by_path);
    sa_unindex_remote(ike, sa);
    sa->in_path = false;
}

void sa_unindex(struct ike *ike, struct ike_sa *sa)
{
    hash_table_remove(&ike->sa_by_id, &sa->by_id);
    hash_table_remove(&ike->sa_by_cookie, &sa->by_cookie);
    if (sa->in_initial)
        hash_table_remove(&ike->sa_by_initial, &sa->by_initial);
    sa_unindex_path(ike, sa);
    if (sa->in_identity)
        hash_table_remove(&ike->sa_by_identity, &sa->by_identity);
    sa->in_initial = sa->in_identity = false;
}

/* ---- finding ---- */

struct ike_sa *sa_find_id(const struct ike *ike, uint64_t id)
{
    for (struct hash_link *l = hash_table_first(&ike->sa_by_id, (uint32_t)id); l;
         l = hash_link_next(l, (uint32_t)id)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_id);
        if (sa->id == id)
            return sa;
    }
    return NULL;
}

static struct ike_sa *find_own(const struct ike *ike, const uint8_t *own, const uint8_t *other,
                               bool initiator)
{
    static const uint8_t none[8];
    uint32_t h = cookie_hash(own);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_cookie, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_cookie);
        if (sa->initiator != initiator || memcmp(initiator ? sa->cookie_i : sa->cookie_r, own, 8) != 0)
            continue;
        const uint8_t *known = initiator ? sa->cookie_r : sa->cookie_i;
        /* The responder's cookie comes with its first answer. */
        if (memcmp(known, other, 8) == 0 || (initiator && memcmp(known, none, 8) == 0))
            return sa;
    }
    return NULL;
}

struct ike_sa *sa_find_message(const struct ike *ike, const struct isakmp_header *h)
{
    struct ike_sa *sa = find_own(ike, h->responder_cookie, h->initiator_cookie, false);
    return sa ? sa : find_own(ike, h->initiator_cookie, h->responder_cookie, true);
}

struct ike_sa *sa_find_cookies(const struct ike *ike, const uint8_t *cookies)
{
    struct ike_sa *sa = find_own(ike, cookies + 8, cookies, false);
    return sa ? sa : find_own(ike, cookies, cookies + 8, true);
}

struct ike_sa *sa_find_initial(const struct ike *ike, const uint8_t *cookie_i, const struct endpoint *remote)
{
    uint32_t h = initial_hash(ike, cookie_i, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_initial, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_initial);
        if (memcmp(sa->cookie_i, cookie_i, 8) == 0 && address_equal(&sa->remote.address, &remote->address))
            return sa;
    }
    return NULL;
}

bool sa_on_path(const struct ike_sa *sa, const struct address *local, const struct address *remote)
{
    return address_equal(&sa->local.address, local) && address_equal(&sa->remote.address, remote);
}

struct ike_sa *sa_find_path(const struct ike *ike, const struct address *local, const struct address *remote)
{
    struct ike_sa *best = NULL;
    uint32_t h = sa_path_hash(ike, local, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_path, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_path);
        if (!sa_alive(sa) || !sa_on_path(sa, local, remote))
            continue;
        if (!best || sa->established > best->established ||
            (sa->established == best->established && sa->id > best->id))
            best = sa;
    }
    return best;
}

struct ike_sa *sa_find_path_initiating(const struct ike *ike, const struct address *local,
                                       const struct address *remote)
{
    uint32_t h = sa_path_hash(ike, local, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_path, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_path);
        if (sa->initiator && !sa_established(sa) && !sa->doom && sa_on_path(sa, local, remote))
            return sa;
    }
    return NULL;
}

struct ike_sa *sa_find_initiating_to(const struct ike *ike, const struct address *remote)
{
    uint32_t h = remote_hash(ike, remote);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_remote, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *sa = container_of(l, struct ike_sa, by_remote);
        if (!sa_established(sa) && !sa->doom && address_equal(&sa->remote.address, remote) &&
            !group_standby(ike, sa->timer.group))
            return sa;
    }
    return NULL;
}

/* ---- identity ---- */

void sa_set_identity(struct ike *ike, struct ike_sa *sa, const struct isakmp_id *id)
{
    uint8_t len = (uint8_t)MIN(id->data.len, (size_t)IKE_IDENTITY_MAX);
    uint8_t *copy = malloc(MAX(len, 1));
    if (!copy)
        return;
    if (sa->in_identity)
        hash_table_remove(&ike->sa_by_identity, &sa->by_identity);
    free(sa->identity);
    memcpy(copy, id->data.data, len);
    sa->identity = copy;
    sa->identity_len = len;
    sa->identity_type = id->type;
    hash_table_add(&ike->sa_by_identity, &sa->by_identity, sa_identity_hash(ike, sa));
    sa->in_identity = true;
}

char *sa_identity_print(const struct ike_sa *sa, char out[128])
{
    char text[ADDRESS_TEXT];
    bool address = sa->identity_type == ISAKMP_ID_IPV4_ADDR || sa->identity_type == ISAKMP_ID_IPV6_ADDR;
    struct address a = address ? address_of(sa->identity, sa->identity_len) : (struct address){0};
    if (address_is_set(&a)) {
        snprintf(out, 128, "%s", address_print(&a, text));
        return out;
    }
    unsigned n = MIN(sa->identity_len, 127);
    for (unsigned i = 0; i < n; i++)
        out[i] = sa->identity[i] >= 0x20 && sa->identity[i] < 0x7f ? (char)sa->identity[i] : '?';
    out[n] = '\0';
    return out;
}

bool sa_same_identity(const struct ike_sa *a, const struct ike_sa *b)
{
    return a->identity && b->identity && a->identity_type == b->identity_type &&
           bytes_equal(bytes_of(a->identity, a->identity_len), bytes_of(b->identity, b->identity_len));
}

void sa_place(struct ike *ike, struct ike_sa *sa, const struct endpoint *remote)
{
    bool indexed = sa->in_path;
    sa_unindex_path(ike, sa);
    sa->remote = *remote;
    if (indexed)
        sa_index_path(ike, sa);
}
