/* SPDX-License-Identifier: Apache-2.0 */
/* A model of IKE at a member and at its peer: pairs are made (the records first, then the answer), used,
 * rekeyed, deleted. */
#include <assert.h>

#include "base/be.h"
#include "ipsec/takeover.h"
#include "pair/world.h"

static bool is_active(const struct member *m)
{
    return m->node_up && m->control_up && sad_group_active(atomic_load(&m->sad->groups[GROUP].word));
}

/* ---- the machine's changes ---- */

static void change(struct member *m, uint8_t kind, uint64_t key, uint32_t version, uint32_t truth, bool used)
{
    uint8_t data[RECORD_DATA];
    record_put(m, kind, key, version, truth, used);
    record_write(record_find(m, kind, key), data);
    uint64_t number = shared_group_put(&m->shared, kind, key, bytes_of(data, RECORD_DATA), member_now(m));
    m->need = MAX(m->need, number);
}

static void hold(struct member *m, bool answer, bool ours, uint32_t truth,
                 const struct session_lease *ceilings)
{
    assert(m->held_count < HELD_MAX);
    m->held[m->held_count++] =
        (struct held){.need = m->need, .answer = answer, .ours = ours, .truth = truth, .ceilings = *ceilings};
}

static void peer_deletes(void *context, struct happening *h)
{
    struct world *w = context;
    w->truths[h->number].peer_has = false;
}

static void pair_remove(struct member *m, uint32_t slot)
{
    struct record *r = record_find(m, SHARED_PAIR, slot);
    if (r) {
        m->world->truths[r->truth].deleted = true;
        tell(m->world, m, "deletes pair %u", r->truth);
        if (!lost(m->world))
            later(m->world, 5 * NS_PER_MS, peer_deletes, m->world, r->truth);
    }
    record_delete(m, KIND_PAIR, slot);
    record_delete(m, SHARED_PAIR, slot);
    (void)shared_group_delete(&m->shared, KIND_PAIR, slot, member_now(m));
    shared_group_pair_gone(&m->shared, slot, member_now(m));
    pair_free(m, slot);
}

/* As the IKE machine takes them: of its half, from somewhere on. */
static uint32_t slot_free(struct member *m)
{
    for (uint32_t i = 0; i < SLOTS / 2; i++) {
        uint32_t slot = (m->slot_from + i) % (SLOTS / 2) * 2 + m->id;
        if (!pair_used(&m->sad->pairs[slot]) && !record_find(m, SHARED_PAIR, slot))
            return slot;
    }
    return SLOTS;
}

/* Quick mode is done here: what the peer is told waits for the standby. */
static void negotiate(struct member *m, uint8_t tunnel, bool fresh)
{
    struct world *w = m->world;
    uint32_t slot = slot_free(m);
    struct session_lease ceilings;
    if (slot == SLOTS || w->truth_count == TRUTHS_MAX)
        return;
    for (uint32_t s = 0; s < SLOTS && fresh; s++)
        if (pair_used(&m->sad->pairs[s]) && m->sad->pairs[s].entry == tunnel)
            pair_remove(m, s);
    uint32_t truth = w->truth_count++;
    w->truths[truth] =
        (struct truth){.spi_in = spi_make(m->id, 1 + truth % ((1 << SPI_GENERATION_BITS) - 1), slot),
                       .slot = slot,
                       .tunnel = tunnel,
                       .maker = m->id};
    m->need = 0;
    /* Whoever answers waits for a sign that the other one has the keys (RFC 2409 §5.5). */
    bool ours = !fresh && chance(w, 500);
    struct record *sa = record_find(m, KIND_SA, tunnel);
    change(m, KIND_SA, tunnel, sa ? sa->version + 1 : 1, 0, false);
    change(m, KIND_PAIR, slot, 1, truth, ours);
    record_put(m, SHARED_PAIR, slot, 1, truth, false);
    uint8_t data[RECORD_DATA];
    record_write(record_find(m, SHARED_PAIR, slot), data);
    uint64_t number = shared_group_pair_new(&m->shared, slot, w->truths[truth].spi_in,
                                            bytes_of(data, RECORD_DATA), &ceilings, member_now(m));
    m->need = MAX(m->need, number);
    tell(w, m, "makes pair %u of tunnel %u in slot %u%s", truth, tunnel, slot, m->need ? ", waits" : "");
    hold(m, false, ours, truth, &ceilings);
    hold(m, true, ours, truth, &ceilings);
    control_run(m);
    control_release(m);
}

