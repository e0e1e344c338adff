/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind a captured packet is of, from whole, cut short and malformed packets. RFC 3948 §2.2, §2.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab/packet_kind.h"

/* IPv4 header: total length 0 (never looked at), protocol P, from 10.0.0.1 to 10.9.9.9, or between outside
 * addresses. */
#define INSIDE(p)        "45000000 00000000 40" p "0000 0a000001 0a090909"
#define OUTSIDE(p)       "45000000 00000000 40" p "0000 09010116 09010182"
#define OUTSIDE_LATER(p) "45000000 00002010 40" p "0000 09010116 09010182"
#define V6_INSIDE(next) \
    "60000000 0000" next "40 20010db8000000000000000000000001 20010db8000000000000000000000002"
#define V6_OUTSIDE(next) \
    "60000000 0000" next "40 20010001000000000000000000000001 20010001000000000000000000000002"

static const struct {
    const char *name, *hex;
    int kind; /* -1: not an IP packet */
} cases[] = {
    {"ESP", OUTSIDE("32") "00001234 00000001", PACKET_ESP},
    {"ESP of inside addresses is still ESP", INSIDE("32") "00001234 00000001", PACKET_ESP},
    {"a later fragment of ESP", OUTSIDE_LATER("32"), PACKET_ESP},
    {"AH", OUTSIDE("33"), PACKET_AH},
    {"UDP 500", OUTSIDE("11") "01f4 01f4 0010 0000", PACKET_ISAKMP},
    {"UDP from 500", OUTSIDE("11") "01f4 9999 0010 0000", PACKET_ISAKMP},
    {"UDP 4500 with the non-ESP marker", OUTSIDE("11") "1194 1194 0010 0000 00000000", PACKET_ISAKMP},
    {"UDP 4500 with an SPI", OUTSIDE("11") "1194 1194 0010 0000 00001234", PACKET_NATT},
    {"NAT keepalive", OUTSIDE("11") "1194 1194 0009 0000 ff", PACKET_NATT},
    {"UDP 4500 of inside addresses is NAT-T", INSIDE("11") "1194 1194 0010 0000 00001234", PACKET_NATT},
    {"clear UDP", INSIDE("11") "4e20 4e20 0010 0000", PACKET_CLEAR},
    {"clear ICMP", INSIDE("01"), PACKET_CLEAR},
    {"UDP of inside addresses cut off before its ports", INSIDE("11") "4e20", PACKET_CLEAR},
    {"later fragment of outside UDP", OUTSIDE_LATER("11") "01f4 01f4 0010 0000", PACKET_OTHER},
    {"outside ICMP", OUTSIDE("01"), PACKET_OTHER},
    {"IPv4 options", "46000000 00000000 40110000 09010116 09010182 01010101 01f4 01f4 0010 0000",
     PACKET_ISAKMP},
    {"v6 ESP", V6_OUTSIDE("32") "00001234", PACKET_ESP},
    {"v6 ESP behind options", V6_OUTSIDE("3c") "32000000 00000000 00001234", PACKET_ESP},
    {"v6 clear", V6_INSIDE("3a"), PACKET_CLEAR},
    {"v6 clear in a later fragment", V6_INSIDE("2c") "11000010 00000001", PACKET_CLEAR},
    {"v6 UDP 500 in a first fragment", V6_OUTSIDE("2c") "11000001 00000001 01f4 01f4 0010 0000",
     PACKET_ISAKMP},
    {"v6 extension header longer than the packet", V6_OUTSIDE("3c") "32ff0000 00000000", PACKET_OTHER},
    {"nothing", "", -1},
    {"19 bytes", "45000000 00000000 40320000 09010116 090101", -1},
    {"header length below 20", "44000000 00000000 40320000 09010116 09010182", -1},
    {"header length beyond the packet", "4f000000 00000000 40320000 09010116 09010182", -1},
    {"v6 header cut short", "60000000 00003240 20010001000000000000000000000001 2001", -1},
    {"version 5", "55000000 00000000 40320000 09010116 09010182", -1},
};

static void test_kinds(void **state)
{
    (void)state;
    struct prefix clear[2] = {{address_v4(0x0a000000), 8}};
    address_parse("2001:db8::", &clear[1].address);
    clear[1].length = 32;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t buffer[128];
        int len = bytes_from_hex(cases[i].hex, buffer, sizeof buffer);
        assert_true(len >= 0);
        /* At its exact length on the heap, so that a sanitizer sees any step beyond. */
        uint8_t *packet = malloc(len ? (size_t)len : 1);
        memcpy(packet, buffer, (size_t)len);
        struct packet_view view = {.kind = PACKET_KINDS};
        bool good = packet_classify(bytes_of(packet, (size_t)len), clear, 2, &view);
        free(packet);
        if (good != (cases[i].kind >= 0) || (good && (int)view.kind != cases[i].kind))
            fail_msg("%s: %s", cases[i].name, good ? packet_kind_name(view.kind) : "not IP");
        assert_true(good || view.kind == PACKET_KINDS);
    }
}

static void test_without_prefixes_nothing_is_clear(void **state)
{
    (void)state;
    uint8_t packet[64];
    struct packet_view view;
    int len = bytes_from_hex(INSIDE("01"), packet, sizeof packet);
    assert_true(packet_classify(bytes_of(packet, (size_t)len), NULL, 0, &view));
    assert_int_equal(view.kind, PACKET_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_without_prefixes_nothing_is_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
