/* SPDX-License-Identifier: Apache-2.0 */
/* The pair simulator: two members that share a redundancy group's SAs, and a peer with some tunnels, on
 * virtual time. Real are the shared group with its membership and leases, the replication session over a
 * channel of bytes, the SA table with takeover, sequence claim and replay window. Models are the first-hop
 * election, IKE (it makes pairs, rekeys them, deletes them), the record store, and the wires.
 *
 * member.c is a member's control and engine, ike.c its IKE and its peer's, channel.c the bytes
 * between the members, election.c who serves the address, faults.c what befalls them, ledger.c
 * what the outside saw and must never see; world.c runs a seed and judges at the end, main.c runs
 * many and shrinks what fails.
 */
#ifndef SIM_PAIR_WORLD_H
#define SIM_PAIR_WORLD_H

#include "dice.h"
#include "ipsec/sad.h"
#include "replication/shared_group.h"
#include "schedule.h"

#define START     (1000 * NS_PER_S)
#define CHAOS_END (START + 10 * NS_PER_S)

enum {
    TUNNELS_MAX = 5,
    SLOTS = 48,
    GROUP = 1,
    RECORDS_MAX = 256,
    TRUTHS_MAX = 1024,
    HELD_MAX = 256,
    QUEUE_MAX = 64,
    FAULTS_MAX = 16,
    KIND_SA = 1,   /* key: tunnel */
    KIND_PAIR = 2, /* key: slot */
};

enum fault_kind {
    FAULT_CONTROL,    /* control dies, and starts again from its records */
    FAULT_NODE,       /* everything dies; nothing survives */
    FAULT_ENGINE,     /* the engine dies, perhaps in the middle of taking a pair over */
    FAULT_FREEZE,     /* the member stands still */
    FAULT_LINK_CUT,   /* the channel breaks at some byte */
    FAULT_LINK_DARK,  /* nothing comes through, in one direction or both */
    FAULT_HELLO_DARK, /* the same for the election */
    FAULT_BOTH_DARK,
    FAULT_TRACKED,  /* a tracked interface fails: the member resigns */
    FAULT_SWITCH,   /* planned switchover */
    FAULT_SWITCHES, /* ten in a row */
    FAULT_LEAVE,    /* a member is stopped in good order, and starts again */
    FAULT_FLAP,     /* the election gives the role away and takes it back at once */
    FAULT_POWER,    /* a node dies in the middle of a snapshot, a merge or a switchover */
    FAULT_RECORDS,  /* control dies and its records are gone when it comes back */
    FAULT_CLOCK,    /* a member's clock jumps ahead */
    FAULT_KINDS,
};

struct fault {
    ns at, length;
    uint8_t kind, member, way; /* way: bit 0, 1: towards member 0, 1 */
    uint64_t seed;
};

/* A pair of SAs as IKE made it. */
struct truth {
    uint32_t spi_in, slot;
    uint8_t tunnel, maker;
    bool deleted;         /* by an owner's decision */
    bool peer_has, heard; /* the peer can receive on it; it was told once */
    bool conflict;        /* another one was in its slot when its holder handed over */
    bool lost;            /* no member has it any more, though the peer does */
    uint8_t applied;      /* bit of each member that had it as a replica */
    ns peer_until;        /* the peer forgets it then */
    uint64_t peer_sequence;
    struct bits {
        uint64_t *words;
        uint32_t count;
    } sent, delivered;
    struct {
        uint64_t base; /* member, epoch and what is random in it */
        uint16_t life; /* of the member that used it */
    } ivs[48];
    unsigned iv_count;
};

struct record {
    uint8_t kind;
    uint64_t key;
    uint32_t version, truth;
    bool used; /* PAIR: a packet of the peer came */
};

struct held {
    uint64_t need;
    bool answer; /* else an installation */
    bool ours;   /* we began the exchange: the pair sends at once */
    uint32_t truth;
    struct session_lease ceilings;
};

/* Packets of the inside: for a tunnel; the same from a host that the access lists leave out; for another
 * place. */
enum inside { INSIDE_PROTECTED, INSIDE_LEFT_OUT, INSIDE_ELSEWHERE };

struct packet {
    uint32_t truth;
    uint64_t sequence; /* 0: of the inside, for `tunnel` */
    uint8_t tunnel, inside;
};

struct member {
    struct world *world;
    uint8_t id;
    int64_t ahead; /* of its clock, and how much faster it goes */
    int32_t drift_ppm;

