/* SPDX-License-Identifier: Apache-2.0 */
/* The capture judge over made captures: a clean run of two gateways and a spoke passes, and each thing that
 * must not happen, put into that run, is found by the check that is there for it and by no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/packet_cipher.h"
#include "judge/capture_file.h"
#include "judge/judge.h"
#include "judge/probe_packet.h"
#include "wire/ip.h"

enum { SECOND = 1000000000, START = 100, RUN = 77, NUMBERS = 200, PACKET_ROOM = 512 };
enum { GW1, GW2, SPOKE, ATTACKER, GW1_IN, GW2_IN, SPOKE_IN, CAPTURES };
enum { SA_GCM, SA_CBC, SA_STRANGER, SAS };

static const struct {
    enum judge_role role;
    unsigned group;
    const char *name;
} points[CAPTURES] = {
    [GW1] = {JUDGE_LINK, 0, "gw1"},
    [GW2] = {JUDGE_LINK, 0, "gw2"},
    [SPOKE] = {JUDGE_LINK, 0, "spoke"},
    [ATTACKER] = {JUDGE_REPLAYS, 0, "attacker"},
    [GW1_IN] = {JUDGE_INSIDE, 0, "gw1-in"},
    [GW2_IN] = {JUDGE_INSIDE, 0, "gw2-in"},
    [SPOKE_IN] = {JUDGE_INSIDE, 1, "spoke-in"},
};

static const char key_text[] =
    "\"IPv4\",\"9.1.1.37\",\"9.1.1.154\",\"0x10001\",\"AES-GCM with 16 octet ICV [RFC4106]\","
    "\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"\n"
    "\"IPv4\",\"9.1.1.154\",\"9.1.1.37\",\"0x20002\",\"AES-CBC [RFC3602]\","
    "\"0x000102030405060708090a0b0c0d0e0f\",\"HMAC-SHA-1-96 [RFC2404]\","
    "\"0x000102030405060708090a0b0c0d0e0f10111213\"\n"
    /* The key of the first one under another SPI: no gateway does that. */
    "\"IPv4\",\"9.1.1.37\",\"9.1.1.154\",\"0x30003\",\"AES-GCM with 16 octet ICV [RFC4106]\","
    "\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"\n";

struct world {
    struct capture_writer writers[CAPTURES];
    char *files[CAPTURES];
    size_t lengths[CAPTURES];
    struct packet_cipher *cipher;
    struct packet_key *keys[SAS];
    ns now;
    uint64_t lost;    /* told by the first capture */
    bool without_end; /* of the first capture */
    struct judge_config config;
};

static struct packet_key *key_make(struct packet_cipher *c, struct packet_algorithms a)
{
    uint8_t material[64];
    struct packet_key *k = aligned_alloc(64, sizeof *k);
    assert_non_null(k);
    for (unsigned i = 0; i < sizeof material; i++)
        material[i] = (uint8_t)i;
    assert_int_equal(packet_key_init(c, k, &a, true, bytes_of(material, packet_encryption_key_len(&a)),
                                     bytes_of(material, packet_integrity_key_len(&a))),
                     0);
    return k;
}

static void world_init(struct world *w)
{
    struct rng rng;
    rng_init_number(&rng, 1);
    *w = (struct world){.now = START * (ns)SECOND, .cipher = packet_cipher_new(&rng)};
    assert_non_null(w->cipher);
    w->keys[SA_GCM] = key_make(w->cipher, (struct packet_algorithms){PACKET_ENCRYPTION_AES_GCM16, 16, 0});
    w->keys[SA_CBC] = key_make(
        w->cipher, (struct packet_algorithms){PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96});
    w->keys[SA_STRANGER] =
        key_make(w->cipher, (struct packet_algorithms){PACKET_ENCRYPTION_AES_GCM16, 16, 0});
    for (unsigned i = 0; i < CAPTURES; i++) {
        FILE *f = open_memstream(&w->files[i], &w->lengths[i]);
        assert_non_null(f);
        assert_true(capture_writer_init(&w->writers[i], f));
    }
    w->config =
        (struct judge_config){.origin = START * (ns)SECOND, .least_sent = 100, .least_delivered = 100};
    w->config.clear[0] = (struct prefix){address_v4(0x0a000000), 8};
    w->config.clear_count = 1;
    w->config.windows[0] =
        (struct judge_window){"fault", (START + 10) * (ns)SECOND, (START + 20) * (ns)SECOND};
    w->config.window_count = 1;
}

