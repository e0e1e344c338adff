/* SPDX-License-Identifier: Apache-2.0 */
/* Named network namespaces, as `ip netns` knows them: a file below /run/netns on which the namespace is
 * mounted. Used by fabric.c to build, by process.c and the probes to enter, by registry.c to tear down.
 * Always holds: the calling process has one thread, so entering and leaving concerns nobody else. */
#ifndef LAB_NETNS_H
#define LAB_NETNS_H

#include <signal.h>
#include <sys/types.h>

#include "base/bytes.h"

#define NETNS_FOLDER "/run/netns"

/* Makes a namespace; -EEXIST if one of that name is there. `ret_fd` (close-on-exec) refers to it. */
int netns_create(const char *name, int *ret_fd) must_check;
int netns_open(const char *name) must_check; /* a descriptor or negative errno */
bool netns_exists(const char *name);
/* Unmounts and unlinks; processes inside keep it alive until they end. */
void netns_remove(const char *name);

/* `ret_previous` is to be given to netns_leave. */
int netns_enter(int fd, int *ret_previous) must_check;
void netns_leave(int previous);
/* For a child about to exec: enters for good, with a /sys of that namespace, and what netns_bind said. */
int netns_become(int fd) must_check;

enum { NETNS_BIND = 128 };

/* Whoever becomes this namespace sees the folder `source` as `target`, if both exist then. At most 64
 * namespaces. */
void netns_bind(int fd, const char *source, const char *target);

/* The processes inside (never the caller itself). Returns how many there are; stores at most `size`. */
unsigned netns_processes(int fd, pid_t *pids, unsigned size);
bool netns_has_process(int fd, pid_t pid);
/* Signals all processes inside and waits until they are gone, for at most `timeout_ms`. True if none is left.
 */
bool netns_signal_all(int fd, int signal, unsigned timeout_ms);

/* Writes /proc/sys/...; `key` with dots, of the present namespace. */
int sysctl_write(const char *key, const char *value) must_check;

#endif
