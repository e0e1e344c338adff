/* SPDX-License-Identifier: Apache-2.0 */
/* What a farm can be told, one line each, and its answers, one line of JSON each (docs/lab.md):
 *
 *     up N             there shall be N tunnels; the answer comes when there are, or after the timeout
 *     want N           the same, answered at once
 *     traffic start [--spokes N] [--rate R] [--size B] [--direction up|down|both]
 *     traffic stop     answered when all that was sent has arrived, or a second later
 *     reset            every count begins at 0 again; traffic goes on
 *     status
 */
#ifndef FARM_COMMAND_H
#define FARM_COMMAND_H

#include <signal.h>

#include "farm/farm.h"

struct command_context {
    struct farm *farm;
    ns timeout;                  /* of `up` */
    volatile sig_atomic_t *stop; /* set by a signal: answer now */
};

/* The answer, to be freed, with its end of line; NULL: no memory. The farm is turned meanwhile. */
char *command_run(struct command_context *c, const char *line);

/* The words of `traffic start` behind these two. NULL or what is wrong. */
const char *command_traffic_parse(char *words, struct farm_traffic_options *ret);

#endif
