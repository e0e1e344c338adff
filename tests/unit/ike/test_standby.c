/* SPDX-License-Identifier: Apache-2.0 */
/* Two members of a group and one peer. A serves, B has every record before anything that follows from it, and
 * A dies before each single action of each scenario: the peer goes on with B. B's clock is another one. */
#include "world.h"

#include "ike/sa/ike_sa.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct trio {
    struct world *w;
    struct node *a, *b, *p;
};

static void trio_new(struct trio *t, void (*configure)(struct node *n))
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

static void connect_now(struct trio *t)
{
    node_acquire(t->a, 0);
    world_run(t->w, NS_PER_S);
    assert_true(nodes_match(t->a, t->p) && nodes_match(t->p, t->a));
}

static void take_over(struct trio *t)
{
    t->a->down = true;
    world_run(t->w, 500 * NS_PER_MS);
    assert_int_equal(t->b->sent, 0); /* whoever stands by is silent */
    node_role(t->b, true, false);
}

/* The packet path of `n` gets what it has no SA for. */
static void unknown_spi(struct node *n, const struct world_pair *of_peer)
{
    struct ike_event e = {.type = IKE_EVENT_INVALID_SPI,
                          .invalid_spi = {.local = n->address,
                                          .remote = of_peer->install.local.address,
                                          .spi = of_peer->install.spi_out,
                                          .protocol = 50}};
    node_event(n, &e);
}

/* Traffic both ways finds out what is missing. */
static void traffic(struct node *from, struct node *to)
{
    struct world_pair *p = node_newest(from);
    if (!p)
        node_acquire(from, 0);
    else if (!nodes_match(from, to))
        unknown_spi(to, p);
}

static bool converge(struct trio *t)
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

/* ---- death before every action ---- */

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

static void with_pfs(struct node *n)
{
    n->connections[0].pfs_group = DH_CURVE25519;
}

static void with_bundle(struct node *n)
{
    n->sets[0].has_ah = true;
    n->sets[0].ah_integrity = PACKET_INTEGRITY_SHA1_96;
}

