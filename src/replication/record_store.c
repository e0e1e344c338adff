/* SPDX-License-Identifier: Apache-2.0 */
/* Records in a region of memory that outlives their writer.
 *
 * The region is a header, a directory with one word per chunk, and chunks of 64 KiB. A chunk serves cells of
 * one size class; its directory word says which and how many of its cells were ever used, so that opening a
 * sparse region touches nothing that was never written. A cell is in use if its commit word is not 0; that
 * word is the number of the write, which also goes into the check sum.
 *
 * What holds at every instruction: a record's bytes are complete before its commit word is written, and the
 * copy that it replaces is freed after that. A writer killed in between leaves either the old copy, or both;
 * at open the higher number wins. Cells that are free but not clean (killed while writing or wiping) are
 * wiped at open.
 */
#include "replication/record_store.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash_table.h"
#include "base/pool.h"

/* The test takes a picture of the region here, as if the writer had been killed. */
#ifndef RECORD_STORE_STEP
#define RECORD_STORE_STEP() ((void)0)
#endif

enum {
    CHUNK_SIZE = 64 * 1024,
    CELL_MIN = 64,
    CHUNK_CELLS_MAX = CHUNK_SIZE / CELL_MIN,
    STORE_HEADER_SIZE = 4096,
    NO_CHUNK = UINT32_MAX,
};

static const uint16_t class_size[] = {64,   96,   128,  160,  192,  224,  256,  288, 320,
                                      352,  384,  448,  512,  576,  640,  704,  768, 896,
                                      1024, 1280, 1536, 1792, 2048, 2560, 3200, 4352};
enum { CLASSES = ARRAY_SIZE(class_size) };

struct store_header {
    char magic[8];
    uint64_t size;
    uint32_t chunk_size, chunks, classes, cell_header;
};

struct cell {
    _Atomic uint64_t commit; /* 0: free; else the number of the write */
    uint64_t key;
    uint32_t sum;
    uint16_t len;
    uint8_t kind;
    uint8_t zero;
    uint8_t data[];
};

_Static_assert(sizeof(struct cell) == 24, "the layout is shared with successors");
_Static_assert(sizeof(struct cell) + RECORD_DATA_MAX <= 4352,
               "the largest class must take the largest record");

/* Directory word of a chunk: class + 1 in the low byte, cells ever used above it; 0: the chunk is free. */
static uint32_t directory_word(unsigned class, uint32_t used)
{
    return (class + 1) | used << 8;
}

struct chunk {
    uint32_t next; /* in the list of its class, of chunks with room, or of free chunks */
    uint32_t previous;
    uint16_t live, used;
    uint8_t class;
    bool in_use, listed;
    uint64_t taken[CHUNK_CELLS_MAX / 64];
};

struct entry {
    struct hash_link link;
    uint32_t chunk;
    uint32_t cell;
};

struct record_store {
    uint8_t *region;
    _Atomic uint32_t *directory;
    uint8_t *base; /* of the first chunk */
    size_t size, bytes_used;
    uint32_t chunks, fresh; /* chunks at or above `fresh` were never used */
    uint32_t free_chunks;
    uint32_t room[CLASSES]; /* first chunk with room */
    uint64_t number;        /* of the last write */
    uint32_t damaged;
    struct chunk **chunk;
    struct hash_table index;
    struct pool entries;
};

/* ---- cells ---- */

static unsigned class_of(size_t len)
{
    unsigned c = 0;

    while (class_size[c] < sizeof(struct cell) + len)
        c++;
    assert(c < CLASSES);
    return c;
}

static uint32_t chunk_cells(unsigned class)
{
    return CHUNK_SIZE / class_size[class];
}

static struct cell *cell_at(const struct record_store *s, uint32_t chunk, uint32_t cell)
{
    return (struct cell *)(s->base + (size_t)chunk * CHUNK_SIZE +
                           (size_t)cell * class_size[s->chunk[chunk]->class]);
}

