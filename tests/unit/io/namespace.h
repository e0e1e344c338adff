/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that need a network of their own: a fresh namespace with loopback up, or a skipped test (exit
 * 77). */
#ifndef TESTS_IO_NAMESPACE_H
#define TESTS_IO_NAMESPACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/netlink.h"

enum { SKIPPED = 77 };

static inline void namespace_or_skip(void)
{
    struct netlink *n;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        fprintf(stderr, "skipped: a network namespace needs root\n");
        exit(SKIPPED);
    }
    if (netlink_new(&n) < 0 || netlink_link_set_up(n, 1, true) < 0) {
        fprintf(stderr, "skipped: no loopback in a new namespace\n");
        exit(SKIPPED);
    }
    netlink_free(n);
}

static inline struct address addr(const char *text)
{
    struct address a = {0};
    assert_true(address_parse(text, &a));
    return a;
}

static inline struct prefix pfx(const char *text, uint8_t length)
{
    return (struct prefix){addr(text), length};
}

static inline int readable(int fd, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, milliseconds) > 0 && (p.revents & POLLIN);
}

#endif
