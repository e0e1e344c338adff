/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of `wait` and `check`, from text to struct condition. Regular expressions are compiled here
 * once, only to report a bad one with its place; condition.c compiles them again when it evaluates. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/packet_kind.h"
#include "lab/timeline.h"

static const char *const compare_names[] = {"==", "!=", "<", "<=", ">", ">=", "matches", "succeeds"};

const char *compare_name(enum compare compare)
{
    return compare_names[compare];
}

bool compare_numbers(double a, enum compare compare, double b)
{
    switch (compare) {
    case COMPARE_EQ:
        return a == b;
    case COMPARE_NE:
        return a != b;
    case COMPARE_LT:
        return a < b;
    case COMPARE_LE:
        return a <= b;
    case COMPARE_GT:
        return a > b;
    case COMPARE_GE:
        return a >= b;
    default:
        return false;
    }
}

const char *flow_metric_name(enum flow_metric metric)
{
    static const char *const names[FLOW_METRICS] = {
        "sent", "received", "lost", "duplicated", "reordered", "longest_gap_ms", "gap_less_stall_ms"};
    return names[metric];
}

struct condition_parser {
    const struct scenario *scenario;
    struct script *text;
    struct statement *statement;
    struct condition *condition;
};

static bool take_comparison(struct condition_parser *p)
{
    for (enum compare c = COMPARE_EQ; c <= COMPARE_GE; c++) {
        if (statement_accept(p->statement, compare_names[c])) {
            p->condition->compare = c;
            return true;
        }
    }
    return script_expected(p->text, p->statement, "==, !=, <, <=, > or >=");
}

static bool take_figure(struct condition_parser *p)
{
    const struct word *w = statement_peek(p->statement);
    char *end = NULL;
    double v = w && w->text[0] ? strtod(w->text, &end) : 0;
    if (!end || *end || !(v >= 0 && v < 1e15))
        return script_expected(p->text, p->statement, "a number");
    p->condition->number = v;
    p->statement->taken++;
    return true;
}

static bool take_command(struct condition_parser *p)
{
    const char *text;
    if (!take_word(p->text, p->statement, "the command in quotes", &text))
        return false;
    p->condition->command = strdup(text);
    return true;
}

/* [not] matches "PATTERN" */
static bool take_pattern(struct condition_parser *p)
{
    struct condition *c = p->condition;
    const char *pattern;
    regex_t regex;
    c->negated = statement_accept(p->statement, "not");
    if (!take_keyword(p->text, p->statement, "matches"))
        return false;
    unsigned column = statement_peek(p->statement) ? statement_peek(p->statement)->column : p->statement->end;
    if (!take_word(p->text, p->statement, "a regular expression in quotes", &pattern))
        return false;
    int rc = regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB);
    if (rc != 0) {
        char why[128];
        regerror(rc, &regex, why, sizeof why);
        return script_fail(p->text, p->statement->line, column, "not a regular expression: %s", why);
    }
    regfree(&regex);
    c->compare = COMPARE_MATCHES;
    c->operand = strdup(pattern);
    return true;
}

static bool parse_flow_condition(struct condition_parser *p)
{
    struct condition *c = p->condition;
    struct statement *st = p->statement;
    const struct word *w = statement_peek(st);
    int flow = w ? scenario_find_flow(p->scenario, w->text) : -1;
    if (flow < 0)
        return script_expected(p->text, st, "the name of a flow");
    st->taken++;
    c->subject = (unsigned)flow;
    if (statement_accept(st, "receives")) {
        c->kind = CONDITION_RECEIVES;
        return true;
    }
    c->kind = CONDITION_FLOW;
    for (enum flow_metric m = FLOW_SENT; m < FLOW_METRICS; m++) {
        if (statement_accept(st, flow_metric_name(m))) {
            c->metric = m;
            return take_comparison(p) && take_figure(p);
        }
    }
    return script_expected(
        p->text, st,
        "receives, sent, received, lost, duplicated, reordered, longest_gap_ms or gap_less_stall_ms");
}

