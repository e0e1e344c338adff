/* SPDX-License-Identifier: Apache-2.0 */
/* Programs inside namespaces; see process.h. */
#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/netns.h"

enum { OUTPUT_MAX = 4 << 20 };

volatile sig_atomic_t lab_stopping;

ns lab_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (ns)t.tv_sec * NS_PER_S + (ns)t.tv_nsec;
}

void lab_sleep(ns duration)
{
    struct timespec t = {(time_t)(duration / NS_PER_S), (long)(duration % NS_PER_S)};
    if (!lab_stopping)
        nanosleep(&t, NULL); /* a signal ends it early, and that is wanted */
}

/* In the child: default signals, the namespace, the program. Exit codes as the shell's. */
static void __attribute__((noreturn)) child_exec(int netns, char *const argv[], int output)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    int input = open("/dev/null", O_RDONLY);
    dup2(input, 0);
    dup2(output, 1);
    dup2(output, 2);
    int rc = netns_become(netns);
    if (rc < 0) {
        dprintf(2, "namespace: %s\n", strerror(-rc));
        _exit(126);
    }
    execvp(argv[0], argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

struct collector {
    int fd;
    char *data;
    size_t len, size;
};

/* True while more may come. */
static bool collect(struct collector *c)
{
    char buffer[4096];
    ssize_t n = read(c->fd, buffer, sizeof buffer);
    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN);
    if (c->len + (size_t)n + 1 > c->size && c->size < OUTPUT_MAX) {
        size_t size = c->size ? c->size * 2 : 8192;
        char *data = realloc(c->data, size);
        if (!data)
            return true;
        c->data = data;
        c->size = size;
    }
    if (c->len + (size_t)n + 1 <= c->size) {
        memcpy(c->data + c->len, buffer, (size_t)n);
        c->len += (size_t)n;
    }
    return true;
}

/* Until the output is closed and the child has ended. */
static int collect_until_end(struct collector *c, pid_t child, ns deadline, int *ret_status)
{
    bool open = true;
    for (;;) {
        struct pollfd p = {.fd = open ? c->fd : -1, .events = POLLIN};
        if (poll(&p, 1, 10) > 0)
            open = collect(c);
        /* A child that left a background process behind keeps the pipe open: its own end is what counts. */
        if (waitpid(child, ret_status, WNOHANG) == child) {
            fcntl(c->fd, F_SETFL, O_NONBLOCK);
            while (open && poll(&p, 1, 0) > 0)
                open = collect(c);
            return 0;
        }
        if (lab_stopping || lab_now() >= deadline) {
            kill(-child, SIGKILL);
            kill(child, SIGKILL);
            waitpid(child, ret_status, 0);
            return lab_stopping ? -EINTR : -ETIMEDOUT;
        }
    }
}

int process_run(int netns, char *const argv[], ns timeout, struct process_result *ret)
{
    int pipes[2], status = -1;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -errno;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        int rc = -errno;
        close(pipes[0]);
        close(pipes[1]);
        return rc;
    }
    if (child == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_exec(netns, argv, pipes[1]);
    }
    setpgid(child, child);
    close(pipes[1]);
    struct collector c = {.fd = pipes[0]};
    int rc = collect_until_end(&c, child, lab_now() + timeout, &status);
    close(pipes[0]);
    if (rc == 0 && !c.data)
        c.data = malloc(1);
    if (rc < 0 || !c.data) {
        free(c.data);
        return rc < 0 ? rc : -ENOMEM;
    }
    c.data[c.len] = '\0';
    *ret = (struct process_result){status, c.data};
    return 0;
}

pid_t process_start(int netns, char *const argv[], const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setsid();
        child_exec(netns, argv, fd);
    }
    int rc = child < 0 ? -errno : child;
    close(fd);
    return rc;
}

bool process_split(char *copy, char *argv[PROCESS_ARGUMENTS], unsigned count)
{
    char *rest = NULL;
    for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        if (count + 1 >= PROCESS_ARGUMENTS)
            return false;
        argv[count++] = word;
    }
    argv[count] = NULL;
    return true;
}
