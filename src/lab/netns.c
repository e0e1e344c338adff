/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces; see netns.h. */
#include "lab/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void netns_path(const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, NETNS_FOLDER "/%s", name);
}

/* The folder must be a shared mount of its own, or a namespace made here would stay busy in other mount
 * namespaces. */
static int folder_prepare(void)
{
    if (mkdir(NETNS_FOLDER, 0755) < 0 && errno != EEXIST)
        return -errno;
    if (mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    if (mount(NETNS_FOLDER, NETNS_FOLDER, "none", MS_BIND | MS_REC, NULL) < 0 ||
        mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL) < 0)
        return -errno;
    return 0;
}

int netns_create(const char *name, int *ret_fd)
{
    char path[PATH_MAX];
    int rc = folder_prepare();
    if (rc < 0)
        return rc;
    netns_path(name, path);
    int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    if (file < 0)
        return -errno;
    close(file);
    int previous = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (previous < 0 || unshare(CLONE_NEWNET) < 0) {
        rc = -errno;
        if (previous >= 0)
            close(previous);
        unlink(path);
        return rc;
    }
    rc = mount("/proc/self/ns/net", path, "none", MS_BIND, NULL) < 0 ? -errno : 0;
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0 && rc == 0)
        rc = -errno;
    netns_leave(previous);
    if (rc < 0) {
        if (fd >= 0)
            close(fd);
        netns_remove(name);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int netns_open(const char *name)
{
    char path[PATH_MAX];
    netns_path(name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

bool netns_exists(const char *name)
{
    char path[PATH_MAX];
    netns_path(name, path);
    return access(path, F_OK) == 0;
}

void netns_remove(const char *name)
{
    char path[PATH_MAX];
    netns_path(name, path);
    umount2(path, MNT_DETACH);
    unlink(path);
}

int netns_enter(int fd, int *ret_previous)
{
    int previous = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (previous < 0)
        return -errno;
    if (setns(fd, CLONE_NEWNET) < 0) {
        int rc = -errno;
        close(previous);
        return rc;
    }
    *ret_previous = previous;
    return 0;
}

void netns_leave(int previous)
{
    /* Going on in the wrong namespace could change the machine's own network. */
    if (setns(previous, CLONE_NEWNET) < 0)
        abort();
    close(previous);
}

enum { BINDS = 64 };

static struct {
    int fd;
    char source[NETNS_BIND], target[NETNS_BIND];
} binds[BINDS];
static unsigned bind_count;

void netns_bind(int fd, const char *source, const char *target)
{
    unsigned i = 0;
    while (i < bind_count && binds[i].fd != fd)
        i++;
    if (i == BINDS)
        return;
    binds[i].fd = fd;
    snprintf(binds[i].source, NETNS_BIND, "%s", source);
    snprintf(binds[i].target, NETNS_BIND, "%s", target);
    bind_count = MAX(bind_count, i + 1);
}

static int binds_mount(int fd)
{
    for (unsigned i = 0; i < bind_count; i++) {
        if (binds[i].fd != fd || access(binds[i].source, F_OK) < 0 || access(binds[i].target, F_OK) < 0)
            continue;
        if (mount(binds[i].source, binds[i].target, NULL, MS_BIND, NULL) < 0)
            return -errno;
    }
    return 0;
}

int netns_become(int fd)
{
    if (setns(fd, CLONE_NEWNET) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("", "/", "none", MS_SLAVE | MS_REC, NULL) < 0)
        return -errno;
    /* /sys/class/net shows the namespace in which sysfs was mounted. */
    umount2("/sys", MNT_DETACH);
    return mount("sysfs", "/sys", "sysfs", 0, NULL) < 0 ? -errno : binds_mount(fd);
}

static bool same_namespace(const struct stat *ns, pid_t pid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    return stat(path, &st) == 0 && st.st_ino == ns->st_ino && st.st_dev == ns->st_dev;
}

bool netns_has_process(int fd, pid_t pid)
{
    struct stat ns;
    return fstat(fd, &ns) == 0 && pid > 1 && same_namespace(&ns, pid);
}

unsigned netns_processes(int fd, pid_t *pids, unsigned size)
{
    struct stat ns;
    unsigned count = 0;
    DIR *proc = opendir("/proc");
    if (!proc || fstat(fd, &ns) < 0) {
        if (proc)
            closedir(proc);
        return 0;
    }
    for (struct dirent *e; (e = readdir(proc));) {
        char *end;
        long pid = strtol(e->d_name, &end, 10);
        if (*end || pid <= 1 || pid == getpid() || !same_namespace(&ns, (pid_t)pid))
            continue;
        if (count < size)
            pids[count] = (pid_t)pid;
        count++;
    }
    closedir(proc);
    return count;
}

bool netns_signal_all(int fd, int signal, unsigned timeout_ms)
{
    for (unsigned waited = 0;; waited += 20) {
        pid_t pids[64];
        unsigned count = netns_processes(fd, pids, ARRAY_SIZE(pids));
        if (count == 0)
            return true;
        /* Only the first round signals, except that a killer goes on until nothing new appears. */
        for (unsigned i = 0; (waited == 0 || signal == SIGKILL) && i < MIN(count, ARRAY_SIZE(pids)); i++)
            kill(pids[i], signal);
        if (waited >= timeout_ms)
            return false;
        usleep(20000);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
    }
}

int sysctl_write(const char *key, const char *value)
{
    char path[256];
    int n = snprintf(path, sizeof path, "/proc/sys/%s", key);
    if (n < 0 || n >= (int)sizeof path)
        return -ENAMETOOLONG;
    for (char *c = path + strlen("/proc/sys/"); *c; c++) {
        if (*c == '.')
            *c = '/';
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, value, strlen(value));
    int rc = written < 0 ? -errno : 0;
    close(fd);
    return rc;
}
