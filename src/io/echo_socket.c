/* SPDX-License-Identifier: Apache-2.0 */
/* See echo_socket.h. The kernel's filter of message types does the coarse work, a socket filter looks at the
 * identifier: of a reply in its own header, of an error in the request that it quotes. */
#include "io/echo_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/socket_options.h"

#ifndef ICMP_FILTER
#define ICMP_FILTER 1
#endif

enum { BUFFER_BYTES = 512 * 1024, KEEP = 0x40000, IPV6_QUOTED_ID = 8 + 40 + 4, SOURCE_MAX = 64 };

static int types_filter(int fd, uint8_t family)
{
    if (family == ADDRESS_V4) {
        struct icmp_filter filter = {
            .data = ~(1u << ICMP_ECHOREPLY | 1u << ICMP_DEST_UNREACH | 1u << ICMP_TIME_EXCEEDED)};
        return setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
    }
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &filter);
    ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter);
    ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &filter);
    return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
}

static int program_attach(int fd, struct sock_filter *code, unsigned count)
{
    struct sock_fprog program = {.len = (unsigned short)count, .filter = code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

/* The difference to `first` in 16 bits is below `count`. */
#define IN_RANGE(first, count)                                                               \
    BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, first), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff), \
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, count, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),      \
        BPF_STMT(BPF_RET | BPF_K, KEEP)

static int identifier_filter_v4(int fd, uint16_t first, uint16_t count)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* X: behind the IP header */
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHOREPLY, 6, 0),
        /* X: behind the IP header that the error quotes, less what a reply has before its identifier */
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 8),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
        IN_RANGE(first, count),
    };
    return program_attach(fd, code, ARRAY_SIZE(code));
}

static int identifier_filter_v6(int fd, uint16_t first, uint16_t count)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_REPLY, 0, 2),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
        BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IPV6_QUOTED_ID),
        IN_RANGE(first, count),
    };
    return program_attach(fd, code, ARRAY_SIZE(code));
}

int echo_open(uint8_t family, uint16_t first, uint16_t count)
{
    bool v4 = family == ADDRESS_V4;

    if (socket_family(family) == AF_UNSPEC)
        return -EINVAL;
    int fd = socket(socket_family(family), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    v4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
    if (fd < 0)
        return -errno;
    int error = types_filter(fd, family);
    if (!error)
        error = v4 ? identifier_filter_v4(fd, first, count) : identifier_filter_v6(fd, first, count);
    if (!error)
        error = socket_buffers(fd, BUFFER_BYTES);
    if (!error)
        error = socket_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

static socklen_t name_make(const struct address *a, uint32_t scope, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (a->family == ADDRESS_V6) {
        struct sockaddr_in6 *s = (struct sockaddr_in6 *)ret;
        s->sin6_family = AF_INET6;
        s->sin6_scope_id = scope;
        memcpy(&s->sin6_addr, a->bytes, 16);
        return sizeof *s;
    }
    struct sockaddr_in *s = (struct sockaddr_in *)ret;
    s->sin_family = AF_INET;
    memcpy(&s->sin_addr, a->bytes, 4);
    return sizeof *s;
}

static void source_put(struct msghdr *m, const struct address *from)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);

    if (from->family == ADDRESS_V6) {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, from->bytes, 16);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        m->msg_controllen = CMSG_SPACE(sizeof info);
        return;
    }
    struct in_pktinfo info = {0};
    memcpy(&info.ipi_spec_dst, from->bytes, 4);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    m->msg_controllen = CMSG_SPACE(sizeof info);
}

int echo_send(int fd, const struct address *from, const struct address *to, uint32_t scope,
              struct bytes message)
{
    _Alignas(struct cmsghdr) uint8_t control[SOURCE_MAX] = {0};
    struct sockaddr_storage name;
    struct iovec piece = {(void *)message.data, message.len};
    struct msghdr m = {.msg_name = &name, .msg_iov = &piece, .msg_iovlen = 1};

    m.msg_namelen = name_make(to, scope, &name);
    if (address_is_set(from)) {
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        source_put(&m, from);
    }
    return sendmsg(fd, &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The stamp is of the wall clock, which may have been set since: then the message came just now. */
static ns arrival(struct msghdr *m)
{
    ns now = clock_now();
    uint64_t wall = clock_wall_ns();

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct timespec t;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&t, CMSG_DATA(c), sizeof t);
        uint64_t stamp = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
        return stamp > wall ? now : ns_since(now, wall - stamp);
    }
    return now;
}

static struct address name_read(const struct sockaddr_storage *name)
{
    if (name->ss_family == AF_INET6) {
        struct address a = {.family = ADDRESS_V6};
        memcpy(a.bytes, &((const struct sockaddr_in6 *)name)->sin6_addr, 16);
        return a;
    }
    return address_v4(ntohl(((const struct sockaddr_in *)name)->sin_addr.s_addr));
}

int echo_receive(int fd, uint8_t *buffer, size_t size, struct echo_message *ret)
{
    _Alignas(struct cmsghdr) uint8_t control[128];
    struct sockaddr_storage name;
    struct iovec piece = {buffer, size};
    struct msghdr m = {.msg_name = &name,
                       .msg_namelen = sizeof name,
                       .msg_iov = &piece,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

    if (n < 0)
        return -errno;
    *ret = (struct echo_message){
        .data = buffer, .len = (size_t)n, .from = name_read(&name), .arrived = arrival(&m)};
    return 0;
}
