/* SPDX-License-Identifier: Apache-2.0 */
/* The life of tunnels after they are up: rekey, re-authentication, DPD, peers in order, idle time, deletes,
 * loss and repetition on the way, and restoring from records. */
#include "world.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct world *up(struct node **a, struct node **b)
{
    struct world *w = world_pair_new(a, b);
    node_start(*a);
    node_start(*b);
    return w;
}

static void connect_now(struct world *w, struct node *a, struct node *b)
{
    node_acquire(a, 0);
    world_run(w, NS_PER_S);
    assert_true(nodes_match(a, b) && nodes_match(b, a));
}

static void pair_traffic_now(struct node *n)
{
    for (unsigned i = 0; i < PAIRS_MAX; i++)
        if (n->pairs[i].used)
            n->pairs[i].last_in = n->pairs[i].last_out = n->world->now;
}

/* At every moment there is a pair that both may use. */
static void rekey_by_seconds(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    a->connections[0].lifetime_seconds = 120;
    node_configure(a);
    connect_now(w, a, b);
    ns first = 0;
    for (unsigned s = 0; s < 1200; s++) {
        world_run(w, NS_PER_S);
        assert_true(node_usable(a) >= 1 && node_usable(b) >= 1);
        assert_true(nodes_match(a, b) && nodes_match(b, a));
        assert_true(node_pairs(a) <= 2 && node_pairs(b) <= 2);
        if (!first && a->installs == 2)
            first = w->now - 1000 * NS_PER_S;
    }
    assert_true(first > 80 * NS_PER_S && first <= 92 * NS_PER_S); /* of 120 s: at about 90 */
    assert_true(a->installs >= 12 && a->installs <= 16);
    assert_int_equal(node_sas(a), 1);
    assert_int_equal(b->record_order_errors, 0);
    world_free(w);
}

static void rekey_by_volume(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    connect_now(w, a, b);
    assert_true(a->pairs[0].install.soft_bytes < a->pairs[0].install.hard_bytes);
    struct ike_event soft = {
        .type = IKE_EVENT_PAIR_SOFT,
        .pair = {.slot = a->pairs[0].install.slot, .spi_in = a->pairs[0].install.spi_in}};
    struct ike_event soft_b = {
        .type = IKE_EVENT_PAIR_SOFT,
        .pair = {.slot = b->pairs[0].install.slot, .spi_in = b->pairs[0].install.spi_in}};
    node_event(a, &soft);
    node_event(b, &soft_b); /* a collision */
    world_run(w, 2 * NS_PER_S);
    assert_true(node_usable(a) >= 1 && node_usable(b) >= 1);
    world_run(w, 60 * NS_PER_S);
    assert_true(node_usable(a) >= 1 && node_usable(b) >= 1);
    assert_false(a->pairs[0].used &&
                 a->pairs[0].install.spi_in == soft.pair.spi_in); /* the old one is gone */
    struct world_pair *p = node_newest(a);
    bool other_has = false; /* what A sends on, B receives on */
    for (unsigned i = 0; i < PAIRS_MAX; i++)
        other_has |= b->pairs[i].used && b->pairs[i].install.spi_in == p->install.spi_out;
    assert_true(other_has);
    world_free(w);
}

/* What was replaced serves again when its successor is gone, and can be rekeyed. */
static void successor_gone(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    connect_now(w, a, b);
    struct ike_event soft = {
        .type = IKE_EVENT_PAIR_SOFT,
        .pair = {.slot = a->pairs[0].install.slot, .spi_in = a->pairs[0].install.spi_in}};
    node_event(a, &soft);
    world_run(w, 2 * NS_PER_S);
    struct world_pair *newest = node_newest(a);
    assert_int_not_equal(newest->install.spi_in, soft.pair.spi_in);
    struct ike_event hard = {.type = IKE_EVENT_PAIR_HARD,
                             .pair = {.slot = newest->install.slot, .spi_in = newest->install.spi_in}};
    node_event(a, &hard);
    world_run(w, NS_PER_S);
    assert_true(a->pairs[0].used && a->pairs[0].install.spi_in == soft.pair.spi_in);
    unsigned installs = a->installs;
    node_event(a, &soft);
    world_run(w, 2 * NS_PER_S);
    assert_int_equal(a->installs, installs + 1);
    assert_true(node_usable(a) >= 1 && node_usable(b) >= 1);
    assert_true(nodes_match(a, b) && nodes_match(b, a));
    world_free(w);
}

