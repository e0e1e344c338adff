/* SPDX-License-Identifier: Apache-2.0 */
/* The packet ciphers, on every instruction set that the processor has: published packets; every combination
 * against libcrypto for every length; bursts of mixed keys; each byte that a network could change; lengths
 * that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "crypto/cbc.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/packet_cipher.h"
#include "packet_frame.h"
#include "vectors.h"

static const char *const arches[] = {"sse", "avx", "avx2", "avx512"};
static struct packet_cipher *ciphers[ARRAY_SIZE(arches)]; /* NULL where the processor lacks it */
static struct rng rng;

static struct packet_algorithms algorithms_named(const char *encryption, const char *integrity)
{
    struct packet_algorithms all[COMBINATIONS];
    size_t n = combinations(all);

    for (size_t i = 0; i < n; i++)
        if (strcmp(packet_encryption_name(&all[i]), encryption) == 0 &&
            strcmp(packet_integrity_name(all[i].integrity, false), integrity) == 0)
            return all[i];
    fail_msg("no algorithms %s %s", encryption, integrity);
    return all[0];
}

static void known_check(struct packet_cipher *c, const struct vector *v)
{
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX], iv[16], plain[256], text[256], icv[32],
        header[8];
    uint8_t high[4];
    struct packet_algorithms a = algorithms_named(vector_text(v, "encryption"), vector_text(v, "integrity"));
    struct bytes p = vector_hex(v, "plain", plain, sizeof(plain));
    bool esn = vector_hex(v, "high", high, sizeof(high)).len == 4;
    struct packet_key *seal, *open;
    struct frame f = {0};

    assert_int_equal(vector_hex(v, "key", material, PACKET_KEY_MAX).len, packet_encryption_key_len(&a));
    assert_int_equal(vector_hex(v, "integrity_key", material + PACKET_KEY_MAX, 64).len,
                     packet_integrity_key_len(&a));
    assert_int_equal(vector_hex(v, "iv", iv, sizeof(iv)).len, packet_iv_len(&a));
    assert_int_equal(vector_hex(v, "cipher_text", text, sizeof(text)).len, p.len);
    assert_int_equal(vector_hex(v, "icv", icv, sizeof(icv)).len, packet_icv_len(&a));
    vector_hex(v, "header", header, sizeof(header));
    seal = key_new(c, &a, true, material);
    open = key_new(c, &a, false, material);

    frame_lay(&f, seal, p.len, esn);
    f.job.sequence_high = esn ? high[3] : 0;
    memcpy(f.job.header, header, sizeof(header));
    memcpy(f.job.iv, iv, packet_iv_len(&a));
    memcpy(f.job.payload, plain, p.len);
    assert_int_equal(packet_cipher_seal(c, &f.job, 1), 1);
    assert_int_equal(f.job.result, PACKET_RESULT_OK);
    assert_memory_equal(f.job.payload, text, p.len);
    assert_memory_equal(f.job.icv, icv, packet_icv_len(&a));

    f.job.key = open;
    assert_int_equal(packet_cipher_open(c, &f.job, 1), 1);
    assert_memory_equal(f.job.payload, plain, p.len);
    key_free(seal);
    key_free(open);
}

static void known(void **state)
{
    struct vector v;

    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(ciphers); c++) {
        FILE *f = vectors_open("esp.txt");
        size_t n = 0;

        for (; ciphers[c] && vector_next(f, &v); n++)
            known_check(ciphers[c], &v);
        fclose(f);
        assert_true(!ciphers[c] || n == 7);
    }
}

