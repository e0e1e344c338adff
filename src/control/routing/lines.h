/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of FRR's configuration as a list, and what turns one list into another. Pure. A line knows how it is
 * taken back; two lines of a context with the same way back are the same setting, so a new value replaces the
 * old one without a moment between them. */
#ifndef CONTROL_ROUTING_LINES_H
#define CONTROL_ROUTING_LINES_H

#include "config/text.h"

struct routing_line {
    char *context; /* "router ospf", "interface lan0"; "": the global one */
    char *line;
    char *undo; /* "": stays where it is not wanted any more */
};

struct routing_lines {
    struct routing_line *items; /* in the order in which FRR is told */
    uint32_t count, capacity;
    bool failed; /* no memory: sticky */
};

void routing_lines_done(struct routing_lines *l);
void routing_lines_add(struct routing_lines *l, const char *context, const char *line, const char *undo);
/* Leaves the first of each setting of a context. */
void routing_lines_unique(struct routing_lines *l);
/* Forgets the lines of which `of` is true. */
void routing_lines_forget(struct routing_lines *l, bool (*of)(const struct routing_line *line));
/* What vtysh reads to get from `before` to `after`; nothing where they are the same. */
void routing_lines_change(const struct routing_lines *before, const struct routing_lines *after,
                          struct text *out);

/* To a text of our own and back, for a successor of this process. False: this is no such text. */
void routing_lines_store(const struct routing_lines *l, struct text *out);
bool routing_lines_load(struct routing_lines *ret, const char *text);

#endif
