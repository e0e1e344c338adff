/* SPDX-License-Identifier: Apache-2.0 */
/* `router ospf|eigrp`, what interfaces say about them, and tracked routes: texts to models and back, bad
 * lines, checks across objects, and what a model then holds. */
#include "texts.h"

#define VECTOR "router.txt"
#define ETH    "interface eth0\n ip address 10.1.0.1 255.255.255.0\n"

static const struct spelling spellings[] = {
    {"router ospf 7\n network 10.1.0.77 0.0.0.255 area 0\n",
     "router ospf 7\n network 10.1.0.0 0.0.0.255 area 0\n!\n"},
    {"router ospf 7\n network 10.1.0.0 0.0.0.255 area 0\n network 10.1.0.0 0.0.0.255 area 3\n",
     "router ospf 7\n network 10.1.0.0 0.0.0.255 area 3\n!\n"},
    {"router ospf 7\n redist static sub\n redistribute static metric 3\n redistribute connected\n no "
     "redistribute "
     "connected\n",
     "router ospf 7\n redistribute static metric 3\n!\n"},
    {"router ospf 7\n passive-interface eth0\n passive-interface eth1\n no passive-interface eth1\n",
     "router ospf 7\n passive-interface eth0\n!\n"},
    {"router ospf 7\n passive-interface eth0\n passive-interface default\n no passive-interface eth1\n",
     "router ospf 7\n passive-interface default\n no passive-interface eth1\n!\n"},
    {"router ospf 7\n passive-interface default\n no passive-interface eth1\n no passive-interface default\n",
     "router ospf 7\n!\n"},
    {"router ospf 7\n default-information originate metric 3 always\n no default-information originate\n "
     "log-adjacency\n distance 9\n no distance\n timers throttle spf 1 2 3\n no timers throttle spf\n",
     "router ospf 7\n log-adjacency-changes\n!\n"},
    {"router ospf 7\nrouter eigrp 3\nno router ospf 7\n", "router eigrp 3\n!\n"},
    {"router eigrp 3\n network 10.1.2.3\n network 172.16.4.0 0.0.255.255\n network 192.168.7.0 0.0.0.127\n",
     "router eigrp 3\n network 10.0.0.0\n network 172.16.0.0\n network 192.168.7.0 0.0.0.127\n!\n"},
    {"router eigrp 3\n no auto-summary\n eigrp log-neighbor-changes\n",
     "router eigrp 3\n no auto-summary\n eigrp log-neighbor-changes\n!\n"},
    {"router ospf 7\nip route 10.0.0.0 255.0.0.0 1.1.1.1\n",
     "router ospf 7\n!\nip route 10.0.0.0 255.0.0.0 1.1.1.1\n!\n"},
    {"interface eth0\n ip ospf cost 5\n ip ospf dead-interval 9\n ip ospf dead-interval minimal "
     "hello-multiplier "
     "4\n no ip ospf cost\n ip hello eigrp 3 5\n no ip hello-interval eigrp 3 5\n",
     "interface eth0\n ip ospf dead-interval minimal hello-multiplier 4\n!\n"},
    {"track 5 interface eth0 line-protocol\nip route 10.0.0.0 255.0.0.0 1.1.1.1 track 5 name x\n",
     "track 5 interface eth0 line-protocol\n!\nip route 10.0.0.0 255.0.0.0 1.1.1.1 name x track 5\n!\n"},
};

static const struct message bad[] = {
    {"router ospf 0\n", "1:13: error: 0 is out of range, expected <1-65535>"},
    {"router ospf 1\nrouter ospf 2\n", "2:13: error: there is 'router ospf 1' already, and one is possible"},
    {"no router eigrp 5\n", "1:17: error: there is no such process"},
    {"router ospf 1\n router-id 0.0.0.0\n", "2:12: error: 0.0.0.0 cannot be a router id"},
    {"router ospf 1\n network 10.0.0.0 0.0.0.255\n", "2:"},
    {"router ospf 1\n no network 10.0.0.0 0.0.0.255 area 0\n", "2:13: error: there is no such network here"},
    {"router ospf 1\n no redistribute static\n", "2:5: error: this is not redistributed"},
    {"router ospf 1\n redistribute bgp 3\n",
     "2:2: error: 'redistribute bgp' is not supported by this version of Holdfast"},
    {"router ospf 1\n area 0 authentication\n",
     "2:2: error: 'area' is not supported by this version of Holdfast"},
    {"router ospf 1\n passive-interface Serial0/0\n",
     "2:20: error: router ospf 1: interface Serial0/0 does not exist"},
    {"router eigrp 1\n auto-summary\n",
     "2:2: error: nothing is summarized: only 'no auto-summary' is possible"},
    {"router eigrp 1\n redistribute static metric 1000\n", "2:"},
    {"interface eth0\n ip ospf message-digest-key 1 md5 word\n",
     "2:2: error: 'ip ospf message-digest-key' is not supported by this version of Holdfast"},
    {"interface eth0\n ip ospf dead-interval minimal hello-multiplier 1\n",
     "2:49: error: 1 is out of range, expected <2-20>"},
    {"ip route 10.0.0.0 255.0.0.0 1.1.1.1 track 5\n",
     "1:43: error: this route depends on object 5, which does not exist"},
    {"ip route 10.0.0.0 255.0.0.0 1.1.1.1 track 1001\n",
     "1:43: error: 1001 is out of range, expected <1-1000>"},
};

