/* SPDX-License-Identifier: Apache-2.0 */
/* Matching a line against all commands of a mode (grammar.h).
 *
 * The walk goes token by token over all commands at once: a command is alive with the set of its nodes that
 * the last token matched. Only so can an abbreviation be called ambiguous against everything that could stand
 * there. The few commands that are still alive at the end are traced again one by one, from the end
 * backwards, to find which node each token belongs to; where several ways exist, exact words win over
 * abbreviations, these over values, and LINE comes last. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "config/grammar_walk.h"
#include "config/interface_name.h"

/* Follows of a live command: what may stand at the present token. */
uint64_t walk_expected(const struct walk *w, uint32_t live)
{
    const struct grammar_compiled *c = w->live[live].command;
    if (w->depth == 0)
        return c->first;
    uint64_t expected = 0;
    for (uint64_t set = w->live[live].set; set != 0; set &= set - 1)
        expected |= c->nodes[__builtin_ctzll(set)].follow;
    return expected;
}

bool walk_accepts(const struct walk *w, uint32_t live)
{
    const struct grammar_compiled *c = w->live[live].command;
    if (w->depth == 0)
        return false;
    if (w->live[live].set & c->last)
        return true;
    uint8_t enough = c->command->no_tokens;
    return (w->no || w->is_default) && enough != 255 && w->depth >= enough;
}

void walk_start(struct walk *w, const struct grammar *g, uint8_t mode, bool no, bool is_default)
{
    w->live_count = 0;
    w->line_count = 0;
    w->depth = 0;
    w->no = no;
    w->is_default = is_default;
    for (uint32_t i = 0; i < g->count && w->live_count < WALK_MAX_LIVE; i++) {
        const struct grammar_command *command = g->commands[i].command;
        if (command->mode != mode || ((no || is_default) && command->no_tokens == 0))
            continue;
        w->live[w->live_count++] = (struct walk_live){.command = &g->commands[i]};
    }
}

static void reading_add(struct reading *r, const struct grammar_node *n, enum token_quality quality)
{
    r->exact |= quality == TOKEN_EXACT;
    r->value |= quality == TOKEN_VALUE;
    if (quality != TOKEN_PARTIAL)
        return;
    for (unsigned i = 0; i < MIN(r->partial, ARRAY_SIZE(r->partials)); i++)
        if (strcmp(r->partials[i], n->text) == 0)
            return;
    if (r->partial < ARRAY_SIZE(r->partials))
        r->partials[r->partial] = n->text;
    r->partial++;
}

/* The nodes of `expected` that take the token, given whether abbreviations count. */
static uint64_t matching(const struct grammar_compiled *c, uint64_t expected, const struct token *t,
                         bool partial, uint64_t *ret_lines)
{
    uint64_t matched = 0, lines = 0;
    for (uint64_t set = expected; set != 0; set &= set - 1) {
        int i = __builtin_ctzll(set);
        enum token_quality quality = token_match(&c->nodes[i], t, NULL);
        if (quality == TOKEN_NO || (quality == TOKEN_PARTIAL && !partial))
            continue;
        if (c->nodes[i].type == GRAMMAR_LINE)
            lines |= UINT64_C(1) << i;
        else
            matched |= UINT64_C(1) << i;
    }
    *ret_lines = lines;
    return matched;
}

/* Reads the next token. On failure the walk is unchanged, so that the caller can say what was expected. */
enum grammar_result walk_step(struct walk *w, const struct token *t, struct reading *ret_reading)
{
    struct reading r = {0};
    for (uint32_t i = 0; i < w->live_count; i++)
        for (uint64_t set = walk_expected(w, i); set != 0; set &= set - 1) {
            const struct grammar_node *n = &w->live[i].command->nodes[__builtin_ctzll(set)];
            reading_add(&r, n, token_match(n, t, NULL));
        }
    *ret_reading = r;
    if (!r.exact && !r.value && r.partial > 1 && w->line_count == 0)
        return GRAMMAR_AMBIGUOUS;
    bool partial = !r.exact && r.partial == 1;
    w->partial[w->depth] = partial;
    uint32_t kept = 0, lines_before = w->line_count;
    for (uint32_t i = 0; i < w->live_count; i++) {
        uint64_t lines;
        struct walk_live next = {.command = w->live[i].command};
        next.set = matching(next.command, walk_expected(w, i), t, partial, &lines);
        if (lines != 0 && w->line_count < ARRAY_SIZE(w->lines))
            w->lines[w->line_count++] = (struct walk_line){.command = next.command, .depth = w->depth + 1};
        if (next.set != 0)
            w->next[kept++] = next;
    }
    if (kept == 0 && w->line_count == lines_before && lines_before == 0)
        return GRAMMAR_UNKNOWN;
    memcpy(w->live, w->next, kept * sizeof(*w->live));
    w->live_count = kept;
    w->depth++;
    return GRAMMAR_OK;
}

