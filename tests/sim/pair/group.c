/* SPDX-License-Identifier: Apache-2.0 */
/* What the real shared group of a member reaches: records, pairs, the role, the session. */
#include <assert.h>

#include "base/be.h"
#include "ipsec/takeover.h"
#include "pair/world.h"

enum { SNAPSHOT_ROOM = 64 * 1024 };

void record_write(const struct record *r, uint8_t data[RECORD_DATA])
{
    memset(data, 0, RECORD_DATA);
    be32_store(data, r->version);
    be32_store(data + 4, r->truth);
    data[8] = r->used;
}

static void op_each(void *c, bool (*add)(void *to, uint8_t kind, uint64_t key), void *to)
{
    struct member *m = c;
    for (unsigned i = 0; i < m->record_count; i++, m->touched++)
        if (!add(to, m->records[i].kind, m->records[i].key))
            return;
}

static bool op_get(void *c, uint8_t kind, uint64_t key, struct bytes *ret)
{
    static uint8_t data[RECORD_DATA];
    struct member *m = c;
    struct record *r = record_find(m, kind, key);
    m->touched++;
    if (!r)
        return false;
    record_write(r, data);
    *ret = bytes_of(data, RECORD_DATA);
    return true;
}

static void state_follow(struct member *m, uint32_t slot)
{
    struct record *r = record_find(m, KIND_PAIR, slot);
    struct sad_pair *p = &m->sad->pairs[slot];
    uint32_t state = PAIR_INBOUND;
    if (r && r->used && p->connection == r->truth)
        if (atomic_compare_exchange_strong(&p->state, &state, PAIR_ACTIVE))
            policy_pair_changed(m, slot);
}

static void op_put(void *c, uint8_t kind, uint64_t key, struct bytes data, int64_t shift, bool merge)
{
    struct member *m = c;
    (void)shift;
    assert(data.len == RECORD_DATA);
    if (merge && record_find(m, kind, key))
        return;
    record_put(m, kind, key, be32_load(data.data), be32_load(data.data + 4), data.data[8]);
    if (kind == KIND_PAIR)
        state_follow(m, (uint32_t)key);
}

static void op_drop(void *c, uint8_t kind, uint64_t key)
{
    struct member *m = c;
    m->touched++;
    record_delete(m, kind, key);
    if (kind != SHARED_PAIR)
        return;
    struct sad_pair *p = &m->sad->pairs[key];
    bool used_before = pair_used(p);
    pair_free(m, (uint32_t)key);
    if (used_before)
        pair_lost_look(m->world, p->connection, m->shared.receiving, false);
}

static void replica(struct member *m, uint32_t slot, uint32_t truth)
{
    struct sad_pair *p = &m->sad->pairs[slot];
    struct truth *t = &m->world->truths[truth];
    bool other = pair_used(p) && p->spi_in != t->spi_in;
    uint32_t before = p->connection;
    if (pair_used(p) && !other)
        return;
    pair_free(m, slot);
    if (other)
        pair_lost_look(m->world, before, false, false);
    memset((char *)p + sizeof(p->state), 0, offsetof(struct sad_pair, seal_key) - sizeof(p->state));
    p->spi_in = t->spi_in;
    p->connection = truth;
    p->entry = t->tunnel;
    p->group = GROUP;
    p->protocol = 50;
    p->replay_size = 64;
    p->iv_base = dice_u64(&m->world->dice);
    pair_stands(m, slot);
    state_follow(m, slot);
}

