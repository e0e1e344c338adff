/* SPDX-License-Identifier: Apache-2.0 */
/* The command `holdfast`: asks and configures a running gateway, checks a configuration off line, prints the
 * command reference, runs the lab. main.c is only main(). */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/connection.h"

enum cli_exit {
    CLI_EXIT_OK = 0,
    CLI_EXIT_FAILED = 1,    /* a command was wrong or failed */
    CLI_EXIT_USAGE = 2,     /* the command line of holdfast itself */
    CLI_EXIT_NO_DAEMON = 3, /* no gateway runs there, or it may not be asked, or it went away */
};

int cli_main(int argc, char **argv);

/* ---- inside this room ---- */

enum { CLI_PATIENCE_MS = 30000 }; /* for the greeting: control may be starting anew */

/* Says why there is no connection (standard error). Returns CLI_EXIT_NO_DAEMON. */
int cli_no_daemon(const char *run_directory, int error);
/* Runs one line and prints its answer. `ret_status` is enum cli_status. 0 or -errno as connection_answer. */
int cli_run(struct cli_connection *c, const char *line, struct cli_done *ret) must_check;

/* script.c: lines from standard input, one after the other. */
int script_run(struct cli_connection *c, const char *run_directory);
/* interactive.c: with prompt, completion and history. */
int interactive_run(struct cli_connection *c, const char *run_directory);
/* check.c: `holdfast check FILE...` */
int check_main(int argc, char **argv);
/* reference.c: `holdfast commands` */
int reference_main(int argc, char **argv);

#endif
