/* SPDX-License-Identifier: Apache-2.0 */
/* Every show against its golden text and golden JSON (vectors/control/show), the filters, and lines that
 * cannot be carried out. With HOLDFAST_GOLDEN_WRITE set the golden files are written instead: then read their
 * difference. */
#include <errno.h>
#include <jansson.h>

#include "show_world.h"

#include "control/show/output.h"
#include "io/files.h"

static const struct {
    const char *line, *file;
} goldens[] = {
    {"show crypto isakmp sa", "isakmp_sa"},
    {"show crypto isakmp sa detail", "isakmp_sa_detail"},
    {"show crypto isakmp policy", "isakmp_policy"},
    {"show crypto ipsec sa", "ipsec_sa"},
    {"show crypto ipsec sa detail", "ipsec_sa_detail"},
    {"show crypto ipsec sa peer 9.1.1.138", "ipsec_sa_peer"},
    {"show crypto ipsec sa map six", "ipsec_sa_map"},
    {"show crypto ipsec sa interface Serial 1/1:0", "ipsec_sa_map"},
    {"show crypto ipsec transform-set", "transform_set"},
    {"show crypto map", "crypto_map"},
    {"show crypto map tag six", "crypto_map_tag"},
    {"show crypto session", "session"},
    {"show crypto session detail", "session_detail"},
    {"show crypto engine", "engine"},
    {"show interfaces", "interfaces"},
    {"show interfaces fa0/0", "interfaces_one"},
    {"show ip interface brief", "interface_brief"},
    {"show access-lists", "access_lists"},
    {"show ip access-lists second", "access_lists_one"},
    {"show ip route", "ip_route"},
    {"show running-config masked", "running_config"},
    {"show processes", "processes"},
    {"show version", "version"},
    {"show debugging", "debugging"},
};

/* With world_ha. */
static const struct {
    const char *line, *file;
} ha_goldens[] = {
    {"show ssp", "ssp"},
    {"show ssp peers", "ssp_peers"},
    {"show ssp clients", "ssp_clients"},
    {"show ssp packet", "ssp_packet"},
    {"show ssp redundancy", "ssp_redundancy"},
    {"show crypto ha", "crypto_ha"},
    {"show redundancy", "redundancy"},
    {"show redundancy states", "redundancy"},
    {"show redundancy inter-device", "redundancy_inter_device"},
    {"show redundancy history", "redundancy_history"},
    {"show crypto isakmp sa active", "isakmp_sa_active"},
    {"show crypto isakmp sa standby", "isakmp_sa_standby"},
    {"show crypto ipsec sa standby detail", "ipsec_sa_standby"},
    {"show crypto ipsec sa active peer 9.1.1.130 detail", "ipsec_sa_active"},
};

static void golden_path(const char *file, const char *suffix, char out[512])
{
    const char *vectors = getenv("VECTORS");

    assert_non_null(vectors);
    snprintf(out, 512, "%s/control/show/%s.%s", vectors, file, suffix);
}

static void golden_compare(const char *line, const char *path, const struct text *got)
{
    char *want;
    size_t len;

    if (getenv("HOLDFAST_GOLDEN_WRITE"))
        assert_int_equal(file_write(path, bytes_of(text_get(got), got->len), 0644), 0);
    if (file_read(path, 1 << 20, &want, &len) != 0)
        fail_msg("%s cannot be read", path);
    if (strcmp(want, text_get(got)) != 0)
        print_error("%s differs from %s:\n%s", line, path, text_get(got));
    assert_string_equal(text_get(got), want);
    free(want);
}

