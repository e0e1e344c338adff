/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of two models, and what is found wrong or doubtful in a whole one. */
#include "test.h"

#define BASE                                                                                     \
    "crypto isakmp policy 10\n encr aes\n authentication pre-share\n group 14\n"                 \
    "crypto isakmp key one address 9.1.1.1\ncrypto isakmp key two address 9.1.1.2\n"             \
    "crypto ipsec transform-set a esp-aes esp-sha-hmac\ncrypto ipsec transform-set b esp-gcm\n"  \
    "crypto map m 10 ipsec-isakmp\n set peer 9.1.1.1\n set transform-set a\n match address la\n" \
    "crypto map m 20 ipsec-isakmp\n set peer 9.1.1.2\n set transform-set b\n match address lb\n" \
    "interface eth0\n ip address 9.2.0.1 255.255.255.0\n crypto map m\n"                         \
    "interface eth1\n ip address 10.0.0.1 255.255.255.0\n"                                       \
    "ip route 0.0.0.0 0.0.0.0 9.2.0.2\n"                                                         \
    "ip access-list extended la\n permit ip 10.0.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"             \
    "ip access-list extended lb\n permit ip 10.0.0.0 0.0.0.255 10.2.0.0 0.0.0.255\n"

static const struct {
    const char *lines, *plan;
} changes[] = {
    {"hostname x\n", "changed hostname\n"},
    {"crypto isakmp policy 10\n hash sha\n lifetime 86400\n", ""},
    {"crypto ipsec transform-set a esp-aes 128 esp-sha-hmac\n mode tunnel\n", ""},
    {"interface eth0\n duplex full\n device eth0\n", "changed interface eth0\n"},
    {"crypto isakmp policy 10\n group 19\n", "changed isakmp policy 10\n"},
    {"crypto isakmp policy 5\n group 19\n", "added isakmp policy 5\n"},
    {"no crypto isakmp policy 10\n", "removed isakmp policy 10\n"},
    {"crypto isakmp keepalive 10\n", "changed isakmp\n"},
    {"crypto isakmp key new address 9.1.1.2\n",
     "changed isakmp key 9.1.1.2/32\nchanged crypto map entry m 20 (key)\n"},
    {"crypto isakmp key three address 9.1.1.3\n", "added isakmp key 9.1.1.3/32\n"},
    {"crypto isakmp key wide address 9.1.0.0 255.255.0.0\n", "added isakmp key 9.1.0.0/16\n"},
    {"crypto isakmp peer address 9.1.1.1\n set aggressive-mode password p\n",
     "added isakmp peer 9.1.1.1\nchanged crypto map entry m 10 (key)\n"},
    {"crypto ipsec transform-set a esp-aes esp-sha256-hmac\n",
     "changed transform set a\nchanged crypto map entry m 10 (transform)\n"},
    {"ip access-list extended lb\n remark only words\n", ""},
    {"ip access-list extended lb\n permit ip 10.0.0.0 0.0.0.255 10.3.0.0 0.0.0.255\n",
     "changed access list lb\nchanged crypto map entry m 20 (selectors)\n"},
    {"crypto ipsec security-association lifetime seconds 600\n",
     "changed ipsec\nchanged crypto map entry m 10 (lifetime)\nchanged crypto map entry m 20 (lifetime)\n"},
    {"crypto map m 10\n set security-association lifetime seconds 3600\n", ""},
    {"crypto map m 10\n set peer 9.1.1.9\n", "changed crypto map entry m 10 (peers)\n"},
    {"crypto map m 10\n description x\n", "changed crypto map entry m 10 (description)\n"},
    {"crypto map m 20\n set pfs group14\n match address la\n",
     "changed crypto map entry m 20 (selectors, transform)\n"},
    {"no crypto map m 20\n", "removed crypto map entry m 20\n"},
    {"crypto map m 30 ipsec-isakmp\n", "added crypto map entry m 30\n"},
    {"interface eth1\n ip address 10.0.0.9 255.255.255.0\n", "changed interface eth1\n"},
    {"interface eth0\n ip address 9.2.0.9 255.255.255.0\n",
     "changed interface eth0\nchanged crypto map m\nchanged crypto map entry m 10 (local address)\n"
     "changed crypto map entry m 20 (local address)\n"},
    {"interface eth0\n ip address 9.3.0.9 255.255.255.0 secondary\n", "changed interface eth0\n"},
    {"no crypto map m\ninterface eth0\n no crypto map\n",
     "removed crypto map entry m 10\nremoved crypto map entry m 20\nremoved crypto map m\nchanged interface "
     "eth0\n"},
    {"ip route 10.9.0.0 255.255.0.0 10.0.0.2\nno ip route 0.0.0.0 0.0.0.0 9.2.0.2\n",
     "removed route 0.0.0.0/0 9.2.0.2\nadded route 10.9.0.0/16 10.0.0.2\n"},
    {"ip route 0.0.0.0 0.0.0.0 9.2.0.2 name x\n", ""},
    {"ip route 0.0.0.0 0.0.0.0 9.2.0.2 7\n", "changed route 0.0.0.0/0 9.2.0.2\n"},
};

