/* SPDX-License-Identifier: Apache-2.0 */
/* The site simulator: whole gateways, hosts, routers and the wires between them in one process, on virtual
 * time. A gateway node runs the daemon's control process (src/control with everything below it) and its
 * packet path (src/ipsec) as they are; only libuv, src/io and what costs in src/crypto are others
 * (docs/simulator.md).
 *
 * This header is what the parts know of each other: the world (site.c), what a node is, the frame that goes
 * over a wire, and the fabric of wires (wires/fabric.h). Nothing in here is a process's memory: what a
 * simulated process allocates belongs to it and dies with it (gateway/process.h), so a node must never be
 * called from within one. Whatever comes for a node comes as a happening of the schedule, or from the driver.
 */
#ifndef SIM_SITE_H
#define SIM_SITE_H

#include "base/address.h"
#include "base/rng.h"
#include "base/time.h"
#include "schedule.h"

struct fabric;
struct ledger;
struct process;
struct site;
struct site_node;

enum { SITE_PORTS_MAX = 8, SITE_NODES_MAX = 256, SITE_NAME = 64, SITE_MAC = 6 };

#define SITE_START (1000 * NS_PER_S) /* the schedule's time when the run begins */

/* ---- frames ---- */

enum frame_kind {
    FRAME_IP,
    FRAME_ARP, /* gratuitous: `from` is at `source`. Hosts need no ARP to find a MAC: site_mac_find */
};

enum {
    SITE_PROTOCOL_ICMP = 1, /* echo requests and replies of probes: `data` is the message */
    SITE_PROTOCOL_TCP =
        6, /* of a process: the replication link's byte stream; `data` is gateway/stream.h's */
    SITE_PROTOCOL_UDP = 17,   /* IKE, HSRP, ESP in UDP: `data` is the payload */
    SITE_PROTOCOL_ESP = 50,   /* `data` begins with the ESP header */
    SITE_PROTOCOL_VRRP = 112, /* `data` is the IP payload */
    SITE_PROTOCOL_FLOW = 253, /* a numbered packet of a flow, host to host: `flow`; no data */
};

/* A numbered packet of a flow: what protection is about. */
struct flow_packet {
    uint32_t flow;
    uint64_t sequence; /* from 1 */
};

/* One frame of an Ethernet: IP with what matters of its header beside it. The MAC addresses let a bridge
 * learn where a virtual address is served. Who receives one borrows it; fabric copies what it keeps. */
struct frame {
    uint8_t destination[SITE_MAC], source[SITE_MAC];
    uint8_t kind; /* enum frame_kind */
    uint8_t protocol, ttl;
    bool dont_fragment;
    struct address from, to;     /* of the IP header */
    uint16_t from_port, to_port; /* UDP, TCP */
    struct flow_packet flow;     /* SITE_PROTOCOL_FLOW */
    uint32_t size;               /* of the whole IP packet: what an MTU is compared with */
    uint32_t len;                /* of `data` */
    uint8_t data[];
};

#define FRAME_BYTES(f) (sizeof(struct frame) + (f)->len)

/* On the heap, zeroed but for len. */
struct frame *frame_new(uint32_t len);
struct frame *frame_copy(const struct frame *f);
bool frame_is_multicast(const struct frame *f);
extern const uint8_t frame_broadcast[SITE_MAC];

/* ---- nodes ---- */

enum node_role { NODE_SUPERVISOR, NODE_CONTROL, NODE_ENGINE };

/* Every pointer may be NULL where a kind of node knows nothing of it. None is called from within another. */
struct node_ops {
    void (*start)(struct site_node *n); /* the power comes: a cold start. No-op while it is on */
    void (*frame)(struct site_node *n, unsigned port, const struct frame *f);
    void (*line)(struct site_node *n, unsigned port, bool up); /* the carrier of a port */
    /* SIGKILL. SUPERVISOR: every process (the kernel and the packet filter live on, nothing comes back until
     * `restart`). CONTROL, ENGINE: the supervisor starts another after a moment. */
    void (*kill)(struct site_node *n, enum node_role role);
    void (*restart)(struct site_node *n); /* the daemon is started anew after kill SUPERVISOR or stop */
    void (*power_off)(struct site_node *n);
    void (*stop)(struct site_node *n);   /* SIGTERM: in good order */
    void (*freeze)(struct site_node *n); /* SIGSTOP to every process; queues fill meanwhile */
    void (*thaw)(struct site_node *n);
    /* One line of the command; the answer is on the heap (free), NULL: control is not there. */
    char *(*command)(struct site_node *n, const char *line);
    void (*free)(struct site_node *n);
};

