/* SPDX-License-Identifier: Apache-2.0 */
/* See datagram.h. All memory is taken once; a burst costs one system call and no allocation. */
#include "io/datagram.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { CONTROL_MAX = 256 };

union name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

union control {
    struct cmsghdr align;
    uint8_t bytes[CONTROL_MAX];
};

struct datagram_reader {
    unsigned count;
    size_t size, headroom, stride;
    struct mmsghdr headers[DATAGRAM_BURST_MAX];
    struct iovec pieces[DATAGRAM_BURST_MAX];
    union name names[DATAGRAM_BURST_MAX];
    union control controls[DATAGRAM_BURST_MAX];
    uint8_t *buffers;
};

struct datagram_writer {
    struct mmsghdr headers[DATAGRAM_BURST_MAX];
    union name names[DATAGRAM_BURST_MAX];
    union control controls[DATAGRAM_BURST_MAX];
};

struct datagram_reader *datagram_reader_new(unsigned count, size_t size, size_t headroom, size_t tailroom)
{
    if (count == 0 || count > DATAGRAM_BURST_MAX)
        return NULL;
    struct datagram_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->count = count;
    r->size = size;
    r->headroom = (headroom + 63) & ~(size_t)63;
    r->stride = (r->headroom + size + tailroom + 63) & ~(size_t)63;
    r->buffers = aligned_alloc(64, r->stride * count);
    if (!r->buffers) {
        free(r);
        return NULL;
    }
    return r;
}

void datagram_reader_free(struct datagram_reader *r)
{
    if (!r)
        return;
    free(r->buffers);
    free(r);
}

static void endpoint_of_name(const union name *n, struct endpoint *ret)
{
    if (n->any.sa_family == AF_INET) {
        ret->address = address_of(&n->v4.sin_addr, 4);
        ret->port = ntohs(n->v4.sin_port);
    } else if (n->any.sa_family == AF_INET6) {
        ret->address = address_of(&n->v6.sin6_addr, 16);
        ret->port = ntohs(n->v6.sin6_port);
    } else {
        *ret = (struct endpoint){0};
    }
}

static void datagram_read_control(struct msghdr *m, struct datagram *d)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        int value = 0;
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            d->local.address = address_of(&info.ipi_addr, 4);
            d->ifindex = (uint32_t)info.ipi_ifindex;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            d->local.address = address_of(&info.ipi6_addr, 16);
            d->ifindex = info.ipi6_ifindex;
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
            d->tos = *CMSG_DATA(c);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            memcpy(&value, CMSG_DATA(c), sizeof(value));
            d->tos = (uint8_t)value;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT) {
            memcpy(&value, CMSG_DATA(c), sizeof(value));
            d->hop_limit = (uint8_t)value;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&value, CMSG_DATA(c), sizeof(value));
            d->segment = value > 0 && (uint32_t)value < d->len ? (uint32_t)value : 0;
        }
    }
}

int datagram_receive(struct datagram_reader *r, int fd, unsigned count, struct datagram *ret)
{
    if (count > r->count)
        count = r->count;
    for (unsigned i = 0; i < count; i++) {
        r->pieces[i] = (struct iovec){r->buffers + i * r->stride + r->headroom, r->size};
        r->headers[i].msg_hdr = (struct msghdr){.msg_name = &r->names[i],
                                                .msg_namelen = sizeof(r->names[i]),
                                                .msg_iov = &r->pieces[i],
                                                .msg_iovlen = 1,
                                                .msg_control = &r->controls[i],
                                                .msg_controllen = sizeof(r->controls[i])};
    }
    int n;
    do
        n = recvmmsg(fd, r->headers, count, MSG_DONTWAIT, NULL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        struct msghdr *m = &r->headers[i].msg_hdr;
        ret[i] = (struct datagram){.data = r->pieces[i].iov_base,
                                   .len = r->headers[i].msg_len,
                                   .truncated = (m->msg_flags & MSG_TRUNC) != 0};
        if (m->msg_namelen == 0)
            r->names[i].any.sa_family = AF_UNSPEC;
        endpoint_of_name(&r->names[i], &ret[i].remote);
        datagram_read_control(m, &ret[i]);
    }
    return n;
}

struct datagram_writer *datagram_writer_new(void)
{
    return calloc(1, sizeof(struct datagram_writer));
}

void datagram_writer_free(struct datagram_writer *w)
{
    free(w);
}

