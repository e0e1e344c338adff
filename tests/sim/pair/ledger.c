/* SPDX-License-Identifier: Apache-2.0 */
/* What the outside has seen, and what it must never see: a number or an IV twice, a packet delivered twice.
 * And what must hold between the members at every moment. */
#include <assert.h>
#include <stdlib.h>

#include "pair/world.h"

static bool bit_set(struct bits *b, uint64_t at)
{
    uint32_t word = (uint32_t)(at / 64);
    assert(at < 1 << 24);
    if (word >= b->count) {
        uint32_t count = MAX(b->count * 2, word + 8);
        b->words = realloc(b->words, count * sizeof(*b->words));
        assert(b->words);
        memset(b->words + b->count, 0, (count - b->count) * sizeof(*b->words));
        b->count = count;
    }
    bool was = b->words[word] >> at % 64 & 1;
    b->words[word] |= 1ULL << at % 64;
    return was;
}

static bool iv_add(struct world *w, uint64_t mixed);

static void iv_grow(struct world *w)
{
    uint64_t *old = w->iv_set;
    uint32_t room = w->iv_room;
    w->iv_room = room ? room * 2 : 1 << 14;
    w->iv_set = calloc(w->iv_room, sizeof(*w->iv_set));
    assert(w->iv_set);
    w->iv_count = 0;
    for (uint32_t i = 0; i < room; i++)
        if (old[i])
            iv_add(w, old[i]);
    free(old);
}

static bool iv_add(struct world *w, uint64_t mixed)
{
    if (w->iv_count * 2 >= w->iv_room)
        iv_grow(w);
    uint32_t at = (uint32_t)(mixed * 0x9e3779b97f4a7c15 >> 32) & (w->iv_room - 1);
    while (w->iv_set[at]) {
        if (w->iv_set[at] == mixed)
            return true;
        at = (at + 1) & (w->iv_room - 1);
    }
    w->iv_set[at] = mixed;
    w->iv_count++;
    return false;
}

/* What an IV is made from, but for the number, belongs to one life of one member. */
static void base_look(struct world *w, const struct member *m, uint32_t truth, uint64_t base)
{
    struct truth *t = &w->truths[truth];
    for (unsigned i = 0; i < t->iv_count; i++)
        if (t->ivs[i].base == base) {
            if (t->ivs[i].life != m->life)
                failure(w, "promise 1: two lives of member %u use one space of IVs of pair %u", m->id, truth);
            return;
        }
    if (t->iv_count < ARRAY_SIZE(t->ivs)) {
        t->ivs[t->iv_count].base = base;
        t->ivs[t->iv_count++].life = m->life;
    }
}

void ledger_sent(struct world *w, struct member *m, uint32_t truth, uint64_t sequence, uint64_t iv)
{
    struct truth *t = &w->truths[truth];
    w->packets_out++;
    w->trace = (w->trace ^ sequence ^ (uint64_t)truth << 32) * 0x100000001b3;
    if (bit_set(&t->sent, sequence))
        failure(w, "promise 2: number %lu of pair %u is sent twice, now by member %u", sequence, truth,
                m->id);
    if (iv_add(w, (iv ^ (uint64_t)truth << 20) | 1ULL << 63))
        failure(w, "promise 1: IV %016lx of pair %u is used twice, now by member %u", iv, truth, m->id);
    base_look(w, m, truth, iv ^ sequence);
}

void ledger_clear(struct world *w, const struct member *m, uint8_t tunnel, enum inside kind)
{
    w->packets_clear++;
    if (kind == INSIDE_PROTECTED)
        failure(w, "promise 4: a packet for tunnel %u leaves member %u in clear", tunnel, m->id);
}

void ledger_delivered(struct world *w, struct member *m, uint32_t truth, uint64_t sequence)
{
    struct truth *t = &w->truths[truth];
    w->packets_in++;
    w->trace = (w->trace ^ sequence ^ (uint64_t)truth << 40) * 0x100000001b3;
    if (bit_set(&t->delivered, sequence))
        failure(w, "promise 3: packet %lu of pair %u is delivered twice, now by member %u", sequence, truth,
                m->id);
    w->tunnel[t->tunnel].in_heard = w->schedule.now;
}

