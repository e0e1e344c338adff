/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's addresses, links, routes and rules, over libnl. Control changes them and follows changes; an
 * engine asks for routes.
 *
 * Requests are synchronous: the kernel answers at once. All return 0 or -errno as the kernel gave it; the
 * usual ones: -EPERM no CAP_NET_ADMIN, -ENODEV no such interface, -EEXIST is there already, -ESRCH /
 * -EADDRNOTAVAIL / -ENOENT is not there, -ENETUNREACH the gateway is not on a connected network. */
#ifndef IO_NETLINK_H
#define IO_NETLINK_H

#include "base/address.h"

struct netlink; /* one socket, one thread */

int netlink_new(struct netlink **ret) must_check;
void netlink_free(struct netlink *n);

/* ---- addresses ---- */

enum netlink_address_flag {
    NETLINK_ADDRESS_NO_PREFIX_ROUTE = 1 << 0, /* no connected route comes with it */
    NETLINK_ADDRESS_HOME = 1 << 1, /* IPv6: used at once, no duplicate detection (virtual addresses) */
};

/* `p` holds the address with its host bits. Adding a further one in the same network makes it secondary. */
int netlink_address_add(struct netlink *n, uint32_t ifindex, const struct prefix *p,
                        unsigned flags) must_check;
int netlink_address_delete(struct netlink *n, uint32_t ifindex, const struct prefix *p) must_check;

struct netlink_address {
    uint32_t ifindex;
    struct prefix prefix;
    struct address peer; /* of a point-to-point address; else unset */
    bool secondary;
    bool permanent; /* else learnt: DHCP, router advertisement */
    bool tentative; /* duplicate detection runs, or found one */
};

/* All of them, of both families. `each` may not call `n`. */
int netlink_addresses(struct netlink *n, void (*each)(void *user, const struct netlink_address *a),
                      void *user) must_check;

/* ---- links ---- */

enum { NETLINK_NAME = 16 };

struct netlink_link {
    uint32_t ifindex;
    char name[NETLINK_NAME];
    char kind[NETLINK_NAME]; /* "veth", "tun", ...; empty for hardware */
    uint32_t mtu;
    uint32_t master; /* ifindex of the bridge or bond; 0 */
    uint8_t mac[6];  /* zero where there is none */
    bool up;         /* administratively */
    bool carrier;    /* and the line is there */
    bool loopback;
    bool point_to_point;
    bool has_mac;
    struct {
        uint64_t packets_in, packets_out, bytes_in, bytes_out;
        uint64_t errors_in, errors_out, drops_in, drops_out;
        uint64_t multicast_in, collisions, crc_errors, frame_errors, fifo_errors, carrier_errors;
    } statistics;
};

int netlink_link_by_name(struct netlink *n, const char *name, struct netlink_link *ret) must_check;
int netlink_link_by_index(struct netlink *n, uint32_t ifindex, struct netlink_link *ret) must_check;
int netlink_links(struct netlink *n, void (*each)(void *user, const struct netlink_link *l),
                  void *user) must_check;
int netlink_link_set_up(struct netlink *n, uint32_t ifindex, bool up) must_check;
int netlink_link_set_mtu(struct netlink *n, uint32_t ifindex, uint32_t mtu) must_check;
/* A macvlan on `parent`, with `mac`: a virtual router's own MAC address. It is down at first. What comes to
 * multicast groups reaches the parent, too, whatever its source. */
int netlink_macvlan_add(struct netlink *n, uint32_t parent, const char *name,
                        const uint8_t mac[6]) must_check;
int netlink_link_delete(struct netlink *n, uint32_t ifindex) must_check;

/* ---- routes ---- */

enum netlink_route_type {
    NETLINK_ROUTE_UNICAST,
    NETLINK_ROUTE_LOCAL,     /* own addresses; to be added with `lo` as interface, in table 255 */
    NETLINK_ROUTE_BROADCAST, /* answers only, as is MULTICAST */
    NETLINK_ROUTE_MULTICAST,
    NETLINK_ROUTE_BLACKHOLE,
    NETLINK_ROUTE_UNREACHABLE,
    NETLINK_ROUTE_PROHIBIT,
    NETLINK_ROUTE_THROW, /* "not in this table": the next rule decides */
};

enum { NETLINK_TABLE_MAIN = 254, NETLINK_PROTOCOL_HOLDFAST = 85 };

