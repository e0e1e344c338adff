/* SPDX-License-Identifier: Apache-2.0 */
/* The corpora under tests/vectors and tests/fuzz/corpus as bytes: `.hex` files are hex text with `#`
 * comments,
 * `.lines` files hold one input in hex on each line (lines that begin with `#` say what follows), `.txt`
 * files are taken as they are, everything else is left alone. Used by the replay of fuzz targets and by the
 * making of seeds. */
#ifndef TESTS_FUZZ_CORPUS_H
#define TESTS_FUZZ_CORPUS_H

#include <stddef.h>
#include <stdint.h>

enum { CORPUS_FILE_MAX = 1 << 20 };

/* Calls `each` for every input below `dir`, in the order of names. Returns their number; a file that cannot
 * be read or decoded is reported on stderr and makes it -1. */
int corpus_each(const char *dir, void (*each)(const char *path, const uint8_t *data, size_t len, void *user),
                void *user);

#endif
