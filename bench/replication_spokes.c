/* SPDX-License-Identifier: Apache-2.0 */
/* The spokes: one IKE machine with an address and a connection for each. */
#include "replication.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "io/datagram.h"
#include "io/random.h"

enum { BATCH = 32 };

struct spokes {
    struct ike *ike;
    struct ike_actions *actions;
    struct ike_config config;
    struct ike_connection *connections;
    struct ike_peer *peers;
    struct selector *selectors;
    struct datagram_reader *reader;
    int fd;
    uint32_t installed, failed;
};

static void spokes_step(struct spokes *s, struct ike_event e)
{
    struct ike_event back[IKE_ACTIONS_MAX];
    unsigned count = 0;
    e.now = clock_now();
    ike_step(s->ike, &e, s->actions);
    for (unsigned i = 0; i < s->actions->count; i++) {
        const struct ike_action *a = &s->actions->list[i];
        if (a->type == IKE_ACTION_SEND) {
            (void)!datagram_send_one(s->fd, &a->send.local, &a->send.remote, a->send.data);
        } else if (a->type == IKE_ACTION_START_JOB) {
            ike_job_run(a->job);
            back[count++] = (struct ike_event){.type = IKE_EVENT_JOB, .job = a->job};
        } else if (a->type == IKE_ACTION_REMOVE_PAIR) {
            back[count++] = (struct ike_event){.type = IKE_EVENT_SLOT_FREE,
                                               .pair = {.slot = a->pair.slot, .spi_in = a->pair.spi_in}};
        }
        s->installed += a->type == IKE_ACTION_INSTALL_PAIR;
        s->failed += a->type == IKE_ACTION_ACQUIRE_FAILED;
    }
    ike_actions_done(s->actions);
    for (unsigned i = 0; i < count; i++)
        spokes_step(s, back[i]);
}

static void spokes_listen(struct spokes *s, int timeout_ms)
{
    struct datagram d[BATCH];
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    if (ike_deadline(s->ike) <= clock_now())
        spokes_step(s, (struct ike_event){.type = IKE_EVENT_TIMER});
    if (poll(&p, 1, timeout_ms) <= 0)
        return;
    int n = datagram_receive(s->reader, s->fd, BATCH, d);
    for (int i = 0; i < n; i++)
        spokes_step(s, (struct ike_event){.type = IKE_EVENT_DATAGRAM,
                                          .datagram = {.local = {d[i].local.address, 500},
                                                       .remote = d[i].remote,
                                                       .data = bytes_of(d[i].data, d[i].len)}});
}

static void spokes_up(struct spokes *s, uint32_t count, uint32_t window)
{
    s->installed = 0;
    for (uint32_t begun = 0; s->installed < count; spokes_listen(s, 1)) {
        must(s->failed == 0, "a spoke's negotiation failed");
        for (; begun < count && begun < s->installed + window; begun++)
            spokes_step(
                s, (struct ike_event){.type = IKE_EVENT_ACQUIRE,
                                      .acquire = {.connection = begun + 1, .selector = s->selectors[begun]}});
    }
}

static void spokes_begin(struct spokes *s, uint32_t count, int fd)
{
    const struct ike_limits limits = {.sa_max = 2 * count, .pair_max = SLOTS};
    uint8_t seed[32];
    *s = (struct spokes){.fd = fd, .reader = datagram_reader_new(BATCH, IKE_DATAGRAM_MAX, 0, 0)};
    s->connections = calloc(count, sizeof *s->connections);
    s->peers = calloc(count, sizeof *s->peers);
    s->selectors = calloc(count, sizeof *s->selectors);
    s->actions = calloc(1, sizeof *s->actions);
    must(crypto_init() == 0 && random_fill(seed, sizeof seed) == 0 && s->reader && s->connections &&
             s->peers && s->selectors && s->actions,
         "spokes");
    config_common(&s->config);
    for (uint32_t i = 0; i < count; i++) {
        s->peers[i].address = address_v4(GATEWAY);
        s->selectors[i] = (struct selector){.local = {address_v4(0x0a000000 + i), 32},
                                            .remote = {address_v4(0x0ac80000), 16},
                                            .local_port_high = UINT16_MAX,
                                            .remote_port_high = UINT16_MAX};
        s->connections[i] = connection_common(i + 1);
        s->connections[i].local = address_v4(0x7f010000 + i);
        s->connections[i].peers = &s->peers[i];
        s->connections[i].peer_count = 1;
        s->connections[i].selectors = &s->selectors[i];
        s->connections[i].selector_count = 1;
    }
    s->config.connections = s->connections;
    s->config.connection_count = count;
    s->ike = ike_new(&limits, seed);
    must(s->ike, "spokes");
    ike_configure(s->ike, &s->config, clock_now());
}

void spokes_run(uint32_t count, uint32_t window, int socket, int fd)
{
    struct spokes s;
    char message[8];
    spokes_begin(&s, count, socket);
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        spokes_listen(&s, 5);
        if (poll(&p, 1, 0) == 0)
            continue;
        if (read(fd, message, sizeof message) != sizeof message)
            _exit(0);
        ns began = clock_now();
        if (message[0] == 'U')
            spokes_up(&s, count, window);
        else
            spokes_step(&s, (struct ike_event){.type = IKE_EVENT_CLEAR,
                                               .clear = {.scope = message[0] == 'C' ? IKE_CLEAR_ALL_PAIRS
                                                                                    : IKE_CLEAR_ALL_ISAKMP}});
        struct answer a = {.cpu_ns = cpu_now(), .seconds = (double)ns_since(clock_now(), began) / 1e9};
        must(write(fd, &a, sizeof a) == sizeof a, "answer");
    }
}
