/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that compute keys. Not libuv's: its loop spins until a thread that is handing over a result goes
 * on, and with short timers of redundancy our loop is scheduled before every ordinary thread, so it could
 * spin for a second in the way of the very thread that it waits for. Here whoever has to wait sleeps. */
#ifndef CONTROL_JOB_POOL_H
#define CONTROL_JOB_POOL_H

#include "base/bytes.h" /* before uv.h, which brings macros of the same names */

#include <uv.h>

struct ike_job;
struct job_pool;

/* `done` is called on the loop, a bounded number of times in one turn; the job is its then. -ENOMEM or
 * -errno. */
int job_pool_new(uv_loop_t *loop, unsigned threads, void (*done)(void *context, struct ike_job *job),
                 void *context, struct job_pool **ret) must_check;
/* The job belongs to the pool until it is done. */
void job_pool_add(struct job_pool *p, struct ike_job *job);

#endif
