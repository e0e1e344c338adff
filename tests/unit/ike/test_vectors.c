/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: NIST's SKEYID derivations, and a whole main mode, quick mode and DPD message with DES, MD5
 * and group 1, byte for byte through the functions that the machine uses. tests/vectors/ike/ikev1.txt. */
#include "base/be.h"
#include "crypto/crypto.h"
#include "ike/exchange/message.h"
#include "ike/negotiate/phase1_policy.h"
#include "ike/negotiate/phase2_transform.h"
#include "ike/negotiate/proxy.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { VECTORS_MAX = 80 };

static struct vector {
    char name[24];
    uint8_t data[512];
    size_t len;
} vectors[VECTORS_MAX];
static unsigned vector_count;

static int vectors_load(void **state)
{
    char path[512], line[2048], hex[2000];
    (void)state;
    snprintf(path, sizeof(path), "%s/ike/ikev1.txt", getenv("VECTORS"));
    FILE *f = fopen(path, "r");
    if (!f)
        return -1;
    while (fgets(line, sizeof(line), f)) {
        struct vector *v = &vectors[vector_count];
        if (line[0] == '#' || sscanf(line, "%23s = %1999s", v->name, hex) != 2)
            continue;
        int len = bytes_from_hex(hex, v->data, sizeof(v->data));
        if (len < 0 || ++vector_count == VECTORS_MAX)
            return -1;
        v->len = (size_t)len;
    }
    fclose(f);
    return crypto_init();
}

static struct bytes vec(const char *name)
{
    for (unsigned i = 0; i < vector_count; i++)
        if (strcmp(vectors[i].name, name) == 0)
            return bytes_of(vectors[i].data, vectors[i].len);
    fail_msg("no vector %s", name);
    return (struct bytes){0};
}

static void same(const void *data, const char *name)
{
    assert_memory_equal(data, vec(name).data, vec(name).len);
}

static void same_bytes(struct bytes b, const char *name)
{
    assert_int_equal(b.len, vec(name).len);
    same(b.data, name);
}

static void nist(void **state)
{
    struct keymat_phase1 k;
    (void)state;
    assert_true(keymat_skeyid_preshared(HASH_SHA1, vec("psk_key"), vec("psk_ni"), vec("psk_nr"), k.skeyid));
    same(k.skeyid, "psk_skeyid");
    assert_true(keymat_derive(HASH_SHA1, &k, vec("psk_gxy"), vec("psk_cky_i").data, vec("psk_cky_r").data));
    same(k.skeyid_d, "psk_d");
    same(k.skeyid_a, "psk_a");
    same(k.skeyid_e, "psk_e");
    assert_true(keymat_skeyid_signature(HASH_SHA1, vec("sig_ni"), vec("sig_nr"), vec("sig_gxy"), k.skeyid));
    same(k.skeyid, "sig_skeyid");
    assert_true(keymat_derive(HASH_SHA1, &k, vec("sig_gxy"), vec("sig_cky_i").data, vec("sig_cky_r").data));
    same(k.skeyid_d, "sig_d");
    same(k.skeyid_a, "sig_a");
    same(k.skeyid_e, "sig_e");
    uint8_t key[CBC_KEY_MAX];
    assert_true(keymat_cipher_key(HASH_SHA1, vec("ka_e").data, 24, key));
    same(key, "ka_key");
}

static struct ike *machine(void)
{
    static const uint8_t seed[32];
    struct ike_limits limits = {.sa_max = 4, .pair_max = 16};
    struct ike *ike = ike_new(&limits, seed);
    assert_non_null(ike);
    return ike;
}

