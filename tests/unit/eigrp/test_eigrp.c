/* SPDX-License-Identifier: Apache-2.0 */
/* The EIGRP machine against a neighbour that is played by hand: sessions, what is announced and how, what is
 * learned, queries, repetitions, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eigrp/eigrp.h"

enum { IFINDEX = 2, OUTSIDE = 3 };

static const uint32_t own = 0x0a010001, peer = 0x0a010003;
static struct eigrp_actions a;

struct world {
    struct eigrp *e;
    ns now;
    uint32_t sequence; /* the peer's last */
    uint32_t from;     /* who speaks */
};

static void step(struct world *w, struct eigrp_event e)
{
    a.count = 0;
    e.now = w->now;
    eigrp_step(w->e, &e, &a);
}

static void tick_until(struct world *w, ns until)
{
    while (eigrp_deadline(w->e) <= until) {
        w->now = eigrp_deadline(w->e) > w->now ? eigrp_deadline(w->e) : w->now;
        step(w, (struct eigrp_event){.kind = EIGRP_EVENT_TICK});
        if (a.count)
            return;
    }
    w->now = until;
    a.count = 0;
}

static void begin(struct world *w)
{
    const struct eigrp_config c = {.autonomous_system = 100, .router_id = own};

    *w = (struct world){.e = eigrp_new(&c, NS_PER_S), .now = NS_PER_S, .sequence = 1000, .from = peer};
    assert_non_null(w->e);
    step(w, (struct eigrp_event){.kind = EIGRP_EVENT_PORT,
                                 .port = {.ifindex = IFINDEX,
                                          .name = "Fa0/0",
                                          .address = {address_v4(own), 24},
                                          .hello = 5,
                                          .hold = 15,
                                          .mtu = 1500}});
}

static void hear(struct world *w, struct writer *packet)
{
    size_t len = eigrp_write_finish(packet);

    assert_true(len > 0);
    step(w, (struct eigrp_event){.kind = EIGRP_EVENT_PACKET,
                                 .ifindex = IFINDEX,
                                 .packet = {bytes_of(packet->start, len), w->from}});
}

static struct writer packet_of(uint8_t opcode, uint32_t flags, uint32_t sequence, uint32_t acknowledgement)
{
    static uint8_t out[EIGRP_PACKET_MAX];
    const struct eigrp_header h = {.opcode = opcode,
                                   .flags = flags,
                                   .sequence = sequence,
                                   .acknowledgement = acknowledgement,
                                   .autonomous_system = 100};
    struct writer w = writer_of(out, sizeof out);

    eigrp_write_header(&w, &h);
    return w;
}

static void hear_hello(struct world *w, uint8_t k1, uint8_t major)
{
    const uint8_t k[EIGRP_K_VALUES] = {k1, k1 == 255 ? 255 : 0, k1, k1 == 255 ? 255 : 0, k1 == 255 ? 255 : 0,
                                       0};
    struct writer p = packet_of(EIGRP_HELLO, 0, 0, 0);

    eigrp_write_parameter(&p, k, 15);
    eigrp_write_version(&p, major, 4);
    hear(w, &p);
}

/* The one reliable packet among the actions; its header, and where its TLVs are. */
static bool sent(struct eigrp_header *h, struct reader *tlvs)
{
    bool found = false;

    for (unsigned i = 0; i < a.count; i++) {
        struct eigrp_header one;
        struct reader r;
        if (a.items[i].kind != EIGRP_SEND)
            continue;
        assert_int_equal(eigrp_parse(bytes_of(a.items[i].send.data, a.items[i].send.len), &one, &r),
                         EIGRP_ERROR_OK);
        if (one.sequence == 0)
            continue;
        assert_false(found);
        assert_int_equal(a.items[i].send.destination, peer);
        found = true;
        *h = one;
        *tlvs = r;
    }
    return found;
}

