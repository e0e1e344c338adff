/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of timeline.lab: flows, watches, and steps with their times. Conditions are in
 * condition_text.c. */
#include "lab/timeline.h"

#include <stdio.h>
#include <stdlib.h>

char *statement_source(const struct statement *s, unsigned from, unsigned until)
{
    char out[SCRIPT_LINE + 2 * SCRIPT_WORDS + 1];
    size_t used = 0;
    for (unsigned i = from; i < until; i++) {
        const char *quote = s->words[i].quoted ? "\"" : "";
        int n = snprintf(out + used, sizeof out - used, "%s%s%s%s", used ? " " : "", quote, s->words[i].text,
                         quote);
        if (n < 0 || (size_t)n >= sizeof out - used)
            break;
        used += (size_t)n;
    }
    out[used] = '\0';
    return strdup(out);
}

bool take_node(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret)
{
    const struct word *w = statement_peek(st);
    int node = w ? scenario_find_node(s, w->text) : -1;
    if (node < 0)
        return script_expected(t, st, "the name of a node");
    st->taken++;
    *ret = (unsigned)node;
    return true;
}

static bool take_kind(struct script *t, struct statement *st, const struct scenario *s, enum node_kind kind,
                      const char *what, unsigned *ret)
{
    const struct word *w = statement_peek(st);
    int node = w ? scenario_find_node(s, w->text) : -1;
    if (node < 0 || s->nodes[node].kind != kind)
        return script_expected(t, st, what);
    st->taken++;
    *ret = (unsigned)node;
    return true;
}

bool take_gateway(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret)
{
    return take_kind(t, st, s, NODE_GATEWAY, "the name of a gateway", ret);
}

bool take_farm(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret)
{
    return take_kind(t, st, s, NODE_FARM, "the name of a farm", ret);
}

bool take_role(struct script *t, struct statement *st, enum role *ret)
{
    for (enum role r = ROLE_SUPERVISOR; r < ROLE_ANY; r++) {
        if (statement_accept(st, role_name(r))) {
            *ret = r;
            return true;
        }
    }
    return script_expected(t, st, "'supervisor', 'control' or 'engine'");
}

static bool take_address(struct script *t, struct statement *st, struct address *ret)
{
    const struct word *w = statement_peek(st);
    if (!w || !address_parse(w->text, ret))
        return script_expected(t, st, "an address");
    st->taken++;
    return true;
}

static bool parse_flow(struct scenario *s, struct script *t, struct statement *st)
{
    uint64_t rate = 1000, size = 200;
    if (s->flow_count == SCENARIO_FLOWS)
        return script_fail(t, st->line, 1, "more than %d flows", SCENARIO_FLOWS);
    struct flow *f = &s->flows[s->flow_count];
    unsigned column = statement_peek(st) ? statement_peek(st)->column : st->end;
    if (!take_name(t, st, "the name of the flow", f->name))
        return false;
    if (scenario_find_flow(s, f->name) >= 0)
        return script_fail(t, st->line, column, "a flow named %s is there already", f->name);
    if (!take_keyword(t, st, "from") || !take_node(t, st, s, &f->from) || !take_address(t, st, &f->source) ||
        !take_keyword(t, st, "to") || !take_node(t, st, s, &f->to))
        return false;
    column = statement_peek(st) ? statement_peek(st)->column : st->end;
    if (!take_address(t, st, &f->destination))
        return false;
    if (f->source.family != f->destination.family)
        return script_fail(t, st->line, column, "the two addresses are of different families");
    while (!statement_done(st)) {
        if (statement_accept(st, "tcp")) {
            f->tcp = true;
        } else if (statement_accept(st, "rate")) {
            if (!take_number(t, st, "packets a second", 1, 100000, &rate))
                return false;
        } else if (statement_accept(st, "size")) {
            if (!take_number(t, st, "bytes of UDP payload", 32, 65000, &size))
                return false;
        } else {
            return script_expected(t, st, "'rate', 'size', 'tcp' or the end of the line");
        }
    }
    f->rate = (uint32_t)rate;
    f->size = (uint32_t)size;
    s->flow_count++;
    return true;
}