static void see(struct world *w, unsigned capture, enum capture_direction direction, struct bytes ip)
{
    w->now += 1000;
    assert_true(capture_write(&w->writers[capture], w->now, direction, ip, (uint32_t)ip.len));
}

static size_t ip_write(uint8_t *out, uint32_t source, uint32_t destination, uint8_t protocol, size_t payload)
{
    return ip_header_write(out, &(struct ip_header_fields){.source = address_v4(source),
                                                           .destination = address_v4(destination),
                                                           .payload_length = (uint16_t)payload,
                                                           .protocol = protocol,
                                                           .ttl = 64});
}

enum {
    HUB = 0x09010125,
    SPOKE_WAN = 0x0901019a,
    HOST = 0x0a01010a,
    SPOKE_HOST = 0x0a00460a,
    OTHER = 0x09010101
};

/* UDP from port to port with `len` bytes of data. */
static size_t udp_write(uint8_t *out, uint32_t source, uint32_t destination, uint16_t port, const void *data,
                        size_t len)
{
    uint8_t *udp = out + ip_write(out, source, destination, IP_PROTOCOL_UDP, UDP_HEADER + len);
    be16_store(udp, port);
    be16_store(udp + 2, port);
    be16_store(udp + 4, (uint16_t)(UDP_HEADER + len));
    be16_store(udp + 6, 0);
    memcpy(udp + UDP_HEADER, data, len);
    return (size_t)(udp - out) + UDP_HEADER + len;
}

/* Number `number` of flow 0 (to the spoke's host) or 1 (to the hub's). */
static size_t probe_write(uint8_t *out, unsigned flow, uint64_t number)
{
    const struct probe_packet p = {be32_of(PROBE_MAGIC), be32_of(flow), be64_of(RUN), be64_of(number)};
    return udp_write(out, flow ? SPOKE_HOST : HOST, flow ? HOST : SPOKE_HOST, (uint16_t)(PROBE_PORT + flow),
                     &p, sizeof p);
}

struct esp_order {
    unsigned sa;
    uint32_t spi; /* 0: that of the SA */
    uint32_t sequence;
    uint64_t iv[2]; /* 0: made of the sequence number; GCM: the first only */
    uint64_t number;
    bool udp, bad_icv;
};

/* A sealed packet of a flow: flow 0 by the GCM SA to the spoke, flow 1 by the CBC SA to the hub. */
static size_t esp_write(struct world *w, uint8_t *out, struct esp_order o)
{
    static const uint32_t spis[SAS] = {0x10001, 0x20002, 0x40004};
    bool to_hub = o.sa == SA_CBC;
    struct packet_key *key = w->keys[o.sa];
    size_t iv_len = packet_iv_len(&key->algorithms), block = packet_block(&key->algorithms);
    uint8_t esp[PACKET_ROOM], *iv = esp + 8, *payload = iv + iv_len;
    be32_store(esp, o.spi ? o.spi : spis[o.sa]);
    be32_store(esp + 4, o.sequence);
    uint64_t mixed = o.sequence * UINT64_C(0x9e3779b97f4a7c15);
    be64_store(iv, o.iv[0] ? o.iv[0] : iv_len == 8 ? o.sequence : mixed);
    if (iv_len == 16)
        be64_store(iv + 8, o.iv[0] ? o.iv[1] : mixed * UINT64_C(0xbf58476d1ce4e5b9));
    size_t len = probe_write(payload, to_hub, o.number);
    size_t pad = (block - (len + 2) % block) % block;
    for (size_t i = 0; i < pad; i++)
        payload[len + i] = (uint8_t)(i + 1);
    payload[len + pad] = (uint8_t)pad;
    payload[len + pad + 1] = IP_PROTOCOL_IPV4;
    len += pad + 2;
    struct packet_job job = {.key = key,
                             .header = esp,
                             .iv = iv,
                             .payload = payload,
                             .icv = payload + len,
                             .payload_len = (uint32_t)len};
    assert_int_equal(packet_cipher_seal(w->cipher, &job, 1), 1);
    len += 8 + iv_len + packet_icv_len(&key->algorithms);
    esp[len - 1] ^= o.bad_icv;
    uint32_t source = to_hub ? SPOKE_WAN : HUB, destination = to_hub ? HUB : SPOKE_WAN;
    if (o.udp)
        return udp_write(out, source, destination, 4500, esp, len);
    size_t head = ip_write(out, source, destination, IP_PROTOCOL_ESP, len);
    memcpy(out + head, esp, len);
    return head + len;
}

