/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a line that did not match: the offending token, what was expected in its place, and what
 * was probably meant (grammar.h). Refused and hidden commands
 * are never suggested. */
#include <stdio.h>

#include "config/grammar_walk.h"

enum { EXPLAIN_MAX_EXPECTED = 64, EXPLAIN_SHOWN = 10 };

struct expected {
    const struct grammar_node *nodes[EXPLAIN_MAX_EXPECTED]; /* each text once */
    uint32_t count;
    bool end; /* the line could also end here */
};

static void expected_collect(const struct walk *w, struct expected *e)
{
    char a[64], b[64];
    e->count = 0;
    e->end = false;
    for (uint32_t i = 0; i < w->live_count; i++) {
        e->end |= walk_accepts(w, i);
        for (uint64_t set = walk_expected(w, i); set != 0; set &= set - 1) {
            const struct grammar_node *n = &w->live[i].command->nodes[__builtin_ctzll(set)];
            bool known = n->type == GRAMMAR_INTERFACE_TYPE ||
                         (w->live[i].command->command->flags & (GRAMMAR_HIDDEN | GRAMMAR_UNSUPPORTED));
            grammar_node_print(n, a);
            for (uint32_t j = 0; j < e->count && !known; j++) {
                grammar_node_print(e->nodes[j], b);
                known = strcmp(a, b) == 0;
            }
            if (!known && e->count < EXPLAIN_MAX_EXPECTED)
                e->nodes[e->count++] = n;
        }
    }
}

static void expected_print(const struct expected *e, char *out, size_t size)
{
    char one[64];
    size_t used = 0;
    uint32_t shown = MIN(e->count, EXPLAIN_SHOWN);
    out[0] = 0;
    for (uint32_t i = 0; i < shown && used < size; i++) {
        grammar_node_print(e->nodes[i], one);
        bool last = i + 1 == shown && e->count == shown && !e->end;
        const char *joint = i == 0 ? "" : last ? " or " : ", ";
        bool keyword = e->nodes[i]->type == GRAMMAR_KEYWORD;
        used +=
            snprintf(out + used, size - used, "%s%s%s%s", joint, keyword ? "'" : "", one, keyword ? "'" : "");
    }
    if (used < size && e->count > shown)
        used += snprintf(out + used, size - used, " ...");
    if (used < size && e->end)
        snprintf(out + used, size - used, " or the end of the line");
}

/* The keyword that differs least from the token, if any is near. */
static const char *nearest(const struct expected *e, const struct token *t)
{
    const char *best = NULL;
    /* A wrong number is no slip of the keys. */
    if (strspn(t->text, "0123456789") >= t->len)
        return NULL;
    unsigned best_distance = t->len <= 3 ? 2 : t->len <= 6 ? 3 : 4;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->nodes[i]->type != GRAMMAR_KEYWORD)
            continue;
        unsigned distance = token_distance(t->text, t->len, e->nodes[i]->text, strlen(e->nodes[i]->text));
        if (distance < best_distance && distance < t->len) {
            best_distance = distance;
            best = e->nodes[i]->text;
        }
    }
    return best;
}

static uint8_t entered_mode(const struct walk *w)
{
    uint8_t mode = 0;
    if (w->depth == 0)
        return 0;
    for (uint32_t i = 0; i < w->live_count; i++) {
        const struct grammar_command *command = w->live[i].command->command;
        uint8_t enters = command->flags & GRAMMAR_UNSUPPORTED ? 0 : command->enters;
        if (enters != 0 && mode != 0 && enters != mode)
            return 0;
        mode = enters != 0 ? enters : mode;
    }
    return mode;
}

static void explain_ambiguous(const struct token *t, const struct reading *r, struct grammar_fault *ret)
{
    int shown = MIN(t->len, 40);
    size_t used = snprintf(ret->text, sizeof(ret->text), "'%.*s' is ambiguous: ", shown, t->text);
    unsigned count = MIN(r->partial, ARRAY_SIZE(r->partials));
    for (unsigned i = 0; i < count; i++) {
        const char *joint = i == 0 ? "" : i + 1 == r->partial ? " or " : ", ";
        used += snprintf(ret->text + used, sizeof(ret->text) - used, "%s'%s'", joint, r->partials[i]);
    }
    if (r->partial > count)
        snprintf(ret->text + used, sizeof(ret->text) - used, " ...");
}

