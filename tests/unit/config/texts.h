/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of texts, and what must become of each: written back in its canonical form, refused with one
 * message, accepted with one. */
#ifndef TESTS_UNIT_CONFIG_TEXTS_H
#define TESTS_UNIT_CONFIG_TEXTS_H

#include "test.h"

struct spelling {
    const char *typed, *canonical; /* without the last line, "end" */
};

struct message {
    const char *text, *message;
};

/* `typed` is accepted, copied, and written as `canonical`. */
static inline void expect_canonical(const char *typed, const char *canonical)
{
    struct reading_of r;
    struct text out;
    struct config copy;

    read_text(&r, typed);
    if (r.result != 0)
        fail_msg("'%s': %s", typed, text_get(&r.messages));
    text_init(&out);
    assert_int_equal(config_copy(&r.config, &copy), 0);
    assert_int_equal(config_write(&r.grammar, &copy, false, &out), 0);
    assert_string_equal(text_get(&out), canonical);
    config_done(&copy);
    text_done(&out);
    read_done(&r);
}

/* A file of tests/vectors/config is its own canonical form. */
static inline void expect_vector(const char *name)
{
    char *text = read_vector(name);

    expect_canonical(text, text);
    free(text);
}

/* `prefix` stands before each canonical form. */
static inline void expect_spellings(const struct spelling *s, size_t count, const char *prefix)
{
    for (size_t i = 0; i < count; i++) {
        char canonical[1000];
        int len = snprintf(canonical, sizeof(canonical), "%s%send\n", prefix, s[i].canonical);

        assert_true(len > 0 && (size_t)len < sizeof(canonical));
        expect_canonical(s[i].typed, canonical);
        expect_canonical(canonical, canonical);
    }
}

/* Each text is refused; the message is without the file's name. */
static inline void expect_refused(const struct message *m, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading_of r;
        char expected[500];

        read_text(&r, m[i].text);
        snprintf(expected, sizeof(expected), "f:%s", m[i].message);
        if (r.result != -EINVAL || strstr(text_get(&r.messages), expected) == NULL)
            fail_msg("'%s' gives %d:\n%s", m[i].text, r.result, text_get(&r.messages));
        read_done(&r);
    }
}

/* Each text is accepted, and that is said; without a message, nothing is warned of. */
static inline void expect_accepted(const struct message *m, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading_of r;

        read_text(&r, m[i].text);
        bool found = strstr(text_get(&r.messages), m[i].message ? m[i].message : "warning") != NULL;
        if (r.result != 0 || found != (m[i].message != NULL))
            fail_msg("'%s' gives %d:\n%s", m[i].text, r.result, text_get(&r.messages));
        read_done(&r);
    }
}

static inline void expect_plan(const struct reading_of *before, const struct config *after,
                               const char *expected)
{
    struct config_plan plan;
    struct text out;

    assert_int_equal(config_plan_make(&before->grammar, &before->config, after, &plan), 0);
    text_init(&out);
    config_plan_print(&plan, &out);
    assert_string_equal(text_get(&out), expected);
    text_done(&out);
    config_plan_done(&plan);
}

#endif
