/* SPDX-License-Identifier: Apache-2.0 */
/* See as_timeline.h. Faults are what faults.c makes of them: its generators give the same numbers here. */
#include "site/world/as_timeline.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "site/gateway/gateway.h"

enum { STEPS = 1024, STEP_TEXT = 160 };

struct timed {
    ns at;
    unsigned order;
    char text[STEP_TEXT];
};

struct writer {
    const struct world *world;
    struct timed *steps;
    unsigned count;
};

static FILE *text_open(const char *folder, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "we");
}

static int text_close(FILE *f)
{
    bool bad = ferror(f) != 0;
    return fclose(f) == 0 && !bad ? 0 : -EIO;
}

/* ---- topology.lab ---- */

/* Links of spokes have the same name. */
static void link_name(const struct world *w, unsigned link, char out[SITE_NAME + 8])
{
    if (link < LINK_SPOKES)
        snprintf(out, SITE_NAME + 8, "%s", w->fabric.links[link].name);
    else
        snprintf(out, SITE_NAME + 8, "%s-%u", w->fabric.links[link].name, (link - LINK_SPOKES) / 2 + 1);
}

static void node_write(FILE *f, const struct site_node *n)
{
    const struct host *h = host_of(n);
    char text[PREFIX_TEXT], via[ADDRESS_TEXT];
    fprintf(f, "node %s %s\n", n->name, !h ? "gateway" : h->forwards ? "router" : "host");
    for (unsigned i = 0; h && i < h->address_count; i++)
        fprintf(f, "    address %s %s\n", n->ports[h->addresses[i].port].name,
                prefix_print(&h->addresses[i].prefix, text));
    for (unsigned i = 0; h && i < h->route_count; i++) {
        const struct host_route *r = &h->routes[i];
        fprintf(f, "    route %s via %s\n",
                r->destination.length ? prefix_print(&r->destination, text) : "default",
                address_print(&r->via, via));
    }
}

static int topology_write(const struct world *w, const char *folder)
{
    FILE *f = text_open(folder, "topology.lab");
    if (!f)
        return -errno;
    fprintf(f, "title \"Seed %llu of site_world\"\n", (unsigned long long)w->site.seed);
    for (unsigned i = 0; i < w->site.node_count; i++)
        node_write(f, w->site.nodes[i]);
    for (unsigned i = 0; i < w->fabric.link_count; i++) {
        const struct fabric_link *l = &w->fabric.links[i];
        char name[SITE_NAME + 8];
        link_name(w, i, name);
        fprintf(f, "link %s", name);
        for (unsigned e = 0; e < l->end_count; e++)
            fprintf(f, " %s:%s", l->ends[e].node->name, l->ends[e].node->ports[l->ends[e].port].name);
        fprintf(f, "\n");
    }
    return text_close(f);
}

