/* SPDX-License-Identifier: Apache-2.0 */
/* The key exchange: published answers, agreement of fresh pairs, leading zeros, values that a peer must not
 * send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "crypto/dh.h"
#include "vectors.h"

static const enum dh_group groups[] = {DH_MODP_768,  DH_MODP_1024, DH_MODP_1536, DH_MODP_2048, DH_MODP_3072,
                                       DH_MODP_4096, DH_ECP_256,   DH_ECP_384,   DH_ECP_521,   DH_CURVE25519};

static void side_check(const struct vector *v, const char *own, const char *own_public,
                       const char *peer_public)
{
    uint8_t a[512], b[512], c[512];
    enum dh_group group = atoi(vector_text(v, "group"));
    struct bytes expected = vector_hex(v, own_public, b, sizeof(b));
    struct bytes shared = vector_hex(v, "gir", c, sizeof(c));
    struct dh_keypair k;
    struct secret s;

    assert_int_equal(dh_keypair_of(group, vector_hex(v, own, a, sizeof(a)), &k), 0);
    assert_true(bytes_equal(dh_public(&k), expected));
    assert_int_equal(dh_shared(&k, vector_hex(v, peer_public, a, sizeof(a)), &s), 0);
    assert_true(bytes_equal(secret_bytes(&s), shared));
    assert_int_equal(shared.len, dh_shared_size(group));
    assert_int_equal(expected.len, dh_public_size(group));
}

static void known(void **state)
{
    FILE *f = vectors_open("dh.txt");
    struct vector v;
    size_t n = 0;

    (void)state;
    for (; vector_next(f, &v); n++) {
        side_check(&v, "i", "gi", "gr");
        side_check(&v, "r", "gr", "gi");
    }
    fclose(f);
    assert_int_equal(n, ARRAY_SIZE(groups));
}

static void agree(void **state)
{
    struct dh_keypair a, b, again;
    struct secret sa, sb;
    struct rng rng, same;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        rng_init_number(&rng, 7 + i);
        rng_init_number(&same, 7 + i);
        assert_int_equal(dh_generate(groups[i], &rng, &a), 0);
        assert_int_equal(dh_generate(groups[i], &rng, &b), 0);
        assert_int_equal(dh_generate(groups[i], &same, &again), 0);
        assert_memory_equal(&a, &again, sizeof(a)); /* the same seed makes the same pair */
        assert_false(bytes_equal(dh_public(&a), dh_public(&b)));
        assert_int_equal(dh_shared(&a, dh_public(&b), &sa), 0);
        assert_int_equal(dh_shared(&b, dh_public(&a), &sb), 0);
        assert_true(bytes_equal(secret_bytes(&sa), secret_bytes(&sb)));
        assert_int_equal(sa.len, dh_shared_size(groups[i]));
        assert_true(dh_keypair_size(&a) <= sizeof(a));
        dh_keypair_wipe(&b);
        assert_int_equal(b.private_len, 0);
        assert_int_equal(dh_shared(&b, dh_public(&a), &sb), -EINVAL);
    }
}

/* One value in 256 begins with a zero, which must stay: RFC 2409 §5, RFC 5903 §7. */
static void leading_zeros(void **state)
{
    static const enum dh_group tried[] = {DH_MODP_768, DH_ECP_256};
    struct dh_keypair a, b;
    struct secret sa, sb;
    struct rng rng;

    (void)state;
    rng_init_number(&rng, 1);
    for (size_t i = 0; i < ARRAY_SIZE(tried); i++) {
        bool seen = false;

        assert_int_equal(dh_generate(tried[i], &rng, &a), 0);
        for (int n = 0; n < 5000 && !seen; n++) {
            assert_int_equal(dh_generate(tried[i], &rng, &b), 0);
            assert_int_equal(dh_shared(&a, dh_public(&b), &sa), 0);
            assert_int_equal(sa.len, dh_shared_size(tried[i]));
            seen = sa.data[0] == 0;
        }
        assert_true(seen);
        assert_int_equal(dh_shared(&b, dh_public(&a), &sb), 0);
        assert_true(bytes_equal(secret_bytes(&sa), secret_bytes(&sb)));
    }
}

static void refused(const struct dh_keypair *k, const uint8_t *value, size_t len)
{
    struct secret s = {.len = 77};

    assert_int_equal(dh_shared(k, bytes_of(value, len), &s), -EBADMSG);
    assert_int_equal(s.len, 77);
}

static void bad_lengths(void **state)
{
    struct dh_keypair k;
    uint8_t value[1024];
    struct rng rng;

    (void)state;
    rng_init_number(&rng, 2);
    memset(value, 2, sizeof(value));
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        size_t right = dh_public_size(groups[i]);
        const size_t wrong[] = {0, 1, right - 1, right + 1, right / 2, 2 * right};

        assert_int_equal(dh_generate(groups[i], &rng, &k), 0);
        for (size_t w = 0; w < ARRAY_SIZE(wrong); w++)
            refused(&k, value, wrong[w]);
    }
}