static uint32_t cell_sum(const struct cell *c, uint64_t number)
{
    uint32_t h = hash_bytes(&c->key, sizeof c->key, number);

    h ^= hash_bytes(&c->len, sizeof c->len + sizeof c->kind + sizeof c->zero, (uint64_t)h << 32 | h);
    return h ^ hash_bytes(c->data, c->len, number ^ (uint64_t)h << 32);
}

static uint32_t record_hash(uint8_t kind, uint64_t key)
{
    return hash_bytes(&key, sizeof key, kind);
}

/* Clears a cell that is not in use: by and by, so that it may be stopped anywhere. */
static void cell_wipe(struct cell *c, size_t size)
{
    for (size_t at = sizeof c->commit; at < size; at += 64) {
        wipe((uint8_t *)c + at, MIN((size_t)64, size - at));
        RECORD_STORE_STEP();
    }
}

static void cell_release(struct cell *c, size_t size)
{
    atomic_store(&c->commit, 0);
    RECORD_STORE_STEP();
    atomic_thread_fence(memory_order_seq_cst);
    cell_wipe(c, size);
}

static void cell_write(struct cell *c, uint64_t number, uint8_t kind, uint64_t key, struct bytes data)
{
    c->key = key;
    c->kind = kind;
    c->len = (uint16_t)data.len;
    RECORD_STORE_STEP();
    for (size_t at = 0; at < data.len; at += 64) {
        memcpy(c->data + at, data.data + at, MIN((size_t)64, data.len - at));
        RECORD_STORE_STEP();
    }
    c->sum = cell_sum(c, number);
    RECORD_STORE_STEP();
    atomic_store(&c->commit, number);
    RECORD_STORE_STEP();
}

/* ---- chunks ---- */

static bool cell_taken(const struct chunk *c, uint32_t cell)
{
    return c->taken[cell / 64] >> (cell % 64) & 1;
}

static void chunk_list(struct record_store *s, uint32_t index)
{
    struct chunk *c = s->chunk[index];

    if (c->listed)
        return;
    c->listed = true;
    c->previous = NO_CHUNK;
    c->next = s->room[c->class];
    if (c->next != NO_CHUNK)
        s->chunk[c->next]->previous = index;
    s->room[c->class] = index;
}

static void chunk_unlist(struct record_store *s, uint32_t index)
{
    struct chunk *c = s->chunk[index];

    if (!c->listed)
        return;
    c->listed = false;
    if (c->previous == NO_CHUNK)
        s->room[c->class] = c->next;
    else
        s->chunk[c->previous]->next = c->next;
    if (c->next != NO_CHUNK)
        s->chunk[c->next]->previous = c->previous;
}

static void chunk_free(struct record_store *s, uint32_t index)
{
    struct chunk *c = s->chunk[index];

    chunk_unlist(s, index);
    atomic_store(&s->directory[index], 0);
    RECORD_STORE_STEP();
    c->in_use = false;
    c->used = 0;
    c->next = s->free_chunks;
    s->free_chunks = index;
}

static int chunk_take(struct record_store *s, unsigned class)
{
    uint32_t index = s->free_chunks;

    if (index == NO_CHUNK) {
        if (s->fresh == s->chunks)
            return -ENOSPC;
        index = s->fresh;
        if (!s->chunk[index])
            s->chunk[index] = calloc(1, sizeof(struct chunk));
        if (!s->chunk[index])
            return -ENOMEM;
        s->fresh++;
    } else {
        s->free_chunks = s->chunk[index]->next;
    }
    struct chunk *c = s->chunk[index];
    *c = (struct chunk){.class = (uint8_t) class, .in_use = true};
    atomic_store(&s->directory[index], directory_word(class, 0));
    RECORD_STORE_STEP();
    chunk_list(s, index);
    return 0;
}

