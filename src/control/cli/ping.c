/* SPDX-License-Identifier: Apache-2.0 */
/* `ping`: echo requests over a raw ICMP socket, one after the other as in the field, driven by the event loop
 * so that nothing waits for it. The packets go the way of any other packet of this machine, through the
 * crypto map if it says so. RFC 792, RFC 4443. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/cli/exec.h"
#include "wire/ip.h"

enum { PING_SIZE = 100, PING_REPEAT = 5, PING_TIMEOUT = 2, PING_DATA_MAX = 18024, LINE_CHARACTERS = 70 };

struct ping {
    struct control *control;
    struct cli_client *client;
    struct address target, source;
    int fd;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles; /* open ones: memory goes with the last */
    uint32_t repeat, sent, received, size, timeout_seconds;
    uint16_t identifier;
    ns sent_at, shortest, longest, sum;
    bool df, done, waiting;
    uint8_t packet[PING_DATA_MAX];
};

static socklen_t socket_address(const struct address *a, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (a->family == ADDRESS_V6) {
        struct sockaddr_in6 *s = (struct sockaddr_in6 *)ret;
        s->sin6_family = AF_INET6;
        memcpy(&s->sin6_addr, a->bytes, 16);
        return sizeof *s;
    }
    struct sockaddr_in *s = (struct sockaddr_in *)ret;
    s->sin_family = AF_INET;
    memcpy(&s->sin_addr, a->bytes, 4);
    return sizeof *s;
}

static void handle_closed(uv_handle_t *handle)
{
    struct ping *p = handle->data;

    if (--p->handles == 0) {
        close(p->fd);
        free(p);
    }
}

static void ping_end(struct ping *p)
{
    char line[160];
    unsigned long long average = p->received ? p->sum / p->received / NS_PER_MS : 0;

    if (p->done)
        return;
    p->done = true;
    cli_write(p->client, "\n");
    if (p->received)
        snprintf(line, sizeof line,
                 "Success rate is %u percent (%u/%u), round-trip min/avg/max = %llu/%llu/%llu ms\n",
                 (unsigned)((uint64_t)p->received * 100 / p->sent), p->received, p->sent,
                 (unsigned long long)(p->shortest / NS_PER_MS), average,
                 (unsigned long long)(p->longest / NS_PER_MS));
    else
        snprintf(line, sizeof line, "Success rate is 0 percent (0/%u)\n", p->sent);
    cli_write(p->client, line);
    cli_on_cancel(p->client, NULL, NULL);
    cli_finish(p->client, p->received ? EXEC_OK : EXEC_FAILED);
    uv_close((uv_handle_t *)&p->poll, handle_closed);
    uv_close((uv_handle_t *)&p->timer, handle_closed);
}

static void ping_cancel(void *context)
{
    ping_end(context);
}

static void ping_next(struct ping *p);

static void ping_result(struct ping *p, char mark)
{
    char text[3] = {mark, 0, 0};

    p->waiting = false;
    if (p->sent % LINE_CHARACTERS == 0)
        text[1] = '\n';
    cli_write(p->client, text);
    if (p->sent >= p->repeat)
        ping_end(p);
    else
        ping_next(p);
}

static void ping_timed_out(uv_timer_t *timer)
{
    ping_result(timer->data, '.');
}

static char send_failure(int error)
{
    return error == EMSGSIZE                                                  ? 'M'
           : error == EHOSTUNREACH || error == ENETUNREACH || error == EACCES ? 'U'
                                                                              : '.';
}

static void next_due(uv_timer_t *timer)
{
    ping_next(timer->data);
}

