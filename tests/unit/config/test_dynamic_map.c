/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic maps and reverse routes in the configuration: texts to models and back, bad lines, checks, and how
 * a change shows in a plan. */
#include "texts.h"

#define VECTOR "dynamic_map.txt"
#define PREFIX "crypto ipsec transform-set t esp-gcm\n!\n"

static const struct spelling spellings[] = {
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\n set transform t\n",
     "crypto dynamic-map d 5\n set transform-set t\n!\n"},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\n reverse-route distance 9 static tag 3\n",
     "crypto dynamic-map d 5\n reverse-route static\n set reverse-route distance 9\n set reverse-route tag "
     "3\n!\n"},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\n reverse-route tag 3\n set reverse-route "
     "distance 7\n no set reverse-route tag\n reverse-route remote-peer 9.9.9.9\n",
     "crypto dynamic-map d 5\n reverse-route remote-peer 9.9.9.9\n set reverse-route distance 7\n!\n"},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\n reverse-route\n no reverse-route\n",
     "crypto dynamic-map d 5\n!\n"},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\ncrypto dyn d 6\nno crypto dyn d 5\n",
     "crypto dynamic-map d 6\n!\n"},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\nno crypto dynamic-map d\n", ""},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\ncrypto map m 9 ipsec-isakmp dynamic d\nno "
     "crypto map m 9\n",
     "crypto dynamic-map d 5\n!\n"},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto dyn d 5\ncrypto map m 9 ipsec-isakmp dynamic d\nno "
     "crypto map m 9 ipsec-isakmp dynamic d\n",
     "crypto dynamic-map d 5\n!\n"},
    {"crypto ipsec transform-set t esp-gcm\n!\ncrypto map m 9 ipsec-isakmp\n reverse-route\ncrypto map m 9\n "
     "reverse-route static\n",
     "crypto map m 9 ipsec-isakmp\n reverse-route static\n!\n"},
};

static const struct message bad[] = {
    {"crypto dynamic-map d 0\n", "1:22: error: 0 is out of range, expected <1-65535>"},
    {"crypto dynamic-map d\n", "1:21: error: incomplete command, expected <1-65535>"},
    {"no crypto dynamic-map d\n", "1:23: error: there is no dynamic map 'd'"},
    {"crypto map m 9 ipsec-isakmp dynamic d\n",
     "1:37: error: crypto map m 9: dynamic map 'd' does not exist"},
    {"crypto map m 9 ipsec-isakmp\ncrypto map m 9 ipsec-isakmp dynamic d\n",
     "2:14: error: entry 9 of crypto map 'm' is not a dynamic one: remove it first"},
    {"crypto map m 9 ipsec-isakmp dynamic d\ncrypto map m 9 ipsec-isakmp\n set peer 1.1.1.1\n",
     "2:14: error: entry 9 of crypto map 'm' is dynamic map 'd'"},
    {"crypto map m 9 ipsec-isakmp dynamic d discover\n",
     "1:1: error: 'crypto map ipsec-isakmp dynamic discover' is not supported by this version of Holdfast"},
    {"crypto dynamic-map d 1\n set transform-set none\n",
     "2:20: error: crypto map d 1: transform set 'none' does not exist"},
    {"crypto dynamic-map d 1\n match address none\n",
     "2:16: error: crypto map d 1: access list 'none' does not exist"},
    {"crypto dynamic-map d 1\n reverse-route static static\n", "2:23: error: 'static' stands here twice"},
    {"crypto dynamic-map d 1\n reverse-route distance 1 distance 2\n", "2:36: error: '2' stands here twice"},
    {"crypto dynamic-map d 1\n reverse-route distance 256\n",
     "2:25: error: 256 is out of range, expected <1-255>"},
    {"crypto dynamic-map d 1\n reverse-route remote-peer 0.0.0.0\n",
     "2:28: error: 0.0.0.0 cannot be the address of a peer"},
    {"crypto dynamic-map d 1\n reverse-route gateway\n", "2:16: error: unexpected 'gateway'"},
    {"crypto dynamic-map d 1\n set reverse-route tag 5\n",
     "2:2: error: there is no 'reverse-route' in this entry"},
    {"crypto dynamic-map d 1\n set reverse-route tag 0\n",
     "2:24: error: 0 is out of range, expected <1-4294967295>"},
};

static void test_vector(void **state)
{
    (void)state;
    expect_vector(VECTOR);
}

static void test_spellings(void **state)
{
    (void)state;
    expect_spellings(spellings, ARRAY_SIZE(spellings), PREFIX);
}

static void test_bad(void **state)
{
    (void)state;
    expect_refused(bad, ARRAY_SIZE(bad));
}

/* Texts that are accepted, and one thing that is said about them. */
static void test_doubts(void **state)
{
    static const struct message doubts[] = {
        {"crypto dynamic-map d 1\n", "warning: dynamic map d 1 has no transform set and does nothing\n"},
        {"crypto dynamic-map d 1\n reverse-route static\n",
         "f:2:2: warning: d 1: static reverse routes are made from an access list, and there is none\n"},
        {"crypto dynamic-map d 1\ncrypto map m 1 ipsec-isakmp dynamic d\ncrypto map m 2 ipsec-isakmp\n",
         "f:2:1: warning: crypto map m 1 is a dynamic map and stands before entry 2: it may take that "
         "entry's "
         "peers\n"},
    };
    (void)state;
    expect_accepted(doubts, ARRAY_SIZE(doubts));
}

static void test_plan(void **state)
{
    static const char *const changes[][2] = {
        {"crypto dynamic-map spokes 20\n reverse-route tag 5\n",
         "changed crypto map entry vpn 65000 (routes)\n"},
        {"crypto dynamic-map spokes 20\n set pfs group14\n",
         "changed crypto map entry vpn 65000 (transform)\n"},
        {"crypto map vpn 10\n set reverse-route distance 3\n", "changed crypto map entry vpn 10 (routes)\n"},
        {"track 3 interface eth0 line-protocol\n", "added track 3\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct reading_of r;
        struct config_session s;
        struct config changed;
        char copy[500], *save, *vector = read_vector(VECTOR);
        read_text(&r, vector);
        assert_int_equal(r.result, 0);
        assert_int_equal(config_copy(&r.config, &changed), 0);
        config_session_init(&s, &r.grammar, &changed, &r.errors);
        snprintf(copy, sizeof(copy), "%s", changes[i][0]);
        for (char *line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
            assert_int_equal(config_apply_line(&s, line), 0);
        expect_plan(&r, &changed, changes[i][1]);
        config_done(&changed);
        read_done(&r);
        free(vector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vector), cmocka_unit_test(test_spellings),
                                       cmocka_unit_test(test_bad), cmocka_unit_test(test_doubts),
                                       cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
