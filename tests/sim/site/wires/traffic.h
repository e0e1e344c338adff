/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts send each other: the flows of a scenario (numbered packets at fixed times, or records on a TCP
 * connection, tcp_model.h) and pings. Figures are the lab's own (lab/flow_stats.h), fed with virtual times.
 * The world's flow packets carry a number that is used once: what it stands for, a record or an
 * acknowledgement, the two ends know. */
#ifndef SIM_SITE_TRAFFIC_H
#define SIM_SITE_TRAFFIC_H

#include "lab/flow_stats.h"
#include "site/wires/host.h"

enum {
    TRAFFIC_FLOWS = 64,
    TRAFFIC_PINGS = 64,
    TRAFFIC_CAPACITY = 1 << 21, /* numbers of one flow */
    TRAFFIC_PORT = 20000,       /* both ports are that and the flow's number */
    /* Kinds of flow numbers. */
    TRAFFIC_DATA = 0,
    TRAFFIC_ACK = 1 << 16, /* of a TCP connection, back */
    TRAFFIC_REQUEST = 2 << 16,
    TRAFFIC_REPLY = 3 << 16,
    TRAFFIC_KIND = 3 << 16,
};

struct tcp_model;
struct traffic;

struct traffic_settings {
    struct host *from, *to;
    struct address source, destination;
    uint32_t rate, size; /* packets a second, bytes of payload */
    bool tcp;
};

struct traffic_flow {
    struct traffic *traffic;
    unsigned number;
    struct traffic_settings settings;
    bool started, stopped;
    ns first_sent, last_sent, stopped_at;
    uint64_t sent, send_errors;
    struct flow_stats stats;
    uint64_t *bitmap;
    struct tcp_model *tcp;
};

struct traffic_ping {
    struct traffic *traffic;
    unsigned number;
    struct host *from;
    struct address source, destination;
    uint32_t size;
    unsigned count, sent, received;
    ns interval, last_sent;
};

struct traffic {
    struct site *site;
    struct traffic_flow flows[TRAFFIC_FLOWS];
    struct traffic_ping pings[TRAFFIC_PINGS];
    unsigned ping_count; /* ever begun; numbers go round */
    /* The first packet after a gap of 50 ms or more, and of three packets; may be NULL. */
    void (*silence)(void *context, unsigned flow, ns gap);
    void *silence_context;
};

void traffic_init(struct traffic *t, struct site *s);
void traffic_done(struct traffic *t);
/* Its packets are the traffic's from now on. */
void traffic_host(struct traffic *t, struct host *h);

/* A flow runs once. */
void traffic_start(struct traffic *t, unsigned flow, const struct traffic_settings *settings);
void traffic_stop(struct traffic *t, unsigned flow);
/* Stopped, and all of it arrived, or nothing of it can any more: 500 ms later, of TCP 10 s. */
bool traffic_over(const struct traffic *t, unsigned flow);
struct flow_report traffic_report(const struct traffic *t, unsigned flow);

/* `count` requests; an answer each is waited for. Returns which one it is. */
struct traffic_ping *traffic_ping(struct traffic *t, struct host *from, const struct address *to,
                                  unsigned count, ns interval, uint32_t size);
/* All answers are there, or the last request is older than `patience`. */
bool traffic_ping_over(const struct traffic_ping *p, ns patience);

/* A flow packet between two hosts, for tcp_model.c. */
void traffic_send(struct traffic_flow *f, bool back, uint32_t kind, uint64_t sequence, uint32_t size);
/* Record `number` arrived for the first or another time. */
void traffic_arrived(struct traffic_flow *f, uint64_t number);

#endif
