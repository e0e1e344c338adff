/* SPDX-License-Identifier: Apache-2.0 */
/* See udp_socket.h. */
#include "io/udp_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket_options.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

int udp_set_fragment(int fd, uint8_t family, bool may_fragment)
{
    /* PROBE sets DF and leaves the kernel's own idea of the path MTU aside: the SA keeps its own. */
    if (family == ADDRESS_V4)
        return socket_int(fd, IPPROTO_IP, IP_MTU_DISCOVER,
                          may_fragment ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE);
    return socket_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
                      may_fragment ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_PROBE);
}

static int udp_bind(int fd, uint8_t family, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int r = family == ADDRESS_V4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
                                 : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
    return r < 0 ? -errno : 0;
}

static int udp_set_up(int fd, const struct udp_options *o)
{
    int r = 0;
    if (o->family == ADDRESS_V6)
        r = socket_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    else
        r = socket_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
    if (r == 0)
        r = socket_mark(fd, o->mark);
    if (r == 0)
        r = socket_buffers(fd, o->buffer_bytes);
    if (r == 0)
        r = socket_packet_info(fd, o->family);
    if (r == 0)
        r = udp_set_fragment(fd, o->family, o->fragment);
    if (r == 0 && o->segments)
        r = socket_int(fd, IPPROTO_UDP, UDP_GRO, 1);
    if (r == 0 && o->errors)
        r = o->family == ADDRESS_V4 ? socket_int(fd, IPPROTO_IP, IP_RECVERR, 1)
                                    : socket_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    return r;
}

/* Not bound yet. */
static int udp_make(const struct udp_options *o)
{
    if (socket_family(o->family) == AF_UNSPEC)
        return -EINVAL;
    int fd = socket(socket_family(o->family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0)
        return -errno;
    int r = udp_set_up(fd, o);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

int udp_open(const struct udp_options *options)
{
    int fd = udp_make(options);
    if (fd < 0)
        return fd;
    int r = udp_bind(fd, options->family, options->port);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

/* Returns the index of the socket, in the order in which they were bound: 0 IKE, 1 ESP. The program sees the
 * payload. */
static int udp_sort(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 4, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),          BPF_STMT(BPF_RET | BPF_K, 1),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* An IKE daemon that shares ports itself would let us bind beside it, and take half of our messages: a first
 * bind without sharing finds out. */
static int udp_port_free(const struct udp_options *o)
{
    int fd = udp_open(o);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

int udp_open_pair(uint8_t family, uint16_t port, uint32_t mark, uint32_t buffer_bytes, int *ret_ike,
                  int *ret_esp)
{
    struct udp_options ike = {.family = family, .port = port, .mark = mark, .errors = true, .fragment = true};
    struct udp_options esp = {
        .family = family, .port = port, .mark = mark, .segments = true, .buffer_bytes = buffer_bytes};
    int r = udp_port_free(&ike);
    if (r < 0)
        return r;
    int a = udp_make(&ike);
    if (a < 0)
        return a;
    int b = udp_make(&esp);
    if (b < 0) {
        close(a);
        return b;
    }
    r = socket_int(a, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0)
        r = socket_int(b, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0)
        r = udp_bind(a, family, port);
    if (r == 0)
        r = udp_sort(a);
    if (r == 0) {
        int chosen = udp_port(a);
        r = chosen < 0 ? chosen : udp_bind(b, family, (uint16_t)chosen);
    }
    if (r < 0) {
        close(a);
        close(b);
        return r;
    }
    *ret_ike = a;
    *ret_esp = b;
    return 0;
}

int udp_port(int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return -errno;
    if (name.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&name)->sin_port);
    return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
}
