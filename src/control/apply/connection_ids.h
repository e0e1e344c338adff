/* SPDX-License-Identifier: Apache-2.0 */
/* The number of each connection (a sequence of a crypto map in a scope): it stays the same while that is
 * configured, over changes of the rest and over a restart of control, since SAs in shared memory and IKE's
 * records name it. */
#ifndef CONTROL_APPLY_CONNECTION_IDS_H
#define CONTROL_APPLY_CONNECTION_IDS_H

#include "base/bytes.h"

enum { CONNECTION_IDS_MAX = 1 << 17, CONNECTION_KEY_MAX = 200 };

#define CONNECTION_ID_SHARED 0x80000000u /* from here on: made from the key */

struct connection_ids;

/* How numbers are kept over a restart; `key` NULL: forget it. */
struct connection_ids_sink {
    void (*keep)(void *context, uint32_t id, const char *key);
    void *context;
};

struct connection_ids *connection_ids_new(const struct connection_ids_sink *sink);
void connection_ids_free(struct connection_ids *ids);
/* A number that was kept: before the first use. False if it makes no sense (then it is left out). */
bool connection_ids_restore(struct connection_ids *ids, uint32_t id, struct bytes key);
/* The number of (scope, map, sequence), given now or earlier. 0: no more numbers or no memory. */
uint32_t connection_ids_get(struct connection_ids *ids, const char *scope, const char *map,
                            uint32_t sequence);
/* The same for a connection whose SAs are shared with another gateway: a number that is made from its key
 * alone, so that both have the same. 0 also if another key has it already. */
uint32_t connection_ids_get_shared(struct connection_ids *ids, const char *group, const char *map,
                                   uint32_t sequence);
/* Around a compilation: numbers that were not asked for since begin are forgotten at end. */
void connection_ids_begin(struct connection_ids *ids);
void connection_ids_end(struct connection_ids *ids);

#endif
