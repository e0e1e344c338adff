/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: for the two halves (base/spi.h) a stack of returned ones, and a place up to which the others were
 * taken. A slot's generation always changes, so that a late packet of a former pair meets an unknown SPI.
 * Replicas take slots from under the stacks: what is listed counts only while it is free.
 *
 * A gateway alone begins at the lowest slot. One of two members begins at a random block of its half: a
 * member that begins anew while it is cut off would otherwise choose the very slots in which the other one
 * keeps the pairs of its earlier life, and of two pairs in one slot one is lost when they meet again. Blocks
 * are filled one after the other, so the pages in use are as many. */
#include "ike/sa/slots.h"

#include <errno.h>
#include <stdlib.h>

enum { LISTED = 128 }; /* on its stack */

/* ---- places: the slots of a half, counted from 0 ---- */

static uint32_t slot_of(uint32_t half, uint32_t place)
{
    return (place / SPI_SLOT_BLOCK * 2 + half) * SPI_SLOT_BLOCK + place % SPI_SLOT_BLOCK;
}

static uint32_t place_of(uint32_t slot)
{
    return slot / (2 * SPI_SLOT_BLOCK) * SPI_SLOT_BLOCK + slot % SPI_SLOT_BLOCK;
}

/* Whether the half's slot will be come by yet, and need not be listed. */
static bool is_ahead(const struct slot_half *h, uint32_t slot)
{
    uint32_t place = place_of(slot);
    return (place >= h->begin ? place - h->begin : place + h->count - h->begin) >= h->passed;
}

int slots_init(struct ike *ike)
{
    uint32_t n = ike->limits.pair_max, both = 2 * SPI_SLOT_BLOCK;
    ike->slots.generations = calloc(n, sizeof(uint16_t));
    ike->slots.states = calloc(n, 1);
    bool good = ike->slots.generations && ike->slots.states;
    for (uint32_t i = 0; i < 2; i++) {
        struct slot_half *h = &ike->slots.half[i];
        uint32_t rest = n % both, first = MIN(rest, (uint32_t)SPI_SLOT_BLOCK);
        h->count = n / both * SPI_SLOT_BLOCK + (i == 0 ? first : rest - first);
        h->free = calloc(h->count + 1, sizeof(uint32_t));
        good = good && h->free;
    }
    return good ? 0 : -ENOMEM;
}

void slots_done(struct ike *ike)
{
    for (uint32_t i = 0; i < 2; i++)
        free(ike->slots.half[i].free);
    free(ike->slots.generations);
    free(ike->slots.states);
}

enum slot_state slot_state(const struct ike *ike, uint32_t slot)
{
    return ike->slots.states[slot] & (LISTED - 1);
}

static void state_set(struct ike *ike, uint32_t slot, enum slot_state state)
{
    ike->slots.states[slot] = (uint8_t)((ike->slots.states[slot] & LISTED) | state);
}

static bool take_returned(struct ike *ike, struct slot_half *h, uint32_t *ret)
{
    while (h->free_count > 0) {
        uint32_t slot = h->free[--h->free_count];
        ike->slots.states[slot] &= LISTED - 1;
        if (slot_state(ike, slot) == SLOT_FREE) {
            *ret = slot;
            return true;
        }
    }
    return false;
}

static void begin(struct ike *ike, struct slot_half *h)
{
    if (h->begun)
        return;
    h->begun = true;
    if (ike->members >= 2 && h->count >= SPI_SLOT_BLOCK)
        h->begin = rng_below(&ike->rng, h->count / SPI_SLOT_BLOCK) * SPI_SLOT_BLOCK;
}

static bool take_fresh(struct ike *ike, uint32_t half, uint32_t *ret)
{
    struct slot_half *h = &ike->slots.half[half];
    begin(ike, h);
    while (h->passed < h->count) {
        uint32_t slot = slot_of(half, (h->begin + h->passed++) % h->count);
        if (slot_state(ike, slot) != SLOT_FREE)
            continue;
        *ret = slot;
        return true;
    }
    return false;
}

static bool ours(const struct ike *ike, uint32_t half)
{
    return ike->members < 2 || half == ike->member % 2;
}

/* Who has both halves takes a block of each in turn. */
static bool take(struct ike *ike, uint32_t *ret)
{
    struct slot_half *h = ike->slots.half;
    for (uint32_t half = 0; half < 2; half++)
        if (ours(ike, half) && take_returned(ike, &h[half], ret))
            return true;
    uint32_t first = h[0].passed / SPI_SLOT_BLOCK <= h[1].passed / SPI_SLOT_BLOCK ? 0 : 1;
    for (uint32_t i = 0; i < 2; i++)
        if (ours(ike, first ^ i) && take_fresh(ike, first ^ i, ret))
            return true;
    return false;
}

bool slot_take(struct ike *ike, uint32_t peer_spi, uint32_t *ret_slot, uint32_t *ret_spi)
{
    uint32_t slot, generation;
    if (!take(ike, &slot))
        return false;
    ike->slots.mark = MAX(ike->slots.mark, slot + 1);
    do {
        generation = 1 + rng_below(&ike->rng, (1u << SPI_GENERATION_BITS) - 1);
    } while (generation == ike->slots.generations[slot] ||
             spi_make(ike->member, generation, slot) == peer_spi);
    ike->slots.generations[slot] = (uint16_t)generation;
    state_set(ike, slot, SLOT_TAKEN);
    *ret_slot = slot;
    *ret_spi = spi_make(ike->member, generation, slot);
    return true;
}

void slot_drop(struct ike *ike, uint32_t slot)
{
    struct slot_half *h = &ike->slots.half[spi_slot_half(slot)];
    state_set(ike, slot, SLOT_FREE);
    if (is_ahead(h, slot) || ike->slots.states[slot] & LISTED)
        return;
    ike->slots.states[slot] |= LISTED;
    h->free[h->free_count++] = slot;
}

void slot_installed(struct ike *ike, uint32_t slot)
{
    state_set(ike, slot, SLOT_INSTALLED);
}

void slot_drain(struct ike *ike, uint32_t slot)
{
    state_set(ike, slot, SLOT_DRAINING);
}

void slot_drained(struct ike *ike, uint32_t slot)
{
    if (slot < ike->limits.pair_max && slot_state(ike, slot) == SLOT_DRAINING)
        slot_drop(ike, slot);
}

bool slot_restore(struct ike *ike, uint32_t slot, uint32_t spi)
{
    if (slot >= ike->limits.pair_max || spi_slot(spi) != slot ||
        (slot_state(ike, slot) != SLOT_FREE && slot_state(ike, slot) != SLOT_DRAINING))
        return false;
    state_set(ike, slot, SLOT_INSTALLED);
    ike->slots.mark = MAX(ike->slots.mark, slot + 1);
    ike->slots.generations[slot] = (uint16_t)((spi >> SPI_SLOT_BITS) & ((1u << SPI_GENERATION_BITS) - 1));
    return true;
}

/* The lowest block in use comes first: its gaps and those after it are filled before anything new is. */
void slots_restored(struct ike *ike)
{
    for (uint32_t slot = ike->slots.mark; slot-- > 0;) {
        struct slot_half *h = &ike->slots.half[spi_slot_half(slot)];
        if (slot_state(ike, slot) == SLOT_FREE || h->passed)
            continue;
        h->begun = true;
        h->begin = place_of(slot) / SPI_SLOT_BLOCK * SPI_SLOT_BLOCK;
    }
}
