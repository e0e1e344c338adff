/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: for the two halves (base/spi.h) a stack of returned ones over a mark of those never used. A slot's
 * generation always changes, so that a late packet of a former pair meets an unknown SPI. Replicas take slots
 * from under the stacks: what is listed counts only while it is free. */
#include "ike/sa/slots.h"

#include <errno.h>
#include <stdlib.h>

enum { LISTED = 128 }; /* on its stack */

int slots_init(struct ike *ike)
{
    uint32_t n = ike->limits.pair_max;
    ike->slots.generations = calloc(n, sizeof(uint16_t));
    ike->slots.states = calloc(n, 1);
    bool good = ike->slots.generations && ike->slots.states;
    for (uint32_t i = 0; i < 2; i++) {
        ike->slots.half[i].free = calloc(n / 2 + SPI_SLOT_BLOCK, sizeof(uint32_t));
        ike->slots.half[i].fresh = i * SPI_SLOT_BLOCK;
        good = good && ike->slots.half[i].free;
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

static bool take_returned(struct ike *ike, uint32_t half, uint32_t *ret)
{
    while (ike->slots.half[half].count > 0) {
        uint32_t slot = ike->slots.half[half].free[--ike->slots.half[half].count];
        ike->slots.states[slot] &= LISTED - 1;
        if (slot_state(ike, slot) == SLOT_FREE) {
            *ret = slot;
            return true;
        }
    }
    return false;
}

static bool take_fresh(struct ike *ike, uint32_t half, uint32_t *ret)
{
    uint32_t *fresh = &ike->slots.half[half].fresh;
    while (*fresh < ike->limits.pair_max && slot_state(ike, *fresh) != SLOT_FREE)
        *fresh = spi_slot_next(*fresh);
    *ret = *fresh;
    if (*fresh >= ike->limits.pair_max)
        return false;
    *fresh = spi_slot_next(*fresh);
    return true;
}

static bool ours(const struct ike *ike, uint32_t half)
{
    return ike->members < 2 || half == ike->member % 2;
}

static bool take(struct ike *ike, uint32_t *ret)
{
    for (uint32_t half = 0; half < 2; half++)
        if (ours(ike, half) && take_returned(ike, half, ret))
            return true;
    uint32_t first = ike->slots.half[0].fresh <= ike->slots.half[1].fresh ? 0 : 1;
    for (uint32_t i = 0; i < 2; i++)
        if (ours(ike, first ^ i) && take_fresh(ike, first ^ i, ret))
            return true;
    return false;
}

bool slot_take(struct ike *ike, uint32_t *ret_slot, uint32_t *ret_spi)
{
    uint32_t slot, generation;
    if (!take(ike, &slot))
        return false;
    ike->slots.mark = MAX(ike->slots.mark, slot + 1);
    do {
        generation = 1 + rng_below(&ike->rng, (1u << SPI_GENERATION_BITS) - 1);
    } while (generation == ike->slots.generations[slot]);
    ike->slots.generations[slot] = (uint16_t)generation;
    state_set(ike, slot, SLOT_TAKEN);
    *ret_slot = slot;
    *ret_spi = spi_make(ike->member, generation, slot);
    return true;
}

void slot_drop(struct ike *ike, uint32_t slot)
{
    uint32_t half = spi_slot_half(slot);
    state_set(ike, slot, SLOT_FREE);
    if (slot >= ike->slots.half[half].fresh || ike->slots.states[slot] & LISTED)
        return;
    ike->slots.states[slot] |= LISTED;
    ike->slots.half[half].free[ike->slots.half[half].count++] = slot;
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

void slots_restored(struct ike *ike)
{
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t mark = ike->slots.mark;
        /* The first of this half that is not below the mark. */
        uint32_t block = (mark + SPI_SLOT_BLOCK - 1) / SPI_SLOT_BLOCK;
        ike->slots.half[half].fresh = mark % SPI_SLOT_BLOCK && spi_slot_half(mark) == half
                                          ? mark
                                          : (block + (block % 2 != half)) * SPI_SLOT_BLOCK;
    }
    for (uint32_t slot = ike->slots.mark; slot-- > 0;)
        if (slot_state(ike, slot) == SLOT_FREE)
            slot_drop(ike, slot);
}