static void ping_next(struct ping *p)
{
    struct sockaddr_storage to;
    socklen_t to_len = socket_address(&p->target, &to);
    size_t header = p->target.family == ADDRESS_V6 ? IPV6_HEADER : IPV4_HEADER, len = p->size - header;
    struct icmp_header *icmp = (struct icmp_header *)p->packet;

    p->sent++;
    *icmp = (struct icmp_header){.type = p->target.family == ADDRESS_V6 ? ICMPV6_ECHO_REQUEST
                                                                        : ICMP_ECHO_REQUEST};
    icmp->rest = be32_of((uint32_t)p->identifier << 16 | (p->sent & 0xffff));
    for (size_t i = ICMP_HEADER; i < len; i++)
        p->packet[i] = i % 2 ? 0xcd : 0xab;
    if (p->target.family == ADDRESS_V4)
        icmp->checksum = checksum_of(p->packet, len); /* the kernel does it for IPv6 */
    p->waiting = true;
    p->sent_at = clock_now();
    if (sendto(p->fd, p->packet, len, MSG_DONTWAIT, (struct sockaddr *)&to, to_len) < 0 && errno != EAGAIN &&
        errno != ENOBUFS) {
        char mark[3] = {send_failure(errno), p->sent % LINE_CHARACTERS ? 0 : '\n', 0};
        p->waiting = false;
        cli_write(p->client, mark);
        if (p->sent >= p->repeat)
            ping_end(p);
        else
            uv_timer_start(&p->timer, next_due, 100, 0); /* not a thousand failures at once */
        return;
    }
    uv_timer_start(&p->timer, ping_timed_out, (uint64_t)p->timeout_seconds * 1000, 0);
}

static void ping_answered(struct ping *p)
{
    ns took = ns_since(clock_now(), p->sent_at);

    uv_timer_stop(&p->timer);
    p->received++;
    p->sum += took;
    p->longest = MAX(p->longest, took);
    p->shortest = p->shortest == 0 ? MAX(took, (ns)1) : MIN(p->shortest, took);
    ping_result(p, '!');
}

/* A message of our identifier and the sequence number that we wait for? */
static bool is_ours(const struct ping *p, const uint8_t *icmp, size_t len, uint8_t type)
{
    return len >= ICMP_HEADER && icmp[0] == type &&
           be32_load(icmp + 4) == ((uint32_t)p->identifier << 16 | (p->sent & 0xffff));
}

static void message_v4(struct ping *p, struct bytes packet)
{
    struct ip_packet ip;

    if (ip_parse(packet, &ip) != IP_OK || ip.protocol != IP_PROTOCOL_ICMP || ip.payload.len < ICMP_HEADER)
        return;
    if (is_ours(p, ip.payload.data, ip.payload.len, ICMP_ECHO_REPLY) &&
        address_equal(&ip.source, &p->target)) {
        ping_answered(p);
        return;
    }
    if (ip.payload.data[0] != ICMP_UNREACHABLE && ip.payload.data[0] != ICMP_TIME_EXCEEDED)
        return;
    const uint8_t *inner = ip.payload.data + ICMP_HEADER;
    size_t left = ip.payload.len - ICMP_HEADER, header = left ? (size_t)(inner[0] & 15) * 4 : 0;
    if (left < header + ICMP_HEADER || header < IPV4_HEADER ||
        !is_ours(p, inner + header, left - header, ICMP_ECHO_REQUEST))
        return;
    uv_timer_stop(&p->timer);
    bool big = ip.payload.data[0] == ICMP_UNREACHABLE && ip.payload.data[1] == ICMP_FRAGMENTATION_NEEDED;
    ping_result(p, big ? 'M' : 'U');
}

static void message_v6(struct ping *p, struct bytes message)
{
    if (message.len < ICMP_HEADER)
        return;
    if (is_ours(p, message.data, message.len, ICMPV6_ECHO_REPLY)) {
        ping_answered(p);
        return;
    }
    if (message.data[0] > ICMPV6_PARAMETER_PROBLEM || message.len < ICMP_HEADER + IPV6_HEADER + ICMP_HEADER ||
        !is_ours(p, message.data + ICMP_HEADER + IPV6_HEADER, message.len - ICMP_HEADER - IPV6_HEADER,
                 ICMPV6_ECHO_REQUEST))
        return;
    uv_timer_stop(&p->timer);
    ping_result(p, message.data[0] == ICMPV6_PACKET_TOO_BIG ? 'M' : 'U');
}

