/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of redundancy protocols: one that hears a multicast group on one interface (HSRP: UDP 1985, RFC
 * 2281 §5; VRRP: IP protocol 112, RFC 9568 §5.1), and one for the whole process that sends frames whose
 * source MAC address the caller chooses, as an active router sends from its virtual one.
 *
 * What is heard comes by io/datagram.h: UDP as payload, raw v4 with its IP header. */
#ifndef IO_MULTICAST_SOCKET_H
#define IO_MULTICAST_SOCKET_H

#include "base/address.h"

enum { MULTICAST_PAYLOAD_MAX = 1400, MULTICAST_UDP = 17 };

struct multicast_options {
    const char *device; /* only what comes in by this one is heard */
    uint32_t ifindex;   /* of the same device */
    struct address group;
    uint8_t protocol; /* MULTICAST_UDP, or another one: raw */
    uint16_t port;    /* UDP only */
    /* Raw IPv4 only. True: what is said to one of us by unicast is heard, too, and the socket may send, with
     * these values; what it sends to a group goes out by `device` and is not heard here. */
    bool both;
    uint8_t hop_limit, tos;
    uint32_t mark;
};

/* A non-blocking socket, close on exec, that hears `group`. -ENODEV: no such device. -EPERM: no rights. */
int multicast_open(const struct multicast_options *o) must_check;
/* One more group on the same socket and device. */
int multicast_join(int fd, uint32_t ifindex, const struct address *group) must_check;

/* The socket that frames leave by, also those of io/arp.h. It receives nothing. */
int frame_socket_open(void) must_check;

struct multicast_packet {
    uint32_t ifindex;
    uint8_t source_mac[6];
    struct address source, group; /* of one family */
    uint8_t protocol; /* MULTICAST_UDP: a header with `port` both ways is put before the payload */
    uint16_t port;
    uint8_t hop_limit, tos;
    struct bytes payload;
};

enum { FRAME_HEADERS_MAX = 14 + 40 + 8 };

/* The frame of `p`, in `out`; its length, or -EMSGSIZE, -EINVAL (families, no multicast group). Pure. */
int multicast_frame(const struct multicast_packet *p, uint8_t *out, size_t size) must_check;
/* 0, or -errno: -ENETDOWN the device is down, -ENXIO it is gone, -ENOBUFS, -EAGAIN full. */
int multicast_send(int frame_socket, const struct multicast_packet *p) must_check;
int frame_send(int frame_socket, uint32_t ifindex, struct bytes frame) must_check;

#endif
