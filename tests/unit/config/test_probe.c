/* SPDX-License-Identifier: Apache-2.0 */
/* `ip sla` and what tracks it: texts of three ages to models and back, lines and times that make no sense,
 * limits, and the plan of a change. */
#include "test.h"

static const struct {
    const char *typed, *canonical;
} spellings[] = {
    {"ip sla 1\n icmp-echo 10.0.0.1 source-interface eth0\n frequency 5\n threshold 100\n timeout 200\nip "
     "sla "
     "schedule 1 life forever start-time now\n",
     "ip sla 1\n icmp-echo 10.0.0.1 source-interface eth0\n threshold 100\n timeout 200\n frequency 5\nip "
     "sla "
     "schedule 1 life forever start-time now\n!\n"},
    {"ip sla 7\n icmp-echo 2001:db8::1 source-ip 2001:db8::2\n frequency msec 50\n tag quick one\nip sla sch "
     "7 "
     "start now life 100\n",
     "ip sla 7\n icmp-echo 2001:db8::1 source-ip 2001:db8::2\n tag quick one\n frequency msec 50\nip sla "
     "schedule 7 life 100 start-time now\n!\n"},
    {"rtr 3\n type echo protocol ipIcmpEcho 10.0.0.1 source-ipaddr 10.0.0.2\n frequency 10\nrtr schedule 3 "
     "life "
     "forever start-time now\ntrack 1 rtr 3 reachability\n",
     "track 1 ip sla 3 reachability\n!\nip sla 3\n icmp-echo 10.0.0.1 source-ip 10.0.0.2\n frequency 10\nip "
     "sla "
     "schedule 3 life forever start-time now\n!\n"},
    {"ip sla monitor 3\n type echo protocol ipicmpecho 10.0.0.1\nip sla monitor schedule 3 start-time now\n",
     "ip sla 3\n icmp-echo 10.0.0.1\nip sla schedule 3 start-time now\n!\n"},
    {"ip sla 3\n icmp-echo 10.0.0.1\nip sla schedule 3 life 60 start-time now\nip sla schedule 3\n",
     "ip sla 3\n icmp-echo 10.0.0.1\nip sla schedule 3 start-time pending\n!\n"},
    {"ip sla 3\n icmp-echo 10.0.0.1\nip sla schedule 3 life forever\n",
     "ip sla 3\n icmp-echo 10.0.0.1\nip sla schedule 3 life forever\n!\n"},
    {"ip sla 3\n icmp-echo 10.0.0.1\nip sla schedule 3 life forever start-time now\nno ip sla schedule 3\n",
     "ip sla 3\n icmp-echo 10.0.0.1\n!\n"},
    {"ip sla 3\n icmp-echo 10.0.0.1\n frequency msec 1000\n timeout 9\n no timeout\n threshold 8\n default "
     "threshold\n",
     "ip sla 3\n icmp-echo 10.0.0.1\n frequency 1\n!\n"},
    {"ip sla 3\n icmp-echo 10.0.0.1 source-interface eth0\n icmp-echo 10.0.0.2\n",
     "ip sla 3\n icmp-echo 10.0.0.2\n!\n"},
    {"ip sla 9\n icmp-echo 10.0.0.1\nip sla 3\n icmp-echo 10.0.0.2\nno ip sla 9\n",
     "ip sla 3\n icmp-echo 10.0.0.2\n!\n"},
    {"track 5 ip sla 3 state\n delay up msec 250 down 2\ntrack 6 ip sla 3\n delay down msec 2000\nip sla 3\n "
     "icmp-echo 10.0.0.1\n",
     "track 5 ip sla 3 state\n delay up msec 250 down 2\n!\ntrack 6 ip sla 3\n delay down 2\n!\nip sla 3\n "
     "icmp-echo 10.0.0.1\n!\n"},
};

