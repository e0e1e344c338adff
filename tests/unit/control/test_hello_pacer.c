/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that repeats hellos: while the loop is away, not while it is there, not for longer than the
 * patience, and never what was dropped. Real time; nothing depends on how fast the machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <unistd.h>

#include "control/redundancy/hello_pacer.h"
#include "io/clock.h"

#define MS NS_PER_MS

static _Atomic unsigned sent[3]; /* by interface */

static int count(void *context, uint32_t ifindex, struct bytes frame)
{
    assert_ptr_equal(context, sent);
    assert_true(ifindex < 3 && frame.len == 4 && frame.data[0] == 'h' && frame.data[3] == '0' + ifindex);
    sent[ifindex]++;
    return 0;
}

static bool comes(const _Atomic unsigned *what, unsigned at_least)
{
    for (unsigned i = 0; i < 10000 && *what < at_least; i++)
        usleep(1000);
    return *what >= at_least;
}

static void test_bridges(void **state)
{
    (void)state;
    struct hello_pacer *p;
    int one, two;
    sent[1] = sent[2] = 0;
    assert_int_equal(hello_pacer_new(60 * NS_PER_S, count, sent, &p), 0);
    hello_pacer_put(p, &one, 1, bytes_of("hel1", 4), 3 * MS, clock_now());
    assert_true(comes(&sent[1], 5));
    hello_pacer_put(p, &two, 2, bytes_of("hel2", 4), 3 * MS, clock_now());
    assert_true(comes(&sent[2], 5));
    hello_pacer_drop(p, &one);
    unsigned then = sent[1];
    assert_true(comes(&sent[2], sent[2] + 5));
    assert_int_equal(sent[1], then);
    hello_pacer_drop(p, &one);
    assert_int_equal(hello_pacer_sent(p), sent[1] + sent[2]);
    hello_pacer_free(p);
    then = sent[2];
    usleep(20000);
    assert_int_equal(sent[2], then);
}

/* A loop that is in time leaves it nothing to do: what is due in an hour is not sent now. */
static void test_quiet(void **state)
{
    (void)state;
    struct hello_pacer *p;
    int one;
    sent[1] = 0;
    assert_int_equal(hello_pacer_new(60 * NS_PER_S, count, sent, &p), 0);
    for (unsigned i = 0; i < 50; i++) {
        hello_pacer_put(p, &one, 1, bytes_of("hel1", 4), 3600 * NS_PER_S, clock_now());
        hello_pacer_alive(p, clock_now());
        usleep(1000);
    }
    assert_int_equal(sent[1], 0);
    uint8_t big[HELLO_PACER_FRAME + 1] = {0};
    hello_pacer_put(p, &sent, 2, bytes_of(big, sizeof big), 1 * MS, clock_now());
    usleep(10000);
    assert_int_equal(hello_pacer_sent(p), 0);
    hello_pacer_free(p);
}

/* A loop that hangs loses its role. */
static void test_patience(void **state)
{
    (void)state;
    struct hello_pacer *p;
    int one;
    sent[1] = 0;
    assert_int_equal(hello_pacer_new(40 * MS, count, sent, &p), 0);
    hello_pacer_put(p, &one, 1, bytes_of("hel1", 4), 1 * MS, clock_now());
    usleep(200000);
    unsigned most = sent[1];
    assert_true(most <= 41);
    usleep(50000);
    assert_int_equal(sent[1], most);
    hello_pacer_alive(p, clock_now() + 3600 * NS_PER_S); /* it is back */
    assert_true(comes(&sent[1], most + 3));
    hello_pacer_free(p);
}

static void test_full(void **state)
{
    (void)state;
    struct hello_pacer *p;
    static char owners[HELLO_PACER_ENTRIES + 1];
    sent[1] = sent[2] = 0;
    assert_int_equal(hello_pacer_new(60 * NS_PER_S, count, sent, &p), 0);
    for (unsigned i = 0; i < HELLO_PACER_ENTRIES; i++)
        hello_pacer_put(p, &owners[i], 1, bytes_of("hel1", 4), 3600 * NS_PER_S, clock_now());
    hello_pacer_put(p, &owners[HELLO_PACER_ENTRIES], 2, bytes_of("hel2", 4), 1 * MS, clock_now());
    usleep(20000);
    assert_int_equal(sent[2], 0);
    hello_pacer_drop(p, &owners[0]);
    hello_pacer_put(p, &owners[HELLO_PACER_ENTRIES], 2, bytes_of("hel2", 4), 1 * MS, clock_now());
    assert_true(comes(&sent[2], 3));
    hello_pacer_free(p);
    hello_pacer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bridges),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