static void golden_both(struct world *w, const char *command, const char *file)
{
    char path[512], line[256];
    struct text out;

    golden_path(file, "txt", path);
    assert_int_equal(world_show(w, command, &out), 0);
    golden_compare(command, path, &out);
    text_done(&out);

    snprintf(line, sizeof line, "%s | json", command);
    golden_path(file, "json", path);
    assert_int_equal(world_show(w, line, &out), 0);
    json_t *facts = json_loads(text_get(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(facts);
    json_decref(facts);
    golden_compare(line, path, &out);
    text_done(&out);
}

static void test_goldens(void **state)
{
    struct world w;
    (void)state;

    world_full(&w);
    for (size_t i = 0; i < ARRAY_SIZE(goldens); i++)
        golden_both(&w, goldens[i].line, goldens[i].file);
    world_ha(&w);
    for (size_t i = 0; i < ARRAY_SIZE(ha_goldens); i++)
        golden_both(&w, ha_goldens[i].line, ha_goldens[i].file);
    world_end(&w);
}

static json_t *facts_of(struct world *w, const char *line)
{
    struct text out;

    assert_int_equal(world_show(w, line, &out), 0);
    json_t *facts = json_loads(text_get(&out), 0, NULL);
    text_done(&out);
    assert_non_null(facts);
    return facts;
}

/* The text has every number that the facts have, and detail adds no other fact: both come from one gathering.
 */
static void test_same_facts(void **state)
{
    struct world w;
    (void)state;

    world_full(&w);
    static const char *const pairs[][2] = {
        {"show crypto isakmp sa | json", "show crypto isakmp sa detail | json"},
        {"show crypto ipsec sa | json", "show crypto ipsec sa detail | json"},
        {"show crypto session | json", "show crypto session detail | json"},
        {"show interfaces | json", "show ip interface brief | json"},
        {"show access-lists | json", "show ip access-lists | json"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        json_t *a = facts_of(&w, pairs[i][0]), *b = facts_of(&w, pairs[i][1]);
        assert_true(json_equal(a, b));
        json_decref(a);
        json_decref(b);
    }
    json_t *flows = facts_of(&w, "show crypto ipsec sa | json");
    const json_t *flow = json_array_get(json_object_get(flows, "ipsec_flows"), 0);
    assert_int_equal(json_integer_value(json_object_get(flow, "current_outbound_spi")), 0x08711A00 + 2002);
    assert_int_equal(json_integer_value(json_object_get(flow, "packets_encapsulated")), 2001 + 2002);
    assert_int_equal(json_array_size(json_object_get(flow, "inbound_esp")), 2);
    json_decref(flows);
    world_end(&w);
}

static void test_empty(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"show crypto ipsec sa", "No SAs found\n"},
        {"show crypto ipsec sa standby", "No SAs found\n"},
        {"show crypto map", "No crypto maps found.\n"},
        {"show crypto map tag nothing", "No crypto maps found.\n"},
        {"show crypto ipsec transform-set", "No transform sets found.\n"},
        {"show access-lists", ""},
        {"show interfaces", ""},
        {"show processes | exclude Process", ""},
        {"show ip route | include route", "No routes\n"},
        {"show crypto ipsec sa | json", "{\n  \"ipsec_flows\": []\n}\n"},
        {"show access-lists | json", "{\n  \"access_lists\": []\n}\n"},
        {"show crypto session | count .", "Number of lines which match regexp = 1\n"},
    };
    struct world w;
    (void)state;

    world_begin(&w, "");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text out;
        assert_int_equal(world_show(&w, cases[i].line, &out), 0);
        assert_string_equal(text_get(&out), cases[i].text);
        text_done(&out);
    }
    world_end(&w);
}

static void test_refused(void **state)
{
    static const struct {
        const char *line, *begin;
    } cases[] = {
        {"show interfaces Serial9/9", "% Interface Serial9/9 is not configured\n"},
        {"show interfaces Serial9/9 | json", "% Interface Serial9/9 is not configured\n"},
        {"show crypto ipsec sa interface eth7", "% Interface eth7 is not configured\n"},
        {"show access-lists nowhere", "% Access list nowhere is not configured\n"},
        {"show version | include (", "% Bad regular expression '(': "},
        {"show version | exclude [a", "% Bad regular expression '[a': "},
        {"show startup-config", "% /nowhere/hub.conf cannot be read: "},
        {"show ssp", "% Stateful failover is not configured\n"},
        {"show ssp peers | json", "% Stateful failover is not configured\n"},
        {"show crypto ha", "% Stateful failover is not configured\n"},
        {"show redundancy history", "% Stateful failover is not configured\n"},
    };
    struct world w;
    (void)state;

    world_full(&w);
    w.source.config_file = "/nowhere/hub.conf";
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text out;
        assert_int_equal(world_show(&w, cases[i].line, &out), -EINVAL);
        assert_memory_equal(text_get(&out), cases[i].begin, strlen(cases[i].begin));
        text_done(&out);
    }
    world_end(&w);
}

