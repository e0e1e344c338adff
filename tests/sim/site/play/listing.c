/* SPDX-License-Identifier: Apache-2.0 */
/* See listing.h. */
#include "site/play/listing.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const ns listing_repeat = 500 * NS_PER_MS;

static struct listing_line *line_new(struct listing *l)
{
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->lines = realloc(l->lines, l->room * sizeof(*l->lines));
        assert(l->lines);
    }
    return &l->lines[l->count++];
}

static struct listing_line *said_lately(const struct listing *l, ns time, const char *who, const char *text)
{
    for (size_t i = l->count; i > 0 && l->lines[i - 1].time + listing_repeat >= time; i--) {
        struct listing_line *line = &l->lines[i - 1];
        if (strcmp(line->who, who) == 0 && strcmp(line->text, text) == 0)
            return line;
    }
    return NULL;
}

void listing_add(struct listing *l, ns time, const char *who, const char *format, ...)
{
    char *text;
    va_list args;
    if (l->paused)
        return;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    assert(n >= 0);
    struct listing_line *same = said_lately(l, time, who, text);
    if (same) {
        same->times++;
        same->last = time;
        free(text);
        return;
    }
    char *name = strdup(who);
    assert(name);
    *line_new(l) = (struct listing_line){time, time, 1, name, text};
}

static double ms(const struct listing *l, ns time)
{
    return (double)(int64_t)(time - l->start) / (double)NS_PER_MS;
}

void listing_print(const struct listing *l, FILE *out)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct listing_line *line = &l->lines[i];
        fprintf(out, "%10.1f  %-14s %s", ms(l, line->time), line->who, line->text);
        if (line->times > 1)
            fprintf(out, "  (%u times, until %.1f)", line->times, ms(l, line->last));
        fputc('\n', out);
    }
}

void listing_done(struct listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->lines[i].who);
        free(l->lines[i].text);
    }
    free(l->lines);
    *l = (struct listing){0};
}
