/* SPDX-License-Identifier: Apache-2.0 */
/* One poll loop over a signalfd and the pair to control. It knows no protocol: when something it started
 * dies, it starts it again with the same descriptors, and what it holds for them (sockets, queues, memory)
 * makes that a pause, not a loss.
 *
 * Stopping: control first, since it says goodbye to the peers and takes back what it changed on the machine,
 * while the engine still carries traffic; then the engine. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/files.h"
#include "supervisor/process.h"

enum child { CHILD_CONTROL, CHILD_ENGINE, CHILDREN };

static const ns GOODBYE_TIME = 8 * NS_PER_S;

struct loop {
    struct supervisor *s;
    struct process self, child[CHILDREN];
    sigset_t inherited; /* the signal mask that children start with */
    int signals;
    bool stopping;
    ns kill_at; /* when what has not ended by itself is killed */
};

static void supervisor_log(struct loop *l, int severity, const char *text)
{
    struct supervisor_message m = {.type = SUPERVISOR_LOG, .severity = (uint32_t)severity};

    if (l->s->foreground)
        fprintf(stderr, "holdfastd: %s\n", text);
    else
        syslog(LOG_DAEMON | severity, "%s", text);
    snprintf(m.text, sizeof m.text, "%s", text);
    (void)!send(l->s->handover->control_pair, &m, sizeof m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void pid_write(struct loop *l, const char *name, pid_t pid)
{
    char path[512], text[32];

    if ((size_t)snprintf(path, sizeof path, "%s/%s.pid", l->s->run_directory, name) >= sizeof path)
        return;
    int len = snprintf(text, sizeof text, "%d\n", (int)pid);
    if (file_write(path, bytes_of(text, (size_t)len), 0644) != 0)
        supervisor_log(l, LOG_WARNING, "a pid file cannot be written to the run directory");
}

static void pid_remove(struct loop *l, const char *name)
{
    char path[512];

    if ((size_t)snprintf(path, sizeof path, "%s/%s.pid", l->s->run_directory, name) < sizeof path)
        unlink(path);
}

static void status_send(struct loop *l)
{
    struct supervisor_message m = {.type = SUPERVISOR_STATUS};

    process_describe(&l->self, &m.processes[0]);
    for (int i = 0; i < CHILDREN; i++)
        process_describe(&l->child[i], &m.processes[1 + i]);
    (void)!send(l->s->handover->control_pair, &m, sizeof m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- starting ---- */

static void child_run(struct loop *l, enum child which, pid_t parent)
{
    const char *role = which == CHILD_CONTROL ? "control" : "engine";
    char *const arguments[] = {
        (char *)"holdfastd",
        (char *)"--role",
        (char *)role,
        (char *)"--config",
        (char *)l->s->config_file,
        (char *)"--run-directory",
        (char *)l->s->run_directory,
        l->s->foreground ? (char *)"--foreground" : NULL,
        NULL,
    };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    handover_set_give(l->s->handover, which == CHILD_CONTROL ? HANDOVER_ROLE_CONTROL : HANDOVER_ROLE_ENGINE);
    sigprocmask(SIG_SETMASK, &l->inherited, NULL);
    execv(l->s->program, arguments);
    _exit(127);
}

static void child_start(struct loop *l, enum child which)
{
    struct process *p = &l->child[which];
    pid_t parent = getpid(), pid = fork();

    if (pid < 0) {
        process_failed(p, -errno, clock_now());
        return;
    }
    if (pid == 0)
        child_run(l, which, parent);
    process_started(p, pid, clock_now());
    pid_write(l, p->name, pid);
}

static void children_start_due(struct loop *l)
{
    bool any = false;

    for (int i = 0; i < CHILDREN; i++) {
        if (l->child[i].pid == 0 && l->child[i].start_at <= clock_now()) {
            child_start(l, (enum child)i);
            any = true;
        }
    }
    if (any)
        status_send(l);
}

/* ---- ending ---- */

static void child_signal(struct loop *l, enum child which, int signal)
{
    if (l->child[which].pid)
        kill(l->child[which].pid, signal);
}

static void children_reap(struct loop *l)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < CHILDREN; i++) {
            struct process *p = &l->child[i];
            if (p->pid != pid)
                continue;
            process_ended(p, status, l->stopping, clock_now());
            pid_remove(l, p->name);
            if (!l->stopping) {
                char text[SUPERVISOR_TEXT];
                snprintf(text, sizeof text, "%s (pid %d) %s, starting it again", p->name, (int)pid,
                         p->last_reason);
                supervisor_log(l, LOG_ERR, text);
                status_send(l);
            }
        }
    }
}

static void stop_begin(struct loop *l)
{
    if (l->stopping) {
        l->kill_at = clock_now(); /* asked twice: no patience */
        return;
    }
    l->stopping = true;
    l->kill_at = clock_now() + GOODBYE_TIME;
    for (int i = 0; i < CHILDREN; i++)
        l->child[i].start_at = NS_NEVER;
    if (l->child[CHILD_CONTROL].pid)
        child_signal(l, CHILD_CONTROL, SIGTERM);
    else
        child_signal(l, CHILD_ENGINE, SIGTERM);
}

/* Control is gone: now the engine. True when nothing is left. */
static bool stop_go_on(struct loop *l)
{
    if (l->child[CHILD_CONTROL].pid == 0)
        child_signal(l, CHILD_ENGINE, SIGTERM);
    if (clock_now() >= l->kill_at)
        for (int i = 0; i < CHILDREN; i++)
            child_signal(l, (enum child)i, SIGKILL);
    return l->child[CHILD_CONTROL].pid == 0 && l->child[CHILD_ENGINE].pid == 0;
}

/* ---- the loop ---- */

static void signals_read(struct loop *l)
{
    struct signalfd_siginfo info;

    while (read(l->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            child_signal(l, CHILD_CONTROL, SIGHUP);
        else if (info.ssi_signo != SIGCHLD)
            stop_begin(l);
    }
    children_reap(l);
}

static void control_read(struct loop *l)
{
    struct supervisor_message m;

    while (recv(l->s->handover->control_pair, &m, sizeof m, MSG_DONTWAIT) == (ssize_t)sizeof m) {
        if (m.type == SUPERVISOR_READY && l->s->ready_fd >= 0) {
            (void)!write(l->s->ready_fd, "", 1);
            close(l->s->ready_fd);
            l->s->ready_fd = -1;
        }
    }
}

static int wait_ms(const struct loop *l)
{
    ns now = clock_now(), next = l->stopping ? l->kill_at : NS_NEVER;

    for (int i = 0; i < CHILDREN; i++)
        if (l->child[i].pid == 0)
            next = ns_min(next, l->child[i].start_at);
    if (next == NS_NEVER)
        return -1;
    return (int)ns_min((ns_since(next, now) + NS_PER_MS - 1) / NS_PER_MS, 60000);
}

int supervisor_run(struct supervisor *s)
{
    struct loop l = {.s = s};
    sigset_t mask;
    ns now = clock_now();

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, NULL, &l.inherited);
    for (int signal = 1; signal < 32; signal++)
        if (sigismember(&mask, signal) == 1)
            sigdelset(&l.inherited, signal);
    l.signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l.signals < 0)
        return 1;
    process_init(&l.self, "supervisor", now);
    process_started(&l.self, getpid(), now);
    process_init(&l.child[CHILD_CONTROL], "control", now);
    process_init(&l.child[CHILD_ENGINE], "engine", now);
    pid_write(&l, "supervisor", getpid());

    for (;;) {
        children_start_due(&l);
        struct pollfd fds[2] = {{.fd = l.signals, .events = POLLIN},
                                {.fd = s->handover->control_pair, .events = POLLIN}};
        if (poll(fds, 2, wait_ms(&l)) < 0 && errno != EINTR)
            break;
        signals_read(&l);
        control_read(&l);
        if (l.stopping && stop_go_on(&l))
            break;
    }
    close(l.signals);
    pid_remove(&l, "supervisor");
    return 0;
}
