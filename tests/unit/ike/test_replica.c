/* SPDX-License-Identifier: Apache-2.0 */
/* Records of another member: in any order, damaged, and many. */
#include "trio.h"

#include "ike/sa/ike_sa.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_order), cmocka_unit_test(bad_records),
                                       cmocka_unit_test(install_record), cmocka_unit_test(ten_thousand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
