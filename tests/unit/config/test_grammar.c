/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar engine by itself: compiling texts, matching with abbreviations, choosing between readings,
 * completion, filters behind a bar, interface names, and the command reference. */
#include "config/interface_name.h"
#include "test.h"

enum { SHOW_ISAKMP = 1, SHOW_IPSEC, SHOW_MAP, CLEAR_SA, PING, CONFIGURE, DEBUG_CRYPTO };

/* As the control process will have them. */
static const struct grammar_command exec[] = {
    {.id = SHOW_ISAKMP,
     .flags = GRAMMAR_CAN_PIPE,
     .grammar = "show crypto isakmp {sa [detail]|policy}",
     .help = "Show\nEncryption\nISAKMP\nSecurity associations\nMore\nPolicies\n"},
    {.id = SHOW_IPSEC,
     .flags = GRAMMAR_CAN_PIPE,
     .grammar = "show crypto ipsec sa [peer ADDRESS|map NAME|interface INTERFACE] [detail]",
     .help = "Show\nEncryption\nIPsec\nSecurity associations\nBy peer\nAddress\nBy map\nName\nBy "
             "interface\nName\nMore\n"},
    {.id = SHOW_MAP,
     .flags = GRAMMAR_CAN_PIPE,
     .grammar = "show crypto map [NAME]",
     .help = "Show\nEncryption\nCrypto maps\nName\n"},
    {.id = CLEAR_SA,
     .grammar = "clear crypto {isakmp [<1-65535>:id]|sa}",
     .help = "Clear\nEncryption\nISAKMP\nId\nSAs\n"},
    {.id = PING,
     .grammar = "ping {ADDRESS|HOSTNAME} [source {INTERFACE:from|ADDRESS:from}|repeat <1-1000000>:n|size "
                "<36-18024>:n2]...",
     .help = "Ping\nAddress\nName\nFrom\nInterface\nAddress\nHow often\nTimes\nHow large\nBytes\n"},
    {.id = CONFIGURE, .grammar = "configure terminal", .help = "Configure\nFrom the terminal\n"},
    {.id = DEBUG_CRYPTO,
     .no_tokens = 2,
     .grammar = "debug crypto {isakmp|ipsec}",
     .help = "Debug\nCrypto\nIKE\nIPsec\n"},
};

static const struct grammar_mode exec_mode = {GRAMMAR_MODE_EXEC, GRAMMAR_MODE_NONE, "", "Exec"};

static void with_exec(struct grammar *g)
{
    assert_int_equal(config_grammar_init(g), 0);
    assert_int_equal(grammar_add_modes(g, &exec_mode, 1), 0);
    assert_int_equal(grammar_add(g, exec, ARRAY_SIZE(exec)), 0);
}

