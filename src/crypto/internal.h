/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share about libcrypto: made by crypto_init, read-only afterwards. */
#ifndef CRYPTO_INTERNAL_H
#define CRYPTO_INTERNAL_H

#include <openssl/evp.h>

#include "base/bytes.h"

enum { CRYPTO_HASHES = 6 };

struct crypto_state {
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *provider;
    EVP_MD *hashes[CRYPTO_HASHES]; /* by enum hash_algorithm */
    EVP_CIPHER *triple_des;
    EVP_CIPHER *aes[3]; /* 128, 192, 256 */
};

/* Asserts that crypto_init succeeded. */
const struct crypto_state *crypto_state(void);

/* hash.c: the key under which each thread keeps its contexts. */
int hash_prepare(void) must_check;
void hash_release(void);

/* dh.c: primes, Montgomery contexts and curves. */
int dh_prepare(OSSL_LIB_CTX *library) must_check;
void dh_release(void);

#endif
