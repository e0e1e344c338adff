/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive doubly linked list. A link that is in no list points to itself after list_init; list_remove
 * leaves it so, hence removing twice is harmless. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/bytes.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_add_tail(struct list *head, struct list *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

static inline void list_add_head(struct list *head, struct list *l)
{
    list_add_tail(head->next, l);
}

static inline void list_remove(struct list *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

#define list_entry(link, type, member) container_of(link, type, member)

/* `at` may be removed inside the loop. */
#define list_for_each_safe(head, at, following)                               \
    for (struct list *at = (head)->next, *following = at->next; at != (head); \
         at = following, following = at->next)

#define list_for_each(head, at) for (struct list *at = (head)->next; at != (head); at = at->next)

#endif
