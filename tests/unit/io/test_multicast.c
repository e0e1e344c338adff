/* SPDX-License-Identifier: Apache-2.0 */
/* What a redundancy protocol needs of the machine: groups heard on one interface only, frames with a chosen
 * source MAC, a macvlan that answers for a virtual address, announcements, and the claims of others. Two
 * interfaces of one wire (veth) in a namespace of their own. */
#include "namespace.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include "io/arp.h"
#include "io/datagram.h"
#include "io/multicast_socket.h"
#include "io/sysctl.h"

static struct netlink *nl;
static struct netlink_link here, there, other;
static const uint8_t virtual_mac[6] = {0x00, 0x00, 0x0c, 0x07, 0xac, 0x01};

static int world(void **state)
{
    (void)state;
    assert_int_equal(netlink_new(&nl), 0);
    assert_int_equal(system("ip link add here type veth peer name there && ip link add other type veth peer "
                            "name other-end && ip link set here up && ip link set there up && ip link set "
                            "other up && ip link set other-end up && ip addr add 9.1.1.35/28 dev here && ip "
                            "addr add 10.9.0.1/24 dev other"),
                     0);
    assert_int_equal(netlink_link_by_name(nl, "here", &here), 0);
    assert_int_equal(netlink_link_by_name(nl, "there", &there), 0);
    assert_int_equal(netlink_link_by_name(nl, "other", &other), 0);
    return 0;
}

static int world_end(void **state)
{
    (void)state;
    netlink_free(nl);
    return 0;
}

/* The Hello of an active HSRP router for group 1, byte for byte as RFC 2281 §5.1 has it with its IP and UDP
 * headers (TTL 1, TOS C0). */
static void known_frame(void **state)
{
    (void)state;
    static const uint8_t hello[] = {0x00, 0x00, 0x10, 0x03, 0x0a, 0x64, 0x01, 0x00, 'c', 'i',
                                    's',  'c',  'o',  0,    0,    0,    9,    1,    1,   37};
    static const uint8_t expected[] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x02, 0x00, 0x00, 0x0c, 0x07, 0xac,
                                       0x01, 0x08, 0x00, 0x45, 0xc0, 0x00, 0x30, 0x00, 0x00, 0x00, 0x00,
                                       0x01, 0x11, 0xce, 0xd7, 0x09, 0x01, 0x01, 0x23, 0xe0, 0x00, 0x00,
                                       0x02, 0x07, 0xc1, 0x07, 0xc1, 0x00, 0x1c, 0x9a, 0xb3};
    struct multicast_packet p = {.source = addr("9.1.1.35"),
                                 .group = addr("224.0.0.2"),
                                 .protocol = MULTICAST_UDP,
                                 .port = 1985,
                                 .hop_limit = 1,
                                 .tos = 0xc0,
                                 .payload = bytes_of(hello, sizeof hello)};
    uint8_t frame[256];
    memcpy(p.source_mac, virtual_mac, 6);
    assert_int_equal(multicast_frame(&p, frame, sizeof frame), (int)(sizeof expected + sizeof hello));
    assert_memory_equal(frame, expected, sizeof expected);
    assert_memory_equal(frame + sizeof expected, hello, sizeof hello);
}

