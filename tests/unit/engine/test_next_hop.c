/* SPDX-License-Identifier: Apache-2.0 */
/* Where a packet goes on the link: what has an answer, what is left to the kernel, and what forgets the
 * answer; and the socket that sends there, which hears nothing. In a namespace with a pair of devices. */
#include "../io/namespace.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "engine/next_hop.h"

static struct netlink *nl;
static uint32_t left;
static const uint8_t mac[6] = {2, 0, 0x5e, 0, 0x53, 1}, other[6] = {2, 0, 0x5e, 0, 0x53, 2};

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* Asks twice: the first question's packet takes the kernel's way in any case. */
static const struct link_hop *ask(struct next_hops *c, const char *destination, uint32_t len, ns *now)
{
    struct address a = addr(destination);
    *now += NS_PER_MS;
    assert_null(next_hop_find(c, &a, len, *now));
    return next_hop_find(c, &a, len, *now);
}

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *destination;
        uint32_t len;
        bool direct;
    } rows[] = {
        {"192.0.2.2", 1500, true},      /* on the link */
        {"192.0.2.2", 1501, false},     /* longer than the device's MTU */
        {"198.51.100.1", 100, true},    /* behind the neighbour */
        {"2001:db8::2", 1500, true},    /* IPv6 */
        {"2001:db8:1::1", 1500, true},  /* behind the neighbour's link-local address */
        {"192.0.2.1", 100, false},      /* ourselves */
        {"192.0.2.3", 100, false},      /* nobody has that address */
        {"192.0.2.4", 100, false},      /* it was asked for and did not answer */
        {"192.0.2.255", 100, false},    /* broadcast */
        {"224.0.0.1", 100, false},      /* multicast */
        {"127.0.0.1", 100, false},      /* loopback */
        {"198.51.100.129", 100, false}, /* black hole */
        {"203.0.113.1", 100, false},    /* no route */
        {"198.51.100.65", 100, false},  /* by a device without addresses on its link */
        {"198.51.100.33", 100, false},  /* a gateway of the other family */
        {"2001:db8:dead::1", 100, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct next_hops *c = next_hops_new(nl, 0x77, i);
        ns now = NS_PER_S;
        const struct link_hop *hop = ask(c, rows[i].destination, rows[i].len, &now);
        if ((hop != NULL) != rows[i].direct)
            fail_msg("%s, %u bytes", rows[i].destination, rows[i].len);
        if (hop) {
            assert_int_equal(hop->ifindex, left);
            assert_memory_equal(hop->mac, mac, 6);
        }
        next_hops_free(c);
    }
}

static void answers_are_forgotten(void **state)
{
    (void)state;
    struct next_hops *c = next_hops_new(nl, 0x77, 1);
    struct address a = addr("198.51.100.1");
    struct netlink_neighbour changed = {.ifindex = left, .address = addr("192.0.2.9")};
    ns now = NS_PER_S;
    assert_non_null(ask(c, "198.51.100.1", 100, &now));
    assert_non_null(next_hop_find(c, &a, 100, now + NS_PER_S - 1));
    for (int i = 0; i < 25; i++) { /* once a second one packet takes the kernel's way, asked again or not */
        now += NS_PER_S;
        assert_non_null(ask(c, "198.51.100.1", 100, &now));
        assert_non_null(next_hop_find(c, &a, 100, now));
    }

    next_hops_neighbour(c, &changed);
    assert_non_null(next_hop_find(c, &a, 100, now));
    changed.address = addr("192.0.2.2");
    changed.ifindex = left + 1;
    next_hops_neighbour(c, &changed);
    assert_non_null(next_hop_find(c, &a, 100, now));
    changed.ifindex = left;
    run("ip neigh replace 192.0.2.2 dev left lladdr 02:00:5e:00:53:02 nud permanent");
    next_hops_neighbour(c, &changed);
    const struct link_hop *hop = ask(c, "198.51.100.1", 100, &now);
    assert_non_null(hop);
    assert_memory_equal(hop->mac, other, 6);

    next_hops_flush(c); /* right after the question before: the next one waits for its turn */
    assert_null(next_hop_find(c, &a, 100, now));
    assert_null(next_hop_find(c, &a, 100, now));
    run("ip neigh replace 192.0.2.2 dev left lladdr 02:00:5e:00:53:01 nud permanent");
    hop = ask(c, "198.51.100.1", 100, &now);
    assert_non_null(hop);
    assert_memory_equal(hop->mac, mac, 6);

    next_hops_flush(c);
    run("ip link set right down"); /* no carrier */
    assert_null(ask(c, "198.51.100.1", 100, &now));
    run("ip link set right up");
    next_hops_flush(c);
    run("ip route replace 198.51.100.0/27 via 192.0.2.2");
    assert_non_null(ask(c, "198.51.100.1", 100, &now));
    next_hops_free(c);
}

