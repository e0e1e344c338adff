/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to models and back: every command round trips, canonical texts are fixed points, and bad lines are
 * refused with exactly the message and the column that a person needs. */
#include "test.h"

/* ---- Round trips
 * ------------------------------------------------------------------------------------------------- */

static void expect_fixed_point(const char *text)
{
    struct reading_of r;
    struct text out;
    read_text(&r, text);
    if (r.result != 0)
        print_error("%s", text_get(&r.messages));
    assert_int_equal(r.result, 0);
    text_init(&out);
    assert_int_equal(config_write(&r.grammar, &r.config, false, &out), 0);
    assert_string_equal(text_get(&out), text);
    struct config copy;
    assert_int_equal(config_copy(&r.config, &copy), 0);
    text_clear(&out);
    assert_int_equal(config_write(&r.grammar, &copy, false, &out), 0);
    assert_string_equal(text_get(&out), text);
    config_done(&copy);
    text_done(&out);
    read_done(&r);
}

static void test_vectors(void **state)
{
    static const char *const files[] = {"hub_west.txt", "hub_east.txt", "spoke.txt", "everything.txt"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *text = read_vector(files[i]);
        expect_fixed_point(text);
        free(text);
    }
}

/* Lines as people type them, and the whole canonical text that they become. */
static const struct {
    const char *typed, *canonical;
} spellings[] = {
    {"HOSTNAME Gw\n", "hostname Gw\n!\n"},
    {"cry isa pol 7\nencryption 3des\nexit\n", "crypto isakmp policy 7\n encr 3des\n!\n"},
    {"crypto isakmp policy 7\n encr aes 128\n hash sha\n life 60\n",
     "crypto isakmp policy 7\n encr aes\n hash sha\n lifetime 60\n!\n"},
    {"crypto isakmp policy 7\n group 31\n no group\n default hash\n", "crypto isakmp policy 7\n!\n"},
    {"crypto isakmp policy 7\nno crypto isakmp policy 7\n", ""},
    {"crypto isakmp key 0 a|b address 10.1.2.3 255.255.255.255\n",
     "crypto isakmp key a|b address 10.1.2.3\n"},
    {"crypto isakmp key 0 0 address 10.1.2.3\n", "crypto isakmp key 0 0 address 10.1.2.3\n"},
    {"crypto isakmp key 6 address 10.1.2.3\n", "crypto isakmp key 0 6 address 10.1.2.3\n"},
    {"crypto isakmp key address address 10.1.2.3\n", "crypto isakmp key address address 10.1.2.3\n"},
    {"crypto isakmp key k address 0.0.0.0\n", "crypto isakmp key k address 0.0.0.0 0.0.0.0\n"},
    {"crypto isakmp key k address ipv6 2001:DB8::1\n", "crypto isakmp key k address ipv6 2001:db8::1/128\n"},
    {"crypto isakmp key k address 1.1.1.1\nno crypto isakmp key k address 1.1.1.1\n", ""},
    {"crypto isakmp keepalive 20 on-demand\n", "crypto isakmp keepalive 20 on-demand\n"},
    {"crypto isakmp keepalive 20 3\nno crypto isakmp keepalive\n", ""},
    {"crypto isakmp identity dn\n", "crypto isakmp identity dn\n"},
    {"cry ips sec repl dis\n", "crypto ipsec security-association replay disable\n"},
    {"crypto ipsec transform-set T esp-sha-hmac esp-3des ah-md5-hmac\n",
     "crypto ipsec transform-set T ah-md5-hmac esp-3des esp-sha-hmac\n!\n"},
    {"crypto ipsec transform-set T esp-aes 128\n mode tunnel\n no mode\n",
     "crypto ipsec transform-set T esp-aes\n!\n"},
    {"crypto map m 5 ipsec-i\n set pfs\n set peer 1.1.1.1 default\n set peer 1.1.1.2 default\n",
     "crypto map m 5 ipsec-isakmp\n set peer 1.1.1.1\n set peer 1.1.1.2 default\n set pfs group1\n!\n"},
    {"crypto map m 5 ipsec-isakmp\ncrypto map m 5\n description a  b \n no crypto map m 6\n", NULL},
    {"crypto map m 5 ipsec-isakmp\n set peer 1.1.1.1\nno crypto map m 5\n", ""},
    {"int Fa 0/0\n ip addr 1.2.3.4 255.255.255.0\n ip addr 1.2.3.5 255.255.255.0\n",
     "interface FastEthernet0/0\n ip address 1.2.3.5 255.255.255.0\n!\n"},
    {"int s1/0:0\n no ip address\n no shut\ninterface fastethernet 0/0\nno int Serial 1/0:0\n",
     "interface FastEthernet0/0\n!\n"},
    {"int eth0\n ip address 1.2.3.4 255.255.255.0\n no ip address 1.2.3.4 255.255.255.0\n dupl half\n no "
     "duplex half\n default duplex half\n",
     "interface eth0\n!\n"},
    {"int eth0\nip routing\nip route 0.0.0.0 0.0.0.0 9.9.9.9\n",
     "ip routing\n!\ninterface eth0\n!\nip route 0.0.0.0 0.0.0.0 9.9.9.9\n!\n"},
    {"ip route 1.2.0.0 255.255.0.0 eth0\nno ip route 1.2.0.0 255.255.0.0\n", ""},
    {"access-list 100 permit ip 1.2.3.4 0.0.0.0 0.0.0.0 255.255.255.255\n",
     "access-list 100 permit ip host 1.2.3.4 any\n!\n"},
    {"ip access-list ext x\n30 permit ip any any\n10 permit 50 any any\n20 deny 17 any eq 500 any\nno 10\n",
     "ip access-list extended x\n 20 deny udp any eq isakmp any\n permit ip any any\n!\n"},
    {"ip access-list ext x\n permit ip any any\n permit tcp any any\n no permit ip any any\n",
     "ip access-list extended x\n 20 permit tcp any any\n!\n"},
    {"ip access-list ext x\n permit ip any any\nno ip access-list extended x\n", ""},
    {"no vpdn\nno router bgp 7\nint eth0\n no ip mtu\n no ppp\n",
     "no vpdn\nno router bgp 7\n!\ninterface eth0\n no ip mtu\n no ppp\n!\n"},
    {"no ip domain-lookup\nip domain-lookup\n", "ip domain-lookup\n!\n"},
    {"\xef\xbb\xbfhostname a\r\n\t! comment\r\n\r\n  ! more\r\n", "hostname a\n!\n"},
};

