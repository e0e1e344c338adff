/* SPDX-License-Identifier: Apache-2.0 */
/* CBC over EVP for IKE messages: see cbc.h. A context is made per message: an exchange has a handful of them,
 * and its cost disappears beside the key exchange. */
#include "crypto/cbc.h"

#include <errno.h>
#include <limits.h>

#include "crypto/internal.h"

size_t cbc_block_size(enum cbc_algorithm algorithm)
{
    switch (algorithm) {
    case CBC_DES:
    case CBC_3DES:
        return 8;
    case CBC_AES:
        return 16;
    case CBC_NONE:
        break;
    }
    return 0;
}

bool cbc_key_size_valid(enum cbc_algorithm algorithm, size_t len)
{
    switch (algorithm) {
    case CBC_DES:
        return len == 8;
    case CBC_3DES:
        return len == 24;
    case CBC_AES:
        return len == 16 || len == 24 || len == 32;
    case CBC_NONE:
        break;
    }
    return false;
}

const char *cbc_name(enum cbc_algorithm algorithm)
{
    switch (algorithm) {
    case CBC_NONE:
        return "none";
    case CBC_DES:
        return "des";
    case CBC_3DES:
        return "3des";
    case CBC_AES:
        return "aes";
    }
    return "?";
}

static const EVP_CIPHER *cipher_of(enum cbc_algorithm algorithm, size_t key_len)
{
    const struct crypto_state *s = crypto_state();

    return algorithm == CBC_AES ? s->aes[key_len / 8 - 2] : s->triple_des;
}

static int cbc_run(enum cbc_algorithm algorithm, struct bytes key, const uint8_t *iv, uint8_t *data,
                   size_t len, bool encrypt)
{
    uint8_t full_key[CBC_KEY_MAX];
    EVP_CIPHER_CTX *c;
    int done = 0;
    bool ok;

    c = EVP_CIPHER_CTX_new();
    if (!c)
        return -ENOMEM;
    if (algorithm == CBC_DES) {
        for (size_t i = 0; i < 3; i++)
            memcpy(full_key + 8 * i, key.data, 8);
    } else {
        memcpy(full_key, key.data, key.len);
    }
    ok = EVP_CipherInit_ex2(c, cipher_of(algorithm, key.len), full_key, iv, encrypt, NULL) == 1 &&
         EVP_CIPHER_CTX_set_padding(c, 0) == 1 && EVP_CipherUpdate(c, data, &done, data, (int)len) == 1 &&
         done == (int)len;
    EVP_CIPHER_CTX_free(c);
    wipe(full_key, sizeof(full_key));
    return ok ? 0 : -EIO;
}

static bool arguments_valid(enum cbc_algorithm algorithm, struct bytes key, size_t len)
{
    size_t block = cbc_block_size(algorithm);

    return block && cbc_key_size_valid(algorithm, key.len) && len && len <= INT_MAX && len % block == 0;
}

int cbc_encrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data, size_t len)
{
    size_t block = cbc_block_size(algorithm);
    int r;

    if (!arguments_valid(algorithm, key, len))
        return -EINVAL;
    r = cbc_run(algorithm, key, iv, data, len, true);
    if (r == 0)
        memcpy(iv, data + len - block, block);
    return r;
}

int cbc_decrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data, size_t len)
{
    size_t block = cbc_block_size(algorithm);
    uint8_t last[CBC_BLOCK_MAX];
    int r;

    if (!arguments_valid(algorithm, key, len))
        return -EINVAL;
    memcpy(last, data + len - block, block);
    r = cbc_run(algorithm, key, iv, data, len, false);
    if (r == 0)
        memcpy(iv, last, block);
    return r;
}
