/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway of the simulator: the real IKE machine, in a shell as small as can be. It carries out actions as
 * control does, keeps records on a "disk" that survives the death of the control process (not that of the
 * node), and a SAD without cryptography, in which a packet is an SPI. */
#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include "ike/ike.h"
#include "network.h"

enum { SIM_PAIRS_MAX = 256, SIM_RECORDS_MAX = 512, SIM_PEERS_MAX = 2 };

enum sim_pair_state { SIM_PAIR_FREE, SIM_PAIR_INBOUND, SIM_PAIR_ACTIVE, SIM_PAIR_SUPERSEDED };

struct sim_pair {
    enum sim_pair_state state;
    struct ike_pair_install install; /* key views point into `keys` */
    uint8_t keys[4][PACKET_INTEGRITY_KEY_MAX];
    ns preferred, last_in, last_out;
};

struct sim_record {
    bool used;
    uint8_t kind;
    uint64_t key;
    uint16_t len;
    uint8_t data[IKE_RECORD_MAX];
};

struct gateway {
    const char *name;
    struct schedule *schedule;
    struct network *network;
    struct rng *rng;
    struct gateway *peer;
    struct ike_config config;
    struct address local;
    uint32_t connection;
    struct selector selector;

    struct ike *ike; /* NULL: control is down */
    bool node_down;  /* the packet path, too */
    uint64_t life;   /* counts control processes: what belongs to a former one is void */
    uint64_t timer;  /* only the latest timer counts */
    uint64_t disk_writes;
    struct sim_pair pairs[SIM_PAIRS_MAX];
    struct sim_record disk[SIM_RECORDS_MAX];
    ns last_invalid_spi;

    uint64_t datagrams_sent, packets_sent, packets_received, packets_waiting, packets_lost_at_peer;
    uint64_t trace; /* hash of everything that this gateway did, in order */
    bool verbose;
    char broken[256]; /* a promise that did not hold; "" while all do */
};

void gateway_start(struct gateway *g);        /* control comes up: restores what is on the disk */
void gateway_kill_control(struct gateway *g); /* SIGKILL; the packet path goes on */
void gateway_kill_node(struct gateway *g);    /* power off: disk and SAs are gone, too */
void gateway_send_packet(struct gateway *g);
void gateway_clear(struct gateway *g, enum ike_clear_scope scope);
void gateway_done(struct gateway *g);
/* The pair that would send now, or NULL. */
struct sim_pair *gateway_outbound(struct gateway *g);

#endif
