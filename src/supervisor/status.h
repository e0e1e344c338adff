/* SPDX-License-Identifier: Apache-2.0 */
/* What supervisor and control say to each other over HANDOVER_SUPERVISOR. Stopping and reloading are signals
 * (SIGTERM, SIGHUP); nothing waits for an answer. */
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include "base/time.h"

enum supervisor_message_type {
    SUPERVISOR_STATUS = 1, /* supervisor -> control: at control's start and whenever a process came or went */
    SUPERVISOR_READY,      /* control -> supervisor: the configuration is in force */
    SUPERVISOR_LOG,        /* supervisor -> control: a line for the log */
};

enum { SUPERVISOR_PROCESSES = 3, SUPERVISOR_TEXT = 160 };

struct supervisor_process {
    char name[16]; /* supervisor, control, engine */
    int32_t pid;   /* 0: not running */
    uint32_t starts;
    ns started;
    ns last_exit; /* 0: never */
    char last_reason[64];
};

struct supervisor_message {
    uint32_t type; /* enum supervisor_message_type */
    uint32_t severity;
    union {
        struct supervisor_process processes[SUPERVISOR_PROCESSES];
        char text[SUPERVISOR_TEXT];
    };
};

#endif
