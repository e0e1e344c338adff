/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening bursts of packets: see packet_cipher.h. The engine calls this for every burst.
 *
 * AES-GCM is called directly, packet by packet: its code fills the processor with one packet. All others go
 * through libipsec-mb's job manager in one burst, so that DES, CBC encryption and the hashes work on many
 * packets at once, whatever keys and algorithms they have; the burst is flushed before we return, so nothing
 * ever waits for the next packet. Jobs are checked here and submitted unchecked. Without AVX-512, DES goes
 * through packet_des.c instead.
 *
 * Opening with a separate integrity algorithm takes two bursts: hash all, then decrypt those whose ICV is
 * right (RFC 4303 §3.4.4.1). A forged packet costs no decryption and is left as it came.
 */
#include "crypto/packet_cipher.h"

#include <assert.h>

#include "base/be.h"
#include "crypto/packet_internal.h"

/* What libipsec-mb shall do with a job that is not AES-GCM. */
enum stage { STAGE_SEAL, STAGE_VERIFY, STAGE_DECRYPT };

static const struct {
    IMB_HASH_ALG algorithm;
    uint8_t icv;
} hashes[PACKET_INTEGRITY_COUNT] = {
    [PACKET_INTEGRITY_NONE] = {IMB_AUTH_NULL, 0},
    [PACKET_INTEGRITY_MD5_96] = {IMB_AUTH_MD5, 12},
    [PACKET_INTEGRITY_SHA1_96] = {IMB_AUTH_HMAC_SHA_1, 12},
    [PACKET_INTEGRITY_SHA256_128] = {IMB_AUTH_HMAC_SHA_256, 16},
    [PACKET_INTEGRITY_SHA384_192] = {IMB_AUTH_HMAC_SHA_384, 24},
    [PACKET_INTEGRITY_SHA512_256] = {IMB_AUTH_HMAC_SHA_512, 32},
};

static const IMB_CIPHER_MODE ciphers[PACKET_ENCRYPTION_COUNT] = {
    [PACKET_ENCRYPTION_NULL] = IMB_CIPHER_NULL,
    [PACKET_ENCRYPTION_DES] = IMB_CIPHER_DES,
    [PACKET_ENCRYPTION_3DES] = IMB_CIPHER_DES3,
    [PACKET_ENCRYPTION_AES_CBC] = IMB_CIPHER_CBC,
    [PACKET_ENCRYPTION_CHACHA20_POLY1305] = IMB_CIPHER_CHACHA20_POLY1305,
};

/* Whether libipsec-mb does not get to see the cipher of this key, only the hash. */
static bool des_direct(const struct packet_cipher *c, const struct packet_key *k)
{
    return c->des_direct && packet_encryption_des(k->algorithms.encryption);
}

static size_t covered_len(const struct packet_job *j)
{
    return (size_t)(j->payload - j->header) + j->payload_len;
}

static enum packet_result job_check(const struct packet_cipher *c, const struct packet_job *j, bool seal)
{
    const struct packet_key *k = j->key;

    if (k->arch != c->arch || k->seal != seal)
        return PACKET_RESULT_BAD_KEY;
    assert(j->payload >= j->header);
    if (j->payload_len > PACKET_COVERED_MAX || covered_len(j) > PACKET_COVERED_MAX)
        return PACKET_RESULT_BAD_LENGTH;
    if (packet_encryption_cbc(k->algorithms.encryption) &&
        (j->payload_len == 0 || j->payload_len & (k->block - 1u)))
        return PACKET_RESULT_BAD_LENGTH;
    return PACKET_RESULT_OK;
}

/* The 16 bytes that nonces and AADs are written with. They go out in one store: libipsec-mb loads them at
 * once, and a load of what several stores have just written waits for them, 20 ns a packet. */
typedef uint64_t pair __attribute__((vector_size(16)));

/* salt | IV */
static void nonce_write(struct packet_scratch *s, const struct packet_job *j)
{
    uint32_t salt;
    uint64_t iv;
    pair nonce;

    memcpy(&salt, j->key->salt, 4);
    memcpy(&iv, j->iv, 8);
    nonce = (pair){salt | iv << 32, iv >> 32};
    memcpy(s->nonce, &nonce, sizeof(nonce));
}

