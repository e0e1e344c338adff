/* SPDX-License-Identifier: Apache-2.0 */
/* The growable arrays of the model (CONFIG_ARRAY): adding, inserting in order, removing, finding. For the
 * files of this room only. Elements may hold keys: memory that is given up is wiped. Limits are the
 * callers' business: they refuse with a message before they add. */
#ifndef CONFIG_ARRAY_H
#define CONFIG_ARRAY_H

#include "base/bytes.h"

/* What every CONFIG_ARRAY looks like, whatever it holds. */
struct array_any {
    void *items;
    uint32_t count, capacity;
};

/* A zeroed element at `at`, the following ones moved up. NULL: out of memory, nothing changed. */
void *array_insert_any(struct array_any *a, size_t item_size, uint32_t at);
void array_remove_any(struct array_any *a, size_t item_size, uint32_t at);
void array_free_any(struct array_any *a, size_t item_size);
/* Makes `ret` an array of its own with the same bytes. False: out of memory, `ret` empty. */
bool array_copy_any(const struct array_any *a, size_t item_size, struct array_any *ret);
/* The element that `compare(key, element)` calls equal; `ret_at` (may be NULL) gets its place, or where it
 * belongs. */
void *array_find_any(const struct array_any *a, size_t item_size, const void *key,
                     int (*compare)(const void *key, const void *item), uint32_t *ret_at);

#define array_insert(a, at) \
    ((__typeof__((a)->items))array_insert_any((struct array_any *)(a), sizeof(*(a)->items), at))
#define array_add(a)        array_insert(a, (a)->count)
#define array_remove(a, at) array_remove_any((struct array_any *)(a), sizeof(*(a)->items), at)
#define array_free(a)       array_free_any((struct array_any *)(a), sizeof(*(a)->items))
#define array_copy(a, ret) \
    array_copy_any((const struct array_any *)(a), sizeof(*(a)->items), (struct array_any *)(ret))
#define array_find(a, key, compare, ret_at)                                                          \
    ((__typeof__((a)->items))array_find_any((const struct array_any *)(a), sizeof(*(a)->items), key, \
                                            compare, ret_at))

#endif
