/* SPDX-License-Identifier: Apache-2.0 */
/* Matches an exec line, runs its handler and lets the output through the line's filter. */
#include "control/exec.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>

static const struct exec_set *const sets[] = {&exec_base_set, &show_base_set};

int exec_grammar_add(struct grammar *g)
{
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        int error = grammar_add(g, sets[i]->commands, sets[i]->count);
        if (error)
            return error;
    }
    return 0;
}

void exec_fault_print(const char *line, const struct grammar_fault *f, struct text *out)
{
    if (f->result == GRAMMAR_UNKNOWN && f->column > 0)
        text_printf(out, "%s\n%*s^\n", line, (int)f->column - 1, "");
    text_printf(out, "%% %s\n", f->text);
}

static bool line_kept(uint8_t filter, bool match, bool *begun)
{
    switch (filter) {
    case GRAMMAR_FILTER_INCLUDE:
        return match;
    case GRAMMAR_FILTER_EXCLUDE:
        return !match;
    case GRAMMAR_FILTER_BEGIN:
        *begun = *begun || match;
        return *begun;
    default:
        return match;
    }
}

bool exec_filter(const struct grammar_call *call, const struct text *whole, struct text *out)
{
    regex_t expression;
    bool begun = false;
    unsigned count = 0;
    const char *line = text_get(whole);

    if (regcomp(&expression, call->filter_text ? call->filter_text : "", REG_EXTENDED | REG_NOSUB) != 0) {
        text_printf(out, "%% '%s' is no regular expression\n", call->filter_text ? call->filter_text : "");
        return false;
    }
    while (*line) {
        const char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) : strlen(line);
        char *copy = strndup(line, len);
        bool match = copy && regexec(&expression, copy, 0, NULL, 0) == 0;
        free(copy);
        if (call->filter == GRAMMAR_FILTER_SECTION) {
            /* A line that matches, and the indented ones below it. */
            begun = match || (begun && (*line == ' ' || *line == '\t'));
            match = begun;
        }
        if (call->filter == GRAMMAR_FILTER_COUNT) {
            count += match;
        } else if (line_kept(call->filter, match, &begun)) {
            text_add_bytes(out, line, len);
            text_add(out, "\n");
        }
        line += end ? len + 1 : len;
    }
    if (call->filter == GRAMMAR_FILTER_COUNT)
        text_printf(out, "Number of lines which match regexp = %u\n", count);
    regfree(&expression);
    return true;
}

static int (*handler_of(const struct grammar_command *command))(struct exec_call *)
{
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
        if (command >= sets[i]->commands && command < sets[i]->commands + sets[i]->count)
            return sets[i]->handlers[command - sets[i]->commands];
    return NULL;
}

static int json_print(struct exec_call *x, struct text *out)
{
    char *text = x->json ? json_dumps(x->json, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;

    if (!text) {
        text_add(out, "% this command has no JSON form\n");
        return EXEC_FAILED;
    }
    text_add(out, text);
    text_add(out, "\n");
    free(text);
    json_decref(x->json);
    return EXEC_OK;
}

int exec_run(struct control *c, struct cli_client *client, const char *line, struct text *out)
{
    static struct grammar_call call;
    struct grammar_fault fault;
    struct text whole;

    switch (grammar_match(&c->grammar, GRAMMAR_MODE_EXEC, line, &call, &fault)) {
    case GRAMMAR_OK:
        break;
    case GRAMMAR_EMPTY:
        return EXEC_OK;
    default:
        exec_fault_print(line, &fault, out);
        return EXEC_FAILED;
    }
    int (*handler)(struct exec_call *) = handler_of(call.command);
    text_init(&whole);
    struct exec_call x = {.control = c,
                          .grammar = &call,
                          .out = call.filter == GRAMMAR_FILTER_NONE ? out : &whole,
                          .want_json = call.filter == GRAMMAR_FILTER_JSON,
                          .client = client};
    int status = handler ? handler(&x) : EXEC_FAILED;
    if (x.want_json && status == EXEC_OK)
        status = json_print(&x, out);
    else if (call.filter != GRAMMAR_FILTER_NONE && status != EXEC_PENDING && !x.want_json)
        status = exec_filter(&call, &whole, out) ? status : EXEC_FAILED;
    else if (x.want_json)
        text_add(out, text_get(&whole)); /* why it failed */
    text_done(&whole);
    grammar_call_wipe(&call);
    return status;
}
