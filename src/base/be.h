/* SPDX-License-Identifier: Apache-2.0 */
/* Integers in network byte order as types of their own, so that mixed byte orders do not compile. They have
 * alignment 1: a header struct made of them can lie anywhere in a packet. */
#ifndef BASE_BE_H
#define BASE_BE_H

#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t b[2];
} be16;
typedef struct {
    uint8_t b[4];
} be32;
typedef struct {
    uint8_t b[8];
} be64;

static inline uint16_t be16_get(be16 v)
{
    uint16_t x;
    memcpy(&x, v.b, 2);
    return __builtin_bswap16(x);
}

static inline uint32_t be32_get(be32 v)
{
    uint32_t x;
    memcpy(&x, v.b, 4);
    return __builtin_bswap32(x);
}

static inline uint64_t be64_get(be64 v)
{
    uint64_t x;
    memcpy(&x, v.b, 8);
    return __builtin_bswap64(x);
}

static inline be16 be16_of(uint16_t x)
{
    be16 v;
    x = __builtin_bswap16(x);
    memcpy(v.b, &x, 2);
    return v;
}

static inline be32 be32_of(uint32_t x)
{
    be32 v;
    x = __builtin_bswap32(x);
    memcpy(v.b, &x, 4);
    return v;
}

static inline be64 be64_of(uint64_t x)
{
    be64 v;
    x = __builtin_bswap64(x);
    memcpy(v.b, &x, 8);
    return v;
}

/* The same at any address. */
static inline uint16_t be16_load(const void *p)
{
    return be16_get(*(const be16 *)p);
}

static inline uint32_t be32_load(const void *p)
{
    return be32_get(*(const be32 *)p);
}

static inline uint64_t be64_load(const void *p)
{
    return be64_get(*(const be64 *)p);
}

static inline void be16_store(void *p, uint16_t x)
{
    *(be16 *)p = be16_of(x);
}

static inline void be32_store(void *p, uint32_t x)
{
    *(be32 *)p = be32_of(x);
}

static inline void be64_store(void *p, uint64_t x)
{
    *(be64 *)p = be64_of(x);
}

#endif
