/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles grammar texts to graphs (grammar.h).
 *
 * Glushkov's construction: each word or value of the text becomes one node; for each part of the text we keep
 * which nodes can come first in it, which last, and whether it can be empty. Joining two parts lets every
 * last node of the one be followed by every first node of the other. There are no nodes that match nothing,
 * so that matching a line is a walk with bit sets. A grammar text is ours, hence a wrong one is -EINVAL at
 * start and found by the first test. */
#include "config/grammar.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct part {
    uint64_t first, last;
    bool empty; /* may match nothing */
};

struct compiler {
    struct grammar_compiled *target;
    const char *at;
    char *strings; /* where the next string goes */
    bool failed;
};

static const struct {
    const char *word, *label;
    uint8_t type;
} grammar_values[] = {
    {"IPV4", "ipv4", GRAMMAR_IPV4},
    {"IPV6", "ipv6", GRAMMAR_IPV6},
    {"ADDRESS", "address", GRAMMAR_ADDRESS},
    {"MASK", "mask", GRAMMAR_MASK},
    {"WILDCARD", "wildcard", GRAMMAR_WILDCARD},
    {"PREFIX6", "prefix", GRAMMAR_PREFIX6},
    {"INTERFACE", "interface", GRAMMAR_INTERFACE},
    {"PORT", "port", GRAMMAR_PORT},
    {"HOSTNAME", "hostname", GRAMMAR_HOSTNAME},
    {"NAME", "name", GRAMMAR_NAME},
    {"KEY", "key", GRAMMAR_KEY},
    {"LINE", "line", GRAMMAR_LINE},
};

static void skip_blanks(struct compiler *c)
{
    while (*c->at == ' ')
        c->at++;
}

static const char *keep_string(struct compiler *c, const char *s, size_t len)
{
    char *kept = c->strings;
    memcpy(kept, s, len);
    kept[len] = 0;
    c->strings += len + 1;
    return kept;
}

static struct grammar_node *add_node(struct compiler *c, uint8_t type, uint64_t *ret_bit)
{
    if (c->target->count >= GRAMMAR_MAX_NODES) {
        c->failed = true;
        return NULL;
    }
    struct grammar_node *node = &c->target->nodes[c->target->count];
    *node = (struct grammar_node){.type = type};
    *ret_bit = UINT64_C(1) << c->target->count++;
    return node;
}

static void join(struct compiler *c, uint64_t last, uint64_t first)
{
    for (uint8_t i = 0; i < c->target->count; i++)
        if (last >> i & 1)
            c->target->nodes[i].follow |= first;
}

static bool word_character(char ch)
{
    return islower((unsigned char)ch) || isdigit((unsigned char)ch) || ch == '-' || ch == '_' || ch == '.' ||
           ch == '/';
}

/* A label behind the word just read, else `otherwise`. */
static const char *parse_label(struct compiler *c, const char *otherwise)
{
    if (*c->at != ':')
        return otherwise;
    const char *start = ++c->at;
    while (word_character(*c->at))
        c->at++;
    if (c->at == start)
        c->failed = true;
    return keep_string(c, start, c->at - start);
}

static struct part parse_number(struct compiler *c)
{
    uint64_t bit = 0;
    char *end;
    struct grammar_node *node = add_node(c, GRAMMAR_NUMBER, &bit);
    uint64_t low = strtoull(c->at + 1, &end, 10);
    uint64_t high = *end == '-' ? strtoull(end + 1, &end, 10) : 0;
    if (*end != '>' || node == NULL || high < low) {
        c->failed = true;
        return (struct part){0};
    }
    c->at = end + 1;
    node->low = low;
    node->high = high;
    node->label = parse_label(c, "number");
    return (struct part){bit, bit, false};
}