static void bad_frames(void **state)
{
    (void)state;
    static uint8_t big[MULTICAST_PAYLOAD_MAX + 1], frame[2048];
    static const struct {
        const char *source, *group;
        size_t payload, size;
        int error;
    } table[] = {
        {"9.1.1.35", "9.1.1.36", 4, sizeof frame, -EINVAL},
        {"9.1.1.35", "ff02::12", 4, sizeof frame, -EINVAL},
        {"fe80::1", "224.0.0.18", 4, sizeof frame, -EINVAL},
        {"9.1.1.35", "224.0.0.18", sizeof big, sizeof frame, -EMSGSIZE},
        {"9.1.1.35", "224.0.0.18", 20, 60, -EMSGSIZE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct multicast_packet p = {.source = addr(table[i].source),
                                           .group = addr(table[i].group),
                                           .protocol = 112,
                                           .hop_limit = 255,
                                           .payload = bytes_of(big, table[i].payload)};
        assert_int_equal(multicast_frame(&p, frame, table[i].size), table[i].error);
    }
    const struct multicast_packet p = {.ifindex = 9999,
                                       .source = addr("9.1.1.35"),
                                       .group = addr("224.0.0.18"),
                                       .protocol = 112,
                                       .payload = bytes_of(big, 8)};
    int fd = frame_socket_open();
    assert_true(fd >= 0);
    assert_int_equal(multicast_send(fd, &p), -ENXIO);
    assert_int_equal(frame_send(fd, here.ifindex, bytes_of(big, 5)), -EINVAL);
    close(fd);
    struct multicast_options o = {
        .device = "none", .ifindex = 77, .group = addr("224.0.0.2"), .protocol = MULTICAST_UDP, .port = 1985};
    assert_int_equal(multicast_open(&o), -ENODEV);
    o.group = addr("9.1.1.1");
    assert_int_equal(multicast_open(&o), -EINVAL);
    o.group = addr("224.0.0.2");
    o.port = 0;
    assert_int_equal(multicast_open(&o), -EINVAL);
}

static int hear(struct datagram_reader *reader, int fd, struct datagram *ret)
{
    return readable(fd, 200) ? datagram_receive(reader, fd, 1, ret) : -EAGAIN;
}

static void send_from(int fd, const struct netlink_link *l, const char *source, const char *group,
                      uint8_t protocol)
{
    const struct multicast_packet p = {.ifindex = l->ifindex,
                                       .source_mac = {0x00, 0x00, 0x0c, 0x07, 0xac, 0x01},
                                       .source = addr(source),
                                       .group = addr(group),
                                       .protocol = protocol,
                                       .port = protocol == MULTICAST_UDP ? 1985 : 0,
                                       .hop_limit = 255,
                                       .tos = 0xc0,
                                       .payload = bytes_of("hello", 5)};
    assert_int_equal(multicast_send(fd, &p), 0);
}

static void heard(void **state)
{
    (void)state;
    static const struct {
        const char *group, *source;
        uint8_t protocol;
        uint16_t port;
    } table[] = {
        {"224.0.0.2", "9.1.1.36", MULTICAST_UDP, 1985},
        {"224.0.0.102", "9.1.1.36", MULTICAST_UDP, 1985},
        {"224.0.0.18", "9.1.1.36", 112, 0},
        {"ff02::12", "fe80::36", 112, 0},
    };
    struct datagram_reader *reader = datagram_reader_new(4, 2048, 0, 0);
    int out = frame_socket_open();
    assert_non_null(reader);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct multicast_options o = {.device = "here",
                                            .ifindex = here.ifindex,
                                            .group = addr(table[i].group),
                                            .protocol = table[i].protocol,
                                            .port = table[i].port};
        int fd = multicast_open(&o);
        assert_true(fd >= 0);
        struct datagram d;
        send_from(out, &there, table[i].source, table[i].group, table[i].protocol);
        assert_int_equal(hear(reader, fd, &d), 1);
        struct address source = addr(table[i].source);
        assert_true(address_equal(&d.remote.address, &source));
        assert_int_equal(d.ifindex, here.ifindex);
        size_t skip = table[i].protocol == 112 && source.family == ADDRESS_V4 ? 20 : 0;
        assert_int_equal(d.len, skip + 5);
        assert_memory_equal(d.data + skip, "hello", 5);
        if (skip)
            assert_int_equal(d.data[8], 255);
        else if (source.family == ADDRESS_V6)
            assert_int_equal(d.hop_limit, 255);
        /* Another interface, another group, what we say ourselves: silence. */
        send_from(out, &here, table[i].source, table[i].group, table[i].protocol);
        struct netlink_link end;
        assert_int_equal(netlink_link_by_name(nl, "other-end", &end), 0);
        send_from(out, &end, table[i].source, table[i].group, table[i].protocol);
        send_from(out, &there, table[i].source, source.family == ADDRESS_V4 ? "224.0.0.5" : "ff02::5",
                  table[i].protocol);
        assert_false(readable(fd, 30));
        close(fd);
    }
    close(out);
    datagram_reader_free(reader);
}

/* The virtual MAC's device up with its address: who asks for the address is told the virtual MAC, once, and
 * the parent still hears a router that uses the same MAC. */
