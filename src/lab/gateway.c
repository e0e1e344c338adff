/* SPDX-License-Identifier: Apache-2.0 */
/* holdfastd in a node; see gateway.h. */
#include "lab/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/netns.h"

static bool program_try(const char *folder, const char *name, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX && access(path, X_OK) == 0;
}

/* Installed they are in bin/ and sbin/, in a build tree at its root or in their rooms' folders. */
static bool program_find(const char *variable, const char *name, char path[PATH_MAX])
{
    static const char *const folders[] = {".", "../sbin", "../bin", "../..", "../supervisor", "../cli"};
    const char *given = getenv(variable);
    if (given && *given)
        return snprintf(path, PATH_MAX, "%s", given) < PATH_MAX && access(path, X_OK) == 0;
    char self[PATH_MAX], folder[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash && strcmp(slash + 1, name) == 0)
        return snprintf(path, PATH_MAX, "%s", self) < PATH_MAX;
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        if (snprintf(folder, sizeof folder, "%.3000s/%s", self, folders[i]) < PATH_MAX &&
            program_try(folder, name, path))
            return true;
    }
    return false;
}

bool program_holdfast(char path[PATH_MAX])
{
    return program_find("HOLDFAST", "holdfast", path);
}

bool program_holdfastd(char path[PATH_MAX])
{
    return program_find("HOLDFASTD", "holdfastd", path);
}

void gateway_init(struct gateway *g, const struct node *node, int netns, const char *lab)
{
    *g = (struct gateway){.node = node, .netns = netns};
    snprintf(g->folder, sizeof g->folder, LAB_RUN_FOLDER "/%s/%s", lab, node->name);
}

int gateway_start(struct gateway *g)
{
    char program[PATH_MAX], log[160];
    if (!program_holdfastd(program))
        return -ENOENT;
    if (mkdir(g->folder, 0700) < 0 && errno != EEXIST)
        return -errno;
    snprintf(log, sizeof log, "%s/daemon.log", g->folder);
    char *argv[] = {program, "--config", g->node->config, "--run-directory", g->folder, "--foreground", NULL};
    pid_t pid = process_start(g->netns, argv, log);
    if (pid < 0)
        return pid;
    g->pid = pid;
    g->expected_end = false;
    return 0;
}

bool gateway_ready(const struct gateway *g)
{
    char path[160];
    struct process_result r;
    snprintf(path, sizeof path, "%s/control.sock", g->folder);
    if (access(path, F_OK) < 0 || gateway_ask(g, "show version", 2 * NS_PER_S, &r) < 0)
        return false;
    free(r.output);
    return WIFEXITED(r.status) && WEXITSTATUS(r.status) == 0;
}

bool gateway_died(struct gateway *g, int *ret_status)
{
    int status;
    if (g->pid <= 0 || waitpid(g->pid, &status, WNOHANG) != g->pid)
        return false;
    g->pid = 0;
    if (g->expected_end)
        return false;
    *ret_status = status;
    return true;
}

pid_t gateway_pid(const struct gateway *g, enum role role)
{
    char path[160];
    long pid = 0;
    if (role == ROLE_SUPERVISOR && g->pid > 0)
        return netns_has_process(g->netns, g->pid) ? g->pid : 0;
    snprintf(path, sizeof path, "%s/%s.pid", g->folder, role_name(role));
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    fclose(f);
    return netns_has_process(g->netns, (pid_t)pid) ? (pid_t)pid : 0;
}

int gateway_kill(struct gateway *g, enum role role, pid_t *ret_pid)
{
    pid_t pid = gateway_pid(g, role);
    if (pid == 0)
        return -ESRCH;
    if (role == ROLE_SUPERVISOR)
        g->expected_end = true;
    if (kill(pid, SIGKILL) < 0)
        return -errno;
    /* Whoever asks next must not find it still dying. */
    for (unsigned i = 0; i < 1000 && netns_has_process(g->netns, pid); i++)
        usleep(1000);
    *ret_pid = pid;
    return 0;
}

/* What the kernel says of it: `T` is a process that stands. */
static bool process_stands(pid_t pid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    char *read = fgets(line, sizeof line, f), *end = read ? strrchr(line, ')') : NULL;
    fclose(f);
    return end && end[1] == ' ' && end[2] == 'T';
}

int gateway_freeze(const struct gateway *g, enum role role, bool freeze)
{
    int signalled = 0;
    for (unsigned i = 0; i < ROLE_ANY; i++) {
        enum role r = freeze ? i : ROLE_ANY - 1 - i;
        pid_t pid = role == ROLE_ANY || role == r ? gateway_pid(g, r) : 0;
        if (pid == 0)
            continue;
        if (kill(pid, freeze ? SIGSTOP : SIGCONT) < 0)
            return -errno;
        for (unsigned n = 0; n < 1000 && process_stands(pid) != freeze && netns_has_process(g->netns, pid);
             n++)
            usleep(1000);
        signalled++;
    }
    return signalled > 0 ? 0 : -ESRCH;
}

void gateway_stop(struct gateway *g)
{
    (void)!gateway_freeze(g, ROLE_ANY, false); /* who stands would not hear that it is to end */
    pid_t pids[ROLE_ANY];
    bool any = true;
    for (enum role r = ROLE_SUPERVISOR; r < ROLE_ANY; r++)
        pids[r] = gateway_pid(g, r);
    g->expected_end = true;
    if (pids[ROLE_SUPERVISOR])
        kill(pids[ROLE_SUPERVISOR], SIGTERM);
    for (unsigned i = 0; any && i < 260; i++) {
        any = false;
        if (g->pid > 0 && waitpid(g->pid, NULL, WNOHANG) == g->pid)
            g->pid = 0;
        for (enum role r = ROLE_SUPERVISOR; r < ROLE_ANY; r++) {
            bool alive = netns_has_process(g->netns, pids[r]);
            any |= alive;
            if (alive && (i >= 250 || !pids[ROLE_SUPERVISOR])) /* nobody tells them otherwise */
                kill(pids[r], SIGKILL);
        }
        if (any)
            usleep(20000);
    }
}

int gateway_ask(const struct gateway *g, const char *command, ns timeout, struct process_result *ret)
{
    char program[PATH_MAX];
    char *argv[PROCESS_ARGUMENTS] = {program, "-r", (char *)g->folder};
    if (!program_holdfast(program))
        return -ENOENT;
    char *copy = strdup(command);
    int rc = copy && process_split(copy, argv, 3) ? process_run(g->netns, argv, timeout, ret) : -E2BIG;
    free(copy);
    return rc;
}
