/* SPDX-License-Identifier: Apache-2.0 */
/* The truth of a condition in a played scenario; see play.h. What gateways answer comes from their own
 * control process; what the answers mean is the lab's (lab/condition_value.h). */
#include <assert.h>
#include <stdlib.h>

#include "lab/condition_value.h"
#include "site/play/play.h"

uint64_t play_base(const struct play *p, const struct condition *c)
{
    return c->kind == CONDITION_RECEIVES ? traffic_report(&p->traffic, c->subject).received : 0;
}

uint64_t play_watch_count(const struct play_watch *w, unsigned kind, enum watch_direction direction)
{
    uint64_t in = w->packets[kind][1] - w->base[kind][1], out = w->packets[kind][0] - w->base[kind][0];
    return (direction == WATCH_OUT ? 0 : in) + (direction == WATCH_IN ? 0 : out);
}

static bool flow_holds(const struct play *p, const struct condition *c, char **ret_detail)
{
    struct flow_report f = traffic_report(&p->traffic, c->subject);
    /* Nobody stands still here. */
    struct stall_verdict gap = {.gap = f.longest_gap, .from = f.longest_gap_from};
    return condition_flow(c, &f, &gap, p->start, ret_detail);
}

static bool watch_holds(const struct play *p, const struct condition *c, char **ret_detail)
{
    const struct play_watch *w = &p->watches[c->subject];
    uint64_t v = play_watch_count(w, c->metric, c->direction);
    bool holds = compare_numbers((double)v, c->compare, c->number);
    bool tell = !holds && c->metric == PACKET_CLEAR && v > 0;
    *ret_detail = condition_text("%llu seen%s%s", (unsigned long long)v, tell ? ", the first of all: " : "",
                                 tell ? w->first_clear : "");
    return holds;
}

static bool command_holds(struct play *p, const struct condition *c, char **ret_detail)
{
    char *line = condition_text("%s%s", c->command, c->kind == CONDITION_JSON ? " | json" : "");
    assert(line);
    char *output = play_ask(p, c->subject, line);
    free(line);
    /* A gateway that does not answer must not satisfy `not matches`. */
    bool holds = false;
    if (!output)
        *ret_detail = condition_text("does not answer");
    else if (c->kind == CONDITION_JSON)
        holds = condition_json(c, output, ret_detail);
    else
        holds = condition_output(c, output, ret_detail);
    free(output);
    return holds;
}

static enum play_answer exec_holds(struct play *p, const struct condition *c, char **ret_detail)
{
    char *output;
    enum play_answer answer = play_exec(p, c->subject, c->command, &output);
    if (answer != PLAY_UNKNOWN && c->compare == COMPARE_OK) {
        *ret_detail = condition_text("%s", output);
        answer = (answer == PLAY_TRUE) != c->negated ? PLAY_TRUE : PLAY_FALSE;
    } else if (answer != PLAY_UNKNOWN) {
        answer = condition_output(c, output, ret_detail) ? PLAY_TRUE : PLAY_FALSE;
    } else {
        *ret_detail = condition_text("no such command in a simulated node");
    }
    free(output);
    return answer;
}

static enum play_answer running_holds(struct play *p, const struct condition *c, char **ret_detail)
{
    bool holds = play_answers(p, c->subject);
    *ret_detail = condition_text(holds ? "answers" : "does not answer");
    return holds ? PLAY_TRUE : PLAY_FALSE;
}

enum play_answer play_condition(struct play *p, const struct condition *c, uint64_t base, char **ret_detail)
{
    bool holds = false;
    switch (c->kind) {
    case CONDITION_FLOW:
        holds = flow_holds(p, c, ret_detail);
        break;
    case CONDITION_RECEIVES: {
        uint64_t now = traffic_report(&p->traffic, c->subject).received;
        *ret_detail = condition_text("%llu more received", (unsigned long long)(now - base));
        holds = now > base;
        break;
    }
    case CONDITION_WATCH:
        holds = watch_holds(p, c, ret_detail);
        break;
    case CONDITION_CLI:
    case CONDITION_JSON:
        holds = command_holds(p, c, ret_detail);
        break;
    case CONDITION_RUNNING:
        return running_holds(p, c, ret_detail);
    case CONDITION_EXEC:
        return exec_holds(p, c, ret_detail);
    case CONDITION_FARM:
        *ret_detail = condition_text("there is no farm");
        return PLAY_UNKNOWN;
    }
    return holds ? PLAY_TRUE : PLAY_FALSE;
}
