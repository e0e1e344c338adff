/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for crypto/tls_channel.c, in the simulator only: records that are not enciphered, and a
 * handshake that tells whether both have the same secret. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/be.h"
#include "base/hash_table.h"
#include "crypto/tls_channel.h"

enum { RECORD_HELLO = 1, RECORD_DATA, RECORD_CLOSE, RECORD_REFUSED, HEADER = 5, HELLO = 8 };

struct tls_credentials {
    uint64_t proof;
};

struct buffer {
    uint8_t *data;
    size_t len, room;
};

struct tls {
    uint64_t proof;
    enum tls_role role;
    enum tls_error error;
    bool open;
    struct buffer in, plain, out;
};

static void buffer_add(struct buffer *b, const void *data, size_t len)
{
    if (b->len + len > b->room) {
        b->room = MAX(2 * b->room, b->len + len);
        b->data = realloc(b->data, b->room);
        assert(b->data);
    }
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void buffer_take(struct buffer *b, size_t len)
{
    b->len -= len;
    memmove(b->data, b->data + len, b->len);
}

static void record_put(struct tls *t, uint8_t type, struct bytes data)
{
    uint8_t header[HEADER] = {type};
    be32_store(header + 1, (uint32_t)data.len);
    buffer_add(&t->out, header, HEADER);
    buffer_add(&t->out, data.data, data.len);
}

const char *tls_error_name(enum tls_error error)
{
    return error == TLS_OK ? "none" : error == TLS_ERROR_KEY ? "wrong key" : "broken";
}

int tls_credentials_new(const struct tls_config *c, struct tls_credentials **ret, char text[TLS_TEXT])
{
    struct tls_credentials *made = calloc(1, sizeof(*made));
    text[0] = 0;
    if (!made)
        return -ENOMEM;
    made->proof = (uint64_t)hash_bytes(c->secret.data, c->secret.len, 1) << 32 |
                  hash_bytes(c->secret.data, c->secret.len, 2);
    *ret = made;
    return 0;
}

void tls_credentials_free(struct tls_credentials *c)
{
    free(c);
}

static void hello_put(struct tls *t)
{
    uint8_t proof[HELLO];
    be64_store(proof, t->proof);
    record_put(t, RECORD_HELLO, bytes_of(proof, sizeof(proof)));
}

struct tls *tls_new(const struct tls_credentials *c, enum tls_role role)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->proof = c->proof;
    t->role = role;
    if (role == TLS_CLIENT)
        hello_put(t);
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    free(t->in.data);
    free(t->plain.data);
    free(t->out.data);
    free(t);
}

static void hello_take(struct tls *t, struct bytes data)
{
    if (t->open || data.len != HELLO) {
        t->error = TLS_ERROR_PROTOCOL;
    } else if (be64_load(data.data) != t->proof) {
        t->error = TLS_ERROR_KEY;
        record_put(t, RECORD_REFUSED, (struct bytes){0});
    } else {
        t->open = true;
        if (t->role == TLS_SERVER)
            hello_put(t);
    }
}

static void record_take(struct tls *t, uint8_t type, struct bytes data)
{
    if (type == RECORD_HELLO)
        hello_take(t, data);
    else if (type == RECORD_DATA && t->open)
        buffer_add(&t->plain, data.data, data.len);
    else
        t->error = type == RECORD_CLOSE     ? TLS_ERROR_CLOSED
                   : type == RECORD_REFUSED ? TLS_ERROR_REFUSED
                                            : TLS_ERROR_PROTOCOL;
}

enum tls_error tls_feed(struct tls *t, struct bytes in)
{
    size_t at = 0;
    buffer_add(&t->in, in.data, in.len);
    while (!t->error && t->in.len - at >= HEADER &&
           t->in.len - at - HEADER >= be32_load(t->in.data + at + 1)) {
        uint32_t len = be32_load(t->in.data + at + 1);
        record_take(t, t->in.data[at], bytes_of(t->in.data + at + HEADER, len));
        at += HEADER + len;
    }
    if (at)
        buffer_take(&t->in, at);
    return t->error;
}

size_t tls_read(struct tls *t, void *out, size_t size)
{
    size_t n = MIN(size, t->plain.len);
    if (n == 0)
        return 0;
    memcpy(out, t->plain.data, n);
    buffer_take(&t->plain, n);
    return n;
}

enum tls_error tls_write(struct tls *t, struct bytes in)
{
    assert(t->open);
    if (!t->error)
        record_put(t, RECORD_DATA, in);
    return t->error;
}

void tls_close(struct tls *t)
{
    record_put(t, RECORD_CLOSE, (struct bytes){0});
}

struct bytes tls_output(struct tls *t)
{
    return bytes_of(t->out.data, t->out.len);
}

void tls_output_taken(struct tls *t)
{
    t->out.len = 0;
}

bool tls_is_open(const struct tls *t)
{
    return t->open;
}

enum tls_error tls_failure(const struct tls *t)
{
    return t->error;
}

const char *tls_failure_text(const struct tls *t)
{
    return tls_error_name(t->error);
}

uint64_t tls_key_updates(const struct tls *t)
{
    (void)t;
    return 0;
}
