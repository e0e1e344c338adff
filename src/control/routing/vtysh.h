/* SPDX-License-Identifier: Apache-2.0 */
/* One run of vtysh as a child of the event loop, with its output collected. Used by routing.c. */
#ifndef CONTROL_ROUTING_VTYSH_H
#define CONTROL_ROUTING_VTYSH_H

#include "base/bytes.h" /* before uv.h */

#include <uv.h>

/* Ended by itself (`status` its exit code) or by us (-1). `output` ends in NUL and has no control
 * characters but ends of lines and tabs. */
typedef void vtysh_done(void *context, int status, const char *output);

struct vtysh;

/* Where FRR's sockets are. */
const char *vtysh_directory(void);
/* The identity of FRR's `daemon` ("zebra"), another one after its next start; 0: it is not there. */
uint64_t vtysh_daemon(const char *daemon);
/* Whether it answers. */
bool vtysh_daemon_answers(const char *daemon);
/* `vtysh OPTION ARGUMENT` (-f FILE, -c COMMAND). -ENOENT: there is no vtysh. The run is ended after 20 s. */
int vtysh_run(uv_loop_t *loop, const char *option, const char *argument, vtysh_done *done, void *context,
              struct vtysh **ret) must_check;
/* Nobody wants to know the outcome any more. */
void vtysh_forget(struct vtysh *v);
/* The same without an event loop, for the end: waits at most `ms`. True: it ended well. */
bool vtysh_run_and_wait(const char *option, const char *argument, unsigned ms);

#endif
