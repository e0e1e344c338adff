/* SPDX-License-Identifier: Apache-2.0 */
/* Echo sockets in a namespace of their own: replies and refusals with their time of arrival, only for our
 * identifiers (also where the range wraps), sources that are chosen, and sources that are not ours. */
#include "namespace.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/be.h"
#include "io/clock.h"
#include "io/echo_socket.h"
#include "wire/ip.h"

enum { FIRST = 65530, COUNT = 10 }; /* 65530 .. 3 */

static uint8_t message[64], buffer[2048];

static struct bytes request(uint8_t family, uint16_t id, uint16_t sequence)
{
    struct icmp_header *h = (struct icmp_header *)message;

    memset(message, 0x5a, sizeof message);
    *h = (struct icmp_header){.type = family == ADDRESS_V6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST,
                              .rest = be32_of((uint32_t)id << 16 | sequence)};
    if (family == ADDRESS_V4)
        h->checksum = checksum_of(message, sizeof message);
    return bytes_of(message, sizeof message);
}

static void send_to(int fd, const char *from, const char *to, uint16_t id, uint16_t sequence, int expected)
{
    struct address a = addr(to), source = {0};

    if (from)
        source = addr(from);
    assert_int_equal(echo_send(fd, &source, &a, 0, request(a.family, id, sequence)), expected);
}

/* The next message, which is of `type` and about our request with that number. */
static void expect(int fd, uint8_t type, uint16_t id, uint16_t sequence, struct echo_message *ret)
{
    assert_true(readable(fd, 2000));
    assert_int_equal(echo_receive(fd, buffer, sizeof buffer, ret), 0);
    const uint8_t *icmp = ret->data;
    if (ret->from.family == ADDRESS_V4)
        icmp += (size_t)(icmp[0] & 15) * 4;
    assert_int_equal(icmp[0], type);
    bool reply = type == ICMP_ECHO_REPLY || type == ICMPV6_ECHO_REPLY;
    const uint8_t *numbers = icmp + 4 +
                             (reply                            ? 0
                              : ret->from.family == ADDRESS_V4 ? ICMP_HEADER + IPV4_HEADER
                                                               : ICMP_HEADER + IPV6_HEADER);
    assert_int_equal(be32_load(numbers), (uint32_t)id << 16 | sequence);
}

static void replies(void **state)
{
    static const struct {
        const char *to, *from;
        uint8_t reply;
    } families[] = {{"127.0.0.9", "127.0.0.5", ICMP_ECHO_REPLY}, {"::1", "2001:db8::5", ICMPV6_ECHO_REPLY}};
    struct echo_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        int fd = echo_open(addr(families[i].to).family, FIRST, COUNT);
        assert_true(fd >= 0);
        ns before = clock_now();
        send_to(fd, NULL, families[i].to, 3, 77, 0);
        expect(fd, families[i].reply, 3, 77, &m);
        struct address to = addr(families[i].to);
        assert_true(address_equal(&m.from, &to));
        /* Looked at late, it still says when it came; to a millisecond, as two clocks are read one after the
         * other. Who sets the wall clock meanwhile spoils one of the tries. */
        bool stamped = false;
        for (unsigned tries = 0; tries < 5 && !stamped; tries++) {
            send_to(fd, families[i].from, families[i].to, 65530, 78, 0);
            ns sent = clock_now();
            usleep(100000);
            expect(fd, families[i].reply, 65530, 78, &m);
            stamped = m.arrived + NS_PER_MS >= before && m.arrived <= sent + 50 * NS_PER_MS;
        }
        assert_true(stamped);
        assert_int_equal(echo_receive(fd, buffer, sizeof buffer, &m), -EAGAIN);
        close(fd);
    }
}

