/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered packets from node to node; see probe.h. */
#include "lab/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "judge/probe_packet.h"
#include "lab/netns.h"
#include "lab/process.h"

enum {
    PROBE_CAPACITY = 1 << 26, /* numbers of one flow */
    PROBE_BURST = 64,
    PROBE_HEAD = 32, /* bytes of a datagram that are looked at */
};

#define PROBE_NOTICE (50 * NS_PER_MS)
#define PROBE_LATE   (10 * NS_PER_MS) /* a sender so late goes on from there */

struct probe_shared {
    _Atomic bool stop_sending, stop_receiving;
    _Atomic bool sender_ready, receiver_ready, sender_ended;
    _Atomic uint64_t sent, send_errors;
    _Atomic ns first_sent, last_sent;
    _Atomic uint32_t version; /* odd while the receiver writes `stats` */
    struct flow_stats stats;
    char error[128];
    uint64_t run;
    uint64_t bitmap[PROBE_CAPACITY / 64];
};

struct probe_child {
    struct probe_shared *shared;
    const struct flow *flow;
    unsigned index;
    int netns;
};

static socklen_t socket_address(const struct address *a, uint16_t port, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (a->family == ADDRESS_V6) {
        struct sockaddr_in6 *s = (struct sockaddr_in6 *)ret;
        s->sin6_family = AF_INET6;
        s->sin6_port = htons(port);
        memcpy(&s->sin6_addr, a->bytes, 16);
        return sizeof *s;
    }
    struct sockaddr_in *s = (struct sockaddr_in *)ret;
    s->sin_family = AF_INET;
    s->sin_port = htons(port);
    memcpy(&s->sin_addr, a->bytes, 4);
    return sizeof *s;
}

static void __attribute__((noreturn)) child_fail(struct probe_child *c, const char *what)
{
    char address[ADDRESS_TEXT];
    snprintf(c->shared->error, sizeof c->shared->error, "%s (%s): %s", what,
             address_print(&c->flow->source, address), strerror(errno));
    _exit(1);
}

/* In a child of the lab: its signals, its namespace, its turn on the processor. */
static void child_enter(struct probe_child *c)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    int previous;
    int rc = netns_enter(c->netns, &previous);
    if (rc < 0) {
        errno = -rc;
        child_fail(c, "namespace");
    }
    close(previous);
    /* A late sender is a gap in the figures; where this is not allowed, the figures are a little worse. */
    sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
}

