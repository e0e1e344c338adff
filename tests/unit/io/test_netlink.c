/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, links, routes, rules and their changes, in a namespace of its own; and the TUN device, which is
 * the interface that this test works with. */
#include "namespace.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/wait.h>

#include "io/sysctl.h"
#include "io/tun.h"

enum { MARK = 0x77, TABLE = 18502, PRIORITY = 18500 };

static struct netlink *nl;
static struct tun tun;

static void tun_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int error;
    } bad[] = {
        {"", -EINVAL}, {"a%d", -EINVAL}, {"far-too-long-a-name", -EINVAL}, {"lo", -EBUSY}, {"hf0", -EBUSY}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct tun t;
        assert_int_equal(tun_open(bad[i].name, &t), bad[i].error);
    }
    struct tun same;
    assert_int_equal(tun_attach(tun.fd, &same), 0);
    assert_int_equal(same.ifindex, tun.ifindex);
    assert_int_equal(same.udp_segmentation, tun.udp_segmentation);
    assert_true(tun_attach(0, &same) < 0);
}

static void tun_without_rights(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct tun t;
        if (setresuid(65534, 65534, 65534) < 0)
            _exit(1);
        int r = tun_open("hf1", &t);
        _exit(r == -EPERM || r == -EACCES ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void links(void **state)
{
    (void)state;
    struct netlink_link l;
    assert_int_equal(netlink_link_by_name(nl, "hf0", &l), 0);
    assert_int_equal(l.ifindex, tun.ifindex);
    assert_string_equal(l.kind, "tun");
    assert_true(l.up && l.carrier && l.point_to_point);
    assert_false(l.loopback);
    assert_int_equal(netlink_link_set_mtu(nl, tun.ifindex, 1400), 0);
    assert_int_equal(netlink_link_by_index(nl, tun.ifindex, &l), 0);
    assert_int_equal(l.mtu, 1400);
    assert_int_equal(netlink_link_by_index(nl, 1, &l), 0);
    assert_string_equal(l.name, "lo");
    assert_true(l.loopback);
    assert_int_equal(netlink_link_by_name(nl, "none", &l), -ENODEV);
    assert_int_equal(netlink_link_by_name(nl, "", &l), -ENODEV);
    assert_int_equal(netlink_link_by_index(nl, 9999, &l), -ENODEV);
    assert_int_equal(netlink_link_set_up(nl, 9999, true), -ENODEV);
    assert_int_equal(netlink_link_set_mtu(nl, tun.ifindex, 1 << 20), -EINVAL);
}

struct seen {
    struct address address;
    bool found, secondary;
};

static void see_address(void *user, const struct netlink_address *a)
{
    struct seen *s = user;
    if (address_equal(&a->prefix.address, &s->address)) {
        s->found = true;
        s->secondary = a->secondary;
    }
}

static struct seen look_for(const char *text)
{
    struct seen s = {.address = addr(text)};
    assert_int_equal(netlink_addresses(nl, see_address, &s), 0);
    return s;
}

static void addresses(void **state)
{
    (void)state;
    struct prefix first = pfx("10.1.0.1", 24), second = pfx("10.1.0.2", 24), v6 = pfx("2001:db8::1", 64);
    assert_int_equal(netlink_address_add(nl, tun.ifindex, &first, 0), 0);
    assert_int_equal(netlink_address_add(nl, tun.ifindex, &first, 0), -EEXIST);
    assert_int_equal(netlink_address_add(nl, tun.ifindex, &second, NETLINK_ADDRESS_NO_PREFIX_ROUTE), 0);
    assert_int_equal(netlink_address_add(nl, tun.ifindex, &v6, NETLINK_ADDRESS_HOME), 0);
    assert_true(look_for("10.1.0.1").found);
    assert_false(look_for("10.1.0.1").secondary);
    assert_true(look_for("10.1.0.2").secondary);
    assert_true(look_for("2001:db8::1").found);
    assert_int_equal(netlink_address_delete(nl, tun.ifindex, &second), 0);
    assert_false(look_for("10.1.0.2").found);
    assert_int_equal(netlink_address_delete(nl, tun.ifindex, &second), -EADDRNOTAVAIL);
    struct prefix bad[] = {{{0}, 8}, {addr("10.0.0.1"), 33}, {addr("::1"), 129}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(netlink_address_add(nl, tun.ifindex, &bad[i], 0), -EINVAL);
    assert_int_equal(netlink_address_add(nl, 9999, &second, 0), -ENODEV);
}

static struct netlink_hop ask(const char *destination, uint32_t mark)
{
    struct address d = addr(destination);
    struct netlink_hop hop = {.type = 99};
    assert_int_equal(netlink_route_find(nl, &d, NULL, mark, &hop), 0);
    return hop;
}

static void routes(void **state)
{
    (void)state;
    static const struct {
        const char *to;
        uint8_t length;
        const char *gateway;
        uint8_t type;
        const char *probe;
    } cases[] = {
        {"10.2.0.0", 16, "10.1.0.9", NETLINK_ROUTE_UNICAST, "10.2.3.4"},
        {"10.3.0.0", 16, NULL, NETLINK_ROUTE_UNICAST, "10.3.3.4"},
        {"10.4.0.0", 16, NULL, NETLINK_ROUTE_UNREACHABLE, "10.4.3.4"},
        {"10.5.0.0", 16, NULL, NETLINK_ROUTE_PROHIBIT, "10.5.3.4"},
        {"10.6.0.0", 16, NULL, NETLINK_ROUTE_BLACKHOLE, "10.6.3.4"},
        {"2001:db8:2::", 48, "2001:db8::9", NETLINK_ROUTE_UNICAST, "2001:db8:2::1"},
        {"2001:db8:3::", 48, NULL, NETLINK_ROUTE_UNICAST, "2001:db8:3::1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct netlink_route r = {
            .destination = pfx(cases[i].to, cases[i].length), .type = cases[i].type, .metric = 50};
        if (cases[i].gateway)
            r.gateway = addr(cases[i].gateway);
        else if (r.type == NETLINK_ROUTE_UNICAST)
            r.ifindex = tun.ifindex;
        assert_int_equal(netlink_route_add(nl, &r), 0);
        assert_int_equal(netlink_route_add(nl, &r), -EEXIST);
        struct netlink_hop hop = ask(cases[i].probe, 0);
        assert_int_equal(hop.type, cases[i].type);
        if (hop.type == NETLINK_ROUTE_UNICAST) {
            assert_int_equal(hop.ifindex, tun.ifindex);
            assert_true(address_equal(&hop.gateway, &r.gateway));
        }
        r.mtu = 1300;
        assert_int_equal(netlink_route_replace(nl, &r), 0);
        if (hop.type == NETLINK_ROUTE_UNICAST)
            assert_int_equal(ask(cases[i].probe, 0).mtu, 1300);
        assert_int_equal(netlink_route_delete(nl, &r), 0);
        assert_int_equal(netlink_route_delete(nl, &r), -ESRCH);
        assert_int_equal(ask(cases[i].probe, 0).type, NETLINK_ROUTE_UNREACHABLE);
    }
    assert_int_equal(ask("127.0.0.1", 0).type, NETLINK_ROUTE_LOCAL);
    assert_int_equal(ask("10.1.0.1", 0).type, NETLINK_ROUTE_LOCAL);
    struct netlink_route bad = {.destination = pfx("10.2.0.0", 33)};
    assert_int_equal(netlink_route_add(nl, &bad), -EINVAL);
    bad = (struct netlink_route){.destination = pfx("10.2.0.0", 16), .gateway = addr("::1")};
    assert_int_equal(netlink_route_add(nl, &bad), -EAFNOSUPPORT);
    bad = (struct netlink_route){.destination = pfx("10.2.0.0", 16), .gateway = addr("192.0.2.1")};
    assert_int_equal(netlink_route_add(nl, &bad), -ENETUNREACH);
    struct address none = {0};
    struct netlink_hop hop;
    assert_int_equal(netlink_route_find(nl, &none, NULL, 0, &hop), -EINVAL);
}

static void count_route(void *user, const struct netlink_route *r)
{
    unsigned *n = user;
    *n += r->protocol == NETLINK_PROTOCOL_HOLDFAST;
}

/* What the gateway does: protected destinations go to the TUN device, except what came from it or carries our
 * mark. */
static void steering(void **state)
{
    (void)state;
    struct netlink_steering s = {.tun = "hf0", .mark = MARK, .table = TABLE, .priority = PRIORITY};
    struct netlink_route outside = {.destination = pfx("10.64.0.0", 16), .ifindex = 1};
    struct netlink_route inside = {
        .destination = pfx("10.64.0.0", 16), .ifindex = tun.ifindex, .table = TABLE};
    struct netlink_route spare = {
        .destination = pfx("10.64.9.0", 24), .table = TABLE, .type = NETLINK_ROUTE_THROW};
    assert_int_equal(netlink_steering_add(nl, &s), 0);
    assert_int_equal(netlink_steering_add(nl, &s), 0);
    assert_int_equal(netlink_route_add(nl, &outside), 0);
    assert_int_equal(netlink_route_add(nl, &inside), 0);
    assert_int_equal(netlink_route_add(nl, &spare), 0);
    assert_int_equal(ask("10.64.0.1", 0).ifindex, tun.ifindex);
    assert_int_equal(ask("10.64.0.1", MARK).ifindex, 1);
    assert_int_equal(ask("10.64.0.1", MARK + 1).ifindex, tun.ifindex);
    assert_int_equal(ask("10.64.9.1", 0).ifindex, 1);
    unsigned n = 0;
    assert_int_equal(netlink_routes(nl, TABLE, count_route, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(netlink_routes_flush(nl, TABLE, 0), 2);
    assert_int_equal(netlink_routes_flush(nl, TABLE, 0), 0);
    assert_int_equal(ask("10.64.0.1", 0).ifindex, 1);
    assert_int_equal(netlink_route_add(nl, &inside), 0);
    assert_int_equal(netlink_steering_delete(nl, &s), 0);
    assert_int_equal(netlink_steering_delete(nl, &s), 0);
    assert_int_equal(ask("10.64.0.1", 0).ifindex, 1);
    assert_int_equal(netlink_route_delete(nl, &outside), 0);
    assert_int_equal(netlink_routes_flush(nl, TABLE, 0), 1);
    s.mark = 0;
    assert_int_equal(netlink_steering_add(nl, &s), -EINVAL);
}

static unsigned changes[NETLINK_LOST + 1];

static void see_change(void *user, const struct netlink_event *e)
{
    (void)user;
    changes[e->change]++;
    if (e->change == NETLINK_LINK_CHANGED)
        assert_true(e->link.ifindex == 1 || strcmp(e->link.name, "hf0") == 0);
}

static void monitor(void **state)
{
    (void)state;
    struct netlink_monitor *m;
    unsigned all = NETLINK_MONITOR_LINKS | NETLINK_MONITOR_ADDRESSES | NETLINK_MONITOR_ROUTES;
    assert_int_equal(netlink_monitor_new(all, see_change, NULL, &m), 0);
    assert_int_equal(netlink_monitor_dispatch(m), 0);
    struct prefix p = pfx("10.7.0.1", 24);
    struct netlink_route r = {.destination = pfx("10.8.0.0", 16), .ifindex = tun.ifindex};
    assert_int_equal(netlink_address_add(nl, tun.ifindex, &p, 0), 0);
    assert_int_equal(netlink_route_add(nl, &r), 0);
    assert_int_equal(netlink_route_delete(nl, &r), 0);
    assert_int_equal(netlink_link_set_mtu(nl, tun.ifindex, 1450), 0);
    assert_int_equal(netlink_address_delete(nl, tun.ifindex, &p), 0);
    assert_true(readable(netlink_monitor_fd(m), 1000));
    assert_int_equal(netlink_monitor_dispatch(m), 0);
    assert_true(changes[NETLINK_ADDRESS_ADDED] >= 1);
    assert_true(changes[NETLINK_ADDRESS_REMOVED] >= 1);
    assert_true(changes[NETLINK_ROUTE_CHANGED] >= 1);
    assert_true(changes[NETLINK_ROUTE_REMOVED] >= 1);
    assert_true(changes[NETLINK_LINK_CHANGED] >= 1);
    assert_int_equal(changes[NETLINK_LOST], 0);
    /* More than the socket holds: the loss is told. */
    for (int i = 0; i < 40000; i++) {
        if (netlink_route_add(nl, &r) < 0 || netlink_route_delete(nl, &r) < 0)
            fail();
    }
    assert_int_equal(netlink_monitor_dispatch(m), 0);
    assert_true(changes[NETLINK_LOST] >= 1);
    /* And it goes on. */
    memset(changes, 0, sizeof(changes));
    assert_int_equal(netlink_route_add(nl, &r), 0);
    assert_int_equal(netlink_route_delete(nl, &r), 0);
    assert_int_equal(netlink_monitor_dispatch(m), 0);
    assert_true(changes[NETLINK_ROUTE_REMOVED] >= 1);
    netlink_monitor_free(m);
}

static void tun_carries(void **state)
{
    (void)state;
    static uint8_t buffer[TUN_PACKET_MAX];
    struct prefix p = pfx("10.1.0.1", 24);
    int r = netlink_address_add(nl, tun.ifindex, &p, 0);
    assert_true(r == 0 || r == -EEXIST);
    while (tun_read(tun.fd, buffer, sizeof(buffer)) >= 0)
        ;
    assert_int_equal(tun_read(tun.fd, buffer, sizeof(buffer)), -EAGAIN);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    memcpy(&to.sin_addr, addr("10.1.0.2").bytes, 4);
    assert_int_equal(sendto(s, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    assert_true(readable(tun.fd, 1000));
    assert_int_equal(tun_read(tun.fd, buffer, sizeof(buffer)), TUN_HEADER + 33);
    assert_int_equal(buffer[TUN_HEADER], 0x45);
    assert_memory_equal(buffer + TUN_HEADER + 28, "hello", 5);
    close(s);
    /* What is no IP packet is refused. */
    struct iovec pieces[2] = {{buffer, TUN_HEADER}, {(void *)"\x10unk!", 5}};
    memset(buffer, 0, TUN_HEADER);
    assert_int_equal(tun_write(tun.fd, pieces, 2), -EINVAL);
    assert_int_equal(netlink_link_set_up(nl, tun.ifindex, false), 0);
    pieces[1] = (struct iovec){"\x45\0\0\x14\0\0\0\0\x40\x32\0\0\x0a\1\0\2\x0a\1\0\1", 20};
    assert_int_equal(tun_write(tun.fd, pieces, 2), -EIO);
    assert_int_equal(netlink_link_set_up(nl, tun.ifindex, true), 0);
    assert_int_equal(tun_write(tun.fd, pieces, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tun_names), cmocka_unit_test(tun_without_rights),
        cmocka_unit_test(links),     cmocka_unit_test(addresses),
        cmocka_unit_test(routes),    cmocka_unit_test(steering),
        cmocka_unit_test(monitor),   cmocka_unit_test(tun_carries),
    };
    namespace_or_skip();
    int r = tun_open("hf0", &tun);
    if (r < 0) {
        fprintf(stderr, "skipped: no TUN device: %s\n", strerror(-r));
        return SKIPPED;
    }
    if (netlink_new(&nl) < 0 || netlink_link_set_up(nl, tun.ifindex, true) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    netlink_free(nl);
    tun_close(&tun);
    return failed;
}
