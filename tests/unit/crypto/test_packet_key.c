/* SPDX-License-Identifier: Apache-2.0 */
/* Packet keys: which are refused, when and by whom; keys shared between processes and moved between
 * addresses; and the generator of IVs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "packet_frame.h"

static struct rng rng;

/* A key of the other direction, of another instruction set, wiped, or never made: nothing is touched. */
static void bad_keys(void **state)
{
    static const struct packet_algorithms a = {PACKET_ENCRYPTION_AES_GCM16, 16, 0};
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX];
    struct packet_cipher *best = packet_cipher_new(&rng), *sse = packet_cipher_new_for(&rng, "sse");
    struct packet_key *never = aligned_alloc(64, sizeof(*never)), *wiped, *seal, *open;
    struct frame f, before;

    (void)state;
    assert_non_null(best);
    rng_fill(&rng, material, sizeof(material));
    memset(never, 0, sizeof(*never));
    seal = key_new(best, &a, true, material);
    open = key_new(best, &a, false, material);
    wiped = key_new(best, &a, true, material);
    packet_key_wipe(wiped);
    assert_memory_equal(wiped, never, sizeof(*never));
    rng_fill(&rng, f.data, FRAME);
    frame_lay(&f, seal, 64, false);
    before = f;
    const struct {
        struct packet_cipher *c;
        const struct packet_key *k;
        bool seal;
    } table[] = {{best, open, true},  {best, seal, false},  {best, wiped, true}, {best, wiped, false},
                 {best, never, true}, {best, never, false}, {sse, seal, true},   {sse, open, false}};
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        f.job.key = table[i].k;
        f.job.result = 0;
        if (!table[i].c || (table[i].c == sse && strcmp(packet_cipher_arch(best), "sse") == 0))
            continue;
        assert_int_equal(table[i].seal ? packet_cipher_seal(table[i].c, &f.job, 1)
                                       : packet_cipher_open(table[i].c, &f.job, 1),
                         0);
        assert_int_equal(f.job.result, PACKET_RESULT_BAD_KEY);
        assert_memory_equal(f.data, before.data, FRAME);
    }
    key_free(seal);
    key_free(open);
    key_free(wiped);
    free(never);
    packet_cipher_free(best);
    packet_cipher_free(sse);
}

static void bad_material(void **state)
{
    struct packet_algorithms all[COMBINATIONS];
    size_t n = combinations(all);
    uint8_t material[128] = {1};
    struct packet_cipher *c = packet_cipher_new(&rng);
    struct packet_key *k = aligned_alloc(64, sizeof(*k)), *before = aligned_alloc(64, sizeof(*k));

    (void)state;
    memset(k, 0x77, sizeof(*k));
    memset(before, 0x77, sizeof(*k));
    for (size_t i = 0; i < n; i++) {
        size_t e = packet_encryption_key_len(&all[i]), h = packet_integrity_key_len(&all[i]);
        const size_t wrong[][2] = {{e + 1, h},          {e ? e - 1 : 3, h}, {e, h + 1},
                                   {e, h ? h - 1 : 16}, {e + 4, h},         {h, e + 1}};

        for (size_t w = 0; w < ARRAY_SIZE(wrong); w++)
            assert_int_equal(packet_key_init(c, k, &all[i], true, bytes_of(material, wrong[w][0]),
                                             bytes_of(material, wrong[w][1])),
                             -EINVAL);
    }
    all[0] = (struct packet_algorithms){0};
    assert_int_equal(packet_key_init(c, k, &all[0], true, bytes_of(NULL, 0), bytes_of(NULL, 0)), -EINVAL);
    assert_memory_equal(k, before, sizeof(*k));
    assert_null(packet_cipher_new_for(&rng, "vax"));
    free(k);
    free(before);
    packet_cipher_free(c);
}

/* A child seals with a key that its parent expanded in shared memory; the parent opens it with a copy of the
 * other key at another address. */
