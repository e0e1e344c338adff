/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a timeline, carried out on virtual time; see play.h. What a step does, and how long the lab
 * waits in it, is what src/lab/run.c does. */
#include "site/play/play.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lab/condition_value.h"

/* What the lab needs for it: a process that asks a gateway is started and answered; a link is changed. */
static const ns ask_time = 15 * NS_PER_MS, link_time = 2 * NS_PER_MS;
static const ns flow_pause = 5 * NS_PER_MS, command_pause = 100 * NS_PER_MS, watch_pause = 100 * NS_PER_MS;

void play_fail(struct play *p, const char *format, ...)
{
    va_list args;
    if (p->error)
        return;
    va_start(args, format);
    if (vasprintf(&p->error, format, args) < 0)
        p->error = NULL;
    va_end(args);
    assert(p->error);
}

void play_tell(struct play *p, const char *who, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool paused = p->listing.paused;
    p->listing.paused = false;
    listing_add(&p->listing, site_now(&p->site), who, "%s", text);
    p->listing.paused = paused;
}

static void pause_set(struct play *p)
{
    bool running = false;
    for (unsigned i = 0; i < p->scenario->flow_count; i++)
        running |= p->traffic.flows[i].started && !p->traffic.flows[i].stopped;
    p->listing.paused = p->brief && !running;
}

void play_advance(struct play *p, ns until)
{
    site_run(&p->site, until);
    if (p->site.failed)
        play_fail(p, "%s", p->site.why);
}

void play_check_add(struct play *p, const char *name, bool ok, char *detail)
{
    if (p->check_count == PLAY_CHECKS) {
        free(detail);
        return;
    }
    p->checks[p->check_count++] = (struct play_check){strdup(name), detail ? detail : strdup(""), ok};
    if (!ok)
        play_tell(p, "--", "FAILS: %s  [%.*s]", name,
                  (int)strcspn(p->checks[p->check_count - 1].detail, "\n"),
                  p->checks[p->check_count - 1].detail);
}

void play_skip(struct play *p, const struct step *step, const char *why)
{
    p->skipped++;
    play_tell(p, "--", "left out: %s (%s)", step->source, why);
}

bool play_ok(const struct play *p)
{
    bool ok = !p->error;
    for (unsigned i = 0; i < p->check_count; i++)
        ok &= p->checks[i].ok;
    return ok;
}

char *play_ask(struct play *p, unsigned node, const char *line)
{
    struct site_node *n = p->nodes[node];
    play_advance(p, site_now(&p->site) + ask_time / 2);
    char *answer = n->ops->command ? n->ops->command(n, line) : NULL;
    /* The log's memory is the world's, not the process's. */
    if (answer && strcmp(line, "show logging") == 0 && p->logs[node].text) {
        free(answer);
        answer = strdup(p->logs[node].text);
    }
    play_advance(p, site_now(&p->site) + ask_time / 2);
    return answer;
}

/* ---- steps ---- */

static void step_start(struct play *p, const struct step *step)
{
    for (unsigned i = 0; i < step->name_count; i++) {
        const struct flow *f = &p->scenario->flows[step->names[i]];
        struct traffic_settings settings = {.from = host_of(p->nodes[f->from]),
                                            .to = host_of(p->nodes[f->to]),
                                            .source = f->source,
                                            .destination = f->destination,
                                            .rate = f->rate,
                                            .size = f->size,
                                            .tcp = f->tcp};
        if (settings.from && settings.to)
            traffic_start(&p->traffic, step->names[i], &settings);
        else
            play_fail(p, "flow %s does not run between hosts", f->name);
    }
}

static void step_stop(struct play *p, const struct step *step)
{
    for (unsigned i = 0; i < step->name_count; i++)
        traffic_stop(&p->traffic, step->names[i]);
    for (unsigned i = 0; i < step->name_count; i++) {
        while (!traffic_over(&p->traffic, step->names[i]) && !p->error)
            play_advance(p, site_now(&p->site) + NS_PER_MS);
    }
    for (unsigned i = 0; i < step->name_count; i++) {
        struct flow_report f = traffic_report(&p->traffic, step->names[i]);
        play_tell(p, "--", "stop %s: sent %llu, lost %llu, longest gap %.1f ms",
                  p->scenario->flows[step->names[i]].name, (unsigned long long)f.sent,
                  (unsigned long long)f.lost, (double)f.longest_gap / (double)NS_PER_MS);
    }
}

