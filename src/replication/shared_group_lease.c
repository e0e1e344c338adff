/* SPDX-License-Identifier: Apache-2.0 */
/* The ceilings of a group's pairs (lease.h): told, acknowledged, in force. Only the pairs with traffic are
 * ever looked at; the whole table is walked when nobody else has the group's SAs any more, or may have used
 * them. */
#include "base/be.h"
#include "base/deliberate.h"
#include "base/spi.h"
#include "replication/shared_group_internal.h"

#include <stdlib.h>

static const ns REVIEW_PERIOD = 200 * NS_PER_MS, REKEY_PERIOD = 50 * NS_PER_MS, REKEY_AGAIN = 10 * NS_PER_S;
/* The standby answers in a millisecond; whoever does not for so long may be gone. */
static const ns PATIENCE = 80 * NS_PER_MS;

enum { EXACT_BATCH = 512, REKEY_BATCH = 8, EXHAUSTED = 1 };

static struct lease *lease_of(struct shared_group *g, uint32_t slot)
{
    return slot < g->config.slots ? &g->leases[slot] : NULL;
}

/* Slots are anywhere in the table: what was never used is not even looked at, for that would cost memory. */
static void block_use(struct shared_group *g, uint32_t block)
{
    if (g->lease_blocks[block])
        return;
    g->lease_blocks[block] = 1;
    uint32_t end = MIN((block + 1) * SPI_SLOT_BLOCK, g->config.slots);
    for (uint32_t slot = block * SPI_SLOT_BLOCK; slot < end; slot++)
        lease_init(&g->leases[slot]);
    g->leases_used = MAX(g->leases_used, end);
}

void lease_reset(struct shared_group *g, uint32_t slot)
{
    struct lease *l = lease_of(g, slot);
    if (!l)
        return;
    block_use(g, slot / SPI_SLOT_BLOCK);
    lease_init(l);
}

/* The first slot from `slot` on that may have a lease; leases_used: there is none. */
static uint32_t lease_from(const struct shared_group *g, uint32_t slot)
{
    while (slot < g->leases_used && !g->lease_blocks[slot / SPI_SLOT_BLOCK])
        slot = (slot / SPI_SLOT_BLOCK + 1) * SPI_SLOT_BLOCK;
    return MIN(slot, g->leases_used);
}

#define each_lease(slot, g) \
    for (uint32_t slot = lease_from(g, 0); slot < (g)->leases_used; slot = lease_from(g, slot + 1))

void shared_group_restore(struct shared_group *g, uint32_t slot, uint64_t out, uint64_t in, uint64_t out_mark)
{
    lease_reset(g, slot);
    struct lease *l = lease_of(g, slot);
    if (!l || out == UINT64_MAX)
        return;
    l->out = out;
    l->in = in;
    l->capped = l->shared = true;
    l->final = out_mark == UINT64_MAX;
    if (l->final)
        g->rekey_at = ns_min(g->rekey_at, g->now + REKEY_AGAIN);
}

/* A final ceiling has no mark: so a successor of this process knows. */
static void in_force(struct shared_group *g, uint32_t slot, uint32_t spi_in, const struct lease *l,
                     uint64_t out)
{
    const struct session_lease s = {.slot = slot, .spi_in = spi_in, .out = l->out, .in = l->in};
    g->ops->ceilings(g->context, slot, &s,
                     l->final    ? UINT64_MAX
                     : l->capped ? l->out
                                 : lease_out_mark(l, out),
                     l->final    ? UINT64_MAX
                     : l->capped ? l->in
                                 : lease_in_mark(l));
}

/* The pair has ceilings, and is there: they are put in force as `l` has them now. */
static void apply(struct shared_group *g, uint32_t slot, const struct lease *l)
{
    uint32_t spi_in;
    uint64_t out, in;
    if (g->ops->position(g->context, slot, &spi_in, &out, &in))
        in_force(g, slot, spi_in, l, out);
}

static void lift(struct shared_group *g, uint32_t slot)
{
    struct lease *l = &g->leases[slot];
    bool shared = l->shared;
    lease_init(l);
    l->shared = shared;
    apply(g, slot, l);
}

static void finalize(struct shared_group *g, uint32_t slot)
{
    struct lease *l = &g->leases[slot];
    l->capped = l->final = true;
    apply(g, slot, l);
    g->rekey_at = ns_min(g->rekey_at, g->now + REKEY_PERIOD);
}

/* ---- what waits for an acknowledgement ---- */