/* A flood of other identifiers never reaches the queue. */
static void others_are_not_heard(void **state)
{
    static const struct {
        const char *to;
        uint8_t reply;
    } families[] = {{"127.0.0.9", ICMP_ECHO_REPLY}, {"::1", ICMPV6_ECHO_REPLY}};
    struct echo_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        int fd = echo_open(addr(families[i].to).family, FIRST, COUNT);
        assert_true(fd >= 0);
        for (uint16_t n = 0; n < 3000; n++)
            send_to(fd, NULL, families[i].to, 4 + n % 60000, n, 0);
        send_to(fd, NULL, families[i].to, 65529, 1, 0);
        send_to(fd, NULL, families[i].to, 0, 2, 0);
        expect(fd, families[i].reply, 0, 2, &m);
        assert_int_equal(echo_receive(fd, buffer, sizeof buffer, &m), -EAGAIN);
        close(fd);
    }
}

static void refusals(void **state)
{
    static const struct {
        const char *to;
        uint8_t type;
    } families[] = {{"10.66.0.1", ICMP_UNREACHABLE}, {"2001:db8:66::1", ICMPV6_UNREACHABLE}};
    struct echo_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        struct address to = addr(families[i].to);
        int fd = echo_open(to.family, FIRST, COUNT), other = echo_open(to.family, 100, 1);
        assert_true(fd >= 0 && other >= 0);
        send_to(fd, NULL, families[i].to, 1, 5, 0);
        expect(fd, families[i].type, 1, 5, &m);
        assert_int_equal(echo_receive(other, buffer, sizeof buffer, &m), -EAGAIN);
        close(fd);
        close(other);
    }
}

static void cannot_be_sent(void **state)
{
    (void)state;
    int fd = echo_open(ADDRESS_V4, 1, 1), fd6 = echo_open(ADDRESS_V6, 1, 1);
    assert_true(fd >= 0 && fd6 >= 0);
    send_to(fd, NULL, "172.16.0.1", 1, 1, -ENETUNREACH);
    send_to(fd6, NULL, "2001:db8:77::1", 1, 1, -ENETUNREACH);
    /* A source that is not ours. */
    struct address foreign = addr("10.1.2.3"), to = addr("127.0.0.1");
    assert_true(echo_send(fd, &foreign, &to, 0, request(ADDRESS_V4, 1, 1)) < 0);
    send_to(fd6, "2001:db8:99::1", "::1", 1, 1, -EINVAL);
    assert_int_equal(echo_open(0, 1, 1), -EINVAL);
    close(fd);
    close(fd6);
}

static pid_t router;
static int ready[2];

/* A router that does not know the way, at the other end of a veth. */
static int world(void **state)
{
    char command[1200];
    (void)state;
    router = fork();
    if (router == 0) {
        if (unshare(CLONE_NEWNET) == 0)
            (void)!write(ready[1], "", 1);
        pause();
        _exit(0);
    }
    char go;
    if (router < 0 || read(ready[0], &go, 1) != 1)
        return -1;
    snprintf(command, sizeof command,
             "ip addr add 2001:db8::5/128 dev lo nodad && ip link add near type veth peer name far && ip "
             "link set near "
             "up && ip addr add 10.5.0.1/24 dev near && ip addr add 2001:db8:5::1/64 dev near nodad && ip "
             "link set far "
             "netns %d && nsenter -n -t %d sh -c 'ip link set lo up; ip link set far up; ip addr add "
             "10.5.0.2/24 dev "
             "far; ip addr add 2001:db8:5::2/64 dev far nodad; sysctl -qw net.ipv4.ip_forward=1 "
             "net.ipv6.conf.all.forwarding=1' && ip route add 10.66.0.0/16 via 10.5.0.2 && ip route add "
             "2001:db8:66::/48 via 2001:db8:5::2",
             router, router);
    return system(command);
}

static int world_end(void **state)
{
    (void)state;
    return kill(router, SIGKILL) == 0 && waitpid(router, NULL, 0) == router ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(others_are_not_heard),
        cmocka_unit_test(refusals),
        cmocka_unit_test(cannot_be_sent),
    };
    namespace_or_skip();
    if (pipe(ready) < 0)
        return 1;
    return cmocka_run_group_tests(tests, world, world_end);
}