static void test_spellings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
        struct reading_of r;
        struct text out, expected;
        read_text(&r, spellings[i].typed);
        if ((spellings[i].canonical == NULL) != (r.result != 0))
            fail_msg("'%s': %s", spellings[i].typed, text_get(&r.messages));
        if (spellings[i].canonical != NULL) {
            text_init(&out);
            text_init(&expected);
            text_printf(&expected, "%send\n", spellings[i].canonical);
            assert_int_equal(config_write(&r.grammar, &r.config, false, &out), 0);
            assert_string_equal(text_get(&out), text_get(&expected));
            expect_fixed_point(text_get(&expected));
            text_done(&out);
            text_done(&expected);
        }
        read_done(&r);
    }
}

/* ---- Bad lines
 * --------------------------------------------------------------------------------------------------- */

#define MAP "crypto map m 1 ipsec-isakmp\n"
#define ACL "ip access-list extended a\n"

static const struct {
    const char *text, *message; /* without "f:" */
} bad[] = {
    {"crpyto isakmp policy 1\n", "1:1: error: unknown command 'crpyto'; did you mean 'crypto'?"},
    {"\n  frobnicate 1\n", "2:3: error: unknown command 'frobnicate'"},
    {"s\n", "1:1: error: 's' is ambiguous: 'service', 'snmp-server', 'scheduler' or 'ssp'"},
    {"crypto isakmp keepalve 10\n",
     "1:15: error: unexpected 'keepalve', expected 'enable', 'policy', 'key', 'keepalive', "
     "'identity', 'nat', 'invalid-spi-recovery', 'aggressive-mode', 'fragmentation', "
     "'peer' ...; did you mean 'keepalive'?"},
    {"crypto isakmp policy\n", "1:21: error: incomplete command, expected <1-10000>"},
    {"crypto isakmp policy 10001\n", "1:22: error: 10001 is out of range, expected <1-10000>"},
    {"crypto isakmp policy 99999999999999999999\n",
     "1:22: error: 99999999999999999999 is out of range, expected <1-10000>"},
    {"crypto isakmp policy 1 2\n", "1:24: error: unexpected '2' after the end of the command"},
    {"crypto isakmp policy 1\n encr aes 25\n",
     "2:11: error: unexpected '25', expected '128', '192', '256' or the end of "
     "the line"},
    {"crypto isakmp policy 1\n group 24\n", "2:8: error: unexpected '24', expected '1', '2', '5', '14', "
                                            "'15', '16', '19', '20', '21' or '31'"},
    {"crypto isakmp policy 1\n hash s\n",
     "2:7: error: 's' is ambiguous: 'sha', 'sha256', 'sha384' or 'sha512'"},
    {"crypto isakmp policy 1\n lifetime 59\n", "2:11: error: 59 is out of range, expected <60-86400>"},
    {"crypto isakmp keepalive 9\n", "1:25: error: 9 is out of range, expected <10-3600>"},
    {"crypto isakmp keepalive 10 61\n", "1:28: error: 61 is out of range, expected <2-60>"},
    {"crypto isakmp key k address 1.2.3.256\n", "1:29: error: '1.2.3.256' is not an IPv4 address"},
    {"crypto isakmp key k address 1.2.3.4 255.0.255.0\n", "1:37: error: '255.0.255.0' is not a network mask"},
    {"crypto isakmp key 6 k address 1.2.3.4\n",
     "1:19: error: encrypted keys (type 6) are not supported: give the key itself, as type 0"},
    {"crypto ipsec transform-set t esp-des esp-aes\n",
     "1:38: error: a transform set has at most one ESP encryption transform"},
    {"crypto ipsec transform-set t esp-gcm esp-sha-hmac\n",
     "1:1: error: esp-gcm authenticates by itself: leave esp-sha-hmac out"},
    {"crypto ipsec transform-set t esp-null\n", "1:1: error: transform set 't' protects nothing"},
    {"crypto ipsec security-association replay window-size 65\n",
     "1:54: error: unexpected '65', expected '64', '128', '256', '512', '1024', '2048' or '4096'"},
    {"crypto map m 0 ipsec-isakmp\n", "1:14: error: 0 is out of range, expected <1-65535>"},
    {"crypto map m 1\n",
     "1:14: error: crypto map 'm' has no entry 1: 'ipsec-isakmp' behind it makes a new one"},
    {MAP "sett peer 1.1.1.1\n", "2:1: error: unknown command 'sett'; did you mean 'set'?"},
    {MAP " set peer 1.1.1\n", "2:11: error: '1.1.1' is not an IPv4 address"},
    {MAP " set peer 224.0.0.1\n", "2:11: error: 224.0.0.1 cannot be the address of a peer"},
    {MAP " set transform-set a b a\n", "2:24: error: 'a' stands here twice"},
    {MAP " set transform-set a b c d e f g\n", "2:32: error: an entry has at most 6 transform sets"},
    {MAP " set transform-set t\n", "2:20: error: crypto map m 1: transform set 't' does not exist"},
    {MAP " match address a\n", "2:16: error: crypto map m 1: access list 'a' does not exist"},
    {MAP " set pfs group3\n",
     "2:10: error: unexpected 'group3', expected 'group1', 'group2', 'group5', 'group14', 'group15', "
     "'group16', "
     "'group19', 'group20', 'group21', 'group31' or the end of the line; did you mean 'group1'?"},
    {MAP " set ikev2-profile x\n",
     "2:2: error: 'set ikev2-profile' is not supported by this version of Holdfast"},
    {"no crypto map m\n", "1:15: error: there is no crypto map 'm'"},
    {"crypto map m local-address Loopback0\n",
     "1:28: error: crypto map m: local-address names interface Loopback0, which does not exist"},
    {"interface Fa\n", "1:13: error: incomplete command, expected interface number"},
    {"interface T1/0\n", "1:11: error: 'T1/0' is not the name of an interface"},
    {"interface eth0\n crypto map none\n", "2:13: error: interface eth0: crypto map 'none' does not exist"},
    {"interface eth0\n ip address 10.0.0.0 255.0.0.0\n",
     "2:13: error: 10.0.0.0 is the network address of its network"},
    {"interface eth0\n ip address 10.0.0.1 0.0.0.255\n", "2:22: error: '0.0.0.255' is not a network mask"},
    {"interface eth0\n ipv6 address 2001:db8::g/64\n",
     "2:15: error: '2001:db8::g/64' is not an IPv6 prefix, expected X:X:X:X::X/<0-128>"},
    {"interface eth0\n device a/b\n", "2:9: error: 'a/b' is not the name of a Linux device"},
    {"interface eth0\n device seventeen-letters\n", "2:9: error: a device name has at most 15 characters"},
    {"interface eth0\n ip adress 1.1.1.1 255.0.0.0\n",
     "2:5: error: unexpected 'adress', expected 'address', 'proxy-arp', 'redirects', 'unreachables', "
     "'directed-broadcast', "
     "'mask-reply', 'route-cache', 'mroute-cache', 'ospf', 'hello-interval' ...; did you mean 'address'?"},
    {"interface eth0\n tunnel source eth1\n",
     "2:2: error: 'tunnel' is not supported by this version of Holdfast"},
    {"interface eth0\n ip address 1.1.1.1 255.0.0.0\ninterface eth1\n ip address 1.1.1.1 255.0.0.0\n",
     "4:13: error: interface eth1: 1.1.1.1 is already the address of eth0"},
    {"interface Fa0/0\n device eth0\ninterface eth0\n",
     "3:1: error: interface eth0 and interface FastEthernet0/0 are both bound to device eth0"},
    {"interface GigabitEthernet1000/1000/1000\n",
     "1:1: error: interface GigabitEthernet1000/1000/1000: the name is too "
     "long for a device, give one with 'device'"},
    {"interface eth0\n ip address 1.1.1.1 255.0.0.0\n" MAP " set peer 1.1.1.1\n",
     "4:11: error: crypto map m 1: peer 1.1.1.1 is the address of our interface eth0"},
    {"ip route 10.1.0.0 255.0.0.0 1.1.1.1\n",
     "1:10: error: 10.1.0.0 has bits outside its mask, expected 10.0.0.0/8"},
    {"ip route 10.0.0.0 255.0.0.0\n", "1:28: error: incomplete command, expected A.B.C.D or INTERFACE"},
    {"ip route 10.0.0.0 255.0.0.0 Serial0/0\n",
     "1:29: error: a route names interface Serial0/0, which does not exist"},
    {ACL " permit ip any eq 1 any\n", "2:16: error: only tcp and udp have ports"},
    {ACL " permit tcp any range 9 8 any\n", "2:25: error: the range ends before it begins"},
    {ACL " permit tcp any gt 65535 any\n", "2:20: error: no port is greater than 65535"},
    {ACL " permit udp any eq isakmpp any\n",
     "2:20: error: unexpected 'isakmpp', expected <0-65535> or port name"},
    {ACL " 10 permit ip any any\n 10 deny ip any any\n",
     "3:2: error: access list 'a' has another entry 10 already"},
    {"ip access-list extended 5\n",
     "1:25: error: 5 is not the number of an extended access list, expected <100-199> or "
     "<2000-2699>"},
    {ACL "ipv6 access-list a\n", "2:18: error: 'a' is already the name of an IPv4 access list"},
    {"no ip\n", "1:6: error: incomplete command, expected 'subnet-zero', 'classless', 'cef', 'routing', "
                "'domain-lookup', 'domain', 'domain-name', 'name-server', 'source-route', 'finger' ..."},
    {"interface eth0\n no ip proxi-arp\n",
     "2:8: error: unexpected 'proxi-arp', expected 'address', 'proxy-arp', 'redirects', 'unreachables', "
     "'directed-broadcast', 'mask-reply', 'route-cache', 'mroute-cache', 'ospf', 'hello-interval' ...; did "
     "you mean 'proxy-arp'?"},
    {"router isis\n net 49.0001\n", "1:1: error: 'router isis' is not supported by this version of Holdfast"},
    {"router bgp 1\nneighbor 10.0.0.1 remote-as 2\n",
     "1:1: error: 'router bgp' is not supported by this version of Holdfast"},
    {"hostname a\x02\n", "1:11: error: control character 0x02 in the text"},
    {"crypto isakmp policy 1\n authentication pre-share\n" MAP " set peer 9.9.9.9\n",
     "4:11: error: crypto map m 1: there is no pre-shared key for peer 9.9.9.9"},
};

