/* SPDX-License-Identifier: Apache-2.0 */
/* The key exchange over libcrypto: see dh.h.
 *
 * MODP uses a fixed-window constant-time exponentiation with a private exponent of twice the group's strength
 * (RFC 3526 §8); ECP uses EC_POINT with a scalar drawn by rejection; Curve25519 goes through EVP. Primes,
 * Montgomery contexts and curves are made once and only read afterwards, so jobs in many threads share them.
 */
#include "crypto/dh.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "crypto/internal.h"

enum dh_kind { KIND_MODP, KIND_ECP, KIND_X25519 };

static const struct dh_info {
    uint8_t group;
    uint8_t kind;
    uint16_t bits;
    uint16_t public_size, shared_size;
    uint16_t exponent_bits; /* MODP */
    BIGNUM *(*prime)(BIGNUM *);
    int curve; /* ECP */
    const char *name;
} infos[] = {
    {DH_MODP_768, KIND_MODP, 768, 96, 96, 160, BN_get_rfc2409_prime_768, 0, "modp768"},
    {DH_MODP_1024, KIND_MODP, 1024, 128, 128, 160, BN_get_rfc2409_prime_1024, 0, "modp1024"},
    {DH_MODP_1536, KIND_MODP, 1536, 192, 192, 192, BN_get_rfc3526_prime_1536, 0, "modp1536"},
    {DH_MODP_2048, KIND_MODP, 2048, 256, 256, 224, BN_get_rfc3526_prime_2048, 0, "modp2048"},
    {DH_MODP_3072, KIND_MODP, 3072, 384, 384, 272, BN_get_rfc3526_prime_3072, 0, "modp3072"},
    {DH_MODP_4096, KIND_MODP, 4096, 512, 512, 320, BN_get_rfc3526_prime_4096, 0, "modp4096"},
    {DH_ECP_256, KIND_ECP, 256, 64, 32, 0, NULL, NID_X9_62_prime256v1, "ecp256"},
    {DH_ECP_384, KIND_ECP, 384, 96, 48, 0, NULL, NID_secp384r1, "ecp384"},
    {DH_ECP_521, KIND_ECP, 521, 132, 66, 0, NULL, NID_secp521r1, "ecp521"},
    {DH_CURVE25519, KIND_X25519, 255, 32, 32, 0, NULL, 0, "curve25519"},
};

/* By the index in infos[]. */
static struct {
    BIGNUM *prime, *prime_minus_1; /* ECP: the field's prime */
    BIGNUM *order;                 /* ECP */
    BN_MONT_CTX *mont;
    EC_GROUP *curve;
} prepared[ARRAY_SIZE(infos)];

static const struct dh_info *info_find(unsigned int group)
{
    for (size_t i = 0; i < ARRAY_SIZE(infos); i++)
        if (infos[i].group == group)
            return &infos[i];
    return NULL;
}

bool dh_group_known(unsigned int group)
{
    return info_find(group) != NULL;
}

size_t dh_public_size(enum dh_group group)
{
    const struct dh_info *f = info_find(group);

    return f ? f->public_size : 0;
}

size_t dh_shared_size(enum dh_group group)
{
    const struct dh_info *f = info_find(group);

    return f ? f->shared_size : 0;
}

unsigned int dh_group_bits(enum dh_group group)
{
    const struct dh_info *f = info_find(group);

    return f ? f->bits : 0;
}

const char *dh_group_name(enum dh_group group)
{
    const struct dh_info *f = info_find(group);

    return f ? f->name : "?";
}

void dh_keypair_wipe(struct dh_keypair *keypair)
{
    wipe(keypair, sizeof(*keypair));
}

static bool modp_prepare(size_t i, BN_CTX *x)
{
    prepared[i].prime = infos[i].prime(NULL);
    prepared[i].prime_minus_1 = BN_dup(prepared[i].prime);
    prepared[i].mont = BN_MONT_CTX_new();
    return prepared[i].prime && prepared[i].prime_minus_1 && prepared[i].mont &&
           BN_sub_word(prepared[i].prime_minus_1, 1) &&
           BN_MONT_CTX_set(prepared[i].mont, prepared[i].prime, x);
}

static bool ecp_prepare(size_t i, OSSL_LIB_CTX *library, BN_CTX *x)
{
    prepared[i].curve = EC_GROUP_new_by_curve_name_ex(library, NULL, infos[i].curve);
    prepared[i].prime = BN_new();
    prepared[i].order = BN_new();
    return prepared[i].curve && prepared[i].prime && prepared[i].order &&
           EC_GROUP_get_curve(prepared[i].curve, prepared[i].prime, NULL, NULL, x) &&
           EC_GROUP_get_order(prepared[i].curve, prepared[i].order, x);
}

