/* SPDX-License-Identifier: Apache-2.0 */
/* IKE's UDP sockets, 500 and 4500, of both families. On 4500 a message has the non-ESP marker before it (RFC
 * 3948 §2.2); it is taken off and put on here. What the network says of our datagrams (ICMP errors) comes
 * from the sockets' error queues. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "control/control.h"
#include "control/redundancy/redundancy.h"

enum { SOCKET_BATCH = 32, SOCKET_ROUNDS = 8, MARKER = 4, PORT_IKE = 500, PORT_NAT = 4500 };

static const ns REPORT_INTERVAL = 30 * NS_PER_S;

static void datagram_heard(struct control_socket *s, const struct datagram *d)
{
    static const uint8_t marker[MARKER];
    struct ike_event e = {.type = IKE_EVENT_DATAGRAM,
                          .datagram = {.local = d->local,
                                       .remote = d->remote,
                                       .data = bytes_of(d->data, d->len),
                                       .nat_port = s->nat_port}};

    if (d->truncated || d->remote.port == 0)
        return;
    e.datagram.local.port = s->nat_port ? PORT_NAT : PORT_IKE; /* a part of what NAT detection hashes */
    if (s->nat_port) {
        if (d->len <= MARKER || memcmp(d->data, marker, MARKER) != 0)
            return; /* a NAT keepalive, or nothing of ours */
        e.datagram.data = bytes_of(d->data + MARKER, d->len - MARKER);
    }
    control_ike(s->control, &e);
}

static void errors_read(struct control_socket *s)
{
    struct datagram_error e;

    for (unsigned i = 0; i < SOCKET_BATCH && datagram_receive_error(s->fd, &e) == 0; i++)
        if (e.error == EHOSTUNREACH || e.error == ENETUNREACH || e.error == ECONNREFUSED)
            control_path_failed(s->control, &e.remote, -e.error);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct control_socket *s = poll->data;
    struct datagram datagrams[SOCKET_BATCH];

    (void)events;
    if (status < 0) {
        /* libuv stops a descriptor that has an error queue to be read. */
        errors_read(s);
        (void)!uv_poll_start(&s->poll, UV_READABLE, socket_ready);
    }
    ns began = clock_now();
    for (unsigned round = 0; round < SOCKET_ROUNDS; round++) {
        int n = datagram_receive(s->control->reader, s->fd, SOCKET_BATCH, datagrams);
        for (int i = 0; i < n; i++)
            datagram_heard(s, &datagrams[i]);
        if (n < SOCKET_BATCH)
            break;
    }
    loop_section(&s->control->watch, "IKE's messages", began, clock_now());
}

int control_sockets_begin(struct control *c)
{
    static const struct {
        int fd;
        uint8_t family;
        bool nat_port;
    } table[CONTROL_SOCKETS] = {
        {HANDOVER_UDP500_V4, ADDRESS_V4, false},
        {HANDOVER_UDP500_V6, ADDRESS_V6, false},
        {HANDOVER_UDP4500_IKE_V4, ADDRESS_V4, true},
        {HANDOVER_UDP4500_IKE_V6, ADDRESS_V6, true},
    };

    c->reader = datagram_reader_new(SOCKET_BATCH, IKE_DATAGRAM_MAX + MARKER, 0, 0);
    if (!c->reader)
        return -ENOMEM;
    for (unsigned i = 0; i < CONTROL_SOCKETS; i++) {
        struct control_socket *s = &c->sockets[i];
        *s = (struct control_socket){
            .control = c, .fd = -1, .family = table[i].family, .nat_port = table[i].nat_port};
        if (fcntl(table[i].fd, F_GETFD) < 0)
            continue;
        s->fd = table[i].fd;
        int error = uv_poll_init(&c->loop, &s->poll, s->fd);
        s->poll.data = s;
        if (!error)
            error = uv_poll_start(&s->poll, UV_READABLE, socket_ready);
        if (error)
            return error;
    }
    return 0;
}

int control_socket_send(struct control *c, const struct endpoint *local, const struct endpoint *remote,
                        bool nat_port, bool keepalive, struct bytes data)
{
    static uint8_t marked[MARKER + IKE_DATAGRAM_MAX];

    if (redundancy_silent(c, &local->address))
        return 0; /* another gateway speaks for it */
    for (unsigned i = 0; i < CONTROL_SOCKETS; i++) {
        const struct control_socket *s = &c->sockets[i];
        if (s->fd < 0 || s->family != remote->address.family || s->nat_port != nat_port)
            continue;
        if (nat_port && !keepalive) {
            if (data.len > IKE_DATAGRAM_MAX)
                return -EMSGSIZE;
            memcpy(marked + MARKER, data.data, data.len);
            data = bytes_of(marked, MARKER + data.len);
        }
        return datagram_send_one(s->fd, local, remote, data);
    }
    return -EAFNOSUPPORT;
}

/* Names the crypto map entry whose peer this is. */
static const struct ike_connection *connection_of_peer(const struct control *c, const struct address *peer)
{
    const struct ike_config *config = &c->generation->ike.config;

    for (uint32_t i = 0; i < config->connection_count; i++)
        for (uint32_t p = 0; p < config->connections[i].peer_count; p++)
            if (address_equal(&config->connections[i].peers[p].address, peer))
                return &config->connections[i];
    return NULL;
}

/* A peer that stays unreachable is worth one line now and then, not one for each try. */
static bool report_due(const struct address *peer, int error)
{
    static struct {
        struct address peer;
        int error;
        ns at;
    } table[64];
    unsigned slot = (address_hash(peer) ^ (unsigned)-error) % ARRAY_SIZE(table);
    ns now = clock_now();

    if (address_equal(&table[slot].peer, peer) && table[slot].error == error &&
        ns_since(now, table[slot].at) < REPORT_INTERVAL)
        return false;
    table[slot].peer = *peer;
    table[slot].error = error;
    table[slot].at = now;
    return true;
}

void control_path_failed(struct control *c, const struct endpoint *remote, int error)
{
    const struct ike_event e = {.type = IKE_EVENT_PATH_FAILED,
                                .path_failed = {.remote = *remote, .error = error}};
    char text[ADDRESS_TEXT];

    if (c->generation && report_due(&remote->address, error)) {
        const struct ike_connection *connection = connection_of_peer(c, &remote->address);
        const char *why = error == -ECONNREFUSED    ? "it does not run IKE (port unreachable)"
                          : error == -EADDRNOTAVAIL ? "the local address is not on this machine"
                          : error == -ENETUNREACH   ? "no route to it"
                                                    : strerror(-error);
        if (connection)
            log_line(c->log, "CRYPTO", 4, "IKMP_NO_PATH",
                     "peer %s of crypto map %s %u (interface %s) cannot be reached: %s",
                     address_print(&remote->address, text), connection->map_name, connection->sequence,
                     connection->interface_name, why);
        else
            log_line(c->log, "CRYPTO", 4, "IKMP_NO_PATH", "peer %s cannot be reached: %s",
                     address_print(&remote->address, text), why);
    }
    control_ike(c, &e);
}
