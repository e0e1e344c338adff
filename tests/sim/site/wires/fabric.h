/* SPDX-License-Identifier: Apache-2.0 */
/* The wires of a site, on virtual time: a link is an Ethernet bridge with a port for each of its ends, as in
 * the lab (src/lab/fabric.h). It learns where a MAC address is from the frames that come from there, which is
 * what a takeover of a virtual address depends on. Faults are the lab's: cut (the carrier goes), blackhole
 * (the carrier stays), lossy; and what a lab cannot do so exactly: weather (delay, jitter, loss, duplication,
 * reordering), an MTU, and pairs of ends of which one does not hear the other. Always holds: without
 * reordering frames of one end arrive at another in their order; a frame on its way to an end that has lost
 * its carrier meanwhile is lost. Its generator is its own, so weather does not change what nodes draw. */
#ifndef SIM_SITE_FABRIC_H
#define SIM_SITE_FABRIC_H

#include "site/site.h"

enum {
    FABRIC_LINKS = 128,
    FABRIC_ENDS = 32,
    FABRIC_LEARNED = 64, /* MAC addresses of one link; the oldest goes */
    FABRIC_MTU = 1500,   /* without another one */
    FABRIC_MILLION = 1000000,
};

struct fabric_weather {
    ns delay;           /* of every frame: a veth pair, a bridge, another veth pair */
    ns jitter;          /* up to so much more, evenly */
    uint32_t loss;      /* each in a million */
    uint32_t duplicate; /* the second one arrives up to `reorder_by` later */
    uint32_t reorder;   /* arrives up to `reorder_by` later, and others overtake it */
    ns reorder_by;
};

/* How a lab on one machine is: 50 us, and nothing is lost. */
extern const struct fabric_weather fabric_fair;

enum fabric_hole { FABRIC_HOLE_IN = 1, FABRIC_HOLE_OUT = 2 }; /* seen from the node */

struct fabric_end {
    struct site_node *node;
    unsigned port;
    unsigned link, number; /* in it */
    uint8_t hole;          /* bits of enum fabric_hole */
    bool cut;
    uint32_t deaf;   /* bits of the ends that it does not hear */
    ns last_arrival; /* of what was sent to it */
};

struct fabric_learned {
    uint8_t mac[SITE_MAC];
    uint8_t end;
    ns time;
};

struct fabric_link {
    char name[SITE_NAME];
    struct fabric_end ends[FABRIC_ENDS];
    unsigned end_count;
    uint32_t mtu;
    bool blackhole;
    uint32_t lossy; /* in a million: what enters is lost */
    struct fabric_weather weather;
    struct fabric_learned learned[FABRIC_LEARNED];
    unsigned learned_count;
};

/* Sees what passes an end: what its node sends (also into a blackhole), and what arrives at it. Nothing
 * behind a cut. */
typedef void fabric_tap(void *context, const struct fabric_end *end, bool inbound, const struct frame *f);

/* Whether the node's own packet filter drops it: what it is about to send (no tap sees that), or what
 * arrived. */
typedef bool fabric_filter(void *context, const struct fabric_end *end, bool inbound, const struct frame *f);

struct fabric_counters {
    uint64_t sent, delivered, lost, too_big, no_carrier, swallowed, filtered;
};

struct fabric {
    struct site *site;
    struct rng rng;
    struct fabric_link links[FABRIC_LINKS];
    unsigned link_count;
    fabric_tap *tap; /* may be NULL */
    void *tap_context;
    fabric_filter *filter; /* may be NULL */
    void *filter_context;
    struct fabric_counters counters;
};

/* Becomes the site's; the caller keeps it until site_done. */
void fabric_init(struct fabric *f, struct site *s, uint64_t seed);
/* The link's number. `mtu` 0: 1500. */
unsigned fabric_link_add(struct fabric *f, const char *name, uint32_t mtu);
/* Another end of the link, plugged into that port. The line comes up. Returns the end's number. */
unsigned fabric_plug(struct fabric *f, unsigned link, struct site_node *n, unsigned port);
/* NULL: the port is not plugged in. */
struct fabric_end *fabric_end_of(const struct site_node *n, unsigned port);
/* site->carry: the node sends. */
void fabric_carry(struct site_node *n, unsigned port, const struct frame *frame);
/* The end where the link believes that address to be; -1: it does not know. */
int fabric_learned_end(const struct fabric *f, unsigned link, const uint8_t mac[SITE_MAC]);

/* ---- faults; `end` -1: at all ends ---- */
void fabric_cut(struct fabric *f, unsigned link, int end);
void fabric_blackhole(struct fabric *f, unsigned link, int end, uint8_t hole);
void fabric_lossy(struct fabric *f, unsigned link, uint32_t in_a_million);
/* Ends what the three did there; all of the link's with `end` -1. */
void fabric_repair(struct fabric *f, unsigned link, int end);
/* `to` does not hear `from` any more, or does again. */
void fabric_deaf(struct fabric *f, unsigned link, unsigned to, unsigned from, bool deaf);

#endif
