/* SPDX-License-Identifier: Apache-2.0 */
/* Completion, `?` and the command reference, out of the same tables (grammar.h). Nothing here knows
 * a single command: what is offered is what the walk of the matcher expects next, so that completion cannot
 * promise what the parser refuses. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "config/grammar_walk.h"
#include "config/interface_name.h"

enum { COMPLETE_MAX = 256 };

struct offers {
    struct grammar_candidate items[COMPLETE_MAX];
    size_t count;
};

static void offer(struct offers *o, const char *text, const char *help, bool literal)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->items[i].text, text) == 0)
            return;
    if (o->count == COMPLETE_MAX)
        return;
    struct grammar_candidate *c = &o->items[o->count++];
    snprintf(c->text, sizeof(c->text), "%s", text);
    c->help = help;
    c->literal = literal;
}

static bool starts(const char *word, const struct token *t)
{
    return t->len <= strlen(word) && strncasecmp(word, t->text, t->len) == 0;
}

/* Whether what was typed of a value so far could become one. */
static bool value_possible(const struct grammar_node *n, const struct token *t)
{
    if (t->len == 0 || token_match(n, t, NULL) != TOKEN_NO)
        return true;
    const char *allowed;
    switch (n->type) {
    case GRAMMAR_NUMBER:
    case GRAMMAR_INTERFACE_NUMBER:
        allowed = n->type == GRAMMAR_NUMBER ? "0123456789" : "0123456789/:.";
        break;
    case GRAMMAR_IPV4:
    case GRAMMAR_MASK:
    case GRAMMAR_WILDCARD:
        allowed = "0123456789.";
        break;
    case GRAMMAR_IPV6:
    case GRAMMAR_ADDRESS:
    case GRAMMAR_PREFIX6:
        allowed = "0123456789abcdefABCDEF:./";
        break;
    default:
        return false;
    }
    for (uint16_t i = 0; i < t->len; i++)
        if (strchr(allowed, t->text[i]) == NULL)
            return false;
    return true;
}

static void offer_node(struct offers *o, const struct grammar_node *n, const struct token *t)
{
    char shown[64];
    grammar_node_print(n, shown);
    if (n->type == GRAMMAR_KEYWORD) {
        if (starts(n->text, t))
            offer(o, n->text, n->help, true);
    } else if (n->type == GRAMMAR_INTERFACE) {
        /* Two spellings of one thing: the types can be completed, any other word may name a device. */
        for (size_t i = 0; interface_type_at(i) != NULL; i++)
            if (starts(interface_type_at(i), t))
                offer(o, interface_type_at(i), n->help, true);
        if (value_possible(n, t))
            offer(o, shown, n->help, false);
    } else if (n->type != GRAMMAR_INTERFACE_TYPE && value_possible(n, t)) {
        offer(o, shown, n->help, false);
    }
}

static int candidate_compare(const void *pa, const void *pb)
{
    const struct grammar_candidate *a = pa, *b = pb;
    bool end_a = strcmp(a->text, "<cr>") == 0, end_b = strcmp(b->text, "<cr>") == 0;
    if (end_a != end_b)
        return end_a ? 1 : -1;
    return strcmp(a->text, b->text);
}

static void offer_pipe(struct offers *o, const struct token_list *tokens, const struct token *partial,
                       uint8_t bar)
{
    if (bar + 1 < tokens->count) {
        offer(o, "LINE", "Regular expression", false);
        return;
    }
    for (size_t i = 0; grammar_filter_word(i) != NULL; i++)
        if (starts(grammar_filter_word(i), partial))
            offer(o, grammar_filter_word(i), "How the output is filtered", true);
}

