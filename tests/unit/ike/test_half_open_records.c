/* SPDX-License-Identifier: Apache-2.0 */
/* Records of half-open exchanges: beside that of the IKE SA, damaged, of another configuration, and in a
 * flood. */
#include "half_open.h"

#include "base/be.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Dead between the record of the IKE SA and the end of the half-open one's. */
static void both_records(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct trio t;
        struct world_record half = {0};
        trio_new(&t, NULL);
        node_acquire(t.p, 0);
        while (!agreed(t.p, t.a)) {
            for (unsigned i = 0; i < RECORDS_MAX; i++)
                if (t.a->records[i].used && t.a->records[i].kind == IKE_RECORD_HALF_OPEN)
                    half = t.a->records[i];
            world_run(t.w, NS_PER_MS);
        }
        world_run(t.w, NS_PER_S);
        assert_true(half.used && nodes_match(t.a, t.p));
        /* As a replica: the former life of what is established. */
        node_replica(t.b, t.a, &half, false);
        assert_int_equal(node_sas(t.b), 1);
        assert_int_equal(half_open_records(t.b), 0);
        node_replica(t.b, t.a, &half, true);
        assert_int_equal(node_sas(t.b), 1);
        /* In the store, before or behind the other. */
        unsigned place = order ? RECORDS_MAX - 1 : 0;
        t.a->records[RECORDS_MAX - 1 - place] = t.a->records[place];
        t.a->records[place] = half;
        t.a->standby = NULL;
        node_restart(t.a, true);
        node_role(t.a, true, false);
        world_run(t.w, NS_PER_S);
        assert_int_equal(node_sas(t.a), 1);
        assert_int_equal(half_open_records(t.a), 0);
        assert_true(agreed(t.p, t.a) && nodes_match(t.a, t.p));
        world_free(t.w);
    }
}

/* ---- bad records ---- */

/* Cut at every length, and with every byte changed: taken as a whole or refused, and what comes of one that
 * was taken ends by itself. */
static void bad_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct trio t;
        struct world_record seen[8];
        unsigned count = 0;
        trio_new(&t, modes[i].configure);
        t.a->killable = true;
        begin(&t, &modes[i]);
        for (unsigned ms = 0; ms < 100; ms++, world_run(t.w, NS_PER_MS))
            for (unsigned r = 0; r < RECORDS_MAX; r++)
                if (t.a->records[r].used && t.a->records[r].kind == IKE_RECORD_HALF_OPEN && count < 8 &&
                    (count == 0 || seen[count - 1].len != t.a->records[r].len))
                    seen[count++] = t.a->records[r];
        assert_true(count >= 1);
        for (unsigned r = 0; r < count; r++) {
            node_restart(t.b, false);
            struct world_record bad = seen[r];
            uint64_t refused = 0;
            for (bad.len = 0; bad.len < seen[r].len; bad.len++, refused++) {
                node_replica(t.b, t.a, &bad, false);
                assert_null(only_sa(t.b));
                assert_true(
                    ike_restore(t.b->ike, bad.kind, bad.key, bytes_of(bad.data, bad.len), node_now(t.b)) < 0);
                assert_null(only_sa(t.b));
            }
            assert_int_equal(node_statistics(t.b).replicas_refused, refused);
            assert_true(node_logged(t.b, "REPLICA_REFUSED: half-open IKE SA"));
            for (size_t at = 0; at < seen[r].len; at++) {
                bad = seen[r];
                bad.data[at] ^= 1u << at % 8;
                node_replica(t.b, t.a, &bad, false);
                assert_true(node_statistics(t.b).sas <= 1);
                bad.key++;
                node_replica(t.b, t.a, &bad, false);
                bad.key--;
                node_replica(t.b, t.a, &bad, true);
                bad.key++;
                node_replica(t.b, t.a, &bad, true);
                assert_null(only_sa(t.b));
                assert_int_equal(half_open_records(t.b), 0);
            }
        }
        world_free(t.w);
    }
}

/* The keys are last: three of the hash's length, the cipher's, an IV. One that is longer is refused. */
static void lengths(void **state)
{
    (void)state;
    struct trio t;
    struct world_record half = {0};
    trio_new(&t, NULL);
    node_acquire(t.a, 0);
    while (!half.used || half.data[1] != PHASE1_MM_I_AUTH_SENT) {
        for (unsigned r = 0; r < RECORDS_MAX; r++)
            if (t.a->records[r].used && t.a->records[r].kind == IKE_RECORD_HALF_OPEN)
                half = t.a->records[r];
        world_run(t.w, NS_PER_MS);
    }
    node_restart(t.b, false);
    static const size_t sizes[] = {20, 20, 20, 16};
    size_t at = half.len - 16 - 4 * 2 - 20 * 3 - 16;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); at += 2 + sizes[i++]) {
        struct world_record bad = half;
        assert_int_equal(bad.data[at + 1], sizes[i]);
        bad.data[at + 1]++;
        memmove(bad.data + at + 3, half.data + at + 2, half.len - at - 2);
        bad.len++;
        node_replica(t.b, t.a, &bad, false);
        assert_null(only_sa(t.b));
    }
    node_replica(t.b, t.a, &half, false);
    assert_non_null(only_sa(t.b));
    world_free(t.w);
}

