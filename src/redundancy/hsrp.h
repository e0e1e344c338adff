/* SPDX-License-Identifier: Apache-2.0 */
/* One HSRP group on one interface, as a pure machine: RFC 2281 §5 and version 2. The shell has one per
 * configured group, gives it what happens with the time of it, carries out the actions and comes back at
 * hsrp_deadline at the latest.
 *
 * What always holds: the virtual addresses are owned exactly while the state is Active (OWN and DISOWN
 * alternate). A message that does not authenticate is counted and changes nothing. Preemption takes a
 * strictly higher priority; the address breaks ties only among those who stand for election, and between two
 * Active ones. What a neighbour can make us send or log is bounded per second.
 */
#ifndef REDUNDANCY_HSRP_H
#define REDUNDANCY_HSRP_H

#include "base/time.h"
#include "redundancy/actions.h"

enum {
    HSRP_SECONDARY_MAX = 15,
    HSRP_KEY_MAX = 64,
    HSRP_NAME_MAX = 64,
    HSRP_PRIORITY_DEFAULT = 100,
    HSRP_FOLLOWER_REFRESH_S = 10, /* a follower's hello: keeps the switches' tables (`standby mac-refresh`) */
};

#define HSRP_HELLO_DEFAULT (3 * NS_PER_S)
#define HSRP_HOLD_DEFAULT  (10 * NS_PER_S)
#define HSRP_SLEEP         (1 * NS_PER_S) /* a pause that is no hiccup of the machine */

enum hsrp_authentication { HSRP_AUTHENTICATION_TEXT, HSRP_AUTHENTICATION_MD5 };

/* Zero-initialize, then hsrp_config_default, then set. */
struct hsrp_config {
    char interface[REDUNDANCY_INTERFACE_TEXT]; /* as logged: "FastEthernet0/0" */
    uint8_t version;                           /* 1 or 2 */
    uint16_t group;
    struct address interface_address;      /* our own on this interface: breaks ties */
    uint8_t interface_mac[REDUNDANCY_MAC]; /* burned in */
    struct address virtual_address;        /* unset: learned from the Active router */
    struct address secondary[HSRP_SECONDARY_MAX];
    uint8_t secondary_count;
    uint8_t priority; /* as configured; the effective one comes as HSRP_EVENT_PRIORITY */
    bool timers_set;  /* else hello and hold are learned from the Active router */
    ns hello, hold;   /* 15 ms .. 254 s; hold > hello */
    bool preempt;
    ns preempt_minimum;     /* since the interface came up */
    ns preempt_reload;      /* the same after a reload */
    ns preempt_sync;        /* at most this long for HSRP_EVENT_SYNCED */
    ns delay_minimum;       /* Initial is left this long after the interface came up */
    ns delay_reload;        /* the same after a reload */
    uint8_t authentication; /* enum hsrp_authentication */
    uint8_t text[HSRP_TEXT];
    char key[HSRP_KEY_MAX + 1]; /* MD5 */
    ns key_timeout;             /* a changed key: the old one is accepted this long */
    bool use_bia;
    bool mac_set;
    uint8_t mac[REDUNDANCY_MAC]; /* `standby mac-address` */
    char name[HSRP_NAME_MAX];    /* empty: hsrp-<short interface>-<group>, the shell's */
    bool follows;                /* no election: HSRP_EVENT_LEADER tells the state */
    uint8_t announce_count;      /* gratuitous ARPs on becoming Active, per address */
    ns announce_interval;
};

/* Version 1, priority 100, 3 s / 10 s, text "cisco", delays 1 s / 5 s, 5 announcements 200 ms apart. */
void hsrp_config_default(struct hsrp_config *c);

enum hsrp_event_kind {
    HSRP_EVENT_UP, /* interface and protocol are up; `reload`: for the first time since the machine started */
    HSRP_EVENT_DOWN, /* interface down, group shut down, or our own processes unfit: resigns if Active and can
                      */
    HSRP_EVENT_MESSAGE,  /* `message`: a datagram that named this group and version */
    HSRP_EVENT_TICK,     /* a deadline came */
    HSRP_EVENT_PRIORITY, /* `priority`: configured less what tracking takes away */
    HSRP_EVENT_ADDRESS,  /* `seen`: an ARP or neighbor discovery packet of another claims an address */
    HSRP_EVENT_LEADER,   /* `leader`: state of the group that this one follows */
    HSRP_EVENT_SYNCED,   /* what `preempt delay sync` waits for is there */
    HSRP_EVENT_YIELD, /* planned: an Active router gives its role to the Standby one and stays in the election
                       */
};

