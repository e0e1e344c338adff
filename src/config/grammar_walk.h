/* SPDX-License-Identifier: Apache-2.0 */
/* The walk of a line through the grammar, shared by matching, messages and completion. Internal to the
 * grammar. A walk is
 * filled by walk_start and goes on by walk_step; after a failure it still stands before the token that
 * failed. */
#ifndef CONFIG_GRAMMAR_WALK_H
#define CONFIG_GRAMMAR_WALK_H

#include "config/grammar.h"
#include "config/token.h"

enum { WALK_MAX_LIVE = 512, WALK_MAX_LINES = 16 };

struct walk_live {
    const struct grammar_compiled *command;
    uint64_t set; /* the nodes that the last token matched */
};

/* A command whose LINE has swallowed the rest. */
struct walk_line {
    const struct grammar_compiled *command;
    uint8_t depth; /* tokens up to and with the first of the LINE */
};

struct walk {
    struct walk_live live[WALK_MAX_LIVE], next[WALK_MAX_LIVE];
    struct walk_line lines[WALK_MAX_LINES];
    uint32_t live_count, line_count;
    bool partial[GRAMMAR_MAX_TOKENS + 1]; /* whether an abbreviation counted at that token */
    uint8_t depth;                        /* tokens read */
    bool no, is_default;
};

/* How a token may be read here: which keywords it stands for. */
struct reading {
    bool exact, value;
    unsigned partial; /* distinct keywords that it abbreviates */
    const char *partials[8];
};

void walk_start(struct walk *w, const struct grammar *g, uint8_t mode, bool no, bool is_default);
uint64_t walk_expected(const struct walk *w, uint32_t live);
bool walk_accepts(const struct walk *w, uint32_t live);
enum grammar_result walk_step(struct walk *w, const struct token *t, struct reading *ret_reading);
/* Says what is wrong with a token in this place; `reading` is needed for GRAMMAR_AMBIGUOUS. */
void walk_explain(const struct walk *w, enum grammar_result result, const struct token *t,
                  const struct reading *reading, struct grammar_fault *ret);
void token_list_prefix(struct token_list *tokens, bool *ret_no, bool *ret_default);
const char *grammar_filter_word(size_t index);

#endif