static const struct message warned[] = {
    {ETH "router ospf 1\n network 10.1.0.0 0.0.0.255 area 0\n redistribute static subnets\n", NULL},
    {ETH "router ospf 1\n network 10.2.0.0 0.0.0.255 area 0\n",
     "f:4:10: warning: router ospf 1: network 10.2.0.0: no interface has an address in it"},
    {ETH "router ospf 1\n redistribute static\n",
     "f:4:2: warning: router ospf 1: without 'subnets' only classful networks are redistributed"},
    {ETH "router eigrp 1\n network 10.0.0.0\n redistribute static\n redistribute connected\n", NULL},
    {ETH "router eigrp 1\n network 11.0.0.0\n",
     "f:4:10: warning: router eigrp 1: network 11.0.0.0: no interface has an address in it"},
    {ETH "router eigrp 1\n redistribute ospf 1\n",
     "f:4:2: warning: router eigrp 1: what OSPF learns is not announced"},
};

static void test_vector(void **state)
{
    (void)state;
    expect_vector(VECTOR);
}

static void test_spellings(void **state)
{
    (void)state;
    expect_spellings(spellings, ARRAY_SIZE(spellings), "");
}

static void test_bad(void **state)
{
    (void)state;
    expect_refused(bad, ARRAY_SIZE(bad));
}

static void test_warned(void **state)
{
    (void)state;
    expect_accepted(warned, ARRAY_SIZE(warned));
}

static void test_model(void **state)
{
    struct reading_of r;
    (void)state;
    char *text = read_vector(VECTOR);
    read_text(&r, text);
    assert_int_equal(r.result, 0);
    const struct config_router *o = config_find_router(&r.config, CONFIG_ROUTER_OSPF);
    assert_int_equal(o->number, 1);
    assert_int_equal(o->networks.items[0].area, 1);
    assert_int_equal(o->networks.items[1].wildcard, 0x1ff);
    assert_int_equal(o->redistribute.items[1].source, CONFIG_REDISTRIBUTE_STATIC);
    assert_true(o->passive_default && o->passive.items[0].active);
    const struct config_router *e = config_find_router(&r.config, CONFIG_ROUTER_EIGRP);
    assert_int_equal(e->networks.items[0].wildcard, 0xffffff);
    assert_int_equal(e->redistribute.items[0].metric[4], 1500);
    assert_int_equal(config_find_interface(&r.config, "FastEthernet0/1")->ospf.dead_multiplier, 5);
    assert_int_equal(r.config.routes.items[1].track, 1);
    read_done(&r);
    free(text);
}

/* What changes becomes a change of its kind and of nothing else. */
static void test_plan(void **state)
{
    struct reading_of before, after;
    (void)state;
    read_text(&before, ETH "router ospf 1\n network 10.1.0.0 0.0.0.255 area 0\n"
                           "track 1 interface eth0 line-protocol\nip route 10.0.0.0 255.0.0.0 10.1.0.3\n");
    read_text(&after,
              ETH "router ospf 1\n network 10.1.0.0 0.0.0.255 area 1\nrouter eigrp 2\n"
                  "track 1 interface eth0 line-protocol\nip route 10.0.0.0 255.0.0.0 10.1.0.3 track 1\n");
    expect_plan(&before, &after.config,
                "added router eigrp 2\nchanged router ospf 1\nchanged route 10.0.0.0/8 10.1.0.3\n");
    read_done(&before);
    read_done(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vector), cmocka_unit_test(test_spellings),
                                       cmocka_unit_test(test_bad),    cmocka_unit_test(test_warned),
                                       cmocka_unit_test(test_model),  cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
