/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked objects: lines, routes, probes, our own processes, and lists of them; up, down, or damped on the
 * way. Pure: facts come in as events, changes go out as a list, and priorities are computed from what is
 * down. The shell feeds every fact it knows once at start and again when it changes.
 *
 * An object whose fact is not known yet is down; one that is not configured takes no decrement.
 */
#ifndef REDUNDANCY_TRACKING_H
#define REDUNDANCY_TRACKING_H

#include "base/address.h"
#include "base/time.h"

enum {
    TRACKING_OBJECTS_MAX = 500,
    TRACKING_MEMBERS_MAX = 32,
    TRACKING_INTERFACE_TEXT = 32,
    TRACKING_USES_MAX = 16,
    TRACKING_DECREMENT_DEFAULT = 10,
};

enum track_kind {
    TRACK_INTERFACE_LINE,    /* `interface IF line-protocol` */
    TRACK_INTERFACE_ROUTING, /* `interface IF ip routing`: line up and an address */
    TRACK_ROUTE,             /* `ip route P M reachability`: exactly this prefix is in the table */
    TRACK_LIST_AND,
    TRACK_LIST_OR,
    TRACK_LIST_WEIGHT, /* `list threshold weight` */
    TRACK_CONTROL,     /* our own control process is fit */
    TRACK_PROBE,       /* `ip sla N`: what its latest request was answered */
    TRACK_ENGINE,      /* our own engines pass packets */
};

struct track_member {
    uint16_t number;
    bool negate;
    uint8_t weight; /* TRACK_LIST_WEIGHT */
};

struct track_config {
    uint16_t number; /* 1..1000 as configured; what the shell makes for `standby track IF` is above */
    uint8_t kind;    /* enum track_kind */
    char interface[TRACKING_INTERFACE_TEXT];
    struct prefix prefix;
    uint32_t probe; /* TRACK_PROBE: its number */
    bool strict;    /* TRACK_PROBE: `state`, an answer over the threshold is not enough */
    uint8_t member_count;
    struct track_member members[TRACKING_MEMBERS_MAX];
    uint16_t weight_up, weight_down; /* up at or above, down at or below */
    ns delay_up, delay_down;
};

struct track_object {
    struct track_config config;
    bool raw;   /* what the facts say now */
    bool up;    /* after the delays; what everybody else sees */
    bool known; /* a fact came */
    ns due;     /* `up` follows `raw` then; NS_NEVER */
    uint32_t changes;
    ns last_change;
};

struct tracking {
    uint16_t count;
    struct track_object objects[TRACKING_OBJECTS_MAX]; /* by number */
};

enum track_fact_kind {
    TRACK_FACT_INTERFACE,
    TRACK_FACT_ROUTE,
    TRACK_FACT_PROBE,
    TRACK_FACT_CONTROL,
    TRACK_FACT_ENGINE
};

struct track_fact {
    enum track_fact_kind kind;
    const char *interface; /* INTERFACE: the name as configured */
    bool line, routing;    /* INTERFACE */
    struct prefix prefix;  /* ROUTE */
    uint32_t probe;        /* PROBE: its number */
    bool up;               /* ROUTE: present; PROBE: answered; CONTROL, ENGINE: fit */
    bool good;             /* PROBE: answered within its threshold */
};

struct track_changes {
    uint16_t count;
    uint16_t numbers[TRACKING_OBJECTS_MAX];
};

void tracking_init(struct tracking *t);
/* A new object, or another configuration of one. -ENOSPC if there is no room, -EINVAL for a list that would
 * contain itself. Feed the facts again afterwards. */
int tracking_set(struct tracking *t, const struct track_config *config, ns now,
                 struct track_changes *changes) must_check;
void tracking_remove(struct tracking *t, uint16_t number, ns now, struct track_changes *changes);
void tracking_fact(struct tracking *t, const struct track_fact *fact, ns now, struct track_changes *changes);
void tracking_tick(struct tracking *t, ns now, struct track_changes *changes);
ns tracking_deadline(const struct tracking *t);
const struct track_object *tracking_find(const struct tracking *t,
                                         uint16_t number); /* NULL if there is none */

/* ---- who uses an object, and for what ---- */

struct track_use {
    uint16_t number;
    uint8_t decrement;
    bool shutdown; /* `track N shutdown`: the group is not run while the object is down */
};

/* `configured` less the decrements of what is down, at least `floor` (HSRP 0, VRRP 1). */
uint8_t tracking_priority(const struct tracking *t, uint8_t configured, uint8_t floor,
                          const struct track_use *uses, size_t count);
bool tracking_shutdown(const struct tracking *t, const struct track_use *uses, size_t count);

#endif
