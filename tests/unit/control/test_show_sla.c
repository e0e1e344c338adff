/* SPDX-License-Identifier: Apache-2.0 */
/* `show ip sla ...` and `show track` of probes, in the field's layout and as JSON: one that is answered, one
 * that is not, one that is slow, one whose life is over, one not started, one that could not be made. */
#include <errno.h>
#include <jansson.h>

#include "show_world.h"

#include "control/redundancy/internal.h"
#include "control/redundancy/probes.h"

static const char config[] =
    "track 1 ip sla 1 reachability\n delay down msec 150 up 2\ntrack 2 ip sla 2\ntrack 3 ip sla 3 state\n"
    "interface Serial1/0:0\n device wan0\n ip address 9.1.1.26 255.255.255.252\n"
    "ip sla 1\n icmp-echo 9.1.1.25 source-interface Serial1/0:0\n frequency msec 100\nip sla schedule 1 life "
    "forever start-time now\n"
    "ip sla 2\n icmp-echo 10.0.0.9 source-ip 10.0.0.1\n timeout 2000\nip sla schedule 2 life 600 start-time "
    "now\n"
    "ip sla 3\n icmp-echo 2001:db8:1::2\nip sla schedule 3 start-time now life forever\n"
    "ip sla 4\n icmp-echo 10.0.0.4\nip sla schedule 4 life 10 start-time now\n"
    "ip sla 5\n icmp-echo 10.0.0.5\n threshold 9\nip sla schedule 5\n"
    "ip sla 6\n";

static struct probe_unit units[5];
static struct rng seed;

static const struct probe_unit *probe(void *context, uint32_t number)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (units[i].number == number)
            return &units[i];
    return NULL;
}

/* A probe that begins at `now`, and its first request `took` to be answered (NS_NEVER: it never was). */
static void unit_make(struct world *w, unsigned index, ns now, ns took, ns threshold, ns life)
{
    struct probe_unit *u = &units[index];
    struct probe_actions actions;
    const struct config_probe *c = config_find_probe(&w->config, index + 1);
    struct probe_config machine = {.frequency = 60 * NS_PER_S,
                                   .timeout = 5 * NS_PER_S,
                                   .threshold = threshold,
                                   .life = life,
                                   .start = c->schedule == CONFIG_PROBE_NOW};
    struct probe_event tick = {.kind = PROBE_EVENT_TICK, .now = now}, answer = {.kind = PROBE_EVENT_ANSWER};

    *u = (struct probe_unit){.number = index + 1, .destination = c->destination, .source = c->source};
    probe_init(&u->machine, &machine, &seed, now);
    probe_step(&u->machine, &tick, &actions);
    if (!actions.send)
        return;
    answer.sequence = actions.sequence;
    answer.tag = actions.tag;
    answer.arrived = answer.now = now + took;
    tick.now = now + 5 * NS_PER_S;
    probe_step(&u->machine, took == NS_NEVER ? &tick : &answer, &actions);
}

static void world_make(struct world *w)
{
    struct probe_event tick = {.kind = PROBE_EVENT_TICK, .now = (WORLD_NOW_S - 1) * NS_PER_S};
    struct probe_actions actions;

    rng_init_number(&seed, 1);
    memset(units, 0, sizeof units);
    world_begin(w, config);
    w->source.probe = probe;
    unit_make(w, 0, (WORLD_NOW_S - 6) * NS_PER_S, 700 * NS_PER_US, NS_PER_S, NS_NEVER);
    unit_make(w, 1, (WORLD_NOW_S - 75) * NS_PER_S, NS_NEVER, NS_PER_S, 600 * NS_PER_S);
    unit_make(w, 2, (WORLD_NOW_S - 7260) * NS_PER_S, 2500 * NS_PER_US, NS_PER_MS, NS_NEVER);
    unit_make(w, 3, (WORLD_NOW_S - 20) * NS_PER_S, NS_PER_MS, NS_PER_S, 10 * NS_PER_S);
    probe_step(&units[3].machine, &tick, &actions);
    unit_make(w, 4, WORLD_NOW_S * NS_PER_S, NS_NEVER, NS_PER_S, NS_NEVER);
}

