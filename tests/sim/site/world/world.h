/* SPDX-License-Identifier: Apache-2.0 */
/* A world of the site simulator that is drawn from a seed: two gateways that share their SAs behind one
 * outside and one inside address, spokes with tunnels to them, hosts that talk through the tunnels, and what
 * befalls all of them. build.c makes it, faults.c has the faults, judge.c says whether it has come together
 * again; world.c runs seeds.
 */
#ifndef SIM_SITE_WORLD_H
#define SIM_SITE_WORLD_H

#include "site/wires/fabric.h"
#include "site/wires/host.h"
#include "site/world/ledger.h"

enum {
    WORLD_SPOKES_MAX = 4,
    WORLD_POLICIES_MAX = 25, /* of a spoke */
    WORLD_FLOWS_MAX = 2 * WORLD_SPOKES_MAX * WORLD_POLICIES_MAX,
    WORLD_FAULTS_MAX = 24,
};

enum world_link { LINK_LAN, LINK_WAN, LINK_REPLICATION, LINK_SPOKES }; /* and two for each spoke: wan, lan */

enum fault_kind {
    FAULT_CONTROL,    /* control dies and is started again */
    FAULT_ENGINE,     /* the engine does */
    FAULT_AT_WORK,    /* one of both dies in the middle of something */
    FAULT_FORGETFUL,  /* control dies, and the records are lost, too */
    FAULT_DAEMON,     /* every process dies; the kernel goes on */
    FAULT_NODE,       /* the power goes, and comes back */
    FAULT_FREEZE,     /* every process stands still */
    FAULT_STOP,       /* it is stopped in good order, and started again */
    FAULT_CUT,        /* a carrier goes: of one end, of a whole link */
    FAULT_HOLE,       /* an end sends or hears nothing, with its carrier there */
    FAULT_ISLAND,     /* a member is cut off on every side */
    FAULT_APART,      /* the members do not hear each other, on any link */
    FAULT_WEATHER,    /* loss, duplicates, reordering, delay on a link */
    FAULT_CLOCK,      /* a clock jumps ahead */
    FAULT_SWITCHOVER, /* planned; perhaps several in a row */
    FAULT_CLEAR,      /* somebody clears SAs */
    FAULT_KINDS,
};

struct fault {
    ns at, length;
    uint8_t kind, target, way;
    uint64_t seed;
};

struct world_flow {
    struct world *world;
    uint32_t number;
    struct host *from, *to;
    struct address source, destination;
    uint64_t sent, received;
    ns period, heard; /* when the last one came */
    ns gap;           /* the longest since the healing */
};

struct world_size { /* 0: drawn */
    unsigned spokes, policies;
    ns period; /* of a flow */
    bool hour; /* timers and lifetimes as for a long run */
    bool busy; /* more traffic, and faults over a longer time */
};

struct world {
    struct site site;
    struct fabric fabric;
    struct ledger ledger;
    struct site_node *members[2], *spokes[WORLD_SPOKES_MAX];
    struct host *backbone, *host_hub, *hosts[WORLD_SPOKES_MAX];
    unsigned spoke_count, policies;
    struct world_flow flows[WORLD_FLOWS_MAX];
    unsigned flow_count;
    struct fault faults[WORLD_FAULTS_MAX];
    unsigned fault_count;
    ns hello, hold;
    ns quiet_at; /* flows end then */
    bool healed;
    uint64_t replayed, forged, befallen;
};

/* ---- build.c ---- */

void world_build(struct world *w, uint64_t seed, const struct world_size *size);
void world_done(struct world *w);

/* ---- faults.c ---- */

void faults_draw(struct world *w, unsigned count, ns from, ns until);
void faults_plan(struct world *w, uint32_t mask); /* those whose bit is set will befall */
void fault_befall(struct world *w, const struct fault *f);
const char *fault_name(uint8_t kind);
/* Whom a fault befalls: a node, or a link, by its kind. */
struct site_node *fault_target(const struct world *w, const struct fault *f);
unsigned fault_link(const struct world *w, const struct fault *f);
/* Somebody who has caught packets sends them again, and others that he made up. */
void attacker_begin(struct world *w, ns period);
void world_heal(struct world *w);
/* After it: whoever was on his way down is started again. */
void world_keep_up(struct world *w);

/* ---- judge.c ---- */

/* NULL: everything is as it should be; else what is not (static). */
const char *world_settled(const struct world *w);
const char *world_flows(const struct world *w, ns within);

#endif