static int child_socket(struct probe_child *c, const struct address *local)
{
    struct sockaddr_storage address;
    int one = 1, room = 8 << 20;
    bool v6 = local->family == ADDRESS_V6;
    int fd = socket(v6 ? AF_INET6 : AF_INET, (c->flow->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0)
        child_fail(c, "socket");
    setsockopt(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    /* A TCP port that was used lately can be bound again at once. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    socklen_t len = socket_address(local, (uint16_t)(PROBE_PORT + c->index), &address);
    if (bind(fd, (struct sockaddr *)&address, len) < 0)
        child_fail(c, "bind");
    return fd;
}

enum written { WRITTEN, WRITTEN_NOT, WRITTEN_STOPPED };

/* A record on the connection, however long that takes, unless the flow is stopped. */
static enum written record_write(const struct probe_child *c, int fd, const uint8_t *data)
{
    for (size_t at = 0; at < c->flow->size;) {
        ssize_t n = send(fd, data + at, c->flow->size - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return WRITTEN_NOT;
        if (at < c->flow->size && c->shared->stop_sending)
            return WRITTEN_STOPPED;
    }
    return WRITTEN;
}

static void sender_connect(struct probe_child *c, int fd, const struct sockaddr_storage *to, socklen_t len)
{
    int one = 1;
    struct timeval patience = {.tv_usec = 50000};
    if (connect(fd, (const struct sockaddr *)to, len) < 0)
        child_fail(c, "connect");
    setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static void __attribute__((noreturn)) sender_main(struct probe_child *c)
{
    struct probe_shared *s = c->shared;
    struct sockaddr_storage to;
    static uint8_t data[65536];
    struct probe_packet head = {be32_of(PROBE_MAGIC), be32_of(c->index), be64_of(s->run)};
    child_enter(c);
    int fd = child_socket(c, &c->flow->source);
    socklen_t len = socket_address(&c->flow->destination, (uint16_t)(PROBE_PORT + c->index), &to);
    bool tcp = c->flow->tcp;
    s->sender_ready = tcp; /* what is on the way may take its time to let a connection through */
    if (tcp)
        sender_connect(c, fd, &to, len);
    ns start = lab_now();
    s->first_sent = s->last_sent = start;
    s->sender_ready = true;
    for (uint64_t number = 0; number < PROBE_CAPACITY && !s->stop_sending; number++) {
        ns due = start + number * NS_PER_S / c->flow->rate;
        struct timespec t = {(time_t)(due / NS_PER_S), (long)(due % NS_PER_S)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
            continue;
        /* After a standstill of the machine, hundreds of packets at once would be lost in queues. */
        ns late = ns_since(lab_now(), due);
        if (late >= PROBE_LATE)
            start += late;
        head.number = be64_of(number);
        memcpy(data, &head, sizeof head);
        /* A number counts as sent when it was due: a node without a route loses its traffic too. */
        enum written w = tcp ? record_write(c, fd, data)
                         : sendto(fd, data, c->flow->size, MSG_DONTWAIT, (struct sockaddr *)&to, len) < 0
                             ? WRITTEN_NOT
                             : WRITTEN;
        if (w == WRITTEN_STOPPED)
            break;
        s->send_errors += w == WRITTEN_NOT;
        s->last_sent = lab_now();
        s->sent = number + 1;
    }
    s->sender_ended = true;
    _exit(0);
}

struct receive_buffers {
    struct mmsghdr messages[PROBE_BURST];
    struct iovec vectors[PROBE_BURST];
    uint8_t heads[PROBE_BURST][PROBE_HEAD];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } controls[PROBE_BURST];
};

static void buffers_prepare(struct receive_buffers *b)
{
    for (unsigned i = 0; i < PROBE_BURST; i++) {
        b->vectors[i] = (struct iovec){b->heads[i], PROBE_HEAD};
        b->messages[i].msg_hdr = (struct msghdr){.msg_iov = &b->vectors[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = b->controls[i].bytes,
                                                 .msg_controllen = sizeof b->controls[i].bytes};
    }
}

static ns clock_offset(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (ns)wall.tv_sec * NS_PER_S + (ns)wall.tv_nsec - lab_now();
}

/* The kernel's time of arrival on the monotonic clock, or `fallback`. */
static ns message_time(struct msghdr *m, ns offset, ns fallback)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(h), sizeof t);
            return (ns)t.tv_sec * NS_PER_S + (ns)t.tv_nsec - offset;
        }
    }
    return fallback;
}

/* False: it is not of this flow. */
static bool packet_take(struct probe_child *c, const uint8_t *data, ns time)
{
    struct probe_shared *s = c->shared;
    struct probe_packet head;
    memcpy(&head, data, sizeof head);
    if (be32_get(head.magic) != PROBE_MAGIC || be32_get(head.flow) != c->index ||
        be64_get(head.run) != s->run)
        return false;
    flow_stats_arrive(&s->stats, s->bitmap, PROBE_CAPACITY, be64_get(head.number), time);
    return true;
}

static void receiver_take(struct probe_child *c, struct mmsghdr *m, ns offset)
{
    if (m->msg_len >= sizeof(struct probe_packet))
        packet_take(c, m->msg_hdr.msg_iov->iov_base, message_time(&m->msg_hdr, offset, lab_now()));
}

/* Whole records of what came; false: that is not what was sent. */
static bool records_take(struct probe_child *c, uint8_t *data, size_t *len)
{
    size_t at = 0, size = c->flow->size;
    bool good = true;
    c->shared->version++;
    for (; good && *len - at >= size; at += size)
        good = packet_take(c, data + at, lab_now());
    c->shared->version++;
    memmove(data, data + at, *len - at);
    *len -= at;
    return good;
}

/* One connection, as long as it lives: nothing that comes after its end counts. */
static void __attribute__((noreturn)) stream_receive(struct probe_child *c, int listener)
{
    static uint8_t data[1 << 18];
    size_t len = 0;
    int fd = -1;
    bool broken = listen(listener, 1) < 0;
    if (broken)
        child_fail(c, "listen");
    c->shared->receiver_ready = true;
    while (!c->shared->stop_receiving) {
        if (broken) {
            usleep(10000);
        } else if (fd < 0) {
            fd = accept(listener, NULL, NULL); /* with the listener's patience, which it inherits */
        } else {
            ssize_t n = recv(fd, data + len, sizeof data - len, 0);
            len += n > 0 ? (size_t)n : 0;
            broken = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || !records_take(c, data, &len);
        }
    }
    _exit(0);
}

static void __attribute__((noreturn)) receiver_main(struct probe_child *c)
{
    struct probe_shared *s = c->shared;
    static struct receive_buffers b;
    int one = 1;
    struct timeval patience = {.tv_usec = 50000};
    child_enter(c);
    int fd = child_socket(c, &c->flow->destination);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    s->stats.notice = PROBE_NOTICE;
    if (c->flow->tcp)
        stream_receive(c, fd);
    s->receiver_ready = true;
    while (!s->stop_receiving) {
        buffers_prepare(&b);
        int n = recvmmsg(fd, b.messages, PROBE_BURST, MSG_WAITFORONE, NULL);
        if (n <= 0)
            continue;
        ns offset = clock_offset();
        s->version++;
        for (int i = 0; i < n; i++)
            receiver_take(c, &b.messages[i], offset);
        s->version++;
    }
    _exit(0);
}

static int child_start(struct probe_child *c, void (*run)(struct probe_child *c), const _Atomic bool *ready,
                       pid_t *ret_pid)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        run(c);
    *ret_pid = pid;
    for (unsigned i = 0; i < 2000 && !*ready; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            *ret_pid = 0;
            return -EIO;
        }
        usleep(1000);
    }
    return *ready ? 0 : -ETIMEDOUT;
}

