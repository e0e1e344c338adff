/* SPDX-License-Identifier: Apache-2.0 */
/* Stateful failover in the configuration, in both of its forms: texts to models and back, bad lines, checks
 * across objects, what belongs to what, and what a change is. */
#include "texts.h"

#include "config/model_find.h"

#define HEAD                                                                                      \
    "crypto isakmp key k address 10.0.0.2\ninterface eth0\n ip address 10.0.0.1 255.255.255.0\n " \
    "standby 1 ip 10.0.0.3\n standby 1 name a\n standby 1 preempt\n standby 1 track eth1\n" /* 7 lines */

static const struct {
    const char *typed, *part; /* of the canonical text */
} spellings[] = {
    {HEAD
     "ssp group 1\n remote 10.0.0.9\n remote 10.0.0.2\n redundancy a\n redundancy a\n port 3249\n no port\n",
     "ssp group 1\n remote 10.0.0.2\n redundancy a\n!\n"},
    {HEAD
     "ssp group 1\n remote 10.0.0.2\n redundancy b\n redundancy a\n no redundancy b\n local 10.0.0.1\n no "
     "local\n authentication pre-share key x\n no authentication\n",
     "ssp group 1\n remote 10.0.0.2\n redundancy a\n!\n"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n authentication pre-share key 0 0\n",
     " authentication pre-share key 0 0\n"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n authentication pre-share key x\n authentication "
          "certificate /c key /k ca /a\n",
     " redundancy a\n authentication certificate /c key /k ca /a\n!\n"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n authentication certificate /c key /k ca /a name "
          "gw2.example\n"
          " authentication certificate /d key /k ca /a name gw3.example\n",
     " redundancy a\n authentication certificate /d key /k ca /a name gw3.example\n!\n"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\ncrypto isakmp ssp 1\n", "crypto isakmp ssp 1\n"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\ninterface eth0\n crypto map m ssp 1\n crypto map m "
          "redundancy a stateful\ncrypto map m ha replay-interval outbound 5 inbound 70\n",
     "crypto map m ha replay-interval inbound 70 outbound 5\n"},
    {HEAD
     "ssp group 1\n remote 10.0.0.2\n redundancy a\ninterface eth0\n crypto map m redundancy a stateful\n"
     " crypto map m ssp 1\ncrypto map m redundancy replay-interval outbound 5\n",
     " crypto map m ssp 1\n"},
    /* `exit` goes up one step at a time, and a line that a step above knows goes there by itself. */
    {HEAD
     "redundancy inter-device\n scheme standby a\n exit\nipc zone default\n association 1\n no shutdown\n "
     "protocol sctp\n local-port 5000\n local-ip 10.0.0.1\n exit\n remote-port 5000\n remote-ip "
     "10.0.0.2\n exit\n exit\n shutdown\n",
     "ipc zone default\n association 1\n  shutdown\n  protocol sctp\n   local-port 5000\n    local-ip "
     "10.0.0.1\n   remote-port 5000\n    remote-ip 10.0.0.2\n!\n"},
    {HEAD
     "redundancy inter-device\n scheme standby a\n authentication pre-share key other\nipc zone default\n "
     "association 1\n  protocol sctp\n   remote-port 5000\n    remote-ip 10.0.0.2\n",
     "redundancy inter-device\n scheme standby a\n authentication pre-share key other\n!\n"},
    {"redundancy inter-device\n scheme standby a\nno redundancy inter-device\n", "end\n"},
    {"ipc zone default\n association 1\n  protocol sctp\n   local-port 5\n    path-retransmit 3\nno ipc zone "
     "default\n",
     "end\n"},
    {"ssp group 1\n remote 10.0.0.2\nno ssp group 1\n", "end\n"},
    {"crypto map m ha replay-interval inbound 70\nno crypto map m ha replay-interval\n", "end\n"},
};

