/* SPDX-License-Identifier: Apache-2.0 */
/* What a Diffie-Hellman exchange and the pre-shared key make in phase 1: SKEYID and its children, the
 * cipher's key and first IV, HASH_I and HASH_R. RFC 2409 §5, keymat/ has the formulas. */
#include "ike/v1/phase1.h"

bool phase1_nonce(struct ike *ike, uint8_t *nonce, uint16_t *len)
{
    rng_fill(&ike->rng, nonce, IKE_NONCE_SIZE);
    *len = IKE_NONCE_SIZE;
    return true;
}

bool phase1_take_ke(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m,
                    const char **ret_cause)
{
    struct phase1 *p = sa->phase1;
    struct bytes ke = isakmp_payload_find(m, ISAKMP_PAYLOAD_KE, 0)->body;
    struct bytes nonce = isakmp_payload_find(m, ISAKMP_PAYLOAD_NONCE, 0)->body;
    if (ke.len != dh_public_size(sa->policy.group) || ke.len > DH_PUBLIC_MAX ||
        nonce.len > ISAKMP_NONCE_MAX) {
        *ret_cause = "public value has not the size of the group";
        return false;
    }
    if (!p->kx)
        p->kx = pool_take(&ike->kx_pool);
    if (!p->kx) {
        ike_debugf(ike, "(%u): too many key exchanges at once", sa->number);
        return false;
    }
    memcpy(p->kx->peer_public, ke.data, ke.len);
    p->kx->peer_public_len = (uint16_t)ke.len;
    uint8_t *to = sa->initiator ? p->kx->nonce_r : p->kx->nonce_i;
    memcpy(to, nonce.data, nonce.len);
    *(sa->initiator ? &p->kx->nonce_r_len : &p->kx->nonce_i_len) = (uint16_t)nonce.len;
    return true;
}

static struct bytes public_of(const struct ike_sa *sa, bool initiator)
{
    const struct key_exchange *kx = sa->phase1->kx;
    return sa->initiator == initiator ? dh_public(&kx->keypair)
                                      : bytes_of(kx->peer_public, kx->peer_public_len);
}

bool phase1_keys(struct ike *ike, struct ike_sa *sa, struct bytes shared)
{
    struct phase1 *p = sa->phase1;
    struct keymat_phase1 k;
    enum hash_algorithm hash = sa->policy.hash;
    size_t n = hash_size(hash), block = cbc_block_size(sa->policy.encryption);
    struct bytes ni = bytes_of(p->kx->nonce_i, p->kx->nonce_i_len),
                 nr = bytes_of(p->kx->nonce_r, p->kx->nonce_r_len);
    sa->key_len = sa->policy.encryption == CBC_DES    ? 8
                  : sa->policy.encryption == CBC_3DES ? 24
                                                      : (uint8_t)(sa->policy.key_bits / 8);
    bool good = keymat_skeyid_preshared(hash, message_bytes(p->psk), ni, nr, k.skeyid) &&
                keymat_derive(hash, &k, shared, sa->cookie_i, sa->cookie_r) &&
                keymat_cipher_key(hash, k.skeyid_e, sa->key_len, sa->key) &&
                keymat_iv_phase1(hash, public_of(sa, true), public_of(sa, false), block, p->iv);
    if (good) {
        memcpy(p->skeyid, k.skeyid, n);
        memcpy(sa->skeyid_d, k.skeyid_d, n);
        memcpy(sa->skeyid_a, k.skeyid_a, n);
    }
    wipe(&k, sizeof(k));
    (void)ike;
    return good;
}

bool phase1_hash(struct ike *ike, const struct ike_sa *sa, bool of_initiator, struct bytes identity,
                 uint8_t out[HASH_MAX])
{
    (void)ike;
    return keymat_hash_phase1(sa->policy.hash, sa->phase1->skeyid, public_of(sa, of_initiator),
                              public_of(sa, !of_initiator), of_initiator ? sa->cookie_i : sa->cookie_r,
                              of_initiator ? sa->cookie_r : sa->cookie_i, message_bytes(sa->phase1->sa_body),
                              identity, out);
}