struct hsrp_event {
    enum hsrp_event_kind kind;
    ns now;
    bool reload;
    uint8_t resume; /* UP: enum hsrp_state that a predecessor of this process had a moment ago: Active or
                       Standby go on at once and without delays; else 0 */
    uint8_t priority;
    uint8_t leader; /* enum hsrp_state */
    struct {
        struct bytes datagram; /* UDP payload */
        struct address source;
    } message;
    struct {
        struct address address;
        uint8_t mac[REDUNDANCY_MAC];
    } seen;
};

struct hsrp_peer { /* the Active or the Standby router, as far as it is another one */
    bool known;
    struct address address;
    uint8_t priority;
    uint8_t mac[REDUNDANCY_MAC]; /* version 2; else zero */
    bool mac_known;
};

struct hsrp_counters {
    uint64_t hellos_sent, coups_sent, resigns_sent;
    uint64_t hellos_received, coups_received, resigns_received, advertisements_ignored;
    uint64_t bad_authentication, malformed, bad_address, ignored, storm_dropped, duplicate_addresses;
    uint64_t state_changes;
};

struct hsrp_group {
    struct hsrp_config config;
    enum hsrp_state state;
    bool up;
    uint8_t priority;               /* effective */
    struct address virtual_address; /* configured or learned */
    bool address_learned;
    bool timers_learned;
    ns hello, hold; /* in use */
    struct hsrp_peer active, standby;
    /* Timers, NS_NEVER while they do not run. */
    ns active_timer, standby_timer, hello_timer, delay_timer, preempt_timer, sync_timer, announce_timer;
    bool synced;
    bool excused;   /* see redundancy_put_off */
    uint8_t leader; /* enum hsrp_state, as HSRP_EVENT_LEADER said */
    bool yielded;   /* gave the role away on purpose: does not preempt until it had it again */
    uint8_t announce_left;
    ns last_change; /* time of the last change of state */
    ns old_key_until;
    char old_key[HSRP_KEY_MAX + 1];
    struct redundancy_limit storm, duplicate_log, authentication_log, address_log, coups, changes, defences;
    struct hsrp_counters counters;
};

/* Initial state, interface not up. `config` is copied. */
void hsrp_init(struct hsrp_group *g, const struct hsrp_config *config, ns now);
void hsrp_done(struct hsrp_group *g); /* wipes the keys */
/* A changed configuration, in place: the state stays where the change allows. Version, group and the primary
 * virtual address restart the group (resign, Initial, and up again). */
void hsrp_configure(struct hsrp_group *g, const struct hsrp_config *config, ns now,
                    struct redundancy_actions *actions);

/* `actions` is appended to; give an empty list. */
void hsrp_step(struct hsrp_group *g, const struct hsrp_event *event, struct redundancy_actions *actions);
ns hsrp_deadline(const struct hsrp_group *g);

/* ---- for the shell and `show standby` ---- */

/* Primary first. Returns the number; 0 while not known. */
size_t hsrp_addresses(const struct hsrp_group *g, struct address ret[REDUNDANCY_ADDRESSES_MAX]);
/* The MAC that hosts see for the virtual addresses: virtual, burned in (use-bia) or configured. */
void hsrp_mac(const struct hsrp_group *g, uint8_t ret_mac[REDUNDANCY_MAC]);
/* May the group preempt, is it waiting for a delay to end? Remaining time, 0 if none. */
ns hsrp_preempt_left(const struct hsrp_group *g, ns now);
/* "local", "unknown" or an address: who is Active, who is Standby. Returns `out`. */
char *hsrp_active_print(const struct hsrp_group *g, char out[ADDRESS_TEXT]);
char *hsrp_standby_print(const struct hsrp_group *g, char out[ADDRESS_TEXT]);

#endif
