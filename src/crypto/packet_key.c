/* SPDX-License-Identifier: Apache-2.0 */
/* Expanding the keys of an SA, and the cipher object of a thread: see packet_cipher.h. Control calls
 * packet_key_init when it installs an SA; nothing here runs per packet. */
#include <assert.h>
#include <errno.h>

#include "crypto/packet_internal.h"

_Static_assert(sizeof(struct gcm_key_data) <= sizeof(((struct packet_key *)0)->gcm), "the GCM key fits");
_Static_assert(offsetof(struct packet_key, gcm) == 0 && offsetof(struct packet_key, aes) == 0,
               "libipsec-mb loads round keys with aligned instructions");
_Static_assert(IMB_DES_KEY_SCHED_SIZE == sizeof(((struct packet_key *)0)->des[0]), "a DES schedule fits");

static const struct {
    const char *name;
    uint64_t needs;
    void (*init)(IMB_MGR *);
} arches[] = {
    {"avx512", IMB_CPUFLAGS_AVX512, init_mb_mgr_avx512},
    {"avx2", IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2},
    {"avx", IMB_CPUFLAGS_AVX, init_mb_mgr_avx},
    {"sse", IMB_CPUFLAGS_SSE, init_mb_mgr_sse},
};

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static void ivs_init(struct packet_cipher *c, struct rng *rng)
{
    uint8_t key[16], unused[240] __attribute__((aligned(16)));

    rng_fill(rng, key, sizeof(key));
    rng_fill(rng, c->iv_counter, sizeof(c->iv_counter));
    IMB_AES_KEYEXP_128(c->mb, key, c->iv_key, unused);
    wipe(key, sizeof(key));
    wipe(unused, sizeof(unused));
}

static struct packet_cipher *cipher_new(struct rng *rng, size_t arch)
{
    size_t manager = align64(sizeof(struct packet_cipher));
    size_t size = manager + align64(imb_get_mb_mgr_size());
    struct packet_cipher *c = aligned_alloc(64, size);

    if (!c)
        return NULL;
    memset(c, 0, size);
    c->size = size;
    c->mb = imb_set_pointers_mb_mgr((uint8_t *)c + manager, 0, 1);
    if (c->mb)
        arches[arch].init(c->mb);
    if (!c->mb || imb_get_errno(c->mb) != 0) {
        packet_cipher_free(c);
        return NULL;
    }
    /* The GCM tables differ between instruction sets, and within AVX-512 by VAES. */
    c->arch = (uint8_t)(1 + arch * 2 + ((c->mb->features & IMB_FEATURE_VAES) != 0));
    c->des_direct = arches[arch].needs != IMB_CPUFLAGS_AVX512;
    ivs_init(c, rng);
    return c;
}

struct packet_cipher *packet_cipher_new(struct rng *rng)
{
    uint64_t has = imb_get_feature_flags();

    for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
        if ((has & arches[i].needs) == arches[i].needs)
            return cipher_new(rng, i);
    return NULL;
}

struct packet_cipher *packet_cipher_new_for(struct rng *rng, const char *arch)
{
    uint64_t has = imb_get_feature_flags();

    for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
        if (strcmp(arches[i].name, arch) == 0)
            return (has & arches[i].needs) == arches[i].needs ? cipher_new(rng, i) : NULL;
    return NULL;
}

void packet_cipher_free(struct packet_cipher *c)
{
    if (!c)
        return;
    wipe(c, c->size);
    free(c);
}

const char *packet_cipher_arch(const struct packet_cipher *c)
{
    return arches[(c->arch - 1) / 2].name;
}

/* RFC 2104: the state of the hash after one block of key xor 0x36.. and key xor 0x5c.., from where each
 * packet goes on. The key is as long as the hash, so it always fits into a block. */
