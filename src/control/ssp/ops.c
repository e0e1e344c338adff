/* SPDX-License-Identifier: Apache-2.0 */
/* A shared group's hands: SA table, record store, IKE machine, redundancy and the link, as its machine asks
 * for them (replication/shared_group.h). */
#include <stdio.h>

#include "control/redundancy/redundancy.h"
#include "control/routing/reverse_routes.h"
#include "control/ssp/internal.h"
#include "ipsec/takeover.h"

enum { NOTE_SIZE = 8 };

/* ---- records ---- */

struct each {
    const struct ssp_group *group;
    bool (*add)(void *to, uint8_t kind, uint64_t key);
    void *to;
    bool failed;
};

static void sa_each(void *context, const struct ike_sa_view *v)
{
    struct each *e = context;

    if (v->group == e->group->index && !v->deleted) /* not every half-open one has a record */
        e->failed = e->failed || !e->add(e->to, v->established ? IKE_RECORD_SA : IKE_RECORD_HALF_OPEN, v->id);
}

static void pair_each(void *context, const struct ike_pair_view *v)
{
    struct each *e = context;

    if (v->group == e->group->index)
        e->failed = e->failed || !e->add(e->to, IKE_RECORD_PAIR, v->slot);
}

static bool of_group(const struct ssp_group *g, const struct sad_pair *p)
{
    uint32_t state = atomic_load(&p->state);

    return p->group == g->index &&
           (state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED);
}

static void op_each(void *context, bool (*add)(void *to, uint8_t kind, uint64_t key), void *to)
{
    struct ssp_group *g = context;
    struct control *c = g->control;
    struct each e = {.group = g, .add = add, .to = to};
    uint32_t used = atomic_load(&c->sad->slots_used);

    for (uint32_t slot = sad_next_slot(c->sad, 0, used); slot < used && !e.failed;
         slot = sad_next_slot(c->sad, slot + 1, used)) /* before the records that name them */
        if (of_group(g, &c->sad->pairs[slot]))
            e.failed = !add(to, SHARED_PAIR, slot);
    ike_each_sa(c->ike, sa_each, &e);
    ike_each_pair(c->ike, pair_each, &e);
}

static bool op_get(void *context, uint8_t kind, uint64_t key, struct bytes *ret)
{
    struct ssp_group *g = context;

    return record_store_get(g->control->records, kind, key, ret);
}

void ssp_replica(struct ssp_group *g, uint8_t kind, uint64_t key, struct bytes data, int64_t shift,
                 bool deleted)
{
    const struct ike_event e = {
        .type = IKE_EVENT_REPLICA,
        .replica = {.kind = kind, .key = key, .data = data, .shift = shift, .deleted = deleted}};

    control_ike(g->control, &e);
}

static bool known(const struct ssp_group *g, uint8_t kind, uint64_t key)
{
    struct bytes data;

    return record_store_get(g->control->records, kind, key, &data);
}

/* The pair in the SA table as the IKE machine's replica of it: whichever of the two came last. Of several
 * pairs for the same traffic the newest sends, and its age is that at the owner, not when it came here. */
static void replica_match(struct ssp_group *g, uint32_t slot)
{
    struct control *c = g->control;
    struct sad_pair *pair = slot < c->sad->slots ? &c->sad->pairs[slot] : NULL;
    struct ike_pair_view v;

    if (!pair || !of_group(g, pair) || !ike_pair_look(c->ike, slot, pair->spi_in, &v))
        return;
    pair->created = v.created;
    atomic_store(&pair->preferred_since, v.created);
    if (v.superseded)
        control_pair_supersede(c, slot, pair->spi_in);
    else if (v.confirmed)
        control_pair_confirm(c, slot, pair->spi_in);
    control_pair_move(c, slot, pair->spi_in, &v.remote);
}

static void pair_drop(struct ssp_group *g, uint32_t slot);

/* The IKE machine may refuse the other member's pair: its slot is ours for a negotiation that began while
 * neither heard the other. Then the packet path must not have it either, or it would be nobody's. */
