/* SPDX-License-Identifier: Apache-2.0 */
/* The rest of src/io on the simulated kernel of the process that calls: clock, randomness, shared memory,
 * datagrams, redundancy's frames, the TUN device, the packet filter, files. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "io/arp.h"
#include "io/clock.h"
#include "io/datagram.h"
#include "io/files.h"
#include "io/link_socket.h"
#include "io/memfd.h"
#include "io/multicast_socket.h"
#include "io/random.h"
#include "io/socket_options.h"
#include "io/sysctl.h"
#include "io/tcp_socket.h"
#include "io/tun.h"
#include "io/udp_socket.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "site/gateway/kernel.h"
#include "site/gateway/stream.h"
#include "supervisor/handover.h"
#include "wire/hsrp.h"

/* ---- time, randomness ---- */

ns clock_now(void)
{
    process_point();
    return kernel_clock(kernel_here());
}

uint64_t clock_wall_ns(void)
{
    return 1700000000 * NS_PER_S + kernel_clock(kernel_here());
}

uint64_t clock_wall_seconds(void)
{
    return clock_wall_ns() / NS_PER_S;
}

int random_fill(void *out, size_t len)
{
    process_point();
    rng_fill(&kernel_here()->node->site->rng, out, len);
    return 0;
}

int random_rng(struct rng *ret)
{
    uint8_t seed[32];
    (void)!random_fill(seed, sizeof(seed));
    rng_init(ret, seed);
    return 0;
}

/* ---- memory of the supervisor ---- */

enum { RECORDS_SIZE = 16 << 20, RUNNING_SIZE = 4 << 20, LOG_SIZE = 4096 };

void regions_init(struct kernel *k, uint32_t slots)
{
    const struct {
        int fd;
        size_t size;
    } table[] = {{HANDOVER_SAD, sad_size(slots)},
                 {HANDOVER_SPD, sizeof(struct spd)},
                 {HANDOVER_RECORDS, RECORDS_SIZE},
                 {HANDOVER_RUNNING_CONFIG, RUNNING_SIZE},
                 {HANDOVER_LOG, LOG_SIZE}};
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        void *p = mmap(NULL, table[i].size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert(p != MAP_FAILED);
        k->regions[table[i].fd] = (struct kernel_region){p, table[i].size};
    }
    sad_init(k->regions[HANDOVER_SAD].memory, slots);
    spd_init(k->regions[HANDOVER_SPD].memory);
}

void regions_done(struct kernel *k)
{
    for (unsigned i = 0; i < KERNEL_FILES_FIRST; i++)
        if (k->regions[i].size) {
            munmap(k->regions[i].memory, k->regions[i].size);
            k->regions[i] = (struct kernel_region){0};
        }
}

int memfd_map(int fd, void **ret, size_t *ret_size)
{
    const struct kernel_region *r = &kernel_here()->regions[fd];
    process_point();
    if (r->size == 0)
        return -EBADF;
    *ret = r->memory;
    *ret_size = r->size;
    return 0;
}

void memfd_unmap(void *p, size_t size)
{
    (void)p;
    (void)size;
}

/* ---- datagrams ---- */

struct datagram_reader {
    unsigned count;
    size_t size, stride, headroom;
    uint8_t *buffers;
};

struct datagram_reader *datagram_reader_new(unsigned count, size_t size, size_t headroom, size_t tailroom)
{
    struct datagram_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->count = count;
    r->size = size;
    r->headroom = headroom;
    r->stride = (headroom + size + tailroom + 63) / 64 * 64;
    r->buffers = malloc(r->stride * count);
    return r;
}

void datagram_reader_free(struct datagram_reader *r)
{
    if (r)
        free(r->buffers);
    free(r);
}

int datagram_receive(struct datagram_reader *r, int fd, unsigned count, struct datagram *ret)
{
    struct file *f = &kernel_here()->files[fd];
    unsigned n = 0;
    process_point();
    while (n < count && n < r->count && f->first) {
        struct file_packet *p = file_take(f);
        uint8_t *data = r->buffers + n * r->stride + r->headroom;
        uint32_t len = (uint32_t)MIN((size_t)p->len, r->size);
        memcpy(data, p->data, len);
        ret[n++] = (struct datagram){.data = data,
                                     .len = len,
                                     .local = p->local,
                                     .remote = p->remote,
                                     .ifindex = p->ifindex,
                                     .truncated = p->len > r->size};
        free(p);
    }
    return n ? (int)n : -EAGAIN;
}