static void virtual_router(void **state)
{
    (void)state;
    struct netlink_link l;
    struct prefix vip = pfx("9.1.1.37", 32);
    assert_int_equal(netlink_macvlan_add(nl, here.ifindex, "hsrp1", virtual_mac), 0);
    assert_int_equal(netlink_macvlan_add(nl, here.ifindex, "hsrp1", virtual_mac), -EEXIST);
    assert_int_equal(netlink_link_by_name(nl, "hsrp1", &l), 0);
    assert_memory_equal(l.mac, virtual_mac, 6);
    assert_string_equal(l.kind, "macvlan");
    assert_false(l.up);
    assert_int_equal(sysctl_interface_set("ipv4", "here", "arp_ignore", 1), 0);
    assert_int_equal(sysctl_interface_set("ipv4", "hsrp1", "arp_ignore", 1), 0);
    assert_int_equal(sysctl_interface_set("ipv4", "hsrp1", "rp_filter", 0), 0);
    assert_int_equal(netlink_address_add(nl, l.ifindex, &vip, NETLINK_ADDRESS_NO_PREFIX_ROUTE), 0);
    assert_int_equal(netlink_link_set_up(nl, l.ifindex, true), 0);

    int watch = arp_watch_open(there.ifindex), out = frame_socket_open();
    uint8_t ask[14 + 28] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 2, 2, 2, 2, 2, 0x08, 0x06,
                            0,    1,    8,    0,    6,    4,    0, 1, 2, 2, 2, 2, 2,    2,
                            9,    1,    1,    40,   0,    0,    0, 0, 0, 0, 9, 1, 1,    37};
    struct arp_claim claim;
    assert_true(watch >= 0 && out >= 0);
    /* The kernel learns where 9.1.1.40 is from the request itself. */
    assert_int_equal(frame_send(out, there.ifindex, bytes_of(ask, sizeof ask)), 0);
    assert_true(readable(watch, 500));
    assert_int_equal(arp_receive(watch, &claim), 0);
    struct address expected = addr("9.1.1.37");
    assert_true(address_equal(&claim.address, &expected));
    assert_memory_equal(claim.mac, virtual_mac, 6);
    assert_false(readable(watch, 50)); /* the parent is silent about it */

    struct datagram_reader *reader = datagram_reader_new(4, 2048, 0, 0);
    const struct multicast_options o = {
        .device = "here", .ifindex = here.ifindex, .group = addr("224.0.0.18"), .protocol = 112};
    int fd = multicast_open(&o);
    struct datagram d;
    send_from(out, &there, "9.1.1.36", "224.0.0.18", 112);
    assert_int_equal(hear(reader, fd, &d), 1);
    assert_false(readable(fd, 30));

    assert_int_equal(netlink_link_delete(nl, l.ifindex), 0);
    assert_int_equal(frame_send(out, there.ifindex, bytes_of(ask, sizeof ask)), 0);
    assert_false(readable(watch, 50));
    datagram_reader_free(reader);
    close(fd);
    close(watch);
    close(out);
}

static void announced(void **state)
{
    (void)state;
    int watch = arp_watch_open(there.ifindex), out = frame_socket_open();
    struct address vip = addr("9.1.1.37"), vip6 = addr("fe80::37");
    struct arp_claim claim;
    assert_int_equal(arp_announce(out, here.ifindex, virtual_mac, &vip), 0);
    assert_true(readable(watch, 500));
    assert_int_equal(arp_receive(watch, &claim), 0);
    assert_true(address_equal(&claim.address, &vip));
    assert_memory_equal(claim.mac, virtual_mac, 6);
    assert_int_equal(arp_receive(watch, &claim), -EAGAIN);

    /* What the kernel of the other end accepts it also keeps: the checksum is right. */
    int icmp = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, 58);
    uint8_t na[128];
    assert_true(icmp >= 0);
    assert_int_equal(setsockopt(icmp, SOL_SOCKET, SO_BINDTODEVICE, "there", 5), 0);
    assert_int_equal(arp_announce(out, here.ifindex, virtual_mac, &vip6), 0);
    bool seen = false;
    while (!seen && readable(icmp, 500)) {
        ssize_t n = recv(icmp, na, sizeof na, 0);
        seen = n == 32 && na[0] == 136 && memcmp(na + 8, vip6.bytes, 16) == 0 &&
               memcmp(na + 26, virtual_mac, 6) == 0;
    }
    assert_true(seen);
    assert_int_equal(arp_announce(out, 9999, virtual_mac, &vip), -ENXIO);
    assert_true(arp_watch_open(9999) < 0);
    close(icmp);
    close(watch);
    close(out);
}

static void claims(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        uint8_t at, value; /* one byte of a good announcement changed */
        bool good;
    } table[] = {
        {"request", 28, 7, 1, true},
        {"reply", 28, 7, 2, true},
        {"padded", 46, 7, 1, true},
        {"truncated", 27, 7, 1, false},
        {"empty", 0, 7, 1, false},
        {"unknown operation", 28, 7, 3, false},
        {"hardware type", 28, 1, 6, false},
        {"protocol type", 28, 2, 0x86, false},
        {"hardware length", 28, 4, 8, false},
        {"protocol length", 28, 5, 16, false},
        {"operation high", 28, 6, 1, false},
        {"multicast sender", 28, 8, 1, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        uint8_t frame[ARP_FRAME_MAX + 32] = {0};
        struct address vip = addr("9.1.1.37");
        struct arp_claim claim = {0};
        arp_announcement(virtual_mac, &vip, frame);
        frame[14 + table[i].at] = table[i].value;
        if (arp_parse(bytes_of(frame + 14, table[i].len), &claim) != table[i].good)
            fail_msg("%s", table[i].name);
        assert_int_equal(address_is_set(&claim.address), table[i].good);
    }
    uint8_t probe[ARP_FRAME_MAX];
    struct address none = addr("0.0.0.0");
    struct arp_claim claim;
    arp_announcement(virtual_mac, &none, probe);
    assert_false(arp_parse(bytes_of(probe + 14, 28), &claim));
}

int main(void)
{
    namespace_or_skip();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_frame), cmocka_unit_test(bad_frames),     cmocka_unit_test(heard),
        cmocka_unit_test(announced),   cmocka_unit_test(virtual_router), cmocka_unit_test(claims),
    };
    return cmocka_run_group_tests(tests, world, world_end);
}
