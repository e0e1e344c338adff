/* SPDX-License-Identifier: Apache-2.0 */
/* Two engines with real devices, sockets and namespaces between two hosts (gateway_lab.h): traffic of both
 * families over every encapsulation, engines that are killed at work, packets that wait for an SA, and what
 * the channel says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/be.h"
#include "gateway_lab.h"
#include "io/clock.h"
#include "io/datagram.h"
#include "io/netlink.h"
#include "io/udp_socket.h"
#include "ipsec/pair_index.h"

enum { PORT = 7000 };

static struct lab lab;
static const struct packet_algorithms gcm = {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE};
static const struct packet_algorithms cbc = {PACKET_ENCRYPTION_AES_CBC, 32, PACKET_INTEGRITY_SHA256_128};
static const struct packet_algorithms ah = {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96};

static struct sockaddr_storage host(int which, uint8_t family, uint16_t port, socklen_t *ret_len)
{
    struct sockaddr_storage s = {0};
    char text[64];
    snprintf(text, sizeof(text), family == ADDRESS_V4 ? "10.%d.0.2" : "2001:db8:%d::2", which + 1);
    if (family == ADDRESS_V4) {
        struct sockaddr_in *v4 = (void *)&s;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
        *ret_len = sizeof(*v4);
    } else {
        struct sockaddr_in6 *v6 = (void *)&s;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        *ret_len = sizeof(*v6);
    }
    return s;
}

/* A socket of the host, bound to its own address. */
static int host_socket(int which, uint8_t family, int type, uint16_t port)
{
    socklen_t len;
    struct sockaddr_storage s = host(which, family, port, &len);
    int on = 1, size = 8 << 20;
    lab_enter(&lab, lab.host_netns[which]);
    int fd = socket(s.ss_family, type | SOCK_CLOEXEC, 0);
    lab_leave(&lab);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    assert_int_equal(bind(fd, (struct sockaddr *)&s, len), 0);
    return fd;
}

static bool readable(int fd, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, milliseconds) > 0;
}

static void send_numbered(int fd, int to, uint8_t family, uint32_t number, size_t size)
{
    uint8_t data[2000];
    socklen_t len;
    struct sockaddr_storage s = host(to, family, PORT, &len);
    memset(data, (int)number, sizeof(data));
    be32_store(data, number);
    assert_int_equal(sendto(fd, data, size, 0, (struct sockaddr *)&s, len), size);
}

/* One datagram there and one back. */
static bool ping(uint8_t family, int milliseconds)
{
    int a = host_socket(0, family, SOCK_DGRAM, PORT), b = host_socket(1, family, SOCK_DGRAM, PORT);
    uint8_t data[2000];
    send_numbered(a, 1, family, 1, 100);
    bool good = readable(b, milliseconds) && recv(b, data, sizeof(data), 0) == 100;
    if (good) {
        send_numbered(b, 0, family, 2, 1300);
        good = readable(a, milliseconds) && recv(a, data, sizeof(data), 0) == 1300 && data[1299] == 2;
    }
    close(a);
    close(b);
    return good;
}

static uint64_t drops_of(int which, enum drop_reason reason)
{
    return lab.g[which].sad->engines[0].drops[reason];
}

static void no_bad_drops(void)
{
    static const enum drop_reason bad[] = {DROP_REPLAY,      DROP_REPLAY_OLD,      DROP_BAD_ICV,
                                           DROP_MALFORMED,   DROP_BAD_PADDING,     DROP_SELECTOR_MISMATCH,
                                           DROP_SEND_FAILED, DROP_TUN_WRITE_FAILED};
    for (int g = 0; g < 2; g++)
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
            if (drops_of(g, bad[i]))
                fail_msg("gateway %d dropped %lu: %s", g + 1, drops_of(g, bad[i]), drop_reason_name(bad[i]));
}

static void install(const struct packet_algorithms *a, uint16_t flags, bool v6, uint8_t protocol)
{
    struct selector s4 = lab_selector(ADDRESS_V4), s6 = lab_selector(ADDRESS_V6);
    lab_pair(&lab, 0, a, flags, v6, protocol, &s4);
    lab_pair(&lab, 1, a, flags, v6, protocol, &s6);
}