/* RFC 4106 §5: SPI, sequence number; with ESN the high half between them. */
static struct bytes aad_make(struct packet_scratch *s, const struct packet_job *j)
{
    uint32_t spi, sequence;
    pair aad;

    if (!j->esn)
        return bytes_of(j->header, 8);
    memcpy(&spi, j->header, 4);
    memcpy(&sequence, j->header + 4, 4);
    aad = (pair){spi | (uint64_t)__builtin_bswap32(j->sequence_high) << 32, sequence};
    memcpy(s->aad, &aad, sizeof(aad));
    return bytes_of(s->aad, 12);
}

static void gcm_run(struct packet_cipher *c, struct packet_scratch *s, const struct packet_job *j,
                    uint8_t *tag, bool seal)
{
    const struct packet_key *k = j->key;
    const struct gcm_key_data *g = (const struct gcm_key_data *)k->gcm;
    aes_gcm_enc_dec_t run;
    struct bytes aad = aad_make(s, j);

    if (k->algorithms.key_bytes == 16)
        run = seal ? c->mb->gcm128_enc : c->mb->gcm128_dec;
    else if (k->algorithms.key_bytes == 24)
        run = seal ? c->mb->gcm192_enc : c->mb->gcm192_dec;
    else
        run = seal ? c->mb->gcm256_enc : c->mb->gcm256_dec;
    nonce_write(s, j);
    run(g, &c->gcm, j->payload, j->payload, j->payload_len, s->nonce, aad.data, aad.len, tag, k->icv_len);
}

static void cipher_fill(IMB_JOB *m, struct packet_scratch *s, const struct packet_job *j)
{
    const struct packet_key *k = j->key;

    m->enc_keys = m->dec_keys = k->aes;
    if (k->algorithms.encryption == PACKET_ENCRYPTION_3DES) {
        for (size_t i = 0; i < 3; i++)
            s->des[i] = k->des[i];
        m->enc_keys = m->dec_keys = s->des;
    }
    m->cipher_mode = ciphers[k->algorithms.encryption];
    m->key_len_in_bytes = k->algorithms.key_bytes;
    m->iv = j->iv;
    m->iv_len_in_bytes = packet_iv_len(&k->algorithms);
    m->cipher_start_src_offset_in_bytes = (uint64_t)(j->payload - j->header);
    m->msg_len_to_cipher_in_bytes = j->payload_len;
}

static void hash_fill(IMB_JOB *m, struct packet_scratch *s, const struct packet_job *j)
{
    const struct packet_key *k = j->key;

    m->hash_alg = hashes[k->algorithms.integrity].algorithm;
    m->auth_tag_output = s->tag;
    m->auth_tag_output_len_in_bytes = hashes[k->algorithms.integrity].icv;
    m->hash_start_src_offset_in_bytes = 0;
    m->msg_len_to_hash_in_bytes = covered_len(j);
    m->u.HMAC._hashed_auth_key_xor_ipad = k->ipad;
    m->u.HMAC._hashed_auth_key_xor_opad = k->opad;
    if (j->esn && k->algorithms.integrity != PACKET_INTEGRITY_NONE) {
        uint8_t *end = j->payload + j->payload_len;

        memcpy(s->behind, end, 4);
        be32_store(end, j->sequence_high);
        m->msg_len_to_hash_in_bytes += 4;
    }
}

static void chacha_fill(IMB_JOB *m, struct packet_scratch *s, const struct packet_job *j, bool seal)
{
    struct bytes aad = aad_make(s, j);

    nonce_write(s, j);
    m->enc_keys = m->dec_keys = j->key->chacha20;
    m->key_len_in_bytes = 32;
    m->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
    m->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
    m->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    m->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    m->src = m->dst = j->payload;
    m->cipher_start_src_offset_in_bytes = 0;
    m->hash_start_src_offset_in_bytes = 0;
    m->msg_len_to_cipher_in_bytes = m->msg_len_to_hash_in_bytes = j->payload_len;
    m->iv = s->nonce;
    m->iv_len_in_bytes = PACKET_NONCE_LEN;
    m->u.CHACHA20_POLY1305.aad_len_in_bytes = aad.len;
    m->u.CHACHA20_POLY1305.aad = aad.data;
    m->auth_tag_output = s->tag;
    m->auth_tag_output_len_in_bytes = 16;
}

