/* SPDX-License-Identifier: Apache-2.0 */
/* Whole ESP packets with known keys, made with another implementation of the algorithms: they must come out
 * of the inbound burst as the inner packet, and the outbound side must make them bit by bit. ChaCha20: RFC
 * 7634 App A. */
#include "gateways.h"

#include "ipsec/encapsulate.h"
#include "wire/ipsec_headers.h"

#define PING "4500002400010000400126d70a0040010a00000108005435123400016162636465666768"

static const struct vector {
    const char *name;
    struct packet_algorithms algorithms;
    const char *key; /* with salt, then the key of the integrity algorithm */
    uint32_t spi;
    uint64_t sequence;
    const char *iv, *inner, *esp;
    bool transport;
} vectors[] = {
    {"DES-CBC, HMAC-MD5-96",
     {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96},
     "f6d275b16b11c348 03b8050c090d39b26faad31a46687cad",
     0x18711a91,
     1,
     "0001020304050607",
     PING,
     "18711a910000000100010203040506070e1a5ef7fb6a76466dfaf2bbadf7db738a0385fe1d090836fb924c436f686097b85be50"
     "5b4bc3204"
     "984b2ce5b6c3c9c4f9f72d19"},
    {"AES-128-CBC, HMAC-SHA256-128",
     {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA256_128},
     "000102030405060708090a0b0c0d0e0f 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     0x1001,
     5,
     "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
     PING,
     "0000100100000005a0a1a2a3a4a5a6a7a8a9aaabacadaeafebb11dae749dde98907ed5080d433a2e60118bc6d3c6d760015b9af"
     "547397c1c"
     "c7a0cd45fb0f5d53a7e12a8964a5e06b c3b5f5c81405741bac0bc1630d3c8c13"},
    {"AES-128-CBC, HMAC-SHA256-128, ESN",
     {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA256_128},
     "000102030405060708090a0b0c0d0e0f 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     0x1001,
     0x100000005,
     "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
     PING,
     "0000100100000005a0a1a2a3a4a5a6a7a8a9aaabacadaeafebb11dae749dde98907ed5080d433a2e60118bc6d3c6d760015b9af"
     "547397c1c"
     "c7a0cd45fb0f5d53a7e12a8964a5e06b 634d5f1d4ba49cb4ebf7cfffd985bc83"},
    {"AES-128-GCM-16",
     {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE},
     "000102030405060708090a0b0c0d0e0f cafebabe",
     0x1001,
     5,
     "0000000000000001",
     PING,
     "00001001 00000005 0000000000000001 "
     "f70519bd4a7e51f4db1ae7ca4c7fe936d9688141b1f71cb0ec811ff5168f4a5fe1e1d0944ef838"
     "63409a79be0df1fcc4318aa037702a33d7"},
    {"AES-128-GCM-16, ESN",
     {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE},
     "000102030405060708090a0b0c0d0e0f cafebabe",
     0x1001,
     0x100000005,
     "0000000000000001",
     PING,
     "00001001 00000005 0000000000000001 "
     "f70519bd4a7e51f4db1ae7ca4c7fe936d9688141b1f71cb0ec811ff5168f4a5fe1e1d0944ef838"
     "63 7a1d05050e00f4333e2b83439b536e32"},
    {"ChaCha20-Poly1305, RFC 7634 App A",
     {PACKET_ENCRYPTION_CHACHA20_POLY1305, 32, PACKET_INTEGRITY_NONE},
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f a0a1a2a3",
     0x01020304,
     5,
     "1011121314151617",
     "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f101112131415161"
     "718191a1b"
     "1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
     "0102030400000005101112131415161724039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee809"
     "9d52844eb"
     "61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa82"
     "66b7fb0f7"
     "b11b369907e1ad43"},
};

static struct gateway gateway;
static uint8_t buffer[BUFFER];

static struct sad_pair *pair_of(const struct vector *v)
{
    struct sad_pair *p = &gateway.sad->pairs[spi_slot(v->spi)];
    uint8_t keys[128];
    assert_true(bytes_from_hex(v->key, keys, sizeof(keys)) > 0);
    memset(p, 0, sizeof(*p));
    p->spi_in = p->spi_out = v->spi;
    p->protocol = IP_PROTOCOL_ESP;
    p->algorithms = v->algorithms;
    p->replay_size = 64;
    p->flags = PAIR_TUNNEL | (v->sequence >> 32 ? PAIR_ESN : 0);
    p->selector = (struct selector){.local_port_high = 65535, .remote_port_high = 65535};
    p->selector.local.address = p->selector.remote.address = address_v4(0);
    address_parse("9.1.1.130", &p->local.address);
    address_parse("9.1.1.22", &p->remote.address);
    p->hard_expiry = NS_NEVER;
    p->soft_bytes = p->hard_bytes = UINT64_MAX;
    p->sequence_ceiling = UINT64_MAX;
    p->replay.top = v->sequence - 1;
    tunnel_keys(&gateway, p, &v->algorithms, keys, keys);
    atomic_store(&p->state, PAIR_ACTIVE);
    pair_index_add(gateway.path.index, spi_slot(v->spi));
    return p;
}

static void opens(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        const struct vector *v = &vectors[i];
        uint8_t inner[128];
        struct inbound_result r;
        pair_of(v);
        int len = bytes_from_hex(v->esp, buffer, sizeof(buffer)),
            inner_len = bytes_from_hex(v->inner, inner, 128);
        struct inbound_packet p = {.data = buffer, .len = (uint32_t)len, .form = INBOUND_UDP};
        inbound_burst(gateway.in, &p, 1, 1, &r);
        if (r.kind != INBOUND_DELIVER)
            fail_msg("%s: %s", v->name, drop_reason_name(r.reason));
        assert_int_equal(inner_len, r.len);
        assert_memory_equal(inner, r.data, r.len);
    }
}

/* The packet as it would be on the wire, with the vector's IV: the one thing that outbound_burst chooses
 * itself. */
static void seals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct sad_pair *pair = pair_of(v);
        uint8_t esp[256], *data = buffer + PACKET_HEADROOM;
        int len = bytes_from_hex(v->inner, data, 1000), esp_len = bytes_from_hex(v->esp, esp, sizeof(esp));
        struct sealing s = {
            .data = data, .len = (uint32_t)len, .pair = pair, .version = 4, .header_length = IPV4_HEADER};
        struct packet_job job;
        assert_int_equal(DROP_NONE, encapsulate_esp(&s, v->sequence, 0x1234, &job));
        bytes_from_hex(v->iv, job.iv, PACKET_IV_MAX);
        assert_int_equal(1, packet_cipher_seal(gateway.path.cipher, &job, 1));
        assert_int_equal(IPV4_HEADER + esp_len, s.len);
        assert_memory_equal(esp, s.data + IPV4_HEADER, (size_t)esp_len);
        if (i > 0)
            continue;
        uint8_t outer[IPV4_HEADER];
        bytes_from_hex("4500005812340000403253a7090101820901011 6", outer, sizeof(outer));
        assert_memory_equal(outer, s.data, IPV4_HEADER);
    }
}

static int one_gateway(void **state)
{
    (void)state;
    gateway_init(&gateway, 3, SPI_SLOTS_MAX);
    return 0;
}

static int gateway_gone(void **state)
{
    (void)state;
    gateway_done(&gateway);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opens), cmocka_unit_test(seals)};
    return cmocka_run_group_tests(tests, one_gateway, gateway_gone);
}