static bool told_add(struct shared_group *g, uint64_t number, uint32_t slot)
{
    if (g->told_count == g->told_size) {
        uint32_t size = g->told_size ? 2 * g->told_size : 256;
        struct shared_told *ring = malloc(size * sizeof(*ring));
        if (!ring)
            return false;
        for (uint32_t i = 0; i < g->told_count; i++)
            ring[i] = g->told[(g->told_first + i) % g->told_size];
        free(g->told);
        g->told = ring;
        g->told_first = 0;
        g->told_size = size;
    }
    g->told[(g->told_first + g->told_count++) % g->told_size] = (struct shared_told){number, slot};
    return true;
}

static void hot_add(struct shared_group *g, uint32_t slot)
{
    for (uint32_t i = 0; i < g->hot_count; i++)
        if (g->hot[i] == slot)
            return;
    if (g->hot_count == g->hot_size) {
        uint32_t size = g->hot_size ? 2 * g->hot_size : 64;
        uint32_t *grown = realloc(g->hot, size * sizeof(*grown));
        if (!grown)
            return; /* its lease stays large: more is refused after a takeover */
        g->hot = grown;
        g->hot_size = size;
    }
    g->hot[g->hot_count++] = slot;
    if (g->hot_at == NS_NEVER)
        g->hot_at = g->now + REVIEW_PERIOD;
}

void leases_acked(struct shared_group *g, uint64_t number)
{
    while (g->told_count && g->told[g->told_first].number <= number) {
        uint32_t slot = g->told[g->told_first].slot, spi_in;
        uint64_t out, in;
        g->told_first = (g->told_first + 1) % g->told_size;
        g->told_count--;
        struct lease *l = &g->leases[slot];
        if (!lease_acked(l, number, g->now) || !g->ops->position(g->context, slot, &spi_in, &out, &in))
            continue;
        in_force(g, slot, spi_in, l, out);
        g->leases_granted++;
        if (l->inbound > LEASE_INBOUND_MIN)
            hot_add(g, slot);
        if (in > l->in) /* more arrived meanwhile, and waits */
            shared_group_lease_due(g, slot, g->now);
    }
}

void leases_unacknowledged(struct shared_group *g)
{
    for (uint32_t i = 0; i < g->told_count; i++)
        g->leases[g->told[(g->told_first + i) % g->told_size].slot].waits_for = 0;
    g->told_count = 0;
}

/* ---- telling ---- */

/* Ceilings for a pair of which the standby learns now. A pair without them gets them at once, so that what is
 * told is never below what the engine may use. */
static bool bind_pair(struct shared_group *g, uint32_t slot, struct session_lease *ret)
{
    struct lease *l = &g->leases[slot];
    bool bound = l->out != UINT64_MAX;
    uint64_t out, in;
    ret->slot = slot;
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        if (!g->ops->position(g->context, slot, &ret->spi_in, &out, &in))
            return false;
        if (!bound && lease_next(l, &g->config.limits, out, in, g->now)) {
            l->out = l->next_out;
            l->in = l->next_in;
            l->begun = g->now;
            in_force(g, slot, ret->spi_in, l, out);
        }
        if (!g->ops->position(g->context, slot, &ret->spi_in, &out, &in))
            return false;
        ret->out = l->waits_for ? l->next_out : l->out;
        ret->in = l->waits_for ? l->next_in : l->in;
        if (bound || (out <= l->out && in <= l->in))
            return true;
        l->out = l->in = UINT64_MAX; /* the engine was faster: again, from where it is */
    }
    return false;
}

static uint64_t pair_send(struct shared_group *g, uint32_t slot, const struct session_lease *s,
                          struct bytes data, bool snapshot)
{
    uint8_t buffer[1024];
    struct lease *l = &g->leases[slot];
    if (data.len > sizeof(buffer) - PAIR_PREFIX)
        return 0;
    be64_store(buffer, s->out);
    be64_store(buffer + 8, s->in);
    buffer[16] = l->shared;
    memcpy(buffer + PAIR_PREFIX, data.data, data.len);
    uint64_t number =
        g->ops->send_put(g->context, SHARED_PAIR, slot, bytes_of(buffer, PAIR_PREFIX + data.len), snapshot);
    wipe(buffer, sizeof(buffer));
    l->shared = l->shared || number;
    return number;
}

/* A pair that an earlier life of the standby may have used crosses without numbers: the standby would go on
 * where it was. */
