/* SPDX-License-Identifier: Apache-2.0 */
/* What HSRP neighbours may do to a group: authentication by text and by MD5 with known answers, keys that
 * change, bad packets, a storm, coups without end, and somebody else with the virtual address. */
#include "crypto/crypto.h"
#include "hsrp_world.h"

/* `name` ("hsrp/v1_md5_speak") of tests/vectors/wire. */
static size_t vector_read(const char *name, uint8_t *out, size_t size)
{
    char path[1024], line[1024];
    const char *dir = getenv("VECTORS");
    snprintf(path, sizeof(path), "%s/wire/%s.hex", dir ? dir : "tests/vectors", name);
    FILE *file = fopen(path, "r");
    size_t len = 0;
    if (!file)
        fail_msg("%s: cannot be opened", path);
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "#")] = '\0';
        int n = bytes_from_hex(line, out + len, size - len);
        assert_true(n >= 0);
        len += (size_t)n;
    }
    fclose(file);
    return len;
}

static void hear_bytes(struct hsrp_group *g, const uint8_t *data, size_t len, const char *source, ns now)
{
    step(g, (struct hsrp_event){
                .kind = HSRP_EVENT_MESSAGE, .now = now, .message = {bytes_of(data, len), address(source)}});
}

static void md5_config(struct hsrp_config *c, const char *key)
{
    c->authentication = HSRP_AUTHENTICATION_MD5;
    snprintf(c->key, sizeof(c->key), "%s", key);
}

/* Digests that others computed; with any bit of the message changed, another key or another sender nothing
 * acts. */