/* The only error of the text, however many warnings it has. */
static void expect_only_error(const char *text, const char *message)
{
    struct reading_of r;
    char line[GRAMMAR_FAULT_TEXT + 64];
    read_text(&r, text);
    snprintf(line, sizeof(line), "f:%s\n", message);
    if (strstr(text_get(&r.messages), line) == NULL || r.errors.errors != 1 || r.result >= 0)
        fail_msg("for '%s'\nexpected %sgot %s", text, line, text_get(&r.messages));
    assert_int_equal(r.config.crypto_maps.count + r.config.interfaces.count, 0);
    read_done(&r);
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_only_error(bad[i].text, bad[i].message);
}

/* All errors in one pass, each once, also below a line that is wrong itself. */
static void test_all_errors(void **state)
{
    struct reading_of r;
    (void)state;
    read_text(&r, "crypto map m x ipsec-isakmp\n set peer 1.1.1.1\n set pear 1.1.1.2\ncrypto isakmp policy "
                  "0\n hash md6\n"
                  "router bgp 1\n network 1.1.1.0\nhostname\n");
    assert_int_equal(r.result, -EINVAL);
    assert_int_equal(r.errors.errors, 6);
    static const uint32_t lines[] = {1, 3, 4, 5, 6, 8};
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(r.errors.list.items[i].place.line, lines[i]);
    read_done(&r);
}

