/* SPDX-License-Identifier: Apache-2.0 */
/* A dies before each single action of each scenario, and the peer goes on with B. */
#include "trio.h"

#include "base/spi.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct scenario {
    const char *name;
    void (*configure)(struct node *n);
    void (*before)(struct trio *t);
    void (*act)(struct trio *t);
    ns length;
    bool ends; /* tunnels are taken down in it */
};

static void nothing(struct trio *t)
{
    (void)t;
}

static void acquire_a(struct trio *t)
{
    node_acquire(t->a, 0);
}

static void acquire_p(struct trio *t)
{
    node_acquire(t->p, 0);
}

static void rekey_a(struct trio *t)
{
    rekey(t->a);
}

static void rekey_p(struct trio *t)
{
    rekey(t->p);
}

static void short_ike(struct node *n)
{
    n->policies[0].lifetime_seconds = 600;
    with_pfs(n);
}

/* A quarter of the lifetime and some more before its end A authenticates again. */
static void near_reauth(struct trio *t)
{
    connect_now(t);
    world_run(t->w, 405 * NS_PER_S);
    assert_int_equal(node_statistics(t->a).phase1_initiated, 1);
}

static void connected(struct trio *t)
{
    connect_now(t);
}

static void behind_nat(struct trio *t)
{
    t->p->behind_nat = true;
    assert_true(address_parse("203.0.113.9", &t->p->nat_address));
    t->p->nat_port_base = 10000;
    node_acquire(t->p, 0);
    world_run(t->w, NS_PER_S);
    assert_true(nodes_match(t->p, t->a));
}

/* The mapping changes, and A learns of it by the next message. */
static void nat_move(struct trio *t)
{
    t->p->nat_port_base = 20000;
    rekey(t->p);
}

static void clear_a(struct trio *t)
{
    struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_ALL_ISAKMP}};
    node_event(t->a, &e);
}

static void clear_p(struct trio *t)
{
    struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_ALL_PAIRS}};
    node_event(t->p, &e);
}

static void with_any_peer(struct node *n)
{
    if (n->name[0] == 'P')
        return;
    n->connections[0].dynamic = true;
    n->connections[0].peer_count = 0;
}

static const struct scenario scenarios[] = {
    {"main and quick mode of ours", NULL, nothing, acquire_a, NS_PER_S, false},
    {"main and quick mode of the peer", NULL, nothing, acquire_p, NS_PER_S, false},
    {"the same with PFS", with_pfs, nothing, acquire_p, NS_PER_S, false},
    {"the same with a bundle", with_bundle, nothing, acquire_p, NS_PER_S, false},
    {"rekey of ours", NULL, connected, rekey_a, 45 * NS_PER_S, false},
    {"rekey of the peer", with_bundle, connected, rekey_p, 45 * NS_PER_S, false},
    {"re-authentication", short_ike, near_reauth, nothing, 60 * NS_PER_S, false},
    {"dead peer detection", with_dpd, connected, nothing, 35 * NS_PER_S, false},
    {"the peer moves", with_any_peer, behind_nat, nat_move, 5 * NS_PER_S, false},
    {"delete by us", NULL, connected, clear_a, NS_PER_S, true},
    {"delete by the peer", NULL, connected, clear_p, NS_PER_S, true},
};

/* Returns how many actions A took. `kill_at` 0: it lives. */
static unsigned run(const struct scenario *s, unsigned kill_at)
{
    struct trio t;
    trio_new(&t, s->configure);
    s->before(&t);
    t.a->killable = true;
    t.w->kill_at = kill_at;
    s->act(&t);
    world_run(t.w, s->length);
    unsigned actions = t.w->actions_done;
    if (kill_at) {
        assert_true(t.a->down);
        take_over(&t);
        /* What the peer uses is there at once, with the same SPIs. */
        if (!s->ends && node_newest(t.p))
            assert_true(nodes_match(t.p, t.b));
        if (!converge(&t))
            fail_msg("%s: dead before action %u: no tunnel", s->name, kill_at);
        const struct world_pair *new = node_newest(t.b);
        assert_true(new->install.spi_in >> 30 == spi_slot_half(new->install.slot));
    } else {
        assert_int_equal(t.b->sent, 0);
        assert_true(node_statistics(t.b).replicas > 0);
        assert_int_equal(node_statistics(t.b).replicas_refused, 0);
    }
    world_free(t.w);
    return actions;
}

static void death_at_every_action(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
        unsigned actions = run(&scenarios[i], 0);
        assert_true(actions >= 3);
        printf("%s: dead before each of %u actions\n", scenarios[i].name, actions);
        for (unsigned k = 1; k <= actions; k++)
            run(&scenarios[i], k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(death_at_every_action)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