int datagram_receive_error(int fd, struct datagram_error *ret)
{
    (void)fd;
    *ret = (struct datagram_error){0};
    return -EAGAIN;
}

/* From an address that is not ours nothing can be sent. */
static int udp_send(struct kernel *k, const struct endpoint *local, const struct endpoint *remote,
                    struct bytes data)
{
    struct netlink_hop hop;
    if (address_is_set(&local->address) && !kernel_owns(k, &local->address))
        return -EADDRNOTAVAIL;
    if (!kernel_owns(k, &remote->address) && !kernel_route(k, &remote->address, false, &hop))
        return -ENETUNREACH;
    struct frame *f = frame_new((uint32_t)data.len);
    f->kind = FRAME_IP;
    f->protocol = SITE_PROTOCOL_UDP;
    f->from = address_is_set(&local->address) ? local->address : hop.source;
    f->to = remote->address;
    f->from_port = local->port;
    f->to_port = remote->port;
    f->size = 28 + (uint32_t)data.len;
    memcpy(f->data, data.data, data.len);
    kernel_output(k, f, false);
    free(f);
    return 0;
}

static int file_send(struct kernel *k, int fd, const struct endpoint *local, const struct endpoint *remote,
                     struct bytes data)
{
    struct endpoint from = *local;
    if (k->files[fd].protocol == SITE_PROTOCOL_UDP) {
        from.port = k->files[fd].port;
        return udp_send(k, &from, remote, data);
    }
    struct frame *f = kernel_ip_parse(data.data, (uint32_t)data.len);
    if (!f)
        return -EINVAL;
    kernel_output(k, f, false);
    free(f);
    return 0;
}

int datagram_send_one(int fd, const struct endpoint *local, const struct endpoint *remote, struct bytes data)
{
    process_point();
    struct process *out = process_leave();
    int error = file_send(out->kernel, fd, local, remote, data);
    process_return(out);
    return error;
}

struct datagram_writer {
    bool unused;
};

struct datagram_writer *datagram_writer_new(void)
{
    return calloc(1, sizeof(struct datagram_writer));
}

void datagram_writer_free(struct datagram_writer *w)
{
    free(w);
}

int datagram_send(struct datagram_writer *w, int fd, const struct datagram_out *d, unsigned n)
{
    (void)w;
    process_point();
    struct process *out = process_leave();
    int error = 0;
    for (unsigned i = 0; i < n && !error; i++)
        for (unsigned p = 0; p < d[i].piece_count && !error; p++)
            error = file_send(out->kernel, fd, &d[i].local, &d[i].remote,
                              bytes_of(d[i].pieces[p].iov_base, d[i].pieces[p].iov_len));
    process_return(out);
    return error ? error : (int)n;
}

int udp_set_fragment(int fd, uint8_t family, bool may_fragment)
{
    (void)fd;
    (void)family;
    (void)may_fragment;
    return 0;
}

int link_socket_open(uint32_t mark, uint32_t buffer_bytes)
{
    (void)mark;
    (void)buffer_bytes;
    return -EPERM; /* the kernel's way */
}

struct link_writer {
    bool unused;
};

struct link_writer *link_writer_new(void)
{
    return calloc(1, sizeof(struct link_writer));
}

void link_writer_free(struct link_writer *w)
{
    free(w);
}

int link_send(struct link_writer *w, int fd, const struct iovec *packets, const struct link_hop *hops,
              unsigned n)
{
    (void)w;
    (void)fd;
    (void)packets;
    (void)hops;
    (void)n;
    return -EPERM;
}

/* ---- the TUN device ---- */

int tun_attach(int fd, struct tun *ret)
{
    *ret = (struct tun){.fd = fd, .ifindex = kernel_here()->tun};
    return 0;
}

ssize_t tun_read(int fd, void *buffer, size_t size)
{
    process_point();
    struct file_packet *p = file_take(&kernel_here()->files[fd]);
    if (!p)
        return -EAGAIN;
    size_t n = MIN(size - TUN_HEADER, (size_t)p->len);
    memset(buffer, 0, TUN_HEADER);
    memcpy((uint8_t *)buffer + TUN_HEADER, p->data, n);
    free(p);
    return (ssize_t)(n + TUN_HEADER);
}