static void reauthentication(void **state)
{
    (void)state;
    for (unsigned responder = 0; responder < 2; responder++) {
        struct node *a, *b;
        struct world *w = up(&a, &b);
        (responder ? b : a)->policies[0].lifetime_seconds = 200;
        node_configure(a);
        node_configure(b);
        connect_now(w, a, b);
        for (unsigned s = 0; s < 1000; s++) {
            world_run(w, NS_PER_S);
            assert_true(nodes_match(a, b));
            assert_true(node_sas(a) >= 1 && node_sas(b) >= 1);
        }
        assert_int_equal(a->installs, 1); /* the new IKE SAs adopt the pair */
        assert_true(node_statistics(a).phase1_established >= 5);
        assert_true(node_sas(a) <= 3);
        world_free(w);
    }
}

static void dpd_periodic_next_peer(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct node *a = world_node(w, "A", "192.0.2.1"), *b = world_node(w, "B", "192.0.2.2"),
                *c = world_node(w, "C", "192.0.2.3");
    node_connect(a, 0, "192.0.2.2", "10.0.0.0/24", "10.0.1.0/24");
    node_peer(a, 0, "192.0.2.3");
    node_connect(b, 0, "192.0.2.1", "10.0.1.0/24", "10.0.0.0/24");
    node_connect(c, 0, "192.0.2.1", "10.0.1.0/24", "10.0.0.0/24");
    a->config.dpd_mode = IKE_DPD_PERIODIC;
    a->config.dpd_seconds = 10;
    a->config.dpd_retry_seconds = 2;
    node_start(a);
    node_start(b);
    node_start(c);
    connect_now(w, a, b);
    world_run(w, 60 * NS_PER_S);
    assert_int_equal(node_pairs(a), 1); /* answers keep it alive */
    b->down = true;
    world_run(w, 15 * NS_PER_S);
    assert_int_equal(node_statistics(a).dpd_dead, 0);
    world_run(w, 2 * NS_PER_S); /* 10 + 3 * 2 s after the last sign of life, at most */
    world_run(w, NS_PER_S);
    assert_int_equal(node_statistics(a).dpd_dead, 1);
    assert_true(nodes_match(a, c));
    assert_true(node_logged(a, "IKMP_PEER_DEAD"));
    struct ike_connection_view v;
    assert_true(ike_connection_look(a->ike, 1, &v));
    assert_true(address_equal(&v.current_peer, &c->address));
    /* The one that worked is tried first after a restart too. */
    node_restart(a, true);
    assert_true(ike_connection_look(a->ike, 1, &v));
    assert_true(address_equal(&v.current_peer, &c->address));
    world_free(w);
}

static void dpd_on_demand(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    a->config.dpd_mode = IKE_DPD_ON_DEMAND;
    a->config.dpd_seconds = 10;
    a->config.dpd_retry_seconds = 2;
    node_configure(a);
    connect_now(w, a, b);
    unsigned sent = a->sent;
    world_run(w, 100 * NS_PER_S);
    assert_int_equal(a->sent, sent); /* nothing sent: no worry */
    b->down = true;
    a->pairs[0].last_out = w->now;
    world_run(w, 4 * NS_PER_S);
    assert_true(a->sent > sent);
    world_run(w, 6 * NS_PER_S);
    assert_int_equal(node_pairs(a) + node_sas(a), 0);
    /* Packets that arrive are a sign of life. */
    b->down = false;
    node_restart(b, false);
    connect_now(w, a, b);
    b->down = true;
    for (unsigned s = 0; s < 60; s++) {
        pair_traffic_now(a);
        world_run(w, NS_PER_S);
    }
    assert_int_equal(node_pairs(a), 1);
    world_free(w);
}

