/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that notice when the machine stands still; see canary.h. */
#include "lab/canary.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/process.h"

enum { URGENT_PRIORITY = 50 };

static const struct {
    ns period, notice;
} canary_pace[CANARY_KINDS] = {
    [CANARY_URGENT] = {NS_PER_MS, 2 * NS_PER_MS},
    [CANARY_ORDINARY] = {4 * NS_PER_MS, 4 * NS_PER_MS},
    [CANARY_KERNEL] = {10 * NS_PER_MS, 4 * NS_PER_MS},
};

static const ns canary_tell = 50 * NS_PER_MS;

/* A socket in a network namespace of our own, or -1. */
static int kernel_open(void)
{
    return unshare(CLONE_NEWNET) < 0 ? -1 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* How long the kernel lets us wait for its network configuration. */
static void kernel_ask(struct stall_log *l, int fd)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_LOOPBACK};
    ns before = lab_now();
    if (ioctl(fd, SIOCSIFFLAGS, &lo) == 0)
        stall_note(l, before, lab_now(), canary_pace[CANARY_KERNEL].notice);
}

static void __attribute__((noreturn))
canary_main(struct canary_shared *s, enum canary_kind kind, unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1UL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    mlockall(MCL_CURRENT); /* a page fault would be its own delay */
    s->refused = kind != CANARY_KERNEL && sched_setaffinity(0, sizeof set, &set) < 0;
    if (kind == CANARY_URGENT)
        s->refused |=
            sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = URGENT_PRIORITY}) < 0;
    int fd = kind == CANARY_KERNEL ? kernel_open() : -1;
    s->refused |= kind == CANARY_KERNEL && fd < 0;
    s->ready = true;
    for (ns due = lab_now() + canary_pace[kind].period;; due += canary_pace[kind].period) {
        struct timespec t = {(time_t)(due / NS_PER_S), (long)(due % NS_PER_S)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
            continue;
        if (kind == CANARY_KERNEL)
            kernel_ask(&s->log, fd);
        ns now = lab_now();
        if (kind != CANARY_KERNEL)
            stall_note(&s->log, due, now, canary_pace[kind].notice);
        /* What was missed is one stall, not many. */
        if (ns_since(now, due) >= canary_pace[kind].period)
            due = now;
    }
}

static int canary_fork(struct canary *c, enum canary_kind kind, unsigned index)
{
    struct canary_shared *s = &c->shared[kind][index];
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        canary_main(s, kind, c->cpu[index]);
    c->pids[kind][index] = pid;
    for (unsigned i = 0; i < 5000 && !s->ready; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            c->pids[kind][index] = 0;
            return -EIO;
        }
        usleep(1000);
    }
    return s->ready ? 0 : -ETIMEDOUT;
}

int canary_start(struct canary *c)
{
    cpu_set_t set;
    int rc = 0;
    *c = (struct canary){0};
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return -errno;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && c->count < CANARY_CPUS; cpu++)
        if (CPU_ISSET(cpu, &set))
            c->cpu[c->count++] = cpu;
    for (enum canary_kind k = 0; k < CANARY_KINDS && rc == 0; k++) {
        void *shared = mmap(NULL, c->count * sizeof *c->shared[k], PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        rc = shared == MAP_FAILED ? -ENOMEM : 0;
        c->shared[k] = rc == 0 ? shared : NULL;
        for (unsigned i = 0; i < (k == CANARY_KERNEL ? 1 : c->count) && rc == 0; i++)
            rc = canary_fork(c, k, i);
    }
    if (rc < 0)
        canary_done(c);
    return rc;
}

void canary_done(struct canary *c)
{
    for (enum canary_kind k = 0; k < CANARY_KINDS; k++) {
        for (unsigned i = 0; i < c->count; i++) {
            if (c->pids[k][i] <= 0)
                continue;
            kill(c->pids[k][i], SIGKILL);
            waitpid(c->pids[k][i], NULL, 0);
        }
        if (c->shared[k])
            munmap(c->shared[k], c->count * sizeof *c->shared[k]);
    }
    *c = (struct canary){0};
}

size_t canary_logs(const struct canary *c, const struct stall_log *ret[CANARY_CPUS])
{
    unsigned count = c->shared[CANARY_URGENT] ? c->count : 0;
    for (unsigned i = 0; i < count; i++)
        ret[i] = &c->shared[CANARY_URGENT][i].log;
    return count;
}

bool canary_refused(const struct canary *c)
{
    bool refused = false;
    for (unsigned i = 0; c->shared[CANARY_URGENT] && i < c->count; i++)
        refused |= c->shared[CANARY_URGENT][i].refused;
    return refused;
}

bool canary_stall(struct canary *c, struct stall_span *ret, unsigned *ret_cpu)
{
    for (unsigned i = 0; c->shared[CANARY_URGENT] && i < c->count; i++) {
        const struct stall_log *l = &c->shared[CANARY_URGENT][i].log;
        while (c->told[i] < l->count) {
            const struct stall_span *e = &l->entries[c->told[i]++];
            if (e->until - e->from < canary_tell)
                continue;
            *ret = *e;
            *ret_cpu = c->cpu[i];
            return true;
        }
    }
    return false;
}