/* `INTERFACE` is one token or two. */
static struct part parse_interface(struct compiler *c)
{
    uint64_t whole = 0, type = 0, number = 0;
    struct grammar_node *nodes[3] = {add_node(c, GRAMMAR_INTERFACE, &whole),
                                     add_node(c, GRAMMAR_INTERFACE_TYPE, &type),
                                     add_node(c, GRAMMAR_INTERFACE_NUMBER, &number)};
    const char *label = parse_label(c, "interface");
    if (c->failed)
        return (struct part){0};
    for (int i = 0; i < 3; i++)
        nodes[i]->label = label;
    nodes[1]->follow = number;
    return (struct part){whole | type, whole | number, false};
}

static struct part parse_word(struct compiler *c)
{
    const char *start = c->at;
    bool upper = isupper((unsigned char)*start);
    while (upper ? isupper((unsigned char)*c->at) || isdigit((unsigned char)*c->at)
                 : word_character(*c->at)) {
        /* "NAME..." is a repetition, not a part of the word. */
        if (strncmp(c->at, "...", 3) == 0)
            break;
        c->at++;
    }
    size_t len = c->at - start;
    if (len == 0) {
        c->failed = true;
        return (struct part){0};
    }
    uint64_t bit = 0;
    if (!upper) {
        struct grammar_node *node = add_node(c, GRAMMAR_KEYWORD, &bit);
        if (node == NULL)
            return (struct part){0};
        node->text = keep_string(c, start, len);
        node->label = parse_label(c, node->text);
        return (struct part){bit, bit, false};
    }
    for (size_t i = 0; i < ARRAY_SIZE(grammar_values); i++) {
        if (strlen(grammar_values[i].word) != len || strncmp(grammar_values[i].word, start, len) != 0)
            continue;
        if (grammar_values[i].type == GRAMMAR_INTERFACE)
            return parse_interface(c);
        struct grammar_node *node = add_node(c, grammar_values[i].type, &bit);
        if (node == NULL)
            return (struct part){0};
        node->label = parse_label(c, grammar_values[i].label);
        return (struct part){bit, bit, false};
    }
    c->failed = true;
    return (struct part){0};
}

static struct part parse_sequence(struct compiler *c);

static struct part parse_group(struct compiler *c)
{
    char close = *c->at == '{' ? '}' : ']';
    struct part all = {.empty = close == ']'};
    do {
        c->at++;
        struct part one = parse_sequence(c);
        all.first |= one.first;
        all.last |= one.last;
        all.empty |= one.empty;
    } while (*c->at == '|' && !c->failed);
    if (*c->at != close)
        c->failed = true;
    else
        c->at++;
    return all;
}

static struct part parse_item(struct compiler *c)
{
    struct part part;
    if (*c->at == '{' || *c->at == '[')
        part = parse_group(c);
    else if (*c->at == '<')
        part = parse_number(c);
    else
        part = parse_word(c);
    if (strncmp(c->at, "...", 3) == 0) {
        c->at += 3;
        join(c, part.last, part.first);
    }
    return part;
}

static struct part parse_sequence(struct compiler *c)
{
    struct part all = {.empty = true};
    for (skip_blanks(c); *c->at != 0 && strchr("|}]", *c->at) == NULL && !c->failed; skip_blanks(c)) {
        struct part next = parse_item(c);
        join(c, all.last, next.first);
        all.first |= all.empty ? next.first : 0;
        all.last = next.last | (next.empty ? all.last : 0);
        all.empty = all.empty && next.empty;
    }
    return all;
}

/* Hands out the help lines: one per word or value; the three nodes of an INTERFACE share one. */
static bool assign_help(struct compiler *c, const char *help)
{
    for (uint8_t i = 0; i < c->target->count; i++) {
        struct grammar_node *node = &c->target->nodes[i];
        if (node->type == GRAMMAR_INTERFACE_TYPE || node->type == GRAMMAR_INTERFACE_NUMBER) {
            node->help = node[-1].help;
            continue;
        }
        size_t len = strcspn(help, "\n");
        if (len == 0)
            return false;
        node->help = keep_string(c, help, len);
        help += len + (help[len] == '\n');
    }
    return *help == 0;
}