static void cell_mark(struct record_store *s, uint32_t chunk, uint32_t cell)
{
    struct chunk *c = s->chunk[chunk];

    c->taken[cell / 64] |= UINT64_C(1) << (cell % 64);
    c->live++;
    s->bytes_used += class_size[c->class];
    if (c->live == chunk_cells(c->class))
        chunk_unlist(s, chunk);
}

static void cell_unmark(struct record_store *s, uint32_t chunk, uint32_t cell)
{
    struct chunk *c = s->chunk[chunk];

    c->taken[cell / 64] &= ~(UINT64_C(1) << (cell % 64));
    c->live--;
    s->bytes_used -= class_size[c->class];
    if (c->live == 0)
        chunk_free(s, chunk);
    else
        chunk_list(s, chunk);
}

/* A cell that is not in use; it is marked as taken. */
static int cell_take(struct record_store *s, unsigned class, uint32_t *ret_chunk, uint32_t *ret_cell)
{
    if (s->room[class] == NO_CHUNK) {
        int error = chunk_take(s, class);
        if (error)
            return error;
    }
    uint32_t index = s->room[class], cell = 0;
    struct chunk *c = s->chunk[index];

    while (c->taken[cell / 64] == UINT64_MAX)
        cell += 64;
    cell += (uint32_t)__builtin_ctzll(~c->taken[cell / 64]);
    assert(cell < chunk_cells(class));
    if (cell >= c->used) {
        c->used = (uint16_t)(cell + 1);
        atomic_store(&s->directory[index], directory_word(class, c->used));
        RECORD_STORE_STEP();
    }
    cell_mark(s, index, cell);
    *ret_chunk = index;
    *ret_cell = cell;
    return 0;
}

/* ---- the index ---- */

static struct entry *entry_find(const struct record_store *s, uint8_t kind, uint64_t key)
{
    uint32_t hash = record_hash(kind, key);

    for (struct hash_link *l = hash_table_first(&s->index, hash); l; l = hash_link_next(l, hash)) {
        struct entry *e = container_of(l, struct entry, link);
        const struct cell *c = cell_at(s, e->chunk, e->cell);
        if (c->key == key && c->kind == kind)
            return e;
    }
    return NULL;
}

static int entry_add(struct record_store *s, uint32_t chunk, uint32_t cell)
{
    struct entry *e = pool_take(&s->entries);
    const struct cell *c = cell_at(s, chunk, cell);

    if (!e)
        return -ENOMEM;
    e->chunk = chunk;
    e->cell = cell;
    hash_table_add(&s->index, &e->link, record_hash(c->kind, c->key));
    return 0;
}

/* ---- opening ---- */

/* Takes one cell of a found region into the index, or clears it. */
static int cell_adopt(struct record_store *s, uint32_t chunk, uint32_t cell)
{
    struct cell *c = cell_at(s, chunk, cell);
    uint16_t size = class_size[s->chunk[chunk]->class];
    uint64_t number = atomic_load(&c->commit);

    if (number == 0) {
        cell_wipe(c, size);
        return 0;
    }
    if (c->len > size - sizeof *c || c->zero != 0 || c->sum != cell_sum(c, number)) {
        s->damaged++;
        cell_release(c, size);
        return 0;
    }
    s->number = MAX(s->number, number);
    struct entry *other = entry_find(s, c->kind, c->key);
    if (other) {
        /* Killed between the new copy's commit and the old one's release. */
        struct cell *o = cell_at(s, other->chunk, other->cell);
        if (atomic_load(&o->commit) > number) {
            cell_release(c, size);
            return 0;
        }
        uint32_t old_chunk = other->chunk, old_cell = other->cell;
        cell_mark(s, chunk, cell);
        other->chunk = chunk;
        other->cell = cell;
        cell_release(o, class_size[s->chunk[old_chunk]->class]);
        /* Its chunk may be the one that is being read: it is freed at the end of the reading, if at all. */
        s->chunk[old_chunk]->taken[old_cell / 64] &= ~(UINT64_C(1) << (old_cell % 64));
        s->chunk[old_chunk]->live--;
        s->bytes_used -= class_size[s->chunk[old_chunk]->class];
        return 0;
    }
    cell_mark(s, chunk, cell);
    return entry_add(s, chunk, cell);
}

