/* SPDX-License-Identifier: Apache-2.0 */
/* The replay window against a set that remembers everything, in every size and across 2^32. RFC 4303 §3.4.3,
 * App A2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ipsec/replay.h"

enum { HISTORY = 20000 };

static void table(void **state)
{
    (void)state;
    static const struct {
        uint64_t top;
        uint64_t sequence;
        uint32_t size;
        enum drop_reason reason;
    } cases[] = {
        {0, 0, 64, DROP_REPLAY_OLD},
        {0, 1, 64, DROP_NONE},
        {0, 1000000, 64, DROP_NONE},
        {100, 100, 64, DROP_REPLAY},
        {100, 37, 64, DROP_NONE},
        {100, 36, 64, DROP_REPLAY_OLD},
        {100, 101, 64, DROP_NONE},
        {5000, 905, 4096, DROP_NONE},
        {5000, 904, 4096, DROP_REPLAY_OLD},
        {100, 1, 0, DROP_REPLAY_OLD},
        {100, 37, 0, DROP_NONE},
        {9000, 4905, 60000, DROP_NONE},
        {9000, 4904, 60000, DROP_REPLAY_OLD},
        {0xffffffff, 0x100000000, 64, DROP_NONE},
        {0x100000000, 0xffffffff, 64, DROP_NONE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct replay_window w = {0};
        if (cases[i].top > 0)
            assert_int_equal(DROP_NONE, replay_commit(&w, cases[i].size, cases[i].top));
        assert_int_equal(cases[i].reason, replay_check(&w, cases[i].size, cases[i].sequence));
        assert_int_equal(cases[i].reason, replay_commit(&w, cases[i].size, cases[i].sequence));
    }
}

/* Random numbers around a moving top; a number is accepted exactly if it is in the window and new. */
static void random_against_memory(uint32_t size, uint64_t start)
{
    static uint8_t seen[4 * HISTORY + 8192];
    struct rng rng;
    struct replay_window w = {0};
    rng_init_number(&rng, size + start);
    memset(seen, 0, sizeof(seen));
    uint64_t top = start;
    assert_int_equal(DROP_NONE, replay_commit(&w, size, start));
    seen[4096] = 1;
    for (int i = 0; i < HISTORY; i++) {
        uint64_t sequence;
        uint32_t what = rng_below(&rng, 10);
        if (what < 3)
            sequence = top + 1 + rng_below(&rng, 3);
        else if (what == 3 && rng_below(&rng, 50) == 0)
            sequence = top + rng_below(&rng, 2 * size);
        else
            sequence = top - rng_below(&rng, size + size / 4);
        size_t at = (size_t)(sequence - start + 4096);
        if (sequence + 4096 < start || at >= sizeof(seen))
            continue;
        enum drop_reason expected = sequence > top           ? DROP_NONE
                                    : top - sequence >= size ? DROP_REPLAY_OLD
                                    : seen[at]               ? DROP_REPLAY
                                                             : DROP_NONE;
        /* As on the wire: only the low half is there, and what is left of the window looks like a jump ahead.
         */
        if (expected != DROP_REPLAY_OLD)
            assert_int_equal(sequence, replay_guess(&w, size, (uint32_t)sequence, true));
        assert_int_equal(expected, replay_check(&w, size, sequence));
        assert_int_equal(expected, replay_commit(&w, size, sequence));
        seen[at] = 1;
        top = MAX(top, sequence);
        assert_int_equal(top, w.top);
    }
}

static void all_sizes_across_32_bits(void **state)
{
    (void)state;
    for (uint32_t size = 64; size <= 4096; size += size < 512 ? 64 : 512) {
        random_against_memory(size, 10000);
        random_against_memory(size, 0xfffff000);
        random_against_memory(size, 0x1fffffff0);
    }
}

static void guesses(void **state)
{
    (void)state;
    static const struct {
        uint64_t top;
        uint32_t size, low;
        uint64_t guess;
    } cases[] = {
        {0, 64, 1, 1},
        {0, 64, 0xfffffff0, 0xfffffff0}, /* there is nothing below 0 */
        {10, 64, 0xffffffff, 0xffffffff},
        {0xfffffff0, 64, 5, 0x100000005},
        {0xfffffff0, 64, 0xfffffff1, 0xfffffff1},
        {0x100000005, 64, 0xfffffff0, 0xfffffff0}, /* the window spans */
        {0x100000005, 64, 0xffffffc6, 0xffffffc6},
        {0x100000005, 64, 0xffffffc5, 0x1ffffffc5}, /* left of it: a jump ahead */
        {0x10000003f, 64, 0, 0x100000000},          /* no longer spans */
        {0x10000003f, 64, 0xffffffff, 0x1ffffffff},
        {0x500000000, 4096, 0xffffffff, 0x4ffffffff},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct replay_window w = {.top = cases[i].top};
        assert_int_equal(cases[i].guess, replay_guess(&w, cases[i].size, cases[i].low, true));
        assert_int_equal(cases[i].low, replay_guess(&w, cases[i].size, cases[i].low, false));
    }
}

static void without_check_only_the_top_moves(void **state)
{
    (void)state;
    struct replay_window w = {0};
    replay_note(&w, 7);
    replay_note(&w, 3);
    assert_int_equal(7, w.top);
    assert_int_equal(0, replay_accepted(&w, 64));
    assert_int_equal(DROP_NONE, replay_commit(&w, 64, 9));
    assert_int_equal(1, replay_accepted(&w, 64));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(all_sizes_across_32_bits),
        cmocka_unit_test(guesses),
        cmocka_unit_test(without_check_only_the_top_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
