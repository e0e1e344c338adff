/* SPDX-License-Identifier: Apache-2.0 */
/* See farm_node.h. */
#include "lab/farm_node.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 << 10, POLL_MS = 50 };

void farm_node_init(struct farm_node *f, const struct node *node, int netns, const char *lab,
                    const char *partner)
{
    *f = (struct farm_node){.node = node, .netns = netns};
    snprintf(f->folder, sizeof f->folder, LAB_RUN_FOLDER "/%s/%s", lab, node->name);
    if (partner)
        snprintf(f->partner, sizeof f->partner, "%s.%s", lab, partner);
}

static int socket_open(const struct farm_node *f)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int n = snprintf(name.sun_path, sizeof name.sun_path, "%s/farm.sock", f->folder);

    if (n >= (int)sizeof name.sun_path)
        return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&name, sizeof name) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* Up to the end that the farm makes. */
static int answer_read(int fd, ns deadline, char *answer)
{
    size_t used = 0;

    while (used < ANSWER_MAX - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (lab_stopping)
            return -EINTR;
        if (lab_now() >= deadline)
            return -ETIMEDOUT;
        if (poll(&p, 1, POLL_MS) <= 0)
            continue;
        ssize_t n = recv(fd, answer + used, ANSWER_MAX - 1 - used, 0);
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    answer[used] = 0;
    return used && answer[used - 1] == '\n' ? 0 : -EPIPE;
}

int farm_node_ask(const struct farm_node *f, const char *command, ns timeout, char **ret_answer)
{
    char line[300];
    int n = snprintf(line, sizeof line, "%s\n", command);

    if (n >= (int)sizeof line)
        return -E2BIG;
    int fd = socket_open(f);
    if (fd < 0)
        return fd;
    char *answer = malloc(ANSWER_MAX);
    int error = answer ? 0 : -ENOMEM;
    if (!error && send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
        error = -EIO;
    if (!error)
        error = answer_read(fd, lab_now() + timeout, answer);
    close(fd);
    if (error)
        free(answer);
    else
        *ret_answer = answer;
    return error;
}

bool farm_node_died(struct farm_node *f, int *ret_status)
{
    if (f->pid <= 0 || waitpid(f->pid, ret_status, WNOHANG) != f->pid)
        return false;
    f->pid = 0;
    return true;
}

static int farm_exec(struct farm_node *f)
{
    char program[PATH_MAX], log[160], sock[160], host[ADDRESS_TEXT];
    char *argv[PROCESS_ARGUMENTS] = {program, "lab", "farm", "--socket", sock};
    unsigned count = 5;

    if (!program_holdfast(program))
        return -ENOENT;
    if (mkdir(f->folder, 0700) < 0 && errno != EEXIST)
        return -errno;
    snprintf(log, sizeof log, "%s/daemon.log", f->folder);
    snprintf(sock, sizeof sock, "%s/farm.sock", f->folder);
    if (f->partner[0]) {
        argv[count++] = "--host";
        argv[count++] = address_print(&f->node->partner.address, host);
        argv[count++] = "--host-namespace";
        argv[count++] = f->partner;
    }
    char *options = strdup(f->node->options);
    int pid = options && process_split(options, argv, count) ? process_start(f->netns, argv, log) : -E2BIG;
    free(options);
    if (pid < 0)
        return pid;
    f->pid = pid;
    return 0;
}

int farm_node_start(struct farm_node *f, ns timeout)
{
    ns deadline = lab_now() + timeout;
    int error = farm_exec(f);

    while (!error) {
        char *answer;
        int status;
        if (farm_node_died(f, &status))
            return -ECHILD;
        if (farm_node_ask(f, "status", NS_PER_S, &answer) == 0) {
            free(answer);
            return 0;
        }
        if (lab_now() > deadline)
            error = -ETIMEDOUT;
        else if (lab_stopping)
            error = -EINTR;
        else
            lab_sleep(20 * NS_PER_MS);
    }
    return error;
}

static double figure(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static void direction_print(FILE *out, const json_t *traffic, const char *name, const char *words)
{
    const json_t *way = json_object_get(traffic, name);

    if (way)
        fprintf(out, "; %s: sent %.0f, lost %.0f of %.0f spokes, longest gap of one %.1f ms, median %.1f ms",
                words, figure(way, "sent"), figure(way, "lost"), figure(way, "spokes_with_loss"),
                figure(way, "gap_max_ms"), figure(way, "gap_median_ms"));
}

char *farm_node_summary(const json_t *answer)
{
    const json_t *traffic = json_object_get(answer, "traffic");
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    fprintf(out, "%.0f of %.0f tunnels, %.0f lost", figure(answer, "up"), figure(answer, "wanted"),
            figure(answer, "lost"));
    direction_print(out, traffic, "up", "from the spokes");
    direction_print(out, traffic, "down", "to them");
    fclose(out);
    return text;
}
