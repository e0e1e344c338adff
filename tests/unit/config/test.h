/* SPDX-License-Identifier: Apache-2.0 */
/* What every test of this room includes: cmocka with the headers it wants in front of it, and reading a text.
 */
#ifndef TESTS_UNIT_CONFIG_TEST_H
#define TESTS_UNIT_CONFIG_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/check.h"
#include "config/parse.h"
#include "config/plan.h"
#include "config/write.h"

struct reading_of {
    struct grammar grammar;
    struct config config;
    struct config_errors errors;
    struct text messages; /* all of them, with the file's name "f" */
    int result;
};

static inline void read_text(struct reading_of *r, const char *text)
{
    assert_int_equal(config_grammar_init(&r->grammar), 0);
    config_errors_init(&r->errors);
    text_init(&r->messages);
    r->result = config_parse(&r->grammar, "f", text, strlen(text), &r->config, &r->errors);
    config_errors_print(&r->errors, "f", &r->messages);
}

static inline void read_done(struct reading_of *r)
{
    config_done(&r->config);
    config_errors_done(&r->errors);
    text_done(&r->messages);
    grammar_done(&r->grammar);
}

/* A whole file of tests/vectors/config; the caller frees. */
static inline char *read_vector(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/config/%s", getenv("VECTORS"), name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 100000);
    assert_non_null(text);
    size_t len = fread(text, 1, 99999, f);
    fclose(f);
    assert_true(len > 0 && len < 99999);
    return text;
}

#endif
