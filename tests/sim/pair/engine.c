/* SPDX-License-Identifier: Apache-2.0 */
/* A member's engine: packets in and out of pairs in the SA table, by the functions that the real one uses.
 * What comes while it stands still waits, as in the kernel's queues. */
#include "ipsec/replay.h"
#include "ipsec/takeover.h"
#include "pair/world.h"

static const ns BEHIND_PATIENCE = 2 * NS_PER_S;

static bool waits(const struct member *m)
{
    return !m->engine_up || member_frozen(m) || atomic_load(&m->sad->held_until) > member_now(m);
}

static void keep(struct member *m, struct packet p)
{
    m->stirred = true;
    if (m->queue_count < QUEUE_MAX)
        m->queue[m->queue_count++] = p;
}

/* ---- what control is told ---- */

static void lease_due(void *context, struct happening *h)
{
    struct member *m = context;
    uint32_t slot = (uint32_t)h->number;
    if (member_frozen(m)) {
        later(m->world, m->frozen - m->world->schedule.now + NS_PER_US, lease_due, m, slot);
        return;
    }
    m->leases_due &= ~(1ull << slot);
    if (m->control_up && pair_used(&m->sad->pairs[slot])) {
        shared_group_lease_due(&m->shared, slot, member_now(m));
        control_run(m);
    }
}

static void note_lease(struct member *m, const struct sad_pair *p)
{
    uint64_t bit = 1ull << sad_slot(m->sad, p);
    if (m->leases_due & bit)
        return;
    m->leases_due |= bit;
    later(m->world, between(m->world, 0, 2 * NS_PER_MS), lease_due, m, sad_slot(m->sad, p));
}

/* ---- taking over ---- */

/* The stores of takeover_pair in their order, of which the last ones do not happen any more. */
static void takeover_break(struct member *m, struct sad_pair *p, uint32_t word)
{
    struct sad_pair done = *p;
    unsigned stores = m->break_takeover;
    takeover_pair(&done, word, member_now(m));
    if (stores > 1)
        atomic_store(&p->sequence_out, atomic_load(&done.sequence_out));
    if (stores > 2)
        for (unsigned i = 0; i < REPLAY_WORDS; i++)
            p->replay.bits[i] = UINT64_MAX;
    if (stores > 3)
        p->replay.top = done.replay.top;
    if (stores > 4)
        p->replay = done.replay;
    if (stores > 5)
        p->taken_in = done.taken_in;
    if (stores > 6)
        p->iv_base = done.iv_base;
    m->break_takeover = 0;
    tell(m->world, m, "the engine dies in the middle of taking over pair %u", p->connection);
    engine_die(m);
}

static enum drop_reason admit(struct member *m, struct sad_pair *p)
{
    uint32_t word = atomic_load(&m->sad->groups[GROUP].word);
    pair_changed(m, sad_slot(m->sad, p));
    if (m->break_takeover && sad_group_active(word) && atomic_load(&p->epoch) != sad_group_epoch(word)) {
        takeover_break(m, p, word);
        return DROP_NOT_OWNER;
    }
    return takeover_admit(m->sad, p, member_now(m));
}

/* ---- out ---- */

static void send(struct member *m, uint8_t tunnel, enum inside kind)
{
    struct world *w = m->world;
    struct sad_pair *p;
    uint64_t sequence;
    if (!policy_protects(m, tunnel, kind, &p)) {
        ledger_clear(w, m, tunnel, kind);
        return;
    }
    if (kind != INSIDE_PROTECTED)
        failure(w, "a packet that no access list names is protected by member %u", m->id);
    if (!p) {
        if (sad_group_active(atomic_load(&m->sad->groups[GROUP].word)) && m->control_up)
            ike_rekey(m, tunnel, between(w, 0, 20 * NS_PER_MS));
        return;
    }
    if (admit(m, p) != DROP_NONE)
        return;
    if (!takeover_claim(p, 1ULL << 32, &sequence)) {
        note_lease(m, p);
        w->refused++;
        return;
    }
    if (takeover_out_due(p, sequence))
        note_lease(m, p);
    ledger_sent(w, m, p->connection, sequence, p->iv_base ^ sequence);
    struct truth *t = &w->truths[p->connection];
    if (t->peer_has && !lost(w))
        w->tunnel[tunnel].out_heard = w->schedule.now;
}