static int chunk_adopt(struct record_store *s, uint32_t index)
{
    uint32_t word = atomic_load(&s->directory[index]), used = word >> 8;
    unsigned class = (word & 0xff) - 1;
    struct chunk *c = s->chunk[index] = calloc(1, sizeof(struct chunk));

    if (!c)
        return -ENOMEM;
    if (class >= CLASSES || used > chunk_cells(class)) {
        s->damaged++;
        wipe(s->base + (size_t)index * CHUNK_SIZE, CHUNK_SIZE);
        atomic_store(&s->directory[index], 0);
        return 0;
    }
    c->class = (uint8_t) class;
    c->used = (uint16_t)used;
    c->in_use = true;
    for (uint32_t cell = 0; cell < used; cell++) {
        int error = cell_adopt(s, index, cell);
        if (error)
            return error;
    }
    return 0;
}

static int store_adopt(struct record_store *s)
{
    for (uint32_t i = 0; i < s->chunks; i++) {
        if (atomic_load(&s->directory[i]) == 0)
            continue;
        int error = chunk_adopt(s, i);
        if (error)
            return error;
        s->fresh = i + 1;
    }
    /* From the last to the first, so that the first chunks are filled first. */
    for (uint32_t i = s->fresh; i-- > 0;) {
        if (!s->chunk[i])
            s->chunk[i] = calloc(1, sizeof(struct chunk));
        if (!s->chunk[i])
            return -ENOMEM;
        struct chunk *c = s->chunk[i];
        if (c->in_use && c->live == 0) {
            chunk_free(s, i);
        } else if (c->in_use) {
            if (c->live < chunk_cells(c->class))
                chunk_list(s, i);
        } else {
            c->next = s->free_chunks;
            s->free_chunks = i;
        }
    }
    return 0;
}

static uint32_t chunks_of(size_t size)
{
    if (size < STORE_HEADER_SIZE + CHUNK_SIZE + sizeof(uint32_t))
        return 0;
    size_t chunks = (size - STORE_HEADER_SIZE) / (CHUNK_SIZE + sizeof(uint32_t));
    /* The directory is rounded up to the alignment of cells. */
    while (chunks && STORE_HEADER_SIZE + ((chunks * 4 + 4095) & ~(size_t)4095) + chunks * CHUNK_SIZE > size)
        chunks--;
    return (uint32_t)MIN(chunks, (size_t)UINT32_MAX - 1);
}

static bool header_ready(struct store_header *h, size_t size, uint32_t chunks)
{
    static const char magic[8] = "HFREC01", none[8];
    const struct store_header want = {.size = size,
                                      .chunk_size = CHUNK_SIZE,
                                      .chunks = chunks,
                                      .classes = CLASSES,
                                      .cell_header = sizeof(struct cell)};

    if (memcmp(h->magic, none, sizeof none) == 0) {
        *h = want;
        RECORD_STORE_STEP();
        atomic_thread_fence(memory_order_seq_cst);
        memcpy(h->magic, magic, sizeof magic);
        RECORD_STORE_STEP();
        return true;
    }
    return memcmp(h->magic, magic, sizeof magic) == 0 && h->size == want.size &&
           h->chunk_size == want.chunk_size && h->chunks == want.chunks && h->classes == want.classes &&
           h->cell_header == want.cell_header;
}

struct record_store *record_store_open(void *region, size_t size, int *ret_error)
{
    uint32_t chunks = chunks_of(size);
    struct record_store *s;