static void uninstall(void)
{
    lab_pair_remove(&lab, 0);
    lab_pair_remove(&lab, 1);
}

/* Bytes of a TCP stream that arrived as they were sent, in one direction. */
static size_t tcp_transfer(uint8_t family, size_t bytes)
{
    socklen_t len;
    struct sockaddr_storage to = host(1, family, PORT, &len);
    int listener = host_socket(1, family, SOCK_STREAM, PORT), a = host_socket(0, family, SOCK_STREAM, 0);
    static uint8_t block[65536];
    assert_int_equal(listen(listener, 1), 0);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (uint8_t)(i * 7 + i / 251);
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        if (connect(a, (struct sockaddr *)&to, len) < 0)
            _exit(1);
        for (size_t sent = 0; sent < bytes;) {
            ssize_t n = write(a, block + sent % sizeof(block),
                              MIN(sizeof(block) - sent % sizeof(block), bytes - sent));
            if (n <= 0)
                _exit(2);
            sent += (size_t)n;
        }
        _exit(0);
    }
    close(a);
    size_t good = 0;
    int b = readable(listener, 5000) ? accept(listener, NULL, NULL) : -1;
    while (b >= 0 && readable(b, 10000)) {
        static uint8_t in[65536];
        ssize_t n = read(b, in, sizeof(in));
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            if (in[i] != block[(good + (size_t)i) % sizeof(block)])
                goto out;
        good += (size_t)n;
    }
out:
    if (b >= 0)
        close(b);
    close(listener);
    int status;
    waitpid(child, &status, 0);
    return good;
}

static void traffic_over_every_encapsulation(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const struct packet_algorithms *a;
        uint16_t flags;
        bool outer_v6;
        uint8_t protocol;
    } cases[] = {
        {"ESP, GCM", &gcm, PAIR_TUNNEL, false, 50},
        {"ESP, GCM, ESN", &gcm, PAIR_TUNNEL | PAIR_ESN, false, 50},
        {"ESP, CBC", &cbc, PAIR_TUNNEL, false, 50},
        {"ESP in UDP", &gcm, PAIR_TUNNEL | PAIR_UDP, false, 50},
        {"ESP in UDP, CBC, DF clear", &cbc, PAIR_TUNNEL | PAIR_UDP | PAIR_DF_CLEAR, false, 50},
        {"ESP over IPv6", &gcm, PAIR_TUNNEL, true, 50},
        {"ESP in UDP over IPv6", &gcm, PAIR_TUNNEL | PAIR_UDP, true, 50},
        {"AH", &ah, PAIR_TUNNEL, false, 51},
        {"AH over IPv6", &ah, PAIR_TUNNEL, true, 51},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        install(cases[i].a, cases[i].flags, cases[i].outer_v6, cases[i].protocol);
        for (uint8_t family = ADDRESS_V4; family <= ADDRESS_V6; family += 2) {
            if (!ping(family, 3000))
                fail_msg("%s: no answer over IPv%d", cases[i].name, family);
            uint64_t before = lab.g[0].sad->engines[0].packets_out;
            size_t got = tcp_transfer(family, 8 << 20);
            if (got != 8 << 20)
                fail_msg("%s: TCP over IPv%d broke after %zu bytes", cases[i].name, family, got);
            assert_true(lab.g[0].sad->engines[0].packets_out - before > (8 << 20) / 1500);
        }
        uninstall();
        no_bad_drops();
    }
}

/* Sends `count` numbered datagrams at 1 a millisecond while `at_half` and `at_end` happen; returns how many
 * arrived, and that none came twice or was damaged is asserted. */
static unsigned numbered_run(unsigned count, void (*at_half)(void), void (*after)(void))
{
    int a = host_socket(0, ADDRESS_V4, SOCK_DGRAM, 0), b = host_socket(1, ADDRESS_V4, SOCK_DGRAM, PORT);
    uint8_t *seen = calloc(count, 1), data[2000];
    unsigned got = 0;
    for (unsigned i = 0; i < count; i++) {
        struct timespec gap = {.tv_nsec = 1000000};
        nanosleep(&gap, NULL);
        send_numbered(a, 1, ADDRESS_V4, i, 600);
        if (i == count / 3)
            at_half();
        if (i == count / 3 + 200)
            after();
    }
    while (readable(b, 1000)) {
        assert_int_equal(recv(b, data, sizeof(data), 0), 600);
        uint32_t number = be32_load(data);
        assert_true(number < count);
        assert_int_equal(seen[number], 0);
        assert_int_equal(data[599], (uint8_t)number);
        seen[number] = 1;
        got++;
    }
    free(seen);
    close(a);
    close(b);
    return got;
}

