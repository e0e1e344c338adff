/* SPDX-License-Identifier: Apache-2.0 */
/* Pools keep their limit, give zeroed and aligned objects, and leave no content behind; and the drop reasons'
 * names. */
#include "base/drop.h"
#include "base/pool.h"
#include "test.h"

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint32_t limit;
    } cases[] = {{1, 0}, {1, 1}, {8, 5}, {16, 5000}, {100, 1000}, {65536, 3}, {200000, 2}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static uint8_t *objects[5000];
        struct pool p;
        pool_init(&p, cases[i].size, cases[i].limit);
        for (int round = 0; round < 2; round++) {
            for (uint32_t n = 0; n < cases[i].limit; n++) {
                objects[n] = pool_take(&p);
                assert_non_null(objects[n]);
                assert_int_equal((uintptr_t)objects[n] % 16, 0);
                for (size_t j = 0; j < cases[i].size; j += MAX(cases[i].size / 64, 1u))
                    assert_int_equal(objects[n][j], 0);
                memset(objects[n], 0xa5, cases[i].size);
            }
            assert_null(pool_take(&p));
            assert_int_equal(p.taken, cases[i].limit);
            /* No two of them overlap: each still holds what was written last. */
            for (uint32_t n = 0; n < cases[i].limit; n++) {
                assert_int_equal(objects[n][0], 0xa5);
                assert_int_equal(objects[n][cases[i].size - 1], 0xa5);
                pool_put(&p, objects[n]);
            }
            assert_int_equal(p.taken, 0);
        }
        assert_int_equal(p.made, cases[i].limit);
        pool_done(&p);
        assert_true(p.made == 0 && !p.chunks && !p.free);
    }
}

static void test_lazy(void **state)
{
    (void)state;
    struct pool p;
    pool_init(&p, 1000, 1000000);
    assert_null(p.chunks);
    uint8_t *a = pool_take(&p);
    memset(a, 0x77, 1000);
    pool_put(&p, a);
    /* The wiped object comes back first, and zeroed. */
    uint8_t *b = pool_take(&p);
    assert_ptr_equal(a, b);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(b[i], 0);
    assert_int_equal(p.made, 1);
    pool_done(&p);
}

static void test_drop_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
        assert_true(strlen(drop_reason_name(i)) > 1);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(drop_reason_name(i), drop_reason_name(j));
    }
    assert_string_equal(drop_reason_name(DROP_REPLAY), "replayed packet");
    assert_string_equal(drop_reason_name(DROP_REASON_COUNT), "?");
    assert_string_equal(drop_reason_name((enum drop_reason) - 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lazy),
        cmocka_unit_test(test_drop_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
