/* SPDX-License-Identifier: Apache-2.0 */
/* See tcp_socket.h. */
#include "io/tcp_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "io/socket_options.h"

socklen_t tcp_address(const struct endpoint *e, struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

    *ret = (struct sockaddr_storage){.ss_family = (sa_family_t)socket_family(e->address.family)};
    if (e->address.family == ADDRESS_V4) {
        v4->sin_port = htons(e->port);
        memcpy(&v4->sin_addr, e->address.bytes, sizeof(v4->sin_addr));
        return sizeof(*v4);
    }
    if (e->address.family != ADDRESS_V6)
        return 0;
    v6->sin6_port = htons(e->port);
    memcpy(&v6->sin6_addr, e->address.bytes, sizeof(v6->sin6_addr));
    return sizeof(*v6);
}

struct endpoint tcp_peer(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

    if (a->ss_family == AF_INET)
        return (struct endpoint){address_of(&v4->sin_addr, sizeof(v4->sin_addr)), ntohs(v4->sin_port)};
    if (a->ss_family == AF_INET6)
        return (struct endpoint){address_of(&v6->sin6_addr, sizeof(v6->sin6_addr)), ntohs(v6->sin6_port)};
    return (struct endpoint){0};
}

static int set_up(int fd, const struct tcp_options *o)
{
    bool v4 = o->local.address.family == ADDRESS_V4;
    struct sockaddr_storage local;
    socklen_t len = tcp_address(&o->local, &local);
    int r = socket_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);

    if (r == 0 && o->timeout_ms)
        r = socket_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)o->timeout_ms);
    if (r == 0)
        r = v4 ? socket_int(fd, IPPROTO_IP, IP_FREEBIND, 1) : socket_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    if (r == 0 && !v4)
        r = socket_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (r == 0 && o->reuse)
        r = socket_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0)
        r = socket_mark(fd, o->mark);
    if (r == 0 && bind(fd, (struct sockaddr *)&local, len) < 0)
        r = -errno;
    return r;
}

int tcp_open(const struct tcp_options *o)
{
    int family = socket_family(o->local.address.family);

    if (family == AF_UNSPEC)
        return -EINVAL;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    int r = set_up(fd, o);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}