static void job_fill(const struct packet_cipher *c, IMB_JOB *m, struct packet_scratch *s,
                     const struct packet_job *j, enum stage stage)
{
    if (j->key->algorithms.encryption == PACKET_ENCRYPTION_CHACHA20_POLY1305) {
        chacha_fill(m, s, j, stage == STAGE_SEAL);
        return;
    }
    m->src = j->header;
    m->dst = j->payload;
    m->chain_order = stage == STAGE_DECRYPT ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
    m->cipher_direction = stage == STAGE_DECRYPT ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT;
    if (stage == STAGE_VERIFY || (stage == STAGE_SEAL && des_direct(c, j->key))) {
        m->cipher_mode = IMB_CIPHER_NULL;
        m->msg_len_to_cipher_in_bytes = 0;
    } else {
        cipher_fill(m, s, j);
    }
    if (stage == STAGE_DECRYPT)
        m->hash_alg = IMB_AUTH_NULL;
    else
        hash_fill(m, s, j);
}

/* Runs jobs[at[0..n-1]] through the manager and waits for all. The manager is empty before and after. */
static void burst_run(struct packet_cipher *c, const struct packet_job *jobs, const uint8_t *at, size_t n,
                      enum stage stage)
{
    IMB_JOB *m[PACKET_BURST_MAX];
    uint32_t got, done;

    if (n == 0)
        return;
    got = IMB_GET_NEXT_BURST(c->mb, (uint32_t)n, m);
    assert(got == n);
    for (size_t i = 0; i < n; i++)
        job_fill(c, m[i], &c->scratch[at[i]], &jobs[at[i]], stage);
    done = IMB_SUBMIT_BURST_NOCHECK(c->mb, (uint32_t)n, m);
    while (done < n) {
        got = IMB_FLUSH_BURST(c->mb, (uint32_t)n - done, m);
        assert(got > 0);
        done += got;
    }
}

/* What hash_fill wrote behind the payload goes away again. */
static void esn_restore(const struct packet_scratch *s, const struct packet_job *j)
{
    if (j->esn && j->key->algorithms.integrity != PACKET_INTEGRITY_NONE)
        memcpy(j->payload + j->payload_len, s->behind, 4);
}

size_t packet_cipher_seal(struct packet_cipher *c, struct packet_job *jobs, size_t n)
{
    uint8_t queue[PACKET_BURST_MAX];
    size_t queued = 0, good = 0;

    assert(n <= PACKET_BURST_MAX);
    for (size_t i = 0; i < n; i++) {
        struct packet_job *j = &jobs[i];
        enum packet_result r = job_check(c, j, true);

        j->result = (uint8_t)r;
        if (r != PACKET_RESULT_OK)
            continue;
        good++;
        if (packet_encryption_gcm(j->key->algorithms.encryption)) {
            gcm_run(c, &c->scratch[i], j, j->icv, true);
            continue;
        }
        if (des_direct(c, j->key)) {
            packet_des_run(j, true);
            if (j->key->icv_len == 0)
                continue;
        }
        queue[queued++] = (uint8_t)i;
    }
    burst_run(c, jobs, queue, queued, STAGE_SEAL);
    for (size_t q = 0; q < queued; q++) {
        const struct packet_job *j = &jobs[queue[q]];
        const struct packet_scratch *s = &c->scratch[queue[q]];

        esn_restore(s, j);
        memcpy(j->icv, s->tag, j->key->icv_len);
    }
    return good;
}

static void icv_compare(struct packet_job *j, const uint8_t *received, const uint8_t *tag, size_t len)
{
    if (!bytes_equal_secret(bytes_of(received, len), bytes_of(tag, len)))
        j->result = PACKET_RESULT_BAD_ICV;
}