static void test_compile(void **state)
{
    static const struct {
        const char *grammar, *help;
        bool good;
    } texts[] = {
        {"a", "x\n", true},
        {"a", "x", true},
        {"a b", "x\n", false},
        {"a", "x\ny\n", false},
        {"a {b|c", "x\ny\nz\n", false},
        {"a b}", "x\ny\n", false},
        {"[a]", "x\n", false},
        {"a <5-1>", "x\ny\n", false},
        {"a <5>", "x\ny\n", false},
        {"a FOO", "x\ny\n", false},
        {"a:", "x\n", false},
        {"a {b|[c]} d...", "x\ny\nz\nw\n", true},
        {"", "", false},
        {"a INTERFACE:one", "x\ny\n", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct grammar g;
        struct grammar_command c = {.mode = 1, .grammar = texts[i].grammar, .help = texts[i].help};
        grammar_init(&g);
        int r = grammar_add(&g, &c, 1);
        if ((r == 0) != texts[i].good)
            fail_msg("'%s' gives %d", texts[i].grammar, r);
        grammar_done(&g);
    }
}

static const struct {
    const char *line;
    int id;               /* 0: no match */
    const char *expected; /* of a match: the words, of a fault: the text */
} lines[] = {
    {"sh cry isa sa", SHOW_ISAKMP, "show crypto isakmp sa"},
    {"SHOW Crypto ISAKMP sa DET", SHOW_ISAKMP, "show crypto isakmp sa detail"},
    {"sh cr i sa", 0, "'i' is ambiguous: 'isakmp' or 'ipsec'"},
    {"sh cr ip sa int Se 1/0:0 d", SHOW_IPSEC, "show crypto ipsec sa interface Serial1/0:0 detail"},
    {"sh cr ip sa peer 2001:db8::1", SHOW_IPSEC, "show crypto ipsec sa peer 2001:db8::1"},
    {"sh cr ip sa peer x", 0, "unexpected 'x', expected A.B.C.D or X:X:X:X::X"},
    {"sh cr map", SHOW_MAP, "show crypto map"},
    {"sh cr map Vpn", SHOW_MAP, "show crypto map Vpn"},
    {"cl cr s", CLEAR_SA, "clear crypto sa"},
    {"c cr s", 0, "'c' is ambiguous: 'clear' or 'configure'"},
    {"conf t", CONFIGURE, "configure terminal"},
    {"ping host.example", PING, "ping host.example"},
    {"ping 1.2.3.4 size 100 repeat 5 source fa0/0", PING,
     "ping 1.2.3.4 size 100 repeat 5 source FastEthernet0/0"},
    {"ping 1.2.3.4 size 99999", 0, "99999 is out of range, expected <36-18024>"},
    {"ping", 0, "incomplete command, expected A.B.C.D or X:X:X:X::X or HOSTNAME"},
    {"no debug crypto isa", DEBUG_CRYPTO, "no debug crypto isakmp"},
    {"no debug crypto", DEBUG_CRYPTO, "no debug crypto"},
    {"no debug", 0, "incomplete command, expected 'crypto'"},
    {"no ping 1.1.1.1", 0, "unknown command 'no ping'"},
    {"conf t | inc x", 0, "the output of this command cannot be filtered"},
    {"sh cr map |", 0, "after '|' expected include, exclude, begin, section, count or json"},
    {"sh cr map | foo", 0, "after '|' expected include, exclude, begin, section, count or json"},
    {"sh cr map | inc", 0, "'| include' needs a regular expression"},
    {"sh cr map | json x", 0, "unexpected text after '| json'"},
    {"shw cr map", 0, "unknown command 'shw'; did you mean 'show'?"},
};

static void test_match(void **state)
{
    struct grammar g;
    struct text t;
    (void)state;
    with_exec(&g);
    text_init(&t);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct grammar_call call;
        struct grammar_fault fault;
        enum grammar_result r = grammar_match(&g, GRAMMAR_MODE_EXEC, lines[i].line, &call, &fault);
        text_clear(&t);
        if (r == GRAMMAR_OK)
            grammar_call_print(&call, &t);
        else
            text_add(&t, fault.text);
        int id = r == GRAMMAR_OK ? call.command->id : 0;
        if (id != lines[i].id || strcmp(text_get(&t), lines[i].expected) != 0)
            fail_msg("'%s' gives %d '%s'", lines[i].line, id, text_get(&t));
    }
    text_done(&t);
    grammar_done(&g);
}

static void test_values(void **state)
{
    struct grammar g;
    struct grammar_call call;
    struct grammar_fault fault;
    (void)state;
    with_exec(&g);
    assert_int_equal(grammar_match(&g, 0, "ping 10.0.0.1 rep 7 size 1400", &call, &fault), GRAMMAR_OK);
    assert_int_equal(grammar_number(&call, "n", 5), 7);
    assert_int_equal(grammar_number(&call, "n2", 5), 1400);
    assert_int_equal(grammar_number(&call, "n3", 5), 5);
    assert_int_equal(grammar_arg(&call, "address")->address.family, ADDRESS_V4);
    assert_int_equal(grammar_arg(&call, "size")->column, 21);
    assert_false(grammar_has(&call, "source"));
    assert_int_equal(grammar_match(&g, 0, "sh cr map vpn | i ^Peer = .*$  ", &call, &fault), GRAMMAR_OK);
    assert_int_equal(call.filter, GRAMMAR_FILTER_INCLUDE);
    assert_string_equal(call.filter_text, "^Peer = .*$  ");
    assert_string_equal(grammar_arg(&call, "name")->text, "vpn");
    assert_int_equal(grammar_match(&g, 0, "sh cr map | json", &call, &fault), GRAMMAR_OK);
    assert_int_equal(call.filter, GRAMMAR_FILTER_JSON);
    assert_null(grammar_arg(&call, "name"));
    char line[3000];
    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = 0;
    assert_int_equal(grammar_match(&g, 0, line, &call, &fault), GRAMMAR_UNKNOWN);
    for (size_t i = 1; i < sizeof(line) - 1; i += 2)
        line[i] = ' ';
    assert_int_equal(grammar_match(&g, 0, line, &call, &fault), GRAMMAR_UNKNOWN);
    assert_int_equal(grammar_match(&g, 0, "   ", &call, &fault), GRAMMAR_EMPTY);
    assert_int_equal(grammar_match(&g, 0, " ! no", &call, &fault), GRAMMAR_EMPTY);
    grammar_done(&g);
}

