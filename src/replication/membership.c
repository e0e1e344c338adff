/* SPDX-License-Identifier: Apache-2.0 */
/* See membership.h: the states of docs/stateful-failover.md, one function for each event. */
#include "replication/membership.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/deliberate.h"

/* A switchover that does not go on ends: the standby then serves by an ordinary takeover, or the owner goes
 * on. The owner's patience is the shorter one wherever both could go on. */
static const ns ASK_PATIENCE = 500 * NS_PER_MS, HOLD_PATIENCE = 400 * NS_PER_MS,
                TAKEN_PATIENCE = 250 * NS_PER_MS, DRAIN_PATIENCE = 100 * NS_PER_MS,
                SETTLE_TIME = 300 * NS_PER_MS;

static struct membership_action *add(struct membership_actions *a, enum membership_action_kind kind)
{
    assert(a->count < MEMBERSHIP_ACTIONS_MAX);
    struct membership_action *one = &a->list[a->count++];
    *one = (struct membership_action){.kind = (uint8_t)kind};
    return one;
}

static void say(struct membership *m, struct membership_actions *a, enum membership_notice code)
{
    if (m->peer_up)
        add(a, MEMBERSHIP_SEND)->code = code;
}

static void become(struct membership *m, uint8_t state, ns now, struct membership_actions *a)
{
    m->state = state;
    m->last_change = now;
    add(a, MEMBERSHIP_TELL);
}

/* ---- owner ---- */

static bool role_wants(uint8_t role)
{
    return role == SESSION_EMPTY || role == SESSION_STANDBY || role == SESSION_SYNCING;
}

/* Right after a takeover it is not known yet what else of the other member is failing: a snapshot that is cut
 * short would give the pairs ceilings that nobody raises. */
static void snapshot_try(struct membership *m, ns now, struct membership_actions *a)
{
    bool newer = m->peer_known && m->peer.epoch > m->own_epoch;
    if (m->state != SESSION_OWNER || !m->peer_up || !m->peer_known || !role_wants(m->peer.role) ||
        m->snapshot_running || m->in_step || m->switching)
        return;
    if ((m->peer.role == SESSION_STANDBY && (newer || !m->bounded)) ||
        (m->peer.role == SESSION_SYNCING && m->founded))
        return; /* it has SAs that it did not get from us, and hands them over first */
    m->snapshot_waits = now < m->settled_at;
    if (m->snapshot_waits)
        return;
    if (newer) {
        m->epoch = m->own_epoch = MAX(m->epoch, m->peer.epoch) + 1;
        add(a, MEMBERSHIP_ACTIVATE)->epoch = m->epoch;
    }
    m->snapshot_running = m->bounded = true;
    m->founded = false;
    add(a, MEMBERSHIP_TELL); /* who has our SAs must know the epoch */
    add(a, MEMBERSHIP_SNAPSHOT);
}

/* The other one owns the group too, or did. */
static void split(struct membership *m, struct membership_actions *a)
{
    m->in_step = m->snapshot_running = false;
    if (m->bounded)
        add(a, MEMBERSHIP_CAP);
}

static void serve(struct membership *m, ns now, struct membership_actions *a)
{
    /* What is still to be handed over stays here: the numbers are ours to use now, and whoever gives the role
     * up meanwhile would take them for grants. */
    if (m->state == SESSION_STALE && m->handed_over)
        add(a, MEMBERSHIP_STOP);
    bool trust = m->state == SESSION_STALE && m->bounded && m->peer_up && m->peer_known &&
                 role_wants(m->peer.role) && m->peer.epoch <= m->own_epoch;
    m->epoch += !deliberate_bug(DELIBERATE_FORGET_EPOCH);
    m->own_epoch = m->epoch;
    m->bounded = m->bounded && m->state == SESSION_STALE;
    m->in_step = m->snapshot_running = m->handed_over = false;
    m->founded = m->state == SESSION_EMPTY;
    m->settled_at = m->founded ? now : now + SETTLE_TIME;
    if (m->founded)
        add(a, MEMBERSHIP_FORGET);
    add(a, MEMBERSHIP_ACTIVATE)->epoch = m->epoch;
    if (trust)
        add(a, MEMBERSHIP_TRUST); /* nobody owned it meanwhile, as far as was said */
    become(m, SESSION_OWNER, now, a);
    m->takeovers++;
    snapshot_try(m, now, a);
}

