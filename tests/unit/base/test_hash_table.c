/* SPDX-License-Identifier: Apache-2.0 */
/* The hash table against a plain array, collisions included, and how evenly the mixing spreads. */
#include "base/hash_table.h"
#include "base/list.h"
#include "base/rng.h"
#include "test.h"

struct entry {
    uint32_t key;
    bool in;
    struct hash_link link;
};

static struct entry *find(const struct hash_table *t, uint32_t key, uint32_t hash)
{
    for (struct hash_link *l = hash_table_first(t, hash); l; l = hash_link_next(l, hash))
        if (container_of(l, struct entry, link)->key == key)
            return container_of(l, struct entry, link);
    return NULL;
}

/* `hashes`: how many different hashes the keys get; 1 puts all into one chain. */
static void random_walk(uint32_t expected, uint32_t hashes)
{
    static struct entry entries[200];
    struct hash_table t;
    struct rng r;
    uint32_t count = 0;
    memset(entries, 0, sizeof(entries));
    rng_init_number(&r, expected + hashes);
    assert_int_equal(hash_table_init(&t, expected), 0);
    for (int step = 0; step < 20000; step++) {
        uint32_t i = rng_below(&r, ARRAY_SIZE(entries)), hash = i % hashes * 0x9e3779b9;
        struct entry *e = &entries[i];
        e->key = i;
        assert_ptr_equal(find(&t, i, hash), e->in ? e : NULL);
        if (e->in)
            hash_table_remove(&t, &e->link);
        else
            hash_table_add(&t, &e->link, hash);
        count += e->in ? -1u : 1u;
        e->in = !e->in;
        assert_int_equal(t.count, count);
    }
    hash_table_done(&t);
    assert_null(hash_table_first(&t, 0));
}

static void test_walk(void **state)
{
    (void)state;
    static const struct {
        uint32_t expected, hashes, buckets;
    } cases[] = {{0, 1, 16}, {0, 200, 16}, {16, 3, 16}, {17, 200, 32}, {1000, 200, 1024}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hash_table t;
        assert_int_equal(hash_table_init(&t, cases[i].expected), 0);
        assert_int_equal(t.mask_max + 1, cases[i].buckets);
        hash_table_done(&t);
        random_walk(cases[i].expected, cases[i].hashes);
    }
}

/* Everything is found, in chains as short as there is room for, while the buckets are split one by one; and
 * what has one hash keeps its order. */
static void test_growth(void **state)
{
    (void)state;
    enum { ENTRIES = 5000, TWINS = 3 };
    static struct entry entries[ENTRIES];
    struct hash_table t;
    uint32_t longest = 0;
    memset(entries, 0, sizeof(entries));
    assert_int_equal(hash_table_init(&t, 4096), 0);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        entries[i].key = i;
        hash_table_add(&t, &entries[i].link, hash_bytes(&(uint32_t){i / TWINS}, 4, 1));
        assert_true(t.mask <= 4095 && t.split <= t.mask);
        assert_true(t.mask == 4095 || t.mask + 1 + t.split <= MAX(t.count, 16u));
    }
    assert_int_equal(t.mask, 4095);
    assert_int_equal(t.split, 0);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint32_t hash = hash_bytes(&(uint32_t){i / TWINS}, 4, 1), last = UINT32_MAX, met = 0, length = 0;
        for (struct hash_link *l = hash_table_first(&t, hash); l; l = hash_link_next(l, hash)) {
            uint32_t key = container_of(l, struct entry, link)->key;
            assert_true(key / TWINS == i / TWINS && key < last);
            last = key;
            met++;
        }
        assert_int_equal(met, MIN(ENTRIES - i / TWINS * TWINS, (uint32_t)TWINS));
        for (struct hash_link *l = t.buckets[hash & t.mask]; l; l = l->next)
            length++;
        longest = MAX(longest, length);
    }
    assert_in_range(longest, TWINS, 8 * TWINS);
    for (uint32_t i = 0; i < ENTRIES; i++)
        hash_table_remove(&t, &entries[i].link);
    assert_int_equal(t.count, 0);
    hash_table_done(&t);
}

static void test_mixing(void **state)
{
    (void)state;
    uint8_t data[40] = {0};
    /* Every single-bit change and every length gives another hash. */
    for (size_t len = 0; len <= sizeof(data); len++) {
        uint32_t base = hash_bytes(data, len, 1);
        if (len > 0)
            assert_true(base != hash_bytes(data, len - 1, 1));
        assert_true(base != hash_bytes(data, len, 2));
        assert_int_equal(base, hash_bytes(data, len, 1));
        for (size_t bit = 0; bit < len * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(base != hash_bytes(data, len, 1));
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    /* Addresses in a row spread over the buckets: with 4096 keys in 256 buckets each gets about 16. */
    unsigned buckets[256] = {0};
    for (uint32_t i = 0; i < 4096; i++)
        buckets[hash_bytes(&i, 4, 12345) & 255]++;
    for (int i = 0; i < 256; i++)
        assert_in_range(buckets[i], 2, 45);
}

static void test_list(void **state)
{
    (void)state;
    struct {
        int n;
        struct list link;
    } a = {1}, b = {2}, c = {3};
    struct list head;
    list_init(&head);
    assert_true(list_empty(&head));
    list_add_tail(&head, &b.link);
    list_add_tail(&head, &c.link);
    list_add_head(&head, &a.link);
    struct list *want[] = {&a.link, &b.link, &c.link};
    int n = 0;
    list_for_each(&head, at) assert_ptr_equal(at, want[n++]);
    assert_int_equal(n, 3);
    list_for_each_safe(&head, at, following)
    {
        list_remove(at);
        list_remove(at); /* harmless */
        n--;
    }
    assert_true(n == 0 && list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
