/* SPDX-License-Identifier: Apache-2.0 */
/* How an SPI that we choose is made: it names the slot of its SA pair, so that a packet finds its SA without
 * a table.
 *
 *     31 30 | 29 .. 17        | 16 .. 0
 *     member| generation != 0 | slot index
 *
 * `member` keeps gateways that share SAs out of each other's way (RFC 4301 §4.1 wants an SPI to be unique at
 * its receiver); `generation` is random and differs from the slot's last one, so a late packet of a former SA
 * meets an unknown SPI. It is never 0: no SPI falls into the 1..255 that IANA reserves (RFC 4303 §2.1). */
#ifndef BASE_SPI_H
#define BASE_SPI_H

#include <stdint.h>

enum {
    SPI_SLOT_BITS = 17,
    SPI_SLOTS_MAX = 1 << SPI_SLOT_BITS,
    SPI_GENERATION_BITS = 13,
    SPI_MEMBERS_MAX = 4
};

/* Two members that share SAs take slots in turn, a block at a time, so that neither spreads its pairs thinly
 * over the SA table's pages. */
enum { SPI_SLOT_BLOCK = 64 };

static inline uint32_t spi_slot_half(uint32_t slot)
{
    return slot / SPI_SLOT_BLOCK % 2;
}

/* The next slot of the same half. */
static inline uint32_t spi_slot_next(uint32_t slot)
{
    return (slot + 1) % SPI_SLOT_BLOCK ? slot + 1 : slot + 1 + SPI_SLOT_BLOCK;
}

static inline uint32_t spi_make(uint32_t member, uint32_t generation, uint32_t slot)
{
    return member << (SPI_SLOT_BITS + SPI_GENERATION_BITS) | generation << SPI_SLOT_BITS | slot;
}

static inline uint32_t spi_slot(uint32_t spi)
{
    return spi & (SPI_SLOTS_MAX - 1);
}

#endif