/* 0, 1, p-1, p, p+1 and all ones, for every MODP group. */
static void bad_modp(void **state)
{
    FILE *f = vectors_open("dh.txt");
    uint8_t prime[512], value[512];
    struct dh_keypair k;
    struct vector v;
    struct rng rng;
    size_t n = 0;

    (void)state;
    rng_init_number(&rng, 3);
    while (vector_next(f, &v)) {
        struct bytes p = vector_hex(&v, "prime", prime, sizeof(prime));

        if (p.len == 0)
            continue;
        n++;
        assert_int_equal(dh_generate(atoi(vector_text(&v, "group")), &rng, &k), 0);
        memset(value, 0, sizeof(value));
        refused(&k, value, p.len);
        value[p.len - 1] = 1;
        refused(&k, value, p.len);
        refused(&k, p.data, p.len);
        prime[p.len - 1]--; /* p is odd: no borrow */
        refused(&k, p.data, p.len);
        prime[p.len - 1]--;
        assert_int_equal(dh_shared(&k, p, &(struct secret){0}), 0); /* p-2 is good */
        memset(value, 0xff, sizeof(value));
        refused(&k, value, p.len);
    }
    fclose(f);
    assert_int_equal(n, 6);
}

static void bad_ecp(void **state)
{
    static const enum dh_group ecp[] = {DH_ECP_256, DH_ECP_384, DH_ECP_521};
    uint8_t value[DH_PUBLIC_MAX];
    struct dh_keypair k, peer;
    struct rng rng;

    (void)state;
    rng_init_number(&rng, 4);
    for (size_t i = 0; i < ARRAY_SIZE(ecp); i++) {
        size_t len = dh_public_size(ecp[i]);

        assert_int_equal(dh_generate(ecp[i], &rng, &k), 0);
        assert_int_equal(dh_generate(ecp[i], &rng, &peer), 0);
        memset(value, 0, sizeof(value));
        refused(&k, value, len); /* (0, 0) */
        memset(value, 0xff, sizeof(value));
        refused(&k, value, len); /* beyond the field */
        for (size_t at = 0; at < len; at++) {
            memcpy(value, peer.public, len);
            value[at] ^= 0x01;
            refused(&k, value, len); /* beside the curve */
        }
    }
}

/* x + p for x: the same point to whoever reduces first. p is 2^521 - 1, so both fit into 66 bytes. */
static void bad_unreduced(void **state)
{
    struct dh_keypair k, peer;
    struct secret s;
    struct rng rng;
    size_t at = 65;

    (void)state;
    rng_init_number(&rng, 8);
    assert_int_equal(dh_generate(DH_ECP_521, &rng, &k), 0);
    assert_int_equal(dh_generate(DH_ECP_521, &rng, &peer), 0);
    assert_int_equal(dh_shared(&k, dh_public(&peer), &s), 0);
    while (peer.public[at]-- == 0)
        at--;
    peer.public[0] += 2;
    refused(&k, peer.public, peer.public_len);
}

static void bad_25519(void **state)
{
    /* RFC 7748 §6.1: points of small order give zero. */
    static const char *const small[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t value[32];
    struct dh_keypair k;
    struct rng rng;

    (void)state;
    rng_init_number(&rng, 5);
    assert_int_equal(dh_generate(DH_CURVE25519, &rng, &k), 0);
    for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
        assert_int_equal(bytes_from_hex(small[i], value, sizeof(value)), 32);
        refused(&k, value, 32);
    }
}

static void bad_own(void **state)
{
    static const int unknown[] = {0, 3, 4, 6, 13, 17, 18, 22, 24, 32, 255, 1 << 16};
    /* The order of P-256, RFC 5903 §3.1. */
    static const char order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    uint8_t value[DH_PRIVATE_MAX + 1] = {0};
    struct dh_keypair k = {.group = 99};
    struct rng rng;

    (void)state;
    rng_init_number(&rng, 6);
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        assert_false(dh_group_known((unsigned int)unknown[i]));
        assert_int_equal(dh_generate(unknown[i], &rng, &k), -EINVAL);
        assert_int_equal(dh_public_size(unknown[i]), 0);
        assert_int_equal(dh_shared_size(unknown[i]), 0);
        assert_string_equal(dh_group_name(unknown[i]), "?");
    }
    assert_int_equal(dh_keypair_of(DH_MODP_768, bytes_of(value, 20), &k), -EINVAL); /* zero */
    assert_int_equal(dh_keypair_of(DH_ECP_256, bytes_of(value, 32), &k), -EINVAL);
    assert_int_equal(dh_keypair_of(DH_MODP_768, bytes_of(value, 0), &k), -EINVAL);
    assert_int_equal(dh_keypair_of(DH_MODP_768, bytes_of(value, DH_PRIVATE_MAX + 1), &k), -EINVAL);
    assert_int_equal(dh_keypair_of(DH_CURVE25519, bytes_of(value, 31), &k), -EINVAL);
    assert_int_equal(bytes_from_hex(order, value, 32), 32);
    assert_int_equal(dh_keypair_of(DH_ECP_256, bytes_of(value, 32), &k), -EINVAL);
    assert_int_equal(k.group, 99);
    value[31]--;
    assert_int_equal(dh_keypair_of(DH_ECP_256, bytes_of(value, 32), &k), 0);
}

static int set_up(void **state)
{
    (void)state;
    return crypto_init();
}

static int tear_down(void **state)
{
    (void)state;
    crypto_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),    cmocka_unit_test(agree),       cmocka_unit_test(leading_zeros),
        cmocka_unit_test(bad_modp), cmocka_unit_test(bad_ecp),     cmocka_unit_test(bad_25519),
        cmocka_unit_test(bad_own),  cmocka_unit_test(bad_lengths), cmocka_unit_test(bad_unreduced),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
