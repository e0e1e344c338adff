/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of a redundancy group: may they be used here and now, and where does a new owner go on
 * (docs/stateful-failover.md). The engine asks for each packet; that a group changed hands costs nothing but
 * the first packet of each pair in the new epoch.
 *
 * What always holds: numbers sent in an epoch are at or above everything that an earlier owner could send,
 * and numbers accepted are above everything that it could accept. An engine that dies in the middle of taking
 * a pair over leaves it to its successor, which does it again.
 */
#ifndef IPSEC_TAKEOVER_H
#define IPSEC_TAKEOVER_H

#include "ipsec/sad.h"

/* The engine, in an epoch in which it has not used the pair: numbers, window and IV space of the new owner.
 */
void takeover_pair(struct sad_pair *pair, uint32_t word, ns now);

/* DROP_NONE: the pair may be used. */
static inline enum drop_reason takeover_admit(struct sad *sad, struct sad_pair *pair, ns now)
{
    if (pair->group == 0)
        return DROP_NONE;
    uint32_t word = atomic_load_explicit(&sad->groups[pair->group].word, memory_order_acquire);
    if (!sad_group_active(word))
        return DROP_NOT_OWNER;
    if (atomic_load_explicit(&pair->epoch, memory_order_relaxed) != sad_group_epoch(word))
        takeover_pair(pair, word, now);
    return DROP_NONE;
}

/* The pair's next sequence number, once and for all, if it is below `end` and below what the standby knows
 * of. */
static inline bool takeover_claim(struct sad_pair *pair, uint64_t end, uint64_t *ret)
{
    uint64_t limit = MIN(end, atomic_load_explicit(&pair->sequence_ceiling, memory_order_relaxed));
    *ret = atomic_load_explicit(&pair->sequence_out, memory_order_relaxed) + 1;
    if (*ret < limit)
        *ret = atomic_fetch_add_explicit(&pair->sequence_out, 1, memory_order_relaxed) + 1;
    return *ret < limit;
}

/* Whether control has to be asked for higher ceilings: once for each mark. The first is for an outbound
 * number, the second for an inbound one. */
static inline bool takeover_out_due(struct sad_pair *pair, uint64_t sequence)
{
    uint64_t mark = atomic_load_explicit(&pair->out_mark, memory_order_relaxed);
    if (pair->group == 0 || sequence < mark || pair->out_asked == mark)
        return false;
    pair->out_asked = mark;
    return true;
}

static inline bool takeover_in_due(struct sad_pair *pair, uint64_t sequence)
{
    uint64_t mark = atomic_load_explicit(&pair->in_mark, memory_order_relaxed);
    if (pair->group == 0 || sequence < mark || pair->in_asked == mark)
        return false;
    pair->in_asked = mark;
    return true;
}

static inline bool takeover_may_accept(const struct sad_pair *pair, uint64_t sequence)
{
    return pair->group == 0 || pair->flags & PAIR_NO_REPLAY_CHECK ||
           sequence < atomic_load_explicit(&pair->receive_ceiling, memory_order_relaxed);
}

/* The ceiling may be lowered while a packet is being opened: a pair without one gets one when a standby
 * comes. What is then in the way has to wait like any other, so there must be a copy of it. */
static inline bool takeover_may_wait(const struct sad_pair *pair, uint64_t sequence)
{
    return !takeover_may_accept(pair, sequence) ||
           (pair->group && atomic_load_explicit(&pair->receive_ceiling, memory_order_relaxed) == UINT64_MAX);
}

/* Control: the lowest number that was not sent, and the lowest above all that were accepted, by us or by
 * whoever granted us the pair. Exact after a quiescent point of a group that is not active. */
void takeover_position(const struct sad_pair *pair, uint64_t *ret_out, uint64_t *ret_in);

#endif