static void apply_all(struct config_session *s, const char *lines)
{
    char copy[1000], *save, *line;
    snprintf(copy, sizeof(copy), "%s", lines);
    for (line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        assert_int_equal(config_apply_line(s, line), 0);
}

static void test_plan(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct reading_of r;
        struct config_session s;
        struct config changed;
        struct config_plan plan;
        struct text t;
        read_text(&r, BASE);
        assert_int_equal(r.result, 0);
        assert_int_equal(config_copy(&r.config, &changed), 0);
        config_session_init(&s, &r.grammar, &changed, &r.errors);
        apply_all(&s, changes[i].lines);
        assert_int_equal(config_plan_make(&r.grammar, &r.config, &changed, &plan), 0);
        text_init(&t);
        config_plan_print(&plan, &t);
        if (strcmp(text_get(&t), changes[i].plan) != 0)
            fail_msg("'%s' gives:\n%s", changes[i].lines, text_get(&t));
        text_done(&t);
        config_plan_done(&plan);
        config_done(&changed);
        read_done(&r);
    }
}

static void test_plan_find(void **state)
{
    struct reading_of r;
    struct config empty;
    struct config_plan plan;
    (void)state;
    read_text(&r, BASE);
    config_init(&empty);
    assert_int_equal(config_plan_make(&r.grammar, &empty, &r.config, &plan), 0);
    const struct config_change *c = config_plan_find(&plan, CONFIG_KIND_CRYPTO_MAP_ENTRY, "m", 20);
    assert_non_null(c);
    assert_int_equal(c->type, CONFIG_ADDED);
    assert_null(config_plan_find(&plan, CONFIG_KIND_CRYPTO_MAP_ENTRY, "m", 30));
    assert_null(config_plan_find(&plan, CONFIG_KIND_HOSTNAME, NULL, 0));
    assert_int_equal(plan.changes.items[plan.changes.count - 1].kind, CONFIG_KIND_CRYPTO_MAP_ENTRY);
    config_plan_done(&plan);
    assert_int_equal(config_plan_make(&r.grammar, &r.config, &empty, &plan), 0);
    assert_int_equal(plan.changes.items[0].kind, CONFIG_KIND_CRYPTO_MAP_ENTRY);
    config_plan_done(&plan);
    read_done(&r);
}

