/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated process: memory of its own, and a death that may come at any moment at which it asks the kernel
 * for something. While it runs (process_run) every malloc of the program is its (memory.c is linked in place
 * of malloc's callers' own); when it dies all of that is freed, as a kernel does. What a simulated kernel or
 * the world allocates on its behalf is not its: process_leave before, process_return after. */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include <setjmp.h>

#include "site/site.h"

struct kernel;
struct loop;

struct process {
    struct site_node *node;
    struct kernel *kernel;
    enum node_role role;
    bool alive, ended;      /* ended: by itself, in good order */
    uint64_t life;          /* counts processes in this place */
    uint64_t calls, die_at; /* the call of the kernel at which it dies; 0: it does not */
    jmp_buf out;

    struct block *blocks; /* its memory */
    uint64_t block_count;
    size_t bytes, bytes_peak;

    ns turn_at; /* when its loop goes on; NS_NEVER: not before something happens */
    uint64_t turn_number;
    struct loop *loop; /* control: loop.c */
    void *program;     /* struct control, struct engine */
};

extern struct process *process_current; /* NULL: the world runs */

/* False: it died meanwhile; its memory is gone. */
bool process_run(struct process *p, void (*run)(struct process *p, void *argument), void *argument);
/* From outside. */
void process_die(struct process *p);

/* In each function that stands for a call of the kernel, first. */
void process_point(void);
struct process *process_leave(void);
void process_return(struct process *p);

/* Blocks that belong to nobody and were not freed. */
uint64_t memory_world_blocks(void);

#endif
