/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed views of memory, and secrets.
 *
 * `struct bytes` never owns what it points to: a parsed message borrows from its packet, and a machine copies
 * what must outlive it. `struct secret` holds key material inline, so that whoever owns the struct owns the
 * key and `secret_wipe` in its `done` leaves nothing behind.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define must_check                          __attribute__((warn_unused_result))

struct bytes {
    const uint8_t *data;
    size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){.data = data, .len = len};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Constant time in the content (not in the length); for hashes, tags and keys. */
bool bytes_equal_secret(struct bytes a, struct bytes b);

/* Writes 2*len lower-case digits and a NUL; `out` has room for 2*len+1. Returns `out`. */
char *bytes_to_hex(struct bytes b, char *out);

/* Reads hex text, blanks and newlines skipped. Returns the number of bytes, or -1 on a bad digit, an odd
 * number of digits or more than `size` bytes. */
int bytes_from_hex(const char *text, uint8_t *out, size_t size);

/* Clears memory in a way that the compiler may not leave out. */
void wipe(void *p, size_t len);

enum { SECRET_MAX = 512 }; /* a modp4096 shared secret */

struct secret {
    uint16_t len;
    uint8_t data[SECRET_MAX];
};

/* `len` must be at most SECRET_MAX (asserted). */
void secret_set(struct secret *s, const void *data, size_t len);
void secret_wipe(struct secret *s);

static inline struct bytes secret_bytes(const struct secret *s)
{
    return (struct bytes){s->data, s->len};
}

#endif
