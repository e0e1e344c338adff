/* SPDX-License-Identifier: Apache-2.0 */
/* A member: its node, its control process with the real shared group and session, what a crash leaves. */
#include <assert.h>
#include <stdlib.h>

#include "pair/world.h"

bool member_owns(const struct member *m)
{
    return m->node_up && m->control_up && m->shared.membership.state == SESSION_OWNER;
}

/* ---- records ---- */

struct record *record_find(struct member *m, uint8_t kind, uint64_t key)
{
    for (unsigned i = 0; i < m->record_count; i++)
        if (m->records[i].kind == kind && m->records[i].key == key)
            return &m->records[i];
    return NULL;
}

void record_put(struct member *m, uint8_t kind, uint64_t key, uint32_t version, uint32_t truth, bool used)
{
    struct record *r = record_find(m, kind, key);
    if (!r) {
        assert(m->record_count < RECORDS_MAX);
        r = &m->records[m->record_count++];
    }
    *r = (struct record){.kind = kind, .key = key, .version = version, .truth = truth, .used = used};
}

void record_delete(struct member *m, uint8_t kind, uint64_t key)
{
    struct record *r = record_find(m, kind, key);
    if (r)
        *r = m->records[--m->record_count];
}

static bool has_pair(const struct member *m, uint32_t truth)
{
    const struct truth *t = &m->world->truths[truth];
    const struct sad_pair *p = &m->sad->pairs[t->slot];
    return m->node_up && pair_used(p) && p->spi_in == t->spi_in;
}

void pair_free(struct member *m, uint32_t slot)
{
    atomic_store(&m->sad->pairs[slot].state, PAIR_FREE);
    if (m->pairs >> slot & 1)
        policy_pair_changed(m, slot);
    m->pairs &= ~(1ull << slot);
}

void pair_stands(struct member *m, uint32_t slot)
{
    struct sad_pair *p = &m->sad->pairs[slot];
    sad_slot_use(m->sad, slot);
    policy_selector((uint8_t)p->entry, &p->selector);
    p->spi_out = p->connection;
    atomic_store(&p->preferred_since, p->connection); /* the newest sends */
    atomic_store(&p->state, PAIR_INBOUND);
    m->pairs |= 1ull << slot;
    pair_changed(m, slot);
    policy_pair_changed(m, slot);
}

/* A member has the pair no more: does any? */
void pair_lost_look(struct world *w, uint32_t truth, bool by_snapshot, bool by_death)
{
    struct truth *t = &w->truths[truth];
    if (!t->peer_has || t->deleted || t->lost || has_pair(&w->members[0], truth) ||
        has_pair(&w->members[1], truth))
        return;
    t->lost = true;
    tell(w, NULL, "pair %u of tunnel %u is lost", truth, t->tunnel);
    if (t->conflict)
        w->conflicts++;
    else if (by_death)
        w->lost_dead++;
    else
        w->lost_forgotten++;
    if (by_snapshot && !t->conflict)
        failure(w, "a snapshot took pair %u away, which its peer uses", truth);
}

/* ---- the session ---- */

void session_happens(struct member *m, enum session_event_kind kind, struct bytes bytes)
{
    const struct session_event e = {.kind = kind, .now = member_now(m), .bytes = bytes};
    if (!m->control_up)
        return;
    session_step(m->session, &e, &m->actions);
    control_run(m);
}

static void action_run(struct member *m, const struct session_actions *all, const struct session_action *a)
{
    static const char *const roles[] = {"EMPTY", "SYNCING", "STANDBY", "OWNER", "STALE"};
    switch (a->kind) {
    case SESSION_SEND:
        channel_send(m, session_action_send(all, a));
        return;
    case SESSION_LOG:
        tell(m->world, m, "%s", a->log.text);
        return;
    case SESSION_ROLE:
        tell(m->world, m, "the other is %s of epoch %u%s", roles[a->role.role], a->role.epoch,
             a->role.in_step ? ", in step" : "");
        break;
    case SESSION_NOTICE:
        tell(m->world, m, "notice %u", a->notice.code);
        break;
    case SESSION_PEER_UP:
    case SESSION_PEER_LOST:
    case SESSION_BYE:
        tell(m->world, m, "peer %s",
             a->kind == SESSION_PEER_UP ? "up"
             : a->kind == SESSION_BYE   ? "leaves"
                                        : "lost");
        break;
    case SESSION_SNAPSHOT_BEGIN:
    case SESSION_SNAPSHOT_END:
        tell(m->world, m, "snapshot %s", a->kind == SESSION_SNAPSHOT_BEGIN ? "begins" : "ends");
        break;
    default:
        break;
    }
    m->peer_lost_now = a->kind == SESSION_PEER_LOST || a->kind == SESSION_BYE;
    shared_group_session(&m->shared, a, member_now(m));
    m->peer_lost_now = false;
    if (a->kind == SESSION_PEER_LOST)
        channel_close(m, false);
}

