/* SPDX-License-Identifier: Apache-2.0 */
/* One process that the supervisor keeps running: when to start it again after it ended. Pure: time comes in.
 */
#ifndef SUPERVISOR_PROCESS_H
#define SUPERVISOR_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/time.h"
#include "supervisor/status.h"

struct process {
    const char *name;
    pid_t pid;   /* 0: not running */
    ns start_at; /* NS_NEVER: not to be started */
    ns started;  /* of the last start */
    ns delay;    /* before the next restart */
    uint32_t starts;
    ns last_exit;
    char last_reason[64];
};

/* To be started at once. */
void process_init(struct process *p, const char *name, ns now);
void process_started(struct process *p, pid_t pid, ns now);
/* `status` as waitpid gives it; `wanted`: it was told to end, so it is not started again. The first restart
 * is immediate; the next ones wait 100 ms, twice as long each time, 5 s at most, until it stayed up for 10 s.
 */
void process_ended(struct process *p, int status, bool wanted, ns now);
/* fork or exec was refused: as if it had ended at once. */
void process_failed(struct process *p, int error, ns now);
void process_describe(const struct process *p, struct supervisor_process *ret);

#endif
