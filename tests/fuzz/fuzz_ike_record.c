/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the IKE machine. The input is a sequence of records: kind, key (8), length (2), record. They
 * are written by a former process of ours, or by a gateway of another version: whatever comes, each is taken
 * or refused, and the machine that was restored from them lives on through an hour of deadlines, a clear, and
 * a shutdown. The same input is then what another member of a group says, half of it while we stand by and
 * half while we serve, some of it twice and some of it deleted again; the group is taken over, forgotten.
 * Half-open exchanges go on: their key exchanges are run once, and lost otherwise. */
#include <assert.h>

#include "base/cursor.h"
#include "ike_gateway.h"

static struct ike_actions actions;
static bool jobs_return; /* else whoever had them died */

static void step(struct ike *ike, struct ike_event e)
{
    uint64_t asked[IKE_ACTIONS_MAX];
    struct ike_job *jobs[IKE_ACTIONS_MAX];
    struct {
        uint32_t slot, spi_in;
    } removed[IKE_ACTIONS_MAX];
    unsigned asked_count = 0, jobs_count = 0, removed_count = 0;

    ike_step(ike, &e, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        const struct ike_action *a = &actions.list[i];
        if (a->type == IKE_ACTION_START_JOB)
            jobs[jobs_count++] = a->job;
        if (a->type == IKE_ACTION_QUERY_TRAFFIC)
            asked[asked_count++] = a->query.sa;
        if (a->type == IKE_ACTION_REMOVE_PAIR) {
            removed[removed_count].slot = a->pair.slot;
            removed[removed_count++].spi_in = a->pair.spi_in;
        }
    }
    ike_actions_done(&actions);
    for (unsigned i = 0; i < jobs_count; i++) {
        if (!jobs_return) {
            ike_job_free(jobs[i]);
            continue;
        }
        ike_job_run(jobs[i]);
        step(ike, (struct ike_event){.type = IKE_EVENT_JOB, .now = e.now, .job = jobs[i]});
    }
    for (unsigned i = 0; i < asked_count; i++)
        step(ike, (struct ike_event){.type = IKE_EVENT_TRAFFIC, .now = e.now, .traffic = {.sa = asked[i]}});
    for (unsigned i = 0; i < removed_count; i++)
        step(ike, (struct ike_event){.type = IKE_EVENT_SLOT_FREE,
                                     .now = e.now,
                                     .pair = {.slot = removed[i].slot, .spi_in = removed[i].spi_in}});
}

static void live(struct ike *ike, ns *now)
{
    ns end = *now + 3600 * NS_PER_S;
    for (unsigned steps = 0; *now < end && steps < 2000; steps++) {
        step(ike, (struct ike_event){.type = IKE_EVENT_TIMER, .now = *now});
        ns next = ike_deadline(ike);
        if (next == NS_NEVER)
            break;
        *now = MAX(next, *now);
    }
}

static void role(struct ike *ike, ns now, bool active, bool forget)
{
    step(ike, (struct ike_event){.type = IKE_EVENT_ROLE,
                                 .now = now,
                                 .role = {.group = 1, .active = active, .forget = forget}});
}

static void as_replicas(struct ike_gateway *g, const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {2};
    static const struct ike_limits limits = {.sa_max = 64, .pair_max = 64};
    struct ike *ike = ike_new(&limits, seed);
    assert(ike);
    ns now = 1001 * NS_PER_S;
    g->config.groups[1] = (struct ike_group){.used = true, .local = {address_v4(0xc0000201)}};
    g->config.member = 1;
    g->config.members = 2;
    ike_configure(ike, &g->config, now);
    for (unsigned round = 0; round < 4; round++) {
        jobs_return = round == 0;
        struct reader r = reader_of(bytes_of(data, size));
        while (reader_left(&r) >= 11) {
            struct ike_event e = {.type = IKE_EVENT_REPLICA, .now = now};
            e.replica.kind = read_u8(&r);
            e.replica.key = read_be64(&r);
            e.replica.data = read_bytes(&r, MIN((size_t)read_be16(&r), reader_left(&r)));
            e.replica.shift = round == 1 ? -(int64_t)NS_PER_S : 0;
            e.replica.deleted = round == 2 && e.replica.key % 2;
            step(ike, e);
        }
        if (round == 0)
            assert(ike_deadline(ike) > now || ike_deadline(ike) == NS_NEVER);
        role(ike, now, round % 2 == 0, false);
        live(ike, &now);
    }
    role(ike, now, true, true);
    step(ike, (struct ike_event){.type = IKE_EVENT_TIMER, .now = now});
    live(ike, &now);
    assert(!ike_forgetting(ike, 1));
    ike_free(ike);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {1};
    static const struct ike_limits limits = {.sa_max = 64, .pair_max = 64};
    struct ike_gateway g;
    ike_gateway_init(&g, IKE_GATEWAY_CONNECTIONS);
    struct ike *ike = ike_new(&limits, seed);
    assert(ike);
    ns now = 1001 * NS_PER_S;
    ike_configure(ike, &g.config, now);
    struct reader r = reader_of(bytes_of(data, size));
    while (reader_left(&r) >= 11) {
        uint8_t kind = read_u8(&r);
        uint64_t number = read_be64(&r);
        struct bytes record = read_bytes(&r, MIN((size_t)read_be16(&r), reader_left(&r)));
        (void)!ike_restore(ike, kind, number, record, now);
    }
    ike_restore_done(ike, now);
    live(ike, &now);
    step(ike,
         (struct ike_event){.type = IKE_EVENT_CLEAR, .now = now, .clear = {.scope = IKE_CLEAR_EVERYTHING}});
    step(ike, (struct ike_event){.type = IKE_EVENT_TIMER, .now = now});
    ike_free(ike);
    as_replicas(&g, data, size);
    return 0;
}