void control_run(struct member *m)
{
    m->stirred = true;
    if (m->running || !m->control_up)
        return;
    m->running = true;
    while (m->actions.count) {
        struct session_actions now = m->actions;
        m->actions = m->spare;
        for (size_t i = 0; i < now.count && !m->world->failed; i++)
            action_run(m, &now, &now.items[i]);
        session_actions_clear(&now);
        m->spare = now;
    }
    m->running = false;
    control_release(m);
}

/* ---- output commit ---- */

static void install(struct member *m, const struct held *h)
{
    struct truth *t = &m->world->truths[h->truth];
    struct sad_pair *p = &m->sad->pairs[t->slot];
    uint32_t epoch = sad_group_epoch(atomic_load(&m->sad->groups[GROUP].word));
    struct record *r = record_find(m, SHARED_PAIR, t->slot);
    if (!r || r->truth != h->truth || pair_used(p))
        return;
    memset((char *)p + sizeof(p->state), 0, offsetof(struct sad_pair, seal_key) - sizeof(p->state));
    p->spi_in = t->spi_in;
    p->connection = h->truth;
    p->entry = t->tunnel;
    p->group = GROUP;
    p->protocol = 50;
    p->replay_size = 64;
    atomic_store(&p->epoch, epoch);
    p->iv_base = sad_iv_base(m->id, epoch, dice_u64(&m->world->dice));
    atomic_store(&p->sequence_ceiling, h->ceilings.out);
    atomic_store(&p->receive_ceiling, h->ceilings.in);
    atomic_store(&p->out_mark, h->ceilings.out / 2 + 1);
    atomic_store(&p->in_mark, h->ceilings.in / 2 + 1);
    pair_stands(m, t->slot);
    if (h->ours) {
        atomic_store(&p->state, PAIR_ACTIVE);
        policy_pair_changed(m, t->slot);
    }
}

/* An answer that leaves because its record was acknowledged: the other one has had it. */
static void answer(struct member *m, const struct held *h)
{
    struct truth *t = &m->world->truths[h->truth];
    if (h->need && !m->peer_lost_now && membership_commits(&m->shared.membership) &&
        !(t->applied >> other_of(m)->id & 1))
        failure(m->world, "promise 5: the answer about pair %u leaves before the standby has its record",
                h->truth);
    ike_answer(m, h->truth);
}

void control_release(struct member *m)
{
    if (m->held_count == 0)
        return;
    unsigned done = 0;
    while (done < m->held_count &&
           !(m->held[done].need && shared_group_waits(&m->shared, m->held[done].need))) {
        const struct held *h = &m->held[done++];
        if (h->truth == 0)
            continue; /* dropped */
        if (h->answer)
            answer(m, h);
        else
            install(m, h);
    }
    m->held_count -= done;
    memmove(m->held, m->held + done, m->held_count * sizeof(*m->held));
}

/* ---- life ---- */

void pairs_forget(struct member *m, bool by_death)
{
    uint32_t slot;
    m->record_count = 0;
    each_pair(slot, m)
    {
        struct sad_pair *p = &m->sad->pairs[slot];
        bool used = pair_used(p);
        pair_free(m, slot);
        if (used)
            pair_lost_look(m->world, p->connection, false, by_death);
    }
}

void control_start(struct member *m)
{
    struct world *w = m->world;
    struct session_config sc = {0};
    const struct shared_group_config config = {.member = m->id, .slots = SLOTS, .limits = w->limits};
    uint8_t state = SESSION_EMPTY;
    uint32_t epoch = 0;
    bool bounded = false;
    if (m->note.set) {
        bool kept = m->note.state == SESSION_OWNER || (m->note.state == SESSION_STANDBY && m->note.in_step);
        state = kept ? m->note.state : SESSION_EMPTY;
        epoch = m->note.epoch;
        bounded = m->note.bounded;
    }
    /* A pair that was about to be installed is not there: its records go. */
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (record_find(m, SHARED_PAIR, slot) && !pair_used(&m->sad->pairs[slot])) {
            record_delete(m, SHARED_PAIR, slot);
            record_delete(m, KIND_PAIR, slot);
        }
    /* And a pair without a record is nobody's. */
    uint32_t orphan;
    each_pair(orphan, m)
    {
        const struct sad_pair *p = &m->sad->pairs[orphan];
        if (record_find(m, SHARED_PAIR, orphan) || !pair_used(p))
            continue;
        pair_free(m, orphan);
        pair_lost_look(w, p->connection, false, true);
    }
    if (m->record_count == 0)
        m->slot_from = dice_below(&w->dice, SLOTS / 2);
    m->control_up = true;
    m->control_life++;
    session_config_default(&sc);
    sc.member = m->id;
    sc.heartbeat = w->heartbeat;
    sc.dead = w->dead;
    m->session = session_new(&sc);
    assert(m->session && session_actions_init(&m->actions) == 0 && session_actions_init(&m->spare) == 0);
    assert(shared_group_init(&m->shared, &config, &pair_ops, m, state, epoch, bounded, member_now(m)) == 0);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        const struct sad_pair *p = &m->sad->pairs[slot];
        if (pair_used(p))
            shared_group_restore(&m->shared, slot, atomic_load(&p->sequence_ceiling),
                                 atomic_load(&p->receive_ceiling), atomic_load(&p->out_mark));
    }
    atomic_store(&m->sad->groups[GROUP].word, sad_group_word(epoch, m->id, state == SESSION_OWNER));
    atomic_store(&m->sad->held_until, 0);
    m->held_count = 0;
    m->drain_at = NS_NEVER;
    m->ike_at = w->schedule.now + 50 * NS_PER_MS;
    m->connect_at = w->schedule.now + between(w, 0, 30 * NS_PER_MS);
    m->yielding = m->leaving = false;
    /* Its election begins anew, or goes on where that is soon enough. */
    m->active = m->active && state == SESSION_OWNER && w->schedule.now - m->heard < w->hold;
    m->heard = w->schedule.now;
    m->serves = m->active;
    tell(w, m, "control starts, state %u, epoch %u", state, epoch);
    verdict_changed(m);
}