static bool acknowledged(uint32_t sequence)
{
    for (unsigned i = 0; i < a.count; i++) {
        struct eigrp_header h;
        struct reader r;
        if (a.items[i].kind == EIGRP_SEND &&
            eigrp_parse(bytes_of(a.items[i].send.data, a.items[i].send.len), &h, &r) == EIGRP_ERROR_OK &&
            h.acknowledgement == sequence)
            return true;
    }
    return false;
}

static const struct eigrp_action *action_of(enum eigrp_action_kind kind)
{
    for (unsigned i = 0; i < a.count; i++)
        if (a.items[i].kind == kind)
            return &a.items[i];
    return NULL;
}

static void acknowledge(struct world *w, uint32_t sequence)
{
    struct writer p = packet_of(EIGRP_HELLO, 0, 0, sequence);

    hear(w, &p);
}

/* Up, with what is declared told. */
static void meet(struct world *w, uint8_t major)
{
    struct eigrp_header h;
    struct reader r;

    hear_hello(w, 1, major);
    assert_true(sent(&h, &r));
    assert_int_equal(h.flags, EIGRP_INIT);
    struct writer p = packet_of(EIGRP_UPDATE, EIGRP_INIT, ++w->sequence, h.sequence);
    hear(w, &p);
    while (sent(&h, &r)) {
        assert_true(acknowledged(w->sequence));
        acknowledge(w, h.sequence);
        if (h.flags & EIGRP_END_OF_TABLE)
            return;
    }
    fail_msg("no end of the table");
}

static struct prefix net(unsigned i)
{
    return (struct prefix){address_v4(0x0a400000 + i * 256), 24};
}

static void declare(struct world *w, unsigned first, unsigned count, uint32_t clock)
{
    eigrp_declare_begin(w->e);
    for (unsigned i = first; i < first + count; i++) {
        const struct eigrp_offer o = {.destination = net(i),
                                      .ifindex = OUTSIDE,
                                      .external = true,
                                      .origin = EIGRP_ORIGIN_STATIC,
                                      .bandwidth = 100000,
                                      .delay = 10,
                                      .mtu = 1500,
                                      .reliability = 255,
                                      .load = 1};
        eigrp_declare(w->e, &o, clock);
    }
    eigrp_declare_end(w->e, w->now);
    step(w, (struct eigrp_event){.kind = EIGRP_EVENT_TICK});
}

static unsigned routes_in(struct reader tlvs, struct eigrp_route *ret_last)
{
    struct eigrp_tlv t;
    unsigned n = 0;

    *ret_last = (struct eigrp_route){0};
    while (eigrp_tlv_next(&tlvs, &t))
        if (t.type == EIGRP_TLV_INTERNAL || t.type == EIGRP_TLV_EXTERNAL) {
            *ret_last = t.route;
            n++;
        }
    return n;
}

static void hear_route(struct world *w, uint8_t opcode, uint32_t delay, unsigned i, bool external)
{
    struct writer p = packet_of(opcode, 0, ++w->sequence, 0);
    const struct eigrp_route r = {.external = external, .metric = {delay, 25600, 1500, 0, 255, 1, 0, 0}};
    struct prefix destination = net(i);

    eigrp_write_route(&p, &r, &destination);
    hear(w, &p);
}

/* ---- the tests ---- */

static void test_announce(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;
    struct eigrp_route route;

    begin(&w);
    declare(&w, 0, 3, 0);
    meet(&w, 15);
    declare(&w, 0, 4, 0);
    assert_false(sent(&h, &r)); /* what comes together goes together */
    tick_until(&w, w.now + NS_PER_S / 10);
    assert_true(sent(&h, &r));
    assert_int_equal(routes_in(r, &route), 1);
    assert_true(route.external);
    assert_int_equal(route.metric.delay, 2560);
    acknowledge(&w, h.sequence);
    /* One goes; another comes and goes before it was said. */
    declare(&w, 1, 4, 0);
    declare(&w, 1, 3, 0);
    tick_until(&w, w.now + NS_PER_S / 10);
    assert_true(sent(&h, &r));
    assert_int_equal(routes_in(r, &route), 1);
    assert_int_equal(route.metric.delay, EIGRP_DELAY_INFINITE);
    acknowledge(&w, h.sequence);
    declare(&w, 1, 3, 0);
    tick_until(&w, w.now + NS_PER_S / 10);
    assert_false(sent(&h, &r));
    eigrp_free(w.e);
}

