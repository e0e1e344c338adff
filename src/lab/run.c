/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out a scenario; see run.h. */
#include "lab/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static const ns tick = 20 * NS_PER_MS;
static const ns ready_patience = 20 * NS_PER_S;

void run_fail(struct run *r, const char *format, ...)
{
    if (r->error)
        return;
    va_list args;
    va_start(args, format);
    if (vasprintf(&r->error, format, args) < 0)
        r->error = strdup("out of memory");
    va_end(args);
}

bool run_ok(const struct run *r)
{
    bool ok = !r->error;
    for (unsigned i = 0; i < r->check_count; i++)
        ok &= r->checks[i].ok;
    return ok;
}

void run_check_add(struct run *r, const char *name, bool ok, char *detail)
{
    if (r->check_count == RUN_CHECKS) {
        free(detail);
        return;
    }
    struct check *c = &r->checks[r->check_count++];
    *c = (struct check){strdup(name), ok, detail ? detail : strdup("")};
    size_t first = strcspn(c->detail, "\n");
    report_event(r, "%s %s  [%.*s]", ok ? "  ok  " : "  FAIL", name, (int)first, c->detail);
    if ((!ok || r->verbose) && c->detail[first])
        report_block(c->detail + first + 1);
}

static void tick_silences(struct run *r)
{
    for (unsigned i = 0; i < r->scenario->flow_count; i++) {
        struct stall_span silence;
        while (probe_silence(&r->probes[i], &silence))
            report_event(r, "  flow %s: nothing arrived for %.1f ms, from %.3f to %.3f",
                         r->scenario->flows[i].name, (double)(silence.until - silence.from) / 1e6,
                         (double)ns_since(silence.from, r->start) / 1e9,
                         (double)ns_since(silence.until, r->start) / 1e9);
    }
}

static void tick_stalls(struct run *r)
{
    struct stall_span stall;
    unsigned cpu;
    while (canary_stall(&r->canary, &stall, &cpu))
        report_event(r, "  machine: processor %u stood still for %.1f ms, from %.3f to %.3f", cpu,
                     (double)(stall.until - stall.from) / 1e6, (double)ns_since(stall.from, r->start) / 1e9,
                     (double)ns_since(stall.until, r->start) / 1e9);
}

struct stall_verdict run_gap(const struct run *r, unsigned flow)
{
    struct stall_span gaps[FLOW_GAPS];
    const struct stall_log *logs[CANARY_CPUS];
    size_t count = probe_gaps(&r->probes[flow], gaps);
    return stall_judge(logs, canary_logs(&r->canary, logs), gaps, count);
}