/* The initiator's SA as it is after MM4, from its private values. */
static void sa_make(struct ike_sa *sa, struct keymat_phase1 *k)
{
    struct dh_keypair i, r;
    struct secret shared;
    memset(sa, 0, sizeof(*sa));
    memcpy(sa->cookie_i, vec("mm_cky_i").data, 8);
    memcpy(sa->cookie_r, vec("mm_cky_r").data, 8);
    sa->policy = (struct ike_policy){.encryption = CBC_DES, .hash = HASH_MD5, .group = 1};
    sa->key_len = 8;
    assert_int_equal(dh_keypair_of(DH_MODP_768, vec("mm_x_i"), &i), 0);
    assert_int_equal(dh_keypair_of(DH_MODP_768, vec("mm_x_r"), &r), 0);
    same_bytes(dh_public(&i), "mm_gxi");
    same_bytes(dh_public(&r), "mm_gxr");
    assert_int_equal(dh_shared(&i, dh_public(&r), &shared), 0);
    same_bytes(secret_bytes(&shared), "mm_gxy");
    assert_true(
        keymat_skeyid_preshared(HASH_MD5, bytes_of("cisco", 5), vec("mm_ni"), vec("mm_nr"), k->skeyid));
    assert_true(keymat_derive(HASH_MD5, k, secret_bytes(&shared), sa->cookie_i, sa->cookie_r));
    memcpy(sa->skeyid_d, k->skeyid_d, 16);
    memcpy(sa->skeyid_a, k->skeyid_a, 16);
    assert_true(keymat_cipher_key(HASH_MD5, k->skeyid_e, 8, sa->key));
    memcpy(sa->iv_base, vec("mm_last").data, 8);
}

static void main_mode_bytes(void **state)
{
    struct ike *ike = machine();
    struct ike_sa sa;
    struct keymat_phase1 k;
    uint8_t iv[16], hash[HASH_MAX];
    struct ike_policy policy = {
        .encryption = CBC_DES, .hash = HASH_MD5, .group = 1, .authentication = 1, .lifetime_seconds = 86400};
    struct ike_config config = {.policies = &policy, .policy_count = 1};
    (void)state;
    sa_make(&sa, &k);
    same(k.skeyid, "mm_skeyid");
    same(k.skeyid_d, "mm_d");
    same(k.skeyid_a, "mm_a");
    same(k.skeyid_e, "mm_e");
    same(sa.key, "mm_key");
    struct isakmp_header h = {.version = 0x10, .exchange = 2};
    memcpy(h.initiator_cookie, sa.cookie_i, 8);
    isakmp_writer_init(&ike->writer, ike->written, sizeof(ike->written), &h);
    assert_int_equal(policy_write_offer(&config, &ike->writer, 0), 1);
    same_bytes(isakmp_writer_finish(&ike->writer), "mm_mm1");

    struct bytes body = bytes_of(vec("mm_mm1").data + 32, vec("mm_mm1").len - 32);
    struct bytes gxi = vec("mm_gxi"), gxr = vec("mm_gxr");
    assert_true(keymat_iv_phase1(HASH_MD5, gxi, gxr, 8, iv));
    same(iv, "mm_iv");
    static const struct {
        const char *id, *hash, *message;
    } steps[] = {{"mm_idii", "mm_hash_i", "mm_mm5"}, {"mm_idir", "mm_hash_r", "mm_mm6"}};
    memcpy(h.responder_cookie, sa.cookie_r, 8);
    h.flags = ISAKMP_FLAG_ENCRYPTION;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(keymat_hash_phase1(HASH_MD5, k.skeyid, i ? gxr : gxi, i ? gxi : gxr,
                                       i ? sa.cookie_r : sa.cookie_i, i ? sa.cookie_i : sa.cookie_r, body,
                                       vec(steps[i].id), hash));
        same(hash, steps[i].hash);
        isakmp_writer_init(&ike->writer, ike->written, sizeof(ike->written), &h);
        isakmp_write_payload(&ike->writer, ISAKMP_PAYLOAD_ID, vec(steps[i].id));
        isakmp_write_payload(&ike->writer, ISAKMP_PAYLOAD_HASH, bytes_of(hash, 16));
        same_bytes(message_seal(ike, &sa, iv), steps[i].message);
    }
    same(iv, "mm_last");
    struct address a = address_v4(0x09010116);
    assert_true(keymat_nat_d(HASH_MD5, sa.cookie_i, sa.cookie_r, bytes_of(a.bytes, 4), 500, hash));
    same(hash, "mm_nat_d");
    ike_free(ike);
}

