/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of src/control that have another form here: those that need threads, files, a terminal, FRR or a name
 * server. A log line is told to the world; a key exchange takes a few milliseconds of virtual time. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/cli/exec.h"
#include "control/control.h"
#include "control/job_pool.h"
#include "control/redundancy/hello_pacer.h"
#include "control/routing/routing.h"
#include "site/gateway/kernel.h"

/* ---- the log ---- */

struct log {
    uint64_t count;
};

struct log *log_new(void *region, size_t size, bool to_stderr)
{
    (void)region;
    (void)size;
    (void)to_stderr;
    return calloc(1, sizeof(struct log));
}

void log_free(struct log *l)
{
    free(l);
}

void log_line(struct log *l, const char *facility, uint8_t severity, const char *mnemonic, const char *format,
              ...)
{
    char text[LOG_LINE_MAX];
    va_list list;
    struct site *s = kernel_here()->node->site;
    l->count++;
    process_point();
    /* How often it may say so is remembered by the program, not by the process. */
    if (strcmp(mnemonic, "IKMP_NO_PATH") == 0)
        return;
    text[0] = 0;
    if (s->listening) {
        va_start(list, format);
        vsnprintf(text, sizeof(text), format, list);
        va_end(list);
    }
    struct process *out = process_leave();
    site_tell(s, out->node, facility, "%%%s-%u-%s: %s", facility, severity, mnemonic, text);
    process_return(out);
}

void log_debug(struct log *l, const char *subject, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list list;
    struct process *out = process_leave();
    (void)l;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    site_tell(out->node->site, out->node, "debug", "%s: %s", subject, text);
    process_return(out);
}

void log_each(const struct log *l, void (*visit)(void *context, struct bytes line), void *context)
{
    (void)l;
    (void)visit;
    (void)context;
}

void log_clear(struct log *l)
{
    l->count = 0;
}

uint64_t log_count(const struct log *l)
{
    return l->count;
}

size_t log_size(const struct log *l)
{
    (void)l;
    return 0;
}

void log_listen(struct log *l, void (*hear)(void *context, struct bytes line), void *context)
{
    (void)l;
    (void)hear;
    (void)context;
}

char *log_stamp(uint64_t wall_ns, char out[32])
{
    snprintf(out, 32, "%llu.%03llu", (unsigned long long)(wall_ns / NS_PER_S),
             (unsigned long long)(wall_ns % NS_PER_S / NS_PER_MS));
    return out;
}

/* ---- key exchanges ---- */

enum { JOB_MS_MIN = 1, JOB_MS_RANGE = 6 };

struct job_pool {
    uv_loop_t *loop;
    void (*done)(void *context, struct ike_job *job);
    void *context;
};

struct work {
    uv_timer_t timer;
    struct job_pool *pool;
    struct ike_job *job;
};

int job_pool_new(uv_loop_t *loop, unsigned threads, void (*done)(void *context, struct ike_job *job),
                 void *context, struct job_pool **ret)
{
    struct job_pool *p = calloc(1, sizeof(*p));
    (void)threads;
    if (!p)
        return -ENOMEM;
    *p = (struct job_pool){loop, done, context};
    *ret = p;
    return 0;
}

static void work_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void work_done(uv_timer_t *timer)
{
    struct work *w = timer->data;
    uv_close((uv_handle_t *)timer, work_closed);
    w->pool->done(w->pool->context, w->job);
}

void job_pool_add(struct job_pool *p, struct ike_job *job)
{
    struct work *w = calloc(1, sizeof(*w));
    if (!w) {
        ike_job_free(job);
        return;
    }
    ike_job_run(job);
    w->pool = p;
    w->job = job;
    uv_timer_init(p->loop, &w->timer);
    w->timer.data = w;
    uv_update_time(p->loop);
    uv_timer_start(&w->timer, work_done,
                   JOB_MS_MIN + rng_below(&kernel_here()->node->site->rng, JOB_MS_RANGE), 0);
}

/* ---- hellos are never late for want of a processor ---- */

struct hello_pacer {
    bool unused;
};

int hello_pacer_new(ns patience, int (*send)(void *context, uint32_t ifindex, struct bytes frame),
                    void *context, struct hello_pacer **ret)
{
    (void)patience;
    (void)send;
    (void)context;
    *ret = calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

void hello_pacer_free(struct hello_pacer *p)
{
    free(p);
}

void hello_pacer_put(struct hello_pacer *p, const void *owner, uint32_t ifindex, struct bytes frame,
                     ns interval, ns now)
{
    (void)p;
    (void)owner;
    (void)ifindex;
    (void)frame;
    (void)interval;
    (void)now;
}

void hello_pacer_drop(struct hello_pacer *p, const void *owner)
{
    (void)p;
    (void)owner;
}

void hello_pacer_alive(struct hello_pacer *p, ns now)
{
    (void)p;
    (void)now;
}

uint64_t hello_pacer_sent(const struct hello_pacer *p)
{
    (void)p;
    return 0;
}

/* ---- names of peers: there is no name server ---- */

struct resolver {
    bool unused;
};

struct resolver *resolver_new(struct control *c)
{
    (void)c;
    return calloc(1, sizeof(struct resolver));
}

struct address resolver_find(void *resolver, const char *hostname)
{
    (void)resolver;
    (void)hostname;
    return (struct address){0};
}

/* ---- key files ---- */

void key_files_init(struct key_files *k, const char *run_directory)
{
    (void)run_directory;
    *k = (struct key_files){0};
}

int key_files_begin(struct key_files *k)
{
    (void)k;
    return -EROFS;
}

void key_files_end(struct key_files *k)
{
    (void)k;
}

int key_files_isakmp(struct key_files *k, const struct ike_keys_isakmp *keys)
{
    (void)k;
    (void)keys;
    return 0;
}

int key_files_pair(struct key_files *k, const struct ike_pair_install *p)
{
    (void)k;
    (void)p;
    return 0;
}

/* ---- FRR: there is none ---- */

int routing_begin(struct control *c)
{
    (void)c;
    return 0;
}

void routing_apply(struct control *c, const struct config *after)
{
    (void)c;
    (void)after;
}

void routing_end(struct control *c)
{
    (void)c;
}

int routing_show(struct exec_call *x)
{
    text_add(x->out, "% not in the simulator\n");
    return EXEC_FAILED;
}

/* ---- the command's socket: lines come from gateway.c ---- */

int cli_server_begin(struct control *c)
{
    (void)c;
    return 0;
}

void cli_server_end(struct control *c)
{
    (void)c;
}

void cli_write(struct cli_client *client, const char *text)
{
    (void)client;
    (void)text;
}

void cli_finish(struct cli_client *client, int status)
{
    (void)client;
    (void)status;
}

void cli_on_cancel(struct cli_client *client, void (*cancel)(void *context), void *context)
{
    (void)client;
    (void)cancel;
    (void)context;
}

int cli_configure_begin(struct cli_client *client)
{
    (void)client;
    return -ENOTSUP;
}

void cli_monitor(struct cli_client *client, bool on)
{
    (void)client;
    (void)on;
}

int ping_start(struct exec_call *x)
{
    text_add(x->out, "% not in the simulator\n");
    return EXEC_FAILED;
}
