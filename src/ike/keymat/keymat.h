/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of IKEv1: SKEYID and its children, the cipher key, initialisation vectors, the authenticating
 * hashes, and KEYMAT of phase 2. Pure functions over bytes, called by v1/. RFC 2409 §5, §5.5 and appendix B.
 * All of them return false only if libcrypto fails. */
#ifndef IKE_KEYMAT_H
#define IKE_KEYMAT_H

#include "base/bytes.h"
#include "crypto/cbc.h"
#include "crypto/hash.h"

struct keymat_phase1 {
    uint8_t skeyid[HASH_MAX], skeyid_d[HASH_MAX], skeyid_a[HASH_MAX], skeyid_e[HASH_MAX];
};

/* Pre-shared key: SKEYID = prf(psk, Ni_b | Nr_b). */
bool keymat_skeyid_preshared(enum hash_algorithm hash, struct bytes psk, struct bytes nonce_i,
                             struct bytes nonce_r, uint8_t out[HASH_MAX]);
/* Signatures: SKEYID = prf(Ni_b | Nr_b, g^xy). */
bool keymat_skeyid_signature(enum hash_algorithm hash, struct bytes nonce_i, struct bytes nonce_r,
                             struct bytes shared, uint8_t out[HASH_MAX]);
/* SKEYID_d, _a and _e from k->skeyid. Cookies: 8 bytes each. */
bool keymat_derive(enum hash_algorithm hash, struct keymat_phase1 *k, struct bytes shared,
                   const uint8_t *cookie_i, const uint8_t *cookie_r);
/* Ka, `len` bytes (RFC 2409 appendix B: expanded where SKEYID_e is too short). */
bool keymat_cipher_key(enum hash_algorithm hash, const uint8_t *skeyid_e, size_t len,
                       uint8_t out[CBC_KEY_MAX]);

/* HASH_I: public_own = g^xi, cookie_own = CKY-I; HASH_R: the other way round. `identity` is IDii_b or IDir_b.
 */
bool keymat_hash_phase1(enum hash_algorithm hash, const uint8_t *skeyid, struct bytes public_own,
                        struct bytes public_other, const uint8_t *cookie_own, const uint8_t *cookie_other,
                        struct bytes sa_body, struct bytes identity, uint8_t out[HASH_MAX]);

/* The first IV of phase 1, and that of an exchange below it. `block` bytes are written. */
bool keymat_iv_phase1(enum hash_algorithm hash, struct bytes public_i, struct bytes public_r, size_t block,
                      uint8_t *iv);
bool keymat_iv_phase2(enum hash_algorithm hash, const uint8_t *base, uint32_t message_id, size_t block,
                      uint8_t *iv);

/* HASH(1) and those of informational and transaction exchanges have an empty nonce; HASH(2) has Ni_b. */
bool keymat_hash_phase2(enum hash_algorithm hash, const uint8_t *skeyid_a, uint32_t message_id,
                        struct bytes nonce_i, struct bytes rest, uint8_t out[HASH_MAX]);
bool keymat_hash_3(enum hash_algorithm hash, const uint8_t *skeyid_a, uint32_t message_id,
                   struct bytes nonce_i, struct bytes nonce_r, uint8_t out[HASH_MAX]);

/* KEYMAT of one direction: `spi` is the receiver's; `shared` is empty without PFS. */
bool keymat_phase2(enum hash_algorithm hash, const uint8_t *skeyid_d, struct bytes shared, uint8_t protocol,
                   uint32_t spi, struct bytes nonce_i, struct bytes nonce_r, uint8_t *out, size_t len);

/* NAT-D: HASH(CKY-I | CKY-R | address | port), RFC 3947 §3.2. */
bool keymat_nat_d(enum hash_algorithm hash, const uint8_t *cookie_i, const uint8_t *cookie_r,
                  struct bytes address, uint16_t port, uint8_t out[HASH_MAX]);

#endif
