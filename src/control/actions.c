/* SPDX-License-Identifier: Apache-2.0 */
/* Brings events to the IKE machine and carries out its actions in their order: what is to be replicated is in
 * the record store before the message or the installation that depends on it happens. Actions may cause
 * events (an answer to a query, a peer that cannot be reached); they wait until the list is done. */
#include <errno.h>
#include <stdlib.h>

#include "control/control.h"
#include "control/job_pool.h"
#include "control/ssp/ssp.h"

void control_job_done(void *context, struct ike_job *job)
{
    struct control *c = context;
    const struct ike_event e = {.type = IKE_EVENT_JOB, .job = job};
    ns began = clock_now();

    if (c->stopping) {
        ike_job_free(job);
        return;
    }
    control_ike(c, &e);
    loop_section(&c->watch, "the result of a key exchange", began, clock_now());
}

static void send_action(struct control *c, const struct ike_action *a)
{
    int error = control_socket_send(c, &a->send.local, &a->send.remote, a->send.nat_port, a->send.keepalive,
                                    a->send.data);

    /* A full queue is like a lost datagram: the machine retransmits. */
    if (error && error != -EAGAIN && error != -ENOBUFS && error != -EINTR)
        control_path_failed(c, &a->send.remote, error);
}

static void traffic_answer(struct control *c, const struct ike_action *a)
{
    struct ike_event e = {.type = IKE_EVENT_TRAFFIC, .traffic = {.sa = a->query.sa}};

    for (uint32_t i = 0; i < a->query.slot_count; i++) {
        if (a->query.slots[i] >= c->sad->slots)
            continue;
        const struct sad_pair *p = &c->sad->pairs[a->query.slots[i]];
        e.traffic.last_in = MAX(e.traffic.last_in, p->in.last);
        e.traffic.last_out = MAX(e.traffic.last_out, p->out.last);
    }
    control_ike(c, &e);
}

static void acquire_failed(struct control *c, const struct ike_action *a)
{
    struct channel_message m = {.type = CHANNEL_ACQUIRE_FAILED};

    m.acquire.entry = a->acquire_failed.connection;
    m.acquire.selector = a->acquire_failed.selector;
    control_channel_send(c, &m);
}

static void record_action(struct control *c, const struct ike_action *a)
{
    int error;

    if (a->type == IKE_ACTION_FORGET) {
        record_store_delete(c->records, a->record.kind, a->record.key);
        if (a->group && !a->replica)
            ssp_record_deleted(c, a->group, a->record.kind, a->record.key);
        return;
    }
    error = record_store_put(c->records, a->record.kind, a->record.key, a->record.data);
    if (error)
        log_line(c->log, "HOLDFAST", 2, "RECORD",
                 "a record could not be kept (%s): it is lost if control ends", strerror(-error));
    if (a->group && !a->replica)
        ssp_record(c, a->group, a->record.kind, a->record.key, a->record.data);
}

static void install_action(struct control *c, const struct ike_action *a,
                           const struct session_lease *ceilings)
{
    const struct ike_pair_install *p = &a->install;
    const struct pair_share share = {.group = a->group, .member = ssp_member(c), .ceilings = *ceilings};
    int error = control_pair_install(c, p, &share);

    if (error) {
        const struct ike_event e = {.type = IKE_EVENT_CLEAR,
                                    .clear = {.scope = IKE_CLEAR_PAIR, .number = p->slot}};
        log_line(c->log, "CRYPTO", 3, "IPSEC_INSTALL", "an SA could not be installed: %s", strerror(-error));
        control_ike(c, &e);
    }
    if (c->keys.on && key_files_pair(&c->keys, p) != 0)
        log_line(c->log, "HOLDFAST", 4, "KEYS", "keys could not be written to %s", c->keys.directory);
}

static void remove_action(struct control *c, const struct ike_action *a)
{
    if (a->group && !a->replica)
        ssp_pair_gone(c, a->group, a->pair.slot);
    control_pair_remove(c, a->pair.slot, a->pair.spi_in);
}

