/* SPDX-License-Identifier: Apache-2.0 */
/* Words of scenario files; see script.h. */
#include "lab/script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/time.h"

void script_init(struct script *t, const char *file, const char *content, script_lookup *lookup,
                 const void *context)
{
    *t = (struct script){.file = file, .at = content, .line = 1, .lookup = lookup, .context = context};
}

bool script_fail(struct script *t, unsigned line, unsigned column, const char *format, ...)
{
    if (t->error[0])
        return false;
    int n = snprintf(t->error, sizeof t->error, "%s:%u:%u: ", t->file, line, column);
    if (n < 0 || (size_t)n >= sizeof t->error)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(t->error + n, sizeof t->error - (size_t)n, format, args);
    va_end(args);
    return false;
}

struct lexer {
    struct script *text;
    struct statement *statement;
    const char *line_start; /* for columns */
    unsigned line;
    size_t used; /* of the statement's buffer */
};

static unsigned lexer_column(const struct lexer *l)
{
    return (unsigned)(l->text->at - l->line_start) + 1;
}

static bool lexer_put(struct lexer *l, char c)
{
    if (l->used + 1 >= sizeof l->statement->buffer)
        return script_fail(l->text, l->line, lexer_column(l), "statement longer than %d characters",
                           SCRIPT_LINE - 1);
    l->statement->buffer[l->used++] = c;
    return true;
}

/* At "${": writes the value of the variable. */
static bool lexer_variable(struct lexer *l)
{
    struct script *t = l->text;
    const char *start = t->at + 2;
    size_t len = strcspn(start, "}\n");
    char name[SCRIPT_NAME];
    if (start[len] != '}' || len == 0 || len >= sizeof name)
        return script_fail(t, l->line, lexer_column(l), "expected ${NAME}");
    memcpy(name, start, len);
    name[len] = '\0';
    const char *value = t->lookup ? t->lookup(t->context, name) : NULL;
    if (!value)
        return script_fail(t, l->line, lexer_column(l),
                           "no value for ${%s}: a variant's `set %s VALUE` gives one", name, name);
    for (; *value; value++) {
        if (!lexer_put(l, *value))
            return false;
    }
    t->at = start + len + 1;
    return true;
}

static bool lexer_quoted(struct lexer *l)
{
    struct script *t = l->text;
    unsigned column = lexer_column(l);
    t->at++;
    while (*t->at != '"') {
        if (*t->at == '\0' || *t->at == '\n')
            return script_fail(t, l->line, column, "quote without its end");
        if (t->at[0] == '$' && t->at[1] == '{') {
            if (!lexer_variable(l))
                return false;
            continue;
        }
        if (t->at[0] == '\\' && t->at[1] == '"')
            t->at++;
        if (!lexer_put(l, *t->at))
            return false;
        t->at++;
    }
    t->at++;
    if (*t->at && !strchr(" \t\r\n", *t->at))
        return script_fail(t, l->line, lexer_column(l), "expected a blank after the closing quote");
    return true;
}

static bool lexer_plain(struct lexer *l)
{
    struct script *t = l->text;
    while (*t->at && !strchr(" \t\r\n", *t->at)) {
        if (t->at[0] == '$' && t->at[1] == '{') {
            if (!lexer_variable(l))
                return false;
            continue;
        }
        if (*t->at == '"')
            return script_fail(t, l->line, lexer_column(l), "a quote starts a word, it cannot be inside one");
        if (!lexer_put(l, *t->at))
            return false;
        t->at++;
    }
    return true;
}

static bool lexer_word(struct lexer *l)
{
    struct statement *s = l->statement;
    if (s->count == SCRIPT_WORDS)
        return script_fail(l->text, l->line, lexer_column(l), "more than %d words in a statement",
                           SCRIPT_WORDS);
    struct word *w = &s->words[s->count];
    if (s->count == 0)
        s->line = l->line;
    *w = (struct word){s->buffer + l->used, lexer_column(l), *l->text->at == '"'};
    if (!(w->quoted ? lexer_quoted(l) : lexer_plain(l)) || !lexer_put(l, '\0'))
        return false;
    s->count++;
    s->end = lexer_column(l);
    return true;
}

static void lexer_newline(struct lexer *l)
{
    l->text->line = ++l->line;
    l->line_start = l->text->at;
}