static void refused_drop(struct ssp_group *g, uint32_t slot)
{
    struct control *c = g->control;
    const struct sad_pair *pair = slot < c->sad->slots ? &c->sad->pairs[slot] : NULL;
    struct ike_pair_view v;

    if (pair && of_group(g, pair) && !c->stepping && !ike_pair_look(c->ike, slot, pair->spi_in, &v))
        pair_drop(g, slot);
}

static void op_put(void *context, uint8_t kind, uint64_t key, struct bytes data, int64_t shift, bool merge)
{
    struct ssp_group *g = context;

    if (merge && known(g, kind, key))
        return; /* we went on with it */
    if (kind == IKE_RECORD_SA || kind == IKE_RECORD_PAIR || kind == IKE_RECORD_CONNECTION ||
        (kind == IKE_RECORD_HALF_OPEN &&
         !merge)) /* what the other one began alone and left is not gone on with */
        ssp_replica(g, kind, key, data, shift, false);
    if (kind == IKE_RECORD_PAIR) {
        replica_match(g, (uint32_t)key);
        refused_drop(g, (uint32_t)key);
    }
}

static void pair_drop(struct ssp_group *g, uint32_t slot)
{
    struct control *c = g->control;
    struct sad_pair *p = slot < c->sad->slots ? &c->sad->pairs[slot] : NULL;

    record_store_delete(c->records, CONTROL_RECORD_PAIR_SA, slot);
    if (p && of_group(g, p))
        control_pair_remove(c, slot, p->spi_in);
}

static void op_drop(void *context, uint8_t kind, uint64_t key)
{
    struct ssp_group *g = context;

    if (kind == SHARED_PAIR)
        pair_drop(g, (uint32_t)key);
    else if (kind == IKE_RECORD_SA || kind == IKE_RECORD_PAIR || kind == IKE_RECORD_HALF_OPEN)
        ssp_replica(g, kind, key, (struct bytes){0}, 0, true);
}

static void op_put_pair(void *context, uint32_t slot, struct bytes data, int64_t shift, bool merge,
                        uint64_t out, uint64_t in)
{
    struct ssp_group *g = context;
    struct control *c = g->control;
    struct ike_pair_install p;
    const struct pair_share share = {
        .group = g->index, .member = g->member, .replica = true, .ceilings = {.out = out, .in = in}};

    if (merge && known(g, CONTROL_RECORD_PAIR_SA, slot))
        return;
    int error = pair_install_parse(data, shift, &p);
    if (!error && p.slot != slot)
        error = -EINVAL;
    if (!error)
        error = control_pair_replica(c, &p, &share);
    if (!error)
        replica_match(g, slot);
    if (!error) {
        uint8_t own[IKE_INSTALL_MAX];
        size_t len = pair_install_write(&p, own, sizeof own);
        error = record_store_put(c->records, CONTROL_RECORD_PAIR_SA, slot, bytes_of(own, len));
        wipe(own, sizeof own);
    }
    if (error)
        log_line(c->log, "HA", 3, "REPLICA", "a pair of SAs of the other member cannot be kept: %s",
                 strerror(-error));
    wipe(&p, sizeof p);
}

static void op_grant(void *context, const struct session_lease *l, bool merge)
{
    struct ssp_group *g = context;
    struct sad_pair *p = l->slot < g->control->sad->slots ? &g->control->sad->pairs[l->slot] : NULL;

    if (!p || p->spi_in != l->spi_in || !of_group(g, p))
        return;
    p->granted_out = merge ? MAX(p->granted_out, l->out) : l->out;
    p->granted_in = merge ? MAX(p->granted_in, l->in) : l->in;
}

static bool op_position(void *context, uint32_t slot, uint32_t *ret_spi_in, uint64_t *ret_out,
                        uint64_t *ret_in)
{
    struct ssp_group *g = context;
    struct sad *sad = g->control->sad;

    if (slot >= sad->slots || !of_group(g, &sad->pairs[slot]))
        return false;
    *ret_spi_in = sad->pairs[slot].spi_in;
    takeover_position(&sad->pairs[slot], ret_out, ret_in);
    return true;
}