static void test_many(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;
    struct eigrp_route route;
    unsigned packets = 0, routes = 0;

    begin(&w);
    meet(&w, 15);
    declare(&w, 0, 1000, 0);
    tick_until(&w, w.now + NS_PER_S / 10);
    while (sent(&h, &r)) {
        packets++;
        routes += routes_in(r, &route);
        acknowledge(&w, h.sequence);
    }
    assert_int_equal(routes, 1000);
    assert_true(packets <= 36);
    eigrp_free(w.e);
}

static void test_split_horizon(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;
    const struct eigrp_offer o = {
        .destination = {address_v4(0x0a010000), 24}, .ifindex = IFINDEX, .bandwidth = 1};

    begin(&w);
    meet(&w, 15);
    eigrp_declare_begin(w.e);
    eigrp_declare(w.e, &o, 0);
    eigrp_declare_end(w.e, w.now);
    tick_until(&w, w.now + NS_PER_S / 10);
    assert_false(sent(&h, &r));
    eigrp_free(w.e);
}

static void test_learn(void **state)
{
    (void)state;
    struct world w;

    begin(&w);
    meet(&w, 15);
    hear_route(&w, EIGRP_UPDATE, 2560, 1, true);
    assert_true(acknowledged(w.sequence));
    assert_non_null(action_of(EIGRP_ROUTE));
    assert_true(action_of(EIGRP_ROUTE)->route.external);
    assert_int_equal(action_of(EIGRP_ROUTE)->route.metric, 2560 + 2560 + 25600);
    hear_route(&w, EIGRP_UPDATE, 2560, 1, false); /* becomes internal: the former goes first */
    assert_int_equal(a.items[a.count - 2].kind, EIGRP_ROUTE_REMOVE);
    assert_true(a.items[a.count - 2].route.external);
    assert_int_equal(a.items[a.count - 1].kind, EIGRP_ROUTE);
    declare(&w, 1, 1, 0); /* we have a better way */
    assert_non_null(action_of(EIGRP_ROUTE_REMOVE));
    declare(&w, 2, 1, 0);
    assert_non_null(action_of(EIGRP_ROUTE));
    hear_route(&w, EIGRP_UPDATE, EIGRP_DELAY_INFINITE, 1, false);
    assert_non_null(action_of(EIGRP_ROUTE_REMOVE));
    hear_route(&w, EIGRP_UPDATE, 2560, 3, false);
    assert_non_null(action_of(EIGRP_ROUTE));
    w.now += 16 * NS_PER_S;
    step(&w, (struct eigrp_event){.kind = EIGRP_EVENT_TICK});
    assert_null(action_of(EIGRP_ROUTE_REMOVE)); /* late: its hello may wait in the socket */
    w.now += 2 * NS_PER_MS;
    step(&w, (struct eigrp_event){.kind = EIGRP_EVENT_TICK});
    assert_non_null(action_of(EIGRP_ROUTE_REMOVE)); /* the hold time */
    eigrp_free(w.e);
}

static void test_two_paths(void **state)
{
    (void)state;
    struct world w;

    begin(&w);
    meet(&w, 15);
    hear_route(&w, EIGRP_UPDATE, 5120, 1, false);
    w.from = peer + 1;
    hear_hello(&w, 1, 15);
    uint32_t init = 0;
    for (unsigned i = 0; i < a.count; i++)
        if (a.items[i].kind == EIGRP_SEND && a.items[i].send.destination == peer + 1)
            init = (uint32_t)a.items[i].send.data[8] << 24 | (uint32_t)a.items[i].send.data[9] << 16 |
                   (uint32_t)a.items[i].send.data[10] << 8 | a.items[i].send.data[11];
    struct writer p = packet_of(EIGRP_UPDATE, EIGRP_INIT, ++w.sequence, init);
    hear(&w, &p);
    hear_route(&w, EIGRP_UPDATE, 2560, 1, false);
    assert_int_equal(action_of(EIGRP_ROUTE)->route.next_hop, peer + 1);
    hear_hello(&w, 255, 15); /* goodbye: the other one at once */
    assert_int_equal(action_of(EIGRP_ROUTE)->route.next_hop, peer);
    assert_null(action_of(EIGRP_ROUTE_REMOVE));
    eigrp_free(w.e);
}