static int compile(const struct grammar_command *command, struct grammar_compiled *ret)
{
    struct grammar_compiled target = {.command = command};
    /* No keyword, label or help line is longer than the text it comes from, each with a NUL. */
    size_t size = 2 * strlen(command->grammar) + strlen(command->help) + 4 * GRAMMAR_MAX_NODES;
    target.nodes = calloc(GRAMMAR_MAX_NODES, sizeof(*target.nodes));
    target.strings = malloc(size);
    int r = -ENOMEM;
    if (target.nodes == NULL || target.strings == NULL)
        goto fail;
    struct compiler c = {.target = &target, .at = command->grammar, .strings = target.strings};
    struct part all = parse_sequence(&c);
    r = -EINVAL;
    if (c.failed || *c.at != 0 || all.empty || !assign_help(&c, command->help))
        goto fail;
    target.first = all.first;
    target.last = all.last;
    struct grammar_node *fitted = realloc(target.nodes, target.count * sizeof(*target.nodes));
    if (fitted != NULL)
        target.nodes = fitted;
    *ret = target;
    return 0;
fail:
    free(target.nodes);
    free(target.strings);
    return r;
}

void grammar_init(struct grammar *g)
{
    *g = (struct grammar){0};
}

void grammar_done(struct grammar *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        free(g->commands[i].nodes);
        free(g->commands[i].strings);
    }
    free(g->commands);
    grammar_init(g);
}

int grammar_add(struct grammar *g, const struct grammar_command *commands, size_t count)
{
    struct grammar_compiled *grown = realloc(g->commands, (g->count + count) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    g->commands = grown;
    g->capacity = g->count + count;
    for (size_t i = 0; i < count; i++) {
        int r = compile(&commands[i], &g->commands[g->count]);
        if (r < 0)
            return r;
        g->count++;
    }
    return 0;
}

int grammar_add_modes(struct grammar *g, const struct grammar_mode *modes, size_t count)
{
    if (g->mode_count + count > GRAMMAR_MAX_MODES)
        return -EINVAL;
    memcpy(g->modes + g->mode_count, modes, count * sizeof(*modes));
    g->mode_count += count;
    return 0;
}

const struct grammar_mode *grammar_find_mode(const struct grammar *g, uint8_t mode)
{
    for (uint8_t i = 0; i < g->mode_count; i++)
        if (g->modes[i].id == mode)
            return &g->modes[i];
    return NULL;
}

void grammar_node_print(const struct grammar_node *n, char out[64])
{
    static const char *const names[] = {
        [GRAMMAR_IPV4] = "A.B.C.D",
        [GRAMMAR_IPV6] = "X:X:X:X::X",
        [GRAMMAR_ADDRESS] = "A.B.C.D or X:X:X:X::X",
        [GRAMMAR_MASK] = "A.B.C.D (mask)",
        [GRAMMAR_WILDCARD] = "A.B.C.D (wildcard bits)",
        [GRAMMAR_PREFIX6] = "X:X:X:X::X/<0-128>",
        [GRAMMAR_INTERFACE] = "INTERFACE",
        [GRAMMAR_INTERFACE_TYPE] = "INTERFACE",
        [GRAMMAR_INTERFACE_NUMBER] = "interface number",
        [GRAMMAR_PORT] = "<0-65535> or port name",
        [GRAMMAR_HOSTNAME] = "HOSTNAME",
        [GRAMMAR_NAME] = "WORD",
        [GRAMMAR_KEY] = "WORD",
        [GRAMMAR_LINE] = "LINE",
    };
    if (n->type == GRAMMAR_KEYWORD)
        snprintf(out, 64, "%s", n->text);
    else if (n->type == GRAMMAR_NUMBER)
        snprintf(out, 64, "<%llu-%llu>", (unsigned long long)n->low, (unsigned long long)n->high);
    else
        snprintf(out, 64, "%s", names[n->type]);
}
