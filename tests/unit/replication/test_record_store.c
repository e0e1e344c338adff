/* SPDX-License-Identifier: Apache-2.0 */
/* The record store against a model, with its writer killed at every step and, in a process of its own, at any
 * instruction; with damaged memory; full. The store is compiled into this file so that it can be stopped. */
static void picture_take(void);
#define RECORD_STORE_STEP() picture_take()
#include "replication/record_store.c"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"

enum { REGION = 2 * 1024 * 1024, KEYS = 40, KINDS = 3, SLOTS = KEYS * KINDS };

struct model_record {
    bool there;
    uint16_t len;
    uint8_t data[RECORD_DATA_MAX];
};

static struct model_record model[SLOTS], before[SLOTS];
static uint8_t *region, *picture, *work;
static bool taking;
static unsigned pictures_checked;

static void *memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    return p;
}

static struct record_store *open_good(void *at, size_t size)
{
    int error = 0;
    struct record_store *s = record_store_open(at, size, &error);
    assert_non_null(s);
    return s;
}

static bool slot_is(const struct record_store *s, unsigned slot, const struct model_record *want)
{
    struct bytes got;
    bool there = record_store_get(s, (uint8_t)(slot / KEYS + 1), slot % KEYS, &got);
    return there == want->there &&
           (!there || (got.len == want->len && memcmp(got.data, want->data, got.len) == 0));
}

/* The slot that the operation under way changes; everything else must be as in the model. */
static unsigned changing;

static void picture_check(void)
{
    taking = false;
    memcpy(work, picture, REGION);
    struct record_store *s = open_good(work, REGION);
    struct record_store_usage u;
    record_store_usage(s, &u);
    assert_int_equal(u.damaged, 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (i == changing)
            assert_true(slot_is(s, i, &before[i]) || slot_is(s, i, &model[i]));
        else
            assert_true(slot_is(s, i, &model[i]));
    }
    /* And it can be used on: a put, a get and a delete. */
    assert_int_equal(record_store_put(s, 9, 9, bytes_of("survivor", 8)), 0);
    struct bytes got;
    assert_true(record_store_get(s, 9, 9, &got));
    record_store_delete(s, 9, 9);
    record_store_close(s);
    pictures_checked++;
    taking = true;
}

static void picture_take(void)
{
    if (!taking)
        return;
    memcpy(picture, region, REGION);
    picture_check();
}

static void model_change(struct record_store *s, struct rng *rng, unsigned slot)
{
    uint8_t kind = (uint8_t)(slot / KEYS + 1);
    uint64_t key = slot % KEYS;

    changing = slot;
    before[slot] = model[slot];
    if (rng_below(rng, 3) == 0) {
        model[slot].there = false;
        record_store_delete(s, kind, key);
        return;
    }
    struct model_record next = {.there = true};
    next.len = (uint16_t)rng_below(rng, rng_below(rng, 8) ? 700 : RECORD_DATA_MAX + 1);
    rng_fill(rng, next.data, next.len);
    model[slot] = next;
    assert_int_equal(record_store_put(s, kind, key, bytes_of(next.data, next.len)), 0);
}

static void count_visit(void *context, uint8_t kind, uint64_t key, struct bytes data)
{
    unsigned slot = (kind - 1u) * KEYS + (unsigned)key;
    assert_true(slot < SLOTS && model[slot].there && model[slot].len == data.len);
    ++*(unsigned *)context;
}

static void model_compare(const struct record_store *s)
{
    unsigned visited = 0, there = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        assert_true(slot_is(s, i, &model[i]));
        there += model[i].there;
    }
    record_store_each(s, count_visit, &visited);
    assert_int_equal(visited, there);
    struct record_store_usage u;
    record_store_usage(s, &u);
    assert_int_equal(u.records, there);
    assert_true(u.bytes_used <= u.bytes_size);
}

static void behaves_as_the_model(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        struct rng rng;
        rng_init_number(&rng, seed);
        memset(region, 0, REGION);
        memset(model, 0, sizeof model);
        struct record_store *s = open_good(region, REGION);
        for (unsigned i = 0; i < 3000; i++) {
            model_change(s, &rng, rng_below(&rng, SLOTS));
            if (i % 500 == 0) {
                model_compare(s);
                record_store_close(s);
                s = open_good(region, REGION);
                model_compare(s);
            }
        }
        model_compare(s);
        record_store_close(s);
    }
}

