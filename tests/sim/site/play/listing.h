/* SPDX-License-Identifier: Apache-2.0 */
/* Who said what when: lines with their time, made short. What the same one said within the last half second
 * already is counted there and not said again. Pure; played scenarios write it, golden files keep it. */
#ifndef SIM_SITE_LISTING_H
#define SIM_SITE_LISTING_H

#include <stdbool.h>
#include <stdio.h>

#include "base/time.h"

struct listing_line {
    ns time, last;
    unsigned times;
    char *who, *text;
};

struct listing {
    struct listing_line *lines;
    size_t count, room;
    ns start;    /* times are shown from there, in ms */
    bool paused; /* what is added is not kept */
};

void listing_add(struct listing *l, ns time, const char *who, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void listing_print(const struct listing *l, FILE *out);
void listing_done(struct listing *l);

#endif
