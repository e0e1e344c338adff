/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of timeline.lab that record and judge: `capture`, `mark` and `judge`. */
#include <stdlib.h>

#include "judge/judge.h"
#include "lab/timeline.h"

_Static_assert((int)SCENARIO_CAPTURES <= (int)JUDGE_CAPTURES && (int)SCENARIO_MARKS <= (int)JUDGE_WINDOWS &&
                   (int)SCENARIO_WATCH_PREFIXES <= (int)JUDGE_PREFIXES,
               "the judge takes what the language can say");

bool capture_parse(struct scenario *s, struct script *t, struct statement *st)
{
    if (s->capture_count == SCENARIO_CAPTURES)
        return script_fail(t, st->line, 1, "more than %d captures", SCENARIO_CAPTURES);
    if (s->step_count > 0)
        return script_fail(t, st->line, st->words[0].column, "captures stand above the steps");
    struct lab_capture *c = &s->captures[s->capture_count];
    unsigned column = statement_peek(st) ? statement_peek(st)->column : st->end;
    if (!take_name(t, st, "the name of the capture", c->name))
        return false;
    if (scenario_find_capture(s, c->name) >= 0)
        return script_fail(t, st->line, column, "a capture named %s is there already", c->name);
    if (!take_link_end(t, st, s, &c->link, &c->end))
        return false;
    s->capture_count++;
    return take_end(t, st);
}

bool mark_add(struct scenario *s, struct script *t, struct step *step)
{
    if (scenario_find_mark(s, step->text) >= 0)
        return script_fail(t, step->line, 1, "a mark named %s is there already", step->text);
    if (s->mark_count == SCENARIO_MARKS)
        return script_fail(t, step->line, 1, "more than %d marks", SCENARIO_MARKS);
    step->mark = s->mark_count;
    strcpy(s->marks[s->mark_count++], step->text); /* a name: it fits */
    return true;
}

static const char *const clauses[] = {"links", "inside", "replays",   "clear", "quiet-from",
                                      "until", "least",  "delivered", "as"};

/* Whether a list of names ends here. */
static bool clause_begins(const struct statement *st)
{
    const struct word *w = statement_peek(st);
    for (size_t i = 0; w && !w->quoted && i < ARRAY_SIZE(clauses); i++) {
        if (strcmp(clauses[i], w->text) == 0)
            return true;
    }
    return !w;
}

struct judge_parser {
    const struct scenario *scenario;
    struct script *text;
    struct statement *statement;
    struct judge_plan *plan;
};

static bool parse_captures(struct judge_parser *p, enum judge_role role)
{
    struct judge_plan *plan = p->plan;
    struct statement *st = p->statement;
    if (role == JUDGE_INSIDE && plan->groups == JUDGE_GROUPS)
        return script_fail(p->text, st->line, st->words[0].column, "more than %d insides", JUDGE_GROUPS);
    do {
        const struct word *w = statement_peek(st);
        int index = w ? scenario_find_capture(p->scenario, w->text) : -1;
        if (index < 0)
            return script_expected(p->text, st, "the name of a capture");
        for (unsigned i = 0; i < plan->capture_count; i++) {
            if (plan->captures[i].capture == (unsigned)index)
                return script_fail(p->text, st->line, w->column, "%s is judged already", w->text);
        }
        plan->captures[plan->capture_count].capture = (unsigned)index;
        plan->captures[plan->capture_count].role = (uint8_t)role;
        plan->captures[plan->capture_count++].group = plan->groups;
        st->taken++;
    } while (!clause_begins(st));
    plan->groups += role == JUDGE_INSIDE;
    return true;
}

static bool parse_clear(struct judge_parser *p)
{
    struct judge_plan *plan = p->plan;
    do {
        const struct word *w = statement_peek(p->statement);
        if (plan->clear_count == SCENARIO_WATCH_PREFIXES)
            return script_fail(p->text, p->statement->line, p->statement->words[0].column,
                               "more than %d prefixes", SCENARIO_WATCH_PREFIXES);
        if (!w || !script_prefix(w->text, &plan->clear[plan->clear_count]))
            return script_expected(p->text, p->statement, "a prefix that must not be seen in clear");
        prefix_mask(&plan->clear[plan->clear_count++]);
        p->statement->taken++;
    } while (!clause_begins(p->statement));
    return true;
}

static bool take_mark(struct judge_parser *p, unsigned *ret)
{
    const struct word *w = statement_peek(p->statement);
    int index = w ? scenario_find_mark(p->scenario, w->text) : -1;
    if (index < 0)
        return script_expected(p->text, p->statement, "the name of a mark above this line");
    p->statement->taken++;
    *ret = (unsigned)index;
    return true;
}

static bool parse_quiet(struct judge_parser *p)
{
    struct judge_plan *plan = p->plan;
    unsigned until;
    if (plan->quiet_count == SCENARIO_MARKS)
        return script_fail(p->text, p->statement->line, p->statement->words[0].column,
                           "more than %d quiet times", SCENARIO_MARKS);
    if (!take_mark(p, &plan->quiet[plan->quiet_count].from))
        return false;
    plan->quiet[plan->quiet_count].until = -1;
    if (statement_accept(p->statement, "until")) {
        if (!take_mark(p, &until))
            return false;
        plan->quiet[plan->quiet_count].until = (int)until;
    }
    plan->quiet_count++;
    return true;
}

static bool parse_clause(struct judge_parser *p, struct step *step)
{
    struct statement *st = p->statement;
    const char *label;
    if (statement_accept(st, "links"))
        return parse_captures(p, JUDGE_LINK);
    if (statement_accept(st, "replays"))
        return parse_captures(p, JUDGE_REPLAYS);
    if (statement_accept(st, "inside"))
        return parse_captures(p, JUDGE_INSIDE);
    if (statement_accept(st, "clear"))
        return parse_clear(p);
    if (statement_accept(st, "quiet-from"))
        return parse_quiet(p);
    if (statement_accept(st, "least"))
        return take_number(p->text, st, "how many IPsec packets", 1, UINT32_MAX, &p->plan->least);
    if (statement_accept(st, "delivered"))
        return take_number(p->text, st, "how many inner packets", 1, UINT32_MAX, &p->plan->delivered);
    if (statement_accept(st, "as")) {
        if (!take_word(p->text, st, "a name in quotes", &label))
            return false;
        free(step->label);
        step->label = strdup(label);
        return true;
    }
    return script_expected(p->text, st, "links, inside, replays, clear, quiet-from, least, delivered or as");
}

bool judge_parse(const struct scenario *s, struct script *t, struct statement *st, struct step *step)
{
    step->judge = calloc(1, sizeof *step->judge);
    struct judge_parser p = {s, t, st, step->judge};
    bool links = false;
    if (!step->judge)
        return script_fail(t, st->line, 1, "out of memory");
    do {
        if (!parse_clause(&p, step))
            return false;
    } while (!statement_done(st));
    for (unsigned i = 0; i < step->judge->capture_count; i++)
        links |= step->judge->captures[i].role == JUDGE_LINK;
    return links || script_fail(t, st->line, st->words[0].column, "expected `links` with all outside links");
}