/* All hashes of the burst, and the ChaCha20 packets whole. */
static void burst_verify(struct packet_cipher *c, struct packet_job *jobs, const uint8_t *queue,
                         size_t queued)
{
    burst_run(c, jobs, queue, queued, STAGE_VERIFY);
    for (size_t q = 0; q < queued; q++) {
        struct packet_job *j = &jobs[queue[q]];
        const struct packet_scratch *s = &c->scratch[queue[q]];

        esn_restore(s, j);
        icv_compare(j, s->received, s->tag, j->key->icv_len);
    }
}

size_t packet_cipher_open(struct packet_cipher *c, struct packet_job *jobs, size_t n)
{
    uint8_t verify[PACKET_BURST_MAX], decrypt[PACKET_BURST_MAX];
    size_t verifying = 0, decrypting = 0, good = 0;

    assert(n <= PACKET_BURST_MAX);
    for (size_t i = 0; i < n; i++) {
        struct packet_job *j = &jobs[i];
        struct packet_scratch *s = &c->scratch[i];
        size_t icv_len;

        j->result = (uint8_t)job_check(c, j, false);
        if (j->result != PACKET_RESULT_OK)
            continue;
        icv_len = j->key->icv_len;
        if (packet_encryption_gcm(j->key->algorithms.encryption)) {
            gcm_run(c, s, j, s->tag, false);
            icv_compare(j, j->icv, s->tag, icv_len);
        } else if (icv_len) {
            memcpy(s->received, j->icv, icv_len);
            verify[verifying++] = (uint8_t)i;
        }
    }
    burst_verify(c, jobs, verify, verifying);
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].result != PACKET_RESULT_OK)
            continue;
        good++;
        if (des_direct(c, jobs[i].key))
            packet_des_run(&jobs[i], false);
        else if (packet_encryption_cbc(jobs[i].key->algorithms.encryption))
            decrypt[decrypting++] = (uint8_t)i;
    }
    burst_run(c, jobs, decrypt, decrypting, STAGE_DECRYPT);
    return good;
}

/* AES of a counter that starts at a random value: unpredictable without the key, and no value comes twice. */
static void iv_blocks_make(struct packet_cipher *c, size_t n)
{
    IMB_JOB *m = IMB_GET_NEXT_JOB(c->mb);

    for (size_t i = 0; i < n; i++) {
        if (++c->iv_counter[0] == 0)
            c->iv_counter[1]++;
        memcpy(c->iv_blocks[i], c->iv_counter, 16);
    }
    m->cipher_mode = IMB_CIPHER_ECB;
    m->cipher_direction = IMB_DIR_ENCRYPT;
    m->chain_order = IMB_ORDER_CIPHER_HASH;
    m->hash_alg = IMB_AUTH_NULL;
    m->enc_keys = m->dec_keys = c->iv_key;
    m->key_len_in_bytes = 16;
    m->src = m->dst = c->iv_blocks[0];
    m->cipher_start_src_offset_in_bytes = 0;
    m->msg_len_to_cipher_in_bytes = 16 * n;
    m->iv_len_in_bytes = 0;
    if (!IMB_SUBMIT_JOB_NOCHECK(c->mb))
        IMB_FLUSH_JOB(c->mb);
}

void packet_cipher_ivs(struct packet_cipher *c, const struct packet_job *jobs, size_t n)
{
    uint8_t queue[PACKET_BURST_MAX];
    size_t queued = 0;

    assert(n <= PACKET_BURST_MAX);
    for (size_t i = 0; i < n; i++)
        if (jobs[i].key->seal && packet_encryption_cbc(jobs[i].key->algorithms.encryption))
            queue[queued++] = (uint8_t)i;
    if (queued == 0)
        return;
    iv_blocks_make(c, queued);
    for (size_t q = 0; q < queued; q++) {
        const struct packet_job *j = &jobs[queue[q]];

        memcpy(j->iv, c->iv_blocks[q], packet_iv_len(&j->key->algorithms));
    }
}