/* The owner lacks what we have: it owned at the same time, or it was away while we had everything. */
static void hand_over_try(struct membership *m, ns now, struct membership_actions *a)
{
    if (!m->peer_up || !m->peer_known || m->peer.role != SESSION_OWNER || m->handed_over)
        return;
    if ((m->state == SESSION_STANDBY || m->state == SESSION_SYNCING) && m->peer.epoch < m->epoch)
        become(m, SESSION_STALE, now, a);
    if (m->state != SESSION_STALE)
        return;
    m->handed_over = true;
    add(a, MEMBERSHIP_MERGE);
}

static void lose(struct membership *m, ns now, struct membership_actions *a)
{
    add(a, MEMBERSHIP_DEACTIVATE);
    split(m, a);
    m->handed_over = false;
    become(m, SESSION_STALE, now, a);
    hand_over_try(m, now, a);
}

static void switch_end(struct membership *m, struct membership_actions *a, bool ok)
{
    m->switching = SWITCH_NONE;
    m->switch_until = NS_NEVER;
    add(a, MEMBERSHIP_SWITCH_OVER)->ok = ok;
}

/* The owner's: it goes on, or the role is lost as it would be without a switchover. */
static void switch_abort(struct membership *m, ns now, struct membership_actions *a)
{
    switch_end(m, a, false);
    add(a, MEMBERSHIP_DISOWN);
    if (!m->ours)
        lose(m, now, a);
}

static void switch_step(struct membership *m, enum membership_switch next, ns until)
{
    m->switching = (uint8_t)next;
    m->switch_until = until;
}

static void switch_begin(struct membership *m, ns now, struct membership_actions *a)
{
    bool can = m->state == SESSION_OWNER && m->in_step && m->peer_up && !m->switching;
    if (m->state == SESSION_STANDBY && m->in_step && m->peer_up && !m->switching) {
        say(m, a, MEMBERSHIP_WANT);
        return;
    }
    if (!can) {
        if (!m->switching)
            add(a, MEMBERSHIP_SWITCH_OVER);
        return;
    }
    switch_step(m, SWITCH_ASKED, now + ASK_PATIENCE);
    say(m, a, MEMBERSHIP_ASK);
}

/* The owner's last act: nothing is active any more when the counters are told. */
static void switch_finish(struct membership *m, ns now, struct membership_actions *a)
{
    add(a, MEMBERSHIP_DEACTIVATE);
    add(a, MEMBERSHIP_EXACT);
    say(m, a, MEMBERSHIP_DONE);
    add(a, MEMBERSHIP_DISOWN);
    m->in_step = m->snapshot_running = m->bounded = false;
    m->handed_over = true;
    m->switchovers++;
    become(m, SESSION_SYNCING, now, a);
    switch_end(m, a, true);
    if (m->ours)
        serve(m, now, a); /* the election gave it back meanwhile */
}

/* ---- standby ---- */

static void hold(struct membership *m, ns now, struct membership_actions *a)
{
    if (m->state != SESSION_STANDBY || !m->in_step || m->switching) {
        say(m, a, MEMBERSHIP_NO);
        return;
    }
    switch_step(m, SWITCH_HOLDING, now + HOLD_PATIENCE);
    add(a, MEMBERSHIP_HOLD)->at = m->switch_until;
    say(m, a, MEMBERSHIP_HELD);
}

static void take(struct membership *m, ns now, struct membership_actions *a)
{
    switch_step(m, SWITCH_NONE, NS_NEVER);
    serve(m, now, a);
    add(a, MEMBERSHIP_RELEASE);
}

/* ---- events ---- */

static void on_verdict(struct membership *m, bool ours, ns now, struct membership_actions *a)
{
    if (m->ours == ours)
        return;
    m->ours = ours;
    if (ours && m->switching == SWITCH_HOLDING) {
        switch_step(m, SWITCH_TAKING, m->switch_until);
        say(m, a, MEMBERSHIP_TAKEN);
    } else if (ours && m->state != SESSION_OWNER) {
        serve(m, now, a);
    } else if (!ours && m->state == SESSION_OWNER && m->switching != SWITCH_YIELDED &&
               m->switching != SWITCH_DRAINING) {
        if (m->switching)
            switch_end(m, a, false);
        if (!deliberate_bug(DELIBERATE_TWO_OWNERS))
            lose(m, now, a);
    } else if (!ours && m->switching == SWITCH_TAKING) {
        switch_step(m, SWITCH_NONE, NS_NEVER);
        add(a, MEMBERSHIP_RELEASE);
    }
}

