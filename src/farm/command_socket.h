/* SPDX-License-Identifier: Apache-2.0 */
/* The local socket by which a farm that runs as a daemon is told what to do: a connection brings one line,
 * gets the answer's line, and ends. Used by farm_main.c; the other end is lab/farm_node.c. */
#ifndef FARM_COMMAND_SOCKET_H
#define FARM_COMMAND_SOCKET_H

#include <poll.h>

#include "farm/command.h"

enum { COMMAND_CLIENTS = 8, COMMAND_LINE = 256, COMMAND_POLLS = COMMAND_CLIENTS + 1 };

struct command_socket {
    int listener;
    struct command_client {
        int fd; /* -1: free */
        size_t used;
        char line[COMMAND_LINE];
    } clients[COMMAND_CLIENTS];
};

/* Takes the place of a socket that a predecessor left behind. Negative errno. */
int command_socket_open(struct command_socket *s, const char *path) must_check;
void command_socket_close(struct command_socket *s);
/* What to wait for: COMMAND_POLLS entries, some without a descriptor. */
void command_socket_polls(const struct command_socket *s, struct pollfd *ret);
/* Does what was waited for. */
void command_socket_serve(struct command_socket *s, const struct pollfd *ready, struct command_context *c);

#endif