bool take_link_end(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret_link,
                   unsigned *ret_end)
{
    const struct word *w = statement_peek(st);
    for (unsigned l = 0; w && l < s->link_count; l++) {
        for (unsigned e = 0; e < s->links[l].end_count; e++) {
            char name[SCRIPT_NAME + SCENARIO_DEVICE + 1];
            const struct link_end *end = &s->links[l].ends[e];
            snprintf(name, sizeof name, "%s:%s", s->nodes[end->node].name, end->device);
            if (strcmp(name, w->text) == 0) {
                *ret_link = l;
                *ret_end = e;
                st->taken++;
                return true;
            }
        }
    }
    return script_expected(t, st, "NODE:DEVICE, an end of a link");
}

static bool parse_watch(struct scenario *s, struct script *t, struct statement *st)
{
    if (s->watch_count == SCENARIO_WATCHES)
        return script_fail(t, st->line, 1, "more than %d watches", SCENARIO_WATCHES);
    struct watch *w = &s->watches[s->watch_count];
    unsigned column = statement_peek(st) ? statement_peek(st)->column : st->end;
    if (!take_name(t, st, "the name of the watch", w->name))
        return false;
    if (scenario_find_watch(s, w->name) >= 0)
        return script_fail(t, st->line, column, "a watch named %s is there already", w->name);
    if (!take_link_end(t, st, s, &w->link, &w->end))
        return false;
    if (statement_accept(st, "host") && !take_address(t, st, &w->host))
        return false;
    if (statement_accept(st, "clear")) {
        do {
            const struct word *word = statement_peek(st);
            if (w->clear_count == SCENARIO_WATCH_PREFIXES)
                return script_fail(t, st->line, word->column, "more than %d prefixes",
                                   SCENARIO_WATCH_PREFIXES);
            if (!word || !script_prefix(word->text, &w->clear[w->clear_count]))
                return script_expected(t, st, "a prefix that must not be seen in clear");
            prefix_mask(&w->clear[w->clear_count++]);
            st->taken++;
        } while (!statement_done(st));
    }
    s->watch_count++;
    return take_end(t, st);
}

struct step_parser {
    const struct scenario *scenario;
    struct script *text;
    struct statement *statement;
    struct step *step;
};

static bool parse_names(struct step_parser *p)
{
    struct statement *st = p->statement;
    bool watches = p->step->kind == STEP_RESET;
    do {
        const struct word *w = statement_peek(st);
        int index = !w        ? -1
                    : watches ? scenario_find_watch(p->scenario, w->text)
                              : scenario_find_flow(p->scenario, w->text);
        if (index < 0)
            return script_expected(p->text, st, watches ? "the name of a watch" : "the name of a flow");
        if (p->step->name_count == SCENARIO_STEP_NAMES)
            return script_fail(p->text, st->line, w->column, "more than %d names", SCENARIO_STEP_NAMES);
        p->step->names[p->step->name_count++] = (unsigned)index;
        st->taken++;
    } while (!statement_done(st));
    return true;
}

static bool parse_fault(struct step_parser *p)
{
    struct statement *st = p->statement;
    struct step *step = p->step;
    const struct word *w = statement_peek(st);
    int link = w ? scenario_find_link(p->scenario, w->text) : -1;
    if (link < 0)
        return script_expected(p->text, st, "the name of a link");
    st->taken++;
    step->link = (unsigned)link;
    if (step->kind == STEP_LOSSY) {
        char *end = NULL;
        w = statement_peek(st);
        step->loss = w ? strtod(w->text, &end) : -1;
        if (!end || strcmp(end, "%") != 0 || !(step->loss >= 0 && step->loss <= 100))
            return script_expected(p->text, st, "a loss from 0% to 100%");
        st->taken++;
    }
    if (step->kind == STEP_LOSSY || !statement_accept(st, "at"))
        return true;
    const struct lab_link *l = &p->scenario->links[link];
    w = statement_peek(st);
    for (unsigned e = 0; w && e < l->end_count; e++) {
        if (strcmp(p->scenario->nodes[l->ends[e].node].name, w->text) == 0) {
            step->one_end = true;
            step->end = e;
            st->taken++;
            if (step->kind == STEP_BLACKHOLE && statement_accept(st, "in"))
                step->direction = WATCH_IN;
            else if (step->kind == STEP_BLACKHOLE && statement_accept(st, "out"))
                step->direction = WATCH_OUT;
            return true;
        }
    }
    return script_expected(p->text, st, "a node at an end of that link");
}