struct site_port {
    char name[16];         /* "wan0" */
    uint8_t mac[SITE_MAC]; /* burned in */
    uint32_t mtu;
    bool line;  /* carrier; the fabric sets it by site_line */
    void *wire; /* the fabric's */
};

struct site_node {
    struct site *site;
    const struct node_ops *ops;
    char name[SITE_NAME];
    unsigned number; /* in site->nodes */
    unsigned port_count;
    struct site_port ports[SITE_PORTS_MAX];
    bool up;       /* it has power */
    int64_t ahead; /* its clock minus the schedule's time, at `ahead_since` */
    int32_t drift; /* ppm */
    ns ahead_since;
    void *own; /* of the kind of node */
};

/* ---- the world ---- */

struct site {
    uint64_t seed;
    uint64_t trace; /* of all that was told and sent: two runs of one seed have the same */
    struct schedule schedule;
    struct rng rng;
    struct site_node *nodes[SITE_NODES_MAX];
    unsigned node_count;
    struct ledger *ledger; /* what was seen of the promises (world/ledger.h); NULL: nobody watches */
    void (*turned)(struct process *p); /* a process has had its turn, or has died in it; may be NULL */
    struct fabric *fabric;             /* wires/fabric.h */
    /* The fabric's: takes a frame that left a port with a line; borrows it. */
    void (*carry)(struct site_node *from, unsigned port, const struct frame *f);
    /* The fabric's: the world ends. May be NULL. */
    void (*fabric_free)(struct site *s);
    bool failed;
    char why[240];
    /* Gets every line of the run: `node` NULL for the world's own. May be NULL: then only hashed. `topic`
     * says what it is about: "HSRP", "HA", "CRYPTO", "fault", "flow" ... */
    void (*listen)(void *context, const struct site_node *node, const char *topic, const char *text);
    void *listen_context;
    bool listening; /* else lines are not even made, but for their topic's hash */

    struct site_mac {
        struct address address;
        uint8_t mac[SITE_MAC];
    } * macs; /* who answers to an address, virtual ones included: instead of ARP */
    unsigned mac_count, mac_room;

    uint64_t frames; /* sent by nodes */
};

void site_init(struct site *s, uint64_t seed);
/* Every node goes, then what is still to come. */
void site_done(struct site *s);
/* A node of `kind` with power off; ports are added before it starts. */
struct site_node *site_node_add(struct site *s, const char *name, const struct node_ops *ops, void *own);
struct site_node *site_node_find(const struct site *s, const char *name);
/* Returns the port's number. Its MAC address comes from node and port. */
unsigned site_port_add(struct site_node *n, const char *name, uint32_t mtu);
int site_port_find(const struct site_node *n, const char *name); /* -1 */

ns site_now(const struct site *s);
ns node_now(const struct site_node *n);            /* by its own clock */
ns node_to_site(const struct site_node *n, ns at); /* when its clock shows `at`; NS_NEVER stays that */
/* The clock jumps by so much, and goes on with this drift. */
void node_clock_set(struct site_node *n, int64_t jump, int32_t drift_ppm);
bool site_step(struct site *s, ns until); /* schedule_step, until something failed */
void site_run(struct site *s, ns until);
void site_later(struct site *s, ns after, void (*run)(void *context, struct happening *h), void *context,
                uint64_t number);

/* A promise is broken: the run ends. The first one counts. */
void site_fail(struct site *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void site_tell(struct site *s, const struct site_node *n, const char *topic, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void site_trace(struct site *s, uint64_t value); /* into the run's hash */

ns site_between(struct site *s, ns low, ns high);
bool site_chance(struct site *s, uint32_t permille);

void site_mac_set(struct site *s, const struct address *a, const uint8_t mac[SITE_MAC]);
bool site_mac_find(const struct site *s, const struct address *a, uint8_t ret_mac[SITE_MAC]);

/* ---- between nodes and the fabric ---- */

/* A node sends; the fabric borrows the frame. Lost where the port has no line. Goes through the ledger. */
void site_send(struct site_node *n, unsigned port, const struct frame *f);
/* The fabric delivers. */
void site_deliver(struct site_node *n, unsigned port, const struct frame *f);
/* The fabric changes a carrier. */
void site_line(struct site_node *n, unsigned port, bool up);

/* ---- gateway/gateway.c ---- */

struct gateway_settings {
    const char *config; /* text of its configuration file; copied */
    uint32_t slots;     /* of the SA table; 0: 256 */
};

/* A gateway without ports: add those that its configuration names (`device wan0`), wire them, start it. */
struct site_node *gateway_new(struct site *s, const char *name, const struct gateway_settings *settings);

#endif
