/* SPDX-License-Identifier: Apache-2.0 */
/* See routing_node.h. FRR gives up root for its own user, to whom the folder belongs; its files are not
 * trusted: a pid read from one is only signalled if that process is in the node's namespace. */
#include "lab/routing_node.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/netns.h"

#define FRR_PROGRAMS "/usr/lib/frr"
#define FRR_RUN      "/run/frr"

static const struct {
    const char *name;
    uint8_t mask;
} daemons[] = {{"zebra", NODE_ROUTING_OSPF | NODE_ROUTING_EIGRP},
               {"ospfd", NODE_ROUTING_OSPF},
               {"eigrpd", NODE_ROUTING_EIGRP}};

void routing_node_bind(int netns, const char *lab, const char *node)
{
    char folder[NETNS_BIND];

    snprintf(folder, sizeof folder, LAB_RUN_FOLDER "/%.40s/%.40s/frr", lab, node);
    netns_bind(netns, folder, FRR_RUN);
}

void routing_node_init(struct routing_node *f, const struct node *node, int netns, const char *lab)
{
    *f = (struct routing_node){.node = node, .netns = netns};
    snprintf(f->folder, sizeof f->folder, LAB_RUN_FOLDER "/%.40s/%.40s", lab, node->name);
    routing_node_bind(netns, lab, node->name);
}

static pid_t daemon_pid(const struct routing_node *f, const char *name)
{
    char path[200];
    long pid = 0;

    snprintf(path, sizeof path, "%s/frr/%s.pid", f->folder, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld", &pid) != 1)
        pid = 0;
    fclose(file);
    return pid > 1 && netns_has_process(f->netns, (pid_t)pid) ? (pid_t)pid : 0;
}

static int folder_make(const struct routing_node *f)
{
    const struct passwd *user = getpwnam("frr");
    char path[200];

    if (!user || access(FRR_PROGRAMS "/zebra", X_OK) < 0)
        return -ENOENT;
    snprintf(path, sizeof path, "%s/frr", f->folder);
    if ((mkdir(FRR_RUN, 0755) < 0 && errno != EEXIST) || (mkdir(f->folder, 0700) < 0 && errno != EEXIST) ||
        (mkdir(path, 0755) < 0 && errno != EEXIST) || chown(path, user->pw_uid, user->pw_gid) < 0)
        return -errno;
    return 0;
}

static int daemon_start(const struct routing_node *f, const char *name)
{
    char program[64], log[200], sock[200];
    char *argv[] = {program, "-f", "/dev/null", "-P", "0", "--log", "stdout", NULL};

    snprintf(program, sizeof program, FRR_PROGRAMS "/%s", name);
    snprintf(log, sizeof log, "%s/%s.log", f->folder, name);
    snprintf(sock, sizeof sock, "%s/frr/%s.vty", f->folder, name);
    unlink(sock); /* of one that was killed */
    pid_t pid = process_start(f->netns, argv, log);
    return pid < 0 ? pid : 0;
}

static int ask(const struct routing_node *f, const char *daemon, const char *option, const char *argument,
               char **ret)
{
    char *argv[] = {"vtysh", (char *)option, (char *)argument, daemon ? "-d" : NULL, (char *)daemon, NULL};
    struct process_result result;
    int error = process_run(f->netns, argv, 30 * NS_PER_S, &result);

    if (error)
        return error;
    bool good = WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0;
    if (ret && !good)
        *ret = result.output;
    else
        free(result.output);
    return good ? 0 : -EPROTO;
}

static int daemon_wait(const struct routing_node *f, const char *name, ns deadline)
{
    while (daemon_pid(f, name) == 0 || ask(f, name, "-c", "show version", NULL) != 0) {
        if (lab_stopping)
            return -EINTR;
        if (lab_now() > deadline)
            return -ETIMEDOUT;
        lab_sleep(20 * NS_PER_MS);
    }
    return 0;
}

int routing_node_start(struct routing_node *f, ns timeout, char **ret_output)
{
    ns deadline = lab_now() + timeout;
    int error = folder_make(f);

    *ret_output = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(daemons) && !error; i++) {
        if (!(f->node->routing & daemons[i].mask) || daemon_pid(f, daemons[i].name))
            continue;
        error = daemon_start(f, daemons[i].name);
        if (!error)
            error = daemon_wait(f, daemons[i].name, deadline);
    }
    if (!error && f->node->kind == NODE_ROUTER)
        error = ask(f, NULL, "-f", f->node->config, ret_output);
    return error;
}

unsigned routing_node_kill(const struct routing_node *f)
{
    unsigned count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(daemons); i++) {
        pid_t pid = daemon_pid(f, daemons[i].name);
        if (pid == 0)
            continue;
        kill(pid, SIGKILL);
        for (unsigned n = 0; n < 1000 && netns_has_process(f->netns, pid); n++) {
            waitpid(pid, NULL, WNOHANG); /* where it is a child of ours */
            usleep(1000);
        }
        count++;
    }
    return count;
}
