/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the engine process share. One thread; engine.c makes it and runs the loop:
 *
 *     tun_side.c    TUN device -> ipsec/segment -> ipsec/outbound -> sender.c
 *     wire_side.c   sockets -> ipsec/inbound -> ipsec/coalesce -> TUN device
 *     sender.c      raw sockets and UDP
 *     reports.c     messages to and from control
 *     route_cache.c which interface a destination leaves by
 *     next_hop.c    and to which neighbour there
 *
 * Nothing is allocated after the start. Whatever reads the SPD or the SAD does so between engine_enter and
 * engine_leave.
 */
#ifndef ENGINE_ENGINE_STATE_H
#define ENGINE_ENGINE_STATE_H

#include "engine/channel.h"
#include "engine/next_hop.h"
#include "engine/route_cache.h"
#include "io/datagram.h"
#include "io/netlink.h"
#include "io/tun.h"
#include "ipsec/coalesce.h"
#include "ipsec/inbound.h"
#include "ipsec/outbound.h"
#include "ipsec/pair_index.h"
#include "ipsec/pmtu.h"

enum {
    SLOTS_SIZE = 512 << 10, /* memory for segments of one burst */
    READ_SIZE = 256 << 10,  /* small packets of one burst, one behind the other, and room for one of 64 KiB */
    REPORTS_QUEUE = 256,
    REPORTS_REMEMBERED = 256, /* pairs whose hard limit was told lately */
};

/* Which descriptors there are: -1 where the kernel lacks the family. */
struct engine_fds {
    int udp[2], esp[2], ah[2], icmp[2]; /* [0] IPv4, [1] IPv6 */
    int channel, epoll, signals;
};

struct reports {
    struct channel_message queue[REPORTS_QUEUE];
    unsigned first, count;
    bool writable_watched;
    ns invalid_spi_since; /* start of the second that `invalid_spi_count` counts */
    unsigned invalid_spi_count;
    struct {
        uint32_t spi_in;
        ns at;
    } hard[REPORTS_REMEMBERED], lease[REPORTS_REMEMBERED];
    ns debug_since;
    unsigned debug_count;
    bool debug;
};

struct sender {
    struct datagram_writer *writer;
    struct link_writer *link_writer;
    int link; /* socket for packets to a neighbour; -1: none, the raw sockets take everything */
    /* Gathered for one socket. */
    int fd;
    bool udp;
    unsigned count, pieces;
    struct datagram_out out[DATAGRAM_BURST_MAX];
    struct iovec iov[OUTBOUND_RESULTS_MAX];
    struct link_hop hops[DATAGRAM_BURST_MAX]; /* of out[], where fd is the link socket */
    int raw[DATAGRAM_BURST_MAX];              /* and the socket that takes what the device does not */
    int8_t may_fragment[2];                   /* of the UDP sockets: as it is set now; -1: unknown */
};

struct engine {
    struct packet_path path;
    struct engine_fds fds;
    struct rng rng;
    struct sad *sad;
    struct spd *spd;
    size_t sad_bytes, spd_bytes;
    struct tun tun;
    struct outbound *outbound;
    struct inbound *inbound;
    struct coalescer *coalescer;
    struct netlink *netlink;
    struct netlink_monitor *monitor;
    struct route_cache *routes;
    struct next_hops *next_hops;
    struct datagram_reader *reader;
    struct sender sender;
    struct reports reports;
    ns now; /* of this turn of the loop */
    ns next_sync;
    unsigned inside; /* engine_enter nests */
    struct {
        ns since; /* start of the window that `packets` counts */
        uint64_t packets;
        uint64_t rate; /* packets per second, of the last full window */
        bool backlog;  /* a source had more than its share */
    } load;

    /* The burst on its way out. */
    struct outbound_packet burst[BURST_MAX];
    unsigned burst_count;
    uint32_t group;
    uint8_t *read_area, *slots;
    size_t read_at, slots_at;
};

static inline void engine_enter(struct engine *e)
{
    if (e->inside++ == 0)
        atomic_fetch_add(&e->path.engine->epoch, 1);
}

static inline void engine_leave(struct engine *e)
{
    if (--e->inside == 0)
        atomic_fetch_add_explicit(&e->path.engine->epoch, 1, memory_order_release);
}

static inline void engine_drop(struct engine *e, enum drop_reason reason, unsigned packets)
{
    e->path.engine->drops[reason] += packets;
}

static inline int family_index(const struct address *a)
{
    return a->family == ADDRESS_V6;
}

/* engine.c: the loop, in pieces, for whoever has another one (tests/sim/site) */
/* Everything but descriptors to wait for and rights. -errno, after a line on standard error. */
int engine_begin(struct engine *e) must_check;
void engine_greet(struct engine *e); /* control learns that the engine serves */
/* `fd` is ready. */
void engine_serve(struct engine *e, int fd, uint32_t events);
void engine_turn_end(struct engine *e);      /* what is due without a descriptor */
int engine_patience(const struct engine *e); /* milliseconds until something will be */
void engine_done(struct engine *e);

/* tun_side.c */
/* Reads what the TUN device has, up to a fair share. */
void tun_side_read(struct engine *e);
/* Room behind which PACKET_TAILROOM follows, in front of which PACKET_HEADROOM lies, for a packet of `len`
 * that is to go out; NULL if it is too long. Add it with tun_side_add, then tun_side_flush. */
uint8_t *tun_side_slot(struct engine *e, uint32_t len);
void tun_side_add(struct engine *e, uint8_t *data, uint32_t len, const struct route *route, uint32_t group);
void tun_side_flush(struct engine *e);
/* Does what `n` results of outbound say. */
void tun_side_results(struct engine *e, size_t n);
/* One whole packet to the TUN device. */
void tun_side_write(struct engine *e, uint8_t *data, uint32_t len);

/* wire_side.c */
void wire_side_udp(struct engine *e, int family);
/* Packets that waited for a higher ceiling of their pair. */
void wire_side_waiting(struct engine *e);
void wire_side_raw(struct engine *e, int family, uint8_t protocol);
void wire_side_icmp(struct engine *e, int family);

/* sender.c */
int sender_init(struct sender *s) must_check;
void sender_done(struct sender *s);
/* `results` has its whole run behind it. */
void sender_add(struct engine *e, const struct outbound_result *results);
void sender_flush(struct engine *e);

/* reports.c */
void reports_send(struct engine *e, struct channel_message *m);
void reports_datagram(struct engine *e, const struct endpoint *local, const struct endpoint *remote,
                      struct bytes data);
void reports_outbound(struct engine *e, const struct outbound_result *r);
void reports_inbound(struct engine *e, const struct inbound_result *r);
/* A packet still waits for a ceiling of that pair. */
void reports_waiting(struct engine *e, uint32_t slot, uint32_t spi_in);
void reports_acquires(struct engine *e);
/* The channel can be written again. */
void reports_flush(struct engine *e);
/* Reads what control says. */
void reports_receive(struct engine *e);

#endif
