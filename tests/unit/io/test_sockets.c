/* SPDX-License-Identifier: Apache-2.0 */
/* UDP and raw sockets on loopback: how port 4500 is sorted, bursts, rows of datagrams, local addresses,
 * errors. */
#include "namespace.h"

#include "io/datagram.h"
#include "io/raw_socket.h"
#include "io/udp_socket.h"

enum { MARK = 0x1234 };

static struct datagram_reader *reader;
static struct datagram_writer *writer;

static struct endpoint loopback(uint8_t family, int port)
{
    return (struct endpoint){addr(family == ADDRESS_V4 ? "127.0.0.1" : "::1"), (uint16_t)port};
}

static int open_plain(uint8_t family)
{
    struct udp_options o = {.family = family, .mark = MARK, .errors = true};
    int fd = udp_open(&o);
    assert_true(fd >= 0);
    return fd;
}

static void send_to(int fd, uint8_t family, int port, const void *data, size_t len)
{
    struct endpoint local = {0}, remote = loopback(family, port);
    assert_int_equal(datagram_send_one(fd, &local, &remote, bytes_of(data, len)), 0);
}

static const uint8_t families[] = {ADDRESS_V4, ADDRESS_V6};

static void port_4500_is_sorted(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool ike;
    } cases[] = {
        {"\0\0\0\0ike message", 15, true},
        {"\x12\x34\x56\x78"
         "ESP",
         7, false},
        {"\xff", 1, true},
        {"\0\0\0\0", 4, true},
        {"\0\0\0\1", 4, false},
        {"\1\0\0\0", 4, false},
        {"", 0, true},
        {"\1\2\3", 3, true},
    };
    for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
        int ike, esp;
        assert_int_equal(udp_open_pair(families[f], 0, MARK, 1 << 20, &ike, &esp), 0);
        int port = udp_port(ike), sender = open_plain(families[f]);
        assert_true(port > 0);
        assert_int_equal(udp_port(esp), port);
        /* Forwards and backwards, from one port: it is the content that decides. */
        for (size_t round = 0; round < 2 * ARRAY_SIZE(cases); round++) {
            size_t i = round < ARRAY_SIZE(cases) ? round : 2 * ARRAY_SIZE(cases) - 1 - round;
            struct datagram got[2];
            send_to(sender, families[f], port, cases[i].bytes, cases[i].len);
            assert_true(readable(cases[i].ike ? ike : esp, 1000));
            assert_int_equal(datagram_receive(reader, cases[i].ike ? ike : esp, 2, got), 1);
            assert_int_equal(got[0].len, cases[i].len);
            assert_memory_equal(got[0].data, cases[i].bytes, cases[i].len);
            assert_int_equal(got[0].remote.port, udp_port(sender));
            struct endpoint here = loopback(families[f], 0);
            assert_true(address_equal(&got[0].local.address, &here.address));
            assert_int_equal(got[0].ifindex, 1);
            assert_int_equal(datagram_receive(reader, cases[i].ike ? esp : ike, 2, got), -EAGAIN);
        }
        close(sender);
        close(ike);
        close(esp);
    }
}

static void other_daemon_is_reported(void **state)
{
    (void)state;
    int ike, esp;
    int other = open_plain(ADDRESS_V4);
    struct udp_options same = {.family = ADDRESS_V4, .port = (uint16_t)udp_port(other)};
    assert_int_equal(udp_open(&same), -EADDRINUSE);
    assert_int_equal(udp_open_pair(ADDRESS_V4, same.port, MARK, 0, &ike, &esp), -EADDRINUSE);
    /* Also one that would share the port. */
    assert_int_equal(udp_open_pair(ADDRESS_V4, 0, MARK, 0, &ike, &esp), 0);
    int ike2, esp2;
    assert_int_equal(udp_open_pair(ADDRESS_V4, (uint16_t)udp_port(ike), MARK, 0, &ike2, &esp2), -EADDRINUSE);
    close(ike);
    close(esp);
    close(other);
    struct udp_options bad = {.family = 9};
    assert_int_equal(udp_open(&bad), -EINVAL);
}

