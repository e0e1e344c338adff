/* SPDX-License-Identifier: Apache-2.0 */
/* See arp.h. */
#include "io/arp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/multicast_socket.h"

enum { ARP_LENGTH = 28, ARP_SKIP_MAX = 64, NA_LENGTH = 32, ICMPV6 = 58 };

static const uint8_t arp_head[] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4, their address lengths */

static uint32_t sum16(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)data[i] << 8 | data[i + 1];
    return sum;
}

/* ARP: sender and target are the address, the sender's MAC is the virtual one; a request, which every stack
 * takes in. */
static size_t announcement_v4(const uint8_t mac[6], const struct address *a, uint8_t *out)
{
    memset(out, 0xff, 6);
    memcpy(out + 6, mac, 6);
    out[12] = 0x08;
    out[13] = 0x06;
    uint8_t *arp = out + 14;
    memcpy(arp, arp_head, sizeof arp_head);
    arp[6] = 0;
    arp[7] = 1;
    memcpy(arp + 8, mac, 6);
    memcpy(arp + 14, a->bytes, 4);
    memset(arp + 18, 0, 6);
    memcpy(arp + 24, a->bytes, 4);
    return 14 + ARP_LENGTH;
}

/* To all nodes, with the router and override flags and the target's link-layer address. */
static size_t announcement_v6(const uint8_t mac[6], const struct address *a, uint8_t *out)
{
    static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
    static const uint8_t ethernet[] = {0x33, 0x33, 0, 0, 0, 1};

    memcpy(out, ethernet, 6);
    memcpy(out + 6, mac, 6);
    out[12] = 0x86;
    out[13] = 0xdd;
    uint8_t *ip = out + 14, *na = ip + 40;
    memset(ip, 0, 40 + NA_LENGTH);
    ip[0] = 0x60;
    ip[5] = NA_LENGTH;
    ip[6] = ICMPV6;
    ip[7] = 255;
    memcpy(ip + 8, a->bytes, 16);
    memcpy(ip + 24, all_nodes, 16);
    na[0] = 136;
    na[4] = 0xa0;
    memcpy(na + 8, a->bytes, 16);
    na[24] = 2;
    na[25] = 1;
    memcpy(na + 26, mac, 6);
    uint32_t sum = sum16(sum16(NA_LENGTH + ICMPV6, ip + 8, 32), na, NA_LENGTH);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    na[2] = (uint8_t)(~sum >> 8);
    na[3] = (uint8_t)~sum;
    return 14 + 40 + NA_LENGTH;
}

size_t arp_announcement(const uint8_t mac[6], const struct address *a, uint8_t out[ARP_FRAME_MAX])
{
    return a->family == ADDRESS_V6 ? announcement_v6(mac, a, out) : announcement_v4(mac, a, out);
}

int arp_announce(int frame_socket, uint32_t ifindex, const uint8_t mac[6], const struct address *a)
{
    uint8_t frame[ARP_FRAME_MAX];
    size_t len = arp_announcement(mac, a, frame);

    return frame_send(frame_socket, ifindex, bytes_of(frame, len));
}

int arp_watch_open(uint32_t ifindex)
{
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)ifindex};
    /* Protocol 0 until it is bound: it never hears other devices. */
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

bool arp_parse(struct bytes message, struct arp_claim *ret)
{
    const uint8_t *m = message.data;

    if (message.len < ARP_LENGTH || memcmp(m, arp_head, sizeof arp_head) != 0 || m[6] != 0 ||
        (m[7] != 1 && m[7] != 2) || (m[8] & 1))
        return false;
    struct arp_claim claim = {.address = address_of(m + 14, 4)};
    memcpy(claim.mac, m + 8, 6);
    if (address_is_any(&claim.address))
        return false; /* a probe: its sender does not have the address yet */
    *ret = claim;
    return true;
}

int arp_receive(int fd, struct arp_claim *ret)
{
    uint8_t message[64];

    for (unsigned i = 0; i < ARP_SKIP_MAX; i++) {
        ssize_t n = recv(fd, message, sizeof message, MSG_DONTWAIT);
        if (n < 0)
            return errno == EINTR ? -EAGAIN : -errno;
        if (arp_parse(bytes_of(message, (size_t)n), ret))
            return 0;
    }
    return -EAGAIN;
}