static const struct {
    uint8_t mode;
    const char *text, *candidates; /* joined by blanks */
    const char *tab;               /* NULL: nothing */
} completions[] = {
    {0, "sh", "show", "ow "},
    {0, "", "clear configure debug ping show", ""},
    {0, "show crypto ", "ipsec isakmp map", NULL},
    {0, "show crypto i", "ipsec isakmp", NULL},
    {0, "show crypto ip", "ipsec", "sec "},
    {0, "show crypto isakmp sa ", "detail | <cr>", NULL},
    {0, "show crypto map ", "WORD | <cr>", NULL},
    {0, "show crypto map | ", "begin count exclude include json section", NULL},
    {0, "show crypto map | in", "include", "clude "},
    {0, "show crypto map | include ", "LINE", NULL},
    {0, "xyz ", "", NULL},
    {0, "configure terminal ", "<cr>", NULL},
    {CONFIG_MODE_GLOBAL, "crypto isakmp po", "policy", "licy "},
    {CONFIG_MODE_GLOBAL, "crypto isakmp policy ", "<1-10000>", NULL},
    {CONFIG_MODE_GLOBAL, "crypto isakmp keepalive 10 ", "<2-60> on-demand periodic <cr>", NULL},
    {CONFIG_MODE_GLOBAL, "crypto isakmp keepalive 1", "<10-3600>", NULL},
    {CONFIG_MODE_GLOBAL, "no crypto isakmp keep", "keepalive", "alive "},
    {CONFIG_MODE_GLOBAL, "interface Fa", "FastEthernet", "stEthernet"},
    {CONFIG_MODE_CRYPTO_MAP, "set ", "peer pfs reverse-route security-association transform-set", NULL},
    {CONFIG_MODE_CRYPTO_MAP, "set peer ", "A.B.C.D or X:X:X:X::X HOSTNAME", NULL},
    {CONFIG_MODE_CRYPTO_MAP, "set pfs group1", "group1 group14 group15 group16 group19", NULL},
    {CONFIG_MODE_CRYPTO_MAP, "crypto i", "ipsec isakmp", NULL},
    {CONFIG_MODE_ISAKMP_POLICY, "hash ", "md5 sha sha256 sha384 sha512", NULL},
    {CONFIG_MODE_ISAKMP_POLICY, "d", "default", "efault "},
};

static void test_complete(void **state)
{
    struct grammar g;
    (void)state;
    with_exec(&g);
    for (size_t i = 0; i < ARRAY_SIZE(completions); i++) {
        struct grammar_candidate found[64];
        char joined[64 * 65 + 1] = "", tab[80];
        size_t count =
            grammar_complete(&g, completions[i].mode, completions[i].text, found, ARRAY_SIZE(found));
        for (size_t n = 0; n < count && n < ARRAY_SIZE(found); n++) {
            strcat(strcat(joined, n > 0 ? " " : ""), found[n].text);
            assert_non_null(found[n].help);
        }
        if (strcmp(joined, completions[i].candidates) != 0)
            fail_msg("'%s' offers '%s'", completions[i].text, joined);
        bool any = grammar_complete_tab(&g, completions[i].mode, completions[i].text, tab, sizeof(tab));
        if (completions[i].tab != NULL && completions[i].tab[0] != 0 &&
            (!any || strcmp(tab, completions[i].tab) != 0))
            fail_msg("Tab after '%s' adds '%s'", completions[i].text, any ? tab : "nothing");
        if (completions[i].tab == NULL && any && strspn(tab, " ") == strlen(tab))
            fail_msg("Tab after '%s' adds only blanks", completions[i].text);
    }
    grammar_done(&g);
}