int dh_prepare(OSSL_LIB_CTX *library)
{
    BN_CTX *x = BN_CTX_new_ex(library);
    bool ok = x != NULL;

    for (size_t i = 0; ok && i < ARRAY_SIZE(infos); i++) {
        if (infos[i].kind == KIND_MODP)
            ok = modp_prepare(i, x);
        else if (infos[i].kind == KIND_ECP)
            ok = ecp_prepare(i, library, x);
    }
    BN_CTX_free(x);
    return ok ? 0 : -ENOMEM;
}

void dh_release(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
        BN_free(prepared[i].prime);
        BN_free(prepared[i].prime_minus_1);
        BN_free(prepared[i].order);
        BN_MONT_CTX_free(prepared[i].mont);
        EC_GROUP_free(prepared[i].curve);
    }
    memset(prepared, 0, sizeof(prepared));
}

/* The scratch of one operation; everything in it is cleared when it is released. */
struct work {
    BN_CTX *x;
    BIGNUM *k, *a, *b;
};

static bool work_init(struct work *w)
{
    w->x = BN_CTX_new_ex(crypto_state()->library);
    w->k = BN_new();
    w->a = BN_new();
    w->b = BN_new();
    if (w->k)
        BN_set_flags(w->k, BN_FLG_CONSTTIME);
    return w->x && w->k && w->a && w->b;
}

static void work_done(struct work *w)
{
    BN_clear_free(w->k);
    BN_clear_free(w->a);
    BN_clear_free(w->b);
    BN_CTX_free(w->x);
}

/* base^private mod p, padded to the prime's length. `base` is known to be in range. */
static int modp_power(const struct dh_info *f, struct work *w, const BIGNUM *base, uint8_t *out)
{
    size_t i = (size_t)(f - infos);

    if (BN_mod_exp_mont_consttime(w->b, base, w->k, prepared[i].prime, w->x, prepared[i].mont) != 1)
        return -EIO;
    return BN_bn2binpad(w->b, out, f->bits / 8) == f->bits / 8 ? 0 : -EIO;
}

static int modp_public(const struct dh_info *f, struct work *w, uint8_t *out)
{
    if (BN_is_zero(w->k))
        return -EINVAL;
    if (BN_set_word(w->a, 2) != 1)
        return -ENOMEM;
    return modp_power(f, w, w->a, out);
}

static int modp_shared(const struct dh_info *f, struct work *w, struct bytes peer, uint8_t *out)
{
    size_t i = (size_t)(f - infos);

    if (!BN_bin2bn(peer.data, (int)peer.len, w->a))
        return -ENOMEM;
    if (BN_is_zero(w->a) || BN_is_one(w->a) || BN_cmp(w->a, prepared[i].prime_minus_1) >= 0)
        return -EBADMSG;
    return modp_power(f, w, w->a, out);
}

/* k times `point` (NULL: the generator). x goes to out, y behind it if wanted. */
static int ecp_multiply(const struct dh_info *f, struct work *w, const EC_POINT *point, uint8_t *out,
                        bool with_y)
{
    const EC_GROUP *curve = prepared[f - infos].curve;
    EC_POINT *result = EC_POINT_new(curve);
    int size = f->shared_size, r = -EIO;

    if (!result)
        return -ENOMEM;
    if (EC_POINT_mul(curve, result, point ? NULL : w->k, point, point ? w->k : NULL, w->x) == 1 &&
        !EC_POINT_is_at_infinity(curve, result) &&
        EC_POINT_get_affine_coordinates(curve, result, w->a, w->b, w->x) == 1 &&
        BN_bn2binpad(w->a, out, size) == size && (!with_y || BN_bn2binpad(w->b, out + size, size) == size))
        r = 0;
    EC_POINT_clear_free(result);
    return r;
}

static int ecp_public(const struct dh_info *f, struct work *w, uint8_t *out)
{
    if (BN_is_zero(w->k) || BN_cmp(w->k, prepared[f - infos].order) >= 0)
        return -EINVAL;
    return ecp_multiply(f, w, NULL, out, true);
}

static int ecp_shared(const struct dh_info *f, struct work *w, struct bytes peer, uint8_t *out)
{
    const EC_GROUP *curve = prepared[f - infos].curve;
    const BIGNUM *prime = prepared[f - infos].prime;
    int size = f->shared_size, r;
    EC_POINT *point = EC_POINT_new(curve);

    if (!point || !BN_bin2bn(peer.data, size, w->a) || !BN_bin2bn(peer.data + size, size, w->b))
        r = -ENOMEM;
    /* libcrypto would reduce coordinates beyond the prime; it does check the curve's equation. */
    else if (BN_cmp(w->a, prime) >= 0 || BN_cmp(w->b, prime) >= 0 ||
             EC_POINT_set_affine_coordinates(curve, point, w->a, w->b, w->x) != 1)
        r = -EBADMSG;
    else
        r = ecp_multiply(f, w, point, out, false);
    EC_POINT_free(point);
    return r;
}

