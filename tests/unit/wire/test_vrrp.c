/* SPDX-License-Identifier: Apache-2.0 */
/* VRRP advertisements, good and bad. */
#include "test.h"
#include "wire/ip.h"
#include "wire/vrrp.h"

static struct address source_of(uint8_t family)
{
    struct address a;
    assert_true(address_parse(family == ADDRESS_V4 ? "10.0.2.15" : "fe80::1", &a));
    return a;
}

static void checksum_repair(struct bytes payload, uint8_t family)
{
    uint8_t *data = (uint8_t *)payload.data;
    struct address source = source_of(family), group = vrrp_multicast(family);
    memset(data + 6, 0, 2);
    uint64_t sum = checksum_pseudo(&source, &group, IP_PROTOCOL_VRRP, (uint32_t)payload.len);
    be16 checksum = checksum_finish(checksum_add(sum, data, payload.len));
    memcpy(data + 6, &checksum, 2);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *name, *first, *last;
        uint8_t family, vrid, priority, count;
        uint16_t interval;
    } cases[] = {
        {"vrrp/v4", "10.0.2.16", "10.0.2.16", 4, 5, 200, 1, 150},
        {"vrrp/v4_release", "10.0.2.16", "10.0.2.16", 4, 5, 0, 1, 100},
        {"vrrp/v4_three", "10.0.2.15", "10.0.2.17", 4, 255, 255, 3, 4095},
        {"vrrp/v6", "fe80::1:7", "2001:db8::7", 6, 7, 100, 2, 100},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes b = vector_load(cases[i].name);
        struct address source = source_of(cases[i].family), group = vrrp_multicast(cases[i].family);
        struct vrrp_message m, before;
        char text[ADDRESS_TEXT];
        uint8_t out[VRRP_MESSAGE_MAX], vrid;
        assert_int_equal(vrrp_parse(b, &source, &group, &m), VRRP_OK);
        assert_int_equal(m.vrid, cases[i].vrid);
        assert_int_equal(m.priority, cases[i].priority);
        assert_int_equal(m.interval, cases[i].interval);
        assert_int_equal(m.address_count, cases[i].count);
        assert_string_equal(address_print(&m.addresses[0], text), cases[i].first);
        assert_string_equal(address_print(&m.addresses[m.address_count - 1], text), cases[i].last);
        assert_true(vrrp_peek(b, &vrid) && vrid == m.vrid);
        size_t len = vrrp_write(&m, &source, &group, out, sizeof(out));
        assert_true(bytes_equal(bytes_of(out, len), b));
        for (size_t size = 0; size < len; size++)
            assert_int_equal(vrrp_write(&m, &source, &group, out, size), 0);
        /* Any byte changed, or another sender, breaks the checksum; cut off, nothing is read. */
        memcpy(&before, &m, sizeof(m));
        for (size_t at = 0; at < b.len; at++) {
            ((uint8_t *)b.data)[at] ^= 0x10;
            assert_int_not_equal(vrrp_parse(b, &source, &group, &m), VRRP_OK);
            ((uint8_t *)b.data)[at] ^= 0x10;
            assert_int_not_equal(vrrp_parse(bytes_of(b.data, at), &source, &group, &m), VRRP_OK);
        }
        source.bytes[1] ^= 1;
        assert_int_equal(vrrp_parse(b, &source, &group, &m), VRRP_CHECKSUM);
        assert_memory_equal(&m, &before, sizeof(m));
        vector_free(b);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        enum vrrp_error error;
    } cases[] = {
        {"vrrp/v4", 0, 0x41, VRRP_VERSION}, {"vrrp/v4", 0, 0x21, VRRP_VERSION_2},
        {"vrrp/v4", 0, 0x32, VRRP_TYPE},    {"vrrp/v4", 1, 0, VRRP_VRID},
        {"vrrp/v4", 3, 0, VRRP_COUNT},      {"vrrp/v4", 3, 17, VRRP_COUNT},
        {"vrrp/v4", 3, 2, VRRP_TRUNCATED},  {"vrrp/v4", 5, 0, VRRP_INTERVAL},
        {"vrrp/v4", 2, 0, VRRP_OK},         {"vrrp/v6", 3, 3, VRRP_TRUNCATED},
        {"vrrp/v6", 4, 0xf0, VRRP_OK}, /* reserved bits are ignored */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes b = vector_load(cases[i].name);
        uint8_t family = cases[i].name[6] == '6' ? ADDRESS_V6 : ADDRESS_V4;
        struct address source = source_of(family), group = vrrp_multicast(family);
        struct vrrp_message m;
        ((uint8_t *)b.data)[cases[i].at] = cases[i].value;
        checksum_repair(b, family);
        enum vrrp_error error = vrrp_parse(b, &source, &group, &m);
        if (error != cases[i].error)
            fail_msg("case %zu: %s", i, vrrp_error_name(error));
        vector_free(b);
    }
    struct bytes v2 = vector_load("vrrp/v2");
    struct address source = source_of(ADDRESS_V4), group = vrrp_multicast(ADDRESS_V4);
    struct vrrp_message m;
    uint8_t vrid;
    assert_int_equal(vrrp_parse(v2, &source, &group, &m), VRRP_VERSION_2);
    assert_int_equal(vrrp_parse(v2, &(struct address){0}, &group, &m), VRRP_TRUNCATED);
    assert_false(vrrp_peek(bytes_of(v2.data, 1), &vrid));
    assert_false(vrrp_peek(bytes_of("\x31\0", 2), &vrid));
    vector_free(v2);
    for (int i = 0; i < VRRP_ERROR_COUNT; i++)
        assert_string_not_equal(vrrp_error_name(i), "?");
    assert_string_equal(vrrp_error_name(VRRP_ERROR_COUNT), "?");
}

static void test_numbers(void **state)
{
    (void)state;
    uint8_t mac[VRRP_MAC];
    char text[ADDRESS_TEXT];
    struct address v4 = vrrp_multicast(ADDRESS_V4), v6 = vrrp_multicast(ADDRESS_V6);
    assert_string_equal(address_print(&v4, text), "224.0.0.18");
    assert_string_equal(address_print(&v6, text), "ff02::12");
    vrrp_virtual_mac(ADDRESS_V4, 10, mac);
    assert_memory_equal(mac, "\x00\x00\x5e\x00\x01\x0a", 6);
    vrrp_virtual_mac(ADDRESS_V6, 255, mac);
    assert_memory_equal(mac, "\x00\x00\x5e\x00\x02\xff", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
