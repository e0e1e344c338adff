/* SPDX-License-Identifier: Apache-2.0 */
/* One EIGRP process as a leaf of the network (RFC 7868), as a pure machine: it forms neighbours, announces
 * what is declared to it, learns routes, answers queries, and never announces what it learnt.
 *
 * Never to transit makes DUAL short. No neighbour's way to a destination can lead over us, because we never
 * offered one; so every neighbour's route is free of loops, the best is used, the next best at once when it
 * goes, and no destination is ever active. Queries are answered from what we announce, with "unreachable" for
 * all else.
 *
 * Reliable packets go to each neighbour by unicast, one at a time (§5.3 allows it; multicast with conditional
 * receive is understood, not used). What they say is decided when they leave: a route that comes and goes
 * meanwhile is never spoken of.
 *
 * The shell feeds events, each with its time, carries out the actions in their order before the next one, and
 * calls with a TICK at eigrp_deadline.
 */
#ifndef EIGRP_EIGRP_H
#define EIGRP_EIGRP_H

#include "base/time.h"
#include "wire/eigrp.h"

enum {
    EIGRP_PORTS_MAX = 32,      /* interfaces */
    EIGRP_NEIGHBOURS_MAX = 64, /* of one interface; beyond: not heard */
    EIGRP_NEIGHBOURS_ALL = 256,
    EIGRP_LOCAL_MAX = 16384, /* announced, beyond: not announced; a learned route costs no more than ... */
    EIGRP_PATHS_MAX = 16384, /* ... one of these; beyond: not learned */
    EIGRP_ACTIONS_MAX = 128,
    EIGRP_NAME = 32,
    EIGRP_LOG_TEXT = 160,
    EIGRP_DISTANCE_INTERNAL = 90,
    EIGRP_DISTANCE_EXTERNAL = 170,
    EIGRP_HELLO_DEFAULT = 5, /* seconds */
    EIGRP_HOLD_DEFAULT = 15,
    EIGRP_BANDWIDTH_DEFAULT = 100000, /* kbit/s */
    EIGRP_DELAY_DEFAULT = 10,         /* tens of microseconds */
};

struct eigrp_config {
    uint16_t autonomous_system;
    uint32_t router_id;
    uint16_t stub; /* enum eigrp_stub; 0: not said to neighbours */
};

struct eigrp_port_config {
    uint32_t ifindex;
    char name[EIGRP_NAME];
    struct prefix address; /* with its host bits */
    uint16_t hello, hold;  /* seconds */
    uint16_t mtu;
};

/* What is announced. */
struct eigrp_offer {
    struct prefix destination;
    uint32_t ifindex; /* where the way to it leads: neighbours there are not told (split horizon) */
    bool external;
    uint8_t origin;     /* enum eigrp_origin, external */
    uint32_t tag;       /* external */
    uint32_t bandwidth; /* kbit/s */
    uint32_t delay;     /* tens of microseconds */
    uint32_t mtu;
    uint8_t reliability, load;
};

enum eigrp_event_kind {
    EIGRP_EVENT_PORT,      /* `port`: there, or changed in place */
    EIGRP_EVENT_PORT_GONE, /* `ifindex`: goodbye to its neighbours */
    EIGRP_EVENT_PORT_LOST, /* `ifindex`: the line is down, nothing can be said */
    EIGRP_EVENT_PACKET,    /* `packet` */
    EIGRP_EVENT_TICK,
    EIGRP_EVENT_LEAVE, /* goodbye to all; no neighbours afterwards */
};

struct eigrp_event {
    enum eigrp_event_kind kind;
    ns now;
    uint32_t ifindex;
    struct eigrp_port_config port;
    struct {
        struct bytes payload; /* of IP protocol 88 */
        uint32_t source;
    } packet;
};

enum eigrp_action_kind {
    EIGRP_SEND,         /* `send` */
    EIGRP_ROUTE,        /* `route`: is, or has changed to this */
    EIGRP_ROUTE_REMOVE, /* `route.destination` has no way any more */
    EIGRP_LOG,          /* `log` */
};

struct eigrp_action {
    enum eigrp_action_kind kind;
    union {
        struct {
            uint32_t ifindex, destination; /* destination: EIGRP_MULTICAST or a neighbour */
            uint16_t len;
            uint8_t data[EIGRP_PACKET_MAX];
        } send;
        struct {
            struct prefix destination;
            uint32_t next_hop, ifindex, metric, tag;
            bool external;
        } route;
        struct {
            uint8_t severity;
            const char *mnemonic;
            char text[EIGRP_LOG_TEXT];
        } log;
    };
};

struct eigrp_actions {
    uint16_t count;
    struct eigrp_action items[EIGRP_ACTIONS_MAX];
};

struct eigrp_counters {
    uint64_t sent[EIGRP_SIA_REPLY + 1], received[EIGRP_SIA_REPLY + 1]; /* by opcode */
    uint64_t errors[EIGRP_ERROR_COUNT];
    uint64_t foreign; /* another AS, virtual router or network, or our own */
    uint64_t resent, duplicates, old, conditional_dropped, full;
};

struct eigrp;

/* NULL: no memory. `now` also begins the sequence numbers, so a successor's are never taken for older ones.
 */
struct eigrp *eigrp_new(const struct eigrp_config *config, ns now);
void eigrp_free(struct eigrp *e);
/* Router id and stub flags in place; another AS needs another process. */
void eigrp_configure(struct eigrp *e, const struct eigrp_config *config);
void eigrp_step(struct eigrp *e, const struct eigrp_event *event, struct eigrp_actions *actions);
ns eigrp_deadline(const struct eigrp *e);

/* All that is to be announced, said anew as a whole: begin, each, end. What is as before costs nothing; what
 * is not said again is withdrawn. `clock` counts seconds and is the same for all gateways of a site, as far
 * as their clocks agree (neighbour.c needs it for FRR). The next step sends. */
void eigrp_declare_begin(struct eigrp *e);
void eigrp_declare(struct eigrp *e, const struct eigrp_offer *offer, uint32_t clock);
void eigrp_declare_end(struct eigrp *e, ns now);

/* ---- views ---- */

struct eigrp_neighbour_view {
    uint32_t address, ifindex;
    char port[EIGRP_NAME];
    bool up, frr;
    uint16_t hold_left; /* seconds */
    ns up_since, srtt, rto;
    bool waiting; /* a packet is not acknowledged */
    uint32_t last_sequence;
    uint8_t os_major, os_minor, major, minor;
    uint32_t routes; /* learned from it */
};

struct eigrp_port_view {
    struct eigrp_port_config config;
    uint32_t neighbours;
};

struct eigrp_path_view {
    struct prefix destination;
    bool local, external, best;
    uint32_t next_hop, ifindex; /* of a neighbour */
    uint32_t metric, reported;  /* composite */
    uint32_t tag;
};

void eigrp_each_neighbour(const struct eigrp *e, ns now,
                          void (*each)(void *user, const struct eigrp_neighbour_view *v), void *user);
void eigrp_each_port(const struct eigrp *e, void (*each)(void *user, const struct eigrp_port_view *v),
                     void *user);
/* What is announced, then what was learned; in no order. */
void eigrp_each_path(const struct eigrp *e, void (*each)(void *user, const struct eigrp_path_view *v),
                     void *user);
const struct eigrp_counters *eigrp_counters(const struct eigrp *e);

#endif
