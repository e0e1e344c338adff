/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a sequence of events with times, for the fuzz targets that step a machine. Every input is a valid
 * sequence: numbers are taken modulo what there is to choose from, and an input that is at its end gives
 * zeros. So each change that a fuzzer makes to the bytes is another sequence, and a prefix of an input is a
 * prefix of its sequence.
 *
 * Time goes forward only, by one byte: not at all, exactly to the deadline of the machine, a nanosecond
 * before it, a hiccup after it, or by anything from a millisecond to a day. */
#ifndef FUZZ_EVENTS_H
#define FUZZ_EVENTS_H

#include <assert.h>

#include "base/bytes.h"
#include "base/time.h"

enum { EVENTS_MAX = 600 }; /* of one input */

struct events {
    struct bytes left;
    unsigned count;
    ns now;
};

static inline struct events events_of(const uint8_t *data, size_t len, ns now)
{
    return (struct events){.left = bytes_of(data, len), .now = now};
}

/* Whether there is another event. */
static inline bool events_next(struct events *e)
{
    return e->left.len > 0 && e->count++ < EVENTS_MAX;
}

static inline uint8_t events_u8(struct events *e)
{
    if (e->left.len == 0)
        return 0;
    e->left.len--;
    return *e->left.data++;
}

static inline uint16_t events_u16(struct events *e)
{
    uint16_t high = events_u8(e);
    return (uint16_t)(high << 8 | events_u8(e));
}

static inline uint32_t events_u32(struct events *e)
{
    uint32_t high = events_u16(e);
    return high << 16 | events_u16(e);
}

/* 0 .. bound - 1; bound at most 256. */
static inline unsigned events_below(struct events *e, unsigned bound)
{
    return events_u8(e) % bound;
}

static inline bool events_bool(struct events *e)
{
    return events_u8(e) & 1;
}

/* Some bytes as they are. */
static inline struct bytes events_bytes(struct events *e, size_t len)
{
    struct bytes b = {e->left.data, MIN(len, e->left.len)};
    e->left.data += b.len;
    e->left.len -= b.len;
    return b;
}

/* Numbers near the ends of what they can be and near `about`, where the mistakes are. */
static inline uint64_t events_near(struct events *e, uint64_t about)
{
    uint8_t kind = events_u8(e);
    switch (kind % 8) {
    case 0:
        return about;
    case 1:
        return about + kind / 8;
    case 2:
        return about - kind / 8;
    case 3:
        return about + ((uint64_t)1 << kind / 8);
    case 4:
        return about - ((uint64_t)1 << kind / 8);
    case 5:
        return kind / 8;
    case 6:
        return UINT64_MAX - kind / 8;
    default:
        return (uint64_t)1 << (kind / 8 + 32);
    }
}

/* The time of the next event of a machine whose deadline is `deadline`. */
static inline void events_pass(struct events *e, ns deadline)
{
    static const ns steps[] = {
        1,
        NS_PER_US,
        NS_PER_MS,
        3 * NS_PER_MS,
        10 * NS_PER_MS,
        50 * NS_PER_MS,
        NS_PER_S / 4,
        NS_PER_S,
        3 * NS_PER_S,
        10 * NS_PER_S,
        30 * NS_PER_S,
        120 * NS_PER_S,
        600 * NS_PER_S,
        3600 * NS_PER_S,
        30000 * NS_PER_S,
        86400 * NS_PER_S,
    };
    uint8_t kind = events_u8(e);
    ns due = deadline == NS_NEVER ? e->now : deadline;
    if (kind < 96)
        return;
    if (kind < 160)
        e->now = MAX(e->now, due);
    else if (kind < 176)
        e->now = MAX(e->now, due > 0 ? due - 1 : 0);
    else if (kind < 192)
        e->now = MAX(e->now, due) + steps[kind % 8];
    else
        e->now += steps[kind % ARRAY_SIZE(steps)];
}

#endif