static void op_ceilings(void *context, uint32_t slot, const struct session_lease *l, uint64_t out_mark,
                        uint64_t in_mark)
{
    struct ssp_group *g = context;
    struct sad_pair *p = &g->control->sad->pairs[slot];

    if (p->spi_in != l->spi_in || !of_group(g, p))
        return;
    control_pair_ceilings(p, l, out_mark, in_mark);
    if (atomic_load(&p->in_wanted) > p->replay.top) { /* packets wait for it */
        struct channel_message m = {.type = CHANNEL_HEARTBEAT};
        control_channel_send(g->control, &m);
    }
}

static void op_rekey(void *context, uint32_t slot)
{
    struct ssp_group *g = context;
    const struct ike_event e = {.type = IKE_EVENT_PAIR_SOFT,
                                .pair = {.slot = slot, .spi_in = g->control->sad->pairs[slot].spi_in}};

    control_ike(g->control, &e);
}

static void op_settle(void *context)
{
    struct ssp_group *g = context;

    control_settle(g->control);
}

/* ---- the role ---- */

static void role_set(struct ssp_group *g, uint32_t epoch, bool active)
{
    atomic_store(&g->control->sad->groups[g->index].word, sad_group_word(epoch, g->member, active));
}

static void ike_role(struct ssp_group *g, bool active, bool forget)
{
    const struct ike_event e = {.type = IKE_EVENT_ROLE,
                                .role = {.group = g->index, .active = active, .forget = forget}};

    control_ike(g->control, &e);
}

static void op_activate(void *context, uint32_t epoch)
{
    struct ssp_group *g = context;
    struct control *c = g->control;
    ns began = clock_now();

    role_set(g, epoch, true);
    g->takeover_at = clock_now();
    g->takeover_took = ns_since(g->takeover_at, began);
    ike_role(g, true, false);
    reverse_routes_refresh(c->reverse_routes);
    struct ike_statistics s;
    ike_statistics(c->ike, &s);
    log_line(c->log, "HA", 5, "ACTIVE", "group %s is ours, epoch %u, %u pairs of SAs", g->names[0], epoch,
             s.pairs);
}

static void op_deactivate(void *context)
{
    struct ssp_group *g = context;
    struct control *c = g->control;
    uint32_t word = atomic_load(&c->sad->groups[g->index].word);

    role_set(g, sad_group_epoch(word), false);
    commit_drop_sends(c, g->index);
    ike_role(g, false, false);
    reverse_routes_refresh(c->reverse_routes);
    log_line(c->log, "HA", 5, "STANDBY", "group %s is not ours any more", g->names[0]);
}

static void op_forget(void *context)
{
    struct ssp_group *g = context;
    struct control *c = g->control;
    uint32_t used = atomic_load(&c->sad->slots_used), count = 0;

    for (uint32_t slot = sad_next_slot(c->sad, 0, used); slot < used;
         slot = sad_next_slot(c->sad, slot + 1, used))
        if (of_group(g, &c->sad->pairs[slot])) {
            pair_drop(g, slot);
            count++;
        }
    ike_role(g, false, true);
    if (count)
        log_line(c->log, "HA", 4, "FORGET",
                 "group %s: another gateway owned it meanwhile: %u pairs of SAs are forgotten", g->names[0],
                 count);
}

static uint64_t note_key(const struct ssp_group *g)
{
    return g->number;
}

static void op_note(void *context)
{
    struct ssp_group *g = context;
    const struct membership *m = &g->shared.membership;
    uint8_t note[NOTE_SIZE] = {1, m->state, m->bounded, m->in_step};

    be32_store(note + 4, m->state == SESSION_OWNER ? m->own_epoch : m->epoch);
    if (record_store_put(g->control->records, CONTROL_RECORD_SHARED_GROUP, note_key(g),
                         bytes_of(note, sizeof note)) != 0)
        log_line(g->control->log, "HOLDFAST", 2, "RECORD", "the role in group %s could not be kept",
                 g->names[0]);
    if (g->history_count == 0 || g->history[(g->history_count - 1) % SSP_HISTORY].state != m->state)
        g->history[g->history_count++ % SSP_HISTORY] = (struct ssp_change){
            .at = clock_now(),
            .state = m->state,
            .epoch = be32_load(note + 4),
            .planned = m->handed_over || g->switched,
            .reason = g->reason,
        };
}

