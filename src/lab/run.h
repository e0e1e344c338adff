/* SPDX-License-Identifier: Apache-2.0 */
/* One variant of a scenario on its way: built, its timeline carried out, its checks noted, taken down. run.c
 * does it, condition.c looks at things, report.c tells. Always holds: times printed are relative to `start`,
 * when the timeline began; a check that fails never stops the timeline, a wait that fails does, and what it
 * leaves undone is noted as not reached. */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include <jansson.h>

#include "lab/canary.h"
#include "lab/fabric.h"
#include "lab/farm_node.h"
#include "lab/gateway.h"
#include "lab/probe.h"
#include "lab/recorder.h"
#include "lab/routing_node.h"
#include "lab/watch.h"

struct check {
    char *name;
    bool ok;
    char *detail;
};

enum { RUN_CHECKS = SCENARIO_STEPS + SCENARIO_NODES + 128 }; /* a judgement is several */

struct run {
    const struct scenario *scenario;
    char lab[LAB_NAME];
    bool verbose;
    struct fabric fabric;
    struct gateway gateways[SCENARIO_NODES];      /* .node NULL: not a gateway */
    struct farm_node farms[SCENARIO_NODES];       /* .node NULL: not a farm */
    struct routing_node routings[SCENARIO_NODES]; /* .node NULL: no FRR there */
    json_t *farm_answers;                         /* of the steps */
    struct probe probes[SCENARIO_FLOWS];
    struct capture captures[SCENARIO_WATCHES];
    struct recorder recorders[SCENARIO_CAPTURES];
    ns wall_start;            /* since 1970, when the captures began */
    ns marks[SCENARIO_MARKS]; /* since 1970 */
    json_t *judgements;       /* an array; NULL: none */
    struct canary canary;
    struct check checks[RUN_CHECKS];
    unsigned check_count;
    ns start;    /* of the timeline */
    char *error; /* why the run could not go on; NULL: nothing */
};

/* Builds the network and starts the gateways (not the timeline). On failure r->error says why. Used by `up`
 * too. */
bool run_build(struct run *r);
/* The timeline of r->scenario. True if all checks held and nothing failed. */
bool run_timeline(struct run *r);
/* Carries out one step outside a timeline (`lab fault`). False with r->error. */
bool run_step(struct run *r, const struct step *step);
/* Stops probes, watches and gateways, closes descriptors; namespaces are registry_remove's. */
void run_done(struct run *r);
bool run_ok(const struct run *r);
/* Prints the end of each gateway's log: after a failed run, before its folder goes. */
void run_tell_logs(const struct run *r);

/* The longest gap of a flow so far with the machine's standstills taken off. */
struct stall_verdict run_gap(const struct run *r, unsigned flow);
/* Something happens while we wait: tells standstills, silences of flows and deaths of gateways. */
void run_tick(struct run *r);
__attribute__((format(printf, 2, 3))) void run_fail(struct run *r, const char *format, ...);

/* Takes `detail`. */
void run_check_add(struct run *r, const char *name, bool ok, char *detail);

/* judge_step.c: captures of the whole timeline, keys of gateways that shall be exported, the steps. */
bool captures_start(struct run *r);
void captures_done(struct run *r);
bool keys_keep(const struct run *r, const struct gateway *g);
void keys_folder_make(const struct run *r);
void step_mark(struct run *r, const struct step *step);
void step_judge(struct run *r, const struct step *step);

/* condition.c: the truth of a condition now. `base` is the number of packets a flow had received when waiting
 * began. `detail` is to be freed. */
bool condition_holds(struct run *r, const struct condition *c, uint64_t base, char **ret_detail);
uint64_t condition_base(const struct run *r, const struct condition *c);

/* report.c */
void report_head(const struct run *r);
__attribute__((format(printf, 2, 3))) void report_event(const struct run *r, const char *format, ...);
void report_block(const char *text); /* indented lines */
void report_tables(const struct run *r);
json_t *report_json(const struct run *r);

#endif