static int victim;

static void kill_victim(void)
{
    lab_engine_kill(&lab, victim, SIGKILL);
}

static void start_successor(void)
{
    lab_engine_start(&lab, victim);
}

/* While an engine is dead (200 ms here, that is 200 packets) the kernel's queues hold its packets. */
static void engine_dies_and_its_successor_goes_on(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        struct channel_message m;
        install(&gcm, (uint16_t)(PAIR_TUNNEL | (round & 2 ? PAIR_UDP : 0)), false, 50);
        victim = (int)(round & 1);
        while (lab_message(&lab, victim, CHANNEL_READY, 0, &m, NULL))
            ;
        uint32_t starts = atomic_load(&lab.g[victim].sad->engines[0].starts);
        unsigned got = numbered_run(1000, kill_victim, start_successor);
        print_message("             gateway %d, %s: %u of 1000 arrived\n", victim + 1,
                      round & 2 ? "UDP" : "raw", got);
        if (got < 1000 - 64)
            fail_msg("engine %d: only %u of 1000 arrived", victim + 1, got);
        assert_int_equal(atomic_load(&lab.g[victim].sad->engines[0].starts), starts + 1);
        assert_true(lab_message(&lab, victim, CHANNEL_READY, 1000, &m, NULL));
        uninstall();
        no_bad_drops();
    }
}

static void sigterm_ends_it(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        int status;
        kill(lab.g[i].engine, SIGTERM);
        assert_int_equal(waitpid(lab.g[i].engine, &status, 0), lab.g[i].engine);
        assert_int_equal(status, 0);
        assert_int_equal(atomic_load(&lab.g[i].sad->engines[0].epoch) & 1, 0);
        lab_engine_start(&lab, i);
    }
}

static void packets_wait_for_their_sa(void **state)
{
    (void)state;
    struct channel_message m;
    struct selector asked = lab_selector(ADDRESS_V4);
    while (lab_message(&lab, 0, CHANNEL_ACQUIRE, 0, &m, NULL))
        ;
    int a = host_socket(0, ADDRESS_V4, SOCK_DGRAM, 0), b = host_socket(1, ADDRESS_V4, SOCK_DGRAM, PORT);
    for (uint32_t i = 0; i < 5; i++)
        send_numbered(a, 1, ADDRESS_V4, i, 200);
    assert_true(lab_message(&lab, 0, CHANNEL_ACQUIRE, 1000, &m, NULL));
    assert_int_equal(m.acquire.entry, LAB_ENTRY);
    assert_int_equal(m.acquire.ace, 0);
    assert_int_equal(m.acquire.ifindex, lab.g[0].outside);
    assert_true(selector_equal(&m.acquire.selector, &asked));
    assert_int_equal(m.acquire.packet.remote_port_low, PORT);
    /* It is asked again while they wait, but not for each packet. */
    assert_true(lab_message(&lab, 0, CHANNEL_ACQUIRE, 2000, &m, NULL));
    assert_false(readable(b, 0));
    install(&gcm, PAIR_TUNNEL, false, 50);
    uint8_t data[2000];
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(readable(b, 1000));
        assert_int_equal(recv(b, data, sizeof(data), 0), 200);
        assert_int_equal(be32_load(data), i);
    }
    uninstall();
    /* Refused: what waits is dropped. */
    uint64_t before = drops_of(0, DROP_NO_SA) + drops_of(0, DROP_ACQUIRE_TIMEOUT);
    send_numbered(a, 1, ADDRESS_V4, 9, 200);
    assert_true(lab_message(&lab, 0, CHANNEL_ACQUIRE, 1000, &m, NULL));
    m.type = CHANNEL_ACQUIRE_FAILED;
    assert_int_equal(send(lab.g[0].fds[HANDOVER_CHANNEL_CONTROL], &m, sizeof(m), 0), sizeof(m));
    for (int i = 0; i < 100 && drops_of(0, DROP_NO_SA) + drops_of(0, DROP_ACQUIRE_TIMEOUT) == before; i++)
        usleep(10000);
    assert_int_equal(drops_of(0, DROP_NO_SA) + drops_of(0, DROP_ACQUIRE_TIMEOUT), before + 1);
    assert_false(readable(b, 50));
    close(a);
    close(b);
}

