/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked cursors: everything that crosses a wire or a record is read and written through one.
 *
 * Both are sticky: the first access beyond the end marks the cursor failed, later reads give zero or empty
 * views and later writes do nothing, so a codec checks once, at its end. A failed cursor never touches
 * memory.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/bytes.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct reader reader_of(struct bytes b);
uint8_t read_u8(struct reader *r);
uint16_t read_be16(struct reader *r);
uint32_t read_be32(struct reader *r);
uint64_t read_be64(struct reader *r);
/* A view of the next `len` bytes, or an empty one with the reader failed. */
struct bytes read_bytes(struct reader *r, size_t len);
/* Copies; on failure `out` is zeroed. */
void read_copy(struct reader *r, void *out, size_t len);
struct bytes read_rest(struct reader *r);

static inline size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

static inline bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->end;
}

struct writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

struct writer writer_of(void *buffer, size_t size);
void write_u8(struct writer *w, uint8_t v);
void write_be16(struct writer *w, uint16_t v);
void write_be32(struct writer *w, uint32_t v);
void write_be64(struct writer *w, uint64_t v);
void write_copy(struct writer *w, const void *data, size_t len);
void write_bytes(struct writer *w, struct bytes b);
void write_zero(struct writer *w, size_t len);
/* Leaves `len` bytes to be filled later; NULL if the writer failed. */
uint8_t *write_gap(struct writer *w, size_t len);

static inline size_t writer_len(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

/* What was written, empty if the writer failed. */
static inline struct bytes writer_bytes(const struct writer *w)
{
    return w->failed ? (struct bytes){0} : (struct bytes){w->start, writer_len(w)};
}

#endif
