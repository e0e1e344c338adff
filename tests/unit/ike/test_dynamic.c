/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that take peers which are not known beforehand: a hub with an entry of a dynamic map and spokes
 * that come to it. It never initiates, takes what its access list allows, keeps the pairs of each peer apart,
 * rekeys with a peer that is there, and knows them again after a restart. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void hub_make_dynamic(struct node *hub, bool restricted)
{
    struct ike_connection *c = &hub->connections[0];
    node_connect(hub, 0, "192.0.2.2", "10.0.0.0/8", "10.0.0.0/8");
    c->dynamic = true;
    c->peer_count = 0;
    if (!restricted)
        c->selector_count = 0;
    hub->config.key_count = 1;
    hub->keys[0].peer = (struct prefix){.length = 0};
    hub->keys[0].peer.address.family = ADDRESS_V4;
}

/* A hub at 192.0.2.1 and spokes at .2 and .3. */
static struct world *world_dynamic(struct node *n[3], bool restricted)
{
    struct world *w = world_new();
    n[0] = world_node(w, "hub", "192.0.2.1");
    n[1] = world_node(w, "one", "192.0.2.2");
    n[2] = world_node(w, "two", "192.0.2.3");
    hub_make_dynamic(n[0], restricted);
    node_connect(n[1], 0, "192.0.2.1", "10.0.1.0/24", "10.0.0.0/24");
    node_connect(n[2], 0, "192.0.2.1", "10.0.2.0/24", "10.0.0.0/24");
    for (int i = 0; i < 3; i++)
        node_start(n[i]);
    return w;
}

static void test_two_spokes(void **state)
{
    (void)state;
    for (int restricted = 0; restricted < 2; restricted++) {
        struct node *n[3];
        struct world *w = world_dynamic(n, restricted);
        node_acquire(n[1], 0);
        world_run(w, 5 * NS_PER_S);
        assert_true(nodes_match(n[0], n[1]));
        node_acquire(n[2], 0);
        world_run(w, 5 * NS_PER_S);
        assert_true(nodes_match(n[0], n[2]));
        assert_int_equal(node_usable(n[0]), 2);
        assert_int_equal(node_sas(n[0]), 2);
        assert_true(node_logged(n[0], "UP. Peer 192.0.2.2"));
        assert_true(node_logged(n[0], "UP. Peer 192.0.2.3"));
        world_free(w);
    }
}

static void test_never_initiates(void **state)
{
    struct node *n[3];
    struct world *w = world_dynamic(n, true);
    (void)state;
    node_acquire(n[0], 0);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(n[0]->sent, 0);
    assert_int_equal(n[0]->acquire_failed, 1);
    assert_true(node_logged(n[0], "a dynamic crypto map does not initiate"));
    struct ike_event e = {.type = IKE_EVENT_INVALID_SPI};
    e.invalid_spi.local = n[0]->address;
    e.invalid_spi.remote = n[1]->address;
    e.invalid_spi.spi = 0x12345;
    e.invalid_spi.protocol = 50;
    n[0]->config.invalid_spi_recovery = true;
    node_event(n[0], &e);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(n[0]->sent, 0);
    world_free(w);
}

static void test_access_list_restricts(void **state)
{
    struct node *n[3];
    struct world *w = world_dynamic(n, true);
    (void)state;
    node_connect(n[1], 0, "192.0.2.1", "172.16.0.0/24", "10.0.0.0/24");
    node_configure(n[1]);
    node_acquire(n[1], 0);
    world_run(w, 60 * NS_PER_S);
    assert_int_equal(node_pairs(n[0]), 0);
    world_free(w);
}

/* The hub's lifetime ends first: it rekeys towards the spoke that is there, and not one that is gone. */
static void test_rekey(void **state)
{
    struct node *n[3];
    struct world *w = world_dynamic(n, false);
    (void)state;
    node_acquire(n[1], 0);
    node_acquire(n[2], 0);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(node_usable(n[0]), 2);
    for (int i = 0; i < PAIRS_MAX; i++) {
        const struct world_pair *p = &n[0]->pairs[i];
        if (!p->used || p->removed || !address_equal(&p->install.remote.address, &n[1]->address))
            continue;
        struct ike_event e = {.type = IKE_EVENT_PAIR_SOFT,
                              .pair = {.slot = p->install.slot, .spi_in = p->install.spi_in}};
        node_event(n[0], &e);
        break;
    }
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(node_statistics(n[0]).rekeys, 1);
    assert_true(nodes_match(n[0], n[1]));
    assert_int_equal(node_usable(n[0]), 2);
    world_free(w);
}

static void test_restart(void **state)
{
    struct node *n[3];
    struct world *w = world_dynamic(n, false);
    (void)state;
    node_acquire(n[1], 0);
    node_acquire(n[2], 0);
    world_run(w, 5 * NS_PER_S);
    unsigned before = node_pairs(n[0]);
    node_restart(n[0], true);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(node_pairs(n[0]), before);
    assert_int_equal(node_sas(n[0]), 2);
    /* A change that means the same leaves them alone, withdrawal ends them. */
    node_configure(n[0]);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(node_pairs(n[0]), before);
    n[0]->config.connection_count = 0;
    node_configure(n[0]);
    world_run(w, 60 * NS_PER_S);
    assert_int_equal(node_pairs(n[0]), 0);
    world_free(w);
}

/* A spoke whose DPD ends: the hub does not look for another peer. */
static void test_dead_spoke(void **state)
{
    struct node *n[3];
    struct world *w = world_dynamic(n, false);
    (void)state;
    n[0]->config.dpd_mode = IKE_DPD_PERIODIC;
    n[0]->config.dpd_seconds = 10;
    n[0]->config.dpd_retry_seconds = 2;
    n[0]->config.dpd_misses = 3;
    node_configure(n[0]);
    node_acquire(n[1], 0);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(node_usable(n[0]), 1);
    n[1]->down = true;
    n[0]->no_traffic = true;
    world_run(w, 120 * NS_PER_S);
    assert_int_equal(node_pairs(n[0]), 0);
    unsigned sent = n[0]->sent;
    world_run(w, 120 * NS_PER_S);
    assert_int_equal(n[0]->sent, sent);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_spokes),
        cmocka_unit_test(test_never_initiates),
        cmocka_unit_test(test_access_list_restricts),
        cmocka_unit_test(test_rekey),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_dead_spoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
