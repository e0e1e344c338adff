/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers from tests/vectors/crypto: records of `name = value` lines, separated by blank lines or
 * comments. The folder comes in the environment variable VECTORS. */
#ifndef TEST_CRYPTO_VECTORS_H
#define TEST_CRYPTO_VECTORS_H

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"

enum { VECTOR_FIELDS = 12, VECTOR_TEXT = 2048 };

struct vector {
    size_t n;
    char names[VECTOR_FIELDS][24];
    char values[VECTOR_FIELDS][VECTOR_TEXT];
};

static FILE *vectors_open(const char *name)
{
    char path[512];
    const char *dir = getenv("VECTORS");
    FILE *f;

    snprintf(path, sizeof(path), "%s/crypto/%s", dir ? dir : "tests/vectors", name);
    f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

/* The next record; false at the end of the file. */
static bool vector_next(FILE *f, struct vector *v)
{
    char line[VECTOR_TEXT + 64];

    v->n = 0;
    while (fgets(line, sizeof(line), f)) {
        if (line[0] == '#' || line[0] == '\n') {
            if (v->n)
                return true;
            continue;
        }
        assert_true(v->n < VECTOR_FIELDS);
        assert_int_equal(sscanf(line, "%23[^ ] = %2047[^\n]", v->names[v->n], v->values[v->n]), 2);
        v->n++;
    }
    return v->n > 0;
}

/* "" if the record has no such field. */
static const char *vector_text(const struct vector *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->names[i], name) == 0)
            return v->values[i];
    return "";
}

static struct bytes vector_hex(const struct vector *v, const char *name, uint8_t *out, size_t size)
{
    int n = bytes_from_hex(vector_text(v, name), out, size);

    assert_true(n >= 0);
    return bytes_of(out, (size_t)n);
}

#endif
