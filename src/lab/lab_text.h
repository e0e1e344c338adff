/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a scenario file: one statement a line, blanks between words, "quoted words", `#` comments, `\`
 * at the end of a line joins the next one, ${NAME} is replaced. Used by the scenario parser and by `lab
 * fault`. Always holds: every word knows its line and column, and the first error wins (a parser reports it
 * as file:line:column with what it expected). Quoted text keeps its backslashes except before a quote, so
 * regular expressions need no doubling. */
#ifndef LAB_LAB_TEXT_H
#define LAB_LAB_TEXT_H

#include "base/bytes.h"

enum { TEXT_WORDS = 48, TEXT_LINE = 4096, TEXT_ERROR = 512, TEXT_NAME = 64 };

struct word {
    const char *text; /* in the statement's buffer */
    unsigned column;  /* of its first character, from 1 */
    bool quoted;      /* quoted words are never keywords */
};

struct statement {
    struct word words[TEXT_WORDS];
    unsigned count;
    unsigned line;  /* of its first word, from 1 */
    unsigned end;   /* column after the last word: where a missing word was expected */
    unsigned taken; /* words already consumed by the parser */
    char buffer[TEXT_LINE];
};

/* The value of a ${NAME}; NULL if there is none. */
typedef const char *text_lookup(const void *context, const char *name);

struct text {
    const char *file; /* for messages */
    const char *at;
    unsigned line;
    text_lookup *lookup;
    const void *context;
    char error[TEXT_ERROR]; /* empty: none */
};

void text_init(struct text *t, const char *file, const char *content, text_lookup *lookup,
               const void *context);
/* The next statement with at least one word. False at the end or after an error (see t->error). */
bool text_next(struct text *t, struct statement *ret);

/* Reports the first error; always false, so that parsers can return it. */
bool text_fail(struct text *t, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* An error at the word that the parser would take next. */
bool text_expected(struct text *t, const struct statement *s, const char *what);

/* Takes the next word if it is that keyword. */
bool statement_accept(struct statement *s, const char *keyword);
bool statement_done(const struct statement *s);
const struct word *statement_peek(const struct statement *s); /* NULL at the end */
/* These take one word or report what was expected there. */
bool take_keyword(struct text *t, struct statement *s, const char *keyword);
bool take_word(struct text *t, struct statement *s, const char *what, const char **ret);
bool take_name(struct text *t, struct statement *s, const char *what, char ret[TEXT_NAME]);
bool take_number(struct text *t, struct statement *s, const char *what, uint64_t low, uint64_t high,
                 uint64_t *ret);
bool take_duration(struct text *t, struct statement *s, uint64_t *ret_ns); /* 200ms, 5s, 1.5s, 2m */
bool take_end(struct text *t, struct statement *s);

#endif
