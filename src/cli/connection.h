/* SPDX-License-Identifier: Apache-2.0 */
/* The command's side of control.sock (control/cli/protocol.h): requests go out, answers come back through a
 * sink. Keys that are typed travel here and nowhere else: never in an argument list, never in a file. */
#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

#include <poll.h>

#include "base/bytes.h"
#include "control/cli/protocol.h"

struct cli_sink {
    void (*text)(void *context, const char *text, size_t len); /* a part of the answer */
    void *context;
    bool interruptible; /* an interrupt is for this answer; else it stays for whoever looks next */
};

struct cli_connection {
    int fd; /* -1: closed */
    char prompt[CLI_PROMPT_MAX];
    bool configuring;                          /* the prompt is one of `configure terminal` */
    void (*log)(const char *line, size_t len); /* lines that nobody asked for; NULL: not wanted */
    size_t used;
    uint8_t buffer[sizeof(struct cli_header) + CLI_FRAME_MAX];
};

/* Connects and waits for the greeting, at most `patience_ms`. 0, or -errno: -ENOENT, -ECONNREFUSED no daemon;
 * -EACCES, -EPERM not allowed; -ETIMEDOUT it does not answer; -ENAMETOOLONG; -EPROTO, -ECONNRESET. */
int connection_open(struct cli_connection *c, const char *run_directory, int patience_ms) must_check;
void connection_close(struct cli_connection *c);

/* -EMSGSIZE: longer than CLI_LINE_MAX. -ECONNRESET, -EPIPE ...: the daemon is gone. */
int connection_send(struct cli_connection *c, enum cli_frame_type type, const char *text,
                    size_t len) must_check;
/* One answer, up to its CLI_DONE. While it waits, the first SIGINT that connection_interrupted() tells of is
 * passed on; a second one gives -EINTR. */
int connection_answer(struct cli_connection *c, const struct cli_sink *sink, struct cli_done *ret) must_check;
/* What came without being asked for, without waiting. */
int connection_between(struct cli_connection *c) must_check;

/* From now on this signal arrives only while something is waited for (connection_poll), so that none comes
 * between the look at what it left and the wait. `handler` NULL: the signal counts as an interrupt. */
void connection_catch(int signal_number, void (*handler)(int signal_number));
/* poll() that lets the caught signals in. */
int connection_poll(struct pollfd *p, unsigned count, int timeout_ms);
/* Whether there was an interrupt since the last call. */
bool connection_interrupted(void);

#endif
