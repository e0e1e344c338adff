/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, endpoints, selectors: parse, print, compare, cover. */
#include "base/address.h"
#include "test.h"

#include <stdio.h>

static struct address address(const char *text)
{
    struct address a = {0};
    if (*text)
        assert_true(address_parse(text, &a));
    return a;
}

static struct prefix prefix(const char *text, uint8_t length)
{
    return (struct prefix){address(text), length};
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed; /* NULL: refused */
        uint8_t family;
    } cases[] = {
        {"9.1.1.22", "9.1.1.22", 4},
        {"0.0.0.0", "0.0.0.0", 4},
        {"255.255.255.255", "255.255.255.255", 4},
        {"::", "::", 6},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", 6},
        {"::ffff:9.1.1.22", "::ffff:9.1.1.22", 6},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6},
        {"", NULL, 0},
        {"9.1.1", NULL, 0},
        {"9.1.1.256", NULL, 0},
        {"9.1.1.22 ", NULL, 0},
        {" 9.1.1.22", NULL, 0},
        {"9.1.1.22/24", NULL, 0},
        {"09.1.1.22", NULL, 0},
        {"fe80::1%eth0", NULL, 0},
        {"2001:db8::1::2", NULL, 0},
        {"12345::", NULL, 0},
        {"router", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct address a = address_v4(1), before = a;
        char text[ADDRESS_TEXT];
        assert_int_equal(address_parse(cases[i].text, &a), cases[i].printed != NULL);
        if (!cases[i].printed) {
            assert_memory_equal(&a, &before, sizeof(a));
            continue;
        }
        assert_int_equal(a.family, cases[i].family);
        assert_string_equal(address_print(&a, text), cases[i].printed);
    }
}

static void test_properties(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool set, any, multicast;
        uint8_t bits;
    } cases[] = {
        {"", false, true, false, 0},          {"0.0.0.0", true, true, false, 32},
        {"::", true, true, false, 128},       {"224.0.0.2", true, false, true, 32},
        {"239.1.1.1", true, false, true, 32}, {"240.0.0.1", true, false, false, 32},
        {"ff02::1", true, false, true, 128},  {"fe80::1", true, false, false, 128},
        {"9.1.1.22", true, false, false, 32},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct address a = address(cases[i].text);
        assert_int_equal(address_is_set(&a), cases[i].set);
        assert_int_equal(address_is_any(&a), cases[i].any);
        assert_int_equal(address_is_multicast(&a), cases[i].multicast);
        assert_int_equal(address_bits(&a), cases[i].bits);
        assert_int_equal(address_len(&a), cases[i].bits / 8);
        for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
            struct address b = address(cases[j].text);
            assert_int_equal(address_equal(&a, &b), i == j);
            assert_int_equal(address_compare(&a, &b) == 0, i == j);
            assert_int_equal(address_compare(&a, &b), -address_compare(&b, &a));
            assert_int_equal(address_hash(&a) == address_hash(&b), i == j);
        }
    }
    struct address a = address("9.1.1.22"), six = address("::9.1.1.22");
    assert_int_equal(address_v4_get(&a), 0x09010116);
    assert_int_equal(address_v4_get(&six), 0);
    assert_int_equal(address_of(a.bytes, 5).family, ADDRESS_NONE);
    assert_int_equal(address_of(a.bytes, 16).family, ADDRESS_V6);
    struct address low = address("9.1.1.1"), none = {0};
    char text[ADDRESS_TEXT];
    assert_true(address_compare(&low, &a) < 0);
    assert_string_equal(address_print(&none, text), "none");
}

