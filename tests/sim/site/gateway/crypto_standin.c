/* SPDX-License-Identifier: Apache-2.0 */
/* Cheap stand-ins for what costs in src/crypto, in the simulator only: linked with --wrap for each of them,
 * and in place of tls_channel.c. They are deterministic, and they fail where the real ones do: another key,
 * other bytes or another peer give another result. Nothing is secret here. site_world_real is the same
 * program without this file.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "crypto/cbc.h"
#include "crypto/dh.h"
#include "crypto/hash.h"
#include "crypto/packet_cipher.h"
#include "crypto/tls_channel.h"

/* ---- one function for all ---- */

struct mixer {
    uint64_t a, b;
    uint8_t word[8];
    unsigned have;
};

static const uint64_t ODD_1 = 0x9e3779b97f4a7c15, ODD_2 = 0xbf58476d1ce4e5b9;

static void mixer_word(struct mixer *m, uint64_t w)
{
    m->a = (m->a ^ w) * ODD_1;
    m->b = (m->b + w) * ODD_2 ^ m->a >> 29;
}

static void mixer_add(struct mixer *m, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len) {
        if (m->have == 0 && len >= 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            mixer_word(m, w);
            p += 8;
            len -= 8;
            continue;
        }
        m->word[m->have++] = *p++;
        len--;
        if (m->have == 8) {
            uint64_t w;
            memcpy(&w, m->word, 8);
            mixer_word(m, w);
            m->have = 0;
        }
    }
}

static void mixer_end(struct mixer *m, uint8_t *out, size_t size)
{
    uint64_t last = (uint64_t)m->have << 56 | 1;
    for (unsigned i = 0; i < m->have; i++)
        last ^= (uint64_t)m->word[i] << 8 * i;
    mixer_word(m, last);
    for (uint64_t i = 0; size; i++) {
        uint64_t x = (m->a ^ (m->b + i * ODD_1)) * ODD_2;
        size_t n = MIN(size, sizeof(x));
        x ^= x >> 31;
        memcpy(out, &x, n);
        out += n;
        size -= n;
    }
}

static struct mixer mixer_begin(uint64_t kind, struct bytes key)
{
    struct mixer m = {.a = kind * ODD_1, .b = ~kind};
    mixer_word(&m, key.len);
    mixer_add(&m, key.data, key.len);
    return m;
}

/* ---- hashes ---- */

int __wrap_hash_compute(enum hash_algorithm algorithm, const struct bytes *parts, size_t n, uint8_t *out);
int __wrap_hmac_compute(enum hash_algorithm algorithm, struct bytes key, const struct bytes *parts, size_t n,
                        uint8_t *out);

int __wrap_hmac_compute(enum hash_algorithm algorithm, struct bytes key, const struct bytes *parts, size_t n,
                        uint8_t *out)
{
    struct mixer m = mixer_begin(algorithm, key);
    if (hash_size(algorithm) == 0)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        mixer_add(&m, parts[i].data, parts[i].len);
    mixer_end(&m, out, hash_size(algorithm));
    return 0;
}

int __wrap_hash_compute(enum hash_algorithm algorithm, const struct bytes *parts, size_t n, uint8_t *out)
{
    return __wrap_hmac_compute(algorithm, (struct bytes){0}, parts, n, out);
}

/* ---- the cipher of IKE messages: each block is hidden by what the one before became ---- */

int __wrap_cbc_encrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data,
                       size_t len);
int __wrap_cbc_decrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data,
                       size_t len);

static void block_mask(struct bytes key, const uint8_t *before, size_t block, uint8_t *out)
{
    struct mixer m = mixer_begin(101, key);
    mixer_add(&m, before, block);
    mixer_end(&m, out, block);
}

static int cbc_run(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data, size_t len,
                   bool encrypt)
{
    size_t block = cbc_block_size(algorithm);
    uint8_t mask[CBC_BLOCK_MAX], before[CBC_BLOCK_MAX], next[CBC_BLOCK_MAX];
    if (block == 0 || !cbc_key_size_valid(algorithm, key.len) || len == 0 || len % block)
        return -EINVAL;
    memcpy(before, iv, block);
    for (size_t at = 0; at < len; at += block) {
        block_mask(key, before, block, mask);
        memcpy(next, data + at, block);
        for (size_t i = 0; i < block; i++)
            data[at + i] ^= mask[i];
        memcpy(before, encrypt ? data + at : next, block);
    }
    memcpy(iv, before, block);
    return 0;
}

int __wrap_cbc_encrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data, size_t len)
{
    return cbc_run(algorithm, key, iv, data, len, true);
}

int __wrap_cbc_decrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data, size_t len)
{
    return cbc_run(algorithm, key, iv, data, len, false);
}

/* ---- the key exchange: products of odd numbers stand for powers ---- */

enum { NUMBER = 8 };

int __wrap_dh_generate(enum dh_group group, struct rng *rng, struct dh_keypair *ret);
int __wrap_dh_shared(const struct dh_keypair *keypair, struct bytes peer_public, struct secret *ret);

static void public_write(enum dh_group group, uint64_t value, uint8_t *out, size_t size)
{
    struct mixer m = mixer_begin(200 + group, bytes_of(&value, sizeof(value)));
    memcpy(out, &value, NUMBER);
    mixer_end(&m, out + NUMBER, size - NUMBER);
}

