/* SPDX-License-Identifier: Apache-2.0 */
/* See condition_value.h. */
#include "lab/condition_value.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/json_path.h"

char *condition_text(const char *format, ...)
{
    char *out = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&out, format, args) < 0)
        out = NULL;
    va_end(args);
    return out;
}

bool condition_flow(const struct condition *c, const struct flow_report *f, const struct stall_verdict *worst,
                    ns start, char **ret_detail)
{
    double figures[FLOW_METRICS] = {
        [FLOW_SENT] = (double)f->sent,
        [FLOW_RECEIVED] = (double)f->received,
        [FLOW_LOST] = (double)f->lost,
        [FLOW_DUPLICATED] = (double)f->duplicated,
        [FLOW_REORDERED] = (double)f->reordered,
        [FLOW_LONGEST_GAP_MS] = (double)f->longest_gap / (double)NS_PER_MS,
        [FLOW_GAP_LESS_STALL_MS] = (double)(worst->gap - worst->stall) / (double)NS_PER_MS,
    };
    if (f->sent == 0) {
        *ret_detail = condition_text("the flow has sent nothing");
        return false;
    }
    double v = figures[c->metric];
    if (c->metric == FLOW_LONGEST_GAP_MS)
        *ret_detail = condition_text("longest gap %.1f ms, from %.3f s", v,
                                     (double)ns_since(f->longest_gap_from, start) / 1e9);
    else if (c->metric == FLOW_GAP_LESS_STALL_MS)
        *ret_detail = condition_text("gap %.1f ms, of which the machine stood still %.1f ms, from %.3f s",
                                     (double)worst->gap / 1e6, (double)worst->stall / 1e6,
                                     (double)ns_since(worst->from, start) / 1e9);
    else
        *ret_detail = condition_text("%s %.0f (of %llu sent)", flow_metric_name(c->metric), v,
                                     (unsigned long long)f->sent);
    return compare_numbers(v, c->compare, c->number);
}

/* The line around a match, or all of the output if there is none. */
static char *match_detail(const char *output, const regmatch_t *match)
{
    if (!match) {
        size_t len = strlen(output);
        return len ? condition_text("no line matches in:\n%.*s%s", CONDITION_OUTPUT, output,
                                    len > CONDITION_OUTPUT ? "..." : "")
                   : condition_text("no output");
    }
    const char *start = output + match->rm_so;
    while (start > output && start[-1] != '\n')
        start--;
    start += strspn(start, " \t");
    return condition_text("%.*s", (int)MIN(strcspn(start, "\r\n"), 200u), start);
}

bool condition_output(const struct condition *c, const char *output, char **ret_detail)
{
    regex_t regex;
    regmatch_t match;
    if (regcomp(&regex, c->operand, REG_EXTENDED | REG_NEWLINE) != 0) {
        *ret_detail = condition_text("bad regular expression");
        return false;
    }
    bool matches = regexec(&regex, output, 1, &match, 0) == 0;
    regfree(&regex);
    *ret_detail = match_detail(output, matches ? &match : NULL);
    if (c->negated && !matches) {
        free(*ret_detail);
        *ret_detail = condition_text("no line matches");
    }
    return matches != c->negated;
}

bool condition_json(const struct condition *c, const char *output, char **ret_detail)
{
    char seen[1024];
    json_error_t error;
    json_t *root = json_loads(output, 0, &error);
    if (!root) {
        *ret_detail = condition_text("not JSON (%s):\n%.*s", error.text, CONDITION_OUTPUT, output);
        return false;
    }
    bool holds = json_path_holds(root, c->path, c->compare, c->negated, c->operand, seen, sizeof seen);
    json_decref(root);
    *ret_detail = condition_text("%s", seen);
    return holds;
}
