/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to the other member as a whole (a snapshot, a merge), a slice at a time as the session has room,
 * and what comes from it. Changes of the moment go beside the slices: a record that is deleted before its
 * turn is not sent any more, one that is changed goes twice, and the later one counts.
 *
 * At the receiver everything that stood there before the snapshot and was not in it goes at its end. Until
 * then both stand side by side: each record is good for itself. */
#include "base/be.h"
#include "base/deliberate.h"
#include "replication/shared_group_internal.h"

#include <stdlib.h>

enum { SLICE_ROOM = 16 * 1024 };

static bool list_add(struct shared_record **list, uint32_t *count, uint32_t *size, uint8_t kind, uint64_t key)
{
    if (*count == *size) {
        uint32_t next = *size ? 2 * *size : 1024;
        struct shared_record *grown = realloc(*list, next * sizeof(*grown));
        if (!grown)
            return false;
        *list = grown;
        *size = next;
    }
    (*list)[(*count)++] = (struct shared_record){kind, key};
    return true;
}

/* ---- sending ---- */

static bool sending_add(void *to, uint8_t kind, uint64_t key)
{
    struct shared_group *g = to;
    if (!list_add(&g->list, &g->list_count, &g->list_size, kind, key))
        g->list_failed = true;
    return !g->list_failed;
}

void sending_stop(struct shared_group *g)
{
    g->sending = g->merging = false;
    g->list_count = g->list_at = 0;
    g->snapshot_end = g->merge_end = 0;
}

void sending_begin(struct shared_group *g, bool merge)
{
    sending_stop(g);
    g->list_failed = false;
    g->snapshot_began = g->now;
    if (merge ? !g->ops->feed(g->context) : !g->ops->send_begin(g->context))
        return; /* the session is gone: PEER_LOST comes */
    g->sending = true;
    g->merging = merge;
    if (merge)
        leases_exhaust(g);
    g->ops->each(g->context, sending_add, g);
    sending_go_on(g);
}

static void send_one(struct shared_group *g, const struct shared_record *r)
{
    struct bytes data;
    if (!g->ops->get(g->context, r->kind, r->key, &data))
        return;
    if (r->kind != SHARED_PAIR)
        g->ops->send_put(g->context, r->kind, r->key, data, !g->merging);
    else if (g->merging)
        lease_send_pair_exact(g, (uint32_t)r->key, data);
    else
        lease_send_pair(g, (uint32_t)r->key, data, true);
}

void sending_go_on(struct shared_group *g)
{
    if (!g->sending)
        return;
    while (g->list_at < g->list_count &&
           (g->ops->room(g->context) > SLICE_ROOM || deliberate_bug(DELIBERATE_UNBOUNDED_QUEUE))) {
        struct shared_record r = g->list[g->list_at++];
        send_one(g, &r);
    }
    g->list_at += g->list_at < g->list_count && deliberate_bug(DELIBERATE_LOST_RECORD);
    if (g->list_at < g->list_count)
        return;
    g->sending = false;
    if (g->list_failed)
        return; /* short of memory: the standby is never in step, and says so */
    if (g->merging) {
        leases_tell_exact(g);
        g->merging = false;
        g->merge_end = g->ops->send_notice(g->context, MEMBERSHIP_MERGED);
    } else {
        g->snapshot_end = g->ops->send_end(g->context);
    }
}

/* ---- receiving ---- */