static const struct {
    const char *text, *message; /* without "f:" */
} messages[] = {
    {"ssp group 0\n", "1:11: error: 0 is out of range, expected <1-100>"},
    {"ssp group 101\n", "1:11: error: 101 is out of range, expected <1-100>"},
    {"ssp group 1\nssp group 2\nssp group 3\nssp group 4\nssp group 5\nssp group 6\nssp group 7\nssp group "
     "7\nssp "
     "group 8\n",
     "9:1: error: too many: at most 7 ssp groups can be configured"},
    {"no ssp group 7\n", "1:14: error: there is no ssp group 7"},
    {"ssp group 1\n remote 224.0.0.1\n", "2:9: error: 224.0.0.1 cannot be the address of a gateway"},
    {"ssp group 1\n local ::\n", "2:8: error: :: cannot be the address of a gateway"},
    {"ssp group 1\n port 0\n", "2:7: error: 0 is out of range, expected <1-65535>"},
    {"ssp group 1\n no redundancy x\n", "2:16: error: 'x' is not a group of this one"},
    {"ssp group 1\nredundancy inter-device\n",
     "2:12: error: 'redundancy inter-device' begins the other form"},
    {"ssp group 1\n authentication pre-share key 6 x\n", "2:31: error: encrypted keys (type 6)"},
    {"ssp group 1\n authentication certificate c key /k ca /a\n",
     "2:29: error: 'c' is not the name of a file"},
    {"ssp group 1\n authentication certificate /c key k ca /a\n",
     "2:36: error: 'k' is not the name of a file"},
    {"crypto isakmp ssp 1\n", "1:19: error: there is no ssp group 1"},
    {HEAD "ssp group 1\n redundancy a\n", "8:1: error: ssp group 1 names no other gateway"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n", "8:1: error: ssp group 1 names no standby group"},
    {HEAD "ssp group 1\n remote 10.0.0.1\n redundancy a\n",
     "9:9: error: ssp group 1: the other gateway's address"},
    {HEAD "ssp group 1\n remote 10.0.0.3\n redundancy a\n",
     "9:9: error: ssp group 1: the other gateway's address"},
    {HEAD "ssp group 1\n remote 10.0.0.4\n redundancy a\n",
     "for 10.0.0.4: keys never cross a network in clear"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n local 10.0.0.3\n redundancy a\n",
     "10:8: error: ssp group 1: 10.0.0.3 is no address of an interface of ours"},
    {HEAD
     "ssp group 1\n remote 2001:db8::2\n local 10.0.0.1\n redundancy a\n authentication pre-share key x\n",
     "10:8: error: ssp group 1: one of the two addresses is IPv4 and the other IPv6"},
    {HEAD "ssp group 1\n remote 10.9.0.2\n redundancy a\n authentication pre-share key x\n",
     "9:9: warning: ssp group 1: 10.9.0.2 is in no network of ours"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy b\n",
     "10:13: error: ssp group 1: there is no standby group with the name 'b'"},
    {HEAD " standby 2 name b\nssp group 1\n remote 10.0.0.2\n redundancy b\n",
     "11:13: error: ssp group 1: standby group 'b' needs a virtual address"},
    {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\nssp group 2\n remote 10.0.0.2\n redundancy a\n",
     "13:13: error: ssp group 2: standby group 'a' belongs to ssp group 1 already"},
    {HEAD "crypto isakmp key w address 0.0.0.0\nssp group 1\n remote 10.0.0.5\n redundancy a\n",
     "10:9: warning: ssp group 1: the isakmp key for 10.0.0.5 is shared with others"},
    {HEAD " no standby 1 track\nssp group 1\n remote 10.0.0.2\n redundancy a\n",
     "11:13: warning: ssp group 1: standby group 'a' tracks nothing"},
    {HEAD " no standby 1 preempt\nssp group 1\n remote 10.0.0.2\n redundancy a\n",
     "11:13: warning: ssp group 1: standby group 'a' has no 'preempt'"},
    {HEAD " standby 1 timers 3 7\nssp group 1\n remote 10.0.0.2\n redundancy a\n",
     "11:13: warning: ssp group 1: the hold time of standby group 'a' is less than three hello times"},
    {HEAD "interface eth1\n ip address 10.1.0.1 255.255.255.0\n standby 1 ip 10.1.0.3\n standby 1 name b\n "
          "standby 1 timers 1 4\nssp group 1\n remote 10.0.0.2\n redundancy a\n redundancy b\n",
     "16:13: warning: ssp group 1: standby group 'b' does not track interface eth0 of group 'a'"},
    {HEAD "interface eth1\n ip address 10.1.0.1 255.255.255.0\n standby 1 ip 10.1.0.3\n standby 1 name b\n "
          "standby 1 timers 1 4\nssp group 1\n remote 10.0.0.2\n redundancy a\n redundancy b\n",
     "16:13: warning: ssp group 1: standby group 'b' has another hold time than 'a'"},
    {HEAD " crypto map m ssp 4\n", "8:19: error: interface eth0: there is no ssp group 4"},
    {HEAD " crypto map m ssp 101\n", "8:19: error: 101 is out of range, expected <1-100>"},
    {HEAD " crypto map m redundancy a stateful\n",
     "8:26: error: interface eth0: neither 'redundancy inter-device' nor an ssp group has the standby group "
     "'a'"},
    {HEAD " crypto map m ssp 1\nssp group 1\n remote 10.0.0.2\n redundancy a\n",
     "8:19: warning: interface eth0: there is no 'crypto isakmp ssp 1'"},
    {HEAD
     " crypto map m ssp 1\nssp group 1\n remote 10.0.0.2\n redundancy a\nssp group 2\n remote 10.0.0.2\n "
     "redundancy b\ncrypto isakmp ssp 2\n",
     "8:19: error: interface eth0: ISAKMP SAs are shared by ssp group 2 and IPsec SAs by ssp group 1"},
    {HEAD "interface eth1\n ip address 10.1.0.1 255.255.255.0\n crypto map m ssp 1\nssp group 1\n remote "
          "10.0.0.2\n redundancy a\n",
     "10:19: error: interface eth1: none of the standby groups of ssp group 1 is on this interface"},
    {HEAD
     " crypto map m ssp 1\nssp group 1\n remote 10.0.0.2\n redundancy a\ncrypto map m 1 ipsec-isakmp\n set "
     "peer 10.0.0.3\n",
     "13:11: error: crypto map m 1: peer 10.0.0.3 is the virtual address of interface eth0"},
    {HEAD
     " crypto map m ssp 1\nssp group 1\n remote 10.0.0.2\n redundancy a\ncrypto map m local-address eth0\n",
     "12:28: warning: crypto map m: local-address has no effect on interface eth0"},
    {"crypto map m ha replay-interval inbound 0\n", "1:41: error: 0 is out of range, expected <1-1000000>"},
    {"crypto map m ha replay-interval outbound 10000001\n", "1:42: error: 10000001 is out of range"},
    {"crypto map m ha replay-interval\n", "error: "},
    {"no crypto map m ha replay-interval\n", "1:15: error: there is no crypto map 'm'"},
    {"crypto map m ha replay-interval inbound 1000\n",
     "1:1: warning: crypto map m: a replay interval has no effect"},
    {"crypto map m ha replay-interval inbound 10\n",
     "1:1: warning: crypto map m: an inbound replay interval below"},
    {"no redundancy inter-device\n", "1:4: error: there is no 'redundancy inter-device'"},
    {"no ipc zone default\n", "1:4: error: there is no 'ipc zone default'"},
    {"ipc zone other\n", "1:10: error: "},
    {"ipc zone default\n", "1:1: error: 'ipc zone default' has no effect without 'redundancy inter-device'"},
    {HEAD "redundancy inter-device\n scheme standby a\n",
     "8:1: error: 'redundancy inter-device' needs 'ipc zone"},
    {HEAD "redundancy inter-device\n scheme standby a\nipc zone default\n association 1\n  protocol sctp\n",
     "8:1: error: redundancy inter-device names no other gateway"},
    {HEAD "redundancy inter-device\n scheme standby a\nipc zone default\n association 1\n  protocol sctp\n   "
          "remote-port 5\n    remote-ip 10.0.0.2\nssp group 3\n remote 10.0.0.2\n redundancy a\n",
     "8:1: error: 'ssp group' and 'redundancy inter-device' are two forms of the same"},
    {"ipc zone default\n association 1\n association 2\n", "3:14: error: there is an association 1 already"},
    {"ipc zone default\n no association 1\n", "2:17: error: there is no association 1"},
    {"ipc zone default\n association 0\n", "2:14: error: 0 is out of range, expected <1-255>"},
    {"ipc zone default\n association 1\n  protocol sctp\n   local-port 0\n",
     "4:15: error: 0 is out of range"},
    {"ipc zone default\n association 1\n  protocol sctp\n   local-port 1\n    local-ip 127.0.0.1\n",
     "5:14: error: 127.0.0.1 cannot be the address of a gateway"},
    {"ipc zone default\n association 1\n  protocol sctp\n   remote-port 1\n    remote-ip 0.0.0.0\n",
     "5:15: error: 0.0.0.0 cannot be the address of a gateway"},
    {"ipc zone default\n association 1\n  shutdown\n", "1:1: warning: association 1 is shut down"},
    {"ipc zone default\n association 1\n  protocol sctp\n",
     "1:1: note: 'protocol sctp' has the effect of TLS"},
    {"ipc zone default\n association 1\n  protocol sctp\n   local-port 5\n    path-retransmit 3\n",
     "5:5: note: 'path-retransmit' has no effect here"},
    {"redundancy inter-device\n security ipsec p\n", "2:17: note: 'security ipsec' has no effect"},
    {"redundancy\n mode sso\n", "1:1: error: 'redundancy' is not supported by this version of Holdfast"},
};

static void expect(const char *typed, const char *part)
{
    struct reading_of r, again;
    struct text out, second;
    struct config copy;
    read_text(&r, typed);
    if (r.result != 0)
        fail_msg("'%s': %s", typed, text_get(&r.messages));
    text_init(&out);
    text_init(&second);
    assert_int_equal(config_copy(&r.config, &copy), 0);
    assert_int_equal(config_write(&r.grammar, &copy, false, &out), 0);
    if (strstr(text_get(&out), part) == NULL)
        fail_msg("'%.60s...' is written without '%.60s...':\n%s", typed, part, text_get(&out));
    read_text(&again, text_get(&out));
    assert_int_equal(again.result, 0);
    assert_int_equal(config_write(&again.grammar, &again.config, false, &second), 0);
    assert_string_equal(text_get(&out), text_get(&second));
    config_done(&copy);
    text_done(&out);
    text_done(&second);
    read_done(&r);
    read_done(&again);
}

static void test_vectors(void **state)
{
    (void)state;
    static const char *const files[] = {"failover.txt", "inter_device.txt"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *text = read_vector(files[i]);
        expect(text, text);
        free(text);
    }
}

static void test_spellings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
        expect(spellings[i].typed, spellings[i].part);
}

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        struct reading_of r;
        read_text(&r, messages[i].text);
        bool error =
            strstr(messages[i].message, "error: ") != NULL || strstr(messages[i].message, "clear") != NULL;
        if ((error && r.result != -EINVAL) || strstr(text_get(&r.messages), messages[i].message) == NULL)
            fail_msg("'%s' gives %d:\n%s", messages[i].text, r.result, text_get(&r.messages));
        read_done(&r);
    }
}