/* The first word of a connection. Whoever is STANDBY or SYNCING is what it was, for a member that starts anew
 * is EMPTY: an earlier life may have owned the group. OWNER and STALE hand over what they know. */
static void on_first_role(struct membership *m, uint8_t role, struct membership_actions *a)
{
    if (!m->bounded || (m->state != SESSION_OWNER && m->state != SESSION_STALE))
        return;
    if (role == SESSION_EMPTY)
        add(a, MEMBERSHIP_DISTRUST);
    else if (role_wants(role) && m->state == SESSION_OWNER)
        add(a, MEMBERSHIP_TRUST);
}

static void on_role(struct membership *m, const struct session_role_state *role, ns now,
                    struct membership_actions *a)
{
    bool first = !m->peer_known;
    m->peer = *role;
    m->peer_known = true;
    if (first)
        on_first_role(m, role->role, a);
    if (m->state == SESSION_STALE && role->role != SESSION_OWNER && m->handed_over) {
        m->handed_over = false;
        add(a, MEMBERSHIP_STOP);
    }
    if (m->state == SESSION_OWNER && !role_wants(role->role))
        split(m, a);
    else if (!first || m->bounded || role->role != SESSION_SYNCING)
        snapshot_try(m, now, a); /* else it has what it did not get from us, as below */
    if (m->state == SESSION_OWNER && role->role == SESSION_OWNER && m->switching)
        switch_abort(m, now, a); /* it did not wait for us */
    hand_over_try(m, now, a);
    m->epoch = MAX(m->epoch, role->epoch);
}

static void on_peer_lost(struct membership *m, bool bye, ns now, struct membership_actions *a)
{
    m->peer_up = m->peer_known = m->snapshot_running = m->snapshot_waits = m->in_step = false;
    if (m->state == SESSION_OWNER && m->bounded)
        add(a, bye ? MEMBERSHIP_LIFT : MEMBERSHIP_CAP);
    if (m->switching == SWITCH_ASKED || m->switching == SWITCH_YIELDED) {
        switch_abort(m, now, a);
    } else if (m->switching == SWITCH_DRAINING) {
        switch_finish(m, now, a);
    } else if (m->switching == SWITCH_TAKING) {
        take(m, now, a); /* an ordinary takeover */
    } else if (m->switching == SWITCH_HOLDING) {
        switch_step(m, SWITCH_NONE, NS_NEVER);
        add(a, MEMBERSHIP_RELEASE);
    }
    m->handed_over = false;
}

static void on_notice(struct membership *m, uint32_t code, ns now, struct membership_actions *a)
{
    switch (code) {
    case MEMBERSHIP_WANT:
        if (m->state == SESSION_OWNER)
            switch_begin(m, now, a);
        break;
    case MEMBERSHIP_ASK:
        hold(m, now, a);
        break;
    case MEMBERSHIP_NO:
        if (m->switching == SWITCH_ASKED)
            switch_end(m, a, false);
        break;
    case MEMBERSHIP_HELD:
        if (m->switching != SWITCH_ASKED)
            break;
        switch_step(m, SWITCH_YIELDED, now + TAKEN_PATIENCE);
        add(a, MEMBERSHIP_YIELD);
        break;
    case MEMBERSHIP_TAKEN:
        if (m->switching != SWITCH_YIELDED)
            break;
        switch_step(m, SWITCH_DRAINING, now + DRAIN_PATIENCE);
        add(a, MEMBERSHIP_DRAIN);
        break;
    case MEMBERSHIP_DONE:
        if (m->switching == SWITCH_TAKING)
            take(m, now, a);
        break;
    case MEMBERSHIP_MERGED:
        break; /* the shell says MERGE_HERE when it is applied */
    }
}

static void on_tick(struct membership *m, ns now, struct membership_actions *a)
{
    if (m->snapshot_waits && now >= m->settled_at) {
        m->snapshot_waits = false;
        snapshot_try(m, now, a);
    }
    if (m->switch_until > now)
        return;
    switch (m->switching) {
    case SWITCH_ASKED:
    case SWITCH_YIELDED:
        switch_abort(m, now, a);
        break;
    case SWITCH_DRAINING:
        switch_finish(m, now, a);
        break;
    case SWITCH_TAKING:
        take(m, now, a);
        break;
    case SWITCH_HOLDING:
        switch_step(m, SWITCH_NONE, NS_NEVER);
        add(a, MEMBERSHIP_RELEASE);
        break;
    }
}