static uint64_t pair_send_exhausted(struct shared_group *g, uint32_t slot, struct bytes data, bool snapshot)
{
    const struct session_lease none = {.slot = slot};
    finalize(g, slot);
    return pair_send(g, slot, &none, data, snapshot);
}

uint64_t lease_send_pair(struct shared_group *g, uint32_t slot, struct bytes data, bool snapshot)
{
    struct session_lease s;
    if (g->leases[slot].capped)
        return pair_send_exhausted(g, slot, data, snapshot);
    return bind_pair(g, slot, &s) ? pair_send(g, slot, &s, data, snapshot) : 0;
}

uint64_t lease_send_pair_exact(struct shared_group *g, uint32_t slot, struct bytes data)
{
    struct session_lease s = {.slot = slot};
    if (g->leases[slot].final)
        return pair_send_exhausted(g, slot, data, false);
    if (!g->ops->position(g->context, slot, &s.spi_in, &s.out, &s.in))
        return 0;
    return pair_send(g, slot, &s, data, false);
}

void lease_received(struct shared_group *g, uint32_t slot, enum lease_kind kind)
{
    struct lease *l = &g->leases[slot];
    lease_reset(g, slot);
    l->shared = true;
    if (kind == LEASE_REPLICA)
        return;
    l->out = l->in = EXHAUSTED;
    l->capped = true;
    if (kind == LEASE_EXHAUSTED)
        finalize(g, slot);
    else
        apply(g, slot, l);
}

uint64_t shared_group_pair_new(struct shared_group *g, uint32_t slot, uint32_t spi_in, struct bytes data,
                               struct session_lease *ret, ns now)
{
    g->now = now;
    *ret = (struct session_lease){.slot = slot, .spi_in = spi_in, .out = UINT64_MAX, .in = UINT64_MAX};
    lease_reset(g, slot);
    struct lease *l = lease_of(g, slot);
    if (!l || !membership_commits(&g->membership) || !lease_next(l, &g->config.limits, 1, 1, now))
        return 0;
    ret->out = l->next_out;
    ret->in = l->next_in;
    uint64_t number = pair_send(g, slot, ret, data, false);
    if (!number) {
        ret->out = ret->in = UINT64_MAX;
        return 0;
    }
    l->out = l->next_out;
    l->in = l->next_in;
    l->begun = now;
    return number;
}

void shared_group_pair_gone(struct shared_group *g, uint32_t slot, ns now)
{
    lease_reset(g, slot);
    shared_group_delete(g, SHARED_PAIR, slot, now);
}

void shared_group_lease_due(struct shared_group *g, uint32_t slot, ns now)
{
    struct lease *l = lease_of(g, slot);
    struct session_lease s = {.slot = slot};
    uint64_t out, in;
    g->now = now;
    bool late = l && l->waits_for && ns_since(now, l->told_at) > PATIENCE;
    if (!l || g->membership.state != SESSION_OWNER ||
        !g->ops->position(g->context, slot, &s.spi_in, &out, &in) || (l->waits_for && !late))
        return;
    if (l->out == UINT64_MAX) {
        /* Ceilings ended while the pair waited to be installed with those that it had been given. */
        in_force(g, slot, s.spi_in, l, out);
        return;
    }
    if (l->capped && !l->final && membership_takes(&g->membership))
        return; /* a merge is under way, and ends with a word on it */
    g->leases_asked++;
    if (l->capped || late || !membership_commits(&g->membership)) {
        g->lease_rekeys++;
        g->ops->rekey(g->context, slot);
        return;
    }
    if (!lease_next(l, &g->config.limits, out, in, now))
        return;
    s.out = l->next_out;
    s.in = l->next_in;
    uint64_t number = g->ops->send_leases(g->context, &s, 1, false);
    if (number && told_add(g, number, slot))
        lease_told(l, number, now);
    if (number && deliberate_bug(DELIBERATE_EARLY_RAISE))
        leases_acked(g, number);
}

/* ---- less traffic ---- */

