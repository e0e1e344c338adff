/* SPDX-License-Identifier: Apache-2.0 */
/* Packets through both directions: every transform in every mode and of every size, and what an attacker or a
 * bad link makes of them. RFC 4301, 4302, 4303, 3948. */
#include "gateways.h"

static uint8_t buffers[BURST_MAX][BUFFER], arrived[BURST_MAX + 1][BUFFER], original[BUFFER];
static struct inbound_result results[BURST_MAX];

static const struct packet_algorithms transforms[] = {
    {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96},
    {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96},
    {PACKET_ENCRYPTION_3DES, 24, PACKET_INTEGRITY_SHA1_96},
    {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96},
    {PACKET_ENCRYPTION_AES_CBC, 24, PACKET_INTEGRITY_SHA384_192},
    {PACKET_ENCRYPTION_AES_CBC, 32, PACKET_INTEGRITY_SHA256_128},
    {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA512_256},
    {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_AES_GCM12, 24, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_AES_GCM8, 32, PACKET_INTEGRITY_NONE},
    {PACKET_ENCRYPTION_CHACHA20_POLY1305, 32, PACKET_INTEGRITY_NONE},
};

/* A packet of the spoke to the hub, and what came of it there. */
static struct inbound_result *cross(uint8_t version, uint32_t len, bool df)
{
    struct outbound_packet p = packet_make(buffers[0], version, len, df, 0);
    memcpy(original, p.data, len);
    assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
    const struct outbound_result *r = outbound_results(spoke.out);
    assert_true(r->kind == OUTBOUND_SEND_RAW || r->kind == OUTBOUND_SEND_UDP);
    struct inbound_packet a = packet_arrive(r, arrived[0]);
    inbound_burst(hub.in, &a, 1, 1000, results);
    return &results[0];
}

static void crosses_whole(uint8_t version, uint32_t len)
{
    struct inbound_result *r = cross(version, len, true);
    assert_int_equal(INBOUND_DELIVER, r->kind);
    assert_int_equal(len, r->len);
    assert_memory_equal(original, r->data, len);
}

static void every_transform_mode_and_size(void **state)
{
    (void)state;
    static const uint16_t modes[] = {PAIR_TUNNEL, PAIR_TUNNEL | PAIR_UDP, PAIR_TUNNEL | PAIR_ESN, 0,
                                     PAIR_ESN};
    for (size_t i = 0; i < ARRAY_SIZE(transforms); i++)
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++)
            for (int outer_v6 = 0; outer_v6 < 2; outer_v6++) {
                struct tunnel t = {
                    .algorithms = transforms[i], .protocol = 50, .flags = modes[m], .outer_v6 = outer_v6};
                tunnel_install(&t, 4, 1);
                for (uint8_t version = 4; version <= 6; version += 2) {
                    /* In transport mode both headers are one. */
                    if (!(modes[m] & PAIR_TUNNEL) && (version == 6) != outer_v6)
                        continue;
                    for (uint32_t len = 48; len < 120; len++)
                        if (modes[m] & PAIR_TUNNEL)
                            crosses_whole(version, len);
                    if (modes[m] & PAIR_TUNNEL)
                        crosses_whole(version, 1380);
                }
            }
}

static void tampering_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(transforms); i++) {
        struct tunnel t = {.algorithms = transforms[i], .protocol = 50, .flags = PAIR_TUNNEL};
        if (packet_icv_len(&t.algorithms) == 0)
            continue;
        tunnel_install(&t, 4, 1);
        struct outbound_packet p = packet_make(buffers[0], 4, 100, false, 0);
        assert_int_equal(1, outbound_burst(spoke.out, &p, 1, 1000));
        const struct outbound_result *r = outbound_results(spoke.out);
        for (uint32_t at = IPV4_HEADER; at < r->len; at++) {
            struct inbound_packet a = packet_arrive(r, arrived[0]);
            a.data[at] ^= 0x10;
            inbound_burst(hub.in, &a, 1, 1000, results);
            assert_int_equal(INBOUND_DROPPED, results[0].kind);
            assert_int_equal(at < 24 ? DROP_UNKNOWN_SPI : DROP_BAD_ICV, results[0].reason);
        }
        for (uint32_t len = 0; len < r->len; len++) {
            struct inbound_packet a = packet_arrive(r, arrived[0]);
            a.form = INBOUND_UDP;
            a.data += IPV4_HEADER;
            a.len = len > IPV4_HEADER ? len - IPV4_HEADER : 0;
            inbound_burst(hub.in, &a, 1, 1000, results);
            assert_int_equal(INBOUND_DROPPED, results[0].kind);
        }
        struct inbound_packet a = packet_arrive(r, arrived[0]);
        inbound_burst(hub.in, &a, 1, 1000, results);
        assert_int_equal(INBOUND_DELIVER, results[0].kind); /* none of that moved the window */
    }
}

static void copies_in_one_burst_are_refused(void **state)
{
    (void)state;
    struct tunnel t = {.algorithms = transforms[8], .protocol = 50, .flags = PAIR_TUNNEL};
    tunnel_install(&t, 4, 1);
    struct outbound_packet p[8];
    for (int i = 0; i < 8; i++)
        p[i] = packet_make(buffers[i], 4, 100, false, 0);
    assert_int_equal(8, outbound_burst(spoke.out, p, 8, 1000));
    struct inbound_packet a[16];
    for (int i = 0; i < 16; i++)
        a[i] = packet_arrive(&outbound_results(spoke.out)[i % 8], arrived[i]);
    inbound_burst(hub.in, a, 16, 1000, results);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(i < 8 ? INBOUND_DELIVER : INBOUND_DROPPED, results[i].kind);
        assert_int_equal(i < 8 ? DROP_NONE : DROP_REPLAY, results[i].reason);
    }
    assert_int_equal(8, hub.sad->pairs[4].in.packets);
    assert_int_equal(8, hub.sad->engines[0].drops[DROP_REPLAY]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_transform_mode_and_size, two_gateways, no_gateways),
        cmocka_unit_test_setup_teardown(tampering_is_noticed, two_gateways, no_gateways),
        cmocka_unit_test_setup_teardown(copies_in_one_burst_are_refused, two_gateways, no_gateways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
