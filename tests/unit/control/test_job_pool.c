/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of key exchanges: each job comes back once, on the loop, with its work done, however many there
 * are and wherever they were added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/job_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "ike/machine.h"

enum { JOBS = 500, AGAIN = 100, GROUP = 19 };

static uint8_t back[JOBS + AGAIN];
static unsigned count, again;
static uv_loop_t loop;
static struct job_pool *pool;
static pthread_t loop_thread;

static struct ike_job *job_make(uint64_t number)
{
    struct ike_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->sa = number;
    job->group = GROUP;
    job->generate = true;
    for (size_t i = 0; i < sizeof job->seed; i++)
        job->seed[i] = (uint8_t)(number >> i % 8);
    return job;
}

static void done(void *context, struct ike_job *job)
{
    assert_ptr_equal(context, &count);
    assert_true(pthread_equal(pthread_self(), loop_thread));
    assert_in_range(job->sa, 0, JOBS + AGAIN - 1);
    assert_int_equal(0, back[job->sa]++);
    assert_int_equal(0, job->result);
    ike_job_free(job);
    if (again < AGAIN)
        job_pool_add(pool, job_make(JOBS + again++)); /* from within */
    if (++count == JOBS + AGAIN)
        uv_stop(&loop);
}

static void every_job_comes_back_once(void **state)
{
    (void)state;
    assert_int_equal(0, crypto_init());
    loop_thread = pthread_self();
    assert_int_equal(0, uv_loop_init(&loop));
    assert_int_equal(0, job_pool_new(&loop, 3, done, &count, &pool));
    for (uint64_t i = 0; i < JOBS; i++)
        job_pool_add(pool, job_make(i));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(JOBS + AGAIN, count);
    for (unsigned i = 0; i < JOBS + AGAIN; i++)
        assert_int_equal(1, back[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_job_comes_back_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
