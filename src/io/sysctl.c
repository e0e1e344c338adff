/* SPDX-License-Identifier: Apache-2.0 */
/* See sysctl.h: /proc/sys as files. */
#include "io/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int sysctl_open(const char *name, int flags)
{
    char path[SYSCTL_NAME_MAX + 16];
    int len = snprintf(path, sizeof(path), "/proc/sys/%s", name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    if (strstr(name, ".."))
        return -EINVAL;
    int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int sysctl_set(const char *name, long value)
{
    int fd = sysctl_open(name, O_WRONLY);
    if (fd < 0)
        return fd;
    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", value);
    int r = write(fd, text, (size_t)len) == len ? 0 : -errno;
    close(fd);
    return r;
}

int sysctl_get(const char *name, long *ret)
{
    int fd = sysctl_open(name, O_RDONLY);
    if (fd < 0)
        return fd;
    char text[64];
    ssize_t n = read(fd, text, sizeof(text) - 1);
    int e = errno;
    close(fd);
    if (n < 0)
        return -e;
    text[n] = 0;
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text)
        return -EINVAL;
    *ret = value;
    return 0;
}

static int interface_name(char out[SYSCTL_NAME_MAX], const char *family, const char *interface,
                          const char *name)
{
    if (strchr(interface, '/'))
        return -EINVAL;
    int len = snprintf(out, SYSCTL_NAME_MAX, "net/%s/conf/%s/%s", family, interface, name);
    return len < 0 || len >= SYSCTL_NAME_MAX ? -ENAMETOOLONG : 0;
}

int sysctl_interface_set(const char *family, const char *interface, const char *name, long value)
{
    char path[SYSCTL_NAME_MAX];
    int r = interface_name(path, family, interface, name);
    return r < 0 ? r : sysctl_set(path, value);
}

int sysctl_interface_get(const char *family, const char *interface, const char *name, long *ret)
{
    char path[SYSCTL_NAME_MAX];
    int r = interface_name(path, family, interface, name);
    return r < 0 ? r : sysctl_get(path, ret);
}

int sysctl_tun_prepare(const char *interface)
{
    int r = sysctl_interface_set("ipv4", interface, "accept_local", 1);
    if (r == 0)
        r = sysctl_interface_set("ipv4", interface, "rp_filter", 0);
    if (r == 0)
        r = sysctl_interface_set("ipv4", interface, "send_redirects", 0);
    if (r < 0)
        return r;
    /* The kernel takes the larger of `all` and the device. */
    long all;
    r = sysctl_interface_get("ipv4", "all", "rp_filter", &all);
    if (r == 0 && all == 1)
        return -EPERM;
    return r;
}