static void step_reset(struct play *p, const struct step *step)
{
    play_advance(p, site_now(&p->site) + 50 * NS_PER_MS);
    for (unsigned i = 0; i < step->name_count; i++) {
        struct play_watch *w = &p->watches[step->names[i]];
        memcpy(w->base, w->packets, sizeof w->base);
    }
}

static void step_fault(struct play *p, const struct step *step)
{
    static const uint8_t holes[] = {[WATCH_BOTH] = FABRIC_HOLE_IN | FABRIC_HOLE_OUT,
                                    [WATCH_IN] = FABRIC_HOLE_IN,
                                    [WATCH_OUT] = FABRIC_HOLE_OUT};
    int end = step->one_end ? (int)step->end : -1;
    if (step->kind == STEP_CUT)
        fabric_cut(&p->fabric, step->link, end);
    else if (step->kind == STEP_BLACKHOLE)
        fabric_blackhole(&p->fabric, step->link, end, holes[step->direction]);
    else if (step->kind == STEP_LOSSY)
        fabric_lossy(&p->fabric, step->link, (uint32_t)(step->loss * FABRIC_MILLION / 100 + 0.5));
    else
        fabric_repair(&p->fabric, step->link, end);
    play_advance(p, site_now(&p->site) + link_time);
}

static void step_process(struct play *p, const struct step *step)
{
    static const enum node_role roles[] = {
        [ROLE_SUPERVISOR] = NODE_SUPERVISOR, [ROLE_CONTROL] = NODE_CONTROL, [ROLE_ENGINE] = NODE_ENGINE};
    struct site_node *n = p->nodes[step->node];
    if (step->routing)
        play_skip(p, step, "there is no FRR");
    else if (step->kind == STEP_KILL)
        n->ops->kill(n, roles[step->role]);
    else if (step->role != ROLE_ANY)
        play_skip(p, step, "only a whole gateway freezes");
    else if (step->kind == STEP_FREEZE)
        n->ops->freeze(n);
    else
        n->ops->thaw(n);
}

static void step_restart(struct play *p, const struct step *step)
{
    struct site_node *n = p->nodes[step->node];
    if (step->routing) {
        play_skip(p, step, "there is no FRR");
        return;
    }
    n->ops->stop(n);
    n->ops->restart(n);
    if (play_wait_answer(p, step->node))
        play_tell(p, n->name, "answers again");
}

static void step_cli(struct play *p, const struct step *step)
{
    char *answer = play_ask(p, step->node, step->text);
    if (!answer)
        play_fail(p, "%s: %s does not answer", step->source, p->nodes[step->node]->name);
    free(answer);
}

static void step_exec(struct play *p, const struct step *step)
{
    char *output;
    enum play_answer answer = play_exec(p, step->node, step->text, &output);
    if (answer == PLAY_UNKNOWN)
        play_skip(p, step, "no such command in a simulated node");
    else if (answer == PLAY_FALSE)
        play_fail(p, "%s: %s", step->source, output);
    free(output);
}

static const char *label_of(const struct step *step)
{
    return step->label ? step->label : step->kind == STEP_WAIT ? step->source : step->condition.text;
}

static void step_wait(struct play *p, const struct step *step)
{
    const struct condition *c = &step->condition;
    bool figures = c->kind == CONDITION_FLOW || c->kind == CONDITION_RECEIVES || c->kind == CONDITION_WATCH;
    ns start = site_now(&p->site), deadline = start + step->timeout;
    uint64_t base = play_base(p, c);
    enum play_answer answer;
    char *detail;
    for (;;) {
        answer = play_condition(p, c, base, &detail);
        if (answer != PLAY_FALSE || p->error || site_now(&p->site) >= deadline)
            break;
        free(detail);
        play_advance(p, MIN(deadline, site_now(&p->site) + (figures ? flow_pause : command_pause)));
    }
    if (answer == PLAY_UNKNOWN) {
        play_skip(p, step, detail);
        free(detail);
        return;
    }
    if (answer == PLAY_FALSE)
        play_fail(p, "line %u: %s: waited in vain", step->line, step->source);
    play_check_add(p, label_of(step), answer == PLAY_TRUE, detail);
}