bool script_next(struct script *t, struct statement *ret)
{
    ret->count = ret->taken = 0;
    struct lexer l = {.text = t, .statement = ret, .line_start = t->at, .line = t->line};
    while (*t->at && !t->error[0]) {
        size_t continuation = t->at[0] == '\\' ? 1 + strspn(t->at + 1, " \t\r") : 0;
        if (continuation && t->at[continuation] == '\n') {
            t->at += continuation + 1;
            lexer_newline(&l);
        } else if (*t->at == '\n') {
            t->at++;
            lexer_newline(&l);
            if (ret->count)
                return true;
        } else if (strchr(" \t\r", *t->at)) {
            t->at++;
        } else if (*t->at == '#') {
            t->at += strcspn(t->at, "\n");
        } else if (!lexer_word(&l)) {
            return false;
        }
    }
    return ret->count && !t->error[0];
}

const struct word *statement_peek(const struct statement *s)
{
    return s->taken < s->count ? &s->words[s->taken] : NULL;
}

bool statement_done(const struct statement *s)
{
    return s->taken == s->count;
}

bool statement_accept(struct statement *s, const char *keyword)
{
    const struct word *w = statement_peek(s);
    if (!w || w->quoted || strcmp(w->text, keyword) != 0)
        return false;
    s->taken++;
    return true;
}

bool script_expected(struct script *t, const struct statement *s, const char *what)
{
    const struct word *w = statement_peek(s);
    if (!w)
        return script_fail(t, s->line, s->end, "expected %s, found the end of the line", what);
    return script_fail(t, s->line, w->column, "expected %s, found '%s'", what, w->text);
}

bool take_keyword(struct script *t, struct statement *s, const char *keyword)
{
    if (statement_accept(s, keyword))
        return true;
    char what[80];
    snprintf(what, sizeof what, "'%s'", keyword);
    return script_expected(t, s, what);
}

bool take_word(struct script *t, struct statement *s, const char *what, const char **ret)
{
    const struct word *w = statement_peek(s);
    if (!w || w->text[0] == '\0')
        return script_expected(t, s, what);
    *ret = w->text;
    s->taken++;
    return true;
}

bool take_name(struct script *t, struct statement *s, const char *what, char ret[SCRIPT_NAME])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const struct word *w = statement_peek(s);
    if (!w || w->quoted)
        return script_expected(t, s, what);
    size_t len = strlen(w->text);
    if (len == 0 || len > 40 || strspn(w->text, allowed) != len || w->text[0] == '-') {
        char text[160];
        snprintf(text, sizeof text, "%s (letters, digits, '-', '_', up to 40)", what);
        return script_expected(t, s, text);
    }
    memcpy(ret, w->text, len + 1);
    s->taken++;
    return true;
}

bool take_number(struct script *t, struct statement *s, const char *what, uint64_t low, uint64_t high,
                 uint64_t *ret)
{
    const struct word *w = statement_peek(s);
    char *end = NULL;
    errno = 0;
    unsigned long long v = w && w->text[0] >= '0' && w->text[0] <= '9' ? strtoull(w->text, &end, 10) : 0;
    if (!end || *end || errno || v < low || v > high) {
        char text[160];
        snprintf(text, sizeof text, "%s (%llu to %llu)", what, (unsigned long long)low,
                 (unsigned long long)high);
        return script_expected(t, s, text);
    }
    *ret = v;
    s->taken++;
    return true;
}

bool take_duration(struct script *t, struct statement *s, uint64_t *ret_ns)
{
    static const struct {
        const char *name;
        ns unit;
    } units[] = {{"ms", NS_PER_MS}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}};
    const struct word *w = statement_peek(s);
    char *end = NULL;
    double v = w && w->text[0] >= '0' && w->text[0] <= '9' ? strtod(w->text, &end) : -1;
    for (size_t i = 0; end && v >= 0 && v <= 100000 && i < ARRAY_SIZE(units); i++) {
        if (strcmp(end, units[i].name) == 0) {
            *ret_ns = (uint64_t)(v * (double)units[i].unit);
            s->taken++;
            return true;
        }
    }
    return script_expected(t, s, "a time (200ms, 5s, 2m)");
}

bool take_end(struct script *t, struct statement *s)
{
    return statement_done(s) || script_expected(t, s, "the end of the line");
}
