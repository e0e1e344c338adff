/* SPDX-License-Identifier: Apache-2.0 */
/* See multicast_socket.h. Frames are built here whole, with their checksums: a packet socket leaves nothing
 * to the kernel, so what an active router says carries its virtual MAC whatever device the kernel would
 * choose. */
#include "io/multicast_socket.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket_options.h"

enum { RECEIVE_BUFFER = 256 * 1024, ETHERTYPE_V4 = 0x0800, ETHERTYPE_V6 = 0x86dd, UDP_HEADER = 8 };

int multicast_join(int fd, uint32_t ifindex, const struct address *group)
{
    if (group->family == ADDRESS_V4) {
        struct ip_mreqn m = {.imr_ifindex = (int)ifindex};
        memcpy(&m.imr_multiaddr, group->bytes, 4);
        return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m) < 0 ? -errno : 0;
    }
    struct ipv6_mreq m = {.ipv6mr_interface = ifindex};
    memcpy(&m.ipv6mr_multiaddr, group->bytes, 16);
    return setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &m, sizeof m) < 0 ? -errno : 0;
}

static int socket_bind(int fd, const struct multicast_options *o)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t len = sizeof a.v4;

    /* To the group, not to every address, where what is said to one of us by unicast is not of the protocol.
     */
    if (o->group.family == ADDRESS_V4) {
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = htons(o->port);
        if (!o->both)
            memcpy(&a.v4.sin_addr, o->group.bytes, 4);
    } else {
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons(o->port);
        a.v6.sin6_scope_id = o->ifindex;
        memcpy(&a.v6.sin6_addr, o->group.bytes, 16);
        len = sizeof a.v6;
    }
    return bind(fd, &a.any, len) < 0 ? -errno : 0;
}

static int socket_sends(int fd, const struct multicast_options *o)
{
    struct ip_mreqn m = {.imr_ifindex = (int)o->ifindex};
    int r = socket_mark(fd, o->mark);

    if (r == 0)
        r = socket_int(fd, IPPROTO_IP, IP_TTL, o->hop_limit);
    if (r == 0)
        r = socket_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, o->hop_limit);
    if (r == 0)
        r = socket_int(fd, IPPROTO_IP, IP_TOS, o->tos);
    if (r == 0)
        r = socket_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    if (r == 0 && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof m) < 0)
        r = -errno;
    return r;
}

static int socket_prepare(int fd, const struct multicast_options *o)
{
    int r =
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->device, (socklen_t)strlen(o->device)) < 0 ? -errno : 0;
    if (r == 0)
        r = socket_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0)
        r = socket_buffers(fd, RECEIVE_BUFFER);
    if (r == 0)
        r = socket_packet_info(fd, o->group.family);
    /* Only groups that this socket joined: the kernel would give it those of other sockets, too. */
    if (r == 0)
        r = o->group.family == ADDRESS_V4 ? socket_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0)
                                          : socket_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    if (r == 0 && o->both)
        r = socket_sends(fd, o);
    if (r == 0)
        r = socket_bind(fd, o);
    return r == 0 ? multicast_join(fd, o->ifindex, &o->group) : r;
}