bool ssp_group_noted(const struct ssp_group *g, uint8_t *ret_state, uint32_t *ret_epoch, bool *ret_bounded)
{
    struct bytes b;

    if (!record_store_get(g->control->records, CONTROL_RECORD_SHARED_GROUP, note_key(g), &b) ||
        b.len != NOTE_SIZE || b.data[0] != 1)
        return false;
    /* Whoever was in the middle of a snapshot has to have it anew. */
    bool kept = b.data[1] == SESSION_OWNER || (b.data[1] == SESSION_STANDBY && b.data[3]);
    *ret_state = kept ? b.data[1] : SESSION_EMPTY;
    *ret_bounded = b.data[2];
    *ret_epoch = be32_load(b.data + 4);
    return true;
}

static void op_in_step(void *context)
{
    struct ssp_group *g = context;

    log_line(g->control->log, "HA", 5, "IN_STEP", "group %s: in step with the other member", g->names[0]);
    for (unsigned i = 0; i < g->name_count; i++)
        redundancy_synced(g->control, g->names[i]);
}

static void op_hold(void *context, ns until)
{
    struct ssp_group *g = context;

    atomic_store(&g->control->sad->held_until, until);
}

static void op_yield(void *context)
{
    struct ssp_group *g = context;

    g->yielding = true;
    redundancy_yield(g->control, g->names[0]);
}

static void op_disown(void *context)
{
    struct ssp_group *g = context;

    g->yielding = false;
    if (g->link) /* the other member waits for what was told; taking addresses away takes a while */
        ssp_link_flush(g->link);
    for (unsigned i = 0; i < g->name_count; i++)
        redundancy_disown(g->control, g->names[i]);
}

static void op_drain(void *context)
{
    struct ssp_group *g = context;

    ssp_drain_begin(g, clock_now());
    ssp_group_schedule(g);
}

static void op_switched(void *context, bool ok)
{
    struct ssp_group *g = context;

    g->draining = false;
    log_line(g->control->log, "HA", ok ? 5 : 4, "SWITCHOVER", "group %s: %s", g->names[0],
             ok ? "handed over to the other member" : "the switchover did not come about");
}

static void op_released(void *context, uint64_t number)
{
    struct ssp_group *g = context;

    (void)number;
    commit_release(g->control);
}

/* ---- the session ---- */

static uint64_t op_send_put(void *context, uint8_t kind, uint64_t key, struct bytes data, bool snapshot)
{
    struct ssp_group *g = context;

    return !g->link ? 0 : ssp_link_put(g->link, SSP_SESSION_GROUP, kind, key, data, snapshot);
}

static uint64_t op_send_delete(void *context, uint8_t kind, uint64_t key)
{
    struct ssp_group *g = context;

    return !g->link ? 0 : ssp_link_delete(g->link, SSP_SESSION_GROUP, kind, key, false);
}

static uint64_t op_send_leases(void *context, const struct session_lease *l, size_t n, bool exact)
{
    struct ssp_group *g = context;

    return !g->link ? 0 : ssp_link_leases(g->link, SSP_SESSION_GROUP, l, n, exact, false);
}

static uint64_t op_send_role(void *context, const struct session_role_state *r)
{
    struct ssp_group *g = context;

    return !g->link ? 0 : ssp_link_role(g->link, SSP_SESSION_GROUP, r);
}

static uint64_t op_send_notice(void *context, uint32_t code)
{
    struct ssp_group *g = context;

    return !g->link ? 0 : ssp_link_notice(g->link, SSP_SESSION_GROUP, code, 0, 0);
}

static uint64_t op_send_begin(void *context)
{
    struct ssp_group *g = context;

    return !g->link ? 0 : ssp_link_snapshot_begin(g->link, SSP_SESSION_GROUP);
}

static uint64_t op_send_end(void *context)
{
    struct ssp_group *g = context;

    return !g->link ? 0 : ssp_link_snapshot_end(g->link, SSP_SESSION_GROUP);
}

static bool op_feed(void *context)
{
    struct ssp_group *g = context;

    return g->link && session_feed(ssp_link_session(g->link), SSP_SESSION_GROUP, true);
}

static size_t op_room(void *context)
{
    struct ssp_group *g = context;

    return g->link ? session_room(ssp_link_session(g->link)) : 0;
}

const struct shared_group_ops ssp_ops = {
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
