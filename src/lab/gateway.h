/* SPDX-License-Identifier: Apache-2.0 */
/* The holdfastd of a gateway node: start, readiness, questions, kill by role, stop. Its run directory is
 * /run/holdfast/LAB/NODE, with control.sock, ROLE.pid files (written by holdfastd) and daemon.log (ours).
 * Called by run.c, condition.c and lab.c. Always holds: a pid read from a file is only signalled if that
 * process really is in the node's namespace. */
#ifndef LAB_GATEWAY_H
#define LAB_GATEWAY_H

#include <limits.h>

#include "lab/process.h"
#include "lab/scenario.h"

#define LAB_RUN_FOLDER "/run/holdfast"

struct gateway {
    const struct node *node;
    int netns;
    char folder[128];
    pid_t pid;         /* of the supervisor if this process started it, else 0 */
    bool expected_end; /* somebody asked for it */
};

void gateway_init(struct gateway *g, const struct node *node, int netns, const char *lab);
int gateway_start(struct gateway *g) must_check;
/* Whether the control socket answers. */
bool gateway_ready(const struct gateway *g);
/* The supervisor ended although nobody asked for it: `ret_status` as of waitpid. */
bool gateway_died(struct gateway *g, int *ret_status);
/* The living process of that role, or 0. */
pid_t gateway_pid(const struct gateway *g, enum role role);
int gateway_kill(struct gateway *g, enum role role, pid_t *ret_pid) must_check;
/* SIGSTOP, or SIGCONT: the process of a role, or with ROLE_ANY all of them, the supervisor first and last, so
 * that it never sees its children stand while it runs. -ESRCH: there is none. Returns once it has happened.
 */
int gateway_freeze(const struct gateway *g, enum role role, bool freeze) must_check;
/* SIGTERM, then SIGKILL for what is left after 5 s. */
void gateway_stop(struct gateway *g);
/* The answer to a CLI line. */
int gateway_ask(const struct gateway *g, const char *command, ns timeout,
                struct process_result *ret) must_check;

/* Where the programs are: $HOLDFAST and $HOLDFASTD, else beside the running program. False if there is none.
 */
bool program_holdfast(char path[PATH_MAX]);
bool program_holdfastd(char path[PATH_MAX]);

#endif
