/* SPDX-License-Identifier: Apache-2.0 */
/* See socket_options.h. */
#include "io/socket_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

int socket_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

int socket_mark(int fd, uint32_t mark)
{
    return mark ? socket_int(fd, SOL_SOCKET, SO_MARK, (int)mark) : 0;
}

int socket_buffers(int fd, uint32_t bytes)
{
    static const struct {
        int force, plain;
    } ways[] = {{SO_RCVBUFFORCE, SO_RCVBUF}, {SO_SNDBUFFORCE, SO_SNDBUF}};
    int value = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
    for (size_t i = 0; bytes && i < ARRAY_SIZE(ways); i++) {
        int r = socket_int(fd, SOL_SOCKET, ways[i].force, value);
        if (r == -EPERM)
            r = socket_int(fd, SOL_SOCKET, ways[i].plain, value);
        if (r < 0)
            return r;
    }
    return 0;
}

int socket_packet_info(int fd, uint8_t family)
{
    int r;
    if (family == ADDRESS_V4) {
        r = socket_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
        return r < 0 ? r : socket_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
    }
    r = socket_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    if (r == 0)
        r = socket_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    return r < 0 ? r : socket_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
}

int socket_family(uint8_t family)
{
    return family == ADDRESS_V4 ? AF_INET : family == ADDRESS_V6 ? AF_INET6 : AF_UNSPEC;
}
