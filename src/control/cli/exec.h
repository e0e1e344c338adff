/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the exec mode. `show` is in show/show.h; the others are a grammar table and one handler for
 * each of its rows. */
#ifndef CONTROL_CLI_EXEC_H
#define CONTROL_CLI_EXEC_H

#include "config/text.h"
#include "control/control.h"

struct cli_client;

struct exec_call {
    struct control *control;
    const struct grammar_call *grammar; /* grammar_arg(), grammar_has() ... */
    struct text *out;
    struct cli_client *client;
};

enum {
    EXEC_OK = 0,
    EXEC_FAILED = 1,
    EXEC_CLOSE = 2,
    EXEC_PENDING = -1 /* the handler goes on and ends by cli_finish() */
};

struct exec_set {
    const struct grammar_command *commands; /* mode GRAMMAR_MODE_EXEC, no apply, no write */
    int (*const *handlers)(struct exec_call *x);
    size_t count;
};

/* Adds the exec commands to a grammar. -ENOMEM, -EINVAL. */
int exec_grammar_add(struct grammar *g) must_check;
/* Runs one exec line. Returns EXEC_*. Text goes to `out`. */
int exec_run(struct control *c, struct cli_client *client, const char *line, struct text *out);
/* A line that was not understood, the way the field shows it: the marker under the offending token. */
void exec_fault_print(const char *line, const struct grammar_fault *f, struct text *out);
extern const struct exec_set
    exec_base_set; /* exec_base.c: clear, debug, configure, write, ping, terminal, exit */

/* ping.c. EXEC_PENDING, or EXEC_FAILED with a line in `out`. */
int ping_start(struct exec_call *x);

/* ---- server.c: what handlers may ask of a connection ---- */

/* Sends text of a command that goes on. */
void cli_write(struct cli_client *client, const char *text);
/* Ends a pending command. */
void cli_finish(struct cli_client *client, int status);
/* How a pending command is stopped: when the person interrupts it or goes away. It must end by cli_finish().
 */
void cli_on_cancel(struct cli_client *client, void (*cancel)(void *context), void *context);
/* `configure terminal`. -ENOMEM. */
int cli_configure_begin(struct cli_client *client) must_check;
/* `terminal monitor`. */
void cli_monitor(struct cli_client *client, bool on);

int cli_server_begin(struct control *c) must_check;
/* Goodbye to all connections. */
void cli_server_end(struct control *c);

#endif