static void step_check(struct play *p, const struct step *step)
{
    const struct condition *c = &step->condition;
    uint64_t base = play_base(p, c);
    char *detail;
    if (c->kind == CONDITION_WATCH)
        play_advance(p, site_now(&p->site) + watch_pause);
    if (c->kind == CONDITION_RECEIVES)
        play_advance(p, site_now(&p->site) + 500 * NS_PER_MS);
    enum play_answer answer = play_condition(p, c, base, &detail);
    if (answer == PLAY_UNKNOWN) {
        play_skip(p, step, detail);
        free(detail);
        return;
    }
    play_check_add(p, label_of(step), answer == PLAY_TRUE, detail);
}

static void step_do(struct play *p, const struct step *step)
{
    switch (step->kind) {
    case STEP_START:
        step_start(p, step);
        break;
    case STEP_STOP:
        step_stop(p, step);
        break;
    case STEP_RESET:
        step_reset(p, step);
        break;
    case STEP_CUT:
    case STEP_BLACKHOLE:
    case STEP_LOSSY:
    case STEP_REPAIR:
        step_fault(p, step);
        break;
    case STEP_KILL:
    case STEP_FREEZE:
    case STEP_THAW:
        step_process(p, step);
        break;
    case STEP_RESTART:
        step_restart(p, step);
        break;
    case STEP_CLI:
        step_cli(p, step);
        break;
    case STEP_EXEC:
        step_exec(p, step);
        break;
    case STEP_WAIT:
        step_wait(p, step);
        break;
    case STEP_CHECK:
        step_check(p, step);
        break;
    case STEP_MARK:
        p->marks[step->mark] = site_now(&p->site);
        break;
    case STEP_FARM:
        play_skip(p, step, "there is no farm");
        break;
    case STEP_JUDGE:
        play_skip(p, step, "the world's ledger watches all the time");
        break;
    case STEP_SAY:
    case STEP_PAUSE:
        break;
    }
}

/* Which steps belong into the listing: what is done to the world. */
static bool step_tells(const struct step *step)
{
    switch (step->kind) {
    case STEP_CUT:
    case STEP_BLACKHOLE:
    case STEP_LOSSY:
    case STEP_REPAIR:
    case STEP_KILL:
    case STEP_FREEZE:
    case STEP_THAW:
    case STEP_RESTART:
    case STEP_CLI:
    case STEP_EXEC:
    case STEP_START:
        return true;
    default:
        return false;
    }
}

static void not_reached(struct play *p, unsigned from)
{
    for (unsigned i = from; i < p->scenario->step_count; i++) {
        const struct step *step = &p->scenario->steps[i];
        if (step->kind == STEP_CHECK || step->kind == STEP_WAIT)
            play_check_add(p, label_of(step), false, strdup("not reached"));
    }
}

bool play_run(struct play *p)
{
    const struct scenario *s = p->scenario;
    unsigned at = 0;
    p->start = p->listing.start = site_now(&p->site);
    pause_set(p);
    for (; at < s->step_count && !p->error; at++) {
        const struct step *step = &s->steps[at];
        if (step->when == WHEN_AT)
            play_advance(p, MAX(p->start + step->time, site_now(&p->site)));
        else if (step->when == WHEN_AFTER)
            play_advance(p, site_now(&p->site) + step->time);
        if (step->kind == STEP_SAY)
            play_tell(p, "#", "%s", step->text);
        else if (step_tells(step))
            play_tell(p, "--", "%s", step->source);
        if (!p->error)
            step_do(p, step);
        pause_set(p);
    }
    if (p->error)
        not_reached(p, at);
    for (unsigned i = 0; i < s->flow_count; i++)
        traffic_stop(&p->traffic, i);
    return play_ok(p);
}
