/* SPDX-License-Identifier: Apache-2.0 */
/* The truth of a condition at this moment; called by run.c for `wait` (again and again) and `check` (once).
 * Each answer comes with a detail that shows what was seen, so that a failed check explains itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "lab/condition_value.h"
#include "lab/run.h"

static const ns command_patience = 15 * NS_PER_S;

static bool flow_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    struct flow_report f = probe_report(&r->probes[c->subject]);
    struct stall_verdict gap = run_gap(r, c->subject);
    return condition_flow(c, &f, &gap, r->start, ret_detail);
}

static bool watch_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    struct capture_counts counts = capture_read(&r->captures[c->subject]);
    uint64_t v = capture_count(&counts, c->metric, c->direction);
    if (counts.missed) {
        *ret_detail = condition_text("%llu packets seen, but the capture missed %llu", (unsigned long long)v,
                                     (unsigned long long)counts.missed);
        return false;
    }
    bool holds = compare_numbers((double)v, c->compare, c->number);
    bool tell = !holds && c->metric == PACKET_CLEAR && v > 0;
    *ret_detail = condition_text("%llu seen%s%s", (unsigned long long)v, tell ? ", the first of all: " : "",
                                 tell ? capture_first_clear(&r->captures[c->subject]) : "");
    return holds;
}

static char *status_detail(const struct process_result *result)
{
    if (WIFEXITED(result->status))
        return condition_text("exit code %d%s%.*s", WEXITSTATUS(result->status), *result->output ? ":\n" : "",
                              CONDITION_OUTPUT, result->output);
    return condition_text("ended by signal %d", WTERMSIG(result->status));
}

static int condition_command(struct run *r, const struct condition *c, struct process_result *ret)
{
    if (c->kind == CONDITION_EXEC) {
        char *argv[] = {"/bin/sh", "-c", c->command, NULL};
        return process_run(r->fabric.node_ns[c->subject], argv, command_patience, ret);
    }
    const struct gateway *g = &r->gateways[c->subject];
    if (c->kind == CONDITION_CLI)
        return gateway_ask(g, c->command, command_patience, ret);
    char *line = condition_text("%s | json", c->command);
    int rc = line ? gateway_ask(g, line, command_patience, ret) : -ENOMEM;
    free(line);
    return rc;
}

static bool command_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    struct process_result result;
    bool holds;
    int rc = condition_command(r, c, &result);
    if (rc < 0) {
        *ret_detail = condition_text("the command could not be run: %s", strerror(-rc));
        return false;
    }
    bool good = WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0;
    if (c->compare == COMPARE_OK) {
        *ret_detail = status_detail(&result);
        holds = good != c->negated;
    } else if (c->kind != CONDITION_EXEC && !good) {
        /* A gateway that does not answer must not satisfy `not matches`. */
        *ret_detail = status_detail(&result);
        holds = false;
    } else if (c->kind == CONDITION_JSON) {
        holds = condition_json(c, result.output, ret_detail);
    } else {
        holds = condition_output(c, result.output, ret_detail);
    }
    free(result.output);
    return holds;
}

static bool farm_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    char *answer;
    int rc = farm_node_ask(&r->farms[c->subject], "status", command_patience, &answer);
    if (rc < 0) {
        *ret_detail = condition_text("the farm does not answer: %s", strerror(-rc));
        return false;
    }
    bool holds = condition_json(c, answer, ret_detail);
    free(answer);
    return holds;
}

static bool running_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    const struct gateway *g = &r->gateways[c->subject];
    if (c->role == ROLE_ANY) {
        bool ready = gateway_ready(g);
        *ret_detail = condition_text(ready ? "answers" : "does not answer");
        return ready;
    }
    pid_t pid = gateway_pid(g, c->role);
    *ret_detail = pid ? condition_text("process %d", (int)pid) : condition_text("no such process");
    return pid != 0;
}

uint64_t condition_base(const struct run *r, const struct condition *c)
{
    return c->kind == CONDITION_RECEIVES ? probe_report(&r->probes[c->subject]).received : 0;
}

bool condition_holds(struct run *r, const struct condition *c, uint64_t base, char **ret_detail)
{
    switch (c->kind) {
    case CONDITION_FLOW:
        return flow_holds(r, c, ret_detail);
    case CONDITION_RECEIVES: {
        uint64_t now = probe_report(&r->probes[c->subject]).received;
        *ret_detail = condition_text("%llu more received", (unsigned long long)(now - base));
        return now > base;
    }
    case CONDITION_WATCH:
        return watch_holds(r, c, ret_detail);
    case CONDITION_RUNNING:
        return running_holds(r, c, ret_detail);
    case CONDITION_FARM:
        return farm_holds(r, c, ret_detail);
    case CONDITION_CLI:
    case CONDITION_EXEC:
    case CONDITION_JSON:
        break;
    }
    return command_holds(r, c, ret_detail);
}