/* A neighbour that was not there yet: its news are noticed before the second is over. */
static void neighbour_comes(void **state)
{
    (void)state;
    struct next_hops *c = next_hops_new(nl, 0x77, 1);
    struct netlink_neighbour changed = {.ifindex = left, .address = addr("192.0.2.3")};
    ns now = NS_PER_S;
    assert_null(ask(c, "192.0.2.3", 100, &now));
    run("ip neigh replace 192.0.2.3 dev left lladdr 02:00:5e:00:53:01 nud permanent");
    next_hops_neighbour(c, &changed);
    assert_non_null(ask(c, "192.0.2.3", 100, &now));
    run("ip neigh del 192.0.2.3 dev left");
    next_hops_free(c);
}

static void socket_sends_and_hears_nothing(void **state)
{
    (void)state;
    int fd = link_socket_open(0x77, 1 << 20), ear = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct link_writer *w = link_writer_new();
    struct sockaddr_ll all = {.sll_family = AF_PACKET,
                              .sll_protocol = htons(ETH_P_ALL),
                              .sll_ifindex = (int)if_nametoindex("right")};
    assert_true(fd >= 0 && ear >= 0);
    assert_int_equal(bind(ear, (struct sockaddr *)&all, sizeof(all)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&all, sizeof(all)), 0);
    static uint8_t v4[1500] = {0x45, [9] = 253}, v6[60] = {0x60, [6] = 253}, longer[1501] = {0x45};
    struct iovec packets[] = {{v4, sizeof(v4)}, {v6, sizeof(v6)}, {longer, sizeof(longer)}};
    struct link_hop hops[3] = {
        {left, {2, 0, 0x5e, 0, 0x53, 1}}, {left, {2, 0, 0x5e, 0, 0x53, 2}}, {left, {0}}};
    assert_int_equal(link_send(w, fd, packets, hops, 3), 2);
    assert_int_equal(link_send(w, fd, packets + 2, hops + 2, 1), -EMSGSIZE);
    for (int got = 0; got < 2;) {
        uint8_t frame[2000];
        assert_true(readable(ear, 1000));
        ssize_t n = recv(ear, frame, sizeof(frame), 0);
        if (n < 34 || frame[14 + (frame[12] == 8 ? 9 : 6)] != 253)
            continue; /* the kernel's own */
        assert_int_equal(n, got ? 14 + 60 : 14 + 1500);
        assert_memory_equal(frame, got ? other : mac, 6);
        assert_int_equal(frame[12] << 8 | frame[13], got ? ETH_P_IPV6 : ETH_P_IP);
        got++;
    }
    assert_false(readable(fd, 50));
    run("ip link set left down");
    assert_int_equal(link_send(w, fd, packets, hops, 1), -ENETDOWN);
    run("ip link set left up");
    hops[0].ifindex = 12345;
    assert_int_equal(link_send(w, fd, packets, hops, 1), -ENXIO);
    link_writer_free(w);
    close(fd);
    close(ear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_are_forgotten),
        cmocka_unit_test(neighbour_comes),
        cmocka_unit_test(socket_sends_and_hears_nothing),
    };
    namespace_or_skip();
    if (system("ip link add left type veth peer name right 2>/dev/null") != 0) {
        fprintf(stderr, "skipped: no veth devices here\n");
        return SKIPPED;
    }
    run("ip addr add 192.0.2.1/24 dev left && ip addr add 2001:db8::1/64 dev left nodad && ip link set left "
        "up && "
        "ip link set right up && ip neigh add 192.0.2.2 dev left lladdr 02:00:5e:00:53:01 nud permanent && "
        "ip neigh add 192.0.2.4 dev left nud failed && "
        "ip neigh add 2001:db8::2 dev left lladdr 02:00:5e:00:53:01 nud permanent && "
        "ip neigh add fe80::2 dev left lladdr 02:00:5e:00:53:01 nud permanent && "
        "ip route add 198.51.100.0/27 via 192.0.2.2 && ip route add 198.51.100.32/27 via inet6 fe80::2 dev "
        "left && "
        "ip tuntap add none0 mode tun && ip link set none0 up && ip route add 198.51.100.64/26 dev none0 && "
        "ip route add blackhole 198.51.100.128/25 && ip route add 2001:db8:1::/64 via fe80::2 dev left");
    if (netlink_new(&nl) < 0)
        return 1;
    left = if_nametoindex("left");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    netlink_free(nl);
    return failed;
}