static void hmac_expand(IMB_MGR *mb, struct packet_key *k, struct bytes key)
{
    uint8_t pad[128] = {0};
    hash_one_block_t one_block = NULL;

    switch ((enum packet_integrity)k->algorithms.integrity) {
    case PACKET_INTEGRITY_MD5_96:
        one_block = mb->md5_one_block;
        break;
    case PACKET_INTEGRITY_SHA1_96:
        one_block = mb->sha1_one_block;
        break;
    case PACKET_INTEGRITY_SHA256_128:
        one_block = mb->sha256_one_block;
        break;
    case PACKET_INTEGRITY_SHA384_192:
        one_block = mb->sha384_one_block;
        break;
    case PACKET_INTEGRITY_SHA512_256:
        one_block = mb->sha512_one_block;
        break;
    case PACKET_INTEGRITY_NONE:
    case PACKET_INTEGRITY_COUNT:
        return;
    }
    memcpy(pad, key.data, key.len);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36;
    one_block(pad, k->ipad);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36 ^ 0x5c;
    one_block(pad, k->opad);
    wipe(pad, sizeof(pad));
}

static void aes_expand(IMB_MGR *mb, struct packet_key *k, const uint8_t *key)
{
    uint8_t unused[240] __attribute__((aligned(16)));
    uint8_t *sealing = k->seal ? k->aes : unused, *opening = k->seal ? unused : k->aes;

    if (k->algorithms.key_bytes == 16)
        IMB_AES_KEYEXP_128(mb, key, sealing, opening);
    else if (k->algorithms.key_bytes == 24)
        IMB_AES_KEYEXP_192(mb, key, sealing, opening);
    else
        IMB_AES_KEYEXP_256(mb, key, sealing, opening);
    wipe(unused, sizeof(unused));
}

static void gcm_expand(IMB_MGR *mb, struct packet_key *k, const uint8_t *key)
{
    struct gcm_key_data *g = (struct gcm_key_data *)k->gcm;

    if (k->algorithms.key_bytes == 16)
        IMB_AES128_GCM_PRE(mb, key, g);
    else if (k->algorithms.key_bytes == 24)
        IMB_AES192_GCM_PRE(mb, key, g);
    else
        IMB_AES256_GCM_PRE(mb, key, g);
}

static void encryption_expand(const struct packet_cipher *c, struct packet_key *k, struct bytes key)
{
    IMB_MGR *mb = c->mb;
    size_t key_bytes = k->algorithms.key_bytes;

    switch ((enum packet_encryption)k->algorithms.encryption) {
    case PACKET_ENCRYPTION_DES:
    case PACKET_ENCRYPTION_3DES:
        for (size_t i = 0; !c->des_direct && i < key_bytes / 8; i++)
            IMB_DES_KEYSCHED(mb, k->des[i], key.data + 8 * i);
        if (c->des_direct)
            packet_des_expand(k, key.data);
        break;
    case PACKET_ENCRYPTION_AES_CBC:
        aes_expand(mb, k, key.data);
        break;
    case PACKET_ENCRYPTION_AES_GCM16:
    case PACKET_ENCRYPTION_AES_GCM12:
    case PACKET_ENCRYPTION_AES_GCM8:
        gcm_expand(mb, k, key.data);
        break;
    case PACKET_ENCRYPTION_CHACHA20_POLY1305:
        memcpy(k->chacha20, key.data, sizeof(k->chacha20));
        break;
    case PACKET_ENCRYPTION_NULL:
    case PACKET_ENCRYPTION_COUNT:
        break;
    }
    if (key.len > key_bytes)
        memcpy(k->salt, key.data + key_bytes, sizeof(k->salt));
}

int packet_key_init(struct packet_cipher *c, struct packet_key *ret, const struct packet_algorithms *a,
                    bool seal, struct bytes encryption_key, struct bytes integrity_key)
{
    if (!packet_algorithms_valid(a) || encryption_key.len != packet_encryption_key_len(a) ||
        integrity_key.len != packet_integrity_key_len(a))
        return -EINVAL;
    assert((uintptr_t)ret % _Alignof(struct packet_key) == 0);
    memset(ret, 0, sizeof(*ret));
    ret->algorithms = *a;
    ret->seal = seal;
    ret->icv_len = (uint8_t)packet_icv_len(a);
    ret->block = (uint8_t)packet_block(a);
    encryption_expand(c, ret, encryption_key);
    hmac_expand(c->mb, ret, integrity_key);
    ret->arch = c->arch;
    return 0;
}

void packet_key_wipe(struct packet_key *key)
{
    wipe(key, sizeof(*key));
}