static int configs_write(const struct world *w, const char *folder)
{
    for (unsigned i = 0; i < w->site.node_count; i++) {
        const struct site_node *n = w->site.nodes[i];
        char name[SITE_NAME + 8];
        if (!node_is_gateway(n))
            continue;
        snprintf(name, sizeof name, "%s.conf", n->name);
        FILE *f = text_open(folder, name);
        if (!f)
            return -errno;
        fputs(gateway_kernel(n)->config, f);
        int rc = text_close(f);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- what befalls ---- */

__attribute__((format(printf, 3, 4))) static void step(struct writer *o, ns at, const char *format, ...)
{
    va_list args;
    if (o->count == STEPS)
        return;
    struct timed *t = &o->steps[o->count];
    va_start(args, format);
    vsnprintf(t->text, sizeof t->text, format, args);
    va_end(args);
    t->at = at;
    t->order = o->count++;
}

/* A `cli` step to a gateway that does not answer would end the timeline; a check does not. */
static void ask(struct writer *o, ns at, const struct site_node *n, const char *line)
{
    step(o, at, "check cli %s \"%s\" not matches \"^never$\" as \"%s is asked; it may refuse, or be away\"",
         n->name, line, n->name);
}

static void member_links(struct writer *o, ns at, const char *verb, const struct site_node *n)
{
    for (unsigned link = LINK_LAN; link <= LINK_REPLICATION; link++)
        step(o, at, "%s %s at %s", verb, o->world->fabric.links[link].name, n->name);
}

static void node_step(struct writer *o, const struct fault *f, struct rng *r)
{
    const struct site_node *n = fault_target(o->world, f);
    const char *role = rng_below(r, 2) ? "control" : "engine";
    ns end = f->at + f->length;
    bool member = n == o->world->members[0] || n == o->world->members[1];
    switch (f->kind) {
    case FAULT_AT_WORK:
        step(o, f->at, "# the next one: not at this moment but in the middle of something");
        step(o, f->at, "kill %s %s", n->name, role);
        break;
    case FAULT_FORGETFUL:
        step(o, f->at, "# and the records are lost, which no step does");
        step(o, f->at, "kill %s control", n->name);
        break;
    case FAULT_CONTROL:
    case FAULT_ENGINE:
        step(o, f->at, "kill %s %s", n->name, f->kind == FAULT_CONTROL ? "control" : "engine");
        break;
    case FAULT_NODE:
        step(o, f->at, "kill %s supervisor", n->name);
        if (member) {
            member_links(o, f->at, "cut", n);
            member_links(o, end, "repair", n);
        }
        step(o, end, "restart %s", n->name);
        break;
    case FAULT_DAEMON:
        step(o, f->at, "kill %s supervisor", n->name);
        step(o, end, "restart %s", n->name);
        break;
    case FAULT_FREEZE:
        step(o, f->at, "freeze %s", n->name);
        step(o, end, "thaw %s", n->name);
        break;
    default:
        step(o, f->at, "# stopped in good order, and started again after %llu ms",
             (unsigned long long)(f->length / NS_PER_MS + 1000));
        step(o, f->at, "restart %s", n->name);
        break;
    }
}

static void link_step(struct writer *o, const struct fault *f, struct rng *r)
{
    static const char *const ways[] = {" in", " out", ""}; /* as bits of enum fabric_hole: 1, 2, 3 */
    unsigned link = fault_link(o->world, f);
    const struct fabric_link *l = &o->world->fabric.links[link];
    int end = rng_below(r, 3) ? (int)rng_below(r, l->end_count) : -1;
    char name[SITE_NAME + 8], at[SITE_NAME + 8] = "";
    link_name(o->world, link, name);
    if (end >= 0)
        snprintf(at, sizeof at, " at %s", l->ends[end].node->name);
    if (f->kind == FAULT_CUT) {
        step(o, f->at, "cut %s%s", name, at);
    } else if (f->kind == FAULT_HOLE) {
        step(o, f->at, "blackhole %s%s%s", name, at, end >= 0 ? ways[f->way % 3] : "");
    } else {
        uint32_t delay = rng_below(r, 20), jitter = rng_below(r, 5), loss = rng_below(r, 200000);
        step(o, f->at, "# with a delay of %u to %u ms, duplicates and reordering", delay, delay + jitter);
        step(o, f->at, "lossy %s %.1f%%", name, loss / 10000.0);
    }
    step(o, f->at + f->length, "repair %s", name);
}

/* By the scenario's own split.sh: who does not hear whom. */
static void apart_step(struct writer *o, const struct fault *f)
{
    for (unsigned m = 0; m < 2; m++) {
        const char *name = o->world->members[m]->name;
        if (!((1 + f->way % 3) >> m & 1))
            continue;
        step(o, f->at, "exec %s \"sh $SCENARIO/split.sh 9.1.1.%u 10.1.1.%u 192.168.255.%u\"", name, 36 - m,
             2 - m, 2 - m);
        step(o, f->at + f->length, "exec %s \"sh $SCENARIO/split.sh heal\"", name);
    }
}

static void fault_steps(struct writer *o, const struct fault *f)
{
    static const char *const clears[] = {"clear crypto sa", "clear crypto isakmp", "clear crypto isakmp",
                                         "clear crypto sa"};
    struct rng r;
    rng_init_number(&r, f->seed);
    switch (f->kind) {
    case FAULT_CUT:
    case FAULT_HOLE:
    case FAULT_WEATHER:
        link_step(o, f, &r);
        break;
    case FAULT_ISLAND:
        member_links(o, f->at, "cut", o->world->members[f->target % 2]);
        member_links(o, f->at + f->length, "repair", o->world->members[f->target % 2]);
        break;
    case FAULT_APART:
        apart_step(o, f);
        break;
    case FAULT_CLOCK:
        step(o, f->at, "# the clock of %s jumps: no step does that", fault_target(o->world, f)->name);
        break;
    case FAULT_SWITCHOVER:
        for (unsigned i = 0; i < (f->way % 4 ? 1u : 8u); i++)
            for (unsigned m = 0; m < 2; m++)
                ask(o, f->at + i * 300 * NS_PER_MS, o->world->members[m], "redundancy switchover");
        break;
    case FAULT_CLEAR:
        ask(o, f->at, fault_target(o->world, f), clears[rng_below(&r, ARRAY_SIZE(clears))]);
        break;
    default:
        node_step(o, f, &r);
        break;
    }
}

static int earlier(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* ---- timeline.lab ---- */

static void flows_write(FILE *f, const struct world *w)
{
    char from[ADDRESS_TEXT], to[ADDRESS_TEXT];
    for (unsigned i = 0; i < w->flow_count; i++) {
        const struct world_flow *flow = &w->flows[i];
        fprintf(f, "flow f%u from %s %s to %s %s rate %llu size 92\n", i, flow->from->node->name,
                address_print(&flow->source, from), flow->to->node->name,
                address_print(&flow->destination, to),
                (unsigned long long)MAX(NS_PER_S / flow->period, (ns)1));
    }
    for (unsigned i = 0; i < w->flow_count; i++)
        fprintf(f, "at 1000ms start f%u\n", i);
}

static int timeline_write(struct writer *o, const char *folder)
{
    FILE *f = text_open(folder, "timeline.lab");
    const struct world *w = o->world;

    if (!f)
        return -errno;
    flows_write(f, w);
    qsort(o->steps, o->count, sizeof *o->steps, earlier);
    for (unsigned i = 0; i < o->count; i++) {
        const struct timed *t = &o->steps[i];

        if (t->text[0] == '#')
            fprintf(f, "%s\n", t->text);
        else
            fprintf(f, "at %llums %s\n", (unsigned long long)((t->at - SITE_START) / NS_PER_MS), t->text);
    }
    fprintf(f, "say \"Everything has healed: all traffic flows again.\"\n");
    for (unsigned i = 0; i < w->fabric.link_count; i++) {
        char name[SITE_NAME + 8];
        link_name(w, i, name);
        fprintf(f, "%s%s\n", i == 0 ? "after 1s repair " : "repair ", name);
    }
    for (unsigned i = 0; i < w->flow_count; i++)
        fprintf(f, "wait until flow f%u receives within 60s\n", i);
    for (unsigned i = 0; i < w->flow_count; i++)
        fprintf(f, "check flow f%u duplicated == 0\n", i);

    return text_close(f);
}

static int split_write(const char *folder)
{
    FILE *f = text_open(folder, "split.sh");
    if (!f)
        return -errno;
    fputs("#!/bin/sh\n"
          "# Nothing that these addresses send is heard any more (split ADDRESS...), or all is (heal).\n"
          "nft delete table inet lab_split 2>/dev/null\n"
          "[ \"$1\" = heal ] && exit 0\n"
          "set -e\n"
          "nft add table inet lab_split\n"
          "nft add chain inet lab_split in '{ type filter hook prerouting priority -500; policy accept; }'\n"
          "for address; do nft add rule inet lab_split in ip saddr \"$address\" drop; done\n",
          f);
    return text_close(f);
}

int as_timeline_write(const struct world *w, uint32_t mask, const char *folder)
{
    struct writer o = {.world = w, .steps = calloc(STEPS, sizeof(*o.steps))};
    if (!o.steps)
        return -ENOMEM;
    for (unsigned i = 0; i < w->fault_count; i++)
        if (mask >> i & 1)
            fault_steps(&o, &w->faults[i]);
    int rc = mkdir(folder, 0777) < 0 && errno != EEXIST ? -errno : 0;
    if (rc == 0)
        rc = topology_write(w, folder);
    if (rc == 0)
        rc = configs_write(w, folder);
    if (rc == 0)
        rc = split_write(folder);
    if (rc == 0)
        rc = timeline_write(&o, folder);
    free(o.steps);
    return rc;
}
