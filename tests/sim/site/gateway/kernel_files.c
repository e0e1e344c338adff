/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: what the supervisor handed over, what processes open, what comes in by them. The calls of libc
 * that the daemon makes on descriptors lead here (--wrap) while a process runs. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/arp.h"
#include "site/gateway/kernel.h"
#include "site/gateway/stream.h"
#include "supervisor/handover.h"

enum { PORT_IKE = 500, PORT_NAT = 4500, CHANNEL_QUEUE = 1024, MARKER = 4 };

/* ---- queues ---- */

static void queue_clear(struct file *f)
{
    while (f->first) {
        struct file_packet *p = f->first;
        f->first = p->next;
        free(p);
    }
    f->last = &f->first;
    f->count = 0;
}

bool file_put(struct kernel *k, int fd, const struct file_packet *head, struct bytes data)
{
    struct file *f = &k->files[fd];
    if (!f->open)
        return false;
    if (f->count >= f->limit) {
        f->dropped++;
        return false;
    }
    struct process *p = process_leave();
    struct file_packet *packet = malloc(sizeof(*packet) + data.len);
    assert(packet);
    *packet = head ? *head : (struct file_packet){0};
    packet->next = NULL;
    packet->len = (uint32_t)data.len;
    if (data.len)
        memcpy(packet->data, data.data, data.len);
    *f->last = packet;
    f->last = &packet->next;
    f->count++;
    gateway_wake(k, f->role);
    process_return(p);
    return true;
}

struct file_packet *file_take(struct file *f)
{
    struct file_packet *p = f->first;
    if (!p)
        return NULL;
    f->first = p->next;
    if (!f->first)
        f->last = &f->first;
    f->count--;
    return p;
}

bool file_readable(struct kernel *k, int fd)
{
    const struct file *f = fd >= 0 && fd < KERNEL_FILES_MAX ? &k->files[fd] : NULL;
    if (!f || !f->open)
        return false;
    return f->kind == FILE_STREAM ? f->stream && stream_readable(f->stream) : f->first != NULL;
}

/* ---- opening and closing ---- */

static struct file *file_open_at(struct kernel *k, int fd, enum file_kind kind, enum node_role role,
                                 unsigned limit)
{
    struct file *f = &k->files[fd];
    *f = (struct file){.kind = (uint8_t)kind, .open = true, .role = role, .limit = limit, .other = -1};
    f->last = &f->first;
    return f;
}

int file_new(struct kernel *k, enum file_kind kind, enum node_role role)
{
    for (int fd = KERNEL_FILES_FIRST; fd < KERNEL_FILES_MAX; fd++)
        if (!k->files[fd].open) {
            file_open_at(k, fd, kind, role, KERNEL_QUEUE_MAX);
            return fd;
        }
    return -EMFILE;
}

void file_close(struct kernel *k, int fd)
{
    struct file *f = &k->files[fd];
    if (!f->open || f->handed_over)
        return;
    struct process *p = process_leave();
    queue_clear(f);
    if (f->stream)
        stream_close(f->stream);
    f->stream = NULL;
    f->open = false;
    process_return(p);
}

void files_close_of(struct kernel *k, enum node_role role)
{
    for (int fd = KERNEL_FILES_FIRST; fd < KERNEL_FILES_MAX; fd++)
        if (k->files[fd].open && k->files[fd].role == role)
            file_close(k, fd);
}

static void datagram_open(struct kernel *k, int fd, enum node_role role, uint8_t protocol, uint16_t port,
                          bool marker)
{
    struct file *f = file_open_at(k, fd, FILE_DATAGRAM, role, KERNEL_QUEUE_MAX);
    f->protocol = protocol;
    f->port = port;
    f->marker = marker;
    f->handed_over = true;
}

