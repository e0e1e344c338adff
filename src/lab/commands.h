/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `holdfast lab`, shared between lab.c (which chooses), lab_run.c (`run`) and commands.c
 * (the rest). */
#ifndef LAB_COMMANDS_H
#define LAB_COMMANDS_H

#include "lab/registry.h"
#include "lab/run.h"

enum { LAB_OK = 0, LAB_FAILED = 1, LAB_USAGE = 2 };

struct lab_options {
    const char *name;    /* --name */
    const char *variant; /* --variant */
    const char *json;    /* --json */
    bool keep, verbose, all;
};

int lab_run(const struct lab_options *o, const char *folder);
int lab_up(const struct lab_options *o, const char *folder);
int lab_down(const struct lab_options *o, const char *name);
int lab_list(void);
/* argv: NODE COMMAND... */
int lab_exec(const struct lab_options *o, int argc, char **argv);
int lab_cli(const struct lab_options *o, int argc, char **argv);
/* argv: the words of a step */
int lab_fault(const struct lab_options *o, int argc, char **argv);
/* argv[0]: "judge" */
int lab_judge(int argc, char **argv);

/* A name for a lab of the scenario; prints why not. False on failure. */
bool lab_claim(const struct lab_options *o, const struct scenario *s, char ret_name[LAB_NAME]);
struct run *run_new(const struct scenario *s, const char *lab, bool verbose);

#endif