static int x25519_public(struct bytes private_value, uint8_t *out)
{
    size_t len = 32;
    EVP_PKEY *k;
    bool ok;

    if (private_value.len != 32)
        return -EINVAL;
    k = EVP_PKEY_new_raw_private_key_ex(crypto_state()->library, "X25519", NULL, private_value.data, 32);
    ok = k && EVP_PKEY_get_raw_public_key(k, out, &len) == 1 && len == 32;
    EVP_PKEY_free(k);
    return ok ? 0 : -EIO;
}

/* With both halves of the pair libcrypto does not compute the public one again. */
static EVP_PKEY *x25519_key(OSSL_LIB_CTX *library, const uint8_t *private_value, const uint8_t *public_value)
{
    EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(library, "X25519", NULL);
    OSSL_PARAM params[3], *p = params;
    EVP_PKEY *k = NULL;

    *p++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)public_value, 32);
    if (private_value)
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, (void *)private_value, 32);
    *p = OSSL_PARAM_construct_end();
    if (!x || EVP_PKEY_fromdata_init(x) != 1 ||
        EVP_PKEY_fromdata(x, &k, private_value ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
        k = NULL;
    EVP_PKEY_CTX_free(x);
    return k;
}

static int x25519_shared(const struct dh_keypair *keypair, struct bytes peer, uint8_t *out)
{
    OSSL_LIB_CTX *library = crypto_state()->library;
    EVP_PKEY *own = x25519_key(library, keypair->private, keypair->public);
    EVP_PKEY *other = x25519_key(library, NULL, peer.data);
    EVP_PKEY_CTX *x = own ? EVP_PKEY_CTX_new_from_pkey(library, own, NULL) : NULL;
    size_t len = 32;
    int r = -EIO;

    /* Setting the peer fails for nothing hostile; deriving fails for a value of small order, by the zero
     * result. */
    if (x && other && EVP_PKEY_derive_init(x) == 1 && EVP_PKEY_derive_set_peer_ex(x, other, 0) == 1)
        r = EVP_PKEY_derive(x, out, &len) == 1 && len == 32 ? 0 : -EBADMSG;
    EVP_PKEY_CTX_free(x);
    EVP_PKEY_free(other);
    EVP_PKEY_free(own);
    return r;
}

static int public_compute(const struct dh_info *f, struct bytes private_value, uint8_t *out)
{
    struct work w;
    int r;

    if (f->kind == KIND_X25519)
        return x25519_public(private_value, out);
    if (!work_init(&w) || !BN_bin2bn(private_value.data, (int)private_value.len, w.k))
        r = -ENOMEM;
    else
        r = f->kind == KIND_MODP ? modp_public(f, &w, out) : ecp_public(f, &w, out);
    work_done(&w);
    return r;
}

int dh_keypair_of(enum dh_group group, struct bytes private_value, struct dh_keypair *ret)
{
    const struct dh_info *f = info_find(group);
    struct dh_keypair k = {0};
    int r;

    if (!f || private_value.len == 0 || private_value.len > DH_PRIVATE_MAX)
        return -EINVAL;
    r = public_compute(f, private_value, k.public);
    if (r == 0) {
        k.group = f->group;
        k.private_len = (uint8_t)private_value.len;
        k.public_len = f->public_size;
        memcpy(k.private, private_value.data, private_value.len);
        *ret = k;
    }
    dh_keypair_wipe(&k);
    return r;
}

int dh_generate(enum dh_group group, struct rng *rng, struct dh_keypair *ret)
{
    const struct dh_info *f = info_find(group);
    uint8_t private_value[DH_PRIVATE_MAX];
    size_t len;
    int r;

    if (!f)
        return -EINVAL;
    len = f->kind == KIND_MODP ? f->exponent_bits / 8u : f->shared_size;
    do {
        rng_fill(rng, private_value, len);
        if (f->kind == KIND_MODP)
            private_value[0] |= 0x80; /* all exponents of a group have one length */
        else if (f->group == DH_ECP_521)
            private_value[0] &= 0x01;
        r = dh_keypair_of(group, bytes_of(private_value, len), ret);
    } while (r == -EINVAL); /* zero or not below the order: draw again, less than once in 2^32 */
    wipe(private_value, sizeof(private_value));
    return r;
}

int dh_shared(const struct dh_keypair *keypair, struct bytes peer_public, struct secret *ret)
{
    const struct dh_info *f = info_find(keypair->group);
    uint8_t out[DH_SHARED_MAX];
    struct work w;
    int r;

    if (!f)
        return -EINVAL;
    if (peer_public.len != f->public_size)
        return -EBADMSG;
    if (f->kind == KIND_X25519) {
        r = x25519_shared(keypair, peer_public, out);
    } else {
        if (!work_init(&w) || !BN_bin2bn(keypair->private, keypair->private_len, w.k))
            r = -ENOMEM;
        else
            r = f->kind == KIND_MODP ? modp_shared(f, &w, peer_public, out)
                                     : ecp_shared(f, &w, peer_public, out);
        work_done(&w);
    }
    if (r == 0)
        secret_set(ret, out, f->shared_size);
    wipe(out, sizeof(out));
    return r;
}