/* Texts that are accepted, and all that is said about them. */
static const struct {
    const char *text, *messages;
} doubts[] = {
    {BASE, ""},
    {"crypto isakmp policy 1\n",
     "f:1:1: warning: isakmp policy 1 uses DES, which is weak\n"
     "f:1:1: warning: isakmp policy 1 uses Diffie-Hellman group 1, which is weak\n"},
    {"crypto ipsec transform-set x esp-3des esp-md5-hmac\ncrypto ipsec transform-set y esp-3des "
     "esp-md5-hmac\n",
     "f:1:1: warning: transform set 'x' uses 3DES, which is weak\nf:1:1: warning: transform set 'x' uses "
     "MD5, which is weak\n"},
    {"crypto ipsec transform-set x esp-aes\n",
     "f:1:1: warning: transform set 'x' encrypts without authentication: packets can be altered unnoticed\n"},
    {"crypto isakmp key k address 1.1.1.1\n",
     "f:1:1: warning: there are pre-shared keys, but no isakmp policy has 'authentication pre-share'\n"},
    {"crypto isakmp key k address 10.1.1.1 255.0.0.0\ncrypto isakmp policy 1\n authentication pre-share\n "
     "encr aes\n group 14\n",
     "f:1:29: warning: 10.1.1.1 has bits outside its mask; the key is for 10.0.0.0/8\n"},
    {"crypto map m 1 ipsec-isakmp\n", "f:1:1: warning: crypto map 'm' is on no interface and does nothing\n"
                                      "f:1:1: warning: crypto map m 1 has no peer and does nothing\n"
                                      "f:1:1: warning: there is a crypto map, but no isakmp policy: only the "
                                      "default suite (des, sha, rsa-sig, group 1) is "
                                      "left\n"},
    {"interface eth0\n ip address 10.0.0.1 255.0.0.0\ninterface eth1\n ip address 10.1.0.1 255.255.0.0\n",
     "f:4:13: warning: interface eth1: the network of 10.1.0.1 overlaps with that of interface eth0\n"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n ip address 10.0.0.2 255.255.255.0 secondary\n",
     ""},
    {"interface Loopback0\ninterface Loopback1\n", ""},
    {"interface eth0\n duplex full\ninterface eth1\n duplex full\n speed 100\nline vty 0 4\n password x\n",
     "f:2:2: note: 'duplex full' has no effect here\nf:5:2: note: 'speed 100' has no effect here\n"
     "f:6:1: note: 'line vty' has no effect here\n"},
    {"ip access-list extended a\n permit ip 10.0.0.0 255.255.255.0 any\n",
     "f:2:21: warning: 255.255.255.0 is a network mask, but wildcard bits stand here; did you mean "
     "0.0.0.255?\n"},
};

static void test_doubts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(doubts); i++) {
        struct reading_of r;
        read_text(&r, doubts[i].text);
        if (r.result != 0 || strcmp(text_get(&r.messages), doubts[i].messages) != 0)
            fail_msg("'%s' gives %d:\n%s", doubts[i].text, r.result, text_get(&r.messages));
        read_done(&r);
    }
}

/* Large texts stay cheap: what takes ten times longer for ten times more lines would take minutes here. */
static void test_large(void **state)
{
    struct reading_of r;
    struct text t;
    struct config copy;
    struct config_plan plan;
    (void)state;
    text_init(&t);
    text_add(&t, "crypto isakmp policy 1\n encr aes\n authentication pre-share\n group 14\n"
                 "crypto ipsec transform-set t esp-gcm\ninterface eth0\n ip address 192.0.2.1 "
                 "255.255.255.0\n crypto map m\n");
    for (unsigned i = 5000; i-- > 0;)
        text_printf(
            &t,
            "crypto isakmp key k%u address 10.%u.%u.1\ncrypto map m %u ipsec-isakmp\n set peer 10.%u.%u.1\n"
            " set transform-set t\n match address l%u\nip access-list extended l%u\n permit ip any "
            "172.%u.%u.0 "
            "0.0.0.255\n",
            i, i / 200, i % 200, i + 1, i / 200, i % 200, i, i, i / 200, i % 200);
    read_text(&r, text_get(&t));
    assert_string_equal(text_get(&r.messages), "");
    assert_int_equal(r.config.crypto_maps.items[0].entries.count, 5000);
    assert_int_equal(config_copy(&r.config, &copy), 0);
    assert_int_equal(config_plan_make(&r.grammar, &r.config, &copy, &plan), 0);
    assert_int_equal(plan.changes.count, 0);
    config_done(&copy);
    text_done(&t);
    read_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_find),
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