static void ping_readable(uv_poll_t *poll, int status, int events)
{
    static uint8_t buffer[65536];
    struct ping *p = poll->data;
    ssize_t n;

    (void)status;
    (void)events;
    while (!p->done && (n = recv(p->fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        if (!p->waiting)
            continue;
        if (p->target.family == ADDRESS_V6)
            message_v6(p, bytes_of(buffer, (size_t)n));
        else
            message_v4(p, bytes_of(buffer, (size_t)n));
    }
    if (!p->done && status < 0)
        uv_poll_start(&p->poll, UV_READABLE, ping_readable);
}

/* ---- starting ---- */

static bool source_find(struct exec_call *x, uint8_t family, struct address *ret)
{
    const struct grammar_value *address = grammar_arg(x->grammar, "source-address");
    const struct grammar_value *interface = grammar_arg(x->grammar, "source-interface");

    *ret = (struct address){0};
    if (address)
        *ret = address->address;
    if (!interface)
        return true;
    if (devices_source(&x->control->devices, x->control->config, interface->text, family, ret))
        return true;
    text_printf(x->out, "%% interface %s has no address to send from\n", interface->text);
    return false;
}

/* Numeric addresses only block nothing; a name is looked up in the hosts file and by DNS with the usual time
 * limits. */
static bool target_find(struct exec_call *x, struct address *ret)
{
    const struct grammar_value *target = grammar_arg(x->grammar, "target"),
                               *name = grammar_arg(x->grammar, "name");

    if (target) {
        *ret = target->address;
        return true;
    }
    *ret = resolver_find(x->control->resolver, name->text);
    if (address_is_set(ret))
        return true;
    text_printf(x->out, "%% the address of %s is not known (yet), give an address or try again\n",
                name->text);
    return false;
}

static int ping_open(struct ping *p)
{
    bool v6 = p->target.family == ADDRESS_V6;
    struct sockaddr_storage from;

    p->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                   v6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP);
    if (p->fd < 0)
        return -errno;
    if (address_is_set(&p->source)) {
        socklen_t len = socket_address(&p->source, &from);
        if (bind(p->fd, (struct sockaddr *)&from, len) < 0)
            return -errno;
    }
    int discover = p->df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
    if (v6)
        (void)setsockopt(p->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof discover);
    else
        (void)setsockopt(p->fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
    return 0;
}

static void heading_print(const struct ping *p, struct text *out)
{
    char target[ADDRESS_TEXT], source[ADDRESS_TEXT];

    text_add(out, "Type escape sequence to abort.\n");
    text_printf(out, "Sending %u, %u-byte ICMP Echos to %s, timeout is %u seconds:\n", p->repeat, p->size,
                address_print(&p->target, target), p->timeout_seconds);
    if (address_is_set(&p->source))
        text_printf(out, "Packet sent with a source address of %s \n", address_print(&p->source, source));
    if (p->df)
        text_add(out, "Packet sent with the DF bit set\n");
}

int ping_start(struct exec_call *x)
{
    struct ping *p = calloc(1, sizeof *p);

    if (!p)
        return EXEC_FAILED;
    *p = (struct ping){.control = x->control,
                       .client = x->client,
                       .fd = -1,
                       .size = (uint32_t)grammar_number(x->grammar, "bytes", PING_SIZE),
                       .repeat = (uint32_t)grammar_number(x->grammar, "count", PING_REPEAT),
                       .timeout_seconds = (uint32_t)grammar_number(x->grammar, "seconds", PING_TIMEOUT),
                       .df = grammar_has(x->grammar, "df-bit"),
                       .identifier = (uint16_t)rng_u32(&x->control->rng)};
    int error = 0;
    if (!target_find(x, &p->target) || !source_find(x, p->target.family, &p->source))
        error = -EINVAL;
    else if (address_is_set(&p->source) && p->source.family != p->target.family)
        error = -EAFNOSUPPORT;
    else
        error = ping_open(p);
    if (error && error != -EINVAL && error != -EAFNOSUPPORT)
        text_printf(x->out, "%% cannot send: %s\n",
                    error == -EADDRNOTAVAIL ? "the source is no address of this machine" : strerror(-error));
    if (error == -EAFNOSUPPORT)
        text_add(x->out, "% source and target are of different families\n");
    p->size = MAX(p->size,
                  (uint32_t)(p->target.family == ADDRESS_V6 ? IPV6_HEADER : IPV4_HEADER) + ICMP_HEADER + 8);
    if (!error && uv_poll_init(&x->control->loop, &p->poll, p->fd) != 0)
        error = -ENOMEM;
    if (error) {
        if (p->fd >= 0)
            close(p->fd);
        free(p);
        return EXEC_FAILED;
    }
    p->poll.data = p->timer.data = p;
    p->handles = 2;
    uv_timer_init(&x->control->loop, &p->timer);
    uv_poll_start(&p->poll, UV_READABLE, ping_readable);
    heading_print(p, x->out);
    cli_on_cancel(x->client, ping_cancel, p);
    uv_timer_start(&p->timer, next_due, 0, 0); /* after the heading is out */
    return EXEC_PENDING;
}