static void op_put_pair(void *c, uint32_t slot, struct bytes data, int64_t shift, bool merge, uint64_t out,
                        uint64_t in)
{
    struct member *m = c;
    uint32_t truth = be32_load(data.data + 4);
    struct sad_pair *p = &m->sad->pairs[slot];
    (void)shift;
    m->touched++;
    struct record *mine = record_find(m, SHARED_PAIR, slot);
    if (merge && mine && mine->truth != truth)
        m->world->truths[truth].conflict = true;
    if (merge && mine)
        return;
    record_put(m, SHARED_PAIR, slot, be32_load(data.data), truth, false);
    replica(m, slot, truth);
    p->granted_out = out;
    p->granted_in = in;
    pair_changed(m, slot);
    atomic_store(&p->sequence_ceiling, UINT64_MAX);
    atomic_store(&p->receive_ceiling, UINT64_MAX);
    atomic_store(&p->out_mark, UINT64_MAX);
    atomic_store(&p->in_mark, UINT64_MAX);
    m->world->truths[truth].applied |= (uint8_t)(1 << m->id);
}

static void op_grant(void *c, const struct session_lease *l, bool merge)
{
    struct member *m = c;
    struct sad_pair *p = &m->sad->pairs[l->slot];
    m->touched++;
    if (!pair_used(p) || p->spi_in != l->spi_in)
        return;
    pair_changed(m, l->slot);
    p->granted_out = merge ? MAX(p->granted_out, l->out) : l->out;
    p->granted_in = merge ? MAX(p->granted_in, l->in) : l->in;
}

static bool op_position(void *c, uint32_t slot, uint32_t *ret_spi_in, uint64_t *ret_out, uint64_t *ret_in)
{
    struct member *m = c;
    const struct sad_pair *p = &m->sad->pairs[slot];
    m->touched++;
    if (!pair_used(p))
        return false;
    *ret_spi_in = p->spi_in;
    takeover_position(p, ret_out, ret_in);
    return true;
}

static void op_ceilings(void *c, uint32_t slot, const struct session_lease *l, uint64_t out_mark,
                        uint64_t in_mark)
{
    struct member *m = c;
    struct sad_pair *p = &m->sad->pairs[slot];
    m->touched++;
    if (!pair_used(p) || p->spi_in != l->spi_in)
        return;
    pair_changed(m, slot);
    atomic_store(&p->out_mark, out_mark);
    atomic_store(&p->in_mark, in_mark);
    atomic_store(&p->sequence_ceiling, l->out);
    atomic_store(&p->receive_ceiling, l->in);
}

static void op_rekey(void *c, uint32_t slot)
{
    struct member *m = c;
    const struct sad_pair *p = &m->sad->pairs[slot];
    if (pair_used(p))
        ike_rekey(m, (uint8_t)p->entry, 0);
}

static void op_settle(void *c)
{
    (void)c;
}

static void op_activate(void *c, uint32_t epoch)
{
    struct member *m = c;
    struct world *w = m->world;
    if (m->in_verdict && m->touched > 4)
        failure(w, "promise 6: a takeover touches single pairs (%u)", m->touched);
    atomic_store(&m->sad->groups[GROUP].word, sad_group_word(epoch, m->id, true));
    w->takeovers++;
    tell(w, m, "ACTIVE in epoch %u", epoch);
}

static void op_deactivate(void *c)
{
    struct member *m = c;
    uint32_t word = atomic_load(&m->sad->groups[GROUP].word);
    atomic_store(&m->sad->groups[GROUP].word, sad_group_word(sad_group_epoch(word), m->id, false));
    for (unsigned i = 0; i < m->held_count; i++)
        if (m->held[i].answer)
            m->held[i].truth = 0;
    tell(m->world, m, "not active any more");
}

static void op_forget(void *c)
{
    struct member *m = c;
    tell(m->world, m, "forgets everything");
    m->world->forgotten++;
    pairs_forget(m, false);
    m->touched = 0;
}

static void op_note(void *c)
{
    struct member *m = c;
    const struct membership *s = &m->shared.membership;
    m->note.set = true;
    m->note.state = s->state;
    m->note.bounded = s->bounded;
    m->note.in_step = s->in_step;
    m->note.epoch = s->state == SESSION_OWNER ? s->own_epoch : s->epoch;
}