static bool lose(struct world *w, struct node *from, struct packet *p, void *context)
{
    (void)w;
    (void)from;
    (void)p;
    unsigned *nth = context;
    return (*nth)-- != 0;
}

/* Each message of main and quick mode is lost once. */
static void every_message_lost(void **state)
{
    (void)state;
    for (unsigned aggressive = 0; aggressive < 2; aggressive++)
        for (unsigned i = 0; i < 10; i++) {
            struct node *a, *b;
            unsigned nth = i;
            struct world *w = up(&a, &b);
            a->peers[0][0].aggressive = aggressive;
            w->filter = lose;
            w->context = &nth;
            node_acquire(a, 0);
            world_run(w, 40 * NS_PER_S);
            assert_true(nodes_match(a, b) && nodes_match(b, a));
            assert_int_equal(node_usable(b), 1);
            assert_int_equal(node_pairs(a), 1);
            world_free(w);
        }
}

static bool twice(struct world *w, struct node *from, struct packet *p, void *context)
{
    (void)from;
    (void)context;
    struct packet *copy = malloc(sizeof(*copy));
    *copy = *p;
    copy->at += 3 * NS_PER_MS;
    w->queue[w->queued++] = copy;
    return true;
}

/* Every message comes twice, and all of it once more a minute later. */
static void every_message_twice(void **state)
{
    (void)state;
    for (unsigned aggressive = 0; aggressive < 2; aggressive++) {
        struct node *a, *b;
        struct world *w = up(&a, &b);
        a->peers[0][0].aggressive = aggressive;
        a->connections[0].pfs_group = b->connections[0].pfs_group = DH_CURVE25519;
        w->filter = twice;
        w->keep_history = true;
        node_acquire(a, 0);
        world_run(w, NS_PER_S);
        assert_int_equal(node_pairs(a), 1);
        assert_int_equal(node_pairs(b), 1);
        assert_true(nodes_match(a, b));
        w->filter = NULL;
        w->keep_history = false;
        for (unsigned i = 0; i < w->history_count; i++) {
            struct packet *p = w->history[i];
            node_inject(address_equal(&p->remote.address, &a->address) ? a : b, p->local, p->remote.port,
                        p->data, p->len);
        }
        world_run(w, 120 * NS_PER_S);
        assert_true(nodes_match(a, b) && nodes_match(b, a));
        assert_int_equal(node_usable(b), 1);
        world_free(w);
    }
}

static bool shuffle(struct world *w, struct node *from, struct packet *p, void *context)
{
    uint32_t *x = context;
    (void)w;
    (void)from;
    *x = *x * 1664525 + 1013904223;
    p->at += (*x >> 16) % 2000 * NS_PER_MS;
    return (*x >> 8) % 5 != 0;
}

/* A fifth is lost, the rest arrives in any order within two seconds. */
static void bad_network(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        struct node *a, *b;
        uint32_t x = seed;
        struct world *w = up(&a, &b);
        w->filter = shuffle;
        w->context = &x;
        a->peers[0][0].aggressive = seed % 2;
        a->connections[0].lifetime_seconds = 200;
        node_configure(a);
        for (unsigned i = 0; i < 20; i++) {
            if (node_usable(a) == 0)
                node_acquire(a, 0);
            world_run(w, 60 * NS_PER_S);
        }
        w->filter = NULL;
        if (node_usable(a) == 0)
            node_acquire(a, 0);
        world_run(w, 100 * NS_PER_S);
        assert_true(node_usable(a) >= 1 && node_usable(b) >= 1);
        assert_true(node_pairs(a) <= 6 && node_pairs(b) <= 6);
        world_free(w);
    }
}

