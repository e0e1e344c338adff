/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory that outlives a process: made by the supervisor, mapped by all. It is sparse (untouched pages
 * cost nothing), cannot shrink under a process that mapped it (no SIGBUS), and is left out of core dumps,
 * since keys are in it. */
#ifndef IO_MEMFD_H
#define IO_MEMFD_H

#include "base/bytes.h"

/* A descriptor (close on exec) of `size` zero bytes. -errno. */
int memfd_new(const char *name, size_t size) must_check;
/* Maps all of it, readable and writable. -EINVAL if it is empty. */
int memfd_map(int fd, void **ret, size_t *ret_size) must_check;
void memfd_unmap(void *p, size_t size);

#endif
