/* SPDX-License-Identifier: Apache-2.0 */
/* What probes.c and probes_config.c share. */
#ifndef CONTROL_REDUNDANCY_PROBES_INTERNAL_H
#define CONTROL_REDUNDANCY_PROBES_INTERNAL_H

#include "control/redundancy/internal.h"
#include "control/redundancy/probes.h"

enum { PROBE_FAMILIES = 2 };

struct probe_socket {
    struct probes *probes;
    uv_poll_t poll;
    int fd;
    uint8_t family;
};

struct probes {
    struct redundancy *redundancy;
    struct probe_unit *units[CONFIG_MAX_PROBES]; /* by slot */
    struct probe_socket *sockets[PROBE_FAMILIES];
    uint16_t first; /* the identifier of slot 0: random, so that nobody guesses it from far away */
    uv_timer_t timer;
};

/* ---- probes.c ---- */

/* The timer, for whoever is due first. */
void probes_schedule(struct probes *p);
/* Sockets of the families that probes need; the others are closed. */
void probes_sockets_update(struct probes *p);
void probes_socket_close(struct probes *p, unsigned index);

/* ---- probes_config.c ---- */

/* Keeps what is known for a successor of this process; tells it to the tracked objects. */
void probe_unit_note(const struct probes *p, const struct probe_unit *u);
void probe_unit_tell(const struct probes *p, const struct probe_unit *u);

#endif
