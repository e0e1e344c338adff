/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered packets, written and read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "farm/numbered.h"

static uint8_t packet[2048];
static const struct numbered some = {.run = 7, .flow = 99, .number = UINT64_C(0x100000002)};

static size_t packet_make(size_t size)
{
    const struct address source = address_v4(0x0a800001), destination = address_v4(0x0a00000a);

    return numbered_packet_write(packet, size, &source, &destination, &some);
}

static void round_trip(void **state)
{
    const size_t sizes[] = {NUMBERED_SIZE, 25, 200, NUMBERED_SIZE_MAX};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct numbered n;
        struct address destination;
        size_t len = packet_make(sizes[i]);
        assert_int_equal(len, IPV4_HEADER + UDP_HEADER + sizes[i]);
        assert_true(numbered_packet_parse(bytes_of(packet, len), &destination, &n));
        assert_int_equal(n.run, some.run);
        assert_int_equal(n.flow, some.flow);
        assert_int_equal(n.number, some.number);
        assert_int_equal(address_v4_get(&destination), 0x0a00000a);
        /* As the host's socket sees it, which believes no wrong checksum. */
        assert_true(ipv4_checksum_ok(packet));
        const struct address source = address_v4(0x0a800001);
        uint64_t sum = checksum_pseudo(&source, &destination, IP_PROTOCOL_UDP, (uint32_t)(len - IPV4_HEADER));
        assert_int_equal(
            be16_get(checksum_finish(checksum_add(sum, packet + IPV4_HEADER, len - IPV4_HEADER))), 0);
    }
}

static void bad(void **state)
{
    struct numbered n;
    struct address a;
    (void)state;
    size_t len = packet_make(NUMBERED_SIZE);
    for (size_t cut = 0; cut < len; cut++)
        assert_false(numbered_packet_parse(bytes_of(packet, cut), &a, &n));
    static const size_t wrong[] = {0 /* version */, 6 /* fragment */, 9 /* protocol */,
                                   IPV4_HEADER + 2 /* port */, IPV4_HEADER + UDP_HEADER /* magic */};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        packet_make(NUMBERED_SIZE);
        packet[wrong[i]] ^= 0x20;
        assert_false(numbered_packet_parse(bytes_of(packet, len), &a, &n));
    }
    assert_false(numbered_parse(bytes_of(packet, 0), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
