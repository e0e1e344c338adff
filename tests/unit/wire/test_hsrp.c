/* SPDX-License-Identifier: Apache-2.0 */
/* HSRP packets of both versions, good and bad. */
#include "test.h"
#include "wire/hsrp.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *name, *address;
        uint8_t version, opcode, state;
        uint16_t group;
        uint32_t priority, hello_ms, hold_ms;
        bool has_text, has_md5;
    } cases[] = {
        {"hsrp/v1_active", "9.1.1.37", 1, HSRP_HELLO, HSRP_ACTIVE, 1, 100, 3000, 10000, true, false},
        {"hsrp/v1_coup", "9.1.1.37", 1, HSRP_COUP, HSRP_SPEAK, 2, 120, 3000, 10000, true, false},
        {"hsrp/v1_resign", "9.1.1.37", 1, HSRP_RESIGN, HSRP_ACTIVE, 1, 100, 3000, 10000, true, false},
        {"hsrp/v1_md5_speak", "10.0.0.100", 1, HSRP_HELLO, HSRP_SPEAK, 1, 100, 3000, 10000, false, true},
        {"hsrp/v1_md5_active", "10.0.0.100", 1, HSRP_HELLO, HSRP_ACTIVE, 1, 100, 3000, 10000, false, true},
        {"hsrp/v2_active", "10.1.1.254", 2, HSRP_HELLO, HSRP_ACTIVE, 2, 100, 250, 1000, true, false},
        {"hsrp/v2_ipv6", "fe80::5:73ff:fea0:fff", 2, HSRP_HELLO, HSRP_STANDBY, 4095, 100, 3000, 10000, false,
         false},
        {"hsrp/v2_md5_zero", "10.1.1.254", 2, HSRP_HELLO, HSRP_ACTIVE, 2, 100, 250, 1000, false, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes b = vector_load(cases[i].name);
        struct hsrp_message m;
        struct address address;
        uint8_t out[HSRP_MESSAGE_MAX], version;
        uint16_t group;
        assert_true(address_parse(cases[i].address, &address));
        if (hsrp_parse(b, &m) != HSRP_OK)
            fail_msg("%s does not parse", cases[i].name);
        assert_int_equal(m.version, cases[i].version);
        assert_int_equal(m.opcode, cases[i].opcode);
        assert_int_equal(m.state, cases[i].state);
        assert_int_equal(m.group, cases[i].group);
        assert_int_equal(m.priority, cases[i].priority);
        assert_int_equal(m.hello_ms, cases[i].hello_ms);
        assert_int_equal(m.hold_ms, cases[i].hold_ms);
        assert_true(address_equal(&m.virtual_address, &address));
        assert_true(m.has_text == cases[i].has_text && m.has_md5 == cases[i].has_md5);
        assert_true(hsrp_peek(b, &version, &group) && version == m.version && group == m.group);
        /* What is read is written again byte for byte. */
        uint16_t digest_at = m.md5_digest_at;
        size_t len = hsrp_write(&m, out, sizeof(out));
        assert_true(bytes_equal(bytes_of(out, len), b));
        assert_int_equal(m.md5_digest_at, digest_at);
        if (m.has_md5)
            assert_memory_equal(out + digest_at, m.md5_digest, HSRP_DIGEST);
        /* No room, no half of a message. */
        for (size_t size = 0; size < len; size++)
            assert_int_equal(hsrp_write(&m, out, size), 0);
        vector_free(b);
    }
}

/* Cut off anywhere: refused, and what was there before is untouched. Trailing padding of version 1 is no
 * error, so a cut inside the authentication of version 1 leaves a message without it only where no type is
 * left of it. */
