/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways in memory for the tests of the IKE machine: each node is a machine with its shell (records, pairs,
 * traffic, jobs run at once), a network with delay, loss, tampering and NAT lies between them, and time jumps
 * from deadline to deadline. */
#ifndef IKE_WORLD_H
#define IKE_WORLD_H

#include "ike/ike.h"

enum {
    NODES_MAX = 6,
    QUEUE_MAX = 8192,
    PAIRS_MAX = 256,
    RECORDS_MAX = 2048,
    LOG_LINES = 512,
    HEARD_MAX = 64,
    POLICIES_MAX = 4
};

struct world_pair {
    bool used, confirmed, superseded, removed;
    struct ike_pair_install install;
    uint8_t keys[4][PACKET_INTEGRITY_KEY_MAX]; /* cipher out, integrity out, cipher in, integrity in */
    ns last_in, last_out;
};

struct world_record {
    bool used;
    uint8_t kind;
    uint64_t key;
    size_t len;
    uint8_t data[IKE_RECORD_MAX];
};

struct node {
    struct world *world;
    const char *name;
    struct ike *ike;
    struct address address, second_address;
    struct ike_config config;
    struct ike_policy policies[POLICIES_MAX];
    struct ike_key keys[8];
    struct ike_connection connections[4];
    struct ike_peer peers[4][8];
    struct ike_transform_set sets[4];
    struct selector selectors[4][4];
    struct world_pair pairs[PAIRS_MAX];
    struct world_record records[RECORDS_MAX];
    char logs[LOG_LINES][420];
    unsigned log_count, acquire_failed, sent, received, installs, removes, record_order_errors;
    uint64_t *connection_records;
    bool down;       /* packets to it vanish, its timers stand still */
    bool no_traffic; /* queries are answered with "never" */
    bool behind_nat;
    struct address nat_address;
    uint16_t nat_port_base; /* the NAT maps port p to base + p */
    ns traffic_in, traffic_out;
    ns clock;             /* its clock is ahead of the world's by this */
    struct node *standby; /* gets its records and installations before anything that follows them */
    bool killable;        /* dies before the action that world.kill_at names */
    struct {
        uint8_t cookie[8];
        uint32_t message_id;
    } heard[HEARD_MAX]; /* sealed messages, to know an answer */
    unsigned heard_count;
};

struct packet {
    ns at;
    uint64_t order;
    struct endpoint local, remote; /* of the sender, after its NAT */
    bool nat_port;
    size_t len;
    uint8_t data[IKE_DATAGRAM_MAX];
};

/* What happens to a packet: false drops it; it may change it. */
typedef bool world_filter(struct world *w, struct node *from, struct packet *p, void *context);

struct world {
    ns now;
    ns delay;
    struct node nodes[NODES_MAX];
    unsigned node_count;
    struct packet *queue[QUEUE_MAX];
    unsigned queued;
    uint64_t order;
    world_filter *filter;
    void *context;
    struct packet *history[QUEUE_MAX]; /* every packet sent, before the filter */
    unsigned history_count;
    bool keep_history;
    unsigned actions_done, kill_at; /* of killable nodes; kill_at 0: never */
};

struct world *world_new(void);
void world_free(struct world *w);
/* A gateway with one policy and one transform set; connect() adds the rest. */
struct node *world_node(struct world *w, const char *name, const char *address);
/* Connection `index` of `n`: `local` net to `remote` net by a peer. Call node_start when configured. */
void node_connect(struct node *n, unsigned index, const char *peer, const char *local, const char *remote);
void node_peer(struct node *n, unsigned index, const char *peer); /* one more */
void node_start(struct node *n);
void node_configure(struct node *n);
/* A fresh machine in its place; with `restore` from its records. */
void node_restart(struct node *n, bool restore);
/* Two gateways, 10.0.0.0/24 behind A (192.0.2.1) and 10.0.1.0/24 behind B (192.0.2.2), connected and started.
 */
struct world *world_pair_new(struct node **a, struct node **b);

/* Makes it a member of group 1, whose virtual address is its own; `member` of two. It stands by. */
void node_group(struct node *n, unsigned member);
void node_role(struct node *n, bool active, bool forget);
/* A record of `from` as the other member's machine gets it. */
void node_replica(struct node *n, const struct node *from, const struct world_record *r, bool deleted);
ns node_now(const struct node *n);

void node_acquire(struct node *n, unsigned connection);
void node_event(struct node *n, struct ike_event *e);
void world_run(struct world *w, ns duration);
/* Injects a datagram as if it came from `from` to `n`. */
void node_inject(struct node *n, struct endpoint from, uint16_t local_port, const void *data, size_t len);

unsigned node_pairs(const struct node *n);      /* installed now */
unsigned node_usable(const struct node *n);     /* confirmed and not superseded */
struct world_pair *node_newest(struct node *n); /* that may send */
bool node_logged(const struct node *n, const char *text);
struct ike_statistics node_statistics(const struct node *n);
unsigned node_sas(const struct node *n); /* in QM_IDLE */
/* Whether A's newest pair and B's fit together: SPIs, keys, selectors. */
bool nodes_match(struct node *a, struct node *b);

struct selector selector_of(const char *local, const char *remote);
struct prefix prefix_of(const char *text);

#endif