/* A configuration without a fault is told nothing. */
static void test_silence(void **state)
{
    struct reading_of r;
    (void)state;
    read_text(&r,
              HEAD " no standby 1 preempt\n no standby 1 track\n standby 1 track 1 shutdown\ntrack 1 "
                   "interface eth0 line-protocol\ninterface "
                   "eth0\n"
                   " standby 1 timers msec 15 msec 50\n crypto map m ssp 1\nssp group 1\n remote 10.0.0.2\n "
                   "redundancy a\ncrypto isakmp ssp 1\ncrypto map m ha replay-interval inbound 1000\n");
    assert_int_equal(r.result, 0);
    assert_null(strstr(text_get(&r.messages), "ssp"));
    assert_null(strstr(text_get(&r.messages), "replay"));
    read_done(&r);
}

static void test_model(void **state)
{
    struct reading_of r;
    const struct config_interface *where, *i;
    uint32_t inbound, outbound;
    (void)state;
    char *text = read_vector("failover.txt");
    read_text(&r, text);
    assert_int_equal(r.result, 0);
    i = config_find_interface(&r.config, "FastEthernet0/0");
    const struct config_ssp *s = config_interface_ssp(&r.config, i);
    assert_ptr_equal(s, config_find_ssp(&r.config, 1));
    assert_int_equal(s->port, 3300);
    assert_string_equal(config_ssp_secret(&r.config, s)->text, "6");
    assert_null(config_ssp_secret(&r.config, config_find_ssp(&r.config, 2)));
    const struct config_standby *driver = config_ssp_driver(&r.config, s, &where);
    assert_ptr_equal(driver, config_find_standby(i, 1));
    assert_ptr_equal(where, i);
    assert_ptr_equal(config_interface_crypto_standby(&r.config, i, NULL), driver);
    assert_null(config_interface_ssp(&r.config, config_find_interface(&r.config, "FastEthernet0/1")));
    config_map_replay(config_find_crypto_map(&r.config, "vpn"), &inbound, &outbound);
    assert_int_equal(inbound, 1000);
    assert_int_equal(outbound, 100000);
    /* Without a key of its own, that of the remote. */
    config_find_ssp(&r.config, 1)->authentication = CONFIG_SSP_ISAKMP_KEY;
    assert_string_equal(config_ssp_secret(&r.config, s)->text, "between-gateways");
    /* Keys are not for showing around. */
    struct text out;
    text_init(&out);
    config_find_ssp(&r.config, 1)->authentication = CONFIG_SSP_PRE_SHARE;
    assert_int_equal(config_write(&r.grammar, &r.config, true, &out), 0);
    assert_non_null(strstr(text_get(&out), "authentication pre-share key <removed>"));
    text_done(&out);
    read_done(&r);
    free(text);

    text = read_vector("inter_device.txt");
    read_text(&r, text);
    assert_int_equal(r.result, 0);
    i = config_find_interface(&r.config, "FastEthernet0/0");
    s = config_interface_ssp(&r.config, i);
    assert_ptr_equal(s, config_find_ssp(&r.config, CONFIG_SSP_INTER_DEVICE));
    assert_int_equal(s->local_port, 5000);
    assert_int_equal(s->port, 5001);
    assert_string_equal(config_ssp_secret(&r.config, s)->text, "between-gateways");
    config_map_replay(config_find_crypto_map(&r.config, "vpn"), &inbound, &outbound);
    assert_int_equal(inbound, 500);
    assert_int_equal(outbound, CONFIG_DEFAULT_REPLAY_OUTBOUND);
    read_done(&r);
    free(text);
}

