/* SPDX-License-Identifier: Apache-2.0 */
/* The set-up of libcrypto: see crypto.h. A private library context keeps our algorithms apart from whatever a
 * configuration file of the system or another library in the process loads into the default one. */
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <openssl/provider.h>
#include <pthread.h>

#include "crypto/hash.h"
#include "crypto/internal.h"

static struct crypto_state state;
static bool ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const struct crypto_state *crypto_state(void)
{
    assert(ready);
    return &state;
}

static int algorithms_fetch(void)
{
    static const char *const hashes[CRYPTO_HASHES] = {
        [HASH_MD5] = "MD5",         [HASH_SHA1] = "SHA1",       [HASH_SHA256] = "SHA2-256",
        [HASH_SHA384] = "SHA2-384", [HASH_SHA512] = "SHA2-512",
    };
    static const char *const aes[] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};

    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        if (!hashes[i])
            continue;
        state.hashes[i] = EVP_MD_fetch(state.library, hashes[i], NULL);
        if (!state.hashes[i])
            return -ENOTSUP;
    }
    for (size_t i = 0; i < ARRAY_SIZE(aes); i++) {
        state.aes[i] = EVP_CIPHER_fetch(state.library, aes[i], NULL);
        if (!state.aes[i])
            return -ENOTSUP;
    }
    state.triple_des = EVP_CIPHER_fetch(state.library, "DES-EDE3-CBC", NULL);
    return state.triple_des ? 0 : -ENOTSUP;
}

static void state_release(void)
{
    hash_release();
    dh_release();
    EVP_CIPHER_free(state.triple_des);
    for (size_t i = 0; i < ARRAY_SIZE(state.aes); i++)
        EVP_CIPHER_free(state.aes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(state.hashes); i++)
        EVP_MD_free(state.hashes[i]);
    if (state.provider)
        OSSL_PROVIDER_unload(state.provider);
    OSSL_LIB_CTX_free(state.library);
    state = (struct crypto_state){0};
}

static int state_prepare(void)
{
    int r;

    state.library = OSSL_LIB_CTX_new();
    if (!state.library)
        return -ENOMEM;
    state.provider = OSSL_PROVIDER_load(state.library, "default");
    if (!state.provider)
        return -ENOTSUP;
    r = algorithms_fetch();
    if (r == 0)
        r = hash_prepare();
    if (r == 0)
        r = dh_prepare(state.library);
    return r;
}

int crypto_init(void)
{
    int r = 0;

    pthread_mutex_lock(&lock);
    if (!ready) {
        r = state_prepare();
        if (r == 0)
            ready = true;
        else
            state_release();
    }
    pthread_mutex_unlock(&lock);
    return r;
}

void crypto_done(void)
{
    pthread_mutex_lock(&lock);
    if (ready) {
        ready = false;
        state_release();
    }
    pthread_mutex_unlock(&lock);
}