static void test_filters(void **state)
{
    static const char text[] = "interface a\n ip 1\n mtu 5\n!\ninterface b\n ip 2\n!\nend";
    static const struct {
        uint8_t filter;
        const char *expression, *want;
    } cases[] = {
        {GRAMMAR_FILTER_NONE, NULL, text},
        {GRAMMAR_FILTER_JSON, NULL, text},
        {GRAMMAR_FILTER_INCLUDE, "ip|end", " ip 1\n ip 2\nend\n"},
        {GRAMMAR_FILTER_INCLUDE, "nothing", ""},
        {GRAMMAR_FILTER_EXCLUDE, "^ |!", "interface a\ninterface b\nend\n"},
        {GRAMMAR_FILTER_BEGIN, "interface b", "interface b\n ip 2\n!\nend\n"},
        {GRAMMAR_FILTER_SECTION, "interface a", "interface a\n ip 1\n mtu 5\n"},
        {GRAMMAR_FILTER_SECTION, "mtu", " mtu 5\n"},
        {GRAMMAR_FILTER_COUNT, "interface", "Number of lines which match regexp = 2\n"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t piece = 1; piece <= sizeof text; piece += 6) { /* however the text is cut */
            struct show_output o;
            struct text out;
            text_init(&out);
            assert_int_equal(show_output_init(&o, cases[i].filter, cases[i].expression, &out), 0);
            for (size_t at = 0; at < sizeof text - 1; at += piece)
                show_output_add(&o, text + at, MIN(piece, sizeof text - 1 - at));
            show_output_end(&o);
            show_output_done(&o);
            assert_string_equal(text_get(&out), cases[i].want);
            text_done(&out);
        }
    }
}

/* What a peer says of itself must neither spoil the JSON nor steer a terminal. */
static void test_hostile_identity(void **state)
{
    static const struct {
        const char *identity, *shown;
    } cases[] = {
        {"\x1b[2Jgotcha", "?[2Jgotcha"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"caf\xe9 x", "caf? x"},
        {"\xc0\xaf\xed\xa0\x80\xf5", "??????"},
        {"\xc2\x9b.", "??."},
        {"\xf0\x9f\x98\x80\xf0\x9f", "\xf0\x9f\x98\x80??"},
        {"a\"b\\c", "a\"b\\c"},
        {"del\x7f", "del?"},
    };
    struct world w;
    (void)state;

    world_full(&w);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        snprintf(w.sas[2].remote_identity, sizeof w.sas[2].remote_identity, "%s", cases[i].identity);
        json_t *facts = facts_of(&w, "show crypto isakmp sa | json");
        const json_t *sa = json_array_get(json_object_get(facts, "isakmp_sas"), 0);
        assert_string_equal(json_string_value(json_object_get(sa, "remote_identity")), cases[i].shown);
        json_decref(facts);
    }
    world_end(&w);
}

static void test_logging(void **state)
{
    struct world w;
    struct text out;
    (void)state;

    world_full(&w);
    log_line(w.log, "CRYPTO", 6, "ISAKMP_ON_OFF", "ISAKMP is %s", "ON");
    log_line(w.log, "SYS", 5, "CONFIG_I", "Configured");
    assert_int_equal(world_show(&w, "show logging | include ISAKMP", &out), 0);
    assert_non_null(strstr(text_get(&out), ": %CRYPTO-6-ISAKMP_ON_OFF: ISAKMP is ON\n"));
    assert_null(strstr(text_get(&out), "CONFIG_I"));
    text_done(&out);
    assert_int_equal(world_show(&w, "show logging", &out), 0);
    assert_non_null(strstr(text_get(&out), "    Buffer logging: 2 messages logged\n"));
    text_done(&out);
    json_t *facts = facts_of(&w, "show logging | json");
    assert_int_equal(json_array_size(json_object_get(facts, "lines")), 2);
    json_decref(facts);
    w.source.log = NULL;
    assert_int_equal(world_show(&w, "show logging", &out), 0);
    assert_string_equal(text_get(&out), "Syslog logging: enabled, no log buffer\n");
    text_done(&out);
    world_end(&w);
}

/* What is printed without masking is the configuration again. */
static void test_running_config(void **state)
{
    struct world w, again;
    struct text first, second;
    (void)state;

    world_full(&w);
    assert_int_equal(world_show(&w, "show running-config", &first), 0);
    assert_non_null(strstr(text_get(&first), "bastion address 9.1.1.128"));
    world_begin(&again, text_get(&first));
    assert_int_equal(world_show(&again, "show running-config", &second), 0);
    assert_string_equal(text_get(&first), text_get(&second));
    text_done(&first);
    text_done(&second);
    assert_int_equal(world_show(&w, "show running-config masked", &first), 0);
    assert_null(strstr(text_get(&first), "bastion"));
    text_done(&first);
    world_end(&again);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens), cmocka_unit_test(test_same_facts),
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_filters), cmocka_unit_test(test_hostile_identity),
        cmocka_unit_test(test_logging), cmocka_unit_test(test_running_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