int __wrap_dh_generate(enum dh_group group, struct rng *rng, struct dh_keypair *ret)
{
    uint64_t x = rng_u64(rng) | 1;
    if (!dh_group_known(group))
        return -EINVAL;
    *ret = (struct dh_keypair){
        .group = (uint8_t)group, .private_len = NUMBER, .public_len = (uint16_t)dh_public_size(group)};
    memcpy(ret->private, &x, NUMBER);
    public_write(group, x * ODD_2, ret->public, ret->public_len);
    return 0;
}

int __wrap_dh_shared(const struct dh_keypair *keypair, struct bytes peer_public, struct secret *ret)
{
    uint8_t right[DH_PUBLIC_MAX];
    uint64_t x, y;
    if (!dh_group_known(keypair->group))
        return -EINVAL;
    if (peer_public.len != dh_public_size(keypair->group))
        return -EBADMSG;
    memcpy(&x, keypair->private, NUMBER);
    memcpy(&y, peer_public.data, NUMBER);
    public_write(keypair->group, y, right, peer_public.len);
    if (memcmp(right, peer_public.data, peer_public.len) != 0)
        return -EBADMSG;
    uint64_t z = x * y;
    struct mixer m = mixer_begin(300 + keypair->group, bytes_of(&z, sizeof(z)));
    ret->len = (uint16_t)dh_shared_size(keypair->group);
    mixer_end(&m, ret->data, ret->len);
    return 0;
}

/* ---- packets: not enciphered, but sealed ---- */

struct packet_cipher {
    uint64_t ivs, secret;
};

struct packet_cipher *packet_cipher_new(struct rng *rng)
{
    struct packet_cipher *c = calloc(1, sizeof(*c));
    if (c)
        c->secret = rng_u64(rng);
    return c;
}

struct packet_cipher *packet_cipher_new_for(struct rng *rng, const char *arch)
{
    (void)arch;
    return packet_cipher_new(rng);
}

void packet_cipher_free(struct packet_cipher *c)
{
    free(c);
}

const char *packet_cipher_arch(const struct packet_cipher *c)
{
    (void)c;
    return "stand-in";
}

enum { KEY_WORDS = 64 }; /* the start of an expanded key: of both keys */

int packet_key_init(struct packet_cipher *c, struct packet_key *ret, const struct packet_algorithms *a,
                    bool seal, struct bytes encryption_key, struct bytes integrity_key)
{
    (void)c;
    if (!packet_algorithms_valid(a) || encryption_key.len != packet_encryption_key_len(a) ||
        integrity_key.len != packet_integrity_key_len(a))
        return -EINVAL;
    struct mixer m = mixer_begin(400, encryption_key);
    mixer_add(&m, integrity_key.data, integrity_key.len);
    memset(ret, 0, sizeof(*ret));
    mixer_end(&m, ret->gcm, KEY_WORDS);
    ret->algorithms = *a;
    ret->arch = 1;
    ret->seal = seal;
    ret->icv_len = (uint8_t)packet_icv_len(a);
    ret->block = (uint8_t)packet_block(a);
    return 0;
}

void packet_key_wipe(struct packet_key *key)
{
    wipe(key, sizeof(*key));
}

static enum packet_result job_check(const struct packet_job *j, bool seal)
{
    if (j->key->arch != 1 || j->key->seal != seal)
        return PACKET_RESULT_BAD_KEY;
    return j->payload_len > PACKET_COVERED_MAX || j->payload_len % j->key->block ? PACKET_RESULT_BAD_LENGTH
                                                                                 : PACKET_RESULT_OK;
}

static void icv_make(const struct packet_job *j, uint8_t icv[PACKET_ICV_MAX])
{
    struct mixer m = mixer_begin(500, bytes_of(j->key->gcm, 16));
    mixer_add(&m, j->header, (size_t)(j->payload - j->header) + j->payload_len);
    if (j->esn)
        mixer_word(&m, j->sequence_high);
    mixer_end(&m, icv, j->key->icv_len);
}

size_t packet_cipher_seal(struct packet_cipher *c, struct packet_job *jobs, size_t n)
{
    size_t good = 0;
    (void)c;
    for (size_t i = 0; i < n; i++) {
        uint8_t icv[PACKET_ICV_MAX];
        jobs[i].result = job_check(&jobs[i], true);
        if (jobs[i].result != PACKET_RESULT_OK)
            continue;
        icv_make(&jobs[i], icv);
        memcpy(jobs[i].icv, icv, jobs[i].key->icv_len);
        good++;
    }
    return good;
}

size_t packet_cipher_open(struct packet_cipher *c, struct packet_job *jobs, size_t n)
{
    size_t good = 0;
    (void)c;
    for (size_t i = 0; i < n; i++) {
        uint8_t icv[PACKET_ICV_MAX];
        jobs[i].result = job_check(&jobs[i], false);
        if (jobs[i].result != PACKET_RESULT_OK)
            continue;
        icv_make(&jobs[i], icv);
        if (memcmp(jobs[i].icv, icv, jobs[i].key->icv_len) != 0)
            jobs[i].result = PACKET_RESULT_BAD_ICV;
        good += jobs[i].result == PACKET_RESULT_OK;
    }
    return good;
}

void packet_cipher_ivs(struct packet_cipher *c, const struct packet_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t e = jobs[i].key->algorithms.encryption;
        if (!jobs[i].key->seal || packet_encryption_aead(e) || e == PACKET_ENCRYPTION_NULL)
            continue;
        c->ivs++;
        struct mixer m = mixer_begin(600 + c->ivs, bytes_of(&c->secret, sizeof(c->secret)));
        mixer_end(&m, jobs[i].iv, packet_iv_len(&jobs[i].key->algorithms));
    }
}
