/* SPDX-License-Identifier: Apache-2.0 */
/* A generator that a machine carries in its state: ChaCha20 with fast key erasure. The daemon seeds it with
 * 32 bytes from the kernel, the simulator with a number, and the same seed gives the same schedule. It serves
 * cookies, SPIs, nonces and jitter; private keys of a key exchange are made in crypto/ from a seed drawn
 * here. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/bytes.h"

struct rng {
    uint8_t key[32];
    uint8_t block[480]; /* output not given out yet is at its end */
    uint16_t left;
};

void rng_init(struct rng *r, const uint8_t seed[32]);
void rng_init_number(struct rng *r, uint64_t seed); /* tests and simulator only */
void rng_fill(struct rng *r, void *out, size_t len);
uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);
/* Uniform in 0 .. bound-1; bound > 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);
void rng_wipe(struct rng *r);

/* One block of key stream, RFC 8439 §2.3. */
void chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12], uint8_t out[64]);

#endif
