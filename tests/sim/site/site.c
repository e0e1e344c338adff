/* SPDX-License-Identifier: Apache-2.0 */
/* See site.h. */
#include "site/site.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash_table.h"

const uint8_t frame_broadcast[SITE_MAC] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static const int64_t PPM = 1000000;

/* ---- frames ---- */

struct frame *frame_new(uint32_t len)
{
    struct frame *f = calloc(1, sizeof(*f) + len);
    assert(f);
    f->len = len;
    return f;
}

struct frame *frame_copy(const struct frame *f)
{
    struct frame *copy = malloc(FRAME_BYTES(f));
    assert(copy);
    memcpy(copy, f, FRAME_BYTES(f));
    return copy;
}

bool frame_is_multicast(const struct frame *f)
{
    return f->destination[0] & 1;
}

/* ---- the world ---- */

void site_init(struct site *s, uint64_t seed)
{
    *s = (struct site){.seed = seed, .trace = seed};
    rng_init_number(&s->rng, seed);
    schedule_init(&s->schedule, SITE_START);
}

void site_done(struct site *s)
{
    for (unsigned i = 0; i < s->node_count; i++) {
        if (s->nodes[i]->ops->free)
            s->nodes[i]->ops->free(s->nodes[i]);
    }
    schedule_done(&s->schedule);
    if (s->fabric_free)
        s->fabric_free(s);
    for (unsigned i = 0; i < s->node_count; i++)
        free(s->nodes[i]);
    free(s->macs);
}

struct site_node *site_node_add(struct site *s, const char *name, const struct node_ops *ops, void *own)
{
    struct site_node *n = calloc(1, sizeof(*n));
    assert(n && s->node_count < SITE_NODES_MAX);
    n->site = s;
    n->ops = ops;
    n->own = own;
    snprintf(n->name, sizeof(n->name), "%s", name);
    n->number = s->node_count;
    n->ahead_since = s->schedule.now;
    s->nodes[s->node_count++] = n;
    return n;
}

struct site_node *site_node_find(const struct site *s, const char *name)
{
    for (unsigned i = 0; i < s->node_count; i++)
        if (strcmp(s->nodes[i]->name, name) == 0)
            return s->nodes[i];
    return NULL;
}

unsigned site_port_add(struct site_node *n, const char *name, uint32_t mtu)
{
    assert(n->port_count < SITE_PORTS_MAX);
    struct site_port *p = &n->ports[n->port_count];
    snprintf(p->name, sizeof(p->name), "%s", name);
    p->mtu = mtu;
    p->mac[0] = 2;
    p->mac[3] = (uint8_t)(n->number >> 8);
    p->mac[4] = (uint8_t)n->number;
    p->mac[5] = (uint8_t)n->port_count;
    return n->port_count++;
}

int site_port_find(const struct site_node *n, const char *name)
{
    for (unsigned i = 0; i < n->port_count; i++)
        if (strcmp(n->ports[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* ---- time ---- */

ns site_now(const struct site *s)
{
    return s->schedule.now;
}

ns node_now(const struct site_node *n)
{
    int64_t passed = (int64_t)(n->site->schedule.now - n->ahead_since);
    return n->site->schedule.now + (ns)(n->ahead + passed / PPM * n->drift + passed % PPM * n->drift / PPM);
}

/* The first moment at which the clock shows `at` or later. */
ns node_to_site(const struct site_node *n, ns at)
{
    if (at == NS_NEVER)
        return NS_NEVER;
    ns now = node_now(n);
    if (at <= now)
        return n->site->schedule.now;
    ns left = at - now;
    if (n->drift == 0)
        return n->site->schedule.now + left;
    return n->site->schedule.now + (ns)((__int128)left * PPM / (PPM + n->drift)) + 2;
}

void node_clock_set(struct site_node *n, int64_t jump, int32_t drift_ppm)
{
    n->ahead = (int64_t)(node_now(n) - n->site->schedule.now) + jump;
    n->ahead_since = n->site->schedule.now;
    n->drift = drift_ppm;
}

bool site_step(struct site *s, ns until)
{
    return !s->failed && schedule_step(&s->schedule, until);
}

void site_run(struct site *s, ns until)
{
    while (site_step(s, until))
        ;
}

void site_later(struct site *s, ns after, void (*run)(void *context, struct happening *h), void *context,
                uint64_t number)
{
    schedule_put(
        &s->schedule,
        (struct happening){.at = s->schedule.now + after, .run = run, .context = context, .number = number});
}

/* ---- what is said ---- */

void site_trace(struct site *s, uint64_t value)
{
    s->trace = (s->trace ^ value) * 0x100000001b3;
    s->trace ^= s->trace >> 29;
}

void site_fail(struct site *s, const char *format, ...)
{
    va_list list;
    if (s->failed)
        return;
    s->failed = true;
    va_start(list, format);
    vsnprintf(s->why, sizeof(s->why), format, list);
    va_end(list);
    site_tell(s, NULL, "FAILED", "%s", s->why);
}

void site_tell(struct site *s, const struct site_node *n, const char *topic, const char *format, ...)
{
    char text[512];
    va_list list;
    site_trace(s, s->schedule.now ^ hash_bytes(topic, strlen(topic), 1) ^ (n ? n->number + 1ULL : 0) << 56);
    if (!s->listening || !s->listen)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    s->listen(s->listen_context, n, topic, text);
}

ns site_between(struct site *s, ns low, ns high)
{
    return low + rng_u64(&s->rng) % (high - low + 1);
}

bool site_chance(struct site *s, uint32_t permille)
{
    return rng_below(&s->rng, 1000) < permille;
}

/* ---- who answers to an address ---- */

static struct site_mac *mac_entry(const struct site *s, const struct address *a)
{
    for (unsigned i = 0; i < s->mac_count; i++)
        if (address_equal(&s->macs[i].address, a))
            return &s->macs[i];
    return NULL;
}

void site_mac_set(struct site *s, const struct address *a, const uint8_t mac[SITE_MAC])
{
    struct site_mac *m = mac_entry(s, a);
    if (!m) {
        if (s->mac_count == s->mac_room) {
            s->mac_room = s->mac_room ? 2 * s->mac_room : 16;
            s->macs = realloc(s->macs, s->mac_room * sizeof(*s->macs));
            assert(s->macs);
        }
        m = &s->macs[s->mac_count++];
        m->address = *a;
    }
    memcpy(m->mac, mac, SITE_MAC);
}

bool site_mac_find(const struct site *s, const struct address *a, uint8_t ret_mac[SITE_MAC])
{
    const struct site_mac *m = mac_entry(s, a);
    if (m)
        memcpy(ret_mac, m->mac, SITE_MAC);
    return m != NULL;
}

/* ---- between nodes and the fabric ---- */

void site_send(struct site_node *n, unsigned port, const struct frame *f)
{
    struct site *s = n->site;
    assert(port < n->port_count);
    s->frames++;
    site_trace(s, s->schedule.now ^ (uint64_t)n->number << 48 ^ (uint64_t)port << 40 ^ f->size ^
                      hash_bytes(f->data, f->len, (uint32_t)f->flow.sequence));
    if (n->ports[port].line && s->carry)
        s->carry(n, port, f);
}

void site_deliver(struct site_node *n, unsigned port, const struct frame *f)
{
    if (n->up && n->ops->frame)
        n->ops->frame(n, port, f);
}

void site_line(struct site_node *n, unsigned port, bool up)
{
    if (n->ports[port].line == up)
        return;
    n->ports[port].line = up;
    if (n->ops->line)
        n->ops->line(n, port, up);
}
