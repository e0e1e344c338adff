/* SPDX-License-Identifier: Apache-2.0 */
/* What farm.c (set-up and loop), spokes.c (the IKE machine's side) and traffic.c share. */
#ifndef FARM_FARM_INTERNAL_H
#define FARM_FARM_INTERNAL_H

#include "farm/farm.h"
#include "farm/plane.h"
#include "farm/schedule.h"
#include "io/datagram.h"

enum { FARM_SOCKETS = 2, FARM_BATCH = 64, FARM_MARKER = 4 };

enum spoke_state { SPOKE_DOWN, SPOKE_NEGOTIATES, SPOKE_UP };

struct spoke {
    uint8_t state;  /* enum spoke_state */
    uint16_t pairs; /* two while a rekey overlaps */
    ns began;
};

struct traffic {
    bool began, running;
    struct farm_traffic_options options;
    uint32_t run;
    uint32_t *spokes; /* of each flow */
    struct schedule schedules[FARM_DIRECTIONS];
    struct account accounts[FARM_DIRECTIONS];
    ns since, until;
    int host; /* the far end's socket; -1: none */
    uint64_t host_errors;
    struct datagram_reader *reader;
    struct datagram_writer *writer;
};

struct farm {
    struct farm_options options;
    struct ike *ike;
    struct ike_actions actions;
    struct ike_config config;
    struct ike_key key;
    struct ike_transform_set transform_set;
    struct ike_connection *connections;
    struct ike_peer peers[FARM_GATEWAYS_MAX];
    struct selector *selectors;
    struct spoke *spokes;
    uint32_t *spoke_of_slot;  /* by slot of the pair */
    struct ike_event *events; /* what actions and packets caused, in order */
    uint32_t event_count, event_capacity, event_next;
    int sockets[FARM_SOCKETS]; /* 500, 4500 */
    struct datagram_reader *reader;
    struct plane *plane;
    struct traffic traffic;
    uint32_t next; /* first spoke that may be down */
    uint32_t in_flight;
    ns *latencies; /* of this batch */
    struct farm_result result;
    struct ike_statistics statistics_base; /* at the last reset */
};

/* The inner address of a spoke. */
struct address farm_inner(const struct farm *f, uint32_t spoke);

/* ---- spokes.c ---- */

/* One event and all that it causes; NULL: only what was put before. */
void spokes_step(struct farm *f, const struct ike_event *event);
/* For spokes_step; how packets tell the machine. */
void spokes_event_put(struct farm *f, const struct ike_event *e);
/* Packets of this connection wait. */
void spokes_acquire(struct farm *f, uint32_t connection);
/* Begins what is wanted and not there, within the window. */
void spokes_begin(struct farm *f);
/* Which kind of message this is. */
void spokes_message_count(struct farm_messages *m, struct bytes message);

/* ---- traffic.c ---- */

int traffic_init(struct farm *f) must_check;
void traffic_done(struct farm *f);
void traffic_reset(struct farm *f);
/* Sends what is due, a burst of each way at most. */
void traffic_send(struct farm *f, ns now);
ns traffic_deadline(const struct farm *f);
/* The host's socket is readable. */
void traffic_host_read(struct farm *f);
/* A packet came out of a tunnel. */
void traffic_deliver(struct farm *f, uint8_t *packet, uint32_t len, ns now);

#endif
