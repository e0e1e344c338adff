/* SPDX-License-Identifier: Apache-2.0 */
/* The control process: configuration, IKE, routes, the command's socket. The supervisor starts it with the
 * descriptors of supervisor/handover.h in place, and another one when it dies; what a successor needs is in
 * the shared memory. */
#ifndef CONTROL_CONTROL_MAIN_H
#define CONTROL_CONTROL_MAIN_H

#include <stdbool.h>

struct control;

/* Serves until SIGTERM. Returns the exit status. */
int control_main(const char *config_file, const char *run_directory, bool foreground);
/* The same up to the event loop, which is to be run now. NULL: it cannot serve; the log says why. */
struct control *control_begin(const char *config_file, const char *run_directory, bool foreground);

/* Reads the configuration, prints what is wrong with it on standard error and touches nothing else. 0: it can
 * be used; 2: it cannot; 1: the file cannot be read. `all`: warnings and notes too. */
int control_check(const char *config_file, bool all);

#endif
