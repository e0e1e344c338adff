/* SPDX-License-Identifier: Apache-2.0 */
/* One virtual router of VRRP version 3 on one interface, IPv4 or IPv6, as a pure machine: RFC 9568 §6. Driven
 * like the HSRP group (redundancy/hsrp.h), with the same actions.
 *
 * What always holds: the addresses are owned exactly while the state is Master (the RFC's Active).
 * Advertisements that did not travel with TTL 255, or are malformed, are counted and change nothing.
 */
#ifndef REDUNDANCY_VRRP_H
#define REDUNDANCY_VRRP_H

#include "base/time.h"
#include "redundancy/actions.h"

enum vrrp_state { VRRP_INITIALIZE, VRRP_BACKUP, VRRP_MASTER, VRRP_STATE_COUNT };

/* Zero-initialize, then vrrp_config_default, then set. */
struct vrrp_config {
    char interface[REDUNDANCY_INTERFACE_TEXT];
    uint8_t vrid;                          /* 1..255 */
    struct address interface_address;      /* our own; IPv6: link-local; unset: UP does nothing */
    uint8_t interface_mac[REDUNDANCY_MAC]; /* burned in */
    struct address addresses[VRRP_ADDRESSES_MAX];
    uint8_t address_count; /* at least 1 */
    uint8_t priority;      /* 1..254; 255 is used where `addresses` holds interface_address */
    uint16_t interval;     /* centiseconds, 1..4095 */
    bool preempt;
    ns preempt_minimum;
    uint8_t announce_count;
    ns announce_interval;
};

/* Priority 100, 1 s, preempt, 5 announcements 200 ms apart. */
void vrrp_config_default(struct vrrp_config *c);

enum vrrp_event_kind {
    VRRP_EVENT_UP,
    VRRP_EVENT_DOWN,    /* interface down, shut down, own processes unfit: a Master says priority 0 */
    VRRP_EVENT_MESSAGE, /* `message` */
    VRRP_EVENT_TICK,
    VRRP_EVENT_PRIORITY, /* `priority`, 1..254: configured less what tracking takes away; no effect on an
                            owner */
    VRRP_EVENT_ADDRESS,  /* `seen` */
};

struct vrrp_event {
    enum vrrp_event_kind kind;
    ns now;
    bool resume; /* UP: a predecessor of this process was Master a moment ago: go on at once */
    uint8_t priority;
    struct {
        struct bytes payload; /* of IP protocol 112 */
        struct address source, destination;
        uint8_t ttl;
    } message;
    struct {
        struct address address;
        uint8_t mac[REDUNDANCY_MAC];
    } seen;
};

struct vrrp_counters {
    uint64_t sent, sent_release, received, received_release;
    uint64_t errors[VRRP_ERROR_COUNT]; /* by what was wrong with the packet */
    uint64_t bad_ttl, address_mismatch, interval_mismatch, ignored, storm_dropped, duplicate_addresses;
    uint64_t master_transitions, state_changes;
};

struct vrrp_router {
    struct vrrp_config config;
    enum vrrp_state state;
    bool up;
    uint8_t priority;         /* effective, 255 for the owner */
    uint16_t master_interval; /* centiseconds, as the Master advertises */
    struct address master;    /* another's; unset if unknown or us */
    uint8_t master_priority;
    ns advertisement_timer, master_down_timer, preempt_timer, announce_timer;
    uint8_t announce_left;
    bool excused; /* see redundancy_put_off */
    ns last_change;
    struct redundancy_limit storm, duplicate_log, mismatch_log, replies, defences;
    struct vrrp_counters counters;
};

void vrrp_init(struct vrrp_router *r, const struct vrrp_config *config, ns now);
/* In place; another virtual router number, family or primary address restarts it. */
void vrrp_configure(struct vrrp_router *r, const struct vrrp_config *config, ns now,
                    struct redundancy_actions *actions);
void vrrp_step(struct vrrp_router *r, const struct vrrp_event *event, struct redundancy_actions *actions);
ns vrrp_deadline(const struct vrrp_router *r);

const char *vrrp_state_name(enum vrrp_state state); /* Init, Backup, Master */
bool vrrp_is_owner(const struct vrrp_router *r);    /* of the address: priority 255 */
size_t vrrp_addresses(const struct vrrp_router *r, struct address ret[REDUNDANCY_ADDRESSES_MAX]);
void vrrp_mac(const struct vrrp_router *r, uint8_t ret_mac[REDUNDANCY_MAC]);
ns vrrp_skew(const struct vrrp_router *r);        /* Skew_Time */
ns vrrp_master_down(const struct vrrp_router *r); /* Active_Down_Interval */

#endif
