/* SPDX-License-Identifier: Apache-2.0 */
/* The wires of the simulator: what a bridge learns and forgets, what each fault lets through, what weather
 * does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "site/wires/fabric.h"

enum { NODES = 4, HEARD = 4096 };

struct listener {
    unsigned count;
    uint64_t heard[HEARD]; /* sequence numbers */
    ns last;
    unsigned downs, ups;
};

struct world {
    struct site site;
    struct fabric fabric;
    struct listener listeners[NODES];
    struct site_node *nodes[NODES];
    unsigned taps_in, taps_out;
};

static void hear(struct site_node *n, unsigned port, const struct frame *f)
{
    struct listener *l = n->own;
    assert_int_equal(port, 0);
    assert_true(l->count < HEARD);
    l->heard[l->count++] = f->flow.sequence;
    l->last = site_now(n->site);
}

static void line(struct site_node *n, unsigned port, bool up)
{
    struct listener *l = n->own;
    (void)port;
    *(up ? &l->ups : &l->downs) += 1;
}

static const struct node_ops listener_ops = {.frame = hear, .line = line};

static void tap(void *context, const struct fabric_end *end, bool inbound, const struct frame *f)
{
    struct world *w = context;
    (void)end;
    (void)f;
    *(inbound ? &w->taps_in : &w->taps_out) += 1;
}

/* Four nodes on one link. */
static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    site_init(&w->site, 1);
    fabric_init(&w->fabric, &w->site, 1);
    fabric_link_add(&w->fabric, "shared", 0);
    for (unsigned i = 0; i < NODES; i++) {
        w->nodes[i] = site_node_add(&w->site, (char[]){(char)('a' + i), 0}, &listener_ops, &w->listeners[i]);
        w->nodes[i]->up = true;
        site_port_add(w->nodes[i], "eth0", FABRIC_MTU);
        assert_int_equal(fabric_plug(&w->fabric, 0, w->nodes[i], 0), i);
    }
    w->fabric.tap = tap;
    w->fabric.tap_context = w;
    return w;
}

static void world_free(struct world *w)
{
    site_done(&w->site);
    free(w);
}

static void let_pass(struct world *w, ns time)
{
    site_run(&w->site, site_now(&w->site) + time);
}

static const uint8_t virtual_mac[SITE_MAC] = {0, 0, 0x0c, 0x07, 0xac, 1};

/* From node to node; `source` NULL: its own address; `to` NULL: everybody. */
static void send_frame(struct world *w, unsigned from, const uint8_t *source, const uint8_t *to,
                       uint64_t sequence)
{
    struct frame *f = frame_new(0);
    memcpy(f->source, source ? source : w->nodes[from]->ports[0].mac, SITE_MAC);
    memcpy(f->destination, to ? to : frame_broadcast, SITE_MAC);
    f->flow.sequence = sequence;
    f->size = 100;
    site_send(w->nodes[from], 0, f);
    free(f);
}

static const uint8_t *mac(const struct world *w, unsigned node)
{
    return w->nodes[node]->ports[0].mac;
}

static void test_learns(void **state)
{
    (void)state;
    struct world *w = world_new();
    /* Nobody knows where c is: all but the sender hear it. */
    send_frame(w, 0, NULL, mac(w, 2), 1);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[0].count, 0);
    for (unsigned i = 1; i < NODES; i++)
        assert_int_equal(w->listeners[i].count, 1);
    assert_int_equal(w->listeners[2].last, SITE_START + fabric_fair.delay);
    /* c answers, and from now on only c hears. */
    send_frame(w, 2, NULL, mac(w, 0), 2);
    send_frame(w, 0, NULL, mac(w, 2), 3);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[0].count, 1);
    assert_int_equal(w->listeners[1].count, 1);
    assert_int_equal(w->listeners[2].count, 2);
    world_free(w);
}

/* The virtual address is where it spoke last: what a takeover depends on. */
static void test_virtual_address_moves(void **state)
{
    (void)state;
    struct world *w = world_new();
    send_frame(w, 1, virtual_mac, NULL, 1);
    assert_int_equal(fabric_learned_end(&w->fabric, 0, virtual_mac), 1);
    send_frame(w, 0, NULL, virtual_mac, 2);
    send_frame(w, 2, virtual_mac, NULL, 3);
    assert_int_equal(fabric_learned_end(&w->fabric, 0, virtual_mac), 2);
    send_frame(w, 0, NULL, virtual_mac, 4);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].heard[0], 2);
    assert_int_equal(w->listeners[1].count, 2); /* and the announcement of 2 */
    assert_int_equal(w->listeners[2].heard[w->listeners[2].count - 1], 4);
    world_free(w);
}

static void test_cut_forgets(void **state)
{
    (void)state;
    struct world *w = world_new();
    send_frame(w, 1, virtual_mac, NULL, 1);
    let_pass(w, NS_PER_MS);
    send_frame(w, 0, NULL, virtual_mac, 2); /* on its way when the line goes */
    fabric_cut(&w->fabric, 0, 1);
    assert_int_equal(w->listeners[1].downs, 1);
    assert_int_equal(fabric_learned_end(&w->fabric, 0, virtual_mac), -1);
    send_frame(w, 1, virtual_mac, NULL, 3);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].count, 0);
    assert_int_equal(fabric_learned_end(&w->fabric, 0, virtual_mac), -1);
    fabric_repair(&w->fabric, 0, -1);
    assert_int_equal(w->listeners[1].ups, 2); /* plugged in, and now */
    send_frame(w, 0, NULL, virtual_mac, 4);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].count, 1);
    world_free(w);
}