/* ---- Which node each token belongs to
 * --------------------------------------------------------------------------- */

struct path {
    uint8_t nodes[GRAMMAR_MAX_TOKENS];
    uint8_t ranks[GRAMMAR_MAX_TOKENS]; /* smaller is better */
    uint8_t count;
};

static uint8_t rank_of(const struct grammar_node *n, const struct token *t)
{
    if (n->type == GRAMMAR_KEYWORD)
        return token_match(n, t, NULL) == TOKEN_EXACT ? 0 : 1;
    return n->type + 2;
}

/* `count` tokens, the last of which starts the LINE where `line`. */
static bool trace(const struct walk *w, const struct grammar_compiled *c, const struct token_list *tokens,
                  uint8_t count, bool line, struct path *ret)
{
    uint64_t sets[GRAMMAR_MAX_TOKENS], follow = c->first;
    for (uint8_t i = 0; i < count; i++) {
        uint64_t lines;
        sets[i] = matching(c, follow, &tokens->items[i], w->partial[i], &lines);
        if (line && i + 1 == count)
            sets[i] = lines;
        follow = 0;
        for (uint64_t set = sets[i]; set != 0; set &= set - 1)
            follow |= c->nodes[__builtin_ctzll(set)].follow;
    }
    if (sets[count - 1] & c->last)
        sets[count - 1] &= c->last;
    for (int i = count - 2; i >= 0; i--)
        for (uint64_t set = sets[i]; set != 0; set &= set - 1)
            if ((c->nodes[__builtin_ctzll(set)].follow & sets[i + 1]) == 0)
                sets[i] &= ~(set & -set);
    follow = c->first;
    for (uint8_t i = 0; i < count; i++) {
        ret->ranks[i] = 255;
        for (uint64_t set = sets[i] & follow; set != 0; set &= set - 1) {
            uint8_t node = __builtin_ctzll(set), rank = rank_of(&c->nodes[node], &tokens->items[i]);
            if (rank < ret->ranks[i]) {
                ret->ranks[i] = rank;
                ret->nodes[i] = node;
            }
        }
        if (ret->ranks[i] == 255)
            return false;
        follow = c->nodes[ret->nodes[i]].follow;
    }
    ret->count = count;
    return true;
}

static bool path_better(const struct path *a, const struct path *b)
{
    uint8_t n = MIN(a->count, b->count);
    int order = memcmp(a->ranks, b->ranks, n);
    /* With equal beginnings, the one that has names for more tokens beats the one that swallows them in a
     * LINE. */
    return order < 0 || (order == 0 && a->count > b->count);
}

static const char *store(struct grammar_call *call, const char *text, size_t len)
{
    char *kept = call->storage + call->storage_len;
    if (call->storage_len + len + 1 > sizeof(call->storage))
        len = sizeof(call->storage) - call->storage_len - 1;
    memcpy(kept, text, len);
    kept[len] = 0;
    call->storage_len += len + 1;
    return kept;
}

static void fill_values(const struct grammar_compiled *c, const struct token_list *tokens,
                        const struct path *path, struct grammar_call *call)
{
    for (uint8_t i = 0; i < path->count; i++) {
        const struct grammar_node *node = &c->nodes[path->nodes[i]];
        const struct token *t = &tokens->items[i];
        struct grammar_value *v = &call->values[call->count++];
        (void)!token_match(node, t, v);
        v->node = node;
        v->column = t->column;
        char name[INTERFACE_NAME_MAX + 1], word[64];
        snprintf(word, sizeof(word), "%.*s", (int)MIN(t->len, 63), t->text);
        if (node->type == GRAMMAR_INTERFACE && interface_name_parse(word, name)) {
            v->text = store(call, name, strlen(name));
        } else if (node->type == GRAMMAR_INTERFACE_TYPE) {
            const struct token *number = &tokens->items[++i];
            int n = snprintf(name, sizeof(name), "%s%.*s", interface_type_find(word), (int)number->len,
                             number->text);
            v->text = store(call, name, MIN((size_t)n, sizeof(name) - 1));
        } else if (node->type == GRAMMAR_LINE) {
            size_t len = strlen(t->text);
            while (len > 0 && strchr(" \t", t->text[len - 1]) != NULL)
                len--;
            v->text = store(call, t->text, len);
        } else {
            v->text = node->type == GRAMMAR_KEYWORD ? node->text : store(call, t->text, t->len);
        }
    }
}

