/* SPDX-License-Identifier: Apache-2.0 */
/* See files.h. */
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read_fd(int fd, size_t limit, char **ret, size_t *ret_len)
{
    size_t size = 4096, len = 0;
    char *data = malloc(size + 1);
    if (!data)
        return -ENOMEM;
    for (;;) {
        ssize_t n = pread(fd, data + len, size - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int e = errno;
            free(data);
            return -e;
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > limit) {
            free(data);
            return -EFBIG;
        }
        if (len < size)
            continue;
        char *bigger = realloc(data, size * 2 + 1);
        if (!bigger) {
            free(data);
            return -ENOMEM;
        }
        data = bigger;
        size *= 2;
    }
    data[len] = 0;
    *ret = data;
    *ret_len = len;
    return 0;
}

int file_read(const char *path, size_t limit, char **ret, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = file_read_fd(fd, limit, ret, ret_len);
    close(fd);
    return r;
}

int file_write_all(int fd, struct bytes content)
{
    while (content.len) {
        ssize_t n = write(fd, content.data, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        content.data += n;
        content.len -= (size_t)n;
    }
    return 0;
}

int file_write(const char *path, struct bytes content, mode_t mode)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(temporary))
        return -ENAMETOOLONG;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = file_write_all(fd, content);
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(temporary);
    return r;
}

static int flag_set(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);
    if (flags < 0)
        return -errno;
    return fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0 ? -errno : 0;
}

int fd_set_nonblocking(int fd, bool on)
{
    return flag_set(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int fd_set_cloexec(int fd, bool on)
{
    return flag_set(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}