static void test_long_lines(void **state)
{
    char text[CONFIG_MAX_LINE + 50];
    struct reading_of r;
    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "hostname ", 9);
    text[CONFIG_MAX_LINE + 20] = 0;
    read_text(&r, text);
    assert_string_equal(text_get(&r.messages), "f:1:1001: error: the line is longer than 1000 characters\n");
    read_done(&r);
    text[9 + CONFIG_MAX_NAME + 1] = 0;
    read_text(&r, text);
    assert_string_equal(text_get(&r.messages), "f:1:10: error: a host name has at most 63 characters\n");
    read_done(&r);
    memcpy(text, "crypto map ", 11);
    strcpy(text + 11 + CONFIG_MAX_NAME + 1, " 1 ipsec-isakmp");
    memset(text + 9, 'b', 2);
    memcpy(text, "crypto map ", 11);
    memset(text + 11, 'n', CONFIG_MAX_NAME + 1);
    read_text(&r, text);
    assert_string_equal(text_get(&r.messages),
                        "f:1:12: error: a name has at most 63 characters, this one 64\n");
    read_done(&r);
}

static void test_limits(void **state)
{
    struct text t;
    struct reading_of r;
    (void)state;
    text_init(&t);
    text_add(&t, MAP);
    for (int i = 1; i <= CONFIG_MAX_PEERS + 1; i++)
        text_printf(&t, " set peer 10.0.0.%d\n", i);
    read_text(&r, text_get(&t));
    assert_non_null(
        strstr(text_get(&r.messages),
               "f:42:2: error: too many: at most 40 peers of one crypto map entry can be configured\n"));
    assert_int_equal(r.errors.errors, 1);
    read_done(&r);
    text_clear(&t);
    text_add(&t, "interface eth0\n");
    for (int i = 0; i <= CONFIG_MAX_ADDRESSES; i++)
        text_printf(&t, " ip address 10.%d.%d.1 255.255.255.0 secondary\n", i / 256, i % 256);
    read_text(&r, text_get(&t));
    assert_non_null(strstr(text_get(&r.messages), "at most 256 addresses of one interface"));
    read_done(&r);
    text_clear(&t);
    for (int i = 0; i < CONFIG_MAX_ERRORS + 5; i++)
        text_add(&t, "nonsense\n");
    read_text(&r, text_get(&t));
    assert_int_equal(r.errors.list.count, CONFIG_MAX_ERRORS);
    assert_non_null(strstr(text_get(&r.messages), "... and 5 more\n"));
    read_done(&r);
    text_done(&t);
}

