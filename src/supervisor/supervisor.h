/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's loop: keeps control and engine running, passes signals on, ends them in order. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "supervisor/handover_set.h"

struct supervisor {
    const char *program; /* what is executed; with `--role control|engine` and the arguments below */
    const char *config_file;
    const char *run_directory;
    bool foreground;
    struct handover_set *handover;
    int ready_fd; /* gets one byte when control says that the configuration is in force; -1: nobody waits */
};

/* Runs until SIGTERM or SIGINT; returns the exit status. SIGTERM, SIGINT, SIGHUP and SIGCHLD must be blocked.
 */
int supervisor_run(struct supervisor *s);

#endif
