/* SPDX-License-Identifier: Apache-2.0 */
/* The scenario language: what a good topology and timeline become, and what each kind of mistake is told as,
 * with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge/judge.h"
#include "lab/draw.h"
#include "lab/packet_kind.h"
#include "lab/scenario.h"

#define NODES                   \
    "node a host\n"             \
    " address e0 10.0.0.1/24\n" \
    "node g gateway\n"          \
    "node r router\n"           \
    "link l1 a:e0 g:lan0\n"     \
    "link l2 g:wan0 r:e1\n"

static struct scenario *parse(const char *topology, const char *timeline, const char *variant,
                              char error[SCRIPT_ERROR])
{
    struct scenario *s = scenario_new();
    struct script t;
    assert_non_null(s);
    script_init(&t, "T", topology, scenario_value, s);
    bool good = scenario_parse_topology(s, &t, variant);
    if (good && timeline) {
        script_init(&t, "L", timeline, scenario_value, s);
        good = scenario_parse_timeline(s, &t);
    }
    assert_int_equal(good, t.error[0] == '\0');
    memcpy(error, t.error, SCRIPT_ERROR);
    if (!good) {
        scenario_free(s);
        return NULL;
    }
    return s;
}

static void test_good_topology(void **state)
{
    (void)state;
    char error[SCRIPT_ERROR];
    struct scenario *s = parse("title \"A title # not a comment\"\n"
                               "variant old \"the old\"\n"
                               "  set rate 10\n"
                               "variant new\n"
                               "  set rate 20\n"
                               "node a host # a comment\n"
                               "  address e0 10.0.0.1/24\n"
                               "  address e0 2001:db8::1/64\n"
                               "  route default via 10.0.0.254\n"
                               "  route 2001:db8:1::/48 via 2001:db8::2 metric 7\n"
                               "\r\n"
                               "node r router\n"
                               "  sysctl net.ipv4.ip_forward 1\n"
                               "node c host\n"
                               "link lan a:e0 r:e0 \\\n"
                               "   c:e0 mtu 1400\n"
                               "node g gateway\n"
                               "  config other.conf",
                               "flow f from a 10.0.0.1 to c 10.0.0.3 rate ${rate}", "new", error);
    assert_string_equal(error, "");
    assert_string_equal(s->title, "A title # not a comment");
    assert_string_equal(scenario_variant_name(s), "new");
    assert_int_equal(s->node_count, 4);
    assert_int_equal(s->nodes[0].address_count, 2);
    assert_int_equal(s->nodes[0].addresses[1].prefix.length, 64);
    assert_int_equal(s->nodes[0].route_count, 2);
    assert_int_equal(s->nodes[0].routes[0].destination.length, 0);
    assert_int_equal(s->nodes[0].routes[0].destination.address.family, ADDRESS_V4);
    assert_int_equal(s->nodes[0].routes[1].metric, 7);
    assert_int_equal(s->links[0].end_count, 3);
    assert_int_equal(s->links[0].mtu, 1400);
    assert_string_equal(s->nodes[3].config, "other.conf");
    assert_int_equal(s->flows[0].rate, 20);
    assert_int_equal(s->flows[0].size, 200);
    scenario_free(s);
}

static void test_first_variant_is_the_default(void **state)
{
    (void)state;
    char error[SCRIPT_ERROR];
    struct scenario *s = parse("variant one\nset v 1\nvariant two\nset v 2\n" NODES, NULL, NULL, error);
    assert_non_null(s);
    assert_string_equal(scenario_variant_name(s), "one");
    assert_string_equal(scenario_value(s, "v"), "1");
    assert_string_equal(scenario_value(s, "variant"), "one");
    assert_null(scenario_value(s, "w"));
    scenario_free(s);
    s = parse(NODES, NULL, NULL, error);
    assert_non_null(s);
    assert_string_equal(scenario_variant_name(s), "default");
    scenario_free(s);
}

static void test_good_timeline(void **state)
{
    (void)state;
    char error[SCRIPT_ERROR];
    struct scenario *s = parse(NODES,
                               "flow f from a 10.0.0.1 to r 10.9.9.9 size 1000 rate 50 tcp\n"
                               "watch w g:wan0 host 10.9.9.9 clear 10.0.0.0/8 2001:db8::/32\n"
                               "start f\n"
                               "at 1.5s cut l2 at r\n"
                               "after 200ms repair l2\n"
                               "lossy l1 2.5%\n"
                               "kill g engine\n"
                               "exec a \"ping -c 1 \\\"x\\\"\"\n"
                               "wait until flow f receives within 2m as \"it comes\"\n"
                               "check flow f longest_gap_ms <= 12.5\n"
                               "check watch w clear in == 0\n"
                               "check cli g \"show version\" not matches \"a\\.b|c\"\n"
                               "check json g \"show crypto ipsec sa\" \"sas[*].peer\" == 9.1.1.22\n"
                               "check exec a \"true\" fails\n"
                               "check running g control\n"
                               "blackhole l2 at r in\n"
                               "blackhole l2 at g\n"
                               "blackhole l2\n"
                               "check flow f gap_less_stall_ms < 3\n"
                               "freeze g\n"
                               "thaw g control\n",
                               NULL, error);
    assert_string_equal(error, "");
    assert_int_equal(s->step_count, 19);
    assert_int_equal(s->flows[0].size, 1000);
    assert_true(s->flows[0].tcp);
    assert_int_equal(s->watches[0].clear_count, 2);
    assert_true(address_is_set(&s->watches[0].host));
    const struct step *cut = &s->steps[1], *wait = &s->steps[6];
    assert_int_equal(cut->when, WHEN_AT);
    assert_int_equal(cut->time, 1500 * NS_PER_MS);
    assert_true(cut->one_end);
    assert_int_equal(cut->end, 1);
    assert_string_equal(cut->source, "cut l2 at r");
    assert_int_equal(s->steps[2].when, WHEN_AFTER);
    assert_true(s->steps[3].loss == 2.5);
    assert_int_equal(s->steps[4].role, ROLE_ENGINE);
    assert_string_equal(s->steps[5].text, "ping -c 1 \"x\"");
    assert_int_equal(wait->timeout, 120 * NS_PER_S);
    assert_string_equal(wait->label, "it comes");
    assert_int_equal(wait->condition.kind, CONDITION_RECEIVES);
    assert_int_equal(s->steps[7].condition.compare, COMPARE_LE);
    assert_true(s->steps[7].condition.number == 12.5);
    assert_int_equal(s->steps[8].condition.direction, WATCH_IN);
    assert_int_equal(s->steps[8].condition.metric, PACKET_CLEAR);
    assert_true(s->steps[9].condition.negated);
    assert_string_equal(s->steps[9].condition.operand, "a\\.b|c");
    assert_string_equal(s->steps[9].condition.text, "cli g \"show version\" not matches \"a\\.b|c\"");
    assert_string_equal(s->steps[10].condition.path, "sas[*].peer");
    assert_true(s->steps[11].condition.negated);
    assert_int_equal(s->steps[12].condition.role, ROLE_CONTROL);
    assert_true(s->steps[13].one_end && s->steps[13].end == 1 && s->steps[13].direction == WATCH_IN);
    assert_true(s->steps[14].one_end && s->steps[14].end == 0 && s->steps[14].direction == WATCH_BOTH);
    assert_false(s->steps[15].one_end);
    assert_int_equal(s->steps[16].condition.metric, FLOW_GAP_LESS_STALL_MS);
    assert_int_equal(s->steps[17].kind, STEP_FREEZE);
    assert_int_equal(s->steps[17].role, ROLE_ANY);
    assert_int_equal(s->steps[18].kind, STEP_THAW);
    assert_int_equal(s->steps[18].role, ROLE_CONTROL);
    scenario_free(s);
}

#define FARM NODES "node s farm\n options \"--gateway 9.1.1.22\"\n partner a 10.0.0.1\n"

static void test_routing(void **state)
{
    (void)state;
    char error[SCRIPT_ERROR];
    struct scenario *s = parse("variant one\nset daemon eigrp\n" NODES
                               "node h router\nrouting ospf ${daemon}\nconfig h-${daemon}.frr\n"
                               "node k gateway\nrouting ospf\nlink l3 h:e0 k:e0\n",
                               "kill h routing\nrestart k routing\nrestart k\nkill k engine\n", NULL, error);
    assert_string_equal(error, "");
    assert_int_equal(s->nodes[2].routing, 0);
    assert_int_equal(s->nodes[3].routing, NODE_ROUTING_OSPF | NODE_ROUTING_EIGRP);
    assert_string_equal(s->nodes[3].config, "h-eigrp.frr");
    assert_int_equal(s->nodes[4].routing, NODE_ROUTING_OSPF);
    assert_true(s->steps[0].routing && s->steps[0].node == 3);
    assert_true(s->steps[1].routing && s->steps[1].node == 4);
    assert_false(s->steps[2].routing || s->steps[3].routing);
    assert_int_equal(s->steps[3].role, ROLE_ENGINE);
    scenario_free(s);
}

static void test_farm(void **state)
{
    (void)state;
    char error[SCRIPT_ERROR];
    struct scenario *s = parse(FARM "link l3 s:wan0 r:e2\n",
                               "farm s \"up 1000\"\n"
                               "wait until farm s \"up\" >= 1000 within 5s\n"
                               "check farm s \"traffic.up.gap_max_ms\" <= 400\n"
                               "check farm s \"drops\" not matches \"SA\"\n",
                               NULL, error);
    assert_string_equal(error, "");
    const struct node *farm = &s->nodes[scenario_find_node(s, "s")];
    assert_int_equal(farm->kind, NODE_FARM);
    assert_string_equal(farm->options, "--gateway 9.1.1.22");
    assert_true(farm->partner.given);
    assert_int_equal(farm->partner.node, scenario_find_node(s, "a"));
    assert_int_equal(s->steps[0].kind, STEP_FARM);
    assert_string_equal(s->steps[0].text, "up 1000");
    assert_int_equal(s->steps[1].condition.kind, CONDITION_FARM);
    assert_int_equal(s->steps[1].condition.compare, COMPARE_GE);
    assert_string_equal(s->steps[2].condition.path, "traffic.up.gap_max_ms");
    assert_string_equal(s->steps[2].condition.operand, "400");
    assert_true(s->steps[3].condition.negated);
    scenario_free(s);
}

static void test_judge(void **state)
{
    (void)state;
    char error[SCRIPT_ERROR];
    struct scenario *s =
        parse(NODES,
              "capture out g:wan0\n"
              "capture other r:e1\n"
              "capture in g:lan0\n"
              "mark fault\n"
              "after 1s mark over\n"
              "judge links out inside in clear 10.0.0.0/8 2001:db8::/32 replays other \\\n"
              "    quiet-from fault until over quiet-from over least 10 delivered 5 as \"all\"\n",
              NULL, error);
    assert_string_equal(error, "");
    assert_int_equal(s->capture_count, 3);
    assert_int_equal(s->mark_count, 2);
    const struct step *step = &s->steps[2];
    const struct judge_plan *plan = step->judge;
    assert_int_equal(s->steps[1].mark, 1);
    assert_int_equal(step->kind, STEP_JUDGE);
    assert_string_equal(step->label, "all");
    assert_int_equal(plan->capture_count, 3);
    assert_int_equal(plan->captures[1].role, JUDGE_INSIDE);
    assert_int_equal(plan->captures[1].capture, 2);
    assert_int_equal(plan->captures[2].role, JUDGE_REPLAYS);
    assert_int_equal(plan->clear_count, 2);
    assert_int_equal(plan->quiet_count, 2);
    assert_int_equal(plan->quiet[0].until, 1);
    assert_int_equal(plan->quiet[1].from, 1);
    assert_int_equal(plan->quiet[1].until, -1);
    assert_true(plan->least == 10 && plan->delivered == 5);
    scenario_free(s);
}

static const struct {
    const char *topology, *timeline, *variant, *error;
} mistakes[] = {
    {"node s farm", NULL, NULL, "T:1:1: farm s has no `options`: it needs a --gateway"},
    {"node a host\noptions \"x\"", NULL, NULL, "T:2:1: 'options' belongs below a farm"},
    {"partner a 10.0.0.1", NULL, NULL, "T:1:1: 'partner' belongs below a node"},
    {"node s farm\npartner a 10.0.0.1", NULL, NULL,
     "T:2:9: expected the name of a node above this line, found 'a'"},
    {"node a host\nnode s farm\npartner a x", NULL, NULL,
     "T:3:11: expected an address of that node, found 'x'"},
    {FARM, "farm a \"up 1\"", NULL, "L:1:6: expected the name of a farm, found 'a'"},
    {FARM, "check farm s up", NULL, "L:1:16: expected ==, !=, <, <=, > or >=, found the end of the line"},
    {"", NULL, NULL, "T:1:1: expected at least one node"},
    {"nod a host", NULL, NULL,
     "T:1:1: expected title, variant, set, node, address, route, routing, config, options, partner, sysctl "
     "or "
     "link, "
     "found 'nod'"},
    {"\n  node a", NULL, NULL,
     "T:2:9: expected 'host', 'router', 'gateway' or 'farm', found the end of the line"},
    {"node a switch", NULL, NULL, "T:1:8: expected 'host', 'router', 'gateway' or 'farm', found 'switch'"},
    {"node a.b host", NULL, NULL,
     "T:1:6: expected the name of the node (letters, digits, '-', '_', up to 40), found 'a.b'"},
    {"node a host\nnode a host", NULL, NULL, "T:2:6: a node named a is there already"},
    {"node fabric host", NULL, NULL, "T:1:6: a node named fabric is there already"},
    {"node a host more", NULL, NULL, "T:1:13: expected the end of the line, found 'more'"},
    {"address e0 10.0.0.1/24", NULL, NULL, "T:1:1: 'address' belongs below a node"},
    {"node a host\naddress e0 10.0.0.1/33", NULL, NULL,
     "T:2:12: expected an address with its prefix length (10.1.0.10/24), found '10.0.0.1/33'"},
    {"node a host\naddress e0 10.0.0/24", NULL, NULL,
     "T:2:12: expected an address with its prefix length (10.1.0.10/24), found '10.0.0/24'"},
    {"node a host\naddress e0 10.0.0.1/2x", NULL, NULL,
     "T:2:12: expected an address with its prefix length (10.1.0.10/24), found '10.0.0.1/2x'"},
    {"node a host\naddress a-name-too-long-x 10.0.0.1/24", NULL, NULL,
     "T:2:9: expected a device name (up to 15 characters, without '/' and ':'), found 'a-name-too-long-x'"},
    {"node a host\naddress e0 10.0.0.1/24\n", NULL, NULL, "T:3:1: no link has the device e0 of node a"},
    {"node g gateway\naddress e0 10.0.0.1/24", NULL, NULL,
     "T:2:1: 'address' of a gateway stands in its configuration, not here"},
    {"node a host\nconfig x.conf", NULL, NULL,
     "T:2:1: only a gateway has a configuration, and a router below its `routing`"},
    {"node a host\nroute 10.0.0.0/8 10.1.1.1", NULL, NULL, "T:2:18: expected 'via', found '10.1.1.1'"},
    {"node a host\nroute default via x", NULL, NULL,
     "T:2:19: expected the address of the next hop, found 'x'"},
    {"node a host\nroute 10.0.0.0/8 via 2001:db8::1", NULL, NULL,
     "T:2:22: expected a next hop of the destination's address family, found '2001:db8::1'"},
    {"node a host\nroute default via 10.1.1.1 metric 0", NULL, NULL,
     "T:2:35: expected a metric (1 to 4294967295), found '0'"},
    {"node a host\nsysctl kernel.panic 1", NULL, NULL,
     "T:2:8: expected a key below net., with dots, found 'kernel.panic'"},
    {"node a host\nsysctl net./../x 1", NULL, NULL,
     "T:2:8: expected a key below net., with dots, found 'net./../x'"},
    {"node a host\nlink l a:e0", NULL, NULL, "T:2:12: expected NODE:DEVICE, found the end of the line"},
    {"node a host\nlink l a:e0 b:e0", NULL, NULL, "T:2:13: no node named b above this line"},
    {"node a host\nlink l a:e0 a:", NULL, NULL,
     "T:2:15: expected a device name (up to 15 characters), found ''"},
    {"node a host\nlink l a:e0 a:lo", NULL, NULL,
     "T:2:15: expected a device name (up to 15 characters), found 'lo'"},
    {"node a host\nlink l a:e0 a:e0", NULL, NULL, "T:2:13: a:e0 is used by a link already"},
    {NODES "link l1 a:e1 r:e2", NULL, NULL, "T:7:6: a link named l1 is there already"},
    {NODES "link l3 a:e1 g:wan0", NULL, NULL, "T:7:14: g:wan0 is used by a link already"},
    {NODES "link l3 a:e1 r:e2 mtu 20", NULL, NULL, "T:7:23: expected an MTU (576 to 65535), found '20'"},
    {NODES "variant late", NULL, NULL, "T:7:1: variants stand above the nodes"},
    {"variant v\nvariant v", NULL, NULL, "T:2:9: variant v is there already"},
    {"set a b", NULL, NULL, "T:1:1: 'set' belongs below a variant"},
    {"variant v\n" NODES, NULL, "w", "T:8:1: no variant named w"},
    {"title \"x", NULL, NULL, "T:1:7: quote without its end"},
    {"title \"x\"y", NULL, NULL, "T:1:10: expected a blank after the closing quote"},
    {"title x\"y\"", NULL, NULL, "T:1:8: a quote starts a word, it cannot be inside one"},
    {"title ${who}", NULL, NULL, "T:1:7: no value for ${who}: a variant's `set who VALUE` gives one"},
    {"title ${who", NULL, NULL, "T:1:7: expected ${NAME}"},
    {NODES, "flow", NULL, "L:1:5: expected the name of the flow, found the end of the line"},
    {NODES, "flow f from a 10.0.0.1 to b 10.0.0.2", NULL, "L:1:27: expected the name of a node, found 'b'"},
    {NODES, "flow f from a 10.0.0.1 to r ::1", NULL, "L:1:29: the two addresses are of different families"},
    {NODES, "flow f from a 10.0.0.1 to r 10.0.0.2 rate 0", NULL,
     "L:1:43: expected packets a second (1 to 100000), found '0'"},
    {NODES, "flow f from a 10.0.0.1 to r 10.0.0.2 pace 1", NULL,
     "L:1:38: expected 'rate', 'size', 'tcp' or the end of the line, found 'pace'"},
    {NODES, "watch w g:wan1", NULL, "L:1:9: expected NODE:DEVICE, an end of a link, found 'g:wan1'"},
    {NODES, "watch w g:wan0 clear", NULL,
     "L:1:21: expected a prefix that must not be seen in clear, found the end of the line"},
    {NODES, "start f", NULL, "L:1:7: expected the name of a flow, found 'f'"},
    {NODES, "flow f from a 10.0.0.1 to r 10.0.0.2\nstart f\nstart f", NULL,
     "L:3:1: flow f is started already; a flow runs once"},
    {NODES, "cut l9", NULL, "L:1:5: expected the name of a link, found 'l9'"},
    {NODES, "cut l1 at r", NULL, "L:1:11: expected a node at an end of that link, found 'r'"},
    {NODES, "lossy l1 101%", NULL, "L:1:10: expected a loss from 0% to 100%, found '101%'"},
    {NODES, "lossy l1 5", NULL, "L:1:10: expected a loss from 0% to 100%, found '5'"},
    {NODES, "kill a engine", NULL, "L:1:6: expected the name of a gateway, found 'a'"},
    {NODES, "kill g everything", NULL,
     "L:1:8: expected 'supervisor', 'control' or 'engine', found 'everything'"},
    {NODES, "kill r routing", NULL, "L:1:6: expected the name of a gateway, found 'r'"},
    {NODES, "restart a routing", NULL, "L:1:9: expected the name of a gateway, found 'a'"},
    {"node a host\nrouting ospf", NULL, NULL, "T:2:1: 'routing' belongs below a router or gateway"},
    {"node r router\nrouting rip", NULL, NULL, "T:2:9: expected 'ospf' or 'eigrp', found 'rip'"},
    {"node r router\nconfig x", NULL, NULL,
     "T:2:1: only a gateway has a configuration, and a router below its `routing`"},
    {NODES, "freeze a", NULL, "L:1:8: expected the name of a gateway, found 'a'"},
    {NODES, "thaw g all", NULL, "L:1:8: expected 'supervisor', 'control' or 'engine', found 'all'"},
    {NODES, "at 5 cut l1", NULL, "L:1:4: expected a time (200ms, 5s, 2m), found '5'"},
    {NODES, "at -5s cut l1", NULL, "L:1:4: expected a time (200ms, 5s, 2m), found '-5s'"},
    {NODES, "after 1s explode", NULL,
     "L:1:10: expected at, after, start, stop, reset, cut, blackhole, lossy, repair, kill, freeze, thaw, "
     "restart, exec, cli, farm, say, pause, wait, check, mark or judge, found 'explode'"},
    {NODES, "cli a \"show version\"", NULL, "L:1:5: expected the name of a gateway, found 'a'"},
    {NODES, "exec a", NULL, "L:1:7: expected the command in quotes, found the end of the line"},
    {NODES, "wait flow f receives", NULL, "L:1:6: expected 'until', found 'flow'"},
    {NODES, "wait until running g", NULL, "L:1:21: expected 'within', found the end of the line"},
    {NODES, "check weather", NULL,
     "L:1:7: expected flow, watch, cli, exec, json, running or farm, found 'weather'"},
    {NODES, "check cli g \"show\" matches \"a(b\"", NULL,
     "L:1:28: not a regular expression: Unmatched ( or \\("},
    {NODES, "check cli g \"show\" is \"a\"", NULL, "L:1:20: expected 'matches', found 'is'"},
    {NODES, "flow f from a 10.0.0.1 to r 10.0.0.2\ncheck flow f lost = 3", NULL,
     "L:2:19: expected ==, !=, <, <=, > or >=, found '='"},
    {NODES, "flow f from a 10.0.0.1 to r 10.0.0.2\ncheck flow f lost == -3", NULL,
     "L:2:22: expected a number, found '-3'"},
    {NODES, "flow f from a 10.0.0.1 to r 10.0.0.2\ncheck flow f jitter < 3", NULL,
     "L:2:14: expected receives, sent, received, lost, duplicated, reordered, longest_gap_ms or "
     "gap_less_stall_ms, found 'jitter'"},
    {NODES, "watch w g:wan0\ncheck watch w clear == 0", NULL,
     "L:2:15: watch w has no `clear PREFIX`: nothing could be counted"},
    {NODES, "watch w g:wan0\ncheck watch w esp sideways == 0", NULL,
     "L:2:19: expected ==, !=, <, <=, > or >=, found 'sideways'"},
    {NODES, "check running g control as", NULL,
     "L:1:27: expected a name in quotes, found the end of the line"},
    {NODES, "capture c g:wan1", NULL, "L:1:11: expected NODE:DEVICE, an end of a link, found 'g:wan1'"},
    {NODES, "capture c g:wan0\ncapture c g:wan0", NULL, "L:2:9: a capture named c is there already"},
    {NODES, "capture c g:wan0 clear", NULL, "L:1:18: expected the end of the line, found 'clear'"},
    {NODES, "pause\ncapture c g:wan0", NULL, "L:2:1: captures stand above the steps"},
    {NODES, "mark a\nmark a", NULL, "L:2:1: a mark named a is there already"},
    {NODES, "judge", NULL,
     "L:1:6: expected links, inside, replays, clear, quiet-from, least, delivered or as, found the end of "
     "the "
     "line"},
    {NODES, "judge links c", NULL, "L:1:13: expected the name of a capture, found 'c'"},
    {NODES, "judge links", NULL, "L:1:12: expected the name of a capture, found the end of the line"},
    {NODES, "capture c g:wan0\njudge inside c", NULL, "L:2:1: expected `links` with all outside links"},
    {NODES, "capture c g:wan0\njudge links c inside c", NULL, "L:2:22: c is judged already"},
    {NODES, "capture c g:wan0\njudge links c clear 10.0.0.0/99", NULL,
     "L:2:21: expected a prefix that must not be seen in clear, found '10.0.0.0/99'"},
    {NODES, "capture c g:wan0\njudge links c quiet-from m\nmark m", NULL,
     "L:2:26: expected the name of a mark above this line, found 'm'"},
    {NODES, "capture c g:wan0\njudge links c least 0", NULL,
     "L:2:21: expected how many IPsec packets (1 to 4294967295), found '0'"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        char error[SCRIPT_ERROR];
        struct scenario *s = parse(mistakes[i].topology, mistakes[i].timeline, mistakes[i].variant, error);
        assert_null(s);
        assert_string_equal(error, mistakes[i].error);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static char topology[400000];
    char error[SCRIPT_ERROR];
    size_t n = 0;
    for (unsigned i = 0; i < SCENARIO_NODES + 1; i++)
        n += (size_t)sprintf(topology + n, "node n%u host\n", i);
    assert_null(parse(topology, NULL, NULL, error));
    assert_string_equal(error, "T:65:1: more than 64 nodes");
    memset(topology, 'x', SCRIPT_LINE + 10);
    topology[SCRIPT_LINE + 10] = '\0';
    assert_null(parse(topology, NULL, NULL, error));
    assert_non_null(strstr(error, "statement longer than 4095 characters"));
    for (n = 0; n < SCRIPT_WORDS + 1; n++)
        memcpy(topology + 2 * n, "x ", 3);
    assert_null(parse(topology, NULL, NULL, error));
    assert_string_equal(error, "T:1:97: more than 48 words in a statement");
}

static void test_drawing(void **state)
{
    (void)state;
    char error[SCRIPT_ERROR];
    struct scenario *s = parse(NODES "link l3 r:e2 g:wan1\n", NULL, NULL, error);
    assert_non_null(s);
    char *drawing = draw_topology(s);
    assert_string_equal(drawing, "+---+       +---+         +---+\n"
                                 "| a |-l1----|   |-l2------|   |\n"
                                 "+---+       | g |-l3------| r |\n"
                                 "            +---+         +---+\n");
    free(drawing);
    scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_topology), cmocka_unit_test(test_first_variant_is_the_default),
        cmocka_unit_test(test_farm),          cmocka_unit_test(test_routing),
        cmocka_unit_test(test_good_timeline), cmocka_unit_test(test_judge),
        cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_drawing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