/* A lost CHANNEL_PAIR_ADDED costs a delay: the engine looks for itself. */
static void lost_message_costs_a_delay(void **state)
{
    (void)state;
    install(&gcm, PAIR_TUNNEL, false, 50);
    assert_true(ping(ADDRESS_V4, 2000));
    for (int i = 0; i < 2; i++) {
        struct channel_message m = {.type = CHANNEL_PAIR_REMOVED,
                                    .pair = {.slot = 0, .spi_in = lab.g[i].sad->pairs[0].spi_in}};
        assert_int_equal(send(lab.g[i].fds[HANDOVER_CHANNEL_CONTROL], &m, sizeof(m), 0), sizeof(m));
    }
    bool good = false;
    for (int i = 0; i < 20 && !good; i++)
        good = ping(ADDRESS_V4, 500);
    assert_true(good);
    uninstall();
}

static void policy_lets_the_rest_pass(void **state)
{
    (void)state;
    /* Led into the TUN device by the superset of routes, but not protected by any entry. */
    for (int i = 0; i < 2; i++) {
        struct spd_table *t = spd_next(lab.g[i].spd);
        t->binding_count = 1;
        t->bindings[0] = (struct spd_binding){.ifindex = lab.g[i].outside};
        spd_publish(lab.g[i].spd);
    }
    uint64_t before = lab.g[0].sad->engines[0].packets_bypassed;
    assert_true(ping(ADDRESS_V4, 2000));
    assert_true(ping(ADDRESS_V6, 2000));
    assert_true(lab.g[0].sad->engines[0].packets_bypassed > before);
    assert_int_equal(tcp_transfer(ADDRESS_V4, 4 << 20), 4 << 20);
    lab_policy(&lab);
    assert_false(ping(ADDRESS_V4, 300)); /* from here on it must not leave in clear */
}

static void what_the_channel_says_of_strangers(void **state)
{
    (void)state;
    struct channel_message m;
    uint8_t data[CHANNEL_DATA_MAX];
    while (lab_message(&lab, 1, CHANNEL_INVALID_SPI, 0, &m, NULL))
        ;
    struct udp_options o = {.family = ADDRESS_V4, .mark = HOLDFAST_MARK};
    lab_enter(&lab, lab.g[0].netns);
    int fd = udp_open(&o);
    lab_leave(&lab);
    assert_true(fd >= 0);
    struct endpoint none = {0}, peer = {lab.g[1].sad->pairs[0].local.address, 4500};
    assert_true(address_parse("192.0.2.2", &peer.address));
    /* A row of datagrams that the kernel sorts by its first: ESP of an unknown SA, then an IKE message, then
     * a keepalive. */
    uint8_t row[200 + 1];
    memset(row, 0x77, sizeof(row));
    memset(row + 100, 0, 4);
    row[200] = 0xff;
    struct iovec pieces[3] = {{row, 100}, {row + 100, 100}, {row + 200, 1}};
    struct datagram_out d = {.pieces = pieces, .piece_count = 3, .segment = 100, .remote = peer};
    struct datagram_writer *w = datagram_writer_new();
    assert_int_equal(datagram_send(w, fd, &d, 1), 1);
    assert_true(lab_message(&lab, 1, CHANNEL_INVALID_SPI, 1000, &m, NULL));
    assert_int_equal(m.invalid_spi.spi, 0x77777777);
    assert_int_equal(m.invalid_spi.protocol, 50);
    assert_int_equal(m.invalid_spi.remote.port, udp_port(fd));
    assert_int_equal(datagram_send(w, fd, &d, 1), 1);
    assert_true(lab_message(&lab, 1, CHANNEL_DATAGRAM, 1000, &m, data));
    assert_int_equal(m.data_len, 96);
    assert_int_equal(data[0], 0x77);
    assert_int_equal(m.datagram.local.port, 4500);
    assert_int_equal(m.datagram.remote.port, udp_port(fd));
    /* A flood is told a few times a second. */
    for (int i = 0; i < 1000; i++)
        if (datagram_send_one(fd, &none, &peer, bytes_of(row, 100)) < 0)
            usleep(1000);
    unsigned told = 0;
    while (lab_message(&lab, 1, CHANNEL_INVALID_SPI, 300, &m, NULL))
        told++;
    assert_true(told >= 1 && told <= 20);
    assert_true(drops_of(1, DROP_UNKNOWN_SPI) >= 900);
    datagram_writer_free(w);
    close(fd);
}

