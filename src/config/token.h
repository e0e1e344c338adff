/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting a line into tokens, and deciding whether a token can be a word or value of a grammar. Used by the
 * matcher and by completion. Tokens borrow from the line: they live as long as it does, and have no NUL
 * behind them. */
#ifndef CONFIG_TOKEN_H
#define CONFIG_TOKEN_H

#include "config/grammar.h"

struct token {
    const char *text; /* in the line, not terminated */
    uint16_t len;
    uint16_t column; /* 1.. */
};

struct token_list {
    struct token items[GRAMMAR_MAX_TOKENS];
    uint8_t count;
    bool overflow; /* there were more */
};

enum token_quality { TOKEN_NO, TOKEN_EXACT, TOKEN_PARTIAL, TOKEN_VALUE };

/* Splits at blanks. A comment or blank line has no tokens. */
void token_split(const char *line, struct token_list *ret);
bool token_is(const struct token *t, const char *word); /* case does not matter */
/* Whether the node takes the token; for values `ret` (may be NULL) gets what it means, except its text. */
enum token_quality token_match(const struct grammar_node *n, const struct token *t,
                               struct grammar_value *ret);
/* Why a token that looks like this kind of value is not one: "5 is out of range"; NULL: it does not look like
 * one. */
const char *token_complaint(const struct grammar_node *n, const struct token *t, char *out, size_t size);
/* Of a port name such as isakmp; -1: unknown. */
int port_find(const char *name, size_t len);
/* NULL where the port has no name for this protocol. */
const char *port_name(uint8_t protocol, uint16_t port);
/* Letters to insert, delete, replace or swap to make one of the other; case does not matter. */
unsigned token_distance(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
