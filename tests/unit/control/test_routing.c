/* SPDX-License-Identifier: Apache-2.0 */
/* What FRR is told: a configuration in its words, the way from one list to another, and the list kept for a
 * successor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/parse.h"
#include "control/routing/translate.h"

#define HEAD                                                                                   \
    "interface eth0\n ip address 10.1.0.1 255.255.255.0\n"                                     \
    "interface eth1\n ip address 9.1.1.22 255.255.255.252\n"                                   \
    "crypto isakmp key word address 0.0.0.0 0.0.0.0\ncrypto ipsec transform-set t esp-gcm\n"   \
    "ip access-list extended spokes\n permit ip 10.0.0.0 0.255.255.255 10.0.64.0 0.0.31.255\n" \
    " deny ip any 10.0.99.0 0.0.0.255\n permit ip any 172.16.0.0 0.0.255.255\n"
#define DYNAMIC "crypto dynamic-map d 10\n set transform-set t\n match address spokes\n reverse-route\n"
#define ANYBODY "crypto dynamic-map d 10\n set transform-set t\n reverse-route\n"

static void translate(const char *text, struct routing_lines *ret)
{
    struct grammar g;
    struct config c;
    struct config_errors errors;
    struct text messages;

    text_init(&messages);
    config_errors_init(&errors);
    assert_int_equal(config_grammar_init(&g), 0);
    int error = config_parse(&g, "f", text, strlen(text), &c, &errors);
    config_errors_print(&errors, "f", &messages);
    if (error)
        fail_msg("%s", text_get(&messages));
    assert_int_equal(routing_translate(&c, ret), 0);
    config_done(&c);
    config_errors_done(&errors);
    grammar_done(&g);
    text_done(&messages);
}

static const struct {
    const char *before, *after, *told;
} changes[] = {
    {"", HEAD DYNAMIC "ip route 10.9.0.0 255.255.0.0 10.1.0.3\n", ""},
    {"",
     HEAD "router ospf 1\n network 10.1.0.0 0.0.255.255 area 3\n network 9.0.0.0 0.255.255.255 area 0\n"
          " passive-interface eth1\n router-id 1.2.3.4\n default-information originate always metric 7\n",
     "interface eth1\nip ospf passive\nexit\nrouter ospf\nospf router-id 1.2.3.4\n"
     "network 10.1.0.1/32 area 3\nnetwork 9.1.1.22/32 area 0\ndefault-information originate always metric "
     "7\nexit\n"},
    /* The most specific network decides the area; a wildcard with holes is as good as any. */
    {"", HEAD "router ospf 1\n network 10.1.0.1 0.0.0.0 area 5\n network 10.0.0.1 0.255.255.0 area 0\n",
     "router ospf\nnetwork 10.1.0.1/32 area 5\nexit\n"},
    {"",
     HEAD DYNAMIC "ip route 0.0.0.0 0.0.0.0 9.1.1.21\nip route 10.9.0.0 255.255.0.0 10.1.0.3\n"
                  "ip route 10.9.0.0 255.255.0.0 10.1.0.4 5\n"
                  "router ospf 1\n redistribute static metric 20 metric-type 1 subnets\n",
     "ip prefix-list HOLDFAST-STATIC permit 10.9.0.0/16\n"
     "route-map HOLDFAST-STATIC permit 1\n"
     "match ip address prefix-list HOLDFAST-STATIC\nexit\n"
     "ip prefix-list HOLDFAST-REVERSE permit 10.0.64.0/19 le 32\n"
     "ip prefix-list HOLDFAST-REVERSE permit 172.16.0.0/16 le 32\n"
     "route-map HOLDFAST-STATIC permit 65535\n"
     "match ip address prefix-list HOLDFAST-REVERSE\nexit\nrouter ospf\n"
     "redistribute kernel metric 20 metric-type 1 route-map HOLDFAST-STATIC\nexit\n"},
    /* Only classful networks. */
    {"",
     HEAD ANYBODY "ip route 10.9.0.0 255.255.0.0 10.1.0.3\nip route 172.20.0.0 255.255.0.0 10.1.0.3\n"
                  "router ospf 1\n redistribute static\n redistribute connected\n",
     "ip prefix-list HOLDFAST-STATIC permit 172.20.0.0/16\n"
     "route-map HOLDFAST-STATIC permit 1\n"
     "match ip address prefix-list HOLDFAST-STATIC\nexit\n"
     "ip prefix-list HOLDFAST-REVERSE permit 0.0.0.0/1 ge 8 le 8\n"
     "ip prefix-list HOLDFAST-REVERSE permit 128.0.0.0/2 ge 16 le 16\n"
     "ip prefix-list HOLDFAST-REVERSE permit 192.0.0.0/3 ge 24 le 24\n"
     "route-map HOLDFAST-STATIC permit 65535\n"
     "match ip address prefix-list HOLDFAST-REVERSE\nexit\n"
     "ip prefix-list HOLDFAST-CLASSFUL permit 0.0.0.0/1 ge 8 le 8\n"
     "ip prefix-list HOLDFAST-CLASSFUL permit 128.0.0.0/2 ge 16 le 16\n"
     "ip prefix-list HOLDFAST-CLASSFUL permit 192.0.0.0/3 ge 24 le 24\n"
     "route-map HOLDFAST-CLASSFUL permit 1\n"
     "match ip address prefix-list HOLDFAST-CLASSFUL\nexit\nrouter ospf\n"
     "redistribute connected route-map HOLDFAST-CLASSFUL\nredistribute kernel route-map "
     "HOLDFAST-STATIC\nexit\n"},
    /* Another metric replaces the former; another area does not. */
    {HEAD "router ospf 1\n redistribute static subnets metric 5\n network 10.1.0.0 0.0.0.255 area 0\n",
     HEAD "router ospf 1\n redistribute static subnets metric 6\n network 10.1.0.0 0.0.0.255 area 1\n",
     "router ospf\nno network 10.1.0.1/32 area 0\nnetwork 10.1.0.1/32 area 1\n"
     "redistribute kernel metric 6 route-map HOLDFAST-STATIC\nexit\n"},
    /* A tag of its own list and map entry; taking it back in reverse order. */
    {HEAD DYNAMIC " set reverse-route tag 7\nrouter ospf 1\n redistribute static subnets\n",
     HEAD DYNAMIC "router ospf 1\n redistribute static subnets\n",
     "no ip prefix-list HOLDFAST-REVERSE-7 permit 172.16.0.0/16 le 32\n"
     "no ip prefix-list HOLDFAST-REVERSE-7 permit 10.0.64.0/19 le 32\n"
     "route-map HOLDFAST-STATIC permit 10\nno set tag\nno match ip address prefix-list\nexit\n"
     "no route-map HOLDFAST-STATIC permit 10\n"
     "ip prefix-list HOLDFAST-REVERSE permit 10.0.64.0/19 le 32\n"
     "ip prefix-list HOLDFAST-REVERSE permit 172.16.0.0/16 le 32\n"},
    /* EIGRP is not FRR's. */
    {"", HEAD "router eigrp 100\n network 10.0.0.0\n redistribute static metric 1000 1 255 1 1500\n", ""},
    {HEAD
     "interface eth0\n ip ospf hello-interval 1\n ip ospf dead-interval 3\nrouter ospf 1\n network 10.1.0.0 "
     "0.0.0.255 area 0\n",
     HEAD,
     "router ospf\nno network 10.1.0.1/32 area 0\nexit\nno router ospf\n"
     "interface eth0\nno ip ospf dead-interval\nno ip ospf hello-interval\nexit\n"},
    {HEAD "interface eth0\n ip ospf dead-interval 3\nrouter ospf 1\n",
     HEAD "interface eth0\n ip ospf dead-interval minimal hello-multiplier 4\nrouter ospf 1\n",
     "interface eth0\nip ospf dead-interval minimal hello-multiplier 4\nexit\n"},
};

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct routing_lines before, after;
        struct text out;
        text_init(&out);
        translate(changes[i].before, &before);
        translate(changes[i].after, &after);
        routing_lines_change(&before, &after, &out);
        assert_string_equal(text_get(&out), changes[i].told);
        text_clear(&out);
        routing_lines_change(&after, &after, &out);
        assert_string_equal(text_get(&out), "");
        text_done(&out);
        routing_lines_done(&before);
        routing_lines_done(&after);
    }
}

