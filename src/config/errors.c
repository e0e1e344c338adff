/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what was found wrong; see errors.h. It never grows beyond its limit, so that a file of garbage
 * costs no more than a file; the counters go on, and a message that could not be kept for want of memory
 * still counts as an error: a configuration is never accepted because its errors could not be written down.
 */
#include "config/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/array.h"

void config_errors_init(struct config_errors *e)
{
    *e = (struct config_errors){0};
}

void config_errors_done(struct config_errors *e)
{
    for (uint32_t i = 0; i < e->list.count; i++)
        free(e->list.items[i].text);
    array_free(&e->list);
    config_errors_init(e);
}

void config_errors_add(struct config_errors *e, enum config_severity severity, struct config_place place,
                       const char *format, ...)
{
    (severity == CONFIG_ERROR ? &e->errors : severity == CONFIG_WARNING ? &e->warnings : &e->notes)[0]++;
    if (e->list.count >= CONFIG_MAX_ERRORS)
        return;
    struct config_error *error = array_add(&e->list);
    char *text = NULL;
    va_list ap;
    va_start(ap, format);
    int n = error != NULL ? vasprintf(&text, format, ap) : -1;
    va_end(ap);
    if (n < 0) {
        /* The count alone still refuses the configuration. */
        e->out_of_memory = true;
        e->errors++;
        if (error != NULL)
            e->list.count--;
        return;
    }
    *error = (struct config_error){.severity = severity, .place = place, .text = text};
}

static int error_compare(const void *pa, const void *pb)
{
    const struct config_error *a = pa, *b = pb;
    /* Line 0 has no place: it wraps round to the end. */
    uint32_t la = a->place.line - 1, lb = b->place.line - 1;
    if (la != lb)
        return la < lb ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return strcmp(a->text, b->text);
}

void config_errors_sort(struct config_errors *e)
{
    if (e->list.count > 1)
        qsort(e->list.items, e->list.count, sizeof(*e->list.items), error_compare);
}

const char *config_severity_name(uint8_t severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return severity < ARRAY_SIZE(names) ? names[severity] : "?";
}

void config_errors_print(const struct config_errors *e, const char *file, struct text *out)
{
    for (uint32_t i = 0; i < e->list.count; i++) {
        const struct config_error *error = &e->list.items[i];
        if (error->place.line > 0)
            text_printf(out, "%s:%u:%u: ", file != NULL ? file : "line", error->place.line,
                        error->place.column);
        else if (file != NULL)
            text_printf(out, "%s: ", file);
        text_printf(out, "%s: %s\n", config_severity_name(error->severity), error->text);
    }
    uint32_t all = e->errors + e->warnings + e->notes;
    if (all > e->list.count)
        text_printf(out, "... and %u more\n", all - e->list.count);
    if (e->out_of_memory)
        text_add(out, "error: out of memory\n");
}
