/* SPDX-License-Identifier: Apache-2.0 */
/* Routers that speak EIGRP on one LAN, which loses, repeats and reorders packets, while routes come and go,
 * routers die and come back, and lines break. When all that ends, every router must be every other's
 * neighbour, and have exactly the routes that the others announce.
 *
 *   eigrp_world FIRST COUNT    eigrp_world --show SEED
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "eigrp/eigrp.h"

enum { ROUTERS_MAX = 3, PREFIXES = 200, FLIGHT_MAX = 4096, IFINDEX = 2, EXTRA = 900 };

#define TROUBLE (40 * NS_PER_S)
#define HEALING (60 * NS_PER_S)

struct flight {
    ns at;
    uint8_t to;
    uint32_t source;
    uint16_t len;
    uint8_t data[EIGRP_PACKET_MAX];
};

struct router {
    struct eigrp *eigrp; /* NULL: dead */
    bool line;
    bool offers[PREFIXES + EXTRA];
    uint8_t kind[PREFIXES + EXTRA];   /* changes the offer */
    uint8_t routes[PREFIXES + EXTRA]; /* 0: none; else 1 + the router it leads to */
    uint64_t sent;
};

static struct world {
    struct rng rng;
    ns now;
    unsigned count, loss, repeat, jitter_ms;
    bool show, frr_like;
    struct router routers[ROUTERS_MAX];
    struct flight flights[FLIGHT_MAX];
    uint32_t flight_count;
    uint64_t packets;
} w;

static struct eigrp_actions actions;

static uint32_t address_of_router(unsigned i)
{
    return 0x0a010001 + i;
}

static struct prefix prefix_of(unsigned i)
{
    return (struct prefix){address_v4(0x0a400000 + i * 256), 24};
}

static void fly(unsigned from, unsigned to, const uint8_t *data, uint16_t len)
{
    ns delay = (100 + rng_below(&w.rng, 200)) * NS_PER_US;

    if (!w.routers[to].line || rng_below(&w.rng, 100) < w.loss)
        return;
    if (w.jitter_ms && rng_below(&w.rng, 10) == 0)
        delay += rng_below(&w.rng, w.jitter_ms) * NS_PER_MS;
    if (w.flight_count == FLIGHT_MAX)
        return;
    struct flight *f = &w.flights[w.flight_count++];
    *f = (struct flight){
        .at = w.now + delay, .to = (uint8_t)to, .source = address_of_router(from), .len = len};
    memcpy(f->data, data, len);
}

static void send_out(unsigned from, const struct eigrp_action *a)
{
    struct eigrp_header h;
    struct reader tlvs;

    assert(eigrp_parse(bytes_of(a->send.data, a->send.len), &h, &tlvs) == EIGRP_ERROR_OK);
    w.packets++;
    if (w.show)
        printf("%9.4f  %u -> %08x  %-7s flags %x sequence %u ack %u, %u bytes\n", (double)w.now / 1e9, from,
               a->send.destination, eigrp_opcode_name(h.opcode), h.flags, h.sequence, h.acknowledgement,
               a->send.len);
    if (!w.routers[from].line)
        return;
    for (unsigned to = 0; to < w.count; to++) {
        if (to == from ||
            (a->send.destination != EIGRP_MULTICAST && a->send.destination != address_of_router(to)))
            continue;
        for (unsigned n = 0; n < 1 + (rng_below(&w.rng, 100) < w.repeat); n++)
            fly(from, to, a->send.data, a->send.len);
    }
}

static unsigned index_of(const struct prefix *p)
{
    uint32_t i = (address_v4_get(&p->address) - 0x0a400000) / 256;

    assert(p->length == 24 && i < PREFIXES + EXTRA);
    return i;
}

static void act(unsigned i)
{
    struct router *r = &w.routers[i];

    for (unsigned n = 0; n < actions.count; n++) {
        const struct eigrp_action *a = &actions.items[n];
        if (a->kind == EIGRP_SEND)
            send_out(i, a);
        else if (a->kind == EIGRP_ROUTE)
            r->routes[index_of(&a->route.destination)] = (uint8_t)(a->route.next_hop - 0x0a010001 + 1);
        else if (a->kind == EIGRP_ROUTE_REMOVE)
            r->routes[index_of(&a->route.destination)] = 0;
        else if (w.show)
            printf("%9.4f  %u %s\n", (double)w.now / 1e9, i, a->log.text);
    }
    actions.count = 0;
}

static void step(unsigned i, struct eigrp_event *e)
{
    e->now = w.now;
    eigrp_step(w.routers[i].eigrp, e, &actions);
    act(i);
}