    /* what a crash of control leaves */
    struct sad *sad;
    uint64_t pairs; /* bit of each slot that may hold a pair */
    struct record records[RECORDS_MAX];
    unsigned record_count;
    struct {
        bool set, bounded, in_step;
        uint8_t state;
        uint32_t epoch;
    } note;
    bool node_up, engine_up;
    uint16_t life; /* counts starts of the node */
    ns frozen;     /* until then */
    struct packet queue[QUEUE_MAX];
    unsigned queue_count;
    unsigned break_takeover; /* the next takeover of a pair breaks off after so many stores; 0: not */

    /* control */
    bool control_up;
    uint64_t control_life;
    uint32_t slot_from; /* where a life without records begins to take slots */
    struct shared_group shared;
    struct session *session;
    struct session_actions actions, spare;
    bool running; /* actions are being carried out */
    struct held held[HELD_MAX];
    unsigned held_count;
    uint64_t need;
    uint64_t leases_due; /* bit of each slot of which the engine's word is under way */
    ns wake_at;          /* when the member looks after its deadlines next */
    bool stirred;        /* one of them may be nearer than that */
    bool peer_lost_now;  /* what is released now is not acknowledged */
    ns ike_at, drain_at, connect_at;
    ns rekey_at[TUNNELS_MAX];
    bool connected;
    bool leaving;

    /* election */
    bool active, tracked_down, yielding;
    bool serves; /* packets for the address arrive here */
    ns heard, hello_at;

    /* cost */
    unsigned touched; /* operations on single pairs since the verdict */
    bool in_verdict;
};

struct chunk {
    struct chunk *next;
    ns at;
    size_t len;
    uint8_t data[];
};

/* One direction. */
struct pipe {
    struct chunk *first, **last;
    bool ending; /* CLOSED comes after what is still here */
    ns last_at;
};

struct tunnel {
    ns out_heard, in_heard; /* the last packet that came out at the peer, at the inside */
    ns asked, since;
    uint32_t renegotiated;
};

struct world {
    uint64_t trace;
    struct dice dice;
    struct schedule schedule;
    struct member members[2];
    struct pipe pipes[2]; /* [i]: towards member i */
    bool linked;
    uint64_t link_number;
    uint8_t link_dark, hello_dark; /* bit i: towards member i */
    unsigned tunnels;
    struct tunnel tunnel[TUNNELS_MAX];
    struct truth *truths;
    uint32_t truth_count;
    uint64_t *iv_set;
    uint32_t iv_room, iv_count;
    struct fault faults[FAULTS_MAX];
    unsigned fault_count;
    struct lease_limits limits;
    size_t room;
    ns heartbeat, dead, hello, hold, link_delay;
    uint32_t loss;        /* of hellos, messages and packets, permille */
    uint32_t twice, late; /* packets of the peer that come twice, or late */
    /* What the next look is for: bit of each slot in which something changed, and what the members were. */
    uint64_t changed;
    uint32_t looked_at[2];
    bool look_at_all; /* each time, to prove that nothing is missed */
    bool show, failed, healed;
    char why[160];

    uint64_t steps, packets_out, packets_in, packets_clear, refused, takeovers, switchovers, merges,
        forgotten, lost_dead, conflicts, lost_forgotten, renegotiated, snapshots;
    ns gap; /* longest time from the healing to traffic on a tunnel */
};

static inline ns between(struct world *w, ns low, ns high)
{
    return low + dice_u64(&w->dice) % (high - low + 1);
}

static inline bool chance(struct world *w, uint32_t permille)
{
    return dice_below(&w->dice, 1000) < permille;
}