/* The same packet by libcrypto: ciphertext into `text`, ICV into `icv`. */
static void reference_aead(const struct packet_algorithms *a, const uint8_t *material, const struct frame *f,
                           uint8_t *text, uint8_t *icv)
{
    const EVP_CIPHER *gcm[] = {EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm()};
    const EVP_CIPHER *e = a->encryption == PACKET_ENCRYPTION_CHACHA20_POLY1305 ? EVP_chacha20_poly1305()
                                                                               : gcm[a->key_bytes / 8 - 2];
    uint8_t nonce[12], aad[12], high[4] = {1, 2, 3, 4};
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    size_t aad_len = 8;
    int n;

    memcpy(nonce, material + a->key_bytes, 4);
    memcpy(nonce + 4, f->job.iv, 8);
    memcpy(aad, f->job.header, 8);
    if (f->job.esn) {
        memcpy(aad + 4, high, 4);
        memcpy(aad + 8, f->job.header + 4, 4);
        aad_len = 12;
    }
    assert_int_equal(EVP_EncryptInit_ex(x, e, NULL, material, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(x, NULL, &n, aad, (int)aad_len), 1);
    assert_int_equal(EVP_EncryptUpdate(x, text, &n, f->job.payload, (int)f->job.payload_len), 1);
    assert_int_equal(EVP_EncryptFinal_ex(x, text + n, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, (int)packet_icv_len(a), icv), 1);
    EVP_CIPHER_CTX_free(x);
}

static void reference(const struct packet_algorithms *a, const uint8_t *material, const struct frame *f,
                      uint8_t *text, uint8_t *icv)
{
    static const enum cbc_algorithm cbc[PACKET_ENCRYPTION_COUNT] = {[PACKET_ENCRYPTION_DES] = CBC_DES,
                                                                    [PACKET_ENCRYPTION_3DES] = CBC_3DES,
                                                                    [PACKET_ENCRYPTION_AES_CBC] = CBC_AES};
    uint8_t iv[16], high[4] = {1, 2, 3, 4}, mac[HASH_MAX];

    if (packet_encryption_aead(a->encryption)) {
        reference_aead(a, material, f, text, icv);
        return;
    }
    memcpy(text, f->job.payload, f->job.payload_len);
    if (a->encryption != PACKET_ENCRYPTION_NULL) {
        memcpy(iv, f->job.iv, packet_iv_len(a));
        assert_int_equal(
            cbc_encrypt(cbc[a->encryption], bytes_of(material, a->key_bytes), iv, text, f->job.payload_len),
            0);
    }
    if (a->integrity != PACKET_INTEGRITY_NONE) {
        struct bytes parts[] = {{f->job.header, (size_t)(f->job.payload - f->job.header)},
                                {text, f->job.payload_len},
                                {high, f->job.esn ? 4 : 0}};

        assert_int_equal(hmac_compute(HASH_MD5 + a->integrity - PACKET_INTEGRITY_MD5_96,
                                      bytes_of(material + PACKET_KEY_MAX, packet_integrity_key_len(a)), parts,
                                      3, mac),
                         0);
        memcpy(icv, mac, packet_icv_len(a));
    }
}

/* One burst of consecutive lengths with one pair of keys; the frame around the packet must stay as it was. */
static void lengths_check(struct packet_cipher *c, const struct packet_algorithms *a, bool esn)
{
    static struct frame frames[PACKET_BURST_MAX];
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX], before[FRAME], text[FRAME], icv[32];
    size_t icv_len = packet_icv_len(a),
           block = a->encryption == PACKET_ENCRYPTION_NULL || packet_encryption_aead(a->encryption)
                       ? 1
                       : packet_block(a);
    struct packet_key *seal, *open;
    struct packet_job jobs[PACKET_BURST_MAX];
    static uint8_t texts[PACKET_BURST_MAX][FRAME], plains[PACKET_BURST_MAX][FRAME];

    rng_fill(&rng, material, sizeof(material));
    seal = key_new(c, a, true, material);
    open = key_new(c, a, false, material);
    for (size_t len = block == 1 ? 0 : block; len <= 200;) {
        size_t n = 0;

        for (; n < 32 && len <= 200; n++, len += block) {
            struct frame *f = &frames[n];

            rng_fill(&rng, f->data, FRAME);
            frame_lay(f, seal, len, esn);
            memcpy(before, f->data, FRAME);
            reference(a, material, f, text, icv);
            memcpy(before + (f->job.payload - f->data), text, len);
            memcpy(before + (f->job.icv - f->data), icv, icv_len);
            memcpy(plains[n], f->job.payload, len);
            memcpy(texts[n], before, FRAME);
            jobs[n] = f->job;
        }
        assert_int_equal(packet_cipher_seal(c, jobs, n), n);
        for (size_t i = 0; i < n; i++) {
            assert_memory_equal(frames[i].data, texts[i], FRAME);
            jobs[i].key = open;
        }
        assert_int_equal(packet_cipher_open(c, jobs, n), n);
        for (size_t i = 0; i < n; i++) {
            memcpy(texts[i] + (jobs[i].payload - frames[i].data), plains[i], jobs[i].payload_len);
            assert_memory_equal(frames[i].data, texts[i], FRAME);
        }
    }
    key_free(seal);
    key_free(open);
}

static void every_combination(void **state)
{
    struct packet_algorithms all[COMBINATIONS];
    size_t n = combinations(all);

    (void)state;
    assert_int_equal(n, 5 + 6 + 6 + 18 + 9 + 1);
    for (size_t c = 0; c < ARRAY_SIZE(ciphers); c++)
        for (size_t i = 0; ciphers[c] && i < n; i++) {
            lengths_check(ciphers[c], &all[i], false);
            lengths_check(ciphers[c], &all[i], true);
        }
}

