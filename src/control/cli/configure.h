/* SPDX-License-Identifier: Apache-2.0 */
/* `configure terminal` of one connection: lines change a copy of the configuration, which is put in force at
 * once. */
#ifndef CONTROL_CLI_CONFIGURE_H
#define CONTROL_CLI_CONFIGURE_H

#include "config/text.h"
#include "control/control.h"

struct cli_client;
struct cli_configure;

struct cli_configure *cli_configure_new(struct control *c);
void cli_configure_free(struct cli_configure *s);
/* `more_follow`: the next line is here already, so that this one need not be put in force by itself.
 * `ret_ended`: back to exec. Returns as exec_run: `do` runs an exec command from here. */
int cli_configure_line(struct cli_configure *s, struct cli_client *client, const char *line, bool more_follow,
                       struct text *out, bool *ret_ended);
const char *cli_configure_mode(const struct cli_configure *s); /* "config-if" */
uint8_t cli_configure_mode_id(const struct cli_configure *s);

#endif
