/* SPDX-License-Identifier: Apache-2.0 */
/* One probe, see probe.h. A request is begun on time, is out or waits for its next send, and is finished
 * exactly once: by its answer, by the kernel's refusal, or when its time is up. */
#include "redundancy/probe.h"

static void request_drop(struct probe *p)
{
    p->waiting = false;
    p->resend_at = NS_NEVER;
}

static void start(struct probe *p, ns now)
{
    request_drop(p);
    p->answered = false;
    p->result = PROBE_UNKNOWN;
    p->result_at = p->begun = p->asked_at = now;
    p->rtt = p->shortest = p->longest = p->sum = 0;
    p->counters = (struct probe_counters){0};
    p->state = p->config.start ? PROBE_ACTIVE : PROBE_PENDING;
    p->due = p->config.start ? now : NS_NEVER;
    p->ends = p->config.start && p->config.life < NS_NEVER - now ? now + p->config.life : NS_NEVER;
}

void probe_init(struct probe *p, const struct probe_config *config, struct rng *seed, ns now)
{
    uint8_t own[32];

    *p = (struct probe){.config = *config};
    rng_fill(seed, own, sizeof own);
    rng_init(&p->rng, own);
    wipe(own, sizeof own);
    p->sequence = (uint16_t)rng_u32(&p->rng);
    start(p, now);
}

void probe_configure(struct probe *p, const struct probe_config *config, bool anew, ns now)
{
    bool restart = anew || config->start != p->config.start || config->life != p->config.life;

    p->config = *config;
    if (restart) {
        start(p, now);
        return;
    }
    request_drop(p);
    if (p->state == PROBE_ACTIVE)
        p->due = now;
}

/* ---- one request ---- */

static void finish(struct probe *p, enum probe_result result, ns now, struct probe_actions *actions)
{
    request_drop(p);
    p->result = (uint8_t)result;
    p->result_at = now;
    p->counters.results[result]++;
    if (probe_reachable(result))
        p->counters.successes++;
    else
        p->counters.failures++;
    actions->finished = true;
}

static void send(struct probe *p, ns now, struct probe_actions *actions)
{
    p->sends++;
    p->counters.sent++;
    p->sent_at = now;
    p->resend_at = NS_NEVER;
    p->reason = 0;
    *actions = (struct probe_actions){
        .send = true, .sequence = p->sequence, .tag = p->tag, .finished = actions->finished};
}

/* Periods keep their rhythm, however late somebody comes by; those that are over are left out. */
static void begin(struct probe *p, ns now, struct probe_actions *actions)
{
    uint64_t missed = (now - p->due) / p->config.frequency;

    p->counters.skipped += missed;
    p->due += (missed + 1) * p->config.frequency;
    p->sequence++;
    p->tag = rng_u64(&p->rng);
    p->asked_at = now;
    p->waiting = true;
    p->answered = false;
    p->sends = 0;
    send(p, now, actions);
}

static void end(struct probe *p, ns now, struct probe_actions *actions)
{
    request_drop(p);
    p->state = PROBE_ENDED;
    p->due = p->ends = NS_NEVER;
    p->result = PROBE_UNKNOWN;
    p->result_at = now;
    actions->finished = true;
}

static void tick(struct probe *p, ns now, struct probe_actions *actions)
{
    if (p->waiting && now >= p->asked_at + p->config.timeout)
        finish(p, p->reason ? p->reason : PROBE_TIMEOUT, now, actions);
    if (now >= p->ends && !p->waiting) {
        end(p, now, actions);
        return;
    }
    if (!p->waiting && now >= p->due)
        begin(p, now, actions);
    else if (p->waiting && now >= p->resend_at)
        send(p, now, actions);
}

/* ---- what comes back ---- */

static bool is_former(const struct probe *p, uint16_t sequence)
{
    return (uint16_t)(p->sequence - sequence) < 0x8000;
}

static void answer(struct probe *p, const struct probe_event *e, struct probe_actions *actions)
{
    if (e->sequence != p->sequence || !p->sends) {
        p->counters.late += is_former(p, e->sequence);
        return;
    }
    if (e->tag != p->tag) {
        p->counters.forged++;
        return;
    }
    if (!p->waiting) {
        p->counters.duplicates += p->answered;
        p->counters.late += !p->answered;
        return;
    }
    ns rtt = ns_since(ns_min(e->arrived, e->now), p->sent_at);
    if (ns_since(e->arrived, p->asked_at) >= p->config.timeout) {
        p->counters.late++;
        finish(p, p->reason ? p->reason : PROBE_TIMEOUT, e->now, actions);
        return;
    }
    p->answered = true;
    p->rtt = rtt;
    p->sum += rtt;
    p->longest = MAX(p->longest, rtt);
    finish(p, rtt > p->config.threshold ? PROBE_OVER_THRESHOLD : PROBE_OK, e->now, actions);
    p->shortest = p->counters.successes == 1 ? rtt : MIN(p->shortest, rtt);
}

static void refused(struct probe *p, const struct probe_event *e)
{
    if (!p->waiting || e->sequence != p->sequence)
        return;
    p->counters.refusals++;
    p->reason = PROBE_NO_CONNECTION;
}

static void send_failed(struct probe *p, const struct probe_event *e, struct probe_actions *actions)
{
    if (!p->waiting || e->sequence != p->sequence)
        return;
    p->counters.sent--;
    if (e->reason != PROBE_BUSY) {
        finish(p, e->reason == PROBE_NO_CONNECTION ? PROBE_NO_CONNECTION : PROBE_ERROR, e->now, actions);
        return;
    }
    p->reason = PROBE_BUSY;
    if (p->sends < PROBE_SENDS_MAX)
        p->resend_at = e->now + p->config.timeout / PROBE_SENDS_MAX;
}

void probe_step(struct probe *p, const struct probe_event *e, struct probe_actions *actions)
{
    *actions = (struct probe_actions){0};
    switch (e->kind) {
    case PROBE_EVENT_TICK:
        tick(p, e->now, actions);
        break;
    case PROBE_EVENT_ANSWER:
        answer(p, e, actions);
        break;
    case PROBE_EVENT_REFUSED:
        refused(p, e);
        break;
    case PROBE_EVENT_SEND_FAILED:
        send_failed(p, e, actions);
        break;
    }
}

ns probe_deadline(const struct probe *p)
{
    if (p->waiting)
        return ns_min(p->asked_at + p->config.timeout, p->resend_at);
    return ns_min(p->due, p->ends);
}

/* ---- names ---- */

bool probe_reachable(enum probe_result r)
{
    return r == PROBE_OK || r == PROBE_OVER_THRESHOLD;
}

bool probe_good(enum probe_result r)
{
    return r == PROBE_OK;
}

const char *probe_result_name(enum probe_result r)
{
    static const char *const names[] = {[PROBE_UNKNOWN] = "Unknown",
                                        [PROBE_OK] = "OK",
                                        [PROBE_OVER_THRESHOLD] = "Over threshold",
                                        [PROBE_TIMEOUT] = "Timeout",
                                        [PROBE_NO_CONNECTION] = "No connection",
                                        [PROBE_BUSY] = "Busy",
                                        [PROBE_ERROR] = "Error"};

    return r < PROBE_RESULTS ? names[r] : "";
}
