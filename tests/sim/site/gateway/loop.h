/* SPDX-License-Identifier: Apache-2.0 */
/* libuv's event loop on virtual time, for the control process: the functions of libuv that src/control calls,
 * as libuv documents them. A turn of the loop is a happening of the schedule: the descriptors that are
 * readable, checks, handles that close, timers that are due (with libuv's milliseconds), prepares; then the
 * loop waits, until its next timer or until the kernel wakes it. */
#ifndef SIM_LOOP_H
#define SIM_LOOP_H

#include "site/gateway/process.h"

/* One turn, in the process. */
void event_loop_turn(struct process *p);
/* When the next one is due without anything happening, by the process's clock. NS_NEVER: never. */
ns event_loop_deadline(const struct process *p);
bool event_loop_stopped(const struct process *p);
/* The handlers of SIGTERM. */
void event_loop_signal(struct process *p, int signal);

/* loop_tcp.c: the streams of the loop; true: one of them has something to do. */
struct uv_tcp_s;
bool event_loop_stream_ready(struct kernel *k, struct uv_tcp_s *t);
void event_loop_stream_serve(struct kernel *k, struct uv_tcp_s *t);
void event_loop_stream_close(struct kernel *k, struct uv_tcp_s *t);
void event_loop_stream_watch(struct uv_tcp_s *t, bool on);

#endif