static int record_compare(const void *a, const void *b)
{
    const struct shared_record *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static bool stale_add(void *to, uint8_t kind, uint64_t key)
{
    struct shared_group *g = to;
    return list_add(&g->stale, &g->stale_count, &g->stale_size, kind, key);
}

void receiving_stop(struct shared_group *g)
{
    g->receiving = false;
    g->stale_count = 0;
}

void receiving_begin(struct shared_group *g)
{
    struct membership_event e = {.kind = MEMBERSHIP_SNAPSHOT_COMES};
    group_step(g, &e);
    if (g->membership.state == SESSION_OWNER || g->membership.state == SESSION_STALE)
        return; /* the owner does not know that yet, and will not think us in step */
    receiving_stop(g);
    g->snapshot_began = g->now;
    g->ops->each(g->context, stale_add, g);
    if (g->stale_count)
        qsort(g->stale, g->stale_count, sizeof(*g->stale), record_compare);
    free(g->stale_seen);
    g->stale_seen = calloc(MAX(g->stale_count, 1u), 1);
    g->receiving = g->stale_seen != NULL;
}

static void seen(struct shared_group *g, uint8_t kind, uint64_t key)
{
    const struct shared_record wanted = {kind, key};
    if (!g->receiving || g->stale_count == 0)
        return;
    struct shared_record *r = bsearch(&wanted, g->stale, g->stale_count, sizeof(*g->stale), record_compare);
    if (r)
        g->stale_seen[r - g->stale] = 1;
}

void receiving_end(struct shared_group *g)
{
    if (!g->receiving)
        return;
    for (uint32_t i = 0; i < g->stale_count; i++)
        if (!g->stale_seen[i] && !deliberate_bug(DELIBERATE_STALE_KEPT)) {
            g->ops->drop(g->context, g->stale[i].kind, g->stale[i].key);
            if (g->stale[i].kind == SHARED_PAIR)
                lease_reset(g, (uint32_t)g->stale[i].key);
        }
    receiving_stop(g);
    g->snapshots_taken++;
    g->snapshot_took = ns_since(g->now, g->snapshot_began);
    struct membership_event e = {.kind = MEMBERSHIP_SNAPSHOT_HERE};
    group_step(g, &e);
}

void receive_put(struct shared_group *g, const struct session_action *a)
{
    bool merge = g->membership.state == SESSION_OWNER;
    if (!membership_takes(&g->membership))
        return;
    if (merge && deliberate_bug(DELIBERATE_MERGE_FORGOTTEN))
        return;
    if (a->snapshot || !deliberate_bug(DELIBERATE_STALE_DELETE))
        seen(g, a->put.kind, a->put.key);
    if (a->put.kind != SHARED_PAIR) {
        g->ops->put(g->context, a->put.kind, a->put.key, a->put.data, a->shift, merge);
        return;
    }
    if (a->put.data.len < PAIR_PREFIX || a->put.key >= g->config.slots)
        return;
    uint32_t slot = (uint32_t)a->put.key;
    uint64_t out = be64_load(a->put.data.data), in = be64_load(a->put.data.data + 8);
    uint32_t before = 0, after = 0;
    uint64_t ignored;
    if (merge && !g->ops->position(g->context, slot, &before, &ignored, &ignored))
        before = 0;
    /* What we once had and do not have any more we may have used further than the other one knows. */
    if (merge && !before && a->put.data.data[16] && !g->membership.founded)
        out = in = 0;
    g->ops->put_pair(g->context, slot,
                     bytes_of(a->put.data.data + PAIR_PREFIX, a->put.data.len - PAIR_PREFIX), a->shift, merge,
                     out, in);
    /* Ours goes on as it is; what is new here has no ceilings. */
    if (merge && (!g->ops->position(g->context, slot, &after, &ignored, &ignored) || after == before))
        return;
    lease_received(g, slot, out == 0 ? LEASE_EXHAUSTED : merge ? LEASE_MERGED : LEASE_REPLICA);
}

void receive_delete(struct shared_group *g, const struct session_action *a)
{
    if (!membership_takes(&g->membership) || g->membership.state == SESSION_OWNER)
        return;
    seen(g, a->put.kind, a->put.key);
    g->ops->drop(g->context, a->put.kind, a->put.key);
    if (a->put.kind == SHARED_PAIR && a->put.key < g->config.slots)
        lease_reset(g, (uint32_t)a->put.key);
}

void receive_leases(struct shared_group *g, const struct session_action *a)
{
    if (!membership_takes(&g->membership))
        return;
    for (uint32_t i = 0; i < a->leases.count; i++) {
        struct session_lease l = session_action_lease(a, i);
        uint32_t spi_in;
        uint64_t out, in;
        if (l.slot >= g->config.slots)
            continue;
        g->ops->grant(g->context, &l, g->membership.state == SESSION_OWNER);
        if (a->exact && g->ops->position(g->context, l.slot, &spi_in, &out, &in) && spi_in == l.spi_in)
            g->leases[l.slot].handed = true;
    }
}
