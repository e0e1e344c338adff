/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel of a gateway node, as far as the daemon and its packets need one: devices, addresses, routes,
 * the packet filter, sockets, the TUN device, the memory that the supervisor keeps. It lives as long as the
 * node has power. The functions of src/io work on the kernel of the process that calls them (kernel_*.c in
 * place of src/io).
 *
 * kernel.c has devices, addresses and routes, and the way of a packet; kernel_files.c descriptors and
 * sockets; kernel_netlink.c, kernel_io.c what src/io is for the processes; stream.c TCP.
 */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "io/firewall.h"
#include "io/netlink.h"
#include "site/gateway/process.h"
#include "site/site.h"

enum {
    KERNEL_LINKS_MAX = 48,
    KERNEL_FILES_MAX = 256,
    KERNEL_FILES_FIRST = 64, /* of descriptors that are not handed over */
    KERNEL_QUEUE_MAX = 1024, /* packets of a socket */
    KERNEL_TUN_QUEUE = 500,
};

struct kernel_link {
    bool used;
    struct netlink_link link; /* `ifindex` is its place + 1 */
    int port;                 /* of the node, also of a macvlan's parent; -1: none */
    uint32_t parent;          /* of a macvlan */
};

/* A rule of the packet filter with what it belongs to; in order. */
struct kernel_filter {
    char device[NETLINK_NAME];
    uint32_t sequence;
    struct firewall_rule rule;
};

enum file_kind {
    FILE_NONE,
    FILE_DATAGRAM, /* UDP and raw sockets: what matches is queued */
    FILE_ARP,
    FILE_FRAME,   /* sends only */
    FILE_CHANNEL, /* one end of a pair of queues: `other` */
    FILE_TUN,
    FILE_MONITOR,
    FILE_STREAM, /* stream.h */
};

struct file_packet {
    struct file_packet *next;
    struct endpoint local, remote;
    uint32_t ifindex;
    uint32_t len;
    uint8_t data[];
};

struct file {
    uint8_t kind; /* enum file_kind */
    bool open;
    enum node_role role; /* whose processes wait on it */
    bool handed_over;    /* survives them */
    struct file_packet *first, **last;
    unsigned count, limit;
    uint64_t dropped;
    /* FILE_DATAGRAM: what comes here */
    uint8_t protocol;
    uint16_t port;
    bool marker;      /* port 4500: with the non-ESP marker; else without */
    uint32_t ifindex; /* by this device only; 0: any */
    struct address group;
    unsigned monitor_flags;
    bool monitor_lost;
    int other; /* FILE_CHANNEL: where what is written can be read */
    struct stream *stream;
};

struct kernel_region {
    void *memory;
    size_t size;
};

struct kernel {
    struct site_node *node;
    struct process processes[3]; /* by enum node_role; the supervisor is a model, its place is not used */
    bool frozen;
    ns engine_patience; /* until the engine's next turn, if nothing happens */
    ns busy;            /* what processes waited for, in their own time: their clock is ahead by it */

    struct kernel_link links[KERNEL_LINKS_MAX];
    struct netlink_address *addresses;
    unsigned address_count, address_room;
    struct netlink_route *routes; /* what was added; connected ones follow from the addresses */
    unsigned route_count, route_room;
    bool steering;
    uint32_t tun;
    struct kernel_filter *filters;
    unsigned filter_count;

    struct file files[KERNEL_FILES_MAX];
    struct kernel_region regions[KERNEL_FILES_FIRST]; /* by enum handover_fd */

    const char *config; /* the file */
    struct stream_table *streams;
    uint64_t dropped_clear_in, dropped_clear_out, dropped_no_route, forwarded, protected_in;
};

void kernel_init(struct kernel *k, struct site_node *node, const char *config, uint32_t slots);
/* The power goes: sockets, routes, addresses, memory. */
void kernel_done(struct kernel *k);
/* The supervisor died: what it held is gone, what was set in the kernel stays. */
void kernel_daemon_ended(struct kernel *k);
void kernel_daemon_begins(struct kernel *k, uint32_t slots);
struct kernel *kernel_here(void); /* of the process that runs */
ns kernel_clock(const struct kernel *k);

/* ---- kernel.c ---- */

struct kernel_link *kernel_link_named(struct kernel *k, const char *name);
struct kernel_link *kernel_link_at(struct kernel *k, uint32_t ifindex);
struct kernel_link *kernel_link_new(struct kernel *k, const char *name, const char *kind, int port,
                                    const uint8_t mac[SITE_MAC]);
void kernel_link_changed(struct kernel *k, const struct kernel_link *l, bool removed);
int kernel_address_add(struct kernel *k, uint32_t ifindex, const struct prefix *p);
int kernel_address_delete(struct kernel *k, uint32_t ifindex, const struct prefix *p);
bool kernel_owns(const struct kernel *k, const struct address *a);
/* The way to an address by the tables that `marked` and unmarked packets see; false: there is none. */
bool kernel_route(struct kernel *k, const struct address *to, bool steered, struct netlink_hop *ret);
void kernel_frame(struct kernel *k, unsigned port, const struct frame *f);
/* An IP packet of a process of ours (marked), of the kernel itself, or out of the TUN device. */
void kernel_output(struct kernel *k, struct frame *f, bool from_tun);
/* The same of a process that marks nothing: it goes where everybody's packets go, through the TUN device,
 * too. */
void kernel_originate(struct kernel *k, struct frame *f);
void kernel_lines(struct kernel *k, unsigned port, bool up);

/* ---- kernel_files.c ---- */

void files_init(struct kernel *k);
void files_done(struct kernel *k);
int file_new(struct kernel *k, enum file_kind kind, enum node_role role);
void file_close(struct kernel *k, int fd);
/* What a process that died had opened. */
void files_close_of(struct kernel *k, enum node_role role);
bool file_put(struct kernel *k, int fd, const struct file_packet *head, struct bytes data);
struct file_packet *file_take(struct file *f);
bool file_readable(struct kernel *k, int fd);
/* An IP packet for us. */
void files_deliver(struct kernel *k, const struct frame *f, uint32_t ifindex);
void files_arp(struct kernel *k, const struct frame *f, uint32_t ifindex);
void files_monitor(struct kernel *k, unsigned flag, const struct netlink_event *e);

/* ---- kernel_io.c ---- */

void regions_init(struct kernel *k, uint32_t slots);
void regions_done(struct kernel *k);

/* ---- kernel_echo.c ---- */

/* An echo request to us is answered by the kernel; true: it was one. */
bool kernel_echo_answer(struct kernel *k, const struct frame *f);

/* ---- gateway.c ---- */

/* Something waits for a process: its loop has a turn soon. */
void gateway_wake(struct kernel *k, enum node_role role);
void gateway_wake_at(struct process *p, ns at); /* in the schedule's time */

/* ---- packets as bytes ---- */

enum { IP_HEADER = 20 };

/* `f` as an IPv4 packet; returns its length, at most `size`. */
uint32_t kernel_ip_write(const struct frame *f, uint8_t *out, uint32_t size);
/* NULL: no IPv4 packet of this world. */
struct frame *kernel_ip_parse(const uint8_t *data, uint32_t len);

#endif
