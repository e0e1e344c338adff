/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time: a heap of things to come. Equal times keep the order in which they were put, so a run is
 * determined by its seed alone. */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include "base/bytes.h"
#include "base/time.h"

struct happening {
    ns at;
    uint64_t order;
    void (*run)(void *context, struct happening *h);
    void (*drop)(
        struct happening *h); /* frees `data` when the run ends with this still to come; may be NULL */
    void *context;
    uint64_t number; /* the happening's own */
    void *data;
    size_t len;
};

/* The heap moves these; a happening stays where it was put. */
struct schedule_entry {
    ns at;
    uint64_t order;
    uint32_t place;
};

struct schedule {
    struct schedule_entry *heap; /* places beyond `count` name the happenings that are free */
    struct happening *happenings;
    uint32_t count, room;
    uint64_t order;
    ns now;
};

void schedule_init(struct schedule *s, ns start);
void schedule_done(struct schedule *s);
void schedule_put(struct schedule *s, struct happening h);
/* Runs what comes next. False when nothing does before `until`; the time is then `until`. */
bool schedule_step(struct schedule *s, ns until);

#endif