static void esp_send(struct world *w, unsigned capture, struct esp_order o)
{
    uint8_t packet[PACKET_ROOM];
    see(w, capture, CAPTURE_OUTBOUND, bytes_of(packet, esp_write(w, packet, o)));
}

static void probe_see(struct world *w, unsigned capture, enum capture_direction direction, unsigned flow,
                      uint64_t number)
{
    uint8_t packet[PACKET_ROOM];
    see(w, capture, direction, bytes_of(packet, probe_write(packet, flow, number)));
}

static void udp_send(struct world *w, unsigned capture, uint32_t source, uint32_t destination, uint16_t port)
{
    uint8_t packet[PACKET_ROOM], data[40] = {0};
    data[18 + (port == 4500 ? 4 : 0)] = 5; /* an informational exchange */
    see(w, capture, CAPTURE_OUTBOUND,
        bytes_of(packet, udp_write(packet, source, destination, port, data, 40)));
}

/* NUMBERS packets each way, each seen at every point that it passes, with a takeover in the middle. */
static void clean_run(struct world *w)
{
    uint8_t packet[PACKET_ROOM];
    udp_send(w, SPOKE, SPOKE_WAN, HUB, 500);
    for (uint32_t i = 0; i < NUMBERS; i++) {
        bool after = i >= NUMBERS / 2;
        uint32_t sequence = i + (after ? 1000 : 1);
        struct esp_order out = {.sa = SA_GCM, .sequence = sequence, .number = i, .udp = i % 2};
        out.iv[0] = after ? UINT64_C(0x8000000000000000) + sequence : 0;
        probe_see(w, after ? GW2_IN : GW1_IN, CAPTURE_INBOUND, 0, i);
        esp_send(w, after ? GW2 : GW1, out);
        see(w, SPOKE, CAPTURE_INBOUND, bytes_of(packet, esp_write(w, packet, out)));
        probe_see(w, SPOKE_IN, CAPTURE_OUTBOUND, 0, i);

        struct esp_order back = {.sa = SA_CBC, .sequence = i + 1, .number = i};
        probe_see(w, SPOKE_IN, CAPTURE_INBOUND, 1, i);
        esp_send(w, SPOKE, back);
        see(w, after ? GW2 : GW1, CAPTURE_INBOUND, bytes_of(packet, esp_write(w, packet, back)));
        probe_see(w, after ? GW2_IN : GW1_IN, CAPTURE_OUTBOUND, 1, i);
        if (i == 50)
            esp_send(w, ATTACKER, back);
    }
}

static struct judge *world_judge(struct world *w)
{
    struct judge *j = judge_new(&w->config);
    FILE *keys = fmemopen((char *)key_text, sizeof key_text - 1, "r");
    assert_true(j && keys);
    assert_int_equal(judge_keys(j, "keys", keys), 0);
    fclose(keys);
    for (unsigned i = 0; i < CAPTURES; i++) {
        if (i != 0 || !w->without_end)
            assert_true(capture_write_end(&w->writers[i], w->now, 0, i == 0 ? w->lost : 0));
        fclose(w->writers[i].file);
        judge_capture(j, points[i].role, points[i].group, points[i].name,
                      fmemopen(w->files[i], w->lengths[i], "r"));
    }
    judge_finish(j);
    return j;
}

static void world_done(struct world *w)
{
    for (unsigned i = 0; i < CAPTURES; i++)
        free(w->files[i]);
    for (unsigned i = 0; i < SAS; i++)
        free(w->keys[i]);
    packet_cipher_free(w->cipher);
}

/* ---- what must not happen ---- */

static void same_packet_again(struct world *w)
{
    esp_send(w, GW1, (struct esp_order){.sa = SA_GCM, .sequence = 7, .number = 6, .udp = false});
}

/* The successor begins at a number that its predecessor used, with an IV of its own. */
static void same_sequence_by_the_other(struct world *w)
{
    esp_send(w, GW2, (struct esp_order){.sa = SA_GCM, .sequence = 7, .iv = {UINT64_MAX}, .number = 900});
}

