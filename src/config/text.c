/* SPDX-License-Identifier: Apache-2.0 */
/* A growing string; see text.h. Growing doubles the room, so that a text of any length costs time in
 * proportion to it; the old room is wiped before it is given back, since a running configuration holds keys.
 * Nothing here prints to a stream. */
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_init(struct text *t)
{
    *t = (struct text){0};
}

void text_done(struct text *t)
{
    if (t->data != NULL)
        wipe(t->data, t->capacity);
    free(t->data);
    text_init(t);
}

void text_clear(struct text *t)
{
    t->len = 0;
    t->failed = false;
    if (t->data != NULL)
        t->data[0] = 0;
}

/* Room for `more` characters and the NUL. */
static bool text_reserve(struct text *t, size_t more)
{
    if (t->failed)
        return false;
    if (t->len + more + 1 <= t->capacity)
        return true;
    size_t capacity = MAX(t->capacity * 2, t->len + more + 1);
    capacity = MAX(capacity, 256);
    char *data = malloc(capacity);
    if (data == NULL) {
        t->failed = true;
        return false;
    }
    if (t->data != NULL) {
        memcpy(data, t->data, t->len + 1);
        wipe(t->data, t->capacity);
        free(t->data);
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

void text_add_bytes(struct text *t, const char *s, size_t len)
{
    if (!text_reserve(t, len))
        return;
    memcpy(t->data + t->len, s, len);
    t->len += len;
    t->data[t->len] = 0;
}

void text_add(struct text *t, const char *s)
{
    text_add_bytes(t, s, strlen(s));
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n >= 0 && text_reserve(t, n)) {
        vsnprintf(t->data + t->len, (size_t)n + 1, format, again);
        t->len += n;
    }
    va_end(again);
}

const char *text_get(const struct text *t)
{
    return t->data != NULL ? t->data : "";
}