static const struct {
    const char *text, *message;
} bad[] = {
    {"track 5 ip sla 3\n", "1:16: error: track 5: ip sla 3 does not exist"},
    {"ip sla 0\n", "1:8: error: 0 is out of range, expected <1-2147483647>"},
    {"no ip sla 3\n", "1:11: error: there is no ip sla 3"},
    {"ip sla schedule 3 life forever start-time now\n", "1:17: error: there is no ip sla 3"},
    {"ip sla 3\nip sla schedule 3 start-time now\n",
     "1:1: error: ip sla 3 has no operation, expected icmp-echo"},
    {"ip sla 3\n icmp-echo 224.0.0.5\n", "2:12: error: 224.0.0.5 is not the address of one host"},
    {"ip sla 3\n icmp-echo 255.255.255.255\n", "is not the address of one host"},
    {"ip sla 3\n icmp-echo 0.0.0.0\n", "is not the address of one host"},
    {"ip sla 3\n icmp-echo ff02::1\n", "is not the address of one host"},
    {"ip sla 3\n icmp-echo ::\n", "is not the address of one host"},
    {"ip sla 3\n icmp-echo 10.0.0.1 source-ip 2001:db8::1\n",
     "2:31: error: 2001:db8::1 and 10.0.0.1 are of different families"},
    {"ip sla 3\n icmp-echo 10.0.0.1 source-ip 224.0.0.1\n", "224.0.0.1 is not the address of one host"},
    {"ip sla 3\n icmp-echo 10.0.0.1 source-interface Serial1/0\n",
     "2:38: error: ip sla 3: interface Serial1/0 does not exist"},
    {"ip sla 3\n icmp-echo fe80::1\n",
     "2:2: error: ip sla 3: a link-local destination needs a source-interface"},
    {"ip sla 3\n icmp-echo 10.0.0.1\n timeout 1001\n frequency 1\n",
     "3:10: error: ip sla 3: the timeout of 1001 ms is longer than the frequency of 1000 ms"},
    {"ip sla 3\n icmp-echo 10.0.0.1\n threshold 501\n timeout 500\n",
     "3:12: error: ip sla 3: the threshold of 501 ms is longer than the timeout of 500 ms"},
    {"ip sla 3\n icmp-echo 10.0.0.1\n frequency msec 100\n threshold 101\n",
     "the threshold of 101 ms is longer than the timeout of 100 ms"},
    {"ip sla 3\n frequency msec 19\n", "error: 19 is out of range, expected <20-999999>"},
    {"ip sla 3\n frequency 604801\n", "error: 604801 is out of range, expected <1-604800>"},
    {"ip sla 3\n timeout 0\n", "out of range"},
    {"ip sla 3\n udp-echo 10.0.0.1 5000\n",
     "2:2: error: 'udp-echo' is not supported by this version of Holdfast"},
    {"ip sla 3\n type echo protocol snaRUEcho x\n", "error"},
    {"ip sla 3\n vrf red\n", "'vrf' is not supported"},
    {"ip sla reaction-configuration 3 react timeout\n", "is not supported"},
    {"ip sla responder\n", "is not supported"},
};

static void expect_canonical(const char *typed, const char *canonical)
{
    struct reading_of r;
    struct text out;
    struct config copy;
    read_text(&r, typed);
    if (r.result != 0)
        fail_msg("'%s': %s", typed, text_get(&r.messages));
    text_init(&out);
    assert_int_equal(config_copy(&r.config, &copy), 0);
    assert_int_equal(config_write(&r.grammar, &copy, false, &out), 0);
    assert_string_equal(text_get(&out), canonical);
    config_done(&copy);
    text_done(&out);
    read_done(&r);
}

static void test_vector(void **state)
{
    (void)state;
    char *text = read_vector("probe.txt");
    expect_canonical(text, text);
    free(text);
}

static void test_spellings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
        char canonical[1000];
        snprintf(canonical, sizeof(canonical), "%send\n", spellings[i].canonical);
        expect_canonical(spellings[i].typed, canonical);
        expect_canonical(canonical, canonical);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct reading_of r;
        read_text(&r, bad[i].text);
        if (r.result != -EINVAL || strstr(text_get(&r.messages), bad[i].message) == NULL)
            fail_msg("'%s' gives %d:\n%s", bad[i].text, r.result, text_get(&r.messages));
        read_done(&r);
    }
}

