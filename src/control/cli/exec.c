/* SPDX-License-Identifier: Apache-2.0 */
/* Matches an exec line and runs it: a `show` command goes to show/show.h, any other to its handler. */
#include "control/cli/exec.h"

#include "control/show/show.h"

int exec_grammar_add(struct grammar *g)
{
    int error = grammar_add(g, exec_base_set.commands, exec_base_set.count);

    return error ? error : grammar_add(g, show_commands, show_command_count);
}

void exec_fault_print(const char *line, const struct grammar_fault *f, struct text *out)
{
    if (f->result == GRAMMAR_UNKNOWN && f->column > 0)
        text_printf(out, "%s\n%*s^\n", line, (int)f->column - 1, "");
    text_printf(out, "%% %s\n", f->text);
}

static int call_run(struct control *c, struct cli_client *client, const struct grammar_call *call,
                    struct text *out)
{
    struct exec_call x = {.control = c, .grammar = call, .out = out, .client = client};

    if (show_owns(call->command))
        return control_show(c, call, out) == 0 ? EXEC_OK : EXEC_FAILED;
    return exec_base_set.handlers[call->command - exec_base_set.commands](&x);
}

int exec_run(struct control *c, struct cli_client *client, const char *line, struct text *out)
{
    static struct grammar_call call;
    struct grammar_fault fault;

    switch (grammar_match(&c->grammar, GRAMMAR_MODE_EXEC, line, &call, &fault)) {
    case GRAMMAR_OK:
        break;
    case GRAMMAR_EMPTY:
        return EXEC_OK;
    default:
        exec_fault_print(line, &fault, out);
        return EXEC_FAILED;
    }
    int status = call_run(c, client, &call, out);
    grammar_call_wipe(&call);
    return status;
}
