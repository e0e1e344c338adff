/* SPDX-License-Identifier: Apache-2.0 */
/* The cipher of an IKE message: DES, 3DES or AES in CBC mode, in place (RFC 2409 App B, RFC 3602). Padding
 * and the choice of the IV belong to the caller.
 *
 * Single DES is computed as 3DES with K|K|K. Parity bits are ignored and weak keys are not refused, as in the
 * field.
 */
#ifndef CRYPTO_CBC_H
#define CRYPTO_CBC_H

#include "base/bytes.h"

enum cbc_algorithm { CBC_NONE, CBC_DES, CBC_3DES, CBC_AES };

enum { CBC_BLOCK_MAX = 16, CBC_KEY_MAX = 32 };

/* 8 or 16, also the size of the IV; 0 if unknown. */
size_t cbc_block_size(enum cbc_algorithm algorithm);
/* Whether this many key bytes fit: 8; 24; 16, 24 or 32. */
bool cbc_key_size_valid(enum cbc_algorithm algorithm, size_t len);
/* "des", "3des", "aes"; "none", or "?" if unknown. */
const char *cbc_name(enum cbc_algorithm algorithm);

/* In place. `iv` holds cbc_block_size() bytes; after success it is the last ciphertext block, which is what
 * the next message of the exchange chains from. -EINVAL for an unknown algorithm, a key that does not fit, or
 * a `len` that is 0, no multiple of the block or above INT_MAX; -ENOMEM or -EIO if libcrypto fails. `data`
 * and `iv` are untouched after -EINVAL; after the others `data` is undefined and `iv` untouched. */
int cbc_encrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data,
                size_t len) must_check;
int cbc_decrypt(enum cbc_algorithm algorithm, struct bytes key, uint8_t *iv, uint8_t *data,
                size_t len) must_check;

#endif
