/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers for files and descriptors. */
#ifndef IO_FILES_H
#define IO_FILES_H

#include <sys/types.h>

#include "base/bytes.h"

/* The whole file in memory of its own with a NUL behind it, to be freed by the caller. -EFBIG beyond `limit`.
 */
int file_read(const char *path, size_t limit, char **ret, size_t *ret_len) must_check;
/* The same of an open descriptor, from its start (a memfd, a regular file). */
int file_read_fd(int fd, size_t limit, char **ret, size_t *ret_len) must_check;
/* Replaces `path` by `content` in one step: a reader, or a crash, sees the old file or the new one. */
int file_write(const char *path, struct bytes content, mode_t mode) must_check;
/* Writes all of it, whatever signals come. */
int file_write_all(int fd, struct bytes content) must_check;
int fd_set_nonblocking(int fd, bool on) must_check;
int fd_set_cloexec(int fd, bool on) must_check;

#endif
