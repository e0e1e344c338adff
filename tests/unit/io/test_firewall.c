/* SPDX-License-Identifier: Apache-2.0 */
/* The clear twins: as the kernel applies them to real packets between two namespaces' ends of loopback-like
 * devices. A TUN device plays the outside interface: what is written to it comes in, what is read from it
 * left. */
#include "namespace.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "io/firewall.h"
#include "io/firewall_text.h"
#include "io/sysctl.h"
#include "io/tun.h"
#include "wire/ip.h"

enum { MARK = 0x48464601 };

static struct netlink *nl;
static struct tun outside;
static struct firewall *fw;
static struct firewall_counter counted[8];
static size_t counted_count;

static struct firewall_rule rule(bool permit, const char *source, const char *source_wildcard,
                                 const char *destination, const char *destination_wildcard)
{
    struct address s = addr(source), sw = addr(source_wildcard), d = addr(destination),
                   dw = addr(destination_wildcard);
    struct firewall_rule r = {.permit = permit, .family = s.family};
    memcpy(r.source, s.bytes, 16);
    memcpy(r.source_wildcard, sw.bytes, 16);
    memcpy(r.destination, d.bytes, 16);
    memcpy(r.destination_wildcard, dw.bytes, 16);
    r.source_port_high = r.destination_port_high = UINT16_MAX;
    return r;
}

static void remember(void *user, const struct firewall_counter *c)
{
    (void)user;
    assert_true(counted_count < ARRAY_SIZE(counted));
    counted[counted_count++] = *c;
}

static struct firewall_counter counter(uint32_t sequence)
{
    counted_count = 0;
    assert_int_equal(firewall_counters(fw, remember, NULL), 0);
    for (size_t i = 0; i < counted_count; i++)
        if (counted[i].sequence == sequence)
            return counted[i];
    return (struct firewall_counter){0};
}

