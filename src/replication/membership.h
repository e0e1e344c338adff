/* SPDX-License-Identifier: Apache-2.0 */
/* One member's part in one redundancy group whose SAs two members share, as a pure machine
 * (docs/stateful-failover.md). In come the verdict (does first-hop redundancy say that the group is ours?),
 * what the session with the other member says, and time; out comes what the shell is to do with the SAs.
 *
 * What always holds: the group is active only in an epoch that is higher than any that this member has heard
 * of. What is active was granted by the last owner, or made since, or stays below ceilings that the other
 * member knew of before it could own the group. What was handed over is not used again: its ceilings are
 * nothing until a snapshot brings it back. Only acknowledgements of a member that does not own the group, and
 * did not meanwhile, raise a ceiling.
 */
#ifndef REPLICATION_MEMBERSHIP_H
#define REPLICATION_MEMBERSHIP_H

#include "base/time.h"
#include "replication/session.h"

enum membership_event_kind {
    MEMBERSHIP_VERDICT,        /* `ours` */
    MEMBERSHIP_PEER_UP,        /* the session stands */
    MEMBERSHIP_PEER_LOST,      /* it ended. `bye`: the peer left in good order, it will not take over */
    MEMBERSHIP_PEER_ROLE,      /* `role` */
    MEMBERSHIP_SNAPSHOT_COMES, /* the owner's snapshot begins */
    MEMBERSHIP_SNAPSHOT_HERE,  /* the owner's snapshot is complete and applied */
    MEMBERSHIP_SNAPSHOT_SENT,  /* ours was acknowledged */
    MEMBERSHIP_MERGE_SENT,     /* what we had was handed over, and acknowledged */
    MEMBERSHIP_MERGE_HERE,     /* the other's was, and is applied */
    MEMBERSHIP_NOTICE,         /* `code`, of the peer */
    MEMBERSHIP_SWITCHOVER,     /* somebody asks for it: `redundancy switchover`, preemption, a stop */
    MEMBERSHIP_DRAINED,        /* the engine has worked off what waited for it */
    MEMBERSHIP_TICK,
};

struct membership_event {
    enum membership_event_kind kind;
    ns now;
    bool ours, bye;
    struct session_role_state role;
    uint32_t code;
};

/* Steps of a planned switchover, as notices of the session. */
enum membership_notice {
    MEMBERSHIP_WANT = 1, /* standby -> owner: give it to me (preemption) */
    MEMBERSHIP_ASK,      /* owner -> standby: will you take it? */
    MEMBERSHIP_HELD,     /* standby -> owner: yes, my engine waits; let go of the addresses */
    MEMBERSHIP_TAKEN,    /* standby -> owner: I have the addresses */
    MEMBERSHIP_DONE,     /* owner -> standby: the exact counters were told, go */
    MEMBERSHIP_NO,       /* standby -> owner: I cannot */
    MEMBERSHIP_MERGED,   /* the loser of a split -> owner: that was all */
};

enum membership_action_kind {
    MEMBERSHIP_ACTIVATE,   /* `epoch`: the engine and IKE serve the group */
    MEMBERSHIP_DEACTIVATE, /* they do not any more */
    MEMBERSHIP_FORGET,     /* every SA of the group, without a message to anybody: what a predecessor left */
    MEMBERSHIP_TELL,       /* our role to the peer */
    MEMBERSHIP_SEND,       /* notice `code` to the peer */
    MEMBERSHIP_SNAPSHOT,   /* begin to send everything; from then on also what changes */
    MEMBERSHIP_MERGE, /* hand over what we have, with exact counters, and use none of it; then MERGE_SENT */
    MEMBERSHIP_STOP,  /* the merge under way ends: who it was for does not own the group any more, or we do */
    MEMBERSHIP_LIFT,  /* ceilings that are not final end: the other member left and did not take over */
    MEMBERSHIP_JOIN,  /* the other's merge is applied: no ceilings for what it handed over; what it may have
                         used and did not hand over is rekeyed */
    MEMBERSHIP_CAP,   /* the present ceilings stay: the other member may own the group. What was sent and not
                         acknowledged will not be. Pairs that come to them are rekeyed */
    MEMBERSHIP_TRUST, /* it did not own the group meanwhile: ceilings may rise again */
    MEMBERSHIP_DISTRUST, /* nobody will ever know: what has such ceilings is rekeyed */
    MEMBERSHIP_IN_STEP,  /* we have everything: preemption need not wait any longer */
    MEMBERSHIP_HOLD,     /* the engine reads nothing until `at` */
    MEMBERSHIP_RELEASE,  /* it goes on */
    MEMBERSHIP_YIELD,    /* give the role away by first-hop redundancy, but keep the addresses until DISOWN */
    MEMBERSHIP_DRAIN,    /* say DRAINED when the engine's queues are empty */
    MEMBERSHIP_EXACT,    /* tell the exact counters of all pairs, and use none of them any more */
    MEMBERSHIP_DISOWN,   /* the addresses may go now */
    MEMBERSHIP_SWITCH_OVER, /* the switchover asked for is over: `ok` */
};

struct membership_action {
    uint8_t kind;
    bool ok;
    uint32_t epoch, code;
    ns at;
};

enum { MEMBERSHIP_ACTIONS_MAX = 16 };

struct membership_actions {
    unsigned count;
    struct membership_action list[MEMBERSHIP_ACTIONS_MAX];
};

enum membership_switch {
    SWITCH_NONE,
    SWITCH_ASKED,    /* owner: ASK sent */
    SWITCH_YIELDED,  /* owner: HELD came, the role is given away; serves on until TAKEN */
    SWITCH_DRAINING, /* owner: serves what is left */
    SWITCH_HOLDING,  /* standby: engine held, waits for the verdict */
    SWITCH_TAKING,   /* standby: verdict ours, waits for DONE */
};

struct membership {
    uint8_t state; /* enum session_role */
    bool ours;
    bool handed_over; /* the owner has all that we had: no merge */
    bool in_step;     /* STANDBY: nothing is missing. OWNER: the peer has our snapshot */
    bool founded;     /* OWNER: it began with nothing, and has had nothing from another one */
    bool bounded;     /* OWNER, STALE: another member may know of our SAs, so they have ceilings */
    bool peer_up, peer_known, snapshot_running;
    uint8_t switching;  /* enum membership_switch */
    uint32_t epoch;     /* highest known of either member */
    uint32_t own_epoch; /* in which we own or owned the group last; 0: never */
    struct session_role_state peer;
    bool snapshot_waits; /* OWNER: the peer is to have our snapshot, but not before settled_at */
    ns settled_at;       /* after a takeover */
    ns switch_until, last_change;
    uint64_t takeovers, switchovers, merges;
};

/* `state`: EMPTY at a start; what a predecessor of this process noted at a restart: an owner stays one in the
 * same epoch, whoever was anything else begins as STANDBY if it was in step, else as EMPTY (what is there is
 * forgotten when it stops being that). */
void membership_init(struct membership *m, uint8_t state, uint32_t epoch, bool bounded, ns now);
void membership_step(struct membership *m, const struct membership_event *e, struct membership_actions *a);
ns membership_deadline(const struct membership *m);

/* Whether what the other member puts, deletes and grants is for us. What comes to an owner is a merge. */
bool membership_takes(const struct membership *m);

/* What the role that is told says of the epoch: 0 from an owner whose SAs nobody else has ever had. */
uint32_t membership_told_epoch(const struct membership *m);

/* The owner replicates and waits for acknowledgements. */
bool membership_commits(const struct membership *m);

#endif
