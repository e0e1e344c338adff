/* SPDX-License-Identifier: Apache-2.0 */
/* A recorder: a child that writes everything at one end of a link into a pcapng file, for the judge. It
 * listens on the fabric's port as a watch does (watch.h), through a ring shared with the kernel, and ends its
 * file with the number of packets that the kernel could not keep. Called by run.c and judge_step.c.
 *
 * Always holds: directions are as the node sees them; a packet that offloads merged is written as the packets
 * that the wire would have; the file is for root alone; a file without its end block is one that nobody may
 * trust, so whatever goes wrong here is seen by the judge. */
#ifndef LAB_RECORDER_H
#define LAB_RECORDER_H

#include <sys/types.h>

#include "lab/scenario.h"

struct recorder_shared;

struct recorder {
    struct recorder_shared *shared; /* NULL: never started */
    pid_t child;                    /* 0: ended */
    char path[256];
};

/* Files go into `folder`, which must be there. */
int recorder_start(struct recorder *r, const struct lab_capture *capture, const char *folder, int fabric_ns,
                   char error[128]) must_check;
/* Writes what is under way and ends the file. Several calls are harmless. False: the file is not in order. */
bool recorder_stop(struct recorder *r);
void recorder_done(struct recorder *r);

#endif