static void killed_at_every_step(void **state)
{
    (void)state;
    struct rng rng;
    rng_init_number(&rng, 77);
    memset(region, 0, REGION);
    memset(model, 0, sizeof model);
    pictures_checked = 0;
    changing = SLOTS;
    taking = true;
    struct record_store *s = open_good(region, REGION);
    for (unsigned i = 0; i < 120; i++)
        model_change(s, &rng, rng_below(&rng, 12));
    taking = false;
    model_compare(s);
    record_store_close(s);
    assert_true(pictures_checked > 1000);
}

/* A writer in its own process, killed at a random moment: round after round on the same memory. The records
 * of one round carry their round and their key, so a mixture would show. */
struct shared {
    _Atomic uint64_t finished; /* operations whose call returned */
    _Alignas(4096) uint8_t region[REGION];
};

static void victim_fill(uint64_t op, uint8_t *out, uint16_t *ret_len)
{
    *ret_len = (uint16_t)(8 + op * 131 % 900);
    for (uint16_t i = 0; i < *ret_len; i++)
        out[i] = (uint8_t)(op * 7 + i);
    memcpy(out, &op, 8);
}

static void victim_run(struct shared *sh, uint64_t op)
{
    int error;
    struct record_store *s = record_store_open(sh->region, REGION, &error);
    uint8_t data[1024];
    uint16_t len;

    if (!s)
        _exit(1);
    for (;; op++) {
        victim_fill(op, data, &len);
        if (op % 5 == 4)
            record_store_delete(s, 1, op % 16);
        else if (record_store_put(s, 1, op % 16, bytes_of(data, len)) != 0)
            _exit(2);
        atomic_store(&sh->finished, op + 1);
    }
}

static void killed_at_any_instruction(void **state)
{
    (void)state;
    struct shared *sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct rng rng;
    uint64_t survived = 0;

    assert_true(sh != MAP_FAILED);
    rng_init_number(&rng, 5);
    uint64_t last[16]; /* the operation that last wrote the key, + 1; 0: deleted or never */
    memset(last, 0, sizeof last);
    uint64_t done = 0;
    for (unsigned round = 0; round < 60; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            victim_run(sh, done);
        while (atomic_load(&sh->finished) < done + 10)
            usleep(50);
        usleep(rng_below(&rng, 1500));
        kill(pid, SIGKILL);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        uint64_t finished = atomic_load(&sh->finished);
        for (uint64_t op = done; op < finished; op++)
            last[op % 16] = op % 5 == 4 ? 0 : op + 1;

        struct record_store *s = open_good(sh->region, REGION);
        struct record_store_usage u;
        record_store_usage(s, &u);
        assert_int_equal(u.damaged, 0);
        bool under_way_done = false;
        for (unsigned key = 0; key < 16; key++) {
            struct bytes got;
            uint64_t found = 0;
            if (record_store_get(s, 1, key, &got)) {
                uint8_t want[1024];
                uint16_t len;
                memcpy(&found, got.data, 8);
                victim_fill(found, want, &len);
                assert_true(got.len == len && memcmp(got.data, want, len) == 0);
                found++;
            }
            if (found != last[key]) {
                /* Only the operation that was under way may have happened beyond the model. */
                assert_int_equal(finished % 16, key);
                assert_int_equal(found, finished % 5 == 4 ? 0 : finished + 1);
                under_way_done = true;
            }
        }
        if (under_way_done) {
            last[finished % 16] = finished % 5 == 4 ? 0 : finished + 1;
            finished++;
        }
        atomic_store(&sh->finished, finished);
        done = finished;
        survived++;
        record_store_close(s);
    }
    assert_int_equal(survived, 60);
    munmap(sh, sizeof *sh);
}

static void damage_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t offset; /* in the cell */
        uint8_t flip;
        bool found; /* else the cell is simply free */
    } table[] = {
        {"commit word", 1, 0x10, true},
        {"key", 8, 1, true},
        {"check sum", 16, 0x80, true},
        {"length", 20, 1, true},
        {"a huge length", 21, 0x80, true},
        {"kind", 22, 4, true},
        {"pad", 23, 1, true},
        {"data", 24, 1, true},
        {"last byte of data", 24 + 299, 1, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        uint8_t data[300];
        memset(data, 0x5a, sizeof data);
        memset(region, 0, REGION);
        struct record_store *s = open_good(region, REGION);
        assert_int_equal(record_store_put(s, 1, 1, bytes_of(data, sizeof data)), 0);
        assert_int_equal(record_store_put(s, 1, 2, bytes_of(data, sizeof data)), 0);
        uint8_t *cell = (uint8_t *)cell_at(s, 0, 0);
        record_store_close(s);
        cell[table[i].offset] ^= table[i].flip;
        s = open_good(region, REGION);
        struct record_store_usage u;
        record_store_usage(s, &u);
        struct bytes got;
        assert_int_equal(u.damaged, 1);
        assert_false(record_store_get(s, 1, 1, &got));
        assert_true(record_store_get(s, 1, 2, &got) && got.len == 300 && memcmp(got.data, data, 300) == 0);
        /* The damaged cell was cleared: nothing of it is left. */
        for (unsigned b = 0; b < 352; b++)
            assert_int_equal(cell[b], 0);
        record_store_close(s);
    }
}

