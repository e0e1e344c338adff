/* SPDX-License-Identifier: Apache-2.0 */
/* See tun.h. The kernel's names for the UDP offloads are younger (6.2) than the oldest headers that we build
 * with. */
#include "io/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static int tun_offload(struct tun *t)
{
    unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    t->udp_segmentation = ioctl(t->fd, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) == 0;
    return !t->udp_segmentation && ioctl(t->fd, TUNSETOFFLOAD, offloads) < 0 ? -errno : 0;
}

static int tun_set_up(struct tun *t, const char *name)
{
    struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    memcpy(ifr.ifr_name, name, strlen(name));
    if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
        /* A device of that name that is no TUN device answers EINVAL; for the operator that is the same. */
        if (errno == EINVAL && if_nametoindex(name) != 0)
            return -EBUSY;
        return -errno;
    }
    int header = TUN_HEADER;
    if (ioctl(t->fd, TUNSETVNETHDRSZ, &header) < 0)
        return -errno;
    int offloaded = tun_offload(t);
    if (offloaded < 0)
        return offloaded;
    t->ifindex = if_nametoindex(name);
    if (t->ifindex == 0)
        return -errno;

    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -errno;
    ifr.ifr_qlen = TUN_QUEUE;
    int r = ioctl(s, SIOCSIFTXQLEN, &ifr) < 0 ? -errno : 0;
    close(s);
    return r;
}

int tun_open(const char *name, struct tun *ret)
{
    if (!*name || strlen(name) >= IFNAMSIZ || strchr(name, '%') || strchr(name, '/'))
        return -EINVAL;
    struct tun t = {.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    if (t.fd < 0)
        return -errno;
    int r = tun_set_up(&t, name);
    if (r < 0) {
        close(t.fd);
        return r;
    }
    *ret = t;
    return 0;
}

int tun_attach(int fd, struct tun *ret)
{
    struct tun t = {.fd = fd};
    struct ifreq ifr = {0};
    if (ioctl(fd, TUNGETIFF, &ifr) < 0)
        return -errno;
    if ((ifr.ifr_flags & (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR)) != (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
        return -EINVAL;
    t.ifindex = if_nametoindex(ifr.ifr_name);
    if (t.ifindex == 0)
        return -errno;
    int r = tun_offload(&t);
    if (r < 0)
        return r;
    *ret = t;
    return 0;
}

void tun_close(struct tun *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

ssize_t tun_read(int fd, void *buffer, size_t size)
{
    ssize_t n;
    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int tun_write(int fd, const struct iovec *pieces, int n)
{
    ssize_t written;
    do
        written = writev(fd, pieces, n);
    while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : 0;
}
