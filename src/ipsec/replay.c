/* SPDX-License-Identifier: Apache-2.0 */
/* See replay.h. The ring has one word more than the window needs: the window's two ends may lie in one word's
 * worth of bits apart, and the word that the top moves into must be free to be cleared. */
#include "ipsec/replay.h"

#include <stdatomic.h>

#include "base/deliberate.h"

uint32_t replay_size(uint32_t size)
{
    uint32_t rounded = (size + 63) / 64 * 64;
    return MIN(MAX(rounded, 64u), (uint32_t)REPLAY_WINDOW_MAX);
}

uint64_t replay_guess(const struct replay_window *w, uint32_t size, uint32_t low, bool esn)
{
    if (!esn)
        return low;
    size = replay_size(size);
    uint32_t top_low = (uint32_t)w->top, high = (uint32_t)(w->top >> 32);
    uint32_t bottom = top_low - (size - 1); /* wraps where the window spans two subspaces */
    if (top_low >= size - 1)
        high += low < bottom;
    else if (low >= bottom && high > 0)
        high--;
    return (uint64_t)high << 32 | low;
}

enum drop_reason replay_check(const struct replay_window *w, uint32_t size, uint64_t sequence)
{
    if (sequence == 0)
        return DROP_REPLAY_OLD; /* numbers begin at 1, RFC 4303 §2.2 */
    if (sequence > w->top)
        return DROP_NONE;
    size = replay_size(size);
    if (w->top - sequence >= size)
        return DROP_REPLAY_OLD;
    if (deliberate_bug(DELIBERATE_DELIVER_REPLAY))
        return DROP_NONE;
    uint32_t words = size / 64 + 1;
    return w->bits[sequence / 64 % words] >> sequence % 64 & 1 ? DROP_REPLAY : DROP_NONE;
}

enum drop_reason replay_commit(struct replay_window *w, uint32_t size, uint64_t sequence)
{
    enum drop_reason reason = replay_check(w, size, sequence);
    if (reason != DROP_NONE)
        return reason;
    uint32_t words = replay_size(size) / 64 + 1;
    if (sequence > w->top) {
        uint64_t from = w->top / 64, steps = MIN(sequence / 64 - from, words);
        /* The top first: bits of former numbers that are not cleared yet refuse, whereas bits cleared under
         * the old top would accept again. */
        w->top = sequence;
        atomic_signal_fence(memory_order_seq_cst);
        for (uint64_t i = 1; i <= steps; i++)
            w->bits[(from + i) % words] = 0;
        atomic_signal_fence(memory_order_seq_cst);
    }
    w->bits[sequence / 64 % words] |= 1ULL << sequence % 64;
    return DROP_NONE;
}

void replay_note(struct replay_window *w, uint64_t sequence)
{
    if (sequence > w->top)
        w->top = sequence;
}

void replay_close(struct replay_window *w, uint32_t size, uint64_t top)
{
    uint32_t words = replay_size(size) / 64 + 1;
    /* Bits first: under the old top they refuse too much. Only those above the new one in its word must read
     * as new: the words after it are cleared when the top moves into them. */
    for (size_t i = 0; i < REPLAY_WORDS; i++)
        w->bits[i] = UINT64_MAX;
    atomic_signal_fence(memory_order_seq_cst);
    w->top = top;
    atomic_signal_fence(memory_order_seq_cst);
    w->bits[top / 64 % words] = UINT64_MAX >> (63 - top % 64);
}

uint32_t replay_accepted(const struct replay_window *w, uint32_t size)
{
    uint32_t count = 0;
    size = replay_size(size);
    for (uint64_t s = w->top >= size ? w->top - size + 1 : 1; s <= w->top; s++)
        count += replay_check(w, size, s) == DROP_REPLAY;
    return count;
}
