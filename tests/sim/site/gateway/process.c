/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and their memory; see process.h. Linked with --wrap for malloc and its kin. */
#include "site/gateway/process.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct process *process_current;

/* ---- memory ---- */

struct block {
    struct block *next, **back;
    struct process *owner;
    void *base; /* as the real malloc gave it */
    size_t size;
    uint64_t magic;
};

static const uint64_t MAGIC = 0x626c6f636b206f6b;

static uint64_t world_blocks;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t len);
int __wrap_vasprintf(char **ret, const char *format, va_list list);

uint64_t memory_world_blocks(void)
{
    return world_blocks;
}

static void *block_begin(void *base, struct block *b, size_t size)
{
    struct process *p = process_current;
    *b = (struct block){.owner = p, .base = base, .size = size, .magic = MAGIC};
    if (!p) {
        world_blocks++;
        return b + 1;
    }
    b->next = p->blocks;
    b->back = &p->blocks;
    if (b->next)
        b->next->back = &b->next;
    p->blocks = b;
    p->block_count++;
    p->bytes += size;
    p->bytes_peak = MAX(p->bytes_peak, p->bytes);
    return b + 1;
}

static void block_end(struct block *b)
{
    struct process *p = b->owner;
    assert(b->magic == MAGIC);
    b->magic = 0;
    if (!p) {
        world_blocks--;
        return;
    }
    *b->back = b->next;
    if (b->next)
        b->next->back = b->back;
    p->block_count--;
    p->bytes -= b->size;
}

void *__wrap_malloc(size_t size)
{
    struct block *b = __real_malloc(sizeof(*b) + size);
    return b ? block_begin(b, b, size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole))
        return NULL;
    struct block *b = __real_calloc(1, sizeof(*b) + whole);
    return b ? block_begin(b, b, whole) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    size_t front = (sizeof(struct block) + alignment - 1) / alignment * alignment;
    uint8_t *base = __real_aligned_alloc(alignment, front + (size + alignment - 1) / alignment * alignment);
    return base ? block_begin(base, (struct block *)(base + front) - 1, size) : NULL;
}

/* What libc allocated for its caller (getdelim and the like) has no block before it. */
__attribute__((no_sanitize("address"))) static bool is_block(const void *p)
{
    return ((const struct block *)p)[-1].magic == MAGIC;
}

void __wrap_free(void *p)
{
    struct block *b = (struct block *)p - 1;
    if (!p)
        return;
    if (!is_block(p)) {
        __real_free(p);
        return;
    }
    block_end(b);
    __real_free(b->base);
}

void *__wrap_realloc(void *p, size_t size)
{
    struct block *b = (struct block *)p - 1;
    if (p && !is_block(p))
        return __real_realloc(p, size);
    void *grown = __wrap_malloc(size);
    if (!grown || !p)
        return grown;
    memcpy(grown, p, MIN(size, b->size));
    __wrap_free(p);
    return grown;
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
    size_t whole;
    return __builtin_mul_overflow(count, size, &whole) ? NULL : __wrap_realloc(p, whole);
}

char *__wrap_strndup(const char *s, size_t len)
{
    size_t n = strnlen(s, len);
    char *copy = __wrap_malloc(n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

char *__wrap_strdup(const char *s)
{
    return __wrap_strndup(s, strlen(s));
}

int __wrap_vasprintf(char **ret, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    *ret = n < 0 ? NULL : __wrap_malloc((size_t)n + 1);
    return *ret ? vsnprintf(*ret, (size_t)n + 1, format, list) : -1;
}

/* ---- life ---- */

void process_die(struct process *p)
{
    assert(process_current != p);
    while (p->blocks) {
        struct block *b = p->blocks;
        block_end(b);
        __real_free(b->base);
    }
    assert(p->block_count == 0 && p->bytes == 0);
    p->alive = false;
    p->loop = NULL;
    p->program = NULL;
    p->turn_at = NS_NEVER;
    p->turn_number++;
    p->die_at = 0;
}

bool process_run(struct process *p, void (*run)(struct process *p, void *argument), void *argument)
{
    assert(process_current == NULL && p->alive);
    process_current = p;
    if (setjmp(p->out) == 0) {
        run(p, argument);
        process_current = NULL;
        return true;
    }
    process_current = NULL;
    process_die(p);
    return false;
}

void process_point(void)
{
    struct process *p = process_current;
    if (p && ++p->calls == p->die_at)
        longjmp(p->out, 1);
}

struct process *process_leave(void)
{
    struct process *p = process_current;
    process_current = NULL;
    return p;
}

void process_return(struct process *p)
{
    process_current = p;
}
