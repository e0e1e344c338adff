/* SPDX-License-Identifier: Apache-2.0 */
/* io/echo_socket.h on the simulated kernel: there is no ICMP in this world, so that probes (`ip sla`) have no
 * sockets and say so in the log. */
#include <errno.h>

#include "io/echo_socket.h"

int echo_open(uint8_t family, uint16_t first, uint16_t count)
{
    (void)family;
    (void)first;
    (void)count;
    return -EAFNOSUPPORT;
}

int echo_send(int fd, const struct address *from, const struct address *to, uint32_t scope,
              struct bytes message)
{
    (void)fd;
    (void)from;
    (void)to;
    (void)scope;
    (void)message;
    return -EAFNOSUPPORT;
}

int echo_receive(int fd, uint8_t *buffer, size_t size, struct echo_message *ret)
{
    (void)fd;
    (void)buffer;
    (void)size;
    (void)ret;
    return -EAGAIN;
}