static void explain_unknown(const struct walk *w, const struct expected *e, const struct token *t,
                            struct grammar_fault *ret)
{
    char list[GRAMMAR_FAULT_TEXT / 2], complaint[160];
    int shown = MIN(t->len, 40);
    for (uint32_t i = 0; i < e->count; i++)
        if (token_complaint(e->nodes[i], t, complaint, sizeof(complaint)) != NULL) {
            snprintf(ret->text, sizeof(ret->text), "%s", complaint);
            return;
        }
    int used;
    if (w->depth == 0)
        used = snprintf(ret->text, sizeof(ret->text), "unknown command '%s%.*s'",
                        w->no           ? "no "
                        : w->is_default ? "default "
                                        : "",
                        shown, t->text);
    else if (e->count == 0)
        used = snprintf(ret->text, sizeof(ret->text), "unexpected '%.*s' after the end of the command", shown,
                        t->text);
    else {
        expected_print(e, list, sizeof(list));
        used = snprintf(ret->text, sizeof(ret->text), "unexpected '%.*s', expected %s", shown, t->text, list);
    }
    const char *meant = nearest(e, t);
    if (meant != NULL && (size_t)used < sizeof(ret->text))
        snprintf(ret->text + used, sizeof(ret->text) - used, "; did you mean '%s'?", meant);
}

void walk_explain(const struct walk *w, enum grammar_result result, const struct token *t,
                  const struct reading *reading, struct grammar_fault *ret)
{
    struct expected e;
    char list[GRAMMAR_FAULT_TEXT / 2];
    *ret = (struct grammar_fault){
        .result = result, .depth = w->depth, .column = t->column, .enters = entered_mode(w)};
    expected_collect(w, &e);
    if (result == GRAMMAR_AMBIGUOUS) {
        explain_ambiguous(t, reading, ret);
    } else if (result == GRAMMAR_INCOMPLETE) {
        expected_print(&e, list, sizeof(list));
        snprintf(ret->text, sizeof(ret->text), "incomplete command, expected %s", list);
    } else {
        explain_unknown(w, &e, t, ret);
    }
}

/* ---- What handlers ask of a matched line
 * ------------------------------------------------------------------------- */

const struct grammar_value *grammar_arg_after(const struct grammar_call *call, const char *label,
                                              const struct grammar_value *after)
{
    const struct grammar_value *word = NULL;
    for (const struct grammar_value *v = after != NULL ? after + 1 : call->values;
         v < call->values + call->count; v++) {
        if (strcmp(v->node->label, label) != 0)
            continue;
        if (v->node->type != GRAMMAR_KEYWORD)
            return v;
        word = word != NULL ? word : v;
    }
    return word;
}

const struct grammar_value *grammar_arg(const struct grammar_call *call, const char *label)
{
    return grammar_arg_after(call, label, NULL);
}

bool grammar_has(const struct grammar_call *call, const char *label)
{
    return grammar_arg(call, label) != NULL;
}

uint64_t grammar_number(const struct grammar_call *call, const char *label, uint64_t otherwise)
{
    const struct grammar_value *v = grammar_arg(call, label);
    return v != NULL ? v->number : otherwise;
}

void grammar_call_print(const struct grammar_call *call, struct text *out)
{
    if (call->no || call->is_default)
        text_add(out, call->no ? "no " : "default ");
    for (uint8_t i = 0; i < call->count; i++) {
        if (i > 0)
            text_add(out, " ");
        text_add(out, call->values[i].text);
    }
}

void grammar_call_wipe(struct grammar_call *call)
{
    wipe(call->storage, call->storage_len);
    call->storage_len = 0;
    call->count = 0;
}