/* ---- One line at a time
 * ------------------------------------------------------------------------------------------ */

static void test_terminal(void **state)
{
    static const struct {
        const char *line;
        int result;
        uint8_t mode;
    } lines[] = {
        {"crypto map m 10 ipsec-isakmp", 0, CONFIG_MODE_CRYPTO_MAP},
        {"set peer 1.1.1.1", 0, CONFIG_MODE_CRYPTO_MAP},
        {"set pear 1.1.1.1", -EINVAL, CONFIG_MODE_CRYPTO_MAP},
        {"crypto map m 5 ipsec-isakmp", 0, CONFIG_MODE_CRYPTO_MAP},
        {"set peer 2.2.2.2", 0, CONFIG_MODE_CRYPTO_MAP},
        {"crypto map m x", -EINVAL, CONFIG_MODE_CRYPTO_MAP},
        {"no crypto map m 10", 0, CONFIG_MODE_GLOBAL},
        {"set peer 3.3.3.3", -EINVAL, CONFIG_MODE_GLOBAL},
        {"router bgp 1", -EINVAL, CONFIG_MODE_GLOBAL},
        {"network 10.0.0.0 0.0.0.255 area 0", -EINVAL, CONFIG_MODE_GLOBAL},
        {"ip access-list extended a", 0, CONFIG_MODE_ACCESS_LIST},
        {"permit ip any any", 0, CONFIG_MODE_ACCESS_LIST},
        {"permit ip any any", 0, CONFIG_MODE_ACCESS_LIST},
        {"exit", 0, CONFIG_MODE_GLOBAL},
        {"interface Fa0/0", 0, CONFIG_MODE_INTERFACE},
        {"end", 0, CONFIG_MODE_GLOBAL},
    };
    struct reading_of r;
    struct config_session s;
    (void)state;
    read_text(&r, "");
    config_session_init(&s, &r.grammar, &r.config, &r.errors);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        if (config_apply_line(&s, lines[i].line) != lines[i].result || s.mode != lines[i].mode)
            fail_msg("'%s': mode %u", lines[i].line, s.mode);
        assert_int_equal(s.ended, i + 1 == ARRAY_SIZE(lines));
    }
    assert_int_equal(r.config.crypto_maps.items[0].entries.count, 1);
    assert_int_equal(r.config.crypto_maps.items[0].entries.items[0].sequence, 5);
    assert_int_equal(r.config.access_lists.items[0].entries.count, 1);
    read_done(&r);
}

