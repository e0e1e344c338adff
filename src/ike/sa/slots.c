/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: a stack of returned ones over a mark of those never used. A slot's generation always changes, so
 * that a late packet of a former pair meets an unknown SPI. */
#include "ike/sa/slots.h"

#include <errno.h>
#include <stdlib.h>

int slots_init(struct ike *ike)
{
    uint32_t n = ike->limits.pair_max;
    ike->slots.free = calloc(n, sizeof(uint32_t));
    ike->slots.generations = calloc(n, sizeof(uint16_t));
    ike->slots.states = calloc(n, 1);
    return ike->slots.free && ike->slots.generations && ike->slots.states ? 0 : -ENOMEM;
}

void slots_done(struct ike *ike)
{
    free(ike->slots.free);
    free(ike->slots.generations);
    free(ike->slots.states);
}

bool slot_take(struct ike *ike, uint32_t *ret_slot, uint32_t *ret_spi)
{
    uint32_t slot;
    if (ike->slots.free_count > 0)
        slot = ike->slots.free[--ike->slots.free_count];
    else if (ike->slots.fresh < ike->limits.pair_max)
        slot = ike->slots.fresh++;
    else
        return false;
    uint32_t generation;
    do {
        generation = 1 + rng_below(&ike->rng, (1u << SPI_GENERATION_BITS) - 1);
    } while (generation == ike->slots.generations[slot]);
    ike->slots.generations[slot] = (uint16_t)generation;
    ike->slots.states[slot] = SLOT_TAKEN;
    *ret_slot = slot;
    *ret_spi = spi_make(ike->limits.member, generation, slot);
    return true;
}

void slot_drop(struct ike *ike, uint32_t slot)
{
    ike->slots.states[slot] = SLOT_FREE;
    ike->slots.free[ike->slots.free_count++] = slot;
}

void slot_installed(struct ike *ike, uint32_t slot)
{
    ike->slots.states[slot] = SLOT_INSTALLED;
}

void slot_drain(struct ike *ike, uint32_t slot)
{
    ike->slots.states[slot] = SLOT_DRAINING;
}

void slot_drained(struct ike *ike, uint32_t slot)
{
    if (slot < ike->limits.pair_max && ike->slots.states[slot] == SLOT_DRAINING)
        slot_drop(ike, slot);
}

bool slot_restore(struct ike *ike, uint32_t slot, uint32_t spi)
{
    if (slot >= ike->limits.pair_max || spi_slot(spi) != slot || ike->slots.states[slot] != SLOT_FREE)
        return false;
    ike->slots.states[slot] = SLOT_INSTALLED;
    ike->slots.generations[slot] = (uint16_t)((spi >> SPI_SLOT_BITS) & ((1u << SPI_GENERATION_BITS) - 1));
    return true;
}

void slots_restored(struct ike *ike)
{
    uint32_t mark = ike->limits.pair_max;
    while (mark > 0 && ike->slots.states[mark - 1] == SLOT_FREE)
        mark--;
    ike->slots.fresh = mark;
    ike->slots.free_count = 0;
    for (uint32_t slot = mark; slot-- > 0;)
        if (ike->slots.states[slot] == SLOT_FREE)
            ike->slots.free[ike->slots.free_count++] = slot;
}
