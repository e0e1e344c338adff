/* SPDX-License-Identifier: Apache-2.0 */
/* HSRP and VRRP groups and tracked objects in the configuration: texts to models and back, bad lines, checks
 * across objects, and what a model then holds. */
#include "texts.h"

#define VECTOR "redundancy.txt"

static const struct spelling spellings[] = {
    {"int eth0\n standby 1 priority 120 preempt delay 5\n",
     "interface eth0\n standby 1 priority 120\n standby 1 preempt delay minimum 5\n!\n"},
    {"int eth0\n standby ip 10.0.0.3\n standby 0 priority 100\n",
     "interface eth0\n standby 0 ip 10.0.0.3\n!\n"},
    {"int eth0\n stand 1 ip 10.0.0.3\n no standby 1\n", "interface eth0\n!\n"},
    {"int eth0\n standby 1 ip 10.0.0.3\n no standby 1 ip\n standby 1 preempt\n standby 1 timers 2 9\n no "
     "standby 1 timers\n",
     "interface eth0\n standby 1 preempt\n!\n"},
    {"int eth0\n standby 1 ip 10.0.0.3\n standby 1 ip 10.0.0.4 secondary\n standby 1 ip 10.0.0.4\n",
     "interface eth0\n standby 1 ip 10.0.0.4\n!\n"},
    {"int eth0\n standby 1 authentication cisco\n",
     "interface eth0\n standby 1 authentication text cisco\n!\n"},
    {"int eth0\n standby 1 authentication md5 key-string 0 0\n",
     "interface eth0\n standby 1 authentication md5 key-string 0 0\n!\n"},
    {"int eth0\n standby 1 preempt delay reload 9\n no standby 1 preempt delay\n",
     "interface eth0\n standby 1 preempt\n!\n"},
    {"int eth0\n standby 1 track eth0 10\n standby 1 track eth1 20\n no standby 1 track eth0\n",
     "interface eth0\n standby 1 track eth1 20\n!\n"},
    {"int eth0\n standby version 2\n standby use-bia\n no standby version\n no standby use-bia\n",
     "interface eth0\n!\n"},
    {"int eth0\n vrrp 1 ip 10.0.0.3\n vrrp 1 ip 10.0.0.4\n vrrp 1 ip 10.0.0.3 secondary\n vrrp 1 ip "
     "10.0.0.3\n vrrp 1 preempt delay minimum 5\n no vrrp 1 preempt delay\n no vrrp 1 timers advertise\n",
     "interface eth0\n vrrp 1 ip 10.0.0.3\n!\n"},
    {"int eth0\n vrrp 1 ip 10.0.0.3\n no vrrp 1\n", "interface eth0\n!\n"},
    {"track 5 list boolean and\n object 6\ntrack 6 interface eth0 line\ntrack 5 list boolean or\n",
     "track 5 list boolean or\n object 6\n!\ntrack 6 interface eth0 line-protocol\n!\n"},
    {"track 5 interface eth0 line\n delay up 3 down 4\n no delay up\ntrack 5\n",
     "track 5 interface eth0 line-protocol\n delay down 4\n!\n"},
    {"track 5 interface eth0 line\nno track 5\n", ""},
};