/* Candidates of one mode, not of its parents. `tokens` are the finished ones. */
static void offers_collect(const struct grammar *g, uint8_t mode, struct token_list tokens,
                           const struct token *partial, struct offers *o)
{
    struct walk w;
    struct reading reading;
    bool no = false, is_default = false;
    for (uint8_t i = 1; i < tokens.count && mode == GRAMMAR_MODE_EXEC; i++)
        if (token_is(&tokens.items[i], "|")) {
            offer_pipe(o, &tokens, partial, i);
            return;
        }
    /* With the word `no` alone, what follows it is wanted. */
    struct token_list all = tokens;
    if (all.count < GRAMMAR_MAX_TOKENS)
        all.items[all.count++] = *partial;
    token_list_prefix(&all, &no, &is_default);
    if (no || is_default)
        memmove(tokens.items, tokens.items + 1, --tokens.count * sizeof(tokens.items[0]));
    walk_start(&w, g, mode, no, is_default);
    for (uint8_t i = 0; i < tokens.count; i++)
        if (walk_step(&w, &tokens.items[i], &reading) != GRAMMAR_OK)
            return;
    bool end = false, pipe = false;
    for (uint32_t i = 0; i < w.live_count; i++) {
        const struct grammar_command *command = w.live[i].command->command;
        if (command->flags & GRAMMAR_HIDDEN)
            continue;
        end |= walk_accepts(&w, i);
        pipe |= walk_accepts(&w, i) && (command->flags & GRAMMAR_CAN_PIPE);
        if ((command->flags & GRAMMAR_UNSUPPORTED) == 0)
            for (uint64_t set = walk_expected(&w, i); set != 0; set &= set - 1)
                offer_node(o, &w.live[i].command->nodes[__builtin_ctzll(set)], partial);
    }
    if (w.line_count > 0)
        offer(o, "LINE", w.lines[0].command->nodes[w.lines[0].command->count - 1].help, false);
    if (pipe && partial->len == 0)
        offer(o, "|", "Filter the output", true);
    if ((end || w.line_count > 0) && partial->len == 0)
        offer(o, "<cr>", "The command is complete", false);
    if (tokens.count == 0 && !no && !is_default && mode != GRAMMAR_MODE_EXEC && partial->len > 0) {
        if (starts("no", partial))
            offer(o, "no", "Take a command back", true);
        if (starts("default", partial))
            offer(o, "default", "Set a command to its default", true);
    }
}

static size_t complete(const struct grammar *g, uint8_t mode, const char *text, struct offers *o,
                       struct token *ret_partial)
{
    struct token_list tokens;
    o->count = 0;
    token_split(text, &tokens);
    size_t len = strlen(text);
    *ret_partial = (struct token){.text = text + len, .len = 0};
    if (tokens.overflow || len > GRAMMAR_MAX_LINE)
        return 0;
    if (tokens.count > 0 && strchr(" \t", text[len - 1]) == NULL)
        *ret_partial = tokens.items[--tokens.count];
    offers_collect(g, mode, tokens, ret_partial, o);
    /* A sub-mode that knows nothing of the kind lets its parents speak, as for a typed line. */
    for (const struct grammar_mode *m = grammar_find_mode(g, mode);
         o->count == 0 && m != NULL && m->parent != GRAMMAR_MODE_NONE; m = grammar_find_mode(g, m->parent))
        offers_collect(g, m->parent, tokens, ret_partial, o);
    qsort(o->items, o->count, sizeof(o->items[0]), candidate_compare);
    return o->count;
}

size_t grammar_complete(const struct grammar *g, uint8_t mode, const char *text,
                        struct grammar_candidate *ret, size_t max)
{
    struct offers *o = malloc(sizeof(*o));
    struct token partial;
    if (o == NULL)
        return 0;
    size_t count = complete(g, mode, text, o, &partial);
    memcpy(ret, o->items, MIN(count, max) * sizeof(*ret));
    free(o);
    return count;
}