static void rows_of_datagrams(void **state)
{
    (void)state;
    static uint8_t data[20][1000];
    for (size_t i = 0; i < ARRAY_SIZE(data); i++)
        memset(data[i], (int)i + 1, sizeof(data[i]));
    for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
        int ike, esp, sender = open_plain(families[f]);
        assert_int_equal(udp_open_pair(families[f], 0, MARK, 4 << 20, &ike, &esp), 0);
        struct iovec pieces[20];
        for (size_t i = 0; i < 20; i++)
            pieces[i] = (struct iovec){data[i], i == 19 ? 500 : 1000};
        struct datagram_out d = {.pieces = pieces,
                                 .piece_count = 20,
                                 .segment = 1000,
                                 .remote = loopback(families[f], udp_port(ike)),
                                 .tos = 0xb8};
        assert_int_equal(datagram_send(writer, sender, &d, 1), 1);
        size_t got = 0;
        while (got < 20) {
            struct datagram in[8];
            assert_true(readable(esp, 1000));
            int n = datagram_receive(reader, esp, 8, in);
            assert_true(n > 0);
            for (int i = 0; i < n; i++) {
                uint32_t step = in[i].segment ? in[i].segment : in[i].len;
                assert_int_equal(in[i].tos, 0xb8);
                for (uint32_t at = 0; at < in[i].len; at += step, got++) {
                    assert_int_equal(MIN(step, in[i].len - at), got == 19 ? 500 : 1000);
                    assert_int_equal(in[i].data[at], got + 1);
                }
            }
        }
        close(sender);
        close(ike);
        close(esp);
    }
}

static void source_is_as_asked(void **state)
{
    (void)state;
    int a = open_plain(ADDRESS_V4), b = open_plain(ADDRESS_V4);
    struct endpoint local = {addr("127.0.0.77"), 0}, remote = loopback(ADDRESS_V4, udp_port(b));
    struct datagram got[1];
    assert_int_equal(datagram_send_one(a, &local, &remote, bytes_of("x", 1)), 0);
    assert_true(readable(b, 1000));
    assert_int_equal(datagram_receive(reader, b, 1, got), 1);
    assert_true(address_equal(&got[0].remote.address, &local.address));
    /* The answer goes back with the source that the question had as destination. */
    remote.address = addr("127.0.0.88");
    assert_int_equal(datagram_send_one(a, &local, &remote, bytes_of("y", 1)), 0);
    assert_true(readable(b, 1000));
    assert_int_equal(datagram_receive(reader, b, 1, got), 1);
    assert_true(address_equal(&got[0].local.address, &remote.address));
    local.address = addr("10.9.9.9");
    assert_true(datagram_send_one(a, &local, &remote, bytes_of("z", 1)) < 0);
    close(a);
    close(b);
}

static void errors_of_the_network(void **state)
{
    (void)state;
    for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
        int gone = open_plain(families[f]), port = udp_port(gone), a = open_plain(families[f]);
        struct datagram_error e;
        assert_int_equal(datagram_receive_error(a, &e), -EAGAIN);
        close(gone);
        send_to(a, families[f], port, "x", 1);
        for (int i = 0; i < 100 && datagram_receive_error(a, &e) < 0; i++)
            usleep(1000);
        assert_int_equal(e.error, ECONNREFUSED);
        assert_int_equal(e.remote.port, port);
        /* The news of one peer do not spoil what goes to another. */
        int b = open_plain(families[f]);
        send_to(a, families[f], port, "x", 1);
        usleep(5000);
        send_to(a, families[f], udp_port(b), "y", 1);
        assert_true(readable(b, 1000));
        close(a);
        close(b);
    }
}

static void write_ipv4(uint8_t *p, uint16_t len, uint8_t protocol)
{
    memset(p, 0, 20);
    p[0] = 0x45;
    p[2] = (uint8_t)(len >> 8);
    p[3] = (uint8_t)len;
    p[8] = 64;
    p[9] = protocol;
    p[12] = p[16] = 127;
    p[15] = 5;
    p[19] = 1;
}

