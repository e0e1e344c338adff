/* SPDX-License-Identifier: Apache-2.0 */
/* A watch: a child that captures at one end of a link, inside the fabric, and counts packets by kind and
 * direction as seen from the node there. Called by run.c. Always holds: it sees what the node sends even
 * while the link is cut off beyond it or drops everything; captures that the kernel had to drop are counted
 * and told, so that "none seen" is never said of packets nobody looked at. */
#ifndef LAB_WATCH_H
#define LAB_WATCH_H

#include <sys/types.h>

#include "lab/packet_kind.h"
#include "lab/scenario.h"

enum { CAPTURE_IN, CAPTURE_OUT, CAPTURE_DIRECTIONS };

struct capture_counts {
    uint64_t packets[PACKET_KINDS][CAPTURE_DIRECTIONS];
    uint64_t missed; /* the kernel could not keep them for us */
};

struct capture_shared;

struct capture {
    struct capture_shared *shared; /* NULL: not started */
    pid_t child;
    struct capture_counts base; /* counts at the last reset */
};

int capture_start(struct capture *c, const struct watch *watch, int fabric_ns, char error[128]) must_check;
void capture_done(struct capture *c);
void capture_reset(struct capture *c);
/* Since the last reset. */
struct capture_counts capture_read(const struct capture *c);
uint64_t capture_count(const struct capture_counts *c, enum packet_kind kind, enum watch_direction direction);
/* What the first packet in clear was; "" if there was none. */
const char *capture_first_clear(const struct capture *c);

#endif