static void child_end(pid_t *pid)
{
    if (*pid <= 0)
        return;
    kill(*pid, SIGKILL);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

int probe_start(struct probe *p, const struct flow *flow, unsigned index, int from_netns, int to_netns,
                char error[128])
{
    snprintf(error, 128, "already started");
    if (p->shared)
        return -EALREADY;
    struct probe_shared *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    snprintf(error, 128, "no memory");
    if (s == MAP_FAILED)
        return -ENOMEM;
    s->run = lab_now();
    *p = (struct probe){.flow = flow, .shared = s};
    struct probe_child c = {s, flow, index, to_netns};
    int rc = child_start(&c, receiver_main, &s->receiver_ready, &p->receiver);
    if (rc == 0) {
        c.netns = from_netns;
        rc = child_start(&c, sender_main, &s->sender_ready, &p->sender);
    }
    if (rc < 0) {
        snprintf(error, 128, "%s", s->error[0] ? s->error : strerror(-rc));
        child_end(&p->sender);
        child_end(&p->receiver);
    }
    return rc;
}

static struct flow_stats stats_copy(const struct probe_shared *s)
{
    struct flow_stats copy;
    uint32_t before;
    unsigned tries = 0;
    do {
        before = s->version;
        memcpy(&copy, &s->stats, sizeof copy);
        atomic_thread_fence(memory_order_acquire);
        /* A receiver that was killed in the middle of a write leaves the version odd for ever. */
    } while ((before % 2 != 0 || before != s->version) && ++tries < 100000);
    return copy;
}

struct flow_report probe_report(const struct probe *p)
{
    if (!p->shared)
        return (struct flow_report){0};
    uint64_t sent = p->shared->sent;
    ns last = p->shared->last_sent;
    struct flow_stats stats = stats_copy(p->shared);
    return flow_stats_report(&stats, sent, p->shared->first_sent, last);
}

size_t probe_gaps(const struct probe *p, struct stall_span ret[FLOW_GAPS])
{
    if (!p->shared || p->shared->sent == 0)
        return 0;
    ns last = p->shared->last_sent;
    struct flow_stats stats = stats_copy(p->shared);
    return flow_stats_gaps(&stats, p->shared->first_sent, last, ret);
}

uint64_t probe_send_errors(const struct probe *p)
{
    return p->shared ? p->shared->send_errors : 0;
}

void probe_stop_sending(struct probe *p)
{
    if (!p->shared || p->shared->stop_sending)
        return;
    p->shared->stop_sending = true;
    p->stopped = lab_now();
}

void probe_stop(struct probe *p)
{
    struct probe_shared *s = p->shared;
    if (!s || p->receiver <= 0)
        return;
    probe_stop_sending(p);
    for (unsigned i = 0; i < 2000 && !s->sender_ended && !lab_stopping; i++)
        usleep(1000);
    child_end(&p->sender);
    /* TCP repeats what was lost, later and later, unless the connection is broken. */
    ns patience = (!p->flow->tcp ? 500 : s->send_errors > 0 ? 0 : 10000) * NS_PER_MS;
    while (lab_now() < p->stopped + patience && stats_copy(s).received < s->sent && !lab_stopping)
        usleep(1000);
    s->stop_receiving = true;
    for (unsigned i = 0; i < 500 && p->receiver > 0; i++) {
        if (waitpid(p->receiver, NULL, WNOHANG) == p->receiver)
            p->receiver = 0;
        else
            usleep(1000);
    }
    child_end(&p->receiver);
}

void probe_done(struct probe *p)
{
    child_end(&p->sender);
    child_end(&p->receiver);
    if (p->shared)
        munmap(p->shared, sizeof *p->shared);
    p->shared = NULL;
}

bool probe_silence(struct probe *p, struct stall_span *ret)
{
    if (!p->shared)
        return false;
    struct flow_stats stats = stats_copy(p->shared);
    if (p->silences_told >= stats.silence_count)
        return false;
    *ret = stats.silences[p->silences_told++];
    return true;
}
