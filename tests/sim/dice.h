/* SPDX-License-Identifier: Apache-2.0 */
/* The chance of a simulated world: splitmix64. Nothing secret depends on it, and a world asks for thousands
 * of numbers, so it is not the product's generator. */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_u64(struct dice *d)
{
    uint64_t x = d->state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* 0 .. n - 1 */
static inline uint32_t dice_below(struct dice *d, uint32_t n)
{
    return (uint32_t)((dice_u64(d) >> 32) * n >> 32);
}

/* Seeds that follow each other begin far apart. */
static inline struct dice dice_of(uint64_t seed)
{
    struct dice d = {.state = seed};
    d.state = dice_u64(&d);
    return d;
}

#endif
