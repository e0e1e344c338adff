/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor opens once and keeps: everything of handover.h, each with close on exec, at numbers
 * that no process uses by itself. */
#ifndef SUPERVISOR_HANDOVER_SET_H
#define SUPERVISOR_HANDOVER_SET_H

#include <stdbool.h>

#include "supervisor/handover.h"

enum { HANDOVER_COUNT = HANDOVER_END - HANDOVER_SAD, HANDOVER_ERROR_TEXT = 512 };

struct handover_set {
    int fd[HANDOVER_COUNT]; /* by enum handover_fd - HANDOVER_SAD; -1: this kernel has no such thing (IPv6) */
    int control_pair;       /* our end of HANDOVER_SUPERVISOR */
};

enum handover_role { HANDOVER_ROLE_CONTROL = 1, HANDOVER_ROLE_ENGINE = 2 };

/* Nothing open. */
void handover_set_init(struct handover_set *s);
/* -errno and one line that names what failed and why; everything is closed then. */
int handover_set_open(struct handover_set *s, const char *run_directory, char ret_error[HANDOVER_ERROR_TEXT]);
void handover_set_close(struct handover_set *s, const char *run_directory);
/* Which roles get this one. */
unsigned handover_roles(enum handover_fd number);
/* In a child between fork and exec: what `role` gets, at its number. */
void handover_set_give(const struct handover_set *s, enum handover_role role);

#endif
