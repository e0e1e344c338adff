/* SPDX-License-Identifier: Apache-2.0 */
/* Captures on the fabric's ports; see watch.h. */
#include "lab/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/fabric.h"
#include "lab/netns.h"
#include "lab/process.h"

enum { CAPTURE_BURST = 64, CAPTURE_HEAD = 192 };

struct capture_shared {
    _Atomic bool ready;
    _Atomic uint64_t packets[PACKET_KINDS][CAPTURE_DIRECTIONS];
    _Atomic uint64_t missed;
    char first_clear[128];
    char error[128];
};

struct capture_child {
    struct capture_shared *shared;
    const struct watch *watch;
    int netns;
};

struct capture_buffers {
    struct mmsghdr messages[CAPTURE_BURST];
    struct iovec vectors[CAPTURE_BURST];
    struct sockaddr_ll from[CAPTURE_BURST];
    uint8_t heads[CAPTURE_BURST][CAPTURE_HEAD];
};

static void __attribute__((noreturn)) capture_fail(struct capture_child *c, const char *what)
{
    snprintf(c->shared->error, sizeof c->shared->error, "%s: %s", what, strerror(errno));
    _exit(1);
}

static int capture_socket(struct capture_child *c)
{
    char port[SCENARIO_DEVICE];
    int previous, room = 16 << 20;
    int rc = netns_enter(c->netns, &previous);
    errno = -rc;
    if (rc < 0)
        capture_fail(c, "namespace");
    close(previous);
    fabric_port(c->watch->link, c->watch->end, port);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(port)};
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* protocol 0: nothing before bind */
    if (fd < 0)
        capture_fail(c, "packet socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        capture_fail(c, "bind");
    return fd;
}

static void capture_take(struct capture_child *c, struct bytes packet, const struct sockaddr_ll *from)
{
    struct capture_shared *s = c->shared;
    struct packet_view view;
    if (!packet_classify(packet, c->watch->clear, c->watch->clear_count, &view))
        return;
    const struct address *host = &c->watch->host;
    if (address_is_set(host) && !address_equal(host, &view.source) && !address_equal(host, &view.destination))
        return;
    /* What leaves the fabric's port arrives at the node. */
    int direction = from->sll_pkttype == PACKET_OUTGOING ? CAPTURE_IN : CAPTURE_OUT;
    if (view.kind == PACKET_CLEAR && s->first_clear[0] == '\0') {
        char source[ADDRESS_TEXT], destination[ADDRESS_TEXT];
        snprintf(s->first_clear, sizeof s->first_clear, "%s > %s protocol %u, %s",
                 address_print(&view.source, source), address_print(&view.destination, destination),
                 view.protocol, direction == CAPTURE_IN ? "in" : "out");
    }
    s->packets[view.kind][direction]++;
}

static void __attribute__((noreturn)) capture_main(struct capture_child *c)
{
    static struct capture_buffers b;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    int fd = capture_socket(c);
    c->shared->ready = true;
    for (;;) {
        for (unsigned i = 0; i < CAPTURE_BURST; i++) {
            b.vectors[i] = (struct iovec){b.heads[i], CAPTURE_HEAD};
            b.messages[i].msg_hdr = (struct msghdr){.msg_name = &b.from[i],
                                                    .msg_namelen = sizeof b.from[i],
                                                    .msg_iov = &b.vectors[i],
                                                    .msg_iovlen = 1};
        }
        int n = recvmmsg(fd, b.messages, CAPTURE_BURST, MSG_WAITFORONE, NULL);
        for (int i = 0; i < n; i++)
            capture_take(c, bytes_of(b.heads[i], b.messages[i].msg_len), &b.from[i]);
        struct tpacket_stats stats;
        socklen_t len = sizeof stats;
        if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
            c->shared->missed += stats.tp_drops;
        /* ENETDOWN: the link was cut; the socket goes on when it is repaired. */
        if (n < 0 && errno != EINTR)
            usleep(10000);
    }
}

int capture_start(struct capture *c, const struct watch *watch, int fabric_ns, char error[128])
{
    struct capture_shared *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(error, 128, "no memory");
    if (s == MAP_FAILED)
        return -ENOMEM;
    *c = (struct capture){.shared = s};
    fflush(NULL);
    c->child = fork();
    if (c->child == 0) {
        struct capture_child child = {s, watch, fabric_ns};
        capture_main(&child);
    }
    for (unsigned i = 0; c->child > 0 && i < 2000 && !s->ready; i++) {
        if (waitpid(c->child, NULL, WNOHANG) == c->child)
            c->child = 0;
        usleep(1000);
    }
    if (c->child > 0 && s->ready)
        return 0;
    snprintf(error, 128, "%s", s->error[0] ? s->error : "the capture did not start");
    capture_done(c);
    return -EIO;
}

void capture_done(struct capture *c)
{
    if (c->child > 0) {
        kill(c->child, SIGKILL);
        waitpid(c->child, NULL, 0);
    }
    c->child = 0;
    if (c->shared)
        munmap(c->shared, sizeof *c->shared);
    c->shared = NULL;
}

static struct capture_counts counts_now(const struct capture *c)
{
    struct capture_counts out = {0};
    for (unsigned k = 0; c->shared && k < PACKET_KINDS; k++) {
        for (unsigned d = 0; d < CAPTURE_DIRECTIONS; d++)
            out.packets[k][d] = c->shared->packets[k][d];
    }
    out.missed = c->shared ? c->shared->missed : 0;
    return out;
}

void capture_reset(struct capture *c)
{
    c->base = counts_now(c);
}

struct capture_counts capture_read(const struct capture *c)
{
    struct capture_counts out = counts_now(c);
    for (unsigned k = 0; k < PACKET_KINDS; k++) {
        for (unsigned d = 0; d < CAPTURE_DIRECTIONS; d++)
            out.packets[k][d] -= c->base.packets[k][d];
    }
    out.missed -= c->base.missed;
    return out;
}

uint64_t capture_count(const struct capture_counts *c, enum packet_kind kind, enum watch_direction direction)
{
    uint64_t in = direction == WATCH_OUT ? 0 : c->packets[kind][CAPTURE_IN];
    return in + (direction == WATCH_IN ? 0 : c->packets[kind][CAPTURE_OUT]);
}

const char *capture_first_clear(const struct capture *c)
{
    return c->shared ? c->shared->first_clear : "";
}