void run_tick(struct run *r)
{
    tick_stalls(r);
    tick_silences(r);
    for (unsigned i = 0; i < r->scenario->node_count; i++) {
        int status;
        bool gateway = r->gateways[i].node && gateway_died(&r->gateways[i], &status);
        if (!gateway && !(r->farms[i].node && farm_node_died(&r->farms[i], &status)))
            continue;
        char name[SCRIPT_NAME + 32], *detail;
        snprintf(name, sizeof name, "%s keeps running", r->scenario->nodes[i].name);
        if (asprintf(&detail, "the %s ended %s %d", gateway ? "supervisor" : "farm",
                     WIFEXITED(status) ? "with code" : "by signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)) < 0)
            detail = NULL;
        run_check_add(r, name, false, detail);
    }
}

static void farm_answer_note(struct run *r, const struct step *step, const char *answer, json_t *json)
{
    char *summary = r->verbose ? NULL : farm_node_summary(json);
    report_event(r, "  %.*s", (int)strcspn(summary ? summary : answer, "\n"), summary ? summary : answer);
    free(summary);
    if (!r->farm_answers)
        r->farm_answers = json_array();
    json_array_append_new(r->farm_answers,
                          json_pack("{s:s,s:s,s:f,s:O}", "farm", r->scenario->nodes[step->node].name,
                                    "command", step->text, "at_s",
                                    (double)ns_since(lab_now(), r->start) / 1e9, "answer", json));
}

static void step_farm(struct run *r, const struct step *step)
{
    char *answer;
    int rc = farm_node_ask(&r->farms[step->node], step->text, FARM_NODE_PATIENCE, &answer);
    if (rc < 0) {
        run_fail(r, "%s: %s", step->source, strerror(-rc));
        return;
    }
    json_t *json = json_loads(answer, 0, NULL);
    const char *error = json_string_value(json_object_get(json, "error"));
    if (!json || error)
        run_fail(r, "%s: %s", step->source, error ? error : "no JSON in the answer");
    else
        farm_answer_note(r, step, answer, json);
    json_decref(json);
    free(answer);
}

static void run_wait_until(struct run *r, ns deadline)
{
    while (!lab_stopping && lab_now() < deadline) {
        run_tick(r);
        lab_sleep(MIN(tick, ns_since(deadline, lab_now())));
    }
}

/* The end of the log of a gateway or farm, for errors. */
static char *log_tail(const char *folder)
{
    char path[160];
    char *text = calloc(1, 1501);
    snprintf(path, sizeof path, "%s/daemon.log", folder);
    FILE *f = fopen(path, "re");
    if (f && text) {
        if (fseek(f, -1500, SEEK_END) < 0)
            rewind(f);
        size_t len = fread(text, 1, 1500, f);
        text[len] = '\0';
    }
    if (f)
        fclose(f);
    return text;
}

void run_tell_logs(const struct run *r)
{
    for (unsigned i = 0; i < r->scenario->node_count; i++) {
        if (!r->gateways[i].node && !r->farms[i].node)
            continue;
        char *log = log_tail(r->gateways[i].node ? r->gateways[i].folder : r->farms[i].folder);
        printf("  the log of %s ends with\n", r->scenario->nodes[i].name);
        report_block(log ? log : "");
        free(log);
    }
}

static bool gateway_wait(struct run *r, struct gateway *g)
{
    ns deadline = lab_now() + ready_patience;
    int status = 0;
    while (!lab_stopping && !gateway_ready(g)) {
        bool died = gateway_died(g, &status);
        if (died || lab_now() > deadline) {
            char *log = log_tail(g->folder);
            run_fail(r, "%s: holdfastd %s; its log ends with:\n%s", g->node->name,
                     died ? "ended while starting" : "does not answer on its control socket", log ? log : "");
            free(log);
            return false;
        }
        lab_sleep(tick);
    }
    return !lab_stopping;
}

static bool gateways_start(struct run *r)
{
    const struct scenario *s = r->scenario;
    for (unsigned i = 0; i < s->node_count; i++) {
        if (s->nodes[i].kind != NODE_GATEWAY)
            continue;
        gateway_init(&r->gateways[i], &s->nodes[i], r->fabric.node_ns[i], r->lab);
        int rc = keys_keep(r, &r->gateways[i]) ? gateway_start(&r->gateways[i]) : -EIO;
        if (rc < 0) {
            run_fail(r, "%s: holdfastd cannot be started: %s%s", s->nodes[i].name, strerror(-rc),
                     rc == -ENOENT ? " ($HOLDFASTD names it where it is not beside holdfast)" : "");
            return false;
        }
    }
    for (unsigned i = 0; i < s->node_count; i++) {
        if (r->gateways[i].node && !gateway_wait(r, &r->gateways[i]))
            return false;
    }
    return true;
}

static bool routing_start(struct run *r, unsigned i)
{
    char *output;
    int rc = routing_node_start(&r->routings[i], ready_patience, &output);
    if (rc < 0)
        run_fail(r, "%s: FRR cannot be started: %s%s", r->scenario->nodes[i].name,
                 output          ? output
                 : rc == -ENOENT ? "it is not installed"
                                 : strerror(-rc),
                 rc == -ENOENT ? " (package frr)" : "");
    free(output);
    return rc == 0;
}

static bool routings_start(struct run *r)
{
    for (unsigned i = 0; i < r->scenario->node_count; i++) {
        if (r->scenario->nodes[i].routing == 0)
            continue;
        routing_node_init(&r->routings[i], &r->scenario->nodes[i], r->fabric.node_ns[i], r->lab);
        if (!routing_start(r, i))
            return false;
    }
    return true;
}

static void farm_open(struct run *r, unsigned i)
{
    const struct node *n = &r->scenario->nodes[i];
    const char *partner = n->partner.given ? r->scenario->nodes[n->partner.node].name : NULL;
    farm_node_init(&r->farms[i], n, r->fabric.node_ns[i], r->lab, partner);
}

static bool farms_start(struct run *r)
{
    for (unsigned i = 0; i < r->scenario->node_count; i++) {
        if (r->scenario->nodes[i].kind != NODE_FARM)
            continue;
        farm_open(r, i);
        int rc = farm_node_start(&r->farms[i], ready_patience);
        if (rc < 0) {
            char *log = log_tail(r->farms[i].folder);
            run_fail(r, "%s: the farm cannot be started: %s; its log ends with:\n%s",
                     r->scenario->nodes[i].name, strerror(-rc), log ? log : "");
            free(log);
            return false;
        }
    }
    return true;
}

bool run_build(struct run *r)
{
    ns start = lab_now();
    if (fabric_build(&r->fabric, r->scenario, r->lab) < 0) {
        run_fail(r, "%s", r->fabric.error);
        return false;
    }
    ns built = lab_now();
    if (!routings_start(r) || !gateways_start(r) || !farms_start(r)) {
        if (lab_stopping)
            run_fail(r, "interrupted");
        return false;
    }
    report_event(r, "network up after %.2f s, gateways ready after %.2f s", (double)(built - start) / 1e9,
                 (double)(lab_now() - start) / 1e9);
    return true;
}

static void step_start_flows(struct run *r, const struct step *step)
{
    for (unsigned i = 0; i < step->name_count; i++) {
        char error[128];
        unsigned index = step->names[i];
        const struct flow *f = &r->scenario->flows[index];
        if (probe_start(&r->probes[index], f, index, r->fabric.node_ns[f->from], r->fabric.node_ns[f->to],
                        error) < 0)
            run_fail(r, "flow %s: %s", f->name, error);
    }
}

static void step_stop_flows(struct run *r, const struct step *step)
{
    for (unsigned i = 0; i < step->name_count; i++)
        probe_stop_sending(&r->probes[step->names[i]]);
    for (unsigned i = 0; i < step->name_count; i++) {
        struct probe *p = &r->probes[step->names[i]];
        probe_stop(p);
        tick_silences(r);
        struct flow_report f = probe_report(p);
        struct stall_verdict v = run_gap(r, step->names[i]);
        report_event(
            r, "  flow %s: sent %llu, received %llu, lost %llu, longest gap %.1f ms, less stall %.1f ms",
            r->scenario->flows[step->names[i]].name, (unsigned long long)f.sent,
            (unsigned long long)f.received, (unsigned long long)f.lost, (double)f.longest_gap / 1e6,
            (double)(v.gap - v.stall) / 1e6);
    }
}

static void step_freeze(struct run *r, const struct step *step)
{
    int rc = gateway_freeze(&r->gateways[step->node], step->role, step->kind == STEP_FREEZE);
    if (rc < 0)
        run_fail(r, "%s: %s", step->source, strerror(-rc));
}

static void step_kill(struct run *r, const struct step *step)
{
    pid_t pid = 0;
    if (step->routing) {
        report_event(r, "  %u processes of FRR killed", routing_node_kill(&r->routings[step->node]));
        return;
    }
    int rc = gateway_kill(&r->gateways[step->node], step->role, &pid);
    if (rc < 0)
        run_fail(r, "kill %s %s: %s", r->scenario->nodes[step->node].name, role_name(step->role),
                 strerror(-rc));
    else
        report_event(r, "  process %d killed", (int)pid);
}

static void step_restart(struct run *r, const struct step *step)
{
    struct gateway *g = &r->gateways[step->node];
    if (step->routing)
        routing_node_kill(&r->routings[step->node]);
    /* A gateway that starts finds its FRR, should that have been killed. */
    if (r->routings[step->node].node && !routing_start(r, step->node))
        return;
    if (step->routing)
        return;
    gateway_stop(g);
    int rc = gateway_start(g);
    if (rc < 0)
        run_fail(r, "restart %s: %s", g->node->name, strerror(-rc));
    else if (gateway_wait(r, g))
        report_event(r, "  %s answers again", g->node->name);
}

static void step_command(struct run *r, const struct step *step)
{
    struct process_result result;
    char *shell[] = {"/bin/sh", "-c", step->text, NULL};
    int rc = step->kind == STEP_CLI
                 ? gateway_ask(&r->gateways[step->node], step->text, 30 * NS_PER_S, &result)
                 : process_run(r->fabric.node_ns[step->node], shell, 60 * NS_PER_S, &result);
    if (rc < 0) {
        run_fail(r, "%s: %s", step->source, strerror(-rc));
        return;
    }
    bool good = WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0;
    if (!good || r->verbose)
        report_block(result.output);
    if (!good)
        run_fail(r, "%s: %s %d", step->source, WIFEXITED(result.status) ? "exit code" : "signal",
                 WIFEXITED(result.status) ? WEXITSTATUS(result.status) : WTERMSIG(result.status));
    free(result.output);
}

static void step_fault(struct run *r, const struct step *step)
{
    int end = step->one_end ? (int)step->end : -1, rc = 0;
    if (step->kind == STEP_CUT)
        rc = fabric_cut(&r->fabric, step->link, end);
    else if (step->kind == STEP_BLACKHOLE)
        rc = step->one_end ? fabric_blackhole_end(&r->fabric, step->link, step->end, step->direction)
                           : fabric_blackhole(&r->fabric, step->link);
    else if (step->kind == STEP_LOSSY)
        rc = fabric_lossy(&r->fabric, step->link, step->loss);
    else
        rc = fabric_repair(&r->fabric, step->link, end);
    if (rc < 0)
        run_fail(r, "%s: %s", step->source, r->fabric.error);
}

/* How often an unfulfilled condition is looked at: figures are cheap, commands are not. */
static ns condition_pause(const struct condition *c)
{
    return c->kind == CONDITION_FLOW || c->kind == CONDITION_RECEIVES || c->kind == CONDITION_WATCH
               ? 5 * NS_PER_MS
               : 100 * NS_PER_MS;
}

static void step_wait(struct run *r, const struct step *step)
{
    const struct condition *c = &step->condition;
    ns start = lab_now(), deadline = start + step->timeout;
    uint64_t base = condition_base(r, c);
    char *seen, *detail = NULL;
    bool holds;
    while (!(holds = condition_holds(r, c, base, &seen)) && !lab_stopping && lab_now() < deadline) {
        free(seen);
        run_wait_until(r, MIN(deadline, lab_now() + condition_pause(c)));
    }
    double waited = (double)(lab_now() - start) / 1e9;
    if (asprintf(&detail, holds ? "after %.3f s: %s" : "not within %.1f s: %s", waited, seen ? seen : "") < 0)
        detail = NULL;
    free(seen);
    if (lab_stopping) {
        free(detail);
        return;
    }
    run_check_add(r, step->label ? step->label : step->source, holds, detail);
    if (!holds)
        run_fail(r, "line %u: %s: waited in vain", step->line, step->source);
}

static void step_check(struct run *r, const struct step *step)
{
    const struct condition *c = &step->condition;
    uint64_t base = condition_base(r, c);
    char *detail;
    if (c->kind == CONDITION_WATCH)
        run_wait_until(r, lab_now() + 100 * NS_PER_MS); /* for what is still in the capture's queue */
    if (c->kind == CONDITION_RECEIVES)
        run_wait_until(r, lab_now() + 500 * NS_PER_MS);
    bool holds = condition_holds(r, c, base, &detail);
    if (lab_stopping) {
        free(detail);
        return;
    }
    run_check_add(r, step->label ? step->label : c->text, holds, detail);
}

bool run_step(struct run *r, const struct step *step)
{
    if (step->kind == STEP_SAY)
        report_event(r, "# %s", step->text);
    else if (step->kind != STEP_CHECK && step->kind != STEP_PAUSE)
        report_event(r, "%s", step->source);
    switch (step->kind) {
    case STEP_START:
        step_start_flows(r, step);
        break;
    case STEP_STOP:
        step_stop_flows(r, step);
        break;
    case STEP_RESET:
        /* What was sent before the reset must not be counted after it. */
        run_wait_until(r, lab_now() + 50 * NS_PER_MS);
        for (unsigned i = 0; i < step->name_count; i++)
            capture_reset(&r->captures[step->names[i]]);
        break;
    case STEP_CUT:
    case STEP_BLACKHOLE:
    case STEP_LOSSY:
    case STEP_REPAIR:
        step_fault(r, step);
        break;
    case STEP_FREEZE:
    case STEP_THAW:
        step_freeze(r, step);
        break;
    case STEP_KILL:
        step_kill(r, step);
        break;
    case STEP_RESTART:
        step_restart(r, step);
        break;
    case STEP_EXEC:
    case STEP_CLI:
        step_command(r, step);
        break;
    case STEP_FARM:
        step_farm(r, step);
        break;
    case STEP_WAIT:
        step_wait(r, step);
        break;
    case STEP_CHECK:
        step_check(r, step);
        break;
    case STEP_MARK:
        step_mark(r, step);
        break;
    case STEP_JUDGE:
        step_judge(r, step);
        break;
    case STEP_SAY:
    case STEP_PAUSE:
        break;
    }
    run_tick(r);
    return !r->error;
}

static void steps_not_reached(struct run *r, unsigned from)
{
    for (unsigned i = from; i < r->scenario->step_count; i++) {
        const struct step *step = &r->scenario->steps[i];
        if (step->kind == STEP_CHECK || step->kind == STEP_WAIT || step->kind == STEP_JUDGE)
            run_check_add(r,
                          step->label   ? step->label
                          : step->judge ? "judge"
                                        : step->condition.text,
                          false, strdup("not reached"));
    }
}

bool run_timeline(struct run *r)
{
    const struct scenario *s = r->scenario;
    for (unsigned i = 0; i < s->watch_count; i++) {
        char error[128];
        if (capture_start(&r->captures[i], &s->watches[i], r->fabric.fabric_ns, error) < 0) {
            run_fail(r, "watch %s: %s", s->watches[i].name, error);
            return false;
        }
    }
    int rc = canary_start(&r->canary);
    if (rc < 0) {
        run_fail(r, "the canaries cannot be started: %s", strerror(-rc));
        return false;
    }
    setenv("SCENARIO", s->folder ? s->folder : "", 1); /* for the commands of `exec` */
    if (!captures_start(r))
        return false;
    keys_folder_make(r);
    r->start = lab_now();
    unsigned at = 0;
    for (; at < s->step_count && !lab_stopping && !r->error; at++) {
        const struct step *step = &s->steps[at];
        if (step->when == WHEN_AT)
            run_wait_until(r, r->start + step->time);
        else if (step->when == WHEN_AFTER)
            run_wait_until(r, lab_now() + step->time);
        if (!lab_stopping)
            run_step(r, step);
    }
    if (lab_stopping)
        run_fail(r, "interrupted");
    else if (r->error)
        steps_not_reached(r, at);
    for (unsigned i = 0; i < s->flow_count; i++)
        probe_stop_sending(&r->probes[i]);
    for (unsigned i = 0; i < s->flow_count; i++)
        probe_stop(&r->probes[i]);
    tick_silences(r);
    return run_ok(r);
}

void run_done(struct run *r)
{
    for (unsigned i = 0; i < SCENARIO_FLOWS; i++)
        probe_done(&r->probes[i]);
    for (unsigned i = 0; i < SCENARIO_WATCHES; i++)
        capture_done(&r->captures[i]);
    captures_done(r);
    canary_done(&r->canary);
    for (unsigned i = 0; i < r->check_count; i++) {
        free(r->checks[i].name);
        free(r->checks[i].detail);
    }
    r->check_count = 0;
    fabric_done(&r->fabric);
    json_decref(r->farm_answers);
    r->farm_answers = NULL;
    free(r->error);
    r->error = NULL;
}
