/* SPDX-License-Identifier: Apache-2.0 */
/* How long control's loop is away from its sockets and timers: the pause of one turn is its time less what it
 * waited for events. With hellos every 15 ms a long pause is a hello that comes late. Parts that may take
 * long call themselves sections; the longest pause is told with the section that took most of it. Called by
 * control's parts; `show processes` prints it. */
#ifndef CONTROL_LOOP_WATCH_H
#define CONTROL_LOOP_WATCH_H

#include "base/bytes.h" /* before uv.h, which brings macros of the same names */

#include <uv.h>

#include "base/time.h"

enum { LOOP_PAUSE_CLASSES = 4 };

/* Lower ends of the classes that pauses are counted in. */
extern const ns loop_pause_classes[LOOP_PAUSE_CLASSES];

struct loop_pause {
    ns length, at;    /* at: when it ended; 0: none yet */
    const char *what; /* the longest section of that turn; NULL: none */
    ns what_length;
};

struct loop_watch {
    uv_prepare_t prepare;
    ns turn_began, idle_before;
    struct loop_pause turn; /* under way */
    ns what_began;
    struct loop_pause longest;
    uint64_t counts[LOOP_PAUSE_CLASSES]; /* of pauses of at least so long */
};

int loop_watch_begin(struct loop_watch *w, uv_loop_t *loop) must_check;
/* From now on: what came before, the start of the process, does not count. */
void loop_watch_reset(struct loop_watch *w);
/* A section that began at `began` is over; `what` is a literal. Of nested ones the inner counts if it took
 * half of the outer. */
void loop_section(struct loop_watch *w, const char *what, ns began, ns now);
/* A turn ended at `now`; the loop has waited `idle` in all since it began. */
void loop_turn(struct loop_watch *w, ns now, ns idle);

#endif