/* NODE routing, where FRR runs in that node. */
static bool routing_accept(struct step_parser *p)
{
    const struct word *w = statement_peek(p->statement);
    int node = w ? scenario_find_node(p->scenario, w->text) : -1;
    unsigned taken = p->statement->taken;
    if (node < 0 || p->scenario->nodes[node].routing == 0)
        return false;
    p->statement->taken++;
    p->step->routing = statement_accept(p->statement, "routing");
    p->step->node = (unsigned)node;
    if (!p->step->routing)
        p->statement->taken = taken;
    return p->step->routing;
}

static bool parse_kill(struct step_parser *p)
{
    return routing_accept(p) || (take_gateway(p->text, p->statement, p->scenario, &p->step->node) &&
                                 take_role(p->text, p->statement, &p->step->role));
}

/* Without a role: all its processes. */
static bool parse_freeze(struct step_parser *p)
{
    if (!take_gateway(p->text, p->statement, p->scenario, &p->step->node))
        return false;
    p->step->role = ROLE_ANY;
    return statement_done(p->statement) || take_role(p->text, p->statement, &p->step->role);
}

static bool parse_restart(struct step_parser *p)
{
    return routing_accept(p) || take_gateway(p->text, p->statement, p->scenario, &p->step->node);
}

static bool parse_command(struct step_parser *p)
{
    const char *text;
    enum step_kind kind = p->step->kind;
    if (!(kind == STEP_CLI    ? take_gateway
          : kind == STEP_FARM ? take_farm
                              : take_node)(p->text, p->statement, p->scenario, &p->step->node) ||
        !take_word(p->text, p->statement, "the command in quotes", &text))
        return false;
    p->step->text = strdup(text);
    return true;
}

static bool parse_say(struct step_parser *p)
{
    const char *text;
    if (!take_word(p->text, p->statement, "a text in quotes", &text))
        return false;
    p->step->text = strdup(text);
    return true;
}

static bool parse_mark(struct step_parser *p)
{
    char name[SCRIPT_NAME];
    if (!take_name(p->text, p->statement, "the name of the mark", name))
        return false;
    p->step->text = strdup(name);
    return true;
}

static bool parse_judge(struct step_parser *p)
{
    return judge_parse(p->scenario, p->text, p->statement, p->step);
}

static bool parse_nothing(struct step_parser *p)
{
    (void)p;
    return true;
}

static bool parse_condition(struct step_parser *p)
{
    struct statement *st = p->statement;
    struct step *step = p->step;
    if (step->kind == STEP_WAIT && !take_keyword(p->text, st, "until"))
        return false;
    if (!condition_parse(p->scenario, p->text, st, &step->condition))
        return false;
    if (step->kind == STEP_WAIT &&
        (!take_keyword(p->text, st, "within") || !take_duration(p->text, st, &step->timeout)))
        return false;
    const char *label;
    if (statement_accept(st, "as")) {
        if (!take_word(p->text, st, "a name in quotes", &label))
            return false;
        step->label = strdup(label);
    }
    return true;
}