/* 64 packets, 64 keys, every combination, some of them bad: each gets its own answer. */
static void mixed_burst(struct packet_cipher *c, unsigned int round)
{
    static struct frame frames[PACKET_BURST_MAX];
    static uint8_t plains[PACKET_BURST_MAX][FRAME];
    struct packet_key *seal[PACKET_BURST_MAX], *open[PACKET_BURST_MAX];
    struct packet_algorithms all[COMBINATIONS];
    struct packet_job jobs[PACKET_BURST_MAX];
    bool spoiled[PACKET_BURST_MAX];
    size_t n = combinations(all), expected = 0;

    for (size_t i = 0; i < PACKET_BURST_MAX; i++) {
        uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX];
        const struct packet_algorithms *a = &all[(i * 7 + round) % n];

        rng_fill(&rng, material, sizeof(material));
        seal[i] = key_new(c, a, true, material);
        open[i] = key_new(c, a, false, material);
        rng_fill(&rng, frames[i].data, FRAME);
        frame_lay(&frames[i], seal[i], 16 * (1 + rng_below(&rng, 24)), rng_below(&rng, 2));
        jobs[i] = frames[i].job;
    }
    packet_cipher_ivs(c, jobs, PACKET_BURST_MAX);
    for (size_t i = 0; i < PACKET_BURST_MAX; i++)
        memcpy(plains[i], jobs[i].payload, jobs[i].payload_len);
    assert_int_equal(packet_cipher_seal(c, jobs, PACKET_BURST_MAX), PACKET_BURST_MAX);
    for (size_t i = 0; i < PACKET_BURST_MAX; i++) {
        spoiled[i] = packet_icv_len(&open[i]->algorithms) && rng_below(&rng, 4) == 0;
        if (spoiled[i])
            jobs[i].payload[rng_below(&rng, jobs[i].payload_len)] ^= 0x10;
        expected += !spoiled[i];
        jobs[i].key = open[i];
    }
    assert_int_equal(packet_cipher_open(c, jobs, PACKET_BURST_MAX), expected);
    for (size_t i = 0; i < PACKET_BURST_MAX; i++) {
        assert_int_equal(jobs[i].result, spoiled[i] ? PACKET_RESULT_BAD_ICV : PACKET_RESULT_OK);
        if (!spoiled[i])
            assert_memory_equal(jobs[i].payload, plains[i], jobs[i].payload_len);
        key_free(seal[i]);
        key_free(open[i]);
    }
}

static void mixed_bursts(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(ciphers); c++)
        for (unsigned int round = 0; ciphers[c] && round < 30; round++)
            mixed_burst(ciphers[c], round);
}

/* Each byte of a sealed packet, and the high half of its sequence number. With a separate integrity algorithm
 * a refused packet stays as it came, so undoing the change makes it good again. */
static void tamper_check(struct packet_cipher *c, const struct packet_algorithms *a, bool esn)
{
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX], sealed[FRAME];
    struct packet_key *seal, *open;
    struct frame f;
    size_t len;

    rng_fill(&rng, material, sizeof(material));
    rng_fill(&rng, f.data, FRAME);
    seal = key_new(c, a, true, material);
    open = key_new(c, a, false, material);
    frame_lay(&f, seal, 48, esn);
    assert_int_equal(packet_cipher_seal(c, &f.job, 1), 1);
    memcpy(sealed, f.data, FRAME);
    f.job.key = open;
    len = (size_t)(f.job.icv - f.data) + packet_icv_len(a);
    for (size_t at = 0; at < len; at++) {
        memcpy(f.data, sealed, FRAME);
        f.data[at] ^= (uint8_t)(1u << (at % 8));
        assert_int_equal(packet_cipher_open(c, &f.job, 1), 0);
        assert_int_equal(f.job.result, PACKET_RESULT_BAD_ICV);
        f.data[at] ^= (uint8_t)(1u << (at % 8));
        if (!packet_encryption_aead(a->encryption))
            assert_memory_equal(f.data, sealed, FRAME);
    }
    if (esn) {
        memcpy(f.data, sealed, FRAME);
        f.job.sequence_high++;
        assert_int_equal(packet_cipher_open(c, &f.job, 1), 0);
        f.job.sequence_high--;
    }
    memcpy(f.data, sealed, FRAME);
    assert_int_equal(packet_cipher_open(c, &f.job, 1), 1);
    key_free(seal);
    key_free(open);
}

static void tampering(void **state)
{
    struct packet_algorithms all[COMBINATIONS];
    size_t n = combinations(all);

    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(ciphers); c++)
        for (size_t i = 0; ciphers[c] && i < n; i++) {
            if (packet_icv_len(&all[i]) == 0)
                continue;
            tamper_check(ciphers[c], &all[i], false);
            tamper_check(ciphers[c], &all[i], true);
        }
}

