/* SPDX-License-Identifier: Apache-2.0 */
/* The key exchange: MODP groups (RFC 2409 §6.1, §6.2, RFC 3526), ECP groups (RFC 5903) and Curve25519 (RFC
 * 8031), by their IKE numbers. It runs in jobs: any thread may call.
 *
 * Deterministic given the generator, so that a simulation repeats. The daemon gives each job a generator
 * seeded from the kernel. Groups 17 and 18 (6144 and 8192 bits) are not supported: their shared secrets
 * exceed SECRET_MAX and one exchange costs tens of milliseconds. Group 24 is not supported: RFC 8247 §2.4
 * advises against it.
 */
#ifndef CRYPTO_DH_H
#define CRYPTO_DH_H

#include "base/bytes.h"
#include "base/rng.h"

enum dh_group {
    DH_NONE = 0,
    DH_MODP_768 = 1,
    DH_MODP_1024 = 2,
    DH_MODP_1536 = 5,
    DH_MODP_2048 = 14,
    DH_MODP_3072 = 15,
    DH_MODP_4096 = 16,
    DH_ECP_256 = 19,
    DH_ECP_384 = 20,
    DH_ECP_521 = 21,
    DH_CURVE25519 = 31,
};

enum { DH_PUBLIC_MAX = 512, DH_PRIVATE_MAX = 66, DH_SHARED_MAX = 512 };

/* `public` is last and only its first public_len bytes count: dh_keypair_size() bytes hold the whole keypair
 * (104 for Curve25519, 584 for MODP-4096), for those who keep many. */
struct dh_keypair {
    uint8_t group; /* enum dh_group */
    uint8_t private_len;
    uint16_t public_len;
    uint8_t private[DH_PRIVATE_MAX + 2];
    uint8_t public[DH_PUBLIC_MAX];
};

bool dh_group_known(unsigned int group);
/* Bytes of a KE payload's value: the prime's length; x|y for ECP (no leading 04); 32. 0 if unknown. */
size_t dh_public_size(enum dh_group group);
/* The prime's length; x alone for ECP; 32. 0 if unknown. */
size_t dh_shared_size(enum dh_group group);
unsigned int dh_group_bits(
    enum dh_group group); /* of the prime: 768 ... 4096, 256, 384, 521, 255; 0 if unknown */
const char *dh_group_name(enum dh_group group); /* "modp768", "ecp256", "curve25519", ...; "?" if unknown */

static inline struct bytes dh_public(const struct dh_keypair *k)
{
    return (struct bytes){k->public, k->public_len};
}

static inline size_t dh_keypair_size(const struct dh_keypair *k)
{
    return offsetof(struct dh_keypair, public) + k->public_len;
}

/* -EINVAL for an unknown group, -ENOMEM, -EIO. */
int dh_generate(enum dh_group group, struct rng *rng, struct dh_keypair *ret) must_check;

/* The shared secret, padded with leading zeros to dh_shared_size(). The peer's value is checked: its length
 * must be dh_public_size(), 1 < y < p-1 (MODP), a point on the curve (ECP, RFC 5903 §7), a result that is not
 * all zero (Curve25519, RFC 8031 §5). -EBADMSG if it fails the check, -EINVAL for an unknown group in the
 * keypair, -ENOMEM, -EIO. */
int dh_shared(const struct dh_keypair *keypair, struct bytes peer_public, struct secret *ret) must_check;

/* Makes the keypair of a given private value, big endian (Curve25519: as RFC 7748 writes it): known-answer
 * tests. Its length is 1..DH_PRIVATE_MAX. -EINVAL if it is zero, not below the order (ECP), or not 32 bytes
 * (Curve25519). */
int dh_keypair_of(enum dh_group group, struct bytes private_value, struct dh_keypair *ret) must_check;

void dh_keypair_wipe(struct dh_keypair *keypair);

#endif
