/* SPDX-License-Identifier: Apache-2.0 */
/* See number_set.h. */
#include "judge/number_set.h"

#include <errno.h>
#include <stdlib.h>

enum { PAGE_BITS = 512, PAGE_SHIFT = 9, PAGES_FIRST = 256 };

struct number_page {
    uint64_t high, page; /* the number's high half, its low half without the PAGE_SHIFT lowest bits */
    uint32_t owner;
    uint64_t bits[PAGE_BITS / 64];
};

void number_set_init(struct number_set *s, uint32_t page_limit)
{
    *s = (struct number_set){.page_limit = page_limit ? page_limit : NUMBER_SET_PAGES};
}

void number_set_done(struct number_set *s)
{
    free(s->pages);
    free(s->index);
    *s = (struct number_set){0};
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

static uint32_t page_hash(uint32_t owner, uint64_t high, uint64_t page)
{
    return (uint32_t)mix(page + mix(high + mix(owner)));
}

static bool page_is(const struct number_page *p, uint32_t owner, uint64_t high, uint64_t page)
{
    return p->page == page && p->owner == owner && p->high == high;
}

/* Page number + 1, or 0. */
static uint32_t page_find(struct number_set *s, uint32_t owner, uint64_t high, uint64_t page)
{
    if (s->last && page_is(&s->pages[s->last - 1], owner, high, page))
        return s->last;
    if (!s->index)
        return 0;
    for (uint32_t at = page_hash(owner, high, page);; at++) {
        uint32_t entry = s->index[at & s->index_mask];
        if (entry == 0)
            return 0;
        if (page_is(&s->pages[entry - 1], owner, high, page))
            return s->last = entry;
    }
}

static void index_put(struct number_set *s, uint32_t entry)
{
    const struct number_page *p = &s->pages[entry - 1];
    uint32_t at = page_hash(p->owner, p->high, p->page);
    while (s->index[at & s->index_mask])
        at++;
    s->index[at & s->index_mask] = entry;
}

/* Twice as many pages, and an index that is at most half full. */
static int set_grow(struct number_set *s)
{
    uint32_t room = s->page_room ? s->page_room * 2 : PAGES_FIRST;
    struct number_page *pages = realloc(s->pages, room * sizeof *pages);
    if (!pages)
        return -ENOMEM;
    s->pages = pages;
    uint32_t *index = calloc((size_t)room * 2, sizeof *index);
    if (!index)
        return -ENOMEM;
    free(s->index);
    s->index = index;
    s->index_mask = room * 2 - 1;
    s->page_room = room;
    for (uint32_t i = 1; i <= s->page_count; i++)
        index_put(s, i);
    return 0;
}

int number_set_add(struct number_set *s, uint32_t owner, uint64_t high, uint64_t low)
{
    uint64_t page = low >> PAGE_SHIFT, bit = low % PAGE_BITS;
    uint32_t entry = page_find(s, owner, high, page);
    if (entry == 0) {
        if (s->page_count >= s->page_limit)
            return -ENOSPC;
        int rc = s->page_count == s->page_room ? set_grow(s) : 0;
        if (rc < 0)
            return rc;
        s->pages[s->page_count] = (struct number_page){.high = high, .page = page, .owner = owner};
        entry = s->last = ++s->page_count;
        index_put(s, entry);
    }
    uint64_t *word = &s->pages[entry - 1].bits[bit / 64], mask = UINT64_C(1) << bit % 64;
    int there = (*word & mask) != 0;
    *word |= mask;
    return there;
}

bool number_set_has(struct number_set *s, uint32_t owner, uint64_t high, uint64_t low)
{
    uint32_t entry = page_find(s, owner, high, low >> PAGE_SHIFT);
    uint64_t bit = low % PAGE_BITS;
    return entry && (s->pages[entry - 1].bits[bit / 64] >> bit % 64 & 1);
}
