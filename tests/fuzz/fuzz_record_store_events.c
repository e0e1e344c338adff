/* SPDX-License-Identifier: Apache-2.0 */
/* The record store against a model, through puts, deletes, reopenings, and a writer that is killed at a step
 * that the input chooses, while it reopens too. After each: every record is as it was or as it is, everything
 * else is untouched, and what is in use is counted right. At the end of some inputs memory is damaged: what
 * is then found is right or not there. The store is compiled into this file so that it can be stopped. */
#include <stdlib.h>

static void writer_step(void);
static void *first_noting_calloc(size_t n, size_t size);
#define RECORD_STORE_STEP() writer_step()
#define calloc              first_noting_calloc
#include "replication/record_store.c"
#undef calloc

#include <setjmp.h>

#include "events.h"

enum { CHUNKS = 5, REGION = 2 * STORE_HEADER_SIZE + CHUNKS * CHUNK_SIZE, KEYS = 64, KINDS = 2, BURST = 48 };
enum { SLOTS = KEYS * KINDS };

struct record {
    bool there;
    uint16_t len;
    uint8_t fill;
};

static _Alignas(4096) uint8_t region[REGION];
static struct record model[SLOTS];
static struct record_store *store;
static struct record_store *opening; /* as far as it is: what a killed one leaves is freed */
static jmp_buf killed;
static unsigned steps_left; /* until the writer is killed; 0: it lives */

static void writer_step(void)
{
    if (steps_left && --steps_left == 0)
        longjmp(killed, 1);
}

static void *first_noting_calloc(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!opening)
        opening = p;
    return p;
}

/* What a record of this length and fill holds. */
static struct bytes content(const struct record *r)
{
    static uint8_t table[RECORD_DATA_MAX + 256];
    for (size_t i = 0; table[1] == 0 && i < sizeof(table); i++)
        table[i] = (uint8_t)(i * 7 + i / 256);
    return bytes_of(table + r->fill, r->len);
}

static bool record_is(unsigned slot, const struct record *want)
{
    struct bytes got;
    if (!record_store_get(store, (uint8_t)(slot / KEYS), slot % KEYS, &got))
        return !want->there;
    return want->there && bytes_equal(got, content(want));
}

static void usage_check(void)
{
    struct record_store_usage u;
    uint32_t records = 0;
    size_t bytes = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        records += model[slot].there;
        bytes += model[slot].there ? class_size[class_of(model[slot].len)] : 0;
    }
    record_store_usage(store, &u);
    assert(u.records == records && u.bytes_used == bytes && u.damaged == 0);
}

static void visit(void *context, uint8_t kind, uint64_t key, struct bytes data)
{
    unsigned *seen = context;
    assert(kind < KINDS && key < KEYS);
    const struct record *r = &model[kind * KEYS + key];
    assert(r->there && r->len == data.len);
    (*seen)++;
}

static void whole_check(void)
{
    unsigned seen = 0;
    struct record_store_usage u;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        assert(record_is(slot, &model[slot]));
    record_store_each(store, visit, &seen);
    record_store_usage(store, &u);
    assert(seen == u.records);
    usage_check();
}

/* A successor, who may be killed himself while he reads. */
static void reopen(struct events *e, bool may_be_killed)
{
    int error;
    record_store_close(store);
    store = opening = NULL;
    if (may_be_killed && setjmp(killed) == 0) {
        steps_left = events_u8(e);
        opening = record_store_open(region, REGION, &error);
        steps_left = 0;
        assert(opening);
    }
    record_store_close(opening);
    opening = NULL;
    store = record_store_open(region, REGION, &error);
    assert(store);
}

static int operation(unsigned slot, const struct record *to)
{
    uint8_t kind = (uint8_t)(slot / KEYS);
    if (!to->there) {
        record_store_delete(store, kind, slot % KEYS);
        return 0;
    }
    return record_store_put(store, kind, slot % KEYS, content(to));
}

static void change(struct events *e, unsigned slot, struct record to, unsigned kill_after)
{
    if (setjmp(killed) == 0) {
        steps_left = kill_after;
        int error = operation(slot, &to);
        steps_left = 0;
        assert(error == 0 || error == -ENOSPC);
        if (error == 0)
            model[slot] = to;
        assert(record_is(slot, &model[slot]));
        return;
    }
    reopen(e, false);
    bool old = record_is(slot, &model[slot]), new = record_is(slot, &to);
    assert(old || new);
    if (new)
        model[slot] = to;
    whole_check();
}

static struct record record_make(struct events *e)
{
    uint8_t size = events_u8(e), fill = events_u8(e);
    return (struct record){true, (uint16_t)(size < 128 ? size * 4U : (size - 127U) * 32U), fill};
}

static void burst(struct events *e)
{
    struct record r = record_make(e);
    unsigned first = events_below(e, SLOTS), count = events_below(e, BURST);
    for (unsigned i = 0; i < count; i++) {
        r.fill++;
        change(e, (first + i) % SLOTS, r, 0);
    }
}

static void sweep(struct events *e)
{
    unsigned first = events_below(e, SLOTS), count = events_below(e, SLOTS);
    for (unsigned i = 0; i < count; i++)
        change(e, (first + i) % SLOTS, (struct record){0}, 0);
}

/* What is left of a store with a changed byte is right, and can be used. */
static void damage(struct events *e)
{
    static const struct record survivor = {true, 9, 9};
    int error;
    uint32_t at = events_u32(e) % REGION;
    record_store_close(store);
    region[events_bool(e) ? at : at % (2 * STORE_HEADER_SIZE + 512)] ^= (uint8_t)(1 << events_below(e, 8));
    store = record_store_open(region, REGION, &error);
    if (!store) {
        assert(error == -EBADMSG);
        return;
    }
    for (unsigned slot = 0; slot < SLOTS; slot++)
        assert(record_is(slot, &model[slot]) || record_is(slot, &(struct record){0}));
    record_store_delete(store, 0, 0);
    error = operation(0, &survivor);
    assert(error == -ENOSPC || (error == 0 && record_is(0, &survivor)));
}

static void happen(struct events *e)
{
    uint8_t kind = events_u8(e);
    unsigned slot = events_below(e, SLOTS);
    switch (kind % 8) {
    case 0:
        change(e, slot, (struct record){0}, 0);
        break;
    case 1:
        change(e, slot, (struct record){0}, 1 + events_below(e, 80));
        break;
    case 2:
        burst(e);
        break;
    case 3:
        sweep(e);
        break;
    case 4:
        reopen(e, kind & 128);
        whole_check();
        break;
    case 5:
        change(e, slot, record_make(e), 1 + events_u8(e));
        break;
    default:
        change(e, slot, record_make(e), 0);
        break;
    }
    usage_check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct events e = events_of(data, len, 0);
    memset(region, 0, sizeof(region));
    memset(model, 0, sizeof(model));
    store = NULL;
    reopen(&e, events_bool(&e));
    bool damaged = events_bool(&e);
    while (events_next(&e))
        happen(&e);
    whole_check();
    e = events_of(data, len, 0);
    if (damaged)
        damage(&e);
    record_store_close(store);
    store = NULL;
    return 0;
}
