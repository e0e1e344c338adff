/* SPDX-License-Identifier: Apache-2.0 */
/* What every test of this room includes: cmocka, and the vectors of tests/vectors/wire (hex text with `#`
 * comments). */
#ifndef TESTS_UNIT_WIRE_TEST_H
#define TESTS_UNIT_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"

/* Reads `name` ("isakmp/mm1") into a block of exactly its size, which the caller frees. */
static inline struct bytes vector_load(const char *name)
{
    char path[1024], line[1024];
    const char *dir = getenv("VECTORS");
    snprintf(path, sizeof(path), "%s/wire/%s.hex", dir ? dir : "tests/vectors", name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s: cannot be opened", path);
    static uint8_t buffer[65536];
    size_t len = 0;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "#")] = '\0';
        int n = bytes_from_hex(line, buffer + len, sizeof(buffer) - len);
        if (n < 0)
            fail_msg("%s: not hex text", path);
        len += (size_t)n;
    }
    fclose(file);
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, buffer, len);
    return bytes_of(copy, len);
}

static inline void vector_free(struct bytes b)
{
    free((void *)b.data);
}

#endif
