/* SPDX-License-Identifier: Apache-2.0 */
/* ChaCha20 (RFC 8439 §2.3) as a generator with fast key erasure: each refill makes eight blocks under the
 * present key; the first 32 bytes become the next key, the other 480 are given out, and bytes given out are
 * cleared. So whoever reads the state later learns nothing about what came before. The counter and the nonce
 * are always zero at a refill, which is sound because no key is used for two refills. */
#include "base/rng.h"

#include <assert.h>

enum { BLOCK = 64, BLOCKS_PER_REFILL = 8, KEY = 32 };

static inline uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static inline void quarter_round(uint32_t s[16], int a, int b, int c, int d)
{
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 7);
}

static uint32_t le32_load(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void le32_store(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

void chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12], uint8_t out[64])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, s[16];
    for (int i = 0; i < 8; i++)
        start[4 + i] = le32_load(key + 4 * i);
    start[12] = counter;
    for (int i = 0; i < 3; i++)
        start[13 + i] = le32_load(nonce + 4 * i);
    memcpy(s, start, sizeof(s));
    for (int i = 0; i < 10; i++) {
        quarter_round(s, 0, 4, 8, 12);
        quarter_round(s, 1, 5, 9, 13);
        quarter_round(s, 2, 6, 10, 14);
        quarter_round(s, 3, 7, 11, 15);
        quarter_round(s, 0, 5, 10, 15);
        quarter_round(s, 1, 6, 11, 12);
        quarter_round(s, 2, 7, 8, 13);
        quarter_round(s, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++)
        le32_store(out + 4 * i, s[i] + start[i]);
    wipe(start, sizeof(start));
    wipe(s, sizeof(s));
}

static void rng_refill(struct rng *r)
{
    static const uint8_t nonce[12];
    uint8_t stream[BLOCK * BLOCKS_PER_REFILL];
    _Static_assert(sizeof(stream) == KEY + sizeof(r->block), "a refill is a key and a block");
    for (uint32_t i = 0; i < BLOCKS_PER_REFILL; i++)
        chacha20_block(r->key, i, nonce, stream + BLOCK * i);
    memcpy(r->key, stream, KEY);
    memcpy(r->block, stream + KEY, sizeof(r->block));
    r->left = sizeof(r->block);
    wipe(stream, sizeof(stream));
}

void rng_init(struct rng *r, const uint8_t seed[32])
{
    memset(r, 0, sizeof(*r));
    memcpy(r->key, seed, KEY);
}

void rng_init_number(struct rng *r, uint64_t seed)
{
    uint8_t key[KEY] = "holdfast seed";
    for (int i = 0; i < 8; i++)
        key[24 + i] = (uint8_t)(seed >> (8 * i));
    rng_init(r, key);
}

void rng_fill(struct rng *r, void *out, size_t len)
{
    uint8_t *to = out;
    while (len > 0) {
        if (r->left == 0)
            rng_refill(r);
        size_t n = MIN(len, (size_t)r->left);
        uint8_t *from = r->block + sizeof(r->block) - r->left;
        memcpy(to, from, n);
        wipe(from, n);
        r->left -= (uint16_t)n;
        to += n;
        len -= n;
    }
}

uint32_t rng_u32(struct rng *r)
{
    uint8_t b[4];
    rng_fill(r, b, sizeof(b));
    return le32_load(b);
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t low = rng_u32(r);
    return low | (uint64_t)rng_u32(r) << 32;
}

uint32_t rng_below(struct rng *r, uint32_t bound)
{
    assert(bound > 0);
    /* Draws below 2^32 mod bound would make the small results likelier. */
    uint32_t unfair = -bound % bound;
    uint32_t x;
    do
        x = rng_u32(r);
    while (x < unfair);
    return x % bound;
}

void rng_wipe(struct rng *r)
{
    wipe(r, sizeof(*r));
}