static void test_times(void **state)
{
    static const struct {
        const char *lines;
        uint32_t frequency, timeout, threshold;
    } cases[] = {
        {"", 60000, 5000, 5000},
        {" frequency 3\n", 3000, 3000, 3000},
        {" frequency msec 50\n", 50, 50, 50},
        {" frequency msec 50\n timeout 40\n", 50, 40, 40},
        {" timeout 40\n threshold 10\n", 60000, 40, 10},
        {" frequency 604800\n timeout 604800000\n", 604800000, 604800000, 5000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[200];
        struct reading_of r;
        snprintf(text, sizeof(text), "ip sla 3\n icmp-echo 10.0.0.1\n%s", cases[i].lines);
        read_text(&r, text);
        assert_int_equal(r.result, 0);
        const struct config_probe *p = config_find_probe(&r.config, 3);
        assert_int_equal(config_probe_frequency(p), cases[i].frequency);
        assert_int_equal(config_probe_timeout(p), cases[i].timeout);
        assert_int_equal(config_probe_threshold(p), cases[i].threshold);
        read_done(&r);
    }
}

static char *many(unsigned count, const char *lines)
{
    char *text = calloc(count, 200), *end = text;
    assert_non_null(text);
    for (unsigned i = 1; i <= count; i++)
        end += sprintf(end, "ip sla %u\n icmp-echo 10.0.0.1\n%sip sla schedule %u start-time now\n", i, lines,
                       i);
    return text;
}

static void test_limits(void **state)
{
    static const struct {
        unsigned count;
        const char *lines, *message; /* NULL: it is good */
    } cases[] = {
        {500, " frequency 1\n", NULL},
        {501, " frequency 1\n", "at most 500 probes can be configured"},
        {40, " frequency msec 20\n", NULL},
        {41, " frequency msec 20\n",
         "f:163:17: error: ip sla 41: all probes together would send more than 2000 requests a second"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct reading_of r;
        char *text = many(cases[i].count, cases[i].lines);
        read_text(&r, text);
        if (cases[i].message == NULL && r.result != 0)
            fail_msg("%s", text_get(&r.messages));
        if (cases[i].message != NULL && strstr(text_get(&r.messages), cases[i].message) == NULL)
            fail_msg("%s", text_get(&r.messages));
        read_done(&r);
        free(text);
    }
}

static void test_warnings(void **state)
{
    struct reading_of r;
    (void)state;
    read_text(&r, "track 1 ip sla 3 reachability\nip sla 3\n icmp-echo 10.0.0.1\n owner me\n");
    assert_int_equal(r.result, 0);
    assert_non_null(
        strstr(text_get(&r.messages), "f:1:16: warning: track 1 is down: ip sla 3 is not started"));
    assert_non_null(strstr(text_get(&r.messages), "'owner me' has no effect here"));
    read_done(&r);
    read_text(&r, "ip sla 3\n frequency 5\n");
    assert_int_equal(r.result, 0);
    assert_non_null(strstr(text_get(&r.messages), "warning: ip sla 3 has no operation"));
    read_done(&r);
}

static void test_plan(void **state)
{
    static const char before[] =
        "track 1 ip sla 3 reachability\nip sla 3\n icmp-echo 10.0.0.1\nip sla schedule 3 "
        "life forever start-time now\n";
    static const struct {
        const char *after, *plan;
    } cases[] = {
        {"no track 1\nno ip sla 3\n", "removed ip sla 3\nremoved track 1\n"},
        {"ip sla 3\n frequency 1\n", "changed ip sla 3\n"},
        {"no ip sla schedule 3\n", "changed ip sla 3\n"},
        {"track 1 ip sla 3 state\n", "changed track 1\n"},
        {"ip sla 3\n tag nothing\n", ""},
        {"ip sla 4\n icmp-echo 10.0.0.2\n", "added ip sla 4\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct reading_of a, b;
        struct config_plan plan;
        struct text out;
        char text[500];
        snprintf(text, sizeof(text), "%s%s", before, cases[i].after);
        read_text(&a, before);
        read_text(&b, text);
        assert_int_equal(b.result, 0);
        text_init(&out);
        assert_int_equal(config_plan_make(&a.grammar, &a.config, &b.config, &plan), 0);
        config_plan_print(&plan, &out);
        assert_string_equal(text_get(&out), cases[i].plan);
        config_plan_done(&plan);
        text_done(&out);
        read_done(&a);
        read_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vector), cmocka_unit_test(test_spellings),
                                       cmocka_unit_test(test_bad),    cmocka_unit_test(test_times),
                                       cmocka_unit_test(test_limits), cmocka_unit_test(test_warnings),
                                       cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
