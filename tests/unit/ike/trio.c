/* SPDX-License-Identifier: Apache-2.0 */
#include "trio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void trio_new(struct trio *t, void (*configure)(struct node *n))
{
    t->w = world_new();
    t->a = world_node(t->w, "A", "192.0.2.1");
    t->b = world_node(t->w, "B", "192.0.2.1");
    t->p = world_node(t->w, "P", "192.0.2.2");
    node_connect(t->a, 0, "192.0.2.2", "10.0.0.0/24", "10.0.1.0/24");
    node_connect(t->b, 0, "192.0.2.2", "10.0.0.0/24", "10.0.1.0/24");
    node_connect(t->p, 0, "192.0.2.1", "10.0.1.0/24", "10.0.0.0/24");
    node_group(t->a, 0);
    node_group(t->b, 1);
    t->b->clock = 500 * NS_PER_S;
    t->a->standby = t->b;
    struct node *all[] = {t->a, t->b, t->p};
    for (unsigned i = 0; i < 3; i++) {
        all[i]->config.invalid_spi_recovery = true;
        if (configure)
            configure(all[i]);
        node_start(all[i]);
    }
    node_role(t->a, true, false);
}

void connect_now(struct trio *t)
{
    node_acquire(t->a, 0);
    world_run(t->w, NS_PER_S);
    assert_true(nodes_match(t->a, t->p) && nodes_match(t->p, t->a));
}

void take_over(struct trio *t)
{
    t->a->down = true;
    world_run(t->w, 500 * NS_PER_MS);
    assert_int_equal(t->b->sent, 0); /* whoever stands by is silent */
    node_role(t->b, true, false);
}

/* The packet path of `n` gets what it has no SA for. */
void unknown_spi(struct node *n, const struct world_pair *of_peer)
{
    struct ike_event e = {.type = IKE_EVENT_INVALID_SPI,
                          .invalid_spi = {.local = n->address,
                                          .remote = of_peer->install.local.address,
                                          .spi = of_peer->install.spi_out,
                                          .protocol = 50}};
    node_event(n, &e);
}

/* Traffic both ways finds out what is missing. */
void traffic(struct node *from, struct node *to)
{
    struct world_pair *p = node_newest(from);
    if (!p)
        node_acquire(from, 0);
    else if (!nodes_match(from, to))
        unknown_spi(to, p);
}

bool converge(struct trio *t)
{
    for (unsigned s = 0; s < 90; s++) {
        world_run(t->w, 2 * NS_PER_S);
        if (nodes_match(t->p, t->b) && nodes_match(t->b, t->p))
            return true;
        traffic(t->p, t->b);
        traffic(t->b, t->p);
    }
    return false;
}

void with_pfs(struct node *n)
{
    n->connections[0].pfs_group = DH_CURVE25519;
}

void with_bundle(struct node *n)
{
    n->sets[0].has_ah = true;
    n->sets[0].ah_integrity = PACKET_INTEGRITY_SHA1_96;
}

void rekey(struct node *n)
{
    struct world_pair *p = node_newest(n);
    struct ike_event e = {.type = IKE_EVENT_PAIR_SOFT,
                          .pair = {.slot = p->install.slot, .spi_in = p->install.spi_in}};
    node_event(n, &e);
}

void with_dpd(struct node *n)
{
    n->config.dpd_mode = IKE_DPD_PERIODIC;
    n->config.dpd_seconds = 10;
    n->config.dpd_retry_seconds = 2;
}

unsigned records_of(struct node *n, const struct world_record **ret)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RECORDS_MAX; i++)
        if (n->records[i].used)
            ret[count++] = &n->records[i];
    return count;
}