/* ---- between the members ---- */

static bool may_take_over(const struct member *m)
{
    const struct membership *s = &m->shared.membership;
    return m->node_up && m->control_up && !m->leaving &&
           (s->state == SESSION_SYNCING || s->state == SESSION_STANDBY);
}

/* What the owner may use of a pair and what the other one would use after a takeover have nothing in common.
 */
static bool apart(uint64_t next, uint64_t ceiling, uint64_t other_next, uint64_t other_ceiling)
{
    return ceiling <= other_next || other_ceiling <= next;
}

static void ceilings_look(struct world *w, struct member *owner)
{
    struct member *standby = other_of(owner);
    if (!sad_group_active(atomic_load(&owner->sad->groups[GROUP].word)) || !may_take_over(standby))
        return;
    for (uint64_t rest = w->changed & owner->pairs & standby->pairs; rest; rest &= rest - 1) {
        uint32_t slot = (uint32_t)__builtin_ctzll(rest);
        const struct sad_pair *a = &owner->sad->pairs[slot], *b = &standby->sad->pairs[slot];
        if (!pair_used(a) || !pair_used(b) || a->spi_in != b->spi_in)
            continue;
        uint64_t mine = MAX(atomic_load(&a->sequence_out) + 1, a->granted_out);
        uint64_t others = MAX(atomic_load(&b->sequence_out) + 1, b->granted_out);
        if (!apart(mine, atomic_load(&a->sequence_ceiling), others, atomic_load(&b->sequence_ceiling)))
            failure(w, "slot %u: member %u may send %lu to %ld, the other one would go on at %lu to %ld",
                    slot, owner->id, mine, (long)atomic_load(&a->sequence_ceiling), others,
                    (long)atomic_load(&b->sequence_ceiling));
        mine = MAX(a->replay.top + 1, a->granted_in);
        others = MAX(b->replay.top + 1, b->granted_in);
        if (!apart(mine, atomic_load(&a->receive_ceiling), others, atomic_load(&b->receive_ceiling)))
            failure(w, "slot %u: member %u may accept %lu to %ld, the other one would go on at %lu to %ld",
                    slot, owner->id, mine, (long)atomic_load(&a->receive_ceiling), others,
                    (long)atomic_load(&b->receive_ceiling));
    }
}

static void bounds_look(struct world *w, struct member *m)
{
    if (!m->node_up || !m->control_up)
        return;
    size_t unacked = session_unacked_bytes(m->session);
    if (m->shared.told_count > SLOTS || m->shared.hot_count > SLOTS || m->shared.list_count > RECORDS_MAX ||
        m->shared.stale_count > RECORDS_MAX || m->held_count >= HELD_MAX)
        failure(w, "promise 7: a queue of member %u grows without end", m->id);
    if (unacked > 60000)
        failure(w, "promise 7: %zu bytes of member %u wait for acknowledgements", unacked, m->id);
}

/* What a member is, as far as the looks depend on it. */
static uint32_t part_of(const struct member *m)
{
    return atomic_load(&m->sad->groups[GROUP].word) << 1 | may_take_over(m);
}

void ledger_look(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        uint32_t part = part_of(&w->members[i]);
        if (part != w->looked_at[i] || w->look_at_all)
            w->changed = UINT64_MAX;
        w->looked_at[i] = part;
    }
    for (unsigned i = 0; i < 2; i++) {
        ceilings_look(w, &w->members[i]);
        bounds_look(w, &w->members[i]);
    }
    w->changed = 0;
}

void ledger_free(struct world *w)
{
    for (uint32_t i = 0; i < w->truth_count; i++) {
        free(w->truths[i].sent.words);
        free(w->truths[i].delivered.words);
    }
    free(w->iv_set);
}
