/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where this room takes memory: when a direction or an index is made, never for a packet.
 * Memory is zeroed and, when large, comes from the kernel page by page as it is touched. */
#ifndef IPSEC_MEMORY_H
#define IPSEC_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size); /* NULL if short */
void memory_free(void *p);

#endif
