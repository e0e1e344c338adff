/* SPDX-License-Identifier: Apache-2.0 */
/* The exec commands other than `show` as data, apart from what they do, so that `holdfast commands` can print
 * the reference without a gateway. */
#ifndef CONTROL_CLI_EXEC_TABLE_H
#define CONTROL_CLI_EXEC_TABLE_H

#include "config/grammar.h"

enum { EXEC_COMMANDS = 23 };

/* In GRAMMAR_MODE_EXEC; their handlers are in exec_base.c, in the same order. */
extern const struct grammar_command exec_commands[EXEC_COMMANDS];

#endif