static void test_query(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;
    struct eigrp_route route;

    begin(&w);
    declare(&w, 0, 1, 0);
    meet(&w, 15);
    hear_route(&w, EIGRP_QUERY, EIGRP_DELAY_INFINITE, 0, false);
    assert_true(sent(&h, &r) && acknowledged(w.sequence));
    assert_int_equal(h.opcode, EIGRP_REPLY);
    assert_int_equal(routes_in(r, &route), 1);
    assert_int_equal(route.metric.delay, 2560);
    acknowledge(&w, h.sequence);
    hear_route(&w, EIGRP_SIA_QUERY, EIGRP_DELAY_INFINITE, 7, false);
    assert_true(sent(&h, &r));
    assert_int_equal(h.opcode, EIGRP_SIA_REPLY);
    assert_int_equal(routes_in(r, &route), 1);
    assert_int_equal(route.metric.delay, EIGRP_DELAY_INFINITE);
    eigrp_free(w.e);
}

/* FRR's sum of bandwidth and delay is 0 for every route, its own interface's delay makes a withdrawn one
 * unreachable, and what came later looks better. */
static void test_frr(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;
    struct eigrp_route first, later, gone;

    begin(&w);
    meet(&w, 8);
    declare(&w, 0, 1, 1000);
    tick_until(&w, w.now + NS_PER_S / 10);
    assert_true(sent(&h, &r));
    assert_int_equal(routes_in(r, &first), 1);
    acknowledge(&w, h.sequence);
    declare(&w, 0, 2, 1001);
    tick_until(&w, w.now + NS_PER_S / 10);
    assert_true(sent(&h, &r));
    assert_int_equal(routes_in(r, &later), 1);
    acknowledge(&w, h.sequence);
    assert_false(first.external || later.external);
    assert_true(later.metric.delay < first.metric.delay);
    assert_int_equal((uint32_t)(first.metric.bandwidth + first.metric.delay), 0);
    assert_int_equal((uint32_t)(later.metric.bandwidth + later.metric.delay), 0);
    declare(&w, 0, 1, 1002);
    tick_until(&w, w.now + NS_PER_S / 10);
    assert_true(sent(&h, &r));
    assert_int_equal(routes_in(r, &gone), 1);
    acknowledge(&w, h.sequence);
    assert_int_equal((uint32_t)(gone.metric.bandwidth + gone.metric.delay), 0);
    assert_int_equal((uint32_t)(gone.metric.delay + 10 * 256), EIGRP_DELAY_INFINITE);
    /* It repeats a number for another packet, and a packet: both are heard, the repetition once. */
    hear_route(&w, EIGRP_UPDATE, 2560, 5, false);
    w.sequence--;
    hear_route(&w, EIGRP_UPDATE, 2560, 6, false);
    assert_non_null(action_of(EIGRP_ROUTE));
    hear_route(&w, EIGRP_QUERY, 2560, 6, false);
    assert_true(sent(&h, &r));
    w.sequence--;
    acknowledge(&w, h.sequence);
    hear_route(&w, EIGRP_QUERY, 2560, 6, false);
    assert_false(sent(&h, &r));
    /* The end: each route is taken back, then goodbye. */
    step(&w, (struct eigrp_event){.kind = EIGRP_EVENT_LEAVE});
    assert_true(sent(&h, &r));
    assert_int_equal(routes_in(r, &gone), 1);
    assert_int_equal((uint32_t)(gone.metric.delay + 10 * 256), EIGRP_DELAY_INFINITE);
    eigrp_free(w.e);
}