static void routes_are_followed(void **state)
{
    (void)state;
    install(&gcm, PAIR_TUNNEL, false, 50);
    assert_true(ping(ADDRESS_V4, 2000));
    /* No route any more: nothing is sent; the route comes back: traffic, too. */
    assert_int_equal(lab_run("ip -n %s route del 10.2.0.0/24", lab.g[0].ns), 0);
    usleep(50000);
    assert_false(ping(ADDRESS_V4, 300));
    assert_int_equal(lab_run("ip -n %s route add 10.2.0.0/24 via 192.0.2.2", lab.g[0].ns), 0);
    usleep(50000);
    assert_true(ping(ADDRESS_V4, 2000));
    uninstall();
}

/* A hub: what was decrypted and leaves by an interface with a policy is protected again, never sent on in
 * clear. */
static void decrypted_packets_meet_policy_again(void **state)
{
    (void)state;
    struct channel_message m;
    install(&gcm, PAIR_TUNNEL, false, 50);
    assert_true(ping(ADDRESS_V4, 2000));
    struct netlink *n;
    struct netlink_link inside;
    lab_enter(&lab, lab.g[1].netns);
    assert_int_equal(netlink_new(&n), 0);
    assert_int_equal(netlink_link_by_name(n, "in0", &inside), 0);
    netlink_free(n);
    lab_leave(&lab);
    struct spd_table *t = spd_next(lab.g[1].spd);
    t->binding_count = t->entry_count = t->ace_count = 1;
    t->bindings[0] = (struct spd_binding){.ifindex = inside.ifindex, .entry_count = 1};
    t->entries[0] = (struct spd_entry){.id = 99, .sequence = 10, .ace_count = 1, .may_initiate = 1};
    t->aces[0] = (struct spd_ace){.permit = 1,
                                  .family = ADDRESS_V4,
                                  .source_port_high = UINT16_MAX,
                                  .destination_port_high = UINT16_MAX};
    memset(t->aces[0].source_wildcard, 0xff, 16);
    memset(t->aces[0].destination_wildcard, 0xff, 16);
    spd_publish(lab.g[1].spd);
    while (lab_message(&lab, 1, CHANNEL_ACQUIRE, 0, &m, NULL))
        ;
    int a = host_socket(0, ADDRESS_V4, SOCK_DGRAM, 0), b = host_socket(1, ADDRESS_V4, SOCK_DGRAM, PORT);
    send_numbered(a, 1, ADDRESS_V4, 1, 200);
    assert_true(lab_message(&lab, 1, CHANNEL_ACQUIRE, 1000, &m, NULL));
    assert_int_equal(m.acquire.entry, 99);
    assert_int_equal(m.acquire.ifindex, inside.ifindex);
    assert_false(readable(b, 50));
    close(a);
    close(b);
    uninstall();
    lab_policy(&lab);
}