    assert(((uintptr_t)region & 63) == 0);
    if (chunks == 0 || !header_ready(region, size, chunks)) {
        *ret_error = -EBADMSG;
        return NULL;
    }
    *ret_error = -ENOMEM;
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->region = region;
    s->size = size;
    s->chunks = chunks;
    s->directory = (_Atomic uint32_t *)(void *)(s->region + STORE_HEADER_SIZE);
    s->base = s->region + STORE_HEADER_SIZE + (((size_t)chunks * 4 + 4095) & ~(size_t)4095);
    s->free_chunks = NO_CHUNK;
    for (unsigned i = 0; i < CLASSES; i++)
        s->room[i] = NO_CHUNK;
    pool_init(&s->entries, sizeof(struct entry),
              (uint32_t)MIN((uint64_t)chunks * CHUNK_CELLS_MAX, (uint64_t)UINT32_MAX));
    s->chunk = calloc(chunks, sizeof *s->chunk);
    if (!s->chunk || hash_table_init(&s->index, MAX(64u, MIN(chunks * 32u, 1u << 18))) != 0 ||
        store_adopt(s) != 0) {
        record_store_close(s);
        return NULL;
    }
    return s;
}

void record_store_close(struct record_store *s)
{
    if (!s)
        return;
    if (s->chunk)
        for (uint32_t i = 0; i < s->chunks; i++)
            free(s->chunk[i]);
    free(s->chunk);
    pool_done(&s->entries);
    hash_table_done(&s->index);
    free(s);
}

/* ---- using it ---- */

int record_store_put(struct record_store *s, uint8_t kind, uint64_t key, struct bytes data)
{
    uint32_t chunk, cell;

    if (data.len > RECORD_DATA_MAX)
        return -EMSGSIZE;
    int error = cell_take(s, class_of(data.len), &chunk, &cell);
    if (error)
        return error;

    struct entry *e = entry_find(s, kind, key);
    struct cell *c = cell_at(s, chunk, cell);
    cell_write(c, s->number + 1, kind, key, data);
    if (!e) {
        error = entry_add(s, chunk, cell);
        if (error) {
            cell_release(c, class_size[s->chunk[chunk]->class]);
            cell_unmark(s, chunk, cell);
            return error;
        }
        s->number++;
        return 0;
    }
    s->number++;
    uint32_t old_chunk = e->chunk, old_cell = e->cell;
    e->chunk = chunk;
    e->cell = cell;
    cell_release(cell_at(s, old_chunk, old_cell), class_size[s->chunk[old_chunk]->class]);
    cell_unmark(s, old_chunk, old_cell);
    return 0;
}

void record_store_delete(struct record_store *s, uint8_t kind, uint64_t key)
{
    struct entry *e = entry_find(s, kind, key);

    if (!e)
        return;
    uint32_t chunk = e->chunk, cell = e->cell;
    hash_table_remove(&s->index, &e->link);
    pool_put(&s->entries, e);
    cell_release(cell_at(s, chunk, cell), class_size[s->chunk[chunk]->class]);
    cell_unmark(s, chunk, cell);
}

bool record_store_get(const struct record_store *s, uint8_t kind, uint64_t key, struct bytes *ret)
{
    const struct entry *e = entry_find(s, kind, key);

    if (!e)
        return false;
    const struct cell *c = cell_at(s, e->chunk, e->cell);
    *ret = bytes_of(c->data, c->len);
    return true;
}

void record_store_each(const struct record_store *s,
                       void (*visit)(void *context, uint8_t kind, uint64_t key, struct bytes data),
                       void *context)
{
    for (uint32_t i = 0; i < s->fresh; i++) {
        const struct chunk *c = s->chunk[i];
        if (!c->in_use)
            continue;
        for (uint32_t cell = 0; cell < c->used; cell++) {
            if (!cell_taken(c, cell))
                continue;
            const struct cell *r = cell_at(s, i, cell);
            visit(context, r->kind, r->key, bytes_of(r->data, r->len));
        }
    }
}

void record_store_usage(const struct record_store *s, struct record_store_usage *ret)
{
    *ret = (struct record_store_usage){
        .records = s->index.count,
        .damaged = s->damaged,
        .bytes_used = s->bytes_used,
        .bytes_size = (size_t)s->chunks * CHUNK_SIZE,
    };
}