int multicast_open(const struct multicast_options *o)
{
    bool udp = o->protocol == MULTICAST_UDP;
    if (socket_family(o->group.family) == AF_UNSPEC || !address_is_multicast(&o->group) ||
        (udp && !o->port) || (o->both && (udp || o->group.family != ADDRESS_V4)))
        return -EINVAL;
    int fd = socket(socket_family(o->group.family),
                    (udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC, o->protocol);
    if (fd < 0)
        return -errno;
    int r = socket_prepare(fd, o);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

int frame_socket_open(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

/* ---- frames ---- */

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static uint32_t sum_add(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
    return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void group_mac(const struct address *group, uint8_t out[6])
{
    if (group->family == ADDRESS_V4) { /* RFC 1112 §6.4 */
        const uint8_t mac[6] = {0x01, 0x00, 0x5e, group->bytes[1] & 0x7f, group->bytes[2], group->bytes[3]};
        memcpy(out, mac, 6);
        return;
    }
    out[0] = out[1] = 0x33; /* RFC 2464 §7 */
    memcpy(out + 2, group->bytes + 12, 4);
}

static size_t ip_header(const struct multicast_packet *p, size_t payload, uint8_t *out)
{
    if (p->group.family == ADDRESS_V4) {
        memset(out, 0, 20);
        out[0] = 0x45;
        out[1] = p->tos;
        put16(out + 2, (unsigned)(20 + payload));
        out[8] = p->hop_limit;
        out[9] = p->protocol;
        memcpy(out + 12, p->source.bytes, 4);
        memcpy(out + 16, p->group.bytes, 4);
        put16(out + 10, sum_fold(sum_add(0, out, 20)));
        return 20;
    }
    memset(out, 0, 8);
    out[0] = (uint8_t)(0x60 | p->tos >> 4);
    out[1] = (uint8_t)(p->tos << 4);
    put16(out + 4, (unsigned)payload);
    out[6] = p->protocol;
    out[7] = p->hop_limit;
    memcpy(out + 8, p->source.bytes, 16);
    memcpy(out + 24, p->group.bytes, 16);
    return 40;
}

static void udp_header(const struct multicast_packet *p, uint8_t *out)
{
    unsigned len = (unsigned)(UDP_HEADER + p->payload.len);

    put16(out, p->port);
    put16(out + 2, p->port);
    put16(out + 4, len);
    put16(out + 6, 0);
    uint32_t sum = sum_add(0, p->source.bytes, address_len(&p->source));
    sum = sum_add(sum, p->group.bytes, address_len(&p->group));
    sum = sum_add(sum + MULTICAST_UDP + len, out, UDP_HEADER);
    uint16_t folded = sum_fold(sum_add(sum, p->payload.data, p->payload.len));
    put16(out + 6, folded ? folded : 0xffff);
}

int multicast_frame(const struct multicast_packet *p, uint8_t *out, size_t size)
{
    bool udp = p->protocol == MULTICAST_UDP;
    size_t payload = p->payload.len + (udp ? UDP_HEADER : 0);

    if (p->source.family != p->group.family || !address_is_multicast(&p->group))
        return -EINVAL;
    if (p->payload.len > MULTICAST_PAYLOAD_MAX || size < FRAME_HEADERS_MAX + p->payload.len)
        return -EMSGSIZE;
    group_mac(&p->group, out);
    memcpy(out + 6, p->source_mac, 6);
    put16(out + 12, p->group.family == ADDRESS_V4 ? ETHERTYPE_V4 : ETHERTYPE_V6);
    size_t at = 14 + ip_header(p, payload, out + 14);
    if (udp) {
        udp_header(p, out + at);
        at += UDP_HEADER;
    }
    memcpy(out + at, p->payload.data, p->payload.len);
    return (int)(at + p->payload.len);
}

int frame_send(int frame_socket, uint32_t ifindex, struct bytes frame)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_ifindex = (int)ifindex,
        .sll_halen = 6,
    };

    if (frame.len < 14)
        return -EINVAL;
    memcpy(to.sll_addr, frame.data, 6);
    memcpy(&to.sll_protocol, frame.data + 12, 2);
    ssize_t n = sendto(frame_socket, frame.data, frame.len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    return n < 0 ? -errno : 0;
}

int multicast_send(int frame_socket, const struct multicast_packet *p)
{
    uint8_t frame[FRAME_HEADERS_MAX + MULTICAST_PAYLOAD_MAX];
    int len = multicast_frame(p, frame, sizeof frame);

    return len < 0 ? len : frame_send(frame_socket, p->ifindex, bytes_of(frame, (size_t)len));
}