static void rekey(struct node *n)
{
    struct world_pair *p = node_newest(n);
    struct ike_event e = {.type = IKE_EVENT_PAIR_SOFT,
                          .pair = {.slot = p->install.slot, .spi_in = p->install.spi_in}};
    node_event(n, &e);
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

static void with_dpd(struct node *n)
{
    n->config.dpd_mode = IKE_DPD_PERIODIC;
    n->config.dpd_seconds = 10;
    n->config.dpd_retry_seconds = 2;
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

/* ---- an established tunnel ---- */

static const struct ike_sa *first_sa(const struct node *n)
{
    return list_entry(n->ike->sas.next, struct ike_sa, all);
}

/* Nothing is sent because of it; the peer's probes are answered; later B rekeys, in its own slots. */
static void quiet_takeover(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, with_dpd);
    t.a->connections[0].lifetime_seconds = t.b->connections[0].lifetime_seconds = 240;
    node_configure(t.a);
    node_configure(t.b);
    connect_now(&t);
    world_run(t.w, 25 * NS_PER_S); /* B's own deadlines for probes are long past */
    struct ike_statistics before = node_statistics(t.p);
    unsigned removes = t.p->removes;
    uint32_t sequence = first_sa(t.a)->dpd_sequence_out;
    take_over(&t);
    assert_true(contact_made(t.b->ike, &t.b->address, &t.p->address)); /* no INITIAL-CONTACT */
    t.p->down = true;                                                  /* so that nothing is to be answered */
    world_run(t.w, 9 * NS_PER_S);
    assert_int_equal(t.b->sent, 0);
    t.p->down = false;
    for (unsigned s = 0; s < 120; s++) {
        world_run(t.w, NS_PER_S);
        assert_true(nodes_match(t.p, t.b) && nodes_match(t.b, t.p));
    }
    struct ike_statistics after = node_statistics(t.p);
    assert_int_equal(after.phase1_responded + after.phase1_initiated,
                     before.phase1_responded + before.phase1_initiated);
    assert_int_equal(after.quick_responded, before.quick_responded);
    assert_int_equal(after.dpd_dead, 0);
    assert_int_equal(t.p->removes, removes);
    assert_true(t.b->sent > 0); /* it probes and answers */
    assert_true(first_sa(t.b)->dpd_sequence_out > sequence + 1000);
    unsigned slot = node_newest(t.b)->install.slot;
    assert_int_equal(spi_slot_half(slot), 0);
    for (unsigned s = 0; s < 240; s++) {
        world_run(t.w, NS_PER_S);
        assert_true(nodes_match(t.p, t.b) && nodes_match(t.b, t.p));
    }
    assert_int_equal(spi_slot_half(node_newest(t.b)->install.slot), 1);
    assert_int_equal(node_newest(t.b)->install.spi_in >> 30, 1);
    world_free(t.w);
}

/* A lifetime that ended while nobody served: it is rekeyed some seconds later, not at once. */
static void overdue_rekey(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    for (struct node *n = t.a; n <= t.b; n++) {
        n->connections[0].lifetime_seconds = 200;
        node_configure(n);
    }
    connect_now(&t);
    t.a->down = true;
    world_run(t.w, 172 * NS_PER_S);
    unsigned before = t.b->sent;
    take_over(&t);
    world_run(t.w, 4 * NS_PER_S);
    assert_int_equal(t.b->sent, before);
    world_run(t.w, 20 * NS_PER_S);
    assert_true(t.b->sent > before);
    assert_true(nodes_match(t.p, t.b) && spi_slot_half(node_newest(t.b)->install.slot) == 1);
    world_free(t.w);
}

static unsigned records_of(struct node *n, const struct world_record **ret)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RECORDS_MAX; i++)
        if (n->records[i].used)
            ret[count++] = &n->records[i];
    return count;
}

/* The mapping of a NAT before us is kept open by whoever serves. */
static void keepalives(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    struct address nat;
    assert_true(address_parse("203.0.113.7", &nat));
    for (struct node *n = t.a; n <= t.b; n++) {
        n->behind_nat = true;
        n->nat_address = nat;
        n->nat_port_base = 10000;
    }
    t.p->peers[0][0].address = nat;
    node_configure(t.p);
    node_acquire(t.a, 0);
    world_run(t.w, 90 * NS_PER_S); /* after 60 s the answers are not kept any more */
    assert_int_equal(node_usable(t.a), 1);
    unsigned sent = t.a->sent;
    world_run(t.w, 60 * NS_PER_S);
    assert_int_equal(t.a->sent, sent + 3); /* every 20 s */
    take_over(&t);
    world_run(t.w, 12 * NS_PER_S);
    assert_int_equal(t.b->sent, 1);
    world_run(t.w, 60 * NS_PER_S);
    assert_int_equal(t.b->sent, 4);
    assert_true(nodes_match(t.p, t.b));
    world_free(t.w);
}

/* ---- roles ---- */

static void standing_by(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    node_acquire(t.b, 0);
    assert_int_equal(t.b->acquire_failed, 1);
    connect_now(&t);
    assert_true(node_statistics(t.b).standby_ignored > 0);
    assert_int_equal(node_statistics(t.b).messages_in, 0);
    struct ike_event clear = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_EVERYTHING}};
    node_event(t.b, &clear);
    unknown_spi(t.b, node_newest(t.p));
    rekey(t.b);
    world_run(t.w, 2 * 3600 * NS_PER_S);
    assert_int_equal(t.b->sent, 0);
    assert_int_equal(node_sas(t.b), 1);
    assert_true(nodes_match(t.p, t.b)); /* A rekeyed, B followed */
    world_free(t.w);
}

