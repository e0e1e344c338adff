/* SPDX-License-Identifier: Apache-2.0 */
/* See host.h. */
#include "site/wires/host.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/ip.h"

enum { HOST_TTL = 64 };

static void host_frame(struct site_node *n, unsigned port, const struct frame *f);

static void host_free(struct site_node *n)
{
    free(n->own);
}

static const struct node_ops host_ops = {.frame = host_frame, .free = host_free};

struct host *host_new(struct site *s, const char *name, bool forwards)
{
    struct host *h = calloc(1, sizeof(*h));
    assert(h);
    h->node = site_node_add(s, name, &host_ops, h);
    h->node->up = true;
    h->forwards = forwards;
    return h;
}

struct host *host_of(const struct site_node *n)
{
    return n->ops == &host_ops ? n->own : NULL;
}

bool host_address_add(struct host *h, unsigned port, const struct prefix *p)
{
    if (h->address_count == HOST_ADDRESSES)
        return false;
    h->addresses[h->address_count++] = (struct host_address){port, *p};
    site_mac_set(h->node->site, &p->address, h->node->ports[port].mac);
    return true;
}

bool host_route_add(struct host *h, const struct host_route *r)
{
    if (h->route_count == HOST_ROUTES)
        return false;
    h->routes[h->route_count++] = *r;
    return true;
}

bool host_route_remove(struct host *h, const struct prefix *destination, const struct address *via)
{
    for (unsigned i = 0; i < h->route_count; i++) {
        if (prefix_equal(&h->routes[i].destination, destination) && address_equal(&h->routes[i].via, via)) {
            h->routes[i] = h->routes[--h->route_count];
            return true;
        }
    }
    return false;
}

bool host_has(const struct host *h, const struct address *a)
{
    for (unsigned i = 0; i < h->address_count; i++) {
        if (address_equal(&h->addresses[i].prefix.address, a))
            return true;
    }
    return false;
}

/* The port on whose network that address is, over a line that is up; -1: none. */
static int port_towards(const struct host *h, const struct address *a)
{
    int best = -1, length = -1;
    for (unsigned i = 0; i < h->address_count; i++) {
        const struct host_address *own = &h->addresses[i];
        if (prefix_contains(&own->prefix, a) && own->prefix.length > length &&
            h->node->ports[own->port].line) {
            best = (int)own->port;
            length = own->prefix.length;
        }
    }
    return best;
}

static bool better(const struct host_route *a, const struct host_route *b)
{
    return a->destination.length != b->destination.length ? a->destination.length > b->destination.length
                                                          : a->metric < b->metric;
}

/* The port and the neighbour that lead to `to`. */
static int way_to(const struct host *h, const struct address *to, struct address *ret_neighbour)
{
    const struct host_route *best = NULL;
    int port = port_towards(h, to);
    *ret_neighbour = *to;
    if (port >= 0)
        return port;
    for (unsigned i = 0; i < h->route_count; i++) {
        const struct host_route *r = &h->routes[i];
        if (prefix_contains(&r->destination, to) && port_towards(h, &r->via) >= 0 &&
            (!best || better(r, best)))
            best = r;
    }
    if (!best)
        return -1;
    *ret_neighbour = best->via;
    return port_towards(h, &best->via);
}

bool host_send(struct host *h, struct frame *f)
{
    struct address neighbour;
    int port = way_to(h, &f->to, &neighbour);
    if (port < 0) {
        h->no_route++;
        return false;
    }
    if (!site_mac_find(h->node->site, &neighbour, f->destination)) {
        h->no_neighbour++;
        return false;
    }
    if (f->ttl == 0)
        f->ttl = HOST_TTL;
    memcpy(f->source, h->node->ports[port].mac, SITE_MAC);
    site_send(h->node, (unsigned)port, f);
    return true;
}

static void host_forward(struct host *h, const struct frame *f)
{
    if (f->ttl <= 1) {
        h->ttl_expired++;
        return;
    }
    struct frame *onward = frame_copy(f);
    onward->ttl--;
    host_send(h, onward);
    free(onward);
}

static void host_echo(struct host *h, const struct frame *f)
{
    struct frame *reply = frame_copy(f);
    reply->from = f->to;
    reply->to = f->from;
    reply->ttl = HOST_TTL;
    reply->data[0] = ICMP_ECHO_REPLY;
    host_send(h, reply);
    free(reply);
}

static void host_frame(struct site_node *n, unsigned port, const struct frame *f)
{
    struct host *h = n->own;
    if (f->kind != FRAME_IP || memcmp(f->destination, n->ports[port].mac, SITE_MAC) != 0)
        return;
    if (host_has(h, &f->to)) {
        if (f->protocol == SITE_PROTOCOL_ICMP) {
            if (f->len > 0 && f->data[0] == ICMP_ECHO_REQUEST)
                host_echo(h, f);
        } else if (h->receive)
            h->receive(h->context, h, f);
    } else if (h->forwards) {
        host_forward(h, f);
    }
}