static const struct {
    const char *name;
    enum step_kind kind;
    bool (*parse)(struct step_parser *p);
} step_statements[] = {
    {"start", STEP_START, parse_names},
    {"stop", STEP_STOP, parse_names},
    {"reset", STEP_RESET, parse_names},
    {"cut", STEP_CUT, parse_fault},
    {"blackhole", STEP_BLACKHOLE, parse_fault},
    {"lossy", STEP_LOSSY, parse_fault},
    {"repair", STEP_REPAIR, parse_fault},
    {"kill", STEP_KILL, parse_kill},
    {"freeze", STEP_FREEZE, parse_freeze},
    {"thaw", STEP_THAW, parse_freeze},
    {"restart", STEP_RESTART, parse_restart},
    {"exec", STEP_EXEC, parse_command},
    {"cli", STEP_CLI, parse_command},
    {"farm", STEP_FARM, parse_command},
    {"say", STEP_SAY, parse_say},
    {"pause", STEP_PAUSE, parse_nothing},
    {"wait", STEP_WAIT, parse_condition},
    {"check", STEP_CHECK, parse_condition},
    {"mark", STEP_MARK, parse_mark},
    {"judge", STEP_JUDGE, parse_judge},
};

bool scenario_parse_step(const struct scenario *s, struct script *t, struct statement *st, struct step *ret)
{
    struct step step = {.line = st->line};
    struct step_parser p = {s, t, st, &step};
    if (statement_accept(st, "at"))
        step.when = WHEN_AT;
    else if (statement_accept(st, "after"))
        step.when = WHEN_AFTER;
    if (step.when != WHEN_NOW && !take_duration(t, st, &step.time))
        return false;
    unsigned first = st->taken;
    for (size_t i = 0; i < ARRAY_SIZE(step_statements); i++) {
        if (!statement_accept(st, step_statements[i].name))
            continue;
        step.kind = step_statements[i].kind;
        if (!step_statements[i].parse(&p) || !take_end(t, st)) {
            step_done(&step);
            return false;
        }
        step.source = statement_source(st, first, st->count);
        *ret = step;
        return true;
    }
    return script_expected(t, st,
                           "at, after, start, stop, reset, cut, blackhole, lossy, repair, kill, freeze, "
                           "thaw, restart, exec, cli, "
                           "farm, say, pause, wait, check, mark or judge");
}

void step_done(struct step *step)
{
    free(step->text);
    free(step->label);
    free(step->source);
    free(step->judge);
    free(step->condition.command);
    free(step->condition.path);
    free(step->condition.operand);
    free(step->condition.text);
}

/* The last step starts no flow that an earlier one, or itself, started. */
static bool started_once(const struct scenario *s, struct script *t)
{
    const struct step *last = &s->steps[s->step_count - 1];
    bool seen[SCENARIO_FLOWS] = {false};
    for (const struct step *at = s->steps; at <= last; at++) {
        for (unsigned i = 0; at->kind == STEP_START && i < at->name_count; i++) {
            if (seen[at->names[i]])
                return script_fail(t, at->line, 1, "flow %s is started already; a flow runs once",
                                   s->flows[at->names[i]].name);
            seen[at->names[i]] = true;
        }
    }
    return true;
}

bool scenario_parse_timeline(struct scenario *s, struct script *t)
{
    struct statement *st = malloc(sizeof *st);
    bool good = st != NULL;
    while (good && script_next(t, st)) {
        if (statement_accept(st, "flow")) {
            good = parse_flow(s, t, st);
        } else if (statement_accept(st, "watch")) {
            good = parse_watch(s, t, st);
        } else if (statement_accept(st, "capture")) {
            good = capture_parse(s, t, st);
        } else if (s->step_count == SCENARIO_STEPS) {
            good = script_fail(t, st->line, 1, "more than %d steps", SCENARIO_STEPS);
        } else {
            good = scenario_parse_step(s, t, st, &s->steps[s->step_count]);
            s->step_count += good;
            good = good && started_once(s, t);
            if (good && s->steps[s->step_count - 1].kind == STEP_MARK)
                good = mark_add(s, t, &s->steps[s->step_count - 1]);
        }
    }
    free(st);
    return good && !t->error[0];
}
