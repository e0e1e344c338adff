/* SPDX-License-Identifier: Apache-2.0 */
/* See job_pool.h: two lists under one lock, a condition for the threads, an event descriptor for the loop.
 * The threads live as long as the process. */
#include "control/job_pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ike/ike.h"

enum { DONE_AT_ONCE = 64 };

struct work {
    struct work *next;
    struct ike_job *job;
};

struct work_list {
    struct work *first, **last;
};

struct job_pool {
    void (*done)(void *context, struct ike_job *job);
    void *context;
    uv_poll_t poll;
    int event;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct work_list waiting, finished;
};

static void list_put(struct work_list *l, struct work *w)
{
    w->next = NULL;
    *l->last = w;
    l->last = &w->next;
}

static struct work *list_take(struct work_list *l)
{
    struct work *w = l->first;
    if (!w)
        return NULL;
    l->first = w->next;
    if (!l->first)
        l->last = &l->first;
    return w;
}

static void *thread_run(void *argument)
{
    struct job_pool *p = argument;
    for (;;) {
        struct work *w;
        pthread_mutex_lock(&p->lock);
        while (!(w = list_take(&p->waiting)))
            pthread_cond_wait(&p->more, &p->lock);
        pthread_mutex_unlock(&p->lock);
        ike_job_run(w->job);
        pthread_mutex_lock(&p->lock);
        list_put(&p->finished, w);
        pthread_mutex_unlock(&p->lock);
        const uint64_t one = 1;
        (void)!write(p->event, &one, sizeof one); /* full means that it is readable anyway */
    }
    return NULL;
}

static struct work *finished_take(struct job_pool *p, bool *ret_more)
{
    pthread_mutex_lock(&p->lock);
    struct work *w = list_take(&p->finished);
    *ret_more = p->finished.first != NULL;
    pthread_mutex_unlock(&p->lock);
    return w;
}

static void event_readable(uv_poll_t *poll, int status, int events)
{
    struct job_pool *p = poll->data;
    const uint64_t one = 1;
    uint64_t count;
    bool more = false;
    (void)status;
    (void)events;
    (void)!read(p->event, &count, sizeof count);
    for (unsigned i = 0; i < DONE_AT_ONCE; i++) {
        struct work *w = finished_take(p, &more);
        if (!w)
            return;
        p->done(p->context, w->job);
        free(w);
    }
    if (more)
        (void)!write(p->event, &one, sizeof one); /* the rest in the next turn */
}

static int threads_start(struct job_pool *p, unsigned threads)
{
    sigset_t all, before;
    int error = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    for (unsigned i = 0; i < threads && !error; i++) {
        pthread_t thread;
        error = -pthread_create(&thread, NULL, thread_run, p);
        if (!error)
            pthread_detach(thread);
        else if (i > 0)
            error = 0; /* fewer will do */
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

int job_pool_new(uv_loop_t *loop, unsigned threads, void (*done)(void *context, struct ike_job *job),
                 void *context, struct job_pool **ret)
{
    struct job_pool *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->done = done;
    p->context = context;
    p->waiting.last = &p->waiting.first;
    p->finished.last = &p->finished.first;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = p->event < 0 ? -errno : uv_poll_init(loop, &p->poll, p->event);
    p->poll.data = p;
    if (!error)
        error = uv_poll_start(&p->poll, UV_READABLE, event_readable);
    if (!error)
        error = threads_start(p, threads);
    if (error) /* the process ends: what the loop has of it goes with that */
        return error;
    *ret = p;
    return 0;
}

void job_pool_add(struct job_pool *p, struct ike_job *job)
{
    struct work *w = malloc(sizeof *w);
    if (!w) {
        ike_job_free(job); /* the exchange times out and is tried again */
        return;
    }
    w->job = job;
    pthread_mutex_lock(&p->lock);
    list_put(&p->waiting, w);
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->lock);
}
