/* SPDX-License-Identifier: Apache-2.0 */
/* A topology becomes a site; see play.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "site/play/play.h"

static const ns gateway_patience = 20 * NS_PER_S;

__attribute__((format(printf, 1, 2))) static char *text_of(const char *format, ...)
{
    char *out;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&out, format, args);
    va_end(args);
    assert(n >= 0);
    return out;
}

char *play_refuses(const struct scenario *s)
{
    for (unsigned i = 0; i < s->node_count; i++) {
        const struct node *n = &s->nodes[i];
        if (n->kind == NODE_FARM)
            return text_of("%s is a farm of spokes, a process of its own", n->name);
        if (n->routing)
            return text_of("FRR runs at %s", n->name);
        for (unsigned a = 0; a < n->address_count; a++) {
            if (n->addresses[a].prefix.address.family != ADDRESS_V4)
                return text_of("%s has an IPv6 address", n->name);
        }
    }
    for (unsigned i = 0; i < s->step_count; i++) {
        if (s->steps[i].kind == STEP_EXEC && strstr(s->steps[i].text, ".py "))
            return text_of("line %u: a program of the scenario takes part: %s", s->steps[i].line,
                           s->steps[i].text);
        if (s->steps[i].kind == STEP_EXEC && strstr(s->steps[i].text, "nft 'add table"))
            return text_of("line %u: a NAT is set up by a shell command", s->steps[i].line);
    }
    return NULL;
}

static char *file_read(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    if (getdelim(&text, &size, '\0', f) < 0 && ferror(f)) {
        free(text);
        text = NULL;
    }
    fclose(f);
    return text;
}

static bool gateway_add(struct play *p, unsigned i)
{
    const struct node *n = &p->scenario->nodes[i];
    if (!p->gateway) {
        play_fail(p, "%s is a gateway", n->name);
        return false;
    }
    p->configs[i] = n->config ? file_read(n->config) : NULL;
    if (!p->configs[i]) {
        play_fail(p, "%s: its configuration cannot be read", n->name);
        return false;
    }
    p->nodes[i] = p->gateway(&p->site, n->name, &(struct gateway_settings){.config = p->configs[i]});
    return p->nodes[i] != NULL;
}

static bool node_add(struct play *p, unsigned i)
{
    const struct node *n = &p->scenario->nodes[i];
    if (n->kind == NODE_GATEWAY)
        return gateway_add(p, i);
    struct host *h = host_new(&p->site, n->name, n->kind == NODE_ROUTER);
    traffic_host(&p->traffic, h);
    p->nodes[i] = h->node;
    return true;
}

static bool link_plug(struct play *p, unsigned link)
{
    const struct lab_link *l = &p->scenario->links[link];
    unsigned number = fabric_link_add(&p->fabric, l->name, l->mtu);
    assert(number == link);
    for (unsigned e = 0; e < l->end_count; e++) {
        struct site_node *n = p->nodes[l->ends[e].node];
        int port = site_port_find(n, l->ends[e].device);
        if (port < 0 && n->port_count == SITE_PORTS_MAX) {
            play_fail(p, "%s has too many devices", n->name);
            return false;
        }
        if (port < 0)
            port = (int)site_port_add(n, l->ends[e].device, p->fabric.links[link].mtu);
        fabric_plug(&p->fabric, link, n, (unsigned)port);
    }
    return true;
}

static void host_configure(struct play *p, unsigned i)
{
    const struct node *n = &p->scenario->nodes[i];
    struct host *h = host_of(p->nodes[i]);
    for (unsigned a = 0; h && a < n->address_count; a++) {
        int port = site_port_find(h->node, n->addresses[a].device);
        if (port < 0)
            port = (int)site_port_add(h->node, n->addresses[a].device, 0); /* lo: no wire */
        if (!host_address_add(h, (unsigned)port, &n->addresses[a].prefix))
            play_fail(p, "%s has too many addresses", n->name);
    }
    for (unsigned r = 0; h && r < n->route_count; r++) {
        const struct node_route *route = &n->routes[r];
        if (!host_route_add(h, &(struct host_route){route->destination, route->via, route->metric}))
            play_fail(p, "%s has too many routes", n->name);
    }
}

static bool answers(struct site_node *n)
{
    char *text = n->ops->command ? n->ops->command(n, "show version") : NULL;
    bool good = text != NULL;
    free(text);
    return good;
}

bool play_answers(struct play *p, unsigned node)
{
    return answers(p->nodes[node]);
}

bool play_wait_answer(struct play *p, unsigned node)
{
    ns deadline = site_now(&p->site) + gateway_patience;
    while (!p->error && !answers(p->nodes[node])) {
        if (site_now(&p->site) >= deadline) {
            play_fail(p, "%s does not answer", p->nodes[node]->name);
            return false;
        }
        play_advance(p, site_now(&p->site) + 20 * NS_PER_MS);
    }
    return !p->error;
}

static void gateways_start(struct play *p)
{
    for (unsigned i = 0; i < p->scenario->node_count; i++) {
        if (p->scenario->nodes[i].kind == NODE_GATEWAY)
            p->nodes[i]->ops->start(p->nodes[i]);
    }
    for (unsigned i = 0; i < p->scenario->node_count && !p->error; i++) {
        if (p->scenario->nodes[i].kind == NODE_GATEWAY)
            play_wait_answer(p, i);
    }
}

bool play_build(struct play *p, const struct scenario *s, uint64_t seed, play_gateway *gateway)
{
    *p = (struct play){.scenario = s, .gateway = gateway};
    site_init(&p->site, seed);
    fabric_init(&p->fabric, &p->site, seed);
    traffic_init(&p->traffic, &p->site);
    p->listing.start = site_now(&p->site);
    for (unsigned i = 0; i < s->node_count && !p->error; i++)
        node_add(p, i);
    for (unsigned i = 0; i < s->link_count && !p->error; i++)
        link_plug(p, i);
    for (unsigned i = 0; i < s->node_count && !p->error; i++)
        host_configure(p, i);
    play_tap_begin(p);
    if (!p->error)
        gateways_start(p);
    return !p->error;
}

void play_done(struct play *p)
{
    site_done(&p->site);
    traffic_done(&p->traffic);
    listing_done(&p->listing);
    for (unsigned i = 0; i < SCENARIO_NODES; i++) {
        free(p->configs[i]);
        free(p->logs[i].text);
    }
    for (unsigned i = 0; i < p->check_count; i++) {
        free(p->checks[i].name);
        free(p->checks[i].detail);
    }
    free(p->error);
}