static void exchange(void *context, struct happening *h)
{
    struct member *m = context;
    uint8_t tunnel = (uint8_t)h->number;
    bool fresh = h->number >> 8 & 1;
    if (member_frozen(m))
        later(m->world, m->frozen - m->world->schedule.now + NS_PER_US, exchange, m, h->number);
    else if (is_active(m) && m->serves)
        negotiate(m, tunnel, fresh);
    else if (is_active(m) && !fresh)
        ike_rekey(m, tunnel, 300 * NS_PER_MS);
}

void ike_rekey(struct member *m, uint8_t tunnel, ns after)
{
    ns at = m->world->schedule.now + after;
    if (m->rekey_at[tunnel] > at && m->rekey_at[tunnel] > m->world->schedule.now + 200 * NS_PER_MS)
        m->rekey_at[tunnel] = at;
}

static void tunnel_tick(struct member *m, uint8_t tunnel)
{
    struct world *w = m->world;
    ns now = w->schedule.now;
    uint32_t newest = 0, slot;
    each_pair(slot, m)
    {
        const struct sad_pair *p = &m->sad->pairs[slot];
        if (atomic_load(&p->state) == PAIR_ACTIVE && p->entry == tunnel)
            newest = MAX(newest, p->connection);
    }
    each_pair(slot, m)
    {
        const struct sad_pair *p = &m->sad->pairs[slot];
        if (!pair_used(p) || p->entry != tunnel)
            continue;
        /* Superseded, or never confirmed: each tick's chance stands for the time that it takes. */
        if (p->connection < newest ? chance(w, 150) : atomic_load(&p->state) == PAIR_INBOUND && chance(w, 25))
            pair_remove(m, slot);
    }
    if (chance(w, w->healed ? 3 : 15))
        ike_rekey(m, tunnel, 0);
    if (m->rekey_at[tunnel] <= now) {
        m->rekey_at[tunnel] = NS_NEVER;
        later(w, between(w, 5 * NS_PER_MS, 20 * NS_PER_MS), exchange, m, tunnel);
    }
}

void ike_tick(struct member *m)
{
    if (!is_active(m))
        return;
    for (uint8_t t = 0; t < m->world->tunnels; t++)
        tunnel_tick(m, t);
}

static void used(void *context, struct happening *h)
{
    struct member *m = context;
    const struct truth *t = &m->world->truths[h->number];
    struct record *r = is_active(m) ? record_find(m, KIND_PAIR, t->slot) : NULL;
    if (r && r->truth == h->number && !r->used) {
        change(m, KIND_PAIR, t->slot, r->version + 1, r->truth, true);
        control_run(m);
    }
}

void ike_used(struct member *m, uint32_t truth)
{
    later(m->world, between(m->world, 0, 2 * NS_PER_MS), used, m, truth);
}

/* The owner of an IKE SA with the peer tells it; without one the peer's probes find out. */
void ike_unknown(struct member *m, uint32_t truth)
{
    struct truth *t = &m->world->truths[truth];
    bool knows = record_find(m, KIND_SA, t->tunnel);
    if (is_active(m) && m->serves && t->peer_has)
        later(m->world, knows ? 10 * NS_PER_MS : 2500 * NS_PER_MS, peer_deletes, m->world, truth);
}

/* ---- the peer ---- */

static void peer_learns(void *context, struct happening *h)
{
    struct world *w = context;
    struct truth *t = &w->truths[h->number];
    for (uint32_t i = 1; i < h->number; i++)
        if (w->truths[i].tunnel == t->tunnel && w->truths[i].peer_has)
            w->truths[i].peer_until = MIN(w->truths[i].peer_until, w->schedule.now + 3 * NS_PER_S);
    t->peer_has = t->heard = true;
    tell(w, NULL, "the peer of tunnel %u has pair %lu", t->tunnel, h->number);
    t->peer_until = NS_NEVER;
}

/* What is lost is asked for once more. */
static void answer_again(void *context, struct happening *h)
{
    struct member *m = context;
    const struct truth *t = &m->world->truths[h->number];
    const struct record *r = m->control_up ? record_find(m, SHARED_PAIR, t->slot) : NULL;
    if (r && r->truth == h->number)
        ike_answer(m, r->truth);
}

