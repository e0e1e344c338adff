/* SPDX-License-Identifier: Apache-2.0 */
/* A member that stands by, and what becomes of an established tunnel when the role changes. */
#include "trio.h"

#include "ike/sa/ike_sa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_takeover), cmocka_unit_test(overdue_rekey),
        cmocka_unit_test(standing_by),    cmocka_unit_test(giving_the_role_back),
        cmocka_unit_test(forgetting),     cmocka_unit_test(merging),
        cmocka_unit_test(keepalives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
