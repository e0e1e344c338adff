/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario: lookups, and the statements of topology.lab. A statement that belongs to a node or a variant
 * follows it (indented by habit); the next `node`, `variant` or `link` ends it, as sub-modes do in the
 * router's language. */
#include "lab/scenario.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *node_kind_name(enum node_kind kind)
{
    static const char *const names[] = {"host", "router", "gateway", "farm"};
    return names[kind];
}

const char *role_name(enum role role)
{
    static const char *const names[] = {"supervisor", "control", "engine", "any"};
    return names[role];
}

int scenario_find_node(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->node_count; i++) {
        if (strcmp(s->nodes[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int scenario_find_link(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->link_count; i++) {
        if (strcmp(s->links[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int scenario_find_flow(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->flow_count; i++) {
        if (strcmp(s->flows[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int scenario_find_watch(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->watch_count; i++) {
        if (strcmp(s->watches[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int scenario_find_capture(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->capture_count; i++) {
        if (strcmp(s->captures[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int scenario_find_mark(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->mark_count; i++) {
        if (strcmp(s->marks[i], name) == 0)
            return (int)i;
    }
    return -1;
}

const char *scenario_variant_name(const struct scenario *s)
{
    return s->variant < s->variant_count ? s->variants[s->variant].name : "default";
}

const char *scenario_value(const void *scenario, const char *name)
{
    const struct scenario *s = scenario;
    if (strcmp(name, "variant") == 0)
        return scenario_variant_name(s);
    if (s->variant >= s->variant_count)
        return NULL;
    const struct variant *v = &s->variants[s->variant];
    for (unsigned i = 0; i < v->value_count; i++) {
        if (strcmp(v->values[i].name, name) == 0)
            return v->values[i].value;
    }
    return NULL;
}

/* What the statements of topology.lab are parsed into. */
struct topology {
    struct scenario *scenario;
    struct script *text;
    struct statement statement;
    const char *wanted;      /* the variant asked for; NULL: the first */
    struct node *node;       /* whose statements follow; NULL outside */
    struct variant *variant; /* likewise */
};

static bool parse_title(struct topology *p)
{
    const char *title;
    if (!take_word(p->text, &p->statement, "the title in quotes", &title) ||
        !take_end(p->text, &p->statement))
        return false;
    free(p->scenario->title);
    p->scenario->title = strdup(title);
    return true;
}

static bool parse_variant(struct topology *p)
{
    struct scenario *s = p->scenario;
    struct statement *st = &p->statement;
    if (s->node_count > 0)
        return script_fail(p->text, st->line, st->words[0].column, "variants stand above the nodes");
    if (s->variant_count == SCENARIO_VARIANTS)
        return script_fail(p->text, st->line, 1, "more than %d variants", SCENARIO_VARIANTS);
    struct variant *v = &s->variants[s->variant_count];
    const char *text = NULL;
    unsigned column = statement_peek(st) ? statement_peek(st)->column : st->end;
    if (!take_name(p->text, st, "the name of the variant", v->name))
        return false;
    for (unsigned i = 0; i < s->variant_count; i++) {
        if (strcmp(s->variants[i].name, v->name) == 0)
            return script_fail(p->text, st->line, column, "variant %s is there already", v->name);
    }
    if (!statement_done(st) && !take_word(p->text, st, "a description in quotes", &text))
        return false;
    v->text = text ? strdup(text) : NULL;
    if (p->wanted ? strcmp(p->wanted, v->name) == 0 : s->variant_count == 0)
        s->variant = s->variant_count;
    s->variant_count++;
    p->variant = v;
    p->node = NULL;
    return take_end(p->text, st);
}

static bool parse_set(struct topology *p)
{
    struct variant *v = p->variant;
    struct statement *st = &p->statement;
    const char *value;
    if (!v)
        return script_fail(p->text, st->line, st->words[0].column, "'set' belongs below a variant");
    if (v->value_count == SCENARIO_VALUES)
        return script_fail(p->text, st->line, st->words[0].column, "more than %d values", SCENARIO_VALUES);
    if (!take_name(p->text, st, "the name of the value", v->values[v->value_count].name) ||
        !take_word(p->text, st, "the value", &value))
        return false;
    v->values[v->value_count++].value = strdup(value);
    return take_end(p->text, st);
}

static bool parse_node(struct topology *p)
{
    struct scenario *s = p->scenario;
    struct statement *st = &p->statement;
    if (s->node_count == SCENARIO_NODES)
        return script_fail(p->text, st->line, 1, "more than %d nodes", SCENARIO_NODES);
    struct node *n = &s->nodes[s->node_count];
    unsigned column = statement_peek(st) ? statement_peek(st)->column : st->end;
    if (!take_name(p->text, st, "the name of the node", n->name))
        return false;
    if (scenario_find_node(s, n->name) >= 0 || strcmp(n->name, "fabric") == 0)
        return script_fail(p->text, st->line, column, "a node named %s is there already", n->name);
    if (statement_accept(st, "host"))
        n->kind = NODE_HOST;
    else if (statement_accept(st, "router"))
        n->kind = NODE_ROUTER;
    else if (statement_accept(st, "gateway"))
        n->kind = NODE_GATEWAY;
    else if (statement_accept(st, "farm"))
        n->kind = NODE_FARM;
    else
        return script_expected(p->text, st, "'host', 'router', 'gateway' or 'farm'");
    s->node_count++;
    p->node = n;
    p->variant = NULL;
    return take_end(p->text, st);
}

static bool take_device(struct topology *p, char ret[SCENARIO_DEVICE])
{
    struct statement *st = &p->statement;
    const struct word *w = statement_peek(st);
    if (!w || w->text[0] == '\0' || strlen(w->text) >= SCENARIO_DEVICE || strpbrk(w->text, "/: "))
        return script_expected(p->text, st, "a device name (up to 15 characters, without '/' and ':')");
    strcpy(ret, w->text);
    st->taken++;
    return true;
}

bool script_prefix(const char *text, struct prefix *ret)
{
    char copy[80];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct prefix p = {0};
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (!address_parse(copy, &p.address))
        return false;
    p.length = address_bits(&p.address);
    if (slash) {
        char *end;
        unsigned long v = strtoul(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end || v > p.length)
            return false;
        p.length = (uint8_t)v;
    }
    *ret = p;
    return true;
}

static bool take_prefix(struct topology *p, const char *what, struct prefix *ret)
{
    const struct word *w = statement_peek(&p->statement);
    if (!w || !script_prefix(w->text, ret))
        return script_expected(p->text, &p->statement, what);
    p->statement.taken++;
    return true;
}

/* The node below which the statement stands, if statements of that kind may stand there. */
static bool statement_node(struct topology *p, bool gateway_too)
{
    const struct statement *st = &p->statement;
    if (!p->node)
        return script_fail(p->text, st->line, st->words[0].column, "'%s' belongs below a node",
                           st->words[0].text);
    if (p->node->kind == NODE_GATEWAY && !gateway_too)
        return script_fail(p->text, st->line, st->words[0].column,
                           "'%s' of a gateway stands in its configuration, not here", st->words[0].text);
    return true;
}

static bool parse_address(struct topology *p)
{
    struct node *n = p->node;
    if (!statement_node(p, false))
        return false;
    if (n->address_count == SCENARIO_NODE_ADDRESSES)
        return script_fail(p->text, p->statement.line, 1, "more than %d addresses", SCENARIO_NODE_ADDRESSES);
    struct node_address *a = &n->addresses[n->address_count];
    if (!take_device(p, a->device) ||
        !take_prefix(p, "an address with its prefix length (10.1.0.10/24)", &a->prefix))
        return false;
    n->address_count++;
    return take_end(p->text, &p->statement);
}

static bool parse_route(struct topology *p)
{
    struct node *n = p->node;
    struct statement *st = &p->statement;
    if (!statement_node(p, false))
        return false;
    if (n->route_count == SCENARIO_NODE_ROUTES)
        return script_fail(p->text, st->line, 1, "more than %d routes", SCENARIO_NODE_ROUTES);
    struct node_route *r = &n->routes[n->route_count];
    bool everything = statement_accept(st, "default");
    if (!everything && !take_prefix(p, "'default' or a prefix", &r->destination))
        return false;
    if (!take_keyword(p->text, st, "via"))
        return false;
    const struct word *w = statement_peek(st);
    if (!w || !address_parse(w->text, &r->via))
        return script_expected(p->text, st, "the address of the next hop");
    if (everything)
        r->destination.address = address_of((uint8_t[16]){0}, address_len(&r->via));
    if (r->destination.address.family != r->via.family)
        return script_expected(p->text, st, "a next hop of the destination's address family");
    st->taken++;
    prefix_mask(&r->destination);
    uint64_t metric = 0;
    if (statement_accept(st, "metric") && !take_number(p->text, st, "a metric", 1, UINT32_MAX, &metric))
        return false;
    r->metric = (uint32_t)metric;
    n->route_count++;
    return take_end(p->text, st);
}

static bool parse_sysctl(struct topology *p)
{
    struct node *n = p->node;
    struct statement *st = &p->statement;
    const char *key, *value;
    if (!statement_node(p, true))
        return false;
    if (n->sysctl_count == SCENARIO_NODE_SYSCTLS)
        return script_fail(p->text, st->line, 1, "more than %d sysctls", SCENARIO_NODE_SYSCTLS);
    const struct word *w = statement_peek(st);
    if (w && (strncmp(w->text, "net.", 4) != 0 || strstr(w->text, "..") || strchr(w->text, '/')))
        return script_expected(p->text, st, "a key below net., with dots");
    if (!take_word(p->text, st, "a key below net., with dots", &key) ||
        !take_word(p->text, st, "its value", &value))
        return false;
    n->sysctls[n->sysctl_count++] = (struct node_sysctl){strdup(key), strdup(value)};
    return take_end(p->text, st);
}

/* FOLDER/VARIANT/FILE where there is one, else FOLDER/FILE. */
static char *config_path(const struct scenario *s, const char *file)
{
    char path[PATH_MAX];
    if (!s->folder)
        return strdup(file);
    int n = snprintf(path, sizeof path, "%s/%s/%s", s->folder, scenario_variant_name(s), file);
    if (n < (int)sizeof path && access(path, R_OK) == 0)
        return strdup(path);
    n = snprintf(path, sizeof path, "%s/%s", s->folder, file);
    return n < (int)sizeof path && access(path, R_OK) == 0 ? strdup(path) : NULL;
}

static bool parse_config(struct topology *p)
{
    struct node *n = p->node;
    struct statement *st = &p->statement;
    const char *file;
    if (!statement_node(p, true))
        return false;
    if (n->kind != NODE_GATEWAY && n->routing == 0)
        return script_fail(p->text, st->line, st->words[0].column,
                           "only a gateway has a configuration, and a router below its `routing`");
    const struct word *w = statement_peek(st);
    if (!take_word(p->text, st, "the name of the configuration file", &file))
        return false;
    free(n->config);
    n->config = config_path(p->scenario, file);
    if (!n->config)
        return script_fail(p->text, st->line, w->column, "no file %s in the scenario's folder", file);
    return take_end(p->text, st);
}

static bool parse_routing(struct topology *p)
{
    struct node *n = p->node;
    struct statement *st = &p->statement;
    if (!statement_node(p, true))
        return false;
    if (n->kind != NODE_GATEWAY && n->kind != NODE_ROUTER)
        return script_fail(p->text, st->line, st->words[0].column,
                           "'routing' belongs below a router or gateway");
    n->routing = 0;
    do {
        if (statement_accept(st, "ospf"))
            n->routing |= NODE_ROUTING_OSPF;
        else if (statement_accept(st, "eigrp"))
            n->routing |= NODE_ROUTING_EIGRP;
        else
            return script_expected(p->text, st, "'ospf' or 'eigrp'");
    } while (!statement_done(st));
    return true;
}

static bool farm_node(struct topology *p)
{
    const struct statement *st = &p->statement;
    if (!statement_node(p, true))
        return false;
    return p->node->kind == NODE_FARM || script_fail(p->text, st->line, st->words[0].column,
                                                     "'%s' belongs below a farm", st->words[0].text);
}

static bool parse_options(struct topology *p)
{
    const char *options;
    if (!farm_node(p) ||
        !take_word(p->text, &p->statement, "the options of `holdfast lab farm` in quotes", &options))
        return false;
    free(p->node->options);
    p->node->options = strdup(options);
    return take_end(p->text, &p->statement);
}

static bool parse_partner(struct topology *p)
{
    struct statement *st = &p->statement;
    if (!farm_node(p))
        return false;
    const struct word *w = statement_peek(st);
    int node = w ? scenario_find_node(p->scenario, w->text) : -1;
    if (node < 0)
        return script_expected(p->text, st, "the name of a node above this line");
    st->taken++;
    w = statement_peek(st);
    if (!w || !address_parse(w->text, &p->node->partner.address))
        return script_expected(p->text, st, "an address of that node");
    st->taken++;
    p->node->partner.given = true;
    p->node->partner.node = (unsigned)node;
    return take_end(p->text, st);
}

static bool device_taken(const struct scenario *s, unsigned node, const char *device)
{
    for (unsigned i = 0; i < s->link_count; i++) {
        const struct lab_link *l = &s->links[i];
        for (unsigned e = 0; e < l->end_count; e++) {
            if (l->ends[e].node == node && strcmp(l->ends[e].device, device) == 0)
                return true;
        }
    }
    return false;
}

/* NODE:DEVICE */
static bool take_end_of_link(struct topology *p, struct lab_link *l)
{
    struct statement *st = &p->statement;
    const struct word *w = statement_peek(st);
    const char *colon = w ? strchr(w->text, ':') : NULL;
    char name[SCRIPT_NAME] = "";
    if (!colon || colon == w->text || (size_t)(colon - w->text) >= sizeof name)
        return script_expected(p->text, st, "NODE:DEVICE");
    memcpy(name, w->text, (size_t)(colon - w->text));
    int node = scenario_find_node(p->scenario, name);
    if (node < 0)
        return script_fail(p->text, st->line, w->column, "no node named %s above this line", name);
    const char *device = colon + 1;
    unsigned column = w->column + (unsigned)(device - w->text);
    if (device[0] == '\0' || strlen(device) >= SCENARIO_DEVICE || strpbrk(device, "/: ") ||
        strcmp(device, "lo") == 0)
        return script_fail(p->text, st->line, column,
                           "expected a device name (up to 15 characters), found '%s'", device);
    if (l->end_count == SCENARIO_ENDS)
        return script_fail(p->text, st->line, w->column, "more than %d ends", SCENARIO_ENDS);
    bool taken = device_taken(p->scenario, (unsigned)node, device);
    for (unsigned i = 0; i < l->end_count; i++)
        taken |= l->ends[i].node == (unsigned)node && strcmp(l->ends[i].device, device) == 0;
    if (taken)
        return script_fail(p->text, st->line, w->column, "%s is used by a link already", w->text);
    struct link_end *e = &l->ends[l->end_count++];
    e->node = (unsigned)node;
    strcpy(e->device, device);
    st->taken++;
    return true;
}

static bool parse_link(struct topology *p)
{
    struct scenario *s = p->scenario;
    struct statement *st = &p->statement;
    p->node = NULL;
    p->variant = NULL;
    if (s->link_count == SCENARIO_LINKS)
        return script_fail(p->text, st->line, 1, "more than %d links", SCENARIO_LINKS);
    struct lab_link *l = &s->links[s->link_count];
    unsigned column = statement_peek(st) ? statement_peek(st)->column : st->end;
    if (!take_name(p->text, st, "the name of the link", l->name))
        return false;
    if (scenario_find_link(s, l->name) >= 0)
        return script_fail(p->text, st->line, column, "a link named %s is there already", l->name);
    while (l->end_count < 2 || (!statement_done(st) && strcmp(statement_peek(st)->text, "mtu") != 0)) {
        if (!take_end_of_link(p, l))
            return false;
    }
    uint64_t mtu = 0;
    if (statement_accept(st, "mtu") && !take_number(p->text, st, "an MTU", 576, 65535, &mtu))
        return false;
    l->mtu = (uint32_t)mtu;
    s->link_count++;
    return take_end(p->text, st);
}

static const struct {
    const char *name;
    bool (*parse)(struct topology *p);
} topology_statements[] = {
    {"title", parse_title},     {"variant", parse_variant}, {"set", parse_set},
    {"node", parse_node},       {"address", parse_address}, {"route", parse_route},
    {"config", parse_config},   {"sysctl", parse_sysctl},   {"link", parse_link},
    {"options", parse_options}, {"partner", parse_partner}, {"routing", parse_routing},
};

static bool parse_statement(struct topology *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(topology_statements); i++) {
        if (statement_accept(&p->statement, topology_statements[i].name))
            return topology_statements[i].parse(p);
    }
    return script_expected(
        p->text, &p->statement,
        "title, variant, set, node, address, route, routing, config, options, partner, sysctl or link");
}

/* What only the whole file can tell: each address is on a device of its node, each gateway has a
 * configuration. */
static bool topology_complete(struct topology *p)
{
    struct scenario *s = p->scenario;
    for (unsigned i = 0; i < s->node_count; i++) {
        struct node *n = &s->nodes[i];
        for (unsigned a = 0; a < n->address_count; a++) {
            const char *device = n->addresses[a].device;
            if (strcmp(device, "lo") != 0 && !device_taken(s, i, device))
                return script_fail(p->text, p->text->line, 1, "no link has the device %s of node %s", device,
                                   n->name);
        }
        if (!n->config && (n->kind == NODE_GATEWAY || (n->kind == NODE_ROUTER && n->routing))) {
            char file[SCRIPT_NAME + 8];
            snprintf(file, sizeof file, "%s.%s", n->name, n->kind == NODE_GATEWAY ? "conf" : "frr");
            n->config = config_path(s, file);
            if (!n->config)
                return script_fail(p->text, p->text->line, 1, "no configuration %s for %s %s", file,
                                   node_kind_name(n->kind), n->name);
        }
    }
    for (unsigned i = 0; i < s->node_count; i++) {
        if (s->nodes[i].kind == NODE_FARM && !s->nodes[i].options)
            return script_fail(p->text, p->text->line, 1, "farm %s has no `options`: it needs a --gateway",
                               s->nodes[i].name);
    }
    return s->node_count > 0 || script_fail(p->text, p->text->line, 1, "expected at least one node");
}

struct scenario *scenario_new(void)
{
    return calloc(1, sizeof(struct scenario));
}

bool scenario_parse_topology(struct scenario *s, struct script *t, const char *variant)
{
    struct topology p = {.scenario = s, .text = t, .wanted = variant};
    s->variant = SCENARIO_VARIANTS; /* none chosen yet */
    while (script_next(t, &p.statement)) {
        if (!parse_statement(&p))
            return false;
    }
    if (t->error[0])
        return false;
    if (variant && s->variant == SCENARIO_VARIANTS && strcmp(variant, scenario_variant_name(s)) != 0)
        return script_fail(t, t->line, 1, "no variant named %s", variant);
    return topology_complete(&p);
}
