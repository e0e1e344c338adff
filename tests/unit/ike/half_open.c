/* SPDX-License-Identifier: Apache-2.0 */
#include "half_open.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void aggressive(struct node *n)
{
    n->peers[0][0].aggressive = true;
}

static void largest_group(struct node *n)
{
    n->policies[0].group = DH_MODP_4096;
    n->policies[0].hash = HASH_SHA512;
    n->policies[0].key_bits = 256;
}

static void behind_nat(struct node *n)
{
    if (n->name[0] != 'P') {
        n->connections[0].dynamic = true;
        n->connections[0].peer_count = 0;
        return;
    }
    n->behind_nat = true;
    assert_true(address_parse("203.0.113.9", &n->nat_address));
    n->nat_port_base = 10000;
}

static void aggressive_behind_nat(struct node *n)
{
    aggressive(n);
    behind_nat(n);
}

const struct mode modes[MODES] = {
    {"main mode of ours", NULL, false},
    {"main mode of the peer", NULL, true},
    {"aggressive mode of ours", aggressive, false},
    {"aggressive mode of the peer", aggressive, true},
    {"main mode of ours, the largest group", largest_group, false},
    {"main mode of the peer, the largest group", largest_group, true},
    {"main mode of a peer behind NAT", behind_nat, true},
    {"aggressive mode of a peer behind NAT", aggressive_behind_nat, true},
};

const struct ike_sa *only_sa(const struct node *n)
{
    return list_empty(&n->ike->sas) ? NULL : list_entry(n->ike->sas.next, struct ike_sa, all);
}

unsigned half_open_records(const struct node *n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RECORDS_MAX; i++)
        count += n->records[i].used && n->records[i].kind == IKE_RECORD_HALF_OPEN;
    return count;
}

unsigned phase1s(const struct node *n)
{
    struct ike_statistics s = node_statistics(n);
    return (unsigned)(s.phase1_initiated + s.phase1_responded);
}

/* The same IKE SA at both. */
bool agreed(struct node *x, struct node *y)
{
    const struct ike_sa *sa = only_sa(x);
    const struct ike_sa *other = sa && sa_alive(sa) ? sa_find_cookies(y->ike, sa->cookie_i) : NULL;
    return other && sa_alive(other) && sa->key_len > 0 && memcmp(sa->key, other->key, sa->key_len) == 0;
}

ns time_until_agreed(struct trio *t, struct node *with, ns most)
{
    ns began = t->w->now;
    while (!agreed(t->p, with) && t->w->now - began < most)
        world_run(t->w, 5 * NS_PER_MS);
    return t->w->now - began;
}

void begin(struct trio *t, const struct mode *m)
{
    node_acquire(m->by_peer ? t->p : t->a, 0);
}

void take_over_fast(struct trio *t)
{
    t->a->down = true;
    world_run(t->w, DETECTION_MS * NS_PER_MS);
    assert_int_equal(t->b->sent, 0);
    node_role(t->b, true, false);
}

bool mute_filter(struct world *w, struct node *from, struct packet *p, void *context)
{
    struct mute *m = context;
    (void)w;
    (void)p;
    return from != m->node || ++m->seen < m->from;
}

const struct packet *first_from(const struct world *w, const struct node *n, unsigned nth)
{
    for (unsigned i = 0; i < w->history_count; i++)
        if (address_equal(&w->history[i]->local.address, &n->address) && nth-- == 0)
            return w->history[i];
    return NULL;
}
