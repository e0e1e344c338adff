/* SPDX-License-Identifier: Apache-2.0 */
/* See raw_socket.h. */
#include "io/raw_socket.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket_options.h"

#ifndef ICMP_FILTER
#define ICMP_FILTER 1
#endif
#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

static int raw_icmp_filter(int fd, uint8_t family)
{
    if (family == ADDRESS_V4) {
        struct icmp_filter filter = {.data = ~(1u << ICMP_DEST_UNREACH)};
        return setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) < 0 ? -errno : 0;
    }
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &filter);
    ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter);
    return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ? -errno : 0;
}

static int raw_set_up(int fd, uint8_t family, uint8_t protocol, uint32_t mark, uint32_t buffer_bytes)
{
    int r = family == ADDRESS_V4 ? socket_int(fd, IPPROTO_IP, IP_HDRINCL, 1)
                                 : socket_int(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1);
    if (r == 0)
        r = socket_mark(fd, mark);
    if (r == 0)
        r = socket_buffers(fd, buffer_bytes);
    if (r == 0)
        r = socket_packet_info(fd, family);
    /* PROBE: the kernel's own idea of the path MTU does not refuse what the SA allows. */
    if (r == 0)
        r = family == ADDRESS_V4 ? socket_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
                                 : socket_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    if (r == 0 && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6))
        r = raw_icmp_filter(fd, family);
    return r;
}

int raw_open(uint8_t family, uint8_t protocol, uint32_t mark, uint32_t buffer_bytes)
{
    if (socket_family(family) == AF_UNSPEC)
        return -EINVAL;
    int fd = socket(socket_family(family), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return -errno;
    int r = raw_set_up(fd, family, protocol, mark, buffer_bytes);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}
