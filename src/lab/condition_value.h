/* SPDX-License-Identifier: Apache-2.0 */
/* What a condition says of something that was seen: figures of a flow, counts of a watch, output of a
 * command. Pure; the lab asks with what it measured (condition.c), the simulator with what it computed. Each
 * answer comes with a detail that shows what was seen, so that a failed check explains itself; it is to be
 * freed. */
#ifndef LAB_CONDITION_VALUE_H
#define LAB_CONDITION_VALUE_H

#include "lab/flow_stats.h"
#include "lab/scenario.h"

/* `start`: of the timeline. */
bool condition_flow(const struct condition *c, const struct flow_report *f, const struct stall_verdict *gap,
                    ns start, char **ret_detail);
/* A line of it matches the pattern, or none where that is asked. */
bool condition_output(const struct condition *c, const char *output, char **ret_detail);
bool condition_json(const struct condition *c, const char *output, char **ret_detail);
/* A detail. */
__attribute__((format(printf, 1, 2))) char *condition_text(const char *format, ...);

enum { CONDITION_OUTPUT = 3000 }; /* bytes of output in a detail */

#endif