/* What was being negotiated goes without a word, what is established stays. */
static void giving_the_role_back(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, with_pfs);
    connect_now(&t);
    rekey(t.a);
    unsigned sent = t.a->sent;
    node_role(t.a, false, false);
    world_run(t.w, 100 * NS_PER_S);
    assert_int_equal(t.a->sent, sent);
    assert_int_equal(node_sas(t.a), 1);
    assert_int_equal(node_pairs(t.a), 1);
    node_role(t.a, true, false);
    world_run(t.w, 4 * NS_PER_S);
    assert_int_equal(t.a->sent, sent);
    world_run(t.w, 3600 * NS_PER_S);
    assert_true(nodes_match(t.a, t.p));
    world_free(t.w);
}

/* Both served, A's tunnel is handed over to B while B serves: it is B's from then on. */
static void merging(void **state)
{
    (void)state;
    struct trio t;
    const struct world_record *records[8];
    trio_new(&t, NULL);
    for (struct node *n = t.a; n <= t.b; n++) {
        n->connections[0].lifetime_seconds = 120;
        node_configure(n);
    }
    t.a->standby = NULL;
    connect_now(&t);
    t.a->down = true;
    node_role(t.b, true, false);
    unsigned n = records_of(t.a, records);
    for (unsigned i = 0; i < n; i++)
        node_replica(t.b, t.a, records[i], false);
    memcpy(t.b->pairs, t.a->pairs, sizeof(t.b->pairs));
    assert_int_equal(t.b->sent, 0);
    for (unsigned s = 0; s < 300; s++) {
        world_run(t.w, NS_PER_S);
        assert_true(nodes_match(t.p, t.b) && nodes_match(t.b, t.p));
    }
    assert_int_equal(node_statistics(t.b).phase1_initiated, 0);
    assert_int_equal(spi_slot_half(node_newest(t.b)->install.slot), 1);
    world_free(t.w);
}

static void forgetting(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, with_bundle);
    connect_now(&t);
    unsigned sent = t.a->sent;
    t.a->standby = NULL;
    node_role(t.a, false, true);
    world_run(t.w, NS_PER_S);
    assert_false(ike_forgetting(t.a->ike, 1));
    assert_int_equal(t.a->sent, sent);
    assert_int_equal(node_pairs(t.a), 0);
    assert_int_equal(node_sas(t.a), 0);
    for (unsigned i = 0; i < RECORDS_MAX; i++)
        assert_false(t.a->records[i].used && t.a->records[i].kind != IKE_RECORD_CONNECTION);
    world_free(t.w);
}

/* ---- records ---- */

static void describe_pair(void *context, const struct ike_pair_view *v)
{
    char *out = context;
    size_t used = strlen(out);
    snprintf(out + used, 2048 - used, "%u %08x of %u, %u %u %llu\n", v->slot, v->spi_in, v->peer_number,
             v->confirmed, v->superseded, (unsigned long long)v->expires);
}

static void describe_sa(void *context, const struct ike_sa_view *v)
{
    char *out = context;
    size_t used = strlen(out);
    snprintf(out + used, 2048 - used, "%llx: %u pairs, group %u %u\n", (unsigned long long)v->id, v->pairs,
             v->group, v->standby);
}

static void describe(const struct node *n, char out[2048])
{
    out[0] = '\0';
    ike_each_sa(n->ike, describe_sa, out);
    ike_each_pair(n->ike, describe_pair, out);
}