static void same_iv(struct world *w)
{
    esp_send(w, GW2, (struct esp_order){.sa = SA_GCM, .sequence = 5000, .iv = {7}, .number = 900});
}

static void same_iv_other_spi(struct world *w)
{
    esp_send(w, GW1, (struct esp_order){.sa = SA_GCM, .spi = 0x30003, .sequence = 7, .number = 900});
}

static void same_cbc_iv(struct world *w)
{
    for (uint32_t i = 0; i < 2; i++)
        esp_send(
            w, SPOKE,
            (struct esp_order){.sa = SA_CBC, .sequence = 600 + 2 * i, .iv = {4711, 12}, .number = 900 + i});
}

static void counting_cbc_iv(struct world *w)
{
    for (uint32_t i = 0; i < 3; i++)
        esp_send(
            w, SPOKE,
            (struct esp_order){.sa = SA_CBC, .sequence = 600 + i, .iv = {4711, 12 + i}, .number = 900 + i});
}

static void counting_cbc_iv_the_other_end(struct world *w)
{
    for (uint32_t i = 0; i < 3; i++)
        esp_send(w, SPOKE,
                 (struct esp_order){.sa = SA_CBC,
                                    .sequence = 600 + i,
                                    .iv = {(uint64_t)(7 + i) << 56 | 99, 12},
                                    .number = 900 + i});
}

/* As SSL 3 did it: the last block of cipher text is the next IV. */
static void chained_cbc_iv(struct world *w)
{
    uint8_t packet[PACKET_ROOM];
    struct esp_order o = {.sa = SA_CBC, .sequence = 600, .number = 900};
    size_t len = esp_write(w, packet, o);
    see(w, SPOKE, CAPTURE_OUTBOUND, bytes_of(packet, len));
    o = (struct esp_order){.sa = SA_CBC, .sequence = 601, .number = 901};
    o.iv[0] = be64_load(packet + len - 12 - 16);
    o.iv[1] = be64_load(packet + len - 12 - 8);
    esp_send(w, SPOKE, o);
}

static void ah_again(struct world *w)
{
    uint8_t packet[PACKET_ROOM] = {0};
    size_t head = ip_write(packet, HUB, SPOKE_WAN, IP_PROTOCOL_AH, 24);
    packet[head] = IP_PROTOCOL_UDP;
    packet[head + 1] = 4;
    be32_store(packet + head + 4, 0x7777);
    be32_store(packet + head + 8, 3);
    see(w, GW1, CAPTURE_OUTBOUND, bytes_of(packet, head + 24));
    see(w, GW2, CAPTURE_OUTBOUND, bytes_of(packet, head + 24));
}

static void isakmp_in_the_window(struct world *w)
{
    w->now = (START + 15) * (ns)SECOND;
    udp_send(w, GW2, HUB, SPOKE_WAN, 500);
}

static void isakmp_on_4500_in_the_window(struct world *w)
{
    w->now = (START + 15) * (ns)SECOND;
    udp_send(w, GW2, HUB, SPOKE_WAN, 4500);
}

static void isakmp_around_the_window(struct world *w)
{
    w->now = (START + 9) * (ns)SECOND;
    udp_send(w, GW2, HUB, SPOKE_WAN, 500);
    w->now = (START + 20) * (ns)SECOND;
    udp_send(w, GW2, HUB, SPOKE_WAN, 500);
}

static void inner_in_clear(struct world *w)
{
    udp_send(w, GW1, HOST, SPOKE_HOST, 53);
}

static void inner_in_clear_arrives(struct world *w)
{
    uint8_t packet[PACKET_ROOM];
    see(w, GW1, CAPTURE_INBOUND, bytes_of(packet, udp_write(packet, OTHER, HOST, 53, "x", 1)));
}

/* An ICMP error between outside addresses that quotes an inner packet. */
static void inner_quoted(struct world *w)
{
    uint8_t inner[PACKET_ROOM], packet[PACKET_ROOM];
    struct address self = address_v4(HUB), other = address_v4(SPOKE_WAN);
    size_t len = udp_write(inner, OTHER, SPOKE_HOST, 53, "x", 1);
    len = icmp_error_write(ICMP_ERROR_UNREACHABLE, bytes_of(inner, len), &self, 0, packet, sizeof packet);
    assert_true(len > 0);
    memcpy(packet + 16, other.bytes, 4);
    see(w, GW1, CAPTURE_OUTBOUND, bytes_of(packet, len));
}

