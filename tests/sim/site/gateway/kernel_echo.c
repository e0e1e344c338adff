/* SPDX-License-Identifier: Apache-2.0 */
/* io/echo_socket.h on the simulated kernel: echo requests of probes go the way of any packet of the machine,
 * through the TUN device if policy says so; a kernel answers those that come for it. IPv4 alone, as
 * everything here. */
#include <errno.h>
#include <stdlib.h>

#include "io/clock.h"
#include "io/echo_socket.h"
#include "site/gateway/kernel.h"
#include "wire/ip.h"

int echo_open(uint8_t family, uint16_t first, uint16_t count)
{
    (void)first;
    (void)count;
    process_point();
    if (family != ADDRESS_V4)
        return -EAFNOSUPPORT;
    int fd = file_new(kernel_here(), FILE_DATAGRAM, NODE_CONTROL);
    if (fd >= 0)
        kernel_here()->files[fd].protocol = SITE_PROTOCOL_ICMP;
    return fd;
}

static int request(struct kernel *k, const struct address *from, const struct address *to,
                   struct bytes message)
{
    struct netlink_hop hop = {.source = *to};
    if (address_is_set(from) && !kernel_owns(k, from))
        return -EINVAL;
    if (!kernel_owns(k, to) && !kernel_route(k, to, true, &hop))
        return -ENETUNREACH;
    if (!address_is_set(&hop.source)) /* through the TUN device: as if it was not there */
        (void)!kernel_route(k, to, false, &hop);
    struct frame *f = frame_new((uint32_t)message.len);
    f->kind = FRAME_IP;
    f->protocol = SITE_PROTOCOL_ICMP;
    f->from = address_is_set(from) ? *from : hop.source;
    f->to = *to;
    f->size = IP_HEADER + (uint32_t)message.len;
    memcpy(f->data, message.data, message.len);
    kernel_originate(k, f);
    free(f);
    return 0;
}

int echo_send(int fd, const struct address *from, const struct address *to, uint32_t scope,
              struct bytes message)
{
    (void)fd;
    (void)scope;
    process_point();
    struct process *out = process_leave();
    int error = request(out->kernel, from, to, message);
    process_return(out);
    return error;
}

/* When a packet came is not kept: as it is looked at. */
int echo_receive(int fd, uint8_t *buffer, size_t size, struct echo_message *ret)
{
    process_point();
    struct file_packet *p = file_take(&kernel_here()->files[fd]);
    if (!p)
        return -EAGAIN;
    *ret = (struct echo_message){
        .data = buffer, .len = MIN(size, (size_t)p->len), .from = p->remote.address, .arrived = clock_now()};
    memcpy(buffer, p->data, ret->len);
    free(p);
    return 0;
}

bool kernel_echo_answer(struct kernel *k, const struct frame *f)
{
    if (f->protocol != SITE_PROTOCOL_ICMP || f->len == 0 || f->data[0] != ICMP_ECHO_REQUEST)
        return false;
    struct frame *reply = frame_copy(f);
    reply->from = f->to;
    reply->to = f->from;
    reply->ttl = 0;
    reply->data[0] = ICMP_ECHO_REPLY;
    kernel_originate(k, reply);
    free(reply);
    return true;
}