/* A bundle and its IKE SA, in every order, twice each. */
static void any_order(void **state)
{
    (void)state;
    struct trio t;
    const struct world_record *records[8];
    char expected[2048], got[2048];
    trio_new(&t, with_bundle);
    connect_now(&t);
    describe(t.b, expected);
    unsigned n = records_of(t.a, records);
    assert_int_equal(n, 4);
    assert_non_null(strstr(expected, "1 pairs, group 1 1"));
    for (unsigned order = 0; order < 256; order++) {
        unsigned at[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3}, seen = 0;
        for (unsigned i = 0; i < 4; i++)
            seen |= 1u << at[i];
        if (seen != 15)
            continue;
        memset(t.b->records, 0, sizeof(t.b->records[0]) * 64);
        node_restart(t.b, false);
        for (unsigned i = 0; i < 8; i++) {
            node_replica(t.b, t.a, records[at[i % 4]], false);
            describe(t.b, got);
            if (i >= 3)
                assert_string_equal(got, expected);
        }
        for (unsigned i = 0; i < 4; i++)
            node_replica(t.b, t.a, records[at[i]], true);
        describe(t.b, got);
        assert_string_equal(got, "");
        assert_int_equal(node_statistics(t.b).pairs, 0);
    }
    world_free(t.w);
}

static void bad_records(void **state)
{
    (void)state;
    struct trio t;
    const struct world_record *records[8];
    char expected[2048], got[2048];
    trio_new(&t, NULL);
    connect_now(&t);
    describe(t.b, expected);
    unsigned n = records_of(t.a, records);
    uint64_t refused = 0;
    for (unsigned i = 0; i < n; i++)
        for (size_t len = 0; len < records[i]->len; len++) {
            struct world_record bad = *records[i];
            bad.len = len;
            node_replica(t.b, t.a, &bad, false);
            refused++;
        }
    struct world_record strange = *records[0];
    strange.kind = 9;
    node_replica(t.b, t.a, &strange, false);
    describe(t.b, got);
    assert_string_equal(got, expected);
    assert_int_equal(node_statistics(t.b).replicas_refused, refused + 1);
    assert_true(node_logged(t.b, "REPLICA_REFUSED: "));
    world_free(t.w);
}

static void install_record(void **state)
{
    (void)state;
    struct trio t;
    uint8_t bytes[IKE_INSTALL_MAX], again[IKE_INSTALL_MAX];
    struct ike_pair_install got;
    trio_new(&t, NULL);
    connect_now(&t);
    struct world_pair *p = node_newest(t.a);
    struct ike_pair_install in = p->install;
    struct bytes *keys[] = {&in.encryption_key_out, &in.integrity_key_out, &in.encryption_key_in,
                            &in.integrity_key_in};
    for (unsigned i = 0; i < 4; i++)
        keys[i]->data = p->keys[i];
    size_t len = pair_install_write(&in, bytes, sizeof(bytes));
    assert_true(len > 100);
    assert_int_equal(pair_install_parse(bytes_of(bytes, len), 0, &got), 0);
    assert_int_equal(pair_install_write(&got, again, sizeof(again)), len);
    assert_memory_equal(bytes, again, len);
    assert_int_equal(pair_install_parse(bytes_of(bytes, len), 7, &got), 0);
    assert_true(got.hard_expiry == in.hard_expiry + 7);
    assert_int_equal(pair_install_parse(bytes_of(bytes, len), -7, &got), 0);
    assert_true(got.hard_expiry == in.hard_expiry - 7);
    for (size_t i = 0; i < len; i++) {
        assert_true(pair_install_parse(bytes_of(bytes, i), 0, &got) < 0);
        assert_int_equal(pair_install_write(&in, again, i), 0);
    }
    bytes[0]++; /* another version */
    assert_true(pair_install_parse(bytes_of(bytes, len), 0, &got) < 0);
    bytes[0]--;
    bytes[4]++; /* a slot that is not the SPI's */
    assert_true(pair_install_parse(bytes_of(bytes, len), 0, &got) < 0);
    world_free(t.w);
}

/* ---- many ---- */

enum { MANY = 10000 };

struct many {
    struct ike *ike;
    struct ike_actions actions;
    ns now;
    unsigned sent, acted, steps;
};

static void many_step(struct many *m, struct ike_event e)
{
    e.now = m->now;
    ike_step(m->ike, &e, &m->actions);
    m->steps++;
    for (unsigned i = 0; i < m->actions.count; i++) {
        m->acted += !m->actions.list[i].replica;
        m->sent += m->actions.list[i].type == IKE_ACTION_SEND;
    }
    ike_actions_done(&m->actions);
}