static void damaged_directory_is_dropped(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0xff, CLASSES + 1, 1 | 0xffffff00u};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        memset(region, 0, REGION);
        struct record_store *s = open_good(region, REGION);
        assert_int_equal(record_store_put(s, 1, 1, bytes_of("a", 1)), 0);
        s->directory[0] = bad[i];
        record_store_close(s);
        s = open_good(region, REGION);
        struct record_store_usage u;
        record_store_usage(s, &u);
        assert_int_equal(u.records, 0);
        assert_int_equal(u.damaged, 1);
        assert_int_equal(record_store_put(s, 1, 1, bytes_of("b", 1)), 0);
        record_store_close(s);
    }
}

static void foreign_regions_are_refused(void **state)
{
    (void)state;
    int error = 0;

    memset(region, 0, REGION);
    assert_null(record_store_open(region, 4096, &error));
    assert_int_equal(error, -EBADMSG);
    memset(region, 'x', 64);
    error = 0;
    assert_null(record_store_open(region, REGION, &error));
    assert_int_equal(error, -EBADMSG);
    memset(region, 0, REGION);
    record_store_close(open_good(region, REGION));
    error = 0;
    assert_null(record_store_open(region, REGION - 2 * CHUNK_SIZE, &error));
    assert_int_equal(error, -EBADMSG);
    record_store_close(open_good(region, REGION));
}

static void full_store_keeps_what_it_has(void **state)
{
    (void)state;
    uint8_t data[RECORD_DATA_MAX + 1];
    unsigned stored = 0;
    int error;

    memset(data, 7, sizeof data);
    memset(region, 0, REGION);
    struct record_store *s = open_good(region, REGION);
    assert_int_equal(record_store_put(s, 1, 1, bytes_of(data, sizeof data)), -EMSGSIZE);
    while ((error = record_store_put(s, 1, stored, bytes_of(data, RECORD_DATA_MAX))) == 0)
        stored++;
    assert_int_equal(error, -ENOSPC);
    assert_true(stored >= 400);
    struct bytes got;
    for (unsigned i = 0; i < stored; i++)
        assert_true(record_store_get(s, 1, i, &got) && got.len == RECORD_DATA_MAX);
    /* Room comes back, for records of another size too. */
    for (unsigned i = 0; i < stored; i++)
        record_store_delete(s, 1, i);
    struct record_store_usage u;
    record_store_usage(s, &u);
    assert_int_equal(u.bytes_used, 0);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(record_store_put(s, 2, i, bytes_of(data, 300)), 0);
    record_store_usage(s, &u);
    assert_true(u.bytes_used <= 1000 * 352);
    record_store_close(s);
}

static void a_deleted_key_leaves_nothing(void **state)
{
    (void)state;
    static const char secret[] = "a pre-shared key of a peer";

    memset(region, 0, REGION);
    struct record_store *s = open_good(region, REGION);
    assert_int_equal(record_store_put(s, 1, 1, bytes_of(secret, sizeof secret)), 0);
    assert_non_null(memmem(region, REGION, secret, sizeof secret));
    assert_int_equal(record_store_put(s, 1, 1, bytes_of("x", 1)), 0);
    assert_null(memmem(region, REGION, secret, sizeof secret));
    assert_int_equal(record_store_put(s, 1, 2, bytes_of(secret, sizeof secret)), 0);
    record_store_delete(s, 1, 2);
    assert_null(memmem(region, REGION, secret, sizeof secret));
    record_store_delete(s, 1, 2); /* what is not there */
    record_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_the_model),         cmocka_unit_test(killed_at_every_step),
        cmocka_unit_test(killed_at_any_instruction),    cmocka_unit_test(damage_is_found),
        cmocka_unit_test(damaged_directory_is_dropped), cmocka_unit_test(foreign_regions_are_refused),
        cmocka_unit_test(full_store_keeps_what_it_has), cmocka_unit_test(a_deleted_key_leaves_nothing),
    };

    region = memory(REGION);
    picture = memory(REGION);
    work = memory(REGION);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
