/* SPDX-License-Identifier: Apache-2.0 */
/* See frame.h. Reader and writer of each body stand beside each other. */
#include "replication/frame.h"

#include <assert.h>

#include "base/be.h"

enum {
    HELLO_BODY = 4 + 4 * 2 + 1 + 3 + SESSION_DIGEST + 4 * 8,
    REFUSE_BODY = 2,
    HEARTBEAT_BODY = 3 * 8,
    ACK_BODY = 8,
    PUT_BODY = 1 + 3 + 8 + 4,
    DELETE_BODY = 1 + 3 + 8,
    LEASES_BODY = 4 + 2 + 2,
    ROLE_BODY = 1 + 1 + 2 + 4,
    NOTICE_BODY = 4 + 4 + 2 * 8,
};

enum { ROLE_IN_STEP = 1 };

/* Clocks beyond this (146 years) are no clocks; differences of two of them fit a signed number. */
#define CLOCK_MAX (UINT64_MAX >> 2)

/* ---- HELLO, REFUSE, HEARTBEAT, ACK ---- */

static bool hello_parse(struct reader *r, struct frame_hello *h)
{
    h->magic = read_be32(r);
    h->frame_min = read_be16(r);
    h->frame_max = read_be16(r);
    h->record_min = read_be16(r);
    h->record_max = read_be16(r);
    h->member = read_u8(r);
    read_bytes(r, 3);
    read_copy(r, h->digest, sizeof(h->digest));
    h->clock = read_be64(r);
    h->heartbeat = read_be64(r);
    h->dead = read_be64(r);
    h->sequence = read_be64(r);
    return h->clock <= CLOCK_MAX && h->heartbeat <= CLOCK_MAX && h->dead <= CLOCK_MAX &&
           h->sequence <= CLOCK_MAX;
}

static void hello_write(struct writer *w, const struct frame_hello *h)
{
    write_be32(w, h->magic);
    write_be16(w, h->frame_min);
    write_be16(w, h->frame_max);
    write_be16(w, h->record_min);
    write_be16(w, h->record_max);
    write_u8(w, h->member);
    write_zero(w, 3);
    write_copy(w, h->digest, sizeof(h->digest));
    write_be64(w, h->clock);
    write_be64(w, h->heartbeat);
    write_be64(w, h->dead);
    write_be64(w, h->sequence);
}

static bool heartbeat_parse(struct reader *r, struct frame_heartbeat *h)
{
    h->clock = read_be64(r);
    h->echo = read_be64(r);
    h->held = read_be64(r);
    return h->clock <= CLOCK_MAX && h->echo <= CLOCK_MAX && h->held <= CLOCK_MAX;
}

static void heartbeat_write(struct writer *w, const struct frame_heartbeat *h)
{
    write_be64(w, h->clock);
    write_be64(w, h->echo);
    write_be64(w, h->held);
}

/* ---- PUT, DELETE ---- */

static bool put_parse(struct reader *r, struct frame_put *p)
{
    p->kind = read_u8(r);
    read_bytes(r, 3);
    p->key = read_be64(r);
    uint32_t len = read_be32(r);
    if (len > SESSION_DATA_MAX)
        return false;
    p->data = read_bytes(r, len);
    return true;
}

static void put_write(struct writer *w, const struct frame_put *p)
{
    write_u8(w, p->kind);
    write_zero(w, 3);
    write_be64(w, p->key);
    write_be32(w, (uint32_t)p->data.len);
    write_bytes(w, p->data);
}

static bool delete_parse(struct reader *r, struct frame_put *p)
{
    p->kind = read_u8(r);
    read_bytes(r, 3);
    p->key = read_be64(r);
    return true;
}

static void delete_write(struct writer *w, const struct frame_put *p)
{
    write_u8(w, p->kind);
    write_zero(w, 3);
    write_be64(w, p->key);
}

/* ---- LEASES ---- */

static bool leases_parse(struct reader *r, struct frame_leases *l)
{
    l->count = read_be32(r);
    l->size = read_be16(r);
    read_bytes(r, 2);
    if (r->failed || l->size < FRAME_LEASE || l->count == 0 || l->count > FRAME_LEASES_MAX)
        return false;
    l->raw = read_bytes(r, (size_t)l->count * l->size).data;
    return true;
}

static void leases_write(struct writer *w, const struct frame_leases *l)
{
    write_be32(w, l->count);
    write_be16(w, FRAME_LEASE);
    write_zero(w, 2);
    for (uint32_t i = 0; i < l->count; i++) {
        write_be32(w, l->list[i].slot);
        write_be32(w, l->list[i].spi_in);
        write_be64(w, l->list[i].out);
        write_be64(w, l->list[i].in);
    }
}

struct session_lease frame_lease(const uint8_t *raw, uint16_t size, uint32_t i)
{
    const uint8_t *at = raw + (size_t)i * size;

    return (struct session_lease){.slot = be32_load(at),
                                  .spi_in = be32_load(at + 4),
                                  .out = be64_load(at + 8),
                                  .in = be64_load(at + 16)};
}

/* ---- ROLE, NOTICE ---- */