static socklen_t name_of_endpoint(const struct endpoint *e, union name *ret)
{
    if (e->address.family == ADDRESS_V4) {
        ret->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(e->port)};
        memcpy(&ret->v4.sin_addr, e->address.bytes, 4);
        return sizeof(ret->v4);
    }
    ret->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
    memcpy(&ret->v6.sin6_addr, e->address.bytes, 16);
    return sizeof(ret->v6);
}

static size_t control_put(union control *c, size_t at, int level, int type, const void *data, size_t len)
{
    struct cmsghdr *h = (struct cmsghdr *)(c->bytes + at);
    assert(at + CMSG_SPACE(len) <= CONTROL_MAX);
    memset(h, 0, CMSG_SPACE(len));
    h->cmsg_level = level;
    h->cmsg_type = type;
    h->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(h), data, len);
    return at + CMSG_SPACE(len);
}

static size_t control_source(union control *c, size_t at, const struct address *local)
{
    if (local->family == ADDRESS_V4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, local->bytes, 4);
        return control_put(c, at, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    }
    if (local->family == ADDRESS_V6) {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, local->bytes, 16);
        return control_put(c, at, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
    return at;
}

static void datagram_header(struct msghdr *m, union name *name, union control *control,
                            const struct datagram_out *d)
{
    size_t used = 0;
    *m = (struct msghdr){.msg_name = name,
                         .msg_namelen = name_of_endpoint(&d->remote, name),
                         .msg_iov = (struct iovec *)d->pieces,
                         .msg_iovlen = d->piece_count};
    used = control_source(control, used, &d->local.address);
    if (d->tos) {
        int tos = d->tos;
        bool v4 = d->remote.address.family == ADDRESS_V4;
        used = control_put(control, used, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &tos,
                           sizeof(tos));
    }
    if (d->segment)
        used = control_put(control, used, IPPROTO_UDP, UDP_SEGMENT, &d->segment, sizeof(d->segment));
    if (used) {
        m->msg_control = control;
        m->msg_controllen = used;
    }
}

/* An earlier datagram's bad news from the network: the kernel tells it once, instead of sending this one. */
static bool error_of_another(int e)
{
    return e == ECONNREFUSED || e == EHOSTUNREACH || e == ENETUNREACH || e == EHOSTDOWN || e == ENOPROTOOPT ||
           e == EPROTO || e == EMSGSIZE || e == EOPNOTSUPP;
}

int datagram_send(struct datagram_writer *w, int fd, const struct datagram_out *d, unsigned n)
{
    assert(n <= DATAGRAM_BURST_MAX);
    for (unsigned i = 0; i < n; i++)
        datagram_header(&w->headers[i].msg_hdr, &w->names[i], &w->controls[i], &d[i]);
    int sent;
    bool again = true;
    for (;;) {
        sent = sendmmsg(fd, w->headers, n, MSG_DONTWAIT);
        if (sent >= 0)
            return sent;
        if (errno == EINTR)
            continue;
        if (!again || !error_of_another(errno))
            return -errno;
        again = false;
    }
}

int datagram_send_one(int fd, const struct endpoint *local, const struct endpoint *remote, struct bytes data)
{
    struct iovec piece = {(void *)data.data, data.len};
    struct datagram_out d = {.pieces = &piece, .piece_count = 1, .local = *local, .remote = *remote};
    struct msghdr m;
    union name name;
    union control control;
    datagram_header(&m, &name, &control, &d);
    bool again = true;
    for (;;) {
        if (sendmsg(fd, &m, MSG_DONTWAIT) >= 0)
            return 0;
        if (errno == EINTR)
            continue;
        if (!again || !error_of_another(errno))
            return -errno;
        again = false;
    }
}

int datagram_receive_error(int fd, struct datagram_error *ret)
{
    union name name = {.any.sa_family = AF_UNSPEC};
    union control control;
    uint8_t payload[64];
    struct iovec piece = {payload, sizeof(payload)};
    struct msghdr m = {.msg_name = &name,
                       .msg_namelen = sizeof(name),
                       .msg_iov = &piece,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    ssize_t n;
    do
        n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    struct datagram_error e = {0};
    endpoint_of_name(&name, &e.remote);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if ((c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR) &&
            (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_RECVERR))
            continue;
        struct {
            struct sock_extended_err err;
            union name offender;
        } report = {0};
        memcpy(&report, CMSG_DATA(c), MIN(sizeof(report), c->cmsg_len - CMSG_LEN(0)));
        struct endpoint reporter = {0};
        endpoint_of_name(&report.offender, &reporter);
        e.reporter = reporter.address;
        e.error = (int)report.err.ee_errno;
        e.mtu = report.err.ee_errno == EMSGSIZE ? report.err.ee_info : 0;
    }
    *ret = e;
    return 0;
}
