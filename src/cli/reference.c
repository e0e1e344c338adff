/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast commands`: the command reference as Markdown, made from the same tables that match what is typed.
 * The committed docs/commands.md is its output; a test compares them. */
#include <stdio.h>

#include "cli/cli.h"
#include "config/parse.h"
#include "control/cli/exec_table.h"
#include "control/show/show.h"

static const char introduction[] = "# Command reference\n\n"
                                   "Made by `holdfast commands` from the grammar tables; do not edit it by "
                                   "hand. Keywords may be abbreviated to what is\n"
                                   "unique, and `?` and Tab help where a line is typed. After any `show` "
                                   "command: `| json` gives the same facts as JSON,\n"
                                   "`| include RE`, `| exclude RE`, `| begin RE`, `| section RE` and `| "
                                   "count RE` filter its lines by a POSIX extended\n"
                                   "regular expression.\n\n";

static const struct grammar_mode exec_mode = {GRAMMAR_MODE_EXEC, GRAMMAR_MODE_NONE, "", "Exec"};

int reference_main(int argc, char **argv)
{
    struct grammar g;
    struct text out;

    if (argc > 2 || (argc == 2 && strcmp(argv[1], "--markdown") != 0)) {
        fprintf(stderr, "usage: holdfast commands [--markdown]\n");
        return CLI_EXIT_USAGE;
    }
    text_init(&out);
    int error = config_grammar_init(&g);
    if (!error)
        error = grammar_add(&g, exec_commands, EXEC_COMMANDS);
    if (!error)
        error = grammar_add(&g, show_commands, show_command_count);
    if (!error)
        error = grammar_add_modes(&g, &exec_mode, 1);
    if (!error) {
        text_add(&out, introduction);
        for (uint8_t mode = GRAMMAR_MODE_EXEC; mode < CONFIG_MODES; mode++)
            grammar_reference(&g, mode, &out);
        fputs(text_get(&out), stdout);
    }
    bool good = !error && !out.failed && fflush(stdout) == 0;
    text_done(&out);
    grammar_done(&g);
    if (!good)
        fprintf(stderr, "holdfast: the reference cannot be made\n");
    return good ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