static void expect(struct world *w, const char *line, const char *want)
{
    struct text out;

    assert_int_equal(world_show(w, line, &out), 0);
    assert_string_equal(text_get(&out), want);
    text_done(&out);
}

static void test_statistics(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    expect(
        &w, "show ip sla statistics",
        "IPSLAs Latest Operation Statistics\n\n"
        "IPSLA operation id: 1\n        Latest RTT: 1 milliseconds\n"
        "Latest operation start time: 22:13:14 UTC Tue Nov 14 2023\nLatest operation return code: OK\n"
        "Number of successes: 1\nNumber of failures: 0\nOperation time to live: Forever\n\n"
        "IPSLA operation id: 2\n        Latest RTT: NoConnection/Busy/Timeout\n"
        "Latest operation start time: 22:12:05 UTC Tue Nov 14 2023\nLatest operation return code: Timeout\n"
        "Number of successes: 0\nNumber of failures: 1\nOperation time to live: 525 sec\n\n"
        "IPSLA operation id: 3\n        Latest RTT: 3 milliseconds\n"
        "Latest operation start time: 20:12:20 UTC Tue Nov 14 2023\n"
        "Latest operation return code: Over threshold\n"
        "Number of successes: 1\nNumber of failures: 0\nOperation time to live: Forever\n\n"
        "IPSLA operation id: 4\n        Latest RTT: NoConnection/Busy/Timeout\n"
        "Latest operation start time: 22:13:00 UTC Tue Nov 14 2023\nLatest operation return code: Unknown\n"
        "Number of successes: 1\nNumber of failures: 0\nOperation time to live: 0\n\n"
        "IPSLA operation id: 5\nNumber of successes: Unknown\nNumber of failures: Unknown\n"
        "Operation time to live: 0\n\n"
        "IPSLA operation id: 6\nNumber of successes: Unknown\nNumber of failures: Unknown\n"
        "Operation time to live: 0\n\n");
    struct text out;
    assert_int_equal(world_show(&w, "show ip sla statistics 7", &out), -EINVAL);
    assert_string_equal(text_get(&out), "% There is no ip sla 7\n");
    text_done(&out);
    world_end(&w);
}

static void test_configuration(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    expect(&w, "show ip sla configuration 1",
           "IP SLAs Infrastructure Engine-III\nEntry number: 1\nOperation timeout (milliseconds): 100\n"
           "Type of operation to perform: icmp-echo\n"
           "Target address/Source interface: 9.1.1.25/Serial1/0:0\nSchedule:\n"
           "   Operation frequency (milliseconds): 100\n"
           "   Next Scheduled Start Time: Start Time already passed\n   Life (seconds): Forever\n"
           "   Status of entry (SNMP RowStatus): Active\nThreshold (milliseconds): 100\n\n");
    expect(&w, "show ip sla configuration 2",
           "IP SLAs Infrastructure Engine-III\nEntry number: 2\nOperation timeout (milliseconds): 2000\n"
           "Type of operation to perform: icmp-echo\nTarget address/Source address: "
           "10.0.0.9/10.0.0.1\nSchedule:\n"
           "   Operation frequency (seconds): 60  (not considered if randomly scheduled)\n"
           "   Next Scheduled Start Time: Start Time already passed\n   Life (seconds): 600\n"
           "   Status of entry (SNMP RowStatus): Active\nThreshold (milliseconds): 2000\n\n");
    expect(&w, "show ip sla configuration 5",
           "IP SLAs Infrastructure Engine-III\nEntry number: 5\nOperation timeout (milliseconds): 5000\n"
           "Type of operation to perform: icmp-echo\nTarget address/Source address: "
           "10.0.0.5/0.0.0.0\nSchedule:\n"
           "   Operation frequency (seconds): 60  (not considered if randomly scheduled)\n"
           "   Next Scheduled Start Time: Pending trigger\n   Life (seconds): 3600\n"
           "   Status of entry (SNMP RowStatus): notInService\nThreshold (milliseconds): 9\n\n");
    world_end(&w);
}

