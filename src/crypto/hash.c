/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes and HMAC over EVP: see hash.h.
 *
 * An EVP context costs more to make than a short message to hash, so each thread keeps one per algorithm,
 * freed when the thread ends. A context is started again right after its result was taken, so that no state
 * that depends on a key stays behind in it. HMAC is RFC 2104 over the same contexts: libcrypto's own costs an
 * allocation per call.
 */
#include "crypto/hash.h"

#include <errno.h>
#include <pthread.h>

#include "crypto/internal.h"

enum { BLOCK_MAX = 128 };

struct contexts {
    EVP_MD_CTX *of[CRYPTO_HASHES];
};

static pthread_key_t contexts_key;
static bool contexts_key_made;

static const struct {
    uint8_t size;
    uint8_t block;
    const char *name;
} hashes[CRYPTO_HASHES] = {
    [HASH_NONE] = {0, 0, "none"},        [HASH_MD5] = {16, 64, "md5"},
    [HASH_SHA1] = {20, 64, "sha"},       [HASH_SHA256] = {32, 64, "sha256"},
    [HASH_SHA384] = {48, 128, "sha384"}, [HASH_SHA512] = {64, 128, "sha512"},
};

static bool hash_known(enum hash_algorithm algorithm)
{
    return algorithm > HASH_NONE && (size_t)algorithm < ARRAY_SIZE(hashes);
}

size_t hash_size(enum hash_algorithm algorithm)
{
    return hash_known(algorithm) ? hashes[algorithm].size : 0;
}

const char *hash_name(enum hash_algorithm algorithm)
{
    return (size_t)algorithm < ARRAY_SIZE(hashes) ? hashes[algorithm].name : "?";
}

static void contexts_free(void *p)
{
    struct contexts *c = p;

    if (!c)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(c->of); i++)
        EVP_MD_CTX_free(c->of[i]);
    OPENSSL_free(c);
}

int hash_prepare(void)
{
    if (pthread_key_create(&contexts_key, contexts_free) != 0)
        return -ENOMEM;
    contexts_key_made = true;
    return 0;
}

void hash_release(void)
{
    if (!contexts_key_made)
        return;
    contexts_free(pthread_getspecific(contexts_key));
    pthread_key_delete(contexts_key);
    contexts_key_made = false;
}

/* This thread's context, started; NULL if memory is short. */
static EVP_MD_CTX *context_get(enum hash_algorithm algorithm)
{
    const struct crypto_state *s = crypto_state();
    struct contexts *c = pthread_getspecific(contexts_key);
    EVP_MD_CTX *m;

    if (!c) {
        c = OPENSSL_zalloc(sizeof(*c));
        if (!c || pthread_setspecific(contexts_key, c) != 0) {
            OPENSSL_free(c);
            return NULL;
        }
    }
    if (c->of[algorithm])
        return c->of[algorithm];
    m = EVP_MD_CTX_new();
    if (!m || EVP_DigestInit_ex2(m, s->hashes[algorithm], NULL) != 1) {
        EVP_MD_CTX_free(m);
        return NULL;
    }
    c->of[algorithm] = m;
    return m;
}

/* After a failure the context may hold anything: forget it. */
static int context_fail(enum hash_algorithm algorithm)
{
    struct contexts *c = pthread_getspecific(contexts_key);

    EVP_MD_CTX_free(c->of[algorithm]);
    c->of[algorithm] = NULL;
    return -EIO;
}

/* The hash of `first` followed by the parts. */
static int digest(enum hash_algorithm algorithm, struct bytes first, const struct bytes *parts, size_t n,
                  uint8_t *out)
{
    EVP_MD_CTX *m = context_get(algorithm);
    uint8_t result[HASH_MAX];

    if (!m)
        return -ENOMEM;
    if (first.len && EVP_DigestUpdate(m, first.data, first.len) != 1)
        return context_fail(algorithm);
    for (size_t i = 0; i < n; i++)
        if (parts[i].len && EVP_DigestUpdate(m, parts[i].data, parts[i].len) != 1)
            return context_fail(algorithm);
    if (EVP_DigestFinal_ex(m, result, NULL) != 1 || EVP_DigestInit_ex2(m, NULL, NULL) != 1) {
        wipe(result, sizeof(result));
        return context_fail(algorithm);
    }
    memcpy(out, result, hashes[algorithm].size);
    wipe(result, sizeof(result));
    return 0;
}

int hash_compute(enum hash_algorithm algorithm, const struct bytes *parts, size_t n, uint8_t *out)
{
    if (!hash_known(algorithm))
        return -EINVAL;
    return digest(algorithm, bytes_of(NULL, 0), parts, n, out);
}

int hmac_compute(enum hash_algorithm algorithm, struct bytes key, const struct bytes *parts, size_t n,
                 uint8_t *out)
{
    uint8_t pad[BLOCK_MAX] = {0}, inner[HASH_MAX];
    struct bytes inner_part;
    size_t size, block;
    int r;

    if (!hash_known(algorithm))
        return -EINVAL;
    size = hashes[algorithm].size;
    block = hashes[algorithm].block;
    if (key.len > block) {
        r = digest(algorithm, key, NULL, 0, pad);
        if (r < 0)
            return r;
    } else if (key.len) {
        memcpy(pad, key.data, key.len);
    }
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36;
    r = digest(algorithm, bytes_of(pad, block), parts, n, inner);
    if (r == 0) {
        for (size_t i = 0; i < block; i++)
            pad[i] ^= 0x36 ^ 0x5c;
        inner_part = bytes_of(inner, size);
        r = digest(algorithm, bytes_of(pad, block), &inner_part, 1, out);
    }
    wipe(pad, sizeof(pad));
    wipe(inner, sizeof(inner));
    return r;
}
