/* SPDX-License-Identifier: Apache-2.0 */
/* Which slots of the SA table are taken (ike/sa/slots.c): by a gateway alone, by one of two members, after a
 * restart. */
#include "ike/sa/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/spi.h"

enum { MANY = 4096, BLOCKS = MANY / SPI_SLOT_BLOCK };

static struct ike *ike_of(uint32_t pair_max, uint32_t members, uint32_t member, uint8_t seed)
{
    const struct ike_limits limits = {.sa_max = 4, .pair_max = pair_max};
    const uint8_t bytes[32] = {seed};
    struct ike *ike = ike_new(&limits, bytes);
    assert_non_null(ike);
    ike->members = members;
    ike->member = member;
    return ike;
}

static uint32_t taken(struct ike *ike)
{
    uint32_t slot, spi;
    assert_true(slot_take(ike, 0, &slot, &spi));
    assert_int_equal(spi_slot(spi), slot);
    return slot;
}

/* Every slot once, and no more; the last ones also where the table ends in the middle of a block. */
static void all_of_them(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 63, 64, 65, 128, 200, MANY};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (uint32_t members = 0; members <= 2; members += 2) {
            bool seen[MANY] = {false};
            struct ike *ike = ike_of(sizes[i], members, 1, (uint8_t)i);
            uint32_t count = 0, slot, spi, expected = 0;
            for (uint32_t s = 0; s < sizes[i]; s++)
                expected += members < 2 || spi_slot_half(s) == 1;
            for (; slot_take(ike, 0, &slot, &spi); count++) {
                assert_true(slot < sizes[i] && !seen[slot]);
                assert_true(members < 2 || spi_slot_half(slot) == 1);
                seen[slot] = true;
            }
            assert_int_equal(count, expected);
            /* What comes back is taken again. */
            for (uint32_t s = 0; s < sizes[i]; s++)
                if (seen[s])
                    slot_drop(ike, s);
            for (count = 0; slot_take(ike, 0, &slot, &spi); count++)
                assert_true(seen[slot]);
            assert_int_equal(count, expected);
            ike_free(ike);
        }
}

static void alone_in_order(void **state)
{
    (void)state;
    struct ike *ike = ike_of(MANY, 0, 0, 1);
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(taken(ike), i);
    slot_drop(ike, 77);
    assert_int_equal(taken(ike), 77);
    assert_int_equal(taken(ike), 300);
    ike_free(ike);
}

/* Two lives of a member begin apart; each fills a block before it goes on to the next. */
static void members_somewhere(void **state)
{
    (void)state;
    enum { LIVES = 40, PAIRS = 200 };
    uint32_t met = 0;
    bool first[MANY] = {false};
    for (uint32_t life = 0; life < LIVES; life++) {
        struct ike *ike = ike_of(MANY, 2, life % 2, (uint8_t)(10 + life));
        bool used[BLOCKS] = {false};
        uint32_t blocks = 0, both = 0;
        for (uint32_t i = 0; i < PAIRS; i++) {
            uint32_t slot = taken(ike);
            assert_int_equal(spi_slot_half(slot), life % 2);
            blocks += !used[slot / SPI_SLOT_BLOCK];
            used[slot / SPI_SLOT_BLOCK] = true;
            both += first[slot];
            if (life == 0)
                first[slot] = true;
        }
        assert_int_equal(blocks, (PAIRS + SPI_SLOT_BLOCK - 1) / SPI_SLOT_BLOCK);
        met += life > 0 && life % 2 == 0 && both > 0;
        ike_free(ike);
    }
    /* Four blocks of 32: of 19 lives on the same side about four meet the first one's. All would, if they
     * began where it began. */
    assert_in_range(met, 1, 9);
}

static void after_a_restart(void **state)
{
    (void)state;
    struct ike *ike = ike_of(MANY, 2, 0, 99);
    static const uint32_t kept[] = {1024 + 3, 1024 + 5, 1024 + 128 + 1};
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        assert_true(slot_restore(ike, kept[i], spi_make(0, 7, kept[i])));
    assert_false(slot_restore(ike, kept[0], spi_make(0, 7, kept[0])));
    slots_restored(ike);
    /* The gaps of the lowest block in use, then the next block of this half. */
    for (uint32_t i = 0; i < 2 * SPI_SLOT_BLOCK - ARRAY_SIZE(kept); i++) {
        uint32_t slot = taken(ike);
        assert_true((slot >= 1024 && slot < 1024 + 64) || (slot >= 1024 + 128 && slot < 1024 + 192));
        for (size_t k = 0; k < ARRAY_SIZE(kept); k++)
            assert_true(slot != kept[k]);
    }
    assert_int_equal(taken(ike), 1024 + 256);
    /* A restored one that goes is there again. */
    slot_drain(ike, kept[1]);
    slot_drained(ike, kept[1]);
    assert_int_equal(taken(ike), kept[1]);
    ike_free(ike);
}

/* A replica in a slot that would have been next. */
static void replicas_in_the_way(void **state)
{
    (void)state;
    struct ike *ike = ike_of(MANY, 2, 1, 5);
    uint32_t first = taken(ike);
    assert_true(slot_restore(ike, first + 1, spi_make(1, 9, first + 1)));
    assert_int_equal(taken(ike), first + 2);
    slot_drop(ike, first + 1);
    assert_int_equal(taken(ike), first + 1);
    ike_free(ike);
}

/* A peer that names its pairs as we do could have chosen the same: both directions would have one key. Found
 * by site_world, seed 22031. */
static void never_the_peers(void **state)
{
    (void)state;
    enum { TIMES = 40 << SPI_GENERATION_BITS };
    struct ike *ike = ike_of(1, 0, 0, 6);
    uint32_t peer = spi_make(0, 77, 0), slot, spi;
    for (uint32_t i = 0; i < TIMES; i++) {
        assert_true(slot_take(ike, peer, &slot, &spi));
        assert_int_not_equal(spi, peer);
        slot_drop(ike, slot);
    }
    ike_free(ike);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_them),         cmocka_unit_test(alone_in_order),
        cmocka_unit_test(members_somewhere),   cmocka_unit_test(after_a_restart),
        cmocka_unit_test(replicas_in_the_way), cmocka_unit_test(never_the_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
