/* SPDX-License-Identifier: Apache-2.0 */
/* See lines.h. Lists are compared by sorted indices: a hundred thousand static routes are as many
 * lines. */
#include "control/routing/lines.h"

#include <stdlib.h>

static void line_done(struct routing_line *r)
{
    free(r->context);
    free(r->line);
    free(r->undo);
}

void routing_lines_done(struct routing_lines *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        line_done(&l->items[i]);
    free(l->items);
    *l = (struct routing_lines){0};
}

void routing_lines_forget(struct routing_lines *l, bool (*of)(const struct routing_line *line))
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < l->count; i++)
        if (of(&l->items[i]))
            line_done(&l->items[i]);
        else
            l->items[kept++] = l->items[i];
    l->count = kept;
}

void routing_lines_add(struct routing_lines *l, const char *context, const char *line, const char *undo)
{
    if (l->count == l->capacity) {
        uint32_t next = l->capacity ? 2 * l->capacity : 32;
        struct routing_line *grown = realloc(l->items, next * sizeof *grown);
        if (!grown) {
            l->failed = true;
            return;
        }
        l->items = grown;
        l->capacity = next;
    }
    struct routing_line r = {strdup(context), strdup(line), strdup(undo)};
    if (!r.context || !r.line || !r.undo) {
        line_done(&r);
        l->failed = true;
        return;
    }
    l->items[l->count++] = r;
}

static int setting_order(const struct routing_line *a, const struct routing_line *b)
{
    int order = strcmp(a->context, b->context);

    if (order == 0)
        order = strcmp(a->undo, b->undo);
    return order || a->undo[0] ? order : strcmp(a->line, b->line);
}

static int sorted_order(const void *pa, const void *pb)
{
    const struct routing_line *a = *(const struct routing_line *const *)pa,
                              *b = *(const struct routing_line *const *)pb;
    int order = setting_order(a, b);

    return order ? order : (a > b) - (a < b); /* of one array: the first comes first */
}

/* NULL: no memory, or nothing there. */
static const struct routing_line **sorted(const struct routing_lines *l)
{
    const struct routing_line **s = l->count ? malloc(l->count * sizeof(struct routing_line *)) : NULL;

    for (uint32_t i = 0; s && i < l->count; i++)
        s[i] = &l->items[i];
    if (s)
        qsort(s, l->count, sizeof *s, sorted_order);
    return s;
}

void routing_lines_unique(struct routing_lines *l)
{
    const struct routing_line **s = sorted(l);
    bool *twice = calloc(l->count + 1, sizeof *twice);
    uint32_t kept = 0;

    if (l->count && (!s || !twice))
        l->failed = true;
    for (uint32_t i = 1; !l->failed && i < l->count; i++)
        twice[s[i] - l->items] = setting_order(s[i - 1], s[i]) == 0;
    for (uint32_t i = 0; !l->failed && i < l->count; i++) {
        if (twice[i])
            line_done(&l->items[i]);
        else
            l->items[kept++] = l->items[i];
    }
    if (!l->failed)
        l->count = kept;
    free(s);
    free(twice);
}

static int find_order(const void *key, const void *item)
{
    return setting_order(key, *(const struct routing_line *const *)item);
}

static const struct routing_line *find(const struct routing_line **s, uint32_t count,
                                       const struct routing_line *r)
{
    const struct routing_line **at = s ? bsearch(r, s, count, sizeof *s, find_order) : NULL;

    return at ? *at : NULL;
}

/* One command in its context. */
static void say(struct text *out, const char **context, const char *wanted, const char *command)
{
    if (strcmp(*context, wanted) != 0) {
        if ((*context)[0])
            text_add(out, "exit\n");
        if (wanted[0])
            text_printf(out, "%s\n", wanted);
        *context = wanted;
    }
    text_printf(out, "%s\n", command);
    /* These lines enter a context of their own. */
    if (strncmp(command, "router ", 7) == 0 || strncmp(command, "route-map ", 10) == 0)
        *context = command;
}

void routing_lines_change(const struct routing_lines *before, const struct routing_lines *after,
                          struct text *out)
{
    const struct routing_line **old = sorted(before), **new = sorted(after);
    const char *context = "";

    if ((before->count && !old) || (after->count && !new))
        out->failed = true;
    for (uint32_t i = before->count; i-- > 0 && !out->failed;)
        if (before->items[i].undo[0] && !find(new, after->count, &before->items[i]))
            say(out, &context, before->items[i].context, before->items[i].undo);
    for (uint32_t i = 0; i < after->count && !out->failed; i++) {
        const struct routing_line *r = &after->items[i], *was = find(old, before->count, r);
        if (!was || strcmp(was->line, r->line) != 0)
            say(out, &context, r->context, r->line);
    }
    if (context[0])
        text_add(out, "exit\n");
    free(old);
    free(new);
}

void routing_lines_store(const struct routing_lines *l, struct text *out)
{
    for (uint32_t i = 0; i < l->count; i++)
        text_printf(out, "%s\t%s\t%s\n", l->items[i].context, l->items[i].line, l->items[i].undo);
}

bool routing_lines_load(struct routing_lines *ret, const char *text)
{
    char *copy = strdup(text), *rest = NULL;
    bool good = copy != NULL;

    *ret = (struct routing_lines){0};
    for (char *row = copy ? strtok_r(copy, "\n", &rest) : NULL; row && good;
         row = strtok_r(NULL, "\n", &rest)) {
        char *line = strchr(row, '\t'), *undo = line ? strchr(line + 1, '\t') : NULL;
        good = undo && !strchr(undo + 1, '\t');
        if (!good)
            break;
        *line = *undo = 0;
        routing_lines_add(ret, row, line + 1, undo + 1);
    }
    free(copy);
    if (good && !ret->failed)
        return true;
    routing_lines_done(ret);
    return false;
}