void control_die(struct member *m)
{
    if (!m->control_up)
        return;
    channel_close(m, !m->node_up || m->world->link_dark);
    m->control_up = false;
    m->heard = m->world->schedule.now;
    shared_group_done(&m->shared);
    session_free(m->session);
    session_actions_done(&m->actions);
    session_actions_done(&m->spare);
    m->session = NULL;
}

void member_start(struct member *m)
{
    m->node_up = m->engine_up = true;
    m->life++;
    m->ahead = (int64_t)between(m->world, 0, 1000 * NS_PER_S); /* it counts from the start of the machine */
    m->note.set = false;
    m->active = m->tracked_down = false;
    m->queue_count = 0;
    atomic_store(&m->sad->groups[GROUP].word, sad_group_word(0, m->id, false));
    pairs_forget(m, true);
    control_start(m);
}

void member_die(struct member *m)
{
    if (!m->node_up)
        return;
    tell(m->world, m, "the node dies");
    m->node_up = m->engine_up = m->serves = m->active = false;
    control_die(m);
    atomic_store(&m->sad->groups[GROUP].word, 0);
    m->queue_count = 0;
    m->frozen = 0;
    uint32_t slot;
    each_pair(slot, m) if (pair_used(&m->sad->pairs[slot]))
        pair_lost_look(m->world, m->sad->pairs[slot].connection, false, true);
}

void verdict_changed(struct member *m)
{
    if (!m->control_up)
        return;
    m->touched = 0;
    m->in_verdict = m->active;
    shared_group_verdict(&m->shared, m->active, member_now(m));
    m->in_verdict = false;
    control_run(m);
}

/* By the world's clock; nothing is due while the member stands still. */
ns member_deadline(const struct member *m)
{
    ns at = NS_NEVER;
    if (!m->node_up)
        return at;
    if (m->queue_count && m->engine_up)
        at = member_then(m, atomic_load(&m->sad->held_until));
    if (m->control_up) {
        ns machines = ns_min(session_deadline(m->session), shared_group_deadline(&m->shared));
        if (machines != NS_NEVER)
            at = ns_min(at, member_then(m, machines));
        at = ns_min(at, ns_min(m->drain_at, election_deadline(m)));
        if (m->id == 1 && !m->connected)
            at = ns_min(at, m->connect_at);
        if (sad_group_active(atomic_load(&m->sad->groups[GROUP].word)))
            at = ns_min(at, m->ike_at);
        if (m->actions.count)
            at = 0;
    }
    return at == NS_NEVER ? at : MAX(at, m->frozen);
}

void control_tick(struct member *m)
{
    struct world *w = m->world;
    if (!m->node_up || !m->control_up || member_frozen(m))
        return;
    ns now = member_now(m);
    if (session_deadline(m->session) <= now)
        session_happens(m, SESSION_EVENT_TICK, (struct bytes){0});
    if (w->schedule.now >= m->drain_at) {
        m->drain_at = NS_NEVER;
        shared_group_drained(&m->shared, now);
    }
    if (shared_group_deadline(&m->shared) <= now)
        shared_group_tick(&m->shared, now);
    control_run(m);
    election_tick(m);
    if (m->id == 1 && !m->connected && w->schedule.now >= m->connect_at) {
        m->connect_at = w->schedule.now + between(w, 10 * NS_PER_MS, 60 * NS_PER_MS);
        channel_try(w);
    }
    if (w->schedule.now >= m->ike_at) {
        m->ike_at = w->schedule.now + 50 * NS_PER_MS;
        ike_tick(m);
    }
    control_run(m);
}