/* A dead port inside the switch: the line stays, nothing is learned behind it. */
static void test_blackhole(void **state)
{
    (void)state;
    struct world *w = world_new();
    fabric_blackhole(&w->fabric, 0, 1, FABRIC_HOLE_OUT);
    send_frame(w, 1, virtual_mac, NULL, 1);
    send_frame(w, 0, NULL, mac(w, 1), 2);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].downs, 0);
    assert_int_equal(fabric_learned_end(&w->fabric, 0, virtual_mac), -1);
    assert_int_equal(w->taps_out, 2); /* what it sends is seen at its end all the same */
    assert_int_equal(w->listeners[1].count, 1);
    fabric_blackhole(&w->fabric, 0, 1, FABRIC_HOLE_IN);
    send_frame(w, 1, NULL, NULL, 3);
    send_frame(w, 0, NULL, mac(w, 1), 4);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].count, 1);
    assert_int_equal(w->listeners[2].heard[w->listeners[2].count - 1], 3);
    fabric_repair(&w->fabric, 0, 1);
    fabric_blackhole(&w->fabric, 0, -1, 0);
    unsigned before = w->listeners[2].count;
    send_frame(w, 0, NULL, NULL, 5);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[2].count, before);
    world_free(w);
}

static void test_one_way(void **state)
{
    (void)state;
    struct world *w = world_new();
    fabric_deaf(&w->fabric, 0, 1, 2, true);
    send_frame(w, 2, NULL, NULL, 1);
    send_frame(w, 1, NULL, NULL, 2);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].count, 0);
    assert_int_equal(w->listeners[2].count, 1);
    assert_int_equal(w->listeners[3].count, 2);
    fabric_deaf(&w->fabric, 0, 1, 2, false);
    send_frame(w, 2, NULL, NULL, 3);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].count, 1);
    world_free(w);
}

static void test_mtu(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct frame *f = frame_new(0);
    memcpy(f->destination, frame_broadcast, SITE_MAC);
    f->size = FABRIC_MTU + 1;
    site_send(w->nodes[0], 0, f);
    f->size = FABRIC_MTU;
    site_send(w->nodes[0], 0, f);
    free(f);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->listeners[1].count, 1);
    assert_int_equal(w->fabric.counters.too_big, 1);
    world_free(w);
}

static unsigned out_of_order(const struct listener *l)
{
    unsigned count = 0;
    for (unsigned i = 1; i < l->count; i++)
        count += l->heard[i] < l->heard[i - 1];
    return count;
}

static void test_weather(void **state)
{
    (void)state;
    static const struct {
        struct fabric_weather weather;
        unsigned least, most; /* that arrive of 1000 */
        bool disorder;
    } cases[] = {
        {{.delay = NS_PER_MS, .jitter = 5 * NS_PER_MS}, 1000, 1000, false},
        {{.delay = NS_PER_MS, .loss = 200000}, 720, 880, false},
        {{.delay = NS_PER_MS, .duplicate = 100000, .reorder_by = NS_PER_US}, 1060, 1140, true},
        {{.delay = NS_PER_MS, .reorder = 100000, .reorder_by = 3 * NS_PER_MS}, 1000, 1000, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct world *w = world_new();
        w->fabric.links[0].weather = cases[i].weather;
        for (unsigned n = 1; n <= 1000; n++) {
            send_frame(w, 0, NULL, NULL, n);
            let_pass(w, 100 * NS_PER_US);
        }
        let_pass(w, NS_PER_S);
        assert_in_range(w->listeners[1].count, cases[i].least, cases[i].most);
        if (!cases[i].disorder)
            assert_int_equal(out_of_order(&w->listeners[1]), 0);
        else if (cases[i].weather.reorder)
            assert_in_range(out_of_order(&w->listeners[1]), 20, 200);
        world_free(w);
    }
}

static void test_lossy(void **state)
{
    (void)state;
    struct world *w = world_new();
    fabric_lossy(&w->fabric, 0, FABRIC_MILLION / 5);
    for (unsigned n = 0; n < 1000; n++)
        send_frame(w, 0, NULL, NULL, n);
    let_pass(w, NS_PER_MS);
    assert_in_range(w->listeners[1].count, 720, 880);
    assert_int_equal(w->listeners[1].count, w->listeners[2].count); /* lost where it enters */
    world_free(w);
}

static bool deny_a(void *context, const struct fabric_end *end, bool inbound, const struct frame *f)
{
    (void)context;
    (void)f;
    return (inbound && end->number == 1) || (!inbound && end->number == 0 && f->flow.sequence == 2);
}

/* A node's own filter: a watch at its end does not see what it keeps back, and sees what it refuses. */
static void test_filter(void **state)
{
    (void)state;
    struct world *w = world_new();
    w->fabric.filter = deny_a;
    send_frame(w, 0, NULL, NULL, 1);
    send_frame(w, 0, NULL, NULL, 2);
    let_pass(w, NS_PER_MS);
    assert_int_equal(w->taps_out, 1);
    assert_int_equal(w->taps_in, 3);
    assert_int_equal(w->listeners[1].count, 0);
    assert_int_equal(w->listeners[2].count, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),      cmocka_unit_test(test_virtual_address_moves),
        cmocka_unit_test(test_cut_forgets), cmocka_unit_test(test_blackhole),
        cmocka_unit_test(test_one_way),     cmocka_unit_test(test_mtu),
        cmocka_unit_test(test_weather),     cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
