/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast lab up|run|exec|cli|fault|list|down`: scenarios on one machine. The command `holdfast` calls this
 * with argv[0] = "lab". Needs root. docs/lab.md is the manual. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

/* Returns the exit code: 0 good (`run`: all checks hold), 1 failed, 2 wrong usage or a mistake in a scenario.
 */
int lab_main(int argc, char **argv);

#endif