static void test_model(void **state)
{
    struct reading_of r;
    char *text = read_vector("everything.txt"), device[CONFIG_MAX_DEVICE + 1];
    struct address a;
    (void)state;
    read_text(&r, text);
    assert_int_equal(r.result, 0);
    const struct config_isakmp_policy *p = config_find_policy(&r.config, 20);
    assert_int_equal(p->encryption, CONFIG_ENCRYPTION_3DES);
    assert_int_equal(p->hash, CONFIG_HASH_SHA);
    assert_int_equal(p->authentication, CONFIG_AUTHENTICATION_RSA_SIG);
    assert_int_equal(p->lifetime, 86400);
    assert_true(address_parse("9.1.1.130", &a));
    assert_string_equal(config_find_key(&r.config, &a)->secret.text, "cisco");
    assert_true(address_parse("10.9.9.9", &a));
    assert_string_equal(config_find_key(&r.config, &a)->secret.text, "many");
    assert_true(address_parse("8.8.8.8", &a));
    assert_string_equal(config_find_key(&r.config, &a)->secret.text, "everyone");
    assert_true(address_parse("2001:db8::77", &a));
    assert_string_equal(config_find_key(&r.config, &a)->secret.text, "six");
    assert_true(address_parse("2001:db9::77", &a));
    assert_null(config_find_key(&r.config, &a));
    const struct config_crypto_map_entry *e =
        config_find_crypto_map_entry(config_find_crypto_map(&r.config, "outside"), 10);
    assert_int_equal(e->peers.count, 4);
    assert_true(e->peers.items[1].is_default);
    assert_int_equal(e->access_list.place.line, 66);
    assert_null(config_find_crypto_map(&r.config, "OUTSIDE"));
    const struct config_access_list *l = config_find_access_list(&r.config, "101");
    assert_int_equal(l->entries.items[1].destination.port_low, 1024);
    assert_int_equal(l->entries.items[1].destination.port_high, 65535);
    assert_int_equal(l->entries.items[1].source.length, 8);
    assert_true(interface_device(config_find_interface(&r.config, "Serial1/0:0"), device));
    assert_string_equal(device, "wan0");
    assert_true(interface_device(config_find_interface(&r.config, "FastEthernet0/10"), device));
    assert_string_equal(device, "fa0_10");
    /* Half of a thousand entries like this one must stay within their memory. */
    size_t cost =
        sizeof(*e) + 2 * sizeof(e->peers.items[0]) + 2 * sizeof(e->transform_sets.items[0]) + 3 * 32;
    assert_true(cost < 512);
    read_done(&r);
    free(text);
}

static void test_masked(void **state)
{
    static const char *const secrets[] = {"cisco",   "everyone",  "many",    "key six",
                                          "by-name", " secret\n", "$1$abcd", "hush"};
    struct reading_of r;
    struct text out;
    char *text = read_vector("everything.txt");
    (void)state;
    read_text(&r, text);
    text_init(&out);
    assert_int_equal(config_write(&r.grammar, &r.config, true, &out), 0);
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        assert_non_null(strstr(text, secrets[i]));
        assert_null(strstr(text_get(&out), secrets[i]));
    }
    assert_non_null(strstr(text_get(&out), "crypto isakmp key <removed> address 9.1.1.130\n"));
    text_done(&out);
    read_done(&r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_spellings),  cmocka_unit_test(test_bad),
        cmocka_unit_test(test_all_errors), cmocka_unit_test(test_long_lines), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_terminal),   cmocka_unit_test(test_model),      cmocka_unit_test(test_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
