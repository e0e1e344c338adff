/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a scenario file: one statement a line, blanks between words, "quoted words", `#` comments, `\`
 * at the end of a line joins the next one, ${NAME} is replaced. Used by the scenario parser and by `lab
 * fault`. Always holds: every word knows its line and column, and the first error wins (a parser reports it
 * as file:line:column with what it expected). Quoted text keeps its backslashes except before a quote, so
 * regular expressions need no doubling. */
#ifndef LAB_SCRIPT_H
#define LAB_SCRIPT_H

#include "base/bytes.h"

enum { SCRIPT_WORDS = 48, SCRIPT_LINE = 4096, SCRIPT_ERROR = 512, SCRIPT_NAME = 64 };

struct word {
    const char *text; /* in the statement's buffer */
    unsigned column;  /* of its first character, from 1 */
    bool quoted;      /* quoted words are never keywords */
};

struct statement {
    struct word words[SCRIPT_WORDS];
    unsigned count;
    unsigned line;  /* of its first word, from 1 */
    unsigned end;   /* column after the last word: where a missing word was expected */
    unsigned taken; /* words already consumed by the parser */
    char buffer[SCRIPT_LINE];
};

/* The value of a ${NAME}; NULL if there is none. */
typedef const char *script_lookup(const void *context, const char *name);

struct script {
    const char *file; /* for messages */
    const char *at;
    unsigned line;
    script_lookup *lookup;
    const void *context;
    char error[SCRIPT_ERROR]; /* empty: none */
};

void script_init(struct script *t, const char *file, const char *content, script_lookup *lookup,
                 const void *context);
/* The next statement with at least one word. False at the end or after an error (see t->error). */
bool script_next(struct script *t, struct statement *ret);

/* Reports the first error; always false, so that parsers can return it. */
bool script_fail(struct script *t, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* An error at the word that the parser would take next. */
bool script_expected(struct script *t, const struct statement *s, const char *what);

/* Takes the next word if it is that keyword. */
bool statement_accept(struct statement *s, const char *keyword);
bool statement_done(const struct statement *s);
const struct word *statement_peek(const struct statement *s); /* NULL at the end */
/* These take one word or report what was expected there. */
bool take_keyword(struct script *t, struct statement *s, const char *keyword);
bool take_word(struct script *t, struct statement *s, const char *what, const char **ret);
bool take_name(struct script *t, struct statement *s, const char *what, char ret[SCRIPT_NAME]);
bool take_number(struct script *t, struct statement *s, const char *what, uint64_t low, uint64_t high,
                 uint64_t *ret);
bool take_duration(struct script *t, struct statement *s, uint64_t *ret_ns); /* 200ms, 5s, 1.5s, 2m */
bool take_end(struct script *t, struct statement *s);

#endif