void files_init(struct kernel *k)
{
    for (unsigned fd = 0; fd < KERNEL_FILES_MAX; fd++)
        k->files[fd].last = &k->files[fd].first;
    datagram_open(k, HANDOVER_UDP500_V4, NODE_CONTROL, SITE_PROTOCOL_UDP, PORT_IKE, false);
    datagram_open(k, HANDOVER_UDP4500_IKE_V4, NODE_CONTROL, SITE_PROTOCOL_UDP, PORT_NAT, true);
    datagram_open(k, HANDOVER_UDP4500_ESP_V4, NODE_ENGINE, SITE_PROTOCOL_UDP, PORT_NAT, false);
    datagram_open(k, HANDOVER_ESP_V4, NODE_ENGINE, SITE_PROTOCOL_ESP, 0, false);
    file_open_at(k, HANDOVER_TUN, FILE_TUN, NODE_ENGINE, KERNEL_TUN_QUEUE)->handed_over = true;
    static const int ends[2] = {HANDOVER_CHANNEL_CONTROL, HANDOVER_CHANNEL_ENGINE};
    for (unsigned i = 0; i < 2; i++) {
        struct file *f =
            file_open_at(k, ends[i], FILE_CHANNEL, i == 0 ? NODE_CONTROL : NODE_ENGINE, CHANNEL_QUEUE);
        f->handed_over = true;
        f->other = ends[1 - i];
    }
}

void files_done(struct kernel *k)
{
    for (unsigned fd = 0; fd < KERNEL_FILES_MAX; fd++) {
        queue_clear(&k->files[fd]);
        k->files[fd].open = false;
    }
}

/* ---- what comes ---- */

static bool takes(const struct file *s, const struct frame *f, uint32_t ifindex)
{
    static const uint8_t marker[MARKER];
    if (!s->open || s->kind != FILE_DATAGRAM || s->protocol != f->protocol)
        return false;
    if (address_is_set(&s->group) ? s->ifindex != ifindex || !address_equal(&s->group, &f->to)
                                  : frame_is_multicast(f))
        return false;
    if (s->protocol != SITE_PROTOCOL_UDP)
        return true;
    if (s->port != f->to_port)
        return false;
    return s->port != PORT_NAT || s->marker == (f->len >= MARKER && memcmp(f->data, marker, MARKER) == 0);
}

void files_deliver(struct kernel *k, const struct frame *f, uint32_t ifindex)
{
    static uint8_t whole[65536];
    const struct file_packet head = {
        .local = {f->to, f->to_port}, .remote = {f->from, f->from_port}, .ifindex = ifindex};
    for (int fd = 0; fd < KERNEL_FILES_MAX; fd++) {
        if (!takes(&k->files[fd], f, ifindex))
            continue;
        /* A raw socket of IPv4 has the header before it. */
        uint32_t len = f->protocol == SITE_PROTOCOL_UDP ? 0 : kernel_ip_write(f, whole, sizeof(whole));
        (void)file_put(k, fd, &head, len ? bytes_of(whole, len) : bytes_of(f->data, f->len));
    }
}

void files_arp(struct kernel *k, const struct frame *f, uint32_t ifindex)
{
    struct arp_claim claim = {.address = f->from};
    memcpy(claim.mac, f->source, SITE_MAC);
    for (int fd = KERNEL_FILES_FIRST; fd < KERNEL_FILES_MAX; fd++)
        if (k->files[fd].open && k->files[fd].kind == FILE_ARP && k->files[fd].ifindex == ifindex)
            (void)file_put(k, fd, NULL, bytes_of(&claim, sizeof(claim)));
}

void files_monitor(struct kernel *k, unsigned flag, const struct netlink_event *e)
{
    for (int fd = KERNEL_FILES_FIRST; fd < KERNEL_FILES_MAX; fd++) {
        struct file *f = &k->files[fd];
        if (f->open && f->kind == FILE_MONITOR && f->monitor_flags & flag &&
            !file_put(k, fd, NULL, bytes_of(e, sizeof(*e))))
            f->monitor_lost = true;
    }
}