static void declare(unsigned i)
{
    struct router *r = &w.routers[i];

    eigrp_declare_begin(r->eigrp);
    for (unsigned p = 0; p < PREFIXES + EXTRA; p++) {
        const struct eigrp_offer o = {.destination = prefix_of(p),
                                      .ifindex = 3,
                                      .external = r->kind[p] & 1,
                                      .origin = EIGRP_ORIGIN_STATIC,
                                      .bandwidth = 100000,
                                      .delay = 10 + (r->kind[p] >> 1),
                                      .mtu = 1500,
                                      .reliability = 255,
                                      .load = 1};
        if (r->offers[p])
            eigrp_declare(r->eigrp, &o, (uint32_t)(w.now / NS_PER_S));
    }
    eigrp_declare_end(r->eigrp, w.now);
    step(i, &(struct eigrp_event){.kind = EIGRP_EVENT_TICK});
}

static void port_up(unsigned i)
{
    struct eigrp_event e = {.kind = EIGRP_EVENT_PORT,
                            .port = {.ifindex = IFINDEX,
                                     .name = "Fa0/0",
                                     .address = {address_v4(address_of_router(i)), 24},
                                     .hello = 1,
                                     .hold = 3,
                                     .mtu = 1500}};
    step(i, &e);
}

static void router_start(unsigned i)
{
    const struct eigrp_config c = {.autonomous_system = 100, .router_id = address_of_router(i)};
    struct router *r = &w.routers[i];

    memset(r->routes, 0, sizeof r->routes);
    r->eigrp = eigrp_new(&c, w.now);
    assert(r->eigrp);
    port_up(i);
    declare(i);
}

static void router_end(unsigned i, bool farewell)
{
    struct router *r = &w.routers[i];

    if (farewell) {
        step(i, &(struct eigrp_event){.kind = EIGRP_EVENT_LEAVE});
        for (unsigned p = 0; p < PREFIXES + EXTRA; p++)
            assert(r->routes[p] == 0 || eigrp_deadline(r->eigrp) == 0);
    }
    eigrp_free(r->eigrp);
    r->eigrp = NULL;
}

static void offers_change(unsigned i)
{
    struct router *r = &w.routers[i];
    unsigned n = rng_below(&w.rng, 8) ? 1 + rng_below(&w.rng, 4) : 1 + rng_below(&w.rng, PREFIXES);

    for (; n > 0; n--) {
        unsigned p = rng_below(&w.rng, PREFIXES);
        if (rng_below(&w.rng, 4) == 0)
            r->kind[p] = (uint8_t)rng_below(&w.rng, 8);
        else
            r->offers[p] = !r->offers[p];
    }
    declare(i);
}

static void line_set(unsigned i, bool up)
{
    struct router *r = &w.routers[i];

    if (r->line == up)
        return;
    r->line = up;
    if (!r->eigrp || rng_below(&w.rng, 2))
        return; /* a broken cable between switches: nobody is told */
    if (up)
        port_up(i);
    else
        step(i, &(struct eigrp_event){.kind = EIGRP_EVENT_PORT_LOST, .ifindex = IFINDEX});
}

static void trouble(void)
{
    unsigned i = rng_below(&w.rng, w.count);
    struct router *r = &w.routers[i];

    switch (rng_below(&w.rng, 12)) {
    case 0:
        if (r->eigrp)
            router_end(i, rng_below(&w.rng, 2));
        break;
    case 1:
    case 2:
        if (!r->eigrp)
            router_start(i);
        break;
    case 3:
        line_set(i, false);
        break;
    case 4:
    case 5:
        line_set(i, true);
        break;
    default:
        if (r->eigrp)
            offers_change(i);
    }
}

static void deliver(uint32_t at)
{
    static struct flight f;

    f = w.flights[at];
    w.flights[at] = w.flights[--w.flight_count];
    if (!w.routers[f.to].eigrp || !w.routers[f.to].line)
        return;
    struct eigrp_event e = {
        .kind = EIGRP_EVENT_PACKET, .ifindex = IFINDEX, .packet = {bytes_of(f.data, f.len), f.source}};
    step(f.to, &e);
}

