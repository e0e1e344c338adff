/* SPDX-License-Identifier: Apache-2.0 */
/* A growing string for everything this room prints. Failure to allocate is sticky: text_failed() once, at the
 * end. What it holds may contain keys, hence old memory is wiped. Printing into a failed text does nothing.
 * Used by the writer, the messages, the plan and the command reference. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include "base/bytes.h"

struct text {
    char *data; /* NUL-terminated once something was added; else NULL */
    size_t len, capacity;
    bool failed;
};

void text_init(struct text *t);
void text_done(struct text *t);
void text_clear(struct text *t);
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *s, size_t len);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "" where nothing was added. */
const char *text_get(const struct text *t);

#endif
