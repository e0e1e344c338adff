/* SPDX-License-Identifier: Apache-2.0 */
/* The growable arrays of the model; see array.h. They double when full. Elements are moved as bytes, hence
 * nothing may point to an element of an array across a change of that array; sessions keep indices instead.
 * Memory that is given up may have held keys and is wiped. */
#include "config/array.h"

#include <assert.h>
#include <stdlib.h>

static bool array_grow(struct array_any *a, size_t item_size)
{
    uint32_t capacity = a->capacity > 0 ? a->capacity * 2 : 1;
    assert(capacity > a->capacity);
    void *items = calloc(capacity, item_size);
    if (items == NULL)
        return false;
    if (a->count > 0)
        memcpy(items, a->items, a->count * item_size);
    if (a->items != NULL)
        wipe(a->items, a->capacity * item_size);
    free(a->items);
    a->items = items;
    a->capacity = capacity;
    return true;
}

void *array_insert_any(struct array_any *a, size_t item_size, uint32_t at)
{
    assert(at <= a->count);
    if (a->count == a->capacity && !array_grow(a, item_size))
        return NULL;
    char *item = (char *)a->items + at * item_size;
    memmove(item + item_size, item, (a->count - at) * item_size);
    memset(item, 0, item_size);
    a->count++;
    return item;
}

void array_remove_any(struct array_any *a, size_t item_size, uint32_t at)
{
    assert(at < a->count);
    char *item = (char *)a->items + at * item_size;
    a->count--;
    memmove(item, item + item_size, (a->count - at) * item_size);
    wipe((char *)a->items + a->count * item_size, item_size);
}

void array_free_any(struct array_any *a, size_t item_size)
{
    if (a->items != NULL)
        wipe(a->items, a->capacity * item_size);
    free(a->items);
    *a = (struct array_any){0};
}

bool array_copy_any(const struct array_any *a, size_t item_size, struct array_any *ret)
{
    *ret = (struct array_any){0};
    if (a->count == 0)
        return true;
    void *items = malloc(a->count * item_size);
    if (items == NULL)
        return false;
    memcpy(items, a->items, a->count * item_size);
    *ret = (struct array_any){.items = items, .count = a->count, .capacity = a->count};
    return true;
}

void *array_find_any(const struct array_any *a, size_t item_size, const void *key,
                     int (*compare)(const void *key, const void *item), uint32_t *ret_at)
{
    uint32_t low = 0, high = a->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        char *item = (char *)a->items + middle * item_size;
        int order = compare(key, item);
        if (order == 0) {
            if (ret_at != NULL)
                *ret_at = middle;
            return item;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (ret_at != NULL)
        *ret_at = low;
    return NULL;
}
