/* SPDX-License-Identifier: Apache-2.0 */
/* What the command `holdfast` and control say to each other over RUN/control.sock, a UNIX stream socket of
 * one machine.
 *
 * Both ways frames: a header, then `len` bytes. The server greets with CLI_DONE; then each request of the
 * client is answered by any number of CLI_TEXT and one CLI_DONE. The mode (exec, configure terminal,
 * sub-modes) belongs to the connection and lives in the server; CLI_DONE tells the prompt that follows.
 * CLI_LOG may come at any time. Whoever gets a frame that breaks these rules closes the connection. */
#ifndef CONTROL_CLI_PROTOCOL_H
#define CONTROL_CLI_PROTOCOL_H

#include <stdint.h>

enum {
    CLI_LINE_MAX = 1000,       /* of a request; GRAMMAR_MAX_LINE */
    CLI_FRAME_MAX = 64 * 1024, /* of an answer */
    CLI_PROMPT_MAX = 96,
};

enum cli_frame_type {
    /* client -> server; the payload is text without NUL */
    CLI_RUN = 1,  /* a line as typed */
    CLI_COMPLETE, /* the text left of the cursor: CLI_TEXT is what Tab adds to it, perhaps nothing */
    CLI_HELP, /* the text left of a `?`: CLI_TEXT is the list of what may follow, lines as they are printed */
    CLI_INTERRUPT, /* ends a command that runs (ping) and is not answered by itself; empty */
    /* server -> client */
    CLI_TEXT = 64, /* part of the answer */
    CLI_DONE,      /* struct cli_done */
    CLI_LOG,       /* a line of the log or of a debug, with its newline: `terminal monitor`, `debug` */
};

struct cli_header {
    uint32_t type; /* enum cli_frame_type */
    uint32_t len;  /* bytes that follow */
};

enum cli_status {
    CLI_OK,
    CLI_ERROR,  /* the line was wrong, or could not be carried out; the text says why */
    CLI_CLOSED, /* `exit` from the exec mode: the server closes the connection */
};

enum cli_done_flag {
    CLI_SECRET = 1,      /* the line held a key: it must not go into a history */
    CLI_CONFIGURING = 2, /* the prompt is one of `configure terminal` */
};

struct cli_done {
    uint32_t status;             /* enum cli_status */
    uint32_t flags;              /* enum cli_done_flag */
    char prompt[CLI_PROMPT_MAX]; /* "VPN-GW1-WEST(config-if)#", NUL-terminated */
};

#endif
