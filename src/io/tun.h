/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device: the supervisor opens it, an engine reads and writes it.
 *
 * Packets carry a `struct virtio_net_hdr` of TUN_HEADER bytes in front, in host byte order: with the offloads
 * below the kernel hands out TCP (and UDP) packets of up to 64 KiB whole, and takes such packets in. All
 * calls are non-blocking. */
#ifndef IO_TUN_H
#define IO_TUN_H

#include <sys/uio.h>

#include "base/bytes.h"

enum {
    TUN_HEADER = 10,
    TUN_PACKET_MAX = TUN_HEADER + 65535,
    TUN_QUEUE = 4096, /* packets that wait while an engine is being replaced */
};

struct tun {
    int fd;
    uint32_t ifindex;
    bool udp_segmentation; /* the kernel hands out and takes UDP packets with a segment size, too */
};

/* Makes device `name`, or attaches to a persistent one. -EPERM, -EACCES: no rights (CAP_NET_ADMIN). -ENOENT,
 * -ENODEV: this machine has no /dev/net/tun. -EBUSY: the name is in use, by another process or another kind
 * of device. -EINVAL: no name for a device. */
int tun_open(const char *name, struct tun *ret) must_check;
/* The same about a descriptor that another process opened with tun_open. -errno: it is none. */
int tun_attach(int fd, struct tun *ret) must_check;
void tun_close(struct tun *t);

/* One packet with its header; `size` at least TUN_PACKET_MAX. Returns its length; -EAGAIN: none waits. */
ssize_t tun_read(int fd, void *buffer, size_t size) must_check;
/* One packet out of pieces, the header first. 0, or -errno: -EINVAL malformed, -EIO device down, -EAGAIN. */
int tun_write(int fd, const struct iovec *pieces, int n) must_check;

#endif