void engine_inside(struct member *m, uint8_t tunnel, enum inside kind)
{
    if (!m->node_up)
        return;
    if (waits(m))
        keep(m, (struct packet){.tunnel = tunnel, .inside = (uint8_t)kind});
    else
        send(m, tunnel, kind);
}

/* ---- in ---- */

static void behind(struct member *m, struct sad_pair *p, uint64_t sequence)
{
    if (sequence >= p->taken_in || p->behind_reported ||
        ns_since(member_now(m), p->taken_at) < BEHIND_PATIENCE)
        return;
    p->behind_reported = 1;
    if (m->control_up)
        ike_rekey(m, (uint8_t)p->entry, between(m->world, 0, 20 * NS_PER_MS));
}

static void receive(struct member *m, uint32_t truth, uint64_t sequence, unsigned tries);

enum { TRIES = 3, SEQUENCE_BITS = 28 };

/* It waited for a higher ceiling. */
static void again(void *context, struct happening *h)
{
    struct member *m = context;
    uint32_t truth = (uint32_t)(h->number >> 32);
    uint64_t sequence = h->number & ((1 << SEQUENCE_BITS) - 1);
    if (m->node_up && !waits(m))
        receive(m, truth, sequence, (uint32_t)h->number >> SEQUENCE_BITS);
}

static void hold(struct member *m, struct sad_pair *p, uint32_t truth, uint64_t sequence, unsigned tries)
{
    atomic_store(&p->in_wanted, MAX(atomic_load(&p->in_wanted), sequence));
    if (tries < TRIES)
        later(m->world, 10 * NS_PER_MS, again, m,
              (uint64_t)truth << 32 | (uint64_t)(tries + 1) << SEQUENCE_BITS | sequence);
}

static void receive(struct member *m, uint32_t truth, uint64_t sequence, unsigned tries)
{
    struct world *w = m->world;
    struct sad_pair *p = sad_find_inbound(m->sad, w->truths[truth].spi_in);
    if (!p) {
        ike_unknown(m, truth);
        return;
    }
    if (admit(m, p) != DROP_NONE)
        return;
    if (replay_check(&p->replay, p->replay_size, sequence) != DROP_NONE) {
        behind(m, p, sequence);
        w->refused++;
        return;
    }
    bool due = takeover_in_due(p, sequence);
    if (due || !takeover_may_accept(p, sequence))
        note_lease(m, p);
    if (!takeover_may_accept(p, sequence)) {
        hold(m, p, truth, sequence, tries);
        w->refused++;
        return;
    }
    if (replay_commit(&p->replay, p->replay_size, sequence) != DROP_NONE)
        return;
    uint32_t state = PAIR_INBOUND;
    if (atomic_compare_exchange_strong(&p->state, &state, PAIR_ACTIVE)) {
        policy_pair_changed(m, sad_slot(m->sad, p));
        ike_used(m, truth);
    }
    ledger_delivered(w, m, truth, sequence);
}

void engine_outside(struct member *m, uint32_t truth, uint64_t sequence)
{
    if (!m->node_up)
        return;
    if (waits(m))
        keep(m, (struct packet){.truth = truth, .sequence = sequence});
    else
        receive(m, truth, sequence, 0);
}

/* ---- life ---- */

void engine_go_on(struct member *m)
{
    struct packet queue[QUEUE_MAX];
    unsigned count = m->queue_count;
    if (waits(m) || count == 0)
        return;
    memcpy(queue, m->queue, count * sizeof(*queue));
    m->queue_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!queue[i].sequence)
            engine_inside(m, queue[i].tunnel, queue[i].inside);
        else
            engine_outside(m, queue[i].truth, queue[i].sequence);
    }
}

static void engine_starts(void *context, struct happening *h)
{
    struct member *m = context;
    if (h->number != m->life || !m->node_up)
        return;
    m->engine_up = m->stirred = true;
    policy_begin(m);
    engine_go_on(m);
}

void engine_die(struct member *m)
{
    m->engine_up = false;
    later(m->world, between(m->world, 2 * NS_PER_MS, 80 * NS_PER_MS), engine_starts, m, m->life);
}