void ike_answer(struct member *m, uint32_t truth)
{
    if (!m->serves || !m->node_up || !is_active(m))
        return;
    if (lost(m->world))
        later(m->world, 300 * NS_PER_MS, answer_again, m, truth);
    else
        later(m->world, between(m->world, NS_PER_MS, 10 * NS_PER_MS), peer_learns, m->world, truth);
}

static void packet_arrives(void *context, struct happening *h)
{
    struct member *m = context;
    engine_outside(m, (uint32_t)(h->number >> 32), h->number & UINT32_MAX);
}

static void peer_sends(struct world *w, uint32_t truth)
{
    struct truth *t = &w->truths[truth];
    uint64_t number = (uint64_t)truth << 32 | ++t->peer_sequence;
    bool both = w->members[0].serves && w->members[1].serves, twice = chance(w, 300);
    unsigned one = dice_below(&w->dice, 2);
    if (lost(w))
        return;
    unsigned copies = !w->healed && chance(w, w->twice) ? 2 : 1;
    for (unsigned i = 0; i < 2 * copies; i++) {
        struct member *to = &w->members[i % 2];
        bool late = !w->healed && chance(w, w->late);
        if (to->serves && (!both || twice || i % 2 == one))
            later(w, between(w, 0, (late ? 150 : 5) * NS_PER_MS), packet_arrives, to, number);
    }
    /* Somebody sends again what he heard. */
    if (!w->healed && chance(w, 30)) {
        uint32_t old = 1 + dice_below(&w->dice, w->truth_count - 1);
        if (w->truths[old].peer_sequence)
            later(w, between(w, 0, 5 * NS_PER_MS), packet_arrives, &w->members[one],
                  (uint64_t)old << 32 | (1 + dice_u64(&w->dice) % w->truths[old].peer_sequence));
    }
}

static uint32_t peer_newest(struct world *w, uint8_t tunnel)
{
    uint32_t newest = 0;
    for (uint32_t i = w->truth_count - 1; i > 0 && !newest; i--) {
        struct truth *t = &w->truths[i];
        if (t->peer_has && t->peer_until <= w->schedule.now)
            t->peer_has = false;
        if (t->tunnel == tunnel && t->peer_has)
            newest = i;
    }
    return newest;
}

static enum inside inside_draw(struct world *w)
{
    return chance(w, 950) ? INSIDE_PROTECTED : chance(w, 500) ? INSIDE_LEFT_OUT : INSIDE_ELSEWHERE;
}

static void peer_tunnel(struct world *w, uint8_t tunnel)
{
    static const ns DEAD = 2500 * NS_PER_MS, AGAIN = 300 * NS_PER_MS;
    struct tunnel *t = &w->tunnel[tunnel];
    ns now = w->schedule.now;
    uint32_t newest = peer_newest(w, tunnel);
    unsigned one = dice_below(&w->dice, 2);
    if (newest && now - MAX(t->out_heard, t->since) > DEAD) {
        for (uint32_t i = 1; i <= newest; i++)
            if (w->truths[i].tunnel == tunnel)
                w->truths[i].peer_has = false;
        tell(w, NULL, "the peer of tunnel %u heard nothing and begins anew", tunnel);
        w->renegotiated++;
        newest = 0;
    }
    if (newest) {
        peer_sends(w, newest);
    } else if (now - t->asked > AGAIN) {
        t->asked = t->since = now;
        if (!w->members[one].serves)
            one = 1 - one;
        if (w->members[one].serves && !lost(w))
            later(w, between(w, 5 * NS_PER_MS, 20 * NS_PER_MS), exchange, &w->members[one], tunnel | 1 << 8);
    }
    for (unsigned i = 0; i < 2; i++)
        if (w->members[i].serves && chance(w, 700))
            engine_inside(&w->members[i], tunnel, inside_draw(w));
}

void peer_tick(void *context, struct happening *h)
{
    struct world *w = context;
    bool calm = w->schedule.now > CHAOS_END + 2 * NS_PER_S;
    for (uint8_t t = 0; t < w->tunnels; t++)
        if (t == h->number % w->tunnels || t == 0)
            peer_tunnel(w, t); /* the first has much traffic */
    later(w, (calm ? 24 : 8) * NS_PER_MS, peer_tick, w, h->number + 1);
}