static void test_truncated(void **state)
{
    (void)state;
    static const char *const names[] = {"hsrp/v1_active", "hsrp/v2_active", "hsrp/v2_md5_zero",
                                        "hsrp/v1_md5_speak", "hsrp/v2_interface_state"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct bytes whole = vector_load(names[i]);
        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *copy = malloc(len ? len : 1);
            struct hsrp_message m, before;
            memset(&m, 0xa5, sizeof(m));
            memcpy(&before, &m, sizeof(m));
            memcpy(copy, whole.data, len);
            bool v2 = whole.data[0] != 0;
            bool complete = v2 ? len == 42 : len == 20 || len == 21;
            enum hsrp_error error = hsrp_parse(bytes_of(copy, len), &m);
            if ((error == HSRP_OK) != complete)
                fail_msg("%s, %zu bytes: %s", names[i], len, hsrp_error_name(error));
            if (error != HSRP_OK)
                assert_memory_equal(&m, &before, sizeof(m));
            free(copy);
        }
        vector_free(whole);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        enum hsrp_error error;
    } cases[] = {
        {"hsrp/v1_truncated", 0, 0, HSRP_TRUNCATED}, {"hsrp/v1_active", 0, 9, HSRP_VERSION},
        {"hsrp/v1_active", 1, 4, HSRP_OPCODE},       {"hsrp/v1_active", 2, 3, HSRP_STATE},
        {"hsrp/v1_active", 2, 32, HSRP_STATE},       {"hsrp/v1_active", 16, 224, HSRP_ADDRESS},
        {"hsrp/v1_active", 16, 127, HSRP_ADDRESS},   {"hsrp/v1_active", 16, 0, HSRP_ADDRESS},
        {"hsrp/v1_active", 16, 255, HSRP_ADDRESS},   {"hsrp/v1_md5_speak", 21, 27, HSRP_TLV},
        {"hsrp/v1_md5_speak", 22, 2, HSRP_TLV},      {"hsrp/v2_active", 0, 5, HSRP_VERSION},
        {"hsrp/v2_active", 1, 39, HSRP_TLV},         {"hsrp/v2_active", 1, 60, HSRP_TRUNCATED},
        {"hsrp/v2_active", 2, 3, HSRP_VERSION},      {"hsrp/v2_active", 3, 3, HSRP_OPCODE},
        {"hsrp/v2_active", 4, 7, HSRP_STATE},        {"hsrp/v2_active", 5, 5, HSRP_FIELD},
        {"hsrp/v2_active", 6, 0x10, HSRP_FIELD},     {"hsrp/v2_active", 14, 1, HSRP_FIELD},
        {"hsrp/v2_active", 43, 7, HSRP_TLV},         {"hsrp/v2_active", 43, 9, HSRP_TRUNCATED},
        {"hsrp/v2_active", 42, 1, HSRP_TLV}, /* a second group state */
        {"hsrp/v2_ipv6", 26, 0xff, HSRP_ADDRESS},    {"hsrp/v2_md5_zero", 44, 2, HSRP_TLV},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes b = vector_load(cases[i].name);
        struct hsrp_message m, before;
        ((uint8_t *)b.data)[cases[i].at] = cases[i].value;
        memset(&m, 0x5a, sizeof(m));
        memcpy(&before, &m, sizeof(m));
        enum hsrp_error error = hsrp_parse(b, &m);
        if (error != cases[i].error)
            fail_msg("case %zu (%s): %s", i, cases[i].name, hsrp_error_name(error));
        assert_memory_equal(&m, &before, sizeof(m));
        vector_free(b);
    }
    for (int i = 0; i < HSRP_ERROR_COUNT; i++)
        assert_string_not_equal(hsrp_error_name(i), "?");
    assert_string_equal(hsrp_error_name(HSRP_ERROR_COUNT), "?");
}

static void test_advertise(void **state)
{
    (void)state;
    static const char *const names[] = {"hsrp/v1_advertise", "hsrp/v2_interface_state"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct bytes b = vector_load(names[i]);
        struct hsrp_message m;
        uint8_t version;
        uint16_t group;
        assert_int_equal(hsrp_parse(b, &m), HSRP_OK);
        assert_int_equal(m.opcode, HSRP_ADVERTISE);
        assert_int_equal(m.version, i + 1);
        assert_int_equal(m.priority, 0);
        assert_false(hsrp_peek(b, &version, &group));
        vector_free(b);
    }
}

