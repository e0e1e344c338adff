/* SPDX-License-Identifier: Apache-2.0 */
/* From model to text: walks the command tables in their order and lets each command write its lines; see
 * write.h. Which lines there are
 * and in which order is in the tables alone; here are only indentation, separators and the masking of keys.
 */
#include "config/write.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "config/session.h"

void writer_line(struct config_writer *w, const char *format, ...)
{
    char line[CONFIG_MAX_LINE + 200];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    for (uint8_t i = 0; i < w->indent; i++)
        text_add(w->out, " ");
    text_add_bytes(w->out, line, MIN((size_t)n, sizeof(line) - 1));
    text_add(w->out, "\n");
    wipe(line, sizeof(line));
}

void writer_separator(struct config_writer *w)
{
    if (!w->meaning)
        text_add(w->out, "!\n");
}

void writer_mode(struct config_writer *w, uint8_t mode, const struct config *c, const void *object)
{
    w->indent++;
    for (uint32_t i = 0; i < w->grammar->count; i++) {
        const struct grammar_command *command = w->grammar->commands[i].command;
        if (command->mode == mode && command->write != NULL)
            command->write(w, c, object);
    }
    w->indent--;
}

const char *writer_secret(const struct config_writer *w, const struct config_secret *s)
{
    return w->mask_secrets ? "<removed>" : s->text;
}

int config_write(const struct grammar *g, const struct config *c, bool mask_secrets, struct text *out)
{
    struct config_writer w = {.grammar = g, .out = out, .mask_secrets = mask_secrets};
    for (uint32_t i = 0; i < g->count; i++) {
        const struct grammar_command *command = g->commands[i].command;
        if (command->mode == CONFIG_MODE_GLOBAL && command->write != NULL)
            command->write(&w, c, NULL);
    }
    text_add(out, "end\n");
    return out->failed ? -ENOMEM : 0;
}
