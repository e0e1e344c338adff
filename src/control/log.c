/* SPDX-License-Identifier: Apache-2.0 */
/* The ring is a header and a run of text that wraps; `head` counts all bytes ever written. A writer killed in
 * the middle leaves `head` where it was, so a successor writes over the half line. */
#include "control/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#include "io/clock.h"

struct ring {
    char magic[8];
    uint64_t size;
    _Atomic uint64_t head; /* bytes ever written */
    _Atomic uint64_t tail; /* oldest byte to be shown */
    _Atomic uint64_t lines;
    char text[];
};

struct log {
    struct ring *ring;
    bool to_stderr, stamped;
    void (*hear)(void *context, struct bytes line);
    void *context;
};

struct log *log_new(void *region, size_t size, bool to_stderr)
{
    static const char magic[8] = "HFLOG01";
    struct log *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->to_stderr = to_stderr;
    if (!to_stderr)
        openlog("holdfast", LOG_PID, LOG_DAEMON);
    if (!region || size < sizeof(struct ring) + 2 * LOG_LINE_MAX)
        return l;
    l->ring = region;
    uint64_t room = size - sizeof(struct ring);
    if (memcmp(l->ring->magic, magic, sizeof magic) != 0 || l->ring->size != room ||
        l->ring->head - l->ring->tail > room) {
        memset(l->ring, 0, sizeof *l->ring);
        l->ring->size = room;
        memcpy(l->ring->magic, magic, sizeof magic);
    }
    return l;
}

void log_free(struct log *l)
{
    free(l);
}

char *log_stamp(uint64_t wall_ns, char out[32])
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm tm;
    char date[24];

    localtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%b %e %H:%M:%S", &tm);
    snprintf(out, 32, "%s.%03u", date, (unsigned)(wall_ns / NS_PER_MS % 1000));
    return out;
}

static void ring_add(struct ring *r, const char *line, size_t len)
{
    uint64_t head = atomic_load(&r->head), tail = atomic_load(&r->tail);

    if (head + len - tail > r->size) {
        /* Whole lines are given up at the old end. */
        tail = head + len - r->size;
        while (tail < head && r->text[(tail - 1) % r->size] != '\n')
            tail++;
        atomic_store(&r->tail, tail);
    }
    for (size_t i = 0; i < len; i++)
        r->text[(head + i) % r->size] = line[i];
    atomic_store(&r->head, head + len);
    atomic_fetch_add(&r->lines, 1);
}

/* Text from peers may hold anything; a log line holds one line of printable text. */
static void line_clean(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
}

static void line_out(struct log *l, uint8_t severity, char *line, size_t len, size_t stamp_len)
{
    line_clean(line, len);
    line[len++] = '\n';
    if (l->ring)
        ring_add(l->ring, line, len);
    if (l->hear)
        l->hear(l->context, bytes_of(line, len));
    if (l->to_stderr)
        fwrite(line, 1, len, stderr);
    else
        syslog((int)severity, "%.*s", (int)(len - 1 - stamp_len), line + stamp_len);
}

static size_t stamp_put(char line[LOG_LINE_MAX])
{
    char stamp[32];

    return (size_t)snprintf(line, LOG_LINE_MAX, "*%s: ", log_stamp(clock_wall_ns(), stamp));
}

void log_line(struct log *l, const char *facility, uint8_t severity, const char *mnemonic, const char *format,
              ...)
{
    char line[LOG_LINE_MAX];
    size_t stamp = stamp_put(line), len = stamp;
    va_list arguments;

    len += (size_t)snprintf(line + len, sizeof line - len, "%%%s-%u-%s: ", facility, severity, mnemonic);
    va_start(arguments, format);
    int more = vsnprintf(line + len, sizeof line - len, format, arguments);
    va_end(arguments);
    len = MIN(len + (size_t)MAX(more, 0), sizeof line - 2);
    line_out(l, severity, line, len, stamp);
}

void log_debug(struct log *l, const char *subject, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    size_t stamp = stamp_put(line), len = stamp;
    va_list arguments;

    len += (size_t)snprintf(line + len, sizeof line - len, "%s: ", subject);
    va_start(arguments, format);
    int more = vsnprintf(line + len, sizeof line - len, format, arguments);
    va_end(arguments);
    len = MIN(len + (size_t)MAX(more, 0), sizeof line - 2);
    line_out(l, LOG_DEBUG, line, len, stamp);
}

void log_each(const struct log *l, void (*visit)(void *context, struct bytes line), void *context)
{
    char line[LOG_LINE_MAX];
    size_t len = 0;

    if (!l->ring)
        return;
    uint64_t head = atomic_load(&l->ring->head);
    for (uint64_t at = atomic_load(&l->ring->tail); at < head; at++) {
        char c = l->ring->text[at % l->ring->size];
        if (len < sizeof line)
            line[len++] = c;
        if (c == '\n') {
            visit(context, bytes_of(line, len));
            len = 0;
        }
    }
}

void log_clear(struct log *l)
{
    if (l->ring)
        atomic_store(&l->ring->tail, atomic_load(&l->ring->head));
}

uint64_t log_count(const struct log *l)
{
    return l->ring ? atomic_load(&l->ring->lines) : 0;
}

size_t log_size(const struct log *l)
{
    return l->ring ? l->ring->size : 0;
}

void log_listen(struct log *l, void (*hear)(void *context, struct bytes line), void *context)
{
    l->hear = hear;
    l->context = context;
}
