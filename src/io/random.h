/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness of the kernel: seeds for base/rng.h and nothing else. */
#ifndef IO_RANDOM_H
#define IO_RANDOM_H

#include "base/rng.h"

/* Waits for the kernel's generator at early boot. -errno if there is none. */
int random_fill(void *out, size_t len) must_check;
/* A generator with a seed of its own. */
int random_rng(struct rng *ret) must_check;

#endif