/* Whether a UDP packet from here would leave by the outside interface. */
static bool leaves(const char *destination, uint16_t port, uint32_t mark)
{
    static uint8_t buffer[TUN_PACKET_MAX];
    struct address a = addr(destination);
    while (tun_read(outside.fd, buffer, sizeof(buffer)) > 0)
        ;
    int s = socket(a.family == ADDRESS_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(s >= 0);
    if (mark)
        assert_int_equal(setsockopt(s, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&v4.sin_addr, a.bytes, 4);
    memcpy(&v6.sin6_addr, a.bytes, 16);
    /* A drop at the last hook shows as EPERM. */
    ssize_t n = a.family == ADDRESS_V4 ? sendto(s, "x", 1, 0, (struct sockaddr *)&v4, sizeof(v4))
                                       : sendto(s, "x", 1, 0, (struct sockaddr *)&v6, sizeof(v6));
    close(s);
    bool left = false;
    ssize_t len;
    while ((len = tun_read(outside.fd, buffer, sizeof(buffer))) > 0) {
        const uint8_t *ip = buffer + TUN_HEADER;
        left |= a.family == ADDRESS_V4 ? memcmp(ip + 16, a.bytes, 4) == 0 : memcmp(ip + 24, a.bytes, 16) == 0;
    }
    assert_true(left == (n == 1));
    return left;
}

/* Whether a UDP packet that came in by the outside interface reaches a socket here. */
static bool arrives(const char *source, const char *destination, uint16_t port)
{
    struct address s = addr(source), d = addr(destination);
    uint8_t packet[64] = {0};
    struct vnet_header {
        uint8_t zero[TUN_HEADER];
    } header = {{0}};
    struct ip_header_fields f = {
        .source = s, .destination = d, .payload_length = 9, .protocol = IP_PROTOCOL_UDP, .ttl = 64};
    size_t at = ip_header_write(packet, &f);
    struct udp_header udp = {be16_of(7), be16_of(port), be16_of(9)};
    memcpy(packet + at, &udp, sizeof(udp));
    packet[at + 8] = 'x';
    udp.checksum = checksum_transport(&s, &d, IP_PROTOCOL_UDP, bytes_of(packet + at, 9));
    memcpy(packet + at, &udp, sizeof(udp));
    int fd = socket(s.family == ADDRESS_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    assert_int_equal(s.family == ADDRESS_V4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
                                            : bind(fd, (struct sockaddr *)&v6, sizeof(v6)),
                     0);
    struct iovec pieces[2] = {{&header, sizeof(header)}, {packet, at + 9}};
    assert_int_equal(tun_write(outside.fd, pieces, 2), 0);
    bool there = readable(fd, 30);
    close(fd);
    return there;
}

/* Whether an ICMP message of `type` to `destination`, which no policy names, leaves with the header of a
 * packet from `source` to `target` in it. */
static bool error_leaves(uint8_t type, const char *destination, const char *source, const char *target,
                         uint8_t protocol)
{
    static uint8_t buffer[TUN_PACKET_MAX];
    struct address to = addr(destination);
    bool v6 = to.family == ADDRESS_V6;
    uint8_t message[8 + 40 + 8] = {type, 1};
    struct ip_header_fields quoted = {.source = addr(source),
                                      .destination = addr(target),
                                      .payload_length = 8,
                                      .protocol = protocol,
                                      .ttl = 1};
    size_t len = 8 + ip_header_write(message + 8, &quoted) + 8;
    int s = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
    memcpy(&v4.sin_addr, to.bytes, 4);
    memcpy(&sin6.sin6_addr, to.bytes, 16);
    while (tun_read(outside.fd, buffer, sizeof(buffer)) > 0)
        ;
    ssize_t n = v6 ? sendto(s, message, len, 0, (struct sockaddr *)&sin6, sizeof(sin6))
                   : sendto(s, message, len, 0, (struct sockaddr *)&v4, sizeof(v4));
    close(s);
    bool left = false;
    while (tun_read(outside.fd, buffer, sizeof(buffer)) > 0)
        left |= memcmp(buffer + TUN_HEADER + (v6 ? 24 : 16), to.bytes, v6 ? 16 : 4) == 0;
    assert_true(left == (n == (ssize_t)len));
    return left;
}

/* The kernel's own ICMP errors have addresses that no access list names, and quote what one protects. */
static void icmp_errors_are_looked_into(void **state)
{
    (void)state;
    struct firewall_rule first[] = {
        rule(false, "10.0.0.0", "0.0.255.255", "10.64.9.0", "0.0.0.255"),
        rule(true, "10.0.0.0", "0.0.255.255", "10.64.0.0", "0.0.255.255"),
    };
    struct firewall_rule second[] = {
        rule(true, "10.0.0.0", "0.0.255.255", "10.66.0.7", "0.0.255.0"),
        rule(true, "2001:db8:1::", "::ffff:ffff:ffff:ffff:ffff",
             "2001:db8:2::", "::ffff:ffff:ffff:ffff:ffff"),
        rule(false, "10.0.0.0", "0.0.255.255", "10.67.0.0", "0.0.255.255"),
        rule(true, "10.0.0.0", "0.0.255.255", "10.67.0.0", "0.0.255.255"),
    };
    second[0].protocol = second[2].protocol = IP_PROTOCOL_UDP;
    second[0].has_ports = second[2].has_ports = 1;
    second[0].destination_port_low = second[2].destination_port_low = 100;
    second[0].destination_port_high = second[2].destination_port_high = 200;
    struct firewall_sequence sequences[] = {{10, first, 2}, {20, second, 4}};
    struct firewall_interface interface = {"out0", sequences, 2};
    struct firewall_rules rules = {&interface, 1, MARK};
    static const struct {
        const char *name;
        uint8_t type;
        const char *destination, *source, *target;
        uint8_t protocol;
        bool leaves;
    } rows[] = {
        {"unreachable", 3, "192.0.2.9", "10.64.1.1", "10.0.5.5", 17, false},
        {"source quench", 4, "192.0.2.9", "10.64.1.1", "10.0.5.5", 6, false},
        {"redirect", 5, "192.0.2.9", "10.64.1.1", "10.0.5.5", 6, false},
        {"time exceeded", 11, "192.0.2.9", "10.64.255.255", "10.0.255.255", 1, false},
        {"parameter problem", 12, "192.0.2.9", "10.64.0.0", "10.0.0.0", 1, false},
        {"no error", 8, "192.0.2.9", "10.64.1.1", "10.0.5.5", 17, true},
        {"other source", 3, "192.0.2.9", "10.65.1.1", "10.0.5.5", 17, true},
        {"other target", 3, "192.0.2.9", "10.64.1.1", "10.1.5.5", 17, true},
        {"not turned round", 3, "192.0.2.9", "10.0.5.5", "10.64.1.1", 17, true},
        {"denied", 3, "192.0.2.9", "10.64.9.1", "10.0.5.5", 17, true},
        {"holes in the wildcard", 3, "192.0.2.9", "10.66.200.7", "10.0.5.5", 17, false},
        {"beside the holes", 3, "192.0.2.9", "10.66.200.8", "10.0.5.5", 17, true},
        {"other protocol", 3, "192.0.2.9", "10.66.200.7", "10.0.5.5", 6, true},
        {"a deny with ports saves nothing", 3, "192.0.2.9", "10.67.1.1", "10.0.5.5", 17, false},
        {"IPv6 unreachable", 1, "2001:db8:9::9", "2001:db8:2::7", "2001:db8:1::7", 17, false},
        {"IPv6 too big", 2, "2001:db8:9::9", "2001:db8:2::7", "2001:db8:1::7", 6, false},
        {"IPv6 echo", 128, "2001:db8:9::9", "2001:db8:2::7", "2001:db8:1::7", 17, true},
        {"IPv6 other source", 1, "2001:db8:9::9", "2001:db8:3::7", "2001:db8:1::7", 17, true},
    };
    assert_true(error_leaves(3, "192.0.2.9", "10.64.1.1", "10.0.5.5", 17));
    assert_int_equal(firewall_apply(fw, &rules), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (error_leaves(rows[i].type, rows[i].destination, rows[i].source, rows[i].target,
                         rows[i].protocol) != rows[i].leaves)
            fail_msg("%s", rows[i].name);
    assert_int_equal(counter(10).packets_out, 5);
    assert_int_equal(counter(20).packets_out, 4);
    assert_int_equal(firewall_remove(fw), 0);
}

static void policy_is_applied(void **state)
{
    (void)state;
    struct firewall_rule first[] = {
        rule(false, "10.0.0.0", "0.0.255.255", "10.64.9.0", "0.0.0.255"),
        rule(true, "10.0.0.0", "0.0.255.255", "10.64.0.0", "0.0.255.255"),
    };
    struct firewall_rule second[] = {
        rule(true, "0.0.0.0", "255.255.255.255", "10.65.0.7",
             "0.0.255.0"), /* the third byte is not compared */
        rule(true, "2001:db8:1::", "::ffff:ffff:ffff:ffff:ffff",
             "2001:db8:2::", "::ffff:ffff:ffff:ffff:ffff"),
        rule(true, "10.0.0.0", "0.0.255.255", "10.66.0.0", "0.0.255.255"),
    };
    second[2].protocol = IP_PROTOCOL_UDP;
    second[2].has_ports = 1;
    second[2].destination_port_low = 100;
    second[2].destination_port_high = 200;
    struct firewall_sequence sequences[] = {{10, first, 2}, {20, second, 3}};
    struct firewall_interface interface = {"out0", sequences, 2};
    struct firewall_rules rules = {&interface, 1, MARK};

    assert_true(leaves("10.64.1.1", 9, 0));
    assert_true(arrives("10.64.1.1", "10.0.0.1", 9));
    assert_int_equal(firewall_apply(fw, &rules), 0);
    static const struct {
        const char *destination;
        uint16_t port;
        uint32_t mark;
        bool leaves;
    } out[] = {
        {"10.64.1.1", 9, 0, false},    {"10.64.1.1", 9, MARK, true},  {"10.64.1.1", 9, MARK + 1, false},
        {"10.64.9.1", 9, 0, true},     {"10.63.255.255", 9, 0, true}, {"10.65.3.7", 9, 0, false},
        {"10.65.3.8", 9, 0, true},     {"10.66.0.1", 99, 0, true},    {"10.66.0.1", 100, 0, false},
        {"10.66.0.1", 200, 0, false},  {"10.66.0.1", 201, 0, true},   {"2001:db8:2::5", 9, 0, false},
        {"2001:db8:3::5", 9, 0, true}, {"10.64.9.1", 150, 0, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(out); i++)
        if (leaves(out[i].destination, out[i].port, out[i].mark) != out[i].leaves)
            fail_msg("to %s port %u", out[i].destination, out[i].port);
    static const struct {
        const char *source, *destination;
        uint16_t port;
        bool arrives;
    } in[] = {
        {"10.64.1.1", "10.0.0.1", 9, false},
        {"10.64.9.1", "10.0.0.1", 9, true},
        {"10.63.1.1", "10.0.0.1", 9, true},
        {"10.65.77.7", "10.0.0.1", 9, false},
        {"10.65.77.8", "10.0.0.1", 9, true},
        {"10.64.1.1", "10.0.0.1", 4500, true}, /* IKE and ESP of ours */
        {"10.64.1.1", "10.0.0.1", 500, true},
        {"2001:db8:2::5", "2001:db8:1::1", 9, false},
        {"2001:db8:3::5", "2001:db8:1::1", 9, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(in); i++)
        if (arrives(in[i].source, in[i].destination, in[i].port) != in[i].arrives)
            fail_msg("from %s port %u", in[i].source, in[i].port);
    /* Later fragments of a protected flow have no ports, and are dropped like the first. */
    struct firewall_counter c = counter(10);
    assert_string_equal(c.interface, "out0");
    assert_int_equal(c.packets_out, 2);
    assert_int_equal(c.packets_in, 1);
    assert_int_equal(c.bytes_out, 58);
    assert_int_equal(counter(20).packets_out, 4);
    assert_int_equal(counter(20).packets_in, 2);
    /* Counters go on over a replacement, also when the order of interfaces changes. */
    struct firewall_interface two[] = {{"other0", sequences + 1, 1}, interface};
    struct firewall_rules more = {two, 2, MARK};
    assert_int_equal(firewall_apply(fw, &more), 0);
    assert_int_equal(counter(10).packets_out, 2);
    assert_false(leaves("10.64.1.1", 9, 0));
    assert_int_equal(counter(10).packets_out, 3);
    /* They stand when we are gone. */
    firewall_free(fw);
    assert_false(leaves("10.64.1.1", 9, 0));
    assert_int_equal(firewall_new(&fw), 0);
    assert_int_equal(firewall_remove(fw), 0);
    assert_int_equal(firewall_remove(fw), 0);
    assert_true(leaves("10.64.1.1", 9, 0));
}

/* `permit ip any any` must not cut the gateway off. */
static void protect_everything(void **state)
{
    (void)state;
    struct firewall_rule any = rule(true, "0.0.0.0", "255.255.255.255", "0.0.0.0", "255.255.255.255");
    struct firewall_sequence sequence = {1, &any, 1};
    struct firewall_interface interface = {"out0", &sequence, 1};
    struct firewall_rules rules = {&interface, 1, MARK};
    assert_int_equal(firewall_apply(fw, &rules), 0);
    assert_false(arrives("192.0.2.1", "10.0.0.1", 9));
    assert_true(arrives("192.0.2.1", "10.0.0.1", 4500));
    assert_true(arrives("2001:db8:2::5", "2001:db8:1::1", 9)); /* the rule is of IPv4 */
    assert_false(leaves("192.0.2.1", 9, 0));
    assert_true(leaves("192.0.2.1", 9, MARK));
    assert_int_equal(firewall_remove(fw), 0);
}

static void many_sequences(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static struct firewall_rule plain[COUNT];
    static struct firewall_sequence sequences[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        char to[32];
        snprintf(to, sizeof(to), "10.%u.%u.0", 64 + i / 256, i % 256);
        plain[i] = rule(true, "10.0.0.0", "0.0.255.255", to, "0.0.0.255");
        sequences[i] = (struct firewall_sequence){i + 1, &plain[i], 1};
    }
    /* Overlaps in different ways, and one that denies. */
    plain[700] = rule(true, "10.0.0.0", "0.255.255.255", "10.71.1.0", "0.0.0.127");
    plain[10] = rule(true, "10.0.0.0", "0.0.255.255", "10.64.0.0", "0.0.255.255");
    plain[20] = plain[21];
    plain[2999].permit = 0;
    plain[100] = rule(true, "2001:db8:1::", "::ffff:ffff:ffff:ffff:ffff",
                      "2001:db8:2::", "::ffff:ffff:ffff:ffff:ffff");
    struct firewall_interface interface = {"out0", sequences, COUNT};
    struct firewall_rules rules = {&interface, 1, MARK};
    assert_int_equal(firewall_apply(fw, &rules), 0);
    assert_false(leaves("10.64.10.1", 9, 0));
    assert_false(leaves("10.64.21.1", 9, 0));
    assert_false(leaves("10.70.3.1", 9, 0));
    assert_false(leaves("10.71.1.1", 9, 0));
    assert_false(leaves("10.71.1.200", 9, 0));
    assert_true(leaves("10.66.188.1", 9, 0));
    assert_true(leaves("10.75.183.1", 9, 0)); /* the denied one */
    assert_true(leaves("10.76.0.1", 9, 0));
    assert_int_equal(counter(FIREWALL_SEQUENCE_MANY).packets_out, 5);
    /* The same set says what comes in, and what an ICMP error quotes. */
    assert_false(arrives("10.70.3.1", "10.0.0.1", 9));
    assert_true(arrives("10.76.0.1", "10.0.0.1", 9));
    assert_false(error_leaves(3, "192.0.2.9", "10.70.3.1", "10.0.5.5", 17));
    assert_true(error_leaves(3, "192.0.2.9", "10.76.3.1", "10.0.5.5", 17));
    assert_true(error_leaves(3, "192.0.2.9", "10.70.3.1", "10.1.5.5", 17));
    assert_false(leaves("2001:db8:2::5", 9, 0));
    assert_false(arrives("2001:db8:2::5", "2001:db8:1::1", 9));
    assert_false(error_leaves(1, "2001:db8:9::9", "2001:db8:2::7", "2001:db8:1::7", 17));
    assert_true(leaves("2001:db8:3::5", 9, 0));
    assert_true(error_leaves(1, "2001:db8:9::9", "2001:db8:3::7", "2001:db8:1::7", 17));
    assert_int_equal(counter(FIREWALL_SEQUENCE_MANY).packets_out, 8);
    assert_int_equal(firewall_remove(fw), 0);
}

static struct firewall_start no_start(void *user, bool in, size_t interface, uint32_t sequence)
{
    (void)user, (void)in, (void)interface, (void)sequence;
    return (struct firewall_start){0};
}

static void bad_rules_are_refused(void **state)
{
    (void)state;
    struct firewall_rule good = rule(true, "10.0.0.0", "0.0.255.255", "10.64.9.0", "0.0.0.255");
    struct firewall_rule no_family = good, ports = good;
    no_family.family = 5;
    ports.has_ports = 1;
    ports.source_port_low = 9;
    ports.source_port_high = 8;
    static const char *const names[] = {"", "a\"b", "a b", "sixteen-letters-", "x*", "a\nb"};
    struct firewall_sequence sequences[] = {
        {1, &no_family, 1}, {1, &ports, 1}, {FIREWALL_SEQUENCE_MANY, &good, 1}};
    struct nft_text text;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct firewall_interface f = {names[i], NULL, 0};
        struct firewall_rules rules = {&f, 1, 0};
        assert_int_equal(firewall_text(&rules, no_start, NULL, &text), -EINVAL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
        struct firewall_interface f = {"out0", &sequences[i], 1};
        struct firewall_rules rules = {&f, 1, 0};
        assert_int_equal(firewall_text(&rules, no_start, NULL, &text), -EINVAL);
        assert_int_equal(firewall_apply(fw, &rules), -EINVAL);
    }
    struct firewall_rules none = {NULL, 0, 0};
    assert_int_equal(firewall_apply(fw, &none), 0);
    assert_int_equal(firewall_remove(fw), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_is_applied),     cmocka_unit_test(icmp_errors_are_looked_into),
        cmocka_unit_test(protect_everything),    cmocka_unit_test(many_sequences),
        cmocka_unit_test(bad_rules_are_refused),
    };
    namespace_or_skip();
    int r = tun_open("out0", &outside);
    if (r < 0) {
        fprintf(stderr, "skipped: no TUN device: %s\n", strerror(-r));
        return SKIPPED;
    }
    struct prefix v4 = pfx("10.0.0.1", 24), v6 = pfx("2001:db8:1::1", 48);
    struct netlink_route all4 = {.destination = pfx("0.0.0.0", 0), .ifindex = outside.ifindex};
    struct netlink_route all6 = {.destination = pfx("::", 0), .ifindex = outside.ifindex};
    if (netlink_new(&nl) < 0 || sysctl_interface_set("ipv4", "all", "rp_filter", 0) < 0 ||
        netlink_link_set_up(nl, outside.ifindex, true) < 0 ||
        netlink_address_add(nl, outside.ifindex, &v4, 0) < 0 ||
        netlink_address_add(nl, outside.ifindex, &v6, NETLINK_ADDRESS_HOME) < 0 ||
        netlink_route_add(nl, &all4) < 0 || netlink_route_add(nl, &all6) < 0 || firewall_new(&fw) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    firewall_free(fw);
    netlink_free(nl);
    tun_close(&outside);
    return failed;
}