int tun_write(int fd, const struct iovec *pieces, int n)
{
    static uint8_t packet[TUN_PACKET_MAX];
    size_t len = 0;
    (void)fd;
    process_point();
    for (int i = 0; i < n; i++) {
        assert(len + pieces[i].iov_len <= sizeof(packet));
        memcpy(packet + len, pieces[i].iov_base, pieces[i].iov_len);
        len += pieces[i].iov_len;
    }
    struct process *out = process_leave();
    struct frame *f =
        len > TUN_HEADER ? kernel_ip_parse(packet + TUN_HEADER, (uint32_t)len - TUN_HEADER) : NULL;
    if (f) {
        out->kernel->protected_in++;
        kernel_output(out->kernel, f, true);
    }
    free(f);
    process_return(out);
    return 0;
}

/* ---- redundancy's frames ---- */

int multicast_open(const struct multicast_options *o)
{
    struct kernel *k = kernel_here();
    process_point();
    int fd = file_new(k, FILE_DATAGRAM, NODE_CONTROL);
    if (fd < 0)
        return fd;
    struct file *f = &k->files[fd];
    f->protocol = o->protocol == MULTICAST_UDP ? SITE_PROTOCOL_UDP : o->protocol;
    f->port = o->port;
    f->ifindex = o->ifindex;
    f->group = o->group;
    return fd;
}

int frame_socket_open(void)
{
    process_point();
    return file_new(kernel_here(), FILE_FRAME, NODE_CONTROL);
}

static void frame_out(struct kernel *k, uint32_t ifindex, const struct frame *f)
{
    const struct kernel_link *l = kernel_link_at(k, ifindex);
    if (l && l->port >= 0 && l->link.up)
        site_send(k->node, (unsigned)l->port, f);
}

int multicast_frame(const struct multicast_packet *p, uint8_t *out, size_t size)
{
    struct frame *f = (struct frame *)out;
    size_t len = sizeof(*f) + p->payload.len;
    if (len > size)
        return -EMSGSIZE;
    memset(f, 0, sizeof(*f));
    f->kind = FRAME_IP;
    f->protocol = p->protocol;
    f->ttl = p->hop_limit;
    f->from = p->source;
    f->to = p->group;
    f->from_port = f->to_port = p->port;
    memcpy(f->source, p->source_mac, SITE_MAC);
    const uint8_t mac[SITE_MAC] = {
        1, 0, 0x5e, p->group.bytes[1] & 0x7f, p->group.bytes[2], p->group.bytes[3]};
    memcpy(f->destination, mac, SITE_MAC);
    f->len = (uint32_t)p->payload.len;
    f->size = f->len + (p->protocol == MULTICAST_UDP ? 28 : 20);
    memcpy(f->data, p->payload.data, p->payload.len);
    return (int)len;
}

int frame_send(int frame_socket, uint32_t ifindex, struct bytes frame)
{
    (void)frame_socket;
    process_point();
    struct process *out = process_leave();
    const struct kernel_link *l = kernel_link_at(out->kernel, ifindex);
    int error = !l ? -ENXIO : !l->link.up ? -ENETDOWN : 0;
    if (!error) {
        struct frame *f = malloc(frame.len);
        assert(f);
        memcpy(f, frame.data, frame.len);
        frame_out(out->kernel, ifindex, f);
        free(f);
    }
    process_return(out);
    return error;
}

int multicast_send(int frame_socket, const struct multicast_packet *p)
{
    static uint8_t buffer[sizeof(struct frame) + MULTICAST_PAYLOAD_MAX];
    int len = multicast_frame(p, buffer, sizeof(buffer));
    return len < 0 ? len : frame_send(frame_socket, p->ifindex, bytes_of(buffer, (size_t)len));
}

int arp_announce(int frame_socket, uint32_t ifindex, const uint8_t mac[6], const struct address *a)
{
    struct frame f = {.kind = FRAME_ARP, .from = *a, .size = 28};
    memcpy(f.source, mac, SITE_MAC);
    memcpy(f.destination, frame_broadcast, SITE_MAC);
    return frame_send(frame_socket, ifindex, bytes_of(&f, sizeof(f)));
}

int arp_watch_open(uint32_t ifindex)
{
    struct kernel *k = kernel_here();
    process_point();
    int fd = file_new(k, FILE_ARP, NODE_CONTROL);
    if (fd >= 0)
        k->files[fd].ifindex = ifindex;
    return fd;
}

int arp_receive(int fd, struct arp_claim *ret)
{
    process_point();
    struct file_packet *p = file_take(&kernel_here()->files[fd]);
    if (!p)
        return -EAGAIN;
    memcpy(ret, p->data, sizeof(*ret));
    free(p);
    return 0;
}