/* The next thing that happens, until `end`. */
static void run_until(ns end)
{
    for (unsigned turns = 0;; turns++) {
        ns at = end;
        int flight = -1, router = -1;
        for (uint32_t f = 0; f < w.flight_count; f++)
            if (w.flights[f].at < at) {
                at = w.flights[f].at;
                flight = (int)f;
            }
        for (unsigned i = 0; i < w.count; i++)
            if (w.routers[i].eigrp && eigrp_deadline(w.routers[i].eigrp) < at) {
                at = eigrp_deadline(w.routers[i].eigrp);
                router = (int)i;
            }
        if (flight < 0 && router < 0)
            break;
        if (at > w.now)
            w.now = at;
        if (router >= 0)
            step((unsigned)router, &(struct eigrp_event){.kind = EIGRP_EVENT_TICK});
        else
            deliver((uint32_t)flight);
        assert(turns < 2000000);
    }
    w.now = end;
}

/* ---- what must be so ---- */

static void up_count(void *user, const struct eigrp_neighbour_view *v)
{
    *(unsigned *)user += v->up;
}

/* The router (1 + index) by which `i` should reach `p`; 0: not. */
static unsigned wanted(unsigned i, unsigned p)
{
    unsigned best = 0, best_cost = 0;

    if (w.routers[i].offers[p])
        return 0;
    for (unsigned o = 0; o < w.count; o++) {
        unsigned cost = (w.routers[o].kind[p] & 1) * 1000 + (w.routers[o].kind[p] >> 1);
        if (o == i || !w.routers[o].offers[p] || (best && cost >= best_cost))
            continue;
        best = o + 1;
        best_cost = cost;
    }
    return best;
}

static bool check(uint64_t seed)
{
    bool good = true;

    for (unsigned i = 0; i < w.count; i++) {
        unsigned up = 0;
        eigrp_each_neighbour(w.routers[i].eigrp, w.now, up_count, &up);
        if (up != w.count - 1) {
            printf("seed %llu: router %u has %u neighbours up\n", (unsigned long long)seed, i, up);
            good = false;
        }
        for (unsigned p = 0; p < PREFIXES + EXTRA && good; p++)
            if (w.routers[i].routes[p] != wanted(i, p)) {
                printf("seed %llu: router %u reaches prefix %u by %u, not by %u\n", (unsigned long long)seed,
                       i, p, w.routers[i].routes[p], wanted(i, p));
                good = false;
            }
    }
    return good;
}

static bool schedule(uint64_t seed, bool show)
{
    w = (struct world){.show = show};
    rng_init_number(&w.rng, seed);
    w.now = NS_PER_S * (1 + rng_below(&w.rng, 1000));
    w.count = 2 + rng_below(&w.rng, ROUTERS_MAX - 1);
    w.loss = rng_below(&w.rng, 3) ? rng_below(&w.rng, 40) : 0;
    w.repeat = rng_below(&w.rng, 3) ? rng_below(&w.rng, 30) : 0;
    w.jitter_ms = rng_below(&w.rng, 2) ? rng_below(&w.rng, 3000) : 0;
    bool many = rng_below(&w.rng, 50) == 0;
    for (unsigned i = 0; i < w.count; i++) {
        w.routers[i].line = true;
        for (unsigned p = 0; p < EXTRA; p++)
            w.routers[i].offers[PREFIXES + p] = many && i == 0;
        router_start(i);
    }
    ns end = w.now + TROUBLE;
    for (unsigned troubles = rng_below(&w.rng, 60); troubles > 0 && w.now < end; troubles--) {
        run_until(w.now + rng_below(&w.rng, 2000) * NS_PER_MS / (1 + rng_below(&w.rng, 10)));
        trouble();
    }
    w.loss = w.repeat = w.jitter_ms = 0;
    for (unsigned i = 0; i < w.count; i++) {
        line_set(i, true);
        if (!w.routers[i].eigrp)
            router_start(i);
        else
            port_up(i);
    }
    run_until(w.now + HEALING);
    bool good = check(seed);
    for (unsigned i = 0; i < w.count; i++)
        eigrp_free(w.routers[i].eigrp);
    return good;
}

int main(int argc, char **argv)
{
    unsigned failed = 0;

    if (argc != 3) {
        fprintf(stderr, "eigrp_world FIRST COUNT, eigrp_world --show SEED\n");
        return 2;
    }
    if (strcmp(argv[1], "--show") == 0)
        return schedule(strtoull(argv[2], NULL, 0), true) ? 0 : 1;
    uint64_t first = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0), packets = 0;
    for (uint64_t seed = first; seed < first + count && failed < 10; seed++) {
        failed += !schedule(seed, false);
        packets += w.packets;
    }
    printf("%llu schedules, %llu packets, %u failed\n", (unsigned long long)count,
           (unsigned long long)packets, failed);
    return failed ? 1 : 0;
}