static void test_restart(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;
    struct eigrp_route route;

    begin(&w);
    declare(&w, 0, 1, 0);
    meet(&w, 8);
    hear_route(&w, EIGRP_UPDATE, 2560, 5, false);
    struct writer p = packet_of(EIGRP_UPDATE, EIGRP_INIT, 1, 0); /* a new eigrpd counts from 1 */
    hear(&w, &p);
    assert_non_null(action_of(EIGRP_ROUTE_REMOVE));
    assert_true(sent(&h, &r));
    assert_int_equal(h.flags, EIGRP_INIT);
    assert_int_equal(h.acknowledgement, 1);
    acknowledge(&w, h.sequence);
    assert_true(sent(&h, &r));
    assert_int_equal(routes_in(r, &route), 1);
    eigrp_free(w.e);
}

static void test_conditional(void **state)
{
    (void)state;
    struct world w;
    const uint8_t k[EIGRP_K_VALUES] = {1, 0, 1, 0, 0, 0};

    begin(&w);
    meet(&w, 15);
    struct writer p = packet_of(EIGRP_UPDATE, EIGRP_CONDITIONAL, 1005, 0);
    hear(&w, &p);
    assert_false(acknowledged(1005)); /* nobody said that it would come */
    for (unsigned listed = 0; listed < 2; listed++) {
        p = packet_of(EIGRP_HELLO, 0, 0, 0);
        eigrp_write_parameter(&p, k, 15);
        const uint8_t sequence[] = {0, 3, 0, 9, 4, 10,           1, 0, listed ? 1 : 9, 0, 5,
                                    0, 8, 0, 0, 3, 0xf0 + listed};
        write_copy(&p, sequence, sizeof sequence);
        hear(&w, &p);
        p = packet_of(EIGRP_UPDATE, EIGRP_CONDITIONAL, 0x3f0 + listed, 0);
        hear(&w, &p);
        assert_int_equal(acknowledged(0x3f0 + listed), !listed);
    }
    eigrp_free(w.e);
}

static void test_strangers(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;

    begin(&w);
    w.from = 0x0a020001; /* another network */
    hear_hello(&w, 1, 15);
    w.from = own;
    hear_hello(&w, 1, 15);
    w.from = peer;
    hear_hello(&w, 3, 15);                                       /* other K values */
    struct writer p = packet_of(EIGRP_UPDATE, EIGRP_INIT, 5, 0); /* no hello before */
    hear(&w, &p);
    assert_false(sent(&h, &r));
    for (unsigned i = 0; i < 80; i++) {
        w.from = 0x0a010010 + i;
        hear_hello(&w, 1, 15);
    }
    assert_int_equal(eigrp_counters(w.e)->full, 80 - EIGRP_NEIGHBOURS_MAX);
    assert_int_equal(eigrp_counters(w.e)->foreign, 2);
    eigrp_free(w.e);
}

static void test_silent(void **state)
{
    (void)state;
    struct world w;
    struct eigrp_header h;
    struct reader r;
    unsigned tries = 0, rounds = 0;

    begin(&w);
    hear_hello(&w, 1, 15);
    while (rounds++ < 1000 && tries < 40) {
        tick_until(&w, w.now + NS_PER_S);
        tries += sent(&h, &r);
        if (rounds % 5 == 0)
            hear_hello(&w, 1, 15); /* it hears nothing of us, or does not understand */
        if (sent(&h, &r) && tries > 10)
            break; /* given up, and begun again */
    }
    assert_in_range(tries, 11, 17);
    eigrp_free(w.e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_announce),      cmocka_unit_test(test_many),
        cmocka_unit_test(test_split_horizon), cmocka_unit_test(test_learn),
        cmocka_unit_test(test_two_paths),     cmocka_unit_test(test_query),
        cmocka_unit_test(test_frr),           cmocka_unit_test(test_restart),
        cmocka_unit_test(test_conditional),   cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