static void idle_and_default_peer(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    node_peer(a, 0, "192.0.2.9");
    a->connections[0].idle_seconds = 60;
    a->peers[0][1].is_default = true;
    node_configure(a);
    node_acquire(a, 0);
    world_run(w, 40 * NS_PER_S); /* the default does not answer, the next one does */
    assert_true(nodes_match(a, b));
    for (unsigned s = 0; s < 100; s++) {
        pair_traffic_now(a);
        world_run(w, NS_PER_S);
    }
    assert_int_equal(node_pairs(a), 1);
    world_run(w, 62 * NS_PER_S);
    assert_int_equal(node_pairs(a) + node_pairs(b), 0);
    unsigned sent = a->sent;
    w->keep_history = true;
    node_acquire(a, 0);
    assert_true(a->sent > sent);
    struct address other;
    address_parse("192.0.2.9", &other);
    assert_true(address_equal(&w->history[0]->remote.address, &other)); /* the default peer again */
    world_free(w);
}

/* The DELETE of an IKE SA leaves its pairs; a rekey makes a new IKE SA. */
static void dangling_pair(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    a->policies[0].lifetime_seconds = 100;
    a->connections[0].lifetime_seconds = 400;
    b->config.connection_count = 1;
    node_configure(a);
    connect_now(w, a, b);
    world_run(w, 800 * NS_PER_S);
    assert_true(nodes_match(a, b));
    assert_true(node_sas(a) >= 1);
    world_free(w);
}

static bool no_main_mode(struct world *w, struct node *from, struct packet *p, void *context)
{
    (void)w;
    (void)from;
    (void)context;
    return p->data[18] != 2;
}

/* An IKE SA ends without a successor: with periodic probing a new one is made for the pair that is left. */
static void dangling_pair_is_probed(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    a->config.dpd_mode = IKE_DPD_PERIODIC;
    a->config.dpd_seconds = 10;
    a->policies[0].lifetime_seconds = 120;
    node_configure(a);
    connect_now(w, a, b);
    w->filter = no_main_mode;
    world_run(w, 125 * NS_PER_S);
    assert_int_equal(node_sas(a), 0);
    assert_int_equal(node_pairs(a), 1);
    w->filter = NULL;
    world_run(w, 40 * NS_PER_S);
    assert_int_equal(node_sas(a), 1);
    assert_true(nodes_match(a, b));
    assert_int_equal(a->installs, 1);
    b->down = true;
    world_run(w, 60 * NS_PER_S);
    assert_int_equal(node_pairs(a), 0);
    assert_int_equal(node_statistics(a).dpd_dead, 1);
    world_free(w);
}

static void clear_tells_the_peer(void **state)
{
    static const enum ike_clear_scope scopes[] = {IKE_CLEAR_ALL_ISAKMP, IKE_CLEAR_ALL_PAIRS,
                                                  IKE_CLEAR_PEER_PAIRS, IKE_CLEAR_CONNECTION,
                                                  IKE_CLEAR_PAIR,       IKE_CLEAR_EVERYTHING};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(scopes); i++) {
        struct node *a, *b;
        struct world *w = up(&a, &b);
        connect_now(w, a, b);
        struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = scopes[i], .peer = b->address}};
        e.clear.number = scopes[i] == IKE_CLEAR_PAIR ? a->pairs[0].install.slot : 1;
        node_event(a, &e);
        world_run(w, NS_PER_S);
        assert_int_equal(node_pairs(a) + node_pairs(b), 0);
        bool isakmp = scopes[i] == IKE_CLEAR_ALL_ISAKMP || scopes[i] == IKE_CLEAR_EVERYTHING;
        assert_int_equal(node_sas(b), isakmp ? 0 : 1);
        connect_now(w, a, b); /* and it comes back */
        world_free(w);
    }
}

/* Another gateway had the address meanwhile: nothing is said, and the peer is to be spoken to as by a new
 * one. */
static void clear_local_says_nothing(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    connect_now(w, a, b);
    struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_LOCAL, .peer = b->address}};
    node_event(a, &e); /* not an address of its own */
    world_run(w, NS_PER_S);
    assert_int_equal(node_pairs(a), 1);
    assert_int_equal(node_sas(a), 1);
    e.clear.peer = a->address;
    node_event(a, &e);
    world_run(w, NS_PER_S);
    assert_int_equal(node_pairs(a) + node_sas(a), 0);
    assert_int_equal(node_pairs(b), 1);
    assert_int_equal(node_sas(b), 1);
    connect_now(w, a, b);
    world_free(w);
}