void control_action_now(struct control *c, const struct ike_action *a, const struct session_lease *ceilings)
{
    switch (a->type) {
    case IKE_ACTION_SEND:
        send_action(c, a);
        break;
    case IKE_ACTION_START_JOB:
        job_pool_add(c->jobs, a->job);
        break;
    case IKE_ACTION_INSTALL_PAIR:
        install_action(c, a, ceilings);
        break;
    case IKE_ACTION_CONFIRM_PAIR:
        control_pair_confirm(c, a->pair.slot, a->pair.spi_in);
        break;
    case IKE_ACTION_SUPERSEDE_PAIR:
        control_pair_supersede(c, a->pair.slot, a->pair.spi_in);
        break;
    case IKE_ACTION_MOVE_PAIR:
        control_pair_move(c, a->pair.slot, a->pair.spi_in, &a->pair.remote);
        break;
    case IKE_ACTION_REMOVE_PAIR:
        remove_action(c, a);
        break;
    case IKE_ACTION_ACQUIRE_FAILED:
        acquire_failed(c, a);
        break;
    case IKE_ACTION_QUERY_TRAFFIC:
        traffic_answer(c, a);
        break;
    case IKE_ACTION_RECORD:
    case IKE_ACTION_FORGET:
        record_action(c, a);
        break;
    case IKE_ACTION_LOG:
        log_line(c->log, "CRYPTO", a->log.severity, a->log.mnemonic, "%s", a->log.text);
        break;
    case IKE_ACTION_DEBUG:
        log_debug(c->log, "ISAKMP", "%s", a->log.text);
        break;
    case IKE_ACTION_KEYS:
        if (key_files_isakmp(&c->keys, &a->keys) != 0)
            log_line(c->log, "HOLDFAST", 4, "KEYS", "keys could not be written to %s", c->keys.directory);
        break;
    }
}

/* Now, or when the standby has what it depends on. */
static void action_run(struct control *c, const struct ike_action *a, const struct session_lease *ceilings)
{
    if (!commit_hold(c, a, ceilings))
        control_action_now(c, a, ceilings);
}

/* The standby gets the pairs of this step before the records that name them: whatever it has when we end, it
 * has no tunnel without its SAs. */
static void pairs_announce(struct control *c, struct session_lease ceilings[IKE_ACTIONS_MAX])
{
    for (unsigned i = 0; i < c->actions->count; i++) {
        const struct ike_action *a = &c->actions->list[i];
        ceilings[i] = (struct session_lease){.out = UINT64_MAX, .in = UINT64_MAX};
        if (a->type == IKE_ACTION_INSTALL_PAIR && a->group)
            ssp_pair_new(c, a->group, &a->install, &ceilings[i]);
    }
}

static void queue_put(struct control *c, const struct ike_event *e)
{
    if (c->queue_count == c->queue_capacity) {
        uint32_t next = c->queue_capacity ? 2 * c->queue_capacity : 64;
        struct ike_event *grown = realloc(c->queue, next * sizeof *grown);
        if (!grown)
            return; /* like an event that was lost on its way */
        c->queue = grown;
        c->queue_capacity = next;
    }
    c->queue[c->queue_count++] = *e;
}

static void step_one(struct control *c, const struct ike_event *e)
{
    struct session_lease ceilings[IKE_ACTIONS_MAX];
    struct ike_event timed = *e;

    timed.now = clock_now();
    ike_step(c->ike, &timed, c->actions);
    c->commit.need = 0;
    pairs_announce(c, ceilings);
    for (unsigned i = 0; i < c->actions->count; i++)
        action_run(c, &c->actions->list[i], &ceilings[i]);
    ike_actions_done(c->actions);
}

void control_ike(struct control *c, const struct ike_event *e)
{
    if (c->stepping) {
        queue_put(c, e);
        return;
    }
    c->stepping = true;
    step_one(c, e);
    for (uint32_t i = 0; i < c->queue_count; i++) {
        const struct ike_event next = c->queue[i];
        step_one(c, &next);
    }
    c->queue_count = 0;
    c->stepping = false;
    control_ike_schedule(c);
}

static void timer_due(uv_timer_t *timer)
{
    struct control *c = timer->data;
    const struct ike_event e = {.type = IKE_EVENT_TIMER};
    ns began = clock_now();

    control_ike(c, &e);
    loop_section(&c->watch, "IKE's timers", began, clock_now());
}

void control_ike_schedule(struct control *c)
{
    ns deadline = ike_deadline(c->ike), now = clock_now();

    if (deadline == NS_NEVER) {
        uv_timer_stop(&c->ike_timer);
        return;
    }
    c->ike_timer.data = c;
    uv_update_time(&c->loop);
    uv_timer_start(&c->ike_timer, timer_due, (ns_since(deadline, now) + NS_PER_MS - 1) / NS_PER_MS, 0);
}