static void test_summary(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    expect(&w, "show ip sla summary",
           "IPSLAs Latest Operation Summary\nCodes: * active, ^ inactive, ~ pending\n\n"
           "ID           Type        Destination       Stats       Return      Last\n"
           "                                           (ms)        Code        Run\n"
           "-----------------------------------------------------------------------\n"
           "*1           icmp-echo   9.1.1.25          RTT=1       OK          6 seconds ago\n"
           "*2           icmp-echo   10.0.0.9          -           Timeout     1 minute, 15 seconds ago\n"
           "*3           icmp-echo   2001:db8:1::2     RTT=3       Over threshold 2 hours, 1 minute ago\n"
           "^4           icmp-echo   10.0.0.4          -           Unknown     20 seconds ago\n"
           "~5           icmp-echo   10.0.0.5          -           Unknown     -\n"
           "^6                                         -           Unknown     -\n");
    world_end(&w);
}

static void test_json(void **state)
{
    static const struct {
        const char *path;
        json_int_t value;
    } numbers[] = {{"operation", 1}, {"frequency_ms", 100}, {"timeout_ms", 100},    {"rtt_us", 700},
                   {"successes", 1}, {"failures", 0},       {"last_run_seconds", 6}};
    struct world w;
    struct text out;
    (void)state;
    world_make(&w);
    assert_int_equal(world_show(&w, "show ip sla statistics 1 | json", &out), 0);
    json_t *facts = json_loads(text_get(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(facts);
    const json_t *o = json_array_get(json_object_get(facts, "probes"), 0);
    assert_int_equal(json_array_size(json_object_get(facts, "probes")), 1);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        assert_int_equal(json_integer_value(json_object_get(o, numbers[i].path)), numbers[i].value);
    assert_string_equal(json_string_value(json_object_get(o, "return_code")), "OK");
    assert_string_equal(json_string_value(json_object_get(o, "state")), "active");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "counters"), "sent")), 1);
    json_decref(facts);
    text_done(&out);
    world_end(&w);
}

static void track_set(struct redundancy *r, uint16_t number, uint32_t probe_number, bool strict, ns up,
                      ns down)
{
    struct track_changes changes = {.count = 0};
    struct track_config c = {.number = number,
                             .kind = TRACK_PROBE,
                             .probe = probe_number,
                             .strict = strict,
                             .delay_up = up,
                             .delay_down = down};
    struct track_fact f = {.kind = TRACK_FACT_PROBE,
                           .probe = probe_number,
                           .up = probe_reachable(units[probe_number - 1].machine.result),
                           .good = probe_good(units[probe_number - 1].machine.result)};

    assert_int_equal(tracking_set(&r->tracking, &c, 9000 * NS_PER_S, &changes), 0);
    tracking_fact(&r->tracking, &f, 9900 * NS_PER_S, &changes);
}

static void test_track(void **state)
{
    static struct redundancy r;
    struct world w;
    (void)state;
    world_make(&w);
    tracking_init(&r.tracking);
    w.source.redundancy = &r;
    track_set(&r, 1, 1, false, 2 * NS_PER_S, 150 * NS_PER_MS);
    track_set(&r, 2, 2, true, 0, 0);
    track_set(&r, 3, 3, true, 0, 0);
    expect(
        &w, "show track",
        "Track 1\n  IP SLA 1 reachability\n  Reachability is Up\n    1 change, last change 00:01:40\n"
        "  Delay up 2 secs, down 150 msecs\n  Latest operation return code: OK\n  Latest RTT (millisecs) 1\n"
        "Track 2\n  IP SLA 2 state\n  State is Down\n    0 changes, last change 00:16:40\n"
        "  Latest operation return code: Timeout\n"
        "Track 3\n  IP SLA 3 state\n  State is Down\n    0 changes, last change 00:16:40\n"
        "  Latest operation return code: Over threshold\n  Latest RTT (millisecs) 3\n");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_statistics),
                                       cmocka_unit_test(test_configuration), cmocka_unit_test(test_summary),
                                       cmocka_unit_test(test_json), cmocka_unit_test(test_track)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