/* ---- libc ---- */

int __real_close(int fd);
ssize_t __real_recv(int fd, void *buffer, size_t len, int flags);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
int __real_nanosleep(const struct timespec *wait, struct timespec *left);
int __real_sched_yield(void);
int __wrap_close(int fd);
int __wrap_fcntl64(int fd, int command, ...);
ssize_t __wrap_recv(int fd, void *buffer, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
int __wrap_nanosleep(const struct timespec *wait, struct timespec *left);
int __wrap_sched_yield(void);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_sched_setscheduler(int pid, int policy, const void *p);
int __wrap_setpriority(int which, unsigned who, int priority);

int __wrap_close(int fd)
{
    if (!process_current)
        return __real_close(fd);
    process_point();
    if (fd >= 0 && fd < KERNEL_FILES_MAX)
        file_close(kernel_here(), fd);
    return 0;
}

int __wrap_fcntl64(int fd, int command, ...)
{
    (void)command;
    if (!process_current) {
        errno = ENOSYS;
        return -1;
    }
    const struct kernel *k = kernel_here();
    if (fd >= 0 && fd < KERNEL_FILES_MAX &&
        (k->files[fd].open || (fd < KERNEL_FILES_FIRST && k->regions[fd].size)))
        return 0;
    errno = EBADF;
    return -1;
}

ssize_t __wrap_recv(int fd, void *buffer, size_t len, int flags)
{
    if (!process_current)
        return __real_recv(fd, buffer, len, flags);
    process_point();
    struct kernel *k = kernel_here();
    struct file_packet *p = k->files[fd].open ? file_take(&k->files[fd]) : NULL;
    if (!p) {
        errno = EAGAIN;
        return -1;
    }
    size_t n = MIN(len, (size_t)p->len);
    memcpy(buffer, p->data, n);
    free(p);
    return (ssize_t)n;
}

static ssize_t channel_send(int fd, struct bytes data)
{
    struct kernel *k = kernel_here();
    int other = k->files[fd].open ? k->files[fd].other : -1;
    if (fd == HANDOVER_SUPERVISOR)
        return (ssize_t)data.len;
    if (other < 0 || !file_put(k, other, NULL, data)) {
        errno = EAGAIN;
        return -1;
    }
    return (ssize_t)data.len;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    if (!process_current)
        return __real_send(fd, data, len, flags);
    process_point();
    return channel_send(fd, bytes_of(data, len));
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
    static uint8_t buffer[65536];
    size_t len = 0;
    (void)flags;
    process_point();
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        assert(len + m->msg_iov[i].iov_len <= sizeof(buffer));
        memcpy(buffer + len, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
        len += m->msg_iov[i].iov_len;
    }
    return channel_send(fd, bytes_of(buffer, len));
}

/* Whoever waits in a call is late by it: its clock goes on, alone. */
int __wrap_nanosleep(const struct timespec *wait, struct timespec *left)
{
    if (!process_current)
        return __real_nanosleep(wait, left);
    process_point();
    kernel_here()->busy += (ns)wait->tv_sec * NS_PER_S + (ns)wait->tv_nsec;
    return 0;
}

int __wrap_sched_yield(void)
{
    if (!process_current)
        return __real_sched_yield();
    process_point();
    kernel_here()->busy += 100 * NS_PER_US;
    return 0;
}

/* The engine's loop is gateway.c's: only that its queue has room again matters, and that is always so. */
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    (void)epoll;
    (void)operation;
    if (event && event->events & EPOLLOUT)
        gateway_wake(kernel_here(), kernel_here()->files[fd].role);
    return 0;
}

int __wrap_sched_setscheduler(int pid, int policy, const void *p)
{
    (void)pid;
    (void)policy;
    (void)p;
    return 0;
}

int __wrap_setpriority(int which, unsigned who, int priority)
{
    (void)which;
    (void)who;
    (void)priority;
    return 0;
}