static void raw_v4(void **state)
{
    (void)state;
    int fd = raw_open(ADDRESS_V4, 50, MARK, 1 << 20);
    assert_true(fd >= 0);
    static uint8_t packets[64][200];
    struct iovec pieces[64];
    struct datagram_out out[64];
    for (int i = 0; i < 64; i++) {
        write_ipv4(packets[i], 200, 50);
        packets[i][20] = (uint8_t)i;
        pieces[i] = (struct iovec){packets[i], 200};
        out[i] =
            (struct datagram_out){.pieces = &pieces[i], .piece_count = 1, .remote = loopback(ADDRESS_V4, 0)};
    }
    assert_int_equal(datagram_send(writer, fd, out, 64), 64);
    struct datagram got[64];
    assert_true(readable(fd, 1000));
    assert_int_equal(datagram_receive(reader, fd, 64, got), 64);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(got[i].len, 200);
        assert_int_equal(got[i].data[20], i);
        assert_int_equal(got[i].data[15], 5); /* the source that we wrote */
    }
    /* Longer than the MTU: refused, not fragmented. */
    struct netlink *n;
    assert_int_equal(netlink_new(&n), 0);
    assert_int_equal(netlink_link_set_mtu(n, 1, 1500), 0);
    static uint8_t large[1600];
    write_ipv4(large, 1600, 50);
    pieces[0] = (struct iovec){large, 1600};
    assert_int_equal(datagram_send(writer, fd, out, 1), -EMSGSIZE);
    assert_int_equal(netlink_link_set_mtu(n, 1, 65536), 0);
    netlink_free(n);
    close(fd);
}

static void raw_v6(void **state)
{
    (void)state;
    int fd = raw_open(ADDRESS_V6, 50, MARK, 1 << 20);
    assert_true(fd >= 0);
    uint8_t packet[60] = {0x6b, 0x80, 0, 0, 0, 20, 50, 33};
    packet[23] = packet[39] = 1;
    packet[40] = 0xaa;
    struct iovec piece = {packet, sizeof(packet)};
    struct datagram_out out = {.pieces = &piece, .piece_count = 1, .remote = loopback(ADDRESS_V6, 0)};
    assert_int_equal(datagram_send(writer, fd, &out, 1), 1);
    struct datagram got[1];
    assert_true(readable(fd, 1000));
    assert_int_equal(datagram_receive(reader, fd, 1, got), 1);
    assert_int_equal(got[0].len, 20); /* behind the IPv6 header */
    assert_int_equal(got[0].data[0], 0xaa);
    assert_int_equal(got[0].tos, 0xb8);
    assert_int_equal(got[0].hop_limit, 33);
    assert_true(address_equal(&got[0].local.address, &got[0].remote.address));
    close(fd);
}

static void long_datagrams_are_marked(void **state)
{
    (void)state;
    struct datagram_reader *small = datagram_reader_new(2, 64, 0, 0);
    int a = open_plain(ADDRESS_V4), b = open_plain(ADDRESS_V4);
    uint8_t data[65] = {1};
    struct datagram got[2];
    send_to(a, ADDRESS_V4, udp_port(b), data, 65);
    send_to(a, ADDRESS_V4, udp_port(b), data, 64);
    assert_true(readable(b, 1000));
    assert_int_equal(datagram_receive(small, b, 2, got), 2);
    assert_true(got[0].truncated);
    assert_false(got[1].truncated);
    datagram_reader_free(small);
    assert_null(datagram_reader_new(0, 64, 0, 0));
    assert_null(datagram_reader_new(DATAGRAM_BURST_MAX + 1, 64, 0, 0));
    close(a);
    close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_4500_is_sorted),
        cmocka_unit_test(other_daemon_is_reported),
        cmocka_unit_test(rows_of_datagrams),
        cmocka_unit_test(source_is_as_asked),
        cmocka_unit_test(errors_of_the_network),
        cmocka_unit_test(raw_v4),
        cmocka_unit_test(raw_v6),
        cmocka_unit_test(long_datagrams_are_marked),
    };
    namespace_or_skip();
    reader = datagram_reader_new(DATAGRAM_BURST_MAX, 65535, 16, 64);
    writer = datagram_writer_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    datagram_reader_free(reader);
    datagram_writer_free(writer);
    return failed;
}