struct netlink_route {
    struct prefix destination; /* family must be set; length 0: default */
    struct address gateway;    /* unset: directly connected */
    struct address source;     /* preferred; unset: the kernel's choice */
    uint32_t ifindex;          /* 0: by the gateway */
    uint32_t metric;
    uint32_t table;   /* 0: main */
    uint32_t mtu;     /* 0: the interface's */
    uint8_t type;     /* enum netlink_route_type */
    uint8_t protocol; /* who made it; 0 means NETLINK_PROTOCOL_HOLDFAST when adding */
    bool on_link;     /* the gateway is on the interface whatever its addresses say */
    bool special; /* as the kernel tells, not for adding: encapsulation, or a gateway of the other family */
};

/* -EEXIST if one with this destination, metric and table is there. */
int netlink_route_add(struct netlink *n, const struct netlink_route *r) must_check;
/* Adds, or takes the place of the one with this destination, metric and table. */
int netlink_route_replace(struct netlink *n, const struct netlink_route *r) must_check;
int netlink_route_delete(struct netlink *n, const struct netlink_route *r) must_check; /* -ESRCH: none */
/* Every route of `table` (0: of all), both families. */
int netlink_routes(struct netlink *n, uint32_t table, void (*each)(void *user, const struct netlink_route *r),
                   void *user) must_check;
/* Deletes every route in `table` that has `protocol` (0: NETLINK_PROTOCOL_HOLDFAST). Returns how many. */
int netlink_routes_flush(struct netlink *n, uint32_t table, uint8_t protocol) must_check;

struct netlink_hop {
    uint8_t type; /* enum netlink_route_type; UNREACHABLE also where there is no route */
    bool special; /* the route says more than this: encapsulation, a gateway of the other family */
    uint32_t ifindex;
    struct address gateway; /* unset: directly connected */
    struct address source;
    uint32_t mtu; /* learnt for this destination; 0: the interface's */
};

/* Where a packet with `mark` from `source` (unset: any) would go. An answer "no" is an answer: 0 with its
 * type. */
int netlink_route_find(struct netlink *n, const struct address *destination, const struct address *source,
                       uint32_t mark, struct netlink_hop *ret) must_check;

/* ---- the rules that lead interesting traffic into the TUN device ---- */

struct netlink_steering {
    const char *tun;   /* what came in by this device passes by */
    uint32_t mark;     /* what carries this mark passes by */
    uint32_t table;    /* the rest is looked up here first */
    uint32_t priority; /* of the first of three rules in a row, each family */
};

/* Three rules per family: `P: iif TUN goto P+2`, `P+1: not fwmark MARK lookup TABLE`, `P+2: nop`. Repeating
 * it is harmless. A family that the kernel lacks is left out. */
int netlink_steering_add(struct netlink *n, const struct netlink_steering *s) must_check;
int netlink_steering_delete(struct netlink *n, const struct netlink_steering *s) must_check;

/* ---- neighbours ---- */

struct netlink_neighbour {
    uint32_t ifindex;
    struct address address;
    bool has_mac; /* the kernel would send to it without asking first */
    uint8_t mac[6];
};

/* -ENOENT: the kernel has not asked for it lately. */
int netlink_neighbour_find(struct netlink *n, uint32_t ifindex, const struct address *address,
                           struct netlink_neighbour *ret) must_check;

/* ---- changes ---- */

enum netlink_change {
    NETLINK_LINK_CHANGED,
    NETLINK_LINK_REMOVED,
    NETLINK_ADDRESS_ADDED,
    NETLINK_ADDRESS_REMOVED,
    NETLINK_ROUTE_CHANGED, /* added, replaced */
    NETLINK_ROUTE_REMOVED,
    NETLINK_RULE_CHANGED,
    NETLINK_NEIGHBOUR_CHANGED, /* or gone: then without MAC */
    NETLINK_LOST,              /* the kernel dropped messages: everything may have changed, read anew */
};

struct netlink_event {
    uint8_t change; /* enum netlink_change; it says which of these is filled */
    struct netlink_link link;
    struct netlink_address address;
    struct netlink_route route;
    struct netlink_neighbour neighbour;
};

struct netlink_monitor;

enum netlink_monitor_flag {
    NETLINK_MONITOR_LINKS = 1 << 0,
    NETLINK_MONITOR_ADDRESSES = 1 << 1,
    NETLINK_MONITOR_ROUTES = 1 << 2, /* with rules */
    NETLINK_MONITOR_NEIGHBOURS = 1 << 3,
};

int netlink_monitor_new(unsigned flags, void (*on_event)(void *user, const struct netlink_event *e),
                        void *user, struct netlink_monitor **ret) must_check;
void netlink_monitor_free(struct netlink_monitor *m);
/* Readable when there is something to dispatch. */
int netlink_monitor_fd(const struct netlink_monitor *m);
/* Calls `on_event` for all that waits. 0, or -errno of a broken socket. */
int netlink_monitor_dispatch(struct netlink_monitor *m) must_check;

#endif
