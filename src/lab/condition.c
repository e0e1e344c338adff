/* SPDX-License-Identifier: Apache-2.0 */
/* The truth of a condition at this moment; called by run.c for `wait` (again and again) and `check` (once).
 * Each answer comes with a detail that shows what was seen, so that a failed check explains itself. */
#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "lab/json_path.h"
#include "lab/run.h"

enum { DETAIL_OUTPUT = 3000 };

static const ns command_patience = 15 * NS_PER_S;

__attribute__((format(printf, 1, 2))) static char *text_of(const char *format, ...)
{
    char *out = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&out, format, args) < 0)
        out = NULL;
    va_end(args);
    return out;
}

static bool flow_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    struct flow_report f = probe_report(&r->probes[c->subject]);
    struct stall_verdict worst = run_gap(r, c->subject);
    double figures[FLOW_METRICS] = {
        [FLOW_SENT] = (double)f.sent,
        [FLOW_RECEIVED] = (double)f.received,
        [FLOW_LOST] = (double)f.lost,
        [FLOW_DUPLICATED] = (double)f.duplicated,
        [FLOW_REORDERED] = (double)f.reordered,
        [FLOW_LONGEST_GAP_MS] = (double)f.longest_gap / (double)NS_PER_MS,
        [FLOW_GAP_LESS_STALL_MS] = (double)(worst.gap - worst.stall) / (double)NS_PER_MS,
    };
    if (f.sent == 0) {
        *ret_detail = text_of("the flow has sent nothing");
        return false;
    }
    double v = figures[c->metric];
    if (c->metric == FLOW_LONGEST_GAP_MS)
        *ret_detail = text_of("longest gap %.1f ms, from %.3f s", v,
                              (double)ns_since(f.longest_gap_from, r->start) / 1e9);
    else if (c->metric == FLOW_GAP_LESS_STALL_MS)
        *ret_detail = text_of("gap %.1f ms, of which the machine stood still %.1f ms, from %.3f s",
                              (double)worst.gap / 1e6, (double)worst.stall / 1e6,
                              (double)ns_since(worst.from, r->start) / 1e9);
    else
        *ret_detail =
            text_of("%s %.0f (of %llu sent)", flow_metric_name(c->metric), v, (unsigned long long)f.sent);
    return compare_numbers(v, c->compare, c->number);
}

static bool watch_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    struct capture_counts counts = capture_read(&r->captures[c->subject]);
    uint64_t v = capture_count(&counts, c->metric, c->direction);
    if (counts.missed) {
        *ret_detail = text_of("%llu packets seen, but the capture missed %llu", (unsigned long long)v,
                              (unsigned long long)counts.missed);
        return false;
    }
    bool holds = compare_numbers((double)v, c->compare, c->number);
    bool tell = !holds && c->metric == PACKET_CLEAR && v > 0;
    *ret_detail = text_of("%llu seen%s%s", (unsigned long long)v, tell ? ", the first of all: " : "",
                          tell ? capture_first_clear(&r->captures[c->subject]) : "");
    return holds;
}

/* The line around a match, or all of the output if there is none. */
static char *match_detail(const char *output, const regmatch_t *match)
{
    if (!match) {
        size_t len = strlen(output);
        return len ? text_of("no line matches in:\n%.*s%s", DETAIL_OUTPUT, output,
                             len > DETAIL_OUTPUT ? "..." : "")
                   : text_of("no output");
    }
    const char *start = output + match->rm_so;
    while (start > output && start[-1] != '\n')
        start--;
    start += strspn(start, " \t");
    return text_of("%.*s", (int)MIN(strcspn(start, "\r\n"), 200u), start);
}

static bool output_matches(const struct condition *c, const struct process_result *result, char **ret_detail)
{
    regex_t regex;
    regmatch_t match;
    if (regcomp(&regex, c->operand, REG_EXTENDED | REG_NEWLINE) != 0) {
        *ret_detail = text_of("bad regular expression");
        return false;
    }
    bool matches = regexec(&regex, result->output, 1, &match, 0) == 0;
    regfree(&regex);
    *ret_detail = match_detail(result->output, matches ? &match : NULL);
    if (c->negated && !matches) {
        free(*ret_detail);
        *ret_detail = text_of("no line matches");
    }
    return matches != c->negated;
}

static char *status_detail(const struct process_result *result)
{
    if (WIFEXITED(result->status))
        return text_of("exit code %d%s%.*s", WEXITSTATUS(result->status), *result->output ? ":\n" : "",
                       DETAIL_OUTPUT, result->output);
    return text_of("ended by signal %d", WTERMSIG(result->status));
}

static bool json_holds(const struct condition *c, const char *output, char **ret_detail)
{
    char seen[1024];
    json_error_t error;
    json_t *root = json_loads(output, 0, &error);
    if (!root) {
        *ret_detail = text_of("not JSON (%s):\n%.*s", error.text, DETAIL_OUTPUT, output);
        return false;
    }
    bool holds = json_path_holds(root, c->path, c->compare, c->negated, c->operand, seen, sizeof seen);
    json_decref(root);
    *ret_detail = text_of("%s", seen);
    return holds;
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
    char *line = text_of("%s | json", c->command);
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
        *ret_detail = text_of("the command could not be run: %s", strerror(-rc));
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
        holds = json_holds(c, result.output, ret_detail);
    } else {
        holds = output_matches(c, &result, ret_detail);
    }
    free(result.output);
    return holds;
}

static bool farm_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    char *answer;
    int rc = farm_node_ask(&r->farms[c->subject], "status", command_patience, &answer);
    if (rc < 0) {
        *ret_detail = text_of("the farm does not answer: %s", strerror(-rc));
        return false;
    }
    bool holds = json_holds(c, answer, ret_detail);
    free(answer);
    return holds;
}

static bool running_holds(struct run *r, const struct condition *c, char **ret_detail)
{
    const struct gateway *g = &r->gateways[c->subject];
    if (c->role == ROLE_ANY) {
        bool ready = gateway_ready(g);
        *ret_detail = text_of(ready ? "answers" : "does not answer");
        return ready;
    }
    pid_t pid = gateway_pid(g, c->role);
    *ret_detail = pid ? text_of("process %d", (int)pid) : text_of("no such process");
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
        *ret_detail = text_of("%llu more received", (unsigned long long)(now - base));
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
