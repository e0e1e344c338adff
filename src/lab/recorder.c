/* SPDX-License-Identifier: Apache-2.0 */
/* See recorder.h. */
#include "lab/recorder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "judge/capture_file.h"
#include "lab/fabric.h"
#include "lab/netns.h"
#include "lab/process.h"
#include "wire/ip.h"

enum {
    RING_BLOCK = 1 << 20,
    RING_BLOCKS = 32,
    RING_RETIRE_MS = 20,
    FILE_BUFFER = 1 << 18,
    UDP_SEGMENTS = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, which old kernel headers lack */
};

struct recorder_shared {
    _Atomic bool ready, stop, ended;
    char error[128];
};

struct recorder_child {
    struct recorder_shared *shared;
    const struct lab_capture *capture;
    int netns, fd;
    const char *path;
    uint8_t *ring;
    struct capture_writer writer;
    uint64_t received, lost;
};

static void __attribute__((noreturn)) recorder_fail(struct recorder_child *c, const char *what)
{
    snprintf(c->shared->error, sizeof c->shared->error, "%s: %s", what, strerror(errno));
    _exit(1);
}

static void ring_open(struct recorder_child *c)
{
    char port[SCENARIO_DEVICE];
    int version = TPACKET_V3, one = 1;
    struct tpacket_req3 ring = {.tp_block_size = RING_BLOCK,
                                .tp_block_nr = RING_BLOCKS,
                                .tp_frame_size = 2048, /* formal: blocks hold packets of any size */
                                .tp_frame_nr = RING_BLOCK / 2048 * RING_BLOCKS,
                                .tp_retire_blk_tov = RING_RETIRE_MS};
    fabric_port(c->capture->link, c->capture->end, port);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(port)};
    c->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: nothing before bind */
    if (c->fd < 0 || setsockopt(c->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(c->fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) < 0 ||
        setsockopt(c->fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) < 0)
        recorder_fail(c, "packet ring");
    c->ring = mmap(NULL, (size_t)RING_BLOCK * RING_BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (c->ring == MAP_FAILED)
        recorder_fail(c, "packet ring");
    if (bind(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
        recorder_fail(c, "bind");
}

static void file_open(struct recorder_child *c)
{
    static char buffer[FILE_BUFFER];
    int fd = open(c->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        recorder_fail(c, c->path);
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    if (!capture_writer_init(&c->writer, f))
        recorder_fail(c, c->path);
}

/* A datagram that is to be sent as several (UDP_SEGMENT), as these. */
static void segments_write(struct recorder_child *c, ns time, enum capture_direction direction,
                           const struct ip_packet *p, size_t size)
{
    static uint8_t out[65536];
    size_t head = (size_t)p->header_length + UDP_HEADER;
    struct bytes data = bytes_of(p->data.data + head, p->data.len - head);
    memcpy(out, p->data.data, head);
    while (data.len > 0) {
        size_t len = MIN(size, data.len);
        uint16_t datagram = (uint16_t)(UDP_HEADER + len);
        be16_store(out + p->header_length + 4, datagram);
        if (p->version == 4)
            be16_store(out + 2, (uint16_t)(p->header_length + datagram));
        else
            be16_store(out + 4, (uint16_t)(p->header_length - IPV6_HEADER + datagram));
        memcpy(out + head, data.data, len);
        capture_write(&c->writer, time, direction, bytes_of(out, head + len), (uint32_t)(head + len));
        data = bytes_of(data.data + len, data.len - len);
    }
}

static void packet_record(struct recorder_child *c, const struct tpacket3_hdr *h)
{
    const struct sockaddr_ll *from = (const void *)((const uint8_t *)h + TPACKET_ALIGN(sizeof *h));
    const uint8_t *frame = (const uint8_t *)h + h->tp_mac;
    const struct virtio_net_hdr *v = (const void *)(frame - sizeof *v);
    /* What leaves the fabric's port arrives at the node. */
    enum capture_direction direction =
        from->sll_pkttype == PACKET_OUTGOING ? CAPTURE_INBOUND : CAPTURE_OUTBOUND;
    ns time = h->tp_sec * NS_PER_S + h->tp_nsec;
    struct ip_packet p;
    c->received++;
    if (h->tp_snaplen < ETH_HLEN)
        return;
    uint16_t type = be16_load(frame + 12);
    struct bytes ip = bytes_of(frame + ETH_HLEN, h->tp_snaplen - ETH_HLEN);
    if (type != ETH_P_IP && type != ETH_P_IPV6)
        return;
    bool segments = (v->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == UDP_SEGMENTS && v->gso_size > 0;
    if (segments && ip_parse(ip, &p) == IP_OK && p.protocol == IP_PROTOCOL_UDP && p.payload.len >= UDP_HEADER)
        segments_write(c, time, direction, &p, v->gso_size);
    else
        capture_write(&c->writer, time, direction, ip, h->tp_len - ETH_HLEN);
}

/* Writes the block if the kernel has given it to us. */
static bool block_take(struct recorder_child *c, unsigned index)
{
    struct tpacket_block_desc *b = (void *)(c->ring + (size_t)index * RING_BLOCK);
    _Atomic uint32_t *status = (_Atomic uint32_t *)&b->hdr.bh1.block_status;
    if (!(*status & TP_STATUS_USER))
        return false;
    const uint8_t *at = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
    for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
        const struct tpacket3_hdr *h = (const void *)at;
        packet_record(c, h);
        at += h->tp_next_offset;
    }
    *status = TP_STATUS_KERNEL;
    return true;
}

static void lost_count(struct recorder_child *c)
{
    struct tpacket_stats_v3 stats;
    socklen_t len = sizeof stats;
    if (getsockopt(c->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
        c->lost += stats.tp_drops;
}

static void __attribute__((noreturn)) recorder_main(struct recorder_child *c)
{
    int previous, error;
    unsigned at = 0;
    ns end = NS_NEVER;
    socklen_t len = sizeof error;
    struct timespec now;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    file_open(c);
    errno = -netns_enter(c->netns, &previous);
    if (errno)
        recorder_fail(c, "namespace");
    ring_open(c);
    c->shared->ready = true;
    /* After the word to stop: until every block that was open then must have been given to us. */
    while (lab_now() < end) {
        if (c->shared->stop && end == NS_NEVER)
            end = lab_now() + 5 * RING_RETIRE_MS * NS_PER_MS;
        if (block_take(c, at)) {
            at = (at + 1) % RING_BLOCKS;
            continue;
        }
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        poll(&p, 1, RING_RETIRE_MS);
        if (p.revents & POLLERR) { /* the link was cut; the socket goes on when it is repaired */
            (void)!getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
            usleep(RING_RETIRE_MS * 1000);
        }
        lost_count(c);
    }
    for (unsigned i = 0; i < RING_BLOCKS && block_take(c, at); i++) /* a slow machine */
        at = (at + 1) % RING_BLOCKS;
    clock_gettime(CLOCK_REALTIME, &now);
    lost_count(c);
    bool good =
        capture_write_end(&c->writer, (ns)now.tv_sec * NS_PER_S + (ns)now.tv_nsec, c->received, c->lost);
    good = fclose(c->writer.file) == 0 && good;
    c->shared->ended = good;
    _exit(!good);
}

int recorder_start(struct recorder *r, const struct lab_capture *capture, const char *folder, int fabric_ns,
                   char error[128])
{
    struct recorder_shared *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(error, 128, "no memory");
    if (s == MAP_FAILED)
        return -ENOMEM;
    *r = (struct recorder){.shared = s};
    snprintf(r->path, sizeof r->path, "%.150s/%s.pcapng", folder, capture->name);
    fflush(NULL);
    r->child = fork();
    if (r->child == 0) {
        struct recorder_child c = {.shared = s, .capture = capture, .netns = fabric_ns, .path = r->path};
        recorder_main(&c);
    }
    for (unsigned i = 0; r->child > 0 && i < 2000 && !s->ready; i++) {
        if (waitpid(r->child, NULL, WNOHANG) == r->child)
            r->child = 0;
        usleep(1000);
    }
    if (r->child > 0 && s->ready)
        return 0;
    snprintf(error, 128, "%s", s->error[0] ? s->error : "the recorder did not start");
    recorder_done(r);
    return -EIO;
}

bool recorder_stop(struct recorder *r)
{
    if (!r->shared)
        return false;
    r->shared->stop = true;
    for (unsigned i = 0; i < 10000 && r->child > 0 && !lab_stopping; i++) {
        if (waitpid(r->child, NULL, WNOHANG) == r->child)
            r->child = 0;
        else
            usleep(1000);
    }
    return r->shared->ended;
}

void recorder_done(struct recorder *r)
{
    if (r->child > 0) {
        kill(r->child, SIGKILL);
        waitpid(r->child, NULL, 0);
    }
    r->child = 0;
    if (r->shared)
        munmap(r->shared, sizeof *r->shared);
    r->shared = NULL;
}
