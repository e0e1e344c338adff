/* SPDX-License-Identifier: Apache-2.0 */
/* What every test of this room includes: cmocka, and lists of actions in one word. */
#ifndef TESTS_UNIT_REDUNDANCY_TEST_H
#define TESTS_UNIT_REDUNDANCY_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "redundancy/actions.h"

#define S NS_PER_S

/* One letter per action, in order: S send, + own, - disown, a announce, l log, c change of state. */
static inline const char *actions_text(const struct redundancy_actions *a)
{
    static char text[REDUNDANCY_ACTIONS_MAX + 1];
    for (size_t i = 0; i < a->count; i++)
        text[i] = "S+-alc"[a->items[i].kind];
    text[a->count] = '\0';
    return text;
}

static inline const struct redundancy_action *actions_find(const struct redundancy_actions *a,
                                                           enum redundancy_action_kind kind, size_t n)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].kind == kind && n-- == 0)
            return &a->items[i];
    }
    fail_msg("no such action in %s", actions_text(a));
    return NULL;
}

static inline struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

#endif