static const struct message bad[] = {
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 4096 ip\n",
     "3:10: error: 4096 is out of range, expected <0-4095>"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 256 ip\n",
     "3:2: error: interface eth0: standby group 256 needs 'standby version 2'"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 ip 224.0.0.1\n",
     "3:15: error: 224.0.0.1 cannot be a virtual address"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 ip 10.0.0.1\n",
     "3:2: error: interface eth0: the virtual address 10.0.0.1 is the interface's own"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 ip 10.0.0.3\n standby 1 ip 10.0.0.3 "
     "secondary\n",
     "4:15: error: this address is already the primary one"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 priority 256\n",
     "3:21: error: 256 is out of range, expected <0-255>"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 timers msec 14 50\n",
     "3:24: error: 14 is out of range, expected <15-999> milliseconds"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 timers msec 15 msec 49\n",
     "3:32: error: 49 is out of range, expected <50-3000> milliseconds"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 timers 256 300\n",
     "3:19: error: 256 is out of range, expected <1-255> seconds"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 timers 3 3\n",
     "3:21: error: the hold time must be longer than the hello time"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 authentication text 123456789\n",
     "3:32: error: the authentication text has at most 8 characters"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 mac-address 0100.0000.0001\n",
     "3:24: error: '0100.0000.0001' is not the MAC address of a station, expected H.H.H"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 mac-address 01:00:00\n",
     "3:24: error: '01:00:00' is not the MAC address of a station, expected H.H.H"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 track 5 decrement 20\n",
     "3:18: error: interface eth0: standby 1 tracks object 5, which does not exist"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 track Serial0/0\n",
     "3:18: error: interface eth0: standby 1 tracks interface Serial0/0, which does not exist"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 track eth1\n no standby 1 track eth2\n",
     "4:21: error: this is not tracked here"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 follow other\n",
     "3:19: error: interface eth0: standby 1 follows group 'other', which does not exist"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 name a\n standby 2 follow a\n standby 2 "
     "name b\n standby 3 follow b\n",
     "6:19: error: interface eth0: standby 3 follows group 'b', which follows another itself"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n no standby 9\n",
     "3:13: error: there is no standby group 9"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 ipv6 autoconfig\n",
     "3:2: error: 'standby ipv6' is not supported by this version of Holdfast"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n vrrp 256 ip 10.0.0.3\n",
     "3:7: error: 256 is out of range, expected <1-255>"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n vrrp 1 priority 255\n",
     "3:18: error: 255 is out of range, expected <1-254>"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n vrrp 1 ip 10.0.0.3 secondary\n",
     "3:12: error: a secondary address needs a primary one before it"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n vrrp 1 timers advertise msec 15\n",
     "3:31: error: the interval is sent in hundredths of a second: 15 is no multiple of 10"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n vrrp 1 timers advertise 41\n",
     "3:26: error: 41 is out of range, expected <1-40> seconds or <10-40950> milliseconds"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n vrrp 1 ipv6 2001:db8::5\n",
     "3:14: error: interface eth0: the first IPv6 address of vrrp 1 must be a link-local one"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n vrrp 1 track 7\n",
     "3:15: error: interface eth0: vrrp 1 tracks object 7, which does not exist"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n crypto map m redundancy nobody\n",
     "3:26: error: interface eth0: there is no standby group with the name 'nobody'"},
    {"interface eth0\n ip address 10.0.0.1 255.255.255.0\n standby 1 name a\n crypto map m redundancy a\n",
     "4:26: error: interface eth0: standby group 'a' has no virtual address"},
    {"track 0 interface eth0 line-protocol\n", "1:7: error: 0 is out of range, expected <1-1000>"},
    {"track 5\n", "1:7: error: there is no tracked object 5"},
    {"no track 5\n", "1:10: error: there is no tracked object 5"},
    {"track 5 ip route 10.1.1.0 255.255.0.0 reachability\n",
     "1:18: error: 10.1.1.0 has bits outside its mask, expected 10.1.0.0/16"},
    {"track 5 list threshold weight\n",
     "1:1: error: 'track list threshold' is not supported by this version of "
     "Holdfast"},
    {"track 5 list boolean and\n object 5\n", "2:9: error: a list cannot be in itself"},
    {"track 5 list boolean and\n object 6\n", "2:9: error: track 5: object 6 does not exist"},
    {"track 5 list boolean and\n object 6\ntrack 6 list boolean and\n object 5\n",
     "4:9: error: track 6: object 5 contains this list itself"},
    {"track 5 interface eth0 line-protocol\n object 6\n", "2:2: error: tracked object 5 is not a list"},
    {"track 5 interface Serial0/0 line-protocol\n",
     "1:19: error: track 5: interface Serial0/0 does not exist"},
    {"track 5 interface eth0 line-protocol\n delay up 181\n",
     "2:11: error: 181 is out of range, expected <0-180>"},
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

static void test_model(void **state)
{
    struct reading_of r;
    char name[CONFIG_MAX_NAME + 1];
    (void)state;
    char *text = read_vector(VECTOR);
    read_text(&r, text);
    assert_int_equal(r.result, 0);
    const struct config_interface *i = config_find_interface(&r.config, "FastEthernet0/0"), *found;
    const struct config_standby *s = config_find_standby(i, 1);
    assert_int_equal(s->hello_ms, 15);
    assert_int_equal(s->hold_ms, 50);
    assert_int_equal(s->tracks.items[0].decrement, 10);
    assert_int_equal(s->tracks.items[2].object, 100);
    assert_true(s->tracks.items[3].shutdown);
    assert_ptr_equal(config_find_standby_name(&r.config, "outside", &found), s);
    assert_ptr_equal(found, i);
    assert_string_equal(config_standby_name(i, config_find_standby(i, 0), name), "hsrp-Fa0/0-0");
    assert_null(config_find_standby_name(&r.config, "none", NULL));
    i = config_find_interface(&r.config, "FastEthernet0/1");
    s = config_find_standby(i, 7);
    assert_int_equal(s->hello_ms, 250);
    assert_int_equal(s->hold_ms, 1000);
    assert_int_equal(s->priority, 100);
    const struct config_vrrp *v = config_find_vrrp(i, 5);
    assert_int_equal(v->addresses.count, 4);
    assert_int_equal(v->advertise_ms, 250);
    assert_true(v->no_preempt);
    assert_int_equal(config_find_track(&r.config, 100)->objects.count, 2);
    struct text out;
    text_init(&out);
    assert_int_equal(config_write(&r.grammar, &r.config, true, &out), 0);
    assert_null(strstr(text_get(&out), "key-string word"));
    assert_null(strstr(text_get(&out), "text secret"));
    text_done(&out);
    read_done(&r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vector), cmocka_unit_test(test_spellings),
                                       cmocka_unit_test(test_bad), cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
