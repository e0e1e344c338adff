/* SPDX-License-Identifier: Apache-2.0 */
/* The log ring: what is kept when it wraps, over a restart, after a writer killed in the middle, from a
 * foreign region. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/log.h"

enum { REGION = 8192 };

static char all[65536];

static void line_note(void *context, struct bytes line)
{
    ++*(unsigned *)context;
    strncat(all, (const char *)line.data, line.len);
}

static unsigned lines_read(struct log *l)
{
    unsigned n = 0;

    all[0] = 0;
    log_each(l, line_note, &n);
    return n;
}

static void *region_new(void)
{
    void *r = calloc(1, REGION);
    assert_non_null(r);
    return r;
}

/* Lines also go to standard error or syslog; here to a stderr that nobody reads. */
static struct log *log_open(void *region)
{
    struct log *l = log_new(region, REGION, true);
    assert_non_null(l);
    return l;
}

static void lines_have_the_fields_form(void **state)
{
    (void)state;
    void *region = region_new();
    struct log *l = log_open(region);

    log_line(l, "CRYPTO", 6, "ISAKMP_ON_OFF", "ISAKMP is %s", "ON");
    log_debug(l, "ISAKMP", "a\nb");
    assert_int_equal(lines_read(l), 2);
    assert_int_equal(all[0], '*');
    assert_non_null(strstr(all, ": %CRYPTO-6-ISAKMP_ON_OFF: ISAKMP is ON\n"));
    assert_non_null(strstr(all, ": ISAKMP: a b\n")); /* one line stays one line */
    log_clear(l);
    assert_int_equal(lines_read(l), 0);
    log_free(l);
    free(region);
}

static void old_lines_give_way_whole(void **state)
{
    (void)state;
    void *region = region_new();
    struct log *l = log_open(region);

    for (unsigned i = 0; i < 1000; i++)
        log_line(l, "T", 5, "N", "number %u %.*s|", i, (int)(i % 50),
                 "..................................................");
    unsigned n = lines_read(l);
    assert_true(n > 50 && n < 400);
    assert_non_null(strstr(all, "number 999 "));
    assert_null(strstr(all, "number 10 "));
    for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
        assert_int_equal(line[0], '*');
        assert_int_equal(line[strlen(line) - 1], '|');
    }
    assert_int_equal(log_count(l), 1000);
    log_free(l);
    /* A successor finds them. */
    l = log_open(region);
    assert_int_equal(lines_read(l), n);
    log_line(l, "T", 5, "N", "after");
    lines_read(l);
    assert_non_null(strstr(all, "after"));
    log_free(l);
    free(region);
}

static void foreign_and_small_regions(void **state)
{
    (void)state;
    uint8_t *region = region_new();

    memset(region, 0xa5, REGION);
    struct log *l = log_open(region);
    assert_int_equal(lines_read(l), 0);
    log_line(l, "T", 5, "N", "x");
    assert_int_equal(lines_read(l), 1);
    log_free(l);
    l = log_new(region, 100, true);
    log_line(l, "T", 5, "N", "no ring, no crash");
    assert_int_equal(lines_read(l), 0);
    log_free(l);
    free(region);
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    void *region = region_new();
    struct log *l = log_open(region);
    char big[4000];

    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    log_line(l, "T", 5, "N", "%s", big);
    assert_int_equal(lines_read(l), 1);
    assert_true(strlen(all) <= LOG_LINE_MAX);
    log_free(l);
    free(region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_the_fields_form),
        cmocka_unit_test(old_lines_give_way_whole),
        cmocka_unit_test(foreign_and_small_regions),
        cmocka_unit_test(long_lines_are_cut),
    };

    if (!freopen("/dev/null", "w", stderr))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