static bool parse_watch_condition(struct condition_parser *p)
{
    struct condition *c = p->condition;
    struct statement *st = p->statement;
    const struct word *w = statement_peek(st);
    int watch = w ? scenario_find_watch(p->scenario, w->text) : -1;
    if (watch < 0)
        return script_expected(p->text, st, "the name of a watch");
    st->taken++;
    c->kind = CONDITION_WATCH;
    c->subject = (unsigned)watch;
    c->metric = PACKET_KINDS;
    w = statement_peek(st);
    for (enum packet_kind k = PACKET_ESP; k < PACKET_KINDS && c->metric == PACKET_KINDS; k++) {
        if (statement_accept(st, packet_kind_name(k)))
            c->metric = k;
    }
    if (c->metric == PACKET_KINDS)
        return script_expected(p->text, st, "esp, ah, isakmp, natt, clear or other");
    if (c->metric == PACKET_CLEAR && p->scenario->watches[watch].clear_count == 0)
        return script_fail(p->text, st->line, w->column,
                           "watch %s has no `clear PREFIX`: nothing could be counted",
                           p->scenario->watches[watch].name);
    if (statement_accept(st, "in"))
        c->direction = WATCH_IN;
    else if (statement_accept(st, "out"))
        c->direction = WATCH_OUT;
    return take_comparison(p) && take_figure(p);
}

static bool parse_cli_condition(struct condition_parser *p)
{
    p->condition->kind = CONDITION_CLI;
    return take_gateway(p->text, p->statement, p->scenario, &p->condition->subject) && take_command(p) &&
           take_pattern(p);
}

static bool parse_exec_condition(struct condition_parser *p)
{
    p->condition->kind = CONDITION_EXEC;
    if (!take_node(p->text, p->statement, p->scenario, &p->condition->subject) || !take_command(p))
        return false;
    if (statement_accept(p->statement, "succeeds")) {
        p->condition->compare = COMPARE_OK;
        return true;
    }
    if (statement_accept(p->statement, "fails")) {
        p->condition->compare = COMPARE_OK;
        p->condition->negated = true;
        return true;
    }
    return take_pattern(p);
}

/* PATH, and how its value shall be. */
static bool take_value_condition(struct condition_parser *p)
{
    struct condition *c = p->condition;
    struct statement *st = p->statement;
    const char *text;
    if (!take_word(p->text, st, "a path (a.b[0].c, [*] for any)", &text))
        return false;
    c->path = strdup(text);
    const struct word *w = statement_peek(st);
    if (w && (strcmp(w->text, "not") == 0 || strcmp(w->text, "matches") == 0))
        return take_pattern(p);
    if (!take_comparison(p) || !take_word(p->text, st, "a value", &text))
        return false;
    c->operand = strdup(text);
    return true;
}

static bool parse_json_condition(struct condition_parser *p)
{
    p->condition->kind = CONDITION_JSON;
    return take_gateway(p->text, p->statement, p->scenario, &p->condition->subject) && take_command(p) &&
           take_value_condition(p);
}

static bool parse_farm_condition(struct condition_parser *p)
{
    p->condition->kind = CONDITION_FARM;
    return take_farm(p->text, p->statement, p->scenario, &p->condition->subject) && take_value_condition(p);
}

static bool parse_running_condition(struct condition_parser *p)
{
    struct condition *c = p->condition;
    c->kind = CONDITION_RUNNING;
    c->role = ROLE_ANY;
    if (!take_gateway(p->text, p->statement, p->scenario, &c->subject))
        return false;
    for (enum role r = ROLE_SUPERVISOR; r < ROLE_ANY; r++) {
        if (statement_accept(p->statement, role_name(r)))
            c->role = r;
    }
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(struct condition_parser *p);
} conditions[] = {
    {"flow", parse_flow_condition}, {"watch", parse_watch_condition}, {"cli", parse_cli_condition},
    {"exec", parse_exec_condition}, {"json", parse_json_condition},   {"running", parse_running_condition},
    {"farm", parse_farm_condition},
};

bool condition_parse(const struct scenario *s, struct script *t, struct statement *st, struct condition *ret)
{
    struct condition_parser p = {s, t, st, ret};
    unsigned first = st->taken;
    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        if (!statement_accept(st, conditions[i].name))
            continue;
        if (!conditions[i].parse(&p))
            return false;
        ret->text = statement_source(st, first, st->taken);
        return true;
    }
    return script_expected(t, st, "flow, watch, cli, exec, json, running or farm");
}
