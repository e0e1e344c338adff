/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. machine.c: ports and timers; neighbour.c: sessions and what they say;
 * receive.c: what is heard; local.c: what is announced; learn.c: what was learned. */
#ifndef EIGRP_INTERNAL_H
#define EIGRP_INTERNAL_H

#include "base/hash_table.h"
#include "base/list.h"
#include "base/pool.h"
#include "eigrp/eigrp.h"

enum {
    REPLIES_MAX = 256, /* destinations that a neighbour asks for and that are not answered yet */
    TRIES_MAX = 16,    /* §5.3.1 */
};

#define RTO_FIRST   (500 * NS_PER_MS)
#define RTO_MAX     (5 * NS_PER_S)
#define GATHER_TIME (30 * NS_PER_MS) /* changes that come together go together */

struct eigrp_port {
    bool used;
    struct eigrp_port_config config;
    ns hello_at;
    struct list neighbours;
    uint32_t neighbour_count;
};

struct eigrp_local {
    struct list change; /* in e->changes, by version */
    struct hash_link link;
    struct eigrp_offer offer;
    uint32_t index;   /* bit in eigrp_neighbour.known */
    uint32_t clock;   /* when it came */
    uint64_t version; /* of its last change */
    bool present, declared;
};

struct eigrp_reply {
    struct prefix destination;
    bool stuck; /* SIA query */
};

struct eigrp_neighbour {
    struct list port_link;
    struct eigrp_port *port;
    uint32_t address;
    bool up; /* both INITs are through */
    uint16_t hold;
    ns hold_at, up_since;
    bool excused; /* a hold time that ran out late was put off once */
    uint8_t os_major, os_minor, major, minor;
    uint32_t paths; /* learned from it */

    /* hearing */
    bool init_received, ack_due, conditional;
    uint32_t init_sequence, last_sequence, conditional_sequence;
    uint16_t last_checksum;
    bool resynchronizing; /* it says all again (graceful restart); what is not said goes */

    /* saying */
    bool init_acknowledged, init_wanted, end_sent;
    uint8_t packet[EIGRP_PACKET_MAX]; /* not acknowledged yet */
    uint16_t len;                     /* 0: none */
    uint32_t sequence;
    uint8_t opcode;
    unsigned tries;
    ns sent_at, resend_at, srtt, rto;
    uint64_t version_sent; /* of e->changes */
    struct eigrp_reply replies[REPLIES_MAX];
    uint32_t reply_count;
    uint8_t known[EIGRP_LOCAL_MAX / 8]; /* what it was told and may have */
};

struct eigrp_destination {
    struct hash_link link;
    struct list dirty;
    struct list paths;
    struct prefix prefix;
    bool installed; /* and how: */
    uint32_t next_hop, ifindex, metric, tag;
    bool external;
};

struct eigrp_path {
    struct list link; /* of its destination */
    struct eigrp_destination *destination;
    struct eigrp_neighbour *neighbour;
    bool external, stale;
    uint32_t next_hop, metric, reported, tag;
};

struct eigrp {
    struct eigrp_config config;
    struct eigrp_port ports[EIGRP_PORTS_MAX];
    struct pool neighbours, locals, destinations, paths;
    uint32_t sequence;
    bool again; /* the list of actions was full */
    ns gather_until;

    struct list changes;
    struct hash_table local_table, destination_table;
    uint64_t version;
    uint32_t absent; /* locals that are withdrawn, and not from everybody yet */
    uint8_t indexes[EIGRP_LOCAL_MAX / 8];
    struct list dirty;
    bool full_said;
    struct eigrp_counters counters;
};

/* machine.c */
struct eigrp_action *eigrp_action_add(struct eigrp *e, struct eigrp_actions *a, enum eigrp_action_kind kind);
void eigrp_action_log(struct eigrp_actions *a, uint8_t severity, const char *mnemonic, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
struct eigrp_port *eigrp_port_find(struct eigrp *e, uint32_t ifindex);
void hello_now(struct eigrp *e, struct eigrp_port *p, struct eigrp_actions *a);

/* neighbour.c */
struct eigrp_neighbour *neighbour_find(const struct eigrp_port *p, uint32_t address);
struct eigrp_neighbour *neighbour_new(struct eigrp *e, struct eigrp_port *p, uint32_t address, ns now,
                                      struct eigrp_actions *a);
void neighbour_remove(struct eigrp *e, struct eigrp_neighbour *n, const char *why, struct eigrp_actions *a);
void neighbour_log(const struct eigrp_neighbour *n, const char *state, const char *why,
                   struct eigrp_actions *a);
void neighbour_begin(struct eigrp_neighbour *n); /* a new session, from our INIT on */
/* Whether that was our INIT. */
bool neighbour_acknowledged(struct eigrp_neighbour *n, uint32_t acknowledgement, ns now);
void neighbour_up_check(struct eigrp_neighbour *n, ns now, struct eigrp_actions *a);
void neighbour_resend(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_actions *a);
void neighbour_run(struct eigrp *e, struct eigrp_neighbour *n, ns now, struct eigrp_actions *a);
void neighbour_farewell(struct eigrp *e, struct eigrp_neighbour *n, struct eigrp_actions *a);
ns neighbour_deadline(const struct eigrp *e, const struct eigrp_neighbour *n);
bool neighbour_is_frr(const struct eigrp_neighbour *n);

/* receive.c */
void packet_receive(struct eigrp *e, const struct eigrp_event *event, struct eigrp_actions *a);

/* local.c */
struct eigrp_local *local_find(const struct eigrp *e, const struct prefix *p);
/* The change after `version`; NULL: none. */
struct eigrp_local *local_after(const struct eigrp *e, uint64_t version);
void locals_free_withdrawn(struct eigrp *e);
bool bit_get(const uint8_t *bits, uint32_t at);
void bit_set(uint8_t *bits, uint32_t at, bool value);

/* learn.c */
void learn_route(struct eigrp *e, struct eigrp_neighbour *n, const struct eigrp_route *r);
void learn_forget(struct eigrp *e, struct eigrp_neighbour *n, bool stale_only);
void learn_mark_stale(struct eigrp *e, struct eigrp_neighbour *n);
void learn_reconsider(struct eigrp *e, const struct prefix *p);
void learn_run(struct eigrp *e, struct eigrp_actions *a);
uint32_t metric_composite(const struct eigrp_metric *m);

#endif
