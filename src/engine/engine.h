/* SPDX-License-Identifier: Apache-2.0 */
/* The engine process: the packet path of the gateway. The supervisor starts it with the descriptors of
 * supervisor/handover.h in place, and starts another one when it dies: everything that a successor needs is
 * in the shared memory and in the kernel's queues, so a death at any moment costs what was in its hands and
 * nothing else. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

/* Serves until SIGTERM. Returns the exit status: 0, or 1 with one line on standard error. */
int engine_main(void);

#endif
