/* SPDX-License-Identifier: Apache-2.0 */
/* What engine and control tell each other. The queue between them belongs to the supervisor: what a dead
 * engine or a dead control had not read is read by its successor, hence every message is checked against the
 * shared memory. */
#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "control/control.h"
#include "control/redundancy/redundancy.h"
#include "control/ssp/ssp.h"

enum { CHANNEL_BATCH = 256 };

static void acquire_heard(struct control *c, const struct channel_message *m)
{
    const struct ike_event e = {.type = IKE_EVENT_ACQUIRE,
                                .acquire = {.connection = m->acquire.entry, .selector = m->acquire.selector}};

    if (c->debug.ipsec) {
        char text[SELECTOR_TEXT];
        log_debug(c->log, "IPSEC", "an SA is asked for: %s", selector_print(&m->acquire.selector, text));
    }
    control_ike(c, &e);
}

static void pair_heard(struct control *c, const struct channel_message *m, enum ike_event_type type)
{
    struct ike_event e = {.type = type, .pair = {.slot = m->pair.slot, .spi_in = m->pair.spi_in}};

    if (m->pair.slot >= c->sad->slots || c->sad->pairs[m->pair.slot].spi_in != m->pair.spi_in)
        return;
    if (type == IKE_EVENT_PEER_MOVED) {
        const struct sad_pair *p = &c->sad->pairs[m->pair.slot];
        for (unsigned attempt = 0; attempt < 1000; attempt++) {
            uint32_t before = atomic_load(&p->remote_version);
            e.pair.remote = p->remote_now;
            atomic_thread_fence(memory_order_acquire);
            if (!(before & 1) && before == atomic_load(&p->remote_version))
                break;
        }
    }
    control_ike(c, &e);
}

static void datagram_heard(struct control *c, const struct channel_message *m, struct bytes data)
{
    static const uint8_t marker[4];
    struct ike_event e = {
        .type = IKE_EVENT_DATAGRAM,
        .datagram = {
            .local = m->datagram.local, .remote = m->datagram.remote, .data = data, .nat_port = true}};

    if (data.len >= sizeof marker && memcmp(data.data, marker, sizeof marker) == 0)
        e.datagram.data = bytes_of(data.data + sizeof marker, data.len - sizeof marker);
    e.datagram.local.port = 4500;
    if (e.datagram.data.len)
        control_ike(c, &e);
}

static void invalid_spi_heard(struct control *c, const struct channel_message *m)
{
    const struct ike_event e = {.type = IKE_EVENT_INVALID_SPI,
                                .invalid_spi = {.local = m->invalid_spi.local.address,
                                                .remote = m->invalid_spi.remote.address,
                                                .spi = m->invalid_spi.spi,
                                                .protocol = m->invalid_spi.protocol}};
    char remote[ADDRESS_TEXT], local[ADDRESS_TEXT];

    log_line(c->log, "CRYPTO", 4, "RECVD_PKT_INV_SPI",
             "decaps: rec'd IPSEC packet has invalid spi for destaddr=%s, prot=%u, spi=0x%X(%u), srcaddr=%s",
             address_print(&m->invalid_spi.local.address, local), m->invalid_spi.protocol, m->invalid_spi.spi,
             m->invalid_spi.spi, address_print(&m->invalid_spi.remote.address, remote));
    control_ike(c, &e);
}

static void ready_heard(struct control *c)
{
    c->engine_ready = true;
    log_line(c->log, "HOLDFAST", 5, "ENGINE", "the engine is ready");
    struct channel_message m = {.type = CHANNEL_DEBUG, .debug = {.on = c->debug.engine}};
    control_channel_send(c, &m);
    redundancy_engine_ready(c);
}

static void message_heard(struct control *c, const struct channel_message *m, struct bytes data)
{
    switch (m->type) {
    case CHANNEL_ACQUIRE:
        acquire_heard(c, m);
        break;
    case CHANNEL_PAIR_SOFT:
        pair_heard(c, m, IKE_EVENT_PAIR_SOFT);
        break;
    case CHANNEL_PAIR_HARD:
        pair_heard(c, m, IKE_EVENT_PAIR_HARD);
        break;
    case CHANNEL_PAIR_LEASE:
        ssp_lease_due(c, m->pair.slot, m->pair.spi_in);
        break;
    case CHANNEL_PAIR_USED:
        pair_heard(c, m, IKE_EVENT_PAIR_USED);
        break;
    case CHANNEL_PEER_MOVED:
        pair_heard(c, m, IKE_EVENT_PEER_MOVED);
        break;
    case CHANNEL_INVALID_SPI:
        invalid_spi_heard(c, m);
        break;
    case CHANNEL_DATAGRAM:
        datagram_heard(c, m, data);
        break;
    case CHANNEL_READY:
        ready_heard(c);
        break;
    default:
        break; /* of a later build */
    }
}

static void channel_readable(uv_poll_t *poll, int status, int events)
{
    static union {
        struct channel_message message;
        uint8_t bytes[sizeof(struct channel_message) + CHANNEL_DATA_MAX];
    } buffer;
    struct control *c = poll->data;

    (void)events;
    if (status < 0)
        return;
    for (unsigned i = 0; i < CHANNEL_BATCH; i++) {
        ssize_t n = recv(HANDOVER_CHANNEL_CONTROL, &buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < (ssize_t)sizeof(struct channel_message))
            break;
        size_t len = (size_t)n - sizeof(struct channel_message);
        message_heard(c, &buffer.message,
                      bytes_of(buffer.bytes + sizeof(struct channel_message),
                               MIN(len, (size_t)buffer.message.data_len)));
    }
}

int control_channel_begin(struct control *c)
{
    int error = uv_poll_init(&c->loop, &c->channel_poll, HANDOVER_CHANNEL_CONTROL);

    c->channel_poll.data = c;
    return error ? error : uv_poll_start(&c->channel_poll, UV_READABLE, channel_readable);
}

bool control_channel_try(struct control *c, struct channel_message *m)
{
    m->at = clock_now();
    if (send(HANDOVER_CHANNEL_CONTROL, m, sizeof *m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    c->channel_lost++;
    return false;
}

void control_channel_send(struct control *c, struct channel_message *m)
{
    (void)!control_channel_try(c, m);
}