bool grammar_complete_tab(const struct grammar *g, uint8_t mode, const char *text, char *ret, size_t size)
{
    struct offers *o = malloc(sizeof(*o));
    struct token partial;
    if (o == NULL)
        return false;
    size_t count = complete(g, mode, text, o, &partial), literal = 0, common = 0;
    const char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *word = o->items[i].text;
        if (!o->items[i].literal)
            continue;
        if (literal++ == 0) {
            first = word;
            common = strlen(word);
        }
        size_t same = 0;
        while (same < common && word[same] == first[same])
            same++;
        common = same;
    }
    bool added = false;
    if (literal > 0 && common >= partial.len && size > 1) {
        /* The type of an interface wants its number right behind it. */
        bool type = interface_type_find(first) != NULL && strcmp(interface_type_find(first), first) == 0;
        int n = snprintf(ret, size, "%.*s%s", (int)(common - partial.len), first + partial.len,
                         literal == 1 && !type ? " " : "");
        added = n > 0 && (size_t)n < size;
    }
    free(o);
    return added;
}

/* ---- Reference
 * -------------------------------------------------------------------------------------------------- */

/* A bar would end the cell of a Markdown table. */
static void add_escaped(struct text *out, const char *s)
{
    for (; *s != 0; s++) {
        if (*s == '|' || *s == '<')
            text_add(out, "\\");
        text_add_bytes(out, s, 1);
    }
}

/* The grammar without the labels that only handlers need. */
static void add_syntax(struct text *out, const char *grammar)
{
    for (const char *p = grammar; *p != 0; p++) {
        if (*p == ':')
            while (p[1] != 0 && strchr(" ]}|.", p[1]) == NULL)
                p++;
        else
            text_add_bytes(out, p, 1);
    }
}

static void reference_command(const struct grammar *g, const struct grammar_compiled *c, struct text *out)
{
    const struct grammar_command *command = c->command;
    char shown[64];
    text_add(out, "### `");
    add_syntax(out, command->grammar);
    text_add(out, "`\n\n");
    if (command->about != NULL)
        text_printf(out, "%s\n\n", command->about);
    if (command->flags & GRAMMAR_KEPT)
        text_add(out, "Kept in the configuration; has no effect in Holdfast.\n\n");
    text_add(out, "| word or value | meaning |\n|---|---|\n");
    for (uint8_t i = 0; i < c->count; i++) {
        if (c->nodes[i].type == GRAMMAR_INTERFACE_TYPE || c->nodes[i].type == GRAMMAR_INTERFACE_NUMBER)
            continue;
        grammar_node_print(&c->nodes[i], shown);
        text_add(out, "| ");
        add_escaped(out, shown);
        text_add(out, " | ");
        add_escaped(out, c->nodes[i].help);
        text_add(out, " |\n");
    }
    text_add(out, "\n");
    if (command->standard != NULL)
        text_printf(out, "Default: %s.\n\n", command->standard);
    const struct grammar_mode *entered = command->enters != 0 ? grammar_find_mode(g, command->enters) : NULL;
    if (entered != NULL && entered->title != NULL)
        text_printf(out, "Enters: %s.\n\n", entered->title);
    if (command->no_tokens != 0 && (command->flags & GRAMMAR_KEPT) == 0)
        text_add(out, "`no` takes it back.\n\n");
}

void grammar_reference(const struct grammar *g, uint8_t mode, struct text *out)
{
    for (uint8_t m = 0; m < g->mode_count; m++) {
        if ((mode != GRAMMAR_MODE_NONE && g->modes[m].id != mode) || g->modes[m].title == NULL)
            continue;
        text_printf(out, "## %s\n\n", g->modes[m].title);
        for (uint32_t i = 0; i < g->count; i++) {
            const struct grammar_command *command = g->commands[i].command;
            if (command->mode == g->modes[m].id && !(command->flags & (GRAMMAR_HIDDEN | GRAMMAR_UNSUPPORTED)))
                reference_command(g, &g->commands[i], out);
        }
    }
}