static bool role_parse(struct reader *r, struct session_role_state *s)
{
    s->role = read_u8(r);
    s->in_step = read_u8(r) & ROLE_IN_STEP;
    read_bytes(r, 2);
    s->epoch = read_be32(r);
    return s->role < SESSION_ROLES;
}

static void role_write(struct writer *w, const struct session_role_state *s)
{
    write_u8(w, s->role);
    write_u8(w, s->in_step ? ROLE_IN_STEP : 0);
    write_zero(w, 2);
    write_be32(w, s->epoch);
}

static bool notice_parse(struct reader *r, struct frame_notice *n)
{
    n->code = read_be32(r);
    read_bytes(r, 4);
    n->a = read_be64(r);
    n->b = read_be64(r);
    return true;
}

static void notice_write(struct writer *w, const struct frame_notice *n)
{
    write_be32(w, n->code);
    write_zero(w, 4);
    write_be64(w, n->a);
    write_be64(w, n->b);
}

/* ---- any of them ---- */

static enum frame_result body_parse(struct reader *r, struct frame *f)
{
    bool good = true;

    switch (f->type) {
    case FRAME_HELLO:
        good = hello_parse(r, &f->hello);
        break;
    case FRAME_REFUSE:
        f->refuse = read_be16(r);
        break;
    case FRAME_HEARTBEAT:
        good = heartbeat_parse(r, &f->heartbeat);
        break;
    case FRAME_ACK:
        f->ack = read_be64(r);
        break;
    case FRAME_PUT:
        good = put_parse(r, &f->put);
        break;
    case FRAME_DELETE:
        good = delete_parse(r, &f->put);
        break;
    case FRAME_LEASES:
        good = leases_parse(r, &f->leases);
        break;
    case FRAME_ROLE:
        good = role_parse(r, &f->role);
        break;
    case FRAME_NOTICE:
        good = notice_parse(r, &f->notice);
        break;
    case FRAME_SNAPSHOT_BEGIN:
    case FRAME_SNAPSHOT_END:
    case FRAME_BYE:
        break;
    default:
        return FRAME_UNKNOWN;
    }
    if (!good || r->failed)
        return FRAME_MALFORMED;
    return frame_is_numbered(f->type) == (f->sequence != 0) ? FRAME_OK : FRAME_MALFORMED;
}

enum frame_result frame_parse(struct bytes in, struct frame *ret, size_t *ret_used)
{
    struct reader r = reader_of(in);
    struct frame f = {0};
    uint32_t len = read_be32(&r);

    f.type = read_u8(&r);
    f.flags = read_u8(&r);
    f.group = read_be16(&r);
    f.sequence = read_be64(&r);
    if (r.failed)
        return FRAME_SHORT;
    if (len > FRAME_BODY_MAX)
        return FRAME_MALFORMED;
    if (reader_left(&r) < len)
        return FRAME_SHORT;
    struct reader body = reader_of(bytes_of(r.at, len));
    enum frame_result result = body_parse(&body, &f);
    if (result == FRAME_MALFORMED)
        return result;
    *ret = f;
    *ret_used = FRAME_HEADER + len;
    return result;
}

static size_t body_len(const struct frame *f)
{
    switch (f->type) {
    case FRAME_HELLO:
        return HELLO_BODY;
    case FRAME_REFUSE:
        return REFUSE_BODY;
    case FRAME_HEARTBEAT:
        return HEARTBEAT_BODY;
    case FRAME_ACK:
        return ACK_BODY;
    case FRAME_PUT:
        return PUT_BODY + f->put.data.len;
    case FRAME_DELETE:
        return DELETE_BODY;
    case FRAME_LEASES:
        return LEASES_BODY + (size_t)f->leases.count * FRAME_LEASE;
    case FRAME_ROLE:
        return ROLE_BODY;
    case FRAME_NOTICE:
        return NOTICE_BODY;
    default:
        return 0;
    }
}

size_t frame_len(const struct frame *f)
{
    return FRAME_HEADER + body_len(f);
}

void frame_write(struct writer *w, const struct frame *f)
{
    size_t len = body_len(f);

    assert(len <= FRAME_BODY_MAX && (frame_is_numbered(f->type) == (f->sequence != 0)));
    write_be32(w, (uint32_t)len);
    write_u8(w, f->type);
    write_u8(w, f->flags);
    write_be16(w, f->group);
    write_be64(w, f->sequence);
    switch (f->type) {
    case FRAME_HELLO:
        hello_write(w, &f->hello);
        break;
    case FRAME_REFUSE:
        write_be16(w, f->refuse);
        break;
    case FRAME_HEARTBEAT:
        heartbeat_write(w, &f->heartbeat);
        break;
    case FRAME_ACK:
        write_be64(w, f->ack);
        break;
    case FRAME_PUT:
        put_write(w, &f->put);
        break;
    case FRAME_DELETE:
        delete_write(w, &f->put);
        break;
    case FRAME_LEASES:
        leases_write(w, &f->leases);
        break;
    case FRAME_ROLE:
        role_write(w, &f->role);
        break;
    case FRAME_NOTICE:
        notice_write(w, &f->notice);
        break;
    default:
        break;
    }
}