static void inner_carried(struct world *w)
{
    uint8_t packet[PACKET_ROOM], inner[PACKET_ROOM];
    size_t len = udp_write(inner, HOST, SPOKE_HOST, 53, "x", 1);
    size_t head = ip_write(packet, HUB, SPOKE_WAN, IP_PROTOCOL_IPV4, len);
    memcpy(packet + head, inner, len);
    see(w, GW1, CAPTURE_OUTBOUND, bytes_of(packet, head + len));
}

static void inner_malformed(struct world *w)
{
    uint8_t packet[PACKET_ROOM];
    size_t len = udp_write(packet, HOST, SPOKE_HOST, 53, "x", 1);
    be16_store(packet + 2, 7); /* shorter than its header */
    see(w, GW1, CAPTURE_OUTBOUND, bytes_of(packet, len));
}

static void delivered_again_by_the_other(struct world *w)
{
    probe_see(w, GW2_IN, CAPTURE_OUTBOUND, 1, 50);
}

static void delivered_again_by_the_same(struct world *w)
{
    probe_see(w, SPOKE_IN, CAPTURE_OUTBOUND, 0, 9);
}

static void delivered_without_esp(struct world *w)
{
    probe_see(w, SPOKE_IN, CAPTURE_OUTBOUND, 0, 4000);
}

static void no_key(struct world *w)
{
    for (uint32_t i = 0; i < 3; i++)
        esp_send(w, GW1, (struct esp_order){.sa = SA_STRANGER, .sequence = 1 + i, .number = 900});
}

static void no_key_and_again(struct world *w)
{
    for (uint32_t i = 0; i < 2; i++)
        esp_send(w, GW1, (struct esp_order){.sa = SA_STRANGER, .sequence = 1, .number = 900});
}

static void bad_icv(struct world *w)
{
    esp_send(
        w, GW1,
        (struct esp_order){.sa = SA_GCM, .sequence = 5000, .iv = {5000}, .number = 900, .bad_icv = true});
}

static void lost(struct world *w)
{
    w->lost = 3;
}

static void no_end(struct world *w)
{
    w->without_end = true;
}

static void cut(struct world *w)
{
    uint8_t packet[PACKET_ROOM];
    size_t len = udp_write(packet, OTHER, HUB, 53, "x", 1);
    assert_true(capture_write(&w->writers[GW1], w->now, CAPTURE_INBOUND, bytes_of(packet, len), 1500));
}

static void too_few(struct world *w)
{
    w->config.least_sent = 10000;
}

static void too_few_delivered(struct world *w)
{
    w->config.least_delivered = 10000;
}

static void little_memory(struct world *w)
{
    w->config.page_limit = 3;
}

static void nothing(struct world *w)
{
    (void)w;
}

#define CHECK(x) (1u << CHECK_##x)

