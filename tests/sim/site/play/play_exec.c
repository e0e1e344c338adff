/* SPDX-License-Identifier: Apache-2.0 */
/* Shell commands of `exec` that mean something in a simulated node: ping, a host's routes and neighbours, and
 * the packet filters that the scenarios' own scripts set. Everything else is PLAY_UNKNOWN. */
#include <assert.h>
#include <stdlib.h>

#include "site/play/play.h"
#include "site/wires/tcp_model.h"

enum { WORDS = 16 };

struct command {
    struct play *play;
    unsigned node;
    char *words[WORDS];
    unsigned count;
    char **output;
};

static bool word_is(const struct command *c, unsigned at, const char *word)
{
    return at < c->count && strcmp(c->words[at], word) == 0;
}

static struct host *host_here(const struct command *c)
{
    return host_of(c->play->nodes[c->node]);
}

static bool known(const struct play *p, const struct address *a)
{
    bool gateways = false;
    for (unsigned i = 0; i < p->scenario->node_count; i++) {
        const struct host *h = host_of(p->nodes[i]);
        if (h && host_has(h, a))
            return true;
        gateways |= !h;
    }
    return !gateways;
}

struct ping {
    unsigned count;
    ns interval, patience;
    uint32_t size;
    struct address to;
};

/* -c, -i, -W, -s and the address; false: something else is asked. */
static bool ping_options(const struct command *c, struct ping *ret)
{
    unsigned at = 1;
    *ret = (struct ping){.count = 1, .interval = NS_PER_S, .patience = NS_PER_S, .size = 56};
    for (; at + 1 < c->count; at += 2) {
        double value = atof(c->words[at + 1]);
        if (word_is(c, at, "-c"))
            ret->count = (unsigned)value;
        else if (word_is(c, at, "-i"))
            ret->interval = (ns)(value * (double)NS_PER_S);
        else if (word_is(c, at, "-W"))
            ret->patience = (ns)(value * (double)NS_PER_S);
        else if (word_is(c, at, "-s"))
            ret->size = (uint32_t)value;
        else
            return false;
    }
    return at + 1 == c->count && address_parse(c->words[at], &ret->to);
}

/* Only hosts and routers answer: a gateway's kernel has no ping here, and may have that address. */
static enum play_answer exec_ping(const struct command *c)
{
    struct play *p = c->play;
    struct ping ping;
    struct host *h = host_here(c);
    if (!h || !ping_options(c, &ping) || !known(p, &ping.to) || ping.size > 1472)
        return PLAY_UNKNOWN;
    struct traffic_ping *t = traffic_ping(&p->traffic, h, &ping.to, ping.count, ping.interval, ping.size);
    while (!traffic_ping_over(t, ping.patience) && !p->error)
        play_advance(p, site_now(&p->site) + NS_PER_MS);
    if (asprintf(c->output, "%u sent, %u received", t->sent, t->received) < 0)
        *c->output = NULL;
    return t->received ? PLAY_TRUE : PLAY_FALSE;
}

/* ip neigh show A */
static enum play_answer exec_neighbour(const struct command *c)
{
    struct address a;
    uint8_t mac[SITE_MAC];
    if (!host_here(c) || c->count != 4 || !address_parse(c->words[3], &a))
        return PLAY_UNKNOWN;
    if (site_mac_find(&c->play->site, &a, mac) &&
        asprintf(c->output, "%s lladdr %02x:%02x:%02x:%02x:%02x:%02x REACHABLE\n", c->words[3], mac[0],
                 mac[1], mac[2], mac[3], mac[4], mac[5]) < 0)
        *c->output = NULL;
    return PLAY_TRUE;
}

/* ip route add|del PREFIX|default via A */
static enum play_answer exec_route(const struct command *c)
{
    struct host_route r = {.destination = {.address = address_v4(0)}};
    struct host *h = host_here(c);
    bool add = word_is(c, 2, "add");
    if (!h || c->count != 6 || !(add || word_is(c, 2, "del")) || !word_is(c, 4, "via") ||
        !address_parse(c->words[5], &r.via) ||
        !(word_is(c, 3, "default") || script_prefix(c->words[3], &r.destination)))
        return PLAY_UNKNOWN;
    bool done = add ? host_route_add(h, &r) : host_route_remove(h, &r.destination, &r.via);
    return done ? PLAY_TRUE : PLAY_FALSE;
}

/* sh $SCENARIO/mute.sh [heal] */
static enum play_answer exec_mute(const struct command *c)
{
    c->play->filters[c->node].mute = !word_is(c, 2, "heal");
    return PLAY_TRUE;
}

/* sh $SCENARIO/split.sh heal|ADDRESS... */
static enum play_answer exec_split(const struct command *c)
{
    struct play_filter *f = &c->play->filters[c->node];
    f->denied_count = 0;
    for (unsigned i = 2; i < c->count && !word_is(c, 2, "heal"); i++) {
        if (f->denied_count == PLAY_DENIED || !address_parse(c->words[i], &f->denied[f->denied_count++]))
            return PLAY_UNKNOWN;
    }
    return PLAY_TRUE;
}

/* ss -K sport = PORT: a connection is over for good. */
static enum play_answer exec_tear(const struct command *c)
{
    unsigned flow = c->count > 4 ? (unsigned)atoi(c->words[4]) - TRAFFIC_PORT : TRAFFIC_FLOWS;
    if (!word_is(c, 2, "sport") || !word_is(c, 3, "=") || flow >= TRAFFIC_FLOWS ||
        !c->play->traffic.flows[flow].tcp)
        return PLAY_UNKNOWN;
    tcp_model_tear(c->play->traffic.flows[flow].tcp);
    return PLAY_TRUE;
}

/* cat /sys/class/net/DEVICE/carrier */
static enum play_answer exec_carrier(const struct command *c)
{
    char device[16] = "";
    if (c->count != 2 || sscanf(c->words[1], "/sys/class/net/%15[^/]/carrier", device) != 1)
        return PLAY_UNKNOWN;
    int port = site_port_find(c->play->nodes[c->node], device);
    if (port < 0)
        return PLAY_UNKNOWN;
    *c->output = strdup(c->play->nodes[c->node]->ports[port].line ? "1\n" : "0\n");
    return PLAY_TRUE;
}

static const struct {
    const char *first, *second; /* NULL: any */
    enum play_answer (*run)(const struct command *c);
} commands[] = {
    {"ping", NULL, exec_ping},
    {"ip", "neigh", exec_neighbour},
    {"ip", "route", exec_route},
    {"ss", "-K", exec_tear},
    {"cat", NULL, exec_carrier},
    {"sh", "$SCENARIO/mute.sh", exec_mute},
    {"sh", "$SCENARIO/split.sh", exec_split},
};

enum play_answer play_exec(struct play *p, unsigned node, const char *text, char **ret_output)
{
    struct command c = {.play = p, .node = node, .output = ret_output};
    enum play_answer answer = PLAY_UNKNOWN;
    char *copy = strdup(text), *rest = NULL;
    *ret_output = NULL;
    assert(copy);
    for (char *w = strtok_r(copy, " ", &rest); w && c.count < WORDS; w = strtok_r(NULL, " ", &rest)) {
        if (w[0] != '>' && strcmp(w, "2>&1") != 0)
            c.words[c.count++] = w;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (word_is(&c, 0, commands[i].first) &&
            (!commands[i].second || word_is(&c, 1, commands[i].second))) {
            answer = commands[i].run(&c);
            break;
        }
    }
    free(copy);
    if (!*ret_output)
        *ret_output = strdup("");
    return answer;
}