static void test_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *outer;
        uint8_t outer_length;
        const char *inner;
        uint8_t inner_length;
        bool covers;
    } cases[] = {
        {"10.0.64.0", 24, "10.0.64.0", 24, true},
        {"10.0.64.0", 24, "10.0.64.77", 32, true},
        {"10.0.64.0", 24, "10.0.65.0", 32, false},
        {"10.0.64.0", 24, "10.0.0.0", 8, false},
        {"10.0.64.0", 23, "10.0.65.0", 24, true},
        {"0.0.0.0", 0, "255.1.2.3", 32, true},
        {"0.0.0.0", 0, "::1", 128, false},
        {"::", 0, "0.0.0.0", 0, false},
        {"2001:db8::", 33, "2001:db8:7fff::", 48, true},
        {"2001:db8::", 33, "2001:db8:8000::", 48, false},
        {"2001:db8::1", 128, "2001:db8::1", 128, true},
        {"2001:db8::1", 128, "2001:db8::2", 128, false},
        {"", 0, "", 0, false},
        {"10.0.0.0", 33, "10.0.0.0", 33, false},
        {"10.0.0.0", 8, "10.0.0.0", 200, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct prefix outer = prefix(cases[i].outer, cases[i].outer_length);
        struct prefix inner = prefix(cases[i].inner, cases[i].inner_length);
        assert_int_equal(prefix_covers(&outer, &inner), cases[i].covers);
        if (cases[i].covers)
            assert_true(prefix_contains(&outer, &inner.address));
        assert_int_equal(prefix_equal(&outer, &inner),
                         outer.length == inner.length && strcmp(cases[i].outer, cases[i].inner) == 0);
    }
    static const struct {
        const char *in, *out;
        uint8_t length;
    } masks[] = {
        {"10.1.2.3", "10.1.2.3", 32},         {"10.1.2.3", "10.1.2.2", 31},
        {"10.1.2.3", "10.0.0.0", 15},         {"10.1.2.3", "0.0.0.0", 0},
        {"2001:db8::ffff", "2001:db8::", 64}, {"2001:db8::ffff", "2001:db8::fffe", 127},
    };
    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        struct prefix p = prefix(masks[i].in, masks[i].length);
        char text[PREFIX_TEXT], want[PREFIX_TEXT + 8];
        prefix_mask(&p);
        snprintf(want, sizeof(want), "%s/%u", masks[i].out, masks[i].length);
        assert_string_equal(prefix_print(&p, text), want);
    }
}

static void test_masks(void **state)
{
    (void)state;
    for (uint8_t length = 0; length <= 32; length++)
        assert_int_equal(prefix_length_of_mask(prefix_mask_of_length(length)), length);
    assert_int_equal(prefix_mask_of_length(20), 0xfffff000);
    static const uint32_t holes[] = {1, 0xff, 0xff00ff00, 0x7fffffff, 0xfffffffd, 0xffff0001};
    for (size_t i = 0; i < ARRAY_SIZE(holes); i++)
        assert_int_equal(prefix_length_of_mask(holes[i]), -1);
}

static void test_endpoint(void **state)
{
    (void)state;
    struct endpoint a = {address("9.1.1.22"), 500}, b = {address("2001:db8::1"), 4500}, c = a;
    char text[ENDPOINT_TEXT];
    assert_string_equal(endpoint_print(&a, text), "9.1.1.22:500");
    assert_string_equal(endpoint_print(&b, text), "[2001:db8::1]:4500");
    assert_true(endpoint_equal(&a, &c) && endpoint_hash(&a) == endpoint_hash(&c));
    c.port = 4500;
    assert_false(endpoint_equal(&a, &c) || endpoint_hash(&a) == endpoint_hash(&c));
    assert_false(endpoint_equal(&b, &c));
    b = (struct endpoint){address("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"), 65535};
    assert_true(strlen(endpoint_print(&b, text)) < ENDPOINT_TEXT);
}

static void test_selector(void **state)
{
    (void)state;
    struct selector base = {prefix("10.0.0.0", 8), prefix("10.0.64.0", 24), 0, 0, 65535, 0, 65535};
    struct selector mirrored, inner = base, back;
    char text[SELECTOR_TEXT];
    assert_string_equal(selector_print(&base, text), "10.0.0.0/8 -> 10.0.64.0/24");
    selector_mirror(&base, &mirrored);
    assert_string_equal(selector_print(&mirrored, text), "10.0.64.0/24 -> 10.0.0.0/8");
    assert_false(selector_equal(&base, &mirrored));
    inner.protocol = 17;
    inner.local_port_low = inner.local_port_high = 53;
    inner.remote_port_low = 1024;
    assert_string_equal(selector_print(&inner, text), "10.0.0.0/8[53] -> 10.0.64.0/24[1024-65535] udp");
    assert_true(selector_covers(&base, &inner) && !selector_covers(&inner, &base));
    selector_mirror(&inner, &mirrored);
    selector_mirror(&mirrored, &back);
    assert_true(selector_equal(&inner, &back));
    assert_int_equal(mirrored.remote_port_low, 53);
    struct selector other = inner;
    other.protocol = 6;
    assert_false(selector_covers(&inner, &other));
    other = inner;
    other.local_port_high = 54;
    assert_false(selector_covers(&inner, &other) || selector_equal(&inner, &other));
    other = inner;
    other.remote.address = address("10.0.65.0");
    assert_false(selector_covers(&inner, &other));
    other = base;
    other.protocol = 47;
    assert_string_equal(selector_print(&other, text), "10.0.0.0/8 -> 10.0.64.0/24 proto 47");
    struct prefix widest = prefix("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 128);
    other = (struct selector){widest, widest, 255, 10000, 20000, 10000, 20000};
    assert_true(strlen(selector_print(&other, text)) < SELECTOR_TEXT - 1);
    assert_non_null(strstr(text, "[10000-20000] proto 255"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_properties), cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_masks), cmocka_unit_test(test_endpoint),   cmocka_unit_test(test_selector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