void failure(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tell(struct world *w, const struct member *m, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What crosses the network outside is lost now and then, until everything heals. */
static inline bool lost(struct world *w)
{
    return !w->healed && chance(w, w->loss);
}

static inline void later(struct world *w, ns after, void (*run)(void *context, struct happening *h),
                         void *context, uint64_t number)
{
    schedule_put(
        &w->schedule,
        (struct happening){.at = w->schedule.now + after, .run = run, .context = context, .number = number});
}

/* ---- world.c ---- */

struct run {
    uint64_t seed;
    uint32_t mask; /* of faults */
    bool show, look_at_all;

    uint64_t trace, steps; /* what came of it */
    unsigned fault_count;
    char why[160];
};

struct run_totals {
    uint64_t runs, failed, steps, out, in, clear, refused, takeovers, switchovers, merges, forgotten,
        lost_dead, conflicts, lost_forgotten, renegotiated, snapshots;
};

void run_memory(void); /* before the first */
void run_memory_done(void);
bool run_seed(struct run *r, struct run_totals *t); /* whether every promise held */

/* ---- member.c ---- */

static inline bool pair_used(const struct sad_pair *p)
{
    uint32_t state = atomic_load_explicit(&p->state, memory_order_relaxed);
    return state == PAIR_INBOUND || state == PAIR_ACTIVE;
}

/* Each slot that may hold a pair of the member, lowest first. */
#define each_pair(slot, m)                                                                        \
    for (uint64_t rest_ = (m)->pairs; rest_ && ((slot) = (uint32_t)__builtin_ctzll(rest_), true); \
         rest_ &= rest_ - 1)

static inline void pair_changed(struct member *m, uint32_t slot)
{
    m->world->changed |= 1ull << slot;
}

void pair_free(struct member *m, uint32_t slot);
void pair_stands(struct member *m, uint32_t slot); /* it is made: receives from now on */
void pairs_forget(struct member *m, bool by_death);
ns member_deadline(const struct member *m);
static inline struct member *other_of(struct member *m)
{
    return &m->world->members[1 - m->id];
}

static inline ns member_now(const struct member *m)
{
    int64_t ran = (int64_t)(m->world->schedule.now - START);
    return m->world->schedule.now + (ns)(m->ahead + ran / 1000 * m->drift_ppm / 1000);
}

/* When the world is where the member's clock is at `at`, as good as a wake-up needs it. */
static inline ns member_then(const struct member *m, ns at)
{
    int64_t t = (int64_t)at - m->ahead, ran = t - (int64_t)START;
    t -= ran / 1000 * m->drift_ppm / 1000;
    return t < 0 ? 0 : (ns)t;
}

static inline bool member_frozen(const struct member *m)
{
    return m->frozen > m->world->schedule.now;
}

bool member_owns(const struct member *m); /* its control believes so */
void member_start(struct member *m);      /* the node, with nothing */
void member_die(struct member *m);
void control_start(struct member *m);
void control_die(struct member *m);
void control_tick(struct member *m);
void control_run(struct member *m); /* carries out what the session wants */
void control_release(struct member *m);
void session_happens(struct member *m, enum session_event_kind kind, struct bytes bytes);
void verdict_changed(struct member *m);

struct record *record_find(struct member *m, uint8_t kind, uint64_t key);
void record_put(struct member *m, uint8_t kind, uint64_t key, uint32_t version, uint32_t truth, bool used);
void record_delete(struct member *m, uint8_t kind, uint64_t key);
void pair_lost_look(struct world *w, uint32_t truth, bool by_snapshot, bool by_death);

/* ---- engine.c ---- */

void engine_inside(struct member *m, uint8_t tunnel, enum inside kind); /* a packet of the inside */
void engine_outside(struct member *m, uint32_t truth, uint64_t sequence);
void engine_go_on(struct member *m);
void engine_die(struct member *m);

/* ---- group.c ---- */

enum { RECORD_DATA = 16 };
extern const struct shared_group_ops pair_ops;
void record_write(const struct record *r, uint8_t data[RECORD_DATA]); /* as it crosses */

/* ---- policy.c ---- */

void policy_memory(struct sad *const sads[2]); /* once for all worlds */
void policy_memory_done(void);
void policy_selector(uint8_t tunnel, struct selector *ret);
void policy_begin(struct member *m);
void policy_pair_changed(struct member *m, uint32_t slot); /* also gone */
/* False: it leaves in clear. Else the pair that it leaves by, or NULL: there is none. */
bool policy_protects(struct member *m, uint8_t tunnel, enum inside kind, struct sad_pair **ret);

/* ---- ike.c ---- */

void ike_tick(struct member *m);
void ike_answer(struct member *m, uint32_t truth); /* reaches the peer, if it can */
void ike_rekey(struct member *m, uint8_t tunnel, ns after);
void ike_used(struct member *m, uint32_t truth);
void ike_unknown(struct member *m, uint32_t truth);
void peer_tick(void *context, struct happening *h);

/* ---- channel.c ---- */

void channel_send(struct member *from, struct bytes bytes);
void channel_try(struct world *w);
void channel_close(struct member *m, bool silent); /* m's end is gone; silent: the other is not told */
void channel_cut(struct world *w);
void channel_free(struct world *w);

/* ---- election.c ---- */

void election_tick(struct member *m);
ns election_deadline(const struct member *m);
void election_set(struct member *m, bool active, const char *why);
void election_resign(struct member *m, const char *why);

/* ---- faults.c ---- */

void faults_draw(struct world *w);
void fault_befalls(void *context, struct happening *h);
const char *fault_name(uint8_t kind);

/* ---- ledger.c ---- */

void ledger_sent(struct world *w, struct member *m, uint32_t truth, uint64_t sequence, uint64_t iv);
void ledger_clear(struct world *w, const struct member *m, uint8_t tunnel, enum inside kind);
void ledger_delivered(struct world *w, struct member *m, uint32_t truth, uint64_t sequence);
void ledger_look(struct world *w); /* after each step */
void ledger_free(struct world *w);

#endif
