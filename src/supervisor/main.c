/* SPDX-License-Identifier: Apache-2.0 */
/* holdfastd: one file for the three kinds of process of a gateway. Started by an administrator it is the
 * supervisor: it has the configuration checked in a process of its own, opens what must survive, and starts
 * control and engine. A failure before that is one line on standard error; exit status 2: the configuration
 * cannot be used, 1: anything else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "control/control_main.h"
#include "engine/engine.h"
#include "supervisor/options.h"
#include "supervisor/supervisor.h"

/* No key may end up in a core file, and no other process of this user may look into ours. */
static void secrets_protect(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

/* In a child of its own: reading a configuration leaves its keys in memory that is never given back. */
static int config_check_apart(const struct options *o)
{
    int status;
    pid_t pid = fork();

    if (pid < 0) {
        fprintf(stderr, "holdfastd: cannot start a process: %s\n", strerror(errno));
        return 1;
    }
    if (pid == 0) {
        int exit_status = control_check(o->config_file, o->check);
        fflush(NULL);
        _exit(exit_status);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "holdfastd: reading the configuration was ended by signal %d\n", WTERMSIG(status));
        return 1;
    }
    return WEXITSTATUS(status);
}

/* The lock says whether another supervisor uses this directory; it ends with the process. */
static int run_directory_take(const char *path)
{
    char lock[512];

    if (mkdir(path, 0755) < 0 && errno != EEXIST) {
        fprintf(stderr, "holdfastd: cannot make the run directory %s: %s\n", path, strerror(errno));
        return -1;
    }
    if ((size_t)snprintf(lock, sizeof lock, "%s/lock", path) >= sizeof lock) {
        fprintf(stderr, "holdfastd: the path of the run directory is too long\n");
        return -1;
    }
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        fprintf(stderr, "holdfastd: cannot write to the run directory %s: %s\n", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fprintf(stderr, "holdfastd: another holdfastd uses the run directory %s\n", path);
        close(fd);
        return -1;
    }
    return fd;
}

/* Goes to the background. The first process waits until the gateway is ready and then exits; false in it,
 * with its exit status. */
static bool daemonize(int *ret_ready_fd, int *ret_status)
{
    int ends[2], null;
    char byte;

    *ret_status = 1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid > 0) {
        close(ends[1]);
        if (read(ends[0], &byte, 1) == 1)
            *ret_status = 0;
        else
            fprintf(stderr, "holdfastd: the gateway did not start, the log says why\n");
        return false;
    }
    close(ends[0]);
    setsid();
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    *ret_ready_fd = ends[1];
    return true;
}

static void signals_block(void)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int supervise(const struct options *o)
{
    struct handover_set handover;
    char error[HANDOVER_ERROR_TEXT], run_directory[4096], config_file[4096];
    struct supervisor s = {
        .program = "/proc/self/exe", .foreground = o->foreground, .handover = &handover, .ready_fd = -1};
    int status, lock = run_directory_take(o->run_directory);

    if (lock < 0)
        return 1;
    if (!realpath(o->run_directory, run_directory) || !realpath(o->config_file, config_file)) {
        fprintf(stderr, "holdfastd: %s: %s\n", o->config_file, strerror(errno));
        return 1;
    }
    s.run_directory = run_directory;
    s.config_file = config_file;
    if (handover_set_open(&handover, run_directory, error) != 0) {
        fprintf(stderr, "holdfastd: %s\n", error);
        return 1;
    }
    if (!o->foreground && !daemonize(&s.ready_fd, &status))
        return status;
    if (chdir("/") < 0)
        fprintf(stderr, "holdfastd: cannot change to /: %s\n", strerror(errno));
    signals_block();
    status = supervisor_run(&s);
    handover_set_close(&handover, run_directory);
    close(lock);
    return status;
}

int main(int argc, char **argv)
{
    struct options o;
    char error[256];

    if (!options_parse(argc, argv, &o, error)) {
        fprintf(stderr, "holdfastd: %s\n%s", error, options_usage());
        return 1;
    }
    if (o.help || o.version) {
        fputs(o.help ? options_usage() : "holdfastd " HOLDFAST_VERSION "\n", stdout);
        return 0;
    }
    secrets_protect();
    if (o.role == ROLE_CONTROL ||
        o.role == ROLE_ENGINE) /* started through /proc/self/exe, which ps would show */
        prctl(PR_SET_NAME, o.role == ROLE_CONTROL ? "holdfastd-ctl" : "holdfastd-eng");
    if (o.role == ROLE_CONTROL)
        return control_main(o.config_file, o.run_directory, o.foreground);
    if (o.role == ROLE_ENGINE)
        return engine_main();
    int status = config_check_apart(&o);
    return status != 0 || o.check ? status : supervise(&o);
}