/* Disabled means Initial; TLVs of later versions are passed over, before and behind the group. */
static void test_lenient(void **state)
{
    (void)state;
    struct bytes b = vector_load("hsrp/v2_active");
    uint8_t longer[100] = {4 + 1, 2, 0xaa, 0xbb};
    struct hsrp_message m;
    uint8_t version;
    uint16_t group;
    ((uint8_t *)b.data)[4] = 0;
    assert_int_equal(hsrp_parse(b, &m), HSRP_OK);
    assert_int_equal(m.state, HSRP_INITIAL);
    memcpy(longer, b.data, b.len);
    longer[b.len] = 9;
    longer[b.len + 1] = 1;
    assert_int_equal(hsrp_parse(bytes_of(longer, b.len + 3), &m), HSRP_OK);
    assert_true(m.has_text && m.group == 2);
    assert_true(hsrp_peek(bytes_of(longer, b.len + 3), &version, &group) && group == 2);
    vector_free(b);
}

static void test_write(void **state)
{
    (void)state;
    static const struct {
        uint32_t hello_ms, hold_ms;
        uint8_t hello, hold; /* as version 1 carries them */
    } timers[] = {{3000, 10000, 3, 10}, {15, 50, 0, 1},     {250, 1000, 0, 1},
                  {999, 3000, 0, 3},    {1500, 5001, 1, 6}, {254000, 255000, 254, 255}};
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        struct hsrp_message m = {.version = 1,
                                 .opcode = HSRP_HELLO,
                                 .state = HSRP_SPEAK,
                                 .hello_ms = timers[i].hello_ms,
                                 .hold_ms = timers[i].hold_ms};
        uint8_t out[HSRP_MESSAGE_MAX];
        assert_int_equal(hsrp_write(&m, out, sizeof(out)), HSRP_V1_LENGTH);
        assert_int_equal(out[3], timers[i].hello);
        assert_int_equal(out[4], timers[i].hold);
        m.version = 2;
        assert_int_equal(hsrp_write(&m, out, sizeof(out)), 42);
        struct hsrp_message again;
        assert_int_equal(hsrp_parse(bytes_of(out, 42), &again), HSRP_OK);
        assert_int_equal(again.hello_ms, timers[i].hello_ms);
        assert_int_equal(again.hold_ms, timers[i].hold_ms);
        assert_false(address_is_set(&again.virtual_address));
    }
}

static void test_mac(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, family;
        uint16_t group;
        uint8_t mac[HSRP_MAC];
    } cases[] = {
        {1, 4, 1, {0x00, 0x00, 0x0c, 0x07, 0xac, 0x01}},
        {1, 4, 255, {0x00, 0x00, 0x0c, 0x07, 0xac, 0xff}},
        {2, 4, 50, {0x00, 0x00, 0x0c, 0x9f, 0xf0, 0x32}},
        {2, 4, 4095, {0x00, 0x00, 0x0c, 0x9f, 0xff, 0xff}},
        {2, 6, 0x123, {0x00, 0x05, 0x73, 0xa0, 0x01, 0x23}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t mac[HSRP_MAC];
        hsrp_virtual_mac(cases[i].version, cases[i].family, cases[i].group, mac);
        assert_memory_equal(mac, cases[i].mac, sizeof(mac));
    }
    assert_string_equal(hsrp_state_name(HSRP_INITIAL), "Init");
    assert_string_equal(hsrp_state_name(HSRP_STATE_COUNT), "?");
    assert_string_equal(hsrp_opcode_name(HSRP_COUP), "Coup");
    assert_string_equal(hsrp_opcode_name(9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_truncated), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_advertise), cmocka_unit_test(test_lenient),   cmocka_unit_test(test_write),
        cmocka_unit_test(test_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