/* What does not fit with its encapsulation is told to the sender, which sends smaller ones. */
static void path_mtu_is_told(void **state)
{
    (void)state;
    install(&gcm, PAIR_TUNNEL, false, 50);
    for (int i = 0; i < 2; i++)
        assert_int_equal(lab_run("ip -n %s link set out0 mtu 1300", lab.g[i].ns), 0);
    usleep(50000);
    for (uint8_t family = ADDRESS_V4; family <= ADDRESS_V6; family += 2)
        assert_int_equal(tcp_transfer(family, 2 << 20), 2 << 20);
    assert_true(lab.g[0].sad->engines[0].icmp_sent >= 1);
    int a = host_socket(0, ADDRESS_V4, SOCK_DGRAM, 0);
    int probe = IP_PMTUDISC_DO;
    assert_int_equal(setsockopt(a, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)), 0);
    socklen_t len;
    struct sockaddr_storage to = host(1, ADDRESS_V4, PORT, &len);
    uint8_t data[1250] = {0};
    ssize_t r = 0;
    for (int i = 0; i < 20 && r >= 0; i++) {
        r = sendto(a, data, sizeof(data), 0, (struct sockaddr *)&to, len);
        usleep(20000);
    }
    assert_true(r < 0);
    close(a);
    for (int i = 0; i < 2; i++)
        assert_int_equal(lab_run("ip -n %s link set out0 mtu 1500", lab.g[i].ns), 0);
    uninstall();
}

/* What goes straight to the neighbour: most packets; none to a neighbour that is gone or another now; and the
 * link that was cut and came back carries again. */
static void neighbours_are_followed(void **state)
{
    (void)state;
    struct sad_engine *first = &lab.g[0].sad->engines[0];
    install(&gcm, PAIR_TUNNEL, false, 50);
    assert_true(ping(ADDRESS_V4, 2000));
    uint64_t all = first->packets_out, straight = first->packets_to_neighbour;
    assert_int_equal(tcp_transfer(ADDRESS_V4, 4 << 20), 4 << 20);
    all = first->packets_out - all;
    straight = first->packets_to_neighbour - straight;
    assert_true(straight * 10 >= all * 9);

    assert_int_equal(lab_run("ip -n %s link set out0 address 02:00:5e:00:53:07", lab.g[1].ns), 0);
    assert_int_equal(
        lab_run("ip -n %s neigh replace 192.0.2.2 dev out0 lladdr 02:00:5e:00:53:07 nud reachable",
                lab.g[0].ns),
        0);
    usleep(20000);
    assert_true(ping(ADDRESS_V4, 1000));
    straight = first->packets_to_neighbour;
    assert_int_equal(lab_run("ip -n %s neigh flush dev out0", lab.g[0].ns), 0);
    usleep(20000);
    assert_true(ping(ADDRESS_V4, 1000)); /* asked for anew by the packet itself */
    assert_int_equal(first->packets_to_neighbour, straight);

    assert_int_equal(lab_run("ip -n %s link set out0 down", lab.g[1].ns), 0);
    assert_false(ping(ADDRESS_V4, 200));
    /* What the kernel took away with the device. */
    assert_int_equal(lab_run("ip -n %s link set out0 up && ip -n %s route add 10.1.0.0/24 via 192.0.2.1",
                             lab.g[1].ns, lab.g[1].ns),
                     0);
    assert_int_equal(lab_run("ip -n %s addr add 2001:db8:f::2/64 dev out0 nodad && "
                             "ip -n %s -6 route add 2001:db8:1::/64 via 2001:db8:f::1",
                             lab.g[1].ns, lab.g[1].ns),
                     0);
    assert_true(ping(ADDRESS_V4, 2000));
    assert_int_equal(tcp_transfer(ADDRESS_V4, 4 << 20), 4 << 20);
    uninstall();
}

static int up(void **state)
{
    (void)state;
    lab_policy(&lab);
    for (int i = 0; i < 2; i++) {
        struct channel_message m;
        lab_engine_start(&lab, i);
        if (!lab_message(&lab, i, CHANNEL_READY, 5000, &m, NULL))
            return -1;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_over_every_encapsulation),
        cmocka_unit_test(engine_dies_and_its_successor_goes_on),
        cmocka_unit_test(sigterm_ends_it),
        cmocka_unit_test(packets_wait_for_their_sa),
        cmocka_unit_test(lost_message_costs_a_delay),
        cmocka_unit_test(routes_are_followed),
        cmocka_unit_test(neighbours_are_followed),
        cmocka_unit_test(decrypted_packets_meet_policy_again),
        cmocka_unit_test(path_mtu_is_told),
        cmocka_unit_test(what_the_channel_says_of_strangers),
        cmocka_unit_test(policy_lets_the_rest_pass),
    };
    int r = lab_up(&lab);
    if (r)
        return r;
    int failed = cmocka_run_group_tests(tests, up, NULL);
    lab_down(&lab);
    return failed;
}
