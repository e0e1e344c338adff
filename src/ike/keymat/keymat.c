/* SPDX-License-Identifier: Apache-2.0 */
/* The key derivations of RFC 2409 over crypto/hash.h. The prf is HMAC of the negotiated hash throughout: no
 * other prf was ever defined. Always holds: values of the key exchange come in padded to the length of the
 * group. */
#include "ike/keymat/keymat.h"

#include "base/be.h"

#include <assert.h>

static struct bytes cookie(const uint8_t *c)
{
    return bytes_of(c, 8);
}

bool keymat_skeyid_preshared(enum hash_algorithm hash, struct bytes psk, struct bytes nonce_i,
                             struct bytes nonce_r, uint8_t out[HASH_MAX])
{
    struct bytes parts[] = {nonce_i, nonce_r};
    return hmac_compute(hash, psk, parts, 2, out) == 0;
}

bool keymat_skeyid_signature(enum hash_algorithm hash, struct bytes nonce_i, struct bytes nonce_r,
                             struct bytes shared, uint8_t out[HASH_MAX])
{
    uint8_t key[512];
    if (nonce_i.len + nonce_r.len > sizeof(key))
        return false;
    memcpy(key, nonce_i.data, nonce_i.len);
    memcpy(key + nonce_i.len, nonce_r.data, nonce_r.len);
    return hmac_compute(hash, bytes_of(key, nonce_i.len + nonce_r.len), &shared, 1, out) == 0;
}

bool keymat_derive(enum hash_algorithm hash, struct keymat_phase1 *k, struct bytes shared,
                   const uint8_t *cookie_i, const uint8_t *cookie_r)
{
    size_t n = hash_size(hash);
    struct bytes skeyid = bytes_of(k->skeyid, n);
    uint8_t *out[3] = {k->skeyid_d, k->skeyid_a, k->skeyid_e};
    for (uint8_t i = 0; i < 3; i++) {
        struct bytes parts[] = {i ? bytes_of(out[i - 1], n) : (struct bytes){0}, shared, cookie(cookie_i),
                                cookie(cookie_r), bytes_of(&i, 1)};
        if (hmac_compute(hash, skeyid, parts, ARRAY_SIZE(parts), out[i]) != 0)
            return false;
    }
    return true;
}

bool keymat_cipher_key(enum hash_algorithm hash, const uint8_t *skeyid_e, size_t len,
                       uint8_t out[CBC_KEY_MAX])
{
    size_t n = hash_size(hash);
    assert(len <= CBC_KEY_MAX);
    if (len <= n) {
        memcpy(out, skeyid_e, len);
        return true;
    }
    uint8_t block[HASH_MAX] = {0};
    size_t have = 0;
    bool good = true;
    for (struct bytes input = bytes_of(block, 1); have < len; input = bytes_of(block, n)) {
        good = hmac_compute(hash, bytes_of(skeyid_e, n), &input, 1, block) == 0;
        if (!good)
            break;
        size_t take = MIN(n, len - have);
        memcpy(out + have, block, take);
        have += take;
    }
    wipe(block, sizeof(block));
    return good;
}

bool keymat_hash_phase1(enum hash_algorithm hash, const uint8_t *skeyid, struct bytes public_own,
                        struct bytes public_other, const uint8_t *cookie_own, const uint8_t *cookie_other,
                        struct bytes sa_body, struct bytes identity, uint8_t out[HASH_MAX])
{
    struct bytes parts[] = {public_own,           public_other, cookie(cookie_own),
                            cookie(cookie_other), sa_body,      identity};
    return hmac_compute(hash, bytes_of(skeyid, hash_size(hash)), parts, ARRAY_SIZE(parts), out) == 0;
}

bool keymat_iv_phase1(enum hash_algorithm hash, struct bytes public_i, struct bytes public_r, size_t block,
                      uint8_t *iv)
{
    uint8_t out[HASH_MAX];
    struct bytes parts[] = {public_i, public_r};
    if (hash_compute(hash, parts, 2, out) != 0)
        return false;
    memcpy(iv, out, block);
    return true;
}

bool keymat_iv_phase2(enum hash_algorithm hash, const uint8_t *base, uint32_t message_id, size_t block,
                      uint8_t *iv)
{
    uint8_t out[HASH_MAX];
    be32 id = be32_of(message_id);
    struct bytes parts[] = {bytes_of(base, block), bytes_of(&id, 4)};
    if (hash_compute(hash, parts, 2, out) != 0)
        return false;
    memcpy(iv, out, block);
    return true;
}

bool keymat_hash_phase2(enum hash_algorithm hash, const uint8_t *skeyid_a, uint32_t message_id,
                        struct bytes nonce_i, struct bytes rest, uint8_t out[HASH_MAX])
{
    be32 id = be32_of(message_id);
    struct bytes parts[] = {bytes_of(&id, 4), nonce_i, rest};
    return hmac_compute(hash, bytes_of(skeyid_a, hash_size(hash)), parts, ARRAY_SIZE(parts), out) == 0;
}

bool keymat_hash_3(enum hash_algorithm hash, const uint8_t *skeyid_a, uint32_t message_id,
                   struct bytes nonce_i, struct bytes nonce_r, uint8_t out[HASH_MAX])
{
    static const uint8_t zero;
    be32 id = be32_of(message_id);
    struct bytes parts[] = {bytes_of(&zero, 1), bytes_of(&id, 4), nonce_i, nonce_r};
    return hmac_compute(hash, bytes_of(skeyid_a, hash_size(hash)), parts, ARRAY_SIZE(parts), out) == 0;
}

bool keymat_phase2(enum hash_algorithm hash, const uint8_t *skeyid_d, struct bytes shared, uint8_t protocol,
                   uint32_t spi, struct bytes nonce_i, struct bytes nonce_r, uint8_t *out, size_t len)
{
    size_t n = hash_size(hash);
    be32 wire_spi = be32_of(spi);
    uint8_t block[HASH_MAX];
    bool good = true;
    for (size_t have = 0; have < len && good;) {
        struct bytes parts[] = {have ? bytes_of(block, n) : (struct bytes){0},
                                shared,
                                bytes_of(&protocol, 1),
                                bytes_of(&wire_spi, 4),
                                nonce_i,
                                nonce_r};
        good = hmac_compute(hash, bytes_of(skeyid_d, n), parts, ARRAY_SIZE(parts), block) == 0;
        size_t take = MIN(n, len - have);
        if (good)
            memcpy(out + have, block, take);
        have += take;
    }
    wipe(block, sizeof(block));
    return good;
}

bool keymat_nat_d(enum hash_algorithm hash, const uint8_t *cookie_i, const uint8_t *cookie_r,
                  struct bytes address, uint16_t port, uint8_t out[HASH_MAX])
{
    be16 wire_port = be16_of(port);
    struct bytes parts[] = {cookie(cookie_i), cookie(cookie_r), address, bytes_of(&wire_port, 2)};
    return hash_compute(hash, parts, ARRAY_SIZE(parts), out) == 0;
}
