/* SPDX-License-Identifier: Apache-2.0 */
/* Layout and quiescence of the security association database (see sad.h). Called by the supervisor (init),
 * control (epochs, clear) and the engine (find, enter, leave); nothing here waits. */
#include "ipsec/sad.h"

#include <assert.h>

static const char sad_magic[8] = "HFSAD02";

size_t sad_size(uint32_t slots)
{
    return sizeof(struct sad) + (size_t)slots * sizeof(struct sad_pair);
}

void sad_init(struct sad *sad, uint32_t slots)
{
    assert(slots > 0 && slots <= SPI_SLOTS_MAX);
    sad->size_of_pair = sizeof(struct sad_pair);
    sad->slots = slots;
    atomic_store(&sad->groups[0].word, sad_group_word(0, 0, true));
    memcpy(sad->magic, sad_magic, sizeof(sad->magic));
}

bool sad_valid(const struct sad *sad, size_t size)
{
    return size >= sizeof(struct sad) && memcmp(sad->magic, sad_magic, sizeof(sad->magic)) == 0 &&
           sad->size_of_pair == sizeof(struct sad_pair) && sad->slots > 0 && sad->slots <= SPI_SLOTS_MAX &&
           size >= sad_size(sad->slots);
}

void sad_slot_use(struct sad *sad, uint32_t slot)
{
    atomic_store_explicit(&sad->blocks_used[slot / SPI_SLOT_BLOCK], 1, memory_order_release);
    if (slot >= atomic_load(&sad->slots_used))
        atomic_store(&sad->slots_used, slot + 1);
}

struct sad_pair *sad_find_inbound(struct sad *sad, uint32_t spi)
{
    uint32_t slot = spi_slot(spi);
    if (slot >= sad->slots)
        return NULL;
    struct sad_pair *pair = &sad->pairs[slot];
    uint32_t state = atomic_load_explicit(&pair->state, memory_order_acquire);
    if (state != PAIR_INBOUND && state != PAIR_ACTIVE && state != PAIR_SUPERSEDED)
        return NULL;
    return pair->spi_in == spi ? pair : NULL;
}

void sad_pair_remote(const struct sad_pair *pair, struct endpoint *ret)
{
    uint32_t before, after = 0;
    do {
        before = atomic_load_explicit(&pair->remote_version, memory_order_acquire);
        /* Odd: it is being written just now, or an engine died over it and the next packet writes it again.
         */
        *ret = before != 0 && before % 2 == 0 ? pair->remote_now : pair->remote;
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&pair->remote_version, memory_order_relaxed);
    } while (before != after);
}

bool sad_is_bundle_outer(const struct sad *sad, uint32_t slot)
{
    const struct sad_pair *pair = &sad->pairs[slot];
    if (pair->flags & PAIR_BUNDLE_INNER || pair->bundle >= sad->slots)
        return false;
    const struct sad_pair *inner = &sad->pairs[pair->bundle];
    return inner->flags & PAIR_BUNDLE_INNER && inner->bundle == slot;
}

void sad_engine_enter(struct sad_engine *e)
{
    uint64_t epoch = atomic_load_explicit(&e->epoch, memory_order_relaxed);
    /* Odd: a predecessor died at work. A new odd number says that it does not look at anything any more. */
    atomic_store(&e->epoch, epoch & 1 ? epoch + 2 : epoch + 1);
}

void sad_engine_leave(struct sad_engine *e)
{
    uint64_t epoch = atomic_load_explicit(&e->epoch, memory_order_relaxed);
    assert(epoch & 1);
    atomic_store_explicit(&e->epoch, epoch + 1, memory_order_release);
}

void sad_epochs_take(const struct sad *sad, uint64_t epochs[SAD_ENGINES_MAX])
{
    /* What control wrote before must be visible to any burst that begins after these loads. */
    atomic_thread_fence(memory_order_seq_cst);
    for (int i = 0; i < SAD_ENGINES_MAX; i++)
        epochs[i] = atomic_load(&sad->engines[i].epoch);
}

bool sad_epochs_passed(const struct sad *sad, const uint64_t epochs[SAD_ENGINES_MAX])
{
    for (int i = 0; i < SAD_ENGINES_MAX; i++)
        /* Even: it was not at work when the number was taken. */
        if (epochs[i] & 1 && atomic_load(&sad->engines[i].epoch) == epochs[i])
            return false;
    return true;
}

void sad_pair_clear(struct sad_pair *pair)
{
    atomic_store(&pair->state, PAIR_DEAD);
    packet_key_wipe(&pair->seal_key);
    packet_key_wipe(&pair->open_key);
    /* Everything but `state`, which changes last: a slot that reads as free is free. */
    uint8_t *from = (uint8_t *)pair + sizeof(pair->state);
    wipe(from, sizeof(*pair) - sizeof(pair->state));
    atomic_store_explicit(&pair->state, PAIR_FREE, memory_order_release);
}
