/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that repeat hellos; see hello_pacer.h. */
#include "control/redundancy/hello_pacer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "io/clock.h"

/* A kernel that does not preempt itself may keep the processor on which the loop is in a long system call: a
 * thread that woke there would wait for its end. So there are two, each on a processor of its own. */
enum { PACER_PRIORITY = 2, PACER_THREADS = 2 };

struct paced {
    const void *owner;
    uint32_t ifindex;
    uint16_t len;
    ns interval, due;
    uint8_t frame[HELLO_PACER_FRAME];
};

struct hello_pacer {
    pthread_t threads[PACER_THREADS];
    unsigned thread_count;
    pthread_mutex_t lock; /* entries, count, ending */
    pthread_cond_t changed;
    bool ending;
    unsigned count;
    struct paced entries[HELLO_PACER_ENTRIES];
    ns patience;
    int (*send)(void *context, uint32_t ifindex, struct bytes frame);
    void *context;
    _Atomic ns alive;
    _Atomic uint64_t sent;
};

static ns entries_next(const struct hello_pacer *p)
{
    ns next = NS_NEVER;

    for (unsigned i = 0; i < p->count; i++)
        next = ns_min(next, p->entries[i].due);
    return next;
}

static void entries_send(struct hello_pacer *p, ns now)
{
    bool bridge = ns_since(now, p->alive) < p->patience;

    for (unsigned i = 0; i < p->count; i++) {
        struct paced *e = &p->entries[i];
        if (e->due > now)
            continue;
        e->due = now + e->interval;
        if (bridge && p->send(p->context, e->ifindex, bytes_of(e->frame, e->len)) == 0)
            p->sent++;
    }
}

static void *pacer_main(void *user)
{
    struct hello_pacer *p = user;
    const struct sched_param priority = {.sched_priority = PACER_PRIORITY};

    (void)!pthread_setschedparam(pthread_self(), SCHED_RR, &priority); /* where it is allowed */
    pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        ns next = entries_next(p);
        struct timespec t = {(time_t)(next / NS_PER_S), (long)(next % NS_PER_S)};
        if (next == NS_NEVER)
            pthread_cond_wait(&p->changed, &p->lock);
        else if (next > clock_now())
            pthread_cond_timedwait(&p->changed, &p->lock, &t);
        entries_send(p, clock_now());
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static int thread_start(struct hello_pacer *p, unsigned cpu)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&p->threads[p->thread_count], &attributes, pacer_main, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    p->thread_count += error == 0;
    return -error;
}

/* On the first processors that we may use. */
static int threads_start(struct hello_pacer *p)
{
    cpu_set_t set;
    int error = sched_getaffinity(0, sizeof set, &set) < 0 ? -errno : 0;

    for (unsigned cpu = 0; !error && cpu < CPU_SETSIZE && p->thread_count < PACER_THREADS; cpu++)
        if (CPU_ISSET(cpu, &set))
            error = thread_start(p, cpu);
    return error;
}

int hello_pacer_new(ns patience, int (*send)(void *context, uint32_t ifindex, struct bytes frame),
                    void *context, struct hello_pacer **ret)
{
    struct hello_pacer *p = calloc(1, sizeof *p);
    pthread_mutexattr_t lock;
    pthread_condattr_t clock;

    if (!p)
        return -ENOMEM;
    p->patience = patience;
    p->send = send;
    p->context = context;
    p->alive = clock_now();
    pthread_mutexattr_init(&lock);
    pthread_mutexattr_setprotocol(&lock, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&p->lock, &lock);
    pthread_mutexattr_destroy(&lock);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &clock);
    pthread_condattr_destroy(&clock);
    int error = threads_start(p);
    if (error) {
        hello_pacer_free(p);
        return error;
    }
    *ret = p;
    return 0;
}

void hello_pacer_free(struct hello_pacer *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    wipe(p->entries, sizeof p->entries);
    free(p);
}

static struct paced *entry_find(struct hello_pacer *p, const void *owner)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->entries[i].owner == owner)
            return &p->entries[i];
    return NULL;
}

void hello_pacer_put(struct hello_pacer *p, const void *owner, uint32_t ifindex, struct bytes frame,
                     ns interval, ns now)
{
    if (!p || frame.len > HELLO_PACER_FRAME || interval == 0)
        return;
    pthread_mutex_lock(&p->lock);
    struct paced *e = entry_find(p, owner);
    if (!e && p->count < HELLO_PACER_ENTRIES) {
        e = &p->entries[p->count++];
        pthread_cond_broadcast(&p->changed);
    }
    if (e) {
        *e = (struct paced){.owner = owner,
                            .ifindex = ifindex,
                            .len = (uint16_t)frame.len,
                            .interval = interval,
                            .due = now + interval + interval / 3};
        memcpy(e->frame, frame.data, frame.len);
    }
    pthread_mutex_unlock(&p->lock);
}

void hello_pacer_drop(struct hello_pacer *p, const void *owner)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    struct paced *e = entry_find(p, owner);
    if (e)
        *e = p->entries[--p->count];
    pthread_mutex_unlock(&p->lock);
}

void hello_pacer_alive(struct hello_pacer *p, ns now)
{
    if (p)
        p->alive = now;
}

uint64_t hello_pacer_sent(const struct hello_pacer *p)
{
    return p ? p->sent : 0;
}
