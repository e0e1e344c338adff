/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps an Active router's hellos on time while control's loop is busy: a thread that holds the frames which
 * the loop sent last and sends them again when the loop is late with the next ones. The loop decides
 * everything; the thread only repeats, and only for as long as the loop may be away (`patience`), so a
 * control process that hangs still loses its roles. A frozen or dead process sends nothing. Called by
 * redundancy.c and group.c, for groups whose hold time is below a second. */
#ifndef CONTROL_REDUNDANCY_HELLO_PACER_H
#define CONTROL_REDUNDANCY_HELLO_PACER_H

#include "base/bytes.h"
#include "base/time.h"

enum { HELLO_PACER_ENTRIES = 256, HELLO_PACER_FRAME = 256 };

struct hello_pacer;

/* `send` is called in the threads, never twice at a time. -ENOMEM, or what the threads could not be started
 * with. */
int hello_pacer_new(ns patience, int (*send)(void *context, uint32_t ifindex, struct bytes frame),
                    void *context, struct hello_pacer **ret) must_check;
void hello_pacer_free(struct hello_pacer *p);
/* The loop sent `frame` at `now` and will again in `interval`. Where there is no room it is not kept. */
void hello_pacer_put(struct hello_pacer *p, const void *owner, uint32_t ifindex, struct bytes frame,
                     ns interval, ns now);
/* Its owner says nothing any more, or something else. */
void hello_pacer_drop(struct hello_pacer *p, const void *owner);
/* The loop is there. */
void hello_pacer_alive(struct hello_pacer *p, ns now);
/* Frames that the threads sent. */
uint64_t hello_pacer_sent(const struct hello_pacer *p);

#endif
