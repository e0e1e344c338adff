/* SPDX-License-Identifier: Apache-2.0 */
/* Records that must survive the process that wrote them: a store in a region of memory (the supervisor's
 * memfd), the first sink of the replication stream.
 *
 * A record is (kind, key) -> bytes. The writer may be killed at any instruction: a record is either there as
 * it was, or as it is, never a mixture, and the store stays usable; each carries a check sum. One writer, no
 * readers beside it. The region is sparse: memory in use follows the number of records.
 */
#ifndef REPLICATION_RECORD_STORE_H
#define REPLICATION_RECORD_STORE_H

#include "base/bytes.h"

enum { RECORD_DATA_MAX = 4096 };

struct record_store; /* the writer's own index over the region */

/* On a zeroed or formerly used region of `size` bytes (a sparse mapping: only what is used costs). Reads what
 * is there. NULL with *ret_error negative errno: -EBADMSG if the region is not a store of this build,
 * -ENOMEM. */
struct record_store *record_store_open(void *region, size_t size, int *ret_error);
void record_store_close(struct record_store *s); /* the region stays */

int record_store_put(struct record_store *s, uint8_t kind, uint64_t key,
                     struct bytes data) must_check;                           /* -ENOSPC, -EMSGSIZE */
void record_store_delete(struct record_store *s, uint8_t kind, uint64_t key); /* also wipes its bytes */
bool record_store_get(const struct record_store *s, uint8_t kind, uint64_t key, struct bytes *ret);
/* `visit` must not change the store. */
void record_store_each(const struct record_store *s,
                       void (*visit)(void *context, uint8_t kind, uint64_t key, struct bytes data),
                       void *context);

struct record_store_usage {
    uint32_t records, damaged; /* damaged: dropped at open for a wrong check sum */
    size_t bytes_used, bytes_size;
};
void record_store_usage(const struct record_store *s, struct record_store_usage *ret);

#endif