/* What is kept says the same when it is read again; what is damaged is refused. */
static void test_store(void **state)
{
    static const char *const damaged[] = {"router ospf", "a\tb\n", "a\tb\tc\td\n"};
    struct routing_lines lines, again;
    struct text stored, out;

    (void)state;
    text_init(&stored);
    text_init(&out);
    translate(changes[3].after, &lines);
    routing_lines_store(&lines, &stored);
    assert_true(routing_lines_load(&again, text_get(&stored)));
    assert_int_equal(again.count, lines.count);
    routing_lines_change(&lines, &again, &out);
    assert_string_equal(text_get(&out), "");
    routing_lines_done(&again);
    for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
        assert_false(routing_lines_load(&again, damaged[i]));
        assert_int_equal(again.count, 0);
    }
    assert_true(routing_lines_load(&again, ""));
    text_done(&stored);
    text_done(&out);
    routing_lines_done(&lines);
}

static bool of_ospf(const struct routing_line *l)
{
    return strcmp(l->context, "router ospf") == 0;
}

static void test_forget(void **state)
{
    struct routing_lines before = {0}, after = {0};
    struct text out;

    (void)state;
    text_init(&out);
    routing_lines_add(&before, "router ospf", "a", "no a");
    routing_lines_add(&before, "router eigrp 1", "b", "no b");
    routing_lines_forget(&before, of_ospf);
    assert_int_equal(before.count, 1);
    routing_lines_add(&after, "router eigrp 1", "b", "no b");
    routing_lines_add(&after, "router ospf", "a", "no a");
    routing_lines_change(&before, &after, &out);
    assert_string_equal(text_get(&out), "router ospf\na\nexit\n");
    text_done(&out);
    routing_lines_done(&before);
    routing_lines_done(&after);
}

/* Ten thousand routes: told once, then one more and one less. */
static void test_many(void **state)
{
    struct routing_lines before = {0}, after = {0};
    struct text out;
    char line[64], undo[80];

    (void)state;
    text_init(&out);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(line, sizeof line, "permit 10.%u.%u.0/24", i / 250, i % 250);
        snprintf(undo, sizeof undo, "no %s", line);
        if (i > 0)
            routing_lines_add(&before, "", line, undo);
        if (i < 9999)
            routing_lines_add(&after, "", line, undo);
        routing_lines_add(&after, "", line, undo);
    }
    routing_lines_unique(&after);
    assert_int_equal(after.count, 10000);
    routing_lines_change(&before, &after, &out);
    assert_string_equal(text_get(&out), "permit 10.0.0.0/24\n");
    text_done(&out);
    routing_lines_done(&before);
    routing_lines_done(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes), cmocka_unit_test(test_store),
                                       cmocka_unit_test(test_forget), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