void leases_review(struct shared_group *g)
{
    if (g->now < g->hot_at)
        return;
    for (uint32_t i = 0; i < g->hot_count;) {
        uint32_t slot = g->hot[i];
        struct lease *l = &g->leases[slot], before = *l;
        struct session_lease s = {.slot = slot};
        uint64_t out, in;
        bool there = g->ops->position(g->context, slot, &s.spi_in, &out, &in);
        if (there && membership_commits(&g->membership) && lease_shrink(l, in, g->now)) {
            in_force(g, slot, s.spi_in, l, out);
            if (g->ops->position(g->context, slot, &s.spi_in, &out, &in) && in <= l->in) {
                s.out = l->out;
                s.in = l->in;
                g->ops->send_leases(g->context, &s, 1, false);
            } else {
                *l = before;
                in_force(g, slot, s.spi_in, l, out);
            }
        }
        if (!there || l->inbound <= LEASE_INBOUND_MIN || l->capped)
            g->hot[i] = g->hot[--g->hot_count];
        else
            i++;
    }
    g->hot_at = g->hot_count ? g->now + REVIEW_PERIOD : NS_NEVER;
}

/* ---- all of them ---- */

void leases_clear(struct shared_group *g)
{
    each_lease(slot, g) lease_init(&g->leases[slot]);
    g->told_count = g->hot_count = 0;
}

void leases_lift(struct shared_group *g)
{
    leases_unacknowledged(g);
    each_lease(slot, g) if (g->leases[slot].out != UINT64_MAX && !g->leases[slot].capped) lift(g, slot);
}

void leases_join(struct shared_group *g)
{
    leases_unacknowledged(g);
    each_lease(slot, g)
    {
        if (g->leases[slot].out == UINT64_MAX)
            continue;
        if (g->leases[slot].handed)
            lift(g, slot);
        else
            finalize(g, slot);
    }
}

void leases_cap(struct shared_group *g)
{
    leases_unacknowledged(g);
    each_lease(slot, g)
    {
        struct lease *l = &g->leases[slot];
        l->handed = false;
        if (l->out == UINT64_MAX || l->capped)
            continue;
        l->capped = true;
        apply(g, slot, l);
    }
}

void leases_trust(struct shared_group *g)
{
    each_lease(slot, g)
    {
        struct lease *l = &g->leases[slot];
        if (!l->capped || l->final)
            continue;
        l->capped = false;
        apply(g, slot, l);
    }
}

void leases_distrust(struct shared_group *g)
{
    each_lease(slot, g) if (g->leases[slot].capped && !g->leases[slot].final) finalize(g, slot);
}

/* Whom we granted a capped pair is beyond us, and so is whom we handed one over before; or a member that
 * began anew is there, and what it did before nobody knows. Our numbers are of no use to them. */
void leases_exhaust(struct shared_group *g)
{
    leases_unacknowledged(g);
    each_lease(slot, g)
    {
        struct lease *l = &g->leases[slot];
        uint32_t spi_in;
        uint64_t out, in;
        if (l->final || !g->ops->position(g->context, slot, &spi_in, &out, &in))
            continue;
        l->handed = false;
        if (l->capped) {
            finalize(g, slot);
            continue;
        }
        l->out = l->in = EXHAUSTED;
        l->capped = true;
        apply(g, slot, l);
    }
}

void leases_rekey(struct shared_group *g)
{
    unsigned asked = 0;
    if (g->now < g->rekey_at)
        return;
    while ((g->rekey_slot = lease_from(g, g->rekey_slot)) < g->leases_used && asked < REKEY_BATCH) {
        uint32_t slot = g->rekey_slot++, spi_in;
        uint64_t out, in;
        if (!g->leases[slot].final || !g->ops->position(g->context, slot, &spi_in, &out, &in))
            continue;
        g->rekey_found = true;
        if (g->membership.state != SESSION_OWNER)
            continue;
        g->ops->rekey(g->context, slot);
        g->lease_rekeys++;
        asked++;
    }
    g->rekey_at = g->now + REKEY_PERIOD;
    if (g->rekey_slot < g->leases_used)
        return;
    g->rekey_at = g->rekey_found ? g->now + REKEY_AGAIN : NS_NEVER;
    g->rekey_slot = 0;
    g->rekey_found = false;
}

void leases_tell_exact(struct shared_group *g)
{
    static _Thread_local struct session_lease batch[EXACT_BATCH];
    size_t n = 0;
    each_lease(slot, g)
    {
        struct session_lease *s = &batch[n];
        *s = (struct session_lease){.slot = slot};
        if (g->leases[slot].final || !g->ops->position(g->context, slot, &s->spi_in, &s->out, &s->in))
            continue;
        if (++n == EXACT_BATCH) {
            g->ops->send_leases(g->context, batch, n, true);
            n = 0;
        }
    }
    if (n)
        g->ops->send_leases(g->context, batch, n, true);
}