/* Of another configuration: no key, no such connection. */
static void not_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct trio t;
        trio_new(&t, modes[i].configure);
        t.b->config.key_count = 0;
        node_configure(t.b);
        begin(&t, &modes[i]);
        world_run(t.w, 15 * NS_PER_MS);
        assert_true(node_statistics(t.b).replicas_refused > 0);
        assert_null(only_sa(t.b));
        world_run(t.w, NS_PER_S);
        assert_true(nodes_match(t.a, t.p));
        assert_true(agreed(t.p, t.b)); /* what is established needs none */
        world_free(t.w);
    }
}

/* ---- bounds ---- */

enum { FLOOD = 3000 };

static struct endpoint stranger(unsigned i)
{
    return (struct endpoint){address_v4(0x0b000000 + i), 500};
}

static void flood(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    t.a->standby = NULL;
    t.w->keep_history = true;
    node_acquire(t.p, 0);
    world_run(t.w, 2 * NS_PER_S);
    struct packet mm1 = *first_from(t.w, t.p, 0), mm3 = *first_from(t.w, t.p, 1);
    unsigned before = t.w->history_count;
    for (unsigned i = 0; i < FLOOD; i++) {
        be32_store(mm1.data, 0x01000000 + i);
        node_inject(t.a, stranger(i), 500, mm1.data, mm1.len);
        assert_true(half_open_records(t.a) <= IKE_HALF_OPEN_RECORDS_UNPROVEN);
        if (i % 1000 == 500)
            world_run(t.w, 2 * NS_PER_S); /* what is open stays open: there is no room for more */
    }
    assert_int_equal(node_statistics(t.a).half_open, FLOOD);
    assert_int_equal(half_open_records(t.a), IKE_HALF_OPEN_RECORDS_UNPROVEN);
    /* All of them prove their addresses. */
    for (unsigned i = 0; i < FLOOD; i++) {
        const struct packet *mm2 = t.w->history[before + i];
        memcpy(mm3.data, mm2->data, 16);
        node_inject(t.a, stranger(i), 500, mm3.data, mm3.len);
    }
    assert_int_equal(half_open_records(t.a), IKE_HALF_OPEN_RECORDS_MAX);
    assert_int_equal(t.a->ike->half_recorded.unproven, 0);
    world_run(t.w, 60 * NS_PER_S);
    assert_int_equal(half_open_records(t.a), 0);
    assert_int_equal(t.a->ike->half_recorded.count[0], 0);
    assert_int_equal(node_statistics(t.a).half_open, 0);
    assert_true(nodes_match(t.a, t.p));
    world_free(t.w);
}

/* No more of them a second than at once, however short each lives. */
static void flood_over_time(void **state)
{
    (void)state;
    struct trio t;
    trio_new(&t, NULL);
    t.a->standby = NULL;
    t.a->config.half_open_max = 8; /* the oldest gives way: each lives for a moment */
    node_configure(t.a);
    t.w->keep_history = true;
    node_acquire(t.p, 0);
    world_run(t.w, NS_PER_S);
    struct packet mm1 = *first_from(t.w, t.p, 0);
    uint32_t begun = 0, last = 0;
    for (unsigned i = 0; i < 10000; i++) {
        be32_store(mm1.data, 0x01000000 + i);
        node_inject(t.a, stranger(i), 500, mm1.data, mm1.len);
        uint32_t now = t.a->ike->half_recorded.begun;
        begun += now > last ? now - last : now < last ? now : 0;
        last = now;
        assert_true(half_open_records(t.a) <= 8);
        world_run(t.w, NS_PER_MS);
    }
    assert_true(begun <= 11 * IKE_HALF_OPEN_RECORDS_UNPROVEN && begun > 5 * IKE_HALF_OPEN_RECORDS_UNPROVEN);
    world_free(t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_records), cmocka_unit_test(bad_records), cmocka_unit_test(lengths),
        cmocka_unit_test(not_ours),     cmocka_unit_test(flood),       cmocka_unit_test(flood_over_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
