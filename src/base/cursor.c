/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked, sticky cursors; every codec of wire/ and every record of replication goes through them.
 * Always holds: at <= end; a failed cursor never moves and never touches memory again. Null buffers are legal
 * as long as their length is zero, and no arithmetic is done on them. */
#include "base/cursor.h"

#include "base/be.h"

struct reader reader_of(struct bytes b)
{
    return (struct reader){.at = b.data, .end = b.len ? b.data + b.len : b.data};
}

/* The next `len` (> 0) bytes, or NULL. */
static const uint8_t *reader_take(struct reader *r, size_t len)
{
    if (r->failed || len > (size_t)(r->end - r->at)) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    return p;
}

uint8_t read_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? *p : 0;
}

uint16_t read_be16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? be16_load(p) : 0;
}

uint32_t read_be32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? be32_load(p) : 0;
}

uint64_t read_be64(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);
    return p ? be64_load(p) : 0;
}

struct bytes read_bytes(struct reader *r, size_t len)
{
    if (len == 0)
        return r->failed ? (struct bytes){0} : bytes_of(r->at, 0);
    const uint8_t *p = reader_take(r, len);
    return p ? bytes_of(p, len) : (struct bytes){0};
}

void read_copy(struct reader *r, void *out, size_t len)
{
    if (len == 0)
        return;
    const uint8_t *p = reader_take(r, len);
    if (p)
        memcpy(out, p, len);
    else
        memset(out, 0, len);
}

struct bytes read_rest(struct reader *r)
{
    return read_bytes(r, reader_left(r));
}

struct writer writer_of(void *buffer, size_t size)
{
    uint8_t *start = buffer;
    return (struct writer){.start = start, .at = start, .end = size ? start + size : start};
}

uint8_t *write_gap(struct writer *w, size_t len)
{
    if (w->failed || len > (size_t)(w->end - w->at)) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->at;
    if (len > 0)
        w->at += len;
    return p;
}

void write_u8(struct writer *w, uint8_t v)
{
    uint8_t *p = write_gap(w, 1);
    if (p)
        *p = v;
}

void write_be16(struct writer *w, uint16_t v)
{
    uint8_t *p = write_gap(w, 2);
    if (p)
        be16_store(p, v);
}

void write_be32(struct writer *w, uint32_t v)
{
    uint8_t *p = write_gap(w, 4);
    if (p)
        be32_store(p, v);
}

void write_be64(struct writer *w, uint64_t v)
{
    uint8_t *p = write_gap(w, 8);
    if (p)
        be64_store(p, v);
}

void write_copy(struct writer *w, const void *data, size_t len)
{
    uint8_t *p = write_gap(w, len);
    if (p && len > 0)
        memcpy(p, data, len);
}

void write_bytes(struct writer *w, struct bytes b)
{
    write_copy(w, b.data, b.len);
}

void write_zero(struct writer *w, size_t len)
{
    uint8_t *p = write_gap(w, len);
    if (p && len > 0)
        memset(p, 0, len);
}
