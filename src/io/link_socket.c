/* SPDX-License-Identifier: Apache-2.0 */
/* See link_socket.h. */
#include "io/link_socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket_options.h"

struct link_writer {
    struct mmsghdr headers[LINK_BURST_MAX];
    struct sockaddr_ll names[LINK_BURST_MAX];
};

/* Of no protocol it is given nothing; and should someone bind it to one, then the filter, which cannot be
 * taken off any more, lets nothing pass. */
static int link_set_up(int fd, uint32_t mark, uint32_t buffer_bytes)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog filter = {.len = 1, .filter = &nothing};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0)
        return -errno;
    int r = socket_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
    if (r == 0)
        r = socket_mark(fd, mark);
    return r == 0 ? socket_buffers(fd, buffer_bytes) : r;
}

int link_socket_open(uint32_t mark, uint32_t buffer_bytes)
{
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r = link_set_up(fd, mark, buffer_bytes);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

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
    assert(n <= LINK_BURST_MAX);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *ip = packets[i].iov_base;
        w->names[i] = (struct sockaddr_ll){.sll_family = AF_PACKET,
                                           .sll_protocol = htons(ip[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6),
                                           .sll_ifindex = (int)hops[i].ifindex,
                                           .sll_halen = sizeof(hops[i].mac)};
        memcpy(w->names[i].sll_addr, hops[i].mac, sizeof(hops[i].mac));
        w->headers[i].msg_hdr = (struct msghdr){.msg_name = &w->names[i],
                                                .msg_namelen = sizeof(w->names[i]),
                                                .msg_iov = (struct iovec *)&packets[i],
                                                .msg_iovlen = 1};
    }
    int sent;
    do
        sent = sendmmsg(fd, w->headers, n, MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}