static void on_snapshot_here(struct membership *m, ns now, struct membership_actions *a)
{
    if (m->state != SESSION_SYNCING && m->state != SESSION_STANDBY)
        return;
    m->handed_over = false;
    m->in_step = true;
    become(m, SESSION_STANDBY, now, a);
    add(a, MEMBERSHIP_IN_STEP);
}

void membership_step(struct membership *m, const struct membership_event *e, struct membership_actions *a)
{
    switch (e->kind) {
    case MEMBERSHIP_VERDICT:
        on_verdict(m, e->ours, e->now, a);
        break;
    case MEMBERSHIP_PEER_UP:
        m->peer_up = true;
        m->peer_known = false;
        m->in_step = m->snapshot_running = false;
        add(a, MEMBERSHIP_TELL);
        break;
    case MEMBERSHIP_PEER_LOST:
        on_peer_lost(m, e->bye, e->now, a);
        break;
    case MEMBERSHIP_PEER_ROLE:
        on_role(m, &e->role, e->now, a);
        break;
    case MEMBERSHIP_SNAPSHOT_COMES:
        if (m->state != SESSION_EMPTY)
            break;
        add(a, MEMBERSHIP_FORGET);
        become(m, SESSION_SYNCING, e->now, a);
        break;
    case MEMBERSHIP_SNAPSHOT_HERE:
        on_snapshot_here(m, e->now, a);
        break;
    case MEMBERSHIP_SNAPSHOT_SENT:
        m->in_step = m->in_step || (m->state == SESSION_OWNER && m->snapshot_running);
        m->snapshot_running = false;
        break;
    case MEMBERSHIP_MERGE_SENT:
        if (m->state == SESSION_STALE) {
            m->bounded = false;
            become(m, SESSION_SYNCING, e->now, a);
        }
        break;
    case MEMBERSHIP_MERGE_HERE:
        if (m->state != SESSION_OWNER || m->peer.role != SESSION_STALE)
            break;
        /* A new epoch: each pair goes on above what either of the two used. */
        m->epoch = m->own_epoch = MAX(m->epoch, m->peer.epoch) + 1;
        m->merges++;
        m->founded = false;
        add(a, MEMBERSHIP_ACTIVATE)->epoch = m->epoch;
        add(a, MEMBERSHIP_JOIN);
        add(a, MEMBERSHIP_TELL);
        break;
    case MEMBERSHIP_NOTICE:
        on_notice(m, e->code, e->now, a);
        break;
    case MEMBERSHIP_SWITCHOVER:
        switch_begin(m, e->now, a);
        break;
    case MEMBERSHIP_DRAINED:
        if (m->switching == SWITCH_DRAINING)
            switch_finish(m, e->now, a);
        break;
    case MEMBERSHIP_TICK:
        on_tick(m, e->now, a);
        break;
    }
}

void membership_init(struct membership *m, uint8_t state, uint32_t epoch, bool bounded, ns now)
{
    *m = (struct membership){.state = state,
                             .epoch = epoch,
                             .own_epoch = state == SESSION_OWNER ? epoch : 0,
                             .ours = state == SESSION_OWNER,
                             .bounded = bounded,
                             .switch_until = NS_NEVER,
                             .last_change = now};
}

ns membership_deadline(const struct membership *m)
{
    ns at = m->switching ? m->switch_until : NS_NEVER;
    return m->snapshot_waits ? ns_min(at, m->settled_at) : at;
}

bool membership_takes(const struct membership *m)
{
    return m->state == SESSION_SYNCING || m->state == SESSION_STANDBY ||
           (m->state == SESSION_OWNER && m->peer_known && m->peer.role == SESSION_STALE);
}

uint32_t membership_told_epoch(const struct membership *m)
{
    if (m->state != SESSION_OWNER)
        return m->epoch;
    return m->bounded ? m->own_epoch : 0;
}

bool membership_commits(const struct membership *m)
{
    return m->state == SESSION_OWNER && m->peer_up && (m->snapshot_running || m->in_step);
}
