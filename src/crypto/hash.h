/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes and HMAC of whole messages, given as parts, so that a caller never has to join them. HMAC is the prf
 * of IKEv1 (RFC 2409 §4) and the PRF_HMAC_* of IKEv2 (RFC 7296 §2.13). Packets do not come here:
 * packet_cipher.h.
 *
 * Any thread may call; a thread keeps one small context per hash, so a call allocates nothing after the first
 * one.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/bytes.h"

enum hash_algorithm { HASH_NONE, HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512 };

enum { HASH_MAX = 64 };

/* Bytes of the result; 0 for HASH_NONE and unknown values. */
size_t hash_size(enum hash_algorithm algorithm);
/* As configurations write it: "md5", "sha", "sha256", "sha384", "sha512"; "none", or "?" if unknown. */
const char *hash_name(enum hash_algorithm algorithm);

/* Writes hash_size() bytes to `out`, which may overlap the parts. -EINVAL for HASH_NONE and unknown
 * algorithms, -ENOMEM or -EIO if libcrypto fails; `out` is untouched then. */
int hash_compute(enum hash_algorithm algorithm, const struct bytes *parts, size_t n, uint8_t *out) must_check;

/* RFC 2104; keys of any length, an empty one included. Otherwise as hash_compute. */
int hmac_compute(enum hash_algorithm algorithm, struct bytes key, const struct bytes *parts, size_t n,
                 uint8_t *out) must_check;

#endif