/* AH: the ICV lies inside of what it covers (RFC 4302 §3.3.3), with the ESN behind the packet. */
static void authentication_header(void **state)
{
    static const struct packet_algorithms a = {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96};
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX], packet[104], original[104], mac[20],
        received[12];
    struct bytes parts[2] = {{packet, 100}, {(const uint8_t *)"\1\2\3\4", 0}};
    struct packet_key *seal, *open;
    struct packet_job j;

    (void)state;
    for (int esn = 0; esn < 2; esn++)
        for (size_t c = 0; c < ARRAY_SIZE(ciphers); c++) {
            if (!ciphers[c])
                continue;
            rng_fill(&rng, material, sizeof(material));
            rng_fill(&rng, packet, sizeof(packet));
            memset(packet + 32, 0, 12);
            memcpy(original, packet, sizeof(packet));
            seal = key_new(ciphers[c], &a, true, material);
            open = key_new(ciphers[c], &a, false, material);
            parts[1].len = esn ? 4 : 0;
            assert_int_equal(hmac_compute(HASH_SHA1, bytes_of(material + PACKET_KEY_MAX, 20), parts, 2, mac),
                             0);
            j = (struct packet_job){.key = seal,
                                    .header = packet,
                                    .payload = packet + 100,
                                    .icv = packet + 32,
                                    .sequence_high = 0x01020304,
                                    .esn = esn};
            assert_int_equal(packet_cipher_seal(ciphers[c], &j, 1), 1);
            assert_memory_equal(packet + 32, mac, 12);
            memcpy(received, packet + 32, 12);
            memset(packet + 32, 0, 12);
            assert_memory_equal(packet, original, sizeof(packet));
            j.key = open;
            j.icv = received;
            assert_int_equal(packet_cipher_open(ciphers[c], &j, 1), 1);
            packet[99] ^= 1;
            assert_int_equal(packet_cipher_open(ciphers[c], &j, 1), 0);
            key_free(seal);
            key_free(open);
        }
}

static void refused(void **state)
{
    static const struct packet_algorithms cbc = {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96};
    static const struct packet_algorithms gcm = {PACKET_ENCRYPTION_AES_GCM16, 16, 0};
    static const struct packet_algorithms des = {PACKET_ENCRYPTION_DES, 8, 0};
    static const struct {
        const struct packet_algorithms *a;
        uint32_t len;
        enum packet_result result;
    } table[] = {
        {&cbc, 0, PACKET_RESULT_BAD_LENGTH},     {&cbc, 15, PACKET_RESULT_BAD_LENGTH},
        {&cbc, 17, PACKET_RESULT_BAD_LENGTH},    {&cbc, 16, PACKET_RESULT_OK},
        {&des, 4, PACKET_RESULT_BAD_LENGTH},     {&des, 8, PACKET_RESULT_OK},
        {&gcm, 65535, PACKET_RESULT_BAD_LENGTH}, {&gcm, UINT32_MAX, PACKET_RESULT_BAD_LENGTH},
        {&cbc, 65520, PACKET_RESULT_BAD_LENGTH}, {&cbc, 65504, PACKET_RESULT_OK},
        {&gcm, 65514, PACKET_RESULT_OK},         {&gcm, 65515, PACKET_RESULT_BAD_LENGTH},
    };
    static uint8_t data[70000];
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX];

    (void)state;
    rng_fill(&rng, material, sizeof(material));
    for (size_t c = 0; c < ARRAY_SIZE(ciphers); c++)
        for (size_t i = 0; ciphers[c] && i < ARRAY_SIZE(table); i++) {
            size_t iv_len = packet_iv_len(table[i].a);
            struct packet_key *seal = key_new(ciphers[c], table[i].a, true, material);
            struct packet_key *open = key_new(ciphers[c], table[i].a, false, material);
            struct packet_job j = {.key = seal,
                                   .header = data,
                                   .iv = data + 8,
                                   .payload = data + 8 + iv_len,
                                   .icv = data + 8 + iv_len + (table[i].len & 0xffff),
                                   .payload_len = table[i].len,
                                   .esn = true};

            assert_int_equal(packet_cipher_seal(ciphers[c], &j, 1), table[i].result == PACKET_RESULT_OK);
            assert_int_equal(j.result, table[i].result);
            j.key = open;
            assert_int_equal(packet_cipher_open(ciphers[c], &j, 1), table[i].result == PACKET_RESULT_OK);
            assert_int_equal(j.result, table[i].result);
            key_free(seal);
            key_free(open);
        }
}

static int set_up(void **state)
{
    (void)state;
    rng_init_number(&rng, 20240229);
    for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
        ciphers[i] = packet_cipher_new_for(&rng, arches[i]);
    if (!ciphers[0])
        return -1;
    return crypto_init();
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
        packet_cipher_free(ciphers[i]);
    crypto_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),        cmocka_unit_test(every_combination),
        cmocka_unit_test(mixed_bursts), cmocka_unit_test(tampering),
        cmocka_unit_test(refused),      cmocka_unit_test(authentication_header),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