static void shared_between_processes(void **state)
{
    struct packet_algorithms all[COMBINATIONS];
    size_t n = combinations(all);
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX], plain[64];
    struct packet_cipher *c = packet_cipher_new(&rng);
    struct shared {
        struct packet_key seal, open;
        struct frame f;
    } * s;
    int fd = memfd_create("keys", MFD_CLOEXEC), status;

    (void)state;
    assert_int_equal(ftruncate(fd, sizeof(*s)), 0);
    s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(s, MAP_FAILED);
    for (size_t i = 0; i < n; i++) {
        struct bytes key = bytes_of(material, packet_encryption_key_len(&all[i]));
        struct bytes integrity = bytes_of(material + PACKET_KEY_MAX, packet_integrity_key_len(&all[i]));
        struct packet_key *moved = aligned_alloc(64, sizeof(*moved));
        pid_t pid;

        rng_fill(&rng, material, sizeof(material));
        rng_fill(&rng, s->f.data, FRAME);
        assert_int_equal(packet_key_init(c, &s->seal, &all[i], true, key, integrity), 0);
        assert_int_equal(packet_key_init(c, &s->open, &all[i], false, key, integrity), 0);
        memcpy(moved, &s->open, sizeof(*moved));
        frame_lay(&s->f, &s->seal, 64, true);
        memcpy(plain, s->f.job.payload, 64);
        pid = fork();
        if (pid == 0) {
            struct shared *elsewhere = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            struct packet_cipher *own = packet_cipher_new(&rng);

            frame_lay(&elsewhere->f, &elsewhere->seal, 64, true);
            _exit(elsewhere != s && own && packet_cipher_seal(own, &elsewhere->f.job, 1) == 1 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        frame_lay(&s->f, moved, 64, true);
        assert_int_equal(packet_cipher_open(c, &s->f.job, 1), 1);
        assert_memory_equal(s->f.job.payload, plain, 64);
        key_free(moved);
    }
    munmap(s, sizeof(*s));
    close(fd);
    packet_cipher_free(c);
}

static int compare_16(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

/* IVs of CBC never repeat and depend on the generator; those of AEADs stay the caller's. */
static void ivs(void **state)
{
    static const struct packet_algorithms cbc = {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96};
    static const struct packet_algorithms des = {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_SHA1_96};
    static const struct packet_algorithms gcm = {PACKET_ENCRYPTION_AES_GCM16, 16, 0};
    static uint8_t seen[200 * PACKET_BURST_MAX][16];
    uint8_t material[PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX] = {0}, other[32], same[16], zero[16] = {0};
    struct packet_job jobs[PACKET_BURST_MAX + 1];
    struct rng a, b;
    struct packet_cipher *ca, *cb;
    struct packet_key *k, *kd, *kg;

    (void)state;
    rng_init_number(&a, 42);
    rng_init_number(&b, 42);
    ca = packet_cipher_new(&a);
    cb = packet_cipher_new(&b);
    k = key_new(ca, &cbc, true, material);
    kd = key_new(ca, &des, true, material);
    kg = key_new(ca, &gcm, true, material);
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < PACKET_BURST_MAX; i++)
            jobs[i] = (struct packet_job){.key = k, .iv = seen[round * PACKET_BURST_MAX + i]};
        packet_cipher_ivs(ca, jobs, PACKET_BURST_MAX);
    }
    jobs[0].iv = same;
    packet_cipher_ivs(cb, jobs, 1);
    assert_memory_equal(same, seen[0], 16);
    qsort(seen, ARRAY_SIZE(seen), 16, compare_16);
    for (size_t i = 1; i < ARRAY_SIZE(seen); i++)
        assert_memory_not_equal(seen[i - 1], seen[i], 16);
    memset(other, 0, sizeof(other));
    jobs[0] = (struct packet_job){.key = kg, .iv = other};
    jobs[1] = (struct packet_job){.key = kd, .iv = other + 16};
    packet_cipher_ivs(ca, jobs, 2);
    assert_memory_equal(other, zero, 16);
    assert_memory_not_equal(other + 16, zero, 8);
    assert_memory_equal(other + 24, zero, 8);
    packet_cipher_ivs(ca, jobs, 0);
    key_free(k);
    key_free(kd);
    key_free(kg);
    packet_cipher_free(ca);
    packet_cipher_free(cb);
    packet_cipher_free(NULL);
}

static int set_up(void **state)
{
    (void)state;
    rng_init_number(&rng, 7);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_keys),
        cmocka_unit_test(bad_material),
        cmocka_unit_test(ivs),
        cmocka_unit_test(shared_between_processes),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
