/* SPDX-License-Identifier: Apache-2.0 */
/* Restarts: at once the first time, so that a gateway is whole again before its peers notice; then ever
 * slower, so that a process that cannot live does not eat the machine. */
#include "supervisor/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const ns DELAY_MIN = 100 * NS_PER_MS, DELAY_MAX = 5 * NS_PER_S, STABLE = 10 * NS_PER_S;

void process_init(struct process *p, const char *name, ns now)
{
    *p = (struct process){.name = name, .start_at = now};
}

void process_started(struct process *p, pid_t pid, ns now)
{
    p->pid = pid;
    p->started = now;
    p->starts++;
    p->start_at = NS_NEVER;
}

static void process_schedule(struct process *p, ns now)
{
    p->pid = 0;
    p->last_exit = now;
    if (ns_since(now, p->started) >= STABLE)
        p->delay = 0;
    p->start_at = now + p->delay;
    p->delay = p->delay == 0 ? DELAY_MIN : ns_min(2 * p->delay, DELAY_MAX);
}

void process_ended(struct process *p, int status, bool wanted, ns now)
{
    if (WIFSIGNALED(status))
        snprintf(p->last_reason, sizeof p->last_reason, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(p->last_reason, sizeof p->last_reason, "exited with status %d", WEXITSTATUS(status));
    process_schedule(p, now);
    if (wanted)
        p->start_at = NS_NEVER;
}

void process_failed(struct process *p, int error, ns now)
{
    snprintf(p->last_reason, sizeof p->last_reason, "could not be started: %s", strerror(-error));
    p->started = now;
    process_schedule(p, now);
    if (p->start_at == now)
        p->start_at = now + DELAY_MIN;
}

void process_describe(const struct process *p, struct supervisor_process *ret)
{
    *ret = (struct supervisor_process){
        .pid = (int32_t)p->pid, .starts = p->starts, .started = p->started, .last_exit = p->last_exit};
    snprintf(ret->name, sizeof ret->name, "%s", p->name);
    snprintf(ret->last_reason, sizeof ret->last_reason, "%s", p->last_reason);
}