static void test_md5_known(void **state)
{
    (void)state;
    static const struct {
        const char *name, *key, *source;
    } cases[] = {
        {"hsrp/v1_md5_speak", "password12345", "10.0.0.20"},
        {"hsrp/v1_md5_priority_90", "openwall", "172.16.40.20"},
        {"hsrp/v1_md5_active", "openwall12345", "10.0.0.20"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        uint8_t data[128];
        size_t len = vector_read(cases[i].name, data, sizeof(data));
        md5_config(&c, cases[i].key);
        put(&g, &c, HSRP_LISTEN);
        hear_bytes(&g, data, len, cases[i].source, 100 * S);
        if (g.counters.hellos_received != 1 || g.counters.bad_authentication != 0)
            fail_msg("%s is not accepted", cases[i].name);
        for (size_t bit = 0; bit < len * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            hear_bytes(&g, data, len, cases[i].source, 100 * S);
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(g.counters.hellos_received, 1);
        assert_int_equal(g.counters.coups_received + g.counters.resigns_received, 0);
        hear_bytes(&g, data, len, "10.0.0.21", 101 * S);
        uint64_t bad = g.counters.bad_authentication;
        g.config.key[0] ^= 1;
        hear_bytes(&g, data, len, cases[i].source, 102 * S);
        assert_true(g.counters.hellos_received == 1 && g.counters.bad_authentication == bad + 1);
    }
}

/* Both versions, keys of every length, around the block of MD5 too: what one group sends the other accepts.
 */
static void test_md5_between(void **state)
{
    (void)state;
    static const uint8_t lengths[] = {1, 8, 54, 55, 56, 63, 64};
    for (size_t i = 0; i < 2 * ARRAY_SIZE(lengths); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group a, b;
        char key[HSRP_KEY_MAX + 1] = {0};
        memset(key, 'k', lengths[i / 2]);
        md5_config(&c, key);
        c.version = (uint8_t)(1 + i % 2);
        put(&a, &c, HSRP_ACTIVE);
        c.interface_address = address("10.1.1.3");
        put(&b, &c, HSRP_LISTEN);
        assert_string_equal(tick(&a, 102 * S), "S");
        struct redundancy_send send = actions_find(&actions, REDUNDANCY_SEND, 0)->send;
        hear_bytes(&b, send.data, send.len, "10.1.1.2", 102 * S);
        assert_true(b.counters.hellos_received == 1 && b.active.known);
        send.data[send.len - 1] ^= 1;
        hear_bytes(&b, send.data, send.len, "10.1.1.2", 103 * S);
        assert_true(b.counters.hellos_received == 1 && b.counters.bad_authentication == 1);
    }
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has_text, has_md5, accepted;
    } cases[] = {
        {"cisco\0\0\0", true, false, true},   {"cisco\0\0x", true, false, false},
        {"Cisco\0\0\0", true, false, false},  {"\0\0\0\0\0\0\0\0", true, false, false},
        {"cisco\0\0\0", false, false, false}, {"cisco\0\0\0", true, true, false},
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        struct hsrp_message m = message_of(HSRP_HELLO, HSRP_ACTIVE, 255);
        bool md5_wanted = i % 2 == 1;
        if (md5_wanted)
            md5_config(&c, "secret");
        c.version = m.version = 2;
        m.has_text = cases[i / 2].has_text;
        m.has_md5 = cases[i / 2].has_md5;
        memcpy(m.text, cases[i / 2].text, HSRP_TEXT);
        put(&g, &c, HSRP_ACTIVE);
        hear_message(&g, m, "10.1.1.3", 100 * S);
        bool accepted = cases[i / 2].accepted && !md5_wanted;
        if ((g.state == HSRP_SPEAK) != accepted || (g.counters.bad_authentication == 0) != accepted)
            fail_msg("case %zu", i);
    }
}

/* Wrong authentication is said, but not each time. */
static void test_log(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    struct hsrp_message m = message_of(HSRP_HELLO, HSRP_ACTIVE, 255);
    unsigned lines = 0;
    memcpy(m.text, "wrong\0\0\0", HSRP_TEXT);
    put(&g, &c, HSRP_ACTIVE);
    assert_string_equal(hear_message(&g, m, "10.1.1.3", 100 * S), "l");
    const struct redundancy_log *log = &actions_find(&actions, REDUNDANCY_LOG, 0)->log;
    assert_string_equal(log->text, "Bad authentication from 10.1.1.3, group 1, remote state Active");
    assert_string_equal(log->mnemonic, "BADAUTH");
    for (ns now = 100 * S; now < 190 * S; now += S)
        lines += hear_message(&g, m, "10.1.1.3", now)[0] == 'l';
    assert_int_equal(lines, 2);
    assert_int_equal(g.counters.bad_authentication, 91);
    assert_int_equal(g.state, HSRP_ACTIVE);
}

/* After `key-string` changed with a timeout both keys are good, then the new one alone. */
static void test_key_change(void **state)
{
    (void)state;
    static const struct {
        ns timeout, at;
        bool accepted;
    } cases[] = {{0, 101 * S, false}, {10 * S, 109 * S, true}, {10 * S, 110 * S, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group old, g;
        md5_config(&c, "old");
        put(&old, &c, HSRP_ACTIVE);
        c.interface_address = address("10.1.1.3");
        put(&g, &c, HSRP_LISTEN);
        md5_config(&c, "new");
        c.key_timeout = cases[i].timeout;
        actions.count = 0;
        hsrp_configure(&g, &c, 100 * S, &actions);
        tick(&old, 102 * S);
        struct redundancy_send send = actions_find(&actions, REDUNDANCY_SEND, 0)->send;
        hear_bytes(&g, send.data, send.len, "10.1.1.2", cases[i].at);
        assert_int_equal(g.counters.hellos_received, cases[i].accepted);
        hsrp_done(&g);
        assert_true(g.config.key[0] == 0 && g.old_key[0] == 0);
    }
}

static void test_ignored(void **state)
{
    (void)state;
    static const struct {
        const char *data, *source;
        size_t len;
        uint64_t malformed, ignored, advertisements;
    } cases[] = {
        {"", "10.1.1.3", 0, 1, 0, 0},
        {"\0\0\x10\x03\x0a\x64\x01", "10.1.1.3", 7, 1, 0, 0},
        {"\0\3\0\1", "10.1.1.3", 4, 0, 0, 1},
        {"\0\0\x10\x03\x0a\xff\x01\0cisco\0\0\0\x0a\1\1\xfe", "10.1.1.2", 20, 0, 1, 0}, /* our own */
        {"\0\0\x10\x03\x0a\xff\x02\0cisco\0\0\0\x0a\1\1\xfe", "10.1.1.3", 20, 0, 1, 0}, /* group 2 */
        {"\2\4\0\1\0\0", "10.1.1.3", 6, 0, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        put(&g, &c, HSRP_ACTIVE);
        hear_bytes(&g, (const uint8_t *)cases[i].data, cases[i].len, cases[i].source, 100 * S);
        if (g.counters.malformed != cases[i].malformed || g.counters.ignored != cases[i].ignored ||
            g.counters.advertisements_ignored != cases[i].advertisements)
            fail_msg("case %zu", i);
        assert_true(g.state == HSRP_ACTIVE && actions.count == 0);
    }
}

/* Strangers use up their share; the Active router that we know is heard all the same. */
static void test_storm(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    put(&g, &c, HSRP_STANDBY);
    hear(&g, HSRP_HELLO, HSRP_ACTIVE, 110, 100 * S);
    for (unsigned i = 0; i < 10000; i++)
        hear_message(&g, message_of(HSRP_HELLO, HSRP_LISTEN, 110), "10.1.1.9", 100 * S + i * 10 * NS_PER_US);
    assert_in_range(g.counters.storm_dropped, 9900, 9999);
    hear(&g, HSRP_HELLO, HSRP_ACTIVE, 110, 100 * S + S / 2);
    assert_true(g.active_timer == 110 * S + S / 2 && g.state == HSRP_STANDBY);
    /* The next second is another one. */
    uint64_t dropped = g.counters.storm_dropped;
    hear_message(&g, message_of(HSRP_HELLO, HSRP_LISTEN, 110), "10.1.1.9", 102 * S);
    assert_int_equal(g.counters.storm_dropped, dropped);
    /* However often a lower one claims the role, it is answered ten times a second. */
    put(&g, &c, HSRP_ACTIVE);
    for (unsigned i = 0; i < 1000; i++)
        hear(&g, HSRP_HELLO, HSRP_ACTIVE, 90, 100 * S + i * NS_PER_MS);
    assert_int_equal(g.counters.coups_sent, 10);
    assert_int_equal(g.state, HSRP_ACTIVE);
}

/* A neighbour that we know, and that is authentic, drives us through the states: 32 times in a second, and
 * then it is only believed to be there. */
static void test_restless(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    put(&g, &c, HSRP_STANDBY);
    hear(&g, HSRP_HELLO, HSRP_ACTIVE, 110, 100 * S);
    for (unsigned i = 0; i < 1000; i++) {
        hear(&g, HSRP_RESIGN, HSRP_ACTIVE, 110, 100 * S + i * 100 * NS_PER_US);
        hear(&g, HSRP_HELLO, HSRP_ACTIVE, 110, 100 * S + i * 100 * NS_PER_US);
        hear(&g, HSRP_HELLO, HSRP_STANDBY, 90, 100 * S + i * 100 * NS_PER_US);
    }
    assert_in_range(g.counters.state_changes, 16, 33);
    assert_true(g.counters.hellos_sent + g.counters.resigns_sent < 64);
    assert_in_range(g.counters.storm_dropped, 2900, 2999);
    uint64_t changes = g.counters.state_changes;
    enum hsrp_state last = g.state;
    g.active_timer = 100 * S + S / 4;
    g.active.known = true;
    g.active.address = address("10.1.1.3");
    hear(&g, HSRP_HELLO, HSRP_ACTIVE, 110, 100 * S + S / 5);
    assert_true(g.active_timer == 110 * S + S / 5 && g.state == last && g.counters.state_changes == changes);
    /* The next second is another one. */
    hear(&g, HSRP_RESIGN, HSRP_ACTIVE, 110, 102 * S);
    hear(&g, HSRP_HELLO, HSRP_ACTIVE, 110, 102 * S);
    hear(&g, HSRP_HELLO, HSRP_STANDBY, 90, 102 * S);
    assert_true(g.counters.state_changes > changes);
}

/* Of two that claim to be Active the better one is believed while it speaks, by who preempts as well. */
static void test_contested(void **state)
{
    (void)state;
    static const struct {
        uint8_t priority;
        const char *source;
        ns after; /* the known Active router, 10.1.1.3 with priority 110, spoke so long ago */
        bool believed;
    } cases[] = {
        {105, "10.1.1.9", 1 * S, false}, {110, "10.1.1.1", 1 * S, false}, {110, "10.1.1.9", 1 * S, true},
        {120, "10.1.1.1", 1 * S, true},  {105, "10.1.1.9", 7 * S, true}, /* it has missed two hellos */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        put(&g, &c, HSRP_STANDBY);
        hear_message(&g, message_of(HSRP_HELLO, HSRP_ACTIVE, 110), "10.1.1.3", 100 * S);
        hear_message(&g, message_of(HSRP_HELLO, HSRP_ACTIVE, cases[i].priority), cases[i].source,
                     100 * S + cases[i].after);
        struct address expected = address(cases[i].believed ? cases[i].source : "10.1.1.3");
        if (!address_equal(&g.active.address, &expected) || g.state != HSRP_STANDBY)
            fail_msg("case %zu", i);
    }
    /* A storm of lower ones does not make the standby deaf to the one that it knows. */
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    put(&g, &c, HSRP_STANDBY);
    for (unsigned i = 0; i < 10000; i++) {
        if (i % 3000 == 0)
            hear_message(&g, message_of(HSRP_HELLO, HSRP_ACTIVE, 110), "10.1.1.3", 100 * S + i * NS_PER_MS);
        hear_message(&g, message_of(HSRP_HELLO, HSRP_ACTIVE, 50), "10.1.1.9", 100 * S + i * NS_PER_MS);
    }
    assert_true(g.active_timer == 119 * S && g.state == HSRP_STANDBY && g.counters.storm_dropped > 0);
}

static void test_duplicate(void **state)
{
    (void)state;
    static const struct {
        const char *address, *actions;
        uint8_t mac[REDUNDANCY_MAC];
        uint8_t state;
        bool bia;
    } cases[] = {
        {"10.1.1.254", "la", {2, 9, 9, 9, 9, 9}, HSRP_ACTIVE, false},
        {"10.1.1.253", "la", {2, 9, 9, 9, 9, 9}, HSRP_ACTIVE, false}, /* secondary */
        {"10.1.1.254", "l", {2, 9, 9, 9, 9, 9}, HSRP_STANDBY, false},
        {"10.1.1.254", "", {2, 9, 9, 9, 9, 9}, HSRP_STANDBY, true},
        {"10.1.1.254", "la", {2, 9, 9, 9, 9, 9}, HSRP_ACTIVE, true},
        {"10.1.1.254", "", {2, 0, 0, 0, 0, 2}, HSRP_ACTIVE, false},       /* our own interface */
        {"10.1.1.254", "", {0, 0, 0x0c, 7, 0xac, 1}, HSRP_ACTIVE, false}, /* the group's MAC */
        {"10.1.1.252", "", {2, 9, 9, 9, 9, 9}, HSRP_ACTIVE, false},
        {"10.1.1.254", "", {2, 9, 9, 9, 9, 9}, HSRP_INITIAL, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        struct hsrp_event seen = {.kind = HSRP_EVENT_ADDRESS, .now = 100 * S};
        c.secondary[0] = address("10.1.1.253");
        c.secondary_count = 1;
        c.use_bia = cases[i].bia;
        put(&g, &c, cases[i].state);
        seen.seen.address = address(cases[i].address);
        memcpy(seen.seen.mac, cases[i].mac, sizeof(seen.seen.mac));
        const char *text = step(&g, seen);
        if (strcmp(text, cases[i].actions) != 0)
            fail_msg("case %zu: %s", i, text);
        assert_int_equal(g.counters.duplicate_addresses, cases[i].actions[0] == 'l');
        if (i == 0) {
            const struct redundancy_log *log = &actions_find(&actions, REDUNDANCY_LOG, 0)->log;
            assert_string_equal(log->text,
                                "Duplicate address 10.1.1.254 on FastEthernet0/0, sourced by 0209.0909.0909");
            assert_string_equal(log->mnemonic, "DUPADDR");
        }
        /* A flood of claims is logged once, and answered ten times a second. */
        unsigned answers = 0;
        for (unsigned n = 0; n < 2000; n++) {
            seen.now = 101 * S + n * NS_PER_MS;
            text = step(&g, seen);
            assert_true(strchr(text, 'l') == NULL);
            answers += strcmp(text, "a") == 0;
        }
        assert_int_equal(answers, strchr(cases[i].actions, 'a') ? 20 : 0);
    }
}

static int prepare(void **state)
{
    (void)state;
    return crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_md5_known),  cmocka_unit_test(test_md5_between),
        cmocka_unit_test(test_text),       cmocka_unit_test(test_log),
        cmocka_unit_test(test_key_change), cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_storm),      cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_contested),  cmocka_unit_test(test_restless),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
