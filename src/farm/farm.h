/* SPDX-License-Identifier: Apache-2.0 */
/* A farm of spokes in one process: the real IKE machine with a connection for each spoke, and one packet path
 * for all of them (plane.h), over sockets that speak for any local address. Tunnels are kept alive, answer
 * DPD and rekey as those of a gateway do; traffic.h puts numbered packets through them, both ways.
 *
 * Spoke i has the outer address `first` + i and protects the network number i of `networks`. farm_new makes
 * the outer addresses local (one route in the table of local addresses). The caller says how many tunnels
 * there shall be and turns the loop with farm_turn; command.c is the caller in the program. */
#ifndef FARM_FARM_H
#define FARM_FARM_H

#include <poll.h>

#include "farm/account.h"
#include "ike/ike.h"

enum { FARM_GATEWAYS_MAX = 4 };

struct farm_options {
    struct address gateways[FARM_GATEWAYS_MAX]; /* the peers of every spoke, in order of preference */
    uint32_t gateway_count;
    struct address first;          /* IPv4; of spoke 0 */
    struct prefix gateway_network; /* what the gateway protects */
    uint32_t networks;             /* host order: first network of the spokes */
    uint8_t network_length;        /* of each of them: 8 to 32 */
    uint32_t count;                /* spokes that may ever be up */
    uint32_t
        in_flight; /* negotiations that the farm begins at once; those that packets wait for come on top */
    const char *key;
    struct ike_policy policy;
    struct packet_algorithms esp;
    uint8_t pfs_group;
    uint32_t lifetime_seconds; /* of IPsec SAs */
    uint32_t dpd_seconds;      /* 0: only answers */
    uint32_t dpd_retry_seconds, dpd_misses;
    bool verbose; /* the machine's log to standard error */
    /* The far end of the traffic: an address, and the name or path of the network namespace that has it;
     * NULL: ours. Unset: no traffic. */
    struct address host;
    const char *host_namespace;
};

/* IKE messages by what they belong to. */
struct farm_messages {
    uint64_t phase1, quick, informational;
};

struct farm_result {
    uint32_t wanted, up;
    uint32_t completed; /* since farm_want */
    uint32_t failures;  /* attempts that the machine gave up and that were tried again */
    uint32_t lost;      /* tunnels that went away without a successor */
    ns began, ended;    /* of this batch; ended 0: it goes on */
    ns latency_median, latency_p99;
    struct farm_messages sent, received;
    struct ike_statistics ike; /* its sums, too, begin at farm_reset; how much there is now does not */
};

struct farm;

/* NULL with a message on standard error. */
struct farm *farm_new(const struct farm_options *options);
void farm_free(struct farm *f);

/* From now on there shall be so many tunnels (at most options.count). Fewer than now: the last ones are
 * deleted, with DELETE to the gateway. */
void farm_want(struct farm *f, uint32_t tunnels);
bool farm_settled(const struct farm *f);
/* Waits at most `patience` for something to do and does it. `more` are descriptors that end the wait; their
 * revents are set. */
void farm_turn(struct farm *f, ns patience, struct pollfd *more, unsigned count);

/* `lost`, `failures`, messages, the sums of the machine, drops, and the accounts of the traffic begin anew.
 */
void farm_reset(struct farm *f);
void farm_result(const struct farm *f, struct farm_result *ret);
uint64_t farm_drops(const struct farm *f, unsigned reason); /* enum drop_reason */

/* ---- traffic ---- */

enum farm_direction { FARM_UP, FARM_DOWN, FARM_DIRECTIONS }; /* from the spokes to the host, and back */

struct farm_traffic_options {
    uint32_t spokes;     /* that have traffic: evenly chosen among those wanted */
    uint32_t rate_milli; /* packets of each of them in 1000 s, each way */
    uint32_t size;       /* UDP payload */
    bool ways[FARM_DIRECTIONS];
};

struct farm_traffic {
    bool began, running;
    struct farm_traffic_options options;
    ns since, until;                 /* of the accounts; while it runs `until` is now */
    uint64_t host_errors;            /* the host's own node refused to send */
    uint32_t worst[FARM_DIRECTIONS]; /* spoke */
    struct account_report reports[FARM_DIRECTIONS];
};

/* Starts, in place of what was before. -ENODEV: no host. -EINVAL: more spokes than wanted, or nothing to
 * send. */
int farm_traffic_start(struct farm *f, const struct farm_traffic_options *options) must_check;
void farm_traffic_stop(struct farm *f);
/* Stopped, and everything that was sent has arrived. */
bool farm_traffic_arrived(const struct farm *f);
void farm_traffic_look(const struct farm *f, struct farm_traffic *ret);

#endif