/* The best of all complete readings. */
static const struct grammar_compiled *walk_choose(const struct walk *w, const struct token_list *tokens,
                                                  struct path *ret)
{
    const struct grammar_compiled *best = NULL;
    struct path path;
    for (uint32_t i = 0; i < w->live_count; i++) {
        if (!walk_accepts(w, i) || !trace(w, w->live[i].command, tokens, tokens->count, false, &path))
            continue;
        if (best == NULL || path_better(&path, ret)) {
            best = w->live[i].command;
            *ret = path;
        }
    }
    for (uint32_t i = 0; i < w->line_count; i++) {
        if (!trace(w, w->lines[i].command, tokens, w->lines[i].depth, true, &path))
            continue;
        if (best == NULL || path_better(&path, ret)) {
            best = w->lines[i].command;
            *ret = path;
        }
    }
    return best;
}

/* ---- The tail of an exec line
 * ------------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    uint8_t filter;
    bool expression;
} filters[] = {
    {"include", GRAMMAR_FILTER_INCLUDE, true}, {"exclude", GRAMMAR_FILTER_EXCLUDE, true},
    {"begin", GRAMMAR_FILTER_BEGIN, true},     {"section", GRAMMAR_FILTER_SECTION, true},
    {"count", GRAMMAR_FILTER_COUNT, true},     {"json", GRAMMAR_FILTER_JSON, false},
};

const char *grammar_filter_word(size_t index)
{
    return index < ARRAY_SIZE(filters) ? filters[index].word : NULL;
}

/* `tokens` from the bar on. */
static bool parse_filter(const struct token *tokens, uint8_t count, struct grammar_call *call,
                         struct grammar_fault *fault)
{
    struct token word = count > 1 ? tokens[1] : tokens[0];
    fault->column = word.column;
    fault->result = count > 1 ? GRAMMAR_UNKNOWN : GRAMMAR_INCOMPLETE;
    for (size_t i = 0; i < ARRAY_SIZE(filters) && count > 1; i++) {
        if (strncasecmp(filters[i].word, word.text, word.len) != 0 || word.len > strlen(filters[i].word))
            continue;
        call->filter = filters[i].filter;
        if (filters[i].expression != (count > 2)) {
            fault->result = filters[i].expression ? GRAMMAR_INCOMPLETE : GRAMMAR_UNKNOWN;
            snprintf(fault->text, sizeof(fault->text),
                     filters[i].expression ? "'| %s' needs a regular expression"
                                           : "unexpected text after '| %s'",
                     filters[i].word);
            return false;
        }
        if (filters[i].expression)
            call->filter_text = store(call, tokens[2].text, strlen(tokens[2].text));
        return true;
    }
    snprintf(fault->text, sizeof(fault->text),
             "after '|' expected include, exclude, begin, section, count or json");
    return false;
}

/* ---- The whole line
 * --------------------------------------------------------------------------------------------- */

/* Takes `no` or `default` off the front. */
void token_list_prefix(struct token_list *tokens, bool *ret_no, bool *ret_default)
{
    *ret_no = *ret_default = false;
    if (tokens->count < 2)
        return;
    if (token_is(&tokens->items[0], "no"))
        *ret_no = true;
    else if (token_is(&tokens->items[0], "default"))
        *ret_default = true;
    else
        return;
    memmove(tokens->items, tokens->items + 1, --tokens->count * sizeof(*tokens->items));
}

static uint8_t take_pipe(struct token_list *tokens, uint8_t mode, struct token *ret_tail)
{
    if (mode != GRAMMAR_MODE_EXEC)
        return 0;
    for (uint8_t i = 1; i < tokens->count; i++)
        if (token_is(&tokens->items[i], "|")) {
            uint8_t count = MIN(tokens->count - i, 3);
            memcpy(ret_tail, tokens->items + i, count * sizeof(*ret_tail));
            tokens->count = i;
            return count;
        }
    return 0;
}