static void test_plan(void **state)
{
    static const struct {
        const char *before, *after, *plan;
    } cases[] = {
        {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n",
         HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n port 3249\n", ""},
        {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n",
         HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n port 3250\n", "changed ssp group 1\n"},
        {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n",
         HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n authentication pre-share key x\n",
         "changed ssp group 1\n"},
        {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n authentication certificate /c key /k ca /a\n",
         HEAD
         "ssp group 1\n remote 10.0.0.2\n redundancy a\n authentication certificate /c key /k ca /a name x\n",
         "changed ssp group 1\n"},
        {HEAD, HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\n", "added ssp group 1\n"},
        {HEAD "crypto map m ha replay-interval inbound 1000\n",
         HEAD "crypto map m redundancy replay-interval outbound 100000\n", ""},
        {HEAD "crypto map m ha replay-interval inbound 1000\n",
         HEAD "crypto map m ha replay-interval inbound 999\n", "changed crypto map m\n"},
        {HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\ninterface eth0\n crypto map m\ncrypto "
              "map m ha replay-interval inbound 70\n",
         HEAD "ssp group 1\n remote 10.0.0.2\n redundancy a\ninterface eth0\n crypto map m ssp 1\ncrypto map "
              "m ha replay-interval inbound 70\n",
         "changed interface eth0\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct reading_of a, b;
        read_text(&a, cases[i].before);
        read_text(&b, cases[i].after);
        if (a.result != 0 || b.result != 0)
            fail_msg("%s%s", text_get(&a.messages), text_get(&b.messages));
        expect_plan(&a, &b.config, cases[i].plan);
        read_done(&a);
        read_done(&b);
    }
}

/* Typed one by one with a mistake in each mode, nothing is lost and nothing falls over. */
static void test_typed(void **state)
{
    static const char *const lines[] = {
        "ipc zone default",
        "association 1",
        "association 2",
        "association 1",
        "protocol sctp",
        "local-port 7",
        "local-ip 1.2.3.4",
        "nonsense",
        "remote-port 9",
        "exit",
        "remote-port 8",
        "no remote-port",
        "no protocol sctp",
        "protocol sctp",
        "exit",
        "no association 1",
        "exit",
        "no ipc zone default",
        "ssp group 5",
        "remote 1.1.1.1",
        "exit",
    };
    struct grammar g;
    struct config c;
    struct config_errors errors;
    struct config_session s;
    uint32_t wrong = 0;
    (void)state;
    assert_int_equal(config_grammar_init(&g), 0);
    config_init(&c);
    config_errors_init(&errors);
    config_session_init(&s, &g, &c, &errors);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        wrong += config_apply_line(&s, lines[i]) != 0;
    assert_int_equal(wrong, 2);
    assert_int_equal(s.mode, CONFIG_MODE_GLOBAL);
    assert_int_equal(c.ssp_groups.count, 1);
    assert_int_equal(c.ssp_groups.items[0].number, 5);
    config_done(&c);
    config_errors_done(&errors);
    grammar_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_spellings), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_silence), cmocka_unit_test(test_model),     cmocka_unit_test(test_plan),
        cmocka_unit_test(test_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