static void op_in_step(void *c)
{
    struct member *m = c;
    m->world->snapshots++;
    tell(m->world, m, "in step");
}

static void op_hold(void *c, ns until)
{
    struct member *m = c;
    atomic_store(&m->sad->held_until, until);
    if (until == 0)
        engine_go_on(m);
}

static void op_yield(void *c)
{
    struct member *m = c;
    m->yielding = true;
    election_resign(m, "yields");
}

static void op_disown(void *c)
{
    struct member *m = c;
    m->yielding = false;
    m->serves = m->active;
}

static void op_drain(void *c)
{
    struct member *m = c;
    m->drain_at = m->world->schedule.now + between(m->world, 0, 40 * NS_PER_MS);
}

static void op_switched(void *c, bool ok)
{
    struct member *m = c;
    m->drain_at = NS_NEVER;
    m->world->switchovers += ok;
    tell(m->world, m, "switchover %s", ok ? "done" : "did not come about");
}

static void op_released(void *c, uint64_t number)
{
    struct member *m = c;
    (void)number;
    control_release(m);
}

/* ---- the session ---- */

static uint64_t op_send_put(void *c, uint8_t kind, uint64_t key, struct bytes data, bool snapshot)
{
    struct member *m = c;
    if (snapshot && session_unacked_bytes(m->session) > m->world->room + 256)
        failure(m->world, "promise 7: a snapshot does not wait for room");
    return session_put(m->session, member_now(m), GROUP, kind, key, data, snapshot, &m->actions);
}

static uint64_t op_send_delete(void *c, uint8_t kind, uint64_t key)
{
    struct member *m = c;
    return session_delete(m->session, member_now(m), GROUP, kind, key, false, &m->actions);
}

static uint64_t op_send_leases(void *c, const struct session_lease *l, size_t n, bool exact)
{
    struct member *m = c;
    return session_leases(m->session, member_now(m), GROUP, l, n, exact, false, &m->actions);
}

static uint64_t op_send_role(void *c, const struct session_role_state *r)
{
    struct member *m = c;
    return session_role(m->session, member_now(m), GROUP, r, &m->actions);
}

static uint64_t op_send_notice(void *c, uint32_t code)
{
    struct member *m = c;
    return session_notice(m->session, member_now(m), GROUP, code, 0, 0, &m->actions);
}

static uint64_t op_send_begin(void *c)
{
    struct member *m = c;
    return session_snapshot_begin(m->session, member_now(m), GROUP, &m->actions);
}

static uint64_t op_send_end(void *c)
{
    struct member *m = c;
    return session_snapshot_end(m->session, member_now(m), GROUP, &m->actions);
}

static bool op_feed(void *c)
{
    struct member *m = c;
    return session_feed(m->session, GROUP, true);
}

static size_t op_room(void *c)
{
    struct member *m = c;
    return session_room(m->session) && session_unacked_bytes(m->session) < m->world->room ? SNAPSHOT_ROOM : 0;
}

const struct shared_group_ops pair_ops = {
    .each = op_each,
    .get = op_get,
    .put = op_put,
    .drop = op_drop,
    .put_pair = op_put_pair,
    .grant = op_grant,
    .position = op_position,
    .ceilings = op_ceilings,
    .rekey = op_rekey,
    .settle = op_settle,
    .activate = op_activate,
    .deactivate = op_deactivate,
    .forget = op_forget,
    .note = op_note,
    .in_step = op_in_step,
    .hold = op_hold,
    .yield = op_yield,
    .disown = op_disown,
    .drain = op_drain,
    .switched = op_switched,
    .released = op_released,
    .send_put = op_send_put,
    .send_delete = op_send_delete,
    .send_leases = op_send_leases,
    .send_role = op_send_role,
    .send_notice = op_send_notice,
    .send_begin = op_send_begin,
    .send_end = op_send_end,
    .feed = op_feed,
    .room = op_room,
};
