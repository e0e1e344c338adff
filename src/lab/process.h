/* SPDX-License-Identifier: Apache-2.0 */
/* Programs in a node's namespace: one that is waited for with its output, one that runs on. Called by
 * gateway.c, condition.c and lab.c. Also the lab's stop flag: set by SIGINT, SIGTERM and SIGHUP, looked at by
 * everything that waits. */
#ifndef LAB_PROCESS_H
#define LAB_PROCESS_H

#include <signal.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/time.h"

enum { PROCESS_ARGUMENTS = 64 };

extern volatile sig_atomic_t lab_stopping;

struct process_result {
    int status;   /* as of waitpid; -1: ended by us after the timeout */
    char *output; /* both streams, to be freed; never NULL */
};

/* Runs to its end and collects at most 4 MiB of output. -ETIMEDOUT and -EINTR (lab_stopping) leave no process
 * and no result behind. */
int process_run(int netns, char *const argv[], ns timeout, struct process_result *ret) must_check;
/* Starts a daemon of its own session with both streams appended to `log`. Returns the pid or a negative
 * errno. */
pid_t process_start(int netns, char *const argv[], const char *log) must_check;
/* Splits at blanks into argv after the `count` words already there; `copy` is cut up. False if there are too
 * many. */
bool process_split(char *copy, char *argv[PROCESS_ARGUMENTS], unsigned count);

ns lab_now(void); /* the monotonic clock */
/* Sleeps, less if lab_stopping. */
void lab_sleep(ns duration);

#endif