static void quick_mode_bytes(void **state)
{
    struct ike *ike = machine();
    struct ike_sa sa;
    struct keymat_phase1 k;
    uint8_t iv[16], *hash, digest[HASH_MAX], keys[24];
    uint32_t mid = be32_load(vec("qm_mid").data);
    struct ike_transform_set set = {.has_esp = true,
                                    .esp = {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96}};
    struct ike_connection config = {.transform_sets = {&set},
                                    .transform_set_count = 1,
                                    .lifetime_seconds = 3600,
                                    .lifetime_kilobytes = 4608000};
    struct selector s = {.local_port_high = UINT16_MAX, .remote_port_high = UINT16_MAX};
    (void)state;
    s.local = (struct prefix){address_v4(0x0a004000), 24};
    s.remote = (struct prefix){address_v4(0x0a000000), 8};
    sa_make(&sa, &k);
    assert_true(message_iv_phase2(&sa, mid, iv));
    same(iv, "qm_iv");
    /* QM1: the vector has the whole order SA, NONCE, ID, ID. */
    struct isakmp_writer *w = message_begin_phase2(ike, &sa, ISAKMP_EXCHANGE_QUICK, mid, &hash);
    assert_int_equal(phase2_write_offer(&config, &sa, &s, be32_load(vec("qm_spi_i").data), 0, w), 1);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, vec("qm_ni"));
    proxy_write(w, &s, true);
    same_bytes(isakmp_written_after_first(w), "qm_after1");
    struct bytes whole = message_finish_phase2(ike, &sa, mid, hash, (struct bytes){0}, iv);
    same_bytes(whole, "qm_qm1");
    /* ... and the receiver reads it. */
    uint8_t peer_iv[16];
    struct isakmp_header h;
    enum isakmp_error error;
    assert_true(message_iv_phase2(&sa, mid, peer_iv));
    assert_int_equal(isakmp_header_parse(vec("qm_qm1"), &h), ISAKMP_OK);
    assert_true(message_open(ike, &sa, &h, vec("qm_qm1"), peer_iv, &error));
    assert_true(message_authentic(&sa, &ike->message, (struct bytes){0}));
    same_bytes(ike->message.payloads[0].body, "qm_hash1");
    assert_memory_equal(iv, peer_iv, 8);
    /* QM2 */
    (void)message_begin_phase2(ike, &sa, ISAKMP_EXCHANGE_QUICK, mid, &hash);
    phase2_write_offer(&config, &sa, &s, be32_load(vec("qm_spi_r").data), 0, w);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, vec("qm_nr"));
    proxy_write(w, &s, true);
    same_bytes(message_finish_phase2(ike, &sa, mid, hash, vec("qm_ni"), iv), "qm_qm2");
    /* QM3 */
    (void)message_begin_phase2(ike, &sa, ISAKMP_EXCHANGE_QUICK, mid, &hash);
    assert_true(keymat_hash_3(HASH_MD5, sa.skeyid_a, mid, vec("qm_ni"), vec("qm_nr"), digest));
    same(digest, "qm_hash3");
    memcpy(hash, digest, 16);
    same_bytes(message_seal(ike, &sa, iv), "qm_qm3");
    static const struct {
        const char *spi, *des, *md5;
    } ways[] = {{"qm_spi_r", "qm_des_ir", "qm_md5_ir"}, {"qm_spi_i", "qm_des_ri", "qm_md5_ri"}};
    for (unsigned i = 0; i < 2; i++) {
        assert_true(keymat_phase2(HASH_MD5, sa.skeyid_d, (struct bytes){0}, ISAKMP_PROTOCOL_ESP,
                                  be32_load(vec(ways[i].spi).data), vec("qm_ni"), vec("qm_nr"), keys, 24));
        same(keys, ways[i].des);
        same(keys + 8, ways[i].md5);
    }
    ike_free(ike);
}

static void dpd_bytes(void **state)
{
    struct ike *ike = machine();
    struct ike_sa sa;
    struct keymat_phase1 k;
    uint8_t iv[16], *hash;
    static const uint8_t sequence[4] = {0x11, 0x22, 0x33, 0x44};
    uint32_t mid = be32_load(vec("dpd_mid").data);
    (void)state;
    sa_make(&sa, &k);
    assert_true(message_iv_phase2(&sa, mid, iv));
    struct isakmp_writer *w = message_begin_phase2(ike, &sa, ISAKMP_EXCHANGE_INFORMATIONAL, mid, &hash);
    isakmp_write_notify(w, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE, bytes_of(sa.cookie_i, 16),
                        bytes_of(sequence, 4));
    same_bytes(isakmp_written_after_first(w), "dpd_payload");
    same_bytes(message_finish_phase2(ike, &sa, mid, hash, (struct bytes){0}, iv), "dpd_message");
    ike_free(ike);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nist),
        cmocka_unit_test(main_mode_bytes),
        cmocka_unit_test(quick_mode_bytes),
        cmocka_unit_test(dpd_bytes),
    };
    return cmocka_run_group_tests(tests, vectors_load, NULL);
}