/* B restarts and knows nothing: its INITIAL-CONTACT, or the notify for an unknown SPI, brings A along. */
static void peer_lost_its_memory(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    connect_now(w, a, b);
    node_restart(b, false);
    node_acquire(b, 0);
    world_run(w, 2 * NS_PER_S);
    assert_int_equal(node_pairs(a), 1); /* the old one is gone */
    assert_true(nodes_match(a, b));
    node_restart(b, false);
    b->config.invalid_spi_recovery = true;
    node_configure(b);
    struct ike_event e = {.type = IKE_EVENT_INVALID_SPI,
                          .invalid_spi = {.local = b->address,
                                          .remote = a->address,
                                          .spi = node_newest(a)->install.spi_out,
                                          .protocol = 50}};
    node_event(b, &e);
    world_run(w, 3 * NS_PER_S);
    assert_true(node_sas(b) >= 1);
    world_run(w, 3 * NS_PER_S);
    if (node_pairs(a) == 0)
        node_acquire(a, 0);
    world_run(w, 2 * NS_PER_S);
    assert_true(nodes_match(a, b));
    world_free(w);
}

static bool swallow(struct world *w, struct node *from, struct packet *p, void *context)
{
    (void)w;
    (void)from;
    (void)p;
    (void)context;
    return false;
}

/* B lost its SAs and has traffic of its own: the IKE SA that is being made for that tells A, too, what B does
 * not know. B has been in contact before, so that no INITIAL-CONTACT does. */
static void invalid_spi_while_initiating(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    connect_now(w, a, b);
    uint32_t old = a->pairs[0].install.spi_out;
    struct ike_event clear = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_EVERYTHING}};
    w->filter = swallow;
    node_event(b, &clear);
    world_run(w, NS_PER_S);
    w->filter = NULL;
    assert_int_equal(node_pairs(b), 0);
    assert_int_equal(node_pairs(a), 1);
    node_acquire(b, 0);
    struct ike_event e = {
        .type = IKE_EVENT_INVALID_SPI,
        .invalid_spi = {.local = b->address, .remote = a->address, .spi = old, .protocol = 50}};
    node_event(b, &e);
    world_run(w, 2 * NS_PER_S);
    assert_true(node_logged(a, "does not know SPI"));
    assert_true(nodes_match(a, b));
    for (unsigned i = 0; i < ARRAY_SIZE(a->pairs); i++)
        assert_true(!a->pairs[i].used || a->pairs[i].removed || a->pairs[i].install.spi_out != old);
    world_free(w);
}

/* Two addresses of A speak to one of B: the first contact of the second leaves the SAs of the first alone. */
static void initial_contact_of_one_address(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = world_pair_new(&a, &b);
    a->second_address = address_v4(0xc000020b); /* 192.0.2.11 */
    node_connect(a, 1, "192.0.2.2", "10.0.8.0/24", "10.0.1.0/24");
    a->connections[1].local = a->second_address;
    node_connect(b, 1, "192.0.2.11", "10.0.1.0/24", "10.0.8.0/24");
    node_start(a);
    node_start(b);
    connect_now(w, a, b);
    world_run(w, 5 * NS_PER_S);
    node_acquire(a, 1);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(node_pairs(a), 2);
    assert_int_equal(node_pairs(b), 2);
    assert_int_equal(node_sas(a), 2);
    assert_int_equal(a->removes + b->removes, 0);
    world_free(w);
}

/* An authenticated INVALID-SPI under a living IKE SA: the pair is made anew. */
static void invalid_spi_renews(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    connect_now(w, a, b);
    uint32_t old = a->pairs[0].install.spi_out;
    struct ike_event e = {
        .type = IKE_EVENT_INVALID_SPI,
        .invalid_spi = {.local = b->address, .remote = a->address, .spi = old, .protocol = 50}};
    node_event(b, &e);
    world_run(w, 2 * NS_PER_S);
    assert_true(nodes_match(a, b));
    assert_int_not_equal(node_newest(a)->install.spi_out, old);
    world_free(w);
}

