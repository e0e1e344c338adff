/* SPDX-License-Identifier: Apache-2.0 */
/* A set of large numbers, each belonging to an owner: what the capture judge remembers of sequence numbers
 * (owner: an SA), IVs (owner: a key) and inner packets (owner: a flow). Called by judge.c. Always holds:
 * membership is exact, never probable. Neighbours share a page of 512 bits, so numbers that count up cost two
 * bits or so each and random ones a page of 88 bytes; a set never grows beyond NUMBER_SET_PAGES and says so.
 */
#ifndef JUDGE_NUMBER_SET_H
#define JUDGE_NUMBER_SET_H

#include "base/bytes.h"

enum { NUMBER_SET_PAGES = 1 << 23 };

struct number_page;

struct number_set {
    struct number_page *pages;
    uint32_t *index; /* open addressing: page number + 1; 0: free */
    uint32_t page_count, page_room;
    uint32_t index_mask;
    uint32_t last; /* the page of the last call + 1: the next number is mostly there too */
    uint32_t page_limit;
};

/* `page_limit` 0: NUMBER_SET_PAGES. Nothing is allocated yet. */
void number_set_init(struct number_set *s, uint32_t page_limit);
void number_set_done(struct number_set *s);
/* 0: added; 1: was there already; -ENOMEM, -ENOSPC: the set is full. A number has 128 bits, `high` first. */
int number_set_add(struct number_set *s, uint32_t owner, uint64_t high, uint64_t low) must_check;
bool number_set_has(struct number_set *s, uint32_t owner, uint64_t high, uint64_t low);

#endif
