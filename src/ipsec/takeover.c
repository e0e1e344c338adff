/* SPDX-License-Identifier: Apache-2.0 */
/* See takeover.h. The order of the stores matters: numbers and window first, the epoch last. */
#include "ipsec/takeover.h"

#include "base/deliberate.h"
#include "ipsec/replay.h"

void takeover_pair(struct sad_pair *pair, uint32_t word, ns now)
{
    uint32_t member = word >> 1 & (SPI_MEMBERS_MAX - 1), epoch = sad_group_epoch(word);
    uint64_t sent = atomic_load_explicit(&pair->sequence_out, memory_order_relaxed);
    uint64_t granted_out =
        pair->granted_out && !deliberate_bug(DELIBERATE_REUSE_SEQUENCE) ? pair->granted_out - 1 : 0;
    uint64_t granted_in = pair->granted_in ? pair->granted_in - 1 : 0;

    atomic_store_explicit(&pair->sequence_out, MAX(sent, granted_out), memory_order_relaxed);
    replay_close(&pair->replay, pair->replay_size, MAX(pair->replay.top, granted_in));
    atomic_store_explicit(&pair->in_wanted, 0, memory_order_relaxed);
    pair->taken_in = pair->replay.top + 1;
    pair->taken_at = now;
    pair->behind_reported = 0;
    pair->iv_base = sad_iv_base(member, epoch, pair->iv_base << 16);
    atomic_store_explicit(&pair->epoch, epoch, memory_order_release);
}

void takeover_position(const struct sad_pair *pair, uint64_t *ret_out, uint64_t *ret_in)
{
    /* Whoever owned the pair once and had it as a replica since has newer grants in an old epoch. */
    *ret_out = MAX(atomic_load(&pair->sequence_out) + 1, pair->granted_out);
    *ret_in = MAX(pair->replay.top + 1, pair->granted_in);
    /* What waits was the peer's: the next ceiling is to let it pass. */
    *ret_in = MAX(*ret_in, atomic_load(&pair->in_wanted) + (atomic_load(&pair->in_wanted) > 0));
}
