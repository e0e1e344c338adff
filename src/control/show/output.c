/* SPDX-License-Identifier: Apache-2.0 */
/* See output.h. Regular expressions are POSIX extended ones. */
#include "control/show/output.h"

#include <errno.h>

int show_output_init(struct show_output *o, uint8_t filter, const char *filter_text, struct text *out)
{
    *o = (struct show_output){.out = out, .filter = filter};
    text_init(&o->line);
    if (filter == GRAMMAR_FILTER_NONE || filter == GRAMMAR_FILTER_JSON)
        return 0;
    int error = regcomp(&o->regex, filter_text ? filter_text : "", REG_EXTENDED | REG_NOSUB);
    if (error != 0) {
        char why[128];
        regerror(error, &o->regex, why, sizeof why);
        text_printf(out, "%% Bad regular expression '%s': %s\n", filter_text ? filter_text : "", why);
        return -EINVAL;
    }
    o->has_regex = true;
    return 0;
}

static bool wanted(struct show_output *o, const char *line)
{
    bool matches = regexec(&o->regex, line, 0, NULL, 0) == 0;

    switch (o->filter) {
    case GRAMMAR_FILTER_INCLUDE:
        return matches;
    case GRAMMAR_FILTER_EXCLUDE:
        return !matches;
    case GRAMMAR_FILTER_BEGIN:
        o->begun |= matches;
        return o->begun;
    case GRAMMAR_FILTER_SECTION: /* a matching line, and what is indented below a line that is not */
        if (line[0] != ' ')
            o->in_section = matches;
        return o->in_section || matches;
    case GRAMMAR_FILTER_COUNT:
        o->count += matches;
        return false;
    default:
        return true;
    }
}

static void line_end(struct show_output *o)
{
    const char *line = text_get(&o->line);

    if (wanted(o, line)) {
        text_add(o->out, line);
        text_add(o->out, "\n");
    }
    text_clear(&o->line);
}

void show_output_add(struct show_output *o, const char *data, size_t len)
{
    if (!o->has_regex) {
        text_add_bytes(o->out, data, len);
        return;
    }
    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t part = newline ? (size_t)(newline - data) : len;
        text_add_bytes(&o->line, data, part);
        if (newline)
            line_end(o);
        part += newline != NULL;
        data += part;
        len -= part;
    }
}

void show_output_end(struct show_output *o)
{
    if (!o->has_regex)
        return;
    if (o->line.len > 0)
        line_end(o);
    if (o->filter == GRAMMAR_FILTER_COUNT)
        text_printf(o->out, "Number of lines which match regexp = %llu\n", (unsigned long long)o->count);
    o->out->failed |= o->line.failed;
}

void show_output_done(struct show_output *o)
{
    if (o->has_regex)
        regfree(&o->regex);
    text_done(&o->line);
}
