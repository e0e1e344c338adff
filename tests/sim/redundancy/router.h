/* SPDX-License-Identifier: Apache-2.0 */
/* The routers of the redundancy simulator: real HSRP and VRRP machines with their timers and sockets on
 * virtual time, and what befalls them. world.c sets them up and judges. */
#ifndef SIM_REDUNDANCY_ROUTER_H
#define SIM_REDUNDANCY_ROUTER_H

#include "network.h"
#include "redundancy/hsrp.h"
#include "redundancy/vrrp.h"

#define START (1000 * NS_PER_S)

enum { ROUTERS_MAX = 4 };

enum protocol { PROTOCOL_HSRP_1, PROTOCOL_HSRP_2, PROTOCOL_VRRP_4, PROTOCOL_VRRP_6, PROTOCOL_COUNT };

struct router {
    struct hsrp_config hsrp_config;
    struct vrrp_config vrrp_config;
    struct hsrp_group hsrp;
    struct vrrp_router vrrp;
    bool runs, owns;
    ns ahead;        /* how far its clock is */
    uint64_t alarms; /* the last one asked for; earlier ones are void */
    ns alarm_at;
    uint8_t side; /* of a split network */
    ns asleep;    /* until then its process is not scheduled: timers and sockets wait */
};

struct world {
    uint64_t seed, trace;
    struct rng rng;
    struct schedule schedule;
    struct network network;
    enum protocol protocol;
    struct router routers[ROUTERS_MAX];
    unsigned count;
    bool show, delays, failed;
    char why[160];
    ns hello, hold, chaos_end, last_change;
    uint64_t steps;
};

bool is_vrrp(const struct world *w);
ns between(struct rng *r, ns low, ns high); /* both included */
bool chance(struct world *w, uint32_t percent);
bool is_active(const struct world *w, const struct router *r);
void failure(struct world *w, const char *text);                      /* the run ends */
void tell(struct world *w, const struct router *r, const char *text); /* --show */
/* Initializes the machine of a router that was down, or whose process is replaced, and brings its line up. */
void start(struct world *w, struct router *r, bool reload, uint8_t resume);
void line(struct world *w, struct router *r, bool up);
/* Something happens to a router that is drawn: a happening of the schedule, its context is the world. */
void befall(void *context, struct happening *h);

#endif
