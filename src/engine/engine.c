/* SPDX-License-Identifier: Apache-2.0 */
/* The engine process: start, loop, end (see engine.h). The loop gives each descriptor that is ready one turn
 * of bounded length, so that no direction starves the other, and blocks when there is nothing to do. */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine_state.h"
#include "io/clock.h"
#include "io/memfd.h"
#include "io/random.h"
#include "supervisor/handover.h"

enum { EVENTS_MAX = 32, RECEIVE_SIZE = 65535 };

#define SYNC_PERIOD      (5 * NS_PER_S)
#define SYNC_SHARE       1000 /* at most this part of the time goes into looking for lost messages */
#define HOUSEKEEPING_MAX NS_PER_S

#define LOAD_WINDOW   (2 * NS_PER_MS)
#define LOAD_HIGH     30000 /* packets per second */
#define PAUSE_PACKETS 24
#define PAUSE_MAX     (100 * NS_PER_US)

static int engine_fail(const char *what, int error)
{
    fprintf(stderr, "engine: %s: %s\n", what, strerror(-error));
    return error;
}

static int fd_if_open(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

static int engine_map(struct engine *e)
{
    void *p;
    int r = memfd_map(HANDOVER_SAD, &p, &e->sad_bytes);
    if (r < 0)
        return engine_fail("SA table", r);
    e->sad = p;
    r = memfd_map(HANDOVER_SPD, &p, &e->spd_bytes);
    if (r < 0)
        return engine_fail("policy table", r);
    e->spd = p;
    if (!sad_valid(e->sad, e->sad_bytes) || !spd_valid(e->spd, e->spd_bytes))
        return engine_fail("shared tables are of another build", -EINVAL);
    return 0;
}

/* A predecessor that died at work left its epoch odd, for control to wait on. */
static void engine_take_place(struct engine *e)
{
    struct sad_engine *place = &e->sad->engines[0];
    e->path.engine = place;
    if (atomic_load(&place->epoch) & 1)
        atomic_fetch_add(&place->epoch, 1);
    atomic_fetch_add(&place->starts, 1);
}

static int engine_path(struct engine *e)
{
    int r = random_rng(&e->rng);
    if (r < 0)
        return engine_fail("random numbers", r);
    engine_take_place(e);
    e->path.sad = e->sad;
    e->path.spd = e->spd;
    e->path.rng = &e->rng;
    e->path.cipher = packet_cipher_new(&e->rng);
    if (!e->path.cipher)
        return engine_fail("packet ciphers need a processor with SSE4.2 and AES", -ENOTSUP);
    engine_enter(e);
    e->path.index = pair_index_new(e->sad);
    engine_leave(e);
    if (!e->path.index)
        return engine_fail("index of pairs", -ENOMEM);
    e->outbound = outbound_new(&e->path);
    e->inbound = inbound_new(&e->path);
    e->coalescer = coalescer_new();
    e->reader = datagram_reader_new(BURST_MAX, RECEIVE_SIZE, 0, PACKET_TAILROOM);
    e->read_area = aligned_alloc(64, READ_SIZE);
    e->slots = aligned_alloc(64, SLOTS_SIZE);
    if (!e->outbound || !e->inbound || !e->coalescer || !e->reader || !e->read_area || !e->slots ||
        sender_init(&e->sender) < 0)
        return engine_fail("buffers", -ENOMEM);
    coalescer_set(e->coalescer, true, e->tun.udp_segmentation);
    return 0;
}

static void engine_network_changed(struct engine *e)
{
    route_cache_flush(e->routes);
    next_hops_flush(e->next_hops);
}

static void on_network_change(void *user, const struct netlink_event *change)
{
    struct engine *e = user;
    if (change->change == NETLINK_NEIGHBOUR_CHANGED) {
        next_hops_neighbour(e->next_hops, &change->neighbour);
        return;
    }
    /* Our own table is not asked. */
    bool ours = (change->change == NETLINK_ROUTE_CHANGED || change->change == NETLINK_ROUTE_REMOVED) &&
                change->route.table == HOLDFAST_TABLE;
    if (!ours)
        engine_network_changed(e);
}

static int engine_network(struct engine *e)
{
    int r = tun_attach(HANDOVER_TUN, &e->tun);
    if (r < 0)
        return engine_fail("TUN device", r);
    r = netlink_new(&e->netlink);
    if (r == 0)
        r = netlink_monitor_new(NETLINK_MONITOR_LINKS | NETLINK_MONITOR_ADDRESSES | NETLINK_MONITOR_ROUTES |
                                    NETLINK_MONITOR_NEIGHBOURS,
                                on_network_change, e, &e->monitor);
    if (r < 0)
        return engine_fail("netlink", r);
    uint64_t seed;
    r = random_fill(&seed, sizeof(seed));
    if (r < 0)
        return engine_fail("random numbers", r);
    e->routes = route_cache_new(e->netlink, HOLDFAST_MARK, seed);
    e->next_hops = next_hops_new(e->netlink, HOLDFAST_MARK, seed);
    return e->routes && e->next_hops ? 0 : engine_fail("route cache", -ENOMEM);
}

static int engine_watch(struct engine *e, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0)
        return 0;
    return epoll_ctl(e->fds.epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int engine_descriptors(struct engine *e)
{
    struct engine_fds *f = &e->fds;
    static const int numbers[][2] = {{HANDOVER_UDP4500_ESP_V4, HANDOVER_UDP4500_ESP_V6},
                                     {HANDOVER_ESP_V4, HANDOVER_ESP_V6},
                                     {HANDOVER_AH_V4, HANDOVER_AH_V6},
                                     {HANDOVER_ICMP_V4, HANDOVER_ICMP_V6}};
    int *places[] = {f->udp, f->esp, f->ah, f->icmp};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    f->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->channel = HANDOVER_CHANNEL_ENGINE;
    if (f->signals < 0 || f->epoll < 0)
        return engine_fail("descriptors", -errno);
    int r = engine_watch(e, f->signals);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        for (int family = 0; family < 2; family++) {
            places[i][family] = fd_if_open(numbers[i][family]);
            if (r == 0)
                r = engine_watch(e, places[i][family]);
        }
    if (r == 0)
        r = engine_watch(e, f->channel);
    if (r == 0)
        r = engine_watch(e, e->tun.fd);
    if (r == 0)
        r = engine_watch(e, netlink_monitor_fd(e->monitor));
    return r < 0 ? engine_fail("descriptors", r) : 0;
}

/* Everything is open by now: what is left to a hijacked engine is what it holds. Other processes must not
 * look into it, for it holds keys. */
static int engine_drop_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    /* Pauses are as short as they say. */
    if (prctl(PR_SET_TIMERSLACK, 1) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0)
        return engine_fail("giving up rights", -errno);
    return 0;
}

void engine_serve(struct engine *e, int fd, uint32_t events)
{
    const struct engine_fds *f = &e->fds;
    if (fd == e->tun.fd) {
        tun_side_read(e);
    } else if (fd == f->channel) {
        if (events & EPOLLOUT)
            reports_flush(e);
        reports_receive(e);
    } else if (fd == netlink_monitor_fd(e->monitor)) {
        if (netlink_monitor_dispatch(e->monitor) < 0)
            engine_network_changed(e);
    } else {
        for (int family = 0; family < 2; family++) {
            if (fd == f->udp[family])
                wire_side_udp(e, family);
            else if (fd == f->esp[family])
                wire_side_raw(e, family, IP_PROTOCOL_ESP);
            else if (fd == f->ah[family])
                wire_side_raw(e, family, IP_PROTOCOL_AH);
            else if (fd == f->icmp[family])
                wire_side_icmp(e, family);
        }
    }
}

/* A message of control that was lost shows here at the latest. */
static void engine_sync(struct engine *e)
{
    if (e->now < e->next_sync)
        return;
    engine_enter(e);
    pair_index_sync(e->path.index);
    engine_leave(e);
    ns took = ns_since(clock_now(), e->now);
    e->next_sync = e->now + MAX(SYNC_PERIOD, took * SYNC_SHARE);
}

static void engine_housekeeping(struct engine *e)
{
    if (e->now >= outbound_deadline(e->outbound)) {
        engine_enter(e);
        outbound_expire(e->outbound, e->now);
        engine_leave(e);
        reports_acquires(e);
    }
    engine_sync(e);
}

int engine_patience(const struct engine *e)
{
    ns until = ns_min(outbound_deadline(e->outbound), e->next_sync);
    ns left = ns_min(ns_since(until, clock_now()), HOUSEKEEPING_MAX);
    if (inbound_waiting(e->inbound))
        left = ns_min(left, NS_PER_MS);
    return (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

/* Under load a pause before the next look lets packets gather: a burst of 20 costs little more than one of 4,
 * and while we do not wait in epoll no packet that arrives has to wake us. A quiet engine never pauses, so a
 * packet that comes alone is served at once; and what waits already is not kept waiting. */
static void engine_moderate(struct engine *e)
{
    ns now = clock_now(), window = ns_since(now, e->load.since);
    if (window >= LOAD_WINDOW) {
        e->load.rate = e->load.packets * NS_PER_S / window;
        e->load.packets = 0;
        e->load.since = now;
    }
    if (!e->load.backlog && e->load.rate >= LOAD_HIGH) {
        struct timespec pause = {.tv_nsec = (long)ns_min(PAUSE_MAX, PAUSE_PACKETS * NS_PER_S / e->load.rate)};
        nanosleep(&pause, NULL);
    }
    e->load.backlog = false;
}

/* While a planned switchover waits for the exact counters of the other member, packets wait in the kernel's
 * queues. Control says until when, at the latest. */
static void engine_wait_held(struct engine *e)
{
    const struct timespec moment = {.tv_nsec = 200000};
    while (clock_now() < atomic_load_explicit(&e->sad->held_until, memory_order_acquire))
        nanosleep(&moment, NULL);
}

int engine_begin(struct engine *e)
{
    int r = engine_map(e);
    if (r == 0)
        r = engine_network(e);
    return r == 0 ? engine_path(e) : r;
}

void engine_greet(struct engine *e)
{
    struct channel_message ready = {.type = CHANNEL_READY};
    e->now = clock_now();
    e->next_sync = e->now + SYNC_PERIOD;
    reports_send(e, &ready);
}

void engine_turn_end(struct engine *e)
{
    wire_side_waiting(e);
    engine_housekeeping(e);
}

static int engine_loop(struct engine *e)
{
    engine_greet(e);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(e->fds.epoll, events, EVENTS_MAX, engine_patience(e));
        if (n < 0 && errno != EINTR)
            return engine_fail("epoll", -errno);
        engine_wait_held(e);
        e->now = clock_now();
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == e->fds.signals)
                return 0;
            engine_serve(e, events[i].data.fd, events[i].events);
        }
        engine_turn_end(e);
        engine_moderate(e);
    }
}

void engine_done(struct engine *e)
{
    route_cache_free(e->routes);
    next_hops_free(e->next_hops);
    netlink_monitor_free(e->monitor);
    netlink_free(e->netlink);
    sender_done(&e->sender);
    datagram_reader_free(e->reader);
    coalescer_free(e->coalescer);
    if (e->inbound)
        inbound_free(e->inbound);
    if (e->outbound)
        outbound_free(e->outbound);
    if (e->path.index)
        pair_index_free(e->path.index);
    packet_cipher_free(e->path.cipher);
    free(e->read_area);
    free(e->slots);
    memfd_unmap(e->sad, e->sad_bytes);
    memfd_unmap(e->spd, e->spd_bytes);
    rng_wipe(&e->rng);
    free(e);
}

int engine_main(void)
{
    struct engine *e = calloc(1, sizeof(*e));
    if (!e) {
        engine_fail("start", -ENOMEM);
        return 1;
    }
    int r = engine_begin(e);
    if (r == 0)
        r = engine_descriptors(e);
    if (r == 0)
        r = engine_drop_rights();
    if (r == 0)
        r = engine_loop(e);
    engine_done(e);
    return r < 0 ? 1 : 0;
}