static void be32_at(uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Copies of one tunnel with other numbers, cookies, SPIs and peers: offsets as in records.c. */
static void many_replica(struct many *m, const struct world_record *r, uint32_t i)
{
    uint8_t copy[IKE_RECORD_MAX];
    struct ike_event e = {.type = IKE_EVENT_REPLICA, .replica = {.kind = r->kind}};
    memcpy(copy, r->data, r->len);
    e.replica.data = bytes_of(copy, r->len);
    if (r->kind == IKE_RECORD_SA) {
        e.replica.key = 1000 + i;
        be32_at(copy + 7, i);
        be32_at(copy + 11, i);
        be32_at(copy + 15, i);
        be32_at(copy + 19, i);
        be32_at(copy + 31, 0x0b000000 + i);
    } else {
        e.replica.key = 2 * i;
        be32_at(copy + 1, 0);
        be32_at(copy + 5, 1000 + i);
        be32_at(copy + 17, 1u << 17 | 2 * i);
        be32_at(copy + 21, 0x10000000 + i);
    }
    many_step(m, e);
}

static void ten_thousand(void **state)
{
    (void)state;
    struct trio t;
    static struct many m;
    static const uint8_t seed[32] = {9};
    const struct world_record *records[8];
    trio_new(&t, with_dpd);
    connect_now(&t);
    unsigned n = records_of(t.a, records);
    struct ike_limits limits = {.sa_max = MANY + 10, .pair_max = 2 * MANY + 10};
    m.now = t.w->now;
    m.ike = ike_new(&limits, seed);
    ike_configure(m.ike, &t.b->config, m.now);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (uint32_t i = 0; i < MANY; i++)
        for (unsigned k = 0; k < n; k++)
            if (records[k]->kind != IKE_RECORD_CONNECTION)
                many_replica(&m, records[k], i);
    size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / MANY;
    struct ike_statistics s;
    ike_statistics(m.ike, &s);
    assert_int_equal(s.sas, MANY);
    assert_int_equal(s.pairs, MANY);
    assert_int_equal(s.replicas_refused, 0);
    printf("%d tunnels: %zu bytes each, no action of our own: %u\n", MANY, each, m.acted);
    assert_true(each < 4096);
    m.now += 100 * NS_PER_S; /* all probes are overdue */
    assert_true(ike_deadline(m.ike) == NS_NEVER);
    /* The switch itself: what fires in its step is bounded, and nothing is done. */
    m.steps = 0;
    many_step(&m, (struct ike_event){.type = IKE_EVENT_ROLE, .role = {.group = 1, .active = true}});
    assert_int_equal(m.acted, 0);
    assert_true(m.ike->roles[1].paced <= IKE_TAKEOVER_PACE);
    ns end = m.now + 9 * NS_PER_S;
    unsigned steps = m.steps;
    while (ike_deadline(m.ike) < end) {
        m.now = MAX(m.now, ike_deadline(m.ike));
        many_step(&m, (struct ike_event){.type = IKE_EVENT_TIMER});
        assert_true(m.ike->roles[1].paced <= IKE_TAKEOVER_PACE);
    }
    assert_int_equal(m.sent, 0);
    assert_true(m.steps - steps <= 2 * MANY / IKE_TAKEOVER_PACE + 10);
    ike_free(m.ike);
    world_free(t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_takeover), cmocka_unit_test(overdue_rekey),
        cmocka_unit_test(standing_by),    cmocka_unit_test(giving_the_role_back),
        cmocka_unit_test(forgetting),     cmocka_unit_test(merging),
        cmocka_unit_test(keepalives),     cmocka_unit_test(any_order),
        cmocka_unit_test(bad_records),    cmocka_unit_test(install_record),
        cmocka_unit_test(ten_thousand),   cmocka_unit_test(death_at_every_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