/* ---- TCP ---- */

int tcp_open(const struct tcp_options *o)
{
    struct kernel *k = kernel_here();
    process_point();
    int fd = file_new(k, FILE_STREAM, NODE_CONTROL);
    if (fd < 0)
        return fd;
    struct process *out = process_leave();
    k->files[fd].stream = stream_new(k, fd, &o->local, o->timeout_ms * NS_PER_MS);
    process_return(out);
    return fd;
}

socklen_t tcp_address(const struct endpoint *e, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof(*ret));
    memcpy(ret, e, sizeof(*e));
    return sizeof(*e);
}

struct endpoint tcp_peer(const struct sockaddr_storage *a)
{
    struct endpoint e;
    memcpy(&e, a, sizeof(e));
    return e;
}

int socket_mark(int fd, uint32_t mark)
{
    (void)fd;
    (void)mark;
    return 0;
}

/* ---- settings ---- */

int sysctl_set(const char *name, long value)
{
    (void)name;
    (void)value;
    return 0;
}

int sysctl_get(const char *name, long *ret)
{
    (void)name;
    *ret = 0;
    return 0;
}

int sysctl_interface_set(const char *family, const char *interface, const char *name, long value)
{
    (void)family;
    (void)interface;
    (void)name;
    (void)value;
    return 0;
}

int sysctl_interface_get(const char *family, const char *interface, const char *name, long *ret)
{
    (void)family;
    (void)interface;
    (void)name;
    *ret = 0;
    return 0;
}

int sysctl_tun_prepare(const char *interface)
{
    (void)interface;
    return 0;
}

/* ---- the packet filter ---- */

struct firewall {
    bool unused;
};

int firewall_new(struct firewall **ret)
{
    *ret = calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

void firewall_free(struct firewall *f)
{
    free(f);
}

static void filters_clear(struct kernel *k)
{
    free(k->filters);
    k->filters = NULL;
    k->filter_count = 0;
}

int firewall_apply(struct firewall *f, const struct firewall_rules *rules)
{
    unsigned count = 0;
    (void)f;
    process_point();
    struct process *out = process_leave();
    struct kernel *k = out->kernel;
    for (size_t i = 0; i < rules->interface_count; i++)
        for (size_t s = 0; s < rules->interfaces[i].sequence_count; s++)
            count += (unsigned)rules->interfaces[i].sequences[s].rule_count;
    filters_clear(k);
    k->filters = calloc(count + 1, sizeof(*k->filters));
    assert(k->filters);
    for (size_t i = 0; i < rules->interface_count; i++)
        for (size_t s = 0; s < rules->interfaces[i].sequence_count; s++) {
            const struct firewall_sequence *q = &rules->interfaces[i].sequences[s];
            for (size_t r = 0; r < q->rule_count; r++) {
                struct kernel_filter *at = &k->filters[k->filter_count++];
                snprintf(at->device, sizeof(at->device), "%s", rules->interfaces[i].name);
                at->sequence = q->number;
                at->rule = q->rules[r];
            }
        }
    process_return(out);
    return 0;
}

int firewall_remove(struct firewall *f)
{
    (void)f;
    process_point();
    struct process *out = process_leave();
    filters_clear(out->kernel);
    process_return(out);
    return 0;
}

const char *firewall_error(const struct firewall *f)
{
    (void)f;
    return "";
}

int firewall_counters(struct firewall *f, void (*each)(void *user, const struct firewall_counter *c),
                      void *user)
{
    (void)f;
    (void)each;
    (void)user;
    return 0;
}

/* ---- files ---- */

int file_read(const char *path, size_t limit, char **ret, size_t *ret_len)
{
    const char *text = kernel_here()->config;
    (void)path;
    process_point();
    if (!text || strlen(text) > limit)
        return -ENOENT;
    *ret = strdup(text);
    *ret_len = strlen(text);
    return *ret ? 0 : -ENOMEM;
}

int file_write(const char *path, struct bytes content, mode_t mode)
{
    (void)path;
    (void)content;
    (void)mode;
    process_point();
    return 0;
}

int file_write_all(int fd, struct bytes content)
{
    (void)fd;
    (void)content;
    return 0;
}

int fd_set_cloexec(int fd, bool on)
{
    (void)fd;
    (void)on;
    return 0;
}

int fd_set_nonblocking(int fd, bool on)
{
    (void)fd;
    (void)on;
    return 0;
}