enum grammar_result grammar_match(const struct grammar *g, uint8_t mode, const char *line,
                                  struct grammar_call *ret_call, struct grammar_fault *ret_fault)
{
    struct token_list tokens;
    struct walk w;
    struct token tail[3];
    struct grammar_call call;
    struct path path = {0};
    bool no, is_default;
    *ret_fault = (struct grammar_fault){.result = GRAMMAR_EMPTY};
    token_split(line, &tokens);
    if (tokens.count == 0)
        return GRAMMAR_EMPTY;
    if (tokens.overflow || strlen(line) > GRAMMAR_MAX_LINE) {
        *ret_fault = (struct grammar_fault){.result = GRAMMAR_UNKNOWN, .column = 1};
        snprintf(ret_fault->text, sizeof(ret_fault->text),
                 "the line is too long: at most %d characters and %d words", GRAMMAR_MAX_LINE,
                 GRAMMAR_MAX_TOKENS);
        return GRAMMAR_UNKNOWN;
    }
    token_list_prefix(&tokens, &no, &is_default);
    uint8_t tail_count = take_pipe(&tokens, mode, tail);
    walk_start(&w, g, mode, no, is_default);
    for (uint8_t i = 0; i < tokens.count; i++) {
        struct reading reading;
        enum grammar_result r = walk_step(&w, &tokens.items[i], &reading);
        if (r != GRAMMAR_OK) {
            walk_explain(&w, r, &tokens.items[i], &reading, ret_fault);
            return r;
        }
    }
    const struct grammar_compiled *chosen = walk_choose(&w, &tokens, &path);
    if (chosen == NULL) {
        const struct token *last = &tokens.items[tokens.count - 1];
        struct token end = {.text = "", .column = last->column + last->len};
        walk_explain(&w, GRAMMAR_INCOMPLETE, &end, NULL, ret_fault);
        return GRAMMAR_INCOMPLETE;
    }
    memset(&call, 0, offsetof(struct grammar_call, storage));
    if (tail_count > 0 &&
        (!(chosen->command->flags & GRAMMAR_CAN_PIPE) || !parse_filter(tail, tail_count, &call, ret_fault))) {
        if (ret_fault->text[0] == 0) {
            *ret_fault = (struct grammar_fault){.result = GRAMMAR_UNKNOWN, .column = tail[0].column};
            snprintf(ret_fault->text, sizeof(ret_fault->text),
                     "the output of this command cannot be filtered");
        }
        ret_fault->depth = w.depth;
        return ret_fault->result;
    }
    call.command = chosen->command;
    call.no = no;
    call.is_default = is_default;
    call.end_column = (uint16_t)(strlen(line) + 1);
    *ret_call = call;
    /* The values point into the storage of the call itself. */
    if (call.filter_text != NULL)
        ret_call->filter_text = ret_call->storage + (call.filter_text - call.storage);
    for (uint8_t i = 0; i < path.count; i++)
        ret_call->abbreviated |= path.ranks[i] == 1;
    fill_values(chosen, &tokens, &path, ret_call);
    return GRAMMAR_OK;
}

/* Whether a parent knows, as it stands, what was taken for an abbreviation. */
static bool parent_knows_better(const struct grammar *g, uint8_t mode, const char *line,
                                struct grammar_call *call, uint8_t *ret_mode)
{
    struct grammar_fault fault;
    struct grammar_call other;
    const struct grammar_mode *m = grammar_find_mode(g, mode);
    if (!call->abbreviated || m == NULL || m->parent == GRAMMAR_MODE_NONE)
        return false;
    other.storage_len = 0;
    bool better = grammar_match(g, m->parent, line, &other, &fault) == GRAMMAR_OK && !other.abbreviated;
    grammar_call_wipe(&other);
    if (!better)
        return false;
    *ret_mode = m->parent;
    return grammar_match(g, m->parent, line, call, &fault) == GRAMMAR_OK;
}

enum grammar_result grammar_match_up(const struct grammar *g, uint8_t mode, const char *line,
                                     struct grammar_call *ret_call, uint8_t *ret_mode,
                                     struct grammar_fault *ret_fault)
{
    struct grammar_fault fault;
    enum grammar_result result = grammar_match(g, mode, line, ret_call, ret_fault);
    *ret_mode = mode;
    if (result == GRAMMAR_EMPTY)
        return result;
    if (result == GRAMMAR_OK) {
        parent_knows_better(g, mode, line, ret_call, ret_mode);
        return result;
    }
    for (const struct grammar_mode *m = grammar_find_mode(g, mode);
         m != NULL && m->parent != GRAMMAR_MODE_NONE; m = grammar_find_mode(g, m->parent)) {
        enum grammar_result r = grammar_match(g, m->parent, line, ret_call, &fault);
        if (r == GRAMMAR_OK) {
            *ret_mode = m->parent;
            return r;
        }
        bool hint =
            strstr(fault.text, "did you mean") != NULL && strstr(ret_fault->text, "did you mean") == NULL;
        bool ambiguous = r == GRAMMAR_AMBIGUOUS && ret_fault->result == GRAMMAR_UNKNOWN;
        if (fault.depth > ret_fault->depth || (ret_fault->depth == 0 && (hint || ambiguous))) {
            *ret_fault = fault;
            *ret_mode = m->parent;
            result = r;
        }
    }
    return result;
}