/* Each command of the tables is documented, and each of its tokens has help. */
static void test_reference(void **state)
{
    struct grammar g;
    struct text t;
    (void)state;
    with_exec(&g);
    text_init(&t);
    grammar_reference(&g, GRAMMAR_MODE_NONE, &t);
    assert_false(t.failed);
    assert_non_null(strstr(text_get(&t), "## Global configuration\n"));
    assert_non_null(
        strstr(text_get(&t), "### `crypto isakmp keepalive <10-3600> [<2-60>] [periodic|on-demand]`\n"));
    assert_non_null(
        strstr(text_get(&t), "| \\<10-3600> | Seconds without a sign of life before the peer is asked |\n"));
    assert_non_null(strstr(text_get(&t), "Enters: Crypto map entry.\n"));
    assert_null(strstr(text_get(&t), "### `tunnel"));
    for (uint32_t i = 0; i < g.count; i++) {
        for (uint8_t n = 0; n < g.commands[i].count; n++)
            assert_true(strlen(g.commands[i].nodes[n].help) > 1);
        const struct grammar_command *c = g.commands[i].command;
        assert_true(c->mode == 0 || c->apply != NULL || (c->flags & GRAMMAR_UNSUPPORTED));
    }
    text_done(&t);
    grammar_done(&g);
}

static const struct {
    const char *word, *name, *device; /* NULL: refused */
} interfaces[] = {
    {"Serial1/0:0", "Serial1/0:0", "se1_0_0"},
    {"se1/0:0", "Serial1/0:0", "se1_0_0"},
    {"s1/0", "Serial1/0", "se1_0"},
    {"S1", "Serial1", "se1"},
    {"s1", "s1", "s1"},
    {"fa0/0", "FastEthernet0/0", "fa0_0"},
    {"F0/0.100", "FastEthernet0/0.100", "fa0_0.100"},
    {"GigabitEthernet0/1", "GigabitEthernet0/1", "gi0_1"},
    {"Te1/0/1", "TenGigabitEthernet1/0/1", "te1_0_1"},
    {"Et0/0", "Ethernet0/0", "et0_0"},
    {"eth0/0", "Ethernet0/0", "et0_0"},
    {"eth0", "eth0", "eth0"},
    {"tun0", "tun0", "tun0"},
    {"tunnel3", "Tunnel3", "tu3"},
    {"lo0", "Loopback0", "lo"},
    {"Loopback1", "Loopback1", "lo"},
    {"lo", "lo", "lo"},
    {"Vlan10", "Vlan10", "vl10"},
    {"Mu1", "Multilink1", "mu1"},
    {"enp1s0", "enp1s0", "enp1s0"},
    {"br-lan.5", "br-lan.5", "br-lan.5"},
    {"FastEthernet0/0/0/0", NULL, NULL},
    {"FastEthernet", NULL, NULL},
    {"Fa", NULL, NULL},
    {"Fa01", NULL, NULL},
    {"Serial1/0:0:0", NULL, NULL},
    {"a/b", NULL, NULL},
    {"9lives", NULL, NULL},
    {"averyveryverylongname", NULL, NULL},
    {"", NULL, NULL},
};

static void test_interface_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++) {
        char name[INTERFACE_NAME_MAX + 1] = "", device[16] = "";
        bool ok = interface_name_parse(interfaces[i].word, name);
        if (ok != (interfaces[i].name != NULL) || (ok && strcmp(name, interfaces[i].name) != 0))
            fail_msg("'%s' gives '%s'", interfaces[i].word, name);
        if (!ok)
            continue;
        assert_true(interface_name_device(name, device, sizeof(device)));
        assert_string_equal(device, interfaces[i].device);
        assert_int_equal(interface_name_compare(name, name), 0);
    }
    char device[16] = "kept";
    assert_false(interface_name_device("GigabitEthernet1000/1000/1000", device, sizeof(device)));
    assert_string_equal(device, "kept");
    assert_true(interface_name_compare("FastEthernet0/2", "FastEthernet0/10") < 0);
    assert_true(interface_name_compare("Serial0/0", "FastEthernet0/10") > 0);
    assert_true(interface_name_compare("eth0", "Serial9") > 0);
    assert_true(interface_name_compare("eth01", "eth1") != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compile),   cmocka_unit_test(test_match),
        cmocka_unit_test(test_values),    cmocka_unit_test(test_complete),
        cmocka_unit_test(test_reference), cmocka_unit_test(test_interface_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