/* A successor on either side goes on: deletes, DPD, rekeys, without a word for being restored. */
static void restore_either_side(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct node *a, *b;
        struct world *w = up(&a, &b);
        a->config.dpd_mode = b->config.dpd_mode = IKE_DPD_PERIODIC;
        a->config.dpd_seconds = b->config.dpd_seconds = 10;
        a->connections[0].lifetime_seconds = 120;
        a->policies[0].lifetime_seconds = 400;
        a->peers[0][0].aggressive = i >= 2;
        node_configure(a);
        node_configure(b);
        connect_now(w, a, b);
        struct node *n = i % 2 ? b : a;
        unsigned sent = n->sent;
        node_restart(n, true);
        struct ike_event tick = {.type = IKE_EVENT_TIMER};
        node_event(n, &tick);
        assert_int_equal(n->sent, sent);
        assert_int_equal(node_sas(n), 1);
        for (unsigned s = 0; s < 600; s++) {
            world_run(w, NS_PER_S);
            assert_true(nodes_match(a, b) && nodes_match(b, a));
            if (s % 97 == 50)
                node_restart(n, true);
        }
        assert_true(a->installs >= 5);
        assert_int_equal(node_statistics(a).dpd_dead + node_statistics(b).dpd_dead, 0);
        struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_EVERYTHING}};
        node_event(n, &e);
        world_run(w, NS_PER_S);
        assert_int_equal(node_pairs(a) + node_pairs(b) + node_sas(a) + node_sas(b), 0);
        for (unsigned r = 0; r < RECORDS_MAX; r++)
            assert_true(!a->records[r].used || a->records[r].kind == IKE_RECORD_CONNECTION);
        world_free(w);
    }
}

/* Whoever takes over answers a repeated message as the one before it did, byte for byte. */
static void restored_answers(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = up(&a, &b);
    w->keep_history = true;
    connect_now(w, a, b);
    unsigned n = w->history_count;
    node_restart(b, true);
    unsigned answered = 0;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = w->history[i];
        if (!address_equal(&p->remote.address, &b->address))
            continue;
        unsigned before = w->history_count;
        node_inject(b, p->local, 500, p->data, p->len);
        if (w->history_count == before || i + 1 >= n)
            continue;
        struct packet *again = w->history[w->history_count - 1], *first = w->history[i + 1];
        if (p->data[18] == 32 || p->data[19] & 1) { /* the fifth message and those of quick mode */
            assert_int_equal(again->len, first->len);
            assert_memory_equal(again->data, first->data, first->len);
            answered++;
        }
    }
    assert_int_equal(answered, 2);
    /* Bad records are refused and hurt nothing. */
    for (unsigned r = 0; r < RECORDS_MAX; r++) {
        struct world_record *record = &b->records[r];
        for (size_t len = 0; record->used && len < record->len; len++)
            assert_int_equal(
                ike_restore(b->ike, record->kind, record->key + 4000, bytes_of(record->data, len), w->now),
                -22);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rekey_by_seconds),
        cmocka_unit_test(rekey_by_volume),
        cmocka_unit_test(successor_gone),
        cmocka_unit_test(reauthentication),
        cmocka_unit_test(dpd_periodic_next_peer),
        cmocka_unit_test(dpd_on_demand),
        cmocka_unit_test(every_message_lost),
        cmocka_unit_test(every_message_twice),
        cmocka_unit_test(bad_network),
        cmocka_unit_test(idle_and_default_peer),
        cmocka_unit_test(dangling_pair),
        cmocka_unit_test(dangling_pair_is_probed),
        cmocka_unit_test(clear_tells_the_peer),
        cmocka_unit_test(clear_local_says_nothing),
        cmocka_unit_test(peer_lost_its_memory),
        cmocka_unit_test(invalid_spi_renews),
        cmocka_unit_test(invalid_spi_while_initiating),
        cmocka_unit_test(restore_either_side),
        cmocka_unit_test(restored_answers),
        cmocka_unit_test(initial_contact_of_one_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
