/* SPDX-License-Identifier: Apache-2.0 */
/* What this folder's files and show/standby.c share. One redundancy_group per configured group
 * (and family, with VRRP), one redundancy_interface per device that has groups. */
#ifndef CONTROL_REDUNDANCY_INTERNAL_H
#define CONTROL_REDUNDANCY_INTERNAL_H

#include "base/list.h"
#include "control/control.h"
#include "control/redundancy/redundancy.h"
#include "redundancy/hsrp.h"
#include "redundancy/ownership.h"
#include "redundancy/tracking.h"
#include "redundancy/vrrp.h"

enum redundancy_protocol { REDUNDANCY_HSRP, REDUNDANCY_VRRP };

enum { REDUNDANCY_NAME = 128 };

/* The device that has a group's virtual MAC and, while the group is ours, its addresses. With use-bia the
 * addresses are on the interface itself. */
struct virtual_device {
    char name[NETLINK_NAME];
    uint32_t ifindex; /* 0: not made (yet) */
    uint32_t parent;
    uint8_t mac[REDUNDANCY_MAC];
    bool burned_in; /* no device of its own */
    bool owned;
    struct prefix addresses[REDUNDANCY_ADDRESSES_MAX]; /* set in the kernel by us */
    unsigned address_count;
};

enum redundancy_listener_kind {
    LISTEN_HSRP_1,
    LISTEN_HSRP_2,
    LISTEN_VRRP_4,
    LISTEN_VRRP_6,
    LISTEN_ARP,
    LISTENERS
};

struct redundancy_interface {
    struct list all;
    struct redundancy *redundancy;
    uint32_t ifindex;
    char device[NETLINK_NAME];
    struct redundancy_listener *listeners[LISTENERS];
    long arp_ignore_before, arp_announce_before; /* -1: not known */
    bool keep;
};

struct redundancy_group {
    struct list all;
    struct redundancy *redundancy;
    uint8_t protocol, family;
    uint16_t number;
    char interface[REDUNDANCY_NAME]; /* its configured name */
    char name[REDUNDANCY_NAME], follow[REDUNDANCY_NAME];
    bool name_written;
    uint32_t ifindex; /* of the interface's device; 0: there is none */
    uint8_t mac[REDUNDANCY_MAC];
    struct address source; /* unset: the interface has none */
    bool line;             /* up, with a carrier */
    union {
        struct hsrp_group hsrp;
        struct vrrp_router vrrp;
    };
    uint8_t priority; /* configured */
    struct track_use uses[TRACKING_USES_MAX];
    uint8_t use_count;
    struct ownership ownership;
    ns contested;          /* when another router was last found to have been active as well */
    uint8_t resume;        /* the state in which a predecessor of this process left it; 0: none */
    bool preempts;         /* as configured */
    bool disown_pending;   /* the addresses stay until a planned switchover is done */
    bool running, has_run; /* what the machine was told last; whether it ever ran */
    struct virtual_device device;
    uint64_t send_errors;
    ns latest;                                /* the most that its timer was served behind its time */
    uint64_t late_counts[LOOP_PAUSE_CLASSES]; /* how often it was by at least so long */
    uv_timer_t *timer;
    bool keep;
};

struct redundancy {
    struct control *control;
    struct list groups, interfaces;
    struct tracking tracking;
    const struct config *configuring; /* the last one that was applied */
    int frame_socket;
    struct hello_pacer *pacer; /* NULL: no group has short timers */
    uv_prepare_t here;         /* tells the pacer in each turn of the loop */
    struct datagram_reader *reader;
    uv_timer_t tracking_timer, engine_timer, routes_timer;
    struct probes *probes;          /* NULL: none is configured */
    struct netlink_monitor *routes; /* while routes are tracked */
    uv_poll_t *routes_poll;
    bool engine_fit;
    uint64_t engine_epoch;
    ns engine_moved, engine_asked;
    bool priority_raised, ending;
};

/* ---- config.c ---- */

/* The machine's configuration of a group, from the model and what `g` holds of its interface. */
void redundancy_hsrp_config(const struct redundancy_group *g, const struct config_interface *i,
                            const struct config_standby *s, struct hsrp_config *ret);
/* False: none of its addresses is of the group's family. */
bool redundancy_vrrp_config(const struct redundancy_group *g, const struct config_vrrp *v,
                            struct vrrp_config *ret) must_check;

/* ---- group.c ---- */

struct redundancy_group *group_new(struct redundancy *r, uint8_t protocol, uint8_t family, uint16_t number,
                                   const char *interface);
/* Resigns if Active, takes the device away. */
void group_free(struct redundancy_group *g);
void group_hsrp_step(struct redundancy_group *g, struct hsrp_event *e);
void group_vrrp_step(struct redundancy_group *g, struct vrrp_event *e);
void group_actions(struct redundancy_group *g, const struct redundancy_actions *a);
/* After anything changed that decides whether the group runs, and with which priority. */
void group_review(struct redundancy_group *g);
void group_schedule(struct redundancy_group *g);
/* Those that follow it learn its state. */
void group_followers_tell(struct redundancy_group *leader);
bool group_active(const struct redundancy_group *g);
size_t group_addresses(const struct redundancy_group *g, struct address ret[REDUNDANCY_ADDRESSES_MAX]);
void group_mac(const struct redundancy_group *g, uint8_t ret[REDUNDANCY_MAC]);

/* ---- socket.c ---- */

/* The sockets that the groups of this device need; those that none needs any more are closed. */
void interface_listen(struct redundancy_interface *i);
struct redundancy_interface *interface_new(struct redundancy *r, uint32_t ifindex, const char *device);
void interface_free(struct redundancy_interface *i);

/* ---- device.c ---- */

/* The device as the group needs it now: made, remade with another MAC, left alone. */
int virtual_device_prepare(struct redundancy_group *g) must_check;
/* Exactly the group's addresses are on it, and it is up. Also while it is owned, when the addresses changed.
 */
int virtual_device_own(struct redundancy_group *g) must_check;
void virtual_device_disown(struct redundancy_group *g);
void virtual_device_remove(struct redundancy_group *g);
/* Keeps the group's state for a successor of this process. */
void virtual_device_note(struct redundancy_group *g, uint8_t state);
/* Of a predecessor: every device that the records name. */
void virtual_devices_sweep(struct control *c);

/* ---- tracking_facts.c ---- */

void tracking_facts_begin(struct redundancy *r);
/* Objects as configured; then every fact that is known. Groups look up the numbers of interfaces afterwards.
 */
void tracking_facts_configure(struct redundancy *r, const struct config *config);
void tracking_facts_links(struct redundancy *r, const struct config *config);
void tracking_facts_engine(struct redundancy *r);
void tracking_facts_probe(struct redundancy *r, uint32_t probe, bool reachable, bool good);
void tracking_facts_end(struct redundancy *r);
/* The object that stands for `standby track IF`; 0: none. */
uint16_t tracking_facts_number(const struct redundancy *r, const char *interface);

#endif