static const struct {
    const char *name;
    void (*happen)(struct world *w);
    unsigned found; /* by which checks */
} cases[] = {
    {"a clean run", nothing, 0},
    {"ISAKMP before and after the window", isakmp_around_the_window, 0},
    {"a packet sent twice", same_packet_again, CHECK(SEQUENCE) | CHECK(IV)},
    {"a sequence number used by both gateways", same_sequence_by_the_other, CHECK(SEQUENCE)},
    {"an IV used by both gateways", same_iv, CHECK(IV)},
    {"an IV used again under another SPI with the same key", same_iv_other_spi, CHECK(IV)},
    {"a CBC IV twice", same_cbc_iv, CHECK(IV)},
    {"CBC IVs that count", counting_cbc_iv, CHECK(IV)},
    {"CBC IVs that count in little-endian", counting_cbc_iv_the_other_end, CHECK(IV)},
    {"a chained CBC IV", chained_cbc_iv, CHECK(IV)},
    {"AH twice", ah_again, CHECK(SEQUENCE)},
    {"ISAKMP in the window", isakmp_in_the_window, CHECK(ISAKMP)},
    {"ISAKMP on port 4500 in the window", isakmp_on_4500_in_the_window, CHECK(ISAKMP)},
    {"an inner packet in clear", inner_in_clear, CHECK(CLEAR)},
    {"an inner packet in clear arrives", inner_in_clear_arrives, CHECK(CLEAR)},
    {"an inner packet quoted by ICMP", inner_quoted, CHECK(CLEAR)},
    {"an inner packet in IP in IP", inner_carried, CHECK(CLEAR)},
    {"a malformed inner packet", inner_malformed, CHECK(CLEAR)},
    {"a replayed packet delivered by the other gateway", delivered_again_by_the_other, CHECK(DELIVERED)},
    {"a packet delivered twice", delivered_again_by_the_same, CHECK(DELIVERED)},
    {"a packet delivered that was not in ESP", delivered_without_esp, CHECK(DELIVERED)},
    {"an SPI without key", no_key, CHECK(READ)},
    {"an SPI without key, twice the same number", no_key_and_again, CHECK(READ) | CHECK(SEQUENCE)},
    {"a wrong ICV", bad_icv, CHECK(READ)},
    {"packets lost by the capture", lost, CHECK(CAPTURES)},
    {"a capture without end", no_end, CHECK(CAPTURES)},
    {"a packet kept in part", cut, CHECK(CAPTURES)},
    {"fewer packets sent than expected", too_few, CHECK(CAPTURES)},
    {"fewer packets delivered than expected", too_few_delivered, CHECK(CAPTURES)},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct world w;
        unsigned found = 0;
        world_init(&w);
        clean_run(&w);
        cases[i].happen(&w);
        struct judge *j = world_judge(&w);
        for (enum judge_check c = 0; c < JUDGE_CHECKS; c++) {
            assert_true(judge_check_made(j, c));
            found |= judge_check_violations(j, c) ? 1u << c : 0;
        }
        if (found != cases[i].found) {
            judge_print(j, stderr);
            fail_msg("%s: found by %x instead of %x", cases[i].name, found, cases[i].found);
        }
        assert_int_equal(judge_ok(j), cases[i].found == 0);
        judge_free(j);
        world_done(&w);
    }
}

/* Captures in which nothing is, an empty file, and none at all do not pass. */
static void test_empty(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.config.least_sent = w.config.least_delivered = 0;
    struct judge *j = world_judge(&w);
    assert_int_equal(judge_check_violations(j, CHECK_CAPTURES), 3); /* nothing sent, delivered, replayed */
    judge_free(j);
    world_done(&w);
    j = judge_new(&(struct judge_config){0});
    judge_capture(j, JUDGE_LINK, 0, "not there", NULL);
    judge_finish(j);
    assert_int_equal(judge_check_violations(j, CHECK_CAPTURES), 2);
    assert_false(judge_ok(j));
    judge_free(j);
}

static void test_full(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    clean_run(&w);
    little_memory(&w);
    struct judge *j = world_judge(&w);
    assert_false(judge_ok(j));
    assert_true(judge_check_violations(j, CHECK_CAPTURES) > 0);
    judge_free(j);
    world_done(&w);
}

/* What is told of a violation: when, where, which packet. */
static void test_told(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    clean_run(&w);
    w.now = (START + 3) * (ns)SECOND;
    same_sequence_by_the_other(&w);
    struct judge *j = world_judge(&w);
    char *detail = judge_check_detail(j, CHECK_SEQUENCE);
    assert_non_null(detail);
    assert_string_equal(detail, "401 sequence numbers: 1 violations\n"
                                "gw2: 3.000001 s, packet 201 out: SPI 0x00010001 sequence 7: "
                                "ESP to 9.1.1.154: this number was sent before");
    free(detail);
    json_t *json = judge_json(j), *told = NULL;
    size_t i;
    json_t *check;
    json_array_foreach(json_object_get(json, "checks"), i, check)
    {
        if (json_is_false(json_object_get(check, "ok")))
            told = json_array_get(json_object_get(check, "told"), 0);
    }
    assert_string_equal(json_string_value(json_object_get(told, "capture")), "gw2");
    assert_int_equal(json_integer_value(json_object_get(told, "spi")), 0x10001);
    assert_int_equal(json_integer_value(json_object_get(told, "sequence")), 7);
    assert_int_equal(json_integer_value(json_object_get(told, "packet")), 201);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "counts"), "replays")), 1);
    json_decref(json);
    judge_free(j);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
