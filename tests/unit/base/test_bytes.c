/* SPDX-License-Identifier: Apache-2.0 */
/* Hex text, comparison and secrets. */
#include "base/bytes.h"
#include "test.h"

static void test_hex(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        int len; /* -1: refused */
        const char *again;
    } cases[] = {
        {"", 4, 0, ""},
        {"00ff", 4, 2, "00ff"},
        {"0A bC\n\t0d\r\n", 4, 3, "0abc0d"},
        {"1 2 3 4", 2, 2, "1234"},
        {"01020304", 4, 4, "01020304"},
        {"0102030405", 4, -1, NULL},
        {"012", 4, -1, NULL},
        {"0g", 4, -1, NULL},
        {"0x01", 4, -1, NULL},
        {"00", 0, -1, NULL},
        {" ", 0, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t out[4];
        char text[9];
        int len = bytes_from_hex(cases[i].text, out, cases[i].size);
        assert_int_equal(len, cases[i].len);
        if (len >= 0)
            assert_string_equal(bytes_to_hex(bytes_of(out, (size_t)len), text), cases[i].again);
    }
}

static void test_equal(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t a_len, b_len;
        bool equal;
    } cases[] = {
        {"", "", 0, 0, true},
        {"abc", "abc", 3, 3, true},
        {"abc", "abd", 3, 3, false},
        {"abc", "bbc", 3, 3, false},
        {"abc", "abc", 3, 2, false},
        {"abc", "", 3, 0, false},
        {"ab\0c", "ab\0d", 4, 4, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes a = bytes_of(cases[i].a, cases[i].a_len), b = bytes_of(cases[i].b, cases[i].b_len);
        assert_int_equal(bytes_equal(a, b), cases[i].equal);
        assert_int_equal(bytes_equal_secret(a, b), cases[i].equal);
    }
    assert_true(bytes_equal((struct bytes){0}, (struct bytes){0}));
    assert_true(bytes_equal_secret((struct bytes){0}, (struct bytes){0}));
}

static void test_secret(void **state)
{
    (void)state;
    static const uint8_t zero[SECRET_MAX];
    struct secret s = {0};
    secret_set(&s, "a long secret", 13);
    assert_true(bytes_equal(secret_bytes(&s), bytes_of("a long secret", 13)));
    /* A shorter one leaves nothing of the longer one. */
    secret_set(&s, "short", 5);
    assert_true(bytes_equal(secret_bytes(&s), bytes_of("short", 5)));
    assert_memory_equal(s.data + 5, zero, SECRET_MAX - 5);
    secret_set(&s, s.data + 1, 4);
    assert_true(bytes_equal(secret_bytes(&s), bytes_of("hort", 4)));
    secret_set(&s, NULL, 0);
    assert_int_equal(s.len, 0);
    uint8_t full[SECRET_MAX];
    memset(full, 0x5a, sizeof(full));
    secret_set(&s, full, sizeof(full));
    assert_int_equal(secret_bytes(&s).len, SECRET_MAX);
    secret_wipe(&s);
    assert_int_equal(s.len, 0);
    assert_memory_equal(s.data, zero, SECRET_MAX);
    wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
