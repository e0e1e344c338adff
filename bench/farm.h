/* SPDX-License-Identifier: Apache-2.0 */
/* A farm of spokes in one process: the real IKE machine with a connection for each spoke, over UDP sockets
 * that speak for any local address. No packet path: the pairs that it negotiates are counted and thrown away,
 * their IKE SAs are kept alive, answer DPD and rekey as those of a gateway do.
 *
 * The caller gives the namespace the spokes' addresses (`ip route add local 9.2.0.0/16 dev lo`), says how
 * many tunnels there shall be and turns the loop with farm_turn. Spoke i has the address `first` + i and
 * protects the /24 number i of `networks`. */
#ifndef BENCH_FARM_H
#define BENCH_FARM_H

#include "ike/ike.h"

struct farm_options {
    struct address gateway;
    struct address first;          /* IPv4; of spoke 0 */
    struct prefix gateway_network; /* what the gateway protects */
    uint32_t networks;             /* host order: first /24 of the spokes */
    uint32_t count;                /* spokes that may ever be up */
    uint32_t in_flight;            /* negotiations at once */
    const char *key;
    struct ike_policy policy;
    struct packet_algorithms esp;
    uint8_t pfs_group;
    uint32_t dpd_seconds; /* 0: only answers */
    bool verbose;         /* the machine's log to standard error */
};

struct farm_result {
    uint32_t wanted, up;
    uint32_t completed; /* since farm_want */
    uint32_t failures;  /* attempts that the machine gave up and that were tried again */
    uint32_t lost;      /* pairs that went away without a successor, since the start */
    ns began, ended;    /* of this batch; ended 0: it goes on */
    ns latency_median, latency_p99;
    struct ike_statistics ike;
};

struct farm;

/* NULL with a message on standard error. */
struct farm *farm_new(const struct farm_options *options);
void farm_free(struct farm *f);

/* From now on there shall be so many tunnels (at most options.count). Fewer than now: the last ones are
 * deleted, with DELETE to the gateway. */
void farm_want(struct farm *f, uint32_t tunnels);
/* Waits at most `patience` for something to do and does it. `extra` is a descriptor that ends the wait, or
 * -1; true if it is readable. */
bool farm_turn(struct farm *f, ns patience, int extra);
bool farm_settled(const struct farm *f);
void farm_result(const struct farm *f, struct farm_result *ret);

#endif
