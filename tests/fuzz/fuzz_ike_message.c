/* SPDX-License-Identifier: Apache-2.0 */
/* The IKE machine with datagrams of a stranger. The input is a sequence of frames: kind (bit 0: port 4500,
 * bit 1: from the configured peer, bits 2-3: seconds that pass before), length (2), datagram. A machine that
 * is initiating and answering at once takes them; whatever comes, it stays within its limits and its
 * deadlines make progress. */
#include <assert.h>
#include <stdint.h>

#include "ike_gateway.h"

static struct ike_actions actions;

static void step(struct ike *ike, struct ike_event *e)
{
    struct ike_job *jobs[IKE_ACTIONS_MAX];
    unsigned count = 0;
    ike_step(ike, e, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        if (actions.list[i].type == IKE_ACTION_START_JOB)
            jobs[count++] = actions.list[i].job;
        /* Nobody here has our key. */
        assert(actions.list[i].type != IKE_ACTION_INSTALL_PAIR);
    }
    ike_actions_done(&actions);
    for (unsigned i = 0; i < count; i++) {
        struct ike_event back = {.type = IKE_EVENT_JOB, .now = e->now, .job = jobs[i]};
        ike_job_run(jobs[i]);
        step(ike, &back);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {1};
    static const struct ike_limits limits = {.sa_max = 64, .pair_max = 64};
    struct ike_gateway g;
    ike_gateway_init(&g, 1);
    struct ike *ike = ike_new(&limits, seed);
    assert(ike);
    ns now = NS_PER_S;
    ike_configure(ike, &g.config, now);
    struct ike_event acquire = {
        .type = IKE_EVENT_ACQUIRE, .now = now, .acquire = {.connection = 1, .selector = g.selector}};
    step(ike, &acquire);
    while (size >= 3) {
        uint8_t kind = data[0];
        size_t len = MIN((size_t)(data[1] << 8 | data[2]), size - 3);
        now += (kind >> 2 & 3) * NS_PER_S;
        struct ike_event e = {.type = IKE_EVENT_DATAGRAM, .now = now};
        e.datagram.nat_port = kind & 1;
        e.datagram.local = (struct endpoint){g.connections[0].local, kind & 1 ? 4500 : 500};
        e.datagram.remote =
            (struct endpoint){kind & 2 ? g.peer.address : address_v4(0xc0000000u + kind), 500};
        e.datagram.data = bytes_of(data + 3, len);
        step(ike, &e);
        data += 3 + len;
        size -= 3 + len;
    }
    for (unsigned i = 0; i < 400 && ike_deadline(ike) != NS_NEVER; i++) {
        now = MAX(now, ike_deadline(ike));
        struct ike_event e = {.type = IKE_EVENT_TIMER, .now = now};
        step(ike, &e);
    }
    struct ike_statistics s;
    ike_statistics(ike, &s);
    assert(s.half_open == 0 && s.pairs == 0 && s.sas == 0);
    ike_free(ike);
    return 0;
}
