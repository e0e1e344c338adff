/* SPDX-License-Identifier: Apache-2.0 */
/* The canaries as processes: one that is stopped for a while must say so, and none is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/canary.h"
#include "lab/process.h"

static void test_a_stopped_canary_tells(void **state)
{
    (void)state;
    struct canary c;
    const struct stall_log *logs[CANARY_CPUS];
    struct stall_span told;
    unsigned cpu;
    assert_int_equal(canary_start(&c), 0);
    assert_true(c.count > 0);
    assert_int_equal(canary_logs(&c, logs), c.count);
    pid_t pid = c.pids[CANARY_URGENT][c.count - 1];
    ns from = lab_now();
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    ns stopped = lab_now();
    usleep(80000);
    ns woken = lab_now();
    assert_int_equal(kill(pid, SIGCONT), 0);
    const struct stall_log *log = logs[c.count - 1];
    for (unsigned i = 0; i < 5000 && log->longest < woken - stopped - 2 * NS_PER_MS; i++)
        usleep(1000);
    ns until = lab_now();
    assert_true(stall_within(logs, c.count, from, until) >= woken - stopped - 2 * NS_PER_MS);
    bool seen = false;
    while (canary_stall(&c, &told, &cpu))
        seen |= cpu == c.cpu[c.count - 1] && told.from >= from && told.until <= until;
    assert_true(seen);
    assert_true(c.pids[CANARY_KERNEL][0] > 0 && (c.count < 2 || c.pids[CANARY_KERNEL][1] == 0));
    canary_done(&c);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(canary_logs(&c, logs), 0);
    canary_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_stopped_canary_tells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
